//! Arbitrary values, for tests that hold for all of them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::id::ObjectId;
use super::key::{Hint, Kind, Name};
use super::value::{Float, List, Map, Value};

/// Maps of every kind of value, with maps and lists in them, some maps redacted, and no notes.
pub(crate) fn maps() -> impl Strategy<Value = Map> {
    maps_over(3)
}

/// Maps that have no more than so many maps above each other in them.
fn maps_over(levels: u8) -> BoxedStrategy<Map> {
    let entries = vec((names(), values(levels)), 0..5);
    let collect = |entries: Vec<(Name, Value)>| {
        entries.into_iter().fold(Map::new(), |mut map, (name, value)| {
            map.insert(name, value);
            map
        })
    };
    entries.prop_map(collect).boxed()
}

/// Names of all lengths and letters; short ones most, so that they meet.
fn names() -> impl Strategy<Value = Name> {
    let texts = prop_oneof![4 => "[a-d]{1,2}", 2 => "[^:_\\pC][^:\\pC]{0,20}", 1 => "[a-z]{128}"];
    texts.prop_map(|text| Name::new(text).expect("a name"))
}

fn values(levels: u8) -> impl Strategy<Value = Value> {
    hints().prop_flat_map(move |hint| values_under(hint, levels))
}

pub(crate) fn hints() -> impl Strategy<Value = Hint> {
    use Kind::{Bool, Bytes, Float, Int, Map, Reference, Text, Uint};
    let kinds = prop::sample::select(vec![Text, Int, Uint, Float, Bool, Bytes, Map, Map, Reference]);
    let lists = prop_oneof![5 => Just(0), 3 => Just(1), 1 => Just(2), 1 => Just(3)];
    (kinds, lists).prop_map(|(kind, lists)| (0..lists).fold(Hint::of(kind), |hint, _| hint.list().expect("few lists")))
}

fn values_under(hint: Hint, levels: u8) -> BoxedStrategy<Value> {
    if let Some(item) = hint.item() {
        let list = move |items| Value::List(List::new(item, items).expect("elements of one hint"));
        return vec(values_under(item, levels), 0..4).prop_map(list).boxed();
    }
    match hint.kind() {
        Kind::Text => texts().prop_map(Value::Text).boxed(),
        Kind::Int => ints().prop_map(Value::Int).boxed(),
        Kind::Uint => uints().prop_map(Value::Uint).boxed(),
        Kind::Float => floats().prop_map(Value::Float).boxed(),
        Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Kind::Bytes => vec(any::<u8>(), 0..40).prop_map(Value::Bytes).boxed(),
        Kind::Map if levels == 0 => ids().prop_map(Value::Redacted).boxed(),
        Kind::Map => {
            prop_oneof![4 => maps_over(levels - 1).prop_map(Value::Map), 1 => ids().prop_map(Value::Redacted)].boxed()
        }
        Kind::Reference => ids().prop_map(Value::Reference).boxed(),
    }
}

/// Texts with what is escaped in JSON too.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[\\x00-\\x20\"\\\\/\u{7f}\u{2028}é😀]{0,8}", "[a-z]{20,30}"]
}

/// Numbers about the lengths of their encodings, and about 2^53.
fn uints() -> impl Strategy<Value = u64> {
    let edges = prop::sample::select(vec![0, 24, 1 << 8, 1 << 16, 1 << 32, 1 << 53, 1 << 63]);
    prop_oneof![any::<u64>(), (edges, 0..3u64).prop_map(|(edge, above)| u64::wrapping_sub(edge, 1).wrapping_add(above))]
}

fn ints() -> impl Strategy<Value = i64> {
    (uints(), any::<bool>()).prop_map(|(number, not)| if not { !(number as i64) } else { number as i64 })
}

fn floats() -> impl Strategy<Value = Float> {
    let round = (-1000..1000i32).prop_map(|number| f64::from(number) / 8.0);
    prop_oneof![any::<u64>().prop_map(f64::from_bits), round].prop_filter_map("finite", Float::new)
}

fn ids() -> impl Strategy<Value = ObjectId> {
    any::<[u8; 32]>().prop_map(ObjectId::from_bytes)
}
