//! Stores: where the value of `--store` leads, and which stream of a store is meant.

use std::convert::Infallible;
use std::env;
use std::fmt;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result, bail, ensure};
use streams_core::{HashKey, Node, ObjectId, Store, StreamId};
use streams_postgres::PostgresStore;
use streams_sqlite::SqliteStore;
use tokio::runtime::{Builder, Runtime};

use crate::key;
use crate::paint;

/// How many streams are asked of a store at once.
const PAGE: usize = 1024;

/// The store of a command that needs one.
#[derive(clap::Args)]
pub struct OnStore {
    /// The store: an SQLite file, or a postgres:// address; by default streams/streams.db in the user's folder for data
    #[arg(long, value_name = "STORE", num_args = 0..=1, default_missing_value = "", default_value = "", hide_default_value = true, display_order = 80)]
    pub store: Location,
    /// Print JSON
    #[arg(long, display_order = 91)]
    pub json: bool,
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Where it is unless somebody says otherwise.
    Usual,
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database, by its address.
    Postgres(String),
}

/// A store that is open, with the streams in it. It is closed when it is dropped.
pub struct Opened {
    node: Arc<Node>,
    location: Location,
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        Ok(match text {
            "" => Self::Usual,
            _ if is_postgres => Self::Postgres(text.to_owned()),
            _ => Self::File(text.into()),
        })
    }
}

impl fmt::Display for Location {
    /// For people, so without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usual => match usual_path() {
                Ok(path) => write!(f, "{}", path.display()),
                Err(_) => f.write_str("the usual store"),
            },
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Postgres(address) => {
                let rest = address.split_once("://").map_or("", |(_, rest)| rest);
                let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
                write!(f, "postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, rest)| rest))
            }
        }
    }
}

impl Location {
    /// The file, where the store is one.
    pub fn file(&self) -> Result<Option<PathBuf>> {
        match self {
            Self::Usual => usual_path().map(Some),
            Self::File(path) => Ok(Some(path.clone())),
            Self::Postgres(_) => Ok(None),
        }
    }

    /// What stands behind a command so that it works on this store.
    pub fn option(&self) -> String {
        match self {
            Self::Usual => "--store".to_owned(),
            other => format!("--store {other}"),
        }
    }

    /// Opens a store that is there.
    pub fn open(&self) -> Result<Opened> {
        if let Some(file) = self.file()? {
            ensure_there(&file)?;
        }
        self.create()
    }

    /// Opens a store, which is made where there is none.
    pub fn create(&self) -> Result<Opened> {
        let store = self.connect().with_context(|| format!("cannot open the store {self}"))?;
        let node = Arc::new(Node::new(store, HashKey::from_bytes(key::random()?)));
        Ok(Opened { node, location: self.clone() })
    }

    fn connect(&self) -> Result<Arc<dyn Store>> {
        match self {
            Self::Usual => Ok(Arc::new(sqlite(&usual_path()?)?)),
            Self::File(file) => Ok(Arc::new(sqlite(file)?)),
            Self::Postgres(address) => Ok(Arc::new(wait(PostgresStore::open(address))?)),
        }
    }

    /// What is damaged of a store, beside what its objects say, in a sentence each.
    pub fn check(&self) -> Result<Vec<String>> {
        match self.file()? {
            Some(file) => Ok(wait(sqlite(&file)?.check())?),
            // A database server sees to its own pages.
            None => Ok(Vec::new()),
        }
    }

    /// Gives back to the disk what the store does not use any more.
    pub fn compact(&self) -> Result<()> {
        match self.file()? {
            Some(file) => {
                ensure_there(&file)?;
                let store = sqlite(&file).with_context(|| format!("cannot open the store {self}"))?;
                wait(store.compact())?;
                Ok(wait(store.close())?)
            }
            None => bail!("PostgreSQL does this by itself; for more, run VACUUM FULL there"),
        }
    }

    /// The bytes that the store takes on the disk, where it is a file.
    pub fn size(&self) -> Result<Option<u64>> {
        let Some(file) = self.file()? else { return Ok(None) };
        let mut log = file.clone().into_os_string();
        log.push("-wal");
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(Some(size(&file) + size(Path::new(&log))))
    }
}

impl Deref for Opened {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // What was committed is durable without it.
        let _ = wait(self.node.store().close());
    }
}

impl Opened {
    /// The streams in it, for whoever drives them.
    pub fn node(&self) -> Arc<Node> {
        self.node.clone()
    }

    /// All streams, ascending.
    pub fn streams(&self) -> Result<Vec<StreamId>> {
        let mut all: Vec<StreamId> = Vec::new();
        loop {
            let page = wait(self.store().streams(all.last().copied(), PAGE))?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// The stream that is meant by a whole id, by the beginning of one, or by both ends; without any, the only one.
    pub fn find(&self, wanted: Option<&str>) -> Result<StreamId> {
        if let Some(id) = wanted.and_then(|wanted| wanted.parse().ok()) {
            ensure!(wait(self.head(id))?.is_some(), "the store {} has no stream {id}", self.location);
            return Ok(id);
        }
        let found: Vec<StreamId> =
            self.streams()?.into_iter().filter(|id| wanted.is_none_or(|wanted| names(wanted, id))).collect();
        let location = &self.location;
        match (found[..].as_ref(), wanted) {
            ([id], _) => Ok(*id),
            ([], None) => bail!("the store {location} is empty; `streams import` fills it"),
            ([], Some(wanted)) => bail!("the store {location} has no stream {wanted}; `streams stats` lists them"),
            ([first, second, ..], wanted) => {
                let (count, first, second) =
                    (paint::count(found.len(), "stream"), paint::short(first), paint::short(second));
                match wanted {
                    None => bail!("the store {location} has {count}, such as {first} and {second}: say which is meant"),
                    Some(wanted) => {
                        bail!("{wanted} may be any of {count}, such as {first} and {second}; give more of it")
                    }
                }
            }
        }
    }

    /// All streams, or the one that is named.
    pub fn find_all(&self, wanted: Option<&str>) -> Result<Vec<StreamId>> {
        match wanted {
            None => self.streams(),
            Some(_) => Ok(vec![self.find(wanted)?]),
        }
    }
}

/// Whether a text is an id, the beginning of one, with or without the `bafyr4i` that all begin with, or both its ends.
pub fn names(wanted: &str, id: &ObjectId) -> bool {
    let (head, tail) = wanted.split_once('…').or_else(|| wanted.split_once("...")).unwrap_or((wanted, ""));
    let text = id.to_string();
    let begins = text.starts_with(head) || text.strip_prefix("bafyr4i").is_some_and(|text| text.starts_with(head));
    begins && text.ends_with(tail)
}

/// Waits for what a store or a peer answers. Connections live on between two answers, so there is one runtime; and
/// peers are served side by side, so it has a thread for each core.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        Builder::new_multi_thread().enable_all().build().expect("the operating system lets programs wait")
    });
    RUNTIME.block_on(answer)
}

fn sqlite(file: &Path) -> Result<SqliteStore> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    Ok(SqliteStore::open(file)?)
}

/// Whoever reads makes no store: a path that is mistyped is told of.
fn ensure_there(file: &Path) -> Result<()> {
    let path = file.display();
    let is_id = file.to_str().is_some_and(|text| text.starts_with("bafyr4i"));
    ensure!(
        !is_id || file.exists(),
        "there is no store {path}; to mean a stream of the usual store, put it before --store"
    );
    ensure!(file.exists(), "there is no store {path}; `streams import … --store` makes one");
    ensure!(file.is_file(), "{path} is a folder: the store is a file, as {path}/streams.db");
    Ok(())
}

/// `streams/streams.db` in the user's folder for data.
fn usual_path() -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("share")))
        .or_else(|| folder("LOCALAPPDATA"))
        .context("there is no folder for data (neither XDG_DATA_HOME nor HOME is set); name a store")?;
    Ok(data.join("streams").join("streams.db"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let shown = |address: &str| address.parse::<Location>().expect("any text will do").to_string();
        assert_eq!(
            shown("postgresql://ada:p@ss@db.example.org/streams?password=x"),
            "postgres://db.example.org/streams"
        );
        assert_eq!(shown("postgres://localhost/streams"), "postgres://localhost/streams");
        assert_eq!(shown("notes.db"), "notes.db");
    }
}
