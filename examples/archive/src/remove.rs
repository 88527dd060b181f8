//! Removing: on three levels, and for each copy what was done and what cannot be.
//!
//! | level | what is done | what it cannot do |
//! |---|---|---|
//! | hide | an object says that the item is not shown | the item is where it was |
//! | drop | the content goes from every replica that keeps the rules; id and signature stay | copies in archives, and peers that do not keep the rules |
//! | forget | the key of a sealed stream is destroyed, so that no copy is read any more | what was read before; streams that are not sealed |
//!
//! No archiver is asked to delete anything: a pack holds more than one object, and is known there to whoever else handed
//! over the same bytes. Which packs hold an item, and by what tickets they are found, is told ([`held_at`]).

use serde::Serialize;
use streams_core::archive::ledger::Account;
use streams_core::archiver::Ticket;
use streams_core::node::keep::{KeepError, recorded};
use streams_core::{Authentic, Node, Object, ObjectId, StreamId, Value, VerifyingKey};

use crate::object::{Hidden, types};
use crate::stream::StreamView;
use crate::vault::{Reference, Vault, VaultError};
use crate::write::{ArchiveError, Hand, New};

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// It is as was wanted.
    Done,
    /// It was asked for, and others do it.
    Asked,
    /// It is not so, and this level cannot make it so.
    Cannot,
}

/// A copy, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which copy.
    pub copy: String,
    /// What became of it.
    pub what: Done,
    /// The same in a sentence.
    pub sentence: String,
}

impl Line {
    /// A line.
    pub fn new(copy: impl Into<String>, what: Done, sentence: impl Into<String>) -> Self {
        Self { copy: copy.into(), what, sentence: sentence.into() }
    }
}

/// Why something was not removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The stream.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What is known of its copies.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It is no item of the stream.
    #[error("{0} is no item of this stream")]
    NoItem(ObjectId),
    /// The stream is not sealed.
    #[error("this stream is not sealed, so there is no key to forget; --drop removes the content of an item")]
    NotSealed,
}

impl From<streams_core::node::NodeError> for RemoveError {
    fn from(error: streams_core::node::NodeError) -> Self {
        Self::Archive(error.into())
    }
}

/// Where a copy of an object is, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAt {
    /// The archiver.
    pub archiver: String,
    /// The deal there.
    pub ticket: Ticket,
    /// The pack, by the id of its manifest.
    pub pack: ObjectId,
}

impl HeldAt {
    fn line(&self) -> Line {
        let sentence = format!("a pack there holds its bytes, and is never changed; its ticket is {}", self.ticket);
        Line::new(self.archiver.clone(), Done::Cannot, sentence)
    }
}

/// The deals whose packs hold an object, of all that this owner has had kept.
pub async fn held_at(
    node: &Node,
    owner: VerifyingKey,
    stream: StreamId,
    id: &ObjectId,
) -> Result<Vec<HeldAt>, RemoveError> {
    let stored = node.object(stream, id).await?.ok_or(RemoveError::NoItem(*id))?;
    let (_, records) = recorded(&**node.store(), &Account { owner, stream }).await?;
    let (mut held, mut before) = (Vec::new(), 0);
    for record in records {
        if !record.continues {
            before = 0;
        }
        let holds = before < stored.sequence && stored.sequence <= record.seen;
        before = record.seen;
        if !holds {
            continue;
        }
        for job in &record.jobs {
            for ticket in job.deals.iter().filter(|deal| deal.is_live()).filter_map(|deal| deal.ticket()) {
                let (archiver, pack) = (job.archiver.clone(), ObjectId::from_bytes(record.id));
                held.push(HeldAt { archiver, ticket: ticket.clone(), pack });
            }
        }
    }
    Ok(held)
}

/// An item of a stream.
async fn item(node: &Node, stream: StreamId, id: &ObjectId) -> Result<Authentic, RemoveError> {
    let object = node.object(stream, id).await?.ok_or(RemoveError::NoItem(*id))?.authentic;
    let is_item = [types::ITEM, types::SEALED].contains(&object.header().r#type());
    if is_item { Ok(object) } else { Err(RemoveError::NoItem(*id)) }
}

/// Says that an item is not shown any more.
pub async fn hide(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Vec<Line>, RemoveError> {
    item(hand.node, stream, id).await?;
    let hidden = Hidden { item: *id, reason };
    let hide = |view: &StreamView| {
        let is_new = !view.hidden.contains(id);
        Ok((if is_new { vec![New::of(types::HIDDEN, &hidden)?] } else { Vec::new() }, ()))
    };
    hand.edit(stream, hide).await?;
    let mut lines = vec![
        Line::new("this store", Done::Done, "it is not shown; its bytes are here"),
        Line::new("peers", Done::Asked, "they do not show it, once they hear of it"),
    ];
    for held in held_at(hand.node, hand.key.verifying_key(), stream, id).await? {
        lines.push(held.line());
    }
    Ok(lines)
}

/// Drops the content of an item in every replica that keeps the rules of the stream. It is hidden, too.
pub async fn drop_content(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Vec<Line>, RemoveError> {
    let object = item(hand.node, stream, id).await?;
    hide(hand, stream, id, reason).await?;
    if let Some(Value::Map(data)) = object.object().to_map().ok().and_then(|mut map| map.remove("data")) {
        let Ok(map) = Object::from_map(&data) else { unreachable!("it stands in an object") };
        let map = map.id();
        let redact = |stream: &mut streams_core::Stream| {
            stream.by(hand.key).at(hand.now).redact_for_all(&[map]).map(|written| stream.is_effective(&written.id()))
        };
        let is_effective = hand.node.write(stream, redact).await?.map_err(ArchiveError::from)?;
        if !is_effective {
            return Err(ArchiveError::NotOwner(hand.node.read(stream, |stream| stream.owner()).await?).into());
        }
    }
    let mut lines = vec![
        Line::new("this store", Done::Done, "its content is gone; its id and its signature stay"),
        Line::new("peers", Done::Asked, "those that keep the rules drop it, once they hear of it"),
    ];
    for held in held_at(hand.node, hand.key.verifying_key(), stream, id).await? {
        lines.push(held.line());
    }
    Ok(lines)
}

/// Forgets the key of a sealed stream: nobody who does not have the key elsewhere reads its items again.
pub async fn forget(hand: Hand<'_>, vault: &dyn Vault, stream: StreamId) -> Result<Vec<Line>, RemoveError> {
    let seen = crate::stream::view(hand.node, stream).await?.ok_or(ArchiveError::NoStream(stream))?;
    if seen.view.meta.seal.is_none() {
        return Err(RemoveError::NotSealed);
    }
    let was_there = vault.forget(&Reference::of_stream(stream))?;
    let sentence = if was_there { "the key is destroyed" } else { "the key was not there" };
    let mut lines = vec![
        Line::new(vault.name(), Done::Done, sentence),
        Line::new("this store", Done::Done, "its items are there, and nobody reads them"),
        Line::new("peers", Done::Done, "their copies are sealed to the key, and nobody reads them"),
    ];
    let mut places: Vec<String> = seen.view.deals.into_values().map(|receipt| receipt.archiver).collect();
    places.sort();
    places.dedup();
    lines.extend(places.into_iter().map(|place| Line::new(place, Done::Done, "its packs hold what nobody reads")));
    lines.push(Line::new(
        "copies of the vault",
        Done::Cannot,
        "who backed the vault up, or has the key elsewhere, still reads them",
    ));
    Ok(lines)
}
