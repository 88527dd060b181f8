//! The contract of a clock: what time it is, and to wait for a time. The core has none of its own.

use async_trait::async_trait;

use crate::shared::Shared;

/// Tells the time, in milliseconds since 1970 UTC.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Clock: Shared + std::fmt::Debug {
    /// The time.
    fn now(&self) -> u64;

    /// Returns when it is this time, or later: at once, where it was before. May be given up while it waits.
    async fn until(&self, time: u64);
}
