//! The tables, and which version of them a file has.
//!
//! Inside, streams, authors and types are small integers, and an object is its number in the sequence, so that objects
//! lie on the disk in the order of their arrival.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use streams_core::{StoreError, StoreErrorKind};

use crate::error::store_error;

/// Written into the head of the file: "strm".
const APPLICATION: i32 = 0x7374_726d;

/// The version of the tables below.
const VERSION: i32 = 1;

const TABLES: &str = "
CREATE TABLE store (
    origin BLOB NOT NULL,      -- names the sequence
    last INTEGER NOT NULL,     -- the last number of the sequence
    identity BLOB NOT NULL,    -- under which statements are numbered
    counter INTEGER NOT NULL,  -- the last number of a statement
    closed INTEGER             -- when the store was closed; none where statements were numbered since
);
CREATE TABLE streams (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    last INTEGER NOT NULL,
    objects INTEGER NOT NULL,
    finals INTEGER NOT NULL
);
CREATE TABLE authors (number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE);
CREATE TABLE types (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE objects (
    sequence INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    author INTEGER NOT NULL,
    type INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    effective INTEGER NOT NULL,
    tie BLOB NOT NULL,
    id BLOB NOT NULL,
    adopted_by BLOB,
    parts BLOB NOT NULL
);
-- Objects by the first eight bytes of their ids, which are as random as can be: in one large index every batch would
-- change as many pages as it has objects. So the latest are kept apart, and moved together, in order.
CREATE TABLE ids (key INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (key, sequence)) WITHOUT ROWID;
CREATE TABLE latest_ids (key INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (key, sequence)) WITHOUT ROWID;
CREATE INDEX objects_by_place ON objects (stream, epoch, generation, tie, id);
-- The rest of such a key is the sequence.
CREATE INDEX objects_by_stream ON objects (stream);
CREATE INDEX objects_by_author ON objects (stream, author);
CREATE INDEX objects_by_type ON objects (stream, type);
CREATE TABLE marks (
    sequence INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id BLOB,
    value
);
CREATE INDEX marks_by_stream ON marks (stream);
CREATE TABLE leaves (stream INTEGER NOT NULL, id BLOB NOT NULL, PRIMARY KEY (stream, id)) WITHOUT ROWID;
CREATE TABLE dropped (stream INTEGER NOT NULL, map BLOB NOT NULL, PRIMARY KEY (stream, map)) WITHOUT ROWID;
CREATE TABLE cursors (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
";

/// Sets a connection up: what was committed is on the disk, and of what was dropped nothing stays there.
/// So many kilobytes of pages may stay in memory.
pub(crate) fn prepare(connection: &Connection, kilobytes: u32) -> Result<(), StoreError> {
    let pragmas = || {
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "cache_size", -(i64::from(kilobytes)))?;
        // Pages that are changed again soon are moved out of the log once.
        connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    pragmas().map_err(store_error)
}

/// Makes the tables where there are none, and checks that they are those of this version.
pub(crate) fn open(connection: &mut Connection) -> Result<(), StoreError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(store_error)?;
    if mode != "wal" && mode != "memory" {
        let message = format!("the folder of the store does not support a write-ahead log (its mode is {mode})");
        return Err(StoreError::new(StoreErrorKind::Unsupported, message));
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(store_error)?;
    let pragma = |name| transaction.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(store_error);
    match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION, VERSION) => return Ok(()),
        (APPLICATION, newer @ VERSION..) => {
            let message = format!(
                "the store is of version {newer}, and this program knows version {VERSION}: use a newer program"
            );
            return Err(StoreError::new(StoreErrorKind::Unsupported, message));
        }
        (0, 0) => {}
        _ => return Err(StoreError::new(StoreErrorKind::Unsupported, "the file is a database of something else")),
    }
    let foreign = transaction
        .query_row("SELECT name FROM sqlite_master LIMIT 1", [], |row| row.get::<_, String>(0))
        .optional()
        .map_err(store_error)?;
    if let Some(table) = foreign {
        let message = format!("the file is a database of something else: it has {table}");
        return Err(StoreError::new(StoreErrorKind::Unsupported, message));
    }
    let create = move || {
        transaction.execute_batch(TABLES)?;
        transaction
            .execute("INSERT INTO store (origin, last, identity, counter) VALUES (?, 0, ?, 0)", [random(), random()])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    create().map_err(store_error)
}

/// Sixteen bytes that nobody drew before.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    bytes
}
