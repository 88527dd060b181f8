//! Whether a store holds what was written, and what it takes on the disk.

use std::io::Write;

use anyhow::{Error, Result};
use serde_json::json;
use streams_core::node::NodeError;
use streams_core::node::verify::Verified;
use streams_core::{StoreError, StoreErrorKind, StreamId};

use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, paint};
use crate::store::{OnStore, wait};

/// How many faults of a stream are shown. What is damaged itself comes first, what waits for it behind.
const SHOWN: usize = 20;

/// Proves that a store holds what was written.
#[derive(clap::Args)]
#[command(after_help = "Every object is hashed, every signature is verified, and what was decided is decided again. \
What is damaged is named, and the exit code is 1. Bring it again, from a copy of the store or a stream file, into a \
new store.

Examples:
  streams verify
  streams verify bafyr4ih2ick --store shared.db --json")]
pub struct Verify {
    /// The stream: its id, or the beginning of it; by default all
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    #[command(flatten)]
    on: OnStore,
}

/// Gives back to the disk what a store does not use any more.
#[derive(clap::Args)]
#[command(after_help = "Takes as long as copying the file, and meanwhile as much room again. Others may read, and \
write when it is done.

Examples:
  streams compact
  streams compact --store shared.db")]
pub struct Compact {
    #[command(flatten)]
    on: OnStore,
}

/// `streams verify`.
pub fn verify(args: &Verify, out: &mut dyn Write) -> Result<bool> {
    match verify_all(args, out) {
        Err(error) if is_damage(&error) => {
            damaged(&format!("{error:#}"), args.on.json, out)?;
            Ok(false)
        }
        answer => answer,
    }
}

fn verify_all(args: &Verify, out: &mut dyn Write) -> Result<bool> {
    let (location, as_json) = (&args.on.store, args.on.json);
    let store = location.open()?;
    let mut all_clean = true;
    if args.stream.is_none() {
        for damage in location.check()? {
            damaged(&damage, as_json, out)?;
            all_clean = false;
        }
    }
    let mut streams = Vec::new();
    for stream in store.find_all(args.stream.as_deref())? {
        streams.push((stream, wait(store.head(stream))?.map_or(0, |head| head.objects)));
    }
    let objects: u64 = streams.iter().map(|(_, objects)| objects).sum();
    let bar = paint::bar("verifying", usize::try_from(objects).unwrap_or(usize::MAX));
    let mut before = 0;
    for (stream, objects) in &streams {
        let verified = match wait(store.verify(*stream, |read| bar.set_position(before + read))) {
            Err(error) if is_damage(&error.clone().into()) => {
                Verified { objects: 0, faults: vec![(*stream, error.to_string())], order: None, frontier: None }
            }
            verified => verified?,
        };
        before += objects;
        all_clean &= verified.is_clean();
        bar.suspend(|| told(*stream, &verified, as_json, out))?;
    }
    bar.finish_and_clear();
    if !as_json {
        let (streams, objects) = (paint::count(streams.len(), "stream"), paint::count(objects as usize, "object"));
        match all_clean {
            true => writeln!(
                out,
                "{} {}",
                paint(GOOD, "✓"),
                paint(BOLD, format!("{streams} with {objects}: all as they were written."))
            )?,
            false => writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, format!("{location} is damaged.")))?,
        }
    }
    Ok(all_clean)
}

/// Tells what was found out about a stream.
fn told(stream: StreamId, verified: &Verified, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let Verified { objects, faults, order, frontier } = verified;
    let digest = |digest: &Option<[u8; 32]>| digest.map(|digest| paint::hex(&digest));
    if as_json {
        let faults: Vec<_> = faults.iter().map(|(id, fault)| json!({"id": id.to_string(), "fault": fault})).collect();
        let report = json!({
            "stream": stream.to_string(), "clean": faults.is_empty(), "objects": objects, "order": digest(order),
            "frontier": digest(frontier), "faults": faults,
        });
        return Ok(writeln!(out, "{report}")?);
    }
    let sign = if verified.is_clean() { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    writeln!(out, "{sign} {}  {}", paint(ID, stream), paint::count(*objects as usize, "object"))?;
    if verified.is_clean() {
        for (name, bytes) in [("order", order), ("frontier", frontier)] {
            writeln!(out, "  {} {}", paint(DIM, format!("{name:<9}")), digest(bytes).unwrap_or_default())?;
        }
    }
    for (id, fault) in faults.iter().take(SHOWN) {
        writeln!(out, "  {}  {}", paint(ID, id), paint(BAD, paint::plain(fault)))?;
    }
    if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(out, "  {}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "more fault"))))?;
    }
    Ok(())
}

/// Tells what is damaged of the store itself.
fn damaged(damage: &str, as_json: bool, out: &mut dyn Write) -> Result<()> {
    match as_json {
        true => writeln!(out, "{}", json!({"stream": null, "clean": false, "damage": damage}))?,
        false => writeln!(out, "{} {}", paint(BAD, "✗"), paint::plain(damage))?,
    }
    Ok(())
}

/// Whether something cannot be read as it was written.
fn is_damage(error: &Error) -> bool {
    let is_damage = |cause: &StoreError| cause.kind() == StoreErrorKind::Corrupt;
    error.chain().filter_map(|cause| cause.downcast_ref()).any(is_damage)
        || matches!(error.downcast_ref(), Some(NodeError::Store(cause)) if is_damage(cause))
}

/// `streams compact`.
pub fn compact(args: &Compact, out: &mut dyn Write) -> Result<bool> {
    let location = &args.on.store;
    let before = location.size()?;
    location.compact()?;
    let after = location.size()?;
    if args.on.json {
        writeln!(out, "{}", json!({"store": location.to_string(), "before": before, "after": after}))?;
        return Ok(true);
    }
    let [before, after] = [before, after].map(|size| paint::size(size.unwrap_or_default() as usize));
    writeln!(out, "{} {}", paint(GOOD, "✓"), paint(BOLD, format!("{location} takes {after}; it took {before}.")))?;
    Ok(true)
}
