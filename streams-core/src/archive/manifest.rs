//! The manifest: the first block of an archive, which says what is in it.

use super::car::{self, HEADER_LEN};
use crate::object::codec::{Item, Malformed, Reader, Writer, entries};
use crate::object::id::{ObjectId, StreamId};

/// What the format of archives is called.
pub const FORMAT: &str = "streams.archive.v1";

/// What is in an archive. Equal streams have equal manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The stream.
    pub stream: StreamId,
    /// How many objects are in the file.
    pub count: u64,
    /// The frontier (spec 10.2) of the stream as it is with these objects, and with those of the archives before it.
    pub frontier: [u8; 32],
    /// BLAKE3 over the ids of the objects in the file, in their order.
    pub order: [u8; 32],
    /// The manifest of the archive that this one continues.
    pub previous: Option<ObjectId>,
}

/// Why a block is no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The block is not canonical.
    #[error("the manifest is not canonical: {0}")]
    Malformed(#[from] Malformed),
    /// It has other fields than a manifest.
    #[error("the first block is no manifest of an archive of a stream")]
    Fields,
    /// The format is one of a later version.
    #[error("the archive is of a newer format than {FORMAT}")]
    Newer,
}

impl ManifestError {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Fields => "manifest",
            Self::Newer => "newer-format",
        }
    }
}

impl Manifest {
    /// The block.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256);
        writer.map(5 + usize::from(self.previous.is_some()));
        writer.text("count:u");
        writer.uint(self.count);
        writer.text("order:d");
        writer.bytes(&self.order);
        writer.text("format:s");
        writer.text(FORMAT);
        writer.text("stream:r");
        writer.reference(&self.stream);
        writer.text("frontier:d");
        writer.bytes(&self.frontier);
        if let Some(previous) = &self.previous {
            writer.text("previous:r");
            writer.reference(previous);
        }
        writer.into_bytes()
    }

    /// The id of the block, which names what is archived.
    pub fn id(&self) -> ObjectId {
        ObjectId::of_block(&self.encode())
    }

    /// The manifest at the beginning of an archive, of which these are the first bytes: 512 are enough.
    pub fn of_archive(bytes: &[u8]) -> Result<Self, ManifestError> {
        let root = bytes.get(..HEADER_LEN).and_then(|header| car::root(header).ok()).ok_or(ManifestError::Fields)?;
        let section = car::section(&bytes[HEADER_LEN..]).ok().flatten().filter(|section| section.id == root);
        let section = section.ok_or(ManifestError::Fields)?;
        let block = &bytes[HEADER_LEN..][section.start..section.end];
        if ObjectId::of_block(block) != root {
            return Err(ManifestError::Fields);
        }
        Self::decode(block)
    }

    /// The manifest of a block.
    pub fn decode(block: &[u8]) -> Result<Self, ManifestError> {
        let entries = entries(block)?;
        let entry = |key: &str| {
            let found = entries.iter().find(|(name, _)| *name == key.as_bytes());
            found.map(|(_, reader)| *reader)
        };
        match entry("format:s").map(|mut reader| reader.item()) {
            Some(Item::Text(FORMAT)) => {}
            Some(Item::Text(format)) if format.starts_with("streams.archive.") => return Err(ManifestError::Newer),
            _ => return Err(ManifestError::Fields),
        }
        let manifest = || {
            Some(Self {
                stream: reference(entry("stream:r")?)?,
                count: uint(entry("count:u")?)?,
                frontier: digest(entry("frontier:d")?)?,
                order: digest(entry("order:d")?)?,
                previous: match entry("previous:r") {
                    Some(reader) => Some(reference(reader)?),
                    None => None,
                },
            })
        };
        let manifest = manifest().filter(|manifest| entries.len() == 5 + usize::from(manifest.previous.is_some()));
        manifest.ok_or(ManifestError::Fields)
    }
}

pub(super) fn reference(mut reader: Reader<'_>) -> Option<ObjectId> {
    if let Item::Reference(id) = reader.item() { Some(id) } else { None }
}

pub(super) fn uint(mut reader: Reader<'_>) -> Option<u64> {
    if let Item::Uint(number) = reader.item() { Some(number) } else { None }
}

pub(super) fn digest(mut reader: Reader<'_>) -> Option<[u8; 32]> {
    if let Item::Bytes(bytes) = reader.item() { bytes.try_into().ok() } else { None }
}
