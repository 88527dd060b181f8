//! How links end, and what becomes of those who wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use streams_core::transport::{MAX_FRAME, Transport, TransportErrorKind};
use streams_websocket::Options;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::{hasty, kind_of_end, pair, raw, soon};

#[tokio::test]
async fn who_does_not_read_slows_the_sender_down() {
    let (one, other) = pair(Options::default()).await;
    let mut sent = 0_u64;
    while timeout(Duration::from_millis(300), one.send(vec![1; MAX_FRAME])).await.is_ok() {
        sent += 1;
        assert!(sent < 64, "nobody reads, and it is sent all the same");
    }
    for _ in 0..sent {
        assert_eq!(soon(other.recv()).await.expect("a link").map(|frame| frame.len()), Some(MAX_FRAME));
    }
}

#[tokio::test]
async fn a_slow_reader_is_not_gone() {
    // Nobody takes frames for longer than a peer may be silent: the pings say that the peer is there all the same.
    let options =
        Options { ping: Duration::from_millis(200), deadline: Duration::from_millis(800), ..Options::default() };
    let (one, other) = pair(options).await;
    let sending = async {
        for _ in 0..20 {
            one.send(vec![1; MAX_FRAME]).await.expect("a link");
        }
        soon(one.recv()).await.expect("a link")
    };
    let reading = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        for _ in 0..20 {
            assert_eq!(soon(other.recv()).await.expect("a link").map(|frame| frame.len()), Some(MAX_FRAME));
        }
        other.send(b"done".to_vec()).await.expect("a link");
    };
    let (answer, ()) = tokio::join!(sending, reading);
    assert_eq!(answer.as_deref(), Some(&b"done"[..]));
}

#[tokio::test]
async fn a_peer_that_does_not_read_cannot_keep_a_link_open() {
    let (one, _raw) = raw(hasty()).await;
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
}

#[tokio::test]
async fn patience_may_be_endless_and_pings_may_be_constant() {
    for ping in [Duration::MAX, Duration::ZERO] {
        let (one, other) = pair(Options { ping, deadline: Duration::MAX, ..Options::default() }).await;
        one.send(b"a frame".to_vec()).await.expect("a link");
        assert_eq!(soon(other.recv()).await.expect("a link").as_deref(), Some(&b"a frame"[..]));
        soon(other.close()).await.expect("a link");
        assert_eq!(soon(one.recv()).await.expect("an end in order"), None);
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
async fn both_may_close_at_once() {
    for _ in 0..50 {
        let (one, other) = pair(Options::default()).await;
        let (one, other) = soon(async { tokio::join!(one.close(), other.close()) }).await;
        one.expect("an end in order");
        other.expect("an end in order");
    }
}

#[tokio::test]
async fn what_was_sent_before_the_end_arrives_though_nobody_read_the_answers() {
    for server_closes in [false, true].repeat(10) {
        let (one, other) = pair(Options::default()).await;
        let (one, other) = if server_closes { (other, one) } else { (one, other) };
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
async fn a_peer_that_leaves_while_it_is_sent_to_is_heard_to_the_end() {
    let (end, mut raw) = raw(Options::default()).await;
    raw.get_mut().write_all(&[0x82, 0x81, 0, 0, 0, 0, 7, 0x88, 0x80, 0, 0, 0, 0]).await.expect("a connection");
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..20 {
        // It fails sooner or later.
        let _ = soon(end.send(vec![1; 1000])).await;
    }
    assert_eq!(soon(end.recv()).await.expect("a link").as_deref(), Some(&[7][..]));
    assert_eq!(soon(end.recv()).await.expect("an end in order"), None);
}

#[tokio::test]
async fn short_frames_travel_as_one_message_each() {
    let (end, mut raw) = raw(Options::default()).await;
    let sending = async {
        for number in 0..100 {
            end.send(vec![number]).await.expect("a link");
        }
        end.close().await.expect("a link");
    };
    let reading = async {
        for number in 0..100 {
            assert_eq!(raw.next().await.expect("a message").expect("a link"), Message::binary(vec![number]));
        }
        assert!(matches!(raw.next().await, Some(Ok(Message::Close(_)))));
    };
    soon(async { tokio::join!(sending, reading) }).await;
}
