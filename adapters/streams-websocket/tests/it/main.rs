//! Links over WebSockets: the contract, how they end, TLS, and peers that mean ill.

mod conformance;

mod ends;

mod hostile;

#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use streams_core::transport::{Transport, TransportErrorKind};
use streams_websocket::{Listener, Options, WebSocketTransport, connect};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Waits, and never for long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}

fn hasty() -> Options {
    Options { deadline: Duration::from_secs(1), ..Options::default() }
}

async fn listen(options: Options) -> (Listener, String) {
    let listener = Listener::bind("127.0.0.1:0", options).await.expect("a port");
    let url = format!("ws://{}/", listener.address().expect("an address"));
    (listener, url)
}

/// Both ends of a link.
async fn pair(options: Options) -> (WebSocketTransport, WebSocketTransport) {
    let (listener, url) = listen(options).await;
    let (one, other) = soon(async { tokio::join!(connect(&url, options), listener.accept()) }).await;
    (one.expect("a link"), other.expect("a link"))
}

/// A link, and a client that is not bound by its rules.
async fn raw(options: Options) -> (WebSocketTransport, WebSocketStream<TcpStream>) {
    let (listener, url) = listen(options).await;
    let stream = TcpStream::connect(listener.address().expect("an address")).await.expect("a connection");
    let (end, raw) = soon(async { tokio::join!(listener.accept(), client_async(url, stream)) }).await;
    (end.expect("a link"), raw.expect("a WebSocket").0)
}

async fn kind_of_end(end: &WebSocketTransport) -> TransportErrorKind {
    let error = soon(end.recv()).await.expect_err("no end in order");
    let again = soon(end.recv()).await.expect_err("nor later");
    assert_eq!(error.to_string(), again.to_string());
    error.kind()
}
