//! Looking into a stream: the log, the leaves, an object.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use streams_core::node::page::Stored;
use streams_core::store::Scan;
use streams_core::{Authentic, Authenticator, HashKey, Map, ObjectId, Role, Stream, StreamId, Value, VerifyingKey};

use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::read::{self, Loaded, Reading, Source};
use crate::store::{Opened, wait};
use crate::why::Why;

/// How many objects are asked of a store at once.
const PAGE: usize = 1024;

/// Lists the objects of a stream, in its order.
#[derive(clap::Args)]
#[command(
    after_help = "Before each author stands ✓ where the object is effective, ✗ where it is void, and ■ before it \
where it is final. With --json, each object is a line. A store is read page by page, so that the end of a long stream is \
there at once; it knows what is void, and `streams why` tells the reason.

Examples:
  streams log notes.streams
  streams log notes.streams --reverse --limit 20    # the latest first
  streams log notes.streams --json | jq -r .id
  streams log --store --reverse --limit 20          # the only stream of the usual store
  streams log bafyr4ih2ick --store shared.db"
)]
pub struct Log {
    #[command(flatten)]
    reading: Reading,
    /// At most so many lines
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The latest first
    #[arg(long)]
    reverse: bool,
}

/// Lists the objects that no other object cites.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams leaves notes.streams")]
pub struct Leaves {
    #[command(flatten)]
    reading: Reading,
}

/// Shows an object whole.
#[derive(clap::Args)]
#[command(
    allow_missing_positional = true,
    after_help = "The id may be cut short, with or without the bafyr4i that all begin with, or be given by its two \
ends, as bafyr4i…k3xq.

Examples:
  streams show notes.streams bafyr4ih2ick
  streams show notes.streams bafyr4ih2ick --json | streams check
  streams show bafyr4ih2ick --store"
)]
pub struct Show {
    #[command(flatten)]
    reading: Reading,
    /// The id of the object, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
}

/// An object, as a line of the log tells it.
struct Line<'a> {
    authentic: &'a Authentic,
    /// Its place in the order, from 0.
    position: usize,
    effective: bool,
    is_final: bool,
    epoch: Option<u32>,
    /// The verdict; a store knows no more of it than whether the object is effective.
    why: Option<Why<'a>>,
}

/// `streams log`.
pub fn log(args: &Log, out: &mut dyn Write) -> Result<bool> {
    match args.reading.source()? {
        Source::File(path) => log_file(args, &path, out),
        Source::Store(store, stream) => log_store(args, &store, stream, out),
    }
}

fn log_file(args: &Log, path: &Path, out: &mut dyn Write) -> Result<bool> {
    let Loaded { stream, rejected } = read::load(path)?;
    let mut order: Vec<ObjectId> = stream.order().collect();
    if args.reverse {
        order.reverse();
    }
    order.truncate(args.limit.unwrap_or(usize::MAX));
    lines(&stream, order, args.reading.json, out)?;
    for (id, rejected) in &rejected {
        if args.reading.json {
            let id = id.map(|id| id.to_string());
            writeln!(out, "{}", json!({"id": id, "fate": rejected.fate(), "code": rejected.code()}))?;
        } else {
            let id = id.map_or("no id".to_owned(), |id| paint::prefix(&id));
            writeln!(out, "{id:15}  {}", paint(BAD, paint::plain(&rejected.to_string())))?;
        }
    }
    let gaps = stream.gaps();
    if !gaps.is_empty() && !args.reading.json {
        let gaps = paint::count(gaps.len(), "object");
        writeln!(
            out,
            "{}",
            paint(WARN, format!("{gaps} that others cite are not in the file; what cites them waits"))
        )?;
    }
    Ok(true)
}

/// Lists objects of a stream that is in memory, a line each.
pub fn lines(
    stream: &Stream,
    ids: impl IntoIterator<Item = ObjectId>,
    as_json: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for id in ids {
        let entry = stream.entry(&id).expect("the order names what is here");
        let line = Line {
            authentic: &entry.authentic,
            position: entry.position,
            effective: entry.effective,
            is_final: entry.position < stream.final_len(),
            epoch: stream.epoch(&id),
            // Only for those that are void does a line for people say why.
            why: (as_json || !entry.effective).then(|| Why::of(stream, &id).expect("it is here")),
        };
        line.print(as_json, out)?;
    }
    Ok(())
}

/// Page by page, without the whole of the stream in memory.
fn log_store(args: &Log, store: &Opened, stream: StreamId, out: &mut dyn Write) -> Result<bool> {
    let head = wait(store.head(stream))?.expect("it was found");
    let mut left = args.limit.unwrap_or(usize::MAX);
    let (mut told, mut last) = (0, None);
    while left > 0 {
        let scan = if args.reverse { Scan::Before(last) } else { Scan::After(last) };
        let page = wait(store.page(stream, scan, left.min(PAGE)))?;
        let Some(end) = page.last() else { break };
        (last, left) = (Some(end.place), left - page.len());
        for Stored { place, effective, authentic, .. } in &page {
            let position = if args.reverse { head.objects.saturating_sub(told + 1) } else { told };
            told += 1;
            let (effective, is_final, epoch) = (*effective, position < head.finals, Some(place.epoch));
            let line = Line { authentic, position: position as usize, effective, is_final, epoch, why: None };
            line.print(args.reading.json, out)?;
        }
    }
    Ok(true)
}

impl Line<'_> {
    fn print(&self, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
        match as_json {
            true => writeln!(out, "{}", self.json()),
            false => writeln!(out, "{}", self.text()),
        }
    }

    fn text(&self) -> String {
        let (header, Brief { author, summary }) = (self.authentic.header(), brief(self.authentic));
        let (sign, mark) = match self.effective {
            true => (paint(GOOD, "✓"), String::new()),
            false => {
                let why = self.why.as_ref().map(|why| format!("({}) ", why.brief())).unwrap_or_default();
                (paint(BAD, "✗"), paint(BAD, format_args!("void {why}")))
            }
        };
        let is_final = paint(DIM, if self.is_final { "■" } else { " " });
        let id = paint(ID, paint::prefix(&self.authentic.id()));
        let generation = paint(DIM, format!("{:>6}", header.generation()));
        let r#type = paint(DIM, format!("{:<12}", paint::clip(header.r#type(), 32)));
        format!("{id} {generation}  {is_final}{sign} {author:<20}  {type}  {mark}{summary}")
    }

    fn json(&self) -> serde_json::Value {
        let header = self.authentic.header();
        let mut line = json!({
            "id": self.authentic.id().to_string(),
            "fate": "admitted",
            "position": self.position,
            "effective": self.effective,
            "final": self.is_final,
            "epoch": self.epoch,
            "redacted": self.authentic.object().is_redacted(),
            "generation": header.generation(),
            "type": header.r#type(),
            "author": header.author().to_string(),
            "timestamp": header.timestamp(),
            "parents": header.parents().iter().map(|id| id.to_string()).collect::<Vec<_>>(),
            "previous": header.previous().map(|id| id.to_string()),
        });
        if let Some(why) = &self.why {
            line["verdict"] = json!(why.code());
            line["reason"] = json!((!self.effective).then(|| why.brief()));
        }
        line
    }
}

/// An object in a few words.
pub struct Brief {
    /// The name of its author, or the ends of the key.
    pub author: String,
    /// What it says.
    pub summary: String,
}

/// An object in a few words.
pub fn brief(authentic: &Authentic) -> Brief {
    let header = authentic.header();
    let data = authentic.object().data();
    let author = match data.as_ref().and_then(name_in) {
        Some(name) => paint::clip(name, 20),
        None => paint::short(header.author()),
    };
    let summary = match &data {
        Some(data) => summary(data),
        None if header.has_data() => paint(WARN, "redacted"),
        None => String::new(),
    };
    Brief { author, summary }
}

/// The name of the person that the data tells of, as imported commits do.
fn name_in(data: &Map) -> Option<&str> {
    match data.value("author")? {
        Value::Map(author) => text(author, "name"),
        _ => None,
    }
}

/// The names that authors give themselves in their objects: the first of each, or of one alone.
pub fn names(stream: &Stream, of: Option<&VerifyingKey>) -> BTreeMap<VerifyingKey, String> {
    let mut names = BTreeMap::new();
    for entry in stream.entries() {
        let author = entry.authentic.header().author();
        if of.is_some_and(|of| *of != author) || names.contains_key(&author) {
            continue;
        }
        if let Some(name) = entry.authentic.object().data().as_ref().and_then(name_in) {
            names.insert(author, paint::clip(name, 20));
            if of.is_some() {
                break;
            }
        }
    }
    names
}

fn text<'m>(map: &'m Map, name: &str) -> Option<&'m str> {
    match map.value(name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// What data says, on one line: its message, if it has one, or else its first values.
fn summary(data: &Map) -> String {
    if let Some(text) = text(data, "message") {
        return paint::clip(text, 60);
    }
    let shown = data.iter().filter(|(name, _)| name.as_str() != "salt");
    let shown: Vec<String> = shown.map(|(name, value)| format!("{name}={}", word(value))).collect();
    paint::clip(&shown.join(" "), 60)
}

/// A value in a word or two.
fn word(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("\"{}\"", paint::clip(text, 40)),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Float(float) => float.value().to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Bytes(bytes) if bytes.len() > 8 => format!("{}…", paint::hex(&bytes[..8])),
        Value::Bytes(bytes) => paint::hex(bytes),
        Value::Map(map) => format!("{{{}}}", paint::count(map.len(), "value")),
        Value::Redacted(_) => "redacted".to_owned(),
        Value::Reference(id) => paint::short(id),
        Value::List(list) => format!("[{}]", paint::count(list.items().len(), "value")),
    }
}

/// `streams leaves`.
pub fn leaves(args: &Leaves, out: &mut dyn Write) -> Result<bool> {
    let stream = args.reading.load()?.stream;
    let (leaves, frontier) = (stream.leaves(), paint::hex(&stream.frontier()));
    if args.reading.json {
        let leaves: Vec<String> = leaves.iter().map(ObjectId::to_string).collect();
        writeln!(out, "{}", json!({"stream": stream.id().to_string(), "leaves": leaves, "frontier": frontier}))?;
        return Ok(true);
    }
    for leaf in leaves {
        writeln!(out, "{}", paint(ID, leaf))?;
    }
    writeln!(out, "{}", paint(DIM, format!("frontier {frontier}")))?;
    Ok(true)
}

/// `streams show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let stream = args.reading.load()?.stream;
    let entry = stream.entry(&read::find(&stream, &args.id)?).expect("it was found");
    let object = entry.authentic.object();
    if args.reading.json {
        writeln!(out, "{}", object.to_json_pretty()?)?;
        return Ok(true);
    }
    let header = entry.authentic.header();
    let mut field = |name: &str, value: String| paint::field(out, name, value);
    field("object", paint(ID.bold(), object.id()))?;
    field("type", paint(BOLD, header.r#type()))?;
    field("author", paint(ID, header.author()))?;
    match header.role() {
        Role::HypotheticalRoot => field("role", "hypothetical root of its stream".to_owned())?,
        Role::Root => field("role", "root of its stream".to_owned())?,
        Role::Event => field("stream", paint(ID, stream.id()))?,
    }
    for parent in header.parents().iter() {
        field("parent", paint(ID, parent))?;
    }
    if let Some(previous) = header.previous() {
        field("previous", paint(ID, previous))?;
    }
    field("generation", format!("{}, at place {} of the order", header.generation(), entry.position))?;
    if let Some(timestamp) = header.timestamp() {
        field("time", paint::claimed(timestamp))?;
    }
    if let Some(signature) = object.signature() {
        // A store was only told once that it is.
        let is_valid = Authenticator::new(HashKey::from_bytes(key::random()?)).authenticate(object.clone()).is_ok();
        let valid = if is_valid { paint(GOOD, "valid") } else { paint(BAD, "not valid: `streams verify` tells more") };
        field("signature", format!("{valid} {}…", paint::hex(&signature[..8])))?;
    }
    field("verdict", if entry.effective { paint(GOOD, "effective") } else { paint(BAD, "void: not replayed") })?;
    let map = object.to_map()?;
    for name in ["policies", "data"] {
        if let Some(value) = map.value(name) {
            writeln!(out)?;
            tree(out, name, value, 0)?;
        }
    }
    Ok(true)
}

/// A value with all that is below it, a line each, under its key.
fn tree(out: &mut dyn Write, name: &str, value: &Value, depth: usize) -> Result<()> {
    let margin = "  ".repeat(depth);
    let key = format!("{margin}{}{}", paint::plain(name), paint(DIM, format_args!(":{}", value.hint())));
    match value {
        Value::Map(map) => {
            writeln!(out, "{key}")?;
            for (name, value) in map.iter() {
                tree(out, name.as_str(), value, depth + 1)?;
            }
        }
        Value::List(list) if list.items().iter().any(|item| matches!(item, Value::Map(_) | Value::List(_))) => {
            writeln!(out, "{key}")?;
            for (at, item) in list.items().iter().enumerate() {
                tree(out, &format!("[{at}]"), item, depth + 1)?;
            }
        }
        Value::List(list) => {
            let items: Vec<String> = list.items().iter().map(leaf).collect();
            writeln!(out, "{key}  {}", items.join(", "))?;
        }
        Value::Text(text) if text.contains('\n') => {
            writeln!(out, "{key}")?;
            for line in text.trim_end().lines() {
                writeln!(out, "{margin}  {} {}", paint(DIM, "│"), paint::plain(line))?;
            }
        }
        _ => writeln!(out, "{key}  {}", leaf(value))?,
    }
    Ok(())
}

/// A value with nothing below it, whole.
fn leaf(value: &Value) -> String {
    match value {
        Value::Text(text) => paint::plain(text),
        Value::Bytes(bytes) => paint::hex(bytes),
        Value::Redacted(id) => format!("{} {}", paint(WARN, "redacted"), paint(ID, id)),
        Value::Reference(id) => paint(ID, id),
        value => word(value),
    }
}
