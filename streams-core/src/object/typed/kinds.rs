//! What serde has no words for: bytes, references, and maps that may stand redacted.
//!
//! References and redacted maps pass through serde as newtype structs under reserved names, which mean nothing to other
//! formats.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::object::author::VerifyingKey;
use crate::object::id::ObjectId;

/// The newtype struct that is a reference.
pub(super) const REFERENCE: &str = "$streams::Reference";
/// The newtype struct that is a map which stands redacted.
pub(super) const REDACTED: &str = "$streams::Redacted";
/// The newtype struct as which a [`Redactable`] is read.
pub(super) const REDACTABLE: &str = "$streams::Redactable";
/// The key of the salt (spec 3.3).
pub(super) const SALT: &str = "salt:d";

/// Bytes, `d`. Serde takes a `Vec<u8>`, a `&[u8]` and a `[u8; 32]` for lists of integers, `au`; under a written `d`, as
/// in `#[serde(rename = "hash:d")]`, these are bytes too.
///
/// ```
/// # use streams_core::Bytes;
/// let bytes = Bytes::from(vec![1, 2]);
/// assert_eq!(bytes.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub Vec<u8>);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.into())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(bytes.into())
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            /// Formats without bytes, as JSON, have lists.
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = list.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

/// A reference, `r`. In other formats, the text of the id where people read it, or else its digest.
impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Digest<'a>(&'a [u8; 32]);

        impl Serialize for Digest<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }

        if serializer.is_human_readable() {
            serializer.serialize_newtype_struct(REFERENCE, &self.to_string())
        } else {
            serializer.serialize_newtype_struct(REFERENCE, &Digest(self.as_bytes()))
        }
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl<'de> Visitor<'de> for IdVisitor {
            type Value = ObjectId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an id of an object")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, digest: D) -> Result<ObjectId, D::Error> {
                digest.deserialize_bytes(self)
            }

            fn visit_bytes<E: Error>(self, digest: &[u8]) -> Result<ObjectId, E> {
                let digest = digest.try_into().map_err(|_| E::invalid_length(digest.len(), &"32 bytes"))?;
                Ok(ObjectId::from_bytes(digest))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ObjectId, E> {
                text.parse().map_err(E::custom)
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_str(IdVisitor)
        } else {
            deserializer.deserialize_newtype_struct(REFERENCE, IdVisitor)
        }
    }
}

/// The text form, `s`, as in `author:s`.
impl Serialize for VerifyingKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifyingKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl Visitor<'_> for KeyVisitor {
            type Value = VerifyingKey;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an author's key as text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<VerifyingKey, E> {
                VerifyingKey::from_str(text).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A map that may be redacted later (spec 3.3), or that stands redacted.
///
/// It is written as the map of its value with a `salt:d`, without which its content could be guessed from its id. What
/// is redacted keeps its place: in a list (`Vec<Redactable<T>>`, `am`) each map stands or falls alone, with a salt of
/// its own; within each other the outer one takes the inner ones with it.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use streams_core::{Draft, Redactable, SigningKey, to_map};
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Contact { name: String, address: Redactable<Address> }
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Address { street: String }
///
/// let salt = [9; 16]; // 16 fresh random bytes, in earnest
/// let address = Redactable::new(Address { street: "Elm Street 7".into() }, salt);
/// let data = to_map(&Contact { name: "Ada".into(), address })?;
///
/// let key = SigningKey::from_bytes([7; 32]);
/// let root = Draft::root("example.org/contacts", [0; 16]).data(data).sign(&key)?;
/// let address = streams_core::ObjectId::of_block(root.object().maps()[1]);
/// let redacted = root.object().redact(&address)?;
/// let contact: Contact = redacted.data_as()?.expect("the contact is here");
/// assert_eq!(contact.address, Redactable::Redacted(address));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Redactable<T> {
    /// The map is here. Made by [`Redactable::new`], which wants a salt.
    #[non_exhaustive]
    Whole {
        /// The salt; empty in a map that was written without one.
        salt: Bytes,
        /// The value, whose map has no name `salt` of its own.
        value: T,
    },
    /// The map stands as its id.
    Redacted(ObjectId),
}

impl<T> Redactable<T> {
    /// A value whose map may be redacted later. The 16 bytes must be fresh and unpredictable.
    pub fn new(value: T, salt: [u8; 16]) -> Self {
        Self::Whole { salt: salt.into(), value }
    }

    /// The value, unless it stands redacted.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Whole { value, .. } => Some(value),
            Self::Redacted(_) => None,
        }
    }
}

impl<T: Serialize> Serialize for Redactable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Whole<'a, T> {
            #[serde(rename = "salt:d", skip_serializing_if = "is_empty")]
            salt: &'a Bytes,
            #[serde(flatten)]
            value: &'a T,
        }

        fn is_empty(bytes: &Bytes) -> bool {
            bytes.is_empty()
        }

        match self {
            Self::Whole { salt, value } => Whole { salt, value }.serialize(serializer),
            Self::Redacted(id) => serializer.serialize_newtype_struct(REDACTED, id),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Redactable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RedactableVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for RedactableVisitor<T> {
            type Value = Redactable<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map, or the id of one")
            }

            /// From the blocks of an object: the salt, and the map without it.
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let salt = parts.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let value = parts.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                Ok(Redactable::Whole { salt, value })
            }

            /// From other formats, and where serde buffered what it read.
            fn visit_newtype_struct<D: Deserializer<'de>>(self, either: D) -> Result<Self::Value, D::Error> {
                either.deserialize_any(self)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                #[derive(serde::Deserialize)]
                struct Whole<T> {
                    #[serde(default, alias = "salt:d")]
                    salt: Bytes,
                    #[serde(flatten)]
                    value: T,
                }

                let Whole { salt, value } = Whole::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Redactable::Whole { salt, value })
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                text.parse().map(Redactable::Redacted).map_err(E::custom)
            }
        }

        deserializer.deserialize_newtype_struct(REDACTABLE, RedactableVisitor(PhantomData))
    }
}
