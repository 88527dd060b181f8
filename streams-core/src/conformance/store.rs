//! What every store must do, by what others may observe of it.

use std::sync::Arc;

use super::both;
use super::faulty::{Fault, FaultyStore};
use super::fixtures::{Dice, NOTE, act, author, begin, content, hash_key};
use crate::memory::MemoryStore;
use crate::node::feed::{Event, Filter};
use crate::node::{Node, NodeError};
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Commit, LoggedChange, Mark, NewObject, Place, Record, Scan, Store, StoreErrorKind};
use crate::stream::Stream;

/// Runs the whole contract; `make` gives an empty store each time.
///
/// # Panics
///
/// Where the store does not keep it.
pub async fn conforms(make: impl AsyncFn() -> Arc<dyn Store>) {
    an_empty_store_answers_with_nothing(&*make().await).await;
    what_was_committed_is_there_whole(&*make().await).await;
    a_conflict_changes_nothing(&*make().await).await;
    marks_change_what_is_there(&*make().await).await;
    all_changes_have_numbers_without_gaps(&*make().await).await;
    names_and_numbers_are_kept(&*make().await).await;
    who_waits_is_woken(make().await).await;
    what_is_closed_says_so(&*make().await).await;
    for seed in 0..4 {
        it_answers_as_memory_does(make().await, seed).await;
    }
    two_nodes_agree(make().await).await;
    for fault in Fault::ALL {
        faults_lose_nothing(&make, fault).await;
    }
}

/// Objects of a stream, in the order of their arrival, as they are told to a store.
fn new_objects(stream: &Stream, ids: impl IntoIterator<Item = ObjectId>) -> Vec<NewObject> {
    ids.into_iter().map(|id| NewObject::of(stream, &id).expect("it is here")).collect()
}

fn all(stream: &Stream) -> Commit {
    Commit { objects: new_objects(stream, stream.order()), ..Commit::default() }
}

/// A stream of so many notes of three authors.
fn notes(number: u8, count: u64) -> Stream {
    let mut stream = begin(number);
    for note in 0..count {
        let key = author((note % 3) as u8);
        stream.by(&key).append(NOTE, content(note, 16)).expect("it is open to all");
    }
    stream
}

fn ids(records: &[Record]) -> Vec<ObjectId> {
    records.iter().map(|record| record.place.id).collect()
}

async fn kind<T>(answer: impl Future<Output = Result<T, crate::store::StoreError>>) -> StoreErrorKind {
    answer.await.map(drop).expect_err("it should fail").kind()
}

async fn an_empty_store_answers_with_nothing(store: &dyn Store) {
    let stream = begin(0).id();
    assert_eq!(store.last().await.unwrap(), 0);
    assert_eq!(store.streams(None, 10).await.unwrap(), []);
    assert_eq!(store.head(stream).await.unwrap(), None);
    assert_eq!(store.get(stream, &[stream]).await.unwrap(), [None]);
    assert_eq!(store.contains(stream, &[stream]).await.unwrap(), [false]);
    assert_eq!(store.scan(stream, Scan::After(None), 10).await.unwrap(), []);
    assert_eq!(store.leaves(stream).await.unwrap(), []);
    assert_eq!(store.dropped(stream).await.unwrap(), []);
    assert_eq!(store.log(None, 0, 10).await.unwrap(), []);
    assert_eq!(store.log(Some(stream), 0, 10).await.unwrap(), []);
    assert_eq!(store.cursor("reader").await.unwrap(), None);
    assert_eq!(store.commit(stream, Commit::default()).await.unwrap(), 0);
    assert_eq!(store.head(stream).await.unwrap(), None);
}

async fn what_was_committed_is_there_whole(store: &dyn Store) {
    let stream = notes(0, 30);
    let (id, order): (StreamId, Vec<ObjectId>) = (stream.id(), stream.order().collect());
    assert_eq!(store.commit(id, all(&stream)).await.unwrap(), 31);
    assert_eq!(store.last().await.unwrap(), 31);
    let head = store.head(id).await.unwrap().expect("it is here");
    assert_eq!((head.last, head.objects, head.finals), (31, 31, 0));
    assert_eq!(store.leaves(id).await.unwrap(), stream.leaves());

    // Answers are in the order of the questions, absent ones and repeated ones too.
    let absent = ObjectId::of_block(b"absent");
    let asked = [order[7], absent, order[0], order[7]];
    assert_eq!(store.contains(id, &asked).await.unwrap(), [true, false, true, true]);
    let got = store.get(id, &asked).await.unwrap();
    let found: Vec<Option<ObjectId>> = got.iter().map(|record| record.as_ref().map(|r| r.place.id)).collect();
    assert_eq!(found, [Some(order[7]), None, Some(order[0]), Some(order[7])]);
    assert_eq!(store.get(absent, &[order[7]]).await.unwrap(), [None], "it is of another stream");
    let record = got[0].as_ref().expect("it is here");
    let expected = NewObject::of(&stream, &order[7]).expect("it is here");
    assert_eq!((record.place, record.effective, record.adopted_by), (expected.place, true, None));
    assert_eq!(record.parts, expected.parts);

    // Pages join without a gap, whatever their size.
    for limit in [1, 7, 31, 100] {
        let mut forwards: Vec<ObjectId> = Vec::new();
        let mut backwards: Vec<ObjectId> = Vec::new();
        let mut since: Vec<ObjectId> = Vec::new();
        let (mut after, mut before, mut above): (Option<Place>, Option<Place>, u64) = (None, None, 0);
        loop {
            let page = store.scan(id, Scan::After(after), limit).await.unwrap();
            let places: Vec<_> = page.iter().map(|record| (record.place, record.sequence)).collect();
            assert_eq!(store.places(id, after, limit).await.unwrap(), places);
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            forwards.extend(ids(&page));
            let page = store.scan(id, Scan::Before(before), limit).await.unwrap();
            before = page.last().map(|last| last.place);
            backwards.extend(ids(&page));
            let page = store.scan(id, Scan::Since(above), limit).await.unwrap();
            above = page.last().map_or(above, |last| last.sequence);
            since.extend(ids(&page));
        }
        assert_eq!(forwards, order);
        backwards.reverse();
        assert_eq!(backwards, order);
        assert_eq!(since, order);
    }
    assert_eq!(store.scan(id, Scan::After(None), 0).await.unwrap(), []);
    let by: Vec<ObjectId> = stream
        .entries()
        .filter(|entry| entry.authentic.header().author() == author(1).verifying_key())
        .map(|entry| entry.authentic.id())
        .collect();
    let found = store.scan(id, Scan::Author(author(1).verifying_key(), 0), 100).await.unwrap();
    assert_eq!(ids(&found), by);
    let found = store.scan(id, Scan::Author(author(1).verifying_key(), found[3].sequence), 2).await.unwrap();
    assert_eq!(ids(&found), by[4..6]);
    assert_eq!(ids(&store.scan(id, Scan::Type(NOTE.into(), 0), 100).await.unwrap()), order[1..]);
    assert_eq!(store.scan(id, Scan::Type("test/other".into(), 0), 100).await.unwrap(), []);
    assert_eq!(store.scan(id, Scan::Author(author(9).verifying_key(), 0), 100).await.unwrap(), []);

    // Streams are listed by their ids.
    let mut streams = vec![id];
    for number in 1..5 {
        let other = begin(number);
        store.commit(other.id(), all(&other)).await.unwrap();
        streams.push(other.id());
    }
    streams.sort_unstable();
    assert_eq!(store.streams(None, 10).await.unwrap(), streams);
    assert_eq!(store.streams(Some(streams[1]), 2).await.unwrap(), streams[2..4]);
}

async fn a_conflict_changes_nothing(store: &dyn Store) {
    let mut stream = notes(0, 3);
    let id = stream.id();
    let last = store.commit(id, all(&stream)).await.unwrap();
    let next = stream.by(&author(1)).append(NOTE, content(9, 16)).expect("it is open to all").id();
    let commit = Commit { seen: last, objects: new_objects(&stream, [next]), ..Commit::default() };
    for seen in [0, last - 1, last + 1] {
        let stale = Commit { seen, ..commit.clone() };
        assert_eq!(kind(store.commit(id, stale)).await, StoreErrorKind::Conflict);
    }
    assert_eq!(store.last().await.unwrap(), last);
    assert_eq!(store.commit(id, commit.clone()).await.unwrap(), last + 1);
    // The same again is a conflict, and what is here takes no number.
    assert_eq!(kind(store.commit(id, commit.clone())).await, StoreErrorKind::Conflict);
    let again = Commit { seen: last + 1, ..commit };
    assert_eq!(store.commit(id, again).await.unwrap(), last + 1);
    assert_eq!(store.leaves(id).await.unwrap(), [next]);
    assert_eq!(store.head(id).await.unwrap().expect("it is here").objects, 5);
}

async fn marks_change_what_is_there(store: &dyn Store) {
    let stream = notes(0, 6);
    let (id, order): (StreamId, Vec<ObjectId>) = (stream.id(), stream.order().collect());
    let seen = store.commit(id, all(&stream)).await.unwrap();
    let map = ObjectId::of_block(stream.object(&order[3]).expect("it is here").object().maps()[0]);
    let without = stream.object(&order[3]).expect("it is here").object().redact(&map).expect("it is whole");
    let marks = vec![
        Mark::Verdict { id: order[1], effective: false },
        Mark::Adopted { id: order[1], by: Some(order[5]) },
        Mark::Copy { id: order[3], parts: without.parts().clone() },
        Mark::Finalized { upto: 4, epochs: vec![(order[2], 2), (order[4], 3)] },
    ];
    let last = store.commit(id, Commit { seen, marks, drops: vec![map, order[6]], ..Commit::default() }).await.unwrap();
    assert_eq!(last, seen + 4);
    let mut dropped = vec![map, order[6]];
    dropped.sort_unstable();
    assert_eq!(store.dropped(id).await.unwrap(), dropped);
    assert_eq!(store.head(id).await.unwrap().expect("it is here").finals, 4);
    let records = store.get(id, &order).await.unwrap().into_iter().flatten().collect::<Vec<_>>();
    assert_eq!((records[1].effective, records[1].adopted_by), (false, Some(order[5])));
    assert_eq!(&records[3].parts, without.parts());
    let moved = store.scan(id, Scan::After(None), 100).await.unwrap();
    assert_eq!(ids(&moved), [0, 1, 3, 5, 6, 2, 4].map(|at: usize| order[at]));
    let log = store.log(Some(id), seen, 100).await.unwrap();
    let what: Vec<LoggedChange> = log.into_iter().map(|logged| logged.what).collect();
    let expected = [
        LoggedChange::Verdict { id: order[1], effective: false },
        LoggedChange::Adopted { id: order[1], by: Some(order[5]) },
        LoggedChange::Copy { id: order[3] },
        LoggedChange::Finalized { upto: 4 },
    ];
    assert_eq!(what, expected);
    let marks = vec![Mark::Verdict { id: order[1], effective: true }, Mark::Adopted { id: order[1], by: None }];
    store.commit(id, Commit { seen: last, marks, ..Commit::default() }).await.unwrap();
    let record = store.get(id, &[order[1]]).await.unwrap().remove(0).expect("it is here");
    assert_eq!((record.effective, record.adopted_by), (true, None));
}

async fn all_changes_have_numbers_without_gaps(store: &dyn Store) {
    let (one, two) = (notes(0, 20), notes(1, 20));
    let mut seen = [0, 0];
    // Two streams in turns, a few objects at a time.
    for from in (0..21).step_by(3) {
        for (at, stream) in [&one, &two].into_iter().enumerate() {
            let some: Vec<ObjectId> = stream.order().skip(from).take(3).collect();
            let commit = Commit { seen: seen[at], objects: new_objects(stream, some), ..Commit::default() };
            seen[at] = store.commit(stream.id(), commit).await.unwrap();
        }
    }
    let mut read = Vec::new();
    while read.len() < 42 {
        read.extend(store.log(None, read.len() as u64, 5).await.unwrap());
    }
    assert!(read.iter().zip(1..).all(|(logged, number)| logged.sequence == number));
    assert_eq!(store.last().await.unwrap(), 42);
    assert_eq!(store.log(None, 42, 5).await.unwrap(), []);
    for stream in [&one, &two] {
        let own: Vec<_> = read.iter().filter(|logged| logged.stream == stream.id()).cloned().collect();
        assert_eq!(store.log(Some(stream.id()), 0, 100).await.unwrap(), own);
        let added = own.iter().map(|logged| match &logged.what {
            LoggedChange::Added { id, author, r#type } => (*id, *author, r#type.clone()),
            other => panic!("{other:?}"),
        });
        let expected = stream.entries().map(|entry| {
            let header = entry.authentic.header();
            (entry.authentic.id(), *header.author().as_bytes(), header.r#type().to_owned())
        });
        assert!(added.eq(expected));
    }
}

async fn names_and_numbers_are_kept(store: &dyn Store) {
    store.set_cursor("reader", b"one").await.unwrap();
    store.set_cursor("reader", b"two").await.unwrap();
    store.set_cursor("other", b"").await.unwrap();
    assert_eq!(store.cursor("reader").await.unwrap().as_deref(), Some(&b"two"[..]));
    assert_eq!(store.cursor("other").await.unwrap().as_deref(), Some(&b""[..]));
    assert_eq!(store.last().await.unwrap(), 0, "a cursor is no change");
    let (first, second) = (store.number().await.unwrap(), store.number().await.unwrap());
    assert_eq!(first.store, second.store);
    assert!(first.counter < second.counter);
    assert_eq!(store.origin().await.unwrap(), store.origin().await.unwrap());
}

async fn who_waits_is_woken(store: Arc<dyn Store>) {
    let stream = notes(0, 2);
    let (id, commit) = (stream.id(), all(&stream));
    let waiting = {
        let store = store.clone();
        async move { store.wait(0).await }
    };
    let committing = async move { store.commit(id, commit).await };
    let (waited, committed) = both(waiting, committing).await;
    waited.unwrap();
    assert_eq!(committed.unwrap(), 3);
}

async fn what_is_closed_says_so(store: &dyn Store) {
    let stream = begin(0);
    let id = stream.id();
    store.commit(id, all(&stream)).await.unwrap();
    store.close().await.unwrap();
    assert_eq!(kind(store.last()).await, StoreErrorKind::Closed);
    assert_eq!(kind(store.commit(id, all(&stream))).await, StoreErrorKind::Closed);
    assert_eq!(kind(store.get(id, &[id])).await, StoreErrorKind::Closed);
    assert_eq!(kind(store.scan(id, Scan::After(None), 1)).await, StoreErrorKind::Closed);
    assert_eq!(kind(store.wait(1)).await, StoreErrorKind::Closed);
}

/// All that can be read of a store.
async fn read_all(store: &dyn Store) -> Vec<String> {
    let mut told = vec![format!("{:?}", store.log(None, 0, usize::MAX >> 1).await.unwrap())];
    for stream in store.streams(None, 1000).await.unwrap() {
        told.push(format!("{:?} {:?}", stream, store.head(stream).await.unwrap()));
        told.push(format!("{:?}", store.leaves(stream).await.unwrap()));
        told.push(format!("{:?}", store.dropped(stream).await.unwrap()));
        told.push(format!("{:?}", store.scan(stream, Scan::After(None), 10_000).await.unwrap()));
        told.push(format!("{:?}", store.scan(stream, Scan::Since(0), 10_000).await.unwrap()));
    }
    told
}

/// Draws what is done to some streams of a node, and does it.
pub async fn act_at(node: &Node, streams: &[StreamId], dice: &mut Dice, number: u64) -> Result<(), NodeError> {
    let stream = streams[dice.below(streams.len())];
    node.write(stream, |stream| act(stream, dice, number)).await
}

/// The roots of some streams, begun in a node.
pub async fn begin_all(node: &Node, count: u8) -> Result<Vec<StreamId>, NodeError> {
    let mut streams = Vec::new();
    for number in 0..count {
        let root = begin(number);
        streams.push(node.create(root.object(&root.id()).expect("its root")).await?);
    }
    Ok(streams)
}

async fn it_answers_as_memory_does(store: Arc<dyn Store>, seed: u64) {
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new([0; 16], hash_key()));
    for store in [&store, &memory] {
        // So little memory that streams are closed and opened again.
        let node = Node::new(store.clone(), hash_key()).with_memory(20_000);
        let mut dice = Dice(seed);
        let streams = begin_all(&node, 3).await.unwrap();
        for number in 0..120 {
            act_at(&node, &streams, &mut dice, number).await.unwrap();
        }
        for stream in streams {
            let verified = node.verify(stream, |_| {}).await.unwrap();
            assert!(verified.is_clean(), "seed {seed}: {:?}", verified.faults);
        }
        a_snapshot_spares_what_is_final(&node, &mut dice, seed).await;
    }
    let (one, other) = (read_all(&*store).await, read_all(&*memory).await);
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other, "seed {seed}");
    }
    assert_eq!(one.len(), other.len());
}

/// State that is read from the store is that of the open stream, from the beginning or from a snapshot, while things
/// go on.
async fn a_snapshot_spares_what_is_final(node: &Node, dice: &mut Dice, seed: u64) {
    let streams = node.store().streams(None, 10).await.unwrap();
    for stream in &streams {
        let mut snapshot = None;
        for number in 0..20 {
            act_at(node, &[*stream], dice, 1000 + number).await.unwrap();
            let replayed =
                node.replay(*stream, Vec::new(), snapshot, |ids, object| ids.push(object.id())).await.unwrap();
            assert_eq!(replayed.state, node.read(*stream, Stream::replayed).await.unwrap(), "seed {seed}");
            let finals = node.head(*stream).await.unwrap().expect("it is here").finals;
            assert_eq!(replayed.snapshot.objects, finals, "seed {seed}");
            snapshot = Some(replayed.snapshot);
        }
    }
}

/// Two nodes that write to one store at once: whoever loses a race takes in what the other wrote.
async fn two_nodes_agree(store: Arc<dyn Store>) {
    let nodes = [Node::new(store.clone(), hash_key()), Node::new(store.clone(), hash_key())];
    let streams = begin_all(&nodes[0], 2).await.unwrap();
    let run = async |node: &Node, seed: u64| {
        let mut dice = Dice(seed);
        for number in 0..60 {
            act_at(node, &streams, &mut dice, seed * 1000 + number).await.unwrap();
        }
    };
    both(run(&nodes[0], 1), run(&nodes[1], 2)).await;
    for stream in &streams {
        let verified = nodes[0].verify(*stream, |_| {}).await.unwrap();
        assert!(verified.is_clean(), "{:?}", verified.faults);
        let orders = [&nodes[0], &nodes[1]].map(|node| node.read(*stream, Stream::order_digest));
        for order in orders {
            assert_eq!(Some(order.await.unwrap()), verified.order);
        }
    }
}

/// One call goes wrong, each in turn; who does again what failed ends where everything went well, and a reader of the
/// feed sees each object once.
async fn faults_lose_nothing(make: &impl AsyncFn() -> Arc<dyn Store>, fault: Fault) {
    let stream = notes(0, 12);
    let parts: Vec<_> = stream.entries().skip(1).map(|entry| entry.authentic.object().parts().clone()).collect();
    for at in (0..).step_by(if fault == Fault::Delays { 5 } else { 1 }) {
        let inner = make().await;
        let faulty = Arc::new(FaultyStore::new(inner.clone(), fault, at));
        let node = Node::new(faulty.clone(), hash_key());
        let root = stream.object(&stream.id()).expect("its root");
        let id = again(async || node.create(root.clone()).await).await;
        for some in parts.chunks(4) {
            again(async || node.ingest(id, some, 0).await).await;
        }
        let mut seen = Vec::new();
        let mut feed = again(async || node.watch(Filter::default(), None).await).await;
        loop {
            match feed.next_now().await {
                Ok(Some(Event::Added { object, .. })) => seen.push(object.authentic.id()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => assert!(faulty.is_over()),
            }
        }
        assert!(seen.iter().copied().eq(stream.order()), "{fault:?} at {at}");
        let verified = again(async || node.verify(id, |_| {}).await).await;
        assert!(verified.is_clean(), "{fault:?} at {at}: {:?}", verified.faults);
        assert_eq!(verified.order, Some(stream.order_digest()), "{fault:?} at {at}");
        inner.close().await.unwrap();
        if !faulty.is_over() {
            return;
        }
    }
}

/// Does something, and where it fails once more: a fault comes once.
async fn again<T>(act: impl AsyncFn() -> Result<T, NodeError>) -> T {
    match act().await {
        Ok(answer) => answer,
        Err(_) => act().await.expect("a fault comes once"),
    }
}
