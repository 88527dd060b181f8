//! `oh1`, the hash of the original proposal in 2019 and 2020 (spec 12.2), for checking old data, never for new objects.
//!
//! Every value has a SHA-256 hash over a tag and its content: a list over the hashes of its elements, a map over those
//! of its keys and values. What is empty has none, so it makes no difference whether it is there.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::json::{base64, is_integer};

/// Why JSON has no `oh1`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Oh1Error {
    /// No JSON, no map, or nested deeper than 128.
    #[error("not an object of the original proposal: {0}")]
    Json(String),
    /// A key without one of the hints of 2019.
    #[error("`{0}`: a key is a name and one of the hints s i u f b d o, behind an `a` for each list")]
    Key(String),
    /// A key occurs twice.
    #[error("`{0}` occurs twice")]
    KeyRepeated(String),
    /// A value does not agree with the hint of its key.
    #[error("`{0}`: a value that does not agree with its hint")]
    Value(String),
}

/// The `oh1` of an object in JSON, with the hints of its time, where `o` is a map.
///
/// Left out are null, empty texts, bytes, lists and maps, the names that begin with `_`, and `@signature:o`. Refused is
/// what the hash of its time guessed at, or lost: keys without a hint, with a later one (`m`, `r`) or with several
/// colons, keys that occur twice, integers with a point or beyond 64 bits, and bytes that are not strict base64.
///
/// ```
/// # use streams_core::oh1;
/// let hash = oh1(r#"{"type:s": "nimona.io/profile.Created", "author:s": "f00"}"#)?;
/// assert_eq!(hash, "oh1.C2Gt3HYoQVAFzU5kCcbqfAFePKgxbsA7Wq3FEGAvRnfS");
/// # Ok::<(), streams_core::Oh1Error>(())
/// ```
pub fn oh1(json: &str) -> Result<String, Oh1Error> {
    let mut fault = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let hash = deserializer.deserialize_map(Hashed { key: "", hint: "o", fault: &mut fault });
    match hash.and_then(|hash| deserializer.end().map(|()| hash)) {
        // Only an object as a whole has a hash where it is empty.
        Ok(hash) => Ok(format!("oh1.{}", bs58::encode(hash.unwrap_or_else(|| tagged("o", b""))).into_string())),
        Err(error) => Err(fault.unwrap_or_else(|| Oh1Error::Json(error.to_string()))),
    }
}

type Hash = [u8; 32];

fn tagged(tag: &str, content: &[u8]) -> Hash {
    Sha256::new().chain_update(tag).chain_update(content).finalize().into()
}

/// A value that is hashed while it is read, as the hint of its key says. `None` where it is left out.
struct Hashed<'r> {
    key: &'r str,
    hint: &'r str,
    fault: &'r mut Option<Oh1Error>,
}

impl Hashed<'_> {
    fn check<T, E: de::Error>(self, value: Option<T>) -> Result<T, E> {
        value.ok_or_else(|| stop(self.fault, Oh1Error::Value(self.key.into())))
    }
}

fn stop<E: de::Error>(fault: &mut Option<Oh1Error>, error: Oh1Error) -> E {
    *fault = Some(error);
    E::custom("a fault that is told apart")
}

impl<'de> DeserializeSeed<'de> for Hashed<'_> {
    type Value = Option<Hash>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Hash>, D::Error> {
        if !matches!(self.hint, "i" | "u" | "f") {
            return deserializer.deserialize_any(self);
        }
        let spelled = <&RawValue as de::Deserialize>::deserialize(deserializer)?.get();
        if spelled == "null" { Ok(None) } else { self.number(spelled) }
    }
}

impl Hashed<'_> {
    /// Integers are hashed as they are spelled, floats by the hexadecimal digits of their bits, twice.
    fn number<E: de::Error>(self, spelled: &str) -> Result<Option<Hash>, E> {
        let hint = self.hint;
        let fits = match hint {
            "i" => is_integer(spelled) && spelled.parse::<i64>().is_ok(),
            "u" => is_integer(spelled) && spelled.parse::<u64>().is_ok(),
            _ => {
                let float = spelled.parse().ok().filter(|float: &f64| float.is_finite());
                let bits = format!("{:x}", self.check(float)?.to_bits());
                return Ok(Some(tagged("f", &tagged("f", bits.as_bytes()))));
            }
        };
        self.check(fits.then(|| Some(tagged(hint, spelled.as_bytes()))))
    }
}

impl<'de> Visitor<'de> for Hashed<'_> {
    type Value = Option<Hash>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value under the hint {}", self.hint)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<Hash>, E> {
        Ok(None)
    }

    fn visit_bool<E: de::Error>(self, bool: bool) -> Result<Option<Hash>, E> {
        let fits = self.hint == "b";
        self.check(fits.then(|| Some(tagged("b", &[bool.into()]))))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Option<Hash>, E> {
        self.check(None)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Option<Hash>, E> {
        self.check(None)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Option<Hash>, E> {
        self.check(None)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Option<Hash>, E> {
        match self.hint {
            "s" | "d" if text.is_empty() => Ok(None),
            "s" => Ok(Some(tagged("s", text.as_bytes()))),
            "d" => self.check(base64(text).ok().map(|bytes| Some(tagged("d", &bytes)))),
            _ => self.check(None),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<Hash>, A::Error> {
        let Some(hint) = self.hint.strip_prefix('a') else { return self.check(None) };
        let Self { key, fault, .. } = self;
        let mut hashes = Vec::new();
        let mut is_empty = true;
        while let Some(hash) = elements.next_element_seed(Hashed { key, hint, fault })? {
            hashes.extend(hash.into_iter().flatten());
            is_empty = false;
        }
        Ok((!is_empty).then(|| tagged("a", &hashes)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Option<Hash>, A::Error> {
        if self.hint != "o" {
            return self.check(None);
        }
        // Pairs stand in the order of their keys, by bytes.
        let mut pairs = BTreeMap::new();
        while let Some(key) = entries.next_key::<String>()? {
            let Some(hint) = hint_of(&key) else { return Err(stop(self.fault, Oh1Error::Key(key))) };
            if pairs.contains_key(&key) {
                return Err(stop(self.fault, Oh1Error::KeyRepeated(key)));
            }
            let hash = if key.starts_with('_') || key == "@signature:o" {
                entries.next_value::<IgnoredAny>()?;
                None
            } else {
                entries.next_value_seed(Hashed { key: &key, hint, fault: &mut *self.fault })?
            };
            pairs.insert(key, hash);
        }
        let hashes: Vec<u8> = pairs
            .iter()
            .filter_map(|(key, hash)| hash.map(|hash| [tagged("s", key.as_bytes()), hash].concat()))
            .flatten()
            .collect();
        Ok((!pairs.is_empty()).then(|| tagged("o", &hashes)))
    }
}

/// The hint of a key, as the proposal had it.
fn hint_of(key: &str) -> Option<&str> {
    let (name, hint) = key.split_once(':')?;
    let kind = hint.trim_start_matches('a');
    let known = !name.is_empty() && matches!(kind, "s" | "i" | "u" | "f" | "b" | "d" | "o");
    known.then_some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(tag: &str, content: &[u8]) -> Vec<u8> {
        Sha256::digest([tag.as_bytes(), content].concat()).to_vec()
    }

    /// The hash of an object with one entry, put together by hand.
    fn of_entry(key: &str, value: Vec<u8>) -> Result<String, Oh1Error> {
        let hash = hash_of("o", &[hash_of("s", key.as_bytes()), value].concat());
        Ok(format!("oh1.{}", bs58::encode(hash).into_string()))
    }

    #[test]
    fn every_hint_has_its_tag() {
        assert_eq!(oh1(r#"{"a:s":"b"}"#), of_entry("a:s", hash_of("s", b"b")));
        assert_eq!(oh1(r#"{"a:d":"AQI="}"#), of_entry("a:d", hash_of("d", &[1, 2])));
        assert_eq!(oh1(r#"{"a:i":-12}"#), of_entry("a:i", hash_of("i", b"-12")));
        assert_eq!(oh1(r#"{"a:u":18446744073709551615}"#), of_entry("a:u", hash_of("u", b"18446744073709551615")));
        assert_eq!(oh1(r#"{"a:b":false}"#), of_entry("a:b", hash_of("b", &[0])));
        assert_eq!(oh1(r#"{"a:b":true}"#), of_entry("a:b", hash_of("b", &[1])));
        assert_eq!(oh1(r#"{"a:f":1.5}"#), of_entry("a:f", hash_of("f", &hash_of("f", b"3ff8000000000000"))));
        assert_eq!(oh1(r#"{"a:f":0}"#), of_entry("a:f", hash_of("f", &hash_of("f", b"0"))));
        let list = [hash_of("i", b"1"), hash_of("i", b"2")].concat();
        assert_eq!(oh1(r#"{"a:ai":[1,2]}"#), of_entry("a:ai", hash_of("a", &list)));
        assert_eq!(oh1(r#"{"a:aai":[[1,2]]}"#), of_entry("a:aai", hash_of("a", &hash_of("a", &list))));
        let map = [hash_of("s", b"b:s"), hash_of("s", b"c")].concat();
        assert_eq!(oh1(r#"{"a:o":{"b:s":"c"}}"#), of_entry("a:o", hash_of("o", &map)));
    }

    #[test]
    fn what_is_empty_or_a_note_makes_no_difference() {
        let plain = oh1(r#"{"a:s":"b","c:as":["d"]}"#).unwrap();
        for json in [
            r#"{"c:as":["d"],"a:s":"b"}"#,
            r#"{"a:s":"b","c:as":["d"],"e:s":"","f:d":"","g:ai":[],"h:o":{},"i:i":null,"j:o":null}"#,
            r#"{"a:s":"b","c:as":["d",""]}"#,
            r#"{"a:s":"b","c:as":["d"],"_signature:o":{"x":1},"@signature:o":{"y:s":"z"}}"#,
        ] {
            assert_eq!(oh1(json).as_ref(), Ok(&plain), "{json}");
        }
        assert_eq!(oh1("{}"), oh1(r#"{"_a:s":"b"}"#));
    }

    #[test]
    fn what_the_proposal_guessed_at_is_refused() {
        let value = |key: &str| Err(Oh1Error::Value(key.into()));
        let key = |key: &str| Err(Oh1Error::Key(key.into()));
        assert_eq!(oh1(r#"{"a:o":{"b:i":1.0}}"#), value("b:i"));
        assert_eq!(oh1(r#"{"a:i":"1"}"#), value("a:i"));
        assert_eq!(oh1(r#"{"a:i":9223372036854775808}"#), value("a:i"));
        assert_eq!(oh1(r#"{"a:u":-1}"#), value("a:u"));
        assert_eq!(oh1(r#"{"a:f":1e400}"#), value("a:f"));
        assert_eq!(oh1(r#"{"a:f":"inf"}"#), value("a:f"));
        assert_eq!(oh1(r#"{"a:d":"AR=="}"#), value("a:d"));
        assert_eq!(oh1(r#"{"a:as":"b"}"#), value("a:as"));
        assert_eq!(oh1(r#"{"a:s":1}"#), value("a:s"));
        assert_eq!(oh1(r#"{"a:ai":-1}"#), value("a:ai"));
        assert_eq!(oh1(r#"{"a:s":["b"]}"#), value("a:s"));
        assert_eq!(oh1(r#"{"a":"b"}"#), key("a"));
        assert_eq!(oh1(r#"{"a:m":{}}"#), key("a:m"));
        assert_eq!(oh1(r#"{"a:b:s":""}"#), key("a:b:s"));
        assert_eq!(oh1(r#"{"a:s":"b","\u0061:s":"b"}"#), Err(Oh1Error::KeyRepeated("a:s".into())));
        for json in ["", "[]", "1", r#"{"a:s":"\ud800"}"#, "{} {}"] {
            assert!(matches!(oh1(json), Err(Oh1Error::Json(_))), "{json}");
        }
    }
}
