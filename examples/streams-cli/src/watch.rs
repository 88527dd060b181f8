//! What is in a store, and what becomes different, as it happens.

use std::io::Write;

use anyhow::{Context, Result};
use serde_json::json;
use streams_core::node::feed::{Changed, Cursor, Event, Feed, Filter};
use streams_core::node::page::Stored;
use streams_core::{StreamId, VerifyingKey};

use crate::paint::{self, BAD, DIM, GOOD, ID, WARN, paint};
use crate::show::{self, Brief};
use crate::store::{OnStore, Opened, wait};

/// How many events are told before the cursor is kept, where more are ready.
const KEPT_EVERY: usize = 256;

/// Tells what is in a store, and what becomes different.
#[derive(clap::Args)]
#[command(after_help = "First all is told that is here, then what comes, until Ctrl-C. + is a new object, ~ one that \
became effective, void, adopted or another copy, ■ that more is final. With --name, the store keeps how far the reader \
got, and the same command goes on from there; after a crash, a few events may be told again. A cursor belongs to its \
store and to the choice of streams, types and authors: with another choice, all is told again, and `reset` says so.

Examples:
  streams watch
  streams watch --type 'example.org/*' --json | jq -r .id
  streams watch --store shared.db --name mirror --until-caught-up")]
pub struct Watch {
    #[command(flatten)]
    on: OnStore,
    /// Only this stream: its id, or the beginning of it; may be given again
    #[arg(long, value_name = "STREAM")]
    stream: Vec<String>,
    /// Only objects of this type, or of types that begin with what stands before a *; may be given again
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only objects of this author; may be given again
    #[arg(long, value_name = "KEY")]
    author: Vec<VerifyingKey>,
    /// Go on behind a cursor, as --json tells it
    #[arg(long, value_name = "CURSOR", conflicts_with = "name", value_parser = cursor)]
    since: Option<Cursor>,
    /// Keep the cursor in the store under this name, and go on from it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// End when all is told that is here
    #[arg(long)]
    until_caught_up: bool,
}

/// `streams watch`.
pub fn watch(args: &Watch, out: &mut dyn Write) -> Result<bool> {
    let store = args.on.store.open()?;
    let mut filter = Filter {
        types: args.types.iter().cloned().collect(),
        authors: args.author.iter().copied().collect(),
        ..Filter::default()
    };
    for stream in &args.stream {
        filter.streams.insert(store.find(Some(stream))?);
    }
    let since = match &args.name {
        None => args.since,
        Some(name) => kept(&store, name)?,
    };
    let mut feed = wait(store.watch(filter, since))?;
    let mut unkept = 0;
    loop {
        let event = match wait(feed.next_now())? {
            Some(event) => event,
            None => {
                keep(args, &store, &feed, out)?;
                unkept = 0;
                wait(feed.next())?
            }
        };
        if args.on.json {
            writeln!(out, "{}", event_json(&event, &feed.cursor()))?;
        } else {
            writeln!(out, "{}", event_line(&event))?;
        }
        unkept += 1;
        let is_end = args.until_caught_up && matches!(event, Event::CaughtUp);
        if is_end || unkept == KEPT_EVERY {
            keep(args, &store, &feed, out)?;
            unkept = 0;
        }
        if is_end {
            return Ok(true);
        }
    }
}

/// Where the reader of this name was.
fn kept(store: &Opened, name: &str) -> Result<Option<Cursor>> {
    let bytes = wait(store.store().cursor(name))?;
    let cursor = bytes.map(|bytes| Cursor::from_bytes(&bytes)).transpose();
    cursor.with_context(|| format!("what the store keeps as {name} is something else; choose another --name"))
}

/// Keeps where the reader is, once what was told is out of hand.
fn keep(args: &Watch, store: &Opened, feed: &Feed, out: &mut dyn Write) -> Result<()> {
    out.flush()?;
    if let Some(name) = &args.name {
        wait(store.store().set_cursor(name, &feed.cursor().to_bytes()))?;
    }
    Ok(())
}

fn cursor(text: &str) -> Result<Cursor> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    bytes
        .ok()
        .and_then(|bytes| Cursor::from_bytes(&bytes).ok())
        .context("a cursor is 112 hexadecimal digits, as --json tells")
}

fn event_line(event: &Event) -> String {
    match event {
        Event::Reset(reset) => paint(WARN, format!("! {reset}: all is told again")),
        Event::CaughtUp => paint(DIM, "· all that is here is told"),
        Event::Added { stream, object } => object_line(paint(GOOD, "+"), stream, object, String::new()),
        Event::Changed { stream, object, what } => {
            let what = match what {
                Changed::Voided => paint(BAD, "is void: "),
                Changed::Restored => paint(GOOD, "is effective again: "),
                Changed::Adopted(by) => paint(GOOD, format!("is adopted by {}: ", paint::short(by))),
                Changed::Released => paint(BAD, "is not adopted any more: "),
                Changed::Copy => paint(WARN, "is another copy now: "),
            };
            object_line(paint(WARN, "~"), stream, object, what)
        }
        Event::Finalized { stream, upto } => {
            let count = paint::thousands(*upto as usize);
            format!("{} {}  the first {count} are final", paint(DIM, "■"), paint(ID, paint::short(stream)))
        }
    }
}

fn object_line(sign: String, stream: &StreamId, object: &Stored, what: String) -> String {
    let Brief { author, summary } = show::brief(&object.authentic);
    let (stream, id) = (paint(DIM, paint::short(stream)), paint(ID, paint::prefix(&object.authentic.id())));
    let verdict = if object.effective { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    let r#type = paint(DIM, format!("{:<12}", paint::clip(object.authentic.header().r#type(), 32)));
    format!("{sign} {stream}  {id}  {verdict} {author:<20}  {type}  {what}{summary}")
}

fn event_json(event: &Event, cursor: &Cursor) -> serde_json::Value {
    let name = match event {
        Event::Reset(_) => "reset",
        Event::CaughtUp => "caught-up",
        Event::Added { .. } => "added",
        Event::Changed { what, .. } => match what {
            Changed::Voided => "voided",
            Changed::Restored => "restored",
            Changed::Adopted(_) => "adopted",
            Changed::Released => "released",
            Changed::Copy => "copy",
        },
        Event::Finalized { .. } => "finalized",
    };
    let mut json = json!({"event": name, "cursor": paint::hex(&cursor.to_bytes())});
    match event {
        Event::Reset(reset) => json["reason"] = json!(reset.to_string()),
        Event::CaughtUp => {}
        Event::Finalized { stream, upto } => {
            json["stream"] = json!(stream.to_string());
            json["upto"] = json!(upto);
        }
        Event::Added { stream, object } | Event::Changed { stream, object, .. } => {
            let header = object.authentic.header();
            json["stream"] = json!(stream.to_string());
            json["id"] = json!(object.authentic.id().to_string());
            json["type"] = json!(header.r#type());
            json["author"] = json!(header.author().to_string());
            json["timestamp"] = json!(header.timestamp());
            json["generation"] = json!(header.generation());
            json["effective"] = json!(object.effective);
            json["adopted_by"] = json!(object.adopted_by.map(|by| by.to_string()));
        }
    }
    json
}
