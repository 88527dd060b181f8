//! Streams in a store: opened when they are asked for, committed before an answer is given, closed when memory runs out.
//!
//! What is read page by page, or by id, comes from the store alone. What is written, and what only the whole graph can
//! tell, opens the stream: then its objects are in memory, as many streams as fit under a limit. Several nodes may
//! write to one store, and to one stream: a node whose commit conflicts takes in what the other wrote, and commits what
//! then follows.

pub mod answers;

mod common;

pub mod archive;

pub mod feed;

pub mod find;

pub mod fold;

pub mod ingest;

pub mod keep;

pub mod known;

mod opened;

pub mod page;

pub mod peers;

pub mod replay;

mod taking;

pub mod verify;

pub mod witness;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_lock::{Mutex as AsyncMutex, MutexGuardArc};

use self::opened::Opened;
use crate::keyed::HashKey;
use crate::object::authenticate::Authentic;
use crate::object::id::{ObjectId, StreamId};
use crate::object::parts::{Object, RedactError};
use crate::schema::definition::Definition;
use crate::schema::fit::Unlike;
use crate::store::{Head, Numbered, Store, StoreError, StoreErrorKind};
use crate::stream::admit::Rejected;
use crate::stream::define::Hold;
use crate::stream::{OpenError, Stream};

/// How much memory the open streams of a node may take together, unless [`Node::with_memory`] tells: 256 MiB.
pub const DEFAULT_MEMORY: usize = 256 << 20;

/// Why a node did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NodeError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing of the stream is here.
    #[error("no stream {0} is here")]
    Unknown(StreamId),
    /// No stream begins with this object.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The node does not begin a stream with this root: it is not as it is defined.
    #[error("not as it is defined: {0}")]
    Unlike(#[from] Unlike),
    /// What the store holds is refused by its own stream: it was changed, or another version wrote it.
    #[error("{id} is in the store, and its stream does not take it: {reason}")]
    Inconsistent {
        /// The object.
        id: ObjectId,
        /// Why.
        reason: Rejected,
    },
}

/// The streams of a store.
///
/// ```
/// # use streams_core::{Draft, HashKey, Map, MemoryStore, Node, SigningKey};
/// # use std::sync::Arc;
/// # pollster::block_on(async {
/// let key = SigningKey::from_bytes([7; 32]);
/// let hash_key = HashKey::from_bytes([1; 16]); // from the operating system's randomness, in earnest
/// let node = Node::new(Arc::new(MemoryStore::new([2; 16], hash_key)), hash_key);
/// let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
/// node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new()).map(drop)).await??;
/// let count = node.read(stream, |stream| stream.replay(0, |count, _| count + 1)).await?;
/// assert_eq!(count, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct Node {
    store: Arc<dyn Store>,
    key: HashKey,
    memory: usize,
    /// What streams are held to.
    definition: Option<(Arc<Definition>, Hold)>,
    open: Mutex<Open>,
    /// Which streams are here, for peers that compare theirs.
    table: AsyncMutex<common::Table>,
    /// Held while what peers said is written down.
    notes: AsyncMutex<()>,
    /// What this node stated lately.
    stated: Mutex<HashMap<StreamId, answers::Stated, HashKey>>,
    /// The number of the last statement; none where nothing was numbered yet.
    numbered: AsyncMutex<Option<Numbered>>,
}

/// The streams that are open, or were lately.
#[derive(Debug)]
struct Open {
    slots: HashMap<StreamId, Slot, HashKey>,
    /// Counts uses, so that the one that was not used for longest can be told.
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    opened: Arc<AsyncMutex<Option<Opened>>>,
    used: u64,
    /// What it took after its last use.
    memory: usize,
}

/// A stream that is open, and that nobody else uses until it is released.
struct Taken(MutexGuardArc<Option<Opened>>);

impl Taken {
    fn opened(&mut self) -> &mut Opened {
        self.0.as_mut().expect("only what is open is taken up")
    }
}

impl Node {
    /// The streams of this store. `key` is unpredictable bytes, without which others could slow this node down.
    pub fn new(store: Arc<dyn Store>, key: HashKey) -> Self {
        let open = Open { slots: HashMap::with_hasher(key), uses: 0 };
        Self {
            store,
            key,
            memory: DEFAULT_MEMORY,
            definition: None,
            open: Mutex::new(open),
            table: AsyncMutex::default(),
            notes: AsyncMutex::default(),
            stated: Mutex::new(HashMap::with_hasher(key)),
            numbered: AsyncMutex::default(),
        }
    }

    /// The same, with another limit for what the open streams take together, in bytes. The stream in use stays open,
    /// whatever it takes.
    pub fn with_memory(self, bytes: usize) -> Self {
        Self { memory: bytes, ..self }
    }

    /// The same, which holds each stream of a definition to it, whoever begins it; a root that does not fit begins none.
    /// Streams that are not in the definition are as free as without.
    ///
    /// ```
    /// # use streams_core::{Draft, HashKey, Map, MemoryStore, Node, SigningKey};
    /// # use streams_core::schema::definition::Definition;
    /// # use streams_core::stream::define::Hold;
    /// # use std::sync::Arc;
    /// # pollster::block_on(async {
    /// # let (key, hash_key) = (SigningKey::from_bytes([7; 32]), HashKey::from_bytes([1; 16]));
    /// # let store = Arc::new(MemoryStore::new([2; 16], hash_key));
    /// let definition = Definition::parse("stream example.org/list { root object Created { } event Added { text string } }")?;
    /// let node = Node::new(store, hash_key).with_definition(definition.into(), Hold::Own);
    /// let stream = node.create(Draft::root("example.org/list.Created", [0; 16]).sign(&key)?).await?;
    /// let refused = node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new())).await?;
    /// assert_eq!(refused.unwrap_err().to_string(), "not as it is defined: text is missing, which must be there");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn with_definition(self, definition: Arc<Definition>, hold: Hold) -> Self {
        Self { definition: Some((definition, hold)), ..self }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What the store knows of a stream; `None` where nothing of it is here.
    pub async fn head(&self, stream: StreamId) -> Result<Option<Head>, NodeError> {
        Ok(self.store.head(stream).await?)
    }

    /// Whether a stream is open in memory: who reads it then does not read the store.
    ///
    /// ```
    /// # use streams_core::{Draft, HashKey, MemoryStore, Node, SigningKey};
    /// # use std::sync::Arc;
    /// # pollster::block_on(async {
    /// # let (key, hash_key) = (SigningKey::from_bytes([7; 32]), HashKey::from_bytes([1; 16]));
    /// # let store = Arc::new(MemoryStore::new([2; 16], hash_key));
    /// let node = Node::new(store.clone(), hash_key);
    /// let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
    /// assert!(node.is_open(stream));
    /// let other = Node::new(store, hash_key);
    /// assert!(!other.is_open(stream), "this node did not read it yet");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn is_open(&self, stream: StreamId) -> bool {
        self.open().slots.get(&stream).is_some_and(|slot| slot.memory > 0)
    }

    /// Begins a stream with its root, ordinary or hypothetical. One that is here stays as it is.
    pub async fn create(&self, root: impl Into<Authentic>) -> Result<StreamId, NodeError> {
        let mut stream = Stream::open(root, self.key)?;
        let id = stream.id();
        let mut opened = self.slot(id).lock_arc().await;
        if opened.is_some() || self.store.head(id).await?.is_some() {
            return Ok(id);
        }
        self.hold(&mut stream)?;
        let mut new = Opened::begin(stream);
        let committed = new.commit(&*self.store).await;
        *opened = Some(new);
        self.release(id, opened, committed.is_err());
        match committed {
            // Somebody else began it meanwhile.
            Err(NodeError::Store(error)) if error.kind() == StoreErrorKind::Conflict => Ok(id),
            committed => committed.map(|()| id),
        }
    }

    /// Drops a map of an object, here alone (spec 3.3): of its bytes nothing remains in the store, and it is not taken
    /// back. `None` where the object is not here.
    pub async fn redact(
        &self,
        stream: StreamId,
        id: &ObjectId,
        map: &ObjectId,
    ) -> Result<Option<Result<Object, RedactError>>, NodeError> {
        self.write(stream, |stream| stream.redact(id, map)).await
    }

    /// Reads a stream that is opened for it.
    pub async fn read<T>(&self, stream: StreamId, read: impl FnOnce(&Stream) -> T) -> Result<T, NodeError> {
        self.write(stream, |stream| read(stream)).await
    }

    /// Changes a stream that is opened for it, once, and commits what became different before it returns: so one appends,
    /// governs, makes checkpoints. What the closure gives back is given back. Where the store fails, the change may be durable or not; doing it again is safe for what is taken in by its id.
    pub async fn write<T>(&self, stream: StreamId, write: impl FnOnce(&mut Stream) -> T) -> Result<T, NodeError> {
        let mut taken = self.take_up(stream).await?;
        let answer = write(taken.opened().stream());
        self.put_back(stream, taken).await.map(|()| answer)
    }

    /// Changes a stream as [`write`](Self::write) does, if its last change is still the one with this number, which
    /// [`Head::last`] told. `None`, and nothing is changed, where somebody wrote meanwhile: read it again, and decide anew.
    /// So what was decided by what is in the stream is right about it, whoever else writes.
    ///
    /// ```
    /// # use streams_core::{Draft, HashKey, Map, MemoryStore, Node, SigningKey};
    /// # use std::sync::Arc;
    /// # pollster::block_on(async {
    /// # let (key, hash_key) = (SigningKey::from_bytes([7; 32]), HashKey::from_bytes([1; 16]));
    /// # let node = Node::new(Arc::new(MemoryStore::new([2; 16], hash_key)), hash_key);
    /// # let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
    /// let seen = node.head(stream).await?.unwrap().last;
    /// let once = || node.write_after(stream, seen, |stream| stream.by(&key).append("example.org/list.Begun", Map::new()));
    /// assert!(once().await?.is_some());
    /// assert!(once().await?.is_none(), "somebody did it already");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub async fn write_after<T>(
        &self,
        stream: StreamId,
        seen: u64,
        write: impl FnOnce(&mut Stream) -> T,
    ) -> Result<Option<T>, NodeError> {
        let mut taken = self.take_up(stream).await?;
        if taken.opened().seen() != seen {
            self.release(stream, taken.0, false);
            return Ok(None);
        }
        let answer = write(taken.opened().stream());
        let committed = taken.opened().commit(&*self.store).await;
        // Where somebody wrote meanwhile, what was written is in memory alone.
        self.release(stream, taken.0, committed.is_err());
        match committed {
            Err(NodeError::Store(error)) if error.kind() == StoreErrorKind::Conflict => Ok(None),
            committed => committed.map(|()| Some(answer)),
        }
    }

    /// The stream as the store has it now, which nobody else uses until it is put back.
    async fn take_up(&self, stream: StreamId) -> Result<Taken, NodeError> {
        let mut opened = self.slot(stream).lock_arc().await;
        match self.make_current(stream, &mut opened).await {
            Ok(()) => Ok(Taken(opened)),
            Err(error) => {
                self.release(stream, opened, true);
                Err(error)
            }
        }
    }

    /// Commits what became different of a stream, and lets others use it.
    async fn put_back(&self, stream: StreamId, mut taken: Taken) -> Result<(), NodeError> {
        let settled = taken.opened().settle(&*self.store).await;
        self.release(stream, taken.0, settled.is_err());
        settled
    }

    /// Opens a stream, or takes in what others wrote to it.
    async fn make_current(&self, stream: StreamId, opened: &mut Option<Opened>) -> Result<(), NodeError> {
        match opened {
            Some(opened) => opened.catch_up(&*self.store).await,
            None => {
                let opened = opened.insert(Opened::load(stream, &*self.store, self.key).await?);
                // What is here stays, whatever its root is.
                let _ = self.hold(opened.stream());
                Ok(())
            }
        }
    }

    /// Holds a stream to the definition, where it is one of it.
    fn hold(&self, stream: &mut Stream) -> Result<(), Unlike> {
        let Some((definition, hold)) = &self.definition else { return Ok(()) };
        match stream.hold_to(definition.clone(), *hold) {
            Err(Unlike::Type(_)) => Ok(()),
            held => held,
        }
    }

    /// Lets others use a stream. Where its use failed, what is in memory may not be in the store: it is read again.
    fn release(&self, stream: StreamId, mut opened: MutexGuardArc<Option<Opened>>, failed: bool) {
        if failed {
            *opened = None;
        }
        let memory = opened.as_ref().map_or(0, Opened::memory);
        drop(opened);
        self.used(stream, memory);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn slot(&self, stream: StreamId) -> Arc<AsyncMutex<Option<Opened>>> {
        let mut open = self.open();
        open.uses += 1;
        let used = open.uses;
        let slot = open.slots.entry(stream).or_insert_with(|| Slot { opened: Arc::default(), used, memory: 0 });
        slot.used = used;
        slot.opened.clone()
    }

    /// Takes note of what a stream takes, and closes those that were not used for longest, as far as it is too much.
    fn used(&self, stream: StreamId, memory: usize) {
        let mut open = self.open();
        if let Some(slot) = open.slots.get_mut(&stream) {
            slot.memory = memory;
        }
        if memory == 0 {
            open.slots.remove(&stream);
        }
        while open.slots.values().map(|slot| slot.memory).sum::<usize>() > self.memory {
            // Somebody uses it where there is more than one reference to it.
            let idle = |id: &StreamId, slot: &Slot| *id != stream && Arc::strong_count(&slot.opened) == 1;
            let oldest = open.slots.iter().filter(|(id, slot)| idle(id, slot)).min_by_key(|(_, slot)| slot.used);
            let Some(oldest) = oldest.map(|(id, _)| *id) else { return };
            open.slots.remove(&oldest);
        }
    }
}
