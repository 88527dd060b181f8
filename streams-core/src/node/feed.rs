//! One feed over many streams: what is here, then what becomes different, without a gap between.
//!
//! A reader asks for the next event, and waits where there is none: what wakes it carries nothing, so a slow reader
//! loses nothing. It keeps the cursor with what it made of the events: after a crash it goes on from there, and sees
//! none twice. An event tells of its object as it is when it is read; where it changed since, another event follows.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::page::{Stored, stored};
use super::{Node, NodeError};
use crate::keyed::HashKey;
use crate::object::authenticate::Authenticator;
use crate::object::author::VerifyingKey;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Logged, LoggedChange, Record, Scan, Store, StoreError};

/// How many changes are asked of the store at once.
const PAGE: usize = 1024;

/// What a reader asks for. Empty is all. Streams that appear later, and match, join by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// These streams.
    pub streams: BTreeSet<StreamId>,
    /// Streams of these types, or of types that begin with what stands before a `*`.
    pub stream_types: BTreeSet<String>,
    /// Objects of these types, or of types that begin with what stands before a `*`.
    pub types: BTreeSet<String>,
    /// Objects of these authors.
    pub authors: BTreeSet<VerifyingKey>,
}

/// Where a reader is in the feed of a store: 56 opaque bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    origin: [u8; 16],
    filter: [u8; 32],
    sequence: u64,
}

/// What a feed tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// The cursor does not fit: all comes again from the beginning.
    Reset(Reset),
    /// All that was here when it was asked was told. It comes once.
    CaughtUp,
    /// An object is here.
    Added {
        /// The stream.
        stream: StreamId,
        /// The object, as it is now.
        object: Stored,
    },
    /// An object became effective, void, adopted, or released; or another copy of it is kept.
    Changed {
        /// The stream.
        stream: StreamId,
        /// The object, as it is now.
        object: Stored,
        /// What became different.
        what: Changed,
    },
    /// So many objects of the stream are final.
    Finalized {
        /// The stream.
        stream: StreamId,
        /// How many: the first so many of its order.
        upto: u64,
    },
}

/// What became different of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is void.
    Voided,
    /// It is effective again.
    Restored,
    /// It is adopted by this object.
    Adopted(ObjectId),
    /// It is not adopted any more.
    Released,
    /// Maps of it were dropped, or came back.
    Copy,
}

/// Why a cursor does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reset {
    /// It is of another store.
    #[error("the cursor is of another store")]
    OtherStore,
    /// It was made with another filter.
    #[error("the cursor was made with another filter")]
    OtherFilter,
    /// The store has not got so far: it was restored from an older copy.
    #[error("the cursor is ahead of the store, which was restored from an older copy")]
    Ahead,
}

/// The bytes are no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: a cursor is 56 bytes that a feed gave out")]
pub struct CursorError;

impl Cursor {
    /// The number of the last change, in the sequence of the store, that was told or passed over.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.origin[..], &self.filter, &self.sequence.to_be_bytes()].concat()
    }

    /// From bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CursorError> {
        let bytes: &[u8; 56] = bytes.try_into().map_err(|_| CursorError)?;
        let (origin, rest) = bytes.split_first_chunk().ok_or(CursorError)?;
        let (filter, rest) = rest.split_first_chunk().ok_or(CursorError)?;
        let sequence = u64::from_be_bytes(rest.try_into().map_err(|_| CursorError)?);
        Ok(Self { origin: *origin, filter: *filter, sequence })
    }
}

impl Filter {
    /// The same for equal filters, and for no others.
    fn fingerprint(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        let mut list = |items: &mut dyn Iterator<Item = Vec<u8>>| {
            for item in items {
                hasher.update(&[1]).update(&(item.len() as u64).to_be_bytes()).update(&item);
            }
            hasher.update(&[0]);
        };
        list(&mut self.streams.iter().map(|stream| stream.as_bytes().to_vec()));
        list(&mut self.stream_types.iter().map(|r#type| r#type.clone().into_bytes()));
        list(&mut self.types.iter().map(|r#type| r#type.clone().into_bytes()));
        list(&mut self.authors.iter().map(|author| author.as_bytes().to_vec()));
        *hasher.finalize().as_bytes()
    }
}

/// Whether a type is one of a list, or begins as one of it does.
fn names(list: &BTreeSet<String>, r#type: &str) -> bool {
    let names = |pattern: &String| match pattern.strip_suffix('*') {
        Some(beginning) => r#type.starts_with(beginning),
        None => r#type == pattern,
    };
    list.is_empty() || list.iter().any(names)
}

/// Reads the changes of a store, one after the other.
#[derive(Debug)]
pub struct Feed {
    store: Arc<dyn Store>,
    authenticator: Authenticator,
    filter: Filter,
    cursor: Cursor,
    /// Whether a stream is asked for, by the type of its root.
    asked_for: HashMap<StreamId, bool, HashKey>,
    /// What was read, and not told yet, each with its number.
    ready: VecDeque<(u64, Option<Event>)>,
    /// The number of the last change that was read.
    read: u64,
    /// The end that was there at first; `None` behind it.
    until: Option<u64>,
    reset: Option<Reset>,
}

impl Node {
    /// Reads what is here, and then what becomes different, from a cursor on or from the beginning.
    pub async fn watch(&self, filter: Filter, since: Option<Cursor>) -> Result<Feed, NodeError> {
        let (origin, last, fingerprint) = (self.store.origin().await?, self.store.last().await?, filter.fingerprint());
        let reset = since.and_then(|since| match since {
            since if since.origin != origin => Some(Reset::OtherStore),
            since if since.filter != fingerprint => Some(Reset::OtherFilter),
            since if since.sequence > last => Some(Reset::Ahead),
            _ => None,
        });
        let sequence = since.filter(|_| reset.is_none()).map_or(0, |since| since.sequence);
        Ok(Feed {
            store: self.store.clone(),
            authenticator: Authenticator::new(self.key),
            filter,
            cursor: Cursor { origin, filter: fingerprint, sequence },
            asked_for: HashMap::with_hasher(self.key),
            ready: VecDeque::new(),
            read: sequence,
            until: Some(last),
            reset,
        })
    }
}

impl Feed {
    /// The next event; waits until there is one. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<Event, NodeError> {
        loop {
            if let Some(event) = self.next_now().await? {
                return Ok(event);
            }
            self.store.wait(self.read).await?;
        }
    }

    /// The next event; `None` where there is none now.
    pub async fn next_now(&mut self) -> Result<Option<Event>, NodeError> {
        if let Some(reset) = self.reset.take() {
            return Ok(Some(Event::Reset(reset)));
        }
        loop {
            while let Some((sequence, event)) = self.ready.pop_front() {
                self.cursor.sequence = sequence;
                if event.is_some() {
                    return Ok(event);
                }
            }
            if self.until.is_some_and(|until| self.read >= until) {
                self.until = None;
                return Ok(Some(Event::CaughtUp));
            }
            let only = if self.filter.streams.len() == 1 { self.filter.streams.first().copied() } else { None };
            let log = self.store.log(only, self.read, PAGE).await?;
            let Some(last) = log.last() else {
                if self.until.take().is_some() {
                    return Ok(Some(Event::CaughtUp));
                }
                return Ok(None);
            };
            let last = last.sequence;
            let ready = self.tell(log).await?;
            self.ready.extend(ready);
            self.read = last;
        }
    }

    /// Where the reader is: behind the last event that it was given.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The events of changes; `None` where nobody asked for one, or a later one tells the same.
    async fn tell(&mut self, log: Vec<Logged>) -> Result<Vec<(u64, Option<Event>)>, NodeError> {
        for logged in &log {
            self.look_up(logged.stream).await?;
        }
        let mut streams: HashMap<StreamId, Vec<&Logged>> = HashMap::new();
        for logged in &log {
            streams.entry(logged.stream).or_default().push(logged);
        }
        let mut objects = HashMap::new();
        for (stream, log) in streams {
            for record in self.records(stream, log).await? {
                objects.insert(record.place.id, stored(&mut self.authenticator, &record)?);
            }
        }
        Ok(log.iter().map(|logged| (logged.sequence, self.event(logged, &objects))).collect())
    }

    /// The objects that changes of a stream are about.
    async fn records(&self, stream: StreamId, log: Vec<&Logged>) -> Result<Vec<Record>, StoreError> {
        let is_added = |logged: &&&Logged| matches!(logged.what, LoggedChange::Added { .. });
        let asked: Vec<&Logged> = log.iter().copied().filter(|logged| self.is_asked_for(logged)).collect();
        let mut ids: HashSet<ObjectId> = asked.iter().filter_map(|logged| object(&logged.what)).collect();
        let added = asked.iter().filter(is_added).count();
        let first = asked.iter().find(is_added).map(|logged| logged.sequence);
        let all_added = log.iter().filter(is_added).count();
        let mut records = Vec::new();
        // New objects lie one behind the other; to look them up by their ids takes four times as long.
        if let Some(first) = first
            && added == all_added
        {
            records = self.store.scan(stream, Scan::Since(first - 1), added).await?;
            for record in &records {
                ids.remove(&record.place.id);
            }
        }
        let others: Vec<ObjectId> = ids.into_iter().collect();
        if !others.is_empty() {
            records.extend(self.store.get(stream, &others).await?.into_iter().flatten());
        }
        Ok(records)
    }

    /// Finds out whether a stream is asked for.
    async fn look_up(&mut self, stream: StreamId) -> Result<(), NodeError> {
        if self.asked_for.contains_key(&stream) {
            return Ok(());
        }
        let mut asked_for = self.filter.streams.is_empty() || self.filter.streams.contains(&stream);
        if asked_for && !self.filter.stream_types.is_empty() {
            let root = self.store.get(stream, &[stream]).await?.pop().flatten();
            let root = root.map(|root| stored(&mut self.authenticator, &root)).transpose()?;
            asked_for = root.is_some_and(|root| names(&self.filter.stream_types, root.authentic.header().r#type()));
        }
        self.asked_for.insert(stream, asked_for);
        Ok(())
    }

    /// Whether a change is asked for, as far as it tells without its object.
    fn is_asked_for(&self, logged: &Logged) -> bool {
        let fits = match &logged.what {
            LoggedChange::Added { author, r#type, .. } => {
                let is_author = |asked: &VerifyingKey| asked.as_bytes() == author;
                names(&self.filter.types, r#type)
                    && (self.filter.authors.is_empty() || self.filter.authors.iter().any(is_author))
            }
            _ => true,
        };
        fits && self.asked_for.get(&logged.stream).copied().unwrap_or(false)
    }

    fn event(&self, logged: &Logged, objects: &HashMap<ObjectId, Stored>) -> Option<Event> {
        if !self.is_asked_for(logged) {
            return None;
        }
        let stream = logged.stream;
        if let LoggedChange::Finalized { upto } = logged.what {
            return Some(Event::Finalized { stream, upto });
        }
        let object = objects.get(&object(&logged.what)?)?.clone();
        let what = match logged.what {
            LoggedChange::Added { .. } => return Some(Event::Added { stream, object }),
            LoggedChange::Verdict { effective: true, .. } => Changed::Restored,
            LoggedChange::Verdict { effective: false, .. } => Changed::Voided,
            LoggedChange::Adopted { by: Some(by), .. } => Changed::Adopted(by),
            LoggedChange::Adopted { by: None, .. } => Changed::Released,
            LoggedChange::Copy { .. } => Changed::Copy,
            LoggedChange::Finalized { .. } => return None,
        };
        let header = object.authentic.header();
        let asked = names(&self.filter.types, header.r#type())
            && (self.filter.authors.is_empty() || self.filter.authors.contains(&header.author()));
        asked.then_some(Event::Changed { stream, object, what })
    }
}

/// The object that a change is about.
fn object(what: &LoggedChange) -> Option<ObjectId> {
    match what {
        LoggedChange::Added { id, .. }
        | LoggedChange::Verdict { id, .. }
        | LoggedChange::Adopted { id, .. }
        | LoggedChange::Copy { id } => Some(*id),
        LoggedChange::Finalized { .. } => None,
    }
}
