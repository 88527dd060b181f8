//! What of a history is in a store already, so that an import goes on from it.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use serde::Deserialize;
use streams_core::store::Scan;
use streams_core::{ObjectId, StreamId, VerifyingKey};

use crate::paint;
use crate::store::{Opened, wait};

/// How many objects are asked of the store at once.
const PAGE: usize = 1024;

/// The objects of commits.
#[derive(Default)]
pub struct Known {
    /// By the hash of the commit: the object, its generation, and its author. Others may have made objects of it too.
    by_hash: HashMap<String, Vec<(ObjectId, u64, VerifyingKey)>>,
    /// Of each author, the object of the highest generation, and that.
    latest: HashMap<VerifyingKey, (u64, ObjectId)>,
}

impl Known {
    /// Reads what is in a stream of a store.
    pub fn read(store: &Opened, stream: StreamId) -> Result<Self> {
        #[derive(Deserialize)]
        struct Data {
            hash: String,
        }

        let (mut known, mut nameless, mut above) = (Self::default(), 0, 0);
        loop {
            let page = wait(store.page(stream, Scan::Type("git/commit".into(), above), PAGE))?;
            let Some(last) = page.last() else { break };
            above = last.sequence;
            for object in page.iter().map(|stored| &stored.authentic) {
                let (id, generation, author) = (object.id(), object.header().generation(), object.header().author());
                let latest = known.latest.entry(author).or_insert((generation, id));
                *latest = (*latest).max((generation, id));
                match object.object().data_as::<Data>() {
                    Ok(Some(data)) => {
                        known.by_hash.entry(data.hash).or_default().push((id, generation, author));
                    }
                    _ => nameless += 1,
                }
            }
        }
        // An object would be made again of what somebody redacted.
        let count = paint::count(nameless, "commit");
        ensure!(
            nameless == 0,
            "{count} of {stream} were redacted whole, so nobody can tell which commits are there: import into another store"
        );
        Ok(known)
    }

    /// Whether a commit has an object.
    pub fn has(&self, hash: &str) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// The objects of a commit, each with its generation and its author.
    pub fn objects(&self, hash: &str) -> &[(ObjectId, u64, VerifyingKey)] {
        self.by_hash.get(hash).map_or(&[], Vec::as_slice)
    }

    /// The last object of an author.
    pub fn latest(&self, author: &VerifyingKey) -> Option<ObjectId> {
        self.latest.get(author).map(|(_, id)| *id)
    }

    /// The number of authors.
    pub fn authors(&self) -> usize {
        self.latest.len()
    }
}
