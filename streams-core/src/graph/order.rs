//! The order of spec 9.1 within an epoch, kept in an order-statistics B-tree: insert anywhere, tell what stands at a
//! place, and at which place something stands, each in O(log n).
//!
//! The tree keeps the first part of each key, which decides nearly always, beside the index: a search reads what it
//! compares, and an object costs 12 bytes, up to 20 after random insertions. Where two are equal in that, its caller
//! knows the rest. Nothing outside points into the tree, so an epoch can leave it, when it is final, as a plain list.

use std::iter::FusedIterator;
use std::ops::Range;

use super::Index;

/// A node is split when it has become this long: short enough to make room in it, long enough that all inner nodes of
/// a million objects stay near the processor.
const WIDTH: usize = 64;

/// As many slots as there are in a cache line of 64 bytes.
const STRIDE: usize = 5;

/// The first part of an object's key in the order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// 32 bits suffice: an object has an ancestor in each smaller generation, so it is at most its index.
    pub(super) generation: u32,
    tie: u32,
}

impl Key {
    pub(super) fn new(generation: u64, tie: &[u8; 32]) -> Self {
        let generation = generation.try_into().expect("a generation is at most an index");
        Self { generation, tie: u32::from_be_bytes(*tie.first_chunk().expect("4 of 32 bytes")) }
    }
}

/// What the tree holds of an object.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) key: Key,
    pub(super) index: Index,
}

/// All objects, each inserted at the place that its caller's order gives it.
#[derive(Clone)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

#[derive(Clone)]
enum Node {
    Leaf(Vec<Slot>),
    Inner(Box<Inner>),
}

#[derive(Clone)]
struct Inner {
    children: Vec<Child>,
    /// What stands first below each child but the first.
    firsts: Vec<Slot>,
}

#[derive(Clone)]
struct Child {
    node: Node,
    /// How many objects are below it.
    count: u32,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }

    /// Inserts an object after all those that stand `before` it.
    pub(super) fn insert(&mut self, new: Slot, before: impl Fn(&Slot) -> bool) {
        self.len += 1;
        if let Some((first, right)) = self.root.insert(new, true, &before) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let left = Child { node: left, count: self.len as u32 - right.count };
            self.root = Node::Inner(Box::new(Inner { children: vec![left, right], firsts: vec![first] }));
        }
    }

    /// How many objects stand `before`.
    pub(super) fn rank(&self, before: impl Fn(&Slot) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(slots) => return rank + place(slots, &before),
                Node::Inner(inner) => {
                    let at = place(&inner.firsts, &before);
                    rank += inner.children[..at].iter().map(|child| child.count as usize).sum::<usize>();
                    node = &inner.children[at].node;
                }
            }
        }
    }

    /// All from this place on.
    pub(super) fn iter_from(&self, position: usize) -> Order<'_> {
        Order { tree: self, rest: position.min(self.len)..self.len, front: &[], back: &[] }
    }

    /// The leaf that holds a place within the tree, and which of its slots it is.
    fn leaf_at(&self, position: usize) -> (&[Slot], usize) {
        let (mut node, mut at) = (&self.root, position);
        loop {
            match node {
                Node::Leaf(slots) => return (slots, at),
                Node::Inner(inner) => {
                    let mut children = inner.children.iter();
                    node = loop {
                        let child = children.next().expect("a place within the tree");
                        match at.checked_sub(child.count as usize) {
                            Some(behind) => at = behind,
                            None => break &child.node,
                        }
                    }
                }
            }
        }
    }
}

impl Node {
    /// Inserts below this node, which may be the `last` of its level. Where it became too long, returns its right part
    /// as a node of its own, and what stands first there. Calls itself as deep as the tree is high: 7 for 2^32 objects.
    fn insert(&mut self, new: Slot, last: bool, before: &impl Fn(&Slot) -> bool) -> Option<(Slot, Child)> {
        match self {
            Node::Leaf(slots) => {
                let at = place(slots, before);
                slots.insert(at, new);
                let right = slots.split_off(cut(slots.len(), last, at)?);
                Some((right[0], Child { count: right.len() as u32, node: Node::Leaf(right) }))
            }
            Node::Inner(inner) => {
                let Inner { children, firsts } = &mut **inner;
                let at = place(firsts, before);
                let last = last && at == firsts.len();
                let child = &mut children[at];
                child.count += 1;
                let (first, right) = child.node.insert(new, last, before)?;
                child.count -= right.count;
                firsts.insert(at, first);
                children.insert(at + 1, right);

                let cut = cut(children.len(), last, at + 1)?;
                let right = Inner { children: children.split_off(cut), firsts: firsts.split_off(cut) };
                let count = right.children.iter().map(|child| child.count).sum();
                Some((firsts.pop()?, Child { count, node: Node::Inner(Box::new(right)) }))
            }
        }
    }
}

/// How many of these stand `before`: all, most often, for most objects arrive nearly in order; else by strides, then by
/// single slots. Where the node is not in the cache, a stride's lines are on their way before they are needed; a
/// binary search would wait for each.
fn place(slots: &[Slot], before: impl Fn(&Slot) -> bool) -> usize {
    if slots.last().is_none_or(&before) {
        return slots.len();
    }
    let strides = slots.chunks(STRIDE).take_while(|stride| before(&stride[0])).count();
    let start = strides.saturating_sub(1) * STRIDE;
    start + slots[start..].iter().take_while(|slot| before(slot)).count()
}

/// Where to cut a node after an insertion at `at`, if it became too long.
///
/// In halves; but the last node of a level is cut where the insertion was, because the next ones will come there or
/// behind it: so a stream that only grows leaves full nodes behind. (Elsewhere one could provoke such cuts again and
/// again, each for a node of one.)
fn cut(len: usize, last: bool, at: usize) -> Option<usize> {
    let half = WIDTH / 2;
    (len == WIDTH).then_some(if last { at.max(half) } else { half })
}

/// Objects of a graph in the order of spec 9.1, from either end. A few nanoseconds each.
#[derive(Clone)]
pub(super) struct Order<'g> {
    tree: &'g Tree,
    /// The places not yet told.
    rest: Range<usize>,
    /// What remains of the leaf that holds the first of them; empty until looked up.
    front: &'g [Slot],
    /// The same for the last of them.
    back: &'g [Slot],
}

impl Iterator for Order<'_> {
    type Item = Index;

    fn next(&mut self) -> Option<Index> {
        let position = self.rest.next()?;
        if self.front.is_empty() {
            let (leaf, at) = self.tree.leaf_at(position);
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
            let (leaf, at) = self.tree.leaf_at(position);
            self.back = &leaf[..=at];
        }
        let (last, back) = self.back.split_last()?;
        self.back = back;
        Some(last.index)
    }
}

impl ExactSizeIterator for Order<'_> {}
impl FusedIterator for Order<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot(number: u32, index: usize) -> Slot {
        Slot { key: Key { generation: number, tie: 0 }, index: Index(index as u32) }
    }

    /// The tree of these numbers, inserted one after the other; equal ones by index.
    fn tree_of(numbers: &[u32]) -> Tree {
        let mut tree = Tree::new();
        for (index, &number) in numbers.iter().enumerate() {
            let new = slot(number, index);
            tree.insert(new, |slot| (slot.key, slot.index) < (new.key, new.index));
        }
        tree
    }

    /// Counts what is below a node, and checks that counts and firsts say what is there.
    fn check(node: &Node) -> (usize, Option<Slot>) {
        match node {
            Node::Leaf(slots) => {
                assert!(slots.len() < WIDTH);
                (slots.len(), slots.first().copied())
            }
            Node::Inner(inner) => {
                let Inner { children, firsts } = &**inner;
                assert!(children.len() < WIDTH && firsts.len() + 1 == children.len());
                let below: Vec<_> = children.iter().map(|child| check(&child.node)).collect();
                for (child, below) in children.iter().zip(&below) {
                    assert_eq!(child.count as usize, below.0);
                }
                for (first, below) in firsts.iter().zip(&below[1..]) {
                    assert_eq!(Some(first.index), below.1.map(|slot| slot.index));
                }
                (below.iter().map(|below| below.0).sum(), below[0].1)
            }
        }
    }

    fn leaves(node: &Node) -> usize {
        match node {
            Node::Leaf(_) => 1,
            Node::Inner(inner) => inner.children.iter().map(|child| leaves(&child.node)).sum(),
        }
    }

    /// Numbers in runs that ascend, descend or stand still, so that nodes are split at their ends too.
    fn arbitrary_numbers() -> impl Strategy<Value = Vec<u32>> {
        let run = (0..10_000u32, -3..=3i32, 1..400u32);
        prop::collection::vec(run, 0..12).prop_map(|runs| {
            let run =
                |(start, step, len): (u32, i32, u32)| (0..len).map(move |i| start.wrapping_add_signed(step * i as i32));
            runs.into_iter().flat_map(run).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_tree_is_a_sorted_list(numbers in arbitrary_numbers(), from in 0..6_000usize) {
            let tree = tree_of(&numbers);
            prop_assert_eq!(check(&tree.root).0, numbers.len());
            let mut sorted: Vec<Index> = (0..numbers.len()).map(|index| Index(index as u32)).collect();
            sorted.sort_by_key(|index| (numbers[index.as_usize()], *index));

            prop_assert_eq!(tree.iter_from(0).collect::<Vec<_>>(), &sorted[..]);
            prop_assert_eq!(tree.iter_from(0).rev().collect::<Vec<_>>(), sorted.iter().rev().copied().collect::<Vec<_>>());
            prop_assert_eq!(tree.iter_from(from).collect::<Vec<_>>(), &sorted[from.min(sorted.len())..]);
            for (position, index) in sorted.iter().enumerate() {
                let this = slot(numbers[index.as_usize()], index.as_usize());
                prop_assert_eq!(tree.rank(|slot| (slot.key, slot.index) < (this.key, this.index)), position);
            }
        }

        #[test]
        fn both_ends_meet(len in 0..300u32, ends in prop::collection::vec(any::<bool>(), 300)) {
            let tree = tree_of(&(0..len).collect::<Vec<_>>());
            let (mut order, mut left) = (tree.iter_from(0), 0..len);
            for front in ends {
                prop_assert_eq!(order.len(), left.len());
                let (told, expected) = if front { (order.next(), left.next()) } else { (order.next_back(), left.next_back()) };
                prop_assert_eq!(told, expected.map(Index));
            }
        }
    }

    #[test]
    fn what_grows_at_the_end_leaves_full_nodes_behind() {
        let tree = tree_of(&(0..100_000).collect::<Vec<_>>());
        assert_eq!(leaves(&tree.root), 100_000usize.div_ceil(WIDTH - 1));
    }

    #[test]
    fn what_is_inserted_before_one_object_again_and_again_leaves_no_small_nodes() {
        let mut numbers = vec![u32::MAX; WIDTH];
        numbers.extend((0..100_000).rev());
        let tree = tree_of(&numbers);
        assert!(leaves(&tree.root) <= numbers.len() / (WIDTH / 2));
    }
}
