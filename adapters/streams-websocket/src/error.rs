//! What goes wrong, in sentences.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use streams_core::transport::{TransportError, TransportErrorKind};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};

/// The peer breaks the rules of the link.
pub(crate) fn protocol(message: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::Protocol, message)
}

/// What is asked for cannot be done.
pub(crate) fn other(message: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::Other, message)
}

/// Nobody answers.
pub(crate) fn unreachable(source: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Unreachable, "nobody answers there: is the address right, and a peer up?")
        .because(source)
}

/// Somebody answers, and goes on too slowly.
pub(crate) fn stalled(deadline: Duration) -> TransportError {
    let message = format!("no handshake within {deadline:?}: try again, or raise `Options::deadline`");
    TransportError::new(TransportErrorKind::Unreachable, message)
}

/// It would not be encrypted.
pub(crate) fn plain(address: SocketAddr) -> TransportError {
    other(format!(
        "ws to or from {address} would leave this machine unencrypted: use wss, or set `Options::allow_plain`"
    ))
}

/// Nobody can listen there.
pub(crate) fn not_bound(source: io::Error) -> TransportError {
    other("cannot listen there: is the address this machine's, and the port free?").because(source)
}

/// The TLS handshake failed.
#[cfg(feature = "tls")]
pub(crate) fn no_tls(source: io::Error) -> TransportError {
    if source.kind() == io::ErrorKind::InvalidData {
        let message =
            "no TLS: does the peer speak TLS 1.3, and is its certificate for this name and from one you trust?";
        return protocol(message).because(source);
    }
    hung_up(source)
}

fn hung_up(source: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Unreachable, "the connection ended in the middle of the handshake")
        .because(source)
}

/// The upgrade to a WebSocket failed.
pub(crate) fn no_upgrade(source: Error) -> TransportError {
    match source {
        Error::Io(source) => hung_up(source),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => hung_up(io::Error::from(io::ErrorKind::UnexpectedEof)),
        Error::Http(response) => {
            let message = format!("HTTP {} and no WebSocket: is the path right?", response.status());
            TransportError::new(TransportErrorKind::Unreachable, message)
        }
        source => protocol("that is no WebSocket: the peer speaks something else").because(source),
    }
}

/// The link failed.
pub(crate) fn broke(source: Error) -> TransportError {
    match source {
        Error::ConnectionClosed | Error::AlreadyClosed => TransportError::closed(),
        Error::Io(ref cause) if cause.kind() == io::ErrorKind::UnexpectedEof => cut(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => cut(),
        Error::Io(source) => {
            TransportError::new(TransportErrorKind::Closed, "the link broke: open another").because(source)
        }
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => TransportError::too_large(size),
        source => protocol("the peer breaks the rules of WebSockets: open another link").because(source),
    }
}

/// The connection ended without a close.
pub(crate) fn cut() -> TransportError {
    let message = "the link was cut: the peer did not close it, so more may have been on its way; open another";
    TransportError::new(TransportErrorKind::Closed, message)
}

/// The peer does not answer pings.
pub(crate) fn silent(silence: Duration) -> TransportError {
    let message = format!("nothing came for {silence:?}, not even an answer to a ping: the peer is gone; open another");
    TransportError::new(TransportErrorKind::Closed, message)
}

/// The peer does not take what was sent before the end.
pub(crate) fn not_taken(deadline: Duration) -> TransportError {
    let message = format!("closed without an end: the peer did not take what was sent within {deadline:?}");
    TransportError::new(TransportErrorKind::Closed, message)
}
