//! Range reconciliation (spec 10.2): two sides find what one of them lacks, at a cost that grows with the difference and
//! with the logarithm of what both have.
//!
//! Both hold sorted keys of 40 bytes. One tells fingerprints of ranges that cover all keys; the other skips a range whose
//! fingerprint is its own, divides one that is not, and lists its keys where there are few. Nothing is remembered from
//! one message to the next but what was found lacking. A fingerprint is the sum of the keyed hashes of the keys in its
//! range: the key is that of the session, so nobody can choose keys whose sum is another's.
//!
//! The idea is range-based set reconciliation (Aljoscha Meyer, 2022).

use std::collections::BTreeSet;

/// What is reconciled: of an object its generation and id, of a stream what its frontier hashes to and its id.
pub type Key = [u8; KEY_LEN];

/// The bytes of a key.
pub const KEY_LEN: usize = 40;

/// Into how many ranges one is divided.
const BRANCHES: usize = 16;

/// Up to how many keys of a range are listed instead.
const LISTED: usize = 16;

/// The most bytes of ranges in one message.
pub const MAX_RANGES: usize = 64 << 10;

/// When a message has so many bytes, the rest of what is to be said waits for the next.
const FULL: usize = 48 << 10;

/// The most keys that one run finds: the rest is found by the next.
pub const MAX_FOUND: usize = 64 << 10;

/// The most messages of the other side in one run. An honest one needs a few; where there is much to be found, some
/// hundreds.
const MAX_MESSAGES: usize = 512;

const SKIP: u8 = 0;
const FINGERPRINT: u8 = 1;
const LIST: u8 = 2;
const REST: u8 = 3;

/// Stands for the end of all keys, in the place of a length that is shared.
const END: u8 = 0xff;

/// Why ranges are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangesError {
    /// They are cut off, or not ascending, or more than fit a message.
    #[error("the ranges are malformed")]
    Malformed,
    /// The other side does not come to an end.
    #[error("the ranges do not come to an end")]
    Endless,
}

impl RangesError {
    /// The name, as it is in every language.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Endless => "endless",
        }
    }
}

/// One side of a run. It holds 56 bytes a key, and as much as [`MAX_FOUND`] for what it finds.
#[derive(Clone, Debug)]
pub struct Reconcile {
    keys: Vec<Key>,
    /// The sum of all hashes before each key, and behind the last.
    sums: Vec<u128>,
    found: BTreeSet<Key>,
    messages: usize,
}

/// What is said next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The ranges.
    pub ranges: Vec<u8>,
    /// Whether the other side does not answer any more.
    pub is_last: bool,
}

/// What is said of a range of keys.
enum Said {
    Skip,
    Fingerprint(u128),
    /// All keys of the range.
    List(BTreeSet<Key>),
    /// Those that the list did not have.
    Rest(BTreeSet<Key>),
}

impl Reconcile {
    /// Over these keys, in any order. `secret` is the same on both sides, and unknown before the session. O(n log n).
    pub fn new(secret: &[u8; 32], mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let mut sum = 0_u128;
        let mut sums = Vec::with_capacity(keys.len() + 1);
        sums.push(sum);
        for key in &keys {
            let hash = blake3::keyed_hash(secret, key);
            let half: [u8; 16] = hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes");
            sum = sum.wrapping_add(u128::from_le_bytes(half));
            sums.push(sum);
        }
        Self { keys, sums, found: BTreeSet::new(), messages: 0 }
    }

    /// The first message of a run.
    pub fn begin(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.divide(&mut writer, 0, self.keys.len(), None);
        writer.bytes
    }

    /// Takes in a message of the other side, and returns what is to be said; `None` where the run is over. A message
    /// without fingerprints and lists is the last, and is not answered. O(bytes + found · log n).
    pub fn answer(&mut self, message: &[u8]) -> Result<Option<Reply>, RangesError> {
        if message.len() > MAX_RANGES {
            return Err(RangesError::Malformed);
        }
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(RangesError::Endless);
        }
        let (mut reader, mut writer) = (Reader::new(message), Writer::new());
        let (mut at, mut goes_on) = (0, false);
        while let Some((upper, said)) = reader.next()? {
            let end = upper.map_or(self.keys.len(), |upper| at + self.keys[at..].partition_point(|key| *key < upper));
            let asks = matches!(said, Said::Fingerprint(_) | Said::List(_));
            goes_on |= asks;
            if asks && writer.bytes.len() > FULL {
                // What is left is told as one range, and comes back in the next message.
                writer.fingerprint(None, self.sum(at, self.keys.len()));
                self.find_all(at, end, said);
                self.drain(reader, end)?;
                break;
            }
            match said {
                Said::Skip => writer.skip(upper),
                Said::Fingerprint(theirs) if theirs == self.sum(at, end) => writer.skip(upper),
                Said::Fingerprint(_) if end - at <= LISTED => writer.list(LIST, upper, self.keys[at..end].iter()),
                Said::Fingerprint(_) => self.divide(&mut writer, at, end, upper),
                Said::List(theirs) => {
                    self.tell_rest(&mut writer, at, end, upper, &theirs);
                    self.find(at, end, theirs);
                }
                Said::Rest(theirs) => {
                    writer.skip(upper);
                    self.find(at, end, theirs);
                }
            }
            at = end;
        }
        if self.is_full() {
            // An end, wherever the other side is.
            writer = Writer::new();
        }
        let Writer { bytes, asks, .. } = writer;
        Ok(goes_on.then_some(Reply { ranges: bytes, is_last: !asks }))
    }

    /// What the other side has, and this one has not, ascending.
    pub fn found(&self) -> impl ExactSizeIterator<Item = &Key> {
        self.found.iter()
    }

    /// Whether there may be more than was found.
    pub fn is_full(&self) -> bool {
        self.found.len() == MAX_FOUND
    }

    /// The keys of this side, ascending.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn sum(&self, from: usize, to: usize) -> u128 {
        self.sums[to].wrapping_sub(self.sums[from])
    }

    fn find(&mut self, from: usize, to: usize, theirs: BTreeSet<Key>) {
        let new: Vec<Key> = theirs.into_iter().filter(|key| self.keys[from..to].binary_search(key).is_err()).collect();
        let room = MAX_FOUND - self.found.len();
        self.found.extend(new.into_iter().take(room));
    }

    /// Takes what is left of a message that is answered by one range: only what was found counts.
    fn drain(&mut self, mut reader: Reader<'_>, mut at: usize) -> Result<(), RangesError> {
        while let Some((upper, said)) = reader.next()? {
            let end = upper.map_or(self.keys.len(), |upper| at + self.keys[at..].partition_point(|key| *key < upper));
            self.find_all(at, end, said);
            at = end;
        }
        Ok(())
    }

    fn find_all(&mut self, from: usize, to: usize, said: Said) {
        if let Said::List(theirs) | Said::Rest(theirs) = said {
            self.find(from, to, theirs);
        }
    }

    /// Tells a range of our keys as fingerprints of its parts.
    fn divide(&self, writer: &mut Writer, from: usize, to: usize, upper: Option<Key>) {
        let count = to - from;
        let parts = BRANCHES.min(count.max(1));
        for part in 1..=parts {
            let (begin, end) = (from + count * (part - 1) / parts, from + count * part / parts);
            let bound = if part == parts { upper } else { Some(self.between(end)) };
            writer.fingerprint(bound, self.sum(begin, end));
        }
    }

    /// The shortest key, but for zeros, behind the one before this place and not behind the one at it.
    fn between(&self, place: usize) -> Key {
        let (before, at) = (&self.keys[place - 1], &self.keys[place]);
        let shared = before.iter().zip(at).take_while(|(a, b)| a == b).count();
        let mut bound = [0; KEY_LEN];
        bound[..=shared].copy_from_slice(&at[..=shared]);
        bound
    }

    /// Tells those of our keys in a range that the other side did not list; where they are too many for a message, the
    /// rest of the range as a fingerprint.
    fn tell_rest(&self, writer: &mut Writer, from: usize, to: usize, upper: Option<Key>, theirs: &BTreeSet<Key>) {
        let mut rest = Vec::new();
        for (number, key) in self.keys[from..to].iter().enumerate() {
            if theirs.contains(key) {
                continue;
            }
            if writer.bytes.len() + (rest.len() + 2) * KEY_LEN > FULL && !rest.is_empty() {
                writer.list(REST, Some(*key), rest.into_iter());
                writer.fingerprint(upper, self.sum(from + number, to));
                return;
            }
            rest.push(key);
        }
        match rest.is_empty() {
            true => writer.skip(upper),
            false => writer.list(REST, upper, rest.into_iter()),
        }
    }
}

/// Writes ranges: a bound, as what it shares with the one before and the bytes that follow, and what is said.
struct Writer {
    bytes: Vec<u8>,
    last: Key,
    /// The bound of ranges that are skipped, and not written yet.
    skipped: Option<Option<Key>>,
    /// Whether anything of it is to be answered.
    asks: bool,
}

impl Writer {
    fn new() -> Self {
        Self { bytes: Vec::new(), last: [0; KEY_LEN], skipped: None, asks: false }
    }

    fn skip(&mut self, upper: Option<Key>) {
        self.skipped = Some(upper);
    }

    fn bound(&mut self, upper: Option<Key>) {
        if let Some(skipped) = self.skipped.take() {
            self.raw_bound(skipped);
            self.bytes.push(SKIP);
        }
        self.raw_bound(upper);
    }

    fn raw_bound(&mut self, upper: Option<Key>) {
        let Some(upper) = upper else { return self.bytes.push(END) };
        let shared = upper.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        let end = upper.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1).max(shared);
        self.bytes.extend([shared as u8, (end - shared) as u8]);
        self.bytes.extend(&upper[shared..end]);
        self.last = upper;
    }

    fn fingerprint(&mut self, upper: Option<Key>, sum: u128) {
        self.bound(upper);
        self.asks = true;
        self.bytes.push(FINGERPRINT);
        self.bytes.extend(sum.to_le_bytes());
    }

    fn list<'a>(&mut self, kind: u8, upper: Option<Key>, keys: impl ExactSizeIterator<Item = &'a Key>) {
        self.bound(upper);
        self.asks |= kind == LIST;
        self.bytes.push(kind);
        self.bytes.extend((keys.len() as u16).to_be_bytes());
        keys.for_each(|key| self.bytes.extend(key));
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    last: Key,
    ended: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, last: [0; KEY_LEN], ended: false }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], RangesError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(RangesError::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next range: its bound, behind which it has no keys, and what is said of it.
    fn next(&mut self) -> Result<Option<(Option<Key>, Said)>, RangesError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let lower = self.last;
        let upper = self.bound()?;
        let said = match self.take(1)?[0] {
            SKIP => Said::Skip,
            FINGERPRINT => Said::Fingerprint(u128::from_le_bytes(self.take(16)?.try_into().expect("16 bytes"))),
            LIST => Said::List(self.keys(lower, upper)?),
            REST => Said::Rest(self.keys(lower, upper)?),
            _ => return Err(RangesError::Malformed),
        };
        Ok(Some((upper, said)))
    }

    fn bound(&mut self) -> Result<Option<Key>, RangesError> {
        let shared = self.take(1)?[0];
        if self.ended {
            return Err(RangesError::Malformed);
        }
        if shared == END {
            self.ended = true;
            return Ok(None);
        }
        let shared = usize::from(shared);
        let end = shared + usize::from(self.take(1)?[0]);
        if end > KEY_LEN {
            return Err(RangesError::Malformed);
        }
        let mut upper = [0; KEY_LEN];
        upper[..shared].copy_from_slice(&self.last[..shared]);
        upper[shared..end].copy_from_slice(self.take(end - shared)?);
        if upper <= self.last {
            return Err(RangesError::Malformed);
        }
        self.last = upper;
        Ok(Some(upper))
    }

    fn keys(&mut self, lower: Key, upper: Option<Key>) -> Result<BTreeSet<Key>, RangesError> {
        let count = u16::from_be_bytes(self.take(2)?.try_into().expect("2 bytes"));
        let keys = self.take(usize::from(count) * KEY_LEN)?.chunks_exact(KEY_LEN);
        let keys: BTreeSet<Key> = keys.map(|key| Key::try_from(key).expect("a key")).collect();
        let is_outside = |key: &Key| *key < lower || upper.is_some_and(|upper| *key >= upper);
        if keys.iter().any(is_outside) { Err(RangesError::Malformed) } else { Ok(keys) }
    }
}
