//! What the peer asks for, and is sent: as much as it has room for.

use std::collections::VecDeque;

use super::{MAX_ANSWERING, MAX_WAITING, Output, Question, Session, WINDOW};
use crate::object::author::{Domain, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};
use crate::sync::messages::{
    Compared, Id, Ids, Key, MAX_LEAVES, Message, Objects, Parts, RangeBytes, Ranges, Request, Response, Want,
};
use crate::sync::questions::{Answer, Ask, Cause, End, Event, Lacks};
use crate::sync::reconcile::Reconcile;
use crate::sync::said::{Numbered, Reason, Signed, Statement};

/// How many objects of one want are refused by name.
const REFUSED: usize = 16;

/// What a peer is being sent.
pub(super) struct Answering {
    pub(super) stream: StreamId,
    /// The digest of the leaves that the peer told; none where it told none.
    theirs: Option<[u8; 32]>,
    /// What is left, causes first.
    left: VecDeque<ObjectId>,
    /// Objects of which the peer lacks maps.
    maps: VecDeque<ObjectId>,
    /// Frames that were sent, and that it did not take in yet.
    pub(super) sent: u32,
    objects: u64,
    reading: bool,
    phase: Phase,
    refused: usize,
}

enum Phase {
    /// The replica is asked what the peer lacks.
    Comparing,
    /// Ranges go to and fro.
    Ranges(Box<Reconcile>),
    /// Objects are sent.
    Sending,
    /// All are sent.
    Done,
}

impl Session {
    pub(super) fn on_request(&mut self, request: Request, peer: VerifyingKey) -> Result<(), End> {
        let (number, stream) = (request.number, request.stream.0);
        let answering = self.begin_answering(number, stream)?;
        answering.theirs = Some(request.frontier).filter(|_| !request.leaves.0.is_empty());
        let (leaves, samples) = (request.leaves.0, request.samples.0);
        let (frontier, states) = (request.frontier, request.states);
        self.ask(Question::Compare { number }, Ask::Compare { stream, peer, leaves, frontier, samples, states });
        Ok(())
    }

    pub(super) fn on_want(&mut self, want: Want, peer: VerifyingKey) -> Result<(), End> {
        let (number, stream) = (want.number, want.stream.0);
        let answering = self.begin_answering(number, stream)?;
        answering.left = want.objects.0.into();
        answering.maps = want.maps.0.into();
        answering.phase = Phase::Sending;
        self.read_on(number, peer);
        Ok(())
    }

    fn begin_answering(&mut self, number: u32, stream: StreamId) -> Result<&mut Answering, End> {
        if self.answering.len() == MAX_ANSWERING {
            return Err(End::TooMuch("requests at once"));
        }
        let answering = Answering {
            stream,
            theirs: None,
            left: VecDeque::new(),
            maps: VecDeque::new(),
            sent: 0,
            objects: 0,
            reading: false,
            phase: Phase::Comparing,
            refused: 0,
        };
        if self.answering.insert(number, answering).is_some() {
            return Err(End::Unexpected("a number twice"));
        }
        Ok(self.answering.get_mut(&number).expect("it was just inserted"))
    }

    pub(super) fn answer_request(
        &mut self,
        number: u32,
        answer: Answer,
        peer: VerifyingKey,
        secret: &[u8; 32],
    ) -> Result<(), End> {
        let Some(answering) = self.answering.get_mut(&number) else { return Ok(()) };
        let (stream, theirs) = (answering.stream, answering.theirs);
        let compared = match answer {
            Answer::Compared(compared) => *compared,
            Answer::Denied(shown) => {
                self.refuse(Some(number), stream, Reason::Denied, shown);
                return Ok(());
            }
            Answer::Unknown { wanted } => {
                self.refuse(Some(number), stream, Reason::Unknown, None);
                if wanted {
                    self.ask_back(stream, theirs);
                }
                return Ok(());
            }
            answer => panic!("{answer:?} answers another question"),
        };
        let (mut ranges, mut objects) = (None, 0);
        match compared.lacks {
            Lacks::Objects(lacks) => {
                objects = lacks.len() as u64;
                (answering.left, answering.phase) = (lacks.into(), Phase::Sending);
            }
            Lacks::Ranges(keys) => {
                let run = Box::new(Reconcile::new(secret, keys));
                ranges = Some(RangeBytes(run.begin()));
                answering.phase = Phase::Ranges(run);
            }
        }
        let frontier = compared.summary.frontier;
        let leaves = Ids(compared.summary.leaves.into_iter().take(MAX_LEAVES).collect());
        let statement = compared.numbered.map(|(Numbered { store, counter }, until)| {
            let (peer, stream, leaves) = (Key(self.own), Id(stream), leaves.clone());
            Signed::unsigned(Statement { peer, stream, frontier, leaves, store, counter, until })
        });
        let (statement, said) = statement.map(|(statement, said)| (Box::new(statement), said)).unzip();
        // Ranges find what either side lacks.
        let asks_back = compared.asks_back && ranges.is_none();
        let response = Message::Response(Response { number, leaves, frontier, objects, ranges, statement });
        match said {
            Some(said) => self.sign(Domain::Statement, said, response),
            None => self.say(&response),
        }
        self.read_on(number, peer);
        if asks_back {
            self.ask_back(stream, theirs);
        }
        Ok(())
    }

    /// Asks a peer for what it seems to have, once for each state that it tells of: what is refused here stays so.
    fn ask_back(&mut self, stream: StreamId, theirs: Option<[u8; 32]>) {
        let Some(frontier) = theirs else { return };
        if self.asked_back.len() >= MAX_WAITING {
            self.asked_back.clear();
        }
        if self.asked_back.insert(stream, frontier) != Some(frontier) {
            self.wait_for_turn(stream, Cause::Compared);
        }
    }

    /// Goes on with ranges of a request, or of the comparison, of the peer.
    pub(super) fn on_asking(&mut self, ranges: &Ranges) -> Result<(), End> {
        let number = ranges.number;
        if self.compared.as_ref().is_some_and(|compared| compared.number == number) {
            return self.go_on_compared(&ranges.ranges.0);
        }
        let answering = self.answering.get_mut(&number);
        let Some(Answering { phase: Phase::Ranges(run), stream, .. }) = answering else {
            return Err(End::Unexpected("ranges"));
        };
        let stream = *stream;
        let reply =
            run.answer(&ranges.ranges.0).map_err(|_| End::Unexpected("ranges that are malformed or endless"))?;
        let is_over = reply.as_ref().is_none_or(|reply| reply.is_last);
        if let Some(reply) = reply {
            self.say(&Message::Answering(Ranges { number, ranges: RangeBytes(reply.ranges) }));
        }
        if !is_over {
            return Ok(());
        }
        let Some(Answering { phase: Phase::Ranges(run), .. }) = self.answering.remove(&number) else { return Ok(()) };
        self.say(&Message::Compared(Compared { number, more: run.is_full() }));
        if run.found().len() > 0 {
            self.want_found(stream, &run);
        }
        Ok(())
    }

    /// Sends more, as far as the peer has room for it.
    fn read_on(&mut self, number: u32, peer: VerifyingKey) {
        let Some(answering) = self.answering.get_mut(&number) else { return };
        if answering.reading || !matches!(answering.phase, Phase::Sending) || answering.sent == WINDOW {
            return;
        }
        let with_maps = answering.left.is_empty();
        let left = if with_maps { &answering.maps } else { &answering.left };
        if left.is_empty() {
            answering.phase = Phase::Done;
            self.say(&Message::Done(number));
            self.finish_answering(number);
            return;
        }
        // More than fit, so that one frame is filled.
        let ids: Vec<ObjectId> = left.iter().take(1024).copied().collect();
        answering.reading = true;
        let stream = answering.stream;
        let question = Question::Read { number, ids: ids.clone(), with_maps };
        self.ask(question, Ask::Read { stream, peer, ids, with_maps });
    }

    pub(super) fn send_objects(
        &mut self,
        number: u32,
        ids: &[ObjectId],
        with_maps: bool,
        answer: Answer,
        peer: VerifyingKey,
    ) -> Result<(), End> {
        let Some(answering) = self.answering.get_mut(&number) else { return Ok(()) };
        answering.reading = false;
        let stream = answering.stream;
        match answer {
            Answer::Objects(read) => {
                assert!(
                    !read.is_empty() && read.len() <= ids.len(),
                    "at least one of the objects is read, and no other"
                );
                let left = if with_maps { &mut answering.maps } else { &mut answering.left };
                left.drain(..read.len());
                let missing = ids.iter().zip(&read).filter(|(_, parts)| parts.is_none() && !with_maps);
                let missing: Vec<ObjectId> = missing.map(|(id, _)| *id).take(REFUSED - answering.refused).collect();
                answering.refused += missing.len();
                let parts: Vec<Parts> = read.into_iter().flatten().map(|parts| Parts(parts.to_vec())).collect();
                if !parts.is_empty() {
                    answering.sent += 1;
                    answering.objects += parts.len() as u64;
                    self.say(&Message::Objects(Objects { number, parts }));
                }
                for id in missing {
                    self.refuse_object(None, stream, Some(id), Reason::Unknown, None);
                }
                self.read_on(number, peer);
            }
            Answer::Denied(shown) => self.refuse(Some(number), stream, Reason::Denied, shown),
            Answer::Unknown { .. } => self.refuse(Some(number), stream, Reason::Unknown, None),
            answer => panic!("{answer:?} answers another question"),
        }
        Ok(())
    }

    pub(super) fn on_taken(&mut self, number: u32, peer: VerifyingKey) -> Result<(), End> {
        let answering = self.answering.get_mut(&number).filter(|answering| answering.sent > 0);
        answering.ok_or(End::Unexpected("a receipt"))?.sent -= 1;
        self.read_on(number, peer);
        self.finish_answering(number);
        Ok(())
    }

    /// Sends no more; what is on its way is still taken in there.
    pub(super) fn stop_answering(&mut self, number: u32) {
        let Some(answering) = self.answering.get_mut(&number) else { return };
        answering.left.clear();
        answering.maps.clear();
        answering.phase = Phase::Done;
        if answering.sent == 0 {
            self.answering.remove(&number);
        }
    }

    fn finish_answering(&mut self, number: u32) {
        let is_over = |answering: &Answering| matches!(answering.phase, Phase::Done) && answering.sent == 0;
        if self.answering.get(&number).is_some_and(is_over)
            && let Some(Answering { stream, objects, .. }) = self.answering.remove(&number)
        {
            self.output.push_back(Output::Event(Event::Served { stream, sent: objects }));
        }
    }
}
