//! The nouns of keeping copies: what is handed over, what is answered, and what can go wrong.
//!
//! They stand below the contract of an archiver and below the engine, which both speak of them.

use std::fmt;
use std::ops::RangeInclusive;

use data_encoding::HEXLOWER;
use minicbor::{Decode, Encode};

use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};

/// The type of the objects that tell a stream of its deals. It is an application's: a deal decides nothing about the stream.
pub const DEAL: &str = "archive/stream.Deal";

/// The longest ticket, in bytes.
pub const MAX_TICKET: usize = 1024;

/// A sealed archive of one stream, ready to be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The stream.
    pub stream: StreamId,
    /// The id of its manifest.
    pub id: ObjectId,
    /// BLAKE3 of its bytes. Two packs with one manifest may differ in what stands redacted, and in nothing else.
    pub digest: [u8; 32],
    /// Its length in bytes.
    pub size: u64,
}

impl Pack {
    /// A name for a file of what is handed over under a key, which nothing else has: `PACK-KEY.car`, the id of the manifest
    /// and the first 16 digits of the key.
    pub fn file_name(&self, key: &SubmissionKey) -> String {
        format!("{}-{}.car", self.id, HEXLOWER.encode(&key.0[..8]))
    }
}

/// What is asked of an archiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The pack.
    pub pack: Pack,
    /// How many copies, from 1 to the most that the archiver makes.
    pub copies: u16,
    /// The ticket of an earlier deal for the same pack that ends soon. An archiver that can prolong a deal may do so in
    /// the place of a new one.
    pub renews: Option<Ticket>,
}

/// What a submission is known by: derived from who asks, from the pack, from the archiver and from the numbers of the
/// pack and of the deal, so that it is the same after a crash, and no other owner's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SubmissionKey(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl SubmissionKey {
    /// The key of a deal that `owner` has with `archiver` on `pack`. `numbers` are those of the pack and of the deal.
    pub fn derive(owner: &VerifyingKey, pack: &Pack, archiver: &str, numbers: [u32; 2]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("streams 2026 archive submission v1");
        hasher.update(owner.as_bytes()).update(pack.id.as_bytes()).update(&pack.digest);
        numbers.iter().for_each(|number| {
            hasher.update(&number.to_be_bytes());
        });
        Self(*hasher.update(archiver.as_bytes()).finalize().as_bytes())
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal, 64 digits.
impl fmt::Display for SubmissionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SubmissionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// By what an archiver finds a deal again: text that it made, 1 to [`MAX_TICKET`] bytes, which it understands for ever.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Ticket(#[n(0)] String);

/// The text is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a ticket: a ticket is 1 to {MAX_TICKET} bytes of text")]
pub struct TicketError;

impl Ticket {
    /// A ticket of this text.
    pub fn new(text: impl Into<String>) -> Result<Self, TicketError> {
        let text = text.into();
        if (1..=MAX_TICKET).contains(&text.len()) { Ok(Self(text)) } else { Err(TicketError) }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What an archiver can and cannot do. The engine plans from this, never from the name of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The sizes of a pack that it takes, in bytes.
    pub unit: RangeInclusive<u64>,
    /// The most copies that it makes for one submission, at least 1.
    pub copies: u16,
    /// Milliseconds that a deal usually takes until it is active; 0 where it is when `submit` returns. How often one asks
    /// follows from it.
    pub typical: u64,
    /// What is done where nobody knows whether a submission arrived.
    pub recovery: Recovery,
    /// Whether it tells a price, and may lack the means.
    pub priced: bool,
    /// Whether the bytes come back from it.
    pub fetches: bool,
    /// Whether anybody may read what it keeps.
    pub public: bool,
    /// Whether it takes away what is released.
    pub releases: bool,
}

/// What is done where nobody knows whether a submission arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It is sent again: the same key with the same pack is the same deal.
    Repeat,
    /// It is looked for by its key, and sent again where it is not found.
    Find,
    /// Sent again, it may be a second deal. So that is done once at most, and told.
    Neither,
}

/// What a deal would cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Price {
    /// How much, in the smallest unit, what is set aside for fees included.
    #[n(0)]
    pub amount: u64,
    /// The unit.
    #[n(1)]
    pub unit: String,
}

/// How a deal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is on its way.
    Pending {
        /// How far, in the archiver's words. Another word is a sign of life.
        phase: String,
    },
    /// There are copies: one is enough.
    Active(Held),
    /// It came to nothing. No copy is there.
    Failed(Failure),
    /// What was there is not there any more.
    Gone(Gone),
    /// Nobody can tell now, which is not the same as that it failed.
    Unknown,
}

/// The copies of a deal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    /// Each copy.
    #[n(0)]
    pub copies: Vec<Copy>,
    /// Until when, in milliseconds since 1970; without a time where it does not end by itself.
    #[n(1)]
    pub until: Option<u64>,
    /// What did not succeed beside them, in a sentence each.
    #[n(2)]
    pub failures: Vec<String>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Copy {
    /// Where it is: an address, a path, the name of a provider.
    #[n(0)]
    pub at: String,
    /// What shows that it is there: a version, a proof, the number of a contract.
    #[n(1)]
    pub evidence: Option<String>,
}

/// Why a copy is not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Gone {
    /// Its time was over.
    #[n(0)]
    Expired,
    /// It was there, and is not.
    #[n(1)]
    Lost,
    /// Its bytes are others.
    #[n(2)]
    Damaged,
}

impl Gone {
    /// The name of the reason, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Damaged => "damaged",
        }
    }
}

/// What became of a deal that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Released {
    /// Nothing is kept for it any more.
    #[n(0)]
    Now,
    /// Nobody prolongs it, and what is there ends by itself: at this time, in milliseconds since 1970; without a time, when
    /// the rules of the place say so.
    #[n(1)]
    Ends(#[n(0)] Option<u64>),
}

/// Why an archiver did not do what it was asked, for what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum FailureKind {
    /// There is not enough money or quota there.
    #[n(0)]
    Unfunded,
    /// It would cost more than was allowed.
    #[n(1)]
    OverBudget,
    /// The pack is too small for it.
    #[n(2)]
    TooSmall,
    /// The pack is too large for it.
    #[n(3)]
    TooLarge,
    /// Nobody there takes it now.
    #[n(4)]
    NoCapacity,
    /// The credentials are missing or wrong.
    #[n(5)]
    Unauthorized,
    /// Too many questions in too short a time.
    #[n(6)]
    RateLimited,
    /// It was considered, and not taken.
    #[n(7)]
    Rejected,
    /// What is there under that name is something else.
    #[n(8)]
    Conflict,
    /// The bytes are not those that were asked for.
    #[n(9)]
    Integrity,
    /// What was asked for is not there.
    #[n(10)]
    Missing,
    /// No change for too long.
    #[n(11)]
    Stalled,
    /// It may have arrived twice, so it is not sent again.
    #[n(12)]
    Doubtful,
    /// Nobody answered: whether anything was done is not known.
    #[n(13)]
    Unreachable,
    /// It can never do that.
    #[n(14)]
    Unsupported,
    /// Anything else; whether anything was done is not known.
    #[n(15)]
    Other,
}

/// When it makes sense to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Soon, and then less and less often.
    Soon,
    /// After hours.
    Slowly,
    /// When somebody did something about it: asked again rarely, and told to people.
    AfterAction,
}

impl FailureKind {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Unfunded,
        Self::OverBudget,
        Self::TooSmall,
        Self::TooLarge,
        Self::NoCapacity,
        Self::Unauthorized,
        Self::RateLimited,
        Self::Rejected,
        Self::Conflict,
        Self::Integrity,
        Self::Missing,
        Self::Stalled,
        Self::Doubtful,
        Self::Unreachable,
        Self::Unsupported,
        Self::Other,
    ];

    /// The name of the kind, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unfunded => "unfunded",
            Self::OverBudget => "over-budget",
            Self::TooSmall => "too-small",
            Self::TooLarge => "too-large",
            Self::NoCapacity => "no-capacity",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate-limited",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Integrity => "integrity",
            Self::Missing => "missing",
            Self::Stalled => "stalled",
            Self::Doubtful => "doubtful",
            Self::Unreachable => "unreachable",
            Self::Unsupported => "unsupported",
            Self::Other => "other",
        }
    }

    /// When it makes sense to try again.
    pub const fn retry(self) -> Retry {
        match self {
            Self::RateLimited | Self::Missing | Self::Stalled | Self::Unreachable | Self::Integrity | Self::Other => {
                Retry::Soon
            }
            Self::NoCapacity | Self::Rejected => Retry::Slowly,
            Self::Unfunded
            | Self::OverBudget
            | Self::TooSmall
            | Self::TooLarge
            | Self::Unauthorized
            | Self::Conflict
            | Self::Doubtful
            | Self::Unsupported => Retry::AfterAction,
        }
    }

    /// Whether a submission that ended so may have arrived all the same.
    pub const fn may_have_arrived(self) -> bool {
        matches!(self, Self::Unreachable | Self::Other)
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// What went wrong, as it is kept and told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// Its kind.
    #[n(0)]
    pub kind: FailureKind,
    /// One sentence, at most [`MAX_MESSAGE`] bytes.
    #[n(1)]
    pub message: String,
    /// In how many milliseconds it may be tried again, where the archiver said so.
    #[n(2)]
    pub after: Option<u64>,
}

/// The longest message of a failure, in bytes.
pub const MAX_MESSAGE: usize = 400;

impl Failure {
    /// A failure in one sentence, which is cut where it is long.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE {
            let end = (0..=MAX_MESSAGE).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
            message.truncate(end);
        }
        Self { kind, message, after: None }
    }
}
