//! The leaves, and the digest that names them (spec 10.2).

use crate::object::id::ObjectId;

use super::{Graph, Index};

impl Graph {
    /// The objects that no other cites, in no particular order.
    pub fn leaves(&self) -> impl ExactSizeIterator<Item = Index> {
        self.leaves.iter().copied()
    }

    /// The digest over the ids of all leaves, ascending: graphs with equal frontiers hold equal sets of objects.
    /// O(l log l) for l leaves.
    pub fn frontier(&self) -> [u8; 32] {
        let mut ids: Vec<ObjectId> = self.leaves().map(|leaf| self.id(leaf)).collect();
        ids.sort_unstable();
        let mut digest = blake3::Hasher::new();
        for id in &ids {
            digest.update(id.as_bytes());
        }
        *digest.finalize().as_bytes()
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
