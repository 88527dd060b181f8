//! Notices what other processes write, while somebody waits for it: the file tells no one, so it is looked at.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};
use std::time::Duration;

use event_listener::Event;
use rusqlite::Connection;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Watch {
    waiting: Arc<AtomicUsize>,
    thread: Thread,
}

/// Somebody waits, until this is dropped.
pub(crate) struct Watched(Arc<AtomicUsize>);

impl Watch {
    pub(crate) fn new(connection: Connection, changed: Arc<Event>) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let (seen, changed) = (Arc::downgrade(&waiting), Arc::downgrade(&changed));
        let handle = thread::spawn(move || look(&connection, &seen, &changed));
        Self { waiting, thread: handle.thread().clone() }
    }

    /// Looks for what other processes write, until the answer is dropped.
    pub(crate) fn for_others(&self) -> Watched {
        if self.waiting.fetch_add(1, Ordering::SeqCst) == 0 {
            self.thread.unpark();
        }
        Watched(self.waiting.clone())
    }

    pub(crate) fn close(&self) {
        self.thread.unpark();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.thread.unpark();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Ends when the store is dropped.
fn look(connection: &Connection, waiting: &Weak<AtomicUsize>, changed: &Weak<Event>) {
    let version = || connection.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).ok();
    let mut seen = None;
    while let (Some(waiting), Some(changed)) = (waiting.upgrade(), changed.upgrade()) {
        if waiting.load(Ordering::SeqCst) == 0 {
            drop((waiting, changed));
            thread::park_timeout(Duration::from_secs(1));
            continue;
        }
        let now = version();
        if now != seen {
            seen = now;
            changed.notify(usize::MAX);
        }
        drop((waiting, changed));
        thread::sleep(EVERY);
    }
}
