//! What was written, and is not to be read any more.

use streams_core::{ObjectId, Rule, Stream, Verdict};

use crate::fixtures::{all_agree, allowed, club, note, people, told, why};

fn order_and_verdicts(club: &Stream) -> Vec<(ObjectId, Verdict)> {
    club.entries().map(|entry| (entry.authentic.id(), why(club, &entry.authentic))).collect()
}

/// Alice removes the words of a note for all: every replica drops them and does not take them again, and the note
/// keeps its place and its verdict.
#[test]
fn removed_for_all() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    let invitation = club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let rude = note(&mut club, &bob, "Something rude");
    note(&mut club, &bob, "Something kind");
    let words = ObjectId::of_block(rude.object().maps()[0]);
    let before = order_and_verdicts(&club);

    club.by(&alice).redact_for_all(&[words]).unwrap();

    assert_eq!(club.removed(), [(rude.id(), words)]);
    assert_eq!(told(&club), ["Something kind"]);
    assert_eq!(why(&club, &rude), allowed(&invitation, 0));
    assert_eq!(order_and_verdicts(&club)[..before.len()], before);
    club.ingest(rude.object().parts(), 0).unwrap();
    assert_eq!(told(&club), ["Something kind"], "from a copy that has the words they are not taken again");
    all_agree(&club);
}

/// Bob, who does not govern, asks for Alice's words to be removed for all: nobody does.
#[test]
fn removed_by_nobody() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let minutes = note(&mut club, &alice, "The minutes");
    let words = ObjectId::of_block(minutes.object().maps()[0]);

    let wish = club.by(&bob).redact_for_all(&[words]).unwrap();

    assert!(why(&club, &wish).is_effective(), "he may write it");
    assert_eq!(club.removed(), [], "and it is without force");
    all_agree(&club);
}
