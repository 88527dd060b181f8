//! What a session asks whoever drives it, and what it tells.

use std::sync::Arc;

#[cfg(doc)]
use super::messages::MAX_LEAVES;
use super::messages::Reason;
#[cfg(doc)]
use super::session::FRAME_BYTES;
use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};

/// What a session wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this frame.
    Send(Vec<u8>),
    /// Answer this question, by its number.
    Ask(u64, Ask),
    /// Something happened.
    Event(Event),
    /// The session is over: send what is left, and close the link. Nothing follows.
    End(End),
}

/// A question to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is here of a stream: [`Answer::Summary`], or [`Answer::Unknown`].
    Summary {
        /// The stream.
        stream: StreamId,
    },
    /// What a peer that may read a stream lacks of it: [`Answer::Compared`], [`Answer::Denied`] or [`Answer::Unknown`].
    Compare {
        /// The stream.
        stream: StreamId,
        /// Who asks.
        peer: VerifyingKey,
        /// What it says that it has: leaves, then samples.
        leaves: Vec<ObjectId>,
        /// Samples of its past.
        samples: Vec<ObjectId>,
    },
    /// Objects, for a peer that may read the stream: [`Answer::Objects`] or [`Answer::Denied`].
    Read {
        /// The stream.
        stream: StreamId,
        /// Who gets them.
        peer: VerifyingKey,
        /// Which, in this order: as many as fit into [`FRAME_BYTES`], at least one.
        ids: Vec<ObjectId>,
    },
    /// Take these in, of this stream: [`Answer::Taken`].
    Take {
        /// The stream.
        stream: StreamId,
        /// Parts of objects.
        parts: Vec<Vec<u8>>,
    },
    /// Whether a peer may hear of a stream, and what of: [`Answer::Summary`], [`Answer::Denied`] or
    /// [`Answer::Unknown`].
    Tell {
        /// The stream.
        stream: StreamId,
        /// Who is to hear.
        peer: VerifyingKey,
    },
}

/// An answer of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is here of a stream.
    Summary(Summary),
    /// What a peer lacks.
    Compared {
        /// What is here.
        summary: Summary,
        /// The ids of what the peer lacks, causes first.
        lacks: Vec<ObjectId>,
        /// Whether some of its leaves are not here.
        asks_back: bool,
    },
    /// Parts of the first so many of the objects that were asked for; `None` for one that is not here.
    Objects(Vec<Option<Arc<[u8]>>>),
    /// What became of objects that were given.
    Taken {
        /// How many were new.
        admitted: u64,
        /// What is not here, and is cited.
        gaps: Vec<ObjectId>,
        /// How many were not taken: the peer sent what is no object of this stream.
        rejected: u64,
    },
    /// The peer may not read the stream, with the parts of the policy object to be shown.
    Denied(Option<Arc<[u8]>>),
    /// Nothing of the stream is here; whether it is wanted.
    Unknown {
        /// Whether objects of it would be taken in.
        wanted: bool,
    },
}

/// What is here of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Its leaves, at most [`MAX_LEAVES`]: the last by generation and id.
    pub leaves: Vec<ObjectId>,
    /// The digest of all leaves.
    pub frontier: [u8; 32],
    /// Objects at exponentially growing distance below the leaves.
    pub samples: Vec<ObjectId>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer proved its key.
    Proven {
        /// Who it is.
        peer: VerifyingKey,
        /// The version that is spoken.
        version: u8,
    },
    /// Objects of a stream came in.
    Received {
        /// The stream.
        stream: StreamId,
        /// How many were new.
        admitted: u64,
    },
    /// All that the peer had of a stream, when it was asked, is here.
    Synced {
        /// The stream.
        stream: StreamId,
        /// How many objects were new.
        admitted: u64,
        /// How many were not taken.
        rejected: u64,
        /// What is cited, and did not come.
        gaps: Vec<ObjectId>,
    },
    /// The peer has all that it asked for of a stream.
    Served {
        /// The stream.
        stream: StreamId,
        /// How many objects it was sent.
        sent: u64,
    },
    /// The peer refuses.
    Refused {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: Reason,
        /// The parts of the policy object that it shows.
        shown: Option<Vec<u8>>,
    },
    /// The peer was refused.
    Refuses {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: Reason,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum End {
    /// It was asked to.
    #[error("the session was closed")]
    Closed,
    /// The peer speaks no version that is spoken here.
    #[error("the peer speaks no version that is spoken here")]
    Version,
    /// The peer says that it is who we are: our own words came back.
    #[error("the peer claims our own key: the session was reflected, or this is another device with one key")]
    OwnKey,
    /// The peer did not prove its key, over this connection.
    #[error("the peer did not prove its key over this connection")]
    Proof,
    /// The handshake took too long.
    #[error("the peer did not finish the handshake in time")]
    Slow,
    /// A frame was no message.
    #[error("the peer sent a frame that is no message")]
    Message,
    /// A message came that nobody waited for.
    #[error("the peer sent what was not asked for: {0}")]
    Unexpected(&'static str),
    /// The peer sent more than it may.
    #[error("the peer sent more than it may: {0}")]
    TooMuch(&'static str),
}

impl End {
    /// The name, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Version => "version",
            Self::OwnKey => "own-key",
            Self::Proof => "proof",
            Self::Slow => "slow",
            Self::Message => "message",
            Self::Unexpected(_) => "unexpected",
            Self::TooMuch(_) => "too-much",
        }
    }
}
