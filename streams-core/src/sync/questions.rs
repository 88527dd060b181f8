//! What a session asks whoever drives it, and what it tells.

use std::sync::Arc;

#[cfg(doc)]
use super::messages::MAX_LEAVES;
use super::messages::{Message, Why};
use super::reconcile::Key;
use super::said::{Numbered, Reason, Refusal, Signed, Statement};
#[cfg(doc)]
use super::session::FRAME_BYTES;
use crate::object::author::{Domain, SIGNATURE_LEN, SigningKey, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};
use crate::stream::admit::Rejected;

/// What a session wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this frame.
    Send(Vec<u8>),
    /// Sign this, and send the frame that comes of it before anything that follows.
    Sign(Box<Unsigned>),
    /// Answer this question, by its number.
    Ask(u64, Ask),
    /// Something happened.
    Event(Event),
    /// The session is over: send what is left, and close the link. Nothing follows.
    End(End),
}

/// A message that lacks the signature of this side, whose key the session does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    domain: Domain,
    said: Vec<u8>,
    message: Message,
}

impl Unsigned {
    /// `said` is what is signed; the signature in the message is replaced.
    pub(super) fn new(domain: Domain, said: Vec<u8>, message: Message) -> Self {
        Self { domain, said, message }
    }

    /// What the signature is for, and the message that is signed.
    pub fn said(&self) -> (Domain, &[u8]) {
        (self.domain, &self.said)
    }

    /// The frame, with the signature in it. One that is not valid ends the session at the peer.
    pub fn signed(mut self, signature: [u8; SIGNATURE_LEN]) -> Vec<u8> {
        match &mut self.message {
            Message::Proof(proof) => *proof = signature,
            Message::Refused(refused) => refused.said.signature = signature,
            Message::Response(response) => {
                response.statement.iter_mut().for_each(|statement| statement.signature = signature);
            }
            _ => {}
        }
        self.message.encode()
    }

    /// The frame, where the key is at hand.
    pub fn sign(self, key: &SigningKey) -> Vec<u8> {
        let signature = key.sign(self.domain, &self.said);
        self.signed(signature)
    }
}

/// A question to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What is here of a stream that is to be asked for: [`Answer::Summary`]; where the peer may not read it,
    /// [`Answer::Denied`]; [`Answer::Unknown`] where nothing of it is here.
    Summary {
        /// The stream.
        stream: StreamId,
        /// Who is to be asked.
        peer: VerifyingKey,
        /// Who wants it.
        cause: Cause,
    },
    /// What a peer that may read a stream lacks of it: [`Answer::Compared`], [`Answer::Denied`] or [`Answer::Unknown`].
    Compare {
        /// The stream.
        stream: StreamId,
        /// Who asks.
        peer: VerifyingKey,
        /// What it says that it has: its leaves, or the last of them.
        leaves: Vec<ObjectId>,
        /// The digest of all its leaves.
        frontier: [u8; 32],
        /// Samples of its past.
        samples: Vec<ObjectId>,
        /// Whether it asks for a statement.
        states: bool,
    },
    /// The keys of all objects of a stream, for ranges: [`Answer::Keys`], [`Answer::Denied`] or [`Answer::Unknown`].
    Keys {
        /// The stream.
        stream: StreamId,
        /// Who is told of them.
        peer: VerifyingKey,
    },
    /// All streams that a peer may read: [`Answer::Pairs`].
    Pairs {
        /// Who is told of them.
        peer: VerifyingKey,
    },
    /// Objects, for a peer that may read the stream: [`Answer::Objects`] or [`Answer::Denied`].
    Read {
        /// The stream.
        stream: StreamId,
        /// Who gets them.
        peer: VerifyingKey,
        /// Which, in this order: as many as fit into [`FRAME_BYTES`], at least one.
        ids: Vec<ObjectId>,
        /// Whether a copy without any of its maps is of no use.
        with_maps: bool,
    },
    /// Take these in, of this stream: [`Answer::Taken`].
    Take {
        /// The stream.
        stream: StreamId,
        /// Who sent them.
        peer: VerifyingKey,
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
        /// Whether it subscribed in this session. Otherwise only an object of it in the stream can (spec 8.11), and
        /// where there is none the answer is [`Answer::Unknown`].
        subscribed: bool,
    },
    /// Which of these are here, and may be read by a peer, and which peers may know of the others: [`Answer::Found`].
    Find {
        /// The streams.
        streams: Vec<StreamId>,
        /// Who asks.
        peer: VerifyingKey,
    },
}

/// Who wants a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Whoever drives the session.
    Asked,
    /// A comparison found that the peer has another of it, or it alone.
    Compared,
    /// The peer announced it, and this side did not subscribe in this session: it is wanted where there is a subscription
    /// of this side in the stream (spec 8.11).
    Announced,
}

/// An answer of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is here of a stream.
    Summary(Summary),
    /// What a peer lacks.
    Compared(Box<Compared>),
    /// Keys of objects.
    Keys(Vec<Key>),
    /// Streams with their frontiers, and whether objects of other streams would be taken in.
    Pairs {
        /// The streams.
        pairs: Vec<(StreamId, [u8; 32])>,
        /// Whether others are wanted.
        takes_unknown: bool,
    },
    /// Parts of the first so many of the objects that were asked for; `None` for one that is not here.
    Objects(Vec<Option<Arc<[u8]>>>),
    /// What became of objects that were given.
    Taken {
        /// How many were new.
        admitted: u64,
        /// What is not here, and is cited.
        gaps: Vec<ObjectId>,
        /// Why some were not taken: the peer sent what is no object of this stream, or breaks its rules.
        rejected: Vec<Rejected>,
    },
    /// Who has what is looked for.
    Found {
        /// Those that are here, and that may be read.
        here: Vec<StreamId>,
        /// Peers that may know, and where they were met; the best first.
        peers: Vec<(VerifyingKey, String)>,
    },
    /// The peer may not read the stream, with the parts of the policy object to be shown.
    Denied(Option<Arc<[u8]>>),
    /// Nothing of the stream is here; whether it is wanted.
    Unknown {
        /// Whether objects of it would be taken in.
        wanted: bool,
    },
}

/// What a peer lacks of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// What is here.
    pub summary: Summary,
    /// What it lacks, as far as its leaves and samples tell.
    pub lacks: Lacks,
    /// Whether some of its leaves are not here.
    pub asks_back: bool,
    /// What a statement is numbered by, where one is asked for, and until when what is stated will be served.
    pub numbered: Option<(Numbered, Option<u64>)>,
}

/// What a peer lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lacks {
    /// These, causes first.
    Objects(Vec<ObjectId>),
    /// Its leaves and samples tell too little: these are the keys of all objects, to be reconciled.
    Ranges(Vec<Key>),
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
    /// Objects of which maps are lacking that were not dropped here.
    pub redacted: Vec<ObjectId>,
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
    /// The peer has so many objects of a stream for us, as it says.
    Expected {
        /// The stream.
        stream: StreamId,
        /// How many.
        objects: u64,
    },
    /// Objects of a stream came in.
    Received {
        /// The stream.
        stream: StreamId,
        /// How many were new.
        admitted: u64,
    },
    /// Objects that came were not taken.
    Rejected {
        /// The stream.
        stream: StreamId,
        /// Why the first was not.
        reason: Rejected,
        /// How many.
        objects: u64,
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
    /// The peer states what it has of a stream.
    Stated(Box<Signed<Statement>>),
    /// This side and the peer found which streams are not the same.
    Compared {
        /// How many the peer has that are another here, or not here.
        streams: u64,
    },
    /// The peer knows who has streams.
    Found {
        /// Those that it has.
        here: Vec<StreamId>,
        /// Whom it met, and where.
        peers: Vec<(VerifyingKey, String)>,
    },
    /// The peer asks for access to a stream.
    Plea {
        /// The stream.
        stream: StreamId,
        /// Why, in its words.
        note: String,
    },
    /// The peer refuses.
    Refused {
        /// The stream.
        stream: StreamId,
        /// Why.
        reason: Reason,
        /// As it signed it.
        refusal: Box<Signed<Refusal>>,
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
    /// The peer did not finish the handshake in time, or does not answer, or does not take what it asked for.
    #[error("the peer does not go on")]
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
    /// The peer ended it, and says why.
    #[error("the peer ended the session, and says why: {}", .0.code())]
    ByPeer(Why),
}

impl End {
    /// The name, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ByPeer(_) => "by-peer",
            _ => match self.why() {
                Some(why) => why.code(),
                None => "closed",
            },
        }
    }

    /// What the peer is told of it; nothing where nobody did wrong, or it knows.
    pub const fn why(self) -> Option<Why> {
        match self {
            Self::Closed | Self::ByPeer(_) => None,
            Self::Version => Some(Why::Version),
            Self::OwnKey => Some(Why::OwnKey),
            Self::Proof => Some(Why::Proof),
            Self::Slow => Some(Why::Slow),
            Self::Message => Some(Why::Message),
            Self::Unexpected(_) => Some(Why::Unexpected),
            Self::TooMuch(_) => Some(Why::TooMuch),
        }
    }
}
