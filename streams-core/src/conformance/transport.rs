//! What every transport must do.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::both;
use crate::transport::{MAX_FRAME, Transport, TransportErrorKind};

/// Runs the whole contract; `make` gives the two ends of a new link each time.
///
/// # Panics
///
/// Where the transport does not keep it.
pub async fn conforms(make: impl AsyncFn() -> (Arc<dyn Transport>, Arc<dyn Transport>)) {
    frames_come_whole_and_in_order(make().await).await;
    both_directions_at_once(make().await).await;
    waiting_may_be_given_up(make().await).await;
    a_frame_too_long_is_not_carried(make().await).await;
    what_was_sent_arrives_before_the_end(make().await).await;
    a_link_is_told_from_others(make().await, make().await);
}

type Ends = (Arc<dyn Transport>, Arc<dyn Transport>);

async fn next(end: &dyn Transport) -> Vec<u8> {
    end.recv().await.expect("a link").expect("a frame")
}

async fn frames_come_whole_and_in_order((one, other): Ends) {
    let frames = [0, 1, 2, 125, 126, 1000, 65_535, 65_536, 65_537, 200_000, MAX_FRAME]
        .map(|len| (0..len).map(|at| (at * 31 + len) as u8).collect::<Vec<u8>>());
    let send = async {
        for frame in &frames {
            one.send(frame.clone()).await.expect("a link");
        }
    };
    let receive = async {
        for frame in &frames {
            assert!(next(&*other).await == *frame, "a frame of {} bytes", frame.len());
        }
    };
    both(send, receive).await;
}

async fn both_directions_at_once((one, other): Ends) {
    let run = async |own: &dyn Transport, first: u8| {
        let send = async {
            for number in 0..200_u8 {
                own.send(vec![first.wrapping_add(number); 10_000]).await.expect("a link");
            }
        };
        let receive = async {
            for number in 0..200_u8 {
                let frame = next(own).await;
                assert_eq!((frame.len(), frame[0]), (10_000, (255 - first).wrapping_add(number)));
            }
        };
        both(send, receive).await;
    };
    both(run(&*one, 0), run(&*other, 255)).await;
}

async fn waiting_may_be_given_up((one, other): Ends) {
    for number in 0..50_u8 {
        {
            // Asked once, and dropped: with luck in the middle of a frame.
            let mut waiting = pin!(other.recv());
            let asked = std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await;
            assert!(asked.is_pending(), "nothing was sent");
        }
        let send = one.send(vec![number; 70_000]);
        let receive = async {
            for _ in 0..3 {
                let mut waiting = pin!(other.recv());
                if let Poll::Ready(frame) =
                    std::future::poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await
                {
                    return frame.expect("a link").expect("a frame");
                }
            }
            next(&*other).await
        };
        let (sent, frame) = both(send, receive).await;
        sent.expect("a link");
        assert_eq!((frame.len(), frame[0]), (70_000, number));
    }
}

async fn a_frame_too_long_is_not_carried((one, other): Ends) {
    let error = one.send(vec![0; MAX_FRAME + 1]).await.expect_err("it is too long");
    assert_eq!(error.kind(), TransportErrorKind::TooLarge);
    // The link is as it was.
    one.send(b"short".to_vec()).await.expect("a link");
    assert_eq!(next(&*other).await, b"short");
}

async fn what_was_sent_arrives_before_the_end((one, other): Ends) {
    let close = async {
        for number in 0..5_u8 {
            one.send(vec![number; 1000]).await.expect("a link");
        }
        one.close().await.expect("a link");
    };
    let receive = async {
        for number in 0..5_u8 {
            assert_eq!(next(&*other).await[0], number);
        }
        assert_eq!(other.recv().await.expect("an end in order"), None);
        assert_eq!(other.recv().await.expect("still"), None);
    };
    both(close, receive).await;
    let error = one.send(b"more".to_vec()).await.expect_err("it was closed");
    assert_eq!(error.kind(), TransportErrorKind::Closed);
}

fn a_link_is_told_from_others((one, other): Ends, (third, fourth): Ends) {
    assert_eq!(one.channel(), other.channel());
    assert_eq!(third.channel(), fourth.channel());
    assert!(one.channel().is_empty() || one.channel() != third.channel());
}
