//! Catalogues: whom a curator lists. Like owners, a curator has a public and a private one.
//!
//! A catalogue is a hint, which can be made anew from what is here ([`rebuild`]). That somebody else lists an owner is
//! worth as much as the owner's consent, an object in the owner's own stream ([`Listed::consent`]).

use std::collections::BTreeMap;

use streams_core::{Authentic, Node, SigningKey, StreamId};

use crate::name::Slug;
use crate::object::{Consent, Listed, types};
use crate::owner::{self, OwnerView};
use crate::read::{self, View};
use crate::root::{Visibility, root};
use crate::stream::StreamView;
use crate::write::{ArchiveError, Hand, New};

/// Whom a catalogue lists, by the streams of the owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogView {
    /// The owners.
    pub owners: BTreeMap<StreamId, Listed>,
}

impl View for CatalogView {
    const TYPES: &'static [&'static str] = &[types::LISTED];

    fn apply(&mut self, object: &Authentic) {
        match object.object().data_as::<Listed>() {
            Ok(Some(listed)) if listed.removed == Some(true) => drop(self.owners.remove(&listed.owner)),
            Ok(Some(listed)) => drop(self.owners.insert(listed.owner, listed)),
            _ => {}
        }
    }
}

/// Both catalogues of the holder of a key, as one.
pub async fn read(node: &Node, key: &SigningKey) -> Result<CatalogView, ArchiveError> {
    let mut both = CatalogView::default();
    for visibility in [Visibility::Private, Visibility::Public] {
        let id = root(types::CATALOG, key, visibility)?.id();
        both.owners.extend(read::view::<CatalogView>(node, id).await?.map(|seen| seen.view.owners).unwrap_or_default());
    }
    Ok(both)
}

/// Lists an owner of the same key; returns whether that was new. It is called after the owner is there.
pub(crate) async fn list(
    hand: Hand<'_>,
    owner: StreamId,
    name: &Slug,
    visibility: Visibility,
) -> Result<bool, ArchiveError> {
    let author = hand.key.verifying_key();
    let listed = Listed { owner, author, name: name.clone(), consent: None, removed: None };
    put(hand, listed, visibility).await
}

/// Lists an owner of another key, with its consent.
pub async fn add(hand: Hand<'_>, listed: Listed) -> Result<bool, ArchiveError> {
    put(hand, listed, Visibility::Public).await
}

async fn put(hand: Hand<'_>, listed: Listed, visibility: Visibility) -> Result<bool, ArchiveError> {
    let catalog = hand.node.create(root(types::CATALOG, hand.key, visibility)?).await?;
    let add = |view: &CatalogView| {
        let is_new = view.owners.get(&listed.owner) != Some(&listed);
        Ok((if is_new { vec![New::timeless(types::LISTED, &listed)?] } else { Vec::new() }, is_new))
    };
    Ok(hand.edit(catalog, add).await?.1)
}

/// Whether an owner agrees to stand in the catalogue of this key: it is the curator's own, or the object in its stream
/// says so. Not, where its stream is not here.
pub async fn is_confirmed(node: &Node, curator: &SigningKey, listed: &Listed) -> Result<bool, ArchiveError> {
    let catalog = root(types::CATALOG, curator, Visibility::Public)?.id();
    let Some(owner_root) = node.object(listed.owner, &listed.owner).await? else { return Ok(false) };
    let author = owner_root.authentic.header().author();
    if author != listed.author {
        return Ok(false);
    }
    let Some(consent) = listed.consent else { return Ok(author == curator.verifying_key()) };
    let Some(object) = node.object(listed.owner, &consent).await? else { return Ok(false) };
    let says = object.authentic.object().data_as::<Consent>().ok().flatten();
    let is_owners = object.effective && object.authentic.header().author() == author;
    let is_consent = object.authentic.header().r#type() == types::CONSENT;
    Ok(is_owners && is_consent && says == Some(Consent { catalog }))
}

/// Makes all pointers anew that are lacking: lists every owner of this key that is here, and points to every stream that
/// names one of them as its owner. Returns how many were lacking.
pub async fn rebuild(hand: Hand<'_>) -> Result<usize, ArchiveError> {
    let author = hand.key.verifying_key();
    let (mut lacking, mut names) = (0, BTreeMap::new());
    for (stream, authentic) in read::streams(hand.node, types::OWNER).await? {
        let header = authentic.header();
        let Ok(name) = header.r#type()[types::OWNER.len()..].parse::<Slug>() else { continue };
        if header.author() != author {
            continue;
        }
        names.insert(stream, name.clone());
        let seen = read::view::<OwnerView>(hand.node, stream).await?.unwrap_or_default();
        if seen.view.profile.kind.is_some() {
            let is_public = root(header.r#type(), hand.key, Visibility::Public)?.id() == stream;
            let visibility = if is_public { Visibility::Public } else { Visibility::Private };
            lacking += usize::from(list(hand, stream, &name, visibility).await?);
        }
    }
    for (stream, authentic) in read::streams(hand.node, types::STREAM).await? {
        let header = authentic.header();
        let Ok(slug) = header.r#type()[types::STREAM.len()..].parse::<Slug>() else { continue };
        let seen = read::view::<StreamView>(hand.node, stream).await?.unwrap_or_default();
        let Some(owner) = seen.view.owner.filter(|owner| names.contains_key(owner)) else { continue };
        if header.author() == author {
            lacking += usize::from(crate::stream::point(hand, owner, &slug, stream).await?);
        }
    }
    Ok(lacking)
}

/// Reads the owners that a catalogue lists and whose streams are here, each with what stands there.
pub async fn owners(node: &Node, catalog: &CatalogView) -> Result<Vec<(Listed, Option<OwnerView>)>, ArchiveError> {
    let mut owners = Vec::new();
    for listed in catalog.owners.values() {
        let view = owner::view(node, listed.owner).await?.map(|seen| seen.view);
        owners.push((listed.clone(), view));
    }
    owners.sort_by(|(one, _), (other, _)| (&one.name, one.owner).cmp(&(&other.name, other.owner)));
    Ok(owners)
}
