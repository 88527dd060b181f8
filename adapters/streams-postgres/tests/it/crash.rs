//! The server dies while it is written to, or the writer goes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use streams_core::conformance::fixtures::{NOTE, author, begin, content, hash_key};
use streams_core::node::{Node, NodeError};
use streams_core::store::{Commit, NewObject};
use streams_core::{ObjectId, Store, StoreErrorKind, StreamId};

use crate::server::Server;
use crate::{server, store};

const WRITERS: u8 = 2;
const EACH: u64 = 60;

/// Writes notes, each again until it is acknowledged; what was acknowledged is told.
async fn write(node: Arc<Node>, id: StreamId, writer: u8, done: Arc<AtomicU64>) -> Vec<ObjectId> {
    let mut acknowledged = Vec::new();
    for number in 0..EACH {
        let mut draft = None;
        let deadline = Instant::now() + Duration::from_secs(30);
        let parts = loop {
            // What is sent again is the same object: whether it is here already, its id tells.
            let written = match &draft {
                None => node
                    .write(id, |stream| {
                        let data = content(u64::from(writer) * 1000 + number, 16);
                        let appended = stream.by(&author(writer)).append(NOTE, data);
                        draft = Some(appended.expect("the stream is open to all").object().parts().clone());
                    })
                    .await
                    .map(drop),
                Some(parts) => node.ingest(id, &[parts], 0).await.map(drop),
            };
            match written {
                Ok(()) => break draft.expect("it was written"),
                Err(NodeError::Store(error)) if error.kind() == StoreErrorKind::Busy => {
                    assert!(Instant::now() < deadline, "{error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        acknowledged.push(streams_core::Object::decode(&parts).expect("an object").id());
        done.fetch_add(1, Ordering::SeqCst);
    }
    acknowledged
}

/// A commit that nobody waits for any more is there whole or not at all, and keeps nobody else from the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_given_up_is_whole_or_not_there() {
    let server = server();
    let store = store(&server, "given up").await;
    let mut stream = begin(0);
    let id = stream.id();
    let mut sent: Vec<ObjectId> = vec![id];
    let mut seen = 0;
    for round in 0..60_u64 {
        let objects: Vec<NewObject> = sent.iter().map(|id| NewObject::of(&stream, id).expect("it is here")).collect();
        let commit =
            async |seen| store.commit(id, Commit { seen, objects: objects.clone(), ..Commit::default() }).await;
        let patience = Duration::from_micros(100 * (round % 30));
        let _ = tokio::time::timeout(patience, commit(seen)).await;
        // Whatever became of it: who looks, and tries again, comes through.
        loop {
            let last = store.head(id).await.unwrap().map_or(0, |head| head.last);
            match commit(last).await {
                Ok(last) => break seen = last,
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}"),
            }
        }
        let head = store.head(id).await.unwrap().expect("it is here");
        assert_eq!((head.last, head.objects), (stream.len() as u64, stream.len() as u64));
        let next = (0..3).map(|note| {
            let appended = stream.by(&author(1)).append(NOTE, content(10 * round + note, 16));
            appended.expect("the stream is open to all").id()
        });
        sent = next.collect();
    }
    let log = store.log(None, 0, 1000).await.unwrap();
    assert!(log.iter().map(|logged| logged.sequence).eq(1..=seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    let server = Server::start();
    let mut nodes = Vec::new();
    for _ in 0..WRITERS {
        nodes.push(Arc::new(Node::new(Arc::new(store(&server, "crash").await), hash_key())));
    }
    let root = begin(0);
    let id = nodes[0].create(root.object(&root.id()).expect("its root")).await.unwrap();
    let waiting = nodes[0].store().clone();
    let total = u64::from(WRITERS) * EACH;
    let waiting = tokio::spawn(async move {
        while waiting.last().await.ok() != Some(1 + total) {
            // While the server is down this fails, and afterwards it is heard again.
            let _ = waiting.wait(total).await;
        }
    });

    let done = Arc::new(AtomicU64::new(0));
    let writing =
        nodes.iter().zip(1..).map(|(node, writer)| tokio::spawn(write(node.clone(), id, writer, done.clone())));
    let writing: Vec<_> = writing.collect();
    for at in [total / 4, total / 2] {
        while done.load(Ordering::SeqCst) < at {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::task::block_in_place(|| {
            server.kill();
            server.go_on();
        });
    }
    let mut acknowledged = BTreeSet::from([id]);
    for writing in writing {
        acknowledged.extend(writing.await.unwrap());
    }
    assert_eq!(acknowledged.len() as u64, 1 + total);
    waiting.await.unwrap();

    let log = nodes[0].store().log(None, 0, 10_000).await.unwrap();
    assert!(log.iter().map(|logged| logged.sequence).eq(1..=1 + total));
    let verified = nodes[1].verify(id, |_| {}).await.unwrap();
    assert!(verified.is_clean(), "{:?}", verified.faults);
    assert_eq!(verified.objects, 1 + total);
    let here: Vec<ObjectId> = acknowledged.into_iter().collect();
    assert!(nodes[0].store().contains(id, &here).await.unwrap().into_iter().all(|here| here));
}
