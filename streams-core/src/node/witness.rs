//! What peers said of a stream, and what follows: how complete it is, as far as anybody can know, and evidence.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::{Node, NodeError};
use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};
use crate::stream::Stream;
use crate::sync::evidence::{Evidence, conflict, contradiction_of, forks, promise_broken_by};
use crate::sync::questions::Event;
use crate::sync::said::{Reason, Refusal, Signed, Statement};

/// How many statements of one peer about one stream are kept, and how many of its refusals: the first of each store,
/// and the latest.
const KEPT: usize = 8;

/// Of how many stores of one peer as much is kept.
const STORES: usize = 8;

/// How many peers are listened to about one stream.
const PEERS: usize = 64;

/// What was heard about a stream, as the store keeps it.
#[derive(Clone, Debug, Default, Encode, Decode)]
struct Heard {
    #[n(0)]
    stated: Vec<At<Statement>>,
    #[n(1)]
    refused: Vec<At<Refusal>>,
}

/// What was said, and when it was heard.
#[derive(Clone, Debug, Encode, Decode)]
struct At<T> {
    #[n(0)]
    at: u64,
    #[n(1)]
    said: Signed<T>,
}

/// What is known about how complete a stream is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// How many objects are here.
    pub objects: usize,
    /// What is cited by what waits here, and not here.
    pub gaps: Vec<ObjectId>,
    /// Objects whose maps are lacking, though nobody here dropped them; at most 1,024.
    pub redacted: Vec<ObjectId>,
    /// What each peer signed last, the latest first.
    pub peers: Vec<Stated>,
    /// How many objects at least two peers stated that they have.
    pub by_several: usize,
    /// How many objects one peer alone stated that it has: it alone can give them, and withhold them.
    pub by_one: usize,
    /// How many objects no peer stated: whether anybody else has them, nothing here tells.
    pub by_none: usize,
}

/// What a peer stated last of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// What it signed.
    pub statement: Signed<Statement>,
    /// When this was heard, in milliseconds since 1970 UTC.
    pub heard: u64,
    /// Of the leaves that it stated, those that are not here: it has them, and did not give them yet.
    pub lacking: Vec<ObjectId>,
    /// How many objects that are here it stated that it has.
    pub objects: usize,
}

impl Stated {
    /// Who stated it.
    pub fn peer(&self) -> VerifyingKey {
        self.statement.said.peer.0
    }
}

fn name(stream: &StreamId) -> String {
    format!("streams/heard/{stream}")
}

impl Node {
    async fn heard(&self, stream: StreamId) -> Result<Heard, NodeError> {
        let heard = self.store.cursor(&name(&stream)).await?;
        // Of another version, it begins anew.
        Ok(heard.and_then(|heard| minicbor::decode(&heard).ok()).unwrap_or_default())
    }

    /// Takes note of what a session told: that a peer proved its key, at the address where it was met, and what it signed.
    /// Whoever drives a session himself calls it with every event.
    pub async fn note(&self, event: &Event, address: Option<&str>, now: u64) -> Result<(), NodeError> {
        match event {
            Event::Proven { peer, .. } => self.note_met(*peer, address, now).await,
            event => self.note_said(event, now).await,
        }
    }

    /// Keeps what a peer signed, where it may be held against it, or tells what it has.
    async fn note_said(&self, event: &Event, now: u64) -> Result<(), NodeError> {
        let stream = match event {
            // Of a stream that this side asked for; it may be on its way here, and a statement may be made again after a
            // refusal that breaks it: so neither waits for the other.
            Event::Stated(statement) => statement.said.stream.0,
            Event::Refused { reason: Reason::Unknown | Reason::Gone, stream, .. } => *stream,
            _ => return Ok(()),
        };
        let _one_at_a_time = self.notes.lock().await;
        let mut heard = self.heard(stream).await?;
        match event {
            Event::Stated(statement) => keep(&mut heard.stated, now, statement, |said| (said.peer.0, said.store)),
            Event::Refused { refusal, .. } => keep(&mut heard.refused, now, refusal, |said| (said.peer.0, said.store)),
            _ => {}
        }
        let bytes = minicbor::to_vec(&heard).expect("a vector takes all");
        Ok(self.store.set_cursor(&name(&stream), &bytes).await?)
    }

    /// All evidence about a stream that is here: forks, conflicting checkpoints, and peers that contradict themselves or
    /// break their promises. O(objects) for each peer of which there is something.
    pub async fn evidence(&self, stream: StreamId) -> Result<Vec<Evidence>, NodeError> {
        let heard = self.heard(stream).await?;
        self.read(stream, |stream| {
            let mut evidence = forks(stream);
            evidence.extend(conflict(stream));
            let mut shown = BTreeSet::new();
            for (place, At { said: one, .. }) in heard.stated.iter().enumerate() {
                let others = heard.stated[..place].iter().map(|at| &at.said);
                let found = others.filter_map(|other| contradiction_of(stream, one, other)).next();
                if let Some(found) = found
                    && shown.insert(one.said.peer.0)
                {
                    evidence.push(found);
                }
            }
            for At { said: refusal, .. } in &heard.refused {
                let stated = heard.stated.iter().map(|at| &at.said);
                evidence.extend(stated.filter_map(|stated| promise_broken_by(stream, stated, refusal)).next());
            }
            evidence
        })
        .await
    }

    /// What is known about how complete a stream is. What a peer never stated, nobody can know.
    pub async fn completeness(&self, stream: StreamId) -> Result<Completeness, NodeError> {
        let heard = self.heard(stream).await?;
        self.read(stream, |stream| completeness(stream, &heard)).await
    }
}

/// Keeps what was said, beside what the same peer said of the same store before: the first, and the latest.
fn keep<T: Clone + PartialEq>(
    kept: &mut Vec<At<T>>,
    now: u64,
    said: &Signed<T>,
    who: impl Fn(&T) -> (VerifyingKey, [u8; 16]),
) {
    if let Some(same) = kept.iter_mut().find(|kept| kept.said == *said) {
        same.at = now;
        return;
    }
    let same: Vec<usize> = (0..kept.len()).filter(|place| who(&kept[*place].said.said) == who(&said.said)).collect();
    if same.len() == KEPT {
        kept.remove(same[1]);
    }
    // Who makes up one store after the other drives out what it said itself, and nothing of anybody else.
    let peer = who(&said.said).0;
    let own: Vec<usize> = (0..kept.len()).filter(|place| who(&kept[*place].said.said).0 == peer).collect();
    if own.len() >= KEPT * STORES {
        kept.remove(own[0]);
    }
    let peers: BTreeSet<VerifyingKey> = kept.iter().map(|kept| who(&kept.said.said).0).collect();
    if peers.len() >= PEERS && !peers.contains(&peer) {
        // Whoever was heard of least lately gives way.
        let heard =
            |of: &VerifyingKey| kept.iter().filter(|kept| who(&kept.said.said).0 == *of).map(|kept| kept.at).max();
        if let Some(silent) = peers.into_iter().min_by_key(heard) {
            kept.retain(|kept| who(&kept.said.said).0 != silent);
        }
    }
    kept.push(At { at: now, said: said.clone() });
}

fn completeness(stream: &Stream, heard: &Heard) -> Completeness {
    let mut latest: BTreeMap<VerifyingKey, &At<Statement>> = BTreeMap::new();
    for stated in &heard.stated {
        let known = latest.entry(stated.said.said.peer.0).or_insert(stated);
        let is_later = |stated: &At<Statement>| (stated.at, stated.said.said.counter);
        if is_later(stated) > is_later(known) {
            *known = stated;
        }
    }
    // Who stated the frontier that is here has all that is here, however many leaves there are.
    let leaves = |statement: &Statement| match statement.frontier == stream.frontier() {
        true => stream.leaves(),
        false => statement.leaves.0.clone(),
    };
    let sets: Vec<Vec<ObjectId>> = latest.values().map(|stated| leaves(&stated.said.said)).collect();
    let (counts, by_one, by_several) = stream.counted_below(&sets);
    let stated = |(At { at, said }, objects): (&At<Statement>, usize)| {
        let lacking = said.said.leaves.0.iter().filter(|leaf| !stream.contains(leaf)).copied().collect();
        Stated { statement: said.clone(), heard: *at, lacking, objects }
    };
    let mut peers: Vec<Stated> = latest.into_values().zip(counts).map(stated).collect();
    peers.sort_by_key(|stated| std::cmp::Reverse(stated.heard));
    Completeness {
        objects: stream.len(),
        gaps: stream.gaps(),
        redacted: stream.lacking_maps(1024),
        peers,
        by_several,
        by_one,
        by_none: stream.len() - by_one - by_several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::author::SigningKey;
    use crate::sync::messages::{Id, Ids, Key};

    /// What a peer, by its number, states with a store and a counter.
    fn statement(peer: u8, store: [u8; 16], counter: u64) -> Signed<Statement> {
        let key = SigningKey::from_bytes([peer; 32]);
        let (stream, leaves) = (Id(ObjectId::from_bytes([9; 32])), Ids(Vec::new()));
        let peer = Key(key.verifying_key());
        Signed::sign(Statement { peer, stream, frontier: [0; 32], leaves, store, counter, until: None }, &key)
    }

    fn hear(kept: &mut Vec<At<Statement>>, now: u64, said: &Signed<Statement>) {
        keep(kept, now, said, |said| (said.peer.0, said.store));
    }

    #[test]
    fn of_one_store_the_first_and_the_latest_are_kept() {
        let mut kept = Vec::new();
        (0..20).for_each(|counter| hear(&mut kept, counter, &statement(1, [1; 16], counter)));
        let counters: Vec<u64> = kept.iter().map(|kept| kept.said.said.counter).collect();
        assert_eq!(counters, [0, 13, 14, 15, 16, 17, 18, 19]);
    }

    #[test]
    fn who_makes_up_stores_drives_out_nobody_else() {
        let mut kept = Vec::new();
        let honest = statement(1, [1; 16], 1);
        hear(&mut kept, 0, &honest);
        for number in 0..200_u8 {
            hear(&mut kept, 1 + u64::from(number), &statement(2, [number; 16], 1));
        }
        assert_eq!(kept[0].said, honest);
        assert_eq!(kept.len(), 1 + KEPT * STORES);
    }

    #[test]
    fn of_too_many_peers_the_one_that_was_silent_for_longest_gives_way() {
        let mut kept = Vec::new();
        for peer in 1..=PEERS as u8 {
            (0..2).for_each(|counter| hear(&mut kept, u64::from(peer), &statement(peer, [1; 16], counter)));
        }
        hear(&mut kept, 100, &statement(1, [1; 16], 0));
        hear(&mut kept, 101, &statement(200, [1; 16], 0));
        let of = |peer: u8| {
            let key = SigningKey::from_bytes([peer; 32]).verifying_key();
            kept.iter().filter(|kept| kept.said.said.peer.0 == key).count()
        };
        assert_eq!((of(1), of(2), of(3), of(200)), (2, 0, 2, 1));
    }
}
