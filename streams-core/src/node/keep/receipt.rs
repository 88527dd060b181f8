//! Receipts: what a stream is told of its copies, as objects of the type [`DEAL`].

use serde::{Deserialize, Serialize};

use crate::archive::deal::DEAL;
use crate::archive::ledger::Release;
use crate::archive::plan;
use crate::node::{Node, NodeError};
use crate::object::author::SigningKey;
use crate::object::id::{ObjectId, StreamId};
use crate::object::typed::{Bytes, to_map};
use crate::store::Scan;

/// How many receipts are read at once.
const PAGE: usize = 256;

/// A receipt as it stands in a stream ([`Object::data_as`](crate::Object::data_as)): a value of a register whose key is
/// `deal`. Of two about one deal, the later in the order holds. Its author says so: nobody has proven it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The key of the submission, 32 bytes.
    pub deal: Bytes,
    /// The id of the manifest of the pack.
    pub pack: ObjectId,
    /// BLAKE3 of the bytes of the pack.
    pub digest: Bytes,
    /// Its length in bytes.
    pub size: u64,
    /// How many objects are in it.
    pub objects: u64,
    /// The archiver.
    pub archiver: String,
    /// Its ticket there.
    pub ticket: Option<String>,
    /// `active`; `released`, where the copies that are still there end by themselves; `unreleased`, where it was to be
    /// released and cannot be, and `failures` tell why; or why it is gone: `expired`, `lost`, `damaged`.
    pub state: String,
    /// Until when, in milliseconds since 1970.
    pub until: Option<u64>,
    /// What it costs,
    pub cost: Option<u64>,
    /// in this unit.
    pub unit: Option<String>,
    /// Its copies.
    #[serde(rename = "copies:am")]
    pub copies: Vec<ReceiptCopy>,
    /// What did not succeed beside them, in a sentence each.
    #[serde(rename = "failures:as")]
    pub failures: Vec<String>,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptCopy {
    /// Where it is: an address, a path, the name of a provider.
    pub at: String,
    /// What shows that it is there.
    pub evidence: Option<String>,
}

impl Receipt {
    fn of(receipt: &plan::Receipt) -> Self {
        let plan::Receipt { pack, objects, archiver, deal, news, .. } = receipt;
        let mut held = deal.held().cloned().unwrap_or_default();
        if let Some(Release::Refused(failure)) = &deal.release {
            held.failures.push(format!("{}: {}", failure.kind.code(), failure.message));
        }
        let copies = held.copies.into_iter();
        Self {
            deal: Bytes(deal.key.as_bytes().to_vec()),
            pack: pack.id,
            digest: Bytes(pack.digest.to_vec()),
            size: pack.size,
            objects: *objects,
            archiver: archiver.clone(),
            ticket: deal.ticket().map(|ticket| ticket.as_str().to_owned()),
            state: news.state.clone(),
            until: news.until,
            cost: deal.price.as_ref().map(|price| price.amount),
            unit: deal.price.as_ref().map(|price| price.unit.clone()),
            copies: copies.map(|copy| ReceiptCopy { at: copy.at, evidence: copy.evidence }).collect(),
            failures: held.failures,
        }
    }
}

/// Writes a receipt, unless the last one of its deal says the same; returns whether the stream has it now.
pub(super) async fn write(
    node: &Node,
    key: &SigningKey,
    stream: StreamId,
    receipt: &plan::Receipt,
    now: u64,
) -> Result<bool, NodeError> {
    let (mut above, mut last) = (receipt.since, None);
    let receipt = Receipt::of(receipt);
    // After a crash it may be there.
    loop {
        let page = node.page(stream, Scan::Type(DEAL.to_owned(), above), PAGE).await?;
        let Some(end) = page.last() else { break };
        above = end.sequence;
        let own = page.iter().filter(|stored| stored.authentic.header().author() == key.verifying_key());
        let mut read = own.filter_map(|stored| stored.authentic.object().data_as::<Receipt>().ok().flatten());
        last = read.rfind(|read| read.deal == receipt.deal).or(last);
    }
    if last.as_ref() == Some(&receipt) {
        return Ok(true);
    }
    let Ok(data) = to_map(&receipt) else { unreachable!("a receipt is a map of values with hints") };
    node.write(stream, |stream| stream.by(key).at(now).append(DEAL, data).is_ok()).await
}
