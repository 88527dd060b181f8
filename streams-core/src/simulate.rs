//! Many nodes on one thread, with a clock of their own, over links that break: everything that happens follows from a
//! seed, so what failed once fails again.
//!
//! The nodes are real ones, and so are their sessions; what is simulated is the time, the network, and the crashes.
//! A node has a [`MemoryStore`], which survives a crash as far as it was committed. A [`Misdeed`] is a peer that does
//! wrong, with a key of its own.
//!
//! ```
//! # use streams_core::simulate::{Weather, World};
//! # use streams_core::{Draft, Map, SigningKey};
//! let mut world = World::new(7, Weather::ROUGH);
//! let [one, other] = [1, 2].map(|number| world.node(SigningKey::from_bytes([number; 32])));
//! let root = Draft::root("example.org/list", [0; 16]).sign(&SigningKey::from_bytes([1; 32]))?;
//! let list = world.create(one, root);
//! world.write(one, list, |stream, key| drop(stream.by(key).append("example.org/list.Added", Map::new())));
//! while !world.has(other, list) {
//!     world.sync(other, one, &[list]); // a link may break in the middle
//!     world.pass(60_000);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod link;

mod misdeed;

mod tasks;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use self::link::Link;
pub use self::link::Weather;
pub use self::misdeed::Misdeed;
use self::tasks::Tasks;
use crate::clock::Clock;
use crate::conformance::fixtures::Dice;
use crate::keyed::HashKey;
use crate::memory::{MemoryClock, MemoryStore};
use crate::node::Node;
use crate::node::peers::{Meeting, PeerError, Streams};
use crate::object::authenticate::Authentic;
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::id::StreamId;
use crate::stream::Stream;
use crate::sync::handshake::Side;
use crate::sync::questions::Event;

/// When a world begins, in milliseconds since 1970 UTC.
pub const BEGINNING: u64 = 1_795_266_300_000;

/// Who is in a world, by number.
pub type Who = usize;

/// Nodes, the links between them, and the time.
#[derive(Debug)]
pub struct World {
    dice: Dice,
    weather: Weather,
    clock: Arc<MemoryClock>,
    tasks: Tasks,
    everyone: Vec<Someone>,
    links: Vec<Arc<Link>>,
    /// Pairs between whom no link is opened.
    apart: BTreeSet<(Who, Who)>,
}

#[derive(Debug)]
struct Someone {
    key: SigningKey,
    store: Arc<MemoryStore>,
    /// None while it is down.
    node: Option<Arc<Node>>,
    misdeed: Option<Misdeed>,
    /// What its sessions told.
    told: Arc<Mutex<Vec<Told>>>,
}

/// What a session told.
#[derive(Clone, Debug)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// It ended, and not as it should.
    Failed(PeerError),
}

impl World {
    /// A world without anybody in it.
    pub fn new(seed: u64, weather: Weather) -> Self {
        Self {
            dice: Dice(seed),
            weather,
            clock: Arc::new(MemoryClock::new(BEGINNING)),
            tasks: Tasks::default(),
            everyone: Vec::new(),
            links: Vec::new(),
            apart: BTreeSet::new(),
        }
    }

    /// Another node.
    pub fn node(&mut self, key: SigningKey) -> Who {
        self.someone(key, None)
    }

    /// Another peer, that does wrong.
    pub fn wrongdoer(&mut self, key: SigningKey, misdeed: Misdeed) -> Who {
        self.someone(key, Some(misdeed))
    }

    fn someone(&mut self, key: SigningKey, misdeed: Option<Misdeed>) -> Who {
        let origin = self.random();
        let store = Arc::new(MemoryStore::new(origin, hash_key()));
        let node = Some(open(&store));
        self.everyone.push(Someone { key, store, node, misdeed, told: Arc::default() });
        self.everyone.len() - 1
    }

    /// How many are in it; they have the numbers below.
    pub fn len(&self) -> usize {
        self.everyone.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.everyone.is_empty()
    }

    /// The node of somebody, and its store, to be used beside the sessions. After a crash both are others.
    ///
    /// # Panics
    ///
    /// Where it is down.
    pub fn node_of(&self, who: Who) -> (Arc<Node>, Arc<MemoryStore>) {
        let someone = &self.everyone[who];
        (someone.node.clone().expect("who is down does nothing"), someone.store.clone())
    }

    /// Who somebody is.
    pub fn key(&self, who: Who) -> &SigningKey {
        &self.everyone[who].key
    }

    /// Whether somebody has this key, and does no wrong.
    pub fn is_honest(&self, key: &VerifyingKey) -> bool {
        let honest = |someone: &Someone| someone.key.verifying_key() == *key && someone.misdeed.is_none();
        self.everyone.iter().any(honest)
    }

    /// The time, in milliseconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Fresh bytes, from the seed.
    pub fn random<const BYTES: usize>(&mut self) -> [u8; BYTES] {
        std::array::from_fn(|_| self.dice.below(256) as u8)
    }

    /// A number below another, from the seed.
    pub fn below(&mut self, end: usize) -> usize {
        self.dice.below(end)
    }

    // What somebody does.

    /// Begins a stream at a node.
    ///
    /// # Panics
    ///
    /// Where the node is down, as all that asks one to do something.
    pub fn create(&mut self, who: Who, root: impl Into<Authentic>) -> StreamId {
        self.at(who, async |node| node.create(root).await).expect("a root, and a store in memory")
    }

    /// Changes a stream at a node, with its key. Nothing happens where the stream is not there.
    pub fn write(&mut self, who: Who, stream: StreamId, write: impl FnOnce(&mut Stream, &SigningKey)) {
        let key = self.everyone[who].key.clone();
        let _ = self.at(who, async |node| node.write(stream, |stream| write(stream, &key)).await);
    }

    /// Reads a stream at a node; `None` where it is not there.
    pub fn read<T>(&mut self, who: Who, stream: StreamId, read: impl FnOnce(&Stream) -> T) -> Option<T> {
        self.at(who, async |node| node.read(stream, read).await).ok()
    }

    /// Whether a stream is there.
    pub fn has(&mut self, who: Who, stream: StreamId) -> bool {
        self.read(who, stream, |_| ()).is_some()
    }

    /// Asks a node something that needs no link.
    pub fn at<T>(&mut self, who: Who, ask: impl AsyncFnOnce(&Node) -> T) -> T {
        let node = self.everyone[who].node.clone().expect("who is down does nothing");
        tasks::at_once(ask(&node))
    }

    /// What the sessions of somebody told since it was asked last.
    pub fn told(&mut self, who: Who) -> Vec<Told> {
        std::mem::take(&mut *lock(&self.everyone[who].told))
    }

    // Links.

    /// One makes streams equal with another; both must be up, and nothing keep them apart. Time has to pass for it.
    pub fn sync(&mut self, one: Who, other: Who, streams: &[StreamId]) {
        self.meet(one, other, Some(streams.to_vec()), None);
    }

    /// One makes all streams equal with another, that either has and the other may read.
    pub fn sync_all(&mut self, one: Who, other: Who) {
        self.meet(one, other, None, None);
    }

    /// One follows streams of another, for so many milliseconds.
    pub fn follow(&mut self, one: Who, other: Who, streams: &[StreamId], for_long: u64) {
        self.meet(one, other, Some(streams.to_vec()), Some(self.now() + for_long));
    }

    fn meet(&mut self, one: Who, other: Who, streams: Option<Vec<StreamId>>, follow: Option<u64>) {
        let are_apart = self.apart.contains(&(one.min(other), one.max(other)));
        if one == other || are_apart || !self.is_up(one) || !self.is_up(other) {
            return;
        }
        let channel: [u8; 8] = self.random();
        let seed = u64::from_be_bytes(self.random());
        let (near, far) = Link::pair(&self.clock, self.weather, seed, &channel, [one, other]);
        self.links.retain(|link| !link.is_cut());
        self.links.push(near.clone());
        for (who, link, side) in [(one, near, Side::Opener), (other, far, Side::Answerer)] {
            let asked = if side == Side::Opener { Some((streams.clone(), follow)) } else { None };
            self.begin(who, link, side, asked);
        }
    }

    /// Runs one side of a link.
    fn begin(&mut self, who: Who, link: Arc<Link>, side: Side, asked: Option<(Option<Vec<StreamId>>, Option<u64>)>) {
        let nonce = self.random();
        let seed = u64::from_be_bytes(self.random());
        let someone = &self.everyone[who];
        let (node, told) = (someone.node.clone().expect("it is up"), someone.told.clone());
        let meeting = Meeting::new(someone.key.clone(), side, nonce, self.clock.clone());
        let meeting = Meeting { takes_unknown: true, promises: Some(60 * 60 * 1000), ..meeting };
        if let Some(misdeed) = someone.misdeed {
            let streams = asked.and_then(|(streams, _)| streams).unwrap_or_default();
            self.tasks.spawn(who, misdeed::misbehave(misdeed, node, link, meeting, streams, Dice(seed)));
            return;
        }
        let note = {
            let told = told.clone();
            move |event: &Event| lock(&told).push(Told::Event(event.clone()))
        };
        self.tasks.spawn(who, async move {
            let met = match &asked {
                None => node.serve(link, meeting, note).await,
                Some((streams, follow)) => {
                    let streams = streams.as_deref().map_or(Streams::All, Streams::These);
                    match follow {
                        Some(until) => node.follow(link, meeting, streams, *until, note).await,
                        None => node.sync(link, meeting, streams, note).await,
                    }
                }
            };
            if let Err(error) = met {
                lock(&told).push(Told::Failed(error));
            }
        });
    }

    /// Keeps two apart: their links are cut, and no other is opened.
    pub fn part(&mut self, one: Who, other: Who) {
        self.apart.insert((one.min(other), one.max(other)));
        self.cut(|ends| ends == [one, other] || ends == [other, one]);
    }

    /// Lets all come together again.
    pub fn heal(&mut self) {
        self.apart.clear();
    }

    /// Cuts a link, drawn by lot.
    pub fn cut_one(&mut self) {
        self.links.retain(|link| !link.is_cut());
        if !self.links.is_empty() {
            let place = self.below(self.links.len());
            self.links[place].cut();
        }
    }

    /// Cuts all links.
    pub fn cut_all(&mut self) {
        self.cut(|_| true);
    }

    fn cut(&mut self, which: impl Fn([Who; 2]) -> bool) {
        self.links.iter().filter(|link| which(link.ends())).for_each(|link| link.cut());
        self.links.retain(|link| !link.is_cut());
    }

    /// From now on links are as this says.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    // Crashes.

    /// Whether somebody is up.
    pub fn is_up(&self, who: Who) -> bool {
        self.everyone[who].node.is_some()
    }

    /// Somebody stops, in the middle of whatever it did: what was committed is in its store.
    pub fn crash(&mut self, who: Who) {
        self.tasks.end(who);
        self.everyone[who].node = None;
        self.cut(|ends| ends.contains(&who));
    }

    /// Somebody that is down opens its store again, finds that it was not closed, and draws a new name for it.
    pub fn restart(&mut self, who: Who) {
        if !self.is_up(who) {
            let origin = self.random();
            let store = Arc::new(self.everyone[who].store.copied(origin));
            self.open(who, store);
        }
    }

    /// A copy of somebody's store, as it is now.
    pub fn backup(&mut self, who: Who) -> MemoryStore {
        let origin = self.random();
        self.everyone[who].store.copied(origin)
    }

    /// Somebody loses its store, and opens one of a backup.
    pub fn restore(&mut self, who: Who, backup: &MemoryStore) {
        self.crash(who);
        let origin = self.random();
        self.open(who, Arc::new(backup.copied(origin)));
    }

    fn open(&mut self, who: Who, store: Arc<MemoryStore>) {
        let someone = &mut self.everyone[who];
        someone.node = Some(open(&store));
        someone.store = store;
    }

    // Time.

    /// Lets so many milliseconds pass: everybody does what it has to, in an order that the seed draws.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.now() + milliseconds;
        loop {
            self.tasks.run(&mut self.dice);
            match self.clock.awaited().filter(|next| *next <= end) {
                Some(next) => self.clock.set(next),
                None => return self.clock.set(end),
            }
        }
    }
}

fn open(store: &Arc<MemoryStore>) -> Arc<Node> {
    Arc::new(Node::new(store.clone(), hash_key()))
}

/// Nobody attacks the tables of a simulation, and they are to be the same each time.
fn hash_key() -> HashKey {
    HashKey::from_bytes([5; 16])
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
