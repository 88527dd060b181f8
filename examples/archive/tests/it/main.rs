//! The domain: created once, whatever happens; read as it was written; fetched once, whatever the sources do.

mod api;
mod creating;
mod feeding;
mod fixtures;
mod governing;
mod reading;
mod secrets;
mod serving;
mod source;
mod sources;
mod world;
