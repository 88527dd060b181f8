//! JSON over HTTP: lists of events, page by page, the newest first.

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use super::{Cursor, End, FetchError, Fetcher, Page, Pages, http, poison};
use crate::object::{Fetched, Item, Resource};
use crate::vault::SecretString;

/// The most pages of one run.
const MAX_PAGES: usize = 1_000;

/// A source of JSON.
#[derive(Debug)]
pub struct Json {
    url: Url,
    resource: Resource,
    credential: Option<SecretString>,
}

impl Json {
    /// The fetcher of a resource.
    pub fn new(resource: &Resource, credential: Option<SecretString>) -> Result<Self, FetchError> {
        let url = Url::parse(&resource.source).map_err(|error| FetchError::Gone(error.to_string()))?;
        Ok(Self { url, resource: resource.clone(), credential })
    }
}

#[async_trait]
impl Fetcher for Json {
    async fn begin(&self, cursor: &Cursor, now: u64) -> Result<Box<dyn Pages>, FetchError> {
        // Who did not come to the end wants all again, changed or not.
        let since = (!cursor.unfinished).then_some(cursor);
        let answer = http::get(&self.url, &self.url, since, self.credential.as_ref(), now).await?;
        let not_modified = answer.body.is_none();
        let cursor = match not_modified {
            true => cursor.clone(),
            false => Cursor { etag: answer.etag.clone(), modified: answer.modified.clone(), ..Cursor::default() },
        };
        let end = End { cursor, not_modified, rest: answer.rest, complete: false };
        let Self { url, resource, credential } = self;
        Ok(Box::new(JsonPages {
            source: url.clone(),
            resource: resource.clone(),
            credential: credential.clone(),
            answer: (!not_modified).then_some(answer),
            next: None,
            pages: 0,
            now,
            end,
        }))
    }
}

#[derive(Debug)]
struct JsonPages {
    source: Url,
    resource: Resource,
    credential: Option<SecretString>,
    answer: Option<http::Answer>,
    next: Option<Url>,
    pages: usize,
    now: u64,
    end: End,
}

#[async_trait]
impl Pages for JsonPages {
    async fn next(&mut self) -> Result<Option<Page>, FetchError> {
        let answer = match (self.answer.take(), self.next.take()) {
            (Some(answer), _) => answer,
            (None, Some(next)) if self.pages < MAX_PAGES => {
                http::get(&next, &self.source, None, self.credential.as_ref(), self.now).await?
            }
            (None, _) => return Ok(None),
        };
        self.pages += 1;
        let Some(body) = &answer.body else { return Ok(None) };
        let mut page = Page { newest_first: true, ..Page::default() };
        let value: Value = match serde_json::from_slice(body) {
            Ok(value) => value,
            Err(error) => {
                page.poison.push(poison(format!("page {}", self.pages), format!("it is no JSON: {error}"), body));
                return Ok(Some(page));
            }
        };
        let list = self.resource.items.as_deref().map_or(Some(&value), |at| value.pointer(&pointer(at)));
        let Some(list) = list.and_then(Value::as_array) else {
            page.poison.push(poison(format!("page {}", self.pages), "there is no list of items in it", body));
            return Ok(Some(page));
        };
        for (at, event) in list.iter().enumerate() {
            match self.item(event, &answer) {
                Ok(item) => page.items.push(item),
                Err(reason) => {
                    let bytes = event.to_string();
                    page.poison.push(poison(format!("item {at} of page {}", self.pages), reason, bytes.as_bytes()));
                }
            }
        }
        let named = self.resource.next.as_deref().and_then(|at| value.pointer(&pointer(at)));
        let named = named.and_then(Value::as_str).and_then(|address| answer.url.join(address).ok());
        // A page of another host is not the source's.
        self.next = named.or(answer.next).filter(|next| next.origin() == self.source.origin() && *next != answer.url);
        Ok(Some(page))
    }

    fn end(&self) -> End {
        self.end.clone()
    }
}

impl JsonPages {
    /// Where a page is, where that is elsewhere than the source. What stands behind the `?` of a page may be a secret.
    fn from(&self, page: &Url) -> Option<String> {
        let without = |url: &Url| {
            let mut url = url.clone();
            url.set_query(None);
            url.set_fragment(None);
            url
        };
        (without(page) != without(&self.source)).then(|| without(page).to_string())
    }

    fn item(&self, event: &Value, answer: &http::Answer) -> Result<Item, String> {
        let field = |at: &Option<String>, usual: &str| {
            event.pointer(&pointer(at.as_deref().unwrap_or(usual))).and_then(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        let resource = &self.resource;
        let id = field(&resource.id, "id").filter(|id| !id.is_empty()).ok_or("it has no id")?;
        let time = field(&resource.time, "created_at").and_then(|text| time_of(&text));
        let actor = field(&resource.actor, "actor/login").or_else(|| field(&None, "actor"));
        let kind = field(&resource.event, "type").unwrap_or_else(|| "event".into());
        let title = field(&resource.title, "title").or_else(|| field(&None, "payload/title"));
        let link = field(&None, "html_url").or_else(|| field(&None, "url"));
        let text = serde_json::to_string(event).map_err(|error| error.to_string())?;
        let mut item = Item {
            resource: Some(resource.key().to_bytes()),
            source: id,
            // An event that becomes another is another revision.
            revision: Some(blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()),
            kind,
            time,
            actor,
            title,
            link,
            fetched: Some(Fetched { at: self.now, from: self.from(&answer.url), etag: answer.etag.clone() }),
            ..Item::default()
        };
        item.take_content(text.as_bytes());
        Ok(item)
    }
}

/// A place in JSON: as RFC 6901 has it, or without the first stroke.
fn pointer(at: &str) -> String {
    if at.is_empty() || at.starts_with('/') { at.to_owned() } else { format!("/{at}") }
}

/// A time as sources write it, in milliseconds since 1970: RFC 3339, RFC 2822, or a number of seconds or milliseconds.
pub fn time_of(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        // Seconds reach 10^11 in the year 5138.
        return Some(if number < 100_000_000_000 { number * 1000 } else { number });
    }
    let time = chrono::DateTime::parse_from_rfc3339(text).or_else(|_| chrono::DateTime::parse_from_rfc2822(text));
    u64::try_from(time.ok()?.timestamp_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_each_way() {
        for text in ["1995-05-25T00:00:00Z", "Thu, 25 May 1995 02:00:00 +0200", "801360000", "801360000000"] {
            assert_eq!(time_of(text), Some(801_360_000_000), "{text}");
        }
        assert_eq!([time_of(""), time_of("yesterday"), time_of("-5"), time_of("1900-01-01T00:00:00Z")], [None; 4]);
    }
}
