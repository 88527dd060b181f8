//! Whether a later definition holds for what was written by an earlier one, and the other way round.

use std::fmt;

use super::definition::{Definition, FieldDefinition, ObjectDefinition};

/// A difference between two definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An object is new: who does not know it does not need it.
    ObjectAdded(String),
    /// An object is gone: what was written of it is of an unknown type.
    ObjectRemoved(String),
    /// A field is new, and may be missing: what was written holds.
    OptionalFieldAdded(String, String),
    /// A field is new, and what was written lacks it.
    FieldAdded(String, String),
    /// A field is gone: what was written has one too many.
    FieldRemoved(String, String),
    /// A field has another hint, or other fields below it.
    FieldChanged(String, String),
    /// A field may be missing now, and those who know only the earlier definition refuse what lacks it; or it may not be
    /// missing any more, and what was written may lack it.
    FieldNecessity(String, String),
    /// An object begins a stream now, or does no more, or is hypothetical now, or no more.
    Role(String),
}

impl Difference {
    /// Whether what was written by the earlier definition still holds.
    pub const fn is_compatible(&self) -> bool {
        matches!(self, Self::ObjectAdded(_) | Self::OptionalFieldAdded(..))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ObjectAdded(object) => write!(f, "{object} is new"),
            Self::ObjectRemoved(object) => write!(f, "{object} is gone"),
            Self::OptionalFieldAdded(object, field) => write!(f, "{object} may have {field} now"),
            Self::FieldAdded(object, field) => write!(f, "{object} must have {field} now: make it optional"),
            Self::FieldRemoved(object, field) => write!(f, "{object} has no {field} any more"),
            Self::FieldChanged(object, field) => write!(f, "{field} of {object} is of another type"),
            Self::FieldNecessity(object, field) => write!(f, "{field} of {object} is optional in one of the two alone"),
            Self::Role(object) => write!(f, "{object} has another place in its stream"),
        }
    }
}

impl Definition {
    /// What a later definition has otherwise, by its meaning: comments, order, and names of imports do not count.
    pub fn differences(&self, later: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        for object in self.objects() {
            match later.object(object.r#type()) {
                Some(later) => compare(object, later, &mut differences),
                None => differences.push(Difference::ObjectRemoved(object.r#type().into())),
            }
        }
        let new = later.objects().filter(|object| self.object(object.r#type()).is_none());
        differences.extend(new.map(|object| Difference::ObjectAdded(object.r#type().into())));
        differences
    }
}

fn compare(object: &ObjectDefinition, later: &ObjectDefinition, differences: &mut Vec<Difference>) {
    let r#type = || object.r#type().to_owned();
    if (object.is_root(), object.is_hypothetical()) != (later.is_root(), later.is_hypothetical()) {
        differences.push(Difference::Role(r#type()));
    }
    for field in object.fields() {
        let name = field.name().to_owned();
        let same = |other: &FieldDefinition| field.r#type() == other.r#type() && field.hint() == other.hint();
        match later.field(field.name()) {
            None => differences.push(Difference::FieldRemoved(r#type(), name)),
            Some(other) if !same(other) => differences.push(Difference::FieldChanged(r#type(), name)),
            Some(other) if field.is_optional() != other.is_optional() => {
                differences.push(Difference::FieldNecessity(r#type(), name));
            }
            Some(_) => {}
        }
    }
    for field in later.fields().iter().filter(|field| object.field(field.name()).is_none()) {
        let name = field.name().to_owned();
        differences.push(match field.is_optional() {
            true => Difference::OptionalFieldAdded(r#type(), name),
            false => Difference::FieldAdded(r#type(), name),
        });
    }
}
