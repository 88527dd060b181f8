//! What links carry on loopback, beside a bare socket. Not for every day:
//!
//! `cargo test --release -p streams-websocket --test throughput -- --ignored --nocapture`

use std::sync::Arc;
use std::time::Instant;

use streams_core::transport::{MAX_FRAME, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SIZES: [usize; 5] = [100, 1000, 16 << 10, 256 << 10, MAX_FRAME];

/// How many frames of a size: as many as take a moment.
fn frames(size: usize) -> usize {
    ((64 << 20) / size).min(100_000)
}

fn show(name: &str, rates: &[(f64, f64)]) {
    print!("| {name} |");
    for (frames, bytes) in rates {
        print!(" {frames:.0}/s, {:.0} MB/s |", bytes / 1e6);
    }
    println!();
}

fn rate(size: usize, start: Instant) -> (f64, f64) {
    let frames = frames(size) as f64 / start.elapsed().as_secs_f64();
    (frames, frames * size as f64)
}

async fn bare(size: usize) -> (f64, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut one, (other, _)) = (one.expect("a connection"), other.expect("a connection"));
    one.set_nodelay(true).expect("a connection");
    let start = Instant::now();
    let sending = tokio::spawn(async move {
        for _ in 0..frames(size) {
            let mut frame = (size as u32).to_be_bytes().to_vec();
            frame.resize(4 + size, 7);
            one.write_all(&frame).await.expect("a connection");
        }
        one
    });
    let mut other = tokio::io::BufReader::with_capacity(64 << 10, other);
    for _ in 0..frames(size) {
        let mut frame = vec![0; other.read_u32().await.expect("a length") as usize];
        other.read_exact(&mut frame).await.expect("a frame");
    }
    let rate = rate(size, start);
    drop(sending.await.expect("no panic"));
    rate
}

async fn through(one: Arc<dyn Transport>, other: Arc<dyn Transport>, size: usize) -> (f64, f64) {
    let start = Instant::now();
    let sending = tokio::spawn(async move {
        for _ in 0..frames(size) {
            one.send(vec![7; size]).await.expect("a link");
        }
        one
    });
    for _ in 0..frames(size) {
        assert_eq!(other.recv().await.expect("a link").expect("a frame").len(), size);
    }
    let rate = rate(size, start);
    sending.await.expect("no panic").close().await.expect("a link");
    rate
}

/// The best of a few runs: what disturbs them only ever takes.
async fn best(run: impl AsyncFn() -> (f64, f64)) -> (f64, f64) {
    let mut best = (0.0, 0.0);
    for _ in 0..5 {
        let rate = run().await;
        best = if rate.0 > best.0 { rate } else { best };
    }
    best
}

type Ends = (Arc<dyn Transport>, Arc<dyn Transport>);

async fn tcp() -> Ends {
    use streams_tcp::{Listener, Options, connect};
    let listener = Listener::bind("127.0.0.1:0", Options::default()).await.expect("a port");
    let address = listener.address().expect("an address");
    let (one, other) = tokio::join!(connect(address, Options::default()), listener.accept());
    (Arc::new(one.expect("a link")), Arc::new(other.expect("a link")))
}

async fn ws() -> Ends {
    use streams_websocket::{Listener, Options, connect};
    let listener = Listener::bind("127.0.0.1:0", Options::default()).await.expect("a port");
    let url = format!("ws://{}/", listener.address().expect("an address"));
    let (one, other) = tokio::join!(connect(&url, Options::default()), listener.accept());
    (Arc::new(one.expect("a link")), Arc::new(other.expect("a link")))
}

#[cfg(feature = "tls")]
async fn wss() -> Ends {
    use streams_websocket::{Identity, Listener, Options, connect_trusting, pki_types::PrivateKeyDer};
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let identity = Identity::new(vec![made.cert.der().clone()], key);
    let listener = Listener::bind_tls("127.0.0.1:0", identity, Options::default()).await.expect("a port");
    let url = format!("wss://localhost:{}/", listener.address().expect("an address").port());
    let connecting = connect_trusting([made.cert.der().clone()], &url, Options::default());
    let (one, other) = tokio::join!(connecting, listener.accept());
    (Arc::new(one.expect("a link")), Arc::new(other.expect("a link")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn what_links_carry() {
    println!("| frames of | {} |", SIZES.map(|size| size.to_string()).join(" | "));
    let mut rates = Vec::new();
    for size in SIZES {
        rates.push(best(async || bare(size).await).await);
    }
    show("bare TCP", &rates);
    measure("streams-tcp", tcp).await;
    measure("ws", ws).await;
    #[cfg(feature = "tls")]
    measure("wss", wss).await;
}

async fn measure(name: &str, make: impl AsyncFn() -> Ends) {
    let mut rates = Vec::new();
    for size in SIZES {
        let through = async || {
            let (one, other) = make().await;
            through(one, other, size).await
        };
        rates.push(best(through).await);
    }
    show(name, &rates);
}
