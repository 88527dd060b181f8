//! Links: those of JavaScript, as the core wants them.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use async_trait::async_trait;
use js_sys::Promise;
use streams_core::node::find::Dial;
use streams_core::node::peers::Meeting;
use streams_core::transport::{MAX_FRAME, Transport, TransportError, TransportErrorKind};

use crate::host::{Host, answer};

/// A link of JavaScript.
#[derive(Debug)]
pub(crate) struct HostTransport {
    host: Host,
    channel: Vec<u8>,
    /// The next frame, where somebody asked for it and was given up: so no frame is lost.
    asked: RefCell<Option<Promise>>,
}

impl HostTransport {
    pub(crate) fn new(host: Host, channel: Vec<u8>) -> Self {
        Self { host, channel, asked: RefCell::default() }
    }
}

fn failed(answer: &[u8]) -> TransportError {
    let kind = match answer.first() {
        Some(1) => TransportErrorKind::Closed,
        Some(2) => TransportErrorKind::TooLarge,
        Some(3) => TransportErrorKind::Unreachable,
        Some(4) => TransportErrorKind::Protocol,
        _ => TransportErrorKind::Other,
    };
    TransportError::new(kind, String::new())
}

#[async_trait(?Send)]
impl Transport for HostTransport {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        let answer = self.host.ask("send", &frame).await;
        if answer == [0] { Ok(()) } else { Err(failed(&answer)) }
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let promise = self.asked.borrow_mut().get_or_insert_with(|| self.host.call("recv", &[])).clone();
        let mut answer = answer(promise).await;
        *self.asked.borrow_mut() = None;
        match answer.first() {
            // In order, by the peer.
            Some(255) => Ok(None),
            Some(0) if answer.len() - 1 > MAX_FRAME => Err(TransportError::too_large(answer.len() - 1)),
            Some(0) => {
                answer.remove(0);
                Ok(Some(answer))
            }
            _ => Err(failed(&answer)),
        }
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.host.ask("close", &[]).await;
        Ok(())
    }

    fn channel(&self) -> &[u8] {
        &self.channel
    }
}

/// Opens links in JavaScript, and meets whoever is there.
#[derive(Debug)]
pub(crate) struct HostDial {
    pub(crate) host: Host,
    /// How each is met; the nonce is that of the link.
    pub(crate) meeting: Meeting,
    pub(crate) nonce: Cell<[u8; 32]>,
}

#[async_trait(?Send)]
impl Dial for HostDial {
    async fn dial(&self, address: &str) -> Result<Arc<dyn Transport>, TransportError> {
        let answer = self.host.ask("dial", address.as_bytes()).await;
        // A nonce, and what is unique to the link.
        let Some((nonce, channel)) = answer.strip_prefix(&[0]).and_then(<[u8]>::split_first_chunk) else {
            return Err(failed(&answer));
        };
        self.nonce.set(*nonce);
        Ok(Arc::new(HostTransport::new(self.host.link(), channel.to_vec())))
    }

    fn meeting(&self, address: &str) -> Meeting {
        Meeting { nonce: self.nonce.get(), address: Some(address.to_owned()), ..self.meeting.clone() }
    }
}
