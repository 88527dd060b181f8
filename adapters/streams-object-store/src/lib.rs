//! An archiver in an object store: a folder of this machine; by the feature `s3`, S3 and what is compatible with it; or
//! any other store of the crate `object_store`.
//!
//! ```
//! # use std::sync::Arc;
//! # use streams_core::archiver::{Archiver, Status};
//! # use streams_object_store::ObjectStoreArchiver;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let archiver: Arc<dyn Archiver> = Arc::new(ObjectStoreArchiver::folder(folder.path())?);
//! assert!(archiver.id().starts_with("folder:"));
//! # Ok(()) }
//! ```
//!
//! A pack lies under `STREAM/PACK-KEY.car`: the id of the stream, the id of the manifest, the first 16 digits of the key
//! under which it was handed over, in which its bytes are too. So one name stands for the same bytes for ever, and a pack
//! that is there is not written again. A name is written where it is free: by a conditional put, where the store turns out
//! to know it; otherwise after looking, where two who write at once write the same. Only a copy whose bytes are not those
//! of its name is overwritten. What is released is deleted, and is nobody else's: whoever hands the same bytes over under
//! another key has a file of their own. A bucket that keeps versions keeps what is deleted as long as its rules say.
//!
//! Nothing beside the packs is kept, so a folder of them is all that a restore needs.

mod shelf;

#[cfg(feature = "s3")]
mod s3;

#[cfg(feature = "s3")]
pub use s3::S3;
pub use shelf::FolderShelf;

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use streams_core::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, FailureKind, Gone, Held, Pack, Recovery, Released, Request,
    Status, SubmissionKey, Ticket,
};
use tokio::sync::OnceCell;

/// What is sent in one part, and up to which size a pack is one: what S3 takes in a part is at least 5 MiB.
const PART: usize = 8 << 20;

/// The most bytes of a pack: 10,000 parts, as many as S3 takes.
const MOST: u64 = 10_000 * PART as u64;

/// An archiver in an object store. It wants a Tokio runtime.
pub struct ObjectStoreArchiver {
    id: String,
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Whether the store refuses to write over what is there when it is told so, as it was found out.
    creates: OnceCell<bool>,
}

/// What a ticket says: where a pack is, below the prefix, and how long it is.
struct Place {
    path: Path,
    size: u64,
}

impl fmt::Debug for ObjectStoreArchiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStoreArchiver").field("id", &self.id).finish_non_exhaustive()
    }
}

impl ObjectStoreArchiver {
    /// An archiver in a folder, which is made where there is none. What is written is on the disk when it is told so.
    pub fn folder(folder: impl AsRef<FilePath>) -> Result<Self, ArchiverError> {
        let folder = folder.as_ref();
        let failed = |error: std::io::Error| {
            ArchiverError::new(FailureKind::Other, format!("the folder {} cannot be used: {error}", folder.display()))
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(told)?.with_fsync(true);
        let archiver = Self::new(format!("folder:{}", folder.display()), Arc::new(store), Path::default());
        // Known beforehand, so that no kill leaves a probe among the packs.
        Ok(Self { creates: OnceCell::new_with(Some(true)), ..archiver })
    }

    /// An archiver in any store, below a prefix. The id stands in receipts: it says where this is, for ever.
    pub fn new(id: impl Into<String>, store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { id: id.into(), store, prefix, creates: OnceCell::new() }
    }

    /// The path of what is handed over under a key, below the prefix.
    fn path(key: &SubmissionKey, pack: &Pack) -> String {
        format!("{}/{}", pack.stream, pack.file_name(key))
    }

    fn below(&self, path: &str) -> Option<Path> {
        let all = if self.prefix.as_ref().is_empty() { path.to_owned() } else { format!("{}/{path}", self.prefix) };
        Path::parse(all).ok()
    }

    fn place(&self, ticket: &Ticket) -> Option<Place> {
        let (path, size) = ticket.as_str().rsplit_once('#')?;
        Some(Place { path: self.below(path).filter(|_| path.ends_with(".car"))?, size: size.parse().ok()? })
    }

    /// Whether the store keeps to a conditional put: found out once, with a small object that is taken away again.
    async fn creates(&self, key: &SubmissionKey) -> Result<bool, ArchiverError> {
        let probe = async || {
            let Some(path) = self.below(&format!("probe-{key}")) else { return Ok(false) };
            let put = async || self.store.put_opts(&path, PutPayload::from_static(b"a probe"), create()).await;
            let first = put().await;
            let second = put().await;
            let creates = match (first, second) {
                (Ok(_) | Err(Error::AlreadyExists { .. }), Err(Error::AlreadyExists { .. })) => true,
                (Err(Error::NotImplemented { .. } | Error::NotSupported { .. }), _) | (Ok(_), Ok(_)) => false,
                (Err(error), _) | (_, Err(error)) => return Err(told(error)),
            };
            // Who may write and not delete leaves it there: it harms nobody.
            let _ = self.store.delete(&path).await;
            Ok(creates)
        };
        self.creates.get_or_try_init(probe).await.copied()
    }

    /// Whether the bytes of a pack are at a path; `None` where nothing is.
    async fn is_there(&self, path: &Path, pack: &Pack) -> Result<Option<bool>, ArchiverError> {
        let found = match self.store.get(path).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(told)?,
        };
        if found.meta.size != pack.size {
            return Ok(Some(false));
        }
        let mut hasher = blake3::Hasher::new();
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.try_next().await.map_err(told)? {
            hasher.update(&piece);
        }
        Ok(Some(*hasher.finalize().as_bytes() == pack.digest))
    }

    /// Writes a pack that fits into one part.
    async fn put(&self, key: &SubmissionKey, path: &Path, pack: &Pack, body: &dyn Body) -> Result<(), ArchiverError> {
        let bytes = Bytes::from(whole(body, PART).await?);
        if *blake3::hash(&bytes).as_bytes() != pack.digest {
            return Err(other_bytes());
        }
        if self.creates(key).await? {
            match self.store.put_opts(path, bytes.clone().into(), create()).await {
                Err(Error::AlreadyExists { .. }) => {}
                put => return put.map(|_| ()).map_err(told),
            }
        }
        if self.is_there(path, pack).await? != Some(true) {
            self.store.put(path, bytes.into()).await.map_err(told)?;
        }
        Ok(())
    }

    /// Writes a large pack: nothing is there until its last part is.
    async fn put_parts(&self, path: &Path, pack: &Pack, body: &dyn Body) -> Result<(), ArchiverError> {
        if self.is_there(path, pack).await? == Some(true) {
            return Ok(());
        }
        let mut upload = self.store.put_multipart(path).await.map_err(told)?;
        let mut hasher = blake3::Hasher::new();
        let mut at = 0;
        let sent = loop {
            let part = match body.read(at, PART).await {
                Ok(part) if part.is_empty() && at == pack.size && *hasher.finalize().as_bytes() == pack.digest => {
                    break upload.complete().await.map(|_| ()).map_err(told);
                }
                Ok(part) if part.is_empty() || at > pack.size => break Err(other_bytes()),
                Ok(part) => part,
                Err(error) => break Err(error),
            };
            at += part.len() as u64;
            hasher.update(&part);
            if let Err(error) = upload.put_part(part.into()).await {
                break Err(told(error));
            }
        };
        if sent.is_err() {
            // Parts that are left behind cost money in some places.
            let _ = upload.abort().await;
        }
        sent
    }
}

#[async_trait]
impl Archiver for ObjectStoreArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: 0..=MOST,
            copies: 1,
            typical: 0,
            recovery: Recovery::Repeat,
            priced: false,
            fetches: true,
            public: false,
            releases: true,
        }
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let pack = &request.pack;
        let name = Self::path(key, pack);
        let Some(path) = self.below(&name) else { unreachable!("ids and digits make a path") };
        if body.size() != pack.size {
            return Err(other_bytes());
        }
        match pack.size <= PART as u64 {
            true => self.put(key, &path, pack, body).await?,
            false => self.put_parts(&path, pack, body).await?,
        }
        Ok(ticket(&name, pack.size))
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        let place = self.place(ticket).ok_or_else(|| ArchiverError::missing(ticket))?;
        match self.store.head(&place.path).await {
            Err(Error::NotFound { .. }) => Err(ArchiverError::missing(ticket)),
            Ok(meta) if meta.size != place.size => Ok(Status::Gone(Gone::Damaged)),
            found => {
                let at = format!("{}/{}", self.id, ticket.as_str().rsplit_once('#').map_or("", |(path, _)| path));
                let evidence = found.map_err(told)?.version.map(|version| format!("version {version}"));
                Ok(Status::Active(Held { copies: vec![Copy { at, evidence }], until: None, failures: Vec::new() }))
            }
        }
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let place = self.place(ticket).ok_or_else(|| ArchiverError::missing(ticket))?;
        let end = at.saturating_add(max as u64).min(place.size);
        if at >= end {
            // Whether it is there is told all the same.
            let found = self.store.head(&place.path).await;
            return found.map(|_| Vec::new()).map_err(|error| missing_or_told(ticket, error));
        }
        let piece = self.store.get_range(&place.path, at..end).await;
        let piece = piece.map_err(|error| missing_or_told(ticket, error))?;
        if piece.len() as u64 != end - at {
            return Err(ArchiverError::new(FailureKind::Integrity, format!("{ticket} is shorter than it was")));
        }
        Ok(piece.to_vec())
    }

    async fn release(
        &self,
        key: &SubmissionKey,
        pack: &Pack,
        given: Option<&Ticket>,
    ) -> Result<Released, ArchiverError> {
        let name = Self::path(key, pack);
        if given.is_some_and(|given| *given != ticket(&name, pack.size)) {
            // So were packs named before each key had a file of its own.
            let text = "somebody else may need this file too: it is not that of this key alone; delete it by hand";
            return Err(ArchiverError::new(FailureKind::Conflict, text));
        }
        let Some(path) = self.below(&name) else { unreachable!("ids and digits make a path") };
        let version = match self.store.head(&path).await {
            Err(Error::NotFound { .. }) => return Ok(Released::Now),
            found => found.map_err(told)?.version,
        };
        match self.store.delete(&path).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(told(error)),
        }
        let keeps_versions = version.is_some_and(|version| version != "null");
        Ok(if keeps_versions { Released::Ends(None) } else { Released::Now })
    }

    /// Reads all names each time: some stores do not give them in order.
    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let below = |path: &Path| {
            let mut parts = path.prefix_match(&self.prefix)?;
            let (stream, pack) = (parts.next()?, parts.next()?);
            let name = format!("{}/{}", stream.as_ref(), pack.as_ref());
            (parts.next().is_none() && name.ends_with(".car")).then_some(name)
        };
        let found: Vec<_> = self.store.list(prefix).try_collect().await.map_err(told)?;
        let found = found.iter().filter_map(|meta| Some((ticket(&below(&meta.location)?, meta.size), meta.size)));
        let mut packs: Vec<_> = found.filter(|(ticket, _)| after.is_none_or(|after| ticket > after)).collect();
        packs.sort();
        packs.truncate(limit);
        Ok(packs)
    }
}

fn ticket(name: &str, size: u64) -> Ticket {
    Ticket::new(format!("{name}#{size}")).expect("a name of ids is short")
}

fn create() -> PutOptions {
    PutOptions { mode: PutMode::Create, ..PutOptions::default() }
}

fn other_bytes() -> ArchiverError {
    ArchiverError::new(FailureKind::Integrity, "the bytes are not those of the pack")
}

/// All bytes of a body that has at most so many.
async fn whole(body: &dyn Body, most: usize) -> Result<Vec<u8>, ArchiverError> {
    let mut bytes = Vec::new();
    loop {
        let piece = body.read(bytes.len() as u64, PART).await?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(piece);
        if bytes.len() > most {
            return Err(other_bytes());
        }
    }
}

fn missing_or_told(ticket: &Ticket, error: Error) -> ArchiverError {
    match error {
        Error::NotFound { .. } => ArchiverError::missing(ticket),
        error => told(error),
    }
}

/// What a store says, as an archiver says it.
fn told(error: Error) -> ArchiverError {
    let kind = match &error {
        Error::NotFound { .. } => FailureKind::Missing,
        Error::AlreadyExists { .. } | Error::Precondition { .. } => FailureKind::Conflict,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => FailureKind::Unauthorized,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => FailureKind::Unsupported,
        Error::InvalidPath { .. } | Error::UnknownConfigurationKey { .. } => FailureKind::Rejected,
        _ => FailureKind::Unreachable,
    };
    ArchiverError::new(kind, first_sentence(&error)).because(error)
}

/// What went wrong first, in one sentence: the store's own words are long.
fn first_sentence(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if text.is_empty() { error.to_string() } else { text }
}
