//! A link: one end of a WebSocket, and the task that drives it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use streams_core::transport::{MAX_FRAME, Transport, TransportError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::drive::{Driver, Heard, Order, Own, Shared, Watched};
use crate::{Options, error, limits};

/// How many frames may wait between a link and its driver, in each direction.
const ROOM: usize = 4;

/// One end of a link over a WebSocket: from [`connect`](crate::connect), from a [`Listener`](crate::Listener), or
/// [`upgraded`](Self::upgraded).
///
/// Dropped without [`close`](Transport::close), the peer sees that it was cut.
pub struct WebSocketTransport {
    peer: Option<SocketAddr>,
    channel: Vec<u8>,
    deadline: Duration,
    orders: mpsc::Sender<Order>,
    frames: Mutex<mpsc::Receiver<Vec<u8>>>,
    shared: Arc<Shared>,
}

/// Which end of a WebSocket: the two mask differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that asked for the upgrade.
    Client,
    /// The one that granted it.
    Server,
}

impl WebSocketTransport {
    /// A link over a connection that was upgraded to a WebSocket elsewhere, as by an HTTP server. `channel` is what is
    /// unique to the connection, where it is known (spec 10.1), and else empty. Whether it is encrypted is for the caller
    /// to see to. Must be called in a runtime.
    ///
    /// ```
    /// # use streams_core::transport::Transport;
    /// # use streams_websocket::{End, Options, WebSocketTransport};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (asked, granted) = tokio::io::duplex(1000); // from the two HTTP libraries, in earnest
    /// let one = WebSocketTransport::upgraded(asked, End::Client, Vec::new(), Options::default()).await;
    /// let other = WebSocketTransport::upgraded(granted, End::Server, Vec::new(), Options::default()).await;
    /// one.send(b"a frame".to_vec()).await?;
    /// assert_eq!(other.recv().await?.as_deref(), Some(&b"a frame"[..]));
    /// # Ok(()) }
    /// ```
    pub async fn upgraded<S>(stream: S, end: End, channel: Vec<u8>, options: Options) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (watched, heard) = Watched::new(stream);
        let role = match end {
            End::Client => Role::Client,
            End::Server => Role::Server,
        };
        let socket = WebSocketStream::from_raw_socket(watched, role, Some(limits())).await;
        Self::drive(socket, heard, None, channel, options)
    }

    /// Starts to drive a WebSocket whose handshakes are done.
    pub(crate) fn drive<S>(
        socket: WebSocketStream<Watched<S>>,
        heard: Arc<Heard>,
        peer: Option<SocketAddr>,
        channel: Vec<u8>,
        options: Options,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let ((to_driver, orders), (frames, from_driver)) = (mpsc::channel(ROOM), mpsc::channel(ROOM));
        let shared = Shared::new();
        tokio::spawn(Driver { socket, heard, orders, frames, shared: shared.clone(), options }.run());
        let (orders, frames) = (to_driver, Mutex::new(from_driver));
        Self { peer, channel, deadline: options.deadline, orders, frames, shared }
    }

    /// Where the peer's end of the connection is, where it is known. It proves nothing about who the peer is.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}

#[async_trait]
impl Transport for WebSocketTransport {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        if self.shared.is_closing() {
            return Err(TransportError::closed());
        }
        self.orders.send(Order::Send(frame)).await.map_err(|_| TransportError::closed())
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let mut frames = self.frames.lock().await;
        let frame = tokio::select! {
            biased;
            () = self.shared.reaches(Own::Closing) => return Err(TransportError::closed()),
            frame = frames.recv() => frame,
        };
        match frame {
            Some(frame) => Ok(Some(frame)),
            // Nothing is told where the runtime took the driver away.
            None => self.shared.end.get().cloned().unwrap_or_else(|| Err(TransportError::closed())).map(|()| None),
        }
    }

    /// Waits until what was sent and the end are on their way, for as long as the options say; then the link is cut.
    async fn close(&self) -> Result<(), TransportError> {
        if self.shared.end.get().is_some() {
            return Ok(());
        }
        if self.shared.own.send_replace(Own::Closing) != Own::Open {
            return Ok(());
        }
        let (done, on_its_way) = oneshot::channel();
        let end = async {
            self.orders.send(Order::End(done)).await.ok()?;
            on_its_way.await.ok()
        };
        match timeout(self.deadline, end).await {
            Ok(Some(())) => Ok(()),
            Ok(None) => match self.shared.end.get() {
                // The peer was faster.
                Some(Ok(())) => Ok(()),
                Some(Err(error)) => Err(error.clone()),
                None => Err(TransportError::closed()),
            },
            Err(_) => {
                self.shared.own.send_replace(Own::Abandoned);
                Err(error::not_taken(self.deadline))
            }
        }
    }

    fn channel(&self) -> &[u8] {
        &self.channel
    }
}

impl fmt::Debug for WebSocketTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WebSocketTransport").field("peer", &self.peer).finish_non_exhaustive()
    }
}
