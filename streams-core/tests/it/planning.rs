//! The engine without anything around it: answers come in any order, each about what was when it was asked for.

use std::collections::BTreeSet;

use proptest::prelude::*;
use streams_core::ObjectId;
use streams_core::archive::ledger::{Account, Head};
use streams_core::archive::plan::{Answer, Call, Place, Plan, Policy, Sealed, Step};
use streams_core::archiver::{Capabilities, Copy, Held, Pack, Recovery, Status, Ticket};
use streams_core::conformance::fixtures::{Dice, author};

/// A stream that is its numbers.
struct World {
    last: u64,
    receipts: BTreeSet<u64>,
    packs: u8,
    seen: u64,
    submitted: BTreeSet<[u8; 32]>,
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
                Answer::Looked { bytes, receipts_only: bytes > 0 && only(*above) }
            }
            Step::Seal { above, .. } if *above == self.last => Answer::Sealed(None),
            Step::Seal { account, above, .. } => {
                let receipts_only = only(*above);
                self.packs += 1;
                let id = ObjectId::from_bytes([self.packs; 32]);
                let pack = Pack { stream: account.stream, id, digest: [self.packs; 32], size: self.last - above };
                let sealed = Sealed { pack, objects: self.last - above, seen: self.last, receipts_only };
                Answer::Sealed(Some(sealed))
            }
            Step::Ask { call, .. } => match call {
                Call::Submit { key, .. } => {
                    assert!(self.submitted.insert(*key.as_bytes()), "twice under one key");
                    Answer::Submitted(Ok(Ticket::new(key.to_string()).unwrap()))
                }
                Call::Status(_) => {
                    let copies = vec![Copy { at: "there".into(), evidence: None }];
                    Answer::Status(Ok(Status::Active(Held { copies, until: None, failures: Vec::new() })))
                }
                other => panic!("{other:?} was not to be expected"),
            },
        }
    }

    fn end(&mut self, step: &Step, answer: &Answer) {
        match (step, answer) {
            (Step::Tell { .. }, _) => {
                self.last += 1;
                self.receipts.insert(self.last);
            }
            (_, Answer::Sealed(Some(sealed))) => self.seen = sealed.seen,
            _ => {}
        }
    }
}

proptest! {
    /// In whatever order answers come, and whatever is written meanwhile: when it is settled, everything is in packs.
    #[test]
    fn whatever_order_answers_come_in_all_is_in_packs(seed in any::<u64>(), places in 1..4_usize, written in 0..6_usize) {
        let mut dice = Dice(seed);
        let names: Vec<String> = (0..places).map(|place| format!("place {place}")).collect();
        let capabilities = Capabilities {
            unit: 0..=1 << 30, copies: 1, typical: 0, recovery: Recovery::Repeat, priced: false, fetches: true, public: false,
        };
        let mut plan = Plan::new(names.iter().map(|name| (name.clone(), capabilities.clone())));
        let account = Account { owner: author(0).verifying_key(), stream: ObjectId::from_bytes([9; 32]) };
        let places = names.iter().map(|name| Place { archiver: name.clone(), copies: 1, budget: None }).collect();
        plan.want(account, Policy { places, ..Policy::default() }, Head::default(), Vec::new()).unwrap();
        let mut world = World { last: 3, receipts: BTreeSet::new(), packs: 0, seen: 0, submitted: BTreeSet::new() };
        let (mut now, mut written, mut pool) = (0, written, Vec::<(Step, Answer)>::new());
        for _ in 0..2_000 {
            for step in plan.steps(now) {
                let answer = world.begin(&step);
                pool.push((step, answer));
            }
            if pool.is_empty() {
                if plan.is_settled() {
                    prop_assert_eq!(world.seen, world.last, "something is in no pack");
                }
                if written > 0 {
                    written -= 1;
                    world.last += 1;
                    now += Policy::default().interval;
                } else if plan.is_settled() {
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
        // What an application wrote, at most once more for each time, and receipts.
        prop_assert!(world.packs <= 2 + 2 * 6, "{} packs", world.packs);
    }
}
