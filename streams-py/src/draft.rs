//! Writing objects: a draft becomes an authentic object when its author signs it.

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::error::raised;
use crate::id::{AnId, ObjectId, given, ids};
use crate::key::{AnAuthor, SigningKey};
use crate::object::{Authentic, Object};
use crate::policy::AnyRule;
use crate::value;

/// A time that was given: milliseconds since 1970 UTC, or a `datetime` that knows its zone.
pub(crate) struct Time(pub(crate) u64);

impl<'a, 'py> FromPyObject<'a, 'py> for Time {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(milliseconds) = given.extract() {
            return Ok(Self(milliseconds));
        }
        given.py().import("streams_core._typed")?.call_method1("milliseconds", (given,))?.extract().map(Self)
    }
}

/// Where an event stands in its stream: what `Stream.edges` computes, and whoever keeps a graph elsewhere.
#[pyclass(module = "streams_core", frozen)]
#[derive(Clone)]
pub(crate) struct Edges(pub(crate) streams_core::Edges);

#[guarded]
#[pymethods]
impl Edges {
    #[new]
    #[pyo3(signature = (stream: "ObjectId | str", parents: "Sequence[ObjectId | str]", previous: "ObjectId | str | None", generation: "int"))]
    fn new(stream: AnId, parents: Vec<AnId>, previous: Option<AnId>, generation: u64) -> Self {
        let previous = previous.map(|previous| previous.0);
        Self(streams_core::Edges { stream: stream.0, parents: self::given(&parents), previous, generation })
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("stream", "parents", "previous", "generation")
    }

    /// The stream.
    #[getter]
    fn stream(&self) -> ObjectId {
        ObjectId(self.0.stream)
    }

    /// The objects to follow: 1 to 16.
    #[getter]
    fn parents(&self) -> Vec<ObjectId> {
        ids(self.0.parents.iter().copied())
    }

    /// The latest object of the author.
    #[getter]
    fn previous(&self) -> Option<ObjectId> {
        self.0.previous.map(ObjectId)
    }

    /// One more than the largest of what is cited.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.generation
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        crate::id::hash((&self.0.parents, self.0.previous, self.0.generation))
    }

    fn __repr__(&self) -> String {
        let parents: Vec<String> = self.0.parents.iter().map(|id| format!("ObjectId('{id}')")).collect();
        let previous = self.0.previous.map_or("None".into(), |id| format!("ObjectId('{id}')"));
        let (stream, parents) = (self.0.stream, parents.join(", "));
        format!("Edges(ObjectId('{stream}'), [{parents}], {previous}, {})", self.0.generation)
    }

    #[pyo3(signature = () -> "tuple[type[Edges], tuple[ObjectId, list[ObjectId], ObjectId | None, int]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        let edges = (self.stream()?, self.parents()?, self.previous()?, self.generation()?);
        Ok((py.get_type::<Self>(), edges.into_pyobject(py)?))
    }
}

/// An object that is not signed yet.
///
/// >>> alice = SigningKey.generate()
/// >>> root = Draft.root("example.org/list", {"title": "Groceries"}, policies=[Rule.open_to_all()]).sign(alice)
/// >>> root.data
/// {'title': 'Groceries'}
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Draft(streams_core::Draft);

#[guarded]
#[pymethods]
impl Draft {
    /// A root, which begins a stream. Without a `nonce` of 16 bytes it gets a fresh one, so no two are alike.
    #[staticmethod]
    #[pyo3(signature = (
        r#type: "str", data: "DataLike | None" = None, *, policies: "Iterable[Rule | Mapping[str, Any]]" = vec![],
        timestamp: "int | datetime | None" = None, next: "Buffer | None" = None, nonce: "Buffer | None" = None
    ) -> "Draft")]
    fn root(
        r#type: &Bound<'_, PyString>,
        data: Option<&Bound<'_, PyAny>>,
        policies: Vec<AnyRule>,
        timestamp: Option<Time>,
        next: Option<Buffer>,
        nonce: Option<Buffer>,
    ) -> PyResult<Self> {
        let nonce = nonce.map_or_else(|| Ok(random()), |nonce| nonce.array("a nonce"))?;
        let draft = streams_core::Draft::root(r#type.to_cow()?, nonce);
        fill(draft, data, policies, timestamp, next).map(Self)
    }

    /// An event, which follows others in its stream.
    #[staticmethod]
    #[pyo3(signature = (
        r#type: "str", edges: "Edges", data: "DataLike | None" = None, *,
        policies: "Iterable[Rule | Mapping[str, Any]]" = vec![], timestamp: "int | datetime | None" = None,
        next: "Buffer | None" = None
    ) -> "Draft")]
    fn event(
        r#type: &Bound<'_, PyString>,
        edges: &Edges,
        data: Option<&Bound<'_, PyAny>>,
        policies: Vec<AnyRule>,
        timestamp: Option<Time>,
        next: Option<Buffer>,
    ) -> PyResult<Self> {
        let draft = streams_core::Draft::event(r#type.to_cow()?, edges.0.clone());
        fill(draft, data, policies, timestamp, next).map(Self)
    }

    /// Signs it.
    ///
    /// Raises:
    ///     UnsoundError: a limit is broken (spec 1.5).
    ///     RefusedError: a rule of the header is broken (spec 4.1).
    #[pyo3(signature = (key: "SigningKey") -> "Authentic")]
    fn sign<'py>(&self, py: Python<'py>, key: &SigningKey) -> PyResult<Bound<'py, Authentic>> {
        let authentic = self.0.clone().sign(&key.0).map_err(raised)?;
        Authentic::wrap(py, authentic)
    }

    /// The object without a signature, for whoever signs its id elsewhere (the domain is `object`).
    ///
    /// Raises:
    ///     UnsoundError: a limit is broken (spec 1.5).
    #[pyo3(signature = (author: "VerifyingKey | str") -> "Object")]
    fn encode(&self, author: AnAuthor) -> PyResult<Object> {
        self.0.clone().encode(&author.0).map(Object).map_err(raised)
    }

    fn __repr__(&self) -> &'static str {
        "<Draft, not signed>"
    }
}

impl Draft {
    pub(crate) fn of(draft: streams_core::Draft) -> Self {
        Self(draft)
    }

    pub(crate) fn draft(&self) -> streams_core::Draft {
        self.0.clone()
    }
}

/// What every draft may have.
pub(crate) fn fill(
    mut draft: streams_core::Draft,
    data: Option<&Bound<'_, PyAny>>,
    policies: Vec<AnyRule>,
    timestamp: Option<Time>,
    next: Option<Buffer>,
) -> PyResult<streams_core::Draft> {
    if let Some(data) = data {
        draft = draft.data(value::map(data)?);
    }
    if let Some(timestamp) = timestamp {
        draft = draft.timestamp(timestamp.0);
    }
    if let Some(next) = next {
        draft = draft.next(next.array("next")?);
    }
    Ok(draft.policies(policies))
}
