//! A git repository as a stream: real history, whose merges are a real graph.
//!
//! The root, of type `git/repository`, is signed by the importer and lets everyone append. Each commit becomes an
//! object of type `git/commit`, whose parents are the objects of the commit's parents, or the root where it has none:
//! so histories that began apart meet in the root. Its author is a stand-in: a key that follows from the importer's
//! secret, the author's e-mail address, and the line of work ([`past`]) where somebody worked on two branches at once.
//! Nothing is random, so the same commits and the same secret give the same bytes. (More commits, later, have the same
//! root; but who worked beside the new ones may get other keys there. So an import is made anew, and never continued.)
//!
//! - A commit of more than 16 parents stands behind joins, objects of type `git/join` of the same author without data:
//!   the first joins the 16 parents of the highest generations, each further one the join before it and 15 more. So
//!   each edge of the repository is a path, and each path between commits is one of the repository.
//! - In a shallow clone, a commit whose parents are missing stands on those that are there, or on the root. The hashes
//!   of all its parents are in its data.
//! - Text that is not UTF-8 is kept twice: to be read, with a sign for what cannot be, and as bytes, in `…_raw:d`.
//! - Not taken over: files, the committer's name and e-mail address, signatures and tags.

mod commit;
mod git;
mod past;

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::json;
use streams_core::{Action, Authentic, Draft, Edges, HashKey, ObjectId, Rule, SigningKey, Stream, to_map};

use self::commit::Commit;
use self::git::{History, Repository};
use self::past::{Lines, Past};
use crate::paint::{self, BOLD, DIM, GOOD, ID, paint};
use crate::{key, write};

/// The most parents of an object (spec 1.5).
const MAX_PARENTS: usize = 16;

/// Makes a stream of a git repository.
#[derive(clap::Args)]
#[command(after_help = "Each commit becomes a signed object, with the edges of the repository. Authors get stand-in \
keys that follow from your key and their e-mail addresses, so importing again gives the same bytes. Names and e-mail \
addresses can be redacted later. Files, signatures and tags stay behind.

Examples:
  streams import git .
  streams import git ~/src/linux --all --out linux.streams")]
pub struct Git {
    /// The repository
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The stream file to write; by default the name of the repository and .streams
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
    let file = args.out.clone().unwrap_or_else(|| format!("{}.streams", repository.name).into());
    let History { hashes, parents, heights } = repository.history(args.all)?;
    let owner = key::read_or_create(args.key.as_deref())?;
    let past = Past::new(parents, heights);

    let mut import = Import::begin(&repository.name, &hashes, past, &owner)?;
    ensure_free(&file, &import.stream)?;
    let hashes: Arc<[String]> = hashes.into();
    let mut contents = repository.contents(Arc::clone(&hashes))?;
    let bar = paint::bar("signing", hashes.len());
    for hash in hashes.iter() {
        let bytes = contents.next()?;
        let commit = Commit::parse(&bytes).with_context(|| format!("commit {hash} cannot be read"))?;
        import.commit(hash, &commit).with_context(|| format!("commit {hash} cannot become an object"))?;
        bar.inc(1);
    }
    bar.finish_and_clear();

    let bytes = write::whole(&file, &import.stream)?;
    import.report(bytes, start.elapsed()).print(&file, args.json, out)
}

/// A stream that is being made.
struct Import {
    secret: Secret,
    past: Past,
    lines: Lines,
    stream: Stream,
    /// For each commit so far, its object and the generation of that.
    objects: Vec<(ObjectId, u64)>,
    merges: usize,
    joins: usize,
    cut: usize,
    signed: usize,
}

impl Import {
    /// Signs the root. Its nonce follows from the name and from the commits with which history begins, so a later
    /// import of the same repository has the same root.
    fn begin(name: &str, hashes: &[String], past: Past, owner: &SigningKey) -> Result<Self> {
        #[derive(Serialize)]
        struct Root<'a> {
            name: &'a str,
        }

        let secret = Secret(owner.to_bytes());
        let beginnings = (0..).zip(hashes).filter(|(commit, _)| past.parents(*commit).is_empty());
        let beginnings: Vec<&str> = beginnings.map(|(_, hash)| hash.as_str()).collect();
        let everyone =
            [Rule::allow([Action::Read]), Rule::allow([Action::Append]).resources(["git/commit", "git/join"])];
        let root = Draft::root("git/repository", secret.nonce(name, &beginnings))
            .policies(everyone)
            .data(to_map(&Root { name })?)
            .sign(owner)?;
        let stream = Stream::open(root, HashKey::from_bytes(key::random()?))?;
        let (lines, objects) = (Lines::default(), Vec::with_capacity(hashes.len()));
        Ok(Self { secret, past, lines, stream, objects, merges: 0, joins: 0, cut: 0, signed: 0 })
    }

    /// Signs the next commit, which comes after its parents.
    fn commit(&mut self, hash: &str, commit: &Commit<'_>) -> Result<()> {
        let place = self.objects.len() as u32;
        let email = commit.author.email;
        let (key, before) = self.lines.place(place, email, &mut self.past, |line| self.secret.key(email, line));
        let mut previous = before.map(|commit| self.objects[commit as usize]);

        let mut parents: Vec<_> =
            self.past.parents(place).iter().map(|parent| self.objects[*parent as usize]).collect();
        self.merges += usize::from(parents.len() > 1);
        self.cut += usize::from(parents.len() < commit.parents.len());
        self.signed += usize::from(commit.signed);
        if parents.is_empty() {
            parents.push((self.stream.id(), 0));
        }
        parents.sort_unstable_by_key(|(_, generation)| std::cmp::Reverse(*generation));
        while parents.len() > MAX_PARENTS {
            let rest = parents.split_off(MAX_PARENTS);
            let join = self.append(&key, Draft::event("git/join", self.edges(&parents, previous)))?;
            parents = [vec![join], rest].concat();
            previous = Some(join);
            self.joins += 1;
        }

        let draft = Draft::event("git/commit", self.edges(&parents, previous));
        let mut draft = draft.data(commit.data(hash, self.secret.salt(hash))?);
        let milliseconds = commit.committer.time.and_then(|seconds| u64::try_from(seconds).ok()?.checked_mul(1000));
        if let Some(milliseconds) = milliseconds {
            draft = draft.timestamp(milliseconds);
        }
        let object = self.append(&key, draft)?;
        self.objects.push(object);
        Ok(())
    }

    fn edges(&self, parents: &[(ObjectId, u64)], previous: Option<(ObjectId, u64)>) -> Edges {
        let above = parents.iter().chain(&previous).map(|(_, generation)| *generation).max();
        Edges {
            stream: self.stream.id(),
            parents: parents.iter().map(|(id, _)| *id).collect(),
            previous: previous.map(|(id, _)| id),
            generation: above.expect("at least one parent") + 1,
        }
    }

    fn append(&mut self, key: &SigningKey, draft: Draft) -> Result<(ObjectId, u64)> {
        let object: Authentic = draft.sign(key)?;
        let appended = (object.id(), object.header().generation());
        self.stream.admit(object, 0)?;
        Ok(appended)
    }

    fn report(&self, bytes: usize, time: Duration) -> Report {
        Report {
            stream: self.stream.id().to_string(),
            order: paint::hex(&self.stream.order_digest()),
            commits: self.objects.len(),
            merges: self.merges,
            joins: self.joins,
            authors: self.lines.people(),
            keys: self.lines.len(),
            forks: self.stream.forks().len(),
            cut: self.cut,
            signed: self.signed,
            bytes,
            seconds: time.as_secs_f64(),
        }
    }
}

/// The importer's secret, from which everything follows that nobody else may guess.
struct Secret([u8; 32]);

impl Secret {
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
fn ensure_free(path: &Path, stream: &Stream) -> Result<()> {
    let Ok(mut file) = File::open(path) else { return Ok(()) };
    let root = stream.entry(&stream.id()).expect("a stream has its root");
    let root = root.authentic.object().parts();
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
    bytes: usize,
    seconds: f64,
}

impl Report {
    fn print(&self, file: &Path, as_json: bool, out: &mut dyn Write) -> Result<bool> {
        if as_json {
            let mut report = json!(self);
            report["file"] = json!(file);
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
        let rate = format!("{} commits/s, {:.1} s", paint::rate(self.commits, time), self.seconds);
        field("file", paint::size(self.bytes), &rate)?;
        writeln!(out)?;
        writeln!(out, "  {} {}", paint(DIM, "stream   "), paint(ID, &self.stream))?;
        writeln!(out, "  {} {}", paint(DIM, "order    "), self.order)?;
        writeln!(out)?;
        let file = file.display();
        writeln!(out, "{} {} Look into it:", paint(GOOD, "✓"), paint(BOLD, format!("{file} is written.")))?;
        writeln!(out, "  streams log {file} --reverse --limit 20")?;
        writeln!(out, "  streams replay {file} --shuffle 3")?;
        Ok(true)
    }
}
