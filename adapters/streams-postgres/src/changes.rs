//! What a commit does to the tables, as statements: a few, however many objects there are.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use streams_core::store::{Commit, Mark, NewObject, leaves_after};
use streams_core::{ObjectId, StoreError, StoreErrorKind};

use crate::pipeline::Step;
use crate::read::{bounded, bytes, each, kinds};

/// From here on others wait until the transaction ends.
const TAKE_NUMBERS: &str = "UPDATE counters SET value = value + $1 WHERE name = 'changes'";

/// The numbers were taken before, so the counter stands at the last of them; `$2` is how far before it these begin.
const INSERT_OBJECTS: &str = "
    INSERT INTO objects (stream, sequence, epoch, generation, tie, id, author, type, effective, adopted_by, parts)
    SELECT $1, counters.value - $2::bigint + n, new.epoch, new.generation, new.tie, new.id, new.author, new.type,
           new.effective, new.adopted_by, new.parts
    FROM counters, unnest($3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::text[],
                          $9::boolean[], $10::bytea[], $11::bytea[])
         WITH ORDINALITY AS new (epoch, generation, tie, id, author, type, effective, adopted_by, parts, n)
    WHERE counters.name = 'changes'";

const INSERT_MARKS: &str = "
    INSERT INTO marks (stream, sequence, kind, id, effective, adopted_by, finals)
    SELECT $1, counters.value - $2::bigint + n, new.kind, new.id, new.effective, new.adopted_by, new.finals
    FROM counters, unnest($3::smallint[], $4::bytea[], $5::boolean[], $6::bytea[], $7::bigint[])
         WITH ORDINALITY AS new (kind, id, effective, adopted_by, finals, n)
    WHERE counters.name = 'changes'";

/// A column of objects that are here, set anew.
macro_rules! set {
    ($column:literal, $type:literal) => {
        concat!(
            "UPDATE objects SET ",
            $column,
            " = asked.value FROM unnest($2::bytea[], $3::",
            $type,
            "[]) AS asked (id, value), ",
            each!("ctid", "objects"),
            " WHERE objects.ctid = found.ctid"
        )
    };
}

const REMOVE_LEAVES: &str = concat!(
    "DELETE FROM leaves USING unnest($2::bytea[]) AS asked (id), ",
    each!("ctid", "leaves"),
    " WHERE leaves.ctid = found.ctid"
);

const INSERT_LEAVES: &str =
    "INSERT INTO leaves (stream, id) SELECT $1, id FROM unnest($2::bytea[]) AS new (id) ON CONFLICT DO NOTHING";

const INSERT_DROPS: &str =
    "INSERT INTO drops (stream, id) SELECT $1, id FROM unnest($2::bytea[]) AS new (id) ON CONFLICT DO NOTHING";

const RAISE_STREAM: &str = "
    UPDATE streams SET last = counters.value, objects = objects + $2, finals = coalesce($3, finals)
    FROM counters WHERE stream = $1 AND counters.name = 'changes' RETURNING last";

/// What of a commit is sent in one statement, so that neither side has to hold much more than the commit: bytes.
const CHUNK: usize = 4 << 20;

/// What an object costs in a statement, beside its parts.
const OVERHEAD: usize = 256;

/// What a commit does to the tables.
pub(crate) struct Changes {
    objects: Vec<NewObject>,
    leaves: Vec<ObjectId>,
    cited: Vec<ObjectId>,
    verdicts: BTreeMap<ObjectId, bool>,
    adoptions: BTreeMap<ObjectId, Option<ObjectId>>,
    copies: BTreeMap<ObjectId, Arc<[u8]>>,
    epochs: BTreeMap<ObjectId, i64>,
    finals: Option<i64>,
    marks: usize,
}

impl Changes {
    /// Of what is new. The last mark of an object counts; those of a new one change what is written of it, so that
    /// all marks of others can be set before the numbers are taken.
    pub(crate) fn of(commit: &mut Commit) -> Result<Self, StoreError> {
        let objects = std::mem::take(&mut commit.objects);
        if objects.iter().any(|object| i64::try_from(object.place.generation).is_err()) {
            return Err(StoreError::new(StoreErrorKind::Unsupported, "PostgreSQL has no number beyond 2^63"));
        }
        let (leaves, cited) = leaves_after(&objects);
        let mut changes = Self {
            objects,
            leaves,
            cited,
            verdicts: BTreeMap::new(),
            adoptions: BTreeMap::new(),
            copies: BTreeMap::new(),
            epochs: BTreeMap::new(),
            finals: None,
            marks: commit.marks.len(),
        };
        let places: HashMap<ObjectId, usize> = match commit.marks.is_empty() {
            true => HashMap::new(),
            false => changes.objects.iter().enumerate().map(|(at, object)| (object.place.id, at)).collect(),
        };
        for mark in &commit.marks {
            changes.take(mark, &places);
        }
        Ok(changes)
    }

    fn take(&mut self, mark: &Mark, places: &HashMap<ObjectId, usize>) {
        let objects = &mut self.objects;
        let new = |id: &ObjectId| places.get(id).copied();
        match mark {
            Mark::Verdict { id, effective } => match new(id) {
                Some(at) => objects[at].effective = *effective,
                None => drop(self.verdicts.insert(*id, *effective)),
            },
            Mark::Adopted { id, by } => match new(id) {
                Some(at) => objects[at].adopted_by = *by,
                None => drop(self.adoptions.insert(*id, *by)),
            },
            Mark::Copy { id, parts } => match new(id) {
                Some(at) => objects[at].parts = parts.clone(),
                None => drop(self.copies.insert(*id, parts.clone())),
            },
            Mark::Finalized { upto, epochs } => {
                self.finals = Some(bounded(*upto));
                for (id, epoch) in epochs {
                    match new(id) {
                        Some(at) => objects[at].place.epoch = *epoch,
                        None => drop(self.epochs.insert(*id, i64::from(*epoch))),
                    }
                }
            }
        }
    }

    /// How many numbers it takes.
    pub(crate) fn count(&self) -> usize {
        self.objects.len() + self.marks
    }

    /// All statements, to the end of the transaction: one turn, unless there is very much.
    pub(crate) fn turns<'a>(&'a self, stream: &'a [u8], commit: &'a Commit) -> Vec<Vec<Step<'a>>> {
        let mut turn = self.unnumbered(stream, &commit.drops);
        if self.count() == 0 {
            turn.push(Step::new("COMMIT"));
            return vec![turn];
        }
        turn.push(Step::new(TAKE_NUMBERS).with(self.count() as i64));
        let mut turns = Vec::new();
        let mut before = self.count();
        for chunk in chunks(&self.objects) {
            if before < self.count() {
                turns.push(std::mem::take(&mut turn));
            }
            turn.push(objects(stream, before, chunk));
            before -= chunk.len();
        }
        if !commit.marks.is_empty() {
            turn.push(marks(stream, &commit.marks));
        }
        turn.push(Step::new(RAISE_STREAM).with(stream).with(self.objects.len() as i64).with(self.finals));
        turn.push(Step::new("COMMIT"));
        turns.push(turn);
        turns
    }

    /// What needs no numbers.
    fn unnumbered<'a>(&'a self, stream: &'a [u8], drops: &'a [ObjectId]) -> Vec<Step<'a>> {
        let of = |statement| Step::new(statement).with(stream);
        let mut turn = Vec::new();
        let lists = [(REMOVE_LEAVES, &self.cited[..]), (INSERT_LEAVES, &self.leaves[..]), (INSERT_DROPS, drops)];
        for (statement, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
            turn.push(of(statement).with(bytes(ids)));
        }
        if !self.verdicts.is_empty() {
            let (ids, values) = columns(&self.verdicts, |effective| *effective);
            turn.push(of(set!("effective", "boolean")).with(ids).with(values));
        }
        if !self.adoptions.is_empty() {
            let (ids, values) = columns(&self.adoptions, |by| by.as_ref().map(|by| &by.as_bytes()[..]));
            turn.push(of(set!("adopted_by", "bytea")).with(ids).with(values));
        }
        if !self.copies.is_empty() {
            let (ids, values) = columns(&self.copies, |parts| &parts[..]);
            turn.push(of(set!("parts", "bytea")).with(ids).with(values));
        }
        if !self.epochs.is_empty() {
            let (ids, values) = columns(&self.epochs, |epoch| *epoch);
            turn.push(of(set!("epoch", "bigint")).with(ids).with(values));
        }
        turn
    }
}

fn columns<'a, T, C>(set: &'a BTreeMap<ObjectId, T>, value: impl Fn(&'a T) -> C) -> (Vec<&'a [u8]>, Vec<C>) {
    (set.keys().map(|id| &id.as_bytes()[..]).collect(), set.values().map(value).collect())
}

/// Runs of objects that fit into one statement each.
fn chunks(objects: &[NewObject]) -> impl Iterator<Item = &[NewObject]> {
    let mut bytes = 0;
    let mut chunk = 0;
    objects.chunk_by(move |before, _| {
        bytes += before.parts.len() + OVERHEAD;
        let same = bytes / CHUNK == chunk;
        chunk = bytes / CHUNK;
        same
    })
}

fn objects<'a>(stream: &'a [u8], before: usize, objects: &'a [NewObject]) -> Step<'a> {
    let places = || objects.iter().map(|object| &object.place);
    Step::new(INSERT_OBJECTS)
        .with(stream)
        .with(before as i64)
        .with(places().map(|place| i64::from(place.epoch)).collect::<Vec<_>>())
        .with(places().map(|place| bounded(place.generation)).collect::<Vec<_>>())
        .with(places().map(|place| &place.tie[..]).collect::<Vec<_>>())
        .with(places().map(|place| &place.id.as_bytes()[..]).collect::<Vec<_>>())
        .with(objects.iter().map(|object| &object.author.as_bytes()[..]).collect::<Vec<_>>())
        .with(objects.iter().map(|object| object.r#type.as_str()).collect::<Vec<_>>())
        .with(objects.iter().map(|object| object.effective).collect::<Vec<_>>())
        .with(objects.iter().map(|object| object.adopted_by.as_ref().map(|by| &by.as_bytes()[..])).collect::<Vec<_>>())
        .with(objects.iter().map(|object| &object.parts[..]).collect::<Vec<_>>())
}

/// The marks take the last numbers of a commit.
fn marks<'a>(stream: &'a [u8], marks: &'a [Mark]) -> Step<'a> {
    type Line<'a> = (i16, Option<&'a ObjectId>, Option<bool>, Option<&'a ObjectId>, Option<i64>);
    let line = |mark: &'a Mark| -> Line<'a> {
        match mark {
            Mark::Verdict { id, effective } => (kinds::VERDICT, Some(id), Some(*effective), None, None),
            Mark::Adopted { id, by } => (kinds::ADOPTED, Some(id), None, by.as_ref(), None),
            Mark::Copy { id, .. } => (kinds::COPY, Some(id), None, None, None),
            Mark::Finalized { upto, .. } => (kinds::FINALIZED, None, None, None, Some(bounded(*upto))),
        }
    };
    let lines: Vec<Line<'a>> = marks.iter().map(line).collect();
    let bytes = |id: Option<&'a ObjectId>| id.map(|id| &id.as_bytes()[..]);
    Step::new(INSERT_MARKS)
        .with(stream)
        .with(lines.len() as i64)
        .with(lines.iter().map(|line| line.0).collect::<Vec<_>>())
        .with(lines.iter().map(|line| bytes(line.1)).collect::<Vec<_>>())
        .with(lines.iter().map(|line| line.2).collect::<Vec<_>>())
        .with(lines.iter().map(|line| bytes(line.3)).collect::<Vec<_>>())
        .with(lines.iter().map(|line| line.4).collect::<Vec<_>>())
}
