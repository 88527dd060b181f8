//! Damage: every bit, every cut, every block that is missing, there twice or elsewhere.

use std::collections::BTreeMap;

use proptest::prelude::*;
use streams_core::archive::read::Reader;
use streams_core::archive::seal::Seal;
use streams_core::archive::vouch::{VouchError, Vouching};
use streams_core::conformance::fixtures::{author, hash_key};
use streams_core::{Authentic, ObjectId};

use super::{File, Given, archive, block, grow, node, read, read_with, sealed_every, section, sections};

/// How many objects of it have one seal.
const EVERY: usize = 2;

/// A small archive of four seals, with objects that are redacted, adopted, final, and rules; and its vouching.
fn small() -> (Vec<u8>, Vouching) {
    let file = (0..).map(|seed| {
        let here = node();
        let stream = grow(&here, None, seed, 6);
        archive(&here, stream, None)
    });
    let is_redacted = |file: &File| read(&file.bytes).objects.iter().any(|object| object.object().is_redacted());
    let file = file.take(100).find(is_redacted).expect("some seed redacts");
    let (bytes, seals) = sealed_every(&file, EVERY);
    assert_eq!(read(&bytes).faults, []);
    let vouching = Vouching::sign(&author(0), &file.written.manifest, &seals);
    (bytes, Vouching::verify(&vouching).expect("it was just signed"))
}

/// Reads an archive that is damaged, and shows that what it gives is what the whole one gave, or less: objects that are
/// not there, or maps.
struct Damaged {
    whole: BTreeMap<ObjectId, Authentic>,
}

impl Damaged {
    fn of(bytes: &[u8]) -> Self {
        Self { whole: read(bytes).objects.into_iter().map(|object| (object.id(), object)).collect() }
    }

    fn read(&self, bytes: &[u8], vouching: Option<&Vouching>) -> Given {
        let reader = match vouching {
            Some(vouching) => Reader::vouched(hash_key(), vouching.clone()),
            None => Reader::new(hash_key()),
        };
        let given = read_with(reader, bytes, 1000);
        for object in &given.objects {
            let whole = self.whole[&object.id()].object();
            assert_eq!(object.object().signature(), whole.signature());
            assert_eq!(object.object().restore(&whole.maps()), *whole);
        }
        given
    }
}

#[test]
fn every_bit_that_flips_is_told_where_it_is() {
    let (bytes, vouching) = small();
    let damaged = Damaged::of(&bytes);
    let mut starts = vec![0];
    starts.extend(sections(&bytes).into_iter().map(|section| section.start));
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let start = *starts.iter().rfind(|start| **start <= bit / 8).expect("the header begins at 0") as u64;
        for vouching in [None, Some(&vouching)] {
            let given = damaged.read(&flipped, vouching);
            let told = given.faults.iter().any(|fault| fault.offset == start);
            assert!(told, "bit {bit}, in what begins at {start}: {:?}", given.faults);
        }
    }
}

#[test]
fn a_flipped_bit_in_a_length_or_an_id_costs_no_other_object() {
    let (bytes, _) = small();
    let damaged = Damaged::of(&bytes);
    let all = damaged.whole.len();
    for section in sections(&bytes).into_iter().skip(1) {
        let own = block(&bytes[section.clone()]);
        let is_seal = Seal::decode(own).is_some();
        for bit in 0..8 * (section.len() - own.len()) {
            let mut flipped = bytes.clone();
            flipped[section.start + bit / 8] ^= 1 << (bit % 8);
            let given = damaged.read(&flipped, None);
            // A length may become so long that it covers others, and these their seal.
            let lost = if is_seal || given.codes().contains(&"content") { 2 * EVERY } else { 1 };
            let many = given.codes().contains(&"truncated") || given.codes().contains(&"unsealed");
            assert!(many || given.objects.len() + lost >= all, "bit {bit} at {}: {:?}", section.start, given.codes());
        }
    }
}

/// What every object behind a damaged length is worth: an archive in which it looks as if there were sections everywhere
/// is given up before long.
#[test]
fn a_file_made_to_be_searched_is_given_up() {
    let (bytes, _) = small();
    let all = sections(&bytes);
    let mut file = bytes[..all[1].end].to_vec();
    file.push(0);
    // Each looks like the beginning of a section of a megabyte.
    let false_one = [&[0x80, 0x80, 0x40][..], b"\x01\x71\x1e\x20", &[7; 33]].concat();
    file.extend(false_one.repeat((4 << 20) / false_one.len()));
    file.extend(&bytes[all[1].end..]);
    let start = std::time::Instant::now();
    let given = read(&file);
    assert_eq!(given.codes(), ["section-length", "unsealed"]);
    assert!(start.elapsed().as_secs() < 60, "16 MiB are hashed, not terabytes");
}

#[test]
fn a_flipped_bit_in_a_block_costs_no_other_object() {
    let (bytes, _) = small();
    let damaged = Damaged::of(&bytes);
    let all = damaged.whole.len();
    for section in sections(&bytes).into_iter().skip(1) {
        let own = block(&bytes[section.clone()]);
        let (id, length) = (ObjectId::of_block(own), own.len());
        let mut flipped = bytes.clone();
        flipped[section.end - length / 2 - 1] ^= 1;
        let given = damaged.read(&flipped, None);
        let is_seal = Seal::decode(own).is_some();
        let is_wanted = damaged.whole.contains_key(&id) || given.codes().contains(&"not-whole");
        let lost = if is_seal { EVERY } else { usize::from(is_wanted) };
        assert!(given.objects.len() >= all - lost, "{id}: {} of {all}, {:?}", given.objects.len(), given.faults);
    }
}

#[test]
fn every_cut_is_told_and_what_was_sealed_before_is_kept() {
    let (bytes, vouching) = small();
    let damaged = Damaged::of(&bytes);
    let whole: Vec<ObjectId> = read(&bytes).ids();
    let seals: Vec<usize> = sections(&bytes)
        .into_iter()
        .filter(|section| Seal::decode(block(&bytes[section.clone()])).is_some())
        .map(|section| section.end)
        .collect();
    for length in 0..bytes.len() {
        for vouching in [None, Some(&vouching)] {
            let given = damaged.read(&bytes[..length], vouching);
            let sealed = seals.iter().filter(|seal| **seal <= length).count();
            assert_eq!(given.ids(), whole[..(EVERY * sealed).min(whole.len())]);
            assert!(!given.faults.is_empty(), "cut at {length}");
        }
    }
}

/// Sections put together again, behind the header.
fn joined(bytes: &[u8], sections: &[std::ops::Range<usize>]) -> Vec<u8> {
    let blocks = sections.iter().flat_map(|section| &bytes[section.clone()]);
    bytes[..59].iter().chain(blocks).copied().collect()
}

#[test]
fn every_block_that_is_missing_elsewhere_or_there_twice_is_told() {
    let (bytes, vouching) = small();
    let damaged = Damaged::of(&bytes);
    let all = sections(&bytes);
    let told = |changed: Vec<std::ops::Range<usize>>, what: String| {
        let changed = joined(&bytes, &changed);
        if changed == bytes {
            return;
        }
        for vouching in [None, Some(&vouching)] {
            assert!(!damaged.read(&changed, vouching).faults.is_empty(), "{what}");
        }
    };
    for one in 0..all.len() {
        let mut without = all.clone();
        without.remove(one);
        told(without.clone(), format!("block {one} is missing"));
        for other in 0..all.len() {
            let mut moved = without.clone();
            moved.insert(other.min(without.len()), all[one].clone());
            told(moved, format!("block {one} stands at {other}"));
            let mut twice = all.clone();
            twice.insert(other, all[one].clone());
            told(twice, format!("block {one} stands at {other} too"));
            let mut swapped = all.clone();
            swapped.swap(one, other);
            told(swapped, format!("blocks {one} and {other} are swapped"));
        }
    }
}

#[test]
fn a_signature_of_another_object_is_told() {
    let (bytes, vouching) = small();
    let damaged = Damaged::of(&bytes);
    let all = sections(&bytes);
    let seal_at =
        all.iter().position(|section| Seal::decode(block(&bytes[section.clone()])).is_some()).expect("a seal");
    let mut seal = Seal::decode(block(&bytes[all[seal_at].clone()])).expect("it was just one");
    let first: Vec<u8> = seal.signatures.drain(..64).collect();
    seal.signatures.splice(64..64, first);
    let changed = [&bytes[..all[seal_at].start], &section(&seal.encode()), &bytes[all[seal_at].end..]].concat();
    let given = damaged.read(&changed, None);
    assert_eq!(given.codes(), ["bad-signature", "bad-signature"]);
    // Who vouched for other signatures does not take these unverified.
    let given = damaged.read(&changed, Some(&vouching));
    assert_eq!(given.codes(), ["vouching-other", "bad-signature", "bad-signature"]);
}

#[test]
fn a_vouching_holds_for_one_archive_and_one_author() {
    let here = node();
    let stream = grow(&here, None, 11, 10);
    let file = archive(&here, stream, None);
    let vouching = Vouching::verify(&file.vouching).expect("it was just signed");
    assert_eq!((vouching.author(), vouching.archive()), (author(0).verifying_key(), file.written.manifest));
    let given = read_with(Reader::vouched(hash_key(), vouching.clone()), &file.bytes, 1000);
    assert_eq!(given.codes(), [""; 0]);
    // Nothing is lost where it is for another archive: signatures are verified.
    grow(&here, Some(stream), 12, 3);
    let other: File = archive(&here, stream, None);
    let given = read_with(Reader::vouched(hash_key(), vouching), &other.bytes, 1000);
    assert_eq!(given.codes(), ["vouching-other"]);
    assert_eq!(given.objects.len() as u64, other.manifest.count);
    for bit in 0..8 * file.vouching.len() {
        let mut flipped = file.vouching.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Vouching::verify(&flipped).is_err(), "bit {bit}");
    }
    for length in 0..file.vouching.len() {
        assert_eq!(Vouching::verify(&file.vouching[..length]), Err(VouchError::Malformed));
    }
}

#[test]
fn files_of_others_are_no_archives() {
    for bytes in [&b""[..], b"PK\x03\x04", &[0; 1000], &[0xff; 1000], &b"text ".repeat(200)] {
        let given = read(bytes);
        assert_eq!(given.codes(), ["header"]);
        assert!(given.objects.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damage_anywhere_in_a_larger_archive_is_told(
        at in any::<prop::sample::Index>(),
        damage in prop::collection::vec(any::<u8>(), 0..100),
        removed in 0usize..100,
    ) {
        let here = node();
        let stream = grow(&here, None, 1, 150);
        let file = archive(&here, stream, None);
        let damaged = Damaged::of(&file.bytes);
        let vouching = Vouching::verify(&file.vouching).expect("it was just signed");
        let start = at.index(file.bytes.len());
        let mut bytes = file.bytes.clone();
        bytes.splice(start..(start + removed).min(file.bytes.len()), damage);
        let is_changed = bytes != file.bytes;
        for vouching in [None, Some(&vouching)] {
            prop_assert_eq!(!damaged.read(&bytes, vouching).faults.is_empty(), is_changed);
        }
    }
}
