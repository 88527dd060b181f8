//! Ranges find the difference of two sets, and nothing else, at a cost that grows with the difference.

use std::collections::{BTreeSet, HashSet};

use negentropy::{Id, Negentropy, NegentropyStorageVector};
use proptest::prelude::*;
use streams_core::sync::reconcile::{Key, MAX_FOUND, MAX_RANGES, RangesError, Reconcile};

const SECRET: [u8; 32] = [3; 32];

/// The key of an object: its generation, and an id that is its number hashed.
fn key(generation: u64, number: u64) -> Key {
    let id = blake3::hash(&number.to_be_bytes());
    [&generation.to_be_bytes()[..], id.as_bytes()].concat().try_into().unwrap()
}

/// What a run cost.
#[derive(Debug, Default)]
struct Cost {
    messages: usize,
    bytes: usize,
}

/// Runs until both are at the end.
fn run(one: &mut Reconcile, other: &mut Reconcile) -> Cost {
    let mut cost = Cost::default();
    let (mut message, mut is_last) = (Some(one.begin()), false);
    let mut sides = [other, one];
    while let Some(said) = message {
        cost.messages += 1;
        cost.bytes += said.len();
        assert!(said.len() <= MAX_RANGES);
        let reply = sides[0].answer(&said).unwrap();
        assert!(reply.is_some() || is_last || cost.messages == 1);
        is_last = reply.as_ref().is_some_and(|reply| reply.is_last);
        message = reply.map(|reply| reply.ranges);
        sides.swap(0, 1);
    }
    cost
}

fn found(side: &Reconcile) -> BTreeSet<Key> {
    side.found().copied().collect()
}

/// What `negentropy` finds that one of two sets has and the other has not, and the other way round.
fn oracle(one: &BTreeSet<Key>, other: &BTreeSet<Key>) -> [BTreeSet<Key>; 2] {
    let storage = |keys: &BTreeSet<Key>| {
        let mut storage = NegentropyStorageVector::new();
        for key in keys {
            let generation = u64::from_be_bytes(key[..8].try_into().unwrap());
            storage.insert(generation, Id::from_slice(&key[8..]).unwrap()).unwrap();
        }
        storage.seal().unwrap();
        storage
    };
    let (ours, theirs) = (storage(one), storage(other));
    let (mut client, mut server) = (Negentropy::borrowed(&ours, 0).unwrap(), Negentropy::borrowed(&theirs, 0).unwrap());
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let mut message = Some(client.initiate().unwrap());
    while let Some(said) = message {
        let answer = server.reconcile(&said).unwrap();
        message = client.reconcile_with_ids(&answer, &mut have, &mut need).unwrap();
    }
    let of = |keys: &BTreeSet<Key>, ids: Vec<Id>| {
        let ids: HashSet<[u8; 32]> = ids.into_iter().map(|id| id.to_bytes()).collect();
        keys.iter().filter(|key| ids.contains(&key[8..])).copied().collect()
    };
    [of(one, have), of(other, need)]
}

fn check(one: &BTreeSet<Key>, other: &BTreeSet<Key>) -> Cost {
    let reconcile = |keys: &BTreeSet<Key>| Reconcile::new(&SECRET, keys.iter().copied().collect());
    let (mut near, mut far) = (reconcile(one), reconcile(other));
    let cost = run(&mut near, &mut far);
    let [of_one, of_other] = oracle(one, other);
    assert_eq!(found(&far), of_one);
    assert_eq!(found(&near), of_other);
    assert_eq!(of_one, one.difference(other).copied().collect());
    assert_eq!(of_other, other.difference(one).copied().collect());
    cost
}

fn numbers(range: std::ops::Range<u64>) -> BTreeSet<Key> {
    range.map(|number| key(number / 3, number)).collect()
}

#[test]
fn ten_differences_among_a_hundred_thousand_cost_little() {
    let mut one = numbers(0..100_000);
    let mut other = one.clone();
    for number in 0..5 {
        one.insert(key(number * 6_000, 1_000_000 + number));
        other.insert(key(number * 5_000 + 77, 2_000_000 + number));
    }
    let cost = check(&one, &other);
    assert!(cost.bytes <= 16_000 && cost.messages <= 8, "{cost:?}");
    let cost = check(&one, &one);
    assert!(cost.bytes <= 512 && cost.messages == 2, "{cost:?}");
}

#[test]
fn all_and_nothing_are_found_too() {
    let (all, nothing) = (numbers(0..20_000), BTreeSet::new());
    check(&all, &nothing);
    check(&nothing, &all);
    check(&nothing, &nothing);
    check(&numbers(0..20_000), &numbers(10_000..30_000));
    check(&numbers(0..20_000), &numbers(20_000..40_000));
}

#[test]
fn what_is_too_much_for_one_run_is_left_to_the_next() {
    let mut near = Reconcile::new(&SECRET, Vec::new());
    let mut far = Reconcile::new(&SECRET, numbers(0..70_000).into_iter().collect());
    run(&mut near, &mut far);
    assert!(near.is_full() && near.found().len() == MAX_FOUND);
}

#[test]
fn who_does_not_come_to_an_end_is_stopped() {
    let mut side = Reconcile::new(&SECRET, numbers(0..1_000).into_iter().collect());
    let lie = Reconcile::new(&[9; 32], numbers(0..1_000).into_iter().collect()).begin();
    let answers: Vec<_> = (0..1_000).map(|_| side.answer(&lie)).collect();
    assert!(answers[0].as_ref().unwrap().is_some());
    assert_eq!(answers.last(), Some(&Err(RangesError::Endless)));
}

#[test]
fn keys_outside_their_range_are_malformed() {
    let mut near = Reconcile::new(&SECRET, numbers(0..4).into_iter().collect());
    let mut far = Reconcile::new(&SECRET, numbers(0..5).into_iter().collect());
    let list = far.answer(&near.begin()).unwrap().unwrap().ranges;
    for bit in 0..list.len() * 8 {
        let mut flipped = list.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Malformed, or another message: never more than was said.
        if near.clone().answer(&flipped).is_ok() {
            near.clone().answer(&flipped).unwrap();
        }
    }
    for length in 0..list.len() {
        let _ = near.clone().answer(&list[..length]);
    }
    near.answer(&list).unwrap();
    assert_eq!(near.found().len(), 1);
}

proptest! {
    #[test]
    fn the_difference_of_any_two_sets_is_found(
        shared in prop::collection::vec((0_u64..50, 0_u64..4_000), 0..600),
        ours in prop::collection::vec((0_u64..50, 4_000_u64..8_000), 0..60),
        theirs in prop::collection::vec((0_u64..50, 8_000_u64..12_000), 0..60),
    ) {
        let set = |more: &[(u64, u64)]| shared.iter().chain(more).map(|(at, number)| key(*at, *at * 1_000_000 + *number)).collect();
        check(&set(&ours), &set(&theirs));
    }

    #[test]
    fn arbitrary_bytes_are_refused_or_answered(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4)) {
        let mut side = Reconcile::new(&SECRET, numbers(0..100).into_iter().collect());
        for message in messages {
            let _ = side.answer(&message);
        }
    }
}
