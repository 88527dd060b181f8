//! Threads that own connections, asked over channels: SQLite blocks, and callers on any runtime must not.

use std::convert::Infallible;
use std::thread;

use async_channel::{Receiver, Sender, bounded, unbounded};
use rusqlite::{Connection, TransactionBehavior};
use streams_core::store::Commit;
use streams_core::{StoreError, StreamId};

use crate::error::store_error;
use crate::write::Writer;

/// How many commits may become durable together.
const TOGETHER: usize = 64;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

/// Held by a thread as long as it has a connection.
pub(crate) type Using = Sender<Infallible>;

/// By what is known that no thread has a connection any more.
#[derive(Debug)]
pub(crate) struct Used(Receiver<Infallible>);

impl Used {
    pub(crate) fn new() -> (Using, Self) {
        let (using, used) = bounded(1);
        (using, Self(used))
    }

    /// Waits until all threads have let go of their connections.
    pub(crate) async fn end(&self) {
        // Nothing can be sent, so what comes is that nobody is there who could.
        let Err(_) = self.0.recv().await;
    }
}

/// Threads that read, each with a connection.
#[derive(Clone, Debug)]
pub(crate) struct Readers(Sender<Read>);

impl Readers {
    pub(crate) fn start(connections: Vec<Connection>, using: &Using) -> Self {
        let (sender, receiver) = unbounded::<Read>();
        for mut connection in connections {
            let (receiver, using) = (receiver.clone(), using.clone());
            thread::spawn(move || {
                while let Ok(read) = receiver.recv_blocking() {
                    read(&mut connection);
                }
                drop(connection);
                drop(using);
            });
        }
        Self(sender)
    }

    /// Reads in one of the threads, within one transaction: what is read is of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = bounded(1);
        let read: Read = Box::new(move |connection| {
            let all = connection.transaction().and_then(|transaction| read(&transaction));
            // Whoever asked may not wait any more.
            let _ = answer.send_blocking(all.map_err(store_error));
        });
        self.0.send(read).await.map_err(|_| StoreError::closed())?;
        answered.recv().await.map_err(|_| StoreError::closed())?
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// A commit, and who waits for it.
struct Waiting {
    stream: StreamId,
    commit: Commit,
    answer: Sender<Result<u64, StoreError>>,
}

/// What the one thread that writes is asked.
enum Write {
    Commit(Waiting),
    Other(Box<dyn FnOnce(&mut Connection) + Send>),
}

/// The thread that writes.
#[derive(Clone, Debug)]
pub(crate) struct WriterThread(Sender<Write>);

impl std::fmt::Debug for Write {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Write")
    }
}

impl WriterThread {
    pub(crate) fn start(mut connection: Connection, using: Using, committed: impl Fn() + Send + 'static) -> Self {
        let (sender, receiver) = unbounded::<Write>();
        thread::spawn(move || {
            run(&mut connection, &receiver, &committed);
            drop(connection);
            drop(using);
        });
        Self(sender)
    }

    pub(crate) async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        let (answer, answered) = bounded(1);
        self.0.send(Write::Commit(Waiting { stream, commit, answer })).await.map_err(|_| StoreError::closed())?;
        answered.recv().await.map_err(|_| StoreError::closed())?
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = bounded(1);
        let write = Write::Other(Box::new(move |connection| {
            let _ = answer.send_blocking(write(connection).map_err(store_error));
        }));
        self.0.send(write).await.map_err(|_| StoreError::closed())?;
        answered.recv().await.map_err(|_| StoreError::closed())?
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }
}

fn run(connection: &mut Connection, receiver: &Receiver<Write>, committed: &dyn Fn()) {
    let mut writer = Writer::default();
    let mut next = receiver.recv_blocking().ok();
    while let Some(write) = next.take() {
        match write {
            Write::Other(write) => write(connection),
            Write::Commit(first) => {
                // Who waits meanwhile shares the one time that the disk is waited for.
                let mut waiting = vec![first];
                while waiting.len() < TOGETHER
                    && next.is_none()
                    && let Ok(write) = receiver.try_recv()
                {
                    match write {
                        Write::Commit(more) => waiting.push(more),
                        other => next = Some(other),
                    }
                }
                commit_all(connection, &mut writer, waiting);
                committed();
            }
        }
        next = next.or_else(|| receiver.recv_blocking().ok());
    }
}

/// Commits for several at once. Who conflicts has changed nothing yet, and does not hold up the others; where SQLite
/// fails, all of them fail together.
fn commit_all(connection: &mut Connection, writer: &mut Writer, waiting: Vec<Waiting>) {
    let leaves_nothing = waiting.iter().any(|waiting| waiting.commit.drops_bytes());
    let (commits, answers): (Vec<_>, Vec<_>) =
        waiting.into_iter().map(|waiting| ((waiting.stream, waiting.commit), waiting.answer)).unzip();
    let all = || {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let commit = |(stream, commit)| writer.commit(&transaction, stream, commit);
        let lasts = commits.into_iter().map(commit).collect::<rusqlite::Result<Vec<_>>>()?;
        transaction.commit().map(|()| lasts)
    };
    let lasts = all().map_err(store_error);
    if lasts.is_err() {
        writer.forget();
    }
    if leaves_nothing {
        // The log of the database still has what was dropped, until it is emptied; a reader may hinder it for now.
        let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
    for (at, answer) in answers.into_iter().enumerate() {
        let last = lasts.as_ref().map_err(Clone::clone).and_then(|lasts| lasts[at].clone());
        // Whoever asked may not wait any more.
        let _ = answer.send_blocking(last);
    }
}
