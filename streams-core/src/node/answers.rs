//! What a node answers to the questions of a session: nothing that the peer may not read.
//!
//! [`Node::sync`] and its like drive a session over a link. Who carries frames in another way drives one himself: he gives
//! the session what came, does what it wants done, and lets the node answer what it asks.
//!
//! ```
//! # use streams_core::node::answers::Answers;
//! # use streams_core::sync::{handshake::Side, questions::{End, Output}, session::Session};
//! # use streams_core::{Draft, HashKey, MemoryStore, Node, SigningKey};
//! # use std::sync::Arc;
//! # pollster::block_on(async {
//! # let (keys, hash_key) = ([1, 2].map(|n| SigningKey::from_bytes([n; 32])), HashKey::from_bytes([3; 16]));
//! # let nodes = [1, 2].map(|n| Node::new(Arc::new(MemoryStore::new([n; 16], hash_key)), hash_key));
//! # let list = nodes[0].create(Draft::root("example.org/list", [0; 16]).sign(&keys[0])?).await?;
//! let sides = [Side::Opener, Side::Answerer];
//! let mut sessions = Vec::new();
//! for at in [0, 1] {
//!     let numbered = nodes[at].last_number().await?;
//!     let nonce = [at as u8; 32]; // fresh random bytes, in earnest
//!     sessions.push(Session::new(keys[at].verifying_key(), sides[at], numbered, nonce, b"", 0));
//! }
//! sessions[1].sync(list);
//! let mut is_quiet = false;
//! while !is_quiet {
//!     is_quiet = true;
//!     for at in [0, 1] {
//!         let own = keys[at].verifying_key();
//!         let answers = Answers { node: &nodes[at], own, takes_unknown: true, promises: None };
//!         while let Some(output) = sessions[at].poll() {
//!             is_quiet = false;
//!             match output {
//!                 Output::Send(frame) => sessions[1 - at].receive(&frame, 0),
//!                 Output::Sign(unsigned) => sessions[1 - at].receive(&unsigned.sign(&keys[at]), 0),
//!                 Output::Ask(number, ask) => {
//!                     let answer = answers.answer(ask, 0).await?;
//!                     sessions[at].answer(number, answer);
//!                 }
//!                 Output::Event(event) => nodes[at].note(&event, None, 0).await?,
//!                 Output::End(end) => return Err(end.into()),
//!             }
//!         }
//!     }
//! }
//! assert!(nodes[1].head(list).await?.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};

use super::taking::{Take, take_from};
use super::{Node, NodeError};
use crate::graph::frontier_of;
use crate::keyed::HashKey;
use crate::object::author::VerifyingKey;
use crate::object::header::types;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Numbered, Scan};
use crate::stream::Stream;
use crate::stream::content::Content;
use crate::sync::messages::{MAX_LEAVES, MAX_WANTED};
use crate::sync::questions::{Answer, Ask, Cause, Compared, Lacks, Summary};
use crate::sync::session::FRAME_BYTES;

/// Up to how many objects are sent though the peer may have them: more, and ranges tell what it lacks.
const DOUBTFUL: usize = 64;

/// How many subscription objects of a stream are looked at.
const SUBSCRIPTIONS: usize = 1024;

/// Who answers, and how.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// Whose streams are told of.
    pub node: &'a Node,
    /// The key of this side.
    pub own: VerifyingKey,
    /// Whether streams that are not here are taken in.
    pub takes_unknown: bool,
    /// How long what is stated will be served, in milliseconds; none where nothing is promised.
    pub promises: Option<u64>,
}

impl Answers<'_> {
    /// Answers what a session asks, at this time in milliseconds since 1970 UTC. What is taken in is durable then.
    pub async fn answer(&self, ask: Ask, now: u64) -> Result<Answer, NodeError> {
        let answer = match ask {
            Ask::Summary { stream, peer, cause } => self.summarize(stream, &peer, cause, now).await,
            Ask::Tell { stream, peer, subscribed } => self.tell(stream, &peer, subscribed, now).await,
            Ask::Compare { stream, peer, leaves, frontier, samples, states } => {
                self.compare(stream, &peer, &leaves, &frontier, &samples, states.then_some(now)).await
            }
            Ask::Keys { stream, peer } => {
                let keys = |stream: &Stream| denied(stream, &peer).unwrap_or_else(|| Answer::Keys(stream.keys()));
                self.node.read(stream, keys).await
            }
            Ask::Pairs { peer } => {
                let pairs = self.node.pairs(&peer).await?;
                return Ok(Answer::Pairs { pairs, takes_unknown: self.takes_unknown });
            }
            Ask::Read { stream, peer, ids, with_maps } => {
                let read = |stream: &Stream| denied(stream, &peer).unwrap_or_else(|| frame(stream, &ids, with_maps));
                self.node.read(stream, read).await
            }
            Ask::Take { stream, peer, parts } => self.take(Take { number: 0, stream, peer, parts }).await,
            Ask::Find { streams, peer } => self.find(&streams, &peer).await,
        };
        match answer {
            Err(NodeError::Unknown(_)) => Ok(Answer::Unknown { wanted: self.takes_unknown }),
            answer => answer,
        }
    }

    async fn summarize(
        &self,
        stream: StreamId,
        peer: &VerifyingKey,
        cause: Cause,
        now: u64,
    ) -> Result<Answer, NodeError> {
        if cause == Cause::Announced && !self.node.subscribes(stream, &self.own, now).await? {
            return Ok(Answer::Unknown { wanted: false });
        }
        let tell = |stream: &Stream| {
            denied(stream, peer).unwrap_or_else(|| {
                Answer::Summary(Summary { redacted: stream.lacking_maps(MAX_WANTED), ..summary(stream) })
            })
        };
        self.node.read(stream, tell).await
    }

    async fn tell(
        &self,
        stream: StreamId,
        peer: &VerifyingKey,
        subscribed: bool,
        now: u64,
    ) -> Result<Answer, NodeError> {
        if !subscribed && !self.node.subscribes(stream, peer, now).await? {
            return Ok(Answer::Unknown { wanted: false });
        }
        let tell = |stream: &Stream| denied(stream, peer).unwrap_or_else(|| Answer::Summary(summary(stream)));
        self.node.read(stream, tell).await
    }

    async fn compare(
        &self,
        stream: StreamId,
        peer: &VerifyingKey,
        leaves: &[ObjectId],
        frontier: &[u8; 32],
        samples: &[ObjectId],
        states: Option<u64>,
    ) -> Result<Answer, NodeError> {
        let compare = |stream: &Stream| match denied(stream, peer) {
            Some(denied) => Err(denied),
            None => Ok((summary(stream), lacks(stream, leaves, frontier, samples))),
        };
        let (summary, (lacks, asks_back)) = match self.node.read(stream, compare).await? {
            Ok(compared) => compared,
            Err(denied) => return Ok(denied),
        };
        let numbered = match states {
            Some(now) => Some(self.node.number(stream, summary.frontier, self.promises, now).await?),
            None => None,
        };
        Ok(Answer::Compared(Box::new(Compared { summary, lacks, asks_back, numbered })))
    }

    /// Takes in what a peer sent, now; a session that runs takes it in [beside itself](super::taking).
    async fn take(&self, take: Take) -> Result<Answer, NodeError> {
        let mut taken = None;
        take_from(self.node, &mut Some(take), || None, |_, answer| taken = Some(answer)).await?;
        Ok(taken.expect("what waits is taken in"))
    }

    async fn find(&self, streams: &[StreamId], peer: &VerifyingKey) -> Result<Answer, NodeError> {
        let mut here = Vec::new();
        for stream in streams {
            match self.node.may_read(*stream, peer).await {
                Ok(true) => here.push(*stream),
                Ok(false) | Err(NodeError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let peers = self.node.places(peer).await?;
        Ok(Answer::Found { here, peers })
    }
}

/// What is here of a stream.
fn summary(stream: &Stream) -> Summary {
    let (leaves, samples) = (stream.last_leaves(MAX_LEAVES), stream.samples());
    Summary { leaves, frontier: stream.frontier(), samples, redacted: Vec::new() }
}

/// The policy object that is shown to a peer that may not read; `None` where it may.
fn denied(stream: &Stream, peer: &VerifyingKey) -> Option<Answer> {
    if stream.may_read(peer).is_effective() {
        return None;
    }
    let shown = stream.shown_to(peer).and_then(|id| stream.object(&id));
    Some(Answer::Denied(shown.map(|object| object.object().parts().clone())))
}

/// What a peer lacks that has these leaves and samples, and whether it has leaves that are not here.
fn lacks(stream: &Stream, leaves: &[ObjectId], frontier: &[u8; 32], samples: &[ObjectId]) -> (Lacks, bool) {
    let asks_back = leaves.iter().any(|leaf| !stream.contains(leaf));
    let known = [leaves, samples].concat();
    let lacks = stream.lacked_by(&known);
    // All of its leaves are told, and all are here: then what it lacks is known to the last object.
    let is_exact = leaves.is_empty() || (!asks_back && frontier_of(leaves.iter().copied()) == *frontier);
    match is_exact || lacks.len() <= DOUBTFUL {
        true => (Lacks::Objects(lacks), asks_back),
        false => (Lacks::Ranges(stream.keys()), asks_back),
    }
}

/// As many of these objects as one frame has room for; where maps are wanted, those that have some.
fn frame(stream: &Stream, ids: &[ObjectId], with_maps: bool) -> Answer {
    let mut bytes = 0;
    let mut objects = Vec::new();
    for id in ids {
        let object = stream.object(id).map(|object| object.object().clone());
        let parts: Option<Arc<[u8]>> =
            object.filter(|object| !with_maps || !object.maps().is_empty()).map(|object| object.parts().clone());
        bytes += parts.as_ref().map_or(0, |parts| parts.len());
        if bytes > FRAME_BYTES && !objects.is_empty() {
            break;
        }
        objects.push(parts);
    }
    Answer::Objects(objects)
}

impl Node {
    /// Whether an object of the stream says that its author wants to hear of it (spec 8.11).
    async fn subscribes(&self, stream: StreamId, key: &VerifyingKey, now: u64) -> Result<bool, NodeError> {
        let scan = Scan::Type(types::SUBSCRIPTION.to_owned(), 0);
        let objects = self.page(stream, scan, SUBSCRIPTIONS).await?;
        Ok(objects.iter().filter(|stored| stored.effective).any(|stored| {
            let content = Content::read(&stored.authentic);
            let holds = matches!(content, Ok(Content::Subscription { expires }) if expires.is_none_or(|at| at > now));
            holds && stored.authentic.header().author() == *key
        }))
    }

    /// The number of a statement about a stream, and until when what it states is promised. What was stated is stated
    /// again under its number, as long as it is the same.
    async fn number(
        &self,
        stream: StreamId,
        frontier: [u8; 32],
        promises: Option<u64>,
        now: u64,
    ) -> Result<(Numbered, Option<u64>), NodeError> {
        let fresh = |until: Option<u64>| match (until, promises) {
            (None, None) => true,
            // A promise is renewed when half of it is over.
            (Some(until), Some(promises)) => until > now + promises / 2 && until <= now + promises,
            _ => false,
        };
        let stated = self.stated_lately().get(&stream).copied();
        if let Some(stated) = stated.filter(|stated| stated.frontier == frontier && fresh(stated.until)) {
            return Ok((stated.numbered, stated.until));
        }
        let numbered = self.next_number().await?;
        let until = promises.map(|promises| now + promises);
        let mut stated = self.stated_lately();
        if stated.len() >= MAX_STATED {
            stated.clear();
        }
        stated.insert(stream, Stated { frontier, numbered, until });
        Ok((numbered, until))
    }

    async fn next_number(&self) -> Result<Numbered, NodeError> {
        let mut last = self.numbered.lock().await;
        Ok(*last.insert(self.store.number().await?))
    }

    /// The number of the last statement of this node: what a session is begun with, and told of after each answer.
    pub async fn last_number(&self) -> Result<Numbered, NodeError> {
        let mut last = self.numbered.lock().await;
        match *last {
            Some(last) => Ok(last),
            None => Ok(*last.insert(self.store.number().await?)),
        }
    }

    fn stated_lately(&self) -> MutexGuard<'_, HashMap<StreamId, Stated, HashKey>> {
        self.stated.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// How many statements are kept to be said again.
const MAX_STATED: usize = 4096;

/// What this node stated of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stated {
    frontier: [u8; 32],
    numbered: Numbered,
    until: Option<u64>,
}
