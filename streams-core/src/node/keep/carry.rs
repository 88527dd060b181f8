//! Carrying out one step.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;

use super::KeepError;
use super::receipt;
use crate::archive::deal::{DEAL, Failure, FailureKind, Gone, Pack, Ticket};
use crate::archive::ledger::Account;
use crate::archive::plan::{Answer, Call, Sealed, Step};
use crate::archiver::shelf::Shelf;
use crate::archiver::{Archiver, ArchiverError, Body};
use crate::node::Node;
use crate::node::archive::Archived;
use crate::object::author::SigningKey;
use crate::object::id::StreamId;
use crate::store::Scan;

/// How many objects are asked of the store at once.
const PAGE: usize = 256;

/// How many bytes are asked of an archiver at once.
const PIECE: usize = 1 << 20;

/// What it takes to carry out a step.
#[derive(Debug)]
pub(super) struct Hands {
    pub(super) node: Arc<Node>,
    pub(super) key: SigningKey,
    pub(super) archivers: BTreeMap<String, Arc<dyn Archiver>>,
    pub(super) shelf: Arc<dyn Shelf>,
}

impl Hands {
    /// The account of the owner of the key.
    pub(super) fn account(&self, stream: StreamId) -> Account {
        Account { owner: self.key.verifying_key(), stream }
    }

    /// Carries out a step. What an archiver answers is never an error of the keeper.
    pub(super) async fn carry(&self, step: Step, now: u64) -> Result<Answer, KeepError> {
        Ok(match step {
            Step::Keep { name, value, .. } => {
                self.node.store().set_cursor(&name, &value).await?;
                Answer::Kept
            }
            Step::Look { account, above, enough } => self.look(&account, above, enough).await?,
            Step::Seal { account, above, continues } => Answer::Sealed(self.seal(&account, above, continues).await?),
            Step::Ask { at, call } => match self.archivers.get(&at.archiver) {
                Some(archiver) => self.ask(&**archiver, &at.account, call).await?,
                None => unreachable!("the plan knows the archivers of its keeper"),
            },
            Step::Tell { at, receipt } => {
                let written = receipt::write(&self.node, &self.key, at.account.stream, &receipt, now).await?;
                Answer::Told { written }
            }
            Step::Forget { account, pack, .. } => {
                self.shelf.forget(&account, &pack.digest).await.map_err(KeepError::Shelf)?;
                Answer::Forgotten
            }
        })
    }

    /// What waits, until it is enough, and whether all of it is receipts.
    async fn look(&self, account: &Account, above: u64, enough: u64) -> Result<Answer, KeepError> {
        let (mut bytes, mut receipts_only, mut above) = (0, true, above);
        while bytes < enough || receipts_only {
            let page = self.node.page(account.stream, Scan::Since(above), PAGE).await?;
            let Some(last) = page.last() else { break };
            above = last.sequence;
            for stored in &page {
                let header = stored.authentic.header();
                receipts_only &= header.r#type() == DEAL && header.author() == account.owner;
                bytes += stored.authentic.object().parts().len() as u64;
            }
        }
        let release_before = super::release_before(&**self.node.store(), account).await?;
        Ok(Answer::Looked { bytes, receipts_only: receipts_only && bytes > 0, release_before })
    }

    /// Makes a pack, and puts it on the shelf.
    async fn seal(&self, account: &Account, above: u64, before: Option<Pack>) -> Result<Option<Sealed>, KeepError> {
        let before = before.map(|pack| Archived::up_to(pack.id, above));
        let Answer::Looked { receipts_only, .. } = self.look(account, above, 0).await? else { unreachable!() };
        let survey = self.node.survey(account.stream, before).await?;
        if survey.manifest().count == 0 {
            return Ok(None);
        }
        let draft = self.shelf.draft(account).await.map_err(KeepError::Shelf)?;
        let mut hashing = Hashing { hasher: blake3::Hasher::new(), size: 0, to: draft };
        let written = self.node.archive(&survey, &mut hashing, &mut io::sink(), |_| ()).await?;
        let Hashing { hasher, size, to } = hashing;
        let digest = *hasher.finalize().as_bytes();
        to.keep(digest).await.map_err(KeepError::Shelf)?;
        let pack = Pack { stream: account.stream, id: written.manifest, digest, size };
        Ok(Some(Sealed { pack, objects: survey.manifest().count, seen: survey.last(), receipts_only }))
    }

    async fn ask(&self, archiver: &dyn Archiver, account: &Account, call: Call) -> Result<Answer, KeepError> {
        Ok(match call {
            Call::Quote(request) => Answer::Quoted(archiver.quote(&request).await.map_err(told)),
            Call::Find(key) => Answer::Found(archiver.find(&key).await.map_err(told)),
            Call::Status(ticket) => Answer::Status(archiver.status(&ticket).await.map_err(told)),
            Call::Audit(ticket, pack) => Answer::Audited(audit(archiver, &ticket, &pack).await),
            Call::Release { key, pack, ticket } => {
                Answer::Released(archiver.release(&key, &pack, ticket.as_ref()).await.map_err(told))
            }
            Call::Submit { key, request, sources } => match self.bytes(account, &request.pack, sources).await? {
                Bytes::Here(body) => Answer::Submitted(archiver.submit(&key, &request, &*body).await.map_err(told)),
                Bytes::Silent(failure) => Answer::Submitted(Err(failure)),
                Bytes::Nowhere => Answer::NoBytes,
            },
        })
    }

    /// The bytes of a pack: from the shelf, or from an archiver that still gives the right ones.
    async fn bytes(&self, account: &Account, pack: &Pack, sources: Vec<(String, Ticket)>) -> Result<Bytes, KeepError> {
        if let Some(body) = self.shelf.open(account, &pack.digest).await.map_err(KeepError::Shelf)? {
            return Ok(Bytes::Here(body));
        }
        let mut silent = None;
        for (id, ticket) in sources {
            let Some(archiver) = self.archivers.get(&id).filter(|archiver| archiver.capabilities().fetches) else {
                continue;
            };
            match audit(&**archiver, &ticket, pack).await {
                Ok(None) => {
                    let (archiver, size) = (archiver.clone(), pack.size);
                    return Ok(Bytes::Here(Box::new(Elsewhere { archiver, ticket, size })));
                }
                Ok(Some(_)) => {}
                Err(failure) => {
                    let text = format!("its bytes are with {id}, which does not give them: {}", failure.message);
                    silent = Some(Failure::new(FailureKind::Missing, text));
                }
            }
        }
        Ok(silent.map_or(Bytes::Nowhere, Bytes::Silent))
    }
}

/// Where the bytes of a pack are.
enum Bytes {
    Here(Box<dyn Body>),
    /// Somewhere, but who has them does not answer now.
    Silent(Failure),
    Nowhere,
}

fn told(error: ArchiverError) -> Failure {
    error.failure().clone()
}

/// Reads back all bytes of a pack, and tells what is wrong with them, if anything.
async fn audit(archiver: &dyn Archiver, ticket: &Ticket, pack: &Pack) -> Result<Option<Gone>, Failure> {
    let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
    loop {
        let piece = match archiver.fetch(ticket, size, PIECE).await {
            Err(error) if error.kind() == FailureKind::Missing => return Ok(Some(Gone::Lost)),
            Err(error) if error.kind() == FailureKind::Integrity => return Ok(Some(Gone::Damaged)),
            piece => piece.map_err(told)?,
        };
        size += piece.len() as u64;
        hasher.update(&piece);
        if piece.is_empty() || size > pack.size {
            let same = size == pack.size && *hasher.finalize().as_bytes() == pack.digest;
            return Ok((!same).then_some(Gone::Damaged));
        }
    }
}

/// The bytes of a pack that an archiver has.
#[derive(Debug)]
struct Elsewhere {
    archiver: Arc<dyn Archiver>,
    ticket: Ticket,
    size: u64,
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Body for Elsewhere {
    fn size(&self) -> u64 {
        self.size
    }

    async fn read(&self, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        self.archiver.fetch(&self.ticket, at, max).await
    }
}

/// Hashes and counts what goes through.
struct Hashing<W> {
    hasher: blake3::Hasher,
    size: u64,
    to: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
