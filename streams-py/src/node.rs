//! The streams of a store, each committed before an answer is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use streams_core::codes::{Class, Coded};
use streams_core::node::NodeError;
use streams_core::{HashKey, StoreErrorKind, StreamId};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::call::{leave, wait};
use crate::entry::Entry;
use crate::error::{Raise, raised};
use crate::id::{AnId, ObjectId};
use crate::object::Authentic;
use crate::root::HypotheticalRoot;
use crate::schema::{self, Definition};
use crate::store::{MemoryStore, PostgresStore, SqliteStore, opened};
use crate::stream::Stream;

/// How many streams are asked of a store at once.
const PAGE: usize = 1024;

/// A node of the core, with what guards it.
pub(crate) struct Kept {
    pub(crate) node: Arc<streams_core::Node>,
    /// The process that opened it.
    process: u32,
    /// Whether something panicked in it: then what it has in memory may be half done.
    broken: AtomicBool,
}

impl Kept {
    pub(crate) fn new(store: Arc<dyn streams_core::Store>) -> Arc<Self> {
        Self::of(Arc::new(streams_core::Node::new(store, HashKey::from_bytes(random()))))
    }

    /// One that somebody else made.
    pub(crate) fn of(node: Arc<streams_core::Node>) -> Arc<Self> {
        Arc::new(Self { node, process: std::process::id(), broken: AtomicBool::new(false) })
    }

    /// Whether it may be used: by this process, and whole.
    pub(crate) fn check(&self) -> PyResult<()> {
        if self.process != std::process::id() {
            return Err(Raise::row(Class::OtherProcess, "other-process").into());
        }
        if self.broken.load(Ordering::SeqCst) {
            return Err(Raise::row(Class::Internal, "panic").into());
        }
        Ok(())
    }

    /// Waits for what the node does.
    pub(crate) fn wait<T: Send, E: Coded + std::error::Error + Send>(
        &self,
        py: Python<'_>,
        future: impl Future<Output = Result<T, E>> + Send,
    ) -> PyResult<T> {
        self.check()?;
        let answer = self.whole(py, wait(py, future))?;
        answer.map_err(raised)
    }

    /// Takes note where something panicked.
    pub(crate) fn whole<T>(&self, py: Python<'_>, answer: PyResult<T>) -> PyResult<T> {
        if let Err(error) = &answer
            && Raise::is_internal(py, error)
        {
            self.broken.store(true, Ordering::SeqCst);
        }
        answer
    }

    /// Reads a stream that is opened for it.
    pub(crate) fn read<T: Send>(
        &self,
        py: Python<'_>,
        stream: StreamId,
        read: impl FnOnce(&streams_core::Stream) -> T + Send,
    ) -> PyResult<T> {
        self.wait(py, self.node.read(stream, read))
    }
}

/// The streams of a store.
///
/// Without an argument they are in memory, and gone with the node. A path is an SQLite file, which is made where there is
/// none; a `postgres://` address a PostgreSQL database; or it is a store that you opened, or wrote yourself
/// (`streams_core.store.Store`). The node closes it. Threads may share a node; processes may not.
///
/// With a `definition`, its streams are held to it: `"own"` objects, which are written here, or `"all"` that arrive, of which
/// those that do not fit are not admitted by this node. Streams that it does not define are free. Spec 13.2.
///
/// Raises:
///     StoreError: the store cannot be opened.
///
/// >>> alice = SigningKey.generate()
/// >>> with Node() as node:
/// ...     stream = node.create(Draft.root("example.org/list").sign(alice))
/// ...     added = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
/// ...     [entry.data for entry in stream]
/// [None, {'item': 'milk'}]
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Node {
    pub(crate) kept: Arc<Kept>,
    store: Py<PyAny>,
}

impl Node {
    /// One that somebody else made, over this store.
    pub(crate) fn of(kept: Arc<Kept>, store: Py<PyAny>) -> Self {
        Self { kept, store }
    }
}

#[guarded]
#[pymethods]
impl Node {
    #[new]
    #[pyo3(signature = (store: "AnyStore | str | PathLike[str] | None" = None, *, definition: "Definition | None" = None, hold: "Literal['own', 'all']" = "own"))]
    fn new(
        py: Python<'_>,
        store: Option<&Bound<'_, PyAny>>,
        definition: Option<&Definition>,
        hold: &str,
    ) -> PyResult<Self> {
        let hold = schema::hold(hold)?;
        let store = match store {
            None => Bound::new(py, MemoryStore::new()?)?.into_any(),
            Some(given) => match location(given)? {
                None => given.clone(),
                Some(Location::Postgres(address)) => {
                    Bound::new(py, PostgresStore::new(py, &address, None, None)?)?.into_any()
                }
                Some(Location::File(path)) => Bound::new(py, SqliteStore::new(py, path)?)?.into_any(),
            },
        };
        let mut node = streams_core::Node::new(opened(&store)?, HashKey::from_bytes(random()));
        if let Some(definition) = definition {
            node = node.with_definition(definition.0.clone(), hold);
        }
        Ok(Self { kept: Kept::of(Arc::new(node)), store: store.unbind() })
    }

    /// The store.
    #[getter]
    fn store(&self, py: Python<'_>) -> Py<PyAny> {
        self.store.clone_ref(py)
    }

    /// Begins a stream with its root. One that is here stays as it is.
    ///
    /// Raises:
    ///     OpenError: the object is no root.
    ///     RuleError: its rules are not well formed.
    ///     StoreError: the store did not take it.
    #[pyo3(signature = (root: "Authentic | HypotheticalRoot") -> "Stream")]
    fn create(&self, py: Python<'_>, root: &Bound<'_, PyAny>) -> PyResult<Stream> {
        let root = match (root.cast::<Authentic>(), root.cast::<HypotheticalRoot>()) {
            (Ok(root), _) => root.get().0.clone(),
            (_, Ok(root)) => root.get().0.authentic().clone(),
            _ => {
                let message = "a signed root (Draft.root(…).sign(key)) or a HypotheticalRoot is wanted";
                return Err(PyTypeError::new_err(message));
            }
        };
        let id = self.kept.wait(py, self.kept.node.create(root))?;
        Ok(Stream::new(self.kept.clone(), id))
    }

    /// The ids of all streams, ascending.
    ///
    /// Raises:
    ///     StoreError: the store did not answer.
    #[pyo3(signature = () -> "list[ObjectId]")]
    fn streams(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        let mut ids: Vec<ObjectId> = Vec::new();
        loop {
            let after = ids.last().map(|id| id.0);
            let page = self.kept.wait(py, self.kept.node.store().streams(after, PAGE))?;
            if page.is_empty() {
                return Ok(ids);
            }
            ids.extend(page.into_iter().map(ObjectId));
        }
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.streams(py)?.len())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.streams(py)?.into_pyobject(py)?.call_method0("__iter__")
    }

    fn __contains__(&self, py: Python<'_>, stream: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(AnId(stream)) = stream.extract() else { return Ok(false) };
        Ok(self.kept.wait(py, self.kept.node.head(stream))?.is_some())
    }

    fn __getitem__(&self, py: Python<'_>, stream: AnId) -> PyResult<Stream> {
        match self.kept.wait(py, self.kept.node.head(stream.0))? {
            Some(_) => Ok(Stream::new(self.kept.clone(), stream.0)),
            None => Err(raised(NodeError::Unknown(stream.0))),
        }
    }

    /// A stream; None where nothing of it is here. `node[id]` raises UnknownStreamError instead.
    #[pyo3(signature = (stream: "ObjectId | str") -> "Stream | None")]
    fn get(&self, py: Python<'_>, stream: AnId) -> PyResult<Option<Stream>> {
        let head = self.kept.wait(py, self.kept.node.head(stream.0))?;
        Ok(head.map(|_| Stream::new(self.kept.clone(), stream.0)))
    }

    /// What was kept in the store under a name, as where a reader of the feed is; None where nothing was.
    #[pyo3(signature = (name: "str") -> "bytes | None")]
    fn cursor<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let kept = self.kept.wait(py, self.kept.node.store().cursor(name))?;
        Ok(kept.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// Keeps something in the store under a name; durable when it returns.
    #[pyo3(signature = (name: "str", value: "Buffer") -> "None")]
    fn set_cursor(&self, py: Python<'_>, name: &str, value: Buffer) -> PyResult<()> {
        self.kept.wait(py, self.kept.node.store().set_cursor(name, value.as_ref()))
    }

    /// Reads a whole stream from the store, hashes every object, verifies every signature, judges all anew, and
    /// compares. `progress` is told how many objects were read. Returns what was found.
    ///
    /// Raises:
    ///     UnknownStreamError: nothing of it is here.
    ///     StoreError: the store did not answer, or others write to it all the time.
    #[pyo3(signature = (stream: "ObjectId | str", *, progress: "Callable[[int], object] | None" = None) -> "Verified")]
    fn verify(&self, py: Python<'_>, stream: AnId, progress: Option<Py<PyAny>>) -> PyResult<Verified> {
        let tell = |read: u64| {
            if let Some(progress) = &progress {
                Python::attach(|py| progress.call1(py, (read,)).map(drop)).unwrap_or_else(|error| leave(error));
            }
        };
        self.kept.wait(py, self.kept.node.verify(stream.0, tell)).map(Verified)
    }

    /// Closes the store: what follows raises StoreClosedError. What was answered is durable. To close it twice is no
    /// error.
    #[pyo3(signature = () -> "None")]
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let close = async {
            match self.kept.node.store().close().await {
                Err(error) if error.kind() == StoreErrorKind::Closed => Ok(()),
                closed => closed,
            }
        };
        self.kept.wait(py, close)
    }

    #[pyo3(signature = () -> "Node")]
    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (kind: "object", error: "object", traceback: "object", /) -> "None")]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        error: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = (kind, error, traceback);
        self.close(py)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Node over {}>", self.store.bind(py).repr()?))
    }
}

/// What was found out about a stream in a store: `Node.verify`.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Verified(streams_core::node::verify::Verified);

#[guarded]
#[pymethods]
impl Verified {
    /// How many objects were read.
    #[getter]
    fn objects(&self) -> u64 {
        self.0.objects
    }

    /// What is wrong, in one sentence each, with the object that it is about.
    #[getter]
    fn faults(&self) -> Vec<(ObjectId, String)> {
        self.0.faults.iter().map(|(id, fault)| (ObjectId(*id), fault.clone())).collect()
    }

    /// Whether nothing is wrong.
    #[getter]
    fn is_clean(&self) -> bool {
        self.0.is_clean()
    }

    fn __repr__(&self) -> String {
        format!("<Verified: {} objects, {} faults>", self.0.objects, self.0.faults.len())
    }
}

/// Where a store is.
enum Location {
    File(PathBuf),
    Postgres(String),
}

/// Where a store is that was named; none where it was given.
fn location(given: &Bound<'_, PyAny>) -> PyResult<Option<Location>> {
    if let Ok(text) = given.cast::<PyString>() {
        let text = text.to_cow()?;
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        let location = if is_postgres { Location::Postgres(text.into()) } else { Location::File(text.as_ref().into()) };
        return Ok(Some(location));
    }
    if given.hasattr("__fspath__")? {
        return Ok(Some(Location::File(given.extract()?)));
    }
    Ok(None)
}

/// An object as the store holds it.
pub(crate) fn stored(stored: streams_core::node::page::Stored, position: Option<u64>) -> Entry {
    Entry {
        position,
        sequence: Some(stored.sequence),
        effective: stored.effective,
        adopted_by: stored.adopted_by,
        authentic: stored.authentic,
    }
}
