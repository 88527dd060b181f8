//! The clock of this machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use streams_core::clock::Clock;

/// The clock of this machine; before 1970 it is told as that.
#[derive(Debug)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> u64 {
        now().unwrap_or(0)
    }

    async fn until(&self, time: u64) {
        tokio::time::sleep(Duration::from_millis(time.saturating_sub(self.now()))).await;
    }
}

/// The time, in milliseconds since 1970 UTC.
pub fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine is before 1970")?;
    Ok(since.as_millis() as u64)
}
