//! Objects against others: another decoder of CBOR, and bytes that nobody meant.

use ciborium::Value as Cbor;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::arbitrary::{hints, maps};
use super::codec::{Malformed, Writer};
use super::header::Newer;
use super::id::ObjectId;
use super::key::{Hint, Kind, Name, split_key};
use super::parts::{MAX_MAPS, MAX_SIZE, Object, Unsound};
use super::value::{Float, List, Map, Value};

/// What a reference is in DAG-CBOR: tag 42 over a zero byte, a prefix and the digest.
const CID: [u8; 5] = [0x00, 0x01, 0x71, 0x1e, 0x20];

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn objects() -> impl Strategy<Value = Object> {
    let signatures = prop_oneof![Just(None), any::<[u8; 32]>().prop_map(|half| Some([half, half].concat()))];
    (maps(), signatures).prop_map(|(map, signature)| object(map, signature))
}

fn object(mut map: Map, signature: Option<Vec<u8>>) -> Object {
    if let Some(signature) = signature {
        map.insert(Name::new("_signature").unwrap(), Value::Bytes(signature));
    }
    Object::from_map(&map).unwrap()
}

fn parts(block: &[u8], signature: &[u8], maps: &[&[u8]]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.list(3);
    writer.bytes(block);
    writer.bytes(signature);
    writer.list(maps.len());
    maps.iter().for_each(|map| writer.bytes(map));
    writer.into_bytes()
}

fn cbor(block: &[u8]) -> Cbor {
    ciborium::from_reader(block).unwrap()
}

fn encoded(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    bytes
}

fn reference(id: &ObjectId) -> Cbor {
    Cbor::Tag(42, Box::new(Cbor::Bytes([&CID, id.as_bytes().as_slice()].concat())))
}

/// A block as ciborium sees it, and the blocks below it, which are taken from `maps`.
fn expected_block(map: &Map, maps: &mut std::vec::IntoIter<&[u8]>) -> Cbor {
    let mut keys: Vec<_> = map.iter().map(|(name, value)| (format!("{name}:{}", value.hint()), value)).collect();
    keys.sort_by_key(|(key, _)| (key.len(), key.clone()));
    Cbor::Map(keys.into_iter().map(|(key, value)| (Cbor::Text(key), expected(value, maps))).collect())
}

fn expected(value: &Value, maps: &mut std::vec::IntoIter<&[u8]>) -> Cbor {
    match value {
        Value::Text(text) => Cbor::Text(text.clone()),
        Value::Int(number) => Cbor::Integer((*number).into()),
        Value::Uint(number) => Cbor::Integer((*number).into()),
        Value::Float(float) => Cbor::Float(float.value()),
        Value::Bool(bool) => Cbor::Bool(*bool),
        Value::Bytes(bytes) => Cbor::Bytes(bytes.clone()),
        Value::Redacted(id) | Value::Reference(id) => reference(id),
        Value::List(list) => Cbor::Array(list.items().iter().map(|item| expected(item, maps)).collect()),
        Value::Map(map) => {
            let block = maps.next().expect("a block for each map that is here");
            assert_eq!(cbor(block), expected_block(map, maps));
            reference(&ObjectId::of_block(block))
        }
    }
}

/// What ciborium decoded, as a map of this model; `None` where it is none.
fn modelled(block: &Cbor) -> Option<Map> {
    let mut map = Map::new();
    for (key, value) in block.as_map()? {
        let (name, hint) = split_key(key.as_text()?).ok()?;
        let name = Name::new(name).ok().filter(|name| !name.is_note())?;
        let replaced = map.insert(name, modelled_value(value, hint)?);
        if replaced.is_some() {
            return None;
        }
    }
    Some(map)
}

fn modelled_value(value: &Cbor, hint: Hint) -> Option<Value> {
    if let Some(item) = hint.item() {
        let items: Option<_> = value.as_array()?.iter().map(|value| modelled_value(value, item)).collect();
        return Some(Value::List(List::new(item, items?).unwrap()));
    }
    Some(match (hint.kind(), value) {
        (Kind::Text, Cbor::Text(text)) => Value::Text(text.clone()),
        (Kind::Int, Cbor::Integer(number)) => Value::Int((*number).try_into().ok()?),
        (Kind::Uint, Cbor::Integer(number)) => Value::Uint((*number).try_into().ok()?),
        (Kind::Float, Cbor::Float(float)) if float.to_bits() != (-0.0f64).to_bits() => {
            Value::Float(Float::new(*float)?)
        }
        (Kind::Bool, Cbor::Bool(bool)) => Value::Bool(*bool),
        (Kind::Bytes, Cbor::Bytes(bytes)) => Value::Bytes(bytes.clone()),
        (Kind::Map, Cbor::Tag(42, cid)) => Value::Redacted(digest(cid)?),
        (Kind::Reference, Cbor::Tag(42, cid)) => Value::Reference(digest(cid)?),
        _ => return None,
    })
}

fn digest(cid: &Cbor) -> Option<ObjectId> {
    cid.as_bytes()?.strip_prefix(&CID)?.try_into().ok().map(ObjectId::from_bytes)
}

/// Values that ciborium can encode, of any shape.
fn cbors() -> impl Strategy<Value = Cbor> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Cbor::from),
        any::<u64>().prop_map(Cbor::from),
        (-30..300i32).prop_map(Cbor::from),
        Just(Cbor::Integer((-1 - i128::from(u64::MAX)).try_into().unwrap())),
        any::<f64>().prop_map(Cbor::Float),
        prop::sample::select(vec![0.0, -0.0, 1.5, 0.1, f64::NAN, f64::INFINITY]).prop_map(Cbor::Float),
        any::<bool>().prop_map(Cbor::Bool),
        Just(Cbor::Null),
        "[a-z]{0,30}".prop_map(Cbor::Text),
        vec(any::<u8>(), 0..40).prop_map(Cbor::Bytes),
        any::<[u8; 32]>().prop_map(|digest| reference(&ObjectId::from_bytes(digest))),
        Just(Cbor::Tag(42, Box::new(Cbor::Bytes(CID.to_vec())))),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Cbor::Array),
            vec((keys(), inner.clone()), 0..4).prop_map(Cbor::Map),
            (40..44u64, inner).prop_map(|(tag, inner)| Cbor::Tag(tag, Box::new(inner))),
        ]
    })
}

fn keys() -> impl Strategy<Value = Cbor> {
    prop_oneof![
        8 => ("[a-c]{1,2}", hints()).prop_map(|(name, hint)| Cbor::Text(format!("{name}:{hint}"))),
        1 => "[_a]{0,1}[:\n]?[a-z]{0,2}".prop_map(Cbor::Text),
        1 => (-1..3i32).prop_map(Cbor::from),
    ]
}

/// How a block is changed before ciborium encodes it.
#[derive(Clone, Debug)]
enum Change {
    Swap(Index, Index),
    Value(Index, Cbor),
    Key(Index, Cbor),
    Add(Index, Cbor, Cbor),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<Index>;
    let change = prop_oneof![
        (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        (at(), cbors()).prop_map(|(at, value)| Change::Value(at, value)),
        (at(), keys()).prop_map(|(at, key)| Change::Key(at, key)),
        (at(), keys(), cbors()).prop_map(|(at, key, value)| Change::Add(at, key, value)),
    ];
    vec(change, 0..3)
}

fn change(entries: &mut Vec<(Cbor, Cbor)>, change: Change) {
    match (change, entries.len()) {
        (Change::Add(at, key, value), len) => entries.insert(at.index(len + 1), (key, value)),
        (_, 0) => {}
        (Change::Swap(a, b), len) => entries.swap(a.index(len), b.index(len)),
        (Change::Value(at, value), len) => entries[at.index(len)].1 = value,
        (Change::Key(at, key), len) => entries[at.index(len)].0 = key,
    }
}

/// How bytes are changed on their way.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Truncate(Index),
    Splice(Index, Index, Index),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<Index>;
    let damage = prop_oneof![
        (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        at().prop_map(Damage::Delete),
        at().prop_map(Damage::Truncate),
        (at(), at(), at()).prop_map(|(from, to, at)| Damage::Splice(from, to, at)),
    ];
    vec(damage, 1..4)
}

fn damage(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let len = bytes.len();
        match damage {
            Damage::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            _ if len == 0 => {}
            Damage::Flip(at, bit) => bytes[at.index(len)] ^= bit,
            Damage::Delete(at) => drop(bytes.remove(at.index(len))),
            Damage::Truncate(at) => bytes.truncate(at.index(len)),
            Damage::Splice(from, to, at) => {
                let (a, b, at) = (from.index(len), to.index(len), at.index(len));
                let piece = bytes[a.min(b)..a.max(b).min(a.min(b) + 64)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// The values with a map redacted wherever it stands.
fn without(map: &Map, id: &ObjectId) -> Map {
    map.iter().fold(Map::new(), |mut kept, (name, value)| {
        kept.insert(name.clone(), value_without(value, id));
        kept
    })
}

fn value_without(value: &Value, id: &ObjectId) -> Value {
    match value {
        Value::Map(map) if Object::from_map(map).unwrap().id() == *id => Value::Redacted(*id),
        Value::Map(map) => Value::Map(without(map, id)),
        Value::List(list) => {
            let items = list.items().iter().map(|item| value_without(item, id)).collect();
            Value::List(List::new(list.item(), items).unwrap())
        }
        value => value.clone(),
    }
}

/// Whatever is accepted has one form: decoding its parts, and building it anew from its values, give the same.
fn check_accepted(bytes: &[u8]) {
    let Ok(decoded) = Object::decode(bytes) else { return };
    assert_eq!(Object::decode(decoded.parts()).as_ref(), Ok(&decoded));
    let map = match decoded.to_map() {
        Ok(map) => map,
        Err(newer) => return assert_eq!(newer, Newer::Reference),
    };
    let again = object(map, decoded.signature().map(|signature| signature.to_vec()));
    assert_eq!((again.id(), again.block(), again.parts()), (decoded.id(), decoded.block(), decoded.parts()));
    assert_eq!(again.signature(), decoded.signature());
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn another_decoder_sees_the_values_that_were_encoded(map in maps()) {
        let object = Object::from_map(&map).unwrap();
        let mut maps = object.maps().into_iter();
        prop_assert_eq!(cbor(object.block()), expected_block(&map, &mut maps));
        prop_assert_eq!(maps.len(), 0);
        prop_assert_eq!(object.to_map(), Ok(map));
    }

    #[test]
    fn what_another_encoder_writes_is_accepted_where_it_is_canonical(map in maps(), changes in changes()) {
        let object = Object::from_map(&map).unwrap();
        let Cbor::Map(mut entries) = cbor(object.block()) else { unreachable!() };
        changes.into_iter().for_each(|c| change(&mut entries, c));
        let block = encoded(&Cbor::Map(entries));
        let accepted = Object::decode(&parts(&block, &[], &[]));
        match modelled(&cbor(&block)) {
            None => prop_assert!(accepted.is_err()),
            Some(map) => {
                let canonical = Object::from_map(&map).unwrap();
                if canonical.block() == block {
                    prop_assert_eq!(accepted.as_ref().map(Object::to_map), Ok(Ok(map)));
                    prop_assert_eq!(accepted, Ok(canonical));
                } else {
                    let not_canonical = [Malformed::KeyOrder, Malformed::FloatWidth].map(Unsound::from);
                    prop_assert!(accepted.is_err_and(|error| not_canonical.contains(&error)));
                }
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_danger(block in vec(any::<u8>(), 0..80), map in vec(any::<u8>(), 0..80)) {
        check_accepted(&block);
        check_accepted(&parts(&block, &[], &[&map]));
        check_accepted(&parts(&map, &block, &[]));
    }

    #[test]
    fn damaged_parts_are_no_danger(object in objects(), damages in damages(), map in any::<Index>()) {
        check_accepted(&damage(object.parts().to_vec(), &damages));
        let signature = object.signature().map_or(&[][..], |signature| signature);
        check_accepted(&parts(&damage(object.block().to_vec(), &damages), signature, &object.maps()));
        if object.maps().is_empty() {
            return Ok(());
        }
        // A damaged map block fits nowhere, unless the block of the object knows it.
        let mut maps = object.maps();
        let at = map.index(maps.len());
        let damaged = damage(maps[at].to_vec(), &damages);
        let wrapper = Map::new().with("m", Value::Redacted(ObjectId::of_block(&damaged))).unwrap();
        check_accepted(&parts(Object::from_map(&wrapper).unwrap().block(), &[], &[&damaged]));
        if damaged != maps[at] {
            maps[at] = &damaged;
            prop_assert_eq!(Object::decode(&parts(object.block(), signature, &maps)), Err(Unsound::StrayMap));
        }
    }

    #[test]
    fn redacted_maps_leave_the_id_and_come_back(object in objects(), dropped in vec(any::<Index>(), 1..4)) {
        let maps = object.maps();
        let ids: Vec<ObjectId> = maps.iter().map(|map| ObjectId::of_block(map)).collect();
        let mut redacted = object.clone();
        for at in dropped.iter().filter(|_| !ids.is_empty()) {
            let id = at.get(&ids);
            // A map below one that went before it is gone already.
            if let Ok(further) = redacted.redact(id) {
                prop_assert!(further.is_redacted());
                prop_assert_eq!(further.to_map(), redacted.to_map().map(|map| without(&map, id)));
                redacted = further;
            } else {
                prop_assert!(redacted.maps().iter().all(|map| ObjectId::of_block(map) != *id));
            }
        }
        prop_assert_eq!((redacted.id(), redacted.signature()), (object.id(), object.signature()));
        check_accepted(redacted.parts());
        prop_assert_eq!(Object::decode(redacted.parts()).unwrap().is_redacted(), redacted.is_redacted());
        prop_assert_eq!(redacted.restore(&[]), redacted.clone());
        let restored = redacted.restore(&maps);
        prop_assert_eq!(restored.is_redacted(), object.is_redacted());
        prop_assert_eq!(restored, object);
    }
}

/// A map as large as asked, and a list of it at several places.
fn places_of_one_map(size: usize, places: usize) -> (Vec<u8>, Object) {
    let map = Object::from_map(&Map::new().with("d", Value::Bytes(vec![7; size])).unwrap());
    let block = map.map_or_else(|_| large_block(size), |map| map.block().to_vec());
    let ids = vec![Value::Redacted(ObjectId::of_block(&block)); places];
    let list = List::new(Hint::of(Kind::Map), ids).unwrap();
    (block, Object::from_map(&Map::new().with("m", Value::List(list)).unwrap()).unwrap())
}

/// A block that is too large for an object's own.
fn large_block(size: usize) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(1);
    writer.text("d:d");
    writer.bytes(&vec![7; size]);
    writer.into_bytes()
}

#[test]
fn a_map_that_is_here_at_one_place_is_put_nowhere_else_against_the_limits() {
    let (block, object) = places_of_one_map(MAX_SIZE / 2, 3);
    let (other, _) = places_of_one_map(1, 1);
    let ids = [&block, &block, &other].map(|block| Value::Redacted(ObjectId::of_block(block)));
    let list = List::new(Hint::of(Kind::Map), ids.into()).unwrap();
    let mixed = Object::from_map(&Map::new().with("m", Value::List(list)).unwrap()).unwrap();

    let once = object.restore(&[&block]);
    assert_eq!(once.maps(), [&block]);
    assert_eq!(once.restore(&[]), once);
    assert_eq!(once.restore(&[&block]), once);
    let both = mixed.restore(&[&other, &block]);
    assert_eq!(both.maps(), [&block, &other]);
    let redacted = both.redact(&ObjectId::of_block(&other)).unwrap();
    assert_eq!(redacted.maps(), [&block]);
    assert_eq!(Object::decode(redacted.parts()), Ok(redacted));
}

#[test]
fn no_more_maps_are_restored_than_an_object_may_have() {
    let (block, object) = places_of_one_map(1, 1000);
    let one = object.restore(&[&block]);
    assert_eq!((one.maps().len(), one.is_redacted()), (1000, false));
    let list = List::new(Hint::of(Kind::Map), vec![Value::Redacted(one.id()); 6]).unwrap();
    let six = Object::from_map(&Map::new().with("m", Value::List(list)).unwrap()).unwrap();
    let full = six.restore(&[&block, one.block()]);
    assert_eq!((full.maps().len(), full.is_redacted()), (MAX_MAPS - 1, true));
    assert_eq!(Object::decode(full.parts()), Ok(full));
}
