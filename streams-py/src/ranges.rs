//! Range reconciliation (spec 10.2.1): two sides find what one of them lacks.

use std::sync::{Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::sync::reconcile::{KEY_LEN, Reply};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::error::raised;

/// One side of a run by which two find what one of them lacks, at a cost that grows with the difference and the logarithm
/// of what both have. A session does this by itself; here it is for whoever reconciles something else.
///
/// `keys` are of 40 bytes each, in any order: of an object its generation and its id. `secret` is 32 bytes, the same on
/// both sides and unknown before the session. Spec 10.2.1.
///
/// >>> from streams_core.session import Reconcile
/// >>> key = lambda number: number.to_bytes(40)
/// >>> one = Reconcile(bytes(32), [key(n) for n in range(1000)])
/// >>> other = Reconcile(bytes(32), [key(n) for n in range(1000) if n != 7])
/// >>> sides, message, is_last = [other, one], one.begin(), False
/// >>> while not is_last:  # the last is not answered
/// ...     message, is_last = sides[0].answer(message)
/// ...     sides.reverse()
/// >>> other.answer(message), other.found == [key(7)], one.found
/// (None, True, [])
#[pyclass(module = "streams_core.session", frozen)]
pub(crate) struct Reconcile(Mutex<streams_core::sync::reconcile::Reconcile>);

impl Reconcile {
    fn lock(&self) -> MutexGuard<'_, streams_core::sync::reconcile::Reconcile> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[guarded]
#[pymethods]
impl Reconcile {
    #[new]
    #[pyo3(signature = (secret: "Buffer", keys: "Sequence[Buffer]"))]
    fn new(secret: Buffer, keys: Vec<Buffer>) -> PyResult<Self> {
        let keys = keys.iter().map(|key| key.array::<KEY_LEN>("a key")).collect::<PyResult<_>>()?;
        let secret = secret.array("a secret")?;
        Ok(Self(Mutex::new(streams_core::sync::reconcile::Reconcile::new(&secret, keys))))
    }

    /// The first message of a run.
    #[pyo3(signature = () -> "bytes")]
    fn begin<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().begin())
    }

    /// Takes in a message of the other side, and returns what is to be said, and whether the other side does not answer
    /// that any more; None where the run is over.
    ///
    /// Raises:
    ///     RangesError: the message is malformed, or the run does not come to an end.
    #[pyo3(signature = (message: "Buffer") -> "tuple[bytes, bool] | None")]
    fn answer<'py>(&self, py: Python<'py>, message: Buffer) -> PyResult<Option<(Bound<'py, PyBytes>, bool)>> {
        let reply = py.detach(|| self.lock().answer(message.as_ref())).map_err(raised)?;
        Ok(reply.map(|Reply { ranges, is_last }| (PyBytes::new(py, &ranges), is_last)))
    }

    /// What the other side has and this one has not, ascending, as far as it was found: at most 65,536 keys in a run.
    #[getter]
    fn found<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.lock().found().map(|key| PyBytes::new(py, key)).collect()
    }

    fn __repr__(&self) -> String {
        let side = self.lock();
        format!("<Reconcile: {} keys, {} found>", side.keys().len(), side.found().len())
    }
}
