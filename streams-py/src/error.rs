//! Errors: each becomes an exception of the class that the core's table of codes names.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};
use streams_core::codes::{Class, Coded, Kind};
use streams_py_guarded::guarded;

/// The classes, in the order of the table.
static CLASSES: PyOnceLock<Vec<Option<Py<PyType>>>> = PyOnceLock::new();

/// An exception in the making.
#[derive(Clone)]
pub(crate) struct Raise {
    class: Class,
    code: &'static str,
    message: String,
    details: Vec<(&'static str, String)>,
}

impl Raise {
    /// What a row of the table says.
    pub(crate) fn row(class: Class, code: &'static str) -> Self {
        let sentence = class.sentence(code).unwrap_or(code);
        Self::new(class, code, sentence.to_owned())
    }

    /// In other words than the table's.
    pub(crate) fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into(), details: Vec::new() }
    }

    /// With something that a program may want to know.
    pub(crate) fn with(mut self, name: &'static str, detail: impl ToString) -> Self {
        self.details.push((name, detail.to_string()));
        self
    }

    /// At a place of what was given, as `items[2].name`.
    pub(crate) fn at(mut self, path: String) -> Self {
        self.message = format!("`{path}`: {}", self.message);
        self.with("path", path)
    }

    /// Whether an exception is our own mistake.
    pub(crate) fn is_internal(py: Python<'_>, error: &PyErr) -> bool {
        class(py, Class::Internal).is_ok_and(|class| error.is_instance(py, class))
    }

    /// Whether it is of this class.
    pub(crate) fn is(&self, class: Class) -> bool {
        self.class == class
    }

    /// The exception.
    pub(crate) fn exception(self, py: Python<'_>) -> PyErr {
        match self.instance(py) {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    }

    /// The exception as a value.
    pub(crate) fn instance(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let details = PyDict::new(py);
        for (name, detail) in &self.details {
            details.set_item(name, detail)?;
        }
        class(py, self.class)?.call1((self.message, self.code, details))
    }
}

impl<E: Coded + Display> From<&E> for Raise {
    fn from(error: &E) -> Self {
        Self::new(error.class(), error.code(), error.to_string())
    }
}

impl From<Raise> for PyErr {
    fn from(raise: Raise) -> Self {
        Python::attach(|py| raise.exception(py))
    }
}

/// The exception for an error of the core. Where something of Python raised it, that is its cause.
pub(crate) fn raised<E: Coded + Error>(error: E) -> PyErr {
    let mut source = error.source();
    while let Some(cause) = source {
        let shared = cause.downcast_ref::<Arc<dyn Error + Send + Sync>>();
        let of_python = shared.and_then(|cause| cause.downcast_ref::<PyErr>()).or_else(|| cause.downcast_ref());
        if let Some(cause) = of_python {
            return Python::attach(|py| {
                let raised = Raise::from(&error).exception(py);
                raised.set_cause(py, Some(cause.clone_ref(py)));
                raised
            });
        }
        source = cause.source();
    }
    Raise::from(&error).into()
}

/// The class of exceptions for a class of the table.
fn class<'py>(py: Python<'py>, class: Class) -> PyResult<&'py Bound<'py, PyType>> {
    let classes = CLASSES.get_or_try_init(py, || {
        let module = py.import("streams_core.errors")?;
        let import = |class: &Class| match class.kind() {
            Kind::Told => Ok(None),
            _ => Ok::<_, PyErr>(Some(module.getattr(class.name())?.cast_into::<PyType>()?.unbind())),
        };
        Class::ALL.iter().map(import).collect::<PyResult<Vec<_>>>()
    })?;
    let found = classes[class as usize].as_ref().map(|class| class.bind(py));
    found.ok_or_else(|| PyRuntimeError::new_err(format!("{} is told, and never raised", class.name())))
}

/// A row: the class, its parent, its kind, what it is, the code and its sentence.
type Row = (&'static str, Option<&'static str>, String, &'static str, &'static str, &'static str);

/// The table of codes, as rows of class, parent, kind, what the class is, code and sentence.
#[guarded]
#[pyfunction]
#[pyo3(signature = () -> "list[tuple[str, str | None, str, str, str, str]]")]
pub(crate) fn codes() -> Vec<Row> {
    let rows = Class::ALL.iter().flat_map(|class| class.rows());
    rows.map(|row| {
        let (class, parent) = (row.class.name(), row.class.parent().map(Class::name));
        let (kind, about) = (format!("{:?}", row.class.kind()).to_lowercase(), row.class.about().trim());
        (class, parent, kind, about, row.code, row.sentence)
    })
    .collect()
}
