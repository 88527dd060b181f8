//! Makes the tables of a store where there are none, and looks whether this version knows those that are there.

use deadpool_postgres::Client;
use streams_core::{StoreError, StoreErrorKind};

use crate::error::{failed, random};

/// The version of the tables that this version of the crate writes.
const VERSION: i32 = 1;

const TABLES: &str = include_str!("schema.sql");

/// Any number, as long as everyone who makes tables takes the same: "streams" in ASCII.
const LOCK: i64 = 0x0073_7472_6561_6d73;

/// A name as SQL spells it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes the tables, or knows them.
pub(crate) async fn open(client: &mut Client, schema: &str) -> Result<(), StoreError> {
    if let Some(version) = version(client, schema).await? {
        return known(version, schema);
    }
    let origin = random()?;
    let transaction = client.transaction().await.map_err(failed)?;
    // Of those who come at once, one makes the tables, and the others find them.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    if let Some(version) = version(&transaction, schema).await? {
        return known(version, schema);
    }
    // Who may not make schemas may use one that is there: so it is asked for first.
    let there = transaction.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await;
    if there.map_err(failed)?.is_none() {
        transaction.batch_execute(&format!("CREATE SCHEMA {}", quoted(schema))).await.map_err(failed)?;
    }
    transaction.batch_execute(TABLES).await.map_err(failed)?;
    let make = "INSERT INTO store (version, origin) VALUES ($1, $2)";
    transaction.execute(make, &[&VERSION, &&origin[..]]).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// The version of the tables; `None` where there are none.
async fn version(client: &impl deadpool_postgres::GenericClient, schema: &str) -> Result<Option<i32>, StoreError> {
    let here = "SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'store'";
    if client.query_opt(here, &[&schema]).await.map_err(failed)?.is_none() {
        return Ok(None);
    }
    let row = client.query_one("SELECT version FROM store", &[]).await.map_err(failed)?;
    row.try_get(0).map(Some).map_err(failed)
}

fn known(version: i32, schema: &str) -> Result<(), StoreError> {
    if version == VERSION {
        return Ok(());
    }
    let message = format!(
        "the store in the schema {schema} has version {version}, and this program knows version {VERSION}: use a \
         program that is as new as the store"
    );
    Err(StoreError::new(StoreErrorKind::Unsupported, message))
}
