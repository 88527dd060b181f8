//! Items that are written by hand, and removing, from the command line.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use streams_archive::item::{Appended, Index};
use streams_archive::object::Item;
use streams_archive::remove::{self, Done, Line};
use streams_archive::seal::StreamKey;
use streams_archive::vault::{Reference, Vault};
use streams_core::store::Scan;
use streams_core::{ObjectId, StreamId};

use super::vault::VaultArgs;
use super::{Acting, Desk, service};
use crate::paint::{self, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{names, wait};

/// Writes an item.
#[derive(clap::Args)]
#[command(after_help = "With --replaces, it takes the place of an item that is there, which stays verifiable.

Examples:
  streams stream write notes --title 'A thought' --text 'It occurred to me'
  streams stream write notes --title 'A thought' --file thought.md --replaces bafyr4ih2ick")]
pub struct Edit {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Its text
    #[arg(long, value_name = "TEXT", required_unless_present = "file")]
    text: Option<String>,
    /// A file with its content; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<String>,
    /// The item whose place it takes: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    replaces: Option<String>,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    acting: Acting,
}

/// Removes.
#[derive(clap::Args)]
#[command(after_help = "Four levels; for each copy it is told what was done, and what cannot be.

  --hide         the item is not shown any more; its bytes stay where they are
  --drop         its content goes from here, and from every replica that keeps the rules; its id and signature stay
  --release      --drop, and the stream is archived anew without it; when all new copies are there, places are told to
                 take the earlier packs away
  --forget-key   the key of a sealed stream is destroyed: nobody reads any of its items, in any copy

Packs are released by `streams archiver run`, within the hour where it runs, or at once with --now. Run again, \
--release tells how far that is. Some places take nothing away, and whatever everybody could read somebody may have; \
who seals a stream can still forget the key.

What is still at its source does not come again; what it becomes there does.

Examples:
  streams stream erase notes bafyr4ih2ick --hide --reason 'written in anger'
  streams stream erase notes bafyr4ih2ick --drop
  streams stream erase notes bafyr4ih2ick --release --now
  streams stream erase diary --forget-key")]
pub struct Erase {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The item: its id, or the beginning of it
    #[arg(value_name = "ID", required_unless_present = "forget_key", conflicts_with = "forget_key")]
    id: Option<String>,
    /// Do not show it any more
    #[arg(long, required_unless_present_any = ["drop", "release", "forget_key"])]
    hide: bool,
    /// Drop its content
    #[arg(long, conflicts_with_all = ["hide", "release", "forget_key"])]
    drop: bool,
    /// Drop its content, archive the stream anew, and have the earlier packs taken away
    #[arg(long, conflicts_with_all = ["hide", "forget_key"])]
    release: bool,
    /// Destroy the key of the stream
    #[arg(long, conflicts_with = "hide")]
    forget_key: bool,
    /// Do at once what `streams archiver run` does: archive, and release
    #[arg(long, requires = "release", conflicts_with_all = ["hide", "drop", "forget_key"])]
    now: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    acting: Acting,
}

/// The object of a stream that is meant by an id, or by the beginning of one.
fn find(desk: &Desk, stream: StreamId, text: &str) -> Result<ObjectId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let page = wait(desk.store.store().places(stream, after, 4096))?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        found.extend(page.into_iter().map(|(place, _)| place.id).filter(|id| names(text, id)));
    }
    match found[..] {
        [id] => Ok(id),
        [] => bail!("the stream has no object {text}; `streams stream items` lists them"),
        _ => bail!("{text} may be any of {}; give more of it", paint::count(found.len(), "object")),
    }
}

/// `streams stream write`.
pub fn edit(args: &Edit, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let view = desk.view(&named)?;
    let content = match (&args.text, args.file.as_deref()) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some("-")) => {
            let mut content = Vec::new();
            io::stdin().lock().read_to_end(&mut content)?;
            content
        }
        (None, Some(file)) => std::fs::read(file).with_context(|| format!("cannot read {file}"))?,
        (None, None) => Vec::new(),
    };
    let key = view.meta.seal.is_some().then(|| {
        let entry = args.vault.lazy().entry(&Reference::of_stream(named.id))?;
        let entry = entry.context("the stream is sealed, and its key is not in the vault")?;
        Ok::<_, anyhow::Error>(StreamKey::from_secret(&entry.secret)?)
    });
    let hand = desk.hand()?;
    let mut item = Item {
        // What is written twice by hand is meant twice.
        source: format!("hand-{}", paint::hex(&crate::key::random::<8>()?)),
        kind: "note".into(),
        title: args.title.clone(),
        time: Some(hand.now),
        ..Item::default()
    };
    if let Some(replaced) = &args.replaces {
        let id = find(&desk, named.id, replaced)?;
        let is_there = wait(desk.store.page(named.id, Scan::After(None), 1))?;
        ensure!(!is_there.is_empty(), "the stream is empty");
        item.replaces = Some(id);
    }
    item.take_content(&content);
    ensure!(item.size.is_none(), "that is too long for an item: put it into a folder that is archived");
    let mut index = Index::new(named.id, key.transpose()?);
    let Appended { new, .. } = wait(index.append(hand, &[item]))?;
    let id = new.first().context("nothing was written")?;
    if args.acting.json {
        writeln!(out, "{}", json!({"id": id.to_string(), "stream": named.id.to_string()}))?;
    } else {
        writeln!(out, "{}", paint(ID, id))?;
    }
    Ok(true)
}

/// `streams stream erase`.
pub fn erase(args: &Erase, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let hand = desk.hand()?;
    let id = args.id.as_deref().map(|id| find(&desk, named.id, id)).transpose()?;
    let lines = match id {
        None => wait(remove::forget(hand, &args.vault.lazy(), named.id))?,
        Some(id) if args.release => {
            let asked = wait(remove::release(hand, named.id, &id, args.reason.clone()))?;
            if args.now {
                service::run_now(&desk, args.vault.lazy(), args.acting.json, out)
                    .context("it is asked for, and is done by whoever keeps the copies; not now")?;
                wait(remove::release(desk.hand()?, named.id, &id, None))?
            } else {
                asked
            }
        }
        Some(id) if args.drop => wait(remove::drop_content(hand, named.id, &id, args.reason.clone()))?,
        Some(id) => wait(remove::hide(hand, named.id, &id, args.reason.clone()))?,
    };
    for Line { copy, what, sentence } in &lines {
        if args.acting.json {
            writeln!(out, "{}", json!({"copy": copy, "what": what, "sentence": sentence}))?;
            continue;
        }
        let sign = match what {
            Done::Done => paint(GOOD, "✓"),
            Done::Asked => paint(DIM, "…"),
            Done::Cannot => paint(WARN, "!"),
        };
        writeln!(out, "{sign} {}  {sentence}", paint(BOLD, paint::plain(copy)))?;
    }
    Ok(true)
}
