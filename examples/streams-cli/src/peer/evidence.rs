//! `streams evidence`: what can be proven of authors and peers, to somebody who was not there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use streams_core::sync::evidence::{Evidence, Shown, ShowsNothing};
use streams_core::{HashKey, ObjectId, StreamId, VerifyingKey};

use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{OnStore, wait};

/// The largest file that is read: a stream with two checkpoints is in one as a whole.
const MAX_FILE: u64 = 4 << 30;

/// Lists the evidence about a stream.
#[derive(clap::Args)]
#[command(
    after_help = "Evidence is of forks, of checkpoints that conflict, of peers that contradict what they signed, \
or break a promise. A peer that is silent, that denies, or that dropped content, did nothing that can be proven.

Examples:
  streams evidence list bafyr4ih2ick"
)]
pub struct List {
    /// The stream: its id, or the beginning of it
    #[arg(value_name = "STREAM")]
    stream: String,
    #[command(flatten)]
    on: OnStore,
}

/// Saves the evidence about a stream, a file each.
#[derive(clap::Args)]
#[command(
    after_help = "A file holds all that its check needs, and nobody has to trust who brings it. The same evidence \
has the same name.

Examples:
  streams evidence save bafyr4ih2ick --out evidence"
)]
pub struct Save {
    /// The stream: its id, or the beginning of it
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The folder for the files; it is made where there is none
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    on: OnStore,
}

/// Checks evidence by itself alone.
#[derive(clap::Args)]
#[command(after_help = "No store and no network is asked. The exit code is 1 where a file shows nothing.

Examples:
  streams evidence verify evidence/*.evidence")]
pub struct Verify {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print JSON, one line a file
    #[arg(long, display_order = 91)]
    json: bool,
}

/// `streams evidence list`.
pub fn list(args: &List, out: &mut dyn Write) -> Result<bool> {
    let (stream, all) = collect(&args.on, &args.stream)?;
    let key = HashKey::from_bytes(key::random()?);
    for evidence in &all {
        let told = Told::of(evidence, key);
        match args.on.json {
            true => writeln!(out, "{}", told.json(None))?,
            false => told.print(&kind(evidence), out)?,
        }
    }
    if !args.on.json {
        let (stream, command) = (paint::short(stream), "`streams evidence save … --out FOLDER` makes files of it");
        match all.len() {
            0 => writeln!(out, "{} there is no evidence against anybody in {stream}", paint(GOOD, "✓"))?,
            _ => writeln!(out, "{}", paint(DIM, command))?,
        }
    }
    Ok(true)
}

/// `streams evidence save`.
pub fn save(args: &Save, out: &mut dyn Write) -> Result<bool> {
    let (stream, all) = collect(&args.on, &args.stream)?;
    let folder = args.out.display();
    fs::create_dir_all(&args.out).with_context(|| format!("cannot create the folder {folder}"))?;
    let key = HashKey::from_bytes(key::random()?);
    for evidence in &all {
        let bytes = evidence.encode();
        let name = format!("{}-{}.evidence", kind(evidence), paint::hex(&blake3::hash(&bytes).as_bytes()[..6]));
        let path = args.out.join(name);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        match args.on.json {
            true => writeln!(out, "{}", Told::of(evidence, key).json(Some(&path)))?,
            false => writeln!(out, "{}", path.display())?,
        }
    }
    if all.is_empty() && !args.on.json {
        let stream = paint::short(stream);
        writeln!(out, "There is no evidence against anybody in {stream}: nothing was saved.")?;
    }
    Ok(true)
}

/// `streams evidence verify`.
pub fn verify(args: &Verify, out: &mut dyn Write) -> Result<bool> {
    let key = HashKey::from_bytes(key::random()?);
    let mut all_show = true;
    for path in &args.files {
        let name = path.display();
        let size = fs::metadata(path).with_context(|| format!("cannot read {name}"))?.len();
        ensure!(size <= MAX_FILE, "{name} is too large for evidence");
        let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
        let told = match Evidence::decode(&bytes) {
            Ok(evidence) => Told::of(&evidence, key),
            Err(nothing) => Told(Err(nothing)),
        };
        all_show &= told.0.is_ok();
        match args.json {
            true => writeln!(out, "{}", told.json(Some(path)))?,
            false => told.print(&name.to_string(), out)?,
        }
    }
    Ok(all_show)
}

fn collect(on: &OnStore, wanted: &str) -> Result<(StreamId, Vec<Evidence>)> {
    let store = on.store.open()?;
    let stream = store.find(Some(wanted))?;
    Ok((stream, wait(store.evidence(stream))?))
}

/// The kind of evidence, as it is in the names of files.
fn kind(evidence: &Evidence) -> String {
    let name = match evidence {
        Evidence::Fork(..) => "fork",
        Evidence::Checkpoints(_) => "checkpoints",
        Evidence::Contradiction(..) => "contradiction",
        Evidence::BrokenPromise(..) => "broken-promise",
    };
    name.to_owned()
}

/// What evidence shows, as it is told.
struct Told(Result<Shown, ShowsNothing>);

impl Told {
    fn of(evidence: &Evidence, key: HashKey) -> Self {
        Self(evidence.verify(key))
    }

    fn print(&self, title: &str, out: &mut dyn Write) -> Result<()> {
        match &self.0 {
            Ok(shown) => {
                writeln!(out, "{} {}", paint(WARN, "!"), paint(BOLD, title))?;
                writeln!(out, "  {}", sentence(shown))?;
                paint_facts(shown, out)?;
                writeln!(out, "  {}\n", paint(DIM, caution(shown)))?;
            }
            Err(nothing) => {
                writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, title))?;
                writeln!(out, "  It shows nothing: {nothing}.\n")?;
            }
        }
        Ok(())
    }

    fn json(&self, file: Option<&Path>) -> Value {
        let mut json = match &self.0 {
            Ok(shown) => facts(shown),
            Err(nothing) => json!({"shows": null, "reason": nothing.to_string()}),
        };
        if let Some(file) = file {
            json["file"] = json!(file);
        }
        json
    }
}

/// What is shown, in plain words.
fn sentence(shown: &Shown) -> String {
    match shown {
        Shown::Fork { author, .. } => {
            format!("{} wrote two objects that both follow the same object of its own.", paint::author(author))
        }
        Shown::Checkpoints { holders, .. } => {
            let mut names: Vec<String> = holders.iter().map(|(_, holder)| paint::author(holder)).collect();
            names.dedup();
            format!("{} made checkpoints of which neither knows the other, so they end nothing.", names.join(" and "))
        }
        Shown::Contradiction { peer, object: Some(_), .. } => {
            format!("{} signed that it has an object, and later that it has not.", paint::author(peer))
        }
        Shown::Contradiction { peer, object: None, .. } => {
            format!("{} gave one number to two different statements.", paint::author(peer))
        }
        Shown::BrokenPromise { peer, .. } => {
            format!("{} promised to serve an object, and before that time signed that it has not.", paint::author(peer))
        }
    }
}

/// What it does not show.
fn caution(shown: &Shown) -> &'static str {
    match shown {
        Shown::Fork { .. } => "It shows what was signed, not why: two devices with one key do this in all innocence.",
        Shown::Checkpoints { .. } => "It shows what was signed, not why: holders who do not ask each other do this.",
        Shown::Contradiction { .. } | Shown::BrokenPromise { .. } => {
            "It shows what was signed, not why: a disk that was put back as a whole does this, too."
        }
    }
}

fn paint_facts(shown: &Shown, out: &mut dyn Write) -> Result<()> {
    let mut field = |name: &str, value: String| writeln!(out, "  {} {value}", paint(DIM, format!("{name:<10}")));
    let (who, stream, objects) = parts(shown);
    for who in who {
        field(if matches!(shown, Shown::Fork { .. }) { "author" } else { "who" }, paint(ID, who))?;
    }
    field("stream", paint(ID, stream))?;
    objects.iter().try_for_each(|id| field("object", paint(ID, id)))?;
    Ok(())
}

/// Of whom, in which stream, and which objects.
fn parts(shown: &Shown) -> (Vec<VerifyingKey>, StreamId, Vec<ObjectId>) {
    match shown {
        Shown::Fork { author, stream, objects } => (vec![*author], *stream, objects.to_vec()),
        Shown::Checkpoints { holders, stream } => {
            let mut who: Vec<VerifyingKey> = holders.iter().map(|(_, holder)| *holder).collect();
            who.dedup();
            (who, *stream, holders.iter().map(|(id, _)| *id).collect())
        }
        Shown::Contradiction { peer, stream, object } => (vec![*peer], *stream, object.iter().copied().collect()),
        Shown::BrokenPromise { peer, stream, object } => (vec![*peer], *stream, vec![*object]),
    }
}

fn facts(shown: &Shown) -> Value {
    let name = match shown {
        Shown::Fork { .. } => "fork",
        Shown::Checkpoints { .. } => "checkpoints",
        Shown::Contradiction { .. } => "contradiction",
        Shown::BrokenPromise { .. } => "broken-promise",
    };
    let (who, stream, objects) = parts(shown);
    let texts = |ids: &[ObjectId]| ids.iter().map(ObjectId::to_string).collect::<Vec<_>>();
    json!({
        "shows": name,
        "of": who.iter().map(VerifyingKey::to_string).collect::<Vec<_>>(),
        "stream": stream.to_string(),
        "objects": texts(&objects),
        "caution": caution(shown),
    })
}
