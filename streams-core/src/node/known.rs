//! The peers that a node met, and where: its book, kept in the store.

use minicbor::{Decode, Encode};

use super::{Node, NodeError};
use crate::object::author::VerifyingKey;
use crate::sync::messages::{Key, MAX_ADDRESS, MAX_TOLD};

/// How many peers are in the book; the one that was not met for longest gives way.
pub const MAX_KNOWN: usize = 256;

/// Under which name the store keeps the book.
const BOOK: &str = "streams/peers";

/// A peer that was met.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Known {
    /// The key that it proved.
    #[n(0)]
    key: Key,
    /// Where it was met last, as whoever opened the link wrote it; none where it came by itself.
    #[n(1)]
    pub address: Option<String>,
    /// When it was met last, in milliseconds since 1970 UTC.
    #[n(2)]
    pub met: u64,
}

impl Known {
    /// Who it is.
    pub fn peer(&self) -> VerifyingKey {
        self.key.0
    }
}

impl Node {
    /// The peers that were met, the latest first; at most [`MAX_KNOWN`].
    pub async fn peers(&self) -> Result<Vec<Known>, NodeError> {
        let book = self.store.cursor(BOOK).await?;
        // Of another version, it begins anew.
        let mut peers: Vec<Known> = book.and_then(|book| minicbor::decode(&book).ok()).unwrap_or_default();
        peers.sort_by_key(|known| std::cmp::Reverse(known.met));
        Ok(peers)
    }

    /// Takes note of a peer that proved its key.
    pub(super) async fn note_met(&self, peer: VerifyingKey, address: Option<&str>, now: u64) -> Result<(), NodeError> {
        let _one_at_a_time = self.notes.lock().await;
        let mut peers = self.peers().await?;
        let before = peers.iter().position(|known| known.peer() == peer).map(|place| peers.remove(place));
        let address = address.filter(|address| address.len() <= MAX_ADDRESS).map(str::to_owned);
        let address = address.or(before.and_then(|known| known.address));
        peers.insert(0, Known { key: Key(peer), address, met: now });
        peers.truncate(MAX_KNOWN);
        let book = minicbor::to_vec(&peers).expect("a vector takes all");
        Ok(self.store.set_cursor(BOOK, &book).await?)
    }

    /// Where peers were met that may know more, but for the one who asks.
    pub(super) async fn places(&self, but: &VerifyingKey) -> Result<Vec<(VerifyingKey, String)>, NodeError> {
        let others = self.peers().await?.into_iter().filter(|known| known.peer() != *but);
        Ok(others.filter_map(|known| Some((known.peer(), known.address?))).take(MAX_TOLD).collect())
    }
}
