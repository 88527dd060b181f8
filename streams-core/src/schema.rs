//! The definition language (spec 13): what objects a stream may have, and which fields they have.
//!
//! A [`Definition`](definition::Definition) is [parsed](definition::Definition::parse) from text, and what was parsed
//! has no contradictions: one root a stream, every name once, every type known. It is printed in one way, compared with
//! a later one, and held against objects.
//!
//! ```
//! # use streams_core::schema::definition::Definition;
//! let definition = Definition::parse("stream example.org/list { root object Created { } event Added { text string } }")?;
//! let added = definition.object("example.org/list.Added").expect("it is defined");
//! assert_eq!(added.fields()[0].hint().to_string(), "s");
//! # Ok::<(), streams_core::schema::fault::Faults>(())
//! ```

mod check;

pub mod definition;

pub mod differ;

pub mod fault;

pub mod fit;

pub mod generate;

mod parse;

mod print;
