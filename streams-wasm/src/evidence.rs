//! What is lacking, who said to have it, and what can be held against somebody.

use streams_core::sync::evidence::{Evidence, Shown};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::hash_key;

/// Answers a node's questions about peers.
pub(crate) async fn call(node: &streams_core::Node, what: &str, input: &mut In<'_>, _: usize) -> Outcome<Vec<u8>> {
    let mut out = Out::new();
    let stream = input.stream()?;
    match what {
        "evidence" => {
            let evidence = node.evidence(stream).await?;
            out.list(evidence.len());
            evidence.iter().for_each(|evidence| {
                out.bytes(&evidence.encode());
            });
        }
        _ => {
            let completeness = node.completeness(stream).await?;
            out.list(7).uint(completeness.objects as u64).ids(&completeness.gaps).ids(&completeness.redacted);
            out.uint(completeness.by_several as u64).uint(completeness.by_one as u64).uint(completeness.by_none as u64);
            out.list(completeness.peers.len());
            for peer in &completeness.peers {
                out.list(4).author(&peer.peer()).uint(peer.heard).ids(&peer.lacking).uint(peer.objects as u64);
            }
        }
    }
    Ok(out.into_bytes())
}

/// What evidence shows to somebody who was not there.
#[wasm_bindgen(js_name = verifyEvidence)]
pub fn verify_evidence(file: &[u8]) -> Result<Vec<u8>, Failure> {
    let shown = Evidence::decode(file)?.verify(hash_key())?;
    let mut out = Out::new();
    out.list(4).text(shown.code());
    match shown {
        Shown::Fork { author, stream, objects } => drop(out.id(&stream).list(1).author(&author).ids(&objects)),
        Shown::Checkpoints { holders, stream } => {
            out.id(&stream).list(holders.len());
            holders.iter().for_each(|(_, holder)| {
                out.author(holder);
            });
            out.ids(&holders.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        }
        Shown::Contradiction { peer, stream, object } => {
            out.id(&stream).list(1).author(&peer).ids(&object.into_iter().collect::<Vec<_>>());
        }
        Shown::BrokenPromise { peer, stream, object } => drop(out.id(&stream).list(1).author(&peer).ids(&[object])),
    }
    Ok(out.into_bytes())
}
