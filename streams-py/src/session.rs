//! A session with a peer (spec 10) without IO: frames and the time go in, and frames, events and the end come out.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::node::answers::Answers;
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::{Event, Output};
use streams_core::sync::said::{Refusal, Signed, Statement};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::call::Module;
use crate::draft::Time;
use crate::error::Raise;
use crate::id::{AnId, ObjectId, given, ids};
use crate::key::{SigningKey, VerifyingKey};
use crate::node::{Kept, Node};

/// What is said in sessions, and what happens in them.
pub(crate) static SESSION: Module = Module::of("streams_core.session");

/// The time of this machine, in milliseconds since 1970 UTC.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The side of a connection, by its name.
pub(crate) fn side(name: &str) -> PyResult<Side> {
    match name {
        "opener" => Ok(Side::Opener),
        "answerer" => Ok(Side::Answerer),
        _ => Err(PyValueError::new_err(format!("'{name}' is no side: one is opener, and the other answerer"))),
    }
}

/// What a peer signed that it has.
pub(crate) fn statement<'py>(py: Python<'py>, signed: &Signed<Statement>) -> PyResult<Bound<'py, PyAny>> {
    let said = &signed.said;
    let (peer, stream) = (VerifyingKey(said.peer.0), ObjectId(said.stream.0));
    let (frontier, leaves) = (PyBytes::new(py, &said.frontier), ids(said.leaves.0.iter().copied()));
    let (store, signature) = (PyBytes::new(py, &said.store), PyBytes::new(py, &signed.signature));
    SESSION.instance(py, "Statement", (peer, stream, frontier, leaves, store, said.counter, said.until, signature))
}

fn refusal<'py>(py: Python<'py>, signed: &Signed<Refusal>) -> PyResult<Bound<'py, PyAny>> {
    let said = &signed.said;
    let (peer, stream) = (VerifyingKey(said.peer.0), ObjectId(said.stream.0));
    let object = said.object.map(|object| ObjectId(object.0));
    let (store, signature) = (PyBytes::new(py, &said.store), PyBytes::new(py, &signed.signature));
    SESSION.instance(py, "Refusal", (peer, stream, object, said.reason.code(), said.at, store, said.counter, signature))
}

/// What happened in a session.
pub(crate) fn event<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyAny>> {
    match event {
        Event::Proven { peer, version } => SESSION.instance(py, "Proven", (VerifyingKey(*peer), *version)),
        Event::Expected { stream, objects } => SESSION.instance(py, "Expected", (ObjectId(*stream), *objects)),
        Event::Received { stream, admitted } => SESSION.instance(py, "Received", (ObjectId(*stream), *admitted)),
        Event::Rejected { stream, reason, objects } => {
            let reason = Raise::from(reason).with("fate", reason.fate()).instance(py)?;
            SESSION.instance(py, "Rejected", (ObjectId(*stream), reason, *objects))
        }
        Event::Synced { stream, admitted, rejected, gaps } => {
            SESSION.instance(py, "Synced", (ObjectId(*stream), *admitted, *rejected, ids(gaps.iter().copied())))
        }
        Event::Served { stream, sent } => SESSION.instance(py, "Served", (ObjectId(*stream), *sent)),
        Event::Stated(signed) => {
            SESSION.instance(py, "Stated", (ObjectId(signed.said.stream.0), statement(py, signed)?))
        }
        Event::Compared { streams } => SESSION.instance(py, "Compared", (*streams,)),
        Event::Found { here, peers } => {
            let peers: Vec<_> = peers.iter().map(|(peer, address)| (VerifyingKey(*peer), address)).collect();
            SESSION.instance(py, "Found", (ids(here.iter().copied()), peers))
        }
        Event::Plea { stream, note } => SESSION.instance(py, "Plea", (ObjectId(*stream), note)),
        Event::Refused { stream, reason, refusal, shown } => {
            let shown = shown.as_ref().map(|shown| PyBytes::new(py, shown));
            SESSION.instance(py, "Refused", (ObjectId(*stream), reason.code(), self::refusal(py, refusal)?, shown))
        }
        Event::Refuses { stream, reason } => SESSION.instance(py, "Refuses", (ObjectId(*stream), reason.code())),
    }
}

/// A session with one peer, over whatever carries whole frames, at whatever time you say that it is: it does no IO but
/// with the store of its node.
///
/// `side` is `opener` for whoever opened the connection, and `answerer` for the other. `channel` is what is unique to the
/// connection and equal at both ends, as the hash of a key exchange; where there is no such thing, whoever sits between
/// the two may relay their proofs (spec 10.1). Streams that are not here are taken in where `takes_unknown` says so. With
/// `promises`, in milliseconds, what is stated to the peer will be served for so long. A time is in milliseconds since
/// 1970 UTC, or a `datetime`; None is that of this machine.
///
/// Ask for what you want, then `poll` until there is nothing more, `receive` the next frame, and so on.
///
/// >>> alice, bob = SigningKey.generate(), SigningKey.generate()
/// >>> here, there = Node(), Node()
/// >>> stream = here.create(Draft.root("example.org/list").sign(alice))
/// >>> sessions = [Session(here, alice, "opener"), Session(there, bob, "answerer", takes_unknown=True)]
/// >>> sessions[1].sync(stream.id)
/// >>> is_quiet = False
/// >>> while not is_quiet:
/// ...     is_quiet = True
/// ...     for own, other in [sessions, sessions[::-1]]:
/// ...         while output := own.poll():
/// ...             is_quiet = False
/// ...             if isinstance(output, bytes):  # a frame: carry it over
/// ...                 other.receive(output)
/// >>> stream.id in there
/// True
#[pyclass(module = "streams_core.session", frozen)]
pub(crate) struct Session {
    kept: Arc<Kept>,
    key: streams_core::SigningKey,
    own: streams_core::VerifyingKey,
    takes_unknown: bool,
    promises: Option<u64>,
    address: Option<String>,
    session: Mutex<streams_core::sync::session::Session>,
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, streams_core::sync::session::Session> {
        self.session.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn at(time: Option<Time>) -> u64 {
    time.map_or_else(now, |time| time.0)
}

#[guarded]
#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (
        node: "Node", key: "SigningKey", side: "Side", *, channel: "Buffer | None" = None, takes_unknown: "bool" = false,
        promises: "int | None" = None, address: "str | None" = None, now: "int | datetime | None" = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        node: &Node,
        key: &SigningKey,
        side: &str,
        channel: Option<Buffer>,
        takes_unknown: bool,
        promises: Option<u64>,
        address: Option<String>,
        now: Option<Time>,
    ) -> PyResult<Self> {
        let (kept, side) = (node.kept.clone(), self::side(side)?);
        let numbered = kept.wait(py, kept.node.last_number())?;
        let channel = channel.as_ref().map_or(&[][..], AsRef::as_ref);
        let own = key.0.verifying_key();
        let session = streams_core::sync::session::Session::new(own, side, numbered, random(), channel, at(now));
        Ok(Self { kept, key: key.0.clone(), own, takes_unknown, promises, address, session: Mutex::new(session) })
    }

    /// Asks for a stream: both sides will have what either had of it, as far as the rules let them.
    #[pyo3(signature = (stream: "ObjectId | str") -> "None")]
    fn sync(&self, stream: AnId) {
        self.lock().sync(stream.0);
    }

    /// Asks for all streams that either side has, and the other may read and takes in.
    #[pyo3(signature = () -> "None")]
    fn sync_all(&self) {
        self.lock().sync_all();
    }

    /// Asks to hear of what becomes different of these streams, until a time that is at most a day ahead. Spec 10.3.
    #[pyo3(signature = (streams: "Sequence[ObjectId | str]", expires: "int | datetime") -> "None")]
    fn subscribe(&self, streams: Vec<AnId>, expires: Time) {
        self.lock().subscribe(&given(&streams), expires.0);
    }

    /// Asks to hear of what becomes different of all streams that this side may read.
    #[pyo3(signature = (expires: "int | datetime") -> "None")]
    fn subscribe_to_all(&self, expires: Time) {
        self.lock().subscribe_to_all(expires.0);
    }

    /// Tells that a stream changed here: a peer that subscribed to it is told.
    #[pyo3(signature = (stream: "ObjectId | str") -> "None")]
    fn changed(&self, stream: AnId) {
        self.lock().changed(stream.0);
    }

    /// Asks for a signed statement with every request from now on: what the peer says that it has can be held against it.
    #[pyo3(signature = () -> "None")]
    fn ask_for_statements(&self) {
        self.lock().ask_for_statements();
    }

    /// Asks the peer who has streams, at most 16.
    #[pyo3(signature = (streams: "Sequence[ObjectId | str]") -> "None")]
    fn find(&self, streams: Vec<AnId>) {
        self.lock().find(&given(&streams));
    }

    /// Asks for access to a stream, with a note of at most 1,024 bytes.
    #[pyo3(signature = (stream: "ObjectId | str", note: "str") -> "None")]
    fn plead(&self, stream: AnId, note: &str) {
        self.lock().plead(stream.0, note);
    }

    /// Leaves the peer, once nothing is under way: then `has_left`.
    #[pyo3(signature = () -> "None")]
    fn leave(&self) {
        self.lock().leave();
    }

    /// Ends the session.
    #[pyo3(signature = () -> "None")]
    fn close(&self) {
        self.lock().close();
    }

    /// Takes in a frame. What is wrong with it ends the session, which `poll` tells.
    #[pyo3(signature = (frame: "Buffer", now: "int | datetime | None" = None) -> "None")]
    fn receive(&self, py: Python<'_>, frame: Buffer, now: Option<Time>) {
        py.detach(|| self.lock().receive(frame.as_ref(), at(now)));
    }

    /// Lets time pass.
    #[pyo3(signature = (now: "int | datetime | None" = None) -> "None")]
    fn tick(&self, now: Option<Time>) {
        self.lock().tick(at(now));
    }

    /// What comes out next: a frame to be sent, as bytes, or an event of `streams_core.session`; None where nothing does
    /// before something comes in. What the session asks about streams, the node answers in here.
    ///
    /// Raises:
    ///     SessionError: the session is over, and `code` tells why; nothing follows.
    ///     StoreError: the store did not answer.
    #[pyo3(signature = (now: "int | datetime | None" = None) -> "bytes | SessionEvent | None")]
    fn poll<'py>(&self, py: Python<'py>, now: Option<Time>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (now, node) = (at(now), &self.kept.node);
        loop {
            let output = py.detach(|| self.lock().poll());
            match output {
                None => return Ok(None),
                Some(Output::Send(frame)) => return Ok(Some(PyBytes::new(py, &frame).into_any())),
                Some(Output::Sign(unsigned)) => {
                    return Ok(Some(PyBytes::new(py, &unsigned.sign(&self.key)).into_any()));
                }
                Some(Output::Ask(number, ask)) => {
                    let Self { own, takes_unknown, promises, .. } = *self;
                    let answers = Answers { node, own, takes_unknown, promises };
                    let answer = self.kept.wait(py, answers.answer(ask, now))?;
                    let numbered = self.kept.wait(py, node.last_number())?;
                    py.detach(|| {
                        let mut session = self.lock();
                        session.note_numbered(numbered);
                        session.answer(number, answer);
                    });
                }
                Some(Output::Event(event)) => {
                    self.kept.wait(py, node.note(&event, self.address.as_deref(), now))?;
                    return self::event(py, &event).map(Some);
                }
                Some(Output::End(end)) => return Err(Raise::from(&end).into()),
            }
        }
    }

    /// When to `tick` next though nothing happens, in milliseconds since 1970 UTC; None where nothing is awaited.
    #[getter]
    fn deadline(&self) -> Option<u64> {
        self.lock().deadline()
    }

    /// The peer, once it proved its key.
    #[getter]
    fn peer(&self) -> Option<VerifyingKey> {
        self.lock().peer().map(VerifyingKey)
    }

    /// Whether nothing is under way: neither what was asked for, nor what the peer asked for.
    #[getter]
    fn is_idle(&self) -> bool {
        self.lock().is_idle()
    }

    /// Whether both sides said that they ask for nothing more, and nothing is under way.
    #[getter]
    fn has_left(&self) -> bool {
        self.lock().has_left()
    }

    fn __repr__(&self) -> String {
        match self.lock().peer() {
            Some(peer) => format!("<Session with {peer}>"),
            None => "<Session with a peer that did not prove its key yet>".into(),
        }
    }
}
