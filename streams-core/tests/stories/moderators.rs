//! Those who govern, and what they can do to each other.

use streams_core::{Rule, Set, Verdict};

use crate::fixtures::{all_agree, allowed, club, denied, meet, note, people, rank, told, why, withdrawn};

/// Two moderators remove each other at once: they are equals, so both removals stand and neither has an effect on the
/// other.
#[test]
fn two_moderators_against_each_other() {
    let [alice, bob, carol] = people();
    let mut club = club(&alice);
    let moderators = [&bob, &carol].map(|key| Rule::moderator(&key.verifying_key()));
    let appointment = club.by(&alice).govern(moderators).unwrap();
    let mut elsewhere = club.clone();
    let by_bob = club.by(&bob).govern([Rule::remove(&carol.verifying_key())]).unwrap();
    let by_carol = elsewhere.by(&carol).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    meet(&mut club, &mut elsewhere);

    assert_eq!(why(&club, &by_bob), allowed(&appointment, 0));
    assert!(why(&club, &by_carol).is_effective());
    assert_eq!([rank(&club, &bob), rank(&club, &carol)], [Some(1), Some(1)]);
    note(&mut club, &bob, "Still here");
    note(&mut club, &carol, "So am I");
    assert_eq!(told(&club), ["Still here", "So am I"]);
    all_agree(&club);
}

/// Bob made Carol a moderator, and they remove each other at once: the senior's removal holds, and the junior's is
/// void.
#[test]
fn senior_wins_over_junior() {
    let [alice, bob, carol] = people();
    let mut club = club(&alice);
    let of_bob = club.by(&alice).govern([Rule::moderator(&bob.verifying_key())]).unwrap();
    club.by(&bob).govern([Rule::moderator(&carol.verifying_key())]).unwrap();
    assert_eq!([rank(&club, &bob), rank(&club, &carol)], [Some(1), Some(2)]);

    let mut elsewhere = club.clone();
    let by_senior = club.by(&bob).govern([Rule::remove(&carol.verifying_key())]).unwrap();
    let by_junior = elsewhere.by(&carol).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    meet(&mut club, &mut elsewhere);

    assert_eq!(why(&club, &by_senior), allowed(&of_bob, 0));
    assert_eq!(why(&club, &by_junior), denied(&by_senior, 1, Set::Beside));
    assert_eq!([rank(&club, &bob), rank(&club, &carol)], [Some(1), None]);
    all_agree(&club);
}

/// Bob, a moderator, has his key stolen, and the thief removes everyone: Alice removes the key and withdraws what it
/// did, and the club goes on; what the thief does beside that is void.
#[test]
fn the_owner_recovers() {
    let [alice, bob, carol, dave] = people();
    let mut club = club(&alice);
    let members = [Rule::invite(&carol.verifying_key()), Rule::invite(&dave.verifying_key())];
    club.by(&alice).govern(members).unwrap();
    club.by(&alice).govern([Rule::moderator(&bob.verifying_key())]).unwrap();
    let purge = club.by(&bob).govern([&carol, &dave].map(|key| Rule::remove(&key.verifying_key()))).unwrap();
    let lost = note(&mut club, &carol, "Does anyone hear me?");
    assert_eq!(why(&club, &lost), denied(&purge, 1, Set::Known));

    let mut thief = club.clone();
    let again = thief.by(&bob).govern([Rule::remove(&carol.verifying_key())]).unwrap();
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    club.by(&alice).withdraw(&[purge.id()]).unwrap();
    meet(&mut club, &mut thief);

    note(&mut club, &carol, "I am back");
    note(&mut club, &dave, "Me too");
    assert_eq!(why(&club, &again), denied(&removal, 0, Set::Beside));
    assert_eq!(told(&club), ["I am back", "Me too"]);
    all_agree(&club);
}

/// A moderator removes everyone, the owner too: the owner is not removed by it, and undoes it.
#[test]
fn the_owner_cannot_be_removed() {
    let [alice, bob, carol] = people();
    let mut club = club(&alice);
    let moderators = [&bob, &carol].map(|key| Rule::moderator(&key.verifying_key()));
    club.by(&alice).govern(moderators).unwrap();
    let coup = club.by(&bob).govern([&alice, &carol].map(|key| Rule::remove(&key.verifying_key()))).unwrap();

    assert!(why(&club, &coup).is_effective(), "he may write it");
    let calm = note(&mut club, &alice, "Calm down");
    assert_eq!(why(&club, &calm), Verdict::Owner);
    assert_eq!(rank(&club, &carol), Some(1), "and an equal is not removed by it either");

    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let protest = note(&mut club, &bob, "I am the captain now");
    assert_eq!(why(&club, &protest), denied(&removal, 0, Set::Known));
    all_agree(&club);
}

/// Whom a removed moderator let in beside the removal was never let in; whom he let in before, and Alice had seen,
/// stays until his grant is withdrawn.
#[test]
fn puppet_of_a_removed_moderator() {
    let [alice, bob, puppet, late_puppet] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::moderator(&bob.verifying_key())]).unwrap();
    let grant = club.by(&bob).govern([Rule::invite(&puppet.verifying_key())]).unwrap();
    let mut offline = club.clone();
    let late_grant = offline.by(&bob).govern([Rule::invite(&late_puppet.verifying_key())]).unwrap();
    let late = note(&mut offline, &late_puppet, "Hello from below");
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    meet(&mut club, &mut offline);
    let before = note(&mut club, &puppet, "He is gone, I am here");

    assert_eq!(why(&club, &late_grant), denied(&removal, 0, Set::Beside));
    assert_eq!(why(&club, &late), Verdict::NoRule(Set::Known));
    assert_eq!(why(&club, &before), allowed(&grant, 1));

    let undoing = club.by(&alice).withdraw(&[grant.id()]).unwrap();
    let after = note(&mut club, &puppet, "And now?");
    assert_eq!(why(&club, &after), withdrawn(&undoing, 0, Set::Known));
    assert_eq!(told(&club), ["He is gone, I am here"]);
    all_agree(&club);
}
