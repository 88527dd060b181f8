//! Peers that mean ill, or break.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use streams_core::transport::{MAX_FRAME, Transport, TransportErrorKind};
use streams_websocket::{Listener, Options, WebSocketTransport, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::{hasty, kind_of_end, listen, raw, soon};

async fn refuses_more(end: &WebSocketTransport) {
    let error = soon(end.send(b"more".to_vec())).await.expect_err("it is gone");
    assert_eq!(error.kind(), TransportErrorKind::Closed);
}

#[tokio::test]
async fn a_frame_claimed_too_long_is_named() {
    for length in [MAX_FRAME as u64 + 1, u64::from(u32::MAX) + 10, i64::MAX as u64] {
        let (end, mut raw) = raw(Options::default()).await;
        // A binary message that is masked, of so many bytes, none of which come.
        let mut header = vec![0x82, 0xff];
        header.extend(length.to_be_bytes());
        header.extend([1, 2, 3, 4]);
        raw.get_mut().write_all(&header).await.expect("a connection");
        assert_eq!(kind_of_end(&end).await, TransportErrorKind::TooLarge);
        refuses_more(&end).await;
        let said = soon(raw.next()).await;
        assert!(matches!(said, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1009));
    }
}

#[tokio::test]
async fn a_frame_that_grows_too_long_in_pieces_is_named() {
    let (end, mut raw) = raw(Options::default()).await;
    let sending = tokio::spawn(async move {
        let piece = vec![0; 60_000];
        for number in 0.. {
            let mut bytes = vec![if number == 0 { 0x02 } else { 0x00 }, 0xfe];
            bytes.extend(60_000_u16.to_be_bytes());
            bytes.extend([0; 4]);
            bytes.extend(&piece);
            if raw.get_mut().write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::TooLarge);
    soon(sending).await.expect("no panic");
}

#[tokio::test]
async fn text_is_no_frame() {
    let (end, mut raw) = raw(Options::default()).await;
    raw.send(Message::text("hello")).await.expect("a connection");
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol);
    refuses_more(&end).await;
    let said = soon(raw.next()).await;
    assert!(matches!(said, Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == 1003));
}

#[tokio::test]
async fn what_is_not_masked_or_unknown_is_refused() {
    for bytes in
        [&[0x82, 1, 1][..], &[0x83, 0x81, 0, 0, 0, 0, 1], &[0xf2, 0x81, 0, 0, 0, 0, 1], &[0x80, 0x80, 0, 0, 0, 0]]
    {
        let (end, mut raw) = raw(Options::default()).await;
        raw.get_mut().write_all(bytes).await.expect("a connection");
        assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol, "{bytes:?}");
    }
}

#[tokio::test]
async fn a_link_that_is_cut_anywhere_is_told_from_one_that_ended() {
    let bytes = [0x82, 0x83, 0, 0, 0, 0, 1, 2, 3, 0x82, 0x82, 0, 0, 0, 0, 4, 5];
    for cut in 0..=bytes.len() {
        let (end, mut raw) = raw(Options::default()).await;
        raw.get_mut().write_all(&bytes[..cut]).await.expect("a connection");
        drop(raw);
        for _ in 0..usize::from(cut >= 9) + usize::from(cut == 17) {
            assert!(soon(end.recv()).await.expect("a whole frame").is_some());
        }
        assert_eq!(kind_of_end(&end).await, TransportErrorKind::Closed, "cut after {cut} bytes");
    }
}

#[tokio::test]
async fn a_flood_of_pings_is_harmless() {
    let (end, mut raw) = raw(Options::default()).await;
    // Nobody reads the answers, and they do not pile up; a frame still comes through.
    let ping = [0x89, 0x84, 0, 0, 0, 0, 1, 2, 3, 4].repeat(10_000);
    let flood = async {
        for _ in 0..100 {
            raw.get_mut().write_all(&ping).await.expect("a connection");
        }
        raw.get_mut().write_all(&[0x82, 0x81, 0, 0, 0, 0, 7]).await.expect("a connection");
    };
    let (_, frame) = soon(async { tokio::join!(flood, end.recv()) }).await;
    assert_eq!(frame.expect("a link").as_deref(), Some(&[7][..]));
}

#[tokio::test]
async fn who_answers_no_ping_is_gone() {
    let options = Options { ping: Duration::from_millis(100), ..hasty() };
    let (end, raw) = raw(options).await;
    let start = Instant::now();
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Closed);
    assert!(start.elapsed() >= Duration::from_secs(1), "it was patient");
    refuses_more(&end).await;
    drop(raw);

    // Also where nobody here waits for a frame.
    let (end, _raw) = crate::raw(options).await;
    tokio::time::sleep(Duration::from_millis(1600)).await;
    refuses_more(&end).await;
}

#[tokio::test]
async fn who_answers_pings_or_sends_slowly_is_not_gone() {
    let options = Options { ping: Duration::from_millis(100), ..hasty() };
    let (end, mut answering) = raw(options).await;
    let answers = tokio::spawn(async move { while let Some(Ok(_)) = answering.next().await {} });
    assert!(tokio::time::timeout(Duration::from_secs(2), end.recv()).await.is_err(), "nothing comes, and all is well");
    end.send(b"still here".to_vec()).await.expect("a link");
    answers.abort();

    // One long frame, byte by byte, and no answer to a ping meanwhile.
    let (end, mut slow) = raw(options).await;
    let sending = async {
        slow.get_mut().write_all(&[0x82, 0x94, 0, 0, 0, 0]).await.expect("a connection");
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            slow.get_mut().write_all(&[1]).await.expect("a connection");
        }
    };
    let (_, frame) = soon(async { tokio::join!(sending, end.recv()) }).await;
    assert_eq!(frame.expect("a link").map(|frame| frame.len()), Some(20));
}

#[tokio::test]
async fn garbage_is_no_upgrade() {
    let (listener, _) = listen(hasty()).await;
    let address = listener.address().expect("an address");
    let endless = b"x-more: and more\r\n".repeat(10_000);
    let endless = [b"GET / HTTP/1.1\r\n", &endless[..]].concat();
    for garbage in
        [&[0xff; 200][..], b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n", b"POST / HTTP/1.1\r\n\r\n", &endless]
    {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        // It may be refused before all of it is sent.
        let _ = stream.write_all(garbage).await;
        let error = soon(listener.accept()).await.expect_err("garbage");
        assert_eq!(error.kind(), TransportErrorKind::Protocol, "{error}");
    }

    for (answer, kind) in [
        (&b"SSH-2.0-OpenSSH_9.9\r\n"[..], TransportErrorKind::Protocol),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", TransportErrorKind::Unreachable),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n", TransportErrorKind::Protocol),
    ] {
        let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("ws://{}/", port.local_addr().expect("an address"));
        let answering = async {
            let (mut stream, _) = port.accept().await.expect("a connection");
            assert_ne!(stream.read(&mut [0; 1000]).await.expect("a request"), 0);
            stream.write_all(answer).await.expect("a connection");
            stream
        };
        let (_stream, connected) = soon(async { tokio::join!(answering, connect(&url, hasty())) }).await;
        let error = connected.expect_err("garbage");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn who_stalls_in_the_handshake_keeps_nobody_waiting() {
    let (listener, url) = listen(hasty()).await;
    let address = listener.address().expect("an address");
    let mut stalled = Vec::new();
    for number in 0..20 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(&b"GET / HTTP/1.1\r\n"[..number % 16]).await.expect("a connection");
        stalled.push(stream);
    }
    let start = Instant::now();
    let (one, other) = soon(async { tokio::join!(connect(&url, hasty()), listener.accept()) }).await;
    assert!(one.is_ok() && other.is_ok());
    assert!(start.elapsed() < hasty().deadline, "it waited for those who stall");
    for _ in &stalled {
        let error = soon(listener.accept()).await.expect_err("it stalls");
        assert_eq!(error.kind(), TransportErrorKind::Unreachable, "{error}");
    }

    let port = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/", port.local_addr().expect("an address"));
    assert_eq!(soon(connect(&url, hasty())).await.expect_err("a stall").kind(), TransportErrorKind::Unreachable);
    drop(port);
    assert_eq!(soon(connect(&url, hasty())).await.expect_err("nobody").kind(), TransportErrorKind::Unreachable);
}

#[tokio::test]
async fn nothing_leaves_this_machine_in_the_clear() {
    // TEST-NET-1: nobody is there, and nobody is asked.
    for url in ["ws://192.0.2.1/", "ws://[2001:db8::1]:9000/path"] {
        let start = Instant::now();
        let error = soon(connect(url, hasty())).await.expect_err("it would be in the clear");
        assert_eq!(error.kind(), TransportErrorKind::Other, "{error}");
        assert!(error.to_string().contains("allow_plain") && start.elapsed() < Duration::from_millis(200));
    }
    let error = Listener::bind("0.0.0.0:0", hasty()).await.expect_err("others could connect");
    assert_eq!(error.kind(), TransportErrorKind::Other);

    let allowing = Options { allow_plain: true, ..hasty() };
    let listener = Listener::bind("0.0.0.0:0", allowing).await.expect("a port");
    let url = format!("ws://127.0.0.1:{}/", listener.address().expect("an address").port());
    let (one, other) = soon(async { tokio::join!(connect(&url, hasty()), listener.accept()) }).await;
    assert!(one.expect("a link").channel().is_empty() && other.expect("a link").channel().is_empty());
}

#[tokio::test]
async fn what_is_no_url_is_named() {
    for url in ["", "nothing", "http://127.0.0.1/", "ws://", "/path", "ws://127.0.0.1:99999/"] {
        let error = connect(url, hasty()).await.expect_err("no URL");
        assert_eq!(error.kind(), TransportErrorKind::Other, "{url}: {error}");
    }
}
