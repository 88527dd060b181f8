//! The contract of a store as tests, for whoever writes one in Python.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;

use crate::call::Raised;
use crate::store::opened;

/// Runs the whole contract of a store against what `make` gives, which is another, empty store each time.
#[pyfunction]
#[pyo3(signature = (make: "Callable[[], AnyStore]") -> "None")]
pub(crate) fn conforms(py: Python<'_>, make: Py<PyAny>) -> PyResult<()> {
    let empty = async || {
        Python::attach(|py| opened(&make.bind(py).call0()?))
            .unwrap_or_else(|error| std::panic::resume_unwind(Box::new(Raised(error))))
    };
    let run = AssertUnwindSafe(|| pollster::block_on(streams_core::conformance::store::conforms(empty)));
    py.detach(|| catch_unwind(run)).map_err(broken)
}

/// What a test that fails says, or what the store raised.
fn broken(payload: Box<dyn Any + Send>) -> PyErr {
    let message = match payload.downcast::<Raised>() {
        Ok(raised) => return raised.0,
        Err(payload) => match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => payload.downcast::<&str>().map_or_else(|_| "unknown".into(), |message| message.to_string()),
        },
    };
    PyAssertionError::new_err(message)
}
