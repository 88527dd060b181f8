//! The command line as people meet it: the real binary, in a folder that is all the home it has, without a network.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::Value as Json;
use streams_core::{
    Action, Domain, Draft, Edges, HashKey, Map, Object, ObjectId, Rule, SigningKey, Stream, Value, parts_len,
};
use tempfile::TempDir;

#[path = "it/acceptance/mod.rs"]
mod acceptance;
#[path = "it/api.rs"]
mod api;
#[path = "it/archival.rs"]
mod archival;
#[path = "it/archives.rs"]
mod archives;
#[path = "it/archiving.rs"]
mod archiving;
#[path = "it/evidence.rs"]
mod evidence;
#[path = "it/keychain.rs"]
mod keychain;
#[path = "../../../adapters/streams-object-store/tests/moto/mod.rs"]
mod moto;
#[path = "it/ndl.rs"]
mod ndl;
#[path = "it/network.rs"]
mod network;
#[path = "it/peers.rs"]
mod peers;
#[path = "it/postgres.rs"]
mod postgres;
#[path = "it/readers.rs"]
mod readers;
#[path = "../../archive/tests/it/source.rs"]
mod source;
#[path = "it/stores.rs"]
mod stores;

/// A fresh home.
struct Home(TempDir);

/// What a run came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env("XDG_CONFIG_HOME", self.path("config"));
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
        command.env_remove("XDG_DATA_HOME").stdin(Stdio::null());
        command
    }

    /// Runs `streams` with these words, and gives it this input.
    fn streams_with(&self, input: &[u8], args: &str) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_streams"));
        run(command.args(args.split_whitespace()), input)
    }

    fn streams(&self, args: &str) -> Ran {
        self.streams_with(b"", args)
    }

    fn git(&self, input: &[u8], args: &str) -> String {
        run(self.command("git").args(args.split_whitespace()), input).expect(0)
    }

    /// A repository of these commits. `HEAD` is the last of them.
    fn repository(&self, name: &str, commits: &[Commit<'_>]) {
        self.git(b"", &format!("init -q -b main {name}"));
        let mut script = Vec::new();
        for (at, commit) in commits.iter().enumerate() {
            let head = format!("commit refs/heads/c{at}\nmark :{}\n", at + 1);
            script.extend_from_slice(head.as_bytes());
            for word in ["author", "committer"] {
                script
                    .extend([word.as_bytes(), b" ", commit.who, format!(" {} +0100\n", 1000 + at).as_bytes()].concat());
            }
            script.extend([format!("data {}\n", commit.message.len()).as_bytes(), commit.message, b"\n"].concat());
            for (nth, parent) in commit.parents.iter().enumerate() {
                let word = if nth == 0 { "from" } else { "merge" };
                script.extend_from_slice(format!("{word} :{}\n", parent + 1).as_bytes());
            }
        }
        script.extend_from_slice(format!("reset refs/heads/main\nfrom :{}\n\n", commits.len()).as_bytes());
        self.git(&script, &format!("-C {name} fast-import --quiet"));
    }
}

fn run(command: &mut Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who does not read its input ends first.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

impl Ran {
    /// What it printed, if it ended so.
    #[track_caller]
    fn expect(self, code: i32) -> String {
        assert_eq!(self.code, code, "\n{}\n{}", self.out, self.err);
        self.out
    }

    /// What it printed as JSON.
    #[track_caller]
    fn json(self, code: i32) -> Json {
        serde_json::from_str(&self.expect(code)).unwrap()
    }

    #[track_caller]
    fn expect_error(self, words: &str) {
        assert_eq!(self.code, 2, "\n{}\n{}", self.out, self.err);
        assert!(self.err.starts_with("error: ") && self.err.contains(words), "{}", self.err);
    }
}

impl Ran {
    /// What is wrong with how it was asked.
    #[track_caller]
    fn expect_usage(self, words: &str) {
        assert!(self.code == 2 && self.err.contains(words), "\n{}\n{}", self.out, self.err);
    }
}

struct Commit<'a> {
    who: &'a [u8],
    message: &'a [u8],
    parents: &'a [usize],
}

const ADA: &[u8] = b"Ada <ada@example.org>";
const BOB: &[u8] = b"Bob <bob@example.org>";

fn commit<'a>(who: &'a [u8], parents: &'a [usize]) -> Commit<'a> {
    Commit { who, message: b"A subject\n\nA body.\n", parents }
}

/// The objects of a stream file, by id.
fn objects(file: &Path) -> BTreeMap<ObjectId, Object> {
    let bytes = fs::read(file).unwrap();
    let mut rest = &bytes[..];
    let mut objects = BTreeMap::new();
    while !rest.is_empty() {
        let (parts, behind) = rest.split_at(parts_len(rest).unwrap());
        let object = Object::decode(parts).unwrap();
        objects.insert(object.id(), object);
        rest = behind;
    }
    objects
}

fn references(object: &Object, name: &str) -> Vec<ObjectId> {
    let id = |value: &Value| match value {
        Value::Reference(id) => *id,
        other => panic!("{other:?} is no reference"),
    };
    match object.to_map().unwrap().value(name) {
        None => Vec::new(),
        Some(Value::List(list)) => list.items().iter().map(id).collect(),
        Some(value) => vec![id(value)],
    }
}

/// Asserts that a stream has the edges of a repository, and no others: parents, joins aside, are parents, and every
/// `previous` is in the past without it.
fn assert_same_graph(home: &Home, repository: &str, file: &Path) {
    #[derive(Deserialize)]
    struct Hash {
        hash: Option<String>,
    }

    let objects = objects(file);
    let hash = |id: &ObjectId| objects[id].data_as::<Hash>().unwrap().and_then(|data| data.hash);
    let is_root = |id: &ObjectId| references(&objects[id], "stream").is_empty();
    // The commits behind the parents of an object, through joins; the root is no commit.
    fn behind(
        id: &ObjectId,
        objects: &BTreeMap<ObjectId, Object>,
        hash: &dyn Fn(&ObjectId) -> Option<String>,
    ) -> BTreeSet<String> {
        let parents = references(&objects[id], "parents");
        parents
            .iter()
            .flat_map(|parent| match hash(parent) {
                Some(hash) => BTreeSet::from([hash]),
                None => behind(parent, objects, hash),
            })
            .collect()
    }
    let in_stream: BTreeMap<String, BTreeSet<String>> =
        objects.keys().filter_map(|id| Some((hash(id)?, behind(id, &objects, &hash)))).collect();
    let listed = home.git(b"", &format!("-C {repository} rev-list --parents HEAD"));
    let in_git: BTreeMap<String, BTreeSet<String>> = listed
        .lines()
        .map(|line| {
            let mut hashes = line.split(' ').map(str::to_owned);
            (hashes.next().unwrap(), hashes.collect())
        })
        .collect();
    assert_eq!(in_stream, in_git);

    for (id, object) in objects.iter().filter(|(id, _)| hash(id).is_some()) {
        let Some(previous) = references(object, "previous").pop() else { continue };
        let mut ways = references(object, "parents");
        let mut met = BTreeSet::new();
        while let Some(way) = ways.pop() {
            if met.insert(way) {
                ways.extend(references(&objects[&way], "parents"));
            }
        }
        assert!(met.contains(&previous) && !is_root(&previous), "the previous of {id} is not in its past");
    }
}

/// The stream in a file, admitted object by object.
fn stream(file: &Path) -> Stream {
    let objects = objects(file);
    let root = objects.values().find(|object| references(object, "stream").is_empty()).unwrap();
    let key = HashKey::from_bytes([1; 16]);
    let root = streams_core::Authenticator::new(key).authenticate(root.clone()).unwrap();
    let mut stream = Stream::open(root, key).unwrap();
    for object in objects.values() {
        stream.ingest(object.parts(), 0).unwrap();
    }
    stream
}

#[test]
fn the_tour_tells_its_story_and_never_the_same_twice() {
    let home = Home::new();
    let (first, second) = (home.streams("tour").expect(0), home.streams("tour").expect(0));
    assert_ne!(first, second);
    for said in ["Porto", "admitted, and 2 that waited", "not-authorized", "stray-map", "bad-signature", "redacted"] {
        assert!(first.contains(said), "{said}\n{first}");
    }
    let value = |name: &str| {
        let line = first.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.trim_start()
            .trim_start_matches(name)
            .split("  ")
            .map(str::trim)
            .find(|text| !text.is_empty())
            .unwrap()
            .to_owned()
    };
    assert_eq!(value("Alice's list"), value("Bob's list"));
    assert_eq!(value("Alice's order"), value("Bob's order"));
}

#[test]
fn a_history_becomes_a_stream_with_its_edges() {
    let home = Home::new();
    // Ada and Bob beside each other, a criss-cross, and a merge of it.
    let commits = [
        commit(ADA, &[]),
        commit(ADA, &[0]),
        commit(BOB, &[0]),
        commit(ADA, &[1, 2]),
        commit(BOB, &[2, 1]),
        commit(ADA, &[3, 4]),
        commit(BOB, &[5]),
    ];
    home.repository("notes", &commits);
    let report = home.streams("import git notes --json").json(0);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!([count("commits"), count("merges"), count("authors"), count("keys"), count("forks")], [7, 3, 2, 2, 0]);
    let file = home.path("notes.streams");
    assert_same_graph(&home, "notes", &file);
    let stream = stream(&file);
    assert!(stream.forks().is_empty() && stream.gaps().is_empty());
    assert_eq!((stream.len(), report["stream"].as_str().unwrap()), (8, &*stream.id().to_string()));

    // Again, and again from within: the same bytes. With another key: others.
    let bytes = fs::read(&file).unwrap();
    home.streams("import git notes").expect(0);
    home.streams("import git notes/.git --out again.streams").expect(0);
    home.streams("key new --out other.key").expect(0);
    home.streams("import git notes --key other.key --out other.streams").expect(0);
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(fs::read(home.path("again.streams")).unwrap(), bytes);
    assert_ne!(fs::read(home.path("other.streams")).unwrap(), bytes);
    home.streams("import git notes --out other.streams").expect_error("is not this stream");
}

#[test]
fn a_second_line_of_work_has_a_second_key() {
    let home = Home::new();
    // Ada on two branches at once, then on one: 0 ── 1 ── 3 ── 4, and 0 ── 2 ── 3.
    let commits = [commit(ADA, &[]), commit(ADA, &[0]), commit(ADA, &[0]), commit(ADA, &[1, 2]), commit(ADA, &[3])];
    home.repository("alone", &commits);
    let report = home.streams("import git alone --json").json(0);
    assert_eq!(
        (report["authors"].as_u64(), report["keys"].as_u64(), report["forks"].as_u64()),
        (Some(1), Some(2), Some(0))
    );
    assert_same_graph(&home, "alone", &home.path("alone.streams"));
    assert!(stream(&home.path("alone.streams")).forks().is_empty());
}

#[test]
fn octopuses_and_several_beginnings_keep_their_edges() {
    let home = Home::new();
    let mut commits: Vec<Commit<'_>> = (0..20).map(|_| commit(ADA, &[])).collect();
    for (at, commit) in commits.iter_mut().enumerate() {
        commit.message = [&b"one"[..], b"two", b"three"][at % 3];
    }
    let all: Vec<usize> = (0..20).collect();
    commits.push(commit(BOB, &all));
    home.repository("octopus", &commits);
    let report = home.streams("import git octopus --json").json(0);
    assert_eq!((report["commits"].as_u64(), report["joins"].as_u64()), (Some(21), Some(1)));
    assert_same_graph(&home, "octopus", &home.path("octopus.streams"));
    assert!(stream(&home.path("octopus.streams")).forks().is_empty());
}

#[test]
fn text_that_is_not_utf8_is_kept() {
    let home = Home::new();
    let who = b"Andr\xe9 <andr\xe9@example.org>";
    home.repository("latin", &[Commit { who, message: b"caf\xe9\x1b[2J\n", parents: &[] }]);
    home.streams("import git latin").expect(0);
    let log = home.streams("log latin.streams").expect(0);
    assert!(log.contains("Andr\u{fffd}") && log.contains("caf\u{fffd}\u{fffd}[2J"), "{log}");
    let stream = stream(&home.path("latin.streams"));
    let data = stream.entries().last().unwrap().authentic.object().data().unwrap();
    assert_eq!(data.value("message_raw"), Some(&Value::Bytes(b"caf\xe9\x1b[2J\n".into())));
    let Some(Value::Map(author)) = data.value("author") else { panic!("no author") };
    assert_eq!(author.value("name_raw"), Some(&Value::Bytes(b"Andr\xe9".into())));
    assert!(matches!(author.value("salt"), Some(Value::Bytes(salt)) if salt.len() == 16));
}

#[test]
fn a_shallow_clone_is_imported_as_far_as_it_goes() {
    let home = Home::new();
    home.repository("deep", &[commit(ADA, &[]), commit(ADA, &[0]), commit(BOB, &[1])]);
    home.git(b"", &format!("clone -q --depth 2 file://{} shallow", home.path("deep").display()));
    let report = home.streams("import git shallow --json").json(0);
    assert_eq!((report["commits"].as_u64(), report["cut"].as_u64()), (Some(2), Some(1)));
    assert_same_graph(&home, "shallow", &home.path("shallow.streams"));
}

#[test]
fn what_is_no_history_is_an_error() {
    let home = Home::new();
    home.git(b"", "init -q empty");
    fs::create_dir(home.path("folder")).unwrap();
    home.streams("import git empty").expect_error("no commit at its HEAD");
    home.streams("import git empty --all").expect_error("has no commits");
    home.streams("import git folder").expect_error("no git repository");
    home.streams("import git nowhere").expect_error("no git repository");
}

/// A home with a stream of three commits, of which the last two lie beside each other.
fn home_with_stream() -> Home {
    let home = Home::new();
    home.repository("notes", &[commit(ADA, &[]), commit(BOB, &[0]), commit(ADA, &[0]), commit(ADA, &[1, 2])]);
    home.streams("import git notes").expect(0);
    home
}

#[test]
fn the_log_lists_a_stream_in_its_order() {
    let home = home_with_stream();
    let order: Vec<String> = stream(&home.path("notes.streams")).order().map(|id| id.to_string()).collect();
    let log = home.streams("log notes.streams").expect(0);
    assert_eq!(log.lines().count(), 5);
    for (line, id) in log.lines().zip(&order) {
        assert!(id.starts_with(line.split(' ').next().unwrap()), "{line}");
    }
    assert!(log.contains("Ada") && log.contains("A subject") && !log.contains("A body"));
    let latest = home.streams("log notes.streams --reverse --limit 1").expect(0);
    assert_eq!(latest.lines().next(), log.lines().last());
    let json = home.streams("log notes.streams --json").expect(0);
    let ids = json.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["id"].as_str().unwrap().to_owned());
    assert_eq!(ids.collect::<Vec<_>>(), order);
}

#[test]
fn leaves_and_objects_are_shown() {
    let home = home_with_stream();
    let stream = stream(&home.path("notes.streams"));
    let leaf = stream.leaves()[0].to_string();
    assert!(home.streams("leaves notes.streams").expect(0).starts_with(&leaf));
    assert_eq!(home.streams("leaves notes.streams --json").json(0)["leaves"][0], *leaf);

    let shown = home.streams(&format!("show notes.streams {leaf}")).expect(0);
    for said in [&*leaf, "git/commit", "effective", "1970-01-01 00:16:43 UTC", "A body.", "ada@example.org"] {
        assert!(shown.contains(said), "{said}\n{shown}");
    }
    let short = format!("{}…{}", &leaf[..7], &leaf[55..]);
    for name in [&leaf[..16], &leaf[7..16], &*short] {
        assert_eq!(home.streams(&format!("show notes.streams {name}")).expect(0), shown);
    }
    home.streams("show notes.streams bafyr4i").expect_error("may be any of 5 objects");
    home.streams("show notes.streams zzz").expect_error("no object");

    let json = home.streams(&format!("show notes.streams {leaf} --json")).expect(0);
    assert_eq!(home.streams_with(json.as_bytes(), "id").expect(0).trim(), leaf);
    assert!(home.streams_with(json.as_bytes(), "check").expect(0).contains("sound"));
}

#[test]
fn every_order_of_arrival_gives_the_same() {
    let home = home_with_stream();
    let said = home.streams("replay notes.streams --shuffle 5 --seed 7").expect(0);
    assert!(said.contains("the same each time"), "{said}");
    let runs = home.streams("replay notes.streams --shuffle 5 --batch --json").expect(0);
    let runs: Vec<Json> = runs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let order = data_encoding::HEXLOWER.encode(&stream(&home.path("notes.streams")).order_digest());
    assert!(runs.len() == 5 && runs.iter().all(|run| run["order"] == *order && run["verified"] == true));
}

#[test]
fn a_file_that_is_cut_short_is_an_error() {
    let home = home_with_stream();
    let bytes = fs::read(home.path("notes.streams")).unwrap();
    fs::write(home.path("cut.streams"), &bytes[..bytes.len() - 1]).unwrap();
    home.streams("log cut.streams").expect_error("4 objects");
    fs::write(home.path("text.streams"), "text").unwrap();
    home.streams("log text.streams").expect_error("no stream file");
    home.streams("log nothing.streams").expect_error("cannot read");
}

#[test]
fn a_root_is_computed_as_by_everyone() {
    // The case "a hypothetical root" of streams-core/tests/vectors/identity.json.
    let home = Home::new();
    let author = "z6MkgUVAuupCTywVA628qqqSn199CH9eCQvvaaHxtWtNqmZi";
    let id = "bafyr4ih2ickzo4oym4b5z66u6f2yau6k5jgl6zhdea7kr4xg4hzwjg5ura";
    assert_eq!(home.streams(&format!("root example/profile.Created {author}")).expect(0).trim(), id);
    let json = home.streams(&format!("root example/profile.Created {author} --json")).json(0);
    assert_eq!(home.streams_with(json["object"].to_string().as_bytes(), "id").expect(0).trim(), id);
    home.streams("root example/profile.Created z6Mk").expect_error("z6Mk: not an author");
    home.streams(&format!("root streams/policy {author}")).expect_error("never that of a root");
}

/// A signed object of whatever is in a map.
fn signed(map: Map, key: &SigningKey) -> Object {
    let map = map.with("author", key.verifying_key().to_string().into()).unwrap();
    let id = Object::from_map(&map).unwrap().id();
    let signature = key.sign(Domain::Object, id.as_bytes());
    Object::from_map(&map.with("_signature", signature.to_vec().into()).unwrap()).unwrap()
}

#[test]
fn an_object_is_judged_alone() {
    let home = Home::new();
    let key = SigningKey::from_bytes([7; 32]);
    let nonce = || Map::new().with("nonce", vec![0; 16].into()).unwrap();
    let typed = |map: Map| map.with("type", "example.org/list".into()).unwrap();
    let root = signed(typed(nonce()), &key);
    let mut tampered = root.parts().to_vec();
    *tampered.iter_mut().rev().nth(1).unwrap() ^= 1; // the last byte of the signature
    let newer = signed(typed(nonce()).with("colour", "blue".into()).unwrap(), &key);
    let refused = signed(nonce(), &key);

    let check = |input: &[u8]| home.streams_with(input, "check --json");
    let judged = check(root.parts()).json(0);
    assert_eq!((&judged["fate"], &judged["id"]), (&"sound".into(), &root.id().to_string().into()));
    for (input, fate, code) in [
        (&tampered[..], "dropped", "bad-signature"),
        (&root.parts()[..40], "dropped", "truncated"),
        (br#"{"type:s": "a", "type:s": "b"}"#, "dropped", "key-repeated"),
        (newer.parts(), "newer", "newer-name"),
        (refused.parts(), "refused", "type"),
    ] {
        let judged = check(input).json(1);
        assert_eq!((&judged["fate"], &judged["code"]), (&fate.into(), &code.into()));
    }
    let told = home.streams_with(refused.parts(), "check").expect(1);
    assert!(told.contains("refused  type") && told.contains("1 to 256 of"), "{told}");
    home.streams("check").expect_error("there is nothing to read");
    home.streams_with(b"{", "id").expect_error("no object");
}

#[test]
fn an_object_is_judged_within_its_stream() {
    let home = Home::new();
    let [alice, mallory] = [[7; 32], [8; 32]].map(SigningKey::from_bytes);
    let everyone = [Rule::allow([Action::Append]).resources(["list.Added"]), Rule::deny().resources(["list.Denied"])];
    let root = Draft::root("list", [0; 16]).policies(everyone).sign(&alice).unwrap();
    let mut stream = Stream::open(root.clone(), HashKey::from_bytes([1; 16])).unwrap();
    fs::write(home.path("list.streams"), root.object().parts()).unwrap();
    let draft = |r#type: &str, stream: &Stream| stream.draft(r#type, &mallory.verifying_key()).sign(&mallory).unwrap();
    let (added, other) = (draft("list.Added", &stream), draft("list.Other", &stream));
    stream.by(&alice).append("list.Added", Map::new()).unwrap();
    let later = draft("list.Added", &stream);
    let Edges { stream: id, parents, .. } = stream.edges(&mallory.verifying_key());
    let edges = Edges { stream: id, parents, previous: None, generation: 9 };
    let wrong = Draft::event("list.Added", edges).sign(&mallory).unwrap();

    let check = |object: &streams_core::Authentic| {
        home.streams_with(object.object().parts(), "check --stream list.streams --json")
    };
    assert_eq!(check(&added).json(0)["fate"], "admitted");
    let judged = check(&other).json(1);
    assert_eq!((&judged["fate"], &judged["code"]), (&"refused".into(), &"not-authorized".into()));
    let judged = check(&later).json(1);
    assert_eq!((&judged["fate"], &judged["missing"][0]), (&"pending".into(), &stream.leaves()[0].to_string().into()));

    // With the parent in the file, what waited is admitted, and a wrong generation is refused.
    let all: Vec<u8> = stream.entries().flat_map(|entry| entry.authentic.object().parts().to_vec()).collect();
    fs::write(home.path("list.streams"), all).unwrap();
    assert_eq!(check(&later).json(0)["fate"], "admitted");
    assert_eq!(check(&wrong).json(1)["code"], "generation-wrong");

    // What a file holds beside the stream is told by the log.
    let bytes = [fs::read(home.path("list.streams")).unwrap(), other.object().parts().to_vec()].concat();
    fs::write(home.path("list.streams"), bytes).unwrap();
    let log = home.streams("log list.streams").expect(0);
    assert!(log.lines().last().unwrap().contains("refused: nothing in its past allows"), "{log}");
}

#[test]
fn what_is_denied_is_marked_void() {
    let home = Home::new();
    let [alice, bob] = [[7; 32], [8; 32]].map(SigningKey::from_bytes);
    let rules = [Rule::allow([Action::Append]), Rule::deny().authors(&[bob.verifying_key()])];
    let root = Draft::root("list", [0; 16]).policies(rules).sign(&alice).unwrap();
    let mut stream = Stream::open(root, HashKey::from_bytes([1; 16])).unwrap();
    let void = stream.by(&bob).append("list.Added", Map::new()).unwrap();
    let all: Vec<u8> = stream.entries().flat_map(|entry| entry.authentic.object().parts().to_vec()).collect();
    fs::write(home.path("list.streams"), all).unwrap();
    assert!(home.streams("log list.streams").expect(0).lines().last().unwrap().contains("void"));
    assert!(home.streams(&format!("show list.streams {}", void.id())).expect(0).contains("void: not replayed"));
}

#[test]
fn a_key_is_never_overwritten() {
    let home = Home::new();
    let author = home.streams("key new --out alice.key").expect(0);
    assert!(author.starts_with("z6Mk") && author.trim().len() == 48);
    assert_eq!(home.streams("key show alice.key").expect(0), author);
    let secret = fs::read(home.path("alice.key")).unwrap();
    home.streams("key new --out alice.key").expect_error("never overwritten");
    assert_eq!(fs::read(home.path("alice.key")).unwrap(), secret);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(home.path("alice.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    home.streams("key show").expect_error("streams key new");
    let usual = home.streams("key new --json").json(0);
    assert_eq!(home.streams("key show --json").json(0), usual);
    home.streams("key new").expect_error("never overwritten");
    fs::write(home.path("no.key"), "no key").unwrap();
    home.streams("key show no.key").expect_error("is no key file");
}

#[test]
fn the_vectors_pass_and_a_wrong_one_fails() {
    let home = Home::new();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../streams-core/tests/vectors");
    let said = home.streams(&format!("vectors {}", vectors.display())).expect(0);
    assert!(said.contains("pass"), "{said}");

    let wrong = r#"{"id": [{"name": "no id", "text": "bafy", "error": "id"}, {"name": "wrong", "text": "bafy", "expected": "00"}]}"#;
    fs::write(home.path("wrong.json"), wrong).unwrap();
    let said = home.streams("vectors wrong.json").expect(1);
    assert!(said.contains("\"wrong\"") && said.contains("1 of 2 cases in 1 file fail"), "{said}");
    assert_eq!(home.streams("vectors wrong.json --json").json(1)["passed"], 1);
    fs::write(home.path("wrong.json"), r#"{"about": "nothing"}"#).unwrap();
    home.streams("vectors wrong.json").expect(1);
    fs::write(home.path("wrong.json"), "{").unwrap();
    home.streams("vectors wrong.json").expect_error("no file of vectors");
}

/// The files of a story: Alice owns a list, lets Bob and Carol append, and removes Bob, who hears of it late.
struct Story {
    home: Home,
    bob: String,
    carol: String,
    /// What Bob wrote before his removal, and what he wrote beside it.
    milk: String,
    rice: String,
    /// The removal.
    removal: String,
}

impl Story {
    fn new() -> Self {
        let home = Home::new();
        let key = |name: &str| home.streams(&format!("key new --out {name}.key")).expect(0).trim().to_owned();
        let [_, bob, carol] = ["alice", "bob", "carol"].map(key);
        let id = |args: &str| home.streams(args).expect(0).trim().to_owned();
        id("new list --key alice.key --out list.streams");
        id(&format!("policy allow list.streams --key alice.key --author {bob} {carol}"));
        let milk = id("append list.streams list.Added --key bob.key --data {\"item:s\":\"milk\"}");
        fs::copy(home.path("list.streams"), home.path("bob.streams")).unwrap();
        let removal = id(&format!("policy deny list.streams --key alice.key --author {bob}"));
        fs::copy(home.path("list.streams"), home.path("alone.streams")).unwrap();
        let rice =
            id("append bob.streams list.Added --key bob.key --data {\"item:s\":\"rice\",\"by:m\":{\"who:s\":\"Bob\"}}");
        let story = Self { home, bob, carol, milk, rice, removal };
        story.meet("list.streams", "bob.streams");
        story
    }

    /// Puts what is in another file behind what is in a file.
    fn meet(&self, file: &str, other: &str) {
        let [file, other] = [file, other].map(|name| self.home.path(name));
        fs::write(&file, [fs::read(&file).unwrap(), fs::read(other).unwrap()].concat()).unwrap();
    }

    #[track_caller]
    fn run(&self, args: &str) -> String {
        self.home.streams(args).expect(0).trim().to_owned()
    }

    #[track_caller]
    fn why(&self, file: &str, id: &str) -> Json {
        self.home.streams(&format!("why {file} {id} --json")).json(0)
    }

    /// The lines of the log, as JSON, by id.
    fn log(&self, file: &str) -> BTreeMap<String, Json> {
        let log = self.home.streams(&format!("log {file} --json")).expect(0);
        let line = |line: &str| {
            let json: Json = serde_json::from_str(line).unwrap();
            (json["id"].as_str().unwrap().to_owned(), json)
        };
        log.lines().map(line).collect()
    }
}

#[test]
fn who_is_removed_keeps_what_was_seen_and_loses_what_was_beside() {
    let story = Story::new();
    let (milk, rice) = (story.why("list.streams", &story.milk), story.why("list.streams", &story.rice));
    assert_eq!((&milk["verdict"], &milk["set"]), (&"allowed".into(), &"known".into()));
    assert_eq!((&rice["verdict"], &rice["set"]), (&"denied".into(), &"beside".into()));
    assert_eq!((&rice["by"], &rice["rank"]), (&story.removal.as_str().into(), &0.into()));

    let told = story.run(&format!("why list.streams {}", story.rice));
    let first = told.lines().next().unwrap();
    let short = format!("{}…{}", &story.removal[..7], &story.removal[55..]);
    for said in
        ["void: ", "(owner) denied ", &story.bob[44..], " everything in ", &short, " UTC (as its author says), beside"]
    {
        assert!(first.contains(said), "{said}\n{first}");
    }
    let told = story.run(&format!("why list.streams {}", story.milk));
    assert!(
        told.lines().next().unwrap().contains("effective: rule 1 of ") && told.contains("append and read"),
        "{told}"
    );
    assert!(story.run(&format!("why list.streams {}", story.removal)).contains("an owner may do everything"));

    let log = story.run("log list.streams");
    assert!(log.lines().any(|line| line.contains("✗") && line.contains("void (denied beside it by")), "{log}");
    let log = story.log("list.streams");
    assert_eq!((&log[&story.rice]["verdict"], &log[&story.rice]["effective"]), (&"denied".into(), &false.into()));
    assert_eq!((&log[&story.milk]["verdict"], &log[&story.milk]["final"]), (&"allowed".into(), &false.into()));

    let rules = story.run("policy show list.streams");
    for said in ["lets everyone read", "append and read", "denies ", "rank 0: effective"] {
        assert!(rules.contains(said), "{said}\n{rules}");
    }
}

#[test]
fn all_that_is_written_tells_when() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let before = now();
    let story = Story::new();
    let times = before..=now();
    story.run("checkpoint list.streams --key alice.key");
    story.run(&format!("adopt list.streams {} --key alice.key", story.rice));
    story.run(&format!("redact list.streams {} by --for-all --key alice.key", story.rice));
    let withdrawn =
        story.home.streams(&format!("policy withdraw list.streams {} --key alice.key --json", story.removal));
    let all = before..=now();
    assert!(all.contains(&withdrawn.json(0)["timestamp"].as_u64().unwrap()));
    let log = story.log("list.streams");
    assert_eq!(log.len(), 9);
    for line in log.values() {
        assert!(all.contains(&line["timestamp"].as_u64().unwrap()), "{line}");
    }
    let rice = story.why("list.streams", &story.rice);
    for name in ["timestamp", "by_timestamp"] {
        assert!(times.contains(&rice[name].as_u64().unwrap()), "{rice}");
    }
    assert_eq!(rice["by_timestamp"], log[&story.removal]["timestamp"]);
    assert_eq!(story.run("policy show list.streams").matches(" UTC").count(), 4);
}

#[test]
fn a_withdrawal_restores_what_was_beside_it() {
    let story = Story::new();
    // Alice takes the removal back where she has not heard of the rice.
    let bob = &story.bob;
    fs::copy(story.home.path("alone.streams"), story.home.path("trial.streams")).unwrap();
    let withdrawal = story.run(&format!("policy withdraw trial.streams {} --key alice.key", &story.removal));

    let simulated = story.home.streams("simulate list.streams trial.streams --json").json(0);
    assert_eq!(simulated["taken"], serde_json::json!([withdrawal]));
    assert_eq!(
        (&simulated["changed"][0]["id"], &simulated["changed"][0]["effective"]),
        (&story.rice.as_str().into(), &true.into())
    );
    assert!(story.run("simulate list.streams trial.streams").contains("then effective"));
    assert_eq!(story.why("list.streams", &story.rice)["effective"], false, "nothing was changed");

    story.meet("list.streams", "trial.streams");
    assert_eq!(story.why("list.streams", &story.rice)["verdict"], "allowed");
    assert!(story.run("policy show list.streams").contains("rank 0: withdrawn"));
    story.run("append list.streams list.Added --key bob.key");

    // The other way round: a removal that Alice wrote beside Carol.
    fs::copy(story.home.path("list.streams"), story.home.path("carol.streams")).unwrap();
    let carols = story.run("append carol.streams list.Added --key carol.key");
    story.run(&format!("policy deny list.streams --key alice.key --author {} {bob}", story.carol));
    let simulated = story.home.streams("simulate carol.streams list.streams --json").json(0);
    assert_eq!(
        (&simulated["changed"][0]["id"], &simulated["changed"][0]["effective"]),
        (&carols.as_str().into(), &false.into())
    );
    assert!(story.run("simulate list.streams list.streams").contains("No verdict would change"));
}

#[test]
fn a_simulation_tells_what_it_could_not_take_in() {
    let story = Story::new();
    let list = stream(&story.home.path("alone.streams"));
    let stranger = SigningKey::from_bytes([9; 32]);
    let refused = list.draft("list.Added", &stranger.verifying_key()).sign(&stranger).unwrap();
    let mut parts = refused.object().parts().to_vec();
    *parts.iter_mut().rev().nth(1).unwrap() ^= 1; // the last byte of the signature
    let waits = list.edges(&stranger.verifying_key());
    let waits = Edges { parents: vec![story.rice.parse().unwrap()], generation: 9, ..waits };
    let waits = Draft::event("list.Added", waits).sign(&stranger).unwrap();
    let others = [refused.object().parts(), waits.object().parts()].map(|parts| parts.to_vec());
    fs::write(story.home.path("others.parts"), others.concat()).unwrap();
    fs::write(story.home.path("forged.parts"), parts).unwrap();

    let simulated = story.home.streams("simulate alone.streams others.parts --json").json(0);
    let told = |at: usize, name: &str| simulated["not_taken"][at][name].clone();
    assert_eq!([told(0, "fate"), told(0, "code")], ["refused", "not-authorized"]);
    assert_eq!((told(1, "fate"), told(1, "missing")), ("pending".into(), serde_json::json!([story.rice])));
    assert_eq!(simulated["taken"], serde_json::json!([]));
    let told = story.run("simulate alone.streams others.parts forged.parts bob.streams");
    for said in ["1 object would be taken in", "refused: nothing in its past allows", "refused: its generation"] {
        assert!(told.contains(said), "{said}\n{told}");
    }
    let told = story.run("simulate alone.streams forged.parts");
    assert!(told.contains("0 objects would be") && told.contains("dropped: "), "{told}");
}

#[test]
fn what_is_void_is_written_only_if_asked_and_may_be_adopted() {
    let story = Story::new();
    let append = "append list.streams list.Added --key bob.key";
    let before = fs::read(story.home.path("list.streams")).unwrap();
    let told = story.home.streams(append).expect(1);
    assert!(told.contains("not written  denied") && told.contains("had seen that"), "{told}");
    assert!(told.contains(&format!("streams policy withdraw list.streams {}", &story.removal[..15])), "{told}");
    assert_eq!(story.home.streams(&format!("{append} --json")).json(1)["code"], "denied");
    assert_eq!(fs::read(story.home.path("list.streams")).unwrap(), before);
    let late = story.run(&format!("{append} --anyway"));
    assert_eq!(story.why("list.streams", &late)["set"], "known");

    // Carol may append every type, and so she may adopt.
    let adopting = story.run(&format!("adopt list.streams {} --key carol.key", story.rice));
    assert_eq!(story.why("list.streams", &story.rice)["adopted_by"], *adopting);
    assert!(story.run(&format!("why list.streams {}", story.rice)).contains("; but "));
    assert!(story.run("log list.streams").contains("; adopted by "));
    story.home.streams(&format!("adopt list.streams {} --key alice.key", story.milk)).expect_error("is effective");

    // Whoever may write streams/adopt alone adopts nothing of another type.
    let dave = story.run("key new --out dave.key");
    story.run(&format!(
        "policy allow list.streams --key alice.key --author {dave} --type streams/adopt --action append"
    ));
    let told = story.home.streams(&format!("adopt list.streams {late} --key dave.key")).expect(1);
    assert!(told.contains("without force"), "{told}");
}

#[test]
fn a_checkpoint_makes_final() {
    let story = Story::new();
    let told = story.home.streams("checkpoint list.streams --key carol.key").expect(1);
    assert!(told.contains("not-authorized") && told.contains("The owner makes checkpoints"), "{told}");
    let written = story.home.streams("checkpoint list.streams --key alice.key --json").json(0);
    assert_eq!((&written["final"], &written["verdict"]), (&6.into(), &"force".into()));
    let later = story.run("append list.streams list.Added --key carol.key");
    let log = story.log("list.streams");
    assert_eq!((&log[&story.rice]["final"], &log[&story.rice]["epoch"]), (&true.into(), &1.into()));
    assert_eq!((&log[&later]["final"], &log[&later]["epoch"]), (&false.into(), &2.into()));
    assert!(story.run(&format!("why list.streams {}", written["id"].as_str().unwrap())).contains("is final"));
    let told = story.run("log list.streams");
    assert_eq!(told.lines().filter(|line| line.contains("■")).count(), 6, "{told}");
    assert!(story.run("policy show list.streams").contains("effective, final"));

    // Taking the removal back changes nothing that is final.
    story.run(&format!("policy withdraw alone.streams {} --key alice.key", story.removal));
    assert!(story.run("simulate list.streams alone.streams").contains("No verdict would change"));
}

#[test]
fn a_map_is_dropped_here_or_for_all() {
    let story = Story::new();
    fs::copy(story.home.path("list.streams"), story.home.path("other.streams")).unwrap();
    let redact = format!("redact list.streams {}", story.rice);
    story.home.streams(&format!("{redact} item")).expect_error("is no map");
    story.home.streams(&format!("{redact} colour")).expect_error("is not in the data");
    story.home.streams(&format!("{redact} by --key alice.key")).expect_error("for --for-all");
    story.run(&format!("{redact} by"));
    story.home.streams(&format!("{redact} by")).expect_error("redacted already");
    assert!(story.run(&format!("show list.streams {}", story.rice)).contains("redacted"));
    assert!(!fs::read(story.home.path("list.streams")).unwrap().windows(3).any(|bytes| bytes == b"Bob"));

    // Put together with a whole copy, the map is back; removed for all, it stays away.
    story.meet("list.streams", "other.streams");
    assert!(!story.run(&format!("show list.streams {}", story.rice)).contains("redacted"));
    let told = story.home.streams(&format!("{redact} by --for-all --key carol.key")).expect(1);
    assert!(told.contains("does not govern") && told.contains("--action govern"), "{told}");
    story.run(&format!("{redact} by --for-all --key alice.key"));
    story.meet("list.streams", "other.streams");
    assert!(story.run(&format!("show list.streams {}", story.rice)).contains("redacted"));
}

#[test]
fn the_graph_is_a_picture() {
    let story = Story::new();
    story.run("checkpoint list.streams --key alice.key");
    story.run("append list.streams list.Added --key carol.key");
    let drawn = story.home.streams("graph list.streams --svg list.svg --json").json(0);
    assert_eq!((&drawn["objects"], &drawn["lanes"]), (&7.into(), &3.into()));
    let picture = || fs::read_to_string(story.home.path("list.svg")).unwrap();
    let svg = picture();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    for tag in ["svg", "g", "title", "text"] {
        let opened = svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    assert_eq!(svg.matches("<g><title>").count(), 7);
    assert_eq!(svg.matches('<').count(), svg.matches('>').count());
    for said in ["void: denied beside it by", "checkpoint", ">final<", &story.bob[44..]] {
        assert!(svg.contains(said), "{said}\n{svg}");
    }
    // A picture may be drawn again, and what came before may be left out.
    story.run("graph list.streams --svg list.svg --last 3");
    assert_eq!(picture().matches("<g><title>").count(), 3);
}

#[test]
fn a_graph_is_drawn_as_far_as_an_eye_follows() {
    let home = Home::new();
    let alice = SigningKey::from_bytes([7; 32]);
    let root = Draft::root("list", [0; 16]).sign(&alice).unwrap();
    let mut stream = Stream::open(root, HashKey::from_bytes([1; 16])).unwrap();
    for _ in 0..2_000 {
        stream.by(&alice).append("list.Added", Map::new()).unwrap();
    }
    let all: Vec<u8> = stream.entries().flat_map(|entry| entry.authentic.object().parts().to_vec()).collect();
    fs::write(home.path("list.streams"), all).unwrap();
    for args in ["graph list.streams --svg list.svg", "graph list.streams --svg list.svg --last 3000"] {
        home.streams(args)
            .expect_error("2,001 objects are too many for a picture; draw the last of them with --last N");
        assert!(!home.path("list.svg").exists());
    }
    let drawn = home.streams("graph list.streams --svg list.svg --last 2000 --json").json(0);
    assert_eq!((&drawn["objects"], &drawn["lanes"]), (&2_000.into(), &1.into()));
}

#[test]
fn who_does_not_govern_is_told_what_to_do() {
    let story = Story::new();
    let (bob, carol) = (&story.bob, &story.carol);
    let told = story.home.streams(&format!("policy deny list.streams --key carol.key --author {bob}")).expect(1);
    assert!(told.contains("not written  not-authorized"), "{told}");
    let advice = told.lines().last().unwrap().trim().strip_prefix("The owner may let it: streams ").unwrap();
    story.run(&format!("{advice} --key alice.key"));
    story.run(&format!("policy deny list.streams --key carol.key --author {bob}"));
    let rules = story.run("policy show list.streams");
    assert!(
        rules.contains("rank 1: effective") && rules.contains(&format!("lets {}…{} govern", &carol[..4], &carol[44..]))
    );

    // A junior withdraws nothing of a senior.
    let told = story.home.streams(&format!("policy withdraw list.streams {} --key carol.key", story.removal)).expect(1);
    assert!(told.contains("without force") && told.contains("rank 1"), "{told}");
    story
        .home
        .streams(&format!("policy withdraw list.streams {} --key alice.key", story.rice))
        .expect_error("has no rules");
}

#[test]
fn what_cannot_be_meant_is_an_error() {
    let story = Story::new();
    for (args, words) in [
        ("why list.streams zzz", "no object of the stream has the id zzz"),
        ("policy withdraw list.streams zzz --key alice.key", "no object"),
        ("adopt list.streams zzz --key alice.key", "no object"),
        ("redact list.streams zzz by", "no object"),
        ("policy allow list.streams --key alice.key --action govern", "names its subjects"),
        ("policy allow list.streams --key alice.key --author z6Mk", "z6Mk: "),
        ("policy allow list.streams --key nobody.key", "streams key new"),
        ("append list.streams list.Added --key bob.key --data {", "the data cannot be read"),
        ("append list.streams streams/policy --key alice.key", "a command of its own"),
        ("new streams/policy --key alice.key --out other.streams", "cannot be the type of a stream"),
        ("new list --key alice.key --out list.streams", "never overwritten"),
        ("graph list.streams --svg list.streams", "is no picture"),
        ("graph list.streams --svg list.svg --last 0", "nothing to draw"),
        ("simulate list.streams alice.key", "no object"),
    ] {
        story.home.streams(args).expect_error(words);
    }
    assert_eq!(story.home.streams("policy allow list.streams --key alice.key --action dance").code, 2);

    // What is in the file and no part of the stream has its reason too.
    let key = SigningKey::from_bytes([9; 32]);
    let stranger =
        stream(&story.home.path("list.streams")).draft("list.Added", &key.verifying_key()).sign(&key).unwrap();
    let bytes = [fs::read(story.home.path("list.streams")).unwrap(), stranger.object().parts().to_vec()].concat();
    fs::write(story.home.path("list.streams"), bytes).unwrap();
    let told = story.run(&format!("why list.streams {}", stranger.id()));
    assert!(told.contains("refused: nothing in its past allows"), "{told}");
    story.run("append list.streams list.Added --key carol.key");
    assert!(story.run("log list.streams").contains("refused: "), "a file keeps what its stream did not take");
}

#[test]
fn every_command_has_help_with_examples() {
    let home = Home::new();
    for command in
        "import git,log,leaves,show,replay,id,check,root,key new,key show,vectors,new,append,why,simulate,checkpoint,adopt,\
         redact,graph,policy allow,policy deny,policy withdraw,policy show,\
         api serve,api get,api append,api ask,api asks,api invite,api remove"
            .split(',')
    {
        let help = home.streams(&format!("{command} --help")).expect(0);
        assert!(help.contains("Examples:") && help.contains("--json"), "{command}\n{help}");
    }
    assert!(home.streams("--help").expect(0).contains("Exit codes"));
    assert_eq!(home.streams("log").code, 2);
    assert_eq!(home.streams("dance").code, 2);
}

#[test]
fn nobody_sees_colours_where_there_is_no_terminal() {
    let home = home_with_stream();
    for args in ["tour", "log notes.streams", "leaves notes.streams", "replay notes.streams", "dance"] {
        let ran = home.streams(args);
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{args}\n{}\n{}", ran.out, ran.err);
    }
}
