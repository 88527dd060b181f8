//! What only a runner of vectors asks for, beneath what people use.

use streams_core::sync::reconcile::Reconcile;
use streams_core::{Batch, ObjectId, Ties, Verifier, VerifyingKey};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::cbor::{In, Out};
use crate::error::Failure;
use crate::object::array;

/// The tie of an author's objects of a generation (spec 9.1).
#[wasm_bindgen]
pub fn tie(root: &[u8], generation: u64, author: &str) -> Result<Vec<u8>, Failure> {
    let author: VerifyingKey = author.parse()?;
    Ok(Ties::new(ObjectId::from_bytes(array(root)?)).tie(generation, &author).to_vec())
}

/// Which signatures over these very bytes are valid, each alone and all together: of each its key, message and signature.
#[wasm_bindgen(js_name = verifyRaw)]
pub fn verify_raw(items: &[u8]) -> Result<Vec<u8>, Failure> {
    let items = In::new(items).many(|input| {
        input.list()?;
        Ok((Verifier::from_bytes(input.array()?)?, input.bytes()?, input.array::<64>()?))
    })?;
    let mut batch = Batch::new();
    let mut out = Out::new();
    out.list(2).list(items.len());
    for (key, message, signature) in &items {
        batch.add_without_domain(key, message, signature);
        out.bool(key.verify_without_domain(message, signature));
    }
    out.bool(batch.verify());
    Ok(out.into_bytes())
}

/// Whether all these signatures are valid, together.
#[wasm_bindgen(js_name = verifyBatch)]
pub fn verify_batch(items: &[u8]) -> Result<bool, Failure> {
    let mut batch = Batch::new();
    In::new(items).many(|input| {
        input.list()?;
        batch.add_without_domain(&Verifier::from_bytes(input.array()?)?, input.bytes()?, &input.array()?);
        Ok(())
    })?;
    Ok(batch.verify())
}

/// One side of a run of ranges (spec 10.2.1): what it answers to, and what it finds.
#[wasm_bindgen]
pub fn ranges(secret: &[u8], keys: &[u8], heard: &[u8]) -> Result<Vec<u8>, Failure> {
    let keys = In::new(keys).many(|input| input.array())?;
    let mut side = Reconcile::new(&array(secret)?, keys);
    let heard = In::new(heard).parts()?;
    let mut out = Out::new();
    out.list(2).list(heard.len());
    for message in heard {
        out.bool(side.answer(message)?.is_some());
    }
    let found = side.found();
    out.list(found.len());
    found.for_each(|key| {
        out.bytes(key);
    });
    Ok(out.into_bytes())
}
