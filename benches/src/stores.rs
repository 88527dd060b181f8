//! Stores: commits and pages beside the raw library, and what a large store costs to open.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use pollster::block_on;
use rusqlite::{Connection, params};
use streams_core::store::{Commit, NewObject, Scan};
use streams_core::{Draft, Edges, HashKey, Node, Store, Stream, Value};
use streams_sqlite::SqliteStore;

use crate::measure::{median, once};
use crate::objects::{data, keys, open};
use crate::{Bound, Row};

const MILLION: usize = 1_000_000;
const BATCH: usize = 1000;

/// The program runs itself with this, to show the last page of a store in a process of its own.
pub(crate) const LAST_PAGE: &str = "last-page";

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows = vec![commit(folder.path())];
    rows.extend(large(folder.path()));
    rows.push(many(folder.path()));
    rows
}

/// A signature that nobody verifies.
const SIGNATURE: [u8; 64] = [7; 64];

/// The parts of a line of events of about 300 bytes, by 16 authors in turn.
fn events(count: usize) -> (Stream, Vec<Arc<[u8]>>) {
    let keys = keys(16);
    let stream = open(&keys);
    let mut previous = vec![None; keys.len()];
    previous[0] = Some(stream.id());
    let mut parent = stream.id();
    let events = (0..count).map(|i| {
        let author = i % keys.len();
        let edges =
            Edges { stream: stream.id(), parents: vec![parent], previous: previous[author], generation: i as u64 + 1 };
        let content = data(i).with("more", Value::Text("and so on and so forth".into())).expect("a name");
        let draft = Draft::event("bench/event", edges).data(content);
        let object = draft.encode(&keys[author].verifying_key()).expect("an event").with_signature(&SIGNATURE);
        parent = object.id();
        previous[author] = Some(parent);
        object.parts().clone()
    });
    let events = events.collect();
    (stream, events)
}

fn hash_key() -> HashKey {
    HashKey::from_bytes([2; 16])
}

/// The same tables and indices, as anyone would write them with the library alone.
const RAW: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE objects (sequence INTEGER PRIMARY KEY, stream INTEGER, author INTEGER, type INTEGER, epoch INTEGER,
    generation INTEGER, effective INTEGER, tie BLOB, id BLOB, adopted_by BLOB, parts BLOB);
CREATE UNIQUE INDEX by_id ON objects (id);
CREATE INDEX by_place ON objects (stream, epoch, generation, tie, id);
CREATE INDEX by_stream ON objects (stream);
CREATE INDEX by_author ON objects (stream, author);
CREATE INDEX by_type ON objects (stream, type);
";

/// Batches of a thousand objects become durable.
fn commit(folder: &Path) -> Row {
    let (mut stream, events) = events(60 * BATCH);
    let mut batches: Vec<Vec<NewObject>> = Vec::new();
    for batch in events.chunks(BATCH) {
        let ids: Vec<_> = batch
            .iter()
            .map(|parts| {
                stream.ingest_verified(parts).expect("an event");
                streams_core::Object::decode(parts).expect("an event").id()
            })
            .collect();
        batches.push(ids.iter().map(|id| NewObject::of(&stream, id).expect("it is here")).collect());
    }
    let bytes = events.iter().map(|parts| parts.len()).sum::<usize>() / events.len();
    let store = SqliteStore::open(folder.join("ours.db")).expect("a new store");
    let mut raw = Connection::open(folder.join("raw.db")).expect("a new database");
    raw.execute_batch(RAW).expect("tables");
    let (mut seen, mut sequence) = (0, 0_u64);
    let rounds: Vec<(f64, f64)> = batches
        .into_iter()
        .map(|batch| {
            let rows = batch.clone();
            let mut batch = Some(batch);
            let ours = once(1, |_| {
                let commit = Commit { seen, objects: batch.take().expect("once"), ..Commit::default() };
                seen = block_on(store.commit(stream.id(), commit)).expect("a commit");
            });
            let raw = once(1, |_| {
                let transaction = raw.transaction().expect("a transaction");
                {
                    let mut insert = transaction
                        .prepare_cached("INSERT INTO objects VALUES (?, 1, ?, 1, ?, ?, ?, ?, ?, NULL, ?)")
                        .expect("a statement");
                    for object in &rows {
                        sequence += 1;
                        let place = &object.place;
                        let author = object.author.as_bytes()[0];
                        insert
                            .execute(params![
                                sequence,
                                author,
                                place.epoch,
                                place.generation,
                                object.effective,
                                place.tie,
                                place.id.as_bytes(),
                                &*object.parts,
                            ])
                            .expect("a row");
                    }
                }
                transaction.commit().expect("a commit");
            });
            (ours, raw)
        })
        .collect();
    let [ours, raw] = [|round: &(f64, f64)| round.0, |round: &(f64, f64)| round.1].map(|side| {
        let nanos = median(rounds[5..].iter().map(side));
        format!("{:.1} ms", nanos / 1e6)
    });
    Row {
        what: "SQLite: commit 1,000 objects, by the raw library inserting the same rows",
        ours: format!("{ours}, {bytes} bytes each"),
        beside: raw,
        figure: median(rounds[5..].iter().map(|(ours, raw)| raw / ours)),
        bound: Bound::AtLeast(0.6),
    }
}

/// A stream that grows to a million objects in a store, is read in pages, and opened by another process.
fn large(folder: &Path) -> Vec<Row> {
    let path = folder.join("large.db");
    let (stream, events) = events(MILLION - 1);
    let node = Node::new(Arc::new(SqliteStore::open(&path).expect("a new store")), hash_key());
    let root = stream.object(&stream.id()).expect("its root");
    let id = block_on(node.create(root)).expect("a stream");
    let rates: Vec<f64> = events
        .chunks(10 * BATCH)
        .map(|chunk| {
            once(chunk.len().div_ceil(BATCH), |i| {
                let some = &chunk[i * BATCH..chunk.len().min((i + 1) * BATCH)];
                let written = node.write(id, |stream| {
                    some.iter().for_each(|parts| drop(stream.ingest_verified(parts).expect("an event")));
                });
                block_on(written).expect("a commit");
            })
        })
        .collect();
    let (early, late) = (median(rates[1..11].iter().copied()), median(rates[90..].iter().copied()));
    drop(events);

    let (mut after, mut count) = (None, 0);
    let start = Instant::now();
    loop {
        let page = block_on(node.page(id, Scan::After(after), BATCH)).expect("a page");
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        count += page.len();
        black_box(page);
    }
    assert_eq!(count, MILLION);
    let pages = count as f64 / start.elapsed().as_secs_f64();
    let tail = tail(&node, id);
    block_on(node.store().close()).expect("an open store");
    drop(node);

    // The middle one of some, by its time.
    let mut runs: Vec<(f64, f64)> = (0..7).map(|_| last_page_elsewhere(&path)).collect();
    runs.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (time, memory) = runs[runs.len() / 2];
    let micros = |nanos: f64| format!("{:.2} µs each", nanos / 1e3 / BATCH as f64);
    vec![
        Row {
            what: "SQLite: ingest rate at 1M objects, by that behind 10k, verified before",
            ours: micros(late),
            beside: micros(early),
            figure: early / late,
            bound: Bound::AtLeast(0.8),
        },
        Row {
            what: "SQLite: read the order of 1M objects in pages, hashed",
            ours: format!("{:.0} objects/s", pages),
            beside: "its bound in thousands".into(),
            figure: pages / 1e3,
            bound: Bound::AtLeast(300.0),
        },
        Row {
            what: "SQLite: open a store with 1M objects, and show the last page",
            ours: format!("{time:.1} ms"),
            beside: "its bound in ms".into(),
            figure: time,
            bound: Bound::AtMost(100.0),
        },
        Row {
            what: "SQLite: memory of the process that does so",
            ours: format!("{memory:.0} MB"),
            beside: "its bound in MB".into(),
            figure: memory,
            bound: Bound::AtMost(100.0),
        },
        Row {
            what: "SQLite: the state of 1M objects from a snapshot at a checkpoint, 1,000 behind it",
            ours: format!("{:.1} ms", tail / 1e6),
            beside: "its bound in ms".into(),
            figure: tail / 1e6,
            bound: Bound::AtMost(100.0),
        },
    ]
}

/// Nanoseconds for the state of a stream, of which all but a thousand objects are final.
fn tail(node: &Node, id: streams_core::StreamId) -> f64 {
    let keys = keys(2);
    let count = |count: &mut u64, _: &streams_core::Authentic| *count += 1;
    block_on(async {
        node.write(id, |stream| stream.by(&keys[0]).checkpoint().map(drop))
            .await
            .expect("a commit")
            .expect("a checkpoint");
        let replayed = node.replay(id, 0, None, count).await.expect("a state");
        assert_eq!(replayed.snapshot.objects, 1 + MILLION as u64);
        let append = |stream: &mut Stream| {
            (0..BATCH).for_each(|i| drop(stream.by(&keys[1]).append("bench/event", data(i)).expect("an event")));
        };
        node.write(id, append).await.expect("a commit");
        median((0..7).map(|_| {
            once(1, |_| {
                let snapshot = Some(replayed.snapshot.clone());
                let now = block_on(node.replay(id, 0, snapshot, count)).expect("a state");
                assert_eq!(now.state, (1 + MILLION + BATCH) as u64);
            })
        }))
    })
}

/// Milliseconds and megabytes of another process.
fn last_page_elsewhere(path: &Path) -> (f64, f64) {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this).arg(LAST_PAGE).arg(path).output().expect("this program");
    let text = String::from_utf8(output.stdout).expect("figures");
    let mut figures = text.split_whitespace().map(|figure| figure.parse().expect("a figure"));
    (figures.next().expect("milliseconds"), figures.next().expect("megabytes"))
}

/// Opens a store, shows the last page of its one stream, and tells how long that took, and the memory of this process.
pub(crate) fn last_page(path: &Path) {
    let start = Instant::now();
    let node = Node::new(Arc::new(SqliteStore::open(path).expect("a store")), hash_key());
    let page = block_on(async {
        let stream = node.store().streams(None, 1).await?[0];
        node.page(stream, Scan::Before(None), 100).await
    });
    assert_eq!(page.expect("a page").len(), 100);
    let time = start.elapsed().as_secs_f64() * 1e3;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kilobytes: f64 = kilobytes.map_or(0.0, |kilobytes| kilobytes.trim().parse().expect("a number"));
    println!("{time} {}", kilobytes / 1e3);
}

/// A store with a hundred thousand streams.
fn many(folder: &Path) -> Row {
    const STREAMS: usize = 100_000;
    let path = folder.join("many.db");
    let store = Arc::new(SqliteStore::open(&path).expect("a new store"));
    let key = &keys(1)[0];
    // Who commits at once becomes durable together.
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let store = store.clone();
            scope.spawn(move || {
                for number in (thread..STREAMS as u128).step_by(32) {
                    let draft = Draft::root("bench/stream", number.to_be_bytes());
                    let object = draft.encode(&key.verifying_key()).expect("a root").with_signature(&SIGNATURE);
                    let mut authenticator = streams_core::Authenticator::new(hash_key());
                    let root = authenticator.verified_before(object).expect("a root");
                    let stream = Stream::open(root, hash_key()).expect("a root");
                    let objects = vec![NewObject::of(&stream, &stream.id()).expect("its root")];
                    let commit = Commit { objects, ..Commit::default() };
                    block_on(store.commit(stream.id(), commit)).expect("a commit");
                }
            });
        }
    });
    block_on(store.close()).expect("an open store");
    drop(store);
    let time = median((0..7).map(|_| {
        once(1, |_| {
            let node = Node::new(Arc::new(SqliteStore::open(&path).expect("a store")), hash_key());
            let stream = block_on(node.store().streams(None, 100)).expect("streams")[99];
            black_box(block_on(node.page(stream, Scan::Before(None), 10)).expect("a page"));
        })
    }));
    Row {
        what: "SQLite: open a store with 100k streams, and show one",
        ours: format!("{:.1} ms", time / 1e6),
        beside: "its bound in ms".into(),
        figure: time / 1e6,
        bound: Bound::AtMost(1000.0),
    }
}
