//! Commits.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, ToSql, params};
use streams_core::store::{Commit, Mark, NewObject, leaves_after};
use streams_core::{ObjectId, StoreError};

use crate::ids;

/// What a change is, in the table of marks.
pub(crate) mod kind {
    pub(crate) const VERDICT: i64 = 1;
    pub(crate) const ADOPTED: i64 = 2;
    pub(crate) const COPY: i64 = 3;
    pub(crate) const FINALIZED: i64 = 4;
}

/// Remembers the integers that authors and types became, and how many ids wait to be moved.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    authors: HashMap<[u8; 32], i64>,
    types: HashMap<String, i64>,
    latest: Option<u64>,
}

/// What the tables say of a stream.
struct Row {
    number: i64,
    last: u64,
    objects: u64,
    finals: u64,
}

impl Writer {
    /// Forgets all, since what was taken back may have been among it.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Commits, and tells the number of the stream's last change. Inner errors are those of the contract.
    pub(crate) fn commit(
        &mut self,
        connection: &Connection,
        stream: ObjectId,
        commit: Commit,
    ) -> rusqlite::Result<Result<u64, StoreError>> {
        let row = find_stream(connection, &stream)?;
        let last = row.as_ref().map_or(0, |row| row.last);
        if last != commit.seen {
            return Ok(Err(StoreError::conflict(&stream)));
        }
        if commit.is_empty() {
            return Ok(Ok(last));
        }
        let mut row = match row {
            Some(row) => row,
            None => {
                let insert = "INSERT INTO streams (id, last, objects, finals) VALUES (?, 0, 0, 0)";
                connection.execute(insert, [stream.as_bytes()])?;
                Row { number: connection.last_insert_rowid(), last: 0, objects: 0, finals: 0 }
            }
        };
        let before: u64 = connection.prepare_cached("SELECT last FROM store")?.query_row([], |row| row.get(0))?;
        let mut sequence = before;
        let mut new = Vec::with_capacity(commit.objects.len());
        for object in &commit.objects {
            if ids::find(connection, &object.place.id)?.is_none() {
                sequence += 1;
                self.insert(connection, row.number, sequence, object)?;
                new.push(object);
            }
        }
        let latest = match self.latest {
            Some(latest) => latest + new.len() as u64,
            None => ids::count_latest(connection)?,
        };
        self.latest = Some(ids::settle(connection, latest)?);
        change_leaves(connection, row.number, &new)?;
        row.objects += new.len() as u64;
        for mark in &commit.marks {
            sequence += 1;
            note(connection, row.number, sequence, mark)?;
            if let Mark::Finalized { upto, .. } = mark {
                row.finals = *upto;
            }
        }
        let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO dropped (stream, map) VALUES (?, ?)")?;
        for map in &commit.drops {
            insert.execute(params![row.number, map.as_bytes()])?;
        }
        if sequence > before {
            row.last = sequence;
        }
        connection
            .prepare_cached("UPDATE streams SET last = ?, objects = ?, finals = ? WHERE number = ?")?
            .execute(params![row.last, row.objects, row.finals, row.number])?;
        connection.prepare_cached("UPDATE store SET last = ?")?.execute([sequence])?;
        Ok(Ok(row.last))
    }

    fn insert(
        &mut self,
        connection: &Connection,
        stream: i64,
        sequence: u64,
        object: &NewObject,
    ) -> rusqlite::Result<()> {
        let author = match self.authors.get(object.author.as_bytes()) {
            Some(author) => *author,
            None => {
                let author = number_of(connection, "authors", "key", object.author.as_bytes())?;
                self.authors.insert(*object.author.as_bytes(), author);
                author
            }
        };
        let r#type = match self.types.get(&object.r#type) {
            Some(r#type) => *r#type,
            None => {
                let r#type = number_of(connection, "types", "name", &object.r#type)?;
                self.types.insert(object.r#type.clone(), r#type);
                r#type
            }
        };
        let place = &object.place;
        connection
            .prepare_cached(
                "INSERT INTO objects
                    (sequence, stream, author, type, epoch, generation, effective, tie, id, adopted_by, parts)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sequence,
                stream,
                author,
                r#type,
                place.epoch,
                place.generation,
                object.effective,
                place.tie,
                place.id.as_bytes(),
                object.adopted_by.as_ref().map(ObjectId::as_bytes),
                &*object.parts,
            ])?;
        ids::insert(connection, &place.id, sequence)
    }
}

fn find_stream(connection: &Connection, stream: &ObjectId) -> rusqlite::Result<Option<Row>> {
    let mut select = connection.prepare_cached("SELECT number, last, objects, finals FROM streams WHERE id = ?")?;
    let row = select.query_row([stream.as_bytes()], |row| {
        Ok(Row { number: row.get(0)?, last: row.get(1)?, objects: row.get(2)?, finals: row.get(3)? })
    });
    row.optional()
}

/// The integer of an author or a type.
fn number_of(connection: &Connection, table: &str, column: &str, value: &dyn ToSql) -> rusqlite::Result<i64> {
    connection.prepare_cached(&format!("INSERT OR IGNORE INTO {table} ({column}) VALUES (?)"))?.execute([value])?;
    let select = format!("SELECT number FROM {table} WHERE {column} = ?");
    connection.prepare_cached(&select)?.query_row([value], |row| row.get(0))
}

fn change_leaves(connection: &Connection, stream: i64, new: &[&NewObject]) -> rusqlite::Result<()> {
    let (leaves, cited) = leaves_after(new.iter().copied());
    let mut delete = connection.prepare_cached("DELETE FROM leaves WHERE stream = ? AND id = ?")?;
    for id in cited {
        delete.execute(params![stream, id.as_bytes()])?;
    }
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO leaves (stream, id) VALUES (?, ?)")?;
    for id in leaves {
        insert.execute(params![stream, id.as_bytes()])?;
    }
    Ok(())
}

/// Changes what is there, and takes note of it.
fn note(connection: &Connection, stream: i64, sequence: u64, mark: &Mark) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO marks (sequence, stream, kind, id, value) VALUES (?, ?, ?, ?, ?)")?;
    let change = |column: &str, value: &dyn ToSql, id: &ObjectId| {
        let Some(object) = ids::find(connection, id)? else { return Ok(()) };
        let update = format!("UPDATE objects SET {column} = ? WHERE sequence = ?");
        connection.prepare_cached(&update)?.execute(params![value, object]).map(drop)
    };
    match mark {
        Mark::Verdict { id, effective } => {
            change("effective", effective, id)?;
            insert.execute(params![sequence, stream, kind::VERDICT, id.as_bytes(), effective])?;
        }
        Mark::Adopted { id, by } => {
            let by = by.as_ref().map(ObjectId::as_bytes);
            change("adopted_by", &by, id)?;
            insert.execute(params![sequence, stream, kind::ADOPTED, id.as_bytes(), by])?;
        }
        Mark::Copy { id, parts } => {
            change("parts", &&**parts, id)?;
            insert.execute(params![sequence, stream, kind::COPY, id.as_bytes(), None::<i64>])?;
        }
        Mark::Finalized { upto, epochs } => {
            for (id, epoch) in epochs {
                change("epoch", epoch, id)?;
            }
            insert.execute(params![sequence, stream, kind::FINALIZED, None::<&[u8]>, upto])?;
        }
    }
    Ok(())
}
