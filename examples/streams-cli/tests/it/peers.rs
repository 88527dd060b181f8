//! The command line among peers: one serves its store, others become equal with it, and stay so.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::stores::lines;
use super::*;

/// A process that goes on, and what it tells; it ends with the test.
pub(super) struct Process {
    pub(super) child: Child,
    told: Lines<BufReader<ChildStdout>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    /// The next line that it tells.
    pub(super) fn told(&mut self) -> Json {
        serde_json::from_str(&self.told.next().unwrap().unwrap()).unwrap()
    }

    /// The next line that tells of such a deed.
    pub(super) fn told_of(&mut self, deed: &str) -> Json {
        loop {
            let line = self.told();
            if line["did"] == deed {
                return line;
            }
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, as Ctrl-C does, and waits for its exit code.
    pub(super) fn interrupt(&mut self) -> Option<i32> {
        let kill = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        self.child.wait().unwrap().code()
    }
}

/// A process that serves, and where.
pub(super) struct Serving {
    pub(super) process: Process,
    pub(super) at: Vec<String>,
}

impl Home {
    pub(super) fn start(&self, args: &str) -> Process {
        let mut child = self.spawn(args);
        let told = BufReader::new(child.stdout.take().unwrap()).lines();
        Process { child, told }
    }

    /// Serves at as many addresses as there are `--listen`.
    pub(super) fn serve_at(&self, listen: &str, options: &str) -> Serving {
        let mut process = self.start(&format!("serve {listen} --json {options}"));
        let at = listen.matches("--listen").map(|_| process.told()["listening"].as_str().unwrap().to_owned()).collect();
        Serving { process, at }
    }

    pub(super) fn serve(&self, options: &str) -> Serving {
        self.serve_at("--listen 127.0.0.1:0", options)
    }

    /// A store of a history, and its stream.
    pub(super) fn filled(&self, store: &str, commits: usize) -> String {
        let name = format!("{commits}-commits-of-{store}");
        self.history(&name, commits);
        let report = self.streams(&format!("import git {name} --store {store} --json")).json(0);
        report["stream"].as_str().unwrap().to_owned()
    }

    pub(super) fn new_key(&self, name: &str) -> String {
        self.streams(&format!("key new --out {name}")).expect(0).trim().to_owned()
    }

    pub(super) fn new_keys(&self, names: &[&str]) {
        names.iter().for_each(|name| drop(self.new_key(name)));
    }

    #[track_caller]
    pub(super) fn wait_until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        for _ in 0..600 {
            if holds(self) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{what} took too long");
    }
}

#[test]
fn stores_become_equal_over_a_link() {
    let home = Home::new();
    home.new_key("b.key");
    let stream = home.filled("a.db", 1500);
    let serving = home.serve("--store a.db");
    let address = &serving.at[0];

    let sync = format!("sync {address} {stream} --store b.db --key b.key --json");
    let first = lines(&home.streams(&sync).expect(0));
    assert_eq!((first[0]["received"].as_u64(), first[0]["sent"].as_u64()), (Some(1501), Some(0)));
    assert_eq!(home.verified("b.db"), home.verified("a.db"));
    let again = lines(&home.streams(&sync).expect(0));
    assert_eq!((again[0]["received"].as_u64(), again[0]["sent"].as_u64()), (Some(0), Some(0)));

    // What the peer does not have is refused, and what it would not take stays here.
    let other = home.filled("b.db", 30);
    let all = format!("sync {address} --store b.db --key b.key");
    assert!(home.streams(&all).expect(0).contains("Nothing differs in what both have"));
    let refused = home.streams(&format!("sync {address} {other} --store b.db --key b.key")).expect(1);
    assert!(refused.contains("unknown: the peer has nothing of it"), "{refused}");
    drop(serving);
    let serving = home.serve("--store a.db --take-all");
    let all = home.streams(&format!("sync {} --store b.db --key b.key", serving.at[0])).expect(0);
    assert!(all.contains("31 sent") && all.contains("1 stream as at"), "{all}");
    let all = home.streams(&format!("sync {} --take-all --store c.db --key b.key --json", serving.at[0])).expect(0);
    assert_eq!(lines(&all).iter().map(|line| line["received"].as_u64().unwrap()).sum::<u64>(), 1532);
    for store in ["a.db", "b.db", "c.db"] {
        home.streams(&format!("verify --store {store}")).expect(0);
    }
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let home = Home::new();
    home.new_key("b.key");
    home.streams("key new").expect(0);
    let serving = home.serve("--store a.db");
    let at = &serving.at[0];
    for (args, words) in [
        ("sync 127.0.0.1:1 --take-all --store b.db --key b.key".to_owned(), "streams serve"),
        (format!("sync {at} --store b.db --key b.key"), "whole id"),
        // Two devices with one key would not be told apart.
        (format!("sync {at} --take-all --store b.db"), "a key of its own"),
        ("sync ws://192.0.2.1/ --take-all --store b.db --key b.key".to_owned(), "--allow-plain"),
        ("subscribe 127.0.0.1:1 --store b.db --key b.key".to_owned(), "streams serve"),
        ("serve --listen ws://0.0.0.0:0/ --store b.db".to_owned(), "--allow-plain"),
        ("serve --listen wss://127.0.0.1:0/ --store b.db".to_owned(), "--certificate"),
        ("find example.org/profile --store b.db".to_owned(), "a type and the key"),
    ] {
        home.streams(&args).expect_error(words);
    }
    for (args, words) in [
        ("sync example.org --store b.db", "lacks a port"),
        ("sync http://example.org/ --store b.db", "by tcp, ws or wss"),
        ("serve --promise 0", "1..=3650"),
    ] {
        let ran = home.streams(args);
        assert!(ran.code == 2 && ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn every_address_leads_to_the_same_store() {
    let home = Home::new();
    home.new_key("b.key");
    home.filled("a.db", 40);
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(home.path("certificate.pem"), certified.cert.pem()).unwrap();
    fs::write(home.path("key.pem"), certified.signing_key.serialize_pem()).unwrap();
    let listen = "--listen 127.0.0.1:0 --listen ws://127.0.0.1:0/ --listen wss://127.0.0.1:0/";
    let serving = home.serve_at(listen, "--store a.db --certificate certificate.pem --certificate-key key.pem");
    let [tcp, ws, wss] = &serving.at[..] else { panic!("three addresses") };
    assert!(tcp.starts_with("tcp://127.0.0.1:") && ws.starts_with("ws://127.0.0.1:"));
    let wss = wss.replace("127.0.0.1", "localhost");
    for (number, address) in [tcp.trim_start_matches("tcp://"), tcp, ws, &wss].into_iter().enumerate() {
        let mut sync = home.command(env!("CARGO_BIN_EXE_streams"));
        sync.env("SSL_CERT_FILE", home.path("certificate.pem"));
        let args = format!("sync {address} --take-all --store {number}.db --key b.key --json");
        let told = lines(&run(sync.args(args.split_whitespace()), b"").expect(0));
        assert_eq!(told[0]["received"], 41, "{address}");
        assert_eq!(home.verified(&format!("{number}.db")), home.verified("a.db"));
    }
    // Nobody vouches for the certificate.
    home.streams(&format!("sync {wss} --take-all --store 9.db --key b.key")).expect_error("certificate");
}

#[test]
fn who_subscribed_gets_what_another_process_writes() {
    let home = Home::new();
    home.new_key("b.key");
    let stream = home.filled("a.db", 40);
    let serving = home.serve("--store a.db");
    let mut subscribed = home.start(&format!("subscribe {} {stream} --store b.db --key b.key --json", serving.at[0]));
    assert_eq!(subscribed.told_of("brought")["objects"], 41);
    // A third process writes to the store that is served.
    home.streams(&format!("export {stream} --store b.db --out more.streams")).expect(0);
    home.streams("append more.streams git/note --anyway").expect(0);
    home.streams("import file more.streams --store a.db").expect(0);
    assert_eq!(subscribed.told_of("brought")["objects"], 1);
    // And back: what is written here reaches the peer.
    home.streams("append more.streams git/note --anyway").expect(0);
    home.streams("import file more.streams --store b.db").expect(0);
    home.wait_until("news", |home| home.count("a.db") == 43 && home.verified("a.db") == home.verified("b.db"));
}

#[test]
fn who_subscribed_opens_another_link_when_one_breaks() {
    let home = Home::new();
    home.new_key("b.key");
    let stream = home.filled("a.db", 40);
    let mut serving = home.serve("--store a.db");
    let address = serving.at[0].clone();
    // All that the peer has, and what it will have.
    let mut subscribed = home.start(&format!("subscribe {address} --take-all --store b.db --key b.key --json"));
    assert_eq!(subscribed.told_of("brought")["objects"], 41);
    serving.process.kill();
    let waits = subscribed.told_of("waits");
    assert!(waits["why"].as_str().unwrap().contains("link"), "{waits}");
    home.streams(&format!("export {stream} --store a.db --out more.streams")).expect(0);
    home.streams("append more.streams git/note --anyway").expect(0);
    home.streams("import file more.streams --store a.db").expect(0);
    // Nobody is there yet, so the pauses grow.
    assert!(subscribed.told_of("waits")["seconds"].as_f64() > waits["seconds"].as_f64());
    let mut serving = home.serve_at(&format!("--listen {address}"), "--store a.db");
    assert_eq!(subscribed.told_of("brought")["objects"], 1);
    home.filled("a.db", 7);
    // The root is told of as soon as it is there, and then the rest, or all at once.
    let mut brought = 0;
    while brought < 8 {
        brought += subscribed.told_of("brought")["objects"].as_u64().unwrap();
    }
    assert_eq!(brought, 8);

    // Both end in order when they are asked to: the peer sees an end, and the store is closed.
    let closed = |store: &str| {
        let connection = Connection::open_with_flags(home.path(store), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        connection.query_row("SELECT closed IS NOT NULL FROM store", [], |row| row.get::<_, bool>(0)).unwrap()
    };
    assert_eq!(serving.process.interrupt(), Some(0));
    assert!(closed("a.db"));
    let waits = subscribed.told_of("waits");
    assert_eq!(waits["why"], "the peer closed the link");
    assert_eq!(subscribed.interrupt(), Some(0));
    assert!(closed("b.db"));
}

#[test]
fn what_peers_attest_is_counted() {
    let home = Home::new();
    let [one, other] = ["one.key", "other.key"].map(|key| home.new_key(key));
    let stream = home.filled("a.db", 300);
    home.streams(&format!("peers {stream} --store a.db")).expect(0);
    home.streams(&format!("export {stream} --store a.db --out half.streams")).expect(0);
    home.streams("import file half.streams --store one.db").expect(0);
    home.streams("append half.streams git/note --anyway").expect(0);
    home.streams("import file half.streams --store other.db").expect(0);
    home.streams("append half.streams git/note --anyway").expect(0);
    home.streams("import file half.streams --store mine.db").expect(0);
    home.new_key("mine.key");
    for name in ["one", "other"] {
        let serving = home.serve(&format!("--store {name}.db --key {name}.key --promise 2"));
        home.streams(&format!("sync {} {stream} --store mine.db --key mine.key", serving.at[0])).expect(0);
    }
    let book = lines(&home.streams("peers --store mine.db --json").expect(0));
    let keys: Vec<&str> = book.iter().map(|known| known["peer"].as_str().unwrap()).collect();
    assert_eq!(keys, [&*other, &*one]);
    assert!(book[0]["address"].as_str().unwrap().starts_with("tcp://127.0.0.1:"));

    let told = home.streams(&format!("peers {stream} --store mine.db --json")).json(0);
    let count = |name: &str| told[name].as_u64().unwrap();
    assert_eq!((count("objects"), count("by_several"), count("by_one"), count("by_none")), (303, 301, 1, 1));
    let stated: Vec<u64> =
        told["peers"].as_array().unwrap().iter().map(|stated| stated["objects"].as_u64().unwrap()).collect();
    assert_eq!(stated, [302, 301]);
    let text = home.streams(&format!("peers {stream} --store mine.db")).expect(0);
    for words in [
        "303 objects",
        "302 of 303",
        "several peers",
        "one alone",
        "nobody",
        "promises to serve it until",
        "nobody else can know",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    // The first one is not asked again: what it has, and has not stated, is told from here.
    let why = home.streams(&format!("why-not {stream} {one} --store mine.db --json")).json(0);
    assert_eq!((&why["may_read"], &why["unstated"]), (&true.into(), &2.into()));
}

#[test]
fn who_has_a_stream_is_found_by_way_of_others() {
    let home = Home::new();
    home.new_keys(&["b.key", "c.key"]);
    let stream = home.filled("a.db", 20);
    let has = home.serve("--store a.db");
    // It met the one who has it, and has something else itself.
    home.streams(&format!("sync {} --take-all --store b.db --key b.key", has.at[0])).expect(0);
    home.filled("else.db", 5);
    fs::rename(home.path("b.db"), home.path("met.db")).unwrap();
    let root = home.streams(&format!("root example.org/profile {}", home.streams("key show c.key").out)).expect(0);
    let met = home.serve("--store met.db --key b.key");
    let found = home.streams(&format!("find {stream} {} --store c.db --key c.key --json", met.at[0])).json(0);
    assert_eq!(found["places"][0]["address"], met.at[0]);
    drop(has);
    let me = home.streams("key show c.key").expect(0);
    let find = format!("find example.org/profile {} {} --store c.db --key c.key --json", me.trim(), met.at[0]);
    let nobody = home.streams(&find).json(1);
    assert_eq!(nobody["stream"].as_str(), Some(root.trim()));
    // Asked by way of the one who met it, the other one is not there any more.
    assert_eq!(nobody["silent"].as_array().unwrap().len(), 1);
}
