//! Archives of what people do, as they meet them: one command from nothing, kills, secrets, what cannot be.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::stores::lines;
use super::*;

const CANARY: &str = "canary-9d0e6f1b7c";

impl Home {
    /// Runs `streams` with a vault under a passphrase, and gives it this input.
    fn with_vault(&self, input: &str, args: &str) -> Ran {
        let mut command = self.command(env!("CARGO_BIN_EXE_streams"));
        command.env("STREAMS_PASSPHRASE", "a passphrase").args(args.split_whitespace());
        run(command.args(["--vault", "vault.age"]), input.as_bytes())
    }

    fn files(&self, folder: &str, count: usize) {
        fs::create_dir_all(self.path(folder)).unwrap();
        for number in 0..count {
            fs::write(self.path(folder).join(format!("{number:04}.md")), format!("Note {number} of {folder}")).unwrap();
        }
    }

    /// All files below the home, with their paths there. Nobody may write there meanwhile.
    pub(super) fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn read(home: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(home, &path, files);
                } else {
                    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                    files.push((path.strip_prefix(home).unwrap().into(), bytes));
                }
            }
        }
        let mut files = Vec::new();
        read(self.0.path(), self.0.path(), &mut files);
        files
    }

    /// Whether a text is in any file below the home.
    fn has_anywhere(&self, text: &str) -> bool {
        self.everything().iter().any(|(_, bytes)| has(bytes, text))
    }
}

pub(super) fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn one_command_leads_from_nothing_to_an_archived_stream() {
    let home = Home::new();
    home.files("notes", 12);
    let create = "stream create notes --person ada --from notes --to attic --now --title Notes";
    let told = home.streams(create).expect(0);
    assert!(told.contains("12 new items") && told.contains("archived in"), "{told}");
    assert!(!home.packs("attic").is_empty());
    let found = home.streams("stream items notes --find NOTE --all").expect(0);
    assert_eq!(found.lines().count(), 12, "{found}");
    home.streams("stream items notes --find nothing-like-it").expect(1);
    // Again, nothing is new.
    let told = home.streams(create).expect(0);
    assert!(told.contains("was there already") && told.contains("0 new items"), "{told}");
    // All of it comes back from the copies alone.
    fs::remove_file(home.path(".local/share/streams/streams.db")).unwrap();
    home.streams("archive restore attic --store new.db").expect(0);
    let stats = home.streams("stats --store new.db --json").json(0);
    let stream = &stats["streams"][0];
    assert_eq!(stream["type"], "archive/stream/notes", "{stats}");
    home.streams("verify --store new.db").expect(0);
}

#[test]
fn what_differs_is_told_and_changed_by_its_own_command() {
    let home = Home::new();
    let person = home.streams("person create ada --name Ada --json").json(0);
    assert_eq!(person["outcome"], "created");
    assert_eq!(home.streams("person create ada --name Ada --json").json(0)["outcome"], "existing");
    let other = home.streams("org create ada --json").json(1);
    assert_eq!((&other["outcome"], &other["differences"][0]["have"]), (&"conflict".into(), &"person".into()));
    home.streams("stream create notes --owner ada --every 15m").expect(0);
    let told = home.streams("stream create notes --owner ada --every 1h").expect(1);
    assert!(told.contains("interval is 900000, not 3600000") && told.contains("Nothing was changed"), "{told}");
    home.streams("stream config notes --every 1h --budget 5").expect(0);
    home.streams("stream create notes --owner ada --every 1h").expect(0);
    let config = home.streams("stream config notes --clear budget --json").json(0);
    assert!(config["config"]["budget"].is_null() && config["config"]["interval"] == 3_600_000, "{config}");
    home.streams("stream create diary --owner ada --private").expect(0);
    let listed = lines(&home.streams("stream list --json").expect(0));
    let named: Vec<_> = listed.iter().map(|line| (line["slug"].as_str().unwrap(), &line["visibility"])).collect();
    assert_eq!(named, [("diary", &"private".into()), ("notes", &"public".into())]);
    let shown = home.streams("person show ada").expect(0);
    assert!(shown.contains("diary") && shown.contains("notes"), "{shown}");
    home.streams("stream fork notes notes-2 --reason again").expect(0);
    let fork = home.streams("stream show notes-2 --json").json(0);
    assert_eq!(fork["forked_from"], home.streams("stream show notes --json").json(0)["stream"]);
}

#[test]
fn what_cannot_be_is_told_with_what_to_do() {
    let home = Home::new();
    home.streams("stream list").expect_error("streams key new");
    home.streams("key new").expect(0);
    home.streams("stream create notes --owner ada").expect_error("streams person create ada");
    home.streams("stream create Notes --person ada").expect_usage("is no name");
    home.streams("person create ada").expect(0);
    home.streams("stream create notes --owner ada --from nowhere").expect_error("there is no folder nowhere");
    assert!(home.streams("stream show notes").err.contains("streams stream list"), "nothing was made");
    for secret in ["http:https://ada:x@example.org/", "feed:https://example.org/?token=x"] {
        home.streams(&format!("stream create notes --owner ada --from {secret}")).expect_error("streams vault add");
    }
    home.streams("stream create notes --owner ada").expect(0);
    home.streams("stream add notes webhook:ci").expect_error("streams vault add");
    home.streams("stream stop notes feed:http://example.org/").expect_error("streams stream show notes");
    home.streams("stream erase notes bafyr4ih2ick --hide").expect_error("streams stream items");
    home.streams("stream erase notes --forget-key").expect_error("is not sealed");
    home.streams("stream invite notes nobody").expect_usage("z6Mk");
    let closed = home.streams("vault list --vault vault.age");
    assert!(closed.code == 2 || closed.out.contains("nothing"), "{}{}", closed.out, closed.err);
    home.with_vault("x\n", "vault add one").expect(0);
    home.streams("vault list --vault vault.age").expect_error("STREAMS_PASSPHRASE");
    let mut wrong = home.command(env!("CARGO_BIN_EXE_streams"));
    wrong.env("STREAMS_PASSPHRASE", "another").args(["vault", "list", "--vault", "vault.age"]);
    run(&mut wrong, b"").expect_error("the passphrase does not open");
}

#[test]
fn a_source_that_goes_away_is_parked_and_comes_back_when_somebody_says_so() {
    let home = Home::new();
    home.files("notes", 2);
    home.streams("stream create notes --person ada --from notes --to attic --now --every 1s").expect(0);
    fs::rename(home.path("notes"), home.path("elsewhere")).unwrap();
    thread::sleep(Duration::from_millis(1200));
    let told = home.streams("archiver run --once").expect(1);
    assert!(told.contains("parked"), "{told}");
    let status = home.streams("archiver status --json").json(1);
    assert_eq!(status["sources"][0]["phase"]["is"], "parked", "{status}");
    fs::rename(home.path("elsewhere"), home.path("notes")).unwrap();
    home.files("notes", 3);
    home.streams("archiver run --once").expect(1);
    home.streams("stream retry notes notes").expect(0);
    let told = home.streams("archiver run --once").expect(0);
    assert!(told.contains("1 new item"), "{told}");
    assert!(home.streams("archiver status").expect(0).contains("fetched"));
}

#[cfg(unix)]
#[test]
fn killed_at_any_moment_it_loses_nothing_and_brings_nothing_twice() {
    let home = Home::new();
    home.files("one", 150);
    home.files("two", 150);
    home.streams("stream create one --person ada --from one --to attic --every 1s").expect(0);
    home.streams("stream create two --owner ada --from two --to attic --to cellar --every 1s").expect(0);
    let start = |again: bool| {
        let mut command = home.command(env!("CARGO_BIN_EXE_streams"));
        command.args(["archiver", "run", "--once"]).args(again.then_some("--again"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // A number that jumps about, and is the same each time.
    let mut dice = 12_345_u64;
    for _ in 0..25 {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = start(true);
        thread::sleep(Duration::from_millis(dice >> 33 & 0xff));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(start(true).wait().unwrap().success());
    let of = |stream: &str| {
        let items = lines(&home.streams(&format!("stream items {stream} --all --json")).expect(0));
        let sources: BTreeSet<String> = items.iter().map(|item| item["source"].as_str().unwrap().to_owned()).collect();
        (items.len(), sources.len())
    };
    assert_eq!((of("one"), of("two")), ((150, 150), (150, 150)));
    home.streams("verify").expect(0);
    assert!(home.contents("cellar").is_subset(&home.contents("attic")));
    home.streams("archive restore cellar --store new.db").expect(0);
    home.streams("archiver status").expect(0);
}

/// A source that answers each request so, in a thread, until so many were answered.
fn source(answers: usize, body: &'static str) -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = thread::spawn(move || {
        let mut asked = Vec::new();
        for _ in 0..answers {
            let (mut link, _) = listener.accept().unwrap();
            link.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let (mut request, mut piece) = (Vec::new(), [0; 4096]);
            while !request.windows(4).any(|four| four == b"\r\n\r\n") {
                let read = link.read(&mut piece).unwrap();
                assert!(read > 0);
                request.extend_from_slice(&piece[..read]);
            }
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            link.write_all(head.as_bytes()).unwrap();
            link.write_all(body.as_bytes()).unwrap();
            asked.push(String::from_utf8_lossy(&request).into_owned());
        }
        asked
    });
    (port, asked)
}

#[test]
fn a_canary_in_the_vault_is_found_nowhere() {
    let home = Home::new();
    let reference = home.with_vault(&format!("{CANARY}\n"), "vault add github").expect(0).trim().to_owned();
    let listed = home.with_vault("", "vault list").expect(0);
    assert!(listed.contains("github") && listed.contains(&reference) && !listed.contains(CANARY), "{listed}");
    let (port, asked) = source(1, r#"[{"id": "1", "type": "PushEvent"}]"#);
    home.streams("stream create work --person ada --to attic").expect(0);
    home.streams(&format!("stream add work http:http://127.0.0.1:{port}/events --credential {reference}")).expect(0);
    let ran = home.with_vault("", "archiver run --once --log json");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(asked.join().unwrap()[0].to_lowercase().contains(&format!("bearer {CANARY}")), "it was used");
    assert!(ran.err.contains("\"items\":1"), "{}", ran.err);
    assert!(!ran.err.contains(CANARY) && !ran.out.contains(CANARY));
    home.streams("export work --out work.streams").expect_error("no stream");
    let id = home.streams("stream show work --json").json(0)["stream"].as_str().unwrap().to_owned();
    home.streams(&format!("export {id} --out work.streams")).expect(0);
    home.streams("archive restore attic --store new.db").expect(0);
    assert!(home.has_anywhere(&reference), "what was searched is what was written");
    assert!(!home.has_anywhere(CANARY));
    assert!(home.with_vault("", &format!("vault forget {reference}")).code == 0);
}

#[test]
fn what_is_sealed_is_read_with_the_vault_and_by_nobody_without_its_key() {
    let home = Home::new();
    fs::create_dir(home.path("diary")).unwrap();
    fs::write(home.path("diary/today.md"), CANARY).unwrap();
    let made = home.with_vault("", "stream create diary --person ada --private --sealed --from diary --to attic --now");
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    fs::remove_dir_all(home.path("diary")).unwrap();
    assert!(!home.has_anywhere(CANARY) && !home.has_anywhere("today.md"));
    let item = home.with_vault("", "stream items diary --json").json(0);
    assert_eq!(item["text"], CANARY);
    home.streams("stream items diary").expect_error("");
    let edited = home.with_vault("", "stream write diary --title More --text more");
    assert_eq!(edited.code, 0, "{}", edited.err);
    assert_eq!(home.with_vault("", "stream items diary").expect(0).lines().count(), 2);
    let told = home.with_vault("", "stream erase diary --forget-key").expect(0);
    assert!(told.contains("destroyed") && told.contains("copies of the vault"), "{told}");
    home.with_vault("", "stream items diary").expect_error("not in the vault");
    home.streams("verify").expect(0);
}

#[test]
fn items_are_written_replaced_hidden_and_dropped() {
    let home = Home::new();
    home.streams("stream create notes --person ada --to attic").expect(0);
    let first = home.streams(&format!("stream write notes --title First --text {CANARY}")).expect(0).trim().to_owned();
    let second = home.streams(&format!("stream write notes --title Second --text b --replaces {first}")).expect(0);
    let items = lines(&home.streams("stream items notes --json").expect(0));
    assert_eq!((items.len(), &items[0]["replaces"]), (2, &first.as_str().into()));
    home.streams(&format!("stream erase notes {} --hide", second.trim())).expect(0);
    assert_eq!(lines(&home.streams("stream items notes --json").expect(0)).len(), 1);
    home.streams("archiver run --once").expect(0);
    let told = home.streams(&format!("stream erase notes {first} --drop --json")).expect(0);
    let at = |copy: &str| {
        let line = lines(&told).into_iter().find(|line| line["copy"].as_str().unwrap().starts_with(copy));
        line.unwrap_or_else(|| panic!("{copy}: {told}"))["what"].clone()
    };
    assert_eq!((at("this store"), at("peers"), at("folder:")), ("done".into(), "asked".into(), "cannot".into()));
    home.streams("stream items notes").expect(1);
    let database = fs::read(home.path(".local/share/streams/streams.db")).unwrap();
    assert!(!has(&database, CANARY));
}

/// A place that takes nothing away.
const STUBBORN: &str = r#"#!/bin/sh
mkdir -p rock
case $1 in
capabilities) echo '{"recovery": "repeat", "fetches": true, "public": false}' ;;
submit)
    cp "$2" "rock/$STREAMS_KEY.car"
    echo "{\"ticket\": \"$STREAMS_KEY\"}"
    ;;
status) echo '{"state": "active", "copies": [{"at": "the rock"}]}' ;;
fetch) cp "rock/$2.car" "$3"; echo '{}' ;;
*) echo '{"error": "unsupported"}'; exit 1 ;;
esac
"#;

#[cfg(unix)]
#[test]
fn what_is_released_is_in_no_file_of_a_folder_and_it_is_told_where_it_is_still() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    fs::write(home.path("stubborn.sh"), STUBBORN).unwrap();
    fs::set_permissions(home.path("stubborn.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let in_folder = |folder: &str, text: &str| {
        home.everything().iter().any(|(path, bytes)| path.starts_with(folder) && has(bytes, text))
    };
    home.streams("stream create notes --person ada --to attic --to command:./stubborn.sh").expect(0);
    let write = |title: &str, text: &str| {
        let id = home.streams(&format!("stream write notes --title {title} --text {text}")).expect(0).trim().to_owned();
        home.streams("archiver run --once").expect(0);
        id
    };
    let (other, more) = ("canary-of-another-item", "canary-that-stays");
    let (first, second) = (write("First", CANARY), write("Second", other));
    write("Third", more);
    for folder in ["attic", "rock"] {
        assert!(in_folder(folder, CANARY) && in_folder(folder, other) && in_folder(folder, more));
    }
    home.streams(&format!("stream erase notes {first} --hide --now")).expect_usage("--now");
    let at = |told: &str, copy: &str| {
        let line = lines(told).into_iter().find(|line| line["copy"].as_str().unwrap().starts_with(copy));
        let line = line.unwrap_or_else(|| panic!("{copy}: {told}"));
        (line["what"].as_str().unwrap().to_owned(), line["sentence"].as_str().unwrap().to_owned())
    };
    let told = home.streams(&format!("stream erase notes {first} --release --json")).expect(0);
    for (copy, what) in [("this store", "done"), ("peers", "asked"), ("folder:", "asked"), ("command:", "asked")] {
        assert_eq!(at(&told, copy).0, what, "{copy}: {told}");
    }
    assert!(in_folder("attic", CANARY), "nothing goes before there are other copies");
    home.streams("archiver run --once").expect(0);
    assert!(!in_folder("attic", CANARY) && in_folder("attic", other) && in_folder("attic", more));
    assert!(!in_folder(".local/share/streams/packs", CANARY), "nothing waits that holds it");
    assert!(in_folder("rock", CANARY));
    let told = home.streams(&format!("stream erase notes {first} --release --json")).expect(0);
    assert_eq!(at(&told, "folder:").0, "done");
    let (what, sentence) = at(&told, "command:");
    assert!(what == "cannot" && sentence.contains("nothing is taken away there"), "{sentence}");
    // What is left is what was, and then there is peace.
    let packs = home.packs("attic");
    home.streams("archiver run --once").expect(0);
    assert_eq!(home.packs("attic"), packs);
    home.streams("archiver status").expect(0);
    home.streams("archive restore attic --store new.db").expect(0);
    let here = lines(&home.streams("verify --json").expect(0));
    let order = home.verified("new.db");
    assert!(here.iter().any(|stream| stream["order"] == order.as_str()), "{order} in {here:?}");
    // All at once.
    let told = home.streams(&format!("stream erase notes {second} --release --now")).expect(0);
    assert!(told.contains("is not there any more") && told.contains("is not released"), "{told}");
    assert!(!in_folder("attic", other) && in_folder("attic", more) && in_folder("rock", other));
    assert_eq!(lines(&home.streams("stream items notes --json").expect(0)).len(), 1);
}

#[test]
fn a_service_tells_how_it_stands() {
    let home = Home::new();
    home.files("notes", 3);
    home.streams("stream create notes --person ada --from notes --to attic").expect(0);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = home.command(env!("CARGO_BIN_EXE_streams"));
    command.args(["archiver", "run", "--listen", &format!("127.0.0.1:{port}")]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let ask = |path: &str| -> Option<String> {
        let mut link = TcpStream::connect(("127.0.0.1", port)).ok()?;
        link.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        link.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        link.read_to_string(&mut answer).ok()?;
        Some(answer)
    };
    let begun = Instant::now();
    let until = |path: &str, words: &str| loop {
        let answer = ask(path).unwrap_or_default();
        if answer.contains(words) {
            break answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{path}: {answer}");
        thread::sleep(Duration::from_millis(20));
    };
    until("/metrics", "streams_archive_items_total 3");
    until("/metrics", "streams_archive_lacking_copies{owner=\"ada\",slug=\"notes\"} 0");
    let status = until("/status", "\"kept\":");
    assert!(status.contains("\"appended\":3"), "{status}");
    // What is added meanwhile joins by itself.
    home.files("more", 2);
    home.streams("stream add notes more").expect(0);
    until("/metrics", "streams_archive_items_total 5");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_is_invited_and_removed() {
    let home = Home::new();
    home.streams("stream create notes --person ada --private").expect(0);
    home.streams("key new --out bob.key").expect(0);
    let bob = home.streams("key show bob.key").expect(0).trim().to_owned();
    home.streams(&format!("stream invite notes {bob} --write")).expect(0);
    home.streams(&format!("stream remove notes {bob}")).expect(0);
    let again = home.streams(&format!("stream invite notes {bob} --json")).json(0);
    assert_eq!(again["written"].as_array().unwrap().len(), 2, "the removal is taken back: {again}");
    home.streams("stream config notes --public").expect(0);
    home.streams("stream config notes --private").expect(0);
}
