//! Objects by their ids. Two tables tell them: a small one of the latest, and a large one, into which those are moved
//! in order. So what a batch changes does not grow with the store.

use rusqlite::{Connection, OptionalExtension, params};
use streams_core::ObjectId;

/// How many may be in the small table.
const LATEST: u64 = 1 << 16;

/// The first eight bytes of an id, which [`CANDIDATES`] is given. Whoever mines ids that share them gains nothing: the
/// whole id is compared.
pub(crate) fn key(id: &ObjectId) -> i64 {
    let (key, _) = id.as_bytes().split_first_chunk().expect("32 bytes");
    i64::from_be_bytes(*key)
}

/// The numbers of the objects whose ids begin as `?1` says. Who looks objects up by them says `NOT INDEXED`: without
/// statistics, SQLite would rather walk through a whole stream.
pub(crate) const CANDIDATES: &str =
    "(SELECT sequence FROM latest_ids WHERE key = ?1 UNION ALL SELECT sequence FROM ids WHERE key = ?1)";

/// The number of an object, in whatever stream.
pub(crate) fn find(connection: &Connection, id: &ObjectId) -> rusqlite::Result<Option<u64>> {
    let text = format!("SELECT sequence FROM objects NOT INDEXED WHERE sequence IN {CANDIDATES} AND id = ?2");
    connection.prepare_cached(&text)?.query_row(params![key(id), id.as_bytes()], |row| row.get(0)).optional()
}

/// Takes note of a new object.
pub(crate) fn insert(connection: &Connection, id: &ObjectId, sequence: u64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO latest_ids (key, sequence) VALUES (?, ?)")?;
    insert.execute(params![key(id), sequence]).map(drop)
}

/// How many are in the small table.
pub(crate) fn count_latest(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM latest_ids", [], |row| row.get(0))
}

/// Moves the latest where the others are, if they are many, and tells how many are left.
pub(crate) fn settle(connection: &Connection, latest: u64) -> rusqlite::Result<u64> {
    if latest < LATEST {
        return Ok(latest);
    }
    connection.execute("INSERT INTO ids SELECT key, sequence FROM latest_ids ORDER BY key, sequence", [])?;
    connection.execute("DELETE FROM latest_ids", [])?;
    Ok(0)
}
