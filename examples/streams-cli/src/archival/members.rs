//! Who reads and writes a stream, from the command line.

use std::io::Write;

use anyhow::{Context, Result};
use serde_json::json;
use streams_archive::members::{self, Role};
use streams_core::{ObjectId, VerifyingKey, author_bytes};

use super::Acting;
use crate::paint::{self, GOOD, paint};
use crate::store::wait;

/// Lets somebody read or write.
#[derive(clap::Args)]
#[command(after_help = "A writer writes items and what becomes of them; what is wanted of the stream, and where it \
fetches, stays with its owner. A moderator may invite and remove others.

Examples:
  streams stream invite notes z6Mk… --write
  streams stream invite ada/diary z6Mk…")]
pub struct Invite {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    #[command(flatten)]
    invited: Invited,
    #[command(flatten)]
    acting: Acting,
}

/// Who is invited, to what.
#[derive(clap::Args)]
pub struct Invited {
    /// The key of whom to invite, as `streams key show` tells it there
    #[arg(value_name = "AUTHOR", value_parser = author)]
    pub author: VerifyingKey,
    /// Let it write items, too
    #[arg(long)]
    write: bool,
    /// Let it write everything, and invite and remove others
    #[arg(long, conflicts_with = "write")]
    moderate: bool,
}

impl Invited {
    /// What it may.
    pub fn role(&self) -> Role {
        match (self.write, self.moderate) {
            (_, true) => Role::Moderator,
            (true, _) => Role::Writer,
            _ => Role::Reader,
        }
    }
}

/// Lets somebody read and write no more.
#[derive(clap::Args)]
#[command(after_help = "What the key wrote before stays; what it read, it has.

Examples:
  streams stream remove notes z6Mk…")]
pub struct Remove {
    /// The stream: SLUG, OWNER/SLUG, or its id
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The key of whom to remove
    #[arg(value_name = "AUTHOR", value_parser = author)]
    author: VerifyingKey,
    #[command(flatten)]
    acting: Acting,
}

pub fn author(text: &str) -> Result<VerifyingKey> {
    let bytes = author_bytes(text).context("that is no key of an author: one begins with z6Mk")?;
    Ok(VerifyingKey::from_bytes(bytes)?)
}

/// `streams stream invite`.
pub fn invite(args: &Invite, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let (author, role) = (args.invited.author, args.invited.role());
    let written = wait(members::invite(desk.hand()?, named.id, &author, role))?;
    let text = format!("{} is a {} of {}/{}", paint::short(author), role.as_str(), named.owner, named.slug);
    told(&text, &written, args.acting.json, out)
}

/// `streams stream remove`.
pub fn remove(args: &Remove, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let named = desk.find(&args.stream)?;
    let written = wait(members::remove(desk.hand()?, named.id, &args.author))?;
    let text = format!("{} is removed from {}/{}", paint::short(args.author), named.owner, named.slug);
    told(&text, &written, args.acting.json, out)
}

fn told(text: &str, written: &[ObjectId], as_json: bool, out: &mut dyn Write) -> Result<bool> {
    if as_json {
        let written: Vec<String> = written.iter().map(ToString::to_string).collect();
        writeln!(out, "{}", json!({"written": written}))?;
    } else {
        writeln!(out, "{} {text}", paint(GOOD, "✓"))?;
    }
    Ok(true)
}
