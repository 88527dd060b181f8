//! What the `git` program tells of a repository: which commits there are, and their contents.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};

use crate::paint;

/// A repository that is there.
pub struct Repository {
    path: PathBuf,
    /// Its folder, without `.git`.
    pub name: String,
}

/// The commits of a repository, each after its parents, in an order that depends on the commits alone: by height, and
/// then by hash.
#[derive(Default)]
pub struct History {
    /// The hash of each commit.
    pub hashes: Vec<String>,
    /// The parents of each commit that the repository has, by their places in this list, each once.
    pub parents: Vec<Box<[u32]>>,
    /// The height of each commit: one more than that of its highest parent, or 0.
    pub heights: Vec<u32>,
}

impl Repository {
    /// Finds the repository that a folder belongs to.
    pub fn open(path: &Path) -> Result<Self> {
        let repository = Self { path: path.to_owned(), name: String::new() };
        let folder = repository
            .ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])
            .with_context(|| format!("{} is no git repository", path.display()))?;
        let folder = Path::new(folder.trim_end_matches(['\n', '\r']));
        let folder = if folder.ends_with(".git") { folder.parent().unwrap_or(folder) } else { folder };
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { name: name.trim_end_matches(".git").to_owned(), ..repository })
    }

    /// The commits that can be reached from `HEAD`, or from all refs.
    pub fn history(&self, all: bool) -> Result<History> {
        let from = if all { "--all" } else { "HEAD" };
        if !all && self.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).is_err() {
            bail!("{} has no commit at its HEAD: commit something, or import --all", self.path.display());
        }
        let mut command = self.git();
        command.args(["rev-list", "--topo-order", "--reverse", "--parents", from, "--"]).stdout(Stdio::piped());
        let mut git = command.spawn().context("cannot run git")?;
        let mut places: HashMap<String, u32> = HashMap::new();
        let mut history = History::default();
        let spinner = paint::spinner("reading");
        for line in BufReader::new(git.stdout.take().expect("piped")).lines() {
            let line = line?;
            let mut hashes = line.split(' ');
            let hash = hashes.next().unwrap_or_default().to_owned();
            let mut parents = Vec::new();
            for place in hashes.filter_map(|parent| places.get(parent)) {
                if !parents.contains(place) {
                    parents.push(*place);
                }
            }
            places.insert(hash.clone(), u32::try_from(places.len()).context("more commits than can be counted")?);
            history.push(hash, parents.into());
            spinner.inc(1);
        }
        spinner.finish_and_clear();
        ensure!(git.wait()?.success(), "git rev-list failed; what it said stands above");
        ensure!(!history.hashes.is_empty(), "{} has no commits", self.path.display());
        Ok(history.sorted())
    }

    /// Reads these commits, one after another.
    pub fn contents(&self, hashes: Arc<[String]>) -> Result<Contents> {
        let mut command = self.git();
        command.args(["cat-file", "--batch", "--buffer"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut git = command.spawn().context("cannot run git")?;
        let (mut input, output) = (git.stdin.take().expect("piped"), git.stdout.take().expect("piped"));
        // Git ends early only when it fails, which is told where its answers are read.
        thread::spawn(move || hashes.iter().try_for_each(|hash| writeln!(input, "{hash}")));
        Ok(Contents { git, output: BufReader::new(output) })
    }

    /// What git answers to a question.
    fn ask(&self, question: &[&str]) -> Result<String> {
        let output = self.git().args(question).output().context("cannot run git; is it installed?")?;
        if !output.status.success() {
            bail!("git says: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Git in this repository, whatever the environment says, and with the commits as they were made.
    fn git(&self) -> Command {
        let mut command = Command::new("git");
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env("LC_ALL", "C");
        command.arg("--no-replace-objects").arg("-C").arg(&self.path).stdin(Stdio::null());
        command
    }
}

impl History {
    fn push(&mut self, hash: String, parents: Box<[u32]>) {
        let height = parents.iter().map(|parent| self.heights[*parent as usize] + 1).max().unwrap_or(0);
        self.hashes.push(hash);
        self.parents.push(parents);
        self.heights.push(height);
    }

    fn sorted(mut self) -> Self {
        let mut order: Vec<usize> = (0..self.hashes.len()).collect();
        order.sort_unstable_by_key(|&commit| (self.heights[commit], &self.hashes[commit]));
        let mut places = vec![0; order.len()];
        for (place, commit) in (0..).zip(&order) {
            places[*commit] = place;
        }
        let mut sorted = Self::default();
        for commit in order {
            let parents = self.parents[commit].iter().map(|parent| places[*parent as usize]).collect();
            sorted.push(std::mem::take(&mut self.hashes[commit]), parents);
        }
        sorted
    }
}

/// Commits as they are read.
pub struct Contents {
    git: Child,
    output: BufReader<ChildStdout>,
}

impl Contents {
    /// The next commit, as it stands in the repository.
    pub fn next(&mut self) -> Result<Vec<u8>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let size = match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            [_, "commit", size] => size.parse::<usize>()?,
            _ => {
                bail!("git cat-file gives no commit, but {:?}: is the repository whole? `git fsck` tells", line.trim())
            }
        };
        let mut commit = vec![0; size + 1];
        self.output.read_exact(&mut commit).context("git cat-file ended early")?;
        commit.pop(); // the line feed behind it
        Ok(commit)
    }
}

impl Drop for Contents {
    /// Ends git where reading ended early.
    fn drop(&mut self) {
        let _ = self.git.kill();
        let _ = self.git.wait();
    }
}
