//! Streams.

pub mod keyed;

pub mod object;

pub mod graph;

pub use keyed::HashKey;
pub use object::authenticate::{Authentic, AuthenticateError, Authenticator};
pub use object::author::{AuthorError, Batch, Domain, SigningKey, VerifyingKey};
pub use object::draft::{Draft, Edges};
pub use object::header::{Header, HeaderError, Newer, Role, Unfit};
pub use object::id::{ObjectId, StreamId};
pub use object::key::{Hint, KeyError, Kind, Name};
pub use object::parts::{Object, RedactError, Unsound};
pub use object::root::HypotheticalRoot;
pub use object::value::{Float, List, Map, Value};
