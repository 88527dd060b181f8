//! What a text of the language says.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::check::check;
use super::fault::Faults;
use super::parse::parse;
use crate::object::key::{Hint, Kind};

/// The words of the language, which are no names.
pub const KEYWORDS: [&str; 18] = [
    "package",
    "import",
    "stream",
    "hypothetical",
    "root",
    "signed",
    "object",
    "event",
    "optional",
    "repeated",
    "string",
    "int",
    "uint",
    "float",
    "bool",
    "data",
    "map",
    "relationship",
];

/// The types that a value may have, by the words for them, and their hints.
pub const TYPES: [(&str, Kind); 8] = [
    ("string", Kind::Text),
    ("int", Kind::Int),
    ("uint", Kind::Uint),
    ("float", Kind::Float),
    ("bool", Kind::Bool),
    ("data", Kind::Bytes),
    ("map", Kind::Map),
    ("relationship", Kind::Reference),
];

/// The types of the proposal that are known without a definition.
pub const WELL_KNOWN: [(&str, Kind); 2] =
    [("nimona.io/object.Hash", Kind::Reference), ("nimona.io/object.DateTime", Kind::Uint)];

/// A word, and where it stands. Equal words are equal wherever they stand.
#[derive(Clone, Debug, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The comments that belong to something, as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comments {
    /// Those above it.
    pub(super) before: Vec<String>,
    /// The one behind it, on its last line.
    pub(super) after: Option<String>,
}

impl Comments {
    /// What they say, a line each, without their marks.
    fn text(&self) -> Vec<String> {
        let all = self.before.iter().chain(&self.after);
        let lines = all.flat_map(|comment| match comment.strip_prefix("/*") {
            Some(block) => block
                .trim_end_matches("*/")
                .lines()
                .map(|line| line.trim().trim_start_matches('*').trim().to_owned())
                .collect(),
            None => vec![comment.trim_start_matches('/').trim().to_owned()],
        });
        let lines: Vec<String> = lines.collect();
        let begin = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
        let end = lines.iter().rposition(|line| !line.is_empty()).map_or(begin, |last| last + 1);
        lines[begin..end].to_vec()
    }
}

/// What a text of the language says, without contradictions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub(super) package: Option<(Comments, Word)>,
    pub(super) imports: Vec<Import>,
    pub(super) items: Vec<Item>,
    /// The comments at the end.
    pub(super) closing: Vec<String>,
    /// Where the object of a type is: among the items, and in its stream. The check fills it in.
    pub(super) by_type: BTreeMap<String, (usize, usize)>,
}

/// Another package whose types may be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub(super) comments: Comments,
    pub(super) path: Word,
    pub(super) alias: Word,
}

/// What stands at the top of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Stream(StreamDefinition),
    Object(ObjectDefinition),
}

/// A stream, and its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDefinition {
    pub(super) comments: Comments,
    pub(super) path: Word,
    pub(super) objects: Vec<ObjectDefinition>,
    pub(super) closing: Vec<String>,
}

/// What stands before `object`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    Hypothetical,
    Root,
    Signed,
}

/// An object, and its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDefinition {
    pub(super) comments: Comments,
    pub(super) flags: Vec<Flag>,
    /// Where the flags stand.
    pub(super) at: Word,
    pub(super) is_event: bool,
    pub(super) name: Word,
    pub(super) fields: Vec<FieldDefinition>,
    pub(super) closing: Vec<String>,
    /// The whole type, which the check fills in.
    pub(super) r#type: String,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDefinition {
    pub(super) comments: Comments,
    pub(super) optional: bool,
    pub(super) name: Word,
    pub(super) repeated: bool,
    pub(super) word: Word,
    /// What the word means, which the check fills in.
    pub(super) r#type: FieldType,
}

/// The type of a field, apart from whether it is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A value of this kind.
    Value(Kind),
    /// A map with the fields of an object of this type, which is defined here or, where it is not, in another package.
    Object(String),
}

impl Definition {
    /// Reads a text. All that is wrong with it is told, but of what breaks its form only the first.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let mut definition = parse(text).map_err(|fault| Faults::of(text, vec![fault]))?;
        let faults = check(&mut definition);
        if faults.is_empty() { Ok(definition) } else { Err(Faults::of(text, faults)) }
    }

    /// The package, if there is one.
    pub fn package(&self) -> Option<&str> {
        self.package.as_ref().map(|(_, path)| path.text.as_str())
    }

    /// The packages whose types may be named.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The streams.
    pub fn streams(&self) -> impl Iterator<Item = &StreamDefinition> {
        self.items.iter().filter_map(|item| if let Item::Stream(stream) = item { Some(stream) } else { None })
    }

    /// The objects outside streams.
    pub fn loose(&self) -> impl Iterator<Item = &ObjectDefinition> {
        self.items.iter().filter_map(|item| if let Item::Object(object) = item { Some(object) } else { None })
    }

    /// All objects, in the order of the text.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectDefinition> {
        self.items.iter().flat_map(Item::objects)
    }

    /// The object of a type.
    pub fn object(&self, r#type: &str) -> Option<&ObjectDefinition> {
        self.by_type.get(r#type).map(|(item, place)| &self.items[*item].objects()[*place])
    }

    /// The stream in which objects of a type are; `None` too where the type is defined outside streams.
    pub fn stream_of(&self, r#type: &str) -> Option<&StreamDefinition> {
        match &self.items[self.by_type.get(r#type)?.0] {
            Item::Stream(stream) => Some(stream),
            Item::Object(_) => None,
        }
    }

    /// The stream with this path.
    pub fn stream(&self, path: &str) -> Option<&StreamDefinition> {
        self.streams().find(|stream| stream.path.text == path)
    }
}

impl Item {
    /// The objects of a stream; or the one that stands outside.
    pub(super) fn objects(&self) -> &[ObjectDefinition] {
        match self {
            Self::Stream(stream) => &stream.objects,
            Self::Object(object) => std::slice::from_ref(object),
        }
    }
}

impl Import {
    /// The path of the package.
    pub fn path(&self) -> &str {
        &self.path.text
    }

    /// Whether a type is one of the package.
    pub fn has(&self, r#type: &str) -> bool {
        r#type.strip_prefix(self.path()).is_some_and(|name| name.starts_with('.'))
    }

    /// The name for it in this text.
    pub fn alias(&self) -> &str {
        &self.alias.text
    }
}

impl StreamDefinition {
    /// What comments say of it, a line each.
    pub fn documentation(&self) -> Vec<String> {
        self.comments.text()
    }

    /// Its path: what stands before the names in the types of its objects.
    pub fn path(&self) -> &str {
        &self.path.text
    }

    /// Its objects.
    pub fn objects(&self) -> &[ObjectDefinition] {
        &self.objects
    }

    /// The object that begins it.
    pub fn root(&self) -> &ObjectDefinition {
        self.objects.iter().find(|object| object.is_root()).expect("a stream has one root")
    }
}

impl ObjectDefinition {
    /// What comments say of it, a line each.
    pub fn documentation(&self) -> Vec<String> {
        self.comments.text()
    }

    /// Its name, which is a path outside a stream.
    pub fn name(&self) -> &str {
        &self.name.text
    }

    /// The type that such objects have.
    pub fn r#type(&self) -> &str {
        &self.r#type
    }

    /// Whether it begins a stream.
    pub fn is_root(&self) -> bool {
        self.flags.contains(&Flag::Root)
    }

    /// Whether it is a hypothetical root: type and author alone, without a signature.
    pub fn is_hypothetical(&self) -> bool {
        self.flags.contains(&Flag::Hypothetical)
    }

    /// Whether it is said to be an event: something that happened to its stream.
    pub fn is_event(&self) -> bool {
        self.is_event
    }

    /// Its fields.
    pub fn fields(&self) -> &[FieldDefinition] {
        &self.fields
    }

    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|field| field.name.text == name)
    }
}

impl FieldDefinition {
    /// What comments say of it, a line each.
    pub fn documentation(&self) -> Vec<String> {
        self.comments.text()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name.text
    }

    /// Whether it may be missing.
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether it is a list.
    pub fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// Its type, or that of the elements of the list.
    pub fn r#type(&self) -> &FieldType {
        &self.r#type
    }

    /// The hint of its value.
    pub fn hint(&self) -> Hint {
        let one = match self.r#type {
            FieldType::Value(kind) => Hint::of(kind),
            FieldType::Object(_) => Hint::of(Kind::Map),
        };
        if self.repeated { one.list().expect("far below the most lists") } else { one }
    }
}

impl Flag {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Hypothetical => "hypothetical",
            Self::Root => "root",
            Self::Signed => "signed",
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
