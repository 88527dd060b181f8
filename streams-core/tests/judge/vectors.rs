//! The vectors of judging, which other implementations share: see `docs/vectors.md`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use streams_core::{
    Authenticator, CheckpointState, HashKey, NoForce, Object, ObjectId, Set, Stream, Verdict, VerifyingKey,
};

use crate::admitted::Admitted;
use crate::literal::Literal;
use crate::outcome::Outcome;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/judging.json");

/// A case, as it is worked on.
pub(crate) struct Case {
    pub(crate) stream: Stream,
    pub(crate) subjects: Vec<VerifyingKey>,
}

#[test]
fn literal_judge_passes_the_vectors() {
    each_case(|case, literal, expected| {
        for (fact, expected) in expected.as_object().expect("facts") {
            let got = case.fact(&literal.0, &literal.1, fact, expected);
            assert_eq!(got, *expected, "{fact}");
        }
    });
}

#[test]
fn the_library_judges_the_vectors_literally() {
    each_case(|case, literal, _| {
        let got = Outcome::of(&case.stream, &case.subjects);
        got.difference(&literal.1).unwrap_or_else(|difference| panic!("{difference}"));
    });
}

fn each_case(check: impl Fn(&Case, &(Literal<'_>, Outcome), &Value)) {
    let file = std::fs::read_to_string(FILE).expect("the vectors of judging");
    let file: Value = serde_json::from_str(&file).expect("JSON");
    let cases = file["judge"].as_array().expect("cases");
    assert!(!cases.is_empty());
    for case in cases {
        println!("{}", text(&case["name"]));
        let expected = &case["expected"];
        let mut stream = Stream::open(root(&case["root"]), key()).expect("a root");
        for parts in case["objects"].as_array().expect("objects") {
            // Its fate is not stated.
            let _ = stream.ingest(&bytes(parts), 0);
        }
        let subjects = subjects(&stream, expected);
        let admitted = Admitted::read_all(&stream);
        let literal = Literal::new(&admitted);
        let outcome = literal.outcome(&subjects);
        check(&Case { stream, subjects }, &(literal, outcome), expected);
    }
}

impl Case {
    /// What is said of a fact, in the form of the vectors.
    pub(crate) fn fact(&self, literal: &Literal<'_>, outcome: &Outcome, fact: &str, expected: &Value) -> Value {
        let pairs = |pairs: &[(ObjectId, ObjectId)], second: &str| -> Value {
            pairs
                .iter()
                .map(|(object, other)| json!({"object": object.to_string(), second: other.to_string()}))
                .collect()
        };
        let by_subject = |said: &dyn Fn(&str) -> Value| -> Value {
            expected.as_object().expect("subjects").keys().map(|subject| (subject.clone(), said(subject))).collect()
        };
        match fact {
            "order" => texts(&outcome.order),
            "effective" => texts(&outcome.replayed),
            "refused" => texts(&self.stream.refused().into_iter().map(|(id, _)| id).collect::<Vec<_>>()),
            "epochs" => {
                let count = |epoch: usize| outcome.epochs.values().filter(|one| **one as usize == epoch).count();
                (1..=outcome.finals() + 1).map(count).collect()
            }
            "checkpoints" => {
                let state = |(id, state): &(ObjectId, CheckpointState)| (id.to_string(), state_word(*state).into());
                Value::Object(outcome.checkpoints.iter().map(state).collect())
            }
            "explained" => items(expected).map(|one| explained(&one["id"], outcome)).collect(),
            "ranks" => items(expected)
                .map(|one| {
                    let rank = outcome.ranks[&(text(&one["subject"]).to_owned(), id(&one["at"]))];
                    json!({"subject": one["subject"], "at": one["at"], "rank": rank})
                })
                .collect(),
            "read" => by_subject(&|subject| outcome.reading[subject].is_effective().into()),
            "shown" => by_subject(&|subject| match outcome.reading[subject] {
                Verdict::Denied(deciding) if literal.names(&deciding, subject) => deciding.by.to_string().into(),
                _ => Value::Null,
            }),
            "adopted" => pairs(&outcome.adopted, "by"),
            "removed" => pairs(&outcome.removed, "map"),
            "simulated" => items(expected).map(|one| self.simulated(outcome, &one["objects"])).collect(),
            other => panic!("an unknown fact: {other}"),
        }
    }

    /// 8.9: which verdicts the objects would change.
    fn simulated(&self, now: &Outcome, objects: &Value) -> Value {
        let mut imagined = Admitted::read_all(&self.stream);
        let mut authenticator = Authenticator::new(key());
        for parts in items(objects) {
            let object = Object::decode(&bytes(parts)).expect("an object");
            imagined.push(Admitted::read(&authenticator.authenticate(object).expect("an authentic object")));
        }
        let then = Literal::new(&imagined).outcome(&[]);
        let changed = |to: bool| {
            let changed = |id: &&ObjectId| now.is_effective(id) != to && then.is_effective(id) == to;
            texts(&now.order.iter().filter(changed).copied().collect::<Vec<_>>())
        };
        json!({"objects": objects, "voided": changed(false), "restored": changed(true)})
    }
}

/// Whom a case asks about.
fn subjects(stream: &Stream, expected: &Value) -> Vec<VerifyingKey> {
    let mut subjects: BTreeSet<String> = stream.authors().map(|author| author.to_string()).collect();
    subjects.extend(items(&expected["ranks"]).map(|one| text(&one["subject"]).to_owned()));
    for fact in ["read", "shown"] {
        subjects.extend(expected[fact].as_object().into_iter().flatten().map(|(subject, _)| subject.clone()));
    }
    subjects.iter().map(|subject| subject.parse().expect("a key")).collect()
}

fn explained(object: &Value, outcome: &Outcome) -> Value {
    let deciding = |why: &str, by: streams_core::Deciding| json!({"id": object, "why": why, "by": by.by.to_string(), "rule": by.rule, "rank": by.rank, "set": set_word(by.set)});
    let alone = |why: &str| json!({"id": object, "why": why});
    match outcome.verdicts[&id(object)] {
        Verdict::Owner => alone("owner"),
        Verdict::Allowed(by) => deciding("allowed", by),
        Verdict::Force => alone("force"),
        Verdict::Denied(by) => deciding("denied", by),
        Verdict::Withdrawn { by, rank, set } => {
            json!({"id": object, "why": "withdrawn", "by": by.to_string(), "rank": rank, "set": set_word(set)})
        }
        Verdict::NoRule(set) => json!({"id": object, "why": "no-rule", "set": set_word(set)}),
        Verdict::RankTooHigh => alone("rank"),
        Verdict::WithoutForce(why) => alone(state_word(CheckpointState::Without(why))),
    }
}

fn state_word(state: CheckpointState) -> &'static str {
    match state {
        CheckpointState::Accepted => "accepted",
        CheckpointState::Force => "force",
        CheckpointState::Without(NoForce::Holder) => "holder",
        CheckpointState::Without(NoForce::Count) => "count",
        CheckpointState::Without(NoForce::Order) => "order",
    }
}

fn set_word(set: Set) -> &'static str {
    match set {
        Set::Known => "known",
        Set::Beside => "beside",
    }
}

fn key() -> HashKey {
    HashKey::from_bytes([9; 16])
}

fn root(parts: &Value) -> streams_core::Authentic {
    let object = Object::decode(&bytes(parts)).expect("an object");
    Authenticator::new(key()).authenticate(object).expect("a root")
}

/// Hexadecimal text, or an array of such, and of repetitions.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(hex) => data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal"),
        Value::Array(pieces) => pieces.iter().flat_map(bytes).collect(),
        repeated => bytes(&repeated["repeat"]).repeat(repeated["times"].as_u64().expect("a number") as usize),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn id(value: &Value) -> ObjectId {
    text(value).parse().expect("an id")
}

pub(crate) fn texts(ids: &[ObjectId]) -> Value {
    ids.iter().map(ToString::to_string).collect()
}
