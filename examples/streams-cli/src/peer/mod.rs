//! Peers: a store is served to them, made equal with theirs, and kept so; and what is known of them.

mod address;
pub mod evidence;
mod find;
mod outcome;
mod peers;
mod serve;
mod subscribe;
mod sync;
mod told;
mod until;
mod why_not;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Error, Result};
use streams_core::StreamId;
use streams_core::clock::Clock;
use streams_core::node::find::Dial;
use streams_core::node::peers::PeerError;
use streams_core::sync::messages::Why;
use streams_core::sync::questions::End;
use streams_core::transport::Transport;

pub use self::find::{Find, find};
pub use self::peers::{Peers, peers};
pub use self::serve::{Serve, serve};
pub use self::subscribe::{Subscribe, subscribe};
pub use self::sync::{Sync, sync};
pub use self::until::asked_to_end;
pub use self::why_not::{WhyNot, why_not};

use self::address::{Address, Dialer};
use crate::key;
use crate::store::{OnStore, Opened};

/// How a command meets peers.
#[derive(clap::Args)]
pub struct Meets {
    #[command(flatten)]
    on: OnStore,
    /// The key to be known by; by default that of `key new`
    #[arg(long, value_name = "KEYFILE", display_order = 90)]
    key: Option<PathBuf>,
    /// Let ws:// leave this machine. It is not encrypted: whoever is on the way reads all that is sent, and may pose as
    /// either of the two to the other. wss:// and tcp:// need no such leave
    #[arg(long, display_order = 92)]
    allow_plain: bool,
}

/// A peer, and which streams are meant.
#[derive(clap::Args)]
pub struct With {
    #[command(flatten)]
    meets: Meets,
    /// The peer: HOST:PORT, tcp://HOST:PORT, ws://HOST/ or wss://HOST/
    #[arg(value_name = "ADDR")]
    address: Address,
    /// The streams: their ids, or the beginnings of those that are here; by default all that differ
    #[arg(value_name = "STREAM")]
    streams: Vec<String>,
    /// Take in streams that are not here, too
    #[arg(long)]
    take_all: bool,
}

impl Meets {
    /// Opens links to these addresses, and to those that peers tell of.
    fn dialer(&self, named: impl IntoIterator<Item = String>) -> Result<Dialer> {
        Ok(Dialer::new(key::read(self.key.as_deref())?, self.allow_plain, named))
    }
}

impl With {
    /// The streams that are named.
    fn named(&self, store: &Opened) -> Result<Vec<StreamId>> {
        self.streams.iter().map(|wanted| meant(store, wanted)).collect()
    }
}

/// The stream that is meant: by its whole id, whether it is here or not, or by the beginning of one that is here.
fn meant(store: &Opened, wanted: &str) -> Result<StreamId> {
    wanted.parse().or_else(|_| store.find(Some(wanted)))
}

/// A link to a peer that is named.
async fn reach(dialer: &Dialer, address: &Address) -> Result<Arc<dyn Transport>> {
    let link = dialer.dial(&address.to_string()).await;
    link.with_context(|| format!("cannot reach a peer at {address}; `streams serve` makes one"))
}

/// Why a session was ended, whichever side ended it.
fn ended(error: &PeerError) -> Option<Why> {
    match error {
        PeerError::Ended(End::ByPeer(why)) => Some(*why),
        PeerError::Ended(end) => end.why(),
        _ => None,
    }
}

/// What went wrong with a peer, and what is to be done about it.
fn advised(error: PeerError) -> Error {
    let advice = match (&error, ended(&error)) {
        (_, Some(Why::OwnKey)) => "each device needs a key of its own; make one with `streams key new --out`",
        (_, Some(Why::Proof)) => "somebody may be on the way: is there a proxy between the two?",
        (_, Some(Why::Version)) => "one of the two programs is too old for the other",
        (PeerError::Transport(_) | PeerError::Gone, _) => {
            "the link broke; what came before is kept, and the rest comes next time"
        }
        _ => return error.into(),
    };
    Error::from(error).context(advice)
}

/// The clock of this machine; before 1970 it is told as that.
#[derive(Debug)]
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> u64 {
        now().unwrap_or(0)
    }

    async fn until(&self, time: u64) {
        tokio::time::sleep(Duration::from_millis(time.saturating_sub(self.now()))).await;
    }
}

/// The time, in milliseconds since 1970 UTC.
pub fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine is before 1970")?;
    Ok(since.as_millis() as u64)
}
