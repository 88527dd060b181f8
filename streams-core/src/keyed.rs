//! Hash tables that nobody outside can make slow: ids and keys can be mined until they meet in one place of a table,
//! unless the hash has a key that is not known.

use std::hash::BuildHasher;

use siphasher::sip::SipHasher13;

/// Sixteen bytes that nobody outside knows. One for a replica is enough.
#[derive(Clone, Copy)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// The key with these bytes, which must be unpredictable.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The hash of bytes that are not told apart by anything else.
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(bytes)
    }
}

impl BuildHasher for HashKey {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}
