//! Links between peers of Streams over WebSockets: one binary message is one frame.
//!
//! ```
//! # use streams_core::transport::Transport;
//! # use streams_websocket::{Listener, Options};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = Listener::bind("127.0.0.1:0", Options::default()).await?;
//! let url = format!("ws://{}/", listener.address()?);
//! let (one, accepted) = tokio::join!(streams_websocket::connect(&url, Options::default()), listener.accept());
//! let (one, other) = (one?, accepted?);
//!
//! one.send(b"a frame".to_vec()).await?;
//! one.close().await?;
//! assert_eq!(other.recv().await?.as_deref(), Some(&b"a frame"[..]));
//! assert_eq!(other.recv().await?, None);
//! # Ok(()) }
//! ```
//!
//! A task of the runtime drives each link: it sends and receives side by side, pings, and notices when the peer is gone,
//! whether or not somebody waits here. [`WebSocketTransport::upgraded`] makes a link of a connection that an HTTP server
//! has upgraded.
//!
//! # In the clear
//!
//! `ws` hides nothing and has no [channel](Transport::channel): whoever is on the way reads along, and may relay the
//! proofs of a session's keys (spec 10.1). So it stays on this machine, unless [`Options::allow_plain`] lets it out.
//!
//! # Under TLS
//!
//! With the cargo feature `tls`, which is on by default, there is `wss`, by TLS 1.3 alone. Its channel is `tls-exporter` (RFC 9266): 32 bytes that
//! only the two ends of the TLS connection know. Where TLS ends before the peer does, at a proxy, the channels differ and
//! the proofs of a session fail, as they should: see [`Options::bound`] for proxies that are meant to be there, and for
//! browsers, which do not tell these bytes.

#![forbid(unsafe_code)]

mod connect;

mod drive;

mod error;

mod link;

mod listener;

#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use streams_core::transport::MAX_FRAME;
#[cfg(doc)]
use streams_core::transport::Transport;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub use self::connect::connect;
#[cfg(feature = "tls")]
pub use self::connect::connect_trusting;
pub use self::link::{End, WebSocketTransport};
pub use self::listener::Listener;
#[cfg(feature = "tls")]
pub use self::tls::Identity;
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls::pki_types;

/// How patient and how careful a link is.
///
/// ```
/// # use std::time::Duration;
/// # use streams_websocket::Options;
/// let hasty = Options { ping: Duration::from_secs(5), deadline: Duration::from_secs(2), ..Options::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How often the peer is pinged. Twenty seconds, if nothing else is said.
    pub ping: Duration,
    /// How long a connection and its handshakes may take together; how long after a ping nothing at all may come; and
    /// how long a peer may take to see an end. Ten seconds, if nothing else is said.
    pub deadline: Duration,
    /// Whether `ws`, which is not encrypted, may leave this machine. No, if nothing else is said.
    pub allow_plain: bool,
    /// Whether the channel is bound to TLS, where there is TLS. Yes, if nothing else is said. Both ends must say the same:
    /// no, where the other is a browser, or where a proxy ends the TLS. Whoever has the certificate can then relay the
    /// proofs of a session.
    pub bound: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (ping, deadline) = (Duration::from_secs(20), Duration::from_secs(10));
        Self { ping, deadline, allow_plain: false, bound: true }
    }
}

/// How much a link reads at once, and how much of short frames it gathers to write at once.
const BUFFER: usize = 64 << 10;

/// The limits of every link.
fn limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}
