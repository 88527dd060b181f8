//! Files that are written: a new stream, and what is appended to one.
//!
//! An object is appended to a file as by a replica that holds what is in the file, and nothing else: whoever has
//! another copy of it writes beside. `cat` brings the copies together. A file is never half written: it is put beside
//! its place, and then takes it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;
use streams_core::object::header::types;
use streams_core::{
    AppendError, Authentic, Draft, HashKey, Map, Object, ObjectId, Rule, SigningKey, Simulated, Stream, Value, Writer,
};

use crate::check::sentence;
use crate::key;
use crate::paint::{self, BAD, BOLD, ID, WARN, paint};
use crate::read::{self, StreamFile};
use crate::why::Why;

/// Begins a stream, of which the key's author is the owner.
#[derive(clap::Args)]
#[command(after_help = "Without --open, everyone may read the stream, and its owner alone may append to it, until \
`streams policy allow` lets others.

Examples:
  streams new example.org/list --key alice.key --out list.streams
  streams new example.org/wall --out wall.streams --open --data '{\"title:s\": \"For all\"}'")]
pub struct New {
    /// The type of the stream, as example.org/list
    #[arg(value_name = "TYPE")]
    r#type: String,
    #[command(flatten)]
    signing: Signing,
    /// The stream file to write; one that exists is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Let everyone append
    #[arg(long)]
    open: bool,
    /// The content of the root, as JSON
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
}

/// Appends an object to a stream.
#[derive(clap::Args)]
#[command(
    after_help = "The object cites what is in the file, and no more. An object that would be void is not written, \
unless with --anyway.

Examples:
  streams append list.streams example.org/list.Added --data '{\"item:s\": \"milk\"}'
  streams append list.streams example.org/list.Cleared --key bob.key"
)]
pub struct Append {
    #[command(flatten)]
    writing: Writing,
    /// The type of the object, as example.org/list.Added
    #[arg(value_name = "TYPE")]
    r#type: String,
    /// The content, as JSON
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Write it, void or not
    #[arg(long)]
    anyway: bool,
}

/// Makes all that is in the file final.
#[derive(clap::Args)]
#[command(after_help = "What is final keeps its place and its verdict, whatever arrives later. The owner makes \
checkpoints, and whom the rules of the root let.

Examples:
  streams checkpoint list.streams --key alice.key")]
pub struct Checkpoint {
    #[command(flatten)]
    writing: Writing,
}

/// Takes up void objects, under the authority of whoever adopts them.
#[derive(clap::Args)]
#[command(after_help = "Replay hands adopted objects out behind the object that adopts them.

Examples:
  streams adopt list.streams bafyr4ih2ick --key alice.key")]
pub struct Adopt {
    #[command(flatten)]
    writing: Writing,
    /// The void objects
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Drops a map of an object.
#[derive(clap::Args)]
#[command(
    after_help = "The id and the signature of the object hold. Without --for-all, the map is dropped from this file \
alone: other copies keep it, and bring it back where they are put together. With --for-all, an object tells every \
replica to drop the map wherever it stands; whoever governs may write one.

Examples:
  streams redact notes.streams bafyr4ih2ick author
  streams redact notes.streams bafyr4ih2ick data --for-all --key alice.key"
)]
pub struct Redact {
    #[command(flatten)]
    writing: Writing,
    /// The id of the object, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    /// The map: its id, or its place, as data, author or guest.contact
    #[arg(value_name = "MAP")]
    map: String,
    /// Tell every replica to drop it
    #[arg(long)]
    for_all: bool,
}

/// Who writes, and how the answer is told.
#[derive(clap::Args)]
pub struct Signing {
    /// The key file to sign with; by default that of `key new`
    #[arg(long, value_name = "KEYFILE", display_order = 90)]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = 91)]
    json: bool,
}

/// What is written to, by whom, and how the answer is told.
#[derive(clap::Args)]
pub struct Writing {
    /// The stream file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

/// A stream file that is open for writing.
pub struct Desk<'a> {
    /// What is in it, and what is appended.
    pub stream: Stream,
    /// The key to sign with.
    pub key: SigningKey,
    /// The time that the author claims.
    now: u64,
    path: &'a Path,
    file: StreamFile,
    json: bool,
    /// The stream as it was.
    before: Stream,
}

impl<'a> Desk<'a> {
    /// Opens a file.
    pub fn open(writing: &'a Writing) -> Result<Self> {
        let Writing { file: path, signing } = writing;
        let key = key::read(signing.key.as_deref())?;
        let file = StreamFile::read(path)?;
        let stream = file.load().with_context(|| format!("cannot open {}", path.display()))?.stream;
        Ok(Self { before: stream.clone(), stream, key, now: now()?, path, file, json: signing.json })
    }

    /// Whoever writes, now.
    pub fn writer(&mut self) -> Writer<'_> {
        self.stream.by(&self.key).at(self.now)
    }

    /// Objects of the stream, by what was given of their ids.
    pub fn find_all(&self, ids: &[String]) -> Result<Vec<ObjectId>> {
        ids.iter().map(|id| read::find(&self.stream, id)).collect()
    }

    /// What to write so that the author may do this, for those who can.
    pub fn advise(&self, who: &str, options: &str) -> String {
        let (file, author) = (self.path.display(), self.key.verifying_key());
        format!("{who} may let it: streams policy allow {file} --author {author} {options}")
    }

    /// Writes the file with an appended object, if it is effective, and tells its id. Otherwise tells why it is not
    /// written, and what to do.
    pub fn finish(self, appended: Result<Authentic, AppendError>, advice: &str, out: &mut dyn Write) -> Result<bool> {
        match appended {
            Ok(appended) => {
                let why = Why::of(&self.stream, &appended.id()).expect("it was just admitted");
                if !why.is_effective() {
                    let withdraw = why.denied_by().map(|by| {
                        let (file, by) = (self.path.display(), paint::prefix(&by));
                        format!("Whoever wrote that may take it back: streams policy withdraw {file} {by}")
                    });
                    let advice = withdraw.as_deref().unwrap_or(advice);
                    return self.decline(why.code(), &format!("It would be {}.", why.sentence()), advice, out);
                }
                self.save(&appended, out)
            }
            Err(AppendError::Draft(error)) => Err(anyhow!(error).context("the object cannot be written")),
            Err(AppendError::Rejected(rejected)) => {
                let reason = format!("It would be {}: {}.", rejected.fate(), sentence(&rejected));
                self.decline(rejected.code(), &reason, advice, out)
            }
        }
    }

    /// Writes the file with an appended object, and tells its id and what follows from it.
    pub fn save(self, appended: &Authentic, out: &mut dyn Write) -> Result<bool> {
        save(self.path, &self.file, &self.stream)?;
        let why = Why::of(&self.stream, &appended.id()).expect("it was just admitted");
        let Simulated { voided, restored, .. } = self.before.simulate(std::slice::from_ref(appended));
        let newly_final = self.stream.final_len().saturating_sub(self.before.final_len());
        if self.json {
            let ids = |ids: &[ObjectId]| ids.iter().map(ObjectId::to_string).collect::<Vec<_>>();
            let written = json!({
                "id": appended.id().to_string(),
                "file": self.path,
                "timestamp": appended.header().timestamp(),
                "verdict": why.code(),
                "effective": why.is_effective(),
                "objects": self.stream.len(),
                "final": self.stream.final_len(),
                "voided": ids(&voided),
                "restored": ids(&restored),
            });
            writeln!(out, "{written}")?;
            return Ok(true);
        }
        writeln!(out, "{}", paint(ID, appended.id()))?;
        let verb = |count: usize, verb: &str| (count > 0).then(|| format!("{} {verb}", paint::count(count, "object")));
        let notes = [
            (!why.is_effective()).then(|| format!("it is {}", why.sentence())),
            verb(voided.len(), "turned void"),
            verb(restored.len(), "turned effective"),
            verb(newly_final, "turned final"),
            Some(format!("{} holds {}", self.path.display(), paint::count(self.stream.len(), "object"))),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        writeln!(io::stderr(), "{}.", notes.join("; "))?;
        Ok(true)
    }

    /// Tells that nothing is written, why, and what to do.
    pub fn decline(&self, code: &str, reason: &str, advice: &str, out: &mut dyn Write) -> Result<bool> {
        if self.json {
            writeln!(out, "{}", json!({"id": null, "file": self.path, "code": code, "sentence": reason}))?;
            return Ok(false);
        }
        writeln!(out, "{} {}  {}", paint(BAD, "✗"), paint(BAD.bold(), "not written"), paint(BOLD, code))?;
        writeln!(out, "  {reason}")?;
        Ok(writeln!(out, "  {advice}").map(|()| false)?)
    }
}

/// `streams new`.
pub fn new(args: &New, out: &mut dyn Write) -> Result<bool> {
    let (key, now) = (key::read(args.signing.key.as_deref())?, now()?);
    let rules = if args.open { vec![Rule::open_to_all()] } else { Vec::new() };
    let mut draft = Draft::root(&args.r#type, key::random()?).policies(rules).timestamp(now);
    if let Some(data) = &args.data {
        draft = draft.data(read_data(data)?);
    }
    let root = draft.sign(&key).with_context(|| format!("{} cannot be the type of a stream", args.r#type))?;
    let stream = Stream::open(root, HashKey::from_bytes(key::random()?))?;
    let free = !args.out.exists();
    ensure!(free, "{} exists, and a stream is never overwritten; choose another with --out", args.out.display());
    whole(&args.out, &stream)?;
    let (id, owner) = (stream.id().to_string(), stream.owner().to_string());
    match args.signing.json {
        true => writeln!(out, "{}", json!({"id": id, "file": args.out, "owner": owner, "timestamp": now}))?,
        false => writeln!(out, "{}", paint(ID, id))?,
    }
    Ok(true)
}

/// `streams append`.
pub fn append(args: &Append, out: &mut dyn Write) -> Result<bool> {
    let mut desk = Desk::open(&args.writing)?;
    let data = args.data.as_deref().map(read_data).transpose()?;
    let own = [types::POLICY, types::CHECKPOINT, types::ADOPT, types::REDACT].contains(&&*args.r#type);
    ensure!(!own, "{} has a command of its own: see `streams --help`", args.r#type);
    let mut draft = desk.stream.draft(&args.r#type, &desk.key.verifying_key()).timestamp(desk.now);
    if let Some(data) = data {
        draft = draft.data(data);
    }
    let appended = desk.stream.append_draft(&desk.key, draft);
    let advice = desk.advise("Whoever governs", &format!("--type {}", args.r#type));
    match &appended {
        Ok(appended) if args.anyway => desk.save(appended, out),
        _ => desk.finish(appended, &advice, out),
    }
}

/// `streams checkpoint`.
pub fn checkpoint(args: &Checkpoint, out: &mut dyn Write) -> Result<bool> {
    let mut desk = Desk::open(&args.writing)?;
    let appended = desk.writer().checkpoint();
    let owner = desk.stream.owner();
    desk.finish(appended, &format!("The owner makes checkpoints, {owner}, and whom the root lets."), out)
}

/// `streams adopt`.
pub fn adopt(args: &Adopt, out: &mut dyn Write) -> Result<bool> {
    let mut desk = Desk::open(&args.writing)?;
    let ids = desk.find_all(&args.ids)?;
    for id in &ids {
        let entry = desk.before.entry(id).expect("it was found");
        let r#type = entry.authentic.header().r#type();
        ensure!(!entry.effective, "{id} is effective: only what is void may be adopted");
        ensure!(!r#type.starts_with(types::PREFIX), "{id} is of the type {type}, which is never adopted");
    }
    let appended = desk.writer().adopt(&ids);
    let advice = "Who adopts must be let append both streams/adopt and the types that it adopts.";
    let adopted = desk.stream.adopted();
    let lacking = ids.iter().find(|id| !adopted.iter().any(|(object, _)| object == *id));
    match (&appended, lacking) {
        (Ok(authentic), Some(id)) if desk.stream.entry(&authentic.id()).is_some_and(|entry| entry.effective) => {
            let id = paint::short(id);
            let reason = format!("It would be without force: its author may not append what {id} is, there.");
            desk.decline("without-force", &reason, advice, out)
        }
        _ => desk.finish(appended, advice, out),
    }
}

/// `streams redact`.
pub fn redact(args: &Redact, out: &mut dyn Write) -> Result<bool> {
    if args.for_all {
        return redact_for_all(args, out);
    }
    let Writing { file: path, signing } = &args.writing;
    ensure!(signing.key.is_none(), "nothing is signed: a key is for --for-all");
    let file = StreamFile::read(path)?;
    let mut stream = file.load().with_context(|| format!("cannot open {}", path.display()))?.stream;
    let id = read::find(&stream, &args.id)?;
    let map = find_map(&stream, &id, &args.map)?;
    stream.redact(&id, &map).expect("it was found").with_context(|| map.to_string())?;
    save(path, &file, &stream)?;
    match signing.json {
        true => writeln!(out, "{}", json!({"id": id.to_string(), "map": map.to_string(), "for_all": false}))?,
        false => writeln!(out, "{} {}", paint(WARN, "redacted"), paint(ID, map))?,
    }
    Ok(true)
}

fn redact_for_all(args: &Redact, out: &mut dyn Write) -> Result<bool> {
    let mut desk = Desk::open(&args.writing)?;
    let id = read::find(&desk.stream, &args.id)?;
    let map = find_map(&desk.stream, &id, &args.map)?;
    let entry = desk.stream.entry(&id).expect("it was found");
    let own = entry.authentic.header().r#type().starts_with(types::PREFIX);
    ensure!(!own, "{id} is of a streams/ type, which is always whole");
    let appended = desk.writer().redact_for_all(&[map]);
    let removed = desk.stream.removed();
    for (id, map) in &removed {
        // What stands redacted already is as it should be.
        let _ = desk.stream.redact(id, map);
    }
    let advice = desk.advise("Whoever governs", "--action govern");
    match &appended {
        Ok(authentic)
            if !removed.contains(&(id, map))
                && Why::of(&desk.stream, &authentic.id()).is_some_and(|why| why.is_effective()) =>
        {
            let reason = "It would be without force: its author does not govern.";
            desk.decline("without-force", reason, &advice, out)
        }
        _ => desk.finish(appended, &advice, out),
    }
}

/// The map that is meant by its id, or by its place in the data.
fn find_map(stream: &Stream, id: &ObjectId, wanted: &str) -> Result<ObjectId> {
    if let Ok(map) = wanted.parse() {
        return Ok(map);
    }
    let object = stream.entry(id).expect("it was found").authentic;
    let mut place = object.object().to_map()?.remove("data");
    for name in wanted.split('.').skip_while(|name| *name == "data") {
        place = match place {
            Some(Value::Map(mut map)) => map.remove(name),
            _ => None,
        };
    }
    match place {
        Some(Value::Map(map)) => Ok(Object::from_map(&map)?.id()),
        Some(Value::Redacted(map)) => bail!("{wanted} stands redacted already: {map}"),
        Some(_) => bail!("{wanted} is no map, and only maps can be redacted; `streams show` shows the whole"),
        None => bail!("{wanted} is not in the data of {id}; `streams show` shows the whole"),
    }
}

/// The present time, in milliseconds since 1970 UTC.
fn now() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine stands before 1970")?;
    u64::try_from(now.as_millis()).context("the clock of this machine stands beyond all time")
}

pub fn read_data(json: &str) -> Result<Map> {
    Map::from_json(json).context("the data cannot be read; it is JSON such as {\"text:s\": \"milk\", \"count:u\": 2}")
}

/// Writes a whole stream, in its order, and gives back how many bytes it is.
pub fn whole(path: &Path, stream: &Stream) -> Result<usize> {
    replace(path, stream.entries().map(|entry| Ok(Arc::clone(entry.authentic.object().parts()))))
}

/// Writes a file again, as its stream has it now: what is redacted is dropped, what is new follows, and what the
/// stream did not take stays as it is.
fn save(path: &Path, file: &StreamFile, stream: &Stream) -> Result<()> {
    let mut written = HashSet::new();
    let mut kept: Vec<Arc<[u8]>> = Vec::with_capacity(file.len() + 1);
    for place in 0..file.len() {
        let parts = file.at(place);
        let id = Object::decode(parts).ok().map(|object| object.id());
        match id.and_then(|id| stream.entry(&id)) {
            Some(entry) if !written.insert(entry.authentic.id()) => {}
            Some(entry) => kept.push(Arc::clone(entry.authentic.object().parts())),
            None => kept.push(parts.into()),
        }
    }
    let new = stream.entries().filter(|entry| !written.contains(&entry.authentic.id()));
    let new = new.map(|entry| Arc::clone(entry.authentic.object().parts()));
    replace(path, kept.into_iter().chain(new).map(Ok))?;
    Ok(())
}

/// Puts a file in the place of another, and gives back how many bytes it has.
pub fn replace(path: &Path, objects: impl Iterator<Item = Result<Arc<[u8]>>>) -> Result<usize> {
    let mut bytes = 0;
    let unfinished = path.with_added_extension("part");
    let write_all = || -> Result<()> {
        let mut file = BufWriter::new(File::create(&unfinished)?);
        for parts in objects {
            let parts = parts?;
            file.write_all(&parts)?;
            bytes += parts.len();
        }
        file.into_inner()?.sync_all()?;
        Ok(fs::rename(&unfinished, path)?)
    };
    write_all().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(bytes)
}
