//! Adoption (spec 8.10): void objects that somebody who may write takes up, at its own place in the order.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Stream;
use super::feed::Change;
use crate::graph::{Index, walk_past};
use crate::object::header::types;
use crate::object::id::ObjectId;
use crate::policy::decide::Access;
use crate::policy::rule::Action;

/// What is adopted, and by what.
#[derive(Clone, Default)]
pub(super) struct Adoptions {
    /// The objects of type `streams/adopt`, each with what it can take up at all: of its past, and not of a type of
    /// the specification. Neither ever changes.
    adopting: Vec<(Index, Vec<Index>)>,
    /// By each adopted object, the adopting one that counts.
    by: BTreeMap<Index, Index>,
    /// By each adopting object, what it hands out, in order.
    handed_out: HashMap<Index, Vec<Index>>,
}

impl Stream {
    /// The objects that are adopted (spec 8.10), in order, each with the adopting object that counts.
    pub fn adopted(&self) -> Vec<(ObjectId, ObjectId)> {
        let mut adopted: Vec<(Index, Index)> = self.adoptions.by.iter().map(|(object, by)| (*object, *by)).collect();
        adopted.sort_by(|(a, _), (b, _)| self.compare(*a, *b));
        adopted.into_iter().map(|(object, by)| (self.graph.id(object), self.graph.id(by))).collect()
    }

    /// The object that adopts this one, where one does.
    pub fn adopter(&self, id: &ObjectId) -> Option<ObjectId> {
        self.adopter_at(self.graph.find(id)?)
    }

    pub(super) fn adopter_at(&self, index: Index) -> Option<ObjectId> {
        self.adoptions.by.get(&index).map(|by| self.graph.id(*by))
    }

    /// What replay hands out directly behind an object.
    pub(super) fn adopted_by(&self, by: Index) -> &[Index] {
        self.adoptions.handed_out.get(&by).map_or(&[], Vec::as_slice)
    }

    /// Takes note of an adopting object. The walk enters what arrived after the first of what it names.
    pub(super) fn note_adopting(&mut self, by: Index, objects: &[ObjectId]) {
        let is_open = |index: &Index| !self.judge.type_name(*index).starts_with(types::PREFIX);
        let named: HashSet<Index> = objects.iter().filter_map(|id| self.graph.find(id)).filter(is_open).collect();
        let Some(first) = named.iter().min().copied() else { return };
        let past = walk_past(self.graph.parents(by), |index| self.graph.parents(index), |index| index >= first);
        let named = past.filter(|index| named.contains(index)).collect();
        self.adoptions.adopting.push((by, named));
    }

    /// Decides anew what is adopted: of several adoptions that have force, the first in the order counts.
    pub(super) fn judge_adoptions(&mut self) {
        let mut by: BTreeMap<Index, Index> = BTreeMap::new();
        for (adopting, objects) in &self.adoptions.adopting {
            if !self.is_effective_at(*adopting) {
                continue;
            }
            let mut allowed = HashMap::new();
            for object in objects.iter().filter(|object| !self.is_effective_at(**object)) {
                let r#type = self.judge.type_name(*object);
                if !*allowed.entry(r#type).or_insert_with(|| self.may_adopt(*adopting, r#type)) {
                    continue;
                }
                let first = by.entry(*object).or_insert(*adopting);
                if self.compare(*adopting, *first).is_lt() {
                    *first = *adopting;
                }
            }
        }
        let mut handed_out: HashMap<Index, Vec<Index>> = HashMap::new();
        for (object, by) in &by {
            handed_out.entry(*by).or_default().push(*object);
        }
        for objects in handed_out.values_mut() {
            objects.sort_by(|a, b| self.compare(*a, *b));
        }
        let before = std::mem::replace(&mut self.adoptions.by, by);
        self.adoptions.handed_out = handed_out;
        self.tell_adoptions(&before);
    }

    /// Whether the author of an adopting object may append this type there.
    fn may_adopt(&self, by: Index, r#type: &str) -> bool {
        let access = Access { subject: self.chains.text(by), action: Action::Append.name(), resource: r#type };
        self.chains.author(by) == self.owner() || self.with_view(by, |view| self.judge.is_allowed(access, view))
    }

    fn tell_adoptions(&mut self, before: &BTreeMap<Index, Index>) {
        let changed = |from: &BTreeMap<Index, Index>, to: &BTreeMap<Index, Index>| -> Vec<(Index, Index)> {
            let changed = from.iter().filter(|(object, by)| to.get(object) != Some(by));
            changed.map(|(object, by)| (*object, *by)).collect()
        };
        for (object, by) in changed(before, &self.adoptions.by) {
            self.tell(|stream| Change::Released { id: stream.graph.id(object), by: stream.graph.id(by) });
        }
        for (object, by) in changed(&self.adoptions.by, before) {
            self.tell(|stream| Change::Adopted { id: stream.graph.id(object), by: stream.graph.id(by) });
        }
    }
}
