//! News: whoever asked for it is told when a stream is another than before (spec 10.3).

use super::{MAX_SUBSCRIPTION, MAX_SUBSCRIPTIONS, MAX_WAITING, Question, Session};
use crate::object::id::StreamId;
use crate::sync::messages::{Announcement, Id, Ids, MAX_LEAVES, MAX_SUBSCRIBED, Message, Subscription};
use crate::sync::questions::{Answer, Ask, Cause, End, Summary};
use crate::sync::said::Reason;

impl Session {
    /// Asks to be told of news of streams, until a time at most a day ahead.
    pub fn subscribe(&mut self, streams: &[StreamId], expires: u64) {
        self.subscribed.extend(streams.iter().map(|stream| (*stream, expires)));
        if self.peer().is_some() {
            self.tell_subscriptions();
        }
    }

    /// Asks to be told of news of all streams that this side may read, until a time at most a day ahead.
    pub fn subscribe_to_all(&mut self, expires: u64) {
        self.subscribed_to_all = expires;
        if self.peer().is_some() {
            self.tell_subscriptions();
        }
    }

    pub(super) fn tell_subscriptions(&mut self) {
        let mut by_expiry: Vec<(u64, StreamId)> =
            self.subscribed.iter().map(|(stream, expires)| (*expires, *stream)).collect();
        by_expiry.sort_unstable();
        for same in by_expiry.chunk_by(|a, b| a.0 == b.0) {
            for some in same.chunks(MAX_SUBSCRIBED) {
                let streams = Ids(some.iter().map(|(_, stream)| *stream).collect());
                self.say(&Message::Subscription(Subscription { streams, expires: some[0].0 }));
            }
        }
        if self.subscribed_to_all > self.now {
            let all = Subscription { streams: Ids(Vec::new()), expires: self.subscribed_to_all };
            self.say(&Message::Subscription(all));
        }
    }

    /// Whether this side asked to be told of a stream.
    pub(super) fn hears(&self, stream: StreamId) -> bool {
        self.subscribed_to_all > self.now || self.subscribed.contains_key(&stream)
    }

    /// Tells that a stream is another than before: a peer that asked for news hears of it, and one that gives us news
    /// gets ours.
    pub fn changed(&mut self, stream: StreamId) {
        let Some(peer) = self.peer() else { return };
        let is_told = |question: &Question| matches!(question, Question::Tell { stream: of } if *of == stream);
        if !self.questions.values().any(is_told) {
            let named = self.subscriptions.get(&stream).is_some_and(|expires| *expires > self.now);
            let subscribed = named || self.subscription > self.now;
            self.ask(Question::Tell { stream }, Ask::Tell { stream, peer, subscribed });
        }
        if self.hears(stream) {
            self.request_news(stream, self.theirs.get(&stream).copied(), Cause::Asked);
        }
    }

    pub(super) fn announce(&mut self, stream: StreamId, answer: Answer) -> Result<(), End> {
        match answer {
            Answer::Summary(Summary { leaves, frontier, .. }) => {
                if self.theirs.get(&stream) != Some(&frontier) {
                    let leaves = Ids(leaves.into_iter().take(MAX_LEAVES).collect());
                    self.say(&Message::Announcement(Announcement { stream: Id(stream), leaves, frontier }));
                }
            }
            Answer::Denied(shown) => {
                // Who asked for this stream by name learns why there is no more; who asked for all, nothing.
                if self.subscriptions.remove(&stream).is_some() {
                    self.refuse(None, stream, Reason::Denied, shown);
                }
            }
            Answer::Unknown { .. } => {}
            answer => panic!("{answer:?} answers another question"),
        }
        Ok(())
    }

    pub(super) fn on_announcement(&mut self, announcement: &Announcement) -> Result<(), End> {
        let (stream, frontier) = (announcement.stream.0, announcement.frontier);
        let cause = match self.subscribed.contains_key(&stream) {
            true => Cause::Asked,
            false if self.hears(stream) => Cause::Compared,
            false => Cause::Announced,
        };
        if cause != Cause::Announced && self.theirs.len() < MAX_WAITING {
            self.theirs.insert(stream, frontier);
        }
        self.request_news(stream, Some(frontier), cause);
        Ok(())
    }

    pub(super) fn on_subscription(&mut self, subscription: &Subscription) -> Result<(), End> {
        let expires = subscription.expires;
        if expires <= self.now || expires > self.now + MAX_SUBSCRIPTION {
            return Err(End::Unexpected("a subscription in the past, or of more than a day"));
        }
        if subscription.streams.0.is_empty() {
            self.subscription = expires;
        }
        self.subscriptions.extend(subscription.streams.0.iter().map(|stream| (*stream, expires)));
        if self.subscriptions.len() > MAX_SUBSCRIPTIONS {
            return Err(End::TooMuch("subscriptions"));
        }
        Ok(())
    }

    pub(super) fn forget_expired(&mut self) {
        let now = self.now;
        self.subscriptions.retain(|_, expires| *expires > now);
        self.subscribed.retain(|_, expires| *expires > now);
    }
}
