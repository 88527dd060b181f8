//! Synchronization: what it takes until two replicas are equal, in bytes, round trips and time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use pollster::block_on;
use streams_core::node::peers::{Meeting, Streams};
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::Event;
use streams_core::transport::{Transport, TransportError};
use streams_core::{
    Authentic, Draft, Edges, HashKey, MemoryClock, MemoryStore, MemoryTransport, Node, ObjectId, Rule, Store, Stream,
    StreamId,
};
use streams_sqlite::SqliteStore;

use crate::objects::{data, keys};
use crate::{Bound, Row};

const MANY: usize = 100_000;

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(equal_and_tail());
    rows.extend(scattered());
    rows.extend(streams());
    rows.extend(first());
    rows
}

fn hash_key() -> HashKey {
    HashKey::from_bytes([2; 16])
}

fn node() -> Node {
    Node::new(Arc::new(MemoryStore::new([1; 16], hash_key())), hash_key()).with_memory(8 << 30)
}

/// A line of events by 16 authors in turn, of about 300 bytes, signed; and the stream that has its root.
fn line(count: usize) -> (Stream, Vec<Arc<[u8]>>) {
    let keys = keys(16);
    let root = Draft::root("bench/stream", [0; 16]).policies([Rule::open_to_all()]).sign(&keys[0]).expect("a root");
    let stream = Stream::open(root, hash_key()).expect("a root");
    let mut previous = vec![None; keys.len()];
    previous[0] = Some(stream.id());
    let mut parent = stream.id();
    let events = (0..count).map(|i| {
        let author = i % keys.len();
        let generation = i as u64 + 1;
        let edges = Edges { stream: stream.id(), parents: vec![parent], previous: previous[author], generation };
        let object = Draft::event("bench/event", edges).data(data(i)).sign(&keys[author]).expect("an event");
        parent = object.id();
        previous[author] = Some(parent);
        object.object().parts().clone()
    });
    let events = events.collect();
    (stream, events)
}

/// A node that has these objects of a stream, whose signatures nobody verifies again.
fn with(stream: &Stream, parts: &[Arc<[u8]>]) -> Node {
    let node = node();
    let root = stream.object(&stream.id()).expect("its root");
    block_on(async {
        let id = node.create(root).await.expect("a stream");
        take(&node, id, parts).await;
    });
    node
}

async fn take(node: &Node, id: StreamId, parts: &[Arc<[u8]>]) {
    for some in parts.chunks(10_000) {
        let taken = node.write(id, |stream| {
            some.iter().for_each(|parts| drop(stream.ingest_verified(parts).expect("an event")));
        });
        taken.await.expect("a commit");
    }
}

/// One end of a link, which counts what goes over it.
#[derive(Debug)]
struct Counted {
    link: MemoryTransport,
    sent: Counter,
    received: Counter,
    rounds: AtomicUsize,
    /// Whether something came since something was sent.
    heard: AtomicBool,
}

#[derive(Debug, Default)]
struct Counter {
    frames: AtomicUsize,
    bytes: AtomicUsize,
}

impl Counter {
    /// The first two frames of each side are the handshake.
    fn count(&self, frame: &[u8]) -> bool {
        let counts = self.frames.fetch_add(1, Ordering::Relaxed) >= 2;
        if counts {
            self.bytes.fetch_add(frame.len(), Ordering::Relaxed);
        }
        counts
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl Transport for Counted {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if self.sent.count(&frame) && self.heard.swap(false, Ordering::Relaxed) {
            self.rounds.fetch_add(1, Ordering::Relaxed);
        }
        self.link.send(frame).await
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let frame = self.link.recv().await?;
        if let Some(frame) = &frame {
            self.received.count(frame);
            self.heard.store(true, Ordering::Relaxed);
        }
        Ok(frame)
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.link.close().await
    }

    fn channel(&self) -> &[u8] {
        self.link.channel()
    }
}

/// What a meeting cost, without the handshake, and with the farewell of both sides.
struct Cost {
    sent: usize,
    received: usize,
    /// How often the opener spoke again after it had heard something; the last time to say that it asks for nothing more.
    rounds: usize,
    objects: u64,
    seconds: f64,
}

fn meeting(side: Side, number: u8) -> Meeting {
    let key = keys(40).swap_remove(usize::from(number));
    let meeting = Meeting::new(key, side, [number; 32], Arc::new(MemoryClock::new(1_795_266_300_000)));
    Meeting { takes_unknown: true, ..meeting }
}

fn meet(one: &Node, other: &Node, streams: Streams<'_>) -> Cost {
    let (near, far) = MemoryTransport::pair(b"bench");
    let (sent, received) = (Counter::default(), Counter::default());
    let (rounds, heard) = (AtomicUsize::new(0), AtomicBool::new(true));
    let near = Arc::new(Counted { link: near, sent, received, rounds, heard });
    let objects = Mutex::new(0);
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| block_on(other.serve(Arc::new(far), meeting(Side::Answerer, 30), |_| ())).expect("a peer"));
        let note = |event: &Event| {
            if let Event::Received { admitted, .. } | Event::Served { sent: admitted, .. } = event {
                *objects.lock().expect("one thread") += admitted;
            }
        };
        block_on(one.sync(near.clone(), meeting(Side::Opener, 31), streams, note)).expect("a peer");
    });
    let seconds = start.elapsed().as_secs_f64();
    let objects = objects.into_inner().expect("one thread");
    let rounds = near.rounds.load(Ordering::Relaxed);
    Cost { sent: near.sent.bytes(), received: near.received.bytes(), rounds, objects, seconds }
}

fn at_most(what: &'static str, ours: String, of: &str, figure: f64, most: f64) -> Row {
    Row { what, ours, beside: format!("its bound in {of}"), figure, bound: Bound::AtMost(most) }
}

/// Equal replicas, and one that is a thousand objects behind.
fn equal_and_tail() -> Vec<Row> {
    let (stream, events) = line(MANY);
    let full = with(&stream, &events);
    let other = with(&stream, &events);
    let id = stream.id();
    let equal = meet(&other, &full, Streams::These(&[id]));
    assert_eq!(equal.objects, 0);
    let behind = with(&stream, &events[..MANY - 1000]);
    let tail = meet(&behind, &full, Streams::These(&[id]));
    assert_eq!(tail.objects, 1000);
    let bytes: usize = events[MANY - 1000..].iter().map(|parts| parts.len()).sum();
    // The other way round: who asks has more.
    let behind = with(&stream, &events[..MANY - 1000]);
    let ahead = meet(&full, &behind, Streams::These(&[id]));
    vec![
        at_most(
            "equal replicas of 100k objects: bytes in the dearer direction",
            format!("{} there, {} back, {:.1} ms", equal.sent, equal.received, equal.seconds * 1e3),
            "bytes",
            equal.sent.max(equal.received) as f64,
            1024.0,
        ),
        at_most(
            "equal replicas: round trips, beside the farewell",
            (equal.rounds - 1).to_string(),
            "round trips",
            (equal.rounds - 1) as f64,
            1.0,
        ),
        at_most(
            "1,000 new objects on the tail: bytes beside theirs",
            format!("{} there, {} back for {bytes}", tail.sent, tail.received),
            "bytes",
            (tail.sent + tail.received) as f64 - bytes as f64,
            1024.0 + bytes as f64 / 10.0,
        ),
        at_most(
            "1,000 new objects on the tail: round trips, beside the farewell",
            format!("{}; {} where the one ahead asks", tail.rounds - 1, ahead.rounds - 1),
            "round trips",
            (tail.rounds - 1) as f64,
            2.0,
        ),
        at_most(
            "1,000 new objects on the tail, where the one ahead asks: objects too many",
            (ahead.objects - 1000).to_string(),
            "objects",
            (ahead.objects - 1000) as f64,
            100.0,
        ),
    ]
}

/// Objects that hang here and there on a line, five at each side, among a thousand that both have.
fn scattered() -> Vec<Row> {
    let (stream, mut events) = line(MANY - 1000);
    let keys = keys(16);
    let ids: Vec<ObjectId> =
        events.iter().map(|parts| streams_core::Object::decode(parts).expect("an event").id()).collect();
    let aside = |number: usize| {
        let at = number * 97 % ids.len();
        let (parent, previous) = (ids[at], Some(ids[at]));
        let edges = Edges { stream: stream.id(), parents: vec![parent], previous, generation: at as u64 + 2 };
        let draft = Draft::event("bench/aside", edges).data(data(number));
        let object: Authentic = draft.sign(&keys[at % keys.len()]).expect("an event");
        object.object().parts().clone()
    };
    events.extend((0..1000).map(aside));
    let [one, other] = [2000..2005, 3000..3005].map(|more| {
        let node = with(&stream, &events);
        block_on(take(&node, stream.id(), &more.map(aside).collect::<Vec<_>>()));
        node
    });
    let cost = meet(&one, &other, Streams::These(&[stream.id()]));
    assert_eq!(cost.objects, 10);
    let frontier = |node: &Node| block_on(node.read(stream.id(), Stream::frontier)).expect("it is here");
    assert_eq!(frontier(&one), frontier(&other));
    let bytes = cost.sent + cost.received;
    vec![
        at_most(
            "10 differences scattered in 100k objects with 1,000 leaves: bytes, with the objects",
            format!("{} there, {} back, {:.0} ms", cost.sent, cost.received, cost.seconds * 1e3),
            "bytes",
            bytes as f64,
            20_480.0,
        ),
        at_most(
            "10 differences scattered: round trips, beside the farewell",
            (cost.rounds - 1).to_string(),
            "round trips",
            (cost.rounds - 1) as f64,
            6.0,
        ),
    ]
}

/// Ten changed streams among a hundred thousand.
fn streams() -> Vec<Row> {
    let keys = keys(2);
    let [one, other] = [node(), node()];
    let mut ids = BTreeSet::new();
    for number in 0..MANY {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let root = Draft::root("bench/stream", nonce).sign(&keys[0]).expect("a root");
        for node in [&one, &other] {
            ids.insert(block_on(node.create(root.clone())).expect("a stream"));
        }
    }
    for id in ids.iter().step_by(MANY / 10) {
        let append = |stream: &mut Stream| drop(stream.by(&keys[0]).append("bench/event", data(1)).expect("an event"));
        block_on(one.write(*id, append)).expect("a commit");
    }
    let cost = meet(&other, &one, Streams::All);
    assert_eq!(cost.objects, 10);
    let again = meet(&other, &one, Streams::All);
    vec![
        at_most(
            "10 changed among 100k streams: bytes, with the objects",
            format!("{} there, {} back, {:.0} ms", cost.sent, cost.received, cost.seconds * 1e3),
            "bytes",
            (cost.sent + cost.received) as f64,
            30_720.0,
        ),
        at_most(
            "10 changed among 100k streams: round trips, beside the farewell",
            (cost.rounds - 1).to_string(),
            "round trips",
            (cost.rounds - 1) as f64,
            6.0,
        ),
        at_most(
            "100k equal streams: bytes to find that",
            format!("{} there, {} back, {:.0} ms", again.sent, again.received, again.seconds * 1e3),
            "bytes",
            (again.sent + again.received) as f64,
            1024.0,
        ),
    ]
}

/// A first sync over loopback, from one SQLite store into another.
fn first() -> Vec<Row> {
    let (few, many) = (first_of(MANY), first_of(10 * MANY));
    vec![
        Row {
            what: "first sync of 100k objects over loopback TCP, from SQLite into SQLite",
            ours: format!("{few:.0} objects/s"),
            beside: "its bound in thousands".into(),
            figure: few / 1e3,
            bound: Bound::AtLeast(30.0),
        },
        Row {
            what: "first sync: rate of 1M objects, by that of 100k",
            ours: format!("{many:.0} objects/s"),
            beside: format!("{few:.0} objects/s"),
            figure: many / few,
            bound: Bound::AtLeast(1.0),
        },
    ]
}

/// Objects a second.
fn first_of(count: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let (stream, events) = line(count);
    let store =
        |name: &str| -> Arc<dyn Store> { Arc::new(SqliteStore::open(folder.path().join(name)).expect("a new store")) };
    let id = stream.id();
    let server = Node::new(store("server.db"), hash_key());
    block_on(async {
        server.create(stream.object(&id).expect("its root")).await.expect("a stream");
        take(&server, id, &events).await;
    });
    drop(events);
    // As after a start: nothing is open.
    let server = Node::new(server.store().clone(), hash_key());
    let client = Node::new(store("client.db"), hash_key());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let listener = streams_tcp::Listener::bind("127.0.0.1:0", streams_tcp::Options::default()).await;
        let listener = listener.expect("a port");
        let address = listener.address().expect("an address").to_string();
        let serve = tokio::spawn(async move {
            let link = listener.accept().await.expect("a peer");
            server.serve(Arc::new(link), meeting(Side::Answerer, 30), |_| ()).await
        });
        let start = Instant::now();
        let link = streams_tcp::connect(&address, streams_tcp::Options::default()).await.expect("a peer");
        let synced = client.sync(Arc::new(link), meeting(Side::Opener, 31), Streams::These(&[id]), |_| ()).await;
        synced.expect("a peer");
        let seconds = start.elapsed().as_secs_f64();
        serve.await.expect("a task").expect("a peer");
        let head = client.head(id).await.expect("a store").expect("it came");
        assert_eq!(head.objects as usize, count + 1);
        count as f64 / seconds
    })
}
