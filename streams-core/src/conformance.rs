//! The contract of a store as tests that every adapter runs, and a store that fails on purpose.
//!
//! An adapter's test gives a way to make an empty store, and calls [`store::conforms`].

pub mod faulty;

pub mod fixtures;

pub mod store;
