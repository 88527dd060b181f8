//! The package for JavaScript, in Node, beside the native core: the same objects, in one run.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use streams_core::{Authentic, Domain, HashKey, MemoryStore, Node, Object};

use crate::objects::{data, keys, open};
use crate::{Bound, Row};

/// How many objects, written by how many authors in turn.
const OBJECTS: usize = 20_000;
const AUTHORS: u8 = 8;

/// How many take turns, of which the best counts: a browser's compiler needs the first.
const ROUNDS: usize = 5;

/// All rows of this chapter; none where the package was not made.
pub(crate) fn rows() -> Vec<Row> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../streams-wasm");
    if !package.join("dist/streams.node.js").exists() {
        eprintln!("javascript: make the package first, by streams-wasm/build");
        return Vec::new();
    }
    let keys = keys(AUTHORS);
    let mut stream = open(&keys);
    let root = stream.object(&stream.id()).expect("the root");
    let write = |at: usize| stream.by(&keys[at % keys.len()]).append("bench/event", data(at)).expect("an event");
    let objects: Vec<Authentic> = std::iter::once(root).chain((0..OBJECTS).map(write)).collect();

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("objects");
    let mut bytes = Vec::new();
    for object in &objects {
        let parts = object.object().parts();
        bytes.extend((parts.len() as u32).to_be_bytes());
        bytes.extend_from_slice(parts);
    }
    fs::write(&file, bytes).expect("a file");

    let native = native(&objects);
    let answer = Command::new("node").arg(package.join("bench.mjs")).arg(&file).output().expect("Node");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answer = String::from_utf8(answer.stdout).expect("figures");
    let theirs = answer.split_whitespace().map(|figure| figure.parse::<f64>().expect("a figure"));
    let what = [
        ("ids, in JavaScript", 3.0),
        ("order and verdicts: a stream opened from a store, in JavaScript", 3.0),
        ("a batch of 1,000 signatures, in JavaScript", 4.0),
        ("ingest of a batch: signatures, order and verdicts, in JavaScript", 4.0),
    ];
    what.into_iter()
        .zip(native.into_iter().zip(theirs))
        .map(|((what, most), (native, theirs))| Row {
            what,
            ours: format!("{theirs:.2} µs"),
            beside: format!("native, {native:.2} µs"),
            figure: theirs / native,
            bound: Bound::AtMost(most),
        })
        .collect()
}

/// What each costs natively, in microseconds an object.
fn native(objects: &[Authentic]) -> [f64; 4] {
    let key = HashKey::from_bytes([2; 16]);
    let parts: Vec<&[u8]> = objects.iter().map(|object| &**object.object().parts()).collect();
    let opened = {
        let store = Arc::new(MemoryStore::new([1; 16], key));
        let node = Node::new(store.clone(), key);
        pollster::block_on(async {
            let id = node.create(objects[0].clone()).await.expect("a root");
            for page in parts[1..].chunks(2000) {
                node.ingest(id, page, 0).await.expect("a store");
            }
            move || {
                let node = Node::new(store.clone(), key);
                let len = pollster::block_on(node.read(id, |stream| stream.len())).expect("a stream");
                assert_eq!(len, OBJECTS + 1);
            }
        })
    };
    let signed: Vec<_> = objects[1..=1000]
        .iter()
        .map(|object| (object.header().author().verifier(), object.id(), *object.object().signature().expect("signed")))
        .collect();
    let per = |count: usize, mut run: Box<dyn FnMut() + '_>| {
        let took = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e6 / count as f64
        });
        took.fold(f64::INFINITY, f64::min)
    };
    let ids = || {
        for parts in &parts {
            black_box(Object::decode(parts).expect("sound").id());
        }
    };
    let batch = || {
        let mut batch = streams_core::Batch::new();
        for (author, id, signature) in &signed {
            batch.add(author, Domain::Object, id.as_bytes(), signature);
        }
        assert!(batch.verify());
    };
    let ingest = || {
        let mut stream = streams_core::Stream::open(objects[0].clone(), key).expect("a root");
        for page in parts[1..].chunks(2000) {
            black_box(stream.ingest_batch(page.iter().copied(), 0));
        }
        assert_eq!(stream.len(), OBJECTS + 1);
    };
    [
        per(parts.len(), Box::new(ids)),
        per(parts.len(), Box::new(opened)),
        per(signed.len(), Box::new(batch)),
        per(parts.len(), Box::new(ingest)),
    ]
}
