//! Several archives of a stream: the first, and those that continue it.

use std::collections::{BTreeMap, BTreeSet};

use blake3::Hasher;

use super::manifest::Manifest;
use crate::object::authenticate::Authentic;
use crate::object::id::ObjectId;

/// In which order to read archives, whatever order they are given in: each behind the one that it continues, so that
/// little has to wait for its causes. What continues none that is given comes last. Archives of several streams may be
/// given, and one of them twice.
pub fn in_order(manifests: &[Manifest]) -> Vec<usize> {
    let mut continuing: BTreeMap<Option<ObjectId>, Vec<usize>> = BTreeMap::new();
    for (place, manifest) in manifests.iter().enumerate() {
        continuing.entry(manifest.previous).or_default().push(place);
    }
    let mut order = continuing.remove(&None).unwrap_or_default();
    let mut next = 0;
    loop {
        while let Some(place) = order.get(next) {
            order.extend(continuing.remove(&Some(manifests[*place].id())).unwrap_or_default());
            next += 1;
        }
        // A manifest cannot name one that names it, so there are no circles, and one of those that are left is first.
        let here: BTreeSet<ObjectId> = continuing.values().flatten().map(|place| manifests[*place].id()).collect();
        let first = continuing.keys().find(|previous| previous.is_some_and(|id| !here.contains(&id))).copied();
        match first.and_then(|first| continuing.remove(&first)) {
            Some(places) => order.extend(places),
            None => return order,
        }
    }
}

/// The archives that are continued by one of these and are not among them, ascending.
pub fn missing(manifests: &[Manifest]) -> Vec<ObjectId> {
    let here: BTreeSet<ObjectId> = manifests.iter().map(Manifest::id).collect();
    let named: BTreeSet<ObjectId> = manifests.iter().filter_map(|manifest| manifest.previous).collect();
    named.difference(&here).copied().collect()
}

/// The leaves of a stream whose objects are told in its order, archive by archive. It holds as many ids as the stream is
/// wide.
#[derive(Clone, Debug, Default)]
pub struct Leaves(BTreeSet<ObjectId>);

impl Leaves {
    /// Takes the next object.
    pub fn add(&mut self, object: &Authentic) {
        for cited in object.object().edges() {
            self.0.remove(&cited);
        }
        self.0.insert(object.id());
    }

    /// The digest of the leaves (spec 10.2).
    pub fn frontier(&self) -> [u8; 32] {
        let mut hasher = Hasher::new();
        for leaf in &self.0 {
            hasher.update(leaf.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(number: u8, previous: Option<&Manifest>) -> Manifest {
        let id = ObjectId::from_bytes([1; 32]);
        let digest = [number; 32];
        Manifest { stream: id, count: 1, frontier: digest, order: digest, previous: previous.map(Manifest::id) }
    }

    #[test]
    fn each_stands_behind_the_one_that_it_continues() {
        let first = manifest(1, None);
        let second = manifest(2, Some(&first));
        let third = manifest(3, Some(&second));
        let beside = manifest(4, Some(&first));
        for (given, expected) in [
            (vec![third, second, first], vec![2, 1, 0]),
            (vec![second, third], vec![0, 1]),
            (vec![third, second], vec![1, 0]),
            (vec![beside, third, first, second, first], vec![2, 4, 0, 3, 1]),
            (vec![], vec![]),
        ] {
            assert_eq!(in_order(&given), expected);
        }
        assert_eq!(missing(&[third, first]), vec![second.id()]);
        assert_eq!(missing(&[third, first, second]), vec![]);
    }
}
