//! What is read: a whole stream, from a file or from a store, or single objects.
//!
//! A stream file holds the parts (spec 2.3) of all objects of one stream, one behind another: a CBOR sequence without
//! a frame of its own, so `cat` puts files of one stream together. The root stands first. `import` writes the others
//! in the order of the stream; they are read in any order, and twice does no harm. Nothing in a file is believed: each
//! object is verified and judged as if a stranger had sent it.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use streams_core::{
    Authenticator, HashKey, JsonError, Object, ObjectId, PendingLimits, Rejected, Share, Stream, StreamId, Unsound,
    parts_len,
};

use crate::key;
use crate::paint;
use crate::store::{self, Location, Opened};

/// How many objects are verified together. More are hardly faster, and the bar would stand still.
pub const BATCH: usize = 512;

/// What is read, and how the answer is told.
#[derive(clap::Args)]
pub struct Reading {
    /// The stream file; with --store, the stream: its id, or the beginning of it. The only stream of a store need not
    /// be named
    #[arg(value_name = "FILE|STREAM")]
    of: Option<String>,
    /// Read from a store: an SQLite file, or a postgres:// address; without a value, the usual store
    #[arg(long, value_name = "STORE", num_args = 0..=1, default_missing_value = "", display_order = 80)]
    store: Option<Location>,
    /// Print JSON
    #[arg(long, display_order = 91)]
    pub json: bool,
}

/// Where a stream is read from.
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A stream of a store.
    Store(Opened, StreamId),
}

impl Reading {
    /// What is named: a file, or a stream of a store that is there.
    pub fn source(&self) -> Result<Source> {
        match (&self.store, &self.of) {
            (Some(location), stream) => {
                let store = location.open()?;
                let stream = store.find(stream.as_deref())?;
                Ok(Source::Store(store, stream))
            }
            (None, Some(file)) => Ok(Source::File(file.into())),
            (None, None) => bail!("name a stream file, or a store with --store"),
        }
    }

    /// Takes the file in, or opens the stream.
    pub fn load(&self) -> Result<Loaded> {
        match self.source()? {
            Source::File(path) => load(&path),
            Source::Store(store, stream) => {
                let stream = store::wait(store.read(stream, Stream::clone))?;
                Ok(Loaded { stream, rejected: Vec::new() })
            }
        }
    }
}

/// The bytes of a stream file, and where the objects stand in it.
pub struct StreamFile {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
}

/// A stream as it came out of a file or a store.
pub struct Loaded {
    /// The stream.
    pub stream: Stream,
    /// What the stream did not take: its id, where it has one, and why.
    pub rejected: Vec<(Option<ObjectId>, Rejected)>,
}

impl StreamFile {
    /// Reads a file and finds the objects in it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut places = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let len = parts_len(&bytes[at..]).with_context(|| {
                let whole = paint::count(places.len(), "object");
                format!("{} is no stream file, or is cut short: {whole}, and then none at byte {at}", path.display())
            })?;
            places.push(at..at + len);
            at += len;
        }
        ensure!(!places.is_empty(), "{} is empty: a stream file holds at least a root", path.display());
        Ok(Self { bytes, places })
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The parts of the root.
    pub fn root(&self) -> &[u8] {
        self.at(0)
    }

    /// The parts of an object, by its place in the file.
    pub fn at(&self, place: usize) -> &[u8] {
        &self.bytes[self.places[place].clone()]
    }

    /// Opens the stream with its root alone. Its pending room has no limits: a file is bounded by itself.
    pub fn open(&self) -> Result<Stream> {
        let key = HashKey::from_bytes(key::random()?);
        let root = Object::decode(self.root()).map_err(Rejected::from);
        let root = root.and_then(|root| Ok(Authenticator::new(key).authenticate(root)?));
        let root = root.context("the first object of the file cannot open a stream")?;
        let endless = Share { objects: u64::MAX, bytes: u64::MAX };
        Stream::open_with_limits(root, key, PendingLimits { all: endless, peer: endless, author: endless })
            .context("the first object of the file cannot open a stream")
    }

    /// Takes in the whole file.
    pub fn load(&self) -> Result<Loaded> {
        let mut stream = self.open()?;
        let mut rejected = Vec::new();
        let bar = paint::bar("verifying", self.len());
        let places: Vec<usize> = (1..self.len()).collect();
        for places in places.chunks(BATCH) {
            let answers = stream.ingest_batch(places.iter().map(|place| self.at(*place)), 0);
            for (place, answer) in places.iter().zip(answers) {
                if let Err(reason) = answer {
                    let id = Object::decode(self.at(*place)).ok().map(|object| object.id());
                    rejected.push((id, reason));
                }
            }
            bar.inc(places.len() as u64);
        }
        bar.finish_and_clear();
        // What a governor removed for all (spec 3.4) is shown to nobody, wherever the file came from.
        for (id, map) in stream.removed() {
            let _ = stream.redact(&id, &map);
        }
        Ok(Loaded { stream, rejected })
    }
}

/// Reads a stream file and takes it in.
pub fn load(path: &Path) -> Result<Loaded> {
    StreamFile::read(path)?.load().with_context(|| format!("cannot open {}", path.display()))
}

/// The object that is meant by a whole id, by the beginning of one, or by both ends.
pub fn find(stream: &Stream, wanted: &str) -> Result<ObjectId> {
    let found: Vec<ObjectId> = stream.order().filter(|id| store::names(wanted, id)).collect();
    match found[..] {
        [id] => Ok(id),
        [] => bail!("no object of the stream has the id {wanted}; `streams log` lists them"),
        [first, second, ..] => {
            let count = paint::count(found.len(), "object");
            bail!("{wanted} may be any of {count}, such as {first} and {second}; give more of it")
        }
    }
}

/// Why something is no object.
pub enum Unread {
    /// As parts.
    Parts(Unsound),
    /// As JSON.
    Json(JsonError),
}

impl Unread {
    /// The code of spec 14.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Parts(unsound) => unsound.code(),
            Self::Json(error) => error.code(),
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(unsound) => unsound.fmt(f),
            Self::Json(error) => error.fmt(f),
        }
    }
}

/// Reads objects from a file or, without one, from the standard input: an object as JSON, or the parts of some, one
/// behind another. The first byte tells which: parts begin with one that is no text.
pub fn objects(file: Option<&Path>) -> Result<Vec<Result<Object, Unread>>> {
    let bytes = match file {
        Some(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).context("cannot read the standard input")?;
            bytes
        }
    };
    match bytes.first() {
        None => bail!("there is nothing to read: give an object as JSON or as parts"),
        Some(byte) if byte.is_ascii() => {
            let text = String::from_utf8(bytes).context("the JSON is not UTF-8")?;
            Ok(vec![Object::from_json(&text).map_err(Unread::Json)])
        }
        Some(_) => Ok(sequence(&bytes)),
    }
}

/// Decodes what stands one behind another. Where the next end cannot be found, the rest is one.
fn sequence(mut bytes: &[u8]) -> Vec<Result<Object, Unread>> {
    let mut objects = Vec::new();
    while !bytes.is_empty() {
        let (parts, rest) = bytes.split_at(parts_len(bytes).unwrap_or(bytes.len()));
        objects.push(Object::decode(parts).map_err(Unread::Parts));
        bytes = rest;
    }
    objects
}
