//! What a store is asked and what it answers, between the core and `streams_core.store`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::store::{Commit, Head, Logged, LoggedChange, Mark, NewObject, Numbered, Place, Record, Scan};

use crate::bytes::Buffer;
use crate::call::Module;
use crate::id::{AnId, ObjectId};
use crate::key::{AnAuthor, VerifyingKey};

static STORE: Module = Module::of("streams_core.store");

fn id(id: &streams_core::ObjectId) -> ObjectId {
    ObjectId(*id)
}

pub(super) fn place<'py>(py: Python<'py>, place: &Place) -> PyResult<Bound<'py, PyAny>> {
    STORE.instance(py, "Place", (place.epoch, place.generation, PyBytes::new(py, &place.tie), id(&place.id)))
}

pub(super) fn commit<'py>(py: Python<'py>, commit: &Commit) -> PyResult<Bound<'py, PyAny>> {
    let objects = commit.objects.iter().map(|object| new_object(py, object)).collect::<PyResult<Vec<_>>>()?;
    let marks = commit.marks.iter().map(|mark| self::mark(py, mark)).collect::<PyResult<Vec<_>>>()?;
    let drops: Vec<ObjectId> = commit.drops.iter().map(id).collect();
    STORE.instance(py, "Commit", (commit.seen, objects, marks, drops))
}

fn new_object<'py>(py: Python<'py>, object: &NewObject) -> PyResult<Bound<'py, PyAny>> {
    let edges: Vec<ObjectId> = object.edges.iter().map(id).collect();
    let (author, adopted_by) = (VerifyingKey(object.author), object.adopted_by.as_ref().map(id));
    let (place, parts) = (place(py, &object.place)?, PyBytes::new(py, &object.parts));
    STORE.instance(py, "NewObject", (place, author, &object.r#type, edges, object.effective, adopted_by, parts))
}

fn mark<'py>(py: Python<'py>, mark: &Mark) -> PyResult<Bound<'py, PyAny>> {
    match mark {
        Mark::Verdict { id, effective } => STORE.instance(py, "Verdict", (self::id(id), *effective)),
        Mark::Adopted { id, by } => STORE.instance(py, "Adopted", (self::id(id), by.as_ref().map(self::id))),
        Mark::Copy { id, parts } => STORE.instance(py, "Copy", (self::id(id), PyBytes::new(py, parts))),
        Mark::Finalized { upto, epochs } => {
            let epochs: Vec<(ObjectId, u32)> = epochs.iter().map(|(id, epoch)| (self::id(id), *epoch)).collect();
            STORE.instance(py, "Finalized", (*upto, epochs))
        }
    }
}

pub(super) fn scan<'py>(py: Python<'py>, scan: &Scan) -> PyResult<Bound<'py, PyAny>> {
    let place = |place: &Option<Place>| place.as_ref().map(|place| self::place(py, place)).transpose();
    match scan {
        Scan::After(after) => STORE.instance(py, "After", (place(after)?,)),
        Scan::Before(before) => STORE.instance(py, "Before", (place(before)?,)),
        Scan::Since(above) => STORE.instance(py, "Since", (*above,)),
        Scan::Author(author, above) => STORE.instance(py, "ByAuthor", (VerifyingKey(*author), *above)),
        Scan::Type(r#type, above) => STORE.instance(py, "ByType", (r#type, *above)),
    }
}

pub(super) fn read_place(given: &Bound<'_, PyAny>) -> PyResult<Place> {
    Ok(Place {
        epoch: given.getattr("epoch")?.extract()?,
        generation: given.getattr("generation")?.extract()?,
        tie: given.getattr("tie")?.extract::<Buffer>()?.array("a tie")?,
        id: given.getattr("id")?.extract::<AnId>()?.0,
    })
}

fn optional_id(given: &Bound<'_, PyAny>) -> PyResult<Option<streams_core::ObjectId>> {
    if given.is_none() { Ok(None) } else { Ok(Some(given.extract::<AnId>()?.0)) }
}

pub(super) fn read_record(given: &Bound<'_, PyAny>) -> PyResult<Record> {
    Ok(Record {
        sequence: given.getattr("sequence")?.extract()?,
        place: read_place(&given.getattr("place")?)?,
        effective: given.getattr("effective")?.extract()?,
        adopted_by: optional_id(&given.getattr("adopted_by")?)?,
        parts: given.getattr("parts")?.extract::<Buffer>()?.as_ref().into(),
    })
}

pub(super) fn read_head(given: &Bound<'_, PyAny>) -> PyResult<Head> {
    Ok(Head {
        last: given.getattr("last")?.extract()?,
        objects: given.getattr("objects")?.extract()?,
        finals: given.getattr("finals")?.extract()?,
    })
}

pub(super) fn read_numbered(given: &Bound<'_, PyAny>) -> PyResult<Numbered> {
    Ok(Numbered {
        store: given.getattr("store")?.extract::<Buffer>()?.array("the name of a store")?,
        counter: given.getattr("counter")?.extract()?,
    })
}

pub(super) fn read_logged(given: &Bound<'_, PyAny>) -> PyResult<Logged> {
    let what = given.getattr("what")?;
    let id = || what.getattr("id")?.extract::<AnId>().map(|id| id.0);
    let what = match what.get_type().name()?.to_str()? {
        "Added" => LoggedChange::Added {
            id: id()?,
            author: *what.getattr("author")?.extract::<AnAuthor>()?.0.as_bytes(),
            r#type: what.getattr("type")?.extract()?,
        },
        "Verdict" => LoggedChange::Verdict { id: id()?, effective: what.getattr("effective")?.extract()? },
        "Adopted" => LoggedChange::Adopted { id: id()?, by: optional_id(&what.getattr("by")?)? },
        "Copied" => LoggedChange::Copy { id: id()? },
        "FinalizedUpto" => LoggedChange::Finalized { upto: what.getattr("upto")?.extract()? },
        other => {
            let message =
                format!("a change in the log is Added, Verdict, Adopted, Copied or FinalizedUpto, not {other}");
            return Err(pyo3::exceptions::PyTypeError::new_err(message));
        }
    };
    let (sequence, stream) = (given.getattr("sequence")?.extract()?, given.getattr("stream")?.extract::<AnId>()?.0);
    Ok(Logged { sequence, stream, what })
}
