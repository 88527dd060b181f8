//! A search application: how fast its index is built again from a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pollster::block_on;
use streams_archive::feed::Feed;
use streams_archive::stream::Spec;
use streams_archive::write::Hand;
use streams_archive::{Item, Kind, Profile, Visibility, item, owner, stream};
use streams_core::{HashKey, Node, SigningKey};
use streams_skin::Skin;
use streams_sqlite::SqliteStore;

use crate::{Bound, Row};

const STREAMS: usize = 10;

/// How many items each has.
const ITEMS: usize = 20_000;

/// All rows of this chapter.
pub(crate) fn rows() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let key = SigningKey::from_bytes([7; 32]);
    fill(&folder.path().join("store.db"), &key);
    let (all, rounds) = ((STREAMS * ITEMS) as f64, 3);
    let mut ours: Vec<f64> = (0..rounds).map(|round| all / rebuilt(folder.path(), round, &key)).collect();
    let mut alone: Vec<f64> = (0..rounds).map(|_| all / read(folder.path(), &key)).collect();
    ours.sort_unstable_by(f64::total_cmp);
    alone.sort_unstable_by(f64::total_cmp);
    let (ours, alone) = (ours[rounds / 2], alone[rounds / 2]);
    vec![Row {
        what: "a search index built again, 200,000 items of 40 words in 10 streams of one's own, from SQLite (items/s)",
        ours: format!("{:.1}k items/s", ours / 1e3),
        beside: format!("their feed read alone: {:.1}k items/s", alone / 1e3),
        figure: ours,
        bound: Bound::AtLeast(50_000.0),
    }]
}

fn open(store: &Path) -> Arc<Node> {
    let store = SqliteStore::open(store).expect("a store");
    Arc::new(Node::new(Arc::new(store), HashKey::from_bytes([2; 16])))
}

/// Words as they come, some often and most seldom.
fn words(number: usize) -> String {
    let mut words = String::new();
    let mut state = number as u64 + 1;
    for _ in 0..40 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dice = (state >> 33) as f64 / f64::from(1u32 << 31);
        words.push_str(&format!("w{:x} ", (50_000.0 * dice * dice * dice) as u64));
    }
    words
}

fn fill(store: &Path, key: &SigningKey) {
    let node = open(store);
    let (hand, name) = (Hand { node: &node, key, now: 1 }, "ada".parse().expect("a name"));
    let profile = Profile { kind: Some(Kind::Person), ..Profile::default() };
    block_on(owner::create(hand, &name, &profile, Visibility::Public)).expect("an owner");
    for number in 0..STREAMS {
        let spec = Spec::new(format!("notes-{number}").parse().expect("a slug"));
        let stream = block_on(stream::create(hand, &name, &spec)).expect("a stream").stream();
        let item = |at| Item {
            source: format!("{at}"),
            kind: "note".to_owned(),
            time: Some(at as u64),
            title: Some(format!("note {at}")),
            text: Some(words(number * ITEMS + at)),
            ..Item::default()
        };
        let items: Vec<Item> = (0..ITEMS).map(item).collect();
        block_on(item::Index::new(stream, None).append(hand, &items)).expect("items");
    }
}

/// The seconds until all is searched.
fn rebuilt(folder: &Path, round: usize, key: &SigningKey) -> f64 {
    let index = folder.join(format!("index-{round}"));
    std::fs::create_dir(&index).expect("a folder");
    let node = open(&folder.join("store.db"));
    let start = Instant::now();
    let skin = Skin::open(node, key.verifying_key(), &index).expect("an index");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let mut mark = skin.mark();
        tokio::select! {
            ended = skin.follow() => ended.expect("a feed"),
            mark = mark.wait_for(|mark| mark.is_live) => drop(mark),
        }
    });
    let took = start.elapsed().as_secs_f64();
    assert_eq!(skin.index.search("", None, [0, 0]).expect("a search").0, STREAMS * ITEMS);
    took
}

/// The seconds until all was told.
fn read(folder: &Path, key: &SigningKey) -> f64 {
    let node = open(&folder.join("store.db"));
    let start = Instant::now();
    block_on(async {
        let mut feed = Feed::begin(node, key.verifying_key(), None, []).await.expect("a feed");
        while feed.next_now().await.expect("an event").is_some() {}
    });
    start.elapsed().as_secs_f64()
}
