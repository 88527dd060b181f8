//! Authors (spec 4.1, 6.1): keys, their text, and what a signature is for.

use std::fmt;
use std::str::FromStr;

use super::secret::Secret;
use super::verifier::Verifier;

/// The length of an author's text.
pub const AUTHOR_LEN: usize = 48;

/// What stands before the key in the multibase text: the multicodec ed25519-pub.
const MULTICODEC: [u8; 2] = [0xed, 0x01];

/// The length of a signature in bytes.
pub const SIGNATURE_LEN: usize = 64;

/// What a signature is for (spec 6.1): one made for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// An object's id.
    Object,
    /// The transcript of a session.
    Session,
    /// A statement or a refusal of a peer.
    Statement,
    /// The manifest of an archive.
    Archive,
    /// A request to a server.
    Request,
}

impl Domain {
    pub(super) const fn name(self) -> &'static [u8] {
        match self {
            Self::Object => b"streams.object.v1\0",
            Self::Session => b"streams.session.v1\0",
            Self::Statement => b"streams.statement.v1\0",
            Self::Archive => b"streams.archive.v1\0",
            Self::Request => b"streams.request.v1\0",
        }
    }

    /// The bytes that are signed for a message: what a signer that is elsewhere is given.
    pub fn preimage(self, message: &[u8]) -> Vec<u8> {
        [self.name(), message].concat()
    }
}

/// Lets one write as an author: 32 secret bytes.
///
/// ```
/// # use streams_core::{Domain, SigningKey};
/// let key = SigningKey::from_bytes([7; 32]); // from the operating system's randomness, in earnest
/// let signature = key.sign(Domain::Object, b"message");
/// assert!(key.verifying_key().verify(Domain::Object, b"message", &signature));
/// assert!(!key.verifying_key().verify(Domain::Archive, b"message", &signature));
/// ```
#[derive(Clone)]
pub struct SigningKey {
    secret: Secret,
    author: VerifyingKey,
    /// The text of the author, which every object carries.
    text: Box<str>,
}

impl SigningKey {
    /// The key with these secret bytes, which must be unpredictable.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        let secret = Secret::from_bytes(secret);
        let author = VerifyingKey(secret.public());
        Self { secret, author, text: author.to_string().into() }
    }

    /// The text of the author, computed once.
    pub(crate) fn author_text(&self) -> &str {
        &self.text
    }

    /// The secret bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.secret.to_bytes()
    }

    /// The key that tells this author from others.
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.author
    }

    /// Signs a message for a purpose.
    pub fn sign(&self, domain: Domain, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.secret.sign(&domain.preimage(message))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey of {}", self.text)
    }
}

/// An author: a public key that is the canonical encoding of a point and not of small order.
///
/// As text it is multibase, 48 characters that begin with `z6Mk`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey([u8; 32]);

/// Why a text or bytes name no author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    /// The text is not 48 characters of base58 behind `z`, with the multicodec of Ed25519.
    #[error("not an author: an author is 48 characters that begin with z6Mk")]
    Form,
    /// The bytes are not the canonical encoding of a point, or the point is of small order.
    #[error("a key that is not the canonical encoding of a point, or is of small order")]
    Key,
}

impl AuthorError {
    /// The code of spec 14.5.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "author",
            Self::Key => "author-key",
        }
    }
}

/// The key in an author's text, by its form alone: the bytes need not be a point (spec 8.1).
pub fn author_bytes(text: &str) -> Result<[u8; 32], AuthorError> {
    let base58 = text.strip_prefix('z').filter(|_| text.len() == AUTHOR_LEN).ok_or(AuthorError::Form)?;
    let mut bytes = [0; 34];
    match bs58::decode(base58).onto(&mut bytes) {
        Ok(34) if bytes.starts_with(&MULTICODEC) => Ok(bytes[2..].try_into().expect("32 bytes")),
        _ => Err(AuthorError::Form),
    }
}

impl VerifyingKey {
    /// The key with these bytes, if they are one (spec 6.1). Costs about a tenth of a verification.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, AuthorError> {
        Verifier::from_bytes(bytes).map(|verifier| *verifier.author())
    }

    /// Bytes that were checked.
    pub(super) const fn checked(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the signature is valid by ZIP-215.
    pub fn verify(&self, domain: Domain, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.verifier().verify(domain, message, signature)
    }

    /// The key made ready for many verifications: 200 bytes, and a tenth of the cost of one.
    pub fn verifier(&self) -> Verifier {
        Verifier::from_bytes(self.0).expect("checked as a point")
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 34];
        bytes[..2].copy_from_slice(&MULTICODEC);
        bytes[2..].copy_from_slice(&self.0);
        write!(f, "z{}", bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifyingKey {
    type Err = AuthorError;

    fn from_str(text: &str) -> Result<Self, AuthorError> {
        Self::from_bytes(author_bytes(text)?)
    }
}
