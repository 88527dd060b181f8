//! The archiver service: fetches what is due, appends it, has copies kept, and goes on after a crash.
//!
//! What it knows beside the streams is in the store, under names: how each resource stands, and what the keeper knows of
//! deals. So it may be killed at any moment: what was under way is done again, and what was appended is not appended
//! twice, since whether something is there is looked up in the stream itself.
//!
//! One service for a store and an owner runs at a time; the shelf where packs wait sees to that.

mod fetching;

mod keeping;

mod status;

pub mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use streams_core::archiver::Archiver;
use streams_core::archiver::shelf::Shelf;
use streams_core::clock::Clock;
use streams_core::node::NodeError;
use streams_core::node::feed::{Event, Filter};
use streams_core::node::keep::KeepError;
use streams_core::{Node, SigningKey, StreamId};
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio::task::JoinSet;

use crate::fetch::machine::Machine;
use crate::item::Index;
use crate::name::Slug;
use crate::object::{Config, Resource, types};
use crate::owner::Owner;
use crate::resource::ResourceKey;
use crate::stream::StreamView;
use crate::vault::Vault;
use crate::write::{ArchiveError, Hand};
use crate::{catalog, stream};

pub use self::fetching::Undelivered;
pub use self::status::{PlaceStatus, ResourceStatus, Status, StreamStatus};

/// How often a resource is fetched where nobody says: an hour, in milliseconds.
pub const USUAL_INTERVAL: u64 = 3_600_000;

/// How many resources are fetched at once.
const AT_ONCE: usize = 8;

/// How many indexes are in memory at once.
const INDEXES: usize = 64;

/// Opens a place where copies are kept, by its name.
pub type OpenPlace = dyn Fn(&str) -> Result<Arc<dyn Archiver>, String> + Send + Sync;

/// What a service works with.
pub struct Setup {
    /// The streams.
    pub node: Arc<Node>,
    /// Whose streams are looked after, and who writes.
    pub key: SigningKey,
    /// Where credentials are.
    pub vault: Arc<dyn Vault>,
    /// Where packs wait.
    pub shelf: Arc<dyn Shelf>,
    /// Opens places.
    pub open_place: Box<OpenPlace>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Any number, each time another.
    pub luck: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Why a service stopped. What a source or a place does not do is no error here, but told in its [`Status`].
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A stream, or the store.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Copies.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// What was kept of a resource cannot be read.
    #[error("what is kept of a resource under {0} cannot be read")]
    Record(String),
}

impl From<NodeError> for ServiceError {
    fn from(error: NodeError) -> Self {
        Self::Archive(error.into())
    }
}

impl From<streams_core::StoreError> for ServiceError {
    fn from(error: streams_core::StoreError) -> Self {
        Self::from(NodeError::from(error))
    }
}

/// Looks after the streams of a key.
pub struct Service {
    setup: Setup,
    watched: Mutex<BTreeMap<StreamId, Watched>>,
    kept: Mutex<keeping::Kept>,
    counters: Counters,
    /// Wakes who waits for something to do.
    stirred: Notify,
    /// Wakes who keeps copies.
    written: Notify,
    /// Wakes who shows how it stands.
    changed: Notify,
    slots: Semaphore,
    began: u64,
}

/// One stream.
struct Watched {
    owner: Slug,
    slug: Slug,
    config: Config,
    seal: Option<String>,
    resources: BTreeMap<ResourceKey, Fetched>,
    index: Option<Arc<AsyncMutex<Index>>>,
    /// When the index was used last, by a count of uses.
    used: u64,
    items: u64,
}

/// One resource.
#[derive(Clone)]
struct Fetched {
    resource: Resource,
    machine: Machine,
    /// How it stands, as the stream was told.
    told: String,
    new: u64,
    quarantined: u64,
}

/// What was counted since it began.
#[derive(Debug, Default)]
struct Counters {
    items: AtomicU64,
    known: AtomicU64,
    quarantined: AtomicU64,
    delivered: AtomicU64,
    refused: AtomicU64,
    done: AtomicU64,
    not_modified: AtomicU64,
    failed: Mutex<BTreeMap<&'static str, u64>>,
    uses: AtomicU64,
}

fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("streams", &self.watched().len()).finish_non_exhaustive()
    }
}

/// Until when a service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until what can be done now is done.
    Done,
    /// Until it is dropped.
    Forever,
}

impl Service {
    /// A service that knows nothing yet.
    pub fn new(setup: Setup) -> Arc<Self> {
        let began = setup.clock.now();
        Arc::new(Self {
            setup,
            watched: Mutex::default(),
            kept: Mutex::default(),
            counters: Counters::default(),
            stirred: Notify::new(),
            written: Notify::new(),
            changed: Notify::new(),
            slots: Semaphore::new(AT_ONCE),
            began,
        })
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<StreamId, Watched>> {
        self.watched.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn now(&self) -> u64 {
        self.setup.clock.now()
    }

    fn hand(&self) -> Hand<'_> {
        Hand { node: &self.setup.node, key: &self.setup.key, now: self.now() }
    }

    /// Waits until something was done since this returned last, so that its [`Status`] may be another. One at a time
    /// may wait.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Runs. It may be dropped at any moment, and run again.
    pub async fn run(self: &Arc<Self>, until: Until) -> Result<(), ServiceError> {
        self.look_for_streams().await?;
        if until == Until::Done {
            self.fetch_due(until).await?;
            return self.keep(until).await;
        }
        tokio::select! {
            ended = self.follow() => ended,
            ended = self.fetch_due(until) => ended,
            ended = self.keep(until) => ended,
        }
    }

    /// Tries everything again at once that waits for its time, or for somebody: sources, and copies.
    pub async fn retry(&self) -> Result<(), ServiceError> {
        self.look_for_streams().await?;
        let now = self.now();
        for fetched in self.watched().values_mut().flat_map(|watched| watched.resources.values_mut()) {
            fetched.machine.retry(now);
        }
        self.kept().retry = true;
        Ok(())
    }

    /// Takes in what is wanted, as it becomes another: streams that appear join, resources that are added are fetched.
    async fn follow(&self) -> Result<(), ServiceError> {
        let wanted = [types::LISTED, types::STREAM_REF, types::META, types::CONFIG, types::RESOURCE];
        let filter = Filter { types: wanted.map(str::to_owned).into(), ..Filter::default() };
        let mut feed = self.setup.node.watch(filter, None).await?;
        let mut is_live = false;
        loop {
            match feed.next().await? {
                // It was looked at when it began; what came meanwhile is looked at now.
                Event::CaughtUp => is_live = true,
                _ if !is_live => continue,
                Event::Added { stream, object } => match object.authentic.header().r#type() {
                    types::LISTED | types::STREAM_REF => self.look_for_streams().await?,
                    _ => self.look_again(stream).await?,
                },
                _ => continue,
            }
            if is_live {
                self.kept().is_other = true;
                self.stirred.notify_one();
                self.written.notify_one();
                self.changed.notify_one();
            }
        }
    }

    /// Finds all streams of all owners of the key.
    async fn look_for_streams(&self) -> Result<(), ServiceError> {
        let (node, key) = (&self.setup.node, &self.setup.key);
        let mut found = BTreeSet::new();
        for listed in catalog::read(node, key).await?.owners.values().filter(|l| l.author == key.verifying_key()) {
            let Some(owner) = Owner::read(node, key, &listed.name).await? else { continue };
            for (slug, (pointer, _)) in owner.streams() {
                found.insert(pointer.stream);
                let is_known = self.watched().contains_key(&pointer.stream);
                if !is_known && let Some(seen) = stream::view(node, pointer.stream).await? {
                    let watched = self.watch(&listed.name, slug, pointer.stream, seen.view).await?;
                    self.watched().insert(pointer.stream, watched);
                }
            }
        }
        self.watched().retain(|stream, _| found.contains(stream));
        Ok(())
    }

    async fn watch(
        &self,
        owner: &Slug,
        slug: &Slug,
        stream: StreamId,
        view: StreamView,
    ) -> Result<Watched, ServiceError> {
        let mut resources = BTreeMap::new();
        for (key, resource) in &view.resources {
            resources.insert(*key, self.fetched(stream, *key, resource, &view).await?);
        }
        let (owner, slug) = (owner.clone(), slug.clone());
        Ok(Watched {
            owner,
            slug,
            config: view.config,
            seal: view.meta.seal,
            resources,
            index: None,
            used: 0,
            items: 0,
        })
    }

    async fn fetched(
        &self,
        stream: StreamId,
        key: ResourceKey,
        resource: &Resource,
        view: &StreamView,
    ) -> Result<Fetched, ServiceError> {
        let mut machine = recorded(&self.setup.node, stream, key).await?.unwrap_or_default();
        machine.resume(resource.credential.as_deref(), self.now());
        let told = view.states.get(&key).map_or("fetching", |state| state.state.as_str()).to_owned();
        let quarantined = view.quarantined.iter().filter(|poison| *poison.resource == *key.as_bytes()).count() as u64;
        Ok(Fetched { resource: resource.clone(), machine, told, new: 0, quarantined })
    }

    /// Looks at a stream again whose configuration, or one of whose resources, became another.
    async fn look_again(&self, stream: StreamId) -> Result<(), ServiceError> {
        if !self.watched().contains_key(&stream) {
            return Ok(());
        }
        let Some(seen) = stream::view(&self.setup.node, stream).await? else { return Ok(()) };
        let mut new = BTreeMap::new();
        for (key, resource) in &seen.view.resources {
            new.insert(*key, self.fetched(stream, *key, resource, &seen.view).await?);
        }
        let now = self.now();
        let mut all = self.watched();
        let Some(watched) = all.get_mut(&stream) else { return Ok(()) };
        (watched.config, watched.seal) = (seen.view.config, seen.view.meta.seal);
        for (key, fetched) in new {
            match watched.resources.get_mut(&key) {
                Some(have) => {
                    have.machine.resume(fetched.resource.credential.as_deref(), now);
                    have.resource = fetched.resource;
                }
                None => drop(watched.resources.insert(key, fetched)),
            }
        }
        Ok(())
    }

    /// Fetches what is due, and waits for what will be.
    async fn fetch_due(self: &Arc<Self>, until: Until) -> Result<(), ServiceError> {
        let mut running = JoinSet::new();
        loop {
            let now = self.now();
            for (stream, key) in self.begin_due(now) {
                let service = self.clone();
                running.spawn(async move { service.fetch(stream, key).await });
            }
            if until == Until::Done && running.is_empty() {
                return Ok(());
            }
            let due = self.next_due();
            tokio::select! {
                Some(ended) = running.join_next() => match ended {
                    Ok(ended) => ended?,
                    Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Err(_) => {}
                },
                () = self.stirred.notified() => {}
                () = self.setup.clock.until(due.unwrap_or(u64::MAX)), if due.is_some() => {}
            }
        }
    }

    /// Takes up what is due.
    fn begin_due(&self, now: u64) -> Vec<(StreamId, ResourceKey)> {
        let mut due = Vec::new();
        for (stream, watched) in self.watched().iter_mut() {
            for (key, fetched) in &mut watched.resources {
                if is_fetched(&fetched.resource) && fetched.machine.begin(now) {
                    due.push((*stream, *key));
                }
            }
        }
        if !due.is_empty() {
            self.changed.notify_one();
        }
        due
    }

    fn next_due(&self) -> Option<u64> {
        let watched = self.watched();
        let all = watched.values().flat_map(|watched| watched.resources.values());
        all.filter(|fetched| is_fetched(&fetched.resource)).filter_map(|fetched| fetched.machine.due()).min()
    }
}

fn is_fetched(resource: &Resource) -> bool {
    resource.is_enabled() && resource.kind != "webhook"
}

/// Under what name it is kept how a resource stands.
fn record_name(stream: StreamId, key: ResourceKey) -> String {
    format!("archive/fetch/{stream}/{key}")
}

/// How a resource stands, as the store knows it; `None` where it was never fetched.
pub async fn recorded(node: &Node, stream: StreamId, key: ResourceKey) -> Result<Option<Machine>, ServiceError> {
    let name = record_name(stream, key);
    let Some(bytes) = node.store().cursor(&name).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| ServiceError::Record(name))
}

/// Has a resource fetched at the next opportunity, whatever it waits for.
pub async fn wake(node: &Node, stream: StreamId, key: ResourceKey, now: u64) -> Result<(), ServiceError> {
    let mut machine = recorded(node, stream, key).await?.unwrap_or_default();
    machine.retry(now);
    let bytes = serde_json::to_vec(&machine).expect("texts and numbers");
    Ok(node.store().set_cursor(&record_name(stream, key), &bytes).await?)
}
