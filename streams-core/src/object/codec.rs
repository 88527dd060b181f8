//! Canonical bytes (spec 2.1): strict DAG-CBOR, one encoding for each block.
//!
//! `scan` is the hot path of everything that is received: it checks a block once, in place, and hands out what it
//! passes. `Reader` walks bytes that were scanned before, `Writer` writes them.

use smallvec::SmallVec;

use super::id::ObjectId;
use super::key::{Hint, KeyError, Kind, split_key_bytes};

/// Values of the object are at depth 1; each map or list adds one (spec 1.5).
pub const MAX_DEPTH: u8 = 32;

/// The most entries of a map, and the most maps in a list (spec 1.5).
pub const MAX_ENTRIES: u64 = 4096;

/// A reference: tag 42 over a byte string of 37 bytes, which begins with these five, and the digest.
const REFERENCE: [u8; 9] = [0xd8, 0x2a, 0x58, 0x25, 0x00, 0x01, 0x71, 0x1e, 0x20];
const CID: &[u8] = &[0x00, 0x01, 0x71, 0x1e, 0x20];

/// The length of an encoded reference.
pub(crate) const REFERENCE_LEN: usize = REFERENCE.len() + 32;

/// Why bytes are not the canonical bytes of a block (spec 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside an item.
    #[error("the bytes end inside an item")]
    Truncated,
    /// Bytes follow the item.
    #[error("bytes follow the end of the item")]
    Trailing,
    /// An integer or a length is longer than it needs to be.
    #[error("an integer or a length is not in its shortest form")]
    NotShortest,
    /// A text, list or map has no length.
    #[error("an item of indefinite length")]
    Indefinite,
    /// Additional information 28 to 30.
    #[error("a head that CBOR reserves")]
    Reserved,
    /// A float of 16 or 32 bits.
    #[error("a float that is not 64 bits wide")]
    FloatWidth,
    /// An infinite float, or one that is no number.
    #[error("a float that is not finite")]
    NotFinite,
    /// −0.0.
    #[error("a float that is −0.0")]
    NegativeZero,
    /// A tag other than 42.
    #[error("a tag other than 42")]
    Tag,
    /// Null, undefined, or another simple value.
    #[error("null, undefined or another simple value")]
    Simple,
    /// Tag 42 over what is no reference.
    #[error("tag 42 over bytes that are no reference")]
    Reference,
    /// Text that is not UTF-8.
    #[error("text that is not UTF-8")]
    Utf8,
    /// The block is no map.
    #[error("a block that is not a map")]
    NotAMap,
    /// A key is no text.
    #[error("a key that is not text")]
    Key,
    /// A key does not stand where the order of keys wants it.
    #[error("keys that do not ascend (shorter first, then by bytes)")]
    KeyOrder,
    /// A key occurs twice.
    #[error("a key that occurs twice")]
    KeyRepeated,
    /// A bad name.
    #[error("a name that is not 1 to 128 bytes of text without `:` and control characters")]
    Name,
    /// A bad hint.
    #[error("a key without one of the hints s i u f b d m r, behind an `a` for each list")]
    Hint,
    /// A name occurs under two hints.
    #[error("a name under two hints")]
    NameRepeated,
    /// A value does not agree with its hint.
    #[error("a value that does not agree with its hint")]
    HintMismatch,
    /// A note of another replica: a name that begins with `_`.
    #[error("a name that begins with `_` in received bytes")]
    Note,
    /// Values below depth 32.
    #[error("values nested deeper than 32")]
    TooDeep,
    /// More than 4,096 entries in a map, or maps in a list.
    #[error("more than 4,096 entries in a map or a list of maps")]
    TooManyEntries,
}

impl Malformed {
    /// The code of spec 14.2.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::Trailing => "trailing",
            Self::NotShortest => "not-shortest",
            Self::Indefinite => "indefinite",
            Self::Reserved => "reserved",
            Self::FloatWidth => "float-width",
            Self::NotFinite => "not-finite",
            Self::NegativeZero => "negative-zero",
            Self::Tag => "tag",
            Self::Simple => "simple",
            Self::Reference => "reference",
            Self::Utf8 => "utf8",
            Self::NotAMap => "not-a-map",
            Self::Key => "key",
            Self::KeyOrder => "key-order",
            Self::KeyRepeated => "key-repeated",
            Self::Name => "name",
            Self::Hint => "hint",
            Self::NameRepeated => "name-repeated",
            Self::HintMismatch => "hint-mismatch",
            Self::Note => "note",
            Self::TooDeep => "too-deep",
            Self::TooManyEntries => "too-many-entries",
        }
    }
}

impl From<KeyError> for Malformed {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Name => Self::Name,
            KeyError::Hint => Self::Hint,
        }
    }
}

// The eight major types of CBOR (RFC 8949, 3.1).
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const FLOAT64: u8 = 0xfb;

/// A place in a block where a map stands as its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The id of the map.
    pub(crate) id: ObjectId,
    /// The depth of the values of the map.
    pub(crate) depth: u8,
}

/// Places of maps: most objects have one, their data.
pub(crate) type Places = SmallVec<[Place; 4]>;

/// What a scan tells beside that the block is canonical.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned {
    /// The block has a reference to another kind of id (spec 4.2).
    pub(crate) foreign: bool,
}

/// Checks that these are the canonical bytes of an object's block (spec 2.1), by looking at each byte once.
pub fn check_block(block: &[u8]) -> Result<(), Malformed> {
    scan(block, 1, |_, _| {}, &mut Places::new()).map(|_| ())
}

/// Checks that `block` is canonical, where its values are at `depth`. Calls `entry` with each key and where its
/// value begins, and appends the places of maps in their order. Allocates nothing but the places, for up to 32 entries.
pub(crate) fn scan<'a>(
    block: &'a [u8],
    depth: u8,
    mut entry: impl FnMut(&'a [u8], usize),
    places: &mut Places,
) -> Result<Scanned, Malformed> {
    let mut scanner = Scanner { bytes: block, at: 0, foreign: false, places };
    let entries = match scanner.head()? {
        (MAP, entries) => entries,
        _ => return Err(Malformed::NotAMap),
    };
    if entries > MAX_ENTRIES {
        return Err(Malformed::TooManyEntries);
    }
    // The map itself is a value one higher.
    if depth > MAX_DEPTH + 1 {
        return Err(Malformed::TooDeep);
    }
    let mut names = Names::new();
    let mut previous: &[u8] = &[];
    for _ in 0..entries {
        let key = scanner.key()?;
        let (name, hint) = split_key_bytes(key)?;
        if (key.len(), key) <= (previous.len(), previous) {
            return Err(if key == previous { Malformed::KeyRepeated } else { Malformed::KeyOrder });
        }
        if name[0] == b'_' {
            return Err(Malformed::Note);
        }
        names.add(name, hint)?;
        entry(key, scanner.at);
        scanner.value(hint, depth)?;
        previous = key;
    }
    names.finish()?;
    if scanner.at != block.len() {
        return Err(Malformed::Trailing);
    }
    Ok(Scanned { foreign: scanner.foreign })
}

/// The entries of a canonical block, each key with where its value is read.
pub(crate) fn entries(block: &[u8]) -> Result<Vec<(&[u8], Reader<'_>)>, Malformed> {
    let mut entries = Vec::new();
    scan(block, 1, |key, at| entries.push((key, Reader::new(&block[at..]))), &mut Places::new())?;
    Ok(entries)
}

/// The blocks of maps, of which most objects have one.
pub(crate) type MapBlocks<'a> = SmallVec<[&'a [u8]; 4]>;

/// The parts of an object (spec 2.3) as they stand in their bytes.
pub(crate) struct Parts<'a> {
    pub(crate) block: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) maps: MapBlocks<'a>,
}

/// Splits bytes into parts. `Ok(None)` where they are canonical, but not a list of a block, a signature and maps.
pub(crate) fn split_parts(bytes: &[u8]) -> Result<Option<Parts<'_>>, Malformed> {
    let mut scanner = Scanner { bytes, at: 0, foreign: false, places: &mut Places::new() };
    let (ARRAY, 3) = scanner.head()? else { return Ok(None) };
    let Some(block) = scanner.byte_string()? else { return Ok(None) };
    let Some(signature) = scanner.byte_string()? else { return Ok(None) };
    let (ARRAY, count) = scanner.head()? else { return Ok(None) };
    let mut maps = MapBlocks::new();
    for _ in 0..count {
        let Some(map) = scanner.byte_string()? else { return Ok(None) };
        maps.push(map);
    }
    if scanner.at != bytes.len() {
        return Err(Malformed::Trailing);
    }
    Ok(Some(Parts { block, signature, maps }))
}

/// The block and the signature of parts that were split before.
#[inline]
pub(crate) fn split_head(parts: &[u8]) -> (&[u8], &[u8]) {
    let mut reader = Reader::new(parts);
    reader.list();
    (reader.string(), reader.string())
}

/// The length of the parts at the beginning of `bytes`, where objects stand one behind another, as in a file; `None`
/// where they are cut short or are no parts.
pub fn parts_len(bytes: &[u8]) -> Option<usize> {
    let mut scanner = Scanner { bytes, at: 0, foreign: false, places: &mut Places::new() };
    let (ARRAY, 3) = scanner.head().ok()? else { return None };
    scanner.byte_string().ok()??;
    scanner.byte_string().ok()??;
    let (ARRAY, count) = scanner.head().ok()? else { return None };
    for _ in 0..count {
        scanner.byte_string().ok()??;
    }
    Some(scanner.at)
}

/// The names of a map so far, to find one under two hints. Keys ascend by length and then by bytes, so keys of one
/// length and one name are neighbours, and only a hint of a list can meet its name again further back.
struct Names<'a> {
    first: [&'a [u8]; Names::FEW],
    rest: Vec<&'a [u8]>,
    len: usize,
}

impl<'a> Names<'a> {
    const FEW: usize = 32;

    fn new() -> Self {
        Self { first: [&[]; Self::FEW], rest: Vec::new(), len: 0 }
    }

    #[inline]
    fn add(&mut self, name: &'a [u8], hint: Hint) -> Result<(), Malformed> {
        if self.len < Self::FEW {
            let before = &self.first[..self.len];
            let repeated = if hint.lists() == 0 { before.last() == Some(&name) } else { before.contains(&name) };
            if repeated {
                return Err(Malformed::NameRepeated);
            }
            self.first[self.len] = name;
        } else {
            self.rest.push(name);
        }
        self.len += 1;
        Ok(())
    }

    /// Large maps are compared at the end, by sorting, so that their cost stays near linear.
    fn finish(mut self) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            return Ok(());
        }
        self.rest.extend(self.first);
        self.rest.sort_unstable();
        if self.rest.windows(2).any(|pair| pair[0] == pair[1]) { Err(Malformed::NameRepeated) } else { Ok(()) }
    }
}

struct Scanner<'a, 'p> {
    bytes: &'a [u8],
    at: usize,
    foreign: bool,
    places: &'p mut Places,
}

impl<'a> Scanner<'a, '_> {
    #[inline]
    fn head(&mut self) -> Result<(u8, u64), Malformed> {
        let first = *self.bytes.get(self.at).ok_or(Malformed::Truncated)?;
        let (major, info) = (first >> 5, first & 31);
        self.at += 1;
        if info < 24 {
            return Ok((major, info as u64));
        }
        self.long_head(info).map(|argument| (major, argument))
    }

    fn long_head(&mut self, info: u8) -> Result<u64, Malformed> {
        let (argument, least) = match info {
            24 => (self.take(1)?[0] as u64, 24),
            25 => (u16::from_be_bytes(self.array()?) as u64, 1 << 8),
            26 => (u32::from_be_bytes(self.array()?) as u64, 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            31 => return Err(Malformed::Indefinite),
            _ => return Err(Malformed::Reserved),
        };
        if argument < least { Err(Malformed::NotShortest) } else { Ok(argument) }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.bytes[self.at..].get(..len).ok_or(Malformed::Truncated)?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N).map(|bytes| bytes.try_into().expect("as long as asked"))
    }

    #[inline]
    fn string(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        self.take(usize::try_from(len).map_err(|_| Malformed::Truncated)?)
    }

    fn byte_string(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        match self.head()? {
            (BYTES, len) => self.string(len).map(Some),
            _ => Ok(None),
        }
    }

    #[inline]
    fn key(&mut self) -> Result<&'a [u8], Malformed> {
        match self.peek() {
            Some(TEXT) => self.text(),
            _ => Err(self.mismatch(Malformed::Key)),
        }
    }

    /// The bytes of a text, which are valid UTF-8.
    #[inline]
    fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let (_, len) = self.head()?;
        let text = self.string(len)?;
        if text.is_ascii() || std::str::from_utf8(text).is_ok() { Ok(text) } else { Err(Malformed::Utf8) }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).map(|first| first >> 5)
    }

    #[inline]
    fn value(&mut self, hint: Hint, depth: u8) -> Result<(), Malformed> {
        // A map that stands redacted does not count (spec 1.5); one that is here is judged by its own scan.
        if depth > MAX_DEPTH && hint != Hint::of(Kind::Map) {
            return Err(Malformed::TooDeep);
        }
        match hint.item() {
            None => self.single(hint.kind(), depth),
            Some(item) => self.list(item, depth),
        }
    }

    fn list(&mut self, item: Hint, depth: u8) -> Result<(), Malformed> {
        if self.peek() != Some(ARRAY) {
            return Err(self.mismatch(Malformed::HintMismatch));
        }
        let (_, len) = self.head()?;
        if item == Hint::of(Kind::Map) && len > MAX_ENTRIES {
            return Err(Malformed::TooManyEntries);
        }
        for _ in 0..len {
            self.value(item, depth + 1)?;
        }
        Ok(())
    }

    #[inline]
    fn single(&mut self, kind: Kind, depth: u8) -> Result<(), Malformed> {
        let first = *self.bytes.get(self.at).ok_or(Malformed::Truncated)?;
        match (kind, first >> 5) {
            (Kind::Text, TEXT) => self.text().map(|_| ()),
            (Kind::Bytes, BYTES) => {
                let (_, len) = self.head()?;
                self.string(len).map(|_| ())
            }
            (Kind::Uint, UNSIGNED) => self.head().map(|_| ()),
            (Kind::Int, UNSIGNED | NEGATIVE) => match self.head()? {
                (_, magnitude) if magnitude <= i64::MAX as u64 => Ok(()),
                _ => Err(Malformed::HintMismatch),
            },
            (Kind::Bool, _) if first == FALSE || first == TRUE => {
                self.at += 1;
                Ok(())
            }
            (Kind::Float, _) if first == FLOAT64 => {
                self.at += 1;
                check_float(f64::from_be_bytes(self.array()?))
            }
            (Kind::Reference, TAG) => self.reference().map(|_| ()),
            (Kind::Map, TAG) => {
                if let Some(id) = self.reference()? {
                    self.places.push(Place { id, depth: depth + 1 });
                }
                Ok(())
            }
            _ => Err(self.mismatch(Malformed::HintMismatch)),
        }
    }

    /// A reference; `None` where it is to another kind of id.
    #[inline]
    fn reference(&mut self) -> Result<Option<ObjectId>, Malformed> {
        let rest = &self.bytes[self.at..];
        if rest.len() >= REFERENCE_LEN && rest.starts_with(&REFERENCE) {
            self.at += REFERENCE_LEN;
            return Ok(Some(digest(&rest[REFERENCE.len()..])));
        }
        self.other_reference().map(|()| None)
    }

    #[cold]
    fn other_reference(&mut self) -> Result<(), Malformed> {
        if self.head()?.1 != 42 {
            return Err(Malformed::Tag);
        }
        let cid = match self.head()? {
            (BYTES, len) => self.string(len)?,
            _ => return Err(Malformed::Reference),
        };
        if cid.first() != Some(&0) || cid.starts_with(CID) {
            return Err(Malformed::Reference);
        }
        self.foreign = true;
        Ok(())
    }

    /// What is wrong with an item that is not of the kind its place wants: not well formed first, then what no block
    /// may have, then `otherwise`.
    #[cold]
    fn mismatch(&mut self, otherwise: Malformed) -> Malformed {
        match self.bytes.get(self.at) {
            None => return Malformed::Truncated,
            Some(0xf9 | 0xfa) => return Malformed::FloatWidth,
            Some(&FLOAT64) => {
                self.at += 1;
                let float = self.array().map(f64::from_be_bytes);
                return float.and_then(check_float).err().unwrap_or(otherwise);
            }
            Some(_) => {}
        }
        match self.head() {
            Err(malformed) => malformed,
            Ok((TAG, tag)) if tag != 42 => Malformed::Tag,
            Ok((SIMPLE, simple)) if simple != 20 && simple != 21 => Malformed::Simple,
            Ok(_) => otherwise,
        }
    }
}

fn check_float(float: f64) -> Result<(), Malformed> {
    if !float.is_finite() {
        Err(Malformed::NotFinite)
    } else if float == 0.0 && float.is_sign_negative() {
        Err(Malformed::NegativeZero)
    } else {
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> ObjectId {
    ObjectId::from_bytes(bytes[..32].try_into().expect("a digest"))
}

/// Reads items of bytes that were scanned before; panics on others.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

/// An item of scanned bytes. A list or a map tells how many items, or pairs of items, follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    Uint(u64),
    /// −1 − the number.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    List(u64),
    Map(u64),
    Reference(ObjectId),
    Foreign,
    Bool(bool),
    Float(f64),
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that are not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(len);
        self.bytes = rest;
        taken
    }

    #[inline]
    fn head(&mut self) -> (u8, u64) {
        let first = self.take(1)[0];
        let argument = match first & 31 {
            info @ 0..24 => info as u64,
            24 => self.take(1)[0] as u64,
            25 => u16::from_be_bytes(self.take(2).try_into().expect("two bytes")) as u64,
            26 => u32::from_be_bytes(self.take(4).try_into().expect("four bytes")) as u64,
            _ => u64::from_be_bytes(self.take(8).try_into().expect("eight bytes")),
        };
        (first >> 5, argument)
    }

    /// The next item; a list or a map is entered.
    #[inline]
    pub(crate) fn item(&mut self) -> Item<'a> {
        if self.bytes.starts_with(&REFERENCE) {
            return Item::Reference(digest(&self.take(REFERENCE_LEN)[REFERENCE.len()..]));
        }
        let first = self.bytes[0];
        match self.head() {
            (UNSIGNED, number) => Item::Uint(number),
            (NEGATIVE, number) => Item::Negative(number),
            (BYTES, len) => Item::Bytes(self.take(len as usize)),
            (TEXT, len) => Item::Text(std::str::from_utf8(self.take(len as usize)).expect("scanned text")),
            (ARRAY, len) => Item::List(len),
            (MAP, len) => Item::Map(len),
            (TAG, _) => {
                self.item();
                Item::Foreign
            }
            (_, bits) if first == FLOAT64 => Item::Float(f64::from_bits(bits)),
            _ => Item::Bool(first == TRUE),
        }
    }

    /// The bytes of a text or of bytes.
    #[inline]
    pub(crate) fn string(&mut self) -> &'a [u8] {
        let (_, len) = self.head();
        self.take(len as usize)
    }

    /// The number of items that follow the head of a list.
    #[inline]
    pub(crate) fn list(&mut self) -> u64 {
        self.head().1
    }
}

/// Writes canonical bytes.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Items that were written before.
    pub(crate) fn raw(&mut self, items: &[u8]) {
        self.bytes.extend(items);
    }

    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..24 => self.bytes.push(major | argument as u8),
            24..0x100 => self.bytes.extend([major | 24, argument as u8]),
            0x100..0x1_0000 => {
                self.bytes.push(major | 25);
                self.bytes.extend((argument as u16).to_be_bytes());
            }
            0x1_0000..0x1_0000_0000 => {
                self.bytes.push(major | 26);
                self.bytes.extend((argument as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend(argument.to_be_bytes());
            }
        }
    }

    pub(crate) fn map(&mut self, entries: usize) {
        self.head(MAP, entries as u64);
    }

    pub(crate) fn list(&mut self, items: usize) {
        self.head(ARRAY, items as u64);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.head(BYTES, bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    pub(crate) fn uint(&mut self, number: u64) {
        self.head(UNSIGNED, number);
    }

    pub(crate) fn int(&mut self, number: i64) {
        // The two's complement of a negative number is −1 − the number.
        if number < 0 { self.head(NEGATIVE, !number as u64) } else { self.uint(number as u64) }
    }

    pub(crate) fn float(&mut self, float: f64) {
        self.bytes.push(FLOAT64);
        self.bytes.extend(float.to_be_bytes());
    }

    pub(crate) fn bool(&mut self, bool: bool) {
        self.bytes.push(if bool { TRUE } else { FALSE });
    }

    pub(crate) fn reference(&mut self, id: &ObjectId) {
        self.bytes.extend(REFERENCE);
        self.bytes.extend(id.as_bytes());
    }
}
