//! What survives: writers and readers that are killed at any moment, a full disk, flipped bits, faults and restarts.
//!
//! `STREAMS_KILLS` tells how often a process is killed: 20, the default, is for every day.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::fixtures::{Dice, NOTE, act, author, begin, content, hash_key};
use streams_core::conformance::store::begin_all;
use streams_core::node::NodeError;
use streams_core::node::feed::{Cursor, Event, Filter};
use streams_core::store::{Head, Scan};
use streams_core::{MemoryStore, Node, ObjectId, Store, StoreErrorKind, Stream, StreamId, Value};
use streams_sqlite::SqliteStore;

const ROLE: &str = "STREAMS_CHILD";
const STORE: &str = "STREAMS_CHILD_STORE";

fn kills() -> u64 {
    std::env::var("STREAMS_KILLS").map_or(20, |kills| kills.parse().expect("STREAMS_KILLS is a number"))
}

fn open(path: &Path) -> Node {
    Node::new(Arc::new(SqliteStore::open(path).expect("it opens after every crash")), hash_key())
}

/// Runs this program again, as another process that does what the role says.
fn start(role: &str, store: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads", "1"])
        .env(ROLE, role)
        .env(STORE, store)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program")
}

/// Not a test: what the other processes do.
#[test]
#[ignore = "run by other tests as a process of its own"]
fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let path = std::env::var_os(STORE).expect("a store");
    match role.as_str() {
        "writer" => pollster::block_on(write_on(Path::new(&path))),
        "reader" => pollster::block_on(read_on(Path::new(&path))),
        "fill" => pollster::block_on(fill(Path::new(&path))),
        other => panic!("no role {other}"),
    }
}

/// Writes batches for ever, and says how many objects there are whenever one is durable.
async fn write_on(path: &Path) {
    let node = open(path);
    let streams = begin_all(&node, 2).await.expect("two streams");
    let mut dice = Dice(node.store().last().await.expect("an open store"));
    for batch in 0_u64.. {
        let stream = streams[dice.below(2)];
        let size = 1 + dice.below(40);
        let name = format!("{}/{batch}", std::process::id());
        let written = node.write(stream, |stream| {
            if dice.below(8) == 0 {
                act(stream, &mut dice, batch);
            }
            for _ in 0..size {
                let text = Value::Text(format!("{name}/{size}"));
                let data = content(batch, 64).with("batch", text).expect("a name");
                stream.by(&author(dice.below(3) as u8)).append("test/batch", data).expect("it is open to all");
            }
            stream.len()
        });
        let objects = written.await.expect("a durable batch");
        println!("durable {stream} {objects}");
        std::io::stdout().flush().expect("a pipe");
    }
}

/// What a killed writer had said last of each stream.
fn said(child: &mut Child) -> BTreeMap<StreamId, u64> {
    let mut said = BTreeMap::new();
    let output = child.stdout.take().expect("a pipe");
    for line in BufReader::new(output).lines() {
        // The last line may be cut off.
        let Ok(line) = line else { break };
        let words: Vec<&str> = line.split(' ').collect();
        if let ["durable", stream, objects] = words[..]
            && let (Ok(stream), Ok(objects)) = (stream.parse::<ObjectId>(), objects.parse::<u64>())
        {
            said.insert(stream, objects);
        }
    }
    said
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_was_durable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    let mut dice = Dice(1);
    let mut durable = 0;
    for _ in 0..kills() {
        let mut child = start("writer", &path);
        thread::sleep(Duration::from_millis(40 + dice.below(160) as u64));
        child.kill().expect("a running process");
        let said = said(&mut child);
        child.wait().expect("a process");
        durable += said.len();
        pollster::block_on(async {
            let node = open(&path);
            for (stream, objects) in said {
                let head = node.head(stream).await.expect("an answer").expect("it was durable");
                assert!(head.objects >= objects, "{objects} were durable, {} are there", head.objects);
            }
            for stream in node.store().streams(None, 10).await.expect("an answer") {
                let verified = node.verify(stream, |_| {}).await.expect("an answer");
                assert!(verified.is_clean(), "{:?}", verified.faults);
                batches_are_whole(&node, stream).await;
            }
        });
    }
    println!("{} writers killed, {durable} of their streams had grown", kills());
    assert!(durable > 0, "no writer came so far as to write");
}

async fn batches_are_whole(node: &Node, stream: StreamId) {
    let mut batches: BTreeMap<String, u64> = BTreeMap::new();
    let objects = node.page(stream, Scan::Type("test/batch".into(), 0), usize::MAX).await.expect("an answer");
    for object in objects {
        let data = object.authentic.object().data().expect("it has content");
        let Some(Value::Text(batch)) = data.value("batch") else { panic!("no batch") };
        *batches.entry(batch.clone()).or_default() += 1;
    }
    for (batch, count) in batches {
        let size = batch.rsplit('/').next().expect("a size");
        assert_eq!(count.to_string(), size, "batch {batch} is there in part");
    }
}

/// Keeps what the feed tells in a file beside the store, each line with the cursor behind it.
async fn read_on(path: &Path) {
    let node = open(path);
    let output = path.with_extension("output");
    let mut whole = fs::read_to_string(&output).unwrap_or_default();
    whole.truncate(whole.rfind('\n').map_or(0, |end| end + 1));
    fs::write(&output, &whole).expect("a file");
    let since = whole.lines().last().map(|line| {
        let cursor = line.split(' ').next().expect("a cursor");
        let bytes: Vec<u8> =
            (0..cursor.len()).step_by(2).map(|at| u8::from_str_radix(&cursor[at..at + 2], 16).expect("hex")).collect();
        Cursor::from_bytes(&bytes).expect("a cursor")
    });
    let filter = Filter { types: [NOTE.to_owned()].into(), ..Filter::default() };
    let mut feed = node.watch(filter, since).await.expect("a feed");
    let mut output = OpenOptions::new().append(true).open(&output).expect("a file");
    loop {
        match feed.next().await.expect("an event") {
            Event::Added { object, .. } => {
                let cursor: String = feed.cursor().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                writeln!(output, "{cursor} {}", object.authentic.id()).expect("a line");
            }
            Event::Reset(reset) => panic!("{reset}"),
            _ => {}
        }
    }
}

#[test]
fn a_reader_that_is_killed_sees_every_object_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    let (batches, size) = (kills() * 10, 50 * kills().div_ceil(20));
    let writer = {
        let path = path.clone();
        thread::spawn(move || {
            pollster::block_on(async {
                let node = open(&path);
                let mut written = Vec::new();
                // Streams that begin later are in the feed too.
                for batch in 0..batches {
                    let root = begin((batch / 40) as u8);
                    let stream = node.create(root.object(&root.id()).expect("its root")).await.expect("a stream");
                    let ids = node.write(stream, |stream| {
                        let write = |number| {
                            let key = author((number % 3) as u8);
                            stream.by(&key).append(NOTE, content(number, 32)).expect("it is open to all").id()
                        };
                        (0..size).map(write).collect::<Vec<ObjectId>>()
                    });
                    written.extend(ids.await.expect("a durable batch"));
                    thread::sleep(Duration::from_millis(15));
                }
                written
            })
        })
    };
    let mut dice = Dice(2);
    for _ in 0..kills() {
        let mut child = start("reader", &path);
        thread::sleep(Duration::from_millis(30 + dice.below(150) as u64));
        child.kill().expect("a running process");
        child.wait().expect("a process");
    }
    let written = writer.join().expect("a writer");
    let mut last = start("reader", &path);
    let output = path.with_extension("output");
    let seen = || -> Vec<ObjectId> {
        let text = fs::read_to_string(&output).unwrap_or_default();
        text.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect()
    };
    for _ in 0..600 {
        if seen().len() >= written.len() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    last.kill().expect("a running process");
    last.wait().expect("a process");
    let seen = seen();
    println!("{} objects, {} readers killed", written.len(), kills());
    assert!(seen == written, "{} of {} objects, or in another order", seen.len(), written.len());
}

/// Fills a small disk, and says what the store says.
async fn fill(path: &Path) {
    let node = open(path);
    let stream = begin_all(&node, 1).await.expect("a stream")[0];
    for number in 0.. {
        let written = node.write(stream, |stream| {
            for more in 0..100 {
                stream.by(&author(0)).append(NOTE, content(number * 100 + more, 400)).expect("its owner writes");
            }
        });
        if let Err(NodeError::Store(error)) = written.await {
            let Head { objects, .. } = node.head(stream).await.expect("an answer").expect("it is there");
            let clean = node.verify(stream, |_| {}).await.expect("an answer").is_clean();
            println!("full {} {objects} {} {clean}", error.kind().code(), number * 100 + 1);
            return;
        }
    }
}

#[test]
fn a_full_disk_says_so_and_keeps_what_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    // A disk of two megabytes, which this process alone sees.
    let script = "mount -t tmpfs -o size=2m tmpfs \"$0\" && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(folder.path())
        .arg(this)
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(ROLE, "fill")
        .env(STORE, folder.path().join("streams.db"))
        .output()
        .expect("unshare, of util-linux");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("full ")).map(|(_, said)| said);
    let line = line.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let words: Vec<&str> = line.split(' ').collect();
    assert_eq!((words[0], words[3]), ("full", "true"), "{line}");
    assert_eq!(words[1], words[2], "the last batch is not there in part: {line}");
}

/// A closed store in a file, with some streams, and their order digests.
fn written(path: &Path) -> BTreeMap<StreamId, [u8; 32]> {
    pollster::block_on(async {
        let node = open(path);
        let streams = begin_all(&node, 2).await.expect("two streams");
        let mut dice = Dice(3);
        let mut digests = BTreeMap::new();
        for stream in streams {
            let digest = node.write(stream, |stream| {
                (0..80).for_each(|number| act(stream, &mut dice, number));
                stream.order_digest()
            });
            digests.insert(stream, digest.await.expect("a durable batch"));
        }
        node.store().close().await.expect("an open store");
        digests
    })
}

#[test]
fn a_damaged_object_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    let digests = written(&path);
    let stream = *digests.keys().next().expect("a stream");
    let connection = rusqlite::Connection::open(&path).expect("a database");
    let damaged: [u8; 32] = connection
        .query_row("SELECT id FROM objects WHERE stream = 1 ORDER BY sequence LIMIT 1 OFFSET 40", [], |row| row.get(0))
        .expect("an object");
    let parts: Vec<u8> =
        connection.query_row("SELECT parts FROM objects WHERE id = ?", [damaged], |row| row.get(0)).expect("an object");
    let damaged = ObjectId::from_bytes(damaged);
    for bit in [0, parts.len() * 4, parts.len() * 8 - 1] {
        let mut flipped = parts.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let update = "UPDATE objects SET parts = ? WHERE id = ?";
        connection.execute(update, rusqlite::params![flipped, damaged.as_bytes()]).expect("an update");
        pollster::block_on(async {
            let node = open(&path);
            let of = digests.keys().copied().find(|of| of != &stream).unwrap_or(stream);
            let mut faults = Vec::new();
            for stream in [stream, of] {
                faults.extend(node.verify(stream, |_| {}).await.expect("an answer").faults);
            }
            assert!(faults.iter().any(|(id, _)| *id == damaged), "{faults:?}");
        });
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed_or_does_no_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    let digests = written(&path);
    let mut whole = Vec::new();
    File::open(&path).expect("a file").read_to_end(&mut whole).expect("a file");
    let (mut dice, mut noticed) = (Dice(4), 0);
    for number in 0..60 {
        let copy = folder.path().join(format!("{number}.db"));
        let mut flipped = whole.clone();
        flipped[dice.below(whole.len())] ^= 1 << dice.below(8);
        fs::write(&copy, &flipped).expect("a file");
        let answer = pollster::block_on(async {
            let node = Node::new(Arc::new(SqliteStore::open(&copy).map_err(NodeError::from)?), hash_key());
            let mut clean = true;
            for (stream, digest) in &digests {
                let verified = node.verify(*stream, |_| {}).await?;
                clean &= verified.is_clean();
                // What is said to be clean is what was written.
                assert!(!verified.is_clean() || verified.order == Some(*digest), "flip {number}");
            }
            Ok::<bool, NodeError>(clean)
        });
        noticed += usize::from(!matches!(answer, Ok(true)));
    }
    assert!(noticed > 10, "{noticed} of 60 were noticed");
}

#[test]
fn another_file_is_not_overwritten_and_a_newer_one_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("text");
    fs::write(&text, "these are no tables, and this is longer than the head of a database would be\n".repeat(9))
        .expect("a file");
    assert_eq!(SqliteStore::open(&text).expect_err("text").kind(), StoreErrorKind::Corrupt);
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).and_then(|c| c.execute_batch("CREATE TABLE cats (name)")).expect("a database");
    assert_eq!(SqliteStore::open(&other).expect_err("cats").kind(), StoreErrorKind::Unsupported);
    let newer = folder.path().join("newer.db");
    drop(SqliteStore::open(&newer).expect("a new store"));
    rusqlite::Connection::open(&newer).and_then(|c| c.pragma_update(None, "user_version", 99)).expect("a database");
    let error = SqliteStore::open(&newer).expect_err("it is newer");
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert!(error.to_string().contains("99"), "{error}");
    let nowhere = SqliteStore::open(folder.path().join("no/such/folder.db")).expect_err("no folder");
    assert!(nowhere.to_string().contains("cannot be opened"), "{nowhere}");
}

#[test]
fn statements_of_a_store_that_was_not_closed_have_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    let open = || SqliteStore::open(&path).expect("it opens");
    pollster::block_on(async {
        let store = open();
        let first = store.number().await.expect("a number");
        store.close().await.expect("an open store");
        let store = open();
        let second = store.number().await.expect("a number");
        assert_eq!((second.store, second.counter), (first.store, first.counter + 1));
        drop(store);
        let third = open().number().await.expect("a number");
        assert_ne!(third.store, first.store);
    });
}

#[test]
fn a_store_that_was_closed_has_let_go_of_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("streams.db");
    for round in 0..50 {
        let node = open(&path);
        pollster::block_on(async {
            begin_all(&node, round % 3).await.expect("streams");
            let last = node.store().last().await.expect("a number");
            // Who waited is not there any more, and who looked for others may be about to look again.
            drop(node.store().wait(last));
            node.store().close().await.expect("an open store");
        });
        let files = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("a file").file_name());
        assert_eq!(files.collect::<Vec<_>>(), ["streams.db"], "round {round}");
    }
}

/// What is done to a store, and to the memory that it is compared with.
#[derive(Clone, Debug)]
enum Deed {
    /// So many of the objects that are left are delivered; a call fails meanwhile.
    Deliver(usize, Option<(usize, u64)>),
    /// A map of one that is here is dropped.
    Drop(prop::sample::Index),
    /// It is closed, or not, and opened again.
    Reopen(bool),
}

fn deed() -> impl Strategy<Value = Deed> {
    let fault = prop::option::weighted(0.4, (0..Fault::ALL.len(), 0..12_u64));
    prop_oneof![
        6 => (1..30_usize, fault).prop_map(|(count, fault)| Deed::Deliver(count, fault)),
        1 => any::<prop::sample::Index>().prop_map(Deed::Drop),
        2 => any::<bool>().prop_map(Deed::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn faults_and_restarts_change_no_answer(seed: u64, deeds in prop::collection::vec(deed(), 1..16)) {
        let mut stream = begin(0);
        let mut dice = Dice(seed);
        (0..70).for_each(|number| act(&mut stream, &mut dice, number));
        // Most come behind their causes, some before.
        let mut parts: Vec<Arc<[u8]>> =
            stream.entries().skip(1).map(|entry| entry.authentic.object().parts().clone()).collect();
        for _ in 0..parts.len() / 6 {
            let (a, b) = (dice.below(parts.len()), dice.below(parts.len()));
            parts.swap(a, b);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("streams.db");
        pollster::block_on(run(&stream, parts, &path, &deeds));
    }
}

async fn run(stream: &Stream, mut parts: Vec<Arc<[u8]>>, path: &Path, deeds: &[Deed]) {
    let id = stream.id();
    let memory = Node::new(Arc::new(MemoryStore::new([0; 16], hash_key())), hash_key());
    let mut store: Arc<dyn Store> = Arc::new(SqliteStore::open(path).expect("a new store"));
    let mut node = Node::new(store.clone(), hash_key());
    for node in [&memory, &node] {
        node.create(stream.object(&id).expect("its root")).await.expect("a stream");
    }
    for deed in deeds {
        match deed {
            Deed::Deliver(count, fault) => {
                let some: Vec<_> = parts.drain(..(*count).min(parts.len())).collect();
                memory.ingest(id, &some, 0).await.expect("memory does not fail");
                if let Some((fault, at)) = fault {
                    let faulty = FaultyStore::new(store.clone(), Fault::ALL[*fault], *at);
                    let faulty = Node::new(Arc::new(faulty), hash_key());
                    // Whether it fails or not, it is done again.
                    let _ = faulty.ingest(id, &some, 0).await;
                }
                node.ingest(id, &some, 0).await.expect("no fault");
            }
            Deed::Drop(at) => {
                let here = memory.page(id, Scan::Type(NOTE.into(), 0), 1000).await.expect("memory does not fail");
                if !here.is_empty() {
                    let object = at.get(&here).authentic.object();
                    if let Some(map) = object.maps().first().map(|map| ObjectId::of_block(map)) {
                        for node in [&memory, &node] {
                            node.redact(id, &object.id(), &map).await.expect("no fault").expect("it is here").ok();
                        }
                    }
                }
            }
            Deed::Reopen(closes) => {
                if *closes {
                    store.close().await.expect("an open store");
                }
                drop(node);
                drop(store);
                store = Arc::new(SqliteStore::open(path).expect("it opens again"));
                node = Node::new(store.clone(), hash_key());
                // What waited for others is forgotten, and comes again.
                let all: Vec<_> =
                    stream.entries().skip(1).map(|entry| entry.authentic.object().parts().clone()).collect();
                let come: Vec<_> = all.into_iter().filter(|some| !parts.contains(some)).collect();
                node.ingest(id, &come, 0).await.expect("no fault");
            }
        }
        let verified = node.verify(id, |_| {}).await.expect("no fault");
        assert!(verified.is_clean(), "{:?}", verified.faults);
        assert_eq!(answers(&node, id).await, answers(&memory, id).await);
    }
}

/// All that a store answers of a stream, but the numbers, which depend on how often something was decided.
async fn answers(node: &Node, id: StreamId) -> Vec<String> {
    let store = node.store();
    let head = store.head(id).await.expect("no fault").expect("it is here");
    let records = store.scan(id, Scan::After(None), 1000).await.expect("no fault");
    let mut answers = vec![
        format!("{} {}", head.objects, head.finals),
        format!("{:?}", store.leaves(id).await.expect("no fault")),
        format!("{:?}", store.dropped(id).await.expect("no fault")),
    ];
    answers.extend(records.iter().map(|r| format!("{:?} {} {:?} {:?}", r.place, r.effective, r.adopted_by, r.parts)));
    answers
}
