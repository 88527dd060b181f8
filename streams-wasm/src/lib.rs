//! Size.
use streams_core::*;
use wasm_bindgen::prelude::*;

/// A stream.
#[wasm_bindgen]
pub struct Streams(Stream);

#[wasm_bindgen]
impl Streams {
    /// open
    
    pub fn open(root: &[u8], key: &[u8]) -> Option<Streams> {
        let key = HashKey::from_bytes(key.try_into().ok()?);
        let root = Authenticator::new(key).authenticate(Object::decode(root).ok()?).ok()?;
        Stream::open(root, key).ok().map(Streams)
    }
    /// ingest
    pub fn ingest(&mut self, parts: &[u8]) -> String {
        match self.0.ingest(parts, 0) {
            Ok(_) => String::new(),
            Err(e) => e.to_string(),
        }
    }
    /// batch
    pub fn ingest_batch(&mut self, parts: &[u8]) -> usize {
        self.0.ingest_batch(parts.chunks(100), 0).len()
    }
    /// order
    pub fn order_digest(&self) -> Vec<u8> {
        self.0.order_digest().to_vec()
    }
    /// explain
    pub fn explain(&self) -> bool {
        self.0.explain(&self.0.id()).is_some()
    }
    /// append
    pub fn append(&mut self, key: &[u8], ty: &str, data: &str) -> Option<Vec<u8>> {
        let key = SigningKey::from_bytes(key.try_into().ok()?);
        let o = self.0.by(&key).append(ty, Map::new()).ok()?;
        Some(o.object().parts().to_vec())
    }
    /// json
    pub fn json(&self, parts: &[u8]) -> Option<String> {
        Some("".into())
    }
}
