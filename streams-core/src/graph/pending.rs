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
#[derive(Clone, Default)]
pub struct Pending {
    limits: PendingLimits,
    waiting: BTreeMap<ObjectId, Waiting>,
    /// (what is missing, what waits for it); the same links as the lists in `waiting`, seen from the other side.
    links: BTreeSet<(ObjectId, ObjectId)>,
    all: Share,
    peers: BTreeMap<u64, Share>,
    authors: BTreeMap<[u8; 32], Share>,
}

#[derive(Clone)]
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

    /// Whether something waits for it, or it waits itself.
    pub fn is_asked_for(&self, id: &ObjectId) -> bool {
        self.contains(id)
            || self.links.range((*id, ObjectId::from_bytes([0; 32]))..).next().is_some_and(|(missing, _)| missing == id)
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
    pub fn waiting_for(&self, id: ObjectId) -> Vec<ObjectId> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AUTHOR: [u8; 32] = [1; 32];
    const PEER: u64 = 1;

    fn id(number: usize) -> ObjectId {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&(number as u64).to_be_bytes());
        ObjectId::from_bytes(digest)
    }

    fn ids(numbers: &[usize]) -> Vec<ObjectId> {
        numbers.iter().copied().map(id).collect()
    }

    /// A room where only the count of objects is limited.
    fn room(all: u64, peer: u64, author: u64) -> Pending {
        let limit = |objects| Share { objects, bytes: u64::MAX };
        Pending::new(PendingLimits { all: limit(all), peer: limit(peer), author: limit(author) })
    }

    fn large() -> Pending {
        room(u64::MAX, u64::MAX, u64::MAX)
    }

    fn add(pending: &mut Pending, number: usize, missing: &[usize]) {
        assert_eq!(pending.add(id(number), &ids(missing), 100, AUTHOR, PEER), Ok(Added::New));
    }

    /// Admits an object and all that waited for it, one after the other; returns the number of those.
    fn admit(pending: &mut Pending, number: usize) -> usize {
        let mut ready = pending.arrived(id(number));
        let mut next = 0;
        while let Some(&id) = ready.get(next) {
            ready.extend(pending.arrived(id));
            next += 1;
        }
        ready.len()
    }

    fn assert_forgot_all(pending: &Pending) {
        assert!(pending.is_empty() && pending.links.is_empty());
        assert!(pending.peers.is_empty() && pending.authors.is_empty());
        assert_eq!(pending.all, Share::default());
    }

    #[test]
    fn it_waits_for_the_last_that_is_missing() {
        let mut pending = large();
        add(&mut pending, 3, &[1, 2, 1]);
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[1, 2]));
        assert_eq!(pending.arrived(id(1)), []);
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[2]));
        assert_eq!(pending.arrived(id(2)), [id(3)]);
        assert_forgot_all(&pending);
    }

    #[test]
    fn what_waits_is_missing_but_no_gap() {
        let mut pending = large();
        add(&mut pending, 3, &[2]);
        add(&mut pending, 2, &[1]);
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[1]));
        assert_eq!(pending.arrived(id(1)), [id(2)]);
        assert_eq!(pending.arrived(id(2)), [id(3)]);
        assert_forgot_all(&pending);
    }

    #[test]
    fn what_is_removed_becomes_a_gap() {
        let mut pending = large();
        add(&mut pending, 3, &[2]);
        add(&mut pending, 2, &[1]);
        assert!(pending.remove(&id(2)));
        assert!(!pending.remove(&id(2)));
        assert!(!pending.contains(&id(2)) && pending.contains(&id(3)));
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[2]));
    }

    #[test]
    fn what_cites_the_refused_goes_with_it_once() {
        let mut pending = large();
        add(&mut pending, 2, &[1]);
        add(&mut pending, 3, &[1, 9]);
        add(&mut pending, 4, &[2, 3]);
        add(&mut pending, 5, &[9]);
        assert_eq!(pending.refused(id(1)), ids(&[2, 3, 4]));
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[9]));
        assert_eq!(pending.refused(id(5)), []);
        assert_forgot_all(&pending);
    }

    #[test]
    fn what_comes_again_counts_for_who_brought_it_first() {
        let mut pending = room(2, 1, 2);
        add(&mut pending, 2, &[1]);
        assert_eq!(pending.add(id(2), &ids(&[1]), 100, AUTHOR, 9), Ok(Added::Known));
        assert_eq!(pending.add(id(3), &ids(&[1]), 100, AUTHOR, 9), Ok(Added::New));
        assert_eq!(pending.len(), 2);
    }

    #[test]
    fn each_share_is_limited_and_freed() {
        let mut pending = room(4, 3, 2);
        let mut add = |number, author: u8, peer| pending.add(id(number), &[id(0)], 0, [author; 32], peer);
        assert_eq!(add(1, 1, 1), Ok(Added::New));
        assert_eq!(add(2, 1, 2), Ok(Added::New));
        assert_eq!(add(3, 1, 3), Err(PendingFull::Author));
        assert_eq!(add(3, 2, 1), Ok(Added::New));
        assert_eq!(add(4, 3, 1), Ok(Added::New));
        assert_eq!(add(5, 4, 1), Err(PendingFull::Peer));
        assert_eq!(add(5, 4, 2), Err(PendingFull::All));

        assert!(!pending.contains(&id(5)));
        assert!(pending.remove(&id(1)));
        assert_eq!(pending.add(id(5), &[id(0)], 0, [1; 32], 1), Ok(Added::New));
        assert_eq!(pending.arrived(id(0)).len(), 4);
        assert_forgot_all(&pending);
    }

    #[test]
    fn bytes_are_limited_with_those_of_the_room_itself() {
        let all = Share { objects: 10, bytes: 1000 };
        let mut pending = Pending::new(PendingLimits { all, peer: all, author: all });
        assert_eq!(pending.add(id(1), &ids(&[8, 9]), 424, AUTHOR, PEER), Ok(Added::New));
        assert_eq!(pending.all, Share { objects: 1, bytes: 1000 });
        assert_eq!(pending.add(id(2), &ids(&[9]), u64::MAX, AUTHOR, PEER), Err(PendingFull::Author));
        assert_eq!(pending.add(id(2), &ids(&[9]), 0, AUTHOR, PEER), Err(PendingFull::Author));
        assert_eq!(pending.gaps().collect::<Vec<_>>(), ids(&[8, 9]));
    }

    #[test]
    fn the_default_leaves_room_for_others() {
        let PendingLimits { all, peer, author } = PendingLimits::default();
        assert_eq!(all, Share { objects: 65_536, bytes: 67_108_864 });
        assert_eq!(peer, Share { objects: 16_384, bytes: 16_777_216 });
        assert_eq!(author, Share { objects: 8_192, bytes: 8_388_608 });
    }

    #[test]
    fn a_long_chain_is_admitted_or_refused_in_any_order_of_arrival() {
        let len = 65_536;
        // 48,271 has no divisor in common with the length, so this meets each number once.
        let orders: [fn(usize) -> usize; 3] = [|i| i, |i| 65_535 - i, |i| i * 48_271 % 65_536];
        for order in orders {
            let mut pending = large();
            for number in (0..len).map(order) {
                add(&mut pending, number + 1, &[number]);
            }
            assert_eq!(pending.gaps().collect::<Vec<_>>(), [id(0)]);
            assert_eq!(admit(&mut pending, 0), len);
            assert_forgot_all(&pending);

            for number in (0..len).map(order) {
                add(&mut pending, number + 1, &[number]);
            }
            assert_eq!(pending.refused(id(0)).len(), len);
            assert_forgot_all(&pending);
        }
    }

    proptest! {
        #[test]
        fn each_object_is_ready_when_all_it_misses_has_arrived(
            objects in prop::collection::vec(prop::collection::vec(0..30usize, 1..5), 1..30),
            arrivals in Just((0..30).collect::<Vec<usize>>()).prop_shuffle(),
        ) {
            // Objects 100, 101, … miss what never waits, so readiness follows from the arrivals alone.
            let mut pending = large();
            for (number, missing) in objects.iter().enumerate() {
                add(&mut pending, 100 + number, missing);
            }
            for (time, &arrival) in arrivals.iter().enumerate() {
                let here = &arrivals[..=time];
                let complete = |missing: &Vec<usize>| missing.iter().all(|number| here.contains(number));
                let ready = |missing: &Vec<usize>| complete(missing) && missing.contains(&arrival);
                let expected: Vec<usize> = (0..objects.len()).filter(|&number| ready(&objects[number])).collect();
                let expected: Vec<ObjectId> = expected.iter().map(|number| id(100 + number)).collect();
                prop_assert_eq!(pending.arrived(id(arrival)), expected);

                let waiting = objects.iter().filter(|missing| !complete(missing));
                let gaps: BTreeSet<usize> = waiting.flatten().copied().filter(|number| !here.contains(number)).collect();
                prop_assert!(pending.gaps().eq(gaps.into_iter().map(id)));
            }
            assert_forgot_all(&pending);
        }
    }
}
