//! A commit: one transaction, in two turns. In the first it takes hold of the stream, and asks what is here; in the
//! second it says all that is to be written, and is done. Within a turn nobody waits for an answer before the next
//! statement is sent.
//!
//! # The sequence
//!
//! Numbers come from a row that every commit raises, and not from a sequence of the database. A sequence gives out its
//! numbers before it is known who commits, and when: one who reads up to 7 may later find a 5, and a transaction that
//! is rolled back leaves a hole. Who has raised the row holds it until the end of the transaction; so the next number is
//! given out only when the one before is there for all to see, and what is rolled back gives its numbers back. The
//! price is that commits to the store end one after the other. So the row is raised late: behind it stands only what
//! needs the numbers, and nothing waits for the network.

use std::collections::HashSet;

use deadpool_postgres::Client;
use streams_core::store::Commit;
use streams_core::{ObjectId, StoreError, StreamId};
use tokio_postgres::Row;

use crate::changes::Changes;
use crate::error::{corrupt, failed};
use crate::pipeline::{Step, run};
use crate::read::{CONTAINS, bytes, id, number};

/// Whatever the database's default is: after a wait for the stream's row, what is read must be what is there now.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

const BEGIN_STREAM: &str =
    "INSERT INTO streams (stream, last, objects, finals) VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING";

const HOLD_STREAM: &str = "SELECT last FROM streams WHERE stream = $1 FOR UPDATE";

/// A connection in a transaction. It is thrown away, and with it whatever the transaction did, unless the transaction
/// comes to its end: a commit may be dropped while it waits.
struct Held(Option<Client>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.take().map(Client::take);
    }
}

/// Commits, and hands back the connection.
pub(crate) async fn commit(client: Client, stream: StreamId, mut commit: Commit) -> Result<(u64, Client), StoreError> {
    let mut held = Held(Some(client));
    let client = held.0.as_ref().expect("it is held until the end");
    let key = &stream.as_bytes()[..];
    let offered: Vec<ObjectId> = commit.objects.iter().map(|object| object.place.id).collect();
    let mut turn = vec![Step::new(BEGIN)];
    if commit.seen == 0 {
        turn.push(Step::new(BEGIN_STREAM).with(key));
    }
    turn.push(Step::new(HOLD_STREAM).with(key));
    turn.push(Step::new(CONTAINS).with(key).with(bytes(&offered)));
    let mut answers = run(client, &turn).await?;
    let here = ids(&answers.pop().unwrap_or_default())?;
    let last = answers.pop().unwrap_or_default().first().map(|row| number(row, 0)).transpose()?;
    if last.unwrap_or(0) != commit.seen {
        client.batch_execute("ROLLBACK").await.map_err(failed)?;
        drop(held.0.take());
        return Err(StoreError::conflict(&stream));
    }

    let mut once = here;
    commit.objects.retain(|object| once.insert(object.place.id));
    let changes = Changes::of(&mut commit)?;
    let turns = changes.turns(key, &commit);
    let mut answers = Vec::new();
    for turn in &turns {
        answers = run(client, turn).await?;
    }
    let client = held.0.take().expect("it was held until now");
    // The stream's row is raised, and the transaction ends.
    let raised = answers.len().checked_sub(2).and_then(|at| answers[at].first());
    match (raised, changes.count()) {
        (Some(row), 1..) => Ok((number(row, 0)?, client)),
        (None, 1..) => Err(corrupt("a store without its counter")),
        (_, 0) => Ok((commit.seen, client)),
    }
}

fn ids(rows: &[Row]) -> Result<HashSet<ObjectId>, StoreError> {
    rows.iter().map(|row| id(row, 0)).collect()
}
