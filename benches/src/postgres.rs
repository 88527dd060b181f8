//! The store in PostgreSQL beside the database itself: the same rows, in tables with the same indices, on a server that
//! is started for it.

// The server of the tests, of which a bench does not need all.
#[allow(dead_code)]
#[path = "../../adapters/streams-postgres/tests/it/server.rs"]
mod server;

use std::sync::Arc;

use streams_core::store::{Commit, NewObject, Place};
use streams_core::{ObjectId, Store, VerifyingKey};
use streams_postgres::{Options, PostgresStore};
use tokio::runtime::Runtime;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls, Statement};

use self::server::Server;
use crate::measure::{Pair, once, paired};
use crate::objects::keys;
use crate::{Bound, Row};

const BATCH: usize = 1000;

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    if server::programs().is_none() {
        eprintln!("PostgreSQL is not installed, so it is left out: `apt-get install postgresql`");
        return Vec::new();
    }
    let runtime = Runtime::new().expect("threads");
    let server = Server::start();
    let store = runtime.block_on(open(&server, "ours"));
    let raw = runtime.block_on(Raw::new(&server));
    let rows = vec![batches(&runtime, &store, &raw), single(&runtime, &store, &raw)];
    copy_or_unnest(&runtime, &raw);
    beside_each_other(&runtime, &server);
    rows
}

async fn open(server: &Server, schema: &str) -> PostgresStore {
    PostgresStore::open_with(Options::new(&server.address()).expect("an address").schema(schema))
        .await
        .expect("a store")
}

fn stream(number: u64) -> ObjectId {
    ObjectId::of_block(&number.to_le_bytes())
}

/// New objects, whose ids are as random as hashes, each with 300 bytes. A batch has no bytes of another.
fn objects(batch: usize, count: usize) -> Vec<NewObject> {
    let authors: Vec<VerifyingKey> = keys(16).iter().map(|key| key.verifying_key()).collect();
    let object = |i: usize| {
        let mut parts = vec![0; 300];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&batch.to_le_bytes()).update(&i.to_le_bytes()).finalize_xof().fill(&mut parts);
        let id = ObjectId::of_block(&parts);
        let place =
            Place { epoch: 1, generation: (batch * BATCH + i) as u64, tie: *blake3::hash(&parts[1..]).as_bytes(), id };
        NewObject {
            place,
            author: authors[i % authors.len()],
            r#type: "bench/event".into(),
            edges: Vec::new(),
            effective: true,
            adopted_by: None,
            parts: parts.into(),
        }
    };
    let mut objects: Vec<NewObject> = (0..count).map(object).collect();
    // Each cites the one before it, so one leaf is left.
    for i in 1..objects.len() {
        objects[i].edges = vec![objects[i - 1].place.id];
    }
    objects
}

/// The database alone.
struct Raw {
    client: Client,
    insert: Statement,
    copy: Statement,
    sequence: std::cell::Cell<i64>,
}

impl Raw {
    async fn new(server: &Server) -> Self {
        // The same tables and indices, made by the store.
        open(server, "raw").await.close().await.expect("it was open");
        let (client, connection) = tokio_postgres::connect(&server.address(), NoTls).await.expect("a server");
        tokio::spawn(connection);
        let insert = client.prepare(
            "INSERT INTO raw.objects
             SELECT $1, sequence, 1, generation, tie, id, author, 'bench/event', true, NULL, parts
             FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])
                  AS new (sequence, generation, tie, id, author, parts)",
        );
        let insert = insert.await.expect("a statement");
        let copy = client.prepare("COPY raw.objects FROM STDIN BINARY").await.expect("a statement");
        Self { client, insert, copy, sequence: std::cell::Cell::new(0) }
    }

    fn numbers(&self, count: usize) -> Vec<i64> {
        let first = self.sequence.get() + 1;
        self.sequence.set(first - 1 + count as i64);
        (first..first + count as i64).collect()
    }

    async fn insert(&self, objects: &[NewObject]) {
        fn column<'a>(objects: &'a [NewObject], of: impl Fn(&'a NewObject) -> &'a [u8]) -> Vec<&'a [u8]> {
            objects.iter().map(of).collect()
        }
        let generations: Vec<i64> = objects.iter().map(|object| object.place.generation as i64).collect();
        let ties = column(objects, |object| &object.place.tie);
        let ids = column(objects, |object| object.place.id.as_bytes());
        let authors = column(objects, |object| object.author.as_bytes());
        let parts = column(objects, |object| &object.parts);
        let stream = stream(0);
        let sequence = self.numbers(objects.len());
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 7] =
            [&&stream.as_bytes()[..], &sequence, &generations, &ties, &ids, &authors, &parts];
        self.client.execute(&self.insert, &parameters).await.expect("an insert");
    }

    async fn copy(&self, objects: &[NewObject]) {
        use tokio_postgres::binary_copy::BinaryCopyInWriter;
        let sink = self.client.copy_in(&self.copy).await.expect("a copy");
        let types = [
            Type::BYTEA,
            Type::INT8,
            Type::INT8,
            Type::INT8,
            Type::BYTEA,
            Type::BYTEA,
            Type::BYTEA,
            Type::TEXT,
            Type::BOOL,
            Type::BYTEA,
            Type::BYTEA,
        ];
        let mut writer = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
        let stream = stream(0);
        for (object, sequence) in objects.iter().zip(self.numbers(objects.len())) {
            let place = &object.place;
            let generation = place.generation as i64;
            let none: Option<&[u8]> = None;
            writer
                .as_mut()
                .write(&[
                    &&stream.as_bytes()[..],
                    &sequence,
                    &1_i64,
                    &generation,
                    &&place.tie[..],
                    &&place.id.as_bytes()[..],
                    &&object.author.as_bytes()[..],
                    &object.r#type,
                    &true,
                    &none,
                    &&object.parts[..],
                ])
                .await
                .expect("a line");
        }
        writer.finish().await.expect("a copy");
    }
}

fn batches(runtime: &Runtime, store: &PostgresStore, raw: &Raw) -> Row {
    const PER_ROUND: usize = 8;
    // Made before: what an object costs to make is not what is measured.
    let made: Vec<Vec<NewObject>> = (0..16 * PER_ROUND).map(|batch| objects(batch, BATCH)).collect();
    let (mut ours, mut theirs) = (made.iter(), made.iter());
    let mut seen = 0;
    let Pair { ours, raw, ratio } = paired(
        PER_ROUND,
        |_| {
            let commit = Commit { seen, objects: ours.next().expect("enough").clone(), ..Commit::default() };
            seen = runtime.block_on(store.commit(stream(0), commit)).expect("a commit");
        },
        |_| runtime.block_on(raw.insert(theirs.next().expect("enough"))),
    );
    let rate = |nanos: f64| format!("{:.0} objects/s", BATCH as f64 * 1e9 / nanos);
    Row {
        what: "PostgreSQL: commit of 1,000 objects of 300 bytes",
        ours: rate(ours),
        beside: format!("the same rows by one INSERT, {}", rate(raw)),
        figure: 1.0 / ratio,
        bound: Bound::AtLeast(0.5),
    }
}

fn single(runtime: &Runtime, store: &PostgresStore, raw: &Raw) -> Row {
    const PER_ROUND: usize = 100;
    let mut made = objects(1 << 30, 32 * PER_ROUND).into_iter();
    let mut others = objects(1 << 31, 32 * PER_ROUND).into_iter();
    let mut seen = 0;
    let Pair { ours, raw, ratio } = paired(
        PER_ROUND,
        |_| {
            let commit = Commit { seen, objects: made.by_ref().take(1).collect(), ..Commit::default() };
            seen = runtime.block_on(store.commit(stream(1), commit)).expect("a commit");
        },
        |_| runtime.block_on(raw.insert(&others.by_ref().take(1).collect::<Vec<_>>())),
    );
    Row {
        what: "PostgreSQL: commit of one object of 300 bytes",
        ours: format!("{:.2} ms", ours / 1e6),
        beside: format!("the same row by one INSERT, {:.2} ms", raw / 1e6),
        figure: 1.0 / ratio,
        bound: Bound::AtLeast(0.33),
    }
}

/// The two ways to tell a server many rows, which the store chose between.
fn copy_or_unnest(runtime: &Runtime, raw: &Raw) {
    for (count, first) in [(BATCH, 1 << 40), (10 * BATCH, 1 << 41)] {
        let made: Vec<Vec<NewObject>> = (0..32).map(|batch| objects(first + 10 * batch, count)).collect();
        let next = std::cell::Cell::new(0);
        let batch = || {
            next.set(next.get() + 1);
            &made[next.get() - 1]
        };
        let Pair { ours, raw: other, .. } =
            paired(1, |_| runtime.block_on(raw.copy(batch())), |_| runtime.block_on(raw.insert(batch())));
        let rate = |nanos: f64| count as f64 * 1e9 / nanos;
        eprintln!("raw, {count} rows: {:.0} rows/s by COPY, {:.0} by UNNEST", rate(ours), rate(other));
    }
}

/// What several writers do together, each to a stream of its own, in one store or in a store each.
fn beside_each_other(runtime: &Runtime, server: &Server) {
    for (writers, stores, count) in [(1, 1, BATCH), (4, 1, BATCH), (4, 4, BATCH), (1, 1, 1), (4, 1, 1), (4, 4, 1)] {
        let open =
            |store| Arc::new(runtime.block_on(open(server, &format!("{writers} to {store} of {stores}, {count}"))));
        let opened: Vec<Arc<PostgresStore>> = (0..stores).map(open).collect();
        let commits = if count == 1 { 400 } else { 16 };
        let made: Arc<Vec<Vec<NewObject>>> = Arc::new((0..commits).map(|batch| objects(batch, count)).collect());
        let nanos = once(1, |_| {
            let writing = (0..writers).map(|writer: usize| {
                let (store, made) = (opened[writer % stores].clone(), made.clone());
                runtime.spawn(async move {
                    let mut seen = 0;
                    for objects in made.iter() {
                        let commit = Commit { seen, objects: objects.clone(), ..Commit::default() };
                        seen = store.commit(stream(writer as u64), commit).await.expect("a commit");
                    }
                })
            });
            let writing: Vec<_> = writing.collect();
            runtime.block_on(async {
                for writing in writing {
                    writing.await.expect("a writer");
                }
            });
        });
        let rate = (writers * commits * count) as f64 * 1e9 / nanos;
        eprintln!("{writers} writers to {stores} stores, commits of {count}: {rate:.0} objects/s");
    }
}
