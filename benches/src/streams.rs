//! Large streams: the graph, its memory, and how cost grows.

use std::hint::black_box;
use std::time::Instant;

use streams_core::graph::{Graph, Index};
use streams_core::{Draft, Edges, HashKey, ObjectId, Stream, Ties};

use crate::measure::{held, median, once};
use crate::objects::{data, keys, micros, open};
use crate::{Bound, Row};

const MILLION: usize = 1_000_000;

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    // Ingest first, while no memory was used and given back: see there.
    let mut rows = ingest();
    rows.extend(graph());
    rows
}

/// An id as random as a hash, cheaper.
fn id(i: u64) -> ObjectId {
    ObjectId::from_bytes(*blake3::hash(&i.to_le_bytes()).as_bytes())
}

/// A graph of a million objects, a line with a second line beside it, and late arrivals everywhere.
fn graph() -> Vec<Row> {
    let ids: Vec<ObjectId> = (0..2 * MILLION as u64).map(id).collect();
    let tie = |i: usize| *ids[i].as_bytes();
    let before = held();
    let mut graph = Graph::new(HashKey::from_bytes([3; 16]));
    let mut latest = graph.insert(ids[0], &[], 0, tie(0), |_| unreachable!("no two have one tie"));
    let mut line = vec![latest];
    let append = once(MILLION - 1, |i| {
        // Every fifth cites the one before the last too.
        let second = line.len().checked_sub(2).filter(|_| i % 5 == 0).map(|at| line[at]);
        let edges: Vec<Index> = [latest].into_iter().chain(second).collect();
        latest = graph.insert(ids[i + 1], &edges, i as u64 + 1, tie(i + 1), |_| unreachable!());
        line.push(latest);
    });
    let bytes = (held() - before - line.capacity() * size_of::<Index>()) as f64 / MILLION as f64;
    let mut count = 0;
    let order = once(1, |_| {
        graph.order().for_each(|index| {
            black_box(graph.id(index));
            count += 1;
        })
    });
    assert_eq!(count, MILLION);
    let late = once(MILLION / 2, |i| {
        let parent = line[(i * 7_919) % line.len()];
        let generation = graph.generation(parent) + 1;
        let at = MILLION + i;
        black_box(graph.insert(ids[at], &[parent], generation, tie(at), |_| unreachable!()));
    });
    let bound = |most| Bound::AtMost(most);
    let row = |what, cost: f64, most| Row {
        what,
        ours: format!("{cost:.0} ns"),
        beside: "its bound in ns".into(),
        figure: cost,
        bound: bound(most),
    };
    vec![
        row("append to the order, up to 1M objects", append, 500.0),
        row("late insert at random, at 1M objects", late, 1000.0),
        row("the full order of 1M objects, each", order / MILLION as f64, 50.0),
        Row {
            what: "memory of the graph at 1M objects, each",
            ours: format!("{bytes:.0} bytes"),
            beside: "its bound in bytes".into(),
            figure: bytes,
            bound: Bound::AtMost(128.0),
        },
    ]
}

/// Ingest of what was verified before, into a stream that grows to a million objects.
fn ingest() -> Vec<Row> {
    let keys = keys(16);
    let empty = open(&keys);
    let mut previous = vec![None; keys.len()];
    previous[0] = Some(empty.id());
    let mut parent = empty.id();
    let mut parts = Vec::with_capacity(MILLION);
    for i in 0..MILLION {
        let author = i % keys.len();
        let edges =
            Edges { stream: empty.id(), parents: vec![parent], previous: previous[author], generation: i as u64 + 1 };
        let event = Draft::event("bench/event", edges).data(data(i)).sign(&keys[author]).expect("an event");
        parent = event.id();
        previous[author] = Some(parent);
        parts.push(event.object().parts().clone());
    }
    // Rates of one stream while it grows, in chunks of 10,000, so that early and late ones take fresh memory alike:
    // the system's price of a page that was never used is above that of hashing what is put on it.
    let before = held();
    let mut stream = open(&keys);
    let rates: Vec<f64> = parts.chunks(10_000).map(|chunk| rate(&mut stream, chunk)).collect();
    let small = median(rates[1..11].iter().copied());
    let last = median(rates[90..].iter().copied());
    let payload: usize = parts.iter().map(|parts| parts.len() + 2 * size_of::<usize>()).sum();
    let bytes = (held() - before - payload) as f64 / MILLION as f64;
    let id = stream.id();
    let author = keys[0].verifying_key();
    let ties = Ties::new(id);
    let tie = once(100_000, |i| {
        black_box(ties.tie(i as u64, &author));
    });
    vec![
        Row {
            what: "ingest rate at 1M objects, by that behind 10k",
            ours: format!("{} each at 1M", micros(last)),
            beside: format!("{} each behind 10k (of which the tie {tie:.0} ns)", micros(small)),
            figure: small / last,
            bound: Bound::AtLeast(0.8),
        },
        Row {
            what: "memory of a stream at 1M objects, each, without its parts",
            ours: format!("{bytes:.0} bytes"),
            beside: "its bound in bytes".into(),
            figure: bytes,
            bound: Bound::AtMost(128.0),
        },
    ]
}

/// Nanoseconds an object.
fn rate(stream: &mut Stream, parts: &[std::sync::Arc<[u8]>]) -> f64 {
    let start = Instant::now();
    for parts in parts {
        stream.ingest_verified(parts).expect("an event");
    }
    start.elapsed().as_nanos() as f64 / parts.len() as f64
}
