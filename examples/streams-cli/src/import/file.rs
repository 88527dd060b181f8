//! A stream file into a store.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use streams_core::{Dropped, Ingested, Object, ObjectId, Rejected, StreamId};

use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::read::{BATCH, StreamFile};
use crate::store::{OnStore, wait};

/// Takes a stream file into a store.
#[derive(clap::Args)]
#[command(
    after_help = "Nothing in the file is believed: each object is verified and judged as if a stranger had sent \
it. What is in the store already stays, so a file may be taken in again, and so may another file of the same stream.

Examples:
  streams import file notes.streams
  streams import file notes.streams --store shared.db"
)]
pub struct File {
    /// The stream file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    on: OnStore,
}

/// What became of the objects of the file.
#[derive(Default)]
struct Taken {
    new: usize,
    known: usize,
    waiting: usize,
    rejected: Vec<(Option<ObjectId>, Rejected)>,
}

/// `streams import file`.
pub fn file(args: &File, out: &mut dyn Write) -> Result<bool> {
    let file = StreamFile::read(&args.file)?;
    let path = args.file.display();
    let begun = file.open().with_context(|| format!("cannot open {path}"))?;
    let root = begun.object(&begun.id()).expect("a stream has its root");
    let store = args.on.store.create()?;
    let is_new = wait(store.head(root.id()))?.is_none();
    let stream = wait(store.create(root))?;

    let mut taken = Taken { new: usize::from(is_new), known: usize::from(!is_new), ..Taken::default() };
    let bar = paint::bar("verifying", file.len());
    let mut left: Vec<usize> = (1..file.len()).collect();
    while !left.is_empty() {
        let (before, mut no_room) = (taken.new, Vec::new());
        for places in left.chunks(BATCH) {
            let parts: Vec<&[u8]> = places.iter().map(|place| file.at(*place)).collect();
            for (place, answer) in places.iter().zip(wait(store.ingest(stream, &parts, 0))?) {
                match answer {
                    Err(Rejected::Dropped(Dropped::NoRoom(_))) => no_room.push(*place),
                    answer => taken.note(file.at(*place), answer),
                }
            }
            bar.inc(places.len() as u64);
        }
        // Where much stands before its causes, some of it has room only when they are there.
        if taken.new == before {
            taken.waiting += no_room.len();
            break;
        }
        bar.dec(no_room.len() as u64);
        left = no_room;
    }
    bar.finish_and_clear();
    taken.print(&path.to_string(), stream, args, out)
}

impl Taken {
    fn note(&mut self, parts: &[u8], answer: Result<Ingested, Rejected>) {
        match answer {
            Ok(Ingested::Admitted { then }) => {
                self.new += 1 + then.len();
                self.waiting = self.waiting.saturating_sub(then.len());
            }
            Ok(Ingested::Known) => self.known += 1,
            Ok(Ingested::Pending { .. }) => self.waiting += 1,
            Err(rejected) => {
                let id = Object::decode(parts).ok().map(|object| object.id());
                self.rejected.push((id, rejected));
            }
        }
    }

    fn print(&self, file: &str, stream: StreamId, args: &File, out: &mut dyn Write) -> Result<bool> {
        let Self { new, known, waiting, rejected } = self;
        let all_taken = *waiting == 0 && rejected.is_empty();
        let location = &args.on.store;
        if args.on.json {
            let told = |(id, rejected): &(Option<ObjectId>, Rejected)| json!({"id": id.map(|id| id.to_string()), "fate": rejected.fate(), "code": rejected.code()});
            let rejected: Vec<_> = rejected.iter().map(told).collect();
            let report = json!({
                "stream": stream.to_string(), "file": file, "store": location.to_string(),
                "new": new, "known": known, "waiting": waiting, "rejected": rejected,
            });
            writeln!(out, "{report}")?;
            return Ok(all_taken);
        }
        for (id, rejected) in rejected {
            let id = id.map_or("no id".to_owned(), |id| paint::prefix(&id));
            writeln!(out, "{id:15}  {}", paint(BAD, paint::plain(&rejected.to_string())))?;
        }
        if *waiting > 0 {
            let wait = if *waiting == 1 { "waits" } else { "wait" };
            let waiting = paint::count(*waiting, "object");
            let text =
                format!("{waiting} {wait} for others that are not here, and {wait} no longer than this program runs");
            writeln!(out, "{}", paint(WARN, text))?;
        }
        let sign = if all_taken { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        let new = paint(BOLD, paint::count(*new, "new object"));
        let known = match known {
            0 => String::new(),
            known => format!(", and {} that it had", paint::thousands(*known)),
        };
        writeln!(out, "{sign} {new} in {location}{known}.")?;
        writeln!(out, "  {} {}", paint(DIM, "stream   "), paint(ID, stream))?;
        Ok(all_taken)
    }
}
