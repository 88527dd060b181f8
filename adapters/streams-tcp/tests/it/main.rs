//! Links over TCP: the contract, how they end, and peers that mean ill.

mod conformance;

mod ends;

mod hostile;

mod raw;

use std::time::Duration;

use streams_core::transport::{Transport, TransportErrorKind};
use streams_tcp::{Listener, Options, TcpTransport, connect};

/// Waits, and never for long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
}

async fn listen(options: Options) -> Listener {
    Listener::bind("127.0.0.1:0", options).await.expect("a port")
}

/// Both ends of a link.
async fn pair(options: Options) -> (TcpTransport, TcpTransport) {
    let listener = listen(options).await;
    let address = listener.address().expect("an address");
    let (one, other) = soon(async { tokio::join!(connect(address, options), listener.accept()) }).await;
    (one.expect("a link"), other.expect("a link"))
}

async fn kind_of_end(end: &TcpTransport) -> TransportErrorKind {
    let error = soon(end.recv()).await.expect_err("no end in order");
    let again = soon(end.recv()).await.expect_err("nor later");
    assert_eq!(error.to_string(), again.to_string());
    error.kind()
}
