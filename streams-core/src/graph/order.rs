//! The order-statistics B-tree behind the order (spec 9.1): insert anywhere, tell what stands where, and where what
//! stands, each in O(log n).
//!
//! It holds indices only, and asks its caller what stands before what: so it costs 4 bytes an object and a little,
//! and there is one copy of the keys. An epoch, when it is final, can leave it as a plain list.

use std::iter::FusedIterator;
use std::ops::Range;

use super::Index;

/// A leaf is split when it has become this long, an inner node likewise.
const LEAF: usize = 128;
const INNER: usize = 64;

/// The first part of an object's key in the order: what decides nearly always.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// 32 bits suffice: an object has an ancestor of each smaller generation, so it is less than any index.
    pub(super) generation: u32,
    tie: u32,
}

impl Key {
    pub(super) fn new(generation: u64, tie: &[u8; 32]) -> Self {
        let generation = generation.try_into().expect("a generation is less than the number of objects");
        Self { generation, tie: u32::from_be_bytes(*tie.first_chunk().expect("4 of 32 bytes")) }
    }
    fn word(self) -> u64 {
        (self.generation as u64) << 32 | self.tie as u64
    }
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) index: Index,
}

/// A sequence of indices, each inserted at the place that its caller's order gives it.
pub(super) struct Sequence {
    root: Node,
    len: usize,
}

enum Node {
    Leaf(Vec<Slot>),
    Inner(Box<Inner>),
}

#[derive(Default)]
struct Inner {
    /// What stands first below each child but the first.
    firsts: Vec<Slot>,
    children: Vec<Child>,
}

struct Child {
    /// How many indices are below it.
    count: u32,
    node: Node,
}

fn stands_before(slot: &Slot, new: Key, before: impl Fn(Index) -> bool) -> bool {
    match slot.key.word().cmp(&new.word()) {
        std::cmp::Ordering::Equal => before(slot.index),
        other => other.is_lt(),
    }
}

fn place_in(leaf: &[Slot], new: Key, before: impl Fn(Index) -> bool) -> usize {
    if leaf.last().is_none_or(|slot| stands_before(slot, new, &before)) {
        return leaf.len();
    }
    let word = new.word();
    let lo: usize = leaf.iter().map(|slot| (slot.key.word() < word) as usize).sum();
    lo + leaf[lo..].partition_point(|slot| stands_before(slot, new, &before))
}

fn place_in(leaf: &[Slot], new: Key, before: impl Fn(Index) -> bool) -> usize {
    if leaf.last().is_none_or(|slot| stands_before(slot, new, &before)) {
        return leaf.len();
    }
    leaf.partition_point(|slot| stands_before(slot, new, &before))
}

impl Sequence {
    pub(super) fn new() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }

    /// Inserts after all those that stand `before` it.
    pub(super) fn insert(&mut self, new: Slot, before: impl Fn(Index) -> bool) {
        self.len += 1;
        if let Some((first, right)) = insert_below(&mut self.root, true, new, &before) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let left = Child { count: self.len as u32 - right.count, node: left };
            self.root = Node::Inner(Box::new(Inner { firsts: vec![first], children: vec![left, right] }));
        }
    }

    /// How many stand `before`.
    pub(super) fn rank(&self, new: Key, before: impl Fn(Index) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(leaf) => return rank + place_in(leaf, new, &before),
                Node::Inner(inner) => {
                    let at = place_in(&inner.firsts, new, &before);
                    rank += inner.children[..at].iter().map(|child| child.count as usize).sum::<usize>();
                    node = &inner.children[at].node;
                }
            }
        }
    }

    /// All from this position on.
    pub(super) fn iter_from(&self, position: usize) -> Order<'_> {
        Order { sequence: self, rest: position.min(self.len)..self.len, front: &[], back: &[] }
    }

    /// The leaf that holds a position, and which of the leaf's indices it is.
    fn leaf_at(&self, position: usize) -> (&[Slot], usize) {
        let (mut node, mut at) = (&self.root, position);
        loop {
            match node {
                Node::Leaf(leaf) => return (leaf, at),
                Node::Inner(inner) => {
                    let mut below = inner.children.iter();
                    node = loop {
                        let child = below.next().expect("a position within the sequence");
                        match at.checked_sub(child.count as usize) {
                            Some(beyond) => at = beyond,
                            None => break &child.node,
                        }
                    }
                }
            }
        }
    }
}

fn insert_below(node: &mut Node, last: bool, new: Slot, before: &impl Fn(Index) -> bool) -> Option<(Slot, Child)> {
    match node {
        Node::Leaf(leaf) => {
            let at = place_in(leaf, new.key, before);
            leaf.insert(at, new);
            let right = leaf.split_off(cut(leaf.len(), LEAF, last, at)?);
            Some((right[0], Child { count: right.len() as u32, node: Node::Leaf(right) }))
        }
        Node::Inner(inner) => {
            let at = place_in(&inner.firsts, new.key, before);
            let last = last && at == inner.firsts.len();
            let child = &mut inner.children[at];
            child.count += 1;
            let (first, beside) = insert_below(&mut child.node, last, new, before)?;
            child.count -= beside.count;
            inner.firsts.insert(at, first);
            inner.children.insert(at + 1, beside);
            let cut = cut(inner.children.len(), INNER, last, at + 1)?;
            let right = Inner { firsts: inner.firsts.split_off(cut), children: inner.children.split_off(cut) };
            let first = inner.firsts.pop()?;
            let count = right.children.iter().map(|child| child.count).sum();
            Some((first, Child { count, node: Node::Inner(Box::new(right)) }))
        }
    }
}

/// Takes the right part from what has become too long by an insertion at `at`.
///
/// The halves are equal, but for the last node of a level: it is cut where the insertion was, because the next ones
/// will come there or behind; so a stream that only grows leaves full nodes behind. (Elsewhere such a cut could be
/// provoked again and again, for nodes of one index each.)
fn cut(len: usize, width: usize, last: bool, at: usize) -> Option<usize> {
    let half = width / 2;
    (len == width).then_some(if last { at.max(half) } else { half })
}

/// The objects of a graph in the order of spec 9.1, from either end.
#[derive(Clone)]
pub struct Order<'g> {
    sequence: &'g Sequence,
    /// The positions not yet told.
    rest: Range<usize>,
    /// What remains of the leaf that holds the first of them, and of the one that holds the last; empty until looked
    /// up.
    front: &'g [Slot],
    back: &'g [Slot],
}

impl Iterator for Order<'_> {
    type Item = Index;

    fn next(&mut self) -> Option<Index> {
        let position = self.rest.next()?;
        if self.front.is_empty() {
            let (leaf, at) = self.sequence.leaf_at(position);
            self.front = &leaf[at..];
        }
        let (first, front) = self.front.split_first()?;
        self.front = front;
        Some(first.index)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl DoubleEndedIterator for Order<'_> {
    fn next_back(&mut self) -> Option<Index> {
        let position = self.rest.next_back()?;
        if self.back.is_empty() {
            let (leaf, at) = self.sequence.leaf_at(position);
            self.back = &leaf[..=at];
        }
        let (last, back) = self.back.split_last()?;
        self.back = back;
        Some(last.index)
    }
}

impl ExactSizeIterator for Order<'_> {}
impl FusedIterator for Order<'_> {}
