//! The keychain of the operating system.

use age::secrecy::{ExposeSecret, SecretString};
use keyring::{Entry as Kept, Error};
use serde::{Deserialize, Serialize};

use super::{Entry, Reference, Vault, VaultError};

/// Under what the secrets stand there.
const SERVICE: &str = "streams-vault";

/// Where the list of them stands, since a keychain does not list.
const LIST: &str = "list";

/// The keychain of the operating system: that of macOS, the credentials of Windows, the Secret Service elsewhere.
#[derive(Debug)]
pub struct Keychain(());

#[derive(Serialize, Deserialize)]
struct Labelled {
    label: String,
    secret: String,
}

impl Keychain {
    /// The keychain, where there is one that answers.
    pub fn open() -> Result<Self, VaultError> {
        let keychain = Self(());
        keychain.references()?;
        Ok(keychain)
    }

    fn read(name: &str) -> Result<Option<String>, VaultError> {
        match Kept::new(SERVICE, name).and_then(|kept| kept.get_password()) {
            Ok(text) => Ok(Some(text)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn write(name: &str, text: &str) -> Result<(), VaultError> {
        Kept::new(SERVICE, name).and_then(|kept| kept.set_password(text)).map_err(failed)
    }

    fn references(&self) -> Result<Vec<Reference>, VaultError> {
        let list = Self::read(LIST)?.unwrap_or_default();
        list.split_whitespace().map(str::parse).collect()
    }

    fn write_references(&self, references: &[Reference]) -> Result<(), VaultError> {
        Self::write(LIST, &references.iter().map(Reference::as_str).collect::<Vec<_>>().join("\n"))
    }
}

fn failed(error: Error) -> VaultError {
    VaultError::Keychain(error.to_string())
}

impl Vault for Keychain {
    fn name(&self) -> String {
        "the keychain of the system".into()
    }

    fn put_new(&self, reference: &Reference, entry: Entry) -> Result<Entry, VaultError> {
        if let Some(there) = self.entry(reference)? {
            return Ok(there);
        }
        // It is listed first: what is listed and not there is not told of.
        let mut references = self.references()?;
        if !references.contains(reference) {
            references.push(reference.clone());
            self.write_references(&references)?;
        }
        let labelled = Labelled { label: entry.label.clone(), secret: entry.secret.expose_secret().to_owned() };
        Self::write(reference.as_str(), &serde_json::to_string(&labelled).expect("texts"))?;
        Ok(entry)
    }

    fn entry(&self, reference: &Reference) -> Result<Option<Entry>, VaultError> {
        let Some(text) = Self::read(reference.as_str())? else { return Ok(None) };
        let Labelled { label, secret } = serde_json::from_str(&text).map_err(|_| VaultError::Damaged(self.name()))?;
        Ok(Some(Entry { label, secret: SecretString::from(secret) }))
    }

    fn forget(&self, reference: &Reference) -> Result<bool, VaultError> {
        let was_there = match Kept::new(SERVICE, reference.as_str()).and_then(|kept| kept.delete_credential()) {
            Ok(()) => true,
            Err(Error::NoEntry) => false,
            Err(error) => return Err(failed(error)),
        };
        let mut references = self.references()?;
        references.retain(|listed| listed != reference);
        self.write_references(&references)?;
        Ok(was_there)
    }

    fn list(&self) -> Result<Vec<(Reference, String)>, VaultError> {
        let mut listed = Vec::new();
        for reference in self.references()? {
            if let Some(entry) = self.entry(&reference)? {
                listed.push((reference, entry.label));
            }
        }
        listed.sort();
        Ok(listed)
    }
}
