//! Streams of owners: created, read, configured, forked.

use std::collections::{BTreeMap, BTreeSet};

use streams_core::node::NodeError;
use streams_core::node::keep::Receipt;
use streams_core::{Authentic, Bytes, Node, ObjectId, Stream, StreamId};

use crate::name::Slug;
use crate::object::{Config, Forked, Hidden, Meta, OwnerRef, Quarantined, Resource, State, StreamRef, types};
use crate::owner::{Owner, OwnerView};
use crate::read::{self, Seen, View};
use crate::resource::ResourceKey;
use crate::root::{Visibility, root};
use crate::write::{ArchiveError, Difference, Hand, New, Outcome};

/// What is known of a stream, beside its items.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamView {
    /// The stream of its owner.
    pub owner: Option<StreamId>,
    /// What describes it.
    pub meta: Meta,
    /// What is wanted of it.
    pub config: Config,
    /// Where its items come from.
    pub resources: BTreeMap<ResourceKey, Resource>,
    /// How they stand, where that was told.
    pub states: BTreeMap<ResourceKey, State>,
    /// Items that are not shown.
    pub hidden: BTreeSet<ObjectId>,
    /// What nobody could read.
    pub quarantined: Vec<Quarantined>,
    /// Its deals, by their keys.
    pub deals: BTreeMap<Bytes, Receipt>,
    /// Where it comes from.
    pub forked: Option<Forked>,
}

impl View for StreamView {
    const TYPES: &'static [&'static str] = &[
        types::OWNER_REF,
        types::META,
        types::CONFIG,
        types::RESOURCE,
        types::STATE,
        types::HIDDEN,
        types::QUARANTINED,
        types::FORKED,
        types::DEAL,
    ];

    fn apply(&mut self, authentic: &Authentic) {
        let object = authentic.object();
        match authentic.header().r#type() {
            types::OWNER_REF => {
                if let Ok(Some(OwnerRef { owner })) = object.data_as() {
                    self.owner = Some(owner);
                }
            }
            types::META => {
                if let Ok(Some(meta)) = object.data_as() {
                    self.meta.merge(&meta);
                }
            }
            types::CONFIG => {
                if let Ok(Some(config)) = object.data_as() {
                    self.config.merge(&config);
                }
            }
            types::RESOURCE => {
                if let Ok(Some(resource)) = object.data_as::<Resource>() {
                    let key = ResourceKey::of(&resource.kind, &resource.source);
                    self.resources.entry(key).or_insert_with(|| resource.empty()).merge(&resource);
                }
            }
            types::STATE => {
                let state = object.data_as::<State>().ok().flatten();
                let keyed = state.and_then(|state| Some((ResourceKey::from_bytes(&state.resource)?, state)));
                self.states.extend(keyed);
            }
            types::HIDDEN => {
                if let Ok(Some(Hidden { item, .. })) = object.data_as() {
                    self.hidden.insert(item);
                }
            }
            types::QUARANTINED => self.quarantined.extend(object.data_as().ok().flatten()),
            types::FORKED => self.forked = object.data_as().ok().flatten().or(self.forked.take()),
            _ => {
                if let Ok(Some(receipt)) = object.data_as::<Receipt>() {
                    self.deals.insert(receipt.deal.clone(), receipt);
                }
            }
        }
    }
}

/// A stream that is to be.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its slug: one for all streams of a key.
    pub slug: Slug,
    /// Who finds and reads it.
    pub visibility: Visibility,
    /// What describes it.
    pub meta: Meta,
    /// What is wanted of it.
    pub config: Config,
    /// Where it comes from, where it is a fork.
    pub forked: Option<Forked>,
}

impl Spec {
    /// A public stream of this slug.
    pub fn new(slug: Slug) -> Self {
        let (meta, config) = (Meta::default(), Config::default());
        Self { slug, visibility: Visibility::Public, meta, config, forked: None }
    }

    /// The id that it has with this key.
    pub fn id(&self, key: &streams_core::SigningKey) -> Result<StreamId, ArchiveError> {
        Ok(root(&type_of(&self.slug), key, self.visibility)?.id())
    }
}

/// The type of a stream.
pub fn type_of(slug: &Slug) -> String {
    format!("{}{slug}", types::STREAM)
}

/// What is known of a stream, beside its items; `None` where nothing of it is here.
pub async fn view(node: &Node, stream: StreamId) -> Result<Option<Seen<StreamView>>, NodeError> {
    read::view(node, stream).await
}

/// Creates a stream of an owner: first the stream, whole, and then the pointer to it.
pub async fn create(hand: Hand<'_>, owner: &Slug, spec: &Spec) -> Result<Outcome, ArchiveError> {
    let no_owner = || ArchiveError::NoOwner(owner.clone());
    let owner = Owner::read(hand.node, hand.key, owner).await?.ok_or_else(no_owner)?;
    let points_from = owner.stream_for(spec.visibility);
    let (public, private) = {
        let of = |visibility| Spec { visibility, ..spec.clone() }.id(hand.key);
        (of(Visibility::Public)?, of(Visibility::Private)?)
    };
    let stream = if spec.visibility == Visibility::Public { public } else { private };
    let other = if spec.visibility == Visibility::Public { private } else { public };
    let begun = read::view::<StreamView>(hand.node, other).await?.filter(|seen| seen.view.owner.is_some());
    if begun.is_some() {
        let have = if other == public { Visibility::Public } else { Visibility::Private };
        let difference = differing("visibility", have.as_str(), spec.visibility.as_str());
        return Ok(Outcome::Conflict { stream: other, differences: vec![difference] });
    }
    hand.node.create(root(&type_of(&spec.slug), hand.key, spec.visibility)?).await?;
    let begin = |view: &StreamView| {
        let Some(have) = view.owner else {
            let mut new = vec![New::timeless(types::OWNER_REF, &OwnerRef { owner: points_from })?];
            new.push(New::timeless(types::META, &spec.meta)?);
            new.push(New::timeless(types::CONFIG, &spec.config)?);
            if let Some(forked) = &spec.forked {
                new.push(New::timeless(types::FORKED, forked)?);
            }
            return Ok((new, Vec::new()));
        };
        let mut differences = Vec::new();
        if have != points_from {
            differences.push(differing("owner", &have.to_string(), &points_from.to_string()));
        }
        differences.extend(spec.meta.differs(&view.meta));
        differences.extend(spec.config.differs(&view.config));
        Ok((Vec::new(), differences))
    };
    let (written, differences) = hand.edit(stream, begin).await?;
    if !differences.is_empty() {
        return Ok(Outcome::Conflict { stream, differences });
    }
    if points_from == owner.private.0 {
        hand.node.create(root(&crate::owner::type_of(&owner.name), hand.key, Visibility::Private)?).await?;
    }
    let pointed = point(hand, points_from, &spec.slug, stream).await?;
    Ok(if written.is_empty() && !pointed { Outcome::Existing(stream) } else { Outcome::Created(stream) })
}

fn differing(field: &str, have: &str, want: &str) -> Difference {
    Difference { field: field.to_owned(), have: Some(have.to_owned()), want: Some(want.to_owned()) }
}

/// Points from an owner to a stream; returns whether that was new.
pub(crate) async fn point(
    hand: Hand<'_>,
    owner: StreamId,
    slug: &Slug,
    stream: StreamId,
) -> Result<bool, ArchiveError> {
    let point = |view: &OwnerView| {
        let is_new = view.streams.get(slug).is_none_or(|pointer| pointer.stream != stream);
        let pointer = StreamRef { slug: slug.clone(), stream, labels: None, removed: None };
        Ok((if is_new { vec![New::timeless(types::STREAM_REF, &pointer)?] } else { Vec::new() }, is_new))
    };
    Ok(hand.edit(owner, point).await?.1)
}

/// Changes what describes a stream and what is wanted of it; returns whether anything was to be changed.
pub async fn change(hand: Hand<'_>, stream: StreamId, meta: &Meta, config: &Config) -> Result<bool, ArchiveError> {
    let change = |view: &StreamView| {
        let mut new = Vec::new();
        if !meta.differs(&view.meta).is_empty() {
            new.push(New::of(types::META, meta)?);
        }
        if !config.differs(&view.config).is_empty() {
            new.push(New::of(types::CONFIG, config)?);
        }
        Ok((new, ()))
    };
    Ok(!hand.edit(stream, change).await?.0.is_empty())
}

/// Adds a resource, or says how the one that is there differs.
pub async fn add_resource(hand: Hand<'_>, stream: StreamId, resource: &Resource) -> Result<Outcome, ArchiveError> {
    let key = ResourceKey::of(&resource.kind, &resource.source);
    let add = |view: &StreamView| match view.resources.get(&key) {
        None => Ok((vec![New::of(types::RESOURCE, resource)?], Vec::new())),
        Some(have) => Ok((Vec::new(), resource.differs(have))),
    };
    let (written, differences) = hand.edit(stream, add).await?;
    Ok(match differences {
        differences if !differences.is_empty() => Outcome::Conflict { stream, differences },
        _ if written.is_empty() => Outcome::Existing(stream),
        _ => Outcome::Created(stream),
    })
}

/// Changes a resource that is there; returns whether anything was to be changed.
pub async fn change_resource(hand: Hand<'_>, stream: StreamId, resource: &Resource) -> Result<bool, ArchiveError> {
    let key = ResourceKey::of(&resource.kind, &resource.source);
    let change = |view: &StreamView| {
        let is_new = view.resources.get(&key).is_none_or(|have| !resource.differs(have).is_empty());
        Ok((if is_new { vec![New::of(types::RESOURCE, resource)?] } else { Vec::new() }, ()))
    };
    Ok(!hand.edit(stream, change).await?.0.is_empty())
}

/// Begins a stream anew under another slug: with what describes it, what is wanted of it and its resources, and without
/// its history and its rules. It says where it comes from, and why.
pub async fn fork(
    hand: Hand<'_>,
    owner: &Slug,
    from: StreamId,
    slug: Slug,
    visibility: Visibility,
    reason: &str,
) -> Result<Outcome, ArchiveError> {
    let seen = view(hand.node, from).await?.ok_or(ArchiveError::NoStream(from))?.view;
    let now = |stream: &Stream| Forked {
        from,
        objects: stream.len() as u64,
        order: stream.order_digest().into(),
        reason: reason.to_owned(),
    };
    let mut forked = hand.node.read(from, now).await?;
    let mut spec = Spec { slug, visibility, meta: Meta { seal: None, ..seen.meta }, config: seen.config, forked: None };
    // Where it was begun already, it is of that moment.
    let begun = view(hand.node, spec.id(hand.key)?).await?.and_then(|seen| seen.view.forked);
    if let Some(begun) = begun.filter(|begun| begun.from == from && begun.reason == reason) {
        forked = begun;
    }
    spec.forked = Some(forked);
    let outcome = create(hand, owner, &spec).await?;
    if let Outcome::Created(stream) | Outcome::Existing(stream) = outcome {
        for resource in seen.resources.values() {
            add_resource(hand, stream, resource).await?;
        }
    }
    Ok(outcome)
}
