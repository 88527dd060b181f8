//! Objects: as they are decoded, and with the proof of who wrote them (spec 1 to 6).

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use streams_core::object::authenticate::Authenticator;
use streams_core::{HashKey, Role};
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::error::raised;
use crate::id::{AnId, ObjectId, hash, ids};
use crate::key::VerifyingKey;
use crate::value;

/// An object: canonical, within the limits, each map hashing to the reference at its place. Nothing is said yet about
/// who wrote it: `Authentic` proves that.
///
/// Two objects are equal where their parts are: the same object may stand redacted in one copy and whole in another.
///
/// >>> milk = Object.from_dict({"type": "example.org/list.Added", "data": {"item": "milk", "count:u": 2}})
/// >>> milk.data
/// {'count': 2, 'item': 'milk'}
/// >>> milk.to_dict(hints=True)["data:m"]
/// {'count:u': 2, 'item:s': 'milk'}
/// >>> Object.decode(milk.parts) == milk == eval(repr(milk))
/// True
#[pyclass(module = "streams_core", frozen, subclass)]
#[derive(Clone)]
pub(crate) struct Object(pub(crate) streams_core::Object);

#[guarded]
#[pymethods]
impl Object {
    /// Decodes parts: the canonical list of a block, a signature and map blocks, as objects travel (spec 2.3).
    ///
    /// Raises:
    ///     UnsoundError: a rule of spec 14.2 is broken; `code` tells which.
    #[staticmethod]
    #[pyo3(signature = (parts: "Buffer") -> "Object")]
    fn decode(parts: Buffer) -> PyResult<Self> {
        streams_core::Object::decode(parts.as_ref()).map(Self).map_err(raised)
    }

    /// Reads an object from JSON, with the hints in its keys (spec 2.2). `_signature:d` is the signature, which is not
    /// verified here; other notes are left out.
    ///
    /// Raises:
    ///     JsonError: this is no object; `details` tells the `path` to the value, the `line` and the `column`.
    ///
    /// >>> Object.from_json('{"type:s": "list.Added"}').id
    /// ObjectId('bafyr4ifjohnr3njisap7scqsxib2t53jmnikmnj57jw423rl2a6rymsbke')
    #[staticmethod]
    #[pyo3(signature = (text: "str") -> "Object")]
    fn from_json(text: &str) -> PyResult<Self> {
        streams_core::Object::from_json(text).map(Self).map_err(json_error)
    }

    /// Writes a dict (or a dataclass, or a pydantic model) as an object. A key may carry its hint, as in `tags:as`;
    /// where it does not, the type of the value tells it: `int` is `i`, `str` `s`, `float` `f`, `bool` `b`, bytes `d`,
    /// `ObjectId` `r`, a dict `m`, a list `a` and the hint of its elements. `None` is left out.
    ///
    /// Raises:
    ///     MisfitError: a value does not fit; its subclasses tell more, `details["path"]` tells which.
    ///     UnsoundError: a limit is broken (spec 1.5).
    #[staticmethod]
    #[pyo3(signature = (data: "DataLike") -> "Object")]
    fn from_dict(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let map = value::map(data)?;
        streams_core::Object::from_map(&map).map(Self).map_err(raised)
    }

    /// The id: the same in every form that the object may have, signed or not, whole or redacted.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.0.id())
    }

    /// The parts, as they travel and are stored.
    #[getter]
    fn parts<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.parts())
    }

    /// The block: the canonical bytes that the id is the hash of.
    #[getter]
    fn block<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.block())
    }

    /// The signature: 64 bytes, or None.
    #[getter]
    fn signature<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.signature().map(|signature| PyBytes::new(py, signature))
    }

    /// The blocks of the maps that are here, depth first.
    #[getter]
    fn maps<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.0.maps().into_iter().map(|map| PyBytes::new(py, map)).collect()
    }

    /// What the object says that it cites: its parents, and its previous where that is not among them.
    #[getter]
    fn edges(&self) -> Vec<ObjectId> {
        ids(self.0.edges())
    }

    /// Whether a map of it stands redacted.
    #[getter]
    fn is_redacted(&self) -> bool {
        self.0.is_redacted()
    }

    /// The maps that stand redacted.
    #[getter]
    fn redacted_maps(&self) -> Vec<ObjectId> {
        ids(self.0.redacted_maps())
    }

    /// The application's content as a dict, without hints; None where there is none, or where it stands redacted.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.0.data().map(|data| value::dict(py, &data, false)).transpose()
    }

    /// The content as an instance of a dataclass, of a pydantic model, or of what else takes its names as keywords; None
    /// where there is none.
    ///
    /// >>> from dataclasses import dataclass
    /// >>> @dataclass
    /// ... class Added:
    /// ...     item: str
    /// >>> Object.from_dict({"data": Added("milk")}).data_as(Added)
    /// Added(item='milk')
    #[pyo3(signature = (cls: "type[T]") -> "T | None")]
    fn data_as<'py>(&self, cls: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = cls.py();
        let Some(data) = self.data(py)? else { return Ok(None) };
        py.import("streams_core._typed")?.call_method1("build", (cls, data)).map(Some)
    }

    /// The whole object as a dict, without its signature. With `hints`, its keys carry them, so that `from_dict` gives
    /// the same object again.
    ///
    /// Raises:
    ///     NewerError: the object refers to a kind of id that this version does not know.
    #[pyo3(signature = (*, hints: "bool" = false) -> "dict[str, Any]")]
    fn to_dict<'py>(&self, py: Python<'py>, hints: bool) -> PyResult<Bound<'py, PyDict>> {
        let map = self.0.to_map().map_err(raised)?;
        value::dict(py, &map, hints)
    }

    /// The object as JSON, with its signature: on one line, or with `pretty` over many.
    ///
    /// Raises:
    ///     NewerError: the object refers to a kind of id that this version does not know.
    #[pyo3(signature = (*, pretty: "bool" = false) -> "str")]
    fn to_json(&self, pretty: bool) -> PyResult<String> {
        (if pretty { self.0.to_json_pretty() } else { self.0.to_json() }).map_err(raised)
    }

    /// The object without this map, wherever it stands, and without what is below it. Id and signature hold. Spec 3.3.
    ///
    /// Raises:
    ///     UnknownMapError: no such map is here.
    ///     RedactError: rules, and the data of `streams/` types, are never redacted.
    #[pyo3(signature = (map: "ObjectId | str") -> "Object")]
    fn redact(&self, map: AnId) -> PyResult<Self> {
        self.0.redact(&map.0).map(Self).map_err(raised)
    }

    /// The object with these map blocks put back where they stand redacted. What fits nowhere changes nothing. Spec 3.3.
    #[pyo3(signature = (maps: "Sequence[Buffer]") -> "Object")]
    fn restore(&self, maps: Vec<Buffer>) -> Self {
        let maps: Vec<&[u8]> = maps.iter().map(AsRef::as_ref).collect();
        Self(self.0.restore(&maps))
    }

    /// The same object with this signature of 64 bytes, whether or not it is valid.
    ///
    /// Raises:
    ///     LengthError: these are not 64 bytes.
    #[pyo3(signature = (signature: "Buffer") -> "Object")]
    fn with_signature(&self, signature: Buffer) -> PyResult<Self> {
        Ok(Self(self.0.with_signature(&signature.array("a signature")?)))
    }

    /// Proves who wrote it, and that its header keeps the rules that the object alone can tell. Spec 4, 6.
    ///
    /// Raises:
    ///     UnsoundError: the signature is missing, or not the author's.
    ///     NewerError: the object is of a later version.
    ///     RefusedError: the header breaks a rule.
    #[pyo3(signature = () -> "Authentic")]
    fn authenticate<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Authentic>> {
        let mut authenticator = Authenticator::new(HashKey::from_bytes(random()));
        let authentic = authenticator.authenticate(self.0.clone()).map_err(raised)?;
        Authentic::wrap(py, authentic)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        hash(self.0.id())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let class = slf.get_type().name()?;
        Ok(match slf.get().0.to_json() {
            Ok(json) => format!("{class}.from_json({})", quoted(slf.py(), &json)?),
            Err(_) => format!("{class}.decode(bytes.fromhex('{}'))", hex(slf.get().0.parts())),
        })
    }

    #[pyo3(signature = () -> "tuple[Callable[[bytes], Object], tuple[bytes]]")]
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        Ok((slf.get_type().getattr("decode")?, PyTuple::new(py, [slf.get().parts(py)?])?))
    }
}

/// An object that its author signed, whose header keeps the rules that the object alone can tell. It is proof of both.
///
/// Made by signing, by `Object.authenticate`, and by a stream.
///
/// >>> alice = SigningKey.generate()
/// >>> root = Draft.root("example.org/list").sign(alice)
/// >>> root.author == alice.verifying_key, root.type, root.role
/// (True, 'example.org/list', 'root')
#[pyclass(module = "streams_core", frozen, extends = Object)]
pub(crate) struct Authentic(pub(crate) streams_core::Authentic);

impl Authentic {
    /// An authentic object of the core, for Python.
    pub(crate) fn wrap(py: Python<'_>, authentic: streams_core::Authentic) -> PyResult<Bound<'_, Self>> {
        let base = Object(authentic.object().clone());
        Bound::new(py, PyClassInitializer::from(base).add_subclass(Self(authentic)))
    }
}

#[guarded]
#[pymethods]
impl Authentic {
    /// Decodes parts, and proves who wrote them.
    ///
    /// Raises:
    ///     UnsoundError, NewerError, RefusedError: as `Object.decode` and `Object.authenticate`.
    #[staticmethod]
    #[pyo3(signature = (parts: "Buffer") -> "Authentic")]
    fn decode<'py>(py: Python<'py>, parts: Buffer) -> PyResult<Bound<'py, Self>> {
        Object::decode(parts)?.authenticate(py)
    }

    /// Reads an object from JSON, and proves who wrote it.
    ///
    /// Raises:
    ///     JsonError, UnsoundError, NewerError, RefusedError: as `Object.from_json` and `Object.authenticate`.
    #[staticmethod]
    #[pyo3(signature = (text: "str") -> "Authentic")]
    fn from_json<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, Self>> {
        Object::from_json(text)?.authenticate(py)
    }

    /// The type.
    #[getter]
    fn r#type(&self) -> &str {
        self.0.header().r#type()
    }

    /// The author.
    #[getter]
    fn author(&self) -> VerifyingKey {
        VerifyingKey(self.0.header().author())
    }

    /// `root`, `hypothetical` (a root that anyone can compute) or `event`.
    #[getter]
    fn role(&self) -> &'static str {
        match self.0.header().role() {
            Role::Root => "root",
            Role::HypotheticalRoot => "hypothetical",
            Role::Event => "event",
        }
    }

    /// The stream; None of a root, which names its stream by its own id.
    #[getter]
    fn stream(&self) -> Option<ObjectId> {
        self.0.header().stream().map(ObjectId)
    }

    /// The objects that it follows, ascending.
    #[getter]
    fn parents(&self) -> Vec<ObjectId> {
        ids(self.0.header().parents().iter())
    }

    /// The latest object of its author before it.
    #[getter]
    fn previous(&self) -> Option<ObjectId> {
        self.0.header().previous().map(ObjectId)
    }

    /// One more than the largest of what it cites; 0 of a root.
    #[getter]
    fn generation(&self) -> u64 {
        self.0.header().generation()
    }

    /// When the author says that it wrote it, in milliseconds since 1970 UTC. Nothing depends on it.
    #[getter]
    fn timestamp(&self) -> Option<u64> {
        self.0.header().timestamp()
    }

    /// The same as a `datetime` in UTC; None where there is none, or none that a `datetime` holds.
    #[getter]
    fn time<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        time(py, self.timestamp()?)
    }

    /// 32 bytes that name a secret of its author for later; None where there are none.
    #[getter]
    fn next<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.header().next().map(|next| PyBytes::new(py, &next))
    }

    /// Whether it carries rules.
    #[getter]
    fn has_policies(&self) -> bool {
        self.0.header().has_policies()
    }
}

/// Milliseconds since 1970 UTC as a `datetime`, where it holds them.
pub(crate) fn time(py: Python<'_>, milliseconds: Option<u64>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some(milliseconds) = milliseconds else { return Ok(None) };
    let time = py.import("streams_core._typed")?.call_method1("time", (milliseconds,))?;
    Ok(Some(time).filter(|time| !time.is_none()))
}

/// Authentic objects that were given.
pub(crate) fn authentic(given: &[PyRef<'_, Authentic>]) -> Vec<streams_core::Authentic> {
    given.iter().map(|object| object.0.clone()).collect()
}

/// The canonical bytes of a dict: the block that its id is the hash of. Spec 2.1.
///
/// Raises:
///     MisfitError, UnsoundError: as `Object.from_dict`.
///
/// >>> canonical_bytes({"text": "milk"}).hex()
/// 'a166746578743a73646d696c6b'
#[guarded]
#[pyfunction]
#[pyo3(signature = (data: "DataLike") -> "bytes")]
pub(crate) fn canonical_bytes<'py>(data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Object::from_dict(data)?.block(data.py())
}

/// The id of a dict: of an object where it is one, of a map where it stands in one. Spec 3.2.
///
/// Raises:
///     MisfitError, UnsoundError: as `Object.from_dict`.
///
/// >>> id_of({"text": "milk"}) == id_of({"text:s": "milk"}) == ObjectId.of_block(canonical_bytes({"text": "milk"}))
/// True
#[guarded]
#[pyfunction]
#[pyo3(signature = (data: "DataLike") -> "ObjectId")]
pub(crate) fn id_of(data: &Bound<'_, PyAny>) -> PyResult<ObjectId> {
    Object::from_dict(data)?.id()
}

/// Checks that bytes are the canonical block of a map (spec 2.1).
///
/// Raises:
///     UnsoundError: a rule of spec 14.2 is broken; `code` tells which.
#[guarded]
#[pyfunction]
#[pyo3(signature = (block: "Buffer") -> "None")]
pub(crate) fn check_block(block: Buffer) -> PyResult<()> {
    streams_core::check_block(block.as_ref()).map_err(raised)
}

/// The hash of the original proposal, of an object in JSON with the hints of its time. Spec 12.
///
/// Raises:
///     Oh1Error: this has no such hash.
///
/// >>> oh1('{"type:s": "nimona.io/profile.Created", "author:s": "f00"}')
/// 'oh1.C2Gt3HYoQVAFzU5kCcbqfAFePKgxbsA7Wq3FEGAvRnfS'
#[guarded]
#[pyfunction]
#[pyo3(signature = (json: "str") -> "str")]
pub(crate) fn oh1(json: &str) -> PyResult<String> {
    streams_core::oh1(json).map_err(raised)
}

/// An error in JSON, with the place of it.
fn json_error(error: streams_core::JsonError) -> PyErr {
    let raise = crate::error::Raise::from(&error).with("path", &error.path);
    match error.position {
        Some((line, column)) => raise.with("line", line).with("column", column).into(),
        None => raise.into(),
    }
}

/// A text as Python quotes it.
pub(crate) fn quoted(py: Python<'_>, text: &str) -> PyResult<String> {
    Ok(pyo3::types::PyString::new(py, text).repr()?.to_string())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
