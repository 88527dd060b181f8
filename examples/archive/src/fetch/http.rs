//! Asking over HTTP: with a limit on everything, and the credential for its own host alone.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, HeaderName, LAST_MODIFIED, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use url::Url;

use super::{Cursor, FetchError};
use crate::vault::{ExposeSecret, SecretString};

/// The largest answer, in bytes.
pub const MAX_BODY: usize = 16 << 20;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a source is left alone that does not say how long it wants to be.
const USUAL_REST: u64 = 60_000;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// Where from.
    pub url: Url,
    /// The bytes; `None` where nothing changed since.
    pub body: Option<Vec<u8>>,
    /// The address of the next page, as the header `Link` tells.
    pub next: Option<Url>,
    /// The tag of what was sent.
    pub etag: Option<String>,
    /// When it was changed last.
    pub modified: Option<String>,
    /// How long the source wants to be left alone, in milliseconds.
    pub rest: Option<u64>,
}

/// One client for all: connections are kept and used again.
fn client() -> Result<Client, FetchError> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    // Another part of the program may have chosen already; both choose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Client::builder()
        .user_agent(concat!("streams-archive/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT)
        .redirect(redirect::Policy::limited(5))
        .build()
        .map_err(|error| FetchError::Transient(format!("there is no client for HTTP: {}", plain(&error))))?;
    Ok(CLIENT.get_or_init(|| built).clone())
}

/// What went wrong, with its causes and without addresses: an address may hold what nobody should read.
fn plain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    match text {
        _ if error.is_timeout() => "it took too long".to_owned(),
        text if text.is_empty() => "no answer".to_owned(),
        text => text,
    }
}

/// Asks for an address. The credential goes to the host of `source` alone.
pub async fn get(
    url: &Url,
    source: &Url,
    cursor: Option<&Cursor>,
    credential: Option<&SecretString>,
    now: u64,
) -> Result<Answer, FetchError> {
    let mut request = client()?.get(url.clone());
    if let Some(cursor) = cursor {
        if let Some(etag) = &cursor.etag {
            request = request.header("if-none-match", etag);
        }
        if let Some(modified) = &cursor.modified {
            request = request.header("if-modified-since", modified);
        }
    }
    if let Some(credential) = credential.filter(|_| url.origin() == source.origin()) {
        let secret = credential.expose_secret().trim();
        let has_scheme = ["Bearer ", "Basic ", "token "].iter().any(|scheme| secret.starts_with(scheme));
        let value = if has_scheme { secret.to_owned() } else { format!("Bearer {secret}") };
        let mut value = reqwest::header::HeaderValue::try_from(value)
            .map_err(|_| FetchError::Unauthorized("the credential is no text that can be sent".into()))?;
        value.set_sensitive(true);
        request = request.header("authorization", value);
    }
    let host = source.host_str().unwrap_or_default();
    let transient = |error: reqwest::Error| FetchError::Transient(format!("{host}: {}", plain(&error)));
    let mut response = request.send().await.map_err(transient)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let answer = Answer {
        url: response.url().clone(),
        body: None,
        next: next_of(&headers, response.url()),
        etag: text(&headers, ETAG),
        modified: text(&headers, LAST_MODIFIED),
        rest: seconds(&headers, "x-poll-interval").map(|seconds| seconds.saturating_mul(1000)),
    };
    if status == StatusCode::NOT_MODIFIED {
        return Ok(answer);
    }
    if let Some(error) = refused(status, &headers, host, now) {
        return Err(error);
    }
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(transient)? {
        body.extend_from_slice(&piece);
        if body.len() > MAX_BODY {
            return Err(FetchError::Transient(format!("{host} sends more than {} MiB at once", MAX_BODY >> 20)));
        }
    }
    Ok(Answer { body: Some(body), ..answer })
}

/// What a status means, where it is not an answer.
fn refused(status: StatusCode, headers: &HeaderMap, host: &str, now: u64) -> Option<FetchError> {
    if status.is_success() {
        return None;
    }
    let said = format!("{host} answers {status}");
    let is_used_up = text(headers, HeaderName::from_static("x-ratelimit-remaining")).as_deref() == Some("0");
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN && (is_used_up || headers.contains_key(RETRY_AFTER)));
    Some(match status {
        _ if is_limit => FetchError::RateLimited { after: rest_of(headers, now).unwrap_or(USUAL_REST) },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Unauthorized(said),
        StatusCode::NOT_FOUND | StatusCode::GONE => FetchError::Gone(said),
        StatusCode::SERVICE_UNAVAILABLE if headers.contains_key(RETRY_AFTER) => {
            FetchError::RateLimited { after: rest_of(headers, now).unwrap_or(USUAL_REST) }
        }
        _ => FetchError::Transient(said),
    })
}

/// How long a source wants to be left alone, in milliseconds: by `Retry-After`, in seconds or as a time, or by
/// `X-RateLimit-Reset`, in seconds since 1970.
fn rest_of(headers: &HeaderMap, now: u64) -> Option<u64> {
    let after = text(headers, RETRY_AFTER);
    let date = after.as_ref().and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
    let until = |seconds: i64| u64::try_from(seconds).ok()?.saturating_mul(1000).checked_sub(now);
    seconds(headers, "retry-after")
        .map(|seconds| seconds.saturating_mul(1000))
        .or_else(|| until(date?.timestamp()))
        .or_else(|| until(i64::try_from(seconds(headers, "x-ratelimit-reset")?).ok()?))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|text| text.chars().take(1024).collect())
}

fn seconds(headers: &HeaderMap, name: &'static str) -> Option<u64> {
    text(headers, HeaderName::from_static(name))?.trim().parse().ok()
}

/// The address of the next page, by the header `Link` (RFC 8288).
fn next_of(headers: &HeaderMap, at: &Url) -> Option<Url> {
    let links = headers.get_all("link").iter().filter_map(|value| value.to_str().ok());
    let mut links = links.flat_map(|links| links.split(','));
    links.find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = rest.split(';').any(|part| part.trim().replace('"', "").eq_ignore_ascii_case("rel=next"));
        is_next.then(|| at.join(address).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn statuses_mean_what_they_mean() {
        let code = |status: u16, pairs: &[(&'static str, &'static str)]| {
            refused(StatusCode::from_u16(status).unwrap(), &headers(pairs), "x", 1_000_000).map(|error| error.code())
        };
        assert_eq!(code(200, &[]), None);
        assert_eq!(code(401, &[]), Some("unauthorized"));
        assert_eq!(code(403, &[]), Some("unauthorized"));
        assert_eq!(code(403, &[("x-ratelimit-remaining", "0")]), Some("rate-limited"));
        assert_eq!(code(429, &[]), Some("rate-limited"));
        assert_eq!([code(404, &[]), code(410, &[])], [Some("gone"); 2]);
        assert_eq!([code(500, &[]), code(502, &[]), code(418, &[])], [Some("transient"); 3]);
        assert_eq!(code(503, &[("retry-after", "7")]), Some("rate-limited"));
    }

    #[test]
    fn how_long_to_wait_is_read_in_each_way() {
        let rest = |pairs: &[(&'static str, &'static str)]| rest_of(&headers(pairs), 1_000_000_000_000);
        assert_eq!(rest(&[("retry-after", "7")]), Some(7_000));
        assert_eq!(rest(&[("retry-after", "Sun, 09 Sep 2001 01:47:40 GMT")]), Some(60_000));
        assert_eq!(rest(&[("x-ratelimit-reset", "1000000090")]), Some(90_000));
        assert_eq!([rest(&[("retry-after", "soon")]), rest(&[("x-ratelimit-reset", "9")]), rest(&[])], [None; 3]);
    }

    #[test]
    fn the_next_page_is_found() {
        let at = Url::parse("http://example.org/a?page=1").unwrap();
        let next = |link| next_of(&headers(&[("link", link)]), &at).map(String::from);
        assert_eq!(next("<?page=2>; rel=\"next\", <?page=9>; rel=\"last\"").unwrap(), "http://example.org/a?page=2");
        assert_eq!([next("<?page=9>; rel=\"last\""), next("nonsense"), next("")], [None, None, None]);
    }
}
