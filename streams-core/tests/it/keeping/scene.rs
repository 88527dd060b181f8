//! A stream whose copies are kept, in a world where every call may fail, tear, or never return.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use streams_core::archive::chain;
use streams_core::archive::deal::DEAL;
use streams_core::archive::ledger::{Account, Deal, PackRecord, State};
use streams_core::archive::manifest::Manifest;
use streams_core::archive::plan::{Answer, At, Call, Place, Policy, Progress, Step};
use streams_core::archive::read::{Event, Reader};
use streams_core::archiver::{Archiver, Gone, Pack, Recovery, SubmissionKey, Ticket};
use streams_core::conformance::fixtures::{Dice, NOTE, author, content, hash_key};
use streams_core::conformance::flaky::{FlakyArchiver, Kept, Stage, World};
use streams_core::node::keep::{KeepError, Keeper, Receipt, ask_to_release, recorded};
use streams_core::store::Scan;
use streams_core::{Draft, MemoryShelf, MemoryStore, Node, ObjectId, Rule, SigningKey, Store, StreamId};

use super::{DAY, HOUR};

/// Everything that survives a crash.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) archivers: Vec<Arc<dyn Archiver>>,
    pub(super) store: Arc<dyn Store>,
    pub(super) shelf: MemoryShelf,
    pub(super) stream: StreamId,
    pub(super) policy: Policy,
    /// What the keeper did, in order.
    pub(super) did: Mutex<Vec<String>>,
    pub(super) luck: Mutex<Dice>,
}

pub(super) fn owner() -> SigningKey {
    author(0)
}

pub(super) fn flaky(world: &Arc<World>, id: &str, recovery: Recovery) -> FlakyArchiver {
    FlakyArchiver::new(world.clone(), id, recovery)
}

impl Scene {
    /// A stream of three objects, to be kept by these.
    pub(super) fn new(world: Arc<World>, archivers: Vec<Arc<dyn Archiver>>, copies: u16) -> Self {
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

    pub(super) fn node(&self) -> Arc<Node> {
        Arc::new(Node::new(self.store.clone(), hash_key()))
    }

    pub(super) fn write(&self, objects: u64) {
        let write = async |number| {
            let append =
                |stream: &mut streams_core::Stream| stream.by(&author(1)).append(NOTE, content(number, 40)).map(drop);
            self.node().write(self.stream, append).await.unwrap().unwrap();
        };
        (0..objects).for_each(|number| pollster::block_on(write(number)));
    }

    pub(super) fn account(&self) -> Account {
        Account { owner: owner().verifying_key(), stream: self.stream }
    }

    pub(super) fn records(&self) -> Vec<PackRecord> {
        pollster::block_on(recorded(&*self.store, &self.account())).unwrap().1
    }

    pub(super) fn deals(&self) -> Vec<(String, Deal)> {
        let of = |record: PackRecord| {
            record.jobs.into_iter().flat_map(|job| {
                let archiver = job.archiver.clone();
                job.deals.into_iter().map(move |deal| (archiver.clone(), deal))
            })
        };
        self.records().into_iter().flat_map(of).collect()
    }

    pub(super) fn advance(&self, milliseconds: u64) {
        self.world.inner().now += milliseconds;
    }

    /// One run of a new keeper, over this store, until nothing is to be done now. Returns whether all is as desired, and
    /// when there is something to be done again; nothing where it was cut off.
    pub(super) fn run_over(&self, store: Arc<dyn Store>, retry: bool) -> Option<(bool, Option<u64>)> {
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

    pub(super) fn run(&self) -> Option<(bool, Option<u64>)> {
        self.run_over(self.store.clone(), false)
    }

    /// Runs until all is as desired, as time goes by.
    pub(super) fn settle(&self) {
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
    pub(super) fn check(&self) {
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
    pub(super) fn check_released(&self) {
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
    pub(super) fn drop_content(&self) -> bool {
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
    pub(super) fn who_has(&self, text: &str) -> BTreeSet<String> {
        let world = self.world.inner();
        let has = |kept: &&Kept| kept.bytes.windows(text.len()).any(|window| window == text.as_bytes());
        world.kept.values().filter(|kept| !kept.ends).filter(has).map(|kept| kept.archiver.clone()).collect()
    }

    /// The bytes of all packs that this archiver has, as they come from the list.
    pub(super) fn packs(&self, archiver: &str) -> Vec<Vec<u8>> {
        let world = self.world.inner();
        let kept = world.kept.values().filter(|kept| kept.archiver == archiver && kept.stage == Stage::Active);
        kept.map(|kept| kept.bytes.clone()).collect()
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        pollster::block_on(self.node().read(self.stream, |stream| stream.order_digest())).unwrap()
    }

    pub(super) fn receipts(&self) -> Vec<Receipt> {
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
pub(super) fn restored(stream: StreamId, packs: &[Vec<u8>]) -> [u8; 32] {
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

pub(super) fn shuffled<T>(mut items: Vec<T>, dice: &mut Dice) -> Vec<T> {
    for at in (1..items.len()).rev() {
        items.swap(at, dice.below(at + 1));
    }
    items
}
/// A job of another owner, on the same pack as ours would be, with an archiver that we use.
pub(super) struct Other(Ticket, Kept);

pub(super) fn kept_by_somebody_else(world: &Arc<World>) -> Other {
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

pub(super) fn blake3_of(bytes: &[u8]) -> Box<[u8; 32]> {
    Box::new(*ObjectId::of_block(bytes).as_bytes())
}

impl Other {
    pub(super) fn assert_untouched(&self, world: &World) {
        let world = world.inner();
        let now = &world.kept[&self.0];
        assert_eq!((now.key, &now.bytes, now.stage), (self.1.key, &self.1.bytes, self.1.stage));
    }
}

pub(super) fn one(recovery: Recovery, copies: u16) -> Scene {
    let world = Arc::new(World::default());
    let archiver = flaky(&world, "one", recovery);
    Scene::new(world, vec![Arc::new(archiver)], copies)
}

pub(super) fn progress(scene: &Scene) -> String {
    let (records, now) = (scene.records(), scene.world.inner().now);
    match records[0].jobs[0].progress(now) {
        Progress::Kept => "kept".into(),
        Progress::Working => "working".into(),
        Progress::Lacking => "lacking".into(),
        Progress::Waiting(failure, at) => format!("{} in {}", failure.kind.code(), at - now),
        Progress::Blocked(failure) => format!("blocked: {}", failure.kind.code()),
    }
}
