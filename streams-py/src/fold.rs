//! State: a fold over what is effective, and what of it never changes any more.

use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyTuple, PyType};
use streams_core::StreamId;
use streams_core::codes::Class;
use streams_core::node::fold::Fold as CoreFold;
use streams_core::node::replay::Snapshot as CoreSnapshot;
use streams_core::store::Place;
use streams_py_guarded::guarded;

use crate::call::leave;
use crate::error::Raise;
use crate::node::Kept;
use crate::object::Authentic;

/// A state of Python, which is copied where the core keeps one of an earlier time.
struct State {
    value: Py<PyAny>,
    copy: Arc<Py<PyAny>>,
}

impl Clone for State {
    fn clone(&self) -> Self {
        let copied = Python::attach(|py| self.copy.call1(py, (&self.value,)));
        Self { value: copied.unwrap_or_else(|error| leave(error)), copy: self.copy.clone() }
    }
}

/// The state behind the final part of a stream: what comes later never changes it, unless a holder of checkpoints
/// equivocates. It pickles where its state does, so a program can go on from it: `Stream.fold(…, snapshot=snapshot)`.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Snapshot {
    state: Py<PyAny>,
    objects: u64,
    place: Option<Place>,
}

#[guarded]
#[pymethods]
impl Snapshot {
    #[new]
    #[pyo3(signature = (state: "Any", objects: "int", place: "Buffer | None"))]
    fn new(state: Py<PyAny>, objects: u64, place: Option<crate::bytes::Buffer>) -> PyResult<Self> {
        let place = place.map(|place| read_place(place.as_ref())).transpose()?;
        Ok(Self { state, objects, place })
    }

    /// The state.
    #[getter]
    fn state(&self, py: Python<'_>) -> Py<PyAny> {
        self.state.clone_ref(py)
    }

    /// How many objects it has in it.
    #[getter]
    fn objects(&self) -> u64 {
        self.objects
    }

    /// The place of the last of them, as opaque bytes; None where there is none.
    #[getter]
    fn place<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.place.map(|place| PyBytes::new(py, &place_bytes(&place)))
    }

    fn __repr__(&self) -> String {
        format!("<Snapshot of {} objects>", self.objects)
    }

    #[pyo3(signature = () -> "tuple[type[Snapshot], tuple[Any, int, bytes | None]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), (self.state(py)?, self.objects, self.place(py)?).into_pyobject(py)?))
    }
}

/// The bytes of a place: epoch, generation, tie and id.
const PLACE: usize = 4 + 8 + 32 + 32;

fn place_bytes(place: &Place) -> Vec<u8> {
    [&place.epoch.to_be_bytes()[..], &place.generation.to_be_bytes(), &place.tie, place.id.as_bytes()].concat()
}

fn read_place(bytes: &[u8]) -> PyResult<Place> {
    let read = || {
        let (epoch, rest) = bytes.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (tie, rest) = rest.split_first_chunk()?;
        let id = streams_core::ObjectId::from_bytes(rest.try_into().ok()?);
        Some(Place { epoch: u32::from_be_bytes(*epoch), generation: u64::from_be_bytes(*generation), tie: *tie, id })
    };
    let message = format!("the place of a snapshot is {PLACE} bytes that one gave out");
    read().ok_or_else(|| Raise::new(Class::Cursor, "cursor", message).into())
}

/// What an object does to a state: the callable returns another, or None where it changed it.
fn step(apply: &Py<PyAny>) -> impl FnMut(&mut State, &streams_core::Authentic) + Send {
    |state, object| {
        Python::attach(|py| {
            let object = Authentic::wrap(py, object.clone())?;
            let next = apply.call1(py, (&state.value, object))?;
            if !next.is_none(py) {
                state.value = next;
            }
            Ok(())
        })
        .unwrap_or_else(|error| leave(error));
    }
}

/// The state of now, computed once.
pub(crate) fn replay(
    py: Python<'_>,
    kept: &Kept,
    stream: StreamId,
    initial: Py<PyAny>,
    apply: &Py<PyAny>,
) -> PyResult<Py<PyAny>> {
    let initial = State { value: initial, copy: Arc::new(py.import("copy")?.getattr("deepcopy")?.unbind()) };
    let replayed = kept.wait(py, kept.node.replay(stream, initial, None, step(apply)))?;
    Ok(replayed.state.value)
}

/// A state that is kept up to date: `Stream.fold`.
///
/// `update()` reads what is new, and where a late object comes, or a verdict changes, what stands behind it and some
/// objects before: earlier states are kept to begin from, as many as the length of the stream has digits, about. They are
/// copied by `copy` (`copy.deepcopy` unless you say otherwise; give `lambda state: state` where states are never changed in
/// place). What `apply` changes in place is `state` itself: threads that share a fold copy what they go on to use.
///
/// >>> alice = SigningKey.generate()
/// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
/// >>> count = stream.fold(0, lambda count, object: count + 1)
/// >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
/// >>> final = stream.by(alice).checkpoint()
/// >>> count.state, count.update(), count.snapshot
/// (1, 3, <Snapshot of 3 objects>)
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Fold {
    kept: Arc<Kept>,
    apply: Py<PyAny>,
    core: Mutex<CoreFold<State>>,
    /// The thread that updates it now.
    updating: Mutex<Option<ThreadId>>,
}

impl Fold {
    pub(crate) fn new(
        py: Python<'_>,
        kept: Arc<Kept>,
        stream: StreamId,
        initial: Py<PyAny>,
        apply: Py<PyAny>,
        snapshot: Option<&Snapshot>,
        copy: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let copy = match copy {
            Some(copy) => copy,
            None => py.import("copy")?.getattr("deepcopy")?.unbind(),
        };
        let copy = Arc::new(copy);
        let mut core = CoreFold::new(stream, State { value: initial, copy: copy.clone() });
        if let Some(Snapshot { state, objects, place }) = snapshot {
            let state = State { value: state.clone_ref(py), copy };
            core = core.with_snapshot(CoreSnapshot { state, objects: *objects, place: *place });
        }
        let fold = Self { kept, apply, core: Mutex::new(core), updating: Mutex::new(None) };
        fold.read(py, |py, core| fold.take_in(py, core))?;
        Ok(fold)
    }

    fn updating(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.updating.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits until no other thread updates it.
    fn read<'py, T>(
        &self,
        py: Python<'py>,
        read: impl FnOnce(Python<'py>, &mut CoreFold<State>) -> PyResult<T>,
    ) -> PyResult<T> {
        if *self.updating() == Some(thread::current().id()) {
            let message = "what is applied to the state of a fold cannot use the fold: use the state that it is given";
            return Err(Raise::new(Class::Busy, "re-entered", message).into());
        }
        let mut core = self.core.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner());
        *self.updating() = Some(thread::current().id());
        let read = read(py, &mut core);
        *self.updating() = None;
        read
    }

    fn take_in(&self, py: Python<'_>, core: &mut CoreFold<State>) -> PyResult<Py<PyAny>> {
        self.kept.wait(py, self.kept.node.update(core, step(&self.apply)))?;
        Ok(core.state().expect("it is up to date").value.clone_ref(py))
    }
}

#[guarded]
#[pymethods]
impl Fold {
    /// The state as of the last update; None where that failed.
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.read(py, |py, core| Ok(core.state().map(|state| state.value.clone_ref(py))))
    }

    /// The state behind the final part, to begin with the next time.
    #[getter]
    fn snapshot(&self, py: Python<'_>) -> PyResult<Snapshot> {
        self.read(py, |py, core| {
            let CoreSnapshot { state, objects, place } = core.snapshot();
            Ok(Snapshot { state: state.value.clone_ref(py), objects: *objects, place: *place })
        })
    }

    /// Takes in what is different since the last time, and returns the state of now.
    #[pyo3(signature = () -> "Any")]
    fn update(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.read(py, |py, core| self.take_in(py, core))
    }
}
