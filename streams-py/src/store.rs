//! Stores: where objects survive.

mod python;

mod rim;

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use streams_core::{HashKey, Store};
use streams_py_guarded::guarded;

use crate::bytes::random;
use crate::call::{start_runtime, wait};
use crate::error::raised;

pub(crate) use self::python::Changed;
use self::python::PythonStore;

/// Keeps all in memory: gone with it.
///
/// >>> with Node(MemoryStore()) as node:
/// ...     len(node)
/// 0
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct MemoryStore(Arc<streams_core::MemoryStore>);

impl MemoryStore {
    /// One that somebody else made.
    pub(crate) fn of(store: Arc<streams_core::MemoryStore>) -> Self {
        Self(store)
    }
}

#[guarded]
#[pymethods]
impl MemoryStore {
    #[new]
    pub(crate) fn new() -> Self {
        Self(Arc::new(streams_core::MemoryStore::new(random(), HashKey::from_bytes(random()))))
    }

    fn __repr__(&self) -> &'static str {
        "<MemoryStore>"
    }
}

/// One SQLite file, which several processes may open at once, each for itself. What was answered is on the disk.
///
/// Raises:
///     StoreError: the file is something else, is damaged, or is of a newer version.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct SqliteStore(Arc<streams_sqlite::SqliteStore>);

#[guarded]
#[pymethods]
impl SqliteStore {
    #[new]
    #[pyo3(signature = (path: "str | PathLike[str]"))]
    pub(crate) fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let opened = py.detach(|| streams_sqlite::SqliteStore::open(path));
        opened.map(|store| Self(Arc::new(store))).map_err(raised)
    }

    /// The file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    /// Gives back to the disk what is not used any more. Takes as long as copying the file, and as much room.
    #[pyo3(signature = () -> "None")]
    fn compact(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, self.0.compact())?.map_err(raised)
    }

    /// What is damaged of the file, in a sentence each. What an object says is proven by `Node.verify`.
    #[pyo3(signature = () -> "list[str]")]
    fn check(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        wait(py, self.0.check())?.map_err(raised)
    }

    fn __repr__(&self) -> String {
        format!("<SqliteStore at {}>", self.0.path().display())
    }
}

/// A PostgreSQL database, for many nodes at once.
///
/// `address` is `postgres://user:password@host/database`; `schema` names the schema of the tables, `connections` how many
/// are opened at most.
///
/// Raises:
///     StoreError: the server does not answer, or the database is of a newer version.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct PostgresStore(Arc<streams_postgres::PostgresStore>);

#[guarded]
#[pymethods]
impl PostgresStore {
    #[new]
    #[pyo3(signature = (address: "str", *, schema: "str | None" = None, connections: "int | None" = None))]
    pub(crate) fn new(
        py: Python<'_>,
        address: &str,
        schema: Option<String>,
        connections: Option<usize>,
    ) -> PyResult<Self> {
        let mut options = streams_postgres::Options::new(address).map_err(raised)?;
        if let Some(schema) = schema {
            options = options.schema(schema);
        }
        if let Some(connections) = connections {
            options = options.connections(connections);
        }
        start_runtime()?;
        let opened = wait(py, streams_postgres::PostgresStore::open_with(options))?;
        opened.map(|store| Self(Arc::new(store))).map_err(raised)
    }

    /// To be called where the database was restored from an older copy, before anything else: cursors of its feed then
    /// begin anew.
    #[pyo3(signature = () -> "None")]
    fn restored(&self, py: Python<'_>) -> PyResult<()> {
        wait(py, self.0.restored())?.map_err(raised)
    }

    fn __repr__(&self) -> &'static str {
        "<PostgresStore>"
    }
}

/// The store of the core that a store of Python is.
pub(crate) fn opened(store: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Store>> {
    if let Ok(store) = store.cast::<MemoryStore>() {
        return Ok(store.get().0.clone());
    }
    if let Ok(store) = store.cast::<SqliteStore>() {
        return Ok(store.get().0.clone());
    }
    if let Ok(store) = store.cast::<PostgresStore>() {
        return Ok(store.get().0.clone());
    }
    if store.is_instance(&store.py().import("streams_core.store")?.getattr("Store")?)? {
        return Ok(Arc::new(PythonStore::new(store)?));
    }
    let message = format!(
        "a {} is no store: give a path, a postgres:// address, a MemoryStore, SqliteStore or PostgresStore, or an \
         instance of a subclass of streams_core.store.Store",
        crate::id::kind(store)
    );
    Err(pyo3::exceptions::PyTypeError::new_err(message))
}
