//! Errors: what is thrown is made in JavaScript, from the class and the code of the core's table.

use streams_core::codes::{Class, Coded};
use wasm_bindgen::JsValue;

/// What went wrong.
#[derive(Clone, Copy)]
pub struct Failure {
    class: Class,
    code: &'static str,
}

/// What came of a call.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(crate) const fn new(class: Class, code: &'static str) -> Self {
        Self { class, code }
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        let (class, code) = error.coded();
        Self { class, code }
    }
}

impl From<Failure> for JsValue {
    fn from(Failure { class, code }: Failure) -> Self {
        [class.name(), code].join("/").into()
    }
}
