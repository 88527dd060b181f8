//! Ids (spec 3.2).

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::LazyLock;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::error::raised;

/// Ids can be mined, so their hashes have a key: that of the process, as for `str`.
static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The hash of a value, for Python.
pub(crate) fn hash(value: impl Hash) -> u64 {
    HASHES.hash_one(value)
}

/// The name of a map, of an object, of a stream (by its root): the BLAKE3-256 digest of its canonical block.
///
/// As text it is a CIDv1 in base32: 59 characters that begin with `bafyr4i`. Ids are equal, hashed and ordered by their
/// 32 bytes. Spec 3.2.
///
/// Raises:
///     IdError: the text is no id, or not in its one spelling.
///
/// >>> id = ObjectId.of_block(b"\xa0")  # the empty map
/// >>> ObjectId(str(id)) == id
/// True
/// >>> len(bytes(id)), len(str(id))
/// (32, 59)
#[pyclass(module = "streams_core", frozen, eq, ord)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId(pub(crate) streams_core::ObjectId);

#[guarded]
#[pymethods]
impl ObjectId {
    #[new]
    #[pyo3(signature = (text: "str"))]
    fn new(text: &str) -> PyResult<Self> {
        text.parse().map(Self).map_err(raised)
    }

    /// What a `match` statement takes apart: `case ObjectId(text)`.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("text",)
    }

    /// The id of the map whose block has these canonical bytes.
    #[staticmethod]
    #[pyo3(signature = (block: "Buffer") -> "ObjectId")]
    fn of_block(block: Buffer) -> Self {
        Self(streams_core::ObjectId::of_block(block.as_ref()))
    }

    /// The id with this digest of 32 bytes.
    ///
    /// Raises:
    ///     LengthError: these are not 32 bytes.
    #[staticmethod]
    #[pyo3(signature = (digest: "Buffer") -> "ObjectId")]
    fn from_bytes(digest: Buffer) -> PyResult<Self> {
        digest.array("a digest").map(|digest| Self(streams_core::ObjectId::from_bytes(digest)))
    }

    /// The text: 59 characters that begin with `bafyr4i`.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// The digest: 32 bytes.
    #[getter]
    fn digest<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    /// The bytes of the CIDv1: four bytes of prefix, and the digest.
    #[getter]
    fn cid<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.cid())
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.digest(py)
    }

    fn __str__(&self) -> PyResult<String> {
        self.text()
    }

    fn __repr__(&self) -> String {
        format!("ObjectId('{}')", self.0)
    }

    fn __hash__(&self) -> u64 {
        hash(self.0)
    }

    #[pyo3(signature = () -> "tuple[type[ObjectId], tuple[str]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), PyTuple::new(py, [self.text()?])?))
    }
}

/// An id that was given, as an id or as its text.
pub(crate) struct AnId(pub(crate) streams_core::ObjectId);

impl<'a, 'py> FromPyObject<'a, 'py> for AnId {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(id) = given.cast::<ObjectId>() {
            return Ok(Self(id.get().0));
        }
        match given.cast::<PyString>() {
            Ok(text) => text.to_cow()?.parse().map(Self).map_err(raised),
            Err(_) => Err(PyTypeError::new_err(format!("an ObjectId or its text is wanted, not {}", kind(&given)))),
        }
    }
}

/// What a value is, in a word.
pub(crate) fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "that".into(), |name| name.to_string())
}

/// Ids as a list of Python.
pub(crate) fn ids(ids: impl IntoIterator<Item = streams_core::ObjectId>) -> Vec<ObjectId> {
    ids.into_iter().map(ObjectId).collect()
}

/// Many ids that were given.
pub(crate) fn given(ids: &[AnId]) -> Vec<streams_core::ObjectId> {
    ids.iter().map(|id| id.0).collect()
}
