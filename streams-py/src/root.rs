//! Hypothetical roots (spec 5): a stream that can be found by anyone who knows its type and its author.

use pyo3::prelude::*;
use pyo3::types::PyType;
use streams_py_guarded::guarded;

use crate::error::raised;
use crate::id::{ObjectId, hash};
use crate::key::{AnAuthor, VerifyingKey};
use crate::object::{Authentic, quoted};

/// The root of the one stream that has this type and this author, computed by anyone. Spec 5.
///
/// Raises:
///     RefusedError: the type is none that a root may have.
///
/// >>> alice = SigningKey.generate().verifying_key
/// >>> HypotheticalRoot("example.org/profile", alice).id == HypotheticalRoot("example.org/profile", alice).id
/// True
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct HypotheticalRoot(pub(crate) streams_core::HypotheticalRoot);

#[guarded]
#[pymethods]
impl HypotheticalRoot {
    #[new]
    #[pyo3(signature = (r#type: "str", author: "VerifyingKey | str"))]
    fn new(r#type: &str, author: AnAuthor) -> PyResult<Self> {
        streams_core::HypotheticalRoot::new(r#type, author.0).map(Self).map_err(raised)
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("type", "author")
    }

    /// The id of the stream.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.0.id())
    }

    /// The type.
    #[getter]
    fn r#type(&self) -> &str {
        self.0.authentic().header().r#type()
    }

    /// The author.
    #[getter]
    fn author(&self) -> VerifyingKey {
        VerifyingKey(self.0.authentic().header().author())
    }

    /// The root as an object. It is never signed.
    #[getter]
    fn authentic<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Authentic>> {
        Authentic::wrap(py, self.0.authentic().clone())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0.id() == self.0.id())
    }

    fn __hash__(&self) -> u64 {
        hash(self.0.id())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("HypotheticalRoot({}, {})", quoted(py, self.r#type()?)?, quoted(py, &self.author()?.0.to_string())?))
    }

    #[pyo3(signature = () -> "tuple[type[HypotheticalRoot], tuple[str, VerifyingKey]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, (String, VerifyingKey))> {
        Ok((py.get_type::<Self>(), (self.r#type()?.to_owned(), self.author()?)))
    }
}
