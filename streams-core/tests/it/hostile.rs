//! Whatever arrives, nothing panics and nothing that was accepted is lost.

use proptest::prelude::*;
use streams_core::{Change, Draft, Edges, Ingested, PendingLimits, Rejected, Share, Stream};

use crate::fixtures::{hash_key, key, open_root, replica, text};

fn small_stream() -> Stream {
    let mut stream = replica(&open_root());
    for i in 0..6 {
        stream.by(&key(i % 3 + 1)).append("test/note", text(&format!("note {i}"))).expect("everyone may append");
    }
    stream
}

fn facts(stream: &Stream) -> String {
    format!("{:?}", (stream.order_digest(), stream.len(), stream.leaves(), stream.forks()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let mut stream = small_stream();
        let before = facts(&stream);
        prop_assert!(stream.ingest(&bytes, 0).is_err());
        prop_assert_eq!(before, facts(&stream));
    }

    #[test]
    fn mutated_objects_change_nothing(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        let mut stream = small_stream();
        let before = facts(&stream);
        let objects: Vec<_> = stream.entries().collect();
        let mut bytes = which.get(&objects).authentic.object().parts().to_vec();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => { bytes.remove(at); }
                _ => bytes.truncate(at.max(1)),
            }
        }
        // Either the edits undid each other, or a map is gone, or the copy is not taken.
        if let Ok(answer) = stream.ingest(&bytes, 0) {
            prop_assert_eq!(answer, Ingested::Known);
        }
        prop_assert_eq!(before, facts(&stream));
        for entry in objects {
            prop_assert_eq!(stream.entry(&entry.authentic.id()).map(|kept| kept.authentic.object().parts().clone()),
                Some(entry.authentic.object().parts().clone()));
        }
    }
}

#[test]
fn a_flood_of_orphans_is_bounded_and_leaves_room_for_others() {
    let limits = PendingLimits {
        all: Share { objects: 100, bytes: 1 << 20 },
        peer: Share { objects: 20, bytes: 1 << 20 },
        author: Share { objects: 10, bytes: 1 << 20 },
    };
    let root = open_root();
    let mut stream = Stream::open_with_limits(root.clone(), hash_key(), limits).expect("a root");
    let orphan = |author: u8, i: u32| {
        let parent = *blake3::hash(&i.to_le_bytes()).as_bytes();
        let edges = Edges {
            stream: root.id(),
            parents: vec![streams_core::ObjectId::from_bytes(parent)],
            previous: None,
            generation: 9,
        };
        Draft::event("test/note", edges).sign(&key(author)).expect("an event")
    };
    let mut waiting = 0;
    for i in 0..50 {
        match stream.ingest(orphan(7, i).object().parts(), 666) {
            Ok(Ingested::Pending { .. }) => waiting += 1,
            Err(rejected @ Rejected::Dropped(_)) => assert_eq!(rejected.code(), "pending-full"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waiting, 10, "the share of one author");
    for i in 100..150 {
        waiting += u32::from(stream.ingest(orphan(i as u8, i).object().parts(), 666).is_ok());
    }
    assert_eq!(waiting, 20, "the share of one peer");
    assert!(stream.ingest(orphan(200, 1000).object().parts(), 1).is_ok(), "others have their own share");
    let note = stream.by(&key(2)).append("test/note", text("still here")).expect("everyone may append");
    assert!(stream.contains(&note.id()));
}

#[test]
fn what_cites_a_refused_object_is_refused_with_it() {
    let root = open_root();
    let mut stream = replica(&root);
    let edges = |parent, generation| Edges { stream: root.id(), parents: vec![parent], previous: None, generation };
    // Its type is not allowed to its author.
    let refused = Draft::event("test/other", edges(root.id(), 1)).sign(&key(2)).expect("an event");
    let child = Draft::event("test/note", edges(refused.id(), 2)).sign(&key(3)).expect("an event");
    let grandchild = Draft::event("test/note", edges(child.id(), 3)).sign(&key(4)).expect("an event");
    assert!(matches!(stream.admit(grandchild.clone(), 0), Ok(Ingested::Pending { .. })));
    assert!(matches!(stream.admit(child.clone(), 0), Ok(Ingested::Pending { .. })));
    assert_eq!(stream.gaps(), [refused.id()]);
    assert_eq!(stream.citing(&refused.id()).iter().map(|citing| citing.id()).collect::<Vec<_>>(), [child.id()]);
    assert_eq!(stream.admit(refused, 0).expect_err("nobody allowed it").code(), "not-authorized");
    assert_eq!(stream.gaps(), []);
    assert_eq!(stream.admit(grandchild, 0).expect_err("it cites what is refused").code(), "parent-refused");
    assert_eq!(stream.len(), 1);
}

#[test]
fn a_dropped_map_is_not_taken_back() {
    let root = open_root();
    let mut stream = replica(&root);
    let note = stream.by(&key(2)).append("test/note", text("a secret")).expect("everyone may append");
    let data = streams_core::ObjectId::of_block(note.object().maps()[0]);
    let redacted = stream.redact(&note.id(), &data).expect("it is here").expect("data may be redacted");
    assert_eq!(redacted.id(), note.id());
    assert_eq!(stream.ingest(note.object().parts(), 0), Ok(Ingested::Known));
    let kept = stream.entry(&note.id()).expect("it is here").authentic;
    assert_eq!(kept.object().data(), None, "this replica dropped it itself");

    let mut other = replica(&root);
    other.ingest(redacted.parts(), 0).expect("an object holds without its maps");
    assert_eq!(other.ingest(note.object().parts(), 0), Ok(Ingested::Known));
    let kept = other.entry(&note.id()).expect("it is here").authentic;
    assert!(kept.object().data().is_some(), "a replica that was never given it takes it");
}

#[test]
fn each_branch_of_a_fork_is_told_once_however_many_there_are() {
    let root = open_root();
    let mut stream = replica(&root);
    stream.watch();
    let mut told = Vec::new();
    for generation in 1..=300 {
        let parents = vec![stream.order().last().expect("the root at least")];
        let edges = Edges { stream: root.id(), parents, previous: None, generation };
        let event = Draft::event("test/note", edges).sign(&key(2)).expect("an event");
        stream.admit(event, 0).expect("everyone may append");
    }
    for change in stream.take_changes() {
        if let Change::Fork(fork) = change {
            told.extend(fork.objects);
        }
    }
    told.sort_unstable();
    assert_eq!(told.len(), 300);
    assert_eq!(stream.forks()[0].objects, told);
}
