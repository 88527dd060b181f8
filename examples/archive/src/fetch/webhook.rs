//! What is delivered: the source comes to us. A delivery is signed by HMAC-SHA-256 under a secret that both know, in the
//! header `X-Hub-Signature-256`, as GitHub and others do, or shows the secret as a bearer.

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::fetch::json::time_of;
use crate::object::{Fetched, Item, Resource};
use crate::vault::{ExposeSecret, SecretString};

/// The largest delivery, in bytes.
pub const MAX_DELIVERY: usize = 1 << 20;

/// What was delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The header `X-Hub-Signature-256`.
    pub signature: Option<&'a str>,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// The header `X-GitHub-Delivery`, or `X-Delivery-Id`: the same delivery sent again has the same.
    pub id: Option<&'a str>,
    /// The header `X-GitHub-Event`, or `X-Event`.
    pub event: Option<&'a str>,
    /// The bytes.
    pub body: &'a [u8],
}

/// Why a delivery was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// Neither signature nor bearer is right.
    #[error("it is not signed under the secret of this resource")]
    Unauthorized,
    /// It is too long.
    #[error("it has more than {MAX_DELIVERY} bytes")]
    TooLarge,
    /// There is nothing in it.
    #[error("there is nothing in it")]
    Empty,
}

impl Undelivered {
    /// The code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too-large",
            Self::Empty => "empty",
        }
    }
}

impl Delivery<'_> {
    /// The item of a delivery, if its sender knows the secret.
    pub fn take(&self, resource: &Resource, secret: &SecretString, now: u64) -> Result<Item, Undelivered> {
        if self.body.len() > MAX_DELIVERY {
            return Err(Undelivered::TooLarge);
        }
        if !self.is_authorized(secret) {
            return Err(Undelivered::Unauthorized);
        }
        if self.body.is_empty() {
            return Err(Undelivered::Empty);
        }
        let json: Option<serde_json::Value> = serde_json::from_slice(self.body).ok();
        let field = |at: &Option<String>, usual: &str| {
            let at = at.as_deref().unwrap_or(usual);
            let at = if at.starts_with('/') { at.to_owned() } else { format!("/{at}") };
            Some(json.as_ref()?.pointer(&at)?.as_str()?.to_owned())
        };
        let digest = blake3::hash(self.body).to_hex();
        let mut item = Item {
            resource: Some(resource.key().to_bytes()),
            // Without an id, the same bytes are the same delivery.
            source: self
                .id
                .map(str::to_owned)
                .or_else(|| field(&resource.id, "id"))
                .unwrap_or_else(|| digest.to_string()),
            revision: None,
            kind: self
                .event
                .map(str::to_owned)
                .or_else(|| field(&resource.event, "action"))
                .unwrap_or("delivery".into()),
            time: field(&resource.time, "created_at").and_then(|text| time_of(&text)).or(Some(now)),
            actor: field(&resource.actor, "sender/login"),
            title: field(&resource.title, "title"),
            fetched: Some(Fetched { at: now, from: None, etag: None }),
            ..Item::default()
        };
        item.take_content(self.body);
        Ok(item)
    }

    fn is_authorized(&self, secret: &SecretString) -> bool {
        let secret = secret.expose_secret().trim();
        let mac = || Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
        let is_signed = self.signature.and_then(|text| text.strip_prefix("sha256=")).is_some_and(|text| {
            let Ok(signature) = HEXLOWER_PERMISSIVE.decode(text.as_bytes()) else { return false };
            mac().chain_update(self.body).verify_slice(&signature).is_ok()
        });
        let shows = self.authorization.and_then(|text| text.strip_prefix("Bearer ")).is_some_and(|shown| {
            // In a time that tells nothing: both are hashed under the same key.
            let of = |text: &str| mac().chain_update(text.trim().as_bytes()).finalize().into_bytes();
            mac().chain_update(shown.trim().as_bytes()).verify_slice(&of(secret)).is_ok()
        });
        !secret.is_empty() && (is_signed || shows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery<'a>(signature: Option<&'a str>, authorization: Option<&'a str>, body: &'a [u8]) -> Delivery<'a> {
        Delivery { signature, authorization, id: None, event: None, body }
    }

    #[test]
    fn deliveries_are_known_by_the_secret() {
        let resource = Resource::new("webhook", "ci");
        let secret = SecretString::from("It's a Secret to Everybody".to_owned());
        let take = |delivery: Delivery<'_>| delivery.take(&resource, &secret, 5).map(|item| item.source);
        // The example of GitHub's documentation.
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(take(delivery(Some(good), None, b"Hello, World!")).is_ok());
        assert!(take(delivery(None, Some("Bearer It's a Secret to Everybody"), b"x")).is_ok());
        for (signature, bearer) in [
            (None, None),
            (Some("sha256="), None),
            (Some("sha256=zz"), None),
            (Some(&good[..20]), None),
            (Some("757107ea"), None),
            (None, Some("Bearer ")),
            (None, Some("Bearer it's a secret to everybody")),
            (None, Some("Basic It's a Secret to Everybody")),
        ] {
            assert_eq!(take(delivery(signature, bearer, b"Hello, World!")), Err(Undelivered::Unauthorized));
        }
        assert_eq!(take(delivery(Some(good), None, b"Hello, World?")), Err(Undelivered::Unauthorized));
        let large = vec![b'x'; MAX_DELIVERY + 1];
        assert_eq!(take(delivery(Some(good), None, &large)), Err(Undelivered::TooLarge));
        let none = SecretString::from(String::new());
        let shown = delivery(None, Some("Bearer "), b"x").take(&resource, &none, 5);
        assert_eq!(shown.unwrap_err(), Undelivered::Unauthorized, "no secret is no secret");
    }

    #[test]
    fn the_same_delivery_is_the_same_item() {
        let resource = Resource::new("webhook", "ci");
        let secret = SecretString::from("s".to_owned());
        let take = |id, body| Delivery { id, ..delivery(None, Some("Bearer s"), body) }.take(&resource, &secret, 5);
        let subject = |id, body| take(id, body).unwrap().subject();
        assert_eq!(subject(None, b"{}"), subject(None, b"{}"));
        assert_ne!(subject(None, b"{}"), subject(None, b"{} "));
        assert_eq!(subject(Some("7"), b"{}"), subject(Some("7"), b"{} "));
        let body = br#"{"action":"opened","title":"A bug","sender":{"login":"ada"}}"#;
        let item = take(None, body).unwrap();
        assert_eq!(
            (item.kind.as_str(), item.title.as_deref(), item.actor.as_deref()),
            ("opened", Some("A bug"), Some("ada"))
        );
    }
}
