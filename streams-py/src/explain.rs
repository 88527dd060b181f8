//! Why an object is effective or void, and what would be (spec 8.9).

use pyo3::prelude::*;
use streams_core::codes::Class;
use streams_core::{Deciding, Set};
use streams_py_guarded::guarded;

use crate::id::{ObjectId, ids};
use crate::ingested::value;

/// Whether an object is effective, or an access allowed, and why. True where it is. Spec 8.9, 14.6.
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Verdict(pub(crate) streams_core::Verdict);

impl Verdict {
    fn deciding(&self) -> Option<Deciding> {
        match self.0 {
            streams_core::Verdict::Allowed(deciding) | streams_core::Verdict::Denied(deciding) => Some(deciding),
            _ => None,
        }
    }
}

#[guarded]
#[pymethods]
impl Verdict {
    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("code", "by")
    }

    /// `owner`, `allowed` or `force`; `denied`, `withdrawn`, `no-rule` or `rank`; and of a checkpoint without force
    /// `holder`, `count` or `order`.
    #[getter]
    fn code(&self) -> &'static str {
        self.0.code()
    }

    /// What the code says.
    #[getter]
    fn sentence(&self) -> PyResult<&'static str> {
        Ok(Class::Verdict.sentence(self.code()?).unwrap_or_default())
    }

    /// Whether the object is effective, or the access allowed.
    #[getter]
    fn is_effective(&self) -> bool {
        self.0.is_effective()
    }

    /// The policy object that decides, or the first withdrawal; None where none does.
    #[getter]
    fn by(&self) -> Option<ObjectId> {
        match self.0 {
            streams_core::Verdict::Withdrawn { by, .. } => Some(ObjectId(by)),
            _ => self.deciding().map(|deciding| ObjectId(deciding.by)),
        }
    }

    /// The place of the rule in the list of the policy object, from 0.
    #[getter]
    fn rule(&self) -> Option<usize> {
        self.deciding().map(|deciding| deciding.rule)
    }

    /// The rank of whoever decides, at the policy object.
    #[getter]
    fn rank(&self) -> Option<u8> {
        match self.0 {
            streams_core::Verdict::Withdrawn { rank, .. } => Some(rank),
            _ => self.deciding().map(|deciding| deciding.rank),
        }
    }

    /// In which of the two sets it is decided: `known` to the author, or `beside`.
    #[getter]
    fn set(&self) -> Option<&'static str> {
        let set = match self.0 {
            streams_core::Verdict::Withdrawn { set, .. } | streams_core::Verdict::NoRule(set) => Some(set),
            _ => self.deciding().map(|deciding| deciding.set),
        };
        set.map(|set| if set == Set::Known { "known" } else { "beside" })
    }

    fn __bool__(&self) -> bool {
        self.0.is_effective()
    }

    fn __repr__(&self) -> PyResult<String> {
        let effect = if self.0.is_effective() { "effective" } else { "void" };
        Ok(match self.by()? {
            Some(by) => format!("<Verdict {}: {effect}, by {}>", self.code()?, by.0),
            None => format!("<Verdict {}: {effect}>", self.code()?),
        })
    }
}

/// What objects would change: `Stream.simulate`.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Simulated(pub(crate) streams_core::Simulated);

#[guarded]
#[pymethods]
impl Simulated {
    /// What would become of each object: `Admitted`, `Known`, `Pending`, or the error by which it is not taken in.
    #[getter]
    fn taken<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.0.taken.iter().map(|answer| value(py, answer)).collect()
    }

    /// Of what is here, in order: effective now, and void then.
    #[getter]
    fn voided(&self) -> Vec<ObjectId> {
        ids(self.0.voided.iter().copied())
    }

    /// Void now, and effective then.
    #[getter]
    fn restored(&self) -> Vec<ObjectId> {
        ids(self.0.restored.iter().copied())
    }

    fn __repr__(&self) -> String {
        format!("<Simulated: {} voided, {} restored>", self.0.voided.len(), self.0.restored.len())
    }
}
