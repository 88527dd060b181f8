//! The store and the transport in memory keep their contracts.

use std::sync::Arc;

use streams_core::conformance::fixtures::{Dice, NOTE, act, author, begin, hash_key};
use streams_core::conformance::store::begin_all;
use streams_core::conformance::{store, transport};
use streams_core::node::NodeError;
use streams_core::node::feed::{Event, Filter};
use streams_core::transport::Transport;
use streams_core::{Draft, Map, MemoryStore, MemoryTransport, Node, Rule, SigningKey, Store, Stream, StreamId};

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

/// All that a feed tells of objects: whose stream, which, by whom, of what type, and what became of it.
async fn told(node: &Node, filter: Filter) -> Vec<(StreamId, String, String, String)> {
    let (mut feed, mut all) = (node.watch(filter, None).await.unwrap(), Vec::new());
    while let Some(event) = feed.next_now().await.unwrap() {
        let (stream, object, what) = match event {
            Event::Added { stream, object } => (stream, object, "added".to_owned()),
            Event::Changed { stream, object, what } => (stream, object, format!("{what:?}")),
            _ => continue,
        };
        let header = object.authentic.header();
        let what = format!("{} {} {:?} {what}", object.sequence, object.effective, object.place);
        all.push((stream, header.author().to_string(), header.r#type().to_owned(), what));
    }
    all
}

#[test]
fn a_filter_leaves_what_the_whole_feed_has_of_it() {
    pollster::block_on(async {
        let node = Node::new(Arc::new(MemoryStore::new([1; 16], hash_key())), hash_key());
        let streams = begin_all(&node, 3).await.unwrap();
        let mut dice = Dice(4);
        for number in 0..900 {
            let stream = streams[dice.below(3)];
            node.write(stream, |stream| (0..3).for_each(|_| act(stream, &mut dice, number))).await.unwrap();
        }
        let all = told(&node, Filter::default()).await;
        assert!(all.len() > 2 * 1024, "more than two pages: {}", all.len());
        let (types, authors) = ([NOTE.to_owned()], [author(1), author(2)].map(|key| key.verifying_key()));
        let names = authors.map(|author| author.to_string());
        for which in 0..8 {
            let [of_types, of_authors, of_streams] = [1, 2, 4].map(|bit| which & bit != 0);
            let mut filter = Filter::default();
            filter.types.extend(types.iter().filter(|_| of_types).cloned());
            filter.authors.extend(authors.iter().filter(|_| of_authors));
            filter.streams.extend(streams[..2].iter().filter(|_| of_streams));
            let mut left = all.clone();
            left.retain(|(stream, author, r#type, _)| {
                (!of_types || r#type == NOTE)
                    && (!of_authors || names.contains(author))
                    && (!of_streams || streams[..2].contains(stream))
            });
            assert!(told(&node, filter.clone()).await == left, "{filter:?}");
        }
    });
}

/// The root alone tells whether somebody may read, or the stream is opened; the answer is that of the stream.
#[test]
fn who_may_read_is_told_as_the_stream_tells_it() {
    pollster::block_on(async {
        let [alice, bob, carol] = [0, 1, 2].map(author);
        let open = Draft::root("test/stream", [1; 16]);
        let closed = Draft::root("test/stream", [2; 16]).policies([Rule::readers([&bob.verifying_key()])]);
        for (root, number) in [(open, 1), (closed, 2)] {
            let store = Arc::new(MemoryStore::new([number; 16], hash_key()));
            let node = Node::new(store.clone(), hash_key());
            let id = node.create(root.sign(&alice).unwrap()).await.unwrap();
            let mut outcomes = Vec::new();
            for step in 0..4 {
                node.write(id, |stream| match step {
                    1 => drop(stream.by(&alice).withdraw(&[id]).unwrap()),
                    2 => drop(stream.by(&alice).govern([Rule::readers([&carol.verifying_key()])]).unwrap()),
                    3 => drop(stream.by(&alice).govern([Rule::remove(&carol.verifying_key())]).unwrap()),
                    _ => {}
                })
                .await
                .unwrap();
                for key in [&alice, &bob, &carol].map(SigningKey::verifying_key) {
                    let afresh = Node::new(store.clone(), hash_key());
                    let may = afresh.may_read(id, &key).await.unwrap();
                    assert_eq!(may, node.read(id, |stream| stream.may_read(&key).is_effective()).await.unwrap());
                    let needs_rules = key != alice.verifying_key() && (number, step) != (1, 0);
                    assert_eq!(afresh.is_open(id), needs_rules, "root {number}, step {step}");
                    outcomes.push(may);
                }
            }
            assert_eq!(outcomes[..6], [true, true, number == 1, true, false, false]);
            assert_eq!(outcomes[6..], [true, false, true, true, false, false]);
        }
        let (node, unknown) = (Node::new(Arc::new(MemoryStore::new([3; 16], hash_key())), hash_key()), begin(9).id());
        let asked = node.may_read(unknown, &bob.verifying_key()).await;
        assert!(matches!(asked, Err(NodeError::Unknown(id)) if id == unknown));
    });
}
