//! Grows small streams: a plan says who writes what after what; signed, it is objects. Plans come from an alphabet,
//! all of them up to a size, or from a seed, with malice.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use streams_core::{
    Action, Authentic, Draft, Edges, Effect, HashKey, Hint, Ingested, Kind, List, Map, ObjectId, Rule, SigningKey,
    Stream, Value,
};

use crate::literal::{Admitted, Literal};

/// Somebody, by a number; 0 owns the stream.
pub(crate) type Person = usize;

/// The owner.
pub(crate) const OWNER: Person = 0;

const NAMES: [&str; 6] = ["O", "A", "B", "C", "D", "E"];

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..NAMES.len()).map(|person| SigningKey::from_bytes([person as u8 + 1; 32])).collect());

/// The texts of everybody's keys.
pub(crate) static SUBJECTS: LazyLock<Vec<String>> =
    LazyLock::new(|| KEYS.iter().map(|key| key.verifying_key().to_string()).collect());

/// The types of what is said.
const NOTE: &str = "test/note";
const TASK: &str = "test/task";

/// Who writes what after what. Number 0 is the root, the steps are numbered from 1.
#[derive(Clone)]
pub(crate) struct Plan {
    /// Other roots have other ids, and so other ties.
    pub(crate) nonce: u64,
    /// Whether each object has another timestamp, so that two that do the same are two.
    pub(crate) timed: bool,
    pub(crate) root: Vec<Rule>,
    pub(crate) steps: Vec<Step>,
}

/// One object.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) by: Person,
    pub(crate) after: BTreeSet<usize>,
    pub(crate) previous: Option<usize>,
    pub(crate) deed: Deed,
}

/// What an object does.
#[derive(Clone)]
pub(crate) enum Deed {
    /// Says something of this type.
    Says(&'static str),
    /// Adds rules, withdraws policy objects, or both.
    Governs(Vec<Rule>, BTreeSet<usize>),
    /// Claims to know how many objects are in its past, and in which order.
    Checkpoint(Claim),
    Adopts(BTreeSet<usize>),
    /// Removes the data of these.
    Redacts(BTreeSet<usize>),
}

/// What a checkpoint claims.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Claim {
    Right,
    WrongCount,
    WrongOrder,
}

impl Step {
    /// What it has in its past for certain: parents and previous.
    fn edges(&self) -> BTreeSet<usize> {
        self.after.iter().copied().chain(self.previous).collect()
    }
}

/// A rule that allows somebody something.
pub(crate) fn allow(action: Action, people: &[Person]) -> Rule {
    Rule::allow([action]).subjects(people.iter().map(|person| &SUBJECTS[*person]))
}

/// A rule that denies somebody everything.
pub(crate) fn deny(people: &[Person]) -> Rule {
    Rule::deny().subjects(people.iter().map(|person| &SUBJECTS[*person]))
}

fn rules(rules: impl Into<Vec<Rule>>) -> Deed {
    Deed::Governs(rules.into(), BTreeSet::new())
}

fn withdraws(policies: impl IntoIterator<Item = usize>) -> Deed {
    Deed::Governs(Vec::new(), policies.into_iter().collect())
}

/// A plan with its objects. What a replica would refuse is here too, and what cites it.
#[derive(Clone)]
pub(crate) struct Grown {
    pub(crate) plan: Plan,
    /// The objects by their numbers.
    pub(crate) objects: Vec<Authentic>,
    /// The same as the literal judge reads them.
    pub(crate) read: Vec<Admitted>,
    /// The numbers in the past of each.
    pub(crate) pasts: Vec<BTreeSet<usize>>,
}

impl Grown {
    /// The root alone.
    pub(crate) fn root(nonce: u64, rules: Vec<Rule>) -> Self {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&nonce.to_le_bytes());
        let root = Draft::root("test/stream", bytes).policies(rules.iter().cloned()).sign(&KEYS[OWNER]);
        let root = root.expect("a root");
        let plan = Plan { nonce, timed: false, root: rules, steps: Vec::new() };
        Self { plan, read: vec![Admitted::read(&root)], objects: vec![root], pasts: vec![BTreeSet::new()] }
    }

    /// All that is planned.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut grown = Self::root(plan.nonce, plan.root.clone());
        grown.plan.timed = plan.timed;
        plan.steps.iter().for_each(|step| grown.push(step.clone()));
        grown
    }

    /// Writes one more object.
    pub(crate) fn push(&mut self, step: Step) {
        let past = self.past_of(&step.edges());
        let id = |number: &usize| self.objects[*number].id();
        let ids = |numbers: &BTreeSet<usize>| -> Value {
            let ids = numbers.iter().map(|number| Value::Reference(id(number))).collect();
            List::new(Hint::of(Kind::Reference), ids).expect("references").into()
        };
        let generation = step.edges().iter().map(|edge| self.read[*edge].generation + 1).max().expect("a parent");
        let parents = step.after.iter().map(id).collect();
        let stream = self.objects[0].id();
        let edges = Edges { stream, parents, previous: step.previous.as_ref().map(id), generation };
        let data = |name: &str, value: Value| Map::new().with(name, value).expect("a name");
        let draft = |r#type: &str| Draft::event(r#type, edges.clone());
        let draft = match &step.deed {
            Deed::Says(r#type) => draft(r#type).data(data("text", Value::Text("so be it".into()))),
            Deed::Governs(rules, named) => {
                let draft = draft("streams/policy").policies(rules.iter().cloned());
                if named.is_empty() { draft } else { draft.data(data("withdraws", ids(named))) }
            }
            Deed::Checkpoint(claim) => {
                let order = Literal::order_alone(past.iter().map(|number| self.read[*number].clone()).collect());
                let mut digest = blake3::Hasher::new();
                order.iter().for_each(|id| {
                    digest.update(id.as_bytes());
                });
                if *claim == Claim::WrongOrder {
                    digest.update(b"?");
                }
                let count = order.len() as u64 + u64::from(*claim == Claim::WrongCount);
                let digest = digest.finalize().as_bytes().to_vec();
                let map = data("count", Value::Uint(count)).with("order", Value::Bytes(digest)).expect("a name");
                draft("streams/checkpoint").data(map)
            }
            Deed::Adopts(named) => draft("streams/adopt").data(data("objects", ids(named))),
            Deed::Redacts(named) => {
                let maps = named.iter().flat_map(|number| self.read[*number].maps.iter().copied());
                let maps: Vec<Value> = maps.chain([id(&0)]).map(Value::Reference).collect();
                let maps = List::new(Hint::of(Kind::Reference), maps).expect("references");
                draft("streams/redact").data(data("maps", maps.into()))
            }
        };
        let draft = if self.plan.timed { draft.timestamp(self.objects.len() as u64) } else { draft };
        let object = draft.sign(&KEYS[step.by]).expect("an object");
        self.read.push(Admitted::read(&object));
        self.objects.push(object);
        self.pasts.push(past);
        self.plan.steps.push(step);
    }

    fn pop(&mut self) {
        self.read.pop();
        self.objects.pop();
        self.pasts.pop();
        self.plan.steps.pop();
    }

    /// These and all before them.
    pub(crate) fn past_of(&self, edges: &BTreeSet<usize>) -> BTreeSet<usize> {
        edges.iter().flat_map(|edge| self.pasts[*edge].iter().copied().chain([*edge])).collect()
    }

    /// A replica that has the root alone.
    pub(crate) fn replica(&self) -> Stream {
        Stream::open(self.objects[0].clone(), HashKey::from_bytes([9; 16])).expect("a root")
    }

    /// A replica that was given all.
    pub(crate) fn stream(&self) -> Stream {
        let mut stream = self.replica();
        for object in &self.objects[1..] {
            // What is refused is not here, and that is the answer.
            let _ = stream.admit(object.clone(), 0);
        }
        stream
    }

    /// What the literal judge is given of what a replica has.
    pub(crate) fn read_in(&self, stream: &Stream) -> Vec<Admitted> {
        self.read.iter().filter(|object| stream.contains(&object.id)).cloned().collect()
    }

    /// The number of an object.
    pub(crate) fn number(&self, id: &ObjectId) -> usize {
        self.objects.iter().position(|object| object.id() == *id).expect("an object of the plan")
    }

    /// `a ∈ past(b)`.
    pub(crate) fn is_past(&self, a: &ObjectId, b: &ObjectId) -> bool {
        self.pasts[self.number(b)].contains(&self.number(a))
    }

    /// A text in which ids became numbers, and keys names.
    pub(crate) fn shorten(&self, text: &str) -> String {
        let ids = self.objects.iter().enumerate().map(|(number, object)| (object.id().to_string(), format!("#{number}")));
        ids.chain(names()).fold(text.to_owned(), |text, (long, short)| text.replace(&long, &short))
    }
}

fn names() -> impl Iterator<Item = (String, String)> {
    SUBJECTS.iter().zip(NAMES).map(|(key, name)| (key.clone(), name.to_owned()))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "#0 O, nonce {}: {}", self.nonce, Said(&self.root))?;
        for (number, Step { by, after, previous, deed }) in self.steps.iter().enumerate() {
            write!(f, "#{} {} after {after:?}", number + 1, NAMES[*by])?;
            previous.map_or(Ok(()), |previous| write!(f, ", previous {previous}"))?;
            match deed {
                Deed::Says(r#type) => writeln!(f, ": says {type}")?,
                Deed::Governs(rules, named) if named.is_empty() => writeln!(f, ": {}", Said(rules))?,
                Deed::Governs(rules, named) => writeln!(f, ": withdraws {named:?} {}", Said(rules))?,
                Deed::Checkpoint(claim) => writeln!(f, ": checkpoint {claim:?}")?,
                Deed::Adopts(named) => writeln!(f, ": adopts {named:?}")?,
                Deed::Redacts(named) => writeln!(f, ": redacts {named:?}")?,
            }
        }
        Ok(())
    }
}

/// Rules, as they are told to people.
struct Said<'a>(&'a [Rule]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |list: &Option<Vec<String>>| list.as_ref().map_or("*".to_owned(), |list| list.join("+"));
        for (number, rule) in self.0.iter().enumerate() {
            let subjects = names().fold(list(&rule.subjects), |text, (key, name)| text.replace(&key, &name));
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{} {} {}", rule.effect.name(), subjects, list(&rule.actions))?;
            rule.resources.as_ref().map_or(Ok(()), |_| write!(f, " of {}", list(&rule.resources)))?;
        }
        Ok(())
    }
}

// All streams of an alphabet.

/// What may be written in the streams of an alphabet.
pub(crate) struct Alphabet {
    pub(crate) root: Vec<Rule>,
    pub(crate) letters: Vec<(Person, Letter)>,
}

/// A deed whose object is still open: each that is there.
pub(crate) enum Letter {
    Deed(Deed),
    /// Withdraws one policy object of its past.
    WithdrawsOne,
    /// Adopts one object of its past.
    AdoptsOne,
}

impl Alphabet {
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
        let root = vec![
            Rule::allow([Action::Append]),
            allow(Action::Checkpoint, &[1]),
            allow(Action::Govern, &[2]),
        ];
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

    /// Shows every stream of up to so many objects beside the root, each set of objects once: they are written in the
    /// order of (generation, id). What is refused is left out.
    pub(crate) fn every(&self, size: usize, visit: &mut impl FnMut(&Grown)) {
        self.extend(&mut Grown::root(0, self.root.clone()), size, visit);
    }

    fn extend(&self, grown: &mut Grown, size: usize, visit: &mut impl FnMut(&Grown)) {
        if grown.plan.steps.len() == size {
            return;
        }
        let last = grown.read.last().map(|object| (object.generation, object.id));
        for after in antichains(&grown.pasts) {
            for (by, deed) in self.deeds(grown, &grown.past_of(&after)) {
                grown.push(Step { by, after: after.clone(), previous: None, deed });
                let next = grown.read.last().map(|object| (object.generation, object.id));
                if next > last && grown.stream().len() == grown.objects.len() {
                    visit(grown);
                    self.extend(grown, size, visit);
                }
                grown.pop();
            }
        }
    }

    fn deeds(&self, grown: &Grown, past: &BTreeSet<usize>) -> Vec<(Person, Deed)> {
        let mut deeds = Vec::new();
        for (by, letter) in &self.letters {
            match letter {
                Letter::Deed(deed) => deeds.push((*by, deed.clone())),
                Letter::WithdrawsOne => {
                    let policies = past.iter().filter(|number| grown.read[**number].rules.is_some());
                    deeds.extend(policies.map(|policy| (*by, withdraws([*policy]))));
                }
                Letter::AdoptsOne => {
                    deeds.extend(past.iter().map(|number| (*by, Deed::Adopts(BTreeSet::from([*number])))));
                }
            }
        }
        deeds
    }
}

/// Every choice of parents: sets of objects none of which is in the past of another.
fn antichains(pasts: &[BTreeSet<usize>]) -> Vec<BTreeSet<usize>> {
    let mut found: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
    for number in 0..pasts.len() {
        let beside = |set: &&BTreeSet<usize>| set.iter().all(|other| !pasts[number].contains(other));
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
    /// How often each kind of deed is done.
    habits: [usize; 7],
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
    if dice.once_in(8) {
        root.push(deny(&[people - 1]));
    }
    // Much is said, much is governed, or much is made final.
    let habits = dice.of(&[[6, 4, 3, 1, 2, 1, 3], [2, 9, 6, 0, 1, 0, 6], [3, 3, 2, 6, 2, 1, 2], [2, 6, 8, 3, 1, 0, 4]]);
    let mut grown = Grown::root(seed, root);
    grown.plan.timed = true;
    let stream = grown.replica();
    let mut intrigue = Intrigue { dice, grown, stream, people, habits };
    let size = 1 + intrigue.dice.below(size);
    while intrigue.grown.plan.steps.len() < size {
        intrigue.act();
    }
    intrigue.grown
}

impl Intrigue {
    fn act(&mut self) {
        let mut at = self.dice.below(self.habits.iter().sum());
        let kind = self.habits.iter().position(|habit| {
            let found = at < *habit;
            at = at.saturating_sub(*habit);
            found
        });
        let (by, after) = (self.dice.below(self.people), self.parents());
        match kind.expect("below the sum") {
            0 => {
                let r#type = self.dice.of(&[NOTE, TASK]);
                self.write(by, after, Deed::Says(r#type));
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
                let claim = self.dice.of(&[Claim::Right, Claim::Right, Claim::Right, Claim::WrongCount, Claim::WrongOrder]);
                self.write(by, after, Deed::Checkpoint(claim));
            }
            4 => {
                let some = self.some(&after);
                self.write(by, after, Deed::Adopts(some));
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
        let (a, b, c) = (1 + self.dice.below(self.people - 1), self.dice.below(self.people), self.dice.below(self.people));
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
            // Each gives its successor what it was given, and the first is removed beside it.
            _ => {
                let mut last = Some(self.write(OWNER, after.clone(), rules([allow(Action::Govern, &[a])])));
                for (by, to) in [(a, b), (b, c), (c, a)] {
                    last = last.flatten().map(|last| self.write(by, [last].into(), rules([allow(Action::Govern, &[to])])));
                }
                self.write(OWNER, after, rules([deny(&[a])]));
            }
        }
    }

    /// Writes an object, whether or not its author may. Its number, where it was admitted.
    fn write(&mut self, by: Person, after: BTreeSet<usize>, deed: Deed) -> Option<usize> {
        let empty = matches!(&deed, Deed::Governs(rules, named) if rules.is_empty() && named.is_empty());
        if after.is_empty() || empty {
            return None;
        }
        // Honest authors cite their own latest object; others their first again, or none.
        let own: Vec<usize> = (0..self.grown.objects.len()).filter(|&number| self.is_own(number, by)).collect();
        let previous = match self.dice.below(4) {
            0 if !own.is_empty() => Some(self.dice.of(&own)),
            1 => own.iter().rev().find(|number| self.grown.past_of(&after).contains(number)).copied(),
            _ => None,
        };
        self.grown.push(Step { by, after, previous, deed });
        let object = self.grown.objects.last().expect("pushed").clone();
        let admitted = matches!(self.stream.admit(object, 0), Ok(Ingested::Admitted { .. }));
        admitted.then(|| self.grown.objects.len() - 1)
    }

    fn is_own(&self, number: usize, by: Person) -> bool {
        self.is_admitted(number) && self.grown.read[number].author == SUBJECTS[by]
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
        let within = if self.dice.once_in(8) { self.admitted() } else { self.grown.past_of(after).into_iter().collect() };
        let policies: Vec<usize> =
            within.into_iter().filter(|number| self.grown.read[*number].rules.is_some()).collect();
        (0..1 + self.dice.below(2)).map(|_| self.dice.of(&policies)).collect()
    }

    /// One or two objects, most often of the past.
    fn some(&mut self, after: &BTreeSet<usize>) -> BTreeSet<usize> {
        let within = if self.dice.once_in(8) { self.admitted() } else { self.grown.past_of(after).into_iter().collect() };
        (0..1 + self.dice.below(2)).map(|_| self.dice.of(&within)).collect()
    }
}

// Making them small.

impl Plan {
    /// The smallest plan that still does it, as far as leaving out one thing after another leads.
    pub(crate) fn shrink(mut self, still: impl Fn(&Grown) -> bool) -> Self {
        'again: loop {
            for smaller in self.smaller() {
                if still(&Grown::of(&smaller)) {
                    self = smaller;
                    continue 'again;
                }
            }
            return self;
        }
    }

    /// All plans that lack one thing.
    fn smaller(&self) -> Vec<Self> {
        let mut found: Vec<Self> = (1..=self.steps.len()).rev().map(|number| self.without(number)).collect();
        for rule in 0..self.root.len() {
            let mut plan = self.clone();
            plan.root.remove(rule);
            found.push(plan);
        }
        for (at, step) in self.steps.iter().enumerate() {
            let mut with = |change: &dyn Fn(&mut Step)| {
                let mut plan = self.clone();
                change(&mut plan.steps[at]);
                found.push(plan);
            };
            if step.previous.is_some() {
                with(&|step| step.previous = None);
            }
            for parent in step.after.iter().filter(|_| step.after.len() > 1) {
                with(&|step| {
                    step.after.remove(parent);
                });
            }
            if let Deed::Governs(rules, named) = &step.deed
                && rules.len() + named.len() > 1
            {
                for number in 0..rules.len() {
                    with(&|step| {
                        let Deed::Governs(rules, _) = &mut step.deed else { unreachable!("it governs") };
                        rules.remove(number);
                    });
                }
                for one in named {
                    with(&|step| {
                        let Deed::Governs(_, named) = &mut step.deed else { unreachable!("it governs") };
                        named.remove(one);
                    });
                }
            }
        }
        found
    }

    /// What came after a step comes after what that came after.
    fn without(&self, removed: usize) -> Self {
        let gone = &self.steps[removed - 1];
        let renumber = |number: usize| if number > removed { number - 1 } else { number };
        let keep = |numbers: &BTreeSet<usize>| -> BTreeSet<usize> {
            numbers.iter().copied().filter(|number| *number != removed).map(renumber).collect()
        };
        let mut plan = Self { steps: Vec::new(), ..self.clone() };
        for step in self.steps.iter().enumerate().filter(|(at, _)| at + 1 != removed).map(|(_, step)| step) {
            let after = if step.after.contains(&removed) { &step.after | &gone.after } else { step.after.clone() };
            let previous = if step.previous == Some(removed) { gone.previous } else { step.previous };
            let deed = match &step.deed {
                Deed::Governs(rules, named) => Deed::Governs(rules.clone(), keep(named)),
                Deed::Adopts(named) => Deed::Adopts(keep(named)),
                Deed::Redacts(named) => Deed::Redacts(keep(named)),
                other => other.clone(),
            };
            // What has nothing left to do says something instead.
            let deed = match deed {
                Deed::Governs(rules, named) if rules.is_empty() && named.is_empty() => Deed::Says(NOTE),
                Deed::Adopts(named) if named.is_empty() => Deed::Says(NOTE),
                deed => deed,
            };
            plan.steps.push(Step { by: step.by, after: keep(&after), previous: previous.map(renumber), deed });
        }
        plan
    }
}

/// Whether a rule allows.
pub(crate) fn allows(rule: &Rule) -> bool {
    rule.effect == Effect::Allow
}
