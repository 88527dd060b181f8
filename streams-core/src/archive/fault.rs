//! What can be wrong with an archive.

use super::car::FrameError;
use super::manifest::ManifestError;
use crate::object::authenticate::AuthenticateError;
use crate::object::header::Unfit;
use crate::object::id::{ObjectId, StreamId};

/// Something wrong at a place of an archive. What stands elsewhere may be good, and is handed out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {offset}: {what}")]
pub struct Fault {
    /// Where in the file: the first byte of the section that it is about.
    pub offset: u64,
    /// What is wrong.
    pub what: Damage,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The frame. What follows is searched for the next section.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The manifest. The objects prove themselves without.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest is not the block that the header names.
    #[error("the header names another manifest")]
    Root,
    /// The file ends inside a section.
    #[error("the file ends inside a block: it was cut short")]
    Truncated,
    /// A block is not what its id says.
    #[error("the block does not hash to its id {id}")]
    Block {
        /// The id that stands before it.
        id: ObjectId,
    },
    /// A block begins as a seal, and is none.
    #[error("the seal {id} is not well formed")]
    Seal {
        /// Its id.
        id: ObjectId,
    },
    /// Blocks without a seal, so without a signature.
    #[error("{blocks} blocks stand behind no seal, so nothing tells who signed them")]
    Unsealed {
        /// How many.
        blocks: u64,
    },
    /// Other blocks stand before a seal than it seals.
    #[error("blocks are missing, or were put in another order, among the {objects} objects before the seal")]
    Content {
        /// How many objects it seals.
        objects: u64,
    },
    /// An object that is not authentic.
    #[error("{id}: {reason}")]
    Object {
        /// Its id.
        id: ObjectId,
        /// Why.
        reason: AuthenticateError,
    },
    /// An object of another stream than the manifest names.
    #[error("{id} belongs to another stream")]
    OtherStream {
        /// Its id.
        id: ObjectId,
    },
    /// The vouching is for another archive, or the archive is not as it was then. Signatures are verified from here on.
    #[error("from here on this is not what the vouching beside it is for")]
    Vouching,
    /// The manifest tells of another number of objects.
    #[error("{found} objects are in the file, and the manifest tells of {expected}")]
    Count {
        /// What the manifest says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The manifest tells of other objects, or of another order.
    #[error("the manifest tells of other objects, or of another order")]
    Order,
    /// The manifest tells of another frontier.
    #[error("the leaves of the stream {stream} are not those that the manifest tells of")]
    Frontier {
        /// The stream.
        stream: StreamId,
    },
}

impl Damage {
    /// The code, the same in every language.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Frame(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::Root => "root",
            Self::Truncated => "truncated",
            Self::Block { .. } => "block",
            Self::Seal { .. } => "seal",
            Self::Unsealed { .. } => "unsealed",
            Self::Content { .. } => "content",
            Self::Object { reason, .. } => match reason {
                AuthenticateError::Unsound(unsound) => unsound.code(),
                AuthenticateError::Unfit(Unfit::Newer(newer)) => newer.code(),
                AuthenticateError::Unfit(Unfit::Refused(header)) => header.code(),
            },
            Self::OtherStream { .. } => "other-stream",
            Self::Vouching => "vouching-other",
            Self::Count { .. } => "count",
            Self::Order => "order",
            Self::Frontier { .. } => "frontier",
        }
    }

    /// The block or the object that it is about.
    pub const fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Block { id } | Self::Seal { id } | Self::Object { id, .. } | Self::OtherStream { id } => Some(*id),
            _ => None,
        }
    }
}
