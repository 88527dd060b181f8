//! Reading a stream: the order (spec 9.1), and state as a fold over what is effective.

use super::feed::Change;
use super::{EFFECTIVE, REDACTED, Stream};
use crate::graph::Index;
use crate::object::authenticate::Authentic;
use crate::object::id::ObjectId;
use crate::object::parts::{Object, RedactError};

/// An object at its place in the order.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place, from 0.
    pub position: usize,
    /// Whether its author may write it. What is not effective stays, and is not replayed.
    pub effective: bool,
    /// The object.
    pub authentic: Authentic,
}

/// All that a store is told of an object.
pub(crate) struct Placed {
    pub(crate) authentic: Authentic,
    pub(crate) epoch: u32,
    pub(crate) tie: [u8; 32],
    pub(crate) effective: bool,
    pub(crate) adopted_by: Option<ObjectId>,
}

impl Stream {
    /// The ids of all objects, in the order of spec 9.1. A few nanoseconds each.
    pub fn order(&self) -> impl Iterator<Item = ObjectId> {
        self.graph.order().map(|index| self.graph.id(index))
    }

    /// All objects, in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        self.entries_from(0)
    }

    /// All objects from a place in the order on. O(log n) for the first.
    pub fn entries_from(&self, position: usize) -> impl Iterator<Item = Entry> {
        self.graph.order_from(position).zip(position..).map(|(index, position)| Entry {
            position,
            effective: self.is_effective_at(index),
            authentic: self.authentic_at(index),
        })
    }

    /// The place of an object in the order; `None` where it is not here. O(log n). The id of the last object that was
    /// read is a cursor that survives late arrivals: read on from the place behind it, and know that what arrived
    /// before it is not seen again.
    pub fn position(&self, id: &ObjectId) -> Option<usize> {
        self.graph.find(id).map(|index| self.place_of(index))
    }

    pub(super) fn place_of(&self, index: Index) -> usize {
        let generation = self.graph.generation(index);
        let tie_of = |other| self.ties.tie(generation, &self.chains.author(other));
        self.graph.position(index, self.epoch_of(index), tie_of)
    }

    /// The stream as it was when these were its leaves: an object with all its past, a checkpoint, or several (spec
    /// 9.4). `None` where one of them is not here. O(n).
    pub fn as_of(&self, leaves: &[ObjectId]) -> Option<Stream> {
        let leaves: Vec<Index> = leaves.iter().map(|id| self.graph.find(id)).collect::<Option<_>>()?;
        let mut past: Vec<Index> = self.graph.past(&leaves).collect();
        past.reverse();
        let (root, later) = past.split_first()?;
        let mut then = Stream::open(self.authentic_at(*root), self.key).expect("it was opened with this root");
        for index in later {
            then.admit(self.authentic_at(*index), 0).expect("it was admitted with this past");
        }
        Some(then)
    }

    /// Whether an object is in the past of another: one of its ancestors. Not where one of them is not here. It costs
    /// what lies between.
    pub fn is_ancestor(&self, id: &ObjectId, of: &ObjectId) -> bool {
        let both = self.graph.find(id).zip(self.graph.find(of));
        both.is_some_and(|(index, of)| self.graph.is_ancestor(index, self.graph.parents(of)))
    }

    /// An object; `None` where it is not here.
    pub fn object(&self, id: &ObjectId) -> Option<Authentic> {
        self.graph.find(id).map(|index| self.authentic_at(index))
    }

    /// Whether an object is here, and effective.
    pub fn is_effective(&self, id: &ObjectId) -> bool {
        self.graph.find(id).is_some_and(|index| self.is_effective_at(index))
    }

    /// The tie of an object (spec 9.1); `None` where it is not here.
    pub fn tie(&self, id: &ObjectId) -> Option<[u8; 32]> {
        let index = self.graph.find(id)?;
        Some(self.ties.tie(self.graph.generation(index), &self.chains.author(index)))
    }

    /// All that a store is told of an object, by one look-up.
    pub(crate) fn placed(&self, id: &ObjectId) -> Option<Placed> {
        let index = self.graph.find(id)?;
        let authentic = self.authentic_at(index);
        Some(Placed {
            epoch: self.epoch_of(index) as u32 + 1,
            tie: self.ties.tie(self.graph.generation(index), &authentic.header().author()),
            effective: self.is_effective_at(index),
            adopted_by: self.adopter_at(index),
            authentic,
        })
    }

    /// An object at its place.
    pub fn entry(&self, id: &ObjectId) -> Option<Entry> {
        let index = self.graph.find(id)?;
        let effective = self.is_effective_at(index);
        Some(Entry { position: self.position(id)?, effective, authentic: self.authentic_at(index) })
    }

    /// The state: a fold over the effective objects, in order, and behind an adopting object over what it adopts.
    /// Everyone who has the same objects computes the same.
    pub fn replay<S>(&self, initial: S, mut apply: impl FnMut(S, &Authentic) -> S) -> S {
        self.handed_out().fold(initial, |state, index| apply(state, &self.authentic_at(index)))
    }

    /// Drops a map of an object, for this replica alone: its id and its signature hold, and the map is not taken back
    /// (spec 3.3). `None` where the object is not here.
    pub fn redact(&mut self, id: &ObjectId, map: &ObjectId) -> Option<Result<Object, RedactError>> {
        let index = self.graph.find(id)?;
        let redacted = self.object_at(index).redact(map);
        if let Ok(object) = &redacted {
            self.dropped_maps.insert(*map);
            self.keep(index, object);
        }
        Some(redacted)
    }

    pub(super) fn is_effective_at(&self, index: Index) -> bool {
        self.flags[index.as_usize()] & EFFECTIVE != 0
    }

    pub(super) fn object_at(&self, index: Index) -> Object {
        let at = index.as_usize();
        Object::kept(self.graph.id(index), self.parts[at].clone(), self.flags[at] & REDACTED != 0)
    }

    pub(super) fn authentic_at(&self, index: Index) -> Authentic {
        Authentic::kept(self.object_at(index), self.chains.author(index))
    }

    /// The maps that this replica dropped itself, and does not take back (spec 3.3), ascending.
    pub fn dropped_maps(&self) -> impl ExactSizeIterator<Item = ObjectId> {
        self.dropped_maps.iter().copied()
    }

    /// Takes up again what this replica kept: the maps that it dropped.
    pub fn remember_dropped(&mut self, maps: impl IntoIterator<Item = ObjectId>) {
        self.dropped_maps.extend(maps);
    }

    /// Takes up again what this replica kept: a copy of an object that is here.
    pub fn remember_copy(&mut self, object: &Object) {
        if let Some(index) = self.graph.find(&object.id()) {
            self.keep(index, object);
        }
    }

    /// Replaces the parts of an object by those of another copy.
    pub(super) fn keep(&mut self, index: Index, object: &Object) {
        let at = index.as_usize();
        if self.parts[at] == *object.parts() {
            return;
        }
        self.parts[at] = object.parts().clone();
        self.flags[at] = self.flags[at] & !REDACTED | if object.is_redacted() { REDACTED } else { 0 };
        self.tell(|stream| Change::Copy(stream.graph.id(index)));
    }
}
