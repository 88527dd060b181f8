//! The command line on stores: imports that are killed, importers at once, damage, readers that go on.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::*;

impl Home {
    /// A repository of so many commits of five authors, with a merge now and then.
    pub(super) fn history(&self, name: &str, commits: usize) {
        let parents: Vec<Vec<usize>> = (0..commits)
            .map(|at| match at {
                0 => vec![],
                at if at % 9 == 0 => vec![at - 1, at - 3],
                at if at % 9 == 7 => vec![at - 2],
                at => vec![at - 1],
            })
            .collect();
        let who: Vec<String> = (0..5).map(|number| format!("A{number} <a{number}@example.org>")).collect();
        let message: Vec<String> = (0..commits).map(|at| format!("Change {at}\n")).collect();
        let commits: Vec<Commit<'_>> = (0..commits)
            .map(|at| Commit { who: who[at % 5].as_bytes(), message: message[at].as_bytes(), parents: &parents[at] })
            .collect();
        self.repository(name, &commits);
    }

    pub(super) fn spawn(&self, args: &str) -> Child {
        let mut command = self.command(env!("CARGO_BIN_EXE_streams"));
        command.args(args.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The number of objects in a store, as far as there is one.
    pub(super) fn count(&self, store: &str) -> u64 {
        let connection = Connection::open_with_flags(self.path(store), OpenFlags::SQLITE_OPEN_READ_ONLY);
        let count = "SELECT coalesce(sum(objects), 0) FROM streams";
        connection.and_then(|connection| connection.query_row(count, [], |row| row.get(0))).unwrap_or(0)
    }

    /// The digest of the order, of a store that is clean.
    #[track_caller]
    pub(super) fn verified(&self, store: &str) -> String {
        let report = self.streams(&format!("verify --store {store} --json")).json(0);
        report["order"].as_str().unwrap().to_owned()
    }
}

pub(super) fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_import_into_a_store_is_the_import_into_a_file() {
    let home = Home::new();
    home.history("notes", 1200);
    let file = home.streams("import git notes --json").json(0);
    let once = home.streams("import git notes --store a.db --json").json(0);
    let again = home.streams("import git notes --store a.db --json").json(0);
    for name in ["stream", "order", "commits", "merges", "keys", "forks"] {
        assert_eq!((&file[name], &file[name]), (&once[name], &again[name]), "{name}");
    }
    assert_eq!((once["new"].as_u64(), again["new"].as_u64()), (Some(1200), Some(0)));
    assert_eq!(home.verified("a.db"), file["order"].as_str().unwrap());

    home.streams("export --store a.db --out out.streams").expect(0);
    assert_eq!(fs::read(home.path("out.streams")).unwrap(), fs::read(home.path("notes.streams")).unwrap());
    home.streams("export --store a.db --out out.streams").expect_error("exists");
    home.streams("import file notes.streams --store b.db").expect(0);
    assert_eq!(home.verified("b.db"), file["order"].as_str().unwrap());

    for options in ["", "--reverse", "--reverse --limit 7", "--limit 1100"] {
        let log = home.streams(&format!("log notes.streams {options}")).expect(0);
        assert_eq!(home.streams(&format!("log --store a.db {options}")).expect(0), log);
        let mut log = lines(&home.streams(&format!("log notes.streams {options} --json")).expect(0));
        log.iter_mut().for_each(|line| {
            line.as_object_mut().unwrap().retain(|name, _| name != "verdict" && name != "reason");
        });
        assert_eq!(lines(&home.streams(&format!("log --store a.db {options} --json")).expect(0)), log);
    }
    let id = file["stream"].as_str().unwrap();
    for stream in [id, &id[..15], &id[7..15], &format!("{}…{}", &id[..9], &id[55..])] {
        for command in ["leaves", "policy show"] {
            let from_file = home.streams(&format!("{command} notes.streams")).expect(0);
            assert_eq!(home.streams(&format!("{command} {stream} --store a.db")).expect(0), from_file);
        }
    }
    let show = home.streams(&format!("show notes.streams {id}")).expect(0);
    assert_eq!(home.streams(&format!("show {id} --store a.db")).expect(0), show);
    assert_eq!(home.streams(&format!("show {id} {id} --store a.db")).expect(0), show);
}

#[test]
fn an_import_that_is_killed_goes_on() {
    let home = Home::new();
    home.history("notes", 3000);
    let whole = home.streams("import git notes --json").json(0);
    let (mut kills, mut before) = (0, 0);
    loop {
        let mut import = home.spawn("import git notes --store a.db");
        // In the middle, between what was durable before and the end; now and then at any moment.
        if kills % 3 == 2 {
            thread::sleep(Duration::from_millis(15 * kills));
        } else {
            while home.count("a.db") <= before && import.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
        }
        import.kill().unwrap();
        if import.wait().unwrap().success() {
            break;
        }
        kills += 1;
        let count = home.count("a.db");
        assert!(count >= before);
        before = count;
        if count > 0 {
            home.verified("a.db");
        }
    }
    assert!(kills >= 3, "{kills}");
    assert_eq!(home.verified("a.db"), whole["order"].as_str().unwrap());
    let report = home.streams("import git notes --store a.db --json").json(0);
    assert_eq!((report["new"].as_u64(), &report["keys"]), (Some(0), &whole["keys"]));
}

#[test]
fn two_importers_at_once_end_the_same() {
    let home = Home::new();
    home.history("notes", 2500);
    let order = home.streams("import git notes --json").json(0)["order"].clone();
    let mut importers = [0; 2].map(|_| home.spawn("import git notes --store a.db --json"));
    // What is written meanwhile is not taken for damage.
    while importers.iter_mut().any(|importer| importer.try_wait().unwrap().is_none()) {
        let verified = home.streams("verify --store a.db");
        assert_ne!(verified.code, 1, "{}", verified.out);
    }
    for importer in importers {
        let output = importer.wait_with_output().unwrap();
        assert!(output.status.success());
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["order"], report["forks"].as_u64()), (&order, Some(0)));
    }
    assert_eq!((home.verified("a.db"), home.count("a.db")), (order.as_str().unwrap().to_owned(), 2501));
}

#[test]
fn later_commits_go_on_from_those_that_are_there() {
    let home = Home::new();
    // Ada works on; beside, and lower, stands what Ada wrote elsewhere, and what is merged later.
    let early = [commit(ADA, &[]), commit(ADA, &[0]), commit(ADA, &[1]), commit(ADA, &[2])];
    let mut late: Vec<Commit<'_>> = early.iter().map(|old| commit(old.who, old.parents)).collect();
    late.extend([commit(ADA, &[0]), commit(BOB, &[4]), commit(ADA, &[3, 5])]);
    home.repository("notes", &early);
    home.streams("import git notes --store a.db").expect(0);
    let there: BTreeSet<String> =
        lines(&home.streams("log --store a.db --json").expect(0)).iter().map(|line| line["id"].to_string()).collect();
    fs::remove_dir_all(home.path("notes")).unwrap();
    home.repository("notes", &late);
    let report = home.streams("import git notes --store a.db --json").json(0);
    let count = |name: &str| report[name].as_u64().unwrap();
    assert_eq!([count("commits"), count("new"), count("keys"), count("forks")], [7, 3, 3, 0]);
    let now = lines(&home.streams("log --store a.db --json").expect(0));
    let now: BTreeSet<String> = now.iter().map(|line| line["id"].to_string()).collect();
    assert!(now.is_superset(&there) && now.len() == 8);
    home.streams("export --store a.db --out a.streams").expect(0);
    assert_same_graph(&home, "notes", &home.path("a.streams"));

    // History that was rewritten: what is not continued any more keeps its key.
    let mut other = vec![commit(ADA, &[]), commit(ADA, &[0])];
    other[1].message = b"Another\n";
    fs::remove_dir_all(home.path("notes")).unwrap();
    home.repository("notes", &other);
    let report = home.streams("import git notes --store a.db --json").json(0);
    assert_eq!((report["new"].as_u64(), report["forks"].as_u64()), (Some(1), Some(0)));
    home.verified("a.db");
}

#[test]
fn verdicts_and_finality_are_told_from_the_store() {
    let home = Home::new();
    home.streams("key new --out bob.key").expect(0);
    home.streams("key new").expect(0);
    home.streams("new example.org/list --out list.streams --open").expect(0);
    home.streams("append list.streams example.org/list.Added --data {\"item:s\":\"milk\"}").expect(0);
    home.streams("checkpoint list.streams").expect(0);
    let bob = home.streams("key show bob.key").expect(0);
    fs::copy(home.path("list.streams"), home.path("beside.streams")).unwrap();
    home.streams("append beside.streams example.org/list.Added --key bob.key --data {\"item:s\":\"rice\"}").expect(0);
    home.streams(&format!("policy deny list.streams --author {bob} --action append")).expect(0);
    for file in ["list.streams", "beside.streams"] {
        home.streams(&format!("import file {file} --store")).expect(0);
    }
    let both = [fs::read(home.path("list.streams")).unwrap(), fs::read(home.path("beside.streams")).unwrap()].concat();
    fs::write(home.path("both.streams"), both).unwrap();
    let (file, store) = (home.streams("log both.streams").expect(0), home.streams("log --store").expect(0));
    assert_ne!(file, store);
    let reason = |line: &str| match (line.find("void ("), line.find(") ")) {
        (Some(begin), Some(end)) => format!("{}{}\n", &line[..begin + 5], &line[end + 2..]),
        _ => format!("{line}\n"),
    };
    assert_eq!(file.lines().map(reason).collect::<String>(), store);
    assert!(store.contains("✗") && store.contains("■✓"), "{store}");
    let stats = home.streams("stats --json").json(0);
    assert_eq!((stats["finals"].as_u64(), stats["objects"].as_u64()), (Some(3), Some(5)));
    let void = lines(&home.streams("log --store --json").expect(0)).into_iter().find(|line| line["effective"] == false);
    let void = void.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(
        home.streams(&format!("why {void} --store")).expect(0),
        home.streams(&format!("why both.streams {void}")).expect(0)
    );
    let events = lines(&home.streams("watch --until-caught-up --json").expect(0));
    assert!(events.iter().any(|event| event["event"] == "finalized" && event["upto"] == 3));
    assert!(home.path(".local/share/streams/streams.db").exists());
}

#[test]
fn files_are_taken_in_whatever_their_order() {
    let home = Home::new();
    home.history("notes", 700);
    let order = home.streams("import git notes --json").json(0)["order"].clone();
    let file = home.path("notes.streams");
    let bytes = fs::read(&file).unwrap();
    let (mut rest, mut parts) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let (one, behind) = rest.split_at(parts_len(rest).unwrap());
        parts.push(one);
        rest = behind;
    }
    parts[1..].reverse();
    fs::write(&file, parts.concat()).unwrap();
    let report = home.streams("import file notes.streams --store a.db --json").json(0);
    assert_eq!([&report["new"], &report["waiting"]], [701, 0]);
    assert_eq!(home.verified("a.db"), order.as_str().unwrap());

    // Without the first commit, nothing has what it stands on; with a flipped bit, one object is another.
    let first = parts.pop().unwrap().to_vec();
    fs::write(&file, parts.concat()).unwrap();
    let report = home.streams("import file notes.streams --store b.db --json").json(1);
    assert_eq!([&report["new"], &report["waiting"]], [1, 699]);
    let mut flipped = first.clone();
    flipped[first.len() / 2] ^= 1;
    fs::write(&file, [parts[0], &flipped].concat()).unwrap();
    let report = home.streams("import file notes.streams --store b.db --json").json(1);
    assert_eq!(report["rejected"].as_array().unwrap().len(), 1);
    fs::write(&file, [parts.concat(), first].concat()).unwrap();
    home.streams("import file notes.streams --store b.db").expect(0);
    assert_eq!(home.verified("b.db"), order.as_str().unwrap());
}

#[test]
fn damage_is_named() {
    let home = Home::new();
    home.history("notes", 150);
    home.streams("import git notes --store a.db").expect(0);
    let connection = Connection::open(home.path("a.db")).unwrap();
    let (id, parts): ([u8; 32], Vec<u8>) = connection
        .query_row("SELECT id, parts FROM objects WHERE sequence = 80", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let id = ObjectId::from_bytes(id).to_string();
    for at in [1, parts.len() / 2, parts.len() - 1] {
        let mut flipped = parts.clone();
        flipped[at] ^= 4;
        connection.execute("UPDATE objects SET parts = ? WHERE sequence = 80", [&flipped]).unwrap();
        let told = home.streams("verify --store a.db").expect(1);
        let first = told.lines().find(|line| line.starts_with("  bafyr4i")).unwrap();
        assert!(first.contains(&id) && told.contains("a.db is damaged"), "{told}");
        let report = home.streams("verify --store a.db --json").json(1);
        assert_eq!((&report["clean"], report["faults"][0]["id"].as_str()), (&false.into(), Some(&*id)));
    }
    connection.execute("UPDATE objects SET parts = ? WHERE sequence = 80", [&parts]).unwrap();
    home.verified("a.db");
    for change in [
        "UPDATE objects SET effective = 0 WHERE sequence = 80",
        "UPDATE objects SET epoch = 2 WHERE sequence = 80",
        "UPDATE objects SET type = 1 WHERE sequence = 80",
        "UPDATE objects SET author = 1 WHERE sequence = 80",
        "UPDATE objects SET generation = 'x' WHERE sequence = 80",
        "UPDATE streams SET objects = 7",
        "DELETE FROM leaves",
        "DELETE FROM objects WHERE sequence = 80",
    ] {
        fs::copy(home.path("a.db"), home.path("b.db")).unwrap();
        Connection::open(home.path("b.db")).unwrap().execute(change, []).unwrap();
        home.streams("verify --store b.db").expect(1);
    }
}

#[test]
fn what_verify_calls_clean_reads_as_it_was_written() {
    let home = Home::new();
    home.history("notes", 120);
    home.streams("import git notes --store a.db").expect(0);
    let log = home.streams("log --store a.db --json").expect(0);
    let events = home.streams("watch --store a.db --until-caught-up --json").expect(0);
    let whole = fs::read(home.path("a.db")).unwrap();
    let mut dice = 1_u64;
    let mut roll = |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % sides
    };
    let mut noticed = 0;
    for number in 0..60 {
        let (at, bit) = (roll(whole.len()), roll(8));
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        fs::write(home.path("b.db"), &flipped).unwrap();
        let verified = home.streams("verify --store b.db");
        // What names the file as one of ours is not damage, but another kind of file.
        match verified.code {
            0 => {
                assert_eq!(home.streams("log --store b.db --json").expect(0), log, "flip {number}");
                let events_now = home.streams("watch --store b.db --until-caught-up --json").expect(0);
                assert_eq!(events_now, events, "flip {number}");
            }
            1 => noticed += 1,
            code => assert!(code == 2 && at < 100, "flip {number} at {at}\n{}", verified.err),
        }
        for file in ["b.db", "b.db-wal", "b.db-shm"] {
            let _ = fs::remove_file(home.path(file));
        }
    }
    assert!(noticed > 20, "{noticed}");
}

#[test]
fn a_watch_goes_on_where_it_was_killed() {
    let home = Home::new();
    home.history("first", 40);
    home.history("second", 1500);
    home.streams("import git first --store a.db").expect(0);
    let mut seen = BTreeSet::new();
    let mut told = 0;
    let mut watch = home.spawn("watch --store a.db --name mirror --json");
    let mut import = home.spawn("import git second --store a.db");
    for line in BufReader::new(watch.stdout.take().unwrap()).lines().take(700) {
        let event: Json = serde_json::from_str(&line.unwrap()).unwrap();
        seen.extend(event["id"].as_str().map(str::to_owned));
        told += 1;
    }
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert!(import.wait().unwrap().success());
    assert_eq!((told, seen.len()), (700, 699));
    let rest = lines(&home.streams("watch --store a.db --name mirror --until-caught-up --json").expect(0));
    // What was on its way when it was killed is not told again, or at most once.
    assert!(rest.len() <= 1542 - 699 + 2 * 256 + 1, "{}", rest.len());
    assert!(rest.iter().all(|event| event["event"] != "reset"));
    seen.extend(rest.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)));
    let all = lines(&home.streams("watch --store a.db --until-caught-up --json").expect(0));
    let all: Vec<&str> = all.iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!((all.len(), seen), (1542, all.iter().map(|id| (*id).to_owned()).collect()));

    let again = lines(&home.streams("watch --store a.db --name mirror --until-caught-up --json").expect(0));
    assert_eq!(again.len(), 1);
    let cursor = rest[10]["cursor"].as_str().unwrap();
    let since =
        lines(&home.streams(&format!("watch --store a.db --since {cursor} --until-caught-up --json")).expect(0));
    assert_eq!(since.len(), rest.len() - 11);
    let other = home.streams("watch --store a.db --name mirror --type git/repository --until-caught-up").expect(0);
    assert!(other.starts_with("! ") && other.lines().count() == 4, "{other}");
    home.streams("watch --store a.db --since 00 --until-caught-up").expect_usage("112 hexadecimal digits");
}

#[test]
fn a_store_that_is_none_says_so() {
    let home = Home::new();
    home.history("notes", 3);
    home.streams("import git notes --store a.db").expect(0);
    home.streams("import git notes").expect(0);
    home.streams("import file notes.streams --store b.db").expect(0);
    let key = home.streams("key new --out other.key --json").expect(0);
    assert!(!key.is_empty());
    home.streams("import git notes --key other.key --store b.db").expect(0);
    let set = |file: &str, text: &str| Connection::open(home.path(file)).unwrap().execute_batch(text).unwrap();
    set("foreign.db", "CREATE TABLE cats (name)");
    fs::copy(home.path("a.db"), home.path("newer.db")).unwrap();
    set("newer.db", "PRAGMA user_version = 99");
    fs::create_dir(home.path("folder")).unwrap();
    for (args, error) in [
        ("stats", "there is no store"),
        ("log --store none.db", "there is no store none.db"),
        ("log", "name a stream file, or a store"),
        ("log --store bafyr4ih2ick", "put it before --store"),
        ("stats --store folder", "is a folder"),
        ("verify --store foreign.db", "database of something else"),
        ("import git notes --store foreign.db", "database of something else"),
        ("verify --store newer.db", "version 99"),
        ("log --store notes.streams", "no SQLite database"),
        ("log --store b.db", "2 streams"),
        ("log zzz --store b.db", "no stream zzz"),
        ("log bafyr4i --store b.db", "may be any of 2 streams"),
        ("compact --store none.db", "there is no store"),
        ("compact --store postgres://ada:secret@localhost/streams", "PostgreSQL"),
    ] {
        let ran = home.streams(args);
        assert!(!ran.err.contains("secret"));
        ran.expect_error(error);
    }
    assert!(!home.path("none.db").exists());
    home.streams("import git notes --store a.db --out b.streams").expect_usage("cannot be used with");
    assert!(home.streams("verify --store notes.streams").expect(1).contains("no SQLite database"));
    home.streams("compact --store a.db").expect(0);
    home.verified("a.db");
}
