//! Places where copies are kept, as they are named on the command line.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use streams_command::CommandArchiver;
use streams_core::archiver::{Archiver, FailureKind, Ticket};
use streams_ipfs::{KuboArchiver, PinningArchiver};
use streams_object_store::{ObjectStoreArchiver, S3};
use tempfile::TempDir;

use crate::paint;
use crate::store::wait;

/// How many bytes are fetched at once.
const PIECE: usize = 4 << 20;

/// Where `ipfs` is unless somebody says otherwise.
const KUBO: &str = "http://127.0.0.1:5001";

/// The variable of the environment with the token of a service that pins.
const TOKEN: &str = "STREAMS_PINNING_TOKEN";

/// A place where copies are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PlaceName {
    /// A folder.
    Folder(PathBuf),
    /// A bucket, by its address.
    S3(String),
    /// A node of IPFS, by the address of its RPC.
    Ipfs(String),
    /// A service that pins, by the address of its API.
    Pinning(String),
    /// A program, with its arguments.
    Command(Vec<String>),
}

impl FromStr for PlaceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("s3://") {
            return Ok(Self::S3(text.to_owned()));
        }
        match text.split_once(':') {
            _ if text.is_empty() => Err("an empty name is no place".into()),
            _ if text == "ipfs" => Ok(Self::Ipfs(KUBO.into())),
            Some(("ipfs", api)) => Ok(Self::Ipfs(api.to_owned())),
            Some(("pin", endpoint)) => Ok(Self::Pinning(endpoint.to_owned())),
            Some(("command", words)) => {
                let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
                if words.is_empty() {
                    Err("command: is followed by a program".into())
                } else {
                    Ok(Self::Command(words))
                }
            }
            Some(("folder", path)) => Ok(Self::Folder(path.into())),
            Some((scheme, rest)) if rest.starts_with("//") => Err(format!(
                "{scheme}:// is no place that is known: it is a folder, s3://bucket/prefix, ipfs, ipfs:ADDRESS, \
                 pin:ADDRESS, or command:PROGRAM"
            )),
            _ => Ok(Self::Folder(text.into())),
        }
    }
}

impl TryFrom<String> for PlaceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for PlaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::S3(address) => f.write_str(address),
            Self::Ipfs(api) => write!(f, "ipfs:{api}"),
            Self::Pinning(endpoint) => write!(f, "pin:{endpoint}"),
            Self::Command(words) => write!(f, "command:{}", words.join(" ")),
        }
    }
}

impl PlaceName {
    /// Opens the place.
    pub fn open(&self) -> Result<Arc<dyn Archiver>> {
        let open = || -> Result<Arc<dyn Archiver>> {
            Ok(match self {
                Self::Folder(path) => Arc::new(ObjectStoreArchiver::folder(path)?),
                Self::S3(address) => Arc::new(S3::at(address)?.open()?),
                Self::Ipfs(api) => Arc::new(KuboArchiver::new(self.to_string(), api)?),
                Self::Pinning(endpoint) => {
                    let Ok(token) = std::env::var(TOKEN) else {
                        bail!("the service wants a token, and {TOKEN} is not set");
                    };
                    Arc::new(PinningArchiver::new(self.to_string(), endpoint, token, KuboArchiver::new("ipfs", KUBO)?)?)
                }
                Self::Command(words) => Arc::new(wait(CommandArchiver::open(self.to_string(), words))?),
            })
        };
        open().with_context(|| format!("cannot keep copies at {self}"))
    }
}

/// Archives on this machine: folders and files as they are, and what other places have, fetched into a folder that goes
/// with what is returned.
pub fn fetched(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Option<TempDir>)> {
    let (mut here, mut folder) = (Vec::new(), None);
    for path in paths {
        let place = path.to_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| PlaceName::Folder(path.clone()));
        match place {
            // A name with a colon in it may be that of a file.
            _ if path.exists() => here.push(path.clone()),
            PlaceName::Folder(path) => here.push(path),
            place => {
                let at = folder.get_or_insert(tempfile::tempdir().context("there is no folder for temporary files")?);
                let at = at.path().join(here.len().to_string());
                fetch_all(&*place.open()?, &at).with_context(|| format!("cannot fetch what is at {place}"))?;
                here.push(at);
            }
        }
    }
    Ok((here, folder))
}

/// Fetches all packs of a place.
fn fetch_all(archiver: &dyn Archiver, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut packs: Vec<(Ticket, u64)> = Vec::new();
    loop {
        let page = wait(archiver.list(packs.last().map(|(ticket, _)| ticket), 1000))?;
        if page.is_empty() {
            break;
        }
        packs.extend(page);
    }
    let bar = paint::bytes("fetching", packs.iter().map(|(_, bytes)| bytes).sum());
    for (at, (ticket, _)) in packs.iter().enumerate() {
        let mut file = File::create(folder.join(format!("{at}.car")))?;
        let mut fetched = 0;
        loop {
            let piece = match wait(archiver.fetch(ticket, fetched, PIECE)) {
                // What is damaged there is told of like any archive that is cut short.
                Err(error) if matches!(error.kind(), FailureKind::Integrity | FailureKind::Missing) => break,
                piece => piece?,
            };
            if piece.is_empty() {
                break;
            }
            file.write_all(&piece)?;
            fetched += piece.len() as u64;
            bar.inc(piece.len() as u64);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_names() {
        let place = |text: &str| text.parse::<PlaceName>();
        assert_eq!(place("/mnt/attic"), Ok(PlaceName::Folder("/mnt/attic".into())));
        assert_eq!(place("folder:a:b"), Ok(PlaceName::Folder("a:b".into())));
        assert_eq!(place("s3://bucket/x"), Ok(PlaceName::S3("s3://bucket/x".into())));
        assert_eq!(place("ipfs"), Ok(PlaceName::Ipfs(KUBO.into())));
        assert_eq!(place("pin:https://example.org/psa"), Ok(PlaceName::Pinning("https://example.org/psa".into())));
        assert_eq!(place("command:./keep.sh a"), Ok(PlaceName::Command(vec!["./keep.sh".into(), "a".into()])));
        for wrong in ["", "command:", "ftp://example.org", "https://example.org"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
