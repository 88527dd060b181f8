//! Streams.

pub mod object;

pub mod graph;

pub use object::id::{ObjectId, StreamId};
