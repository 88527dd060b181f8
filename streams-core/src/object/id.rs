//! Ids (spec 3.2): the BLAKE3 digest of a block, and its text form, a CIDv1.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;

/// What stands before the digest in the bytes of a CIDv1 with codec dag-cbor and multihash blake3.
const CID_PREFIX: [u8; 4] = [0x01, 0x71, 0x1e, 0x20];

/// The length of the bytes of a CID.
pub const CID_LEN: usize = CID_PREFIX.len() + 32;

/// The name of a map, of an object, of a stream (by its root): the BLAKE3-256 digest of its block.
///
/// As text it is a CIDv1 in base32, which begins with `bafyr4i`, 59 characters.
///
/// ```
/// # use streams_core::ObjectId;
/// let id = ObjectId::of_block(b"\xa0"); // the empty map
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 32]);

/// A stream is named by the id of its root.
pub type StreamId = ObjectId;

/// The text is no id, or not in its one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: an id is 59 characters that begin with bafyr4i")]
pub struct IdTextError;

impl ObjectId {
    /// The id of the map whose block has these canonical bytes.
    pub fn of_block(block: &[u8]) -> Self {
        Self(*blake3::hash(block).as_bytes())
    }

    /// The id with this digest.
    pub const fn from_bytes(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The bytes of the CID, as they stand before a block in an archive.
    pub fn cid(&self) -> [u8; CID_LEN] {
        let mut cid = [0; CID_LEN];
        cid[..CID_PREFIX.len()].copy_from_slice(&CID_PREFIX);
        cid[CID_PREFIX.len()..].copy_from_slice(&self.0);
        cid
    }

    /// The id with this CID; `None` where it is of another kind.
    pub fn from_cid(cid: &[u8]) -> Option<Self> {
        cid.strip_prefix(&CID_PREFIX)?.try_into().map(Self).ok()
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", BASE32_NOPAD.encode(&self.cid()).to_ascii_lowercase())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = IdTextError;

    fn from_str(text: &str) -> Result<Self, IdTextError> {
        let base32 = text.strip_prefix('b').ok_or(IdTextError)?;
        if base32.bytes().any(|c| c.is_ascii_uppercase()) {
            return Err(IdTextError);
        }
        let cid = BASE32_NOPAD.decode(base32.to_ascii_uppercase().as_bytes()).map_err(|_| IdTextError)?;
        Self::from_cid(&cid).ok_or(IdTextError)
    }
}
