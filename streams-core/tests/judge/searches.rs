//! The searches: what must hold of every stream is asked of many. First that the library judges as the literal judge
//! does, whatever the order of arrival, and after every step.
//!
//! A stream of which something does not hold is made small and shown: `#3 A after {1}: deny B *` is the third object,
//! by A, whose one parent is the first; O owns the stream.

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use streams_core::{ObjectId, Stream, Verdict};

use crate::grow::{Alphabet, Dice, random};
use crate::literal::Literal;
use crate::outcome::{Outcome, same};
use crate::plan::{Grown, SUBJECTS};

/// Something that must hold, or what is wrong.
pub(crate) type Holds = Result<(), String>;

/// How long to search: a factor.
fn length() -> usize {
    let length = std::env::var("STREAMS_SEARCH").ok();
    length.map_or(1, |length| length.parse().expect("STREAMS_SEARCH is a number"))
}

/// The most objects, beside the root, of the streams of which all are asked.
pub(crate) fn size() -> usize {
    match length() {
        0..10 => 3,
        10..1000 => 4,
        _ => 5,
    }
}

/// Asks every stream of an alphabet.
pub(crate) fn search_every(alphabet: Alphabet, size: usize, property: impl Fn(&Grown) -> Holds) {
    let mut streams = 0;
    alphabet.every(size, &mut |grown| {
        streams += 1;
        ask(grown, &property);
    });
    println!("{streams} streams of up to {size} objects");
    assert!(streams > 0);
}

/// Asks random streams, each by its seed.
pub(crate) fn search_random(streams: usize, size: usize, property: impl Fn(&Grown) -> Holds) {
    let streams = streams * length();
    let mut objects = 0;
    for seed in 0..streams as u64 {
        let grown = random(seed, size);
        objects += grown.objects.len();
        ask(&grown, &property);
    }
    println!("{streams} streams, {objects} objects");
}

fn ask(grown: &Grown, property: impl Fn(&Grown) -> Holds) {
    // To panic does not hold either.
    let holds = |grown: &Grown| {
        let answer = catch_unwind(AssertUnwindSafe(|| property(grown)));
        answer.unwrap_or_else(|_| Err("it panicked: see above".into()))
    };
    if holds(grown).is_ok() {
        return;
    }
    let grown = Grown::of(&grown.plan.clone().shrink(|smaller| holds(smaller).is_err()));
    let wrong = holds(&grown).expect_err("it shrank to what fails");
    panic!("\n{}\n{}\n", grown.plan, grown.shorten(&wrong));
}

// What everybody must agree on.

/// When a stream is asked while it grows: what it judges late, it may judge for several objects at once.
#[derive(Clone, Copy)]
enum Asked {
    Always,
    Sometimes,
    AtTheEnd,
}

/// What the literal judge says of the sets of objects that a replica had, by their frontiers.
#[derive(Default)]
struct Literally(HashMap<[u8; 32], Outcome>);

impl Literally {
    fn outcome(&mut self, grown: &Grown, stream: &Stream) -> &Outcome {
        let judge = || Literal::new(grown.read_in(stream)).outcome(&SUBJECTS);
        self.0.entry(stream.frontier()).or_insert_with(judge)
    }
}

/// Delivers the objects in this order of their numbers, and compares with the literal judge.
fn agrees(grown: &Grown, arrival: &[usize], asked: Asked, literally: &mut Literally) -> Holds {
    let mut stream = grown.replica();
    let mut dice = Dice(grown.plan.nonce);
    for (step, &number) in arrival.iter().enumerate() {
        let _ = stream.admit(grown.objects[number].clone(), 0);
        let ask = match asked {
            Asked::Always => true,
            Asked::Sometimes => dice.once_in(3),
            Asked::AtTheEnd => false,
        };
        if ask || step + 1 == arrival.len() {
            agrees_now(&stream, literally.outcome(grown, &stream))
                .map_err(|wrong| format!("arrived {:?}: {wrong}", &arrival[..=step]))?;
        }
    }
    Ok(())
}

/// Whether all that a stream answers is what the literal judge says.
fn agrees_now(stream: &Stream, expected: &Outcome) -> Holds {
    Outcome::of(stream, &SUBJECTS).difference(expected)?;
    for (position, entry) in stream.entries().enumerate() {
        let id = entry.authentic.id();
        same("entry", &(entry.position, entry.effective), &(position, expected.is_effective(&id)))?;
        same("position", &stream.position(&id), &Some(position))?;
    }
    Ok(())
}

/// All orders of arrival in which causes come first, of few objects.
pub(crate) fn causal_arrivals(grown: &Grown) -> Vec<Vec<usize>> {
    let mut arrivals = vec![Vec::new()];
    for _ in 1..grown.objects.len() {
        let longer = |arrival: &Vec<usize>| {
            let arrival = arrival.clone();
            let is_here = |number: &usize| *number == 0 || arrival.contains(number);
            let next: Vec<usize> = (1..grown.objects.len())
                .filter(|number| !is_here(number) && grown.pasts[*number].iter().all(is_here))
                .collect();
            next.into_iter().map(move |number| [arrival.clone(), vec![number]].concat())
        };
        arrivals = arrivals.iter().flat_map(longer).collect();
    }
    arrivals
}

fn every_arrival_is_judged_literally(grown: &Grown) -> Holds {
    let mut literally = Literally::default();
    let mut arrivals = causal_arrivals(grown);
    // Some of them, where they are many: the same objects come again as part of other streams.
    Dice(arrivals.len() as u64).shuffle(&mut arrivals);
    for arrival in arrivals.iter().take(8) {
        agrees(grown, arrival, Asked::Always, &mut literally)?;
    }
    let backwards: Vec<usize> = (1..grown.objects.len()).rev().collect();
    agrees(grown, &backwards, Asked::AtTheEnd, &mut literally)
}

fn some_arrivals_are_judged_literally(grown: &Grown) -> Holds {
    let mut literally = Literally::default();
    let mut arrival: Vec<usize> = (1..grown.objects.len()).collect();
    agrees(grown, &arrival, Asked::Always, &mut literally)?;
    let mut dice = Dice(grown.plan.nonce);
    for _ in 0..3 {
        dice.shuffle(&mut arrival);
        agrees(grown, &arrival, Asked::Sometimes, &mut literally)?;
        let causal = causes_first(grown, &arrival);
        agrees(grown, &causal, Asked::Always, &mut literally)?;
        agrees(grown, &causal, Asked::AtTheEnd, &mut literally)?;
    }
    Ok(())
}

fn the_end_is_judged_literally(grown: &Grown) -> Holds {
    let mut literally = Literally::default();
    let mut arrival: Vec<usize> = (1..grown.objects.len()).collect();
    agrees(grown, &arrival, Asked::AtTheEnd, &mut literally)?;
    Dice(grown.plan.nonce).shuffle(&mut arrival);
    agrees(grown, &arrival, Asked::AtTheEnd, &mut literally)?;
    agrees(grown, &causes_first(grown, &arrival), Asked::AtTheEnd, &mut literally)
}

/// The same objects, each as soon as its causes are here: so what was written long ago may come last.
fn causes_first(grown: &Grown, arrival: &[usize]) -> Vec<usize> {
    let mut causal: Vec<usize> = Vec::new();
    while causal.len() < arrival.len() {
        let is_here = |number: &usize| *number == 0 || causal.contains(number);
        let ready = |number: &&usize| !is_here(number) && grown.pasts[**number].iter().all(is_here);
        causal.push(*arrival.iter().find(ready).expect("a graph has no circles"));
    }
    causal
}

#[test]
fn every_stream_of_removals_is_judged_literally() {
    search_every(Alphabet::removal(), size(), every_arrival_is_judged_literally);
}

#[test]
fn every_stream_of_grants_is_judged_literally() {
    search_every(Alphabet::grants(), size(), every_arrival_is_judged_literally);
}

#[test]
fn every_stream_of_checkpoints_is_judged_literally() {
    search_every(Alphabet::finality(), size(), every_arrival_is_judged_literally);
}

#[test]
fn every_stream_of_adoptions_is_judged_literally() {
    search_every(Alphabet::adoption(), size(), every_arrival_is_judged_literally);
}

#[test]
fn every_stream_of_one_who_writes_on_is_judged_literally() {
    search_every(Alphabet::run(), size() + 1, every_arrival_is_judged_literally);
}

#[test]
fn random_small_streams_are_judged_literally() {
    search_random(600, 10, some_arrivals_are_judged_literally);
}

#[test]
fn random_large_streams_are_judged_literally() {
    search_random(80, 32, some_arrivals_are_judged_literally);
}

#[test]
fn random_streams_of_many_policy_objects_are_judged_literally() {
    search_random(10, 240, the_end_is_judged_literally);
}

#[test]
fn random_streams_show_everything() {
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        let grown = random(seed, 24);
        let stream = grown.stream();
        let outcome = Outcome::of(&stream, &SUBJECTS);
        for verdict in outcome.verdicts.values().chain(outcome.reading.values()) {
            // The name and the set.
            let set = match verdict {
                Verdict::Allowed(deciding) | Verdict::Denied(deciding) => Some(deciding.set),
                Verdict::Withdrawn { set, .. } | Verdict::NoRule(set) => Some(*set),
                _ => None,
            };
            seen.insert(set.map_or(verdict.code().to_owned(), |set| format!("{} {}", verdict.code(), set.name())));
        }
        let ranks = outcome.ranks.values().flatten().map(|rank| format!("rank {rank}"));
        let epochs = outcome.epochs.values().map(|epoch| format!("epoch {epoch}"));
        seen.extend(ranks.chain(epochs));
        seen.extend(outcome.checkpoints.iter().map(|(_, state)| format!("{state:?}")));
        let facts = [
            ("adopted", !outcome.adopted.is_empty()),
            ("removed", !outcome.removed.is_empty()),
            ("fork", !stream.forks().is_empty()),
            ("refused", !stream.refused().is_empty()),
        ];
        seen.extend(facts.into_iter().filter(|(_, shown)| *shown).map(|(fact, _)| fact.to_owned()));
    }
    let rare = [
        "owner",
        "force",
        "holder",
        "count",
        "order",
        "allowed known",
        "denied known",
        "denied beside",
        "withdrawn known",
        "withdrawn beside",
        "no-rule known",
        "Accepted",
        "Force",
        "epoch 4",
        "rank 4",
        "adopted",
        "removed",
        "fork",
        "refused",
    ];
    let missing: Vec<&str> = rare.into_iter().filter(|rare| !seen.contains(*rare)).collect();
    assert!(missing.is_empty(), "never: {missing:?}; seen: {seen:?}");
}

// 8.9: to simulate is to admit, to look, and to go back.

#[test]
fn what_is_simulated_comes_true() {
    search_random(600, 16, |grown| {
        let (here, more) = grown.objects[1..].split_at(Dice(grown.plan.nonce).below(grown.objects.len()));
        let mut stream = grown.replica();
        for object in here {
            let _ = stream.admit(object.clone(), 0);
        }
        let simulated = stream.simulate(more);
        let now = Literal::new(grown.read_in(&stream)).outcome(&SUBJECTS);
        agrees_now(&stream, &now).map_err(|wrong| format!("after it was simulated: {wrong}"))?;
        let then = Literal::new(grown.read_in(&grown.stream())).outcome(&SUBJECTS);
        let changed = |to: bool| -> Vec<ObjectId> {
            let changed = |id: &&ObjectId| now.is_effective(id) != to && then.is_effective(id) == to;
            now.order.iter().filter(changed).copied().collect()
        };
        same("voided", &simulated.voided, &changed(false))?;
        same("restored", &simulated.restored, &changed(true))
    });
}
