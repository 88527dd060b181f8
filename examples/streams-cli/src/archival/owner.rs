//! Owners from the command line.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;
use streams_archive::object::Profile;
use streams_archive::{Kind, Slug, Visibility, catalog, owner};

use super::{Acting, tell_outcome};
use crate::paint::{self, BOLD, DIM, ID, WARN, paint};
use crate::store::wait;

/// Owners: people and organizations.
#[derive(Subcommand)]
pub enum Owners {
    /// Make an owner; one that is there stays as it is
    Create(Create),
    /// List the owners of a key
    List(List),
    /// Tell who an owner is, and what belongs to it
    Show(Show),
}

/// `streams org` and `streams person`.
pub fn owners(kind: Kind, command: &Owners, out: &mut dyn Write) -> Result<bool> {
    match command {
        Owners::Create(args) => create(kind, args, out),
        Owners::List(args) => list(kind, args, out),
        Owners::Show(args) => show(args, out),
    }
}

/// Makes an owner.
#[derive(clap::Args)]
#[command(
    after_help = "Run twice, or cut off anywhere and run again, it makes one owner. What is there under that name \
and is different stays as it is, and it is told what differs.

Examples:
  streams person create ada --name 'Ada Lovelace'
  streams org create acme --private --key acme.key"
)]
pub struct Create {
    /// A short name: a-z, 0-9, -, _ and .
    #[arg(value_name = "NAME")]
    slug: Slug,
    /// The name that people know
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// An address for mail
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Where a picture is
    #[arg(long, value_name = "URL")]
    avatar: Option<String>,
    /// Let nobody find it who is not told
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Lists owners.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams org list
  streams person list --json")]
pub struct List {
    /// Make pointers anew that were lost
    #[arg(long)]
    rebuild: bool,
    #[command(flatten)]
    acting: Acting,
}

/// Tells who an owner is.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams person show ada
  streams org show acme --json")]
pub struct Show {
    /// The owner
    #[arg(value_name = "NAME")]
    slug: Slug,
    #[command(flatten)]
    acting: Acting,
}

/// `streams org create` and `streams person create`.
pub fn create(kind: Kind, args: &Create, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.create()?;
    let profile = Profile {
        name: args.name.clone(),
        kind: Some(kind),
        email: args.email.clone(),
        avatar: args.avatar.clone(),
        cleared: None,
    };
    let visibility = if args.private { Visibility::Private } else { Visibility::Public };
    let outcome = wait(owner::create(desk.hand()?, &args.slug, &profile, visibility))?;
    tell_outcome(&format!("{} {}", kind.as_str(), args.slug), &outcome, args.acting.json, out)
}

/// `streams org list` and `streams person list`.
pub fn list(kind: Kind, args: &List, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    if args.rebuild {
        let lacking = wait(catalog::rebuild(desk.hand()?))?;
        if !args.acting.json {
            writeln!(out, "{}", paint(DIM, format!("{} made anew", paint::count(lacking, "pointer"))))?;
        }
    }
    let read = wait(catalog::read(&desk.store, &desk.key))?;
    let (mut any, author) = (false, desk.key.verifying_key());
    for (listed, view) in wait(catalog::owners(&desk.store, &read))? {
        // A private owner and a public one are two streams of one owner: the one with the profile counts.
        let profile = view.as_ref().map(|view| view.profile.clone()).unwrap_or_default();
        if view.is_some() && profile.kind != Some(kind) {
            continue;
        }
        any = true;
        let confirmed = listed.author == author || wait(catalog::is_confirmed(&desk.store, &desk.key, &listed))?;
        if args.acting.json {
            let line = json!({
                "name": listed.name, "stream": listed.owner.to_string(), "author": listed.author.to_string(),
                "profile": profile, "here": view.is_some(), "confirmed": confirmed,
                "streams": view.as_ref().map_or(0, |view| view.streams.len()),
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let full = profile.name.map(|name| format!("  {}", paint::clip(&name, 40))).unwrap_or_default();
        let mut notes = String::new();
        if view.is_none() {
            notes += &format!("  {}", paint(WARN, "not here yet"));
        }
        if !confirmed {
            notes += &format!("  {}", paint(WARN, "does not say so itself"));
        }
        let (name, id) = (paint(BOLD, &listed.name), paint(ID, paint::short(listed.owner)));
        writeln!(out, "{name}{full}  {id}{notes}")?;
    }
    if !any && !args.acting.json {
        writeln!(out, "{}", paint(DIM, format!("There is none; `streams {} create NAME` makes one.", kind.as_str())))?;
    }
    Ok(true)
}

/// `streams org show` and `streams person show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let owner = wait(owner::Owner::read(&desk.store, &desk.key, &args.slug))?;
    let owner = owner.with_context(|| {
        format!("this key has no owner {}; `streams org list` and `streams person list` list them", args.slug)
    })?;
    let visibility = owner.visibility().unwrap_or_default();
    let (profile, streams) = (owner.profile(), owner.streams());
    if args.acting.json {
        let streams = streams.iter().map(|(slug, (pointer, visibility))| {
            json!({"slug": slug, "stream": pointer.stream.to_string(), "visibility": visibility})
        });
        let told = json!({
            "name": owner.name, "stream": owner.stream().to_string(), "visibility": visibility, "profile": profile,
            "author": desk.key.verifying_key().to_string(), "streams": streams.collect::<Vec<_>>(),
        });
        writeln!(out, "{told}")?;
        return Ok(true);
    }
    paint::field(out, "owner", paint(BOLD, &owner.name))?;
    for (name, value) in [
        ("kind", profile.kind.map(|kind| kind.as_str().to_owned())),
        ("name", profile.name),
        ("mail", profile.email),
        ("picture", profile.avatar),
    ] {
        if let Some(value) = value {
            paint::field(out, name, paint::clip(&value, 100))?;
        }
    }
    paint::field(out, "stream", format!("{}  {}", paint(ID, owner.stream()), paint(DIM, visibility.as_str())))?;
    paint::field(out, "key", paint(ID, desk.key.verifying_key()))?;
    for (slug, (pointer, visibility)) in streams {
        let here = wait(desk.store.head(pointer.stream))?;
        let count = here.map_or(paint(WARN, "not here yet"), |head| paint::count(head.objects as usize, "object"));
        let (id, visibility) = (paint(ID, paint::short(pointer.stream)), paint(DIM, visibility.as_str()));
        writeln!(out, "  {}  {id}  {visibility}  {count}", paint(BOLD, slug))?;
    }
    Ok(true)
}
