//! The feed of applications: whoever writes down what it tells has what one has who begins anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use streams_archive::feed::{Event, Feed};
use streams_archive::members::{self, Role};
use streams_archive::object::{Hidden, types};
use streams_archive::{Item, Visibility, item};
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::fixtures::Dice;
use streams_core::node::feed::Cursor;
use streams_core::object::authenticate::Authentic;
use streams_core::store::Scan;
use streams_core::{MemoryStore, Node, Object, ObjectId, SigningKey, Stream, StreamId, Value, to_map};

use crate::fixtures::{ada, bob, create_both, hand, hash_key, memory, node, slug, spec};

/// What an application wrote down, and where it goes on.
#[derive(Clone, Debug, Default, PartialEq)]
struct Kept {
    told: BTreeSet<ObjectId>,
    streams: BTreeMap<StreamId, bool>,
    items: BTreeMap<ObjectId, (StreamId, Item)>,
    takes: BTreeMap<ObjectId, ObjectId>,
}

impl Kept {
    fn note(&mut self, event: Event) {
        match event {
            Event::Reset => *self = Self::default(),
            Event::CaughtUp => {}
            Event::Stream { stream, is_open } => drop(self.streams.insert(stream, is_open)),
            Event::Object(told) => {
                assert!(!told.is_new || self.told.insert(told.id), "{} was told before", told.id);
                self.told.insert(told.id);
                self.items.remove(&told.id);
                self.takes.remove(&told.id);
                self.items.extend(told.item.map(|item| (told.id, (told.stream, item))));
                self.takes.extend(told.takes.map(|takes| (told.id, takes)));
            }
        }
    }

    /// The items that may be read, by their titles.
    fn titles(&self) -> Vec<&str> {
        let open = self.items.values().filter(|(stream, _)| self.streams[stream]);
        let mut titles: Vec<_> = open.map(|(_, item)| item.title.as_deref().unwrap()).collect();
        titles.sort_unstable();
        titles
    }
}

fn replica(number: u8) -> Arc<Node> {
    Arc::new(Node::new(Arc::new(MemoryStore::new([number; 16], hash_key())), hash_key()))
}

async fn begin(node: &Arc<Node>, since: Option<Cursor>, kept: &Kept) -> Feed {
    let takes = kept.takes.iter().map(|(by, what)| (*by, *what));
    Feed::begin(node.clone(), reader().verifying_key(), since, takes).await.unwrap()
}

fn reader() -> SigningKey {
    SigningKey::from_bytes([7; 32])
}

async fn all(node: &Arc<Node>) -> Kept {
    let (mut feed, mut kept) = (begin(node, None, &Kept::default()).await, Kept::default());
    while let Some(event) = feed.next_now().await.unwrap() {
        kept.note(event);
    }
    kept
}

async fn objects(node: &Node, stream: StreamId) -> Vec<Authentic> {
    let page = node.page(stream, Scan::After(None), usize::MAX).await.unwrap();
    page.into_iter().map(|stored| stored.authentic).collect()
}

/// Brings what is in one replica into another.
async fn bring(from: &Node, to: &Node, stream: StreamId, most: usize) {
    let objects = objects(from, stream).await;
    let parts: Vec<_> = objects.iter().take(most).map(|object| object.object().parts().clone()).collect();
    to.ingest(stream, &parts, 0).await.unwrap();
}

/// An object of a stream, written by whoever has the key, whatever it is worth.
async fn write(node: &Node, stream: StreamId, key: &SigningKey, r#type: &str, data: &impl serde::Serialize) {
    let append = |stream: &mut Stream| stream.by(key).at(1_000).append(r#type, to_map(data).unwrap()).map(drop);
    // Who may not write is told so where it writes.
    let _ = node.write(stream, append).await.unwrap();
}

fn thought(number: usize, replaces: Option<ObjectId>) -> Item {
    let title = Some(format!("thought {number}"));
    let kind = if number % 11 == 10 { item::REMOVED.to_owned() } else { "thought".to_owned() };
    Item { source: number.to_string(), kind, title, replaces, ..Item::default() }
}

/// Somebody does something, at one of two replicas; an application at a third one reads, stops, and goes on.
async fn live(seed: u64) {
    let mut dice = Dice(seed);
    let nodes = [replica(1), replica(2), replica(3)];
    let (ada, bob) = (ada(), bob());
    let visibility = [Visibility::Public, Visibility::Private][dice.below(2)];
    let first = create_both(&nodes[0], &ada, visibility).await.unwrap()[1].stream();
    let second = spec("more", Visibility::Private);
    let second = streams_archive::stream::create(hand(&nodes[0], &ada), &slug("ada"), &second).await.unwrap().stream();
    let streams = [first, second];
    for node in &nodes[1..] {
        for stream in streams {
            node.create(objects(&nodes[0], stream).await.swap_remove(0)).await.unwrap();
            bring(&nodes[0], node, stream, usize::MAX).await;
        }
    }
    let consumer = &nodes[2];
    let (mut kept, mut since) = (Kept::default(), None);
    let (mut feed, mut pending) = (begin(consumer, None, &kept).await, kept.clone());
    for number in 0..60 {
        let (at, stream) = (dice.below(2), streams[dice.below(2)]);
        let (node, key) = [(&nodes[0], &ada), (&nodes[1], &bob)][at];
        let have = objects(node, stream).await;
        let items: Vec<ObjectId> =
            have.iter().filter(|object| object.header().r#type() == types::ITEM).map(Authentic::id).collect();
        let some = (!items.is_empty()).then(|| items[dice.below(items.len())]);
        match dice.below(12) {
            0..4 => write(node, stream, key, types::ITEM, &thought(number, None)).await,
            4..6 => write(node, stream, key, types::ITEM, &thought(number, some)).await,
            6 => {
                if let Some(item) = some {
                    write(node, stream, key, types::HIDDEN, &Hidden { item, reason: None }).await;
                }
            }
            7 => {
                let who = [&bob, &reader()][dice.below(2)].verifying_key();
                let role = [Role::Reader, Role::Writer][dice.below(2)];
                members::invite(hand(&nodes[0], &ada), stream, &who, role).await.unwrap();
            }
            8 => {
                let who = [&bob, &reader()][dice.below(2)].verifying_key();
                members::remove(hand(&nodes[0], &ada), stream, &who).await.unwrap();
            }
            9 => {
                // The content of an item, or of what replaces one, is dropped.
                let data = have.iter().rev().find(|object| Some(object.id()) == some).and_then(|object| {
                    let Some(Value::Map(data)) = object.object().to_map().unwrap().remove("data") else { return None };
                    Some(Object::from_map(&data).unwrap().id())
                });
                if let (Some(data), 0) = (data, at) {
                    let drop_it = |stream: &mut Stream| stream.by(&ada).redact_for_all(&[data]).map(drop);
                    node.write(stream, drop_it).await.unwrap().unwrap();
                }
            }
            10 => bring(&nodes[dice.below(2)], &nodes[dice.below(2)], stream, usize::MAX).await,
            _ => bring(node, consumer, stream, have.len() / 2 + dice.below(have.len())).await,
        }
        for _ in 0..dice.below(8) {
            let Some(event) = feed.next_now().await.unwrap() else { break };
            pending.note(event);
        }
        match dice.below(6) {
            0 => (kept, since) = (pending.clone(), Some(feed.cursor())),
            1 => (feed, pending) = (begin(consumer, since, &kept).await, kept.clone()),
            _ => {}
        }
    }
    for stream in streams {
        for node in &nodes[..2] {
            bring(node, consumer, stream, usize::MAX).await;
        }
    }
    while let Some(event) = feed.next_now().await.unwrap() {
        pending.note(event);
    }
    assert_eq!(pending, all(consumer).await, "seed {seed}");
    let is_open = [0, 1].map(|at| {
        let read = |stream: &Stream| stream.may_read(&reader().verifying_key()).is_effective();
        pollster::block_on(consumer.read(streams[at], read)).unwrap()
    });
    assert_eq!(pending.streams.values().filter(|is_open| **is_open).count(), is_open.iter().filter(|is| **is).count());
}

#[test]
fn in_whatever_order_it_comes_and_wherever_it_was_cut_off_the_same_is_shown() {
    for seed in 0..200 {
        pollster::block_on(live(seed));
    }
}

#[test]
fn an_event_at_which_the_store_fails_is_told_when_it_answers_again() {
    pollster::block_on(async {
        let (store, ada) = (memory(), ada());
        let whole = Arc::new(node(store.clone()));
        let stream = create_both(&whole, &ada, Visibility::Public).await.unwrap()[1].stream();
        let mut index = item::Index::new(stream, None);
        let first = index.append(hand(&whole, &ada), &[thought(1, None)]).await.unwrap().new[0];
        index.append(hand(&whole, &ada), &[thought(2, Some(first)), thought(3, None)]).await.unwrap();
        let told = all(&whole).await;
        assert_eq!(told.titles(), ["thought 2", "thought 3"]);
        let mut failed = 0;
        for call in 0.. {
            let faulty = Arc::new(FaultyStore::new(store.clone(), Fault::Fails, call));
            let consumer = Arc::new(node(faulty.clone()));
            let key = reader().verifying_key();
            let Ok(mut feed) = Feed::begin(consumer, key, None, []).await else { continue };
            let mut kept = Kept::default();
            loop {
                match feed.next_now().await {
                    Ok(Some(event)) => kept.note(event),
                    Ok(None) => break,
                    Err(_) => failed += 1,
                }
            }
            assert_eq!(kept, told, "call {call}");
            if !faulty.is_over() {
                break;
            }
        }
        assert!(failed > 10, "{failed}");
    });
}

#[test]
fn an_edit_is_shown_in_the_place_of_what_it_replaces_and_what_is_hidden_is_not() {
    pollster::block_on(async {
        let (node, ada) = (replica(1), ada());
        let stream = create_both(&node, &ada, Visibility::Public).await.unwrap()[1].stream();
        let hand = hand(&node, &ada);
        let mut index = item::Index::new(stream, None);
        let first = index.append(hand, &[thought(1, None)]).await.unwrap().new[0];
        let second = index.append(hand, &[thought(2, Some(first))]).await.unwrap().new[0];
        let third = index.append(hand, &[thought(3, None)]).await.unwrap().new[0];
        assert_eq!(all(&node).await.titles(), ["thought 2", "thought 3"]);
        streams_archive::remove::hide(hand, stream, &third, None).await.unwrap();
        assert_eq!(all(&node).await.titles(), ["thought 2"]);
        // What is dropped is hidden too; and with the edit goes what it said of the first, which is shown again.
        streams_archive::remove::drop_content(hand, stream, &second, None).await.unwrap();
        assert_eq!(all(&node).await.titles(), ["thought 1"]);
    });
}
