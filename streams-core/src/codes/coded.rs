//! Which row of the table each error of the core is.

use super::Class;
use crate::archive::car::FrameError;
use crate::archive::deal::{FailureKind, Gone, TicketError};
use crate::archive::fault::{Damage, Fault};
use crate::archive::index::PageError;
use crate::archive::ledger::RecordError;
use crate::archive::manifest::ManifestError;
use crate::archive::plan::PolicyError;
use crate::archive::vouch::VouchError;
use crate::archiver::ArchiverError;
use crate::graph::PendingFull;
use crate::node::NodeError;
use crate::node::archive::ArchiveError;
use crate::node::feed::{CursorError, Reset};
use crate::node::keep::KeepError;
use crate::node::peers::PeerError;
use crate::object::authenticate::AuthenticateError;
use crate::object::author::AuthorError;
use crate::object::codec::Malformed;
use crate::object::header::{HeaderError, Newer, Unfit};
use crate::object::id::IdTextError;
use crate::object::json::{JsonError, JsonFault};
use crate::object::key::KeyError;
use crate::object::oh1::Oh1Error;
use crate::object::parts::{RedactError, Unsound};
use crate::object::typed::{Misfit, TypedError};
use crate::object::value::ListError;
use crate::policy::rule::RuleError;
use crate::schema::fault::{Faults, Wrong};
use crate::schema::fit::Unlike;
use crate::schema::generate::Clash;
use crate::store::{StoreError, StoreErrorKind};
use crate::stream::OpenError;
use crate::stream::admit::{Dropped, Refused, Rejected};
use crate::stream::append::AppendError;
use crate::stream::checkpoint::NoForce;
use crate::stream::content::ContentError;
use crate::stream::explain::Verdict;
use crate::sync::evidence::{Shown, ShowsNothing};
use crate::sync::messages::MessageError;
use crate::sync::questions::End;
use crate::sync::reconcile::RangesError;
use crate::sync::said::Reason;
use crate::transport::{TransportError, TransportErrorKind};

/// What has a row in the table.
pub trait Coded {
    /// The class and the code of the row.
    fn coded(&self) -> (Class, &'static str);

    /// What is caught.
    fn class(&self) -> Class {
        self.coded().0
    }

    /// The rule.
    fn code(&self) -> &'static str {
        self.coded().1
    }
}

/// Those of one class, whose code they know.
macro_rules! coded {
    ($($class:ident: $($error:ty),*;)*) => {
        $($(impl Coded for $error {
            fn coded(&self) -> (Class, &'static str) {
                (Class::$class, <$error>::code(self.to_owned()))
            }
        })*)*
    };
    (by reference $($class:ident: $($error:ty),*;)*) => {
        $($(impl Coded for $error {
            fn coded(&self) -> (Class, &'static str) {
                (Class::$class, <$error>::code(self))
            }
        })*)*
    };
}

coded! {
    Unsound: Malformed, Unsound;
    Author: AuthorError;
    Refused: HeaderError;
    Rule: RuleError;
    Session: End;
    Ranges: RangesError;
    Evidence: ShowsNothing;
    Archive: FrameError, ManifestError, VouchError;
    Verdict: Verdict, NoForce;
    Reason: Reason;
    Gone: Gone;
}

coded! { by reference
    Unsound: Dropped;
    Json: JsonError, JsonFault;
    Newer: Newer;
    Archive: Damage;
    Keep: PolicyError;
    Shown: Shown;
    Definition: Wrong;
    Unlike: Unlike;
}

/// Those that hold one of several errors.
macro_rules! either {
    ($($error:ident: $($variant:ident),*;)*) => {
        $(impl Coded for $error {
            fn coded(&self) -> (Class, &'static str) {
                match self { $(Self::$variant(error) => error.coded(),)* }
            }
        })*
    };
}

either! {
    Unfit: Newer, Refused;
    AuthenticateError: Unsound, Unfit;
    Rejected: Dropped, Newer, Unlike, Refused;
    AppendError: Draft, Rejected;
}

impl Coded for Faults {
    fn coded(&self) -> (Class, &'static str) {
        self.first().what.coded()
    }
}

impl Coded for Clash {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Definition, "clash")
    }
}

impl Coded for PendingFull {
    fn coded(&self) -> (Class, &'static str) {
        Dropped::NoRoom(*self).coded()
    }
}

impl Coded for IdTextError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Id, "id")
    }
}

impl Coded for ContentError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Rule(error) => error.coded(),
            _ => (Class::Refused, (*self).code()),
        }
    }
}

impl Coded for Refused {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Content(error) => error.coded(),
            Self::NotAuthorized => (Class::NotAuthorized, Self::code(self)),
            _ => (Class::Refused, Self::code(self)),
        }
    }
}

impl Coded for KeyError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Misfit, Malformed::from(*self).code())
    }
}

impl Coded for ListError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Misfit, "mixed-list")
    }
}

impl Coded for Misfit {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Key(error) => error.coded(),
            Self::NotAMap => (Class::Misfit, "not-a-map"),
            Self::KeyType => (Class::Misfit, "key-type"),
            Self::NameRepeated => (Class::Misfit, "name-repeated"),
            Self::Mixed(_) => (Class::Misfit, "mixed-list"),
            Self::AbsentItem => (Class::Misfit, "absent-item"),
            Self::WrittenHint(_) => (Class::Misfit, "written-hint"),
            Self::OtherHint { .. } => (Class::Misfit, "other-hint"),
            Self::TooDeep => (Class::Misfit, "too-deep"),
            Self::Redacted(_) => (Class::Misfit, "redacted"),
            Self::Type(_) => (Class::Misfit, "type"),
            Self::EmptyList => (Class::EmptyList, "empty-list"),
            Self::NotFinite => (Class::NotFinite, "not-finite"),
            Self::Wide => (Class::IntegerRange, "integer-range"),
        }
    }
}

impl Coded for TypedError {
    fn coded(&self) -> (Class, &'static str) {
        self.misfit().coded()
    }
}

impl Coded for RedactError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::UnknownMap => (Class::UnknownMap, (*self).code()),
            Self::WholeMap => (Class::Redact, (*self).code()),
        }
    }
}

impl Coded for Oh1Error {
    fn coded(&self) -> (Class, &'static str) {
        let code = match self {
            Self::Json(_) => "oh1-json",
            Self::Key(_) => "oh1-key",
            Self::KeyRepeated(_) => "oh1-key-repeated",
            Self::Value(_) => "oh1-value",
        };
        (Class::Oh1, code)
    }
}

impl Coded for OpenError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::NotARoot => (Class::Open, "not-a-root"),
            Self::Content(error) => error.coded(),
        }
    }
}

impl Coded for StoreErrorKind {
    fn coded(&self) -> (Class, &'static str) {
        let class = if *self == Self::Closed { Class::StoreClosed } else { Class::Store };
        (class, (*self).code())
    }
}

impl Coded for StoreError {
    fn coded(&self) -> (Class, &'static str) {
        self.kind().coded()
    }
}

impl Coded for NodeError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Store(error) => error.coded(),
            Self::Unknown(_) => (Class::UnknownStream, "unknown-stream"),
            Self::Open(error) => error.coded(),
            Self::Unlike(error) => error.coded(),
            Self::Inconsistent { .. } => (Class::Store, "inconsistent"),
        }
    }
}

impl Coded for CursorError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Cursor, "cursor")
    }
}

impl Coded for Reset {
    fn coded(&self) -> (Class, &'static str) {
        let code = match self {
            Self::OtherStore => "other-store",
            Self::OtherFilter => "other-filter",
            Self::Ahead => "ahead",
        };
        (Class::Cursor, code)
    }
}

impl Coded for TransportErrorKind {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Transport, (*self).code())
    }
}

impl Coded for TransportError {
    fn coded(&self) -> (Class, &'static str) {
        self.kind().coded()
    }
}

impl Coded for MessageError {
    fn coded(&self) -> (Class, &'static str) {
        End::Message.coded()
    }
}

impl Coded for PeerError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Transport(error) => error.coded(),
            Self::Node(error) => error.coded(),
            Self::Ended(end) => end.coded(),
            Self::Unsigned => (Class::Session, "not-signed"),
            Self::Gone => (Class::Session, "gone"),
        }
    }
}

impl Coded for Fault {
    fn coded(&self) -> (Class, &'static str) {
        self.what.coded()
    }
}

impl Coded for PageError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Io(_) => (Class::File, "io"),
            Self::Index => (Class::Archive, "index"),
            Self::Frame(error) => error.coded(),
            Self::Damaged { .. } => (Class::Archive, "damaged"),
            Self::Object { reason, .. } => (Class::Archive, reason.code()),
        }
    }
}

impl Coded for ArchiveError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Node(error) => error.coded(),
            Self::Io(_) => (Class::File, "io"),
            Self::NotHere(_) => (Class::Archive, "not-here"),
        }
    }
}

impl Coded for RecordError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Keep, "record")
    }
}

impl Coded for TicketError {
    fn coded(&self) -> (Class, &'static str) {
        (Class::Keep, "ticket")
    }
}

impl Coded for FailureKind {
    fn coded(&self) -> (Class, &'static str) {
        let class = if *self == Self::Unauthorized { Class::Unauthorized } else { Class::Archiver };
        (class, (*self).code())
    }
}

impl Coded for ArchiverError {
    fn coded(&self) -> (Class, &'static str) {
        self.kind().coded()
    }
}

impl Coded for KeepError {
    fn coded(&self) -> (Class, &'static str) {
        match self {
            Self::Node(error) => error.coded(),
            Self::Archive(error) => error.coded(),
            Self::Shelf(error) => error.coded(),
            Self::Record(error) => error.coded(),
            Self::NoRecord(_) => (Class::Keep, "no-record"),
            Self::Policy(error) => error.coded(),
        }
    }
}
