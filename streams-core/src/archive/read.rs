//! Reading: the bytes of an archive in, in pieces of any size, and proven objects out, in one pass.

use std::collections::VecDeque;

use blake3::Hasher;

use super::car::{self, FrameError, HEADER_LEN, Section};
use super::fault::{Damage, Fault};
use super::manifest::Manifest;
use super::seal::{Content, MAX_UNSEALED, Seal};
use super::vouch::Vouching;
use crate::keyed::HashKey;
use crate::object::authenticate::{Authentic, Authenticator};
use crate::object::id::{CID_LEN, ObjectId};
use crate::object::parts::Object;

/// What an archive tells while it is read.
#[derive(Clone, Debug)]
pub enum Event {
    /// What the archive says that is in it.
    Manifest(Manifest),
    /// Objects that have one seal, in their order: each block was hashed, each signature verified or vouched for.
    Objects(Vec<Authentic>),
    /// Something is wrong. What stands elsewhere is read on.
    Fault(Fault),
}

/// Reads an archive. It holds the blocks of one seal, some 10 MiB at most beside what it is given.
///
/// ```
/// # use streams_core::archive::{manifest::Manifest, read::{Event, Reader}, write::Writer};
/// # use streams_core::{Draft, HashKey, SigningKey};
/// # let root = Draft::root("example.org/list", [0; 16]).sign(&SigningKey::from_bytes([7; 32]))?;
/// # let digest = *blake3::hash(root.id().as_bytes()).as_bytes();
/// # let manifest = Manifest { stream: root.id(), count: 1, frontier: digest, order: digest, previous: None };
/// # let mut writer = Writer::new(&manifest);
/// # writer.push(root.object().parts())?;
/// # writer.finish();
/// # let mut file = Vec::new();
/// # writer.take(&mut file);
/// let mut reader = Reader::new(HashKey::from_bytes([1; 16])); // from the operating system's randomness, in earnest
/// let mut objects = 0;
/// for piece in file.chunks(100) {
///     reader.push(piece);
///     while let Some(event) = reader.poll() {
///         match event {
///             Event::Objects(proven) => objects += proven.len(),
///             Event::Manifest(manifest) => assert_eq!(manifest.count, 1),
///             Event::Fault(fault) => panic!("{fault}"),
///         }
///     }
/// }
/// assert!(reader.finish().is_empty());
/// assert_eq!(objects, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Reader {
    authenticator: Authenticator,
    vouching: Option<Vouching>,
    /// Whether what is vouched for needs no signature.
    believes: bool,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins.
    base: u64,
    /// Where in the buffer the next section begins.
    at: usize,
    /// The blocks since the last seal.
    blocks: Vec<Found>,
    next: Next,
    manifest: Option<Manifest>,
    events: VecDeque<Event>,
    /// How many bytes were hashed in search of sections.
    searched: usize,
    /// How many objects the seals tell of, and their ids.
    count: u64,
    order: Hasher,
}

/// What is read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Header,
    /// The block that the header names; where the header is damaged, none is known.
    Manifest(Option<ObjectId>),
    Blocks,
    /// The next section behind one whose length or id is damaged.
    Search,
    /// Nothing: it is no archive, or too damaged.
    Nothing,
}

/// A block in the buffer.
#[derive(Clone, Copy, Debug)]
struct Found {
    id: ObjectId,
    /// Where its section begins.
    section: usize,
    start: usize,
    end: usize,
    /// Whether it hashes to its id.
    is_whole: bool,
    /// Whether it stands for what was passed over, so nothing is known of it.
    is_passed_over: bool,
}

/// The bytes of the longest length of a section.
const MAX_VARINT: usize = 3;

/// How many bytes may be hashed in search of sections, in one archive: damage needs few, and what is made to be searched
/// for long is left alone.
const MAX_SEARCHED: usize = 16 << 20;

impl Reader {
    /// Reads an archive of a stranger: every signature is verified. `key` is unpredictable bytes, as for a stream.
    pub fn new(key: HashKey) -> Self {
        Self {
            authenticator: Authenticator::new(key),
            vouching: None,
            believes: false,
            buffer: Vec::new(),
            base: 0,
            at: 0,
            blocks: Vec::new(),
            next: Next::Header,
            manifest: None,
            events: VecDeque::new(),
            searched: 0,
            count: 0,
            order: Hasher::new(),
        }
    }

    /// Reads an archive that somebody vouched for whom one believes, oneself above all: no signature is verified as long
    /// as the archive is what was vouched for.
    pub fn vouched(key: HashKey, vouching: Vouching) -> Self {
        Self { vouching: Some(vouching), believes: true, ..Self::new(key) }
    }

    /// Reads an archive of which it is to be told whether it is what somebody vouched for. Every signature is verified.
    pub fn comparing(key: HashKey, vouching: Vouching) -> Self {
        Self { vouching: Some(vouching), ..Self::new(key) }
    }

    /// Takes the next bytes of the file. Poll until there is nothing more before the next are given.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.next == Next::Nothing {
            self.base += bytes.len() as u64;
            return;
        }
        let done = self.blocks.first().map_or(self.at, |block| block.section);
        self.buffer.drain(..done);
        self.base += done as u64;
        self.at -= done;
        for block in &mut self.blocks {
            block.section -= done;
            block.start -= done;
            block.end -= done;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What was read; `None` where more bytes are needed to tell.
    pub fn poll(&mut self) -> Option<Event> {
        while self.events.is_empty() && self.step(false) {}
        self.events.pop_front()
    }

    /// The last that is to be told, when all bytes were given: what is wrong with the file as a whole above all.
    pub fn finish(mut self) -> Vec<Event> {
        // What may have been the beginning of a long section was none.
        while self.step(true) {}
        let (end, here) = (self.base + self.buffer.len() as u64, self.base + self.at as u64);
        match self.next {
            Next::Header => self.fault(0, FrameError::Header),
            Next::Manifest(_) => self.fault(here, Damage::Truncated),
            Next::Blocks if here < end => self.fault(here, Damage::Truncated),
            Next::Blocks | Next::Search | Next::Nothing => {}
        }
        self.drop_blocks(self.blocks.len());
        if let (Some(manifest), false) = (self.manifest, self.next == Next::Nothing) {
            let (expected, found) = (manifest.count, self.count);
            if expected != found {
                self.fault(end, Damage::Count { expected, found });
            } else if *self.order.finalize().as_bytes() != manifest.order {
                self.fault(end, Damage::Order);
            }
        }
        self.events.into()
    }

    /// Reads on, and tells whether that was possible with the bytes that are here.
    fn step(&mut self, is_end: bool) -> bool {
        let next = self.next;
        let read = match next {
            Next::Nothing => None,
            Next::Header => self.header(),
            Next::Manifest(root) => self.section().map(|found| self.manifest(root, found)),
            Next::Blocks => self.section().map(|found| self.block(found)),
            Next::Search => self.search(is_end),
        };
        read.is_some() || self.next != next
    }

    fn fault(&mut self, offset: u64, what: impl Into<Damage>) {
        self.events.push_back(Event::Fault(Fault { offset, what: what.into() }));
    }

    fn header(&mut self) -> Option<()> {
        let header = self.buffer.get(..HEADER_LEN)?;
        let root = car::root(header);
        if let Err(error) = root {
            self.fault(0, error);
        }
        self.at = HEADER_LEN;
        self.next = Next::Manifest(root.ok());
        Some(())
    }

    /// The next section, if it is here whole. Where the frame is damaged, that is the end.
    fn section(&mut self) -> Option<Found> {
        match car::section(&self.buffer[self.at..]) {
            Ok(section) => section.map(|Section { id, start, end }| {
                let (section, start, end) = (self.at, self.at + start, self.at + end);
                let is_whole = ObjectId::of_block(&self.buffer[start..end]) == id;
                self.at = end;
                Found { id, section, start, end, is_whole, is_passed_over: false }
            }),
            Err(error) => {
                // Where the header is none either, it is no archive at all, which was told.
                if self.next != Next::Manifest(None) {
                    self.fault(self.base + self.at as u64, error);
                }
                self.next = if self.next == Next::Blocks { Next::Search } else { Next::Nothing };
                None
            }
        }
    }

    /// Looks for the next section that hashes to its id, behind one of which it is not known where it ends. Where bytes
    /// are lacking to tell whether something is a section, more are waited for, unless there are none.
    fn search(&mut self, is_end: bool) -> Option<()> {
        let beginning = car::ID_BEGINNING;
        while let Some(place) = self.buffer[self.at + 1..].windows(beginning.len()).position(|bytes| bytes == beginning)
        {
            let id = self.at + 1 + place;
            for start in (id.saturating_sub(MAX_VARINT).max(self.at + 1)..id).rev() {
                let section = match car::section(&self.buffer[start..]) {
                    Ok(Some(section)) if start + section.start == id + CID_LEN => section,
                    Ok(None) if !is_end => {
                        self.at = start - 1;
                        return None;
                    }
                    _ => continue,
                };
                if self.is_section(start, section)? {
                    self.pass_over(start);
                    return Some(());
                }
            }
            self.at = id;
        }
        // What is at the end may be the beginning of one.
        self.at = self.at.max(self.buffer.len().saturating_sub(MAX_VARINT + beginning.len()));
        self.bound_unsealed(self.at);
        None
    }

    /// Whether the block of what looks like a section hashes to its id; `None` where enough was tried.
    fn is_section(&mut self, start: usize, section: Section) -> Option<bool> {
        let block = &self.buffer[start + section.start..start + section.end];
        self.searched += block.len();
        if self.searched > MAX_SEARCHED {
            self.next = Next::Nothing;
            return None;
        }
        Some(ObjectId::of_block(block) == section.id)
    }

    /// Goes on at a section behind what was damaged, which was most likely one block.
    fn pass_over(&mut self, start: usize) {
        let (section, id) = (self.at, ObjectId::from_bytes([0; 32]));
        self.blocks.push(Found { id, section, start, end: start, is_whole: false, is_passed_over: true });
        self.at = start;
        self.next = Next::Blocks;
    }

    fn manifest(&mut self, root: Option<ObjectId>, found: Found) {
        let offset = self.base + found.section as u64;
        let manifest = Manifest::decode(&self.buffer[found.start..found.end]);
        self.next = Next::Blocks;
        match manifest {
            _ if !found.is_whole => self.fault(offset, Damage::Block { id: found.id }),
            Ok(manifest) => {
                if root.is_some_and(|root| root != found.id) {
                    self.fault(0, Damage::Root);
                }
                self.manifest = Some(manifest);
                self.events.push_back(Event::Manifest(manifest));
            }
            Err(error) => {
                self.fault(offset, error);
                // A file that has neither is something else.
                if root.is_none() || error == super::manifest::ManifestError::Newer {
                    self.next = Next::Nothing;
                }
            }
        }
        if self.vouching.as_ref().is_some_and(|vouching| !found.is_whole || vouching.archive() != found.id) {
            self.vouching = None;
            self.fault(offset, Damage::Vouching);
        }
    }

    fn block(&mut self, found: Found) {
        let offset = self.base + found.section as u64;
        if !found.is_whole {
            self.fault(offset, Damage::Block { id: found.id });
        } else if Seal::is_meant(&self.buffer[found.start..found.end]) {
            match Seal::decode(&self.buffer[found.start..found.end]) {
                Some(seal) => self.seal(&seal, found),
                None => self.fault(offset, Damage::Seal { id: found.id }),
            }
            return;
        }
        self.bound_unsealed(found.end);
        self.blocks.push(found);
    }

    /// Gives up what no seal divides, where it is too much. Where a seal was damaged, what it sealed stands before what
    /// the next one seals, so it may be twice as much as usual.
    fn bound_unsealed(&mut self, end: usize) {
        if self.blocks.first().is_some_and(|first| end - first.section > 2 * MAX_UNSEALED) {
            self.drop_blocks(self.blocks.len());
        }
    }

    /// Gives up the first so many blocks, which no seal divides.
    fn drop_blocks(&mut self, count: usize) {
        if count > 0 {
            let offset = self.base + self.blocks[0].section as u64;
            self.blocks.drain(..count);
            self.fault(offset, Damage::Unsealed { blocks: count as u64 });
        }
    }

    fn seal(&mut self, seal: &Seal, found: Found) {
        let (offset, objects) = (self.base + found.section as u64, seal.blocks.len() as u64);
        self.count_passed_over(seal);
        let more = self.blocks.len().checked_sub(seal.count());
        let sealed = &self.blocks[more.unwrap_or(0)..];
        let mut content = Content::default();
        sealed.iter().for_each(|block| content.add(&block.id));
        let is_whole = more.is_some() && content.digest() == seal.content;
        if !is_whole {
            self.fault(offset, Damage::Content { objects });
        }
        match more {
            // How these blocks were divided into objects cannot be told.
            Some(more) if is_whole || more == 0 => self.drop_blocks(more),
            _ => return self.blocks.clear(),
        }
        let is_vouched = self.vouching.as_mut().is_some_and(|vouching| is_whole && vouching.covers(&found.id));
        if !is_vouched && self.vouching.take().is_some() {
            self.fault(offset, Damage::Vouching);
        }
        self.count += objects;
        let objects = self.objects(seal);
        let proven = self.prove(objects, is_vouched && self.believes);
        if !proven.is_empty() {
            self.events.push_back(Event::Objects(proven));
        }
        self.blocks.clear();
    }

    /// Where a length was damaged so that its section ended too early, what was passed over is the rest of it, and no
    /// block of its own.
    fn count_passed_over(&mut self, seal: &Seal) {
        if self.blocks.len() == seal.count() + 1 {
            let rest = self.blocks.windows(2).position(|pair| !pair[0].is_whole && pair[1].is_passed_over);
            rest.map(|place| self.blocks.remove(place + 1));
        }
    }

    /// The objects of the blocks that have a seal, and where each begins.
    fn objects(&mut self, seal: &Seal) -> Vec<(u64, Object)> {
        let found = std::mem::take(&mut self.blocks);
        let mut rest = &found[..];
        let mut objects = Vec::with_capacity(seal.blocks.len());
        let mut blocks: Vec<(ObjectId, &[u8])> = Vec::new();
        for (number, count) in seal.blocks.iter().enumerate() {
            let (own, behind) = rest.split_at(*count as usize);
            rest = behind;
            let first = own[0];
            self.order.update(first.id.as_bytes());
            if !first.is_whole {
                continue;
            }
            blocks.clear();
            let whole = own.iter().filter(|block| block.is_whole);
            blocks.extend(whole.map(|block| (block.id, &self.buffer[block.start..block.end])));
            let signature = seal.signature(number).unwrap_or_default();
            let object = if blocks.len() == own.len() {
                Object::from_blocks(&blocks, signature)
            } else {
                // What is damaged stands redacted, with what is below it.
                let maps: Vec<&[u8]> = blocks[1..].iter().map(|(_, map)| *map).collect();
                Object::from_blocks(&blocks[..1], signature).map(|object| object.restore(&maps))
            };
            let offset = self.base + first.section as u64;
            match object {
                Ok(object) => objects.push((offset, object)),
                Err(unsound) => {
                    let what = Damage::Object { id: first.id, reason: unsound.into() };
                    self.events.push_back(Event::Fault(Fault { offset, what }));
                }
            }
        }
        objects
    }

    /// The objects that are authentic, and of the stream of the manifest.
    fn prove(&mut self, objects: Vec<(u64, Object)>, is_vouched: bool) -> Vec<Authentic> {
        let (places, objects): (Vec<_>, Vec<_>) =
            objects.into_iter().map(|(offset, object)| ((offset, object.id()), object)).unzip();
        let proven = if is_vouched {
            objects.into_iter().map(|object| self.authenticator.verified_before(object)).collect()
        } else {
            self.authenticator.authenticate_batch(objects)
        };
        let stream = self.manifest.map(|manifest| manifest.stream);
        let mut authentic = Vec::with_capacity(proven.len());
        for ((offset, id), proven) in places.into_iter().zip(proven) {
            match proven {
                Ok(proven) => {
                    let own = proven.header().stream().unwrap_or(id);
                    if stream.is_none_or(|stream| stream == own) {
                        authentic.push(proven);
                    } else {
                        self.fault(offset, Damage::OtherStream { id });
                    }
                }
                Err(reason) => self.fault(offset, Damage::Object { id, reason }),
            }
        }
        authentic
    }
}
