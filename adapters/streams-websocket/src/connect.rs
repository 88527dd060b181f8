//! Opening links.

use std::io;
use std::net::SocketAddr;

use streams_core::transport::TransportError;
#[cfg(doc)]
use streams_core::transport::TransportErrorKind;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, ToSocketAddrs, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::drive::Watched;
use crate::{Options, WebSocketTransport, error, limits};
#[cfg(feature = "tls")]
use crate::{pki_types::CertificateDer, tls};

/// Opens a link to a `ws` or `wss` URL. For `wss`, whom the system trusts is trusted.
///
/// Fails as [`Unreachable`](TransportErrorKind::Unreachable) where nobody answers, or not in time, or not with a
/// WebSocket; as [`Protocol`](TransportErrorKind::Protocol) where something else answers, or a certificate is not
/// trusted; as [`Other`](TransportErrorKind::Other) where the URL is no such URL, or `ws` would leave this machine.
pub async fn connect(url: &str, options: Options) -> Result<WebSocketTransport, TransportError> {
    let target = Target::parse(url)?;
    let connect = async {
        if !target.is_secure {
            return target.connect_plain(options).await;
        }
        #[cfg(feature = "tls")]
        return target.connect_tls(tls::Client::trusting_system().await?, options).await;
        #[cfg(not(feature = "tls"))]
        return Err(error::other("wss needs the cargo feature `tls` of streams-websocket"));
    };
    timeout(options.deadline, connect).await.unwrap_or_else(|_| Err(error::stalled(options.deadline)))
}

/// Opens a link to a `wss` URL, where these roots are trusted and no others. Fails as [`connect`] does.
#[cfg(feature = "tls")]
pub async fn connect_trusting(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
    url: &str,
    options: Options,
) -> Result<WebSocketTransport, TransportError> {
    let (target, client) = (Target::parse(url)?, tls::Client::trusting(roots)?);
    if !target.is_secure {
        return Err(error::other("ws asks for no certificate: use a wss URL, or `connect`"));
    }
    let connect = target.connect_tls(client, options);
    timeout(options.deadline, connect).await.unwrap_or_else(|_| Err(error::stalled(options.deadline)))
}

/// Where an address is, and for `ws` that it is on this machine: what was looked at is what is used.
pub(crate) async fn resolve(
    address: impl ToSocketAddrs,
    is_secure: bool,
    options: Options,
) -> Result<Vec<SocketAddr>, TransportError> {
    let found: Vec<SocketAddr> = lookup_host(address).await.map_err(error::unreachable)?.collect();
    match found.iter().find(|found| !found.ip().is_loopback()) {
        Some(elsewhere) if !is_secure && !options.allow_plain => Err(error::plain(*elsewhere)),
        _ => Ok(found),
    }
}

/// What a URL says.
#[derive(Debug)]
struct Target {
    request: Request,
    host: String,
    port: u16,
    is_secure: bool,
}

impl Target {
    fn parse(url: &str) -> Result<Self, TransportError> {
        let no_url = || error::other(format!("{url:?} is no URL of a WebSocket: write wss://host/ or ws://host/"));
        let request = url.into_client_request().map_err(|source| no_url().because(source))?;
        let is_secure = match request.uri().scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(no_url()),
        };
        let host = request.uri().host().ok_or_else(no_url)?;
        let port = match request.uri().port_u16() {
            Some(port) => port,
            // What ends in something else than the host has a port that is none.
            None if !request.uri().authority().is_some_and(|authority| authority.as_str().ends_with(host)) => {
                return Err(no_url());
            }
            None if is_secure => 443,
            None => 80,
        };
        // An IPv6 address stands in brackets, which are not part of it.
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self { request, host, port, is_secure })
    }

    async fn reach(&self, options: Options) -> Result<TcpStream, TransportError> {
        let found = resolve((&*self.host, self.port), self.is_secure, options).await?;
        let stream = TcpStream::connect(&*found).await.map_err(error::unreachable)?;
        // What is written is written at once: to wait for more would only delay it.
        stream.set_nodelay(true).map_err(error::unreachable)?;
        Ok(stream)
    }

    async fn connect_plain(&self, options: Options) -> Result<WebSocketTransport, TransportError> {
        let stream = self.reach(options).await?;
        let peer = stream.peer_addr();
        self.upgrade(stream, peer, Vec::new(), options).await
    }

    #[cfg(feature = "tls")]
    async fn connect_tls(&self, client: tls::Client, options: Options) -> Result<WebSocketTransport, TransportError> {
        let stream = self.reach(options).await?;
        let peer = stream.peer_addr();
        let stream = client.connect(&self.host, stream).await?;
        let channel = tls::channel(stream.get_ref().1, options);
        self.upgrade(stream, peer, channel, options).await
    }

    async fn upgrade<S>(
        &self,
        stream: S,
        peer: io::Result<SocketAddr>,
        channel: Vec<u8>,
        options: Options,
    ) -> Result<WebSocketTransport, TransportError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (watched, heard) = Watched::new(stream);
        let upgraded = client_async_with_config(self.request.clone(), watched, Some(limits())).await;
        let (socket, _) = upgraded.map_err(error::no_upgrade)?;
        Ok(WebSocketTransport::drive(socket, heard, peer.ok(), channel, options))
    }
}
