//! Many nodes on one thread, with a clock of their own, over links that break: all from a seed.

use std::sync::{Mutex, MutexGuard};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use streams_core::simulate::{Misdeed, Told, Weather};
use streams_py_guarded::guarded;

use crate::error::Raise;
use crate::id::{AnId, given};
use crate::key::{SigningKey, VerifyingKey};
use crate::node::{Kept, Node};
use crate::session::event;
use crate::store::MemoryStore;

/// Many nodes on one thread, with a clock of their own, over links that break: everything that happens follows from a
/// seed, so what failed once fails again.
///
/// The nodes are real ones, and so are their sessions; what is simulated is the time, the network, and the crashes.
/// `weather` is `fine`, `rough` (slow links that break often), or `hostile` (somebody on the way changes frames, too).
/// Who is in the world is told by number.
///
/// >>> from streams_core.testing import World
/// >>> world = World(7, weather="rough")
/// >>> alice = SigningKey.from_bytes(bytes([1] * 32))
/// >>> one, other = world.add(alice), world.add(SigningKey.from_bytes(bytes([2] * 32)))
/// >>> stream = world.node(one).create(Draft.root("example.org/list", nonce=bytes(16)).sign(alice))
/// >>> added = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
/// >>> while stream.id not in world.node(other):
/// ...     world.sync(other, one, [stream.id])  # a link may break in the middle
/// ...     world.run(60_000)
/// >>> len(world.node(other)[stream.id])
/// 2
#[pyclass(module = "streams_core.testing", frozen)]
pub(crate) struct World(Mutex<streams_core::simulate::World>);

impl World {
    fn lock(&self) -> MutexGuard<'_, streams_core::simulate::World> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn weather(name: &str) -> PyResult<Weather> {
    match name {
        "fine" => Ok(Weather::FINE),
        "rough" => Ok(Weather::ROUGH),
        "hostile" => Ok(Weather::HOSTILE),
        _ => Err(PyValueError::new_err(format!("'{name}' is no weather: it is fine, rough or hostile"))),
    }
}

fn misdeed(name: &str) -> PyResult<Misdeed> {
    Ok(match name {
        "withholds" => Misdeed::Withholds,
        "lies" => Misdeed::Lies,
        "breaks-promises" => Misdeed::BreaksPromises,
        "contradicts" => Misdeed::Contradicts,
        "floods" => Misdeed::Floods,
        "stalls" => Misdeed::Stalls,
        _ => {
            let message = "a misdeed is withholds, lies, breaks-promises, contradicts, floods or stalls";
            return Err(PyValueError::new_err(format!("'{name}' is none: {message}")));
        }
    })
}

#[guarded]
#[pymethods]
impl World {
    #[new]
    #[pyo3(signature = (seed: "int", *, weather: "Weather" = "fine"))]
    fn new(seed: u64, weather: &str) -> PyResult<Self> {
        Ok(Self(Mutex::new(streams_core::simulate::World::new(seed, self::weather(weather)?))))
    }

    /// Another node; with a `misdeed` it is a peer that does wrong: `withholds`, `lies`, `breaks-promises`, `contradicts`,
    /// `floods` or `stalls`. Returns its number.
    #[pyo3(signature = (key: "SigningKey", *, misdeed: "Misdeed | None" = None) -> "int")]
    fn add(&self, key: &SigningKey, misdeed: Option<&str>) -> PyResult<usize> {
        match misdeed.map(self::misdeed).transpose()? {
            None => Ok(self.lock().node(key.0.clone())),
            Some(misdeed) => Ok(self.lock().wrongdoer(key.0.clone(), misdeed)),
        }
    }

    /// The node of somebody, to read and to write with. After a crash it is another: ask again.
    ///
    /// Raises:
    ///     ValueError: it is down, or there is nobody with this number.
    #[pyo3(signature = (who: "int") -> "Node")]
    fn node(&self, py: Python<'_>, who: usize) -> PyResult<Node> {
        let world = self.lock();
        let here = who < world.len() && world.is_up(who);
        if !here {
            return Err(PyValueError::new_err(format!("{who} is down, or was never added")));
        }
        let (node, store) = world.node_of(who);
        let store = Py::new(py, MemoryStore::of(store))?.into_any();
        Ok(Node::of(Kept::of(node), store))
    }

    /// One makes streams equal with another, or all where None are given. Time has to pass for it: `run`.
    #[pyo3(signature = (one: "int", other: "int", streams: "Sequence[ObjectId | str] | None" = None) -> "None")]
    fn sync(&self, one: usize, other: usize, streams: Option<Vec<AnId>>) -> PyResult<()> {
        let mut world = self.both(one, other)?;
        match streams {
            Some(streams) => world.sync(one, other, &given(&streams)),
            None => world.sync_all(one, other),
        }
        Ok(())
    }

    /// One follows streams of another, for so many milliseconds.
    #[pyo3(signature = (one: "int", other: "int", streams: "Sequence[ObjectId | str]", milliseconds: "int") -> "None")]
    fn follow(&self, one: usize, other: usize, streams: Vec<AnId>, milliseconds: u64) -> PyResult<()> {
        self.both(one, other)?.follow(one, other, &given(&streams), milliseconds);
        Ok(())
    }

    /// Lets so many milliseconds pass: everybody does what it has to, in an order that the seed draws.
    #[pyo3(signature = (milliseconds: "int") -> "None")]
    fn run(&self, py: Python<'_>, milliseconds: u64) {
        py.detach(|| self.lock().pass(milliseconds));
    }

    /// Keeps two apart: their links are cut, and no other is opened.
    #[pyo3(signature = (one: "int", other: "int") -> "None")]
    fn part(&self, one: usize, other: usize) {
        self.lock().part(one, other);
    }

    /// Lets all come together again.
    #[pyo3(signature = () -> "None")]
    fn heal(&self) {
        self.lock().heal();
    }

    /// Cuts all links.
    #[pyo3(signature = () -> "None")]
    fn cut_all(&self) {
        self.lock().cut_all();
    }

    /// From now on links are as this says.
    #[pyo3(signature = (weather: "Weather") -> "None")]
    fn set_weather(&self, weather: &str) -> PyResult<()> {
        let weather = self::weather(weather)?;
        self.lock().set_weather(weather);
        Ok(())
    }

    /// Somebody stops, in the middle of whatever it did: what was committed is in its store.
    #[pyo3(signature = (who: "int") -> "None")]
    fn crash(&self, who: usize) -> PyResult<()> {
        self.both(who, who)?.crash(who);
        Ok(())
    }

    /// Somebody that is down opens its store again.
    #[pyo3(signature = (who: "int") -> "None")]
    fn restart(&self, who: usize) -> PyResult<()> {
        self.both(who, who)?.restart(who);
        Ok(())
    }

    /// Whether somebody is up.
    #[pyo3(signature = (who: "int") -> "bool")]
    fn is_up(&self, who: usize) -> PyResult<bool> {
        Ok(self.both(who, who)?.is_up(who))
    }

    /// Who somebody is.
    #[pyo3(signature = (who: "int") -> "VerifyingKey")]
    fn key(&self, who: usize) -> PyResult<VerifyingKey> {
        Ok(VerifyingKey(self.both(who, who)?.key(who).verifying_key()))
    }

    /// What the sessions of somebody told since it was asked last: events of `streams_core.session`, and the errors by
    /// which sessions failed.
    #[pyo3(signature = (who: "int") -> "list[SessionEvent | StreamsError]")]
    fn told<'py>(&self, py: Python<'py>, who: usize) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let told = self.both(who, who)?.told(who);
        let tell = |told: &Told| match told {
            Told::Event(told) => event(py, told),
            Told::Failed(error) => Raise::from(error).instance(py),
        };
        told.iter().map(tell).collect()
    }

    /// The time there, in milliseconds since 1970 UTC.
    #[getter]
    fn now(&self) -> u64 {
        self.lock().now()
    }

    fn __len__(&self) -> usize {
        self.lock().len()
    }

    fn __repr__(&self) -> String {
        let world = self.lock();
        format!("<World of {} at {}>", world.len(), world.now())
    }
}

impl World {
    /// The world, where both are in it.
    fn both(&self, one: usize, other: usize) -> PyResult<MutexGuard<'_, streams_core::simulate::World>> {
        let world = self.lock();
        if one.max(other) < world.len() {
            return Ok(world);
        }
        Err(PyValueError::new_err(format!(
            "nobody has the number {}: {} are in this world",
            one.max(other),
            world.len()
        )))
    }
}
