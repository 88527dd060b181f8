//! The store of Streams for many nodes: a PostgreSQL database, which all of them use at once.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use streams_core::{Draft, HashKey, Map, Node, SigningKey};
//! # use streams_postgres::PostgresStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = SigningKey::from_bytes([7; 32]);
//! let hash_key = HashKey::from_bytes([1; 16]); // from the operating system's randomness, in earnest
//! let store = PostgresStore::open("postgres://streams@127.0.0.1/streams").await?;
//! let node = Node::new(Arc::new(store), hash_key);
//! let stream = node.create(Draft::root("example.org/list", [0; 16]).sign(&key)?).await?;
//! node.write(stream, |stream| stream.by(&key).append("example.org/list.Added", Map::new()).map(drop)).await??;
//! # Ok(()) }
//! ```
//!
//! # What it does
//!
//! - A commit is one transaction, durable when it returns; each question is one statement. Several nodes may write to one
//!   stream: who comes second is told of the conflict. All commits to a store end one after the other, since they share
//!   one sequence without gaps: so many a second as the server can make durable one by one. Who writes much writes many
//!   objects a commit, or to several stores: those in other schemas do not wait for each other.
//! - The tables are made when a store is opened for the first time, in a schema of their own, by anyone who may
//!   `CREATE` in the database, or in the schema if that is there. A store that a newer version wrote is left alone.
//! - Who waits for changes is told by `NOTIFY`, on a channel that is called like the schema, and looks each second where
//!   it hears nothing. The notification tells nothing but that there is something.
//! - A store must be used from a tokio runtime with its IO and time turned on.
//!
//! # What there is to know
//!
//! - **Dropped bytes.** Of a map that was dropped, nothing is left that can be asked for. As of every `UPDATE`, the old
//!   row stays on the disk until `VACUUM` lets its place be used again, and is gone when it was: `VACUUM FULL objects`
//!   writes all anew and leaves nothing behind. Its bytes are in the write-ahead log until that is recycled, and in
//!   archives, replicas' logs and backups as long as those are kept.
//! - **Restoring.** Whoever restores the database from an older copy, or loses commits with a primary server, calls
//!   [`PostgresStore::restored`] once.
//! - **Connections** are not encrypted: TLS is not built in yet, and an address with `sslmode=require` is refused.
//!   Between the store and the server may stand a pooler that keeps a session together (of PgBouncer, `pool_mode =
//!   session`), but none that hands each transaction to another connection.
//! - **Other servers.** The tests run on PostgreSQL 15, and nothing else was ever tried: not Citus, CockroachDB or
//!   YugabyteDB, which speak the same protocol. The key of every table that grows begins with the stream, so that it can
//!   be distributed by it. What such a server may lack, and would have to be changed: rows that are found by `ctid`,
//!   advisory locks, `LISTEN`, and the planner's settings that a connection begins with.

#![forbid(unsafe_code)]

mod changes;

mod commit;

mod error;

mod listen;

mod pipeline;

mod read;

mod schema;

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use streams_core::store::{Commit, Head, Logged, Numbered, Record, Scan};
use streams_core::{ObjectId, Store, StoreError, StoreErrorKind, StreamId};
use tokio_postgres::config::Host;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};

use crate::error::{corrupt, failed, not_connected, random};
use crate::listen::{AGAIN, Listener};

/// The schema of a store, unless [`Options::schema`] tells.
pub const DEFAULT_SCHEMA: &str = "streams";

/// How many connections a store has at most, unless [`Options::connections`] tells. Who waits for changes has one more.
pub const DEFAULT_CONNECTIONS: usize = 8;

/// How long one waits for a connection, or for a lock, before the answer is [`StoreErrorKind::Busy`].
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest name that PostgreSQL does not cut off.
const NAME: usize = 63;

/// Where a store is, and how it is used.
#[derive(Clone, Debug)]
pub struct Options {
    config: Config,
    schema: String,
    connections: usize,
}

impl Options {
    /// A store in the database at this address: `postgres://user:password@host:port/database`, or
    /// `host=… user=… dbname=…`.
    pub fn new(address: &str) -> Result<Self, StoreError> {
        // The address may hold a password, so it is not told again.
        let wrong = |error: tokio_postgres::Error| {
            let message = "not an address of a PostgreSQL database: an address is \
                           postgres://user:password@host:port/database";
            let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
            StoreError::new(StoreErrorKind::Other, format!("{message}{cause}"))
        };
        let mut config: Config = address.parse().map_err(wrong)?;
        // A server that went without a word is found out: somebody may be waiting for what we hold.
        config.keepalives_idle(PATIENCE);
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(PATIENCE);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(PATIENCE);
        }
        Ok(Self { config, schema: DEFAULT_SCHEMA.into(), connections: DEFAULT_CONNECTIONS })
    }

    /// With its tables in this schema: several stores have place in one database.
    pub fn schema(self, schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), ..self }
    }

    /// With at most so many connections, at least one.
    pub fn connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// The server and the database, without the password.
    fn address(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        });
        let ports = self.config.get_ports();
        let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        let hosts: Vec<String> = hosts.enumerate().map(|(at, host)| format!("{host}:{}", port(at))).collect();
        let database = self.config.get_dbname().or(self.config.get_user()).unwrap_or_default();
        format!("{}/{database}", hosts.join(","))
    }

    /// What is told to the server at the beginning of each connection.
    fn greeting(&self) -> String {
        let schema = schema::quoted(&self.schema);
        let patience = PATIENCE.as_millis();
        // Each question goes along one index, from one place on, and asks for the order of that index: so a planner that
        // may not sort has no choice. Without this it may rather read all of a stream and sort it, where it has no
        // statistics yet or thinks of the average stream: that took 700 ms where this takes 2. As there is no choice,
        // it need not think each time.
        format!(
            "SET search_path TO {schema};
             SET enable_seqscan TO off;
             SET enable_bitmapscan TO off;
             SET enable_sort TO off;
             SET enable_incremental_sort TO off;
             SET plan_cache_mode TO force_generic_plan;
             SET jit TO off;
             SET lock_timeout TO {patience};
             SET idle_in_transaction_session_timeout TO {patience};
             SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    }
}

/// A store in PostgreSQL. See the [crate](self) for what it promises, and how it is kept.
#[derive(Debug)]
pub struct PostgresStore {
    pool: Pool,
    address: String,
    schema: String,
    listener: Listener,
}

impl PostgresStore {
    /// The store in the schema [`DEFAULT_SCHEMA`] of the database at this address; it is made where there is none.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        Self::open_with(Options::new(address)?).await
    }

    /// The same, with options.
    pub async fn open_with(options: Options) -> Result<Self, StoreError> {
        if !(1..=NAME).contains(&options.schema.len()) {
            let message = format!("the name of a schema has 1 to {NAME} bytes, and {:?} has not", options.schema);
            return Err(StoreError::new(StoreErrorKind::Other, message));
        }
        let greeting = options.greeting();
        let greet = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let greeting = greeting.clone();
            Box::pin(async move { client.batch_execute(&greeting).await.map_err(HookError::Backend) })
        });
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let pool = Pool::builder(Manager::from_config(options.config.clone(), NoTls, recycling))
            .max_size(options.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(greet)
            .build()
            .map_err(|error| StoreError::new(StoreErrorKind::Other, error.to_string()))?;
        let address = options.address();
        let listener = Listener::new(options.config, options.schema.clone());
        let store = Self { pool, address, schema: options.schema, listener };
        schema::open(&mut store.client().await?, &store.schema).await?;
        Ok(store)
    }

    /// To be called once when the database was restored from an older copy, or its primary server was lost with
    /// commits that no other had: draws the store's 16 bytes again. The numbers that were lost will be given a second
    /// time, to something else; who remembers them by the old bytes, a reader's cursor or somebody who was given a
    /// statement (spec 10.4), must be able to tell.
    pub async fn restored(&self) -> Result<(), StoreError> {
        let origin = random()?;
        self.ask("UPDATE store SET origin = $1", &[&&origin[..]]).await.map(drop)
    }

    async fn client(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(|error| not_connected(error, &self.address))
    }

    /// The rows that answer a statement.
    async fn ask(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached(statement).await.map_err(failed)?;
        client.query(&statement, parameters).await.map_err(failed)
    }

    /// The row that every store has.
    async fn own(&self, statement: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Row, StoreError> {
        self.ask(statement, parameters).await?.pop().ok_or_else(|| corrupt("a store without what each has"))
    }

    /// The ids of a stream that a statement finds.
    async fn ids(&self, statement: &str, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        let rows = self.ask(statement, &[&&stream.as_bytes()[..]]).await?;
        rows.iter().map(|row| read::id(row, 0)).collect()
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn origin(&self) -> Result<[u8; 16], StoreError> {
        read::array(&self.own("SELECT origin FROM store", &[]).await?, 0)
    }

    async fn last(&self) -> Result<u64, StoreError> {
        read::number(&self.own("SELECT value FROM counters WHERE name = 'changes'", &[]).await?, 0)
    }

    async fn commit(&self, stream: StreamId, commit: Commit) -> Result<u64, StoreError> {
        if commit.is_empty() {
            let last = self.head(stream).await?.map_or(0, |head| head.last);
            return if last == commit.seen { Ok(last) } else { Err(StoreError::conflict(&stream)) };
        }
        let (last, client) = commit::commit(self.client().await?, stream, commit).await?;
        self.listener.tell(client);
        Ok(last)
    }

    async fn get(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<Option<Record>>, StoreError> {
        let rows = self.ask(read::GET, &[&&stream.as_bytes()[..], &read::bytes(ids)]).await?;
        read::in_order(ids, &rows)
    }

    async fn contains(&self, stream: StreamId, ids: &[ObjectId]) -> Result<Vec<bool>, StoreError> {
        let rows = self.ask(read::CONTAINS, &[&&stream.as_bytes()[..], &read::bytes(ids)]).await?;
        let here = rows.iter().map(|row| read::id(row, 0)).collect::<Result<HashSet<_>, _>>()?;
        Ok(ids.iter().map(|id| here.contains(id)).collect())
    }

    async fn scan(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Record>, StoreError> {
        if matches!(&scan, Scan::Type(r#type, _) if r#type.contains('\0')) {
            // PostgreSQL has no such text, and no object such a type.
            return Ok(Vec::new());
        }
        let (statement, parameters) = read::scan(&stream, &scan, limit);
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|one| &**one as _).collect();
        self.ask(statement, &parameters).await?.iter().map(read::record).collect()
    }

    async fn head(&self, stream: StreamId) -> Result<Option<Head>, StoreError> {
        self.ask(read::HEAD, &[&&stream.as_bytes()[..]]).await?.first().map(read::head).transpose()
    }

    async fn leaves(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.ids("SELECT id FROM leaves WHERE stream = $1 ORDER BY id", stream).await
    }

    async fn dropped(&self, stream: StreamId) -> Result<Vec<ObjectId>, StoreError> {
        self.ids("SELECT id FROM drops WHERE stream = $1 ORDER BY id", stream).await
    }

    async fn streams(&self, after: Option<StreamId>, limit: usize) -> Result<Vec<StreamId>, StoreError> {
        // Every id is behind no bytes.
        let after = after.as_ref().map_or(&[][..], |after| &after.as_bytes()[..]);
        let statement = "SELECT stream FROM streams WHERE stream > $1 ORDER BY stream LIMIT $2";
        let rows = self.ask(statement, &[&after, &read::limit(limit)]).await?;
        rows.iter().map(|row| read::id(row, 0)).collect()
    }

    async fn log(&self, stream: Option<StreamId>, above: u64, limit: usize) -> Result<Vec<Logged>, StoreError> {
        let (above, limit) = (read::bounded(above), read::limit(limit));
        let rows = match stream {
            Some(stream) => self.ask(read::LOG_OF, &[&above, &limit, &&stream.as_bytes()[..]]).await?,
            None => self.ask(read::LOG, &[&above, &limit]).await?,
        };
        rows.iter().map(read::logged).collect()
    }

    async fn wait(&self, above: u64) -> Result<(), StoreError> {
        if self.pool.is_closed() {
            return Err(StoreError::closed());
        }
        let mut heard = self.listener.listen();
        while self.last().await? <= above {
            let _ = tokio::time::timeout(AGAIN, heard.changed()).await;
        }
        Ok(())
    }

    async fn cursor(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.ask("SELECT value FROM cursors WHERE name = $1", &[&name.as_bytes()]).await?;
        rows.first().map(|row| read::column(row, 0)).transpose()
    }

    async fn set_cursor(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        let statement = "INSERT INTO cursors (name, value) VALUES ($1, $2)
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.ask(statement, &[&name.as_bytes(), &value]).await.map(drop)
    }

    async fn number(&self) -> Result<Numbered, StoreError> {
        let statement = "UPDATE counters SET value = value + 1 WHERE name = 'statements'
                         RETURNING value, (SELECT origin FROM store)";
        let row = self.own(statement, &[]).await?;
        Ok(Numbered { store: read::array(&row, 1)?, counter: read::number(&row, 0)? })
    }

    async fn close(&self) -> Result<(), StoreError> {
        if self.pool.is_closed() {
            return Err(StoreError::closed());
        }
        self.pool.close();
        self.listener.stop();
        Ok(())
    }
}
