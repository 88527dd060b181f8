//! What was done wrong can be shown to anyone, and what was not cannot.

use streams_core::conformance::fixtures::{NOTE, author, begin, content, hash_key};
use streams_core::sync::evidence::{Evidence, Shown, ShowsNothing, conflict, forks};
use streams_core::sync::messages::{Id, Ids, Key, Parts};
use streams_core::sync::said::{Reason, Refusal, Said, Signed, Statement};
use streams_core::{Authentic, ObjectId, SigningKey, Stream};

/// A stream of so many notes, one after the other.
fn notes(count: u64) -> Stream {
    let mut stream = begin(0);
    for number in 0..count {
        stream.by(&author((number % 2) as u8)).append(NOTE, content(number, 8)).unwrap();
    }
    stream
}

fn parts(object: &Authentic) -> Parts {
    Parts(object.object().parts().to_vec())
}

fn all(stream: &Stream) -> Vec<Parts> {
    stream.entries().map(|entry| parts(&entry.authentic)).collect()
}

/// What evidence shows after it went through a file.
fn verify(evidence: &Evidence) -> Result<Shown, ShowsNothing> {
    let file = evidence.encode();
    assert_eq!(Evidence::decode(&file[..file.len() - 1]), Err(ShowsNothing::Malformed));
    Evidence::decode(&file).expect("it was encoded").verify(hash_key())
}

fn statement(stream: &Stream, counter: u64) -> Statement {
    Statement {
        peer: Key(author(7).verifying_key()),
        stream: Id(stream.id()),
        frontier: stream.frontier(),
        leaves: Ids(stream.leaves()),
        store: [1; 16],
        counter,
        until: None,
    }
}

fn signed<T: Said>(said: T) -> Signed<T> {
    Signed::sign(said, &author(7))
}

#[test]
fn a_fork_is_shown_by_its_two_objects() {
    let mut stream = notes(3);
    let mut other = stream.clone();
    let one = stream.by(&author(1)).append(NOTE, content(10, 8)).unwrap();
    let two = other.by(&author(1)).append(NOTE, content(11, 8)).unwrap();
    let next = other.by(&author(1)).append(NOTE, content(12, 8)).unwrap();
    stream.admit(two.clone(), 0).unwrap();
    let evidence = forks(&stream);
    assert_eq!(evidence.len(), 1);
    let mut objects = [one.id(), two.id()];
    objects.sort();
    let shown = Shown::Fork { author: author(1).verifying_key(), stream: stream.id(), objects };
    assert_eq!(verify(&evidence[0]), Ok(shown));

    // Not the same object twice, nor one behind the other, nor of two authors, nor what nobody signed.
    let fork = |a: &Authentic, b: &Authentic| verify(&Evidence::Fork(parts(a), parts(b)));
    assert_eq!(fork(&one, &one), Err(ShowsNothing::NoFork));
    assert_eq!(fork(&two, &next), Err(ShowsNothing::NoFork));
    let third = stream.by(&author(2)).append(NOTE, content(13, 8)).unwrap();
    assert_eq!(fork(&one, &third), Err(ShowsNothing::Unrelated));
    let unsigned = Parts(two.object().with_signature(&[9; 64]).parts().to_vec());
    assert_eq!(verify(&Evidence::Fork(parts(&one), unsigned)), Err(ShowsNothing::Object));
}

#[test]
fn conflicting_checkpoints_are_shown_with_their_pasts() {
    let mut stream = notes(4);
    let mut other = stream.clone();
    assert_eq!(conflict(&stream), None);
    let one = stream.by(&author(0)).checkpoint().unwrap();
    assert_eq!(conflict(&stream), None);
    other.by(&author(1)).append(NOTE, content(10, 8)).unwrap();
    let two = other.by(&author(0)).checkpoint().unwrap();
    other.entries().skip(1).for_each(|entry| drop(stream.admit(entry.authentic, 0)));
    let evidence = conflict(&stream).expect("they conflict");
    let Ok(Shown::Checkpoints { holders, .. }) = verify(&evidence) else { panic!("they conflict") };
    let mut shown: Vec<ObjectId> = holders.iter().map(|(id, _)| *id).collect();
    let mut expected = vec![one.id(), two.id()];
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);
    assert!(holders.iter().all(|(_, holder)| *holder == author(0).verifying_key()));

    // One after the other is as it should be; and without a past, nothing has force.
    let mut healed = notes(4);
    healed.by(&author(0)).checkpoint().unwrap();
    healed.by(&author(0)).checkpoint().unwrap();
    assert_eq!(verify(&Evidence::Checkpoints(all(&healed))), Err(ShowsNothing::NoConflict));
    let Evidence::Checkpoints(mut objects) = evidence else { unreachable!("it is of checkpoints") };
    objects.remove(2);
    assert!(verify(&Evidence::Checkpoints(objects)).is_err());
}

#[test]
fn who_had_it_and_says_that_it_has_not_is_shown() {
    let whole = notes(20);
    let less = whole.as_of(&[whole.order().nth(14).unwrap()]).expect("it is here");
    let (had, lost) = (signed(statement(&whole, 5)), signed(statement(&less, 6)));
    let peer = author(7).verifying_key();
    let object = Some(whole.leaves()[0]);
    let shown = Ok(Shown::Contradiction { peer, stream: whole.id(), object });
    let contradiction = |a: &Signed<Statement>, b: &Signed<Statement>, blocks: Vec<Parts>| {
        verify(&Evidence::Contradiction(a.clone(), b.clone(), blocks))
    };
    assert_eq!(contradiction(&had, &lost, all(&less)), shown);
    // Blocks are enough: what was dropped from objects changes nothing.
    let redacted = less.entries().map(|entry| {
        let object = entry.authentic.object();
        let map = object.maps().first().map(|map| ObjectId::of_block(map));
        let redacted = map.and_then(|map| object.redact(&map).ok());
        Parts(redacted.as_ref().unwrap_or(object).parts().to_vec())
    });
    assert_eq!(contradiction(&had, &lost, redacted.collect()), shown);
    // One number for two statements.
    let twice = signed(Statement { until: Some(1), ..statement(&whole, 5) });
    let shown = Ok(Shown::Contradiction { peer, stream: whole.id(), object: None });
    assert_eq!(contradiction(&had, &twice, Vec::new()), shown);

    // To grow is no contradiction, nor is another store: one that was restored, or found not closed, has another name.
    let grown = signed(statement(&whole, 7));
    assert_eq!(contradiction(&lost, &grown, all(&whole)), Err(ShowsNothing::NoContradiction));
    let restored = signed(Statement { store: [2; 16], ..statement(&less, 6) });
    assert_eq!(contradiction(&had, &restored, all(&less)), Err(ShowsNothing::Unrelated));
    assert_eq!(contradiction(&lost, &had, all(&whole)), Err(ShowsNothing::Unrelated));
    // Who leaves blocks or leaves out shows nothing.
    assert_eq!(contradiction(&had, &lost, all(&less)[1..].to_vec()), Err(ShowsNothing::Incomplete));
    let cut = signed(Statement { leaves: Ids(Vec::new()), ..statement(&less, 6) });
    assert_eq!(contradiction(&had, &cut, Vec::new()), Err(ShowsNothing::Incomplete));
    // Who invents a statement shows nothing either.
    let invented = Signed { said: lost.said.clone(), signature: had.signature };
    assert_eq!(contradiction(&had, &invented, all(&less)), Err(ShowsNothing::Signature));
    let stranger: SigningKey = author(8);
    let of_another = Signed::sign(Statement { peer: Key(stranger.verifying_key()), ..statement(&less, 6) }, &stranger);
    assert_eq!(contradiction(&had, &of_another, all(&less)), Err(ShowsNothing::Unrelated));
}

#[test]
fn who_promised_to_serve_and_did_not_is_shown() {
    let stream = notes(12);
    let object = stream.order().nth(9).unwrap();
    let promise = signed(Statement { until: Some(1000), ..statement(&stream, 1) });
    let refusal = |object: Option<ObjectId>, reason, at| {
        signed(Refusal {
            peer: Key(author(7).verifying_key()),
            stream: Id(stream.id()),
            object: object.map(Id),
            reason,
            at,
            store: [1; 16],
            counter: 1,
        })
    };
    let path: Vec<Parts> = all(&stream)[10..].to_vec();
    let broken = |refusal: Signed<Refusal>, path: &[Parts]| {
        verify(&Evidence::BrokenPromise(promise.clone(), refusal, path.to_vec()))
    };
    let peer = author(7).verifying_key();
    let shown = |object| Ok(Shown::BrokenPromise { peer, stream: stream.id(), object });
    assert_eq!(broken(refusal(Some(object), Reason::Gone, 999), &path), shown(object));
    assert_eq!(broken(refusal(None, Reason::Unknown, 0), &[]), shown(stream.id()));

    // In time, and for a reason that anyone may have, it is none.
    assert_eq!(broken(refusal(Some(object), Reason::Gone, 1000), &path), Err(ShowsNothing::NoPromise));
    for reason in [Reason::Denied, Reason::Busy] {
        assert_eq!(broken(refusal(Some(object), reason, 999), &path), Err(ShowsNothing::NoPromise));
    }
    let silent = Evidence::BrokenPromise(signed(statement(&stream, 1)), refusal(None, Reason::Gone, 1), Vec::new());
    assert_eq!(verify(&silent), Err(ShowsNothing::NoPromise));
    // What was refused before it was stated was not promised yet; and who lost its store says so by another's name.
    let with = |change: fn(&mut Refusal)| {
        let mut said = refusal(Some(object), Reason::Gone, 999).said;
        change(&mut said);
        signed(said)
    };
    assert_eq!(broken(with(|said| said.counter = 0), &path), Err(ShowsNothing::NoPromise));
    assert_eq!(broken(with(|said| said.store = [2; 16]), &path), Err(ShowsNothing::Unrelated));
    // What is not below the leaves was not promised.
    let other = ObjectId::of_block(b"another");
    assert_eq!(broken(refusal(Some(other), Reason::Gone, 999), &path), Err(ShowsNothing::NoPath));
    assert_eq!(broken(refusal(Some(object), Reason::Gone, 999), &path[..1]), Err(ShowsNothing::NoPath));
}
