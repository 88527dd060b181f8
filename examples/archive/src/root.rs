//! Roots of the streams of an archive: hypothetical, or private.
//!
//! The id of a public stream is computed from its type and its author by anyone. A private stream must not be found so:
//! its root has a nonce, which is derived from the secret of its owner and from the type. Nobody else can compute it;
//! its owner computes the same on every device, before and after a crash, so nothing need be kept first. The root carries
//! the rule that its owner alone reads, so there is no moment at which anybody else may.

use serde::{Deserialize, Serialize};
use streams_core::{Authentic, Draft, HeaderError, HypotheticalRoot, Rule, SigningKey, StreamId, VerifyingKey};

use crate::write::ArchiveError;

/// Who finds and reads a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Whoever knows its type and its author finds it, and everyone reads it.
    #[default]
    Public,
    /// Whom its owner tells its id, and lets read.
    Private,
}

impl Visibility {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// The root of a stream of this type, whose author is the holder of the key: the same whenever it is computed.
///
/// ```
/// use streams_archive::root::{public_id, root};
/// use streams_archive::Visibility;
/// # use streams_core::SigningKey;
/// let ada = SigningKey::from_bytes([7; 32]);
/// let public = root("archive/stream/notes", &ada, Visibility::Public)?;
/// assert_eq!(public.id(), public_id("archive/stream/notes", ada.verifying_key())?);
/// let private = root("archive/stream/notes", &ada, Visibility::Private)?;
/// assert_eq!(private.id(), root("archive/stream/notes", &ada, Visibility::Private)?.id());
/// assert_ne!(private.id(), public.id());
/// # Ok::<(), streams_archive::ArchiveError>(())
/// ```
pub fn root(r#type: &str, key: &SigningKey, visibility: Visibility) -> Result<Authentic, ArchiveError> {
    match visibility {
        Visibility::Public => Ok(HypotheticalRoot::new(r#type, key.verifying_key())?.into()),
        Visibility::Private => {
            let readers = Rule::readers([&key.verifying_key()]);
            Ok(Draft::root(r#type, nonce(r#type, key)).policies([readers]).sign(key)?)
        }
    }
}

/// The id of the public stream of this type and this author.
pub fn public_id(r#type: &str, author: VerifyingKey) -> Result<StreamId, HeaderError> {
    Ok(HypotheticalRoot::new(r#type, author)?.id())
}

fn nonce(r#type: &str, key: &SigningKey) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new_derive_key("streams 2026 archive nonce of a private root v1");
    hasher.update(&key.to_bytes()).update(r#type.as_bytes());
    let mut nonce = [0; 16];
    hasher.finalize_xof().fill(&mut nonce);
    nonce
}
