//! Queries.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use streams_core::store::{Head, Logged, LoggedChange, Place, Record, Scan};
use streams_core::{ObjectId, StreamId};

use crate::ids::{CANDIDATES, key};
use crate::write::kind;

/// What a record is made of, in the order of [`record`].
const RECORD: &str = "sequence, epoch, generation, tie, id, effective, adopted_by, parts";

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let place = Place { epoch: row.get(1)?, generation: row.get(2)?, tie: row.get(3)?, id: id(row, 4)? };
    let adopted_by = match row.get_ref(6)? {
        ValueRef::Null => None,
        _ => Some(id(row, 6)?),
    };
    let parts: Arc<[u8]> = row.get_ref(7)?.as_blob()?.into();
    Ok(Record { sequence: row.get(0)?, place, effective: row.get(5)?, adopted_by, parts })
}

fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<ObjectId> {
    row.get(column).map(ObjectId::from_bytes)
}

/// The integer of a stream.
fn number(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT number FROM streams WHERE id = ?")?;
    select.query_row([stream.as_bytes()], |row| row.get(0)).optional()
}

pub(crate) fn last(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT last FROM store")?.query_row([], |row| row.get(0))
}

pub(crate) fn get(
    connection: &Connection,
    stream: &StreamId,
    ids: &[ObjectId],
) -> rusqlite::Result<Vec<Option<Record>>> {
    let Some(stream) = number(connection, stream)? else { return Ok(vec![None; ids.len()]) };
    let text =
        format!("SELECT {RECORD} FROM objects NOT INDEXED WHERE sequence IN {CANDIDATES} AND id = ?2 AND stream = ?3");
    let mut select = connection.prepare_cached(&text)?;
    ids.iter().map(|id| select.query_row(params![key(id), id.as_bytes(), stream], record).optional()).collect()
}

pub(crate) fn contains(connection: &Connection, stream: &StreamId, ids: &[ObjectId]) -> rusqlite::Result<Vec<bool>> {
    let Some(stream) = number(connection, stream)? else { return Ok(vec![false; ids.len()]) };
    let text = format!("SELECT 1 FROM objects NOT INDEXED WHERE sequence IN {CANDIDATES} AND id = ?2 AND stream = ?3");
    let mut select = connection.prepare_cached(&text)?;
    ids.iter().map(|id| select.exists(params![key(id), id.as_bytes(), stream])).collect()
}

pub(crate) fn scan(
    connection: &Connection,
    stream: &StreamId,
    scan: &Scan,
    limit: usize,
) -> rusqlite::Result<Vec<Record>> {
    let Some(stream) = number(connection, stream)? else { return Ok(Vec::new()) };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // The index is named, since the file has no statistics by which SQLite would find the one that is in this order.
    let select = |index: &str, condition: &str, given: &[&dyn ToSql]| {
        let mut all: Vec<&dyn ToSql> = vec![&stream];
        all.extend(given);
        all.push(&limit);
        let text = format!("SELECT {RECORD} FROM objects INDEXED BY {index} WHERE stream = ? {condition} LIMIT ?");
        connection.prepare_cached(&text)?.query_map(&*all, record)?.collect()
    };
    const PLACE: &str = "objects_by_place";
    const UP: &str = "ORDER BY epoch, generation, tie, id";
    const DOWN: &str = "ORDER BY epoch DESC, generation DESC, tie DESC, id DESC";
    match scan {
        Scan::After(None) => select(PLACE, UP, &[]),
        Scan::Before(None) => select(PLACE, DOWN, &[]),
        Scan::After(Some(Place { epoch, generation, tie, id })) => {
            let condition = format!("AND (epoch, generation, tie, id) > (?, ?, ?, ?) {UP}");
            select(PLACE, &condition, &[epoch, generation, tie, id.as_bytes()])
        }
        Scan::Before(Some(Place { epoch, generation, tie, id })) => {
            let condition = format!("AND (epoch, generation, tie, id) < (?, ?, ?, ?) {DOWN}");
            select(PLACE, &condition, &[epoch, generation, tie, id.as_bytes()])
        }
        Scan::Since(above) => select("objects_by_stream", "AND sequence > ? ORDER BY sequence", &[above]),
        Scan::Author(author, above) => {
            let condition =
                "AND author = (SELECT number FROM authors WHERE key = ?) AND sequence > ? ORDER BY sequence";
            select("objects_by_author", condition, &[author.as_bytes(), above])
        }
        Scan::Type(r#type, above) => {
            let condition = "AND type = (SELECT number FROM types WHERE name = ?) AND sequence > ? ORDER BY sequence";
            select("objects_by_type", condition, &[r#type, above])
        }
    }
}

/// All that is asked for is in the index.
pub(crate) fn places(
    connection: &Connection,
    stream: &StreamId,
    after: Option<Place>,
    limit: usize,
) -> rusqlite::Result<Vec<(Place, u64)>> {
    let Some(stream) = number(connection, stream)? else { return Ok(Vec::new()) };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let behind = if after.is_some() { "AND (epoch, generation, tie, id) > (?3, ?4, ?5, ?6)" } else { "" };
    let text = format!(
        "SELECT epoch, generation, tie, id, sequence FROM objects INDEXED BY objects_by_place
        WHERE stream = ?1 {behind} ORDER BY epoch, generation, tie, id LIMIT ?2"
    );
    let mut select = connection.prepare_cached(&text)?;
    let place = |row: &Row<'_>| {
        let place = Place { epoch: row.get(0)?, generation: row.get(1)?, tie: row.get(2)?, id: id(row, 3)? };
        Ok((place, row.get(4)?))
    };
    match after {
        None => select.query_map(params![stream, limit], place)?.collect(),
        Some(Place { epoch, generation, tie, id }) => {
            select.query_map(params![stream, limit, epoch, generation, tie, id.as_bytes()], place)?.collect()
        }
    }
}

pub(crate) fn head(connection: &Connection, stream: &StreamId) -> rusqlite::Result<Option<Head>> {
    let mut select = connection.prepare_cached("SELECT last, objects, finals FROM streams WHERE id = ?")?;
    let head = |row: &Row<'_>| Ok(Head { last: row.get(0)?, objects: row.get(1)?, finals: row.get(2)? });
    select.query_row([stream.as_bytes()], head).optional()
}

/// The ids that a table has for a stream, ascending.
pub(crate) fn ids(
    connection: &Connection,
    stream: &StreamId,
    table: &str,
    column: &str,
) -> rusqlite::Result<Vec<ObjectId>> {
    let text = format!(
        "SELECT {column} FROM {table} WHERE stream = (SELECT number FROM streams WHERE id = ?) ORDER BY {column}"
    );
    let mut select = connection.prepare_cached(&text)?;
    select.query_map([stream.as_bytes()], |row| id(row, 0))?.collect()
}

pub(crate) fn streams(
    connection: &Connection,
    after: Option<StreamId>,
    limit: usize,
) -> rusqlite::Result<Vec<StreamId>> {
    let mut select = connection.prepare_cached("SELECT id FROM streams WHERE id > ? ORDER BY id LIMIT ?")?;
    let after = after.as_ref().map_or(&[][..], |after| after.as_bytes());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    select.query_map(params![after, limit], |row| id(row, 0))?.collect()
}

/// Objects and marks have their numbers from one sequence, in two tables: both are read in order, and merged.
pub(crate) fn log(
    connection: &Connection,
    stream: Option<StreamId>,
    above: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Logged>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (of, objects_by, marks_by) = match &stream {
        None => ("", "", ""),
        Some(_) => (
            "AND t.stream = (SELECT number FROM streams WHERE id = ?3)",
            "INDEXED BY objects_by_stream",
            "INDEXED BY marks_by_stream",
        ),
    };
    let text = format!(
        "SELECT t.sequence, streams.id, 0, t.id, authors.key, types.name
            FROM objects t {objects_by} JOIN streams ON streams.number = t.stream
            JOIN authors ON authors.number = t.author JOIN types ON types.number = t.type
            WHERE t.sequence > ?1 {of} ORDER BY t.sequence LIMIT ?2"
    );
    let marks = format!(
        "SELECT t.sequence, streams.id, t.kind, t.id, t.value, NULL
            FROM marks t {marks_by} JOIN streams ON streams.number = t.stream
            WHERE t.sequence > ?1 {of} ORDER BY t.sequence LIMIT ?2"
    );
    let read = |text: &str| -> rusqlite::Result<Vec<Logged>> {
        let mut select = connection.prepare_cached(text)?;
        match &stream {
            None => select.query_map(params![above, limit], logged)?.collect(),
            Some(stream) => select.query_map(params![above, limit, stream.as_bytes()], logged)?.collect(),
        }
    };
    let mut all = read(&text)?;
    all.extend(read(&marks)?);
    all.sort_unstable_by_key(|logged| logged.sequence);
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

fn logged(row: &Row<'_>) -> rusqlite::Result<Logged> {
    let what = match row.get(2)? {
        kind::VERDICT => LoggedChange::Verdict { id: id(row, 3)?, effective: row.get(4)? },
        kind::ADOPTED => {
            let by: Option<[u8; 32]> = row.get(4)?;
            LoggedChange::Adopted { id: id(row, 3)?, by: by.map(ObjectId::from_bytes) }
        }
        kind::COPY => LoggedChange::Copy { id: id(row, 3)? },
        kind::FINALIZED => LoggedChange::Finalized { upto: row.get(4)? },
        _ => LoggedChange::Added { id: id(row, 3)?, author: row.get(4)?, r#type: row.get(5)? },
    };
    Ok(Logged { sequence: row.get(0)?, stream: id(row, 1)?, what })
}

pub(crate) fn cursor(connection: &Connection, name: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut select = connection.prepare_cached("SELECT value FROM cursors WHERE name = ?")?;
    select.query_row([name], |row| row.get(0)).optional()
}
