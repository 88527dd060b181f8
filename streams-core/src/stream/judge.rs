//! Who was allowed to write (spec 8.3 to 8.7): ranks, and the verdict on each object.
//!
//! A verdict at an object is asked of two sets of policy objects (its view): those that its author knew, and those that
//! were decided beside it. For a new object the second set is all there are, so objects of one author, one type and
//! one set of known points share a verdict, and most cost a look-up. A new policy object re-judges only authors whom
//! its rules can touch, and of their lines only what it has not in its past.

use std::collections::{BTreeSet, HashMap};

use super::content::Content;
use super::pasts::{Bits, PointId};
use super::{EFFECTIVE, Stream};
use crate::graph::Index;
use crate::keyed::HashKey;
use crate::object::header::{Header, types};
use crate::policy::decide::{Access, matches, matches_deed};
use crate::policy::rule::{Action, Effect, Rule};

/// The highest rank that is decided (spec 8.5).
pub const MAX_RANK: u8 = 16;

/// No rank: who has it does not govern.
pub(super) const INFINITE: u8 = MAX_RANK + 1;

/// What is decided about a point: a policy object, or a checkpoint, which has no rules and decides nothing.
#[derive(Clone)]
pub(super) struct Policy {
    pub(super) rules: Vec<Rule>,
    withdraws: Vec<PointId>,
    pub(super) withdrawn_by: Vec<PointId>,
    /// The rank of its author at it; infinite where it is void.
    pub(super) rank: u8,
    /// The number of its epoch, from 0.
    pub(super) epoch: usize,
}

/// A rule of a policy object: the object, and the place of the rule in its list.
pub(super) type RuleAt = (PointId, usize);

#[derive(Clone)]
pub(super) struct Judge {
    pub(super) policies: Vec<Policy>,
    /// The rules that name a subject, by its text, and those for everyone.
    by_subject: HashMap<Box<str>, Vec<RuleAt>, HashKey>,
    for_all: Vec<RuleAt>,
    /// The types that occurred, and which of them each object has.
    types: HashMap<Box<str>, u32, HashKey>,
    type_names: Vec<Box<str>>,
    type_of: Vec<u32>,
    /// Verdicts on objects that no point comes after, by author, type and known points, until the next point.
    fresh: HashMap<(u32, u32, u32), bool, HashKey>,
}

/// What is asked at an object: the sets of spec 8.4, before it is asked which policy objects are effective.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The points in the past.
    pub(super) known: &'a Bits,
    /// The points that come after.
    pub(super) after: &'a Bits,
    /// The point that the object is itself.
    pub(super) own: Option<PointId>,
    /// The number of its epoch: later ones do not enter.
    pub(super) epoch: usize,
}

/// One of the two sets of spec 8.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    /// The effective policy objects in the past.
    Known,
    /// The effective policy objects that are neither the object nor after it, nor of a later epoch.
    Beside,
}

impl Set {
    pub(super) const BOTH: [Set; 2] = [Set::Known, Set::Beside];

    /// `known` or `beside`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Beside => "beside",
        }
    }
}

impl Judge {
    pub(super) fn new(key: HashKey) -> Self {
        Self {
            policies: Vec::new(),
            by_subject: HashMap::with_hasher(key),
            for_all: Vec::new(),
            types: HashMap::with_hasher(key),
            type_names: Vec::new(),
            type_of: Vec::new(),
            fresh: HashMap::with_hasher(key),
        }
    }

    fn note_type(&mut self, name: &str) -> u32 {
        let number = match self.types.get(name) {
            Some(number) => *number,
            None => {
                let number = self.type_names.len() as u32;
                self.types.insert(name.into(), number);
                self.type_names.push(name.into());
                number
            }
        };
        self.type_of.push(number);
        number
    }

    pub(super) fn type_name(&self, index: Index) -> &str {
        &self.type_names[self.type_of[index.as_usize()] as usize]
    }

    fn note_policy(&mut self, policy: Policy) -> PointId {
        let id = self.policies.len();
        for (at, rule) in policy.rules.iter().enumerate() {
            if rule.is_for_all() {
                self.for_all.push((id, at));
                continue;
            }
            for subject in rule.subjects.iter().flatten().collect::<BTreeSet<_>>() {
                self.by_subject.entry(subject.as_str().into()).or_default().push((id, at));
            }
        }
        for withdrawn in &policy.withdraws {
            self.policies[*withdrawn].withdrawn_by.push(id);
        }
        self.policies.push(policy);
        id
    }

    pub(super) fn is_effective(&self, id: PointId) -> bool {
        self.policies[id].rank != INFINITE
    }

    /// Whether a point is in one of the sets, effective or not.
    fn is_in(&self, set: Set, view: View<'_>, id: PointId) -> bool {
        match set {
            Set::Known => view.known.contains(id),
            Set::Beside => !view.after.contains(id) && view.own != Some(id) && self.policies[id].epoch <= view.epoch,
        }
    }

    /// Those in a set that withdraw a policy object of it (spec 8.4).
    pub(super) fn withdrawals(&self, set: Set, view: View<'_>, id: PointId) -> impl Iterator<Item = PointId> {
        let policy = &self.policies[id];
        let withdraws = move |by: &PointId| self.policies[*by].rank <= policy.rank && self.is_in(set, view, *by);
        policy.withdrawn_by.iter().copied().filter(withdraws)
    }

    /// The rules of the effective policy objects of a set that match an access, standing or not.
    pub(super) fn rules<'a>(
        &'a self,
        set: Set,
        view: View<'a>,
        access: Access<'a>,
    ) -> impl Iterator<Item = (RuleAt, Effect)> {
        let named = self.by_subject.get(access.subject).into_iter().flatten();
        named.chain(&self.for_all).filter_map(move |&(id, at)| {
            let policy = &self.policies[id];
            let rule = &policy.rules[at];
            let enters = policy.rank != INFINITE
                && matches_deed(rule, access.action, access.resource)
                && self.is_in(set, view, id);
            enters.then_some(((id, at), rule.effect))
        })
    }

    /// Of those rules, the ones whose policy object stands.
    pub(super) fn standing<'a>(
        &'a self,
        set: Set,
        view: View<'a>,
        access: Access<'a>,
    ) -> impl Iterator<Item = (RuleAt, Effect)> {
        self.rules(set, view, access).filter(move |((id, _), _)| self.withdrawals(set, view, *id).next().is_none())
    }

    /// The rank of a subject other than the owner (spec 8.5): one more than the least rank that lets it govern in both
    /// sets, unless one as low forbids it.
    pub(super) fn rank(&self, subject: &str, view: View<'_>) -> u8 {
        let access = Access { subject, action: Action::Govern.name(), resource: types::POLICY };
        let (mut allowed_from, mut denied_from) = (0, INFINITE);
        for set in Set::BOTH {
            let mut allowed_in_set = INFINITE;
            for ((id, _), effect) in self.standing(set, view, access) {
                let rank = self.policies[id].rank;
                match effect {
                    Effect::Allow => allowed_in_set = allowed_in_set.min(rank),
                    Effect::Deny => denied_from = denied_from.min(rank),
                }
            }
            allowed_from = allowed_from.max(allowed_in_set);
        }
        // Allowed by a rank below k, denied by none below k: the least such k.
        if allowed_from < MAX_RANK && allowed_from < denied_from { allowed_from + 1 } else { INFINITE }
    }

    /// Whether an access of a subject other than the owner is allowed (spec 8.6).
    pub(super) fn is_allowed(&self, access: Access<'_>, view: View<'_>) -> bool {
        let mut own = None;
        Set::BOTH.into_iter().all(|set| {
            let mut allowed = false;
            for ((id, _), effect) in self.standing(set, view, access) {
                match effect {
                    Effect::Allow => allowed = true,
                    Effect::Deny => {
                        let own = *own.get_or_insert_with(|| self.rank(access.subject, view));
                        if self.policies[id].rank < own {
                            return false;
                        }
                    }
                }
            }
            allowed
        })
    }
}

/// What an object does, as rules see it (spec 8.6, 8.7).
pub(super) fn access<'a>(header: &Header<'a>) -> Access<'a> {
    let resource = header.r#type();
    Access { subject: header.author_text(), action: action(resource).name(), resource }
}

fn action(r#type: &str) -> Action {
    match r#type {
        types::POLICY => Action::Govern,
        types::CHECKPOINT => Action::Checkpoint,
        _ => Action::Append,
    }
}

impl Stream {
    /// Born authorized (spec 8.7): the owner, and whom a rule in the past allows it. Denials and withdrawals do not
    /// enter, so the answer never changes.
    pub(super) fn is_born_authorized(&self, header: &Header<'_>, edges: &[Index]) -> bool {
        if header.author() == self.owner() {
            return true;
        }
        let access = access(header);
        let named = self.judge.by_subject.get(access.subject).into_iter().flatten();
        named.chain(&self.judge.for_all).any(|&(id, at)| {
            let rule = &self.judge.policies[id].rules[at];
            let index = self.pasts.points[id].index;
            let in_past = |edge: &Index| *edge == index || self.pasts.known(*edge).contains(id);
            rule.effect == Effect::Allow
                && matches_deed(rule, access.action, access.resource)
                && edges.iter().any(in_past)
        })
    }

    /// Judges the newest object, and what it changes of others.
    pub(super) fn judge_newest(&mut self, index: Index, header: &Header<'_>, content: Content) {
        let r#type = self.judge.note_type(header.r#type());
        let is_point = index == Self::ROOT || matches!(content, Content::Policy { .. } | Content::Checkpoint { .. });
        self.pasts.push(&self.graph, &self.chains, index, is_point);
        // Until it is judged; the root, and what its owner wrote, needs not be.
        self.flags.push(EFFECTIVE);
        self.tell_inserted(index);
        if is_point {
            self.judge.fresh.clear();
        }
        match content {
            Content::Application { rules } if index == Self::ROOT => {
                // A root without rules counts as a policy object with one, which allows everyone to read (spec 8.3).
                let rules = if rules.is_empty() { vec![Rule::allow([Action::Read])] } else { rules };
                self.note_policy(rules, Vec::new(), 0);
            }
            Content::Policy { rules, withdraws } => {
                // Without force is a withdrawal of what is not in the past, or is no policy object.
                let known = self.pasts.known(index);
                let mut withdraws: Vec<PointId> = withdraws
                    .iter()
                    .filter_map(|id| self.pasts.point_of(self.graph.find(id)?))
                    .filter(|id| known.contains(*id) && !self.checkpoints.is_checkpoint(*id))
                    .collect();
                withdraws.sort_unstable();
                withdraws.dedup();
                let rank = if header.author() == self.owner() { 0 } else { INFINITE };
                self.note_policy(rules, withdraws, rank);
                self.judge_after_policy();
            }
            Content::Checkpoint { count, order } => {
                let id = self.note_policy(Vec::new(), Vec::new(), INFINITE);
                self.note_checkpoint(id, index, header, count, &order);
            }
            _ => {
                let author = self.chains.chain_of(index);
                let key = (author, r#type, self.pasts.known_number(index));
                let effective = match self.judge.fresh.get(&key) {
                    Some(effective) => *effective,
                    None => {
                        let view = self.fresh_view(index);
                        let effective = header.author() == self.owner() || self.judge.is_allowed(access(header), view);
                        self.judge.fresh.insert(key, effective);
                        effective
                    }
                };
                self.set_effective(index, effective);
            }
        }
    }

    /// What is asked at an object that no point comes after, of the open tail.
    fn fresh_view(&self, index: Index) -> View<'_> {
        const NONE: &Bits = &Bits::EMPTY;
        View { known: self.pasts.known(index), after: NONE, own: None, epoch: usize::MAX }
    }

    fn note_policy(&mut self, rules: Vec<Rule>, withdraws: Vec<PointId>, rank: u8) -> PointId {
        let epoch = self.graph.epoch_ends().len();
        self.judge.note_policy(Policy { rules, withdraws, withdrawn_by: Vec::new(), rank, epoch })
    }

    /// Judges what the newest point, a policy object, changes.
    fn judge_after_policy(&mut self) {
        let newest = self.judge.policies.len() - 1;
        let before: Vec<u8> = self.judge.policies.iter().map(|policy| policy.rank).collect();
        let policy = &self.judge.policies[newest];
        let may_govern = |rule: &Rule| matches_deed(rule, Action::Govern.name(), types::POLICY);
        // Only who governs, or undoes who does, changes the rank of others.
        if !policy.withdraws.is_empty() || policy.rules.iter().any(may_govern) {
            self.rank_policies();
        } else if policy.rank == INFINITE {
            let index = self.pasts.points[newest].index;
            self.judge.policies[newest].rank = self.judge.rank(self.chains.text(index), self.fresh_view(index));
        }
        let changed: Vec<PointId> =
            (0..=newest).filter(|id| *id == newest || before[*id] != self.judge.policies[*id].rank).collect();
        for id in &changed {
            self.set_effective(self.pasts.points[*id].index, self.judge.is_effective(*id));
        }
        let touched = self.touched_by(&changed);
        let first = |stream: &Self, line: u32| {
            let unseen = changed.iter().map(|id| stream.pasts.points[*id].seen(line)).min();
            unseen.unwrap_or(u32::MAX)
        };
        self.judge_lines(touched, first);
    }

    /// The authors, by number, whose verdicts these policy objects can change: whom their rules name, or the rules
    /// that they withdraw. `None`: everyone.
    fn touched_by(&self, changed: &[PointId]) -> Option<BTreeSet<u32>> {
        let policies = &self.judge.policies;
        let withdrawn = changed.iter().flat_map(|id| &policies[*id].withdraws);
        let rules = changed.iter().chain(withdrawn).flat_map(|id| &policies[*id].rules);
        let mut touched = BTreeSet::new();
        for rule in rules {
            if rule.is_for_all() {
                return None;
            }
            touched.extend(rule.subjects.iter().flatten().filter_map(|subject| self.chains.by_text(subject)));
        }
        Some(touched)
    }

    /// Decides the ranks of all policy objects, in strata (spec 8.5); those of the owner have theirs.
    pub(super) fn rank_policies(&mut self) {
        let owner = self.owner();
        let is_open = |id: &PointId| {
            let index = self.pasts.points[*id].index;
            !self.checkpoints.is_checkpoint(*id) && self.chains.author(index) != owner
        };
        let mut unranked: Vec<PointId> = (0..self.judge.policies.len()).filter(is_open).collect();
        for id in &unranked {
            self.judge.policies[*id].rank = INFINITE;
        }
        let after: HashMap<PointId, Bits> =
            unranked.iter().map(|id| (*id, self.pasts.after(&self.chains, self.pasts.points[*id].index))).collect();
        for stratum in 1..=MAX_RANK {
            let (ranked, rest): (Vec<PointId>, Vec<PointId>) = unranked.into_iter().partition(|id| {
                let index = self.pasts.points[*id].index;
                let epoch = self.judge.policies[*id].epoch;
                let view = View { known: self.pasts.known(index), after: &after[id], own: Some(*id), epoch };
                self.judge.rank(self.chains.text(index), view) == stratum
            });
            // Strata are decided at once: of two beside each other, neither enters the other's.
            for id in &ranked {
                self.judge.policies[*id].rank = stratum;
            }
            if ranked.is_empty() {
                break;
            }
            unranked = rest;
        }
    }

    /// Judges the objects of these authors (`None`: of all) anew, in each line from the place that `first` tells.
    pub(super) fn judge_lines(&mut self, authors: Option<BTreeSet<u32>>, first: impl Fn(&Self, u32) -> u32) {
        let lines: Vec<u32> = match authors {
            None => (0..self.chains.lines.len() as u32).collect(),
            Some(authors) => {
                let lines = authors.iter().flat_map(|author| &self.chains.chains()[*author as usize].lines);
                lines.copied().collect()
            }
        };
        for line in lines {
            let from = first(self, line);
            self.judge_line(line, from);
        }
    }

    /// Judges the objects of a line from a place on, the last first: so the points that come after only grow.
    fn judge_line(&mut self, line: u32, from: u32) {
        let owner = self.owner();
        let (len, chain) = {
            let line = &self.chains.lines[line as usize];
            (line.objects.len() as u32, line.chain)
        };
        if from >= len || self.chains.chains()[chain as usize].author == owner {
            return;
        }
        let mut seeing: Vec<(u32, PointId)> = (0..self.pasts.points.len())
            .map(|id| (self.pasts.points[id].seen(line), id))
            .filter(|(seen, _)| *seen > from)
            .collect();
        seeing.sort_unstable();
        let mut after = Bits::default();
        let mut verdicts: HashMap<(u32, u32), bool> = HashMap::new();
        let mut epoch = usize::MAX;
        for place in (from..len).rev() {
            let mut same = true;
            while let Some((_, id)) = seeing.pop_if(|(seen, _)| *seen > place) {
                after.insert(id);
                same = false;
            }
            let index = self.chains.lines[line as usize].objects[place as usize];
            if self.pasts.point_of(index).is_some() {
                continue;
            }
            let own_epoch = self.epoch_at(line, place);
            if !same || own_epoch != epoch {
                verdicts.clear();
                epoch = own_epoch;
            }
            let key = (self.judge.type_of[index.as_usize()], self.pasts.known_number(index));
            let effective = match verdicts.get(&key) {
                Some(effective) => *effective,
                None => {
                    let resource = self.judge.type_name(index);
                    let access = Access { subject: self.chains.text(index), action: action(resource).name(), resource };
                    let view = View { known: self.pasts.known(index), after: &after, own: None, epoch };
                    let effective = self.judge.is_allowed(access, view);
                    verdicts.insert(key, effective);
                    effective
                }
            };
            self.set_effective(index, effective);
        }
    }

    /// Whether the root's rules alone allow an access: they are all that `checkpoint` depends on (spec 9.2).
    pub(super) fn root_allows(&self, access: Access<'_>) -> bool {
        let rules = &self.judge.policies[0].rules;
        let matching = |effect: Effect| rules.iter().any(|rule| rule.effect == effect && matches(rule, access));
        matching(Effect::Allow) && !matching(Effect::Deny)
    }
}
