//! Calls into the core: without the interpreter's lock where they take time, open to Ctrl-C where they wait, and without
//! a panic getting out.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use streams_core::codes::Class;
use streams_py_guarded::guarded;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Raise;

/// How often one looks whether somebody pressed Ctrl-C.
const LOOK_UP: Duration = Duration::from_millis(100);

/// An exception that a callable raised, on its way out through the core.
struct Raised(PyErr);

/// Leaves the core with an exception that a callable raised.
pub(crate) fn leave(error: PyErr) -> ! {
    resume_unwind(Box::new(Raised(error)))
}

/// Runs what Python calls: the attribute of this name stands above all of it.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(caught)
}

/// Waits for a future; other threads of Python go on meanwhile, and Ctrl-C ends it.
pub(crate) fn wait<T: Send>(py: Python<'_>, future: impl Future<Output = T> + Send) -> PyResult<T> {
    wait_at_most(py, None, future).map(|answer| answer.expect("no time was set"))
}

/// Waits for a future, or for so long; `None` where the time was over.
pub(crate) fn wait_at_most<T: Send>(
    py: Python<'_>,
    time: Option<Duration>,
    future: impl Future<Output = T> + Send,
) -> PyResult<Option<T>> {
    py.detach(|| guarded(|| drive(time, future)))?
}

/// What a panic left behind: the exception of a callable goes on, and everything else is a mistake of ours.
pub(crate) fn caught(payload: Box<dyn Any + Send>) -> PyErr {
    unwound(payload).unwrap_or_else(|said| Raise::row(Class::Internal, "panic").with("panic", said).into())
}

/// The exception that a callable raised, or what a panic said.
pub(crate) fn unwound(payload: Box<dyn Any + Send>) -> Result<PyErr, String> {
    let payload = match payload.downcast::<Raised>() {
        Ok(raised) => return Ok(raised.0),
        Err(payload) => payload,
    };
    let said = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    Err(said.unwrap_or("unknown").to_owned())
}

/// A module of Python whose classes have instances that are made here.
pub(crate) struct Module(&'static str, PyOnceLock<Py<PyModule>>);

impl Module {
    pub(crate) const fn of(name: &'static str) -> Self {
        Self(name, PyOnceLock::new())
    }

    /// An instance of one of its classes.
    pub(crate) fn instance<'py>(
        &self,
        py: Python<'py>,
        class: &str,
        fields: impl IntoPyObject<'py, Target = PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = self.1.get_or_try_init(py, || py.import(self.0).map(Bound::unbind))?;
        let fields = fields.into_pyobject(py).map_err(Into::into)?.into_bound();
        module.bind(py).getattr(class)?.call1(fields)
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn drive<T>(time: Option<Duration>, future: impl Future<Output = T>) -> PyResult<Option<T>> {
    let until = time.map(|time| Instant::now() + time);
    let runtime = runtime();
    let _entered = runtime.as_ref().map(Handle::enter);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let mut looked_up = Instant::now();
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return Ok(Some(answer));
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(None);
        }
        thread::park_timeout(left.map_or(LOOK_UP, |left| left.min(LOOK_UP)));
        if looked_up.elapsed() >= LOOK_UP {
            Python::attach(|py| py.check_signals())?;
            looked_up = Instant::now();
        }
    }
}

/// The runtime for those adapters that need one, and the process that started it.
static RUNTIME: Mutex<Option<(u32, Arc<Runtime>)>> = Mutex::new(None);

/// The runtime, where one was started in this process.
fn runtime() -> Option<Handle> {
    let held = RUNTIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    held.as_ref().filter(|(process, _)| *process == std::process::id()).map(|(_, runtime)| runtime.handle().clone())
}

/// Starts the runtime, where none is there.
pub(crate) fn start_runtime() -> std::io::Result<Handle> {
    let mut held = RUNTIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some((process, runtime)) = held.as_ref()
        && *process == std::process::id()
    {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("streams").enable_all().build()?;
    let handle = runtime.handle().clone();
    // That of a process from which this one was forked has no threads here, and is never dropped.
    std::mem::forget(held.replace((std::process::id(), Arc::new(runtime))));
    Ok(handle)
}

/// Panics in every way that Python may call, for the test that no panic gets out.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct _Panics;

#[guarded]
#[pymethods]
impl _Panics {
    #[new]
    fn new() -> Self {
        Self
    }

    /// Where it is read.
    #[getter]
    fn field(&self) -> u64 {
        panic!("on purpose")
    }

    /// Where it is called.
    #[pyo3(signature = () -> "None")]
    fn method(&self) -> PyResult<()> {
        panic!("on purpose")
    }

    /// Where it is called without an instance, and without the interpreter's lock.
    #[staticmethod]
    #[pyo3(signature = () -> "None")]
    fn detached(py: Python<'_>) {
        py.detach(|| panic!("on purpose"))
    }

    fn __len__(&self) -> usize {
        panic!("on purpose")
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self) -> Option<u64> {
        panic!("on purpose")
    }

    fn __hash__(&self) -> u64 {
        panic!("on purpose")
    }

    fn __repr__(&self) -> &'static str {
        panic!("on purpose")
    }
}

/// The same of a function.
#[guarded]
#[pyfunction]
#[pyo3(signature = () -> "None")]
pub(crate) fn _panic() {
    panic!("on purpose")
}
