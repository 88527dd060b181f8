//! Keeping copies of streams (spec 11.2): a [`Plan`] says what is to be done, and here it is done, over a node, archivers,
//! and a shelf where packs wait.
//!
//! It may be cut off at any moment, by a crash or because its future is dropped, and goes on from what is in the store.
//! One keeper for an owner and a store runs at a time.

mod carry;

mod receipt;

pub use self::receipt::{Receipt, ReceiptCopy};

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use self::carry::Hands;
use super::archive::ArchiveError;
use super::{Node, NodeError};
use crate::archive::ledger::{self, Account, Head, PackRecord, RecordError};
use crate::archive::plan::{Answer, Plan, Policy, PolicyError, Step};
use crate::archiver::shelf::Shelf;
use crate::archiver::{Archiver, ArchiverError};
use crate::object::author::SigningKey;
use crate::object::id::StreamId;
use crate::store::{Store, StoreError};

/// How many steps are under way at once.
const AT_ONCE: usize = 8;

/// Why copies are not kept. What an archiver does not do is no error here, but told in the [`Plan`].
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The stream, or its store.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A pack could not be made.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The shelf.
    #[error("the shelf where packs wait: {0}")]
    Shelf(#[source] ArchiverError),
    /// What was kept before cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A record that must be there is not.
    #[error("the record {0} is missing in the store")]
    NoRecord(String),
    /// What is wanted cannot be done.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

impl From<StoreError> for KeepError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.into())
    }
}

/// Keeps copies of streams, for the owner of a key.
///
/// ```
/// # use std::sync::Arc;
/// # use streams_core::{Draft, HashKey, MemoryArchiver, MemoryShelf, MemoryStore, Node, SigningKey};
/// # use streams_core::archive::plan::{Place, Policy};
/// # use streams_core::node::keep::Keeper;
/// # pollster::block_on(async {
/// # let (key, hash_key) = (SigningKey::from_bytes([7; 32]), HashKey::from_bytes([1; 16]));
/// # let node = Arc::new(Node::new(Arc::new(MemoryStore::new([2; 16], hash_key)), hash_key));
/// # let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
/// let archiver = Arc::new(MemoryArchiver::new("attic"));
/// let mut keeper = Keeper::new(node.clone(), key, vec![archiver.clone()], Arc::new(MemoryShelf::default()));
/// let places = vec![Place { archiver: "attic".into(), copies: 1, budget: None }];
/// keeper.want(stream, Policy { places, ..Policy::default() }).await?;
/// keeper.run(&|| 1_000, &mut || 0, &mut |_, _| ()).await?;
/// assert!(keeper.plan().is_settled());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Keeper {
    hands: Hands,
    plan: Plan,
}

impl Keeper {
    /// A keeper who writes receipts under this key, and is the owner of what is kept. Archivers are known by their names,
    /// which must differ.
    pub fn new(node: Arc<Node>, key: SigningKey, archivers: Vec<Arc<dyn Archiver>>, shelf: Arc<dyn Shelf>) -> Self {
        let archivers: BTreeMap<_, _> =
            archivers.into_iter().map(|archiver| (archiver.id().to_owned(), archiver)).collect();
        let plan = Plan::new(archivers.iter().map(|(id, archiver)| (id.clone(), archiver.capabilities())));
        Self { hands: Hands { node, key, archivers, shelf }, plan }
    }

    /// What is wanted for a stream from now on. What is known of its copies is read from the store.
    pub async fn want(&mut self, stream: StreamId, policy: Policy) -> Result<(), KeepError> {
        let account = self.hands.account(stream);
        let (head, records) = recorded(&**self.hands.node.store(), &account).await?;
        // What a crash left on the shelf, and no record knows.
        let here: HashSet<_> = records.iter().filter(|record| record.here).map(|record| record.digest).collect();
        for digest in self.hands.shelf.all(&account).await.map_err(KeepError::Shelf)? {
            if !here.contains(&digest) {
                self.hands.shelf.forget(&account, &digest).await.map_err(KeepError::Shelf)?;
            }
        }
        Ok(self.plan.want(account, policy, head, records)?)
    }

    /// What is wanted, and how it stands.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Tries everything again that waits for its time, or for somebody ([`Plan::retry`]).
    pub fn retry(&mut self) {
        self.plan.retry();
    }

    /// Has all bytes read back anew, of whatever is wanted to be audited ([`Plan::audit`]).
    pub fn audit(&mut self) {
        self.plan.audit();
    }

    /// Has a stream looked at at once ([`Plan::look`]).
    pub fn look(&mut self, stream: StreamId) {
        let account = self.hands.account(stream);
        self.plan.look(&account);
    }

    /// Does what is to be done now, and what follows from it, until nothing is; returns when there will be something
    /// again, in milliseconds since 1970.
    ///
    /// `clock` tells the time, in milliseconds since 1970; `luck` any number, each time another; `tell` hears of each step
    /// that is done. Where this returns an error, or never returns, nothing that was done is lost: make another keeper.
    pub async fn run(
        &mut self,
        clock: &(impl Fn() -> u64 + Sync),
        luck: &mut (impl FnMut() -> u64 + Send),
        tell: &mut (impl FnMut(&Step, &Answer) + Send),
    ) -> Result<Option<u64>, KeepError> {
        let mut waiting: VecDeque<Step> = VecDeque::new();
        let mut running: Vec<(Step, Carried<'_>)> = Vec::new();
        loop {
            for step in self.plan.steps(clock()) {
                // Others wait until this is kept.
                if matches!(step, Step::Keep { .. }) { waiting.push_front(step) } else { waiting.push_back(step) }
            }
            while running.len() < AT_ONCE {
                let Some(step) = waiting.pop_front() else { break };
                let now = clock();
                running.push((step.clone(), Box::pin(self.hands.carry(step, now))));
            }
            if running.is_empty() {
                return Ok(self.plan.due(clock()));
            }
            let (at, answer) = first(&mut running).await;
            let (step, _) = running.swap_remove(at);
            let answer = answer?;
            tell(&step, &answer);
            self.plan.answer(&step, answer, clock(), luck());
        }
    }
}

/// What a store knows of the packs of an account, by their numbers.
pub async fn recorded(store: &dyn Store, account: &Account) -> Result<(Head, Vec<PackRecord>), KeepError> {
    let name = account.head_name();
    let mut head = match store.cursor(&name).await? {
        Some(bytes) => ledger::decode::<Head>(&name, &bytes)?,
        None => Head::default(),
    };
    head.release_before = release_before(store, account).await?;
    let mut records = Vec::new();
    for number in 0..head.packs {
        let name = account.pack_name(number);
        let bytes = store.cursor(&name).await?.ok_or_else(|| KeepError::NoRecord(name.clone()))?;
        records.push(ledger::decode(&name, &bytes)?);
    }
    Ok((head, records))
}

/// Has all packs of an account released that do not know of what has this number in the store: what was dropped by it is in
/// them, and in none that is made later.
///
/// It is kept here, and done by whoever keeps the copies of the account, when it looks at the stream next: the stream is
/// archived anew, and when all copies that are wanted of that are there, the deals of the earlier packs are released,
/// wherever their archivers can.
pub async fn ask_to_release(store: &dyn Store, account: &Account, number: u64) -> Result<(), KeepError> {
    let last = store.head(account.stream).await?.map_or(0, |head| head.last);
    // Nothing could ever know of what is not there.
    let before = number.min(last);
    if before > release_before(store, account).await? {
        store.set_cursor(&account.release_name(), &ledger::encode(&before)).await?;
    }
    Ok(())
}

/// Which packs are to be released ([`Head::release_before`]).
async fn release_before(store: &dyn Store, account: &Account) -> Result<u64, KeepError> {
    let name = account.release_name();
    let kept = store.cursor(&name).await?;
    Ok(kept.map(|bytes| ledger::decode(&name, &bytes)).transpose()?.unwrap_or(0))
}

#[cfg(not(target_family = "wasm"))]
type Carried<'a> = Pin<Box<dyn Future<Output = Result<Answer, KeepError>> + Send + 'a>>;
#[cfg(target_family = "wasm")]
type Carried<'a> = Pin<Box<dyn Future<Output = Result<Answer, KeepError>> + 'a>>;

/// The first of those that are done, by its place.
async fn first(running: &mut [(Step, Carried<'_>)]) -> (usize, Result<Answer, KeepError>) {
    std::future::poll_fn(|context| {
        for (at, (_, carried)) in running.iter_mut().enumerate() {
            if let Poll::Ready(answer) = carried.as_mut().poll(context) {
                return Poll::Ready((at, answer));
            }
        }
        Poll::Pending
    })
    .await
}
