//! Errors: what JavaScript throws is made there, from a kind, a code and a sentence.

use std::fmt::Display;

use streams_core::archive::read::Reader;
use streams_core::node::NodeError;
use streams_core::node::archive::ArchiveError;
use streams_core::node::peers::PeerError;
use streams_core::transport::TransportError;
use streams_core::*;
use wasm_bindgen::JsValue;

/// What went wrong.
pub(crate) struct Failure {
    kind: &'static str,
    code: &'static str,
    message: String,
}

/// What came of a call.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(kind: &'static str, code: &'static str, message: impl Display) -> Self {
        Self { kind, code, message: message.to_string() }
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        let Failure { kind, code, message } = failure;
        [kind, code, &message].join("\n").into()
    }
}

/// Errors that have a code.
macro_rules! failures {
    ($($error:ty => $kind:literal),* $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new($kind, error.code(), error)
            }
        }
    )*};
}
failures! {
    AuthorError => "key",
    Unsound => "value",
    Rejected => "refused",
    RuleError => "value",
    HeaderError => "value",
    RedactError => "value",
    ContentError => "value",
}
