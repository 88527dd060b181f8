//! The table of codes holds what the specification and the `code()` functions say, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use streams_core::codes::{Class, Coded, Kind, TABLE};

/// Where codes are given, and the classes that have them. A code that is told of a cause stands with the cause.
const GIVEN: &[(&str, &str, &[Class])] = &[
    ("object/codec.rs", "Malformed", &[Class::Unsound]),
    ("object/parts.rs", "Unsound", &[Class::Unsound]),
    ("stream/admit.rs", "Dropped", &[Class::Unsound]),
    ("object/json.rs", "JsonFault", &[Class::Json, Class::Unsound]),
    ("object/header.rs", "Newer", &[Class::Newer]),
    ("object/header.rs", "HeaderError", &[Class::Refused]),
    ("object/author.rs", "AuthorError", &[Class::Author]),
    ("object/parts.rs", "RedactError", &[Class::Redact, Class::UnknownMap]),
    ("policy/rule.rs", "RuleError", &[Class::Rule]),
    ("stream/content.rs", "ContentError", &[Class::Refused]),
    ("stream/admit.rs", "Refused", &[Class::Refused, Class::NotAuthorized]),
    ("stream/explain.rs", "Verdict", &[Class::Verdict]),
    ("stream/checkpoint.rs", "NoForce", &[Class::Verdict]),
    ("store.rs", "StoreErrorKind", &[Class::Store, Class::StoreClosed]),
    ("transport.rs", "TransportErrorKind", &[Class::Transport]),
    ("sync/messages.rs", "Why", &[Class::Session]),
    ("sync/questions.rs", "End", &[Class::Session]),
    ("sync/reconcile.rs", "RangesError", &[Class::Ranges]),
    ("sync/said.rs", "Reason", &[Class::Reason]),
    ("sync/evidence.rs", "Shown", &[Class::Shown]),
    ("sync/evidence.rs", "ShowsNothing", &[Class::Evidence]),
    ("archive/car.rs", "FrameError", &[Class::Archive]),
    ("archive/manifest.rs", "ManifestError", &[Class::Archive]),
    ("archive/vouch.rs", "VouchError", &[Class::Archive]),
    ("archive/fault.rs", "Damage", &[Class::Archive]),
    ("archive/plan.rs", "PolicyError", &[Class::Keep]),
    ("archive/deal.rs", "FailureKind", &[Class::Archiver, Class::Unauthorized]),
    ("archive/deal.rs", "Gone", &[Class::Gone]),
    ("schema/fault.rs", "Wrong", &[Class::Definition]),
    ("schema/fit.rs", "Unlike", &[Class::Unlike]),
];

/// Functions called `code` that hand on the codes of others, or give none of an error.
const HANDED_ON: &[&str] = &["JsonError", "Rejected"];

/// Rows that only bindings use: the core is not asked for what they say.
const OF_BINDINGS: &[(Class, &str)] = &[
    (Class::NoHint, "no-hint"),
    (Class::Recursive, "recursive"),
    (Class::UnknownObject, "unknown-object"),
    (Class::OtherProcess, "other-process"),
    (Class::Secret, "secret"),
    (Class::Length, "length"),
    (Class::Busy, "re-entered"),
    (Class::Internal, "panic"),
    // Of the same text as in JSON.
    (Class::Refused, "author"),
    (Class::Refused, "author-key"),
];

fn crate_file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("UTF-8")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The bodies of the public functions `code` in a text, with the type that each belongs to.
fn code_functions(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (place, _) in text.match_indices("pub const fn code(") {
        let before = &text[..place];
        let owner = &before[before.rfind("\nimpl ").expect("inside an impl") + "\nimpl ".len()..];
        let owner = owner.split([' ', '<']).next().unwrap_or_default().to_owned();
        let body = &text[place..];
        let end = body.find("\n    }\n").expect("the end of the function");
        found.push((owner, body[..end].to_owned()));
    }
    found
}

/// What stands between these signs in a text, and is written as a code.
fn between(text: &str, sign: char) -> impl Iterator<Item = &str> {
    text.split(sign).skip(1).step_by(2).filter(|code| is_code(code))
}

fn is_code(text: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() > 1 && text.chars().all(known)
}

fn codes_of(classes: &[Class]) -> BTreeSet<&'static str> {
    classes.iter().flat_map(|class| class.rows()).map(|row| row.code).collect()
}

#[test]
fn each_code_function_gives_codes_of_its_classes_and_each_row_is_given() {
    let mut given: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in files(&source).into_iter().filter(|file| !file.starts_with(source.join("codes"))) {
        let path = file.strip_prefix(&source).expect("a file of the crate").to_str().expect("UTF-8").to_owned();
        for (owner, body) in code_functions(&fs::read_to_string(&file).expect("UTF-8")) {
            if HANDED_ON.contains(&owner.as_str()) {
                continue;
            }
            let known = GIVEN.iter().find(|(file, r#type, _)| *file == path && *r#type == owner);
            let (_, _, classes) = known.unwrap_or_else(|| panic!("{path}: {owner}::code has no classes in this test"));
            seen.insert((path.clone(), owner.clone()));
            for code in between(&body, '"') {
                let class = classes.iter().find(|class| class.rows().any(|row| row.code == code));
                let class = class.unwrap_or_else(|| panic!("{path}: {owner} gives `{code}`, which has no row"));
                given.insert((class.name(), code.to_owned()));
            }
        }
    }
    assert_eq!(seen.len(), GIVEN.len(), "a function that this test knows is gone");

    // What has no function of its own is named in the room of codes itself.
    let coded = crate_file("src/codes/coded.rs");
    let named: BTreeSet<&str> = between(&coded, '"').collect();
    for row in TABLE {
        let is_given = given.contains(&(row.class.name(), row.code.to_owned()));
        let is_named = named.contains(row.code);
        let is_of_bindings = OF_BINDINGS.contains(&(row.class, row.code));
        let is_name_or_hint = row.class == Class::Misfit && ["name", "hint"].contains(&row.code);
        assert!(is_given || is_named || is_of_bindings || is_name_or_hint, "nothing gives {row:?}");
    }
    for code in named {
        assert!(TABLE.iter().any(|row| row.code == code), "`{code}` has no row");
    }
}

/// The text of a paragraph of the specification, without what stands in parentheses there.
fn paragraph(spec: &str, number: &str) -> String {
    let start = spec.find(&format!("\n{number} ")).expect("a paragraph");
    let text = &spec[start + number.len() + 2..];
    let text = &text[..text.find("\n14.").or_else(|| text.find("\n## ")).unwrap_or(text.len())];
    let mut depth = 0_usize;
    let mut plain = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[test]
fn the_specification_and_the_table_tell_of_the_same_codes() {
    let spec = crate_file("../docs/spec.md");
    let told = |number: &str| paragraph(&spec, number);
    let first_column: String =
        told("14.2").lines().filter_map(|line| line.strip_prefix('|')?.split('|').next()).collect();
    let refused = [Class::Refused, Class::Rule, Class::NotAuthorized];
    // Told beside the codes of the specification, where a binding or a part of the rim needs a word of its own.
    let beside = ["not-here", "index", "damaged", "clash"];
    for (text, classes) in [
        (first_column, &[Class::Unsound][..]),
        (told("14.3"), &[Class::Json]),
        (told("14.4"), &[Class::Newer]),
        (told("14.5"), &refused),
        (told("14.6"), &[Class::Verdict]),
        (told("14.7"), &[Class::Archive]),
        (told("14.8"), &[Class::Definition, Class::Unlike]),
    ] {
        // A rule of JSON tells of another code, in passing.
        let specified: BTreeSet<&str> = between(&text, '`').collect();
        let mut rows = codes_of(classes);
        rows.retain(|code| !beside.contains(code));
        assert_eq!(specified, rows, "{classes:?}");
    }
}

#[test]
fn rows_are_well_formed() {
    let mut seen = BTreeSet::new();
    for row in TABLE {
        assert!(is_code(row.code), "{row:?}");
        assert!(seen.insert((row.class.name(), row.code)), "twice: {row:?}");
        assert!(!row.sentence.is_empty() && !row.sentence.ends_with('.'), "{row:?}");
        assert_eq!(row.class.sentence(row.code), Some(row.sentence));
    }
    let mut names = BTreeSet::new();
    for class in Class::ALL {
        assert!(names.insert(class.name()), "twice: {class:?}");
        assert!(class.kind() == Kind::Told || class.name().ends_with("Error"), "{class:?}");
        assert!(class.rows().next().is_some(), "{class:?} has no code");
        if let Some(parent) = class.parent() {
            assert!(names.contains(parent.name()), "{class:?} stands before its parent");
            assert_ne!(parent.kind(), Kind::Told);
        }
    }
}

#[test]
fn errors_know_their_rows() {
    let bytes = streams_core::Object::decode(&[0x83]).expect_err("cut off");
    let id = "bafy".parse::<streams_core::ObjectId>().expect_err("too short");
    let json = streams_core::Object::from_json(r#"{"data:m":{"n:u":-1}}"#).expect_err("below zero");
    let key = streams_core::VerifyingKey::from_bytes([0; 32]).expect_err("of small order");
    let rule = streams_core::Rule::allow([streams_core::Action::Govern]).check(true).expect_err("for everybody");
    let typed = streams_core::to_map(&std::collections::BTreeMap::from([("n", f64::NAN)])).expect_err("no number");
    for (error, class, code) in [
        (&bytes as &dyn Coded, Class::Unsound, "truncated"),
        (&id, Class::Id, "id"),
        (&json, Class::Json, "hint-mismatch"),
        (&key, Class::Author, "author-key"),
        (&rule, Class::Rule, "rule-subjects-needed"),
        (&typed, Class::NotFinite, "not-finite"),
        (&streams_core::Rejected::from(streams_core::Refused::NotAuthorized), Class::NotAuthorized, "not-authorized"),
        (&streams_core::StoreError::closed(), Class::StoreClosed, "closed"),
    ] {
        assert_eq!((error.class(), error.code()), (class, code));
        assert!(class.sentence(code).is_some());
    }
}
