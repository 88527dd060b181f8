//! What admission reads of an object beside its header: the rules, and the data of the types of the specification.

use crate::object::authenticate::Authentic;
use crate::object::header::{Role, types};
use crate::object::id::ObjectId;
use crate::object::key::{Hint, Kind};
use crate::object::value::{Map, Value};
use crate::policy::rule::{Rule, RuleError};

/// The most ids in a list of a type of the specification (spec 1.5).
pub const MAX_IDS: usize = 1024;

/// An object by what it does to its stream. Rules are well formed, data has exactly the names of its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// An object of an application; of a root, its rules (none: everyone may read, spec 8.3).
    Application {
        /// The rules of a root.
        rules: Vec<Rule>,
    },
    /// `streams/policy` (spec 8.3).
    Policy {
        /// The rules that it adds.
        rules: Vec<Rule>,
        /// The policy objects that it withdraws.
        withdraws: Vec<ObjectId>,
    },
    /// `streams/redact` (spec 3.4).
    Redact {
        /// The maps that replicas drop.
        maps: Vec<ObjectId>,
    },
    /// `streams/checkpoint` (spec 9.2).
    Checkpoint {
        /// The number of objects in its past.
        count: u64,
        /// The digest over their order.
        order: Vec<u8>,
    },
    /// `streams/adopt` (spec 8.10).
    Adopt {
        /// The objects that are taken up.
        objects: Vec<ObjectId>,
    },
    /// `streams/subscription` (spec 8.11).
    Subscription {
        /// Until when, in milliseconds since 1970 UTC.
        expires: Option<u64>,
    },
}

/// Why what an object says to its stream is refused (spec 4.1, 8.1, 14.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A rule is not well formed.
    #[error("policies: {0}")]
    Rule(#[from] RuleError),
    /// The data is missing, or has other names or hints than its type.
    #[error("the data of a streams/ type has exactly the names of that type")]
    Data,
    /// A list of ids is empty or too long.
    #[error("a list of a streams/ type has 1 to 1,024 ids")]
    IdsCount,
    /// A policy object without policies and data.
    #[error("streams/policy has policies, or data that withdraws, or both")]
    PolicyEmpty,
}

impl ContentError {
    /// The code of spec 14.5.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rule(error) => error.code(),
            Self::Data => "data",
            Self::IdsCount => "ids-count",
            Self::PolicyEmpty => "policy-empty",
        }
    }
}

impl Content {
    /// Reads what an object says to its stream. Costs nothing for an application's object without rules.
    pub fn read(authentic: &Authentic) -> Result<Self, ContentError> {
        let header = authentic.header();
        let own_type = header.r#type().strip_prefix(types::PREFIX).is_some();
        if !own_type && !header.has_policies() {
            return Ok(Self::Application { rules: Vec::new() });
        }
        let mut map = authentic.object().to_map().expect("an authentic object has no newer values");
        let rules = match map.remove("policies") {
            None => Vec::new(),
            Some(policies) => rules(&policies, header.role() != Role::Event)?,
        };
        let data = match map.remove("data") {
            Some(Value::Map(data)) => Some(data),
            _ => None,
        };
        match header.r#type() {
            types::POLICY => {
                if rules.is_empty() && data.is_none() {
                    return Err(ContentError::PolicyEmpty);
                }
                let withdraws = data.map(|data| Data(data).only_ids("withdraws")).transpose()?.unwrap_or_default();
                Ok(Self::Policy { rules, withdraws })
            }
            types::REDACT => Ok(Self::Redact { maps: Data::needed(data)?.only_ids("maps")? }),
            types::ADOPT => Ok(Self::Adopt { objects: Data::needed(data)?.only_ids("objects")? }),
            types::CHECKPOINT => {
                let mut data = Data::needed(data)?;
                let (Some(Value::Uint(count)), Some(Value::Bytes(order))) = (data.take("count"), data.take("order"))
                else {
                    return Err(ContentError::Data);
                };
                data.end()?;
                Ok(Self::Checkpoint { count, order })
            }
            types::SUBSCRIPTION => {
                let mut data = Data(data.unwrap_or_default());
                let expires = match data.take("expires") {
                    None => None,
                    Some(Value::Uint(expires)) => Some(expires),
                    Some(_) => return Err(ContentError::Data),
                };
                data.end()?;
                Ok(Self::Subscription { expires })
            }
            _ => Ok(Self::Application { rules }),
        }
    }
}

fn rules(policies: &Value, in_root: bool) -> Result<Vec<Rule>, RuleError> {
    let Value::List(list) = policies else { unreachable!("scanned as a list of maps") };
    let rule = |value: &Value| match value {
        Value::Map(map) => Rule::read(map, in_root),
        _ => unreachable!("authentic policies are whole"),
    };
    list.items().iter().map(rule).collect()
}

/// Data, of which what is read is taken away, so that what remains was not asked for.
struct Data(Map);

impl Data {
    fn needed(data: Option<Map>) -> Result<Self, ContentError> {
        data.map(Self).ok_or(ContentError::Data)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    fn end(self) -> Result<(), ContentError> {
        if self.0.is_empty() { Ok(()) } else { Err(ContentError::Data) }
    }

    /// The ids of the one name that the data has.
    fn only_ids(mut self, name: &str) -> Result<Vec<ObjectId>, ContentError> {
        let Some(Value::List(list)) = self.take(name) else { return Err(ContentError::Data) };
        self.end()?;
        if list.item() != Hint::of(Kind::Reference) {
            return Err(ContentError::Data);
        }
        if !(1..=MAX_IDS).contains(&list.items().len()) {
            return Err(ContentError::IdsCount);
        }
        let id = |value: &Value| match value {
            Value::Reference(id) => *id,
            _ => unreachable!("a list of references"),
        };
        Ok(list.items().iter().map(id).collect())
    }
}
