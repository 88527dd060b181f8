use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::*;
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::codec::MAX_DEPTH;
use crate::object::draft::Draft;
use crate::object::key::Kind;
use crate::object::parts::encode;
use crate::object::value::{Float, List};

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes([byte; 32])
}

fn key() -> SigningKey {
    SigningKey::from_bytes([7; 32])
}

fn object(data: Map) -> Object {
    Draft::root("example.org/typed", [0; 16]).data(data).sign(&key()).unwrap().into_object()
}

/// The hinted keys of a map, in the order of their names.
fn keys(map: &Map) -> Vec<String> {
    map.iter().map(|(name, value)| format!("{name}:{}", value.hint())).collect()
}

/// Writes a value, and reads it again: from the map, and from an object.
#[track_caller]
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) -> Map {
    let map = to_map(&value).unwrap();
    assert_eq!(from_map::<T>(&map).unwrap(), value);
    assert_eq!(object(map.clone()).data_as::<T>().unwrap().unwrap(), value);
    map
}

#[track_caller]
fn refused<T: Serialize + ?Sized>(value: &T, path: &str, misfit: Misfit) {
    let error = to_map(value).unwrap_err();
    assert_eq!((error.path(), error.misfit()), (path, &misfit));
}

/// The path and the sentence of the error with which a map is no value of the type.
#[track_caller]
fn unread<T: DeserializeOwned + Debug>(map: &Map) -> String {
    from_map::<T>(map).unwrap_err().to_string()
}

/// A field `x` of any type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct X<T> {
    x: T,
}

fn x(value: Value) -> Map {
    Map::new().with("x", value).unwrap()
}

/// The hint that a field of this type gets.
#[track_caller]
fn hint_of<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) -> String {
    comes_back(X { x: value }).value("x").unwrap().hint().to_string()
}

#[test]
fn hints_follow_from_types() {
    assert_eq!(hint_of("text".to_string()), "s");
    assert_eq!(hint_of('€'), "s");
    assert_eq!(hint_of(true), "b");
    assert_eq!([hint_of(i8::MIN), hint_of(i16::MIN), hint_of(i32::MIN), hint_of(i64::MIN)], ["i"; 4]);
    assert_eq!([hint_of(0_i64), hint_of(i64::MAX), hint_of(-1_isize)], ["i"; 3]);
    assert_eq!([hint_of(u8::MAX), hint_of(u16::MAX), hint_of(u32::MAX), hint_of(u64::MAX)], ["u"; 4]);
    assert_eq!(hint_of(3_usize), "u");
    assert_eq!([hint_of(0.5_f32), hint_of(f32::MAX)], ["f"; 2]);
    assert_eq!([hint_of(1.0), hint_of(f64::MIN), hint_of(5e-324)], ["f"; 3]);
    assert_eq!(hint_of(Bytes(vec![0, 255])), "d");
    assert_eq!(hint_of(Bytes(vec![])), "d");
    assert_eq!(hint_of(id(1)), "r");
    assert_eq!(hint_of(key().verifying_key()), "s");
    assert_eq!(hint_of(X { x: 1 }), "m");
    assert_eq!(hint_of(BTreeMap::<String, u8>::new()), "m");
    assert_eq!(hint_of(vec![1_u8, 2]), "au");
    assert_eq!(hint_of([1_u8; 3]), "au");
    assert_eq!(hint_of(BTreeSet::from([1_i64, 2])), "ai");
    assert_eq!(hint_of(vec![id(1), id(2)]), "ar");
    assert_eq!(hint_of(vec![X { x: 1 }]), "am");
    assert_eq!(hint_of((1_i8, 2_i64)), "ai");
    assert_eq!(hint_of(vec![vec![], vec![1.5], vec![]]), "aaf");
    assert_eq!(hint_of(vec![vec![], vec![vec![], vec!["deep".to_string()]]]), "aaas");
    assert_eq!(hint_of(Some(1_u8)), "u");
    assert_eq!(hint_of(Box::new(1_u8)), "u");
}

#[test]
fn zero_has_one_sign() {
    let map = to_map(&X { x: -0.0 }).unwrap();
    assert_eq!(map, x(Value::Float(Float::new(0.0).unwrap())));
    assert!(from_map::<X<f64>>(&map).unwrap().x.is_sign_positive());
}

#[test]
fn a_float_may_have_been_written_as_an_integer() {
    // JavaScript writes the number 1 as an integer (spec 1.4).
    assert_eq!(from_map::<X<f64>>(&x(Value::Int(1))).unwrap().x, 1.0);
    assert_eq!(from_map::<X<u64>>(&x(Value::Int(1))).unwrap().x, 1);
    assert_eq!(from_map::<X<i8>>(&x(Value::Uint(1))).unwrap().x, 1);
    assert_eq!(unread::<X<u64>>(&x(Value::Int(-1))), "x: invalid value: integer `-1`, expected u64");
    assert_eq!(unread::<X<u8>>(&x(Value::Uint(256))), "x: invalid value: integer `256`, expected u8");
    let float = Value::Float(Float::new(1.0).unwrap());
    assert_eq!(unread::<X<i64>>(&x(float)), "x: invalid type: floating point `1.0`, expected i64");
}

#[test]
fn nothing_is_absent() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Absences {
        none: Option<String>,
        #[serde(default)]
        unit: (),
        unit_struct: Option<Unit>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        skipped: Vec<u8>,
        #[serde(skip)]
        never: u8,
        some: Option<Option<u8>>,
    }

    let absences = Absences { none: None, unit: (), unit_struct: None, skipped: vec![], never: 0, some: Some(Some(1)) };
    assert_eq!(keys(&comes_back(absences)), ["some:u"]);
    assert_eq!(unread::<X<()>>(&Map::new()), "missing field `x`");
    assert_eq!(unread::<X<()>>(&x(Value::Bool(true))), "x: invalid type: boolean `true`, expected unit");
}

#[test]
fn written_hints_win() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Hinted {
        #[serde(rename = "tags:as")]
        tags: Vec<String>,
        #[serde(rename = "grid:aai")]
        grid: Vec<Vec<u64>>,
        #[serde(rename = "count:i")]
        count: u64,
        #[serde(rename = "index:u")]
        index: i64,
        #[serde(rename = "hash:d")]
        hash: [u8; 32],
        #[serde(rename = "raw:d")]
        raw: Vec<u8>,
        #[serde(rename = "none:as")]
        none: Option<Vec<String>>,
        #[serde(rename = "map:m")]
        map: X<u8>,
        #[serde(rename = "maps:am")]
        maps: Vec<X<u8>>,
        #[serde(rename = "blobs:ad")]
        blobs: Vec<Vec<u8>>,
    }

    let hinted = Hinted {
        tags: vec![],
        grid: vec![vec![], vec![1]],
        count: i64::MAX as u64,
        index: 0,
        hash: [3; 32],
        raw: vec![],
        none: None,
        map: X { x: 1 },
        maps: vec![],
        blobs: vec![vec![], vec![0, 255]],
    };
    let keys = keys(&comes_back(hinted));
    let expected = ["blobs:ad", "count:i", "grid:aai", "hash:d", "index:u", "map:m", "maps:am", "raw:d", "tags:as"];
    assert_eq!(keys, expected);
}

#[test]
fn value_and_written_hint_agree() {
    let refused = |key: &'static str, value: &dyn Fn(&'static str) -> Result<Map, TypedError>, hint: &str| {
        let error = value(key).unwrap_err();
        assert_eq!((error.path(), error.misfit()), ("x", &Misfit::WrittenHint(hint.parse().unwrap())), "{key}");
    };
    refused("x:i", &|key| to_map(&BTreeMap::from([(key, u64::MAX)])), "i");
    refused("x:u", &|key| to_map(&BTreeMap::from([(key, -1)])), "u");
    refused("x:f", &|key| to_map(&BTreeMap::from([(key, 1)])), "f");
    refused("x:i", &|key| to_map(&BTreeMap::from([(key, 1.0)])), "i");
    refused("x:s", &|key| to_map(&BTreeMap::from([(key, true)])), "s");
    refused("x:r", &|key| to_map(&BTreeMap::from([(key, id(1).to_string())])), "r");
    refused("x:s", &|key| to_map(&BTreeMap::from([(key, id(1))])), "s");
    refused("x:s", &|key| to_map(&BTreeMap::from([(key, ["a"])])), "s");
    refused("x:s", &|key| to_map(&BTreeMap::from([(key, X { x: 1 })])), "s");
    refused("x:d", &|key| to_map(&BTreeMap::from([(key, [256])])), "d");
    refused("x:as", &|key| to_map(&BTreeMap::from([(key, "a")])), "as");

    let error = to_map(&BTreeMap::from([("x:as", [1])])).unwrap_err();
    assert_eq!(error.to_string(), "x[0]: the value does not agree with the hint `s` that is written with its name");
}

#[test]
fn an_entry_has_the_hint_of_its_field() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Tags {
        #[serde(rename = "tags:as", alias = "labels:as", alias = "labels")]
        tags: Vec<String>,
    }

    let tags = |name: &str, items| {
        let item = if items { Hint::of(Kind::Text) } else { Hint::of(Kind::Int) };
        Map::new().with(name, Value::List(List::new(item, vec![]).unwrap())).unwrap()
    };
    assert!(from_map::<Tags>(&tags("tags", true)).is_ok());
    assert!(from_map::<Tags>(&tags("labels", true)).is_ok());
    assert!(from_map::<Tags>(&tags("labels", false)).is_ok());
    let error = from_map::<Tags>(&tags("tags", false)).unwrap_err();
    assert_eq!(error.to_string(), "tags: the type reads `tags:as`, and the map has `tags:ai`");
    // A name that begins with that of a field is another name.
    assert_eq!(unread::<Tags>(&tags("tag", true)), "missing field `tags:as`");
}

#[test]
fn keys_of_maps() {
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Day {
        Monday,
        Sunday,
    }

    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    struct Number(u16);

    let map = comes_back(BTreeMap::from([(-1_i64, true), (i64::MIN, false)]));
    assert_eq!(keys(&map), ["-1:b", "-9223372036854775808:b"]);
    comes_back(BTreeMap::from([(i8::MIN, 1), (0, 2)]));
    comes_back(BTreeMap::from([(u64::MAX, 1), (0, 2)]));
    comes_back(BTreeMap::from([(Number(1), 1)]));
    comes_back(BTreeMap::from([(Day::Monday, 1), (Day::Sunday, 2)]));
    comes_back(BTreeMap::from([('ä', 1)]));
    comes_back(HashMap::from([("key".to_string(), "value".to_string())]));
    assert_eq!(keys(&comes_back(BTreeMap::from([(id(1), 1)]))), [format!("{}:i", id(1))]);

    refused(&BTreeMap::from([(true, 1)]), "", Misfit::KeyType);
    refused(&BTreeMap::from([((1, 2), 1)]), "", Misfit::KeyType);
    refused(&BTreeMap::from([(Some("a"), 1)]), "", Misfit::KeyType);
    refused(&BTreeMap::from([("", 1)]), "", Misfit::Key(KeyError::Name));
    refused(&BTreeMap::from([("a\n", 1)]), "a\n", Misfit::Key(KeyError::Name));
    refused(&BTreeMap::from([("a:x", 1)]), "a:x", Misfit::Key(KeyError::Hint));
    refused(&BTreeMap::from([("a:", 1)]), "a:", Misfit::Key(KeyError::Hint));
    refused(&BTreeMap::from([("a:i", 1), ("a:u", 1)]), "a", Misfit::NameRepeated);
    refused(&BTreeMap::from([("a", 1), ("a:u", 1)]), "a", Misfit::NameRepeated);

    // A number has one spelling, or two keys would be one.
    let padded = Map::new().with("01", Value::Int(1)).unwrap();
    assert!(unread::<BTreeMap<u8, i64>>(&padded).starts_with("invalid type: string \"01\", expected u8"));
}

#[test]
fn a_map_gets_names_without_hints() {
    let map = to_map(&BTreeMap::from([("tags:as", Vec::<String>::new())])).unwrap();
    assert_eq!(keys(&map), ["tags:as"]);
    let read: BTreeMap<String, Vec<String>> = from_map(&map).unwrap();
    assert_eq!(read.keys().collect::<Vec<_>>(), ["tags"]);
}

#[test]
fn lists_have_one_hint() {
    let hint = |text: &str| text.parse::<Hint>().unwrap();
    refused(&X { x: (1_i64, 1_u64) }, "x", Misfit::Mixed(hint("i")));
    refused(&X { x: (1, "a") }, "x", Misfit::Mixed(hint("i")));
    refused(&X { x: (vec![1], 1) }, "x", Misfit::Mixed(hint("ai")));
    refused(&X { x: (1, Vec::<i64>::new()) }, "x", Misfit::Mixed(hint("i")));
    refused(&X { x: (vec![vec![Vec::<u8>::new()]], vec![vec![1]]) }, "x", Misfit::Mixed(hint("i")));
    refused(&X { x: Vec::<u8>::new() }, "x", Misfit::EmptyList);
    refused(&X { x: vec![Vec::<u8>::new()] }, "x", Misfit::EmptyList);
    refused(&X { x: [0_u8; 0] }, "x", Misfit::EmptyList);
    refused(&X { x: vec![X { x: Vec::<u8>::new() }] }, "x[0].x", Misfit::EmptyList);
    refused(&X { x: vec![Some(1), None] }, "x[1]", Misfit::AbsentItem);
    refused(&X { x: vec![vec![()]] }, "x[0][0]", Misfit::AbsentItem);

    let list = to_map(&X { x: [1, 2, 3] }).unwrap();
    assert_eq!(unread::<X<(i64, i64)>>(&list), "x: invalid length 3, expected fewer elements in the list");
    assert!(unread::<X<[i64; 4]>>(&list).starts_with("x: invalid length 3"));
    assert_eq!(unread::<X<Vec<bool>>>(&list), "x[0]: invalid type: integer `1`, expected a boolean");
    let bytes = x(Value::Bytes(vec![1, 2, 3]));
    assert_eq!(unread::<X<[u8; 2]>>(&bytes), "x: invalid length 3, expected 2 elements in sequence");
}

#[test]
fn what_cannot_be_said() {
    refused(&X { x: f64::NAN }, "x", Misfit::NotFinite);
    refused(&X { x: f32::INFINITY }, "x", Misfit::NotFinite);
    refused(&X { x: 1_i128 }, "x", Misfit::Wide);
    refused(&X { x: 1_u128 }, "x", Misfit::Wide);
    refused("text", "", Misfit::NotAMap);
    refused(&[X { x: 1 }], "", Misfit::NotAMap);
    refused(&(), "", Misfit::NotAMap);
    refused(&None::<X<u8>>, "", Misfit::NotAMap);
    refused(&Redactable::<X<u8>>::Redacted(id(1)), "", Misfit::NotAMap);
    refused(&X { x: BTreeMap::from([("y", vec![X { x: f64::NAN }])]) }, "x.y[0].x", Misfit::NotFinite);
    refused(
        &X { x: Redactable::new(1, [0; 16]) },
        "x",
        Misfit::Type("can only flatten structs and maps (got an integer)".into()),
    );
    refused(&X { x: Redactable::new(BTreeMap::from([("salt", 1)]), [0; 16]) }, "x.salt", Misfit::NameRepeated);
}

#[test]
fn kinds_are_not_taken_for_one_another() {
    let text = x(Value::Text(id(1).to_string()));
    let reference = x(Value::Reference(id(1)));
    let redacted = x(Value::Redacted(id(1)));
    let bytes = x(Value::Bytes([1; 32].into()));
    for map in [&text, &redacted, &bytes] {
        assert!(unread::<X<ObjectId>>(map).ends_with("expected an id of an object"));
    }
    for map in [&reference, &redacted, &bytes] {
        assert!(unread::<X<String>>(map).ends_with("expected a string"));
    }
    for map in [&text, &reference, &redacted] {
        assert!(unread::<X<Bytes>>(map).ends_with("expected bytes"));
    }
    for map in [&text, &reference, &bytes] {
        assert!(unread::<X<X<u8>>>(map).ends_with("expected struct X"));
    }
    let error = from_map::<X<X<u8>>>(&redacted).unwrap_err();
    assert_eq!((error.path(), error.misfit()), ("x", &Misfit::Redacted(id(1))));
}

mod enums {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Outside {
        Unit,
        Newtype(u8),
        Nothing(Option<u8>),
        Tuple(u8, u8),
        Struct {
            id: ObjectId,
            text: String,
        },
        #[serde(rename = "Hinted:as")]
        Hinted(Vec<String>),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Inside {
        Unit,
        Newtype(X<i64>),
        Struct {
            id: ObjectId,
            bytes: Bytes,
            float: f32,
            list: Vec<u8>,
            map: BTreeMap<String, Option<ObjectId>>,
        },
        Hidden {
            address: Redactable<X<u8>>,
        },
        Deep(Outside),
        Hinted {
            #[serde(rename(serialize = "tags:as"))]
            tags: Vec<String>,
        },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "content")]
    enum Adjacent {
        Unit,
        Newtype(ObjectId),
        Nothing(Option<u8>),
        Tuple(u8, u8),
        Struct { id: ObjectId, address: Redactable<X<u8>> },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Id(ObjectId),
        Text(String),
        Map(X<Option<Bytes>>),
    }

    #[test]
    fn tagged_outside() {
        assert_eq!(hint_of(Outside::Unit), "s");
        assert_eq!(hint_of(Outside::Nothing(None)), "s");
        for value in [
            Outside::Newtype(1),
            Outside::Nothing(Some(1)),
            Outside::Tuple(1, 2),
            Outside::Struct { id: id(1), text: "text".into() },
            Outside::Hinted(vec![]),
        ] {
            assert_eq!(hint_of(value), "m");
        }
        assert_eq!(keys(&comes_back(Outside::Struct { id: id(1), text: "text".into() })), ["Struct:m"]);
        assert_eq!(keys(&comes_back(Outside::Hinted(vec![]))), ["Hinted:as"]);
        assert_eq!(hint_of(vec![Outside::Newtype(1), Outside::Tuple(1, 2)]), "am");

        let mixed = X { x: vec![Outside::Newtype(1), Outside::Unit] };
        refused(&mixed, "x", Misfit::Mixed(Hint::of(Kind::Map)));
    }

    #[test]
    fn a_map_that_is_no_variant() {
        let unit = || Value::Text("Unit".into());
        assert!(unread::<X<Outside>>(&x(Value::Text("Other".into()))).starts_with("x: unknown variant `Other`"));
        assert!(unread::<X<Outside>>(&x(Value::Text("Newtype".into()))).starts_with("x: invalid type: unit"));
        assert!(unread::<X<Outside>>(&x(Value::Text("Tuple".into()))).starts_with("x: invalid type: unit variant"));
        assert!(unread::<X<Outside>>(&x(Value::Int(1))).starts_with("x: invalid type: integer `1`"));
        assert!(unread::<X<Outside>>(&x(Value::Redacted(id(1)))).starts_with("x: the map bafyr4i"));
        let variant = |name: &str, value| x(Value::Map(Map::new().with(name, value).unwrap()));
        assert!(unread::<X<Outside>>(&x(Value::Map(Map::new()))).starts_with("x: invalid length 0"));
        assert!(unread::<X<Outside>>(&variant("Unit", unit())).starts_with("x.Unit: invalid type: map"));
        assert!(unread::<X<Outside>>(&variant("Newtype", unit())).starts_with("x.Newtype: invalid type: string"));
        assert!(unread::<X<Outside>>(&variant("Hinted", unit())).starts_with("x.Hinted: the type reads `Hinted:as`"));
        let two = Map::new().with("Newtype", Value::Uint(1)).unwrap().with("Somewhat", Value::Uint(1)).unwrap();
        assert!(unread::<Outside>(&two).starts_with("invalid length 2"));
    }

    #[test]
    fn tagged_inside() {
        let map = BTreeMap::from([("one".to_string(), Some(id(1)))]);
        comes_back(Inside::Unit);
        comes_back(Inside::Newtype(X { x: -1 }));
        comes_back(Inside::Struct { id: id(1), bytes: Bytes(vec![1]), float: 0.5, list: vec![1], map });
        comes_back(Inside::Hidden { address: Redactable::new(X { x: 1 }, [1; 16]) });
        comes_back(Inside::Hidden { address: Redactable::Redacted(id(1)) });
        comes_back(Inside::Hinted { tags: vec![] });
        // Serde buffers the content of such a variant, and ids in it stay references.
        let deep = comes_back(Inside::Deep(Outside::Struct { id: id(1), text: "text".into() }));
        let Some(Value::Map(content)) = deep.value("Struct") else { panic!("{deep:?}") };
        assert_eq!(keys(content), ["id:r", "text:s"]);
        assert_eq!(hint_of(vec![Inside::Unit, Inside::Newtype(X { x: 1 })]), "am");
    }

    #[test]
    fn tagged_beside() {
        comes_back(Adjacent::Unit);
        comes_back(Adjacent::Nothing(None));
        comes_back(Adjacent::Tuple(1, 2));
        comes_back(Adjacent::Struct { id: id(1), address: Redactable::new(X { x: 1 }, [1; 16]) });
        comes_back(Adjacent::Struct { id: id(1), address: Redactable::Redacted(id(2)) });
        assert_eq!(keys(&comes_back(Adjacent::Newtype(id(1)))), ["content:r", "kind:s"]);
    }

    #[test]
    fn untagged() {
        assert_eq!(hint_of(Untagged::Number(-1)), "i");
        assert_eq!(hint_of(Untagged::Id(id(1))), "r");
        assert_eq!(hint_of(Untagged::Text("text".into())), "s");
        assert_eq!(hint_of(Untagged::Map(X { x: Some(Bytes(vec![1])) })), "m");
    }

    #[test]
    fn data_that_stands_redacted_is_none_for_every_enum() {
        let whole = object(to_map(&Inside::Newtype(X { x: 1 })).unwrap());
        let redacted = whole.redact(&ObjectId::of_block(whole.maps()[0])).unwrap();
        assert_eq!(redacted.data_as::<Outside>(), Ok(None));
        assert_eq!(redacted.data_as::<Inside>(), Ok(None));
        assert_eq!(redacted.data_as::<Adjacent>(), Ok(None));
    }
}

#[test]
fn structs_may_be_flattened() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        text: String,
        #[serde(flatten)]
        inner: Inner,
        #[serde(rename(serialize = "tags:as"))]
        tags: Vec<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, u64>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        id: ObjectId,
        bytes: Bytes,
        author: VerifyingKey,
        hidden: Redactable<X<u8>>,
    }

    let map = comes_back(Outer {
        text: "text".into(),
        inner: Inner {
            id: id(1),
            bytes: Bytes(vec![1]),
            author: key().verifying_key(),
            hidden: Redactable::new(X { x: 1 }, [1; 16]),
        },
        tags: vec![],
        rest: BTreeMap::from([("more".to_string(), 1), ("most".to_string(), u64::MAX)]),
    });
    let expected = ["author:s", "bytes:d", "hidden:m", "id:r", "more:u", "most:u", "tags:as", "text:s"];
    assert_eq!(keys(&map), expected);
}

#[test]
fn newtypes_are_transparent() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Meters(f64);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair(u8, u8);

    assert_eq!(hint_of(Meters(1.5)), "f");
    assert_eq!(hint_of(Pair(1, 2)), "au");
}

#[test]
fn fields_borrow_from_the_object() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        #[serde(rename = "bytes:d")]
        bytes: &'a [u8],
        #[serde(borrow)]
        below: Vec<X<&'a str>>,
    }

    let object = object(to_map(&Borrowed { text: "here", bytes: &[1, 2], below: vec![X { x: "there" }] }).unwrap());
    let read: Borrowed<'_> = object.data_as().unwrap().unwrap();
    let parts = object.parts().as_ptr_range();
    assert_eq!((read.text, read.bytes, read.below[0].x), ("here", &[1, 2][..], "there"));
    assert!([read.text.as_ptr(), read.bytes.as_ptr(), read.below[0].x.as_ptr()].iter().all(|at| parts.contains(at)));
}

#[test]
fn redactable_maps_have_salts_and_stand_or_fall_alone() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Person {
        name: Redactable<X<String>>,
        friends: Vec<Redactable<X<String>>>,
        home: Redactable<Home>,
        after: X<u8>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Home {
        #[serde(rename = "rooms:as")]
        rooms: Vec<String>,
        safe: Option<Redactable<X<String>>>,
        #[serde(rename = "zzzzzzzzz:am")]
        last: Vec<X<u8>>,
    }

    let hidden = |text: &str, salt| Redactable::new(X { x: text.to_string() }, [salt; 16]);
    let home = Home { rooms: vec![], safe: Some(hidden("gold", 4)), last: vec![X { x: 1 }] };
    let person = Person {
        name: hidden("Ada", 1),
        friends: vec![hidden("Bob", 2), hidden("Cleo", 3)],
        home: Redactable::new(home.clone(), [5; 16]),
        after: X { x: 9 },
    };
    let map = comes_back(person.clone());
    let Some(Value::Map(name)) = map.value("name") else { panic!("{map:?}") };
    assert_eq!(name.value("salt"), Some(&Value::Bytes(vec![1; 16])));

    let whole = object(map);
    // Each redacted map is told by its id, all others are read: in the map form, too.
    for block in whole.maps() {
        let gone = ObjectId::of_block(block);
        let redacted = whole.redact(&gone).unwrap();
        let is = |map: &Redactable<_>| *map == Redactable::<X<String>>::Redacted(gone);
        match redacted.data_as::<Person>() {
            Ok(None) => assert_eq!(redacted.data_as::<Redactable<Person>>(), Ok(Some(Redactable::Redacted(gone)))),
            Err(error) => {
                assert_eq!(error.misfit(), &Misfit::Redacted(gone));
                assert!(["after", "home.zzzzzzzzz[0]"].contains(&error.path()), "{error}");
            }
            Ok(Some(read)) => {
                let mut expected = person.clone();
                if is(&read.name) {
                    expected.name = Redactable::Redacted(gone);
                } else if let Some(at) = read.friends.iter().position(is) {
                    expected.friends[at] = Redactable::Redacted(gone);
                } else if read.home == Redactable::Redacted(gone) {
                    expected.home = Redactable::Redacted(gone);
                } else {
                    let home = Home { safe: Some(Redactable::Redacted(gone)), ..home.clone() };
                    expected.home = Redactable::new(home, [5; 16]);
                }
                assert_eq!(read, expected);
                assert_eq!(from_map::<Person>(&redacted.data().unwrap()).unwrap(), expected);
                // Written again, the map has the id that it had.
                assert_eq!(object(to_map(&read).unwrap()).id(), whole.id());
            }
        }
    }
}

#[test]
fn a_redactable_map_may_lack_its_salt() {
    let map = x(Value::Map(x(Value::Uint(1))));
    let read: X<Redactable<X<u8>>> = from_map(&map).unwrap();
    assert!(matches!(&read.x, Redactable::Whole { salt, value } if salt.is_empty() && value.x == 1));
    assert_eq!(to_map(&read).unwrap(), map);
}

#[test]
fn data_as_tells_what_is_here() {
    let none = Draft::root("example.org/typed", [0; 16]).sign(&key()).unwrap().into_object();
    assert_eq!(none.data_as::<X<u8>>(), Ok(None));
    assert_eq!(none.data_as::<Redactable<X<u8>>>(), Ok(None));
    let whole = object(to_map(&X { x: 1 }).unwrap());
    assert_eq!(whole.data_as(), Ok(Some(Redactable::<X<u8>>::Whole { salt: Bytes::default(), value: X { x: 1 } })));
    assert!(whole.data_as::<X<bool>>().is_err());

    // Of another version's object too, whose maps may come before its data.
    let data = to_map(&X { x: X { x: 2 } }).unwrap();
    let newer = to_map(&X { x: vec![X { x: 1 }, X { x: 2 }] }).unwrap();
    let map = Map::new().with("a", Value::Map(newer)).unwrap().with("data", Value::Map(data)).unwrap();
    assert_eq!(Object::from_map(&map).unwrap().data_as(), Ok(Some(X { x: X { x: 2_u8 } })));
}

#[test]
fn depth_is_bounded() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Nest {
        n: Option<Box<Nest>>,
    }

    let nest = |levels| (1..levels).fold(Nest { n: None }, |below, _| Nest { n: Some(Box::new(below)) });
    // The innermost map is empty: the level above it holds the last value.
    let depth = usize::from(MAX_DEPTH);
    assert!(from_map::<Nest>(&to_map(&nest(depth + 1)).unwrap()).is_ok());
    let error = to_map(&nest(depth + 2)).unwrap_err();
    assert_eq!(error.misfit(), &Misfit::TooDeep);
    assert_eq!(to_map(&nest(1000)).map(drop).unwrap_err(), error);

    // A map that was made by hand may be deeper than any that can be signed.
    let by_hand = |levels| (1..levels).fold(Map::new(), |below, _| Map::new().with("n", Value::Map(below)).unwrap());
    assert!(from_map::<Nest>(&by_hand(depth + 1)).is_ok());
    assert_eq!(from_map::<Nest>(&by_hand(depth + 2)).unwrap_err().misfit(), &Misfit::TooDeep);
}

#[test]
fn what_is_not_read_is_passed() {
    /// Reads no value at all, whatever its type wants.
    #[derive(Debug, PartialEq)]
    struct Blind;

    impl<'de> Deserialize<'de> for Blind {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }

    /// Takes every entry, and keeps count of those that are integers.
    #[derive(Debug, PartialEq)]
    struct Lenient(u8);

    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Entries;

            impl<'de> Visitor<'de> for Entries {
                type Value = Lenient;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a map")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Lenient, A::Error> {
                    let mut integers = 0;
                    while map.next_key::<&str>()?.is_some() {
                        integers += u8::from(map.next_value::<i64>().is_ok());
                    }
                    Ok(Lenient(integers))
                }
            }

            deserializer.deserialize_map(Entries)
        }
    }

    fn lenient<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
        Ok(T::deserialize(value).ok())
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Choice {
        Pair(u8, u8),
    }

    type Deep = X<Vec<X<Vec<X<u8>>>>>;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Half {
        b: X<Blind>,
        c: Vec<Blind>,
        d: Lenient,
        #[serde(deserialize_with = "lenient")]
        e: Option<Deep>,
        #[serde(deserialize_with = "lenient")]
        f: Option<Choice>,
        #[serde(deserialize_with = "lenient")]
        g: Option<[X<IgnoredAny>; 1]>,
        z: X<u8>,
    }

    let maps = || vec![X { x: vec![X { x: 1_i64 }] }];
    let inner = Value::Map(to_map(&BTreeMap::from([("x", maps())])).unwrap());
    let mixed = to_map(&maps().remove(0)).unwrap().with("n", Value::Int(1)).unwrap().with("m", inner.clone()).unwrap();
    // Where a reader gives up, maps are still to come.
    let wrong = |numbers: [u16; 2]| vec![X { x: numbers.map(|x| X { x }) }, X { x: numbers.map(|x| X { x }) }];
    let pair = BTreeMap::from([("Pair", [wrong([1, 2]), wrong([3, 4])])]);
    let map = to_map(&BTreeMap::from([("a", maps()), ("c", maps())])).unwrap();
    let map = map.with("b", inner).unwrap().with("d", Value::Map(mixed)).unwrap();
    let map = map.with("e", Value::Map(to_map(&X { x: wrong([1, 300]) }).unwrap())).unwrap();
    let map = map.with("f", Value::Map(to_map(&pair).unwrap())).unwrap();
    let mut map = map.with("z", Value::Map(x(Value::Uint(7)))).unwrap();
    let Some(g) = to_map(&X { x: wrong([1, 2]) }).unwrap().remove("x") else { panic!("a list") };
    map = map.with("g", g).unwrap();
    let half = Half { b: X { x: Blind }, c: vec![Blind], d: Lenient(1), e: None, f: None, g: None, z: X { x: 7 } };
    assert_eq!(object(map.clone()).data_as(), Ok(Some(half)));
    // In the same way where a map is redacted, so that blocks must prove their places.
    let whole = object(map);
    for block in whole.maps().iter().skip(1) {
        let redacted = whole.redact(&ObjectId::of_block(block)).unwrap();
        if let Ok(half) = redacted.data_as::<Half>() {
            assert_eq!(half.expect("the data is here").z, X { x: 7 });
        }
    }
}

#[test]
fn unknown_entries_are_passed_or_refused_as_the_type_says() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[serde(rename = "x:i")]
        _x: i64,
    }

    let map = x(Value::Int(1)).with("y", Value::Map(x(Value::Redacted(id(1))))).unwrap();
    assert_eq!(from_map::<X<i64>>(&map), Ok(X { x: 1 }));
    assert_eq!(unread::<Strict>(&map), "unknown field `y`, expected `x:i`");
    // The salt of a redactable map is its own.
    let salted = X { x: Redactable::new(BTreeMap::from([("x:i".to_string(), 1_i64)]), [1; 16]) };
    assert!(from_map::<X<Redactable<Strict>>>(&to_map(&salted).unwrap()).is_ok());
}

#[test]
fn notes_are_in_no_object() {
    let noted = BTreeMap::from([("_seen".to_string(), true), ("x".to_string(), false)]);
    let map = to_map(&noted).unwrap();
    assert_eq!(keys(&map), ["_seen:b", "x:b"]);
    assert_eq!(from_map(&map), Ok(BTreeMap::from([("x".to_string(), false)])));
}

#[test]
fn other_formats() {
    let json = |value: &X<ObjectId>| serde_json::to_string(value).unwrap();
    let reference = X { x: id(1) };
    assert_eq!(json(&reference), format!(r#"{{"x":"{}"}}"#, id(1)));
    assert_eq!(serde_json::from_str::<X<ObjectId>>(&json(&reference)).unwrap(), reference);
    assert!(serde_json::from_str::<X<ObjectId>>(r#"{"x":"bafy"}"#).is_err());

    let mut cbor = Vec::new();
    ciborium::into_writer(&reference, &mut cbor).unwrap();
    assert_eq!(ciborium::from_reader::<X<ObjectId>, _>(cbor.as_slice()).unwrap(), reference);

    for map in [Redactable::new(X { x: 1 }, [0; 16]), Redactable::Redacted(id(1))] {
        let text = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<Redactable<X<u8>>>(&text).unwrap(), map);
    }
    let bytes = serde_json::to_string(&Bytes(vec![1, 2])).unwrap();
    assert_eq!(serde_json::from_str::<Bytes>(&bytes).unwrap(), Bytes(vec![1, 2]));

    // What takes anything takes data, as text where JSON has no kind of its own.
    let map = to_map(&reference).unwrap();
    assert_eq!(from_map::<serde_json::Value>(&map).unwrap(), serde_json::json!({ "x": id(1).to_string() }));
}

/// The oracle encodes the struct by its own serde implementation: the keys stand in the order of canonical bytes.
#[test]
fn blocks_are_as_another_encoder_writes_them() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Canonical {
        #[serde(rename = "n:i")]
        n: i64,
        #[serde(rename = "u:u")]
        u: u64,
        #[serde(rename = "done:b")]
        done: bool,
        #[serde(rename = "text:s")]
        text: String,
        #[serde(rename = "bytes:d")]
        bytes: Bytes,
        #[serde(rename = "list:ai")]
        list: Vec<i64>,
        #[serde(rename = "grid:aas")]
        grid: Vec<Vec<String>>,
    }

    let mut n = 1_i64;
    while let Some(next) = n.checked_mul(-3) {
        n = next;
        let canonical = Canonical {
            n,
            u: n.unsigned_abs(),
            bytes: Bytes(vec![1; n.unsigned_abs() as usize % 300]),
            done: n > 0,
            list: vec![n, -n, n >> 7, 0],
            text: "ß".repeat(n.unsigned_abs() as usize % 300),
            grid: vec![vec![], vec!["a".into(), "".into()]],
        };
        let mut theirs = Vec::new();
        ciborium::into_writer(&canonical, &mut theirs).unwrap();
        assert_eq!(encode(&comes_back(canonical), 1, &mut Vec::new()).unwrap(), theirs);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    text: String,
    char: char,
    flag: bool,
    ints: (i8, i16, i32, i64),
    uints: (u8, u16, u32, u64),
    float: f64,
    narrow: f32,
    bytes: Bytes,
    id: Option<ObjectId>,
    #[serde(rename = "raw:d")]
    raw: Vec<u8>,
    #[serde(rename = "flags:ab")]
    flags: Vec<bool>,
    #[serde(rename = "grid:aaf")]
    grid: Vec<Vec<f64>>,
    names: BTreeMap<String, i64>,
    numbers: BTreeMap<u32, ObjectId>,
    choice: Choice,
    #[serde(rename = "below:am")]
    below: Vec<Redactable<Everything>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Nothing,
    One(Option<u64>),
    Two(i64, i64),
    Named { text: String, id: ObjectId },
}

fn everything() -> impl Strategy<Value = Everything> {
    let float = || (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL).prop_map(|float| float + 0.0);
    let id = || any::<[u8; 32]>().prop_map(ObjectId::from_bytes);
    let choice = prop_oneof![
        Just(Choice::Nothing),
        any::<Option<u64>>().prop_map(Choice::One),
        any::<(i64, i64)>().prop_map(|(a, b)| Choice::Two(a, b)),
        (any::<String>(), id()).prop_map(|(text, id)| Choice::Named { text, id }),
    ];
    let scalars = (any::<(String, char, bool)>(), any::<(i8, i16, i32, i64)>(), any::<(u8, u16, u32, u64)>());
    let floats = (float(), prop::num::f32::NORMAL, prop::collection::vec(prop::collection::vec(float(), 0..3), 0..3));
    let bytes = (any::<Vec<u8>>(), any::<Vec<u8>>(), any::<Vec<bool>>());
    let maps = (
        prop::collection::btree_map("[^_:\\p{Cc}][^:\\p{Cc}]{0,20}", any::<i64>(), 0..5),
        prop::collection::btree_map(any::<u32>(), id(), 0..5),
    );
    let leaf = (scalars, floats, bytes, maps, choice, prop::option::of(id())).prop_map(
        |((text, ints, uints), (float, narrow, grid), (bytes, raw, flags), (names, numbers), choice, id)| {
            let (text, char, flag) = text;
            let bytes = Bytes(bytes);
            let below = vec![];
            Everything {
                text,
                char,
                flag,
                ints,
                uints,
                float,
                narrow,
                bytes,
                id,
                raw,
                flags,
                grid,
                names,
                numbers,
                choice,
                below,
            }
        },
    );
    leaf.prop_recursive(3, 8, 3, |inner| {
        let redactable = prop_oneof![
            (inner.clone(), any::<[u8; 16]>()).prop_map(|(value, salt)| Redactable::new(value, salt)),
            any::<[u8; 32]>().prop_map(|id| Redactable::Redacted(ObjectId::from_bytes(id))),
        ];
        (inner, prop::collection::vec(redactable, 0..3)).prop_map(|(value, below)| Everything { below, ..value })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn everything_comes_back(value in everything()) {
        let map = to_map(&value).unwrap();
        prop_assert_eq!(&from_map::<Everything>(&map).unwrap(), &value);
        let object = object(map.clone());
        prop_assert_eq!(object.data().unwrap(), map);
        prop_assert_eq!(object.data_as::<Everything>().unwrap().unwrap(), value);
        prop_assert!(object.data_as::<IgnoredAny>().unwrap().is_some());
    }
}

#[test]
fn a_map_comes_back_with_its_hints() {
    let list = |item: Hint, items| Value::List(List::new(item, items).unwrap());
    let below = Map::new().with("n", Value::Uint(1)).unwrap();
    let all = [
        ("t", Value::Text("text".into())),
        ("i", Value::Int(1)),
        ("u", Value::Uint(1)),
        ("f", Value::Float(Float::new(1.0).unwrap())),
        ("b", Value::Bool(true)),
        ("d", Value::Bytes(vec![1, 2])),
        ("r", Value::Reference(id(3))),
        ("m", Value::Map(below.clone())),
        ("none", list(Hint::of(Kind::Uint), vec![])),
        ("maps", list(Hint::of(Kind::Map), vec![Value::Map(below), Value::Map(Map::new())])),
        ("ids", list(Hint::of(Kind::Reference), vec![Value::Reference(id(4))])),
    ];
    let map = all.into_iter().fold(Map::new(), |map, (name, value)| map.with(name, value).unwrap());
    assert_eq!(keys(&map), keys(&comes_back(map.clone())));
    assert_eq!(comes_back(X { x: map.clone() }).value("x"), Some(&Value::Map(map.clone())));
    comes_back(X { x: vec![map.clone(), Map::new()] });
    comes_back(X { x: Some(map.clone()) });

    let json = serde_json::to_string(&map).unwrap();
    assert_eq!(serde_json::from_str::<Map>(&json).unwrap(), map);
    for wrong in [r#"{"a":1}"#, r#"{"a:x":1}"#, r#"{"a:s":1}"#, r#"{"a:s":"1","a:i":1}"#, r#"{"a:am":[1]}"#, "1"] {
        serde_json::from_str::<Map>(wrong).unwrap_err();
    }
}

#[test]
fn what_is_redacted_below_a_map_stays_so() {
    let secret = Map::new().with("a", Value::Uint(1)).unwrap().salted([1; 16]);
    let data = x(Value::Map(Map::new().with("secret", Value::Map(secret)).unwrap()));
    let object = object(data);
    let secret = ObjectId::of_block(object.maps().last().unwrap());
    let read: X<Map> = object.redact(&secret).unwrap().data_as().unwrap().unwrap();
    assert_eq!(read.x.value("secret"), Some(&Value::Redacted(secret)));
    assert_eq!(to_map(&read).unwrap().value("x"), Some(&Value::Map(read.x)));
    let outer = ObjectId::of_block(object.maps()[1]);
    object.redact(&outer).unwrap().data_as::<X<Map>>().unwrap_err();
}
