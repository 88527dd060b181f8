//! Three nodes, each of processes of its own, over TCP and WebSockets: killed, and cut off, and equal in the end.

use std::io::{Read, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use streams_core::Node;
use streams_sqlite::SqliteStore;

use super::*;

/// Stands between two peers, and cuts the first links after so many bytes from the one that serves.
struct Cutting {
    at: String,
    cut: Arc<AtomicUsize>,
}

impl Cutting {
    fn before(address: &str, after: usize, times: usize) -> Self {
        let (scheme, target) = address.split_once("://").unwrap();
        let target = target.trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("{scheme}://{}", listener.local_addr().unwrap());
        let cut = Arc::new(AtomicUsize::new(0));
        let counted = cut.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(&target)) else { continue };
                let most = if counted.load(Ordering::SeqCst) < times { after } else { usize::MAX };
                let (to_server, from_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || carry(from_client, to_server, usize::MAX));
                let counted = counted.clone();
                thread::spawn(move || {
                    if carry(server, client, most) {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        Self { at, cut }
    }

    fn cut(&self) -> usize {
        self.cut.load(Ordering::SeqCst)
    }
}

/// Carries at most so many bytes; whether it was more, and so the link was cut.
fn carry(mut from: TcpStream, mut to: TcpStream, most: usize) -> bool {
    let (mut buffer, mut carried) = (vec![0; 64 << 10], 0);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        carried += read;
        if carried > most || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    carried > most
}

/// A store with a stream of so many objects of two authors, who write beside each other now and then.
fn fill(path: &Path, objects: usize) -> ObjectId {
    let [alice, bob] = [1, 2].map(|seed| SigningKey::from_bytes([seed; 32]));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Node::new(Arc::new(SqliteStore::open(path).unwrap()), HashKey::from_bytes([1; 16]));
        let root = Draft::root("example.org/list", [0; 16]).policies([Rule::open_to_all()]).sign(&alice).unwrap();
        let stream = node.create(root).await.unwrap();
        let mut written = 1;
        while written < objects {
            let some = (objects - written).min(5000);
            let write = |stream: &mut Stream| {
                for number in 0..some {
                    let author = if number % 7 < 4 { &alice } else { &bob };
                    let data = Map::new().with("number", Value::Uint((written + number) as u64)).unwrap();
                    stream.by(author).append("example.org/list.Added", data).unwrap();
                }
            };
            node.write(stream, write).await.unwrap();
            written += some;
        }
        node.store().close().await.unwrap();
        stream
    })
}

/// What a store has of a stream, by the digests of its order and its frontier: proven by the program itself.
fn digests(home: &Home, store: &str) -> (u64, Json, Json) {
    let told = home.streams(&format!("verify --store {store} --json")).json(0);
    (told["objects"].as_u64().unwrap(), told["order"].clone(), told["frontier"].clone())
}

#[test]
fn three_nodes_become_equal_whatever_happens() {
    let objects = 100_000;
    let home = Home::new();
    home.new_keys(&["a.key", "b.key", "c.key"]);
    let stream = fill(&home.path("a.db"), objects);
    // The third one has some of it already, and something that nobody else has.
    fill(&home.path("c.db"), objects / 20);
    home.streams(&format!("export {stream} --store c.db --out own.streams")).expect(0);
    for _ in 0..3 {
        home.streams("append own.streams example.org/list.Added --key c.key").expect(0);
    }
    home.streams("import file own.streams --store c.db").expect(0);
    let all = objects as u64 + 3;

    // c follows b over WebSockets, and b follows a over TCP; both links are cut time and again.
    let a = home.serve("--store a.db --key a.key");
    let b = home.serve_at("--listen ws://127.0.0.1:0/", "--store b.db --key b.key --take-all");
    let [to_a, to_b] = [&a.at[0], &b.at[0]].map(|address| Cutting::before(address, objects * 60, 3));
    let follow_a = format!("subscribe {} {stream} --store b.db --key b.key --json", to_a.at);
    let mut following = home.start(&follow_a);
    // Killed in the middle of its first sync, and started again.
    let mut kills = 0;
    while kills < 2 {
        let before = home.count("b.db");
        home.wait_until("the first objects", |home| home.count("b.db") > before);
        following.kill();
        let count = home.count("b.db");
        assert!(count < all, "all came before it was killed");
        kills += 1;
        following = home.start(&follow_a);
    }
    let _follower = home.start(&format!("subscribe {} {stream} --store c.db --key c.key --json", to_b.at));
    for store in ["b.db", "c.db", "a.db"] {
        let mut before = 0;
        while before < all {
            home.wait_until("more objects", |home| home.count(store) > before);
            before = home.count(store);
        }
    }
    assert!(to_a.cut() > 0 && to_b.cut() > 0, "{} and {} links were cut", to_a.cut(), to_b.cut());
    let [a, b, c] = ["a.db", "b.db", "c.db"].map(|store| digests(&home, store));
    assert_eq!((a.0, &a, &a), (all, &b, &c));
    // And nobody is accused of what happened.
    for store in ["a.db", "b.db", "c.db"] {
        assert_eq!(home.streams(&format!("evidence list {stream} --store {store} --json")).expect(0), "");
    }
}
