//! An object at its place in the order, and reading one after the other.

use std::collections::VecDeque;
use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use streams_core::StreamId;
use streams_core::codes::Class;
use streams_core::node::NodeError;
use streams_core::node::page::Stored;
use streams_core::store::{Place, Scan};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::call::wait_at_most;
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

#[guarded]
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
        let entry = (self.position, self.effective, object, self.adopted_by()?, self.sequence).into_pyobject(py)?;
        Ok((py.import("streams_core._typed")?.getattr("entry")?, entry))
    }
}

/// Reads the entries of a stream one after the other: `Stream.entries`.
///
/// Where the stream is open in memory it is read there; otherwise from the store, some objects at a time. Objects that
/// arrive meanwhile are seen where they stand behind the last one that was read.
#[pyclass(module = "streams_core")]
pub(crate) struct Entries {
    kept: Arc<Kept>,
    stream: StreamId,
    backwards: bool,
    ready: VecDeque<Entry>,
    /// The last one that was read, and where it stands, where the store told it.
    read: Option<(ObjectId, Option<Place>)>,
    page: usize,
    /// What stands behind it, which the store reads meanwhile.
    ahead: Mutex<Option<Ahead>>,
    /// The last one that was handed out.
    told: Option<ObjectId>,
    /// The position of the next one.
    next: u64,
}

/// A page that the store reads.
type Page = Pin<Box<dyn Future<Output = Result<Vec<Stored>, NodeError>> + Send>>;

/// A page that was asked for before it is needed: what stands behind a place, at most so many.
struct Ahead {
    behind: Place,
    limit: usize,
    page: Page,
}

impl Entries {
    /// From a cursor on, or all.
    pub(crate) fn forwards(kept: Arc<Kept>, stream: StreamId, cursor: Option<Buffer>) -> PyResult<Self> {
        let (read, next) = match cursor {
            None => (None, 0),
            Some(cursor) => {
                let cursor: &[u8; CURSOR] = cursor.as_ref().try_into().map_err(|_| {
                    let message = format!("a cursor of entries is {CURSOR} bytes that one gave out");
                    Raise::new(Class::Cursor, "cursor", message)
                })?;
                let (id, next) = cursor.split_first_chunk::<32>().expect("longer than an id");
                let next = u64::from_be_bytes(next.try_into().expect("the rest of a cursor"));
                (Some(ObjectId(streams_core::ObjectId::from_bytes(*id))), next)
            }
        };
        Ok(Self { told: read, read: read.map(|id| (id, None)), ..Self::new(kept, stream, false, next) })
    }

    /// All, the last first.
    pub(crate) fn backwards(kept: Arc<Kept>, stream: StreamId, len: u64) -> Self {
        Self::new(kept, stream, true, len)
    }

    fn new(kept: Arc<Kept>, stream: StreamId, backwards: bool, next: u64) -> Self {
        let (page, ahead) = (FIRST_PAGE, Mutex::new(None));
        Self { kept, stream, backwards, ready: VecDeque::new(), read: None, page, ahead, told: None, next }
    }

    /// The next entry.
    pub(crate) fn step(&mut self, py: Python<'_>) -> PyResult<Option<Entry>> {
        if self.ready.is_empty() {
            self.kept.check()?;
            if self.kept.node.is_open(self.stream) { self.read_open(py)? } else { self.read_store(py)? }
        }
        let Some(entry) = self.ready.pop_front() else { return Ok(None) };
        let position = entry.position.unwrap_or_default();
        self.told = Some(ObjectId(entry.authentic.id()));
        self.next = if self.backwards { position } else { position + 1 };
        Ok(Some(entry))
    }

    /// Reads on in the open stream.
    fn read_open(&mut self, py: Python<'_>) -> PyResult<()> {
        let (read, page, backwards) = (self.read.map(|(id, _)| id.0), self.page, self.backwards);
        let entries = self.kept.read(py, self.stream, |stream| {
            let place = match read {
                None if backwards => Some(stream.len()),
                None => Some(0),
                Some(id) => stream.position(&id).map(|place| if backwards { place } else { place + 1 }),
            };
            let place = place?;
            let (from, count) = if backwards { (place.saturating_sub(page), page.min(place)) } else { (place, page) };
            let mut entries: VecDeque<Entry> =
                stream.entries_from(from).take(count).map(|entry| placed(stream, entry)).collect();
            if backwards {
                entries.make_contiguous().reverse();
            }
            Some(entries)
        })?;
        self.page = (page * 4).min(PAGE);
        self.ready = entries.ok_or_else(other_stream)?;
        self.read = self.ready.back().map(|entry| (ObjectId(entry.authentic.id()), None)).or(self.read);
        Ok(())
    }

    fn ahead(&mut self) -> &mut Option<Ahead> {
        self.ahead.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// How many objects are asked for, and those that stand behind a place. Each time it is more of them.
    fn page_behind(&mut self, place: Option<Place>) -> (usize, Page) {
        let scan = if self.backwards { Scan::Before(place) } else { Scan::After(place) };
        let (kept, stream, limit) = (self.kept.clone(), self.stream, self.page);
        self.page = (limit * 4).min(PAGE);
        (limit, Box::pin(async move { kept.node.page(stream, scan, limit).await }))
    }

    /// Reads on in the store.
    fn read_store(&mut self, py: Python<'_>) -> PyResult<()> {
        let place = match self.read {
            None => None,
            Some((_, Some(place))) => Some(place),
            Some((id, None)) => {
                let record = self.kept.wait(py, self.kept.node.store().get(self.stream, &[id.0]))?.pop().flatten();
                Some(record.ok_or_else(other_stream)?.place)
            }
        };
        let ahead = self.ahead().take().filter(|ahead| Some(ahead.behind) == place);
        let (limit, page) = match ahead {
            Some(Ahead { limit, page, .. }) => (limit, page),
            None => self.page_behind(place),
        };
        let page = self.kept.wait(py, page)?;
        let Some(last) = page.last() else { return Ok(()) };
        let behind = last.place;
        self.read = Some((ObjectId(behind.id), Some(behind)));
        if page.len() == limit {
            // Asked now, it is there when this page is read.
            let (limit, mut page) = self.page_behind(Some(behind));
            if let Some(read) = wait_at_most(py, Some(Duration::ZERO), &mut page)? {
                page = Box::pin(ready(read));
            }
            *self.ahead() = Some(Ahead { behind, limit, page });
        }
        let (first, backwards) = (self.next, self.backwards);
        let position = |at: u64| if backwards { first.saturating_sub(at + 1) } else { first + at };
        self.ready = page.into_iter().zip(0..).map(|(entry, at)| stored(entry, Some(position(at)))).collect();
        Ok(())
    }
}

/// An entry of an open stream.
pub(crate) fn placed(stream: &streams_core::Stream, entry: streams_core::Entry) -> Entry {
    Entry {
        position: Some(entry.position as u64),
        sequence: None,
        effective: entry.effective,
        adopted_by: if entry.effective { None } else { stream.adopter(&entry.authentic.id()) },
        authentic: entry.authentic,
    }
}

fn other_stream() -> PyErr {
    Raise::new(Class::Cursor, "cursor", "the cursor is of another stream, or of another store: begin anew").into()
}

#[guarded]
#[pymethods]
impl Entries {
    /// Behind the last entry that was read: `Stream.entries(after=cursor)` goes on from there, in another process too.
    /// None before the first.
    #[getter]
    fn cursor<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.told.map(|id| PyBytes::new(py, &[&id.0.as_bytes()[..], &self.next.to_be_bytes()].concat()))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Entry>> {
        self.step(py)
    }
}

/// The bytes of a cursor: the id of the last entry that was handed out, and the position of the next.
const CURSOR: usize = 32 + 8;
