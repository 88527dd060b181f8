//! One object: writing, checking, verifying.

use std::hint::black_box;

use ed25519_dalek::Signer;
use streams_core::{Authentic, Draft, Edges, HashKey, Map, ObjectId, SigningKey, Stream, Value, check_block};

use crate::measure::{Pair, median, once, paired};
use crate::{Bound, Row};

/// A stream whose root lets everyone append, as most benches need it.
pub(crate) fn open(keys: &[SigningKey]) -> Stream {
    let rule = streams_core::Rule::allow([streams_core::Action::Append]).resources(["bench/event"]);
    let root = Draft::root("bench/stream", [1; 16]).policies([rule]).sign(&keys[0]).expect("a root");
    Stream::open(root, HashKey::from_bytes([2; 16])).expect("a root")
}

/// Keys of authors.
pub(crate) fn keys(count: u8) -> Vec<SigningKey> {
    (1..=count).map(|i| SigningKey::from_bytes([i; 32])).collect()
}

/// Content as small as events usually are.
pub(crate) fn data(i: usize) -> Map {
    Map::new().with("text", Value::Text(format!("event {i:010}"))).expect("a name")
}

/// Events that follow one another, signed by the authors in turn.
fn events(keys: &[SigningKey], count: usize) -> Vec<Authentic> {
    let mut stream = open(keys);
    (0..count).map(|i| stream.by(&keys[i % keys.len()]).append("bench/event", data(i)).expect("an event")).collect()
}

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    vec![sign(), canonical(), ingest_one(), ingest_batch(), ingest_verified()]
}

fn edges() -> Edges {
    let id = |i: u8| ObjectId::from_bytes([i; 32]);
    Edges { stream: id(1), parents: vec![id(2)], previous: Some(id(3)), generation: 1_000_000 }
}

fn sign() -> Row {
    let key = &keys(1)[0];
    let raw_key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let message = [7; 50];
    let Pair { ours, raw, ratio } = paired(
        500,
        |i| {
            let draft = Draft::event("bench/event", edges()).data(data(i));
            black_box(draft.sign(key).expect("an event"));
        },
        |_| {
            black_box(raw_key.sign(black_box(&message)));
        },
    );
    Row {
        what: "create and sign an event",
        ours: micros(ours),
        beside: format!("raw Ed25519 sign, {}", micros(raw)),
        figure: ratio,
        bound: Bound::AtMost(1.1),
    }
}

fn canonical() -> Row {
    let event = Draft::event("bench/event", edges()).data(data(0)).sign(&keys(1)[0]).expect("an event");
    let block = event.object().block().to_vec();
    let Pair { ours, raw, ratio } = paired(
        20_000,
        |_| check_block(black_box(&block)).expect("canonical"),
        |_| {
            black_box(blake3::hash(black_box(&block)));
        },
    );
    Row {
        what: "canonical check of a block",
        ours: format!("{ours:.0} ns, {} bytes", block.len()),
        beside: format!("BLAKE3 of the same bytes, {raw:.0} ns"),
        figure: ratio,
        bound: Bound::AtMost(1.2),
    }
}

const EVENTS: usize = 2048;

/// The raw verification of a signature, its key unpacked before.
pub(crate) struct RawVerifier {
    key: ed25519_zebra::VerificationKey,
    signature: ed25519_zebra::Signature,
    message: [u8; 50],
}

impl RawVerifier {
    pub(crate) fn new() -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let message = [7; 50];
        let signature = key.sign(&message).to_bytes().into();
        let key = key.verifying_key().to_bytes().try_into().expect("a key");
        Self { key, signature, message }
    }

    pub(crate) fn verify(&self) {
        self.key.verify(black_box(&self.signature), black_box(&self.message)).expect("a valid signature");
    }

    /// The same where the key was not met before.
    pub(crate) fn unpack_and_verify(&self) {
        let bytes = ed25519_zebra::VerificationKeyBytes::from(black_box(self.key));
        let key = ed25519_zebra::VerificationKey::try_from(bytes).expect("a key");
        key.verify(black_box(&self.signature), black_box(&self.message)).expect("a valid signature");
    }
}

/// Nanoseconds an event of an ingest into a fresh stream, and of as many raw verifications: medians, and their ratio.
fn ingest(ingest: impl Fn(&mut Stream, &[&[u8]])) -> Pair {
    let keys = keys(16);
    let events = events(&keys, EVENTS);
    let parts: Vec<&[u8]> = events.iter().map(|event| &**event.object().parts()).collect();
    let raw = RawVerifier::new();
    let rounds: Vec<(f64, f64)> = (0..9)
        .map(|_| {
            let mut stream = open(&keys);
            let start = std::time::Instant::now();
            ingest(&mut stream, &parts);
            let ours = start.elapsed().as_nanos() as f64 / EVENTS as f64;
            assert_eq!(stream.len(), EVENTS + 1);
            (ours, once(EVENTS, |_| raw.verify()))
        })
        .collect();
    Pair {
        ours: median(rounds.iter().map(|(ours, _)| *ours)),
        raw: median(rounds.iter().map(|(_, raw)| *raw)),
        ratio: median(rounds.iter().map(|(ours, raw)| ours / raw)),
    }
}

fn ingest_one() -> Row {
    let Pair { ours, raw, ratio } = ingest(|stream, parts| {
        for parts in parts {
            stream.ingest(parts, 0).expect("an event");
        }
    });
    Row {
        what: "verified ingest, one at a time",
        ours: micros(ours),
        beside: format!("raw ZIP-215 verification, {}", micros(raw)),
        figure: ratio,
        bound: Bound::AtMost(1.1),
    }
}

fn ingest_batch() -> Row {
    let Pair { ours, raw, ratio } = ingest(|stream, parts| {
        for batch in parts.chunks(256) {
            stream.ingest_batch(batch.iter().copied(), 0);
        }
    });
    Row {
        what: "verified ingest, batches of 256 from 16 authors",
        ours: micros(ours),
        beside: format!("raw ZIP-215 verification, {}", micros(raw)),
        figure: 1.0 / ratio,
        bound: Bound::AtLeast(3.0),
    }
}

fn ingest_verified() -> Row {
    let Pair { ours, .. } = ingest(|stream, parts| {
        for parts in parts {
            stream.ingest_verified(parts).expect("an event");
        }
    });
    Row {
        what: "ingest of what was verified before",
        ours: micros(ours),
        beside: "its bound in µs".into(),
        figure: ours / 1000.0,
        bound: Bound::AtMost(1.2),
    }
}

/// Nanoseconds as microseconds.
pub(crate) fn micros(nanos: f64) -> String {
    format!("{:.2} µs", nanos / 1000.0)
}
