//! State: a fold over what is effective, and what of it never changes any more.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple, PyType};
use streams_core::StreamId;
use streams_core::codes::Class;
use streams_core::node::replay::Replayed;
use streams_core::store::Place;

use crate::call::Raised;
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

/// Leaves the core with an exception that a callable raised.
fn leave(error: PyErr) -> ! {
    resume_unwind(Box::new(Raised(error)))
}

/// The state behind the final part of a stream: what comes later never changes it, unless a holder of checkpoints
/// equivocates. It pickles where its state does, so a program can go on from it: `Stream.fold(…, snapshot=snapshot)`.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Snapshot {
    state: Py<PyAny>,
    objects: u64,
    place: Option<Place>,
}

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
        Ok((py.get_type::<Self>(), (self.state(py), self.objects, self.place(py)).into_pyobject(py)?))
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

/// The state of now, and that behind the final part.
pub(crate) fn replay(
    py: Python<'_>,
    kept: &Kept,
    stream: StreamId,
    initial: Py<PyAny>,
    apply: &Py<PyAny>,
    copy: &Py<PyAny>,
    snapshot: Option<&Snapshot>,
) -> PyResult<(Py<PyAny>, Snapshot)> {
    let copy = Arc::new(copy.clone_ref(py));
    let state = |value| State { value, copy: copy.clone() };
    let snapshot = snapshot.map(|snapshot| streams_core::node::replay::Snapshot {
        state: state(snapshot.state.clone_ref(py)),
        objects: snapshot.objects,
        place: snapshot.place,
    });
    let step = |state: &mut State, object: &streams_core::Authentic| {
        Python::attach(|py| {
            let object = Authentic::wrap(py, object.clone())?;
            let next = apply.call1(py, (&state.value, object))?;
            if !next.is_none(py) {
                state.value = next;
            }
            Ok(())
        })
        .unwrap_or_else(|error| leave(error));
    };
    let replayed = kept.wait(py, kept.node.replay(stream, state(initial), snapshot, step))?;
    let Replayed { state, snapshot } = replayed;
    let snapshot = Snapshot { state: snapshot.state.value, objects: snapshot.objects, place: snapshot.place };
    Ok((state.value, snapshot))
}

/// A state that is kept up to date: `Stream.fold`.
///
/// `update()` reads what stands behind the last checkpoint, and all where the final part is another. States are copied by
/// `copy` (`copy.deepcopy` unless you say otherwise; give `lambda state: state` where states are never changed in place).
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
    stream: StreamId,
    initial: Py<PyAny>,
    apply: Py<PyAny>,
    copy: Py<PyAny>,
    now: Mutex<Option<(Py<PyAny>, Py<Snapshot>)>>,
}

impl Fold {
    pub(crate) fn new(
        py: Python<'_>,
        kept: Arc<Kept>,
        stream: StreamId,
        initial: Py<PyAny>,
        apply: Py<PyAny>,
        snapshot: Option<Py<Snapshot>>,
        copy: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let copy = match copy {
            Some(copy) => copy,
            None => py.import("copy")?.getattr("deepcopy")?.unbind(),
        };
        let fold = Self { kept, stream, initial, apply, copy, now: Mutex::new(None) };
        fold.replay(py, snapshot)?;
        Ok(fold)
    }

    fn replay(&self, py: Python<'_>, snapshot: Option<Py<Snapshot>>) -> PyResult<Py<PyAny>> {
        let (initial, snapshot) = (self.initial.clone_ref(py), snapshot.as_ref().map(Py::get));
        let (state, snapshot) = replay(py, &self.kept, self.stream, initial, &self.apply, &self.copy, snapshot)?;
        let now = (state.clone_ref(py), Py::new(py, snapshot)?);
        let before = self.now().replace(now);
        drop(before);
        Ok(state)
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Option<(Py<PyAny>, Py<Snapshot>)>> {
        self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[pymethods]
impl Fold {
    /// The state as of the last update.
    #[getter]
    fn state(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.now().as_ref().map(|(state, _)| state.clone_ref(py))
    }

    /// The state behind the final part, to begin with the next time.
    #[getter]
    fn snapshot(&self, py: Python<'_>) -> Option<Py<Snapshot>> {
        self.now().as_ref().map(|(_, snapshot)| snapshot.clone_ref(py))
    }

    /// Takes in what is different since the last time, and returns the state of now.
    #[pyo3(signature = () -> "Any")]
    fn update(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let snapshot = self.snapshot(py);
        self.replay(py, snapshot)
    }
}
