//! The header (spec 4): the names that an object may have at its top.
//!
//! `Fields` finds them while the block is scanned, without judging; [`Header`] is the view of an object whose header
//! keeps every rule that can be judged by the object alone.

use super::author::{AUTHOR_LEN, AuthorError, VerifyingKey};
use super::codec::{Item, REFERENCE_LEN, Reader};
use super::id::{ObjectId, StreamId};

/// The most parents (spec 1.5).
pub const MAX_PARENTS: u64 = 16;

/// The most rules in `policies` (spec 1.5).
pub const MAX_POLICIES: u64 = 64;

/// The types of this document (spec 4.2): a root has none of them, and every other type below `streams/` is newer.
pub mod types {
    /// Rules, or withdrawals of rules (spec 8.3).
    pub const POLICY: &str = "streams/policy";
    /// Removal of maps for all (spec 3.4).
    pub const REDACT: &str = "streams/redact";
    /// A checkpoint (spec 9.2).
    pub const CHECKPOINT: &str = "streams/checkpoint";
    /// Void objects taken up (spec 8.10).
    pub const ADOPT: &str = "streams/adopt";
    /// The wish to hear of the stream (spec 8.11).
    pub const SUBSCRIPTION: &str = "streams/subscription";

    /// What the types of this document begin with.
    pub const PREFIX: &str = "streams/";

    /// All of them.
    pub const ALL: [&str; 5] = [POLICY, REDACT, CHECKPOINT, ADOPT, SUBSCRIPTION];
}

/// The keys of the header, in the order of canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Data,
    Next,
    Type,
    Nonce,
    Author,
    Stream,
    Parents,
    Previous,
    Policies,
    Timestamp,
    Generation,
}

impl Field {
    const KEYS: [&'static str; 11] = [
        "data:m",
        "next:d",
        "type:s",
        "nonce:d",
        "author:s",
        "stream:r",
        "parents:ar",
        "previous:r",
        "policies:am",
        "timestamp:u",
        "generation:u",
    ];

    pub(crate) const fn key(self) -> &'static str {
        Self::KEYS[self as usize]
    }

    #[inline]
    fn of_key(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"data:m" => Self::Data,
            b"next:d" => Self::Next,
            b"type:s" => Self::Type,
            b"nonce:d" => Self::Nonce,
            b"author:s" => Self::Author,
            b"stream:r" => Self::Stream,
            b"parents:ar" => Self::Parents,
            b"previous:r" => Self::Previous,
            b"policies:am" => Self::Policies,
            b"timestamp:u" => Self::Timestamp,
            b"generation:u" => Self::Generation,
            _ => return None,
        })
    }

    fn is_name(name: &str) -> bool {
        Self::KEYS.iter().any(|key| key.split_once(':').is_some_and(|(known, _)| known == name))
    }
}

/// Why an object is newer than this version (spec 4.2, 14.4): it is neither admitted nor refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Newer {
    /// A top-level name that this version does not know.
    #[error("`{0}` is no header name of this version: the object may come from a newer one")]
    Name(String),
    /// A known name under another hint.
    #[error("`{0}` is a header name under a hint of another version")]
    Hint(String),
    /// A type below `streams/` that this version does not know.
    #[error("`{0}` is a type of a newer version")]
    Type(String),
    /// A reference to another kind of id.
    #[error("a reference to an id of a kind that this version does not know")]
    Reference,
}

impl Newer {
    /// The code of spec 14.4.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Name(_) => "newer-name",
            Self::Hint(_) => "newer-hint",
            Self::Type(_) => "newer-type",
            Self::Reference => "newer-reference",
        }
    }
}

/// Which rule of the header is broken (spec 4.1, 14.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The type is missing or malformed.
    #[error("`type:s` is 1 to 256 of A–Z a–z 0–9 . _ - / : @")]
    Type,
    /// The author is missing or malformed, or no usable key.
    #[error("`author:s`: {0}")]
    Author(#[from] AuthorError),
    /// The root has a type of this document.
    #[error("a type that begins with streams/ is never that of a root")]
    RootType,
    /// The root has parents, a previous or a generation.
    #[error("a root has no parents, no previous and no generation")]
    RootEdges,
    /// An ordinary root has no nonce of 16 bytes.
    #[error("an ordinary root has a `nonce:d` of 16 bytes")]
    Nonce,
    /// What is no root has a nonce.
    #[error("only a root has a nonce")]
    NonceForbidden,
    /// Missing, none, or too many.
    #[error("`parents:ar` has 1 to 16 ids")]
    Parents,
    /// Not ascending, or repeated.
    #[error("parents ascend, each once")]
    ParentsOrder,
    /// The generation is missing.
    #[error("`generation:u` is missing")]
    Generation,
    /// Policies where none may be.
    #[error("only a root and streams/policy have policies")]
    PoliciesForbidden,
    /// None, or too many.
    #[error("`policies:am` has 1 to 64 rules")]
    PoliciesCount,
    /// A next of another length.
    #[error("`next:d` is 32 bytes")]
    Next,
    /// A next where none may be.
    #[error("only an ordinary root and the owner's policy objects have a next")]
    NextForbidden,
}

impl HeaderError {
    /// The code of spec 14.5.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Author(error) => error.code(),
            Self::RootType => "root-type",
            Self::RootEdges => "root-edges",
            Self::Nonce => "nonce",
            Self::NonceForbidden => "nonce-forbidden",
            Self::Parents => "parents",
            Self::ParentsOrder => "parents-order",
            Self::Generation => "generation",
            Self::PoliciesForbidden => "policies-forbidden",
            Self::PoliciesCount => "policies-count",
            Self::Next => "next",
            Self::NextForbidden => "next-forbidden",
        }
    }
}

/// Where the values of the header begin in a block, and what stands there beside them. A block has at most 64 KiB, so
/// a value begins below that; and none begins at 0, where the head of the map is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    values: [u16; Field::KEYS.len()],
    /// Where the first unknown key begins, and how long it is.
    unknown: Option<(u16, u16)>,
    pub(crate) foreign: bool,
}

impl Fields {
    /// Takes note of an entry of the block, whose value begins at `start`.
    #[inline]
    pub(crate) fn note(&mut self, key: &[u8], start: usize) {
        match Field::of_key(key) {
            Some(field) => self.values[field as usize] = start as u16,
            // The key ends where the value begins.
            None if self.unknown.is_none() => self.unknown = Some(((start - key.len()) as u16, key.len() as u16)),
            None => {}
        }
    }

    #[inline]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.values[field as usize] != 0
    }

    /// Reads the block from a value on.
    #[inline]
    pub(crate) fn read<'a>(&self, field: Field, block: &'a [u8]) -> Option<Reader<'a>> {
        self.has(field).then(|| Reader::new(&block[self.values[field as usize] as usize..]))
    }

    /// The bytes of a text or of bytes.
    #[inline]
    pub(crate) fn bytes<'a>(&self, field: Field, block: &'a [u8]) -> Option<&'a [u8]> {
        self.read(field, block).map(|mut reader| reader.string())
    }

    #[inline]
    pub(crate) fn text<'a>(&self, field: Field, block: &'a [u8]) -> Option<&'a str> {
        self.bytes(field, block).map(|text| std::str::from_utf8(text).expect("scanned text"))
    }

    fn uint(&self, field: Field, block: &[u8]) -> Option<u64> {
        match self.read(field, block)?.item() {
            Item::Uint(number) => Some(number),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn reference(&self, field: Field, block: &[u8]) -> Option<ObjectId> {
        match self.read(field, block)?.item() {
            Item::Reference(id) => Some(id),
            _ => None,
        }
    }

    /// A list of references, of this kind of id all of them.
    #[inline]
    pub(crate) fn ids<'a>(&self, field: Field, block: &'a [u8]) -> Option<Ids<'a>> {
        let mut reader = self.read(field, block)?;
        let len = reader.list() as usize;
        Some(Ids { encoded: &reader.rest()[..len * REFERENCE_LEN] })
    }

    /// The number of elements of a list.
    fn count(&self, field: Field, block: &[u8]) -> Option<u64> {
        self.read(field, block).map(|mut reader| reader.list())
    }

    /// Whether the block is exactly a type and an author (spec 5.1).
    pub(crate) fn is_hypothetical(&self) -> bool {
        let known = self.values.iter().filter(|start| **start != 0).count();
        known == 2 && self.has(Field::Type) && self.has(Field::Author) && self.unknown.is_none()
    }

    /// What an object with these fields is.
    pub(crate) fn role(&self) -> Role {
        match (self.has(Field::Stream), self.is_hypothetical()) {
            (true, _) => Role::Event,
            (false, true) => Role::HypotheticalRoot,
            (false, false) => Role::Root,
        }
    }

    /// The newer thing that the block shows, if any.
    fn newer(&self, block: &[u8]) -> Option<Newer> {
        if let Some((start, len)) = self.unknown {
            let key = &block[start as usize..start as usize + len as usize];
            let key = std::str::from_utf8(key).expect("scanned text");
            let is_known = key.split_once(':').is_some_and(|(name, _)| Field::is_name(name));
            return Some(if is_known { Newer::Hint(key.into()) } else { Newer::Name(key.into()) });
        }
        let own_type = self.bytes(Field::Type, block).filter(|text| text.starts_with(types::PREFIX.as_bytes()));
        match own_type.and_then(|text| std::str::from_utf8(text).ok()) {
            // A malformed type is no newer one.
            Some(text) if !types::ALL.contains(&text) && is_type(text) => Some(Newer::Type(text.into())),
            _ => self.foreign.then_some(Newer::Reference),
        }
    }
}

/// References that stand one after another in a block.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a> {
    encoded: &'a [u8],
}

impl<'a> Ids<'a> {
    /// The number of ids.
    pub fn len(&self) -> usize {
        self.encoded.len() / REFERENCE_LEN
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The ids, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ObjectId> + use<'a> {
        self.encoded.chunks_exact(REFERENCE_LEN).map(|reference| {
            ObjectId::from_bytes(reference[REFERENCE_LEN - 32..].try_into().expect("a digest of 32 bytes"))
        })
    }
}

/// What an object is in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A root that anyone can compute (spec 5).
    HypotheticalRoot,
    /// An ordinary root: it has a nonce.
    Root,
    /// What follows a root.
    Event,
}

/// The header of an object, whose rules by the object alone are kept.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    block: &'a [u8],
    fields: &'a Fields,
    role: Role,
    author: VerifyingKey,
}

impl<'a> Header<'a> {
    /// Reads a header that was judged before.
    pub(crate) fn trusted(block: &'a [u8], fields: &'a Fields, role: Role, author: VerifyingKey) -> Self {
        Self { block, fields, role, author }
    }

    /// What the object is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The type, `type:s`.
    pub fn r#type(&self) -> &'a str {
        self.fields.text(Field::Type, self.block).expect("every object has a type")
    }

    /// The author, `author:s`.
    pub fn author(&self) -> VerifyingKey {
        self.author
    }

    /// The text of the author, as it stands in the object.
    pub fn author_text(&self) -> &'a str {
        self.fields.text(Field::Author, self.block).expect("every object has an author")
    }

    /// The stream, `stream:r`; `None` on a root, which is named by its own id.
    pub fn stream(&self) -> Option<StreamId> {
        self.fields.reference(Field::Stream, self.block)
    }

    /// The parents, `parents:ar`, ascending; none on a root.
    #[inline]
    pub fn parents(&self) -> Ids<'a> {
        self.fields.ids(Field::Parents, self.block).unwrap_or(Ids { encoded: &[] })
    }

    /// The author's own latest object, `previous:r`.
    #[inline]
    pub fn previous(&self) -> Option<ObjectId> {
        self.fields.reference(Field::Previous, self.block)
    }

    /// The generation, `generation:u`; 0 on a root.
    pub fn generation(&self) -> u64 {
        self.fields.uint(Field::Generation, self.block).unwrap_or(0)
    }

    /// Milliseconds since 1970 UTC as the author claims, `timestamp:u`: told to people, without force.
    pub fn timestamp(&self) -> Option<u64> {
        self.fields.uint(Field::Timestamp, self.block)
    }

    /// The hash of the key that may succeed the owner, `next:d`: kept and shown, without force in this version.
    pub fn next(&self) -> Option<[u8; 32]> {
        self.fields.bytes(Field::Next, self.block).map(|next| next.try_into().expect("judged as 32 bytes"))
    }

    /// Whether there are `policies:am`.
    pub fn has_policies(&self) -> bool {
        self.fields.has(Field::Policies)
    }

    /// Whether there is `data:m`, whole or redacted.
    pub fn has_data(&self) -> bool {
        self.fields.has(Field::Data)
    }
}

/// Judges a header by spec 4.1 and 4.2, as far as the object alone can tell, and gives back what the object is. The
/// author's key was judged before: by the signature.
pub(crate) fn judge(block: &[u8], fields: &Fields) -> Result<Role, Unfit> {
    if let Some(newer) = fields.newer(block) {
        return Err(Unfit::Newer(newer));
    }
    let text = fields.bytes(Field::Type, block).filter(|text| is_type_bytes(text)).ok_or(HeaderError::Type)?;
    let own_type = text.starts_with(types::PREFIX.as_bytes());
    let role = fields.role();
    let is_root = role != Role::Event;
    let rule = |kept: bool, error: HeaderError| if kept { Ok(()) } else { Err(error) };
    if is_root {
        rule(!own_type, HeaderError::RootType)?;
        let edges = [Field::Parents, Field::Previous, Field::Generation];
        rule(!edges.into_iter().any(|field| fields.has(field)), HeaderError::RootEdges)?;
        let nonce = fields.bytes(Field::Nonce, block);
        rule(role == Role::HypotheticalRoot || nonce.is_some_and(|nonce| nonce.len() == 16), HeaderError::Nonce)?;
    } else {
        rule(!fields.has(Field::Nonce), HeaderError::NonceForbidden)?;
        let count = fields.count(Field::Parents, block).unwrap_or(0);
        rule((1..=MAX_PARENTS).contains(&count), HeaderError::Parents)?;
        let parents = fields.ids(Field::Parents, block).expect("counted above");
        rule(parents.iter().zip(parents.iter().skip(1)).all(|(a, b)| a < b), HeaderError::ParentsOrder)?;
        rule(fields.has(Field::Generation), HeaderError::Generation)?;
    }
    let governs = is_root || text == types::POLICY.as_bytes();
    if let Some(count) = fields.count(Field::Policies, block) {
        rule(governs, HeaderError::PoliciesForbidden)?;
        rule((1..=MAX_POLICIES).contains(&count), HeaderError::PoliciesCount)?;
    }
    if let Some(next) = fields.bytes(Field::Next, block) {
        rule(governs, HeaderError::NextForbidden)?;
        rule(next.len() == 32, HeaderError::Next)?;
    }
    Ok(role)
}

/// Why a header is not one that this version takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The object is newer than this version.
    #[error(transparent)]
    Newer(#[from] Newer),
    /// The header breaks a rule, for every replica and for ever.
    #[error(transparent)]
    Refused(#[from] HeaderError),
}

/// Whether a text has the form of a type (spec 4.1).
pub fn is_type(text: &str) -> bool {
    is_type_bytes(text.as_bytes())
}

fn is_type_bytes(text: &[u8]) -> bool {
    let known = |c: &u8| c.is_ascii_alphanumeric() || b"._-/:@".contains(c);
    (1..=256).contains(&text.len()) && text.iter().all(known)
}

/// Whether a text has the length of an author, by which it can be looked up.
pub(crate) fn author_text(block: &[u8], fields: &Fields) -> Option<[u8; AUTHOR_LEN]> {
    fields.bytes(Field::Author, block)?.try_into().ok()
}
