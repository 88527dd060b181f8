//! A folder as an archiver, and as a shelf.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use streams_core::archive::ledger::Account;
use streams_core::archiver::shelf::Shelf;
use streams_core::archiver::{Archiver, FailureKind, Gone, Pack, Released, Request, Status, SubmissionKey, Ticket};
use streams_core::conformance::archiver::conforms;
use streams_core::{ObjectId, SigningKey};
use streams_object_store::{FolderShelf, ObjectStoreArchiver};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conforms(Arc::new(ObjectStoreArchiver::folder(folder.path()).unwrap()), async || ()).await;
}

#[tokio::test]
async fn stores_conform_whether_or_not_they_keep_to_conditions() {
    for honest in [true, false] {
        let store = Arc::new(Forgetful { inner: InMemory::new(), honest });
        conforms(Arc::new(ObjectStoreArchiver::new("test", store, Path::from("a/b"))), async || ()).await;
    }
}

fn pack(bytes: &[u8]) -> Pack {
    let id = ObjectId::of_block(b"a stream");
    Pack { stream: id, id, digest: *ObjectId::of_block(bytes).as_bytes(), size: bytes.len() as u64 }
}

fn key(archiver: &ObjectStoreArchiver, pack: &Pack, number: u32) -> SubmissionKey {
    let owner = SigningKey::from_bytes([1; 32]).verifying_key();
    SubmissionKey::derive(&owner, pack, archiver.id(), [0, number])
}

async fn submit(archiver: &ObjectStoreArchiver, bytes: &Vec<u8>, number: u32) -> Ticket {
    let pack = pack(bytes);
    let request = Request { pack, copies: 1, renews: None };
    archiver.submit(&key(archiver, &pack, number), &request, bytes).await.unwrap()
}

/// What a person does to a folder: cuts a file, changes a byte, takes one away.
#[tokio::test]
async fn what_is_done_to_a_folder_is_seen_and_put_right() {
    let folder = tempfile::tempdir().unwrap();
    let archiver = ObjectStoreArchiver::folder(folder.path()).unwrap();
    for size in [1000, 20 << 20] {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 % 251) as u8).collect();
        let ticket = submit(&archiver, &bytes, 0).await;
        let file = folder.path().join(ticket.as_str().split('#').next().unwrap());
        assert!(std::fs::read(&file).unwrap() == bytes, "a pack is a file");

        std::fs::write(&file, &bytes[..size / 2]).unwrap();
        assert_eq!(archiver.status(&ticket).await.unwrap(), Status::Gone(Gone::Damaged));
        assert_eq!(archiver.fetch(&ticket, 0, size).await.unwrap_err().kind(), FailureKind::Integrity);
        assert_eq!(submit(&archiver, &bytes, 0).await, ticket);
        assert!(std::fs::read(&file).unwrap() == bytes, "a cut file is put right");

        let mut other = bytes.clone();
        other[size / 3] ^= 1;
        std::fs::write(&file, &other).unwrap();
        submit(&archiver, &bytes, 0).await;
        assert!(std::fs::read(&file).unwrap() == bytes, "a changed file is put right");

        std::fs::remove_file(&file).unwrap();
        assert_eq!(archiver.status(&ticket).await.unwrap_err().kind(), FailureKind::Missing);
        assert_eq!(archiver.fetch(&ticket, size as u64, 1).await.unwrap_err().kind(), FailureKind::Missing);
        submit(&archiver, &bytes, 0).await;
        assert!(file.exists());
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "nothing but the folder of the stream: {left:?}");
}

#[tokio::test]
async fn what_is_released_is_in_no_file_and_the_files_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let archiver = ObjectStoreArchiver::folder(folder.path()).unwrap();
    for size in [1000, 20 << 20] {
        let bytes: Vec<u8> = (0..size).map(|at| (at * 7 % 251) as u8).collect();
        let (pack, ticket, other) =
            (pack(&bytes), submit(&archiver, &bytes, 0).await, submit(&archiver, &bytes, 1).await);
        let file = |ticket: &Ticket| folder.path().join(ticket.as_str().split('#').next().unwrap());
        // As it was named before keys had files of their own: whose it is nobody knows.
        let before = format!("{}/{}-0123456789abcdef.car#{size}", pack.stream, pack.id);
        let before = Ticket::new(before).unwrap();
        std::fs::copy(file(&ticket), file(&before)).unwrap();
        assert!(matches!(archiver.status(&before).await.unwrap(), Status::Active(_)));
        // What is damaged is taken away too.
        std::fs::write(file(&ticket), &bytes[..size / 2]).unwrap();
        for ticket in [Some(&ticket), None] {
            assert_eq!(archiver.release(&key(&archiver, &pack, 0), &pack, ticket).await.unwrap(), Released::Now);
        }
        assert!(!file(&ticket).exists());
        let refused = archiver.release(&key(&archiver, &pack, 0), &pack, Some(&before)).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Conflict);
        assert!(std::fs::read(file(&other)).unwrap() == bytes && std::fs::read(file(&before)).unwrap() == bytes);
        std::fs::remove_file(file(&before)).unwrap();
        assert_eq!(archiver.release(&key(&archiver, &pack, 1), &pack, Some(&other)).await.unwrap(), Released::Now);
        assert_eq!(archiver.list(None, 10).await.unwrap(), []);
        assert_eq!(std::fs::read_dir(folder.path().join(pack.stream.to_string())).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn no_ticket_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.car"), b"secret").unwrap();
    let inside = folder.path().join("inside");
    let archiver = ObjectStoreArchiver::folder(&inside).unwrap();
    for text in ["../secret.car#6", "/secret.car#6", "a/../../secret.car#6", "secret.car#6", "secret.car", "#", "x#y"] {
        let ticket = Ticket::new(text).unwrap();
        assert_eq!(archiver.fetch(&ticket, 0, 6).await.unwrap_err().kind(), FailureKind::Missing, "{text}");
        assert_eq!(archiver.status(&ticket).await.unwrap_err().kind(), FailureKind::Missing, "{text}");
    }
}

#[tokio::test]
async fn a_shelf_keeps_what_is_whole_and_lets_one_in() {
    let folder = tempfile::tempdir().unwrap();
    let account = |byte| Account {
        owner: SigningKey::from_bytes([byte; 32]).verifying_key(),
        stream: ObjectId::from_bytes([byte; 32]),
    };
    let shelf = FolderShelf::open(folder.path()).unwrap();
    assert_eq!(FolderShelf::open(folder.path()).unwrap_err().kind(), FailureKind::Conflict);
    let mut draft = shelf.draft(&account(1)).await.unwrap();
    draft.write_all(b"a pack").unwrap();
    draft.keep([7; 32]).await.unwrap();
    let mut lost = shelf.draft(&account(1)).await.unwrap();
    lost.write_all(b"half a pa").unwrap();
    drop((lost, shelf));

    let shelf = FolderShelf::open(folder.path()).unwrap();
    assert_eq!(shelf.all(&account(1)).await.unwrap(), [[7; 32]]);
    assert_eq!(shelf.all(&account(2)).await.unwrap(), Vec::<[u8; 32]>::new());
    let body = shelf.open(&account(1), &[7; 32]).await.unwrap().expect("it waits");
    assert_eq!((body.size(), body.read(2, 3).await.unwrap()), (6, b"pac".to_vec()));
    assert!(body.read(6, 3).await.unwrap().is_empty());
    assert!(shelf.open(&account(2), &[7; 32]).await.unwrap().is_none(), "others have their own");
    shelf.forget(&account(1), &[7; 32]).await.unwrap();
    shelf.forget(&account(1), &[7; 32]).await.unwrap();
    assert!(shelf.open(&account(1), &[7; 32]).await.unwrap().is_none());
    let drafts = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "draft"));
    assert_eq!(drafts.count(), 0, "what was half written is gone");
}

/// A store that, unless it is honest, takes no notice of a condition.
#[derive(Debug)]
struct Forgetful {
    inner: InMemory,
    honest: bool,
}

impl fmt::Display for Forgetful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("forgetful")
    }
}

#[async_trait]
impl ObjectStore for Forgetful {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        if !self.honest {
            options.mode = PutMode::Overwrite;
        }
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
