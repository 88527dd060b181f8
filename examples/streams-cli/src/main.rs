//! The command line of Streams.
fn main() {}
