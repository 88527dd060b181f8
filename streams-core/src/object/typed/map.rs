//! A [`Map`] as a field of a Rust type: what has no type of its own. It is written with the hint at each key, and comes
//! back equal, in objects as in other formats.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::kinds::{Bytes, REDACTED};
use crate::object::id::ObjectId;
use crate::object::key::{Hint, Kind, Name, split_key};
use crate::object::value::{Float, List, Map, Value};

/// The newtype struct as which a [`Map`] is read: its keys come with their hints.
pub(super) const MAP: &str = "$streams::Map";

/// ```
/// # use serde::{Deserialize, Serialize};
/// # use streams_core::{Map, Value, from_map, to_map};
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Page { title: String, meta: Map }
///
/// let meta = Map::new().with("views", Value::Uint(7))?;
/// let page = Page { title: "Milk".into(), meta };
/// assert_eq!(from_map::<Page>(&to_map(&page)?)?, page);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            entries.serialize_entry(&format!("{name}:{}", value.hint()), &Written(value))?;
        }
        entries.end()
    }
}

/// A value whose key tells its hint.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Int(int) => serializer.serialize_i64(*int),
            Value::Uint(uint) => serializer.serialize_u64(*uint),
            Value::Float(float) => serializer.serialize_f64(float.value()),
            Value::Bool(bool) => serializer.serialize_bool(*bool),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::Reference(id) => id.serialize(serializer),
            Value::Map(map) => map.serialize(serializer),
            Value::Redacted(id) => serializer.serialize_newtype_struct(REDACTED, id),
            Value::List(list) => serializer.collect_seq(list.items().iter().map(Written)),
        }
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_newtype_struct(MAP, MapVisitor)? {
            Value::Map(map) => Ok(map),
            _ => Err(D::Error::custom("the map stands redacted")),
        }
    }
}

/// A map, or the id of one that stands redacted.
struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map whose keys have hints")
    }

    /// From other formats.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, either: D) -> Result<Value, D::Error> {
        either.deserialize_any(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let (name, hint) = split_key(&key).map_err(A::Error::custom)?;
            let value = entries.next_value_seed(Hinted(hint))?;
            if map.insert(Name::new(name).map_err(A::Error::custom)?, value).is_some() {
                return Err(A::Error::custom(format_args!("the name `{name}` occurs twice")));
            }
        }
        Ok(Value::Map(map))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        text.parse().map(Value::Redacted).map_err(E::custom)
    }
}

/// A value with this hint.
struct Hinted(Hint);

impl<'de> DeserializeSeed<'de> for Hinted {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if let Some(item) = self.0.item() {
            return deserializer.deserialize_seq(ListVisitor(item));
        }
        Ok(match self.0.kind() {
            Kind::Text => Value::Text(String::deserialize(deserializer)?),
            Kind::Int => Value::Int(i64::deserialize(deserializer)?),
            Kind::Uint => Value::Uint(u64::deserialize(deserializer)?),
            Kind::Float => {
                let float = f64::deserialize(deserializer)?;
                Value::Float(Float::new(float).ok_or_else(|| D::Error::custom("a float is finite, and not −0.0"))?)
            }
            Kind::Bool => Value::Bool(bool::deserialize(deserializer)?),
            Kind::Bytes => Value::Bytes(Bytes::deserialize(deserializer)?.0),
            Kind::Reference => Value::Reference(ObjectId::deserialize(deserializer)?),
            Kind::Map => deserializer.deserialize_newtype_struct(MAP, MapVisitor)?,
        })
    }
}

/// A list whose elements have this hint.
struct ListVisitor(Hint);

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of values with the hint {}", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Hinted(self.0))? {
            items.push(item);
        }
        List::new(self.0, items).map(Value::List).map_err(A::Error::custom)
    }
}
