//! A link over TCP keeps the contract.

use std::sync::Arc;
use std::time::Duration;

use streams_core::conformance::transport;
use streams_core::transport::Transport;
use streams_tcp::{Listener, Options, connect};
use tokio::time::timeout;

async fn conforms() {
    let listener = Listener::bind("127.0.0.1:0", Options::default()).await.expect("a port");
    let address = listener.address().expect("an address");
    let make = async || {
        let (one, other) = tokio::join!(connect(address, Options::default()), listener.accept());
        let one: Arc<dyn Transport> = Arc::new(one.expect("a link"));
        (one, Arc::new(other.expect("a link")) as Arc<dyn Transport>)
    };
    timeout(Duration::from_secs(30), transport::conforms(make)).await.expect("in time");
}

#[tokio::test]
async fn tcp_conforms_on_one_thread() {
    conforms().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_conforms_on_several() {
    conforms().await;
}
