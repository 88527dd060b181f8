//! The skin, as its user would use it: streams that join and leave, words that are searched, and what is answered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use streams_archive::members::{self, Role};
use streams_archive::stream::{self, Spec};
use streams_archive::write::Hand;
use streams_archive::{Item, Kind, Profile, Visibility, item, owner, remove};
use streams_core::conformance::fixtures::hash_key;
use streams_core::{MemoryStore, Node, ObjectId, SigningKey, StreamId};
use streams_skin::{Skin, web};
use tokio::net::TcpListener;

fn ada() -> SigningKey {
    SigningKey::from_bytes([1; 32])
}

fn bob() -> SigningKey {
    SigningKey::from_bytes([2; 32])
}

fn hand<'a>(node: &'a Node, key: &'a SigningKey) -> Hand<'a> {
    Hand { node, key, now: 1_000 }
}

fn node() -> Arc<Node> {
    Arc::new(Node::new(Arc::new(MemoryStore::new([5; 16], hash_key())), hash_key()))
}

/// A stream of Ada's.
async fn stream(node: &Node, slug: &str, visibility: Visibility) -> StreamId {
    let (ada, name) = (ada(), "ada".parse().unwrap());
    let profile = Profile { kind: Some(Kind::Person), ..Profile::default() };
    owner::create(hand(node, &ada), &name, &profile, Visibility::Public).await.unwrap();
    let spec = Spec { visibility, ..Spec::new(slug.parse().unwrap()) };
    stream::create(hand(node, &ada), &name, &spec).await.unwrap().stream()
}

async fn write(node: &Node, stream: StreamId, items: &[Item]) -> Vec<ObjectId> {
    let ada = ada();
    item::Index::new(stream, None).append(hand(node, &ada), items).await.unwrap().new
}

fn note(title: &str, text: &str, time: u64) -> Item {
    let (title, text) = (Some(title.to_owned()), Some(text.to_owned()));
    Item { source: format!("{title:?}"), kind: "note".into(), time: Some(time), title, text, ..Item::default() }
}

/// Follows in the background, for as long as the runtime of the test.
fn follow(node: &Arc<Node>, key: &SigningKey, folder: &Path) -> Arc<Skin> {
    let skin = Skin::open(node.clone(), key.verifying_key(), folder).unwrap();
    let follower = skin.clone();
    tokio::spawn(async move { follower.follow().await.unwrap() });
    skin
}

/// Follows until all is told that there is; returns how many events were taken in.
async fn catch_up(node: &Arc<Node>, key: &SigningKey, folder: &Path) -> u64 {
    let skin = Skin::open(node.clone(), key.verifying_key(), folder).unwrap();
    let mut mark = skin.mark();
    let before = mark.borrow().events;
    tokio::select! {
        ended = skin.follow() => panic!("{ended:?}"),
        mark = mark.wait_for(|mark| mark.is_live) => mark.unwrap().events - before,
    }
}

/// The files of a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Waits until a search finds just these, in any order, by their titles.
async fn finds(skin: &Skin, node: &Node, words: &str, titles: &[&str]) {
    let mut found = Vec::new();
    for _ in 0..500 {
        found.clear();
        for (stream, id) in skin.index.search(words, None, [0, 100]).unwrap().1 {
            let stored = node.object(stream, &id).await.unwrap().unwrap();
            found.push(item::read(&stored.authentic, None).unwrap().title.unwrap());
        }
        found.sort();
        if found == titles {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{words:?} finds {found:?}, not {titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_join_by_themselves_and_leave_when_they_may_not_be_read() {
    let (node, folder, ada, bob) = (node(), tempfile::tempdir().unwrap(), ada(), bob());
    let public = stream(&node, "notes", Visibility::Public).await;
    write(&node, public, &[note("Engines", "of difference", 1)]).await;
    let skin = follow(&node, &bob, folder.path());
    finds(&skin, &node, "", &["Engines"]).await;
    // One that appears later, and which Bob may not read yet.
    let private = stream(&node, "diary", Visibility::Private).await;
    write(&node, private, &[note("Secrets", "of engines", 2)]).await;
    write(&node, public, &[note("Looms", "of Jacquard", 3)]).await;
    finds(&skin, &node, "", &["Engines", "Looms"]).await;
    members::invite(hand(&node, &ada), private, &bob.verifying_key(), Role::Reader).await.unwrap();
    finds(&skin, &node, "", &["Engines", "Looms", "Secrets"]).await;
    members::remove(hand(&node, &ada), private, &bob.verifying_key()).await.unwrap();
    finds(&skin, &node, "", &["Engines", "Looms"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_searched_is_words_and_the_beginnings_of_words() {
    let (node, folder) = (node(), tempfile::tempdir().unwrap());
    let notes = stream(&node, "notes", Visibility::Public).await;
    let items = [
        note("The engine", "weaves algebraic patterns", 1),
        note("The loom", "weaves flowers and leaves; the engine does not", 2),
        note("Ärger", "über «Bücher»; 数学 & c++", 3),
    ];
    let ids = write(&node, notes, &items).await;
    let skin = follow(&node, &ada(), folder.path());
    let all = ["The engine", "The loom", "Ärger"];
    finds(&skin, &node, "", &all).await;
    for (words, titles) in [
        ("engine", &all[..2]),
        ("ENG", &all[..2]),
        ("eng weav", &all[..2]),
        ("eng flow", &all[1..2]),
        ("ngine", &[]),
        ("büch", &all[2..]),
        ("数", &all[2..]),
        ("note", &all),
        ("AND OR -engine +\"( title:/*.*/ ~", &[]),
        ("   ", &all),
        ("c++", &all[2..]),
    ] {
        finds(&skin, &node, words, titles).await;
    }
    let of = |words, at| skin.index.search(words, Some(notes), at).unwrap();
    // The newest first, where there are no words; what has it in its title first, where there are.
    assert_eq!(of("", [0, 2]), (3, vec![(notes, ids[2]), (notes, ids[1])]));
    assert_eq!(of("", [2, 2]), (3, vec![(notes, ids[0])]));
    assert_eq!(of("engine", [0, 9]).1[0], (notes, ids[0]));
    assert_eq!(skin.index.search("", Some(ids[0]), [0, 9]).unwrap(), (0, vec![]), "a stream that is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_take_the_place_of_what_they_replace_and_what_is_hidden_goes() {
    let (node, folder, ada) = (node(), tempfile::tempdir().unwrap(), ada());
    let notes = stream(&node, "notes", Visibility::Public).await;
    let skin = follow(&node, &ada, folder.path());
    let first = write(&node, notes, &[note("First", "draft", 1)]).await[0];
    finds(&skin, &node, "draft", &["First"]).await;
    let second = write(&node, notes, &[Item { replaces: Some(first), ..note("Second", "draft", 2) }]).await[0];
    finds(&skin, &node, "draft", &["Second"]).await;
    remove::hide(hand(&node, &ada), notes, &second, None).await.unwrap();
    finds(&skin, &node, "draft", &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_goes_on_where_it_was_and_that_of_another_key_is_thrown_away() {
    let (node, folder, ada, bob) = (node(), tempfile::tempdir().unwrap(), ada(), bob());
    let diary = stream(&node, "diary", Visibility::Private).await;
    write(&node, diary, &[note("Secrets", "", 1)]).await;
    let first = catch_up(&node, &ada, folder.path()).await;
    assert!(first > 2, "{first}");
    assert_eq!(catch_up(&node, &ada, folder.path()).await, 1, "that all was told already");
    let of_bob = Skin::open(node.clone(), bob.verifying_key(), folder.path()).unwrap();
    assert_eq!(of_bob.index.search("", None, [0, 9]).unwrap(), (0, vec![]), "at once");
    drop(of_bob);
    assert_eq!(catch_up(&node, &bob, folder.path()).await, first);
    let of_bob = Skin::open(node.clone(), bob.verifying_key(), folder.path()).unwrap();
    assert_eq!(of_bob.index.search("", None, [0, 9]).unwrap(), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_commit_that_was_cut_off_left_behind_is_no_hindrance() {
    let (node, folder, ada) = (node(), tempfile::tempdir().unwrap(), ada());
    let notes = stream(&node, "notes", Visibility::Public).await;
    let items: Vec<Item> = (0..64).map(|number| note(&format!("Note {number}"), "draft", number)).collect();
    let ids = write(&node, notes, &items).await;
    catch_up(&node, &ada, folder.path()).await;
    let before = files(folder.path());
    let edit = |id: &ObjectId| Item { replaces: Some(*id), ..note(&format!("Edit of {id}"), "final", 100) };
    let edits: Vec<Item> = ids.iter().step_by(2).map(edit).collect();
    write(&node, notes, &edits).await;
    for _ in 0..2 {
        catch_up(&node, &ada, folder.path()).await;
        let after = files(folder.path());
        assert!(after.keys().any(|path| path.extension().is_some_and(|what| what == "del")));
        // All of the commit is there but what says so, and what comes next has the same names.
        for (path, bytes) in &before {
            if !after.contains_key(path) || path.ends_with("meta.json") {
                std::fs::write(path, bytes).unwrap();
            }
        }
    }
    catch_up(&node, &ada, folder.path()).await;
    let skin = Skin::open(node.clone(), ada.verifying_key(), folder.path()).unwrap();
    let counts = ["draft", "final", ""].map(|words| skin.index.search(words, None, [0, 0]).unwrap().0);
    assert_eq!(counts, [32, 32, 64]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_is_what_the_reader_may_read() {
    let (node, folder, ada, bob) = (node(), tempfile::tempdir().unwrap(), ada(), bob());
    let public = stream(&node, "notes", Visibility::Public).await;
    let private = stream(&node, "diary", Visibility::Private).await;
    let first = write(&node, public, &[note("First <b>", "draft", 1)]).await[0];
    let second = write(&node, public, &[Item { replaces: Some(first), ..note("Second <b>", "draft", 2) }]).await[0];
    let secret = write(&node, private, &[note("Secrets", "", 2)]).await[0];
    let skin = follow(&node, &bob, folder.path());
    finds(&skin, &node, "", &["Second <b>"]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(web::serve(skin.clone(), listener));
    // Whoever asks wants a TLS, though nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    let get = async |path: &str, host: Option<&str>| {
        let request = client.get(format!("{at}{path}"));
        let answer = host.iter().fold(request, |request, host| request.header("host", *host)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let json = async |path: &str| -> Value {
        let (status, text) = get(path, None).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    };
    let streams = json("/api/streams").await;
    assert_eq!(streams.as_array().unwrap().len(), 1);
    assert_eq!(
        (&streams[0]["slug"], &streams[0]["owner"], &streams[0]["items"]),
        (&"notes".into(), &"ada".into(), &1.into())
    );
    let found = json("/api/search?q=dra").await;
    assert_eq!((&found["total"], &found["items"][0]["item"]["title"]), (&1.into(), &"Second <b>".into()));
    assert_eq!(json(&format!("/api/search?q=dra&stream={private}")).await["total"], 0);
    assert_eq!(json("/api/search?skip=18446744073709551615").await["items"], Value::Array(vec![]));
    assert_eq!(json(&format!("/api/search?q={}", "dra%20".repeat(10_000))).await["total"], 1);
    let told = json(&format!("/api/items/{public}/{second}")).await;
    assert_eq!(
        (&told["id"], &told["effective"], &told["final"]),
        (&second.to_string().into(), &true.into(), &false.into())
    );
    assert_eq!(told["author"], ada.verifying_key().to_string());
    assert_eq!(told["signature"].as_str().unwrap().len(), 128);
    assert_eq!(told["item"]["replaces"], first.to_string());
    assert_eq!(json(&format!("/api/items/{public}/{first}")).await["taken"][0], second.to_string());
    for nothing in [
        format!("/api/items/{private}/{secret}"),
        format!("/api/items/{public}/{secret}"),
        format!("/api/items/{public}/{public}"),
        "/api/elsewhere".to_owned(),
    ] {
        assert_eq!(get(&nothing, None).await.0, 404, "{nothing}");
    }
    for wrong in ["/api/items/what/ever", "/api/search?stream=what", "/api/search?skip=-1", "/api/news/many"] {
        assert_eq!(get(wrong, None).await.0, 400, "{wrong}");
    }
    // A name that somebody points at this machine is not answered.
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::1"] {
        assert!([400, 421].contains(&get("/", Some(host)).await.0), "{host}");
    }
    for host in ["localhost", "localhost:7713", "127.0.0.1", "[::1]:7713"] {
        let (status, page) = get("/", Some(host)).await;
        assert!(status == 200 && page.starts_with("<!doctype html>"), "{host}");
    }
    // News come when there are some.
    let events = json("/api/news/0").await.as_u64().unwrap();
    let next = format!("/api/news/{events}");
    let (news, _) = tokio::join!(json(&next), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        write(&node, public, &[note("Third", "", 3)]).await
    });
    assert!(news.as_u64().unwrap() > events);
}

#[test]
fn it_is_three_hundred_lines_of_rust() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let chapters =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    let lines: usize = chapters.map(|chapter| chapter.lines().filter(is_code).count()).sum();
    assert!(lines <= 300, "{lines} lines, without those that are empty or comments");
}
