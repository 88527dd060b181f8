//! Rules, and the decision by a set of them (spec 8.1, 8.2).

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use streams_core::{Access, Effect, Map, RuleError};
use streams_py_guarded::guarded;

use crate::error::raised;
use crate::id::{hash, kind};
use crate::key::VerifyingKey;
use crate::value;

/// Text of a rule: a text, or a key.
pub(crate) struct Name(String);

impl<'a, 'py> FromPyObject<'a, 'py> for Name {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(key) = given.cast::<VerifyingKey>() {
            return Ok(Self(key.get().0.to_string()));
        }
        match given.cast::<PyString>() {
            Ok(text) => Ok(Self(text.to_cow()?.into_owned())),
            Err(_) => Err(PyTypeError::new_err(format!("text or a VerifyingKey is wanted, not {}", kind(&given)))),
        }
    }
}

fn names(names: Option<Vec<Name>>) -> Option<Vec<String>> {
    names.map(|names| names.into_iter().map(|name| name.0).collect())
}

/// A rule of a policy: whom it concerns, what they do, with which types, and whether that is allowed or denied.
///
/// A list that is None matches everything, and so does one that holds `*`. Resources are types, or beginnings of types
/// that end in `*`. Spec 8.1.
///
/// Raises:
///     RuleError: the effect is unknown. The other rules of spec 8.1 are checked by `check`, and where the rule is
///         written.
///
/// >>> bob = SigningKey.generate().verifying_key
/// >>> Rule.invite(bob) == Rule("allow", actions=["append", "read"], subjects=[bob])
/// True
/// >>> Rule.allow(["append"], resources=["example.org/list.*"])
/// Rule('allow', actions=['append'], resources=['example.org/list.*'])
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(Clone, PartialEq)]
pub(crate) struct Rule(pub(crate) streams_core::Rule);

#[guarded]
#[pymethods]
impl Rule {
    #[new]
    #[pyo3(signature = (
        effect: "Effect", *, actions: "Sequence[str] | None" = None,
        subjects: "Sequence[VerifyingKey | str] | None" = None, resources: "Sequence[str] | None" = None
    ))]
    fn new(
        effect: &str,
        actions: Option<Vec<String>>,
        subjects: Option<Vec<Name>>,
        resources: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let effect = Effect::from_name(effect).ok_or(RuleError::Effect).map_err(raised)?;
        Ok(Self(streams_core::Rule { subjects: names(subjects), resources, actions, effect }))
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("effect", "actions", "subjects", "resources")
    }

    /// Allows these actions: `read`, `append`, `govern`, `checkpoint`.
    #[staticmethod]
    #[pyo3(signature = (
        actions: "Sequence[str]", *, subjects: "Sequence[VerifyingKey | str] | None" = None,
        resources: "Sequence[str] | None" = None
    ) -> "Rule")]
    fn allow(actions: Vec<String>, subjects: Option<Vec<Name>>, resources: Option<Vec<String>>) -> PyResult<Self> {
        Self::new("allow", Some(actions), subjects, resources)
    }

    /// Denies these actions, or all.
    #[staticmethod]
    #[pyo3(signature = (
        actions: "Sequence[str] | None" = None, *, subjects: "Sequence[VerifyingKey | str] | None" = None,
        resources: "Sequence[str] | None" = None
    ) -> "Rule")]
    fn deny(
        actions: Option<Vec<String>>,
        subjects: Option<Vec<Name>>,
        resources: Option<Vec<String>>,
    ) -> PyResult<Self> {
        Self::new("deny", actions, subjects, resources)
    }

    /// Everyone may append, and read.
    #[staticmethod]
    #[pyo3(signature = () -> "Rule")]
    fn open_to_all() -> Self {
        Self(streams_core::Rule::open_to_all())
    }

    /// This author may append, and read.
    #[staticmethod]
    #[pyo3(signature = (author: "VerifyingKey") -> "Rule")]
    fn invite(author: &VerifyingKey) -> Self {
        Self(streams_core::Rule::invite(&author.0))
    }

    /// This author may do nothing more; what others knew of when they wrote stays.
    #[staticmethod]
    #[pyo3(signature = (author: "VerifyingKey") -> "Rule")]
    fn remove(author: &VerifyingKey) -> Self {
        Self(streams_core::Rule::remove(&author.0))
    }

    /// This author may write rules, too.
    #[staticmethod]
    #[pyo3(signature = (author: "VerifyingKey") -> "Rule")]
    fn moderator(author: &VerifyingKey) -> Self {
        Self(streams_core::Rule::moderator(&author.0))
    }

    /// These authors may read. A stream whose root has no rules lets everyone read, until its author withdraws the root.
    #[staticmethod]
    #[pyo3(signature = (authors: "Sequence[VerifyingKey]") -> "Rule")]
    fn readers(authors: Vec<PyRef<'_, VerifyingKey>>) -> Self {
        Self(streams_core::Rule::readers(authors.iter().map(|author| &author.0)))
    }

    /// `allow` or `deny`.
    #[getter]
    fn effect(&self) -> &'static str {
        self.0.effect.name()
    }

    /// The actions; None is every action.
    #[getter]
    fn actions(&self) -> Option<Vec<String>> {
        self.0.actions.clone()
    }

    /// The keys, as text; None is everyone.
    #[getter]
    fn subjects(&self) -> Option<Vec<String>> {
        self.0.subjects.clone()
    }

    /// The types, or beginnings of types that end in `*`; None is every type.
    #[getter]
    fn resources(&self) -> Option<Vec<String>> {
        self.0.resources.clone()
    }

    /// Checks that the rule is well formed; `checkpoint` stands in the policies of a root only. Spec 8.1.
    ///
    /// Raises:
    ///     RuleError: it is not; `code` tells why.
    #[pyo3(signature = (*, in_root: "bool" = false) -> "None")]
    fn check(&self, in_root: bool) -> PyResult<()> {
        self.0.check(in_root).map_err(raised)
    }

    fn __hash__(&self) -> u64 {
        let rule = &self.0;
        hash((&rule.subjects, &rule.resources, &rule.actions, rule.effect))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!("Rule('{}'", self.0.effect.name());
        for (name, list) in
            [("actions", &self.0.actions), ("subjects", &self.0.subjects), ("resources", &self.0.resources)]
        {
            if let Some(list) = list {
                text.push_str(&format!(", {name}={}", list.into_pyobject(py)?.repr()?));
            }
        }
        Ok(text + ")")
    }

    #[pyo3(signature = () -> "tuple[Callable[..., Rule], tuple[Any, ...]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let rule = (self.effect()?, self.actions()?, self.subjects()?, self.resources()?).into_pyobject(py)?;
        Ok((py.import("streams_core._typed")?.getattr("rule")?, rule))
    }
}

/// A rule that was given, or the dict that it is in an object.
pub(crate) struct AnyRule(Map);

impl<'a, 'py> FromPyObject<'a, 'py> for AnyRule {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match given.cast::<Rule>() {
            Ok(rule) => Ok(Self(rule.get().0.clone().into())),
            Err(_) => value::map(&given).map(Self),
        }
    }
}

impl From<AnyRule> for Map {
    fn from(rule: AnyRule) -> Self {
        rule.0
    }
}

/// What pickling takes a decision apart into.
type Reduced<'py> = (Bound<'py, PyType>, (&'static str, Option<usize>));

/// The decision on an access.
///
/// >>> decide([Rule.allow(["read"])], "alice", "read", "list.Added")
/// Decision('allowed', 0)
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Decision(streams_core::Decision);

#[guarded]
#[pymethods]
impl Decision {
    #[new]
    #[pyo3(signature = (code: "Literal['allowed', 'denied', 'no-rule']", rule: "int | None" = None))]
    fn new(code: &str, rule: Option<usize>) -> PyResult<Self> {
        use streams_core::Decision::{Allowed, Denied, NoRule};
        match (code, rule) {
            ("allowed", Some(rule)) => Ok(Self(Allowed(rule))),
            ("denied", Some(rule)) => Ok(Self(Denied(rule))),
            ("no-rule", None) => Ok(Self(NoRule)),
            _ => {
                let message = "a decision is 'allowed' or 'denied' with the place of the rule, or 'no-rule' without";
                Err(pyo3::exceptions::PyValueError::new_err(message))
            }
        }
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str) {
        ("code", "rule")
    }

    /// `allowed`, `denied` or `no-rule`.
    #[getter]
    fn code(&self) -> &'static str {
        match self.0 {
            streams_core::Decision::Allowed(_) => "allowed",
            streams_core::Decision::Denied(_) => "denied",
            streams_core::Decision::NoRule => "no-rule",
        }
    }

    /// The place of the rule that decides, from 0: the first of several.
    #[getter]
    fn rule(&self) -> Option<usize> {
        match self.0 {
            streams_core::Decision::Allowed(rule) | streams_core::Decision::Denied(rule) => Some(rule),
            streams_core::Decision::NoRule => None,
        }
    }

    /// Whether the access is allowed.
    #[getter]
    fn is_allowed(&self) -> bool {
        self.0.is_allowed()
    }

    fn __bool__(&self) -> bool {
        self.0.is_allowed()
    }

    fn __hash__(&self) -> PyResult<u64> {
        Ok(hash((self.code()?, self.rule()?)))
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(match self.rule()? {
            Some(rule) => format!("Decision('{}', {rule})", self.code()?),
            None => "Decision('no-rule')".into(),
        })
    }

    #[pyo3(signature = () -> "tuple[type[Decision], tuple[str, int | None]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Reduced<'py>> {
        Ok((py.get_type::<Self>(), (self.code()?, self.rule()?)))
    }
}

/// Decides an access by a set of rules: denied if a deny rule matches, else allowed if an allow rule matches, else
/// denied. Texts are compared as they stand. O(rules × their lists). Spec 8.2.
///
/// >>> rules = [Rule.allow(["read"]), Rule.deny(subjects=["mallory"])]
/// >>> decide(rules, "alice", "read", "list.Added").is_allowed, decide(rules, "mallory", "read", "list.Added").code
/// (True, 'denied')
#[guarded]
#[pyfunction]
#[pyo3(signature = (
    rules: "Sequence[Rule]", subject: "VerifyingKey | str", action: "str", resource: "str"
) -> "Decision")]
pub(crate) fn decide(rules: Vec<PyRef<'_, Rule>>, subject: Name, action: &str, resource: &str) -> Decision {
    let access = Access { subject: &subject.0, action, resource };
    Decision(streams_core::decide(rules.iter().map(|rule| &rule.0), access))
}
