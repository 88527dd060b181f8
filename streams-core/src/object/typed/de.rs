//! From the blocks of an object to a Rust type.
//!
//! A [`Walk`] stands somewhere in a block and knows the map blocks that are still to come, which stand in the order of
//! their places (spec 2.3). A [`Place`] is the walk before a value: serde says which type it wants there.

use serde::de::value::{BorrowedBytesDeserializer, BorrowedStrDeserializer, SeqDeserializer, UnitDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::kinds::{REDACTABLE, REFERENCE, SALT};
use super::map::MAP as WHOLE_MAP;
use super::{Misfit, TypedError};
use crate::object::codec::{Item, Reader, Writer};
use crate::object::id::ObjectId;
use crate::object::key::{Hint, Kind};
use crate::object::parts::{EncodedMap, Object};

const MAP: Hint = Hint::of(Kind::Map);

/// Reads the first of maps that were encoded one within another.
pub(super) fn read_map<T: DeserializeOwned>(id: ObjectId, maps: &[EncodedMap]) -> Result<T, TypedError> {
    let (mut place, mut blocks) = (Writer::default(), Writer::default());
    place.reference(&id);
    maps.iter().for_each(|map| blocks.bytes(&map.block));
    let (place, blocks) = (place.into_bytes(), blocks.into_bytes());
    let mut walk = Walk { reader: Reader::new(&place), blocks: Reader::new(&blocks), redacted: true };
    T::deserialize(walk.place(MAP))
}

/// Where reading stands.
#[derive(Clone, Copy)]
pub(super) struct Walk<'de> {
    /// What is left of the block that is read.
    reader: Reader<'de>,
    /// The map blocks whose places are still to come.
    blocks: Reader<'de>,
    /// Whether a map of the object stands redacted.
    redacted: bool,
}

impl<'de> Walk<'de> {
    /// The walk of an object before its data, if it has some that this version can read.
    pub(super) fn of_data(object: &'de Object) -> Option<Self> {
        let mut parts = Reader::new(object.parts());
        parts.list();
        let Item::Bytes(block) = parts.item() else { unreachable!("split as bytes") };
        parts.item();
        parts.list();
        let mut walk = Self { reader: Reader::new(block), blocks: parts, redacted: object.is_redacted() };
        for _ in 0..walk.map() {
            let (key, _, hint) = walk.key();
            if key == "data:m" {
                let mut here = walk.reader;
                return matches!(here.item(), Item::Reference(_)).then_some(walk);
            }
            walk.skip(hint.kind());
        }
        None
    }

    /// Reads the map before which the walk stands. Where it stands redacted, only a type that can say so is read.
    pub(super) fn read<T: Deserialize<'de>>(mut self) -> Result<Option<T>, TypedError> {
        let is_here = self.peek_block().is_some();
        match T::deserialize(self.place(MAP)) {
            Err(_) if !is_here => Ok(None),
            read => read.map(Some),
        }
    }

    fn place(&mut self, hint: Hint) -> Place<'_, 'de> {
        Place { walk: self, hint, salted: false }
    }

    /// The block of the map that stands next as its id, unless it stands redacted.
    fn block(&mut self, id: ObjectId) -> Option<&'de [u8]> {
        if self.blocks.is_empty() {
            return None;
        }
        let mut after = self.blocks;
        let Item::Bytes(block) = after.item() else { unreachable!("split as bytes") };
        // Only where something is redacted must a block prove that this is its place.
        if self.redacted && ObjectId::of_block(block) != id {
            return None;
        }
        self.blocks = after;
        Some(block)
    }

    /// The block of the map before which the walk stands, without a step.
    fn peek_block(mut self) -> Option<&'de [u8]> {
        match self.reader.item() {
            Item::Reference(id) => self.block(id),
            _ => None,
        }
    }

    /// Enters a block: the number of its entries.
    fn map(&mut self) -> u64 {
        match self.reader.item() {
            Item::Map(entries) => entries,
            item => unreachable!("scanned as a map: {item:?}"),
        }
    }

    /// A key, with its name and its hint.
    fn key(&mut self) -> (&'de str, &'de str, Hint) {
        let Item::Text(key) = self.reader.item() else { unreachable!("scanned as a key") };
        // The hint is short: it is looked for from the end.
        let colon = key.bytes().rposition(|byte| byte == b':').expect("a scanned key");
        let (name, hint) = (&key[..colon], key[colon + 1..].parse().expect("a scanned hint"));
        (key, name, hint)
    }

    /// Passes a value, and the blocks of the maps in it.
    fn skip(&mut self, kind: Kind) {
        match self.reader.item() {
            Item::List(len) => self.skip_items(len, kind),
            Item::Reference(id) if kind == Kind::Map => {
                if let Some(block) = self.block(id) {
                    self.skip_entries(block);
                }
            }
            _ => {}
        }
    }

    fn skip_items(&mut self, len: u64, kind: Kind) {
        for _ in 0..len {
            self.skip(kind);
        }
    }

    fn skip_entries(&mut self, block: &'de [u8]) {
        let outer = std::mem::replace(&mut self.reader, Reader::new(block));
        for _ in 0..self.map() {
            let (_, _, hint) = self.key();
            self.skip(hint.kind());
        }
        self.reader = outer;
    }

    /// Gives a value to its reader, and passes it where that did not want it.
    fn give<S: DeserializeSeed<'de>>(&mut self, hint: Hint, seed: S) -> Result<S::Value, TypedError> {
        let left = self.left();
        let read = seed.deserialize(self.place(hint));
        self.skip_unread(left, hint);
        read
    }

    /// Passes the value that begins where so many bytes are left, unless it was read.
    fn skip_unread(&mut self, left: usize, hint: Hint) {
        if self.left() == left {
            self.skip(hint.kind());
        }
    }

    fn left(&self) -> usize {
        self.reader.rest().len()
    }
}

/// A value that is to be read. Whoever read or refused it leaves the walk behind it: a type may pass over an error.
struct Place<'w, 'de> {
    walk: &'w mut Walk<'de>,
    hint: Hint,
    /// Whether the map's salt is not for its reader.
    salted: bool,
}

impl<'de> Place<'_, 'de> {
    fn item(&mut self) -> Item<'de> {
        self.walk.reader.item()
    }

    /// The error of a reader that wants something else.
    fn other<T>(&self, item: Item<'de>, visitor: &impl Visitor<'de>) -> Result<T, TypedError> {
        let unexpected = match item {
            Item::Text(text) => Unexpected::Str(text),
            Item::Bytes(bytes) => Unexpected::Bytes(bytes),
            Item::Bool(bool) => Unexpected::Bool(bool),
            Item::Float(float) => Unexpected::Float(float),
            Item::Uint(number) => Unexpected::Unsigned(number),
            Item::Negative(number) => Unexpected::Signed(!(number as i64)),
            Item::List(_) => Unexpected::Seq,
            Item::Reference(_) if self.hint != MAP => Unexpected::Other("reference"),
            Item::Reference(_) | Item::Map(_) | Item::Foreign => Unexpected::Map,
        };
        Err(TypedError::invalid_type(unexpected, visitor))
    }

    /// Reads the elements of a list.
    fn list<V: Visitor<'de>>(self, len: u64, visitor: V) -> Result<V::Value, TypedError> {
        let item = self.hint.item().expect("scanned as a list");
        let before = *self.walk;
        let mut items = Items { walk: self.walk, item, left: len, len };
        let read = visitor.visit_seq(&mut items).and_then(|value| match items.left {
            0 => Ok(value),
            _ => Err(TypedError::invalid_length(len as usize, &"fewer elements in the list")),
        });
        if read.is_err() {
            *self.walk = before;
            self.walk.skip_items(len, item.kind());
        }
        read
    }

    /// Reads the entries of a map, whose reader wants these names of them.
    fn map<R>(
        self,
        block: &'de [u8],
        names: Names,
        read: impl FnOnce(&mut Entries<'_, 'de>) -> Result<R, TypedError>,
    ) -> Result<R, TypedError> {
        let before = *self.walk;
        self.walk.reader = Reader::new(block);
        let len = self.walk.map();
        let mut entries = Entries { walk: self.walk, names, salted: self.salted, left: len, entry: None };
        let read = read(&mut entries).and_then(|value| match entries.next_entry() {
            None => Ok(value),
            Some(_) => Err(TypedError::invalid_length(len as usize, &"fewer entries in the map")),
        });
        match read {
            Ok(_) => self.walk.reader = before.reader,
            Err(_) => {
                *self.walk = before;
                self.walk.skip_entries(block);
            }
        }
        read
    }

    /// Reads what must be a map that is here.
    fn whole_map<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::Reference(id) if self.hint == MAP => {
                let block = self.walk.block(id).ok_or(Misfit::Redacted(id))?;
                self.map(block, Names::Of(fields), |entries| visitor.visit_map(entries))
            }
            item => self.other(item, &visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Place<'_, 'de> {
    type Error = TypedError;

    fn is_human_readable(&self) -> bool {
        false
    }

    /// Whoever takes anything, as serde does before it looks for a tag, gets references and maps that stand redacted
    /// as the text of their ids.
    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::Text(text) => visitor.visit_borrowed_str(text),
            Item::Uint(number) if self.hint.kind() == Kind::Int => visitor.visit_i64(number as i64),
            Item::Uint(number) => visitor.visit_u64(number),
            Item::Negative(number) => visitor.visit_i64(!(number as i64)),
            Item::Float(float) => visitor.visit_f64(float),
            Item::Bool(bool) => visitor.visit_bool(bool),
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Item::List(len) => self.list(len, visitor),
            Item::Reference(id) => match if self.hint == MAP { self.walk.block(id) } else { None } {
                Some(block) => self.map(block, Names::Of(&[]), |entries| visitor.visit_map(entries)),
                None => visitor.visit_string(id.to_string()),
            },
            item @ (Item::Map(_) | Item::Foreign) => unreachable!("no value of a decoded block: {item:?}"),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::Text(text) => visitor.visit_borrowed_str(text),
            item => self.other(item, &visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            item => self.other(item, &visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        match name {
            REFERENCE => match self.item() {
                Item::Reference(id) if self.hint != MAP => visitor.visit_bytes(id.as_bytes()),
                item => self.other(item, &visitor),
            },
            REDACTABLE if self.hint == MAP => match self.walk.peek_block() {
                Some(block) => visitor.visit_seq(Salted { salt: Some(salt(block)), map: Some(self) }),
                None => self.deserialize_any(visitor),
            },
            WHOLE_MAP => match self.item() {
                Item::Reference(id) if self.hint == MAP => match self.walk.block(id) {
                    Some(block) => self.map(block, Names::Keys, |entries| visitor.visit_map(entries)),
                    None => visitor.visit_string(id.to_string()),
                },
                item => self.other(item, &visitor),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    /// A list; and bytes, for lists of `u8`.
    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::List(len) => self.list(len, visitor),
            Item::Bytes(bytes) => {
                let mut bytes = SeqDeserializer::new(bytes.iter().copied());
                let value = visitor.visit_seq(&mut bytes)?;
                bytes.end().map(|()| value)
            }
            item => self.other(item, &visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.whole_map(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.whole_map(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        match self.item() {
            Item::Text(name) => {
                let hinted = variants.iter().find(|variant| variant.split(':').next() == Some(name));
                visitor.visit_enum(Bare(hinted.unwrap_or(&name)))
            }
            Item::Reference(id) if self.hint == MAP => {
                let block = self.walk.block(id).ok_or(Misfit::Redacted(id))?;
                self.map(block, Names::Of(variants), |entries| {
                    let read = visitor.visit_enum(&mut *entries);
                    read.map_err(|error| entries.at_entry(error))
                })
            }
            item => self.other(item, &visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        self.walk.skip(self.hint.kind());
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct identifier
    }
}

/// The elements of a list.
struct Items<'w, 'de> {
    walk: &'w mut Walk<'de>,
    item: Hint,
    left: u64,
    len: u64,
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = TypedError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, TypedError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let element = self.walk.give(self.item, seed);
        element.map(Some).map_err(|error| error.in_item((self.len - self.left - 1) as usize))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// What a reader of a map wants to hear of its keys.
#[derive(Clone, Copy)]
enum Names {
    /// How it calls them itself: by these fields, and what is none of them by its name.
    Of(&'static [&'static str]),
    /// Whole, with their hints.
    Keys,
}

/// The entries of a map.
struct Entries<'w, 'de> {
    walk: &'w mut Walk<'de>,
    names: Names,
    salted: bool,
    left: u64,
    /// The name and the hint of the entry whose key was read, and how many bytes are left where its value begins.
    entry: Option<(&'de str, Hint, usize)>,
}

impl<'de> Entries<'_, 'de> {
    /// The key of the next entry, with its name and its hint.
    fn next_entry(&mut self) -> Option<(&'de str, &'de str, Hint)> {
        if let Some((_, hint, left)) = self.entry {
            self.walk.skip_unread(left, hint);
        }
        while self.left > 0 {
            self.left -= 1;
            let (key, name, hint) = self.walk.key();
            if self.salted && key == SALT {
                self.walk.skip(hint.kind());
                continue;
            }
            self.entry = Some((name, hint, self.walk.left()));
            return Some((key, name, hint));
        }
        self.entry = None;
        None
    }

    fn known_key(&mut self) -> Result<Option<Key<'de>>, TypedError> {
        let Some((key, name, _)) = self.next_entry() else { return Ok(None) };
        Ok(Some(Key(match self.names {
            Names::Of(fields) => known(key, name, fields)?,
            Names::Keys => key,
        })))
    }

    /// An error at the entry whose key was read last.
    fn at_entry(&self, error: TypedError) -> TypedError {
        match self.entry {
            Some((name, ..)) => error.in_entry(name),
            None => error,
        }
    }
}

/// How a reader with these fields calls an entry: by its key, where a field has that, or else by its name.
fn known<'de>(key: &'de str, name: &'de str, fields: &'static [&'static str]) -> Result<&'de str, Misfit> {
    let mut other = None;
    for field in fields {
        match field.strip_prefix(name) {
            Some("") => return Ok(name),
            Some(_) if *field == key => return Ok(key),
            Some(rest) if rest.starts_with(':') => other = Some(*field),
            _ => {}
        }
    }
    match other {
        None => Ok(name),
        Some(field) => Err(Misfit::OtherHint { field: field.into(), key: key.into() }),
    }
}

impl<'de> MapAccess<'de> for &mut Entries<'_, 'de> {
    type Error = TypedError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, TypedError> {
        let key = self.known_key().map_err(|error| self.at_entry(error))?;
        key.map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, TypedError> {
        let (name, hint, _) = self.entry.expect("serde asks for a key before its value");
        self.walk.give(hint, seed).map_err(|error| error.in_entry(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left as usize)
    }
}

/// A map with one entry is a variant with content.
impl<'a, 'de> EnumAccess<'de> for &'a mut Entries<'_, 'de> {
    type Error = TypedError;
    type Variant = Place<'a, 'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), TypedError> {
        let variant =
            self.known_key()?.ok_or_else(|| TypedError::invalid_length(0, &"one entry, named as a variant"))?;
        let variant = seed.deserialize(variant)?;
        let (_, hint, _) = self.entry.expect("a key was read");
        Ok((variant, self.walk.place(hint)))
    }
}

impl<'de> VariantAccess<'de> for Place<'_, 'de> {
    type Error = TypedError;

    fn unit_variant(self) -> Result<(), TypedError> {
        Err(TypedError::invalid_type(Unexpected::Map, &"text, the name of a variant without content"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, TypedError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, TypedError> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        self.deserialize_struct("", fields, visitor)
    }
}

/// A variant without content: its name as text.
struct Bare<'de>(&'de str);

impl<'de> EnumAccess<'de> for Bare<'de> {
    type Error = TypedError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), TypedError> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0)).map(|variant| (variant, self))
    }
}

impl<'de> VariantAccess<'de> for Bare<'de> {
    type Error = TypedError;

    fn unit_variant(self) -> Result<(), TypedError> {
        Ok(())
    }

    /// The content of a variant may be absent, as a `None`.
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, TypedError> {
        seed.deserialize(UnitDeserializer::new())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypedError> {
        Err(TypedError::invalid_type(Unexpected::UnitVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, TypedError> {
        Err(TypedError::invalid_type(Unexpected::UnitVariant, &visitor))
    }
}

/// The salt of a map that is here, and then the map without it.
struct Salted<'w, 'de> {
    salt: Option<&'de [u8]>,
    map: Option<Place<'w, 'de>>,
}

impl<'de> SeqAccess<'de> for Salted<'_, 'de> {
    type Error = TypedError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, TypedError> {
        if let Some(salt) = self.salt.take() {
            return seed.deserialize(BorrowedBytesDeserializer::new(salt)).map(Some);
        }
        self.map.take().map(|map| seed.deserialize(Place { salted: true, ..map })).transpose()
    }
}

/// The salt in a block; empty where there is none.
fn salt(block: &[u8]) -> &[u8] {
    // Nothing is looked for in the maps below: they need no blocks.
    let mut walk = Walk { reader: Reader::new(block), blocks: Reader::new(&[]), redacted: true };
    for _ in 0..walk.map() {
        let (key, _, hint) = walk.key();
        if key == SALT {
            let Item::Bytes(salt) = walk.reader.item() else { unreachable!("scanned as bytes") };
            return salt;
        }
        walk.skip(hint.kind());
    }
    &[]
}

/// The key of an entry, as text or as what was written as text.
struct Key<'de>(&'de str);

macro_rules! integers {
    ($($method:ident($int:ty) => $visit:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
            match self.0.parse::<$int>() {
                // One spelling, as it is written.
                Ok(number) if number.to_string() == self.0 => visitor.$visit(number),
                _ => visitor.visit_borrowed_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = TypedError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_borrowed_str(self.0)
    }

    integers!(deserialize_i8(i8) => visit_i8, deserialize_i16(i16) => visit_i16, deserialize_i32(i32) => visit_i32);
    integers!(deserialize_u8(u8) => visit_u8, deserialize_u16(u16) => visit_u16, deserialize_u32(u32) => visit_u32);
    integers!(deserialize_i64(i64) => visit_i64, deserialize_u64(u64) => visit_u64);

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}
