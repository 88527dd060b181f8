//! A folder of files: each file is an item, and each content of it a revision.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use std::{fs, io};

use async_trait::async_trait;

use super::{Cursor, End, FetchError, Fetcher, Page, Pages, poison};
use crate::object::{Fetched, Item, Resource};

/// How many files are handed out at once.
const PAGE: usize = 64;

/// How much is handed out at once, in bytes, where that is more than one file.
const PAGE_BYTES: u64 = 8 << 20;

/// The deepest folder.
const MAX_DEPTH: usize = 64;

/// The most files.
const MAX_FILES: usize = 1_000_000;

/// A folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    resource: Resource,
    max: u64,
}

impl Folder {
    /// The fetcher of a resource. Of files above `max` bytes, and of what no object holds, the digest is taken.
    pub fn new(resource: &Resource, max: u64) -> Self {
        Self { path: resource.source.clone().into(), resource: resource.clone(), max }
    }
}

#[async_trait]
impl Fetcher for Folder {
    async fn begin(&self, _: &Cursor, now: u64) -> Result<Box<dyn Pages>, FetchError> {
        let (path, filters) = (self.path.clone(), self.resource.filters.clone().unwrap_or_default());
        let walked = tokio::task::spawn_blocking(move || walk(&path, &filters)).await;
        let files = walked.map_err(|error| FetchError::Transient(error.to_string()))??;
        let (path, resource) = (self.path.clone(), self.resource.clone());
        Ok(Box::new(Files {
            path,
            resource,
            max: self.max,
            files: files.into_iter().collect(),
            at: 0,
            failed: false,
            now,
        }))
    }
}

/// The files below a folder, by their paths there, with `/` between names. Links are not followed; what begins with a dot
/// is left out.
fn walk(root: &Path, filters: &[String]) -> Result<BTreeSet<String>, FetchError> {
    let failed = |path: &Path, error: io::Error| {
        let said = format!("{}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FetchError::Gone(said),
            io::ErrorKind::PermissionDenied => FetchError::Unauthorized(said),
            _ => FetchError::Transient(said),
        }
    };
    let mut files = BTreeSet::new();
    let mut folders = vec![(root.to_owned(), String::new(), 0)];
    while let Some((folder, name, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            // A folder that went while it was walked.
            Err(error) if depth > 0 && error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(&folder, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| failed(&folder, error))?;
            let own = entry.file_name().to_string_lossy().into_owned();
            if own.starts_with('.') {
                continue;
            }
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            match entry.file_type().map_err(|error| failed(&folder, error))? {
                kind if kind.is_dir() && depth < MAX_DEPTH => folders.push((entry.path(), name, depth + 1)),
                kind if kind.is_file() && is_wanted(&name, filters) => drop(files.insert(name)),
                _ => {}
            }
            if files.len() > MAX_FILES {
                return Err(FetchError::Gone(format!(
                    "there are more than {MAX_FILES} files below {}",
                    root.display()
                )));
            }
        }
    }
    Ok(files)
}

/// Whether a path is one of these: `*.md`, `notes/*`, or a whole path. Without any, all are.
fn is_wanted(path: &str, filters: &[String]) -> bool {
    let fits = |filter: &String| match filter.split_once('*') {
        Some((begin, end)) => path.len() >= begin.len() + end.len() && path.starts_with(begin) && path.ends_with(end),
        None => path == filter,
    };
    filters.is_empty() || filters.iter().any(fits)
}

#[derive(Debug)]
struct Files {
    path: PathBuf,
    resource: Resource,
    max: u64,
    files: Vec<String>,
    at: usize,
    /// Whether a file that is there could not be read: then what is not handed out is not known to be gone.
    failed: bool,
    now: u64,
}

#[async_trait]
impl Pages for Files {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        if self.at == self.files.len() {
            return Ok(None);
        }
        let (mut page, mut bytes, mut handed) = (Page::default(), 0, 0);
        while self.at < self.files.len() && handed < PAGE && bytes < PAGE_BYTES {
            let name = &self.files[self.at];
            let (path, max) = (self.path.join(name), self.max);
            (self.at, handed) = (self.at + 1, handed + 1);
            let read = tokio::task::spawn_blocking(move || read(&path, max)).await;
            match read.map_err(|error| FetchError::Transient(error.to_string()))? {
                Ok(file) => {
                    bytes += file.bytes.len() as u64;
                    page.items.push(self.item(name, &file));
                }
                // It went meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.failed = true,
                Err(error) => {
                    self.failed = true;
                    page.poison.push(poison(name, error.to_string(), name.as_bytes()));
                }
            }
        }
        Ok(Some(page))
    }

    fn end(&self) -> End {
        End { complete: self.at == self.files.len() && !self.failed, ..End::default() }
    }
}

/// A file, or what is known of it.
struct Content {
    bytes: Vec<u8>,
    size: u64,
    digest: [u8; 32],
    time: Option<u64>,
}

fn read(path: &Path, max: u64) -> io::Result<Content> {
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    let time = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let (mut bytes, mut hasher) = (Vec::new(), blake3::Hasher::new());
    let mut file = file;
    (&mut file).take(max).read_to_end(&mut bytes)?;
    hasher.update(&bytes);
    // What is behind the limit is hashed alone.
    let mut size = bytes.len() as u64;
    let mut piece = vec![0; 1 << 16];
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => {
                hasher.update(&piece[..read]);
                size += read as u64;
            }
        }
    }
    Ok(Content { bytes, size, digest: *hasher.finalize().as_bytes(), time: time.map(|time| time.as_millis() as u64) })
}

impl Files {
    fn item(&self, name: &str, file: &Content) -> Item {
        let mut item = Item {
            resource: Some(self.resource.key().to_bytes()),
            source: name.to_owned(),
            revision: Some(blake3::Hash::from_bytes(file.digest).to_hex()[..32].to_owned()),
            kind: "file".into(),
            time: file.time,
            title: Some(name.rsplit('/').next().unwrap_or(name).to_owned()),
            fetched: Some(Fetched { at: self.now, from: None, etag: None }),
            ..Item::default()
        };
        item.take_content(&file.bytes);
        if file.size > file.bytes.len() as u64 {
            (item.content, item.size, item.digest) = (None, Some(file.size), Some(file.digest.into()));
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_their_paths() {
        let wanted = |path: &str, filters: &[&str]| {
            is_wanted(path, &filters.iter().map(|filter| (*filter).to_owned()).collect::<Vec<_>>())
        };
        assert!(wanted("a/b.md", &[]) && wanted("a/b.md", &["*.md"]) && wanted("a/b.md", &["a/*"]));
        assert!(wanted("a", &["a"]) && !wanted("ab", &["a"]) && !wanted("a/b.md", &["*.txt", "b/*"]));
        assert!(!wanted("ab", &["ab*b"]), "no part stands for two");
    }
}
