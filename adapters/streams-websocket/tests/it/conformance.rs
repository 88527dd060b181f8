//! A link over a WebSocket keeps the contract, in the clear, under TLS and upgraded elsewhere.

use std::sync::Arc;
use std::time::Duration;

use streams_core::conformance::transport;
use streams_core::transport::Transport;
use streams_websocket::{End, Options, WebSocketTransport, connect};
use tokio::time::timeout;

use crate::listen;

type Ends = (Arc<dyn Transport>, Arc<dyn Transport>);

async fn conforms(make: impl AsyncFn() -> Ends) {
    timeout(Duration::from_secs(30), transport::conforms(make)).await.expect("in time");
}

async fn ws_conforms() {
    let (listener, url) = listen(Options::default()).await;
    let make = async || {
        let (one, other) = tokio::join!(connect(&url, Options::default()), listener.accept());
        (Arc::new(one.expect("a link")) as Arc<dyn Transport>, Arc::new(other.expect("a link")) as Arc<dyn Transport>)
    };
    conforms(make).await;
    // The same, seen from the other end.
    conforms(async || {
        let (one, other) = make().await;
        (other, one)
    })
    .await;
}

#[tokio::test]
async fn ws_conforms_on_one_thread() {
    ws_conforms().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ws_conforms_on_several() {
    ws_conforms().await;
}

#[tokio::test]
async fn what_was_upgraded_elsewhere_conforms() {
    conforms(async || {
        let (asked, granted) = tokio::io::duplex(10_000);
        let one = WebSocketTransport::upgraded(asked, End::Client, Vec::new(), Options::default()).await;
        let other = WebSocketTransport::upgraded(granted, End::Server, Vec::new(), Options::default()).await;
        (Arc::new(one) as Arc<dyn Transport>, Arc::new(other) as Arc<dyn Transport>)
    })
    .await;
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wss_conforms() {
    let server = crate::tls::serve(Options::default()).await;
    conforms(async || {
        let (one, other) = server.pair(Options::default()).await;
        assert_eq!((one.channel().len(), one.channel()), (32, other.channel()));
        (Arc::new(one) as Arc<dyn Transport>, Arc::new(other) as Arc<dyn Transport>)
    })
    .await;
}
