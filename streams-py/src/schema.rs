//! Definitions (spec 13): what objects a stream may have, and which fields they have.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use streams_core::schema::definition::Definition as Defined;
use streams_core::schema::generate::Language;
use streams_core::stream::define::Hold;
use streams_py_guarded::guarded;

use crate::error::{Raise, raised};
use crate::object::quoted;
use crate::value;

/// A text of the definition language: the objects of streams, and their fields. Spec 13.
///
/// `str(definition)` is its one form, with its comments.
///
/// Raises:
///     DefinitionError: something is wrong with the text. The message has a line for each fault; `details` tells `line` and
///         `column` of the first.
///
/// >>> text = "stream example.org/list { root object Created { } event Added { text string } }"
/// >>> definition = Definition(text)
/// >>> definition.check("example.org/list.Added", {"text": "milk"})
/// >>> definition.check("example.org/list.Added", {})
/// Traceback (most recent call last):
/// streams_core.errors.UnlikeError: text is missing, which must be there
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Definition(pub(crate) Arc<Defined>);

#[guarded]
#[pymethods]
impl Definition {
    #[new]
    #[pyo3(signature = (text: "str"))]
    fn new(py: Python<'_>, text: &str) -> PyResult<Self> {
        let defined = py.detach(|| Defined::parse(text)).map_err(|faults| {
            let (line, column) = faults.places().next().expect("at least one fault");
            Raise::from(&faults).with("line", line).with("column", column)
        })?;
        Ok(Self(Arc::new(defined)))
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("text",)
    }

    /// The definition in its one form.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// Whether the content of an object of a type is as it is defined, with all that is below it. What stands redacted is
    /// taken for what it should be.
    ///
    /// Raises:
    ///     UnlikeError: it is not; the message says what is missing, too many, or of another hint.
    ///     MisfitError: it is no content of any object.
    #[pyo3(signature = (r#type: "str", data: "DataLike") -> "None")]
    fn check(&self, r#type: &str, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.fits(r#type, &value::map(data)?).map_err(raised)
    }

    /// What a later definition has otherwise: for each difference a sentence, and whether what was written still holds.
    ///
    /// >>> old, new = Definition("object a/b.C { }"), Definition("object a/b.C { optional text string }")
    /// >>> old.differences(new)
    /// [('a/b.C may have text now', True)]
    #[pyo3(signature = (later: "Definition") -> "list[tuple[str, bool]]")]
    fn differences(&self, later: &Self) -> Vec<(String, bool)> {
        let differences = self.0.differences(&later.0);
        differences.iter().map(|difference| (difference.to_string(), difference.is_compatible())).collect()
    }

    /// The types of the definition in a programming language, as one file.
    ///
    /// Raises:
    ///     DefinitionError: two names would be one in that language.
    ///
    /// >>> print(Definition("object example.org/tag.Tag { label string }").generate("python"))
    /// """Written by `streams ndl gen`: change the definition instead."""
    /// <BLANKLINE>
    /// from __future__ import annotations
    /// <BLANKLINE>
    /// from dataclasses import dataclass
    /// <BLANKLINE>
    /// <BLANKLINE>
    /// @dataclass(frozen=True, kw_only=True)
    /// class Tag:
    ///     """`example.org/tag.Tag`."""
    /// <BLANKLINE>
    ///     TYPE = "example.org/tag.Tag"
    /// <BLANKLINE>
    ///     label: str
    /// <BLANKLINE>
    #[pyo3(signature = (language: "Literal['python', 'rust', 'typescript']") -> "str")]
    fn generate(&self, language: &str) -> PyResult<String> {
        let language = match language {
            "python" => Language::Python,
            "rust" => Language::Rust,
            "typescript" => Language::TypeScript,
            other => {
                let message = format!("no types are made of {other}: say 'python', 'rust' or 'typescript'");
                return Err(pyo3::exceptions::PyValueError::new_err(message));
            }
        };
        self.0.generate(language).map_err(raised)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Definition({})", quoted(py, &self.0.to_string())?))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        PyString::new(py, &self.0.to_string()).hash()
    }

    #[pyo3(signature = () -> "tuple[type[Definition], tuple[str]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), PyTuple::new(py, [self.0.to_string()])?))
    }
}

/// Whose objects a node holds to its definition.
pub(crate) fn hold(word: &str) -> PyResult<Hold> {
    match word {
        "own" => Ok(Hold::Own),
        "all" => Ok(Hold::All),
        other => {
            let message =
                format!("a node holds 'own' objects to its definition, or 'all' that arrive, and not {other:?}");
            Err(pyo3::exceptions::PyValueError::new_err(message))
        }
    }
}
