//! Every code that a caller can meet, in one table, from which the error classes of other languages are made.
//!
//! An error has a [`Class`], which is what a program catches, and a `code`, which is the rule that was broken. The code
//! is the same in every language (spec 14), and so is the name of the class. What sort of thing went wrong is the
//! [`Kind`] of the class: languages that have classes for that already make it a second parent.
//!
//! ```
//! use streams_core::codes::{Class, Coded, Kind};
//!
//! let error = "bafy".parse::<streams_core::ObjectId>().unwrap_err();
//! assert_eq!((error.class(), error.code()), (Class::Id, "id"));
//! assert_eq!((error.class().name(), error.class().kind()), ("IdError", Kind::Value));
//! assert!(Class::Id.rows().any(|row| row.code == "id"));
//! ```

mod coded;
mod table;

pub use coded::Coded;
pub use table::TABLE;

/// A code, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is caught.
    pub class: Class,
    /// The rule, in kebab-case; unique within its class.
    pub code: &'static str,
    /// What is the case, and what to do about it where something can be done: one sentence, without its full stop.
    pub sentence: &'static str,
}

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that may not be: `ValueError`, `RangeError`.
    Value,
    /// A value of a type that may not be: `TypeError`.
    Type,
    /// Something that is not there under that name: `KeyError`.
    Key,
    /// Something that is not allowed: `PermissionError`.
    Permission,
    /// Something outside did not do what it was asked: `OSError`.
    Os,
    /// A peer, or the link to it: `ConnectionError`, which is an `OSError`.
    Connection,
    /// Not at this time, or not any more: `RuntimeError`.
    State,
    /// No error: an answer that is told by its code.
    Told,
}

macro_rules! classes {
    ($(#[doc = $about:literal] $variant:ident $name:literal $kind:ident $(below $parent:ident)?;)*) => {
        /// A class of errors, or of answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Class {
            $(#[doc = $about] $variant,)*
        }

        impl Class {
            /// All of them, parents first.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, as it is in every language.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// What sort of thing went wrong.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// The class that this one is part of: whoever catches that one catches this one.
            pub const fn parent(self) -> Option<Self> {
                match self { $($(Self::$variant => Some(Self::$parent),)?)* _ => None }
            }
        }
    };
}

classes! {
    /// A copy of an object that is dropped (spec 14.2).
    Unsound "UnsoundError" Value;
    /// JSON that is no object, or no map (spec 14.3); by the codes of `UnsoundError` too.
    Json "JsonError" Value below Unsound;
    /// A text that is no id.
    Id "IdError" Value;
    /// An object of a later version (spec 14.4).
    Newer "NewerError" Value;
    /// An object that is refused, for ever (spec 14.5).
    Refused "RefusedError" Value;
    /// A rule that is not well formed.
    Rule "RuleError" Value below Refused;
    /// A text, or bytes, that are no author.
    Author "AuthorError" Value below Refused;
    /// An object that nothing allows to its author.
    NotAuthorized "NotAuthorizedError" Permission below Refused;
    /// What does not fit between a value of the language and one of an object.
    Misfit "MisfitError" Value;
    /// A value of a type for which there is no hint.
    NoHint "NoHintError" Type below Misfit;
    /// A list without elements, and without a hint.
    EmptyList "EmptyListError" Value below Misfit;
    /// An integer that no hint holds.
    IntegerRange "IntegerRangeError" Value below Misfit;
    /// A float that is infinite, or no number.
    NotFinite "NotFiniteError" Value below Misfit;
    /// A value that holds itself.
    Recursive "RecursiveError" Value below Misfit;
    /// A map that is not redacted.
    Redact "RedactError" Value;
    /// A map that is not in the object.
    UnknownMap "UnknownMapError" Key below Redact;
    /// JSON without a hash of the original proposal (spec 12).
    Oh1 "Oh1Error" Value;
    /// An object that begins no stream.
    Open "OpenError" Value;
    /// A stream that is not here.
    UnknownStream "UnknownStreamError" Key;
    /// An object that is not here.
    UnknownObject "UnknownObjectError" Key;
    /// A cursor that does not fit.
    Cursor "CursorError" Value;
    /// A store that did not do what it was asked.
    Store "StoreError" Os;
    /// A store that was closed.
    StoreClosed "StoreClosedError" Value below Store;
    /// A store in the hands of two processes.
    OtherProcess "OtherProcessError" State below Store;
    /// A link that did not carry a frame.
    Transport "TransportError" Connection;
    /// A session that did not come to its end.
    Session "SessionError" Connection;
    /// Ranges that are not taken.
    Ranges "RangesError" Value;
    /// Evidence that shows nothing.
    Evidence "EvidenceError" Value;
    /// An archive that is damaged, or not what is wanted (spec 14.7); by the codes of objects too.
    Archive "ArchiveError" Value;
    /// A file that cannot be read or written.
    File "FileError" Os;
    /// Copies that cannot be kept as is wanted.
    Keep "KeepError" Value;
    /// An archiver that did not do what it was asked.
    Archiver "ArchiverError" Os;
    /// An archiver that does not know who asks.
    Unauthorized "UnauthorizedError" Permission below Archiver;
    /// A text of the definition language that says nothing, or contradicts itself (spec 13, 14.8).
    Definition "DefinitionError" Value;
    /// An object that is not as it is defined (spec 13.2, 14.8).
    Unlike "UnlikeError" Value;
    /// A secret that would get out.
    Secret "SecretError" Type;
    /// Bytes of another length than is wanted.
    Length "LengthError" Value;
    /// A call that cannot be answered now.
    Busy "BusyError" State;
    /// A mistake of ours.
    Internal "InternalError" State;
    /// Whether an object is effective, and why (spec 14.6).
    Verdict "Verdict" Told;
    /// What evidence shows (spec 10.4).
    Shown "Shown" Told;
    /// Why a peer refuses (spec 10.4).
    Reason "Reason" Told;
    /// Why a copy is not there any more.
    Gone "Gone" Told;
}

impl Class {
    /// Its codes, in the order of the table.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        TABLE.iter().filter(move |row| row.class == self)
    }

    /// What a code of this class, or of what it is part of, says.
    pub fn sentence(self, code: &str) -> Option<&'static str> {
        let own = self.rows().find(|row| row.code == code).map(|row| row.sentence);
        own.or_else(|| self.parent().and_then(|parent| parent.sentence(code)))
    }
}
