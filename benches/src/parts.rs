//! Taking in objects from a file, for programs in other languages that do the same with the same objects in one run.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pollster::block_on;
use streams_core::{Authenticator, HashKey, MemoryStore, Node, Object};

/// The argument by which this program does that, and no more.
pub(crate) const INGEST: &str = "ingest";

/// How many objects are taken in at once: as many as in the bindings.
const BATCH: usize = 4096;

fn hash_key() -> HashKey {
    HashKey::from_bytes([3; 16])
}

/// Takes in a file of parts, each behind its length in four bytes, the first of a root; prints how many microseconds an
/// object took.
pub(crate) fn ingest(path: &Path) {
    let file = std::fs::read(path).expect("a file");
    let mut parts: Vec<&[u8]> = Vec::new();
    let mut rest = &file[..];
    while let Some((len, behind)) = rest.split_first_chunk() {
        let (one, behind) = behind.split_at(u32::from_be_bytes(*len) as usize);
        parts.push(one);
        rest = behind;
    }
    let (root, objects) = parts.split_first().expect("a root");
    let root = Object::decode(root).map(|root| Authenticator::new(hash_key()).authenticate(root));
    let root = root.expect("parts").expect("a signed root");
    let node = Node::new(Arc::new(MemoryStore::new([2; 16], hash_key())), hash_key());
    let stream = block_on(node.create(root)).expect("a stream");
    let start = Instant::now();
    for batch in objects.chunks(BATCH) {
        let answers = block_on(node.ingest(stream, batch, 0)).expect("a store");
        assert!(answers.iter().all(Result::is_ok), "sound objects");
    }
    println!("{}", start.elapsed().as_secs_f64() * 1e6 / objects.len() as f64);
}
