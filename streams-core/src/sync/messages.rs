//! What two peers tell each other (spec 10): one message a frame, as CBOR.
//!
//! A message is a list of its kind and its body; a body is a list of its fields. Ids stand as one byte string, 32 bytes
//! each. Limits are checked while a message is read, before anything is kept of it.

use minicbor::{Decode, Encode};

use super::reconcile::MAX_RANGES;
use super::said::{Refusal, Signed, Statement};
use crate::object::author::{SIGNATURE_LEN, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};

/// The most leaves of a stream in a message: the last by generation and id.
pub const MAX_LEAVES: usize = 64;

/// The most samples in a request: enough for a stream of 2^60 objects.
pub const MAX_SAMPLES: usize = 64;

/// The most objects or maps in one want.
pub const MAX_WANTED: usize = 1024;

/// The versions that are spoken here.
pub const VERSIONS: &[u8] = &[1];

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Message {
    /// The first of both sides.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// The second of both sides: a signature over their role and the transcript.
    #[n(1)]
    Proof(#[cbor(n(0), with = "minicbor::bytes")] [u8; SIGNATURE_LEN]),
    /// Asks for what one lacks of a stream.
    #[n(2)]
    Request(#[n(0)] Request),
    /// Answers a request; objects follow, and [`Message::Done`].
    #[n(3)]
    Response(#[n(0)] Response),
    /// Some of the objects, causes first.
    #[n(4)]
    Objects(#[n(0)] Objects),
    /// There are no more.
    #[n(5)]
    Done(#[n(0)] u32),
    /// A frame of objects was taken in: there is room for one more.
    #[n(6)]
    Taken(#[n(0)] u32),
    /// Asks for objects by their ids: gaps, and those whose maps one lacks.
    #[n(7)]
    Want(#[n(0)] Want),
    /// Tells that there is something new.
    #[n(8)]
    Announcement(#[n(0)] Announcement),
    /// Asks to be told of news.
    #[n(9)]
    Subscription(#[n(0)] Subscription),
    /// Why something is not answered.
    #[n(10)]
    Refused(#[n(0)] Refused),
    /// Begins to find out which streams are not the same on both sides: ranges of pairs of a stream and its frontier.
    #[n(11)]
    Compare(#[n(0)] Ranges),
    /// Goes on with the ranges of a response, or of a comparison, by whoever asked.
    #[n(12)]
    Asking(#[n(0)] Ranges),
    /// The same, by whoever answers.
    #[n(13)]
    Answering(#[n(0)] Ranges),
    /// The ranges are at their end, says whoever answers.
    #[n(14)]
    Compared(#[n(0)] Compared),
    /// Asks who has streams.
    #[n(15)]
    Find(#[n(0)] Find),
    /// Who has them, or may know.
    #[n(16)]
    Found(#[n(0)] Found),
    /// Asks whoever governs a stream for access.
    #[n(17)]
    Plea(#[n(0)] Plea),
    /// There is nothing more that this side asks for. Who is told so says the same as soon as it is true of it, and then
    /// whoever was first may go.
    #[n(18)]
    Bye,
    /// This side ends the session, for this reason. Nothing follows.
    #[n(19)]
    Ended(#[n(0)] Why),
}

/// Why a session ends (spec 10.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// No version is spoken by both.
    #[n(0)]
    Version,
    /// The peer claims this side's own key.
    #[n(1)]
    OwnKey,
    /// The peer did not prove its key.
    #[n(2)]
    Proof,
    /// The peer does not go on.
    #[n(3)]
    Slow,
    /// A frame was no message.
    #[n(4)]
    Message,
    /// A message came that nobody waited for.
    #[n(5)]
    Unexpected,
    /// The peer sent more than it may.
    #[n(6)]
    TooMuch,
}

impl Why {
    /// The name, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::OwnKey => "own-key",
            Self::Proof => "proof",
            Self::Slow => "slow",
            Self::Message => "message",
            Self::Unexpected => "unexpected",
            Self::TooMuch => "too-much",
        }
    }
}

/// Who speaks, and which versions.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The versions that are spoken.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub versions: Vec<u8>,
    /// The key that is to be proven.
    #[n(1)]
    pub key: Key,
    /// Fresh bytes.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub nonce: [u8; 32],
}

/// Asks for what one lacks of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Request {
    /// By which the answers are known; the asking side counts.
    #[n(0)]
    pub number: u32,
    /// The stream.
    #[n(1)]
    pub stream: Id,
    /// The leaves; none where nothing of the stream is here.
    #[n(2)]
    pub leaves: Ids<MAX_LEAVES>,
    /// The digest of all leaves.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub frontier: [u8; 32],
    /// Objects at exponentially growing distance below the leaves.
    #[n(4)]
    pub samples: Ids<MAX_SAMPLES>,
    /// Whether a signed statement of what the other side has is asked for.
    #[n(5)]
    pub states: bool,
}

/// What the other side has of the stream that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Response {
    /// That of the request.
    #[n(0)]
    pub number: u32,
    /// Its leaves.
    #[n(1)]
    pub leaves: Ids<MAX_LEAVES>,
    /// The digest of all its leaves.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub frontier: [u8; 32],
    /// How many objects follow.
    #[n(3)]
    pub objects: u64,
    /// Ranges of its objects, where leaves and samples tell too little: then no objects follow, but ranges both ways,
    /// and each side asks for what it lacks.
    #[n(4)]
    pub ranges: Option<RangeBytes>,
    /// Its statement, where one is asked for.
    #[n(5)]
    pub statement: Option<Box<Signed<Statement>>>,
}

/// Some objects.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Objects {
    /// That of the request, or the want.
    #[n(0)]
    pub number: u32,
    /// Their parts.
    #[n(1)]
    pub parts: Vec<Parts>,
}

/// The parts of an object.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Parts(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// Asks for objects by their ids.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Want {
    /// By which the answers are known.
    #[n(0)]
    pub number: u32,
    /// The stream.
    #[n(1)]
    pub stream: Id,
    /// The objects.
    #[n(2)]
    pub objects: Ids<MAX_WANTED>,
    /// Objects that are here without some of their maps: they are wanted from whoever has maps of them.
    #[n(3)]
    pub maps: Ids<MAX_WANTED>,
}

/// Tells that there is something new.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Announcement {
    /// The stream.
    #[n(0)]
    pub stream: Id,
    /// Its leaves now.
    #[n(1)]
    pub leaves: Ids<MAX_LEAVES>,
    /// The digest of all its leaves.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub frontier: [u8; 32],
}

/// The most streams in one subscription.
pub const MAX_SUBSCRIBED: usize = 1024;

/// Asks to be told of news.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Subscription {
    /// Of these streams.
    #[n(0)]
    pub streams: Ids<MAX_SUBSCRIBED>,
    /// Until then, in milliseconds since 1970 UTC.
    #[n(1)]
    pub expires: u64,
}

/// Why something is not answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refused {
    /// That of the request, the want or the comparison, where one is refused.
    #[n(0)]
    pub number: Option<u32>,
    /// What is refused, and why.
    #[n(1)]
    pub said: Signed<Refusal>,
    /// The object whose rule denies it, where it names the peer: shown, not admitted.
    #[n(2)]
    pub shown: Option<Parts>,
}

/// Some ranges of a run of [`super::reconcile`].
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Ranges {
    /// That of the request, or the comparison.
    #[n(0)]
    pub number: u32,
    /// The ranges.
    #[n(1)]
    pub ranges: RangeBytes,
}

/// Ranges as they are written.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct RangeBytes(#[cbor(n(0), with = "minicbor::bytes")] pub Vec<u8>);

/// The end of ranges.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Compared {
    /// That of the request, or the comparison.
    #[n(0)]
    pub number: u32,
    /// Whether there may be more than was found.
    #[n(1)]
    pub more: bool,
}

/// The most streams that are looked for at once.
pub const MAX_SOUGHT: usize = 16;

/// Asks who has streams.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Find {
    /// By which the answer is known.
    #[n(0)]
    pub number: u32,
    /// The streams.
    #[n(1)]
    pub streams: Ids<MAX_SOUGHT>,
}

/// The most peers in one answer.
pub const MAX_TOLD: usize = 16;

/// Who has streams, or may know.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Found {
    /// That of the question.
    #[n(0)]
    pub number: u32,
    /// Those that are here, and that the peer may read.
    #[n(1)]
    pub here: Ids<MAX_SOUGHT>,
    /// Peers that were met at these addresses, the latest first: at most [`MAX_TOLD`].
    #[n(2)]
    pub peers: Vec<Place>,
}

/// The most bytes of an address.
pub const MAX_ADDRESS: usize = 256;

/// A peer, and where it was met.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Place {
    /// The key that it proved.
    #[n(0)]
    pub peer: Key,
    /// Where, as whoever met it writes it.
    #[n(1)]
    pub address: String,
}

/// The most bytes of a note.
pub const MAX_NOTE: usize = 1024;

/// Asks whoever governs a stream for access.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Plea {
    /// The stream.
    #[n(0)]
    pub stream: Id,
    /// Why, in the asking side's words: at most [`MAX_NOTE`] bytes.
    #[n(1)]
    pub note: String,
}

/// Bytes that are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame is no message of this version")]
pub struct MessageError;

impl Message {
    /// The frame.
    pub fn encode(&self) -> Vec<u8> {
        minicbor::to_vec(self).expect("a vector takes all")
    }

    /// The message of a frame: all of it.
    pub fn decode(frame: &[u8]) -> Result<Self, MessageError> {
        let mut decoder = minicbor::Decoder::new(frame);
        let message = decoder.decode().map_err(|_| MessageError)?;
        let is_whole = decoder.position() == frame.len();
        if is_whole && Self::is_within_limits(&message) { Ok(message) } else { Err(MessageError) }
    }

    /// Limits of what is no list of ids.
    fn is_within_limits(&self) -> bool {
        match self {
            Self::Response(Response { ranges: Some(ranges), .. }) => ranges.0.len() <= MAX_RANGES,
            Self::Compare(ranges) | Self::Asking(ranges) | Self::Answering(ranges) => {
                ranges.ranges.0.len() <= MAX_RANGES
            }
            Self::Found(found) => {
                found.peers.len() <= MAX_TOLD && found.peers.iter().all(|place| place.address.len() <= MAX_ADDRESS)
            }
            Self::Plea(plea) => plea.note.len() <= MAX_NOTE,
            _ => true,
        }
    }
}

/// An id in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(pub StreamId);

/// At most so many ids in a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids<const MOST: usize>(pub Vec<ObjectId>);

/// A key in a message: the encoding of a point, as of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(pub VerifyingKey);

impl<C> Encode<C> for Id {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Id {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        digest(decoder.bytes()?).map(Self)
    }
}

impl<C, const MOST: usize> Encode<C> for Ids<MOST> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|id| *id.as_bytes()).collect();
        encoder.bytes(&bytes)?.ok()
    }
}

impl<'b, C, const MOST: usize> Decode<'b, C> for Ids<MOST> {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = decoder.bytes()?;
        if bytes.len() > 32 * MOST || !bytes.len().is_multiple_of(32) {
            return Err(minicbor::decode::Error::message("too many ids, or a part of one"));
        }
        bytes.chunks(32).map(digest).collect::<Result<_, _>>().map(Self)
    }
}

impl<C> Encode<C> for Key {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.bytes(self.0.as_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Key {
    fn decode(decoder: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let bytes = decoder.bytes()?.try_into();
        let bytes = bytes.map_err(|_| minicbor::decode::Error::message("a key has 32 bytes"))?;
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| minicbor::decode::Error::message("no usable key"))
    }
}

fn digest(bytes: &[u8]) -> Result<ObjectId, minicbor::decode::Error> {
    let bytes = bytes.try_into().map_err(|_| minicbor::decode::Error::message("an id has 32 bytes"))?;
    Ok(ObjectId::from_bytes(bytes))
}
