//! Streams that not everyone may read: who is refused learns the rule, may ask, and is told what stands between.

use super::stores::lines;
use super::*;

#[test]
fn who_may_not_read_learns_the_rule_and_may_ask() {
    let home = Home::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| home.new_key(&format!("{name}.key")));
    home.streams("new example.org/list --key alice.key --out list.streams --open").expect(0);
    home.streams("append list.streams list.Added --key alice.key").expect(0);
    home.streams("import file list.streams --store b.db").expect(0);
    let denial = home.streams(&format!("policy deny list.streams --key alice.key --author {bob} --json")).json(0);
    let denial = denial["id"].as_str().unwrap().to_owned();
    home.streams("import file list.streams --store a.db").expect(0);
    let stream = home.streams("log list.streams --limit 1 --json").json(0)["id"].as_str().unwrap().to_owned();

    let mut serving = home.serve("--store a.db --key alice.key");
    let at = serving.at[0].clone();
    // Unless it is named, it is passed over: nothing of it is told.
    let all = home.streams(&format!("sync {at} --store b.db --key bob.key")).expect(0);
    assert!(all.contains("Nothing differs"), "{all}");
    let refused = lines(&home.streams(&format!("sync {at} {stream} --store b.db --key bob.key --json")).expect(1));
    assert_eq!((refused[0]["refused"].as_str(), refused[0]["denied_by"].as_str()), (Some("denied"), Some(&*denial)));
    let note = "from-the-reading-group\u{1b}[2J";
    let told = home.streams(&format!("sync {at} {stream} --store b.db --key bob.key --ask {note}")).expect(1);
    for words in ["denied: ", " denied ", "everything in ", "as its author says", "Asked for access"] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    let plea = serving.process.told_of("asks for access");
    assert_eq!((plea["peer"].as_str(), plea["note"].as_str()), (Some(&*bob), Some(note)));
    assert_eq!(plea["stream"].as_str(), Some(&*stream));

    // What stands between, from either side, with and without asking.
    let why = home.streams(&format!("why-not {stream} {at} --store b.db --key bob.key --json")).json(1);
    let reason = &why["reasons"][0];
    assert_eq!((reason["code"].as_str(), reason["side"].as_str()), (Some("denied"), Some("there")));
    assert_eq!(reason["object"].as_str(), Some(&*denial));
    let offline = home.streams(&format!("why-not {stream} {bob} --store a.db --key alice.key --json")).json(1);
    assert_eq!((&offline["may_read"], offline["verdict"].as_str()), (&false.into(), Some("denied")));
    assert!(offline["sentence"].as_str().unwrap().contains("may not read it"), "{offline}");
    for may in [&alice, &carol] {
        home.streams(&format!("why-not {stream} {may} --store a.db --key alice.key")).expect(0);
    }
    drop(serving);

    // And where this side is the one that refuses.
    let serving = home.serve("--store b.db --key bob.key");
    let why = home.streams(&format!("why-not {stream} {} --store a.db --key alice.key --json", serving.at[0])).json(1);
    let reasons = why["reasons"].as_array().unwrap();
    let told: Vec<_> = reasons.iter().map(|reason| (reason["code"].as_str(), reason["side"].as_str())).collect();
    assert_eq!(told, [(Some("denied"), Some("here")), (Some("lacking"), Some("there"))]);
    assert!(reasons[1]["sentence"].as_str().unwrap().contains("a streams/policy"), "{why}");
    let text = home.streams(&format!("why-not {stream} {} --store a.db --key alice.key", serving.at[0])).expect(1);
    assert!(text.contains("is not the same") && text.contains("this side refuses it"), "{text}");
    drop(serving);

    // The rule is withdrawn: all is well.
    home.streams(&format!("policy withdraw list.streams {denial} --key alice.key")).expect(0);
    home.streams("import file list.streams --store a.db").expect(0);
    let serving = home.serve("--store a.db --key alice.key");
    let why = home.streams(&format!("why-not {stream} {} --store b.db --key bob.key --json", serving.at[0])).json(0);
    assert_eq!((&why["equal"], &why["received"]), (&true.into(), &2.into()));
}

#[test]
fn a_stream_that_nobody_is_let_read_is_refused_without_a_rule() {
    let home = Home::new();
    home.new_keys(&["alice.key", "bob.key"]);
    let owner = SigningKey::from_bytes([5; 32]);
    let root =
        Draft::root("example.org/diary", [0; 16]).policies([Rule::allow([Action::Append])]).sign(&owner).unwrap();
    fs::write(home.path("diary.streams"), root.object().parts()).unwrap();
    home.streams("import file diary.streams --store a.db").expect(0);
    let mut serving = home.serve("--store a.db --key alice.key");
    let (at, stream) = (&serving.at[0], root.id());
    let told = home.streams(&format!("sync {at} {stream} --store b.db --key bob.key")).expect(1);
    assert!(told.contains("denied: no rule lets"), "{told}");
    // It is not even told that it is there.
    home.streams(&format!("find {stream} {at} --store b.db --key bob.key")).expect(1);
    assert_eq!(serving.process.told_of("was refused")["reason"], "denied");
    assert_eq!(home.count("b.db"), 0);
}
