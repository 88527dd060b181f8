//! Finding who has streams (spec 10.2): one asks the peers that one knows, then the peers that they know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;

use super::Node;
use super::peers::{Meeting, PeerError};
use crate::object::author::VerifyingKey;
use crate::object::id::StreamId;
use crate::shared::Shared;
use crate::sync::questions::Event;
use crate::sync::session::Session;
use crate::transport::{Transport, TransportError};

/// How many peers one search asks.
pub const MAX_ASKED: usize = 32;

/// Opens links to peers, by their addresses.
#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
pub trait Dial: Shared {
    /// A fresh link to whoever is at this address. An address comes from strangers: what it may reach is decided here.
    async fn dial(&self, address: &str) -> Result<Arc<dyn Transport>, TransportError>;

    /// How the peer there is met: with a fresh nonce.
    fn meeting(&self, address: &str) -> Meeting;
}

/// What a search found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Who has which of the streams, by address; who answered that it has none is not in it.
    pub places: BTreeMap<String, (VerifyingKey, Vec<StreamId>)>,
    /// Whom nothing was heard of, and why.
    pub silent: BTreeMap<String, PeerError>,
}

impl Node {
    /// Asks peers who has these streams, at most sixteen: those at the addresses given, those that this node met, and
    /// those that they met; at most [`MAX_ASKED`] in all, and none more when all streams are found. What they say of
    /// others is where to ask, and nothing else.
    pub async fn find(&self, streams: &[StreamId], dial: &dyn Dial, at: &[String]) -> Result<Found, PeerError> {
        let met = self.peers().await?;
        let known = at.iter().cloned().chain(met.into_iter().filter_map(|known| known.address));
        let mut to_ask: VecDeque<String> = known.collect();
        let (mut asked, mut found) = (BTreeSet::new(), Found::default());
        let mut left: BTreeSet<StreamId> = streams.iter().copied().collect();
        while let Some(address) = to_ask.pop_front()
            && asked.len() < MAX_ASKED
            && !left.is_empty()
        {
            if !asked.insert(address.clone()) {
                continue;
            }
            let (mut here, mut others) = (Vec::new(), Vec::new());
            let mut note = |event: &Event| {
                if let Event::Found { here: these, peers } = event {
                    here.extend(these.iter().filter(|stream| streams.contains(stream)).copied());
                    others.extend(peers.iter().map(|(_, address)| address.clone()));
                }
            };
            let mut seek = |session: &mut Session| session.find(streams);
            let met = match dial.dial(&address).await {
                Ok(link) => self.meet(link, dial.meeting(&address), &mut seek, true, &mut note).await,
                Err(error) => Err(error.into()),
            };
            match met {
                Ok(peer) if !here.is_empty() => {
                    left.retain(|stream| !here.contains(stream));
                    found.places.insert(address, (peer, here));
                }
                Ok(_) => {}
                Err(error) => drop(found.silent.insert(address, error)),
            }
            to_ask.extend(others);
        }
        Ok(found)
    }
}
