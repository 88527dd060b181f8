//! The API: streams of a store over HTTP, for programs that keep no store of their own.
//!
//! Each request is signed by the key of whoever makes it ([`request`]); there are no sessions and no bearer tokens, and
//! the server ([`server`]) never has a key of its callers. The rules of a stream alone decide who reads it (spec 8.8), and
//! admission who writes to it (spec 7): the server permits nothing, and forbids nothing, by itself. The client
//! ([`client`]) signs what it appends, and proves what it reads.
//!
//! | | |
//! |---|---|
//! | `GET /streams?after=STREAM` | the streams that the caller may read: [`Streams`] |
//! | `GET /streams/STREAM/objects?after=ID&limit=N` | objects in the order of the stream, void ones too: [`Page`] |
//! | `GET /streams/STREAM/objects/ID` | one object: [`Entry`] |
//! | `GET /streams/STREAM/edges` | what an object that the caller writes now cites: [`Cites`] |
//! | `POST /streams/STREAM/objects` | takes in an object, whose parts (spec 2.3) are the body: [`Appended`] |
//! | `POST /streams/STREAM/asks` | asks for access, with an [`Ask`]; whoever may not read may ask |
//! | `GET /streams/STREAM/asks` | who asked, and has no answer yet, for whoever governs: [`Asks`] |
//! | `GET /streams/STREAM/removals/KEY` | the policy objects that deny something to this key alone: [`Removals`] |
//! | `GET /healthz` | 200 while it runs, signed or not |
//!
//! What is not answered is told as a [`Refusal`].

pub mod address;

pub mod asks;

pub mod client;

pub mod request;

pub mod server;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use streams_core::{Edges, ObjectId, StreamId, VerifyingKey};

/// Streams that the caller may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    /// The streams, ascending.
    pub streams: Vec<Readable>,
    /// What to name as `after` for more; absent at the end. There may be more where this page is empty.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<StreamId>,
}

/// A stream that the caller may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readable {
    /// The stream.
    pub stream: StreamId,
    /// The type of its root.
    pub r#type: String,
    /// Its owner.
    pub owner: VerifyingKey,
    /// How many objects it has.
    pub objects: u64,
}

/// Objects of a stream, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Entry>,
    /// What to name as `after` for more; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<ObjectId>,
}

/// An object, with what the server says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: ObjectId,
    /// Whether it is effective, as the server judged.
    pub effective: bool,
    /// The object that adopts it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adopted_by: Option<ObjectId>,
    /// Its parts, in base64: whoever has them needs to believe nothing.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub parts: Vec<u8>,
}

/// What an object cites: [`Edges`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cites {
    /// The leaves, 1 to 16.
    pub parents: Vec<ObjectId>,
    /// The caller's own latest object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub previous: Option<ObjectId>,
    /// One more than the largest generation of these.
    pub generation: u64,
}

/// What became of an object that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appended {
    /// Its id.
    pub id: ObjectId,
    /// Whether it was not here before.
    pub new: bool,
    /// Whether it is effective. One that is void is kept: it may be adopted.
    pub effective: bool,
    /// The code of the verdict (spec 14.6).
    pub verdict: String,
    /// The policy object that decided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<ObjectId>,
}

/// Asks for access to a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Why, for whoever decides: at most [`MAX_NOTE`](streams_core::sync::messages::MAX_NOTE) bytes.
    pub note: String,
}

/// Who asked for access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asks {
    /// Each key once, the first first.
    pub asks: Vec<Asked>,
}

/// Somebody who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The key that signed the request.
    pub key: VerifyingKey,
    /// Why, as it says.
    pub note: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// The policy objects that stand and deny something to one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removals {
    /// Their ids.
    pub removals: Vec<ObjectId>,
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rule, for programs.
    pub code: String,
    /// The same, for people.
    pub sentence: String,
    /// The policy object that names the caller, where one denies reading (spec 8.8).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shown: Option<Entry>,
    /// What is cited and not here, where that is the reason.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing: Vec<ObjectId>,
}

impl From<Edges> for Cites {
    fn from(Edges { parents, previous, generation, .. }: Edges) -> Self {
        Self { parents, previous, generation }
    }
}

impl Cites {
    /// The edges, in this stream.
    pub fn within(self, stream: StreamId) -> Edges {
        let Self { parents, previous, generation } = self;
        Edges { stream, parents, previous, generation }
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}
