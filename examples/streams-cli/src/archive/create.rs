//! Streams of a store, as archives.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use streams_core::archive::chain;
use streams_core::archive::read::Event;
use streams_core::archive::vouch::Vouching;
use streams_core::archive::write::Written;
use streams_core::node::archive::{Archived, Survey};
use streams_core::{Authentic, ObjectId, SigningKey, StreamId};

use super::files::{self, ArchiveFile, Files, beside};
use crate::key;
use crate::paint::{self, BOLD, DIM, GOOD, ID, paint};
use crate::store::{OnStore, Opened, wait};

/// Writes streams of a store into archives.
#[derive(clap::Args)]
#[command(
    after_help = "An archive holds all objects of a stream with their signatures, as the stream is at that moment, and \
needs nothing else to be proven or restored. Equal streams give equal files. Several streams go into a folder, a file \
each. Beside each file stands its index, by which `streams archive show` reads a page without the rest; it can be \
thrown away.

With --after, what is in the archives given there is left out: name all of them, back to the first, or their folder. \
Restoring wants all of them again.

Who vouches need not verify the signatures when restoring: the key signs, in a file of its own, which file it was.

Examples:
  streams archive create --out notes.car              # the only stream of the usual store
  streams archive create --out archives/ --vouch      # all streams, a file each
  streams archive create --out archives/ --after archives/
  streams archive create bafyr4ih2ick --store shared.db --out notes.car"
)]
pub struct Create {
    /// The streams: their ids, or the beginnings of them; by default all
    #[arg(value_name = "STREAM")]
    streams: Vec<String>,
    #[command(flatten)]
    on: OnStore,
    /// The file to write, or a folder; no file is ever overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Archives that are continued, or a folder of them: only what is in none of them is written
    #[arg(long, value_name = "PATH", num_args = 1..)]
    after: Vec<PathBuf>,
    /// Sign that this is what the store held, for oneself when restoring
    #[arg(long)]
    vouch: bool,
    /// The key file to vouch with; by default that of `streams key new`
    #[arg(long, value_name = "FILE", requires = "vouch")]
    key: Option<PathBuf>,
}

/// `streams archive create`.
pub fn create(args: &Create, out: &mut dyn Write) -> Result<bool> {
    let store = args.on.store.open()?;
    let key = args.vouch.then(|| key::read(args.key.as_deref())).transpose()?;
    let streams = match &args.streams[..] {
        [] => store.streams()?,
        named => named.iter().map(|wanted| store.find(Some(wanted))).collect::<Result<_>>()?,
    };
    ensure!(!streams.is_empty(), "the store {} is empty; `streams import` fills it", args.on.store);
    let is_folder = args.out.is_dir() || args.out.as_os_str().to_string_lossy().ends_with('/') || streams.len() > 1;
    if is_folder {
        fs::create_dir_all(&args.out).with_context(|| format!("cannot create the folder {}", args.out.display()))?;
    }
    let before = Files::gather(&args.after)?;
    for stream in streams {
        let chain = Chain::of(stream, &before)?;
        let path = match is_folder {
            true => args.out.join(chain.file_name(stream)),
            false => args.out.clone(),
        };
        let archived = chain.archived(&store, stream)?;
        let bar = paint::spinner("looking");
        let survey = wait(store.survey(stream, archived))?;
        bar.finish_and_clear();
        if survey.manifest().count == 0 {
            nothing_new(stream, args, out)?;
            continue;
        }
        ensure!(
            !path.exists(),
            "{} exists; choose another file with --out, or go on behind it with --after",
            path.display()
        );
        let written = write(&store, &survey, &path)?;
        if let Some(key) = &key {
            vouch(key, &written, &path)?;
        }
        told(&survey, &written, &path, key.as_ref(), args, out)?;
    }
    Ok(true)
}

/// The archives of a stream that are continued, the first first.
struct Chain<'a>(Vec<&'a ArchiveFile>);

impl<'a> Chain<'a> {
    fn of(stream: StreamId, files: &'a Files) -> Result<Self> {
        let mut chain: Vec<&ArchiveFile> = Vec::new();
        for file in &files.archives {
            let id = |file: &ArchiveFile| file.manifest.map(|manifest| manifest.id());
            let is_own = file.manifest.is_some_and(|manifest| manifest.stream == stream);
            if is_own && !chain.iter().any(|other| id(other) == id(file)) {
                chain.push(file);
            }
        }
        let manifests: Vec<_> = chain.iter().filter_map(|file| file.manifest).collect();
        if let Some(missing) = chain::missing(&manifests).first() {
            bail!("{missing} is continued by an archive in --after, and is not there itself: name all of them");
        }
        for (before, behind) in manifests.iter().zip(manifests.iter().skip(1)) {
            ensure!(
                behind.previous == Some(before.id()),
                "the archives in --after are no chain: {} and {} do not continue each other",
                paint::short(before.id()),
                paint::short(behind.id())
            );
        }
        Ok(Self(chain))
    }

    /// By names the files of a stream stand in the order in which they continue each other.
    fn file_name(&self, stream: StreamId) -> String {
        format!("{stream}-{:03}.car", self.0.len() + 1)
    }

    /// What the archives hold, where there are some.
    fn archived(&self, store: &Opened, stream: StreamId) -> Result<Option<Archived>> {
        let Some(manifest) = self.0.last().and_then(|last| last.manifest) else { return Ok(None) };
        let mut archived = Archived::in_archive(manifest.id());
        let bytes: u64 = self.0.iter().map(|file| file.bytes).sum();
        let bar = paint::bytes("reading", bytes);
        for file in &self.0 {
            files::read(file, None, &bar, |event| {
                match event {
                    Event::Manifest(_) => {}
                    Event::Objects(objects) => {
                        let ids: Vec<ObjectId> = objects.iter().map(Authentic::id).collect();
                        wait(store.note_archived(stream, &mut archived, &ids))?;
                    }
                    Event::Fault(fault) => bail!("{} is damaged {fault}; archive anew without it", file.path.display()),
                }
                Ok(())
            })?;
        }
        bar.finish_and_clear();
        Ok(Some(archived))
    }
}

/// Writes an archive and its index. They have their names only when they are whole.
fn write(store: &Opened, survey: &Survey, path: &Path) -> Result<Written> {
    let index = beside(path, "index");
    let write_both = || -> Result<Written> {
        let [archive_part, index_part] = [path, &index].map(|path| beside(path, "part"));
        let mut archive_file = BufWriter::new(File::create(&archive_part)?);
        let mut index_file = BufWriter::new(File::create(&index_part)?);
        let bar = paint::bar("archiving", survey.manifest().count as usize);
        let written = wait(store.archive(survey, &mut archive_file, &mut index_file, |count| bar.set_position(count)))?;
        bar.finish_and_clear();
        archive_file.into_inner()?.sync_all()?;
        index_file.into_inner()?.sync_all()?;
        fs::rename(&index_part, &index)?;
        fs::rename(&archive_part, path)?;
        Ok(written)
    };
    write_both().with_context(|| format!("cannot write {}", path.display()))
}

fn vouch(key: &SigningKey, written: &Written, path: &Path) -> Result<()> {
    let vouching = beside(path, "vouch");
    let bytes = Vouching::sign(key, &written.manifest, &written.seals);
    fs::write(&vouching, bytes).with_context(|| format!("cannot write {}", vouching.display()))
}

fn nothing_new(stream: StreamId, args: &Create, out: &mut dyn Write) -> Result<()> {
    if args.on.json {
        writeln!(out, "{}", json!({"stream": stream.to_string(), "file": null, "objects": 0}))?;
    } else {
        let text = "nothing is new since the archives that are there";
        writeln!(out, "{} {}  {}", paint(GOOD, "✓"), paint(ID, stream), paint(DIM, text))?;
    }
    Ok(())
}

fn told(
    survey: &Survey,
    written: &Written,
    path: &Path,
    key: Option<&SigningKey>,
    args: &Create,
    out: &mut dyn Write,
) -> Result<()> {
    let manifest = survey.manifest();
    let vouched_by = key.map(|key| key.verifying_key());
    if args.on.json {
        let report = json!({
            "stream": manifest.stream.to_string(), "file": path, "manifest": written.manifest.to_string(),
            "objects": manifest.count, "bytes": written.bytes, "order": paint::hex(&manifest.order),
            "frontier": paint::hex(&manifest.frontier), "previous": manifest.previous.map(|id| id.to_string()),
            "vouched_by": vouched_by.map(|author| author.to_string()),
        });
        return Ok(writeln!(out, "{report}")?);
    }
    let objects = match manifest.previous {
        None => paint::count(manifest.count as usize, "object"),
        Some(_) => paint::count(manifest.count as usize, "new object"),
    };
    let (file, size) = (path.display(), paint::size(written.bytes as usize));
    writeln!(out, "{} {} {objects}, {size}.", paint(GOOD, "✓"), paint(BOLD, format!("{file} is written:")))?;
    writeln!(out, "  {} {}", paint(DIM, "stream   "), paint(ID, manifest.stream))?;
    writeln!(out, "  {} {}", paint(DIM, "manifest "), paint(ID, written.manifest))?;
    if let Some(author) = vouched_by {
        writeln!(out, "  {} {}", paint(DIM, "vouched  "), paint(ID, author))?;
    }
    Ok(())
}
