//! S3, by a server of one's own.
#![cfg(feature = "s3")]

mod moto;

use std::sync::Arc;

use moto::Moto;
use streams_core::archiver::{Archiver, FailureKind, Pack, Released, Request, SubmissionKey, Ticket};
use streams_core::conformance::archiver::conforms;
use streams_core::{ObjectId, SigningKey};
use streams_object_store::{ObjectStoreArchiver, S3};

fn open(moto: &Moto, address: &str) -> ObjectStoreArchiver {
    let s3 = S3::at(address).unwrap().endpoint(moto.address()).region("us-east-1");
    s3.credentials("key", "secret").open().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_conforms() {
    let moto = Moto::start();
    for address in ["s3://bucket/some/prefix", "s3://bucket"] {
        let archiver = open(&moto, address);
        assert_eq!(archiver.id(), address);
        conforms(Arc::new(archiver), async || ()).await;
    }
    let listed = open(&moto, "s3://bucket/some/prefix").list(None, 100).await.unwrap();
    assert!(listed.len() >= 6, "what one wrote, another finds: {listed:?}");
    // A bucket that is not there.
    let archiver = open(&moto, "s3://nothing");
    let ticket = Ticket::new("a/b.car#1").unwrap();
    assert_eq!(archiver.status(&ticket).await.unwrap_err().kind(), FailureKind::Missing);
    assert!(archiver.list(None, 10).await.is_err());
}

/// What such a bucket deletes is there as long as its own rules say.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_keeps_versions_says_so_when_something_is_released() {
    let moto = Moto::start();
    let archiver = open(&moto, "s3://bucket");
    let (bytes, id) = (b"a pack".to_vec(), ObjectId::of_block(b"a stream"));
    let pack = Pack { stream: id, id, digest: *ObjectId::of_block(&bytes).as_bytes(), size: bytes.len() as u64 };
    let owner = SigningKey::from_bytes([1; 32]).verifying_key();
    for (number, expected) in [(0, Released::Now), (1, Released::Ends(None))] {
        let key = SubmissionKey::derive(&owner, &pack, archiver.id(), [0, number]);
        let ticket = archiver.submit(&key, &Request { pack, copies: 1, renews: None }, &bytes).await.unwrap();
        assert_eq!(archiver.release(&key, &pack, Some(&ticket)).await.unwrap(), expected);
        assert_eq!(archiver.status(&ticket).await.unwrap_err().kind(), FailureKind::Missing);
        let wanted = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        moto.put("/bucket?versioning", wanted);
    }
}
