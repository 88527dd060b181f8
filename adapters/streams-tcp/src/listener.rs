//! Where peers open links to.

use std::net::SocketAddr;
use std::time::Duration;

use streams_core::transport::TransportError;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::handshake::Role;
use crate::{Options, TcpTransport, error};

/// How many handshakes may be under way. Who connects meanwhile waits in the system's queue.
const HANDSHAKES: usize = 1024;

/// How long to wait where the system has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Accepts links. Many handshakes go on at once, so a peer that is slow, or is none, keeps nobody waiting.
///
/// Let go of, it listens no more; the links that it accepted stay.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    options: Options,
    handshakes: Mutex<JoinSet<Result<TcpTransport, TransportError>>>,
}

impl Listener {
    /// Listens at an address; port 0 lets the system choose.
    pub async fn bind(address: impl ToSocketAddrs, options: Options) -> Result<Self, TransportError> {
        let listener = TcpListener::bind(address).await.map_err(error::not_bound)?;
        Ok(Self { listener, options, handshakes: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, TransportError> {
        self.listener.local_addr().map_err(error::not_bound)
    }

    /// The next link, or why a connection became none: an error is about that one alone, and others can be accepted.
    /// May be given up while it waits: no connection is lost.
    pub async fn accept(&self) -> Result<TcpTransport, TransportError> {
        let mut handshakes = self.handshakes.lock().await;
        loop {
            tokio::select! {
                Some(shaken) = handshakes.join_next() => {
                    return shaken.expect("a handshake neither panics nor is aborted");
                }
                accepted = self.listener.accept(), if handshakes.len() < HANDSHAKES => match accepted {
                    Ok((stream, _)) => drop(handshakes.spawn(answer(stream, self.options))),
                    Err(source) => {
                        sleep(PAUSE).await;
                        return Err(error::broke(source));
                    }
                },
            }
        }
    }
}

async fn answer(stream: TcpStream, options: Options) -> Result<TcpTransport, TransportError> {
    let answer = crate::link(stream, Role::Answerer, options);
    timeout(options.deadline, answer).await.unwrap_or_else(|_| Err(error::stalled(options.deadline)))
}
