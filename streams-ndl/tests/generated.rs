//! Objects of every kind of field, read and written by the types of Rust. Python and JavaScript read and write the same
//! objects, from the file that `STREAMS_WRITE=1` writes here.

use std::{env, fs};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use streams_core::schema::definition::Definition;
use streams_core::{Bytes, Draft, Map, Object, ObjectId, SigningKey, Value, to_map};

mod everything {
    streams_ndl::include_ndl!("../streams-core/tests/definitions/everything.ndl");
}

use everything::{DEFINITION, EverythingCreated, EverythingOdd, EverythingPerson, EverythingSaid, Tag};

const OBJECTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../streams-core/tests/definitions/objects.json");

/// An object of the file: its type, its text form, and the id of its data, which any rewriting must meet.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    r#type: String,
    object: serde_json::Value,
    data: ObjectId,
}

fn case(r#type: &str, value: &impl Serialize) -> Case {
    let draft = Draft::root(r#type, [0; 16]).data(to_map(value).unwrap());
    let object = draft.sign(&SigningKey::from_bytes([7; 32])).unwrap().into_object();
    let json = serde_json::from_str(&object.to_json().unwrap()).unwrap();
    let data = ObjectId::of_block(object.maps()[0]);
    Case { r#type: r#type.into(), object: json, data }
}

fn cases() -> Vec<Case> {
    let id = |byte| ObjectId::from_bytes([byte; 32]);
    let ada = EverythingPerson { name: "Ada".into(), parent: None, friends: vec![] };
    let bo = EverythingPerson { name: "Bo".into(), parent: Some(Box::new(ada.clone())), friends: vec![ada.clone()] };
    let extra = Map::new().with("word", Value::Text("free".into())).unwrap();
    let least = EverythingSaid {
        text: String::new(),
        count: i64::MIN,
        count_of_all: u64::MAX,
        ratio: 1.0,
        is_public: false,
        picture: Bytes::default(),
        extra: Map::new(),
        answers: id(1),
        at: 0,
        by: ada.clone(),
        note: None,
        size: None,
        weight: None,
        cites: None,
        witness: None,
        names: vec![],
        counts: vec![],
        sizes: vec![],
        ratios: vec![],
        flags: vec![],
        pictures: vec![],
        extras: vec![],
        depends_on: vec![],
        people: vec![],
        tags: None,
        others: None,
        elsewhere: None,
    };
    let most = EverythingSaid {
        text: "ä\n\"".into(),
        count: -1,
        count_of_all: 1 << 53,
        ratio: -0.5,
        is_public: true,
        picture: Bytes::from([0, 255]),
        extra: extra.clone(),
        answers: id(2),
        at: 1_795_266_300_000,
        by: bo.clone(),
        note: Some("note".into()),
        size: Some(0),
        weight: Some(2.0),
        cites: Some(id(3)),
        witness: Some(ada.clone()),
        names: vec!["a".into(), String::new()],
        counts: vec![1, -1, i64::MAX],
        sizes: vec![0, u64::MAX],
        ratios: vec![1.0, 1e300],
        flags: vec![true, false],
        pictures: vec![Bytes::default(), Bytes::from([1])],
        extras: vec![extra.clone(), Map::new()],
        depends_on: vec![id(4), id(5)],
        people: vec![bo, ada],
        tags: Some(vec![]),
        others: Some(vec![]),
        elsewhere: Some(extra),
    };
    let odd = EverythingOdd {
        r#type: "type".into(),
        self_: 1,
        class: true,
        a_b_c_d_e: vec![],
        n9lives: 9,
        from: Some(Bytes::from([9])),
    };
    vec![
        case(EverythingCreated::TYPE, &EverythingCreated {}),
        case(EverythingSaid::TYPE, &least),
        case(EverythingSaid::TYPE, &most),
        case(EverythingOdd::TYPE, &odd),
        case(Tag::TYPE, &Tag { label: "label".into() }),
    ]
}

/// Reads and writes an object, which stays the same.
fn rewritten<T: DeserializeOwned + Serialize>(object: &Object) -> Map {
    to_map(&object.data_as::<T>().unwrap().expect("it has data")).unwrap()
}

#[test]
fn what_is_written_is_read_and_written_again() {
    let cases = cases();
    if env::var_os("STREAMS_WRITE").is_some() {
        fs::write(OBJECTS, serde_json::to_string_pretty(&cases).unwrap() + "\n").unwrap();
    }
    let written: Vec<Case> = serde_json::from_str(&fs::read_to_string(OBJECTS).unwrap()).unwrap();
    assert_eq!(written, cases);
    let definition = Definition::parse(DEFINITION).unwrap();
    for case in written {
        let object = Object::from_json(&case.object.to_string()).unwrap();
        let data = match case.r#type.as_str() {
            EverythingCreated::TYPE => rewritten::<EverythingCreated>(&object),
            EverythingSaid::TYPE => rewritten::<EverythingSaid>(&object),
            EverythingOdd::TYPE => rewritten::<EverythingOdd>(&object),
            Tag::TYPE => rewritten::<Tag>(&object),
            other => panic!("{other}"),
        };
        assert_eq!(Some(&data), object.data().as_ref());
        assert_eq!(definition.fits(&case.r#type, &data), Ok(()));
    }
}
