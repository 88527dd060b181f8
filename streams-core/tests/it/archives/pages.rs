//! Pages of an archive, by its index.

use std::io;
use std::ops::Range;

use streams_core::archive::index::{self, PageError};
use streams_core::conformance::fixtures::{author, content, hash_key};
use streams_core::{Authentic, Authenticator, ObjectId};

use super::{File, archive, grow, node, read};

/// A range of bytes in memory, and how many were read.
fn range<'a>(bytes: &'a [u8], count: &'a mut usize) -> impl FnMut(Range<u64>) -> io::Result<Vec<u8>> {
    |range| {
        let len = bytes.len() as u64;
        let read = &bytes[range.start.min(len) as usize..range.end.min(len) as usize];
        *count += read.len();
        Ok(read.to_vec())
    }
}

fn page(archive: &[u8], index: &[u8], from: u64, limit: usize) -> Result<(Vec<ObjectId>, usize), PageError> {
    let mut count = [0; 2];
    let [of_archive, of_index] = &mut count;
    let mut authenticator = Authenticator::new(hash_key());
    let page = index::page(range(archive, of_archive), range(index, of_index), from, limit, &mut authenticator)?;
    Ok((page.iter().map(Authentic::id).collect(), count.iter().sum()))
}

fn long() -> File {
    let here = node();
    let stream = grow(&here, None, 5, 40);
    pollster::block_on(here.write(stream, |stream| {
        for number in 0..3000 {
            stream.by(&author(1)).append("test/note", content(number, 30)).expect("the stream is open to all");
        }
    }))
    .expect("it is here");
    archive(&here, stream, None)
}

#[test]
fn any_page_is_read_without_the_rest() {
    let file = long();
    let all = read(&file.bytes).ids();
    let places = [0, 1, 500, 923, 924, 925, 1023, 1024, 1025, 2000, 2047, 2048, 2950, all.len() - 1, all.len()];
    for from in places {
        for limit in [0, 1, 2, 100, 1024, 1025, 2500] {
            let (ids, count) = page(&file.bytes, &file.index, from as u64, limit).expect("whole");
            assert_eq!(ids, all[from..(from + limit).min(all.len())]);
            assert!(limit > 100 || count < 300_000, "{count} bytes were read");
        }
    }
}

#[test]
fn a_damaged_index_lies_about_nothing_but_places() {
    let file = long();
    let all = read(&file.bytes).ids();
    let (from, limit) = (1000, 50);
    for bit in (0..8 * file.index.len()).step_by(17) {
        let mut flipped = file.index.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Either it is told, or the page is one of the archive.
        if let Ok((ids, _)) = page(&file.bytes, &flipped, from, limit) {
            assert!(all.windows(ids.len()).any(|page| page == ids));
        }
    }
    let other = long();
    assert!(page(&other.bytes, &file.index, 0, 1).is_ok(), "equal archives have equal indices");
    let third = archive(&node_of(&other), read(&other.bytes).ids()[0], None);
    assert!(page(&third.bytes, &file.index, 0, 1).is_ok());
    let mut wrong = file.index.clone();
    wrong[20] ^= 1;
    assert!(matches!(page(&file.bytes, &wrong, 0, 1), Err(PageError::Index)));
}

fn node_of(file: &File) -> streams_core::Node {
    let there = node();
    super::restore(&there, &read(&file.bytes));
    there
}

#[test]
fn a_damaged_page_is_told() {
    let file = long();
    for bit in (0..8 * file.bytes.len()).step_by(1009) {
        let mut flipped = file.bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let whole = page(&file.bytes, &file.index, 1000, 50).expect("whole").0;
        if let Ok((ids, _)) = page(&flipped, &file.index, 1000, 50) {
            assert_eq!(ids, whole);
        }
    }
}
