//! Finding who has streams: the core asks one peer after the other, over links that asyncio opens and carries.

use std::sync::{Arc, Mutex, MutexGuard};

use async_channel::{Receiver, Sender, bounded};
use async_trait::async_trait;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use streams_core::node::find::{Dial, Found};
use streams_core::node::peers::{Meeting, PeerError};
use streams_core::sync::handshake::Side;
use streams_core::transport::{Transport, TransportError};
use streams_py_guarded::guarded;
use tokio::task::AbortHandle;

use crate::bytes::{Buffer, random};
use crate::call::{caught, start_runtime};
use crate::error::{Raise, raised};
use crate::id::{AnId, given, ids};
use crate::key::{SigningKey, VerifyingKey};
use crate::line::{Line, Wakes, failure};
use crate::node::{Kept, Node};
use crate::peers::SystemClock;

type Opened = Result<Arc<dyn Transport>, TransportError>;

/// A link that is being opened: whoever opens it answers once.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Dialing(Sender<Opened>);

#[guarded]
#[pymethods]
impl Dialing {
    /// It is open: what is unique to it, and what is called when there is something to carry.
    #[pyo3(signature = (channel: "Buffer", wake: "Callable[[], object]") -> "Line")]
    fn opened(&self, channel: Buffer, wake: Py<PyAny>) -> Line {
        let (line, carried) = Line::new(Wakes::new(wake), channel.as_ref());
        let _ = self.0.try_send(Ok(carried));
        line
    }

    /// It cannot be opened.
    #[pyo3(signature = (code: "str", message: "str") -> "None")]
    fn failed(&self, code: &str, message: &str) {
        let _ = self.0.try_send(Err(failure(code, message)));
    }
}

/// Opens links by a callable.
struct Dialer {
    dial: Py<PyAny>,
    key: streams_core::SigningKey,
}

#[async_trait]
impl Dial for Dialer {
    async fn dial(&self, address: &str) -> Opened {
        let (answer, answered): (Sender<Opened>, Receiver<Opened>) = bounded(1);
        let asked = Python::attach(|py| self.dial.call1(py, (address, Dialing(answer))).map(drop));
        match asked {
            // Who drops the question does not open it.
            Ok(()) => answered.recv().await.unwrap_or_else(|_| Err(TransportError::closed())),
            Err(error) => Err(failure("other", &error.to_string())),
        }
    }

    fn meeting(&self, address: &str) -> Meeting {
        let meeting = Meeting::new(self.key.clone(), Side::Opener, random(), Arc::new(SystemClock));
        Meeting { address: Some(address.to_owned()), ..meeting }
    }
}

/// What was found; or what a panic left behind.
type End = Result<Result<Found, PeerError>, PyErr>;

/// A search for who has streams, on a thread of its own; `streams_core.aio.find` opens and carries the links.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Search {
    kept: Arc<Kept>,
    end: Arc<Mutex<Option<End>>>,
    task: AbortHandle,
}

impl Search {
    fn end(&self) -> MutexGuard<'_, Option<End>> {
        self.end.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Who has which of the streams, by address; and of whom nothing was heard, and why.
type Places<'py> = (Bound<'py, PyDict>, Bound<'py, PyDict>);

#[guarded]
#[pymethods]
impl Search {
    /// Begins. `dial` is called, from any thread, with an address and a `Dialing`; `wake` when the search is over.
    #[new]
    #[pyo3(signature = (
        node: "Node", key: "SigningKey", streams: "Sequence[ObjectId | str]", at: "Sequence[str]",
        dial: "Callable[[str, Dialing], object]", wake: "Callable[[], object]"
    ))]
    fn new(
        node: &Node,
        key: &SigningKey,
        streams: Vec<AnId>,
        at: Vec<String>,
        dial: Py<PyAny>,
        wake: Py<PyAny>,
    ) -> PyResult<Self> {
        let kept = node.kept.clone();
        kept.check()?;
        let (streams, dialer, wakes) = (given(&streams), Dialer { dial, key: key.0.clone() }, Wakes::new(wake));
        let (runtime, searched) = (start_runtime()?, kept.node.clone());
        let found = runtime.spawn(async move { searched.find(&streams, &dialer, &at).await });
        let task = found.abort_handle();
        let end = Arc::new(Mutex::new(None));
        let search = Self { kept, end: end.clone(), task };
        runtime.spawn(async move {
            let found = found.await.map_err(|error| match error.try_into_panic() {
                Ok(payload) => caught(payload),
                Err(_) => raised(TransportError::closed()),
            });
            *end.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(found);
            wakes.wake();
        });
        Ok(search)
    }

    /// What was found; None while it goes on.
    #[pyo3(signature = () -> "tuple[dict[str, tuple[VerifyingKey, list[ObjectId]]], dict[str, StreamsError]] | None")]
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Option<Places<'py>>> {
        let Some(end) = self.end().take() else { return Ok(None) };
        let found = self.kept.whole(py, end)?.map_err(raised)?;
        let (places, silent) = (PyDict::new(py), PyDict::new(py));
        for (address, (peer, streams)) in found.places {
            places.set_item(address, (VerifyingKey(peer), ids(streams)))?;
        }
        for (address, error) in found.silent {
            silent.set_item(address, Raise::from(&error).instance(py)?)?;
        }
        Ok(Some((places, silent)))
    }

    /// Ends it at once.
    #[pyo3(signature = () -> "None")]
    fn abort(&self) {
        self.task.abort();
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.task.abort();
    }
}
