//! Whether an object is as it is defined.

use super::definition::{Definition, FieldType, ObjectDefinition};
use crate::object::authenticate::Authentic;
use crate::object::header::Role;
use crate::object::key::{Hint, Name};
use crate::object::value::{Map, Value};

/// What keeps the content of a redacted map from being guessed: it may be in every map.
const SALT: &str = "salt";

/// What stands before the types that govern streams, which no definition tells of.
const GOVERNING: &str = "streams/";

/// Why an object is not as it is defined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// Its type is not defined, or not in this stream.
    #[error("no object of the type {0} is defined for this stream")]
    Type(String),
    /// It begins a stream, and is not defined to, or the other way round.
    #[error("{0} is defined for another place in its stream: {1}")]
    Place(String, &'static str),
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

impl Unlike {
    /// The code of spec 14.8.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Type(_) => "undefined-type",
            Self::Place(..) => "undefined-place",
            Self::Missing { .. } => "field-missing",
            Self::Additional { .. } => "field-undefined",
            Self::Hint { .. } => "field-hint",
        }
    }
}

impl Definition {
    /// Whether an object may be in the stream of this path. Those of `streams/` types, which govern it, always may, and
    /// those of an imported package, which is not known here.
    ///
    /// ```
    /// # use streams_core::{Draft, Map, SigningKey, Value};
    /// # use streams_core::schema::definition::Definition;
    /// let definition = Definition::parse("stream example.org/list { root object Created { title string } }")?;
    /// let root = Draft::root("example.org/list.Created", [0; 16]).sign(&SigningKey::from_bytes([1; 32]))?;
    /// let unlike = definition.fits_stream("example.org/list", &root).unwrap_err();
    /// assert_eq!(unlike.to_string(), "title is missing, which must be there");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fits_stream(&self, path: &str, object: &Authentic) -> Result<(), Unlike> {
        let header = object.header();
        let r#type = header.r#type();
        if r#type.starts_with(GOVERNING) || self.imports().iter().any(|import| import.has(r#type)) {
            return Ok(());
        }
        let is_here = self.stream_of(r#type).is_none_or(|stream| stream.path() == path);
        let defined = self.object(r#type).filter(|_| is_here);
        let defined = defined.ok_or_else(|| Unlike::Type(r#type.to_owned()))?;
        let right = match (defined.is_root(), defined.is_hypothetical()) {
            (false, _) => (Role::Event, "it follows a root"),
            (true, false) => (Role::Root, "it is an ordinary root"),
            (true, true) => (Role::HypotheticalRoot, "it is a hypothetical root"),
        };
        if header.role() != right.0 {
            return Err(Unlike::Place(r#type.to_owned(), right.1));
        }
        match object.object().data() {
            Some(data) => self.fits_object(defined, &data, ""),
            // It stands redacted.
            None if header.has_data() => Ok(()),
            None => self.fits_object(defined, &Map::new(), ""),
        }
    }

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
