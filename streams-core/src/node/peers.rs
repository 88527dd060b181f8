//! Peers: a node drives sessions over links, and answers what they ask.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;

use async_channel::{Receiver, Sender, bounded, unbounded};

use super::{Node, NodeError};
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::id::{ObjectId, StreamId};
use crate::object::parts::Object;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::admit::Ingested;
use crate::sync::handshake::Side;
use crate::sync::messages::MAX_LEAVES;
use crate::sync::questions::{Answer, Ask, End, Event, Output, Summary};
use crate::sync::session::{FRAME_BYTES, Session};
use crate::transport::{Transport, TransportError};

/// How many changes of the store are looked at together.
const CHANGES: usize = 4096;

/// How many frames of a peer wait for their turn.
const WAITING: usize = 16;

/// Why a session with a peer did not come to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PeerError {
    /// The link broke.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The store, or a stream in it.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// One of the two ended the session.
    #[error(transparent)]
    Ended(#[from] End),
    /// The peer went in the middle.
    #[error("the peer closed the link before it had answered")]
    Gone,
}

/// How a node meets a peer.
pub struct Meeting {
    /// The key of this node.
    pub key: SigningKey,
    /// Who opened the connection.
    pub side: Side,
    /// 32 fresh random bytes.
    pub nonce: [u8; 32],
    /// The time, in milliseconds since 1970 UTC.
    pub clock: Box<dyn Clock>,
    /// Whether streams that are not here are taken in, where a peer has them.
    pub takes_unknown: bool,
}

/// When a session is over.
enum Until<'a> {
    /// When these are equal.
    Equal(&'a [StreamId]),
    /// When the peer goes, and until then these are kept equal until this time.
    Gone(&'a [StreamId], u64),
}

/// Tells the time, in milliseconds since 1970 UTC.
pub trait Clock: Shared + Fn() -> u64 {}
impl<T: Shared + Fn() -> u64> Clock for T {}

/// A session, and what it runs on.
struct Driver<'a> {
    node: &'a Node,
    session: Session,
    takes_unknown: bool,
    clock: &'a dyn Clock,
    outgoing: Sender<Vec<u8>>,
    on_event: &'a mut (dyn FnMut(&Event) + Send),
    /// The last change of the store that the session was told of.
    seen: u64,
    end: Option<End>,
}

impl Node {
    /// Makes these streams equal here and at a peer, both ways, and closes the link. `on_event` is told what happens.
    ///
    /// Returns when both have what the other had of them; a stream that the peer refuses is told by an event.
    pub async fn sync(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        streams: &[StreamId],
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        self.meet(link, meeting, Until::Equal(streams), &mut on_event).await
    }

    /// Serves a peer until it closes the link: answers what it asks for, asks for what it has and this node lacks of
    /// the streams that it speaks of, and tells of news where it subscribed to them.
    pub async fn serve(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        self.meet(link, meeting, Until::Gone(&[], 0), &mut on_event).await
    }

    /// Keeps streams equal here and at a peer, both ways, as either changes: until the peer closes the link, or the time
    /// has come, at most a day ahead, behind which the peer tells no news any more.
    pub async fn follow(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        streams: &[StreamId],
        expires: u64,
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        self.meet(link, meeting, Until::Gone(streams, expires), &mut on_event).await
    }

    async fn meet(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        until: Until<'_>,
        on_event: &mut (dyn FnMut(&Event) + Send),
    ) -> Result<VerifyingKey, PeerError> {
        let Meeting { key, side, nonce, clock, takes_unknown } = meeting;
        let mut session = Session::new(key, side, nonce, link.channel(), clock());
        let (Until::Equal(streams) | Until::Gone(streams, _)) = until;
        streams.iter().for_each(|stream| session.sync(*stream));
        if let Until::Gone(streams, expires) = until
            && !streams.is_empty()
        {
            session.subscribe(streams, expires);
        }
        let seen = self.store.last().await.map_err(NodeError::from)?;
        // What goes out must not wait for what comes in, or two peers that both send wait for each other. It is bounded
        // by the windows of the session.
        let (outgoing, to_send) = unbounded::<Vec<u8>>();
        let (received, incoming) = bounded::<Vec<u8>>(WAITING);
        let clock: &dyn Clock = &*clock;
        let mut driver = Driver { node: self, session, takes_unknown, clock, outgoing, on_event, seen, end: None };
        let send = async {
            while let Ok(frame) = to_send.recv().await {
                link.send(frame).await?;
            }
            Ok::<(), PeerError>(())
        };
        let receive = async {
            while let Some(frame) = link.recv().await? {
                if received.send(frame).await.is_err() {
                    break;
                }
            }
            received.close();
            Ok::<(), PeerError>(())
        };
        let drive = driver.run(&incoming, matches!(until, Until::Equal(_)));
        let ended = first_failure(drive, send, receive).await;
        let closed = link.close().await;
        let peer = ended?;
        closed?;
        Ok(peer)
    }
}

/// Which of two was first.
enum Either<A, B> {
    First(A),
    Second(B),
}

/// The first of two futures that is done; the other is given up.
async fn either<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Either<A, B> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    std::future::poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(first) => Poll::Ready(Either::First(first)),
        Poll::Pending => second.as_mut().poll(context).map(Either::Second),
    })
    .await
}

/// Runs three futures side by side, until the first is done and all that it sent is sent, or one of them fails.
async fn first_failure<T>(
    drive: impl Future<Output = Result<T, PeerError>>,
    send: impl Future<Output = Result<(), PeerError>>,
    receive: impl Future<Output = Result<(), PeerError>>,
) -> Result<T, PeerError> {
    let (mut drive, mut send, mut receive) = (std::pin::pin!(drive), std::pin::pin!(send), std::pin::pin!(receive));
    let (mut done, mut sent, mut broken) = (None, false, None);
    std::future::poll_fn(|context| {
        if broken.is_none()
            && let Poll::Ready(received) = receive.as_mut().poll(context)
        {
            broken = Some(received);
        }
        if done.is_none()
            && let Poll::Ready(answer) = drive.as_mut().poll(context)
        {
            done = Some(answer);
        }
        if !sent {
            match send.as_mut().poll(context) {
                Poll::Ready(Ok(())) => sent = true,
                // What the peer still said is taken in before.
                Poll::Ready(Err(error)) => return Poll::Ready(done.take().unwrap_or(Err(error))),
                Poll::Pending => {}
            }
        }
        match (&done, &broken) {
            (Some(_), _) if sent => Poll::Ready(done.take().expect("it is done")),
            (Some(Err(_)), _) => Poll::Ready(done.take().expect("it is done")),
            (None, Some(Err(error))) => Poll::Ready(Err(error.clone())),
            _ => Poll::Pending,
        }
    })
    .await
}

impl Driver<'_> {
    /// Runs the session until it is over: where `ends` is set, when nothing is under way; else when the peer goes.
    async fn run(&mut self, incoming: &Receiver<Vec<u8>>, ends: bool) -> Result<VerifyingKey, PeerError> {
        let mut peer = None;
        loop {
            self.work().await?;
            peer = peer.or(self.session.peer());
            if let Some(end) = self.end {
                self.outgoing.close();
                return Err(end.into());
            }
            if ends && self.session.is_idle() {
                self.outgoing.close();
                return peer.ok_or(PeerError::Gone);
            }
            let next = if self.session.is_live() {
                either(incoming.recv(), self.node.store.wait(self.seen)).await
            } else {
                Either::First(incoming.recv().await)
            };
            match next {
                Either::First(Ok(frame)) => self.session.receive(&frame, (self.clock)()),
                Either::First(Err(_)) => {
                    self.outgoing.close();
                    return peer.filter(|_| !ends).ok_or(PeerError::Gone);
                }
                Either::Second(waited) => {
                    waited.map_err(NodeError::from)?;
                    self.tell_changes().await?;
                }
            }
        }
    }

    /// Tells the session which streams changed in the store, whoever wrote to it.
    async fn tell_changes(&mut self) -> Result<(), PeerError> {
        let log = self.node.store.log(None, self.seen, CHANGES).await.map_err(NodeError::from)?;
        let Some(last) = log.last() else { return Ok(()) };
        self.seen = last.sequence;
        self.session.tick((self.clock)());
        let changed: BTreeSet<StreamId> = log.into_iter().map(|logged| logged.stream).collect();
        changed.into_iter().for_each(|stream| self.session.changed(stream));
        Ok(())
    }

    /// Does all that the session wants done.
    async fn work(&mut self) -> Result<(), PeerError> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Send(frame) => {
                    self.outgoing.send(frame).await.map_err(|_| TransportError::closed())?;
                }
                Output::Ask(number, ask) => {
                    let answer = self.node.answer(ask, self.takes_unknown).await?;
                    self.session.answer(number, answer);
                }
                Output::Event(event) => (self.on_event)(&event),
                Output::End(end) => self.end = Some(end),
            }
        }
        Ok(())
    }
}

/// What is here of a stream.
fn summary(stream: &Stream) -> Summary {
    Summary { leaves: stream.last_leaves(MAX_LEAVES), frontier: stream.frontier(), samples: stream.samples() }
}

/// The policy object that is shown to a peer that may not read; `None` where it may.
fn denied(stream: &Stream, peer: &VerifyingKey) -> Option<Answer> {
    if stream.may_read(peer).is_effective() {
        return None;
    }
    let shown = stream.shown_to(peer).and_then(|id| stream.object(&id));
    Some(Answer::Denied(shown.map(|object| object.object().parts().clone())))
}

impl Node {
    /// Answers what a session asks.
    async fn answer(&self, ask: Ask, takes_unknown: bool) -> Result<Answer, NodeError> {
        let answer = match ask {
            Ask::Summary { stream } => self.read(stream, |stream| Answer::Summary(summary(stream))).await,
            Ask::Tell { stream, peer } => {
                let tell = |stream: &Stream| denied(stream, &peer).unwrap_or_else(|| Answer::Summary(summary(stream)));
                self.read(stream, tell).await
            }
            Ask::Compare { stream, peer, leaves, samples } => {
                self.read(stream, |stream| {
                    denied(stream, &peer).unwrap_or_else(|| {
                        let known = [leaves.as_slice(), &samples].concat();
                        let asks_back = leaves.iter().any(|leaf| !stream.contains(leaf));
                        Answer::Compared { summary: summary(stream), lacks: stream.lacked_by(&known), asks_back }
                    })
                })
                .await
            }
            Ask::Read { stream, peer, ids } => {
                self.read(stream, |stream| denied(stream, &peer).unwrap_or_else(|| frame(stream, &ids))).await
            }
            Ask::Take { stream, parts } => self.take(stream, &parts).await,
        };
        match answer {
            Err(NodeError::Unknown(_)) => Ok(Answer::Unknown { wanted: takes_unknown }),
            answer => answer,
        }
    }

    /// Takes in what a peer sent; where nothing of the stream is here, the root is the first.
    async fn take(&self, stream: StreamId, parts: &[Vec<u8>]) -> Result<Answer, NodeError> {
        let (mut admitted, mut rejected) = (0, 0);
        if self.head(stream).await?.is_none() {
            let root = parts.first().and_then(|parts| Object::decode(parts).ok()).filter(|root| root.id() == stream);
            let mut authenticator = crate::object::authenticate::Authenticator::new(self.key);
            match root.map(|root| authenticator.authenticate(root)) {
                Some(Ok(root)) => {
                    self.create(root).await?;
                    admitted = 1;
                }
                _ => return Ok(Answer::Taken { admitted: 0, gaps: Vec::new(), rejected: parts.len() as u64 }),
            }
        }
        let answers = self.ingest(stream, parts, 0).await?;
        for answer in answers {
            match answer {
                Ok(Ingested::Admitted { then }) => admitted += 1 + then.len() as u64,
                Ok(Ingested::Known | Ingested::Pending { .. }) => {}
                Err(_) => rejected += 1,
            }
        }
        let gaps = self.read(stream, Stream::gaps).await?;
        Ok(Answer::Taken { admitted, gaps, rejected })
    }
}

/// As many of these objects as one frame has room for.
fn frame(stream: &Stream, ids: &[ObjectId]) -> Answer {
    let mut bytes = 0;
    let mut objects = Vec::new();
    for id in ids {
        let parts = stream.object(id).map(|object| object.object().parts().clone());
        bytes += parts.as_ref().map_or(0, |parts| parts.len());
        if bytes > FRAME_BYTES && !objects.is_empty() {
            break;
        }
        objects.push(parts);
    }
    Answer::Objects(objects)
}
