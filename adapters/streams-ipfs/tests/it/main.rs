//! Both archivers against a small server that does what the documents of their interfaces say.

mod server;

use std::sync::Arc;
use std::time::Duration;

use server::{Server, Way};
use streams_core::archiver::{Archiver, FailureKind, Pack, Released, Request, Status, SubmissionKey, Ticket};
use streams_core::conformance::archiver::conforms;
use streams_core::{ObjectId, SigningKey};
use streams_ipfs::{KuboArchiver, PinningArchiver};

fn kubo(server: &Server) -> KuboArchiver {
    KuboArchiver::new("a node", &server.address()).unwrap()
}

fn pinning(server: &Server) -> PinningArchiver {
    PinningArchiver::new("a service", &format!("{}/psa/", server.address()), "the token", kubo(server)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_conforms() {
    let server = Server::start();
    conforms(Arc::new(kubo(&server)), async || ()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_conforms() {
    let server = Server::start();
    conforms(Arc::new(pinning(&server)), async || tokio::time::sleep(Duration::from_millis(1)).await).await;
    assert!(server.state().connected.iter().all(|peer| peer == server::DELEGATE), "the node goes to meet the service");
    assert!(!server.state().connected.is_empty());
    assert!(server.state().pins.iter().all(|pin| pin.origins == [server::ORIGIN]), "the service is told who has it");
}

fn key_of(archiver: &dyn Archiver, bytes: &[u8]) -> (SubmissionKey, Pack) {
    let id = ObjectId::of_block(b"a stream");
    let pack = Pack { stream: id, id, digest: *ObjectId::of_block(bytes).as_bytes(), size: bytes.len() as u64 };
    let owner = SigningKey::from_bytes([1; 32]).verifying_key();
    (SubmissionKey::derive(&owner, &pack, archiver.id(), [0, 0]), pack)
}

async fn submit(archiver: &dyn Archiver, bytes: &Vec<u8>) -> Result<Ticket, streams_core::archiver::ArchiverError> {
    let (key, pack) = key_of(archiver, bytes);
    archiver.submit(&key, &Request { pack, copies: 1, renews: None }, bytes).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_is_the_file_that_anybody_reads_by_its_cid() {
    let server = Server::start();
    let bytes: Vec<u8> = (0..5 << 20).map(|at: u32| (at * 31 % 253) as u8).collect();
    let ticket = submit(&kubo(&server), &bytes).await.unwrap();
    let path = ticket.as_str().split('#').next().unwrap();
    assert!(server.state().file(path) == bytes);
    // It is not sent twice.
    let imports = server.state().imports;
    submit(&kubo(&server), &bytes).await.unwrap();
    assert_eq!(server.state().imports, imports);
    // Unpinned, it is gone, whatever the node may still have of it.
    server.state().pinned.clear();
    assert_eq!(kubo(&server).status(&ticket).await.unwrap_err().kind(), FailureKind::Missing);
    assert_eq!(kubo(&server).fetch(&ticket, 0, 10).await.unwrap_err().kind(), FailureKind::Missing);
}

/// What each key has kept, the node has pinned under a root of its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_released_is_pinned_nowhere_and_what_others_need_stays() {
    let server = Server::start();
    let bytes: Vec<u8> = (0..3 << 20).map(|at: u32| (at * 29 % 251) as u8).collect();
    let (node, service) = (kubo(&server), pinning(&server));
    let on_node = submit(&node, &bytes).await.unwrap();
    let at_service = submit(&service, &bytes).await.unwrap();
    let blocks = server.state().blocks.len();
    assert_eq!(server.state().pinned.len(), 2);
    assert_eq!(blocks, 3 + 1 + 2, "the blocks of the file are there once, and each key has a folder");
    let Status::Pending { .. } = service.status(&at_service).await.unwrap() else { panic!("it is on its way") };
    let (key, pack) = key_of(&service, &bytes);
    assert_eq!(service.release(&key, &pack, Some(&at_service)).await.unwrap(), Released::Ends(None));
    assert!(server.state().pins.is_empty());
    assert_eq!(server.state().pinned.len(), 1, "the node does not keep it for the service any more");
    assert!(matches!(node.status(&on_node).await.unwrap(), Status::Active(_)));
    let (key, pack) = key_of(&node, &bytes);
    assert_eq!(node.release(&key, &pack, Some(&on_node)).await.unwrap(), Released::Ends(None));
    assert!(server.state().pinned.is_empty());

    // As it was pinned before keys had folders: who else needs it nobody knows.
    let cid = on_node.as_str().split('/').next().unwrap().to_owned();
    let before = Ticket::new(format!("{cid}#{}", bytes.len())).unwrap();
    server.state().pinned.insert(cid.clone());
    assert_eq!(node.release(&key, &pack, Some(&before)).await.unwrap_err().kind(), FailureKind::Conflict);
    assert!(matches!(node.status(&before).await.unwrap(), Status::Active(held) if held.copies[0].at.ends_with(&cid)));
    assert_eq!(node.release(&key, &pack, None).await.unwrap_err().kind(), FailureKind::Doubtful);
    let again = submit(&service, &bytes).await.unwrap();
    server.state().pins[0].meta = serde_json::json!({});
    let (key, pack) = key_of(&service, &bytes);
    assert_eq!(service.release(&key, &pack, Some(&again)).await.unwrap_err().kind(), FailureKind::Conflict);
    assert_eq!(server.state().pins.len(), 1);
    // Where the service is not reached, its pin is asked about again.
    server.state().way = Way::Answers(500);
    assert!(service.release(&key, &pack, Some(&again)).await.unwrap_err().kind().may_have_arrived());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_says_is_understood() {
    let bytes = b"a pack".to_vec();
    for (way, kind) in [
        (Way::NoPin, FailureKind::Rejected),
        (Way::Forbids, FailureKind::Unauthorized),
        (Way::HangsUp, FailureKind::Unreachable),
        (Way::SaysNothing, FailureKind::Other),
    ] {
        let server = Server::start();
        server.state().way = way;
        assert_eq!(submit(&kubo(&server), &bytes).await.unwrap_err().kind(), kind, "{way:?}");
    }
    let nobody = KuboArchiver::new("nobody", "http://127.0.0.1:1").unwrap();
    assert_eq!(submit(&nobody, &bytes).await.unwrap_err().kind(), FailureKind::Unreachable);
    for wrong in ["", "127.0.0.1:5001", "ftp://127.0.0.1", "http://", "http://name:secret@127.0.0.1"] {
        assert!(KuboArchiver::new("wrong", wrong).is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_says_is_understood() {
    let bytes = b"a pack".to_vec();
    for (way, kind) in [
        (Way::Answers(400), FailureKind::Rejected),
        (Way::Answers(401), FailureKind::Unauthorized),
        (Way::Answers(409), FailureKind::Unfunded),
        (Way::Answers(429), FailureKind::RateLimited),
        (Way::Answers(451), FailureKind::Rejected),
        (Way::Answers(500), FailureKind::Other),
    ] {
        let server = Server::start();
        server.state().way = way;
        let error = submit(&pinning(&server), &bytes).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{way:?}");
        assert!(!error.to_string().contains("the token"));
        if kind == FailureKind::RateLimited {
            assert_eq!(error.failure().after, Some(7_000));
        }
    }
    let server = Server::start();
    let archiver = pinning(&server);
    let ticket = submit(&archiver, &bytes).await.unwrap();
    let status = async |word: &str| {
        server.state().pins[0].status = word.into();
        archiver.status(&ticket).await.unwrap()
    };
    assert_eq!(status("queued").await, Status::Pending { phase: "queued".into() });
    assert_eq!(status("pinning").await, Status::Pending { phase: "pinning".into() });
    assert!(matches!(status("pinned").await, Status::Active(held) if held.copies[0].at.starts_with("ipfs://baf")));
    assert!(matches!(status("failed").await, Status::Failed(failure) if failure.message.contains("no peers")));
    assert_eq!(status("a later word").await, Status::Unknown);
    server.state().pins.clear();
    assert_eq!(archiver.status(&ticket).await.unwrap_err().kind(), FailureKind::Missing);
    for odd in ["../x", "..", "a?b", "a/b"] {
        assert_eq!(
            archiver.status(&Ticket::new(odd).unwrap()).await.unwrap_err().kind(),
            FailureKind::Missing,
            "{odd}"
        );
    }
    assert!(!format!("{archiver:?}").contains("the token"));
}
