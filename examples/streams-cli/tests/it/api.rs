//! The API as people meet it: a server, and two people with a key each who have no store.

use super::peers::Process;
use super::stores::lines;
use super::*;

/// A server, and the stream of ada's that it has.
struct Served {
    process: Process,
    at: String,
    stream: String,
}

impl Home {
    /// A private stream of the usual key with two files in it, and a server of its store.
    fn api(&self) -> Served {
        fs::create_dir(self.path("notes")).unwrap();
        for name in ["one.md", "two.md"] {
            fs::write(self.path("notes").join(name), name).unwrap();
        }
        self.streams("stream create notes --person ada --private --from notes --to attic --now").expect(0);
        let stream = self.streams("stream show notes --json").json(0)["stream"].as_str().unwrap().to_owned();
        self.new_keys(&["server.key", "bob.key"]);
        let mut process = self.start("api serve --listen 127.0.0.1:0 --key server.key --json");
        let at = process.told()["listening"].as_str().unwrap().to_owned();
        Served { process, at, stream }
    }
}

const ITEM: &str = r#"archive/stream.Item --data {"source:s":"by-hand","kind:s":"note","title:s":"Hello"}"#;

#[test]
fn two_people_share_a_stream_over_the_api() {
    let home = Home::new();
    let Served { mut process, at, stream } = home.api();
    let ada = |args: &str| home.streams(&format!("api {args} --at {at}"));
    let bob = |args: &str| home.streams(&format!("api {args} --at {at} --key bob.key"));
    let bobs = home.streams("key show bob.key").expect(0).trim().to_owned();

    // What is private is for its owner.
    let listed = ada("get").expect(0);
    assert!(listed.contains(&stream) && listed.contains("archive/stream/notes"), "{listed}");
    let listed = bob("get").expect(0);
    assert!(!listed.contains(&stream) && listed.contains("archive/owner/ada"), "{listed}");
    assert_eq!(bob(&format!("get {stream} --json")).json(1)["code"], "denied");
    let told = bob(&format!("get {stream}")).expect(1);
    assert!(told.contains("refused") && told.contains("streams api ask"), "{told}");
    assert_eq!(bob(&format!("append {stream} {ITEM} --json")).json(1)["code"], "denied");

    // One asks, the other sees it, and says yes.
    assert!(bob(&format!("ask {stream} --note it-is-Bob")).expect(0).contains("asked for access"));
    assert_eq!(bob(&format!("asks {stream} --json")).json(1)["code"], "not-governing");
    let asked = ada(&format!("asks {stream} --json")).json(0);
    assert_eq!((asked["key"].as_str(), &asked["note"]), (Some(&*bobs), &"it-is-Bob".into()));
    let told = ada(&format!("asks {stream}")).expect(0);
    assert!(told.contains(&bobs) && told.contains("it-is-Bob"), "{told}");
    assert!(ada(&format!("invite {stream} {bobs} --write")).expect(0).contains("is a writer of"));
    assert_eq!(ada(&format!("asks {stream}")).expect(0), "");

    // Both write, and both read the same, as the store has it.
    let appended = bob(&format!("append {stream} {ITEM} --json")).json(0);
    assert_eq!((&appended["new"], &appended["verdict"]), (&true.into(), &"allowed".into()));
    assert!(ada(&format!("append {stream} {ITEM}")).expect(0).contains("appended"));
    let ids = |lines: Vec<Json>| -> Vec<Json> { lines.into_iter().map(|line| line["id"].clone()).collect() };
    let bobs_view = ids(lines(&bob(&format!("get {stream} --json")).expect(0)));
    assert_eq!(bobs_view, ids(lines(&ada(&format!("get {stream} --json")).expect(0))));
    assert_eq!(bobs_view, ids(lines(&home.streams(&format!("log {stream} --store --json")).expect(0))));
    assert!(home.streams("stream items notes --find hello").expect(0).contains("Hello"));
    assert_eq!(bob(&format!("append {stream} example.org/other --json")).json(1)["code"], "not-authorized");

    // An object, and a file, prove themselves without the server.
    let id = appended["id"].as_str().unwrap();
    let object = bob(&format!("get {stream} {id}")).expect(0);
    let checked = home.streams_with(object.as_bytes(), "check --json").json(0);
    assert_eq!(checked["id"], id);
    let written = bob(&format!("get {stream} --out copy.streams --json")).json(0);
    assert_eq!(written["objects"], bobs_view.len());
    assert_eq!(ids(lines(&home.streams("log copy.streams --json").expect(0))), bobs_view);
    bob(&format!("get {stream} --out copy.streams")).expect_error("never overwritten");

    // And no is no.
    assert!(ada(&format!("remove {stream} {bobs}")).expect(0).contains("is removed from"));
    let told = bob(&format!("get {stream}")).expect(1);
    assert!(told.contains("a rule of the stream denies it to this key"), "{told}");
    assert_eq!(bob(&format!("ask {stream} --note please --json")).json(1)["code"], "denied");
    let again = ada(&format!("invite {stream} {bobs} --json")).json(0);
    assert_eq!(again["effective"], true);
    bob(&format!("get {stream}")).expect(0);
    // What let the key write was never withdrawn.
    assert_eq!(bob(&format!("append {stream} {ITEM} --json")).json(0)["verdict"], "allowed");
    assert_eq!(process.interrupt(), Some(0));
}

#[test]
fn what_is_asked_of_the_wrong_server_or_in_the_wrong_way_is_told() {
    let home = Home::new();
    let Served { process: _process, at, stream } = home.api();
    let bobs = home.streams("key show bob.key").expect(0).trim().to_owned();
    let (rest, host) = (at.split_once('@').unwrap().1, "192.0.2.1:7712");
    let told = home.streams(&format!("api get --at http://{bobs}@{rest}")).expect(1);
    assert!(told.contains("wrong-audience") && told.contains("another server"), "{told}");
    home.streams(&format!("api get --at http://{rest}")).expect_usage("lacks the key of the server");
    home.streams(&format!("api get --at {at}/path")).expect_usage("http://KEY@HOST:PORT");
    home.streams(&format!("api get --at http://{bobs}@{host}")).expect_error("--allow-plain");
    home.streams(&format!("api get --at http://{bobs}@127.0.0.1:1")).expect_error("streams api serve");
    home.streams("api serve --listen 0.0.0.0:0").expect_error("--allow-plain");
    home.streams(&format!("api get --at {at} --key nobody.key")).expect_error("streams key new");
    home.streams(&format!("api append {stream} streams/policy --at {at}")).expect_error("streams api invite");
    let unknown = format!("api get bafyr4i{} --at {at}", &stream[7..].chars().rev().collect::<String>());
    let ran = home.streams(&unknown);
    assert!(ran.code == 2 || ran.out.contains("unknown"), "{}{}", ran.out, ran.err);
    home.streams(&format!("api get nonsense --at {at}")).expect_usage("nonsense");
}
