//! Hypothetical roots (spec 5): a stream that can be found by anyone who knows its type and its author.

use super::authenticate::Authentic;
use super::author::VerifyingKey;
use super::codec::Writer;
use super::header::{Field, HeaderError, is_type, types};
use super::id::StreamId;
use super::parts::Object;

/// The root of the one stream that has this type and this author, computed by anyone.
///
/// ```
/// # use streams_core::{HypotheticalRoot, SigningKey};
/// let author = SigningKey::from_bytes([7; 32]).verifying_key();
/// let here = HypotheticalRoot::new("example.org/profile", author)?;
/// let elsewhere = HypotheticalRoot::new("example.org/profile", author)?;
/// assert_eq!(here.id(), elsewhere.id());
/// # Ok::<(), streams_core::HeaderError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HypotheticalRoot {
    authentic: Authentic,
}

impl HypotheticalRoot {
    /// The root of a type and an author. Refused are what is no type, and the types of the specification.
    pub fn new(r#type: &str, author: VerifyingKey) -> Result<Self, HeaderError> {
        if !is_type(r#type) {
            return Err(HeaderError::Type);
        }
        if r#type.starts_with(types::PREFIX) {
            return Err(HeaderError::RootType);
        }
        let mut writer = Writer::default();
        writer.map(2);
        writer.text(Field::Type.key());
        writer.text(r#type);
        writer.text(Field::Author.key());
        writer.text(&author.to_string());
        let object = Object::encoded(&writer.into_bytes(), &[], &[]).expect("two short texts");
        match Authentic::signed(object, author) {
            Ok(authentic) => Ok(Self { authentic }),
            Err(error) => unreachable!("type and author were checked: {error}"),
        }
    }

    /// The id of the stream.
    pub fn id(&self) -> StreamId {
        self.authentic.id()
    }

    /// The root as an object, to open the stream with.
    pub fn authentic(&self) -> &Authentic {
        &self.authentic
    }
}

impl From<HypotheticalRoot> for Authentic {
    fn from(root: HypotheticalRoot) -> Self {
        root.authentic
    }
}
