//! Two nodes become equal over a link, whoever lacks what; and who does not keep to the rules ends its own session.

use std::sync::{Arc, Mutex};
use std::thread;

use streams_core::conformance::fixtures::{Dice, NOTE, act, author, begin, content, hash_key};
use streams_core::node::peers::{Meeting, PeerError, Streams};
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::Event;
use streams_core::sync::said::Reason;
use streams_core::{MemoryClock, MemoryStore, MemoryTransport, Node, Rule, Stream, StreamId, VerifyingKey};

const NOW: u64 = 1_795_266_300_000;

fn node() -> Node {
    Node::new(Arc::new(MemoryStore::new([0; 16], hash_key())), hash_key())
}

fn meeting(side: Side, number: u8) -> Meeting {
    let meeting = Meeting::new(author(number), side, [number; 32], Arc::new(MemoryClock::new(NOW)));
    Meeting { takes_unknown: side == Side::Answerer, ..meeting }
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
        let synced =
            pollster::block_on(one.sync(Arc::new(near), meeting(Side::Opener, 8), Streams::These(streams), tell));
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

fn is_refused(events: &[Event], why: Reason, with: Option<&[u8]>) -> bool {
    let is = |event: &Event| matches!(event, Event::Refused { reason, shown, .. } if *reason == why && shown.as_deref() == with);
    events.iter().any(is)
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
    assert!(is_refused(&events, Reason::Unknown, None));
    assert_eq!(digest(&empty, id), stream.order_digest());
    // Nobody has it.
    let (synced, events, _) = meet(&node(), &node(), &[id]);
    synced.unwrap();
    assert!(is_refused(&events, Reason::Unknown, None), "{events:?}");
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
    assert!(is_refused(&events, Reason::Denied, Some(removal.object().parts())), "{events:?}");
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
                pollster::block_on(follower.follow(near, meeting, Streams::These(&[id]), NOW + 1000, tell))
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
