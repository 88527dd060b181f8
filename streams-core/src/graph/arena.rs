//! What the graph keeps of each object, by index.
//!
//! In chunks, so that a long stream never moves when it grows, and never holds room for twice its length; the first
//! chunk grows like any vector, so that a short stream is small.

use crate::object::id::ObjectId;

use super::Index;
use super::order::{Key, Slot};

/// Objects in a chunk.
const CHUNK: usize = 1024;

/// All objects, in order of arrival.
#[derive(Clone, Default)]
pub(super) struct Arena {
    chunks: Vec<Chunk>,
}

#[derive(Clone, Default)]
struct Chunk {
    ids: Vec<ObjectId>,
    records: Vec<Record>,
    /// The edges of the chunk's objects, one after the other.
    edges: Vec<Index>,
}

#[derive(Clone)]
struct Record {
    key: Key,
    /// Where its edges end in the chunk; they begin where the edges of the one before end.
    edges_end: u32,
    /// Its place in the list of leaves, while it is one.
    leaf: u32,
}

/// The place in the list of leaves of what is none.
const NO_LEAF: u32 = u32::MAX;

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.ids.len())
    }

    /// Appends an object, which is no leaf yet.
    pub(super) fn push(&mut self, id: ObjectId, key: Key, edges: &[Index]) {
        if self.chunks.last().is_none_or(|last| last.ids.len() == CHUNK) {
            let capacity = if self.chunks.is_empty() { 0 } else { CHUNK };
            self.chunks.push(Chunk {
                ids: Vec::with_capacity(capacity),
                records: Vec::with_capacity(capacity),
                edges: Vec::with_capacity(capacity),
            });
        }
        let chunk = self.chunks.last_mut().expect("just made");
        chunk.ids.push(id);
        chunk.edges.extend_from_slice(edges);
        chunk.records.push(Record { key, edges_end: chunk.edges.len() as u32, leaf: NO_LEAF });
        if chunk.ids.len() == CHUNK {
            chunk.edges.shrink_to_fit();
        }
    }

    pub(super) fn id(&self, index: Index) -> &ObjectId {
        let (chunk, at) = self.place(index);
        &chunk.ids[at]
    }

    /// All ids in order of arrival, chunk by chunk.
    pub(super) fn ids(&self) -> impl Iterator<Item = &[ObjectId]> {
        self.chunks.iter().map(|chunk| &chunk.ids[..])
    }

    pub(super) fn key(&self, index: Index) -> Key {
        let (chunk, at) = self.place(index);
        chunk.records[at].key
    }

    /// What stands for it in the order.
    pub(super) fn slot(&self, index: Index) -> Slot {
        Slot { key: self.key(index), index }
    }

    pub(super) fn edges(&self, index: Index) -> &[Index] {
        let (chunk, at) = self.place(index);
        let start = at.checked_sub(1).map_or(0, |before| chunk.records[before].edges_end);
        &chunk.edges[start as usize..chunk.records[at].edges_end as usize]
    }

    /// Its place in the list of leaves, if it is one.
    pub(super) fn leaf(&self, index: Index) -> Option<usize> {
        let (chunk, at) = self.place(index);
        let leaf = chunk.records[at].leaf;
        (leaf != NO_LEAF).then_some(leaf as usize)
    }

    pub(super) fn set_leaf(&mut self, index: Index, leaf: Option<usize>) {
        let index = index.as_usize();
        self.chunks[index / CHUNK].records[index % CHUNK].leaf = leaf.map_or(NO_LEAF, |leaf| leaf as u32);
    }

    fn place(&self, index: Index) -> (&Chunk, usize) {
        let index = index.as_usize();
        (&self.chunks[index / CHUNK], index % CHUNK)
    }
}
