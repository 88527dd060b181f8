//! What is in archives, back in a store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use serde_json::json;
use streams_core::archive::chain;
use streams_core::archive::fault::Fault;
use streams_core::archive::read::Event;
use streams_core::node::NodeError;
use streams_core::{Authentic, Dropped, Ingested, ObjectId, Rejected, SigningKey, Stream, StreamId};

use super::files::{self, ArchiveFile, Files};
use super::places;
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{OnStore, Opened, wait};

/// How many gaps and missing archives are shown.
const SHOWN: usize = 10;

/// Brings back into a store what is in archives.
#[derive(clap::Args)]
#[command(
    after_help = "Archives are taken in any order, twice, cut short or damaged, in folders with other files among \
them: all that can be proven comes back, and what is missing is named. Everything is verified and judged as if a \
stranger had sent it, but for the signatures of what your own key vouched for. What is in the store stays.

The exit code is 1 where something is damaged or missing.

Examples:
  streams archive restore archives/ --store new.db
  streams archive restore notes.car notes-2.car
  streams archive restore s3://bucket/streams --store new.db"
)]
pub struct Restore {
    /// Archives, folders of them, or where `streams archive run` keeps copies, as s3://bucket/prefix
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    on: OnStore,
    /// The key file whose vouchings are believed; by default that of `streams key new`, where there is one
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What became of a stream.
#[derive(Default)]
struct Restored {
    new: u64,
    known: u64,
    /// What was refused, or is of a newer version.
    rejected: BTreeMap<ObjectId, Rejected>,
    /// Whether something found no room to wait in, and is to be read again.
    is_crowded: bool,
    /// Whether objects are there without a root.
    is_rootless: bool,
}

/// What was found in all archives.
#[derive(Default)]
struct Restoring {
    streams: BTreeMap<StreamId, Restored>,
    /// What is wrong with each file.
    faults: Vec<(PathBuf, Vec<Fault>)>,
}

/// `streams archive restore`.
pub fn restore(args: &Restore, out: &mut dyn Write) -> Result<bool> {
    let (paths, _fetched) = places::fetched(&args.paths)?;
    let files = Files::gather(&paths)?;
    ensure!(!files.archives.is_empty(), "there is no archive here: `streams archive list` shows where some are");
    let own = match &args.key {
        Some(path) => Some(key::read(Some(path))?),
        None => key::read(None).ok(),
    };
    let store = args.on.store.create()?;
    let bar = paint::bytes("restoring", files.bytes());
    let mut restoring = Restoring::default();
    for file in &files.archives {
        restoring.take(file, &store, own.as_ref(), &bar)?;
    }
    // What stood before its causes may have found no room, or no stream; each time, some of it has.
    loop {
        let before: u64 = restoring.streams.values().map(|stream| stream.new).sum();
        let again: BTreeSet<StreamId> = restoring.again();
        if again.is_empty() {
            break;
        }
        restoring.faults.clear();
        bar.reset();
        for file in &files.archives {
            restoring.take(file, &store, own.as_ref(), &bar)?;
        }
        if restoring.streams.values().map(|stream| stream.new).sum::<u64>() == before {
            break;
        }
    }
    bar.finish_and_clear();
    restoring.told(&files, &store, args, out)
}

impl Restoring {
    /// The streams of which something is to be read again.
    fn again(&mut self) -> BTreeSet<StreamId> {
        let mut again = BTreeSet::new();
        for (id, stream) in &mut self.streams {
            if std::mem::take(&mut stream.is_crowded) | std::mem::take(&mut stream.is_rootless) {
                again.insert(*id);
            }
        }
        again
    }

    fn take(&mut self, file: &ArchiveFile, store: &Opened, own: Option<&SigningKey>, bar: &ProgressBar) -> Result<()> {
        let vouching = files::own_vouching(&file.path, own).map(|vouching| (vouching, true));
        let mut faults = Vec::new();
        files::read(file, vouching, bar, |event| {
            match event {
                Event::Manifest(manifest) => drop(self.streams.entry(manifest.stream).or_default()),
                Event::Objects(objects) => self.admit(objects, store)?,
                Event::Fault(fault) => faults.push(fault),
            }
            Ok(())
        })?;
        if !faults.is_empty() {
            self.faults.push((file.path.clone(), faults));
        }
        Ok(())
    }

    fn admit(&mut self, objects: Vec<Authentic>, store: &Opened) -> Result<()> {
        let mut by_stream: BTreeMap<StreamId, Vec<Authentic>> = BTreeMap::new();
        for object in objects {
            // All are of one, unless the manifest is damaged.
            by_stream.entry(object.header().stream().unwrap_or(object.id())).or_default().push(object);
        }
        for (id, objects) in by_stream {
            let stream = self.streams.entry(id).or_default();
            let ids: Vec<ObjectId> = objects.iter().map(Authentic::id).collect();
            match wait(store.restore(id, objects)) {
                Err(NodeError::Unknown(_)) => stream.is_rootless = true,
                answers => ids.into_iter().zip(answers?).for_each(|(id, answer)| stream.note(id, answer)),
            }
        }
        Ok(())
    }

    fn told(&self, files: &Files, store: &Opened, args: &Restore, out: &mut dyn Write) -> Result<bool> {
        let missing = chain::missing(&files.manifests());
        let mut all_there = self.faults.is_empty() && missing.is_empty();
        for (id, restored) in &self.streams {
            let facts = |stream: &Stream| (stream.len(), stream.gaps(), stream.order_digest());
            let facts = match wait(store.read(*id, facts)) {
                Err(NodeError::Unknown(_)) => None,
                facts => Some(facts?),
            };
            let is_whole = facts.as_ref().is_some_and(|(_, gaps, _)| gaps.is_empty()) && restored.is_whole();
            all_there &= is_whole;
            if args.on.json {
                writeln!(out, "{}", restored.as_json(*id, facts))?;
            } else {
                restored.print(*id, facts, is_whole, out)?;
            }
        }
        if args.on.json {
            for (path, faults) in &self.faults {
                let faults: Vec<_> = faults.iter().map(files::as_json).collect();
                writeln!(out, "{}", json!({"file": path, "faults": faults}))?;
            }
            for id in missing {
                writeln!(out, "{}", json!({"missing": id.to_string()}))?;
            }
            return Ok(all_there);
        }
        for (path, faults) in &self.faults {
            writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, path.display()))?;
            for line in files::lines(faults) {
                writeln!(out, "{line}")?;
            }
        }
        for id in missing.iter().take(SHOWN) {
            let text = "is an archive that others here continue, and is missing";
            writeln!(out, "{} {}  {}", paint(WARN, "!"), paint(ID, id), paint(WARN, text))?;
        }
        for path in &files.others {
            writeln!(out, "{} {}", paint(DIM, "–"), paint(DIM, format!("{} is no archive", path.display())))?;
        }
        Ok(all_there)
    }
}

impl Restored {
    fn note(&mut self, id: ObjectId, answer: Result<Ingested, Rejected>) {
        match answer {
            Ok(Ingested::Admitted { then }) => self.new += 1 + then.len() as u64,
            Ok(Ingested::Known) => self.known += 1,
            Ok(Ingested::Pending { .. }) => {}
            Err(Rejected::Dropped(Dropped::NoRoom(_))) => self.is_crowded = true,
            Err(rejected) => drop(self.rejected.insert(id, rejected)),
        }
    }

    fn is_whole(&self) -> bool {
        self.rejected.is_empty() && !self.is_crowded && !self.is_rootless
    }

    fn as_json(&self, id: StreamId, facts: Option<(usize, Vec<ObjectId>, [u8; 32])>) -> serde_json::Value {
        let (objects, gaps, order) =
            facts.map_or((0, Vec::new(), None), |(objects, gaps, order)| (objects, gaps, Some(order)));
        let rejected = self.rejected.iter();
        let rejected = rejected
            .map(|(id, rejected)| json!({"id": id.to_string(), "fate": rejected.fate(), "code": rejected.code()}));
        json!({
            "stream": id.to_string(), "objects": objects, "new": self.new, "known": self.known,
            "order": order.map(|order| paint::hex(&order)), "root": objects > 0,
            "gaps": gaps.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "rejected": rejected.collect::<Vec<_>>(),
        })
    }

    fn print(
        &self,
        id: StreamId,
        facts: Option<(usize, Vec<ObjectId>, [u8; 32])>,
        is_whole: bool,
        out: &mut dyn Write,
    ) -> Result<()> {
        let sign = if is_whole { paint(GOOD, "✓") } else { paint(BAD, "✗") };
        let Some((objects, gaps, order)) = facts else {
            writeln!(out, "{sign} {}  {}", paint(ID, id), paint(BAD, "its root is in none of these archives"))?;
            return Ok(());
        };
        let new = paint(BOLD, paint::count(self.new as usize, "new object"));
        writeln!(out, "{sign} {}  {new}, {} in all", paint(ID, id), paint::thousands(objects))?;
        writeln!(out, "  {} {}", paint(DIM, "order    "), paint::hex(&order))?;
        for gap in gaps.iter().take(SHOWN) {
            writeln!(out, "  {}  {}", paint(ID, gap), paint(BAD, "is cited, and is in none of these archives"))?;
        }
        if let Some(more) = gaps.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(out, "  {}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "more gap"))))?;
        }
        for (id, rejected) in self.rejected.iter().take(SHOWN) {
            writeln!(out, "  {}  {}", paint(ID, id), paint(BAD, paint::plain(&rejected.to_string())))?;
        }
        Ok(())
    }
}
