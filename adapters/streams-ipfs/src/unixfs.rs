//! A file as blocks of IPFS, and a CARv1 file of them: leaves of raw bytes, under nodes that say how long they are.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

/// How many bytes a leaf has.
pub(crate) const LEAF: usize = 1 << 20;

/// How many links a node has at most: as many as Kubo gives it.
const LINKS: usize = 174;

const RAW: u8 = 0x55;
const DAG_PB: u8 = 0x70;

/// A CIDv1 by SHA-256, in its 36 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cid([u8; 36]);

impl Cid {
    fn of(codec: u8, block: &[u8]) -> Self {
        let mut cid = [0; 36];
        cid[..4].copy_from_slice(&[1, codec, 0x12, 0x20]);
        cid[4..].copy_from_slice(&Sha256::digest(block));
        Self(cid)
    }
}

impl std::fmt::Display for Cid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b{}", BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

/// A part of a file: the whole of it, or what a node links to.
#[derive(Clone, Copy, Debug)]
struct Part {
    cid: Cid,
    /// How many bytes of the file.
    bytes: u64,
    /// How many bytes all its blocks have.
    blocks: u64,
}

/// The blocks above the leaves of a file, of which the last is the root; of a file of one leaf, none.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Part,
    nodes: Vec<(Cid, Vec<u8>)>,
}

/// A file whose leaves come one after the other.
#[derive(Debug, Default)]
pub(crate) struct Leaves(Vec<Part>);

impl Leaves {
    /// Takes the next leaf, of [`LEAF`] bytes, the last of fewer.
    pub(crate) fn add(&mut self, leaf: &[u8]) {
        let bytes = leaf.len() as u64;
        self.0.push(Part { cid: Cid::of(RAW, leaf), bytes, blocks: bytes });
    }

    /// What stands above them.
    pub(crate) fn tree(mut self) -> Tree {
        if self.0.is_empty() {
            self.add(&[]);
        }
        let mut nodes = Vec::new();
        let mut parts = self.0;
        while parts.len() > 1 {
            let above = parts.chunks(LINKS).map(|parts| {
                let block = node(parts);
                let cid = Cid::of(DAG_PB, &block);
                let bytes = parts.iter().map(|part| part.bytes).sum();
                let blocks = parts.iter().map(|part| part.blocks).sum::<u64>() + block.len() as u64;
                nodes.push((cid, block));
                Part { cid, bytes, blocks }
            });
            parts = above.collect();
        }
        Tree { root: parts[0], nodes }
    }
}

impl Tree {
    /// The CID of all of it.
    pub(crate) fn root(&self) -> Cid {
        self.root.cid
    }

    /// The same as the one file of a folder, under a name.
    pub(crate) fn in_folder(mut self, name: &str) -> Self {
        let mut block = Vec::new();
        field(&mut block, 2, &link(&self.root, name));
        let mut folder = Vec::new();
        number(&mut folder, 1, 1);
        field(&mut block, 1, &folder);
        let blocks = self.root.blocks + block.len() as u64;
        self.root = Part { cid: Cid::of(DAG_PB, &block), bytes: 0, blocks };
        self.nodes.push((self.root.cid, block));
        self
    }

    /// What a CARv1 file of the tree begins with.
    pub(crate) fn header(&self) -> Vec<u8> {
        let mut block = b"\xa2\x65roots\x81\xd8\x2a\x58\x25\x00".to_vec();
        block.extend(self.root.cid.0);
        block.extend(b"\x67version\x01");
        let mut header = Vec::new();
        varint(&mut header, block.len() as u64);
        header.extend(block);
        header
    }

    /// What it ends with, behind the leaves.
    pub(crate) fn sections(&self) -> Vec<u8> {
        self.nodes.iter().flat_map(|(cid, block)| section(cid, block)).collect()
    }
}

/// A leaf in a CARv1 file.
pub(crate) fn leaf(bytes: &[u8]) -> Vec<u8> {
    section(&Cid::of(RAW, bytes), bytes)
}

fn section(cid: &Cid, block: &[u8]) -> Vec<u8> {
    let mut section = Vec::with_capacity(block.len() + 46);
    varint(&mut section, (cid.0.len() + block.len()) as u64);
    section.extend(cid.0);
    section.extend(block);
    section
}

/// A node of DAG-PB: its links, each with how much is below it, then that it is a file, and how long each part is.
fn node(parts: &[Part]) -> Vec<u8> {
    let mut block = Vec::new();
    for part in parts {
        field(&mut block, 2, &link(part, ""));
    }
    let mut file = Vec::new();
    number(&mut file, 1, 2);
    number(&mut file, 3, parts.iter().map(|part| part.bytes).sum());
    parts.iter().for_each(|part| number(&mut file, 4, part.bytes));
    field(&mut block, 1, &file);
    block
}

/// A link with a name, and with how much is below it.
fn link(part: &Part, name: &str) -> Vec<u8> {
    let mut link = Vec::new();
    field(&mut link, 1, &part.cid.0);
    field(&mut link, 2, name.as_bytes());
    number(&mut link, 3, part.blocks);
    link
}

fn field(to: &mut Vec<u8>, name: u8, bytes: &[u8]) {
    to.push(name << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend(bytes);
}

fn number(to: &mut Vec<u8>, name: u8, number: u64) {
    to.push(name << 3);
    varint(to, number);
}

fn varint(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(size: usize) -> Tree {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
        let mut leaves = Leaves::default();
        bytes.chunks(LEAF).for_each(|leaf| leaves.add(leaf));
        leaves.tree()
    }

    #[test]
    fn a_short_file_is_one_raw_block() {
        let mut leaves = Leaves::default();
        leaves.add(b"hello world");
        let expected = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
        assert_eq!(leaves.tree().root().to_string(), expected);
    }

    /// The CIDs are those that `ipfs-unixfs-importer` of npm gives the same files.
    #[test]
    fn longer_files_have_the_cids_that_others_give_them() {
        for (size, expected) in [
            (0, "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
            (LEAF + 1, "bafybeidjogjfwuhbzwopgd4bn3skcf5m6oz72xshywcndzxgqb623nfclu"),
            (3 * LEAF, "bafybeihzpjrbcpjpzcx4yxh3hasnjidsikmwmsrli7hhamhny5iueulu5a"),
            (175 * LEAF + 5, "bafybeiheov5d34w5522iqnzunlezemww7np624o7qze37s3dbpzulux7g4"),
        ] {
            assert_eq!(tree(size).root().to_string(), expected, "{size} bytes");
        }
    }

    #[test]
    fn folders_have_the_cids_that_others_give_them() {
        for (size, name, expected) in [
            (0, "pack.car", "bafybeigt6qkhaxcfuhefovpk5c4plkzff4vwmnuyix72hrfsupu4myiegq"),
            (11, "pack.car", "bafybeifhu57p53q2spf4bd562ekhjx7lnejjzo7qolmkawxki6eepknh7u"),
            (3 * LEAF, "pack.car", "bafybeiavccff6vchumsdypkvuk33yqsi74jbg2lwnhv7sjflc5ccqk4ery"),
            (175 * LEAF + 5, "a-b.car", "bafybeihkwgp46kl7ixr6wrcfntrul5hlaonyywpaiuqgc7ouchwbfnl4vu"),
        ] {
            assert_eq!(tree(size).in_folder(name).root().to_string(), expected, "{size} bytes as {name}");
        }
    }
}
