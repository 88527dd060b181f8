//! A link: one end of a connection whose handshake is done.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use streams_core::transport::{MAX_FRAME, Transport, TransportError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::error;
use crate::handshake::Shaken;
use crate::wire::{self, MESSAGE_LENGTH, Opened, Opener, Sealer};

/// How much is read at once.
const READ: usize = 64 << 10;

/// One end of a link over TCP: from [`connect`](crate::connect), or from a [`Listener`](crate::Listener).
///
/// While nothing arrives it keeps no buffer; while something does, what has arrived of a frame and at most 128 KiB more.
///
/// Dropped without [`close`](Transport::close), the peer sees that it was cut.
pub struct TcpTransport {
    peer: SocketAddr,
    channel: Vec<u8>,
    deadline: Duration,
    sending: Mutex<Sending>,
    receiving: Mutex<Receiving>,
    /// Whether one of the two has closed: wakes who sends or receives here.
    closed: watch::Sender<bool>,
}

struct Sending {
    /// None while a message is written, and after the end. So a sender that is given up in the middle drops it, and the
    /// peer sees that the link was cut.
    half: Option<OwnedWriteHalf>,
    sealer: Sealer,
}

/// All that is known of what arrives: who waits for a frame keeps nothing, and may be given up.
struct Receiving {
    half: Option<OwnedReadHalf>,
    /// What came, and how much of it was opened.
    received: Vec<u8>,
    opened: usize,
    opener: Opener,
    /// How it ended: all later calls say the same.
    end: Option<Result<(), TransportError>>,
}

impl TcpTransport {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, shaken: Shaken, deadline: Duration) -> Self {
        let (reads, writes) = stream.into_split();
        let cipher = Arc::new(shaken.cipher);
        let sending = Sending { half: Some(writes), sealer: Sealer::new(cipher.clone()) };
        let receiving =
            Receiving { half: Some(reads), received: Vec::new(), opened: 0, opener: Opener::new(cipher), end: None };
        Self {
            peer,
            channel: shaken.channel,
            deadline,
            sending: Mutex::new(sending),
            receiving: Mutex::new(receiving),
            closed: watch::Sender::new(false),
        }
    }

    /// Where the peer's end of the connection is. It proves nothing about who the peer is.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    async fn closed(&self) {
        // The sender is in self: it cannot be gone.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Ends the own direction after the peer's has ended: whoever still sends is woken, and gives up.
    fn hang_up(&self) {
        self.closed.send_replace(true);
        if let Ok(mut sending) = self.sending.try_lock() {
            sending.half = None;
        }
    }
}

impl Sending {
    async fn end(&mut self) -> Result<(), TransportError> {
        // Ended before: by this end, or since the peer's has.
        let Some(mut half) = self.half.take() else { return Ok(()) };
        let message = self.sealer.seal(&wire::end())?;
        half.write_all(&message).await.map_err(error::broke)?;
        half.shutdown().await.map_err(error::broke)
    }
}

impl Receiving {
    /// What the next message completes, where all of it has come.
    fn open(&mut self) -> Option<Result<Opened, TransportError>> {
        let (length, rest) = self.received[self.opened..].split_first_chunk::<MESSAGE_LENGTH>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
        self.opened += MESSAGE_LENGTH + message.len();
        Some(self.opener.open(message))
    }

    /// Reads what has arrived, or waits for more.
    async fn read(&mut self) -> Result<(), TransportError> {
        let half = self.half.as_ref().expect("it has not ended");
        self.received.drain(..self.opened);
        self.opened = 0;
        if self.received.is_empty() {
            // It may be long until something comes.
            self.received = Vec::new();
        }
        loop {
            half.readable().await.map_err(error::broke)?;
            self.received.reserve(READ);
            match half.try_read_buf(&mut self.received) {
                Ok(0) => return Err(error::cut()),
                Ok(_) => return Ok(()),
                Err(blocked) if blocked.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(source) => return Err(error::broke(source)),
            }
        }
    }
}

#[async_trait]
impl Transport for TcpTransport {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        let mut sending = self.sending.lock().await;
        if self.is_closed() {
            return Err(TransportError::closed());
        }
        let mut half = sending.half.take().ok_or_else(TransportError::closed)?;
        for part in wire::parts(&frame) {
            let message = sending.sealer.seal(&part)?;
            tokio::select! {
                biased;
                written = half.write_all(&message) => written.map_err(error::broke)?,
                () = self.closed() => return Err(TransportError::closed()),
            }
        }
        sending.half = Some(half);
        Ok(())
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let mut receiving = self.receiving.lock().await;
        loop {
            if let Some(end) = &receiving.end {
                return end.clone().map(|()| None);
            }
            if self.is_closed() {
                return Err(TransportError::closed());
            }
            let end = match receiving.open() {
                Some(Ok(Opened::Frame(frame))) => return Ok(Some(frame)),
                Some(Ok(Opened::Part)) => continue,
                Some(Ok(Opened::End)) => Ok(()),
                Some(Err(wrong)) => Err(wrong),
                None => {
                    let read = tokio::select! {
                        biased;
                        read = receiving.read() => read,
                        () = self.closed() => continue,
                    };
                    match read {
                        Ok(()) => continue,
                        Err(broken) => Err(broken),
                    }
                }
            };
            receiving.end = Some(end);
            receiving.half = None;
            self.hang_up();
        }
    }

    /// Waits for the peer to take what was sent, for as long as the options say; then the link is cut.
    async fn close(&self) -> Result<(), TransportError> {
        let end = async { self.sending.lock().await.end().await };
        let ended = timeout(self.deadline, end).await;
        // From here on nobody holds the locks for long.
        self.closed.send_replace(true);
        if let Some(half) = self.receiving.lock().await.half.take() {
            tokio::spawn(linger(half, self.deadline));
        }
        ended.unwrap_or_else(|_| Err(error::not_taken(self.deadline)))
    }

    fn channel(&self) -> &[u8] {
        &self.channel
    }
}

impl fmt::Debug for TcpTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TcpTransport").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Takes what the peer still sends, until it has seen the end. A socket that is closed over bytes that nobody read
/// resets the connection, and what was sent before the end could be lost.
async fn linger(mut half: OwnedReadHalf, deadline: Duration) {
    let _ = timeout(deadline, tokio::io::copy(&mut half, &mut tokio::io::sink())).await;
}
