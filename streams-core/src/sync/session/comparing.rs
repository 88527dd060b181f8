//! The comparison of all streams that both sides have (spec 10.2): pairs of a stream and its frontier, by ranges.

use std::collections::BTreeSet;

use super::{Output, Question, Session};
use crate::object::author::VerifyingKey;
use crate::object::id::StreamId;
use crate::sync::messages::{Compared, Message, RangeBytes, Ranges};
use crate::sync::questions::{Answer, Ask, Cause, End, Event};
use crate::sync::reconcile::{Key, Reconcile};

/// How many comparisons follow each other, where each finds as much as it can.
const MAX_COMPARISONS: usize = 64;

/// A comparison: of one side it is asked for, the other answers.
pub(super) struct Comparison {
    pub(super) number: u32,
    /// What is compared; none until the replica told its streams.
    run: Option<Box<Reconcile>>,
    takes_unknown: bool,
}

impl Session {
    /// Makes all streams equal that either side has and the other may read, and takes in.
    pub fn sync_all(&mut self) {
        if self.comparing.is_none() {
            let number = self.next_number();
            self.comparisons += 1;
            self.comparing = Some(Comparison { number, run: None, takes_unknown: false });
            self.begin_comparison();
        }
    }

    /// Asks for the streams, once the peer is proven.
    pub(super) fn begin_comparison(&mut self) {
        if let (Some(peer), Some(_)) = (self.peer(), &self.comparing) {
            self.ask(Question::OurPairs, Ask::Pairs { peer });
        }
    }

    pub(super) fn send_comparison(&mut self, answer: Answer, secret: &[u8; 32]) -> Result<(), End> {
        let Some(comparing) = &mut self.comparing else { return Ok(()) };
        let number = comparing.number;
        let ranges = Ranges { number, ranges: RangeBytes(comparing.begin(answer, secret).begin()) };
        self.say(&Message::Compare(ranges));
        Ok(())
    }

    pub(super) fn on_compare(&mut self, compare: Ranges, peer: VerifyingKey) -> Result<(), End> {
        if self.compared.is_some() {
            return Err(End::TooMuch("comparisons at once"));
        }
        self.compared = Some(Comparison { number: compare.number, run: None, takes_unknown: false });
        self.ask(Question::TheirPairs { ranges: compare.ranges.0 }, Ask::Pairs { peer });
        Ok(())
    }

    pub(super) fn answer_comparison(&mut self, ranges: &[u8], answer: Answer, secret: &[u8; 32]) -> Result<(), End> {
        if let Some(compared) = &mut self.compared {
            compared.begin(answer, secret);
        }
        self.go_on_compared(ranges)
    }

    /// Goes on with the comparison of the peer, up to its end: which streams it has that are not here.
    pub(super) fn go_on_compared(&mut self, ranges: &[u8]) -> Result<(), End> {
        let Some(Comparison { number, run: Some(run), .. }) = &mut self.compared else {
            return Err(End::Unexpected("ranges"));
        };
        let number = *number;
        let reply = run.answer(ranges).map_err(|_| End::Unexpected("ranges that are malformed or endless"))?;
        let is_over = reply.as_ref().is_none_or(|reply| reply.is_last);
        if let Some(reply) = reply {
            self.say(&Message::Answering(Ranges { number, ranges: RangeBytes(reply.ranges) }));
        }
        let over = if is_over { self.compared.take() } else { None };
        let Some(Comparison { run: Some(run), takes_unknown, .. }) = over else { return Ok(()) };
        // Those that are here in another state the peer finds, and asks for.
        self.say(&Message::Compared(Compared { number, more: run.is_full() }));
        if takes_unknown {
            let mut wanted = streams(run.found());
            let here = here(&run, &wanted);
            wanted.retain(|stream| !here.contains(stream));
            wanted.into_iter().for_each(|stream| self.wait_for_turn(stream, Cause::Compared));
        }
        Ok(())
    }

    pub(super) fn go_on_comparing(&mut self, ranges: &[u8]) -> Result<(), End> {
        let Some(Comparison { number, run: Some(run), .. }) = &mut self.comparing else {
            return Err(End::Unexpected("ranges"));
        };
        let number = *number;
        if let Some(reply) = run.answer(ranges).map_err(|_| End::Unexpected("ranges that are malformed or endless"))? {
            self.say(&Message::Asking(Ranges { number, ranges: RangeBytes(reply.ranges) }));
        }
        Ok(())
    }

    /// The peer is at the end of our comparison: what is another there is asked for.
    pub(super) fn end_comparison(&mut self, more: bool) -> Result<(), End> {
        let Some(Comparison { run: Some(run), takes_unknown, .. }) = self.comparing.take() else {
            return Err(End::Unexpected("an end of ranges"));
        };
        let mut wanted = streams(run.found());
        if !takes_unknown {
            wanted = here(&run, &wanted);
        }
        self.output.push_back(Output::Event(Event::Compared { streams: wanted.len() as u64 }));
        self.more_to_compare = more || run.is_full();
        wanted.into_iter().for_each(|stream| self.wait_for_turn(stream, Cause::Compared));
        Ok(())
    }

    /// Compares once more, when all that the last comparison found was asked for, and there may be more.
    pub(super) fn compare_again(&mut self) {
        if self.more_to_compare && self.asked.is_empty() && self.waiting.is_empty() && self.answering.is_empty() {
            self.more_to_compare = false;
            // Where the same streams are found time and again, nobody gives them.
            if self.comparisons < MAX_COMPARISONS {
                self.sync_all();
            }
        }
    }
}

impl Comparison {
    fn begin(&mut self, answer: Answer, secret: &[u8; 32]) -> &Reconcile {
        let Answer::Pairs { pairs, takes_unknown } = answer else { panic!("{answer:?} answers another question") };
        self.takes_unknown = takes_unknown;
        let keys = pairs.into_iter().map(|(stream, frontier)| key(secret, &stream, &frontier)).collect();
        self.run.insert(Box::new(Reconcile::new(secret, keys)))
    }
}

/// The key of a stream in this state: eight bytes of its frontier, hashed with what only the two sides know, and its id.
fn key(secret: &[u8; 32], stream: &StreamId, frontier: &[u8; 32]) -> Key {
    let mut key = [0; 40];
    key[..8].copy_from_slice(&blake3::keyed_hash(secret, frontier).as_bytes()[..8]);
    key[8..].copy_from_slice(stream.as_bytes());
    key
}

fn stream(key: &Key) -> StreamId {
    StreamId::from_bytes(key[8..].try_into().expect("an id has 32 bytes"))
}

/// Which of these streams are here, in whatever state.
fn here(run: &Reconcile, these: &BTreeSet<StreamId>) -> BTreeSet<StreamId> {
    run.keys().iter().map(stream).filter(|stream| these.contains(stream)).collect()
}

fn streams<'a>(keys: impl Iterator<Item = &'a Key>) -> BTreeSet<StreamId> {
    keys.map(stream).collect()
}
