//! The contract of a store as tests, for whoever writes one in Python.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyAssertionError;
use pyo3::prelude::*;
use streams_py_guarded::guarded;

use crate::call::{leave, start_runtime, unwound};
use crate::store::opened;

/// Runs the whole contract of a store against what `make` gives, which is another, empty store each time.
#[guarded]
#[pyfunction]
#[pyo3(signature = (make: "Callable[[], AnyStore]") -> "None")]
pub(crate) fn conforms(py: Python<'_>, make: Py<PyAny>) -> PyResult<()> {
    let runtime = start_runtime()?;
    let empty = async || Python::attach(|py| opened(&make.bind(py).call0()?)).unwrap_or_else(|error| leave(error));
    let run = || {
        let _entered = runtime.enter();
        pollster::block_on(streams_core::conformance::store::conforms(empty))
    };
    let broken = |payload| unwound(payload).unwrap_or_else(PyAssertionError::new_err);
    py.detach(|| catch_unwind(AssertUnwindSafe(run))).map_err(broken)
}
