//! Many nodes on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use streams_core::conformance::fixtures::{Dice, NOTE, act, author, begin, content, hash_key};
use streams_core::node::feed::{Event, Filter};
use streams_core::store::{Commit, Logged, LoggedChange, NewObject, Scan};
use streams_core::{Node, ObjectId, Store, Stream};

use crate::server::Server;
use crate::{server, store};

const WRITERS: u8 = 4;

async fn nodes(server: &Server, schema: &str) -> Vec<Arc<Node>> {
    let mut nodes = Vec::new();
    for _ in 0..WRITERS {
        nodes.push(Arc::new(Node::new(Arc::new(store(server, schema).await), hash_key())));
    }
    nodes
}

/// Four nodes, each with connections of its own, write to one stream, and a fifth reads the feed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_writers_lose_nothing_and_a_reader_misses_nothing() {
    const EACH: u64 = 40;
    let server = server();
    let nodes = nodes(&server, "four writers").await;
    let root = begin(0);
    let id = nodes[0].create(root.object(&root.id()).expect("its root")).await.unwrap();

    let reader = Node::new(Arc::new(store(&server, "four writers").await), hash_key());
    let reading = tokio::spawn(async move {
        let mut feed = reader.watch(Filter::default(), None).await.unwrap();
        let mut read = Vec::new();
        while read.len() < 1 + (WRITERS as usize) * EACH as usize {
            if let Event::Added { object, .. } = feed.next().await.unwrap() {
                read.push((object.sequence, object.authentic.id()));
            }
        }
        read
    });

    let writing = nodes.iter().zip(0..).map(|(node, writer)| {
        let node = node.clone();
        tokio::spawn(async move {
            let mut written = Vec::new();
            for number in 0..EACH {
                let data = content(u64::from(writer) * 1000 + number, 16);
                let appended = node.write(id, |stream| stream.by(&author(writer)).append(NOTE, data)).await;
                written.push(appended.unwrap().expect("the stream is open to all").id());
            }
            written
        })
    });
    let mut written = BTreeSet::from([id]);
    for writing in writing.collect::<Vec<_>>() {
        written.extend(writing.await.unwrap());
    }
    assert_eq!(written.len(), 1 + (WRITERS as usize) * EACH as usize);

    // Nothing is lost or doubled, for the store and for who read meanwhile.
    let numbers = 1..=written.len() as u64;
    let store = nodes[0].store();
    let log = store.log(None, 0, 10_000).await.unwrap();
    let added = log.iter().filter_map(|logged| match logged.what {
        LoggedChange::Added { id, .. } => Some((logged.sequence, id)),
        _ => None,
    });
    let added: Vec<(u64, ObjectId)> = added.collect();
    assert!(log.iter().map(|logged| logged.sequence).eq(numbers.clone()));
    assert_eq!(added.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>(), written);
    assert_eq!(reading.await.unwrap(), added);
    all_agree(&nodes, id).await;
}

/// Where writers remove each other, drop maps and make checkpoints at the same time, they still agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_writers_who_quarrel_agree() {
    let server = server();
    let nodes = nodes(&server, "quarrel").await;
    let root = begin(0);
    let id = nodes[0].create(root.object(&root.id()).expect("its root")).await.unwrap();
    let writing = nodes.iter().zip(1..).map(|(node, seed)| {
        let node = node.clone();
        tokio::spawn(async move {
            let mut dice = Dice(seed);
            for number in 0..25 {
                node.write(id, |stream| act(stream, &mut dice, seed * 1000 + number)).await.unwrap();
            }
        })
    });
    for writing in writing.collect::<Vec<_>>() {
        writing.await.unwrap();
    }
    let log = nodes[0].store().log(None, 0, 10_000).await.unwrap();
    assert!(log.iter().map(|logged| logged.sequence).eq(1..=nodes[0].store().last().await.unwrap()));
    all_agree(&nodes, id).await;
}

/// Writers to streams beside each other share one sequence, without gaps, and in the order in which it can be seen: who
/// reads on from the last number, as fast as it can, misses none of those that were in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_beside_each_other_share_one_sequence() {
    const ALL: usize = WRITERS as usize * 51;
    let server = server();
    let nodes = nodes(&server, "beside").await;
    let reader = store(&server, "beside").await;
    let reading = tokio::spawn(async move {
        let (mut read, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(30));
        while read.len() < ALL && Instant::now() < deadline {
            let above = read.last().map_or(0, |logged: &Logged| logged.sequence);
            read.extend(reader.log(None, above, 100).await.unwrap());
        }
        read
    });
    let writing = nodes.iter().zip(0..).map(|(node, number)| {
        let node = node.clone();
        tokio::spawn(async move {
            let root = begin(number);
            let id = node.create(root.object(&root.id()).expect("its root")).await.unwrap();
            for note in 0..50 {
                let appended = node.write(id, |stream| stream.by(&author(1)).append(NOTE, content(note, 16))).await;
                appended.unwrap().expect("the stream is open to all");
            }
            assert_eq!(node.store().head(id).await.unwrap().expect("it is here").objects, 51);
        })
    });
    for writing in writing.collect::<Vec<_>>() {
        writing.await.unwrap();
    }
    let log = nodes[0].store().log(None, 0, 1000).await.unwrap();
    assert!(log.iter().map(|logged| logged.sequence).eq(1..=ALL as u64));
    let read: Vec<u64> = reading.await.unwrap().iter().map(|logged| logged.sequence).collect();
    assert_eq!(read, (1..=ALL as u64).collect::<Vec<_>>());
}

/// Statements are numbered once each, whoever asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_is_given_twice() {
    let server = server();
    let nodes = nodes(&server, "numbers").await;
    let asking = nodes.iter().map(|node| {
        let store = node.store().clone();
        tokio::spawn(async move {
            let mut counters = Vec::new();
            for _ in 0..20 {
                counters.push(store.number().await.unwrap().counter);
            }
            assert!(counters.is_sorted());
            counters
        })
    });
    let mut counters = BTreeSet::new();
    for asking in asking.collect::<Vec<_>>() {
        counters.extend(asking.await.unwrap());
    }
    assert!(counters.into_iter().eq(1..=80));
}

/// Who waits elsewhere is told, and does not only look each second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_elsewhere_is_told() {
    let server = server();
    let (here, there) = (store(&server, "told").await, Arc::new(store(&server, "told").await));
    let mut quickest = Duration::MAX;
    for number in 0..5 {
        let waiting = tokio::spawn({
            let there = there.clone();
            async move { there.wait(u64::from(number)).await.map(|()| Instant::now()) }
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let stream = begin(number);
        let root = NewObject::of(&stream, &stream.id()).expect("its root");
        here.commit(stream.id(), Commit { objects: vec![root], ..Commit::default() }).await.unwrap();
        let committed = Instant::now();
        quickest = quickest.min(waiting.await.unwrap().unwrap().saturating_duration_since(committed));
    }
    assert!(quickest < Duration::from_millis(400), "{quickest:?}");
}

/// What is too large for one statement is sent in several, and is one commit all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_very_large_commit_comes_in_pieces() {
    let server = server();
    let store = store(&server, "large").await;
    let mut stream = begin(0);
    for note in 0..250 {
        stream.by(&author(1)).append(NOTE, content(note, 50_000)).expect("the stream is open to all");
    }
    let objects: Vec<NewObject> = stream.order().map(|id| NewObject::of(&stream, &id).expect("it is here")).collect();
    assert!(objects.iter().map(|object| object.parts.len()).sum::<usize>() > 12_000_000);
    let last = store.commit(stream.id(), Commit { objects: objects.clone(), ..Commit::default() }).await.unwrap();
    assert_eq!(last, 251);
    let here = store.scan(stream.id(), Scan::Since(0), 1000).await.unwrap();
    assert!(here.iter().map(|record| record.sequence).eq(1..=251));
    assert!(here.iter().zip(&objects).all(|(record, object)| record.parts == object.parts));
    assert_eq!(store.leaves(stream.id()).await.unwrap(), stream.leaves());
}

async fn all_agree(nodes: &[Arc<Node>], id: ObjectId) {
    let verified = nodes[0].verify(id, |_| {}).await.unwrap();
    assert!(verified.is_clean(), "{:?}", verified.faults);
    for node in nodes {
        assert_eq!(Some(node.read(id, Stream::order_digest).await.unwrap()), verified.order);
    }
}
