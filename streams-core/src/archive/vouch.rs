//! Vouching: who verified an archive, or made it of what they had verified, signs what is in it. Restoring what one
//! vouched for oneself, one need not verify its signatures again (spec 6.2, 11.1).

use crate::object::author::{Domain, SIGNATURE_LEN, SigningKey, VerifyingKey};
use crate::object::codec::{Item, Writer, entries, split_parts};
use crate::object::id::ObjectId;

use super::manifest::reference;

/// What stands beside an archive, in a file of its own: that its author vouches for the manifest and for every seal, and
/// so for each block of it and each signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouching {
    author: VerifyingKey,
    archive: ObjectId,
    seals: Vec<ObjectId>,
    /// How many of them were met.
    met: usize,
}

/// Why bytes are no vouching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VouchError {
    /// The bytes are damaged, or something else.
    #[error("this is no vouching for an archive, or it is damaged")]
    Malformed,
    /// The signature is not that of its author.
    #[error("the vouching is not signed by the author that it names")]
    Signature,
}

impl VouchError {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "vouching",
            Self::Signature => "vouching-signature",
        }
    }
}

impl Vouching {
    /// Vouches for the archive with this manifest and these seals; returns the file.
    pub fn sign(key: &SigningKey, archive: &ObjectId, seals: &[ObjectId]) -> Vec<u8> {
        let mut writer = Writer::with_capacity(256 + 32 * seals.len());
        writer.map(3);
        writer.text("seals:d");
        writer.bytes(&seals.iter().flat_map(|seal| *seal.as_bytes()).collect::<Vec<u8>>());
        writer.text("author:s");
        writer.text(&key.verifying_key().to_string());
        writer.text("archive:r");
        writer.reference(archive);
        let block = writer.into_bytes();
        let signature = key.sign(Domain::Archive, ObjectId::of_block(&block).as_bytes());
        let mut writer = Writer::with_capacity(block.len() + 128);
        writer.list(3);
        writer.bytes(&block);
        writer.bytes(&signature);
        writer.list(0);
        writer.into_bytes()
    }

    /// The vouching in a file, whose signature is verified.
    pub fn verify(file: &[u8]) -> Result<Self, VouchError> {
        let parts = split_parts(file).ok().flatten().filter(|parts| parts.maps.is_empty());
        let parts = parts.ok_or(VouchError::Malformed)?;
        let signature: &[u8; SIGNATURE_LEN] = parts.signature.try_into().map_err(|_| VouchError::Malformed)?;
        let vouching = Self::read(parts.block).ok_or(VouchError::Malformed)?;
        let message = ObjectId::of_block(parts.block);
        if vouching.author.verify(Domain::Archive, message.as_bytes(), signature) {
            Ok(vouching)
        } else {
            Err(VouchError::Signature)
        }
    }

    fn read(block: &[u8]) -> Option<Self> {
        let entries = entries(block).ok()?;
        let [(b"seals:d", mut seals), (b"author:s", mut author), (b"archive:r", archive)] = entries[..] else {
            return None;
        };
        let (Item::Bytes(seals), Item::Text(author)) = (seals.item(), author.item()) else { return None };
        let seals = seals.chunks(32).map(|digest| Some(ObjectId::from_bytes(digest.try_into().ok()?)));
        Some(Self {
            author: author.parse().ok()?,
            archive: reference(archive)?,
            seals: seals.collect::<Option<_>>()?,
            met: 0,
        })
    }

    /// Who vouches.
    pub fn author(&self) -> VerifyingKey {
        self.author
    }

    /// The id of the manifest of the archive.
    pub fn archive(&self) -> ObjectId {
        self.archive
    }

    /// The ids of the seals of the archive.
    pub fn seals(&self) -> &[ObjectId] {
        &self.seals
    }

    /// Whether this is the id of a seal of the archive, behind those that were met.
    pub(super) fn covers(&mut self, seal: &ObjectId) -> bool {
        let place = self.seals[self.met..].iter().position(|own| own == seal);
        self.met += place.map_or(0, |place| place + 1);
        place.is_some()
    }
}
