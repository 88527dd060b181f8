//! Policies in the graph, and finality, on a stream of a million objects, a thousand authors and a thousand policy
//! objects.

use std::time::Instant;

use streams_core::{Action, Authentic, Draft, Edges, HashKey, Map, Rule, SigningKey, Stream};

use crate::objects::{data, micros};
use crate::{Bound, Row};

const OBJECTS: usize = 1_000_000;
const AUTHORS: usize = 1000;
const POLICIES: usize = 1000;

fn key(number: usize) -> SigningKey {
    let mut secret = [7; 32];
    secret[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SigningKey::from_bytes(secret)
}

/// A line of objects by all authors in turn; where there are `policies`, every thousandth is the owner's, and invites.
fn history(keys: &[SigningKey], policies: bool) -> (Authentic, Vec<Authentic>) {
    let rule = Rule::allow([Action::Append]).resources(["bench/*"]);
    let root = Draft::root("bench/stream", [1; 16]).policies([rule]).sign(&keys[0]).expect("a root");
    let mut previous = vec![None; keys.len()];
    previous[0] = Some(root.id());
    let mut parent = root.id();
    let every = OBJECTS / POLICIES;
    let objects = (0..OBJECTS).map(|i| {
        let governs = policies && i % every == every - 1;
        let author = if governs { 0 } else { 1 + i * 7919 % AUTHORS };
        let edges =
            Edges { stream: root.id(), parents: vec![parent], previous: previous[author], generation: i as u64 + 1 };
        let draft = if governs {
            let invited = keys[1 + i / every % AUTHORS].verifying_key();
            Draft::event("streams/policy", edges).policies([Rule::invite(&invited)])
        } else {
            Draft::event("bench/event", edges).data(data(i))
        };
        let object = draft.sign(&keys[author]).expect("an event");
        parent = object.id();
        previous[author] = Some(parent);
        object
    });
    let objects = objects.collect();
    (root, objects)
}

/// A stream of them, and microseconds an object.
fn ingest(root: &Authentic, objects: &[Authentic]) -> (Stream, f64) {
    let mut stream = Stream::open(root.clone(), HashKey::from_bytes([2; 16])).expect("a root");
    let start = Instant::now();
    for object in objects {
        stream.ingest_verified(object.object().parts()).expect("an event");
    }
    (stream, start.elapsed().as_nanos() as f64 / objects.len() as f64)
}

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    let keys: Vec<SigningKey> = (0..=AUTHORS).map(key).collect();
    let without = {
        let (root, objects) = history(&keys, false);
        ingest(&root, &objects).1
    };
    let (root, objects) = history(&keys, true);
    let (mut stream, with) = ingest(&root, &objects);
    drop(objects);

    let beside = stream.edges(&keys[0].verifying_key());
    let voided: Vec<_> =
        (0..1000).map(|i| stream.by(&keys[1]).append("bench/event", data(i)).expect("an event").id()).collect();
    let removal = Draft::event("streams/policy", beside).policies([Rule::remove(&keys[1].verifying_key())]);
    let removal = removal.sign(&keys[0]).expect("a removal");
    let (_, removed) = timed(|| stream.admit(removal, 0).expect("the owner may"));
    let (verdicts, explained) = timed(|| voided.iter().map(|id| stream.explain(id)).collect::<Vec<_>>());
    assert!(verdicts.into_iter().all(|verdict| verdict.is_some_and(|verdict| !verdict.is_effective())));
    let (_, checkpoint) = timed(|| stream.by(&keys[0]).checkpoint().expect("the owner may"));
    assert_eq!(stream.final_len(), stream.len());
    stream.by(&keys[2]).append("bench/event", Map::new()).expect("an event");

    let milliseconds = |what, cost: f64, most| Row {
        what,
        ours: format!("{cost:.2} ms"),
        beside: "its bound in ms".into(),
        figure: cost,
        bound: Bound::AtMost(most),
    };
    vec![
        Row {
            what: "ingest of 1M objects with 1,000 policy objects and 1,000 authors, by that without policies",
            ours: micros(with),
            beside: micros(without),
            figure: with / without,
            bound: Bound::AtMost(2.0),
        },
        milliseconds("a removal that voids 1,000 objects, at 1M", removed, 50.0),
        milliseconds("explain, at 1M objects and 1,000 policy objects", explained / 1000.0, 1.0),
        milliseconds("write, take and accept a checkpoint over 1M objects", checkpoint, 2000.0),
    ]
}

/// What a function gives, and the milliseconds that it took.
fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let given = run();
    (given, start.elapsed().as_secs_f64() * 1000.0)
}
