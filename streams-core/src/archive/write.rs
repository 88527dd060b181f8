//! Writing: objects in, in the order of the stream, and the bytes of an archive out.

use super::car::{header, push_section};
use super::index;
use super::manifest::Manifest;
use super::seal::{Content, MAX_BYTES, MAX_OBJECTS, Seal};
use crate::object::id::ObjectId;
use crate::object::parts::{Kept, Object, Unsound};

/// Writes an archive, whose manifest must be known: what is pushed must be what it says, which
/// [`Reader`](super::read::Reader) checks and this does not. What it holds is bounded by what is not
/// [taken](Self::take), and a seal.
#[derive(Debug)]
pub struct Writer {
    manifest: ObjectId,
    bytes: Vec<u8>,
    /// How many bytes were taken.
    taken: u64,
    /// The seal that is to be written.
    seal: Seal,
    content: Content,
    /// The bytes of the sections that it will seal.
    size: usize,
    seals: Vec<ObjectId>,
    index: index::Writer,
}

/// An archive that is written to its end.
#[derive(Clone, Debug)]
pub struct Written {
    /// The id of the manifest.
    pub manifest: ObjectId,
    /// The ids of the seals, for a [vouching](super::vouch::Vouching).
    pub seals: Vec<ObjectId>,
    /// How many bytes it has.
    pub bytes: u64,
}

impl Writer {
    /// Begins an archive.
    pub fn new(manifest: &Manifest) -> Self {
        let block = manifest.encode();
        let id = ObjectId::of_block(&block);
        let mut bytes = header(&id);
        push_section(&mut bytes, &id, &block);
        let seal = Seal { blocks: Vec::new(), content: [0; 32], signatures: Vec::new() };
        Self {
            manifest: id,
            bytes,
            taken: 0,
            seal,
            content: Content::default(),
            size: 0,
            seals: Vec::new(),
            index: index::Writer::new(&id),
        }
    }

    /// Appends the object of these parts, which are checked and hashed, and returns its id. What is not sound, or holds
    /// what this version would leave out, is not written.
    pub fn push(&mut self, parts: &[u8]) -> Result<ObjectId, Unsound> {
        let Kept { id, is_hypothetical, parts, ids } = Object::check_kept(parts)?;
        if parts.signature.is_empty() && !is_hypothetical {
            return Err(Unsound::Unsigned);
        }
        self.index.object(self.taken + self.bytes.len() as u64);
        self.block(&id, parts.block);
        for (id, map) in ids.iter().zip(&parts.maps) {
            self.block(id, map);
        }
        self.seal.blocks.push(1 + ids.len() as u64);
        self.seal.signatures.extend(parts.signature);
        if self.seal.blocks.len() == MAX_OBJECTS || self.size >= MAX_BYTES {
            self.seal();
        }
        Ok(id)
    }

    fn block(&mut self, id: &ObjectId, block: &[u8]) {
        let before = self.bytes.len();
        push_section(&mut self.bytes, id, block);
        self.content.add(id);
        self.size += self.bytes.len() - before;
    }

    fn seal(&mut self) {
        self.seal.content = self.content.digest();
        let block = self.seal.encode();
        let id = ObjectId::of_block(&block);
        self.index.seal(self.taken + self.bytes.len() as u64);
        push_section(&mut self.bytes, &id, &block);
        self.seals.push(id);
        self.seal.blocks.clear();
        self.seal.signatures.clear();
        self.content = Content::default();
        self.size = 0;
    }

    /// Puts into `bytes` what was written since the last time, in the place of what is there; the room of which is
    /// written to next.
    pub fn take(&mut self, bytes: &mut Vec<u8>) {
        bytes.clear();
        std::mem::swap(bytes, &mut self.bytes);
        self.taken += bytes.len() as u64;
    }

    /// The same of the [index] that stands beside the archive.
    pub fn take_index(&mut self, bytes: &mut Vec<u8>) {
        self.index.take(bytes);
    }

    /// Ends the archive: what is taken behind this is the last of it, and of its index.
    pub fn finish(&mut self) -> Written {
        if !self.seal.blocks.is_empty() {
            self.seal();
        }
        let bytes = self.taken + self.bytes.len() as u64;
        Written { manifest: self.manifest, seals: std::mem::take(&mut self.seals), bytes }
    }
}
