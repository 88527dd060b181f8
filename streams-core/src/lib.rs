//! Signed, content-addressed event streams: pure logic, from bytes to state.
//!
//! An object travels one way, and each step proves something that the next relies on:
//!
//! 1. **Decode** ([`Object::decode`]): the bytes are the canonical parts of an object, within the limits, and every map
//!    hashes to the reference at its place. Otherwise the copy is *dropped* ([`Unsound`]): another copy may be good.
//! 2. **Authenticate** ([`Authenticator`]): its author signed its id, and its header keeps the rules that the object
//!    alone can tell. A bad signature is the copy's fault; a header of a later version is *newer* ([`Newer`]), and nobody
//!    is at fault; a broken rule *refuses* the id for ever ([`HeaderError`]).
//! 3. **Admit** ([`Stream::ingest`]): its rules are well formed, its past is here, its generation is right, and somebody
//!    in its past allowed it to its author. Otherwise it is refused by the rule it broke ([`Refused`]), or it waits in a
//!    bounded room and is a gap ([`Ingested::Pending`]).
//! 4. **Insert** ([`graph::Graph`]): ids and edges, in a graph that knows nothing of content.
//! 5. **Linearize** ([`Stream::order`]): one order of all objects, a pure function of their set.
//! 6. **Judge**: which of them are effective ([`Entry::effective`]). The others stay, and are not replayed.
//! 7. **Replay** ([`Stream::replay`]): state as a fold.
//!
//! Whoever has the same objects gets the same answer at every step, whatever the order of their arrival. There is no
//! clock, thread, file, socket or randomness here: they are arguments.
//!
//! Writing goes the other way: a [`Draft`], signed, is an [`Authentic`] object; [`Stream::by`] does all in one. Your
//! own types become content by [`to_map`] and come back by [`Object::data_as`].
//!
//! Around that path stands the rim, of which the core has the contracts and the simplest implementations: a [`Store`]
//! keeps objects, a [`transport::Transport`] carries frames to a peer. A [`Node`] drives streams over both: it commits
//! what became different before it answers, follows many streams in one feed, and makes them equal with a peer's by
//! [`sync`]. An [`archive`] is a stream in one file that proves itself.
//!
//! Paragraphs such as "spec 4.2" are those of `docs/spec.md`.

#![forbid(unsafe_code)]

pub mod keyed;

pub mod shared;

pub mod object;

pub mod graph;

pub mod policy;

pub mod schema;

pub mod stream;

pub mod sync;

pub mod archive;

pub mod store;

pub mod clock;

pub mod signer;

pub mod transport;

pub mod archiver;

pub mod memory;

pub mod node;

pub mod codes;

#[cfg(feature = "conformance")]
#[cfg_attr(target_family = "wasm", allow(clippy::arc_with_non_send_sync, reason = "there is one thread to share with"))]
pub mod conformance;

#[cfg(feature = "simulate")]
pub mod simulate;

pub use graph::{PendingFull, PendingLimits, Share};
pub use keyed::HashKey;
pub use memory::{MemoryArchiver, MemoryClock, MemoryShelf, MemoryStore, MemoryTransport};
pub use node::Node;
pub use object::authenticate::{Authentic, AuthenticateError, Authenticator};
pub use object::author::{AuthorError, Domain, SigningKey, VerifyingKey, author_bytes};
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
pub use object::verifier::{Batch, Verifier};
pub use policy::decide::{Access, Decision, decide};
pub use policy::rule::{Action, Effect, Rule, RuleError};
pub use store::{Store, StoreError, StoreErrorKind};
pub use stream::admit::{Dropped, Ingested, Refused, Rejected};
pub use stream::append::{AppendError, Writer};
pub use stream::checkpoint::{CheckpointState, NoForce};
pub use stream::content::{Content, ContentError};
pub use stream::explain::{Deciding, Simulated, Verdict};
pub use stream::feed::Change;
pub use stream::fold::Fold;
pub use stream::judge::Set;
pub use stream::replay::Entry;
pub use stream::ties::Ties;
pub use stream::{Fork, OpenError, Stream};

/// The examples of the README run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// And those of the page on archives.
#[cfg(doctest)]
#[doc = include_str!("../../docs/archives.md")]
struct Archives;
