//! From a definition to types of a programming language, in the form of that language's own formatter.
//!
//! What is generated reads and writes data with exactly the hints of the definition, in every language. A type is called
//! after the last step of its stream's path and after its object: `example.org/list` and `Added` are `ListAdded`.

mod python;
mod rust;
mod typescript;

use std::collections::BTreeMap;
use std::fmt;

use super::definition::{Definition, FieldDefinition, FieldType, Item, ObjectDefinition};

/// What stands above all that is generated.
const NOTICE: &str = "Written by `streams ndl gen`: change the definition instead.";

/// Names that what is generated uses itself.
const USED: &[&str] = &["Any", "Content", "Data", "ObjectId"];

/// A programming language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Structs that serde reads and writes.
    Rust,
    /// Dataclasses.
    Python,
    /// Interfaces, with a guard and a writer for each.
    TypeScript,
}

/// Two names of a definition that would be one in a programming language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The name that both would have.
    pub name: String,
    /// The names in the definition.
    pub of: [String; 2],
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = &self.of;
        write!(f, "`{first}` and `{second}` would both be called `{}`: rename one of them", self.name)
    }
}

impl std::error::Error for Clash {}

impl Definition {
    /// The types of the definition in a programming language: one file.
    ///
    /// ```
    /// # use streams_core::schema::definition::Definition;
    /// # use streams_core::schema::generate::Language;
    /// let definition = Definition::parse("stream example.org/list { root object Created { } event Added { text string } }")?;
    /// let rust = definition.generate(Language::Rust)?;
    /// assert!(rust.contains("pub struct ListAdded {\n    pub text: String,\n}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn generate(&self, language: Language) -> Result<String, Clash> {
        let names = self.names()?;
        match language {
            Language::Rust => rust::generate(self, &names),
            Language::Python => python::generate(self, &names),
            Language::TypeScript => Ok(typescript::generate(self, &names)),
        }
    }

    /// What each type is called.
    fn names(&self) -> Result<Names<'_>, Clash> {
        let mut names = BTreeMap::new();
        let mut taken = Taken::default();
        for used in USED {
            taken.take(used, "a name of the package")?;
        }
        for r#type in self.by_type.keys() {
            let (path, name) = r#type.rsplit_once('.').unwrap_or(("", r#type));
            let path = if self.stream_of(r#type).is_some() { path.rsplit('/').next().unwrap_or_default() } else { "" };
            let name = identifier(words(path).chain(words(name)).map(capitalized).collect());
            taken.take(&name, r#type)?;
            names.insert(r#type.as_str(), name);
        }
        Ok(Names(names))
    }
}

/// What types are called, by their paths.
struct Names<'a>(BTreeMap<&'a str, String>);

impl Names<'_> {
    fn of(&self, object: &ObjectDefinition) -> &str {
        &self.0[object.r#type()]
    }

    /// What the type of a field is called, where it is defined here.
    fn embedded(&self, field: &FieldDefinition) -> Option<&str> {
        match field.r#type() {
            FieldType::Object(r#type) => self.0.get(r#type.as_str()).map(String::as_str),
            FieldType::Value(_) => None,
        }
    }
}

/// Names that were given, and to what.
#[derive(Default)]
struct Taken(BTreeMap<String, String>);

impl Taken {
    fn take(&mut self, name: &str, what: &str) -> Result<(), Clash> {
        match self.0.insert(name.to_owned(), what.to_owned()) {
            Some(first) => Err(Clash { name: name.to_owned(), of: [first, what.to_owned()] }),
            None => Ok(()),
        }
    }
}

/// The parts of a definition, in its order.
enum Part<'a> {
    /// A stream begins: its path, and what is said of it.
    Stream(&'a str, Vec<String>),
    Object(&'a ObjectDefinition),
}

fn parts(definition: &Definition) -> impl Iterator<Item = Part<'_>> {
    definition.items.iter().flat_map(|item| {
        let stream = match item {
            Item::Stream(stream) => Some(Part::Stream(stream.path(), lines(stream.documentation()))),
            Item::Object(_) => None,
        };
        stream.into_iter().chain(item.objects().iter().map(Part::Object))
    })
}

/// Lines of documentation, without what could end a comment unseen, or turn its letters around.
fn lines(documentation: Vec<String>) -> Vec<String> {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let plain = |line: String| line.replace(|c: char| c.is_control() || turns(c), " ").trim_end().to_owned();
    documentation.into_iter().map(plain).collect()
}

/// A comment, each line behind its mark.
fn comment(out: &mut String, mark: &str, lines: &[String]) {
    for line in lines {
        out.push_str(mark);
        if !line.is_empty() {
            out.push(' ');
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// The words of a name: at signs, where a small letter is followed by a large one, and before the last of several large
/// ones: `nameOfAField` has four, `HTTPServer` two.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).flat_map(|part| {
        let bytes = part.as_bytes();
        let is_small = |at: usize| bytes.get(at).is_some_and(|byte| !byte.is_ascii_uppercase());
        let begins = |at: &usize| !is_small(*at) && (is_small(at - 1) || is_small(at + 1));
        let mut ends: Vec<usize> = (1..part.len()).filter(begins).collect();
        ends.push(part.len());
        let mut start = 0;
        ends.into_iter().map(move |end| &part[std::mem::replace(&mut start, end)..end])
    })
}

fn capitalized(word: &str) -> String {
    word[..1].to_ascii_uppercase() + &word[1..]
}

/// In small letters, with `_` between words.
fn snake(name: &str) -> String {
    identifier(words(name).collect::<Vec<_>>().join("_").to_ascii_lowercase())
}

/// In large letters, with `_` between words.
fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// A name that begins as names begin in all languages.
fn identifier(name: String) -> String {
    match name.bytes().next() {
        Some(first) if first.is_ascii_digit() => format!("n{name}"),
        Some(_) => name,
        None => "unnamed".into(),
    }
}
