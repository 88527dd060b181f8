//! Each kind of source: what it has comes in once, what is new comes later, and what it does wrong is waited out.

use std::fs;

use streams_archive::Resource;
use streams_archive::item::REMOVED;
use streams_archive::object::MAX_CONTENT;
use streams_archive::vault::{Entry, Reference, Vault};
use tempfile::TempDir;

use crate::source::{Answer, Source, commit, events, git, ok};
use crate::world::{World, secret};

fn folder(temp: &TempDir) -> Resource {
    Resource::parse(&format!("folder:{}", temp.path().display())).unwrap()
}

const MINUTE: u64 = 70_000;
const HOURS: u64 = 3 * 3_600_000;

#[tokio::test]
async fn a_repository_is_fetched_commit_by_commit() {
    let temp = TempDir::new().unwrap();
    git(temp.path(), &["init", "-q", "-b", "main"]);
    let repository = Resource::parse(&format!("git:{}", temp.path().display())).unwrap();
    let world = World::with(std::slice::from_ref(&repository), None).await;
    world.run().await;
    assert!(world.items().await.is_empty(), "a repository without commits has none, and is no error");
    for number in 0..5 {
        commit(temp.path(), &format!("Commit {number}\n\nBody {number}"));
    }
    world.run_after(MINUTE).await;
    let items = world.items().await;
    let titles: Vec<_> = items.iter().map(|item| item.title.as_deref().unwrap()).collect();
    assert_eq!(titles, ["Commit 0", "Commit 1", "Commit 2", "Commit 3", "Commit 4"]);
    assert_eq!(items[1].parents.as_deref(), Some(&[items[0].source.clone()][..]));
    assert_eq!((items[2].text.as_deref(), items[2].actor.as_deref()), (Some("Body 2"), Some("Ada")));
    world.run_after(MINUTE).await;
    commit(temp.path(), "Commit 5");
    world.run_after(MINUTE).await;
    assert_eq!(world.items().await.len(), 6);
    // History is written anew: what is new of it comes, and what was stays.
    git(temp.path(), &["reset", "-q", "--hard", "HEAD~2"]);
    commit(temp.path(), "Other");
    git(temp.path(), &["reflog", "expire", "--expire=now", "--all"]);
    git(temp.path(), &["gc", "-q", "--prune=now"]);
    world.run_after(MINUTE).await;
    assert_eq!(world.items().await.len(), 7);
    world.assert_once().await;
    // The repository goes away: the resource is parked, and the stream is told.
    drop(temp);
    world.run_after(MINUTE).await;
    let state = &world.view().await.states[&repository.key()];
    assert_eq!(state.state, "parked");
    assert_eq!(world.items().await.len(), 7, "what was archived stays");
}

#[tokio::test]
async fn files_come_as_they_change_and_their_going_is_told() {
    let temp = TempDir::new().unwrap();
    fs::create_dir(temp.path().join("sub")).unwrap();
    fs::write(temp.path().join("a.md"), "one").unwrap();
    fs::write(temp.path().join("sub/b.md"), [0, 159, 146, 150]).unwrap();
    fs::write(temp.path().join(".hidden"), "secret").unwrap();
    fs::write(temp.path().join("large.bin"), vec![7; MAX_CONTENT + 1]).unwrap();
    let world = World::with(&[folder(&temp)], None).await;
    world.run().await;
    let items = world.items().await;
    assert_eq!(world.sources().await, ["a.md", "large.bin", "sub/b.md"]);
    assert_eq!(items[0].content(), Some(b"one".to_vec()));
    assert_eq!((items[1].content(), items[1].size), (None, Some(MAX_CONTENT as u64 + 1)));
    assert_eq!(items[1].digest.as_ref().unwrap().0, blake3::hash(&vec![7; MAX_CONTENT + 1]).as_bytes());
    assert_eq!((items[2].content(), items[2].text.clone()), (Some(vec![0, 159, 146, 150]), None));
    world.run_after(MINUTE).await;
    assert_eq!(world.items().await.len(), 3, "nothing is new");

    fs::write(temp.path().join("a.md"), "two").unwrap();
    fs::remove_file(temp.path().join("sub/b.md")).unwrap();
    world.run_after(MINUTE).await;
    let items = world.items().await;
    assert_eq!((items[3].source.as_str(), items[3].text.as_deref()), ("a.md", Some("two")));
    assert!(items[3].replaces.is_some());
    assert_eq!((items[4].source.as_str(), items[4].kind.as_str()), ("sub/b.md", REMOVED));
    // What was there before comes back, and goes again: each is told.
    fs::write(temp.path().join("a.md"), "one").unwrap();
    fs::write(temp.path().join("sub/b.md"), "back").unwrap();
    world.run_after(MINUTE).await;
    fs::remove_file(temp.path().join("sub/b.md")).unwrap();
    world.run_after(MINUTE).await;
    world.run_after(MINUTE).await;
    assert_eq!(world.sources().await[5..], ["a.md", "sub/b.md", "sub/b.md"]);
}

#[cfg(unix)]
#[tokio::test]
async fn no_link_leads_out_of_a_folder() {
    let (outside, temp) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::write(outside.path().join("secret"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path(), temp.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret"), temp.path().join("file")).unwrap();
    std::os::unix::fs::symlink(temp.path(), temp.path().join("round")).unwrap();
    let world = World::with(&[folder(&temp)], None).await;
    world.run().await;
    assert_eq!(world.sources().await, Vec::<String>::new());
}

fn rss(entries: &[(&str, &str)]) -> Vec<u8> {
    let entries = entries.iter().map(|(id, title)| {
        format!(
            "<item><guid isPermaLink='false'>{id}</guid><title>{title}</title>\
             <description>&lt;p&gt;Text of {id}&lt;/p&gt;</description>\
             <pubDate>Sat, 0{id} Jan 2022 10:00:00 GMT</pubDate></item>"
        )
    });
    let head = "<?xml version='1.0'?><rss version='2.0'><channel><title>News</title><link>http://x</link>";
    format!("{head}{}</channel></rss>", entries.collect::<String>()).into_bytes()
}

#[tokio::test]
async fn a_feed_is_asked_for_what_changed() {
    let with_tag = |headers: &axum::http::HeaderMap, tag: &str, body: Vec<u8>| -> Answer {
        if headers.get("if-none-match").is_some_and(|have| have == tag) {
            return (304, Vec::new(), Vec::new());
        }
        (200, vec![("etag", tag.to_owned())], body)
    };
    let source = Source::start(move |_, headers| with_tag(headers, "\"1\"", rss(&[("2", "Two"), ("1", "One")]))).await;
    let feed = Resource::parse(&format!("feed:{}/news", source.address)).unwrap();
    let world = World::with(std::slice::from_ref(&feed), None).await;
    world.run().await;
    let items = world.items().await;
    assert_eq!(world.sources().await, ["1", "2"], "the oldest first");
    assert_eq!((items[0].title.as_deref(), items[0].text.as_deref()), (Some("One"), Some("Text of 1")));
    assert_eq!(items[0].fetched.as_ref().unwrap().etag.as_deref(), Some("\"1\""));
    world.run_after(MINUTE).await;
    assert_eq!(source.asked().last().unwrap().1["if-none-match"], "\"1\"");
    source
        .answer(move |_, headers| with_tag(headers, "\"2\"", rss(&[("3", "Three"), ("2", "Two, anew"), ("1", "One")])));
    world.run_after(MINUTE).await;
    assert_eq!(world.sources().await[2..], ["2", "3"]);
    assert!(world.items().await[2].replaces.is_some());

    // What is no feed is quarantined once, and the next one is read.
    for _ in 0..2 {
        source.answer(|_, _| ok("<html>We are down for maintenance"));
        world.run_after(MINUTE).await;
    }
    let poison = world.view().await.quarantined;
    assert_eq!(poison.len(), 1, "{poison:?}");
    assert!(poison[0].reason.contains("it is no feed"), "{poison:?}");
    source.answer(|_, _| ok(rss(&[("4", "Four")])));
    world.run_after(MINUTE).await;
    assert_eq!(world.sources().await.last().unwrap(), "4");
    world.assert_once().await;
}

#[tokio::test]
async fn events_come_page_by_page_and_only_as_far_as_they_are_new() {
    let source = Source::start(events(75)).await;
    let list = Resource::parse(&format!("http:{}/events", source.address)).unwrap();
    let world = World::with(&[list], None).await;
    world.run().await;
    assert_eq!((world.items().await.len(), source.asked().len()), (75, 3));
    let items = world.items().await;
    let item = items.iter().find(|item| item.source == "22249084075").unwrap();
    assert_eq!((item.actor.as_deref(), item.kind.as_str()), (Some("octocat"), "PushEvent"));
    assert!(item.time.is_some() && item.text.as_ref().unwrap().contains("octocat/Hello-World"));
    world.run_after(MINUTE).await;
    assert_eq!(source.asked().len(), 4, "not modified");
    source.answer(events(80));
    world.run_after(MINUTE).await;
    assert_eq!(world.items().await.len(), 80);
    assert_eq!(source.asked().len(), 6, "the second page has one known event among others, and nothing new");
    world.assert_once().await;
}

#[tokio::test]
async fn who_is_cut_off_between_two_pages_misses_none() {
    let source = Source::start(events(75)).await;
    let list = Resource::parse(&format!("http:{}/events", source.address)).unwrap();
    let world = World::with(&[list], None).await;
    // The second page does not come: the newest are there, the others not yet.
    source.answer(
        |path, headers| {
            if path.contains("page=2") { (500, Vec::new(), Vec::new()) } else { events(75)(path, headers) }
        },
    );
    world.run().await;
    assert_eq!(world.items().await.len(), 30);
    // The first page is known by now, and even unchanged; that is not the end of what is new.
    source.answer(events(75));
    world.run_after(HOURS).await;
    assert_eq!(world.items().await.len(), 75);
    world.assert_once().await;
}

#[tokio::test]
async fn one_event_that_nobody_can_read_stops_no_other() {
    let source = Source::start(|_, _| ok(r#"[{"id": "3"}, {"no": "id"}, {"id": ""}, 7, {"id": 1}]"#)).await;
    let world = World::with(&[Resource::parse(&format!("http:{}", source.address)).unwrap()], None).await;
    world.run().await;
    assert_eq!(world.sources().await, ["1", "3"]);
    assert_eq!(world.view().await.quarantined.len(), 3);
    for body in ["{\"not\": \"a list\"}", "not even JSON"] {
        source.answer(move |_, _| ok(body));
        world.run_after(MINUTE).await;
    }
    assert_eq!(world.view().await.quarantined.len(), 5);
    world.run_after(MINUTE).await;
    assert_eq!(world.view().await.quarantined.len(), 5, "each once");
}

#[tokio::test]
async fn places_in_json_are_chosen() {
    let source = Source::start(|path, _| match path {
        "/api" => ok(r#"{"data": {"list": [{"key": 1, "at": 7, "say": "Hi"}]}, "more": "/more?token=1"}"#),
        "/more?token=1" => ok(r#"{"data": {"list": [{"key": 0, "at": "2022-01-01T00:00:00Z"}]}}"#),
        _ => (404, Vec::new(), Vec::new()),
    })
    .await;
    let text = |text: &str| Some(text.to_owned());
    let mut api = Resource::parse(&format!("http:{}/api", source.address)).unwrap();
    (api.items, api.id, api.time, api.title) = (text("data/list"), text("/key"), text("at"), text("say"));
    api.next = text("more");
    let world = World::with(&[api], None).await;
    world.run().await;
    let items = world.items().await;
    assert_eq!(items.iter().map(|item| item.source.as_str()).collect::<Vec<_>>(), ["1", "0"], "page by page");
    assert_eq!((items[0].time, items[0].title.as_deref()), (Some(7_000), Some("Hi")));
    assert_eq!(items[1].fetched.as_ref().unwrap().from.as_ref().unwrap(), &format!("{}/more", source.address));
}

#[tokio::test]
async fn who_wants_a_credential_gets_it_from_the_vault_and_nobody_else_does() {
    let other = Source::start(|_, _| ok("[]")).await;
    let elsewhere = other.address.clone();
    let source = Source::start(move |path, headers| match headers.get("authorization").map(|value| value.to_str()) {
        Some(Ok("Bearer good")) if path == "/" => {
            (200, vec![("link", format!("<{elsewhere}/>; rel=\"next\""))], br#"[{"id": "1"}]"#.to_vec())
        }
        _ => (401, Vec::new(), Vec::new()),
    })
    .await;
    let reference = Reference::credential().unwrap();
    let mut list = Resource::parse(&format!("http:{}", source.address)).unwrap();
    list.credential = Some(reference.to_string());
    let world = World::with(&[list.clone()], None).await;
    let state = async |world: &World| world.view().await.states.get(&list.key()).cloned();
    world.run().await;
    let said = state(&world).await.unwrap();
    assert_eq!(said.state, "needs-credential");
    assert!(said.reason.unwrap().contains("the vault has no cred-"));
    assert_eq!(source.asked().len(), 0);
    world.run_after(HOURS).await;
    assert_eq!(source.asked().len(), 0, "no storm");

    world.vault.put_new(&reference, Entry { label: "a".into(), secret: secret("good") }).unwrap();
    let wake = async |world: &World| {
        use streams_core::clock::Clock;
        let now = world.clock.now();
        streams_archive::service::wake(&world.node(), world.stream, list.key(), now).await.unwrap();
        world.run().await;
    };
    wake(&world).await;
    assert_eq!(world.sources().await, ["1"]);
    assert_eq!(state(&world).await.unwrap().state, "fetching", "the stream is told of that, too");
    assert!(other.asked().is_empty(), "a page of another host is not asked for");
    source.answer(|_, _| (403, Vec::new(), Vec::new()));
    world.run_after(HOURS).await;
    assert_eq!(state(&world).await.unwrap().state, "needs-credential");
}

#[tokio::test]
async fn a_source_that_wants_to_be_left_alone_is() {
    let source = Source::start(|_, _| (429, vec![("retry-after", "600".into())], Vec::new())).await;
    let list = Resource::parse(&format!("http:{}", source.address)).unwrap();
    let world = World::with(std::slice::from_ref(&list), None).await;
    world.run().await;
    world.run_after(599_000).await;
    assert_eq!(source.asked().len(), 1);
    source.answer(|_, _| ok(r#"[{"id": "1"}]"#));
    world.run_after(35_000).await;
    assert_eq!((source.asked().len(), world.sources().await.len()), (2, 1));
    source.answer(|_, _| (404, Vec::new(), Vec::new()));
    world.run_after(MINUTE).await;
    world.run_after(HOURS).await;
    assert_eq!((source.asked().len(), world.sources().await.len()), (3, 1), "what is gone is not asked for again");
    assert_eq!(world.view().await.states[&list.key()].state, "parked");
}
