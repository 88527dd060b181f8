//! Reading from the store alone: pages of the order, authors, types, objects by their ids.

use super::opened::decode;
use super::{Node, NodeError};
use crate::object::authenticate::{Authentic, Authenticator};
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
}

/// What the store holds, as an object.
pub(super) fn stored(authenticator: &mut Authenticator, record: &Record) -> Result<Stored, StoreError> {
    let Record { sequence, place, effective, adopted_by, .. } = *record;
    let authentic = authenticator.verified_before(decode(record)?).map_err(|_| StoreError::corrupt(&place.id))?;
    Ok(Stored { sequence, place, effective, adopted_by, authentic })
}
