//! The feed of a consumer application: which items are shown, over all streams that somebody may read, as it becomes
//! another.
//!
//! What is shown of an object depends on others: one that takes its place, or hides it, may come before it, go void, or
//! have its content dropped; and whether a stream may be read depends on its rules. So this feed tells each object again
//! that an event is about, or is changed by it, as it is now. Who writes down what it tells has at the end what one has who
//! begins anew, in whatever order the objects came.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use streams_archive::feed::{Event, Feed};
//! # async fn example(node: Arc<streams_core::Node>, key: streams_core::VerifyingKey) -> Result<(), streams_core::node::NodeError> {
//! let mut feed = Feed::begin(node, key, None, []).await?;
//! loop {
//!     match feed.next().await? {
//!         Event::Object(told) => println!("{}: {:?}", told.id, told.item.and_then(|item| item.title)),
//!         Event::CaughtUp => println!("those were all; {:?}", feed.cursor()),
//!         _ => {}
//!     }
//! }
//! # }
//! ```

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use streams_core::node::NodeError;
use streams_core::node::feed::{self, Cursor, Filter};
use streams_core::node::page::Stored;
use streams_core::{Node, ObjectId, StreamId, VerifyingKey};

use crate::item::{self, REMOVED};
use crate::object::{Hidden, Item, types};

/// What a feed tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// All that was told is to be forgotten: it comes again from the beginning.
    Reset,
    /// All that was here when it was asked was told. It comes once.
    CaughtUp,
    /// Something of a stream that is no item is another: its root, what describes it, its sources, its copies, its rules.
    /// Where it may be read no more, it leaves, with all that is told of it, before and after; and so it joins.
    Stream {
        /// The stream.
        stream: StreamId,
        /// Whether it may be read.
        is_open: bool,
    },
    /// An object, as it is now: it takes the place of what was told of it before.
    Object(Box<Told>),
}

/// What is told of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The stream.
    pub stream: StreamId,
    /// The object.
    pub id: ObjectId,
    /// Whether nothing was told of it before, so that there is nothing whose place this takes.
    pub is_new: bool,
    /// The item that is shown: it counts, can be read, and nothing hides it or took its place. That something went from its
    /// source is not shown, and takes no place.
    pub item: Option<Item>,
    /// The item that it hides, or whose place it takes.
    pub takes: Option<ObjectId>,
}

/// Reads what is shown, one event after the other.
#[derive(Debug)]
pub struct Feed {
    node: Arc<Node>,
    reader: VerifyingKey,
    feed: feed::Feed,
    cursor: Cursor,
    /// What was read, and is not told yet.
    open: Option<feed::Event>,
    ready: VecDeque<Event>,
    /// Which object takes the place of which, or hides it;
    takes: HashMap<ObjectId, ObjectId>,
    /// and how many take an object.
    taken: HashMap<ObjectId, u32>,
}

impl Feed {
    /// Begins to read for somebody, from a cursor on or from the beginning. `taken` is what was told before the cursor: each
    /// object that takes the place of another, or hides it, and that other ([`Told::takes`]).
    pub async fn begin(
        node: Arc<Node>,
        reader: VerifyingKey,
        since: Option<Cursor>,
        taken: impl IntoIterator<Item = (ObjectId, ObjectId)>,
    ) -> Result<Self, NodeError> {
        let filter = Filter { stream_types: [format!("{}*", types::STREAM)].into(), ..Filter::default() };
        let feed = node.watch(filter, since).await?;
        let (takes, counts) = (HashMap::new(), HashMap::new());
        let cursor = feed.cursor();
        let mut feed = Self { node, reader, feed, cursor, open: None, ready: VecDeque::new(), takes, taken: counts };
        for (by, what) in taken {
            feed.take(by, Some(what));
        }
        Ok(feed)
    }

    /// The next event; waits until there is one. May be dropped while it waits: nothing is lost.
    pub async fn next(&mut self) -> Result<Event, NodeError> {
        loop {
            if let Some(event) = self.ready() {
                return Ok(event);
            }
            if self.open.is_none() {
                self.open = Some(self.feed.next().await?);
            }
            self.tell().await?;
        }
    }

    /// The next event; `None` where there is none now. May be dropped, too.
    pub async fn next_now(&mut self) -> Result<Option<Event>, NodeError> {
        loop {
            if let Some(event) = self.ready() {
                return Ok(Some(event));
            }
            if self.open.is_none() {
                self.open = self.feed.next_now().await?;
            }
            if self.open.is_none() {
                return Ok(None);
            }
            self.tell().await?;
        }
    }

    /// Where the reader is: what was told behind it may be told again.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    fn ready(&mut self) -> Option<Event> {
        let event = self.ready.pop_front();
        if self.ready.is_empty() && self.open.is_none() {
            self.cursor = self.feed.cursor();
        }
        event
    }

    /// Tells what is open. Until all that has to be waited for is here, nothing is changed, so it can be begun again.
    async fn tell(&mut self) -> Result<(), NodeError> {
        match self.open.clone() {
            Some(feed::Event::Reset(_)) => {
                (self.takes, self.taken) = Default::default();
                self.ready.push_back(Event::Reset);
            }
            Some(feed::Event::CaughtUp) => self.ready.push_back(Event::CaughtUp),
            Some(feed::Event::Added { stream, object }) => self.see(stream, &object, true).await?,
            Some(feed::Event::Changed { stream, object, .. }) => self.see(stream, &object, false).await?,
            Some(feed::Event::Finalized { .. }) | None => {}
        }
        self.open = None;
        Ok(())
    }

    async fn see(&mut self, stream: StreamId, object: &Stored, is_new: bool) -> Result<(), NodeError> {
        let (id, r#type) = (object.place.id, object.authentic.header().r#type());
        if !is_of_items(r#type) {
            let is_open = self.node.may_read(stream, &self.reader).await?;
            self.ready.push_back(Event::Stream { stream, is_open });
            return Ok(());
        }
        let item = shown(object);
        let takes = match r#type {
            types::HIDDEN if counts(object) => {
                object.authentic.object().data_as::<Hidden>().ok().flatten().map(|hidden| hidden.item)
            }
            _ => item.as_ref().and_then(|item| item.replaces),
        };
        let before = self.takes.get(&id).copied();
        let mut others = Vec::new();
        for other in before.into_iter().chain(takes).filter(|_| before != takes) {
            others.extend(self.node.object(stream, &other).await?);
        }
        // Of those that the feed has not come to, it tells when it does.
        others.retain(|other| other.sequence <= self.feed.cursor().sequence());
        self.take(id, takes);
        // The object comes last: who keeps what it takes, but not yet what that changes, would not be told of it again.
        for other in others {
            self.push(stream, other.place.id, shown(&other), false);
        }
        self.push(stream, id, item, is_new);
        Ok(())
    }

    fn push(&mut self, stream: StreamId, id: ObjectId, item: Option<Item>, is_new: bool) {
        let (item, takes) = (item.filter(|_| !self.taken.contains_key(&id)), self.takes.get(&id).copied());
        self.ready.push_back(Event::Object(Box::new(Told { stream, id, is_new, item, takes })));
    }

    /// Notes what an object takes the place of.
    fn take(&mut self, by: ObjectId, what: Option<ObjectId>) {
        let before = match what {
            Some(what) => self.takes.insert(by, what),
            None => self.takes.remove(&by),
        };
        if let Some(what) = what {
            *self.taken.entry(what).or_default() += 1;
        }
        if let Some(what) = before
            && let Some(count) = self.taken.get_mut(&what)
        {
            *count -= 1;
            if *count == 0 {
                self.taken.remove(&what);
            }
        }
    }
}

fn is_of_items(r#type: &str) -> bool {
    [types::ITEM, types::SEALED, types::HIDDEN].contains(&r#type)
}

fn counts(object: &Stored) -> bool {
    object.effective || object.adopted_by.is_some()
}

/// The item that an object is: one that counts, can be read, and says more than that something went.
fn shown(object: &Stored) -> Option<Item> {
    item::read(&object.authentic, None).filter(|item| counts(object) && item.kind != REMOVED)
}
