//! What goes wrong in other systems, and does not here.

use streams_core::{Rule, Set, Stream, Verdict};

use crate::fixtures::{all_agree, as_if_after, club, denied, meet, note, people, rank, told, why, words};

/// Elsewhere rules are looked up in an object's own past alone, so a removed author who cites an old parent passes, and
/// so does whatever hangs below it; here a whole hidden branch is void.
#[test]
fn a_back_dating_author_does_not_pass() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut hidden = club.clone();
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let branch = ["One", "Two", "Three"].map(|text| note(&mut hidden, &bob, text));
    meet(&mut club, &mut hidden);

    for object in &branch {
        assert_eq!(why(&club, object), denied(&removal, 0, Set::Beside));
    }
    assert!(told(&club).is_empty());
    all_agree(&club);
}

/// Elsewhere who hears of the removal first rejects the note, and who hears of the note first keeps it, and they never
/// agree again; here both orders of arrival, and all others, give one verdict.
#[test]
fn arrival_decides_nothing() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let (mut removing, mut writing) = (club.clone(), club.clone());
    let removal = removing.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let beside = note(&mut writing, &bob, "At the same time");
    let (mut removal_first, mut note_first) = (club.clone(), club);
    for object in [&removal, &beside] {
        removal_first.admit(object.clone(), 0).unwrap();
    }
    for object in [&beside, &removal] {
        note_first.admit(object.clone(), 0).unwrap();
    }

    let verdicts = [&removal_first, &note_first].map(|club| why(club, &beside));
    assert_eq!(verdicts, [denied(&removal, 0, Set::Beside); 2]);
    all_agree(&note_first);
}

/// Elsewhere two administrators who remove each other are both gone, and the group is dead; here both remain, each can
/// still let others in, and the owner can settle it.
#[test]
fn the_group_does_not_die() {
    let [alice, bob, carol, dave] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([&bob, &carol].map(|key| Rule::moderator(&key.verifying_key()))).unwrap();
    let mut elsewhere = club.clone();
    let by_bob = club.by(&bob).govern([Rule::remove(&carol.verifying_key())]).unwrap();
    elsewhere.by(&carol).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    meet(&mut club, &mut elsewhere);

    club.by(&carol).govern([Rule::invite(&dave.verifying_key())]).unwrap();
    note(&mut club, &dave, "Is this a good time?");
    assert_eq!(told(&club), ["Is this a good time?"]);

    club.by(&alice).govern([Rule::remove(&carol.verifying_key())]).unwrap();
    let carol_again = note(&mut club, &carol, "But");
    assert_eq!(why(&club, &carol_again), denied(&by_bob, 1, Set::Known), "who governs no more, Bob's removal reaches");
    assert_eq!([rank(&club, &bob), rank(&club, &carol)], [Some(1), None]);
    all_agree(&club);
}

/// Elsewhere the earlier clock wins, so whoever claims an earlier time writes before the removal; here a clock is told
/// to people and decides nothing.
#[test]
fn a_claimed_clock_decides_nothing() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let draft = club.draft("streams/policy", &alice.verifying_key());
    let removal =
        club.append_draft(&alice, draft.policies([Rule::remove(&bob.verifying_key())]).timestamp(1_000)).unwrap();
    let claim = |time: u64| as_if_after(&club, &invitation, "example.org/club.Note").data(words("Hm")).timestamp(time);

    // The same note with three clocks: each is void, and each stands at the same place.
    let outcomes = [0, 999, u64::MAX].map(|time| {
        let mut club: Stream = club.clone();
        let claimed = club.append_draft(&bob, claim(time)).unwrap();
        let verdict: Verdict = why(&club, &claimed);
        all_agree(&club);
        (verdict, club.position(&claimed.id()))
    });
    assert_eq!(outcomes[0].0, denied(&removal, 0, Set::Beside));
    assert_eq!(outcomes, [outcomes[0]; 3]);
}
