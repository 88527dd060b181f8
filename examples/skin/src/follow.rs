//! What the index follows: the items that are shown, over all streams that the reader may read.

use anyhow::Result;
use streams_archive::feed::{Event, Feed, Told};
use streams_core::node::feed::Cursor;
use tantivy::{IndexWriter, Term, doc};

use crate::Skin;
use crate::index::{ID, KEY, KIND, STREAM, TAKES, TEXTS, TIME, TITLE};

/// After how many events a commit is made, where more wait.
const BATCH: u64 = 100_000;

impl Skin {
    /// Follows the feed until there is an error. It may be dropped at any moment, and stands still while it commits, so it
    /// wants a thread of its own. One follows at a time.
    pub async fn follow(&self) -> Result<()> {
        let (mut writer, mut mark, mut waiting) = (self.index.writer()?, self.mark.borrow().clone(), 0);
        let since = Cursor::from_bytes(&mark.cursor).ok();
        let taken = self.index.find(Term::from_field_text(KIND, "taker"))?;
        let mut feed = Feed::begin(self.node.clone(), mark.reader, since, taken).await?;
        loop {
            let next = feed.next_now().await?;
            if waiting >= BATCH || (next.is_none() && waiting > 0) {
                (mark.events, waiting) = (mark.events + waiting, 0);
                self.index.commit(&mut writer, &mark)?;
                self.mark.send_replace(mark.clone());
            }
            let event = if let Some(event) = next { event } else { feed.next().await? };
            match event {
                Event::Reset => {
                    writer.delete_all_documents()?;
                    mark.streams.clear();
                }
                Event::CaughtUp => mark.is_live = true,
                Event::Stream { stream, is_open } => drop(mark.streams.insert(stream, is_open)),
                Event::Object(told) => write(&writer, *told)?,
            }
            (mark.cursor, waiting) = (feed.cursor().to_bytes(), waiting + 1);
        }
    }
}

/// Writes the document of an object, in the place of the one that was there.
fn write(writer: &IndexWriter, told: Told) -> tantivy::Result<()> {
    let id = told.id.as_bytes().as_slice();
    if !told.is_new {
        writer.delete_term(Term::from_field_bytes(KEY, &id[..16]));
    }
    let mut document = doc!(ID => id, KEY => &id[..16], STREAM => told.stream.as_bytes().as_slice());
    if let Some(takes) = told.takes {
        document.add_text(KIND, "taker");
        document.add_bytes(TAKES, takes.as_bytes());
    }
    if let Some(item) = told.item {
        document.add_text(KIND, "item");
        document.add_u64(TIME, item.time.or(item.fetched.map(|fetched| fetched.at)).unwrap_or_default());
        document.add_text(TITLE, item.title.unwrap_or_default());
        let texts = [item.text, item.actor, Some(item.source), Some(item.kind)];
        texts.into_iter().flatten().for_each(|text| document.add_text(TEXTS, text));
    }
    if document.get_first(KIND).is_some() {
        writer.add_document(document)?;
    }
    Ok(())
}
