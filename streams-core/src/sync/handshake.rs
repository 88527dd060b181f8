//! Who is there (spec 10.1): both sides prove their keys over what both said and what is unique to the connection.

use super::messages::{Hello, VERSIONS};
use crate::object::author::{Domain, SIGNATURE_LEN};

/// Which side of the connection one is: it is part of what is signed, so a proof cannot be sent back as one's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// It opened the connection.
    Opener,
    /// It answered.
    Answerer,
}

impl Side {
    const fn byte(self) -> u8 {
        match self {
            Self::Opener => 0,
            Self::Answerer => 1,
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Opener => Self::Answerer,
            Self::Answerer => Self::Opener,
        }
    }
}

/// What both sides said, and the connection on which they did.
#[derive(Clone, Debug)]
pub(super) struct Transcript([u8; 32]);

impl Transcript {
    /// `own` and `other` are the frames of both Hellos.
    pub(super) fn new(side: Side, own: &[u8], other: &[u8], channel: &[u8]) -> Self {
        let (opener, answerer) = match side {
            Side::Opener => (own, other),
            Side::Answerer => (other, own),
        };
        let mut hasher = blake3::Hasher::new_derive_key("streams 2026 session v1");
        for bytes in [opener, answerer, channel] {
            hasher.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// What this side signs to prove its key.
    pub(super) fn message(&self, side: Side) -> Vec<u8> {
        [&[side.byte()][..], &self.0].concat()
    }

    /// What only the two sides know where their transport keeps frames secret: by it ranges are keyed.
    pub(super) fn secret(&self) -> [u8; 32] {
        blake3::derive_key("streams 2026 ranges v1", &self.0)
    }

    /// Whether the other side proved its key.
    pub(super) fn is_proven(&self, side: Side, hello: &Hello, proof: &[u8; SIGNATURE_LEN]) -> bool {
        hello.key.0.verify(Domain::Session, &self.message(side.other()), proof)
    }
}

/// The highest version that both speak.
pub(super) fn version(other: &Hello) -> Option<u8> {
    VERSIONS.iter().copied().filter(|version| other.versions.contains(version)).max()
}
