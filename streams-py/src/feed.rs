//! One feed over many streams: what is here, then what becomes different, without a gap between.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::codes::{Class, Coded};
use streams_core::node::feed::{Changed, Cursor, Event, Filter};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::call::wait_at_most;

use crate::entry::Entry;
use crate::error::{Raise, raised};
use crate::id::{AnId, ObjectId};
use crate::key::AnAuthor;
use crate::node::{Kept, Node, stored};

/// What a feed tells. `kind` says what happened:
///
/// - `reset`: the cursor does not fit, for the `reason` given, and all comes again from the beginning;
/// - `caught-up`: all that was here when it was asked was told; it comes once;
/// - `added`: the `entry` is here;
/// - `voided`, `restored`, `adopted` (`by` another), `released`: the `entry` became so;
/// - `copied`: maps of the `entry` were dropped, or came back;
/// - `finalized`: the first `upto` objects of the stream are final.
///
/// What the kind has not is None.
///
/// >>> alice = SigningKey.generate()
/// >>> node = Node()
/// >>> stream = node.create(Draft.root("example.org/list").sign(alice))
/// >>> match node.watch().next():
/// ...     case Event("added", stream, entry):
/// ...         print(entry.type)
/// example.org/list
#[pyclass(module = "streams_core", frozen, name = "Event")]
pub(crate) struct Told {
    kind: &'static str,
    stream: Option<ObjectId>,
    entry: Option<Py<Entry>>,
    by: Option<ObjectId>,
    upto: Option<u64>,
    reason: Option<&'static str>,
}

#[guarded]
#[pymethods]
impl Told {
    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("kind", "stream", "entry")
    }

    /// What happened.
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind
    }

    /// The stream.
    #[getter]
    fn stream(&self) -> Option<ObjectId> {
        self.stream
    }

    /// The object, as it is when it is read; its position is not counted.
    #[getter]
    fn entry(&self, py: Python<'_>) -> Option<Py<Entry>> {
        self.entry.as_ref().map(|entry| entry.clone_ref(py))
    }

    /// The adopting object.
    #[getter]
    fn by(&self) -> Option<ObjectId> {
        self.by
    }

    /// How many objects are final.
    #[getter]
    fn upto(&self) -> Option<u64> {
        self.upto
    }

    /// Why the cursor does not fit: `other-store`, `other-filter` or `ahead`.
    #[getter]
    fn reason(&self) -> Option<&'static str> {
        self.reason
    }

    fn __repr__(&self) -> String {
        match (&self.stream, &self.entry) {
            (Some(stream), Some(entry)) => {
                format!("<Event {}: {} in {}>", self.kind, entry.get().authentic.id(), stream.0)
            }
            (Some(stream), None) => format!("<Event {}: {}>", self.kind, stream.0),
            _ => format!("<Event {}>", self.kind),
        }
    }
}

fn told(py: Python<'_>, event: Event) -> PyResult<Told> {
    let none = Told { kind: "caught-up", stream: None, entry: None, by: None, upto: None, reason: None };
    Ok(match event {
        Event::CaughtUp => none,
        Event::Reset(reset) => Told { kind: "reset", reason: Some(reset.code()), ..none },
        Event::Finalized { stream, upto } => {
            Told { kind: "finalized", stream: Some(ObjectId(stream)), upto: Some(upto), ..none }
        }
        Event::Added { stream, object } => {
            let entry = Some(Py::new(py, stored(object, None))?);
            Told { kind: "added", stream: Some(ObjectId(stream)), entry, ..none }
        }
        Event::Changed { stream, object, what } => {
            let (kind, by) = match what {
                Changed::Voided => ("voided", None),
                Changed::Restored => ("restored", None),
                Changed::Adopted(by) => ("adopted", Some(ObjectId(by))),
                Changed::Released => ("released", None),
                Changed::Copy => ("copied", None),
            };
            let entry = Some(Py::new(py, stored(object, None))?);
            Told { kind, stream: Some(ObjectId(stream)), entry, by, ..none }
        }
    })
}

/// Reads the changes of a store, one after the other: `Node.watch`, `Stream.watch`.
///
/// Iterating waits for the next change, for ever; Ctrl-C ends it. `next` waits as long as you say. Keep the cursor with
/// what you made of the events: after a crash you go on from there, and see none twice.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Feed {
    kept: Arc<Kept>,
    feed: Mutex<Option<streams_core::node::feed::Feed>>,
}

impl Feed {
    pub(crate) fn open(py: Python<'_>, kept: Arc<Kept>, filter: Filter, since: Option<Buffer>) -> PyResult<Self> {
        let since = since.map(|since| Cursor::from_bytes(since.as_ref())).transpose().map_err(raised)?;
        let feed = kept.wait(py, kept.node.watch(filter, since))?;
        Ok(Self { kept, feed: Mutex::new(Some(feed)) })
    }

    /// The feed, which one reader has at a time.
    fn take(&self) -> PyResult<streams_core::node::feed::Feed> {
        let taken = self.feed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        taken.ok_or_else(|| {
            let message = "another thread reads this feed: give each reader a feed of its own";
            Raise::new(Class::Busy, "re-entered", message).into()
        })
    }

    fn put(&self, feed: streams_core::node::feed::Feed) {
        *self.feed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(feed);
    }

    fn wait(&self, py: Python<'_>, time: Option<Duration>) -> PyResult<Option<Told>> {
        self.kept.check()?;
        let mut feed = self.take()?;
        let answer = self.kept.whole(py, wait_at_most(py, time, feed.next()));
        self.put(feed);
        let event = answer?.transpose().map_err(raised)?;
        event.map(|event| told(py, event)).transpose()
    }
}

#[guarded]
#[pymethods]
impl Feed {
    /// The next event; None where there is none within `timeout` seconds. None as a timeout waits for ever, 0 not at all.
    ///
    /// Raises:
    ///     StoreError: the store did not answer, or was closed.
    #[pyo3(signature = (timeout: "float | None" = None) -> "Event | None")]
    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Told>> {
        let wrong = |_| PyValueError::new_err("a timeout is a number of seconds, 0 or more");
        let time = timeout.map(Duration::try_from_secs_f64).transpose().map_err(wrong)?;
        if time != Some(Duration::ZERO) {
            return self.wait(py, time);
        }
        self.kept.check()?;
        let mut feed = self.take()?;
        let answer = self.kept.wait(py, feed.next_now());
        self.put(feed);
        answer?.map(|event| told(py, event)).transpose()
    }

    /// Where the reader is, 56 bytes: behind the last event that it was given. `watch(since=cursor)` goes on from there.
    #[getter]
    fn cursor<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let feed = self.take()?;
        let cursor = feed.cursor().to_bytes();
        self.put(feed);
        Ok(PyBytes::new(py, &cursor))
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Told>> {
        self.wait(py, None)
    }
}

#[guarded]
#[pymethods]
impl Node {
    /// Reads what is here, and then what becomes different, from a cursor on or from the beginning; of all streams, or of
    /// those given, of streams of these types, of objects of these types and authors. A type that ends in `*` is the
    /// beginning of many. Streams that appear later, and match, join by themselves.
    ///
    /// Raises:
    ///     CursorError: the cursor is none. One that does not fit is told as an event of kind `reset`.
    #[pyo3(signature = (
        *, streams: "Iterable[ObjectId | str]" = vec![], stream_types: "Iterable[str]" = vec![],
        types: "Iterable[str]" = vec![], authors: "Iterable[VerifyingKey | str]" = vec![],
        since: "Buffer | None" = None
    ) -> "Feed")]
    fn watch(
        &self,
        py: Python<'_>,
        streams: Vec<AnId>,
        stream_types: Vec<String>,
        types: Vec<String>,
        authors: Vec<AnAuthor>,
        since: Option<Buffer>,
    ) -> PyResult<Feed> {
        let filter = Filter {
            streams: streams.into_iter().map(|id| id.0).collect(),
            stream_types: BTreeSet::from_iter(stream_types),
            types: BTreeSet::from_iter(types),
            authors: authors.into_iter().map(|author| author.0).collect(),
        };
        Feed::open(py, self.kept.clone(), filter, since)
    }
}
