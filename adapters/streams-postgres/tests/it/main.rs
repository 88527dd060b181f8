//! The store in PostgreSQL, on a real server that the tests start.

mod conforms;
mod crash;
mod opening;
mod plans;
mod server;
mod writers;

use std::sync::{Arc, Mutex, Weak};

use server::Server;
use streams_postgres::{Options, PostgresStore};

/// The server of all tests that run at the same time; it goes with the last of them.
fn server() -> Arc<Server> {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut held = SERVER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    held.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start());
        *held = Arc::downgrade(&server);
        server
    })
}

/// The store in a schema of a server.
async fn store(server: &Server, schema: &str) -> PostgresStore {
    let options = Options::new(&server.address()).expect("an address").schema(schema);
    PostgresStore::open_with(options).await.expect("a store")
}
