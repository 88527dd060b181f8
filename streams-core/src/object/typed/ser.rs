//! From a Rust type to a tree of values.
//!
//! What serde hands over becomes a [`Node`]: `None` is absent. A [`Writing`] knows the hint that is written for its
//! value, if any; a list without one waits for its elements to tell.

use serde::ser::{
    Error, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::kinds::{REDACTED, REFERENCE};
use super::{Misfit, TypedError};
use crate::object::codec::MAX_DEPTH;
use crate::object::id::ObjectId;
use crate::object::key::{Hint, Kind, Name, split_key};
use crate::object::value::{Float, List, Map, Value};

const INT: Hint = Hint::of(Kind::Int);
const UINT: Hint = Hint::of(Kind::Uint);
const BYTES: Hint = Hint::of(Kind::Bytes);
const MAP: Hint = Hint::of(Kind::Map);

/// A value, or a list that does not tell its hint: every innermost list of it is empty.
pub(super) enum Node {
    Value(Value),
    Open(Vec<Node>),
}

impl Node {
    /// The value under the hint that the other elements of its list have.
    fn settle(self, hint: Hint) -> Result<Value, TypedError> {
        match (self, hint.item()) {
            (Node::Value(value), _) if value.hint() == hint => Ok(value),
            (Node::Open(items), Some(item)) => list(item, items),
            _ => Err(Misfit::Mixed(hint).into()),
        }
    }
}

fn list(item: Hint, items: Vec<Node>) -> Result<Value, TypedError> {
    let items = items.into_iter().map(|node| node.settle(item)).collect::<Result<_, _>>()?;
    Ok(Value::List(List::new(item, items).map_err(|_| Misfit::TooDeep)?))
}

/// Serializes one value, with the hint that is written for it, at its depth.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    hint: Option<Hint>,
    depth: u8,
}

impl Writing {
    /// The whole, whose values will be at depth 1.
    pub(super) const TOP: Self = Self { hint: None, depth: 0 };

    fn below(self, hint: Option<Hint>) -> Self {
        Self { hint, depth: self.depth + 1 }
    }

    fn check_depth(self) -> Result<(), TypedError> {
        if self.depth > MAX_DEPTH { Err(Misfit::TooDeep.into()) } else { Ok(()) }
    }

    fn value(self, value: Value) -> Result<Option<Node>, TypedError> {
        self.check_depth()?;
        match self.hint {
            Some(hint) if hint != value.hint() => Err(Misfit::WrittenHint(hint).into()),
            _ => Ok(Some(Node::Value(value))),
        }
    }

    fn items(self, len: Option<usize>) -> Result<Items, TypedError> {
        self.check_depth()?;
        let item = match self.hint {
            None => None,
            Some(BYTES) => Some(UINT),
            Some(hint) => Some(hint.item().ok_or(Misfit::WrittenHint(hint))?),
        };
        Ok(Items { list: self, item, items: Vec::with_capacity(len.unwrap_or(0).min(4096)) })
    }

    fn entries(self) -> Result<Entries, TypedError> {
        self.check_depth()?;
        match self.hint {
            Some(hint) if hint != MAP => Err(Misfit::WrittenHint(hint).into()),
            _ => Ok(Entries { whole: self, map: Map::new(), key: None }),
        }
    }
}

/// The name and the written hint of a key.
fn name_and_hint(key: &str) -> Result<(Name, Option<Hint>), TypedError> {
    let split = || match key.contains(':') {
        true => split_key(key).and_then(|(name, hint)| Ok((Name::new(name)?, Some(hint)))),
        false => Name::new(key).map(|name| (name, None)),
    };
    split().map_err(|error| TypedError::from(Misfit::Key(error)).in_entry(key))
}

/// The id that a type of this crate writes under one of its reserved names.
fn id_of<T: Serialize + ?Sized>(value: &T) -> Result<ObjectId, TypedError> {
    let id = match value.serialize(Writing::TOP)? {
        Some(Node::Value(Value::Reference(id))) => Some(id),
        Some(Node::Value(Value::Bytes(digest))) => digest.try_into().ok().map(ObjectId::from_bytes),
        // Where serde buffers what it serializes, ids pass as text.
        Some(Node::Value(Value::Text(text))) => text.parse().ok(),
        _ => None,
    };
    id.ok_or_else(|| TypedError::custom("a reserved name over what is no id"))
}

macro_rules! widened {
    ($($method:ident($int:ty) => $other:ident),*) => {$(
        fn $method(self, number: $int) -> Result<Self::Ok, TypedError> {
            self.$other(number.into())
        }
    )*};
}

impl Serializer for Writing {
    type Ok = Option<Node>;
    type Error = TypedError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = InVariant<Items>;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = InVariant<Entries>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, bool: bool) -> Result<Self::Ok, TypedError> {
        self.value(Value::Bool(bool))
    }

    widened!(serialize_i8(i8) => serialize_i64, serialize_i16(i16) => serialize_i64);
    widened!(serialize_i32(i32) => serialize_i64);
    widened!(serialize_u8(u8) => serialize_u64, serialize_u16(u16) => serialize_u64);
    widened!(serialize_u32(u32) => serialize_u64);
    widened!(serialize_f32(f32) => serialize_f64);

    fn serialize_i64(self, number: i64) -> Result<Self::Ok, TypedError> {
        match u64::try_from(number) {
            Ok(number) if self.hint == Some(UINT) => self.value(Value::Uint(number)),
            _ => self.value(Value::Int(number)),
        }
    }

    fn serialize_u64(self, number: u64) -> Result<Self::Ok, TypedError> {
        match i64::try_from(number) {
            Ok(number) if self.hint == Some(INT) => self.value(Value::Int(number)),
            _ => self.value(Value::Uint(number)),
        }
    }

    fn serialize_i128(self, _: i128) -> Result<Self::Ok, TypedError> {
        Err(Misfit::Wide.into())
    }

    fn serialize_u128(self, _: u128) -> Result<Self::Ok, TypedError> {
        Err(Misfit::Wide.into())
    }

    fn serialize_f64(self, number: f64) -> Result<Self::Ok, TypedError> {
        self.value(Value::Float(Float::new(number).ok_or(Misfit::NotFinite)?))
    }

    fn serialize_char(self, char: char) -> Result<Self::Ok, TypedError> {
        self.value(Value::Text(char.into()))
    }

    fn serialize_str(self, text: &str) -> Result<Self::Ok, TypedError> {
        self.value(Value::Text(text.into()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Self::Ok, TypedError> {
        self.value(Value::Bytes(bytes.into()))
    }

    fn serialize_none(self) -> Result<Self::Ok, TypedError> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, TypedError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Self::Ok, TypedError> {
        Ok(None)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Self::Ok, TypedError> {
        Ok(None)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Self::Ok, TypedError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Self::Ok, TypedError> {
        match name {
            REFERENCE => self.value(Value::Reference(id_of(value)?)),
            REDACTED => self.value(Value::Redacted(id_of(value)?)),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Self::Ok, TypedError> {
        let (name, hint) = name_and_hint(variant)?;
        let within = |error: TypedError| error.in_entry(name.as_str());
        match value.serialize(self.below(hint)).map_err(within)? {
            // A variant whose content is absent is one without content.
            None => self.serialize_str(name.as_str()),
            content => self.entries()?.with(name, content),
        }
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, TypedError> {
        self.items(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, TypedError> {
        self.items(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, TypedError> {
        self.items(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<InVariant<Items>, TypedError> {
        let (variant, hint) = name_and_hint(variant)?;
        Ok(InVariant { outer: self.entries()?, variant, content: self.below(hint).items(Some(len))? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, TypedError> {
        self.entries()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries, TypedError> {
        self.entries()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<InVariant<Entries>, TypedError> {
        let (variant, hint) = name_and_hint(variant)?;
        Ok(InVariant { outer: self.entries()?, variant, content: self.below(hint).entries()? })
    }
}

/// A list that grows.
pub(super) struct Items {
    list: Writing,
    /// The hint of the elements, where one is written.
    item: Option<Hint>,
    items: Vec<Node>,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        let item = || value.serialize(self.list.below(self.item))?.ok_or(Misfit::AbsentItem.into());
        let node = item().map_err(|error: TypedError| error.in_item(self.items.len()))?;
        self.items.push(node);
        Ok(())
    }

    fn finish(self) -> Result<Option<Node>, TypedError> {
        let told = self.items.iter().find_map(|node| match node {
            Node::Value(value) => Some(value.hint()),
            Node::Open(_) => None,
        });
        match (self.list.hint, self.item.or(told)) {
            (Some(BYTES), _) => Ok(Some(Node::Value(Value::Bytes(bytes(self.items)?)))),
            (_, Some(item)) => list(item, self.items).map(|list| Some(Node::Value(list))),
            (_, None) => Ok(Some(Node::Open(self.items))),
        }
    }
}

fn bytes(items: Vec<Node>) -> Result<Vec<u8>, TypedError> {
    let byte = |node| match node {
        Node::Value(Value::Uint(number)) => u8::try_from(number).ok(),
        _ => None,
    };
    let bytes: Option<_> = items.into_iter().map(byte).collect();
    bytes.ok_or(Misfit::WrittenHint(BYTES).into())
}

/// A map that grows.
pub(super) struct Entries {
    whole: Writing,
    map: Map,
    /// The key whose value is to come.
    key: Option<String>,
}

impl Entries {
    fn entry<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), TypedError> {
        let (name, hint) = name_and_hint(key)?;
        let within = |error: TypedError| error.in_entry(name.as_str());
        let node = value.serialize(self.whole.below(hint)).map_err(within)?;
        self.put(name, node)
    }

    fn put(&mut self, name: Name, node: Option<Node>) -> Result<(), TypedError> {
        let misfit = match node {
            None => return Ok(()),
            Some(Node::Value(_)) if self.map.value(name.as_str()).is_some() => Misfit::NameRepeated,
            Some(Node::Value(value)) => {
                self.map.insert(name, value);
                return Ok(());
            }
            Some(Node::Open(_)) => Misfit::EmptyList,
        };
        Err(TypedError::from(misfit).in_entry(name.as_str()))
    }

    fn with(mut self, name: Name, node: Option<Node>) -> Result<Option<Node>, TypedError> {
        self.put(name, node)?;
        self.finish()
    }

    fn finish(self) -> Result<Option<Node>, TypedError> {
        Ok(Some(Node::Value(Value::Map(self.map))))
    }
}

/// The content of a variant, which will stand in a map of one entry.
pub(super) struct InVariant<C> {
    outer: Entries,
    variant: Name,
    content: C,
}

impl<C> InVariant<C> {
    fn finish(self, finish: impl FnOnce(C) -> Result<Option<Node>, TypedError>) -> Result<Option<Node>, TypedError> {
        let content = finish(self.content).map_err(|error| error.in_entry(self.variant.as_str()))?;
        self.outer.with(self.variant, content)
    }
}

macro_rules! items {
    ($($of:ident :: $method:ident),*) => {$(
        impl $of for Items {
            type Ok = Option<Node>;
            type Error = TypedError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
                self.push(value)
            }

            fn end(self) -> Result<Self::Ok, TypedError> {
                self.finish()
            }
        }
    )*};
}

items!(SerializeSeq::serialize_element, SerializeTuple::serialize_element, SerializeTupleStruct::serialize_field);

impl SerializeMap for Entries {
    type Ok = Option<Node>;
    type Error = TypedError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), TypedError> {
        self.key = Some(key.serialize(KeyText)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        let key = self.key.take().expect("serde hands over a key before its value");
        self.entry(&key, value)
    }

    fn end(self) -> Result<Self::Ok, TypedError> {
        self.finish()
    }
}

impl SerializeStruct for Entries {
    type Ok = Option<Node>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), TypedError> {
        self.entry(key, value)
    }

    fn end(self) -> Result<Self::Ok, TypedError> {
        self.finish()
    }
}

impl SerializeTupleVariant for InVariant<Items> {
    type Ok = Option<Node>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        self.content.push(value).map_err(|error| error.in_entry(self.variant.as_str()))
    }

    fn end(self) -> Result<Self::Ok, TypedError> {
        self.finish(Items::finish)
    }
}

impl SerializeStructVariant for InVariant<Entries> {
    type Ok = Option<Node>;
    type Error = TypedError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), TypedError> {
        self.content.entry(key, value).map_err(|error| error.in_entry(self.variant.as_str()))
    }

    fn end(self) -> Result<Self::Ok, TypedError> {
        self.finish(Entries::finish)
    }
}

/// Serializes the key of a map as text.
struct KeyText;

macro_rules! key_texts {
    ($($method:ident($key:ty)),*) => {$(
        fn $method(self, key: $key) -> Result<String, TypedError> {
            Ok(key.to_string())
        }
    )*};
}

macro_rules! no_keys {
    ($($method:ident($($argument:ty),*) -> $ok:ty),*) => {$(
        fn $method(self $(, _: $argument)*) -> Result<$ok, TypedError> {
            Err(Misfit::KeyType.into())
        }
    )*};
}

type NoKey = Impossible<String, TypedError>;

impl Serializer for KeyText {
    type Ok = String;
    type Error = TypedError;
    type SerializeSeq = NoKey;
    type SerializeTuple = NoKey;
    type SerializeTupleStruct = NoKey;
    type SerializeTupleVariant = NoKey;
    type SerializeMap = NoKey;
    type SerializeStruct = NoKey;
    type SerializeStructVariant = NoKey;

    key_texts!(serialize_str(&str), serialize_char(char));
    key_texts!(serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64));
    key_texts!(serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64));

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, TypedError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, key: &T) -> Result<String, TypedError> {
        key.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<String, TypedError> {
        Err(Misfit::KeyType.into())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, TypedError> {
        Err(Misfit::KeyType.into())
    }

    no_keys! {
        serialize_bool(bool) -> String,
        serialize_i128(i128) -> String,
        serialize_u128(u128) -> String,
        serialize_f32(f32) -> String,
        serialize_f64(f64) -> String,
        serialize_bytes(&[u8]) -> String,
        serialize_none() -> String,
        serialize_unit() -> String,
        serialize_unit_struct(&'static str) -> String,
        serialize_seq(Option<usize>) -> NoKey,
        serialize_tuple(usize) -> NoKey,
        serialize_tuple_struct(&'static str, usize) -> NoKey,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoKey,
        serialize_map(Option<usize>) -> NoKey,
        serialize_struct(&'static str, usize) -> NoKey,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoKey
    }
}
