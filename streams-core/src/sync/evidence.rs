//! Proof of what a peer or an author did (spec 10.4), for somebody who trusts neither and was not there.
//!
//! Evidence is a file that holds all that its check needs. It shows what was signed, not why: two devices with one key
//! fork in all innocence, and a store that was restored from an older copy numbers its statements under another name.
//! Silence, `denied`, and content that was dropped are never evidence.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::messages::Parts;
use super::said::{self, Reason, Refusal, Signed, Statement};
use crate::graph::frontier_of;
use crate::keyed::HashKey;
use crate::object::authenticate::{Authentic, Authenticator};
use crate::object::author::VerifyingKey;
use crate::object::header::Role;
use crate::object::id::{ObjectId, StreamId};
use crate::object::parts::Object;
use crate::stream::Stream;
use crate::stream::admit::Ingested;
use crate::stream::checkpoint::CheckpointState;

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Evidence {
    /// Two objects of one author that follow the same object of its own, or none.
    #[n(0)]
    Fork(#[n(0)] Parts, #[n(1)] Parts),
    /// All objects in the past of two checkpoints with force, and the two, of which neither is in the past of the other.
    #[n(1)]
    Checkpoints(#[n(0)] Vec<Parts>),
    /// Two statements of one peer and store, of which the later lacks what the earlier had, and the blocks of all that is
    /// below the leaves of the later; or two with one number.
    #[n(2)]
    Contradiction(#[n(0)] Signed<Statement>, #[n(1)] Signed<Statement>, #[n(2)] Vec<Parts>),
    /// A statement that promises, and a refusal of something below its leaves in that time, with the blocks of a path
    /// that leads from a leaf to it.
    #[n(3)]
    BrokenPromise(#[n(0)] Signed<Statement>, #[n(1)] Signed<Refusal>, #[n(2)] Vec<Parts>),
}

/// What evidence shows, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// This author wrote two objects after one.
    Fork {
        /// Who.
        author: VerifyingKey,
        /// The stream.
        stream: StreamId,
        /// Both objects.
        objects: [ObjectId; 2],
    },
    /// These holders made checkpoints that do not know of each other.
    Checkpoints {
        /// Who, by each checkpoint.
        holders: Vec<(ObjectId, VerifyingKey)>,
        /// The stream.
        stream: StreamId,
    },
    /// This peer said that it had an object, and later that it had not.
    Contradiction {
        /// Who.
        peer: VerifyingKey,
        /// The stream.
        stream: StreamId,
        /// The object; none where one number was used twice.
        object: Option<ObjectId>,
    },
    /// This peer promised to serve an object, and did not.
    BrokenPromise {
        /// Who.
        peer: VerifyingKey,
        /// The stream.
        stream: StreamId,
        /// The object.
        object: ObjectId,
    },
}

/// Why evidence shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ShowsNothing {
    /// The bytes are no evidence.
    #[error("the bytes are no evidence of this version")]
    Malformed,
    /// An object in it is not sound, or not of its author.
    #[error("an object in it is not what its id and signature say")]
    Object,
    /// A statement or a refusal in it is not signed by its peer.
    #[error("a statement in it is not signed by the peer that it names")]
    Signature,
    /// They are of two authors, peers, stores or streams.
    #[error("what it puts together does not belong together")]
    Unrelated,
    /// The two objects are one, or do not follow the same object.
    #[error("the two objects are no fork")]
    NoFork,
    /// Not two checkpoints with force of which neither is in the past of the other.
    #[error("there are no two checkpoints that conflict")]
    NoConflict,
    /// The leaves are not all of them, or blocks below them are lacking.
    #[error("it does not hold all that is below the leaves, so nothing is known to be lacking")]
    Incomplete,
    /// The later statement lacks nothing.
    #[error("the later statement has all that the earlier had")]
    NoContradiction,
    /// Nothing was promised, or not for that time, or the reason is none that breaks a promise.
    #[error("the refusal breaks no promise")]
    NoPromise,
    /// The blocks do not lead from a leaf to the object.
    #[error("it does not show that the object is below the leaves that were stated")]
    NoPath,
}

impl Shown {
    /// What it is, as it is named in every language.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Fork { .. } => "fork",
            Self::Checkpoints { .. } => "checkpoints",
            Self::Contradiction { .. } => "contradiction",
            Self::BrokenPromise { .. } => "broken-promise",
        }
    }
}

impl ShowsNothing {
    /// The name, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Object => "object",
            Self::Signature => "signature",
            Self::Unrelated => "unrelated",
            Self::NoFork => "no-fork",
            Self::NoConflict => "no-conflict",
            Self::Incomplete => "incomplete",
            Self::NoContradiction => "no-contradiction",
            Self::NoPromise => "no-promise",
            Self::NoPath => "no-path",
        }
    }
}

impl Evidence {
    /// As a file.
    pub fn encode(&self) -> Vec<u8> {
        said::bytes(self)
    }

    /// From a file.
    pub fn decode(file: &[u8]) -> Result<Self, ShowsNothing> {
        let mut decoder = minicbor::Decoder::new(file);
        let evidence = decoder.decode().map_err(|_| ShowsNothing::Malformed)?;
        if decoder.position() == file.len() { Ok(evidence) } else { Err(ShowsNothing::Malformed) }
    }

    /// What it shows, checked by itself alone. `key` is unpredictable bytes, as for a stream.
    pub fn verify(&self, key: HashKey) -> Result<Shown, ShowsNothing> {
        match self {
            Self::Fork(one, other) => fork(&mut Authenticator::new(key), one, other),
            Self::Checkpoints(objects) => checkpoints(objects, key),
            Self::Contradiction(earlier, later, blocks) => contradiction(earlier, later, blocks),
            Self::BrokenPromise(statement, refusal, path) => broken_promise(statement, refusal, path),
        }
    }
}

fn object(parts: &Parts) -> Result<Object, ShowsNothing> {
    Object::decode(&parts.0).map_err(|_| ShowsNothing::Object)
}

fn authentic(authenticator: &mut Authenticator, parts: &Parts) -> Result<Authentic, ShowsNothing> {
    authenticator.authenticate(object(parts)?).map_err(|_| ShowsNothing::Object)
}

fn fork(authenticator: &mut Authenticator, one: &Parts, other: &Parts) -> Result<Shown, ShowsNothing> {
    let (one, other) = (authentic(authenticator, one)?, authentic(authenticator, other)?);
    let (a, b) = (one.header(), other.header());
    let stream = a.stream().filter(|_| a.stream() == b.stream() && a.author() == b.author());
    let stream = stream.ok_or(ShowsNothing::Unrelated)?;
    let are_two = one.id() != other.id() && a.role() == Role::Event && b.role() == Role::Event;
    if !are_two || a.previous() != b.previous() {
        return Err(ShowsNothing::NoFork);
    }
    let mut objects = [one.id(), other.id()];
    objects.sort_unstable();
    Ok(Shown::Fork { author: a.author(), stream, objects })
}

fn checkpoints(objects: &[Parts], key: HashKey) -> Result<Shown, ShowsNothing> {
    let mut authenticator = Authenticator::new(key);
    let mut objects = objects.iter().map(|parts| authentic(&mut authenticator, parts));
    let root = objects.next().ok_or(ShowsNothing::Malformed)??;
    let mut stream = Stream::open(root, key).map_err(|_| ShowsNothing::Unrelated)?;
    for object in objects {
        // What waits for others is not shown to have them in its past.
        let Ok(Ingested::Admitted { .. } | Ingested::Known) = stream.admit(object?, 0) else {
            return Err(ShowsNothing::Unrelated);
        };
    }
    let with_force = |(id, state): (ObjectId, CheckpointState)| (state == CheckpointState::Force).then_some(id);
    let with_force: Vec<ObjectId> = stream.checkpoints().into_iter().filter_map(with_force).collect();
    let conflicts = |id: &&ObjectId| {
        let comparable = |other: &ObjectId| stream.is_ancestor(id, other) || stream.is_ancestor(other, id);
        with_force.iter().any(|other| other != *id && !comparable(other))
    };
    let author = |id: &ObjectId| stream.object(id).map(|object| (*id, object.header().author()));
    let holders: Vec<_> = with_force.iter().filter(conflicts).filter_map(author).collect();
    if holders.is_empty() {
        return Err(ShowsNothing::NoConflict);
    }
    Ok(Shown::Checkpoints { holders, stream: stream.id() })
}

/// What objects cite, by their ids. Their blocks alone tell it, so nobody needs to have signed them.
fn edges(blocks: &[Parts]) -> Result<BTreeMap<ObjectId, Vec<ObjectId>>, ShowsNothing> {
    let edges = blocks.iter().map(|parts| {
        let object = object(parts)?;
        Ok((object.id(), object.edges()))
    });
    edges.collect()
}

fn contradiction(
    earlier: &Signed<Statement>,
    later: &Signed<Statement>,
    blocks: &[Parts],
) -> Result<Shown, ShowsNothing> {
    if !earlier.is_valid() || !later.is_valid() {
        return Err(ShowsNothing::Signature);
    }
    let (a, b) = (&earlier.said, &later.said);
    if (a.peer, a.store) != (b.peer, b.store) {
        return Err(ShowsNothing::Unrelated);
    }
    let (peer, stream) = (a.peer.0, a.stream.0);
    if a.counter == b.counter && a != b {
        return Ok(Shown::Contradiction { peer, stream, object: None });
    }
    if a.stream != b.stream || a.counter > b.counter {
        return Err(ShowsNothing::Unrelated);
    }
    // The leaves are all of them only where they are what the frontier is the digest of.
    let leaves: BTreeSet<ObjectId> = b.leaves.0.iter().copied().collect();
    if frontier_of(leaves) != b.frontier {
        return Err(ShowsNothing::Incomplete);
    }
    let edges = edges(blocks)?;
    let (mut had, mut to_visit) = (BTreeSet::new(), b.leaves.0.clone());
    while let Some(id) = to_visit.pop() {
        if had.insert(id) {
            to_visit.extend(edges.get(&id).ok_or(ShowsNothing::Incomplete)?);
        }
    }
    let lost = a.leaves.0.iter().find(|leaf| !had.contains(leaf)).ok_or(ShowsNothing::NoContradiction)?;
    Ok(Shown::Contradiction { peer, stream, object: Some(*lost) })
}

fn broken_promise(
    statement: &Signed<Statement>,
    refusal: &Signed<Refusal>,
    path: &[Parts],
) -> Result<Shown, ShowsNothing> {
    if !statement.is_valid() || !refusal.is_valid() {
        return Err(ShowsNothing::Signature);
    }
    let (stated, refused) = (&statement.said, &refusal.said);
    if (stated.peer, stated.stream, stated.store) != (refused.peer, refused.stream, refused.store) {
        return Err(ShowsNothing::Unrelated);
    }
    // What was refused before it was stated was not promised yet.
    let breaks = matches!(refused.reason, Reason::Unknown | Reason::Gone) && stated.counter <= refused.counter;
    if !breaks || stated.until.is_none_or(|until| refused.at >= until) {
        return Err(ShowsNothing::NoPromise);
    }
    let (peer, stream) = (stated.peer.0, stated.stream.0);
    // Who refuses the stream refuses its root, which is below every leaf.
    let object = refused.object.map_or(stream, |id| id.0);
    if object != stream {
        let edges = edges(path)?;
        let mut below: BTreeSet<ObjectId> = stated.leaves.0.iter().copied().collect();
        let mut to_visit: Vec<ObjectId> = below.iter().copied().collect();
        while let Some(id) = to_visit.pop() {
            to_visit.extend(edges.get(&id).into_iter().flatten().filter(|edge| below.insert(**edge)));
        }
        if !below.contains(&object) {
            return Err(ShowsNothing::NoPath);
        }
    }
    Ok(Shown::BrokenPromise { peer, stream, object })
}

/// Evidence of each fork of a stream.
pub fn forks(stream: &Stream) -> Vec<Evidence> {
    let evidence =
        |objects: Vec<ObjectId>| Some(Evidence::Fork(parts(stream, &objects[0])?, parts(stream, &objects[1])?));
    stream.forks().into_iter().filter_map(|fork| evidence(fork.objects)).collect()
}

/// Evidence of conflicting checkpoints of a stream, if there are some.
pub fn conflict(stream: &Stream) -> Option<Evidence> {
    let unaccepted = stream.checkpoints().into_iter().filter(|(_, state)| *state == CheckpointState::Force);
    let leaves: Vec<ObjectId> = unaccepted.map(|(id, _)| id).collect();
    let then = if leaves.is_empty() { None } else { stream.as_of(&leaves) }?;
    let objects = then.entries().map(|entry| Parts(entry.authentic.object().parts().to_vec()));
    Some(Evidence::Checkpoints(objects.collect()))
}

/// Evidence that two statements of one peer and store contradict each other, if they do and what is here shows it. O(n).
pub fn contradiction_of(stream: &Stream, one: &Signed<Statement>, other: &Signed<Statement>) -> Option<Evidence> {
    let (earlier, later) = if one.said.counter <= other.said.counter { (one, other) } else { (other, one) };
    let (a, b) = (&earlier.said, &later.said);
    if (a.peer, a.store) != (b.peer, b.store) || a == b {
        return None;
    }
    if a.counter == b.counter {
        return Some(Evidence::Contradiction(earlier.clone(), later.clone(), Vec::new()));
    }
    let is_whole =
        frontier_of(b.leaves.0.iter().copied()) == b.frontier && b.leaves.0.iter().all(|leaf| stream.contains(leaf));
    if a.stream != b.stream || !is_whole {
        return None;
    }
    let below: BTreeSet<ObjectId> = stream.with_past(&b.leaves.0).collect();
    if a.leaves.0.iter().all(|leaf| below.contains(leaf)) {
        return None;
    }
    let blocks = below.iter().filter_map(|id| parts(stream, id)).collect();
    Some(Evidence::Contradiction(earlier.clone(), later.clone(), blocks))
}

/// Evidence that a refusal breaks the promise of a statement, if it does and what is here shows it.
pub fn promise_broken_by(stream: &Stream, stated: &Signed<Statement>, refusal: &Signed<Refusal>) -> Option<Evidence> {
    let path = match &refusal.said.object {
        Some(object) => stream.path(&stated.said.leaves.0, &object.0)?,
        None => Vec::new(),
    };
    let blocks: Vec<Parts> = path.iter().filter_map(|id| parts(stream, id)).collect();
    broken_promise(stated, refusal, &blocks).ok()?;
    Some(Evidence::BrokenPromise(stated.clone(), refusal.clone(), blocks))
}

fn parts(stream: &Stream, id: &ObjectId) -> Option<Parts> {
    stream.object(id).map(|object| Parts(object.object().parts().to_vec()))
}
