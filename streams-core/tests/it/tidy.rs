//! The house keeps its order: a room uses only the floors below it, and the rooms of a floor do not know each other.

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up; the rooms of one floor stand in one line.
const FLOORS: &[&[&str]] = &[
    &["keyed", "shared"],
    &["object"],
    &["graph", "policy", "schema"],
    &["stream"],
    &["sync", "archive"],
    &["store", "clock", "signer", "transport", "archiver"],
    &["memory"],
    &["node"],
    &["codes", "conformance"],
    &["simulate"],
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The room of a file: the first step below `src`.
fn room(file: &Path) -> String {
    let below = file.strip_prefix(source()).expect("a file of the crate");
    let first = below.iter().next().expect("a name").to_str().expect("UTF-8");
    first.trim_end_matches(".rs").to_owned()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn rooms_use_only_the_floors_below() {
    let mut wrong = Vec::new();
    for file in files(&source()) {
        let own = room(&file);
        if own == "lib" {
            continue;
        }
        let own_floor = floor(&own).unwrap_or_else(|| panic!("{own} stands on no floor of this test"));
        let text = fs::read_to_string(&file).expect("UTF-8");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for used in code.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let below = floor(&used).is_some_and(|floor| floor < own_floor);
                if used != own && !below {
                    wrong.push(format!("{}:{}: {own} uses {used}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_is_on_the_map() {
    let map = fs::read_to_string(source().join("../../ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for room in FLOORS.iter().copied().flatten() {
        assert!(map.contains(&format!("`{room}")), "ARCHITECTURE.md does not tell of {room}");
    }
}
