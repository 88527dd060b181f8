//! The contract of an archiver: where sealed packs of streams are kept for long.
//!
//! An archiver takes a pack, which is one archive of one stream, and answers with a ticket; by the ticket it tells how
//! the deal stands, and gives the bytes back. It decides nothing: what is wanted, when to try again, what may be spent
//! is the engine's ([`crate::archive::plan`]), which knows from [`Capabilities`] what an archiver can do. The contract
//! as tests is in `conformance`, behind the feature of that name.
//!
//! What holds of every archiver:
//!
//! - **A ticket is for ever.** It can be asked about after a crash, from another process, years later.
//! - **A key is one deal.** Who submits the same pack under another key may get the same ticket, where the archiver keeps
//!   equal bytes once; but nothing that is done under one key takes anything away from another.
//! - **Active means there.** `Active` is told only where the archiver, or the service behind it, says now that the bytes
//!   are there. What cannot be told is [`Status::Unknown`], and an error where nobody answered: neither is a failure of
//!   the deal.
//! - **An error says whether anything happened.** Where [`FailureKind::may_have_arrived`] is false, a submission left
//!   nothing behind.
//! - **An answer comes.** Every call returns in bounded time; the archiver has its own limits for waiting.

use async_trait::async_trait;

pub mod shelf;

pub use crate::archive::deal::{
    Capabilities, Copy, Failure, FailureKind, Gone, Held, Pack, Price, Recovery, Released, Request, Retry, Status,
    SubmissionKey, Ticket, TicketError,
};
use crate::shared::Shared;

/// The bytes of a pack, wherever they are: in memory, in a file.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Body: Shared + std::fmt::Debug {
    /// How many there are.
    fn size(&self) -> u64;

    /// Those from a place on, at most so many; fewer only at the end.
    async fn read(&self, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError>;
}

/// Where packs are kept for long. See the [module](self) for what holds of every archiver.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Archiver: Shared + std::fmt::Debug {
    /// Its name, which stands in receipts: the same for the same place for ever, without secrets; 1 to 256 bytes.
    fn id(&self) -> &str;

    /// What it can and cannot do; the same at every call.
    fn capabilities(&self) -> Capabilities;

    /// Hands a pack over. The engine keeps the key before it calls this, and the ticket when it returns.
    ///
    /// Where the capabilities say [`Recovery::Repeat`], the same key with the same pack gives the same ticket, however
    /// often it is sent, and no second deal. A request that the archiver can never fulfil is refused, and leaves nothing.
    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError>;

    /// How a deal stands. A ticket that the archiver never gave is [`FailureKind::Missing`].
    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError>;

    /// At most so many bytes of the pack of a deal, from a place on; none behind the end. Never other bytes than were
    /// handed over, as far as the archiver can tell; whoever fetches compares with the digest all the same.
    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError>;

    /// The ticket of the deal with this key; `None` where there is none. Called where the capabilities say
    /// [`Recovery::Find`].
    async fn find(&self, key: &SubmissionKey) -> Result<Option<Ticket>, ArchiverError> {
        let _ = key;
        Err(ArchiverError::unsupported("this archiver finds no deal by its key"))
    }

    /// Takes away what was handed over under this key with this pack, or ends its deal. Called where the capabilities say that
    /// it [`releases`](Capabilities::releases), when copies of what replaces the pack are there.
    ///
    /// `ticket` is that of the deal; without one, a submission may have arrived whose answer was lost. Where nothing of it
    /// is there, or not any more, it is released. Whoever cannot tell whether somebody else needs the same bytes refuses,
    /// and takes nothing away; so does whoever gets the ticket of another key. Such a refusal is for people: of a kind
    /// that is tried again [after somebody did something](Retry::AfterAction).
    async fn release(
        &self,
        key: &SubmissionKey,
        pack: &Pack,
        ticket: Option<&Ticket>,
    ) -> Result<Released, ArchiverError> {
        let _ = (key, pack, ticket);
        Err(ArchiverError::unsupported("this archiver takes nothing away"))
    }

    /// What a request would cost. Called where the capabilities say that it is priced; lacking means are
    /// [`FailureKind::Unfunded`], with how much is needed, and how much is there.
    async fn quote(&self, request: &Request) -> Result<Price, ArchiverError> {
        let _ = request;
        Err(ArchiverError::unsupported("this archiver has no prices"))
    }

    /// The tickets of all packs here, whoever handed them over, each with the size of the pack in bytes: at most so many,
    /// ascending, behind this one. So everything comes back where only the archiver is left.
    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let _ = (after, limit);
        Err(ArchiverError::unsupported("this archiver does not list what it has"))
    }
}

/// Why an archiver did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", failure.message)]
pub struct ArchiverError {
    failure: Failure,
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl ArchiverError {
    /// An error in one sentence.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { failure: Failure::new(kind, message), source: None }
    }

    /// With what caused it.
    pub fn because(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(std::sync::Arc::new(source)), ..self }
    }

    /// With how many milliseconds it should not be tried again.
    pub fn after(mut self, milliseconds: u64) -> Self {
        self.failure.after = Some(milliseconds);
        self
    }

    /// There is no deal with this ticket.
    pub fn missing(ticket: &Ticket) -> Self {
        Self::new(FailureKind::Missing, format!("there is no deal {ticket}"))
    }

    /// The archiver can never do that.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unsupported, message)
    }

    /// What kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// As it is kept and told.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

/// Bytes in memory.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Body for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    async fn read(&self, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        Ok(self[from..from.saturating_add(max).min(self.len())].to_vec())
    }
}
