//! Rules (spec 8.1): who may, or may not, do what with which types.

use crate::object::author::{VerifyingKey, author_bytes};
use crate::object::header::is_type;
use crate::object::key::{Hint, Kind, Name};
use crate::object::value::{List, Map, Value};

/// The most subjects of a rule (spec 1.5).
pub const MAX_SUBJECTS: usize = 1024;

/// What a rule does to the accesses that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows them, unless another rule denies them.
    Allow,
    /// Denies them.
    Deny,
}

impl Effect {
    const ALL: [(&'static str, Effect); 2] = [("allow", Effect::Allow), ("deny", Effect::Deny)];

    /// The effect of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, effect)| *effect)
    }

    /// `allow` or `deny`.
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// What can be done in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Being sent its objects.
    Read,
    /// Writing an object of a type.
    Append,
    /// Writing policy objects.
    Govern,
    /// Making what came before final; only a root's policies allow it.
    Checkpoint,
}

impl Action {
    const ALL: [(&'static str, Action); 4] = [
        ("read", Action::Read),
        ("append", Action::Append),
        ("govern", Action::Govern),
        ("checkpoint", Action::Checkpoint),
    ];

    /// The action of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
    }

    /// Its name in rules.
    pub const fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }
}

/// A rule. A list that is absent matches everything, and so does one that holds `*`.
///
/// ```
/// # use streams_core::{Action, Rule};
/// let rule = Rule::allow([Action::Append]).resources(["example.org/list.*"]);
/// assert_eq!(rule.check(true), Ok(()));
/// assert!(Rule::allow([Action::Govern]).check(true).is_err(), "who governs is named");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Keys, as text.
    pub subjects: Option<Vec<String>>,
    /// Types, or prefixes of types that end in `*`.
    pub resources: Option<Vec<String>>,
    /// Actions, by name.
    pub actions: Option<Vec<String>>,
    /// What the rule does.
    pub effect: Effect,
}

/// Why a rule is not well formed (spec 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Other names or hints than those of a rule, or no effect.
    #[error("a rule has `effect:s`, and at most `subjects:as`, `resources:as` and `actions:as`")]
    Form,
    /// An unknown effect.
    #[error("the effect of a rule is allow or deny")]
    Effect,
    /// An unknown action.
    #[error("the actions of a rule are read, append, govern, checkpoint or *")]
    Action,
    /// An empty list.
    #[error("a list of a rule is absent, which is everything, or not empty")]
    Empty,
    /// A subject that is no key and not `*`.
    #[error("a subject is a key (48 characters that begin with z6Mk) or *")]
    Subject,
    /// A resource that is no type and no prefix.
    #[error("a resource is a type, or the beginning of one that ends in *")]
    Resource,
    /// Too many subjects.
    #[error("a rule has at most 1,024 subjects")]
    Limit,
    /// An allow rule for whatever may be done.
    #[error("an allow rule names its actions, never *")]
    ActionsNeeded,
    /// An allow rule for `govern` or `checkpoint` for everybody.
    #[error("an allow rule for govern or checkpoint names its subjects, never *")]
    SubjectsNeeded,
    /// An allow rule for `govern` or `checkpoint` with resources.
    #[error("an allow rule for govern or checkpoint has no resources")]
    ResourcesForbidden,
    /// `checkpoint` outside of a root.
    #[error("checkpoint stands in the policies of a root only")]
    Checkpoint,
}

impl RuleError {
    /// The code of spec 14.5.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "rule",
            Self::Effect => "rule-effect",
            Self::Action => "rule-action",
            Self::Empty => "rule-empty",
            Self::Subject => "rule-subject",
            Self::Resource => "rule-resource",
            Self::Limit => "rule-limit",
            Self::ActionsNeeded => "rule-actions-needed",
            Self::SubjectsNeeded => "rule-subjects-needed",
            Self::ResourcesForbidden => "rule-resources-forbidden",
            Self::Checkpoint => "rule-checkpoint",
        }
    }
}

impl Rule {
    /// A rule that allows these actions to everyone, with every type.
    pub fn allow(actions: impl IntoIterator<Item = Action>) -> Self {
        Self { subjects: None, resources: None, actions: None, effect: Effect::Allow }.actions(actions)
    }

    /// A rule that denies everyone everything; `checkpoint` must be named to be denied.
    pub fn deny() -> Self {
        Self { subjects: None, resources: None, actions: None, effect: Effect::Deny }
    }

    /// For these subjects only.
    pub fn subjects<S: ToString>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        self.subjects = Some(subjects.into_iter().map(|subject| subject.to_string()).collect());
        self
    }

    /// For these authors only.
    pub fn authors<'a>(self, authors: impl IntoIterator<Item = &'a VerifyingKey>) -> Self {
        self.subjects(authors)
    }

    /// For these types only, or for those that begin with what ends in `*`.
    pub fn resources<S: ToString>(mut self, resources: impl IntoIterator<Item = S>) -> Self {
        self.resources = Some(resources.into_iter().map(|resource| resource.to_string()).collect());
        self
    }

    /// For these actions only.
    pub fn actions(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.actions = Some(actions.into_iter().map(|action| action.name().to_owned()).collect());
        self
    }

    /// Reads a rule as it stands in `policies:am`, and checks it.
    pub fn read(map: &Map, in_root: bool) -> Result<Self, RuleError> {
        let mut rule = Self { subjects: None, resources: None, actions: None, effect: Effect::Deny };
        let mut effect = None;
        for (name, value) in map.iter() {
            match (name.as_str(), value) {
                ("subjects", value) => rule.subjects = Some(texts(value)?),
                ("resources", value) => rule.resources = Some(texts(value)?),
                ("actions", value) => rule.actions = Some(texts(value)?),
                ("effect", Value::Text(text)) => effect = Some(text),
                _ => return Err(RuleError::Form),
            }
        }
        let effect = effect.ok_or(RuleError::Form)?;
        rule.effect = Effect::from_name(effect).ok_or(RuleError::Effect)?;
        rule.check(in_root)?;
        Ok(rule)
    }

    /// Checks that a rule is well formed (spec 8.1).
    pub fn check(&self, in_root: bool) -> Result<(), RuleError> {
        let rule = |kept: bool, error: RuleError| if kept { Ok(()) } else { Err(error) };
        let every = |list: &Option<Vec<String>>, is: &dyn Fn(&str) -> bool| {
            list.iter().flatten().all(|element| element == "*" || is(element))
        };
        let lists = [&self.subjects, &self.resources, &self.actions];
        rule(lists.into_iter().all(|list| list.as_ref().is_none_or(|list| !list.is_empty())), RuleError::Empty)?;
        rule(self.subjects.as_ref().is_none_or(|list| list.len() <= MAX_SUBJECTS), RuleError::Limit)?;
        rule(every(&self.subjects, &|text| author_bytes(text).is_ok()), RuleError::Subject)?;
        rule(every(&self.resources, &is_resource), RuleError::Resource)?;
        rule(every(&self.actions, &|text| Action::from_name(text).is_some()), RuleError::Action)?;
        rule(in_root || !self.names(Action::Checkpoint), RuleError::Checkpoint)?;
        if self.effect == Effect::Allow {
            rule(!is_everything(&self.actions), RuleError::ActionsNeeded)?;
            if self.names(Action::Govern) || self.names(Action::Checkpoint) {
                rule(!is_everything(&self.subjects), RuleError::SubjectsNeeded)?;
                rule(self.resources.is_none(), RuleError::ResourcesForbidden)?;
            }
        }
        Ok(())
    }

    /// Whether the rule is for everyone.
    pub fn is_for_all(&self) -> bool {
        is_everything(&self.subjects)
    }

    fn names(&self, action: Action) -> bool {
        self.actions.iter().flatten().any(|name| name == action.name())
    }
}

fn is_everything(list: &Option<Vec<String>>) -> bool {
    list.as_ref().is_none_or(|list| list.iter().any(|element| element == "*"))
}

fn is_resource(text: &str) -> bool {
    match text.strip_suffix('*') {
        Some(prefix) => prefix.is_empty() || is_type(prefix),
        None => is_type(text),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, RuleError> {
    let text = |value: &Value| match value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(RuleError::Form),
    };
    match value {
        Value::List(list) if list.item() == TEXT => list.items().iter().map(text).collect(),
        _ => Err(RuleError::Form),
    }
}

const TEXT: Hint = Hint::of(Kind::Text);

impl From<Rule> for Map {
    fn from(rule: Rule) -> Self {
        let mut map = Map::new();
        let mut insert = |name: &str, value: Value| {
            map.insert(Name::new(name).expect("a name"), value);
        };
        insert("effect", rule.effect.name().into());
        for (name, list) in [("subjects", rule.subjects), ("resources", rule.resources), ("actions", rule.actions)] {
            if let Some(list) = list {
                let texts = list.into_iter().map(Value::Text).collect();
                insert(name, List::new(TEXT, texts).expect("all are texts").into());
            }
        }
        map
    }
}
