//! Archivers in IPFS: a node of one's own ([`KuboArchiver`], over Kubo's RPC), and services that pin what such a node has
//! ([`PinningArchiver`], over the IPFS Pinning Service API).
//!
//! A pack is kept as a file: cut into raw blocks of 1 MiB, under nodes of UnixFS, by SHA-256. So it comes back byte for
//! byte, from any node and any gateway (`ipfs cat CID/NAME`), any part of it alone; and it has the CID that
//! `ipfs add --cid-version=1 --chunker=size-1048576 --wrap-with-directory` would give it, which is known before anything
//! is sent.
//!
//! The file is alone in a folder, and its name there, `PACK-KEY.car`, has the key in it under which it was handed over. So
//! each key has a root of its own to be pinned, and to be unpinned when it is released, whoever else has the same bytes
//! kept; the blocks of the file are there once. What is not pinned any more is gone when the node, or the service,
//! collects its garbage; whoever fetched it meanwhile has it.
//!
//! The blocks *inside* a pack are IPLD too, with CIDs of their own, and one could import them as they are. But a pin of
//! those follows every link, and theirs lead to earlier packs, to what was redacted, to objects of other streams: such a
//! pin waits for ever for what nobody has. Raw blocks have no links.
//!
//! What is tested here: the calls, against a small server that does what the documents of both interfaces say, with real
//! archives, blocks and CIDs. No real Kubo and no real service took part.

mod kubo;
mod pinning;
mod unixfs;

pub use kubo::KuboArchiver;
pub use pinning::PinningArchiver;

use streams_core::archiver::{ArchiverError, FailureKind, Ticket};

/// A client for HTTP.
fn client(limit: std::time::Duration) -> Result<reqwest::Client, ArchiverError> {
    // One library for TLS in the whole program; where somebody chose another before, that one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().timeout(limit).redirect(reqwest::redirect::Policy::none()).build();
    client.map_err(|error| ArchiverError::new(FailureKind::Other, "no client for HTTP can be made").because(error))
}

/// An address that something is asked at, without a slash at its end.
fn address(text: &str) -> Result<String, ArchiverError> {
    let text = text.trim_end_matches('/');
    let known = ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if !known || text.contains('@') {
        let text = format!("{text} is no address, as http://127.0.0.1:5001 is one, without a name and a password");
        return Err(ArchiverError::new(FailureKind::Rejected, text));
    }
    Ok(text.to_owned())
}

/// Nobody answered, or not to the end.
fn unreachable(who: &str, error: reqwest::Error) -> ArchiverError {
    let error = error.without_url();
    let what = if error.is_connect() {
        "cannot be reached"
    } else if error.is_timeout() {
        "takes too long"
    } else {
        "did not answer to the end"
    };
    ArchiverError::new(FailureKind::Unreachable, format!("{who} {what}: {error}")).because(error)
}

/// Where a pack is: a CID, or a file in a folder that has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    /// What is pinned.
    cid: &'a str,
    /// The name of the file in its folder. Packs were files alone before each key had a folder of its own.
    name: Option<&'a str>,
    /// The size of the pack.
    size: u64,
}

impl<'a> Place<'a> {
    /// What a ticket of ours says.
    fn of(ticket: &'a Ticket) -> Option<Self> {
        let (path, size) = ticket.as_str().rsplit_once('#')?;
        let (cid, name) = path.split_once('/').map_or((path, None), |(cid, name)| (cid, Some(name)));
        let is_cid = cid.starts_with("baf") && cid.len() == 59 && cid.bytes().all(|c| c.is_ascii_alphanumeric());
        let is_name = |name: &str| {
            name.ends_with(".car") && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.".contains(&c))
        };
        let size = size.parse().ok()?;
        (is_cid && name.is_none_or(is_name)).then_some(Self { cid, name, size })
    }

    fn ticket(&self) -> Ticket {
        let name = self.name.map(|name| format!("/{name}")).unwrap_or_default();
        Ticket::new(format!("{}{name}#{}", self.cid, self.size)).expect("a CID and a name are short")
    }

    /// Its path below `ipfs://` and `/ipfs/`.
    fn path(&self) -> String {
        self.name.map_or(self.cid.to_owned(), |name| format!("{}/{name}", self.cid))
    }
}

/// It is pinned by what somebody else may have pinned too.
fn not_alone() -> ArchiverError {
    let text = "somebody else may need this too: it is not pinned for this key alone; unpin it by hand";
    ArchiverError::new(FailureKind::Conflict, text)
}
