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

    /// A draft that follows all that is here. Sign it and [`admit`](Self::admit) it, or [`append`](Self::append) does
    /// all in one.
    pub fn draft(&self, r#type: impl Into<String>, author: &VerifyingKey) -> Draft {
        Draft::event(r#type, self.edges(author))
    }

    /// Writes, signs and admits an object, and gives it back, to be sent to others.
    pub fn append(&mut self, key: &SigningKey, r#type: impl Into<String>, data: Map) -> Result<Authentic, AppendError> {
        let draft = self.draft(r#type, &key.verifying_key()).data(data);
        self.append_draft(key, draft)
    }

    /// Signs and admits a draft that follows what is here.
    pub fn append_draft(&mut self, key: &SigningKey, draft: Draft) -> Result<Authentic, AppendError> {
        let authentic = draft.sign(key)?;
        match self.admit(authentic.clone(), 0)? {
            Ingested::Admitted { .. } | Ingested::Known => Ok(authentic),
            Ingested::Pending { .. } => unreachable!("what is here was cited"),
        }
    }
}
