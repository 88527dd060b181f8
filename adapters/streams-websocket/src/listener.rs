//! Where peers open links to.

use std::net::SocketAddr;
use std::time::Duration;

use streams_core::transport::TransportError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::accept_async_with_config;

use crate::connect::resolve;
use crate::drive::Watched;
#[cfg(feature = "tls")]
use crate::tls;
use crate::{Options, WebSocketTransport, error, limits};

/// How many handshakes may be under way. Who connects meanwhile waits in the system's queue.
const HANDSHAKES: usize = 1024;

/// How long to wait where the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts links, at any path. Many handshakes go on at once, so a peer that is slow, or is none, keeps nobody waiting.
///
/// Let go of, it listens no more; the links that it accepted stay. Inside an HTTP server, use
/// [`WebSocketTransport::upgraded`] instead.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    #[cfg(feature = "tls")]
    tls: Option<tls::Server>,
    options: Options,
    handshakes: Mutex<JoinSet<Result<WebSocketTransport, TransportError>>>,
}

impl Listener {
    /// Listens for `ws` at an address; port 0 lets the system choose. Refused where others than this machine could
    /// connect, unless [`Options::allow_plain`] says otherwise.
    pub async fn bind(address: impl ToSocketAddrs, options: Options) -> Result<Self, TransportError> {
        let addresses = resolve(address, false, options).await?;
        let listener = TcpListener::bind(&*addresses).await.map_err(error::not_bound)?;
        let handshakes = Mutex::default();
        #[cfg(feature = "tls")]
        return Ok(Self { listener, tls: None, options, handshakes });
        #[cfg(not(feature = "tls"))]
        return Ok(Self { listener, options, handshakes });
    }

    /// Listens for `wss` at an address; port 0 lets the system choose.
    #[cfg(feature = "tls")]
    pub async fn bind_tls(
        address: impl ToSocketAddrs,
        identity: tls::Identity,
        options: Options,
    ) -> Result<Self, TransportError> {
        let server = tls::Server::new(identity)?;
        let listener = TcpListener::bind(address).await.map_err(error::not_bound)?;
        Ok(Self { listener, tls: Some(server), options, handshakes: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, TransportError> {
        self.listener.local_addr().map_err(error::not_bound)
    }

    /// The next link, or why a connection became none: an error is about that one alone, and others can be accepted.
    /// May be given up while it waits: no connection is lost.
    pub async fn accept(&self) -> Result<WebSocketTransport, TransportError> {
        let mut handshakes = self.handshakes.lock().await;
        loop {
            tokio::select! {
                Some(shaken) = handshakes.join_next() => {
                    return shaken.expect("a handshake neither panics nor is aborted");
                }
                accepted = self.listener.accept(), if handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, peer)) => self.answer(&mut handshakes, stream, peer),
                    Err(source) => {
                        sleep(PAUSE).await;
                        return Err(error::unreachable(source));
                    }
                },
            }
        }
    }

    /// Starts the handshakes with one who connected.
    fn answer(
        &self,
        handshakes: &mut JoinSet<Result<WebSocketTransport, TransportError>>,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let options = self.options;
        // What is written is written at once: to wait for more would only delay it. Where that fails, the rest does.
        let _ = stream.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(server) = self.tls.clone() {
            handshakes.spawn(in_time(options, async move {
                let stream = server.accept(stream).await?;
                let channel = tls::channel(stream.get_ref().1, options);
                upgrade(stream, peer, channel, options).await
            }));
            return;
        }
        handshakes.spawn(in_time(options, upgrade(stream, peer, Vec::new(), options)));
    }
}

async fn in_time<T>(
    options: Options,
    shake: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    timeout(options.deadline, shake).await.unwrap_or_else(|_| Err(error::stalled(options.deadline)))
}

async fn upgrade<S>(
    stream: S,
    peer: SocketAddr,
    channel: Vec<u8>,
    options: Options,
) -> Result<WebSocketTransport, TransportError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (watched, heard) = Watched::new(stream);
    let socket = accept_async_with_config(watched, Some(limits())).await.map_err(error::no_upgrade)?;
    Ok(WebSocketTransport::drive(socket, heard, Some(peer), channel, options))
}
