//! Values (spec 1): maps of named, hinted values, held as a tree.
//!
//! A value tells its hint, so value and hint cannot disagree; a float is finite and not −0.0; the elements of a list
//! are of one hint. What cannot be said here cannot be encoded.

use std::collections::BTreeMap;

use super::id::ObjectId;
use super::key::{Hint, KeyError, Kind, Name};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, `s`.
    Text(String),
    /// A signed integer, `i`.
    Int(i64),
    /// An unsigned integer, `u`.
    Uint(u64),
    /// A float, `f`.
    Float(Float),
    /// True or false, `b`.
    Bool(bool),
    /// Bytes, `d`.
    Bytes(Vec<u8>),
    /// A map, `m`.
    Map(Map),
    /// A map that stands as its id, `m` (spec 3.3).
    Redacted(ObjectId),
    /// A reference to an object, `r`.
    Reference(ObjectId),
    /// A list, `a` before the hint of its elements.
    List(List),
}

impl Value {
    /// The hint under which this value stands.
    pub fn hint(&self) -> Hint {
        Hint::of(match self {
            Self::Text(_) => Kind::Text,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
            Self::Bytes(_) => Kind::Bytes,
            Self::Map(_) | Self::Redacted(_) => Kind::Map,
            Self::Reference(_) => Kind::Reference,
            Self::List(list) => return list.hint,
        })
    }
}

/// A finite binary64 other than −0.0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Float(f64);

impl Float {
    /// The float; −0.0 becomes 0.0. `None` where it is infinite or no number.
    pub fn new(float: f64) -> Option<Self> {
        // Adding 0.0 turns −0.0 into 0.0 and leaves every other float as it is.
        float.is_finite().then_some(Self(float + 0.0))
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

/// A list, all of whose elements have one hint.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    hint: Hint,
    items: Vec<Value>,
}

/// An element of a list has another hint than the list says, or the lists are nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the elements of a list have one hint, at most 31 lists deep")]
pub struct ListError;

impl List {
    /// A list whose elements have the hint `item`; an empty list has one too.
    pub fn new(item: Hint, items: Vec<Value>) -> Result<Self, ListError> {
        let hint = item.list().ok_or(ListError)?;
        if items.iter().any(|value| value.hint() != item) {
            return Err(ListError);
        }
        Ok(Self { hint, items })
    }

    /// The hint of the elements.
    pub fn item(&self) -> Hint {
        self.hint.item().expect("the hint of a list")
    }

    /// The elements.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

/// A map: values by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    entries: BTreeMap<Name, Value>,
}

impl Map {
    /// The empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a name, and gives back the one it replaces.
    pub fn insert(&mut self, name: Name, value: Value) -> Option<Value> {
        self.entries.insert(name, value)
    }

    /// The map with this entry too, for building a map in one expression.
    ///
    /// ```
    /// # use streams_core::{Map, Value};
    /// let map = Map::new().with("text", Value::Text("milk".into()))?.with("count", Value::Uint(2))?;
    /// assert_eq!(map.len(), 2);
    /// # Ok::<(), streams_core::KeyError>(())
    /// ```
    pub fn with(mut self, name: &str, value: Value) -> Result<Self, KeyError> {
        self.insert(Name::new(name)?, value);
        Ok(self)
    }

    /// The map with a `salt:d`, without which the content of a redacted map can be guessed (spec 3.3). The 16 bytes
    /// must be fresh and unpredictable.
    pub fn salted(mut self, salt: [u8; 16]) -> Self {
        self.insert(Name::new("salt").expect("a name"), Value::Bytes(salt.into()));
        self
    }

    /// The value of a name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.entries.get(name)
    }

    /// Takes the value of a name out of the map.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.entries.remove(name)
    }

    /// The entries, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Name, &Value)> {
        self.entries.iter()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

macro_rules! values {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

values!(&str => Text, String => Text, i64 => Int, u64 => Uint, Float => Float, bool => Bool, Vec<u8> => Bytes,
    Map => Map, ObjectId => Reference, List => List);
