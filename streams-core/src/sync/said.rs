//! What a peer signs (spec 10.4): what it has of a stream, and why it does not answer.

use minicbor::{Decode, Encode};

use super::messages::{Id, Ids, Key, MAX_LEAVES};
use crate::object::author::{Domain, SIGNATURE_LEN, SigningKey, VerifyingKey};

/// What a peer says that it has of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Statement {
    /// Who says it.
    #[n(0)]
    pub peer: Key,
    /// The stream.
    #[n(1)]
    pub stream: Id,
    /// The digest of all leaves.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub frontier: [u8; 32],
    /// The leaves: all of them, or the last by generation and id.
    #[n(3)]
    pub leaves: Ids<MAX_LEAVES>,
    /// The store, which is another where it was restored or found not closed.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub store: [u8; 16],
    /// The number of the statement, which rises.
    #[n(5)]
    pub counter: u64,
    /// Until when what is below these leaves will be served to whoever may read, in milliseconds since 1970 UTC.
    #[n(6)]
    pub until: Option<u64>,
}

/// What a statement is numbered by (spec 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Drawn when the store was made, and again where it was found not closed.
    pub store: [u8; 16],
    /// Larger than any before it of this store.
    pub counter: u64,
}

/// Why a peer did not answer, as it signed it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refusal {
    /// Who says it.
    #[n(0)]
    pub peer: Key,
    /// The stream.
    #[n(1)]
    pub stream: Id,
    /// The object that was asked for; none where it was the stream.
    #[n(2)]
    pub object: Option<Id>,
    /// Why.
    #[n(3)]
    pub reason: Reason,
    /// When, in milliseconds since 1970 UTC, by the peer's clock.
    #[n(4)]
    pub at: u64,
    /// The store, as in a statement: who lost what it had, and says so by another store, is not accused of it.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub store: [u8; 16],
    /// The number of the last statement of that store before: what was stated later was not refused yet.
    #[n(6)]
    pub counter: u64,
}

/// Something with the signature of whoever says it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Signed<T> {
    /// What is said.
    #[n(0)]
    pub said: T,
    /// The signature over its bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signature: [u8; SIGNATURE_LEN],
}

/// What is signed by a peer.
pub trait Said: Encode<()> {
    /// Who says it.
    fn peer(&self) -> VerifyingKey;
}

impl Said for Statement {
    fn peer(&self) -> VerifyingKey {
        self.peer.0
    }
}

impl Said for Refusal {
    fn peer(&self) -> VerifyingKey {
        self.peer.0
    }
}

impl<T: Said> Signed<T> {
    /// Signs what this key's peer says.
    pub fn sign(said: T, key: &SigningKey) -> Self {
        let signature = key.sign(Domain::Statement, &bytes(&said));
        Self { said, signature }
    }

    /// What is yet to be signed, and the bytes that are.
    pub(super) fn unsigned(said: T) -> (Self, Vec<u8>) {
        let bytes = bytes(&said);
        (Self { said, signature: [0; SIGNATURE_LEN] }, bytes)
    }

    /// Whether the peer signed it.
    pub fn is_valid(&self) -> bool {
        self.said.peer().verify(Domain::Statement, &bytes(&self.said), &self.signature)
    }
}

pub(super) fn bytes(said: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(said).expect("a vector takes all")
}

/// Why something is refused (spec 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Reason {
    /// The peer may not read the stream.
    #[n(0)]
    Denied,
    /// Nothing of the stream is here.
    #[n(1)]
    Unknown,
    /// It was here, and is not any more.
    #[n(2)]
    Gone,
    /// There is no room for it now.
    #[n(3)]
    Busy,
}

impl Reason {
    /// The code of spec 10.4.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Unknown => "unknown",
            Self::Gone => "gone",
            Self::Busy => "busy",
        }
    }
}
