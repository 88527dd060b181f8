//! Parts (spec 2.3): how an object travels, is stored, and is held here.
//!
//! An [`Object`] is its parts as they were received, in one piece of memory, with where things stand in them. Its
//! block was scanned, and every map that is here hashes to the reference at its place. Nothing is said yet about who
//! wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::author::SIGNATURE_LEN;
use super::codec::{
    Item, MAX_DEPTH, Malformed, MapBlocks, Parts, Place, Places, Reader, Writer, scan, split_head, split_parts,
};
use super::header::{Field, Fields, Newer, types};
use super::id::ObjectId;
use super::key::{Hint, Kind, Name, split_key};
use super::value::{Float, List, Map, Value};

/// The longest block of an object, in bytes (spec 1.5). The blocks of its maps are bounded by [`MAX_SIZE`] alone.
pub const MAX_BLOCK: usize = 64 << 10;

/// The largest object: the sum of the lengths of its block, its signature and its map blocks, in bytes (spec 1.5).
pub const MAX_SIZE: usize = 1 << 20;

/// The most maps of an object, itself included (spec 1.5).
pub const MAX_MAPS: usize = 4096;

/// What the framing of the largest object may add: a head of five bytes for each string and list.
const MAX_FRAMING: usize = 5 * (MAX_MAPS + 4);

/// The longest bytes that can be the parts of an object: a frame longer than this needs not be read.
pub const MAX_PARTS: usize = MAX_SIZE + MAX_FRAMING;

/// Why a copy of an object is not sound (spec 7.1, 14.2). It says nothing about the object: another copy may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The bytes are not canonical.
    #[error("not canonical: {0}")]
    Malformed(#[from] Malformed),
    /// The bytes are no parts.
    #[error("the bytes are not a list of a block, a signature and map blocks")]
    Parts,
    /// The whole is too large.
    #[error("the object is larger than 1 MiB in all its parts")]
    TooLarge,
    /// The block is too large.
    #[error("the block of the object is larger than 64 KiB")]
    BlockTooLarge,
    /// Too many maps.
    #[error("the object has more than 4,096 maps, itself included")]
    TooManyMaps,
    /// A map was changed, or does not belong to this object.
    #[error("a map does not hash to the reference at its place: it was changed, or belongs elsewhere")]
    StrayMap,
    /// The signature is cut or too long.
    #[error("a signature is 64 bytes")]
    SignatureLength,
    /// The rules, or the data of a type of the specification, are not here.
    #[error("policies and the data of a streams/ type are always whole: a map of them is missing")]
    NotWhole,
    /// No signature.
    #[error("the signature is missing")]
    Unsigned,
    /// The signature is not the author's over this id.
    #[error("the signature is not the author's over this object")]
    BadSignature,
    /// A signature on a hypothetical root.
    #[error("a hypothetical root is never signed")]
    SignedHypothetical,
}

impl Unsound {
    /// The code of spec 14.2.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::Parts => "parts",
            Self::TooLarge => "too-large",
            Self::BlockTooLarge => "block-too-large",
            Self::TooManyMaps => "too-many-maps",
            Self::StrayMap => "stray-map",
            Self::SignatureLength => "signature-length",
            Self::NotWhole => "not-whole",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "bad-signature",
            Self::SignedHypothetical => "signed-hypothetical",
        }
    }
}

/// The ids of maps, of which most objects have one.
type Ids = SmallVec<[ObjectId; 4]>;

/// An object as it stands in its parts: canonical, within the limits, its maps in their places. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Object {
    id: ObjectId,
    parts: Arc<[u8]>,
    fields: Fields,
    /// Whether a map stands redacted, for whatever reason.
    redacted: bool,
    /// Maps that were left out since they refer to other kinds of ids (spec 4.2).
    foreign: Vec<ObjectId>,
}

impl PartialEq for Object {
    /// Equal copies have equal parts. The same object may stand redacted in one copy and whole in another.
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Object {
    /// Decodes parts. Each byte is looked at once and hashed once, as it stands; nothing is encoded again. A map that
    /// breaks a limit, or that this version cannot decode, is left out and stands redacted (spec 1.5).
    pub fn decode(bytes: &[u8]) -> Result<Self, Unsound> {
        if bytes.len() > MAX_PARTS {
            return Err(Unsound::TooLarge);
        }
        let parts = split_parts(bytes)?.ok_or(Unsound::Parts)?;
        parts.check_limits()?;
        let ids: Ids = parts.maps.iter().map(|map| ObjectId::of_block(map)).collect();
        Self::put_together(None, &parts, &ids, || bytes.into()).map(|(object, _)| object)
    }

    /// Writes a map, which may have a `_signature:d`, as an object. What would be left out of a received object is an
    /// error here. Notes (spec 1.3) are no part of an object.
    pub fn from_map(map: &Map) -> Result<Self, Unsound> {
        let signature = match map.value("_signature") {
            None => &[],
            Some(Value::Bytes(signature)) => signature.as_slice(),
            Some(_) => return Err(Unsound::SignatureLength),
        };
        let mut maps = Vec::new();
        let block = encode(map, 1, &mut maps)?;
        Self::encoded(&block, signature, &maps)
    }

    /// Puts an object together from blocks that were encoded here, the maps with their ids.
    pub(crate) fn encoded(block: &[u8], signature: &[u8], maps: &[EncodedMap]) -> Result<Self, Unsound> {
        let parts = Parts { block, signature, maps: maps.iter().map(|map| map.block.as_slice()).collect() };
        parts.check_limits()?;
        let ids: Ids = maps.iter().map(|map| map.id).collect();
        match Self::put_together(None, &parts, &ids, || join_parts(block, signature, &parts.maps).into())? {
            (_, Some(left_out)) => Err(left_out.into()),
            (object, None) => Ok(object),
        }
    }

    /// Checks parts that were kept, of which nothing is left out, as [`decode`](Self::decode) does, and copies nothing.
    pub(crate) fn check_kept(bytes: &[u8]) -> Result<Kept<'_>, Unsound> {
        let parts = split_parts(bytes)?.ok_or(Unsound::Parts)?;
        parts.check_limits()?;
        let ids: Ids = parts.maps.iter().map(|map| ObjectId::of_block(map)).collect();
        match Self::put_together(None, &parts, &ids, Arc::default)? {
            (_, Some(left_out)) => Err(left_out.into()),
            (object, None) => Ok(Kept { id: object.id, is_hypothetical: object.fields.is_hypothetical(), parts, ids }),
        }
    }

    /// Puts an object together from blocks that came one by one, each of which hashes to the id that is given with it.
    pub(crate) fn from_blocks(blocks: &[(ObjectId, &[u8])], signature: &[u8]) -> Result<Self, Unsound> {
        let ((id, block), maps) = blocks.split_first().ok_or(Unsound::Parts)?;
        let parts = Parts { block, signature, maps: maps.iter().map(|(_, map)| *map).collect() };
        parts.check_limits()?;
        let ids: Ids = maps.iter().map(|(id, _)| *id).collect();
        let whole = || join_parts(block, signature, &parts.maps).into();
        Self::put_together(Some(*id), &parts, &ids, whole).map(|(object, _)| object)
    }

    /// The object of these parts, which has this id where it is known, and whose maps have these; and why a map was left out, if one was. Where none is,
    /// `whole` gives the bytes of the parts.
    fn put_together(
        id: Option<ObjectId>,
        parts: &Parts<'_>,
        ids: &[ObjectId],
        whole: impl FnOnce() -> Arc<[u8]>,
    ) -> Result<(Self, Option<Malformed>), Unsound> {
        let (fields, places) = scan_block(parts.block)?;
        let id = id.unwrap_or_else(|| ObjectId::of_block(parts.block));
        let kept = walk(places, ids, &parts.maps)?;
        let parts = match kept.left_out {
            None => whole(),
            Some(_) => join_parts(parts.block, parts.signature, &kept.maps).into(),
        };
        Ok((Self { id, parts, fields, redacted: kept.redacted, foreign: kept.foreign }, kept.left_out))
    }

    /// The object of parts that were decoded before and kept safe since (spec 6.2): nothing is hashed.
    pub(crate) fn kept(id: ObjectId, parts: Arc<[u8]>, redacted: bool) -> Self {
        let block = split_head(&parts).0;
        let (fields, _) = scan_block(block).expect("a block that was scanned before");
        Self { id, parts, fields, redacted, foreign: Vec::new() }
    }

    /// The id of the object. It is the same in every form that the object may have.
    pub fn id(&self) -> ObjectId {
        self.id
    }

    /// The parts, as they travel and are stored.
    pub fn parts(&self) -> &Arc<[u8]> {
        &self.parts
    }

    /// The block: the bytes that the id is the hash of.
    pub fn block(&self) -> &[u8] {
        split_head(&self.parts).0
    }

    /// The signature, if there is one.
    pub fn signature(&self) -> Option<&[u8; SIGNATURE_LEN]> {
        split_head(&self.parts).1.try_into().ok()
    }

    /// The blocks of the maps that are here, depth first.
    pub fn maps(&self) -> Vec<&[u8]> {
        self.split().maps.into_vec()
    }

    /// What its block says that it cites: its parents, and its previous where that is not among them. Nothing is said
    /// about whether it may.
    pub fn edges(&self) -> Vec<ObjectId> {
        let mut edges = self.fields.read(Field::Parents, self.block()).map(references).unwrap_or_default();
        let previous = self.fields.reference(Field::Previous, self.block());
        edges.extend(previous.filter(|previous| !edges.contains(previous)));
        edges
    }

    /// Whether a map of the object stands redacted.
    pub fn is_redacted(&self) -> bool {
        self.redacted
    }

    fn split(&self) -> Parts<'_> {
        split_parts(&self.parts).ok().flatten().expect("parts that were decoded before")
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether a map was left out since it refers to another kind of id.
    pub(crate) fn is_foreign(&self, map: &ObjectId) -> bool {
        self.foreign.contains(map)
    }

    /// The same object with this signature, whether or not it is valid: an
    /// [`Authenticator`](super::authenticate::Authenticator) tells.
    pub fn with_signature(&self, signature: &[u8; SIGNATURE_LEN]) -> Self {
        let Parts { block, maps, .. } = self.split();
        Self { parts: join_parts(block, signature, &maps).into(), ..self.clone() }
    }

    /// The object as a tree of values, without its signature. An object that refers to another kind of id (spec 4.2)
    /// has values that this version cannot hold.
    pub fn to_map(&self) -> Result<Map, Newer> {
        if self.fields.foreign {
            return Err(Newer::Reference);
        }
        let Parts { block, maps, .. } = self.split();
        Ok(Tree { maps: Here::new(&maps), redacted: self.redacted }.map(block))
    }

    /// The application's content, `data:m`, as a tree; `None` where there is none, or where it stands redacted.
    pub fn data(&self) -> Option<Map> {
        match self.to_map().ok()?.remove("data")? {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The object without this map, wherever it stands, and without what is below it. Its id and its signature hold
    /// (spec 3.3).
    pub fn redact(&self, map: &ObjectId) -> Result<Self, RedactError> {
        let Parts { block, signature, maps } = self.split();
        let blocks = by_id(&maps);
        let whole = self.always_whole().into_iter().map(|id| Place { id, depth: 2 }).collect();
        let whole = assemble(whole, |place, _| blocks.get(&place.id).copied());
        if whole.maps.iter().any(|block| ObjectId::of_block(block) == *map) {
            return Err(RedactError::WholeMap);
        }
        if !blocks.contains_key(map) {
            return Err(RedactError::UnknownMap);
        }
        let mut here = Here::new(&maps);
        let (_, places) = scan_block(block).expect("a block that was scanned before");
        let kept = assemble(places, |place, _| {
            let block = here.take(&place.id)?;
            if place.id != *map {
                return Some(block);
            }
            let mut below = Places::new();
            scan(block, place.depth, |_, _| {}, &mut below).expect("a block that was scanned before");
            assemble(below, |place, _| here.take(&place.id));
            None
        });
        Ok(Self { parts: join_parts(block, signature, &kept.maps).into(), redacted: true, ..self.clone() })
    }

    /// The object with these maps put back where they stand redacted (spec 3.3). What fits nowhere, cannot be decoded
    /// or breaks a limit changes nothing.
    pub fn restore(&self, maps: &[&[u8]]) -> Self {
        let Parts { block, signature, maps: own } = self.split();
        let mut room = MAX_SIZE - block.len() - signature.len() - own.iter().map(|map| map.len()).sum::<usize>();
        let mut places_left = MAX_MAPS - 1 - own.len();
        let (mut here, given) = (Here::new(&own), by_id(maps));
        let (_, places) = scan_block(block).expect("a block that was scanned before");
        let kept = assemble(places, |place, _| {
            if let Some(map) = here.take(&place.id) {
                return Some(map);
            }
            let map = given.get(&place.id).copied().filter(|map| map.len() <= room && places_left > 0)?;
            room -= map.len();
            places_left -= 1;
            Some(map)
        });
        Self { parts: join_parts(block, signature, &kept.maps).into(), redacted: kept.redacted, ..self.clone() }
    }

    /// The maps that stand redacted, whose own maps are not known.
    pub fn redacted_maps(&self) -> Vec<ObjectId> {
        if !self.redacted {
            return Vec::new();
        }
        let maps = self.maps();
        let (mut here, mut redacted) = (Here::new(&maps), Vec::new());
        let (_, places) = scan_block(self.block()).expect("a block that was scanned before");
        assemble(places, |place, _| {
            let map = here.take(&place.id);
            if map.is_none() {
                redacted.push(place.id);
            }
            map
        });
        redacted
    }

    /// Whether this copy proves no less than another of the same object, whose parts these are: it has the same
    /// signature, and lacks no map that admission reads.
    pub(crate) fn is_as_sound_as(&self, other: &[u8]) -> bool {
        split_head(&self.parts).1 == split_head(other).1 && self.missing().is_none()
    }

    /// A map that admission reads, and that is not here.
    pub(crate) fn missing(&self) -> Option<ObjectId> {
        if !self.redacted {
            return None;
        }
        let maps = self.maps();
        let here = by_id(&maps);
        self.always_whole().into_iter().find(|id| !here.contains_key(id))
    }

    /// The maps that admission reads (spec 7.1), which never stand redacted.
    fn always_whole(&self) -> Vec<ObjectId> {
        let block = self.block();
        let own_type = self.fields.text(Field::Type, block).is_some_and(|text| text.starts_with(types::PREFIX));
        let data = self.fields.reference(Field::Data, block).filter(|_| own_type);
        let policies = self.fields.read(Field::Policies, block).map(references);
        data.into_iter().chain(policies.into_iter().flatten()).collect()
    }
}

/// Why a map is not redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedactError {
    /// No such map is here.
    #[error("no map with this id stands in the object, or it stands redacted already")]
    UnknownMap,
    /// A rule, or the data of a type of the specification.
    #[error("policies and the data of a streams/ type are always whole")]
    WholeMap,
}

impl RedactError {
    /// The code, as the vectors have it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownMap => "unknown-map",
            Self::WholeMap => "whole-map",
        }
    }
}

impl Parts<'_> {
    /// The limits that need no look inside (spec 1.5).
    fn check_limits(&self) -> Result<(), Unsound> {
        if self.block.len() > MAX_BLOCK {
            return Err(Unsound::BlockTooLarge);
        }
        if !matches!(self.signature.len(), 0 | SIGNATURE_LEN) {
            return Err(Unsound::SignatureLength);
        }
        if self.maps.len() >= MAX_MAPS {
            return Err(Unsound::TooManyMaps);
        }
        let maps: usize = self.maps.iter().map(|map| map.len()).sum();
        if self.block.len() + self.signature.len() + maps > MAX_SIZE {
            return Err(Unsound::TooLarge);
        }
        Ok(())
    }
}

fn scan_block(block: &[u8]) -> Result<(Fields, Places), Malformed> {
    let mut fields = Fields::default();
    let mut places = Places::new();
    fields.foreign = scan(block, 1, |key, value| fields.note(key, value), &mut places)?.foreign;
    Ok((fields, places))
}

/// The references of a list, other kinds of ids left out.
fn references(mut reader: Reader<'_>) -> Vec<ObjectId> {
    let items = (0..reader.list()).map(|_| reader.item());
    items.filter_map(|item| if let Item::Reference(id) = item { Some(id) } else { None }).collect()
}

fn by_id<'a: 'b, 'b>(blocks: impl IntoIterator<Item = &'b &'a [u8]>) -> BTreeMap<ObjectId, &'a [u8]> {
    blocks.into_iter().map(|block| (ObjectId::of_block(block), *block)).collect()
}

/// The map blocks of an object, to be taken while their places are walked in order.
struct Here<'a> {
    maps: &'a [&'a [u8]],
    /// The id of the next block, once it was asked for.
    id: Option<ObjectId>,
}

impl<'a> Here<'a> {
    fn new(maps: &'a [&'a [u8]]) -> Self {
        Self { maps, id: None }
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let (next, rest) = self.maps.split_first()?;
        (self.maps, self.id) = (rest, None);
        Some(next)
    }

    /// The next block, if this is its place.
    fn take(&mut self, place: &ObjectId) -> Option<&'a [u8]> {
        let next = self.maps.first()?;
        let id = self.id.get_or_insert_with(|| ObjectId::of_block(next));
        if id == place { self.next() } else { None }
    }
}

/// Parts that were checked where they stand.
pub(crate) struct Kept<'a> {
    pub(crate) id: ObjectId,
    pub(crate) is_hypothetical: bool,
    pub(crate) parts: Parts<'a>,
    /// The ids of the maps.
    pub(crate) ids: Ids,
}

/// The map blocks that stay with an object, in their order.
struct Staying<'a> {
    maps: MapBlocks<'a>,
    redacted: bool,
    foreign: Vec<ObjectId>,
    /// Why the first map that was left out was so.
    left_out: Option<Malformed>,
    /// Whether the last map that was found was left out: what comes next may have been below it.
    below: bool,
}

/// Walks the places of maps, depth first, and keeps what `find` has for them, as far as it can be decoded here. `find`
/// is told too whether the last map that it had was left out.
fn assemble<'a>(mut places: Places, mut find: impl FnMut(&Place, bool) -> Option<&'a [u8]>) -> Staying<'a> {
    let mut kept =
        Staying { maps: MapBlocks::new(), redacted: false, foreign: Vec::new(), left_out: None, below: false };
    // A stack: the next place is the last.
    places.reverse();
    while let Some(place) = places.pop() {
        let Some(block) = find(&place, kept.below) else {
            kept.redacted = true;
            continue;
        };
        let below = places.len();
        let left_out = match scan(block, place.depth, |_, _| {}, &mut places) {
            Ok(scanned) if !scanned.foreign => None,
            Ok(_) => {
                kept.foreign.push(place.id);
                Some(Malformed::Reference)
            }
            Err(malformed) => Some(malformed),
        };
        kept.below = left_out.is_some();
        if let Some(malformed) = left_out {
            places.truncate(below);
            kept.redacted = true;
            kept.left_out.get_or_insert(malformed);
        } else {
            places[below..].reverse();
            kept.maps.push(block);
        }
    }
    kept
}

/// Takes map blocks, which have these ids, for their places, in order (spec 2.3).
fn walk<'a>(places: Places, ids: &[ObjectId], maps: &[&'a [u8]]) -> Result<Staying<'a>, Unsound> {
    let mut next = 0;
    let mut sorted: Option<Vec<(ObjectId, usize)>> = None;
    let kept = assemble(places, |place, below_left_out| {
        if ids.get(next) == Some(&place.id) {
            next += 1;
            return Some(maps[next - 1]);
        }
        if !below_left_out {
            return None;
        }
        let sorted = sorted.get_or_insert_with(|| {
            let mut sorted: Vec<_> = ids.iter().copied().zip(0..).collect();
            sorted.sort_unstable();
            sorted
        });
        let at = sorted.partition_point(|entry| *entry < (place.id, next));
        let found = sorted.get(at).filter(|(id, _)| *id == place.id)?.1;
        next = found + 1;
        Some(maps[found])
    });
    if next < maps.len() && !kept.below { Err(Unsound::StrayMap) } else { Ok(kept) }
}

fn join_parts(block: &[u8], signature: &[u8], maps: &[&[u8]]) -> Vec<u8> {
    let size = block.len() + signature.len() + maps.iter().map(|map| map.len() + 5).sum::<usize>() + 16;
    let mut writer = Writer::with_capacity(size);
    writer.list(3);
    writer.bytes(block);
    writer.bytes(signature);
    writer.list(maps.len());
    for map in maps {
        writer.bytes(map);
    }
    writer.into_bytes()
}

/// The entries of a map by their keys, in the order of canonical bytes and without notes.
pub(crate) fn keyed(map: &Map) -> Vec<(String, &Value)> {
    let entries = map.iter().filter(|(name, _)| !name.is_note());
    let mut entries: Vec<_> = entries.map(|(name, value)| (format!("{name}:{}", value.hint()), value)).collect();
    entries.sort_unstable_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    entries
}

/// The block of a map that was encoded here.
pub(crate) struct EncodedMap {
    pub(crate) id: ObjectId,
    pub(crate) block: Vec<u8>,
}

/// Encodes a map within an object, whose values are at `depth`, and appends it and the maps below it.
pub(crate) fn encode_nested(map: &Map, depth: u8, maps: &mut Vec<EncodedMap>) -> Result<ObjectId, Unsound> {
    // A map stands before the maps below it, whose ids its block needs.
    let at = maps.len();
    maps.push(EncodedMap { id: ObjectId::from_bytes([0; 32]), block: Vec::new() });
    let block = encode(map, depth, maps)?;
    let id = ObjectId::of_block(&block);
    maps[at] = EncodedMap { id, block };
    Ok(id)
}

/// Encodes the block of a map whose values are at `depth`, and appends the blocks of the maps below it.
pub(crate) fn encode(map: &Map, depth: u8, maps: &mut Vec<EncodedMap>) -> Result<Vec<u8>, Unsound> {
    let entries = keyed(map);
    let mut writer = Writer::with_capacity(16 * entries.len() + 16);
    writer.map(entries.len());
    for (key, value) in entries {
        writer.text(&key);
        encode_value(value, depth, &mut writer, maps)?;
    }
    Ok(writer.into_bytes())
}

fn encode_value(value: &Value, depth: u8, writer: &mut Writer, maps: &mut Vec<EncodedMap>) -> Result<(), Unsound> {
    // A tree made here may be deeper than any that was decoded.
    if depth > MAX_DEPTH && !matches!(value, Value::Redacted(_)) {
        return Err(Malformed::TooDeep.into());
    }
    match value {
        Value::Text(text) => writer.text(text),
        Value::Int(number) => writer.int(*number),
        Value::Uint(number) => writer.uint(*number),
        Value::Float(float) => writer.float(float.value()),
        Value::Bool(bool) => writer.bool(*bool),
        Value::Bytes(bytes) => writer.bytes(bytes),
        Value::Redacted(id) | Value::Reference(id) => writer.reference(id),
        Value::List(list) => {
            writer.list(list.items().len());
            for item in list.items() {
                encode_value(item, depth + 1, writer, maps)?;
            }
        }
        Value::Map(map) => {
            writer.reference(&encode_nested(map, depth + 1, maps)?);
        }
    }
    Ok(())
}

/// Builds the tree of values of an object, whose map blocks come in the order of their places.
struct Tree<'a> {
    maps: Here<'a>,
    redacted: bool,
}

impl Tree<'_> {
    fn map(&mut self, block: &[u8]) -> Map {
        let mut reader = Reader::new(block);
        let Item::Map(entries) = reader.item() else { unreachable!("scanned as a map") };
        let mut map = Map::new();
        for _ in 0..entries {
            let Item::Text(key) = reader.item() else { unreachable!("scanned as text") };
            let (name, hint) = split_key(key).expect("a scanned key");
            let value = self.value(&mut reader, hint);
            map.insert(Name::new(name).expect("a scanned name"), value);
        }
        map
    }

    fn value(&mut self, reader: &mut Reader<'_>, hint: Hint) -> Value {
        match (hint.kind(), reader.item()) {
            (_, Item::List(len)) => {
                let item = hint.item().expect("scanned as a list");
                let items = (0..len).map(|_| self.value(reader, item)).collect();
                Value::List(List::new(item, items).expect("scanned elements"))
            }
            (Kind::Map, Item::Reference(id)) => {
                // Only where something is redacted need a block prove that this is its place.
                match if self.redacted { self.maps.take(&id) } else { self.maps.next() } {
                    Some(block) => Value::Map(self.map(block)),
                    None => Value::Redacted(id),
                }
            }
            (Kind::Int, Item::Uint(number)) => Value::Int(number as i64),
            (_, Item::Negative(number)) => Value::Int(!(number as i64)),
            (_, Item::Text(text)) => Value::Text(text.into()),
            (_, Item::Uint(number)) => Value::Uint(number),
            (_, Item::Float(float)) => Value::Float(Float::new(float).expect("a scanned float")),
            (_, Item::Bool(bool)) => Value::Bool(bool),
            (_, Item::Bytes(bytes)) => Value::Bytes(bytes.into()),
            (_, Item::Reference(id)) => Value::Reference(id),
            (_, item @ (Item::Map(_) | Item::Foreign)) => unreachable!("no value of a decoded block: {item:?}"),
        }
    }
}
