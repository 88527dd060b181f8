//! The judge of the library against the literal one: what a stream says of order, ranks, verdicts, checkpoints,
//! adoptions and reading is what the paragraphs of the specification say, on the vectors, on every stream of a few
//! objects of a small alphabet, and on random ones; and what the specification promises holds of both.
//!
//! `STREAMS_SEARCH` tells how long to search: 1, the default, is for every day; from 10 on, the streams of all alphabets
//! reach six objects.

mod admitted;
mod alphabet;
mod deliveries;
mod grow;
mod literal;
mod outcome;
mod plan;
mod promises;
mod samples;
mod searches;
mod vectors;
