//! The searches: what must hold of every stream is asked of many. First that the library judges as the literal judge
//! does, whatever the order of arrival, and after every step.
//!
//! A stream of which something does not hold is made small and shown: `#3 A after {1}: deny B *` is the third object,
//! by A, whose one parent is the first; O owns the stream.

use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use streams_core::{ObjectId, Stream, Verdict, VerifyingKey};

use crate::alphabet::Alphabet;
use crate::grow::{Dice, random};
use crate::literal::Literal;
use crate::outcome::{Outcome, same};
use crate::plan::{Grown, PEOPLE};

/// Something that must hold, or what is wrong.
pub(crate) type Holds = Result<(), String>;

/// How long to search: a factor.
pub(crate) fn length() -> usize {
    let length = std::env::var("STREAMS_SEARCH").ok();
    length.map_or(1, |length| length.parse().expect("STREAMS_SEARCH is a number"))
}

/// What was searched.
#[derive(Default)]
pub(crate) struct Tally {
    /// Streams, or deliveries of streams.
    pub(crate) cases: u64,
    pub(crate) streams: u64,
    pub(crate) objects: u64,
}

impl Tally {
    /// One stream.
    fn of(grown: &Grown) -> Self {
        Self { cases: 1, streams: 1, objects: grown.objects.len() as u64 }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.cases += more.cases;
        self.streams += more.streams;
        self.objects += more.objects;
    }
}

/// Does the pieces of work, by their numbers, on all cores, until one finds a stream of which something does not hold.
/// That is made small and shown, as long as the property does not hold of it.
pub(crate) fn search(
    pieces: usize,
    property: impl Fn(&Grown) -> Holds,
    piece: impl Fn(usize) -> Result<Tally, Box<Grown>> + Sync,
) {
    let (start, next) = (Instant::now(), AtomicUsize::new(0));
    let work = || -> Result<Tally, Box<Grown>> {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= pieces {
                return Ok(tally);
            }
            // Nobody begins another piece when one has failed.
            tally += piece(number).inspect_err(|_| next.store(pieces, Ordering::Relaxed))?;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let found = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Ok(Tally::default());
        for worker in workers {
            match (&mut all, worker.join().expect("what panics is caught where it is asked")) {
                (Ok(all), Ok(tally)) => *all += tally,
                (_, Err(failing)) => all = Err(failing),
                (Err(_), Ok(_)) => {}
            }
        }
        all
    });
    let Tally { cases, streams, objects } = found.unwrap_or_else(|failing| show(&failing, property));
    let seconds = start.elapsed().as_secs_f64();
    let rate = cases as f64 / seconds;
    println!("{cases} cases, {streams} streams, {objects} objects in {seconds:.1} s: {rate:.0} cases a second");
    assert!(cases > 0);
}

/// Whether something holds of a stream. To panic does not hold either.
pub(crate) fn holds(grown: &Grown, property: impl Fn(&Grown) -> Holds) -> Holds {
    let answer = catch_unwind(AssertUnwindSafe(|| property(grown)));
    answer.unwrap_or_else(|_| Err("it panicked: see above".into()))
}

/// Shows a stream of which something does not hold, made small.
fn show(failing: &Grown, property: impl Fn(&Grown) -> Holds) -> ! {
    let fails = |grown: &Grown| holds(grown, &property).is_err();
    assert!(fails(failing), "\n{}\nfailed once, and does not fail again\n", failing.plan);
    let grown = Grown::of(&failing.plan.clone().shrink(fails));
    let wrong = holds(&grown, &property).expect_err("it shrank to what fails");
    panic!("\n{}\n{}\n", grown.plan, grown.shorten(&wrong));
}

/// Asks every stream of an alphabet of up to so many objects beside the root.
pub(crate) fn search_every(alphabet: Alphabet, size: usize, property: impl Fn(&Grown) -> Holds + Sync) {
    let shorter = alphabet.up_to(size.saturating_sub(1));
    search(shorter.len(), &property, |piece| {
        let mut tally = Tally::default();
        let mut failing = None;
        alphabet.every_longer(&mut shorter[piece].clone(), |grown| {
            tally += Tally::of(grown);
            if failing.is_none() && holds(grown, &property).is_err() {
                failing = Some(Box::new(grown.clone()));
            }
        });
        failing.map_or(Ok(tally), Err)
    });
}

/// Asks random streams, each by its seed.
pub(crate) fn search_random(streams: usize, size: usize, property: impl Fn(&Grown) -> Holds + Sync) {
    search(streams * length(), &property, |seed| {
        let grown = random(seed as u64, size);
        match holds(&grown, &property) {
            Ok(()) => Ok(Tally::of(&grown)),
            Err(_) => Err(Box::new(grown)),
        }
    });
}

// What everybody must agree on.

/// When a stream is asked while it grows what it says of objects: what it judges late, it may judge for several objects
/// at once.
#[derive(Clone, Copy)]
enum Asked {
    Always,
    Sometimes,
    /// Then all that can be asked.
    AtTheEnd,
}

/// What the literal judge says of the sets of objects that a replica had, by their frontiers; and of all of them, for
/// everybody.
#[derive(Default)]
struct Literally {
    sets: HashMap<[u8; 32], Outcome>,
    all: Option<Outcome>,
}

impl Literally {
    fn of_objects(&mut self, grown: &Grown, stream: &Stream) -> &Outcome {
        self.sets.entry(stream.frontier()).or_insert_with(|| literal_outcome(grown, stream, &[]))
    }

    fn at_the_end(&mut self, grown: &Grown, stream: &Stream) -> &Outcome {
        self.all.get_or_insert_with(|| literal_outcome(grown, stream, &PEOPLE))
    }
}

fn literal_outcome(grown: &Grown, stream: &Stream, people: &[VerifyingKey]) -> Outcome {
    Literal::new(grown.read_in(stream)).outcome(people)
}

/// Delivers the objects in this order of their numbers, and compares with the literal judge.
fn agrees(grown: &Grown, arrival: &[usize], asked: Asked, literally: &mut Literally) -> Holds {
    let mut stream = grown.replica();
    let mut dice = Dice(grown.plan.nonce);
    for (step, &number) in arrival.iter().enumerate() {
        let _ = stream.admit(grown.objects[number].clone(), 0);
        let is_end = step + 1 == arrival.len();
        let answer = match asked {
            Asked::AtTheEnd if is_end => agrees_now(&stream, literally.at_the_end(grown, &stream)),
            Asked::AtTheEnd => continue,
            Asked::Sometimes if !is_end && !dice.once_in(3) => continue,
            _ => Outcome::of(&stream, &[]).difference(literally.of_objects(grown, &stream)),
        };
        answer.map_err(|wrong| format!("arrived {:?}: {wrong}", &arrival[..=step]))?;
    }
    Ok(())
}

/// Whether all that a stream answers is what the literal judge says.
fn agrees_now(stream: &Stream, expected: &Outcome) -> Holds {
    Outcome::of(stream, &PEOPLE).difference(expected)?;
    for (position, entry) in stream.entries().enumerate() {
        let id = entry.authentic.id();
        same("entry", &(entry.position, entry.effective), &(position, expected.is_effective(&id)))?;
        same("position", &stream.position(&id), &Some(position))?;
    }
    Ok(())
}

fn some_arrivals_are_judged_literally(grown: &Grown) -> Holds {
    let mut literally = Literally::default();
    let mut arrival: Vec<usize> = (1..grown.objects.len()).collect();
    agrees(grown, &arrival, Asked::AtTheEnd, &mut literally)?;
    let mut dice = Dice(grown.plan.nonce);
    dice.shuffle(&mut arrival);
    agrees(grown, &arrival, Asked::Sometimes, &mut literally)?;
    agrees(grown, &causes_first(grown, &arrival), Asked::Always, &mut literally)?;
    dice.shuffle(&mut arrival);
    agrees(grown, &causes_first(grown, &arrival), Asked::Sometimes, &mut literally)
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
fn random_small_streams_are_judged_literally() {
    search_random(10_000, 10, some_arrivals_are_judged_literally);
}

#[test]
fn random_large_streams_are_judged_literally() {
    search_random(1_000, 32, some_arrivals_are_judged_literally);
}

#[test]
fn random_streams_of_many_policy_objects_are_judged_literally() {
    search_random(20, 240, the_end_is_judged_literally);
}

#[test]
fn random_streams_show_everything() {
    let mut seen = BTreeSet::new();
    for seed in 0..500 {
        let grown = random(seed, 24);
        let stream = grown.stream();
        let outcome = Outcome::of(&stream, &PEOPLE);
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
        let now = Literal::new(grown.read_in(&stream)).outcome(&PEOPLE);
        agrees_now(&stream, &now).map_err(|wrong| format!("after it was simulated: {wrong}"))?;
        let then = Literal::new(grown.read_in(&grown.stream())).outcome(&PEOPLE);
        let changed = |to: bool| -> Vec<ObjectId> {
            let changed = |id: &&ObjectId| now.is_effective(id) != to && then.is_effective(id) == to;
            now.order.iter().filter(changed).copied().collect()
        };
        same("voided", &simulated.voided, &changed(false))?;
        same("restored", &simulated.restored, &changed(true))
    });
}
