//! Two nodes become equal over a link, whoever lacks what; and who does not keep to the rules ends its own session.

use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;
use streams_core::conformance::fixtures::{Dice, NOTE, act, author, begin, content, hash_key};
use streams_core::node::peers::{Meeting, PeerError};
use streams_core::sync::handshake::Side;
use streams_core::sync::messages::{
    Announcement, Hello, Id, Ids, Key, Message, Objects, Parts, Reason, Request, Response, Subscription,
};
use streams_core::sync::questions::{End, Event, Output};
use streams_core::sync::session::Session;
use streams_core::{Domain, MemoryStore, MemoryTransport, Node, Rule, SigningKey, Stream, StreamId, VerifyingKey};

const NOW: u64 = 1_795_266_300_000;

fn node() -> Node {
    Node::new(Arc::new(MemoryStore::new([0; 16], hash_key())), hash_key())
}

fn meeting(side: Side, number: u8) -> Meeting {
    let clock = Box::new(|| NOW);
    Meeting { key: author(number), side, nonce: [number; 32], clock, takes_unknown: side == Side::Answerer }
}

/// A node that has all of a stream.
fn with(stream: &Stream) -> (Node, StreamId) {
    let node = node();
    let id = pollster::block_on(async {
        let id = node.create(stream.object(&stream.id()).unwrap()).await.unwrap();
        let parts: Vec<_> = stream.entries().skip(1).map(|entry| entry.authentic.object().parts().clone()).collect();
        node.ingest(id, &parts, 0).await.unwrap();
        id
    });
    (node, id)
}

/// One synchronizes with the other; what both were told.
fn meet(one: &Node, other: &Node, streams: &[StreamId]) -> (Result<VerifyingKey, PeerError>, Vec<Event>, Vec<Event>) {
    let (near, far) = MemoryTransport::pair(b"one connection");
    let (of_one, of_other) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let synced = thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let tell = |event: &Event| of_other.lock().unwrap().push(event.clone());
            pollster::block_on(other.serve(Arc::new(far), meeting(Side::Answerer, 9), tell))
        });
        let tell = |event: &Event| of_one.lock().unwrap().push(event.clone());
        let synced = pollster::block_on(one.sync(Arc::new(near), meeting(Side::Opener, 8), streams, tell));
        assert_eq!(serving.join().unwrap().unwrap(), author(8).verifying_key());
        synced
    });
    (synced, of_one.into_inner().unwrap(), of_other.into_inner().unwrap())
}

fn digest(node: &Node, stream: StreamId) -> [u8; 32] {
    pollster::block_on(node.read(stream, Stream::order_digest)).unwrap()
}

fn sent(events: &[Event]) -> u64 {
    events.iter().map(|event| if let Event::Served { sent, .. } = event { *sent } else { 0 }).sum()
}

/// A stream in which many things happened, and two replicas of it that went on apart.
fn apart(seed: u64, together: u64, each: u64) -> [Stream; 2] {
    let mut dice = Dice(seed);
    let mut one = begin(0);
    (0..together).for_each(|number| act(&mut one, &mut dice, number));
    let mut other = one.clone();
    (0..each).for_each(|number| act(&mut one, &mut dice, 10_000 + number));
    (0..each).for_each(|number| act(&mut other, &mut dice, 20_000 + number));
    [one, other]
}

#[test]
fn replicas_that_went_apart_become_equal() {
    for seed in 0..6 {
        let [one, other] = apart(seed, 60, 25);
        let mut both = one.clone();
        other.entries().skip(1).for_each(|entry| drop(both.admit(entry.authentic, 0)));
        let ((one, id), (other, _)) = (with(&one), with(&other));
        let (synced, of_one, of_other) = meet(&one, &other, &[id]);
        assert_eq!(synced.unwrap(), author(9).verifying_key());
        assert_eq!(digest(&one, id), both.order_digest(), "seed {seed}");
        assert_eq!(digest(&other, id), both.order_digest(), "seed {seed}");
        // What both had before is hardly sent again.
        assert!(sent(&of_one) + sent(&of_other) <= 2 * 2 * 25 + 4, "{} and {}", sent(&of_one), sent(&of_other));
        // Once more, and nothing is sent.
        let (synced, of_one, of_other) = meet(&one, &other, &[id]);
        synced.unwrap();
        assert_eq!((sent(&of_one), sent(&of_other)), (0, 0));
    }
}

#[test]
fn who_has_nothing_gets_all_and_who_is_given_something_new_takes_it() {
    let [stream, _] = apart(7, 80, 0);
    let (full, id) = with(&stream);
    let empty = node();
    meet(&empty, &full, &[id]).0.unwrap();
    assert_eq!(digest(&empty, id), stream.order_digest());
    // It is the one that serves, and asks back.
    let empty = node();
    let (synced, events, _) = meet(&full, &empty, &[id]);
    synced.unwrap();
    assert!(events.contains(&Event::Refused { stream: id, reason: Reason::Unknown, shown: None }));
    assert_eq!(digest(&empty, id), stream.order_digest());
    // Nobody has it.
    let (synced, events, _) = meet(&node(), &node(), &[id]);
    synced.unwrap();
    assert!(events.contains(&Event::Refused { stream: id, reason: Reason::Unknown, shown: None }), "{events:?}");
}

#[test]
fn many_frames_go_both_ways_at_once() {
    let mut one = begin(0);
    let mut other = one.clone();
    for number in 0..60 {
        one.by(&author(0)).append(NOTE, content(number, 60_000)).unwrap();
        other.by(&author(1)).append(NOTE, content(number, 60_000)).unwrap();
    }
    let ((one, id), (other, _)) = (with(&one), with(&other));
    meet(&one, &other, &[id]).0.unwrap();
    assert_eq!(digest(&one, id), digest(&other, id));
    assert_eq!(pollster::block_on(one.head(id)).unwrap().unwrap().objects, 121);
}

#[test]
fn who_may_not_read_is_shown_the_rule_and_nothing_else() {
    let [mut stream, _] = apart(3, 10, 0);
    let rule = Rule::remove(&author(8).verifying_key());
    let removal = stream.by(&author(0)).govern([rule]).unwrap();
    let (full, id) = with(&stream);
    let empty = node();
    let (synced, events, served) = meet(&empty, &full, &[id]);
    synced.unwrap();
    let shown = Some(removal.object().parts().to_vec());
    assert!(events.contains(&Event::Refused { stream: id, reason: Reason::Denied, shown }), "{events:?}");
    assert_eq!(sent(&served), 0);
    assert!(pollster::block_on(empty.head(id)).unwrap().is_none());
}

#[test]
fn who_follows_is_told_of_news_and_tells_its_own() {
    let [stream, _] = apart(5, 10, 0);
    let (server, id) = with(&stream);
    let followers = [node(), node()];
    let write = |node: &Node, number: u64| {
        let written = node.write(id, |stream| drop(stream.by(&author(0)).append(NOTE, content(number, 20)).unwrap()));
        pollster::block_on(written).unwrap();
    };
    let reaches = |node: &Node, objects: u64| {
        for _ in 0..500 {
            let head = pollster::block_on(node.head(id)).unwrap();
            if head.is_some_and(|head| head.objects >= objects) {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{objects} objects were not reached: {:?}", pollster::block_on(node.head(id)));
    };
    let told = Mutex::new(0);
    thread::scope(|scope| {
        let links: Vec<_> = (0..2_u8).map(|number| MemoryTransport::pair(&[number])).collect();
        let mut closers = Vec::new();
        for (number, (near, far)) in links.into_iter().enumerate() {
            let (near, far) = (Arc::new(near), Arc::new(far));
            closers.push(far.clone());
            let (server, follower, told) = (&server, &followers[number], &told);
            scope.spawn(move || pollster::block_on(server.serve(far, meeting(Side::Answerer, 9), |_| ())));
            scope.spawn(move || {
                let mut meeting = meeting(Side::Opener, 5 + number as u8);
                meeting.takes_unknown = true;
                let tell =
                    |event: &Event| *told.lock().unwrap() += usize::from(matches!(event, Event::Received { .. }));
                pollster::block_on(follower.follow(near, meeting, &[id], NOW + 1000, tell))
            });
        }
        let begun = stream.len() as u64;
        followers.iter().for_each(|follower| reaches(follower, begun));
        // News of the server reaches both; news of a follower reaches the server, and through it the other.
        write(&server, 1);
        followers.iter().for_each(|follower| reaches(follower, begun + 1));
        write(&followers[0], 2);
        reaches(&server, begun + 2);
        reaches(&followers[1], begun + 2);
        for number in 3..10 {
            write(&followers[1], number);
        }
        reaches(&followers[0], begun + 9);
        closers
            .into_iter()
            .for_each(|link| pollster::block_on(streams_core::transport::Transport::close(&*link)).unwrap());
    });
    // Nothing goes round in circles: every object was received about once by each.
    assert!(*told.lock().unwrap() <= 2 * (stream.len() + 9), "{}", told.lock().unwrap());
    assert_eq!(digest(&followers[0], id), digest(&server, id));
    assert_eq!(digest(&followers[1], id), digest(&server, id));
}

// Who does not keep to the rules.

/// A session that was opened with a peer whose frames a test writes.
fn opened() -> (Session, SigningKey) {
    let mut session = Session::new(author(1), Side::Answerer, [1; 32], b"channel", NOW);
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
        .filter_map(|output| if let Output::Send(frame) = output { Some(frame) } else { None })
        .collect()
}

fn outputs(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll()).collect()
}

fn end(session: &mut Session) -> Option<End> {
    outputs(session).into_iter().find_map(|output| if let Output::End(end) = output { Some(end) } else { None })
}

fn begun(side: Side) -> Session {
    Session::new(author(1), side, [1; 32], b"channel", NOW)
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
    let frontier = [0; 32];
    let not_asked = [
        objects(0),
        Message::Done(0),
        Message::Taken(0),
        Message::Response(Response { number: 0, leaves: Ids(vec![]), frontier, asks_back: false }),
        Message::Announcement(Announcement { stream: id, leaves: Ids(vec![]), frontier }),
        Message::Subscription(Subscription { streams: Ids(vec![id.0]), expires: NOW }),
        Message::Subscription(Subscription { streams: Ids(vec![id.0]), expires: NOW + 86_400_001 }),
    ];
    for message in not_asked {
        let (mut session, _) = opened();
        session.receive(&message.encode(), NOW);
        assert!(matches!(end(&mut session), Some(End::Unexpected(_))), "{message:?}");
    }
    let request =
        |number| Message::Request(Request { number, stream: id, leaves: Ids(vec![]), frontier, samples: Ids(vec![]) });
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
            Message::Request(Request { number, stream: id, leaves: ids.clone(), frontier: leaf, samples: Ids(vec![]) }),
            Message::Response(Response { number, leaves: ids, frontier: leaf, asks_back }),
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
