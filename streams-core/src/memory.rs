//! The simplest implementations of the rim, which tests use: everything is in memory, and gone with it.

mod archiver;

mod clock;

mod store;

mod transport;

pub use archiver::{MemoryArchiver, MemoryShelf};
pub use clock::MemoryClock;
pub use store::MemoryStore;
pub use transport::MemoryTransport;
