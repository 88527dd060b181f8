//! Taking in objects: while the store commits some, the signatures of the next are verified.

use std::pin::Pin;
use std::task::Poll;

use super::opened::Opened;
use super::{Node, NodeError};
use crate::object::id::StreamId;
use crate::store::{Store, StoreError, StoreErrorKind};
use crate::stream::Stream;
use crate::stream::admit::{Ingested, Rejected};

impl Node {
    /// Takes in objects of a stream, which come from the peer with this number; the answers are in their order. What is
    /// admitted is durable when this returns.
    pub async fn ingest(
        &self,
        stream: StreamId,
        parts: &[impl AsRef<[u8]>],
        from: u64,
    ) -> Result<Vec<Result<Ingested, Rejected>>, NodeError> {
        let mut answers = Vec::new();
        self.ingest_batches(stream, [parts], from, |_, _, taken| answers = taken).await?;
        Ok(answers)
    }

    /// Takes in one batch after the other, as [`ingest`](Self::ingest) does; what the store commits of one is under way
    /// while the next is verified. `taken` is told each batch with its answers, in their order, when what they admit is
    /// durable; the stream it is told too may be further.
    ///
    /// Nobody else uses the stream meanwhile. Batches of a few hundred objects are verified fastest, and are soon told.
    pub async fn ingest_batches<B: AsRef<[P]>, P: AsRef<[u8]>>(
        &self,
        stream: StreamId,
        batches: impl IntoIterator<Item = B>,
        from: u64,
        taken: impl FnMut(&Stream, B, Vec<Result<Ingested, Rejected>>),
    ) -> Result<(), NodeError> {
        let mut taken_up = self.take_up(stream).await?;
        let done = ingest_batches(taken_up.opened(), &*self.store, batches, from, taken).await;
        self.release(stream, taken_up.0, done.is_err());
        done
    }
}

async fn ingest_batches<B: AsRef<[P]>, P: AsRef<[u8]>>(
    opened: &mut Opened,
    store: &dyn Store,
    batches: impl IntoIterator<Item = B>,
    from: u64,
    mut taken: impl FnMut(&Stream, B, Vec<Result<Ingested, Rejected>>),
) -> Result<(), NodeError> {
    let id = opened.stream().id();
    let mut under_way = None;
    for batch in batches {
        let parts = batch.as_ref().iter().map(AsRef::as_ref);
        let answers = opened.stream().ingest_batch(parts, from);
        if let Some((commit, committed, batch, answers)) = under_way.take() {
            land(opened, store, commit, committed).await?;
            taken(opened.stream(), batch, answers);
        }
        match opened.begin_commit(store).await? {
            Some(commit) => {
                let mut commit = store.commit(id, commit);
                let committed = start(&mut commit).await;
                under_way = Some((commit, committed, batch, answers));
            }
            None => taken(opened.stream(), batch, answers),
        }
    }
    if let Some((commit, committed, batch, answers)) = under_way {
        land(opened, store, commit, committed).await?;
        taken(opened.stream(), batch, answers);
    }
    Ok(())
}

/// Lets a future begin, and others of the same task go on.
async fn start<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    let mut begun = None;
    std::future::poll_fn(|context| match &begun {
        Some(_) => Poll::Ready(()),
        None => {
            begun = Some(Pin::new(&mut *future).poll(context));
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
    match begun {
        Some(Poll::Ready(output)) => Some(output),
        _ => None,
    }
}

/// Waits for what is committed. Where others wrote meanwhile, all that is new is committed behind theirs.
async fn land(
    opened: &mut Opened,
    store: &dyn Store,
    commit: impl Future<Output = Result<u64, StoreError>>,
    committed: Option<Result<u64, StoreError>>,
) -> Result<(), NodeError> {
    let committed = match committed {
        Some(committed) => committed,
        None => commit.await,
    };
    match committed {
        Ok(seen) => {
            opened.end_commit(seen);
            Ok(())
        }
        Err(error) if error.kind() == StoreErrorKind::Conflict => {
            opened.catch_up(store).await?;
            opened.settle(store).await
        }
        Err(error) => Err(error.into()),
    }
}
