//! The domain: created once, whatever happens; read as it was written.

mod creating;
mod fixtures;
mod reading;
