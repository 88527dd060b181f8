//! What is wrong with a text of the language.

use std::fmt;
use std::ops::Range;

use crate::object::key::KeyError;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub what: Wrong,
    /// The bytes of the text that are wrong; empty at its end.
    pub at: Range<usize>,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Something else is expected there.
    #[error("expected {}, found {}", one_of(expected), found.as_ref().map_or("the end".into(), |found| format!("`{found}`")))]
    Syntax {
        /// What may stand there, in words.
        expected: Vec<String>,
        /// What stands there; none at the end.
        found: Option<String>,
    },
    /// A word of the language stands where a name should.
    #[error("`{0}` is a word of the language, and no name")]
    Keyword(String),
    /// It is no name of a field.
    #[error("`{0}` is no name of a field: {1}")]
    Name(String, KeyError),
    /// A name begins with the mark of notes, which are in no object.
    #[error("`{0}` begins with `_`: such entries are notes of a replica, and in no object")]
    Note(String),
    /// Two things have one name.
    #[error("{what} is called `{name}` twice")]
    Twice {
        /// What: a stream, an object, a field, an import.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A word stands twice before an object.
    #[error("`{0}` is said twice")]
    FlagTwice(&'static str),
    /// A stream begins with one object, and none is said to.
    #[error("no object begins the stream `{0}`: put `root` before the one that does")]
    NoRoot(String),
    /// A stream begins with one object, and several are said to.
    #[error("the stream begins with `{first}` already")]
    SecondRoot {
        /// The first.
        first: String,
    },
    /// Only a stream has a root.
    #[error("a root outside a stream begins nothing")]
    RootOutside,
    /// An event cannot begin a stream.
    #[error("an event happens to a stream, and cannot begin it: say `object`")]
    RootEvent,
    /// Only a root is hypothetical.
    #[error("only a root can be hypothetical: say `hypothetical root`")]
    NoHypotheticalRoot,
    /// A hypothetical root is type and author alone.
    #[error("a hypothetical root has no fields: whoever knows its type and author must be able to make it")]
    HypotheticalFields,
    /// Nobody signs a hypothetical root.
    #[error("a hypothetical root is not signed: it is found without its author")]
    HypotheticalSigned,
    /// No such type is known.
    #[error("there is no type `{name}`{}", similar.as_ref().map(|similar| format!(": is it `{similar}`?")).unwrap_or_default())]
    UnknownType {
        /// What was named.
        name: String,
        /// What may have been meant.
        similar: Option<String>,
    },
}

impl Wrong {
    /// The code of spec 14.8.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::Keyword(_) => "keyword",
            Self::Name(..) | Self::Note(_) => "field-name",
            Self::Twice { .. } | Self::FlagTwice(_) => "twice",
            Self::NoRoot(_) => "no-root",
            Self::SecondRoot { .. } => "second-root",
            Self::RootOutside => "root-outside",
            Self::RootEvent => "root-event",
            Self::NoHypotheticalRoot => "no-hypothetical-root",
            Self::HypotheticalFields => "hypothetical-fields",
            Self::HypotheticalSigned => "hypothetical-signed",
            Self::UnknownType { .. } => "unknown-type",
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
fn one_of(all: &[String]) -> String {
    match all {
        [] => "something else".into(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// All that is wrong with a text, at least one thing, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    faults: Vec<Fault>,
    /// The line and column, from 1, at which each begins.
    places: Vec<(usize, usize)>,
}

impl Faults {
    pub(super) fn of(text: &str, mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.at.start);
        let places = faults.iter().map(|fault| place(text, fault.at.start)).collect();
        Self { faults, places }
    }

    /// Each, in the order of the text.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Fault> {
        self.faults.iter()
    }

    /// The line and the column at which each begins, from 1, in the same order; columns are characters.
    pub fn places(&self) -> impl ExactSizeIterator<Item = (usize, usize)> {
        self.places.iter().copied()
    }

    /// The first.
    pub fn first(&self) -> &Fault {
        &self.faults[0]
    }
}

/// The line and column of a byte, from 1; columns are characters.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// A line each: line, column, and what is wrong.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (fault, (line, column))) in self.faults.iter().zip(&self.places).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{line}:{column}: {}", fault.what)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
