//! A service that pins, over the IPFS Pinning Service API: `POST /pins`, `GET /pins`, `GET` and `DELETE /pins/REQUESTID`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use streams_core::archiver::{
    Archiver, ArchiverError, Body, Capabilities, Copy, Failure, FailureKind, Held, Pack, Recovery, Released, Request,
    Status, SubmissionKey, Ticket,
};

use crate::kubo::KuboArchiver;
use crate::{address, client, not_alone, unreachable};

/// How long one call may take.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a pin usually takes, in milliseconds.
const TYPICAL: u64 = 10 * 60 * 1000;

/// A service that pins what a node of one's own has. It wants a Tokio runtime.
///
/// The pack is put into that node first, and the service is told where it is: a service that looks for a CID by itself
/// often finds nobody. What it pinned is believed; the bytes do not come back over this interface.
pub struct PinningArchiver {
    id: String,
    endpoint: String,
    token: String,
    node: KuboArchiver,
    client: Client,
}

/// Without the token.
impl fmt::Debug for PinningArchiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinningArchiver")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct PinStatus {
    requestid: String,
    status: String,
    pin: Pin,
    #[serde(default)]
    delegates: Vec<String>,
    #[serde(default)]
    info: Option<serde_json::Map<String, Json>>,
}

#[derive(Deserialize)]
struct Pin {
    cid: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    meta: serde_json::Map<String, Json>,
}

impl Pin {
    /// The name of the pack in the folder that is pinned, as it was told to the service. Packs were pinned as files alone
    /// before each key had a folder of its own.
    fn file(&self) -> Option<&str> {
        self.meta.get("file").and_then(Json::as_str)
    }
}

#[derive(Deserialize)]
struct PinResults {
    results: Vec<PinStatus>,
}

#[derive(Deserialize)]
struct Refused {
    error: Reason,
}

#[derive(Deserialize)]
struct Reason {
    reason: String,
    #[serde(default)]
    details: String,
}

impl PinningArchiver {
    /// The service at an endpoint, which knows us by a token, and gets the packs from a node. The id stands in receipts.
    pub fn new(
        id: impl Into<String>,
        endpoint: &str,
        token: impl Into<String>,
        node: KuboArchiver,
    ) -> Result<Self, ArchiverError> {
        Ok(Self { id: id.into(), endpoint: address(endpoint)?, token: token.into(), node, client: client(LIMIT)? })
    }

    fn who(&self) -> String {
        format!("the service at {}", self.endpoint)
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ArchiverError> {
        self.send(request).await?.json().await.map_err(|error| unreachable(&self.who(), error))
    }

    /// Where a pin is asked about.
    fn address_of(&self, ticket: &Ticket) -> Result<String, ArchiverError> {
        let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"-_.~".contains(&c);
        if !ticket.as_str().bytes().all(is_plain) || ticket.as_str().chars().all(|c| c == '.') {
            return Err(ArchiverError::missing(ticket));
        }
        Ok(format!("{}/pins/{ticket}", self.endpoint))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ArchiverError> {
        let response =
            request.bearer_auth(&self.token).send().await.map_err(|error| unreachable(&self.who(), error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse::<u64>().ok());
        let kind = match status.as_u16() {
            401 | 403 => FailureKind::Unauthorized,
            404 => FailureKind::Missing,
            // INSUFFICIENT_FUNDS, in the words of the interface.
            402 | 409 => FailureKind::Unfunded,
            429 => FailureKind::RateLimited,
            400 | 405..=408 | 410..=428 | 430..=499 => FailureKind::Rejected,
            _ => FailureKind::Other,
        };
        let text = response.text().await.unwrap_or_default();
        let text = serde_json::from_str::<Refused>(&text).map_or(text, |refused| {
            format!("{} {}", refused.error.reason, refused.error.details).trim_end().to_owned()
        });
        let error = ArchiverError::new(kind, format!("{} answers {status}: {text}", self.who()));
        Err(if let Some(seconds) = after { error.after(seconds.saturating_mul(1000)) } else { error })
    }
}

#[async_trait]
impl Archiver for PinningArchiver {
    fn id(&self) -> &str {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            unit: 0..=1 << 40,
            copies: 1,
            typical: TYPICAL,
            recovery: Recovery::Find,
            priced: false,
            fetches: false,
            public: true,
            releases: true,
        }
    }

    async fn submit(&self, key: &SubmissionKey, request: &Request, body: &dyn Body) -> Result<Ticket, ArchiverError> {
        let file = request.pack.file_name(key);
        let cid = self.node.import(&file, &request.pack, body).await?;
        let origins: Vec<String> = self.node.addresses().await?.into_iter().take(20).collect();
        let (stream, pack) = (request.pack.stream.to_string(), request.pack.id.to_string());
        let meta = json!({"stream": stream, "pack": pack, "file": file});
        let pin = json!({"cid": cid, "name": key.to_string(), "origins": origins, "meta": meta});
        let pinned: PinStatus = self.call(self.client.post(format!("{}/pins", self.endpoint)).json(&pin)).await?;
        for delegate in pinned.delegates.iter().take(20) {
            self.node.connect(delegate).await;
        }
        Ticket::new(pinned.requestid).map_err(|error| {
            ArchiverError::new(FailureKind::Other, "the service gives a request an id that is none").because(error)
        })
    }

    async fn status(&self, ticket: &Ticket) -> Result<Status, ArchiverError> {
        let pinned: PinStatus = self.call(self.client.get(self.address_of(ticket)?)).await?;
        let details = pinned.info.as_ref().and_then(|info| info.get("status_details")).and_then(Json::as_str);
        Ok(match pinned.status.as_str() {
            "queued" | "pinning" => Status::Pending { phase: pinned.status },
            "pinned" => {
                let file = pinned.pin.file().map(|file| format!("/{file}")).unwrap_or_default();
                let at = format!("ipfs://{}{file}", pinned.pin.cid);
                let evidence = Some(format!("request {} at {}", pinned.requestid, self.id));
                Status::Active(Held { copies: vec![Copy { at, evidence }], until: None, failures: Vec::new() })
            }
            "failed" => {
                let text = format!("the service could not pin it: {}", details.unwrap_or("it does not say why"));
                Status::Failed(Failure::new(FailureKind::Rejected, text))
            }
            _ => Status::Unknown,
        })
    }

    /// The bytes do not come back over this interface.
    async fn fetch(&self, _: &Ticket, _: u64, _: usize) -> Result<Vec<u8>, ArchiverError> {
        Err(ArchiverError::unsupported("a service that pins gives bytes back over IPFS, and not over this interface"))
    }

    async fn find(&self, key: &SubmissionKey) -> Result<Option<Ticket>, ArchiverError> {
        let name = key.to_string();
        let query = [("name", name.as_str()), ("status", "queued,pinning,pinned,failed"), ("limit", "1")];
        let found: PinResults = self.call(self.client.get(format!("{}/pins", self.endpoint)).query(&query)).await?;
        Ok(found.results.into_iter().next().and_then(|pinned| Ticket::new(pinned.requestid).ok()))
    }
    /// The node of one's own has it too, and is told first: behind the service's answer nobody would know any more what.
    async fn release(
        &self,
        key: &SubmissionKey,
        pack: &Pack,
        ticket: Option<&Ticket>,
    ) -> Result<Released, ArchiverError> {
        let found = if ticket.is_none() { self.find(key).await? } else { None };
        let Some(ticket) = ticket.or(found.as_ref()) else { return Ok(Released::Now) };
        let address = self.address_of(ticket)?;
        let pinned: PinStatus = match self.call(self.client.get(&address)).await {
            Err(error) if error.kind() == FailureKind::Missing => return Ok(Released::Ends(None)),
            pinned => pinned?,
        };
        if pinned.pin.name != key.to_string() || pinned.pin.file() != Some(&pack.file_name(key)) {
            return Err(not_alone());
        }
        self.node.unpin(&pinned.pin.cid).await?;
        match self.send(self.client.delete(&address)).await {
            Err(error) if error.kind() != FailureKind::Missing => Err(error),
            _ => Ok(Released::Ends(None)),
        }
    }
}
