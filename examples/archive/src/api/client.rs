//! The client: signs each request and all that it appends, and proves all that it reads. A server may keep things back;
//! it cannot change any, nor write in the name of its callers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use streams_core::clock::Clock;
use streams_core::object::header::types;
use streams_core::object::typed::TypedError;
use streams_core::{
    Authentic, AuthenticateError, Authenticator, Content, Draft, Edges, HashKey, Object, ObjectId, OpenError,
    PendingLimits, Rejected, Rule, Share, SigningKey, Stream, StreamId, VerifyingKey, to_map,
};

use super::address::Address;
use super::request::{LIFE, Request};
use super::{Appended, Ask, Asked, Asks, Cites, Entry, Page, Readable, Refusal, Removals, Streams};
use crate::members::{self, Role};

/// The largest answer, in bytes: a page, whose parts are in base64.
const MAX_ANSWER: usize = 8 << 20;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Why something did not come of a request.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no randomness, or no client for HTTP.
    #[error("no request can be made: {0}")]
    Unable(String),
    /// The server does not answer.
    #[error("{at} does not answer: {why}")]
    Unreachable {
        /// Where.
        at: Box<Address>,
        /// Why.
        why: String,
    },
    /// The server refuses.
    #[error("{}", .0.sentence)]
    Refused(Box<Refusal>),
    /// What was answered is no answer of the API.
    #[error("what {0} answers is no answer of this version of the API")]
    Answer(Box<Address>),
    /// The server gives another object than the one that was asked for, or one that nobody signed.
    #[error("the server gives what is not {asked}: {why}")]
    Unproven {
        /// What was asked for.
        asked: ObjectId,
        /// What is wrong.
        why: String,
    },
    /// What removes a key does more, so it is not taken back by itself.
    #[error("{0} removes this key, and does more: withdraw it by itself first")]
    MoreThanRemoval(ObjectId),
    /// An object cannot be written.
    #[error(transparent)]
    Sign(#[from] AuthenticateError),
    /// A value has no place in an object.
    #[error(transparent)]
    Typed(#[from] TypedError),
}

impl ClientError {
    /// The code: of a refusal, that which the server tells.
    pub fn code(&self) -> &str {
        match self {
            Self::Unable(_) => "unable",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused(refusal) => &refusal.code,
            Self::Answer(_) => "answer",
            Self::Unproven { .. } => "unproven",
            Self::MoreThanRemoval(_) => "more-than-removal",
            Self::Sign(_) => "sign",
            Self::Typed(_) => "typed",
        }
    }
}

/// Somebody at a server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    at: Address,
    key: SigningKey,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client at {} with {:?}", self.at, self.key)
    }
}

/// A stream as a server has it, judged here.
#[derive(Debug)]
pub struct Copy {
    /// The stream.
    pub stream: Stream,
    /// What the server gave and the stream does not take, and why.
    pub rejected: Vec<(ObjectId, Rejected)>,
}

#[derive(Serialize)]
struct Withdraws {
    withdraws: Vec<ObjectId>,
}

impl Client {
    /// At this server, with the key of whoever asks.
    pub fn new(at: Address, key: SigningKey, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        // Another part of the program may have chosen already; both choose the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("streams-archive/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT)
            // What is signed is signed for one path of one server.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| ClientError::Unable(error.to_string()))?;
        Ok(Self { http, at, key, clock })
    }

    /// The streams that the key may read.
    pub async fn streams(&self) -> Result<Vec<Readable>, ClientError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let target = after.map_or("/streams".to_owned(), |after| format!("/streams?after={after}"));
            let Streams { streams, next } = self.get(&target).await?;
            all.extend(streams);
            if next.is_none() {
                return Ok(all);
            }
            // Whoever goes round in circles comes to no end.
            if next <= after {
                return Err(self.unclear());
            }
            after = next;
        }
    }

    /// At most so many objects behind one, in the order of the stream, each proven; and what to name as `after` for more.
    pub async fn page(
        &self,
        stream: StreamId,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<(Vec<Authentic>, Option<ObjectId>), ClientError> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let Page { objects, next } = self.get(&format!("/streams/{stream}/objects?limit={limit}{after}")).await?;
        let objects = objects.iter().map(|entry| prove(stream, entry.id, entry)).collect::<Result<_, _>>()?;
        Ok((objects, next))
    }

    /// An object, proven.
    pub async fn object(&self, stream: StreamId, id: ObjectId) -> Result<Authentic, ClientError> {
        prove(stream, id, &self.get::<Entry>(&format!("/streams/{stream}/objects/{id}")).await?)
    }

    /// All of a stream, judged here: which object is effective is not believed. `on_page` is told how many objects came.
    pub async fn copy(&self, stream: StreamId, mut on_page: impl FnMut(usize)) -> Result<Copy, ClientError> {
        let hash_key = HashKey::from_bytes(random()?);
        // The root stands first in every order.
        let (root, mut next) = self.page(stream, None, 1).await?;
        let wrong = |why: &dyn fmt::Display| ClientError::Unproven { asked: stream, why: why.to_string() };
        let root = root.into_iter().next().filter(|root| root.id() == stream);
        let root = root.ok_or_else(|| wrong(&"its root is not the first"))?;
        let endless = Share { objects: u64::MAX, bytes: u64::MAX };
        let limits = PendingLimits { all: endless, peer: endless, author: endless };
        let opened = Stream::open_with_limits(root, hash_key, limits);
        let mut copy = Copy { stream: opened.map_err(|error: OpenError| wrong(&error))?, rejected: Vec::new() };
        on_page(1);
        while let Some(after) = next {
            let (objects, then) = self.page(stream, Some(after), super::server::MAX_OBJECTS).await?;
            on_page(objects.len());
            let has_new = objects.iter().any(|object| !copy.stream.contains(&object.id()));
            objects.into_iter().for_each(|object| copy.take(object));
            // Whoever goes round in circles comes to no end.
            if then.is_some() && !has_new {
                return Err(self.unclear());
            }
            next = then;
        }
        // Where a checkpoint came meanwhile, the order became another, and something may have been passed over.
        for gap in copy.stream.gaps() {
            copy.take(self.object(stream, gap).await?);
        }
        // What a governor removed for all (spec 3.4) is shown to nobody.
        for (id, map) in copy.stream.removed() {
            let _ = copy.stream.redact(&id, &map);
        }
        Ok(copy)
    }

    /// What an object cites that the key writes now.
    pub async fn edges(&self, stream: StreamId) -> Result<Edges, ClientError> {
        Ok(self.get::<Cites>(&format!("/streams/{stream}/edges")).await?.within(stream))
    }

    /// Signs an object, and appends it.
    pub async fn append(&self, stream: StreamId, draft: impl FnOnce(Edges) -> Draft) -> Result<Appended, ClientError> {
        let object = draft(self.edges(stream).await?).timestamp(self.clock.now()).sign(&self.key)?;
        self.send(stream, &object).await
    }

    /// Appends an object that is signed. Where the link breaks it is sent once more: it is there once, whatever comes.
    pub async fn send(&self, stream: StreamId, object: &Authentic) -> Result<Appended, ClientError> {
        let target = format!("/streams/{stream}/objects");
        let parts = object.object().parts();
        let mut sent = self.request(Method::POST, &target, parts.to_vec()).await;
        if let Err(ClientError::Unreachable { .. }) = sent {
            sent = self.request(Method::POST, &target, parts.to_vec()).await;
        }
        let appended: Appended = self.read(&sent?)?;
        match appended.id == object.id() {
            true => Ok(appended),
            false => Err(self.unclear()),
        }
    }

    /// Asks for access to a stream.
    pub async fn ask(&self, stream: StreamId, note: &str) -> Result<(), ClientError> {
        let body = serde_json::to_vec(&Ask { note: note.to_owned() }).expect("a text");
        self.request(Method::POST, &format!("/streams/{stream}/asks"), body).await.map(drop)
    }

    /// Who asked for access to a stream, and has no answer yet.
    pub async fn asks(&self, stream: StreamId) -> Result<Vec<Asked>, ClientError> {
        Ok(self.get::<Asks>(&format!("/streams/{stream}/asks")).await?.asks)
    }

    /// Lets somebody read or write, as [`members::invite`] does: a removal of the same key is taken back.
    pub async fn invite(&self, stream: StreamId, author: &VerifyingKey, role: Role) -> Result<Appended, ClientError> {
        let Removals { removals } = self.get(&format!("/streams/{stream}/removals/{author}")).await?;
        for removal in &removals {
            // The server may name anything: what is taken back is read first.
            let object = self.object(stream, *removal).await?;
            let is_removal = match Content::read(&object) {
                Ok(Content::Policy { rules, withdraws }) => {
                    withdraws.is_empty() && rules.iter().all(|rule| members::removes(rule, author))
                }
                _ => false,
            };
            if !is_removal {
                return Err(ClientError::MoreThanRemoval(*removal));
            }
        }
        let withdraws = match removals.is_empty() {
            true => None,
            false => Some(to_map(&Withdraws { withdraws: removals })?),
        };
        let invites = |edges: Edges| {
            let draft = Draft::event(types::POLICY, edges).policies(role.rules(author));
            match withdraws {
                Some(withdraws) => draft.data(withdraws),
                None => draft,
            }
        };
        self.append(stream, invites).await
    }

    /// Lets somebody read and write no more, or says no to somebody who asked.
    pub async fn remove(&self, stream: StreamId, author: &VerifyingKey) -> Result<Appended, ClientError> {
        self.append(stream, |edges| Draft::event(types::POLICY, edges).policies([Rule::remove(author)])).await
    }

    async fn get<T: DeserializeOwned>(&self, target: &str) -> Result<T, ClientError> {
        self.read(&self.request(Method::GET, target, Vec::new()).await?)
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|_| self.unclear())
    }

    async fn request(&self, method: Method, target: &str, body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        let request = Request {
            method: method.as_str(),
            target,
            body: *blake3::hash(&body).as_bytes(),
            audience: self.at.key(),
            nonce: random()?,
            expires: self.clock.now() + LIFE,
        };
        let headers = request.sign(&self.key);
        let mut request = self.http.request(method, self.at.join(target)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER {
                return Err(self.unclear());
            }
        }
        match status.is_success() {
            true => Ok(body),
            false => Err(ClientError::Refused(Box::new(self.read(&body)?))),
        }
    }

    /// What was answered is no answer.
    fn unclear(&self) -> ClientError {
        ClientError::Answer(Box::new(self.at.clone()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let why = if error.is_timeout() { "it takes too long".to_owned() } else { cause.to_string() };
        ClientError::Unreachable { at: Box::new(self.at.clone()), why }
    }
}

impl Copy {
    fn take(&mut self, object: Authentic) {
        let id = object.id();
        if let Err(reason) = self.stream.admit(object, 0) {
            self.rejected.push((id, reason));
        }
    }
}

/// The object of an entry, if it is the one that was asked for, of this stream, and its author signed it.
fn prove(stream: StreamId, asked: ObjectId, entry: &Entry) -> Result<Authentic, ClientError> {
    let wrong = |why: &dyn fmt::Display| ClientError::Unproven { asked, why: why.to_string() };
    let object = Object::decode(&entry.parts).map_err(|error| wrong(&error))?;
    if object.id() != asked {
        return Err(wrong(&format_args!("it is {}", object.id())));
    }
    let authenticator = &mut Authenticator::new(HashKey::from_bytes(random()?));
    let authentic = authenticator.authenticate(object).map_err(|error| wrong(&error))?;
    match authentic.id() == stream || authentic.header().stream() == Some(stream) {
        true => Ok(authentic),
        false => Err(wrong(&"it belongs to another stream")),
    }
}

fn random<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ClientError::Unable(error.to_string()))?;
    Ok(bytes)
}
