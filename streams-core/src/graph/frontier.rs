//! The leaves, and the digest that names them (spec 10.2).

use crate::object::id::ObjectId;

use super::{Graph, Index};

/// The digest of leaves, in any order, each once.
pub fn frontier_of(leaves: impl IntoIterator<Item = ObjectId>) -> [u8; 32] {
    let mut ids: Vec<ObjectId> = leaves.into_iter().collect();
    ids.sort_unstable();
    let mut digest = blake3::Hasher::new();
    for id in &ids {
        digest.update(id.as_bytes());
    }
    *digest.finalize().as_bytes()
}

impl Graph {
    /// The objects that no other cites, in no particular order.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = Index> {
        self.leaves.iter().copied()
    }

    /// The digest over the ids of all leaves, ascending: graphs with equal frontiers hold equal sets of objects.
    /// O(l log l) for l leaves.
    pub fn frontier(&self) -> [u8; 32] {
        frontier_of(self.leaves().map(|leaf| self.id(leaf)))
    }

    /// Makes the newest object a leaf, and those that it cites none. O(1) an edge, however many leaves there are:
    /// each knows its place in the list, and the last takes the place of one that goes.
    pub(super) fn move_frontier(&mut self, newest: Index, cited: &[Index]) {
        for &cited in cited {
            if let Some(place) = self.arena.leaf(cited) {
                self.arena.set_leaf(cited, None);
                self.leaves.swap_remove(place);
                if let Some(&moved) = self.leaves.get(place) {
                    self.arena.set_leaf(moved, Some(place));
                }
            }
        }
        self.arena.set_leaf(newest, Some(self.leaves.len()));
        self.leaves.push(newest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::tests::{arbitrary_plan, empty, id};
    use super::*;

    /// Spec 10.2, word by word.
    fn digest(leaves: &BTreeSet<ObjectId>) -> [u8; 32] {
        let bytes: Vec<u8> = leaves.iter().flat_map(|id| *id.as_bytes()).collect();
        *blake3::hash(&bytes).as_bytes()
    }

    proptest! {
        #[test]
        fn leaves_are_what_nothing_cites(plan in arbitrary_plan()) {
            let (graph, indices) = plan.grow();
            let cited: BTreeSet<usize> = plan.edges.iter().flatten().copied().collect();
            let leaves: BTreeSet<ObjectId> = (0..indices.len()).filter(|node| !cited.contains(node)).map(id).collect();

            prop_assert_eq!(graph.leaves().len(), leaves.len());
            prop_assert_eq!(graph.leaves().map(|leaf| graph.id(leaf)).collect::<BTreeSet<_>>(), leaves.clone());
            prop_assert_eq!(graph.frontier(), digest(&leaves));
        }
    }

    #[test]
    fn the_frontier_of_nothing_is_the_digest_of_nothing() {
        assert_eq!(empty().leaves().len(), 0);
        assert_eq!(empty().frontier(), digest(&BTreeSet::new()));
    }

    #[test]
    fn a_root_alone_is_the_one_leaf() {
        let mut graph = empty();
        let root = graph.insert(id(0), &[], 0, [0; 32], |_| [0; 32]);
        assert!(graph.leaves().eq([root]));
        assert_eq!(graph.frontier(), digest(&BTreeSet::from([id(0)])));
    }
}
