//! One feed over many streams.

use std::cell::RefCell;

use streams_core::codes::Coded;
use streams_core::node::feed::{Changed, Cursor, Event, Feed, Filter};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cbor::{In, Out};
use crate::error::Failure;
use crate::node::{NodeHandle, write_stored};

/// Reads the changes of a store.
#[wasm_bindgen]
pub struct FeedHandle(RefCell<Option<Feed>>);

#[wasm_bindgen]
impl NodeHandle {
    /// Reads what is here, and then what becomes different.
    pub async fn watch(&self, arguments: &[u8]) -> Result<FeedHandle, Failure> {
        let mut input = In::new(arguments);
        input.list()?;
        let texts = |input: &mut In<'_>| input.many(|input| Ok(input.text()?.to_owned()));
        let filter = Filter {
            streams: input.ids()?.into_iter().collect(),
            stream_types: texts(&mut input)?.into_iter().collect(),
            types: texts(&mut input)?.into_iter().collect(),
            authors: input.many(In::author)?.into_iter().collect(),
        };
        let since = input.option(|input| Ok(Cursor::from_bytes(input.bytes()?)?))?;
        Ok(FeedHandle(RefCell::new(Some(self.node.watch(filter, since).await?))))
    }
}

#[wasm_bindgen]
impl FeedHandle {
    /// At most so many events that there are now, each with the cursor behind it. The face asks one after the other.
    pub async fn take(&self, most: usize) -> Result<Vec<u8>, Failure> {
        // Given up in the middle, the feed is gone, and so is who read it.
        let Some(mut feed) = self.0.take() else { return Ok(Out::new().into_bytes()) };
        let mut events = Vec::new();
        while events.len() < most {
            match feed.next_now().await {
                Ok(Some(event)) => events.push((event, feed.cursor())),
                Ok(None) => break,
                Err(error) => {
                    self.0.replace(Some(feed));
                    return Err(error.into());
                }
            }
        }
        let cursor = feed.cursor();
        self.0.replace(Some(feed));
        let mut out = Out::new();
        out.list(2).bytes(&cursor.to_bytes()).list(events.len());
        for (event, cursor) in &events {
            out.list(2).bytes(&cursor.to_bytes());
            write_event(&mut out, event);
        }
        Ok(out.into_bytes())
    }
}

fn write_event(out: &mut Out, event: &Event) {
    match event {
        Event::Reset(reset) => drop(out.list(2).text("reset").text(reset.code())),
        Event::CaughtUp => drop(out.list(1).text("caughtUp")),
        Event::Added { stream, object } => {
            out.list(3).text("added").id(stream);
            write_stored(out, object);
        }
        Event::Changed { stream, object, what } => {
            out.list(5).text("changed").id(stream);
            write_stored(out, object);
            let (what, by) = match what {
                Changed::Voided => ("voided", None),
                Changed::Restored => ("restored", None),
                Changed::Adopted(by) => ("adopted", Some(by)),
                Changed::Released => ("released", None),
                Changed::Copy => ("copy", None),
            };
            out.text(what).option(by, |out, by| {
                out.id(by);
            });
        }
        Event::Finalized { stream, upto } => drop(out.list(3).text("finalized").id(stream).uint(*upto)),
    }
}
