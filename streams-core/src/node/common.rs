//! Which streams are here, in which state, and who may read them: what two peers compare (spec 10.2).
//!
//! A table in memory, about a hundred bytes a stream, made from the store when it is first asked for, and kept by the
//! store's log. No stream is opened for it whose rules were never changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Node, NodeError};
use crate::graph::frontier_of;
use crate::object::author::VerifyingKey;
use crate::object::id::StreamId;
use crate::store::StoreError;

/// How many streams, or changes, are asked of the store at once.
const PAGE: usize = 4096;

/// For how many peers a stream remembers whether they may read.
const JUDGED: usize = 16;

/// The streams of a store.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The last change of the store that is in it; none where it was not made yet.
    seen: Option<u64>,
    rows: BTreeMap<StreamId, Row>,
}

#[derive(Debug)]
struct Row {
    frontier: [u8; 32],
    readers: Readers,
}

/// Who may read a stream.
#[derive(Debug)]
enum Readers {
    All,
    /// Whom its rules let, as far as it was asked.
    Judged(BTreeMap<VerifyingKey, bool>),
}

impl Node {
    /// The streams that a peer may read, each with its frontier; ascending.
    pub(super) async fn pairs(&self, peer: &VerifyingKey) -> Result<Vec<(StreamId, [u8; 32])>, NodeError> {
        let mut table = self.table.lock().await;
        self.catch_up(&mut table).await?;
        let mut pairs = Vec::with_capacity(table.rows.len());
        for (stream, row) in &mut table.rows {
            if row.may_read(self, *stream, peer).await? {
                pairs.push((*stream, row.frontier));
            }
        }
        Ok(pairs)
    }

    /// Takes in what changed in the store.
    async fn catch_up(&self, table: &mut Table) -> Result<(), NodeError> {
        let Some(mut seen) = table.seen else {
            let seen = self.store.last().await?;
            let mut after = None;
            loop {
                let page = self.store.streams(after, PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(*last);
                for stream in page {
                    table.rows.insert(stream, self.row(stream).await?);
                }
            }
            // What changes meanwhile is looked at again.
            table.seen = Some(seen);
            return Ok(());
        };
        loop {
            let log = self.store.log(None, seen, PAGE).await?;
            let Some(last) = log.last() else { break };
            seen = last.sequence;
            let changed: BTreeSet<StreamId> = log.iter().map(|logged| logged.stream).collect();
            for stream in changed {
                table.rows.insert(stream, self.row(stream).await?);
            }
            table.seen = Some(seen);
        }
        Ok(())
    }

    async fn row(&self, stream: StreamId) -> Result<Row, NodeError> {
        let frontier = frontier_of(self.store.leaves(stream).await?);
        let root = self.object(stream, &stream).await?.ok_or_else(|| StoreError::corrupt(&stream))?;
        let is_open = self.has_no_rules(stream, &root).await?;
        let readers = if is_open { Readers::All } else { Readers::Judged(BTreeMap::new()) };
        Ok(Row { frontier, readers })
    }
}

impl Row {
    async fn may_read(&mut self, node: &Node, stream: StreamId, peer: &VerifyingKey) -> Result<bool, NodeError> {
        let judged = match &mut self.readers {
            Readers::All => return Ok(true),
            Readers::Judged(judged) => judged,
        };
        if let Some(may_read) = judged.get(peer) {
            return Ok(*may_read);
        }
        let may_read = node.may_read(stream, peer).await?;
        if judged.len() == JUDGED {
            judged.pop_first();
        }
        judged.insert(*peer, may_read);
        Ok(may_read)
    }
}
