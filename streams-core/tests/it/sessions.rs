//! A session keeps its rules: who does not keep to them ends it, and harms nobody else.

use proptest::prelude::*;
use streams_core::conformance::fixtures::{author, begin};
use streams_core::sync::handshake::Side;
use streams_core::sync::messages::{
    self, Announcement, Compared, Find, Hello, Id, Ids, Key, Message, Objects, Parts, Plea, RangeBytes, Ranges,
    Request, Response, Subscription, Want, Why,
};
use streams_core::sync::questions::{Answer, Ask, End, Event, Lacks, Output, Summary};
use streams_core::sync::reconcile::Reconcile;
use streams_core::sync::said::{Numbered, Reason, Refusal, Signed, Statement};
use streams_core::sync::session::{SILENCE, Session};
use streams_core::{Domain, Refused, Rejected, SigningKey, StreamId};

const NOW: u64 = 1_795_266_300_000;
const NUMBERED: Numbered = Numbered { store: [4; 16], counter: 1 };

/// A session that was opened with a peer whose frames a test writes.
fn opened() -> (Session, SigningKey) {
    let mut session = Session::new(author(1).verifying_key(), Side::Answerer, NUMBERED, [1; 32], b"channel", NOW);
    let key = author(2);
    let hello = Message::Hello(Hello { versions: vec![1], key: Key(key.verifying_key()), nonce: [2; 32] }).encode();
    let own = frames(&mut session).remove(0);
    session.receive(&hello, NOW);
    session.receive(&Message::Proof(proof(&key, 0, &[&hello, &own, b"channel"])).encode(), NOW);
    assert_eq!(session.peer(), Some(key.verifying_key()));
    while session.poll().is_some() {}
    (session, key)
}

/// A proof as 10.1 says it, written once more.
fn proof(key: &SigningKey, role: u8, said: &[&[u8]]) -> [u8; 64] {
    let mut hasher = blake3::Hasher::new_derive_key("streams 2026 session v1");
    for bytes in said {
        hasher.update(&(bytes.len() as u64).to_be_bytes()).update(bytes);
    }
    key.sign(Domain::Session, &[&[role][..], hasher.finalize().as_bytes()].concat())
}

fn frames(session: &mut Session) -> Vec<Vec<u8>> {
    outputs(session)
        .into_iter()
        .filter_map(|output| match output {
            Output::Send(frame) => Some(frame),
            Output::Sign(unsigned) => Some(unsigned.sign(&author(1))),
            _ => None,
        })
        .collect()
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn end(session: &mut Session) -> Option<End> {
    outputs(session).into_iter().find_map(|output| if let Output::End(end) = output { Some(end) } else { None })
}

fn begun(side: Side) -> Session {
    Session::new(author(1).verifying_key(), side, NUMBERED, [1; 32], b"channel", NOW)
}

#[test]
fn a_handshake_proves_both_keys_over_this_connection_alone() {
    // Its own words come back.
    let mut session = begun(Side::Opener);
    let own = frames(&mut session).remove(0);
    session.receive(&own, NOW);
    assert_eq!(end(&mut session), Some(End::OwnKey));

    let key = author(2);
    let hello = |versions: Vec<u8>, nonce: u8| {
        Message::Hello(Hello { versions, key: Key(key.verifying_key()), nonce: [nonce; 32] }).encode()
    };
    let mut session = begun(Side::Opener);
    session.receive(&hello(vec![9, 200], 2), NOW);
    assert_eq!(end(&mut session), Some(End::Version));

    // A proof for another role, another transcript, another connection, or of another key.
    let (mine, theirs) = (own, hello(vec![1], 2));
    let wrong = [
        proof(&key, 0, &[&mine, &theirs, b"channel"]),
        proof(&key, 1, &[&theirs, &mine, b"channel"]),
        proof(&key, 1, &[&mine, &hello(vec![1], 3), b"channel"]),
        proof(&key, 1, &[&mine, &theirs, b"another"]),
        proof(&author(3), 1, &[&mine, &theirs, b"channel"]),
    ];
    for wrong in wrong {
        let mut session = begun(Side::Opener);
        session.receive(&theirs, NOW);
        session.receive(&Message::Proof(wrong).encode(), NOW);
        assert_eq!(end(&mut session), Some(End::Proof));
    }
    let mut session = begun(Side::Opener);
    session.receive(&theirs, NOW);
    session.receive(&Message::Proof(proof(&key, 1, &[&mine, &theirs, b"channel"])).encode(), NOW);
    assert_eq!(session.peer(), Some(key.verifying_key()));

    // Too late, in the wrong order, twice.
    let mut session = begun(Side::Opener);
    session.tick(NOW + 10_001);
    assert_eq!(end(&mut session), Some(End::Slow));
    let mut session = begun(Side::Opener);
    session.receive(&Message::Done(0).encode(), NOW);
    assert!(matches!(end(&mut session), Some(End::Unexpected(_))));
    let (mut session, _) = opened();
    session.receive(&hello(vec![1], 2), NOW);
    assert!(matches!(end(&mut session), Some(End::Unexpected(_))));
}

#[test]
fn what_nobody_asked_for_ends_the_session() {
    let id = Id(begin(0).id());
    let objects = |number| Message::Objects(Objects { number, parts: vec![Parts(vec![0])] });
    let not_asked = [
        objects(0),
        Message::Done(0),
        Message::Taken(0),
        Message::Response(response(0)),
        Message::Asking(Ranges { number: 0, ranges: RangeBytes(vec![]) }),
        Message::Answering(Ranges { number: 0, ranges: RangeBytes(vec![]) }),
        Message::Compared(Compared { number: 0, more: false }),
        Message::Found(streams_core::sync::messages::Found { number: 0, here: Ids(vec![]), peers: vec![] }),
        Message::Subscription(Subscription { streams: Ids(vec![id.0]), expires: NOW }),
        Message::Subscription(Subscription { streams: Ids(vec![id.0]), expires: NOW + 86_400_001 }),
    ];
    for message in not_asked {
        let (mut session, _) = opened();
        session.receive(&message.encode(), NOW);
        assert!(matches!(end(&mut session), Some(End::Unexpected(_))), "{message:?}");
    }
    let request = |number| Message::Request(request(number, id));
    let (mut session, _) = opened();
    (0..17).for_each(|number| session.receive(&request(number).encode(), NOW));
    assert_eq!(end(&mut session), Some(End::TooMuch("requests at once")));
    let (mut session, _) = opened();
    let streams: Vec<StreamId> = (0..1024_u32).map(|i| StreamId::of_block(&i.to_be_bytes())).collect();
    for round in 0..17_u8 {
        let streams = streams.iter().map(|id| StreamId::of_block(&[id.as_bytes(), &[round][..]].concat())).collect();
        session.receive(&Message::Subscription(Subscription { streams: Ids(streams), expires: NOW + 1 }).encode(), NOW);
    }
    assert_eq!(end(&mut session), Some(End::TooMuch("subscriptions")));
    let (mut session, _) = opened();
    session.receive(b"\xff\xff", NOW);
    assert_eq!(end(&mut session), Some(End::Message));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn no_bytes_harm_a_session(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8)) {
        let (mut session, _) = opened();
        for frame in frames {
            session.receive(&frame, NOW);
        }
        // What is asked stays bounded, whatever came.
        prop_assert!(outputs(&mut session).len() < 64);
    }

    #[test]
    fn messages_come_back_as_they_were(number: u32, leaf: [u8; 32], parts: Vec<u8>, expires: u64, asks_back: bool) {
        let ids = Ids(vec![StreamId::from_bytes(leaf); 3]);
        let id = Id(StreamId::from_bytes(leaf));
        let messages = [
            Message::Request(Request { leaves: ids.clone(), frontier: leaf, states: asks_back, ..request(number, id) }),
            Message::Response(Response { leaves: ids.clone(), frontier: leaf, ..response(number) }),
            Message::Response(Response { ranges: Some(RangeBytes(parts.clone())), ..response(number) }),
            Message::Want(Want { number, stream: id, objects: Ids(ids.0.clone()), maps: Ids(ids.0.clone()) }),
            Message::Compare(Ranges { number, ranges: RangeBytes(parts.clone()) }),
            Message::Find(Find { number, streams: Ids(ids.0) }),
            Message::Plea(Plea { stream: id, note: "let me in".to_owned() }),
            Message::Objects(Objects { number, parts: vec![Parts(parts.clone()), Parts(parts)] }),
            Message::Subscription(Subscription { streams: Ids(vec![id.0]), expires }),
        ];
        for message in messages {
            let frame = message.encode();
            prop_assert_eq!(Message::decode(&frame), Ok(message));
            for cut in 0..frame.len() {
                prop_assert!(Message::decode(&frame[..cut]).is_err());
            }
            prop_assert!(Message::decode(&[&frame[..], &[0]].concat()).is_err());
        }
    }
}

fn request(number: u32, stream: Id) -> Request {
    Request { number, stream, leaves: Ids(vec![]), frontier: [0; 32], samples: Ids(vec![]), states: false }
}

fn response(number: u32) -> Response {
    Response { number, leaves: Ids(vec![]), frontier: [0; 32], objects: 0, ranges: None, statement: None }
}

fn ids(objects: std::ops::Range<u32>) -> Vec<StreamId> {
    objects.map(|number| StreamId::of_block(&number.to_be_bytes())).collect()
}

fn key(id: &StreamId) -> [u8; 40] {
    [&[0; 8][..], id.as_bytes()].concat().try_into().unwrap()
}

/// Answers all that is asked, and returns what was said.
fn said(session: &mut Session, mut answer: impl FnMut(Ask) -> Answer) -> Vec<Message> {
    let mut said = Vec::new();
    while let Some(output) = session.poll() {
        match output {
            Output::Send(frame) => said.push(Message::decode(&frame).unwrap()),
            Output::Sign(unsigned) => said.push(Message::decode(&unsigned.sign(&author(1))).unwrap()),
            Output::Ask(number, ask) => session.answer(number, answer(ask)),
            _ => {}
        }
    }
    said
}

/// A session that asked for a stream of which nothing is here.
fn asking() -> (Session, SigningKey, Id) {
    let (mut session, key) = opened();
    let stream = Id(begin(0).id());
    session.sync(stream.0);
    let asked = said(&mut session, |_| Answer::Summary(Summary::default()));
    assert!(matches!(&asked[..], [Message::Request(Request { number: 0, .. })]));
    (session, key, stream)
}

#[test]
fn who_says_nothing_while_it_is_waited_for_is_left() {
    let (mut session, _) = opened();
    assert_eq!(session.deadline(), None);
    session.tick(NOW + 10 * SILENCE);
    assert_eq!(end(&mut session), None);

    let (mut session, _, _) = asking();
    assert_eq!(session.deadline(), Some(NOW + SILENCE + 1));
    session.tick(NOW + SILENCE);
    assert_eq!(end(&mut session), None);
    session.tick(NOW + SILENCE + 1);
    assert_eq!(end(&mut session), Some(End::Slow));

    // As long as this side's own replica is asked, the peer may wait.
    let (mut session, _) = opened();
    session.receive(&Message::Request(request(0, Id(begin(0).id()))).encode(), NOW);
    assert_eq!(session.deadline(), None);
}

#[test]
fn nobody_is_made_to_speak_for_another() {
    // A statement, and a refusal, of somebody else, of another stream, or with another's signature.
    let stated = |key: &SigningKey, stream: Id| {
        let peer = Key(key.verifying_key());
        let (leaves, frontier) = (Ids(vec![]), [0; 32]);
        Statement { peer, stream, frontier, leaves, store: [1; 16], counter: 1, until: None }
    };
    let (other, other_stream) = (author(3), Id(begin(1).id()));
    for wrong in 0..4 {
        let (mut session, key, stream) = asking();
        session.ask_for_statements();
        let signed = match wrong {
            0 => Signed::sign(stated(&other, stream), &other),
            1 => Signed::sign(stated(&key, other_stream), &key),
            2 => Signed::sign(stated(&key, stream), &other),
            _ => Signed::sign(Statement { frontier: [1; 32], ..stated(&key, stream) }, &key),
        };
        let response = Response { statement: Some(Box::new(signed)), ..response(0) };
        session.receive(&Message::Response(response).encode(), NOW);
        assert!(matches!(end(&mut session), Some(End::Unexpected(_))), "{wrong}");
    }
    for wrong in 0..3 {
        let (mut session, key, stream) = asking();
        let by = if wrong == 0 { &other } else { &key };
        let refusal = Refusal {
            peer: Key(by.verifying_key()),
            stream: if wrong == 1 { other_stream } else { stream },
            object: None,
            reason: Reason::Unknown,
            at: NOW,
            store: [1; 16],
            counter: 1,
        };
        let said = Signed::sign(refusal, if wrong == 2 { &other } else { by });
        let refused = messages::Refused { number: Some(0), said, shown: None };
        session.receive(&Message::Refused(refused).encode(), NOW);
        assert!(matches!(end(&mut session), Some(End::Unexpected(_))), "{wrong}");
    }
}

#[test]
fn ranges_find_what_both_sides_lack_and_each_asks_for_it() {
    let (ours, theirs) = (ids(0..5_000), ids(3..5_002));
    let (mut session, _) = opened();
    let stream = Id(begin(0).id());
    session
        .receive(&Message::Request(Request { leaves: Ids(theirs[..1].to_vec()), ..request(7, stream) }).encode(), NOW);
    let answer = |ask: Ask| match ask {
        Ask::Compare { .. } => Answer::Compared(Box::new(streams_core::sync::questions::Compared {
            summary: Summary::default(),
            lacks: Lacks::Ranges(ours.iter().map(key).collect()),
            asks_back: true,
            numbered: None,
        })),
        ask => panic!("{ask:?}"),
    };
    let answered = said(&mut session, answer);
    let [Message::Response(Response { ranges: Some(ranges), .. })] = &answered[..] else {
        panic!("{answered:?}");
    };
    // With another secret no fingerprint fits, so all is found: but it ends.
    let mut peer = Reconcile::new(&[0; 32], theirs.iter().map(key).collect());
    let mut message = ranges.0.clone();
    let mut ended = Vec::new();
    while ended.is_empty() {
        let Some(reply) = peer.answer(&message).unwrap() else { break };
        let ranges = Ranges { number: 7, ranges: RangeBytes(reply.ranges) };
        session.receive(&Message::Asking(ranges).encode(), NOW);
        for heard in said(&mut session, |ask| panic!("{ask:?}")) {
            match heard {
                Message::Answering(ranges) => message = ranges.ranges.0,
                heard => ended.push(heard),
            }
        }
    }
    assert!(peer.found().copied().eq(ids(0..3).iter().map(key).collect::<std::collections::BTreeSet<_>>()));
    let [Message::Compared(Compared { number: 7, more: false }), Message::Want(want)] = &ended[..] else {
        panic!("{ended:?}");
    };
    assert_eq!(want.stream, stream);
    let mut lacking = ids(5_000..5_002);
    lacking.sort_unstable();
    assert_eq!(want.objects.0, lacking);
}

#[test]
fn announcements_of_what_nobody_wants_to_hear_are_asked_about_here_alone() {
    let (mut session, _) = opened();
    for stream in ids(0..1_000) {
        let announcement = Announcement { stream: Id(stream), leaves: Ids(vec![]), frontier: [1; 32] };
        session.receive(&Message::Announcement(announcement).encode(), NOW);
    }
    assert_eq!(said(&mut session, |_| Answer::Unknown { wanted: false }), []);
    assert!(session.is_idle());
}

#[test]
fn searches_and_pleas_are_counted() {
    let stream = Id(begin(0).id());
    for plea in
        [Message::Plea(Plea { stream, note: "x".to_owned() }), Message::Find(Find { number: 0, streams: Ids(vec![]) })]
    {
        let (mut session, _) = opened();
        (0..16).for_each(|_| session.receive(&plea.encode(), NOW));
        let outputs = outputs(&mut session);
        let heard =
            |output: &Output| matches!(output, Output::Event(Event::Plea { .. }) | Output::Ask(_, Ask::Find { .. }));
        assert_eq!(outputs.iter().filter(|output| heard(output)).count(), 16);
        session.receive(&plea.encode(), NOW);
        assert!(matches!(end(&mut session), Some(End::TooMuch(_))));
    }
    let long = Message::Plea(Plea { stream, note: "x".repeat(1025) });
    assert!(Message::decode(&long.encode()).is_err());
}

#[test]
fn both_sides_know_why_a_session_ended() {
    let (mut session, _) = opened();
    session.receive(b"\xff", NOW);
    assert_eq!(said(&mut session, |ask| panic!("{ask:?}")), [Message::Ended(Why::Message)]);
    for mut session in [begun(Side::Opener), opened().0] {
        session.receive(&Message::Ended(Why::TooMuch).encode(), NOW);
        let outputs = outputs(&mut session);
        assert!(outputs.contains(&Output::End(End::ByPeer(Why::TooMuch))), "{outputs:?}");
    }
}

#[test]
fn objects_come_as_many_as_were_told_of_and_of_the_stream_that_was_asked_for() {
    let objects = |count: usize| Message::Objects(Objects { number: 0, parts: vec![Parts(vec![0]); count] }).encode();
    let (mut session, _, _) = asking();
    session.receive(&Message::Response(Response { objects: 3, ..response(0) }).encode(), NOW);
    session.receive(&objects(2), NOW);
    assert_eq!(end(&mut session), None);
    session.receive(&objects(2), NOW);
    assert_eq!(end(&mut session), Some(End::TooMuch("more objects than it told of")));

    let (mut session, _, _) = asking();
    session.receive(&Message::Response(Response { objects: 3, ..response(0) }).encode(), NOW);
    session.receive(&objects(2), NOW);
    let other = vec![Rejected::Refused(Refused::OtherStream)];
    let heard = said(&mut session, |_| Answer::Taken { admitted: 1, gaps: vec![], rejected: other.clone() });
    assert_eq!(heard, [Message::Ended(Why::Unexpected)]);
}
