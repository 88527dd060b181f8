//! A search application on the feed: it follows all that a key may read, and shows it on a page as one types.
//!
//! Three chapters: the index ([`index`]), what it follows ([`follow`]), and what is answered over HTTP ([`web`]); the page
//! is apart, in `page/`. The index is of the very commit that has the cursor of the feed with it, so each event counts
//! once, however often the program is killed; and it can be thrown away: it is built again from the feed.

#![forbid(unsafe_code)]

pub mod follow;

pub mod index;

pub mod web;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use streams_core::{Node, StreamId, VerifyingKey};
use tokio::sync::watch;

use crate::index::Index;

/// A search application over what a key may read.
pub struct Skin {
    node: Arc<Node>,
    /// What is searched.
    pub index: Index,
    mark: watch::Sender<Mark>,
}

/// How far the index has followed: it is committed with the documents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Who reads.
    pub reader: VerifyingKey,
    /// Where the feed goes on.
    pub cursor: Vec<u8>,
    /// How many events were taken in.
    pub events: u64,
    /// Whether those were once all that there were.
    pub is_live: bool,
    /// The streams, and whether they may be read.
    pub streams: BTreeMap<StreamId, bool>,
}

impl Skin {
    /// A skin for this key, with its index in a folder that is there. One that is of another key is thrown away.
    pub fn open(node: Arc<Node>, reader: VerifyingKey, folder: &Path) -> Result<Arc<Self>> {
        let index = Index::open(folder)?;
        let mark = match index.mark()? {
            Some(mark) if mark.reader == reader => Mark { is_live: false, ..mark },
            _ => {
                let (cursor, streams) = (Vec::new(), BTreeMap::new());
                let (mark, mut writer) = (Mark { reader, cursor, events: 0, is_live: false, streams }, index.writer()?);
                writer.delete_all_documents()?;
                index.commit(&mut writer, &mark)?;
                mark
            }
        };
        Ok(Arc::new(Self { node, index, mark: watch::Sender::new(mark) }))
    }

    /// How far the index has followed.
    pub fn mark(&self) -> watch::Receiver<Mark> {
        self.mark.subscribe()
    }
}
