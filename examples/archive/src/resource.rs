//! Resources: what they are known by, and how their sources are spelled.

use std::fmt;

use data_encoding::HEXLOWER;
use streams_core::Bytes;

use crate::object::Resource;

/// What a resource of a stream is known by: a hash of its kind and of its source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey([u8; 16]);

impl ResourceKey {
    /// The key of a resource.
    pub fn of(kind: &str, source: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("streams 2026 archive resource v1");
        hasher.update(&(kind.len() as u64).to_be_bytes()).update(kind.as_bytes()).update(source.as_bytes());
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        Self(key)
    }

    /// From its bytes; `None` where they are not 16.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// As it stands in objects.
    pub fn to_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// In hexadecimal, 32 digits.
impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The kinds of resources.
pub const KINDS: [&str; 5] = ["git", "folder", "feed", "http", "webhook"];

/// Why something is no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It names no kind that is known.
    #[error("{0:?} names no kind of resource: git:FOLDER, folder:FOLDER, feed:URL, http:URL or webhook:NAME")]
    Kind(String),
    /// It is empty, or too long, or has control characters.
    #[error("a source is 1 to 2,048 characters, without control characters")]
    Form,
    /// It is no address.
    #[error("{0} is no address: it begins with http:// or https://, and names a host")]
    Url(String),
    /// There is a secret in it, which everybody who reads the stream would read.
    #[error(
        "there is a secret in this address ({0}), and everybody who reads the stream would have it; put it into the vault with `streams vault add`, and name it with --credential"
    )]
    Secret(&'static str),
}

impl SourceError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind(_) => "kind",
            Self::Form => "form",
            Self::Url(_) => "url",
            Self::Secret(_) => "secret",
        }
    }
}

/// Names of parameters that carry secrets.
const SECRETS: [&str; 12] = [
    "access_token",
    "api_key",
    "apikey",
    "auth",
    "client_secret",
    "key",
    "passwd",
    "password",
    "private_token",
    "secret",
    "sig",
    "token",
];

impl Resource {
    /// A resource of this kind and source, which are as they should be ([`Resource::parse`]).
    pub fn new(kind: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            source: source.into(),
            credential: None,
            interval: None,
            enabled: None,
            filters: None,
            items: None,
            id: None,
            time: None,
            title: None,
            actor: None,
            event: None,
            next: None,
            cleared: None,
        }
    }

    /// Reads `KIND:SOURCE`, or an address or a path whose kind is plain, and spells the source in one way: the scheme and
    /// the host of an address in lower case, no default port, no fragment. Paths are taken as they are.
    ///
    /// ```
    /// # use streams_archive::Resource;
    /// let feed = Resource::parse("feed:HTTPS://Example.org:443/news.xml#top")?;
    /// assert_eq!((feed.kind.as_str(), feed.source.as_str()), ("feed", "https://example.org/news.xml"));
    /// assert_eq!(Resource::parse("http:https://ada:secret@example.org/").unwrap_err().code(), "secret");
    /// # Ok::<(), streams_archive::resource::SourceError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let split = text.split_once(':').filter(|(kind, rest)| KINDS.contains(kind) && !rest.starts_with("//"));
        let (kind, source) = match split {
            Some(split) => split,
            None if text.starts_with("http://") || text.starts_with("https://") => ("feed", text),
            None => return Err(SourceError::Kind(text.to_owned())),
        };
        let is_plain = !source.is_empty() && source.len() <= 2048 && !source.chars().any(char::is_control);
        if !is_plain {
            return Err(SourceError::Form);
        }
        let source = match kind {
            "feed" | "http" => canonical(source)?,
            _ => source.to_owned(),
        };
        Ok(Self::new(kind, source))
    }

    /// The same resource, of which nothing is said.
    pub fn empty(&self) -> Self {
        Self::new(self.kind.clone(), self.source.clone())
    }

    /// What it is known by.
    pub fn key(&self) -> ResourceKey {
        ResourceKey::of(&self.kind, &self.source)
    }

    /// Whether it is fetched.
    pub fn is_enabled(&self) -> bool {
        self.enabled != Some(false)
    }

    /// As people write it.
    pub fn name(&self) -> String {
        format!("{}:{}", self.kind, self.source)
    }
}

/// One spelling of an address, without a secret.
fn canonical(text: &str) -> Result<String, SourceError> {
    let wrong = || SourceError::Url(text.split(['?', '@']).next().unwrap_or_default().to_owned());
    let mut url = url::Url::parse(text).map_err(|_| wrong())?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(SourceError::Secret("before the @"));
    }
    let is_secret = |name: &str| SECRETS.iter().find(|secret| name.eq_ignore_ascii_case(secret)).copied();
    if let Some(name) = url.query_pairs().find_map(|(name, _)| is_secret(&name)) {
        return Err(SourceError::Secret(name));
    }
    url.set_fragment(None);
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_has_one_spelling() {
        let key = |text: &str| Resource::parse(text).unwrap().key();
        assert_eq!(key("feed:http://example.org/a"), key("http://EXAMPLE.org:80/a#x"));
        assert_ne!(key("feed:http://example.org/a"), key("http:http://example.org/a"));
        assert_ne!(ResourceKey::of("ab", "c"), ResourceKey::of("a", "bc"));
    }

    #[test]
    fn what_is_no_source_is_told() {
        for (text, code) in [
            ("", "kind"),
            ("ftp://example.org", "kind"),
            ("feed:", "form"),
            ("folder:a\nb", "form"),
            ("feed:example.org", "url"),
            ("feed:http://", "url"),
            ("feed:file:///etc/passwd", "url"),
            ("http:https://token@example.org/", "secret"),
            ("http:https://:x@example.org/", "secret"),
            ("http:https://example.org/?Access_Token=x", "secret"),
            ("feed:https://example.org/?a=b&key=x", "secret"),
        ] {
            let error = Resource::parse(text).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
            assert!(!error.to_string().contains("=x"), "{error}");
        }
    }
}
