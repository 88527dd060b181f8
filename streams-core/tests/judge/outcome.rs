//! All that is judged of a stream, in a form in which two judges can be compared.

use std::collections::BTreeMap;
use std::fmt::Debug;

use streams_core::{CheckpointState, ObjectId, Stream, Verdict, VerifyingKey};

/// What a judge says of a stream, for some subjects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// All ids, in the order of 9.1.
    pub(crate) order: Vec<ObjectId>,
    pub(crate) epochs: BTreeMap<ObjectId, u32>,
    /// In order.
    pub(crate) checkpoints: Vec<(ObjectId, CheckpointState)>,
    /// Of every subject at every object; `None` is infinite.
    pub(crate) ranks: BTreeMap<(String, ObjectId), Option<u8>>,
    pub(crate) verdicts: BTreeMap<ObjectId, Verdict>,
    /// Who may read.
    pub(crate) reading: BTreeMap<String, Verdict>,
    /// What is adopted, and by what, in the order of the adopted.
    pub(crate) adopted: Vec<(ObjectId, ObjectId)>,
    /// The maps that are removed for all: object and map, ascending.
    pub(crate) removed: Vec<(ObjectId, ObjectId)>,
    /// What replay hands out, in its order.
    pub(crate) replayed: Vec<ObjectId>,
}

impl Outcome {
    /// What the library says.
    pub(crate) fn of(stream: &Stream, people: &[VerifyingKey]) -> Self {
        let order: Vec<ObjectId> = stream.order().collect();
        let here = "what is in the order is here";
        let ranks = people.iter().flat_map(|key| {
            let subject = key.to_string();
            order.iter().map(move |id| ((subject.clone(), *id), stream.rank(key, id).expect(here)))
        });
        Self {
            epochs: order.iter().map(|id| (*id, stream.epoch(id).expect(here))).collect(),
            checkpoints: stream.checkpoints(),
            ranks: ranks.collect(),
            verdicts: order.iter().map(|id| (*id, stream.explain(id).expect(here))).collect(),
            reading: people.iter().map(|key| (key.to_string(), stream.may_read(key))).collect(),
            adopted: stream.adopted(),
            removed: stream.removed(),
            replayed: stream.replayed(),
            order,
        }
    }

    /// The same for no subjects: what is said of objects, by all that decides it.
    pub(crate) fn of_objects(mut self) -> Self {
        self.ranks.clear();
        self.reading.clear();
        self
    }

    /// Whether an object is effective at its own place.
    pub(crate) fn is_effective(&self, id: &ObjectId) -> bool {
        self.verdicts[id].is_effective()
    }

    /// The place of the last accepted checkpoint among them: how many epochs are final.
    pub(crate) fn finals(&self) -> usize {
        self.checkpoints.iter().filter(|(_, state)| *state == CheckpointState::Accepted).count()
    }

    /// The first thing of which this outcome says another than the expected one.
    pub(crate) fn difference(&self, expected: &Self) -> Result<(), String> {
        if self == expected {
            return Ok(());
        }
        same("order", &self.order, &expected.order)?;
        same_each("checkpoint", &self.checkpoints, &expected.checkpoints)?;
        same_each("epoch", &self.epochs, &expected.epochs)?;
        same_each("rank", &self.ranks, &expected.ranks)?;
        same_each("verdict", &self.verdicts, &expected.verdicts)?;
        same_each("reading", &self.reading, &expected.reading)?;
        same("adopted", &self.adopted, &expected.adopted)?;
        same("removed", &self.removed, &expected.removed)?;
        same("replayed", &self.replayed, &expected.replayed)
    }
}

/// Tells of what two answers differ.
pub(crate) fn same<T: PartialEq + Debug + ?Sized>(what: &str, got: &T, expected: &T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("{what}:\n     got {got:?}\nexpected {expected:?}")) }
}

/// The same for the first element that differs.
fn same_each<'a, C>(what: &str, got: &'a C, expected: &'a C) -> Result<(), String>
where
    &'a C: IntoIterator<Item: PartialEq + Debug>,
    C: PartialEq + Debug,
{
    for (got, expected) in got.into_iter().zip(expected) {
        same(what, &got, &expected)?;
    }
    same(what, got, expected)
}
