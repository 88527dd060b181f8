//! What is in an archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::json;
use streams_core::archive::index;
use streams_core::archive::manifest::Manifest;
use streams_core::{Authentic, Authenticator, HashKey};

use super::files::{Files, beside, vouching};
use crate::key;
use crate::paint::{self, ID, field, paint};

/// Tells what is in an archive.
#[derive(clap::Args)]
#[command(
    after_help = "Only what is shown is read: the beginning of the file, and with --from or --limit the objects at \
those places, which the index beside the archive finds. They are hashed, and their signatures verified.

Examples:
  streams archive show notes.car
  streams archive show notes.car --limit 20
  streams archive show notes.car --from 500000 --limit 100 --json"
)]
pub struct Show {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Show objects from this place in the order on, from 0
    #[arg(long, value_name = "PLACE")]
    from: Option<u64>,
    /// Show so many objects
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams archive show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let path = args.file.display();
    let files = Files::gather(std::slice::from_ref(&args.file))?;
    let [file] = &files.archives[..] else { bail!("{path} is no archive") };
    let Some(manifest) = file.manifest else {
        bail!("the beginning of {path} is damaged; `streams archive verify` tells more")
    };
    if args.from.is_some() || args.limit.is_some() {
        let (from, limit) = (args.from.unwrap_or(0), args.limit.unwrap_or(100));
        let objects = page(&args.file, from, limit)?;
        return objects
            .iter()
            .zip(from..)
            .try_for_each(|(object, place)| line(object, place, args.json, out))
            .map(|()| true);
    }
    let vouched_by = vouching(&args.file).unwrap_or_default().map(|vouching| vouching.author().to_string());
    if args.json {
        writeln!(out, "{}", as_json(args, &manifest, file.bytes, vouched_by))?;
        return Ok(true);
    }
    field(out, "stream", paint(ID, manifest.stream))?;
    field(out, "manifest", paint(ID, manifest.id()))?;
    field(out, "objects", paint::thousands(manifest.count as usize))?;
    field(out, "size", paint::size(file.bytes as usize))?;
    field(out, "order", paint::hex(&manifest.order))?;
    field(out, "frontier", paint::hex(&manifest.frontier))?;
    if let Some(previous) = manifest.previous {
        field(out, "continues", paint(ID, previous))?;
    }
    if let Some(author) = vouched_by {
        field(out, "vouched by", paint(ID, author))?;
    }
    Ok(true)
}

fn as_json(args: &Show, manifest: &Manifest, bytes: u64, vouched_by: Option<String>) -> serde_json::Value {
    json!({
        "file": args.file, "manifest": manifest.id().to_string(), "stream": manifest.stream.to_string(),
        "objects": manifest.count, "bytes": bytes, "order": paint::hex(&manifest.order),
        "frontier": paint::hex(&manifest.frontier), "previous": manifest.previous.map(|id| id.to_string()),
        "vouched_by": vouched_by,
    })
}

/// Reads a page by the index.
fn page(path: &Path, from: u64, limit: usize) -> Result<Vec<Authentic>> {
    let beside = beside(path, "index");
    let mut index = File::open(&beside)
        .with_context(|| format!("there is no index {}: archives are made with one", beside.display()))?;
    let mut archive = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut authenticator = Authenticator::new(HashKey::from_bytes(key::random()?));
    let read =
        index::page(|range| at(&mut archive, range), |range| at(&mut index, range), from, limit, &mut authenticator);
    read.with_context(|| format!("cannot read a page of {}", path.display()))
}

/// A range of a file, as far as it goes.
fn at(file: &mut File, range: Range<u64>) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(range.end - range.start).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn line(object: &Authentic, place: u64, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let header = object.header();
    if as_json {
        let report = json!({
            "place": place, "id": object.id().to_string(), "type": header.r#type(),
            "author": header.author().to_string(), "timestamp": header.timestamp(),
            "redacted": object.object().is_redacted(),
        });
        return Ok(writeln!(out, "{report}")?);
    }
    let (id, author) = (paint(ID, paint::prefix(&object.id())), paint::author(&header.author()));
    writeln!(out, "{place:>10}  {id}  {author}  {}", paint::plain(header.r#type()))?;
    Ok(())
}
