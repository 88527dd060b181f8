//! Fetching: what a source has becomes items.
//!
//! When a resource is due, and what becomes of its failures, is decided by a machine without IO ([`machine`]). What is
//! asked of a source is its [`Fetcher`]'s: it hands out pages, the items of each in the order in which they are to be
//! written. What nobody can read of a page is handed out too, as a [`Poison`], and does not stop the rest.

pub mod feed;

pub mod folder;

pub mod git;

pub mod http;

pub mod json;

pub mod machine;

pub mod webhook;

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::object::{Item, Resource};
use crate::vault::SecretString;

/// Where a fetcher is with its source. It is kept in the store, and never leaves the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The tag of what was sent last (RFC 9110, 8.8.3).
    pub etag: Option<String>,
    /// When it was changed last, as the source says.
    pub modified: Option<String>,
    /// How far it got, in the words of the fetcher.
    pub position: Option<String>,
    /// Whether a run was begun and not ended: then what is known already does not end the next one.
    pub unfinished: bool,
}

/// A part of what a source has.
#[derive(Debug, Default)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// What nobody could read.
    pub poison: Vec<Poison>,
    /// Whether all that is behind this page is known where all of this page is: it goes from the newest to the oldest.
    pub newest_first: bool,
}

/// Something that nobody could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poison {
    /// Its id at the source, or its place there.
    pub source: String,
    /// What is wrong with it, in a sentence.
    pub reason: String,
    /// BLAKE3 of it.
    pub digest: [u8; 32],
}

/// What is known behind the last page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether the source had nothing new, and said so without sending anything.
    pub not_modified: bool,
    /// How long the source wants to be left alone, in milliseconds.
    pub rest: Option<u64>,
    /// Whether all was handed out that the source has: what is known beside it is there no more.
    pub complete: bool,
}

/// Why a source gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Too many questions; it may be asked again after so many milliseconds.
    #[error("it was asked too often, and wants to be left alone for {} s", after.div_ceil(1000))]
    RateLimited {
        /// How long.
        after: u64,
    },
    /// It wants a credential, or another one.
    #[error("{0}")]
    Unauthorized(String),
    /// It is not there any more.
    #[error("{0}")]
    Gone(String),
    /// It did not answer, or not as it should: it may do so later.
    #[error("{0}")]
    Transient(String),
}

impl FetchError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate-limited",
            Self::Unauthorized(_) => "unauthorized",
            Self::Gone(_) => "gone",
            Self::Transient(_) => "transient",
        }
    }
}

/// Asks a source.
#[async_trait]
pub trait Fetcher: Send + Sync + fmt::Debug {
    /// Begins at a cursor. `now` is the time, in milliseconds since 1970.
    async fn begin(&self, cursor: &Cursor, now: u64) -> Result<Box<dyn Pages>, FetchError>;
}

/// What a source hands out, page by page.
#[async_trait]
pub trait Pages: Send + fmt::Debug {
    /// The next page; `None` behind the last.
    async fn next(&mut self) -> Result<Option<Page>, FetchError>;

    /// What is known behind the last page, or where it was stopped since all the rest is known.
    fn end(&self) -> End;
}

/// The fetcher of a resource; `None` for what is not fetched, but delivered. `max` is the largest content, in bytes.
pub fn fetcher(
    resource: &Resource,
    credential: Option<SecretString>,
    max: u64,
) -> Result<Option<Box<dyn Fetcher>>, FetchError> {
    Ok(match resource.kind.as_str() {
        "git" => Some(Box::new(git::Git::new(resource))),
        "folder" => Some(Box::new(folder::Folder::new(resource, max))),
        "feed" => Some(Box::new(feed::Feed::new(resource, credential)?)),
        "http" => Some(Box::new(json::Json::new(resource, credential)?)),
        "webhook" => None,
        other => return Err(FetchError::Gone(format!("this version fetches nothing of the kind {other}"))),
    })
}

/// Poison of these bytes.
fn poison(source: impl Into<String>, reason: impl Into<String>, bytes: &[u8]) -> Poison {
    let reason = crate::item::cut(&reason.into(), 400).to_owned();
    Poison { source: source.into(), reason, digest: *blake3::hash(bytes).as_bytes() }
}
