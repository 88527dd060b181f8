//! Items: what they are known by, what of a source fits into one, and how they come into a stream once.

use std::collections::{HashMap, HashSet};

use streams_core::node::NodeError;
use streams_core::store::Scan;
use streams_core::{Authentic, Bytes, Node, ObjectId, Stream, StreamId};

use crate::object::{Item, MAX_CONTENT, MAX_PIECE, MAX_TEXT, Piece, Sealed, types};
use crate::seal::{SealError, StreamKey};
use crate::write::{ArchiveError, Hand, New};

/// How many items are written in one commit.
pub const BATCH: usize = 256;

/// How much of content goes into one commit, in bytes, where that is more than one item.
const BATCH_BYTES: usize = 4 << 20;

/// How many objects are asked of the store at once.
const PAGE: usize = 1024;

/// The kind of an item that says that what was there is not there any more.
pub const REMOVED: &str = "removed";

impl Item {
    /// What its resource and its id are known by.
    pub fn subject(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("streams 2026 archive item v1");
        let resource = self.resource.as_deref().unwrap_or_default();
        hasher.update(&(resource.len() as u64).to_be_bytes()).update(resource).update(self.source.as_bytes());
        sixteen(&hasher)
    }

    /// What its revision is known by.
    pub fn mark(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_derive_key("streams 2026 archive revision v1");
        let revision = self.revision.as_deref().unwrap_or_default();
        hasher.update(&[u8::from(self.revision.is_some())]).update(revision.as_bytes());
        sixteen(&hasher)
    }

    /// Takes content: as text, where it is text and short; in pieces, where it is longer; and of what is too long, the
    /// beginning, its size and its digest.
    pub fn take_content(&mut self, bytes: &[u8]) {
        let is_text = |bytes: &[u8]| !bytes.contains(&0);
        let text = str::from_utf8(bytes).ok().filter(|text| is_text(text.as_bytes()));
        self.text = text.map(|text| cut(text, MAX_TEXT).to_owned());
        if text.is_some_and(|text| text.len() <= MAX_TEXT) {
            return;
        }
        if bytes.len() <= MAX_CONTENT {
            self.content = Some(bytes.chunks(MAX_PIECE).map(|piece| Piece { bytes: piece.into() }).collect());
        } else {
            self.size = Some(bytes.len() as u64);
            self.digest = Some(blake3::hash(bytes).as_bytes().to_vec().into());
        }
    }

    /// The content, where all of it is here.
    pub fn content(&self) -> Option<Vec<u8>> {
        match (&self.content, self.size) {
            (Some(pieces), _) => Some(pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()),
            (None, None) => self.text.as_ref().map(|text| text.clone().into_bytes()),
            (None, Some(_)) => None,
        }
    }

    /// The same, with what is too long for an object cut.
    pub fn fitted(mut self) -> Self {
        for (field, most) in
            [(&mut self.title, 1024), (&mut self.actor, 256), (&mut self.link, 2048), (&mut self.text, MAX_TEXT)]
        {
            if let Some(text) = field.as_mut().filter(|text| text.len() > most) {
                *text = cut(text, most).to_owned();
            }
        }
        if self.source.len() > 1024 {
            // Still one id for one thing.
            let digest = blake3::hash(self.source.as_bytes()).to_hex();
            self.source = format!("{}…{digest}", cut(&self.source, 900));
        }
        if let Some(parents) = &mut self.parents {
            parents.truncate(64);
            parents.retain(|parent| parent.len() <= 128);
        }
        self.kind = cut(&self.kind, 64).to_owned();
        self
    }
}

fn sixteen(hasher: &blake3::Hasher) -> [u8; 16] {
    let mut name = [0; 16];
    hasher.finalize_xof().fill(&mut name);
    name
}

/// How many items from the first on go into one commit: at least one.
fn batch_of(items: &[Item]) -> usize {
    let mut bytes = 0;
    let fits = items.iter().take(BATCH).take_while(|item| {
        bytes += item.text.as_ref().map_or(0, String::len) + item.content.as_ref().map_or(0, |c| c.len() * MAX_PIECE);
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

/// The beginning of a text, at most so many bytes of it.
pub fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// Reads an item of a stream; `None` of what is no item, or stands redacted, or is sealed and its key is not here.
pub fn read(authentic: &Authentic, key: Option<&StreamKey>) -> Option<Item> {
    let object = authentic.object();
    match authentic.header().r#type() {
        types::ITEM => object.data_as().ok().flatten(),
        types::SEALED => {
            let sealed: Sealed = object.data_as().ok().flatten()?;
            key?.open(&sealed).ok()
        }
        _ => None,
    }
}

/// The latest item of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Latest {
    revision: [u8; 16],
    id: ObjectId,
    /// Its resource and its id at the source, where they can be read, and it was not removed there.
    source: Option<(Bytes, Box<str>)>,
}

/// What an item is known by in a stream: what it is of, and which revision of it.
type Names = ([u8; 16], [u8; 16]);

fn names_of(authentic: &Authentic, item: Option<&Item>) -> Option<Names> {
    if authentic.header().r#type() != types::SEALED {
        return item.map(|item| (item.subject(), item.mark()));
    }
    let Sealed { subject, revision, .. } = authentic.object().data_as().ok().flatten()?;
    Some(((*subject).try_into().ok()?, (*revision).try_into().ok()?))
}

/// Under what name it is kept which items were dropped here, 32 bytes each: what is left of them does not say it.
fn dropped_name(stream: StreamId) -> String {
    format!("archive/dropped/{stream}")
}

/// Takes note of an item that is to be dropped, so that it does not come again from a source that still has it. Another
/// revision of it does.
pub(crate) async fn note_dropped(node: &Node, stream: StreamId, object: &Authentic) -> Result<(), NodeError> {
    let Some((subject, revision)) = names_of(object, read(object, None).as_ref()) else { return Ok(()) };
    let (name, names) = (dropped_name(stream), [subject, revision].concat());
    let mut dropped = node.store().cursor(&name).await?.unwrap_or_default();
    if dropped.chunks(names.len()).all(|known| known != names) {
        dropped.extend(names);
        node.store().set_cursor(&name, &dropped).await?;
    }
    Ok(())
}

/// Which items are in a stream, so that none comes twice. It takes about 100 bytes an item, and can be thrown away.
#[derive(Debug)]
pub struct Index {
    stream: StreamId,
    key: Option<StreamKey>,
    latest: HashMap<[u8; 16], Latest>,
    dropped: HashSet<Names>,
    /// Up to which numbers items, and sealed items, were read.
    read: [u64; 2],
}

/// What came of writing items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Those that were new.
    pub new: Vec<ObjectId>,
    /// How many were there already.
    pub known: usize,
}

/// Why items were not written.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// The stream.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The items are to be sealed, and could not be.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl From<NodeError> for ItemError {
    fn from(error: NodeError) -> Self {
        Self::Archive(error.into())
    }
}

impl Index {
    /// The index of a stream, of which nothing was read yet. Where there is a key, items are sealed.
    pub fn new(stream: StreamId, key: Option<StreamKey>) -> Self {
        Self { stream, key, latest: HashMap::new(), dropped: HashSet::new(), read: [0; 2] }
    }

    /// How many things it knows.
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Reads what came since.
    pub async fn refresh(&mut self, node: &Node) -> Result<(), NodeError> {
        for (at, r#type) in [types::ITEM, types::SEALED].into_iter().enumerate() {
            loop {
                let page = node.page(self.stream, Scan::Type(r#type.to_owned(), self.read[at]), PAGE).await?;
                let Some(last) = page.last() else { break };
                self.read[at] = last.sequence;
                for stored in page.iter().filter(|stored| stored.effective || stored.adopted_by.is_some()) {
                    self.note(&stored.authentic);
                }
            }
        }
        let dropped = node.store().cursor(&dropped_name(self.stream)).await?.unwrap_or_default();
        let (marks, _) = dropped.as_chunks::<16>();
        self.dropped = marks.chunks_exact(2).map(|names| (names[0], names[1])).collect();
        Ok(())
    }

    fn note(&mut self, authentic: &Authentic) {
        let id = authentic.id();
        let item = read(authentic, self.key.as_ref());
        let Some((subject, revision)) = names_of(authentic, item.as_ref()) else { return };
        let source =
            item.filter(|item| item.kind != REMOVED).and_then(|item| Some((item.resource?, item.source.into())));
        self.latest.insert(subject, Latest { revision, id, source });
    }

    /// The ids at its source of all that a resource has, as far as they can be read.
    pub fn sources<'a>(&'a self, resource: &'a [u8]) -> impl Iterator<Item = &'a str> {
        let of = |latest: &'a Latest| latest.source.as_ref().filter(|(of, _)| **of == *resource);
        self.latest.values().filter_map(of).map(|(_, source)| &**source)
    }

    /// Under what an item stands in this index.
    fn names(&self, item: &Item) -> Names {
        let name = |plain: [u8; 16]| self.key.as_ref().map_or(plain, |key| key.name(&plain));
        (name(item.subject()), name(item.mark()))
    }

    /// Whether the latest revision of this is there, or was and is dropped.
    pub fn has(&self, item: &Item) -> bool {
        let (subject, revision) = self.names(item);
        self.latest.get(&subject).is_some_and(|latest| latest.revision == revision)
            || self.dropped.contains(&(subject, revision))
    }

    /// Writes the items that are not there, in their order; of what is there in another revision, the new one says that
    /// it takes the place of the old one. At most [`BATCH`] in a commit; each is durable when this returns.
    pub async fn append(&mut self, hand: Hand<'_>, items: &[Item]) -> Result<Appended, ItemError> {
        let mut appended = Appended::default();
        let mut rest = items;
        while !rest.is_empty() {
            let batch;
            (batch, rest) = rest.split_at(batch_of(rest));
            loop {
                let head = hand.node.head(self.stream).await?.ok_or(ArchiveError::NoStream(self.stream))?;
                self.refresh(hand.node).await?;
                let new = self.new_of(batch)?;
                if new.is_empty() {
                    appended.known += batch.len();
                    break;
                }
                let count = new.len();
                let append = |stream: &mut Stream| hand.append(stream, new);
                if let Some(written) = hand.node.write_after(self.stream, head.last, append).await? {
                    let written = written?;
                    appended.new.extend(written.iter().map(Authentic::id));
                    appended.known += batch.len() - count;
                    break;
                }
            }
        }
        Ok(appended)
    }

    fn new_of(&self, items: &[Item]) -> Result<Vec<New>, ItemError> {
        let mut new: Vec<New> = Vec::new();
        // What this batch brings, by its names; a later one of the same thing cannot yet name it.
        let mut brought: HashMap<[u8; 16], [u8; 16]> = HashMap::new();
        for item in items {
            let (subject, revision) = self.names(item);
            let before = self.latest.get(&subject);
            let is_known = brought.get(&subject).or(before.map(|latest| &latest.revision)) == Some(&revision);
            if is_known || self.dropped.contains(&(subject, revision)) {
                continue;
            }
            brought.insert(subject, revision);
            let item = Item { replaces: before.map(|latest| latest.id).or(item.replaces), ..item.clone() }.fitted();
            new.push(match &self.key {
                None => New::of(types::ITEM, &item).map_err(ArchiveError::from)?,
                Some(key) => New::of(types::SEALED, &key.seal(&item)?).map_err(ArchiveError::from)?,
            });
        }
        Ok(new)
    }
}
