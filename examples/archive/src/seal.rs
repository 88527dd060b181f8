//! Items that only holders of a key read: one key a stream, kept in a vault.
//!
//! An item is sealed to the key of its stream by `age` (X25519, ChaCha20-Poly1305). Whoever forgets the key has destroyed
//! what it opens, also in archives that cannot be deleted. What resource, id and revision are is hashed under the key, so
//! that its holder finds out without opening whether something is there, and nobody else can guess it.

use std::fmt;

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;

use crate::object::{Item, MAX_PIECE, Piece, Sealed};

/// The key of a sealed stream.
#[derive(Clone)]
pub struct StreamKey {
    identity: x25519::Identity,
    /// Under what names are hashed.
    names: [u8; 32],
}

/// Why an item was not sealed, or not opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The text is no key.
    #[error("that is no key of a stream: it begins with AGE-SECRET-KEY-1")]
    Key,
    /// It could not be sealed.
    #[error("it could not be sealed")]
    Seal(#[source] age::EncryptError),
    /// It is sealed to another key, or was changed.
    #[error("it is sealed to another key, or was changed")]
    Open(#[source] age::DecryptError),
    /// What was sealed is no item.
    #[error("what was sealed is no item: {0}")]
    Form(String),
}

impl StreamKey {
    /// A fresh key, from the operating system's randomness.
    pub fn generate() -> Self {
        Self::of(x25519::Identity::generate())
    }

    /// The key of this text.
    pub fn from_secret(secret: &SecretString) -> Result<Self, SealError> {
        secret.expose_secret().trim().parse().map(Self::of).map_err(|_| SealError::Key)
    }

    fn of(identity: x25519::Identity) -> Self {
        let secret = identity.to_string();
        let names = blake3::derive_key("streams 2026 archive sealed names v1", secret.expose_secret().as_bytes());
        Self { identity, names }
    }

    /// Its text, for a vault.
    pub fn to_secret(&self) -> SecretString {
        self.identity.to_string()
    }

    /// To what items are sealed (`age1…`), which everybody may know.
    pub fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// A name that only holders of the key can compute.
    pub fn name(&self, plain: &[u8; 16]) -> [u8; 16] {
        let mut name = [0; 16];
        name.copy_from_slice(&blake3::keyed_hash(&self.names, plain).as_bytes()[..16]);
        name
    }

    /// Seals an item.
    pub fn seal(&self, item: &Item) -> Result<Sealed, SealError> {
        let mut plain = Vec::new();
        ciborium::into_writer(item, &mut plain).map_err(|error| SealError::Form(error.to_string()))?;
        let sealed = age::encrypt(&self.identity.to_public(), &plain).map_err(SealError::Seal)?;
        Ok(Sealed {
            subject: self.name(&item.subject()).into(),
            revision: self.name(&item.mark()).into(),
            sealed: sealed.chunks(MAX_PIECE).map(|piece| Piece { bytes: piece.into() }).collect(),
            replaces: item.replaces,
        })
    }

    /// Opens an item.
    pub fn open(&self, sealed: &Sealed) -> Result<Item, SealError> {
        let whole: Vec<u8> = sealed.sealed.iter().flat_map(|piece| piece.bytes.iter().copied()).collect();
        let plain = age::decrypt(&self.identity, &whole).map_err(SealError::Open)?;
        ciborium::from_reader(&plain[..]).map_err(|error| SealError::Form(error.to_string()))
    }
}

/// Without the secret.
impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamKey").field(&self.recipient()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_opened_by_its_key_alone() {
        let (key, other) = (StreamKey::generate(), StreamKey::generate());
        let again = StreamKey::from_secret(&key.to_secret()).unwrap();
        let mut item = Item { source: "1".into(), kind: "entry".into(), text: Some("plain".into()), ..Item::default() };
        item.take_content(&vec![b'x'; 200_000]);
        let sealed = key.seal(&item).unwrap();
        assert!(sealed.sealed.len() > 1);
        assert_eq!(again.open(&sealed).unwrap(), item);
        assert!(matches!(other.open(&sealed), Err(SealError::Open(_))));
        assert_ne!(other.seal(&item).unwrap().subject, sealed.subject, "nobody else can guess what it is");
        let mut changed = sealed.clone();
        changed.sealed[0].bytes.0[300] ^= 1;
        assert!(key.open(&changed).is_err());
        let shown = format!("{key:?}");
        assert!(shown.contains("age1") && !shown.contains("SECRET"), "{shown}");
        assert!(StreamKey::from_secret(&SecretString::from("x".to_owned())).is_err());
    }
}
