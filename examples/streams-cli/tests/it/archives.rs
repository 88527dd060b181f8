//! The command line on archives: there and back, chains, damage, folders of everything.

use super::stores::lines;
use super::*;

/// The files in a folder whose names end so, by their names.
fn files(home: &Home, folder: &str, end: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(home.path(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(end));
    files.sort();
    files
}

#[test]
fn a_stream_goes_into_an_archive_and_comes_back() {
    let home = Home::new();
    home.history("notes", 3000);
    home.streams("import git notes --store a.db").expect(0);
    let order = home.verified("a.db");
    let made = home.streams("archive create --store a.db --out notes.car --json").json(0);
    assert_eq!((made["order"].as_str(), made["objects"].as_u64()), (Some(&*order), Some(3001)));
    assert_eq!(made["bytes"].as_u64(), Some(fs::metadata(home.path("notes.car")).unwrap().len()));

    let verified = home.streams("archive verify notes.car --json").json(0);
    for name in ["stream", "manifest", "objects", "order", "frontier"] {
        assert_eq!(verified[name], made[name], "{name}");
    }
    fs::remove_file(home.path("a.db")).unwrap();
    let restored = home.streams("archive restore notes.car --store b.db --json").json(0);
    assert_eq!((restored["order"].as_str(), restored["new"].as_u64()), (Some(&*order), Some(3001)));
    assert_eq!(home.verified("b.db"), order);
    // What is there stays, and equal streams give equal files.
    let again = home.streams("archive restore notes.car --store b.db --json").json(0);
    assert_eq!((again["new"].as_u64(), again["known"].as_u64()), (Some(0), Some(3001)));
    home.streams("archive create --store b.db --out again.car").expect(0);
    assert_eq!(fs::read(home.path("again.car")).unwrap(), fs::read(home.path("notes.car")).unwrap());
    assert_eq!(fs::read(home.path("again.car.index")).unwrap(), fs::read(home.path("notes.car.index")).unwrap());
    home.streams("archive create --store b.db --out again.car").expect_error("exists");
    home.streams("archive create --store c.db --out c.car").expect_error("there is no store");
    home.streams("archive verify b.db").expect_error("there is no archive here");

    // A page is that of the log.
    let log = lines(&home.streams("log --store b.db --json").expect(0));
    let page = lines(&home.streams("archive show notes.car --from 1000 --limit 50 --json").expect(0));
    let ids = |lines: &[Json]| lines.iter().map(|line| line["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&page), ids(&log[1000..1050]));
    let text = home.streams("archive show notes.car --from 2999 --limit 50").expect(0);
    assert_eq!(text.lines().count(), 2);
    let shown = home.streams("archive show notes.car").expect(0);
    assert!(shown.contains("3,001") && shown.contains(&order), "{shown}");
}

#[test]
fn later_archives_hold_what_is_new() {
    let home = Home::new();
    home.history("notes", 400);
    let (mut made, mut manifests) = (0, Vec::new());
    for commits in [100, 250, 250, 400] {
        home.git(b"", &format!("-C notes update-ref refs/heads/main refs/heads/c{}", commits - 1));
        home.git(b"", "-C notes checkout -q main");
        home.streams("import git notes --store a.db").expect(0);
        let after = if made > 0 { "--after archives/" } else { "" };
        let report = home.streams(&format!("archive create --store a.db --out archives/ {after} --json")).json(0);
        made += report["objects"].as_u64().unwrap();
        if !report["manifest"].is_null() {
            assert_eq!(report["previous"], manifests.last().cloned().unwrap_or(Json::Null));
            manifests.push(report["manifest"].clone());
        }
    }
    let order = home.verified("a.db");
    assert_eq!((made, manifests.len()), (home.count("a.db"), 3));
    assert_eq!(lines(&home.streams("archive verify archives/ --json").expect(0)).len(), 3);
    assert_eq!(home.streams("archive list archives").expect(0).lines().count(), 3);

    // In any order, twice, among other files.
    fs::write(home.path("archives/notes.txt"), "not an archive").unwrap();
    let [first, second, third] = &files(&home, "archives", ".car")[..] else { panic!("three archives") };
    let names: Vec<_> = [third, first, second, first].iter().map(|path| path.display().to_string()).collect();
    home.streams(&format!("archive restore {} --store b.db", names.join(" "))).expect(0);
    let told = home.streams("archive restore archives --store c.db").expect(0);
    assert!(told.contains("notes.txt is no archive"), "{told}");
    assert_eq!((home.verified("b.db"), home.verified("c.db")), (order.clone(), order));

    // Without the second: what it held is missing, and is named.
    let gone = fs::read(files(&home, "archives", ".car").iter().find(|path| *path == second).unwrap()).unwrap();
    let previous = manifests[1].as_str().unwrap();
    fs::remove_file(second).unwrap();
    let told = home.streams("archive restore archives --store d.db").expect(1);
    assert!(told.contains(previous) && told.contains("is cited, and is in none"), "{told}");
    assert!(home.streams("archive list archives").expect(0).contains(previous));
    home.streams("archive create --store a.db --out e.car --after archives").expect_error(previous);
    // It is never too late.
    fs::write(second, gone).unwrap();
    home.streams("archive restore archives --store d.db").expect(0);
    assert_eq!(home.verified("d.db"), home.verified("a.db"));
}

#[test]
fn a_folder_holds_all_streams_of_a_store() {
    let home = Home::new();
    for (name, commits) in [("one", 30), ("two", 40), ("three", 50)] {
        home.history(name, commits);
        home.streams(&format!("import git {name} --store a.db")).expect(0);
    }
    let made = lines(&home.streams("archive create --store a.db --out all --json").expect(0));
    assert_eq!(made.len(), 3);
    home.streams("archive create --store a.db --out all").expect_error("exists");
    let nothing = lines(&home.streams("archive create --store a.db --out all --after all --json").expect(0));
    assert!(nothing.iter().all(|report| report["objects"] == 0 && report["file"].is_null()), "{nothing:?}");
    assert_eq!(files(&home, "all", ".car").len(), 3);
    home.streams("archive restore all --store b.db").expect(0);
    let orders = |store: &str| {
        let verified = lines(&home.streams(&format!("verify --store {store} --json")).expect(0));
        verified.iter().map(|report| report["order"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(orders("a.db"), orders("b.db"));
    // One of them by its name.
    let stream = made[1]["stream"].as_str().unwrap();
    home.streams(&format!("archive create {} --store b.db --out one.car", &stream[..20])).expect(0);
    let shown = home.streams("archive show one.car --json").json(0);
    assert_eq!((&shown["stream"], &shown["manifest"]), (&made[1]["stream"], &made[1]["manifest"]));
}

#[test]
fn what_is_left_of_damaged_archives_comes_back() {
    let home = Home::new();
    home.history("notes", 2500);
    home.streams("import git notes --store a.db").expect(0);
    let order = home.verified("a.db");
    home.streams("archive create --store a.db --out notes.car").expect(0);
    let whole = fs::read(home.path("notes.car")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 1;
    fs::write(home.path("flipped.car"), &flipped).unwrap();
    fs::write(home.path("cut.car"), &whole[..whole.len() * 3 / 4]).unwrap();
    fs::write(home.path("head.car"), [&[0; 59], &whole[59..]].concat()).unwrap();

    for (file, code) in [("flipped.car", "block"), ("cut.car", "truncated"), ("head.car", "header")] {
        let told = home.streams(&format!("archive verify {file} --json")).json(1);
        assert_eq!(told["faults"][0]["code"], code, "{told}");
        home.streams(&format!("archive verify {file}")).expect(1);
    }
    // Nothing of the damage is in its way.
    let told = home.streams("archive restore head.car --store head.db").expect(1);
    assert!(told.contains("head.car"), "{told}");
    assert_eq!(home.verified("head.db"), order);
    home.streams("archive restore cut.car --store b.db").expect(1);
    assert_eq!(home.count("b.db"), 1024);
    home.verified("b.db");
    let told = home.streams("archive restore flipped.car --store b.db").expect(1);
    assert!(told.contains("does not hash to its id"), "{told}");
    assert!(home.count("b.db") > 1024);
    home.verified("b.db");
    // One damage is made good by another file.
    home.streams("archive restore cut.car flipped.car notes.car --store b.db").expect(1);
    assert_eq!(home.verified("b.db"), order);
}

#[test]
fn who_vouched_need_not_verify_again() {
    let home = Home::new();
    home.history("notes", 1500);
    home.streams("import git notes --store a.db").expect(0);
    let order = home.verified("a.db");
    home.streams("key new --out other.key").expect(0);
    home.streams("archive create --store a.db --out archives/ --vouch").expect(0);
    let author = home.streams("key show").expect(0);
    let verified = home.streams("archive verify archives --json").json(0);
    assert_eq!(verified["vouched_by"].as_str(), Some(author.trim()));
    for key in ["", "--key other.key"] {
        let store = format!("restored{}.db", key.len());
        home.streams(&format!("archive restore archives --store {store} {key}")).expect(0);
        assert_eq!(home.verified(&store), order);
    }
    // A vouching that is damaged is told of, and is in nobody's way.
    let vouching = &files(&home, "archives", ".vouch")[0];
    let mut bytes = fs::read(vouching).unwrap();
    bytes[100] ^= 1;
    fs::write(vouching, bytes).unwrap();
    home.streams("archive verify archives").expect(1);
    home.streams("archive restore archives --store b.db").expect(0);
    assert_eq!(home.verified("b.db"), order);
}

#[test]
fn what_is_redacted_stays_redacted() {
    let home = Home::new();
    home.history("notes", 50);
    home.streams("import git notes").expect(0);
    let log = lines(&home.streams("log notes.streams --json").expect(0));
    let id = log[7]["id"].as_str().unwrap();
    home.streams(&format!("redact notes.streams {id} data")).expect(0);
    home.streams("import file notes.streams --store a.db").expect(0);
    home.streams("archive create --store a.db --out notes.car").expect(0);
    home.streams("archive verify notes.car").expect(0);
    home.streams("archive restore notes.car --store b.db").expect(0);
    for store in ["a", "b"] {
        home.streams(&format!("export --store {store}.db --out {store}.streams")).expect(0);
    }
    assert_eq!(fs::read(home.path("a.streams")).unwrap(), fs::read(home.path("b.streams")).unwrap());
    let page = lines(&home.streams("archive show notes.car --limit 51 --json").expect(0));
    let redacted: Vec<_> = page.iter().filter(|line| line["redacted"] == true).map(|line| &line["id"]).collect();
    assert_eq!(redacted, [id]);
}
