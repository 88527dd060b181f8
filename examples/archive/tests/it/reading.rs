//! What is read is what was written: every field of every object, and of each field the last value.

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use streams_archive::object::*;
use streams_archive::{Config, Meta, Profile, Resource, Visibility, owner, stream};
use streams_core::node::keep::Receipt;
use streams_core::{Bytes, ObjectId, from_map, to_map};

use crate::fixtures::{ada, create_both, hand, memory, node, slug};

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 32])
}

#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: T) {
    let map = to_map(&value).unwrap();
    assert_eq!(from_map::<T>(&map).unwrap(), value);
    let root = streams_core::Draft::root("archive/test", [0; 16]).data(map).sign(&ada()).unwrap();
    assert_eq!(root.object().data_as::<T>().unwrap(), Some(value));
}

#[test]
fn every_object_comes_back() {
    let text = || Some("x".to_owned());
    comes_back(Profile { name: text(), kind: Some(Kind::Org), email: text(), avatar: text(), cleared: None });
    comes_back(Profile { cleared: Some(vec!["name".into()]), ..Profile::default() });
    comes_back(StreamRef { slug: slug("a"), stream: id(1), labels: Some(vec![]), removed: Some(true) });
    comes_back(Consent { catalog: id(1) });
    comes_back(Listed {
        owner: id(1),
        author: ada().verifying_key(),
        name: slug("ada"),
        consent: Some(id(2)),
        removed: None,
    });
    comes_back(OwnerRef { owner: id(1) });
    comes_back(Meta { title: text(), labels: Some(vec!["a".into(), "b".into()]), ..Meta::default() });
    comes_back(Config {
        interval: Some(1),
        places: Some(vec!["attic".into()]),
        copies: Some(2),
        renew: Some(3),
        budget: Some(u64::MAX),
        pack_size: Some(4),
        pack_age: Some(5),
        audit: Some(6),
        max_item: Some(7),
        cleared: Some(vec![]),
    });
    let mut resource = Resource::parse("http:https://example.org/events").unwrap();
    (resource.enabled, resource.filters, resource.id) = (Some(false), Some(vec!["*.md".into()]), text());
    comes_back(resource);
    comes_back(State { resource: Bytes(vec![1; 16]), state: "parked".into(), reason: text() });
    comes_back(Item { source: "1".into(), kind: "entry".into(), ..Item::default() });
    comes_back(Item {
        resource: Some(Bytes(vec![1; 16])),
        source: "1".into(),
        revision: text(),
        kind: "file".into(),
        time: Some(1),
        actor: text(),
        title: text(),
        text: text(),
        link: text(),
        parents: Some(vec!["0".into()]),
        content: Some(vec![Piece { bytes: Bytes(vec![0; MAX_PIECE]) }]),
        size: Some(1),
        digest: Some(Bytes(vec![2; 32])),
        replaces: Some(id(1)),
        fetched: Some(Fetched { at: 1, from: text(), etag: text() }),
    });
    let sealed = vec![Piece { bytes: Bytes(vec![3; 9]) }];
    comes_back(Sealed { subject: Bytes(vec![1; 16]), revision: Bytes(vec![2; 16]), sealed, replaces: Some(id(1)) });
    let digest = Bytes(vec![2; 32]);
    comes_back(Quarantined { resource: Bytes(vec![1; 16]), source: "7".into(), reason: "no id".into(), digest });
    comes_back(Hidden { item: id(1), reason: text() });
    comes_back(Forked { from: id(1), objects: 7, order: Bytes(vec![1; 32]), reason: "new rules".into() });
}

#[test]
fn a_deal_is_read_from_the_receipt_that_the_keeper_writes() {
    pollster::block_on(async {
        let (node, ada) = (node(memory()), ada());
        let [_, stream] = create_both(&node, &ada, Visibility::Public).await.unwrap();
        let mut receipt = Receipt {
            deal: Bytes(vec![1; 32]),
            pack: id(1),
            digest: Bytes(vec![2; 32]),
            size: 9,
            objects: 3,
            archiver: "attic".into(),
            ticket: Some("t".into()),
            state: "active".into(),
            until: None,
            cost: None,
            unit: None,
            copies: vec![],
            failures: vec![],
        };
        for state in ["active", "lost"] {
            receipt.state = state.into();
            let data = to_map(&receipt).unwrap();
            let write = |stream: &mut streams_core::Stream| stream.by(&ada).append(types::DEAL, data).map(drop);
            node.write(stream.stream(), write).await.unwrap().unwrap();
        }
        let view = stream::view(&node, stream.stream()).await.unwrap().unwrap().view;
        assert_eq!(view.deals.values().collect::<Vec<_>>(), [&receipt], "of one deal the last");
    });
}

#[test]
fn of_each_field_the_last_value_holds() {
    pollster::block_on(async {
        let (node, ada) = (node(memory()), ada());
        let hand = hand(&node, &ada);
        let [owner, stream] = create_both(&node, &ada, Visibility::Public).await.unwrap();
        owner::change(hand, &slug("ada"), &Profile { email: Some("a@b".into()), ..Profile::default() }).await.unwrap();
        let profile = owner::view(&node, owner.stream()).await.unwrap().unwrap().view.profile;
        assert_eq!((profile.name.as_deref(), profile.email.as_deref()), (Some("Ada"), Some("a@b")));

        let stream = stream.stream();
        let budget = Config { budget: Some(7), ..Config::default() };
        assert!(stream::change(hand, stream, &Meta::default(), &budget).await.unwrap());
        assert!(!stream::change(hand, stream, &Meta::default(), &budget).await.unwrap(), "it is so already");
        let none = Config { cleared: Some(vec!["budget".into()]), ..Config::default() };
        assert!(stream::change(hand, stream, &Meta::default(), &none).await.unwrap());
        assert!(!stream::change(hand, stream, &Meta::default(), &none).await.unwrap());
        let view = stream::view(&node, stream).await.unwrap().unwrap().view;
        assert_eq!((view.config.budget, view.config.interval), (None, Some(60_000)));

        let feed = Resource::parse("feed:https://example.org/news").unwrap();
        assert_eq!(stream::add_resource(hand, stream, &feed).await.unwrap().code(), "created");
        assert_eq!(stream::add_resource(hand, stream, &feed).await.unwrap().code(), "existing");
        let with = Resource { credential: Some("cred-1".into()), ..feed.clone() };
        assert_eq!(stream::add_resource(hand, stream, &with).await.unwrap().code(), "conflict");
        assert!(stream::change_resource(hand, stream, &with).await.unwrap());
        let view = stream::view(&node, stream).await.unwrap().unwrap().view;
        assert_eq!(view.resources.values().collect::<Vec<_>>(), [&with]);
    });
}

#[test]
fn a_fork_says_where_it_comes_from_and_brings_what_is_wanted_along() {
    pollster::block_on(async {
        let (node, ada) = (node(memory()), ada());
        let hand = hand(&node, &ada);
        let [_, from] = create_both(&node, &ada, Visibility::Public).await.unwrap();
        let feed = Resource::parse("feed:https://example.org/news").unwrap();
        stream::add_resource(hand, from.stream(), &feed).await.unwrap();
        let fork = async || {
            stream::fork(hand, &slug("ada"), from.stream(), slug("again"), Visibility::Private, "new rules").await
        };
        let first = fork().await.unwrap();
        stream::change(hand, from.stream(), &Meta { title: Some("Old".into()), ..Meta::default() }, &Config::default())
            .await
            .unwrap();
        let before = stream::view(&node, first.stream()).await.unwrap().unwrap().view;
        assert_eq!((first.code(), before.meta.title.as_deref()), ("created", Some("Notes")));
        let forked = before.forked.clone().unwrap();
        assert_eq!((forked.from, forked.objects, forked.reason.as_str()), (from.stream(), 5, "new rules"));
        assert_eq!(before.resources.len(), 1);
        assert_ne!(from.stream(), first.stream());
        // Of the stream before, nothing is different.
        assert!(stream::view(&node, from.stream()).await.unwrap().unwrap().view.forked.is_none());
    });
}

proptest! {
    /// Whatever is said one after the other, what is merged differs from nothing that was said last.
    #[test]
    fn merged_is_what_was_said_last(said in prop::collection::vec((0..3_u8, prop::option::of(0..4_u64)), 1..12)) {
        let mut merged = Config::default();
        let mut model = [None; 3];
        for (field, value) in said {
            let mut config = Config::default();
            let at = [&mut config.interval, &mut config.copies, &mut config.budget];
            let name = ["interval", "copies", "budget"][usize::from(field)];
            match value {
                Some(_) => *at.into_iter().nth(usize::from(field)).unwrap() = value,
                None => config.cleared = Some(vec![name.into()]),
            }
            merged.merge(&config);
            model[usize::from(field)] = value;
            prop_assert_eq!(config.differs(&merged), vec![]);
        }
        prop_assert_eq!([merged.interval, merged.copies, merged.budget], model);
    }
}
