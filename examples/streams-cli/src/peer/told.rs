//! What peers do, told line by line as it happens.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;
use streams_core::sync::questions::Event;
use streams_core::sync::said::Reason;
use streams_core::{Rejected, StreamId, VerifyingKey};

use crate::check::sentence;
use crate::paint::{self, BAD, DIM, ID, WARN, paint};

/// Tells what one peer does.
pub struct Teller {
    as_json: bool,
    /// Where it is, as it is told when it proved who it is.
    place: String,
    peer: Option<VerifyingKey>,
    /// What came of each stream, and was not told yet: how many objects, and how many that were not taken.
    came: BTreeMap<StreamId, (u64, Option<(Rejected, u64)>)>,
}

/// What a peer did to a stream.
struct Deed<'a> {
    did: &'static str,
    stream: &'a StreamId,
    objects: Option<u64>,
    reason: Option<&'static str>,
    /// In words: behind the name of the peer.
    words: String,
}

impl Teller {
    /// Of a peer at this place.
    pub fn new(as_json: bool, place: String) -> Self {
        Self { as_json, place, peer: None, came: BTreeMap::new() }
    }

    /// Prints what is worth a line.
    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Proven { peer, .. } => {
                self.peer = Some(*peer);
                self.print(&self.line_of_arrival());
            }
            Event::Received { stream, admitted } => self.came.entry(*stream).or_default().0 += admitted,
            Event::Rejected { stream, reason, objects } => {
                let (_, rejected) = self.came.entry(*stream).or_default();
                rejected.get_or_insert((reason.clone(), 0)).1 += objects;
            }
            Event::Synced { stream, gaps, .. } => {
                self.tell_what_came(stream);
                if !gaps.is_empty() {
                    let words = format!("cites {} that it does not give", paint::count(gaps.len(), "object"));
                    let objects = Some(gaps.len() as u64);
                    self.print_deed(&Deed { did: "cites", stream, objects, reason: None, words });
                }
            }
            Event::Served { stream, sent } if *sent > 0 => {
                let words = format!("got {}", paint::count(*sent as usize, "object"));
                self.print_deed(&Deed { did: "got", stream, objects: Some(*sent), reason: None, words });
            }
            Event::Refuses { stream, reason } => {
                let words = match reason {
                    Reason::Denied => "was refused: no rule lets it read",
                    Reason::Unknown => "asked for what is not here",
                    Reason::Gone => "asked for what is not here any more",
                    Reason::Busy => "was asked to come again",
                };
                let words = paint(WARN, words);
                let reason = Some(reason.code());
                self.print_deed(&Deed { did: "was refused", stream, objects: None, reason, words });
            }
            Event::Refused { stream, reason, refusal, .. } if refusal.said.object.is_none() => {
                let words = paint(WARN, format!("refuses ({})", reason.code()));
                let reason = Some(reason.code());
                self.print_deed(&Deed { did: "refuses", stream, objects: None, reason, words });
            }
            Event::Plea { stream, note } => self.print_plea(stream, note),
            _ => {}
        }
    }

    /// Prints what came before the link broke.
    pub fn tell_rest(&mut self) {
        let streams: Vec<StreamId> = self.came.keys().copied().collect();
        streams.iter().for_each(|stream| self.tell_what_came(stream));
    }

    fn tell_what_came(&mut self, stream: &StreamId) {
        let (admitted, rejected) = self.came.remove(stream).unwrap_or_default();
        if admitted > 0 {
            let words = format!("brought {}", paint::count(admitted as usize, "object"));
            self.print_deed(&Deed { did: "brought", stream, objects: Some(admitted), reason: None, words });
        }
        if let Some((why, objects)) = rejected {
            let count = paint::count(objects as usize, "object");
            let words =
                paint(BAD, format!("sent {count} not taken ({}: {})", why.code(), paint::plain(&sentence(&why))));
            let (objects, reason) = (Some(objects), Some(why.code()));
            self.print_deed(&Deed { did: "sent what is not taken", stream, objects, reason, words });
        }
    }

    fn who(&self) -> String {
        self.peer.as_ref().map_or_else(|| "somebody".to_owned(), paint::short)
    }

    fn line_of_arrival(&self) -> String {
        let peer = self.peer.as_ref().map(VerifyingKey::to_string);
        match self.as_json {
            true => json!({"peer": peer, "did": "came", "at": self.place}).to_string(),
            false => format!("{} {}", paint(ID, self.who()), paint(DIM, format!("is at {}", self.place))),
        }
    }

    fn print_deed(&self, deed: &Deed<'_>) {
        let Deed { did, stream, objects, reason, words } = deed;
        if self.as_json {
            let peer = self.peer.as_ref().map(VerifyingKey::to_string);
            let mut line = json!({"peer": peer, "stream": stream.to_string(), "did": did, "objects": objects});
            if let Some(reason) = reason {
                line["reason"] = json!(reason);
            }
            return self.print(&line.to_string());
        }
        self.print(&format!("{} {}  {words}", paint(ID, self.who()), paint(DIM, paint::short(stream))));
    }

    fn print_plea(&self, stream: &StreamId, note: &str) {
        if self.as_json {
            let peer = self.peer.as_ref().map(VerifyingKey::to_string);
            let line = json!({"peer": peer, "stream": stream.to_string(), "did": "asks for access", "note": note});
            return self.print(&line.to_string());
        }
        let note = paint::plain(note);
        let (who, stream) = (paint(ID, self.who()), paint(ID, paint::short(stream)));
        self.print(&format!("{who} asks for access to {stream}: \"{note}\""));
        if let Some(peer) = &self.peer {
            // What it takes to let it in, so that nobody needs to look the key up.
            self.print(&paint(DIM, format!("  streams policy allow … --author {peer} lets it in")));
        }
    }

    fn print(&self, line: &str) {
        let mut out = anstream::stdout().lock();
        // Whoever does not listen any more does not end the service.
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }
}
