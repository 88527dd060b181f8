//! Archives: what is written is read again, whatever is damaged is told, and what can be restored is.

mod chains;
mod damage;
mod pages;

use std::sync::Arc;

use streams_core::archive::fault::Fault;
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::seal::Seal;
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::Written;
use streams_core::conformance::fixtures::{Dice, act, author, begin, hash_key};
use streams_core::node::archive::Archived;
use streams_core::object::id::CID_LEN;
use streams_core::{Authentic, Ingested, MemoryStore, Node, Object, ObjectId, Rejected, Stream, StreamId};

/// A node over an empty store.
fn node() -> Node {
    Node::new(Arc::new(MemoryStore::new([1; 16], hash_key())), hash_key())
}

/// Begins a stream, and lets things happen in it.
fn grow(node: &Node, stream: Option<StreamId>, seed: u64, acts: usize) -> StreamId {
    pollster::block_on(async {
        let stream = match stream {
            Some(stream) => stream,
            None => {
                let begun = begin(1);
                node.create(begun.object(&begun.id()).expect("a root")).await.expect("a root")
            }
        };
        let mut dice = Dice(seed);
        for number in 0..acts {
            node.write(stream, |stream| act(stream, &mut dice, number as u64)).await.expect("it is here");
        }
        stream
    })
}

/// An archive, and what stands beside it.
#[derive(Clone)]
struct File {
    bytes: Vec<u8>,
    index: Vec<u8>,
    vouching: Vec<u8>,
    written: Written,
    manifest: Manifest,
    /// The last change of the store that it knows of.
    last: u64,
}

fn archive(node: &Node, stream: StreamId, before: Option<Archived>) -> File {
    pollster::block_on(async {
        let survey = node.survey(stream, before).await.expect("it is here");
        let (mut bytes, mut index) = (Vec::new(), Vec::new());
        let written = node.archive(&survey, &mut bytes, &mut index, |_| ()).await.expect("into memory");
        assert_eq!(written.bytes, bytes.len() as u64);
        let vouching = Vouching::sign(&author(0), &written.manifest, &written.seals);
        File { bytes, index, vouching, written, manifest: *survey.manifest(), last: survey.last() }
    })
}

/// What an archive gives.
#[derive(Default)]
struct Given {
    manifest: Option<Manifest>,
    objects: Vec<Authentic>,
    faults: Vec<Fault>,
}

impl Given {
    fn ids(&self) -> Vec<ObjectId> {
        self.objects.iter().map(Authentic::id).collect()
    }

    fn codes(&self) -> Vec<&'static str> {
        self.faults.iter().map(|fault| fault.what.code()).collect()
    }
}

fn read_with(mut reader: Reader, bytes: &[u8], piece: usize) -> Given {
    let mut given = Given::default();
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(event) = reader.poll() {
            match event {
                Event::Manifest(manifest) => assert!(given.manifest.replace(manifest).is_none()),
                Event::Objects(objects) => given.objects.extend(objects),
                Event::Fault(fault) => given.faults.push(fault),
            }
        }
    }
    for event in reader.finish() {
        match event {
            Event::Objects(objects) => given.objects.extend(objects),
            Event::Fault(fault) => given.faults.push(fault),
            Event::Manifest(manifest) => panic!("it was told late: {manifest:?}"),
        }
    }
    given
}

fn read(bytes: &[u8]) -> Given {
    read_with(Reader::new(hash_key()), bytes, 4096)
}

/// Takes what an archive gives into a store.
fn restore(node: &Node, given: &Given) -> Vec<Result<Ingested, Rejected>> {
    let Some(first) = given.objects.first() else { return Vec::new() };
    let stream = first.header().stream().unwrap_or(first.id());
    pollster::block_on(node.restore(stream, given.objects.clone())).expect("the root is here")
}

/// What two replicas of a stream have in common.
fn facts(node: &Node, stream: StreamId) -> String {
    let facts = |stream: &Stream| {
        let effective: Vec<bool> = stream.entries().map(|entry| entry.effective).collect();
        format!("{:?}", (stream.order_digest(), stream.frontier(), stream.final_len(), effective, stream.gaps()))
    };
    pollster::block_on(node.read(stream, facts)).expect("it is here")
}

/// Where each section of an archive begins and ends, behind the header.
fn sections(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut sections, mut at) = (Vec::new(), 59);
    while at < bytes.len() {
        let (mut length, mut digits) = (0, 0);
        loop {
            let byte = bytes[at + digits];
            length |= usize::from(byte & 0x7f) << (7 * digits);
            digits += 1;
            if byte < 0x80 {
                break;
            }
        }
        sections.push(at..at + digits + length);
        at += digits + length;
    }
    sections
}

/// A section of a block.
fn section(block: &[u8]) -> Vec<u8> {
    let (mut bytes, mut length) = (Vec::new(), CID_LEN + block.len());
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(ObjectId::of_block(block).cid());
    bytes.extend(block);
    bytes
}

/// The block of a section.
fn block(section: &[u8]) -> &[u8] {
    let digits = 1 + section.iter().take_while(|byte| **byte >= 0x80).count();
    &section[digits + CID_LEN..]
}

/// The same archive with a seal after every so many objects, and its seals.
fn sealed_every(file: &File, objects: usize) -> (Vec<u8>, Vec<ObjectId>) {
    let given = read(&file.bytes);
    let mut bytes = file.bytes[..sections(&file.bytes)[0].end].to_vec();
    let mut seals = Vec::new();
    for group in given.objects.chunks(objects) {
        let mut seal = Seal { blocks: Vec::new(), content: [0; 32], signatures: Vec::new() };
        let mut ids = Vec::new();
        for object in group.iter().map(Authentic::object) {
            let blocks: Vec<&[u8]> = [object.block()].into_iter().chain(object.maps()).collect();
            seal.blocks.push(blocks.len() as u64);
            seal.signatures.extend(object.signature().into_iter().flatten());
            ids.extend(blocks.iter().flat_map(|block| *ObjectId::of_block(block).as_bytes()));
            bytes.extend(blocks.iter().flat_map(|block| section(block)));
        }
        seal.content = *blake3::hash(&ids).as_bytes();
        seals.push(ObjectId::of_block(&seal.encode()));
        bytes.extend(section(&seal.encode()));
    }
    (bytes, seals)
}

#[test]
fn what_is_archived_is_restored() {
    for seed in 0..20 {
        let here = node();
        let stream = grow(&here, None, seed, 60);
        let file = archive(&here, stream, None);
        let given = read(&file.bytes);
        assert_eq!(given.faults, []);
        assert_eq!(given.manifest, Some(file.manifest));
        let there = node();
        assert!(restore(&there, &given).iter().all(|answer| matches!(answer, Ok(Ingested::Admitted { .. }))));
        assert_eq!(facts(&there, stream), facts(&here, stream));
        // Equal streams give equal bytes, and so does one that is restored.
        assert!(archive(&there, stream, None).bytes == file.bytes);
        let order = pollster::block_on(here.read(stream, Stream::order_digest)).expect("it is here");
        assert_eq!(file.manifest.order, order);
    }
}

#[test]
fn it_does_not_matter_in_which_pieces_a_file_comes() {
    let here = node();
    let stream = grow(&here, None, 3, 30);
    let file = archive(&here, stream, None);
    for piece in [1, 2, 7, 59, 60, 1000, usize::MAX] {
        let given = read_with(Reader::new(hash_key()), &file.bytes, piece);
        assert_eq!(given.faults, []);
        assert_eq!(given.ids(), read(&file.bytes).ids());
    }
}

#[test]
fn large_streams_have_many_seals() {
    let here = node();
    let stream = grow(&here, None, 5, 0);
    let text = |length: usize| streams_core::conformance::fixtures::content(7, length);
    pollster::block_on(here.write(stream, |stream| {
        for number in 0..2200 {
            let length = if number > 2049 { 60_000 } else { 10 };
            stream.by(&author(1)).append("test/note", text(length)).expect("the stream is open to all");
        }
    }))
    .expect("it is here");
    let file = archive(&here, stream, None);
    // Two of 1,024 objects, two that are 4 MiB, and the rest.
    let seals: Vec<usize> = sections(&file.bytes)
        .into_iter()
        .filter_map(|section| Seal::decode(block(&file.bytes[section])).map(|seal| seal.blocks.len()))
        .collect();
    assert_eq!(seals, [1024, 1024, 73, 70, 10]);
    assert_eq!(file.written.seals.len(), seals.len());
    let given = read(&file.bytes);
    assert_eq!((given.faults.len(), given.objects.len()), (0, 2201));
}

#[test]
fn a_hypothetical_root_has_no_signature() {
    let here = node();
    let root = streams_core::HypotheticalRoot::new("test/profile", author(0).verifying_key()).expect("a type");
    let stream = pollster::block_on(here.create(root)).expect("a root");
    for objects in 0..3 {
        let file = archive(&here, stream, None);
        let given = read(&file.bytes);
        assert_eq!((given.faults.len(), given.objects.len()), (0, objects + 1));
        let there = node();
        restore(&there, &given);
        assert_eq!(facts(&there, stream), facts(&here, stream));
        pollster::block_on(here.write(stream, |stream| {
            stream.by(&author(0)).append("test/note", Default::default()).expect("its own stream");
        }))
        .expect("it is here");
    }
}

#[test]
fn what_is_unsigned_or_unsound_is_not_written() {
    let begun = begin(1);
    let root = begun.object(&begun.id()).expect("a root");
    let manifest = Manifest { stream: begun.id(), count: 1, frontier: [0; 32], order: [0; 32], previous: None };
    let mut writer = streams_core::archive::write::Writer::new(&manifest);
    let unsigned = Object::from_map(&{
        let mut map = root.object().to_map().expect("no other kinds of ids");
        map.remove("_signature");
        map
    });
    assert_eq!(writer.push(unsigned.expect("a map").parts()).unwrap_err().code(), "unsigned");
    assert_eq!(writer.push(b"\x83\x40\x40\x80").unwrap_err().code(), "truncated");
    assert_eq!(writer.push(root.object().parts()), Ok(root.id()));
}

/// A million objects, written beside each other by 16 authors, with rules and checkpoints among them: archived, restored,
/// and the same. Some minutes, and two gigabytes.
#[test]
#[ignore = "long: run by scripts/soak"]
fn a_million_objects_are_archived_and_restored() {
    let here = node();
    let stream = grow(&here, None, 17, 50);
    pollster::block_on(async {
        let mut dice = Dice(3);
        for thousand in 0..1000 {
            here.write(stream, |stream| {
                for number in 0..1000 {
                    let content = streams_core::conformance::fixtures::content(number, 20);
                    stream.by(&author(dice.below(16) as u8)).append("test/note", content).expect("open to all");
                }
                if thousand % 100 == 50 {
                    stream.by(&author(0)).checkpoint().expect("the owner's");
                    act(stream, &mut dice, thousand);
                }
            })
            .await
            .expect("it is here");
        }
    });
    let file = archive(&here, stream, None);
    let there = node();
    let vouching = Vouching::verify(&file.vouching).expect("it was just signed");
    let mut reader = Reader::vouched(hash_key(), vouching);
    for piece in file.bytes.chunks(1 << 20) {
        reader.push(piece);
        while let Some(event) = reader.poll() {
            match event {
                Event::Objects(objects) => drop(pollster::block_on(there.restore(stream, objects)).expect("in order")),
                Event::Manifest(_) => {}
                Event::Fault(fault) => panic!("{fault}"),
            }
        }
    }
    assert!(reader.finish().is_empty());
    assert!(file.manifest.count > 1_000_000);
    assert_eq!(facts(&there, stream), facts(&here, stream));
    assert!(archive(&there, stream, None).bytes == file.bytes);
}
