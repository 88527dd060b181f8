//! The simplest implementations of the rim, which tests use: everything is in memory, and gone with it.

mod store;

mod transport;

pub use store::MemoryStore;
pub use transport::MemoryTransport;
