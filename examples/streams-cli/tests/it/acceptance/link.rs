//! A peer, and a link whose frames are written down before anybody encrypts them.

use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use streams_core::node::peers::{Meeting, Streams};
use streams_core::sync::handshake::Side;
use streams_core::transport::{Transport, TransportError};
use streams_core::{MemoryTransport, SigningKey, StreamId};

use super::world::{World, node, within};

/// A link that writes down what goes over it, both ways.
#[derive(Debug)]
struct Recorded {
    link: MemoryTransport,
    to: Mutex<File>,
}

impl Recorded {
    fn record(&self, frame: &[u8]) {
        self.to.lock().unwrap().write_all(frame).unwrap();
    }
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        self.record(&frame);
        self.link.send(frame).await
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        let frame = self.link.recv().await?;
        frame.iter().for_each(|frame| self.record(frame));
        Ok(frame)
    }

    async fn close(&self) -> Result<(), TransportError> {
        self.link.close().await
    }

    fn channel(&self) -> &[u8] {
        self.link.channel()
    }
}

/// Has a second node take these streams in, into `peer.db`; what went over the link is in `link`.
pub(super) fn sync(world: &World, streams: &[StreamId]) {
    let (one, other) = MemoryTransport::pair(b"the link of a test");
    let one = Recorded { link: one, to: Mutex::new(File::create(world.home.path("link")).unwrap()) };
    let meeting = |side, number| {
        let key = SigningKey::from_bytes([number; 32]);
        Meeting { takes_unknown: true, ..Meeting::new(key, side, [number; 32], world.clock.clone()) }
    };
    within(&world.store(), async |here| {
        let there = node(&world.home.path("peer.db"));
        let serve = here.serve(Arc::new(one), meeting(Side::Answerer, 8), |_| ());
        let sync = there.sync(Arc::new(other), meeting(Side::Opener, 9), Streams::These(streams), |_| ());
        let (served, synced) = tokio::join!(serve, sync);
        served.unwrap();
        synced.unwrap();
        there.store().close().await.unwrap();
    });
}
