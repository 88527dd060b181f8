//! A git repository as a stream: real history, whose merges are a real graph.
//!
//! The root, of type `git/repository`, is signed by the importer and lets everyone append. Each commit becomes an
//! object of type `git/commit`, whose parents are the objects of the commit's parents, or the root where it has none:
//! so histories that began apart meet in the root. Its author is a stand-in: a key that follows from the importer's
//! secret, the author's e-mail address, and the line of work ([`past`]) where somebody worked on two branches at once.
//! Nothing is random, so the same commits and the same secret give the same bytes.
//!
//! More commits, later, have the same root; but the lines of work may divide otherwise where all is looked at anew. So
//! a file is written anew, and in a store an import goes on from what is there ([`known`]): of a commit that has an
//! object, no second one is made, whether that import ended or was killed.
//!
//! - A commit of more than 16 parents stands behind joins, objects of type `git/join` of the same author without data:
//!   the first joins the 16 parents of the highest generations, each further one the join before it and 15 more. So
//!   each edge of the repository is a path, and each path between commits is one of the repository.
//! - In a shallow clone, a commit whose parents are missing stands on those that are there, or on the root. The hashes
//!   of all its parents are in its data.
//! - Text that is not UTF-8 is kept twice: to be read, with a sign for what cannot be, and as bytes, in `…_raw:d`.
//! - Not taken over: files, the committer's name and e-mail address, signatures and tags.

mod commit;
mod file;
mod git;
mod known;
mod past;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;
use streams_core::{
    Action, Authentic, Draft, Edges, HashKey, ObjectId, Rejected, Rule, SigningKey, Stream, StreamId, VerifyingKey,
    to_map,
};

use self::commit::Commit;
pub use self::file::{File as StreamFile, file};
use self::git::{History, Repository};
use self::known::Known;
use self::past::{Lines, Past};
use crate::paint::{self, BOLD, DIM, GOOD, ID, paint};
use crate::store::{Location, Opened, wait};
use crate::{key, write};

/// The most parents of an object (spec 1.5).
const MAX_PARENTS: usize = 16;

/// How many commits become durable together.
const TOGETHER: usize = 512;

/// Makes a stream of a git repository.
#[derive(clap::Args)]
#[command(after_help = "Each commit becomes a signed object, with the edges of the repository. Authors get stand-in \
keys that follow from your key and their e-mail addresses, so importing again gives the same bytes. Names and e-mail \
addresses can be redacted later. Files, signatures and tags stay behind.

Into a store, an import may be interrupted at any moment, and goes on when it is run again; so do later commits.

Examples:
  streams import git .
  streams import git ~/src/linux --all --out linux.streams
  streams import git ~/src/linux --store            # into the usual store
  streams import git ~/src/linux --store shared.db")]
pub struct Git {
    /// The repository
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The stream file to write; by default the name of the repository and .streams
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Import into a store instead: an SQLite file, or a postgres:// address; without a value, the usual store
    #[arg(long, value_name = "STORE", num_args = 0..=1, default_missing_value = "", conflicts_with = "out")]
    store: Option<Location>,
    /// Take what all refs reach, not HEAD alone
    #[arg(long)]
    all: bool,
    /// The importer's key file; by default that of `key new`, which is made if there is none
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams import git`.
pub fn git(args: &Git, out: &mut dyn Write) -> Result<bool> {
    let start = Instant::now();
    let repository = Repository::open(&args.path)?;
    let history = repository.history(args.all)?;
    let owner = key::read_or_create(args.key.as_deref())?;
    let root = Secret(owner.to_bytes()).root(&repository.name, &history, &owner)?;
    let mut target = match &args.store {
        Some(location) => Target::store(location, root)?,
        None => Target::file(args.out.clone().unwrap_or_else(|| format!("{}.streams", repository.name).into()), root)?,
    };
    let mut import = Import::begin(target.stream(), target.known()?, &history, &owner);
    let hashes = history.hashes;
    let places: Vec<usize> = (0..hashes.len()).collect();

    // Commits with objects first: who continues what is known of them.
    let (known, new): (Vec<usize>, Vec<usize>) = places.into_iter().partition(|&at| import.known.has(&hashes[at]));
    let mut foreign = Vec::new();
    each(&repository, &hashes, &known, "reading", |at, commit| {
        if !import.resume(at, &hashes[at], commit) {
            foreign.push(at);
        }
        Ok(())
    })?;
    import.end_lines();
    let mut new = [new, foreign].concat();
    new.sort_unstable();
    each(&repository, &hashes, &new, "signing", |at, commit| {
        import.commit(at, &hashes[at], commit)?;
        if import.commits_unwritten == TOGETHER { import.flush(&mut target) } else { Ok(()) }
    })?;
    import.flush(&mut target)?;
    import.report(new.len(), target.finish()?, start.elapsed()).print(&target, args.json, out)
}

/// Reads these commits of a repository, under a bar.
fn each(
    repository: &Repository,
    hashes: &[String],
    places: &[usize],
    doing: &'static str,
    mut take: impl FnMut(usize, &Commit<'_>) -> Result<()>,
) -> Result<()> {
    if places.is_empty() {
        return Ok(());
    }
    let mut contents = repository.contents(places.iter().map(|at| hashes[*at].clone()).collect())?;
    let bar = paint::bar(doing, places.len());
    for &at in places {
        let (bytes, hash) = (contents.next()?, &hashes[at]);
        let commit = Commit::parse(&bytes).with_context(|| format!("commit {hash} cannot be read"))?;
        take(at, &commit).with_context(|| format!("commit {hash} cannot become an object"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Where the objects go.
enum Target {
    /// A file, which is written when all is there.
    File(PathBuf, Box<Stream>),
    /// A stream of a store.
    Store(Location, Opened, StreamId),
}

/// What a target says of the whole stream.
struct Whole {
    order: [u8; 32],
    forks: usize,
    /// How many bytes the file has that was written.
    bytes: Option<usize>,
}

impl Target {
    fn file(path: PathBuf, root: Authentic) -> Result<Self> {
        ensure_free(&path, &root)?;
        Ok(Self::File(path, Box::new(Stream::open(root, HashKey::from_bytes(key::random()?))?)))
    }

    fn store(location: &Location, root: Authentic) -> Result<Self> {
        let store = location.create()?;
        let stream = wait(store.create(root))?;
        Ok(Self::Store(location.clone(), store, stream))
    }

    fn stream(&self) -> StreamId {
        match self {
            Self::File(_, stream) => stream.id(),
            Self::Store(_, _, stream) => *stream,
        }
    }

    fn known(&self) -> Result<Known> {
        match self {
            Self::File(..) => Ok(Known::default()),
            Self::Store(_, store, stream) => Known::read(store, *stream),
        }
    }

    /// Takes objects in; in a store they are durable then.
    fn take(&mut self, objects: Vec<Authentic>) -> Result<()> {
        let take = |stream: &mut Stream| -> Result<(), Rejected> {
            objects.into_iter().try_for_each(|object| stream.admit(object, 0).map(drop))
        };
        match self {
            Self::File(_, stream) => Ok(take(stream)?),
            Self::Store(_, store, stream) => Ok(wait(store.write(*stream, take))??),
        }
    }

    fn finish(&self) -> Result<Whole> {
        let whole = |stream: &Stream| (stream.order_digest(), stream.forks().len());
        let ((order, forks), bytes) = match self {
            Self::File(path, stream) => (whole(stream), Some(write::whole(path, stream)?)),
            Self::Store(_, store, stream) => (wait(store.read(*stream, whole))?, None),
        };
        Ok(Whole { order, forks, bytes })
    }
}

/// A stream that is being made.
struct Import {
    secret: Secret,
    past: Past,
    lines: Lines,
    stream: StreamId,
    known: Known,
    /// For each commit, its object and the generation of that, once it has one.
    objects: Vec<Option<(ObjectId, u64)>>,
    /// Objects that the target does not have yet.
    unwritten: Vec<Authentic>,
    commits_unwritten: usize,
    merges: usize,
    joins: usize,
    cut: usize,
    signed: usize,
}

impl Import {
    fn begin(stream: StreamId, known: Known, history: &History, owner: &SigningKey) -> Self {
        Self {
            secret: Secret(owner.to_bytes()),
            past: Past::new(history.parents.clone(), history.heights.clone()),
            lines: Lines::default(),
            stream,
            known,
            objects: vec![None; history.hashes.len()],
            unwritten: Vec::new(),
            commits_unwritten: 0,
            merges: 0,
            joins: 0,
            cut: 0,
            signed: 0,
        }
    }

    /// Takes up the object that a commit has already, unless somebody else made it.
    fn resume(&mut self, at: usize, hash: &str, commit: &Commit<'_>) -> bool {
        let (email, most) = (commit.author.email, self.known.authors());
        let new_key = |line| self.secret.key(email, line);
        for &(id, generation, author) in self.known.objects(hash) {
            if self.lines.resume(at as u32, email, &author, most, new_key) {
                self.objects[at] = Some((id, generation));
                self.count(at, commit);
                return true;
            }
        }
        false
    }

    /// Where the last object of a key belongs to no commit that is here, as after history was rewritten, what followed
    /// it would be a fork.
    fn end_lines(&mut self) {
        let Self { lines, known, objects, .. } = self;
        lines.retain(|author, tip| known.latest(author) == objects[tip as usize].map(|(id, _)| id));
    }

    /// Signs the next commit, which comes after its parents.
    fn commit(&mut self, at: usize, hash: &str, commit: &Commit<'_>) -> Result<()> {
        let (place, email) = (at as u32, commit.author.email);
        let new_key = |line| self.secret.key(email, line);
        let is_used = |key: &VerifyingKey| self.known.latest(key).is_some();
        let (key, before) = self.lines.place(place, email, &mut self.past, new_key, is_used);
        let object = |commit: u32| self.objects[commit as usize].expect("made before");
        let mut previous = before.map(object);
        let mut parents: Vec<_> = self.past.parents(place).iter().map(|parent| object(*parent)).collect();
        self.count(at, commit);
        if parents.is_empty() {
            parents.push((self.stream, 0));
        }
        parents.sort_unstable_by_key(|(_, generation)| std::cmp::Reverse(*generation));
        while parents.len() > MAX_PARENTS {
            let rest = parents.split_off(MAX_PARENTS);
            let join = self.append(&key, Draft::event("git/join", self.edges(&parents, previous)))?;
            parents = [vec![join], rest].concat();
            previous = Some(join);
        }

        let draft = Draft::event("git/commit", self.edges(&parents, previous));
        let mut draft = draft.data(commit.data(hash, self.secret.salt(hash))?);
        let milliseconds = commit.committer.time.and_then(|seconds| u64::try_from(seconds).ok()?.checked_mul(1000));
        if let Some(milliseconds) = milliseconds {
            draft = draft.timestamp(milliseconds);
        }
        self.objects[at] = Some(self.append(&key, draft)?);
        self.commits_unwritten += 1;
        Ok(())
    }

    fn count(&mut self, at: usize, commit: &Commit<'_>) {
        let parents = self.past.parents(at as u32).len();
        self.merges += usize::from(parents > 1);
        self.joins += parents.saturating_sub(MAX_PARENTS).div_ceil(MAX_PARENTS - 1);
        self.cut += usize::from(parents < commit.parents.len());
        self.signed += usize::from(commit.signed);
    }

    /// Gives what is signed to the target: whole commits, each with its joins.
    fn flush(&mut self, target: &mut Target) -> Result<()> {
        self.commits_unwritten = 0;
        target.take(std::mem::take(&mut self.unwritten))
    }

    fn edges(&self, parents: &[(ObjectId, u64)], previous: Option<(ObjectId, u64)>) -> Edges {
        let above = parents.iter().chain(&previous).map(|(_, generation)| *generation).max();
        Edges {
            stream: self.stream,
            parents: parents.iter().map(|(id, _)| *id).collect(),
            previous: previous.map(|(id, _)| id),
            generation: above.expect("at least one parent") + 1,
        }
    }

    fn append(&mut self, key: &SigningKey, draft: Draft) -> Result<(ObjectId, u64)> {
        let object: Authentic = draft.sign(key)?;
        let appended = (object.id(), object.header().generation());
        self.unwritten.push(object);
        Ok(appended)
    }

    fn report(&self, new: usize, whole: Whole, time: Duration) -> Report {
        Report {
            stream: self.stream.to_string(),
            order: paint::hex(&whole.order),
            commits: self.objects.len(),
            new,
            merges: self.merges,
            joins: self.joins,
            authors: self.lines.people(),
            keys: self.lines.len(),
            forks: whole.forks,
            cut: self.cut,
            signed: self.signed,
            bytes: whole.bytes,
            seconds: time.as_secs_f64(),
        }
    }
}

/// The importer's secret, from which everything follows that nobody else may guess.
struct Secret([u8; 32]);

impl Secret {
    /// Signs the root. Its nonce follows from the name and from the commits with which history begins, so a later
    /// import of the same repository has the same root.
    fn root(&self, name: &str, history: &History, owner: &SigningKey) -> Result<Authentic> {
        #[derive(Serialize)]
        struct Root<'a> {
            name: &'a str,
        }

        let beginnings = history.parents.iter().zip(&history.hashes).filter(|(parents, _)| parents.is_empty());
        let beginnings: Vec<&str> = beginnings.map(|(_, hash)| hash.as_str()).collect();
        let everyone =
            [Rule::allow([Action::Read]), Rule::allow([Action::Append]).resources(["git/commit", "git/join"])];
        let root = Draft::root("git/repository", self.nonce(name, &beginnings)).policies(everyone);
        Ok(root.data(to_map(&Root { name })?).sign(owner)?)
    }

    fn nonce(&self, name: &str, beginnings: &[&str]) -> [u8; 16] {
        let of = [&beginnings.concat(), name].concat();
        half(self.derive("streams 2026 git import nonce v1", beginnings.len(), of.as_bytes()))
    }

    /// The key of a line of work, from 1.
    fn key(&self, email: &[u8], line: usize) -> SigningKey {
        SigningKey::from_bytes(self.derive("streams 2026 git import key v1", line, email))
    }

    /// The salt of the map that tells who wrote a commit.
    fn salt(&self, hash: &str) -> [u8; 16] {
        half(self.derive("streams 2026 git import salt v1", 0, hash.as_bytes()))
    }

    fn derive(&self, context: &str, number: usize, of: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(context);
        hasher.update(&self.0).update(&(number as u64).to_le_bytes()).update(of);
        *hasher.finalize().as_bytes()
    }
}

fn half(bytes: [u8; 32]) -> [u8; 16] {
    *bytes.first_chunk().expect("16 of 32 bytes")
}

/// Leaves a file alone that holds anything but the same stream.
fn ensure_free(path: &Path, root: &Authentic) -> Result<()> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let root = root.object().parts();
    let mut there = vec![0; root.len()];
    let same = file.read_exact(&mut there).is_ok() && there[..] == root[..];
    ensure!(same, "{} exists and is not this stream; choose another file with --out", path.display());
    Ok(())
}

/// What was done.
#[derive(Serialize)]
struct Report {
    stream: String,
    order: String,
    commits: usize,
    /// Commits of which the target had no object.
    new: usize,
    /// Commits of several parents.
    merges: usize,
    /// Objects before commits of more than 16 parents.
    joins: usize,
    /// E-mail addresses.
    authors: usize,
    keys: usize,
    /// Always none: keys beyond the first of each author see to it.
    forks: usize,
    /// Commits of which a parent is missing.
    cut: usize,
    /// Commits whose signatures stay behind.
    signed: usize,
    /// Of the file, where one was written.
    bytes: Option<usize>,
    seconds: f64,
}

impl Report {
    fn print(&self, target: &Target, as_json: bool, out: &mut dyn Write) -> Result<bool> {
        if as_json {
            let mut report = json!(self);
            match target {
                Target::File(path, _) => report["file"] = json!(path),
                Target::Store(location, ..) => report["store"] = json!(location.to_string()),
            }
            writeln!(out, "{report}")?;
            return Ok(true);
        }
        let mut field = |name: &str, number: String, note: &str| {
            let line = format!("  {} {number:>12}  {}", paint(DIM, format!("{name:<9}")), paint(DIM, note));
            writeln!(out, "{}", line.trim_end())
        };
        let further = self.keys - self.authors;
        let forks = match further {
            0 => "nobody worked on two branches at once".to_owned(),
            _ => format!("{} for second lines of work, or objects would fork", paint::count(further, "further one")),
        };
        field("commits", paint::thousands(self.commits), &format!("{} of them", paint::count(self.merges, "merge")))?;
        field("authors", paint::thousands(self.authors), "by e-mail address")?;
        field("keys", paint::thousands(self.keys), &forks)?;
        field("forks", paint::thousands(self.forks), "two objects that follow the same one of their author")?;
        if self.joins > 0 {
            field("joins", paint::thousands(self.joins), "objects before commits of more than 16 parents")?;
        }
        if self.cut > 0 {
            field("cut", paint::thousands(self.cut), "commits of which the repository lacks a parent")?;
        }
        if self.signed > 0 {
            field("signed", paint::thousands(self.signed), "commits whose own signatures stay behind")?;
        }
        let time = Duration::from_secs_f64(self.seconds);
        let rate = format!("{} commits/s, {:.1} s", paint::rate(self.new, time), self.seconds);
        match self.bytes {
            Some(bytes) => field("file", paint::size(bytes), &rate)?,
            None => field("new", paint::thousands(self.new), &format!("commits that the store did not have; {rate}"))?,
        }
        writeln!(out)?;
        writeln!(out, "  {} {}", paint(DIM, "stream   "), paint(ID, &self.stream))?;
        writeln!(out, "  {} {}", paint(DIM, "order    "), self.order)?;
        writeln!(out)?;
        let done = |what: String| format!("{} {} Look into it:", paint(GOOD, "✓"), paint(BOLD, what));
        match target {
            Target::File(path, _) => {
                let file = path.display();
                writeln!(out, "{}", done(format!("{file} is written.")))?;
                writeln!(out, "  streams log {file} --reverse --limit 20")?;
                writeln!(out, "  streams replay {file} --shuffle 3")?;
            }
            Target::Store(location, _, stream) => {
                let (stream, option) = (paint::prefix(stream), location.option());
                writeln!(out, "{}", done(format!("All of it is in {location}.")))?;
                writeln!(out, "  streams log {stream} {option} --reverse --limit 20")?;
                writeln!(out, "  streams verify {stream} {option}")?;
            }
        }
        Ok(true)
    }
}
