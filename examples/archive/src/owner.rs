//! Owners: a person or an organization has a stream with a profile, and pointers to what belongs to it.
//!
//! An owner has up to two streams of the type `archive/owner/NAME`: a public one, and a private one, where the pointers
//! to private streams stand. A private owner has the private one alone.

use std::collections::BTreeMap;

use streams_core::node::NodeError;
use streams_core::{Authentic, Node, ObjectId, SigningKey, StreamId};

use crate::catalog;
use crate::name::Slug;
use crate::object::{Consent, Profile, StreamRef, types};
use crate::read::{self, Seen, View};
use crate::root::{Visibility, root};
use crate::write::{ArchiveError, Difference, Hand, New, Outcome};

/// What stands in a stream of an owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnerView {
    /// Who it is.
    pub profile: Profile,
    /// Its streams, by their slugs.
    pub streams: BTreeMap<Slug, StreamRef>,
    /// The catalogues in which it agrees to stand, with the objects that say so.
    pub consents: BTreeMap<StreamId, ObjectId>,
}

impl View for OwnerView {
    const TYPES: &'static [&'static str] = &[types::PROFILE, types::STREAM_REF, types::CONSENT];

    fn apply(&mut self, object: &Authentic) {
        let id = object.id();
        match object.header().r#type() {
            types::PROFILE => {
                if let Ok(Some(profile)) = object.object().data_as::<Profile>() {
                    self.profile.merge(&profile);
                }
            }
            types::STREAM_REF => match object.object().data_as::<StreamRef>() {
                Ok(Some(pointer)) if pointer.removed == Some(true) => drop(self.streams.remove(&pointer.slug)),
                Ok(Some(pointer)) => drop(self.streams.insert(pointer.slug.clone(), pointer)),
                _ => {}
            },
            _ => {
                if let Ok(Some(consent)) = object.object().data_as::<Consent>() {
                    self.consents.insert(consent.catalog, id);
                }
            }
        }
    }
}

/// An owner whose key one holds, with both of its streams.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its name.
    pub name: Slug,
    /// The id of its public stream, and what stands there; nothing, where that was not begun.
    pub public: (StreamId, Option<OwnerView>),
    /// The same of its private stream.
    pub private: (StreamId, Option<OwnerView>),
}

impl Owner {
    /// Reads the owner of this name and key; `None` where there is none.
    pub async fn read(node: &Node, key: &SigningKey, name: &Slug) -> Result<Option<Self>, ArchiveError> {
        let one = async |visibility| -> Result<(StreamId, Option<OwnerView>), ArchiveError> {
            let id = root(&type_of(name), key, visibility)?.id();
            Ok((id, view(node, id).await?.map(|seen| seen.view)))
        };
        let owner = Self {
            name: name.clone(),
            public: one(Visibility::Public).await?,
            private: one(Visibility::Private).await?,
        };
        Ok(owner.visibility().is_some().then_some(owner))
    }

    /// Which of its streams has its profile; `None` where neither has, so that there is no such owner yet.
    pub fn visibility(&self) -> Option<Visibility> {
        let has = |view: &Option<OwnerView>| view.as_ref().is_some_and(|view| view.profile.kind.is_some());
        match (has(&self.public.1), has(&self.private.1)) {
            (true, _) => Some(Visibility::Public),
            (false, true) => Some(Visibility::Private),
            (false, false) => None,
        }
    }

    /// The stream that has its profile.
    pub fn stream(&self) -> StreamId {
        if self.visibility() == Some(Visibility::Private) { self.private.0 } else { self.public.0 }
    }

    /// Who it is.
    pub fn profile(&self) -> Profile {
        let view = if self.visibility() == Some(Visibility::Private) { &self.private.1 } else { &self.public.1 };
        view.as_ref().map(|view| view.profile.clone()).unwrap_or_default()
    }

    /// All its streams, by their slugs; where both have a slug, the public one.
    pub fn streams(&self) -> BTreeMap<&Slug, (&StreamRef, Visibility)> {
        let of = |view, visibility| {
            let streams = Option::iter(view).flat_map(|view: &OwnerView| &view.streams);
            streams.map(move |(slug, pointer)| (slug, (pointer, visibility)))
        };
        of(&self.private.1, Visibility::Private).chain(of(&self.public.1, Visibility::Public)).collect()
    }

    /// The stream in which a pointer to a stream of this visibility stands.
    pub fn stream_for(&self, visibility: Visibility) -> StreamId {
        match (self.visibility(), visibility) {
            (Some(Visibility::Public), Visibility::Public) => self.public.0,
            _ => self.private.0,
        }
    }
}

/// The type of the streams of an owner.
pub fn type_of(name: &Slug) -> String {
    format!("{}{name}", types::OWNER)
}

/// What stands in a stream of an owner; `None` where nothing of it is here.
pub async fn view(node: &Node, stream: StreamId) -> Result<Option<Seen<OwnerView>>, NodeError> {
    read::view(node, stream).await
}

/// Creates an owner, and lists it in the catalogue of the holder of the key. What the profile does not say is not
/// compared with what is there.
pub async fn create(
    hand: Hand<'_>,
    name: &Slug,
    profile: &Profile,
    visibility: Visibility,
) -> Result<Outcome, ArchiveError> {
    if let Some(owner) = Owner::read(hand.node, hand.key, name).await? {
        let have = owner.visibility().unwrap_or_default();
        if have != visibility {
            let word = |visibility: Visibility| Some(visibility.as_str().to_owned());
            let difference = Difference { field: "visibility".into(), have: word(have), want: word(visibility) };
            return Ok(Outcome::Conflict { stream: owner.stream(), differences: vec![difference] });
        }
    }
    let stream = hand.node.create(root(&type_of(name), hand.key, visibility)?).await?;
    let begin = |view: &OwnerView| {
        if view.profile.kind.is_none() {
            return Ok((vec![New::timeless(types::PROFILE, profile)?], Vec::new()));
        }
        Ok((Vec::new(), profile.differs(&view.profile)))
    };
    let (written, differences) = hand.edit(stream, begin).await?;
    if !differences.is_empty() {
        return Ok(Outcome::Conflict { stream, differences });
    }
    let listed = catalog::list(hand, stream, name, visibility).await?;
    Ok(if written.is_empty() && !listed { Outcome::Existing(stream) } else { Outcome::Created(stream) })
}

/// Changes the profile of an owner; nothing is written where it is so already.
pub async fn change(hand: Hand<'_>, name: &Slug, profile: &Profile) -> Result<StreamId, ArchiveError> {
    let owner = Owner::read(hand.node, hand.key, name).await?;
    let stream = owner.ok_or_else(|| ArchiveError::NoOwner(name.clone()))?.stream();
    let change = |view: &OwnerView| {
        let is_new = !profile.differs(&view.profile).is_empty();
        Ok((if is_new { vec![New::of(types::PROFILE, profile)?] } else { Vec::new() }, ()))
    };
    hand.edit(stream, change).await?;
    Ok(stream)
}

/// Agrees to stand in a catalogue of somebody else; returns the object that says so.
pub async fn consent(hand: Hand<'_>, owner: StreamId, catalog: StreamId) -> Result<ObjectId, ArchiveError> {
    let agree = |view: &OwnerView| match view.consents.get(&catalog) {
        Some(id) => Ok((Vec::new(), Some(*id))),
        None => Ok((vec![New::of(types::CONSENT, &Consent { catalog })?], None)),
    };
    let (written, known) = hand.edit(owner, agree).await?;
    Ok(known.or(written.first().map(Authentic::id)).expect("it is there, or was just written"))
}
