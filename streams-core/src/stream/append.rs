//! Writing: what a new object cites, and the way from content to an admitted object.

use super::Stream;
use super::admit::{Ingested, Rejected};
use crate::graph::Index;
use crate::object::authenticate::{Authentic, AuthenticateError};
use crate::object::author::{SigningKey, VerifyingKey};
use crate::object::draft::{Draft, Edges};
use crate::object::header::MAX_PARENTS;
use crate::object::value::Map;

/// Why an object was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// It could not be written: a limit, or a rule of the header.
    #[error(transparent)]
    Draft(#[from] AuthenticateError),
    /// The stream does not take it.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl Stream {
    /// What an object that this author writes now cites: the leaves (where there are more than 16, the effective ones
    /// first, then the last by generation and id), and the author's own latest object (spec 4.1).
    pub fn edges(&self, author: &VerifyingKey) -> Edges {
        let mut leaves: Vec<Index> = self.graph.leaves().collect();
        if leaves.len() > MAX_PARENTS as usize {
            let rank = |leaf: &Index| (self.is_effective_at(*leaf), self.graph.generation(*leaf), self.graph.id(*leaf));
            leaves.sort_unstable_by_key(|leaf| std::cmp::Reverse(rank(leaf)));
            leaves.truncate(MAX_PARENTS as usize);
        }
        let previous = self.chains.tip(author);
        let cited = leaves.iter().copied().chain(previous);
        let generation = cited.map(|index| self.graph.generation(index) + 1).max().expect("a stream has a leaf");
        Edges {
            stream: self.id,
            parents: leaves.into_iter().map(|leaf| self.graph.id(leaf)).collect(),
            previous: previous.map(|index| self.graph.id(index)),
            generation,
        }
    }

    /// A draft that follows all that is here. Sign it and [`admit`](Self::admit) it, or
    /// [`append_draft`](Self::append_draft) does both.
    pub fn draft(&self, r#type: impl Into<String>, author: &VerifyingKey) -> Draft {
        Draft::event(r#type, self.edges(author))
    }

    /// Who holds this key writes.
    ///
    /// ```
    /// # use streams_core::{Draft, HashKey, Map, SigningKey, Stream};
    /// # let alice = SigningKey::from_bytes([1; 32]);
    /// # let mut stream = Stream::open(Draft::root("example.org/list", [0; 16]).sign(&alice)?, HashKey::from_bytes([3; 16]))?;
    /// let milk = stream.by(&alice).append("example.org/list.Added", Map::new())?;
    /// let rice = stream.by(&alice).at(1_795_266_300_000).append("example.org/list.Added", Map::new())?;
    /// assert_eq!([milk, rice].map(|added| added.header().timestamp()), [None, Some(1_795_266_300_000)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn by<'a>(&'a mut self, key: &'a SigningKey) -> Writer<'a> {
        Writer { stream: self, key, timestamp: None }
    }

    /// Signs and admits a draft that follows what is here.
    pub fn append_draft(&mut self, key: &SigningKey, draft: Draft) -> Result<Authentic, AppendError> {
        let authentic = draft.sign(key)?;
        self.fits(&authentic)?;
        match self.admit(authentic.clone(), 0)? {
            Ingested::Admitted { .. } | Ingested::Known => Ok(authentic),
            Ingested::Pending { .. } => unreachable!("what is here was cited"),
        }
    }
}

/// Somebody who writes to a stream: [`Stream::by`]. Each method writes, signs and admits an object, and gives it back,
/// to be sent to others.
#[derive(Debug)]
#[must_use = "nothing is written yet"]
pub struct Writer<'a> {
    pub(super) stream: &'a mut Stream,
    pub(super) key: &'a SigningKey,
    timestamp: Option<u64>,
}

impl Writer<'_> {
    /// With the time that the author claims, in milliseconds since 1970 UTC, on all that is written from here on. It is
    /// told to people; nothing depends on it.
    pub fn at(mut self, milliseconds: u64) -> Self {
        self.timestamp = Some(milliseconds);
        self
    }

    /// Appends an object of this type.
    pub fn append(&mut self, r#type: impl Into<String>, data: Map) -> Result<Authentic, AppendError> {
        let draft = self.draft(r#type).data(data);
        self.append_draft(draft)
    }

    pub(super) fn draft(&self, r#type: impl Into<String>) -> Draft {
        self.at_its_time(self.stream.draft(r#type, &self.key.verifying_key()))
    }

    pub(super) fn at_its_time(&self, draft: Draft) -> Draft {
        match self.timestamp {
            Some(milliseconds) => draft.timestamp(milliseconds),
            None => draft,
        }
    }

    pub(super) fn append_draft(&mut self, draft: Draft) -> Result<Authentic, AppendError> {
        self.stream.append_draft(self.key, draft)
    }
}
