//! Who is sent what is here.

use streams_core::{Rule, Set};

use crate::fixtures::{all_agree, allowed, club, denied, people, withdrawn};

/// Everyone may read, until Alice withdraws the root, which said so, and names the readers.
#[test]
fn readers_restricted() {
    let [alice, bob, stranger] = people();
    let mut club = club(&alice);
    assert!(club.may_read(&stranger.verifying_key()).is_effective());

    let root = club.id();
    let undoing = club.by(&alice).withdraw(&[root]).unwrap();
    let readers = club.by(&alice).govern([Rule::readers([&bob.verifying_key()])]).unwrap();

    assert_eq!(club.may_read(&bob.verifying_key()), allowed(&readers, 0));
    assert_eq!(club.may_read(&stranger.verifying_key()), withdrawn(&undoing, 0, Set::Known));
    assert_eq!(club.shown_to(&stranger.verifying_key()), None, "no denial names a stranger");
    all_agree(&club);
}

/// Bob, removed, may not read: he is shown the denial that names him, so that he knows who removed him, and nothing
/// else.
#[test]
fn shown_the_denial_that_names_him() {
    let [alice, bob] = people();
    let mut club = club(&alice);
    club.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
    let removal = club.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();

    assert_eq!(club.may_read(&bob.verifying_key()), denied(&removal, 0, Set::Known));
    assert_eq!(club.shown_to(&bob.verifying_key()), Some(removal.id()));
    all_agree(&club);
}
