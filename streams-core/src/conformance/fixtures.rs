//! Streams for tests: everything that a store is told happens in them.

use crate::keyed::HashKey;
use crate::object::authenticate::Authentic;
use crate::object::author::SigningKey;
use crate::object::draft::Draft;
use crate::object::header::types;
use crate::object::id::ObjectId;
use crate::object::value::{Map, Value};
use crate::policy::rule::Rule;
use crate::stream::Stream;
use crate::stream::append::AppendError;
use crate::stream::replay::Entry;

/// What objects of an application are.
pub const NOTE: &str = "test/note";

/// Numbers from a seed (SplitMix64): a test that fails can be run again.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// From 0, below the end.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

/// A key for hash tables, of a test: nobody attacks it.
pub fn hash_key() -> HashKey {
    HashKey::from_bytes([5; 16])
}

/// Somebody, by a number; 0 owns the streams.
pub fn author(number: u8) -> SigningKey {
    SigningKey::from_bytes([number + 1; 32])
}

/// A stream that is open to all, by its number, with its root alone.
pub fn begin(number: u8) -> Stream {
    let root = Draft::root("test/stream", [number; 16]).policies([Rule::open_to_all()]).sign(&author(0));
    Stream::open(root.expect("a root"), hash_key()).expect("a root")
}

/// Content of about so many bytes, told apart by a number.
pub fn content(number: u64, bytes: usize) -> Map {
    let text = format!("{number:>bytes$}");
    Map::new().with("text", Value::Text(text)).expect("a name")
}

/// Does something to a stream that was drawn: an author writes, somebody is removed or let in again, something void is
/// adopted, everything is made final, a map is dropped.
pub fn act(stream: &mut Stream, dice: &mut Dice, number: u64) {
    let owner = author(0);
    match dice.below(12) {
        0 => write(stream.by(&owner).govern([Rule::remove(&author(1 + dice.below(3) as u8).verifying_key())])),
        1 => {
            let denials = ids(stream, |entry| entry.authentic.header().r#type() == types::POLICY);
            if let Some(last) = denials.last() {
                write(stream.by(&owner).withdraw(&[*last]));
            }
        }
        2 => {
            let void = ids(stream, |entry| !entry.effective);
            if let Some(void) = void.first() {
                write(stream.by(&owner).adopt(&[*void]));
            }
        }
        3 => write(stream.by(&owner).checkpoint()),
        4 => {
            let whole = ids(stream, |entry| {
                entry.authentic.header().r#type() == NOTE && !entry.authentic.object().is_redacted()
            });
            if let Some(id) = whole.get(dice.below(whole.len().max(1))) {
                let map = stream.object(id).map(|object| ObjectId::of_block(object.object().maps()[0]));
                let redacted = map.and_then(|map| stream.redact(id, &map));
                redacted.expect("it is here").expect("its content is whole");
            }
        }
        _ => write(stream.by(&author(dice.below(4) as u8)).append(NOTE, content(number, 16))),
    }
}

fn write(appended: Result<Authentic, AppendError>) {
    appended.expect("the stream is open to all");
}

fn ids(stream: &Stream, of: impl Fn(&Entry) -> bool) -> Vec<ObjectId> {
    stream.entries().filter(|entry| of(entry)).map(|entry| entry.authentic.id()).collect()
}
