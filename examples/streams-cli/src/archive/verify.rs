//! Whether archives are whole.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::json;
use streams_core::archive::chain::Leaves;
use streams_core::archive::fault::{Damage, Fault};
use streams_core::archive::read::Event;
use streams_core::{ObjectId, VerifyingKey};

use super::files::{self, ArchiveFile, Files};
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};

/// Proves that archives are whole.
#[derive(clap::Args)]
#[command(
    after_help = "Every block is hashed, every signature verified, and the whole compared with what the archive says \
of itself; no store is needed. What is damaged is told with where it is in the file, and the exit code is 1; `streams \
archive restore` takes what is left. Whether anything is missing that others cite is told by restoring.

Examples:
  streams archive verify notes.car
  streams archive verify archives/ --json"
)]
pub struct Verify {
    /// Archives, or folders of them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was found out about a file.
#[derive(Default)]
struct Verified {
    objects: u64,
    faults: Vec<Fault>,
    /// Who vouches for it.
    vouched_by: Option<VerifyingKey>,
    /// What is wrong with the vouching.
    no_vouching: Option<String>,
}

/// `streams archive verify`.
pub fn verify(args: &Verify, out: &mut dyn Write) -> Result<bool> {
    let files = Files::gather(&args.files)?;
    ensure!(!files.archives.is_empty(), "there is no archive here: `streams archive create` makes some");
    let bar = paint::bytes("verifying", files.bytes());
    // The leaves of a stream behind each archive, by its manifest.
    let mut leaves: HashMap<Option<ObjectId>, Leaves> = HashMap::from([(None, Leaves::default())]);
    let mut all_clean = true;
    for file in &files.archives {
        let mut verified = Verified::default();
        let vouching = files::vouching(&file.path).unwrap_or_else(|error| {
            verified.no_vouching = Some(format!("{error:#}"));
            None
        });
        verified.vouched_by = vouching.as_ref().map(|vouching| vouching.author());
        let mut own = file.manifest.and_then(|manifest| leaves.get(&manifest.previous).cloned());
        files::read(file, vouching.map(|vouching| (vouching, false)), &bar, |event| {
            match event {
                Event::Manifest(_) => {}
                Event::Objects(objects) => {
                    verified.objects += objects.len() as u64;
                    if let Some(own) = &mut own {
                        objects.iter().for_each(|object| own.add(object));
                    }
                }
                Event::Fault(fault) => verified.faults.push(fault),
            }
            Ok(())
        })?;
        if let (Some(manifest), Some(own), true) = (file.manifest, own, verified.faults.is_empty()) {
            if own.frontier() != manifest.frontier {
                let what = Damage::Frontier { stream: manifest.stream };
                verified.faults.push(Fault { offset: file.bytes, what });
            }
            leaves.insert(Some(manifest.id()), own);
        }
        let is_clean = verified.faults.is_empty() && verified.no_vouching.is_none();
        all_clean &= is_clean;
        bar.suspend(|| told(file, &verified, is_clean, args.json, out))?;
    }
    bar.finish_and_clear();
    if !args.json {
        for path in &files.others {
            writeln!(out, "{} {}", paint(DIM, "–"), paint(DIM, format!("{} is no archive", path.display())))?;
        }
        for missing in streams_core::archive::chain::missing(&files.manifests()) {
            let text = "is continued here, and is not here itself";
            writeln!(out, "{} {}  {}", paint(WARN, "!"), paint(ID, missing), paint(WARN, text))?;
        }
        let count = paint::count(files.archives.len(), "archive");
        match all_clean {
            true => writeln!(out, "{} {}", paint(GOOD, "✓"), paint(BOLD, format!("{count}: whole.")))?,
            false => writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, "Not all is whole."))?,
        }
    }
    Ok(all_clean)
}

fn told(file: &ArchiveFile, verified: &Verified, is_clean: bool, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let Verified { objects, faults, vouched_by, no_vouching } = verified;
    if as_json {
        let manifest = file.manifest;
        let report = json!({
            "file": file.path, "clean": is_clean, "objects": objects, "bytes": file.bytes,
            "manifest": manifest.map(|manifest| manifest.id().to_string()),
            "stream": manifest.map(|manifest| manifest.stream.to_string()),
            "order": manifest.map(|manifest| paint::hex(&manifest.order)),
            "frontier": manifest.map(|manifest| paint::hex(&manifest.frontier)),
            "previous": manifest.and_then(|manifest| manifest.previous).map(|id| id.to_string()),
            "vouched_by": vouched_by.map(|author| author.to_string()), "vouching": no_vouching,
            "faults": faults.iter().map(files::as_json).collect::<Vec<_>>(),
        });
        return Ok(writeln!(out, "{report}")?);
    }
    let sign = if is_clean { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    writeln!(out, "{sign} {}  {}", paint(BOLD, file.path.display()), paint::count(*objects as usize, "object"))?;
    for line in files::lines(faults) {
        writeln!(out, "{line}")?;
    }
    if let Some(wrong) = no_vouching {
        writeln!(out, "  {}", paint(BAD, paint::plain(wrong)))?;
    }
    if let (Some(author), true) = (vouched_by, is_clean) {
        writeln!(out, "  {} {}", paint(DIM, "vouched  "), paint(ID, author))?;
    }
    Ok(())
}
