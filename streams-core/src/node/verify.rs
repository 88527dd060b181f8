//! Whether a store holds what was written: every id, every signature, and what was decided, decided again.

use std::collections::BTreeSet;

use super::opened::decode;
use super::{Node, NodeError};
use crate::graph::{PendingLimits, Share};
use crate::keyed::HashKey;
use crate::object::authenticate::{Authentic, Authenticator};
use crate::object::id::{ObjectId, StreamId};
use crate::store::{Head, LoggedChange, Place, Record, Scan, StoreError, StoreErrorKind};
use crate::stream::Stream;

/// How many objects are verified at once.
const PAGE: usize = 1024;

/// How often it is begun again where others write meanwhile.
const TRIES: usize = 5;

/// What was found out about a stream in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many objects were read.
    pub objects: u64,
    /// What is wrong, in one sentence each, with the object that it is about.
    pub faults: Vec<(ObjectId, String)>,
    /// The digest of the order; `None` where there was no stream to be built.
    pub order: Option<[u8; 32]>,
    /// The frontier; `None` where there was no stream to be built.
    pub frontier: Option<[u8; 32]>,
}

impl Verified {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl Node {
    /// Reads a whole stream from the store, hashes every object, verifies every signature, builds the stream anew, and
    /// compares: order, verdicts, epochs, adoptions, authors, types, leaves, counts, and one way of reading with the
    /// others. `progress` is told how many objects were read.
    ///
    /// What others write meanwhile is no fault: where it may be taken for one, all is read again, and where they go on
    /// writing, the store is [`Busy`](StoreErrorKind::Busy).
    pub async fn verify(&self, id: StreamId, mut progress: impl FnMut(u64)) -> Result<Verified, NodeError> {
        for _ in 0..TRIES {
            let head = self.store.head(id).await?.ok_or(NodeError::Unknown(id))?;
            let verified = self.verify_as_of(id, head, &mut progress).await?;
            if verified.is_clean() || self.store.head(id).await?.is_none_or(|now| now.last == head.last) {
                return Ok(verified);
            }
        }
        let busy = format!("others write to {id} all the time, so it cannot be verified: try again when they do not");
        Err(StoreError::new(StoreErrorKind::Busy, busy).into())
    }

    async fn verify_as_of(
        &self,
        id: StreamId,
        head: Head,
        progress: &mut impl FnMut(u64),
    ) -> Result<Verified, NodeError> {
        let mut verified = Verified { objects: 0, faults: Vec::new(), order: None, frontier: None };
        let mut authenticator = Authenticator::new(self.key);
        let (mut records, mut stream, mut above, mut limit) = (Vec::new(), None, 0, PAGE);
        loop {
            let page = match self.store.scan(id, Scan::Since(above), limit).await {
                // As much as possible is read of what stands before it.
                Err(error) if error.kind() == StoreErrorKind::Corrupt && limit > 1 => {
                    limit /= 2;
                    continue;
                }
                Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                    verified.faults.push((id, format!("behind number {above} the store cannot be read: {error}")));
                    break;
                }
                page => page?,
            };
            let Some(last) = page.last() else { break };
            if last.sequence <= above {
                verified.faults.push((id, format!("behind number {above} the store is out of order")));
                break;
            }
            above = last.sequence;
            verified.objects += page.len() as u64;
            for (id, authentic) in verified.authenticate(&mut authenticator, &page) {
                verified.take(&mut stream, id, authentic, self.key);
            }
            records.extend(page.into_iter().map(|record| Record { parts: [].into(), ..record }));
            progress(verified.objects);
        }
        let Some(stream) = stream else {
            verified.faults.push((id, "the root is not here, so there is no stream".into()));
            return Ok(verified);
        };
        verified.order = Some(stream.order_digest());
        verified.frontier = Some(stream.frontier());
        verified.compare(&stream, &records);
        let mut fault = |wrong: bool, text: &str| {
            if wrong {
                verified.faults.push((id, text.to_owned()));
            }
        };
        fault(head.objects != stream.len() as u64, "the number of objects is not what the store counts");
        fault(head.finals != stream.final_len() as u64, "the number of final objects is another");
        match self.compare_readings(&stream, &records, &mut verified).await {
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                verified.faults.push((id, format!("not all of the store can be read: {error}")));
            }
            compared => compared?,
        }
        Ok(verified)
    }

    /// Whether all ways of reading find what reading by numbers did.
    async fn compare_readings(
        &self,
        stream: &Stream,
        records: &[Record],
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let id = stream.id();
        if self.store.leaves(id).await? != stream.leaves() {
            verified.faults.push((id, "the leaves are others".into()));
        }
        for records in records.chunks(PAGE) {
            let ids: Vec<ObjectId> = records.iter().map(|record| record.place.id).collect();
            for (id, is_found) in ids.iter().zip(self.store.contains(id, &ids).await?) {
                if !is_found {
                    verified.faults.push((*id, "it is not found by its id".into()));
                }
            }
        }
        self.compare_log(stream, verified).await?;
        self.compare_places(id, records, verified).await
    }

    /// By which author and type an object is found, and what it says itself.
    async fn compare_log(&self, stream: &Stream, verified: &mut Verified) -> Result<(), StoreError> {
        let mut above = 0;
        loop {
            let log = self.store.log(Some(stream.id()), above, PAGE).await?;
            let Some(last) = log.last().filter(|last| last.sequence > above) else { return Ok(()) };
            above = last.sequence;
            for logged in &log {
                let LoggedChange::Added { id, author, r#type } = &logged.what else { continue };
                let Some(object) = stream.object(id) else { continue };
                if object.header().author().as_bytes() != author {
                    verified.faults.push((*id, "it stands under another author".into()));
                }
                if object.header().r#type() != r#type {
                    verified.faults.push((*id, "it stands under another type".into()));
                }
            }
        }
    }

    /// Whether reading by places hands out what reading by numbers did, in the order of the places.
    async fn compare_places(
        &self,
        id: StreamId,
        records: &[Record],
        verified: &mut Verified,
    ) -> Result<(), StoreError> {
        let mut expected: Vec<Place> = records.iter().map(|record| record.place).collect();
        expected.sort_unstable();
        let (mut found, mut after) = (Vec::with_capacity(expected.len()), None);
        // An index that is damaged may lead round in a circle.
        while found.len() <= expected.len() {
            let page = self.store.scan(id, Scan::After(after), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place);
            found.extend(page.into_iter().map(|record| record.place));
        }
        let wrong = expected.iter().zip(&found).find(|(expected, found)| expected != found);
        if let Some((place, _)) = wrong {
            verified.faults.push((place.id, "it is not found at its place".into()));
        } else if expected.len() != found.len() {
            verified.faults.push((id, "reading by places finds another number of objects".into()));
        }
        Ok(())
    }
}

impl Verified {
    fn authenticate(&mut self, authenticator: &mut Authenticator, page: &[Record]) -> Vec<(ObjectId, Authentic)> {
        let mut objects = Vec::new();
        for record in page {
            match decode(record) {
                Ok(object) => objects.push(object),
                Err(_) => self.faults.push((record.place.id, "its bytes are not what its id says".into())),
            }
        }
        let ids: Vec<ObjectId> = objects.iter().map(|object| object.id()).collect();
        let mut authentic = Vec::new();
        for (id, proven) in ids.into_iter().zip(authenticator.authenticate_batch(objects)) {
            match proven {
                Ok(proven) => authentic.push((id, proven)),
                Err(error) => self.faults.push((id, error.to_string())),
            }
        }
        authentic
    }

    fn take(&mut self, stream: &mut Option<Stream>, id: ObjectId, authentic: Authentic, key: HashKey) {
        // What waits for something damaged is told of at the end.
        let endless = Share { objects: u64::MAX, bytes: u64::MAX };
        let limits = PendingLimits { all: endless, peer: endless, author: endless };
        let taken = match stream {
            None => Stream::open_with_limits(authentic, key, limits)
                .map(|new| *stream = Some(new))
                .map_err(|error| error.to_string()),
            Some(stream) => stream.admit(authentic, 0).map(|_| ()).map_err(|error| error.to_string()),
        };
        if let Err(reason) = taken {
            self.faults.push((id, reason));
        }
    }

    /// What the store knows of each object, and what is decided now.
    fn compare(&mut self, stream: &Stream, records: &[Record]) {
        for record in records {
            let id = record.place.id;
            if !stream.contains(&id) {
                self.faults.push((id, "something before it is missing or damaged".into()));
                continue;
            }
            let mut fault = |wrong: bool, text: &str| {
                if wrong {
                    self.faults.push((id, text.to_owned()));
                }
            };
            fault(stream.is_effective(&id) != record.effective, "its verdict is another");
            fault(stream.adopter(&id) != record.adopted_by, "its adoption is another");
            fault(stream.epoch(&id) != Some(record.place.epoch), "its epoch is another");
        }
        let mut places: Vec<_> = records.iter().map(|record| record.place).collect();
        places.sort_unstable();
        let here: BTreeSet<ObjectId> = places.iter().map(|place| place.id).collect();
        let order = stream.order().filter(|id| here.contains(id));
        let kept = places.iter().map(|place| place.id).filter(|id| stream.contains(id));
        if let Some((id, _)) = order.zip(kept).find(|(order, kept)| order != kept) {
            self.faults.push((id, "its place in the order is another".into()));
        }
    }
}
