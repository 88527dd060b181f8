//! The archival system as a whole: what changes is fetched, written, copied and read, while everything that can ends in
//! the middle; and at the end all of it is there, once, everywhere, and no secret is.

mod changing;
mod consumer;
mod link;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use streams_archive::Item;
use streams_archive::service::Status;
use streams_core::StreamId;
use streams_core::archiver::Archiver;
use streams_core::conformance::flaky::Stage;

use self::changing::{Deliveries, Sources};
use self::world::{CANARIES, Dice, Life, Owner, World, items, order, pollster, within};
use super::archival::has;

/// By what a run is the same again, as far as what is thrown for decides.
const SEED: u64 = 1;

/// How often the consumer is killed.
const KILLS: usize = 200;

/// How often everything changes, and both services are killed: at least, and at most while the consumer is.
const ROUNDS: [usize; 2] = [60, 400];

const MINUTE: u64 = 61_000;
const HALF_A_DAY: u64 = 12 * 60 * 60 * 1000;

#[test]
fn whatever_is_killed_all_is_there_once_everywhere_and_no_secret_is() {
    let world = World::new(SEED);
    world::log_into(&world.home.path("log"));
    let (mut sources, owners) = Sources::new(&world);
    let deliveries = Deliveries::begin(&owners[1], &sources.hook);
    let consumer = consumer::kill(&world, KILLS, SEED);
    let (mut dice, mut told) = (Dice(SEED), String::new());
    for _ in (0..ROUNDS[1]).take_while(|round| *round < ROUNDS[0] || !consumer.is_finished()) {
        sources.change(&mut dice);
        let flaws = (0..dice.throw(4)).map(|_| dice.flaw()).collect::<Vec<_>>();
        world.deals.inner().flaws.extend(flaws);
        world.pass(MINUTE);
        let lives = owners.each_ref().map(|owner| Life::begin(&world, owner));
        deliveries.go_to(Some(lives[1].address));
        let mut lives = Vec::from(lives);
        while !lives.is_empty() {
            thread::sleep(Duration::from_millis(dice.throw(200)));
            told += &lives.swap_remove(dice.throw(lives.len() as u64) as usize).kill();
        }
    }
    let deliveries = {
        let life = Life::begin(&world, &owners[1]);
        deliveries.go_to(Some(life.address));
        let taken = deliveries.end();
        told += &life.kill();
        taken
    };
    sources.calm();
    world.deals.inner().flaws.clear();
    let standing = settle(&world, &owners);
    told += &serde_json::to_string(&standing).unwrap();

    let all: Vec<Vec<Item>> = owners.iter().map(|owner| items(&world.store(), owner.stream)).collect();
    let count = sources.assert_all_is_there(&world, &all.concat(), deliveries);
    assert!(count > ROUNDS[0] * 4 && deliveries > ROUNDS[0] / 2, "{count} items, {deliveries} deliveries");
    consumer.join().unwrap();
    assert_index_is_as_if_built_afresh(&world);
    let streams = owners.each_ref().map(|owner| owner.stream);
    assert_copies_are_complete(&world, &streams);
    link::sync(&world, &streams);
    assert_same(&world, "peer.db", &streams);
    export(&world, &owners, &mut told);
    assert!(sources.was_asked_with_secret(), "where no secret was used, none could be found");
    assert_no_secret_is_in(&world, &told, sources.http.credential.as_deref().unwrap());
}

/// Lets days go by until all is as it is wanted, however long those wait to whom something happened.
fn settle(world: &World, owners: &[Owner]) -> Vec<Status> {
    for _ in 0..60 {
        world.pass(HALF_A_DAY);
        let standing: Vec<Status> = owners.iter().map(|owner| world.settle(owner)).collect();
        let is_whole = |status: &Status| {
            let all_in_packs =
                status.streams.iter().all(|stream| stream.waiting == Some(0) && stream.places.len() == 3);
            status.is_well() && all_in_packs
        };
        if standing.iter().all(is_whole) {
            return standing;
        }
    }
    panic!("{:#?}", owners.iter().map(|owner| world.settle(owner)).collect::<Vec<_>>());
}

/// That the index whose program was killed all the while has what one has that is built from all that there is now.
fn assert_index_is_as_if_built_afresh(world: &World) {
    let [one, other] = ["index", "afresh"].map(|index| (consumer::catch_up(world, index), index));
    assert_eq!(one.0["items"], other.0["items"]);
    let [one, other] = [one, other].map(|(_, index)| consumer::documents(&world.home.path(index)));
    assert!(one.len() > ROUNDS[0] * 3, "{} documents", one.len());
    assert!(one == other, "{} documents, and {} afresh", one.len(), other.len());
}

/// That each place alone gives both streams back, whole; and that nobody made a deal twice.
fn assert_copies_are_complete(world: &World, streams: &[StreamId]) {
    let inner = world.deals.inner();
    let keys: BTreeSet<_> = inner.kept.values().map(|kept| kept.key).collect();
    assert_eq!(keys.len(), inner.kept.len(), "a deal was made twice");
    for (number, kept) in inner.kept.values().enumerate() {
        // What came to nothing is searched for secrets, too, and restored from by nobody.
        let folder = world.home.path(if kept.stage == Stage::Active { "deals" } else { "no-deals" });
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{number:04}.car")), &kept.bytes).unwrap();
    }
    drop(inner);
    pollster(fetch_all(&world.bucket(), &world.home.path("bucket")));
    for place in ["attic", "bucket", "deals"] {
        world.home.streams(&format!("archive restore {place} --store from-{place}.db")).expect(0);
        assert_same(world, &format!("from-{place}.db"), streams);
    }
}

/// Fetches every pack of a place into a folder.
async fn fetch_all(archiver: &impl Archiver, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let packs = archiver.list(None, 10_000).await.unwrap();
    for (number, (ticket, size)) in packs.iter().enumerate() {
        let bytes = archiver.fetch(ticket, 0, *size as usize).await.unwrap();
        assert_eq!(bytes.len() as u64, *size);
        fs::write(folder.join(format!("{number:04}.car")), bytes).unwrap();
    }
}

/// That a store has the streams as the first one has them.
fn assert_same(world: &World, name: &str, streams: &[StreamId]) {
    let store = world.home.path(name);
    for stream in streams {
        assert_eq!(order(&store, *stream), order(&world.store(), *stream), "{name}");
        let verified = within(&store, async |node| node.verify(*stream, |_| ()).await.unwrap());
        assert!(verified.is_clean(), "{name}");
    }
}

/// Writes down all that the command line tells of the streams, and exports them.
fn export(world: &World, owners: &[Owner], told: &mut String) {
    for Owner { key, name, slug, stream } in owners {
        fs::write(world.home.path(&format!("{name}.key")), data_encoding::HEXLOWER.encode(&key.to_bytes())).unwrap();
        world.home.streams(&format!("export {stream} --store s.db --out {slug}.streams")).expect(0);
        for asked in [
            format!("log {stream} --store s.db --json"),
            format!("stream items {slug} --store s.db --key {name}.key --all --json"),
            format!("stream show {slug} --store s.db --key {name}.key --json"),
            format!("archiver status --store s.db --key {name}.key --json"),
        ] {
            *told += &world.home.streams(&asked).expect(0);
        }
    }
}

/// Searches every byte: stores and their logs, shelves, places, exports, what went over the link, what was logged and told.
fn assert_no_secret_is_in(world: &World, told: &str, reference: &str) {
    let files = world.home.everything();
    for canary in CANARIES {
        assert!(!has(told.as_bytes(), canary), "{canary} was told");
        for (path, bytes) in &files {
            assert!(!has(bytes, canary), "{canary} is in {}", path.display());
        }
    }
    // What was searched is what was written.
    for place in ["s.db", "peer.db", "from-bucket.db", "attic", "bucket", "deals", "link", "work.streams"] {
        let mut files = files.iter().filter(|(path, _)| path.to_string_lossy().starts_with(place));
        assert!(files.any(|(_, bytes)| has(bytes, reference)), "{place} has nothing of the stream");
    }
    let log = files.iter().find(|(path, _)| path.as_os_str() == "log").map(|(_, bytes)| &bytes[..]);
    assert!(log.is_some_and(|log| has(log, "appended")) && has(told.as_bytes(), "streams_archive_deliveries_total"));
}
