//! Copies are kept whatever goes wrong: the keeper in a world where every call may fail, tear, or never return.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use streams_core::archive::chain;
use streams_core::archive::deal::DEAL;
use streams_core::archive::ledger::{Account, Deal, PackRecord, Release, State};
use streams_core::archive::manifest::Manifest;
use streams_core::archive::plan::{Answer, At, Call, Place, Policy, PolicyError, Progress, Step};
use streams_core::archive::read::{Event, Reader};
use streams_core::archiver::shelf::Shelf;
use streams_core::archiver::{Archiver, FailureKind, Gone, Pack, Recovery, Released, Request, SubmissionKey, Ticket};
use streams_core::conformance::archiver::conforms;
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::conformance::fixtures::{Dice, NOTE, author, content, hash_key};
use streams_core::conformance::flaky::{FlakyArchiver, Flaw, Kept, Stage, World};
use streams_core::node::keep::{KeepError, Keeper, Receipt, ask_to_release, recorded};
use streams_core::store::Scan;
use streams_core::{
    Draft, MemoryArchiver, MemoryShelf, MemoryStore, Node, ObjectId, Rule, SigningKey, Store, StreamId,
};

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

/// Everything that survives a crash.
struct Scene {
    world: Arc<World>,
    archivers: Vec<Arc<dyn Archiver>>,
    store: Arc<dyn Store>,
    shelf: MemoryShelf,
    stream: StreamId,
    policy: Policy,
    /// What the keeper did, in order.
    did: Mutex<Vec<String>>,
    luck: Mutex<Dice>,
}

fn owner() -> SigningKey {
    author(0)
}

fn flaky(world: &Arc<World>, id: &str, recovery: Recovery) -> FlakyArchiver {
    FlakyArchiver::new(world.clone(), id, recovery)
}

impl Scene {
    /// A stream of three objects, to be kept by these.
    fn new(world: Arc<World>, archivers: Vec<Arc<dyn Archiver>>, copies: u16) -> Self {
        world.inner().now = 1_000_000;
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new([1; 16], hash_key()));
        let root = Draft::root("test/stream", [9; 16]).policies([Rule::open_to_all()]).sign(&owner()).unwrap();
        let node = Node::new(store.clone(), hash_key());
        let stream = pollster::block_on(node.create(root)).unwrap();
        let place = |archiver: &Arc<dyn Archiver>| Place { archiver: archiver.id().to_owned(), copies, budget: None };
        let policy = Policy { places: archivers.iter().map(place).collect(), ..Policy::default() };
        let scene = Self {
            world,
            archivers,
            store,
            shelf: MemoryShelf::default(),
            stream,
            policy,
            did: Mutex::default(),
            luck: Mutex::new(Dice(1)),
        };
        scene.write(2);
        scene
    }

    fn node(&self) -> Arc<Node> {
        Arc::new(Node::new(self.store.clone(), hash_key()))
    }

    fn write(&self, objects: u64) {
        let write = async |number| {
            let append =
                |stream: &mut streams_core::Stream| stream.by(&author(1)).append(NOTE, content(number, 40)).map(drop);
            self.node().write(self.stream, append).await.unwrap().unwrap();
        };
        (0..objects).for_each(|number| pollster::block_on(write(number)));
    }

    fn account(&self) -> Account {
        Account { owner: owner().verifying_key(), stream: self.stream }
    }

    fn records(&self) -> Vec<PackRecord> {
        pollster::block_on(recorded(&*self.store, &self.account())).unwrap().1
    }

    fn deals(&self) -> Vec<(String, Deal)> {
        let of = |record: PackRecord| {
            record.jobs.into_iter().flat_map(|job| {
                let archiver = job.archiver.clone();
                job.deals.into_iter().map(move |deal| (archiver.clone(), deal))
            })
        };
        self.records().into_iter().flat_map(of).collect()
    }

    fn advance(&self, milliseconds: u64) {
        self.world.inner().now += milliseconds;
    }

    /// One run of a new keeper, over this store, until nothing is to be done now. Returns whether all is as desired, and
    /// when there is something to be done again; nothing where it was cut off.
    fn run_over(&self, store: Arc<dyn Store>, retry: bool) -> Option<(bool, Option<u64>)> {
        self.world.inner().stopped = false;
        let run = async {
            let node = Arc::new(Node::new(store, hash_key()));
            let mut keeper = Keeper::new(node, owner(), self.archivers.clone(), Arc::new(self.shelf.clone()));
            keeper.want(self.stream, self.policy.clone()).await?;
            if retry {
                keeper.retry();
            }
            let clock = || self.world.inner().now;
            let mut luck = || self.luck.lock().unwrap().below(1 << 40) as u64;
            let mut tell = |step: &Step, answer: &Answer| {
                if let Step::Ask { at, call: Call::Release { .. } } = step {
                    self.assert_replaced(at);
                }
                self.did.lock().unwrap().push(told(step, answer));
            };
            let due = keeper.run(&clock, &mut luck, &mut tell).await?;
            Ok::<_, KeepError>((keeper.plan().is_settled(), due))
        };
        let mut run = pin!(run);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match run.as_mut().poll(&mut context) {
                Poll::Ready(Ok(done)) => return Some(done),
                // As if it had crashed where the store failed.
                Poll::Ready(Err(KeepError::Node(_) | KeepError::Archive(_))) => return None,
                Poll::Ready(Err(error)) => panic!("{error}"),
                // What was begun beside it has some time, and is then cut off too.
                Poll::Pending if self.world.inner().stopped => return None,
                Poll::Pending => {}
            }
        }
    }

    fn run(&self) -> Option<(bool, Option<u64>)> {
        self.run_over(self.store.clone(), false)
    }

    /// Runs until all is as desired, as time goes by.
    fn settle(&self) {
        self.world.inner().flaws.clear();
        for round in 0..300 {
            if let Some((settled, due)) = self.run() {
                if settled {
                    return;
                }
                let now = self.world.inner().now;
                let least = if round < 100 { 1 } else { HOUR };
                self.advance(due.unwrap_or(now).saturating_sub(now).clamp(least, DAY));
            }
        }
        let did = self.did.lock().unwrap();
        let troubles: Vec<_> =
            self.records().into_iter().flat_map(|record| record.jobs).map(|job| job.trouble).collect();
        panic!("it never becomes as desired: {troubles:?}\n{:#?}", &did[did.len().saturating_sub(30)..]);
    }

    /// No ticket is lost, and nothing is handed over twice where that can be known.
    fn check(&self) {
        let deals = self.deals();
        let records = self.records();
        let begin = records.iter().rposition(|record| !record.continues).unwrap_or(0);
        let jobs = records[..begin].iter().flat_map(|record| &record.jobs);
        let given_up: BTreeSet<SubmissionKey> = jobs.flat_map(|job| &job.deals).map(|deal| deal.key).collect();
        let world = self.world.inner();
        let mut by_key: BTreeMap<SubmissionKey, Vec<&Ticket>> = BTreeMap::new();
        for (ticket, kept) in world.kept.iter().filter(|(_, kept)| kept.archiver != "other") {
            by_key.entry(kept.key).or_default().push(ticket);
        }
        for (key, tickets) in by_key {
            let archiver = &world.kept[tickets[0]].archiver;
            let (_, deal) = deals
                .iter()
                .find(|(_, deal)| deal.key == key)
                .unwrap_or_else(|| panic!("nobody knows of {tickets:?} any more"));
            let recovery = self.archivers.iter().find(|a| a.id() == archiver).unwrap().capabilities().recovery;
            match recovery {
                // Of a pack that was given up no bytes are left to ask with; that it may be there stays in the ledger.
                Recovery::Repeat if given_up.contains(&key) && deal.state == State::Intended => {
                    assert_eq!(tickets.len(), 1, "{archiver} was handed a pack twice under one key");
                }
                Recovery::Repeat | Recovery::Find => {
                    assert_eq!(tickets.len(), 1, "{archiver} was handed a pack twice under one key");
                    assert!(
                        deal.ticket().is_some_and(|ticket| ticket == tickets[0]),
                        "the ticket of {archiver} is lost: {deal:?}"
                    );
                }
                // It cannot be known; so there is a bound, and it is told how often.
                Recovery::Neither => {
                    assert!(tickets.len() <= 2 && tickets.len() <= deal.sent as usize, "{deal:?}: {tickets:?}");
                }
            }
        }
    }

    /// The packs that are to be released, and those that make up the stream.
    fn outdated(&self) -> (Vec<PackRecord>, Vec<PackRecord>) {
        let (head, mut records) = pollster::block_on(recorded(&*self.store, &self.account())).unwrap();
        let begin = records.iter().rposition(|record| !record.continues).unwrap_or(0);
        let current = records.split_off(begin);
        let knows = |record: &PackRecord| !record.continues && record.seen >= head.release_before;
        let first = records.iter().position(knows).unwrap_or(records.len());
        records.truncate(first);
        (records, current)
    }

    /// Nothing is released but what is damaged, before every place was told to have a copy of what has all the rest.
    fn assert_replaced(&self, at: &At) {
        let (outdated, current) = self.outdated();
        if at.pack as usize >= outdated.len() {
            let jobs = self.records().swap_remove(at.pack as usize).jobs;
            let deals = jobs.into_iter().find(|job| job.archiver == at.archiver).unwrap().deals;
            let deal = deals.iter().find(|deal| deal.number == at.number).unwrap();
            return assert!(
                matches!(deal.state, State::Gone { why: Gone::Damaged, .. }),
                "nobody asked for it: {deal:?}"
            );
        }
        let seen = outdated.iter().map(|record| record.seen).max().expect("there is something to be released");
        let last = current.iter().position(|record| record.seen >= seen).expect("others have all that those have");
        for job in current[..=last].iter().flat_map(|record| &record.jobs).filter(|job| job.wanted > 0) {
            let mut was_there =
                job.deals.iter().map(|deal| matches!(deal.state, State::Active { .. } | State::Gone { .. }));
            assert!(was_there.any(|was_there| was_there), "{} has no copy: {:?}", job.archiver, job.deals);
        }
    }

    /// Everything that is to be released is, and is not there any more, as far as it can be.
    fn check_released(&self) {
        let (outdated, _) = self.outdated();
        let world = self.world.inner();
        for job in outdated.iter().flat_map(|record| &record.jobs) {
            let capabilities = self.archivers.iter().find(|a| a.id() == job.archiver).unwrap().capabilities();
            for deal in &job.deals {
                assert!(!deal.is_unsettled(), "{} has a deal that is not released: {deal:?}", job.archiver);
                let left = world.kept.values().filter(|kept| kept.key == deal.key && !kept.ends);
                let left =
                    left.filter(|kept| !matches!(kept.stage, Stage::Failed | Stage::Gone(Gone::Expired))).count();
                let is_doubtful = capabilities.recovery == Recovery::Neither && deal.sent > 1;
                assert!(
                    left == 0 || is_doubtful || !capabilities.releases,
                    "{left} left at {}: {deal:?}",
                    job.archiver
                );
            }
        }
        assert!(outdated.iter().all(|record| !record.here), "what is released does not wait here");
    }

    /// Drops the content of a note, and asks to have it released. Returns whether there was one.
    fn drop_content(&self) -> bool {
        let drop = async {
            let node = self.node();
            let notes = node.page(self.stream, Scan::Type(NOTE.into(), 0), 1000).await.unwrap();
            let notes = notes.into_iter().filter(|stored| stored.authentic.object().data().is_some());
            let Some(note) = notes.last() else { return false };
            let map = streams_core::Object::from_map(&note.authentic.object().data().unwrap()).unwrap().id();
            let redact =
                |stream: &mut streams_core::Stream| stream.by(&owner()).redact_for_all(&[map]).map(|it| it.id());
            let by = node.write(self.stream, redact).await.unwrap().unwrap();
            let by = node.object(self.stream, &by).await.unwrap().unwrap().sequence;
            ask_to_release(&*self.store, &self.account(), by).await.unwrap();
            true
        };
        pollster::block_on(drop)
    }

    /// Which archivers have these bytes, of those that still have to have what they have.
    fn who_has(&self, text: &str) -> BTreeSet<String> {
        let world = self.world.inner();
        let has = |kept: &&Kept| kept.bytes.windows(text.len()).any(|window| window == text.as_bytes());
        world.kept.values().filter(|kept| !kept.ends).filter(has).map(|kept| kept.archiver.clone()).collect()
    }

    /// The bytes of all packs that this archiver has, as they come from the list.
    fn packs(&self, archiver: &str) -> Vec<Vec<u8>> {
        let world = self.world.inner();
        let kept = world.kept.values().filter(|kept| kept.archiver == archiver && kept.stage == Stage::Active);
        kept.map(|kept| kept.bytes.clone()).collect()
    }

    fn digest(&self) -> [u8; 32] {
        pollster::block_on(self.node().read(self.stream, |stream| stream.order_digest())).unwrap()
    }

    fn receipts(&self) -> Vec<Receipt> {
        let page = pollster::block_on(self.node().page(self.stream, Scan::Type(DEAL.into(), 0), 1000)).unwrap();
        page.iter().map(|stored| stored.authentic.object().data_as().unwrap().unwrap()).collect()
    }
}

fn told(step: &Step, answer: &Answer) -> String {
    let step = match step {
        Step::Keep { name, .. } => format!("keep {}", name.rsplit('/').next().unwrap()),
        Step::Look { .. } => "look".into(),
        Step::Seal { .. } => "seal".into(),
        Step::Tell { .. } => "tell".into(),
        Step::Forget { .. } => "forget".into(),
        Step::Ask { at, call } => {
            let what = match call {
                Call::Quote(_) => "quote",
                Call::Submit { .. } => "submit",
                Call::Find(_) => "find",
                Call::Status(_) => "status",
                Call::Audit(..) => "audit",
                Call::Release { .. } => "release",
            };
            format!("{what} {} pack {} deal {}", at.archiver, at.pack, at.number)
        }
    };
    format!("{step}: {answer:?}")
}

/// Restores from packs in any order into an empty store, and tells the order's digest.
fn restored(stream: StreamId, packs: &[Vec<u8>]) -> [u8; 32] {
    let node = Node::new(Arc::new(MemoryStore::new([8; 16], hash_key())), hash_key());
    let (manifests, packs): (Vec<Manifest>, Vec<&Vec<u8>>) =
        packs.iter().filter_map(|pack| Some((Manifest::of_archive(pack).ok()?, pack))).unzip();
    for at in chain::in_order(&manifests) {
        let mut reader = Reader::new(hash_key());
        reader.push(packs[at]);
        while let Some(event) = reader.poll() {
            if let Event::Objects(objects) = event {
                pollster::block_on(node.restore(stream, objects)).unwrap();
            }
        }
    }
    pollster::block_on(node.read(stream, |stream| stream.order_digest())).unwrap()
}

fn shuffled<T>(mut items: Vec<T>, dice: &mut Dice) -> Vec<T> {
    for at in (1..items.len()).rev() {
        items.swap(at, dice.below(at + 1));
    }
    items
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

/// A job of another owner, on the same pack as ours would be, with an archiver that we use.
struct Other(Ticket, Kept);

fn kept_by_somebody_else(world: &Arc<World>) -> Other {
    let ticket = Ticket::new("other/job").unwrap();
    let id = ObjectId::from_bytes([3; 32]);
    let bytes = b"the pack of somebody else".to_vec();
    let pack = Pack { stream: id, id, digest: *blake3_of(&bytes), size: bytes.len() as u64 };
    let key = SubmissionKey::derive(&author(7).verifying_key(), &pack, "repeat", [0, 0]);
    let stage = Stage::Pending(2);
    let kept = Kept { archiver: "other".into(), key, bytes, copies: 1, wanted: 1, stage, until: None, ends: false };
    world.inner().kept.insert(ticket.clone(), kept.clone());
    Other(ticket, kept)
}

fn blake3_of(bytes: &[u8]) -> Box<[u8; 32]> {
    Box::new(*ObjectId::of_block(bytes).as_bytes())
}

impl Other {
    fn assert_untouched(&self, world: &World) {
        let world = world.inner();
        let now = &world.kept[&self.0];
        assert_eq!((now.key, &now.bytes, now.stage), (self.1.key, &self.1.bytes, self.1.stage));
    }
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

fn one(recovery: Recovery, copies: u16) -> Scene {
    let world = Arc::new(World::default());
    let archiver = flaky(&world, "one", recovery);
    Scene::new(world, vec![Arc::new(archiver)], copies)
}

fn progress(scene: &Scene) -> String {
    let (records, now) = (scene.records(), scene.world.inner().now);
    match records[0].jobs[0].progress(now) {
        Progress::Kept => "kept".into(),
        Progress::Working => "working".into(),
        Progress::Lacking => "lacking".into(),
        Progress::Waiting(failure, at) => format!("{} in {}", failure.kind.code(), at - now),
        Progress::Blocked(failure) => format!("blocked: {}", failure.kind.code()),
    }
}

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
