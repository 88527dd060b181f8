//! A folder where packs wait until enough copies of them are elsewhere.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use streams_core::archive::ledger::Account;
use streams_core::archiver::shelf::{Draft, Shelf};
use streams_core::archiver::{ArchiverError, Body, FailureKind};

/// The file by which one process has the shelf to itself.
const LOCK: &str = "lock";

/// A shelf in a folder, for one process at a time.
///
/// The packs of an account are in `OWNER/STREAM`, each under its digest.
#[derive(Debug)]
pub struct FolderShelf {
    folder: PathBuf,
    drafts: AtomicU64,
    /// Held as long as the shelf is used, and let go by the operating system where the process ends.
    _lock: File,
}

impl FolderShelf {
    /// The shelf in a folder, which is made where there is none. What a crash left half written is taken away. Where
    /// another process uses it, the error is [`FailureKind::Conflict`].
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, ArchiverError> {
        let folder = folder.into();
        let failed = |error: io::Error| failed(&folder, error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK)).map_err(failed)?;
        if lock.try_lock().is_err() {
            let text = format!("another process keeps copies of this store: it uses {}", folder.display());
            return Err(ArchiverError::new(FailureKind::Conflict, text));
        }
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "draft") {
                fs::remove_file(path).map_err(failed)?;
            }
        }
        Ok(Self { folder, drafts: AtomicU64::new(0), _lock: lock })
    }

    fn of(&self, account: &Account) -> PathBuf {
        self.folder.join(account.owner.to_string()).join(account.stream.to_string())
    }

    fn path(&self, account: &Account, digest: &[u8; 32]) -> PathBuf {
        self.of(account).join(format!("{}.car", HEXLOWER.encode(digest)))
    }
}

#[async_trait]
impl Shelf for FolderShelf {
    async fn draft(&self, account: &Account) -> Result<Box<dyn Draft>, ArchiverError> {
        let path = self.folder.join(format!("{}.draft", self.drafts.fetch_add(1, Ordering::Relaxed)));
        let file = File::create(&path).map_err(|error| failed(&path, error))?;
        Ok(Box::new(FolderDraft { path, folder: self.of(account), file: BufWriter::with_capacity(1 << 16, file) }))
    }

    async fn open(&self, account: &Account, digest: &[u8; 32]) -> Result<Option<Box<dyn Body>>, ArchiverError> {
        let path = self.path(account, digest);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(Box::new(FileBody { size: metadata.len(), path }))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    async fn all(&self, account: &Account) -> Result<Vec<[u8; 32]>, ArchiverError> {
        let folder = self.of(account);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| failed(&folder, error))?,
        };
        let mut digests = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&folder, error))?.file_name();
            let digest = name.to_str().and_then(|name| HEXLOWER.decode(name.strip_suffix(".car")?.as_bytes()).ok());
            digests.extend(digest.and_then(|digest| <[u8; 32]>::try_from(digest).ok()));
        }
        Ok(digests)
    }

    async fn forget(&self, account: &Account, digest: &[u8; 32]) -> Result<(), ArchiverError> {
        let path = self.path(account, digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }
}

struct FolderDraft {
    path: PathBuf,
    folder: PathBuf,
    file: BufWriter<File>,
}

impl Write for FolderDraft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[async_trait]
impl Draft for FolderDraft {
    async fn keep(mut self: Box<Self>, digest: [u8; 32]) -> Result<(), ArchiverError> {
        let mut keep = || {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::create_dir_all(&self.folder)?;
            fs::rename(&self.path, self.folder.join(format!("{}.car", HEXLOWER.encode(&digest))))?;
            // A name is durable when its folder is.
            #[cfg(unix)]
            File::open(&self.folder)?.sync_all()?;
            Ok(())
        };
        keep().map_err(|error| failed(&self.folder, error))
    }
}

/// The bytes of a file.
#[derive(Debug)]
struct FileBody {
    path: PathBuf,
    size: u64,
}

#[async_trait]
impl Body for FileBody {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(at))?;
            let mut bytes = Vec::new();
            file.take(max as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| failed(&self.path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> ArchiverError {
    // What fails on this disk was not handed over to anybody.
    ArchiverError::new(FailureKind::Missing, format!("{}: {error}", path.display())).because(error)
}
