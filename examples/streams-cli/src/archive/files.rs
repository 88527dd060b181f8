//! Archives on the disk: which files are some, in which order they are read, and what stands beside them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use streams_core::archive::chain;
use streams_core::archive::fault::{Damage, Fault};
use streams_core::archive::manifest::Manifest;
use streams_core::archive::read::{Event, Reader};
use streams_core::archive::vouch::Vouching;
use streams_core::{HashKey, SigningKey};

use crate::key;
use crate::paint::{self, BAD, DIM, paint};

/// Header and manifest fit into this.
const HEAD: u64 = 512;

/// How much of a file is read at once.
const PIECE: usize = 256 << 10;

/// How many faults of a file are shown.
const SHOWN: usize = 20;

/// What every archive begins with, before the id of its manifest.
const BEGINNING: &[u8] = b"\x3a\xa2\x65roots";

/// An archive.
pub struct ArchiveFile {
    pub path: PathBuf,
    /// What it says that is in it; `None` where that is damaged.
    pub manifest: Option<Manifest>,
    pub bytes: u64,
}

/// What was found.
pub struct Files {
    /// The archives, each behind the one that it continues.
    pub archives: Vec<ArchiveFile>,
    /// Files that are something else.
    pub others: Vec<PathBuf>,
}

impl Files {
    /// The archives among these files, and in these folders and all below them.
    pub fn gather(paths: &[PathBuf]) -> Result<Self> {
        let (mut archives, mut damaged, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let mut files = Vec::new();
        for path in paths {
            walk(path, &mut files)?;
        }
        for path in files {
            let mut file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let bytes = file.metadata()?.len();
            let mut head = Vec::new();
            file.by_ref().take(HEAD).read_to_end(&mut head)?;
            match Manifest::of_archive(&head) {
                Ok(manifest) => archives.push((manifest, ArchiveFile { path, manifest: Some(manifest), bytes })),
                Err(_) if head.starts_with(BEGINNING) || path.extension().is_some_and(|name| name == "car") => {
                    damaged.push(ArchiveFile { path, manifest: None, bytes });
                }
                Err(_) => others.push(path),
            }
        }
        let manifests: Vec<Manifest> = archives.iter().map(|(manifest, _)| *manifest).collect();
        let mut archives: Vec<Option<ArchiveFile>> = archives.into_iter().map(|(_, file)| Some(file)).collect();
        let in_order = chain::in_order(&manifests).into_iter().filter_map(|place| archives[place].take());
        Ok(Self { archives: in_order.chain(damaged).collect(), others })
    }

    /// The manifests of the archives that have one.
    pub fn manifests(&self) -> Vec<Manifest> {
        self.archives.iter().filter_map(|archive| archive.manifest).collect()
    }

    /// The bytes of all archives.
    pub fn bytes(&self) -> u64 {
        self.archives.iter().map(|archive| archive.bytes).sum()
    }
}

/// The files at and below a path, by their names, but not what stands beside archives.
fn walk(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let context = || format!("cannot read the folder {}", path.display());
    let entries = fs::read_dir(path).with_context(context)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>().with_context(context)?;
    paths.sort_unstable();
    for path in paths {
        let is_beside = path.extension().is_some_and(|name| name == "index" || name == "vouch" || name == "part");
        if !is_beside {
            walk(&path, files)?;
        }
    }
    Ok(())
}

/// The path of what stands beside an archive.
pub fn beside(archive: &Path, what: &str) -> PathBuf {
    archive.with_added_extension(what)
}

/// The vouching beside an archive; `None` where there is none, an error where it is damaged.
pub fn vouching(archive: &Path) -> Result<Option<Vouching>> {
    let path = beside(archive, "vouch");
    if !path.exists() {
        return Ok(None);
    }
    let file = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(Vouching::verify(&file).with_context(|| path.display().to_string())?))
}

/// The vouching beside an archive, where it is one's own. One that is damaged is as good as none.
pub fn own_vouching(archive: &Path, own: Option<&SigningKey>) -> Option<Vouching> {
    let own = own?.verifying_key();
    vouching(archive).ok().flatten().filter(|vouching| vouching.author() == own)
}

/// Reads an archive to its end, and hands out what is in it. The bar tells bytes.
pub fn read(
    archive: &ArchiveFile,
    vouching: Option<(Vouching, bool)>,
    bar: &ProgressBar,
    mut take: impl FnMut(Event) -> Result<()>,
) -> Result<()> {
    let key = HashKey::from_bytes(key::random()?);
    let mut reader = match vouching {
        None => Reader::new(key),
        Some((vouching, true)) => Reader::vouched(key, vouching),
        Some((vouching, false)) => Reader::comparing(key, vouching),
    };
    let context = || format!("cannot read {}", archive.path.display());
    let mut file = File::open(&archive.path).with_context(context)?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece).with_context(context)?;
        if length == 0 {
            break;
        }
        reader.push(&piece[..length]);
        while let Some(event) = reader.poll() {
            take(event)?;
        }
        bar.inc(length as u64);
    }
    reader.finish().into_iter().try_for_each(take)
}

/// A fault, for programs.
pub fn as_json(fault: &Fault) -> Json {
    let id = fault.what.id().map(|id| id.to_string());
    json!({"offset": fault.offset, "code": fault.what.code(), "id": id, "fault": fault.what.to_string()})
}

/// What is wrong with a file, a line each.
pub fn lines(faults: &[Fault]) -> Vec<String> {
    let mut lines: Vec<String> = faults
        .iter()
        .take(SHOWN)
        .map(|fault| {
            // Where in the file it is says nothing about the file as a whole.
            let place = match fault.what {
                Damage::Count { .. } | Damage::Order | Damage::Frontier { .. } => "as a whole".to_owned(),
                _ => format!("at {}", paint::thousands(fault.offset as usize)),
            };
            format!("  {}  {}", paint(DIM, format!("{place:>14}")), paint(BAD, paint::plain(&fault.what.to_string())))
        })
        .collect();
    if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("  {}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "more fault")))));
    }
    lines
}
