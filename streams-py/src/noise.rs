//! One end of a link over streams of bytes, without IO: what `streams_core.aio` speaks over asyncio streams.

use std::sync::{Mutex, MutexGuard};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::sync::handshake::Side;
use streams_py_guarded::guarded;
use streams_tcp::Said;

use crate::bytes::Buffer;
use crate::error::raised;
use crate::session::side;

/// One end of a link under Noise: bytes of a connection in, frames out, and back.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Noise(Mutex<streams_tcp::Noise>);

impl Noise {
    fn lock(&self) -> MutexGuard<'_, streams_tcp::Noise> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[guarded]
#[pymethods]
impl Noise {
    #[new]
    #[pyo3(signature = (side: "Side"))]
    fn new(side: &str) -> PyResult<Self> {
        let side = self::side(side)?;
        let noise = match side {
            Side::Opener => streams_tcp::Noise::opener(),
            Side::Answerer => streams_tcp::Noise::answerer(),
        };
        Ok(Self(Mutex::new(noise)))
    }

    /// What of the handshake is to be sent, since the last time.
    #[pyo3(signature = () -> "bytes")]
    fn to_send<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.lock().take())
    }

    /// Takes in what came.
    ///
    /// Raises:
    ///     TransportError: it is no handshake.
    #[pyo3(signature = (came: "Buffer") -> "None")]
    fn receive(&self, came: Buffer) -> PyResult<()> {
        self.lock().receive(came.as_ref()).map_err(raised)
    }

    /// The next frame; True where the peer said that nothing follows, and None where more bytes are needed.
    ///
    /// Raises:
    ///     TransportError: what came is not the peer's, or breaks a rule of the link.
    #[pyo3(signature = () -> "bytes | Literal[True] | None")]
    fn poll<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.lock().poll().map_err(raised)? {
            None => Ok(None),
            Some(Said::Frame(frame)) => Ok(Some(PyBytes::new(py, &frame).into_any())),
            Some(Said::End) => true.into_bound_py_any(py).map(Some),
        }
    }

    /// A frame as it is sent.
    ///
    /// Raises:
    ///     TransportError: it is too long, or the link is not open.
    #[pyo3(signature = (frame: "Buffer") -> "bytes")]
    fn seal<'py>(&self, py: Python<'py>, frame: Buffer) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock().seal(frame.as_ref()).map_err(raised)?))
    }

    /// The end as it is sent.
    #[pyo3(signature = () -> "bytes")]
    fn end<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock().end().map_err(raised)?))
    }

    /// Whether the handshake is done.
    #[getter]
    fn is_open(&self) -> bool {
        self.lock().is_open()
    }

    /// The hash of the handshake.
    #[getter]
    fn channel<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.lock().channel())
    }
}
