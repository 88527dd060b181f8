//! What a peer sent is taken in beside the session, which goes on meanwhile.

use async_channel::{Receiver, Sender};

use super::{Node, NodeError};
use crate::object::authenticate::Authenticator;
use crate::object::author::VerifyingKey;
use crate::object::id::StreamId;
use crate::object::parts::Object;
use crate::stream::Stream;
use crate::stream::admit::{Ingested, Refused, Rejected};
use crate::sync::questions::Answer;

/// How many frames of a stream are taken in before others may use it.
const TOGETHER: usize = 32;

/// Objects that a peer sent, and the number of the question that they are in.
pub(super) struct Take {
    pub(super) number: u64,
    pub(super) stream: StreamId,
    pub(super) peer: VerifyingKey,
    pub(super) parts: Vec<Vec<u8>>,
}

impl AsRef<[Vec<u8>]> for Take {
    fn as_ref(&self) -> &[Vec<u8>] {
        &self.parts
    }
}

/// Takes in what comes, in its order, as long as something can come.
pub(super) async fn take_in(node: &Node, takes: Receiver<Take>, taken: Sender<(u64, Answer)>) -> Result<(), NodeError> {
    let mut waiting = None;
    loop {
        if waiting.is_none() {
            let Ok(take) = takes.recv().await else { return Ok(()) };
            waiting = Some(take);
        }
        // Where the session is over, nobody wants to know.
        let tell = |number, answer| drop(taken.try_send((number, answer)));
        take_from(node, &mut waiting, || takes.try_recv().ok(), tell).await?;
    }
}

/// Takes in what waits, and what is next of the same stream. What is of another waits then.
pub(super) async fn take_from(
    node: &Node,
    waiting: &mut Option<Take>,
    mut next: impl FnMut() -> Option<Take>,
    mut tell: impl FnMut(u64, Answer),
) -> Result<(), NodeError> {
    let Some(first) = &waiting else { return Ok(()) };
    let stream = first.stream;
    // What waits for its causes is bounded by peer: whoever has its key, on however many links.
    let from = u64::from_be_bytes(first.peer.as_bytes()[..8].try_into().expect("a key has 32 bytes"));
    let mut begun = false;
    if node.head(stream).await?.is_none() {
        // Without its root nothing of it is judged.
        if let Err(rejected) = begin(node, first).await? {
            let rejected = vec![rejected; first.parts.len()];
            tell(first.number, Answer::Taken { admitted: 0, gaps: Vec::new(), rejected });
            *waiting = None;
            return Ok(());
        }
        begun = true;
    }
    let mut together = 0;
    let batches = std::iter::from_fn(|| {
        let take = waiting.take().or_else(&mut next)?;
        if take.stream != stream || together == TOGETHER {
            *waiting = Some(take);
            return None;
        }
        together += 1;
        Some(take)
    });
    let taken = |stream: &Stream, take: Take, answers| {
        let (mut admitted, mut rejected) = (u64::from(std::mem::take(&mut begun)), Vec::new());
        for answer in answers {
            match answer {
                Ok(Ingested::Admitted { then }) => admitted += 1 + then.len() as u64,
                Ok(Ingested::Known | Ingested::Pending { .. }) => {}
                Err(reason) => rejected.push(reason),
            }
        }
        tell(take.number, Answer::Taken { admitted, gaps: stream.gaps(), rejected });
    };
    node.ingest_batches(stream, batches, from, taken).await
}

/// Begins a stream of which nothing is here, if its root is the first that came, and one that this node takes.
async fn begin(node: &Node, take: &Take) -> Result<Result<(), Rejected>, NodeError> {
    let root = take.parts.first().and_then(|parts| Object::decode(parts).ok()).filter(|root| root.id() == take.stream);
    let root = root.and_then(|root| Authenticator::new(node.key).authenticate(root).ok());
    let Some(root) = root else { return Ok(Err(Refused::OtherStream.into())) };
    match node.create(root).await {
        Err(NodeError::Unlike(unlike)) => Ok(Err(unlike.into())),
        created => created.map(|_| Ok(())),
    }
}
