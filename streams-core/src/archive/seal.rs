//! Seals: behind each group of objects, the block that divides what stands before it into objects, and holds their
//! signatures.

use blake3::Hasher;

use crate::object::author::SIGNATURE_LEN;
use crate::object::codec::Writer;
use crate::object::id::{CID_LEN, ObjectId};
use crate::object::parts::{MAX_MAPS, MAX_SIZE};

/// How many objects have one seal.
pub const MAX_OBJECTS: usize = 1024;

/// How many bytes of sections have one seal: behind the object that reaches them it stands.
pub const MAX_BYTES: usize = 4 << 20;

/// The most bytes of sections that may stand without a seal: those before the last object, and that object, with what
/// the frame adds to each of its blocks.
pub(super) const MAX_UNSEALED: usize = MAX_BYTES + MAX_SIZE + MAX_MAPS * (CID_LEN + 3);

/// What all seals begin with: a map of three entries, of which the first is this one. The name of the last begins with
/// `_`, as that of no map in an object does, so a seal is taken for nothing else (spec 1.3).
const BEGINNING: &[u8] = b"\xa3\x69blocks:au";

/// What stands behind a group of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// For each object, how many blocks of it are there: its own, and those of its maps.
    pub blocks: Vec<u64>,
    /// BLAKE3 over the ids of all these blocks, in their order.
    pub content: [u8; 32],
    /// The signatures of the objects, one behind the other; a hypothetical root has none.
    pub signatures: Vec<u8>,
}

impl Seal {
    /// The block.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(128 + 3 * self.blocks.len() + self.signatures.len());
        writer.map(3);
        writer.text("blocks:au");
        writer.list(self.blocks.len());
        self.blocks.iter().for_each(|count| writer.uint(*count));
        writer.text("content:d");
        writer.bytes(&self.content);
        writer.text("_signatures:d");
        writer.bytes(&self.signatures);
        writer.into_bytes()
    }

    /// Whether a block is a seal, or a damaged one, and no block of an object.
    pub fn is_meant(block: &[u8]) -> bool {
        block.starts_with(BEGINNING) && block.windows(NAME.len()).any(|bytes| bytes == NAME)
    }

    /// The seal of a block, of at least one object and at most [`MAX_OBJECTS`]; `None` where it is none.
    pub fn decode(block: &[u8]) -> Option<Self> {
        let mut decoder = minicbor::Decoder::new(block.strip_prefix(BEGINNING)?);
        let count = decoder.array().ok()?.filter(|count| (1..=MAX_OBJECTS as u64).contains(count))?;
        let blocks = (0..count).map(|_| decoder.u64().ok().filter(|count| (1..=MAX_MAPS as u64).contains(count)));
        let blocks = blocks.collect::<Option<_>>()?;
        (decoder.str().ok()? == "content:d").then_some(())?;
        let content = decoder.bytes().ok()?.try_into().ok()?;
        (decoder.str().ok()? == "_signatures:d").then_some(())?;
        let seal = Self { blocks, content, signatures: decoder.bytes().ok()?.to_vec() };
        // What has other bytes than it would be written with is no seal.
        (seal.signatures.len().is_multiple_of(SIGNATURE_LEN) && seal.encode() == block).then_some(seal)
    }
}

/// The key of the signatures.
const NAME: &[u8] = b"_signatures:d";

impl Seal {
    /// How many blocks it seals.
    pub(super) fn count(&self) -> usize {
        self.blocks.iter().sum::<u64>() as usize
    }

    /// The signature of the object of this number among those that it seals. Where there is one less than there are
    /// objects, the first is a hypothetical root; `None` where they are fewer still, or more.
    pub(super) fn signature(&self, number: usize) -> Option<&[u8]> {
        let unsigned = self.blocks.len().checked_sub(self.signatures.len() / SIGNATURE_LEN).filter(|few| *few <= 1)?;
        match number.checked_sub(unsigned) {
            Some(at) => self.signatures.get(SIGNATURE_LEN * at..SIGNATURE_LEN * (at + 1)),
            None => Some(&[]),
        }
    }
}

/// What [`Seal::content`] is the digest of.
#[derive(Clone, Debug, Default)]
pub(super) struct Content(Hasher);

impl Content {
    pub(super) fn add(&mut self, id: &ObjectId) {
        self.0.update(id.as_bytes());
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}
