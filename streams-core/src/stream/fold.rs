//! State that is kept up to date: a fold with snapshots, so that a late object costs a replay of at most twice what it
//! displaced (spec 9.5).

use super::Stream;
use super::feed::Change;
use crate::object::authenticate::Authentic;

/// The state of a stream, kept up to date by its change feed.
///
/// ```
/// # use streams_core::{Draft, Fold, HashKey, Map, SigningKey, Stream};
/// # let key = SigningKey::from_bytes([1; 32]);
/// # let mut stream = Stream::open(Draft::root("example.org/list", [0; 16]).sign(&key)?, HashKey::from_bytes([3; 16]))?;
/// stream.watch();
/// let mut count = Fold::new(&stream, 0, |count, _| *count += 1);
/// stream.by(&key).append("example.org/list.Added", Map::new())?;
/// let changes = stream.take_changes();
/// assert_eq!(*count.update(&stream, &changes), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Fold<S> {
    apply: Apply<S>,
    state: S,
    /// How much of the order the state has in it.
    upto: usize,
    /// Earlier states, ascending, by how much of the order they have in them; the first has none. Each is at most
    /// twice as far from the end as the next but one, so they are few, and one is near wherever a change may be.
    snapshots: Vec<(usize, S)>,
}

/// What an object does to a state.
type Apply<S> = Box<dyn FnMut(&mut S, &Authentic) + Send>;

impl<S: Clone> Fold<S> {
    /// Folds over what replay hands out, beginning with `initial`. The stream must be watched from before.
    pub fn new(stream: &Stream, initial: S, apply: impl FnMut(&mut S, &Authentic) + Send + 'static) -> Self {
        let mut fold = Self { apply: Box::new(apply), state: initial.clone(), upto: 0, snapshots: vec![(0, initial)] };
        fold.replay(stream);
        fold
    }

    /// The state as of the last update.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Takes in all changes since the last update.
    pub fn update(&mut self, stream: &Stream, changes: &[Change]) -> &S {
        let place = |id| stream.position(id).expect("what changed is here");
        let from = changes.iter().filter_map(|change| match change {
            Change::Inserted { at, .. } => Some(*at),
            Change::Voided(id) | Change::Restored(id) => Some(place(id)),
            Change::Adopted { by, .. } | Change::Released { by, .. } => Some(place(by)),
            Change::Finalized { from, .. } => Some(*from),
            Change::Copy(_) | Change::Gap(_) | Change::Fork(_) => None,
        });
        let from = from.min();
        if let Some(from) = from.filter(|from| *from < self.upto) {
            self.snapshots.truncate(self.snapshots.partition_point(|(upto, _)| *upto <= from).max(1));
            let (upto, state) = self.snapshots.last().expect("the first has nothing in it");
            (self.upto, self.state) = (*upto, state.clone());
        }
        self.replay(stream);
        &self.state
    }

    /// Replays what the state has not in it, and takes snapshots at distances from the end that double.
    fn replay(&mut self, stream: &Stream) {
        let end = stream.len();
        for index in stream.graph.order_from(self.upto) {
            let distance = end - self.upto;
            if distance.is_power_of_two() && self.snapshots.last().is_none_or(|(upto, _)| *upto < self.upto) {
                self.snapshots.push((self.upto, self.state.clone()));
            }
            if stream.is_effective_at(index) {
                (self.apply)(&mut self.state, &stream.authentic_at(index));
                for object in stream.adopted_by(index) {
                    (self.apply)(&mut self.state, &stream.authentic_at(*object));
                }
            }
            self.upto += 1;
        }
        self.thin_out(end);
    }

    /// Drops snapshots between two that are near enough to each other for their distance from the end.
    fn thin_out(&mut self, end: usize) {
        let mut at = self.snapshots.len().saturating_sub(2);
        while at > 0 {
            let (older, newer) = (self.snapshots[at - 1].0, self.snapshots[at + 1].0);
            if end - older <= 2 * (end - newer) {
                self.snapshots.remove(at);
            }
            at -= 1;
        }
    }
}

impl<S: std::fmt::Debug> std::fmt::Debug for Fold<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fold").field("state", &self.state).field("upto", &self.upto).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::keyed::HashKey;
    use crate::object::author::SigningKey;
    use crate::object::draft::{Draft, Edges};
    use crate::object::value::Map;
    use crate::policy::rule::Rule;

    /// A late object at any place costs at most twice what it displaced, and one more for itself.
    #[test]
    fn a_late_object_costs_at_most_twice_what_it_displaced() {
        let keys: Vec<SigningKey> = (1..4).map(|i| SigningKey::from_bytes([i; 32])).collect();
        let root = Draft::root("test/stream", [0; 16]).policies([Rule::open_to_all()]).sign(&keys[0]).unwrap();
        let mut stream = Stream::open(root.clone(), HashKey::from_bytes([1; 16])).unwrap();
        stream.watch();
        let applied = Arc::new(AtomicUsize::new(0));
        let counter = applied.clone();
        let mut fold = Fold::new(&stream, Vec::new(), move |ids: &mut Vec<_>, object| {
            counter.fetch_add(1, Ordering::Relaxed);
            ids.push(object.id());
        });
        let mut line = vec![root.id()];
        for i in 0..300_usize {
            line.push(stream.by(&keys[0]).append("test/note", Map::new()).unwrap().id());
            if i % 7 == 0 {
                // It cites one far back or near, so it comes to stand there.
                let generation = (i * 31 % line.len()) as u64;
                let parents = vec![line[generation as usize]];
                let edges = Edges { stream: root.id(), parents, previous: None, generation: generation + 1 };
                let data = Map::new().with("number", (i as u64).into()).unwrap();
                let late = Draft::event("test/late", edges).data(data).sign(&keys[1]).unwrap();
                let changes = stream.take_changes();
                fold.update(&stream, &changes);
                applied.store(0, Ordering::Relaxed);
                stream.admit(late.clone(), 0).unwrap();
                let changes = stream.take_changes();
                fold.update(&stream, &changes);
                let displaced = stream.len() - stream.position(&late.id()).unwrap();
                let cost = applied.load(Ordering::Relaxed);
                assert!(cost <= 2 * displaced + 1, "{cost} for {displaced}");
                assert!(fold.snapshots.len() < 30, "{} snapshots", fold.snapshots.len());
            }
        }
        let changes = stream.take_changes();
        assert_eq!(*fold.update(&stream, &changes), stream.replayed());
    }
}
