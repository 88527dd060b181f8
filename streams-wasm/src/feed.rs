//! One feed over many streams.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Promise;
use streams_core::codes::Coded;
use streams_core::node::feed::{Changed, Cursor, Event, Feed, Filter};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::host::{promise, promise_bytes};
use crate::node::{NodeHandle, write_stored};

/// Reads the changes of a store.
#[wasm_bindgen]
pub struct FeedHandle(Rc<RefCell<Option<Feed>>>);

#[wasm_bindgen]
impl NodeHandle {
    /// Reads what is here, and then what becomes different.
    #[wasm_bindgen(unchecked_return_type = "Promise<FeedHandle>")]
    pub fn watch(&self, arguments: &[u8]) -> Result<Promise, Failure> {
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
        let node = self.node.clone();
        Ok(promise(async move { Ok(FeedHandle(Rc::new(RefCell::new(Some(node.watch(filter, since).await?))))) }))
    }
}

#[wasm_bindgen]
impl FeedHandle {
    /// At most so many events that there are now, each with the cursor behind it. The face asks one after the other.
    #[wasm_bindgen(unchecked_return_type = "Promise<Uint8Array>")]
    pub fn take(&self, most: usize) -> Promise {
        let kept = self.0.clone();
        promise_bytes(async move {
            // Given up in the middle, the feed is gone, and so is who read it.
            let Some(mut feed) = kept.take() else { return Ok(Out::new().into_bytes()) };
            let taken = take(&mut feed, most).await;
            kept.replace(Some(feed));
            taken
        })
    }
}

async fn take(feed: &mut Feed, most: usize) -> Outcome<Vec<u8>> {
    let (mut events, mut out) = (Out::new(), Out::new());
    let mut count = 0;
    while count < most
        && let Some(event) = feed.next_now().await?
    {
        events.list(2).bytes(&feed.cursor().to_bytes());
        write_event(&mut events, &event);
        count += 1;
    }
    out.list(2).bytes(&feed.cursor().to_bytes()).list(count).raw(&events.into_bytes());
    Ok(out.into_bytes())
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
