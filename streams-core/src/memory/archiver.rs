//! The simplest archiver, and the simplest shelf: maps.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::archive::ledger::Account;
use crate::archiver::shelf::{Draft, Shelf};
use crate::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, FailureKind, Held, Pack, Recovery, Released, Request, Status,
    SubmissionKey, Ticket,
};

/// How many bytes are taken of a body at once.
const PIECE: usize = 1 << 20;

/// An archiver in memory: what it takes is there at once, and gone with it.
///
/// ```
/// # use streams_core::{MemoryArchiver, ObjectId, SigningKey};
/// # use streams_core::archiver::{Archiver, Pack, Request, Status, SubmissionKey};
/// # pollster::block_on(async {
/// let archiver = MemoryArchiver::new("memory");
/// let bytes = b"an archive".to_vec();
/// let id = ObjectId::from_bytes([1; 32]);
/// let pack = Pack { stream: id, id, digest: *blake3::hash(&bytes).as_bytes(), size: bytes.len() as u64 };
/// let owner = SigningKey::from_bytes([7; 32]).verifying_key();
/// let key = SubmissionKey::derive(&owner, &pack, archiver.id(), [0, 0]);
/// let ticket = archiver.submit(&key, &Request { pack, copies: 1, renews: None }, &bytes).await?;
/// assert!(matches!(archiver.status(&ticket).await?, Status::Active(held) if held.copies.len() == 1));
/// assert_eq!(archiver.fetch(&ticket, 3, 4).await?, b"arch");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryArchiver {
    id: String,
    packs: Mutex<BTreeMap<Ticket, Arc<Vec<u8>>>>,
}

impl MemoryArchiver {
    /// An archiver of this name, with nothing in it.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), packs: Mutex::default() }
    }

    fn packs(&self) -> MutexGuard<'_, BTreeMap<Ticket, Arc<Vec<u8>>>> {
        self.packs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Archiver for MemoryArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: 0..=u64::from(u32::MAX),
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
        let ticket = Ticket::new(key.to_string()).expect("64 digits");
        if self.packs().contains_key(&ticket) {
            return Ok(ticket);
        }
        let bytes = whole(body).await?;
        if blake3::hash(&bytes) != request.pack.digest || bytes.len() as u64 != request.pack.size {
            return Err(ArchiverError::new(FailureKind::Integrity, "the bytes are not those of the pack"));
        }
        self.packs().insert(ticket.clone(), Arc::new(bytes));
        Ok(ticket)
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        if !self.packs().contains_key(ticket) {
            return Err(ArchiverError::missing(ticket));
        }
        let copy = Copy { at: self.id.clone(), evidence: None };
        Ok(Status::Active(Held { copies: vec![copy], until: None, failures: Vec::new() }))
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let bytes = self.packs().get(ticket).cloned().ok_or_else(|| ArchiverError::missing(ticket))?;
        bytes.read(at, max).await
    }

    async fn release(&self, key: &SubmissionKey, _: &Pack, ticket: Option<&Ticket>) -> Result<Released, ArchiverError> {
        let own = Ticket::new(key.to_string()).expect("64 digits");
        if ticket.is_some_and(|ticket| *ticket != own) {
            return Err(ArchiverError::new(FailureKind::Conflict, "this ticket is that of another key"));
        }
        self.packs().remove(&own);
        Ok(Released::Now)
    }

    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let packs = self.packs();
        let behind = packs.iter().filter(|(ticket, _)| after.is_none_or(|after| *ticket > after));
        Ok(behind.take(limit).map(|(ticket, bytes)| (ticket.clone(), bytes.len() as u64)).collect())
    }
}

/// All bytes of a body.
async fn whole(body: &dyn Body) -> Result<Vec<u8>, ArchiverError> {
    let mut bytes = Vec::new();
    loop {
        let piece = body.read(bytes.len() as u64, PIECE).await?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(piece);
    }
}

type Shelved = BTreeMap<(Account, [u8; 32]), Arc<Vec<u8>>>;

/// A shelf in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryShelf {
    packs: Arc<Mutex<Shelved>>,
}

impl MemoryShelf {
    fn packs(&self) -> MutexGuard<'_, Shelved> {
        self.packs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Shelf for MemoryShelf {
    async fn draft(&self, account: &Account) -> Result<Box<dyn Draft>, ArchiverError> {
        Ok(Box::new(MemoryDraft { shelf: self.clone(), account: *account, bytes: Vec::new() }))
    }

    async fn open(&self, account: &Account, digest: &[u8; 32]) -> Result<Option<Box<dyn Body>>, ArchiverError> {
        let found = self.packs().get(&(*account, *digest)).cloned();
        Ok(found.map(|bytes| -> Box<dyn Body> { Box::new(Vec::clone(&bytes)) }))
    }

    async fn all(&self, account: &Account) -> Result<Vec<[u8; 32]>, ArchiverError> {
        Ok(self.packs().keys().filter(|(of, _)| of == account).map(|(_, digest)| *digest).collect())
    }

    async fn forget(&self, account: &Account, digest: &[u8; 32]) -> Result<(), ArchiverError> {
        self.packs().remove(&(*account, *digest));
        Ok(())
    }
}

#[derive(Debug)]
struct MemoryDraft {
    shelf: MemoryShelf,
    account: Account,
    bytes: Vec<u8>,
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Draft for MemoryDraft {
    async fn keep(self: Box<Self>, digest: [u8; 32]) -> Result<(), ArchiverError> {
        self.shelf.packs().insert((self.account, digest), Arc::new(self.bytes));
        Ok(())
    }
}

impl io::Write for MemoryDraft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
