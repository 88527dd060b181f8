//! RSS, Atom and JSON feeds.

use async_trait::async_trait;
use feed_rs::model::Entry;
use feed_rs::parser;
use url::Url;

use super::{Cursor, End, FetchError, Fetcher, Page, Pages, http, poison};
use crate::object::{Fetched, Item, Resource};
use crate::vault::SecretString;

/// A feed.
#[derive(Debug)]
pub struct Feed {
    url: Url,
    resource: Resource,
    credential: Option<SecretString>,
}

impl Feed {
    /// The fetcher of a resource.
    pub fn new(resource: &Resource, credential: Option<SecretString>) -> Result<Self, FetchError> {
        let url = Url::parse(&resource.source).map_err(|error| FetchError::Gone(error.to_string()))?;
        Ok(Self { url, resource: resource.clone(), credential })
    }
}

#[async_trait]
impl Fetcher for Feed {
    async fn begin(&self, cursor: &Cursor, now: u64) -> Result<Box<dyn Pages>, FetchError> {
        let since = (!cursor.unfinished).then_some(cursor);
        let answer = http::get(&self.url, &self.url, since, self.credential.as_ref(), now).await?;
        let Some(body) = &answer.body else {
            let end = End { cursor: cursor.clone(), not_modified: true, rest: answer.rest, complete: false };
            return Ok(Box::new(One { page: None, end }));
        };
        let mut page = Page::default();
        let parser = parser::Builder::new().base_uri(Some(answer.url.as_str())).build();
        match parser.parse(&body[..]) {
            Ok(feed) => {
                let fetched = Fetched { at: now, from: None, etag: answer.etag.clone() };
                let item = |entry: &Entry| item(entry, &self.resource, &fetched);
                page.items = feed.entries.iter().map(item).collect();
                // The oldest first, as far as they tell.
                page.items.reverse();
                page.items.sort_by_key(|item| item.time.unwrap_or(0));
            }
            Err(error) => page.poison.push(poison(self.url.as_str(), format!("it is no feed: {error}"), body)),
        }
        let cursor = Cursor { etag: answer.etag, modified: answer.modified, ..Cursor::default() };
        let end = End { cursor, not_modified: false, rest: answer.rest, complete: false };
        Ok(Box::new(One { page: Some(page), end }))
    }
}

#[derive(Debug)]
struct One {
    page: Option<Page>,
    end: End,
}

#[async_trait]
impl Pages for One {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        Ok(self.page.take())
    }

    fn end(&self) -> End {
        self.end.clone()
    }
}

fn item(entry: &Entry, resource: &Resource, fetched: &Fetched) -> Item {
    let body = entry.content.as_ref().and_then(|content| content.body.as_deref());
    let body = body.or(entry.summary.as_ref().map(|summary| summary.content.as_str())).unwrap_or_default();
    let title = entry.title.as_ref().map(|title| text_of(&title.content));
    let time = |time: &chrono::DateTime<chrono::Utc>| u64::try_from(time.timestamp_millis()).ok();
    let mut hasher = blake3::Hasher::new();
    hasher.update(title.as_deref().unwrap_or_default().as_bytes()).update(&[0]).update(body.as_bytes());
    let mut item = Item {
        resource: Some(resource.key().to_bytes()),
        source: entry.id.clone(),
        revision: Some(hasher.finalize().to_hex()[..16].to_owned()),
        kind: "entry".into(),
        time: entry.published.as_ref().or(entry.updated.as_ref()).and_then(time),
        actor: entry.authors.first().and_then(|author| author.name.clone()),
        title,
        link: entry.links.first().map(|link| link.href.clone()),
        fetched: Some(fetched.clone()),
        ..Item::default()
    };
    item.take_content(text_of(body).as_bytes());
    item
}

/// The text of HTML: without tags, scripts and styles, with the usual five characters written out.
pub fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        let Some(end) = rest.find('>').filter(|_| is_tag) else {
            text.push('<');
            rest = &rest[1..];
            continue;
        };
        let name = rest[1..end].trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let opens = !rest[1..].starts_with('/');
        rest = &rest[end + 1..];
        if opens && ["script", "style"].contains(&name.as_str()) {
            let close = format!("</{name}");
            let at = rest.to_ascii_lowercase().find(&close).unwrap_or(rest.len());
            rest = &rest[at..];
        }
        if !text.ends_with([' ', '\n']) && !["b", "i", "em", "strong", "a", "code", "span"].contains(&name.as_str()) {
            text.push('\n');
        }
    }
    text.push_str(rest);
    for (name, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")] {
        text = text.replace(name, c);
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_read_as_text() {
        assert_eq!(text_of("<p>Hello <b>you</b> &amp; me</p><script>x < 1</script><p>2 < 3"), "Hello you & me\n2 < 3");
        assert_eq!(text_of("a &amp;lt; b"), "a &lt; b");
        assert_eq!(text_of("<STYLE>p{}</style>x"), "x");
        assert_eq!(text_of("<"), "<");
    }
}
