//! Writing: what is decided by what is there, and what came of it.

use std::fmt;

use serde::Serialize;
use streams_core::node::NodeError;
use streams_core::object::typed::TypedError;
use streams_core::{
    AppendError, Authentic, AuthenticateError, HeaderError, Map, Node, ObjectId, SigningKey, Stream, StreamId, to_map,
};

use crate::name::{Slug, SlugError};
use crate::read::{self, View};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The node, or its store.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The stream does not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The root cannot be made.
    #[error(transparent)]
    Root(#[from] HeaderError),
    /// An object cannot be signed.
    #[error(transparent)]
    Sign(#[from] AuthenticateError),
    /// A value has no place in an object.
    #[error(transparent)]
    Typed(#[from] TypedError),
    /// The text is no name.
    #[error(transparent)]
    Slug(#[from] SlugError),
    /// Nothing of the stream is here.
    #[error("no stream {0} is here")]
    NoStream(StreamId),
    /// There is no such owner.
    #[error("there is no owner {0} of this key")]
    NoOwner(Slug),
    /// The owner has no such stream.
    #[error("{owner} has no stream {slug}")]
    NoSlug {
        /// The owner.
        owner: Slug,
        /// What was asked for.
        slug: Slug,
    },
    /// It was written, and is void: its author may not write that there.
    #[error("{0} is void: its author may not write that here")]
    Void(ObjectId),
    /// Another author owns it.
    #[error("that is for its owner, {0}")]
    NotOwner(streams_core::VerifyingKey),
}

impl ArchiveError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Node(_) => "node",
            Self::Append(_) => "append",
            Self::Root(_) => "root",
            Self::Sign(_) => "sign",
            Self::Typed(_) => "typed",
            Self::Slug(_) => "slug",
            Self::NoStream(_) => "no-stream",
            Self::NoOwner(_) => "no-owner",
            Self::NoSlug { .. } => "no-slug",
            Self::Void(_) => "void",
            Self::NotOwner(_) => "not-owner",
        }
    }
}

/// What came of creating something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is there, and something of it was not before.
    Created(StreamId),
    /// It was there, just so.
    Existing(StreamId),
    /// Something else is there under that name, and stays as it is.
    Conflict {
        /// What is there.
        stream: StreamId,
        /// How it differs.
        differences: Vec<Difference>,
    },
}

impl Outcome {
    /// The stream that is there.
    pub const fn stream(&self) -> StreamId {
        match self {
            Self::Created(stream) | Self::Existing(stream) | Self::Conflict { stream, .. } => *stream,
        }
    }

    /// Its word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Existing(_) => "existing",
            Self::Conflict { .. } => "conflict",
        }
    }
}

/// A field in which what is there is other than what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// What it is.
    pub have: Option<String>,
    /// What was wanted.
    pub want: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
        write!(f, "{} is {}, not {}", self.field, shown(&self.have), shown(&self.want))
    }
}

/// Who writes, where, and when.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    /// Where.
    pub node: &'a Node,
    /// Who.
    pub key: &'a SigningKey,
    /// When, in milliseconds since 1970. What creates something carries no time, so that it is the same object wherever
    /// it is written.
    pub now: u64,
}

/// An object that is to be written.
#[derive(Clone, Debug)]
pub struct New {
    r#type: &'static str,
    data: Map,
    timed: bool,
}

impl New {
    /// An object that carries the time at which it is written.
    pub fn of(r#type: &'static str, data: &impl Serialize) -> Result<Self, TypedError> {
        Ok(Self { r#type, data: to_map(data)?, timed: true })
    }

    /// An object that is the same whenever it is written.
    pub fn timeless(r#type: &'static str, data: &impl Serialize) -> Result<Self, TypedError> {
        Ok(Self { timed: false, ..Self::of(r#type, data)? })
    }
}

impl Hand<'_> {
    /// Reads a stream, decides what to write, and writes it, in one commit, if nobody wrote meanwhile; otherwise reads and
    /// decides again. What `decide` answers beside is given back, with what was written.
    pub async fn edit<V: View, T>(
        &self,
        stream: StreamId,
        mut decide: impl FnMut(&V) -> Result<(Vec<New>, T), ArchiveError>,
    ) -> Result<(Vec<Authentic>, T), ArchiveError> {
        loop {
            let seen = read::view::<V>(self.node, stream).await?.ok_or(ArchiveError::NoStream(stream))?;
            let (new, answer) = decide(&seen.view)?;
            if new.is_empty() {
                return Ok((Vec::new(), answer));
            }
            let append = |stream: &mut Stream| self.append(stream, new);
            if let Some(written) = self.node.write_after(stream, seen.last, append).await? {
                return Ok((written?, answer));
            }
        }
    }

    /// Appends objects to a stream that is open.
    pub fn append(&self, stream: &mut Stream, new: Vec<New>) -> Result<Vec<Authentic>, ArchiveError> {
        let mut written = Vec::new();
        for New { r#type, data, timed } in new {
            let writer = stream.by(self.key);
            let mut writer = if timed { writer.at(self.now) } else { writer };
            let appended = writer.append(r#type, data)?;
            if !stream.is_effective(&appended.id()) {
                return Err(ArchiveError::Void(appended.id()));
            }
            written.push(appended);
        }
        Ok(written)
    }
}
