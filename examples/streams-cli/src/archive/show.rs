//! What an archive says that is in it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::json;
use streams_core::archive::manifest::Manifest;

use crate::paint::{self, ID, field, paint};

/// The header and the manifest fit into this.
const HEAD: u64 = 512;

/// Tells what an archive says that is in it.
#[derive(clap::Args)]
#[command(after_help = "Only the beginning of the file is read; `streams archive verify` proves the rest.

Examples:
  streams archive show notes.car")]
pub struct Show {
    /// The archive
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams archive show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let path = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("cannot read {path}"))?;
    let mut head = Vec::new();
    file.take(HEAD).read_to_end(&mut head).with_context(|| format!("cannot read {path}"))?;
    let manifest = Manifest::of_archive(&head).with_context(|| format!("{path} is no archive"))?;
    let (order, frontier) = (paint::hex(&manifest.order), paint::hex(&manifest.frontier));
    let previous = manifest.previous.map(|id| id.to_string());
    if args.json {
        let report = json!({
            "file": args.file, "manifest": manifest.id().to_string(), "stream": manifest.stream.to_string(),
            "objects": manifest.count, "order": order, "frontier": frontier, "previous": previous,
        });
        writeln!(out, "{report}")?;
        return Ok(true);
    }
    field(out, "manifest", paint(ID, manifest.id()))?;
    field(out, "stream", paint(ID, manifest.stream))?;
    field(out, "objects", paint::thousands(manifest.count as usize))?;
    field(out, "order", order)?;
    field(out, "frontier", frontier)?;
    if let Some(previous) = previous {
        field(out, "continues", paint(ID, previous))?;
    }
    Ok(true)
}
