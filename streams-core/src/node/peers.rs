//! Peers: a node drives sessions over links.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;

use async_channel::{Receiver, Sender, bounded, unbounded};

use super::answers::Answers;
use super::taking::{Take, take_in};
use super::{Node, NodeError};
use crate::clock::Clock;
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::id::StreamId;
use crate::signer::Signer;
use crate::sync::handshake::Side;
use crate::sync::questions::{Answer, Ask, End, Event, Output};
use crate::sync::session::Session;
use crate::transport::{Transport, TransportError};

/// How many changes of the store are looked at together.
const CHANGES: usize = 1024;

/// How many frames of a peer wait for their turn.
const WAITING: usize = 16;

/// How many frames may wait to be sent before news waits too.
const BUSY: usize = 256;

/// How many frames wait to be sent to a peer that does not take them, before it is left.
const UNREAD: usize = 4096;

/// How often one looks whether frames were taken, in milliseconds.
const LOOK_AGAIN: u64 = 50;

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
    /// Nobody signs for this side.
    #[error("whoever holds this side's key does not sign")]
    Unsigned,
    /// The peer went in the middle.
    #[error("the peer closed the link before it had answered")]
    Gone,
}

/// How a node meets a peer.
#[derive(Clone, Debug)]
pub struct Meeting {
    /// The key of this node, or whoever signs with it.
    pub signer: Arc<dyn Signer>,
    /// Who opened the connection.
    pub side: Side,
    /// 32 fresh random bytes.
    pub nonce: [u8; 32],
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether streams that are not here are taken in, where a peer has them.
    pub takes_unknown: bool,
    /// How long what is stated will be served, in milliseconds; none where nothing is promised.
    pub promises: Option<u64>,
    /// Where the peer was met, for those who look for it; none where it came by itself.
    pub address: Option<String>,
}

impl Meeting {
    /// A meeting as most are: streams that are not here are not taken in, and nothing is promised.
    pub fn new(key: SigningKey, side: Side, nonce: [u8; 32], clock: Arc<dyn Clock>) -> Self {
        Self { signer: Arc::new(key), side, nonce, clock, takes_unknown: false, promises: None, address: None }
    }
}

/// Which streams.
#[derive(Clone, Copy, Debug)]
pub enum Streams<'a> {
    /// All that either side has, and the other may read, and takes in.
    All,
    /// These.
    These(&'a [StreamId]),
}

/// A session, and what it runs on.
struct Driver<'a> {
    node: &'a Node,
    session: Session,
    answers: Answers<'a>,
    signer: &'a dyn Signer,
    clock: &'a dyn Clock,
    outgoing: Sender<Vec<u8>>,
    takes: Sender<Take>,
    on_event: &'a mut (dyn FnMut(&Event) + Send),
    /// The last change of the store that the session was told of.
    seen: u64,
    end: Option<End>,
}

impl Node {
    /// Makes streams equal here and at a peer, both ways, and closes the link. `on_event` is told what happens.
    ///
    /// Returns when both have what the other had of them; a stream that the peer refuses is told by an event.
    pub async fn sync(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        streams: Streams<'_>,
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        let mut begin = |session: &mut Session| {
            session.ask_for_statements();
            ask_for(session, streams);
        };
        self.meet(link, meeting, &mut begin, true, &mut on_event).await
    }

    /// Serves a peer until it closes the link: answers what it asks for, asks for what it has and this node lacks of
    /// the streams that it speaks of, and tells of news where it subscribed to them.
    pub async fn serve(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        self.meet(link, meeting, &mut |_| (), false, &mut on_event).await
    }

    /// Keeps streams equal here and at a peer, both ways, as either changes: until the peer closes the link, or the time
    /// has come, at most a day ahead, behind which the peer tells no news any more.
    pub async fn follow(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        streams: Streams<'_>,
        expires: u64,
        mut on_event: impl FnMut(&Event) + Send,
    ) -> Result<VerifyingKey, PeerError> {
        let mut begin = |session: &mut Session| {
            ask_for(session, streams);
            match streams {
                Streams::All => session.subscribe_to_all(expires),
                Streams::These(streams) => session.subscribe(streams, expires),
            }
        };
        self.meet(link, meeting, &mut begin, false, &mut on_event).await
    }

    /// Asks a peer for access to a stream, and closes the link. Whether somebody reads the note, nobody tells.
    pub async fn plead(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        stream: StreamId,
        note: &str,
    ) -> Result<VerifyingKey, PeerError> {
        self.meet(link, meeting, &mut |session| session.plead(stream, note), true, &mut |_| ()).await
    }

    /// Runs a session over a link: `begin` says what is asked for, and where `ends` is set, it is over when that is
    /// answered.
    pub(super) async fn meet(
        &self,
        link: Arc<dyn Transport>,
        meeting: Meeting,
        begin: &mut (dyn FnMut(&mut Session) + Send),
        ends: bool,
        on_event: &mut (dyn FnMut(&Event) + Send),
    ) -> Result<VerifyingKey, PeerError> {
        let Meeting { signer, side, nonce, clock, takes_unknown, promises, address } = meeting;
        let numbered = self.last_number().await?;
        let own = signer.author();
        let mut session = Session::new(own, side, numbered, nonce, link.channel(), clock.now());
        begin(&mut session);
        let seen = self.store.last().await.map_err(NodeError::from)?;
        // What goes out must not wait for what comes in, or two peers that both send wait for each other. It is bounded
        // by the windows of the session, and by what is left unread.
        let (outgoing, to_send) = unbounded::<Vec<u8>>();
        let (received, incoming) = bounded::<Vec<u8>>(WAITING);
        let answers = Answers { node: self, own, takes_unknown, promises };
        // So are frames that are to be taken in.
        let (takes, to_take) = unbounded();
        let (was_taken, taken) = unbounded();
        let clock = &*clock;
        let signer = &*signer;
        let mut driver =
            Driver { node: self, session, answers, signer, clock, outgoing, takes, on_event, seen, end: None };
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
        let take = async { take_in(self, to_take, was_taken).await.map_err(PeerError::from) };
        let drive = driver.run(&incoming, &taken, ends, address.as_deref());
        let ended = first_failure(drive, send, receive, take).await;
        let closed = link.close().await;
        let peer = ended?;
        closed?;
        Ok(peer)
    }
}

fn ask_for(session: &mut Session, streams: Streams<'_>) {
    match streams {
        Streams::All => session.sync_all(),
        Streams::These(streams) => streams.iter().for_each(|stream| session.sync(*stream)),
    }
}

/// What a session waits for.
enum Next {
    Frame(Result<Vec<u8>, async_channel::RecvError>),
    Taken(u64, Answer),
    Changed(Result<(), NodeError>),
    Time,
}

/// The first of these futures that is done; the others are given up.
async fn first_of(
    taken: impl Future<Output = Result<(u64, Answer), async_channel::RecvError>>,
    frame: impl Future<Output = Result<Vec<u8>, async_channel::RecvError>>,
    changed: impl Future<Output = Result<(), NodeError>>,
    time: impl Future<Output = ()>,
) -> Next {
    let (mut taken, mut frame) = (std::pin::pin!(taken), std::pin::pin!(frame));
    let (mut changed, mut time) = (std::pin::pin!(changed), std::pin::pin!(time));
    std::future::poll_fn(|context| {
        if let Poll::Ready(Ok((number, answer))) = taken.as_mut().poll(context) {
            return Poll::Ready(Next::Taken(number, answer));
        }
        if let Poll::Ready(frame) = frame.as_mut().poll(context) {
            return Poll::Ready(Next::Frame(frame));
        }
        if let Poll::Ready(changed) = changed.as_mut().poll(context) {
            return Poll::Ready(Next::Changed(changed));
        }
        time.as_mut().poll(context).map(|()| Next::Time)
    })
    .await
}

/// Runs these futures side by side, until the first is done and all that it sent is sent, or one of them fails.
async fn first_failure<T>(
    drive: impl Future<Output = Result<T, PeerError>>,
    send: impl Future<Output = Result<(), PeerError>>,
    receive: impl Future<Output = Result<(), PeerError>>,
    take: impl Future<Output = Result<(), PeerError>>,
) -> Result<T, PeerError> {
    let (mut drive, mut send) = (std::pin::pin!(drive), std::pin::pin!(send));
    let (mut receive, mut take) = (std::pin::pin!(receive), std::pin::pin!(take));
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
                // What the peer still said is taken in before. Where both ways broke, whoever reads knows why.
                Poll::Ready(Err(error)) => {
                    if broken.is_none()
                        && let Poll::Ready(received) = receive.as_mut().poll(context)
                    {
                        broken = Some(received);
                    }
                    let why = broken.take().and_then(Result::err).unwrap_or(error);
                    return Poll::Ready(done.take().unwrap_or(Err(why)));
                }
                Poll::Pending => {}
            }
        }
        // Last, since it takes longest.
        if done.is_none()
            && let Poll::Ready(Err(error)) = take.as_mut().poll(context)
        {
            return Poll::Ready(Err(error));
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
    async fn run(
        &mut self,
        incoming: &Receiver<Vec<u8>>,
        taken: &Receiver<(u64, Answer)>,
        ends: bool,
        address: Option<&str>,
    ) -> Result<VerifyingKey, PeerError> {
        let mut peer = None;
        loop {
            self.work(address).await?;
            peer = peer.or(self.session.peer());
            if let Some(end) = self.end {
                self.outgoing.close();
                return Err(end.into());
            }
            if ends {
                self.session.leave();
                self.work(address).await?;
            }
            if ends && self.session.has_left() {
                self.outgoing.close();
                return peer.ok_or(PeerError::Gone);
            }
            match self.next(incoming, taken, !ends).await {
                Next::Taken(number, answer) => self.session.answer(number, answer),
                Next::Frame(Ok(frame)) => self.session.receive(&frame, self.clock.now()),
                Next::Frame(Err(_)) => {
                    self.outgoing.close();
                    return peer.filter(|_| !ends).ok_or(PeerError::Gone);
                }
                Next::Changed(changed) => {
                    changed?;
                    self.tell_changes().await?;
                }
                Next::Time => self.session.tick(self.clock.now()),
            }
        }
    }

    /// Waits for a frame, for a change of the store where there is somebody to be told of it, or for the time.
    fn next<'b>(
        &self,
        incoming: &'b Receiver<Vec<u8>>,
        taken: &'b Receiver<(u64, Answer)>,
        is_live: bool,
    ) -> impl Future<Output = Next> + use<'_, 'b> {
        let (node, clock, seen) = (self.node, self.clock, self.seen);
        let is_busy = self.outgoing.len() > BUSY;
        let tells = is_live && !is_busy && self.session.peer().is_some();
        let look_again = is_busy.then(|| clock.now() + LOOK_AGAIN);
        let deadline = self.session.deadline().into_iter().chain(look_again).min();
        let changed = async move {
            match tells {
                true => Ok(node.store.wait(seen).await?),
                false => std::future::pending().await,
            }
        };
        let time = async move {
            match deadline {
                Some(deadline) => clock.until(deadline).await,
                None => std::future::pending().await,
            }
        };
        first_of(taken.recv(), incoming.recv(), changed, time)
    }

    /// Tells the session which streams changed in the store, whoever wrote to it.
    async fn tell_changes(&mut self) -> Result<(), PeerError> {
        let log = self.node.store.log(None, self.seen, CHANGES).await.map_err(NodeError::from)?;
        let Some(last) = log.last() else { return Ok(()) };
        self.seen = last.sequence;
        self.session.tick(self.clock.now());
        let changed: BTreeSet<StreamId> = log.into_iter().map(|logged| logged.stream).collect();
        changed.into_iter().for_each(|stream| self.session.changed(stream));
        Ok(())
    }

    /// Does all that the session wants done.
    async fn work(&mut self, address: Option<&str>) -> Result<(), PeerError> {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Send(frame) => self.send(frame).await?,
                Output::Sign(unsigned) => {
                    let (domain, said) = unsigned.said();
                    let signature = self.signer.sign(domain, said).await.ok_or(PeerError::Unsigned)?;
                    self.send(unsigned.signed(signature)).await?;
                }
                Output::Ask(number, Ask::Take { stream, peer, parts }) => {
                    // Where it cannot be taken in any more, the session is at its end.
                    let _ = self.takes.try_send(Take { number, stream, peer, parts });
                }
                Output::Ask(number, ask) => {
                    let answer = self.answers.answer(ask, self.clock.now()).await?;
                    self.session.note_numbered(self.node.last_number().await?);
                    self.session.answer(number, answer);
                }
                Output::Event(event) => {
                    self.node.note(&event, address, self.clock.now()).await?;
                    (self.on_event)(&event);
                }
                Output::End(end) => self.end = Some(end),
            }
        }
        Ok(())
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), PeerError> {
        self.outgoing.send(frame).await.map_err(|_| TransportError::closed())?;
        if self.outgoing.len() > UNREAD {
            return Err(End::TooMuch("answers that it does not read").into());
        }
        Ok(())
    }
}
