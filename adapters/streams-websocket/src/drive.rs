//! What drives a link: reads and writes side by side, pings, and notices that the peer is gone.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use streams_core::transport::{TransportError, TransportErrorKind};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};

use crate::{Options, error};

/// As long as timers count, about: who wants none says [`Duration::MAX`].
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// What is asked of the driver.
#[derive(Debug)]
pub(crate) enum Order {
    Send(Vec<u8>),
    /// Says when the end is on its way.
    End(oneshot::Sender<()>),
}

/// What the driver and the link both know.
#[derive(Debug)]
pub(crate) struct Shared {
    /// How it ended, for all who ask.
    pub(crate) end: OnceLock<Result<(), TransportError>>,
    pub(crate) own: watch::Sender<Own>,
}

/// How far this end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Own {
    Open,
    /// What still comes interests nobody.
    Closing,
    /// The peer does not take the end: the driver goes.
    Abandoned,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { end: OnceLock::new(), own: watch::Sender::new(Own::Open) })
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.own.borrow() >= Own::Closing
    }

    /// Waits until this end is as far.
    pub(crate) async fn reaches(&self, far: Own) {
        // The sender is in self: it cannot be gone.
        let _ = self.own.subscribe().wait_for(|own| *own >= far).await;
    }
}

pub(crate) struct Driver<S> {
    pub(crate) socket: WebSocketStream<Watched<S>>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) frames: mpsc::Sender<Vec<u8>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Drives the link to its end.
    pub(crate) async fn run(self) {
        let Self { socket, heard, mut orders, frames, shared, options } = self;
        let options = Options {
            ping: options.ping.clamp(Duration::from_millis(1), FOREVER),
            deadline: options.deadline.min(FOREVER),
            ..options
        };
        let (mut sink, mut stream) = socket.split();
        let end = tokio::select! {
            end = read(&mut stream, &frames, &heard, &shared, options) => end,
            end = write(&mut sink, &mut orders, options) => end,
            () = gone(&frames, options.deadline) => Err(TransportError::closed()),
            () = shared.reaches(Own::Abandoned) => Err(TransportError::closed()),
        };
        shared.end.set(end.clone()).expect("it ends once");
        drop((orders, frames));
        // Nobody here waits for what follows. It tells the peer why, and lets it see the end: a socket that is closed over
        // bytes that nobody read resets the connection.
        let farewell = async {
            if let Some(code) = end.as_ref().err().and_then(|error| close_code(error.kind())) {
                let _ = sink.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
            }
            if end.is_ok() {
                while let Some(Ok(_)) = stream.next().await {}
            }
        };
        let _ = timeout(options.deadline, farewell).await;
    }
}

fn close_code(kind: TransportErrorKind) -> Option<CloseCode> {
    match kind {
        TransportErrorKind::Protocol => Some(CloseCode::Unsupported),
        TransportErrorKind::TooLarge => Some(CloseCode::Size),
        _ => None,
    }
}

/// Waits until the link is let go of, and then as long as what was sent before may take.
async fn gone(frames: &mpsc::Sender<Vec<u8>>, deadline: Duration) {
    frames.closed().await;
    sleep(deadline).await;
}

/// Reads to the end. Who takes frames slowly slows down the peer.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut SplitStream<WebSocketStream<Watched<S>>>,
    frames: &mpsc::Sender<Vec<u8>>,
    heard: &Heard,
    shared: &Shared,
    options: Options,
) -> Result<(), TransportError> {
    let silence = options.ping + options.deadline;
    loop {
        let message = tokio::select! {
            biased;
            message = stream.next() => message,
            () = heard.silent(silence) => return Err(error::silent(silence)),
        };
        match message.ok_or_else(error::cut)?.map_err(error::broke)? {
            Message::Binary(bytes) => {
                let taken = tokio::select! {
                    biased;
                    () = shared.reaches(Own::Closing) => Ok(()),
                    taken = frames.send(bytes.into()) => taken,
                };
                if taken.is_err() && !shared.is_closing() {
                    // Let go of: the link lasts as long as something is still to be written.
                    return pending().await;
                }
                // The time that it took here is not the peer's silence.
                heard.now();
            }
            Message::Text(_) => return Err(error::protocol("the peer sent text: frames are binary messages")),
            Message::Close(_) => return Ok(()),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// Writes what is ordered, and pings.
async fn write<S: AsyncRead + AsyncWrite + Unpin>(
    sink: &mut SplitSink<WebSocketStream<Watched<S>>, Message>,
    orders: &mut mpsc::Receiver<Order>,
    options: Options,
) -> Result<(), TransportError> {
    let mut pings = interval_at(Instant::now() + options.ping, options.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let order = tokio::select! {
            biased;
            _ = pings.tick() => None,
            order = orders.recv() => Some(order),
        };
        let written = match order {
            None => sink.send(Message::Ping(Default::default())).await,
            // Short frames that wait together travel together.
            Some(Some(Order::Send(frame))) if !orders.is_empty() => sink.feed(Message::Binary(frame.into())).await,
            Some(Some(Order::Send(frame))) => sink.send(Message::Binary(frame.into())).await,
            Some(Some(Order::End(done))) => {
                if sink.send(Message::Close(None)).await.is_ok() {
                    // Who gave up waiting does not hear it.
                    let _ = done.send(());
                }
                sleep(options.deadline).await;
                return Err(error::cut());
            }
            // Let go of, without a close: the peer shall see that it was cut.
            Some(None) => return Err(TransportError::closed()),
        };
        if written.is_err() {
            // What the peer sent before it went is still to be read, and how it went.
            orders.close();
            return pending().await;
        }
    }
}

/// When something came last.
#[derive(Debug)]
pub(crate) struct Heard {
    start: Instant,
    milliseconds: AtomicU64,
}

impl Heard {
    fn now(&self) {
        self.milliseconds.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Waits until nothing has come for so long.
    async fn silent(&self, silence: Duration) {
        loop {
            let last = self.milliseconds.load(Ordering::Relaxed);
            sleep_until(self.start + Duration::from_millis(last) + silence).await;
            if self.milliseconds.load(Ordering::Relaxed) == last {
                return;
            }
        }
    }
}

/// A connection that notes when something comes: every byte is a sign of life, also in the middle of a long frame.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    heard: Arc<Heard>,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S) -> (Self, Arc<Heard>) {
        let heard = Arc::new(Heard { start: Instant::now(), milliseconds: AtomicU64::new(0) });
        (Self { stream, heard: heard.clone() }, heard)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.heard.now();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
