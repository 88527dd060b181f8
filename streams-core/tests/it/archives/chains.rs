//! Archives that continue others, in any order, with gaps.

use proptest::prelude::*;
use streams_core::archive::chain::{Leaves, in_order, missing};
use streams_core::node::NodeError;
use streams_core::node::archive::{ArchiveError, Archived};
use streams_core::store::Scan;
use streams_core::{Ingested, Node, StreamId};

use super::{File, archive, facts, grow, node, read, restore};

/// A chain of archives of a stream that grows.
fn chain(here: &Node, seed: u64, lengths: &[usize]) -> (StreamId, Vec<File>) {
    let stream = grow(here, None, seed, 0);
    let mut files: Vec<File> = Vec::new();
    for (number, length) in lengths.iter().enumerate() {
        grow(here, Some(stream), seed + number as u64, *length);
        let before = files.last().map(|last| Archived::up_to(last.written.manifest, last.last));
        files.push(archive(here, stream, before));
    }
    (stream, files)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn chains_are_restored_in_any_order(
        seed in any::<u32>(),
        lengths in prop::collection::vec(0usize..25, 1..6),
        order in any::<prop::sample::Index>(),
        twice in any::<prop::sample::Index>(),
    ) {
        let here = node();
        let (stream, files) = chain(&here, seed.into(), &lengths);
        let mut given = files.clone();
        given.push(files[twice.index(files.len())].clone());
        let turn = order.index(given.len());
        given.rotate_left(turn);
        given.reverse();
        let manifests: Vec<_> = given.iter().map(|file| file.manifest).collect();
        prop_assert_eq!(missing(&manifests), []);
        let (there, mut leaves) = (node(), Leaves::default());
        for place in in_order(&manifests) {
            let given = read(&given[place].bytes);
            prop_assert_eq!(&given.faults, &[]);
            given.objects.iter().for_each(|object| leaves.add(object));
            let taken = restore(&there, &given);
            let is_taken = taken.iter().all(|answer| matches!(answer, Ok(Ingested::Admitted { .. } | Ingested::Known)));
            prop_assert!(is_taken);
        }
        let last = files.last().expect("at least one");
        let frontier = pollster::block_on(there.read(stream, |stream| stream.frontier())).expect("it is here");
        prop_assert_eq!(frontier, last.manifest.frontier);
        prop_assert_eq!(facts(&there, stream), facts(&here, stream));
    }
}

#[test]
fn a_chain_that_is_read_again_is_continued_as_one_that_is_remembered() {
    let here = node();
    let (stream, files) = chain(&here, 7, &[20, 10, 5]);
    let last = files[1].written.manifest;
    let mut noted = Archived::in_archive(last);
    for file in &files[..2] {
        let ids = read(&file.bytes).ids();
        pollster::block_on(here.note_archived(stream, &mut noted, &ids)).expect("it is here");
    }
    let again = archive(&here, stream, Some(noted.clone()));
    assert!(again.bytes == files[2].bytes);

    // Where something of it is not here, nothing is continued.
    let there = node();
    restore(&there, &read(&files[0].bytes));
    let ids = read(&files[1].bytes).ids();
    let error = pollster::block_on(there.note_archived(stream, &mut noted, &ids)).unwrap_err();
    assert!(matches!(error, ArchiveError::NotHere(id) if id == ids[0]));
}

#[test]
fn the_objects_of_a_chain_are_those_of_the_stream_once_each() {
    let here = node();
    let (stream, files) = chain(&here, 9, &[30, 1, 0, 30]);
    assert_eq!(files[2].manifest.count, 0);
    let mut ids: Vec<_> = files.iter().flat_map(|file| read(&file.bytes).ids()).collect();
    ids.sort_unstable();
    let mut all: Vec<_> = pollster::block_on(here.store().scan(stream, Scan::After(None), usize::MAX))
        .expect("in memory")
        .into_iter()
        .map(|record| record.place.id)
        .collect();
    all.sort_unstable();
    assert_eq!(ids, all);
}

#[test]
fn without_a_part_of_the_chain_the_rest_waits() {
    let here = node();
    let (stream, files) = chain(&here, 5, &[10, 10, 10]);
    let there = node();
    restore(&there, &read(&files[0].bytes));
    let waiting = restore(&there, &read(&files[2].bytes));
    assert!(waiting.iter().any(|answer| matches!(answer, Ok(Ingested::Pending { .. }))));
    assert_eq!(missing(&[files[0].manifest, files[2].manifest]), [files[1].manifest.id()]);
    // It does not matter that it comes last.
    restore(&there, &read(&files[1].bytes));
    restore(&there, &read(&files[2].bytes));
    assert_eq!(facts(&there, stream), facts(&here, stream));

    let nowhere = node();
    let objects = read(&files[1].bytes).objects;
    let error = pollster::block_on(nowhere.restore(stream, objects)).unwrap_err();
    assert!(matches!(error, NodeError::Unknown(id) if id == stream));
}
