//! The server: proves each request, and answers by the rules of the streams.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Router, serve as serve_http};
use serde::Deserialize;
use streams_core::clock::Clock;
use streams_core::node::NodeError;
use streams_core::node::page::Stored;
use streams_core::store::Scan;
use streams_core::{
    Authentic, Deciding, Ingested, Node, Object, ObjectId, Rejected, Stream, StreamId, Verdict, VerifyingKey,
};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use super::asks::{self, AskError};
use super::request::{Caller, Guard, Head, MAX_BODY, RequestError};
use super::{Appended, Ask, Asked, Asks, Cites, Entry, Page, Readable, Refusal, Removals, Streams};
use crate::members;

/// How many requests are answered at once.
pub const MAX_AT_ONCE: usize = 64;

/// How many streams one request looks at.
pub const MAX_STREAMS: usize = 64;

/// How many objects a page has at most.
pub const MAX_OBJECTS: usize = 256;

/// Beyond so many bytes of parts, a page takes no more objects.
const PAGE_BYTES: usize = 1 << 20;

/// How many objects are read of the store at once.
const CHUNK: usize = 16;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A server.
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    guard: Guard,
    clock: Arc<dyn Clock>,
    room: Semaphore,
    /// Held while it is written down who asks.
    asks: Mutex<()>,
}

impl Server {
    /// Serves the streams of a node, under this key.
    pub fn new(node: Arc<Node>, own: VerifyingKey, clock: Arc<dyn Clock>) -> Arc<Self> {
        let room = Semaphore::new(MAX_AT_ONCE);
        Arc::new(Self { node, guard: Guard::new(own), clock, room, asks: Mutex::default() })
    }

    /// Answers, until `end` returns; what is under way then is finished.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        end: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        serve_http(listener, self.router()).with_graceful_shutdown(end).await
    }

    /// What is answered, for whoever has a server already.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/streams", get(streams))
            .route("/streams/{stream}/objects", get(page).post(append))
            .route("/streams/{stream}/objects/{id}", get(object))
            .route("/streams/{stream}/edges", get(edges))
            .route("/streams/{stream}/asks", post(ask).get(asked))
            .route("/streams/{stream}/removals/{key}", get(removals))
            .fallback(|| async { Refused::new(StatusCode::NOT_FOUND, "nowhere", "there is nothing at this path") })
            .method_not_allowed_fallback(|| async {
                Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method", "nothing here has this method")
            })
            .layer(middleware::from_fn_with_state(self.clone(), prove))
            .route("/healthz", get(|| async { "well\n" }))
            .with_state(self)
    }

    async fn read<T>(&self, stream: StreamId, read: impl FnOnce(&Stream) -> T) -> Result<T, Refused> {
        Ok(self.node.read(stream, read).await?)
    }

    /// Reads a stream for somebody who may.
    async fn read_for<T>(
        &self,
        caller: Caller,
        stream: StreamId,
        read: impl FnOnce(&Stream) -> T,
    ) -> Result<T, Refused> {
        let read = |stream: &Stream| match stream.may_read(&caller.key()).is_effective() {
            true => Ok(read(stream)),
            false => Err(denied(stream, caller)),
        };
        self.read(stream, read).await?
    }
}

/// Why a request is not answered, and how that is said in HTTP.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    refusal: Box<Refusal>,
}

impl Refused {
    fn new(status: StatusCode, code: &str, sentence: impl ToString) -> Self {
        let refusal =
            Refusal { code: code.to_owned(), sentence: sentence.to_string(), shown: None, missing: Vec::new() };
        Self { status, refusal: Box::new(refusal) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.refusal)).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response
    }
}

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        let status = match error {
            RequestError::TargetTooLong => StatusCode::URI_TOO_LONG,
            RequestError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RequestError::Header(_) | RequestError::ExpiresTooFar(_) | RequestError::WrongBody => {
                StatusCode::BAD_REQUEST
            }
            RequestError::Unsigned(_) | RequestError::Expired(_) | RequestError::Signature => StatusCode::UNAUTHORIZED,
            RequestError::WrongAudience(_) => StatusCode::MISDIRECTED_REQUEST,
            RequestError::Replayed => StatusCode::CONFLICT,
            RequestError::TooMany => StatusCode::TOO_MANY_REQUESTS,
            RequestError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.code(), error)
    }
}

impl From<NodeError> for Refused {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "unknown", error),
            error => {
                tracing::error!("a request was not answered: {error}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "store", "the store of the server does not answer")
            }
        }
    }
}

impl From<Rejected> for Refused {
    fn from(rejected: Rejected) -> Self {
        let status = match rejected.code() {
            "not-authorized" => StatusCode::FORBIDDEN,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, rejected.code(), rejected)
    }
}

impl From<AskError> for Refused {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Node(error) => error.into(),
            AskError::Note => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.code(), error),
            AskError::Full => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), error),
        }
    }
}

/// Lets a request through that is signed, with whoever made it.
async fn prove(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    match proven(&server, request).await {
        Ok((request, _permit)) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

async fn proven(server: &Server, request: Request) -> Result<(Request, tokio::sync::SemaphorePermit<'_>), Refused> {
    let (mut parts, body) = request.into_parts();
    let values = |name: &'static str| parts.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let head = Head {
        method: parts.method.as_str(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        length: length(&parts.headers),
    };
    let signed = server.guard.check(head, values, server.clock.now())?;
    let permit = server.room.try_acquire().map_err(|_| RequestError::Busy)?;
    let body = match timeout(BODY_TIME, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        // Or it broke off: then nobody hears the answer.
        Ok(Err(_)) => return Err(RequestError::TooLarge.into()),
        Err(_) => return Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body takes too long")),
    };
    let caller = server.guard.accept(signed, &body, server.clock.now())?;
    parts.extensions.insert(caller);
    Ok((Request::from_parts(parts, Body::from(body)), permit))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

type Answer<T> = Result<Json<T>, Refused>;

/// Where a page begins, and how much of it is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    after: Option<String>,
    limit: Option<usize>,
}

type Asking = Result<Query<After>, QueryRejection>;

fn asking(query: Asking) -> Result<After, Refused> {
    query.map(|Query(after)| after).map_err(|error| Refused::new(StatusCode::BAD_REQUEST, "query", error.body_text()))
}

/// An id in a path or a query.
fn id(text: &str) -> Result<ObjectId, Refused> {
    text.parse().map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "id", format!("{text:.80} is no id")))
}

async fn streams(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    query: Asking,
) -> Answer<Streams> {
    let after = asking(query)?.after.as_deref().map(id).transpose()?;
    let all = server.node.store().streams(after, MAX_STREAMS).await.map_err(NodeError::from)?;
    let mut streams = Vec::new();
    for stream in &all {
        let read = |here: &Stream| {
            let root = here.object(stream).filter(|_| here.may_read(&caller.key()).is_effective())?;
            let (r#type, owner) = (root.header().r#type().to_owned(), here.owner());
            Some(Readable { stream: *stream, r#type, owner, objects: here.len() as u64 })
        };
        streams.extend(server.read(*stream, read).await?);
    }
    let next = all.last().filter(|_| all.len() == MAX_STREAMS).copied();
    Ok(Json(Streams { streams, next }))
}

async fn page(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    query: Asking,
) -> Answer<Page> {
    let (stream, After { after, limit }) = (id(&stream)?, asking(query)?);
    server.read_for(caller, stream, |_| ()).await?;
    let mut after = match after {
        None => None,
        Some(after) => Some(server.stored(stream, id(&after)?).await?.place),
    };
    let most = limit.unwrap_or(MAX_OBJECTS).clamp(1, MAX_OBJECTS);
    let (mut objects, mut bytes): (Vec<Entry>, usize) = (Vec::new(), 0);
    loop {
        let wanted = (most - objects.len()).min(CHUNK);
        let chunk = server.node.page(stream, Scan::After(after), wanted).await?;
        let is_end = chunk.len() < wanted;
        after = chunk.last().map(|last| last.place).or(after);
        for stored in chunk {
            bytes += stored.authentic.object().parts().len();
            objects.push(entry(&stored));
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        if is_end && bytes < PAGE_BYTES {
            return Ok(Json(Page { objects, next: None }));
        }
        if bytes >= PAGE_BYTES || objects.len() >= most {
            let next = objects.last().map(|last| last.id);
            return Ok(Json(Page { objects, next }));
        }
    }
}

async fn object(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path((stream, object)): Path<(String, String)>,
) -> Answer<Entry> {
    let (stream, object) = (id(&stream)?, id(&object)?);
    server.read_for(caller, stream, |_| ()).await?;
    Ok(Json(entry(&server.stored(stream, object).await?)))
}

async fn edges(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
) -> Answer<Cites> {
    let edges = |here: &Stream| here.edges(&caller.key()).into();
    Ok(Json(server.read_for(caller, id(&stream)?, edges).await?))
}

async fn append(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Appended>), Refused> {
    let stream = id(&stream)?;
    server.node.head(stream).await?.ok_or(NodeError::Unknown(stream))?;
    let object = Object::decode(&body).map_err(Rejected::from)?;
    // What waits is not durable: whoever brings an object brings first what it cites.
    let cited = object.edges();
    let here = server.node.store().contains(stream, &cited).await.map_err(NodeError::from)?;
    let missing: Vec<ObjectId> = cited.into_iter().zip(here).filter(|(_, here)| !here).map(|(id, _)| id).collect();
    if !missing.is_empty() {
        return Err(lacking(missing));
    }
    let from = u64::from_be_bytes(caller.key().as_bytes()[..8].try_into().expect("eight bytes"));
    let taken = server.node.ingest(stream, &[body], from).await?.pop().expect("an answer for each");
    let new = match taken? {
        Ingested::Admitted { .. } => true,
        Ingested::Known => false,
        Ingested::Pending { missing } => return Err(lacking(missing)),
    };
    let id = object.id();
    let verdict = server.read(stream, |stream| stream.explain(&id)).await?.expect("it was taken in");
    let by = match verdict {
        Verdict::Allowed(Deciding { by, .. }) | Verdict::Denied(Deciding { by, .. }) => Some(by),
        Verdict::Withdrawn { by, .. } => Some(by),
        _ => None,
    };
    let appended = Appended { id, new, effective: verdict.is_effective(), verdict: verdict.code().to_owned(), by };
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(appended)))
}

async fn ask(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let stream = id(&stream)?;
    let Ask { note } = serde_json::from_slice(&body).map_err(|error| {
        Refused::new(StatusCode::BAD_REQUEST, "json", format!("the body is no {{\"note\": TEXT}}: {error}"))
    })?;
    // Whom a rule names and denies has an answer.
    let answer = |here: &Stream| here.shown_to(&caller.key()).map(|_| denied(here, caller));
    if let Some(refused) = server.read(stream, answer).await? {
        return Err(refused);
    }
    let _held = server.asks.lock().await;
    let asked = Asked { key: caller.key(), note, at: server.clock.now() };
    asks::ask(&server.node, stream, asked).await?;
    tracing::info!(%stream, key = %caller.key(), "somebody asks for access");
    Ok(StatusCode::ACCEPTED)
}

async fn asked(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path(stream): Path<String>,
) -> Answer<Asks> {
    let stream = id(&stream)?;
    let governs = |here: &Stream| here.newest_rank(&caller.key()).is_some();
    if !server.read(stream, governs).await? {
        let sentence = "who asked is shown to whoever governs the stream: its owner, and its moderators";
        return Err(Refused::new(StatusCode::FORBIDDEN, "not-governing", sentence));
    }
    Ok(Json(Asks { asks: asks::open(&server.node, stream).await? }))
}

async fn removals(
    State(server): State<Arc<Server>>,
    Extension(caller): Extension<Caller>,
    Path((stream, key)): Path<(String, String)>,
) -> Answer<Removals> {
    let key: VerifyingKey =
        key.parse().map_err(|error| Refused::new(StatusCode::BAD_REQUEST, "key", format!("no key: {error}")))?;
    let removals = |here: &Stream| members::removals(here, &key);
    Ok(Json(Removals { removals: server.read_for(caller, id(&stream)?, removals).await? }))
}

impl Server {
    async fn stored(&self, stream: StreamId, id: ObjectId) -> Result<Stored, Refused> {
        let stored = self.node.object(stream, &id).await?;
        stored.ok_or_else(|| {
            Refused::new(StatusCode::NOT_FOUND, "no-object", format!("the stream has no object {id} here"))
        })
    }
}

fn entry(stored: &Stored) -> Entry {
    let Stored { effective, adopted_by, authentic, .. } = stored;
    Entry {
        id: authentic.id(),
        effective: *effective,
        adopted_by: *adopted_by,
        parts: authentic.object().parts().to_vec(),
    }
}

fn lacking(missing: Vec<ObjectId>) -> Refused {
    let sentence = format!("the object cites {} that are not here: bring those first", missing.len());
    let mut refused = Refused::new(StatusCode::CONFLICT, "missing", sentence);
    refused.refusal.missing = missing;
    refused
}

/// What is said to somebody who may not read a stream: the rule too, where one names the key (spec 8.8).
fn denied(stream: &Stream, caller: Caller) -> Refused {
    let shown = stream.shown_to(&caller.key()).and_then(|id| stream.object(&id));
    let sentence = match &shown {
        Some(by) => format!("a rule of the stream denies it to this key: {}", by.id()),
        None => "no rule of the stream lets this key read it: ask for access".to_owned(),
    };
    let mut refused = Refused::new(StatusCode::FORBIDDEN, "denied", sentence);
    let entry = |authentic: Authentic| Entry {
        id: authentic.id(),
        effective: true,
        adopted_by: None,
        parts: authentic.object().parts().to_vec(),
    };
    refused.refusal.shown = shown.map(entry);
    refused
}
