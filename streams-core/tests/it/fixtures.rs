//! A few small things that tests begin with.

use streams_core::{Action, Authentic, Draft, HashKey, Map, Rule, SigningKey, Stream, Value};

/// The key of an author, by number.
pub(crate) fn key(author: u8) -> SigningKey {
    SigningKey::from_bytes([author; 32])
}

/// Tests are no attackers.
pub(crate) fn hash_key() -> HashKey {
    HashKey::from_bytes([9; 16])
}

/// The root of a stream of author 1, where everyone may append `test/note`.
pub(crate) fn open_root() -> Authentic {
    let rule = Rule::allow([Action::Append]).resources(["test/note"]);
    Draft::root("test/stream", [1; 16]).policies([rule]).sign(&key(1)).expect("a root")
}

/// A replica that has the root alone.
pub(crate) fn replica(root: &Authentic) -> Stream {
    Stream::open(root.clone(), hash_key()).expect("a root")
}

/// Content.
pub(crate) fn text(text: &str) -> Map {
    Map::new().with("text", Value::Text(text.into())).expect("a name")
}
