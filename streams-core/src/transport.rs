//! The contract of a transport: a link between two peers.
//!
//! A transport carries whole frames, in order, each once or not at all once it broke. It knows nothing of what is in
//! them. What must be proven about the peer is proven over it, by a session: a transport gives what is unique to
//! the connection ([`Transport::channel`]), so that a proof made for one is worth nothing on another.

use async_trait::async_trait;

use crate::shared::Shared;

/// The longest frame: the largest object, and its envelope.
pub const MAX_FRAME: usize = (1 << 20) + (64 << 10);

/// A reliable, ordered duplex of whole frames. Both directions may be used at once.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Transport: Shared + std::fmt::Debug {
    /// Sends a frame of at most [`MAX_FRAME`] bytes. Returns when the link has room for the next one: so who sends is
    /// slowed down to what the peer takes. Not to be given up in the middle: then the link is closed.
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError>;

    /// The next frame; `None` when the peer closed the link in order. May be given up while it waits: no frame is lost.
    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError>;

    /// Closes the link: the peer sees its end after what was sent. What follows here is [`TransportErrorKind::Closed`].
    async fn close(&self) -> Result<(), TransportError>;

    /// What is unique to this connection and equal at both ends (spec 10.1), as the hash of a key exchange; empty, where
    /// there is no such thing, and then whoever sits between the two may relay the proofs of their keys.
    fn channel(&self) -> &[u8];
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportErrorKind {
    /// The link was closed, or broke.
    Closed,
    /// A frame is longer than [`MAX_FRAME`].
    TooLarge,
    /// Nobody answers there, or not as a peer would.
    Unreachable,
    /// The peer breaks the rules of the link.
    Protocol,
    /// Anything else: the source tells.
    Other,
}

impl TransportErrorKind {
    /// The name of the kind, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::TooLarge => "too-large",
            Self::Unreachable => "unreachable",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

/// Why a link did not carry a frame.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
    source: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// An error in one sentence.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// With what caused it.
    pub fn because(self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { source: Some(std::sync::Arc::new(source)), ..self }
    }

    /// The link was closed.
    pub fn closed() -> Self {
        Self::new(TransportErrorKind::Closed, "the link was closed")
    }

    /// A frame is too long.
    pub fn too_large(bytes: usize) -> Self {
        Self::new(TransportErrorKind::TooLarge, format!("a frame of {bytes} bytes: at most {MAX_FRAME} are carried"))
    }

    /// What kind of failure.
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}
