//! Members come and go, and come back.

use streams_core::{Authentic, Ingested, Refused, Rule, Set, SigningKey, Stream, Verdict};

use crate::fixtures::{
    NOTE, all_agree, allowed, as_if_after, club, denied, meet, note, people, rank, told, why, words,
};

/// Bob cannot write, Alice invites him, and what he writes from then on counts.
#[test]
fn invited() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let too_early = club.by(&bob).append("example.org/club.Note", words("May I?"));
    assert!(too_early.is_err(), "nobody allowed it, so nobody need keep it");

    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let hello = note(&mut club, &bob, "Hello");

    assert_eq!(why(&club, &hello), allowed(&invitation, 0));
    assert_eq!(told(&club), ["Hello"]);
    all_agree(&club);
}

/// Alice removes Bob while he is offline: what she had seen of him stays, and what he wrote beside the removal, or
/// knowing it, is void.
#[test]
fn removed_while_offline() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let seen = note(&mut club, &bob, "Seen by Alice");

    let mut offline = club.clone();
    let beside = note(&mut offline, &bob, "Nobody heard me");
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();

    meet(&mut club, &mut offline);
    let knowing = note(&mut offline, &bob, "I go on all the same");
    meet(&mut club, &mut offline);

    assert_eq!(why(&club, &seen), allowed(&invitation, 0));
    assert_eq!(why(&club, &beside), denied(&removal, 0, Set::Beside));
    assert_eq!(why(&club, &knowing), denied(&removal, 0, Set::Known));
    assert_eq!(told(&club), ["Seen by Alice"]);
    all_agree(&club);
}

/// Bob, removed, writes below an old parent as if he had never heard: it is admitted, since his past allows it, and it
/// is void, since what he left out still stands beside it.
#[test]
fn back_dated_after_removal() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    note(&mut club, &bob, "Honest");
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();

    let draft = as_if_after(&club, &invitation, "example.org/club.Note").data(words("Long ago"));
    let back_dated = club.append_draft(&bob, draft).unwrap();

    assert_eq!(why(&club, &back_dated), denied(&removal, 0, Set::Beside));
    assert_eq!(club.forks().len(), 1, "and he left a trace: two objects where there should be one");
    assert_eq!(told(&club), ["Honest"]);
    all_agree(&club);
}

/// An invitation does not lift a denial; its withdrawal does, and then what Bob writes counts again, and so does what
/// he wrote beside both, but not what he wrote knowing that he was removed.
#[test]
fn re_granted() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut offline = club.clone();
    let beside = note(&mut offline, &bob, "Beside all of it");
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let knowing = note(&mut club, &bob, "Knowing");
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let invited_again = note(&mut club, &bob, "Invited again");
    assert_eq!(why(&club, &invited_again), denied(&removal, 0, Set::Known));

    club.by(&alice).withdraw(&[removal.id()]).unwrap();
    let back = note(&mut club, &bob, "Back");
    meet(&mut club, &mut offline);

    assert_eq!(why(&club, &back), allowed(&invitation, 0));
    assert_eq!(why(&club, &beside), allowed(&invitation, 0));
    assert_eq!(why(&club, &knowing), denied(&removal, 0, Set::Known));
    assert_eq!(why(&club, &invited_again), denied(&removal, 0, Set::Known));
    all_agree(&club);
}

/// A moderator removed Bob, and Alice makes him a moderator himself: that outranks the denial without withdrawing it.
#[test]
fn raised_above_a_denial() {
    let [alice, bob, carol] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::moderator(&carol.verifying_key())]).unwrap();
    let invitation = club.by(&carol).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let removal = club.by(&carol).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let silenced = note(&mut club, &bob, "Silenced");

    club.by(&alice).govern([Rule::moderator(&bob.verifying_key())]).unwrap();
    let raised = note(&mut club, &bob, "Raised");

    assert_eq!(why(&club, &silenced), denied(&removal, 1, Set::Known));
    assert_eq!(why(&club, &raised), allowed(&invitation, 1));
    assert_eq!(rank(&club, &bob), Some(1));
    all_agree(&club);
}

/// Alice removed Bob by mistake while he worked a week offline: she undoes it, and adopts the week that she now has
/// seen, which stands behind her adoption under his name.
#[test]
fn adopted_honest_week() {
    let [alice, bob] = people();
    let (club, removal, week, adoption) = honest_week(&alice, &bob);

    for day in &week {
        assert_eq!(why(&club, day), denied(&removal, 0, Set::Beside), "the verdict stays; the adoption is beside it");
        assert_eq!(day.header().author(), bob.verifying_key());
    }
    let replayed = club.replayed();
    let at = replayed.iter().position(|id| *id == adoption.id()).unwrap();
    assert_eq!(replayed[at + 1..at + 6], week.each_ref().map(|day| day.id()));
    all_agree(&club);
}

/// And the state is that of a week which was never void.
#[test]
fn adopted_week_is_told() {
    let [alice, bob] = people();
    let (mut club, ..) = honest_week(&alice, &bob);
    note(&mut club, &bob, "Thank you");

    assert_eq!(told(&club), ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Thank you"]);
}

/// The club, the removal by mistake, the week, and its adoption.
fn honest_week(alice: &SigningKey, bob: &SigningKey) -> (Stream, Authentic, [Authentic; 5], Authentic) {
    let mut club = club(alice);
    club.by(alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut offline = club.clone();
    let week = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"].map(|day| note(&mut offline, bob, day));
    let removal = club.by(alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    meet(&mut club, &mut offline);
    assert!(told(&club).is_empty());

    club.by(alice).withdraw(&[removal.id()]).unwrap();
    assert!(told(&club).is_empty(), "she had seen the week when she undid the removal");
    let adoption = club.by(alice).adopt(&week.each_ref().map(|day| day.id())).unwrap();
    (club, removal, week, adoption)
}

/// A withdrawn denial restores what the one who withdrew it had not seen; what she had seen, and left void, stays void.
#[test]
fn denial_withdrawn() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut offline = club.clone();
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
    let first = note(&mut offline, &bob, "First");
    club.admit(first.clone(), 0).unwrap();
    let second = note(&mut offline, &bob, "Second");

    club.by(&alice).withdraw(&[removal.id()]).unwrap();
    meet(&mut club, &mut offline);

    assert_eq!(why(&club, &first), denied(&removal, 0, Set::Beside));
    assert_eq!(why(&club, &second), allowed(&invitation, 0));
    assert_eq!(told(&club), ["Second"]);
    all_agree(&club);
}

/// A simulation tells Alice what a removal would void, before she decides.
#[test]
fn thought_over() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut behind = club.clone();
    let hello = note(&mut club, &bob, "Hello");
    let removal = behind.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();

    let simulated = club.simulate(&[removal]);

    assert_eq!((simulated.voided, simulated.restored), (vec![hello.id()], vec![]));
    assert_eq!(simulated.taken, [Ok(Ingested::Admitted { then: vec![] })]);
    assert!(matches!(why(&club, &hello), Verdict::Allowed(_)), "nothing happened yet");
}

/// A simulation tells what it could not take in, and so did not count.
#[test]
fn thought_over_in_part() {
    let [alice, bob, stranger] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let mut behind = club.clone();
    let first = note(&mut behind, &bob, "First");
    let second = note(&mut behind, &bob, "Second");
    let mut elsewhere = club.clone();
    let unheard = note(&mut elsewhere, &alice, "Unheard of");
    let after_unheard = note(&mut elsewhere, &alice, "After it");
    let uninvited = club.draft(NOTE, &stranger.verifying_key()).sign(&stranger).unwrap();
    let draft = as_if_after(&club, &uninvited, NOTE);
    let after_uninvited = draft.sign(&bob).unwrap();

    let given = [&second, &first, &after_unheard, &after_uninvited, &uninvited, &invitation];
    let taken = club.simulate(&given.map(Authentic::clone)).taken;

    assert_eq!(
        taken,
        [
            Ok(Ingested::Admitted { then: vec![] }),
            Ok(Ingested::Admitted { then: vec![second.id()] }),
            Ok(Ingested::Pending { missing: vec![unheard.id()] }),
            Err(Refused::ParentRefused(uninvited.id()).into()),
            Err(Refused::NotAuthorized.into()),
            Ok(Ingested::Known),
        ]
    );
    assert_eq!(club.len(), 2, "nothing happened");
}
