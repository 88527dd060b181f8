//! An object at its place in the order, and reading one after the other.

use std::collections::VecDeque;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use streams_core::StreamId;
use streams_core::codes::Class;
use streams_core::node::page::Stored;
use streams_core::store::{Place, Scan};

use crate::bytes::Buffer;
use crate::error::Raise;
use crate::id::{ObjectId, hash};
use crate::key::VerifyingKey;
use crate::node::{Kept, stored};
use crate::object::Authentic;
use crate::value;

/// How many objects are asked of the store at once: few at first, since many readers want few.
const FIRST_PAGE: usize = 64;
const PAGE: usize = 2048;

/// An object at its place in the order of its stream.
///
/// `position` is its place from 0 as counted when it was read, None where it was not counted; `sequence` its number in
/// the store, None where the store was not asked.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Entry {
    pub(crate) position: Option<u64>,
    pub(crate) sequence: Option<u64>,
    pub(crate) effective: bool,
    pub(crate) adopted_by: Option<streams_core::ObjectId>,
    pub(crate) authentic: streams_core::Authentic,
}

#[pymethods]
impl Entry {
    #[new]
    #[pyo3(signature = (
        position: "int | None", effective: "bool", object: "Authentic", *, adopted_by: "ObjectId | None" = None,
        sequence: "int | None" = None
    ))]
    fn new(
        position: Option<u64>,
        effective: bool,
        object: &Bound<'_, Authentic>,
        adopted_by: Option<&ObjectId>,
        sequence: Option<u64>,
    ) -> Self {
        let adopted_by = adopted_by.map(|id| id.0);
        Self { position, sequence, effective, adopted_by, authentic: object.get().0.clone() }
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("position", "effective", "object")
    }

    /// Its place in the order, from 0; None where it was not counted.
    #[getter]
    fn position(&self) -> Option<u64> {
        self.position
    }

    /// Its number in the store's sequence of changes; None where the store was not asked.
    #[getter]
    fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Whether its author may write it. What is void stays in the stream, and is not replayed.
    #[getter]
    fn effective(&self) -> bool {
        self.effective
    }

    /// The object that adopts it, where it is void and adopted (spec 8.10).
    #[getter]
    fn adopted_by(&self) -> Option<ObjectId> {
        self.adopted_by.map(ObjectId)
    }

    /// The object.
    #[getter]
    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Authentic>> {
        Authentic::wrap(py, self.authentic.clone())
    }

    /// The id of the object.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.authentic.id())
    }

    /// The type of the object.
    #[getter]
    fn r#type(&self) -> &str {
        self.authentic.header().r#type()
    }

    /// The author of the object.
    #[getter]
    fn author(&self) -> VerifyingKey {
        VerifyingKey(self.authentic.header().author())
    }

    /// The content of the object as a dict, without hints; None where there is none.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.authentic.object().data().map(|data| value::dict(py, &data, false)).transpose()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| {
            let other = other.get();
            (self.position, self.sequence, self.effective, self.adopted_by)
                == (other.position, other.sequence, other.effective, other.adopted_by)
                && self.authentic.object() == other.authentic.object()
        })
    }

    fn __hash__(&self) -> u64 {
        hash((self.authentic.id(), self.position))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let object = self.object(py)?.repr()?;
        let position = self.position.map_or("None".into(), |position| position.to_string());
        let mut text = format!("Entry({position}, {}, {object}", if self.effective { "True" } else { "False" });
        if let Some(by) = self.adopted_by {
            text.push_str(&format!(", adopted_by=ObjectId('{by}')"));
        }
        if let Some(sequence) = self.sequence {
            text.push_str(&format!(", sequence={sequence}"));
        }
        Ok(text + ")")
    }

    #[pyo3(signature = () -> "tuple[Callable[..., Entry], tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let object = self.object(py)?;
        let entry = (self.position, self.effective, object, self.adopted_by(), self.sequence).into_pyobject(py)?;
        Ok((py.import("streams_core._typed")?.getattr("entry")?, entry))
    }
}

/// Reads the entries of a stream one after the other, some at a time from the store: `Stream.entries`.
///
/// Objects that arrive meanwhile are seen where they stand behind the last one that was read.
#[pyclass(module = "streams_core")]
pub(crate) struct Entries {
    kept: Arc<Kept>,
    stream: StreamId,
    backwards: bool,
    ready: VecDeque<Stored>,
    /// Where the last one that was read from the store stands.
    read: Option<Place>,
    page: usize,
    /// Where the last one that was handed out stands.
    told: Option<Place>,
    /// The position of the next one.
    next: u64,
}

impl Entries {
    /// From a cursor on, or all.
    pub(crate) fn forwards(kept: Arc<Kept>, stream: StreamId, cursor: Option<Buffer>) -> PyResult<Self> {
        let (place, next) = match cursor {
            None => (None, 0),
            Some(cursor) => {
                let (place, next) = place(cursor.as_ref())?;
                (Some(place), next)
            }
        };
        Ok(Self::new(kept, stream, false, place, next))
    }

    /// All, the last first.
    pub(crate) fn backwards(kept: Arc<Kept>, stream: StreamId, len: u64) -> Self {
        Self::new(kept, stream, true, None, len)
    }

    fn new(kept: Arc<Kept>, stream: StreamId, backwards: bool, place: Option<Place>, next: u64) -> Self {
        let (ready, page) = (VecDeque::new(), FIRST_PAGE);
        Self { kept, stream, backwards, ready, read: place, page, told: place, next }
    }

    /// The next entry.
    pub(crate) fn step(&mut self, py: Python<'_>) -> PyResult<Option<Entry>> {
        if self.ready.is_empty() {
            let scan = if self.backwards { Scan::Before(self.read) } else { Scan::After(self.read) };
            let page = self.kept.wait(py, self.kept.node.page(self.stream, scan, self.page))?;
            self.page = (self.page * 4).min(PAGE);
            let Some(last) = page.last() else { return Ok(None) };
            self.read = Some(last.place);
            self.ready = page.into();
        }
        let Some(next) = self.ready.pop_front() else { return Ok(None) };
        self.told = Some(next.place);
        let position = if self.backwards { self.next.saturating_sub(1) } else { self.next };
        self.next = if self.backwards { position } else { position + 1 };
        Ok(Some(stored(next, Some(position))))
    }
}

#[pymethods]
impl Entries {
    /// Behind the last entry that was read: `Stream.entries(after=cursor)` goes on from there, in another process too.
    /// None before the first.
    #[getter]
    fn cursor<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.told.map(|place| PyBytes::new(py, &cursor(&place, self.next)))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Entry>> {
        self.step(py)
    }
}

/// The bytes of a cursor.
const CURSOR: usize = 4 + 8 + 32 + 32 + 8;

/// A place, and the position of what stands behind it, as bytes.
pub(crate) fn cursor(place: &Place, next: u64) -> Vec<u8> {
    let (epoch, generation) = (place.epoch.to_be_bytes(), place.generation.to_be_bytes());
    [&epoch[..], &generation, &place.tie, place.id.as_bytes(), &next.to_be_bytes()].concat()
}

pub(crate) fn place(cursor: &[u8]) -> PyResult<(Place, u64)> {
    let wrong =
        || Raise::new(Class::Cursor, "cursor", format!("a cursor of entries is {CURSOR} bytes that one gave out"));
    let cursor: &[u8; CURSOR] = cursor.try_into().map_err(|_| wrong())?;
    let take = |from: usize, to: usize| &cursor[from..to];
    let place = Place {
        epoch: u32::from_be_bytes(take(0, 4).try_into().map_err(|_| wrong())?),
        generation: u64::from_be_bytes(take(4, 12).try_into().map_err(|_| wrong())?),
        tie: take(12, 44).try_into().map_err(|_| wrong())?,
        id: streams_core::ObjectId::from_bytes(take(44, 76).try_into().map_err(|_| wrong())?),
    };
    Ok((place, u64::from_be_bytes(take(76, 84).try_into().map_err(|_| wrong())?)))
}
