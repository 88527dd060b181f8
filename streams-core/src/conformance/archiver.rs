//! What every archiver must do.

use std::sync::Arc;

use crate::archiver::{
    Archiver, ArchiverError, FailureKind, Pack, Recovery, Released, Request, Retry, Status, SubmissionKey, Ticket,
};
use crate::object::author::SigningKey;
use crate::object::id::ObjectId;

/// How often a deal is asked about until it must be active.
const PATIENCE: usize = 200;

/// Runs the whole contract on an archiver with nothing of these tests in it. `pause` is awaited where a deal takes time.
///
/// # Panics
///
/// Where the archiver does not keep it.
pub async fn conforms(archiver: Arc<dyn Archiver>, pause: impl AsyncFn()) {
    let archiver = &*archiver;
    assert!((1..=256).contains(&archiver.id().len()), "a name has 1 to 256 bytes");
    assert_eq!(archiver.capabilities(), archiver.capabilities(), "what it can do is the same at every call");
    assert!(archiver.capabilities().copies >= 1);
    a_pack_comes_back(archiver, &pause).await;
    a_key_is_one_deal(archiver, &pause).await;
    a_deal_is_found_by_its_key(archiver).await;
    what_is_refused_leaves_nothing(archiver).await;
    a_ticket_that_was_never_given_is_missing(archiver).await;
    everything_is_listed(archiver, &pause).await;
    what_is_released_is_gone_and_nothing_else(archiver, &pause).await;
    what_is_released_without_a_ticket_is_gone_or_refused(archiver, &pause).await;
}

/// A pack of bytes that are unlike those of other seeds.
fn pack(archiver: &dyn Archiver, seed: u8, size: usize) -> (Pack, Vec<u8>) {
    let least = usize::try_from(*archiver.capabilities().unit.start()).expect("a size for tests");
    let mut bytes = vec![0; size.max(least)];
    blake3::Hasher::new_keyed(&[seed; 32]).finalize_xof().fill(&mut bytes);
    let id = ObjectId::from_bytes([seed; 32]);
    let pack = Pack { stream: id, id, digest: *blake3::hash(&bytes).as_bytes(), size: bytes.len() as u64 };
    (pack, bytes)
}

fn key_of(archiver: &dyn Archiver, owner: u8, pack: &Pack, number: u32) -> SubmissionKey {
    let owner = SigningKey::from_bytes([owner; 32]).verifying_key();
    SubmissionKey::derive(&owner, pack, archiver.id(), [0, number])
}

async fn submit(archiver: &dyn Archiver, owner: u8, pack: &Pack, bytes: &Vec<u8>) -> Ticket {
    submit_under(archiver, &key_of(archiver, owner, pack, 0), pack, bytes).await
}

async fn submit_under(archiver: &dyn Archiver, key: &SubmissionKey, pack: &Pack, bytes: &Vec<u8>) -> Ticket {
    let request = Request { pack: *pack, copies: 1, renews: None };
    if archiver.capabilities().priced {
        archiver.quote(&request).await.expect("a price");
    }
    archiver.submit(key, &request, bytes).await.expect("it takes a pack")
}

async fn active(archiver: &dyn Archiver, ticket: &Ticket, pause: &impl AsyncFn()) {
    for _ in 0..PATIENCE {
        match archiver.status(ticket).await.expect("a status") {
            Status::Active(held) => return assert!(!held.copies.is_empty(), "active, and no copy"),
            Status::Pending { .. } | Status::Unknown => pause().await,
            other => panic!("the deal {ticket} is {other:?}"),
        }
    }
    panic!("the deal {ticket} does not become active");
}

async fn fetched(archiver: &dyn Archiver, ticket: &Ticket, piece: usize) -> Result<Vec<u8>, ArchiverError> {
    let mut bytes = Vec::new();
    loop {
        let more = archiver.fetch(ticket, bytes.len() as u64, piece).await?;
        assert!(more.len() <= piece, "more than was asked for");
        if more.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(more);
    }
}

async fn a_pack_comes_back(archiver: &dyn Archiver, pause: &impl AsyncFn()) {
    for (seed, size) in [(1, 1), (2, 1000), (3, 3 << 20)] {
        let (pack, bytes) = pack(archiver, seed, size);
        let ticket = submit(archiver, 1, &pack, &bytes).await;
        active(archiver, &ticket, pause).await;
        if !archiver.capabilities().fetches {
            continue;
        }
        assert!(fetched(archiver, &ticket, 1 << 20).await.expect("its bytes") == bytes, "other bytes came back");
        let (at, piece) = (bytes.len() / 3, (bytes.len() / 3).min(1000));
        let part = archiver.fetch(&ticket, at as u64, piece).await.expect("a part");
        assert!(part[..] == bytes[at..][..part.len()] && (piece == 0 || !part.is_empty()), "another part came back");
        let behind = archiver.fetch(&ticket, bytes.len() as u64 + 7, 10).await.expect("nothing is behind the end");
        assert!(behind.is_empty());
    }
}

async fn a_key_is_one_deal(archiver: &dyn Archiver, pause: &impl AsyncFn()) {
    let (pack, bytes) = pack(archiver, 4, 5000);
    let ticket = submit(archiver, 1, &pack, &bytes).await;
    if archiver.capabilities().recovery == Recovery::Repeat {
        for _ in 0..3 {
            assert_eq!(submit(archiver, 1, &pack, &bytes).await, ticket, "the same key is the same deal");
        }
    }
    active(archiver, &ticket, pause).await;
    // Another owner has the same pack kept. Neither knows of the other.
    let other = submit(archiver, 2, &pack, &bytes).await;
    active(archiver, &other, pause).await;
    active(archiver, &ticket, pause).await;
    if archiver.capabilities().recovery == Recovery::Find {
        assert_eq!(archiver.find(&key_of(archiver, 1, &pack, 0)).await.expect("an answer"), Some(ticket));
        assert_eq!(archiver.find(&key_of(archiver, 2, &pack, 0)).await.expect("an answer"), Some(other));
    }
}

async fn a_deal_is_found_by_its_key(archiver: &dyn Archiver) {
    let (pack, bytes) = pack(archiver, 5, 100);
    let key = key_of(archiver, 1, &pack, 0);
    if archiver.capabilities().recovery != Recovery::Find {
        return;
    }
    assert_eq!(archiver.find(&key).await.expect("an answer"), None);
    let ticket = submit(archiver, 1, &pack, &bytes).await;
    assert_eq!(archiver.find(&key).await.expect("an answer"), Some(ticket));
    assert_eq!(archiver.find(&key_of(archiver, 1, &pack, 1)).await.expect("an answer"), None);
}

async fn what_is_refused_leaves_nothing(archiver: &dyn Archiver) {
    // The bytes are not those of the pack.
    let (pack, mut bytes) = pack(archiver, 6, 2000);
    bytes[1000] ^= 1;
    let key = key_of(archiver, 1, &pack, 0);
    let refused = archiver.submit(&key, &Request { pack, copies: 1, renews: None }, &bytes).await;
    let error = refused.expect_err("these bytes are others");
    assert_eq!(error.kind(), FailureKind::Integrity);
    if archiver.capabilities().recovery == Recovery::Find {
        assert_eq!(archiver.find(&key).await.expect("an answer"), None);
    }
    bytes[1000] ^= 1;
    let ticket = submit(archiver, 1, &pack, &bytes).await;
    assert!(archiver.status(&ticket).await.is_ok(), "the right bytes are taken under the same key");
}

async fn a_ticket_that_was_never_given_is_missing(archiver: &dyn Archiver) {
    let ticket = Ticket::new("nobody-gave-this").expect("a ticket");
    match archiver.status(&ticket).await {
        Err(error) => assert_eq!(error.kind(), FailureKind::Missing),
        Ok(status) => panic!("a deal that never was is {status:?}"),
    }
    if archiver.capabilities().fetches {
        assert_eq!(archiver.fetch(&ticket, 0, 1).await.expect_err("nothing").kind(), FailureKind::Missing);
    }
}

async fn everything_is_listed(archiver: &dyn Archiver, pause: &impl AsyncFn()) {
    let (pack, bytes) = pack(archiver, 7, 4000);
    let ticket = submit(archiver, 1, &pack, &bytes).await;
    active(archiver, &ticket, pause).await;
    let mut all: Vec<(Ticket, u64)> = Vec::new();
    loop {
        let page = match archiver.list(all.last().map(|(ticket, _)| ticket), 3).await {
            Err(error) if error.kind() == FailureKind::Unsupported => return,
            page => page.expect("a list"),
        };
        assert!(page.len() <= 3, "more than was asked for");
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "the list ascends");
    assert!(all.contains(&(ticket, pack.size)), "what is kept is listed");
    assert!(archiver.list(None, 0).await.expect("an empty list").is_empty());
}

/// Nothing of a deal is there any more, as far as anybody can see.
async fn assert_gone(archiver: &dyn Archiver, ticket: &Ticket) {
    match archiver.status(ticket).await {
        Ok(Status::Gone(_)) => {}
        Err(error) => assert_eq!(error.kind(), FailureKind::Missing),
        Ok(status) => panic!("what is released is {status:?}"),
    }
    if archiver.capabilities().fetches {
        assert_eq!(archiver.fetch(ticket, 0, 1).await.expect_err("no bytes").kind(), FailureKind::Missing);
    }
}

async fn what_is_released_is_gone_and_nothing_else(archiver: &dyn Archiver, pause: &impl AsyncFn()) {
    let (pack, bytes) = pack(archiver, 8, 6000);
    let keys = [(1, 0), (1, 1), (2, 0)].map(|(owner, number)| key_of(archiver, owner, &pack, number));
    let mut tickets = Vec::new();
    for key in &keys {
        tickets.push(submit_under(archiver, key, &pack, &bytes).await);
    }
    for ticket in &tickets {
        active(archiver, ticket, pause).await;
    }
    if !archiver.capabilities().releases {
        let error = archiver.release(&keys[0], &pack, Some(&tickets[0])).await.expect_err("it cannot");
        assert_eq!(error.kind(), FailureKind::Unsupported);
        return active(archiver, &tickets[0], pause).await;
    }
    // Who has the ticket of somebody else takes nothing away.
    let stranger = key_of(archiver, 3, &pack, 0);
    let _ = archiver.release(&stranger, &pack, Some(&tickets[0])).await;
    active(archiver, &tickets[0], pause).await;
    let released = archiver.release(&keys[0], &pack, Some(&tickets[0])).await.expect("it is released");
    for _ in 0..2 {
        archiver.release(&keys[0], &pack, Some(&tickets[0])).await.expect("what is released may be released again");
    }
    if released == Released::Now {
        assert_gone(archiver, &tickets[0]).await;
    }
    for ticket in &tickets[1..] {
        active(archiver, ticket, pause).await;
        if archiver.capabilities().fetches {
            assert!(fetched(archiver, ticket, 1 << 20).await.expect("its bytes") == bytes, "those of another key");
        }
    }
    // The same owner may have the same pack kept again, under another key.
    let again = key_of(archiver, 1, &pack, 2);
    let ticket = submit_under(archiver, &again, &pack, &bytes).await;
    active(archiver, &ticket, pause).await;
}

/// The answer to a submission may be lost for good.
async fn what_is_released_without_a_ticket_is_gone_or_refused(archiver: &dyn Archiver, pause: &impl AsyncFn()) {
    let capabilities = archiver.capabilities();
    if !capabilities.releases || capabilities.recovery != Recovery::Repeat {
        return;
    }
    let (pack, bytes) = pack(archiver, 9, 700);
    let (ticket, other) = (submit(archiver, 1, &pack, &bytes).await, submit(archiver, 2, &pack, &bytes).await);
    match archiver.release(&key_of(archiver, 1, &pack, 0), &pack, None).await {
        Ok(Released::Now) => assert_gone(archiver, &ticket).await,
        Ok(Released::Ends(_)) => {}
        Err(error) => {
            assert_eq!(error.kind().retry(), Retry::AfterAction, "{error}");
            active(archiver, &ticket, pause).await;
        }
    }
    active(archiver, &other, pause).await;
    let never = archiver.release(&key_of(archiver, 3, &pack, 0), &pack, None).await;
    assert!(never.map_or_else(|error| error.kind().retry() == Retry::AfterAction, |_| true));
    active(archiver, &other, pause).await;
}
