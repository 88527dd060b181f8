//! What is dropped is released, when others have the rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use streams_core::archive::ledger::Release;
use streams_core::archiver::shelf::Shelf;
use streams_core::archiver::{Archiver, FailureKind, Recovery, Released};
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::flaky::{Flaw, World};
use streams_core::node::keep::{Receipt, ask_to_release, recorded};

use super::scene::{Other, Scene, flaky, kept_by_somebody_else, one, restored};
use super::{DAY, HOUR};

/// A crash at every call of an archiver, before and after it was done, and at every call of the store, when there is
/// something to be released.
#[test]
fn a_crash_at_every_point_of_a_release_leaves_nothing_behind_and_takes_nothing_else() {
    let make = || {
        let world = Arc::new(World::default());
        let archivers: Vec<Arc<dyn Archiver>> =
            vec![Arc::new(flaky(&world, "repeat", Recovery::Repeat)), Arc::new(flaky(&world, "find", Recovery::Find))];
        let other = kept_by_somebody_else(&world);
        let scene = Scene::new(world, archivers, 1);
        scene.settle();
        assert!(scene.drop_content());
        (scene, other)
    };
    let text = format!("{:>40}", 1);
    let settle = |scene: &Scene, other: &Other| {
        scene.settle();
        scene.check();
        scene.check_released();
        other.assert_untouched(&scene.world);
        assert_eq!(scene.who_has(&text), BTreeSet::new());
        for archiver in ["repeat", "find"] {
            assert_eq!(restored(scene.stream, &scene.packs(archiver)), scene.digest());
        }
    };
    let (scene, other) = make();
    assert_eq!(scene.who_has(&text).len(), 2);
    let before = scene.world.inner().calls;
    settle(&scene, &other);
    let calls = scene.world.inner().calls - before;
    assert!(calls > 15, "{calls}");
    for at in 0..calls {
        for flaw in [Flaw::StopsBefore, Flaw::StopsAfter] {
            let (scene, other) = make();
            scene.world.inner().flaws = [vec![Flaw::None; at as usize], vec![flaw]].concat().into();
            for _ in 0..100 {
                if scene.run().is_none() {
                    break;
                }
                scene.advance(HOUR);
            }
            settle(&scene, &other);
        }
    }
    for fault in Fault::ALL {
        for at in 0.. {
            let (scene, other) = make();
            let faulty = Arc::new(FaultyStore::new(scene.store.clone(), fault, at));
            for _ in 0..100 {
                match scene.run_over(faulty.clone(), false) {
                    None | Some((true, _)) => break,
                    Some(_) => scene.advance(HOUR),
                }
            }
            settle(&scene, &other);
            assert!(scene.records().len() <= 6, "{fault:?} at {at}: the stream is archived anew once");
            if faulty.is_over() {
                break;
            }
        }
    }
}

#[test]
fn what_is_dropped_is_released_wherever_it_can_be_and_the_stream_is_told_where_not() {
    let world = Arc::new(World::default());
    let stubborn = flaky(&world, "stubborn", Recovery::Find).with(|can| can.releases = false);
    let archivers: Vec<Arc<dyn Archiver>> = vec![
        Arc::new(flaky(&world, "repeat", Recovery::Repeat)),
        Arc::new(flaky(&world, "neither", Recovery::Neither)),
        Arc::new(flaky(&world, "term", Recovery::Find).with_term(90 * DAY)),
        Arc::new(stubborn),
        Arc::new(flaky(&world, "before", Recovery::Find)),
    ];
    let mut scene = Scene::new(world.clone(), archivers, 2);
    scene.settle();
    scene.write(4);
    scene.advance(2 * HOUR);
    scene.settle();
    let text = format!("{:>40}", 3);
    assert_eq!(scene.who_has(&text).len(), 5);
    // A place where nothing is wanted any more, and which is still known.
    scene.policy.places.pop();
    assert!(scene.drop_content());
    scene.settle();
    scene.check_released();
    assert_eq!(scene.who_has(&text), BTreeSet::from(["stubborn".to_owned()]));
    let receipts = scene.receipts();
    let told = |archiver: &str, state: &str| {
        let of = |receipt: &&Receipt| receipt.archiver == archiver && receipt.state == state;
        receipts.iter().filter(of).cloned().collect::<Vec<_>>()
    };
    for archiver in ["repeat", "neither", "before"] {
        let released = told(archiver, "released");
        assert_eq!(released.len(), 2, "of both packs with more than receipts: {archiver}");
        assert!(released.iter().all(|receipt| receipt.copies.is_empty() && receipt.ticket.is_some()));
    }
    assert!(told("term", "released").iter().all(|receipt| receipt.copies.len() == 2 && receipt.until.is_some()));
    let unreleased = told("stubborn", "unreleased");
    assert_eq!(unreleased.len(), 2);
    assert!(unreleased.iter().all(|receipt| receipt.copies.len() == 2));
    assert!(unreleased.iter().all(|receipt| receipt.failures[0].starts_with("unsupported: ")), "{unreleased:?}");
    // All that is left comes back, and there is peace.
    assert_eq!(restored(scene.stream, &scene.packs("repeat")), scene.digest());
    assert!(pollster::block_on(scene.shelf.all(&scene.account())).unwrap().is_empty());
    let before = (scene.did.lock().unwrap().len(), scene.records().len());
    for _ in 0..10 {
        scene.advance(DAY);
        assert!(scene.run().unwrap().0);
    }
    let did = scene.did.lock().unwrap();
    let more: Vec<_> =
        did[before.0..].iter().filter(|did| !did.starts_with("look") && !did.starts_with("status")).collect();
    assert!(more.is_empty(), "{more:?}");
    drop(did);
    // Who asks again for what is done already does not begin anew; who says so has it tried where it was refused.
    let (head, records) = pollster::block_on(recorded(&*scene.store, &scene.account())).unwrap();
    pollster::block_on(ask_to_release(&*scene.store, &scene.account(), head.release_before)).unwrap();
    scene.advance(DAY);
    scene.run_over(scene.store.clone(), true);
    scene.settle();
    assert_eq!(scene.records().len(), records.len());
}

#[test]
fn nothing_is_released_while_a_new_copy_is_lacking() {
    let world = Arc::new(World::default());
    let archivers: Vec<Arc<dyn Archiver>> =
        vec![Arc::new(flaky(&world, "one", Recovery::Repeat)), Arc::new(flaky(&world, "two", Recovery::Find))];
    let scene = Scene::new(world, archivers, 2);
    scene.settle();
    let text = format!("{:>40}", 1);
    assert!(scene.drop_content());
    scene.world.inner().unreachable.insert("two".into());
    for _ in 0..20 {
        scene.run();
        scene.advance(DAY);
    }
    assert_eq!(scene.who_has(&text).len(), 2);
    assert_eq!(restored(scene.stream, &scene.packs("one")), scene.digest(), "the new copies are where they can be");
    // Then the place that was reached all the time is not.
    scene.world.inner().unreachable = BTreeSet::from(["one".into()]);
    for _ in 0..20 {
        scene.run();
        scene.advance(DAY);
    }
    assert_eq!(scene.who_has(&text), BTreeSet::from(["one".to_owned()]), "it is tried again when it is there");
    assert!(scene.deals().iter().any(|(_, deal)| deal.release == Some(Release::Intended)));
    scene.world.inner().unreachable.clear();
    scene.settle();
    scene.check_released();
    assert_eq!(scene.who_has(&text), BTreeSet::new());
}

#[test]
fn what_is_to_go_is_not_handed_over_any_more_and_what_may_have_arrived_is_released() {
    for (flaw, sent) in [(Flaw::Fails(FailureKind::Unreachable), false), (Flaw::Tears, true)] {
        let scene = one(Recovery::Repeat, 1);
        scene.world.inner().flaws = vec![flaw].into();
        scene.run();
        let text = format!("{:>40}", 1);
        assert_eq!(scene.who_has(&text).len(), usize::from(sent));
        assert!(!pollster::block_on(scene.shelf.all(&scene.account())).unwrap().is_empty());
        assert!(scene.drop_content());
        let before = scene.did.lock().unwrap().len();
        scene.advance(DAY);
        scene.settle();
        scene.check_released();
        let did = scene.did.lock().unwrap().split_off(before);
        assert!(!did.iter().any(|did| did.starts_with("submit one pack 0")), "{did:#?}");
        assert_eq!(scene.who_has(&text), BTreeSet::new());
        assert!(pollster::block_on(scene.shelf.all(&scene.account())).unwrap().is_empty());
        assert_eq!(scene.deals()[0].1.release, Some(Release::Done(Released::Now)));
        assert_eq!(restored(scene.stream, &scene.packs("one")), scene.digest());
    }
}

#[test]
fn who_refuses_to_release_is_told_of_once_and_asked_again_only_where_somebody_says_so() {
    let is_call = |did: &&String| !["keep", "look", "seal", "tell", "forget"].iter().any(|word| did.starts_with(word));
    let make = || {
        let scene = one(Recovery::Repeat, 1);
        scene.settle();
        assert!(scene.drop_content());
        scene.did.lock().unwrap().clear();
        scene
    };
    let count = |scene: &Scene| {
        let did = scene.did.lock().unwrap();
        did.iter().filter(|did| did.starts_with("release one pack 0")).count()
    };
    let scene = make();
    scene.settle();
    let calls = {
        let did = scene.did.lock().unwrap();
        let mut calls = did.iter().filter(is_call);
        calls.position(|did| did.starts_with("release one pack 0")).expect("it is released")
    };
    for kind in FailureKind::ALL {
        let scene = make();
        scene.world.inner().flaws = [vec![Flaw::None; calls], vec![Flaw::Fails(kind)]].concat().into();
        while count(&scene) == 0 {
            scene.run();
            scene.advance(1_000);
        }
        let first = scene.deals()[0].1.release.clone();
        scene.settle();
        let is_refused = kind == FailureKind::Rejected || kind.retry() == streams_core::archiver::Retry::AfterAction;
        if !is_refused {
            assert_eq!(count(&scene), 2, "{kind:?}: it is tried again");
            assert_eq!(scene.deals()[0].1.release, Some(Release::Done(Released::Now)));
            continue;
        }
        assert!(matches!(&first, Some(Release::Refused(failure)) if failure.kind == kind), "{kind:?}: {first:?}");
        for _ in 0..10 {
            scene.advance(DAY);
            scene.run();
        }
        assert_eq!(count(&scene), 1, "{kind:?}: it is not asked again");
        let told: Vec<_> = scene.receipts().into_iter().filter(|receipt| receipt.state == "unreleased").collect();
        assert_eq!(told.len(), 1, "{kind:?}: it is told once");
        assert!(told[0].failures[0].starts_with(kind.code()));
        // Somebody did something about it.
        scene.run_over(scene.store.clone(), true);
        scene.settle();
        assert_eq!(scene.deals()[0].1.release, Some(Release::Done(Released::Now)));
        assert_eq!(scene.receipts().last().unwrap().state, "released");
        scene.check_released();
    }
}
