//! The chains of authors (spec 4.1, 7.3): whose is what, what is the latest of each, and who wrote two things after
//! one.
//!
//! An author's objects stand in lines, each object the previous of the next; a second line begins with a fork. So of a
//! line, what is in anyone's past is always the first so many, and a number tells it.

use std::collections::{BTreeMap, HashMap};

use crate::graph::{Graph, Index};
use crate::keyed::HashKey;
use crate::object::author::{VerifyingKey, author_bytes};
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

#[derive(Clone)]
pub(super) struct Chains {
    by_key: HashMap<[u8; 32], u32, HashKey>,
    chains: Vec<Chain>,
    pub(super) lines: Vec<Line>,
    /// For each object, its line.
    line_of: Vec<u32>,
    forks: BTreeMap<(u32, Option<Index>), Vec<Index>>,
}

/// An author.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) author: VerifyingKey,
    /// The text of the author, as rules have it.
    text: Box<str>,
    /// The author's own object of the largest generation.
    tip: Index,
    /// The author's first object without a previous, roots apart.
    unlinked: Option<Index>,
    /// The numbers of the author's lines.
    pub(super) lines: Vec<u32>,
}

/// Objects of one author, each the previous of the next.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) chain: u32,
    pub(super) objects: Vec<Index>,
}

impl Chains {
    pub(super) fn new(key: HashKey) -> Self {
        Self {
            by_key: HashMap::with_hasher(key),
            chains: Vec::new(),
            lines: Vec::new(),
            line_of: Vec::new(),
            forks: BTreeMap::new(),
        }
    }

    /// Takes note of the newest object of the graph, and tells whether it makes a fork.
    pub(super) fn push(&mut self, graph: &Graph, index: Index, author: VerifyingKey, previous: Option<Index>) -> bool {
        // The previous is of the same author, and at hand.
        let chain = match previous {
            Some(previous) => self.chain_of(previous),
            None => *self.by_key.entry(*author.as_bytes()).or_insert_with(|| {
                let text = author.to_string().into();
                self.chains.push(Chain { author, text, tip: index, unlinked: None, lines: Vec::new() });
                self.chains.len() as u32 - 1
            }),
        };
        let mut forks = false;
        let line = match previous.map(|previous| self.line_of[previous.as_usize()]) {
            Some(line) if self.lines[line as usize].objects.last() == previous.as_ref() => line,
            _ => {
                forks = self.note_fork(chain, index, previous);
                self.lines.push(Line { chain, objects: Vec::new() });
                let line = self.lines.len() as u32 - 1;
                self.chains[chain as usize].lines.push(line);
                line
            }
        };
        self.lines[line as usize].objects.push(index);
        self.line_of.push(line);
        let tip = &mut self.chains[chain as usize].tip;
        if later(graph, index, *tip) {
            *tip = index;
        }
        forks
    }

    /// A line begins behind `previous`: that is a fork, unless nothing else stands there.
    fn note_fork(&mut self, chain: u32, index: Index, previous: Option<Index>) -> bool {
        let first = match previous {
            Some(previous) => {
                let (line, place) = self.place(previous);
                Some(self.lines[line as usize].objects[place as usize + 1])
            }
            None if index == Index::FIRST => None,
            None => {
                let unlinked = &mut self.chains[chain as usize].unlinked;
                let first = *unlinked;
                unlinked.get_or_insert(index);
                first
            }
        };
        if let Some(first) = first {
            self.forks.entry((chain, previous)).or_insert_with(|| vec![first]).push(index);
        }
        first.is_some()
    }

    /// What the newest object, which made a fork or one more branch of one, adds to it: both branches, or the last.
    pub(super) fn news_of_fork(&self, graph: &Graph, author: VerifyingKey, previous: Option<Index>) -> Option<Fork> {
        let branches = self.forks.get(&(self.number(&author)?, previous))?;
        let new = if let [_, _] = branches[..] { &branches[..] } else { &branches[branches.len() - 1..] };
        let mut objects: Vec<ObjectId> = new.iter().map(|index| graph.id(*index)).collect();
        objects.sort_unstable();
        let previous = previous.map(|previous| graph.id(previous));
        Some(Fork { author, previous, objects })
    }

    fn fork_of(&self, graph: &Graph, (&(chain, previous), objects): (&(u32, Option<Index>), &Vec<Index>)) -> Fork {
        let mut objects: Vec<ObjectId> = objects.iter().map(|index| graph.id(*index)).collect();
        objects.sort_unstable();
        let previous = previous.map(|previous| graph.id(previous));
        Fork { author: self.chains[chain as usize].author, previous, objects }
    }

    /// The number of the author of an object.
    pub(super) fn chain_of(&self, index: Index) -> u32 {
        self.lines[self.line_of[index.as_usize()] as usize].chain
    }

    pub(super) fn author(&self, index: Index) -> VerifyingKey {
        self.chains[self.chain_of(index) as usize].author
    }

    /// The text of an object's author.
    pub(super) fn text(&self, index: Index) -> &str {
        &self.chains[self.chain_of(index) as usize].text
    }

    /// The number of an author.
    pub(super) fn number(&self, author: &VerifyingKey) -> Option<u32> {
        self.by_key.get(author.as_bytes()).copied()
    }

    /// The number of the author with this text.
    pub(super) fn by_text(&self, text: &str) -> Option<u32> {
        self.by_key.get(&author_bytes(text).ok()?).copied()
    }

    /// The line of an object, and its place there, from 0.
    pub(super) fn place(&self, index: Index) -> (u32, u32) {
        let line = self.line_of[index.as_usize()];
        let objects = &self.lines[line as usize].objects;
        (line, objects.partition_point(|other| *other < index) as u32)
    }

    /// The latest object of an author.
    pub(super) fn tip(&self, author: &VerifyingKey) -> Option<Index> {
        self.number(author).map(|chain| self.chains[chain as usize].tip)
    }

    pub(super) fn chains(&self) -> &[Chain] {
        &self.chains
    }

    pub(super) fn forks(&self, graph: &Graph) -> Vec<Fork> {
        let mut forks: Vec<Fork> = self.forks.iter().map(|entry| self.fork_of(graph, entry)).collect();
        forks.sort_unstable_by(|a, b| a.objects.cmp(&b.objects));
        forks
    }
}

/// Whether `a` is later than `b` among the objects of one author: by generation, then by id, so that every replica
/// names the same one.
fn later(graph: &Graph, a: Index, b: Index) -> bool {
    (graph.generation(a), graph.id(a)) > (graph.generation(b), graph.id(b))
}
