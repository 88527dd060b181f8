//! Archives: writing, restoring what one vouched for and what strangers signed, pages, and memory.

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use pollster::block_on;
use streams_core::archive::index;
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::{Writer, Written};
use streams_core::{Authentic, Authenticator, Draft, Edges, HashKey, MemoryStore, Node, SigningKey, StreamId};

use crate::measure::{core_seconds, held, median};
use crate::objects::{RawVerifier, data, keys, micros, open};
use crate::{Bound, Row};

const MILLION: usize = 1_000_000;

/// How many signatures are verified for comparison.
const VERIFIED: usize = 10_000;

/// How much of a file is given to a reader at once.
const PIECE: usize = 256 << 10;

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = million();
    let raw = RawVerifier::new();
    let what = "restore from strangers, 16 authors, by raw verification";
    rows.push(strangers(what, (16, 50_000), || raw.verify(), 3.0));
    let what = "restore from strangers, as many authors as objects, by raw verification of keys not met before";
    rows.push(strangers(what, (10_000, 10_000), || raw.unpack_and_verify(), 2.0));
    rows
}

fn hash_key() -> HashKey {
    HashKey::from_bytes([2; 16])
}

fn node() -> Node {
    Node::new(Arc::new(MemoryStore::new([1; 16], hash_key())), hash_key())
}

/// An archive in memory.
struct File {
    stream: StreamId,
    bytes: Vec<u8>,
    index: Vec<u8>,
    written: Written,
}

/// The archive of a line of events by these authors in turn.
fn file(keys: &[SigningKey], count: usize) -> File {
    let root = open(&keys[..1]);
    let stream = root.id();
    let root = root.object(&stream).expect("its root");
    let mut previous = vec![None; keys.len()];
    previous[0] = Some(stream);
    let mut parent = stream;
    let mut parts = vec![root.object().parts().clone()];
    let mut order = blake3::Hasher::new();
    order.update(stream.as_bytes());
    for i in 0..count {
        let author = i % keys.len();
        let edges = Edges { stream, parents: vec![parent], previous: previous[author], generation: i as u64 + 1 };
        let event = Draft::event("bench/event", edges).data(data(i)).sign(&keys[author]).expect("an event");
        parent = event.id();
        previous[author] = Some(parent);
        order.update(parent.as_bytes());
        parts.push(event.object().parts().clone());
    }
    let frontier = *blake3::hash(parent.as_bytes()).as_bytes();
    let order = *order.finalize().as_bytes();
    let manifest = Manifest { stream, count: parts.len() as u64, frontier, order, previous: None };
    let mut writer = Writer::new(&manifest);
    for parts in parts {
        writer.push(&parts).expect("an event");
    }
    let written = writer.finish();
    let (mut bytes, mut index) = (Vec::new(), Vec::new());
    writer.take(&mut bytes);
    writer.take_index(&mut index);
    File { stream, bytes, index, written }
}

/// Reads an archive to its end. Nothing may be wrong with it.
fn read(mut reader: Reader, bytes: &[u8], mut take: impl FnMut(Vec<Authentic>)) {
    for piece in bytes.chunks(PIECE) {
        reader.push(piece);
        while let Some(event) = reader.poll() {
            match event {
                Event::Objects(objects) => take(objects),
                Event::Manifest(_) => {}
                Event::Fault(fault) => panic!("{fault}"),
            }
        }
    }
    assert!(reader.finish().is_empty());
}

fn restore(reader: Reader, file: &File) -> Node {
    let node = node();
    read(reader, &file.bytes, |objects| {
        let answers = block_on(node.restore(file.stream, objects)).expect("the root is here");
        assert!(answers.iter().all(Result::is_ok));
    });
    node
}

/// What is thrown away, and counted.
#[derive(Default)]
struct Counted(Vec<u8>);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive of a million objects by 16 authors.
fn million() -> Vec<Row> {
    let keys = keys(16);
    let file = file(&keys, MILLION - 1);
    let megabytes = file.bytes.len() as f64 / 1e6;
    let vouching = Vouching::sign(&keys[0], &file.written.manifest, &file.written.seals);
    let vouching = Vouching::verify(&vouching).expect("it was just signed");

    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut most = 0;
    let before = held();
    let reading = core_seconds(|| {
        read(Reader::vouched(hash_key(), vouching.clone()), &file.bytes, |objects| {
            most = most.max(held() - before);
            black_box(&objects);
        });
    });
    read(Reader::vouched(hash_key(), vouching.clone()), &file.bytes[..file.bytes.len()], |objects| {
        for object in objects.iter().map(Authentic::object) {
            blocks.push(object.block().to_vec());
            blocks.extend(object.maps().into_iter().map(<[u8]>::to_vec));
        }
    });
    let hashing = core_seconds(|| {
        for block in &blocks {
            black_box(blake3::hash(block));
        }
    });
    drop(blocks);

    let mut here = None;
    let restoring = core_seconds(|| here = Some(restore(Reader::vouched(hash_key(), vouching), &file)));
    let here = here.expect("it was restored");
    let order = block_on(here.read(file.stream, |stream| (stream.len(), stream.order_digest()))).expect("it is here");
    assert_eq!(order.0, MILLION);

    // What is written to was written to before: fresh memory is no cost of ours.
    let mut out = Counted(file.bytes.clone());
    let mut index = Counted(file.index.clone());
    out.0.clear();
    index.0.clear();
    let before = held();
    let mut most_writing = 0;
    let writing = core_seconds(|| {
        block_on(async {
            let survey = here.survey(file.stream, None).await.expect("it is here");
            assert_eq!(survey.manifest().order, order.1);
            let progress = |_| most_writing = most_writing.max(held() - before);
            here.archive(&survey, &mut out, &mut index, progress).await.expect("into memory");
        });
    });
    assert!(out.0 == file.bytes && index.0 == file.index);
    let memory = most.max(most_writing) as f64 / 1e6;
    let objects = MILLION as f64;
    vec![
        Row {
            what: "archive 1M objects of a memory store, both passes",
            ours: format!("{:.0} MB/s, {:.0} bytes an object", megabytes / writing, file.bytes.len() as f64 / objects),
            beside: format!("BLAKE3 of the same blocks, {:.0} MB/s", megabytes / hashing),
            figure: megabytes / writing,
            bound: Bound::AtLeast(300.0),
        },
        Row {
            what: "read an archive of 1M objects that one vouched for, in thousands a second",
            ours: micros(reading / objects * 1e9),
            beside: format!("BLAKE3 of the same blocks, {}", micros(hashing / objects * 1e9)),
            figure: objects / reading / 1e3,
            bound: Bound::AtLeast(500.0),
        },
        Row {
            what: "restore 1M objects that one vouched for into a memory store, in thousands a second",
            ours: micros(restoring / objects * 1e9),
            beside: format!("of which reading {}", micros(reading / objects * 1e9)),
            figure: objects / restoring / 1e3,
            bound: Bound::AtLeast(500.0),
        },
        Row {
            what: "memory of writing and of reading an archive of 1M objects",
            ours: format!("{memory:.1} MB"),
            beside: "its bound in MB".into(),
            figure: memory,
            bound: Bound::AtMost(64.0),
        },
        page(&file),
    ]
}

/// A page of a hundred objects, out of the middle.
fn page(file: &File) -> Row {
    let mut count = [0; 2];
    let [of_archive, of_index] = &mut count;
    let range = |bytes: &[u8], count: &mut usize, range: std::ops::Range<u64>| {
        let len = bytes.len() as u64;
        let read = &bytes[range.start.min(len) as usize..range.end.min(len) as usize];
        *count += read.len();
        Ok(read.to_vec())
    };
    let mut authenticator = Authenticator::new(hash_key());
    let time = core_seconds(|| {
        let objects = index::page(
            |asked| range(&file.bytes, of_archive, asked),
            |asked| range(&file.index, of_index, asked),
            MILLION as u64 / 2 - 50,
            100,
            &mut authenticator,
        );
        assert_eq!(objects.expect("whole").len(), 100);
    });
    let kilobytes = count.iter().sum::<usize>() as f64 / 1e3;
    Row {
        what: "a page of 100 objects out of an archive of 1M reads",
        ours: format!("{kilobytes:.0} kB, {:.1} ms", time * 1e3),
        beside: "its bound in kB".into(),
        figure: kilobytes,
        bound: Bound::AtMost(1000.0),
    }
}

/// Restoring what strangers signed, beside as many raw verifications.
fn strangers(what: &'static str, (authors, count): (usize, usize), raw: impl Fn(), bound: f64) -> Row {
    let keys: Vec<SigningKey> =
        (1..=authors as u64).map(|i| SigningKey::from_bytes(*blake3::hash(&i.to_le_bytes()).as_bytes())).collect();
    let file = file(&keys, count);
    let rounds: Vec<(f64, f64)> = (0..5)
        .map(|_| {
            let mut restored = None;
            let ours = core_seconds(|| restored = Some(restore(Reader::new(hash_key()), &file))) * 1e9 / count as f64;
            drop(restored);
            (ours, core_seconds(|| (0..VERIFIED).for_each(|_| raw())) * 1e9 / VERIFIED as f64)
        })
        .collect();
    let ours = median(rounds.iter().map(|(ours, _)| *ours));
    Row {
        what,
        ours: micros(ours),
        beside: format!("raw ZIP-215 verification, {}", micros(median(rounds.iter().map(|(_, raw)| *raw)))),
        figure: median(rounds.iter().map(|(ours, raw)| raw / ours)),
        bound: Bound::AtLeast(bound),
    }
}
