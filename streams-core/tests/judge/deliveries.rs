//! Every stream of a few objects of a small alphabet, delivered in every order in which causes come first.
//!
//! One walk goes over all deliveries: behind each delivery of a set of objects comes each object that may be written
//! next. So a stream of n objects is met once for each of its orders of delivery, and the replica that took it in one
//! object at a time is compared with the literal judge, who is given the set as a whole.

use std::panic::{AssertUnwindSafe, catch_unwind};

use streams_core::{Ingested, Stream, VerifyingKey};

use crate::alphabet::Alphabet;
use crate::grow::Dice;
use crate::literal::Literal;
use crate::outcome::Outcome;
use crate::plan::{Grown, PEOPLE};
use crate::searches::{Holds, Tally, length, search};

/// How many people occur in the alphabets, the owner included.
const CAST: usize = 4;

/// A replica that was given all objects of a stream, in this order of their numbers.
#[derive(Clone)]
struct Delivered {
    arrival: Vec<usize>,
    replica: Stream,
}

impl Delivered {
    fn nothing(grown: &Grown) -> Self {
        Self { arrival: Vec::new(), replica: grown.replica() }
    }

    /// With one more; `None` where it is not admitted at once.
    fn and(&self, grown: &Grown, number: usize) -> Option<Self> {
        let mut longer = self.clone();
        longer.arrival.push(number);
        let admitted = longer.replica.admit(grown.objects[number].clone(), 0);
        matches!(admitted, Ok(Ingested::Admitted { .. })).then_some(longer)
    }

    /// What is judged is what the literal judge says.
    fn agrees(&self, people: &[VerifyingKey], expected: &Outcome) -> Holds {
        let outcome = Outcome::of(&self.replica, people);
        outcome.difference(expected).map_err(|wrong| format!("arrived {:?}: {wrong}", self.arrival))
    }
}

/// All deliveries in which causes come first.
fn causal_deliveries(grown: &Grown) -> Vec<Delivered> {
    let mut deliveries = vec![Delivered::nothing(grown)];
    for _ in 1..grown.objects.len() {
        let longer = |delivered: &Delivered| {
            let is_here = |number: &usize| *number == 0 || delivered.arrival.contains(number);
            let is_next = |number: &usize| !is_here(number) && grown.pasts[*number].iter().all(is_here);
            (1..grown.objects.len())
                .filter(is_next)
                .filter_map(|number| delivered.and(grown, number))
                .collect::<Vec<_>>()
        };
        deliveries = deliveries.iter().flat_map(longer).collect();
    }
    deliveries
}

/// All orders of arrival in which causes come first.
pub(crate) fn causal_arrivals(grown: &Grown) -> Vec<Vec<usize>> {
    causal_deliveries(grown).into_iter().map(|delivered| delivered.arrival).collect()
}

/// One delivery in which causes come late: backwards, or in any order.
fn late_delivery(grown: &Grown) -> Delivered {
    let mut late = Delivered::nothing(grown);
    late.arrival = (1..grown.objects.len()).rev().collect();
    let drawn = u64::from(grown.objects[grown.objects.len() - 1].id().as_bytes()[0]);
    if drawn % 2 == 0 {
        Dice(drawn).shuffle(&mut late.arrival);
    }
    for number in &late.arrival {
        // It may wait; in the end all are here.
        let _ = late.replica.admit(grown.objects[*number].clone(), 0);
    }
    late
}

/// Compares deliveries of all objects of a stream with the literal judge, and one more in which causes come late: the
/// first in all that can be asked, the others in what is said of objects.
fn agree_in_full(grown: &Grown, deliveries: &[Delivered]) -> Holds {
    let Some((first, others)) = deliveries.split_first() else { return Ok(()) };
    let people = &PEOPLE[1..CAST];
    let expected = Literal::new(&grown.read).outcome(people);
    first.agrees(people, &expected)?;
    let expected = expected.of_objects();
    late_delivery(grown).agrees(&[], &expected)?;
    others.iter().try_for_each(|delivered| delivered.agrees(&[], &expected))
}

/// The same in what is said of objects.
fn agree(grown: &Grown, deliveries: &[Delivered]) -> Holds {
    let expected = Literal::new(&grown.read).outcome(&[]);
    deliveries.iter().try_for_each(|delivered| delivered.agrees(&[], &expected))
}

/// A walk over the deliveries of all streams of an alphabet.
struct Walk<'a> {
    alphabet: &'a Alphabet,
    /// The most objects beside the root.
    size: usize,
    tally: Tally,
}

impl Walk<'_> {
    /// Whatever may be written behind this stream, behind each delivery of it. Where something fails, `grown` is left
    /// as it failed.
    fn on_from(&mut self, grown: &mut Grown) -> Holds {
        let deliveries = causal_deliveries(grown);
        for step in self.alphabet.next(grown) {
            grown.push(step);
            let is_last = self.newest_is_judged_literally(grown, &deliveries)?;
            if is_last && grown.plan.steps.len() < self.size {
                self.on_from(grown)?;
            }
            grown.pop();
        }
        Ok(())
    }

    /// Compares what the newest object makes of each delivery of all before it. Tells whether it is the last of its set
    /// in the order of (generation, id): by that one the walk goes on, so that each set is gone on from once.
    fn newest_is_judged_literally(&mut self, grown: &Grown, deliveries: &[Delivered]) -> Result<bool, String> {
        let number = grown.objects.len() - 1;
        if grown.read[..number].iter().any(|object| object.id == grown.read[number].id) {
            return Ok(false);
        }
        let admitted: Vec<Delivered> = deliveries.iter().filter_map(|before| before.and(grown, number)).collect();
        if admitted.is_empty() {
            return Ok(false);
        }
        if admitted.len() < deliveries.len() {
            return Err("it is admitted behind some orders, and refused behind others".into());
        }
        let is_last = grown.is_written_in_order();
        if is_last { agree_in_full(grown, &admitted) } else { agree(grown, &admitted) }?;
        let (cases, streams) = (admitted.len() as u64, u64::from(is_last));
        self.tally += Tally { cases, streams, objects: streams * grown.objects.len() as u64 };
        Ok(is_last)
    }
}

/// Walks over all deliveries of all streams of an alphabet, of up to so many objects beside the root, and of one more
/// on long searches.
fn deliver_every(alphabet: Alphabet, size: usize) {
    let size = if length() < 10 { size } else { size + 1 };
    let beginnings = alphabet.up_to(2);
    println!("of up to {size} objects beside the root:");
    let judged = |grown: &Grown| agree_in_full(grown, &causal_deliveries(grown));
    search(beginnings.len(), judged, |piece| {
        let mut grown = beginnings[piece].clone();
        // Short ones are gone on from by those that follow.
        let begun = grown.plan.steps.len();
        let size = if begun < 2 { begun + 1 } else { size };
        let mut walk = Walk { alphabet: &alphabet, size, tally: Tally::default() };
        match catch_unwind(AssertUnwindSafe(|| walk.on_from(&mut grown))) {
            Ok(Ok(())) => Ok(walk.tally),
            _ => Err(Box::new(grown)),
        }
    });
}

#[test]
fn the_walk_meets_every_stream_in_every_order() {
    let alphabet = Alphabet::holders();
    let mut walk = Walk { alphabet: &alphabet, size: 4, tally: Tally::default() };
    walk.on_from(&mut alphabet.up_to(0)[0]).expect("it holds");
    let streams = &alphabet.up_to(4)[1..];
    let orders: usize = streams.iter().map(|grown| causal_arrivals(grown).len()).sum();
    assert_eq!((walk.tally.streams, walk.tally.cases), (streams.len() as u64, orders as u64));
}

#[test]
fn every_delivery_of_removals_is_judged_literally() {
    deliver_every(Alphabet::removal(), 4);
}

#[test]
fn every_delivery_of_grants_is_judged_literally() {
    deliver_every(Alphabet::grants(), 4);
}

#[test]
fn every_delivery_of_checkpoints_is_judged_literally() {
    deliver_every(Alphabet::finality(), 4);
}

#[test]
fn every_delivery_of_adoptions_is_judged_literally() {
    deliver_every(Alphabet::adoption(), 4);
}

#[test]
fn every_delivery_of_a_feud_is_judged_literally() {
    deliver_every(Alphabet::feud(), 5);
}

#[test]
fn every_delivery_of_holders_is_judged_literally() {
    deliver_every(Alphabet::holders(), 5);
}

#[test]
fn every_delivery_of_one_who_writes_on_is_judged_literally() {
    deliver_every(Alphabet::run(), 5);
}
