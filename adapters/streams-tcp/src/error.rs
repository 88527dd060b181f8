//! What goes wrong, in sentences.

use std::io;
use std::time::Duration;

use streams_core::transport::{TransportError, TransportErrorKind};

/// The peer breaks the rules of the link.
pub(crate) fn protocol(message: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::Protocol, message)
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

/// The connection ended before there was a link.
pub(crate) fn hung_up(source: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Unreachable, "the connection ended in the middle of the handshake")
        .because(source)
}

/// The connection failed.
pub(crate) fn broke(source: io::Error) -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "the link broke: open another").because(source)
}

/// The connection ended without the mark of an end.
pub(crate) fn cut() -> TransportError {
    let message = "the link was cut: the peer did not close it, so more may have been on its way; open another";
    TransportError::new(TransportErrorKind::Closed, message)
}

/// The peer does not take what was sent before the end.
pub(crate) fn not_taken(deadline: Duration) -> TransportError {
    let message = format!("closed without an end: the peer did not take what was sent within {deadline:?}");
    TransportError::new(TransportErrorKind::Closed, message)
}

/// The key of one direction is used up.
pub(crate) fn exhausted() -> TransportError {
    let message = "the link carried 2^64 - 1 messages, all that its keys are good for: open another";
    TransportError::new(TransportErrorKind::Closed, message)
}

/// Nobody can listen there.
pub(crate) fn not_bound(source: io::Error) -> TransportError {
    let message = "cannot listen there: is the address this machine's, and the port free?";
    TransportError::new(TransportErrorKind::Other, message).because(source)
}
