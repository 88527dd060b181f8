//! Objects: from bytes to proof of who wrote them (spec 1 to 6, 12).

pub mod key;

pub mod value;

pub mod id;

pub mod codec;

pub mod author;

mod secret;

pub mod verifier;

pub mod header;

pub mod parts;

pub mod json;

pub mod authenticate;

pub mod root;

pub mod draft;

pub mod typed;

pub mod oh1;

#[cfg(test)]
pub(crate) mod arbitrary;

#[cfg(test)]
mod oracle;
