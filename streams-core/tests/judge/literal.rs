//! The literal judge: the paragraphs of spec 3.4, 8 and 9 as sets and recursion, in their order, each under its number.
//!
//! Nothing is remembered but what recursion would ask for again and again, and nothing is clever: whoever doubts the
//! judge of the library reads the specification beside this file. It shares no code with that judge, and none with
//! `policy`, but the names of the answers.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use streams_core::{
    Action, CheckpointState, Deciding, Effect, NoForce, ObjectId, Rule, Set, Verdict, VerifyingKey, author_bytes,
};

use crate::admitted::Admitted;
use crate::outcome::Outcome;

/// The largest rank that is finite (8.5).
const HIGHEST: u8 = 16;

/// What is no rank: larger than all of them.
const INFINITE: u8 = HIGHEST + 1;

/// The number of the root.
const ROOT: usize = 0;

const POLICY: &str = "streams/policy";
const CHECKPOINT: &str = "streams/checkpoint";

/// What somebody wants to do (8.2).
#[derive(Clone, Copy)]
struct Access<'a> {
    subject: &'a str,
    action: Action,
    resource: &'a str,
}

/// Where a question is asked: at an object, by its number, or behind all of `S` (8.8).
#[derive(Clone, Copy, PartialEq)]
enum At {
    Object(usize),
    End,
}

/// A policy object, by its number, with its rank.
type Ranked = (usize, u8);

/// All of `S`, the objects numbered by generation: so causes stand before their effects.
pub(crate) struct Literal<'a> {
    objects: Vec<&'a Admitted>,
    numbers: BTreeMap<ObjectId, usize>,
    /// For each object, whether each other is in its past.
    pasts: Vec<Vec<bool>>,
    order: Vec<usize>,
    epochs: Vec<u32>,
    // What would be computed again and again.
    ties: Vec<[u8; 32]>,
    forces: Vec<OnceCell<Result<(), NoForce>>>,
    /// For each k, the policy objects of rank below it.
    below: Vec<OnceCell<Vec<Ranked>>>,
    verdicts: Vec<OnceCell<Verdict>>,
}

impl<'a> Literal<'a> {
    /// Judges a set of admitted objects that is closed under past, in whatever order it is given.
    pub(crate) fn new(objects: impl IntoIterator<Item = &'a Admitted>) -> Self {
        let mut objects: Vec<&Admitted> = objects.into_iter().collect();
        objects.sort_by_key(|object| object.generation);
        let numbers: BTreeMap<ObjectId, usize> = objects.iter().enumerate().map(|(e, object)| (object.id, e)).collect();
        let mut pasts: Vec<Vec<bool>> = Vec::new();
        for object in &objects {
            let mut past = vec![false; objects.len()];
            for edge in object.edges.iter().map(|edge| numbers[edge]) {
                past[edge] = true;
                (0..edge).filter(|&other| pasts[edge][other]).for_each(|other| past[other] = true);
            }
            pasts.push(past);
        }
        let root = objects[ROOT].id;
        let ties = objects.iter().map(|object| tie(root, object.generation, &object.author)).collect();
        let (forces, verdicts) = (vec![OnceCell::new(); objects.len()], vec![OnceCell::new(); objects.len()]);
        let (order, epochs, below) = (Vec::new(), Vec::new(), vec![OnceCell::new(); usize::from(INFINITE) + 1]);
        let mut judge = Self { objects, numbers, pasts, order, epochs, ties, forces, below, verdicts };
        let all: Vec<usize> = (0..judge.objects.len()).collect();
        let chain = judge.accepted(&all);
        judge.epochs = all.iter().map(|&e| judge.epoch_in(e, &chain)).collect();
        judge.order = judge.order_of(&all);
        judge
    }

    fn owner(&self) -> &str {
        &self.objects[ROOT].author
    }

    /// `p ∈ past(e)`.
    fn is_past(&self, p: usize, e: At) -> bool {
        match e {
            At::Object(e) => self.pasts[e][p],
            At::End => true,
        }
    }

    fn past(&self, e: usize) -> Vec<usize> {
        (0..self.objects.len()).filter(|&p| self.pasts[e][p]).collect()
    }

    // 9 Order and finality. `within` is closed under past: all of S, or the past of a checkpoint alone.

    /// 9.1: ascending by (epoch, generation, tie, id).
    fn order_of(&self, within: &[usize]) -> Vec<usize> {
        let chain = self.accepted(within);
        let place = |e: usize| {
            let Admitted { id, generation, .. } = self.objects[e];
            (self.epoch_in(e, &chain), *generation, self.ties[e], *id)
        };
        let mut order = within.to_vec();
        order.sort_by_cached_key(|&e| place(e));
        order
    }

    /// 9.2: the owner, or whom the root's policies allow it.
    fn is_holder(&self, author: &str) -> bool {
        let access = Access { subject: author, action: Action::Checkpoint, resource: CHECKPOINT };
        let matching = |effect| {
            let rules = self.objects[ROOT].rules.iter().flatten();
            rules.filter(|rule| matches(rule, access)).any(|rule| rule.effect == effect)
        };
        author == self.owner() || matching(Effect::Allow) && !matching(Effect::Deny)
    }

    /// 9.2: whether a checkpoint has force. It reads the past alone.
    fn force(&self, e: usize) -> Result<(), NoForce> {
        *self.forces[e].get_or_init(|| {
            let (count, order) = self.objects[e].stated.as_ref().expect("a checkpoint");
            let past = self.past(e);
            let mut digest = blake3::Hasher::new();
            for p in self.order_of(&past) {
                digest.update(self.objects[p].id.as_bytes());
            }
            if !self.is_holder(&self.objects[e].author) {
                Err(NoForce::Holder)
            } else if *count != past.len() as u64 {
                Err(NoForce::Count)
            } else if order != digest.finalize().as_bytes() {
                Err(NoForce::Order)
            } else {
                Ok(())
            }
        })
    }

    /// 9.3: C1, C2, …: those with force that are comparable with every other with force.
    fn accepted(&self, within: &[usize]) -> Vec<usize> {
        let is_checkpoint = |e: &usize| self.objects[*e].r#type == CHECKPOINT;
        let force: Vec<usize> =
            within.iter().copied().filter(is_checkpoint).filter(|&e| self.force(e).is_ok()).collect();
        let comparable = |a: usize, b: usize| a == b || self.pasts[a][b] || self.pasts[b][a];
        let mut chain: Vec<usize> =
            force.iter().copied().filter(|&a| force.iter().all(|&b| comparable(a, b))).collect();
        chain.sort_by_key(|&c| self.past(c).len());
        chain
    }

    /// 9.3: the least j with `e = Cj` or `e ∈ past(Cj)`, else one more than the last.
    fn epoch_in(&self, e: usize, chain: &[usize]) -> u32 {
        let below = chain.iter().position(|&c| e == c || self.pasts[c][e]);
        below.unwrap_or(chain.len()) as u32 + 1
    }

    // 8.4 The two sets.

    /// `known(e)`, as far as it is of rank below k.
    fn known(&self, e: At, k: u8) -> Vec<Ranked> {
        self.policies(k).iter().copied().filter(|&(p, _)| self.is_past(p, e)).collect()
    }

    /// `beside(e)`, as far as it is of rank below k.
    fn beside(&self, e: At, k: u8) -> Vec<Ranked> {
        let is_beside = |p: usize| match e {
            At::Object(e) => p != e && !self.pasts[p][e] && self.epochs[p] <= self.epochs[e],
            At::End => true,
        };
        self.policies(k).iter().copied().filter(|&(p, _)| is_beside(p)).collect()
    }

    fn set(&self, set: Set, e: At, k: u8) -> Vec<Ranked> {
        match set {
            Set::Known => self.known(e, k),
            Set::Beside => self.beside(e, k),
        }
    }

    /// Those in X that withdraw p.
    fn withdrawing(&self, (p, rank): Ranked, x: &[Ranked]) -> Vec<Ranked> {
        let names = |w: usize| self.objects[w].withdraws.contains(&self.objects[p].id) && self.pasts[w][p];
        x.iter().copied().filter(|&(w, w_rank)| names(w) && w_rank <= rank).collect()
    }

    fn standing(&self, x: &[Ranked]) -> Vec<Ranked> {
        x.iter().copied().filter(|&p| self.withdrawing(p, x).is_empty()).collect()
    }

    // 8.5 Rank.

    /// The least k ≥ 1 for which those of rank below k let the subject govern.
    fn rank(&self, subject: &str, e: At) -> u8 {
        if subject == self.owner() {
            return 0;
        }
        // Behind an empty stratum nothing is decided otherwise.
        let mut strata = (1..=HIGHEST).take_while(|&k| self.policies(k).len() > self.policies(k - 1).len());
        strata.find(|&k| self.governs(subject, e, k)).unwrap_or(INFINITE)
    }

    /// Whether, in `known(e)` as well as in `beside(e)`, the standing policy objects of rank below k decide that
    /// (subject, `govern`) is allowed.
    fn governs(&self, subject: &str, e: At, k: u8) -> bool {
        let access = Access { subject, action: Action::Govern, resource: POLICY };
        [self.known(e, k), self.beside(e, k)].iter().all(|x| {
            let rules: Vec<&Rule> = self.standing(x).iter().flat_map(|&(p, _)| self.rules(p)).collect();
            let matching = |effect| rules.iter().any(|rule| rule.effect == effect && matches(rule, access));
            matching(Effect::Allow) && !matching(Effect::Deny)
        })
    }

    /// The policy objects of rank below k: the strata up to k − 1. Stratum 0 are those of the owner; the next, those
    /// not yet ranked whose author the lower ones let govern.
    fn policies(&self, k: u8) -> &[Ranked] {
        self.below[usize::from(k)].get_or_init(|| {
            let Some(rank) = k.checked_sub(1) else { return Vec::new() };
            let lower = self.policies(rank);
            if rank > 0 && lower.len() == self.policies(rank - 1).len() {
                return lower.to_vec();
            }
            let is_of_stratum = |p: usize| {
                let author = &self.objects[p].author;
                let is_ranked = lower.iter().any(|(ranked, _)| *ranked == p);
                if rank == 0 { author == self.owner() } else { !is_ranked && self.governs(author, At::Object(p), rank) }
            };
            let policies = (0..self.objects.len()).filter(|p| self.objects[*p].rules.is_some());
            let stratum = policies.filter(|p| is_of_stratum(*p)).map(|p| (p, rank));
            lower.iter().copied().chain(stratum).collect()
        })
    }

    fn rules(&self, p: usize) -> &[Rule] {
        self.objects[p].rules.as_deref().expect("a policy object")
    }

    // 8.6 Verdict, told as 8.9 wants it.

    /// `allowed(s, a, x, e)`, by the policy objects of rank below k.
    fn allowed(&self, access: Access<'_>, e: At, k: u8) -> Verdict {
        if access.subject == self.owner() {
            return Verdict::Owner;
        }
        let own = self.rank(access.subject, e);
        let mut allowing = None;
        for set in [Set::Known, Set::Beside] {
            let x = self.set(set, e, k);
            let standing = self.in_order(self.standing(&x));
            let first = |effect: Effect| {
                let counts = |rank: u8| effect == Effect::Allow || rank < own;
                let mut rules = standing.iter().flat_map(|&(p, rank)| {
                    self.rules(p).iter().enumerate().map(move |(number, rule)| (p, rank, number, rule))
                });
                let (p, rank, rule, _) =
                    rules.find(|&(_, rank, _, rule)| rule.effect == effect && counts(rank) && matches(rule, access))?;
                Some(Deciding { by: self.objects[p].id, rule, rank, set })
            };
            if let Some(denying) = first(Effect::Deny) {
                return Verdict::Denied(denying);
            }
            match first(Effect::Allow) {
                None => return self.lack(access, set, &x),
                Some(deciding) => allowing = allowing.or(Some(deciding)),
            }
        }
        Verdict::Allowed(allowing.expect("allowed in both sets"))
    }

    /// 8.9: a lack names the first withdrawal of what would allow it.
    fn lack(&self, access: Access<'_>, set: Set, x: &[Ranked]) -> Verdict {
        let allows = |p: usize| self.rules(p).iter().any(|rule| rule.effect == Effect::Allow && matches(rule, access));
        let withdrawing = x.iter().filter(|&&(p, _)| allows(p)).flat_map(|&p| self.withdrawing(p, x)).collect();
        match self.in_order(withdrawing).first() {
            Some(&(w, rank)) => Verdict::Withdrawn { by: self.objects[w].id, rank, set },
            None => Verdict::NoRule(set),
        }
    }

    fn in_order(&self, mut policies: Vec<Ranked>) -> Vec<Ranked> {
        policies.sort_by_key(|&(p, _)| self.order.iter().position(|&e| e == p));
        policies
    }

    /// The verdict on an object at its own place.
    fn verdict(&self, e: usize) -> Verdict {
        *self.verdicts[e].get_or_init(|| self.judge(e))
    }

    fn judge(&self, e: usize) -> Verdict {
        let Admitted { author, r#type, .. } = self.objects[e];
        let access = |action| Access { subject: author, action, resource: r#type };
        match r#type.as_str() {
            // 9.2: effective iff it has force.
            CHECKPOINT => match self.force(e) {
                Ok(()) => Verdict::Force,
                Err(why) => Verdict::WithoutForce(why),
            },
            // 8.5: effective iff the rank is finite; 8.9: then explained by those of lower rank.
            POLICY if author != self.owner() => {
                let rank = self.rank(author, At::Object(e));
                let verdict = self.allowed(access(Action::Govern), At::Object(e), rank);
                if rank == INFINITE && verdict.is_effective() { Verdict::RankTooHigh } else { verdict }
            }
            _ => self.allowed(access(Action::Append), At::Object(e), INFINITE),
        }
    }

    fn is_effective(&self, e: usize) -> bool {
        self.verdict(e).is_effective()
    }

    // 8.8 Reading.

    fn reading(&self, subject: &str) -> Verdict {
        let access = Access { subject, action: Action::Read, resource: &self.objects[ROOT].r#type };
        self.allowed(access, At::End, INFINITE)
    }

    /// Whether the deciding rule lists the subject: then who may not read is shown the object that carries it.
    pub(crate) fn names(&self, deciding: &Deciding, subject: &str) -> bool {
        let rule = &self.rules(self.numbers[&deciding.by])[deciding.rule];
        rule.subjects.iter().flatten().any(|one| one == subject)
    }

    // 8.10 Adopt.

    /// Whether an adoption has force, whether or not it is the first.
    fn adopts(&self, adopting: usize, object: usize) -> bool {
        let (by, adopted) = (&self.objects[adopting], &self.objects[object]);
        let access = Access { subject: &by.author, action: Action::Append, resource: &adopted.r#type };
        by.adopts.contains(&adopted.id)
            && self.pasts[adopting][object]
            && !adopted.r#type.starts_with("streams/")
            && self.is_effective(adopting)
            && !self.is_effective(object)
            && self.allowed(access, At::Object(adopting), INFINITE).is_effective()
    }

    /// Of several adoptions the first in the order counts. The pairs in the order of the adopted.
    fn adopted(&self) -> Vec<(usize, usize)> {
        let by = |object: usize| self.order.iter().copied().find(|&adopting| self.adopts(adopting, object));
        self.order.iter().filter_map(|&object| Some((object, by(object)?))).collect()
    }

    /// What is effective, in order, and behind an adopting object what it adopts, in order.
    fn replayed(&self) -> Vec<usize> {
        let adopted = self.adopted();
        let mut replayed = Vec::new();
        for &e in self.order.iter().filter(|&&e| self.is_effective(e)) {
            replayed.push(e);
            replayed.extend(adopted.iter().filter(|&&(_, by)| by == e).map(|&(object, _)| object));
        }
        replayed
    }

    // 3.4 Removal for all.

    /// The pairs of an object and a map that is dropped there.
    fn removed(&self) -> BTreeSet<(ObjectId, ObjectId)> {
        let mut removed = BTreeSet::new();
        for (e, redact) in self.objects.iter().enumerate().filter(|(_, object)| !object.redacts.is_empty()) {
            if !self.is_effective(e) || self.rank(&redact.author, At::Object(e)) == INFINITE {
                continue;
            }
            for object in self.past(e).into_iter().map(|p| &self.objects[p]) {
                if !object.r#type.starts_with("streams/") {
                    let maps = redact.redacts.iter().filter(|map| object.maps.contains(map));
                    removed.extend(maps.map(|map| (object.id, *map)));
                }
            }
        }
        removed
    }

    // The answers, by ids.

    /// All that is judged, for these subjects.
    pub(crate) fn outcome(&self, people: &[VerifyingKey]) -> Outcome {
        let subjects: Vec<String> = people.iter().map(ToString::to_string).collect();
        let all = 0..self.objects.len();
        let id = |e: usize| self.objects[e].id;
        let everything: Vec<usize> = all.clone().collect();
        let chain = self.accepted(&everything);
        let state = |c: usize| match self.force(c) {
            Ok(()) if chain.contains(&c) => CheckpointState::Accepted,
            Ok(()) => CheckpointState::Force,
            Err(why) => CheckpointState::Without(why),
        };
        let checkpoints = self.order.iter().filter(|&&e| self.objects[e].r#type == CHECKPOINT);
        let ranks = subjects.iter().flat_map(|subject| {
            all.clone().map(move |e| ((subject.clone(), id(e)), self.rank(subject, At::Object(e))))
        });
        Outcome {
            order: self.order.iter().map(|&e| id(e)).collect(),
            epochs: all.clone().map(|e| (id(e), self.epochs[e])).collect(),
            checkpoints: checkpoints.map(|&c| (id(c), state(c))).collect(),
            ranks: ranks.map(|(at, rank)| (at, (rank != INFINITE).then_some(rank))).collect(),
            verdicts: all.clone().map(|e| (id(e), self.verdict(e))).collect(),
            reading: subjects.iter().map(|subject| (subject.clone(), self.reading(subject))).collect(),
            adopted: self.adopted().into_iter().map(|(object, by)| (id(object), id(by))).collect(),
            removed: self.removed().into_iter().collect(),
            replayed: self.replayed().into_iter().map(id).collect(),
        }
    }

    /// The order of these objects alone, which are closed under past.
    pub(crate) fn order_alone(objects: impl IntoIterator<Item = &'a Admitted>) -> Vec<ObjectId> {
        let judge = Self::new(objects);
        judge.order.iter().map(|&e| judge.objects[e].id).collect()
    }
}

/// 9.1: what decides between objects of one generation.
fn tie(root: ObjectId, generation: u64, author: &str) -> [u8; 32] {
    let key = author_bytes(author).expect("the author of an admitted object");
    let material = [root.as_bytes().as_slice(), &generation.to_be_bytes(), &key].concat();
    blake3::derive_key("streams 2026 order tie v1", &material)
}

/// 8.1: whether a rule matches an access, whatever its effect.
fn matches(rule: &Rule, access: Access<'_>) -> bool {
    let everything = |list: &Option<Vec<String>>| list.iter().flatten().any(|element| element == "*") || list.is_none();
    let subject = everything(&rule.subjects) || rule.subjects.iter().flatten().any(|one| one == access.subject);
    let named = rule.actions.iter().flatten().any(|one| one == access.action.name());
    let action = named || access.action != Action::Checkpoint && everything(&rule.actions);
    let covered = |one: &String| match one.strip_suffix('*') {
        Some(beginning) => access.resource.starts_with(beginning),
        None => one == access.resource,
    };
    let named = access.action != Action::Govern && rule.resources.iter().flatten().any(covered);
    subject && action && (everything(&rule.resources) || named)
}
