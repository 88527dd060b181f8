//! A store that is written in Python, as the core sees it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use event_listener::Event;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use streams_core::store::{Commit, Head, Logged, Numbered, Place, Record, Scan, Store, StoreErrorKind};
use streams_core::{ObjectId, StoreError, StreamId};
use streams_py_guarded::guarded;

use super::rim;
use crate::bytes::Buffer;
use crate::call::leave;
use crate::id::AnId;

/// Wakes who waits for changes of a store.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Changed(Arc<Event>);

#[guarded]
#[pymethods]
impl Changed {
    /// Something is different: whoever waits looks again.
    #[pyo3(signature = () -> "None")]
    fn notify(&self) {
        self.0.notify(usize::MAX);
    }
}

/// A store of Python. Its methods are called with the interpreter's lock, by whichever thread needs them.
pub(super) struct PythonStore {
    store: Py<PyAny>,
    changed: Arc<Event>,
}

impl PythonStore {
    pub(super) fn new(store: &Bound<'_, PyAny>) -> PyResult<Self> {
        let changed = match store.getattr_opt("_changed")? {
            Some(changed) if !changed.is_none() => changed.cast::<Changed>()?.get().0.clone(),
            _ => {
                let changed = Arc::new(Event::new());
                store.setattr("_changed", Changed(changed.clone()))?;
                changed
            }
        };
        Ok(Self { store: store.clone().unbind(), changed })
    }

    /// Calls a method, and reads its answer.
    fn call<T>(
        &self,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Result<T, StoreError> {
        Python::attach(|py| {
            let answer = self.store.bind(py).getattr(method).and_then(|method| method.call1(arguments(py)?));
            answer.and_then(|answer| read(&answer)).map_err(|error| failed(py, method, error))
        })
    }
}

/// What a method raised, as an error of the store. What is no error, as Ctrl-C, goes on as it is.
fn failed(py: Python<'_>, method: &str, error: PyErr) -> StoreError {
    if !error.is_instance_of::<PyException>(py) {
        leave(error);
    }
    let code = error.value(py).getattr("code").and_then(|code| code.extract::<String>()).unwrap_or_default();
    let is_ours = py
        .import("streams_core.errors")
        .and_then(|errors| errors.getattr("StoreError"))
        .and_then(|class| error.value(py).is_instance(&class))
        .unwrap_or(false);
    let kind = match code.as_str() {
        "conflict" if is_ours => StoreErrorKind::Conflict,
        "busy" if is_ours => StoreErrorKind::Busy,
        "full" if is_ours => StoreErrorKind::Full,
        "corrupt" if is_ours => StoreErrorKind::Corrupt,
        "closed" if is_ours => StoreErrorKind::Closed,
        "unsupported" if is_ours => StoreErrorKind::Unsupported,
        _ => StoreErrorKind::Other,
    };
    let message = if is_ours { error.value(py).to_string() } else { format!("`{method}` of the store raised {error}") };
    StoreError::new(kind, message).because(error)
}

impl fmt::Debug for PythonStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonStore")
    }
}

fn id(id: ObjectId) -> crate::id::ObjectId {
    crate::id::ObjectId(id)
}

fn ids(given: &[ObjectId]) -> Vec<crate::id::ObjectId> {
    crate::id::ids(given.iter().copied())
}

fn read_ids(given: &Bound<'_, PyAny>) -> PyResult<Vec<ObjectId>> {
    Ok(given.extract::<Vec<AnId>>()?.into_iter().map(|id| id.0).collect())
}

fn each<T>(given: &Bound<'_, PyAny>, read: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Vec<T>> {
    given.try_iter()?.map(|item| read(&item?)).collect()
}

fn some<T>(given: &Bound<'_, PyAny>, read: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Option<T>> {
    if given.is_none() { Ok(None) } else { read(given).map(Some) }
}

#[async_trait]
impl Store for PythonStore {
    async fn origin(&self) -> Result<[u8; 16], StoreError> {
        self.call("origin", |py| Ok(PyTuple::empty(py)), |answer| answer.extract::<Buffer>()?.array("an origin"))
    }

    async fn last(&self) -> Result<u64, StoreError> {
        self.call("last", |py| Ok(PyTuple::empty(py)), |answer| answer.extract())
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        let last = self.call(
            "commit",
            |py| (id(stream), rim::commit(py, &commit)?).into_pyobject(py),
            |answer| answer.extract(),
        )?;
        self.changed.notify(usize::MAX);
        Ok(last)
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError> {
        self.call(
            "get",
            |py| (id(stream), self::ids(ids)).into_pyobject(py),
            |answer| each(answer, |record| some(record, rim::read_record)),
        )
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError> {
        self.call("contains", |py| (id(stream), self::ids(ids)).into_pyobject(py), |answer| answer.extract())
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.call(
            "scan",
            |py| (id(stream), rim::scan(py, &scan)?, limit).into_pyobject(py),
            |answer| each(answer, rim::read_record),
        )
    }

    async fn places(
        &self,
        stream: StreamId,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, u64)>, StoreError> {
        let pair = |pair: &Bound<'_, PyAny>| Ok((rim::read_place(&pair.get_item(0)?)?, pair.get_item(1)?.extract()?));
        self.call(
            "places",
            |py| {
                let after = after.as_ref().map(|after| rim::place(py, after)).transpose()?;
                (id(stream), after, limit).into_pyobject(py)
            },
            |answer| each(answer, pair),
        )
    }

    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError> {
        self.call("head", |py| (id(stream),).into_pyobject(py), |answer| some(answer, rim::read_head))
    }

    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.call("leaves", |py| (id(stream),).into_pyobject(py), read_ids)
    }

    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.call("dropped", |py| (id(stream),).into_pyobject(py), read_ids)
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        self.call("streams", |py| (after.map(id), limit).into_pyobject(py), read_ids)
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError> {
        self.call("log", |py| (stream.map(id), above, limit).into_pyobject(py), |answer| each(answer, rim::read_logged))
    }

    async fn wait(&self, above: u64) -> Result<(), StoreError> {
        let listener = self.changed.listen();
        if self.last().await? > above {
            return Ok(());
        }
        listener.await;
        Ok(())
    }

    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = |given: &Bound<'_, PyAny>| Ok(given.extract::<Buffer>()?.as_ref().to_vec());
        self.call("cursor", |py| (name,).into_pyobject(py), |answer| some(answer, bytes))
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.call("set_cursor", |py| (name, PyBytes::new(py, value)).into_pyobject(py), |_| Ok(()))
    }

    async fn number(&self) -> Result<Numbered, StoreError> {
        self.call("number", |py| Ok(PyTuple::empty(py)), rim::read_numbered)
    }

    async fn close(&self) -> Result<(), StoreError> {
        let closed = self.call("close", |py| Ok(PyTuple::empty(py)), |_| Ok(()));
        self.changed.notify(usize::MAX);
        closed
    }
}
