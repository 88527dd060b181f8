//! How links end, and what becomes of those who wait.

use std::sync::Arc;
use std::time::Duration;

use streams_core::transport::{MAX_FRAME, Transport, TransportErrorKind};
use streams_tcp::{Options, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw::port;
use crate::{kind_of_end, listen, pair, soon};

const HASTY: Options = Options { deadline: Duration::from_secs(1), silence: Duration::from_secs(30) };

#[tokio::test]
async fn who_does_not_read_slows_the_sender_down() {
    let (one, other) = pair(Options::default()).await;
    let mut sent = 0_u64;
    while timeout(Duration::from_millis(300), one.send(vec![1; MAX_FRAME])).await.is_ok() {
        sent += 1;
        assert!(sent < 64, "nobody reads, and it is sent all the same");
    }
    // The last one was given up in the middle: what came before is whole, and then the link is cut.
    assert_eq!(one.send(b"more".to_vec()).await.expect_err("it is cut").kind(), TransportErrorKind::Closed);
    for _ in 0..sent {
        assert_eq!(soon(other.recv()).await.expect("a link").map(|frame| frame.len()), Some(MAX_FRAME));
    }
    assert_eq!(kind_of_end(&other).await, TransportErrorKind::Closed);
}

#[tokio::test]
async fn a_peer_that_does_not_read_cannot_keep_a_link_open() {
    let (one, other) = pair(HASTY).await;
    let one = Arc::new(one);
    let stuck = tokio::spawn({
        let one = one.clone();
        async move {
            loop {
                if let Err(error) = one.send(vec![1; MAX_FRAME]).await {
                    return error;
                }
            }
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let error = soon(one.close()).await.expect_err("nobody took what was sent");
    assert_eq!(error.kind(), TransportErrorKind::Closed);
    assert_eq!(soon(stuck).await.expect("no panic").kind(), TransportErrorKind::Closed);
    while let Ok(frame) = soon(other.recv()).await {
        assert!(frame.is_some(), "no end in order");
    }
}

#[tokio::test]
async fn patience_may_be_endless() {
    for silence in [Duration::MAX, Duration::ZERO] {
        let (one, other) = pair(Options { deadline: Duration::MAX, silence }).await;
        soon(one.close()).await.expect("a link");
        assert_eq!(soon(other.recv()).await.expect("an end in order"), None);
    }
}

#[tokio::test]
async fn closing_wakes_who_waits() {
    let (one, other) = pair(Options::default()).await;
    let one = Arc::new(one);
    let waiting = tokio::spawn({
        let one = one.clone();
        async move { one.recv().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    soon(one.close()).await.expect("a link");
    soon(one.close()).await.expect("closed already");
    assert_eq!(soon(waiting).await.expect("no panic").expect_err("closed").kind(), TransportErrorKind::Closed);
    assert_eq!(kind_of_end(&one).await, TransportErrorKind::Closed);
    assert_eq!(soon(other.recv()).await.expect("an end in order"), None);
    // The end is that of both directions.
    assert_eq!(other.send(b"more".to_vec()).await.expect_err("closed").kind(), TransportErrorKind::Closed);
    soon(other.close()).await.expect("closed already");
}

#[tokio::test]
async fn what_was_sent_before_the_end_arrives_though_nobody_read_the_answers() {
    for _ in 0..20 {
        let (one, other) = pair(Options::default()).await;
        for _ in 0..4 {
            other.send(vec![2; 100_000]).await.expect("a link");
        }
        one.send(vec![1; 100_000]).await.expect("a link");
        soon(one.close()).await.expect("a link");
        drop(one);
        assert_eq!(soon(other.recv()).await.expect("a link").map(|frame| frame.len()), Some(100_000));
        assert_eq!(soon(other.recv()).await.expect("an end in order"), None);
    }
}

#[tokio::test]
async fn a_link_that_is_let_go_of_is_cut() {
    let (one, other) = pair(Options::default()).await;
    one.send(b"last".to_vec()).await.expect("a link");
    drop(one);
    assert_eq!(soon(other.recv()).await.expect("a link").as_deref(), Some(&b"last"[..]));
    assert_eq!(kind_of_end(&other).await, TransportErrorKind::Closed);
}

#[tokio::test]
async fn waiting_is_given_up_at_every_byte_and_no_frame_is_lost() {
    let listener = listen(Options::default()).await;
    let address = listener.address().expect("an address");
    let (port, relay) = port().await;
    // Passes on a few bytes at a time, so that frames and their lengths come in pieces.
    tokio::spawn(async move {
        let (stream, _) = port.accept().await.expect("a connection");
        let onward = TcpStream::connect(address).await.expect("a connection");
        onward.set_nodelay(true).expect("a connection");
        let ((mut from, mut back), (mut home, mut to)) = (stream.into_split(), onward.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut home, &mut back).await });
        let mut buffer = [0; 7];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            to.write_all(&buffer[..length]).await.expect("a connection");
            tokio::task::yield_now().await;
        }
    });
    let (one, other) = soon(async { tokio::join!(connect(relay, Options::default()), listener.accept()) }).await;
    let (one, other) = (one.expect("a link"), other.expect("a link"));
    tokio::spawn(async move {
        for number in 0..50_u8 {
            one.send(vec![number; usize::from(number) * 10]).await.expect("a link");
        }
        one.close().await.expect("a link");
        one
    });
    let mut given_up = 0;
    let mut next = async || loop {
        tokio::select! {
            biased;
            frame = other.recv() => return frame.expect("a link"),
            () = tokio::task::yield_now() => given_up += 1,
        }
    };
    for number in 0..50_u8 {
        assert_eq!(soon(next()).await, Some(vec![number; usize::from(number) * 10]));
    }
    assert_eq!(soon(next()).await, None);
    assert!(given_up > 100, "it waited {given_up} times");
}
