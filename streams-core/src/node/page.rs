//! Reading from the store alone: pages of the order, authors, types, objects by their ids.

use super::opened::decode;
use super::{Node, NodeError};
use crate::object::authenticate::{Authentic, Authenticator};
use crate::object::author::VerifyingKey;
use crate::object::header::types;
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Place, Record, Scan, StoreError};

/// An object as the store holds it, proven by its hash. Its signature was verified when it was written.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its number in the store's sequence.
    pub sequence: u64,
    /// Where it stands: where the next page begins.
    pub place: Place,
    /// Whether it is effective.
    pub effective: bool,
    /// The object that adopts it.
    pub adopted_by: Option<ObjectId>,
    /// The object.
    pub authentic: Authentic,
}

impl Node {
    /// At most so many objects of a stream, without opening it. O(log n), and a hash each.
    pub async fn page(&self, stream: StreamId, scan: Scan, limit: usize) -> Result<Vec<Stored>, NodeError> {
        let mut authenticator = Authenticator::new(self.key);
        let records = self.store.scan(stream, scan, limit).await?;
        Ok(records.iter().map(|record| stored(&mut authenticator, record)).collect::<Result<_, _>>()?)
    }

    /// An object, without opening its stream; `None` where it is not here.
    pub async fn object(&self, stream: StreamId, id: &ObjectId) -> Result<Option<Stored>, NodeError> {
        let record = self.store.get(stream, &[*id]).await?.pop().flatten();
        Ok(record.map(|record| stored(&mut Authenticator::new(self.key), &record)).transpose()?)
    }

    /// Whether somebody may read a stream (spec 8.8). It is opened only where it has rules, and they are not its owner.
    pub async fn may_read(&self, stream: StreamId, subject: &VerifyingKey) -> Result<bool, NodeError> {
        let root = self.object(stream, &stream).await?.ok_or(NodeError::Unknown(stream))?;
        if root.authentic.header().author() == *subject || self.has_no_rules(stream, &root).await? {
            return Ok(true);
        }
        self.read(stream, |stream| stream.may_read(subject).is_effective()).await
    }

    /// Whether a stream has no policies at all, so that everyone may read it (spec 8.3).
    pub(super) async fn has_no_rules(&self, stream: StreamId, root: &Stored) -> Result<bool, StoreError> {
        if root.authentic.header().has_policies() {
            return Ok(false);
        }
        let rules = self.store.scan(stream, Scan::Type(types::POLICY.to_owned(), 0), 1).await?;
        Ok(rules.is_empty())
    }
}

/// What the store holds, as an object.
pub(super) fn stored(authenticator: &mut Authenticator, record: &Record) -> Result<Stored, StoreError> {
    let Record { sequence, place, effective, adopted_by, .. } = *record;
    let authentic = authenticator.verified_before(decode(record)?).map_err(|_| StoreError::corrupt(&place.id))?;
    Ok(Stored { sequence, place, effective, adopted_by, authentic })
}
