//! Writing objects: a draft becomes an authentic object when its author signs it.

use super::authenticate::{Authentic, AuthenticateError};
use super::author::{Domain, SigningKey, VerifyingKey};
use super::codec::Writer;
use super::header::Field;
use super::id::{ObjectId, StreamId};
use super::parts::{EncodedMap, Object, Unsound, encode_nested};
use super::value::Map;

/// Where an event stands in its stream: what [`crate::Stream::edges`] computes, and whoever keeps a graph elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edges {
    /// The stream.
    pub stream: StreamId,
    /// The leaves that the author knows: 1 to 16, in any order.
    pub parents: Vec<ObjectId>,
    /// The author's own latest object in the stream.
    pub previous: Option<ObjectId>,
    /// 1 + the largest generation among parents and previous.
    pub generation: u64,
}

/// An object that is not signed yet.
///
/// ```
/// # use streams_core::{Draft, Map, SigningKey, Value};
/// let key = SigningKey::from_bytes([7; 32]); // from the operating system's randomness, in earnest
/// let root = Draft::root("example.org/list", [0; 16]) // and this nonce too
///     .data(Map::new().with("title", Value::Text("Groceries".into()))?)
///     .sign(&key)?;
/// assert_eq!(root.header().author(), key.verifying_key());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    r#type: String,
    place: Place,
    timestamp: Option<u64>,
    next: Option<[u8; 32]>,
    policies: Vec<Map>,
    data: Option<Map>,
}

#[derive(Clone, Debug)]
enum Place {
    Root { nonce: [u8; 16] },
    Event(Edges),
}

impl Draft {
    /// An ordinary root of a stream. The nonce is 16 fresh random bytes: it makes two streams of one type and author
    /// two.
    pub fn root(r#type: impl Into<String>, nonce: [u8; 16]) -> Self {
        Self::new(r#type.into(), Place::Root { nonce })
    }

    /// An object that follows others in its stream.
    pub fn event(r#type: impl Into<String>, edges: Edges) -> Self {
        Self::new(r#type.into(), Place::Event(edges))
    }

    fn new(r#type: String, place: Place) -> Self {
        Self { r#type, place, timestamp: None, next: None, policies: Vec::new(), data: None }
    }

    /// With the time that the author claims, in milliseconds since 1970 UTC. It is told to people; nothing depends on
    /// it.
    pub fn timestamp(mut self, milliseconds: u64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    /// With the hash of the key that may succeed the owner.
    pub fn next(mut self, hash: [u8; 32]) -> Self {
        self.next = Some(hash);
        self
    }

    /// With these rules.
    pub fn policies<R: Into<Map>>(mut self, rules: impl IntoIterator<Item = R>) -> Self {
        self.policies = rules.into_iter().map(Into::into).collect();
        self
    }

    /// With this content.
    pub fn data(mut self, data: Map) -> Self {
        self.data = Some(data);
        self
    }

    /// Signs the object. Refused is what nobody would admit: a limit or a rule of the header that is broken.
    pub fn sign(self, key: &SigningKey) -> Result<Authentic, AuthenticateError> {
        let object = self.encode_for(key.author_text())?;
        let signature = key.sign(Domain::Object, object.id().as_bytes());
        Authentic::signed(object.with_signature(&signature), key.verifying_key())
    }

    /// The object before it is signed, where its author's key is elsewhere: in hardware, or in a browser that does not
    /// hand it out. What is signed there, under [`Domain::Object`], is its id; the signature is put in by
    /// [`Object::with_signature`], and [`Authenticator::authenticate`](super::authenticate::Authenticator::authenticate)
    /// judges it as if it had come from anywhere.
    ///
    /// ```
    /// # use streams_core::{Authenticator, Domain, Draft, HashKey, SigningKey};
    /// # let elsewhere = SigningKey::from_bytes([7; 32]);
    /// let object = Draft::root("example.org/list", [0; 16]).encode(&elsewhere.verifying_key())?;
    /// let signature = elsewhere.sign(Domain::Object, object.id().as_bytes());
    /// let object = object.with_signature(&signature);
    /// let root = Authenticator::new(HashKey::from_bytes([9; 16])).authenticate(object)?;
    /// assert_eq!(root.header().author(), elsewhere.verifying_key());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode(self, author: &VerifyingKey) -> Result<Object, Unsound> {
        self.encode_for(&author.to_string())
    }

    fn encode_for(self, author: &str) -> Result<Object, Unsound> {
        let mut maps = Vec::new();
        let block = self.block(author, &mut maps)?;
        Object::encoded(&block, &[], &maps)
    }

    /// Writes the block, whose keys have a fixed order, and the blocks of the maps in it.
    fn block(self, author: &str, maps: &mut Vec<EncodedMap>) -> Result<Vec<u8>, Unsound> {
        let mut nested = |map: &Map| encode_nested(map, 2, maps);
        let data = self.data.as_ref().map(&mut nested).transpose()?;
        let policies = self.policies.iter().map(nested).collect::<Result<Vec<_>, _>>()?;
        let (nonce, edges) = match self.place {
            Place::Root { nonce } => (Some(nonce), None),
            Place::Event(edges) => (None, Some(edges)),
        };
        let (stream, mut parents, previous, generation) = match edges {
            None => (None, Vec::new(), None, None),
            Some(edges) => (Some(edges.stream), edges.parents, edges.previous, Some(edges.generation)),
        };
        parents.sort_unstable();

        let mut entries = Entries::default();
        if let Some(data) = data {
            entries.of(Field::Data).reference(&data);
        }
        if let Some(next) = self.next {
            entries.of(Field::Next).bytes(&next);
        }
        entries.of(Field::Type).text(&self.r#type);
        if let Some(nonce) = nonce {
            entries.of(Field::Nonce).bytes(&nonce);
        }
        entries.of(Field::Author).text(author);
        if let Some(stream) = stream {
            entries.of(Field::Stream).reference(&stream);
            write_ids(entries.of(Field::Parents), &parents);
        }
        if let Some(previous) = previous {
            entries.of(Field::Previous).reference(&previous);
        }
        if !policies.is_empty() {
            write_ids(entries.of(Field::Policies), &policies);
        }
        if let Some(timestamp) = self.timestamp {
            entries.of(Field::Timestamp).uint(timestamp);
        }
        if let Some(generation) = generation {
            entries.of(Field::Generation).uint(generation);
        }
        Ok(entries.into_block())
    }
}

/// The entries of a block, counted while they are written.
#[derive(Default)]
struct Entries {
    count: usize,
    writer: Writer,
}

impl Entries {
    /// Begins an entry; its value is to be written.
    fn of(&mut self, field: Field) -> &mut Writer {
        self.count += 1;
        self.writer.text(field.key());
        &mut self.writer
    }

    fn into_block(self) -> Vec<u8> {
        let entries = self.writer.into_bytes();
        let mut block = Writer::with_capacity(entries.len() + 3);
        block.map(self.count);
        block.raw(&entries);
        block.into_bytes()
    }
}

fn write_ids(writer: &mut Writer, ids: &[ObjectId]) {
    writer.list(ids.len());
    for id in ids {
        writer.reference(id);
    }
}
