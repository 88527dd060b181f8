//! A stream of a store, as a file.

use std::collections::VecDeque;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::json;
use streams_core::StreamId;
use streams_core::store::{Head, Record, Scan};

use crate::paint::{self, BOLD, DIM, GOOD, ID, paint};
use crate::store::{OnStore, Opened, wait};
use crate::write;

/// How many objects are asked of the store at once.
const PAGE: usize = 1024;

/// Writes a stream of a store into a file.
#[derive(clap::Args)]
#[command(
    after_help = "The file holds the objects in the order of the stream, as `streams import` writes them, and can \
be taken into another store by `streams import file`.

Examples:
  streams export --out notes.streams                # the only stream of the usual store
  streams export bafyr4ih2ick --store shared.db --out notes.streams"
)]
pub struct Export {
    /// The stream: its id, or the beginning of it. The only stream of a store need not be named
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    #[command(flatten)]
    on: OnStore,
    /// The stream file to write; one that exists is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// `streams export`.
pub fn export(args: &Export, out: &mut dyn Write) -> Result<bool> {
    ensure!(!args.out.exists(), "{} exists; choose another file with --out", args.out.display());
    let store = args.on.store.open()?;
    let stream = store.find(args.stream.as_deref())?;
    let head = wait(store.head(stream))?.expect("it was found");
    let bar = paint::bar("writing", head.objects as usize);
    let bytes = write::replace(&args.out, Pages::of(&store, stream, head).inspect(|_| bar.inc(1)))?;
    bar.finish_and_clear();
    let (file, objects) = (args.out.display(), head.objects);
    if args.on.json {
        let report = json!({"stream": stream.to_string(), "file": args.out, "objects": objects, "bytes": bytes});
        writeln!(out, "{report}")?;
        return Ok(true);
    }
    let (count, size) = (paint::count(objects as usize, "object"), paint::size(bytes));
    writeln!(out, "{} {} {count}, {size}.", paint(GOOD, "✓"), paint(BOLD, format!("{file} is written:")))?;
    writeln!(out, "  {} {}", paint(DIM, "stream   "), paint(ID, stream))?;
    Ok(true)
}

/// The objects of a stream as it was at one moment, in its order.
struct Pages<'a> {
    store: &'a Opened,
    stream: StreamId,
    head: Head,
    last: Option<Record>,
    page: VecDeque<Record>,
    given: u64,
}

impl<'a> Pages<'a> {
    fn of(store: &'a Opened, stream: StreamId, head: Head) -> Self {
        Self { store, stream, head, last: None, page: VecDeque::new(), given: 0 }
    }

    fn next_parts(&mut self) -> Result<Option<Arc<[u8]>>> {
        loop {
            while let Some(record) = self.page.pop_front() {
                let parts = record.parts.clone();
                // What came later may cite what came later too, and would stand before it.
                let is_in = record.sequence <= self.head.last;
                self.last = Some(record);
                if is_in {
                    self.given += 1;
                    return Ok(Some(parts));
                }
            }
            let scan = Scan::After(self.last.as_ref().map(|last| last.place));
            self.page = wait(self.store.store().scan(self.stream, scan, PAGE))?.into();
            if self.page.is_empty() {
                // What is made final meanwhile may get another place.
                let all = self.given == self.head.objects;
                ensure!(all, "somebody wrote to the stream meanwhile, and its order is another: run it again");
                return Ok(None);
            }
        }
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Arc<[u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_parts().transpose()
    }
}
