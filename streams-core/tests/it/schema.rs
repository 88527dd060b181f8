//! The definition language: what the proposal declares, what is refused and with what words, and one form for each meaning.

use std::fmt::Write as _;
use std::{env, fs};

use proptest::collection::vec;
use proptest::prelude::*;
use streams_core::schema::definition::{Definition, FieldType, KEYWORDS};
use streams_core::schema::differ::Difference;
use streams_core::schema::fit::Unlike;
use streams_core::{Kind, Map, Name, ObjectId, Value};

const PROFILE: &str = "stream nimona.io/profile {
    hypothetical root object Created { }

    signed object NameUpdated {
        nameFirst string
        nameLast string
        dependsOn repeated relationship
    }
}
";

#[test]
fn the_profile_of_the_proposal() {
    let definition = Definition::parse(PROFILE).unwrap();
    assert_eq!(definition.to_string(), PROFILE);
    let stream = definition.stream("nimona.io/profile").unwrap();
    assert_eq!(stream.root().r#type(), "nimona.io/profile.Created");
    assert!(stream.root().is_hypothetical());
    let updated = definition.object("nimona.io/profile.NameUpdated").unwrap();
    let hints: Vec<_> = updated.fields().iter().map(|field| format!("{}:{}", field.name(), field.hint())).collect();
    assert_eq!(hints, ["nameFirst:s", "nameLast:s", "dependsOn:ar"]);
}

#[test]
fn the_messages_of_the_proposal() {
    for (name, fields) in [
        ("StreamRequest", "nonce string leaves repeated nimona.io/object.Hash"),
        ("StreamResponse", "nonce string children repeated nimona.io/object.Hash"),
        ("Announcement", "nonce string leaves repeated nimona.io/object.Hash"),
        ("Subscription", "rootHashes nimona.io/object.Hash expiry nimona.io/object.DateTime"),
    ] {
        let text = format!("    signed object nimona.io/stream.{name} {{\n {fields}\n    }}\n");
        let definition = Definition::parse(&text).unwrap();
        let object = definition.object(&format!("nimona.io/stream.{name}")).unwrap();
        assert_eq!(object.fields().len(), 2);
        assert_eq!(object.fields()[1].hint().kind(), if name == "Subscription" { Kind::Uint } else { Kind::Reference });
    }
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let at_once = Definition::parse("object a.B { name string// of the name\n}").unwrap();
    assert_eq!(at_once.to_string(), "object a.B {\n    name string // of the name\n}\n");
    let untidy = "// of the file

package example.org // of the package
import example.org/other other
/* of the stream,
   in two lines */ stream example.org/list { // opening
  // of the root
root object Created { } // behind the root
    event /* odd */ Added { optional text /* before the type */ string // of the text
        tags repeated other.Tag
        // before the end
    } // behind
    // at the end of the stream
}
// at the end";
    let tidy = "// of the file
package example.org // of the package

import example.org/other other

/* of the stream,
   in two lines */
// opening
stream example.org/list {
    // of the root
    root object Created { } // behind the root

    // odd
    event Added {
        // before the type
        optional text string // of the text
        tags repeated other.Tag
        // before the end
    } // behind

    // at the end of the stream
}

// at the end
"
    .replace("// odd", "/* odd */")
    .replace("// before the type", "/* before the type */");
    let definition = Definition::parse(untidy).unwrap();
    assert_eq!(definition.to_string(), tidy);
    assert_eq!(Definition::parse(&tidy).unwrap(), definition);
    let added = definition.object("example.org/list.Added").unwrap();
    assert_eq!(added.fields()[0].documentation(), ["before the type", "of the text"]);
    assert_eq!(definition.streams().next().unwrap().documentation(), ["of the stream,", "in two lines", "opening"]);
    assert_eq!(*added.fields()[1].r#type(), FieldType::Object("example.org/other.Tag".into()));
}

/// `STREAMS_WRITE=1` writes down what is said now; then look at every word of it.
#[test]
fn what_is_refused_and_with_what_words() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/schema/refusals.txt");
    let (mut told, mut cases) = (String::new(), 0);
    let before = fs::read_to_string(path).unwrap();
    for case in before.split("<<<\n").skip(1) {
        let text = case.split("\n>>>").next().unwrap();
        let faults = Definition::parse(text).expect_err(text);
        write!(told, "<<<\n{text}\n>>>\n{faults}\n\n").unwrap();
        cases += 1;
    }
    if env::var_os("STREAMS_WRITE").is_some() {
        fs::write(path, &told).unwrap();
    }
    assert_eq!(before, told);
    assert!(cases >= 100, "{cases}");
}

#[test]
fn what_fits_and_what_does_not() {
    let definition = Definition::parse(
        "stream a/b {
            root object Created { }
            event Added { text string optional tags repeated Tag at nimona.io/object.DateTime }
            object Tag { name string }
        }",
    )
    .unwrap();
    let fits = |data: &str| {
        let data = Value::Map(map(data));
        let Value::Map(data) = data else { unreachable!() };
        definition.fits("a/b.Added", &data).map_err(|unlike| unlike.to_string())
    };
    assert_eq!(fits("text=s at=u"), Ok(()));
    assert_eq!(fits("text=s at=u salt=d"), Ok(()));
    assert_eq!(fits("text=s at=u tags=[name]"), Ok(()));
    assert_eq!(fits("text=s").unwrap_err(), "at is missing, which must be there");
    assert_eq!(fits("text=u at=u").unwrap_err(), "text has the hint u, and should have s");
    assert_eq!(fits("text=s at=u more=s").unwrap_err(), "more is there, and is not defined");
    assert_eq!(fits("text=s at=u tags=[other]").unwrap_err(), "tags[0].name is missing, which must be there");
    assert_eq!(definition.fits("a/b.Other", &Map::new()), Err(Unlike::Type("a/b.Other".into())));
}

/// A map of `name=hint` and `name=[field of a map in a list]`.
fn map(entries: &str) -> Map {
    let mut map = Map::new();
    for entry in entries.split(' ') {
        let (name, value) = entry.split_once('=').unwrap();
        let value = match value {
            "s" => Value::Text("text".into()),
            "u" => Value::Uint(7),
            "d" => Value::Bytes(vec![1; 16]),
            list => {
                let field = list.trim_matches(['[', ']']);
                let item = Value::Map(self::map(&format!("{field}=s")));
                Value::List(streams_core::List::new(item.hint(), vec![item]).unwrap())
            }
        };
        map.insert(Name::new(name).unwrap(), value);
    }
    map
}

#[test]
fn what_stands_redacted_fits() {
    let definition = Definition::parse("object a.B { c a.C }\nobject a.C { d int }").unwrap();
    let redacted = Map::new().with("c", Value::Redacted(ObjectId::from_bytes([1; 32]))).unwrap();
    assert_eq!(definition.fits("a.B", &redacted), Ok(()));
}

#[test]
fn what_breaks_and_what_does_not() {
    let first = Definition::parse("stream a/b { root object A { } event B { x int optional y int } }").unwrap();
    let compatible = |text: &str| {
        let differences = first.differences(&Definition::parse(text).unwrap());
        (differences.len(), differences.iter().all(Difference::is_compatible))
    };
    let same = "// other comments\nstream a/b { root object A { } event B { optional y int x int } }";
    assert_eq!(compatible(same), (0, true));
    let more = "stream a/b { root object A { } event B { x int optional y int optional z int } event C { } }";
    assert_eq!(compatible(more), (2, true));
    for (text, differences) in [
        ("stream a/b { root object A { } }", 1),
        ("stream a/b { root object A { } event B { x int } }", 1),
        ("stream a/b { root object A { } event B { x int y int } }", 1),
        ("stream a/b { root object A { } event B { optional x int optional y int } }", 1),
        ("stream a/b { root object A { } event B { x uint optional y int } }", 1),
        ("stream a/b { root object A { } event B { x repeated int optional y int } }", 1),
        ("stream a/b { root object A { } event B { x int optional y int z int } }", 1),
        ("stream a/b { hypothetical root object A { } event B { x int optional y int } }", 1),
        ("stream a/c { root object A { } event B { x int optional y int } }", 4),
    ] {
        assert_eq!(compatible(text), (differences, false), "{text}");
    }
}

#[test]
fn one_type_is_not_defined_twice() {
    let faults = Definition::parse("stream a/b { root object C { } event D { } }\nobject a/b.D { }").unwrap_err();
    assert_eq!(faults.to_string(), "2:8: an object is called `a/b.D` twice");
    assert_eq!(faults.first().what.code(), "twice");
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9]{0,6}".prop_filter("no keyword", |name| !KEYWORDS.contains(&name.as_str()))
}

fn comment() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(" ".to_owned()),
        2 => Just("\n\n".to_owned()),
        1 => "[ -)+-~]{0,12}".prop_map(|text| format!(" // {text}\n")),
        1 => "[ -)+-~\n]{0,12}".prop_map(|text| format!(" /* {text} */ ")),
    ]
}

/// A valid text in any form.
fn text() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(vec!["string", "int", "uint", "float", "bool", "data", "map", "relationship"]);
    let field = (any::<bool>(), any::<bool>(), kind, vec(comment(), 5));
    let object = (any::<bool>(), any::<bool>(), vec(field, 0..4), vec(comment(), 6));
    let stream = (name(), vec(object, 0..4), vec(comment(), 6));
    (vec(stream, 0..3), vec(comment(), 2)).prop_map(|(streams, gaps)| {
        let mut text = gaps[0].clone();
        for (number, (name, objects, gaps)) in streams.into_iter().enumerate() {
            let [a, b, c, d, e, f] = gaps.try_into().unwrap();
            write!(text, "{a}stream{b}{name}/{number}{c}{{{d}root{e}object Created {{{f}}}").unwrap();
            for (number, (event, signed, fields, gaps)) in objects.into_iter().enumerate() {
                let [a, b, c, d, e, f] = gaps.try_into().unwrap();
                let (signed, kind) = (if signed { "signed" } else { "" }, if event { "event" } else { "object" });
                write!(text, "{a}{signed}{b}{kind}{c}O{number}{d}{{{e}").unwrap();
                for (number, (optional, repeated, kind, gaps)) in fields.into_iter().enumerate() {
                    let [a, b, c, d, e] = gaps.try_into().unwrap();
                    let (optional, repeated) =
                        (if optional { "optional" } else { "" }, if repeated { "repeated" } else { "" });
                    write!(text, "{a}{optional}{b}f{number}{c}{repeated}{d}{kind}{e}").unwrap();
                }
                write!(text, "{f}}}").unwrap();
            }
            text.push('}');
        }
        text + &gaps[1]
    })
}

proptest! {
    #[test]
    fn printed_and_parsed_it_is_the_same(text in text()) {
        let definition = Definition::parse(&text).map_err(|faults| TestCaseError::fail(format!("{text}\n{faults}")))?;
        let printed = definition.to_string();
        let again = Definition::parse(&printed).map_err(|faults| TestCaseError::fail(format!("{printed}\n{faults}")))?;
        prop_assert_eq!(&definition, &again, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = Definition::parse(&text);
    }

    #[test]
    fn any_text_of_its_words_is_answered(words in vec(prop::sample::select(
        KEYWORDS.iter().copied().chain(["{", "}", "a", "a/b.C", "//", "/*", "*/", "\n", "ä"]).collect::<Vec<_>>()), 0..40)
    ) {
        if let Ok(definition) = Definition::parse(&words.join(" ")) {
            prop_assert_eq!(&Definition::parse(&definition.to_string()).unwrap(), &definition);
        }
    }
}
