//! A service that keeps packs in a world of its own, where everything goes wrong that can.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;

use crate::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, Failure, FailureKind, Gone, Held, Pack, Price, Recovery,
    Released, Request, Status, SubmissionKey, Ticket,
};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// Nothing is done, and this is answered.
    Fails(FailureKind),
    /// All is done, and the answer is lost.
    Tears,
    /// Whoever asked is gone before anything is done: the call never returns.
    StopsBefore,
    /// Whoever asked is gone when all is done: the call never returns.
    StopsAfter,
    /// A submission is taken, and then nothing happens to it.
    Stalls,
    /// A submission is taken, and comes to nothing later.
    Rejects,
    /// A submission gets fewer copies than were asked for, but one.
    Partial,
    /// How a deal stands cannot be told.
    Unknown,
}

/// A deal, as the service has it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The archiver.
    pub archiver: String,
    /// Its key.
    pub key: SubmissionKey,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many copies there are, or will be.
    pub copies: u16,
    /// How many were asked for.
    pub wanted: u16,
    /// How it stands.
    pub stage: Stage,
    /// When it ends.
    pub until: Option<u64>,
    /// Whether it was released, and ends by itself.
    pub ends: bool,
}

/// How a deal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// So many questions until it is active.
    Pending(u8),
    /// It never changes.
    Stalled,
    /// It will fail when it is asked about.
    Rejected,
    /// It is there.
    Active,
    /// It failed.
    Failed,
    /// It is gone.
    Gone(Gone),
}

/// All that is outside, which no crash of ours touches.
#[derive(Debug, Default)]
pub struct World {
    inner: Mutex<Inner>,
}

/// What is in it.
#[derive(Debug, Default)]
pub struct Inner {
    /// The time, in milliseconds.
    pub now: u64,
    /// The deals, by their tickets.
    pub kept: BTreeMap<Ticket, Kept>,
    /// What goes wrong with the next calls.
    pub flaws: VecDeque<Flaw>,
    /// The archivers that nobody reaches.
    pub unreachable: BTreeSet<String>,
    /// How many calls there were.
    pub calls: u64,
    /// What is left of the money.
    pub money: u64,
    /// Whether a call never returned.
    pub stopped: bool,
    tickets: u64,
}

impl World {
    /// What is in it, to be looked at and changed.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Does what is done in a call, with the flaw that is next.
    async fn call<T>(
        &self,
        archiver: &str,
        act: impl FnOnce(&mut Inner, Flaw) -> Result<T, ArchiverError>,
    ) -> Result<T, ArchiverError> {
        let flaw = {
            let mut inner = self.inner();
            inner.calls += 1;
            if inner.unreachable.contains(archiver) {
                return Err(ArchiverError::new(FailureKind::Unreachable, "nobody reaches it, as a test asked for"));
            }
            inner.flaws.pop_front().unwrap_or(Flaw::None)
        };
        if flaw == Flaw::StopsBefore {
            self.inner().stopped = true;
            std::future::pending::<()>().await;
        }
        if let Flaw::Fails(kind) = flaw {
            let error = ArchiverError::new(kind, "a fault that a test asked for");
            return Err(if kind == FailureKind::RateLimited { error.after(5_000) } else { error });
        }
        let answer = act(&mut self.inner(), flaw);
        match flaw {
            Flaw::StopsAfter => {
                self.inner().stopped = true;
                std::future::pending().await
            }
            Flaw::Tears => {
                Err(ArchiverError::new(FailureKind::Unreachable, "the answer was lost, as a test asked for"))
            }
            _ => answer,
        }
    }
}

/// An archiver in such a world.
#[derive(Debug)]
pub struct FlakyArchiver {
    id: String,
    world: Arc<World>,
    capabilities: Capabilities,
    /// How long a deal lasts.
    term: Option<u64>,
}

impl FlakyArchiver {
    /// An archiver of this name, which takes up to three copies of anything.
    pub fn new(world: Arc<World>, id: impl Into<String>, recovery: Recovery) -> Self {
        let capabilities = Capabilities {
            unit: 0..=1 << 30,
            copies: 3,
            typical: 60_000,
            recovery,
            priced: false,
            fetches: true,
            public: false,
            releases: true,
        };
        Self { id: id.into(), world, capabilities, term: None }
    }

    /// With other capabilities.
    pub fn with(mut self, change: impl FnOnce(&mut Capabilities)) -> Self {
        change(&mut self.capabilities);
        self
    }

    /// Whose deals end after so many milliseconds, and by nothing else.
    pub fn with_term(self, milliseconds: u64) -> Self {
        Self { term: Some(milliseconds), ..self }
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Archiver for FlakyArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let bytes = body.read(0, usize::MAX).await?;
        self.world
            .call(&self.id, |inner, flaw| {
                if *blake3::hash(&bytes).as_bytes() != request.pack.digest {
                    return Err(ArchiverError::new(FailureKind::Integrity, "other bytes"));
                }
                let ticket = match self.capabilities.recovery {
                    Recovery::Repeat => format!("{}/{key}", self.id),
                    _ => {
                        inner.tickets += 1;
                        format!("{}/{:08}", self.id, inner.tickets)
                    }
                };
                let ticket = Ticket::new(ticket).expect("a ticket");
                if inner.kept.contains_key(&ticket) {
                    return Ok(ticket);
                }
                if self.capabilities.priced {
                    let left = inner.money.checked_sub(request.pack.size);
                    inner.money = left.ok_or_else(|| ArchiverError::new(FailureKind::Unfunded, "no money"))?;
                }
                let stage = match flaw {
                    Flaw::Stalls => Stage::Stalled,
                    Flaw::Rejects => Stage::Rejected,
                    _ if self.capabilities.typical == 0 => Stage::Active,
                    _ => Stage::Pending(2),
                };
                let copies = if flaw == Flaw::Partial { 1 } else { request.copies };
                let until = self.term.map(|term| inner.now + term);
                let (archiver, wanted) = (self.id.clone(), request.copies);
                let kept = Kept { archiver, key: *key, bytes, copies, wanted, stage, until, ends: false };
                inner.kept.insert(ticket.clone(), kept);
                Ok(ticket)
            })
            .await
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        self.world
            .call(&self.id, |inner, flaw| {
                let now = inner.now;
                let kept = inner.kept.get_mut(ticket).ok_or_else(|| ArchiverError::missing(ticket))?;
                if flaw == Flaw::Unknown {
                    return Ok(Status::Unknown);
                }
                kept.stage = match kept.stage {
                    Stage::Pending(0) => Stage::Active,
                    Stage::Pending(left) => Stage::Pending(left - 1),
                    Stage::Rejected => Stage::Failed,
                    Stage::Active if kept.until.is_some_and(|until| until <= now) => Stage::Gone(Gone::Expired),
                    stage => stage,
                };
                let copy = |number| Copy { at: format!("{}/{number}", kept.archiver), evidence: None };
                Ok(match kept.stage {
                    Stage::Pending(left) => Status::Pending { phase: format!("step {left}") },
                    Stage::Stalled | Stage::Rejected => Status::Pending { phase: "check for acceptance".into() },
                    Stage::Active => Status::Active(Held {
                        copies: (0..kept.copies).map(copy).collect(),
                        until: kept.until,
                        failures: (kept.copies..kept.wanted)
                            .map(|number| format!("{number} did not take it"))
                            .collect(),
                    }),
                    Stage::Failed => Status::Failed(Failure::new(FailureKind::Rejected, "all proposals were rejected")),
                    Stage::Gone(why) => Status::Gone(why),
                })
            })
            .await
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let bytes = self.world.call(&self.id, |inner, _| {
            let kept = inner.kept.get(ticket).filter(|kept| !matches!(kept.stage, Stage::Gone(_) | Stage::Failed));
            kept.map(|kept| kept.bytes.clone()).ok_or_else(|| ArchiverError::missing(ticket))
        });
        bytes.await?.read(at, max).await
    }

    async fn find(&self, key: &SubmissionKey) -> Result<Option<Ticket>, ArchiverError> {
        let find = |inner: &mut Inner, _| {
            let found = inner.kept.iter().find(|(_, kept)| kept.key == *key && kept.archiver == self.id);
            Ok(found.map(|(ticket, _)| ticket.clone()))
        };
        self.world.call(&self.id, find).await
    }

    async fn quote(&self, request: &Request) -> Result<Price, ArchiverError> {
        let quote = |inner: &mut Inner, _| {
            if inner.money < request.pack.size {
                let text = format!("it needs {}, and {} are there", request.pack.size, inner.money);
                return Err(ArchiverError::new(FailureKind::Unfunded, text));
            }
            Ok(Price { amount: request.pack.size, unit: "coins".into() })
        };
        self.world.call(&self.id, quote).await
    }

    async fn release(&self, key: &SubmissionKey, _: &Pack, ticket: Option<&Ticket>) -> Result<Released, ArchiverError> {
        let release = |inner: &mut Inner, _| {
            if !self.capabilities.releases {
                return Err(ArchiverError::unsupported("nothing is taken away here"));
            }
            let own = Ticket::new(format!("{}/{key}", self.id)).expect("a ticket");
            let ticket = match (ticket, self.capabilities.recovery) {
                (Some(ticket), _) => ticket,
                (None, Recovery::Repeat) => &own,
                (None, _) => return Err(ArchiverError::new(FailureKind::Doubtful, "which deal it was is not known")),
            };
            let Some(kept) = inner.kept.get_mut(ticket) else { return Ok(Released::Now) };
            if kept.key != *key {
                return Err(ArchiverError::new(FailureKind::Conflict, "this ticket is that of another key"));
            }
            if self.term.is_some() {
                kept.ends = true;
                return Ok(Released::Ends(kept.until));
            }
            inner.kept.remove(ticket);
            Ok(Released::Now)
        };
        self.world.call(&self.id, release).await
    }

    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let list = |inner: &mut Inner, _| {
            let own = inner.kept.iter().filter(|(_, kept)| kept.archiver == self.id && kept.stage == Stage::Active);
            let behind = own.filter(|(ticket, _)| after.is_none_or(|after| *ticket > after));
            Ok(behind.take(limit).map(|(ticket, kept)| (ticket.clone(), kept.bytes.len() as u64)).collect())
        };
        self.world.call(&self.id, list).await
    }
}
