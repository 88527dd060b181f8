//! Rust types as data (spec 1.4): what derives serde's `Serialize` and `Deserialize` becomes a map, and comes back.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use streams_core::{Bytes, Draft, Name, ObjectId, SigningKey, Value, to_map};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Item {
//!     text: String,                // text:s
//!     count: u32,                  // count:u
//!     picture: Option<Bytes>,      // picture:d, or nothing
//!     answers: Option<ObjectId>,   // answers:r, or nothing
//!     #[serde(rename = "tags:as")] // a list that may be empty needs a written hint
//!     tags: Vec<String>,
//! }
//!
//! let milk = Item { text: "milk".into(), count: 2, picture: None, answers: None, tags: vec![] };
//! let map = to_map(&milk)?;
//! assert_eq!(map.value("count"), Some(&Value::Uint(2)));
//!
//! let key = SigningKey::from_bytes([7; 32]);
//! let root = Draft::root("example.org/list", [0; 16]).data(map).sign(&key)?;
//! assert_eq!(root.object().data_as::<Item>()?, Some(milk));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes what
//!
//! | Rust | hint |
//! |---|---|
//! | `String`, `&str`, `char`, a variant without content | `s` |
//! | `i8` to `i64`, `isize` | `i` |
//! | `u8` to `u64`, `usize` | `u` |
//! | `f32` (widened), `f64`: −0.0 becomes 0.0, others than finite ones are an error | `f` |
//! | `bool` | `b` |
//! | [`Bytes`], and whatever else calls `serialize_bytes` | `d` |
//! | a struct, a map, [`Map`], a variant with content (a map with one entry) | `m` |
//! | [`Redactable`]: a map with a salt, or its id | `m` |
//! | [`ObjectId`] | `r` |
//! | [`VerifyingKey`](crate::VerifyingKey), as the author of an object is written | `s` |
//! | `Vec`, a set, an array, a tuple, a tuple struct: of one hint | `a` and that hint |
//! | `None`, `()`, a unit struct | absent; in a list an error |
//! | `Some(x)`, a newtype struct | as what is in it |
//!
//! Integers of 128 bits are an error, and so are tuples and enums in a list whose elements would have several hints: a
//! struct, or an enum with `#[serde(tag = "kind")]`, says the same in maps. An enum may be tagged in each of serde's
//! four ways. The keys of a map are text, characters, integers (in decimal), ids, or variants without content. A name
//! that begins with `_` is a note (spec 1.3): it stands in the map, and in no object.
//!
//! # Written hints
//!
//! A name with a `:` is a key, and its hint wins: `#[serde(rename = "tags:as")]`, or a key `tags:as` of a
//! `BTreeMap<String, _>`. Value and hint must agree; only an integer takes the other of `i` and `u` where it fits, and
//! integers up to 255 in a list (a `Vec<u8>`, a `[u8; 32]`) under `d` are bytes.
//!
//! On reading, a field finds its entry by its name, or by its key where it is written with a hint; then the entry must
//! have that hint. A map, which has no fields, gets the names without hints. So do structs whose fields serde asks for
//! as a map: those with or within `#[serde(flatten)]`, and those in an enum that is untagged or tagged inside. Their
//! hints are for writing only: `#[serde(rename(serialize = "tags:as"))]`.
//!
//! What is absent is absent: only an `Option` finds itself there as `None`. A field `()` needs `#[serde(default)]`.
//!
//! # Borrowing
//!
//! [`Object::data_as`] reads the blocks of the object as they stand, without a tree of values between: fields of
//! `&str`, and of `&[u8]` under a written `d`, point into the object.

mod de;
mod kinds;
mod map;
mod ser;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use kinds::{Bytes, Redactable};

use self::de::Walk;
use self::ser::Writing;
use super::id::ObjectId;
use super::key::{Hint, KeyError};
use super::parts::{Object, encode_nested};
use super::value::{Map, Value};

/// Writes a value of a Rust type as a map: a struct, a map, or a variant with content. The limits of an object
/// (spec 1.5) are judged when it is signed.
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Vote { choice: String, weight: i64, seconds: Vec<u64> }
///
/// let vote = Vote { choice: "yes".into(), weight: 1, seconds: vec![] };
/// let error = streams_core::to_map(&vote).unwrap_err();
/// assert_eq!(error.path(), "seconds"); // an empty list: of what?
/// ```
pub fn to_map<T: Serialize + ?Sized>(value: &T) -> Result<Map, TypedError> {
    match value.serialize(Writing::TOP)? {
        Some(ser::Node::Value(Value::Map(map))) => Ok(map),
        _ => Err(Misfit::NotAMap.into()),
    }
}

/// Reads a map as a value of a Rust type. Notes (spec 1.3) are not read. Data of an object is read faster by
/// [`Object::data_as`].
///
/// ```
/// # use streams_core::{Map, Value, from_map};
/// #[derive(serde::Deserialize)]
/// struct Vote { choice: String, weight: Option<i64> }
///
/// let map = Map::new().with("choice", Value::Text("yes".into()))?;
/// let vote: Vote = from_map(&map)?;
/// assert_eq!((vote.choice.as_str(), vote.weight), ("yes", None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn from_map<T: DeserializeOwned>(map: &Map) -> Result<T, TypedError> {
    let mut maps = Vec::new();
    let id = encode_nested(map, 1, &mut maps).map_err(|_| Misfit::TooDeep)?;
    de::read_map(id, &maps)
}

impl Object {
    /// The application's content, `data:m`, as a value of a Rust type. `None` where there is none, or where it stands
    /// redacted and the type cannot say so, as a [`Redactable`] can.
    ///
    /// A map within the data that stands redacted is an error, [`Misfit::Redacted`], where the type wants its content:
    /// also for an `Option`, since what was removed is not the same as what never was. Who governs a stream can have
    /// any map removed (spec 3.4), so a map that a reader can do without is best declared [`Redactable`].
    ///
    /// ```
    /// # use streams_core::{Draft, SigningKey, to_map};
    /// #[derive(serde::Serialize, serde::Deserialize)]
    /// struct Message<'a> { text: &'a str }
    ///
    /// # let key = SigningKey::from_bytes([7; 32]);
    /// let root = Draft::root("example.org/talk", [0; 16]).data(to_map(&Message { text: "hello" })?).sign(&key)?;
    /// let message: Message = root.object().data_as()?.expect("it is here");
    /// assert_eq!(message.text, "hello"); // in the bytes of the object
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn data_as<'a, T: Deserialize<'a>>(&'a self) -> Result<Option<T>, TypedError> {
        Walk::of_data(self).map_or(Ok(None), Walk::read)
    }
}

/// Why a value is no map, or a map is no value of a type: what does not fit, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct TypedError(Box<Fault>);

#[derive(Clone, Debug, PartialEq)]
struct Fault {
    path: String,
    misfit: Misfit,
}

impl TypedError {
    /// Where it does not fit, as `items[3].name`; empty for the whole.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What does not fit.
    pub fn misfit(&self) -> &Misfit {
        &self.0.misfit
    }

    /// The error as seen from the map around it.
    fn in_entry(mut self, name: &str) -> Self {
        let joint = if self.0.path.is_empty() || self.0.path.starts_with('[') { "" } else { "." };
        self.0.path = format!("{name}{joint}{}", self.0.path);
        self
    }

    /// The error as seen from the list around it.
    fn in_item(self, index: usize) -> Self {
        self.in_entry(&format!("[{index}]"))
    }
}

impl From<Misfit> for TypedError {
    fn from(misfit: Misfit) -> Self {
        Self(Box::new(Fault { path: String::new(), misfit }))
    }
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            "" => self.misfit().fmt(f),
            path => write!(f, "{path}: {}", self.misfit()),
        }
    }
}

impl std::error::Error for TypedError {}

impl serde::ser::Error for TypedError {
    fn custom<T: Display>(message: T) -> Self {
        Misfit::Type(message.to_string()).into()
    }
}

impl serde::de::Error for TypedError {
    fn custom<T: Display>(message: T) -> Self {
        Misfit::Type(message.to_string()).into()
    }
}

/// What does not fit between a Rust type and a map.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Misfit {
    /// The whole is no map.
    #[error("data is a map: a struct, a map, or a variant with content")]
    NotAMap,
    /// A name, or a written hint, is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key of a map is neither text nor an integer.
    #[error("the keys of a map are text, characters, integers, ids or variants without content")]
    KeyType,
    /// Two entries have one name.
    #[error("the name occurs twice in one map: rename one of the two, whatever their hints")]
    NameRepeated,
    /// An empty list without a written hint.
    #[error("an empty list does not tell its hint: write it with the name, as in #[serde(rename = \"tags:as\")]")]
    EmptyList,
    /// The elements of a list have several hints.
    #[error("the elements of a list have one hint, and not all of these are `{0}`: use a struct, or a tagged enum")]
    Mixed(Hint),
    /// An element of a list is absent.
    #[error("an element of a list is never absent: leave it out, or put it into a struct")]
    AbsentItem,
    /// The value does not agree with the hint that is written.
    #[error("the value does not agree with the hint `{0}` that is written with its name")]
    WrittenHint(Hint),
    /// The entry has another hint than the field that reads it.
    #[error("the type reads `{field}`, and the map has `{key}`")]
    OtherHint {
        /// The field, with its written hint.
        field: String,
        /// The key in the map.
        key: String,
    },
    /// An infinite float, or one that is no number.
    #[error("a float is finite: leave out what is not, or write it as text")]
    NotFinite,
    /// An integer of 128 bits.
    #[error("integers have at most 64 bits: write larger ones as text or bytes")]
    Wide,
    /// Values below depth 32.
    #[error("values nested deeper than 32: refer to another object instead")]
    TooDeep,
    /// A map stands redacted where its content is wanted.
    #[error("the map {0} stands redacted: read it as a Redactable")]
    Redacted(ObjectId),
    /// What the type itself says.
    #[error("{0}")]
    Type(String),
}
