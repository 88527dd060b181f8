//! The simplest store: everything is in memory, and gone with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use event_listener::Event;

use crate::keyed::HashKey;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{
    Commit, Head, Logged, LoggedChange, Mark, NewObject, Numbered, Place, Record, Scan, Store, StoreError, leaves_after,
};

/// Keeps all in memory. What it was given is there until it is dropped.
///
/// ```
/// # use streams_core::{Draft, HashKey, Map, SigningKey, memory::MemoryStore, node::Node};
/// # use std::sync::Arc;
/// # pollster::block_on(async {
/// let key = SigningKey::from_bytes([7; 32]);
/// let hash_key = HashKey::from_bytes([1; 16]); // from the operating system's randomness, in earnest
/// let node = Node::new(Arc::new(MemoryStore::new([2; 16], hash_key)), hash_key);
/// let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
/// node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new()).map(drop)).await??;
/// assert_eq!(node.head(stream).await?.unwrap().objects, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    origin: [u8; 16],
    held: Mutex<Held>,
    changed: Event,
}

#[derive(Clone, Debug)]
struct Held {
    key: HashKey,
    streams: BTreeMap<StreamId, Shelf>,
    log: Vec<(StreamId, Noted)>,
    cursors: BTreeMap<String, Vec<u8>>,
    counter: u64,
    closed: bool,
}

/// A change in the log.
#[derive(Clone, Debug)]
enum Noted {
    /// The object that is kept there.
    Added(usize),
    Otherwise(Box<LoggedChange>),
}

/// One stream.
#[derive(Clone, Debug)]
struct Shelf {
    /// The objects, in the order of their numbers, which is nearly that of their places.
    kept: Vec<Kept>,
    /// Where each is among them.
    by_id: HashMap<ObjectId, usize, HashKey>,
    /// The places, each with where its object is.
    order: BTreeMap<Place, usize>,
    /// The numbers of its changes, ascending.
    changes: Vec<u64>,
    leaves: BTreeSet<ObjectId>,
    dropped: BTreeSet<ObjectId>,
    finals: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    record: Record,
    author: [u8; 32],
    r#type: String,
}

impl Kept {
    /// What the log tells of it.
    fn added(&self) -> LoggedChange {
        LoggedChange::Added { id: self.record.place.id, author: self.author, r#type: self.r#type.clone() }
    }
}

impl MemoryStore {
    /// An empty store, whose sequence is named by 16 fresh random bytes. `key` is unpredictable bytes.
    pub fn new(origin: [u8; 16], key: HashKey) -> Self {
        let held = Held {
            key,
            streams: BTreeMap::new(),
            log: Vec::new(),
            cursors: BTreeMap::new(),
            counter: 0,
            closed: false,
        };
        Self { origin, held: Mutex::new(held), changed: Event::new() }
    }

    /// What this one holds now, as another store: as if it were opened again after a crash, or restored from a backup.
    /// The 16 fresh random bytes name its sequence, and number its statements, from now on.
    pub fn copied(&self, origin: [u8; 16]) -> Self {
        let held = self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let held = Held { closed: false, ..held.clone() };
        Self { origin, held: Mutex::new(held), changed: Event::new() }
    }

    fn held(&self) -> Result<MutexGuard<'_, Held>, StoreError> {
        let held = self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if held.closed { Err(StoreError::closed()) } else { Ok(held) }
    }
}

impl Held {
    fn note(&mut self, stream: StreamId, what: LoggedChange) -> u64 {
        self.log.push((stream, Noted::Otherwise(what.into())));
        let sequence = self.log.len() as u64;
        self.shelf(stream).changes.push(sequence);
        sequence
    }

    fn shelf(&mut self, stream: StreamId) -> &mut Shelf {
        let key = self.key;
        self.streams.entry(stream).or_insert_with(|| Shelf {
            kept: Vec::new(),
            by_id: HashMap::with_hasher(key),
            order: BTreeMap::new(),
            changes: Vec::new(),
            leaves: BTreeSet::new(),
            dropped: BTreeSet::new(),
            finals: 0,
        })
    }

    fn insert(&mut self, stream: StreamId, object: NewObject) {
        let NewObject { place, r#type, effective, adopted_by, parts, author, .. } = object;
        let (id, author) = (place.id, *author.as_bytes());
        let sequence = self.log.len() as u64 + 1;
        let shelf = self.shelf(stream);
        shelf.changes.push(sequence);
        shelf.order.insert(place, shelf.kept.len());
        shelf.by_id.insert(id, shelf.kept.len());
        let record = Record { sequence, place, effective, adopted_by, parts };
        shelf.kept.push(Kept { record, author, r#type });
        let noted = Noted::Added(shelf.kept.len() - 1);
        self.log.push((stream, noted));
    }

    fn mark(&mut self, stream: StreamId, mark: Mark) {
        let what = match &mark {
            Mark::Verdict { id, effective } => LoggedChange::Verdict { id: *id, effective: *effective },
            Mark::Adopted { id, by } => LoggedChange::Adopted { id: *id, by: *by },
            Mark::Copy { id, .. } => LoggedChange::Copy { id: *id },
            Mark::Finalized { upto, .. } => LoggedChange::Finalized { upto: *upto },
        };
        self.note(stream, what);
        let shelf = self.shelf(stream);
        match mark {
            Mark::Verdict { id, effective } => shelf.change(id, |record| record.effective = effective),
            Mark::Adopted { id, by } => shelf.change(id, |record| record.adopted_by = by),
            Mark::Copy { id, parts } => shelf.change(id, |record| record.parts = parts),
            Mark::Finalized { upto, epochs } => {
                shelf.finals = upto;
                for (id, epoch) in epochs {
                    shelf.change(id, |record| record.place.epoch = epoch);
                }
            }
        }
    }
}

impl Shelf {
    fn change(&mut self, id: ObjectId, change: impl FnOnce(&mut Record)) {
        let Some(at) = self.by_id.get(&id).copied() else { return };
        let kept = &mut self.kept[at];
        let before = kept.record.place;
        change(&mut kept.record);
        if before != kept.record.place {
            self.order.remove(&before);
            self.order.insert(kept.record.place, at);
        }
    }

    fn find(&self, id: &ObjectId) -> Option<&Kept> {
        self.by_id.get(id).map(|at| &self.kept[*at])
    }

    /// The objects whose numbers are above one, ascending, of those that are asked for.
    fn since(&self, log: &[(StreamId, Noted)], above: u64, limit: usize, of: impl Fn(&Kept) -> bool) -> Vec<Record> {
        let from = self.changes.partition_point(|sequence| *sequence <= above);
        let added = self.changes[from..].iter().filter_map(|sequence| match &log[*sequence as usize - 1].1 {
            Noted::Added(at) => Some(&self.kept[*at]),
            Noted::Otherwise(_) => None,
        });
        added.filter(|kept| of(kept)).take(limit).map(|kept| kept.record.clone()).collect()
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Store for MemoryStore {
    async fn origin(&self) -> Result<[u8; 16], StoreError> {
        self.held().map(|_| self.origin)
    }

    async fn last(&self) -> Result<u64, StoreError> {
        self.held().map(|held| held.log.len() as u64)
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        let mut held = self.held()?;
        let last = held.streams.get(&stream).and_then(|shelf| shelf.changes.last().copied()).unwrap_or(0);
        if last != commit.seen {
            return Err(StoreError::conflict(&stream));
        }
        if commit.is_empty() {
            return Ok(last);
        }
        let shelf = held.shelf(stream);
        let new = |object: &NewObject| !shelf.by_id.contains_key(&object.place.id);
        let objects: Vec<NewObject> = commit.objects.into_iter().filter(new).collect();
        let (leaves, cited) = leaves_after(&objects);
        shelf.leaves.extend(leaves);
        shelf.leaves.retain(|leaf| cited.binary_search(leaf).is_err());
        shelf.dropped.extend(commit.drops);
        objects.into_iter().for_each(|object| held.insert(stream, object));
        commit.marks.into_iter().for_each(|mark| held.mark(stream, mark));
        let last = held.shelf(stream).changes.last().copied().unwrap_or(0);
        drop(held);
        self.changed.notify(usize::MAX);
        Ok(last)
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError> {
        let held = self.held()?;
        let shelf = held.streams.get(&stream);
        Ok(ids.iter().map(|id| Some(shelf?.find(id)?.record.clone())).collect())
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError> {
        let held = self.held()?;
        let shelf = held.streams.get(&stream);
        Ok(ids.iter().map(|id| shelf.is_some_and(|shelf| shelf.by_id.contains_key(id))).collect())
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let held = self.held()?;
        let Some(shelf) = held.streams.get(&stream) else { return Ok(Vec::new()) };
        let log = &held.log;
        Ok(match scan {
            Scan::After(place) => {
                let places = shelf.order.range((place.map_or(Unbounded, Excluded), Unbounded));
                places.take(limit).map(|(_, at)| shelf.kept[*at].record.clone()).collect()
            }
            Scan::Before(place) => {
                let places = shelf.order.range((Unbounded, place.map_or(Unbounded, Excluded)));
                places.rev().take(limit).map(|(_, at)| shelf.kept[*at].record.clone()).collect()
            }
            Scan::Since(above) => shelf.since(log, above, limit, |_| true),
            Scan::Author(author, above) => shelf.since(log, above, limit, |kept| kept.author == *author.as_bytes()),
            Scan::Type(r#type, above) => shelf.since(log, above, limit, |kept| kept.r#type == r#type),
        })
    }

    async fn places(
        &self,
        stream: StreamId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, u64)>, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let held = self.held()?;
        let Some(shelf) = held.streams.get(&stream) else { return Ok(Vec::new()) };
        let places = shelf.order.range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(places.take(limit).map(|(place, at)| (*place, shelf.kept[*at].record.sequence)).collect())
    }

    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError> {
        let held = self.held()?;
        Ok(held.streams.get(&stream).map(|shelf| Head {
            last: shelf.changes.last().copied().unwrap_or(0),
            objects: shelf.kept.len() as u64,
            finals: shelf.finals,
        }))
    }

    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        let held = self.held()?;
        Ok(held.streams.get(&stream).map(|shelf| shelf.leaves.iter().copied().collect()).unwrap_or_default())
    }

    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        let held = self.held()?;
        Ok(held.streams.get(&stream).map(|shelf| shelf.dropped.iter().copied().collect()).unwrap_or_default())
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        let held = self.held()?;
        let behind = |stream: &&StreamId| after.is_none_or(|after| **stream > after);
        Ok(held.streams.keys().filter(behind).take(limit).copied().collect())
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError> {
        let held = self.held()?;
        let logged = |sequence: u64| {
            let (stream, noted) = &held.log[sequence as usize - 1];
            let what = match noted {
                Noted::Added(at) => held.streams[stream].kept[*at].added(),
                Noted::Otherwise(what) => LoggedChange::clone(what),
            };
            Logged { sequence, stream: *stream, what }
        };
        let Some(stream) = stream else {
            return Ok((above + 1..=held.log.len() as u64).take(limit).map(logged).collect());
        };
        let changes = held.streams.get(&stream).map_or(&[][..], |shelf| &shelf.changes);
        let from = changes.partition_point(|sequence| *sequence <= above);
        Ok(changes[from..].iter().take(limit).copied().map(logged).collect())
    }

    async fn wait(&self, above: u64) -> Result<(), StoreError> {
        loop {
            let changed = self.changed.listen();
            if self.last().await? > above {
                return Ok(());
            }
            changed.await;
        }
    }

    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.held().map(|held| held.cursors.get(name).cloned())
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.held()?.cursors.insert(name.to_owned(), value.to_vec());
        Ok(())
    }

    async fn number(&self) -> Result<Numbered, StoreError> {
        let mut held = self.held()?;
        held.counter += 1;
        Ok(Numbered { store: self.origin, counter: held.counter })
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.held()?.closed = true;
        self.changed.notify(usize::MAX);
        Ok(())
    }
}
