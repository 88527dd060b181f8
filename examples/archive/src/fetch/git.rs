//! A git repository: each commit is an item. The `git` program reads it.

use std::path::PathBuf;
use std::process::Stdio;

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Cursor, End, FetchError, Fetcher, Page, Pages, poison};
use crate::object::{Fetched, Item, Resource};

/// How many commits are read at once.
const PAGE: usize = 200;

/// What is asked of each commit: hash, parents, author, seconds, subject, body, each behind the last.
const FORMAT: &str = "--format=%H%x1f%P%x1f%aN%x1f%at%x1f%s%x1f%b%x1e";

/// A repository of this machine.
#[derive(Clone, Debug)]
pub struct Git {
    path: PathBuf,
    resource: Resource,
}

impl Git {
    /// The fetcher of a resource. Filters are branches; without any, it is what is checked out.
    pub fn new(resource: &Resource) -> Self {
        Self { path: resource.source.clone().into(), resource: resource.clone() }
    }

    /// Git in this repository, whatever the environment says; what the repository would have it run, it does not run.
    async fn ask(&self, args: &[&str], input: &str) -> Result<Vec<u8>, FetchError> {
        let mut command = Command::new("git");
        command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
        command.arg("--no-replace-objects").args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]);
        command.arg("-C").arg(&self.path).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let transient = |error: std::io::Error| FetchError::Transient(format!("git cannot be run: {error}"));
        let mut child = command.spawn().map_err(transient)?;
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        // Who does not read its input ends first.
        tokio::spawn(async move { stdin.write_all(input.as_bytes()).await });
        let output = child.wait_with_output().await.map_err(transient)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = format!("git: {}", said.lines().next().unwrap_or("it failed").trim());
        Err(if self.path.is_dir() { FetchError::Transient(said) } else { FetchError::Gone(said) })
    }
}

#[async_trait]
impl Fetcher for Git {
    async fn begin(&self, cursor: &Cursor, now: u64) -> Result<Box<dyn Pages>, FetchError> {
        if !self.path.is_dir() {
            return Err(FetchError::Gone(format!("{} is not there", self.path.display())));
        }
        let branches = self.resource.filters.clone().unwrap_or_else(|| vec!["HEAD".into()]);
        let mut tips = Vec::new();
        for branch in &branches {
            let branch = format!("{branch}^{{commit}}");
            let tip = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &branch], "").await;
            // A branch without a commit has none yet.
            tips.extend(tip.ok().map(|tip| String::from_utf8_lossy(&tip).trim().to_owned()));
        }
        if tips.is_empty() {
            self.ask(&["rev-parse", "--git-dir"], "").await?;
        }
        let position = tips.join(" ");
        let is_known = cursor.position.as_deref() == Some(position.as_str()) && !cursor.unfinished;
        let hashes = if is_known || tips.is_empty() { Vec::new() } else { self.hashes(&tips, cursor).await? };
        let cursor = Cursor { position: Some(position), ..Cursor::default() };
        Ok(Box::new(Commits { git: self.clone(), hashes, at: 0, now, cursor, is_known }))
    }
}

impl Git {
    /// The commits that are new, each behind its parents.
    async fn hashes(&self, tips: &[String], cursor: &Cursor) -> Result<Vec<String>, FetchError> {
        let known: Vec<&str> = cursor.position.iter().flat_map(|position| position.split_whitespace()).collect();
        let list = async |known: &[&str]| {
            let input = tips.iter().cloned().chain(known.iter().map(|hash| format!("^{hash}")));
            let input = input.map(|line| line + "\n").collect::<String>();
            self.ask(&["rev-list", "--topo-order", "--reverse", "--stdin"], &input).await
        };
        let listed = match list(&known).await {
            // History was written anew, and what was known is gone: all again, of which little is new.
            Err(_) if !known.is_empty() => list(&[]).await,
            listed => listed,
        }?;
        Ok(String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect())
    }
}

#[derive(Debug)]
struct Commits {
    git: Git,
    hashes: Vec<String>,
    at: usize,
    now: u64,
    cursor: Cursor,
    is_known: bool,
}

#[async_trait]
impl Pages for Commits {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        let page = &self.hashes[self.at..self.hashes.len().min(self.at + PAGE)];
        if page.is_empty() {
            return Ok(None);
        }
        let input = page.iter().map(|hash| format!("{hash}\n")).collect::<String>();
        let args = ["log", "--no-walk=unsorted", "--no-color", "--no-show-signature", "-s", FORMAT, "--stdin"];
        let told = self.git.ask(&args, &input).await?;
        self.at += page.len();
        let mut page = Page::default();
        for record in told.split(|byte| *byte == 0x1e) {
            let record = record.strip_prefix(b"\n").unwrap_or(record);
            if record.is_empty() {
                continue;
            }
            match self.item(record) {
                Some(item) => page.items.push(item),
                None => {
                    let hash = String::from_utf8_lossy(&record[..record.len().min(40)]).into_owned();
                    page.poison.push(poison(hash, "git tells of it in another form", record));
                }
            }
        }
        Ok(Some(page))
    }

    fn end(&self) -> End {
        End { cursor: self.cursor.clone(), not_modified: self.is_known, rest: None, complete: false }
    }
}

impl Commits {
    fn item(&self, record: &[u8]) -> Option<Item> {
        let text = String::from_utf8_lossy(record);
        let mut fields = text.splitn(6, '\u{1f}');
        let mut next = || fields.next();
        let (hash, parents, author, seconds, subject, body) = (next()?, next()?, next()?, next()?, next()?, next()?);
        if hash.len() < 40 || !hash.bytes().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        let parents: Vec<String> = parents.split_whitespace().map(str::to_owned).collect();
        let mut item = Item {
            resource: Some(self.git.resource.key().to_bytes()),
            source: hash.to_owned(),
            kind: "commit".into(),
            time: seconds.parse::<u64>().ok().and_then(|seconds| seconds.checked_mul(1000)),
            actor: Some(author.to_owned()).filter(|author| !author.is_empty()),
            title: Some(subject.to_owned()),
            parents: Some(parents).filter(|parents| !parents.is_empty()),
            fetched: Some(Fetched { at: self.now, from: None, etag: None }),
            ..Item::default()
        };
        item.take_content(body.trim_end().as_bytes());
        Some(item)
    }
}
