//! A store that fails on purpose, at a call that a test chooses.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use async_trait::async_trait;

use crate::object::id::{ObjectId, StreamId};
use crate::store::{Commit, Head, Logged, Numbered, Record, Scan, Store, StoreError, StoreErrorKind};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing, and fails.
    Fails,
    /// The call does what it should, and fails: the answer was lost.
    Tears,
    /// The call takes long.
    Delays,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fails, Self::Tears, Self::Delays];
}

/// A store one of whose calls goes wrong.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    fault: Fault,
    at: u64,
    calls: AtomicU64,
}

impl FaultyStore {
    /// A store whose call of this number, from 0, goes wrong.
    pub fn new(inner: Arc<dyn Store>, fault: Fault, at: u64) -> Self {
        Self { inner, fault, at, calls: AtomicU64::new(0) }
    }

    /// Whether it went wrong by now.
    pub fn is_over(&self) -> bool {
        self.calls() > self.at
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn call<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return answer.await;
        }
        let failed = || StoreError::new(StoreErrorKind::Other, "a fault that a test asked for");
        match self.fault {
            Fault::Fails => Err(failed()),
            Fault::Tears => answer.await.and_then(|_| Err(failed())),
            Fault::Delays => {
                let mut times = 8;
                poll_fn(|context| {
                    times -= 1;
                    context.waker().wake_by_ref();
                    if times == 0 { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                answer.await
            }
        }
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Store for FaultyStore {
    async fn origin(&self) -> Result<[u8; 16], StoreError> {
        self.call(self.inner.origin()).await
    }

    async fn last(&self) -> Result<u64, StoreError> {
        self.call(self.inner.last()).await
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        self.call(self.inner.commit(stream, commit)).await
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError> {
        self.call(self.inner.get(stream, ids)).await
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError> {
        self.call(self.inner.contains(stream, ids)).await
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.call(self.inner.scan(stream, scan, limit)).await
    }

    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError> {
        self.call(self.inner.head(stream)).await
    }

    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.call(self.inner.leaves(stream)).await
    }

    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.call(self.inner.dropped(stream)).await
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        self.call(self.inner.streams(after, limit)).await
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError> {
        self.call(self.inner.log(stream, above, limit)).await
    }

    async fn wait(&self, above: u64) -> Result<(), StoreError> {
        self.call(self.inner.wait(above)).await
    }

    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.call(self.inner.cursor(name)).await
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.call(self.inner.set_cursor(name, value)).await
    }

    async fn number(&self) -> Result<Numbered, StoreError> {
        self.call(self.inner.number()).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.call(self.inner.close()).await
    }
}
