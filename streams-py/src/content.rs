//! What an object says to its stream (spec 4.1, 8.1), and its place among those of its generation (spec 9.1).

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use streams_core::{Content as Said, Ties};
use streams_py_guarded::guarded;

use crate::error::raised;
use crate::id::{AnId, ObjectId, ids};
use crate::key::AnAuthor;
use crate::object::Authentic;
use crate::policy::Rule;

/// An object by what it does to its stream: `Authentic.content`.
///
/// `kind` is `application`, `policy`, `redact`, `checkpoint`, `adopt` or `subscription`. What a kind has not is empty, or
/// None.
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Content(Said);

#[guarded]
#[pymethods]
impl Content {
    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("kind",)
    }

    /// What the object does.
    #[getter]
    fn kind(&self) -> &'static str {
        match self.0 {
            Said::Application { .. } => "application",
            Said::Policy { .. } => "policy",
            Said::Redact { .. } => "redact",
            Said::Checkpoint { .. } => "checkpoint",
            Said::Adopt { .. } => "adopt",
            Said::Subscription { .. } => "subscription",
        }
    }

    /// The rules of a root, or those that a policy object adds.
    #[getter]
    fn rules(&self) -> Vec<Rule> {
        match &self.0 {
            Said::Application { rules } | Said::Policy { rules, .. } => rules.iter().cloned().map(Rule).collect(),
            _ => Vec::new(),
        }
    }

    /// The policy objects that are withdrawn, the maps that are removed, or the objects that are adopted.
    #[getter]
    fn ids(&self) -> Vec<ObjectId> {
        match &self.0 {
            Said::Policy { withdraws: named, .. } | Said::Redact { maps: named } | Said::Adopt { objects: named } => {
                ids(named.iter().copied())
            }
            _ => Vec::new(),
        }
    }

    /// How many objects a checkpoint counts.
    #[getter]
    fn count(&self) -> Option<u64> {
        if let Said::Checkpoint { count, .. } = self.0 { Some(count) } else { None }
    }

    /// The digest of the order that a checkpoint makes final.
    #[getter]
    fn order<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        if let Said::Checkpoint { order, .. } = &self.0 { Some(PyBytes::new(py, order)) } else { None }
    }

    /// Until when a subscription is, in milliseconds since 1970 UTC.
    #[getter]
    fn expires(&self) -> Option<u64> {
        if let Said::Subscription { expires } = self.0 { expires } else { None }
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("<Content: {}, {} rules, {} ids>", self.kind()?, self.rules()?.len(), self.ids()?.len()))
    }
}

#[guarded]
#[pymethods]
impl Authentic {
    /// What the object says to its stream: its rules, and the data of `streams/` types.
    ///
    /// Raises:
    ///     RefusedError, RuleError: these are not well formed (spec 14.5).
    ///
    /// >>> root = Draft.root("example.org/list", policies=[Rule.open_to_all()]).sign(SigningKey.generate())
    /// >>> root.content.kind, root.content.rules
    /// ('application', [Rule('allow', actions=['append', 'read'])])
    #[getter]
    fn content(&self) -> PyResult<Content> {
        Said::read(&self.0).map(Content).map_err(raised)
    }
}

/// The tie of an author's objects of a generation, 32 bytes: by it the order tells what is of one generation apart. Spec
/// 9.1.
///
/// >>> alice = SigningKey.generate()
/// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
/// >>> stream.tie(stream.id) == tie(stream.id, 0, alice.verifying_key)
/// True
#[guarded]
#[pyfunction]
#[pyo3(signature = (stream: "ObjectId | str", generation: "int", author: "VerifyingKey | str") -> "bytes")]
pub(crate) fn tie<'py>(py: Python<'py>, stream: AnId, generation: u64, author: AnAuthor) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &Ties::new(stream.0).tie(generation, &author.0))
}
