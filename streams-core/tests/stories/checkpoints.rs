//! What is final, and what becomes of it where a holder says two things.

use streams_core::{Action, CheckpointState, Draft, Rule, Set, Verdict};

use crate::fixtures::{all_agree, allowed, as_if_after, club, denied, meet, note, open, people, told, why};

/// A moderator denies Bob below an old parent, which would void what he wrote since; a checkpoint had made it final.
#[test]
fn final_against_a_later_back_dated_denial() {
    let [alice, bob, carol] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let appointment = club.by(&alice).govern([Rule::moderator(&carol.verifying_key())]).unwrap();
    let hello = note(&mut club, &bob, "Hello");
    let mut without = club.clone();

    let checkpoint = club.by(&alice).checkpoint().unwrap();
    let rules = [Rule::remove(&bob.verifying_key())];
    let draft = as_if_after(&club, &appointment, "streams/policy").policies(rules);
    let denial = club.append_draft(&carol, draft).unwrap();
    without.admit(denial.clone(), 0).unwrap();
    let next = note(&mut club, &bob, "Next");

    assert_eq!(why(&without, &hello), denied(&denial, 1, Set::Beside), "without a checkpoint");
    assert_eq!(why(&club, &hello), allowed(&invitation, 0));
    assert_eq!(why(&club, &checkpoint), Verdict::Force);
    assert_eq!([&hello, &denial].map(|object| club.epoch(&object.id())), [Some(1), Some(2)]);
    assert_eq!(why(&club, &next), denied(&denial, 1, Set::Known), "from then on the denial counts");
    assert_eq!(told(&club), ["Hello"]);
    all_agree(&club);
}

/// Two holders make two checkpoints at once: what both call final is open again, down to the last one below both, and
/// a checkpoint above both heals it.
#[test]
fn two_checkpoints_conflict_and_a_third_heals() {
    let [alice, carol] = people();
    let holder = Rule::allow([Action::Append, Action::Checkpoint]).authors([&carol.verifying_key()]);
    let mut club = open(Draft::root("example.org/club", [1; 16]).policies([holder]).sign(&alice).unwrap());
    note(&mut club, &carol, "One");
    let below = club.by(&alice).checkpoint().unwrap();
    let mut elsewhere = club.clone();
    note(&mut club, &alice, "Two");
    let by_alice = club.by(&alice).checkpoint().unwrap();
    assert_eq!(club.final_len(), 5);
    note(&mut elsewhere, &carol, "Two as well");
    let by_carol = elsewhere.by(&carol).checkpoint().unwrap();

    meet(&mut club, &mut elsewhere);
    assert_eq!(club.final_len(), 3, "down to the one below both");
    let state = |club: &streams_core::Stream, id| club.checkpoints().into_iter().find(|(other, _)| *other == id);
    for checkpoint in [&by_alice, &by_carol] {
        assert_eq!(state(&club, checkpoint.id()), Some((checkpoint.id(), CheckpointState::Force)));
    }
    all_agree(&club);

    let above = club.by(&carol).checkpoint().unwrap();
    assert_eq!(club.final_len(), club.len());
    for checkpoint in [&below, &above] {
        assert_eq!(state(&club, checkpoint.id()), Some((checkpoint.id(), CheckpointState::Accepted)));
    }
    all_agree(&club);
}
