//! The embedded store of Streams: one SQLite file, which several processes may use at once.
//!
//! What was committed is on the disk when the commit returns (a write-ahead log, `synchronous=FULL`). One thread writes,
//! and commits that wait for it meanwhile become durable together; others read. They are asked over channels, so any
//! runtime may wait for them, or none.
//!
//! ```
//! # use std::sync::Arc;
//! # use streams_core::{Draft, HashKey, Map, Node, SigningKey};
//! # use streams_sqlite::SqliteStore;
//! # pollster::block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("streams.db");
//! # let key = SigningKey::from_bytes([7; 32]);
//! let hash_key = HashKey::from_bytes([1; 16]); // from the operating system's randomness, in earnest
//! let node = Node::new(Arc::new(SqliteStore::open(&path)?), hash_key);
//! let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
//! node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new()).map(drop)).await??;
//! assert_eq!(node.head(stream).await?.unwrap().objects, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

#![forbid(unsafe_code)]

mod error;

mod ids;

mod read;

mod schema;

mod threads;

mod watch;

mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use event_listener::Event;
use rusqlite::{Connection, OpenFlags};
use streams_core::store::{Commit, Head, Logged, Numbered, Place, Record, Scan, Store};
use streams_core::{ObjectId, StoreError, StreamId};

use self::error::store_error;
use self::schema::random;
use self::threads::{Readers, Used, WriterThread};
use self::watch::Watch;

/// How many threads read.
const READERS: usize = 3;

/// How many kilobytes of pages a connection that reads may keep in memory, and the one that writes: the index of ids
/// of a million objects fits.
const READ_CACHE: u32 = 8 << 10;
const WRITE_CACHE: u32 = 32 << 10;

/// Objects in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    origin: [u8; 16],
    writer: WriterThread,
    readers: Readers,
    changed: Arc<Event>,
    watch: Watch,
    /// By what is known that nobody reads the file any more, and that nobody writes it.
    read: Used,
    written: Used,
    /// Whether a statement was numbered since this was opened.
    numbered: AtomicBool,
    /// When the file had changed last before this was opened, in milliseconds since 1970 UTC.
    changed_before: i64,
    closed: AtomicBool,
}

impl SqliteStore {
    /// Opens a store, which is made where there is none. Fails where the file is something else, is damaged, or is of a
    /// newer version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let changed_before = last_changed(path);
        let connect = |cache| -> Result<Connection, StoreError> {
            let flags =
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags).map_err(store_error)?;
            schema::prepare(&connection, cache)?;
            Ok(connection)
        };
        let mut connection = connect(WRITE_CACHE)?;
        schema::open(&mut connection)?;
        let origin = connection.query_row("SELECT origin FROM store", [], |row| row.get(0)).map_err(store_error)?;
        let readers = (0..READERS).map(|_| connect(READ_CACHE)).collect::<Result<_, _>>()?;
        let changed = Arc::new(Event::new());
        let ((reading, read), (writing, written)) = (Used::new(), Used::new());
        let committed = {
            let changed = changed.clone();
            move || {
                changed.notify(usize::MAX);
            }
        };
        Ok(Self {
            path: path.to_owned(),
            origin,
            writer: WriterThread::start(connection, writing, committed),
            readers: Readers::start(readers, &reading),
            watch: Watch::new(connect(READ_CACHE)?, reading, changed.clone()),
            changed,
            read,
            written,
            numbered: AtomicBool::new(false),
            changed_before,
            closed: AtomicBool::new(false),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives back to the disk what is not used any more. Takes as long as copying the file, and as much room.
    pub async fn compact(&self) -> Result<(), StoreError> {
        let compact = |connection: &mut Connection| {
            connection.execute_batch("VACUUM")?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        };
        self.writer.write(compact).await
    }

    /// What is damaged of the file, in a sentence each: tables and indices that do not fit together. What an object says
    /// is proven by [`Node::verify`](streams_core::Node::verify).
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let check = |connection: &Connection| {
            let mut check = connection.prepare("PRAGMA integrity_check(20)")?;
            check.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let mut said = self.readers.read(check).await?;
        said.retain(|line| line != "ok");
        Ok(said)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn origin(&self) -> Result<[u8; 16], StoreError> {
        if self.is_closed() { Err(StoreError::closed()) } else { Ok(self.origin) }
    }

    async fn last(&self) -> Result<u64, StoreError> {
        self.readers.read(read::last).await
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        self.writer.commit(stream, commit).await
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError> {
        let ids = ids.to_vec();
        self.readers.read(move |connection| read::get(connection, &stream, &ids)).await
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError> {
        let ids = ids.to_vec();
        self.readers.read(move |connection| read::contains(connection, &stream, &ids)).await
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.readers.read(move |connection| read::scan(connection, &stream, &scan, limit)).await
    }

    async fn places(
        &self,
        stream: StreamId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, u64)>, StoreError> {
        self.readers.read(move |connection| read::places(connection, &stream, after, limit)).await
    }

    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError> {
        self.readers.read(move |connection| read::head(connection, &stream)).await
    }

    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.readers.read(move |connection| read::ids(connection, &stream, "leaves", "id")).await
    }

    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.readers.read(move |connection| read::ids(connection, &stream, "dropped", "map")).await
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        self.readers.read(move |connection| read::streams(connection, after, limit)).await
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError> {
        self.readers.read(move |connection| read::log(connection, stream, above, limit)).await
    }

    async fn wait(&self, above: u64) -> Result<(), StoreError> {
        let _watched = self.watch.for_others();
        loop {
            let changed = self.changed.listen();
            if self.last().await? > above {
                return Ok(());
            }
            changed.await;
        }
    }

    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.readers.read(move |connection| read::cursor(connection, &name)).await
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_vec());
        let set = move |connection: &mut Connection| {
            let insert = "INSERT INTO cursors (name, value) VALUES (?, ?)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            connection.execute(insert, (name, value)).map(drop)
        };
        self.writer.write(set).await
    }

    async fn number(&self) -> Result<Numbered, StoreError> {
        // Not closed since it was numbered last, or put there by somebody after it was closed, as from a backup: what it
        // said then may not be all that it holds now.
        let is_first = !self.numbered.swap(true, Ordering::SeqCst);
        let closed_since = self.changed_before.saturating_sub(SETTLED);
        let number = move |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            if is_first {
                let draw = "UPDATE store SET identity = ?, counter = 0 WHERE closed IS NULL OR closed < ?";
                transaction.execute(draw, (random(), closed_since))?;
            }
            let raise = "UPDATE store SET counter = counter + 1, closed = NULL RETURNING identity, counter";
            let numbered =
                transaction.query_row(raise, [], |row| Ok(Numbered { store: row.get(0)?, counter: row.get(1)? }))?;
            transaction.commit()?;
            Ok(numbered)
        };
        self.writer.write(number).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let was_numbered = self.numbered.load(Ordering::SeqCst);
        let close = move |connection: &mut Connection| {
            let checkpoint =
                |connection: &Connection| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            checkpoint(connection)?;
            if was_numbered {
                connection.execute("UPDATE store SET closed = ?", [milliseconds(SystemTime::now())])?;
                // Little is left to be written, so the file changes now for the last time.
                checkpoint(connection)?;
            }
            Ok(())
        };
        self.writer.write(close).await?;
        self.closed.store(true, Ordering::SeqCst);
        self.readers.close();
        self.watch.close();
        self.changed.notify(usize::MAX);
        self.read.end().await;
        // Of two connections that end at once, none would be the last, which takes away the log.
        self.writer.close();
        self.written.end().await;
        Ok(())
    }
}

/// How long after the note that a store was closed its file may still change, in milliseconds.
const SETTLED: i64 = 1000;

/// When a file became what it is: a copy that is put in its place is newer, whatever is in it. 0 where there is none.
///
/// A snapshot of a whole disk that is put back is not noticed.
fn last_changed(path: &Path) -> i64 {
    let Ok(metadata) = std::fs::metadata(path) else { return 0 };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        metadata.ctime() * 1000 + metadata.ctime_nsec() / 1_000_000
    }
    #[cfg(not(unix))]
    {
        // What is copied keeps the time of its last change there, and has one of its own when it was made.
        let times = [metadata.modified(), metadata.created()];
        times.into_iter().flatten().map(milliseconds).max().unwrap_or(i64::MAX)
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
