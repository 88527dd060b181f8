//! Archives (spec 11): a stream in one file that proves itself. `streams_core.archive` opens the files.

use std::io;
use std::sync::{Mutex, MutexGuard};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use streams_core::archive::fault::Fault;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching as CoreVouching;
use streams_core::archive::write::Writer;
use streams_core::archive::{chain, index};
use streams_core::node::archive::Archived as CoreArchived;
use streams_core::{Authenticator, HashKey};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::call::leave;
use crate::error::{Raise, raised};
use crate::id::{AnId, ObjectId, given, hash, ids};
use crate::ingested::Answers;
use crate::key::{SigningKey, VerifyingKey};
use crate::node::Node;
use crate::object::Authentic;
use crate::stream::Stream;

/// What is in an archive. Equal streams have equal manifests. Spec 11.1.
#[pyclass(module = "streams_core.archive", frozen, eq)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Manifest(streams_core::archive::manifest::Manifest);

#[guarded]
#[pymethods]
impl Manifest {
    /// The manifest at the beginning of an archive, of which these are the first bytes: 512 are enough.
    ///
    /// Raises:
    ///     ArchiveError: it is no archive, or one of a newer format.
    #[staticmethod]
    #[pyo3(signature = (beginning: "Buffer") -> "Manifest")]
    fn of_archive(beginning: Buffer) -> PyResult<Self> {
        streams_core::archive::manifest::Manifest::of_archive(beginning.as_ref()).map(Self).map_err(raised)
    }

    /// The manifest of a block.
    ///
    /// Raises:
    ///     ArchiveError: it is none, or one of a newer format.
    #[staticmethod]
    #[pyo3(signature = (block: "Buffer") -> "Manifest")]
    fn decode(block: Buffer) -> PyResult<Self> {
        streams_core::archive::manifest::Manifest::decode(block.as_ref()).map(Self).map_err(raised)
    }

    /// The block.
    #[pyo3(signature = () -> "bytes")]
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.encode())
    }

    /// The id of the block, which names what is archived.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.0.id())
    }

    /// The stream.
    #[getter]
    fn stream(&self) -> ObjectId {
        ObjectId(self.0.stream)
    }

    /// How many objects are in the file.
    #[getter]
    fn count(&self) -> u64 {
        self.0.count
    }

    /// The frontier of the stream as it is with these objects, and with those of the archives before it: 32 bytes.
    #[getter]
    fn frontier<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.frontier)
    }

    /// BLAKE3 over the ids of the objects in the file, in their order: 32 bytes.
    #[getter]
    fn order<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.order)
    }

    /// The manifest of the archive that this one continues.
    #[getter]
    fn previous(&self) -> Option<ObjectId> {
        self.0.previous.map(ObjectId)
    }

    fn __hash__(&self) -> u64 {
        hash(self.0.id())
    }

    fn __repr__(&self) -> String {
        format!("<Manifest of {} objects of {}>", self.0.count, self.0.stream)
    }

    #[pyo3(signature = () -> "tuple[Callable[[Buffer], Manifest], tuple[bytes]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>().getattr("decode")?, PyTuple::new(py, [self.encode(py)?])?))
    }
}

fn manifests(given: &[PyRef<'_, Manifest>]) -> Vec<streams_core::archive::manifest::Manifest> {
    given.iter().map(|manifest| manifest.0).collect()
}

/// In which order to read archives: each behind the one that it continues. The places of those given.
#[guarded]
#[pyfunction]
#[pyo3(signature = (manifests: "Sequence[Manifest]") -> "list[int]")]
pub(crate) fn in_order(manifests: Vec<PyRef<'_, Manifest>>) -> Vec<usize> {
    chain::in_order(&self::manifests(&manifests))
}

/// The archives that are continued by one of these and are not among them, ascending: the ids of their manifests.
#[guarded]
#[pyfunction]
#[pyo3(signature = (manifests: "Sequence[Manifest]") -> "list[ObjectId]")]
pub(crate) fn missing(manifests: Vec<PyRef<'_, Manifest>>) -> Vec<ObjectId> {
    ids(chain::missing(&self::manifests(&manifests)))
}

/// That somebody vouches for an archive: the file that stands beside it, `NAME.vouch`. Who vouched for what it verified
/// itself need not verify it again. Spec 11.1.
///
/// >>> alice, id = SigningKey.generate(), ObjectId.of_block(b"\xa0")
/// >>> vouching = Vouching.verify(Vouching.sign(alice, id, [id]))
/// >>> vouching.author == alice.verifying_key, vouching.archive == id, vouching.seals == [id]
/// (True, True, True)
#[pyclass(module = "streams_core.archive", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Vouching(CoreVouching);

#[guarded]
#[pymethods]
impl Vouching {
    /// Signs what an archive holds: the id of its manifest, and those of its seals, as writing it told. Returns the file.
    #[staticmethod]
    #[pyo3(signature = (key: "SigningKey", archive: "ObjectId | str", seals: "Sequence[ObjectId | str]") -> "bytes")]
    fn sign<'py>(py: Python<'py>, key: &SigningKey, archive: AnId, seals: Vec<AnId>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &CoreVouching::sign(&key.0, &archive.0, &given(&seals)))
    }

    /// The vouching in a file, whose signature is verified.
    ///
    /// Raises:
    ///     ArchiveError: it is none, or damaged, or not signed by whom it names.
    #[staticmethod]
    #[pyo3(signature = (file: "Buffer") -> "Vouching")]
    fn verify(file: Buffer) -> PyResult<Self> {
        CoreVouching::verify(file.as_ref()).map(Self).map_err(raised)
    }

    /// Who vouches.
    #[getter]
    fn author(&self) -> VerifyingKey {
        VerifyingKey(self.0.author())
    }

    /// The id of the manifest of the archive.
    #[getter]
    fn archive(&self) -> ObjectId {
        ObjectId(self.0.archive())
    }

    /// The ids of the seals of the archive.
    #[getter]
    fn seals(&self) -> Vec<ObjectId> {
        ids(self.0.seals().iter().copied())
    }

    fn __repr__(&self) -> String {
        format!("<Vouching of {} for {}>", self.0.author(), self.0.archive())
    }
}

/// Writes an archive: objects in, and the bytes of the file out. `streams_core.archive.write` writes a stream into a file;
/// this is for whoever has objects, and knows their manifest, which is not compared with them here.
///
/// Take what is written now and then: what was not taken is in memory.
#[pyclass(module = "streams_core.archive", frozen)]
pub(crate) struct ArchiveWriter(Mutex<Writer>);

impl ArchiveWriter {
    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[guarded]
#[pymethods]
impl ArchiveWriter {
    #[new]
    #[pyo3(signature = (manifest: "Manifest"))]
    fn new(manifest: &Manifest) -> Self {
        Self(Mutex::new(Writer::new(&manifest.0)))
    }

    /// Appends an object, in the order of the stream.
    ///
    /// Raises:
    ///     UnsoundError: it is not signed.
    #[pyo3(signature = (object: "Authentic") -> "None")]
    fn push(&self, object: &Bound<'_, Authentic>) -> PyResult<()> {
        self.lock().push(object.get().0.object().parts()).map(drop).map_err(raised)
    }

    /// What was written since the last time.
    #[pyo3(signature = () -> "bytes")]
    fn take<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut bytes = Vec::new();
        self.lock().take(&mut bytes);
        PyBytes::new(py, &bytes)
    }

    /// Ends the archive: take the last of it then. Returns the ids of the seals, for a `Vouching`.
    #[pyo3(signature = () -> "list[ObjectId]")]
    fn finish(&self) -> Vec<ObjectId> {
        ids(self.lock().finish().seals)
    }
}

/// Reads an archive: pieces of the file in, proven objects out, in one pass. `streams_core.archive.read` opens the file.
///
/// With the bytes of a `vouching`, and `by` the key that is believed, no signature is verified as long as the archive is
/// what was vouched for.
///
/// Raises:
///     ArchiveError: the vouching is damaged.
#[pyclass(module = "streams_core.archive", frozen, name = "ArchiveReader")]
pub(crate) struct ArchiveReader(Mutex<Option<Reader>>);

impl ArchiveReader {
    fn lock(&self) -> MutexGuard<'_, Option<Reader>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Something wrong with an archive, as a value.
fn fault<'py>(py: Python<'py>, fault: &Fault) -> PyResult<Bound<'py, PyAny>> {
    let mut raise = Raise::from(fault).with("offset", fault.offset);
    if let Some(id) = fault.what.id() {
        raise = raise.with("id", id);
    }
    raise.instance(py)
}

fn told<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyAny>> {
    match event {
        Event::Manifest(manifest) => Manifest(*manifest).into_bound_py_any(py),
        Event::Objects(objects) => {
            let objects = objects.iter().map(|object| Authentic::wrap(py, object.clone()));
            objects.collect::<PyResult<Vec<_>>>()?.into_bound_py_any(py)
        }
        Event::Fault(fault) => self::fault(py, fault),
    }
}

#[guarded]
#[pymethods]
impl ArchiveReader {
    #[new]
    #[pyo3(signature = (vouching: "Buffer | None" = None, *, by: "VerifyingKey | None" = None))]
    fn new(vouching: Option<Buffer>, by: Option<&VerifyingKey>) -> PyResult<Self> {
        let key = HashKey::from_bytes(random());
        let vouching = vouching.map(|file| CoreVouching::verify(file.as_ref())).transpose().map_err(raised)?;
        let reader = match (vouching, by) {
            (Some(vouching), Some(by)) if vouching.author() == by.0 => Reader::vouched(key, vouching),
            (Some(vouching), _) => Reader::comparing(key, vouching),
            (None, _) => Reader::new(key),
        };
        Ok(Self(Mutex::new(Some(reader))))
    }

    /// Takes the next bytes of the file. Poll until there is nothing more before the next are given.
    #[pyo3(signature = (piece: "Buffer") -> "None")]
    fn push(&self, py: Python<'_>, piece: Buffer) {
        py.detach(|| {
            if let Some(reader) = &mut *self.lock() {
                reader.push(piece.as_ref());
            }
        });
    }

    /// What was read: the `Manifest`, objects that are proven, or an `ArchiveError`, behind which it goes on; None where
    /// more bytes are needed to tell.
    #[pyo3(signature = () -> "Manifest | list[Authentic] | StreamsError | None")]
    fn poll<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let event = py.detach(|| self.lock().as_mut().and_then(Reader::poll));
        event.map(|event| told(py, &event)).transpose()
    }

    /// The last that is to be told, when all bytes were given: what is wrong with the file as a whole above all.
    #[pyo3(signature = () -> "list[Manifest | list[Authentic] | StreamsError]")]
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let events = py.detach(|| self.lock().take().map(Reader::finish).unwrap_or_default());
        events.iter().map(|event| told(py, event)).collect()
    }
}

/// Reads at most `limit` objects of an archive from a place in its order on, by ranges of the archive and of its index;
/// every signature is verified. Each of the two functions gives the bytes of a file from one place to another, fewer where
/// the file ends.
#[guarded]
#[pyfunction]
#[pyo3(signature = (
    archive: "Callable[[int, int], bytes]", index: "Callable[[int, int], bytes]", start: "int", limit: "int"
) -> "list[Authentic]")]
pub(crate) fn page<'py>(
    py: Python<'py>,
    archive: Py<PyAny>,
    index: Py<PyAny>,
    start: u64,
    limit: usize,
) -> PyResult<Vec<Bound<'py, Authentic>>> {
    let ranges = |file: Py<PyAny>| {
        move |range: std::ops::Range<u64>| {
            Python::attach(|py| {
                let bytes = file.bind(py).call1((range.start, range.end))?;
                Ok(bytes.extract::<Buffer>()?.as_ref().to_vec())
            })
            .map_err(|error: PyErr| -> io::Error { leave(error) })
        }
    };
    let mut authenticator = Authenticator::new(HashKey::from_bytes(random()));
    let read = py.detach(|| index::page(ranges(archive), ranges(index), start, limit, &mut authenticator));
    read.map_err(raised)?.into_iter().map(|object| Authentic::wrap(py, object)).collect()
}

/// Which objects of a stream are in archives that were made before.
#[pyclass(module = "streams_core.archive", frozen)]
pub(crate) struct Archived(Mutex<CoreArchived>);

#[guarded]
#[pymethods]
impl Archived {
    #[new]
    #[pyo3(signature = (manifest: "ObjectId"))]
    fn new(manifest: &ObjectId) -> Self {
        Self(Mutex::new(CoreArchived::in_archive(manifest.0)))
    }
}

/// A file of Python.
struct File(Option<Py<PyAny>>);

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(file) = &self.0 {
            Python::attach(|py| file.bind(py).call_method1("write", (PyBytes::new(py, bytes),)).map(drop))
                .unwrap_or_else(|error| leave(error));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[guarded]
#[pymethods]
impl Stream {
    /// Takes note that these objects are in an archive that was made before.
    #[pyo3(signature = (archived: "Archived", ids: "Sequence[ObjectId]") -> "None")]
    fn _note_archived(&self, py: Python<'_>, archived: &Archived, ids: Vec<AnId>) -> PyResult<()> {
        let mut held = archived.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        let ids = given(&ids);
        self.kept.wait(py, self.kept.node.note_archived(self.id, &mut held, &ids))?;
        *archived.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = held;
        Ok(())
    }

    /// Writes an archive, and its index where there is a file for it. Returns the manifest, the ids of the seals, and the
    /// number of bytes; nothing is written where nothing is new since the archives before.
    #[pyo3(signature = (
        out: "BinaryIO", index: "BinaryIO | None", before: "Archived | None", progress: "Callable[[int], object] | None"
    ) -> "tuple[Manifest, list[ObjectId], int]")]
    fn _archive(
        &self,
        py: Python<'_>,
        out: Py<PyAny>,
        index: Option<Py<PyAny>>,
        before: Option<&Archived>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<(Manifest, Vec<ObjectId>, u64)> {
        let before = before.map(|archived| archived.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone());
        let node = &self.kept.node;
        let survey = self.kept.wait(py, node.survey(self.id, before))?;
        let manifest = Manifest(*survey.manifest());
        if survey.manifest().count == 0 {
            return Ok((manifest, Vec::new(), 0));
        }
        let (mut out, mut index) = (File(Some(out)), File(index));
        let tell = |written: u64| {
            if let Some(progress) = &progress {
                Python::attach(|py| progress.call1(py, (written,)).map(drop)).unwrap_or_else(|error| leave(error));
            }
        };
        let written = self.kept.wait(py, async { node.archive(&survey, &mut out, &mut index, tell).await })?;
        Ok((manifest, ids(written.seals), written.bytes))
    }
}

#[guarded]
#[pymethods]
impl Node {
    /// Takes in objects that an archive gave, of one stream, which is begun where its root is among them. Returns what
    /// became of each, in their order; what is admitted is durable when this returns. Files are restored by
    /// `streams_core.archive.restore`.
    ///
    /// Raises:
    ///     UnknownStreamError: nothing of the stream is here, and its root is not among them.
    #[pyo3(signature = (stream: "ObjectId | str", objects: "Sequence[Authentic]") -> "Answers")]
    fn restore(&self, py: Python<'_>, stream: AnId, objects: Vec<PyRef<'_, Authentic>>) -> PyResult<Answers> {
        let objects = crate::object::authentic(&objects);
        let mut answers = Answers::new();
        answers.extend(self.kept.wait(py, self.kept.node.restore(stream.0, objects))?);
        Ok(answers)
    }
}
