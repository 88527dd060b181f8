//! The command line on a store in PostgreSQL, on a server of its own: the same as on a file.

use std::thread;
use std::time::Duration;

use super::stores::lines;
use super::*;

#[path = "../../../../adapters/streams-postgres/tests/it/server.rs"]
#[expect(dead_code, reason = "nobody kills the server here")]
mod server;

#[test]
fn a_store_in_postgresql_is_a_store() {
    let (home, server) = (Home::new(), server::Server::start());
    let store = server.address();
    home.history("notes", 1500);
    let whole = home.streams("import git notes --json").json(0);
    let order = whole["order"].as_str().unwrap();

    // Killed at some moments, and then two at once.
    for kill in 1..=3 {
        let mut import = home.spawn(&format!("import git notes --store {store}"));
        thread::sleep(Duration::from_millis(60 * kill));
        import.kill().unwrap();
        import.wait().unwrap();
    }
    let importers = [0; 2].map(|_| home.spawn(&format!("import git notes --store {store} --json")));
    for importer in importers {
        let output = importer.wait_with_output().unwrap();
        assert!(output.status.success());
        let report: Json = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((report["order"].as_str(), report["forks"].as_u64()), (Some(order), Some(0)));
    }
    assert_eq!(home.verified(&store), order);
    let again = home.streams(&format!("import file notes.streams --store {store} --json")).json(0);
    assert_eq!([&again["new"], &again["known"]], [0, 1501]);

    let mut stats = home.streams(&format!("stats --store {store} --json")).json(0);
    assert_eq!([&stats["objects"], &stats["streams"][0]["stream"]], [&1501.into(), &whole["stream"]]);
    assert_eq!(stats["size"].take(), Json::Null);
    for options in ["", "--reverse --limit 7"] {
        let log = home.streams(&format!("log notes.streams {options}")).expect(0);
        assert_eq!(home.streams(&format!("log --store {store} {options}")).expect(0), log);
    }
    home.streams(&format!("export --store {store} --out out.streams")).expect(0);
    assert_eq!(fs::read(home.path("out.streams")).unwrap(), fs::read(home.path("notes.streams")).unwrap());

    let watch = format!("watch --store {store} --name mirror --until-caught-up --json");
    assert_eq!(lines(&home.streams(&watch).expect(0)).len(), 1502);
    assert_eq!(lines(&home.streams(&watch).expect(0)).len(), 1);
    home.streams(&format!("compact --store {store}")).expect_error("VACUUM");
    drop(server);
    home.streams(&format!("stats --store {store}")).expect_error("cannot open the store postgres://127.0.0.1");
}
