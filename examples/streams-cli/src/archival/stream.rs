//! Streams from the command line: made, listed, changed, forked.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use streams_archive::members;
use streams_archive::object::{Config, Meta, Profile};
use streams_archive::seal::StreamKey;
use streams_archive::stream::{self, Spec};
use streams_archive::vault::{Entry, Reference, Vault};
use streams_archive::{Kind, Outcome, Slug, Visibility, owner};

use super::vault::VaultArgs;
use super::{Acting, Desk, resource, service, tell_outcome};
use crate::archive::{PlaceName, Size, Time};
use crate::paint::{self, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::wait;

/// Makes a stream of an owner.
#[derive(clap::Args)]
#[command(
    after_help = "Run twice, or cut off anywhere and run again, it makes one stream. What is there under that name and is \
different stays as it is, and it is told what differs.

A source is a folder, git:FOLDER, feed:URL, http:URL of a list in JSON, or webhook:NAME. A place for copies is what \
`streams archive run --to` takes.

Examples:
  streams stream create notes --person ada --from ~/notes --to /mnt/attic --now
  streams stream create diary --owner ada --private --sealed --from ~/diary --to s3://bucket/archive
  streams stream create news --owner acme --from feed:https://example.org/news.xml --every 15m"
)]
pub struct Create {
    /// A short name: a-z, 0-9, -, _ and .; one for all streams of a key
    #[arg(value_name = "SLUG")]
    slug: Slug,
    /// Whose it is
    #[arg(long, value_name = "NAME", required_unless_present_any = ["person", "org"])]
    owner: Option<Slug>,
    /// Whose it is: a person, which is made where there is none
    #[arg(long, value_name = "NAME", conflicts_with_all = ["owner", "org"])]
    person: Option<Slug>,
    /// Whose it is: an organization, which is made where there is none
    #[arg(long, value_name = "NAME", conflicts_with = "owner")]
    org: Option<Slug>,
    /// Let nobody find and read it who is not invited
    #[arg(long)]
    private: bool,
    /// Seal its items to a key in the vault: copies are worth nothing to who does not have it
    #[arg(long)]
    sealed: bool,
    /// Where items come from; may be given more than once
    #[arg(long, value_name = "SOURCE")]
    from: Vec<String>,
    #[command(flatten)]
    wanted: WantedArgs,
    /// Fetch and archive at once
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    acting: Acting,
}

/// What describes a stream, and what is wanted of it.
#[derive(clap::Args)]
pub struct WantedArgs {
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What is in it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A word to find it by; may be given more than once
    #[arg(long, value_name = "WORD")]
    label: Vec<String>,
    /// How often its sources are looked at, as 15m
    #[arg(long, value_name = "TIME")]
    every: Option<Time>,
    /// Where copies are kept; may be given more than once
    #[arg(long, value_name = "PLACE")]
    to: Vec<PlaceName>,
    /// How many copies each place makes
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    copies: Option<u64>,
    /// How long before a deal ends it is renewed, as 7d
    #[arg(long, value_name = "TIME")]
    renew: Option<Time>,
    /// The most that is spent at each place, in its own unit
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<u64>,
    /// Pack what is new when there is so much of it, as 64MiB
    #[arg(long, value_name = "SIZE")]
    pack_size: Option<Size>,
    /// Or when something waits for so long, as 1d
    #[arg(long, value_name = "TIME")]
    pack_age: Option<Time>,
    /// Read all copies back so often, as 30d
    #[arg(long, value_name = "TIME")]
    audit: Option<Time>,
}

/// Lists streams.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams stream list
  streams stream list --owner ada --json")]
pub struct List {
    /// Of this owner alone
    #[arg(long, value_name = "NAME")]
    owner: Option<Slug>,
    #[command(flatten)]
    acting: Acting,
}

/// Changes a stream.
#[derive(clap::Args)]
#[command(after_help = "Without anything to change, it tells how it is.

Examples:
  streams stream config notes --every 15m --to /mnt/attic --to s3://bucket/archive
  streams stream config notes --clear budget
  streams stream config notes --private")]
pub struct Configure {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    #[command(flatten)]
    wanted: WantedArgs,
    /// A setting that shall have no value any more: interval, places, copies, renew, budget, pack_size, pack_age, audit
    #[arg(long, value_name = "SETTING", value_parser = clap::builder::PossibleValuesParser::new(Config::FIELDS))]
    clear: Vec<String>,
    /// Let everybody read it
    #[arg(long, conflicts_with = "private")]
    public: bool,
    /// Let nobody read it who is not invited
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Begins a stream anew.
#[derive(clap::Args)]
#[command(after_help = "The new stream has what describes the old one, what is wanted of it and its sources; it says \
where it comes from, and why. The old one stays as it is.

Examples:
  streams stream fork notes notes-2 --reason 'without the old members'")]
pub struct Fork {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The slug of the new one
    #[arg(value_name = "SLUG")]
    slug: Slug,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Let nobody find and read the new one who is not invited
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    acting: Acting,
}

/// A folder by its whole path: it is meant from here, and the service may run elsewhere.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

impl WantedArgs {
    fn meta(&self) -> Meta {
        Meta {
            title: self.title.clone(),
            description: self.description.clone(),
            labels: Some(self.label.clone()).filter(|labels| !labels.is_empty()),
            seal: None,
            cleared: None,
        }
    }

    fn config(&self) -> Result<Config> {
        let place = |place: &PlaceName| match place {
            PlaceName::Folder(folder) => Ok(absolute(folder)?.display().to_string()),
            other => Ok(other.to_string()),
        };
        let places: Vec<String> = self.to.iter().map(place).collect::<Result<_>>()?;
        let time = |time: &Option<Time>| time.map(|Time(milliseconds)| milliseconds);
        Ok(Config {
            interval: time(&self.every),
            places: Some(places).filter(|places| !places.is_empty()),
            copies: self.copies,
            renew: time(&self.renew),
            budget: self.budget,
            pack_size: self.pack_size.map(|Size(bytes)| bytes),
            pack_age: time(&self.pack_age),
            audit: time(&self.audit),
            max_item: None,
            cleared: None,
        })
    }
}

/// `streams stream create`.
pub fn create(args: &Create, out: &mut dyn Write) -> Result<bool> {
    // What cannot be is told before anything is made.
    let resources = args.from.iter().map(|from| resource::parse(from)).collect::<Result<Vec<_>>>()?;
    let config = args.wanted.config()?;
    ensure!(!args.now || config.places.is_some() || !resources.is_empty(), "--now has nothing to do without --from");
    let desk = args.acting.create()?;
    let hand = desk.hand()?;
    let made = [(Kind::Person, &args.person), (Kind::Org, &args.org)];
    for (kind, name) in made.into_iter().filter_map(|(kind, name)| Some((kind, name.as_ref()?))) {
        if wait(owner::Owner::read(&desk.store, &desk.key, name))?.is_none() {
            let profile = Profile { kind: Some(kind), ..Profile::default() };
            wait(owner::create(hand, name, &profile, Visibility::Public))?;
        }
    }
    let owner = args.owner.as_ref().or(args.person.as_ref()).or(args.org.as_ref()).context("--owner is missing")?;
    let visibility = if args.private { Visibility::Private } else { Visibility::Public };
    let mut spec = Spec { visibility, meta: args.wanted.meta(), config, ..Spec::new(args.slug.clone()) };
    if args.sealed {
        let id = spec.id(&desk.key)?;
        let fresh =
            Entry { label: format!("the key of {owner}/{}", args.slug), secret: StreamKey::generate().to_secret() };
        // The key is there before anything is sealed to it; where it was there, it stays.
        let kept = args.vault.lazy().put_new(&Reference::of_stream(id), fresh)?;
        spec.meta.seal = Some(StreamKey::from_secret(&kept.secret)?.recipient());
    }
    let outcome = wait(stream::create(hand, owner, &spec)).map_err(|error| match error {
        streams_archive::ArchiveError::NoOwner(name) => {
            anyhow::anyhow!("this key has no owner {name}: make it with `streams person create {name}`, or give --person {name} here")
        }
        error => error.into(),
    })?;
    let mut all_well = tell_outcome(&format!("stream {owner}/{}", args.slug), &outcome, args.acting.json, out)?;
    if matches!(outcome, Outcome::Conflict { .. }) {
        return Ok(false);
    }
    for resource in &resources {
        let added = wait(stream::add_resource(hand, outcome.stream(), resource))?;
        all_well &= resource::tell_added(resource, &added, args.acting.json, out)?;
    }
    out.flush()?;
    if args.now {
        all_well &= service::run_now(&desk, args.vault.lazy(), args.acting.json, out)?;
    }
    Ok(all_well)
}

/// `streams stream list`.
pub fn list(args: &List, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let mut any = false;
    for owner in desk.owners()?.iter().filter(|owner| args.owner.as_ref().is_none_or(|name| owner.name == *name)) {
        for (slug, (pointer, visibility)) in owner.streams() {
            any = true;
            let view = wait(stream::view(&desk.store, pointer.stream))?.map(|seen| seen.view);
            let head = wait(desk.store.head(pointer.stream))?;
            let objects = head.map_or(0, |head| head.objects);
            if args.acting.json {
                let line = json!({
                    "owner": owner.name, "slug": slug, "stream": pointer.stream.to_string(), "visibility": visibility,
                    "here": view.is_some(), "objects": objects,
                    "title": view.as_ref().and_then(|view| view.meta.title.clone()),
                    "sealed": view.as_ref().is_some_and(|view| view.meta.seal.is_some()),
                    "resources": view.as_ref().map_or(0, |view| view.resources.len()),
                });
                writeln!(out, "{line}")?;
                continue;
            }
            let mut notes = vec![paint::count(objects as usize, "object")];
            notes.extend((visibility == Visibility::Private).then(|| paint(WARN, "private")));
            match &view {
                None => notes.push(paint(WARN, "not here yet")),
                Some(view) => {
                    notes.push(paint::count(view.resources.len(), "source"));
                    notes.extend(view.meta.seal.as_ref().map(|_| paint(WARN, "sealed")));
                    notes.extend(view.meta.title.as_ref().map(|title| paint(DIM, paint::clip(title, 40))));
                }
            }
            let (name, id) = (paint(BOLD, format!("{}/{slug}", owner.name)), paint(ID, paint::short(pointer.stream)));
            writeln!(out, "{name}  {id}  {}", notes.join("  "))?;
        }
    }
    if !any && !args.acting.json {
        writeln!(out, "{}", paint(DIM, "There is none; `streams stream create SLUG --owner NAME` makes one."))?;
    }
    Ok(true)
}

/// `streams stream config`.
pub fn configure(args: &Configure, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let mut config = args.wanted.config()?;
    config.cleared = Some(args.clear.clone()).filter(|cleared| !cleared.is_empty());
    let mut is_changed = wait(stream::change(desk.hand()?, named.id, &args.wanted.meta(), &config))?;
    if args.public || args.private {
        let visibility = if args.public { Visibility::Public } else { Visibility::Private };
        is_changed |= !wait(members::set_visibility(desk.hand()?, named.id, visibility))?.is_empty();
    }
    tell_config(&desk, &named, is_changed, args.acting.json, out)?;
    if args.private && !args.acting.json {
        let text = "Who read it before has what it read; who can compute its id still finds that it is there.";
        writeln!(out, "{}", paint(DIM, text))?;
    }
    Ok(true)
}

fn tell_config(desk: &Desk, named: &super::Named, is_changed: bool, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let view = desk.view(named)?;
    if as_json {
        let told =
            json!({"stream": named.id.to_string(), "changed": is_changed, "meta": view.meta, "config": view.config});
        return Ok(writeln!(out, "{told}")?);
    }
    let what = if is_changed { "changed" } else { "as it was" };
    writeln!(out, "{} {}/{} {what}", paint(GOOD, "✓"), named.owner, named.slug)?;
    tell_wanted(&view.meta, &view.config, out)
}

/// Tells what describes a stream, and what is wanted of it.
pub fn tell_wanted(meta: &Meta, config: &Config, out: &mut dyn Write) -> Result<()> {
    let time = |milliseconds: u64| {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
        let fits = units.iter().find(|(_, length)| milliseconds >= *length && milliseconds.is_multiple_of(*length));
        fits.map_or(format!("{milliseconds} ms"), |(unit, length)| format!("{}{unit}", milliseconds / length))
    };
    let size = |bytes: u64| paint::size(bytes as usize);
    let fields = [
        ("title", meta.title.clone()),
        ("about", meta.description.clone()),
        ("labels", meta.labels.as_ref().map(|labels| labels.join(", "))),
        ("sealed to", meta.seal.clone()),
        ("every", Some(time(config.interval.unwrap_or(streams_archive::service::USUAL_INTERVAL)))),
        (
            "copies at",
            Some(config.places.as_ref().map_or("no place; --to adds one".into(), |places| places.join(", "))),
        ),
        ("copies", config.copies.map(|copies| copies.to_string())),
        ("renew", config.renew.map(time)),
        ("budget", config.budget.map(|budget| budget.to_string())),
        ("pack size", config.pack_size.map(size)),
        ("pack age", config.pack_age.map(time)),
        ("audit", config.audit.map(time)),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            paint::field(out, name, paint::clip(&value, 100))?;
        }
    }
    Ok(())
}

/// `streams stream fork`.
pub fn fork(args: &Fork, out: &mut dyn Write) -> Result<bool> {
    ensure!(!args.reason.trim().is_empty(), "say why, for who finds the old stream");
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let visibility = if args.private { Visibility::Private } else { Visibility::Public };
    let (slug, reason) = (args.slug.clone(), args.reason.trim());
    let outcome = wait(stream::fork(desk.hand()?, &named.owner, named.id, slug, visibility, reason))?;
    tell_outcome(&format!("stream {}/{}", named.owner, args.slug), &outcome, args.acting.json, out)
}
