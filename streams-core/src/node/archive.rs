//! Archives of the streams of a store (spec 11): written page by page, and restored, in memory that does not grow with
//! the archive.

use std::io::{self, Write};

use blake3::Hasher;

use super::{Node, NodeError};
use crate::archive::manifest::Manifest;
use crate::archive::write::{Writer, Written};
use crate::object::authenticate::Authentic;
use crate::object::header::Role;
use crate::object::id::{ObjectId, StreamId};
use crate::shared::Shared;
use crate::store::{Head, Record, Scan, Store, StoreError, StoreErrorKind};
use crate::stream::admit::{Ingested, Rejected};

/// How many objects are asked of the store at once, at most and where they are large.
const PAGE: usize = 1024;
const SMALL_PAGE: usize = 16;

/// How many places are asked for at once.
const PLACES: usize = 4096;

/// What a page should take in memory, about.
const PAGE_BYTES: usize = 4 << 20;

/// Why an archive is not written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The stream, or its store.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// What the archive is written to.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An earlier archive holds what is not here.
    #[error("an earlier archive holds {0}, which is not here: restore that archive first")]
    NotHere(ObjectId),
}

impl From<StoreError> for ArchiveError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.into())
    }
}

/// Which objects of a stream, in this store, are in archives that were made before.
///
/// Takes a bit for each change of the store behind [`up_to`](Self::up_to).
#[derive(Clone, Debug)]
pub struct Archived {
    previous: ObjectId,
    /// All with a number up to this one.
    upto: u64,
    /// Which of those behind it.
    beyond: Vec<u64>,
}

impl Archived {
    /// Nothing is known yet to be in the archive with this manifest or in those that it continues: whoever reads them
    /// [notes](Node::note_archived) what is.
    pub fn in_archive(manifest: ObjectId) -> Self {
        Self::up_to(manifest, 0)
    }

    /// All that this store had when its last change was this one is in the archive with this manifest, or in those that
    /// it continues: so [`Survey::last`] told when it was made.
    pub fn up_to(manifest: ObjectId, last: u64) -> Self {
        Self { previous: manifest, upto: last, beyond: Vec::new() }
    }

    fn place(&self, sequence: u64) -> Option<(usize, u64)> {
        let number = sequence.checked_sub(self.upto + 1)?;
        Some(((number / 64) as usize, 1 << (number % 64)))
    }

    fn note(&mut self, sequence: u64) {
        if let Some((word, bit)) = self.place(sequence) {
            if self.beyond.len() <= word {
                self.beyond.resize(word + 1, 0);
            }
            self.beyond[word] |= bit;
        }
    }

    fn holds(&self, sequence: u64) -> bool {
        self.place(sequence).is_none_or(|(word, bit)| self.beyond.get(word).is_some_and(|bits| bits & bit != 0))
    }
}

/// What an archive of a stream would hold, as the stream is at one moment.
#[derive(Clone, Debug)]
pub struct Survey {
    manifest: Manifest,
    before: Option<Archived>,
    head: Head,
}

impl Survey {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The number of the last change of the store that the archive knows of.
    pub fn last(&self) -> u64 {
        self.head.last
    }

    /// Whether what has this number in the store belongs into the archive.
    fn wants(&self, sequence: u64) -> bool {
        // What came later may cite what came later too.
        sequence <= self.head.last && self.before.as_ref().is_none_or(|before| !before.holds(sequence))
    }
}

/// The objects of a stream, in its order.
struct Pages<'a> {
    store: &'a dyn Store,
    stream: StreamId,
    last: Option<Record>,
    limit: usize,
}

impl<'a> Pages<'a> {
    fn of(store: &'a dyn Store, stream: StreamId) -> Self {
        Self { store, stream, last: None, limit: SMALL_PAGE }
    }

    async fn next(&mut self) -> Result<Option<Vec<Record>>, StoreError> {
        let scan = Scan::After(self.last.as_ref().map(|last| last.place));
        let page = self.store.scan(self.stream, scan, self.limit).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.last = Some(last.clone());
        let largest = page.iter().map(|record| record.parts.len()).max().unwrap_or(1);
        self.limit = (PAGE_BYTES / largest.max(1)).clamp(SMALL_PAGE, PAGE);
        Ok(Some(page))
    }
}

impl Node {
    /// Looks through a stream, and tells what an archive of it would hold: everything, or what is in none of those that
    /// were made before.
    pub async fn survey(&self, stream: StreamId, before: Option<Archived>) -> Result<Survey, NodeError> {
        let (mut head, mut leaves);
        loop {
            head = self.store.head(stream).await?.ok_or(NodeError::Unknown(stream))?;
            leaves = self.store.leaves(stream).await?;
            if self.store.head(stream).await? == Some(head) {
                break;
            }
        }
        let mut frontier = Hasher::new();
        for leaf in &leaves {
            frontier.update(leaf.as_bytes());
        }
        let previous = before.as_ref().map(|before| before.previous);
        let frontier = *frontier.finalize().as_bytes();
        let manifest = Manifest { stream, count: 0, frontier, order: [0; 32], previous };
        let mut survey = Survey { manifest, before, head };
        let (mut count, mut order) = (0, Hasher::new());
        let mut last = None;
        loop {
            let page = self.store.places(stream, last, PLACES).await?;
            let Some((place, _)) = page.last() else { break };
            last = Some(*place);
            for (place, _) in page.iter().filter(|(_, sequence)| survey.wants(*sequence)) {
                order.update(place.id.as_bytes());
                count += 1;
            }
        }
        survey.manifest.count = count;
        survey.manifest.order = *order.finalize().as_bytes();
        Ok(survey)
    }

    /// Writes the archive, and its [index](crate::archive::index). `progress` is told how many objects are written.
    ///
    /// Where others make more of the stream final meanwhile, its order is another, and the store is
    /// [`Busy`](StoreErrorKind::Busy): what was written is of no use, and a new survey will do.
    pub async fn archive(
        &self,
        survey: &Survey,
        out: &mut (impl Write + Shared),
        index: &mut (impl Write + Shared),
        mut progress: impl FnMut(u64),
    ) -> Result<Written, ArchiveError> {
        let manifest = &survey.manifest;
        let mut writer = Writer::new(manifest);
        let (mut count, mut order, mut bytes) = (0, Hasher::new(), Vec::new());
        let mut pages = Pages::of(&*self.store, manifest.stream);
        while let Some(page) = pages.next().await? {
            for record in page.iter().filter(|record| survey.wants(record.sequence)) {
                let id = record.place.id;
                let written = writer.push(&record.parts).ok().filter(|written| *written == id);
                order.update(written.ok_or_else(|| StoreError::corrupt(&id))?.as_bytes());
                count += 1;
            }
            writer.take(&mut bytes);
            out.write_all(&bytes)?;
            writer.take_index(&mut bytes);
            index.write_all(&bytes)?;
            progress(count);
        }
        if count != manifest.count || *order.finalize().as_bytes() != manifest.order {
            let busy = "somebody made more of the stream final meanwhile, and its order is another: try again";
            return Err(StoreError::new(StoreErrorKind::Busy, busy).into());
        }
        let written = writer.finish();
        writer.take(&mut bytes);
        out.write_all(&bytes)?;
        writer.take_index(&mut bytes);
        index.write_all(&bytes)?;
        Ok(written)
    }

    /// Takes note that these objects are in an archive that was made before.
    pub async fn note_archived(
        &self,
        stream: StreamId,
        archived: &mut Archived,
        ids: &[ObjectId],
    ) -> Result<(), ArchiveError> {
        for (id, record) in ids.iter().zip(self.store.get(stream, ids).await?) {
            archived.note(record.ok_or(ArchiveError::NotHere(*id))?.sequence);
        }
        Ok(())
    }

    /// Takes in objects that an archive gave, of one stream, which is begun where its root is among them. The answers are
    /// in their order; what is admitted is durable when this returns. Without the root, the stream is
    /// [`Unknown`](NodeError::Unknown).
    pub async fn restore(
        &self,
        stream: StreamId,
        objects: Vec<Authentic>,
    ) -> Result<Vec<Result<Ingested, Rejected>>, NodeError> {
        let root = objects.iter().position(|object| object.id() == stream && object.header().role() != Role::Event);
        let is_new = self.store.head(stream).await?.is_none();
        if is_new && let Some(root) = root {
            self.create(objects[root].clone()).await?;
        }
        self.write(stream, |opened| {
            let answers = objects.into_iter().enumerate().map(|(place, object)| {
                let begun = is_new && root == Some(place);
                if begun { Ok(Ingested::Admitted { then: Vec::new() }) } else { opened.admit(object, 0) }
            });
            answers.collect()
        })
        .await
    }
}
