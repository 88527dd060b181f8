//! A vault in a file that a passphrase seals, by `age`.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use age::secrecy::{ExposeSecret, SecretString};
use age::{Decryptor, Encryptor, scrypt};
use serde::{Deserialize, Serialize};

use super::{Entry, Reference, Vault, VaultError};

/// The cost of a passphrase, as a power of two: about 32 MiB, and a tenth of a second.
const WORK: u8 = 15;

/// The most that is spent on a file from elsewhere.
const MOST_WORK: u8 = 20;

/// The largest file, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// A file that a passphrase seals. Several processes may use it at once.
#[derive(Debug)]
pub struct SealedFile {
    path: PathBuf,
    passphrase: SecretString,
    work: u8,
    /// What was read, and the file as it was then.
    read: Mutex<Option<(Stamp, Entries)>>,
}

type Entries = BTreeMap<Reference, Entry>;

/// By what one knows that a file is another.
type Stamp = (u64, Option<SystemTime>);

#[derive(Serialize, Deserialize)]
struct Kept {
    label: String,
    secret: String,
}

impl SealedFile {
    /// The vault in this file, which is made when something is put into it.
    pub fn new(path: impl Into<PathBuf>, passphrase: SecretString) -> Self {
        Self { path: path.into(), passphrase, work: WORK, read: Mutex::default() }
    }

    /// The same, with another cost for what is written, as a power of two: for tests.
    pub fn with_work(self, work: u8) -> Self {
        Self { work, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn failed(&self, source: io::Error) -> VaultError {
        VaultError::File { path: self.path.display().to_string(), source }
    }

    fn damaged(&self) -> VaultError {
        VaultError::Damaged(self.path.display().to_string())
    }

    fn read(&self) -> MutexGuard<'_, Option<(Stamp, Entries)>> {
        self.read.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is in the file.
    fn entries(&self) -> Result<Entries, VaultError> {
        let stamp = match fs::metadata(&self.path) {
            Ok(metadata) => (metadata.len(), metadata.modified().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::new()),
            Err(error) => return Err(self.failed(error)),
        };
        if let Some((_, entries)) = self.read().as_ref().filter(|(read, _)| *read == stamp) {
            return Ok(entries.clone());
        }
        if stamp.0 > MAX_FILE {
            return Err(self.damaged());
        }
        let sealed = fs::read(&self.path).map_err(|error| self.failed(error))?;
        let decryptor = Decryptor::new(&sealed[..]).map_err(|_| self.damaged())?;
        let mut identity = scrypt::Identity::new(self.passphrase.clone());
        identity.set_max_work_factor(MOST_WORK);
        let mut plain = Vec::new();
        let opened = decryptor.decrypt([&identity as &dyn age::Identity].into_iter());
        let mut opened = opened.map_err(|_| VaultError::Passphrase(self.path.display().to_string()))?;
        opened.read_to_end(&mut plain).map_err(|_| self.damaged())?;
        let kept: BTreeMap<String, Kept> = serde_json::from_slice(&plain).map_err(|_| self.damaged())?;
        plain.fill(0);
        let mut entries = Entries::new();
        for (reference, Kept { label, secret }) in kept {
            entries.insert(reference.parse()?, Entry { label, secret: secret.into() });
        }
        *self.read() = Some((stamp, entries.clone()));
        Ok(entries)
    }

    /// Changes what is in the file: all of it, or nothing.
    fn change<T>(&self, change: impl FnOnce(&mut Entries) -> (bool, T)) -> Result<T, VaultError> {
        let failed = |error| self.failed(error);
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(self.beside("lock"))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        let mut entries = self.entries()?;
        let (is_changed, answer) = change(&mut entries);
        if is_changed {
            self.write(&entries)?;
        }
        Ok(answer)
    }

    fn write(&self, entries: &Entries) -> Result<(), VaultError> {
        let failed = |error| self.failed(error);
        let kept = |entry: &Entry| Kept { label: entry.label.clone(), secret: entry.secret.expose_secret().to_owned() };
        let kept: BTreeMap<&str, Kept> =
            entries.iter().map(|(reference, entry)| (reference.as_str(), kept(entry))).collect();
        let mut plain = serde_json::to_vec(&kept).expect("texts");
        let mut recipient = scrypt::Recipient::new(self.passphrase.clone());
        recipient.set_work_factor(self.work);
        let encryptor = Encryptor::with_recipients([&recipient as &dyn age::Recipient].into_iter());
        let encryptor = encryptor.expect("one passphrase is one recipient");
        let new = self.beside("new");
        let file = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&new).map_err(failed)?;
        let mut sealed = encryptor.wrap_output(file).map_err(failed)?;
        sealed.write_all(&plain).map_err(failed)?;
        plain.fill(0);
        let file = sealed.finish().map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&new, &self.path).map_err(failed)?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            // The name is durable too, where a folder can be.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        *self.read() = None;
        Ok(())
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".");
        name.push(ending);
        name.into()
    }
}

/// For its owner alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

impl Vault for SealedFile {
    fn name(&self) -> String {
        format!("the file {}", self.path.display())
    }

    fn put_new(&self, reference: &Reference, entry: Entry) -> Result<Entry, VaultError> {
        self.change(|entries| {
            let is_new = !entries.contains_key(reference);
            (is_new, entries.entry(reference.clone()).or_insert(entry).clone())
        })
    }

    fn entry(&self, reference: &Reference) -> Result<Option<Entry>, VaultError> {
        Ok(self.entries()?.remove(reference))
    }

    fn forget(&self, reference: &Reference) -> Result<bool, VaultError> {
        self.change(|entries| {
            let was_there = entries.remove(reference).is_some();
            (was_there, was_there)
        })
    }

    fn list(&self) -> Result<Vec<(Reference, String)>, VaultError> {
        Ok(self.entries()?.into_iter().map(|(reference, entry)| (reference, entry.label)).collect())
    }
}
