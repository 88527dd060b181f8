//! Grows random streams from a seed, with malice.

use std::collections::BTreeSet;

use streams_core::{Action, Ingested, Rule, Stream};

use crate::plan::{
    Claim, Deed, Grown, NAMES, NOTE, OWNER, Person, SUBJECTS, Step, TASK, allow, deny, rules, withdraws,
};

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// From 0, below the end.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A place in the list, the more often the more its weight is.
    fn weighed(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return place,
            }
        }
        unreachable!("below the sum")
    }

    /// One of these.
    pub(crate) fn of<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Any order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}

/// Writes a stream by a seed: everybody acts, allowed or not, after leaves or long ago, alone or by a ruse.
struct Intrigue {
    dice: Dice,
    grown: Grown,
    stream: Stream,
    people: usize,
    /// What authors name as their previous object.
    naming: Naming,
    /// How often each kind of deed is done.
    habits: [usize; 7],
}

/// What an author names as its previous object.
#[derive(Clone, Copy)]
enum Naming {
    Nothing,
    /// Its latest in the past of what it cites, as one device would that sees nothing of the others.
    Known,
    /// Its latest anywhere, as the specification has it.
    Latest,
    /// Any of its own, or none: so it forks.
    Any,
}

/// A random stream of at most so many objects beside the root.
pub(crate) fn random(seed: u64, size: usize) -> Grown {
    let mut dice = Dice(seed);
    let people = 3 + dice.below(NAMES.len() - 2);
    let mut root = Vec::new();
    for person in 1..people {
        match dice.below(4) {
            0 => root.push(allow(Action::Govern, &[person])),
            1 => root.push(allow(Action::Checkpoint, &[person])),
            _ => {}
        }
    }
    match dice.below(6) {
        0 => {}
        1 => root.push(Rule::allow([Action::Append, Action::Read]).resources(["test/n*", "streams/*"])),
        2 => root.push(allow(Action::Append, &[1, 2])),
        _ => root.push(Rule::allow([Action::Append])),
    }
    match dice.below(8) {
        0 => root.push(deny(&[people - 1])),
        1 => root.push(deny(&[1]).actions([Action::Checkpoint])),
        _ => {}
    }
    // Much is said, much is governed, or much is made final.
    let habits = dice.of(&[[6, 4, 3, 1, 2, 1, 3], [2, 9, 6, 0, 1, 0, 6], [3, 3, 2, 6, 2, 1, 2], [2, 6, 8, 3, 1, 0, 4]]);
    let mut grown = Grown::root(seed, root);
    grown.plan.timed = true;
    let stream = grown.replica();
    let naming = dice.of(&[Naming::Nothing, Naming::Known, Naming::Latest, Naming::Any]);
    let mut intrigue = Intrigue { dice, grown, stream, people, naming, habits };
    let size = 1 + intrigue.dice.below(size);
    while intrigue.grown.plan.steps.len() < size {
        intrigue.act();
    }
    intrigue.grown
}

impl Intrigue {
    fn act(&mut self) {
        let (by, after) = (self.dice.below(self.people), self.parents());
        match self.dice.weighed(&self.habits) {
            0 => {
                let (mut last, r#type) = (after, self.dice.of(&[NOTE, NOTE, TASK]));
                for _ in 0..1 + self.dice.below(3) {
                    last = self.write(by, last, Deed::Says(r#type)).into_iter().collect();
                }
            }
            1 => {
                let deed = rules((0..1 + self.dice.below(2)).map(|_| self.rule()).collect::<Vec<_>>());
                self.write(by, after, deed);
            }
            2 => {
                let some = self.policies(&after);
                let rules = if self.dice.once_in(4) { vec![self.rule()] } else { Vec::new() };
                self.write(by, after, Deed::Governs(rules, some));
            }
            3 => {
                let by = self.dice.of(&[OWNER, OWNER, 1, 2, by]);
                let claim =
                    self.dice.of(&[Claim::Right, Claim::Right, Claim::Right, Claim::WrongCount, Claim::WrongOrder]);
                self.write(by, after, Deed::Checkpoint(claim));
            }
            4 => {
                // Several adopt what is void, beside each other.
                let void = self.void(&after);
                for by in [by, OWNER, self.dice.below(self.people)].into_iter().take(1 + self.dice.below(3)) {
                    self.write(by, after.clone(), Deed::Adopts(void.clone()));
                }
            }
            5 => {
                let some = self.some(&after);
                self.write(by, after, Deed::Redacts(some));
            }
            _ => self.ruse(after),
        }
    }

    /// Several objects that belong together.
    fn ruse(&mut self, after: BTreeSet<usize>) {
        let (a, b, c) =
            (1 + self.dice.below(self.people - 1), self.dice.below(self.people), self.dice.below(self.people));
        let then = |number: Option<usize>| number.into_iter().collect::<BTreeSet<usize>>();
        match self.dice.below(6) {
            // Two deny each other at the same time.
            0 => {
                self.write(a, after.clone(), rules([deny(&[b])]));
                self.write(b, after, rules([deny(&[a])]));
            }
            // A puppet is made to do what its master may not.
            1 => {
                let made = self.write(a, after, rules([allow(Action::Govern, &[c])]));
                self.write(c, then(made), rules([deny(&[b])]));
            }
            // A withdrawal is withdrawn, by a third.
            2 => {
                let policies = self.policies(&after);
                let withdrawal = self.write(a, after, withdraws(policies));
                self.write(b, then(withdrawal), withdraws(withdrawal));
            }
            // Who was removed writes on, as if it had been before.
            3 => {
                let removal = self.write(OWNER, after.clone(), rules([deny(&[a])]));
                self.write(a, after, rules([allow(Action::Govern, &[a, b]), deny(&[c])]));
                let deed = self.dice.of(&[withdraws(removal), rules([allow(Action::Govern, &[a])])]);
                self.write(b, then(removal), deed);
            }
            // A holder makes two checkpoints beside each other, and perhaps one above both.
            4 => {
                let holder = self.dice.of(&[OWNER, a]);
                let one = self.write(holder, after, Deed::Checkpoint(Claim::Right));
                let others = self.parents();
                let two = self.write(holder, others, Deed::Checkpoint(Claim::Right));
                if self.dice.once_in(2) {
                    self.write(OWNER, one.into_iter().chain(two).collect(), Deed::Checkpoint(Claim::Right));
                }
            }
            // Each gives the next what it was given, and perhaps the first is removed beside it.
            _ => {
                let mut line: Vec<Person> = (1..self.people).collect();
                self.dice.shuffle(&mut line);
                let (mut by, mut last) = (OWNER, after.clone());
                for to in line.iter().copied() {
                    let given = self.write(by, last, rules([allow(Action::Govern, &[to])]));
                    (by, last) = (to, then(given));
                }
                if self.dice.once_in(2) {
                    self.write(OWNER, after, rules([deny(&line[..1])]));
                }
            }
        }
    }

    /// Writes an object, whether or not its author may. Its number, where it was admitted.
    fn write(&mut self, by: Person, after: BTreeSet<usize>, deed: Deed) -> Option<usize> {
        let empty = matches!(&deed, Deed::Governs(rules, named) if rules.is_empty() && named.is_empty());
        if after.is_empty() || empty {
            return None;
        }
        let previous = self.previous(by, &after);
        self.grown.push(Step { by, after, previous, deed });
        let object = self.grown.objects.last().expect("pushed").clone();
        let admitted = matches!(self.stream.admit(object, 0), Ok(Ingested::Admitted { .. }));
        admitted.then(|| self.grown.objects.len() - 1)
    }

    fn previous(&mut self, by: Person, after: &BTreeSet<usize>) -> Option<usize> {
        let own = |number: &usize| self.grown.read[*number].author == SUBJECTS[by];
        let own: Vec<usize> = self.admitted().into_iter().filter(own).collect();
        match self.naming {
            Naming::Nothing => None,
            Naming::Known => {
                let past = self.grown.past_of(after);
                own.into_iter().rev().find(|number| past.contains(number))
            }
            Naming::Latest => own.last().copied(),
            Naming::Any if own.is_empty() || self.dice.once_in(3) => None,
            Naming::Any => Some(self.dice.of(&own)),
        }
    }

    fn is_admitted(&self, number: usize) -> bool {
        self.stream.contains(&self.grown.objects[number].id())
    }

    fn admitted(&self) -> Vec<usize> {
        (0..self.grown.objects.len()).filter(|&number| self.is_admitted(number)).collect()
    }

    /// The leaves, one of the latest, or anything.
    fn parents(&mut self) -> BTreeSet<usize> {
        let admitted = self.admitted();
        match self.dice.below(5) {
            0 | 1 => self.stream.leaves().iter().map(|leaf| self.grown.number(leaf)).take(16).collect(),
            2 => [admitted[admitted.len() - 1 - self.dice.below(admitted.len().min(3))]].into(),
            _ => (0..1 + self.dice.below(2)).map(|_| self.dice.of(&admitted)).collect(),
        }
    }

    /// A rule for or against somebody.
    fn rule(&mut self) -> Rule {
        let someone = [self.dice.below(self.people)];
        match self.dice.below(12) {
            0..=2 => allow(Action::Govern, &someone),
            3 | 4 => allow(Action::Append, &someone),
            5 | 6 => deny(&someone),
            7 => deny(&someone).actions([Action::Govern]),
            8 => deny(&someone).actions([Action::Append, Action::Read]).resources(["test/*"]),
            9 => Rule::deny().actions([self.dice.of(&[Action::Append, Action::Govern, Action::Read])]),
            10 => Rule::deny(),
            _ => Rule::allow([Action::Append, Action::Read]).resources([self.dice.of(&[NOTE, "test/t*", "*"])]),
        }
    }

    /// One or two policy objects, most often of the past; withdrawals count as such.
    fn policies(&mut self, after: &BTreeSet<usize>) -> BTreeSet<usize> {
        let within =
            if self.dice.once_in(4) { self.admitted() } else { self.grown.past_of(after).into_iter().collect() };
        let policies: Vec<usize> =
            within.into_iter().filter(|number| self.grown.read[*number].rules.is_some()).collect();
        (0..1 + self.dice.below(2)).map(|_| self.dice.of(&policies)).collect()
    }

    /// What is void in the past; anything, where nothing is.
    fn void(&mut self, after: &BTreeSet<usize>) -> BTreeSet<usize> {
        let is_void = |number: &usize| {
            let entry = self.stream.entry(&self.grown.objects[*number].id());
            entry.is_some_and(|entry| !entry.effective)
        };
        let void: BTreeSet<usize> = self.grown.past_of(after).into_iter().filter(is_void).collect();
        if void.is_empty() { self.some(after) } else { void }
    }

    /// One or two objects, most often of the past.
    fn some(&mut self, after: &BTreeSet<usize>) -> BTreeSet<usize> {
        let within =
            if self.dice.once_in(4) { self.admitted() } else { self.grown.past_of(after).into_iter().collect() };
        (0..1 + self.dice.below(2)).map(|_| self.dice.of(&within)).collect()
    }
}
