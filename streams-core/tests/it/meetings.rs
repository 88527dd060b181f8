//! What nodes find out about each other: wide graphs, many streams, maps, subscriptions in a stream, who has what, and
//! how complete a stream is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use async_trait::async_trait;
use streams_core::conformance::fixtures::{NOTE, author, begin, content, hash_key};
use streams_core::node::find::Dial;
use streams_core::node::peers::Meeting;
use streams_core::object::header::types;
use streams_core::simulate::{BEGINNING, Told, Weather, Who, World};
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::Event;
use streams_core::sync::said::Reason;
use streams_core::transport::{Transport, TransportError};
use streams_core::{
    Draft, Map, MemoryClock, MemoryStore, MemoryTransport, Node, ObjectId, Rule, Stream, StreamId, Value,
};

/// A world with so many nodes, of which the first has a stream that is open to all.
fn world(nodes: u8) -> (World, StreamId) {
    let mut world = World::new(1, Weather::FINE);
    for number in 0..nodes {
        world.node(author(number));
    }
    let stream = begin(0);
    let root = stream.object(&stream.id()).unwrap();
    let id = world.create(0, root);
    (world, id)
}

fn write(world: &mut World, who: Who, stream: StreamId, number: u64) {
    world.write(who, stream, |stream, key| drop(stream.by(key).append(NOTE, content(number, 16)).unwrap()));
}

fn meet(world: &mut World, one: Who, other: Who, streams: &[StreamId]) {
    world.sync(one, other, streams);
    world.pass(10_000);
}

fn frontier(world: &mut World, who: Who, stream: StreamId) -> [u8; 32] {
    world.read(who, stream, Stream::frontier).expect("it is there")
}

fn events(world: &mut World, who: Who) -> Vec<Event> {
    let told = world.told(who).into_iter();
    told.map(|told| match told {
        Told::Event(event) => event,
        Told::Failed(error) => panic!("a session failed: {error}"),
    })
    .collect()
}

fn forget_events(world: &mut World) {
    for who in [0, 1] {
        events(world, who);
    }
}

fn served(events: &[Event]) -> u64 {
    events.iter().map(|event| if let Event::Served { sent, .. } = event { *sent } else { 0 }).sum()
}

#[test]
fn graphs_that_are_wide_are_reconciled_by_ranges() {
    let (mut world, id) = world(2);
    // Every note cites the root alone: as many leaves as notes.
    let aside = |number: u64| {
        let root = begin(0);
        let mut aside = root.clone();
        aside.by(&author(number as u8 % 4)).append(NOTE, content(number, 16)).unwrap()
    };
    let give = |world: &mut World, who, numbers: std::ops::Range<u64>| {
        world.write(who, id, |stream, _| numbers.for_each(|number| drop(stream.admit(aside(number), 0).unwrap())));
    };
    give(&mut world, 0, 0..600);
    meet(&mut world, 1, 0, &[id]);
    give(&mut world, 0, 1_000..1_080);
    give(&mut world, 1, 2_000..2_090);
    forget_events(&mut world);
    meet(&mut world, 0, 1, &[id]);
    assert_eq!(frontier(&mut world, 0, id), frontier(&mut world, 1, id));
    assert_eq!(world.read(0, id, Stream::len), Some(1 + 600 + 80 + 90));
    // Nothing was sent twice.
    assert_eq!(served(&events(&mut world, 0)), 80);
    assert_eq!(served(&events(&mut world, 1)), 90);
}

#[test]
fn of_many_streams_only_those_that_differ_are_asked_for() {
    let (mut world, _) = world(3);
    let root = |number: u8, who: u8| Draft::root("test/many", [number; 16]).sign(&author(who)).unwrap();
    let ids: Vec<StreamId> = (0..100).map(|number| world.create(0, root(number, 0))).collect();
    world.sync_all(1, 0);
    world.pass(10_000);
    assert!(ids.iter().all(|id| world.has(1, *id)));
    // One that only the other has, one that only this one has, three that changed at one side or both, and one that the
    // other may not read.
    let theirs = world.create(1, root(200, 1));
    let ours = world.create(0, root(201, 0));
    let readers = Rule::readers([&author(0).verifying_key()]);
    let secret = Draft::root("test/secret", [0; 16]).policies([readers]).sign(&author(0)).unwrap();
    let secret = world.create(0, secret);
    write(&mut world, 0, ids[3], 1);
    world.write(0, ids[5], |stream, key| drop(stream.by(key).checkpoint().unwrap()));
    write(&mut world, 0, ids[70], 2);
    forget_events(&mut world);
    world.sync_all(0, 1);
    world.pass(10_000);
    for id in ids.iter().chain([&theirs, &ours]) {
        assert_eq!(frontier(&mut world, 0, *id), frontier(&mut world, 1, *id));
    }
    assert!(!world.has(1, secret));
    let told = events(&mut world, 1);
    assert_eq!(told.iter().filter(|event| matches!(event, Event::Synced { .. })).count(), 4, "{told:?}");
    assert!(told.iter().all(|event| !matches!(event, Event::Refused { reason: Reason::Denied, .. })));
    // Once more, and nothing is asked for.
    forget_events(&mut world);
    world.sync_all(2, 1);
    world.sync_all(0, 1);
    world.pass(10_000);
    let told = events(&mut world, 0);
    assert!(
        told.iter().all(|event| matches!(event, Event::Proven { .. } | Event::Compared { streams: 0 })),
        "{told:?}"
    );
}

#[test]
fn maps_that_are_lacking_come_from_whoever_has_them_but_what_was_dropped_stays_dropped() {
    let (mut world, id) = world(3);
    write(&mut world, 0, id, 1);
    meet(&mut world, 1, 0, &[id]);
    let is_whole = |world: &mut World, who: Who| {
        world.read(who, id, |stream| stream.entries().all(|entry| !entry.authentic.object().is_redacted())).unwrap()
    };
    world.write(1, id, |stream, _| {
        let note = stream.entries().nth(1).unwrap().authentic;
        let map = ObjectId::of_block(note.object().maps()[0]);
        stream.redact(&note.id(), &map).unwrap().unwrap();
    });
    // The third has it from one who dropped its content.
    meet(&mut world, 2, 1, &[id]);
    assert!(!is_whole(&mut world, 2));
    let completeness = world.at(2, async |node| node.completeness(id).await).unwrap();
    assert_eq!(completeness.redacted.len(), 1);
    meet(&mut world, 2, 1, &[id]);
    assert!(!is_whole(&mut world, 2));
    meet(&mut world, 2, 0, &[id]);
    assert!(is_whole(&mut world, 2));
    meet(&mut world, 1, 0, &[id]);
    meet(&mut world, 2, 1, &[id]);
    assert!(!is_whole(&mut world, 1) && is_whole(&mut world, 2));
}

#[test]
fn a_subscription_in_the_stream_is_heard_in_every_session_until_it_expires() {
    let (mut world, id) = world(3);
    [1, 2].iter().for_each(|who| meet(&mut world, *who, 0, &[id]));
    let expires = BEGINNING + 500_000;
    world.write(1, id, |stream, key| {
        let data = Map::new().with("expires", Value::Uint(expires)).unwrap();
        stream.by(key).append(types::SUBSCRIPTION, data).unwrap();
    });
    meet(&mut world, 1, 0, &[id]);
    // Sessions in which nobody subscribed to anything of it.
    [1, 2].iter().for_each(|who| world.follow(*who, 0, &[], 24 * 60 * 60 * 1000));
    world.pass(10_000);
    write(&mut world, 0, id, 1);
    world.pass(10_000);
    assert_eq!(frontier(&mut world, 1, id), frontier(&mut world, 0, id));
    assert_ne!(frontier(&mut world, 2, id), frontier(&mut world, 0, id));
    world.pass(500_000);
    write(&mut world, 0, id, 2);
    world.pass(10_000);
    assert_ne!(frontier(&mut world, 1, id), frontier(&mut world, 0, id));
}

/// Whoever follows has the other's news and tells its own, also where the stream changes in the middle of being asked for.
#[test]
fn what_changes_while_it_is_asked_for_is_not_forgotten() {
    for moment in 0..60 {
        for writer in [0, 1] {
            let (mut world, stream) = world(2);
            meet(&mut world, 1, 0, &[stream]);
            world.follow(1, 0, &[stream], 600_000);
            world.pass(moment);
            write(&mut world, writer, stream, 7);
            world.pass(10_000);
            let [one, other] = [0, 1].map(|who| frontier(&mut world, who, stream));
            assert!(one == other, "what {writer} wrote after {moment} ms did not come");
        }
    }
}

#[test]
fn whose_right_to_read_ends_is_shown_the_rule_and_hears_no_more() {
    let (mut world, id) = world(2);
    world.follow(1, 0, &[id], 60_000);
    world.pass(1_000);
    let readers = Rule::readers([&author(0).verifying_key()]);
    let secret = Draft::root("test/secret", [0; 16]).policies([readers]).sign(&author(0)).unwrap();
    let secret = world.create(0, secret);
    write(&mut world, 0, id, 1);
    world.pass(1_000);
    assert_eq!(frontier(&mut world, 1, id), frontier(&mut world, 0, id));
    // It loses its right: the next change is told to it as a refusal, with the rule that says so.
    let removal = Rule::remove(&author(1).verifying_key());
    world.write(0, id, |stream, key| drop(stream.by(key).govern([removal]).unwrap()));
    world.pass(1_000);
    assert!(!world.has(1, secret));
    let told = events(&mut world, 1);
    let denied = |event: &&Event| matches!(event, Event::Refused { reason: Reason::Denied, shown: Some(_), .. });
    assert_eq!(told.iter().filter(denied).count(), 1, "{told:?}");
    assert_ne!(frontier(&mut world, 1, id), frontier(&mut world, 0, id));
}

#[test]
fn completeness_tells_what_is_attested_by_whom() {
    let (mut world, id) = world(3);
    (0..10).for_each(|number| write(&mut world, 0, id, number));
    meet(&mut world, 1, 0, &[id]);
    write(&mut world, 0, id, 10);
    meet(&mut world, 2, 0, &[id]);
    meet(&mut world, 2, 1, &[id]);
    write(&mut world, 2, id, 11);
    let report = world.at(2, async |node| node.completeness(id).await).unwrap();
    assert_eq!((report.objects, report.by_several, report.by_one, report.by_none), (13, 11, 1, 1));
    assert_eq!((report.gaps.len(), report.redacted.len(), report.peers.len()), (0, 0, 2));
    assert_eq!(report.peers[0].peer(), author(1).verifying_key());
    assert_eq!(report.peers.iter().map(|stated| stated.objects).collect::<Vec<_>>(), [11, 12]);
    let known = world.at(2, async |node| node.peers().await).unwrap();
    assert_eq!(
        known.iter().map(|known| known.peer()).collect::<Vec<_>>(),
        [1, 0].map(|who| author(who).verifying_key())
    );
}

// Looking for streams.

/// Nodes at addresses, each served by a thread for every link.
struct Town<'a, 'scope> {
    nodes: &'scope BTreeMap<&'static str, Node>,
    scope: &'a thread::Scope<'a, 'scope>,
    dialled: Mutex<Vec<String>>,
}

fn meeting(side: Side, number: u8) -> Meeting {
    Meeting::new(author(number), side, [number; 32], Arc::new(MemoryClock::new(BEGINNING)))
}

#[async_trait]
impl Dial for Town<'_, '_> {
    async fn dial(&self, address: &str) -> Result<Arc<dyn Transport>, TransportError> {
        self.dialled.lock().unwrap().push(address.to_owned());
        let Some((number, node)) = self.nodes.keys().position(|name| *name == address).zip(self.nodes.get(address))
        else {
            return Err(TransportError::closed());
        };
        let (near, far) = MemoryTransport::pair(address.as_bytes());
        self.scope.spawn(move || {
            pollster::block_on(node.serve(Arc::new(far), meeting(Side::Answerer, 10 + number as u8), |_| ()))
        });
        Ok(Arc::new(near))
    }

    fn meeting(&self, address: &str) -> Meeting {
        Meeting { address: Some(address.to_owned()), ..meeting(Side::Opener, 1) }
    }
}

#[test]
fn a_stream_is_found_over_the_peers_of_peers() {
    let node = || Node::new(Arc::new(MemoryStore::new([0; 16], hash_key())), hash_key());
    let nodes: BTreeMap<&str, Node> = ["a", "b", "c", "d"].map(|name| (name, node())).into();
    let stream = begin(0);
    let root = stream.object(&stream.id()).unwrap();
    pollster::block_on(nodes["d"].create(root)).unwrap();
    thread::scope(|scope| {
        let town = Town { nodes: &nodes, scope, dialled: Mutex::default() };
        let find = |node: &Node, id: StreamId, at: &[&str]| {
            let at: Vec<String> = at.iter().map(|at| (*at).to_owned()).collect();
            pollster::block_on(node.find(&[id], &town, &at)).unwrap()
        };
        // b met c, and c met d, whoever they were looking for; and a knows b alone.
        let other = begin(1).id();
        assert!(find(&nodes["b"], other, &["c", "nowhere"]).silent.contains_key("nowhere"));
        assert!(find(&nodes["c"], other, &["d"]).places.is_empty());
        town.dialled.lock().unwrap().clear();
        let found = find(&nodes["a"], stream.id(), &["b"]);
        assert_eq!(found.places.keys().collect::<Vec<_>>(), ["d"]);
        assert_eq!(found.places["d"], (author(13).verifying_key(), vec![stream.id()]));
        assert_eq!(*town.dialled.lock().unwrap(), ["b", "c", "d"]);
    });
}
