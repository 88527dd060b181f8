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
use order::{Key, Slot, Tree};

pub use frontier::frontier_of;
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

/// The objects of one stream and their edges, up to 2^32 − 1. With 1.2 edges an object costs 76 bytes where the stream
/// grew in order, and up to 88 where it arrived in any other.
#[derive(Clone)]
pub struct Graph {
    hasher: HashKey,
    table: HashTable<Index>,
    arena: Arena,
    leaves: Vec<Index>,
    /// The order of the final epochs, one after another.
    finals: Vec<Index>,
    /// Where each of them ends in `finals`.
    ends: Vec<usize>,
    /// The order of the open tail, behind them.
    order: Tree,
}

impl Graph {
    /// An empty graph.
    pub fn new(key: HashKey) -> Self {
        Self::with_capacity(key, 0)
    }

    /// An empty graph whose table of ids will not grow before it holds this many objects: a pause each time that
    /// their number doubles, of some 25 ms at a million.
    pub fn with_capacity(key: HashKey, objects: usize) -> Self {
        Self {
            hasher: key,
            table: HashTable::with_capacity(objects),
            arena: Arena::default(),
            leaves: Vec::new(),
            finals: Vec::new(),
            ends: Vec::new(),
            order: Tree::new(),
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
        self.table.find(self.hasher.hash(id.as_bytes()), |&index| self.arena.id(index) == id).copied()
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
    /// `tie` is its full tie (spec 9.1). Of ties the graph keeps the first 4 bytes; `tie_of` is asked for the full tie
    /// of others that have the same, all of this generation. They are rare, unless one author writes twice in a
    /// generation: then the ties are equal, and the ids decide.
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
        self.table.insert_unique(self.hasher.hash(id.as_bytes()), new, |_| unreachable!("there is room"));
        self.arena.push(id, Key::new(generation, &tie), edges);
        self.move_frontier(new, edges);

        let tie_of = |index| if index == new { tie } else { tie_of(index) };
        let (arena, slot) = (&self.arena, self.arena.slot(new));
        self.order.insert(slot, |other| compare(arena, other, &slot, tie_of).is_lt());
        new
    }

    /// Makes the table of ids twice as large. It would do so by itself, but takes its entries in the order of their
    /// hashes, and waits for memory at each; ids in order of arrival, hashed many at a time, are seven times as fast.
    fn grow_table(&mut self) {
        let mut table = HashTable::with_capacity(self.len() + 1);
        let mut indices = (0..).map(Index);
        for ids in self.arena.ids() {
            let hashes: Vec<u64> = ids.iter().map(|id| self.hasher.hash(id.as_bytes())).collect();
            for (hash, index) in hashes.into_iter().zip(&mut indices) {
                table.insert_unique(hash, index, |_| unreachable!("there is room"));
            }
        }
        self.table = table;
    }

    /// Which of two stands first in the order. O(1); `tie_of` as for [`insert`](Self::insert).
    pub fn compare(&self, a: Index, b: Index, tie_of: impl Fn(Index) -> [u8; 32]) -> Ordering {
        compare(&self.arena, &self.arena.slot(a), &self.arena.slot(b), tie_of)
    }

    /// Its place in the order, from 0, where it is of the final epoch of this number, from 0, or of the open tail: of
    /// that which comes after the last one. O(log n); `tie_of` as for [`insert`](Self::insert).
    pub fn position(&self, index: Index, epoch: usize, tie_of: impl Fn(Index) -> [u8; 32]) -> usize {
        let slot = self.arena.slot(index);
        let before = |other: &Slot| compare(&self.arena, other, &slot, &tie_of).is_lt();
        match self.ends.get(epoch) {
            None => self.finals.len() + self.order.rank(before),
            Some(&end) => {
                let start = self.start(epoch);
                start + self.finals[start..end].partition_point(|other| before(&self.arena.slot(*other)))
            }
        }
    }

    /// Where the epoch of this number, from 0, begins in the order.
    fn start(&self, epoch: usize) -> usize {
        epoch.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// The ends of the final epochs in the order.
    pub fn epoch_ends(&self) -> &[usize] {
        &self.ends
    }

    /// Keeps the first `keep` final epochs, and divides all that stands behind them anew, into `count` final epochs
    /// and the open tail: `epoch_of` tells the number of an object's epoch, from 0, or `keep + count`, the tail's.
    /// O(n log n) for the n objects behind those that are kept. `tie_of` tells the full tie of an object of a
    /// generation.
    pub fn divide(
        &mut self,
        keep: usize,
        count: usize,
        epoch_of: impl Fn(Index) -> usize,
        tie_of: impl Fn(Index, u64) -> [u8; 32],
    ) {
        let start = self.start(keep);
        let mut behind: Vec<Index> = self.order_from(start).collect();
        self.finals.truncate(start);
        self.ends.truncate(keep);
        // Where one epoch alone is divided, its objects stand in order already, and this takes a single pass.
        let tie_of = |index: Index| tie_of(index, self.generation(index));
        behind.sort_by(|&a, &b| {
            let (a, b) = (self.arena.slot(a), self.arena.slot(b));
            compare(&self.arena, &a, &b, tie_of)
        });
        let mut epochs = vec![Vec::new(); count];
        self.order = Tree::new();
        for index in behind {
            match epochs.get_mut(epoch_of(index) - keep) {
                Some(epoch) => epoch.push(index),
                None => self.order.insert(self.arena.slot(index), |_| true),
            }
        }
        for epoch in epochs {
            self.finals.extend(epoch);
            self.ends.push(self.finals.len());
        }
    }

    /// What stands at this place in the order. O(log n).
    pub fn at(&self, position: usize) -> Option<Index> {
        self.order_from(position).next()
    }

    /// All objects, in order.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = Index> + Clone {
        self.order_from(0)
    }

    /// The objects from this place in the order on; none where the order is shorter. O(log n), then a few nanoseconds
    /// each; from either end.
    pub fn order_from(&self, position: usize) -> impl DoubleEndedIterator<Item = Index> + Clone {
        let finals = self.finals.get(position..).unwrap_or_default();
        finals.iter().copied().chain(self.order.iter_from(position.saturating_sub(self.finals.len())))
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
fn compare(arena: &Arena, a: &Slot, b: &Slot, tie_of: impl Fn(Index) -> [u8; 32]) -> Ordering {
    a.key.cmp(&b.key).then_with(|| {
        if a.index == b.index {
            return Ordering::Equal;
        }
        let ties = tie_of(a.index).cmp(&tie_of(b.index));
        ties.then_with(|| arena.id(a.index).cmp(arena.id(b.index)))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A graph to be grown: node 0 is the root, every other cites some before it; and an order of arrival.
    #[derive(Clone, Debug)]
    pub(super) struct Plan {
        pub(super) edges: Vec<Vec<usize>>,
        authors: Vec<u8>,
        arrival: Vec<usize>,
        ties: Ties,
    }

    /// How ties are drawn: as they are; all with one beginning, as if mined; all the same.
    #[derive(Clone, Copy, Debug)]
    enum Ties {
        Free,
        Mined,
        Equal,
    }

    pub(super) fn id(number: usize) -> ObjectId {
        ObjectId::of_block(&number.to_le_bytes())
    }

    pub(super) fn empty() -> Graph {
        Graph::new(HashKey::from_bytes([7; 16]))
    }

    fn never(_: Index) -> [u8; 32] {
        panic!("all ties differ")
    }

    impl Plan {
        fn tie(&self, generations: &[u64], node: usize) -> [u8; 32] {
            let drawn = *blake3::hash(&[generations[node] as u8, self.authors[node]]).as_bytes();
            match self.ties {
                Ties::Free => drawn,
                Ties::Mined => std::array::from_fn(|i| if i < 31 { 0 } else { drawn[i] }),
                Ties::Equal => [0; 32],
            }
        }

        /// The graph, and the index of each node.
        pub(super) fn grow(&self) -> (Graph, Vec<Index>) {
            let generations = self.generations();
            let (mut graph, mut nodes, mut indices) = (empty(), Vec::new(), vec![Index(0); self.edges.len()]);
            for &node in &self.arrival {
                let edges: Vec<Index> = self.edges[node].iter().map(|&edge| indices[edge]).collect();
                let tie_of = |index: Index| {
                    assert_eq!(generations[nodes[index.as_usize()]], generations[node]);
                    self.tie(&generations, nodes[index.as_usize()])
                };
                indices[node] = graph.insert(id(node), &edges, generations[node], self.tie(&generations, node), tie_of);
                nodes.push(node);
            }
            (graph, indices)
        }

        fn generations(&self) -> Vec<u64> {
            let mut generations: Vec<u64> = Vec::new();
            for edges in &self.edges {
                generations.push(edges.iter().map(|&edge| generations[edge] + 1).max().unwrap_or(0));
            }
            generations
        }

        /// For each node, itself and its ancestors.
        fn pasts(&self) -> Vec<BTreeSet<usize>> {
            let mut pasts: Vec<BTreeSet<usize>> = Vec::new();
            for (node, edges) in self.edges.iter().enumerate() {
                let above = edges.iter().flat_map(|&edge| pasts[edge].iter().copied());
                pasts.push(above.chain([node]).collect());
            }
            pasts
        }
    }

    /// Graphs of up to 200 nodes, each with up to four edges, in any order of arrival that puts causes first.
    pub(super) fn arbitrary_plan() -> impl Strategy<Value = Plan> {
        let node = (prop::collection::vec(any::<prop::sample::Index>(), 1..=4), 0..4u8, any::<u32>());
        let ties = prop_oneof![Just(Ties::Free), Just(Ties::Mined), Just(Ties::Equal)];
        (prop::collection::vec(node, 1..200), ties).prop_map(|(drawn, ties)| {
            let cited = |(node, picks): (usize, &Vec<prop::sample::Index>)| -> Vec<usize> {
                let distinct: BTreeSet<usize> =
                    picks.iter().filter(|_| node > 0).map(|pick| pick.index(node)).collect();
                distinct.into_iter().collect()
            };
            let edges: Vec<Vec<usize>> = drawn.iter().map(|node| &node.0).enumerate().map(cited).collect();
            let (mut arrival, mut waiting) = (Vec::new(), (0..drawn.len()).collect::<BTreeSet<_>>());
            while !waiting.is_empty() {
                let ready = waiting.iter().filter(|&&node| edges[node].iter().all(|edge| !waiting.contains(edge)));
                let next = *ready.min_by_key(|&&node| drawn[node].2).expect("a graph has no circles");
                waiting.remove(&next);
                arrival.push(next);
            }
            Plan { edges, authors: drawn.iter().map(|node| node.1).collect(), arrival, ties }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn the_order_is_by_the_whole_key_whatever_the_arrival(plan in arbitrary_plan()) {
            let (graph, indices) = plan.grow();
            let generations = plan.generations();
            let key = |node: usize| (generations[node], plan.tie(&generations, node), id(node));
            let mut sorted: Vec<usize> = (0..indices.len()).collect();
            sorted.sort_by_key(|&node| key(node));

            let tie_of = |index: Index| plan.tie(&generations, plan.arrival[index.as_usize()]);
            prop_assert_eq!(graph.order().count(), indices.len());
            for (position, (&node, index)) in sorted.iter().zip(graph.order()).enumerate() {
                prop_assert_eq!(indices[node], index);
                prop_assert_eq!(graph.position(index, 0, tie_of), position);
                prop_assert_eq!(graph.at(position), Some(index));
                prop_assert!(graph.order_from(position).eq(sorted[position..].iter().map(|&node| indices[node])));
            }
            prop_assert_eq!(graph.at(indices.len()), None);
            for pair in sorted.windows(2) {
                prop_assert!(graph.compare(indices[pair[0]], indices[pair[1]], tie_of).is_lt());
                prop_assert!(graph.compare(indices[pair[1]], indices[pair[0]], tie_of).is_gt());
            }
        }

        #[test]
        fn what_was_inserted_is_found(plan in arbitrary_plan()) {
            let (graph, indices) = plan.grow();
            for (node, &index) in indices.iter().enumerate() {
                prop_assert_eq!(graph.find(&id(node)), Some(index));
                prop_assert_eq!(graph.id(index), id(node));
                prop_assert_eq!(graph.generation(index), plan.generations()[node]);
                prop_assert!(graph.parents(index).iter().eq(plan.edges[node].iter().map(|&edge| &indices[edge])));
            }
            prop_assert_eq!(graph.find(&id(indices.len())), None);
        }

        #[test]
        fn the_past_is_the_closure_over_edges(plan in arbitrary_plan()) {
            let (graph, indices) = plan.grow();
            let pasts = plan.pasts();
            for of in (0..indices.len()).step_by(7) {
                let edges: Vec<Index> = plan.edges[of].iter().map(|&edge| indices[edge]).collect();
                for (a, &index) in indices.iter().enumerate() {
                    prop_assert_eq!(graph.is_ancestor(index, &edges), a != of && pasts[of].contains(&a));
                }
                let past: Vec<usize> = graph.past(&[indices[of]]).map(|index| plan.arrival[index.as_usize()]).collect();
                prop_assert_eq!(past.len(), pasts[of].len());
                prop_assert_eq!(past.into_iter().collect::<BTreeSet<_>>(), pasts[of].clone());
            }
        }
    }

    /// A chain that every third object widens with the limit of 17 edges.
    fn long(len: usize) -> Graph {
        let mut graph = Graph::with_capacity(HashKey::from_bytes([1; 16]), 100);
        for number in 0..len {
            let edges = if number % 3 == 0 { 17 } else { 1 };
            let edges: Vec<Index> = (number.saturating_sub(edges)..number).map(|edge| Index(edge as u32)).collect();
            graph.insert(id(number), &edges, number as u64, *id(number).as_bytes(), never);
        }
        graph
    }

    #[test]
    fn growth_loses_nothing() {
        let graph = long(10_000);
        assert_eq!(graph.len(), 10_000);
        for number in 0..graph.len() {
            let index = graph.find(&id(number)).expect("inserted");
            assert_eq!(index, Index(number as u32));
            assert_eq!(graph.parents(index).len(), if number % 3 == 0 { number.min(17) } else { 1.min(number) });
            assert!(graph.parents(index).iter().all(|edge| edge.as_usize() < number));
        }
    }

    #[test]
    fn a_walk_enters_only_what_may_lead_there() {
        let graph = long(1_000);
        let entered = std::cell::Cell::new(0);
        let parents = |index| {
            entered.set(entered.get() + 1);
            graph.parents(index)
        };
        assert_eq!(walk_past(&[Index(999)], parents, |index| index >= Index(990)).count(), 10);
        assert_eq!(entered.get(), 10);
    }

    #[test]
    #[should_panic = "already here"]
    fn an_id_is_inserted_once() {
        let mut graph = long(2);
        graph.insert(id(1), &[Index(0)], 1, [0; 32], never);
    }

    #[test]
    #[should_panic = "given twice"]
    fn an_edge_is_given_once() {
        long(3).insert(id(3), &[Index(2), Index(1), Index(2)], 3, [0; 32], never);
    }

    #[test]
    #[should_panic = "leads nowhere"]
    fn an_edge_leads_somewhere() {
        long(3).insert(id(3), &[Index(3)], 3, [0; 32], never);
    }

    #[test]
    #[should_panic = "generation"]
    fn the_generation_is_one_more_than_the_largest() {
        long(3).insert(id(3), &[Index(2), Index(0)], 1, [0; 32], never);
    }
}
