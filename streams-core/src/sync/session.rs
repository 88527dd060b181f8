//! A session with a peer (spec 10): a machine without IO, clock or randomness.
//!
//! Frames and answers go in, with the time; [`Session::poll`] gives frames to be sent, questions to be answered, and
//! events. A session holds nothing of a stream, and no key: it asks whoever drives it, who asks a replica, and signs. What
//! a peer can make it hold is bounded by the limits of this file.

mod answering;

mod asking;

mod comparing;

mod news;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use self::answering::Answering;
use self::asking::Asked;
use self::comparing::Comparison;
use super::handshake::{Side, Transcript, version};
use super::messages::{
    Find, Found, Hello, Id, Ids, Key, MAX_SOUGHT, MAX_TOLD, Message, Parts, Place, Plea, Refused, VERSIONS,
};
use super::questions::{Answer, Ask, Cause, End, Event, Output, Unsigned};
use super::said::{Numbered, Reason, Refusal, Signed};
use crate::object::author::{Domain, SIGNATURE_LEN, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};

/// How many frames of objects may be on their way for one request.
pub const WINDOW: u32 = 8;

/// How many bytes of objects one frame has, unless one object alone has more.
pub const FRAME_BYTES: usize = 256 << 10;

/// How many requests and wants of a peer are answered at once.
pub const MAX_ANSWERING: usize = 16;

/// How many requests of our own are under way at once; more wait.
pub const MAX_ASKED: usize = 16;

/// How many streams a peer may subscribe to by name.
pub const MAX_SUBSCRIPTIONS: usize = 16 << 10;

/// The longest subscription, in milliseconds: a day (spec 10.3).
pub const MAX_SUBSCRIPTION: u64 = 24 * 60 * 60 * 1000;

/// How long a handshake may take, in milliseconds.
pub const HANDSHAKE: u64 = 10_000;

/// How long a peer may be silent while something is awaited of it, in milliseconds.
pub const SILENCE: u64 = 60_000;

/// How often a peer may look for streams, and ask for access.
pub const MAX_PLEAS: usize = 16;

/// How many streams wait to be asked for because the peer spoke of them.
pub const MAX_WAITING: usize = 64 << 10;

/// A session with one peer.
pub struct Session {
    own: VerifyingKey,
    side: Side,
    channel: Vec<u8>,
    /// The last statement of this side.
    numbered: Numbered,
    hello: Vec<u8>,
    began: u64,
    /// When the peer said something last, or was first awaited.
    heard: u64,
    phase: Phase,
    output: VecDeque<Output>,
    /// Our requests, by number.
    asked: BTreeMap<u32, Asked>,
    /// Streams whose turn comes when another request is over.
    waiting: BTreeMap<StreamId, Cause>,
    /// Those of the peer.
    answering: BTreeMap<u32, Answering>,
    /// The comparison of all streams that we asked for, and that of the peer.
    comparing: Option<Comparison>,
    compared: Option<Comparison>,
    /// Whether a further comparison may find more, and how many there were.
    more_to_compare: bool,
    comparisons: usize,
    questions: BTreeMap<u64, Question>,
    /// Whether this side said that it asks for nothing more, and whether the peer did.
    said_bye: bool,
    heard_bye: bool,
    /// What the peer wants to hear of, and until when.
    subscriptions: BTreeMap<StreamId, u64>,
    /// Until when it wants to hear of all that it may read.
    subscription: u64,
    /// What we want to hear of.
    subscribed: BTreeMap<StreamId, u64>,
    subscribed_to_all: u64,
    /// The frontiers that the peer told last, of what we want to hear of.
    theirs: BTreeMap<StreamId, [u8; 32]>,
    /// The states of the peer's streams for which it was asked back.
    asked_back: BTreeMap<StreamId, [u8; 32]>,
    /// Streams whose lacking maps were asked for.
    maps_asked: BTreeSet<StreamId>,
    /// Whether statements are asked for.
    states: bool,
    /// What is said as soon as the peer is proven.
    pleas: Vec<Message>,
    /// How often the peer looked for streams, or asked for access.
    pleaded: usize,
    /// Searches of ours that are not answered.
    sought: BTreeSet<u32>,
    requests: u32,
    asks: u64,
    now: u64,
}

enum Phase {
    Hello,
    Proof {
        hello: Hello,
        transcript: Transcript,
        version: u8,
    },
    Open {
        peer: VerifyingKey,
        /// What ranges are keyed by.
        secret: [u8; 32],
    },
    Over,
}

/// What is being asked of the replica.
enum Question {
    Request {
        number: u32,
        frontier: Option<[u8; 32]>,
        cause: Cause,
    },
    Compare {
        number: u32,
    },
    /// The keys to go on with ranges of the peer.
    Keys {
        number: u32,
        ranges: Vec<u8>,
    },
    /// The streams to begin a comparison with.
    OurPairs,
    /// The streams to go on with one of the peer.
    TheirPairs {
        ranges: Vec<u8>,
    },
    Read {
        number: u32,
        ids: Vec<ObjectId>,
        with_maps: bool,
    },
    Take {
        number: u32,
    },
    Tell {
        stream: StreamId,
    },
    Find {
        number: u32,
    },
}

impl Session {
    /// Begins a session of `own` on a fresh connection. `numbered` is the number of this side's last statement, `nonce` 32 fresh
    /// random bytes, `channel` what the transport gives, and `now` the time in milliseconds since 1970 UTC.
    pub fn new(own: VerifyingKey, side: Side, numbered: Numbered, nonce: [u8; 32], channel: &[u8], now: u64) -> Self {
        let hello = Message::Hello(Hello { versions: VERSIONS.to_vec(), key: Key(own), nonce });
        let hello = hello.encode();
        Self {
            output: VecDeque::from([Output::Send(hello.clone())]),
            own,
            side,
            channel: channel.to_vec(),
            numbered,
            hello,
            began: now,
            heard: now,
            phase: Phase::Hello,
            asked: BTreeMap::new(),
            waiting: BTreeMap::new(),
            answering: BTreeMap::new(),
            comparing: None,
            compared: None,
            more_to_compare: false,
            comparisons: 0,
            questions: BTreeMap::new(),
            said_bye: false,
            heard_bye: false,
            subscriptions: BTreeMap::new(),
            subscription: 0,
            subscribed: BTreeMap::new(),
            subscribed_to_all: 0,
            theirs: BTreeMap::new(),
            asked_back: BTreeMap::new(),
            maps_asked: BTreeSet::new(),
            states: false,
            pleas: Vec::new(),
            pleaded: 0,
            sought: BTreeSet::new(),
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
            Phase::Open { peer, .. } => Some(*peer),
            _ => None,
        }
    }

    /// Whether nothing is under way: neither what we asked for, nor what the peer did.
    pub fn is_idle(&self) -> bool {
        self.asks_for_nothing() && self.answering.is_empty() && self.compared.is_none() && self.questions.is_empty()
    }

    fn asks_for_nothing(&self) -> bool {
        let is_comparing = self.comparing.is_some() || self.more_to_compare;
        let is_asking = !self.asked.is_empty() || !self.waiting.is_empty() || !self.sought.is_empty();
        self.peer().is_some() && !is_comparing && !is_asking
    }

    /// Leaves the peer, once nothing is under way, and the peer asks for nothing more: then [`has_left`](Self::has_left).
    pub fn leave(&mut self) {
        if !self.said_bye && self.is_idle() {
            self.said_bye = true;
            self.say(&Message::Bye);
        }
    }

    /// Whether both sides said that they ask for nothing more, and nothing is under way.
    pub fn has_left(&self) -> bool {
        self.said_bye && self.heard_bye && self.is_idle()
    }

    fn on_bye(&mut self) -> Result<(), End> {
        if std::mem::replace(&mut self.heard_bye, true) { Err(End::Unexpected("a second farewell")) } else { Ok(()) }
    }

    /// What is to be done whenever something came in.
    fn go_on(&mut self) {
        self.compare_again();
        if self.heard_bye {
            self.leave();
        }
    }

    /// Asks for a signed statement with every request from now on.
    pub fn ask_for_statements(&mut self) {
        self.states = true;
    }

    /// Tells the number of the last statement of this side, to whomever it was made.
    pub fn note_numbered(&mut self, numbered: Numbered) {
        self.numbered = numbered;
    }

    /// Asks the peer who has streams, at most [`MAX_SOUGHT`].
    pub fn find(&mut self, streams: &[StreamId]) {
        let number = self.next_number();
        self.sought.insert(number);
        let streams = Ids(streams.iter().copied().take(MAX_SOUGHT).collect());
        self.say_when_proven(Message::Find(Find { number, streams }));
    }

    /// Asks for access to a stream, in at most [`MAX_NOTE`](super::messages::MAX_NOTE) bytes.
    pub fn plead(&mut self, stream: StreamId, note: &str) {
        self.say_when_proven(Message::Plea(Plea { stream: Id(stream), note: note.to_owned() }));
    }

    /// When the time is to be told next, though nothing happens: milliseconds since 1970 UTC.
    pub fn deadline(&self) -> Option<u64> {
        match self.phase {
            Phase::Over => None,
            Phase::Hello | Phase::Proof { .. } => Some(self.began + HANDSHAKE + 1),
            Phase::Open { .. } => self.is_waiting_for_peer().then_some(self.heard + SILENCE + 1),
        }
    }

    /// Whether it is the peer's turn. Where the replica of this side is asked, the peer may wait for us.
    fn is_waiting_for_peer(&self) -> bool {
        let serves = self.answering.values().any(|answering| answering.sent > 0);
        let leaves = self.said_bye && !self.heard_bye;
        self.questions.is_empty() && (!self.asks_for_nothing() || serves || leaves || self.compared.is_some())
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: u64) {
        self.now = now;
        match self.phase {
            Phase::Hello | Phase::Proof { .. } if now.saturating_sub(self.began) > HANDSHAKE => self.end(End::Slow),
            Phase::Open { .. } if !self.is_waiting_for_peer() => self.heard = now,
            Phase::Open { .. } if now.saturating_sub(self.heard) > SILENCE => self.end(End::Slow),
            _ => {}
        }
        self.forget_expired();
    }

    /// Ends the session.
    pub fn close(&mut self) {
        self.end(End::Closed);
    }

    /// Takes in a frame.
    pub fn receive(&mut self, frame: &[u8], now: u64) {
        self.heard = now;
        self.tick(now);
        if matches!(self.phase, Phase::Over) {
            return;
        }
        let received = Message::decode(frame).map_err(|_| End::Message).and_then(|message| match message {
            Message::Hello(hello) => self.on_hello(hello, frame),
            Message::Proof(proof) => self.on_proof(&proof),
            Message::Ended(why) => Err(End::ByPeer(why)),
            message => match self.peer() {
                Some(peer) => self.on_message(message, peer),
                None => Err(End::Unexpected("a message before the proof")),
            },
        });
        if let Err(end) = received {
            self.end(end);
        }
        self.go_on();
    }

    fn on_hello(&mut self, hello: Hello, frame: &[u8]) -> Result<(), End> {
        if !matches!(self.phase, Phase::Hello) {
            return Err(End::Unexpected("a second hello"));
        }
        if hello.key.0 == self.own {
            return Err(End::OwnKey);
        }
        let version = version(&hello).ok_or(End::Version)?;
        let transcript = Transcript::new(self.side, &self.hello, frame, &self.channel);
        self.sign(Domain::Session, transcript.message(self.side), Message::Proof([0; SIGNATURE_LEN]));
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
        self.phase = Phase::Open { peer, secret: transcript.secret() };
        self.output.push_back(Output::Event(Event::Proven { peer, version }));
        self.tell_subscriptions();
        std::mem::take(&mut self.pleas).iter().for_each(|plea| self.say(plea));
        self.begin_comparison();
        self.ask_next();
        Ok(())
    }

    fn on_message(&mut self, message: Message, peer: VerifyingKey) -> Result<(), End> {
        match message {
            Message::Hello(_) | Message::Proof(_) | Message::Ended(_) => Ok(()),
            Message::Request(request) => self.on_request(request, peer),
            Message::Response(response) => self.on_response(response, peer),
            Message::Objects(objects) => self.on_objects(objects, peer),
            Message::Done(number) => self.on_done(number),
            Message::Taken(number) => self.on_taken(number, peer),
            Message::Want(want) => self.on_want(want, peer),
            Message::Announcement(announcement) => self.on_announcement(&announcement),
            Message::Subscription(subscription) => self.on_subscription(&subscription),
            Message::Refused(refused) => self.on_refused(refused, peer),
            Message::Compare(ranges) => self.on_compare(ranges, peer),
            Message::Asking(ranges) => self.on_asking(&ranges),
            Message::Answering(ranges) => self.on_answering(&ranges),
            Message::Compared(compared) => self.on_compared(compared),
            Message::Find(find) => self.on_find(find, peer),
            Message::Found(found) => self.on_found(found),
            Message::Plea(plea) => self.on_plea(plea),
            Message::Bye => self.on_bye(),
        }
    }

    // What a peer asks for, beside streams.

    fn on_find(&mut self, find: Find, peer: VerifyingKey) -> Result<(), End> {
        self.count_plea("searches")?;
        self.ask(Question::Find { number: find.number }, Ask::Find { streams: find.streams.0, peer });
        Ok(())
    }

    fn on_plea(&mut self, plea: Plea) -> Result<(), End> {
        self.count_plea("pleas")?;
        self.output.push_back(Output::Event(Event::Plea { stream: plea.stream.0, note: plea.note }));
        Ok(())
    }

    fn count_plea(&mut self, what: &'static str) -> Result<(), End> {
        self.pleaded += 1;
        if self.pleaded > MAX_PLEAS { Err(End::TooMuch(what)) } else { Ok(()) }
    }

    fn on_found(&mut self, found: Found) -> Result<(), End> {
        if !self.sought.remove(&found.number) {
            return Err(End::Unexpected("an answer to no search"));
        }
        let peers = found.peers.into_iter().map(|place| (place.peer.0, place.address)).collect();
        self.output.push_back(Output::Event(Event::Found { here: found.here.0, peers }));
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
        let Phase::Open { peer, secret } = self.phase else { return };
        if self.questions.is_empty() {
            // The peer is waited for from now on.
            self.heard = self.now;
        }
        let answered = match question {
            Question::Request { number, frontier, cause } => self.send_request(number, frontier, cause, answer),
            Question::Compare { number } => self.answer_request(number, answer, peer, &secret),
            Question::Keys { number, ranges } => self.begin_ranges(number, &ranges, answer, &secret),
            Question::OurPairs => self.send_comparison(answer, &secret),
            Question::TheirPairs { ranges } => self.answer_comparison(&ranges, answer, &secret),
            Question::Read { number, ids, with_maps } => self.send_objects(number, &ids, with_maps, answer, peer),
            Question::Take { number } => self.note_taken(number, answer),
            Question::Tell { stream } => self.announce(stream, answer),
            Question::Find { number } => self.send_found(number, answer),
        };
        if let Err(end) = answered {
            self.end(end);
        }
        self.go_on();
    }

    fn send_found(&mut self, number: u32, answer: Answer) -> Result<(), End> {
        let Answer::Found { here, peers } = answer else { panic!("{answer:?} answers another question") };
        let place = |(peer, address)| Place { peer: Key(peer), address };
        let peers = peers.into_iter().take(MAX_TOLD).map(place).collect();
        self.say(&Message::Found(Found { number, here: Ids(here), peers }));
        Ok(())
    }

    /// Signs and sends why something is not answered.
    fn refuse(&mut self, number: Option<u32>, stream: StreamId, reason: Reason, shown: Option<Arc<[u8]>>) {
        self.refuse_object(number, stream, None, reason, shown);
    }

    fn refuse_object(
        &mut self,
        number: Option<u32>,
        stream: StreamId,
        object: Option<ObjectId>,
        reason: Reason,
        shown: Option<Arc<[u8]>>,
    ) {
        if let Some(number) = number {
            self.stop_answering(number);
        }
        let shown = shown.map(|shown| Parts(shown.to_vec()));
        let (peer, object) = (Key(self.own), object.map(Id));
        let Numbered { store, counter } = self.numbered;
        let refusal = Refusal { peer, stream: Id(stream), object, reason, at: self.now, store, counter };
        let (said, bytes) = Signed::unsigned(refusal);
        self.sign(Domain::Statement, bytes, Message::Refused(Refused { number, said, shown }));
        self.output.push_back(Output::Event(Event::Refuses { stream, reason }));
    }

    fn next_number(&mut self) -> u32 {
        let number = self.requests;
        self.requests = self.requests.wrapping_add(1);
        number
    }

    /// Sends a message, once the peer is proven.
    fn say(&mut self, message: &Message) {
        if matches!(self.phase, Phase::Open { .. }) {
            self.output.push_back(Output::Send(message.encode()));
        }
    }

    /// Sends a message that whoever drives the session signs.
    fn sign(&mut self, domain: Domain, said: Vec<u8>, message: Message) {
        if !matches!(self.phase, Phase::Over) {
            self.output.push_back(Output::Sign(Box::new(Unsigned::new(domain, said, message))));
        }
    }

    fn say_when_proven(&mut self, message: Message) {
        match self.phase {
            Phase::Open { .. } => self.say(&message),
            _ => self.pleas.push(message),
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
        self.comparing = None;
        self.compared = None;
        self.questions.clear();
        if let Some(why) = end.why() {
            self.output.push_back(Output::Send(Message::Ended(why).encode()));
        }
        self.output.push_back(Output::End(end));
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("side", &self.side).field("peer", &self.peer()).finish_non_exhaustive()
    }
}
