//! The contract of every store.

use std::cell::Cell;
use std::sync::Arc;

use streams_core::Store;
use streams_core::conformance::store::conforms;

use crate::{server, store};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_conforms() {
    let server = server();
    let made = Cell::new(0);
    // All stores stand in one database, each in a schema of its own.
    conforms(async || {
        made.set(made.get() + 1);
        Arc::new(store(&server, &format!("conforms {}", made.get())).await) as Arc<dyn Store>
    })
    .await;
}
