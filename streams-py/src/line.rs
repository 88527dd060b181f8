//! A link to a peer whose frames Python carries.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_channel::{Receiver, Sender, TrySendError, bounded};
use async_trait::async_trait;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::transport::{Transport, TransportError, TransportErrorKind};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;

/// How many frames wait on either way between a session and who carries them.
const ROOM: usize = 16;

/// Says that something is different, once until somebody looked.
pub(crate) struct Wakes {
    callable: Py<PyAny>,
    is_told: AtomicBool,
}

impl Wakes {
    pub(crate) fn new(callable: Py<PyAny>) -> Arc<Self> {
        Arc::new(Self { callable, is_told: AtomicBool::new(false) })
    }

    pub(crate) fn wake(&self) {
        if !self.is_told.swap(true, Ordering::SeqCst) {
            // An event loop that is closed by now hears nothing, and neither does an interpreter that ends.
            Python::try_attach(|py| self.callable.call0(py).map(drop));
        }
    }

    /// Somebody looks now.
    pub(crate) fn look(&self) {
        self.is_told.store(false, Ordering::SeqCst);
    }
}

/// The end of a link that a session has.
pub(crate) struct Carried {
    incoming: Receiver<Result<Vec<u8>, TransportError>>,
    outgoing: Sender<Vec<u8>>,
    channel: Vec<u8>,
    wakes: Arc<Wakes>,
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carried")
    }
}

#[async_trait]
impl Transport for Carried {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.outgoing.send(frame).await.map_err(|_| TransportError::closed())?;
        self.wakes.wake();
        Ok(())
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let frame = self.incoming.recv().await;
        if self.incoming.len() == ROOM / 2 {
            self.wakes.wake();
        }
        frame.ok().transpose()
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.outgoing.close();
        self.wakes.wake();
        Ok(())
    }

    fn channel(&self) -> &[u8] {
        &self.channel
    }
}

/// The session is over: nothing more is to be sent.
impl Drop for Carried {
    fn drop(&mut self) {
        self.outgoing.close();
        self.wakes.wake();
    }
}

/// The other end of it, which Python has: it carries frames between this and a connection.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Line {
    given: Sender<Result<Vec<u8>, TransportError>>,
    to_send: Receiver<Vec<u8>>,
    wakes: Arc<Wakes>,
}

impl Line {
    /// Both ends; `channel` is what is unique to the connection.
    pub(crate) fn new(wakes: Arc<Wakes>, channel: &[u8]) -> (Self, Arc<Carried>) {
        let ((given, incoming), (outgoing, to_send)) = (bounded(ROOM), bounded(ROOM));
        let carried = Carried { incoming, outgoing, channel: channel.to_vec(), wakes: wakes.clone() };
        (Self { given, to_send, wakes }, Arc::new(carried))
    }
}

/// What went wrong with a link, by its code.
pub(crate) fn failure(code: &str, message: &str) -> TransportError {
    let kind = match code {
        "closed" => TransportErrorKind::Closed,
        "too-large" => TransportErrorKind::TooLarge,
        "unreachable" => TransportErrorKind::Unreachable,
        "protocol" => TransportErrorKind::Protocol,
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, message)
}

#[guarded]
#[pymethods]
impl Line {
    /// Gives a frame that came to the session; False where it has to wait until there is room.
    #[pyo3(signature = (frame: "Buffer") -> "bool")]
    fn receive(&self, frame: Buffer) -> bool {
        self.wakes.look();
        !matches!(self.given.try_send(Ok(frame.as_ref().to_vec())), Err(TrySendError::Full(_)))
    }

    /// Tells that the peer closed the link in order, or that one wants to leave.
    #[pyo3(signature = () -> "None")]
    fn end(&self) {
        self.given.close();
    }

    /// Tells that the link broke, and how.
    #[pyo3(signature = (code: "str", message: "str") -> "None")]
    fn fail(&self, code: &str, message: &str) {
        // Where there is no room, what came before tells how it went on, and then nothing more comes.
        let _ = self.given.try_send(Err(failure(code, message)));
        self.given.close();
        self.to_send.close();
    }

    /// The next frame to be sent; None where there is none now.
    #[pyo3(signature = () -> "bytes | None")]
    fn frame<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.wakes.look();
        self.to_send.try_recv().ok().map(|frame| PyBytes::new(py, &frame))
    }

    /// Whether nothing more is to be sent, and the link may be closed.
    #[getter]
    fn is_said(&self) -> bool {
        self.to_send.is_closed() && self.to_send.is_empty()
    }
}
