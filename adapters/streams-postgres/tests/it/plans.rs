//! Every question goes along one index from one place on, however the streams of the database are made up: what is read
//! is about what is asked for.

use std::time::Duration;

use streams_core::conformance::fixtures::author;
use streams_core::store::{Commit, Mark, NewObject, Place, Scan};
use streams_core::{ObjectId, Store};
use streams_postgres::{Options, PostgresStore};
use tokio_postgres::{Client, NoTls};

use crate::server;

const OBJECTS: i64 = 20_000;
const LIMIT: usize = 50;

/// More often than the server needs to settle on a plan.
const ROUNDS: i64 = 8;

/// A large stream of one author and one type, and from the middle on now and then an object of a small one.
const FILL: &str = "
    INSERT INTO plans.objects
    SELECT CASE WHEN i > $4::bigint / 2 AND i % 200 = 0 THEN $2::bytea ELSE $1::bytea END, i, 1, i,
           sha256(i::text::bytea), sha256(('id' || i)::bytea), $3::bytea, 'test/usual', true, NULL, sha256('parts')
    FROM generate_series(1, $4::bigint) AS i";

/// A silent author and a rare type at the very beginning, of which no statistics tell.
const SURPRISE: &str = "UPDATE plans.objects SET author = $1, type = 'test/rare' WHERE sequence <= 10";

const FILL_MARKS: &str =
    "INSERT INTO plans.marks SELECT stream, sequence + $1, 1, id, true FROM plans.objects ORDER BY sequence";

/// How many entries of indices were read in all, and how many rows without one.
async fn read(aside: &Client, open: i64) -> (i64, i64) {
    // What a connection read is counted at its end; so many are still open.
    let here = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plans'";
    while aside.query_one(here, &[]).await.expect("figures").get::<_, i64>(0) > open {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    aside.batch_execute("SELECT pg_stat_force_next_flush()").await.expect("figures");
    let statement = "
        SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'plans')::bigint,
               (SELECT sum(seq_tup_read) FROM pg_stat_user_tables
                WHERE schemaname = 'plans' AND relname IN ('objects', 'marks'))::bigint";
    let row = aside.query_one(statement, &[]).await.expect("figures");
    (row.get(0), row.get(1))
}

/// Asks all that can be asked, and commits; whether the answers are long is told.
async fn ask(store: &PostgresStore, [large, small]: [ObjectId; 2], id: ObjectId) -> bool {
    let middle = OBJECTS as u64 / 2;
    let place = Some(Place { epoch: 1, generation: middle, tie: [0; 32], id });
    let silent = author(2).verifying_key();
    let scans = [
        (large, Scan::After(place), LIMIT),
        (large, Scan::Before(place), LIMIT),
        (large, Scan::Before(None), LIMIT),
        (large, Scan::Since(middle), LIMIT),
        (small, Scan::Since(0), LIMIT),
        (small, Scan::After(None), LIMIT),
        (large, Scan::Author(silent, 0), 10),
        (large, Scan::Author(silent, 10), 0),
        (large, Scan::Type("test/rare".into(), 0), 10),
        (small, Scan::Type("test/rare".into(), 0), 0),
    ];
    let mut all = true;
    for (stream, scan, expected) in scans {
        all &= store.scan(stream, scan.clone(), LIMIT).await.unwrap().len() == expected;
    }
    for (stream, above) in [(None, middle), (Some(small), 0), (Some(small), OBJECTS as u64)] {
        all &= store.log(stream, above, LIMIT).await.unwrap().len() == LIMIT;
    }
    all &= store.get(large, &[id; 3]).await.unwrap().iter().flatten().count() == 3;
    all &= store.contains(large, &[id, small]).await.unwrap() == [true, false];

    let seen = store.head(large).await.unwrap().map_or(0, |head| head.last);
    let marks = vec![
        Mark::Verdict { id, effective: true },
        Mark::Adopted { id, by: None },
        Mark::Copy { id, parts: (*b"other").into() },
        Mark::Finalized { upto: 1, epochs: vec![(id, 1)] },
    ];
    let cited = ObjectId::of_block(&seen.to_be_bytes());
    let object = NewObject {
        place: Place { epoch: 1, generation: seen, tie: [0; 32], id: ObjectId::of_block(cited.as_bytes()) },
        author: author(1).verifying_key(),
        r#type: "test/usual".into(),
        edges: vec![id, cited],
        effective: true,
        adopted_by: None,
        parts: (*b"parts").into(),
    };
    store.commit(large, Commit { seen, objects: vec![object], marks, drops: vec![id] }).await.unwrap();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_question_reads_more_than_it_must() {
    let server = server();
    let address = format!("{}?application_name=plans", server.address());
    let options = Options::new(&address).expect("an address").schema("plans").connections(1);
    let open = async || PostgresStore::open_with(options.clone()).await.unwrap();
    let first = open().await;
    let (aside, connection) = tokio_postgres::connect(&server.address(), NoTls).await.expect("a server");
    tokio::spawn(connection);
    let streams = [b"large", b"small"].map(|name| ObjectId::of_block(name));
    let authors = [1, 2].map(|number| author(number).verifying_key());
    let [large, small] = streams.each_ref().map(|stream| &stream.as_bytes()[..]);
    let [busy, silent] = authors.each_ref().map(|author| &author.as_bytes()[..]);
    let row = aside.query_one("SELECT sha256('id5000')", &[]).await.expect("an id");
    let id = ObjectId::from_bytes(row.get::<_, &[u8]>(0).try_into().expect("an id"));
    aside.execute("UPDATE plans.counters SET value = 2 * $1::bigint", &[&OBJECTS]).await.expect("a store");
    for _ in 0..ROUNDS {
        assert!(!ask(&first, streams, id).await, "there is nothing yet");
    }
    aside.execute(FILL, &[&large, &small, &busy, &OBJECTS]).await.expect("objects");
    aside.execute(FILL_MARKS, &[&OBJECTS]).await.expect("marks");
    aside
        .execute("INSERT INTO plans.leaves SELECT stream, id FROM plans.objects ON CONFLICT DO NOTHING", &[])
        .await
        .expect("leaves");

    // Who asked before there was anything, with the plans of then; without statistics, and with them.
    let cases = [("SELECT", Some(first)), ("SELECT", None), ("ANALYZE plans.objects, plans.marks, plans.leaves", None)];
    for (prepare, store) in cases {
        aside.batch_execute(prepare).await.expect(prepare);
        aside.execute(SURPRISE, &[&silent]).await.expect("objects");
        let before = read(&aside, store.iter().count() as i64).await;
        let store = match store {
            Some(store) => store,
            None => open().await,
        };
        for _ in 0..ROUNDS {
            assert!(ask(&store, streams, id).await);
        }
        drop(store);
        let after = read(&aside, 0).await;
        let (entries, rows) = ((after.0 - before.0) / ROUNDS, after.1 - before.1);
        assert_eq!(rows, 0, "after {prepare}: rows were read without an index");
        // Thirteen lists, and two of three are of two tables.
        assert!(entries < 16 * LIMIT as i64, "after {prepare}: {entries} entries were read");
    }
}
