//! Alphabets: what may be written in the streams of which all are asked.

use std::collections::BTreeSet;

use streams_core::{Action, Ingested, Rule};

use crate::grow::Dice;
use crate::plan::{Claim, Deed, Grown, NOTE, OWNER, Person, SUBJECTS, Step, allow, deny, rules, withdraws};

/// What may be written in the streams of an alphabet.
pub(crate) struct Alphabet {
    pub(crate) root: Vec<Rule>,
    pub(crate) letters: Vec<(Person, Letter)>,
}

/// Something to write.
pub(crate) enum Letter {
    Deed(Deed),
    /// Withdraws a policy object that is here, known to the author or not: each of them in turn.
    WithdrawsOne,
    /// Adopts an object that is here, known to the author or not: each of them in turn.
    AdoptsOne,
}

impl Alphabet {
    /// All that follow, with their names.
    pub(crate) fn all() -> [(&'static str, Self); 7] {
        [
            ("removal", Self::removal()),
            ("grants", Self::grants()),
            ("finality", Self::finality()),
            ("adoption", Self::adoption()),
            ("feud", Self::feud()),
            ("holders", Self::holders()),
            ("run", Self::run()),
        ]
    }

    /// Two equals, whom the owner can remove, and who try to remove each other.
    pub(crate) fn removal() -> Self {
        let letters = vec![
            (OWNER, Letter::Deed(rules([deny(&[1])]))),
            (OWNER, Letter::WithdrawsOne),
            (1, Letter::Deed(rules([deny(&[2, 3])]))),
            (2, Letter::Deed(rules([deny(&[1])]))),
            (2, Letter::Deed(rules([allow(Action::Govern, &[3])]))),
            (2, Letter::WithdrawsOne),
            (3, Letter::Deed(rules([deny(&[2])]))),
            (3, Letter::Deed(Deed::Says(NOTE))),
        ];
        Self { root: vec![Rule::allow([Action::Append]), allow(Action::Govern, &[1, 2])], letters }
    }

    /// From a root without rules, all that is allowed is given on, and taken back.
    pub(crate) fn grants() -> Self {
        let letters = vec![
            (OWNER, Letter::Deed(rules([allow(Action::Govern, &[1]), allow(Action::Append, &[2])]))),
            (OWNER, Letter::WithdrawsOne),
            (OWNER, Letter::Deed(rules([deny(&[2])]))),
            (1, Letter::Deed(rules([allow(Action::Govern, &[1, 2])]))),
            (1, Letter::WithdrawsOne),
            (2, Letter::Deed(rules([Rule::allow([Action::Append]), deny(&[1])]))),
            (2, Letter::WithdrawsOne),
            (2, Letter::Deed(Deed::Says(NOTE))),
        ];
        Self { root: Vec::new(), letters }
    }

    /// Two holders, whose checkpoints may conflict, and a governor, whose denials come too late or not.
    pub(crate) fn finality() -> Self {
        let letters = vec![
            (OWNER, Letter::Deed(Deed::Checkpoint(Claim::Right))),
            (OWNER, Letter::WithdrawsOne),
            (1, Letter::Deed(Deed::Checkpoint(Claim::Right))),
            (1, Letter::Deed(Deed::Checkpoint(Claim::WrongCount))),
            (1, Letter::Deed(Deed::Says(NOTE))),
            (2, Letter::Deed(rules([deny(&[1])]))),
            (OWNER, Letter::Deed(rules([deny(&[2])]))),
        ];
        let root = vec![Rule::allow([Action::Append]), allow(Action::Checkpoint, &[1]), allow(Action::Govern, &[2])];
        Self { root, letters }
    }

    /// What is void is adopted, by who may and who may not.
    pub(crate) fn adoption() -> Self {
        let letters = vec![
            (OWNER, Letter::Deed(rules([deny(&[1])]))),
            (OWNER, Letter::WithdrawsOne),
            (OWNER, Letter::AdoptsOne),
            (1, Letter::Deed(Deed::Says(NOTE))),
            (1, Letter::AdoptsOne),
            (2, Letter::Deed(rules([deny(&[1])]))),
            (2, Letter::AdoptsOne),
        ];
        Self { root: vec![Rule::allow([Action::Append]), allow(Action::Govern, &[2])], letters }
    }

    /// Two equals deny each other, and one of them says something; the owner denies that one.
    pub(crate) fn feud() -> Self {
        let letters = vec![
            (1, Letter::Deed(rules([deny(&[2])]))),
            (2, Letter::Deed(rules([deny(&[1])]))),
            (1, Letter::Deed(Deed::Says(NOTE))),
            (OWNER, Letter::Deed(rules([deny(&[1])]))),
        ];
        Self { root: vec![Rule::allow([Action::Append]), allow(Action::Govern, &[1, 2])], letters }
    }

    /// Two holders, of whom one also says something.
    pub(crate) fn holders() -> Self {
        let letters = vec![
            (OWNER, Letter::Deed(Deed::Checkpoint(Claim::Right))),
            (1, Letter::Deed(Deed::Checkpoint(Claim::Right))),
            (1, Letter::Deed(Deed::Says(NOTE))),
        ];
        Self { root: vec![Rule::allow([Action::Append]), allow(Action::Checkpoint, &[1])], letters }
    }

    /// One goes on writing, while the owner removes it, and makes final what it likes.
    pub(crate) fn run() -> Self {
        let letters = vec![
            (1, Letter::Deed(Deed::Says(NOTE))),
            (OWNER, Letter::Deed(rules([deny(&[1])]))),
            (OWNER, Letter::Deed(Deed::Checkpoint(Claim::Right))),
        ];
        Self { root: vec![Rule::allow([Action::Append])], letters }
    }

    /// The streams of up to so many objects beside the root.
    pub(crate) fn up_to(&self, size: usize) -> Vec<Grown> {
        let mut all = vec![Grown::root(0, self.root.clone())];
        let mut shorter = 0..1;
        for _ in 0..size {
            for number in shorter.clone() {
                let mut grown = all[number].clone();
                self.every_longer(&mut grown, |longer| all.push(longer.clone()));
            }
            shorter = shorter.end..all.len();
        }
        all
    }

    /// One of the streams of so many objects beside the root, as they were written.
    pub(crate) fn some(&self, dice: &mut Dice, size: usize) -> Grown {
        let mut grown = Grown::root(0, self.root.clone());
        let mut replica = grown.replica();
        while grown.plan.steps.len() < size {
            let step = dice.of(&self.next(&grown));
            grown.push(step);
            let newest = grown.objects[grown.objects.len() - 1].clone();
            if !matches!(replica.admit(newest, 0), Ok(Ingested::Admitted { .. })) {
                grown.pop();
            }
        }
        grown
    }

    /// Shows a stream with one object more, for every object that its own replica takes; each set of objects once,
    /// since they are written in the order of (generation, id).
    pub(crate) fn every_longer(&self, grown: &mut Grown, mut visit: impl FnMut(&mut Grown)) {
        let replica = grown.stream();
        for step in self.next(grown) {
            grown.push(step);
            let newest = grown.objects[grown.objects.len() - 1].clone();
            if grown.is_written_in_order() && replica.clone().admit(newest, 0).is_ok() {
                visit(grown);
            }
            grown.pop();
        }
    }

    /// All that may be written next, after whatever is here.
    pub(crate) fn next(&self, grown: &Grown) -> Vec<Step> {
        let deeds = self.deeds(grown);
        let mut steps = Vec::new();
        for after in antichains(&grown.pasts) {
            let past = grown.past_of(&after);
            for (by, deed) in &deeds {
                let own = |number: &usize| grown.read[*number].author == SUBJECTS[*by];
                let previous = past.iter().copied().rev().find(own);
                steps.push(Step { by: *by, after: after.clone(), previous, deed: deed.clone() });
            }
        }
        steps
    }

    fn deeds(&self, grown: &Grown) -> Vec<(Person, Deed)> {
        let mut deeds = Vec::new();
        for (by, letter) in &self.letters {
            let here = 0..grown.objects.len();
            match letter {
                Letter::Deed(deed) => deeds.push((*by, deed.clone())),
                Letter::WithdrawsOne => {
                    let policies = here.filter(|number| grown.read[*number].rules.is_some());
                    deeds.extend(policies.map(|policy| (*by, withdraws([policy]))));
                }
                Letter::AdoptsOne => deeds.extend(here.map(|number| (*by, Deed::Adopts([number].into())))),
            }
        }
        deeds
    }
}

/// Every choice of parents: sets of objects none of which is in the past of another.
fn antichains(pasts: &[BTreeSet<usize>]) -> Vec<BTreeSet<usize>> {
    let mut found: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
    for (number, past) in pasts.iter().enumerate() {
        let beside = |set: &&BTreeSet<usize>| set.is_disjoint(past);
        let wider: Vec<BTreeSet<usize>> =
            found.iter().filter(beside).map(|set| set.iter().copied().chain([number]).collect()).collect();
        found.extend(wider);
    }
    found.retain(|set| !set.is_empty());
    found
}
