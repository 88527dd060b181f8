//! The contract of a store: where objects survive.
//!
//! A store keeps the objects of many streams, with what was decided about them, and numbers every change. It decides
//! nothing itself: what is committed was admitted and judged by a [`Stream`]; [`crate::node::Node`] does
//! both. The contract as tests is in `conformance`, behind the feature of that name.
//!
//! What holds of every store:
//!
//! - **All or nothing.** A commit is there whole or not at all, for every reader and after every crash, and it is durable
//!   when it returns.
//! - **One sequence.** Every object and every mark of a commit takes the next number of the store's sequence, from 1,
//!   without gaps, in the order of the commits: whoever has seen all up to a number will never find a new one below it.
//! - **One writer at a time.** A commit names the number of the last change of its stream that its writer has seen. Where
//!   it is another by now, nothing is committed: [`StoreErrorKind::Conflict`]. So what several writers decide was always
//!   decided about the same objects, and a commit that is sent twice changes nothing the second time.
//! - **No transaction is open between calls.** What two calls read may be of two moments.
//! - **Absent is `None`**, or an empty list, and never an error.

use std::sync::Arc;

use async_trait::async_trait;

use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};
use crate::shared::Shared;
use crate::stream::Stream;
pub use crate::sync::said::Numbered;

/// Where an object stands in its stream: ascending is the order of spec 9.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of its epoch, from 1.
    pub epoch: u32,
    /// Its generation.
    pub generation: u64,
    /// Its tie.
    pub tie: [u8; 32],
    /// Its id.
    pub id: ObjectId,
}

/// All that is changed at once, of one stream.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The number of the last change of the stream that the writer has seen; 0 where it has seen none.
    pub seen: u64,
    /// New objects, causes first. One that is here already takes no number, and changes nothing.
    pub objects: Vec<NewObject>,
    /// What is decided anew about objects that are here.
    pub marks: Vec<Mark>,
    /// Maps that this replica dropped itself, to be remembered (spec 3.3).
    pub drops: Vec<ObjectId>,
}

/// An object to be kept, with what is found by an index.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// Where it stands, and its id.
    pub place: Place,
    /// Its author.
    pub author: VerifyingKey,
    /// Its type.
    pub r#type: String,
    /// Its parents, and its previous where that is not among them.
    pub edges: Vec<ObjectId>,
    /// Whether it is effective.
    pub effective: bool,
    /// The object that adopts it.
    pub adopted_by: Option<ObjectId>,
    /// Its parts.
    pub parts: Arc<[u8]>,
}

/// What is decided anew about objects that are here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is effective, or void.
    Verdict {
        /// The object.
        id: ObjectId,
        /// Which.
        effective: bool,
    },
    /// It is adopted, or not any more.
    Adopted {
        /// The object.
        id: ObjectId,
        /// The adopting object that counts.
        by: Option<ObjectId>,
    },
    /// Another copy of it is kept: maps were dropped, or came back. Of what was dropped, nothing remains.
    Copy {
        /// The object.
        id: ObjectId,
        /// The parts of the copy.
        parts: Arc<[u8]>,
    },
    /// So many objects are final, and these have another epoch than before.
    Finalized {
        /// How many.
        upto: u64,
        /// The objects, each with the number of its epoch.
        epochs: Vec<(ObjectId, u32)>,
    },
}

/// An object as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the store's sequence.
    pub sequence: u64,
    /// Where it stands, and its id.
    pub place: Place,
    /// Whether it is effective.
    pub effective: bool,
    /// The object that adopts it.
    pub adopted_by: Option<ObjectId>,
    /// Its parts, as they are on the disk: whoever reads them hashes them.
    pub parts: Arc<[u8]>,
}

/// What a store knows of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of its last change.
    pub last: u64,
    /// How many objects it has.
    pub objects: u64,
    /// How many of them are final: the first so many of the order.
    pub finals: u64,
}

/// Which objects of a stream are read, and in which order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// All, by their places, behind this one.
    After(Option<Place>),
    /// All, by their places, backwards, those before this one.
    Before(Option<Place>),
    /// All, by their numbers, above this one.
    Since(u64),
    /// Those of an author, by their numbers, above this one. Of an author that does not fork, that is its chain.
    Author(VerifyingKey, u64),
    /// Those of a type, by their numbers, above this one.
    Type(String, u64),
}

/// A change, as the store numbered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its number.
    pub sequence: u64,
    /// The stream.
    pub stream: StreamId,
    /// What became different.
    pub what: LoggedChange,
}

/// What became different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggedChange {
    /// An object is here.
    Added {
        /// The object.
        id: ObjectId,
        /// The key of its author.
        author: [u8; 32],
        /// Its type.
        r#type: String,
    },
    /// A verdict.
    Verdict {
        /// The object.
        id: ObjectId,
        /// Whether it is effective.
        effective: bool,
    },
    /// An adoption.
    Adopted {
        /// The object.
        id: ObjectId,
        /// The adopting object, if there is one.
        by: Option<ObjectId>,
    },
    /// Another copy of an object is kept.
    Copy {
        /// The object.
        id: ObjectId,
    },
    /// So many objects are final.
    Finalized {
        /// How many.
        upto: u64,
    },
}

/// Where objects survive. See the [module](self) for what holds of every store.
///
/// Lists that are given are answered in their order. A limit of 0 is answered with an empty list.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Store: Shared + std::fmt::Debug {
    /// Sixteen bytes, drawn when the store was made: its sequence is no other's.
    async fn origin(&self) -> Result<[u8; 16], StoreError>;

    /// The number of the last change of all; 0 where there is none.
    async fn last(&self) -> Result<u64, StoreError>;

    /// Commits, and returns the number of the stream's last change. A commit without anything in it does nothing.
    ///
    /// Others see all of it or nothing. Where this returns an error, or never returns, either is possible, and
    /// [`head`](Self::head) tells which; a conflict has changed nothing.
    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError>;

    /// Objects of a stream.
    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError>;

    /// Which objects of a stream are here.
    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError>;

    /// At most so many objects of a stream.
    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// The places of at most so many objects of a stream behind one, in order, with their numbers: what
    /// [`Scan::After`] tells without the objects. A store that has them in an index need not read the rest.
    async fn places(
        &self,
        stream: StreamId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, u64)>, StoreError> {
        let records = self.scan(stream, Scan::After(after), limit).await?;
        Ok(records.into_iter().map(|record| (record.place, record.sequence)).collect())
    }

    /// What is known of a stream; `None` where nothing of it is here.
    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError>;

    /// The objects of a stream that nothing here cites, ascending.
    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError>;

    /// The maps that were dropped from a stream and are not taken back, ascending.
    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError>;

    /// At most so many streams, ascending, behind this one.
    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError>;

    /// At most so many changes above a number, of one stream or of all.
    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError>;

    /// Returns when there is a change above a number, or when there may be: a hint, to look again.
    async fn wait(&self, above: u64) -> Result<(), StoreError>;

    /// What was kept under a name: where a reader of the feed is. `None` where nothing was.
    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps something under a name; durable when it returns.
    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError>;

    /// The next number for a statement (spec 10.4): durable when it returns, so no number is given twice.
    async fn number(&self) -> Result<Numbered, StoreError>;

    /// Closes: what follows is answered with [`StoreErrorKind::Closed`], and when it returns, nothing here uses files
    /// or connections of the store any more. Dropping a store without is a crash, which loses nothing that was
    /// committed.
    async fn close(&self) -> Result<(), StoreError>;
}

/// What kind of failure, for what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreErrorKind {
    /// Somebody else wrote to the stream: read on, and decide again.
    Conflict,
    /// Not now: try again.
    Busy,
    /// There is no room.
    Full,
    /// What was read is not what was written.
    Corrupt,
    /// The store was closed.
    Closed,
    /// This version cannot do it: the store is newer, or the kind of store has no such thing.
    Unsupported,
    /// Anything else: the source tells.
    Other,
}

/// Why a store did not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error in one sentence.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With what caused it.
    pub fn because(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// Somebody else wrote to the stream.
    pub fn conflict(stream: &StreamId) -> Self {
        Self::new(StoreErrorKind::Conflict, format!("somebody else wrote to {stream} since it was read"))
    }

    /// The store was closed.
    pub fn closed() -> Self {
        Self::new(StoreErrorKind::Closed, "the store was closed")
    }

    /// An object is not what its id says.
    pub fn corrupt(id: &ObjectId) -> Self {
        Self::new(StoreErrorKind::Corrupt, format!("the store does not hold {id} as it was written"))
    }

    /// What kind of failure.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl StoreErrorKind {
    /// The name of the kind, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Busy => "busy",
            Self::Full => "full",
            Self::Corrupt => "corrupt",
            Self::Closed => "closed",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }
}

impl Commit {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.marks.is_empty() && self.drops.is_empty()
    }

    /// Whether bytes go that are in the store: nothing of them may stay.
    pub fn drops_bytes(&self) -> bool {
        self.marks.iter().any(|mark| matches!(mark, Mark::Copy { .. }))
    }
}

impl NewObject {
    /// An object of a stream, as it stands there; `None` where it is not there.
    pub fn of(stream: &Stream, id: &ObjectId) -> Option<Self> {
        let placed = stream.placed(id)?;
        let (object, header) = (placed.authentic.object(), placed.authentic.header());
        let place = Place { epoch: placed.epoch, generation: header.generation(), tie: placed.tie, id: *id };
        Some(Self {
            place,
            author: header.author(),
            r#type: header.r#type().to_owned(),
            edges: object.edges(),
            effective: placed.effective,
            adopted_by: placed.adopted_by,
            parts: object.parts().clone(),
        })
    }
}

/// What new objects make of the leaves of a stream: of the new ones those that nothing new cites, and what they cite
/// beside each other. Every store keeps its leaves by it.
pub fn leaves_after<'a>(objects: impl IntoIterator<Item = &'a NewObject> + Clone) -> (Vec<ObjectId>, Vec<ObjectId>) {
    let ascending = |mut ids: Vec<ObjectId>| {
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let mut new = ascending(objects.clone().into_iter().map(|object| object.place.id).collect());
    let mut cited = ascending(objects.into_iter().flat_map(|object| object.edges.iter().copied()).collect());
    let mut cited_before = cited.iter().copied().peekable();
    let mut both = Vec::new();
    new.retain(|id| {
        while cited_before.next_if(|cited| cited < id).is_some() {}
        let is_cited = cited_before.peek() == Some(id);
        both.extend(is_cited.then_some(*id));
        !is_cited
    });
    let mut both = both.into_iter().peekable();
    cited.retain(|id| both.next_if_eq(id).is_none());
    (new, cited)
}
