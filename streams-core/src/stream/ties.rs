//! The tie of spec 9.1: what decides between objects of one generation. No author can vary it freely: it depends on
//! the stream, the generation and the key alone.

use blake3::Hasher;
use blake3::hazmat::{HasherExt, hash_derive_key_context};

use crate::object::author::VerifyingKey;
use crate::object::id::StreamId;

/// Computes the ties of one stream.
#[derive(Clone, Debug)]
pub struct Ties {
    stream: StreamId,
    context: [u8; 32],
}

impl Ties {
    /// For the objects of this stream.
    pub fn new(stream: StreamId) -> Self {
        Self { stream, context: hash_derive_key_context("streams 2026 order tie v1") }
    }

    /// The tie of this author's objects of this generation.
    pub fn tie(&self, generation: u64, author: &VerifyingKey) -> [u8; 32] {
        let mut hasher = Hasher::new_from_context_key(&self.context);
        hasher.update(self.stream.as_bytes()).update(&generation.to_be_bytes()).update(author.as_bytes());
        *hasher.finalize().as_bytes()
    }
}
