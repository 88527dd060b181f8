//! Sources from the command line.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use streams_archive::resource::KINDS;
use streams_archive::vault::Reference;
use streams_archive::{Outcome, Resource, service, stream};

use super::{Acting, Desk, Named};
use crate::archive::Time;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, paint};
use crate::store::wait;

/// Fetches from a source.
#[derive(clap::Args)]
#[command(
    after_help = "A source is a folder, git:FOLDER, feed:URL (RSS, Atom, JSON feeds), http:URL of a list in JSON, or \
webhook:NAME. Of JSON, places are pointers such as data/list; without them, the names are those of GitHub's events.

Examples:
  streams stream add notes ~/notes --filter '*.md'
  streams stream add code git:~/src/streams --filter main
  streams stream add work http:https://api.github.com/users/octocat/events --credential cred-…
  streams stream add ci webhook:ci --credential cred-…"
)]
pub struct Add {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The source
    #[arg(value_name = "SOURCE")]
    source: String,
    /// By what the vault knows its credential, as `streams vault add` tells it
    #[arg(long, value_name = "REFERENCE")]
    credential: Option<Reference>,
    /// How often it is looked at, where that is not as for the stream
    #[arg(long, value_name = "TIME")]
    every: Option<Time>,
    /// Which of it: names of files with one *, branches; may be given more than once
    #[arg(long, value_name = "PATTERN")]
    filter: Vec<String>,
    /// Of JSON: where the list of items is
    #[arg(long, value_name = "POINTER")]
    items: Option<String>,
    /// Of JSON: where the id of an item is
    #[arg(long, value_name = "POINTER")]
    id: Option<String>,
    /// Of JSON: where its time is
    #[arg(long, value_name = "POINTER")]
    time: Option<String>,
    /// Of JSON: where its title is
    #[arg(long, value_name = "POINTER")]
    title: Option<String>,
    /// Of JSON: where its author is
    #[arg(long, value_name = "POINTER")]
    actor: Option<String>,
    /// Of JSON: where its kind is
    #[arg(long, value_name = "POINTER")]
    event: Option<String>,
    /// Of JSON: where the address of the next page is, where it is not in the header Link
    #[arg(long, value_name = "POINTER")]
    next: Option<String>,
    /// Where the source is there already, change it
    #[arg(long)]
    change: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Stops fetching.
#[derive(clap::Args)]
#[command(after_help = "What was fetched stays. `streams stream add … --change` begins again.")]
pub struct Stop {
    #[command(flatten)]
    which: Which,
}

/// Fetches at once.
#[derive(clap::Args)]
#[command(
    after_help = "For a source that is parked, or wants another credential, when that is put right. The service \
takes it up when it is run next."
)]
pub struct Retry {
    #[command(flatten)]
    which: Which,
}

/// A source of a stream.
#[derive(clap::Args)]
pub struct Which {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The source, as `streams stream show` tells it, or the beginning of its key
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    acting: Acting,
}

/// Reads a source. A path is taken from here, to be found from anywhere.
pub fn parse(text: &str) -> Result<Resource> {
    let (kind, rest) = text.split_once(':').filter(|(kind, _)| KINDS.contains(kind)).unwrap_or(("", text));
    let is_path = matches!(kind, "git" | "folder") || (kind.is_empty() && Path::new(text).is_dir());
    if !is_path {
        return Resource::parse(text).with_context(|| match kind {
            "" if !text.contains("://") => format!("there is no folder {text} here, and it is no other source"),
            _ => "that is no source".to_owned(),
        });
    }
    let path = rest.strip_prefix("~/").and_then(|rest| Some(Path::new(&std::env::var_os("HOME")?).join(rest)));
    let path = path.unwrap_or_else(|| rest.into());
    let path = path.canonicalize().with_context(|| format!("there is no folder {}", path.display()))?;
    ensure!(path.is_dir(), "{} is no folder", path.display());
    let text = path.to_str().with_context(|| format!("{} is no text, and cannot be written down", path.display()))?;
    let kind = match kind {
        "" if path.join(".git").exists() => "git",
        "" => "folder",
        kind => kind,
    };
    Ok(Resource::parse(&format!("{kind}:{text}"))?)
}

/// Tells what came of adding a source.
pub fn tell_added(resource: &Resource, outcome: &Outcome, as_json: bool, out: &mut dyn Write) -> Result<bool> {
    let (name, key) = (paint::plain(&resource.name()), resource.key().to_string());
    if as_json {
        let mut told = json!({"outcome": outcome.code(), "resource": key, "source": resource.name()});
        if let Outcome::Conflict { differences, .. } = outcome {
            told["differences"] = serde_json::to_value(differences)?;
        }
        writeln!(out, "{told}")?;
    } else if let Outcome::Conflict { differences, .. } = outcome {
        writeln!(
            out,
            "{} {}  {}",
            paint(BAD, "✗"),
            paint(BAD.bold(), "it is there, and is different"),
            paint(BOLD, name)
        )?;
        for difference in differences {
            writeln!(out, "    {}", paint::plain(&difference.to_string()))?;
        }
        writeln!(out, "  {}", paint(DIM, "Nothing was changed; --change changes it."))?;
    } else {
        writeln!(out, "{} {}  {}", paint(GOOD, "✓"), paint(BOLD, name), paint(ID, key))?;
    }
    Ok(!matches!(outcome, Outcome::Conflict { .. }))
}

/// `streams stream add`.
pub fn add(args: &Add, out: &mut dyn Write) -> Result<bool> {
    let mut resource = parse(&args.source)?;
    resource.credential = args.credential.as_ref().map(ToString::to_string);
    resource.interval = args.every.map(|Time(milliseconds)| milliseconds);
    resource.filters = Some(args.filter.clone()).filter(|filters| !filters.is_empty());
    for (field, given) in [
        (&mut resource.items, &args.items),
        (&mut resource.id, &args.id),
        (&mut resource.time, &args.time),
        (&mut resource.title, &args.title),
        (&mut resource.actor, &args.actor),
        (&mut resource.event, &args.event),
        (&mut resource.next, &args.next),
    ] {
        field.clone_from(given);
    }
    if resource.kind == "webhook" && resource.credential.is_none() {
        bail!(
            "who delivers is known by a secret: put one into the vault with `streams vault add`, and name it with --credential"
        );
    }
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let (hand, id) = (desk.hand()?, named.id);
    let outcome = if args.change {
        let enabled = Resource { enabled: Some(true), ..resource.clone() };
        match wait(stream::change_resource(hand, id, &enabled))? {
            true => Outcome::Created(id),
            false => Outcome::Existing(id),
        }
    } else {
        wait(stream::add_resource(hand, id, &resource))?
    };
    let is_there = tell_added(&resource, &outcome, args.acting.json, out)?;
    if is_there && resource.kind == "webhook" && !args.acting.json {
        let path = format!("/hook/{id}/{}", resource.key());
        writeln!(out, "  {} {path}", paint(DIM, "deliveries go to"))?;
    }
    Ok(is_there)
}

impl Which {
    fn find(&self) -> Result<(Desk, Named, Resource)> {
        let desk = self.acting.open()?;
        let named = desk.find(&self.stream)?;
        let view = desk.view(&named)?;
        let parsed = parse(&self.source).ok().map(|resource| resource.key());
        let is_meant = |resource: &&Resource| {
            let key = resource.key();
            Some(key) == parsed || resource.name() == self.source || key.to_string().starts_with(&self.source)
        };
        let mut found = view.resources.values().filter(is_meant);
        match (found.next(), found.next()) {
            (Some(resource), None) => Ok((desk, named, resource.clone())),
            (Some(_), Some(_)) => bail!("{} may be several sources; give more of the key", self.source),
            (None, _) => {
                bail!("the stream has no source {}; `streams stream show {}` lists them", self.source, self.stream)
            }
        }
    }

    fn tell(&self, resource: &Resource, what: &str, out: &mut dyn Write) -> Result<bool> {
        if self.acting.json {
            writeln!(out, "{}", json!({"resource": resource.key().to_string(), "did": what}))?;
        } else {
            writeln!(out, "{} {} {what}", paint(GOOD, "✓"), paint(BOLD, paint::plain(&resource.name())))?;
        }
        Ok(true)
    }
}

/// `streams stream stop`.
pub fn stop(args: &Stop, out: &mut dyn Write) -> Result<bool> {
    let (desk, named, resource) = args.which.find()?;
    let stopped = Resource { enabled: Some(false), ..resource.empty() };
    wait(stream::change_resource(desk.hand()?, named.id, &stopped))?;
    args.which.tell(&resource, "is fetched no more", out)
}

/// `streams stream retry`.
pub fn retry(args: &Retry, out: &mut dyn Write) -> Result<bool> {
    let (desk, named, resource) = args.which.find()?;
    wait(service::wake(&desk.store, named.id, resource.key(), crate::peer::now()?))?;
    args.which.tell(&resource, "is due", out)
}
