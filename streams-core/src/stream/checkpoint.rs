//! Checkpoints (spec 9.2 to 9.4): which have force, which are accepted, and what is final by them.

use std::collections::BTreeMap;

use super::Stream;
use super::chains::Chains;
use super::judge::access;
use super::pasts::{Bits, Pasts, PointId};
use crate::graph::Index;
use crate::object::draft::Edges;
use crate::object::header::Header;

/// Why a checkpoint is without force (spec 9.2): the first of these that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NoForce {
    /// Its author is neither the owner nor allowed `checkpoint` by the root.
    #[error("its author is no holder: neither the owner, nor allowed to checkpoint by the root")]
    Holder,
    /// It counts another number of objects than its past has.
    #[error("it counts another number of objects than there are in its past")]
    Count,
    /// Its digest is not that of the order of its past.
    #[error("its digest is not that of the order of its past")]
    Order,
}

impl NoForce {
    /// The code of spec 14.6.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Count => "count",
            Self::Order => "order",
        }
    }
}

/// What a checkpoint is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckpointState {
    /// Its past is final.
    Accepted,
    /// It has force, and is not comparable with another that has: its holders equivocated.
    Force,
    /// It is an object like any other.
    Without(NoForce),
}

#[derive(Clone, Default)]
pub(super) struct Checkpoints {
    force: BTreeMap<PointId, Result<(), NoForce>>,
    /// Those that are accepted, each in the past of the next.
    accepted: Vec<PointId>,
}

impl Checkpoints {
    pub(super) fn is_checkpoint(&self, id: PointId) -> bool {
        self.force.contains_key(&id)
    }

    pub(super) fn force(&self, id: PointId) -> Option<Result<(), NoForce>> {
        self.force.get(&id).copied()
    }

    fn with_force(&self) -> impl Iterator<Item = PointId> {
        self.force.iter().filter(|(_, force)| force.is_ok()).map(|(id, _)| *id)
    }

    pub(super) fn states(&self) -> impl Iterator<Item = (PointId, CheckpointState)> {
        self.force.iter().map(|(id, force)| match force {
            Err(reason) => (*id, CheckpointState::Without(*reason)),
            Ok(()) if self.accepted.contains(id) => (*id, CheckpointState::Accepted),
            Ok(()) => (*id, CheckpointState::Force),
        })
    }
}

impl Stream {
    /// Takes note of the newest point, a checkpoint: whether it has force, and what becomes final, or open again.
    pub(super) fn note_checkpoint(&mut self, id: PointId, index: Index, header: &Header<'_>, count: u64, order: &[u8]) {
        let force = self.judge_checkpoint(id, header, count, order);
        self.checkpoints.force.insert(id, force);
        self.set_effective(index, force.is_ok());
        if force.is_err() {
            return;
        }
        let others: Vec<PointId> = self.checkpoints.with_force().collect();
        let accepted = self.accept(&self.checkpoints.accepted, &others, id);
        self.take_accepted(accepted);
    }

    fn judge_checkpoint(&self, id: PointId, header: &Header<'_>, count: u64, order: &[u8]) -> Result<(), NoForce> {
        if header.author() != self.owner() && !self.root_allows(access(header)) {
            return Err(NoForce::Holder);
        }
        if self.pasts.points[id].count() != count {
            return Err(NoForce::Count);
        }
        if self.digest_of_past(id) != order {
            return Err(NoForce::Order);
        }
        Ok(())
    }

    /// The accepted chain with a checkpoint more, which nothing comes after (spec 9.3): what is not in its past is not
    /// comparable with it.
    fn accept(&self, accepted: &[PointId], with_force: &[PointId], id: PointId) -> Vec<PointId> {
        let known = self.pasts.known(self.pasts.points[id].index);
        let mut chain: Vec<PointId> = accepted.iter().copied().filter(|other| known.contains(*other)).collect();
        if with_force.iter().all(|other| *other == id || known.contains(*other)) {
            chain.push(id);
        }
        chain
    }

    /// Moves from one accepted chain to another: epochs, order, ranks and verdicts behind what both have.
    fn take_accepted(&mut self, accepted: Vec<PointId>) {
        if accepted == self.checkpoints.accepted {
            return;
        }
        let common = accepted.iter().zip(&self.checkpoints.accepted).take_while(|(a, b)| a == b).count();
        let start = common.checked_sub(1).map_or(0, |last| self.graph.epoch_ends()[last]);
        let before = self.order_to_compare(start);
        self.checkpoints.accepted = accepted;
        let (chains, ties, pasts) = (&self.chains, &self.ties, &self.pasts);
        let accepted = &self.checkpoints.accepted;
        self.graph.divide(
            common,
            accepted.len() - common,
            |index| epoch_of(accepted, pasts, chains, index),
            |index, generation| ties.tie(generation, &chains.author(index)),
        );
        self.tell_finalized(start, &before);
        for id in 0..self.judge.policies.len() {
            self.judge.policies[id].epoch = self.epoch_of(self.pasts.points[id].index);
        }
        self.rank_policies();
        for id in 0..self.judge.policies.len() {
            if !self.checkpoints.is_checkpoint(id) {
                let effective = self.judge.is_effective(id);
                self.set_effective(self.pasts.points[id].index, effective);
            }
        }
        let last = common.checked_sub(1).map(|last| self.checkpoints.accepted[last]);
        self.judge_lines(None, |stream, line| last.map_or(0, |last| stream.pasts.points[last].seen(line)));
    }

    /// The number of the epoch of an object, from 0.
    pub(super) fn epoch_of(&self, index: Index) -> usize {
        epoch_of(&self.checkpoints.accepted, &self.pasts, &self.chains, index)
    }

    /// The number of the epoch of the object at a place of a line.
    pub(super) fn epoch_at(&self, line: u32, place: u32) -> usize {
        let index = self.chains.lines[line as usize].objects[place as usize];
        let points = &self.pasts.points;
        let before = |id: &PointId| points[*id].seen(line) <= place && points[*id].index != index;
        self.checkpoints.accepted.partition_point(before)
    }

    /// BLAKE3 over the ids of the past of a checkpoint, in the order of 9.1 computed in that past alone.
    fn digest_of_past(&self, id: PointId) -> [u8; 32] {
        let point = &self.pasts.points[id];
        let mut in_past = vec![false; self.graph.len()];
        for (number, line) in self.chains.lines.iter().enumerate() {
            line.objects[..point.seen(number as u32) as usize]
                .iter()
                .for_each(|index| in_past[index.as_usize()] = true);
        }
        self.digest_of(&in_past, self.pasts.known(point.index))
    }

    /// The number of objects in the past of an object with these edges, and the digest of their order.
    pub(super) fn past_of(&self, edges: &Edges) -> (u64, [u8; 32]) {
        let cited: Vec<Index> =
            edges.parents.iter().chain(&edges.previous).filter_map(|id| self.graph.find(id)).collect();
        let mut in_past = vec![false; self.graph.len()];
        let mut known = Bits::EMPTY;
        let mut count = 0;
        for index in self.graph.past(&cited) {
            in_past[index.as_usize()] = true;
            count += 1;
            if let Some(id) = self.pasts.point_of(index) {
                known.insert(id);
            }
        }
        (count, self.digest_of(&in_past, &known))
    }

    /// The digest of the order of a set of objects that is closed under past, whose points are `known`.
    fn digest_of(&self, in_past: &[bool], known: &Bits) -> [u8; 32] {
        // The chain that is accepted within this past: of checkpoints with force in order of arrival, one by one.
        let (mut chain, mut with_force) = (Vec::new(), Vec::new());
        for other in self.checkpoints.with_force().filter(|other| known.contains(*other)) {
            chain = self.accept(&chain, &with_force, other);
            with_force.push(other);
        }
        let mut past: Vec<Index> = self.graph.order().filter(|index| in_past[index.as_usize()]).collect();
        // Where the chains are one, so are the epochs, and the order that stands is that of the past alone.
        if chain != self.checkpoints.accepted {
            let epoch_of = |index: &Index| epoch_of(&chain, &self.pasts, &self.chains, *index);
            let tie_of = |index| self.ties.tie(self.graph.generation(index), &self.chains.author(index));
            past.sort_by(|a, b| epoch_of(a).cmp(&epoch_of(b)).then_with(|| self.graph.compare(*a, *b, tie_of)));
        }
        let mut hasher = blake3::Hasher::new();
        for some in past.chunks(512) {
            let ids: Vec<u8> = some.iter().flat_map(|index| *self.graph.id(*index).as_bytes()).collect();
            hasher.update(&ids);
        }
        *hasher.finalize().as_bytes()
    }
}

/// The number of the epoch of an object, from 0, by a chain of accepted checkpoints (spec 9.3).
fn epoch_of(accepted: &[PointId], pasts: &Pasts, chains: &Chains, index: Index) -> usize {
    let (line, place) = chains.place(index);
    accepted.partition_point(|id| pasts.points[*id].seen(line) <= place && pasts.points[*id].index != index)
}
