//! What can be proven, and that nobody is accused who was honest.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use streams_core::Node;
use streams_core::graph::frontier_of;
use streams_core::sync::evidence::Evidence;
use streams_core::sync::messages::{Id, Ids, Key};
use streams_core::sync::said::{Signed, Statement};
use streams_sqlite::SqliteStore;

use super::stores::lines;
use super::*;

/// A client that keeps what a server states, and looks for evidence of it.
struct Watching<'a> {
    home: &'a Home,
    stream: String,
}

impl Watching<'_> {
    /// Serves so, and makes the client equal with it; `ends_in_order` or is killed.
    fn meet(&self, options: &str, ends_in_order: bool) {
        let mut serving = self.home.serve(options);
        let Self { home, stream } = self;
        home.streams(&format!("sync {} {stream} --store client.db --key client.key", serving.at[0])).expect(0);
        match ends_in_order {
            true => assert_eq!(serving.process.interrupt(), Some(0)),
            false => serving.process.kill(),
        }
    }

    #[track_caller]
    fn accuses_nobody(&self, statements: usize) {
        let Self { home, stream } = self;
        let told = home.streams(&format!("peers {stream} --store client.db --json")).json(0);
        assert_eq!(told["peers"].as_array().unwrap().len(), statements, "{told}");
        let evidence = home.streams(&format!("evidence list {stream} --store client.db --json")).expect(0);
        assert_eq!(evidence, "");
    }

    /// Appends to the file, and puts what is in it into a store.
    fn write(&self, store: &str) {
        self.home.streams("append list.streams list.Added --key owner.key").expect(0);
        self.home.streams(&format!("import file list.streams --store {store}")).expect(0);
    }
}

/// A list in a file, and in `a.db`.
fn list(home: &Home) -> String {
    home.new_keys(&["owner.key", "server.key", "client.key"]);
    home.streams("new example.org/list --key owner.key --out list.streams").expect(0);
    home.streams("import file list.streams --store a.db --json").json(0)["stream"].as_str().unwrap().to_owned()
}

#[test]
fn nobody_is_accused_who_crashed_or_was_put_back() {
    let home = Home::new();
    let stream = list(&home);
    let watching = Watching { home: &home, stream };
    let serve = "--store a.db --key server.key --promise 3";
    // Killed, and started again.
    for ends_in_order in [false, true, false, true] {
        watching.write("a.db");
        watching.meet(serve, ends_in_order);
    }
    watching.accuses_nobody(1);
    // Put back as it was some time ago: it states less than before, under numbers that it used already.
    fs::copy(home.path("a.db"), home.path("backup.db")).unwrap();
    for _ in 0..3 {
        watching.write("a.db");
        watching.meet(serve, true);
    }
    thread::sleep(Duration::from_millis(1100));
    fs::copy(home.path("backup.db"), home.path("a.db")).unwrap();
    // It states that first, and then that it has what the client gave back.
    let mut serving = home.serve(serve);
    let sync = format!("sync {} {} --store client.db --key client.key", serving.at[0], watching.stream);
    home.streams(&sync).expect(0);
    home.streams(&sync).expect(0);
    assert_eq!(serving.process.interrupt(), Some(0));
    watching.accuses_nobody(1);
    let stated = home.streams(&format!("peers {} --store client.db --json", watching.stream)).json(0);
    assert_eq!(stated["peers"][0]["objects"], stated["objects"]);
}

#[test]
fn nobody_is_accused_who_redacted() {
    let home = Home::new();
    home.new_keys(&["owner.key", "server.key", "client.key"]);
    home.streams("new example.org/list --key owner.key --out list.streams").expect(0);
    let data = "{\"who:m\":{\"name:s\":\"Ada\"},\"text:s\":\"x\"}";
    let id = home.streams(&format!("append list.streams list.Added --key owner.key --data {data} --json")).json(0);
    let stream = home.streams("import file list.streams --store a.db --json").json(0);
    let stream = stream["stream"].as_str().unwrap().to_owned();
    let watching = Watching { home: &home, stream: stream.clone() };
    watching.meet("--store a.db --key server.key --promise 3", true);
    // Dropped there alone, while the promise stands.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let key = HashKey::from_bytes([1; 16]);
        let node = Node::new(Arc::new(SqliteStore::open(home.path("a.db")).unwrap()), key);
        let (stream, id): (ObjectId, ObjectId) = (stream.parse().unwrap(), id["id"].as_str().unwrap().parse().unwrap());
        let map = node
            .read(stream, |stream| ObjectId::of_block(stream.object(&id).unwrap().object().maps()[0]))
            .await
            .unwrap();
        node.redact(stream, &id, &map).await.unwrap().unwrap().unwrap();
        node.store().close().await.unwrap();
    });
    watching.write("a.db");
    watching.meet("--store a.db --key server.key --promise 3", true);
    watching.accuses_nobody(1);
}

#[test]
fn nobody_is_accused_who_has_several_devices() {
    let home = Home::new();
    let stream = list(&home);
    home.streams("import file list.streams --store b.db").expect(0);
    let watching = Watching { home: &home, stream };
    // One key, two stores in different states.
    for _ in 0..3 {
        watching.write("a.db");
        watching.meet("--store a.db --key server.key --promise 3", true);
        watching.meet("--store b.db --key server.key --promise 3", true);
    }
    watching.accuses_nobody(1);
}

#[test]
fn a_fork_is_saved_and_shown_to_somebody_who_was_not_there() {
    let home = Home::new();
    let stream = list(&home);
    let owner = home.streams("key show owner.key").expect(0);
    fs::copy(home.path("list.streams"), home.path("other.streams")).unwrap();
    for file in ["list.streams", "other.streams"] {
        home.streams(&format!("append {file} list.Added --key owner.key --data {{\"in:s\":\"{file}\"}}")).expect(0);
        home.streams(&format!("import file {file} --store a.db")).expect(0);
    }
    let listed = lines(&home.streams(&format!("evidence list {stream} --store a.db --json")).expect(0));
    assert_eq!((listed.len(), &listed[0]["shows"], &listed[0]["of"][0]), (1, &"fork".into(), &owner.trim().into()));
    let text = home.streams(&format!("evidence list {stream} --store a.db")).expect(0);
    assert!(text.contains("two objects that both follow") && text.contains("in all innocence"), "{text}");
    let save = format!("evidence save {stream} --store a.db --out evidence --json");
    let saved = home.streams(&save).json(0)["file"].as_str().unwrap().to_owned();
    assert_eq!(home.streams(&save).json(0)["file"].as_str(), Some(&*saved));

    let elsewhere = Home::new();
    let evidence = fs::read(home.path(&saved)).unwrap();
    fs::write(elsewhere.path("fork.evidence"), &evidence).unwrap();
    let shown = elsewhere.streams("evidence verify fork.evidence --json").json(0);
    assert_eq!(
        (&shown["shows"], &shown["of"], &shown["objects"]),
        (&listed[0]["shows"], &listed[0]["of"], &listed[0]["objects"])
    );
    // A bit of a signature is another, or it is cut short: then it shows nothing.
    let mut forged = evidence.clone();
    *forged.last_mut().unwrap() ^= 1;
    fs::write(elsewhere.path("forged.evidence"), forged).unwrap();
    fs::write(elsewhere.path("cut.evidence"), &evidence[..evidence.len() - 1]).unwrap();
    let told = elsewhere.streams("evidence verify fork.evidence forged.evidence cut.evidence").expect(1);
    assert_eq!(told.matches("It shows nothing: ").count(), 2, "{told}");
    assert!(
        told.contains("not what its id and signature say") && told.contains("no evidence of this version"),
        "{told}"
    );
    elsewhere.streams("evidence verify nothing.evidence").expect_error("cannot read");
    // Where nobody did anything, there is nothing to save.
    let stream = home.filled("clean.db", 10);
    let none = home.streams(&format!("evidence save {stream} --store clean.db --out none")).expect(0);
    assert!(none.contains("nothing was saved"), "{none}");
}

#[test]
fn what_a_peer_signed_twice_under_one_number_is_shown() {
    let home = Home::new();
    let liar = SigningKey::from_bytes([9; 32]);
    let root = Draft::root("example.org/list", [0; 16]).sign(&liar).unwrap().id();
    let stated = |leaf: ObjectId| {
        let (peer, stream, leaves) = (Key(liar.verifying_key()), Id(root), Ids(vec![leaf]));
        let frontier = frontier_of([leaf]);
        let statement = Statement { peer, stream, frontier, leaves, store: [1; 16], counter: 3, until: None };
        Signed::sign(statement, &liar)
    };
    let (one, other) = (stated(root), stated(ObjectId::from_bytes([7; 32])));
    fs::write(home.path("twice.evidence"), Evidence::Contradiction(one.clone(), other, Vec::new()).encode()).unwrap();
    let told = home.streams("evidence verify twice.evidence").expect(0);
    assert!(told.contains("gave one number to two different statements"), "{told}");
    fs::write(home.path("once.evidence"), Evidence::Contradiction(one.clone(), one, Vec::new()).encode()).unwrap();
    let nothing = home.streams("evidence verify once.evidence --json").json(1);
    assert_eq!(nothing["shows"], Json::Null);
}
