//! The frame of an archive: CARv1, a header and sections of blocks behind their ids, which every tool of IPLD reads.

use crate::object::codec::Writer;
use crate::object::id::{CID_LEN, ObjectId};
use crate::object::parts::MAX_SIZE;

/// The bytes of the header, its length included: with one root it is the same for every archive but for the root.
pub const HEADER_LEN: usize = 59;

/// What every id begins with, as bytes.
pub(crate) const ID_BEGINNING: &[u8] = &[0x01, 0x71, 0x1e, 0x20];

/// The longest section: an id and the largest block.
const MAX_SECTION: usize = CID_LEN + MAX_SIZE;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The file does not begin as an archive does.
    #[error("this is no archive: it does not begin with the header of CARv1 with one root")]
    Header,
    /// The length of a section is no shortest varint, or nothing that a block may have.
    #[error("the length of a section is damaged")]
    Length,
    /// The id of a block is of another kind than ours.
    #[error("the id of a block is damaged, or of another kind than those of streams")]
    Id,
}

impl FrameError {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Length => "section-length",
            Self::Id => "section-id",
        }
    }
}

/// The header of an archive with this root.
pub(crate) fn header(root: &ObjectId) -> Vec<u8> {
    let mut writer = Writer::with_capacity(HEADER_LEN);
    writer.map(2);
    writer.text("roots");
    writer.list(1);
    writer.reference(root);
    writer.text("version");
    writer.uint(1);
    let header = writer.into_bytes();
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    push_varint(&mut bytes, header.len());
    bytes.extend(header);
    bytes
}

/// The root that a header names, whose bytes are [`HEADER_LEN`] long.
pub(crate) fn root(bytes: &[u8]) -> Result<ObjectId, FrameError> {
    // All of it but the digest is the same in every header.
    let digest = bytes.get(HEADER_LEN - 41..HEADER_LEN - 9).ok_or(FrameError::Header)?;
    let root = ObjectId::from_bytes(digest.try_into().expect("32 bytes"));
    if header(&root) == bytes { Ok(root) } else { Err(FrameError::Header) }
}

/// Appends a section.
pub(crate) fn push_section(bytes: &mut Vec<u8>, id: &ObjectId, block: &[u8]) {
    push_varint(bytes, CID_LEN + block.len());
    bytes.extend(id.cid());
    bytes.extend(block);
}

fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Where the section at the beginning of some bytes has its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// The id that stands before the block. Whether the block hashes to it is not said.
    pub(crate) id: ObjectId,
    /// Where the block begins.
    pub(crate) start: usize,
    /// Where it ends, and the next section begins.
    pub(crate) end: usize,
}

/// The section at the beginning of these bytes; `None` where more of them are needed to tell.
pub(crate) fn section(bytes: &[u8]) -> Result<Option<Section>, FrameError> {
    let (mut length, mut at) = (0, 0);
    loop {
        let Some(&byte) = bytes.get(at) else { return Ok(None) };
        length |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        match byte {
            0 if at > 1 => return Err(FrameError::Length),
            0..0x80 => break,
            _ if at == 3 => return Err(FrameError::Length),
            _ => {}
        }
    }
    if !(CID_LEN + 1..=MAX_SECTION).contains(&length) {
        return Err(FrameError::Length);
    }
    let Some(cid) = bytes.get(at..at + CID_LEN) else { return Ok(None) };
    let id = ObjectId::from_cid(cid).ok_or(FrameError::Id)?;
    let (start, end) = (at + CID_LEN, at + length);
    Ok((bytes.len() >= end).then_some(Section { id, start, end }))
}
