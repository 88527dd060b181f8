//! Lines of work: who continues what, so that nobody's objects fork.
//!
//! An object cites its author's own latest object, and two that cite the same one are a fork (spec 7.3). A person may
//! well have written on two branches at once. So an e-mail address has one key for each of its lines of work, as a
//! person has one for each device: a commit continues the first line whose latest commit is in its past, and begins a
//! new one where there is none. As it cites nothing but what is in its past, no edge is added to those of the
//! repository.
//!
//! That asks for each commit, and for each line of its e-mail address, whether a commit is in the past of another.
//! [`Past`] answers from one depth-first search, first parents first, that numbers commits as it leaves them: what is
//! in the past of a commit was left before it, and what was left between its entering and its leaving is in its past.
//! On the way that a search from the newest commit takes first, along first parents, the two are one and the answer
//! takes two comparisons. From a commit beside that way, the walk goes back along its branch until it meets the way:
//! the cost of an answer is the length of a branch. The search is O(commits + edges).

use std::collections::HashMap;

use streams_core::{SigningKey, VerifyingKey};

/// Answers whether a commit is in the past of another.
pub struct Past {
    parents: Vec<Box<[u32]>>,
    heights: Vec<u32>,
    /// For each commit, its number in the order of leaving.
    left: Vec<u32>,
    /// For each commit, the number of the first that was left since it was entered.
    first: Vec<u32>,
    /// For each commit, the last walk that met it.
    met: Vec<u32>,
    walks: u32,
}

impl Past {
    /// Takes the parents of each commit, by their places, and its height, which is above theirs.
    pub fn new(parents: Vec<Box<[u32]>>, heights: Vec<u32>) -> Self {
        let (left, first) = (vec![u32::MAX; parents.len()], vec![u32::MAX; parents.len()]);
        let mut past = Self { left, first, met: vec![0; parents.len()], walks: 0, parents, heights };
        past.search();
        past
    }

    /// Numbers the commits in the order in which a depth-first search leaves them.
    fn search(&mut self) {
        let mut number = 0;
        for start in (0..self.parents.len() as u32).rev() {
            if self.first[start as usize] != u32::MAX {
                continue;
            }
            self.first[start as usize] = number;
            let mut way = vec![(start, 0)];
            while let Some((commit, next)) = way.last_mut() {
                match self.parents[*commit as usize].get(*next) {
                    Some(parent) => {
                        *next += 1;
                        if self.first[*parent as usize] == u32::MAX {
                            self.first[*parent as usize] = number;
                            way.push((*parent, 0));
                        }
                    }
                    None => {
                        self.left[*commit as usize] = number;
                        number += 1;
                        way.pop();
                    }
                }
            }
        }
    }

    /// The parents of a commit.
    pub fn parents(&self, commit: u32) -> &[u32] {
        &self.parents[commit as usize]
    }

    /// Whether `older` is in the past of `commit`.
    pub fn contains(&mut self, commit: u32, older: u32) -> bool {
        self.walks += 1;
        let wanted = self.left[older as usize];
        let mut ways = vec![commit];
        while let Some(commit) = ways.pop() {
            let at = commit as usize;
            if commit == older || wanted > self.left[at] || self.heights[at] <= self.heights[older as usize] {
                continue;
            }
            if self.first[at] <= wanted {
                return true;
            }
            for &parent in self.parents[at].iter().rev() {
                if parent == older {
                    return true;
                }
                if std::mem::replace(&mut self.met[parent as usize], self.walks) != self.walks {
                    ways.push(parent);
                }
            }
        }
        false
    }
}

/// The lines of work of everybody, by e-mail address.
#[derive(Default)]
pub struct Lines {
    by_email: HashMap<Vec<u8>, Vec<Line>>,
}

struct Line {
    key: SigningKey,
    /// The latest commit; `None` where nothing can continue it.
    tip: Option<u32>,
}

impl Lines {
    /// Takes up a commit that was placed before, with this key; `false` where none of the first so many lines has it.
    /// Commits are given after their parents.
    pub fn resume(
        &mut self,
        commit: u32,
        email: &[u8],
        author: &VerifyingKey,
        most: usize,
        new_key: impl Fn(usize) -> SigningKey,
    ) -> bool {
        let lines = self.of(email);
        let has_key = |line: &Line| line.key.verifying_key() == *author;
        let known = lines.iter().position(has_key);
        // It may be further on, where lines that began before are not met again, or not yet.
        let line = known.or_else(|| {
            let mut further = Vec::new();
            for number in lines.len() + 1..=most {
                further.push(Line { key: new_key(number), tip: None });
                if further.last().is_some_and(has_key) {
                    lines.append(&mut further);
                    return Some(lines.len() - 1);
                }
            }
            None
        });
        if let Some(line) = line {
            lines[line].tip = Some(commit);
        }
        line.is_some()
    }

    /// Ends the lines of which this does not hold: the key, and the latest commit.
    pub fn retain(&mut self, holds: impl Fn(&VerifyingKey, u32) -> bool) {
        for line in self.by_email.values_mut().flatten() {
            line.tip = line.tip.filter(|tip| holds(&line.key.verifying_key(), *tip));
        }
    }

    /// The key of the line that a commit continues, and the commit before it there. Commits are given after their
    /// parents. `new_key` makes the key of a new line from its number; one `is_used` elsewhere is passed over.
    pub fn place(
        &mut self,
        commit: u32,
        email: &[u8],
        past: &mut Past,
        new_key: impl Fn(usize) -> SigningKey,
        is_used: impl Fn(&VerifyingKey) -> bool,
    ) -> (SigningKey, Option<u32>) {
        let lines = self.of(email);
        let continues = |line: &&mut Line| line.tip.is_some_and(|tip| past.contains(commit, tip));
        if let Some(line) = lines.iter_mut().find(continues) {
            return (line.key.clone(), line.tip.replace(commit));
        }
        loop {
            let key = new_key(lines.len() + 1);
            let tip = (!is_used(&key.verifying_key())).then_some(commit);
            lines.push(Line { key: key.clone(), tip });
            if tip.is_some() {
                return (key, None);
            }
        }
    }

    fn of(&mut self, email: &[u8]) -> &mut Vec<Line> {
        if !self.by_email.contains_key(email) {
            self.by_email.insert(email.to_owned(), Vec::new());
        }
        self.by_email.get_mut(email).expect("inserted above")
    }

    /// The number of e-mail addresses.
    pub fn people(&self) -> usize {
        self.by_email.len()
    }

    /// The number of lines, each with a key of its own.
    pub fn len(&self) -> usize {
        self.by_email.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(parents: &[Box<[u32]>]) -> Past {
        let mut heights: Vec<u32> = Vec::new();
        for parents in parents {
            heights.push(parents.iter().map(|parent| heights[*parent as usize] + 1).max().unwrap_or(0));
        }
        Past::new(parents.to_vec(), heights)
    }

    /// Walks everything.
    fn is_ancestor(parents: &[Box<[u32]>], commit: u32, older: u32) -> bool {
        parents[commit as usize].iter().any(|&parent| parent == older || is_ancestor(parents, parent, older))
    }

    #[test]
    fn the_search_agrees_with_a_walk_of_everything() {
        let mut dice = blake3::Hasher::new().finalize_xof();
        let mut roll = |sides: usize| {
            let mut bytes = [0; 2];
            dice.fill(&mut bytes);
            usize::from(u16::from_le_bytes(bytes)) % sides
        };
        for _ in 0..300 {
            let mut parents_before = |commit: usize| {
                let mut parents: Vec<u32> = Vec::new();
                for _ in 0..roll(4).min(commit) {
                    let parent = (commit - 1 - roll(commit.min(6))) as u32;
                    if !parents.contains(&parent) {
                        parents.push(parent);
                    }
                }
                parents.into()
            };
            let parents: Vec<Box<[u32]>> = (0..24).map(&mut parents_before).collect();
            let mut past = graph(&parents);
            for (commit, older) in (0..24).flat_map(|commit| (0..24).map(move |older| (commit, older))) {
                let expected = is_ancestor(&parents, commit, older);
                assert_eq!(past.contains(commit, older), expected, "{older} before {commit} in {parents:?}");
            }
        }
    }

    #[test]
    fn a_second_branch_is_a_second_line() {
        // 0 ── 1 ── 3 ── 4
        //  ╰── 2 ──╯
        let mut past = graph(&[[].into(), [0].into(), [0].into(), [1, 2].into(), [3].into()]);
        let mut lines = Lines::default();
        let mut place = |commit| {
            let new_key = |number| SigningKey::from_bytes([number as u8; 32]);
            let (key, previous) = lines.place(commit, b"ada", &mut past, new_key, |_| false);
            (key.to_bytes()[0], previous)
        };
        assert_eq!([0, 1, 2, 3, 4].map(&mut place), [(1, None), (1, Some(0)), (2, None), (1, Some(1)), (1, Some(3))]);
        assert_eq!((lines.people(), lines.len()), (1, 2));
    }
}
