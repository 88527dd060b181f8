//! The simplest clock: it is what time somebody says it is.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use event_listener::Event;

use crate::clock::Clock;

/// A clock that stands, until it is moved.
///
/// ```
/// # use streams_core::{MemoryClock, clock::Clock};
/// let clock = MemoryClock::new(1_000);
/// clock.set(2_000);
/// pollster::block_on(clock.until(1_500));
/// assert_eq!(clock.now(), 2_000);
/// ```
#[derive(Debug)]
pub struct MemoryClock {
    held: Mutex<Held>,
    moved: Event,
}

#[derive(Debug)]
struct Held {
    now: u64,
    /// For which times somebody waits, and how many do.
    awaited: BTreeMap<u64, usize>,
}

impl MemoryClock {
    /// A clock that stands at this time, in milliseconds since 1970 UTC.
    pub fn new(now: u64) -> Self {
        Self { held: Mutex::new(Held { now, awaited: BTreeMap::new() }), moved: Event::new() }
    }

    /// Makes it this time. Whoever waited for it, or for an earlier one, goes on.
    pub fn set(&self, now: u64) {
        self.held().now = now;
        self.moved.notify(usize::MAX);
    }

    /// The earliest time to come for which somebody waits.
    pub fn awaited(&self) -> Option<u64> {
        let held = self.held();
        held.awaited.range(held.now + 1..).next().map(|(time, _)| *time)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Counts one who waits, as long as it does.
struct Waiting<'a> {
    clock: &'a MemoryClock,
    time: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut held = self.clock.held();
        if let Some(count) = held.awaited.get_mut(&self.time) {
            *count -= 1;
            if *count == 0 {
                held.awaited.remove(&self.time);
            }
        }
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Clock for MemoryClock {
    fn now(&self) -> u64 {
        self.held().now
    }

    async fn until(&self, time: u64) {
        *self.held().awaited.entry(time).or_default() += 1;
        let waiting = Waiting { clock: self, time };
        loop {
            let moved = self.moved.listen();
            if self.now() >= waiting.time {
                return;
            }
            moved.await;
        }
    }
}
