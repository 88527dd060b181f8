//! The chains of authors (spec 4.1, 7.3): whose is what, what is the latest of each, and who wrote two things after
//! one.

use std::collections::{BTreeMap, HashMap};

use crate::graph::{Graph, Index};
use crate::keyed::HashKey;
use crate::object::author::VerifyingKey;
use crate::object::id::ObjectId;

/// Two or more objects of one author that follow the same object of its own, or none (spec 7.3). It is a fact, not a
/// fault: two devices with one key make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// Who.
    pub author: VerifyingKey,
    /// What they all name as previous.
    pub previous: Option<ObjectId>,
    /// The objects, ascending.
    pub objects: Vec<ObjectId>,
}

pub(super) struct Chains {
    by_key: HashMap<VerifyingKey, u32, HashKey>,
    chains: Vec<Chain>,
    /// For each object, the number of its author's chain.
    chain_of: Vec<u32>,
    /// For each object, the first object that names it as previous; itself where there is none.
    next: Vec<Index>,
    forks: BTreeMap<(u32, Option<Index>), Vec<Index>>,
}

struct Chain {
    author: VerifyingKey,
    /// The author's own object of the largest generation.
    tip: Index,
    /// The author's first object without a previous, roots apart.
    unlinked: Option<Index>,
}

impl Chains {
    pub(super) fn new(key: HashKey) -> Self {
        Self {
            by_key: HashMap::with_hasher(key),
            chains: Vec::new(),
            chain_of: Vec::new(),
            next: Vec::new(),
            forks: BTreeMap::new(),
        }
    }

    /// Takes note of the newest object of the graph.
    pub(super) fn push(&mut self, graph: &Graph, index: Index, author: VerifyingKey, previous: Option<Index>) {
        // The previous is of the same author, and at hand.
        let chain = match previous {
            Some(previous) => self.chain_of[previous.as_usize()],
            None => *self.by_key.entry(author).or_insert_with(|| {
                self.chains.push(Chain { author, tip: index, unlinked: None });
                self.chains.len() as u32 - 1
            }),
        };
        self.chain_of.push(chain);
        self.next.push(index);
        let is_root = index.as_usize() == 0;
        let entry = &mut self.chains[chain as usize];
        if later(graph, index, entry.tip) {
            entry.tip = index;
        }
        if is_root {
            return;
        }
        let first = match previous {
            Some(previous) => {
                let next = &mut self.next[previous.as_usize()];
                let first = (*next != previous).then_some(*next);
                *next = first.unwrap_or(index);
                first
            }
            None => {
                let first = entry.unlinked;
                entry.unlinked.get_or_insert(index);
                first
            }
        };
        if let Some(first) = first {
            self.forks.entry((chain, previous)).or_insert_with(|| vec![first]).push(index);
        }
    }

    pub(super) fn author(&self, index: Index) -> VerifyingKey {
        self.chains[self.chain_of[index.as_usize()] as usize].author
    }

    /// The latest object of an author.
    pub(super) fn tip(&self, author: &VerifyingKey) -> Option<Index> {
        self.by_key.get(author).map(|chain| self.chains[*chain as usize].tip)
    }

    pub(super) fn authors(&self) -> impl ExactSizeIterator<Item = VerifyingKey> {
        self.chains.iter().map(|chain| chain.author)
    }

    pub(super) fn forks(&self, graph: &Graph) -> Vec<Fork> {
        let fork = |(&(chain, previous), objects): (&(u32, Option<Index>), &Vec<Index>)| {
            let mut objects: Vec<ObjectId> = objects.iter().map(|index| graph.id(*index)).collect();
            objects.sort_unstable();
            let previous = previous.map(|previous| graph.id(previous));
            Fork { author: self.chains[chain as usize].author, previous, objects }
        };
        let mut forks: Vec<Fork> = self.forks.iter().map(fork).collect();
        forks.sort_unstable_by(|a, b| a.objects.cmp(&b.objects));
        forks
    }
}

/// Whether `a` is later than `b` among the objects of one author: by generation, then by id, so that every replica
/// names the same one.
fn later(graph: &Graph, a: Index, b: Index) -> bool {
    (graph.generation(a), graph.id(a)) > (graph.generation(b), graph.id(b))
}
