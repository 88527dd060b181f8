//! What happens in a world, and what must hold at its end.

use std::collections::{BTreeMap, BTreeSet};

use streams_core::conformance::fixtures::{NOTE, author, content, hash_key};
use streams_core::simulate::{BEGINNING, Misdeed, Told, Weather, Who, World};
use streams_core::sync::evidence::{Evidence, Shown};
use streams_core::sync::questions::Event;
use streams_core::sync::said::{Reason, Refusal, Statement};
use streams_core::{Action, Draft, MemoryStore, ObjectId, Rule, SigningKey, Stream, StreamId, VerifyingKey};

/// How often something was met, over many worlds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    objects: usize,
    void: usize,
    finals: usize,
    sessions_failed: usize,
    refused: usize,
    rejected: usize,
    crashes: usize,
    restores: usize,
    forks: usize,
    conflicts: usize,
    contradictions: usize,
    broken_promises: usize,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.all().into_iter().zip(other.clone().all()) {
            *mine += *theirs;
        }
    }

    pub(crate) fn all_happened(&self) -> bool {
        // One owner makes checkpoints, and it knows its own: there is no conflict, and that is seen to elsewhere.
        let Self { conflicts, .. } = self;
        *conflicts == 0 && self.clone().all().into_iter().filter(|count| **count == 0).count() == 1
    }

    fn all(&mut self) -> [&mut usize; 12] {
        let Self { objects, void, finals, sessions_failed, refused, rejected, crashes, restores, .. } = self;
        let Self { forks, conflicts, contradictions, broken_promises, .. } = self;
        let first = [objects, void, finals, sessions_failed, refused, rejected, crashes, restores];
        let [a, b, c, d, e, f, g, h] = first;
        [a, b, c, d, e, f, g, h, forks, conflicts, contradictions, broken_promises]
    }
}

/// How a world ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lived {
    pub(crate) seen: Seen,
    /// The order of each stream, and which of its objects are effective.
    orders: Vec<(Vec<ObjectId>, Vec<bool>)>,
    time: u64,
}

/// A world, and what one knows of it who stands outside.
struct Life {
    world: World,
    honest: Vec<Who>,
    wrongdoers: Vec<Who>,
    /// One that all may read and write, and one that only honest nodes may.
    streams: [StreamId; 2],
    /// What honest nodes wrote, that nothing may lose.
    written: BTreeSet<(StreamId, ObjectId)>,
    backups: Vec<(Who, MemoryStore)>,
    /// Who lost what it wrote: it writes no more, or it would fork in all innocence.
    restored: BTreeSet<Who>,
    told: Vec<(Who, Told)>,
    seen: Seen,
}

/// Lives through a world, and sees that all is well at its end.
pub(crate) fn live(seed: u64) -> Lived {
    let mut life = Life::begin(seed);
    let deeds = 20 + life.world.below(30);
    (0..deeds).for_each(|_| life.something_happens());
    life.come_together();
    life.see_that_all_are_equal();
    life.see_that_nothing_is_lost();
    life.see_what_is_proven();
    let streams = life.streams;
    let orders = streams.map(|stream| life.world.read(life.honest[0], stream, judged).expect("it is everywhere"));
    Lived { seen: life.seen, orders: orders.into(), time: life.world.now() - BEGINNING }
}

fn judged(stream: &Stream) -> (Vec<ObjectId>, Vec<bool>) {
    stream.entries().map(|entry| (entry.authentic.id(), entry.effective)).unzip()
}

impl Life {
    fn begin(seed: u64) -> Self {
        let weather = [Weather::FINE, Weather::ROUGH, Weather::ROUGH, Weather::HOSTILE][seed as usize % 4];
        let mut world = World::new(seed, Weather::FINE);
        let keys: Vec<SigningKey> = (0..5).map(author).collect();
        let honest: Vec<Who> = keys[..3].iter().map(|key| world.node(key.clone())).collect();
        let count = world.below(3);
        let mut wrongdoers = Vec::new();
        for key in &keys[3..3 + count] {
            let misdeed = Misdeed::ALL[world.below(Misdeed::ALL.len())];
            wrongdoers.push(world.wrongdoer(key.clone(), misdeed));
        }
        let honest_keys: Vec<VerifyingKey> = keys[..3].iter().map(SigningKey::verifying_key).collect();
        let invited = honest_keys.iter().map(Rule::invite).chain([Rule::readers(&honest_keys)]);
        let open = Draft::root("test/open", [0; 16]).policies([Rule::open_to_all()]).sign(&keys[0]).unwrap();
        let closed = Draft::root("test/closed", [1; 16]).policies(invited).sign(&keys[0]).unwrap();
        let streams = [open, closed].map(|root| world.create(honest[0], root));
        // Of some there is a backup from before they had anything, and some have nothing yet when all goes wrong.
        let mut backups = Vec::new();
        for who in honest[1..].iter().chain(&wrongdoers) {
            if honest.contains(who) && world.below(4) == 0 {
                let backup = world.backup(*who);
                backups.push((*who, backup));
            }
            if world.below(3) > 0 {
                world.sync(*who, honest[0], &streams);
            }
        }
        world.pass(10_000);
        world.set_weather(weather);
        Self {
            world,
            honest,
            wrongdoers,
            streams,
            written: BTreeSet::new(),
            backups,
            restored: BTreeSet::new(),
            told: Vec::new(),
            seen: Seen::default(),
        }
    }

    fn one_of(&mut self, these: &[Who]) -> Option<Who> {
        if these.is_empty() { None } else { Some(these[self.world.below(these.len())]) }
    }

    fn anybody(&mut self) -> Who {
        let all: Vec<Who> = self.honest.iter().chain(&self.wrongdoers).copied().collect();
        self.one_of(&all).expect("somebody is there")
    }

    fn something_happens(&mut self) {
        match self.world.below(20) {
            0..=4 => (0..=self.world.below(3)).for_each(|_| self.somebody_writes()),
            5 if self.world.below(8) == 0 => (0..80).for_each(|_| self.somebody_writes()),
            5 | 6 => self.a_wrongdoer_writes(),
            7..=11 => {
                let (one, other, which) = (self.anybody(), self.anybody(), self.world.below(3));
                match which {
                    0 => self.world.sync_all(one, other),
                    1 => self.world.follow(one, other, &self.streams.clone(), 60_000),
                    _ => self.world.sync(one, other, &self.streams.clone()),
                }
            }
            12..=14 => {
                let long = self.world.below(20_000) as u64;
                self.world.pass(long);
            }
            15 => {
                let (one, other) = (self.anybody(), self.anybody());
                self.world.part(one, other);
            }
            16 => self.world.heal(),
            17 => self.world.cut_one(),
            18 => {
                let who = self.anybody();
                if self.world.is_up(who) {
                    self.note_told(who);
                    self.world.crash(who);
                    self.seen.crashes += 1;
                } else {
                    self.world.restart(who);
                }
            }
            _ => self.a_store_is_lost(),
        }
    }

    /// An honest node does something to a stream.
    fn somebody_writes(&mut self) {
        let honest = self.honest.clone();
        let who = self.one_of(&honest).expect("there are some");
        if !self.world.is_up(who) || self.restored.contains(&who) {
            return;
        }
        let stream = self.streams[self.world.below(2)];
        let (what, number) = (self.world.below(10), self.world.below(1 << 30) as u64);
        let target = self.anybody();
        // Who is honest may go on reading, or it could not end equal.
        let is_honest = self.honest.contains(&target);
        let target = self.world.key(target).verifying_key();
        let removal = Rule::deny().authors([&target]);
        let removal = if is_honest { removal.actions([Action::Append]) } else { removal };
        let is_owner = who == self.honest[0];
        let mut written = None;
        self.world.write(who, stream, |stream, key| {
            let appended = match what {
                0 if is_owner => stream.by(key).govern([removal]),
                1 if is_owner => stream.by(key).checkpoint(),
                2 => {
                    let void = stream.entries().find(|entry| !entry.effective).map(|entry| entry.authentic.id());
                    match void {
                        Some(void) => stream.by(key).adopt(&[void]),
                        None => stream.by(key).append(NOTE, content(number, 16)),
                    }
                }
                3 => {
                    let whole = stream.entries().find(|entry| !entry.authentic.object().maps().is_empty());
                    if let Some(whole) = whole.filter(|entry| entry.authentic.header().r#type() == NOTE) {
                        let map = ObjectId::of_block(whole.authentic.object().maps()[0]);
                        let _ = stream.redact(&whole.authentic.id(), &map);
                    }
                    stream.by(key).append(NOTE, content(number, 16))
                }
                _ => stream.by(key).append(NOTE, content(number, 16)),
            };
            written = appended.ok().map(|object| object.id());
        });
        self.written.extend(written.map(|id| (stream, id)));
    }

    /// A wrongdoer writes, once or twice after the same object.
    fn a_wrongdoer_writes(&mut self) {
        let wrongdoers = self.wrongdoers.clone();
        let Some(who) = self.one_of(&wrongdoers).filter(|who| self.world.is_up(*who)) else { return };
        let (forks, number) = (self.world.below(2) == 0, self.world.below(1 << 30) as u64);
        self.world.write(who, self.streams[0], |stream, key| {
            let mut other = stream.clone();
            let _ = stream.by(key).append(NOTE, content(number, 16));
            if forks && let Ok(object) = other.by(key).append(NOTE, content(number + 1, 16)) {
                let _ = stream.admit(object, 0);
            }
        });
    }

    /// An honest node but the owner loses its store, and has one of before.
    fn a_store_is_lost(&mut self) {
        let who = self.honest[1 + self.world.below(2)];
        if self.world.below(2) == 0 {
            let backup = self.world.backup(who);
            self.backups.push((who, backup));
        } else if let Some(place) = self.backups.iter().position(|(of, _)| *of == who) {
            let (_, backup) = self.backups.swap_remove(place);
            self.note_told(who);
            self.world.restore(who, &backup);
            self.restored.insert(who);
            self.seen.restores += 1;
            // What it alone had is gone.
            let others: Vec<Who> = self.honest.iter().copied().filter(|other| self.world.is_up(*other)).collect();
            let mut kept = BTreeSet::new();
            for (stream, id) in std::mem::take(&mut self.written) {
                let has = |world: &mut World, other| world.read(other, stream, |stream| stream.contains(&id));
                if others.iter().any(|other| has(&mut self.world, *other) == Some(true)) {
                    kept.insert((stream, id));
                }
            }
            self.written = kept;
        }
    }

    fn note_told(&mut self, who: Who) {
        let told = self.world.told(who);
        self.told.extend(told.into_iter().map(|told| (who, told)));
    }

    /// The wrongdoers go, everything works again, and all meet all.
    fn come_together(&mut self) {
        let wrongdoers = self.wrongdoers.clone();
        for who in wrongdoers {
            assert!(!self.world.is_up(who) || !self.world.has(who, self.streams[1]), "it may not read this");
            self.world.crash(who);
        }
        self.world.heal();
        self.world.set_weather(Weather::FINE);
        let honest = self.honest.clone();
        honest.iter().for_each(|who| self.world.restart(*who));
        self.world.cut_all();
        for round in 0..2 {
            for one in &honest {
                for other in honest.iter().filter(|other| *other > one) {
                    match round {
                        0 => self.world.sync(*one, *other, &self.streams.clone()),
                        _ => self.world.sync_all(*other, *one),
                    }
                    self.world.pass(30_000);
                }
            }
        }
        honest.iter().for_each(|who| self.note_told(*who));
    }

    fn see_that_all_are_equal(&mut self) {
        for stream in self.streams {
            let first = self.world.read(self.honest[0], stream, judged).expect("the owner has it");
            self.seen.objects += first.0.len();
            self.seen.void += first.1.iter().filter(|effective| !**effective).count();
            self.seen.finals += self.world.read(self.honest[0], stream, Stream::final_len).unwrap_or(0);
            for who in self.honest.clone() {
                let other = self.world.read(who, stream, judged);
                if other.as_ref() != Some(&first) {
                    for (who, told) in &self.told {
                        println!("{who} {:.150}", format!("{told:?}"));
                    }
                }
                assert_eq!(other.as_ref(), Some(&first), "node {who} and the owner");
            }
        }
    }

    fn see_that_nothing_is_lost(&mut self) {
        let owner = self.honest[0];
        for (stream, id) in self.written.clone() {
            assert_eq!(self.world.read(owner, stream, |stream| stream.contains(&id)), Some(true), "{id} is lost");
        }
    }

    /// Who is accused did wrong; and who did wrong before the eyes of one node is accused by it.
    fn see_what_is_proven(&mut self) {
        for who in self.honest.clone() {
            for stream in self.streams {
                let evidence: Vec<Evidence> =
                    self.world.at(who, async |node| node.evidence(stream).await).expect("it is there");
                let shown: Vec<Shown> = evidence.iter().map(verified).collect();
                shown.iter().for_each(|shown| self.see_that_it_is_just(shown));
                self.see_that_it_is_complete(who, stream, &shown);
                let completeness = self.world.at(who, async |node| node.completeness(stream).await).unwrap();
                let counted = completeness.by_none + completeness.by_one + completeness.by_several;
                assert_eq!(counted, completeness.objects);
            }
        }
        for (_, told) in &self.told {
            match told {
                Told::Failed(_) => self.seen.sessions_failed += 1,
                Told::Event(Event::Refused { .. }) => self.seen.refused += 1,
                Told::Event(Event::Rejected { .. }) => self.seen.rejected += 1,
                Told::Event(_) => {}
            }
        }
    }

    fn see_that_it_is_just(&mut self, shown: &Shown) {
        let (accused, seen) = match shown {
            Shown::Fork { author, .. } => (vec![*author], &mut self.seen.forks),
            Shown::Checkpoints { holders, .. } => {
                (holders.iter().map(|(_, holder)| *holder).collect(), &mut self.seen.conflicts)
            }
            Shown::Contradiction { peer, .. } => (vec![*peer], &mut self.seen.contradictions),
            Shown::BrokenPromise { peer, .. } => (vec![*peer], &mut self.seen.broken_promises),
        };
        *seen += 1;
        for accused in accused {
            assert!(!self.world.is_honest(&accused), "an honest node is accused: {shown:?}");
        }
    }

    fn see_that_it_is_complete(&mut self, who: Who, stream: StreamId, shown: &[Shown]) {
        let forks = self.world.read(who, stream, |stream| stream.forks().len()).expect("it is there");
        assert_eq!(shown.iter().filter(|shown| matches!(shown, Shown::Fork { .. })).count(), forks);
        if self.restored.contains(&who) {
            // What it heard before is gone with its store.
            return;
        }
        let events = self.told.iter().filter(|(of, _)| *of == who);
        let (mut stated, mut refused): (Vec<&Statement>, Vec<&Refusal>) = (Vec::new(), Vec::new());
        for (_, told) in events {
            match told {
                Told::Event(Event::Stated(statement)) if statement.said.stream.0 == stream => {
                    stated.push(&statement.said);
                }
                Told::Event(Event::Refused { refusal, stream: of, reason: Reason::Unknown, .. }) if *of == stream => {
                    refused.push(&refusal.said);
                }
                _ => {}
            }
        }
        let mut by_number: BTreeMap<(VerifyingKey, [u8; 16], u64), BTreeSet<[u8; 32]>> = BTreeMap::new();
        for said in &stated {
            by_number.entry((said.peer.0, said.store, said.counter)).or_default().insert(said.frontier);
        }
        for ((peer, ..), _) in by_number.iter().filter(|(_, frontiers)| frontiers.len() > 1) {
            let shows = |shown: &Shown| matches!(shown, Shown::Contradiction { peer: of, .. } if of == peer);
            assert!(shown.iter().any(shows), "a contradiction of {peer} was heard, and is not shown");
        }
        let breaks = |said: &Refusal, stated: &Statement| {
            let same = (said.peer, said.store) == (stated.peer, stated.store) && said.object.is_none();
            same && stated.counter <= said.counter && stated.until.is_some_and(|until| said.at < until)
        };
        for said in refused.iter().filter(|said| stated.iter().any(|stated| breaks(said, stated))) {
            let shows = |shown: &Shown| matches!(shown, Shown::BrokenPromise { peer, .. } if *peer == said.peer.0);
            assert!(shown.iter().any(shows), "a broken promise of {} was heard, and is not shown", said.peer.0);
        }
    }
}

fn verified(evidence: &Evidence) -> Shown {
    let file = evidence.encode();
    Evidence::decode(&file).and_then(|evidence| evidence.verify(hash_key())).expect("evidence verifies")
}
