//! Copies are kept whatever goes wrong: the keeper in a world where every call may fail, tear, or never return.

mod failing;

mod releasing;

mod scene;

use std::sync::Arc;

use proptest::prelude::*;
use streams_core::archive::plan::Policy;
use streams_core::archiver::shelf::Shelf;
use streams_core::archiver::{Archiver, FailureKind, Gone, Pack, Recovery, Request, SubmissionKey, Ticket};
use streams_core::conformance::archiver::conforms;
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::fixtures::{Dice, NOTE, author, content};
use streams_core::conformance::flaky::{FlakyArchiver, Flaw, Stage, World};
use streams_core::node::keep::Keeper;
use streams_core::{MemoryArchiver, MemoryShelf, ObjectId, SigningKey};

use self::scene::{Scene, flaky, kept_by_somebody_else, one, owner, restored, shuffled};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

#[test]
fn memory_conforms() {
    pollster::block_on(conforms(Arc::new(MemoryArchiver::new("memory")), async || ()));
}

#[test]
fn the_flaky_archiver_conforms_while_nothing_goes_wrong() {
    for recovery in [Recovery::Repeat, Recovery::Find, Recovery::Neither] {
        let archiver = FlakyArchiver::new(Arc::default(), "flaky", recovery);
        pollster::block_on(conforms(Arc::new(archiver), async || ()));
    }
}

#[test]
fn copies_are_made_told_and_archived_too_and_then_there_is_peace() {
    let world = Arc::new(World::default());
    let archivers: Vec<Arc<dyn Archiver>> =
        vec![Arc::new(flaky(&world, "one", Recovery::Repeat)), Arc::new(flaky(&world, "two", Recovery::Find))];
    let scene = Scene::new(world, archivers, 2);
    scene.settle();
    let records = scene.records();
    // One pack of what was there, and one of its two receipts, of which no receipts are written.
    assert_eq!(records.iter().map(|record| record.objects).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(records.iter().map(|record| record.receipts_only).collect::<Vec<_>>(), [false, true]);
    assert!(records.iter().all(|record| !record.here), "nothing waits here any more");
    assert!(pollster::block_on(scene.shelf.all(&scene.account())).unwrap().is_empty());
    let receipts = scene.receipts();
    assert_eq!(receipts.len(), 2);
    assert!(receipts.iter().all(|receipt| receipt.state == "active" && receipt.copies.len() == 2));
    // What came back from either is all, receipts included.
    for archiver in ["one", "two"] {
        assert_eq!(restored(scene.stream, &scene.packs(archiver)), scene.digest());
    }
    // Whoever looks again finds nothing to do, for ever.
    let before = scene.did.lock().unwrap().len();
    for _ in 0..10 {
        scene.advance(DAY);
        assert!(scene.run().unwrap().0);
    }
    let did = scene.did.lock().unwrap();
    let more: Vec<_> =
        did[before..].iter().filter(|did| !did.starts_with("look") && !did.starts_with("status")).collect();
    assert!(more.is_empty(), "{more:?}");
    assert_eq!(scene.records().len(), 2);
}

#[test]
fn only_what_is_new_goes_into_the_next_pack() {
    let world = Arc::new(World::default());
    let scene = Scene::new(world.clone(), vec![Arc::new(flaky(&world, "one", Recovery::Repeat))], 1);
    scene.settle();
    scene.write(4);
    scene.advance(2 * HOUR);
    scene.settle();
    let records = scene.records();
    assert_eq!(records.iter().map(|record| record.objects).collect::<Vec<_>>(), [3, 1, 4, 1]);
    assert_eq!(records.iter().map(|record| record.continues).collect::<Vec<_>>(), [false, true, true, true]);
    let mut packs = scene.packs("one");
    assert_eq!(restored(scene.stream, &packs), scene.digest());
    // In any order, twice, one of them cut, beside other files.
    packs.extend(packs.clone());
    packs.push(packs[0][..packs[0].len() / 2].to_vec());
    packs.push(b"not an archive".to_vec());
    for seed in 0..20 {
        let packs = shuffled(packs.clone(), &mut Dice(seed));
        assert_eq!(restored(scene.stream, &packs), scene.digest());
    }
}

#[test]
fn who_hears_that_there_is_something_new_looks_at_once() {
    let scene = one(Recovery::Repeat, 1);
    let shelf = Arc::new(MemoryShelf::default());
    let node = scene.node();
    let mut keeper = Keeper::new(node.clone(), owner(), scene.archivers.clone(), shelf);
    let run = async |keeper: &mut Keeper| {
        keeper.run(&|| scene.world.inner().now, &mut || 0, &mut |_, _| ()).await.unwrap();
    };
    pollster::block_on(async {
        keeper.want(scene.stream, scene.policy.clone()).await.unwrap();
        for _ in 0..8 {
            run(&mut keeper).await;
            scene.advance(61_000);
        }
        let before = scene.records().len();
        let append = |stream: &mut streams_core::Stream| stream.by(&author(1)).append(NOTE, content(7, 40)).map(drop);
        node.write(scene.stream, append).await.unwrap().unwrap();
        run(&mut keeper).await;
        assert_eq!(scene.records().len(), before, "it looks once an interval");
        keeper.look(scene.stream);
        assert!(!keeper.plan().is_settled(), "what is new is not known yet");
        run(&mut keeper).await;
        assert_eq!(scene.records().len(), before + 1);
    });
}

#[test]
fn a_pack_waits_for_its_size_or_its_age() {
    let world = Arc::new(World::default());
    let mut scene = Scene::new(world.clone(), vec![Arc::new(flaky(&world, "one", Recovery::Repeat))], 1);
    scene.policy = Policy { pack_size: 100_000, pack_age: 3 * DAY, ..scene.policy };
    let (settled, due) = scene.run().unwrap();
    assert!(!settled && scene.records().is_empty());
    let begin = world.inner().now;
    assert!(due.is_some_and(|due| due > begin && due <= begin + HOUR), "it looks again within its interval");
    scene.advance(3 * DAY - 1);
    scene.run();
    assert!(scene.records().is_empty());
    scene.advance(1);
    scene.run();
    assert_eq!(scene.records().len(), 1, "it is old enough");
    scene.advance(DAY);
    scene.run();
    scene.write(600);
    scene.advance(DAY);
    scene.run();
    assert_eq!(scene.records().len(), 2, "it is large enough");
}

/// A crash at every call of an archiver, before and after it was done, and at every call of the store.
#[test]
fn a_crash_at_every_point_loses_no_ticket_and_pays_nothing_twice() {
    let make = || {
        let world = Arc::new(World::default());
        world.inner().money = 1 << 40;
        let archivers: Vec<Arc<dyn Archiver>> = vec![
            Arc::new(flaky(&world, "repeat", Recovery::Repeat)),
            Arc::new(flaky(&world, "find", Recovery::Find).with(|capabilities| capabilities.priced = true)),
            Arc::new(flaky(&world, "neither", Recovery::Neither)),
        ];
        let other = kept_by_somebody_else(&world);
        (Scene::new(world, archivers, 1), other)
    };
    let (scene, _) = make();
    scene.settle();
    let calls = scene.world.inner().calls;
    assert!(calls > 20, "{calls}");
    for at in 0..calls {
        for flaw in [Flaw::StopsBefore, Flaw::StopsAfter] {
            let (scene, other) = make();
            let mut flaws = vec![Flaw::None; at as usize];
            flaws.push(flaw);
            scene.world.inner().flaws = flaws.into();
            // Until it is cut off; in between, time goes by.
            for _ in 0..100 {
                if scene.run().is_none() {
                    break;
                }
                scene.advance(HOUR);
            }
            scene.settle();
            scene.check();
            other.assert_untouched(&scene.world);
            assert_eq!(restored(scene.stream, &scene.packs("repeat")), scene.digest(), "{flaw:?} at {at}");
            assert_eq!(restored(scene.stream, &scene.packs("find")), scene.digest(), "{flaw:?} at {at}");
        }
    }
    let mut at = 0;
    loop {
        let mut is_over = true;
        for fault in Fault::ALL {
            let (scene, other) = make();
            let faulty = Arc::new(FaultyStore::new(scene.store.clone(), fault, at));
            for _ in 0..100 {
                match scene.run_over(faulty.clone(), false) {
                    None => break,
                    Some((true, _)) => break,
                    Some(_) => scene.advance(HOUR),
                }
            }
            is_over &= !faulty.is_over();
            scene.settle();
            scene.check();
            other.assert_untouched(&scene.world);
            assert_eq!(restored(scene.stream, &scene.packs("find")), scene.digest(), "{fault:?} at {at}");
            assert!(scene.records().len() <= 4, "{fault:?} at {at}: receipts are gathered");
        }
        if is_over {
            break;
        }
        at += 1;
    }
    assert!(at > 20, "only {at} calls of the store");
}

#[test]
fn two_owners_of_one_stream_have_deals_of_their_own() {
    let world = Arc::new(World::default());
    let scene = Scene::new(world.clone(), vec![Arc::new(flaky(&world, "one", Recovery::Find))], 1);
    let keep = |key: SigningKey| {
        let run = async {
            let shelf = Arc::new(MemoryShelf::default());
            let mut keeper = Keeper::new(scene.node(), key, scene.archivers.clone(), shelf);
            keeper.want(scene.stream, scene.policy.clone()).await.unwrap();
            keeper.run(&|| 5_000_000, &mut || 0, &mut |_, _| ()).await.unwrap();
        };
        pollster::block_on(run);
    };
    keep(author(1));
    let first: Vec<_> = world.inner().kept.iter().map(|(ticket, kept)| (ticket.clone(), kept.stage)).collect();
    assert_eq!(first.len(), 1);
    keep(author(2));
    let world = world.inner();
    assert_eq!(world.kept.len(), 2, "the same pack, and two deals");
    assert_eq!(world.kept[&first[0].0].stage, first[0].1, "nobody asked about the deal of another");
    let bytes: Vec<_> = world.kept.values().map(|kept| &kept.bytes).collect();
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn a_key_is_of_an_owner_a_pack_an_archiver_and_numbers() {
    let id = |byte| ObjectId::from_bytes([byte; 32]);
    let pack = Pack { stream: id(1), id: id(2), digest: [3; 32], size: 4 };
    let base = SubmissionKey::derive(&author(0).verifying_key(), &pack, "one", [0, 0]);
    let others = [
        SubmissionKey::derive(&author(1).verifying_key(), &pack, "one", [0, 0]),
        SubmissionKey::derive(&author(0).verifying_key(), &Pack { id: id(9), ..pack }, "one", [0, 0]),
        SubmissionKey::derive(&author(0).verifying_key(), &Pack { digest: [9; 32], ..pack }, "one", [0, 0]),
        SubmissionKey::derive(&author(0).verifying_key(), &pack, "two", [0, 0]),
        SubmissionKey::derive(&author(0).verifying_key(), &pack, "one", [1, 0]),
        SubmissionKey::derive(&author(0).verifying_key(), &pack, "one", [0, 1]),
    ];
    assert!(others.iter().all(|other| *other != base));
    let request = Request { pack, copies: 1, renews: None };
    assert_eq!(SubmissionKey::derive(&author(0).verifying_key(), &request.pack, "one", [0, 0]), base);
}

/// What may happen.
#[derive(Clone, Debug)]
enum Happens {
    Write(u8),
    Run(Vec<Flaw>),
    StoreFaults(Fault, u8),
    Wait(u64),
    Lose(u8, bool),
    Damage(u8),
    Money(u64),
    Retry,
    Drop,
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        6 => Just(Flaw::None),
        2 => (0..FailureKind::ALL.len()).prop_map(|at| Flaw::Fails(FailureKind::ALL[at])),
        2 => Just(Flaw::Tears),
        1 => Just(Flaw::StopsBefore),
        2 => Just(Flaw::StopsAfter),
        1 => Just(Flaw::Stalls),
        1 => Just(Flaw::Rejects),
        1 => Just(Flaw::Partial),
        1 => Just(Flaw::Unknown),
    ]
}

fn event() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => (1..4_u8).prop_map(Happens::Write),
        6 => prop::collection::vec(flaw(), 0..12).prop_map(Happens::Run),
        3 => (0..Fault::ALL.len(), 0..60_u8).prop_map(|(fault, at)| Happens::StoreFaults(Fault::ALL[fault], at)),
        3 => prop_oneof![Just(1_000), Just(HOUR), Just(DAY), Just(5 * DAY)].prop_map(Happens::Wait),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(at, expires)| Happens::Lose(at, expires)),
        1 => any::<u8>().prop_map(Happens::Damage),
        1 => (0..5_000_u64).prop_map(Happens::Money),
        1 => Just(Happens::Retry),
        2 => Just(Happens::Drop),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens in whatever order: no ticket is lost, nothing is handed over twice where that can be known, nobody
    /// else is touched, nothing is released before all copies are there of what replaces it, and in the end everything is
    /// where it should be, what was to go is gone, and the rest comes back.
    #[test]
    fn copies_are_kept_whatever_happens(events in prop::collection::vec(event(), 1..24), term in any::<bool>(), seed in any::<u64>()) {
        let world = Arc::new(World::default());
        world.inner().money = 3_000;
        let other = kept_by_somebody_else(&world);
        let find = flaky(&world, "find", Recovery::Find).with(|can| can.priced = true);
        let find = if term { find.with_term(40 * DAY) } else { find };
        let archivers: Vec<Arc<dyn Archiver>> = vec![
            Arc::new(flaky(&world, "repeat", Recovery::Repeat)),
            Arc::new(find),
            Arc::new(flaky(&world, "neither", Recovery::Neither)),
        ];
        let mut scene = Scene::new(world.clone(), archivers, 2);
        scene.policy.audit = Some(20 * DAY);
        *scene.luck.lock().unwrap() = Dice(seed);
        for event in events {
            let nth = |at: u8| {
                let world = scene.world.inner();
                let own: Vec<Ticket> = world.kept.iter().filter(|(_, kept)| kept.archiver != "other" && kept.stage == Stage::Active).map(|(ticket, _)| ticket.clone()).collect();
                (!own.is_empty()).then(|| own[usize::from(at) % own.len()].clone())
            };
            match event {
                Happens::Write(objects) => scene.write(u64::from(objects)),
                Happens::Run(flaws) => {
                    scene.world.inner().flaws = flaws.into();
                    scene.run();
                    scene.world.inner().flaws.clear();
                }
                Happens::StoreFaults(fault, at) => {
                    scene.run_over(Arc::new(FaultyStore::new(scene.store.clone(), fault, u64::from(at))), false);
                }
                Happens::Wait(milliseconds) => scene.advance(milliseconds),
                Happens::Lose(at, expires) => if let Some(ticket) = nth(at) {
                    let gone = if expires { Gone::Expired } else { Gone::Lost };
                    scene.world.inner().kept.get_mut(&ticket).unwrap().stage = Stage::Gone(gone);
                },
                Happens::Damage(at) => if let Some(ticket) = nth(at) {
                    scene.world.inner().kept.get_mut(&ticket).unwrap().bytes[60] ^= 1;
                },
                Happens::Money(money) => scene.world.inner().money = money,
                Happens::Retry => { scene.run_over(scene.store.clone(), true); }
                Happens::Drop => { scene.drop_content(); }
            }
        }
        scene.world.inner().money = 1 << 40;
        scene.world.inner().flaws.clear();
        scene.advance(30 * DAY);
        scene.run_over(scene.store.clone(), true);
        scene.settle();
        scene.check();
        scene.check_released();
        other.assert_untouched(&world);
        for archiver in ["repeat", "find", "neither"] {
            prop_assert_eq!(restored(scene.stream, &scene.packs(archiver)), scene.digest());
        }
    }
}
