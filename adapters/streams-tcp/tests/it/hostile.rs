//! Peers, and those between peers, who mean ill.

use std::time::{Duration, Instant};

use streams_core::transport::{MAX_FRAME, Transport, TransportErrorKind};
use streams_tcp::{Options, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::raw::{Raw, port, write};
use crate::{kind_of_end, listen, soon};

const HASTY: Options = Options { deadline: Duration::from_secs(1), silence: Duration::from_secs(30) };

/// Sends these parts as the messages of a frame, and tells how the link takes it.
async fn told(parts: &[&[u8]]) -> TransportErrorKind {
    let (end, mut raw) = Raw::pair(Options::default()).await;
    for part in parts {
        raw.say(part).await;
    }
    let kind = kind_of_end(&end).await;
    // Nothing can be sent either, and the peer sees that the link is gone.
    assert_eq!(end.send(b"more".to_vec()).await.expect_err("it is gone").kind(), TransportErrorKind::Closed);
    assert_eq!(soon(raw.hear()).await, None);
    kind
}

#[tokio::test]
async fn a_frame_claimed_too_long_is_named() {
    let length = (MAX_FRAME as u32 + 1).to_be_bytes();
    assert_eq!(told(&[&length]).await, TransportErrorKind::TooLarge);
    assert_eq!(told(&[&0xffff_fffe_u32.to_be_bytes()]).await, TransportErrorKind::TooLarge);
}

#[tokio::test]
async fn frames_in_other_parts_than_they_claim_are_refused() {
    let length = |length: u32| length.to_be_bytes();
    assert_eq!(told(&[b"abc"]).await, TransportErrorKind::Protocol, "no length");
    assert_eq!(told(&[b""]).await, TransportErrorKind::Protocol, "nothing");
    assert_eq!(told(&[&length(5), b"sixsix"]).await, TransportErrorKind::Protocol, "more than claimed");
    assert_eq!(told(&[&length(5), b""]).await, TransportErrorKind::Protocol, "nothing in the middle");
    assert_eq!(told(&[b"\xff\xff\xff\xffmore"]).await, TransportErrorKind::Protocol, "more behind the end");
}

#[tokio::test]
async fn a_peer_written_from_the_documentation_is_understood() {
    let (end, mut raw) = Raw::pair(Options::default()).await;
    assert_eq!(end.channel(), raw.channel);
    raw.say(b"\0\0\0\x05fra").await;
    raw.say(b"me").await;
    raw.say(b"\0\0\0\0").await;
    assert_eq!(soon(end.recv()).await.expect("a link").as_deref(), Some(&b"frame"[..]));
    assert_eq!(soon(end.recv()).await.expect("a link").as_deref(), Some(&b""[..]));
    end.send(b"answer".to_vec()).await.expect("a link");
    assert_eq!(soon(raw.hear()).await.as_deref(), Some(&b"\0\0\0\x06answer"[..]));
    raw.say(&[0xff; 4]).await;
    assert_eq!(soon(end.recv()).await.expect("an end in order"), None);
}

#[tokio::test]
async fn what_was_changed_or_made_up_is_refused() {
    let (end, mut raw) = Raw::pair(Options::default()).await;
    let mut message = raw.seal(b"\0\0\0\x05frame");
    message[7] ^= 1;
    write(&mut raw.stream, &message).await;
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol);

    let (end, mut raw) = Raw::pair(Options::default()).await;
    raw.stream.write_all(&[0x55; 100_000]).await.expect("a connection");
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol);

    let (end, mut raw) = Raw::pair(Options::default()).await;
    raw.stream.write_all(&[0, 3, 1, 2, 3]).await.expect("a connection");
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol, "shorter than its proof");

    // Once is fine; the same again is not.
    let (end, mut raw) = Raw::pair(Options::default()).await;
    let message = raw.seal(b"\0\0\0\x05frame");
    write(&mut raw.stream, &message).await;
    write(&mut raw.stream, &message).await;
    assert!(soon(end.recv()).await.expect("a link").is_some());
    assert_eq!(kind_of_end(&end).await, TransportErrorKind::Protocol);
}

#[tokio::test]
async fn garbage_is_no_handshake() {
    let listener = listen(HASTY).await;
    let address = listener.address().expect("an address");
    let request = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    // A point that could be a key, and then nothing that a key of the two could have made.
    let mut likely = vec![0, 32];
    likely.extend([9; 32]);
    likely.extend([0, 64]);
    likely.extend([7; 64]);
    for garbage in [&request[..], &[0; 200], &[0xff; 200], &likely] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(garbage).await.expect("a connection");
        let error = soon(listener.accept()).await.expect_err("garbage");
        assert_eq!(error.kind(), TransportErrorKind::Protocol, "{error}");
    }

    let (port, address) = port().await;
    let answer = async {
        let (mut stream, _) = port.accept().await.expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("a connection");
        stream
    };
    let (_stream, connected) = soon(async { tokio::join!(answer, connect(address, HASTY)) }).await;
    assert_eq!(connected.expect_err("garbage").kind(), TransportErrorKind::Protocol);
}

#[tokio::test]
async fn who_stalls_in_the_handshake_keeps_nobody_waiting() {
    let listener = listen(HASTY).await;
    let address = listener.address().expect("an address");
    let mut stalled = Vec::new();
    for number in 0..20 {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(&[0, 32, 1, 2, 3][..number % 6]).await.expect("a connection");
        stalled.push(stream);
    }
    let start = Instant::now();
    let (one, other) = soon(async { tokio::join!(connect(address, HASTY), listener.accept()) }).await;
    assert_eq!(one.expect("a link").channel(), other.expect("a link").channel());
    assert!(start.elapsed() < HASTY.deadline, "it waited for those who stall");
    for _ in &stalled {
        let error = soon(listener.accept()).await.expect_err("it stalls");
        assert_eq!(error.kind(), TransportErrorKind::Unreachable, "{error}");
    }

    let (_port, address) = port().await;
    let error = soon(connect(address, HASTY)).await.expect_err("nobody accepts");
    assert_eq!(error.kind(), TransportErrorKind::Unreachable);
}

#[tokio::test]
async fn who_leaves_in_the_handshake_is_named() {
    let listener = listen(HASTY).await;
    let mut stream = TcpStream::connect(listener.address().expect("an address")).await.expect("a connection");
    stream.write_all(&[0, 32, 1, 2, 3]).await.expect("a connection");
    drop(stream);
    assert_eq!(soon(listener.accept()).await.expect_err("it left").kind(), TransportErrorKind::Unreachable);

    let (port, address) = port().await;
    drop(port);
    let error = soon(connect(address, HASTY)).await.expect_err("nobody listens");
    assert_eq!(error.kind(), TransportErrorKind::Unreachable);
}

#[tokio::test]
async fn a_link_that_is_cut_anywhere_is_told_from_one_that_ended() {
    // What travels in one direction: a frame in two messages, and another.
    let (end, mut raw) = Raw::pair(Options::default()).await;
    drop(end);
    let whole: Vec<usize> =
        [&b"\0\0\0\x05fra"[..], b"me", b"\0\0\0\x05other"].map(|part| raw.seal(part).len() + 2).into();
    let length = whole.iter().sum();
    for cut in 0..=length {
        let (end, mut raw) = Raw::pair(Options::default()).await;
        let mut bytes = Vec::new();
        for part in [&b"\0\0\0\x05fra"[..], b"me", b"\0\0\0\x05other"] {
            let message = raw.seal(part);
            bytes.extend((message.len() as u16).to_be_bytes());
            bytes.extend(message);
        }
        raw.stream.write_all(&bytes[..cut]).await.expect("a connection");
        drop(raw);
        let frames = usize::from(cut >= whole[0] + whole[1]) + usize::from(cut == length);
        for _ in 0..frames {
            assert!(soon(end.recv()).await.expect("a whole frame").is_some());
        }
        assert_eq!(kind_of_end(&end).await, TransportErrorKind::Closed, "cut after {cut} bytes");
    }
}

#[tokio::test]
async fn whoever_sits_between_has_two_channels() {
    let listener = listen(Options::default()).await;
    let address = listener.address().expect("an address");
    let (port, relay) = port().await;
    let between = async {
        let (stream, _) = port.accept().await.expect("a connection");
        let opener = Raw::shake(stream, false).await;
        let answerer = Raw::shake(TcpStream::connect(address).await.expect("a connection"), true).await;
        (opener, answerer)
    };
    let connected = async { tokio::join!(connect(relay, Options::default()), listener.accept(), between) };
    let (one, other, (mut opener, mut answerer)) = soon(connected).await;
    let (one, other) = (one.expect("a link"), other.expect("a link"));
    // It reads all that passes, but what is proven over the one channel is worth nothing over the other.
    one.send(b"secret".to_vec()).await.expect("a link");
    let heard = soon(opener.hear()).await.expect("a message");
    answerer.say(&heard).await;
    assert_eq!(soon(other.recv()).await.expect("a link").as_deref(), Some(&b"secret"[..]));
    assert_eq!((one.channel(), other.channel()), (&opener.channel[..], &answerer.channel[..]));
    assert_ne!(one.channel(), other.channel());
}

#[tokio::test]
async fn whoever_passes_bytes_on_is_no_end_of_the_link() {
    let listener = listen(Options::default()).await;
    let address = listener.address().expect("an address");
    let (port, relay) = port().await;
    tokio::spawn(async move {
        let (mut stream, _) = port.accept().await.expect("a connection");
        let mut onward = TcpStream::connect(address).await.expect("a connection");
        let _ = copy_bidirectional(&mut stream, &mut onward).await;
    });
    let (one, other) = soon(async { tokio::join!(connect(relay, Options::default()), listener.accept()) }).await;
    assert_eq!(one.expect("a link").channel(), other.expect("a link").channel());
}

#[tokio::test]
async fn what_travels_shows_nothing() {
    let listener = listen(Options::default()).await;
    let address = listener.address().expect("an address");
    let (port, relay) = port().await;
    let between = tokio::spawn(async move {
        let (stream, _) = port.accept().await.expect("a connection");
        let onward = TcpStream::connect(address).await.expect("a connection");
        let ((mut from, mut back), (mut home, mut to)) = (stream.into_split(), onward.into_split());
        tokio::spawn(async move { tokio::io::copy(&mut home, &mut back).await });
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            seen.extend_from_slice(&buffer[..length]);
            to.write_all(&buffer[..length]).await.expect("a connection");
        }
        seen
    });
    let (one, other) = soon(async { tokio::join!(connect(relay, Options::default()), listener.accept()) }).await;
    let (one, other) = (one.expect("a link"), other.expect("a link"));
    one.send(vec![b'x'; 5000]).await.expect("a link");
    one.close().await.expect("a link");
    assert_eq!(soon(other.recv()).await.expect("a link").map(|frame| frame.len()), Some(5000));
    assert_eq!(soon(other.recv()).await.expect("an end"), None);
    let seen = soon(between).await.expect("a relay");
    assert!(seen.len() > 5000 && !seen.windows(4).any(|window| window == b"xxxx"));
}
