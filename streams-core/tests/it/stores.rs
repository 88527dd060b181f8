//! The store and the transport in memory keep their contracts.

use std::sync::Arc;

use streams_core::conformance::{fixtures::hash_key, store, transport};
use streams_core::transport::Transport;
use streams_core::{Draft, Map, MemoryStore, MemoryTransport, Node, SigningKey, Store, Stream};

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

/// Of many who decide by what they read, one decides; the others read again. Nothing of what came too late stays, in
/// memory or in the store.
#[test]
fn who_decides_by_what_is_there_decides_about_what_is_there() {
    pollster::block_on(async {
        let key = SigningKey::from_bytes([7; 32]);
        let store = Arc::new(MemoryStore::new([1; 16], hash_key()));
        let nodes: Vec<Node> = (0..4).map(|_| Node::new(store.clone(), hash_key())).collect();
        let root = Draft::root("example.org/list", [0; 16]).sign(&key).unwrap();
        let stream = nodes[0].create(root).await.unwrap();
        let seen = nodes[0].head(stream).await.unwrap().unwrap().last;
        for node in &nodes {
            node.read(stream, |_| ()).await.unwrap();
        }
        let mut wrote = 0;
        for node in &nodes {
            let begin = |stream: &mut Stream| stream.by(&key).append("example.org/list.Begun", Map::new());
            wrote += usize::from(node.write_after(stream, seen, begin).await.unwrap().is_some());
        }
        assert_eq!(wrote, 1);
        for node in &nodes {
            assert_eq!(node.read(stream, Stream::len).await.unwrap(), 2);
            assert_eq!(node.read(stream, |stream| stream.forks().len()).await.unwrap(), 0);
        }
    });
}
