//! Streams: admission, order and replay over the floors below (spec 7 to 9).
//!
//! A [`Stream`] holds what one replica has of one stream. It is pure: bytes come in, answers go out, and whoever has
//! taken in the same objects, in whatever order, answers the same.

pub mod content;

pub mod ties;

mod chains;

pub mod admit;

mod pasts;

pub mod judge;

pub mod checkpoint;

pub mod explain;

mod adopt;

mod remove;

pub mod append;

pub mod define;

pub mod govern;

pub mod replay;

mod differ;

pub mod feed;

pub mod fold;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::graph::{Graph, Index, Pending, PendingLimits};
use crate::keyed::HashKey;
use crate::object::authenticate::{Authentic, Authenticator};
use crate::object::author::VerifyingKey;
use crate::object::header::Role;
use crate::object::id::{ObjectId, StreamId};

use self::admit::{Cited, Refused, RefusedIds};
use self::adopt::Adoptions;
use self::chains::Chains;
pub use self::chains::Fork;
use self::checkpoint::Checkpoints;
use self::content::{Content, ContentError};
use self::define::Held;
use self::feed::Change;
use self::judge::Judge;
use self::pasts::Pasts;
use self::remove::Removals;
use self::ties::Ties;

/// What is kept of an object beside its parts: it is effective; a map of it stands redacted.
const EFFECTIVE: u8 = 1;
const REDACTED: u8 = 2;

/// What one replica holds of one stream.
///
/// About 120 bytes an object, beside its parts.
#[derive(Clone)]
pub struct Stream {
    id: StreamId,
    key: HashKey,
    graph: Graph,
    chains: Chains,
    ties: Ties,
    authenticator: Authenticator,
    pasts: Pasts,
    judge: Judge,
    checkpoints: Checkpoints,
    adoptions: Adoptions,
    removals: Removals,
    /// For each object, its parts.
    parts: Vec<Arc<[u8]>>,
    /// For each object, what is known of it.
    flags: Vec<u8>,
    pending: Pending,
    /// The objects that wait in the pending room.
    waiting: HashMap<ObjectId, Authentic, HashKey>,
    refused: RefusedIds,
    /// The maps that this replica dropped (spec 3.3).
    dropped_maps: BTreeSet<ObjectId>,
    /// What it is held to, where it is.
    held: Option<Held>,
    /// What was not told yet, where somebody watches.
    changes: Option<Vec<Change>>,
}

/// Why a stream cannot be opened with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The object follows others.
    #[error("not a root: a stream begins with a root")]
    NotARoot,
    /// The rules of the root are not well formed.
    #[error(transparent)]
    Content(#[from] ContentError),
}

impl Stream {
    /// The root is the first object.
    const ROOT: Index = Index::FIRST;

    /// Opens a stream with its root. `key` is unpredictable bytes, without which others could slow this replica down.
    pub fn open(root: impl Into<Authentic>, key: HashKey) -> Result<Self, OpenError> {
        Self::open_with_limits(root, key, PendingLimits::default())
    }

    /// Opens a stream whose pending room has other limits than the usual.
    pub fn open_with_limits(
        root: impl Into<Authentic>,
        key: HashKey,
        pending: PendingLimits,
    ) -> Result<Self, OpenError> {
        let root = root.into();
        if root.header().role() == Role::Event {
            return Err(OpenError::NotARoot);
        }
        let content = Content::read(&root)?;
        let mut stream = Self {
            id: root.id(),
            key,
            graph: Graph::new(key),
            chains: Chains::new(key),
            ties: Ties::new(root.id()),
            authenticator: Authenticator::new(key),
            pasts: Pasts::new(key),
            judge: Judge::new(key),
            checkpoints: Checkpoints::default(),
            adoptions: Adoptions::default(),
            removals: Removals::default(),
            parts: Vec::new(),
            flags: Vec::new(),
            pending: Pending::new(pending),
            waiting: HashMap::with_hasher(key),
            refused: RefusedIds::new(key),
            dropped_maps: BTreeSet::new(),
            held: None,
            changes: None,
        };
        stream.insert(root, content, &Cited::default());
        Ok(stream)
    }

    /// The id of the stream, which is that of its root.
    pub fn id(&self) -> StreamId {
        self.id
    }

    /// The author of the root.
    pub fn owner(&self) -> VerifyingKey {
        self.chains.author(Self::ROOT)
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.graph.len()
    }

    /// Never: a stream has its root.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether the object is here.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.graph.find(id).is_some()
    }

    /// The objects that nothing here cites, ascending.
    pub fn leaves(&self) -> Vec<ObjectId> {
        let mut leaves: Vec<ObjectId> = self.graph.leaves().map(|leaf| self.graph.id(leaf)).collect();
        leaves.sort_unstable();
        leaves
    }

    /// The digest of the leaves (spec 10.2): equal frontiers are equal sets of objects.
    pub fn frontier(&self) -> [u8; 32] {
        self.graph.frontier()
    }

    /// The digest of the order: BLAKE3 over the ids of all objects, in their order. Equal digests are equal replays.
    pub fn order_digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for id in self.order() {
            hasher.update(id.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// What objects that wait cite, and that is not here and does not wait itself, ascending.
    pub fn gaps(&self) -> Vec<ObjectId> {
        self.pending.gaps().collect()
    }

    /// The objects that wait for one that is not here, ascending.
    pub fn citing(&self, gap: &ObjectId) -> Vec<Authentic> {
        self.pending.waiting_for(*gap).iter().filter_map(|id| self.waiting.get(id)).cloned().collect()
    }

    /// The forks, ascending by their first object.
    pub fn forks(&self) -> Vec<Fork> {
        self.chains.forks(&self.graph)
    }

    /// The latest refused objects, and why each was refused, ascending.
    pub fn refused(&self) -> Vec<(ObjectId, Refused)> {
        let mut refused: Vec<_> = self.refused.ids().collect();
        refused.sort_unstable_by_key(|(id, _)| *id);
        refused
    }

    /// Everyone who wrote here, in the order of their first arrival.
    pub fn authors(&self) -> impl ExactSizeIterator<Item = VerifyingKey> {
        self.chains.chains().iter().map(|chain| chain.author)
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("id", &self.id).field("len", &self.len()).finish_non_exhaustive()
    }
}
