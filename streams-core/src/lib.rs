//! Streams.

#![forbid(unsafe_code)]

pub mod keyed;

pub mod object;

pub mod graph;

pub mod policy;

pub mod stream;

pub mod memory;

pub use graph::{PendingFull, PendingLimits, Share};
pub use keyed::HashKey;
pub use object::authenticate::{Authentic, AuthenticateError, Authenticator};
pub use object::author::{AuthorError, Batch, Domain, SigningKey, Verifier, VerifyingKey, author_bytes};
pub use object::codec::{Malformed, check_block, parts_len};
pub use object::draft::{Draft, Edges};
pub use object::header::{Header, HeaderError, Newer, Role, Unfit};
pub use object::id::{ObjectId, StreamId};
pub use object::json::{JsonError, JsonFault};
pub use object::key::{Hint, KeyError, Kind, Name};
pub use object::oh1::{Oh1Error, oh1};
pub use object::parts::{Object, RedactError, Unsound};
pub use object::root::HypotheticalRoot;
pub use object::typed::{Bytes, Misfit, Redactable, TypedError, from_map, to_map};
pub use object::value::{Float, List, Map, Value};
pub use policy::decide::{Access, Decision, decide};
pub use policy::rule::{Action, Effect, Rule, RuleError};
pub use stream::admit::{Dropped, Ingested, Refused, Rejected};
pub use stream::append::AppendError;
pub use stream::content::{Content, ContentError};
pub use stream::replay::Entry;
pub use stream::ties::Ties;
pub use stream::{Fork, OpenError, Stream};
