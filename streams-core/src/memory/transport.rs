//! The simplest transport: two queues.

use async_channel::{Receiver, Sender, bounded};
use async_trait::async_trait;

use crate::transport::{MAX_FRAME, Transport, TransportError};

/// How many frames may be on their way.
const ROOM: usize = 16;

/// One end of a link in memory.
///
/// ```
/// # use streams_core::{MemoryTransport, transport::Transport};
/// # pollster::block_on(async {
/// let (one, other) = MemoryTransport::pair(b"this connection");
/// one.send(b"a frame".to_vec()).await?;
/// assert_eq!(other.recv().await?.as_deref(), Some(&b"a frame"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryTransport {
    sender: Sender<Vec<u8>>,
    receiver: Receiver<Vec<u8>>,
    channel: Vec<u8>,
}

impl MemoryTransport {
    /// Both ends of a link, with what is unique to it.
    pub fn pair(channel: &[u8]) -> (Self, Self) {
        let ((to_b, from_a), (to_a, from_b)) = (bounded(ROOM), bounded(ROOM));
        let end = |sender, receiver| Self { sender, receiver, channel: channel.to_vec() };
        (end(to_b, from_b), end(to_a, from_a))
    }
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Transport for MemoryTransport {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        self.sender.send(frame).await.map_err(|_| TransportError::closed())
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        if self.sender.is_closed() && self.receiver.is_empty() && !self.receiver.is_closed() {
            return Err(TransportError::closed());
        }
        Ok(self.receiver.recv().await.ok())
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.sender.close();
        Ok(())
    }

    fn channel(&self) -> &[u8] {
        &self.channel
    }
}
