//! The pending room (spec 7.2): objects that cite what is not here. It keeps their ids, not the objects.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::id::ObjectId;

/// The bytes that the room itself spends on an object, and on each id that it misses.
const OWN_BYTES: u64 = 192;

/// What may wait, or waits: for one, or for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How many objects.
    pub objects: u64,
    /// Their bytes: the weight given with each, and 192 for it and for each id that it misses.
    pub bytes: u64,
}

impl Share {
    fn plus(self, bytes: u64) -> Self {
        Self { objects: self.objects + 1, bytes: self.bytes.saturating_add(bytes) }
    }

    fn minus(self, bytes: u64) -> Self {
        Self { objects: self.objects - 1, bytes: self.bytes - bytes }
    }

    fn within(self, limit: Share) -> bool {
        self.objects <= limit.objects && self.bytes <= limit.bytes
    }
}

/// How much may wait. The default for all is 65,536 objects and 64 MiB; for one peer a quarter of it; for one author
/// an eighth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingLimits {
    /// Of all together.
    pub all: Share,
    /// Of what one peer brought.
    pub peer: Share,
    /// Of what one author wrote.
    pub author: Share,
}

impl Default for PendingLimits {
    fn default() -> Self {
        let part = |of: u64| Share { objects: (1 << 16) / of, bytes: (64 << 20) / of };
        Self { all: part(1), peer: part(4), author: part(8) }
    }
}

/// Why an object may not wait. Nothing of it is remembered, and nothing that waits gives way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PendingFull {
    /// The share of its author.
    #[error("the share of the author in the pending room is used up")]
    Author,
    /// The share of the peer who brought it.
    #[error("the share of the peer in the pending room is used up")]
    Peer,
    /// The room.
    #[error("the pending room is full")]
    All,
}

/// What became of an object that may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It waits.
    New,
    /// It waited before, and counts for who brought it first.
    Known,
}

/// Objects that wait for others, by id. What waits is itself missing to those that cite it, until it is admitted.
/// All costs are O(log n) for each id that is touched.
#[derive(Default)]
pub struct Pending {
    limits: PendingLimits,
    waiting: BTreeMap<ObjectId, Waiting>,
    /// (what is missing, what waits for it); the same links as the lists in `waiting`, seen from the other side.
    links: BTreeSet<(ObjectId, ObjectId)>,
    all: Share,
    peers: BTreeMap<u64, Share>,
    authors: BTreeMap<[u8; 32], Share>,
}

struct Waiting {
    missing: Vec<ObjectId>,
    bytes: u64,
    author: [u8; 32],
    peer: u64,
}

impl Pending {
    /// An empty room.
    pub fn new(limits: PendingLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// How many objects wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether it waits.
    pub fn contains(&self, id: &ObjectId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Lets an object of `weight` bytes wait until all of `missing` have arrived.
    ///
    /// # Errors
    ///
    /// Its author, its peer or all have no share left for it.
    ///
    /// # Panics
    ///
    /// If it misses nothing.
    pub fn add(
        &mut self,
        id: ObjectId,
        missing: &[ObjectId],
        weight: u64,
        author: [u8; 32],
        peer: u64,
    ) -> Result<Added, PendingFull> {
        assert!(!missing.is_empty(), "what misses nothing need not wait");
        if self.contains(&id) {
            return Ok(Added::Known);
        }
        let mut missing = missing.to_vec();
        missing.sort_unstable();
        missing.dedup();

        let bytes = weight.saturating_add(OWN_BYTES * (1 + missing.len() as u64));
        let of_author = self.authors.get(&author).copied().unwrap_or_default().plus(bytes);
        let of_peer = self.peers.get(&peer).copied().unwrap_or_default().plus(bytes);
        let of_all = self.all.plus(bytes);
        if !of_author.within(self.limits.author) {
            return Err(PendingFull::Author);
        }
        if !of_peer.within(self.limits.peer) {
            return Err(PendingFull::Peer);
        }
        if !of_all.within(self.limits.all) {
            return Err(PendingFull::All);
        }
        self.authors.insert(author, of_author);
        self.peers.insert(peer, of_peer);
        self.all = of_all;
        self.links.extend(missing.iter().map(|&missing| (missing, id)));
        self.waiting.insert(id, Waiting { missing, bytes, author, peer });
        Ok(Added::New)
    }

    /// An object was admitted. Returns those that now miss nothing, ascending; they wait no longer. When one of them
    /// is admitted in turn, it has arrived for those that wait for it.
    pub fn arrived(&mut self, id: ObjectId) -> Vec<ObjectId> {
        let mut ready = self.waiting_for(id);
        ready.retain(|waiting| {
            self.links.remove(&(id, *waiting));
            let missing = &mut self.waiting.get_mut(waiting).expect("linked").missing;
            missing.retain(|missing| *missing != id);
            missing.is_empty()
        });
        for id in &ready {
            self.remove(id);
        }
        ready
    }

    /// An object was refused, and so is what cites it (spec 7.2). Returns all that waited for it, directly or through
    /// others that wait; they wait no longer, nor does it, if it did.
    pub fn refused(&mut self, id: ObjectId) -> Vec<ObjectId> {
        self.remove(&id);
        let mut gone = Vec::new();
        let (mut cause, mut next) = (Some(id), 0);
        while let Some(refused) = cause {
            for waiting in self.waiting_for(refused) {
                self.remove(&waiting);
                gone.push(waiting);
            }
            cause = gone.get(next).copied();
            next += 1;
        }
        gone
    }

    /// Forgets an object that waits, and tells whether it did; what waits for it goes on waiting.
    pub fn remove(&mut self, id: &ObjectId) -> bool {
        let Some(gone) = self.waiting.remove(id) else { return false };
        for missing in gone.missing {
            self.links.remove(&(missing, *id));
        }
        self.all = self.all.minus(gone.bytes);
        release(&mut self.authors, gone.author, gone.bytes);
        release(&mut self.peers, gone.peer, gone.bytes);
        true
    }

    /// The ids to ask for: missing, and not waiting themselves; ascending. O(n) to list them all.
    pub fn gaps(&self) -> impl Iterator<Item = ObjectId> {
        let mut last = None;
        let missing = self.links.iter().map(|&(missing, _)| missing);
        missing.filter(move |&missing| last.replace(missing) != Some(missing)).filter(|missing| !self.contains(missing))
    }

    /// Those that miss it, ascending.
    fn waiting_for(&self, id: ObjectId) -> Vec<ObjectId> {
        let links = self.links.range((id, ObjectId::from_bytes([0; 32]))..);
        links.take_while(|(missing, _)| *missing == id).map(|&(_, waiting)| waiting).collect()
    }
}

/// Takes an object from a share; a share without objects is forgotten, or names alone would fill the room.
fn release<K: Ord>(shares: &mut BTreeMap<K, Share>, of: K, bytes: u64) {
    let share = shares.get_mut(&of).expect("what waits has a share");
    *share = share.minus(bytes);
    if share.objects == 0 {
        shares.remove(&of);
    }
}
