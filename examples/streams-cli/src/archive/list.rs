//! Which archives there are.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use streams_core::archive::chain;

use super::files::{Files, beside};
use crate::paint::{self, BAD, DIM, ID, WARN, paint};

/// Lists archives.
#[derive(clap::Args)]
#[command(after_help = "Only the beginning of each file is read; `streams archive verify` proves the rest.

Examples:
  streams archive list
  streams archive list archives/ --json")]
pub struct List {
    /// Archives, or folders of them; by default this folder
    #[arg(value_name = "PATH", default_value = ".", hide_default_value = true)]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams archive list`.
pub fn list(args: &List, out: &mut dyn Write) -> Result<bool> {
    let files = Files::gather(&args.paths)?;
    for file in &files.archives {
        let is_vouched = beside(&file.path, "vouch").exists();
        let Some(manifest) = file.manifest else {
            match args.json {
                true => writeln!(out, "{}", json!({"file": file.path, "manifest": null, "bytes": file.bytes}))?,
                false => writeln!(out, "{}  {}", file.path.display(), paint(BAD, "its beginning is damaged"))?,
            }
            continue;
        };
        if args.json {
            let report = json!({
                "file": file.path, "manifest": manifest.id().to_string(), "stream": manifest.stream.to_string(),
                "objects": manifest.count, "bytes": file.bytes, "vouched": is_vouched,
                "previous": manifest.previous.map(|id| id.to_string()),
            });
            writeln!(out, "{report}")?;
            continue;
        }
        let stream = paint(ID, paint::short(manifest.stream));
        let count = if manifest.previous.is_some() { "more" } else { "objects" };
        let count = format!("{} {count}", paint::thousands(manifest.count as usize));
        let size = paint::size(file.bytes as usize);
        let vouched = if is_vouched { paint(DIM, "  vouched for") } else { String::new() };
        writeln!(out, "{stream}  {count:>16}  {size:>12}  {}{vouched}", file.path.display())?;
    }
    if !args.json {
        for missing in chain::missing(&files.manifests()) {
            let text = "is continued here, and is not here itself";
            writeln!(out, "{} {}  {}", paint(WARN, "!"), paint(ID, missing), paint(WARN, text))?;
        }
        if files.archives.is_empty() {
            writeln!(out, "{}", paint(DIM, "There are no archives; `streams archive create` makes some."))?;
        }
    }
    Ok(true)
}
