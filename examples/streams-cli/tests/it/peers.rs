//! Peers as processes: one serves its store, others become equal with it, and stay so.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::thread;
use std::time::Duration;

use super::stores::lines;
use super::*;

/// A process that serves, and where; it ends with the test.
struct Serving(Child, String);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Home {
    fn serve(&self, options: &str) -> Serving {
        let mut child = self.spawn(&format!("serve --listen 127.0.0.1:0 --json {options}"));
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let listening: Json = serde_json::from_str(&line).unwrap();
        Serving(child, listening["listening"].as_str().unwrap().to_owned())
    }
}

#[test]
fn stores_become_equal_over_a_link() {
    let home = Home::new();
    home.history("notes", 1500);
    home.streams("key new --out b.key").expect(0);
    let stream = home.streams("import git notes --store a.db --json").json(0)["stream"].as_str().unwrap().to_owned();
    let serving = home.serve("--store a.db");
    let address = &serving.1;

    let sync = format!("sync {address} {stream} --store b.db --key b.key --json");
    let first = lines(&home.streams(&sync).expect(0));
    assert_eq!((first[0]["received"].as_u64(), first[0]["sent"].as_u64()), (Some(1501), Some(0)));
    assert_eq!(home.verified("b.db"), home.verified("a.db"));
    let again = lines(&home.streams(&sync).expect(0));
    assert_eq!((again[0]["received"].as_u64(), again[0]["sent"].as_u64()), (Some(0), Some(0)));

    // What the peer does not have is refused, and what it would not take stays here.
    home.history("other", 30);
    home.streams("import git other --store b.db").expect(0);
    let all = lines(&home.streams(&format!("sync {address} --store b.db --key b.key --json")).expect(1));
    let refused: Vec<&str> = all.iter().filter_map(|line| line["refused"].as_str()).collect();
    assert_eq!((all.len(), refused), (2, vec!["unknown"]));
    drop(serving);
    let serving = home.serve("--store a.db --take-all");
    let all = home.streams(&format!("sync {} --store b.db --key b.key --json", serving.1)).expect(0);
    assert_eq!(lines(&all).iter().map(|line| line["sent"].as_u64().unwrap()).sum::<u64>(), 31);
    for store in ["a.db", "b.db"] {
        home.streams(&format!("verify --store {store}")).expect(0);
    }

    let nowhere = home.streams("sync 127.0.0.1:1 --store b.db --key b.key");
    nowhere.expect_error("streams serve");
    home.streams(&format!("sync {} --store empty.db --key b.key", serving.1)).expect_error("whole id");
    // Two devices with one key would not be told apart.
    home.streams(&format!("sync {} --store b.db", serving.1)).expect_error("own key");
}

#[test]
fn who_subscribed_gets_what_another_process_writes() {
    let home = Home::new();
    home.history("notes", 40);
    home.streams("key new --out b.key").expect(0);
    let stream = home.streams("import git notes --store a.db --json").json(0)["stream"].as_str().unwrap().to_owned();
    let serving = home.serve("--store a.db --take-all");
    let subscribe = format!("subscribe {} {stream} --store b.db --key b.key --json", serving.1);
    let mut subscribed = Serving(home.spawn(&subscribe), String::new());
    let mut told = BufReader::new(subscribed.0.stdout.take().unwrap()).lines();
    let brought = |line: String| serde_json::from_str::<Json>(&line).unwrap()["objects"].as_u64().unwrap();
    assert_eq!(brought(told.next().unwrap().unwrap()), 41);
    // A third process writes to the store that is served.
    home.streams(&format!("export {stream} --store b.db --out more.streams")).expect(0);
    home.streams("append more.streams git/note --anyway").expect(0);
    home.streams("import file more.streams --store a.db").expect(0);
    assert_eq!(brought(told.next().unwrap().unwrap()), 1);
    // And back: what is written here reaches the peer.
    home.streams("append more.streams git/note --anyway").expect(0);
    home.streams("import file more.streams --store b.db").expect(0);
    for _ in 0..100 {
        if home.verified("a.db") == home.verified("b.db") && home.count("a.db") == 43 {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} objects came, of 43", home.count("a.db"));
}
