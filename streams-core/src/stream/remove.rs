//! Removal for all (spec 3.4): an effective `streams/redact` by who governs drops maps in every replica.

use std::collections::{BTreeMap, BTreeSet};

use super::Stream;
use super::content::Content;
use crate::graph::Index;
use crate::object::header::{Field, types};
use crate::object::id::ObjectId;
use crate::object::parts::encode_nested;
use crate::object::value::{Map, Value};

/// What is removed, and by what.
#[derive(Clone, Default)]
pub(super) struct Removals {
    /// The objects of type `streams/redact`.
    redacting: Vec<Index>,
    /// What each removes where it has force: looked up once, since what is dropped is not there to be looked at again.
    removes: BTreeMap<Index, Vec<(Index, ObjectId)>>,
    /// The objects, and the maps in their data, that are removed now.
    now: BTreeSet<(Index, ObjectId)>,
}

impl Stream {
    /// The maps that are removed for all: the object, and the map that is dropped there; ascending.
    pub fn removed(&self) -> Vec<(ObjectId, ObjectId)> {
        let mut removed: Vec<_> = self.removals.now.iter().map(|(index, map)| (self.graph.id(*index), *map)).collect();
        removed.sort_unstable();
        removed
    }

    pub(super) fn is_removed(&self, index: Index, map: &ObjectId) -> bool {
        self.removals.now.contains(&(index, *map))
    }

    pub(super) fn note_redacting(&mut self, index: Index) {
        self.removals.redacting.push(index);
    }

    /// Drops what is removed by now, and forgets what is not any more: such maps may be taken again.
    pub(super) fn remove_for_all(&mut self) {
        let with_force = |stream: &Self, by: &Index| {
            let rank = stream.rank(&stream.chains.author(*by), &stream.graph.id(*by));
            stream.is_effective_at(*by) && rank.flatten().is_some()
        };
        let redacting: Vec<Index> = self.removals.redacting.iter().copied().filter(|by| with_force(self, by)).collect();
        let mut now = BTreeSet::new();
        for by in redacting {
            if !self.removals.removes.contains_key(&by) {
                let removes = self.removed_by(by);
                self.removals.removes.insert(by, removes);
            }
            now.extend(&self.removals.removes[&by]);
        }
        for (index, map) in now.difference(&self.removals.now.clone()) {
            // It may stand redacted already.
            if let Ok(object) = self.object_at(*index).redact(map) {
                self.keep(*index, &object);
            }
        }
        self.removals.now = now;
    }

    /// The maps that an object names, where they stand in its past. O(its past).
    fn removed_by(&self, by: Index) -> Vec<(Index, ObjectId)> {
        let Ok(Content::Redact { maps }) = Content::read(&self.authentic_at(by)) else { return Vec::new() };
        let applies = |index: &Index| !self.judge.type_name(*index).starts_with(types::PREFIX);
        let past = self.graph.past(self.graph.parents(by)).filter(applies);
        past.flat_map(|index| {
            let here = self.maps_in_data(index);
            let named = maps.iter().copied().filter(move |map| here.contains(map));
            named.map(move |map| (index, map))
        })
        .collect()
    }

    /// The ids of the maps that stand in the data of an object, the data itself among them, here or redacted.
    fn maps_in_data(&self, index: Index) -> BTreeSet<ObjectId> {
        let object = self.object_at(index);
        let data = object.fields().reference(Field::Data, object.block());
        let mut ids: BTreeSet<ObjectId> = data.into_iter().collect();
        if let Some(data) = object.data() {
            let mut maps = Vec::new();
            encode_nested(&data, 2, &mut maps).expect("it was decoded");
            ids.extend(maps.iter().map(|map| map.id));
            redacted_below(&data, &mut ids);
        }
        ids
    }
}

fn redacted_below(map: &Map, ids: &mut BTreeSet<ObjectId>) {
    fn visit(value: &Value, ids: &mut BTreeSet<ObjectId>) {
        match value {
            Value::Redacted(id) => {
                ids.insert(*id);
            }
            Value::Map(map) => redacted_below(map, ids),
            Value::List(list) => list.items().iter().for_each(|item| visit(item, ids)),
            _ => {}
        }
    }
    map.iter().for_each(|(_, value)| visit(value, ids));
}
