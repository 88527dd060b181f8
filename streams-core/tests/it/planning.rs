//! The engine without anything around it: answers come in any order, each about what was when it was asked for.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use streams_core::ObjectId;
use streams_core::archive::ledger::{Account, Head};
use streams_core::archive::plan::{Answer, At, Call, Place, Plan, Policy, Sealed, Step};
use streams_core::archiver::{
    Capabilities, Copy, Failure, FailureKind, Gone, Held, Pack, Recovery, Released, Status, Ticket,
};
use streams_core::conformance::fixtures::{Dice, author};

/// A stream that is its numbers.
struct World {
    places: usize,
    last: u64,
    receipts: BTreeSet<u64>,
    /// For each pack what was above which number, and up to which.
    packs: Vec<(u64, u64)>,
    submitted: BTreeMap<[u8; 32], u32>,
    /// Which packs are where, as the plan was told.
    active: BTreeSet<(u32, String)>,
    /// How many copies may still be lost, and calls fail.
    losses: usize,
    faults: usize,
    /// Packs that do not know of this number are to be released: as it was asked for, and as the plan was told.
    release_before: u64,
    told_to_release: u64,
    released: BTreeSet<[u8; 32]>,
    dice: Dice,
}

impl World {
    /// What a step comes to. What it reads, it reads now.
    fn begin(&mut self, step: &Step) -> Answer {
        let only = |above: u64| (above + 1..=self.last).all(|number| self.receipts.contains(&number));
        match step {
            Step::Keep { .. } => Answer::Kept,
            Step::Forget { .. } => Answer::Forgotten,
            Step::Tell { .. } => Answer::Told { written: true },
            Step::Look { above, .. } => {
                let bytes = self.last - above;
                let receipts_only = bytes > 0 && only(*above);
                Answer::Looked { bytes, receipts_only, release_before: self.release_before }
            }
            Step::Seal { above, .. } if *above == self.last => Answer::Sealed(None),
            Step::Seal { account, above, continues } => {
                let receipts_only = only(*above);
                assert_eq!(continues.is_none(), *above == 0);
                self.packs.push((*above, self.last));
                let number = self.packs.len() as u8;
                let id = ObjectId::from_bytes([number; 32]);
                let pack = Pack { stream: account.stream, id, digest: [number; 32], size: self.last - above };
                let sealed = Sealed { pack, objects: self.last - above, seen: self.last, receipts_only };
                Answer::Sealed(Some(sealed))
            }
            Step::Ask { at, call } => self.asked(at, call),
        }
    }

    fn asked(&mut self, at: &At, call: &Call) -> Answer {
        let fails = |world: &mut Self| {
            let fails = world.faults > 0 && world.dice.below(3) == 0;
            world.faults -= usize::from(fails);
            fails.then(|| Failure::new(FailureKind::Unreachable, "a fault"))
        };
        match call {
            Call::Submit { key, .. } => {
                assert!(!self.is_outdated(at.pack, self.told_to_release), "what is to go is handed over");
                let again = self.submitted.insert(*key.as_bytes(), at.pack);
                assert!(again.is_none(), "twice under one key");
                Answer::Submitted(Ok(Ticket::new(key.to_string()).unwrap()))
            }
            Call::Status(_) if self.losses > 0 && self.dice.below(4) == 0 => {
                self.losses -= 1;
                Answer::Status(Ok(Status::Gone(Gone::Lost)))
            }
            Call::Status(_) => {
                let copies = vec![Copy { at: "there".into(), evidence: None }];
                Answer::Status(Ok(Status::Active(Held { copies, until: None, failures: Vec::new() })))
            }
            Call::Release { key, ticket, .. } => {
                assert!(self.is_outdated(at.pack, self.told_to_release), "nobody asked to release pack {}", at.pack);
                assert!(self.is_replaced(at.pack), "it is released before all others are there");
                assert!(ticket.is_some() && self.submitted.contains_key(key.as_bytes()));
                if let Some(failure) = fails(self) {
                    return Answer::Released(Err(failure));
                }
                self.released.insert(*key.as_bytes());
                Answer::Released(Ok(Released::Now))
            }
            other => panic!("{other:?} was not to be expected"),
        }
    }

    /// Where the archive of the stream begins that a pack belongs to.
    fn begins(&self, pack: u32) -> usize {
        (0..=pack as usize).rev().find(|at| self.packs[*at].0 == 0).unwrap()
    }

    fn is_outdated(&self, pack: u32, release_before: u64) -> bool {
        self.packs[self.begins(pack)].1 < release_before
    }

    /// Whether another archive of the stream, which has all that this pack has, is in all places, as far as is told.
    fn is_replaced(&self, pack: u32) -> bool {
        let begin = self.begins(self.packs.len() as u32 - 1);
        let everywhere = |at: u32| (0..self.places).all(|place| self.active.contains(&(at, name(place))));
        let covers = (begin..self.packs.len()).find(|at| self.packs[*at].1 >= self.packs[pack as usize].1);
        begin > pack as usize && covers.is_some_and(|end| (begin..=end).all(|at| everywhere(at as u32)))
    }

    fn end(&mut self, step: &Step, answer: &Answer) {
        match (step, answer) {
            (Step::Tell { .. }, _) => {
                self.last += 1;
                self.receipts.insert(self.last);
            }
            (_, Answer::Looked { release_before, .. }) => self.told_to_release = *release_before,
            (Step::Ask { at, .. }, Answer::Status(Ok(status))) => {
                let here = (at.pack, at.archiver.clone());
                match status {
                    Status::Active(_) => drop(self.active.insert(here)),
                    _ => drop(self.active.remove(&here)),
                }
            }
            _ => {}
        }
    }
}

fn name(place: usize) -> String {
    format!("place {place}")
}

proptest! {
    /// In whatever order answers come, and whatever is written meanwhile: when it is settled, everything is in packs, and
    /// what is to be released is, but never before all copies are there of what replaces it.
    #[test]
    fn whatever_order_answers_come_in_all_is_in_packs(
        seed in any::<u64>(), places in 1..4_usize, written in 0..6_usize, releases in 0..3_usize, losses in 0..4_usize,
    ) {
        let mut dice = Dice(seed);
        let names: Vec<String> = (0..places).map(name).collect();
        let capabilities = Capabilities {
            unit: 0..=1 << 30,
            copies: 1,
            typical: 0,
            recovery: Recovery::Repeat,
            priced: false,
            fetches: true,
            public: false,
            releases: true,
        };
        let mut plan = Plan::new(names.iter().map(|name| (name.clone(), capabilities.clone())));
        let account = Account { owner: author(0).verifying_key(), stream: ObjectId::from_bytes([9; 32]) };
        let wanted = names.iter().map(|name| Place { archiver: name.clone(), copies: 1, budget: None }).collect();
        plan.want(account, Policy { places: wanted, ..Policy::default() }, Head::default(), Vec::new()).unwrap();
        let mut world = World {
            places, last: 3, receipts: BTreeSet::new(), packs: Vec::new(), submitted: BTreeMap::new(),
            active: BTreeSet::new(), losses, faults: losses, release_before: 0, told_to_release: 0,
            released: BTreeSet::new(), dice: Dice(seed ^ 1),
        };
        let (mut now, mut written, mut releases, mut pool) = (0, written, releases, Vec::<(Step, Answer)>::new());
        for _ in 0..4_000 {
            for step in plan.steps(now) {
                let answer = world.begin(&step);
                pool.push((step, answer));
            }
            // Somebody asks for it at any time, and the keeper hears of it when it looks.
            if releases > 0 && dice.below(40) == 0 {
                releases -= 1;
                world.last += 1;
                world.release_before = world.last;
            }
            if pool.is_empty() {
                if plan.is_settled() && world.told_to_release == world.release_before {
                    let (_, seen) = world.packs[world.packs.len() - 1];
                    prop_assert_eq!(seen, world.last, "something is in no pack");
                }
                if written > 0 {
                    written -= 1;
                    world.last += 1;
                    now += Policy::default().interval;
                } else if plan.is_settled() && releases == 0 && world.told_to_release == world.release_before {
                    break;
                } else {
                    now = now.max(plan.due(now).expect("something is to come"));
                }
                continue;
            }
            let (step, answer) = pool.swap_remove(dice.below(pool.len()));
            world.end(&step, &answer);
            plan.answer(&step, answer, now, dice.below(1 << 40) as u64);
        }
        prop_assert!(plan.is_settled());
        prop_assert!(plan.due(now).is_some_and(|due| due > now), "and then there is peace");
        for (key, pack) in &world.submitted {
            let is_released = world.released.contains(key);
            prop_assert_eq!(is_released, world.is_outdated(*pack, world.release_before), "a deal of pack {}", pack);
        }
        // What an application wrote, at most once more for each time, and receipts.
        prop_assert!(world.packs.len() <= 2 + 2 * (6 + 2 * 3 + 4), "{} packs", world.packs.len());
    }
}
