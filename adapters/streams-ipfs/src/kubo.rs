//! A Kubo node, over its RPC: `dag/import`, `pin/ls`, `pin/rm`, `cat`, `id`, `swarm/connect`.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use reqwest::multipart::{Form, Part};
use reqwest::{Body as HttpBody, Client, Response};
use serde::Deserialize;
use streams_core::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, FailureKind, Held, Pack, Recovery, Released, Request, Status,
    SubmissionKey, Ticket,
};
use tokio::sync::mpsc;

use crate::unixfs::{LEAF, Leaves, Tree, leaf};
use crate::{Place, address, client, not_alone, unreachable};

/// How long one call may take: a pack goes over in one.
const LIMIT: Duration = Duration::from_secs(3600);

/// How long the node may look for something, in its own words.
const LOOKS: &str = "60s";

/// A node of IPFS that pins packs. It wants a Tokio runtime.
///
/// The RPC of a node lets whoever reaches it do everything: keep it on this machine, as it is unless somebody changes it.
#[derive(Debug)]
pub struct KuboArchiver {
    id: String,
    api: String,
    client: Client,
}

/// A line of the answer to `dag/import`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Imported {
    root: Option<ImportedRoot>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImportedRoot {
    cid: Link,
    #[serde(default)]
    pin_error_msg: String,
}

#[derive(Deserialize)]
struct Link {
    #[serde(rename = "/")]
    cid: String,
}

/// What the node answers where something went wrong.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    addresses: Option<Vec<String>>,
}

impl KuboArchiver {
    /// The node whose RPC is at an address, usually `http://127.0.0.1:5001`. The id stands in receipts.
    pub fn new(id: impl Into<String>, api: &str) -> Result<Self, ArchiverError> {
        Ok(Self { id: id.into(), api: address(api)?, client: client(LIMIT)? })
    }

    async fn call(&self, what: &str, query: &[(&str, &str)], form: Option<Form>) -> Result<Response, ArchiverError> {
        let request = self.client.post(format!("{}/api/v0/{what}", self.api)).query(query);
        let request = if let Some(form) = form { request.multipart(form) } else { request };
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        let text = serde_json::from_str::<Refused>(&text).map_or(text, |refused| refused.message);
        let kind = match status.as_u16() {
            401 | 403 => FailureKind::Unauthorized,
            404 => FailureKind::Unsupported,
            429 => FailureKind::RateLimited,
            // With this number it says everything that went wrong, in words.
            500 if text.contains("not pinned") || text.contains("not found") => FailureKind::Missing,
            _ => FailureKind::Other,
        };
        Err(ArchiverError::new(kind, format!("the node answers {what} with {status}: {text}")))
    }

    fn unreachable(&self, error: reqwest::Error) -> ArchiverError {
        unreachable(&format!("the node at {}", self.api), error)
    }

    async fn is_pinned(&self, cid: &str) -> Result<bool, ArchiverError> {
        match self.call("pin/ls", &[("arg", cid), ("type", "recursive")], None).await {
            Err(error) if error.kind() == FailureKind::Missing => Ok(false),
            pinned => pinned.map(|_| true),
        }
    }

    /// Where others find this node.
    pub(crate) async fn addresses(&self) -> Result<Vec<String>, ArchiverError> {
        let identity: Identity =
            self.call("id", &[], None).await?.json().await.map_err(|error| self.unreachable(error))?;
        Ok(identity.addresses.unwrap_or_default())
    }

    /// Goes to meet another node; that it cannot is no reason to stop.
    pub(crate) async fn connect(&self, other: &str) {
        let _ = self.call("swarm/connect", &[("arg", other), ("timeout", LOOKS)], None).await;
    }

    /// Unpins. That it is not pinned is no error.
    pub(crate) async fn unpin(&self, cid: &str) -> Result<(), ArchiverError> {
        match self.call("pin/rm", &[("arg", cid)], None).await {
            Err(error) if error.kind() == FailureKind::Missing => Ok(()),
            unpinned => unpinned.map(drop),
        }
    }

    /// Puts a pack into the node, in a folder under this name, and pins that; returns its CID. What is there already is not
    /// sent again.
    pub(crate) async fn import(&self, name: &str, pack: &Pack, body: &dyn Body) -> Result<String, ArchiverError> {
        let tree = tree(pack, body).await?.in_folder(name);
        let root = tree.root().to_string();
        if self.is_pinned(&root).await? {
            return Ok(root);
        }
        let (sender, receiver) = mpsc::channel::<Vec<u8>>(2);
        let pieces = stream::unfold(receiver, async |mut receiver: mpsc::Receiver<Vec<u8>>| {
            Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
        });
        let part = Part::stream(HttpBody::wrap_stream(pieces)).file_name("pack.car");
        let query = [("pin-roots", "true"), ("silent", "false")];
        let call = self.call("dag/import", &query, Some(Form::new().part("file", part)));
        let (sent, answered) = tokio::join!(send(sender, &tree, pack, body), call);
        let text = answered?.text().await.map_err(|error| self.unreachable(error))?;
        sent?;
        for line in text.lines() {
            let Ok(Imported { root: Some(imported) }) = serde_json::from_str(line) else { continue };
            if imported.cid.cid == root && imported.pin_error_msg.is_empty() {
                return Ok(root);
            }
            if !imported.pin_error_msg.is_empty() {
                let text = format!("the node does not pin: {}", imported.pin_error_msg);
                return Err(ArchiverError::new(FailureKind::Rejected, text));
            }
        }
        Err(ArchiverError::new(FailureKind::Other, "the node did not say that it took the pack"))
    }
}

/// Reads a body in leaves, and tells what stands above them.
async fn tree(pack: &Pack, body: &dyn Body) -> Result<Tree, ArchiverError> {
    let (mut leaves, mut hasher, mut at) = (Leaves::default(), blake3::Hasher::new(), 0);
    loop {
        let bytes = read_leaf(body, at).await?;
        if bytes.is_empty() {
            break;
        }
        at += bytes.len() as u64;
        hasher.update(&bytes);
        leaves.add(&bytes);
    }
    if at != pack.size || *hasher.finalize().as_bytes() != pack.digest {
        return Err(ArchiverError::new(FailureKind::Integrity, "the bytes are not those of the pack"));
    }
    Ok(leaves.tree())
}

/// A leaf from a place on, whole but for the last, in how small pieces ever it comes.
async fn read_leaf(body: &dyn Body, at: u64) -> Result<Vec<u8>, ArchiverError> {
    let mut bytes = Vec::new();
    while bytes.len() < LEAF {
        let more = body.read(at + bytes.len() as u64, LEAF - bytes.len()).await?;
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    Ok(bytes)
}

/// Sends a CARv1 file. Where nobody reads any more, whoever stopped reading tells why.
async fn send(to: mpsc::Sender<Vec<u8>>, tree: &Tree, pack: &Pack, body: &dyn Body) -> Result<(), ArchiverError> {
    let mut is_read = to.send(tree.header()).await.is_ok();
    let mut at = 0;
    // An empty file has a leaf too.
    while is_read && (at < pack.size || at == 0) {
        let bytes = read_leaf(body, at).await?;
        let is_last = bytes.len() < LEAF;
        at += bytes.len() as u64;
        is_read = to.send(leaf(&bytes)).await.is_ok();
        if is_last {
            break;
        }
    }
    if is_read {
        let _ = to.send(tree.sections()).await;
    }
    Ok(())
}

#[async_trait]
impl Archiver for KuboArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: 0..=1 << 40,
            copies: 1,
            typical: 0,
            recovery: Recovery::Repeat,
            priced: false,
            fetches: true,
            public: true,
            releases: true,
        }
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let name = request.pack.file_name(key);
        let cid = self.import(&name, &request.pack, body).await?;
        Ok(Place { cid: &cid, name: Some(&name), size: request.pack.size }.ticket())
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        let place = Place::of(ticket).ok_or_else(|| ArchiverError::missing(ticket))?;
        if !self.is_pinned(place.cid).await? {
            return Err(ArchiverError::missing(ticket));
        }
        let copy = Copy { at: format!("ipfs://{}", place.path()), evidence: Some(format!("pinned by {}", self.id)) };
        Ok(Status::Active(Held { copies: vec![copy], until: None, failures: Vec::new() }))
    }

    async fn fetch(&self, ticket: &Ticket, at: u64, max: usize) -> Result<Vec<u8>, ArchiverError> {
        let place = Place::of(ticket).ok_or_else(|| ArchiverError::missing(ticket))?;
        let length = (max as u64).min(place.size.saturating_sub(at));
        // What the node has not pinned it would look for elsewhere.
        if at == 0 && !self.is_pinned(place.cid).await? {
            return Err(ArchiverError::missing(ticket));
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        let (path, offset, length) = (format!("/ipfs/{}", place.path()), at.to_string(), length.to_string());
        let query = [("arg", path.as_str()), ("offset", &offset), ("length", &length), ("timeout", LOOKS)];
        let bytes = self.call("cat", &query, None).await?.bytes().await;
        Ok(bytes.map_err(|error| self.unreachable(error))?.to_vec())
    }
    async fn release(
        &self,
        key: &SubmissionKey,
        pack: &Pack,
        ticket: Option<&Ticket>,
    ) -> Result<Released, ArchiverError> {
        let Some(ticket) = ticket else {
            let text = "it may have arrived, and its address is not known without its bytes: see `ipfs pin ls`";
            return Err(ArchiverError::new(FailureKind::Doubtful, text));
        };
        let name = pack.file_name(key);
        let place = Place::of(ticket).filter(|place| place.name == Some(&name)).ok_or_else(not_alone)?;
        self.unpin(place.cid).await?;
        Ok(Released::Ends(None))
    }
}
