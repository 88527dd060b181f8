//! The service: killed anywhere, it goes on; many streams; deliveries; what it tells.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use streams_archive::Resource;
use streams_archive::fetch::webhook::Delivery;
use streams_archive::object::Config;
use streams_archive::service::{Service, Setup, Undelivered, Until, web};
use streams_archive::stream::{self, Spec};
use streams_archive::vault::{Entry, Reference, Vault};
use streams_core::archiver::Recovery;
use streams_core::clock::Clock;
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::flaky::{FlakyArchiver, Flaw};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::source::{Source, commit, events, git};
use crate::world::{World, secret};

/// A folder, a repository and a list of events.
async fn three() -> (TempDir, TempDir, Source, Vec<Resource>) {
    let (files, repository) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for number in 0..3 {
        fs::write(files.path().join(format!("{number}.md")), format!("file {number}")).unwrap();
    }
    git(repository.path(), &["init", "-q", "-b", "main"]);
    commit(repository.path(), "One");
    commit(repository.path(), "Two");
    let source = Source::start(events(35)).await;
    let resources = vec![
        Resource::parse(&format!("folder:{}", files.path().display())).unwrap(),
        Resource::parse(&format!("git:{}", repository.path().display())).unwrap(),
        Resource::parse(&format!("http:{}/events", source.address)).unwrap(),
    ];
    (files, repository, source, resources)
}

fn set(items: Vec<streams_archive::Item>) -> BTreeSet<([u8; 16], [u8; 16])> {
    items.iter().map(|item| (item.subject(), item.mark())).collect()
}

#[tokio::test]
async fn a_fault_at_any_call_of_the_store_loses_nothing_and_brings_nothing_twice() {
    let (_files, _repository, _source, resources) = three().await;
    let whole = World::with(&resources, None).await;
    whole.run().await;
    let all = set(whole.items().await);
    assert_eq!(all.len(), 3 + 2 + 35);
    for fault in [Fault::Fails, Fault::Tears] {
        let mut cuts = 0;
        // Not at each call: a run has some hundreds.
        for at in (0..).step_by(3) {
            let world = World::with(&resources, None).await;
            let faulty = Arc::new(FaultyStore::new(world.store.clone(), fault, at));
            let cut = world.run_over(faulty.clone()).await;
            if !faulty.is_over() {
                break;
            }
            cuts += usize::from(cut.is_err());
            world.run_after(3_600_000).await;
            assert_eq!(set(world.items().await), all, "{fault:?} at {at}");
            world.assert_once().await;
            assert!(world.service_is_well().await);
        }
        assert!(cuts > 20, "{cuts}");
    }
}

impl World {
    async fn service_is_well(&self) -> bool {
        let service = self.service();
        service.run(Until::Done).await.unwrap();
        service.status().is_well()
    }
}

#[tokio::test]
async fn dropped_at_any_moment_it_goes_on() {
    let (_files, _repository, _source, resources) = three().await;
    let world = World::with(&resources, None).await;
    let mut rounds = 0;
    for round in 0..60_u64 {
        let service = world.service();
        let _ = tokio::time::timeout(Duration::from_millis(round % 12), service.run(Until::Done)).await;
        rounds += 1;
    }
    world.run_after(3_600_000).await;
    world.run().await;
    assert_eq!((rounds, world.items().await.len()), (60, 40));
    world.assert_once().await;
    assert!(world.service_is_well().await);
}

#[tokio::test]
async fn second_wallet_on_retry() {
    // The first system paid again whenever it was cut off between the deal and the note of it. Here the same key is sent.
    let (_files, _repository, _source, resources) = three().await;
    // Cut off right after each hand-over, again and again.
    let outside: Arc<streams_core::conformance::flaky::World> = Arc::default();
    let mut world = World::with(&resources, None).await;
    world.attic = Arc::new(FlakyArchiver::new(outside.clone(), "attic", Recovery::Repeat));
    for _ in 0..4 {
        outside.inner().flaws.extend([Flaw::StopsAfter]);
        let service = world.service();
        let _ = tokio::time::timeout(Duration::from_millis(500), service.run(Until::Done)).await;
        outside.inner().now += 3_600_000;
    }
    for _ in 0..6 {
        outside.inner().now += 3_600_000;
        world.run_after(3_600_000).await;
    }
    let inner = outside.inner();
    let keys: BTreeSet<_> = inner.kept.values().map(|kept| kept.key).collect();
    assert_eq!(keys.len(), inner.kept.len(), "one deal for each key");
    let contents: BTreeSet<_> = inner.kept.values().map(|kept| kept.bytes.clone()).collect();
    assert_eq!(contents.len(), inner.kept.len(), "one deal for each pack");
    assert!(!inner.kept.is_empty());
}

#[tokio::test]
async fn deals_are_in_the_stream_when_copies_are_there() {
    let (_files, _repository, _source, resources) = three().await;
    let world = World::with(&resources, None).await;
    let service = world.service();
    service.run(Until::Done).await.unwrap();
    let status = service.status();
    assert!(status.is_well(), "{status:?}");
    assert_eq!((status.streams.len(), status.streams[0].resources.len()), (1, 3));
    assert!(status.streams[0].packs >= 1 && status.streams[0].places[0].lacking == 0, "{status:?}");
    let deals = world.view().await.deals;
    assert!(!deals.is_empty() && deals.values().all(|deal| deal.state == "active" && deal.archiver == "attic"));
    let metrics = service.metrics();
    assert!(metrics.contains("streams_archive_items_total 40\n"), "{metrics}");
    assert!(metrics.contains("streams_archive_lacking_copies{owner=\"ada\",slug=\"notes\"} 0\n"), "{metrics}");
}

#[tokio::test]
async fn two_streams_of_one_payer_have_reports_of_their_own() {
    use streams_archive::object::Config;
    use streams_archive::stream::{self, Spec};
    let outside: Arc<streams_core::conformance::flaky::World> = Arc::default();
    (outside.inner().money, outside.inner().now) = (u64::MAX, 1_000_000);
    let (_files, _repository, _source, resources) = three().await;
    let mut world = World::with(&resources[..1], None).await;
    world.attic = Arc::new(
        FlakyArchiver::new(outside.clone(), "attic", Recovery::Repeat).with(|capabilities| capabilities.priced = true),
    );
    let node = world.node();
    let ada = crate::fixtures::ada();
    let hand = crate::fixtures::hand(&node, &ada);
    let config = Config { places: Some(vec!["attic".into()]), ..Config::default() };
    let spec = Spec { config, ..Spec::new(crate::fixtures::slug("other")) };
    let other = stream::create(hand, &crate::fixtures::slug("ada"), &spec).await.unwrap().stream();
    stream::add_resource(hand, other, &resources[2]).await.unwrap();
    let service = world.service();
    for _ in 0..8 {
        service.run(Until::Done).await.unwrap();
        use streams_core::clock::Clock;
        world.clock.set(world.clock.now() + 3_600_000);
        outside.inner().now += 3_600_000;
    }
    let spent: Vec<u64> = service.status().streams.iter().map(|stream| stream.places[0].spent).collect();
    assert_eq!(spent.len(), 2);
    assert!(spent.iter().all(|spent| *spent > 0), "{spent:?}");
    let paid = u64::MAX - outside.inner().money;
    assert_eq!(spent.iter().sum::<u64>(), paid, "what one payer paid is what the streams cost");
}

#[tokio::test]
async fn a_place_that_is_no_place_keeps_no_stream_waiting() {
    use streams_archive::object::{Config, Meta};
    let (_files, _repository, _source, resources) = three().await;
    let world = World::with(&resources[..1], None).await;
    let places = Config { places: Some(vec!["nowhere".into(), "attic".into()]), ..Config::default() };
    let node = world.node();
    let ada = crate::fixtures::ada();
    streams_archive::stream::change(crate::fixtures::hand(&node, &ada), world.stream, &Meta::default(), &places)
        .await
        .unwrap();
    let service = world.service();
    service.run(Until::Done).await.unwrap();
    let status = service.status();
    assert_eq!(status.closed_places, [("nowhere".to_owned(), "nowhere is no place".to_owned())]);
    assert!(!status.is_well() && status.streams[0].places[0].lacking == 0);
}

#[tokio::test]
async fn what_is_delivered_is_durable_when_it_is_answered() {
    let reference = Reference::credential().unwrap();
    let mut hook = Resource::parse("webhook:ci").unwrap();
    hook.credential = Some(reference.to_string());
    let world = World::with(std::slice::from_ref(&hook), None).await;
    let service = world.service();
    service.run(Until::Done).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(web::serve(service.clone(), listener));
    let client = reqwest::Client::new();
    let post = async |path: &str, bearer: &str, id: &str, body: &'static str| {
        let request = client.post(format!("{address}{path}")).header("authorization", format!("Bearer {bearer}"));
        let response = request.header("x-delivery-id", id).body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.text().await.unwrap())
    };
    let path = format!("/hook/{}/{}", world.stream, hook.key());
    assert_eq!(post(&path, "key", "1", "{}").await.0, 401, "without a secret nobody is known");
    world.vault.put_new(&reference, Entry { label: "ci".into(), secret: secret("key") }).unwrap();
    assert_eq!(post(&path, "wrong", "1", "{}").await.0, 401);
    let kept = post(&path, "key", "1", "{\"action\": \"opened\"}").await;
    assert!(kept.0 == 200 && kept.1.contains("\"new\":true"), "{kept:?}");
    assert_eq!(world.sources().await, ["1"]);
    let again = post(&path, "key", "1", "{\"action\": \"opened\"}").await;
    assert!(again.0 == 200 && again.1.contains("\"new\":false"), "{again:?}");
    assert_eq!(world.sources().await.len(), 1, "sent again, it is there once");
    for wrong in ["/hook/x/y", "/hook", &format!("/hook/{}/{}", world.stream, "0".repeat(32))] {
        assert_eq!(post(wrong, "key", "1", "{}").await.0, 404, "{wrong}");
    }
    let large = client.post(format!("{address}{path}")).body(vec![b'x'; 2 << 20]).send().await;
    assert!(large.is_err() || large.unwrap().status().as_u16() == 413);
    let text = async |path: &str| client.get(format!("{address}{path}")).send().await.unwrap().text().await.unwrap();
    assert!(text("/metrics").await.contains("deliveries_total{result=\"taken\"} 2"));
    assert!(text("/status").await.contains("\"name\":\"webhook:ci\""));
    assert_eq!(text("/healthz").await, "well\n");
    server.abort();
    let nowhere = Delivery { signature: None, authorization: None, id: None, event: None, body: b"x" };
    let answer = service.deliver(world.stream, Resource::parse("folder:/x").unwrap().key(), nowhere).await;
    assert!(matches!(answer, Err(Undelivered::Nowhere)));
}

#[tokio::test]
async fn streams_and_resources_that_come_later_join_by_themselves() {
    let (_files, _repository, _source, resources) = three().await;
    let world = World::with(&resources[..1], None).await;
    let service = world.service();
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run(Until::Forever).await }
    });
    let wait = async |count: usize| {
        for _ in 0..500 {
            if world.items().await.len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {count}", world.items().await.len());
    };
    wait(3).await;
    let (node, ada) = (world.node(), crate::fixtures::ada());
    let hand = crate::fixtures::hand(&node, &ada);
    streams_archive::stream::add_resource(hand, world.stream, &resources[1]).await.unwrap();
    wait(5).await;
    let spec = streams_archive::stream::Spec::new(crate::fixtures::slug("later"));
    let later = streams_archive::stream::create(hand, &crate::fixtures::slug("ada"), &spec).await.unwrap().stream();
    streams_archive::stream::add_resource(hand, later, &resources[2]).await.unwrap();
    for _ in 0..500 {
        let status = service.status();
        if status.streams.len() == 2 && status.streams[0].appended == 35 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(service.status().streams[0].appended, 35);
    running.abort();
}

/// The time of the runtime, and how often somebody asked for it.
#[derive(Debug)]
struct Counting {
    began: Instant,
    asked: AtomicU64,
}

#[async_trait::async_trait]
impl Clock for Counting {
    fn now(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst);
        1_000_000 + self.began.elapsed().as_millis() as u64
    }

    async fn until(&self, time: u64) {
        tokio::time::sleep_until(self.began + Duration::from_millis(time.saturating_sub(1_000_000))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_at_rest_wakes_for_what_is_due_and_for_nothing_else() {
    let files = TempDir::new().unwrap();
    fs::write(files.path().join("a.md"), "one").unwrap();
    let folder = Resource::parse(&format!("folder:{}", files.path().display())).unwrap();
    let world = World::with(&[], None).await;
    let (node, ada) = (world.node(), crate::fixtures::ada());
    let hand = crate::fixtures::hand(&node, &ada);
    for number in 0..20 {
        let config = Config { places: Some(vec!["attic".into()]), ..Config::default() };
        let spec = Spec { config, ..Spec::new(crate::fixtures::slug(&format!("stream-{number}"))) };
        let stream = stream::create(hand, &crate::fixtures::slug("ada"), &spec).await.unwrap().stream();
        stream::add_resource(hand, stream, &folder).await.unwrap();
    }
    let store = Arc::new(FaultyStore::new(world.store.clone(), Fault::Delays, u64::MAX));
    let clock = Arc::new(Counting { began: Instant::now(), asked: AtomicU64::new(0) });
    let service = Service::new(Setup { clock: clock.clone(), ..world.setup(store.clone()) });
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run(Until::Forever).await }
    });
    let appended = || service.status().streams.iter().map(|stream| stream.appended).sum::<u64>();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(service.status().is_well() && appended() == 20, "{:?}", service.status());
    while tokio::time::timeout(Duration::from_millis(1), service.changed()).await.is_ok() {}
    let done = || (store.calls(), clock.asked.load(Ordering::SeqCst));
    let before = done();
    // Until half an hour after they were made, when it is time to ask how the deals stand.
    let changed = tokio::time::timeout(Duration::from_secs(28 * 60), service.changed()).await;
    assert_eq!((done(), changed.is_ok()), (before, false));
    // And it is no sleep for ever: by time, and by what is written.
    fs::write(files.path().join("a.md"), "two").unwrap();
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    assert_eq!(appended(), 40);
    stream::add_resource(hand, world.stream, &folder).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(appended(), 41);
    assert!(!running.is_finished());
    running.abort();
}
