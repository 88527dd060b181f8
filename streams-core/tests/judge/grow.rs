//! Grows small streams: all that an alphabet can write, up to a size; or random ones from a seed, with malice.

use std::collections::BTreeSet;

use streams_core::{Action, Ingested, Rule, Stream};

use crate::plan::{
    Claim, Deed, Grown, NAMES, NOTE, OWNER, Person, SUBJECTS, Step, TASK, allow, deny, rules, withdraws,
};

// All streams of an alphabet.

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

// Random streams.

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

    fn of<T: Clone>(&mut self, from: &[T]) -> T {
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
