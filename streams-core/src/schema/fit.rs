//! Whether an object is as it is defined.

use super::definition::{Definition, FieldType, ObjectDefinition};
use crate::object::key::{Hint, Name};
use crate::object::value::{Map, Value};

/// What keeps the content of a redacted map from being guessed: it may be in every map.
const SALT: &str = "salt";

/// Why an object is not as it is defined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// Its type is not defined.
    #[error("no object of the type {0} is defined")]
    Type(String),
    /// A field is not there.
    #[error("{path} is missing, which must be there")]
    Missing {
        /// The names that lead to it.
        path: String,
    },
    /// A field is there that is not defined.
    #[error("{path} is there, and is not defined")]
    Additional {
        /// The names that lead to it.
        path: String,
    },
    /// A field has another hint.
    #[error("{path} has the hint {found}, and should have {right}")]
    Hint {
        /// The names that lead to it.
        path: String,
        /// The hint that it has.
        found: Hint,
        /// The hint that it should have.
        right: Hint,
    },
}

impl Definition {
    /// Whether the data of an object of a type are as they are defined, with all that is below them. What stands redacted
    /// is taken for what it should be.
    pub fn fits(&self, r#type: &str, data: &Map) -> Result<(), Unlike> {
        let object = self.object(r#type).ok_or_else(|| Unlike::Type(r#type.to_owned()))?;
        self.fits_object(object, data, "")
    }

    fn fits_object(&self, object: &ObjectDefinition, data: &Map, above: &str) -> Result<(), Unlike> {
        let path = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        for field in object.fields() {
            let (name, right) = (field.name(), field.hint());
            let Some(value) = data.value(name) else {
                if field.is_optional() {
                    continue;
                }
                return Err(Unlike::Missing { path: path(name) });
            };
            let found = value.hint();
            if found != right {
                return Err(Unlike::Hint { path: path(name), found, right });
            }
            // What is defined in another package is not known here.
            let FieldType::Object(r#type) = field.r#type() else { continue };
            let Some(below) = self.object(r#type) else { continue };
            match value {
                Value::Map(map) => self.fits_object(below, map, &path(name))?,
                Value::List(list) => {
                    for (place, item) in list.items().iter().enumerate() {
                        if let Value::Map(map) = item {
                            self.fits_object(below, map, &format!("{}[{place}]", path(name)))?;
                        }
                    }
                }
                _ => {}
            }
        }
        // Notes and salts are in no definition (spec 1.3, 3.3).
        let is_salt = |name: &str, value: &Value| name == SALT && matches!(value, Value::Bytes(_));
        let is_extra = |(name, value): &(&Name, &Value)| {
            !name.is_note() && !is_salt(name.as_str(), value) && object.field(name.as_str()).is_none()
        };
        match data.iter().find(is_extra) {
            Some((name, _)) => Err(Unlike::Additional { path: path(name.as_str()) }),
            None => Ok(()),
        }
    }
}
