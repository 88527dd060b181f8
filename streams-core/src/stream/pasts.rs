//! Which policy objects and checkpoints are in the past of an object, and which objects are in theirs.
//!
//! Both are asked for all objects, so neither may cost a walk. Every object has the number of a set of points, those in
//! its past: nearly always that of its parent, so few sets are ever made. Every point has for each line of objects
//! how many of it are in its past.

use std::collections::HashMap;

use hashbrown::HashTable;

use super::chains::Chains;
use crate::graph::{Graph, Index, walk_past};
use crate::keyed::HashKey;

/// The number of a policy object or a checkpoint, in order of arrival.
pub(super) type PointId = usize;

/// A policy object or a checkpoint: what may change what others mean.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) index: Index,
    /// For each line, how many of its objects are in the past; lines that are not here have none.
    seen: Vec<u32>,
}

impl Point {
    /// How many objects of a line are in the past of this point: its first ones.
    pub(super) fn seen(&self, line: u32) -> u32 {
        self.seen.get(line as usize).copied().unwrap_or(0)
    }

    /// How many objects are in the past of this point.
    pub(super) fn count(&self) -> u64 {
        self.seen.iter().map(|seen| u64::from(*seen)).sum()
    }
}

#[derive(Clone)]
pub(super) struct Pasts {
    pub(super) points: Vec<Point>,
    point_of: HashMap<Index, PointId, HashKey>,
    /// For each object, the set of the points in its past.
    known_of: Vec<u32>,
    sets: Sets,
}

impl Pasts {
    pub(super) fn new(key: HashKey) -> Self {
        Self { points: Vec::new(), point_of: HashMap::with_hasher(key), known_of: Vec::new(), sets: Sets::new(key) }
    }

    /// Takes note of the newest object of the graph, which is a point or not.
    pub(super) fn push(&mut self, graph: &Graph, chains: &Chains, index: Index, is_point: bool) {
        let mut known = Sets::EMPTY;
        for edge in graph.parents(index) {
            let of_edge = match self.point_of.get(edge) {
                None => self.known_of[edge.as_usize()],
                Some(point) => self.sets.with(self.known_of[edge.as_usize()], *point),
            };
            known = self.sets.union(known, of_edge);
        }
        self.known_of.push(known);
        if is_point {
            let seen = self.seen_by(graph, chains, index);
            self.point_of.insert(index, self.points.len());
            self.points.push(Point { index, seen });
        }
    }

    /// What a new point sees of each line: what the latest points in its past see, and what lies between, which is
    /// walked.
    fn seen_by(&self, graph: &Graph, chains: &Chains, index: Index) -> Vec<u32> {
        let mut latest: Vec<&Point> = Vec::new();
        for id in self.known(index).iter().rev() {
            let point = &self.points[id];
            let (line, place) = chains.place(point.index);
            if !latest.iter().any(|later| later.seen(line) > place) {
                latest.push(point);
            }
        }
        let mut seen = vec![0; chains.lines.len()];
        for point in &latest {
            for (seen, of_point) in seen.iter_mut().zip(&point.seen) {
                *seen = (*seen).max(*of_point);
            }
        }
        let base = seen.clone();
        let between = |index: Index| {
            let (line, place) = chains.place(index);
            base[line as usize] <= place
        };
        for index in walk_past(graph.parents(index), |index| graph.parents(index), between) {
            let (line, place) = chains.place(index);
            seen[line as usize] = seen[line as usize].max(place + 1);
        }
        seen
    }

    pub(super) fn point_of(&self, index: Index) -> Option<PointId> {
        self.point_of.get(&index).copied()
    }

    /// The points in the past of an object.
    pub(super) fn known(&self, index: Index) -> &Bits {
        self.sets.bits(self.known_of[index.as_usize()])
    }

    /// The number of the set of points in the past of an object: equal numbers are equal sets.
    pub(super) fn known_number(&self, index: Index) -> u32 {
        self.known_of[index.as_usize()]
    }

    /// The points that come after an object.
    pub(super) fn after(&self, chains: &Chains, index: Index) -> Bits {
        let (line, place) = chains.place(index);
        let mut after = Bits::default();
        for (id, point) in self.points.iter().enumerate().filter(|(_, point)| point.index > index) {
            if point.seen(line) > place {
                after.insert(id);
            }
        }
        after
    }
}

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) const EMPTY: Bits = Bits(Vec::new());

    /// The numbers below this one.
    pub(super) fn below(end: usize) -> Self {
        let mut bits = Self::default();
        (0..end).for_each(|id| bits.insert(id));
        bits
    }

    pub(super) fn contains(&self, id: usize) -> bool {
        self.0.get(id / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    pub(super) fn insert(&mut self, id: usize) {
        if self.0.len() <= id / 64 {
            self.0.resize(id / 64 + 1, 0);
        }
        self.0[id / 64] |= 1 << (id % 64);
    }

    /// The numbers, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = usize> {
        let words = self.0.iter().enumerate();
        words.flat_map(|(at, word)| (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * 64 + bit))
    }
}

/// Sets, each kept once.
#[derive(Clone)]
struct Sets {
    key: HashKey,
    sets: Vec<Bits>,
    by_content: HashTable<u32>,
    /// The unions that were made.
    unions: HashMap<(u32, u32), u32, HashKey>,
}

impl Sets {
    const EMPTY: u32 = 0;

    fn new(key: HashKey) -> Self {
        let mut sets = Self { key, sets: Vec::new(), by_content: HashTable::new(), unions: HashMap::with_hasher(key) };
        sets.number(Bits::default());
        sets
    }

    fn bits(&self, set: u32) -> &Bits {
        &self.sets[set as usize]
    }

    fn with(&mut self, set: u32, id: usize) -> u32 {
        if self.bits(set).contains(id) {
            return set;
        }
        let mut bits = self.bits(set).clone();
        bits.insert(id);
        self.number(bits)
    }

    fn union(&mut self, a: u32, b: u32) -> u32 {
        if a == b || b == Self::EMPTY {
            return a;
        }
        if a == Self::EMPTY {
            return b;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(union) = self.unions.get(&pair) {
            return *union;
        }
        let (long, short) = match (self.bits(a), self.bits(b)) {
            (a, b) if a.0.len() >= b.0.len() => (a, b),
            (a, b) => (b, a),
        };
        let mut bits = long.clone();
        bits.0.iter_mut().zip(&short.0).for_each(|(long, short)| *long |= short);
        let union = self.number(bits);
        self.unions.insert(pair, union);
        union
    }

    fn number(&mut self, bits: Bits) -> u32 {
        let hash = |bits: &Bits| std::hash::BuildHasher::hash_one(&self.key, &bits.0);
        let of_bits = hash(&bits);
        if let Some(number) = self.by_content.find(of_bits, |number| self.sets[*number as usize] == bits) {
            return *number;
        }
        let number = self.sets.len() as u32;
        self.by_content.insert_unique(of_bits, number, |number| hash(&self.sets[*number as usize]));
        self.sets.push(bits);
        number
    }
}
