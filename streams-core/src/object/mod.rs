//! Objects.
pub mod id;
