//! Archives of what people do, on Streams: owners have streams, a stream has resources, and what is fetched from a
//! resource becomes items in the stream.
//!
//! From a name to a searchable archive:
//!
//! 1. **Owner** ([`owner::create`]): a person or an organization, a stream of the type `archive/owner/NAME`. It has a
//!    [`Profile`] and points to what belongs to it; who keeps a catalogue lists it there ([`catalog`]).
//! 2. **Stream** ([`stream::create`]): of the type `archive/stream/SLUG`, with what describes it ([`Meta`]), what is
//!    wanted of it ([`Config`]), and a pointer back to its owner. First the thing is written, and then the pointer, so
//!    that no pointer leads nowhere.
//! 3. **Resource** ([`Resource`]): where items come from. A credential is never in a stream: a resource names one, by a
//!    reference that tells nothing.
//! 4. **Item** ([`Item`]): what was fetched, with where it came from. The same revision of the same thing is there once.
//! 5. **Deal** ([`streams_core::node::keep::Receipt`]): where copies are; written by whoever has them kept.
//!
//! Roots are hypothetical (spec 5): whoever knows the name and the owner's key computes the id, and whoever creates twice
//! creates once. What is private has an ordinary root instead, whose nonce only the holder of the key can compute, and
//! which lets nobody else read ([`root`]). So every create is [`Created`](Outcome::Created),
//! [`Existing`](Outcome::Existing) or a [`Conflict`](Outcome::Conflict) that says what differs, however often it is run
//! and wherever it was cut off.
//!
//! What is, is a fold over what was written, in the order of the stream ([`read`]): of a field, the last value holds.
//! Applications that show items follow them, over all streams at once ([`feed`]).

#![forbid(unsafe_code)]

pub mod name;

pub mod object;

pub mod root;

pub mod read;

pub mod write;

pub mod owner;

pub mod catalog;

pub mod resource;

pub mod stream;

pub mod seal;

pub mod item;

pub mod vault;

pub mod members;

pub mod feed;

pub mod remove;

pub mod fetch;

pub mod service;

pub mod api;

pub use name::{Slug, SlugError};
pub use object::{Config, Item, Kind, Listed, Meta, Profile, Resource, StreamRef, types};
pub use root::Visibility;
pub use write::{ArchiveError, Difference, Outcome};
