//! Sources on this machine's own loopback, and repositories.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// What a source answers: status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

type Answers = dyn Fn(&str, &HeaderMap) -> Answer + Send + Sync;

/// A source on this machine's own loopback, which ends with the test.
pub(crate) struct Source {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    answers: Mutex<Box<Answers>>,
    asked: Mutex<Vec<(String, BTreeMap<String, String>)>>,
}

impl Source {
    pub(crate) async fn start(answers: impl Fn(&str, &HeaderMap) -> Answer + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { answers: Mutex::new(Box::new(answers)), asked: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, shared }
    }

    pub(crate) fn answer(&self, answers: impl Fn(&str, &HeaderMap) -> Answer + Send + Sync + 'static) {
        *self.shared.answers.lock().unwrap() = Box::new(answers);
    }

    /// What was asked, with the headers.
    pub(crate) fn asked(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.shared.asked.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.to_string();
    let text = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    shared.asked.lock().unwrap().push((path.clone(), text.collect()));
    let (status, headers, body) = shared.answers.lock().unwrap()(&path, &headers);
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    (200, Vec::new(), body.into())
}

/// A server that answers as GitHub's list of events does: pages of 30, the newest first, with `Link`, `ETag` and
/// `X-Poll-Interval`. The form of an event was recorded there.
pub(crate) fn events(count: usize) -> impl Fn(&str, &HeaderMap) -> Answer + Send + Sync {
    move |path, headers| {
        let etag = format!("W/\"{count}\"");
        let page: usize = path.split("page=").nth(1).and_then(|page| page.parse().ok()).unwrap_or(1);
        if page == 1 && headers.get("if-none-match").is_some_and(|tag| tag.as_bytes() == etag.as_bytes()) {
            return (304, vec![("etag", etag)], Vec::new());
        }
        let newest = count.saturating_sub((page - 1) * 30);
        let list: Vec<_> = (1..=newest).rev().take(30).map(event).collect();
        let mut headers = vec![("etag", etag), ("x-poll-interval", "60".into())];
        if newest > 30 {
            headers
                .push(("link", format!("</events?page={}>; rel=\"next\", </events?page=99>; rel=\"last\"", page + 1)));
        }
        (200, headers, serde_json::to_vec(&list).unwrap())
    }
}

fn event(number: usize) -> serde_json::Value {
    serde_json::json!({
        "id": format!("{}", 22_249_084_000 + number),
        "type": if number.is_multiple_of(3) { "PushEvent" } else { "WatchEvent" },
        "actor": {"id": 583_231, "login": "octocat", "display_login": "octocat"},
        "repo": {"id": 1_296_269, "name": "octocat/Hello-World"},
        "payload": {"action": "started", "number": number},
        "public": true,
        "created_at": format!("2022-06-09T12:{:02}:{:02}Z", number / 60 % 60, number % 60),
    })
}

/// Runs git in a folder, with a name and without settings.
pub(crate) fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdout(Stdio::null());
    assert!(command.stderr(Stdio::null()).status().unwrap().success(), "{args:?}");
}

pub(crate) fn commit(folder: &Path, message: &str) {
    git(folder, &["commit", "-q", "--allow-empty", "-m", message]);
}
