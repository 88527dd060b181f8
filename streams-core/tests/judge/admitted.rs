//! What judging reads of an object: plain data, without signatures.

use std::collections::BTreeSet;

use streams_core::{Action, Authentic, Content, Object, ObjectId, Role, Rule, Stream, Value};

/// What judging reads of an admitted object. Nothing else enters.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) id: ObjectId,
    pub(crate) author: String,
    pub(crate) r#type: String,
    /// Parents and previous.
    pub(crate) edges: BTreeSet<ObjectId>,
    pub(crate) generation: u64,
    /// The rules of a policy object (8.3); those that only withdraw have none.
    pub(crate) rules: Option<Vec<Rule>>,
    pub(crate) withdraws: Vec<ObjectId>,
    /// The count and the digest that a checkpoint states.
    pub(crate) stated: Option<(u64, Vec<u8>)>,
    pub(crate) adopts: Vec<ObjectId>,
    pub(crate) redacts: Vec<ObjectId>,
    /// The maps in its data, and the data itself.
    pub(crate) maps: BTreeSet<ObjectId>,
}

impl Admitted {
    /// Reads an object that was admitted.
    pub(crate) fn read(authentic: &Authentic) -> Self {
        let header = authentic.header();
        let content = Content::read(authentic).expect("admitted, so well formed");
        let mut admitted = Self {
            id: authentic.id(),
            author: header.author_text().to_owned(),
            r#type: header.r#type().to_owned(),
            edges: header.parents().iter().chain(header.previous()).collect(),
            generation: header.generation(),
            rules: None,
            withdraws: Vec::new(),
            stated: None,
            adopts: Vec::new(),
            redacts: Vec::new(),
            maps: maps_in_data(authentic.object()),
        };
        match content {
            // 8.3: a root without policies has one rule.
            Content::Application { rules } if header.role() != Role::Event && rules.is_empty() => {
                admitted.rules = Some(vec![Rule::allow([Action::Read])]);
            }
            Content::Application { rules } if header.role() != Role::Event => admitted.rules = Some(rules),
            Content::Application { .. } | Content::Subscription { .. } => {}
            Content::Policy { rules, withdraws } => {
                admitted.rules = Some(rules);
                admitted.withdraws = withdraws;
            }
            Content::Redact { maps } => admitted.redacts = maps,
            Content::Checkpoint { count, order } => admitted.stated = Some((count, order)),
            Content::Adopt { objects } => admitted.adopts = objects,
        }
        admitted
    }

    /// All that a stream admitted.
    pub(crate) fn read_all(stream: &Stream) -> Vec<Self> {
        stream.entries().map(|entry| Self::read(&entry.authentic)).collect()
    }
}

/// The maps that stand in the data of an object, here or redacted: the data itself, and what is below it.
fn maps_in_data(object: &Object) -> BTreeSet<ObjectId> {
    fn visit(value: &Value, found: &mut BTreeSet<ObjectId>) {
        match value {
            Value::Map(map) => {
                found.insert(Object::from_map(map).expect("a map of an object").id());
                map.iter().for_each(|(_, value)| visit(value, found));
            }
            Value::Redacted(id) => {
                found.insert(*id);
            }
            Value::List(list) => list.items().iter().for_each(|item| visit(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    let map = object.to_map().expect("admitted, so not newer");
    map.value("data").into_iter().for_each(|data| visit(data, &mut found));
    found
}
