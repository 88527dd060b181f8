//! The objects of an archive, field by field. All of them are an application's types: the core knows none of them but the
//! receipt of a deal, which is `archive/stream.Deal` ([`streams_core::node::keep::Receipt`]).
//!
//! [`Profile`], [`Meta`], [`Config`] and [`Resource`] are registers, a field each: what an object does not say stays as
//! it was, and `cleared` names fields that have no value any more.

use serde::{Deserialize, Serialize};
use streams_core::{Bytes, ObjectId, StreamId, VerifyingKey};

use crate::name::Slug;
use crate::write::Difference;

/// The types of streams and objects.
pub mod types {
    /// The stream of an owner: this, and the name.
    pub const OWNER: &str = "archive/owner/";
    /// A stream of an owner: this, and the slug.
    pub const STREAM: &str = "archive/stream/";
    /// The catalogue of a curator.
    pub const CATALOG: &str = "archive/catalog";
    /// [`Profile`](super::Profile), in the stream of an owner.
    pub const PROFILE: &str = "archive/owner.Profile";
    /// [`StreamRef`](super::StreamRef), in the stream of an owner.
    pub const STREAM_REF: &str = "archive/owner.Stream";
    /// [`Consent`](super::Consent), in the stream of an owner.
    pub const CONSENT: &str = "archive/owner.Consent";
    /// [`Listed`](super::Listed), in a catalogue.
    pub const LISTED: &str = "archive/catalog.Owner";
    /// [`OwnerRef`](super::OwnerRef), in a stream.
    pub const OWNER_REF: &str = "archive/stream.Owner";
    /// [`Meta`](super::Meta), in a stream.
    pub const META: &str = "archive/stream.Meta";
    /// [`Config`](super::Config), in a stream.
    pub const CONFIG: &str = "archive/stream.Config";
    /// [`Resource`](super::Resource), in a stream.
    pub const RESOURCE: &str = "archive/stream.Resource";
    /// [`State`](super::State), in a stream.
    pub const STATE: &str = "archive/stream.State";
    /// [`Item`](super::Item), in a stream.
    pub const ITEM: &str = "archive/stream.Item";
    /// [`Sealed`](super::Sealed), in a stream.
    pub const SEALED: &str = "archive/stream.Sealed";
    /// [`Quarantined`](super::Quarantined), in a stream.
    pub const QUARANTINED: &str = "archive/stream.Quarantined";
    /// [`Hidden`](super::Hidden), in a stream.
    pub const HIDDEN: &str = "archive/stream.Hidden";
    /// [`Forked`](super::Forked), in a stream.
    pub const FORKED: &str = "archive/stream.Forked";
    /// What is written into a stream about its copies.
    pub const DEAL: &str = streams_core::archive::deal::DEAL;

    /// What whoever is invited to write may write: what is fetched, and what became of it. The rest is for who owns or
    /// governs the stream.
    pub const FOR_WRITERS: [&str; 6] = [ITEM, SEALED, QUARANTINED, STATE, HIDDEN, DEAL];
}

/// A value as people read it.
fn shown<T: Serialize>(value: &Option<T>) -> Option<String> {
    let text = value.as_ref().and_then(|value| serde_json::to_value(value).ok())?;
    Some(text.as_str().map_or_else(|| text.to_string(), str::to_owned))
}

/// A struct of fields that may be absent, which is a register: later values win, field by field.
macro_rules! register {
    (
        $(#[$meta:meta])*
        $name:ident ($($(#[$key_meta:meta])* $key:ident : $key_type:ty),*) {
            $($(#[$field_meta:meta])* $field:ident : $type:ty),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $($(#[$key_meta])* pub $key: $key_type,)*
            $(
                $(#[$field_meta])*
                #[serde(skip_serializing_if = "Option::is_none", default)]
                pub $field: Option<$type>,
            )*
            /// Fields that have no value any more.
            #[serde(rename = "cleared:as", skip_serializing_if = "Option::is_none", default)]
            pub cleared: Option<Vec<String>>,
        }

        impl $name {
            /// The names of the fields.
            pub const FIELDS: &[&str] = &[$(stringify!($field)),*];

            /// Takes what a later object says.
            pub fn merge(&mut self, later: &Self) {
                $(
                    if later.cleared.iter().flatten().any(|name| name == stringify!($field)) {
                        self.$field = None;
                    }
                    if later.$field.is_some() {
                        self.$field.clone_from(&later.$field);
                    }
                )*
            }

            /// What of this is not so in what is there. What this does not say is not compared.
            pub fn differs(&self, have: &Self) -> Vec<Difference> {
                let mut differences = Vec::new();
                $(
                    let is_cleared = self.cleared.iter().flatten().any(|name| name == stringify!($field));
                    let is_other = self.$field.is_some() && self.$field != have.$field;
                    if is_other || (is_cleared && self.$field.is_none() && have.$field.is_some()) {
                        differences.push(Difference {
                            field: stringify!($field).to_owned(),
                            have: shown(&have.$field),
                            want: shown(&self.$field),
                        });
                    }
                )*
                differences
            }
        }
    };
}

/// Whether an owner is one or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One.
    Person,
    /// Many.
    Org,
}

impl Kind {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Org => "org",
        }
    }
}

register! {
    /// Who an owner is.
    #[derive(Default)]
    Profile () {
        /// The name that people know.
        name: String,
        /// A person or an organization.
        kind: Kind,
        /// An address for mail.
        email: String,
        /// Where a picture is.
        avatar: String,
    }
}

/// A stream that belongs to an owner: the value of a map whose key is the slug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRef {
    /// The slug.
    pub slug: Slug,
    /// The stream.
    pub stream: StreamId,
    /// Words to find it by.
    #[serde(rename = "labels:as", skip_serializing_if = "Option::is_none", default)]
    pub labels: Option<Vec<String>>,
    /// Whether it is not listed any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed: Option<bool>,
}

/// That an owner agrees to stand in a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The catalogue.
    pub catalog: StreamId,
}

/// An owner in a catalogue: an element of a set whose key is the stream of the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The stream of the owner.
    pub owner: StreamId,
    /// Whose key its root has.
    pub author: VerifyingKey,
    /// A name to show before the stream is here.
    pub name: Slug,
    /// The object in the stream of the owner by which it agrees ([`Consent`]); absent where the curator is the owner.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub consent: Option<ObjectId>,
    /// Whether it is not listed any more.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub removed: Option<bool>,
}

/// The owner of a stream: a register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRef {
    /// The stream of the owner.
    pub owner: StreamId,
}

register! {
    /// What describes a stream.
    #[derive(Default)]
    Meta () {
        /// Its title.
        title: String,
        /// What is in it.
        description: String,
        /// Words to find it by.
        #[serde(rename = "labels:as")]
        labels: Vec<String>,
        /// To whose key its items are sealed (`age1…`); absent where they stand in the clear.
        seal: String,
    }
}

register! {
    /// What is wanted of a stream. Times are in milliseconds, sizes in bytes.
    #[derive(Default)]
    Config () {
        /// How often its resources are looked at.
        interval: u64,
        /// Where copies are kept, as `streams archive run --to` takes it.
        #[serde(rename = "places:as")]
        places: Vec<String>,
        /// How many copies each place makes.
        copies: u64,
        /// How long before a deal ends it is renewed.
        renew: u64,
        /// The most that is spent at each place, in its own unit.
        budget: u64,
        /// A pack is made when so much waits for it,
        pack_size: u64,
        /// or when something waits for so long.
        pack_age: u64,
        /// How often all bytes of the copies are read back.
        audit: u64,
        /// The largest content that is taken from a resource.
        max_item: u64,
    }
}

register! {
    /// Where items come from: an element of a map whose key is the kind and the source.
    Resource (
        /// How it is fetched: `git`, `folder`, `feed`, `http` or `webhook`.
        kind: String,
        /// Where it is, in one spelling, without secrets.
        source: String
    ) {
        /// By what the vault knows its credential; it tells nothing else.
        credential: String,
        /// How often it is looked at, in milliseconds, where that is not as in [`Config`].
        interval: u64,
        /// Whether it is fetched; absent, it is.
        enabled: bool,
        /// Which of it is fetched: names of files, branches, as the kind has it.
        #[serde(rename = "filters:as")]
        filters: Vec<String>,
        /// Of JSON: where the list of items is, as a pointer (RFC 6901); absent, it is the whole.
        items: String,
        /// Of JSON: where the id of an item is, in the item.
        id: String,
        /// Of JSON: where its time is.
        time: String,
        /// Of JSON: where its title is.
        title: String,
        /// Of JSON: where its author is.
        actor: String,
        /// Of JSON: where its kind is.
        event: String,
        /// Of JSON: where the address of the next page is, where that is not in the header `Link`.
        next: String,
    }
}

/// How a resource stands, where that became another: a register for each resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The resource, by its [key](crate::resource::ResourceKey).
    pub resource: Bytes,
    /// `fetching`, `needs-credential`, `parked`.
    pub state: String,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// What was fetched: an element of a set whose key is the resource, the id at the source, and the revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The resource, by its [key](crate::resource::ResourceKey); absent where somebody wrote it by hand.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<Bytes>,
    /// Its id at the source.
    pub source: String,
    /// Which revision of it; absent where it never changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
    /// What it is: `commit`, `file`, `removed`, `entry`, or what its source calls it.
    pub kind: String,
    /// When it was made, as its source says, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<u64>,
    /// Who made it, as its source says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// Its text, which is searched: at most [`MAX_TEXT`] bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Where people can see it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
    /// What it follows or answers, by ids at the source.
    #[serde(rename = "parents:as", skip_serializing_if = "Option::is_none", default)]
    pub parents: Option<Vec<String>>,
    /// Its content as it was fetched, in pieces; absent where that is its text.
    #[serde(rename = "content:am", skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Vec<Piece>>,
    /// How long its content is at the source, in bytes, where not all of it is here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<u64>,
    /// BLAKE3 of its content, where not all of it is here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Bytes>,
    /// The item whose place it takes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<ObjectId>,
    /// How it came here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fetched: Option<Fetched>,
}

/// The longest text of an item, in bytes.
pub const MAX_TEXT: usize = 32 << 10;

/// The longest piece of content, in bytes: a block of an object holds at most 64 KiB.
pub const MAX_PIECE: usize = 48 << 10;

/// The longest content that an item holds, in bytes. Of what is longer, the digest and the size are kept.
pub const MAX_CONTENT: usize = 16 * MAX_PIECE;

/// A piece of content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The bytes.
    pub bytes: Bytes,
}

/// How an item came here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// From where, where that is not the source of the resource itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<String>,
    /// The tag by which the source knows what it sent (RFC 9110, 8.8.3).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
}

/// An item that only holders of the key of the stream read ([`crate::seal`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// What resource and id are, to who has the key: 16 bytes.
    pub subject: Bytes,
    /// What the revision is, to who has the key: 16 bytes.
    pub revision: Bytes,
    /// The item under `age`, in pieces.
    #[serde(rename = "sealed:am")]
    pub sealed: Vec<Piece>,
    /// The item whose place it takes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<ObjectId>,
}

/// What a source sent, and nobody could read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The resource, by its key.
    pub resource: Bytes,
    /// Its id at the source, or its place.
    pub source: String,
    /// What is wrong with it, in a sentence.
    pub reason: String,
    /// BLAKE3 of what was sent.
    pub digest: Bytes,
}

/// That an item is not shown any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// The item.
    pub item: ObjectId,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// Where a stream comes from that was begun to cut history, or to begin with other rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forked {
    /// The stream before.
    pub from: StreamId,
    /// How many objects it had.
    pub objects: u64,
    /// The digest of its order then ([`streams_core::Stream::order_digest`]).
    pub order: Bytes,
    /// Why.
    pub reason: String,
}
