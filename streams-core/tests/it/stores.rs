//! The store in memory keeps the contract.

use std::sync::Arc;

use streams_core::conformance::{fixtures::hash_key, store};
use streams_core::{MemoryStore, Store};

#[test]
fn memory_conforms() {
    let make = async || Arc::new(MemoryStore::new([1; 16], hash_key())) as Arc<dyn Store>;
    pollster::block_on(store::conforms(make));
}
