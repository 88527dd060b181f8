//! State from the store alone: what is final is folded once, and kept; after that only the open tail is read.

use super::page::Stored;
use super::{Node, NodeError};
use crate::object::authenticate::Authentic;
use crate::object::header::types;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Place, Scan, StoreError};
use crate::stream::content::Content;

/// How many objects are asked of the store at once.
const PAGE: usize = 1024;

/// The state behind the final part of a stream: what comes later never changes it, unless a holder of checkpoints
/// equivocates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<S> {
    /// The state.
    pub state: S,
    /// How many objects it has in it.
    pub objects: u64,
    /// The place of the last of them.
    pub place: Option<Place>,
}

/// The state of a stream, and the snapshot to begin with the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed<S> {
    /// The state of now.
    pub state: S,
    /// That behind the final part.
    pub snapshot: Snapshot<S>,
}

impl<S> Snapshot<S> {
    /// The state before anything happened.
    pub fn initial(state: S) -> Self {
        Self { state, objects: 0, place: None }
    }
}

impl Node {
    /// The state of a stream, as [`Stream::replay`](crate::Stream::replay) computes it, without opening the stream: a fold
    /// over what is effective, and behind an adopting object over what it adopts. It reads what stands behind the
    /// snapshot; all, where the snapshot does not hold any more. Where somebody writes meanwhile, it reads once more, so
    /// `apply` may see an object again, of another state.
    pub async fn replay<S: Clone>(
        &self,
        stream: StreamId,
        initial: S,
        snapshot: Option<Snapshot<S>>,
        mut apply: impl FnMut(&mut S, &Authentic),
    ) -> Result<Replayed<S>, NodeError> {
        let mut head = self.head(stream).await?.ok_or(NodeError::Unknown(stream))?;
        let snapshot = match snapshot {
            Some(snapshot) if snapshot.objects <= head.finals && self.holds(stream, &snapshot).await? => snapshot,
            _ => Snapshot::initial(initial),
        };
        loop {
            let replayed = self.replay_to(stream, snapshot.clone(), head.finals, &mut apply).await?;
            // Pages are of one moment where nothing was written between the first and the last.
            let now = self.head(stream).await?.ok_or(NodeError::Unknown(stream))?;
            if now == head {
                return Ok(replayed);
            }
            head = now;
        }
    }

    async fn replay_to<S: Clone>(
        &self,
        stream: StreamId,
        mut snapshot: Snapshot<S>,
        finals: u64,
        apply: &mut impl FnMut(&mut S, &Authentic),
    ) -> Result<Replayed<S>, NodeError> {
        let mut now = snapshot.clone();
        let passed = |at: &Snapshot<S>| {
            if at.objects == finals {
                snapshot = at.clone();
            }
        };
        self.read_on(stream, &mut now, apply, passed).await?;
        Ok(Replayed { state: now.state, snapshot })
    }

    /// Applies what stands behind a state to it; `passed` is told the state behind each object.
    pub(super) async fn read_on<S>(
        &self,
        stream: StreamId,
        now: &mut Snapshot<S>,
        apply: &mut impl FnMut(&mut S, &Authentic),
        mut passed: impl FnMut(&Snapshot<S>),
    ) -> Result<(), NodeError> {
        loop {
            let page = self.page(stream, Scan::After(now.place), PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for stored in &page {
                if stored.effective {
                    apply(&mut now.state, &stored.authentic);
                    for adopted in self.adopted_by(stream, stored).await? {
                        apply(&mut now.state, &adopted.authentic);
                    }
                }
                now.objects += 1;
                now.place = Some(stored.place);
                passed(now);
            }
        }
    }

    /// Whether the last object of a snapshot stands where it stood.
    pub(super) async fn holds<S>(&self, stream: StreamId, snapshot: &Snapshot<S>) -> Result<bool, StoreError> {
        let Some(place) = snapshot.place else { return Ok(true) };
        let record = self.store.get(stream, &[place.id]).await?.pop().flatten();
        Ok(record.is_some_and(|record| record.place == place))
    }

    /// What an object adopts, in order.
    async fn adopted_by(&self, stream: StreamId, by: &Stored) -> Result<Vec<Stored>, NodeError> {
        if by.authentic.header().r#type() != types::ADOPT {
            return Ok(Vec::new());
        }
        let Ok(Content::Adopt { objects }) = Content::read(&by.authentic) else { return Ok(Vec::new()) };
        let id: ObjectId = by.place.id;
        let mut adopted = Vec::new();
        for object in objects {
            adopted.extend(self.object(stream, &object).await?.filter(|stored| stored.adopted_by == Some(id)));
        }
        adopted.sort_by_key(|stored| stored.place);
        adopted.dedup_by_key(|stored| stored.place);
        Ok(adopted)
    }
}
