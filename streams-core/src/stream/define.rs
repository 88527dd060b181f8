//! Streams held to a definition (spec 13.2): what is written here fits, and where one asks for it, what others write.

use std::sync::Arc;

use super::Stream;
use super::admit::Rejected;
use crate::object::authenticate::Authentic;
use crate::schema::definition::Definition;
use crate::schema::fit::Unlike;

/// Whose objects are held to a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Those that are written here. What others write is admitted by the rules of streams alone, so that all replicas
    /// have the same objects.
    Own,
    /// All that arrive. What does not fit is not admitted here, and what cites it waits: other replicas may have it, and
    /// a later definition may take it (its fate is *newer*, spec 14.1).
    All,
}

/// A definition, and the stream in it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    definition: Arc<Definition>,
    path: Box<str>,
    hold: Hold,
}

impl Stream {
    /// Holds the stream to its definition from here on: that of the stream which a root of this type begins. What is here
    /// stays; a root that does not fit is an error, and the stream is held all the same, where there is one to hold it to.
    ///
    /// ```
    /// # use streams_core::{Draft, HashKey, Map, SigningKey, Stream};
    /// # use streams_core::schema::definition::Definition;
    /// # use streams_core::stream::define::Hold;
    /// let definition = Definition::parse("stream example.org/list { root object Created { } event Added { text string } }")?;
    /// let alice = SigningKey::from_bytes([1; 32]);
    /// let root = Draft::root("example.org/list.Created", [0; 16]).sign(&alice)?;
    /// let mut stream = Stream::open(root, HashKey::from_bytes([3; 16]))?;
    /// stream.hold_to(definition.into(), Hold::Own)?;
    /// let error = stream.by(&alice).append("example.org/list.Added", Map::new()).unwrap_err();
    /// assert_eq!(error.to_string(), "not as it is defined: text is missing, which must be there");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hold_to(&mut self, definition: Arc<Definition>, hold: Hold) -> Result<(), Unlike> {
        let root = self.object_at(Self::ROOT);
        let root = self.authenticator.verified_before(root).expect("it was admitted");
        let r#type = root.header().r#type();
        let defined = definition.stream_of(r#type).ok_or_else(|| Unlike::Type(r#type.to_owned()))?;
        let (path, fits) = (defined.path().into(), definition.fits_stream(defined.path(), &root));
        self.held = Some(Held { definition, path, hold });
        fits
    }

    /// Whether an object that is written here may be.
    pub(super) fn fits(&self, object: &Authentic) -> Result<(), Rejected> {
        let Some(held) = &self.held else { return Ok(()) };
        Ok(held.definition.fits_stream(&held.path, object)?)
    }

    /// Whether an object that others wrote may be admitted.
    pub(super) fn fits_here(&self, object: &Authentic) -> Result<(), Rejected> {
        match &self.held {
            Some(Held { hold: Hold::All, .. }) => self.fits(object),
            _ => Ok(()),
        }
    }
}
