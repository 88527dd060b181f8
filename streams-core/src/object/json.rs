//! The form for people (spec 2.2): JSON with the same hinted keys.
//!
//! Every value is read as the hint of its key says, straight from the text: nothing is coerced, nothing repaired.
//! Numbers are taken as they are spelled; what a spelling is worth is decided here.

use std::fmt::{self, Write};

use data_encoding::BASE64;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::author::SIGNATURE_LEN;
use super::codec::{MAX_DEPTH, Malformed};
use super::header::Newer;
use super::id::IdTextError;
use super::key::{Hint, KeyError, Kind, Name, split_key};
use super::parts::{Object, Unsound, keyed};
use super::value::{Float, List, Map, Value};

/// The longest JSON that is read, in bytes. The largest object fits, as [`Object::to_json`] writes it: no byte of its
/// parts takes more than six characters.
pub const MAX_JSON: usize = 8 << 20;

/// Integers beyond are written as text, since JSON readers elsewhere take numbers for binary64: 2^53 − 1.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// The note at the top of an object that is its signature.
const SIGNATURE: &str = "_signature";

/// What is wrong with JSON (spec 14.3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// No JSON, or a text in it with a lone surrogate.
    #[error("not JSON: {0}")]
    Json(String),
    /// A number under a hint that is none of `i`, `u` and `f`.
    #[error("a number where none may be")]
    Number,
    /// No base64, or not the one base64 of its bytes.
    #[error("bytes that are not strict base64 with padding")]
    Base64,
    /// No id.
    #[error("{0}")]
    Id(#[from] IdTextError),
    /// An integer with a sign, a point, an exponent or a zero too many.
    #[error("an integer is written like 0, 7 or -12: no point, no exponent, no zero in front, no -0")]
    Integer,
    /// The text is longer than [`MAX_JSON`].
    #[error("the JSON is longer than 8 MiB")]
    TooLong,
    /// The values break a rule of every form.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// The whole breaks a rule.
    #[error("{0}")]
    Unsound(Unsound),
}

impl JsonFault {
    /// The code of spec 14.2 and 14.3.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(_) | Self::Number => "json",
            Self::Base64 => "base64",
            Self::Id(_) => "id",
            Self::Integer => "integer",
            Self::TooLong => "too-large",
            Self::Malformed(malformed) => malformed.code(),
            Self::Unsound(unsound) => unsound.code(),
        }
    }
}

impl From<KeyError> for JsonFault {
    fn from(error: KeyError) -> Self {
        Self::Malformed(error.into())
    }
}

impl From<Unsound> for JsonFault {
    fn from(unsound: Unsound) -> Self {
        match unsound {
            Unsound::Malformed(malformed) => Self::Malformed(malformed),
            unsound => Self::Unsound(unsound),
        }
    }
}

/// Why JSON is no object, or no map, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// What is wrong.
    pub fault: JsonFault,
    /// The keys, and places in lists, that lead to the value at fault: `data:m.items:am[2]`. Empty where it is the
    /// whole.
    pub path: String,
    /// The line and the column, from 1, at which reading stopped: the value at fault ends there, or shortly before.
    pub position: Option<(usize, usize)>,
}

impl JsonError {
    /// The code of spec 14.2 and 14.3.
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        write!(f, "{}", self.fault)?;
        match self.position {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for JsonError {}

impl<F: Into<JsonFault>> From<F> for JsonError {
    /// A fault of the whole.
    fn from(fault: F) -> Self {
        Self { fault: fault.into(), path: String::new(), position: None }
    }
}

impl Object {
    /// Reads an object from JSON. Notes (spec 1.3) are checked and left out, but for `_signature:d`, which is not
    /// verified here. What breaks a limit is an error.
    ///
    /// ```
    /// # use streams_core::Object;
    /// let object = Object::from_json(r#"{"type:s": "list.Added", "data:m": {"text:s": "milk", "count:u": 2}}"#)?;
    /// assert_eq!(Object::from_json(&object.to_json()?)?.id(), object.id());
    ///
    /// let error = Object::from_json(r#"{"data:m": {"counts:au": [2, 1.5]}}"#).unwrap_err();
    /// assert_eq!((error.code(), error.path.as_str()), ("integer", "data:m.counts:au[1]"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        Ok(Self::from_map(&read(text, Top::Object)?)?)
    }

    /// Writes the object as JSON on one line, with its signature. An object that refers to another kind of id (spec
    /// 4.2) has values that this version cannot tell.
    pub fn to_json(&self) -> Result<String, Newer> {
        self.to_map().map(|map| compact(&Entries { map: &map, signature: self.signature() }))
    }

    /// Writes the object as JSON over many lines; otherwise as [`to_json`](Self::to_json).
    pub fn to_json_pretty(&self) -> Result<String, Newer> {
        self.to_map().map(|map| pretty(&Entries { map: &map, signature: self.signature() }))
    }
}

impl Map {
    /// Reads a map from JSON, for example the content of an object to be. Notes (spec 1.3) are checked and left out.
    ///
    /// ```
    /// # use streams_core::{Map, Value};
    /// let data = Map::from_json(r#"{"text:s": "milk"}"#)?;
    /// assert_eq!(data.value("text"), Some(&Value::Text("milk".into())));
    /// # Ok::<(), streams_core::JsonError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read(text, Top::Map)
    }

    /// Writes the map as JSON on one line, without notes, its keys in the order of canonical bytes.
    pub fn to_json(&self) -> String {
        compact(&Entries { map: self, signature: None })
    }

    /// Writes the map as JSON over many lines; otherwise as [`to_json`](Self::to_json).
    pub fn to_json_pretty(&self) -> String {
        pretty(&Entries { map: self, signature: None })
    }
}

fn compact(entries: &Entries<'_>) -> String {
    serde_json::to_string(entries).expect("text keys and finite floats")
}

fn pretty(entries: &Entries<'_>) -> String {
    serde_json::to_string_pretty(entries).expect("text keys and finite floats")
}

/// A map, and the signature where it is an object's, to be written.
struct Entries<'a> {
    map: &'a Map,
    signature: Option<&'a [u8; SIGNATURE_LEN]>,
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = serializer.serialize_map(None)?;
        for (key, value) in keyed(self.map) {
            entries.serialize_entry(&key, &Written(value))?;
        }
        if let Some(signature) = self.signature {
            entries.serialize_entry("_signature:d", &BASE64.encode(signature))?;
        }
        entries.end()
    }
}

/// A value to be written.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Int(number) if number.unsigned_abs() > MAX_NUMBER => serializer.collect_str(number),
            Value::Int(number) => serializer.serialize_i64(*number),
            Value::Uint(number) if *number > MAX_NUMBER => serializer.collect_str(number),
            Value::Uint(number) => serializer.serialize_u64(*number),
            Value::Float(float) => serializer.serialize_f64(float.value()),
            Value::Bool(bool) => serializer.serialize_bool(*bool),
            Value::Bytes(bytes) => serializer.serialize_str(&BASE64.encode(bytes)),
            Value::Map(map) => Entries { map, signature: None }.serialize(serializer),
            Value::Redacted(id) | Value::Reference(id) => serializer.collect_str(id),
            Value::List(list) => serializer.collect_seq(list.items().iter().map(Written)),
        }
    }
}

/// What a text is read as.
#[derive(Clone, Copy, PartialEq)]
enum Top {
    /// An object, whose `_signature:d` is kept.
    Object,
    /// A map, where such a name is a note like any other.
    Map,
}

fn read(text: &str, top: Top) -> Result<Map, JsonError> {
    if text.len() > MAX_JSON {
        return Err(JsonFault::TooLong.into());
    }
    let mut reading = Reading::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let map = deserializer.deserialize_map(Whole { top, reading: &mut reading });
    map.and_then(|map| deserializer.end().map(|()| map)).map_err(|error| reading.explain(error))
}

/// How far reading came, and why it stopped: the errors of serde hold no more than text.
#[derive(Default)]
struct Reading {
    path: String,
    fault: Option<JsonFault>,
}

impl Reading {
    /// Reads what is below a key, or a place in a list. Where that fails the path stays.
    fn below<T, E>(&mut self, step: fmt::Arguments<'_>, read: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let here = self.path.len();
        self.path.write_fmt(step).expect("a string takes all text");
        let value = read(self)?;
        self.path.truncate(here);
        Ok(value)
    }

    fn key<T, E>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.below(format_args!("{dot}{key}"), read)
    }

    /// Goes on, unless there is a fault.
    fn check<T, E: de::Error>(&mut self, checked: Result<T, impl Into<JsonFault>>) -> Result<T, E> {
        checked.map_err(|fault| {
            self.fault = Some(fault.into());
            E::custom("a fault that is told apart")
        })
    }

    fn explain(self, error: serde_json::Error) -> JsonError {
        let fault = match self.fault {
            Some(fault) => fault,
            // No visitor below takes what stands there.
            None if error.is_data() && self.path.is_empty() => Malformed::NotAMap.into(),
            None if error.is_data() => Malformed::HintMismatch.into(),
            None => {
                let message = error.to_string();
                JsonFault::Json(message.rsplit_once(" at line ").map_or(&*message, |(cause, _)| cause).into())
            }
        };
        let position = (error.line() > 0).then(|| (error.line(), error.column()));
        JsonError { fault, path: self.path, position }
    }
}

/// Reads the whole text.
struct Whole<'r> {
    top: Top,
    reading: &'r mut Reading,
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Map;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Map, A::Error> {
        read_entries(entries, 1, self.top, self.reading)
    }
}

/// Reads the entries of a map, whose values are at `depth`.
fn read_entries<'de, A>(mut entries: A, depth: u8, top: Top, reading: &mut Reading) -> Result<Map, A::Error>
where
    A: MapAccess<'de>,
{
    let (mut map, mut notes) = (Map::new(), Map::new());
    while let Some(key) = entries.next_key::<String>()? {
        reading.key(&key, |reading| {
            let (name, hint) = reading.check(split_key(&key))?;
            let name = Name::new(name).expect("split as a name");
            let is_signature = top == Top::Object && name.as_str() == SIGNATURE;
            let map = if name.is_note() && !is_signature { &mut notes } else { &mut map };
            reading.check(match map.value(name.as_str()) {
                None => Ok(()),
                Some(before) if before.hint() == hint => Err(Malformed::KeyRepeated),
                Some(_) => Err(Malformed::NameRepeated),
            })?;
            let of_signature = |fits| if fits || !is_signature { Ok(()) } else { Err(Unsound::SignatureLength) };
            reading.check(of_signature(hint == Hint::of(Kind::Bytes)))?;
            let value = entries.next_value_seed(Place { hint, depth, reading })?;
            reading.check(of_signature(matches!(&value, Value::Bytes(bytes) if bytes.len() == SIGNATURE_LEN)))?;
            map.insert(name, value);
            Ok(())
        })?;
    }
    Ok(map)
}

/// The place of a value: what its hint wants there is read, and nothing else.
struct Place<'r> {
    hint: Hint,
    depth: u8,
    reading: &'r mut Reading,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        // A map that stands redacted does not count (spec 1.5).
        if self.depth > MAX_DEPTH && self.hint != Hint::of(Kind::Map) {
            return self.reading.check(Err(Malformed::TooDeep));
        }
        match (self.hint.lists(), self.hint.kind()) {
            (0, kind @ (Kind::Int | Kind::Uint | Kind::Float)) => {
                let spelled = <&RawValue as de::Deserialize>::deserialize(deserializer)?;
                self.reading.check(number(spelled.get(), kind))
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl Place<'_> {
    fn number<E: de::Error>(self) -> Result<Value, E> {
        let fault = if self.hint.lists() == 0 { JsonFault::Number } else { Malformed::HintMismatch.into() };
        self.reading.check(Err(fault))
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value under the hint {}", self.hint)
    }

    fn visit_bool<E: de::Error>(self, bool: bool) -> Result<Value, E> {
        let fits = self.hint == Hint::of(Kind::Bool);
        self.reading.check(if fits { Ok(Value::Bool(bool)) } else { Err(Malformed::HintMismatch) })
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Value, E> {
        self.number()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Value, E> {
        self.number()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        self.number()
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.reading.check(match (self.hint.lists(), self.hint.kind()) {
            (0, Kind::Text) => Ok(Value::Text(text.into())),
            (0, Kind::Bytes) => base64(text).map(Value::Bytes),
            (0, Kind::Map) => text.parse().map(Value::Redacted).map_err(JsonFault::Id),
            (0, Kind::Reference) => text.parse().map(Value::Reference).map_err(JsonFault::Id),
            _ => Err(Malformed::HintMismatch.into()),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let Self { hint, depth, reading } = self;
        let hint = reading.check(hint.item().ok_or(Malformed::HintMismatch))?;
        let mut items = Vec::new();
        let mut next = |at, reading: &mut Reading| {
            let depth = depth + 1;
            reading.below(format_args!("[{at}]"), |reading| elements.next_element_seed(Place { hint, depth, reading }))
        };
        while let Some(item) = next(items.len(), reading)? {
            items.push(item);
        }
        Ok(Value::List(List::new(hint, items).expect("elements that were read under one hint")))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        let fault = match self.hint == Hint::of(Kind::Map) {
            true if self.depth <= MAX_DEPTH => None,
            true => Some(Malformed::TooDeep),
            false => Some(Malformed::HintMismatch),
        };
        self.reading.check(fault.map_or(Ok(()), Err))?;
        read_entries(entries, self.depth + 1, Top::Map, self.reading).map(Value::Map)
    }
}

/// The number with this spelling in JSON; an integer may stand as a text too.
fn number(spelled: &str, kind: Kind) -> Result<Value, JsonFault> {
    if kind == Kind::Float {
        // Rounds correctly for any number of digits, to infinity where it is too great. No other JSON can be parsed so.
        let float: f64 = spelled.parse().map_err(|_| Malformed::HintMismatch)?;
        return Ok(Value::Float(Float::new(float).ok_or(Malformed::NotFinite)?));
    }
    let text: String;
    let digits = match spelled.as_bytes()[0] {
        b'-' | b'0'..=b'9' => spelled,
        b'"' => {
            text = serde_json::from_str(spelled).map_err(|error| JsonFault::Json(error.to_string()))?;
            &text
        }
        _ => return Err(Malformed::HintMismatch.into()),
    };
    if !is_integer(digits) {
        return Err(JsonFault::Integer);
    }
    let number = if kind == Kind::Int { digits.parse().map(Value::Int) } else { digits.parse().map(Value::Uint) };
    number.map_err(|_| Malformed::HintMismatch.into())
}

/// Whether a text is an integer in its one spelling: `-?(0|[1-9][0-9]*)`, and not `-0`.
pub(crate) fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => text == "0",
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// The bytes of strict base64 with padding: there is one text for them.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, JsonFault> {
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| JsonFault::Base64)?;
    // The decoder takes padding inside.
    if BASE64.encode(&bytes) == text { Ok(bytes) } else { Err(JsonFault::Base64) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::arbitrary::maps;
    use super::*;

    /// The code, the path and the position of what is wrong with an object.
    fn fault(text: &str) -> (&'static str, String, Option<(usize, usize)>) {
        let error = Object::from_json(text).unwrap_err();
        (error.code(), error.path, error.position)
    }

    fn code(text: &str) -> &'static str {
        fault(text).0
    }

    fn value(key: &str, value: &str) -> Value {
        let map = Map::from_json(&format!(r#"{{"{key}":{value}}}"#)).unwrap();
        map.value(key.split(':').next().unwrap()).unwrap().clone()
    }

    fn float(text: &str) -> u64 {
        let Value::Float(float) = value("a:f", text) else { unreachable!() };
        float.value().to_bits()
    }

    #[test]
    fn errors_tell_the_place() {
        let text = "{\n \"data:m\": {\n  \"items:am\": [{}, {}, {\"n:i\": 1.5}]}}";
        assert_eq!(fault(text), ("integer", "data:m.items:am[2].n:i".into(), Some((3, 35))));
        assert_eq!(fault("{\n\"a:aai\":[[1],[2,]]}"), ("json", "a:aai[1][1]".into(), Some((2, 17))));
        assert_eq!(fault(r#"{"a:m":{"b:s":"","b:i":1}}"#), ("name-repeated", "a:m.b:i".into(), Some((1, 22))));
        assert_eq!(fault("[]"), ("not-a-map", String::new(), Some((1, 0))));
        assert_eq!(fault(r#"{"a:s":""} x"#), ("json", String::new(), Some((1, 12))));
        let large = format!(r#"{{"a:s":"{}"}}"#, "x".repeat(1 << 16));
        assert_eq!(fault(&large), ("block-too-large", String::new(), None));
        assert_eq!(fault(&" ".repeat(MAX_JSON + 1)), ("too-large", String::new(), None));
        let error = Object::from_json(r#"{"a:ab":[true,null]}"#).unwrap_err();
        assert_eq!(error.to_string(), "`a:ab[1]`: a value that does not agree with its hint (line 1, column 18)");
        let error = Object::from_json(r#"{"a:s":nul}"#).unwrap_err();
        assert_eq!(error.to_string(), "`a:s`: not JSON: expected ident (line 1, column 11)");
    }

    #[test]
    fn integers_have_two_spellings_and_no_third() {
        assert_eq!(value("a:u", "18446744073709551615"), Value::Uint(u64::MAX));
        assert_eq!(value("a:u", "\"18446744073709551615\""), Value::Uint(u64::MAX));
        assert_eq!(value("a:i", "-9223372036854775808"), Value::Int(i64::MIN));
        assert_eq!(value("a:ai", "[\"0\"]"), value("a:ai", "[0]"));
        for text in ["1.0", "1e0", "-0", "-0.0", "1e400", "\"-0\"", "\"01\"", "\"+1\"", "\"\"", "\" 1\"", "\"1.0\""] {
            assert_eq!(code(&format!(r#"{{"a:i":{text}}}"#)), "integer", "{text}");
        }
        for text in ["18446744073709551616", "\"18446744073709551616\"", "-1", "null", "true", "[1]", "{}"] {
            assert_eq!(code(&format!(r#"{{"a:u":{text}}}"#)), "hint-mismatch", "{text}");
        }
        assert_eq!(code(&format!(r#"{{"a:u":{}}}"#, "9".repeat(5000))), "hint-mismatch");
        assert_eq!(code(r#"{"a:i":"\ud800"}"#), "json");
    }

    #[test]
    fn floats_are_the_nearest() {
        assert_eq!(float("1"), 1f64.to_bits());
        assert_eq!(float("18446744073709551616"), 18446744073709551616f64.to_bits());
        assert_eq!(float("9007199254740993"), 9007199254740992f64.to_bits());
        assert_eq!(float("-0"), 0);
        assert_eq!(float("-1e-400"), 0);
        // A tie, and what is above it by a digit far behind.
        let tie = "1.00000000000000011102230246251565404236316680908203125";
        assert_eq!(float(tie), 1f64.to_bits());
        assert_eq!(float(&format!("{tie}{}1", "0".repeat(2000))), 1f64.to_bits() + 1);
        assert_eq!(code(r#"{"a:f":1e400}"#), "not-finite");
        assert_eq!(code(&format!(r#"{{"a:f":-{}}}"#, "9".repeat(400))), "not-finite");
        for text in ["\"1\"", "\"NaN\"", "null", "true"] {
            assert_eq!(code(&format!(r#"{{"a:f":{text}}}"#)), "hint-mismatch", "{text}");
        }
        assert_eq!(code(r#"{"a:f":NaN}"#), "json");
    }

    #[test]
    fn numbers_beyond_2_53_are_written_as_text() {
        let map = |number: Value| Map::new().with("a", number).unwrap().to_json();
        assert_eq!(map(Value::Int(-(1 << 53) + 1)), r#"{"a:i":-9007199254740991}"#);
        assert_eq!(map(Value::Int(-(1 << 53))), r#"{"a:i":"-9007199254740992"}"#);
        assert_eq!(map(Value::Uint((1 << 53) - 1)), r#"{"a:u":9007199254740991}"#);
        assert_eq!(map(Value::Uint(u64::MAX)), r#"{"a:u":"18446744073709551615"}"#);
        assert_eq!(map(Value::Float(Float::new(1e300).unwrap())), r#"{"a:f":1e+300}"#);
        assert_eq!(map(Value::Float(Float::new(-2.0).unwrap())), r#"{"a:f":-2.0}"#);
    }

    #[test]
    fn keys_stand_in_the_order_of_canonical_bytes_and_the_signature_last() {
        let signature = BASE64.encode(&[1; SIGNATURE_LEN]);
        let text = format!(r#"{{"_signature:d":"{signature}","bb:s":"","_seen:u":1,"a:s":"b","b:m":{{"_n:s":""}}}}"#);
        let object = Object::from_json(&text).unwrap();
        assert_eq!(object.signature(), Some(&[1; SIGNATURE_LEN]));
        let written = format!(r#"{{"a:s":"b","b:m":{{}},"bb:s":"","_signature:d":"{signature}"}}"#);
        assert_eq!(object.to_json().unwrap(), written);
        // Alone, a map has no signature: it is a note like others.
        assert_eq!(Map::from_json(&text).unwrap().to_json(), r#"{"a:s":"b","b:m":{},"bb:s":""}"#);
    }

    #[test]
    fn notes_are_checked_though_they_are_left_out() {
        assert_eq!(code(r#"{"_a":1}"#), "hint");
        assert_eq!(code(r#"{"_a:i":1.5}"#), "integer");
        assert_eq!(code(r#"{"_a:i":1,"_a:i":1}"#), "key-repeated");
        assert_eq!(code(r#"{"_a:i":1,"_a:s":""}"#), "name-repeated");
        assert_eq!(code(r#"{"_signature:s":""}"#), "signature-length");
        assert_eq!(code(r#"{"_signature:d":""}"#), "signature-length");
    }

    #[test]
    fn the_largest_object_fits_as_it_is_written() {
        // Nothing takes more characters a byte than control characters, and false in a list.
        let text = Value::Text("\u{1}".repeat((1 << 19) - 100));
        let bools = vec![Value::Bool(false); (1 << 19) - 100];
        let bools = Value::List(List::new(Hint::of(Kind::Bool), bools).unwrap());
        let large = |value| Value::Map(Map::new().with("a", value).unwrap());
        let object = Object::from_map(&Map::new().with("a", large(text)).unwrap().with("b", large(bools)).unwrap());
        let object = object.unwrap();
        let text = object.to_json().unwrap();
        assert!(object.parts().len() > (1 << 20) - 200 && text.len() > 6_000_000);
        assert_eq!(Object::from_json(&text), Ok(object));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

        #[test]
        fn nothing_is_lost(map in maps(), signature in any::<Option<[u8; 32]>>()) {
            prop_assert_eq!(Map::from_json(&map.to_json()), Ok(map.clone()));
            prop_assert_eq!(Map::from_json(&map.to_json_pretty()), Ok(map.clone()));
            let mut signed = map.clone();
            if let Some(half) = signature {
                signed.insert(Name::new(SIGNATURE).unwrap(), Value::Bytes([half, half].concat()));
            }
            let object = Object::from_map(&signed).unwrap();
            prop_assert_eq!(Object::from_json(&object.to_json().unwrap()), Ok(object.clone()));
            prop_assert_eq!(Object::from_json(&object.to_json_pretty().unwrap()), Ok(object));
        }

        #[test]
        fn what_is_read_is_written_the_same_again(
            map in maps(), at in any::<prop::sample::Index>(), piece in "[-+0-9.eE\"\\[\\]{},:_a-z ]{0,3}", cut in 0..3usize
        ) {
            let text: Vec<char> = map.to_json().chars().collect();
            let at = at.index(text.len());
            let (before, after) = (&text[..at], &text[(at + cut).min(text.len())..]);
            let changed: String = before.iter().chain(&piece.chars().collect::<Vec<_>>()).chain(after).collect();
            if let Ok(read) = Map::from_json(&changed) {
                prop_assert_eq!(Map::from_json(&read.to_json()), Ok(read));
                // What another reader of JSON takes for broken is never accepted.
                prop_assert!(serde_json::from_str::<serde_json::Value>(&changed).is_ok());
            }
        }
    }
}
