//! The graph of one stream: which object cites which, and the order that follows (spec 9.1, 10.2).
//!
//! It knows ids, edges and the keys of the order, never an object's content, and believes its caller: what is
//! inserted was admitted. An object enters in four steps, each O(1) or O(log n):
//!
//! 1. `arena`: it gets the next [`Index`], and its id, generation and edges their place;
//! 2. the table of ids learns the index, so that [`Graph::find`] answers;
//! 3. [`frontier`](Graph::frontier): it becomes a leaf, and those that it cites are leaves no longer;
//! 4. [`order`](Graph::order): its index goes to its place among all others.
//!
//! What cannot be inserted yet waits in [`Pending`].

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use hashbrown::HashTable;

use crate::keyed::HashKey;
use crate::object::id::ObjectId;

use arena::Arena;
use order::{Key, Sequence, Slot};

pub use order::Order;
pub use pending::{Added, Pending, PendingFull, PendingLimits, Share};

mod arena;
mod frontier;
mod order;
mod pending;

/// An object's place in a [`Graph`]: dense, from 0, in order of arrival. What an object cites arrived before it, so
/// an ancestor's index is the smaller one. It means nothing in another graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u32);

impl Index {
    /// The first object of a graph: the root.
    pub const FIRST: Index = Index(0);

    /// For arrays that run beside the graph.
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// The objects of one stream and their edges; about 75 bytes an object, up to 2^32 − 1 of them.
pub struct Graph {
    hasher: HashKey,
    table: HashTable<Index>,
    arena: Arena,
    leaves: Vec<Index>,
    order: Sequence,
}

impl Graph {
    /// An empty graph.
    pub fn new(key: HashKey) -> Self {
        Self::with_capacity(key, 0)
    }

    /// An empty graph whose table of ids will not grow, which costs a pause, before it holds this many objects.
    pub fn with_capacity(key: HashKey, objects: usize) -> Self {
        Self {
            hasher: key,
            table: HashTable::with_capacity(objects),
            arena: Arena::default(),
            leaves: Vec::new(),
            order: Sequence::new(),
        }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the object with this id is, if it is here. O(1).
    pub fn find(&self, id: &ObjectId) -> Option<Index> {
        self.table.find(self.hasher.hash_id(id), |&index| self.arena.id(index) == id).copied()
    }

    /// Its id.
    pub fn id(&self, index: Index) -> ObjectId {
        *self.arena.id(index)
    }

    /// Its generation: 0 without parents, else one more than the largest of theirs.
    pub fn generation(&self, index: Index) -> u64 {
        self.arena.key(index).generation.into()
    }

    /// What it cites: parents and previous, each once, in the order in which they were given.
    pub fn parents(&self, index: Index) -> &[Index] {
        self.arena.edges(index)
    }

    /// Inserts an admitted object, with all that it cites as `edges`, and tells where it is. O(log n).
    ///
    /// `tie` is its full tie (spec 9.1). Of ties the graph keeps the first 8 bytes; where an older object of the same
    /// generation has the same, `tie_of` is asked for the older one's full tie. That is rare, unless one author writes
    /// twice in a generation: then the ties are equal, and the ids decide.
    ///
    /// # Panics
    ///
    /// If the caller proved nothing: the id is here, an edge is not here or is given twice, or the generation is
    /// wrong.
    pub fn insert(
        &mut self,
        id: ObjectId,
        edges: &[Index],
        generation: u64,
        tie: [u8; 32],
        tie_of: impl Fn(Index) -> [u8; 32],
    ) -> Index {
        assert!(edges.iter().all(|edge| edge.as_usize() < self.len()), "an edge leads nowhere");
        assert!((1..edges.len()).all(|i| !edges[i..].contains(&edges[i - 1])), "an edge is given twice");
        let above = edges.iter().map(|&edge| self.generation(edge) + 1).max().unwrap_or(0);
        assert_eq!(generation, above, "the generation is not one more than the largest of the edges");

        let new = Index(self.len().try_into().expect("more objects than an index can tell apart"));
        assert!(self.find(&id).is_none(), "the id is already here");
        if self.table.len() == self.table.capacity() {
            self.grow_table();
        }
        self.table.insert_unique(self.hasher.hash_id(&id), new, |_| unreachable!("there is room"));
        self.arena.push(id, Key::new(generation, &tie), edges);
        self.move_frontier(new, edges);

        let (arena, tie_of) = (&self.arena, |index| if index == new { tie } else { tie_of(index) });
        self.order
            .insert(Slot { key: arena.key(new), index: new }, |other| compare(arena, other, new, &tie_of).is_lt());
        new
    }

    /// Makes the table of ids twice as large. It would do so by itself, but takes its entries in the order of their
    /// hashes, and waits for memory at each; ids in order of arrival, hashed many at a time, are seven times as fast.
    fn grow_table(&mut self) {
        let mut table = HashTable::with_capacity(self.len() + 1);
        let mut indices = (0..).map(Index);
        for ids in self.arena.ids() {
            let hashes: Vec<u64> = ids.iter().map(|id| self.hasher.hash_id(id)).collect();
            for (hash, index) in hashes.into_iter().zip(&mut indices) {
                table.insert_unique(hash, index, |_| unreachable!("there is room"));
            }
        }
        self.table = table;
    }

    /// Which of two stands first in the order. O(1); `tie_of` as for [`insert`](Self::insert).
    pub fn compare(&self, a: Index, b: Index, tie_of: impl Fn(Index) -> [u8; 32]) -> Ordering {
        compare(&self.arena, a, b, tie_of)
    }

    /// Its place in the order, from 0. O(log n); `tie_of` as for [`insert`](Self::insert).
    pub fn position(&self, index: Index, tie_of: impl Fn(Index) -> [u8; 32]) -> usize {
        self.order.rank(self.arena.key(index), |other| compare(&self.arena, other, index, &tie_of).is_lt())
    }

    /// What stands at this place in the order. O(log n).
    pub fn at(&self, position: usize) -> Option<Index> {
        self.order_from(position).next()
    }

    /// All objects, in order.
    pub fn order(&self) -> Order<'_> {
        self.order_from(0)
    }

    /// The objects from this place in the order on; none where the order is shorter. O(log n), then O(1) each.
    pub fn order_from(&self, position: usize) -> Order<'_> {
        self.order.iter_from(position)
    }

    /// These objects and their ancestors, each once, the latest arrival first.
    pub fn past(&self, of: &[Index]) -> impl Iterator<Item = Index> {
        walk_past(of, |index| self.parents(index), |_| true)
    }

    /// Whether `a` is in the past of an object that cites `of`: is one of them, or an ancestor of one.
    ///
    /// The walk enters only what arrived after `a` and has a larger generation: it costs what lies between.
    pub fn is_ancestor(&self, a: Index, of: &[Index]) -> bool {
        let generation = self.generation(a);
        let between = |index| index == a || (index > a && self.generation(index) > generation);
        walk_past(of, |index| self.parents(index), between).any(|index| index == a)
    }
}

/// Walks from `of` towards the root: each of them and of their ancestors once, the latest arrival first, as far as
/// `enter` allows. Memory is as the walk is wide, not as it is long.
pub fn walk_past<'g>(
    of: &[Index],
    parents: impl Fn(Index) -> &'g [Index],
    enter: impl Fn(Index) -> bool,
) -> impl Iterator<Item = Index> {
    // All that leads to an object arrived after it, so when it is the latest, it was met as often as it ever will be.
    let mut met: BinaryHeap<Index> = of.iter().copied().filter(|&index| enter(index)).collect();
    std::iter::from_fn(move || {
        let latest = met.pop()?;
        while met.peek() == Some(&latest) {
            met.pop();
        }
        met.extend(parents(latest).iter().copied().filter(|&parent| enter(parent)));
        Some(latest)
    })
}

/// The order of spec 9.1 within an epoch: generation, tie, id.
fn compare(arena: &Arena, a: Index, b: Index, tie_of: impl Fn(Index) -> [u8; 32]) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    arena.key(a).cmp(&arena.key(b)).then_with(|| tie_of(a).cmp(&tie_of(b))).then_with(|| arena.id(a).cmp(arena.id(b)))
}
