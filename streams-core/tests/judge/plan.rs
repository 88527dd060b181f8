//! A plan says who writes what after what, in a form that people can read and that can be made smaller; grown, it is
//! objects, which nobody signed: all but the signature is judged of them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use streams_core::{
    Action, Authentic, Authenticator, Domain, Draft, Edges, HashKey, Hint, Kind, List, Map, ObjectId, Rule, SigningKey,
    Stream, Value, VerifyingKey,
};

use crate::admitted::Admitted;
use crate::literal::Literal;

/// Somebody, by a number; 0 owns the stream.
pub(crate) type Person = usize;

/// The owner.
pub(crate) const OWNER: Person = 0;

/// What they are called.
pub(crate) const NAMES: [&str; 6] = ["O", "A", "B", "C", "D", "E"];

/// What they sign with, where something is signed.
static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| (0..NAMES.len()).map(|person| SigningKey::from_bytes([person as u8 + 1; 32])).collect());

/// Everybody.
pub(crate) static PEOPLE: LazyLock<Vec<VerifyingKey>> =
    LazyLock::new(|| KEYS.iter().map(SigningKey::verifying_key).collect());

/// The texts of everybody's keys.
pub(crate) static SUBJECTS: LazyLock<Vec<String>> = LazyLock::new(|| PEOPLE.iter().map(ToString::to_string).collect());

/// The key of a replica's tables.
pub(crate) const TABLES: HashKey = HashKey::from_bytes([9; 16]);

thread_local! {
    static AUTHENTICATOR: RefCell<Authenticator> = RefCell::new(Authenticator::new(TABLES));
}

/// What is said is of this type,
pub(crate) const NOTE: &str = "test/note";
/// or of this one.
pub(crate) const TASK: &str = "test/task";

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
    /// Parents and previous.
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

/// A policy object that adds rules.
pub(crate) fn rules(rules: impl Into<Vec<Rule>>) -> Deed {
    Deed::Governs(rules.into(), BTreeSet::new())
}

/// A policy object that withdraws others.
pub(crate) fn withdraws(policies: impl IntoIterator<Item = usize>) -> Deed {
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
        let root = written(OWNER, Draft::root("test/stream", bytes).policies(rules.iter().cloned()));
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
                let order = Literal::order_alone(past.iter().map(|number| &self.read[*number]));
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
        let object = written(step.by, draft);
        self.read.push(Admitted::read(&object));
        self.objects.push(object);
        self.pasts.push(past);
        self.plan.steps.push(step);
    }

    /// Whether the last one is new, and stands behind all others in the order of (generation, id).
    pub(crate) fn is_written_in_order(&self) -> bool {
        let place = |object: &Admitted| (object.generation, object.id);
        let (last, others) = self.read.split_last().expect("the root");
        others.last().is_none_or(|other| place(other) < place(last))
    }

    /// Takes the last one back.
    pub(crate) fn pop(&mut self) {
        self.read.pop();
        self.objects.pop();
        self.pasts.pop();
        self.plan.steps.pop();
    }

    /// These and all before them.
    pub(crate) fn past_of(&self, edges: &BTreeSet<usize>) -> BTreeSet<usize> {
        edges.iter().flat_map(|edge| self.pasts[*edge].iter().copied().chain([*edge])).collect()
    }

    /// The parts of an object as its author signs it.
    pub(crate) fn signed(&self, number: usize) -> Arc<[u8]> {
        let by = number.checked_sub(1).map_or(OWNER, |step| self.plan.steps[step].by);
        let object = self.objects[number].object();
        let signature = KEYS[by].sign(Domain::Object, object.id().as_bytes());
        Arc::clone(object.with_signature(&signature).parts())
    }

    /// A replica that has the root alone.
    pub(crate) fn replica(&self) -> Stream {
        Stream::open(self.objects[0].clone(), TABLES).expect("a root")
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
    pub(crate) fn read_in(&self, stream: &Stream) -> Vec<&Admitted> {
        self.read.iter().filter(|object| stream.contains(&object.id)).collect()
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
        let ids =
            self.objects.iter().enumerate().map(|(number, object)| (object.id().to_string(), format!("#{number}")));
        ids.chain(names()).fold(text.to_owned(), |text, (long, short)| text.replace(&long, &short))
    }
}

/// An object as an authenticator leaves it that verified its signature before. It has none that is valid: no id, and so
/// nothing that is judged, depends on it.
fn written(by: Person, draft: Draft) -> Authentic {
    let object = draft.encode(&PEOPLE[by]).expect("an object within the limits").with_signature(&[0; 64]);
    AUTHENTICATOR.with_borrow_mut(|authenticator| authenticator.verified_before(object)).expect("a sound header")
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
                Deed::Governs(rules, named) if rules.is_empty() => writeln!(f, ": withdraws {named:?}")?,
                Deed::Governs(rules, named) => writeln!(f, ": withdraws {named:?}, {}", Said(rules))?,
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

// Making them small.

impl Plan {
    /// A small plan that still does it: as far as leaving out leads within a while, first of many steps together, then
    /// of one thing.
    pub(crate) fn shrink(mut self, still: impl Fn(&Grown) -> bool) -> Self {
        let deadline = Instant::now() + Duration::from_secs(20);
        let still = |plan: &Self| Instant::now() < deadline && still(&Grown::of(plan));
        let mut piece = self.steps.len();
        while piece > 0 {
            let mut end = self.steps.len();
            while end > 0 {
                let start = end.saturating_sub(piece);
                let smaller = (start..end).rev().fold(self.clone(), |plan, at| plan.without(at + 1));
                if still(&smaller) {
                    self = smaller;
                }
                end = start;
            }
            piece /= 2;
        }
        while let Some(smaller) = self.smaller().into_iter().find(&still) {
            self = smaller;
        }
        self
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
        // At most as many parents as an object may have.
        let keep_parents = |after: &BTreeSet<usize>| keep(after).into_iter().rev().take(16).collect();
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
            plan.steps.push(Step { by: step.by, after: keep_parents(&after), previous: previous.map(renumber), deed });
        }
        plan
    }
}
