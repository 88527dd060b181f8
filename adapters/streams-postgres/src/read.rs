//! Questions: a statement each.

use std::collections::HashMap;

use streams_core::store::{Head, Logged, LoggedChange, Place, Record, Scan};
use streams_core::{ObjectId, StoreError, StreamId};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, ToSql};

use crate::error::{corrupt, failed};

/// The columns of a record, in the order in which [`record`] reads them.
macro_rules! records {
    ($rest:literal) => {
        concat!("SELECT sequence, epoch, generation, tie, id, effective, adopted_by, parts FROM objects ", $rest)
    };
}

/// What of the rows of a table has the ids `asked.id` in the stream `$1`: a look-up each. What the table is asked for in
/// one piece (`id = ANY`, a join), a planner may answer by reading all of the stream, where it believes that to be small;
/// and it may do so for long. But only one index has the order that this asks for.
macro_rules! each {
    ($columns:literal, $table:literal) => {
        concat!(
            "LATERAL (SELECT ",
            $columns,
            " FROM ",
            $table,
            " AS its WHERE stream = $1 AND its.id >= asked.id AND its.id <= asked.id ORDER BY its.id LIMIT 1) AS found"
        )
    };
}
pub(crate) use each;

pub(crate) const GET: &str = concat!(
    "SELECT found.* FROM unnest($2::bytea[]) AS asked (id), ",
    each!("sequence, epoch, generation, tie, id, effective, adopted_by, parts", "objects")
);

pub(crate) const CONTAINS: &str =
    concat!("SELECT found.id FROM unnest($2::bytea[]) AS asked (id), ", each!("id", "objects"));

/// Comparing rows is what an index on the same columns answers from one place on.
const AFTER: &str = records!(
    "WHERE stream = $1 AND (epoch, generation, tie, id) > ($2, $3, $4, $5)
     ORDER BY epoch, generation, tie, id LIMIT $6"
);

const BEFORE: &str = records!(
    "WHERE stream = $1 AND (epoch, generation, tie, id) < ($2, $3, $4, $5)
     ORDER BY epoch DESC, generation DESC, tie DESC, id DESC LIMIT $6"
);

const SINCE: &str = records!("WHERE stream = $1 AND sequence > $2 ORDER BY sequence LIMIT $3");

/// That the author is equal is said by comparing rows, here and below: were it said plainly, the planner might walk along
/// all that arrived, and pick out what is the author's. Of somebody who is silent, that is nothing of everything.
const AUTHOR: &str = records!(
    "WHERE stream = $1 AND (author, sequence) > ($2, $3) AND (author, sequence) <= ($2, 9223372036854775807)
     ORDER BY author, sequence LIMIT $4"
);

const TYPE: &str = records!(
    "WHERE stream = $1 AND (type, sequence) > ($2, $3) AND (type, sequence) <= ($2, 9223372036854775807)
     ORDER BY type, sequence LIMIT $4"
);

pub(crate) const HEAD: &str = "SELECT last, objects, finals FROM streams WHERE stream = $1";

/// Changes are objects that came, and marks: of both the first so many, merged.
macro_rules! log {
    ($number:literal, $where:literal, $order:literal) => {
        concat!(
            "(SELECT ",
            $number,
            " AS number, stream, 0::smallint AS kind, id, author, type, NULL::boolean AS effective,
                     NULL::bytea AS adopted_by, NULL::bigint AS finals
              FROM objects WHERE ",
            $where,
            " ORDER BY ",
            $number,
            $order,
            " LIMIT $2) UNION ALL (SELECT ",
            $number,
            ", stream, kind, id, NULL, NULL, effective, adopted_by, finals FROM marks WHERE ",
            $where,
            " ORDER BY ",
            $number,
            $order,
            " LIMIT $2) ORDER BY number",
            $order,
            " LIMIT $2"
        )
    };
}

/// Of all streams, along the indices on the negated number.
pub(crate) const LOG: &str = log!("-sequence", "-sequence < -$1::bigint", " DESC");

pub(crate) const LOG_OF: &str = log!("sequence", "stream = $3 AND sequence > $1", "");

/// What a mark is in its table.
pub(crate) mod kinds {
    pub(crate) const ADDED: i16 = 0;
    pub(crate) const VERDICT: i16 = 1;
    pub(crate) const ADOPTED: i16 = 2;
    pub(crate) const COPY: i16 = 3;
    pub(crate) const FINALIZED: i16 = 4;
}

/// What is passed to a statement.
pub(crate) type Parameter<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// A number as the database has it. No number that is given reaches its end, so one beyond it is like the end.
pub(crate) fn bounded(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The same, for how many are asked for.
pub(crate) fn limit(limit: usize) -> i64 {
    bounded(limit as u64)
}

pub(crate) fn bytes(ids: &[ObjectId]) -> Vec<&[u8]> {
    ids.iter().map(|id| &id.as_bytes()[..]).collect()
}

/// The statement of a scan, and its parameters.
pub(crate) fn scan<'a>(stream: &'a StreamId, scan: &'a Scan, most: usize) -> (&'static str, Vec<Parameter<'a>>) {
    let place = |place: &'a Option<Place>, open: i64| -> Vec<Parameter<'a>> {
        match place {
            Some(Place { epoch, generation, tie, id }) => vec![
                Box::new(i64::from(*epoch)),
                Box::new(bounded(*generation)),
                Box::new(&tie[..]),
                Box::new(&id.as_bytes()[..]),
            ],
            None => vec![Box::new(open), Box::new(open), Box::new(b"".as_slice()), Box::new(b"".as_slice())],
        }
    };
    let (statement, which): (_, Vec<Parameter<'a>>) = match scan {
        Scan::After(after) => (AFTER, place(after, -1)),
        Scan::Before(before) => (BEFORE, place(before, i64::MAX)),
        Scan::Since(above) => (SINCE, vec![Box::new(bounded(*above))]),
        Scan::Author(author, above) => (AUTHOR, vec![Box::new(&author.as_bytes()[..]), Box::new(bounded(*above))]),
        Scan::Type(r#type, above) => (TYPE, vec![Box::new(r#type), Box::new(bounded(*above))]),
    };
    let mut parameters: Vec<Parameter<'a>> = vec![Box::new(&stream.as_bytes()[..])];
    parameters.extend(which);
    parameters.push(Box::new(limit(most)));
    (statement, parameters)
}

/// A column of a row.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, at: usize) -> Result<T, StoreError> {
    row.try_get(at).map_err(failed)
}

/// A number of a row.
pub(crate) fn number(row: &Row, at: usize) -> Result<u64, StoreError> {
    column::<i64>(row, at)?.try_into().map_err(|_| corrupt("a negative number"))
}

/// So many bytes of a row, and no others.
pub(crate) fn array<const N: usize>(row: &Row, at: usize) -> Result<[u8; N], StoreError> {
    column::<&[u8]>(row, at)?.try_into().map_err(|_| corrupt("bytes of a length"))
}

/// An id of a row.
pub(crate) fn id(row: &Row, at: usize) -> Result<ObjectId, StoreError> {
    array(row, at).map(ObjectId::from_bytes)
}

fn id_if_any(row: &Row, at: usize) -> Result<Option<ObjectId>, StoreError> {
    column::<Option<&[u8]>>(row, at)?.map(|_| id(row, at)).transpose()
}

pub(crate) fn record(row: &Row) -> Result<Record, StoreError> {
    let epoch = number(row, 1)?.try_into().map_err(|_| corrupt("an epoch"))?;
    Ok(Record {
        sequence: number(row, 0)?,
        place: Place { epoch, generation: number(row, 2)?, tie: array(row, 3)?, id: id(row, 4)? },
        effective: column(row, 5)?,
        adopted_by: id_if_any(row, 6)?,
        parts: column::<&[u8]>(row, 7)?.into(),
    })
}

pub(crate) fn head(row: &Row) -> Result<Head, StoreError> {
    Ok(Head { last: number(row, 0)?, objects: number(row, 1)?, finals: number(row, 2)? })
}

pub(crate) fn logged(row: &Row) -> Result<Logged, StoreError> {
    let what = match column(row, 2)? {
        kinds::ADDED => LoggedChange::Added { id: id(row, 3)?, author: array(row, 4)?, r#type: column(row, 5)? },
        kinds::VERDICT => LoggedChange::Verdict { id: id(row, 3)?, effective: column(row, 6)? },
        kinds::ADOPTED => LoggedChange::Adopted { id: id(row, 3)?, by: id_if_any(row, 7)? },
        kinds::COPY => LoggedChange::Copy { id: id(row, 3)? },
        kinds::FINALIZED => LoggedChange::Finalized { upto: number(row, 8)? },
        _ => return Err(corrupt("a kind of change")),
    };
    // The log of all streams goes by negated numbers.
    Ok(Logged { sequence: column::<i64>(row, 0)?.unsigned_abs(), stream: id(row, 1)?, what })
}

/// Answers in the order of the questions.
pub(crate) fn in_order(ids: &[ObjectId], rows: &[Row]) -> Result<Vec<Option<Record>>, StoreError> {
    let records = rows.iter().map(|row| record(row).map(|record| (record.place.id, record)));
    let records: HashMap<ObjectId, Record> = records.collect::<Result<_, _>>()?;
    Ok(ids.iter().map(|id| records.get(id).cloned()).collect())
}
