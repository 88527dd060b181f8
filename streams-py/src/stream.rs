//! A stream: what one replica has of it, read and written through its node.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PySlice};
use streams_core::codes::Class;
use streams_core::node::NodeError;
use streams_core::store::Scan;
use streams_core::{CheckpointState, MemoryStore, StreamId};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::draft::{Draft, Edges, Time};
use crate::entry::{Entries, Entry, placed};
use crate::error::{Raise, raised};
use crate::explain::{Simulated, Verdict};
use crate::feed::Feed;
use crate::fold::{Fold, replay};
use crate::id::{AnId, ObjectId, given, ids};
use crate::ingested::{Answers, Parts, many, value};
use crate::key::{AnAuthor, SigningKey, VerifyingKey};
use crate::node::Kept;
use crate::object::{Authentic, Object, authentic};
use crate::writer::Writer;

/// How many objects are taken in at once, and how many bytes of them.
const BATCH: usize = 4096;
const BATCH_BYTES: usize = 4 << 20;

/// Several objects of an author after one: the author, what they all name as previous, and the objects.
type Fork = (VerifyingKey, Option<ObjectId>, Vec<ObjectId>);

/// A stream in the store of a node.
///
/// It is a sequence of its objects in the order of spec 9.1: `len`, `in`, iteration, `reversed`, `stream[id]`,
/// `stream[3]`, `stream[10:20]`. What is written is durable when a method returns. Threads may share it.
///
/// >>> alice = SigningKey.generate()
/// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
/// >>> for item in ["milk", "rice"]:
/// ...     added = stream.by(alice).append("example.org/list.Added", {"item": item})
/// >>> [entry.data["item"] for entry in stream[1:]]
/// ['milk', 'rice']
/// >>> stream.replay(0, lambda count, object: count + 1)
/// 3
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Stream {
    pub(crate) kept: Arc<Kept>,
    pub(crate) id: StreamId,
}

impl Stream {
    pub(crate) fn new(kept: Arc<Kept>, id: StreamId) -> Self {
        Self { kept, id }
    }

    fn read<T: Send>(&self, py: Python<'_>, read: impl FnOnce(&streams_core::Stream) -> T + Send) -> PyResult<T> {
        self.kept.read(py, self.id, read)
    }

    /// What is read of an object, which must be here.
    fn here<T: Send>(
        &self,
        py: Python<'_>,
        id: &streams_core::ObjectId,
        read: impl FnOnce(&streams_core::Stream) -> Option<T> + Send,
    ) -> PyResult<T> {
        self.read(py, read)?.ok_or_else(|| unknown(id))
    }

    fn head(&self, py: Python<'_>) -> PyResult<streams_core::store::Head> {
        let head = self.kept.wait(py, self.kept.node.head(self.id))?;
        head.ok_or_else(|| raised(NodeError::Unknown(self.id)))
    }

    /// Entries of the order from a place on.
    fn range(&self, py: Python<'_>, from: usize, count: usize) -> PyResult<Vec<Entry>> {
        self.read(py, |stream| stream.entries_from(from).take(count).map(|entry| placed(stream, entry)).collect())
    }
}

/// The error for an object that is not in a stream.
fn unknown(id: &streams_core::ObjectId) -> PyErr {
    let message = format!("the object {id} is not in the stream");
    Raise::new(Class::UnknownObject, "unknown-object", message).with("id", id).into()
}

#[guarded]
#[pymethods]
impl Stream {
    /// The id: that of the root.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.id)
    }

    /// The author of the root.
    #[getter]
    fn owner(&self, py: Python<'_>) -> PyResult<VerifyingKey> {
        self.read(py, |stream| VerifyingKey(stream.owner()))
    }

    /// The root.
    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Authentic>> {
        let stored = self.kept.wait(py, self.kept.node.object(self.id, &self.id))?;
        Authentic::wrap(py, stored.ok_or_else(|| raised(NodeError::Unknown(self.id)))?.authentic)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.head(py)?.objects as usize)
    }

    fn __bool__(&self) -> bool {
        true
    }

    fn __contains__(&self, py: Python<'_>, object: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = match object.cast::<Object>() {
            Ok(object) => object.get().0.id(),
            Err(_) => match object.extract() {
                Ok(AnId(id)) => id,
                Err(_) => return Ok(false),
            },
        };
        let here = self.kept.wait(py, self.kept.node.store().contains(self.id, &[id]))?;
        Ok(here == [true])
    }

    fn __getitem__<'py>(&self, at: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = at.py();
        if let Ok(slice) = at.cast::<PySlice>() {
            let slice = slice.indices(self.__len__(py)? as isize)?;
            let (from, count) = match (slice.slicelength, slice.step > 0) {
                (0, _) => (0, 0),
                (len, true) => (slice.start, (len as isize - 1) * slice.step + 1),
                (len, false) => {
                    let last = slice.start + (len as isize - 1) * slice.step;
                    (last, slice.start - last + 1)
                }
            };
            let mut entries = self.range(py, from as usize, count as usize)?;
            if slice.step < 0 {
                entries.reverse();
            }
            let entries: Vec<Entry> = entries.into_iter().step_by(slice.step.unsigned_abs()).collect();
            return entries.into_pyobject(py);
        }
        if at.is_instance_of::<PyInt>() {
            let (at, len): (isize, usize) = (at.extract()?, self.__len__(py)?);
            let place = if at < 0 { at + len as isize } else { at };
            let entry = if place < 0 { None } else { self.range(py, place as usize, 1)?.pop() };
            let entry = entry.ok_or_else(|| PyIndexError::new_err(format!("{at} of {len} objects")))?;
            return Ok(Bound::new(py, entry)?.into_any());
        }
        let Ok(AnId(id)) = at.extract() else {
            let message = "an object is found by its id (or the text of it), by its place, or by a slice";
            return Err(PyTypeError::new_err(message));
        };
        let entry = self.here(py, &id, |stream| stream.entry(&id).map(|entry| placed(stream, entry)))?;
        Ok(Bound::new(py, entry)?.into_any())
    }

    fn __iter__(&self) -> PyResult<Entries> {
        self.entries(None)
    }

    #[pyo3(signature = () -> "Entries")]
    fn __reversed__(&self, py: Python<'_>) -> PyResult<Entries> {
        Ok(Entries::backwards(self.kept.clone(), self.id, self.head(py)?.objects))
    }

    /// The objects in order, read from the store some at a time; with the `cursor` of earlier entries, those behind it.
    ///
    /// Raises:
    ///     CursorError: the cursor is none.
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> entries = stream.entries()
    /// >>> next(entries).type
    /// 'example.org/list'
    /// >>> added = stream.by(alice).append("example.org/list.Added", {})
    /// >>> [entry.position for entry in stream.entries(after=entries.cursor)]
    /// [1]
    #[pyo3(signature = (*, after: "Buffer | None" = None) -> "Entries")]
    fn entries(&self, after: Option<Buffer>) -> PyResult<Entries> {
        Entries::forwards(self.kept.clone(), self.id, after)
    }

    /// The objects of an author, or of a type, in the order of their arrival: an index finds them.
    #[pyo3(signature = (*, author: "VerifyingKey | str | None" = None, r#type: "str | None" = None) -> "list[Entry]")]
    fn find(&self, py: Python<'_>, author: Option<AnAuthor>, r#type: Option<String>) -> PyResult<Vec<Entry>> {
        let scan = |above| match (&author, &r#type) {
            (Some(author), None) => Ok(Scan::Author(author.0, above)),
            (None, Some(r#type)) => Ok(Scan::Type(r#type.clone(), above)),
            _ => Err(PyTypeError::new_err("an author or a type is wanted: filter by the other yourself")),
        };
        let (mut found, mut above) = (Vec::new(), 0);
        loop {
            let page = self.kept.wait(py, self.kept.node.page(self.id, scan(above)?, 1024))?;
            let Some(last) = page.last() else { return Ok(found) };
            above = last.sequence;
            found.extend(page.into_iter().map(|entry| crate::node::stored(entry, None)));
        }
    }

    /// The ids of all objects, in order.
    #[pyo3(signature = () -> "list[ObjectId]")]
    fn order(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        self.read(py, |stream| ids(stream.order()))
    }

    /// The ids that replay hands out, in its order: what is effective, and behind an adopting object what it adopts.
    #[pyo3(signature = () -> "list[ObjectId]")]
    fn replayed(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        self.read(py, |stream| ids(stream.replayed()))
    }

    /// The digest of the order, 32 bytes: equal digests are equal replays. O(n).
    #[getter]
    fn order_digest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let digest = self.read(py, streams_core::Stream::order_digest)?;
        Ok(PyBytes::new(py, &digest))
    }

    /// The digest of the leaves, 32 bytes: equal frontiers are equal sets of objects. Spec 10.2.
    #[getter]
    fn frontier<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let frontier = self.read(py, streams_core::Stream::frontier)?;
        Ok(PyBytes::new(py, &frontier))
    }

    /// The objects that nothing here cites, ascending.
    #[getter]
    fn leaves(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        self.read(py, |stream| ids(stream.leaves()))
    }

    /// What objects that wait cite, and that is not here and does not wait itself, ascending.
    #[getter]
    fn gaps(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        self.read(py, |stream| ids(stream.gaps()))
    }

    /// The latest objects that were refused since the stream was opened, with the error of each, ascending.
    #[getter]
    fn refused<'py>(&self, py: Python<'py>) -> PyResult<Vec<(ObjectId, Bound<'py, PyAny>)>> {
        let refused = self.read(py, streams_core::Stream::refused)?;
        refused.iter().map(|(id, error)| Ok((ObjectId(*id), Raise::from(error).instance(py)?))).collect()
    }

    /// Where an author wrote several objects after one: `(author, previous, objects)`, ascending by the first object.
    #[getter]
    fn forks(&self, py: Python<'_>) -> PyResult<Vec<Fork>> {
        let forks = self.read(py, streams_core::Stream::forks)?;
        let fork =
            |fork: streams_core::Fork| (VerifyingKey(fork.author), fork.previous.map(ObjectId), ids(fork.objects));
        Ok(forks.into_iter().map(fork).collect())
    }

    /// Everyone who wrote here, in the order of their first arrival.
    #[getter]
    fn authors(&self, py: Python<'_>) -> PyResult<Vec<VerifyingKey>> {
        self.read(py, |stream| stream.authors().map(VerifyingKey).collect())
    }

    /// The place of an object in the order, from 0. O(log n).
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    #[pyo3(signature = (id: "ObjectId | str") -> "int")]
    fn position(&self, py: Python<'_>, id: AnId) -> PyResult<usize> {
        self.here(py, &id.0, |stream| stream.position(&id.0))
    }

    /// Whether an object is one of the ancestors of another. Not where one of them is not here.
    #[pyo3(signature = (id: "ObjectId | str", of: "ObjectId | str") -> "bool")]
    fn is_ancestor(&self, py: Python<'_>, id: AnId, of: AnId) -> PyResult<bool> {
        self.read(py, |stream| stream.is_ancestor(&id.0, &of.0))
    }

    /// Takes in one object, from its parts or as it is; what is admitted is durable when this returns. `source` is a
    /// number for the peer that brought it, since what waits is bounded by peer.
    ///
    /// Raises:
    ///     UnsoundError: the copy is at fault, or there is no room to wait.
    ///     NewerError: the object is of a later version.
    ///     RefusedError: it breaks a rule, for ever.
    #[pyo3(signature = (object: "Buffer | Object", *, source: "int" = 0) -> "Admitted | Known | Pending")]
    fn ingest_one<'py>(&self, py: Python<'py>, object: Parts, source: u64) -> PyResult<Bound<'py, PyAny>> {
        let answers = self.kept.wait(py, self.kept.node.ingest(self.id, &[object], source))?;
        match &answers[0] {
            Err(error) => Err(Raise::from(error).with("fate", error.fate()).into()),
            answer => value(py, answer),
        }
    }

    /// Takes in many objects, from a list or an iterator, some thousand at a time: their signatures are verified
    /// together, other threads go on meanwhile, and what is admitted is durable when this returns. `progress` is told
    /// how many were looked at. Where it is stopped in the middle, what was told of is kept; doing it again is safe.
    ///
    /// Returns what became of each, in their order; those that are dropped or refused raise nothing (see `check`).
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> here = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> there = Node().create(here.root)
    /// >>> milk = here.by(alice).append("example.org/list.Added", {"item": "milk"})
    /// >>> there.ingest([milk.parts, milk.parts[:-1]])
    /// <Answers: 1 admitted, 0 known, 0 pending, 1 rejected>
    #[pyo3(signature = (
        objects: "Iterable[Buffer | Object]", *, source: "int" = 0,
        progress: "Callable[[int], object] | None" = None
    ) -> "Answers")]
    fn ingest(
        &self,
        py: Python<'_>,
        objects: &Bound<'_, PyAny>,
        source: u64,
        progress: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Answers> {
        let mut objects = many(objects)?.try_iter()?;
        let mut answers = Answers::new();
        let mut done = 0;
        loop {
            let (mut batch, mut bytes): (Vec<Parts>, usize) = (Vec::new(), 0);
            while batch.len() < BATCH && bytes < BATCH_BYTES {
                let Some(object) = objects.next() else { break };
                let parts: Parts = object?.extract()?;
                bytes += parts.as_ref().len();
                batch.push(parts);
            }
            if batch.is_empty() {
                return Ok(answers);
            }
            done += batch.len();
            answers.extend(self.kept.wait(py, self.kept.node.ingest(self.id, &batch, source))?);
            if let Some(progress) = &progress {
                progress.call1((done,))?;
            }
        }
    }

    /// Who holds this key writes, with a timestamp that the author claims, or without.
    #[pyo3(signature = (key: "SigningKey", *, timestamp: "int | datetime | None" = None) -> "Writer")]
    fn by(&self, key: Py<SigningKey>, timestamp: Option<Time>) -> Writer {
        Writer::new(self.kept.clone(), self.id, key, timestamp)
    }

    /// What an object that this author writes now would cite.
    #[pyo3(signature = (author: "VerifyingKey | str") -> "Edges")]
    fn edges(&self, py: Python<'_>, author: AnAuthor) -> PyResult<Edges> {
        self.read(py, |stream| Edges(stream.edges(&author.0)))
    }

    /// A draft that follows all that is here: to be signed, and taken in by `ingest_one`.
    #[pyo3(signature = (
        r#type: "str", author: "VerifyingKey | str", data: "DataLike | None" = None, *,
        timestamp: "int | datetime | None" = None
    ) -> "Draft")]
    fn draft(
        &self,
        py: Python<'_>,
        r#type: String,
        author: AnAuthor,
        data: Option<&Bound<'_, PyAny>>,
        timestamp: Option<Time>,
    ) -> PyResult<Draft> {
        let draft = self.read(py, |stream| stream.draft(r#type, &author.0))?;
        crate::draft::fill(draft, data, Vec::new(), timestamp, None).map(Draft::of)
    }

    /// Drops a map of an object, here alone: of its bytes nothing remains in the store, and it is not taken back. Spec
    /// 3.3.
    ///
    /// Raises:
    ///     UnknownObjectError: the object is not here.
    ///     UnknownMapError: no such map is in it.
    ///     RedactError: rules, and the data of `streams/` types, are never redacted.
    #[pyo3(signature = (id: "ObjectId | str", map: "ObjectId | str") -> "Object")]
    fn redact(&self, py: Python<'_>, id: AnId, map: AnId) -> PyResult<Object> {
        let redacted = self.kept.wait(py, self.kept.node.redact(self.id, &id.0, &map.0))?;
        redacted.ok_or_else(|| unknown(&id.0))?.map(Object).map_err(raised)
    }

    /// Whether an object is effective, and why. Spec 8.9.
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> stream.explain(stream.id)
    /// <Verdict owner: effective>
    #[pyo3(signature = (id: "ObjectId | str") -> "Verdict")]
    fn explain(&self, py: Python<'_>, id: AnId) -> PyResult<Verdict> {
        self.here(py, &id.0, |stream| stream.explain(&id.0)).map(Verdict)
    }

    /// Whether an object is effective.
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    #[pyo3(signature = (id: "ObjectId | str") -> "bool")]
    fn is_effective(&self, py: Python<'_>, id: AnId) -> PyResult<bool> {
        self.here(py, &id.0, |stream| stream.contains(&id.0).then(|| stream.is_effective(&id.0)))
    }

    /// Whether somebody may read the stream, and why. Spec 8.8.
    #[pyo3(signature = (subject: "VerifyingKey | str") -> "Verdict")]
    fn may_read(&self, py: Python<'_>, subject: AnAuthor) -> PyResult<Verdict> {
        self.read(py, |stream| stream.may_read(&subject.0)).map(Verdict)
    }

    /// The policy object that is shown to somebody who may not read; None where there is none. Spec 8.8.
    #[pyo3(signature = (subject: "VerifyingKey | str") -> "ObjectId | None")]
    fn shown_to(&self, py: Python<'_>, subject: AnAuthor) -> PyResult<Option<ObjectId>> {
        self.read(py, |stream| stream.shown_to(&subject.0).map(ObjectId))
    }

    /// The rank of somebody at an object: 0 is the owner, up to 16; None is infinite. Spec 8.5.
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    #[pyo3(signature = (subject: "VerifyingKey | str", at: "ObjectId | str") -> "int | None")]
    fn rank(&self, py: Python<'_>, subject: AnAuthor, at: AnId) -> PyResult<Option<u8>> {
        self.here(py, &at.0, |stream| stream.rank(&subject.0, &at.0))
    }

    /// The verdicts that these objects would change, without changing any. O(n). Spec 8.9.
    #[pyo3(signature = (objects: "Sequence[Authentic]") -> "Simulated")]
    fn simulate(&self, py: Python<'_>, objects: Vec<PyRef<'_, Authentic>>) -> PyResult<Simulated> {
        let objects = authentic(&objects);
        self.read(py, |stream| stream.simulate(&objects)).map(Simulated)
    }

    /// The policy objects that are withdrawn now, in order.
    #[getter]
    fn withdrawn(&self, py: Python<'_>) -> PyResult<Vec<ObjectId>> {
        self.read(py, |stream| ids(stream.withdrawn()))
    }

    /// Every adopted object, and the adopting one that counts, in the order of the adopted ones. Spec 8.10.
    #[getter]
    fn adopted(&self, py: Python<'_>) -> PyResult<Vec<(ObjectId, ObjectId)>> {
        let adopted = self.read(py, streams_core::Stream::adopted)?;
        Ok(adopted.into_iter().map(|(id, by)| (ObjectId(id), ObjectId(by))).collect())
    }

    /// The maps that are removed for all, with the object they stand in: `(object, map)`, ascending. Spec 3.4.
    #[getter]
    fn removed(&self, py: Python<'_>) -> PyResult<Vec<(ObjectId, ObjectId)>> {
        let removed = self.read(py, |stream| stream.removed())?;
        Ok(removed.into_iter().map(|(id, map)| (ObjectId(id), ObjectId(map))).collect())
    }

    /// All checkpoints, in order, and what each is worth: `accepted` (its past is final), `force` (its holders
    /// equivocated), or why it is without: `holder`, `count`, `order`. Spec 9.2, 9.3.
    #[getter]
    fn checkpoints(&self, py: Python<'_>) -> PyResult<Vec<(ObjectId, &'static str)>> {
        let checkpoints = self.read(py, streams_core::Stream::checkpoints)?;
        let name = |state| match state {
            CheckpointState::Accepted => "accepted",
            CheckpointState::Force => "force",
            CheckpointState::Without(reason) => reason.code(),
        };
        Ok(checkpoints.into_iter().map(|(id, state)| (ObjectId(id), name(state))).collect())
    }

    /// How many objects are final: the first so many of the order. Spec 9.4.
    #[getter]
    fn final_len(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.head(py)?.finals)
    }

    /// The number of the epoch of an object, from 1. Spec 9.4.
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    #[pyo3(signature = (id: "ObjectId | str") -> "int")]
    fn epoch(&self, py: Python<'_>, id: AnId) -> PyResult<u32> {
        self.here(py, &id.0, |stream| stream.epoch(&id.0))
    }

    /// The tie of an object: 32 bytes. Spec 9.1.
    ///
    /// Raises:
    ///     UnknownObjectError: it is not here.
    #[pyo3(signature = (id: "ObjectId | str") -> "bytes")]
    fn tie<'py>(&self, py: Python<'py>, id: AnId) -> PyResult<Bound<'py, PyBytes>> {
        let tie = self.here(py, &id.0, |stream| stream.tie(&id.0))?;
        Ok(PyBytes::new(py, &tie))
    }

    /// The stream as it was when these were its leaves: an object with all its past, a checkpoint, or several. It is a
    /// copy in memory, which goes its own way. O(n). Spec 9.4.
    ///
    /// Raises:
    ///     UnknownObjectError: one of them is not here.
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    /// >>> rice = stream.by(alice).append("example.org/list.Added", {"item": "rice"})
    /// >>> len(stream), len(stream.as_of(milk.id))
    /// (3, 2)
    #[pyo3(signature = (*leaves: "ObjectId | str") -> "Stream")]
    fn as_of(&self, py: Python<'_>, leaves: Vec<AnId>) -> PyResult<Self> {
        let leaves = given(&leaves);
        let objects = self.read(py, |stream| {
            let missing = leaves.iter().find(|id| !stream.contains(id));
            match (missing, stream.as_of(&leaves)) {
                (None, Some(then)) => {
                    // Those with a smaller generation come first, so each finds its past.
                    let mut objects: Vec<_> = then.entries().map(|entry| entry.authentic).collect();
                    objects.sort_by_key(|object| object.header().generation());
                    Ok(objects)
                }
                (missing, _) => Err(missing.copied()),
            }
        })?;
        let objects = objects.map_err(|missing| match missing {
            Some(id) => unknown(&id),
            None => PyTypeError::new_err("as_of wants the id of at least one object"),
        })?;
        let key = streams_core::HashKey::from_bytes(random());
        let kept = Kept::new(Arc::new(MemoryStore::new(random(), key)));
        let mut objects = objects.into_iter();
        let root = objects.next().expect("a stream has its root");
        kept.wait(py, kept.node.create(root))?;
        kept.wait(
            py,
            kept.node.write(self.id, |stream| {
                for object in objects {
                    stream.admit(object, 0).expect("it was admitted with this past");
                }
            }),
        )?;
        Ok(Self { kept, id: self.id })
    }

    /// The state: a fold over the effective objects, in order, and behind an adopting object over what it adopts.
    /// Everyone who has the same objects computes the same. `apply(state, object)` returns the next state; one that
    /// changes its state in place returns None. The store is read some objects at a time.
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    /// >>> def apply(items, object):
    /// ...     if object.type == "example.org/list.Added":
    /// ...         items.append(object.data["item"])
    /// >>> stream.replay([], apply)
    /// ['milk']
    #[pyo3(signature = (initial: "S", apply: "Callable[[S, Authentic], S | None]") -> "S")]
    fn replay(&self, py: Python<'_>, initial: Py<PyAny>, apply: Py<PyAny>) -> PyResult<Py<PyAny>> {
        replay(py, &self.kept, self.id, initial, &apply)
    }

    /// A state that is kept up to date: see `Fold`.
    #[pyo3(signature = (
        initial: "S", apply: "Callable[[S, Authentic], S | None]", *, snapshot: "Snapshot | None" = None,
        copy: "Callable[[S], S] | None" = None
    ) -> "Fold")]
    fn fold(
        &self,
        py: Python<'_>,
        initial: Py<PyAny>,
        apply: Py<PyAny>,
        snapshot: Option<Py<crate::fold::Snapshot>>,
        copy: Option<Py<PyAny>>,
    ) -> PyResult<Fold> {
        Fold::new(py, self.kept.clone(), self.id, initial, apply, snapshot.as_ref().map(Py::get), copy)
    }

    /// Reads what is here, and then what becomes different, from a cursor on or from the beginning: `Node.watch` for this
    /// stream alone.
    #[pyo3(signature = (*, since: "Buffer | None" = None) -> "Feed")]
    fn watch(&self, py: Python<'_>, since: Option<Buffer>) -> PyResult<Feed> {
        let filter = streams_core::node::feed::Filter { streams: [self.id].into(), ..Default::default() };
        Feed::open(py, self.kept.clone(), filter, since)
    }

    /// All objects in order as flat dicts, for a table: `pandas.DataFrame(stream.to_records())`. What an object says
    /// stands under `data.` and its name; ids and keys are text, times are `datetime`.
    ///
    /// >>> alice = SigningKey.generate()
    /// >>> stream = Node().create(Draft.root("example.org/list").sign(alice))
    /// >>> milk = stream.by(alice).append("example.org/list.Added", {"item": "milk"})
    /// >>> stream.to_records()[1]["data.item"]
    /// 'milk'
    #[pyo3(signature = () -> "list[dict[str, Any]]")]
    fn to_records<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut entries = self.entries(None)?;
        let mut records = Vec::new();
        while let Some(entry) = entries.step(py)? {
            let header = entry.authentic.header();
            let record = PyDict::new(py);
            record.set_item("position", entry.position)?;
            record.set_item("id", entry.authentic.id().to_string())?;
            record.set_item("type", header.r#type())?;
            record.set_item("author", header.author().to_string())?;
            record.set_item("time", crate::object::time(py, header.timestamp())?)?;
            record.set_item("generation", header.generation())?;
            record.set_item("effective", entry.effective)?;
            if let Some(data) = entry.authentic.object().data() {
                for (name, value) in crate::value::dict(py, &data, false)?.iter() {
                    record.set_item(format!("data.{name}"), value)?;
                }
            }
            records.push(record);
        }
        Ok(records)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let same = |other: &Self| other.id == self.id && Arc::ptr_eq(&other.kept, &self.kept);
        other.cast::<Self>().is_ok_and(|other| same(other.get()))
    }

    fn __hash__(&self) -> u64 {
        crate::id::hash(self.id)
    }

    fn __repr__(&self) -> String {
        format!("<Stream {}>", self.id)
    }
}
