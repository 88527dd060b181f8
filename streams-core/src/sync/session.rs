//! A session with a peer (spec 10): a machine without IO, clock or randomness.
//!
//! Frames and answers go in, with the time; [`Session::poll`] gives frames to be sent, questions to be answered, and
//! events. A session holds nothing of a stream: it asks whoever drives it, who asks a replica. What a peer can make it
//! hold is bounded by the limits of this file.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::handshake::{Side, Transcript, version};
use super::messages::{
    Announcement, Hello, Id, Ids, Key, MAX_LEAVES, MAX_SAMPLES, MAX_SUBSCRIBED, Message, Objects, Parts, Reason,
    Refusal, Request, Response, Subscription, VERSIONS, Want,
};
use super::questions::{Answer, Ask, End, Event, Output, Summary};
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};

/// How many frames of objects may be on their way for one request.
pub const WINDOW: u32 = 8;

/// How many bytes of objects one frame has, unless one object alone has more.
pub const FRAME_BYTES: usize = 256 << 10;

/// How many requests and wants of a peer are answered at once.
pub const MAX_ANSWERING: usize = 16;

/// How many requests of our own are under way at once; more wait.
pub const MAX_ASKED: usize = 16;

/// How many streams a peer may subscribe to.
pub const MAX_SUBSCRIPTIONS: usize = 16 << 10;

/// The longest subscription, in milliseconds: a day (spec 10.3).
pub const MAX_SUBSCRIPTION: u64 = 24 * 60 * 60 * 1000;

/// How long a handshake may take, in milliseconds.
pub const HANDSHAKE: u64 = 10_000;

/// A session with one peer.
pub struct Session {
    key: SigningKey,
    side: Side,
    channel: Vec<u8>,
    hello: Vec<u8>,
    began: u64,
    phase: Phase,
    output: VecDeque<Output>,
    /// Our requests, by number.
    asked: BTreeMap<u32, Asked>,
    /// Streams whose turn comes when another request is over.
    waiting: VecDeque<StreamId>,
    /// Those of the peer.
    answering: BTreeMap<u32, Answering>,
    questions: BTreeMap<u64, Question>,
    /// Streams that the peer said it would ask for.
    expected: BTreeSet<StreamId>,
    /// What the peer wants to hear of, and until when.
    subscriptions: BTreeMap<StreamId, u64>,
    /// What we want to hear of.
    subscribed: BTreeMap<StreamId, u64>,
    /// The frontiers that the peer told last, of what we want to hear of.
    theirs: BTreeMap<StreamId, [u8; 32]>,
    requests: u32,
    asks: u64,
    now: u64,
}

enum Phase {
    Hello,
    Proof { hello: Hello, transcript: Transcript, version: u8 },
    Open { peer: VerifyingKey },
    Over,
}

/// What came of a request of ours.
struct Asked {
    stream: StreamId,
    answered: bool,
    done: bool,
    /// Frames that are being taken in.
    taking: u32,
    admitted: u64,
    rejected: u64,
    gaps: Vec<ObjectId>,
    is_want: bool,
}

/// What a peer is being sent.
struct Answering {
    stream: StreamId,
    /// What is left, causes first.
    left: VecDeque<ObjectId>,
    /// Frames that were sent, and that it did not take in yet.
    sent: u32,
    objects: u64,
    reading: bool,
    compared: bool,
    done: bool,
}

/// What is being asked of the replica.
enum Question {
    Request { number: u32, frontier: Option<[u8; 32]> },
    Compare { number: u32 },
    Read { number: u32, ids: Vec<ObjectId> },
    Take { number: u32 },
    Tell { stream: StreamId },
}

impl Session {
    /// Begins a session on a fresh connection. `nonce` is 32 fresh random bytes, `channel` what the transport gives, and
    /// `now` the time in milliseconds since 1970 UTC.
    pub fn new(key: SigningKey, side: Side, nonce: [u8; 32], channel: &[u8], now: u64) -> Self {
        let hello = Message::Hello(Hello { versions: VERSIONS.to_vec(), key: Key(key.verifying_key()), nonce });
        let hello = hello.encode();
        Self {
            output: VecDeque::from([Output::Send(hello.clone())]),
            key,
            side,
            channel: channel.to_vec(),
            hello,
            began: now,
            phase: Phase::Hello,
            asked: BTreeMap::new(),
            waiting: VecDeque::new(),
            answering: BTreeMap::new(),
            questions: BTreeMap::new(),
            expected: BTreeSet::new(),
            subscriptions: BTreeMap::new(),
            subscribed: BTreeMap::new(),
            theirs: BTreeMap::new(),
            requests: 0,
            asks: 0,
            now,
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// The peer, once it proved its key.
    pub fn peer(&self) -> Option<VerifyingKey> {
        match &self.phase {
            Phase::Open { peer } => Some(*peer),
            _ => None,
        }
    }

    /// Whether nothing is under way: neither what we asked for, nor what the peer did.
    pub fn is_idle(&self) -> bool {
        self.peer().is_some()
            && self.asked.is_empty()
            && self.waiting.is_empty()
            && self.answering.is_empty()
            && self.questions.is_empty()
            && self.expected.is_empty()
    }

    /// Asks the peer for what is lacking of a stream. Where it is asked already, once is enough.
    pub fn sync(&mut self, stream: StreamId) {
        let is_asked = self.asked.values().any(|asked| asked.stream == stream && !asked.is_want);
        if !is_asked && !self.waiting.contains(&stream) {
            self.waiting.push_back(stream);
            self.ask_next();
        }
    }

    /// Asks to be told of news of streams, until a time at most a day ahead.
    pub fn subscribe(&mut self, streams: &[StreamId], expires: u64) {
        self.subscribed.extend(streams.iter().map(|stream| (*stream, expires)));
        for some in streams.chunks(MAX_SUBSCRIBED) {
            self.say(&Message::Subscription(Subscription { streams: Ids(some.to_vec()), expires }));
        }
    }

    /// Whether somebody is to be told when a stream is another than before.
    pub fn is_live(&self) -> bool {
        !self.subscriptions.is_empty() || !self.subscribed.is_empty()
    }

    /// Tells that a stream is another than before: a peer that asked for news hears of it, and one that gives us news
    /// gets ours.
    pub fn changed(&mut self, stream: StreamId) {
        let Phase::Open { peer } = self.phase else { return };
        let is_told = |question: &Question| matches!(question, Question::Tell { stream: of } if *of == stream);
        let is_told = self.questions.values().any(is_told);
        if !is_told && self.subscriptions.get(&stream).is_some_and(|expires| *expires > self.now) {
            self.ask(Question::Tell { stream }, Ask::Tell { stream, peer });
        }
        if self.subscribed.get(&stream).is_some_and(|expires| *expires > self.now) {
            self.request_news(stream, self.theirs.get(&stream).copied());
        }
    }

    /// Asks for what is new, unless that is under way, or the peer has the frontier that is here.
    fn request_news(&mut self, stream: StreamId, frontier: Option<[u8; 32]>) {
        if self.asked.values().all(|asked| asked.stream != stream) && !self.waiting.contains(&stream) {
            let number = self.new_request(stream, false);
            self.ask(Question::Request { number, frontier }, Ask::Summary { stream });
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
        let is_shaking_hands = matches!(self.phase, Phase::Hello | Phase::Proof { .. });
        if is_shaking_hands && now.saturating_sub(self.began) > HANDSHAKE {
            self.end(End::Slow);
        }
        self.subscriptions.retain(|_, expires| *expires > now);
        self.subscribed.retain(|_, expires| *expires > now);
    }

    /// Ends the session.
    pub fn close(&mut self) {
        self.end(End::Closed);
    }

    /// Takes in a frame.
    pub fn receive(&mut self, frame: &[u8], now: u64) {
        self.tick(now);
        if matches!(self.phase, Phase::Over) {
            return;
        }
        let received = Message::decode(frame).map_err(|_| End::Message).and_then(|message| match message {
            Message::Hello(hello) => self.on_hello(hello, frame),
            Message::Proof(proof) => self.on_proof(&proof),
            message => match self.peer() {
                Some(peer) => self.on_message(message, peer),
                None => Err(End::Unexpected("a message before the proof")),
            },
        });
        if let Err(end) = received {
            self.end(end);
        }
    }

    fn on_hello(&mut self, hello: Hello, frame: &[u8]) -> Result<(), End> {
        if !matches!(self.phase, Phase::Hello) {
            return Err(End::Unexpected("a second hello"));
        }
        if hello.key.0 == self.key.verifying_key() {
            return Err(End::OwnKey);
        }
        let version = version(&hello).ok_or(End::Version)?;
        let transcript = Transcript::new(self.side, &self.hello, frame, &self.channel);
        let proof = transcript.prove(self.side, &self.key);
        self.output.push_back(Output::Send(Message::Proof(proof).encode()));
        self.phase = Phase::Proof { hello, transcript, version };
        Ok(())
    }

    fn on_proof(&mut self, proof: &[u8; 64]) -> Result<(), End> {
        let Phase::Proof { hello, transcript, version } = &self.phase else {
            return Err(End::Unexpected("a proof before the hello, or a second one"));
        };
        if !transcript.is_proven(self.side, hello, proof) {
            return Err(End::Proof);
        }
        let (peer, version) = (hello.key.0, *version);
        self.phase = Phase::Open { peer };
        self.output.push_back(Output::Event(Event::Proven { peer, version }));
        let said: Vec<(StreamId, u64)> = self.subscribed.iter().map(|(stream, expires)| (*stream, *expires)).collect();
        for (stream, expires) in said {
            self.say(&Message::Subscription(Subscription { streams: Ids(vec![stream]), expires }));
        }
        self.ask_next();
        Ok(())
    }

    fn on_message(&mut self, message: Message, peer: VerifyingKey) -> Result<(), End> {
        match message {
            Message::Hello(_) | Message::Proof(_) => Ok(()),
            Message::Request(request) => self.on_request(request, peer),
            Message::Response(response) => self.on_response(&response),
            Message::Objects(objects) => self.on_objects(objects),
            Message::Done(number) => self.on_done(number),
            Message::Taken(number) => self.on_taken(number, peer),
            Message::Want(want) => self.on_want(want, peer),
            Message::Announcement(announcement) => self.on_announcement(&announcement),
            Message::Subscription(subscription) => self.on_subscription(&subscription),
            Message::Refusal(refusal) => self.on_refusal(refusal),
        }
    }

    // Asking.

    /// Begins as many requests as may be under way.
    fn ask_next(&mut self) {
        while self.peer().is_some()
            && self.asked.len() < MAX_ASKED
            && let Some(stream) = self.waiting.pop_front()
        {
            let number = self.new_request(stream, false);
            self.ask(Question::Request { number, frontier: None }, Ask::Summary { stream });
        }
    }

    fn new_request(&mut self, stream: StreamId, is_want: bool) -> u32 {
        let number = self.requests;
        self.requests = self.requests.wrapping_add(1);
        let asked = Asked {
            stream,
            answered: is_want,
            done: false,
            taking: 0,
            admitted: 0,
            rejected: 0,
            gaps: Vec::new(),
            is_want,
        };
        self.asked.insert(number, asked);
        number
    }

    fn on_response(&mut self, response: &Response) -> Result<(), End> {
        let asked = self.asked.get_mut(&response.number).filter(|asked| !asked.answered);
        let asked = asked.ok_or(End::Unexpected("a response"))?;
        asked.answered = true;
        if self.subscribed.contains_key(&asked.stream) {
            self.theirs.insert(asked.stream, response.frontier);
        }
        if response.asks_back && self.answering.values().all(|answering| answering.stream != asked.stream) {
            self.expected.insert(asked.stream);
        }
        Ok(())
    }

    fn on_objects(&mut self, objects: Objects) -> Result<(), End> {
        let number = objects.number;
        let asked = self.asked.get_mut(&number).filter(|asked| asked.answered && !asked.done);
        let asked = asked.ok_or(End::Unexpected("objects"))?;
        if asked.taking == WINDOW {
            return Err(End::TooMuch("objects beyond the window"));
        }
        asked.taking += 1;
        let stream = asked.stream;
        let parts = objects.parts.into_iter().map(|parts| parts.0).collect();
        self.ask(Question::Take { number }, Ask::Take { stream, parts });
        Ok(())
    }

    fn on_done(&mut self, number: u32) -> Result<(), End> {
        let asked = self.asked.get_mut(&number).filter(|asked| asked.answered && !asked.done);
        asked.ok_or(End::Unexpected("an end"))?.done = true;
        self.finish(number);
        Ok(())
    }

    /// Ends a request of ours, when all that it brought was taken in.
    fn finish(&mut self, number: u32) {
        if !self.asked.get(&number).is_some_and(|asked| asked.done && asked.taking == 0) {
            return;
        }
        let Some(Asked { stream, admitted, rejected, gaps, is_want, .. }) = self.asked.remove(&number) else { return };
        // What is lacking is asked for once more, by its ids: the peer may hold it, and have thought that we do.
        if !gaps.is_empty() && !is_want {
            let number = self.new_request(stream, true);
            let objects = Ids(gaps.into_iter().take(super::messages::MAX_WANTED).collect());
            if let Some(asked) = self.asked.get_mut(&number) {
                (asked.admitted, asked.rejected) = (admitted, rejected);
            }
            self.say(&Message::Want(Want { number, stream: Id(stream), objects }));
            return;
        }
        self.output.push_back(Output::Event(Event::Synced { stream, admitted, rejected, gaps }));
        self.ask_next();
    }

    fn on_refusal(&mut self, refusal: Refusal) -> Result<(), End> {
        let Refusal { number, stream, reason, shown, asks_back } = refusal;
        if let Some(number) = number {
            let asked = self.asked.remove(&number).ok_or(End::Unexpected("a refusal"))?;
            if asks_back {
                self.expected.insert(asked.stream);
            }
        }
        let shown = shown.map(|shown| shown.0);
        self.output.push_back(Output::Event(Event::Refused { stream: stream.0, reason, shown }));
        self.ask_next();
        Ok(())
    }

    fn on_announcement(&mut self, announcement: &Announcement) -> Result<(), End> {
        let stream = announcement.stream.0;
        if !self.subscribed.contains_key(&stream) {
            return Err(End::Unexpected("an announcement"));
        }
        self.theirs.insert(stream, announcement.frontier);
        self.request_news(stream, Some(announcement.frontier));
        Ok(())
    }

    // Answering.

    fn on_request(&mut self, request: Request, peer: VerifyingKey) -> Result<(), End> {
        let (number, stream) = (request.number, request.stream.0);
        self.begin_answering(number, stream)?;
        self.expected.remove(&stream);
        let (leaves, samples) = (request.leaves.0, request.samples.0);
        self.ask(Question::Compare { number }, Ask::Compare { stream, peer, leaves, samples });
        Ok(())
    }

    fn on_want(&mut self, want: Want, peer: VerifyingKey) -> Result<(), End> {
        let (number, stream) = (want.number, want.stream.0);
        self.begin_answering(number, stream)?;
        if let Some(answering) = self.answering.get_mut(&number) {
            answering.left = want.objects.0.into();
            answering.compared = true;
        }
        self.read_on(number, peer);
        Ok(())
    }

    fn begin_answering(&mut self, number: u32, stream: StreamId) -> Result<(), End> {
        if self.answering.len() == MAX_ANSWERING {
            return Err(End::TooMuch("requests at once"));
        }
        let answering = Answering {
            stream,
            left: VecDeque::new(),
            sent: 0,
            objects: 0,
            reading: false,
            compared: false,
            done: false,
        };
        match self.answering.insert(number, answering) {
            None => Ok(()),
            Some(_) => Err(End::Unexpected("a number twice")),
        }
    }

    /// Sends more, as far as the peer has room for it.
    fn read_on(&mut self, number: u32, peer: VerifyingKey) {
        let Some(answering) = self.answering.get_mut(&number) else { return };
        if answering.reading || !answering.compared || answering.done || answering.sent == WINDOW {
            return;
        }
        if answering.left.is_empty() {
            answering.done = true;
            self.say(&Message::Done(number));
            self.finish_answering(number);
            return;
        }
        answering.reading = true;
        // More than fit, so that one frame is filled.
        let ids: Vec<ObjectId> = answering.left.iter().take(1024).copied().collect();
        let stream = answering.stream;
        self.ask(Question::Read { number, ids: ids.clone() }, Ask::Read { stream, peer, ids });
    }

    fn on_taken(&mut self, number: u32, peer: VerifyingKey) -> Result<(), End> {
        let answering = self.answering.get_mut(&number).filter(|answering| answering.sent > 0);
        answering.ok_or(End::Unexpected("a receipt"))?.sent -= 1;
        self.read_on(number, peer);
        self.finish_answering(number);
        Ok(())
    }

    fn finish_answering(&mut self, number: u32) {
        if self.answering.get(&number).is_some_and(|answering| answering.done && answering.sent == 0)
            && let Some(Answering { stream, objects, .. }) = self.answering.remove(&number)
        {
            self.output.push_back(Output::Event(Event::Served { stream, sent: objects }));
        }
    }

    fn refuse(&mut self, number: Option<u32>, stream: StreamId, reason: Reason, shown: Option<Arc<[u8]>>) {
        self.refuse_or_ask(number, stream, reason, shown, false);
    }

    fn refuse_or_ask(
        &mut self,
        number: Option<u32>,
        stream: StreamId,
        reason: Reason,
        shown: Option<Arc<[u8]>>,
        asks_back: bool,
    ) {
        if let Some(number) = number {
            self.answering.remove(&number);
        }
        let shown = shown.map(|shown| Parts(shown.to_vec()));
        self.say(&Message::Refusal(Refusal { number, stream: Id(stream), reason, shown, asks_back }));
        self.output.push_back(Output::Event(Event::Refuses { stream, reason }));
    }

    fn on_subscription(&mut self, subscription: &Subscription) -> Result<(), End> {
        let expires = subscription.expires;
        if expires <= self.now || expires > self.now + MAX_SUBSCRIPTION {
            return Err(End::Unexpected("a subscription in the past, or of more than a day"));
        }
        self.subscriptions.extend(subscription.streams.0.iter().map(|stream| (*stream, expires)));
        if self.subscriptions.len() > MAX_SUBSCRIPTIONS {
            return Err(End::TooMuch("subscriptions"));
        }
        Ok(())
    }

    // Questions to the replica.

    fn ask(&mut self, question: Question, ask: Ask) {
        let number = self.asks;
        self.asks += 1;
        self.questions.insert(number, question);
        self.output.push_back(Output::Ask(number, ask));
    }

    /// Takes in the answer to a question; one to a question that is over changes nothing.
    ///
    /// # Panics
    ///
    /// Where an answer does not fit its question.
    pub fn answer(&mut self, number: u64, answer: Answer) {
        let Some(question) = self.questions.remove(&number) else { return };
        let Phase::Open { peer } = self.phase else { return };
        match (question, answer) {
            (Question::Request { number, frontier }, answer) => {
                let summary = match answer {
                    Answer::Summary(summary) => summary,
                    _ => Summary::default(),
                };
                self.send_request(number, frontier, summary);
            }
            (Question::Compare { number }, answer) => self.answer_request(number, answer, peer),
            (Question::Read { number, ids }, answer) => self.send_objects(number, &ids, answer, peer),
            (Question::Take { number }, Answer::Taken { admitted, gaps, rejected }) => {
                let Some(asked) = self.asked.get_mut(&number) else { return };
                asked.taking -= 1;
                asked.admitted += admitted;
                asked.rejected += rejected;
                asked.gaps = gaps;
                let stream = asked.stream;
                self.output.push_back(Output::Event(Event::Received { stream, admitted }));
                self.say(&Message::Taken(number));
                self.finish(number);
            }
            (Question::Tell { stream }, Answer::Summary(Summary { leaves, frontier, .. })) => {
                let leaves = Ids(leaves.into_iter().take(MAX_LEAVES).collect());
                self.say(&Message::Announcement(Announcement { stream: Id(stream), leaves, frontier }));
            }
            (Question::Tell { stream }, Answer::Denied(shown)) => {
                self.subscriptions.remove(&stream);
                self.refuse(None, stream, Reason::Denied, shown);
            }
            (Question::Tell { .. }, Answer::Unknown { .. }) => {}
            (Question::Take { .. } | Question::Tell { .. }, answer) => panic!("{answer:?} answers another question"),
        }
    }

    fn send_request(&mut self, number: u32, news: Option<[u8; 32]>, summary: Summary) {
        let Some(asked) = self.asked.get(&number) else { return };
        let stream = Id(asked.stream);
        if news == Some(summary.frontier) {
            // No news: it came by another way.
            self.asked.remove(&number);
            self.ask_next();
            return;
        }
        let leaves = Ids(summary.leaves.into_iter().take(MAX_LEAVES).collect());
        let samples = Ids(summary.samples.into_iter().take(MAX_SAMPLES).collect());
        self.say(&Message::Request(Request { number, stream, leaves, frontier: summary.frontier, samples }));
    }

    fn answer_request(&mut self, number: u32, answer: Answer, peer: VerifyingKey) {
        let Some(answering) = self.answering.get_mut(&number) else { return };
        let stream = answering.stream;
        match answer {
            Answer::Compared { summary, lacks, asks_back } => {
                answering.left = lacks.into();
                answering.compared = true;
                let leaves = Ids(summary.leaves.into_iter().take(MAX_LEAVES).collect());
                self.say(&Message::Response(Response { number, leaves, frontier: summary.frontier, asks_back }));
                self.read_on(number, peer);
                if asks_back {
                    self.sync(stream);
                }
            }
            Answer::Denied(shown) => self.refuse(Some(number), stream, Reason::Denied, shown),
            Answer::Unknown { wanted } => {
                self.refuse_or_ask(Some(number), stream, Reason::Unknown, None, wanted);
                if wanted {
                    self.sync(stream);
                }
            }
            answer => panic!("{answer:?} answers another question"),
        }
    }

    fn send_objects(&mut self, number: u32, ids: &[ObjectId], answer: Answer, peer: VerifyingKey) {
        let Some(answering) = self.answering.get_mut(&number) else { return };
        answering.reading = false;
        let stream = answering.stream;
        match answer {
            Answer::Objects(read) => {
                assert!(
                    !read.is_empty() && read.len() <= ids.len(),
                    "at least one of the objects is read, and no other"
                );
                answering.left.drain(..read.len());
                let parts: Vec<Parts> = read.into_iter().flatten().map(|parts| Parts(parts.to_vec())).collect();
                if !parts.is_empty() {
                    answering.sent += 1;
                    answering.objects += parts.len() as u64;
                    self.say(&Message::Objects(Objects { number, parts }));
                }
                self.read_on(number, peer);
            }
            Answer::Denied(shown) => self.refuse(Some(number), stream, Reason::Denied, shown),
            Answer::Unknown { .. } => self.refuse(Some(number), stream, Reason::Gone, None),
            answer => panic!("{answer:?} answers another question"),
        }
    }

    /// Sends a message, once the peer is proven.
    fn say(&mut self, message: &Message) {
        if matches!(self.phase, Phase::Open { .. }) {
            self.output.push_back(Output::Send(message.encode()));
        }
    }

    fn end(&mut self, end: End) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        self.phase = Phase::Over;
        self.asked.clear();
        self.waiting.clear();
        self.answering.clear();
        self.questions.clear();
        self.expected.clear();
        self.output.push_back(Output::End(end));
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("side", &self.side).field("peer", &self.peer()).finish_non_exhaustive()
    }
}
