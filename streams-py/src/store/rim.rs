//! What a store is asked and what it answers, between the core and `streams_core.store`.

use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyTuple};
use streams_core::store::{Commit, Head, Logged, LoggedChange, Mark, NewObject, Numbered, Place, Record, Scan};

use crate::bytes::Buffer;
use crate::id::{AnId, ObjectId};
use crate::key::{AnAuthor, VerifyingKey};

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// An instance of a class of `streams_core.store`.
fn new<'py>(
    py: Python<'py>,
    class: &str,
    fields: impl IntoPyObject<'py, Target = PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    let module = MODULE.get_or_try_init(py, || py.import("streams_core.store").map(Bound::unbind))?;
    let fields = fields.into_pyobject(py).map_err(Into::into)?.into_bound();
    module.bind(py).getattr(class)?.call1(fields)
}

fn id(id: &streams_core::ObjectId) -> ObjectId {
    ObjectId(*id)
}

pub(super) fn place<'py>(py: Python<'py>, place: &Place) -> PyResult<Bound<'py, PyAny>> {
    new(py, "Place", (place.epoch, place.generation, PyBytes::new(py, &place.tie), id(&place.id)))
}

pub(super) fn commit<'py>(py: Python<'py>, commit: &Commit) -> PyResult<Bound<'py, PyAny>> {
    let objects = commit.objects.iter().map(|object| new_object(py, object)).collect::<PyResult<Vec<_>>>()?;
    let marks = commit.marks.iter().map(|mark| self::mark(py, mark)).collect::<PyResult<Vec<_>>>()?;
    let drops: Vec<ObjectId> = commit.drops.iter().map(id).collect();
    new(py, "Commit", (commit.seen, objects, marks, drops))
}

fn new_object<'py>(py: Python<'py>, object: &NewObject) -> PyResult<Bound<'py, PyAny>> {
    let edges: Vec<ObjectId> = object.edges.iter().map(id).collect();
    let (author, adopted_by) = (VerifyingKey(object.author), object.adopted_by.as_ref().map(id));
    let (place, parts) = (place(py, &object.place)?, PyBytes::new(py, &object.parts));
    new(py, "NewObject", (place, author, &object.r#type, edges, object.effective, adopted_by, parts))
}

fn mark<'py>(py: Python<'py>, mark: &Mark) -> PyResult<Bound<'py, PyAny>> {
    match mark {
        Mark::Verdict { id, effective } => new(py, "Verdict", (self::id(id), *effective)),
        Mark::Adopted { id, by } => new(py, "Adopted", (self::id(id), by.as_ref().map(self::id))),
        Mark::Copy { id, parts } => new(py, "Copy", (self::id(id), PyBytes::new(py, parts))),
        Mark::Finalized { upto, epochs } => {
            let epochs: Vec<(ObjectId, u32)> = epochs.iter().map(|(id, epoch)| (self::id(id), *epoch)).collect();
            new(py, "Finalized", (*upto, epochs))
        }
    }
}

pub(super) fn scan<'py>(py: Python<'py>, scan: &Scan) -> PyResult<Bound<'py, PyAny>> {
    let place = |place: &Option<Place>| place.as_ref().map(|place| self::place(py, place)).transpose();
    match scan {
        Scan::After(after) => new(py, "After", (place(after)?,)),
        Scan::Before(before) => new(py, "Before", (place(before)?,)),
        Scan::Since(above) => new(py, "Since", (*above,)),
        Scan::Author(author, above) => new(py, "ByAuthor", (VerifyingKey(*author), *above)),
        Scan::Type(r#type, above) => new(py, "ByType", (r#type, *above)),
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
