//! Notices what other processes write, while somebody waits for it: the file tells no one, so it is looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use event_listener::Event;
use rusqlite::Connection;

use crate::threads::Using;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(50);

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    wanted: Arc<Wanted>,
    thread: Thread,
}

/// What the thread is wanted for.
#[derive(Debug, Default)]
struct Wanted {
    /// How many wait.
    by: AtomicUsize,
    is_over: AtomicBool,
}

/// Somebody waits, until this is dropped.
pub(crate) struct Watched(Arc<Wanted>);

impl Watch {
    pub(crate) fn new(connection: Connection, using: Using, changed: Arc<Event>) -> Self {
        let wanted = Arc::new(Wanted::default());
        let seen = wanted.clone();
        let handle = thread::spawn(move || {
            look(&connection, &seen, &changed);
            drop(connection);
            drop(using);
        });
        Self { wanted, thread: handle.thread().clone() }
    }

    /// Looks for what other processes write, until the answer is dropped.
    pub(crate) fn for_others(&self) -> Watched {
        if self.wanted.by.fetch_add(1, Ordering::SeqCst) == 0 {
            self.thread.unpark();
        }
        Watched(self.wanted.clone())
    }

    pub(crate) fn close(&self) {
        self.wanted.is_over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.close();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.by.fetch_sub(1, Ordering::SeqCst);
    }
}

fn look(connection: &Connection, wanted: &Wanted, changed: &Event) {
    let version = || connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).ok();
    let mut seen = None;
    while !wanted.is_over.load(Ordering::SeqCst) {
        if wanted.by.load(Ordering::SeqCst) == 0 {
            thread::park();
            continue;
        }
        let now = version();
        if now != seen {
            seen = now;
            changed.notify(usize::MAX);
        }
        thread::park_timeout(EVERY);
    }
}
