//! A stream in memory, and what of it the store does not know yet.

use std::collections::{BTreeSet, HashSet};

use super::NodeError;
use crate::keyed::HashKey;
use crate::object::authenticate::Authenticator;
use crate::object::id::{ObjectId, StreamId};
use crate::object::parts::Object;
use crate::store::{Commit, LoggedChange, Mark, NewObject, Record, Scan, Store, StoreError, StoreErrorKind};
use crate::stream::Stream;
use crate::stream::feed::Change;

/// How many objects are asked of the store at once.
const PAGE: usize = 4096;

/// What an object takes in memory beside its parts.
const OVERHEAD: usize = 200;

/// A stream in memory.
#[derive(Debug)]
pub(super) struct Opened {
    stream: Stream,
    /// The number of the last change in the store that is in memory too.
    seen: u64,
    news: News,
    /// What is being committed: where a commit was given up, it may be in the store or not.
    flight: Option<Flight>,
    /// The maps of which the store knows that they were dropped.
    dropped: usize,
    memory: usize,
}

/// What the store does not know.
#[derive(Debug, Default)]
struct News {
    /// Objects that are not in the store, causes first.
    unsent: Vec<ObjectId>,
    /// Objects in the store of which it may know something else.
    touched: BTreeSet<ObjectId>,
    copied: BTreeSet<ObjectId>,
    finalized: bool,
}

/// What the store will know when it has answered.
#[derive(Debug)]
struct Flight {
    news: News,
    dropped: usize,
    memory: usize,
}

impl Opened {
    /// A new stream, of which the store knows nothing.
    pub(super) fn begin(stream: Stream) -> Self {
        let mut opened = Self::of(stream);
        opened.news.unsent.push(opened.stream.id());
        opened
    }

    fn of(mut stream: Stream) -> Self {
        stream.watch();
        Self { stream, seen: 0, news: News::default(), flight: None, dropped: 0, memory: OVERHEAD }
    }

    /// Reads all of a stream. Signatures were verified when it was written; all else is judged again.
    pub(super) async fn load(id: StreamId, store: &dyn Store, key: HashKey) -> Result<Self, NodeError> {
        let head = store.head(id).await?.ok_or(NodeError::Unknown(id))?;
        let root = store.get(id, &[id]).await?.pop().flatten().ok_or_else(|| StoreError::corrupt(&id))?;
        let root = Authenticator::new(key).verified_before(decode(&root)?);
        let mut opened = Self::of(Stream::open(root.map_err(|_| StoreError::corrupt(&id))?, key)?);
        let mut above = 0;
        loop {
            let page = store.scan(id, Scan::Since(above), PAGE).await?;
            let Some(last) = page.last() else { break };
            above = last.sequence;
            page.iter().try_for_each(|record| opened.take(record))?;
        }
        opened.seen = head.last;
        opened.remember_dropped(store).await?;
        // The store knows all that was told meanwhile.
        opened.stream.take_changes();
        Ok(opened)
    }

    pub(super) fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// The number of the last change in the store that is in memory too.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// What it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    async fn remember_dropped(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        self.stream.remember_dropped(store.dropped(self.stream.id()).await?);
        self.dropped = self.stream.dropped_maps().len();
        Ok(())
    }

    /// Takes in what the store holds, and what memory lacks.
    fn take(&mut self, record: &Record) -> Result<(), NodeError> {
        let id = record.place.id;
        self.memory += record.parts.len() + OVERHEAD;
        let object = decode(record)?;
        if id == self.stream.id() {
            return Ok(());
        }
        let taken = self.stream.ingest_verified(object.parts());
        taken.map(|_| ()).map_err(|reason| NodeError::Inconsistent { id, reason })
    }

    /// Takes in what others wrote to the store meanwhile.
    pub(super) async fn catch_up(&mut self, store: &dyn Store) -> Result<(), NodeError> {
        self.give_back();
        let id = self.stream.id();
        loop {
            let log = store.log(Some(id), self.seen, PAGE).await?;
            let Some(last) = log.last() else { return Ok(()) };
            let (mut added, mut copied) = (Vec::new(), Vec::new());
            for logged in &log {
                match &logged.what {
                    LoggedChange::Added { id, .. } => added.push(*id),
                    LoggedChange::Copy { id } => copied.push(*id),
                    _ => {}
                }
            }
            for record in store.get(id, &added).await?.iter().flatten() {
                self.take(record)?;
            }
            for record in store.get(id, &copied).await?.iter().flatten() {
                self.stream.remember_copy(&decode(record)?);
            }
            if !copied.is_empty() {
                self.remember_dropped(store).await?;
            }
            self.note_changes();
            let theirs: HashSet<ObjectId> = added.into_iter().collect();
            // What somebody else wrote may be known otherwise.
            self.news.touched.extend(theirs.iter().copied());
            self.news.unsent.retain(|id| !theirs.contains(id));
            copied.iter().for_each(|id| {
                self.news.copied.remove(id);
            });
            self.seen = last.sequence;
        }
    }

    fn note_changes(&mut self) {
        let news = &mut self.news;
        for change in self.stream.take_changes() {
            match change {
                Change::Inserted { id, .. } => news.unsent.push(id),
                Change::Voided(id)
                | Change::Restored(id)
                | Change::Adopted { id, .. }
                | Change::Released { id, .. } => {
                    news.touched.insert(id);
                }
                Change::Copy(id) => {
                    news.copied.insert(id);
                }
                Change::Finalized { epochs, .. } => {
                    news.finalized = true;
                    news.touched.extend(epochs.into_iter().map(|(id, _)| id));
                }
                Change::Gap(_) | Change::Fork(_) => {}
            }
        }
    }

    /// What was on its way to the store, and is not known to have come there, is on its way no more.
    fn give_back(&mut self) {
        let Some(Flight { mut news, .. }) = self.flight.take() else { return };
        news.unsent.append(&mut self.news.unsent);
        news.touched.append(&mut self.news.touched);
        news.copied.append(&mut self.news.copied);
        news.finalized |= self.news.finalized;
        self.news = news;
    }

    /// Commits what became different.
    pub(super) async fn commit(&mut self, store: &dyn Store) -> Result<(), NodeError> {
        if let Some(commit) = self.begin_commit(store).await? {
            self.end_commit(store.commit(self.stream.id(), commit).await?);
        }
        Ok(())
    }

    /// Commits what became different, and takes in what others wrote meanwhile.
    pub(super) async fn settle(&mut self, store: &dyn Store) -> Result<(), NodeError> {
        loop {
            match self.commit(store).await {
                Err(NodeError::Store(error)) if error.kind() == StoreErrorKind::Conflict => {
                    self.catch_up(store).await?
                }
                settled => return settled,
            }
        }
    }

    /// What became different: it is to be committed, and then [`end_commit`](Self::end_commit) takes note. Meanwhile the
    /// stream may change.
    pub(super) async fn begin_commit(&mut self, store: &dyn Store) -> Result<Option<Commit>, StoreError> {
        self.give_back();
        self.note_changes();
        let new = self.news.unsent.iter().filter_map(|id| NewObject::of(&self.stream, id));
        let objects: Vec<NewObject> = new.collect();
        let marks = self.marks(store).await?;
        let dropped = self.stream.dropped_maps().len();
        let drops = if self.dropped < dropped { self.stream.dropped_maps().collect() } else { Vec::new() };
        let memory = objects.iter().map(|object| object.parts.len() + OVERHEAD).sum();
        self.flight = Some(Flight { news: std::mem::take(&mut self.news), dropped, memory });
        let commit = Commit { seen: self.seen, objects, marks, drops };
        if commit.is_empty() {
            self.end_commit(self.seen);
            return Ok(None);
        }
        Ok(Some(commit))
    }

    /// What was on its way is in the store, whose last change has this number.
    pub(super) fn end_commit(&mut self, seen: u64) {
        let Some(flight) = self.flight.take() else { return };
        self.seen = seen;
        self.memory += flight.memory;
        self.dropped = flight.dropped;
    }

    fn epoch(&self, id: &ObjectId) -> u32 {
        self.stream.epoch(id).expect("it is here")
    }

    /// What of the objects in the store is different from what it knows.
    async fn marks(&self, store: &dyn Store) -> Result<Vec<Mark>, StoreError> {
        if self.news.touched.is_empty() && self.news.copied.is_empty() && !self.news.finalized {
            return Ok(Vec::new());
        }
        let unsent: HashSet<&ObjectId> = self.news.unsent.iter().collect();
        let known = |id: &&ObjectId| !unsent.contains(id);
        let touched: Vec<ObjectId> = self.news.touched.iter().filter(known).copied().collect();
        let mut marks: Vec<Mark> = Vec::new();
        let mut epochs = Vec::new();
        if !touched.is_empty() {
            for record in store.get(self.stream.id(), &touched).await?.into_iter().flatten() {
                let id = record.place.id;
                let (effective, by) = (self.stream.is_effective(&id), self.stream.adopter(&id));
                if effective != record.effective {
                    marks.push(Mark::Verdict { id, effective });
                }
                if by != record.adopted_by {
                    marks.push(Mark::Adopted { id, by });
                }
                let epoch = self.epoch(&id);
                if epoch != record.place.epoch {
                    epochs.push((id, epoch));
                }
            }
        }
        for id in self.news.copied.iter().filter(known) {
            let parts = self.stream.object(id).expect("it is here").object().parts().clone();
            marks.push(Mark::Copy { id: *id, parts });
        }
        if self.news.finalized || !epochs.is_empty() {
            marks.push(Mark::Finalized { upto: self.stream.final_len() as u64, epochs });
        }
        Ok(marks)
    }
}

/// The object of a record, if it is what was written.
pub(super) fn decode(record: &Record) -> Result<Object, StoreError> {
    let id = record.place.id;
    Object::decode(&record.parts).ok().filter(|object| object.id() == id).ok_or_else(|| StoreError::corrupt(&id))
}
