//! What is known of the packs of a stream and of their deals: small records, kept under names in the store.
//!
//! For each owner and stream there is a head, which counts the packs, and for each pack a record under its number. A record
//! is kept before the head that counts it, and nothing is done about a pack before it is counted: so what was done is
//! found again. What is to be released has a name of its own: whoever asks for it is not who keeps the others.

use minicbor::{Decode, Encode};

use super::deal::{Failure, Gone, Held, Pack, Price, Released, SubmissionKey, Ticket};
use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};

/// Whose copies of which stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Who has them kept, and pays.
    pub owner: VerifyingKey,
    /// The stream.
    pub stream: StreamId,
}

impl Account {
    /// The name of its head in the store.
    pub fn head_name(&self) -> String {
        format!("archive/{}/{}", self.owner, self.stream)
    }

    /// The name of the record of the pack with this number in the store.
    pub fn pack_name(&self, pack: u32) -> String {
        format!("{}/{pack}", self.head_name())
    }

    /// The name under which the store has it which packs are to be released.
    pub fn release_name(&self) -> String {
        format!("{}/release", self.head_name())
    }
}

/// How many packs of a stream there are, and what is not in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// How many: their numbers begin at 0.
    #[n(0)]
    pub packs: u32,
    /// Since when there is something that is in no pack, in milliseconds since 1970.
    #[n(1)]
    pub noticed: Option<u64>,
    /// Whether a pack is lost for good, so that the next one begins anew.
    #[n(2)]
    pub anew: bool,
    /// A number in the store's sequence: a pack that does not know of what has it is to be replaced, and released. 0 where
    /// none is. It is kept under its [own name](Account::release_name).
    #[cbor(skip)]
    pub release_before: u64,
}

/// A pack, and what became of it everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct PackRecord {
    /// The id of its manifest.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 32],
    /// BLAKE3 of its bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// Its length in bytes.
    #[n(2)]
    pub size: u64,
    /// How many objects are in it.
    #[n(3)]
    pub objects: u64,
    /// Whether it continues the pack before it; otherwise it begins anew.
    #[n(4)]
    pub continues: bool,
    /// The number, in the store's sequence, up to which it and those that it continues have every object.
    #[n(5)]
    pub seen: u64,
    /// Whether there is nothing in it but what its owner wrote about deals: then its own deals are not written about.
    #[n(6)]
    pub receipts_only: bool,
    /// When it was sealed, in milliseconds since 1970.
    #[n(7)]
    pub sealed: u64,
    /// Whether its bytes wait in this place.
    #[n(8)]
    pub here: bool,
    /// What became of it with each archiver.
    #[n(9)]
    pub jobs: Vec<Job>,
}

impl PackRecord {
    /// The pack.
    pub fn pack(&self, stream: StreamId) -> Pack {
        Pack { stream, id: ObjectId::from_bytes(self.id), digest: self.digest, size: self.size }
    }
}

/// What became of a pack with one archiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Job {
    /// The archiver.
    #[n(0)]
    pub archiver: String,
    /// The number of the next deal.
    #[n(1)]
    pub next: u32,
    /// How often it went wrong since it last went right.
    #[n(2)]
    pub tries: u32,
    /// Before this, in milliseconds since 1970, nothing new is tried.
    #[n(3)]
    pub not_before: u64,
    /// What went wrong last, while it is not put right.
    #[n(4)]
    pub trouble: Option<Failure>,
    /// What the deals that are not listed any more may have cost.
    #[n(5)]
    pub spent: u64,
    /// The deals: all that may live, and the last that ended.
    #[n(6)]
    pub deals: Vec<Deal>,
    /// How many copies are wanted there; none, where that was before.
    #[n(7)]
    pub wanted: u16,
    /// Whether somebody is asked right now.
    #[cbor(skip)]
    pub(super) busy: bool,
    /// What the next deal would cost, as it was just told.
    #[cbor(skip)]
    pub(super) price: Option<Price>,
}

/// One deal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Deal {
    /// Its number, from 0: never given twice for one pack and archiver.
    #[n(0)]
    pub number: u32,
    /// By what it is known there.
    #[n(1)]
    pub key: SubmissionKey,
    /// How many copies were asked for.
    #[n(2)]
    pub copies: u16,
    /// How often it was sent. More than once may be more than one deal, where the archiver cannot tell.
    #[n(3)]
    pub sent: u32,
    /// How it stands.
    #[n(4)]
    pub state: State,
    /// When its state changed last, in milliseconds since 1970.
    #[n(5)]
    pub changed: u64,
    /// Since when nobody can tell.
    #[n(6)]
    pub unknown: Option<u64>,
    /// Whether nothing changed for so long that another deal takes its place. It is watched all the same.
    #[n(7)]
    pub stalled: bool,
    /// What it costs.
    #[n(8)]
    pub price: Option<Price>,
    /// What the stream was told of it.
    #[n(9)]
    pub told: Option<Told>,
    /// When its bytes were read back and compared last.
    #[n(10)]
    pub audited: Option<u64>,
    /// The deal that it takes over from, by its number.
    #[n(11)]
    pub renews: Option<u32>,
    /// How far it is released, where it is to be.
    #[n(12)]
    pub release: Option<Release>,
    /// Whether it is certain that nothing is there under its key.
    #[cbor(skip)]
    pub(super) nothing_there: bool,
    /// When it is asked about next.
    #[cbor(skip)]
    pub(super) ask_at: u64,
}

/// How a deal stands, as far as it is known here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// It is to be handed over, or was: no ticket is known.
    #[n(0)]
    Intended,
    /// It is on its way.
    #[n(1)]
    Pending {
        /// Its ticket.
        #[n(0)]
        ticket: Ticket,
        /// How far, in the archiver's words.
        #[n(1)]
        phase: String,
    },
    /// There are copies.
    #[n(2)]
    Active {
        /// Its ticket.
        #[n(0)]
        ticket: Ticket,
        /// The copies.
        #[n(1)]
        held: Held,
    },
    /// It came to nothing.
    #[n(3)]
    Failed {
        /// Its ticket, where there is one.
        #[n(0)]
        ticket: Option<Ticket>,
        /// Why.
        #[n(1)]
        failure: Failure,
    },
    /// Its copies are not there any more.
    #[n(4)]
    Gone {
        /// Its ticket.
        #[n(0)]
        ticket: Ticket,
        /// Why.
        #[n(1)]
        why: Gone,
    },
}

/// How far a deal is released.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Release {
    /// It is to be, and its archiver may have been asked.
    #[n(0)]
    Intended,
    /// It is.
    #[n(1)]
    Done(#[n(0)] Released),
    /// It cannot be: nobody is asked again before somebody says so.
    #[n(2)]
    Refused(#[n(0)] Failure),
}

/// What the stream was told of a deal: when it becomes another, it is told again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Told {
    /// `active`; `released`; `unreleased`, where it was to be released and cannot be; or why it is gone.
    #[n(0)]
    pub state: String,
    /// How many copies.
    #[n(1)]
    pub copies: u32,
    /// Until when.
    #[n(2)]
    pub until: Option<u64>,
}

/// An end that moves by less than this many milliseconds, a day, is no news.
const SAME_END: u64 = 24 * 60 * 60 * 1000;

impl Deal {
    /// Its ticket, where it is known.
    pub fn ticket(&self) -> Option<&Ticket> {
        match &self.state {
            State::Pending { ticket, .. } | State::Active { ticket, .. } | State::Gone { ticket, .. } => Some(ticket),
            State::Failed { ticket, .. } => ticket.as_ref(),
            State::Intended => None,
        }
    }

    /// Whether it may be there, now or soon.
    pub fn is_live(&self) -> bool {
        let was = matches!(self.state, State::Intended | State::Pending { .. } | State::Active { .. });
        was && self.release != Some(Release::Done(Released::Now))
    }

    /// The copies that are there, as far as is known.
    pub fn held(&self) -> Option<&Held> {
        match &self.state {
            State::Active { held, .. } if self.is_live() => Some(held),
            _ => None,
        }
    }

    /// Whether something may be there that is to be released, and nobody knows yet whether it can be.
    pub fn is_unsettled(&self) -> bool {
        let may_be_there = match &self.state {
            State::Intended | State::Pending { .. } | State::Active { .. } => true,
            State::Failed { .. } => false,
            // Of what is damaged there is something left, and what was lost may turn up.
            State::Gone { why, .. } => *why != Gone::Expired,
        };
        may_be_there && matches!(self.release, None | Some(Release::Intended))
    }

    /// What the stream should know of it; nothing of what never was.
    pub fn news(&self) -> Option<Told> {
        let copies = self.held().map_or(0, |held| held.copies.len() as u32);
        let until = self.held().and_then(|held| held.until);
        let news = match (&self.state, &self.release) {
            (State::Failed { .. }, _) => return None,
            (State::Gone { why, .. }, _) => Told { state: why.code().into(), copies: 0, until: None },
            (_, Some(Release::Done(Released::Now))) => Told { state: "released".into(), copies: 0, until: None },
            (_, Some(Release::Done(Released::Ends(until)))) => Told { state: "released".into(), copies, until: *until },
            (_, Some(Release::Refused(_))) => Told { state: "unreleased".into(), copies, until },
            (State::Active { .. }, _) => Told { state: "active".into(), copies, until },
            (State::Intended | State::Pending { .. }, _) => return None,
        };
        // A deal that was never told of, and is gone, is nothing to the stream.
        let is_news = match &self.told {
            None => news.copies > 0,
            Some(told) => {
                let moved = match (told.until, news.until) {
                    (Some(one), Some(other)) => one.abs_diff(other) >= SAME_END,
                    (one, other) => one != other,
                };
                told.state != news.state || told.copies != news.copies || moved
            }
        };
        is_news.then_some(news)
    }
}

/// What was kept under a name is no record of this version.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the record {name} in the store cannot be read: {reason}")]
pub struct RecordError {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// A record as bytes.
pub fn encode(record: &impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(record).expect("a vector takes all")
}

/// A record from bytes.
pub fn decode<'b, T: Decode<'b, ()>>(name: &str, bytes: &'b [u8]) -> Result<T, RecordError> {
    minicbor::decode(bytes).map_err(|error| RecordError { name: name.to_owned(), reason: error.to_string() })
}
