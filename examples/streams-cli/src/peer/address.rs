//! Addresses of peers: how one is reached, and where one listens.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use streams_core::SigningKey;
use streams_core::node::find::Dial;
use streams_core::node::peers::Meeting;
use streams_core::sync::handshake::Side;
use streams_core::transport::{Transport, TransportError, TransportErrorKind};
use streams_websocket::Identity;

use super::SystemClock;
use crate::key;

/// How many bytes of certificates and keys are read.
const MAX_PEM: u64 = 1 << 20;

/// The address of a peer: `HOST:PORT`, `tcp://HOST:PORT`, `ws://HOST/` or `wss://HOST/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    scheme: Scheme,
    host: String,
    port: u16,
    /// What stands behind, of a URL.
    path: String,
}

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    /// TCP under Noise.
    Tcp,
    /// WebSockets in the clear.
    Ws,
    /// WebSockets under TLS.
    Wss,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    const fn usual_port(self) -> Option<u16> {
        match self {
            Self::Tcp => None,
            Self::Ws => Some(80),
            Self::Wss => Some(443),
        }
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = match text.split_once("://") {
            None | Some(("tcp", _)) => (Scheme::Tcp, text.strip_prefix("tcp://").unwrap_or(text)),
            Some(("ws", rest)) => (Scheme::Ws, rest),
            Some(("wss", rest)) => (Scheme::Wss, rest),
            Some((other, _)) => bail!("peers are reached by tcp, ws or wss, and not by {other}"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // An IPv6 address stands in brackets.
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let (host, port) = match port {
            Some((host, port)) => (host, Some(port.parse().with_context(|| format!("{port} is no port"))?)),
            None => (authority, scheme.usual_port()),
        };
        let port = port.with_context(|| format!("{text} lacks a port: peers usually listen at {host}:7700"))?;
        let is_host = host.starts_with('[') && host.ends_with(']') || !host.contains([':', '@', ' ']);
        ensure!(
            is_host && !host.is_empty(),
            "{text} names no host: an address is as 192.0.2.7:7700 or wss://example.org/"
        );
        ensure!(scheme != Scheme::Tcp || path.len() < 2, "{text} has a path, and only ws and wss have one");
        let path = if scheme == Scheme::Tcp { String::new() } else { path.to_owned() };
        Ok(Self { scheme, host: host.to_owned(), port, path })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port, path } = self;
        write!(f, "{}://{host}:{port}", scheme.name())?;
        f.write_str(if *scheme != Scheme::Tcp && path.is_empty() { "/" } else { path })
    }
}

impl Address {
    /// Opens a link to whoever listens there.
    pub async fn connect(&self, allow_plain: bool) -> Result<Arc<dyn Transport>, TransportError> {
        match self.scheme {
            Scheme::Tcp => Ok(Arc::new(streams_tcp::connect(self.authority(), streams_tcp::Options::default()).await?)),
            Scheme::Ws | Scheme::Wss => {
                let options = streams_websocket::Options { allow_plain, ..Default::default() };
                let link = streams_websocket::connect(&self.to_string(), options).await;
                Ok(Arc::new(link.map_err(|error| self.advise(error, allow_plain))?))
            }
        }
    }

    /// Listens there.
    pub async fn listen(&self, allow_plain: bool, identity: Option<Identity>) -> Result<Listener> {
        let options = streams_websocket::Options { allow_plain, ..Default::default() };
        let listener = match (self.scheme, identity) {
            (Scheme::Tcp, _) => {
                let listener = streams_tcp::Listener::bind(self.authority(), streams_tcp::Options::default());
                listener.await.map(Listener::Tcp)
            }
            (Scheme::Ws, _) => {
                let listener = streams_websocket::Listener::bind(self.authority(), options).await;
                listener.map(Listener::Ws).map_err(|error| self.advise(error, allow_plain))
            }
            (Scheme::Wss, Some(identity)) => {
                let listener = streams_websocket::Listener::bind_tls(self.authority(), identity, options);
                listener.await.map(Listener::Wss)
            }
            (Scheme::Wss, None) => bail!("wss needs a certificate: --certificate and --certificate-key name its files"),
        };
        listener.with_context(|| format!("cannot listen at {self}"))
    }

    fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it leads to this machine itself, as far as its text tells.
    fn is_loopback(&self) -> bool {
        let address = self.host.trim_matches(['[', ']']).parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
    }

    /// What is to be done about a link in the clear, in the words of the command line.
    fn advise(&self, error: TransportError, allow_plain: bool) -> TransportError {
        match self.scheme == Scheme::Ws && !allow_plain && error.kind() == TransportErrorKind::Other {
            true => {
                let advice = "ws is not encrypted: use wss, or let it leave this machine with --allow-plain";
                TransportError::new(TransportErrorKind::Other, advice)
            }
            false => error,
        }
    }
}

/// Where peers open links to.
pub enum Listener {
    Tcp(streams_tcp::Listener),
    Ws(streams_websocket::Listener),
    Wss(streams_websocket::Listener),
}

impl Listener {
    /// Where it listens: the port that the system chose, where it was to choose.
    pub fn address(&self) -> Result<Address> {
        let (scheme, at) = match self {
            Self::Tcp(listener) => (Scheme::Tcp, listener.address()?),
            Self::Ws(listener) => (Scheme::Ws, listener.address()?),
            Self::Wss(listener) => (Scheme::Wss, listener.address()?),
        };
        let host = if at.is_ipv6() { format!("[{}]", at.ip()) } else { at.ip().to_string() };
        Ok(Address { scheme, host, port: at.port(), path: String::new() })
    }

    /// The next link, and who opened it, as the network says. May be given up while it waits.
    pub async fn accept(&self) -> Result<(Arc<dyn Transport>, Option<SocketAddr>), TransportError> {
        match self {
            Self::Tcp(listener) => {
                let link = listener.accept().await?;
                let peer = link.peer();
                Ok((Arc::new(link), Some(peer)))
            }
            Self::Ws(listener) | Self::Wss(listener) => {
                let link = listener.accept().await?;
                let peer = link.peer();
                Ok((Arc::new(link), peer))
            }
        }
    }
}

/// What a server of wss shows for itself, from two files in PEM.
pub fn identity(certificate: &Path, key: &Path) -> Result<Identity> {
    let read = |path: &Path| {
        let size = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.len();
        ensure!(size <= MAX_PEM, "{} is too large for a certificate or a key", path.display());
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(Identity::from_pem(&read(certificate)?, &read(key)?)?)
}

/// Opens links, to those who are named here and to those whom others tell of.
#[derive(Debug)]
pub struct Dialer {
    key: SigningKey,
    allow_plain: bool,
    /// Addresses that are named here.
    named: BTreeSet<String>,
}

impl Dialer {
    pub fn new(key: SigningKey, allow_plain: bool, named: impl IntoIterator<Item = String>) -> Self {
        Self { key, allow_plain, named: named.into_iter().collect() }
    }

    /// Whether a stranger may send us there. To this machine itself only where we looked for peers on it anyway: what
    /// else listens here is none of a stranger's business.
    fn may_reach(&self, address: &Address) -> bool {
        let is_loopback = |text: &String| text.parse::<Address>().is_ok_and(|named| named.is_loopback());
        !address.is_loopback() || self.named.iter().any(is_loopback)
    }
}

#[async_trait]
impl Dial for Dialer {
    async fn dial(&self, text: &str) -> Result<Arc<dyn Transport>, TransportError> {
        let refuse = |message: String| TransportError::new(TransportErrorKind::Other, message);
        let address: Address = text.parse().map_err(|error: anyhow::Error| refuse(error.to_string()))?;
        if !self.named.contains(text) && !self.may_reach(&address) {
            return Err(refuse("another peer told of it, and it leads to this machine itself".to_owned()));
        }
        address.connect(self.allow_plain).await
    }

    fn meeting(&self, address: &str) -> Meeting {
        let nonce = key::random().expect("the operating system gave randomness before");
        let meeting = Meeting::new(self.key.clone(), Side::Opener, nonce, Arc::new(SystemClock));
        Meeting { address: Some(address.to_owned()), ..meeting }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let cases = [
            ("127.0.0.1:7700", "tcp://127.0.0.1:7700"),
            ("tcp://example.org:7700/", "tcp://example.org:7700"),
            ("[::1]:7700", "tcp://[::1]:7700"),
            ("ws://localhost/", "ws://localhost:80/"),
            ("wss://example.org/peers?x=1", "wss://example.org:443/peers?x=1"),
            ("wss://[::1]:9", "wss://[::1]:9/"),
        ];
        for (text, whole) in cases {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), whole);
            assert_eq!(whole.parse::<Address>().unwrap().to_string(), whole);
        }
        for text in
            ["example.org", ":7700", "a b:1", "::1:7700", "http://a:1", "tcp://a:1/x", "a:65536", "u@a:1", "ws://"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn strangers_send_nobody_to_this_machine() {
        let dialer = |named: &[&str]| {
            Dialer::new(SigningKey::from_bytes([7; 32]), false, named.iter().map(|&named| named.to_owned()))
        };
        let may_reach = |dialer: &Dialer, to: &str| dialer.may_reach(&to.parse().unwrap());
        let (abroad, at_home) = (dialer(&["tcp://192.0.2.7:7700"]), dialer(&["tcp://127.0.0.1:7700"]));
        for to in ["127.0.0.1:22", "localhost:22", "[::1]:22", "ws://127.1.2.3/", "0.0.0.0:22"] {
            assert!(!may_reach(&abroad, to) && may_reach(&at_home, to), "{to}");
        }
        assert!(may_reach(&abroad, "192.0.2.8:7700"));
    }
}
