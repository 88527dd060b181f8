//! Links that end in order when they are to: at Ctrl-C, or at a time.

use std::fmt;
use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use streams_core::transport::{Transport, TransportError};
use tokio::sync::watch;

/// A link whose peer seems to close it when this side is to end: so what is under way is finished, and the peer sees an
/// end and no cut.
pub struct Until {
    link: Arc<dyn Transport>,
    end: watch::Receiver<bool>,
}

impl Until {
    /// A link that ends when `end` is told to be true, or by nobody any more.
    pub fn new(link: Arc<dyn Transport>, end: watch::Receiver<bool>) -> Self {
        Self { link, end }
    }
}

impl fmt::Debug for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.link.fmt(f)
    }
}

#[async_trait]
impl Transport for Until {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.link.send(frame).await
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let mut end = self.end.clone();
        tokio::select! {
            biased;
            _ = end.wait_for(|end| *end) => Ok(None),
            frame = self.link.recv() => frame,
        }
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.link.close().await
    }

    fn channel(&self) -> &[u8] {
        self.link.channel()
    }
}

/// Returns when somebody wants the program to end: Ctrl-C, or the signal that service managers send.
pub async fn asked_to_end() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            told = tokio::signal::ctrl_c() => Ok(told?),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c().await?)
}
