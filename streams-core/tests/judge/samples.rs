//! A sample of the streams that are searched, really signed, with all that the library judges of them: in the form of the
//! vectors, so that the second implementation confirms it.

use serde_json::{Value, json};
use streams_core::{Authenticator, Object, ObjectId, Stream};

use crate::admitted::Admitted;
use crate::alphabet::Alphabet;
use crate::grow::{Dice, random};
use crate::literal::Literal;
use crate::outcome::Outcome;
use crate::plan::{Grown, PEOPLE, SUBJECTS, TABLES};
use crate::vectors::{Case, texts};

/// How many streams of each alphabet, and how many random ones.
const OF_EACH: usize = 25;
const RANDOM: u64 = 125;

/// `STREAMS_SAMPLE` tells the file.
#[test]
#[ignore = "it writes a file, for the second implementation"]
fn a_sample_is_written() {
    let file = std::env::var("STREAMS_SAMPLE").expect("STREAMS_SAMPLE names the file to write");
    let mut cases = Vec::new();
    for (name, alphabet) in Alphabet::all() {
        let mut dice = Dice(0);
        cases.extend((0..OF_EACH).map(|number| case(&format!("{name} {number}"), &alphabet.some(&mut dice, 5))));
    }
    cases.extend((0..RANDOM).map(|seed| case(&format!("random {seed}"), &random(seed, 12))));
    let about = "Streams of the searches, with what the library judges of them.";
    std::fs::write(file, json!({"about": about, "judge": cases}).to_string()).expect("the file is written");
}

/// The stream in any order of delivery, and what the library makes of it.
fn case(name: &str, grown: &Grown) -> Value {
    let mut arrival: Vec<usize> = (1..grown.objects.len()).collect();
    Dice(grown.objects.len() as u64).shuffle(&mut arrival);
    let root = Object::decode(&grown.signed(0)).expect("a root");
    let root = Authenticator::new(TABLES).authenticate(root).expect("it is signed");
    let mut stream = Stream::open(root, TABLES).expect("a root");
    for number in &arrival {
        // It may wait, or be refused.
        let _ = stream.ingest(&grown.signed(*number), 0);
    }
    let outcome = Outcome::of(&stream, &PEOPLE);
    let admitted = Admitted::read_all(&stream);
    let literal = Literal::new(&admitted);
    let mut expected = asked(&outcome.order);
    let case = Case { stream, subjects: PEOPLE.to_vec() };
    for (fact, what) in expected.as_object_mut().expect("facts") {
        *what = case.fact(&literal, &outcome, fact, what);
    }
    let hex = |number: usize| data_encoding::HEXLOWER.encode(&grown.signed(number));
    let objects: Vec<String> = arrival.into_iter().map(hex).collect();
    json!({"name": name, "root": hex(0), "objects": objects, "expected": expected})
}

/// All facts, with whom and what they are asked of.
fn asked(ids: &[ObjectId]) -> Value {
    let everybody: Value = SUBJECTS.iter().map(|subject| (subject.clone(), Value::Null)).collect();
    let explained: Vec<Value> = ids.iter().map(|id| json!({"id": id.to_string()})).collect();
    let at = |subject: &String| -> Vec<Value> {
        ids.iter().map(|id| json!({"subject": subject, "at": id.to_string()})).collect()
    };
    json!({
        "order": texts(ids),
        "effective": [],
        "refused": [],
        "epochs": [],
        "checkpoints": {},
        "explained": explained,
        "ranks": SUBJECTS.iter().flat_map(at).collect::<Vec<_>>(),
        "read": everybody,
        "shown": everybody,
        "adopted": [],
        "removed": [],
    })
}
