//! The simplest store: objects of many streams, in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::keyed::HashKey;
use crate::object::authenticate::Authenticator;
use crate::object::id::{ObjectId, StreamId};
use crate::object::parts::Object;
use crate::stream::Stream;
use crate::stream::admit::Rejected;

/// Keeps objects by stream and id. It judges nothing: what is put in was admitted by a [`Stream`].
///
/// ```
/// # use streams_core::{Draft, HashKey, Map, SigningKey, Stream, memory::MemoryStore};
/// let key = SigningKey::from_bytes([7; 32]);
/// let hash_key = HashKey::from_bytes([1; 16]);
/// let mut stream = Stream::open(Draft::root("example.org/list", [0; 16]).sign(&key)?, hash_key)?;
/// stream.by(&key).append("example.org/list.Added", Map::new())?;
///
/// let mut store = MemoryStore::new(hash_key);
/// store.put_all(&stream);
/// let again = store.open(&stream.id(), hash_key).expect("it was put in")?;
/// assert_eq!(again.order_digest(), stream.order_digest());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    hash_key: HashKey,
    streams: BTreeMap<StreamId, Shelf>,
}

/// The objects of one stream, in the order of their arrival.
#[derive(Debug)]
struct Shelf {
    places: HashMap<ObjectId, usize, HashKey>,
    parts: Vec<Arc<[u8]>>,
}

impl MemoryStore {
    /// An empty store. `key` is unpredictable bytes.
    pub fn new(key: HashKey) -> Self {
        Self { hash_key: key, streams: BTreeMap::new() }
    }

    /// Puts an object in. One that is here is replaced by this copy, in its place: copies differ in what is redacted.
    pub fn put(&mut self, stream: StreamId, object: &Object) {
        let key = self.hash_key;
        let shelf = self
            .streams
            .entry(stream)
            .or_insert_with(|| Shelf { places: HashMap::with_hasher(key), parts: Vec::new() });
        let end = shelf.parts.len();
        match *shelf.places.entry(object.id()).or_insert(end) {
            place if place < end => shelf.parts[place] = object.parts().clone(),
            _ => shelf.parts.push(object.parts().clone()),
        }
    }

    /// Puts all objects of a stream in.
    pub fn put_all(&mut self, stream: &Stream) {
        for entry in stream.entries() {
            self.put(stream.id(), entry.authentic.object());
        }
    }

    /// The parts of an object; `None` where it is not here.
    pub fn object(&self, stream: &StreamId, id: &ObjectId) -> Option<&Arc<[u8]>> {
        let shelf = self.streams.get(stream)?;
        shelf.places.get(id).map(|place| &shelf.parts[*place])
    }

    /// The parts of all objects of a stream, in the order of their arrival.
    pub fn objects(&self, stream: &StreamId) -> impl Iterator<Item = &Arc<[u8]>> {
        self.streams.get(stream).into_iter().flat_map(|shelf| &shelf.parts)
    }

    /// The streams that have an object here, ascending.
    pub fn streams(&self) -> impl ExactSizeIterator<Item = StreamId> {
        self.streams.keys().copied()
    }

    /// Opens a stream from what is here. Signatures are not verified again (spec 6.2); all else is judged again.
    /// `None` where its root is not here.
    pub fn open(&self, stream: &StreamId, key: HashKey) -> Option<Result<Stream, Rejected>> {
        let root = self.object(stream, stream)?;
        Some(self.open_with_root(root, stream, key))
    }

    fn open_with_root(&self, root: &[u8], id: &StreamId, key: HashKey) -> Result<Stream, Rejected> {
        let root = Authenticator::new(key).verified_before(Object::decode(root)?)?;
        let mut stream = Stream::open(root, key)?;
        for parts in self.objects(id) {
            stream.ingest_verified(parts)?;
        }
        Ok(stream)
    }
}
