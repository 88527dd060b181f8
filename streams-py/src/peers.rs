//! Peers: a node meets them over links that somebody else carries, as asyncio does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use streams_core::StreamId;
use streams_core::clock::Clock;
use streams_core::node::peers::{PeerError, Streams};
use streams_core::sync::messages::MAX_NOTE;
use streams_core::sync::questions::Event;
use streams_core::transport::TransportError;
use streams_py_guarded::guarded;
use tokio::task::AbortHandle;

use crate::bytes::{Buffer, random};
use crate::call::{caught, start_runtime};
use crate::error::raised;
use crate::id::{AnId, given};
use crate::key::{SigningKey, VerifyingKey};
use crate::line::{Line, Wakes};
use crate::node::{Kept, Node};
use crate::session::{event, now, side};

/// How many events wait to be read: when more come, the oldest are lost.
const EVENTS: usize = 65_536;

/// The clock of this machine.
#[derive(Debug)]
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> u64 {
        now()
    }

    async fn until(&self, time: u64) {
        tokio::time::sleep(Duration::from_millis(time.saturating_sub(now()))).await;
    }
}

/// What is asked of a peer.
enum Asked {
    Sync(Option<Vec<StreamId>>),
    Follow(Option<Vec<StreamId>>, u64),
    Serve,
    Plead(StreamId, String),
}

fn streams(streams: &Option<Vec<StreamId>>) -> Streams<'_> {
    streams.as_deref().map_or(Streams::All, Streams::These)
}

/// What a meeting told, and how it ended.
#[derive(Default)]
struct Told {
    events: VecDeque<Event>,
    lost: u64,
    /// None while it goes on.
    end: Option<Result<streams_core::VerifyingKey, Ended>>,
}

/// Why it ended.
enum Ended {
    Peer(PeerError),
    /// Something panicked, or raised what is no error.
    Unwound(PyErr),
}

/// A node meets a peer, on a thread of its own; `streams_core.aio` carries the frames.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Meeting {
    kept: Arc<Kept>,
    line: Py<Line>,
    told: Arc<Mutex<Told>>,
    wakes: Arc<Wakes>,
    task: AbortHandle,
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[guarded]
#[pymethods]
impl Meeting {
    /// Begins. `what` is `sync`, `follow`, `serve` or `plead`; `wake` is called, from any thread, when there is something
    /// to look at.
    #[new]
    #[pyo3(signature = (
        node: "Node", key: "SigningKey", side: "Side", what: "str", wake: "Callable[[], object]", *,
        channel: "Buffer", streams: "Sequence[ObjectId | str] | None" = None, expires: "int" = 0, note: "str" = "",
        takes_unknown: "bool" = false, promises: "int | None" = None, address: "str | None" = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        node: &Node,
        key: &SigningKey,
        side: &str,
        what: &str,
        wake: Py<PyAny>,
        channel: Buffer,
        streams: Option<Vec<AnId>>,
        expires: u64,
        note: &str,
        takes_unknown: bool,
        promises: Option<u64>,
        address: Option<String>,
    ) -> PyResult<Self> {
        let kept = node.kept.clone();
        kept.check()?;
        let streams = streams.map(|streams| given(&streams));
        let asked = match (what, &streams.as_deref()) {
            ("sync", _) => Asked::Sync(streams),
            ("follow", _) => Asked::Follow(streams, expires),
            ("serve", _) => Asked::Serve,
            ("plead", Some([stream])) if note.len() <= MAX_NOTE => Asked::Plead(*stream, note.to_owned()),
            ("plead", _) => {
                return Err(PyValueError::new_err(format!("a plea is for one stream, in at most {MAX_NOTE} bytes")));
            }
            _ => return Err(PyValueError::new_err("what is sync, follow, serve or plead")),
        };
        let meeting = streams_core::node::peers::Meeting {
            takes_unknown,
            promises,
            address,
            ..streams_core::node::peers::Meeting::new(key.0.clone(), self::side(side)?, random(), Arc::new(SystemClock))
        };
        let wakes = Wakes::new(wake);
        let (line, link) = Line::new(wakes.clone(), channel.as_ref());
        let told = Arc::new(Mutex::new(Told::default()));
        let runtime = start_runtime()?;
        let met = {
            let (node, told, wakes) = (kept.node.clone(), told.clone(), wakes.clone());
            runtime.spawn(async move {
                let note = move |event: &Event| {
                    let mut told = lock(&told);
                    if told.events.len() == EVENTS {
                        told.events.pop_front();
                        told.lost += 1;
                    }
                    told.events.push_back(event.clone());
                    drop(told);
                    wakes.wake();
                };
                match asked {
                    Asked::Sync(asked) => node.sync(link, meeting, self::streams(&asked), note).await,
                    Asked::Follow(asked, until) => node.follow(link, meeting, self::streams(&asked), until, note).await,
                    Asked::Serve => node.serve(link, meeting, note).await,
                    Asked::Plead(stream, words) => node.plead(link, meeting, stream, &words).await,
                }
            })
        };
        let task = met.abort_handle();
        runtime.spawn({
            let (told, wakes) = (told.clone(), wakes.clone());
            async move {
                let end = match met.await {
                    Ok(met) => met.map_err(Ended::Peer),
                    Err(error) => Err(match error.try_into_panic() {
                        Ok(payload) => Ended::Unwound(caught(payload)),
                        Err(_) => Ended::Peer(TransportError::closed().into()),
                    }),
                };
                lock(&told).end = Some(end);
                wakes.wake();
            }
        });
        Ok(Self { kept, line: Py::new(py, line)?, told, wakes, task })
    }

    /// Where its frames come and go.
    #[getter]
    fn line(&self, py: Python<'_>) -> Py<Line> {
        self.line.clone_ref(py)
    }

    /// Ends it at once.
    #[pyo3(signature = () -> "None")]
    fn abort(&self) {
        self.task.abort();
    }

    /// What was told since the last time, and whether it is over: then that was all.
    #[pyo3(signature = () -> "tuple[list[SessionEvent], bool]")]
    fn told<'py>(&self, py: Python<'py>) -> PyResult<(Vec<Bound<'py, PyAny>>, bool)> {
        // What comes from here on wakes again, so nothing may be read before.
        self.wakes.look();
        let (events, is_over) = {
            let mut told = lock(&self.told);
            (std::mem::take(&mut told.events), told.end.is_some())
        };
        let events = events.iter().map(|told| event(py, told)).collect::<PyResult<_>>()?;
        Ok((events, is_over))
    }

    /// How many events were lost since nobody read them.
    #[getter]
    fn lost(&self) -> u64 {
        lock(&self.told).lost
    }

    /// Who the peer was; None while it goes on.
    #[pyo3(signature = () -> "VerifyingKey | None")]
    fn result(&self, py: Python<'_>) -> PyResult<Option<VerifyingKey>> {
        match &lock(&self.told).end {
            None => Ok(None),
            Some(Ok(peer)) => Ok(Some(VerifyingKey(*peer))),
            Some(Err(Ended::Peer(error))) => Err(raised(error.clone())),
            Some(Err(Ended::Unwound(error))) => self.kept.whole(py, Err(error.clone_ref(py))),
        }
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A peer that was met: its key, where, and when.
type Known<'py> = (VerifyingKey, Option<String>, Option<Bound<'py, PyAny>>);

#[guarded]
#[pymethods]
impl Node {
    /// The peers that this node met, the latest first: their keys, where they were met (None where they came by
    /// themselves), and when.
    #[pyo3(signature = () -> "list[tuple[VerifyingKey, str | None, datetime]]")]
    fn peers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Known<'py>>> {
        let met = self.kept.wait(py, self.kept.node.peers())?;
        let known = |known: streams_core::node::known::Known| {
            let met = crate::object::time(py, Some(known.met))?;
            Ok((VerifyingKey(known.peer()), known.address, met))
        };
        met.into_iter().map(known).collect()
    }

    /// Calls `wake` once the store has a change above this number: from another thread, and at once where it has one.
    #[pyo3(signature = (above: "int", wake: "Callable[[], object]") -> "None")]
    fn _when_changed(&self, above: u64, wake: Py<PyAny>) -> PyResult<()> {
        self.kept.check()?;
        let node = self.kept.node.clone();
        start_runtime()?.spawn(async move {
            // An error is met by whoever reads next.
            let _ = node.store().wait(above).await;
            Python::try_attach(|py| wake.call0(py).map(drop));
        });
        Ok(())
    }

    /// The number of the last change of the store.
    #[pyo3(signature = () -> "int")]
    fn _last(&self, py: Python<'_>) -> PyResult<u64> {
        self.kept.wait(py, self.kept.node.store().last())
    }
}
