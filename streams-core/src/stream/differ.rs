//! What two replicas tell each other to find out what one of them lacks (spec 10.2).

use std::collections::{BTreeMap, BinaryHeap};

use super::{REDACTED, Stream};
use crate::graph::Index;
use crate::object::id::ObjectId;

/// Met by the walk, and whether it is in the past of what is known.
const MET: u8 = 1;
const KNOWN: u8 = 2;

impl Stream {
    /// The last so many leaves by generation and id, ascending.
    pub fn last_leaves(&self, most: usize) -> Vec<ObjectId> {
        let mut leaves: Vec<(u64, ObjectId)> =
            self.graph.leaves().map(|leaf| (self.graph.generation(leaf), self.graph.id(leaf))).collect();
        if leaves.len() > most {
            let behind = leaves.len() - most;
            leaves.select_nth_unstable(behind);
            leaves.drain(..behind);
        }
        let mut leaves: Vec<ObjectId> = leaves.into_iter().map(|(_, id)| id).collect();
        leaves.sort_unstable();
        leaves
    }

    /// Objects at exponentially growing distance below the end of the order: who knows some of them knows, but for twice
    /// what is lacking, what is lacking. O(log² n).
    pub fn samples(&self) -> Vec<ObjectId> {
        let distances = std::iter::successors(Some(1_usize), |distance| distance.checked_mul(2));
        let places = distances.map_while(|distance| (self.len() - 1).checked_sub(distance));
        places.filter_map(|place| self.graph.at(place)).map(|index| self.graph.id(index)).collect()
    }

    /// The keys of all objects, by which ranges are reconciled: generation and id. O(n).
    pub fn keys(&self) -> Vec<[u8; 40]> {
        let key = |index: Index| {
            let mut key = [0; 40];
            key[..8].copy_from_slice(&self.graph.generation(index).to_be_bytes());
            key[8..].copy_from_slice(self.graph.id(index).as_bytes());
            key
        };
        self.graph.order().map(key).collect()
    }

    /// The first objects of the order, at most so many, that lack maps which nobody here dropped, and nobody removed: a
    /// peer may have them. O(n).
    pub fn lacking_maps(&self, most: usize) -> Vec<ObjectId> {
        let redacted = self.graph.order().filter(|index| self.flags[index.as_usize()] & REDACTED != 0);
        let lacks = |index: &Index| {
            let maps = self.object_at(*index).redacted_maps();
            maps.iter().any(|map| !self.dropped_maps.contains(map) && !self.is_removed(*index, map))
        };
        redacted.filter(lacks).take(most).map(|index| self.graph.id(index)).collect()
    }

    /// These objects, and all that is below them; those that are not here tell nothing. Latest arrivals first.
    pub fn with_past(&self, of: &[ObjectId]) -> impl Iterator<Item = ObjectId> {
        let of: Vec<Index> = of.iter().filter_map(|id| self.graph.find(id)).collect();
        self.graph.past(&of).map(|index| self.graph.id(index)).collect::<Vec<_>>().into_iter()
    }

    /// How many objects are at or below each of these sets of leaves, and then how many are so of one set, and how many
    /// of several.
    pub fn counted_below(&self, sets: &[Vec<ObjectId>]) -> (Vec<usize>, usize, usize) {
        let mut times = vec![0_u8; self.len()];
        let count = |leaves: &Vec<ObjectId>| {
            let leaves: Vec<Index> = leaves.iter().filter_map(|id| self.graph.find(id)).collect();
            let below = self.graph.past(&leaves);
            below.map(|index| times[index.as_usize()] = times[index.as_usize()].saturating_add(1)).count()
        };
        let counts = sets.iter().map(count).collect();
        let of = |holds: fn(&u8) -> bool| times.iter().filter(|times| holds(times)).count();
        (counts, of(|times| *times == 1), of(|times| *times > 1))
    }

    /// A path from one of these objects down to another, both ends with it; `None` where there is none. It costs what
    /// lies between.
    pub fn path(&self, from: &[ObjectId], to: &ObjectId) -> Option<Vec<ObjectId>> {
        let to = self.graph.find(to)?;
        let generation = self.graph.generation(to);
        let between = |index: &Index| *index == to || self.graph.generation(*index) > generation;
        let mut came_from: BTreeMap<Index, Option<Index>> = BTreeMap::new();
        let from = from.iter().filter_map(|id| self.graph.find(id)).filter(between);
        let mut to_visit: Vec<Index> = from.collect();
        came_from.extend(to_visit.iter().map(|index| (*index, None)));
        while let Some(index) = to_visit.pop() {
            if index == to {
                let path = std::iter::successors(Some(index), |index| came_from[index]);
                let mut path: Vec<ObjectId> = path.map(|index| self.graph.id(index)).collect();
                path.reverse();
                return Some(path);
            }
            for parent in self.graph.parents(index).iter().filter(|parent| between(parent)) {
                if !came_from.contains_key(parent) {
                    came_from.insert(*parent, Some(index));
                    to_visit.push(*parent);
                }
            }
        }
        None
    }

    /// What is here, and neither among these nor in their past, causes first. Those that are not here tell nothing. Costs
    /// what is found, and what lies beside it.
    pub fn lacked_by(&self, known: &[ObjectId]) -> Vec<ObjectId> {
        let mut flags = vec![0_u8; self.graph.len()];
        let mut met: BinaryHeap<Index> = BinaryHeap::new();
        // How many of those that were met, and not looked at, are not known: where there are none, the rest is known.
        let mut unknown = 0_usize;
        let meet =
            |flags: &mut Vec<u8>, met: &mut BinaryHeap<Index>, unknown: &mut usize, index: Index, is_known: bool| {
                let flag = &mut flags[index.as_usize()];
                let before = *flag;
                *flag |= MET | if is_known { KNOWN } else { 0 };
                if before & MET == 0 {
                    met.push(index);
                    *unknown += usize::from(!is_known);
                } else if is_known && before & KNOWN == 0 {
                    *unknown -= 1;
                }
            };
        for index in known.iter().filter_map(|id| self.graph.find(id)) {
            meet(&mut flags, &mut met, &mut unknown, index, true);
        }
        for leaf in self.graph.leaves() {
            meet(&mut flags, &mut met, &mut unknown, leaf, false);
        }
        let mut lacked = Vec::new();
        // All that leads to an object arrived after it, so when it is the latest, whether it is known is settled.
        while unknown > 0
            && let Some(latest) = met.pop()
        {
            let is_known = flags[latest.as_usize()] & KNOWN != 0;
            if !is_known {
                unknown -= 1;
                lacked.push(self.graph.id(latest));
            }
            for parent in self.graph.parents(latest) {
                meet(&mut flags, &mut met, &mut unknown, *parent, is_known);
            }
        }
        lacked.reverse();
        lacked
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::keyed::HashKey;
    use crate::object::author::SigningKey;
    use crate::object::draft::{Draft, Edges};
    use crate::policy::rule::Rule;

    /// A stream in which every object cites two of the last seven.
    fn tangled(count: usize) -> Stream {
        let key = SigningKey::from_bytes([1; 32]);
        let root = Draft::root("test/stream", [0; 16]).policies([Rule::open_to_all()]).sign(&key).unwrap();
        let mut stream = Stream::open(root.clone(), HashKey::from_bytes([1; 16])).unwrap();
        let mut objects = vec![(root.id(), 0)];
        for number in 0..count {
            let at = |back: usize| objects[objects.len().saturating_sub(1 + (number * back) % 7)];
            let cited: BTreeSet<(ObjectId, u64)> = [at(3), at(5)].into();
            let generation = 1 + cited.iter().map(|(_, generation)| generation).max().unwrap();
            let parents = cited.iter().map(|(id, _)| *id).collect();
            let edges = Edges { stream: root.id(), parents, previous: None, generation };
            let object = Draft::event("test/note", edges).timestamp(number as u64).sign(&key).unwrap();
            objects.push((object.id(), generation));
            stream.admit(object, 0).unwrap();
        }
        stream
    }

    #[test]
    fn lacking_is_all_but_the_past_of_what_is_known() {
        let stream = tangled(120);
        let order: Vec<ObjectId> = stream.order().collect();
        for at in 0..order.len() {
            let known = [order[at], order[at / 2], ObjectId::from_bytes([7; 32])];
            let in_past = |id: &ObjectId| known.iter().any(|known| id == known || stream.is_ancestor(id, known));
            let expected: BTreeSet<ObjectId> = order.iter().filter(|id| !in_past(id)).copied().collect();
            let lacked = stream.lacked_by(&known);
            assert_eq!(lacked.iter().copied().collect::<BTreeSet<_>>(), expected);
            // Whoever takes them in one after the other never waits.
            let mut here: BTreeSet<ObjectId> = order.iter().filter(|id| in_past(id)).copied().collect();
            for id in lacked {
                let object = stream.object(&id).unwrap();
                assert!(object.header().parents().iter().all(|parent| here.contains(&parent)));
                here.insert(id);
            }
        }
        assert_eq!(stream.lacked_by(&[]).len(), stream.len());
        assert_eq!(stream.lacked_by(&stream.leaves()), []);
    }

    #[test]
    fn samples_double_their_distance() {
        let stream = tangled(100);
        let order: Vec<ObjectId> = stream.order().collect();
        assert_eq!(stream.samples(), [99, 98, 96, 92, 84, 68, 36].map(|at: usize| order[at]));
        assert_eq!(tangled(0).samples(), []);
    }
}
