//! What the tests share.

use std::sync::Arc;

use streams_archive::object::{Config, Meta, Profile};
use streams_archive::stream::Spec;
use streams_archive::write::Hand;
use streams_archive::{ArchiveError, Outcome};
use streams_archive::{Kind, Slug, Visibility, owner, stream};
use streams_core::{HashKey, MemoryStore, Node, SigningKey, Store};

pub(crate) fn hash_key() -> HashKey {
    HashKey::from_bytes([9; 16])
}

pub(crate) fn ada() -> SigningKey {
    SigningKey::from_bytes([1; 32])
}

pub(crate) fn bob() -> SigningKey {
    SigningKey::from_bytes([2; 32])
}

pub(crate) fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new([5; 16], hash_key()))
}

pub(crate) fn node(store: Arc<dyn Store>) -> Node {
    Node::new(store, hash_key())
}

pub(crate) fn hand<'a>(node: &'a Node, key: &'a SigningKey) -> Hand<'a> {
    Hand { node, key, now: 1_000 }
}

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

pub(crate) fn person(name: &str) -> Profile {
    Profile { name: Some(name.into()), kind: Some(Kind::Person), ..Profile::default() }
}

pub(crate) fn spec(name: &str, visibility: Visibility) -> Spec {
    let meta = Meta { title: Some("Notes".into()), labels: Some(vec!["a".into()]), ..Meta::default() };
    let config = Config { interval: Some(60_000), places: Some(vec!["attic".into()]), ..Config::default() };
    Spec { visibility, meta, config, ..Spec::new(slug(name)) }
}

/// An owner and one of its streams.
pub(crate) async fn create_both(
    node: &Node,
    key: &SigningKey,
    visibility: Visibility,
) -> Result<[Outcome; 2], ArchiveError> {
    let hand = hand(node, key);
    Ok([
        owner::create(hand, &slug("ada"), &person("Ada"), Visibility::Public).await?,
        stream::create(hand, &slug("ada"), &spec("notes", visibility)).await?,
    ])
}
