//! State that is kept up to date from the store: what changed is looked up in the store's log, and only what stands behind
//! the first change is read again.

use super::replay::Snapshot;
use super::{Node, NodeError};
use crate::object::authenticate::Authentic;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{LoggedChange, Place};

/// How many changes are asked of the store at once.
const PAGE: usize = 1024;

/// How far from the end of the order the nearest snapshot is, about, and how many times farther each next one.
const NEAR: u64 = 64;
const FARTHER: u64 = 8;

/// The state of a stream, and earlier ones to go on from where a late object comes.
///
/// A late object costs a replay of about eight times what it displaced at most, and of what stands between it and the
/// nearest snapshot. There are as many snapshots as the length of the stream has digits to the base of 8, or twice as many.
///
/// ```
/// # use streams_core::{Draft, HashKey, Map, MemoryStore, Node, SigningKey};
/// # use streams_core::node::fold::Fold;
/// # use std::sync::Arc;
/// # pollster::block_on(async {
/// # let (key, hash_key) = (SigningKey::from_bytes([7; 32]), HashKey::from_bytes([1; 16]));
/// # let node = Node::new(Arc::new(MemoryStore::new([2; 16], hash_key)), hash_key);
/// let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
/// let mut count = Fold::new(stream, 0);
/// node.update(&mut count, |count, _| *count += 1).await?;
/// node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new()).map(drop)).await??;
/// node.update(&mut count, |count, _| *count += 1).await?;
/// assert_eq!(count.state(), Some(&2));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Fold<S> {
    stream: StreamId,
    /// The number of the last change in the store that is in the state too, and how much of the stream was final then.
    seen: u64,
    finals: u64,
    /// The state; none where nothing was read yet, or reading did not come to its end.
    now: Option<Snapshot<S>>,
    /// Earlier states, ascending. The first has nothing in it.
    snapshots: Vec<Snapshot<S>>,
}

impl<S: Clone> Fold<S> {
    /// A fold that has nothing in it yet, and begins with this state.
    pub fn new(stream: StreamId, initial: S) -> Self {
        Self { stream, seen: 0, finals: 0, now: None, snapshots: vec![Snapshot::initial(initial)] }
    }

    /// With a snapshot to begin with, where it holds.
    pub fn with_snapshot(mut self, snapshot: Snapshot<S>) -> Self {
        self.snapshots.push(snapshot);
        self
    }

    /// The state as of the last update; `None` where there was none, or it failed.
    pub fn state(&self) -> Option<&S> {
        self.now.as_ref().map(|now| &now.state)
    }

    /// The state behind the final part, as of the last update: what comes later never changes it, unless a holder of
    /// checkpoints equivocates.
    pub fn snapshot(&self) -> &Snapshot<S> {
        let final_ones = self.snapshots.partition_point(|snapshot| snapshot.objects <= self.finals);
        &self.snapshots[final_ones.saturating_sub(1)]
    }

    /// Forgets the states that have something in them for which this does not hold.
    fn keep(&mut self, holds: impl Fn(&Snapshot<S>) -> bool) {
        self.now.take_if(|now| !holds(now));
        let kept = self.snapshots.iter().skip(1).take_while(|snapshot| holds(snapshot)).count();
        self.snapshots.truncate(1 + kept);
    }

    /// Drops snapshots between two that are near enough to each other for their distance from the end.
    fn thin_out(&mut self, end: u64) {
        let mut at = self.snapshots.len().saturating_sub(2);
        while at > 0 {
            let (older, newer) = (self.snapshots[at - 1].objects, self.snapshots[at + 1].objects);
            let is_near = end - older <= FARTHER * (end - newer).max(NEAR);
            if is_near && self.snapshots[at].objects != self.finals {
                self.snapshots.remove(at);
            }
            at -= 1;
        }
    }
}

/// Whether a snapshot is taken so far from the end: at [`NEAR`], and at each [`FARTHER`] times as far.
fn is_taken(left: u64) -> bool {
    let times = left / NEAR;
    left.is_multiple_of(NEAR) && times.is_power_of_two() && times.ilog2().is_multiple_of(FARTHER.ilog2())
}

/// What is different in a stream since a number.
enum Changes {
    /// These objects, and whether more or less of the stream is final.
    These(Vec<ObjectId>, bool),
    /// So much that one rather begins anew.
    Many,
}

impl Node {
    /// Takes what is different into a fold; its state is then what [`replay`](Self::replay) gives. Where somebody writes
    /// meanwhile `apply` may see an object again, of another state.
    pub async fn update<S: Clone>(
        &self,
        fold: &mut Fold<S>,
        mut apply: impl FnMut(&mut S, &Authentic),
    ) -> Result<(), NodeError> {
        loop {
            let head = self.head(fold.stream).await?.ok_or(NodeError::Unknown(fold.stream))?;
            if fold.now.is_some() && fold.seen == head.last {
                return Ok(());
            }
            self.forget_changed(fold, head.last, head.finals).await?;
            let now = fold.now.take();
            let mut now = now.unwrap_or_else(|| fold.snapshots.last().expect("the first has nothing in it").clone());
            let snapshots = &mut fold.snapshots;
            let passed = |at: &Snapshot<S>| {
                let left = head.objects.saturating_sub(at.objects);
                let is_new = snapshots.last().is_none_or(|last| last.objects < at.objects);
                if is_new && (is_taken(left) || at.objects == head.finals) {
                    snapshots.push(at.clone());
                }
            };
            self.read_on(fold.stream, &mut now, &mut apply, passed).await?;
            if now.objects - fold.snapshots.last().map_or(0, |last| last.objects) >= NEAR {
                fold.snapshots.push(now.clone());
            }
            (fold.seen, fold.finals) = (head.last, head.finals);
            fold.thin_out(now.objects);
            fold.now = Some(now);
        }
    }

    /// Forgets what of a fold the changes up to this number make untrue.
    async fn forget_changed<S: Clone>(&self, fold: &mut Fold<S>, last: u64, finals: u64) -> Result<(), NodeError> {
        if fold.seen == 0 {
            fold.keep(|snapshot| snapshot.objects <= finals);
        } else if fold.seen < last {
            // What is kept at all has no more objects than the latest state.
            let most = fold.now.as_ref().or(fold.snapshots.last()).map_or(0, |now| now.objects);
            match self.changes(fold.stream, fold.seen, most).await? {
                Changes::Many => fold.keep(|_| false),
                Changes::These(ids, is_finalized) => {
                    let upto = fold.finals.min(finals);
                    fold.keep(|snapshot| !is_finalized || snapshot.objects <= upto);
                    let mut first: Option<Place> = None;
                    for ids in ids.chunks(PAGE) {
                        let records = self.store.get(fold.stream, ids).await?;
                        let places = records.into_iter().flatten().map(|record| record.place);
                        first = first.into_iter().chain(places).min();
                    }
                    fold.keep(|snapshot| first.is_none_or(|first| snapshot.place.is_none_or(|place| place < first)));
                }
            }
        }
        // Where the final part became another, what stood there stands elsewhere.
        while fold.snapshots.len() > 1 && !self.holds(fold.stream, fold.snapshots.last().expect("two or more")).await? {
            fold.snapshots.pop();
            fold.now = None;
        }
        Ok(())
    }

    async fn changes(&self, stream: StreamId, above: u64, most: u64) -> Result<Changes, NodeError> {
        let (mut ids, mut is_finalized, mut above) = (Vec::new(), false, above);
        loop {
            let log = self.store.log(Some(stream), above, PAGE).await?;
            let Some(last) = log.last() else { return Ok(Changes::These(ids, is_finalized)) };
            above = last.sequence;
            for logged in log {
                match logged.what {
                    LoggedChange::Added { id, .. }
                    | LoggedChange::Verdict { id, .. }
                    | LoggedChange::Adopted { id, .. }
                    | LoggedChange::Copy { id } => ids.push(id),
                    LoggedChange::Finalized { .. } => is_finalized = true,
                }
            }
            if ids.len() as u64 > most.max(PAGE as u64) {
                return Ok(Changes::Many);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::keyed::HashKey;
    use crate::memory::MemoryStore;
    use crate::object::author::SigningKey;
    use crate::object::draft::{Draft, Edges};
    use crate::object::value::Map;
    use crate::policy::rule::Rule;

    fn collect(ids: &mut Vec<ObjectId>, object: &Authentic) {
        ids.push(object.id());
    }

    /// Whatever comes, the state is that of a replay; and a late object costs what it displaced, about.
    #[test]
    fn what_is_kept_up_to_date_is_what_replay_gives() {
        let keys: Vec<SigningKey> = (1..4).map(|i| SigningKey::from_bytes([i; 32])).collect();
        let key = HashKey::from_bytes([1; 16]);
        let node = Node::new(Arc::new(MemoryStore::new([2; 16], key)), key);
        let root = Draft::root("test/stream", [0; 16]).policies([Rule::open_to_all()]).sign(&keys[0]).unwrap();
        pollster::block_on(async {
            let stream = node.create(root).await.unwrap();
            let mut fold = Fold::new(stream, Vec::new());
            let mut finals = 0;
            for step in 0..600_u64 {
                let append =
                    |stream: &mut crate::stream::Stream| stream.by(&keys[0]).append("test/note", Map::new()).map(drop);
                node.write(stream, append).await.unwrap().unwrap();
                let order = node.read(stream, |stream| stream.order().collect::<Vec<_>>()).await.unwrap();
                if step % 7 == 0 {
                    // It cites one far back or near, so it comes to stand there; and some know nothing of a removal.
                    let cited = finals + (step as usize * 31) % (order.len() - finals);
                    let author = &keys[1 + (step as usize % 2)];
                    let generation = node.object(stream, &order[cited]).await.unwrap().unwrap().place.generation + 1;
                    let edges = Edges { stream, parents: vec![order[cited]], previous: None, generation };
                    let data = Map::new().with("number", step.into()).unwrap();
                    let late = Draft::event("test/late", edges).data(data).sign(author).unwrap();
                    node.ingest(stream, &[late.object().parts()], 0).await.unwrap();
                }
                match step {
                    150 => {
                        let remove = Rule::remove(&keys[1].verifying_key());
                        node.write(stream, |stream| stream.by(&keys[0]).govern([remove]).map(drop))
                            .await
                            .unwrap()
                            .unwrap();
                    }
                    200 => {
                        let void = order.iter().rev().find(|id| {
                            pollster::block_on(node.object(stream, id)).unwrap().is_some_and(|stored| !stored.effective)
                        });
                        let void = *void.expect("what was concurrent with the removal is void");
                        node.write(stream, |stream| stream.by(&keys[0]).adopt(&[void]).map(drop))
                            .await
                            .unwrap()
                            .unwrap();
                    }
                    300 | 450 => {
                        node.write(stream, |stream| stream.by(&keys[0]).checkpoint().map(drop)).await.unwrap().unwrap();
                        finals = node.head(stream).await.unwrap().unwrap().finals as usize;
                        assert!(finals > 300);
                    }
                    _ => {}
                }
                let before = fold.now.as_ref().map_or(0, |now| now.objects);
                let mut applied = 0;
                let count = |ids: &mut Vec<ObjectId>, object: &Authentic| {
                    applied += 1;
                    collect(ids, object);
                };
                node.update(&mut fold, count).await.unwrap();
                if step % 7 != 0 && ![150, 200, 300, 450].contains(&step) {
                    assert_eq!(applied, 1, "one more object behind {before} costs itself alone");
                }
                let replayed = node.replay(stream, Vec::new(), None, collect).await.unwrap();
                assert_eq!(fold.state(), Some(&replayed.state));
                assert_eq!(*fold.snapshot(), replayed.snapshot);
                assert!(fold.snapshots.len() < 12, "{} snapshots", fold.snapshots.len());
            }
        });
    }
}
