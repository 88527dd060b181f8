//! Each way in which an archiver fails, and what is made of it.

use std::sync::Arc;

use streams_core::archive::ledger::{Deal, State};
use streams_core::archive::plan::{Place, Policy, PolicyError};
use streams_core::archiver::{Archiver, FailureKind, Gone, Recovery, SubmissionKey};
use streams_core::conformance::fixtures::{author, hash_key};
use streams_core::conformance::flaky::{Flaw, Stage, World};
use streams_core::node::keep::{KeepError, Keeper};
use streams_core::{Draft, MemoryShelf, MemoryStore, Node, Store};

use super::scene::{Scene, blake3_of, flaky, one, owner, progress, restored};
use super::{DAY, HOUR};

#[test]
fn every_failure_is_waited_out_by_its_kind() {
    for kind in FailureKind::ALL {
        let scene = one(Recovery::Repeat, 1);
        scene.world.inner().flaws = vec![Flaw::Fails(kind); 3].into();
        let (_, due) = scene.run().unwrap();
        let now = scene.world.inner().now;
        let wait = due.unwrap() - now;
        match kind.retry() {
            streams_core::archiver::Retry::Soon if kind == FailureKind::RateLimited => assert_eq!(wait, 5_000),
            streams_core::archiver::Retry::Soon => assert!((1..=1_000).contains(&wait), "{kind:?}: {wait}"),
            streams_core::archiver::Retry::Slowly | streams_core::archiver::Retry::AfterAction => {
                assert!((HOUR / 2..=HOUR).contains(&wait), "{kind:?}: {wait}");
            }
        }
        let expected = match kind.retry() {
            streams_core::archiver::Retry::AfterAction => format!("blocked: {}", kind.code()),
            _ => format!("{} in ", kind.code()),
        };
        assert!(progress(&scene).starts_with(&expected), "{} for {kind:?}", progress(&scene));
        scene.settle();
        scene.check();
    }
}

#[test]
fn waiting_grows_and_has_an_end() {
    let scene = one(Recovery::Repeat, 1);
    let mut waits = Vec::new();
    for _ in 0..30 {
        scene.world.inner().flaws = vec![Flaw::Fails(FailureKind::Unreachable)].into();
        scene.run();
        let (records, now) = (scene.records(), scene.world.inner().now);
        let wait = records[0].jobs[0].not_before - now;
        waits.push(wait);
        scene.advance(wait);
    }
    assert!(waits[0] <= 1_000 && waits[29] >= HOUR / 2 && waits.iter().all(|wait| *wait <= HOUR), "{waits:?}");
    assert!(waits[20..].windows(2).any(|pair| pair[0] != pair[1]), "all come back at one moment: {waits:?}");
}

#[test]
fn what_comes_to_nothing_is_done_again_under_another_key() {
    let scene = one(Recovery::Repeat, 1);
    scene.world.inner().flaws = vec![Flaw::Rejects].into();
    scene.run();
    scene.settle();
    let deals: Vec<Deal> = scene.deals().into_iter().take(2).map(|(_, deal)| deal).collect();
    assert!(matches!(&deals[0].state, State::Failed { failure, .. } if failure.kind == FailureKind::Rejected));
    assert!(deals[1].held().is_some() && deals[1].key != deals[0].key);
    assert_eq!(scene.receipts().len(), 1, "what never was is not told");
}

#[test]
fn what_stands_still_is_replaced_and_watched() {
    let scene = one(Recovery::Repeat, 1);
    scene.world.inner().flaws = vec![Flaw::Stalls].into();
    for _ in 0..80 {
        scene.run();
        scene.advance(HOUR);
    }
    scene.settle();
    let deals: Vec<Deal> = scene.deals().into_iter().take(2).map(|(_, deal)| deal).collect();
    assert!(deals[0].stalled && matches!(deals[0].state, State::Pending { .. }), "{deals:?}");
    assert!(deals[1].held().is_some());
    // It was not dead.
    scene.world.inner().kept.values_mut().for_each(|kept| kept.stage = Stage::Active);
    scene.advance(2 * HOUR);
    scene.run();
    assert!(scene.deals()[0].1.held().is_some(), "it is watched all the same");
}

#[test]
fn a_sign_of_life_counts_anew() {
    let scene = one(Recovery::Repeat, 1);
    scene.run();
    let begun = scene.world.inner().now;
    // Far longer than the patience, but it moves from time to time.
    for number in 0..6_u8 {
        scene.world.inner().kept.values_mut().for_each(|kept| kept.stage = Stage::Pending(200 - number * 20));
        scene.advance(2 * DAY);
        scene.run();
    }
    assert!(scene.world.inner().now - begun > 3 * scene.policy.patience);
    assert_eq!(scene.deals().len(), 1, "nobody replaced it");
}

#[test]
fn not_known_is_not_failed() {
    let scene = one(Recovery::Repeat, 1);
    scene.settle();
    let before = scene.world.inner().kept.len();
    for flaw in [Flaw::Unknown, Flaw::Fails(FailureKind::Unreachable), Flaw::Fails(FailureKind::Unauthorized)] {
        scene.advance(2 * HOUR);
        scene.world.inner().flaws = vec![flaw; 4].into();
        scene.run();
        assert_eq!(scene.world.inner().kept.len(), before, "{flaw:?}: nothing is replaced");
        assert!(scene.deals().iter().all(|(_, deal)| deal.held().is_some() && deal.unknown.is_some()), "{flaw:?}");
    }
    scene.settle();
    assert!(scene.deals().iter().all(|(_, deal)| deal.unknown.is_none()));
    // For longer than the patience: another is made, and this one is not given up.
    for _ in 0..5 {
        scene.advance(DAY);
        scene.world.inner().flaws = vec![Flaw::Unknown; 2].into();
        scene.run();
    }
    scene.settle();
    assert!(scene.world.inner().kept.len() > before);
    scene.check();
}

#[test]
fn what_is_lost_is_repaired_from_another_copy_and_told() {
    let world = Arc::new(World::default());
    let archivers: Vec<Arc<dyn Archiver>> =
        vec![Arc::new(flaky(&world, "one", Recovery::Repeat)), Arc::new(flaky(&world, "two", Recovery::Repeat))];
    let scene = Scene::new(world.clone(), archivers, 1);
    scene.settle();
    let lose = |why| {
        let mut world = world.inner();
        world.kept.values_mut().filter(|kept| kept.archiver == "one").for_each(|kept| kept.stage = Stage::Gone(why));
    };
    lose(Gone::Lost);
    scene.advance(2 * HOUR);
    scene.settle();
    assert_eq!(restored(scene.stream, &scene.packs("one")), scene.digest());
    let states: Vec<String> = scene.receipts().into_iter().map(|receipt| receipt.state).collect();
    assert_eq!(states.iter().filter(|state| *state == "lost").count(), 1, "{states:?}");
    assert!(scene.records().iter().all(|record| !record.here));
}

#[test]
fn without_repair_what_is_lost_stays_lost() {
    let mut scene = one(Recovery::Repeat, 1);
    scene.policy.repair = false;
    scene.settle();
    scene.world.inner().kept.values_mut().for_each(|kept| kept.stage = Stage::Gone(Gone::Lost));
    scene.advance(2 * HOUR);
    for _ in 0..20 {
        scene.run();
        scene.advance(HOUR);
    }
    assert!(scene.packs("one").len() < 3, "only the receipt of the loss is kept");
    assert!(scene.receipts().iter().any(|receipt| receipt.state == "lost"));
}

#[test]
fn where_no_bytes_are_left_the_stream_is_archived_anew() {
    let scene = one(Recovery::Repeat, 1);
    scene.settle();
    scene.write(3);
    scene.advance(2 * HOUR);
    scene.settle();
    scene.world.inner().kept.values_mut().for_each(|kept| kept.stage = Stage::Gone(Gone::Lost));
    scene.advance(2 * HOUR);
    scene.settle();
    assert_eq!(restored(scene.stream, &scene.packs("one")), scene.digest());
    assert!(scene.records().iter().skip(1).any(|record| !record.continues));
    scene.check();
}

#[test]
fn what_may_be_there_of_a_pack_that_was_given_up_is_looked_for() {
    let lose = |scene: &Scene, archiver: &str| {
        let mut world = scene.world.inner();
        let own = world.kept.values_mut().filter(|kept| kept.archiver == archiver);
        own.for_each(|kept| kept.stage = Stage::Gone(Gone::Lost));
    };
    // What the first has, and the ledger has no ticket of.
    let unknown = |scene: &Scene| {
        let own = scene.deals().into_iter().filter(|(archiver, _)| archiver == "one").map(|(_, deal)| deal);
        let intended = own.filter(|deal| deal.state == State::Intended);
        let world = scene.world.inner();
        let there = |key: &SubmissionKey| world.kept.values().any(|kept| kept.key == *key);
        intended.map(|deal| deal.key).filter(there).collect::<Vec<_>>()
    };
    // A copy is made again, and the keeper falls right after it was handed over.
    let fallen = (0..40).find_map(|calls| {
        let world = Arc::new(World::default());
        let archivers: Vec<Arc<dyn Archiver>> =
            vec![Arc::new(flaky(&world, "one", Recovery::Find)), Arc::new(flaky(&world, "two", Recovery::Repeat))];
        let scene = Scene::new(world, archivers, 1);
        scene.settle();
        lose(&scene, "one");
        scene.advance(DAY);
        scene.world.inner().flaws = [vec![Flaw::None; calls], vec![Flaw::StopsAfter]].concat().into();
        scene.run();
        (!unknown(&scene).is_empty()).then_some(scene)
    });
    let scene = fallen.expect("it falls after a submission");
    let handed_over = unknown(&scene);
    // Before it can be asked what became of that, the other copy is lost, and so are the last bytes.
    lose(&scene, "two");
    scene.world.inner().flaws.clear();
    scene.world.inner().unreachable.insert("one".into());
    let anew = || scene.records().iter().skip(1).any(|record| !record.continues);
    for _ in (0..100).take_while(|_| !anew()) {
        scene.run();
        scene.advance(HOUR);
    }
    assert!(anew(), "the stream is archived anew");
    assert_eq!(unknown(&scene), handed_over, "nobody knows yet");
    scene.world.inner().unreachable.clear();
    scene.settle();
    scene.advance(DAY);
    scene.settle();
    assert_eq!(unknown(&scene), []);
    scene.check();
}

#[test]
fn what_ends_is_renewed_and_nothing_else() {
    let world = Arc::new(World::default());
    let archiver = flaky(&world, "one", Recovery::Repeat).with_term(60 * DAY);
    let scene = Scene::new(world.clone(), vec![Arc::new(archiver)], 1);
    scene.settle();
    scene.write(2);
    scene.advance(30 * DAY);
    scene.settle();
    let packs = scene.records().len();
    let (old, young) =
        (0..packs).partition::<Vec<_>, _>(|at| scene.records()[*at].sealed < world.inner().now - 20 * DAY);
    assert!(!old.is_empty() && !young.is_empty());
    // Eight days before the first end: nothing. Six days before: those, and no others.
    scene.advance(22 * DAY - HOUR);
    scene.run();
    assert!(scene.records().iter().all(|record| record.jobs[0].deals.len() == 1));
    scene.advance(2 * DAY);
    scene.settle();
    for at in old {
        let deals = scene.records()[at].jobs[0].deals.clone();
        assert_eq!((deals.len(), deals[1].renews), (2, Some(0)), "pack {at} was not renewed");
    }
    for at in young {
        assert_eq!(scene.records()[at].jobs[0].deals.len(), 1, "pack {at} was renewed too early");
    }
    // The old deals end, which is no loss.
    let before = world.inner().kept.len();
    scene.advance(10 * DAY);
    scene.settle();
    let expired = scene.receipts().iter().filter(|receipt| receipt.state == "expired").count();
    assert!(expired >= 1 && scene.deals().iter().all(|(_, deal)| deal.number <= 1));
    assert!(world.inner().kept.len() <= before + 2, "only what was told since is archived");
}

#[test]
fn some_copies_are_better_than_none_and_the_rest_follows() {
    let scene = one(Recovery::Repeat, 3);
    scene.world.inner().flaws = vec![Flaw::Partial].into();
    scene.run();
    scene.settle();
    let deals = scene.deals();
    let held: Vec<usize> = deals.iter().filter_map(|(_, deal)| Some(deal.held()?.copies.len())).collect();
    assert_eq!(held[..2], [1, 2], "one deal gave one copy, and another was made of the two that lacked");
    assert_eq!(deals[0].1.held().unwrap().failures.len(), 2);
    let receipts = scene.receipts();
    assert!(receipts.iter().any(|receipt| receipt.failures.len() == 2));
}

#[test]
fn what_is_damaged_is_found_by_reading_back() {
    let mut scene = one(Recovery::Repeat, 1);
    scene.policy.audit = Some(10 * DAY);
    scene.settle();
    scene.write(1);
    scene.advance(2 * HOUR);
    scene.settle();
    let first = scene.records()[0].jobs[0].deals[0].ticket().unwrap().clone();
    scene.world.inner().kept.get_mut(&first).unwrap().bytes[100] ^= 1;
    scene.advance(DAY);
    assert!(scene.run().unwrap().0, "it is not yet time to read all back");
    scene.advance(11 * DAY);
    scene.settle();
    assert!(scene.receipts().iter().any(|receipt| receipt.state == "damaged"));
    let good = scene
        .packs("one")
        .into_iter()
        .filter(|pack| scene.records().iter().any(|record| record.digest == *blake3_of(pack)));
    assert_eq!(restored(scene.stream, &good.collect::<Vec<_>>()), scene.digest());
}

#[test]
fn what_is_damaged_is_taken_away_when_there_is_another() {
    let world = Arc::new(World::default());
    let archivers: Vec<Arc<dyn Archiver>> = vec![
        Arc::new(flaky(&world, "one", Recovery::Repeat)),
        Arc::new(flaky(&world, "stubborn", Recovery::Repeat).with(|can| can.releases = false)),
    ];
    let mut scene = Scene::new(world, archivers, 1);
    scene.policy.audit = Some(10 * DAY);
    scene.settle();
    for (archiver, stays) in [("one", false), ("stubborn", true)] {
        let job = scene.records()[0].jobs.iter().position(|job| job.archiver == archiver).unwrap();
        let ticket = scene.records()[0].jobs[job].deals[0].ticket().unwrap().clone();
        scene.world.inner().kept.get_mut(&ticket).unwrap().bytes[100] ^= 1;
        scene.advance(11 * DAY);
        scene.settle();
        let deals = scene.records()[0].jobs[job].deals.clone();
        assert!(matches!(deals[0].state, State::Gone { why: Gone::Damaged, .. }) && deals[1].held().is_some());
        assert_eq!(scene.world.inner().kept.contains_key(&ticket), stays, "{archiver}");
    }
    assert!(!scene.receipts().iter().any(|receipt| receipt.state.contains("released")), "it was not asked for");
}

#[test]
fn money_is_counted_and_runs_out_and_comes_back() {
    let world = Arc::new(World::default());
    let priced = |id| Arc::new(flaky(&world, id, Recovery::Find).with(|can| can.priced = true)) as Arc<dyn Archiver>;
    let archivers = vec![priced("dear"), Arc::new(flaky(&world, "free", Recovery::Repeat)) as Arc<dyn Archiver>];
    let mut scene = Scene::new(world.clone(), archivers, 1);
    scene.run();
    assert_eq!(progress(&scene), "blocked: unfunded");
    for _ in 0..5 {
        scene.advance(DAY);
        scene.run();
    }
    assert!(!scene.packs("free").is_empty(), "who has no money does not keep others waiting");
    // The budget is not the money that is there.
    world.inner().money = 1 << 40;
    scene.policy.places[0].budget = Some(10);
    scene.run_over(scene.store.clone(), true);
    assert_eq!(progress(&scene), "blocked: over-budget");
    assert_eq!(world.inner().money, 1 << 40, "nothing was spent");
    scene.policy.places[0].budget = Some(1 << 30);
    scene.settle();
    let spent: u64 = scene.records().iter().flat_map(|record| &record.jobs).map(|job| job.cost()).sum();
    assert_eq!(world.inner().money, (1 << 40) - spent, "what was spent is what is counted");
}

#[test]
fn a_size_that_does_not_fit_is_told_and_nothing_is_sent() {
    for (unit, code) in [(1_000_000..=2_000_000, "too-small"), (0..=10, "too-large")] {
        let world = Arc::new(World::default());
        let picky = flaky(&world, "one", Recovery::Repeat).with(|can| can.unit = unit.clone());
        let scene = Scene::new(world, vec![Arc::new(picky)], 1);
        scene.run();
        assert_eq!(progress(&scene), format!("blocked: {code}"));
        assert!(scene.world.inner().kept.is_empty());
    }
}

#[test]
fn what_may_have_arrived_twice_is_not_sent_a_third_time() {
    let scene = one(Recovery::Neither, 1);
    scene.world.inner().flaws = vec![Flaw::Tears; 2].into();
    for _ in 0..50 {
        scene.run();
        scene.advance(HOUR);
    }
    assert_eq!(progress(&scene), "blocked: doubtful");
    assert!(scene.world.inner().kept.len() <= 2);
    scene.check();
    // Somebody looked, and says go on.
    scene.world.inner().flaws.clear();
    scene.run_over(scene.store.clone(), true);
    scene.settle();
    let deals = scene.deals();
    assert!(matches!(&deals[0].1.state, State::Failed { failure, .. } if failure.kind == FailureKind::Doubtful));
    assert!(deals[1].1.held().is_some());
}

#[test]
fn what_cannot_be_wanted_is_refused() {
    let scene = one(Recovery::Repeat, 1);
    let want = |policy: Policy| {
        let want = async {
            let shelf = Arc::new(MemoryShelf::default());
            let mut keeper = Keeper::new(scene.node(), owner(), scene.archivers.clone(), shelf);
            match keeper.want(scene.stream, policy).await {
                Err(KeepError::Policy(error)) => error.code(),
                other => panic!("{other:?}"),
            }
        };
        pollster::block_on(want)
    };
    let place = |archiver: &str, copies| Place { archiver: archiver.into(), copies, budget: None };
    let with = |places| Policy { places, ..Policy::default() };
    assert_eq!(want(with(vec![place("nobody", 1)])), PolicyError::NoArchiver("nobody".into()).code());
    assert_eq!(want(with(vec![place("one", 1), place("one", 2)])), "twice");
    assert_eq!(want(with(vec![place("one", 0)])), "copies");
    assert_eq!(want(with(vec![place("one", 4)])), "copies");
}

#[test]
fn whoever_may_not_write_keeps_the_receipts_to_itself() {
    let world = Arc::new(World::default());
    let archiver: Arc<dyn Archiver> = Arc::new(flaky(&world, "one", Recovery::Repeat));
    let run = async {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new([1; 16], hash_key()));
        let node = Arc::new(Node::new(store, hash_key()));
        let stream = node.create(Draft::root("test/closed", [9; 16]).sign(&author(3)).unwrap()).await.unwrap();
        let shelf = Arc::new(MemoryShelf::default());
        let mut keeper = Keeper::new(node.clone(), owner(), vec![archiver], shelf);
        let places = vec![Place { archiver: "one".into(), copies: 1, budget: None }];
        keeper.want(stream, Policy { places, ..Policy::default() }).await.unwrap();
        let mut now = 1_000;
        for _ in 0..10 {
            keeper.run(&|| now, &mut || 0, &mut |_, _| ()).await.unwrap();
            now += DAY;
        }
        assert!(keeper.plan().is_settled());
        assert_eq!(node.head(stream).await.unwrap().unwrap().objects, 1);
    };
    pollster::block_on(run);
}
