//! `wss`: who is trusted, and what is bound to the connection.

use streams_core::transport::{Transport, TransportErrorKind};
use streams_websocket::pki_types::{CertificateDer, PrivateKeyDer};
use streams_websocket::{Identity, Listener, Options, WebSocketTransport, connect, connect_trusting};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::{hasty, kind_of_end, soon};

pub(crate) struct Server {
    pub(crate) listener: Listener,
    pub(crate) url: String,
    certificate: CertificateDer<'static>,
}

/// A server with a certificate of its own.
pub(crate) async fn serve(options: Options) -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let identity = Identity::new(vec![certificate.clone()], key);
    let listener = Listener::bind_tls("127.0.0.1:0", identity, options).await.expect("a port");
    let url = format!("wss://localhost:{}/", listener.address().expect("an address").port());
    Server { listener, url, certificate }
}

impl Server {
    pub(crate) async fn pair(&self, options: Options) -> (WebSocketTransport, WebSocketTransport) {
        let connected = async { tokio::join!(self.connect(options), self.listener.accept()) };
        let (one, other) = soon(connected).await;
        (one.expect("a link"), other.expect("a link"))
    }

    async fn connect(&self, options: Options) -> Result<WebSocketTransport, streams_core::transport::TransportError> {
        connect_trusting([self.certificate.clone()], &self.url, options).await
    }
}

#[tokio::test]
async fn who_is_not_trusted_is_no_peer() {
    let (server, stranger) = (serve(hasty()).await, serve(hasty()).await);
    let trusting = connect_trusting([stranger.certificate.clone()], &server.url, hasty());
    let (connected, accepted) = soon(async { tokio::join!(trusting, server.listener.accept()) }).await;
    assert_eq!(connected.expect_err("another's certificate").kind(), TransportErrorKind::Protocol);
    accepted.expect_err("the client went");

    // The system trusts nobody here, or others.
    let (connected, accepted) = soon(async {
        tokio::join!(connect(&server.url, Options::default()), async { server.listener.accept().await.map(drop) })
    })
    .await;
    connected.expect_err("a certificate of its own");
    accepted.expect_err("the client went");

    // The certificate is for another name.
    let url = server.url.replace("localhost", "127.0.0.1");
    let trusting = connect_trusting([server.certificate.clone()], &url, hasty());
    let (connected, _) = soon(async { tokio::join!(trusting, server.listener.accept()) }).await;
    assert_eq!(connected.expect_err("another name").kind(), TransportErrorKind::Protocol);
}

#[tokio::test]
async fn who_ends_the_tls_between_has_two_channels() {
    let (server, between) = (serve(Options::default()).await, serve(Options::default()).await);
    // The client trusts the one between, as one trusts a proxy, or an authority that was fooled.
    let (one, near) = between.pair(Options::default()).await;
    let (far, other) = server.pair(Options::default()).await;
    one.send(b"secret".to_vec()).await.expect("a link");
    far.send(soon(near.recv()).await.expect("a link").expect("a frame")).await.expect("a link");
    assert_eq!(soon(other.recv()).await.expect("a link").as_deref(), Some(&b"secret"[..]));
    assert_eq!((one.channel().len(), other.channel().len()), (32, 32));
    assert_ne!(one.channel(), other.channel());
}

#[tokio::test]
async fn channels_are_left_unbound_where_both_ends_say_so() {
    let options = Options { bound: false, ..Options::default() };
    let server = serve(options).await;
    let (one, other) = server.pair(options).await;
    assert!(one.channel().is_empty() && other.channel().is_empty());
    // Where only one says so, no proof of a session would fit.
    let (one, other) = server.pair(Options::default()).await;
    assert_ne!(one.channel(), other.channel());
}

#[tokio::test]
async fn an_identity_is_read_from_pem() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("PEM");
    Listener::bind_tls("127.0.0.1:0", identity, Options::default()).await.expect("a port");
    for (certificate, key) in [(&*certificate, "nothing"), (&*key, &*key), ("", &*key)] {
        let bound = match Identity::from_pem(certificate.as_bytes(), key.as_bytes()) {
            Ok(identity) => Listener::bind_tls("127.0.0.1:0", identity, Options::default()).await.map(drop),
            Err(error) => Err(error),
        };
        assert_eq!(bound.expect_err("no identity").kind(), TransportErrorKind::Other);
    }
}

#[tokio::test]
async fn who_stalls_or_talks_nonsense_before_the_tls_keeps_nobody_waiting() {
    let server = serve(hasty()).await;
    let address = server.listener.address().expect("an address");
    let stalled = TcpStream::connect(address).await.expect("a connection");
    let mut nonsense = TcpStream::connect(address).await.expect("a connection");
    nonsense.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("a connection");
    let mut kinds = Vec::new();
    let connected = tokio::spawn({
        let (url, certificate) = (server.url.clone(), server.certificate.clone());
        async move { connect_trusting([certificate], &url, Options::default()).await }
    });
    for _ in 0..3 {
        kinds.push(soon(server.listener.accept()).await.map(drop).map_err(|error| error.kind()));
    }
    assert!(soon(connected).await.expect("no panic").is_ok());
    assert_eq!(kinds.iter().filter(|kind| kind.is_ok()).count(), 1);
    assert!(kinds.contains(&Err(TransportErrorKind::Protocol)), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&Err(TransportErrorKind::Unreachable)), "who stalls comes last");
    drop(stalled);
}

#[tokio::test]
async fn a_link_under_tls_that_is_cut_is_told_from_one_that_ended() {
    let server = serve(Options::default()).await;
    let address = server.listener.address().expect("an address");
    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let relay = port.local_addr().expect("an address").port();
    let (cut, mut cutting) = tokio::sync::oneshot::channel::<()>();
    // Passes bytes on for a while, and then says in order that no more come: a FIN costs an attacker nothing.
    let between = tokio::spawn(async move {
        let (stream, _) = port.accept().await.expect("a connection");
        let onward = TcpStream::connect(address).await.expect("a connection");
        let ((mut from, mut back), (mut home, mut to)) = (stream.into_split(), onward.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut home, &mut back).await });
        tokio::select! {
            copied = tokio::io::copy(&mut from, &mut to) => drop(copied),
            cut = &mut cutting => cut.expect("a test"),
        }
        to.shutdown().await.expect("a connection");
        from
    });
    let url = format!("wss://localhost:{relay}/");
    let trusting = connect_trusting([server.certificate.clone()], &url, Options::default());
    let (one, other) = soon(async { tokio::join!(trusting, server.listener.accept()) }).await;
    let (one, other) = (one.expect("a link"), other.expect("a link"));
    one.send(b"a frame".to_vec()).await.expect("a link");
    assert_eq!(soon(other.recv()).await.expect("a link").as_deref(), Some(&b"a frame"[..]));
    cut.send(()).expect("a relay");
    assert_eq!(kind_of_end(&other).await, TransportErrorKind::Closed);
    soon(between).await.expect("a relay");
}
