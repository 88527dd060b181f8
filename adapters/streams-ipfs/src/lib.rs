//! Archivers in IPFS: a node of one's own ([`KuboArchiver`], over Kubo's RPC), and services that pin what such a node has
//! ([`PinningArchiver`], over the IPFS Pinning Service API).
//!
//! A pack is kept as a file: cut into raw blocks of 1 MiB, under nodes of UnixFS, by SHA-256. So it comes back byte for
//! byte, from any node and any gateway (`ipfs cat CID`), any part of it alone; and it has the CID that
//! `ipfs add --cid-version=1 --chunker=size-1048576` would give it, which is known before anything is sent.
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

/// A ticket that tells a CID, and the size of the pack.
fn ticket(cid: &str, size: u64) -> Ticket {
    Ticket::new(format!("{cid}#{size}")).expect("a CID is short")
}

/// The CID and the size of a ticket of ours.
fn parts(ticket: &Ticket) -> Option<(&str, u64)> {
    let (cid, size) = ticket.as_str().rsplit_once('#')?;
    let is_cid = cid.starts_with("baf") && cid.len() == 59 && cid.bytes().all(|c| c.is_ascii_alphanumeric());
    Some((cid, size.parse().ok()?)).filter(|_| is_cid)
}
