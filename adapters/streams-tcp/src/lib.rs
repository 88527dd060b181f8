//! Links between peers of Streams over TCP: nobody on the way reads or changes what they carry.
//!
//! ```
//! # use streams_core::transport::Transport;
//! # use streams_tcp::{Listener, Options};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind("127.0.0.1:0", Options::default()).await?;
//! let address = listener.address()?;
//! let (one, accepted) = tokio::join!(streams_tcp::connect(address, Options::default()), listener.accept());
//! let (one, other) = (one?, accepted?);
//!
//! one.send(b"a frame".to_vec()).await?;
//! one.close().await?;
//! assert_eq!(other.recv().await?.as_deref(), Some(&b"a frame"[..]));
//! assert_eq!(other.recv().await?, None);
//! assert_eq!(one.channel(), other.channel());
//! # Ok(()) }
//! ```
//!
//! # Who is at the other end
//!
//! Nobody in particular, as far as this crate knows: the keys of a connection are drawn for it and forgotten with it.
//! Its handshake hash is the [channel](Transport::channel), over which the session above proves the keys of the two
//! (spec 10.1). Whoever sits between them has a handshake with each, two channels, and proofs that fit neither.
//!
//! # What travels
//!
//! `Noise_XX_25519_ChaChaPoly_SHA256`, with the prologue `streams 2026 tcp v1`. Every Noise message stands behind its
//! length, two bytes, the high one first. The three of the handshake are empty: 32, 96 and 64 bytes. What the others
//! carry is, in order:
//!
//! | | |
//! |---|---|
//! | a frame | its length, four bytes, the high one first; then its bytes, in the same message and as many more as it takes |
//! | the end | `ff ff ff ff`, alone in its message |
//!
//! So an observer learns how much travels when, and a link that was cut is told from one that was closed. SHA-256 and
//! not BLAKE2s, since every language and every browser has it; it is used in the handshake alone.
//!
//! A key is good for 2^64 - 1 messages, which nobody lives to see. The next one is refused as
//! [`Closed`](TransportErrorKind::Closed), so there is no rekeying.

#![forbid(unsafe_code)]

mod error;

mod handshake;

mod link;

mod listener;

mod noise;

mod wire;

use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use streams_core::transport::TransportError;
#[cfg(doc)]
use streams_core::transport::{Transport, TransportErrorKind};
use tokio::net::{TcpStream, ToSocketAddrs};

pub use self::link::TcpTransport;
pub use self::listener::Listener;
pub use self::noise::{Noise, Said};

use self::handshake::Role;

/// What systems take for a silence: Linux counts whole seconds, in fifteen bits.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(32_767);

/// How patient a link is.
///
/// ```
/// # use std::time::Duration;
/// # use streams_tcp::Options;
/// let hasty = Options { deadline: Duration::from_secs(2), ..Options::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long a connection and its handshake may take together, and a peer to take what was sent before
    /// [`close`](Transport::close). Ten seconds, if nothing else is said.
    pub deadline: Duration,
    /// How long a link may be silent before the system asks whether the peer's machine is still there. After three
    /// questions without an answer the link breaks. Thirty seconds, if nothing else is said; at least one second, at
    /// most nine hours.
    pub silence: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), silence: Duration::from_secs(30) }
    }
}

/// Opens a link to whoever listens there.
///
/// Fails as [`Unreachable`](TransportErrorKind::Unreachable) where nobody does, or nobody answers in
/// time; as [`Protocol`](TransportErrorKind::Protocol) where something else answers.
pub async fn connect(address: impl ToSocketAddrs, options: Options) -> Result<TcpTransport, TransportError> {
    let connect = async {
        let stream = TcpStream::connect(address).await.map_err(error::unreachable)?;
        link(stream, Role::Opener, options).await
    };
    tokio::time::timeout(options.deadline, connect).await.unwrap_or_else(|_| Err(error::stalled(options.deadline)))
}

/// Makes a link of a connection. Who calls sets the deadline.
async fn link(mut stream: TcpStream, role: Role, options: Options) -> Result<TcpTransport, TransportError> {
    prepare(&stream, options.silence).map_err(error::broke)?;
    let shaken = handshake::shake(&mut stream, role).await?;
    let peer = stream.peer_addr().map_err(error::broke)?;
    Ok(TcpTransport::new(stream, peer, shaken, options.deadline))
}

fn prepare(stream: &TcpStream, silence: Duration) -> std::io::Result<()> {
    // A frame is written at once: to wait for more would only delay it.
    stream.set_nodelay(true)?;
    let silence = silence.clamp(SHORTEST, LONGEST);
    let keep_alive = TcpKeepalive::new().with_time(silence).with_interval(Duration::from_secs(10));
    #[cfg(not(windows))]
    let keep_alive = keep_alive.with_retries(3);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}
