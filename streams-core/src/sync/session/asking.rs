//! What this side asks for: requests, ranges where they tell too little, and wants of what is lacking.

use std::collections::VecDeque;

use super::{Output, Question, Session};
use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};
use crate::stream::admit::{Refused, Rejected};
use crate::sync::messages::{
    self, Compared, Id, Ids, MAX_LEAVES, MAX_SAMPLES, MAX_WANTED, Message, Objects, RangeBytes, Ranges, Request,
    Response, Want,
};
use crate::sync::questions::{Answer, Ask, Cause, End, Event, Summary};
use crate::sync::reconcile::Reconcile;
use crate::sync::session::{MAX_ASKED, MAX_WAITING, WINDOW};

/// What came of a request of ours.
pub(super) struct Asked {
    pub(super) stream: StreamId,
    phase: Phase,
    /// Frames that are being taken in.
    taking: u32,
    admitted: u64,
    rejected: u64,
    gaps: Vec<ObjectId>,
    /// How many objects may still come.
    left: u64,
    /// What is still to be wanted, causes first.
    needs: VecDeque<ObjectId>,
    /// Objects that are here, and lack maps.
    maps: Vec<ObjectId>,
    /// Whether gaps were wanted.
    filled: bool,
    /// Whether ranges found less than there may be.
    more: bool,
    /// Who wants it once more: it changed here or there since it was asked for.
    again: Option<Cause>,
}

#[derive(Debug)]
enum Phase {
    /// The replica is asked, and then the peer.
    Asked,
    /// The peer goes on with ranges.
    Ranges(Option<Box<Reconcile>>),
    /// Objects come.
    Coming,
    /// There are no more.
    Done,
}

impl Asked {
    fn new(stream: StreamId) -> Self {
        Self {
            stream,
            phase: Phase::Asked,
            taking: 0,
            admitted: 0,
            rejected: 0,
            gaps: Vec::new(),
            left: 0,
            needs: VecDeque::new(),
            maps: Vec::new(),
            filled: false,
            more: false,
            again: None,
        }
    }
}

impl Session {
    /// Asks the peer for what is lacking of a stream. Where it is asked already, once is enough.
    pub fn sync(&mut self, stream: StreamId) {
        self.wait_for_turn(stream, Cause::Asked);
    }

    /// Asks for a stream, when its turn comes.
    pub(super) fn wait_for_turn(&mut self, stream: StreamId, cause: Cause) {
        let is_asked = self.asked.values().any(|asked| asked.stream == stream && matches!(asked.phase, Phase::Asked));
        // What the peer makes us wait for is bounded.
        let is_too_much = cause != Cause::Asked && self.waiting.len() >= MAX_WAITING;
        if !is_asked && !is_too_much {
            self.waiting.entry(stream).or_insert(cause);
            self.ask_next();
        }
    }

    /// Begins as many requests as may be under way.
    pub(super) fn ask_next(&mut self) {
        while let Some(peer) = self.peer()
            && self.asked.len() < MAX_ASKED
            && let Some((stream, cause)) = self.waiting.pop_first()
        {
            let number = self.begin_asking(stream);
            self.ask(Question::Request { number, frontier: None, cause }, Ask::Summary { stream, peer, cause });
        }
    }

    /// Asks for what is new, unless the peer has the frontier that is here. Where something is under way, it may have
    /// begun before the news: then it is asked for again when that is over.
    pub(super) fn request_news(&mut self, stream: StreamId, frontier: Option<[u8; 32]>, cause: Cause) {
        let Some(peer) = self.peer() else { return };
        if self.waiting.contains_key(&stream) {
            return;
        }
        if let Some(asked) = self.asked.values_mut().find(|asked| asked.stream == stream) {
            asked.again.get_or_insert(cause);
            return;
        }
        if self.asked.len() >= MAX_ASKED {
            return self.wait_for_turn(stream, cause);
        }
        let number = self.begin_asking(stream);
        self.ask(Question::Request { number, frontier, cause }, Ask::Summary { stream, peer, cause });
    }

    pub(super) fn begin_asking(&mut self, stream: StreamId) -> u32 {
        let number = self.next_number();
        self.asked.insert(number, Asked::new(stream));
        number
    }

    pub(super) fn send_request(
        &mut self,
        number: u32,
        news: Option<[u8; 32]>,
        cause: Cause,
        answer: Answer,
    ) -> Result<(), End> {
        let Some(asked) = self.asked.get_mut(&number) else { return Ok(()) };
        let stream = asked.stream;
        let summary = match answer {
            Answer::Summary(summary) => summary,
            Answer::Unknown { wanted } if cause == Cause::Announced || (cause == Cause::Compared && !wanted) => {
                return self.give_up(number);
            }
            // To a peer that may not read nothing is told, not even what is here.
            Answer::Unknown { .. } | Answer::Denied(_) => Summary::default(),
            answer => panic!("{answer:?} answers another question"),
        };
        if news == Some(summary.frontier) {
            // No news: it came by another way.
            return self.give_up(number);
        }
        if self.maps_asked.insert(stream) {
            asked.maps = summary.redacted;
            asked.maps.truncate(MAX_WANTED);
        }
        let leaves = Ids(summary.leaves.into_iter().take(MAX_LEAVES).collect());
        let samples = Ids(summary.samples.into_iter().take(MAX_SAMPLES).collect());
        let (stream, states) = (Id(stream), self.states);
        self.say(&Message::Request(Request { number, stream, leaves, frontier: summary.frontier, samples, states }));
        Ok(())
    }

    fn give_up(&mut self, number: u32) -> Result<(), End> {
        if let Some(Asked { stream, again: Some(cause), .. }) = self.asked.remove(&number) {
            self.request_news(stream, self.theirs.get(&stream).copied(), cause);
        }
        self.ask_next();
        Ok(())
    }

    pub(super) fn on_response(&mut self, response: Response, peer: VerifyingKey) -> Result<(), End> {
        let Response { number, leaves, frontier, objects, ranges, statement } = response;
        let asked = self.asked.get_mut(&number).filter(|asked| matches!(asked.phase, Phase::Asked));
        let asked = asked.ok_or(End::Unexpected("a response"))?;
        let stream = asked.stream;
        asked.phase = if ranges.is_some() { Phase::Ranges(None) } else { Phase::Coming };
        asked.left = objects;
        if let Some(statement) = statement {
            let said = &statement.said;
            let fits = (said.peer.0, said.stream.0, said.frontier) == (peer, stream, frontier);
            if !self.states || !fits || said.leaves != leaves || !statement.is_valid() {
                return Err(End::Unexpected("a statement of something else, or that the peer did not sign"));
            }
            self.output.push_back(Output::Event(Event::Stated(statement)));
        }
        if self.hears(stream) {
            self.theirs.insert(stream, frontier);
        }
        match ranges {
            Some(RangeBytes(ranges)) => self.ask(Question::Keys { number, ranges }, Ask::Keys { stream, peer }),
            None => self.output.push_back(Output::Event(Event::Expected { stream, objects })),
        }
        Ok(())
    }

    /// Begins with ranges, now that the keys are known.
    pub(super) fn begin_ranges(
        &mut self,
        number: u32,
        ranges: &[u8],
        answer: Answer,
        secret: &[u8; 32],
    ) -> Result<(), End> {
        let Some(asked) = self.asked.get_mut(&number) else { return Ok(()) };
        let keys = match answer {
            Answer::Keys(keys) => keys,
            // What the peer may not know is told as nothing.
            Answer::Denied(_) | Answer::Unknown { .. } => Vec::new(),
            answer => panic!("{answer:?} answers another question"),
        };
        asked.phase = Phase::Ranges(Some(Box::new(Reconcile::new(secret, keys))));
        self.answer_ranges(number, ranges)
    }

    pub(super) fn on_answering(&mut self, ranges: &Ranges) -> Result<(), End> {
        if self.comparing.as_ref().is_some_and(|comparing| comparing.number == ranges.number) {
            return self.go_on_comparing(&ranges.ranges.0);
        }
        self.answer_ranges(ranges.number, &ranges.ranges.0)
    }

    fn answer_ranges(&mut self, number: u32, ranges: &[u8]) -> Result<(), End> {
        let asked = self.asked.get_mut(&number);
        let Some(Asked { phase: Phase::Ranges(Some(run)), .. }) = asked else {
            return Err(End::Unexpected("ranges"));
        };
        if let Some(reply) = run.answer(ranges).map_err(|_| End::Unexpected("ranges that are malformed or endless"))? {
            let ranges = RangeBytes(reply.ranges);
            self.say(&Message::Asking(Ranges { number, ranges }));
        }
        Ok(())
    }

    /// The ranges are at their end: what they found is wanted.
    pub(super) fn on_compared(&mut self, compared: Compared) -> Result<(), End> {
        let Compared { number, more } = compared;
        if self.comparing.as_ref().is_some_and(|comparing| comparing.number == number) {
            return self.end_comparison(more);
        }
        let asked = self.asked.get_mut(&number);
        let Some(Asked { phase: phase @ Phase::Ranges(Some(_)), stream, .. }) = asked else {
            return Err(End::Unexpected("an end of ranges"));
        };
        let stream = *stream;
        let Phase::Ranges(Some(run)) = std::mem::replace(phase, Phase::Done) else { return Ok(()) };
        let asked = self.asked.get_mut(&number).expect("it was just here");
        asked.needs = needs(&run);
        asked.more = more || run.is_full();
        let objects = asked.needs.len() as u64;
        self.output.push_back(Output::Event(Event::Expected { stream, objects }));
        self.finish_asking(number);
        Ok(())
    }

    /// Wants what ranges of the peer's request found.
    pub(super) fn want_found(&mut self, stream: StreamId, run: &Reconcile) {
        let number = self.begin_asking(stream);
        let asked = self.asked.get_mut(&number).expect("it was just begun");
        (asked.phase, asked.needs, asked.more) = (Phase::Done, needs(run), run.is_full());
        let objects = asked.needs.len() as u64;
        self.output.push_back(Output::Event(Event::Expected { stream, objects }));
        self.finish_asking(number);
    }

    pub(super) fn on_objects(&mut self, objects: Objects, peer: VerifyingKey) -> Result<(), End> {
        let number = objects.number;
        let asked = self.asked.get_mut(&number).filter(|asked| matches!(asked.phase, Phase::Coming));
        let asked = asked.ok_or(End::Unexpected("objects"))?;
        if asked.taking == WINDOW {
            return Err(End::TooMuch("objects beyond the window"));
        }
        let left = asked.left.checked_sub(objects.parts.len() as u64);
        asked.left = left.ok_or(End::TooMuch("more objects than it told of"))?;
        asked.taking += 1;
        let stream = asked.stream;
        let parts = objects.parts.into_iter().map(|parts| parts.0).collect();
        self.ask(Question::Take { number }, Ask::Take { stream, peer, parts });
        Ok(())
    }

    pub(super) fn note_taken(&mut self, number: u32, answer: Answer) -> Result<(), End> {
        let Answer::Taken { admitted, gaps, rejected } = answer else { panic!("{answer:?} answers another question") };
        let Some(asked) = self.asked.get_mut(&number) else { return Ok(()) };
        asked.taking -= 1;
        asked.admitted += admitted;
        asked.rejected += rejected.len() as u64;
        asked.gaps = gaps;
        let stream = asked.stream;
        self.output.push_back(Output::Event(Event::Received { stream, admitted }));
        if rejected.contains(&Rejected::Refused(Refused::OtherStream)) {
            return Err(End::Unexpected("objects of another stream"));
        }
        if let Some(reason) = rejected.first().cloned() {
            let objects = rejected.len() as u64;
            self.output.push_back(Output::Event(Event::Rejected { stream, reason, objects }));
        }
        self.say(&Message::Taken(number));
        self.finish_asking(number);
        Ok(())
    }

    pub(super) fn on_done(&mut self, number: u32) -> Result<(), End> {
        let asked = self.asked.get_mut(&number).filter(|asked| matches!(asked.phase, Phase::Coming));
        asked.ok_or(End::Unexpected("an end"))?.phase = Phase::Done;
        self.finish_asking(number);
        Ok(())
    }

    /// Ends a request, when all that it brought was taken in; what is still lacking is asked for by its ids.
    fn finish_asking(&mut self, number: u32) {
        let is_over = |asked: &Asked| matches!(asked.phase, Phase::Done) && asked.taking == 0;
        if !self.asked.get(&number).is_some_and(is_over) {
            return;
        }
        let Some(mut asked) = self.asked.remove(&number) else { return };
        if asked.needs.is_empty() && !asked.gaps.is_empty() && !asked.filled {
            // The peer may hold it, and have thought that we do.
            asked.filled = true;
            asked.needs = asked.gaps.drain(..).take(MAX_WANTED).collect();
        }
        let some = asked.needs.len().min(MAX_WANTED);
        let objects: Vec<ObjectId> = asked.needs.drain(..some).collect();
        let maps = std::mem::take(&mut asked.maps);
        let stream = asked.stream;
        if !objects.is_empty() || !maps.is_empty() {
            let number = self.next_number();
            asked.phase = Phase::Coming;
            asked.left = (objects.len() + maps.len()) as u64;
            self.asked.insert(number, asked);
            self.say(&Message::Want(Want { number, stream: Id(stream), objects: Ids(objects), maps: Ids(maps) }));
            return;
        }
        let Asked { admitted, rejected, gaps, more, again, .. } = asked;
        self.output.push_back(Output::Event(Event::Synced { stream, admitted, rejected, gaps }));
        if more && admitted > 0 {
            self.sync(stream);
        } else if let Some(cause) = again {
            self.request_news(stream, self.theirs.get(&stream).copied(), cause);
        }
        self.ask_next();
    }

    pub(super) fn on_refused(&mut self, refused: messages::Refused, peer: VerifyingKey) -> Result<(), End> {
        let messages::Refused { number, said: refusal, shown } = refused;
        let (stream, reason) = (refusal.said.stream.0, refusal.said.reason);
        if refusal.said.peer.0 != peer || !refusal.is_valid() {
            return Err(End::Unexpected("a refusal that the peer did not sign"));
        }
        if let Some(number) = number {
            let asked = self.asked.remove(&number).ok_or(End::Unexpected("a refusal"))?;
            if asked.stream != stream {
                return Err(End::Unexpected("a refusal of another stream"));
            }
        }
        let (refusal, shown) = (Box::new(refusal), shown.map(|shown| shown.0));
        self.output.push_back(Output::Event(Event::Refused { stream, reason, refusal, shown }));
        self.ask_next();
        Ok(())
    }
}

/// The ids of what ranges found, by generation: so causes are first.
fn needs(run: &Reconcile) -> VecDeque<ObjectId> {
    let id = |key: &[u8; 40]| ObjectId::from_bytes(key[8..].try_into().expect("an id has 32 bytes"));
    run.found().map(id).collect()
}
