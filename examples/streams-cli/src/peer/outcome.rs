//! What came of the streams that two peers made equal.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use streams_core::sync::questions::Event;
use streams_core::sync::said::{Reason, Signed, Statement};
use streams_core::{HashKey, ObjectId, Rejected, StreamId, VerifyingKey};

use crate::check::sentence;
use crate::paint::{self, BAD, DIM, GOOD, ID, WARN, paint};
use crate::why;

/// What came of a session.
#[derive(Default)]
pub struct Outcomes {
    /// The streams that were spoken of.
    pub streams: BTreeMap<StreamId, Outcome>,
}

/// What came of a stream.
#[derive(Default)]
pub struct Outcome {
    pub received: u64,
    pub sent: u64,
    /// Why the first of the objects was not taken that were not, and how many.
    pub rejected: Option<(Rejected, u64)>,
    /// What is cited, and did not come.
    pub gaps: Vec<ObjectId>,
    /// Why the peer refuses the stream.
    pub refusal: Option<Refusal>,
    /// Why it is refused to the peer.
    pub refuses: Option<Reason>,
    /// What the peer states to have had when it was asked.
    pub stated: Option<Signed<Statement>>,
}

/// Why a peer refuses a stream.
pub struct Refusal {
    pub reason: Reason,
    /// The parts of the policy object that it shows.
    shown: Option<Vec<u8>>,
}

impl Outcomes {
    /// Of streams that are asked for.
    pub fn of(streams: &[StreamId]) -> Self {
        Self { streams: streams.iter().map(|stream| (*stream, Outcome::default())).collect() }
    }

    /// Takes note of what happened.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Received { stream, admitted } => self.at(stream).received += admitted,
            Event::Rejected { stream, reason, objects } => {
                self.at(stream).rejected.get_or_insert((reason.clone(), 0)).1 += objects;
            }
            Event::Synced { stream, gaps, .. } => self.at(stream).gaps.clone_from(gaps),
            Event::Stated(statement) => self.at(&statement.said.stream.0).stated = Some((**statement).clone()),
            Event::Served { stream, sent } => {
                let outcome = self.at(stream);
                outcome.sent += sent;
                // What it did not know, it has now.
                if outcome.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::Unknown) {
                    outcome.refusal = None;
                }
            }
            Event::Refused { stream, reason, refusal, shown } if refusal.said.object.is_none() => {
                self.at(stream).refusal = Some(Refusal { reason: *reason, shown: shown.clone() });
            }
            Event::Refuses { stream, reason } => self.at(stream).refuses = Some(*reason),
            _ => {}
        }
    }

    fn at(&mut self, stream: &StreamId) -> &mut Outcome {
        self.streams.entry(*stream).or_default()
    }
}

impl Refusal {
    /// Why, in a sentence: who decided it, where the peer shows that.
    pub fn sentence(&self, stream: StreamId, me: &VerifyingKey, key: HashKey) -> String {
        match (self.reason, &self.shown) {
            (Reason::Denied, None) => format!("denied: no rule lets {} read it", paint::short(me)),
            (Reason::Denied, Some(shown)) => match why::shown_denial(shown, stream, me, key) {
                Some((_, sentence)) => format!("denied: {sentence}"),
                None => "denied: and what the peer shows for it denies nothing".to_owned(),
            },
            (Reason::Unknown, _) => "unknown: the peer has nothing of it, and does not take it in".to_owned(),
            (Reason::Gone, _) => "gone: the peer had it, and has it no more".to_owned(),
            (Reason::Busy, _) => "busy: the peer has no room for it now; try again later".to_owned(),
        }
    }

    /// The policy object that is shown, where it denies what it is shown for.
    pub fn denied_by(&self, stream: StreamId, me: &VerifyingKey, key: HashKey) -> Option<ObjectId> {
        why::shown_denial(self.shown.as_ref()?, stream, me, key).map(|(id, _)| id)
    }
}

impl Outcome {
    /// Whether all that the peer has is here.
    pub fn is_good(&self) -> bool {
        self.refusal.is_none() && self.gaps.is_empty() && self.rejected.is_none()
    }

    /// On a line, and where something is wrong, on a few.
    pub fn lines(&self, stream: StreamId, me: &VerifyingKey, key: HashKey) -> Vec<String> {
        let sign = if self.is_good() { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        let counted: Vec<String> = [(self.received, "received"), (self.sent, "sent")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", paint::thousands(count as usize)))
            .collect();
        let counted = match counted.is_empty() {
            true if self.refusal.is_some() => paint(BAD, "refused"),
            true => paint(DIM, "nothing new"),
            false => counted.join(", "),
        };
        let mut lines = vec![format!("{sign} {}  {counted}", paint(ID, stream))];
        let mut more = |style, line: String| lines.push(format!("    {}", paint(style, line)));
        if let Some(refusal) = &self.refusal {
            more(BAD, refusal.sentence(stream, me, key));
        }
        if let Some((reason, objects)) = &self.rejected {
            let (count, why) = (paint::count(*objects as usize, "object"), paint::plain(&sentence(reason)));
            more(BAD, format!("{count} not taken: {} ({}: {why})", reason.fate(), reason.code()));
        }
        if let Some((first, more_gaps)) = self.gaps.split_first() {
            let others = match more_gaps.len() {
                0 => String::new(),
                others => format!(" and {}", paint::count(others, "other")),
            };
            more(BAD, format!("cited and nowhere to be had: {}{others}", paint::prefix(first)));
        }
        if self.refuses == Some(Reason::Denied) {
            more(WARN, "the peer asked for it too, and no rule lets it read".to_owned());
        }
        lines
    }

    /// The facts, by their names.
    pub fn json(&self, stream: StreamId, me: &VerifyingKey, key: HashKey) -> Value {
        let rejected = self.rejected.as_ref();
        let refusal = self.refusal.as_ref();
        json!({
            "stream": stream.to_string(),
            "received": self.received,
            "sent": self.sent,
            "rejected": rejected.map_or(0, |(_, objects)| *objects),
            "rejected_by": rejected.map(|(reason, _)| json!({"code": reason.code(), "sentence": sentence(reason)})),
            "gaps": self.gaps.iter().map(ObjectId::to_string).collect::<Vec<_>>(),
            "refused": refusal.map(|refusal| refusal.reason.code()),
            "refused_because": refusal.map(|refusal| refusal.sentence(stream, me, key)),
            "denied_by": refusal.and_then(|refusal| refusal.denied_by(stream, me, key)).map(|id| id.to_string()),
        })
    }
}
