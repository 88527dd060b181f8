//! Vaults: where credentials and keys are, and nowhere else.
//!
//! What is in a stream names a secret by a [`Reference`], which tells nothing. Secrets are [`SecretString`]s: they are not
//! shown by `Debug`, have no serde, and are wiped when they are dropped.

mod file;

mod keychain;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard};

pub use age::secrecy::{ExposeSecret, SecretString};
use data_encoding::HEXLOWER;
use streams_core::StreamId;

pub use self::file::SealedFile;
pub use self::keychain::Keychain;

/// By what a vault knows a secret: `cred-` and 32 random digits, or `seal-` and the id of a stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

/// A secret, and what its owner calls it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What its owner calls it. It stays in the vault, too.
    pub label: String,
    /// The secret.
    pub secret: SecretString,
}

/// Why a vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The text is no reference.
    #[error("{0:?} is no reference to a secret: those that `streams vault add` gives begin with cred-")]
    Reference(String),
    /// The file is there, and the passphrase does not open it.
    #[error("the passphrase does not open the vault {0}")]
    Passphrase(String),
    /// The file is no vault of this version.
    #[error("{0} is no vault, or was damaged")]
    Damaged(String),
    /// The file cannot be read or written.
    #[error("the vault {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The keychain of the system does not answer.
    #[error("the keychain of the system: {0}")]
    Keychain(String),
    /// It could not be opened.
    #[error("{0}")]
    Closed(String),
    /// There is no secret with this reference.
    #[error("the vault has no {0}")]
    Missing(Reference),
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    Randomness,
}

impl VaultError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reference(_) => "reference",
            Self::Passphrase(_) => "passphrase",
            Self::Damaged(_) => "damaged",
            Self::File { .. } => "file",
            Self::Keychain(_) => "keychain",
            Self::Closed(_) => "closed",
            Self::Missing(_) => "missing",
            Self::Randomness => "randomness",
        }
    }
}

/// Where secrets are.
pub trait Vault: Send + Sync + fmt::Debug {
    /// What kind of vault it is, and where, for people.
    fn name(&self) -> String;

    /// Puts a secret in, unless there is one with this reference; returns the one that is there then.
    fn put_new(&self, reference: &Reference, entry: Entry) -> Result<Entry, VaultError>;

    /// The secret with this reference; `None` where there is none.
    fn entry(&self, reference: &Reference) -> Result<Option<Entry>, VaultError>;

    /// Forgets a secret: nothing of it stays in the vault. Returns whether it was there.
    fn forget(&self, reference: &Reference) -> Result<bool, VaultError>;

    /// All references, ascending, with what their owner calls them.
    fn list(&self) -> Result<Vec<(Reference, String)>, VaultError>;
}

impl Reference {
    /// A fresh reference to a credential.
    pub fn credential() -> Result<Self, VaultError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| VaultError::Randomness)?;
        Ok(Self(format!("cred-{}", HEXLOWER.encode(&random))))
    }

    /// That to the key of a sealed stream.
    pub fn of_stream(stream: StreamId) -> Self {
        Self(format!("seal-{stream}"))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = VaultError;

    fn from_str(text: &str) -> Result<Self, VaultError> {
        let rest = text.strip_prefix("cred-").or_else(|| text.strip_prefix("seal-")).unwrap_or_default();
        let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        if (16..=80).contains(&rest.len()) && rest.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            // What was meant as a reference may be the secret itself.
            Err(VaultError::Reference(text.chars().take(5).chain(['…']).collect()))
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A vault in memory, gone with it.
#[derive(Debug, Default)]
pub struct MemoryVault {
    entries: Mutex<BTreeMap<Reference, Entry>>,
}

impl MemoryVault {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<Reference, Entry>> {
        self.entries.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Vault for MemoryVault {
    fn name(&self) -> String {
        "memory".into()
    }

    fn put_new(&self, reference: &Reference, entry: Entry) -> Result<Entry, VaultError> {
        Ok(self.entries().entry(reference.clone()).or_insert(entry).clone())
    }

    fn entry(&self, reference: &Reference) -> Result<Option<Entry>, VaultError> {
        Ok(self.entries().get(reference).cloned())
    }

    fn forget(&self, reference: &Reference) -> Result<bool, VaultError> {
        Ok(self.entries().remove(reference).is_some())
    }

    fn list(&self) -> Result<Vec<(Reference, String)>, VaultError> {
        Ok(self.entries().iter().map(|(reference, entry)| (reference.clone(), entry.label.clone())).collect())
    }
}
