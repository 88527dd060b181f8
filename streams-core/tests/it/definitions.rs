//! Streams that are held to a definition, and the types that are made of one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use streams_core::node::NodeError;
use streams_core::schema::definition::Definition;
use streams_core::schema::fit::Unlike;
use streams_core::schema::generate::Language;
use streams_core::stream::define::Hold;
use streams_core::{
    AppendError, Authentic, Draft, HashKey, HypotheticalRoot, Ingested, Map, MemoryStore, Node, Rejected, Rule,
    SigningKey, Stream, Value,
};

const LIST: &str = "import archive/stream archive
    stream a/list { root object Created { } event Added { text string } }
    stream a/other { root object Created { } event Added { } }
    object a/loose.Note { }";

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes([byte; 32])
}

fn list() -> Stream {
    let policies = [Rule::invite(&key(2).verifying_key())];
    let root = Draft::root("a/list.Created", [0; 16]).policies(policies).sign(&key(1)).unwrap();
    Stream::open(root, HashKey::from_bytes([1; 16])).unwrap()
}

fn text(text: &str) -> Map {
    Map::new().with("text", Value::Text(text.into())).unwrap()
}

#[test]
fn what_is_written_here_is_held_to_the_definition() {
    let mut stream = list();
    stream.hold_to(Definition::parse(LIST).unwrap().into(), Hold::Own).unwrap();
    let mut refused = |r#type: &str, data: Map| {
        let before = stream.len();
        let error = stream.by(&key(1)).append(r#type, data).unwrap_err();
        assert_eq!(stream.len(), before);
        let AppendError::Rejected(rejected) = error else { panic!("{error}") };
        assert_eq!(rejected.fate(), "newer");
        rejected.code()
    };
    assert_eq!(refused("a/list.Removed", Map::new()), "undefined-type");
    assert_eq!(refused("a/other.Added", Map::new()), "undefined-type");
    assert_eq!(refused("a/list.Created", Map::new()), "undefined-place");
    assert_eq!(refused("a/list.Added", Map::new()), "field-missing");
    assert_eq!(refused("a/list.Added", Map::new().with("text", Value::Uint(1)).unwrap()), "field-hint");
    assert_eq!(refused("a/list.Added", text("milk").with("more", Value::Bool(true)).unwrap()), "field-undefined");
    for (r#type, data) in
        [("a/list.Added", text("milk")), ("a/loose.Note", Map::new()), ("archive/stream.Deal", text(""))]
    {
        stream.by(&key(1)).append(r#type, data).unwrap();
    }
    stream.by(&key(1)).govern([Rule::remove(&key(3).verifying_key())]).unwrap();
    stream.by(&key(1)).checkpoint().unwrap();
}

/// What another replica, which is held to nothing, wrote: one that does not fit, and one that follows it and does.
fn of_another() -> (Stream, [Authentic; 2]) {
    let mut other = list();
    let odd = other.by(&key(2)).append("a/list.Odd", Map::new()).unwrap();
    let even = other.by(&key(2)).append("a/list.Added", text("milk")).unwrap();
    (other, [odd, even])
}

#[test]
fn what_others_write_is_held_to_it_where_one_asks() {
    let (other, [odd, even]) = of_another();
    let definition: Arc<Definition> = Definition::parse(LIST).unwrap().into();

    let mut own = list();
    own.hold_to(definition.clone(), Hold::Own).unwrap();
    own.ingest(odd.object().parts(), 0).unwrap();
    own.ingest(even.object().parts(), 0).unwrap();
    assert_eq!(own.order_digest(), other.order_digest());

    let mut all = list();
    all.hold_to(definition, Hold::All).unwrap();
    let parts = [&**odd.object().parts(), &**even.object().parts()];
    let answers = all.ingest_batch(parts, 0);
    assert_eq!(answers[0].as_ref().unwrap_err().code(), "undefined-type");
    assert_eq!(answers[1], Ok(Ingested::Pending { missing: vec![odd.id()] }));
    assert!(all.refused().is_empty(), "others may have it");
    // A later definition knows it, and what waited comes in.
    let later = LIST.replace("event Added { text string } }", "event Added { text string } event Odd { } }");
    all.hold_to(Definition::parse(&later).unwrap().into(), Hold::All).unwrap();
    assert_eq!(all.admit(odd.clone(), 0), Ok(Ingested::Admitted { then: vec![even.id()] }));
    assert_eq!(all.order_digest(), other.order_digest());
    // What is here is here, whatever it is held to.
    all.hold_to(Definition::parse(LIST).unwrap().into(), Hold::All).unwrap();
    assert_eq!(all.ingest(odd.object().parts(), 0), Ok(Ingested::Known));
}

#[test]
fn a_root_is_as_it_is_defined() {
    let definition: Arc<Definition> =
        Definition::parse("stream a/list { hypothetical root object Created { } }").unwrap().into();
    let unlike = list().hold_to(definition.clone(), Hold::Own).unwrap_err();
    assert_eq!(unlike.code(), "undefined-place");
    let root = HypotheticalRoot::new("a/list.Created", key(1).verifying_key()).unwrap();
    let mut stream = Stream::open(root, HashKey::from_bytes([1; 16])).unwrap();
    stream.hold_to(definition.clone(), Hold::Own).unwrap();
    let other = HypotheticalRoot::new("a/other.Created", key(1).verifying_key()).unwrap();
    let unlike = Stream::open(other, HashKey::from_bytes([1; 16])).unwrap().hold_to(definition, Hold::Own).unwrap_err();
    assert_eq!(unlike, Unlike::Type("a/other.Created".into()));
}

#[test]
fn a_node_holds_the_streams_of_a_definition_to_it() {
    pollster::block_on(async {
        let hash_key = HashKey::from_bytes([1; 16]);
        let store = Arc::new(MemoryStore::new([2; 16], hash_key));
        let definition: Arc<Definition> = Definition::parse(LIST).unwrap().into();
        let (other, [odd, _]) = of_another();

        // What came before the definition stays.
        let free = Node::new(store.clone(), hash_key);
        let root = other.object(&other.id()).unwrap();
        let stream = free.create(Draft::root("a/list.Created", [9; 16]).sign(&key(1)).unwrap()).await.unwrap();
        free.write(stream, |stream| stream.by(&key(1)).append("a/list.Odd", Map::new()).map(drop))
            .await
            .unwrap()
            .unwrap();

        let node = Node::new(store, hash_key).with_definition(definition, Hold::All);
        assert_eq!(node.read(stream, Stream::len).await.unwrap(), 2);
        let refused = node.write(stream, |stream| stream.by(&key(1)).append("a/list.Odd", Map::new()).map(drop)).await;
        assert!(refused.unwrap().is_err());

        let id = node.create(root).await.unwrap();
        let answers = node.ingest(id, &[odd.object().parts()], 0).await.unwrap();
        assert!(matches!(answers[0], Err(Rejected::Unlike(Unlike::Type(_)))));

        let unlike = Draft::root("a/list.Created", [8; 16]).data(text("milk")).sign(&key(1)).unwrap();
        assert!(matches!(node.create(unlike).await, Err(NodeError::Unlike(Unlike::Additional { .. }))));
        // One that is here already stays as it is.
        let kept = free.create(Draft::root("a/list.Created", [7; 16]).data(text("milk")).sign(&key(1)).unwrap());
        let kept = kept.await.unwrap();
        let again = Draft::root("a/list.Created", [7; 16]).data(text("milk")).sign(&key(1)).unwrap();
        assert_eq!(node.create(again).await.unwrap(), kept);
        let of_no_definition = Draft::root("b/any", [0; 16]).sign(&key(1)).unwrap();
        let id = node.create(of_no_definition).await.unwrap();
        node.write(id, |stream| stream.by(&key(1)).append("b/any.Thing", text("")).map(drop)).await.unwrap().unwrap();
    });
}

/// `STREAMS_WRITE=1` writes down what is generated now; the tests of each language read it.
#[test]
fn what_is_generated_is_as_it_was_and_as_formatters_leave_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/definitions");
    let definition = Definition::parse(&fs::read_to_string(folder.join("everything.ndl")).unwrap()).unwrap();
    for (language, ending) in [(Language::Rust, "rs"), (Language::Python, "py"), (Language::TypeScript, "ts")] {
        let path = folder.join(format!("everything.{ending}"));
        let generated = definition.generate(language).unwrap();
        if env::var_os("STREAMS_WRITE").is_some() {
            fs::write(&path, &generated).unwrap();
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), generated);
    }
    let rust = folder.join("everything.rs");
    let formats = ["--check", "--edition", "2024", "--config", "max_width=100"];
    assert!(Command::new("rustfmt").args(formats).arg(rust).status().unwrap().success());
}

#[test]
fn names_that_would_be_one_are_told() {
    for (text, clash) in [
        ("object a/b.C { x_y int xY int }", "`x_y` and `xY` would both be called `x_y`: rename one of them"),
        (
            "stream a/b { root object C { } }\nstream c/b { root object C { } }",
            "`a/b.C` and `c/b.C` would both be called `BC`: rename one of them",
        ),
        (
            "object a/b.ObjectId { }",
            "`a name of the package` and `a/b.ObjectId` would both be called `ObjectId`: rename one of them",
        ),
    ] {
        let definition = Definition::parse(text).unwrap();
        let told = definition.generate(Language::Rust).map_err(|clash| clash.to_string());
        assert_eq!(told, Err(clash.to_owned()));
    }
}
