//! Archivers: where packs are kept for long, in a folder, or by a class of Python.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pyo3::exceptions::{PyAssertionError, PyException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use streams_core::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, Failure, FailureKind, Gone, Held, Price, Recovery, Request,
    Status, SubmissionKey, Ticket,
};
use streams_object_store::ObjectStoreArchiver;
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::call::{Module, caught, leave, start_runtime, unwound};
use crate::error::raised;
use crate::id::ObjectId;

/// How many bytes of a pack are read at once.
const PIECE: usize = 1 << 20;

/// An archiver in a folder of this machine: a pack is the file `STREAM/PACK-KEY.car` in it, and nothing else is needed
/// to restore.
///
/// Raises:
///     ArchiverError: the folder cannot be used.
#[pyclass(module = "streams_core.keep", frozen)]
pub(crate) struct FolderArchiver {
    archiver: Arc<ObjectStoreArchiver>,
    path: PathBuf,
}

#[guarded]
#[pymethods]
impl FolderArchiver {
    #[new]
    #[pyo3(signature = (path: "str | PathLike[str]"))]
    fn new(path: PathBuf) -> PyResult<Self> {
        start_runtime()?;
        let archiver = ObjectStoreArchiver::folder(&path).map_err(raised)?;
        Ok(Self { archiver: Arc::new(archiver), path })
    }

    /// Its name, which stands in receipts.
    #[getter]
    fn id(&self) -> String {
        self.archiver.id().to_owned()
    }

    /// The folder.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn __repr__(&self) -> String {
        format!("<FolderArchiver at {}>", self.path.display())
    }
}

/// The archiver of the core that an archiver of Python is.
pub(crate) fn opened(archiver: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Archiver>> {
    if let Ok(folder) = archiver.cast::<FolderArchiver>() {
        return Ok(folder.get().archiver.clone());
    }
    if archiver.is_instance(&archiver.py().import("streams_core.keep")?.getattr("Archiver")?)? {
        return Ok(Arc::new(PythonArchiver::new(archiver)?));
    }
    let message = format!(
        "a {} is no archiver: give a FolderArchiver, or an instance of a subclass of streams_core.keep.Archiver",
        crate::id::kind(archiver)
    );
    Err(PyTypeError::new_err(message))
}

/// An archiver of Python. Its methods are called with the interpreter's lock, by whichever thread needs them.
struct PythonArchiver {
    archiver: Py<PyAny>,
    id: String,
    capabilities: Capabilities,
}

impl fmt::Debug for PythonArchiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PythonArchiver").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PythonArchiver {
    fn new(archiver: &Bound<'_, PyAny>) -> PyResult<Self> {
        let id: String = archiver.getattr("id")?.extract()?;
        if !(1..=256).contains(&id.len()) {
            return Err(PyValueError::new_err("the id of an archiver is its name, of 1 to 256 bytes"));
        }
        let told = archiver.getattr("capabilities")?;
        let number = |name: &str| told.getattr(name)?.extract::<u64>();
        let is = |name: &str| told.getattr(name)?.extract::<bool>();
        let recovery = match told.getattr("recovery")?.extract::<String>()?.as_str() {
            "repeat" => Recovery::Repeat,
            "find" => Recovery::Find,
            "neither" => Recovery::Neither,
            other => {
                let message = format!("'{other}' is no recovery: it is repeat, find or neither");
                return Err(PyValueError::new_err(message));
            }
        };
        let capabilities = Capabilities {
            unit: number("least")?..=number("most")?,
            copies: told.getattr("copies")?.extract()?,
            typical: number("typical")?,
            recovery,
            priced: is("priced")?,
            fetches: is("fetches")?,
            public: is("public")?,
            releases: false,
        };
        Ok(Self { archiver: archiver.clone().unbind(), id, capabilities })
    }

    /// Calls a method, and reads its answer.
    fn call<T>(
        &self,
        method: &str,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
        read: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>,
    ) -> Result<T, ArchiverError> {
        Python::attach(|py| {
            let answer = self.archiver.bind(py).getattr(method).and_then(|method| method.call1(arguments(py)?));
            answer.and_then(|answer| read(&answer)).map_err(|error| failed(py, method, error))
        })
    }
}

/// What a method raised, as an error of the archiver. What is no error, as Ctrl-C, goes on as it is.
fn failed(py: Python<'_>, method: &str, error: PyErr) -> ArchiverError {
    if !error.is_instance_of::<PyException>(py) {
        leave(error);
    }
    let class = py.import("streams_core.errors").and_then(|errors| errors.getattr("ArchiverError"));
    let is_ours = class.and_then(|class| error.value(py).is_instance(&class)).unwrap_or(false);
    if !is_ours {
        let message = format!("`{method}` of the archiver raised {error}");
        return ArchiverError::new(FailureKind::Other, message).because(error);
    }
    let failure = read_failure(error.value(py)).unwrap_or_else(|error| leave(error));
    let told = ArchiverError::new(failure.kind, failure.message);
    failure.after.map_or(told.clone(), |after| told.after(after)).because(error)
}

/// An `ArchiverError` as it is told: its code, its sentence, and among its details when to come again.
fn read_failure(error: &Bound<'_, PyAny>) -> PyResult<Failure> {
    let code: String = error.getattr("code")?.extract()?;
    let kind = FailureKind::from_code(&code).unwrap_or(FailureKind::Other);
    let after = error.getattr("details")?.call_method1("get", ("after",))?;
    let after = if after.is_none() { None } else { after.str()?.to_str()?.parse().ok() };
    Ok(Failure { after, ..Failure::new(kind, error.str()?.to_string()) })
}

/// What archivers are asked, and what keepers tell.
pub(crate) static KEEP: Module = Module::of("streams_core.keep");

fn request<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyAny>> {
    let pack = &request.pack;
    let digest = PyBytes::new(py, &pack.digest);
    let renews = request.renews.as_ref().map(Ticket::as_str);
    KEEP.instance(py, "Request", (ObjectId(pack.stream), ObjectId(pack.id), digest, pack.size, request.copies, renews))
}

fn ticket(given: &Bound<'_, PyAny>) -> PyResult<Ticket> {
    Ticket::new(given.extract::<String>()?).map_err(raised)
}

fn optional<T>(given: &Bound<'_, PyAny>, read: impl Fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Option<T>> {
    if given.is_none() { Ok(None) } else { read(given).map(Some) }
}

fn read_status(given: &Bound<'_, PyAny>) -> PyResult<Status> {
    match given.get_type().name()?.to_str()? {
        "Pending" => Ok(Status::Pending { phase: given.getattr("phase")?.extract()? }),
        "Active" => {
            let copy = |copy: Bound<'_, PyAny>| {
                Ok(Copy { at: copy.getattr("at")?.extract()?, evidence: copy.getattr("evidence")?.extract()? })
            };
            let copies = given.getattr("copies")?.try_iter()?.map(|given| copy(given?)).collect::<PyResult<_>>()?;
            let (until, failures) = (given.getattr("until")?.extract()?, given.getattr("failures")?.extract()?);
            Ok(Status::Active(Held { copies, until, failures }))
        }
        "Failed" => Ok(Status::Failed(read_failure(&given.getattr("error")?)?)),
        "Gone" => match given.getattr("why")?.extract::<String>()?.as_str() {
            "expired" => Ok(Status::Gone(Gone::Expired)),
            "lost" => Ok(Status::Gone(Gone::Lost)),
            "damaged" => Ok(Status::Gone(Gone::Damaged)),
            other => Err(PyValueError::new_err(format!("'{other}' is none: what is gone is expired, lost or damaged"))),
        },
        "Unknown" => Ok(Status::Unknown),
        other => {
            let message = format!("a status is Pending, Active, Failed, Gone or Unknown, not {other}");
            Err(PyTypeError::new_err(message))
        }
    }
}

/// A file of Python for the bytes of a pack, closed when nobody needs it any more.
struct Spooled(Py<PyAny>);

impl Spooled {
    fn write(&self, bytes: &[u8]) -> PyResult<()> {
        Python::attach(|py| self.0.call_method1(py, "write", (PyBytes::new(py, bytes),)).map(drop))
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        Python::try_attach(|py| self.0.call_method0(py, "close").map(drop));
    }
}

#[async_trait]
impl Archiver for PythonArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let failed = |error| Python::attach(|py| self::failed(py, "submit", error));
        let file = Python::attach(|py| py.import("tempfile")?.call_method0("TemporaryFile").map(Bound::unbind));
        let file = Spooled(file.map_err(failed)?);
        let (mut at, mut hasher) = (0, blake3::Hasher::new());
        while at < body.size() {
            let piece = body.read(at, PIECE).await?;
            at += piece.len() as u64;
            hasher.update(&piece);
            file.write(&piece).map_err(failed)?;
        }
        if at != request.pack.size || hasher.finalize() != request.pack.digest {
            return Err(ArchiverError::new(FailureKind::Integrity, "the bytes are not those of the pack"));
        }
        self.call(
            "submit",
            |py| {
                file.0.call_method1(py, "seek", (0,))?;
                (PyBytes::new(py, key.as_bytes()), self::request(py, request)?, file.0.bind(py)).into_pyobject(py)
            },
            ticket,
        )
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        self.call("status", |py| (ticket.as_str(),).into_pyobject(py), read_status)
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let bytes = |given: &Bound<'_, PyAny>| Ok(given.extract::<Buffer>()?.as_ref().to_vec());
        self.call("fetch", |py| (ticket.as_str(), at, max).into_pyobject(py), bytes)
    }

    async fn find(&self, key: &SubmissionKey) -> Result<Option<Ticket>, ArchiverError> {
        let found = |given: &Bound<'_, PyAny>| optional(given, ticket);
        self.call("find", |py| (PyBytes::new(py, key.as_bytes()),).into_pyobject(py), found)
    }

    async fn quote(&self, request: &Request) -> Result<Price, ArchiverError> {
        let price = |given: &Bound<'_, PyAny>| {
            Ok(Price { amount: given.getattr("amount")?.extract()?, unit: given.getattr("unit")?.extract()? })
        };
        self.call("quote", |py| (self::request(py, request)?,).into_pyobject(py), price)
    }

    async fn list(&self, after: Option<&Ticket>, limit: usize) -> Result<Vec<(Ticket, u64)>, ArchiverError> {
        let pair = |given: Bound<'_, PyAny>| Ok((ticket(&given.get_item(0)?)?, given.get_item(1)?.extract()?));
        let listed = |given: &Bound<'_, PyAny>| given.try_iter()?.map(|given| pair(given?)).collect();
        self.call("list", |py| (after.map(Ticket::as_str), limit).into_pyobject(py), listed)
    }
}

/// Runs the whole contract of an archiver against one that has nothing of these tests in it.
#[guarded]
#[pyfunction]
#[pyo3(signature = (archiver: "AnyArchiver") -> "None")]
pub(crate) fn conforms_archiver(py: Python<'_>, archiver: &Bound<'_, PyAny>) -> PyResult<()> {
    let (runtime, archiver) = (start_runtime()?, opened(archiver)?);
    let pause = async || tokio::time::sleep(Duration::from_millis(10)).await;
    let run = runtime.spawn(streams_core::conformance::archiver::conforms(archiver, pause));
    let ended = py.detach(|| pollster::block_on(run));
    ended.map_err(|error| match error.try_into_panic() {
        Ok(payload) => unwound(payload).unwrap_or_else(PyAssertionError::new_err),
        Err(error) => caught(Box::new(error.to_string())),
    })
}
