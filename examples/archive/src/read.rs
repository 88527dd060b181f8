//! Reading: what is, as a fold over the objects of some types, in the order of their stream.

use streams_core::node::NodeError;
use streams_core::store::{Place, Scan};
use streams_core::{Authentic, Node, StreamId};

/// How many objects are asked of the store at once.
const PAGE: usize = 1024;

/// What is folded out of the objects of some types.
pub trait View: Default {
    /// The types.
    const TYPES: &'static [&'static str];

    /// Takes the next object that is effective, in the order of the stream.
    fn apply(&mut self, object: &Authentic);
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Seen<V> {
    /// What is.
    pub view: V,
    /// The number of the last change of the stream before it was read.
    pub last: u64,
}

/// Reads a stream; `None` where nothing of it is here. What has other types is not read: a stream of a million items
/// costs what its few other objects cost.
pub async fn view<V: View>(node: &Node, stream: StreamId) -> Result<Option<Seen<V>>, NodeError> {
    let Some(head) = node.head(stream).await? else { return Ok(None) };
    let mut objects: Vec<((Place, Place), Authentic)> = Vec::new();
    for r#type in V::TYPES {
        let mut above = 0;
        loop {
            let page = node.page(stream, Scan::Type((*r#type).to_owned(), above), PAGE).await?;
            let Some(end) = page.last() else { break };
            above = end.sequence;
            for stored in page {
                // What is adopted stands behind what adopts it.
                let by = match stored.adopted_by {
                    Some(by) if !stored.effective => node.object(stream, &by).await?.map(|by| by.place),
                    _ => stored.effective.then_some(stored.place),
                };
                objects.extend(by.map(|by| ((by, stored.place), stored.authentic)));
            }
        }
    }
    objects.sort_by_key(|(places, _)| *places);
    let mut view = V::default();
    objects.iter().for_each(|(_, object)| view.apply(object));
    Ok(Some(Seen { view, last: head.last }))
}

/// All streams whose root has a type that begins so, with their roots.
pub async fn streams(node: &Node, prefix: &str) -> Result<Vec<(StreamId, Authentic)>, NodeError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = node.store().streams(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(*last);
        for stream in page {
            let root = node.object(stream, &stream).await?.map(|root| root.authentic);
            let is_asked_for = |root: &Authentic| root.header().r#type().starts_with(prefix);
            found.extend(root.filter(is_asked_for).map(|root| (stream, root)));
        }
    }
}
