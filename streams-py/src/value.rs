//! Values (spec 1): what a dict of Python is in an object, and the other way round.

use pyo3::buffer::PyBuffer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple, PyType};
use streams_core::codes::{Class, Coded};
use streams_core::{Float, Hint, Kind, List, Map, Name, Value};
use streams_py_guarded::guarded;

use crate::error::Raise;
use crate::id::{ObjectId, kind};
use crate::key::VerifyingKey;

/// How deep values are followed, before the core says that they are too deep: beyond what it takes.
const DEPTH: usize = 40;

/// A map that stands redacted (spec 3.3): its id is known, and what was in it is not.
///
/// It stands in dicts in the place of the map, both when they are read and when they are written.
///
/// >>> id = ObjectId.of_block(b"\xa0")
/// >>> Redacted(id) == Redacted(id)
/// True
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Redacted(streams_core::ObjectId);

#[guarded]
#[pymethods]
impl Redacted {
    #[new]
    #[pyo3(signature = (id: "ObjectId"))]
    fn new(id: &ObjectId) -> Self {
        Self(id.0)
    }

    /// What a `match` statement takes apart: `case Redacted(id)`.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("id",)
    }

    /// The id of the map.
    #[getter]
    fn id(&self) -> ObjectId {
        ObjectId(self.0)
    }

    fn __repr__(&self) -> String {
        format!("Redacted(ObjectId('{}'))", self.0)
    }

    fn __hash__(&self) -> u64 {
        crate::id::hash(self.0)
    }

    #[pyo3(signature = () -> "tuple[type[Redacted], tuple[ObjectId]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), PyTuple::new(py, [self.id()?])?))
    }
}

/// A dict, or what can be one, as a map.
pub(crate) fn map(given: &Bound<'_, PyAny>) -> PyResult<Map> {
    let mut reading = Reading::default();
    let read = match reading.map_like(given) {
        Ok(Some(map)) => Ok(map),
        Ok(None) => Err(Fault::new(
            Class::Misfit,
            "not-a-map",
            format!("data is a dict, a dataclass or a pydantic model, not {}", kind(given)),
        )),
        Err(fault) => Err(fault),
    };
    read.map_err(|fault| fault.exception(given.py()))
}

/// Why a value is not taken, and where it is.
struct Fault {
    cause: Cause,
    /// The way to it, from the inside out.
    path: Vec<String>,
}

enum Cause {
    Raise(Raise),
    /// Something that the value itself raised.
    Python(PyErr),
}

impl From<PyErr> for Fault {
    fn from(error: PyErr) -> Self {
        Self { cause: Cause::Python(error), path: Vec::new() }
    }
}

impl Fault {
    fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self { cause: Cause::Raise(Raise::new(class, code, message)), path: Vec::new() }
    }

    fn coded(error: impl Coded + std::fmt::Display) -> Self {
        Self { cause: Cause::Raise(Raise::from(&error)), path: Vec::new() }
    }

    fn below(mut self, step: impl Into<String>) -> Self {
        self.path.push(step.into());
        self
    }

    fn exception(self, py: Python<'_>) -> PyErr {
        let mut path = String::new();
        for step in self.path.into_iter().rev() {
            if !path.is_empty() && !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(&step);
        }
        match self.cause {
            Cause::Python(error) => error,
            Cause::Raise(raise) if path.is_empty() => raise.exception(py),
            Cause::Raise(raise) => raise.at(path).exception(py),
        }
    }
}

type Read<T> = Result<T, Fault>;

/// Reads values; remembers in which ones it is, so that one that holds itself is noticed.
#[derive(Default)]
struct Reading {
    inside: Vec<usize>,
}

impl Reading {
    /// Reads what is in a container.
    fn within<T>(&mut self, container: &Bound<'_, PyAny>, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let address = container.as_ptr() as usize;
        if self.inside.contains(&address) {
            let message = "the value holds itself: refer to another object by its id instead";
            return Err(Fault::new(Class::Recursive, "recursive", message));
        }
        if self.inside.len() == DEPTH {
            let message = "values are nested deeper than 32: refer to another object by its id instead";
            return Err(Fault::new(Class::Misfit, "too-deep", message));
        }
        self.inside.push(address);
        let read = read(self);
        self.inside.pop();
        read
    }

    /// A map, where it is something like one.
    fn map_like(&mut self, given: &Bound<'_, PyAny>) -> Read<Option<Map>> {
        if let Ok(dict) = given.cast::<PyDict>() {
            return self.within(given, |reading| reading.dict(dict)).map(Some);
        }
        let py = given.py();
        let kind = given.get_type();
        if kind.hasattr(intern!(py, "__dataclass_fields__"))? {
            return self.within(given, |reading| reading.dataclass(given)).map(Some);
        }
        if kind.hasattr(intern!(py, "model_dump"))? {
            let arguments = PyDict::new(py);
            arguments.set_item(intern!(py, "by_alias"), true)?;
            let dumped = given.call_method(intern!(py, "model_dump"), (), Some(&arguments))?;
            return self.within(given, |reading| reading.map_like(&dumped));
        }
        if let Ok(mapping) = given.cast::<PyMapping>() {
            let dict = PyDict::new(py);
            dict.update(mapping)?;
            return self.within(given, |reading| reading.dict(&dict)).map(Some);
        }
        Ok(None)
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>) -> Read<Map> {
        let mut map = Map::new();
        for (key, value) in dict.iter() {
            let Ok(key) = key.cast::<PyString>() else {
                let message = format!("the keys of a dict are text, not {}: write it as text", kind(&key));
                return Err(Fault::new(Class::Misfit, "key-type", message));
            };
            self.entry(&mut map, text(key)?.as_ref(), &value)?;
        }
        Ok(map)
    }

    /// The fields of a dataclass; `field(metadata={"hint": "as"})` is a written hint, and `"name"` there another name.
    fn dataclass(&mut self, given: &Bound<'_, PyAny>) -> Read<Map> {
        let py = given.py();
        let fields = given.getattr(intern!(py, "__dataclass_fields__"))?;
        let mut map = Map::new();
        for (name, field) in fields.cast::<PyDict>().map_err(PyErr::from)?.iter() {
            let name = name.cast::<PyString>().map_err(PyErr::from)?;
            let value = given.getattr(name)?;
            let metadata = field.getattr(intern!(py, "metadata"))?;
            let [hint, other] =
                [intern!(py, "hint"), intern!(py, "name")].map(|key| metadata.call_method1("get", (key,)));
            let (hint, other) = (hint?, other?);
            let name = text(if other.is_none() { name } else { other.cast::<PyString>().map_err(PyErr::from)? })?;
            if hint.is_none() {
                self.entry(&mut map, name.as_ref(), &value)?;
            } else {
                self.entry(&mut map, &format!("{name}:{}", hint.str()?), &value)?;
            }
        }
        Ok(map)
    }

    /// An entry, whose key may have a hint; `None` is no entry.
    fn entry(&mut self, map: &mut Map, key: &str, value: &Bound<'_, PyAny>) -> Read<()> {
        let in_entry = |fault: Fault| fault.below(key);
        let (name, hint) = match key.split_once(':') {
            None => (key, None),
            Some(_) => streams_core::object::key::split_key(key)
                .map(|(name, hint)| (name, Some(hint)))
                .map_err(|error| in_entry(Fault::coded(error)))?,
        };
        let name = Name::new(name).map_err(|error| in_entry(Fault::coded(error)))?;
        if value.is_none() {
            return Ok(());
        }
        let value = match hint {
            None => self.value(value),
            Some(hint) => self.hinted(value, hint),
        };
        if map.insert(name, value.map_err(in_entry)?).is_some() {
            let message = "the name occurs twice in one dict: rename one of the two, whatever their hints";
            return Err(in_entry(Fault::new(Class::Misfit, "name-repeated", message)));
        }
        Ok(())
    }

    /// A value whose type tells its hint.
    fn value(&mut self, given: &Bound<'_, PyAny>) -> Read<Value> {
        if let Ok(string) = given.cast::<PyString>() {
            return Ok(Value::Text(text(string)?.into_owned()));
        }
        if let Ok(bool) = given.cast::<PyBool>() {
            return Ok(Value::Bool(bool.is_true()));
        }
        if let Ok(int) = given.cast::<PyInt>() {
            return int.extract().map(Value::Int).map_err(|_| out_of_range("an integer is −2⁶³ to 2⁶³ − 1", given));
        }
        if let Ok(number) = given.cast::<PyFloat>() {
            return float(number.extract()?);
        }
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Value::Bytes(bytes.as_bytes().to_vec()));
        }
        if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
            return self.within(given, |reading| reading.list(given, None));
        }
        if let Ok(id) = given.cast::<ObjectId>() {
            return Ok(Value::Reference(id.get().0));
        }
        if let Ok(redacted) = given.cast::<Redacted>() {
            return Ok(Value::Redacted(redacted.get().0));
        }
        if let Ok(key) = given.cast::<VerifyingKey>() {
            return Ok(Value::Text(key.get().0.to_string()));
        }
        if let Some(map) = self.map_like(given)? {
            return Ok(Value::Map(map));
        }
        if let Some(bytes) = bytes(given) {
            return Ok(Value::Bytes(bytes));
        }
        if let Some(int) = index(given) {
            return self.value(&int);
        }
        let message = format!(
            "no hint says what a {} is: write it as text, an integer, a float, a boolean, bytes, an ObjectId, a dict or \
             a list of one of them",
            kind(given)
        );
        Err(Fault::new(Class::NoHint, "no-hint", message))
    }

    /// A value with a written hint.
    fn hinted(&mut self, given: &Bound<'_, PyAny>, hint: Hint) -> Read<Value> {
        let mismatch = || {
            let message = format!("a {} does not agree with the hint `{hint}` that is written", kind(given));
            Err(Fault::new(Class::Misfit, "written-hint", message))
        };
        if hint.lists() > 0 {
            let is_text = given.is_instance_of::<PyString>() || given.is_instance_of::<PyBytes>();
            if is_text || given.is_instance_of::<PyDict>() || given.try_iter().is_err() {
                return mismatch();
            }
            return self.within(given, |reading| reading.list(given, hint.item()));
        }
        let is_bool = given.is_instance_of::<PyBool>();
        let int = || if is_bool { None } else { index(given) };
        Ok(match hint.kind() {
            Kind::Int => match int() {
                Some(int) => {
                    Value::Int(int.extract().map_err(|_| out_of_range("under `i` it is −2⁶³ to 2⁶³ − 1", given))?)
                }
                None => return mismatch(),
            },
            Kind::Uint => match int() {
                Some(int) => {
                    Value::Uint(int.extract().map_err(|_| out_of_range("under `u` it is 0 to 2⁶⁴ − 1", given))?)
                }
                None => return mismatch(),
            },
            Kind::Float if is_bool => return mismatch(),
            Kind::Float => match given.cast::<PyFloat>() {
                Ok(number) => float(number.extract()?)?,
                Err(_) => match index(given) {
                    Some(int) => float(int.extract().map_err(|_| out_of_range("a float does not hold it", given))?)?,
                    None => return mismatch(),
                },
            },
            Kind::Reference => match given.cast::<PyString>() {
                Ok(string) => Value::Reference(text(string)?.parse().map_err(Fault::coded)?),
                Err(_) => self.of_kind(given, hint, mismatch)?,
            },
            Kind::Bytes => match bytes(given) {
                Some(bytes) => Value::Bytes(bytes),
                None => return mismatch(),
            },
            _ => self.of_kind(given, hint, mismatch)?,
        })
    }

    /// A value whose own hint must be the one that is written.
    fn of_kind(&mut self, given: &Bound<'_, PyAny>, hint: Hint, mismatch: impl Fn() -> Read<Value>) -> Read<Value> {
        if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
            return mismatch();
        }
        match self.value(given) {
            Ok(value) if value.hint() == hint => Ok(value),
            Ok(_) => mismatch(),
            Err(Fault { cause: Cause::Raise(raise), path }) if path.is_empty() && raise.is(Class::NoHint) => mismatch(),
            Err(fault) => Err(fault),
        }
    }

    fn list(&mut self, given: &Bound<'_, PyAny>, mut item: Option<Hint>) -> Read<Value> {
        let is_written = item.is_some();
        let mut items = Vec::new();
        for (at, element) in given.try_iter()?.enumerate() {
            let element = element?;
            let in_item = |fault: Fault| fault.below(format!("[{at}]"));
            if element.is_none() {
                let message = "an element of a list is never None: leave it out, or put it into a dict";
                return Err(in_item(Fault::new(Class::Misfit, "absent-item", message)));
            }
            let value = match item {
                Some(hint) if is_written => self.hinted(&element, hint),
                _ => self.value(&element),
            };
            let value = value.map_err(in_item)?;
            let hint = *item.get_or_insert(value.hint());
            if value.hint() != hint {
                let message = format!(
                    "the elements of a list have one hint, and this is a `{}` among `{hint}`: use a dict, or write them \
                     all as one type",
                    value.hint()
                );
                return Err(in_item(Fault::new(Class::Misfit, "mixed-list", message)));
            }
            items.push(value);
        }
        let Some(item) = item else {
            let message = "an empty list does not tell its hint: write it with the name, as in `tags:as` (or leave the \
                           list out)";
            return Err(Fault::new(Class::EmptyList, "empty-list", message));
        };
        List::new(item, items).map(Value::List).map_err(Fault::coded)
    }
}

fn text<'a>(string: &'a Bound<'_, PyString>) -> Read<std::borrow::Cow<'a, str>> {
    string.to_cow().map_err(|_| {
        let message = "text has no lone surrogates: write the bytes as bytes";
        Fault::new(Class::Misfit, "type", message)
    })
}

fn float(number: f64) -> Read<Value> {
    let message = "a float is finite: leave out what is not, or write it as text";
    Float::new(number).map(Value::Float).ok_or_else(|| Fault::new(Class::NotFinite, "not-finite", message))
}

fn out_of_range(range: &str, given: &Bound<'_, PyAny>) -> Fault {
    let bits = given.call_method0("bit_length").map_or_else(|_| String::new(), |bits| format!(" ({bits} bits)"));
    let message = format!(
        "the integer{bits} is out of range: {range}; write `name:u` for up to 2⁶⁴ − 1, and larger ones as text or bytes"
    );
    Fault::new(Class::IntegerRange, "integer-range", message)
}

/// What can be an integer without loss: an integer, and what has `__index__`.
fn index<'py>(given: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    if given.is_instance_of::<PyInt>() {
        return Some(given.clone());
    }
    let py = given.py();
    if !given.hasattr(intern!(py, "__index__")).ok()? {
        return None;
    }
    given.call_method0(intern!(py, "__index__")).ok()
}

fn bytes(given: &Bound<'_, PyAny>) -> Option<Vec<u8>> {
    if let Ok(bytes) = given.cast::<PyBytes>() {
        return Some(bytes.as_bytes().to_vec());
    }
    if let Ok(bytes) = given.cast::<PyByteArray>() {
        return Some(bytes.to_vec());
    }
    PyBuffer::<u8>::get(given).ok()?.to_vec(given.py()).ok()
}

/// A map as a dict, whose keys have their hints or not.
pub(crate) fn dict<'py>(py: Python<'py>, map: &Map, hints: bool) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in map.iter() {
        if hints {
            dict.set_item(format!("{name}:{}", value.hint()), python(py, value, hints)?)?;
        } else {
            dict.set_item(PyString::intern(py, name.as_str()), python(py, value, hints)?)?;
        }
    }
    Ok(dict)
}

fn python<'py>(py: Python<'py>, value: &Value, hints: bool) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::Int(int) => int.into_pyobject(py)?.into_any(),
        Value::Uint(uint) => uint.into_pyobject(py)?.into_any(),
        Value::Float(float) => PyFloat::new(py, float.value()).into_any(),
        Value::Bool(bool) => PyBool::new(py, *bool).to_owned().into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Map(map) => dict(py, map, hints)?.into_any(),
        Value::Redacted(id) => Bound::new(py, Redacted(*id))?.into_any(),
        Value::Reference(id) => Bound::new(py, ObjectId(*id))?.into_any(),
        Value::List(list) => {
            let items = list.items().iter().map(|item| python(py, item, hints)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
    })
}
