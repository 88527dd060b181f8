//! Streams in the browser and in Node: the core for JavaScript.
//!
//! A wrapper holds one field: convert, call, convert. What crosses is bytes and numbers, in the form of `cbor.rs`; what
//! people use is the face in `ts/`, which nobody else calls this through.

#![cfg(target_family = "wasm")]
#![allow(unreachable_pub, reason = "what JavaScript calls is public, and nothing in Rust calls it")]
#![allow(clippy::arc_with_non_send_sync, reason = "there is one thread to share with")]

#[cfg(feature = "whole")]
mod archive;
mod author;
mod cbor;
#[cfg(feature = "conformance")]
mod conformance;
mod error;
#[cfg(feature = "whole")]
mod evidence;
#[cfg(feature = "whole")]
mod feed;
#[cfg(feature = "whole")]
mod host;
#[cfg(feature = "whole")]
mod node;
mod object;
#[cfg(feature = "whole")]
mod policy;
#[cfg(feature = "whole")]
mod store;
mod stream;
#[cfg(feature = "whole")]
mod transport;
#[cfg(feature = "whole")]
mod vectors;

use std::cell::Cell;

use streams_core::HashKey;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static HASH_KEY: Cell<HashKey> = const { Cell::new(HashKey::from_bytes([0; 16])) };
}

/// Sets the key of the hash tables: 16 unpredictable bytes, once, before anything else.
#[wasm_bindgen]
pub fn seed(key: &[u8]) {
    if let Ok(key) = key.try_into() {
        HASH_KEY.set(HashKey::from_bytes(key));
    }
}

fn hash_key() -> HashKey {
    HASH_KEY.get()
}
