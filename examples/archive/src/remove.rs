//! Removing: on four levels, and for each copy what was done and what cannot be.
//!
//! | level | what is done | what it cannot do |
//! |---|---|---|
//! | hide | an object says that the item is not shown | the item is where it was |
//! | drop | the content goes from every replica that keeps the rules; id and signature stay | copies in archives, and peers that do not keep the rules |
//! | release | the content is dropped, the stream archived anew without it, and then whoever has the earlier packs is told to take them away | archivers that take nothing away; who fetched them where everybody may |
//! | forget | the key of a sealed stream is destroyed, so that no copy is read any more | what was read before; streams that are not sealed |
//!
//! A pack holds more than one object, and others continue it: so none is taken away before there are copies of what takes
//! its place. That is done by whoever has the copies kept ([`crate::service`]), and until then it is asked for. Which packs
//! hold an item, and by what tickets they are found, is told ([`held_at`]).

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use streams_core::archive::ledger::{Account, Deal, Release};
use streams_core::archiver::{Released, Ticket};
use streams_core::node::keep::{KeepError, ask_to_release, recorded};
use streams_core::store::Scan;
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

/// How many objects are asked of the store at once.
const PAGE: usize = 256;

/// A copy of what an object held, in a pack, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAt {
    /// The archiver.
    pub archiver: String,
    /// The pack, by the id of its manifest.
    pub pack: ObjectId,
    /// The deal there, which tells how far it is released.
    pub deal: Deal,
    /// Whether it is asked for that it is released.
    pub is_asked: bool,
    /// Whether copies of the stream are wanted there now. Nobody asks where none are.
    pub is_wanted: bool,
}

impl HeldAt {
    fn line(&self) -> Line {
        let ticket = self.deal.ticket().map_or("not known", Ticket::as_str);
        let (what, sentence) = match &self.deal.release {
            Some(Release::Done(Released::Now)) => {
                (Done::Done, "the pack that held its bytes is not there any more".into())
            }
            Some(Release::Done(Released::Ends(until))) => {
                let date = until.and_then(|until| DateTime::from_timestamp_millis(i64::try_from(until).ok()?));
                let ends = match date {
                    Some(date) => format!("ends on {}", date.format("%Y-%m-%d")),
                    None => "is gone when the place clears away what nobody keeps".to_owned(),
                };
                (Done::Asked, format!("the pack that holds its bytes is released, and {ends}"))
            }
            Some(Release::Refused(failure)) => {
                let text = format!("a pack there holds its bytes, and is not released: {}", failure.message);
                (Done::Cannot, format!("{text}; its ticket is {ticket}"))
            }
            _ if self.is_asked && self.is_wanted => {
                let text = "the pack that holds its bytes is released when there are copies of what takes its place";
                (Done::Asked, text.to_owned())
            }
            _ if self.is_asked => {
                let text =
                    "a pack there holds its bytes, and is released when copies of the stream are wanted there again";
                (Done::Cannot, format!("{text}; its ticket is {ticket}"))
            }
            _ => (Done::Cannot, format!("a pack there holds its bytes, and is never changed; its ticket is {ticket}")),
        };
        Line::new(self.archiver.clone(), what, sentence)
    }
}

/// The deals of packs that hold the content of an object, of all that this owner has had kept, where they may live.
pub async fn held_at(
    node: &Node,
    owner: VerifyingKey,
    stream: StreamId,
    id: &ObjectId,
) -> Result<Vec<HeldAt>, RemoveError> {
    let (held, _) = copies(node, owner, stream, id).await?;
    Ok(held.into_iter().filter(|held| held.deal.is_live()).collect())
}

/// The deals of packs that hold the content of an object, or held it before they were released; and of packs that hold it
/// and wait here, whether they are to be released.
async fn copies(
    node: &Node,
    owner: VerifyingKey,
    stream: StreamId,
    id: &ObjectId,
) -> Result<(Vec<HeldAt>, Vec<bool>), RemoveError> {
    let stored = node.object(stream, id).await?.ok_or(RemoveError::NoItem(*id))?;
    let dropped = dropped_at(node, stream, &stored.authentic).await?.unwrap_or(u64::MAX);
    let config = crate::stream::view(node, stream).await?.map(|seen| seen.view.config);
    let has_places = config.and_then(|config| config.places).is_some_and(|places| !places.is_empty());
    let (head, records) = recorded(&**node.store(), &Account { owner, stream }).await?;
    let (mut held, mut here, mut before, mut begun) = (Vec::new(), Vec::new(), 0, 0);
    for record in records {
        if !record.continues {
            (before, begun) = (0, record.seen);
        }
        // What knows of the removal does not hold what was removed.
        let holds = before < stored.sequence && stored.sequence <= record.seen && record.seen < dropped;
        before = record.seen;
        if !holds {
            continue;
        }
        let is_asked = begun < head.release_before;
        here.extend(record.here.then_some(is_asked));
        for job in record.jobs {
            let (is_wanted, pack) = (has_places && job.wanted > 0, ObjectId::from_bytes(record.id));
            let deals = job.deals.into_iter().filter(|deal| deal.is_live() || deal.release.is_some());
            held.extend(deals.map(|deal| HeldAt { archiver: job.archiver.clone(), pack, deal, is_asked, is_wanted }));
        }
    }
    Ok((held, here))
}

/// What has content dropped (spec 3.4).
#[derive(Deserialize)]
struct Redact {
    #[serde(rename = "maps:ar")]
    maps: Vec<ObjectId>,
}

/// The number, in the store's sequence, of what had the content of an object dropped from all replicas.
async fn dropped_at(node: &Node, stream: StreamId, object: &Authentic) -> Result<Option<u64>, RemoveError> {
    let Some(content) = content_of(object) else { return Ok(None) };
    let (mut above, mut dropped) = (0, None);
    loop {
        let page = node.page(stream, Scan::Type("streams/redact".into(), above), PAGE).await?;
        let Some(last) = page.last() else { return Ok(dropped) };
        above = last.sequence;
        let names =
            |object: &Object| matches!(object.data_as::<Redact>(), Ok(Some(redact)) if redact.maps.contains(&content));
        let by = page.iter().rfind(|stored| stored.effective && names(stored.authentic.object()));
        dropped = by.map(|stored| stored.sequence).or(dropped);
    }
}

/// The map of what an object says, by its id, whether it is here or was dropped.
fn content_of(object: &Authentic) -> Option<ObjectId> {
    match object.object().to_map().ok()?.remove("data")? {
        Value::Map(data) => Object::from_map(&data).ok().map(|map| map.id()),
        Value::Redacted(id) => Some(id),
        _ => None,
    }
}

/// An item of a stream.
async fn item(node: &Node, stream: StreamId, id: &ObjectId) -> Result<Authentic, RemoveError> {
    let object = node.object(stream, id).await?.ok_or(RemoveError::NoItem(*id))?.authentic;
    let is_item = [types::ITEM, types::SEALED].contains(&object.header().r#type());
    if is_item { Ok(object) } else { Err(RemoveError::NoItem(*id)) }
}

/// What was done of an item here and with peers; and with archivers, as far as is known here.
async fn lines(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    here: &str,
    peers: &str,
) -> Result<Vec<Line>, RemoveError> {
    let mut lines = vec![Line::new("this store", Done::Done, here), Line::new("peers", Done::Asked, peers)];
    let (held, waiting) = copies(hand.node, hand.key.verifying_key(), stream, id).await?;
    lines.extend(waiting.into_iter().map(|is_asked| match is_asked {
        true => Line::new("packs that wait here", Done::Asked, "it goes when there is another in its place"),
        false => Line::new("packs that wait here", Done::Cannot, "one holds its bytes, and is to be handed over"),
    }));
    lines.extend(held.iter().map(HeldAt::line));
    Ok(lines)
}

/// Says that an item is not shown any more.
pub async fn hide(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Vec<Line>, RemoveError> {
    item(hand.node, stream, id).await?;
    say_hidden(hand, stream, id, reason).await?;
    let (here, peers) = ("it is not shown; its bytes are here", "they do not show it, once they hear of it");
    lines(hand, stream, id, here, peers).await
}

async fn say_hidden(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<(), RemoveError> {
    let hidden = Hidden { item: *id, reason };
    let hide = |view: &StreamView| {
        let is_new = !view.hidden.contains(id);
        Ok((if is_new { vec![New::of(types::HIDDEN, &hidden)?] } else { Vec::new() }, ()))
    };
    hand.edit(stream, hide).await?;
    Ok(())
}

/// Drops the content of an item in every replica that keeps the rules of the stream. It is hidden, too.
pub async fn drop_content(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Vec<Line>, RemoveError> {
    drop_here(hand, stream, id, reason).await?;
    dropped_lines(hand, stream, id).await
}

async fn dropped_lines(hand: Hand<'_>, stream: StreamId, id: &ObjectId) -> Result<Vec<Line>, RemoveError> {
    let here = "its content is gone; its id and its signature stay";
    lines(hand, stream, id, here, "those that keep the rules drop it, once they hear of it").await
}

/// Drops the content of an item, and tells the number, in the store's sequence, of what had it dropped.
async fn drop_here(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Option<u64>, RemoveError> {
    let object = item(hand.node, stream, id).await?;
    say_hidden(hand, stream, id, reason).await?;
    if let (Some(map), Some(_)) = (content_of(&object), object.object().data()) {
        crate::item::note_dropped(hand.node, stream, &object).await?;
        let redact = |stream: &mut streams_core::Stream| {
            stream.by(hand.key).at(hand.now).redact_for_all(&[map]).map(|written| stream.is_effective(&written.id()))
        };
        let is_effective = hand.node.write(stream, redact).await?.map_err(ArchiveError::from)?;
        if !is_effective {
            return Err(ArchiveError::NotOwner(hand.node.read(stream, |stream| stream.owner()).await?).into());
        }
    }
    dropped_at(hand.node, stream, &object).await
}

/// Drops the content of an item, and has all packs released that hold it: whoever keeps the copies archives the stream
/// anew, and when all of that is there, the archivers are told to take the earlier packs away.
///
/// Done again, it tells how far that is.
pub async fn release(
    hand: Hand<'_>,
    stream: StreamId,
    id: &ObjectId,
    reason: Option<String>,
) -> Result<Vec<Line>, RemoveError> {
    if let Some(number) = drop_here(hand, stream, id, reason).await? {
        let account = Account { owner: hand.key.verifying_key(), stream };
        ask_to_release(&**hand.node.store(), &account, number).await?;
    }
    dropped_lines(hand, stream, id).await
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
    let held = seen.view.deals.into_values().filter(|receipt| !receipt.copies.is_empty());
    let mut places: Vec<String> = held.map(|receipt| receipt.archiver).collect();
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
