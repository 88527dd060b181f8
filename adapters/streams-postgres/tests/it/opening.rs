//! Opening: what is made, what is known, and what is said where neither goes.

use streams_core::conformance::fixtures::begin;
use streams_core::store::{Commit, Mark, NewObject, Scan};
use streams_core::{Store, StoreError, StoreErrorKind};
use streams_postgres::{Options, PostgresStore};
use tokio::net::TcpListener;
use tokio_postgres::NoTls;

use crate::server::Server;
use crate::{server, store};

/// Does something in the database by the side.
async fn aside(server: &Server, statement: &str) {
    let (client, connection) = tokio_postgres::connect(&server.address(), NoTls).await.expect("a server");
    tokio::spawn(connection);
    client.batch_execute(statement).await.expect(statement);
}

async fn refusal(address: &str) -> StoreError {
    PostgresStore::open(address).await.expect_err("it should not open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_come_at_once_open_the_same_store() {
    let server = server();
    let options = Options::new(&server.address()).unwrap().schema("at once \"quoted\"");
    let opening: Vec<_> = (0..6).map(|_| tokio::spawn(PostgresStore::open_with(options.clone()))).collect();
    let mut origins = Vec::new();
    for opening in opening {
        origins.push(opening.await.unwrap().unwrap().origin().await.unwrap());
    }
    assert!(origins.iter().all(|origin| *origin == origins[0]), "{origins:?}");
    // Another schema is another store.
    let other = store(&server, "another").await;
    assert_ne!(other.origin().await.unwrap(), origins[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_restored_has_another_origin() {
    let server = server();
    let store = store(&server, "restored").await;
    let (origin, number) = (store.origin().await.unwrap(), store.number().await.unwrap());
    assert_eq!(origin, number.store);
    store.restored().await.unwrap();
    assert_ne!(store.origin().await.unwrap(), origin);
    assert_eq!(store.number().await.unwrap().store, store.origin().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_store_says_so() {
    let server = server();
    store(&server, "newer").await.close().await.unwrap();
    aside(&server, "UPDATE newer.store SET version = 2").await;
    let options = Options::new(&server.address()).unwrap().schema("newer");
    let error = PostgresStore::open_with(options).await.expect_err("it is newer");
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert!(error.to_string().contains("has version 2"), "{error}");
    assert!(error.to_string().contains("use a program that is as new"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_connect_is_told_why() {
    let error = refusal("sqlite:///a/secret/place").await;
    assert_eq!(error.kind(), StoreErrorKind::Other);
    assert!(error.to_string().contains("an address is postgres://"), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");

    // Port 1 is nobody's.
    let error = refusal("postgres://somebody:secret@127.0.0.1:1/streams").await;
    assert_eq!(error.kind(), StoreErrorKind::Busy);
    let told = error.to_string();
    assert!(told.contains("127.0.0.1:1/streams") && told.contains("is the server running?"), "{told}");
    assert!(!told.contains("secret"), "{told}");

    // Somebody who takes connections and closes them: a server that goes while it greets.
    let closing = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = closing.local_addr().expect("an address").port();
    tokio::spawn(async move { while closing.accept().await.is_ok() {} });
    let error = refusal(&format!("postgres://somebody@127.0.0.1:{port}/streams")).await;
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");

    let long = Options::new("postgres://somebody@127.0.0.1:1").unwrap().schema("x".repeat(64));
    let error = PostgresStore::open_with(long).await.expect_err("PostgreSQL would cut it off");
    assert!(error.to_string().contains("1 to 63 bytes"), "{error}");

    let server = server();
    let error = refusal(&server.address().replace("/postgres", "/nothing")).await;
    assert_eq!(error.kind(), StoreErrorKind::Other);
    assert!(error.to_string().contains("\"nothing\" does not exist; make it with createdb"), "{error}");

    let error = refusal(&format!("{}?options=-c%20default_transaction_read_only=on", server.address())).await;
    assert_eq!(error.kind(), StoreErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("primary"), "{error}");
}

/// A server whose connections are all taken is busy, and not broken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_connections_are_busy() {
    let server = server();
    let open = store(&server, "crowd").await;
    aside(&server, "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0; GRANT CREATE ON DATABASE postgres TO crowd").await;
    let error = refusal(&server.address().replace("streams@", "crowd@")).await;
    assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}");
    assert_eq!(open.last().await.unwrap(), 0);
}

/// A connection that was ended by the server is busy once, and the next call has another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_ended_is_made_again() {
    let server = Server::start();
    let store = store(&server, "ended").await;
    assert_eq!(store.last().await.unwrap(), 0);
    aside(&server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()").await;
    for _ in 0..2 {
        match store.last().await {
            Ok(last) => assert_eq!(last, 0),
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Busy, "{error}"),
        }
    }
    assert_eq!(store.last().await.unwrap(), 0);
}

/// Marks that come with the object itself change it too; what is written twice in a commit is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_of_new_objects_count() {
    let server = server();
    let store = store(&server, "marks").await;
    let stream = begin(0);
    let id = stream.id();
    let root = NewObject::of(&stream, &id).expect("its root");
    let marks = vec![
        Mark::Verdict { id, effective: false },
        Mark::Adopted { id, by: Some(id) },
        Mark::Copy { id, parts: (*b"other").into() },
        Mark::Finalized { upto: 1, epochs: vec![(id, 7)] },
    ];
    let commit = Commit { objects: vec![root.clone(), root], marks, ..Commit::default() };
    assert_eq!(store.commit(id, commit).await.unwrap(), 5);
    let record = store.scan(id, Scan::After(None), 10).await.unwrap().remove(0);
    assert_eq!((record.effective, record.adopted_by, record.place.epoch), (false, Some(id), 7));
    assert_eq!(&record.parts[..], b"other");
    let head = store.head(id).await.unwrap().expect("it is here");
    assert_eq!((head.last, head.objects, head.finals), (5, 1, 1));
}

/// What is no row of ours is told, and not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wrote_is_corrupt() {
    let server = server();
    let store = store(&server, "corrupt").await;
    let stream = begin(0);
    let root = NewObject::of(&stream, &stream.id()).expect("its root");
    let commit = Commit { objects: vec![root], ..Commit::default() };
    store.commit(stream.id(), commit).await.unwrap();
    aside(&server, "UPDATE corrupt.objects SET tie = '\\x00'").await;
    let error = store.scan(stream.id(), Scan::Since(0), 10).await.expect_err("its tie is no tie");
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}
