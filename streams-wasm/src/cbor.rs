//! What crosses between JavaScript and the core: CBOR, written and read on either side by a page of code.
//!
//! Ids stand under tag 42, as their 32 bytes; authors are text; the maps of objects have their hinted keys. It is a
//! private form: neither canonical, nor kept anywhere.

use minicbor::data::Tag;
#[cfg(feature = "whole")]
use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use streams_core::codes::Class;
#[cfg(feature = "whole")]
use streams_core::{Float, Hint, Kind, List, Name};
use streams_core::{Map, ObjectId, Value, VerifyingKey};

use crate::error::{Failure, Outcome};

/// What stands before an id.
const ID: Tag = Tag::new(42);

/// Writes what JavaScript reads.
pub(crate) struct Out(Encoder<Vec<u8>>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(Encoder::new(Vec::new()))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }

    /// Begins a list of so many.
    pub(crate) fn list(&mut self, len: usize) -> &mut Self {
        let _ = self.0.array(len as u64);
        self
    }

    /// Begins a map of so many entries.
    pub(crate) fn map(&mut self, len: usize) -> &mut Self {
        let _ = self.0.map(len as u64);
        self
    }

    /// A text, or the key of an entry.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let _ = self.0.str(text);
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let _ = self.0.bytes(bytes);
        self
    }

    pub(crate) fn uint(&mut self, number: u64) -> &mut Self {
        let _ = self.0.u64(number);
        self
    }

    pub(crate) fn bool(&mut self, bool: bool) -> &mut Self {
        let _ = self.0.bool(bool);
        self
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        let _ = self.0.null();
        self
    }

    pub(crate) fn id(&mut self, id: &ObjectId) -> &mut Self {
        let _ = self.0.tag(ID);
        self.bytes(id.as_bytes())
    }

    pub(crate) fn author(&mut self, author: &VerifyingKey) -> &mut Self {
        self.text(&author.to_string())
    }

    /// What was written already.
    #[cfg(feature = "whole")]
    pub(crate) fn raw(&mut self, written: &[u8]) -> &mut Self {
        self.0.writer_mut().extend_from_slice(written);
        self
    }

    /// The value, or null.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => drop(self.null()),
        }
        self
    }

    pub(crate) fn ids(&mut self, ids: &[ObjectId]) -> &mut Self {
        self.list(ids.len());
        ids.iter().for_each(|id| {
            self.id(id);
        });
        self
    }

    /// A map of an object, with its hinted keys.
    pub(crate) fn entries(&mut self, map: &Map) -> &mut Self {
        self.map(map.len());
        for (name, value) in map.iter() {
            let mut key = name.as_str().to_owned();
            key.push(':');
            key.push_str(&value.hint().to_string());
            self.text(&key).value(value);
        }
        self
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => drop(self.text(text)),
            Value::Int(number) => drop(self.0.i64(*number)),
            Value::Uint(number) => drop(self.uint(*number)),
            Value::Float(float) => drop(self.0.f64(float.value())),
            Value::Bool(bool) => drop(self.bool(*bool)),
            Value::Bytes(bytes) => drop(self.bytes(bytes)),
            Value::Map(map) => drop(self.entries(map)),
            Value::Redacted(id) | Value::Reference(id) => drop(self.id(id)),
            Value::List(list) => {
                self.list(list.items().len());
                list.items().iter().for_each(|item| self.value(item));
            }
        }
    }
}

/// Reads what JavaScript wrote.
pub(crate) struct In<'b>(Decoder<'b>);

/// The face wrote something else than was agreed: nobody who uses it can make it do so.
fn disagreed<E>(_: E) -> Failure {
    Failure::new(Class::Length, "length")
}

impl<'b> In<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    /// Begins a list, and tells how many follow.
    pub(crate) fn list(&mut self) -> Outcome<usize> {
        let len = self.0.array().map_err(disagreed)?.unwrap_or(0);
        // No element is shorter than a byte.
        let left = self.0.input().len() - self.0.position();
        Ok((len as usize).min(left))
    }

    pub(crate) fn text(&mut self) -> Outcome<&'b str> {
        self.0.str().map_err(disagreed)
    }

    pub(crate) fn bytes(&mut self) -> Outcome<&'b [u8]> {
        self.0.bytes().map_err(disagreed)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        self.bytes()?.try_into().map_err(disagreed)
    }

    pub(crate) fn uint(&mut self) -> Outcome<u64> {
        self.0.u64().map_err(disagreed)
    }

    pub(crate) fn size(&mut self) -> Outcome<usize> {
        Ok(usize::try_from(self.uint()?).unwrap_or(usize::MAX))
    }

    #[cfg(feature = "whole")]
    pub(crate) fn bool(&mut self) -> Outcome<bool> {
        self.0.bool().map_err(disagreed)
    }

    pub(crate) fn id(&mut self) -> Outcome<ObjectId> {
        self.0.tag().map_err(disagreed)?;
        Ok(ObjectId::from_bytes(self.array()?))
    }

    pub(crate) fn author(&mut self) -> Outcome<VerifyingKey> {
        Ok(self.text()?.parse()?)
    }

    #[cfg(feature = "whole")]
    /// The value, or none where null stands.
    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<Option<T>> {
        if self.0.datatype().map_err(disagreed)? == Type::Null {
            self.0.null().map_err(disagreed)?;
            return Ok(None);
        }
        read(self).map(Some)
    }

    pub(crate) fn many<T>(&mut self, mut read: impl FnMut(&mut Self) -> Outcome<T>) -> Outcome<Vec<T>> {
        let len = self.list()?;
        (0..len).map(|_| read(self)).collect()
    }

    pub(crate) fn ids(&mut self) -> Outcome<Vec<ObjectId>> {
        self.many(Self::id)
    }

    pub(crate) fn parts(&mut self) -> Outcome<Vec<&'b [u8]>> {
        self.many(Self::bytes)
    }

    #[cfg(feature = "whole")]
    pub(crate) fn stream(&mut self) -> Outcome<ObjectId> {
        self.id()
    }

    #[cfg(feature = "whole")]
    /// A map whose keys have hints; each value is read as its hint says.
    pub(crate) fn entries(&mut self) -> Outcome<Map> {
        let len = self.0.map().map_err(disagreed)?.unwrap_or(0);
        let mut map = Map::new();
        for _ in 0..len {
            let key = self.text()?;
            let (name, hint) = streams_core::object::key::split_key(key)?;
            let value = self.value(hint)?;
            if map.insert(Name::new(name)?, value).is_some() {
                return Err(Failure::new(Class::Misfit, "name-repeated"));
            }
        }
        Ok(map)
    }

    #[cfg(feature = "whole")]
    fn value(&mut self, hint: Hint) -> Outcome<Value> {
        let mismatch = |_| Failure::new(Class::Misfit, "written-hint");
        if let Some(item) = hint.item() {
            let len = self.0.array().map_err(mismatch)?.unwrap_or(0);
            let items = (0..len).map(|_| self.value(item)).collect::<Result<_, _>>()?;
            return Ok(Value::List(List::new(item, items).map_err(disagreed)?));
        }
        Ok(match hint.kind() {
            Kind::Text => Value::Text(self.0.str().map_err(mismatch)?.into()),
            Kind::Int => Value::Int(self.0.i64().map_err(mismatch)?),
            Kind::Uint => Value::Uint(self.0.u64().map_err(mismatch)?),
            Kind::Float => {
                let float = Float::new(self.0.f64().map_err(mismatch)?);
                Value::Float(float.ok_or_else(|| Failure::new(Class::NotFinite, "not-finite"))?)
            }
            Kind::Bool => Value::Bool(self.0.bool().map_err(mismatch)?),
            Kind::Bytes => Value::Bytes(self.0.bytes().map_err(mismatch)?.into()),
            Kind::Map => match self.0.datatype().map_err(mismatch)? {
                Type::Tag => Value::Redacted(self.id()?),
                _ => Value::Map(self.entries()?),
            },
            Kind::Reference => {
                self.0.tag().map_err(mismatch)?;
                Value::Reference(ObjectId::from_bytes(self.array()?))
            }
        })
    }
}
