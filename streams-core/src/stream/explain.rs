//! Why (spec 8.9): the verdict on each object, with the rule that decides it; who may read; what is adopted and removed.

use std::cmp::Ordering;

use super::Stream;
use super::admit::{Ingested, Rejected};
use super::checkpoint::{CheckpointState, NoForce};
use super::judge::{INFINITE, RuleAt, Set, View};
use super::pasts::{Bits, PointId};
use crate::graph::Index;
use crate::object::authenticate::Authentic;
use crate::object::author::VerifyingKey;
use crate::object::header::types;
use crate::object::id::ObjectId;
use crate::policy::decide::Access;
use crate::policy::rule::{Action, Effect};

/// The rule that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deciding {
    /// The policy object that carries it.
    pub by: ObjectId,
    /// The place of the rule in its list, from 0.
    pub rule: usize,
    /// The rank of the policy object's author at it.
    pub rank: u8,
    /// In which of the two sets it decides.
    pub set: Set,
}

/// The verdict on an object, or on an access, and why (spec 8.9, 14.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Effective: its author is the owner.
    Owner,
    /// Effective: this rule, known to its author, allows it, and nothing denies it.
    Allowed(Deciding),
    /// Effective: a checkpoint that has force.
    Force,
    /// Void: this rule denies it.
    Denied(Deciding),
    /// Void: nothing in the set allows it, but a policy object would that is withdrawn.
    Withdrawn {
        /// The first withdrawal.
        by: ObjectId,
        /// Its rank.
        rank: u8,
        /// The set.
        set: Set,
    },
    /// Void: nothing in the set allows it.
    NoRule(Set),
    /// Void: a policy object whose author would have a rank above 16.
    RankTooHigh,
    /// Void: a checkpoint without force.
    WithoutForce(NoForce),
}

impl Verdict {
    /// Whether the object is effective, or the access allowed.
    pub const fn is_effective(self) -> bool {
        matches!(self, Self::Owner | Self::Allowed(_) | Self::Force)
    }

    /// The code of spec 14.6.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Allowed(_) => "allowed",
            Self::Force => "force",
            Self::Denied(_) => "denied",
            Self::Withdrawn { .. } => "withdrawn",
            Self::NoRule(_) => "no-rule",
            Self::RankTooHigh => "rank",
            Self::WithoutForce(reason) => reason.code(),
        }
    }
}

/// What objects would change (spec 8.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simulated {
    /// For each object that was given, what became of it in the end, when all had come.
    pub taken: Vec<Result<Ingested, Rejected>>,
    /// Of what is here, in the order that now is: effective now, and void then.
    pub voided: Vec<ObjectId>,
    /// Void now, and effective then.
    pub restored: Vec<ObjectId>,
}

impl Stream {
    /// The verdict on an object, and why; `None` where it is not here. O(policy objects).
    pub fn explain(&self, id: &ObjectId) -> Option<Verdict> {
        let index = self.graph.find(id)?;
        if let Some(force) = self.pasts.point_of(index).and_then(|point| self.checkpoints.force(point)) {
            return Some(force.map_or_else(Verdict::WithoutForce, |()| Verdict::Force));
        }
        if self.chains.author(index) == self.owner() {
            return Some(Verdict::Owner);
        }
        let subject = self.chains.text(index);
        let r#type = self.judge.type_name(index);
        self.with_view(index, |view| {
            if r#type != types::POLICY {
                let access = Access { subject, action: Action::Append.name(), resource: r#type };
                return Some(self.decide(access, view, INFINITE));
            }
            let access = Access { subject, action: Action::Govern.name(), resource: types::POLICY };
            let rank = self.judge.policies[view.own?].rank;
            let verdict = self.decide(access, view, rank);
            Some(if rank == INFINITE && verdict.is_effective() { Verdict::RankTooHigh } else { verdict })
        })
    }

    /// The rank of somebody at an object (spec 8.5): 0 is the owner, up to 16; `Some(None)` is infinite. `None` where
    /// the object is not here.
    pub fn rank(&self, subject: &VerifyingKey, at: &ObjectId) -> Option<Option<u8>> {
        let index = self.graph.find(at)?;
        if *subject == self.owner() {
            return Some(Some(0));
        }
        let rank = self.with_view(index, |view| self.judge.rank(&subject.to_string(), view));
        Some((rank != INFINITE).then_some(rank))
    }

    /// The rank that somebody would have at an object that came after all that is here (spec 8.5), 0 to 16; `None` is
    /// infinite: whoever has none governs nothing.
    pub fn newest_rank(&self, subject: &VerifyingKey) -> Option<u8> {
        if *subject == self.owner() {
            return Some(0);
        }
        let rank = self.with_newest_view(|view| self.judge.rank(&subject.to_string(), view));
        (rank != INFINITE).then_some(rank)
    }

    /// Whether somebody may read the stream (spec 8.8).
    pub fn may_read(&self, subject: &VerifyingKey) -> Verdict {
        if *subject == self.owner() {
            return Verdict::Owner;
        }
        let resource = self.judge.type_name(Self::ROOT);
        let access = Access { subject: &subject.to_string(), action: Action::Read.name(), resource };
        self.with_newest_view(|view| self.decide(access, view, INFINITE))
    }

    /// The policy object that is shown to somebody who may not read (spec 8.8): the one that denies it, where it names
    /// the key.
    pub fn shown_to(&self, subject: &VerifyingKey) -> Option<ObjectId> {
        let Verdict::Denied(Deciding { by, rule, .. }) = self.may_read(subject) else { return None };
        let point = self.pasts.point_of(self.graph.find(&by)?)?;
        let subjects = self.judge.policies[point].rules[rule].subjects.as_ref()?;
        subjects.contains(&subject.to_string()).then_some(by)
    }

    /// The number of the epoch of an object, from 1; what is of one that an accepted checkpoint ends is final.
    pub fn epoch(&self, id: &ObjectId) -> Option<u32> {
        self.graph.find(id).map(|index| self.epoch_of(index) as u32 + 1)
    }

    /// How many objects are final: the first so many of the order.
    pub fn final_len(&self) -> usize {
        self.graph.epoch_ends().last().copied().unwrap_or(0)
    }

    /// All checkpoints, in order, and what each is worth.
    pub fn checkpoints(&self) -> Vec<(ObjectId, CheckpointState)> {
        let mut states: Vec<_> =
            self.checkpoints.states().map(|(id, state)| (self.pasts.points[id].index, state)).collect();
        states.sort_by(|(a, _), (b, _)| self.compare(*a, *b));
        states.into_iter().map(|(index, state)| (self.graph.id(index), state)).collect()
    }

    /// The policy objects that are withdrawn now, in order: an object that came after all that is here would find them
    /// so (spec 8.4).
    pub fn withdrawn(&self) -> Vec<ObjectId> {
        self.with_newest_view(|view| {
            let withdrawn = |id: &PointId| {
                self.judge.is_effective(*id) && self.judge.withdrawals(Set::Known, view, *id).next().is_some()
            };
            let points = (0..self.judge.policies.len()).filter(withdrawn);
            let mut withdrawn: Vec<Index> = points.map(|id| self.pasts.points[id].index).collect();
            withdrawn.sort_by(|a, b| self.compare(*a, *b));
            withdrawn.into_iter().map(|index| self.graph.id(index)).collect()
        })
    }

    /// The verdicts that these objects would change, without changing any. O(n): a copy of the stream takes them in.
    pub fn simulate(&self, objects: &[Authentic]) -> Simulated {
        let mut then = self.clone();
        let mut taken: Vec<_> = objects.iter().map(|object| then.admit(object.clone(), 0)).collect();
        for (answer, object) in taken.iter_mut().zip(objects) {
            if let Ok(Ingested::Pending { .. }) = answer {
                // What it waited for may have come behind it.
                *answer = match then.admit(object.clone(), 0) {
                    Ok(Ingested::Known) => Ok(Ingested::Admitted { then: Vec::new() }),
                    answer => answer,
                };
            }
        }
        let changed = |effective: bool| {
            let index = self.graph.order().filter(|index| self.is_effective_at(*index) == effective);
            index.filter(|index| then.is_effective_at(*index) != effective).map(|index| self.graph.id(index)).collect()
        };
        Simulated { taken, voided: changed(true), restored: changed(false) }
    }

    /// The ids that replay hands out, in its order: what is effective, and behind each adopting object what it adopts.
    pub fn replayed(&self) -> Vec<ObjectId> {
        self.handed_out().map(|index| self.graph.id(index)).collect()
    }

    pub(super) fn handed_out(&self) -> impl Iterator<Item = Index> {
        let effective = self.graph.order().filter(|index| self.is_effective_at(*index));
        effective.flat_map(|index| std::iter::once(index).chain(self.adopted_by(index).iter().copied()))
    }

    /// Which of two stands first in the order.
    pub(super) fn compare(&self, a: Index, b: Index) -> Ordering {
        let tie_of = |index| self.ties.tie(self.graph.generation(index), &self.chains.author(index));
        self.epoch_of(a).cmp(&self.epoch_of(b)).then_with(|| self.graph.compare(a, b, tie_of))
    }

    /// Asks something at an object that is here.
    pub(super) fn with_view<T>(&self, index: Index, ask: impl FnOnce(View<'_>) -> T) -> T {
        let after = self.pasts.after(&self.chains, index);
        let own = self.pasts.point_of(index);
        ask(View { known: self.pasts.known(index), after: &after, own, epoch: self.epoch_of(index) })
    }

    /// Asks something at an object that would come after all that is here.
    fn with_newest_view<T>(&self, ask: impl FnOnce(View<'_>) -> T) -> T {
        let (known, after) = (Bits::below(self.judge.policies.len()), Bits::EMPTY);
        ask(View { known: &known, after: &after, own: None, epoch: usize::MAX })
    }

    /// Decides an access of a subject other than the owner, by the policy objects of rank below `bound`.
    fn decide(&self, access: Access<'_>, view: View<'_>, bound: u8) -> Verdict {
        let own = self.judge.rank(access.subject, view);
        let rank = |id: PointId| self.judge.policies[id].rank;
        let mut allowing = None;
        for set in Set::BOTH {
            let rules: Vec<_> =
                self.judge.standing(set, view, access).filter(|((id, _), _)| rank(*id) < bound).collect();
            let first = |effect: Effect| {
                let matching = rules.iter().filter(|((id, _), own_effect)| {
                    *own_effect == effect && (effect == Effect::Allow || rank(*id) < own)
                });
                let rule = matching.map(|(rule, _)| *rule).min_by(|a, b| self.compare_rules(*a, *b))?;
                Some(Deciding { by: self.point_id(rule.0), rule: rule.1, rank: rank(rule.0), set })
            };
            if let Some(deciding) = first(Effect::Deny) {
                return Verdict::Denied(deciding);
            }
            let Some(deciding) = first(Effect::Allow) else { return self.lack(access, set, view) };
            allowing = allowing.or(Some(deciding));
        }
        Verdict::Allowed(allowing.expect("both sets allow"))
    }

    /// Nothing in a set allows an access: the first withdrawal of what would.
    fn lack(&self, access: Access<'_>, set: Set, view: View<'_>) -> Verdict {
        let would = self.judge.rules(set, view, access).filter(|(_, effect)| *effect == Effect::Allow);
        let withdrawals = would.flat_map(|((id, _), _)| self.judge.withdrawals(set, view, id));
        let first = withdrawals.min_by(|a, b| self.compare(self.pasts.points[*a].index, self.pasts.points[*b].index));
        match first {
            None => Verdict::NoRule(set),
            Some(by) => Verdict::Withdrawn { by: self.point_id(by), rank: self.judge.policies[by].rank, set },
        }
    }

    fn compare_rules(&self, a: RuleAt, b: RuleAt) -> Ordering {
        if a.0 == b.0 {
            return a.1.cmp(&b.1);
        }
        self.compare(self.pasts.points[a.0].index, self.pasts.points[b.0].index)
    }

    fn point_id(&self, id: PointId) -> ObjectId {
        self.graph.id(self.pasts.points[id].index)
    }
}
