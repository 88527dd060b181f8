//! The API: a server and its callers over loopback; whoever is not who he says, and whoever gives what he was not asked
//! for.

mod answers;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value as Json;
use streams_archive::api::address::Address;
use streams_archive::api::client::{Client, ClientError};
use streams_archive::api::request::{LIFE, Request, headers};
use streams_archive::api::server::Server;
use streams_archive::write::Hand;
use streams_core::clock::Clock;
use streams_core::{Draft, Map, MemoryClock, MemoryStore, Node, Rule, SigningKey, StreamId, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fixtures::{ada, memory, node};

/// What it is, when a test begins.
const NOW: u64 = 1_795_266_300_000;

/// How long a test may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A server that runs.
struct Served {
    store: Arc<MemoryStore>,
    node: Arc<Node>,
    clock: Arc<MemoryClock>,
    at: Address,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn eve() -> SigningKey {
    SigningKey::from_bytes([66; 32])
}

fn server_key() -> SigningKey {
    SigningKey::from_bytes([77; 32])
}

impl Served {
    async fn start() -> Self {
        Self::over(memory()).await
    }

    async fn over(store: Arc<MemoryStore>) -> Self {
        let (node, clock) = (Arc::new(node(store.clone())), Arc::new(MemoryClock::new(NOW)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = server_key().verifying_key();
        let at = format!("http://{own}@{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = Server::new(node.clone(), own, clock.clone());
        let task = tokio::spawn(async move { server.serve(listener, std::future::pending()).await.unwrap() });
        Self { store, node, clock, at, task }
    }

    fn client(&self, key: SigningKey) -> Client {
        Client::new(self.at.clone(), key, self.clock.clone()).unwrap()
    }

    /// A stream of ada's with so many objects beside its root.
    async fn stream(&self, rules: Vec<Rule>, objects: usize) -> StreamId {
        let root = Draft::root("example.org/list", [objects as u8; 16]).policies(rules).sign(&ada()).unwrap();
        let stream = self.node.create(root).await.unwrap();
        let write = |stream: &mut streams_core::Stream| {
            for number in 0..objects {
                let data = Map::new().with("number", Value::Uint(number as u64)).unwrap();
                stream.by(&ada()).append("example.org/list.Added", data).unwrap();
            }
        };
        self.node.write(stream, write).await.unwrap();
        stream
    }

    async fn private(&self) -> StreamId {
        self.stream(vec![Rule::readers([&ada().verifying_key()])], 3).await
    }

    fn hand<'a>(&'a self, key: &'a SigningKey) -> Hand<'a> {
        Hand { node: &self.node, key, now: self.clock.now() }
    }

    /// A request that is right.
    fn sent(&self, method: Method, target: &str, body: &[u8]) -> Sent {
        let (method, target, body) = (method, target.to_owned(), body.to_vec());
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).unwrap();
        let request = Request {
            method: method.as_str(),
            target: &target,
            body: *blake3::hash(&body).as_bytes(),
            audience: self.at.key(),
            nonce,
            expires: self.clock.now() + LIFE,
        };
        let headers = request.sign(&ada()).map(|(name, value)| (name, value)).into();
        Sent { method, target, body, headers }
    }

    async fn send(&self, sent: &Sent) -> (u16, Json) {
        let Sent { method, target, body, headers } = sent;
        let url = self.at.to_string().replace(&format!("{}@", self.at.key()), "") + target;
        let mut request = reqwest_client().request(method.clone(), url).body(body.clone());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        answered(request.send().await.unwrap()).await
    }

    #[track_caller]
    fn expect(&self, sent: &Sent, status: u16, code: &str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            let (found, answer) = self.send(sent).await;
            assert_eq!((found, answer["code"].as_str()), (status, Some(code)), "at {at}: {answer}");
            assert!(answer["sentence"].as_str().unwrap().len() > 10, "at {at}: {answer}");
        }
    }
}

fn reqwest_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap()
}

async fn answered(response: Response) -> (u16, Json) {
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Json::Null))
}

/// What is sent.
#[derive(Clone)]
struct Sent {
    method: Method,
    target: String,
    body: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

impl Sent {
    /// With a header of another value.
    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut sent = self.without(name);
        sent.headers.push((name, value.to_owned()));
        sent
    }

    fn without(&self, name: &'static str) -> Self {
        let mut sent = self.clone();
        sent.headers.retain(|(own, _)| *own != name);
        sent
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(own, _)| *own == name).unwrap().1
    }
}

fn in_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, test).await.expect("it takes too long") })
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> String {
    match answer {
        Err(error) => error.code().to_owned(),
        Ok(answer) => panic!("{answer:?}"),
    }
}
