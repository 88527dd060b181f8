//! The index beside an archive: where each object stands, so that a page is read without the rest.
//!
//! It is a file of its own: [`BEGINNING`], the 32-byte digest of the manifest's id, and for each object, in order, two
//! numbers of 8 bytes, big-endian: where the section of its block begins, and where that of its seal does. It is
//! believed for nothing but places: what stands there is hashed, must be divided as the seal says, and its signatures
//! are verified. That a page begins at the place that was asked for is what a wrong index could lie about.

use std::io;
use std::ops::Range;

use super::car::{self, FrameError, HEADER_LEN};
use super::seal::{MAX_OBJECTS, Seal};
use crate::object::authenticate::{Authentic, AuthenticateError, Authenticator};
use crate::object::id::ObjectId;
use crate::object::parts::Object;

/// What an index begins with.
pub const BEGINNING: &[u8; 16] = b"streams.index.v1";

/// What stands before the numbers.
const HEAD: u64 = BEGINNING.len() as u64 + 32;

/// The numbers of an object.
const ENTRY: u64 = 16;

/// The longest section of a seal: a signature and three bytes for each object, and what stands around them.
const MAX_SEAL: u64 = 67 * MAX_OBJECTS as u64 + 256;

/// Why a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no index, or that of another archive.
    #[error("the index is damaged, or belongs to another archive: make it anew")]
    Index,
    /// What stands there is no section.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What stands there is not what its id or the seal says.
    #[error("the archive is damaged at {offset}, or its index is")]
    Damaged {
        /// Where in the archive.
        offset: u64,
    },
    /// An object is not authentic.
    #[error("{id} is not authentic: {reason}")]
    Object {
        /// The object.
        id: ObjectId,
        /// Why.
        reason: AuthenticateError,
    },
}

/// Writes an index while its archive is written.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Where the objects begin that are not sealed yet.
    unsealed: Vec<u64>,
}

impl Writer {
    pub(super) fn new(manifest: &ObjectId) -> Self {
        let bytes = [&BEGINNING[..], manifest.as_bytes()].concat();
        Self { bytes, unsealed: Vec::new() }
    }

    pub(super) fn object(&mut self, offset: u64) {
        self.unsealed.push(offset);
    }

    pub(super) fn seal(&mut self, offset: u64) {
        for object in self.unsealed.drain(..) {
            self.bytes.extend(object.to_be_bytes());
            self.bytes.extend(offset.to_be_bytes());
        }
    }

    pub(super) fn take(&mut self, bytes: &mut Vec<u8>) {
        bytes.clear();
        std::mem::swap(bytes, &mut self.bytes);
    }
}

/// Reads a range of a file: fewer bytes where the file ends.
pub trait Ranges: FnMut(Range<u64>) -> io::Result<Vec<u8>> {}
impl<T: FnMut(Range<u64>) -> io::Result<Vec<u8>>> Ranges for T {}

/// Where an object stands, as the index says.
#[derive(Clone, Copy)]
struct Entry {
    object: u64,
    seal: u64,
}

/// Reads at most `limit` objects of an archive, from a place in its order on, by ranges of the archive and of its index.
/// Every block is hashed, and every signature verified. Beside the objects themselves, it reads 16 bytes for each of
/// them and for up to 1,024 others, and the seals that they have.
pub fn page(
    mut archive: impl Ranges,
    mut index: impl Ranges,
    from: u64,
    limit: usize,
    authenticator: &mut Authenticator,
) -> Result<Vec<Authentic>, PageError> {
    let root = car::root(&archive(0..HEADER_LEN as u64)?)?;
    let head = index(0..HEAD)?;
    if head != [&BEGINNING[..], root.as_bytes()].concat() {
        return Err(PageError::Index);
    }
    // The number of an object among those of its seal is told by the entries before it.
    let first = from.saturating_sub(MAX_OBJECTS as u64 - 1);
    let end = from.saturating_add(limit as u64).saturating_add(1);
    let entries = index(HEAD + ENTRY * first..HEAD.saturating_add(ENTRY.saturating_mul(end)))?;
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
    let entries: Vec<Entry> = entries
        .chunks_exact(ENTRY as usize)
        .map(|entry| Entry { object: number(&entry[..8]), seal: number(&entry[8..]) })
        .collect();
    let skipped = (from - first) as usize;
    let mut objects = Vec::new();
    let mut at = skipped;
    while at < entries.len().min(skipped + limit) {
        let seal = entries[at].seal;
        let before = entries[..at].iter().rev().take_while(|entry| entry.seal == seal).count();
        let same = entries[at..].iter().take_while(|entry| entry.seal == seal).count();
        let count = same.min(skipped + limit - at);
        let until = if count < same { entries[at + count].object } else { seal };
        let (start, Some(length)) = (entries[at].object, until.checked_sub(entries[at].object)) else {
            return Err(PageError::Index);
        };
        let after = entries.get(at + same).map_or(seal.saturating_add(MAX_SEAL), |next| next.object);
        if length > MAX_RANGE || after.checked_sub(seal).is_none_or(|length| length > MAX_SEAL) {
            return Err(PageError::Index);
        }
        let sealed = read_seal(&archive(seal..after)?, seal)?;
        divide(&archive(start..until)?, start, &sealed, before..before + count, &mut objects)?;
        at += count;
    }
    let ids: Vec<ObjectId> = objects.iter().map(Object::id).collect();
    let proven = authenticator.authenticate_batch(objects).into_iter().zip(ids);
    proven.map(|(proven, id)| proven.map_err(|reason| PageError::Object { id, reason })).collect()
}

/// The most bytes between an object and its seal.
const MAX_RANGE: u64 = super::seal::MAX_UNSEALED as u64;

fn read_seal(bytes: &[u8], offset: u64) -> Result<Seal, PageError> {
    let damaged = PageError::Damaged { offset };
    let Some(section) = car::section(bytes)? else { return Err(damaged) };
    let block = &bytes[section.start..section.end];
    let seal = Seal::decode(block).filter(|_| ObjectId::of_block(block) == section.id);
    seal.ok_or(damaged)
}

/// The objects of these numbers among those of a seal, whose sections are these bytes.
fn divide(
    mut bytes: &[u8],
    mut offset: u64,
    seal: &Seal,
    numbers: Range<usize>,
    objects: &mut Vec<Object>,
) -> Result<(), PageError> {
    for number in numbers {
        let damaged = PageError::Damaged { offset };
        let (Some(count), Some(signature)) = (seal.blocks.get(number), seal.signature(number)) else {
            return Err(damaged);
        };
        let mut blocks = Vec::new();
        for _ in 0..*count {
            let Some(section) = car::section(bytes)? else { return Err(damaged) };
            let block = &bytes[section.start..section.end];
            if ObjectId::of_block(block) != section.id {
                return Err(damaged);
            }
            blocks.push((section.id, block));
            (bytes, offset) = (&bytes[section.end..], offset + section.end as u64);
        }
        objects.push(Object::from_blocks(&blocks, signature).map_err(|_| damaged)?);
    }
    if bytes.is_empty() { Ok(()) } else { Err(PageError::Damaged { offset }) }
}
