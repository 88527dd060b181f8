//! Key files: a secret, kept for its owner alone.
//!
//! A key file is text: the 32 secret bytes in hexadecimal on a line of their own. Lines that begin with `#` are for
//! people.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use data_encoding::HEXLOWER;
use serde_json::json;
use streams_core::SigningKey;

use crate::paint::{self, ID, paint};

/// Makes a key file and tells its author.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams key new                    # where `import` looks for it
  streams key new --out alice.key")]
pub struct New {
    /// Where to put the key; by default the user's own folder for settings
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tells the author whom a key file lets one write as.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams key show
  streams root example.org/profile $(streams key show alice.key)")]
pub struct Show {
    /// The key file; by default that of `key new`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams key new`.
pub fn new(args: &New, out: &mut dyn Write) -> Result<bool> {
    let path = args.out.clone().map_or_else(usual_path, Ok)?;
    let key = create(&path)?;
    let author = key.verifying_key();
    if args.json {
        writeln!(out, "{}", json!({"author": author.to_string(), "file": path}))?;
    } else {
        writeln!(out, "{}", paint(ID, author))?;
        writeln!(io::stderr(), "The secret is in {}. Who has that file writes as this author.", path.display())?;
    }
    Ok(true)
}

/// `streams key show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let path = args.file.clone().map_or_else(usual_path, Ok)?;
    let author = read(Some(&path))?.verifying_key();
    if args.json {
        writeln!(out, "{}", json!({"author": author.to_string(), "file": path}))?;
    } else {
        writeln!(out, "{}", paint(ID, author))?;
    }
    Ok(true)
}

/// The key in this file, or in the usual one, which is created if there is none.
pub fn read_or_create(path: Option<&Path>) -> Result<SigningKey> {
    match path {
        Some(_) => read(path),
        None => {
            let path = usual_path()?;
            if path.exists() {
                return read(Some(&path));
            }
            let key = create(&path)?;
            writeln!(io::stderr(), "A new key for {}: {}", key.verifying_key(), path.display())?;
            Ok(key)
        }
    }
}

/// A key that was never there before.
pub fn fresh() -> Result<SigningKey> {
    Ok(SigningKey::from_bytes(random()?))
}

/// Bytes from the operating system's randomness.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).context("the operating system gives no randomness")?;
    Ok(bytes)
}

/// The key in this file, or in the usual one.
pub fn read(path: Option<&Path>) -> Result<SigningKey> {
    let path = path.map_or_else(usual_path, |path| Ok(path.to_owned()))?;
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read the key file {}; make one with `streams key new`", path.display()))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let secret = match (lines.next(), lines.next()) {
        (Some(line), None) => HEXLOWER.decode(line.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()),
        _ => None,
    };
    let secret = secret.with_context(|| {
        format!("{} is no key file: it has one line of 64 hexadecimal digits, beside lines with #", path.display())
    })?;
    Ok(SigningKey::from_bytes(secret))
}

/// Creates a key file that only its owner may read. What is there already is left alone.
fn create(path: &Path) -> Result<SigningKey> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    let key = fresh()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow!("{} exists, and a key is never overwritten; choose another with --out", path.display())
        }
        _ => anyhow!(error).context(format!("cannot create {}", path.display())),
    })?;
    writeln!(file, "# The secret key of {}: who has this file writes as this author.", key.verifying_key())?;
    writeln!(file, "{}", paint::hex(&key.to_bytes()))?;
    file.sync_all()?;
    Ok(key)
}

/// `streams/key` in the user's folder for settings.
fn usual_path() -> Result<PathBuf> {
    Ok(settings().context("name a key file")?.join("key"))
}

/// `streams` in the user's folder for settings.
pub fn settings() -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let settings = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".config")))
        .or_else(|| folder("APPDATA"))
        .context("there is no folder for settings: neither XDG_CONFIG_HOME nor HOME is set")?;
    Ok(settings.join("streams"))
}
