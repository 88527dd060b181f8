//! A store in a file keeps the contract.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use streams_core::Store;
use streams_core::conformance::store;
use streams_sqlite::SqliteStore;

#[test]
fn sqlite_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let count = AtomicU32::new(0);
    let make = async || {
        let path = folder.path().join(format!("{}.db", count.fetch_add(1, Ordering::Relaxed)));
        Arc::new(SqliteStore::open(path).expect("a new store")) as Arc<dyn Store>
    };
    pollster::block_on(store::conforms(make));
}
