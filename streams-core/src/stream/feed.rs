//! The change feed (spec 9.5): what became different, so that who follows need not read all afresh.

use super::{EFFECTIVE, Fork, Stream};
use crate::graph::Index;
use crate::object::id::ObjectId;

/// A change of a stream, in the order in which they came about. Who applies all of them to a list of ids, to the set of
/// those that are void and to the map of those that are adopted has the order, the verdicts and the replay of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An object stands at this place of the order, and counts as effective until it is voided.
    Inserted {
        /// The object.
        id: ObjectId,
        /// Its place, from 0, among all others.
        at: usize,
    },
    /// It is not effective any more.
    Voided(ObjectId),
    /// It is effective again.
    Restored(ObjectId),
    /// It is void, and handed out behind another that adopts it (spec 8.10).
    Adopted {
        /// The object.
        id: ObjectId,
        /// The adopting object that counts.
        by: ObjectId,
    },
    /// It is not handed out there any more.
    Released {
        /// The object.
        id: ObjectId,
        /// The adopting object that counted.
        by: ObjectId,
    },
    /// The first so many objects of the order are final: fewer than before, where holders of checkpoints equivocated.
    /// What became final stands before what did not, so the order may be another from a place on.
    Finalized {
        /// How many are final.
        upto: usize,
        /// The place from which on the order is another; the end, where it is not.
        from: usize,
        /// The order from there on.
        order: Vec<ObjectId>,
        /// The objects whose epoch has another number now, from 1.
        epochs: Vec<(ObjectId, u32)>,
    },
    /// Another copy of it is kept: maps of it were dropped, or came back.
    Copy(ObjectId),
    /// An object is cited by what waits, and is not here.
    Gap(ObjectId),
    /// An author wrote two objects after one, or one more: those that were not told before.
    Fork(Fork),
}

impl Stream {
    /// Begins to take note of changes, for [`take_changes`](Self::take_changes). It costs each object a look-up of its
    /// place.
    pub fn watch(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// The changes since the last call, or since [`watch`](Self::watch); none where nobody watches.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn tell(&mut self, change: impl FnOnce(&Self) -> Change) {
        if self.changes.is_some() {
            let change = change(self);
            self.changes.get_or_insert_default().push(change);
        }
    }

    /// Tells of the newest object, whose verdict is to come.
    pub(super) fn tell_inserted(&mut self, index: Index) {
        self.tell(|stream| Change::Inserted { id: stream.graph.id(index), at: stream.place_of(index) });
    }

    /// Changes a verdict, and tells of it.
    pub(super) fn set_effective(&mut self, index: Index, effective: bool) {
        if self.is_effective_at(index) == effective {
            return;
        }
        self.flags[index.as_usize()] ^= EFFECTIVE;
        self.tell(|stream| {
            let id = stream.graph.id(index);
            if effective { Change::Restored(id) } else { Change::Voided(id) }
        });
    }

    /// The order from a place on, with the epochs, to tell of moves when it was divided anew; nothing where nobody
    /// watches.
    pub(super) fn order_to_compare(&self, from: usize) -> Vec<(Index, usize)> {
        let epoch = |index| (index, self.epoch_of(index));
        if self.changes.is_some() { self.graph.order_from(from).map(epoch).collect() } else { Vec::new() }
    }

    /// Tells what is final, and how order and epochs changed, which were these from a place on.
    pub(super) fn tell_finalized(&mut self, start: usize, before: &[(Index, usize)]) {
        self.tell(|stream| {
            let after = stream.graph.order_from(start);
            let same = after.clone().zip(before).take_while(|(after, (before, _))| after == before).count();
            let order = after.skip(same).map(|index| stream.graph.id(index)).collect();
            let changed = before.iter().filter_map(|(index, before)| {
                let epoch = stream.epoch_of(*index);
                (epoch != *before).then(|| (stream.graph.id(*index), epoch as u32 + 1))
            });
            let epochs = changed.collect();
            Change::Finalized { upto: stream.final_len(), from: start + same, order, epochs }
        });
    }
}
