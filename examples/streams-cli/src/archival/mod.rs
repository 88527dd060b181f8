//! Archives of what people do: owners, their streams, resources, secrets, the service that looks after them, and the API.

mod api;

mod erase;

mod members;

mod owner;

mod resource;

mod service;

mod show;

mod skin;

mod stream;

mod vault;

pub use self::api::{Api, api};
pub use self::owner::{Owners, owners};
pub use self::service::{Archiver, archiver};
pub use self::skin::{Skins, skin};
pub use self::vault::{Secrets, secrets};

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;
use streams_archive::owner::Owner;
use streams_archive::write::Hand;
use streams_archive::{Outcome, Slug, catalog};
use streams_core::{SigningKey, StreamId};

use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, paint};
use crate::peer::now;
use crate::store::{Location, Opened, wait};

/// Streams of owners.
#[derive(Subcommand)]
pub enum Streams {
    /// Make a stream of an owner; one that is there stays as it is
    Create(stream::Create),
    /// List streams of owners
    List(stream::List),
    /// Tell what is known of a stream
    Show(show::Show),
    /// Change what describes a stream, and what is wanted of it
    Config(stream::Configure),
    /// Begin a stream anew, without its history and its rules
    Fork(stream::Fork),
    /// Fetch from a source
    Add(resource::Add),
    /// Do not fetch from a source any more
    Stop(resource::Stop),
    /// Fetch from a source at once that waits for its time, or for you
    Retry(resource::Retry),
    /// List items
    Items(show::Items),
    /// Write an item by hand, or one that takes the place of another
    Write(erase::Edit),
    /// Hide an item, drop its content, have it released at archivers, or forget the key of a sealed stream
    Erase(erase::Erase),
    /// Let somebody read or write
    Invite(members::Invite),
    /// Let somebody read and write no more
    Remove(members::Remove),
}

/// `streams stream`.
pub fn streams(command: &Streams, out: &mut dyn Write) -> Result<bool> {
    match command {
        Streams::Create(args) => stream::create(args, out),
        Streams::List(args) => stream::list(args, out),
        Streams::Show(args) => show::show(args, out),
        Streams::Config(args) => stream::configure(args, out),
        Streams::Fork(args) => stream::fork(args, out),
        Streams::Add(args) => resource::add(args, out),
        Streams::Stop(args) => resource::stop(args, out),
        Streams::Retry(args) => resource::retry(args, out),
        Streams::Items(args) => show::items(args, out),
        Streams::Write(args) => erase::edit(args, out),
        Streams::Erase(args) => erase::erase(args, out),
        Streams::Invite(args) => members::invite(args, out),
        Streams::Remove(args) => members::remove(args, out),
    }
}

/// Who acts, and where.
#[derive(clap::Args)]
pub struct Acting {
    /// The store: an SQLite file, or a postgres:// address; by default streams/streams.db in the user's folder for data
    #[arg(long, value_name = "STORE", num_args = 0..=1, default_missing_value = "", default_value = "", hide_default_value = true, display_order = 80)]
    pub store: Location,
    /// The key of the owner; by default that of `streams key new`
    #[arg(long, value_name = "KEYFILE", display_order = 90)]
    pub key: Option<PathBuf>,
    /// Print JSON
    #[arg(long, display_order = 91)]
    pub json: bool,
}

/// Somebody who acts on a store that is open.
pub struct Desk {
    /// The store.
    pub store: Opened,
    /// Whose key.
    pub key: SigningKey,
}

/// A stream of an owner.
pub struct Named {
    /// The owner.
    pub owner: Slug,
    /// The slug.
    pub slug: Slug,
    /// The stream.
    pub id: StreamId,
}

impl Acting {
    /// Opens a store that is there.
    pub fn open(&self) -> Result<Desk> {
        let key = key::read(self.key.as_deref())?;
        Ok(Desk { store: self.store.open()?, key })
    }

    /// Opens a store, and makes what is lacking: the store, the usual key.
    pub fn create(&self) -> Result<Desk> {
        let key = key::read_or_create(self.key.as_deref())?;
        Ok(Desk { store: self.store.create()?, key })
    }
}

impl Desk {
    /// Whoever writes, now.
    pub fn hand(&self) -> Result<Hand<'_>> {
        Ok(Hand { node: &self.store, key: &self.key, now: now()? })
    }

    /// All owners of the key, by their names.
    pub fn owners(&self) -> Result<Vec<Owner>> {
        let catalog = wait(catalog::read(&self.store, &self.key))?;
        let author = self.key.verifying_key();
        let mut names: Vec<Slug> = catalog
            .owners
            .values()
            .filter(|listed| listed.author == author)
            .map(|listed| listed.name.clone())
            .collect();
        names.sort();
        names.dedup();
        let mut owners = Vec::new();
        for name in names {
            owners.extend(wait(Owner::read(&self.store, &self.key, &name))?);
        }
        Ok(owners)
    }

    /// The stream that is meant by `SLUG`, `OWNER/SLUG` or an id.
    pub fn find(&self, text: &str) -> Result<Named> {
        let mut found = Vec::new();
        for owner in self.owners()? {
            for (slug, (pointer, _)) in owner.streams() {
                let is_meant = match text.split_once('/') {
                    Some((name, own)) => owner.name.as_str() == name && slug.as_str() == own,
                    None => slug.as_str() == text || pointer.stream.to_string() == text,
                };
                if is_meant {
                    found.push(Named { owner: owner.name.clone(), slug: slug.clone(), id: pointer.stream });
                }
            }
        }
        match (found.pop(), found.pop()) {
            (Some(named), None) => Ok(named),
            (Some(one), Some(other)) => {
                bail!("{text} may be {}/{} or {}/{}: say which", one.owner, one.slug, other.owner, other.slug)
            }
            (None, _) => bail!("no owner of this key has a stream {text}; `streams stream list` lists them"),
        }
    }

    /// What is known of a stream, beside its items.
    pub fn view(&self, named: &Named) -> Result<streams_archive::stream::StreamView> {
        let seen = wait(streams_archive::stream::view(&self.store, named.id))?;
        let seen = seen.with_context(|| format!("{}/{} is listed, and not here yet", named.owner, named.slug))?;
        Ok(seen.view)
    }
}

/// Tells what came of creating something; returns whether it is as it was wanted.
fn tell_outcome(what: &str, outcome: &Outcome, as_json: bool, out: &mut dyn Write) -> Result<bool> {
    let stream = outcome.stream();
    if as_json {
        let mut told = json!({"outcome": outcome.code(), "stream": stream.to_string()});
        if let Outcome::Conflict { differences, .. } = outcome {
            told["differences"] = serde_json::to_value(differences)?;
        }
        writeln!(out, "{told}")?;
    } else {
        match outcome {
            Outcome::Created(_) => {
                writeln!(
                    out,
                    "{} {}  {}",
                    paint(GOOD, "✓"),
                    paint(BOLD, format!("{what} is there")),
                    paint(ID, stream)
                )?;
            }
            Outcome::Existing(_) => {
                let text = format!("{what} was there already, just so");
                writeln!(out, "{} {}  {}", paint(GOOD, "✓"), paint(BOLD, text), paint(ID, stream))?;
            }
            Outcome::Conflict { differences, .. } => {
                let text = format!("{what} is there, and is different");
                writeln!(out, "{} {}  {}", paint(BAD, "✗"), paint(BAD.bold(), text), paint(ID, stream))?;
                for difference in differences {
                    writeln!(out, "    {}", paint::plain(&difference.to_string()))?;
                }
                writeln!(out, "  {}", paint(DIM, "Nothing was changed."))?;
            }
        }
    }
    Ok(!matches!(outcome, Outcome::Conflict { .. }))
}
