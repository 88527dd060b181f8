//! Who asked for access to a stream and has no answer yet. The answer is a rule of the stream that names the key.

use serde::{Deserialize, Serialize};
use streams_core::node::NodeError;
use streams_core::object::header::types;
use streams_core::store::Scan;
use streams_core::sync::messages::MAX_NOTE;
use streams_core::{Content, Node, StreamId, VerifyingKey};

use super::Asked;

/// How many may wait for an answer about one stream.
pub const MAX_ASKS: usize = 256;

/// How many policy objects are read at once.
const PAGE: usize = 64;

/// Why nobody is asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AskError {
    /// The node, or its store.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The note is too long.
    #[error("a note has at most {MAX_NOTE} bytes")]
    Note,
    /// Too many wait already.
    #[error("{MAX_ASKS} others wait for an answer: ask again when some have one")]
    Full,
}

impl AskError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Node(_) => "node",
            Self::Note => "note",
            Self::Full => "asks-full",
        }
    }
}

/// Somebody who waits for an answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    asked: Asked,
    /// The number of the last change of the stream by then: an answer comes behind it.
    seen: u64,
}

/// Keeps an ask; durable when this returns. Whoever asks again says something else, and keeps the place.
pub async fn ask(node: &Node, stream: StreamId, asked: Asked) -> Result<(), AskError> {
    if asked.note.len() > MAX_NOTE {
        return Err(AskError::Note);
    }
    let head = node.head(stream).await?.ok_or(NodeError::Unknown(stream))?;
    let mut all = waiting(node, stream).await?;
    let new = Waiting { asked, seen: head.last };
    match all.iter().position(|waiting| waiting.asked.key == new.asked.key) {
        Some(at) => all[at] = new,
        None if all.len() >= MAX_ASKS => return Err(AskError::Full),
        None => all.push(new),
    }
    Ok(keep(node, stream, &all).await?)
}

/// Who has no answer yet.
pub async fn open(node: &Node, stream: StreamId) -> Result<Vec<Asked>, NodeError> {
    Ok(waiting(node, stream).await?.into_iter().map(|waiting| waiting.asked).collect())
}

/// Who was kept, without those who have an answer by now.
async fn waiting(node: &Node, stream: StreamId) -> Result<Vec<Waiting>, NodeError> {
    let Some(bytes) = node.store().cursor(&name(stream)).await? else { return Ok(Vec::new()) };
    // What cannot be read was written by another version: those who asked ask again.
    let mut all: Vec<Waiting> = serde_json::from_slice(&bytes).unwrap_or_default();
    let Some(mut above) = all.iter().map(|waiting| waiting.seen).min() else { return Ok(all) };
    loop {
        let page = node.page(stream, Scan::Type(types::POLICY.to_owned(), above), PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        above = last.sequence;
        for stored in page.iter().filter(|stored| stored.effective) {
            if let Ok(Content::Policy { rules, .. }) = Content::read(&stored.authentic) {
                let names = |key: &VerifyingKey| {
                    let text = key.to_string();
                    rules.iter().any(|rule| rule.subjects.iter().flatten().any(|subject| *subject == text))
                };
                all.retain(|waiting| stored.sequence <= waiting.seen || !names(&waiting.asked.key));
            }
        }
    }
}

async fn keep(node: &Node, stream: StreamId, all: &[Waiting]) -> Result<(), NodeError> {
    let bytes = serde_json::to_vec(all).expect("texts and numbers");
    Ok(node.store().set_cursor(&name(stream), &bytes).await?)
}

/// Under what name it is kept.
fn name(stream: StreamId) -> String {
    format!("archive/api/asks/{stream}")
}
