//! The store and the transport in memory keep their contracts.

use std::sync::Arc;

use streams_core::conformance::{fixtures::hash_key, store, transport};
use streams_core::transport::Transport;
use streams_core::{MemoryStore, MemoryTransport, Store};

#[test]
fn memory_conforms() {
    let make = async || Arc::new(MemoryStore::new([1; 16], hash_key())) as Arc<dyn Store>;
    pollster::block_on(store::conforms(make));
}

#[test]
fn a_link_in_memory_conforms() {
    let make = async || {
        let (one, other) = MemoryTransport::pair(b"");
        (Arc::new(one) as Arc<dyn Transport>, Arc::new(other) as Arc<dyn Transport>)
    };
    pollster::block_on(transport::conforms(make));
}
