//! Secrets: in the vault, and nowhere else. Sealed streams: read by who has the key.

use streams_archive::Resource;
use streams_archive::remove::{self, Done, RemoveError};
use streams_archive::seal::StreamKey;
use streams_archive::vault::{Entry, MemoryVault, Reference, SealedFile, Vault, VaultError};
use streams_core::Store;
use streams_core::store::Scan;
use tempfile::TempDir;

use crate::fixtures::{ada, bob, hand};
use crate::source::{Source, ok};
use crate::world::{World, secret};

const CANARY: &str = "canary-4d1f0f5c9a7be2";

fn entry(text: &str) -> Entry {
    Entry { label: "a label".into(), secret: secret(text) }
}

fn check_vault(vault: &dyn Vault, again: &dyn Vault) {
    use streams_archive::vault::ExposeSecret;
    let (one, two) = (Reference::credential().unwrap(), Reference::credential().unwrap());
    assert!(vault.entry(&one).unwrap().is_none());
    assert!(!vault.forget(&one).unwrap());
    vault.put_new(&one, entry("first")).unwrap();
    assert_eq!(vault.put_new(&one, entry("second")).unwrap().secret.expose_secret(), "first", "never overwritten");
    again.put_new(&two, entry("two")).unwrap();
    assert_eq!(vault.entry(&two).unwrap().unwrap().secret.expose_secret(), "two", "another hears of it");
    let mut both = vec![one.clone(), two.clone()];
    both.sort();
    let listed: Vec<_> = vault.list().unwrap().into_iter().map(|(reference, _)| reference).collect();
    assert_eq!(listed, both);
    assert!(vault.forget(&one).unwrap() && vault.entry(&one).unwrap().is_none());
    assert!(again.entry(&one).unwrap().is_none());
}

#[test]
fn vaults_keep_secrets() {
    let memory = MemoryVault::default();
    check_vault(&memory, &memory);
    let temp = TempDir::new().unwrap();
    let open = |passphrase| SealedFile::new(temp.path().join("deep/vault.age"), secret(passphrase)).with_work(4);
    check_vault(&open("pass"), &open("pass"));
    assert!(matches!(open("other").list(), Err(VaultError::Passphrase(_))));
    let bytes = std::fs::read(open("").path()).unwrap();
    assert!(!bytes.windows(3).any(|three| three == b"two"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(open("").path()).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::write(open("").path(), "nonsense").unwrap();
    assert!(matches!(open("pass").list(), Err(VaultError::Damaged(_))));
    let refused = open("pass").put_new(&Reference::credential().unwrap(), entry("x"));
    assert!(refused.is_err(), "what is damaged is not overwritten");
    assert_eq!(std::fs::read(open("").path()).unwrap(), b"nonsense");
}

#[test]
fn many_who_write_one_vault_lose_nothing() {
    let temp = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let vault = SealedFile::new(temp.path().join("vault.age"), secret("pass")).with_work(1);
                for _ in 0..4 {
                    vault.put_new(&Reference::credential().unwrap(), entry("x")).unwrap();
                }
            });
        }
    });
    let vault = SealedFile::new(temp.path().join("vault.age"), secret("pass"));
    assert_eq!(vault.list().unwrap().len(), 32);
}

#[test]
fn a_secret_that_is_taken_for_a_reference_is_not_shown() {
    let error = CANARY.parse::<Reference>().unwrap_err().to_string();
    assert!(!error.contains(CANARY), "{error}");
    let shown = format!("{:?}", entry(CANARY));
    assert!(!shown.contains(CANARY), "{shown}");
}

/// All bytes of a store: objects, and what is kept under names.
async fn bytes_of(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    for stream in world.store.streams(None, 1000).await.unwrap() {
        for record in world.store.scan(stream, Scan::After(None), 100_000).await.unwrap() {
            bytes.extend_from_slice(&record.parts);
        }
    }
    for resource in world.view().await.resources.keys() {
        let machine = streams_archive::service::recorded(&world.node(), world.stream, *resource).await.unwrap();
        bytes.extend(serde_json::to_vec(&machine).unwrap());
    }
    // And the archives.
    let mut after = None;
    loop {
        let page = world.attic.list(after.as_ref(), 100).await.unwrap();
        let Some((last, _)) = page.last().cloned() else { break };
        for (ticket, size) in page {
            bytes.extend(world.attic.fetch(&ticket, 0, size as usize).await.unwrap());
        }
        after = Some(last);
    }
    bytes
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn clear_text_secrets() {
    // The first system had access tokens in its streams. Here a known one is used, and is nowhere: whatever the source
    // answers, and whatever goes wrong.
    let reference = Reference::credential().unwrap();
    let source = Source::start(|_, _| ok(r#"[{"id": "1"}]"#)).await;
    let mut list = Resource::parse(&format!("http:{}", source.address)).unwrap();
    let mut hook = Resource::parse("webhook:ci").unwrap();
    list.credential = Some(reference.to_string());
    hook.credential = Some(reference.to_string());
    let world = World::with(&[list, hook.clone()], None).await;
    world.vault.put_new(&reference, entry(CANARY)).unwrap();
    world.run().await;
    assert_eq!(source.asked()[0].1["authorization"], format!("Bearer {CANARY}"), "it was used");
    let service = world.service();
    service.run(streams_archive::service::Until::Done).await.unwrap();
    let bearer = format!("Bearer {CANARY}");
    let delivery = streams_archive::fetch::webhook::Delivery {
        signature: None,
        authorization: Some(&bearer),
        id: None,
        event: None,
        body: b"{}",
    };
    assert!(service.deliver(world.stream, hook.key(), delivery).await.unwrap());
    for status in [401, 403, 404, 429, 500] {
        source.answer(move |_, _| (status, Vec::new(), Vec::new()));
        streams_archive::service::wake(
            &world.node(),
            world.stream,
            world.view().await.resources.keys().copied().find(|key| *key != hook.key()).unwrap(),
            0,
        )
        .await
        .unwrap();
        world.run_after(7 * 24 * 3_600_000).await;
    }
    let bytes = bytes_of(&world).await;
    assert!(has(&bytes, reference.as_str()), "what was searched is what was written");
    assert!(!has(&bytes, CANARY));
    let told = format!("{:?} {} {}", service, serde_json::to_string(&service.status()).unwrap(), service.metrics());
    assert!(!told.contains(CANARY), "{told}");
}

#[tokio::test]
async fn what_is_sealed_is_read_by_who_has_the_key_and_by_nobody_when_it_is_forgotten() {
    let temp = TempDir::new().unwrap();
    std::fs::write(temp.path().join("a.md"), CANARY).unwrap();
    let folder = Resource::parse(&format!("folder:{}", temp.path().display())).unwrap();
    let key = StreamKey::generate();
    let mut world = World::with(std::slice::from_ref(&folder), Some(key.clone())).await;
    let reference = Reference::of_stream(world.stream);
    let state = async |world: &World| world.view().await.states.get(&folder.key()).map(|state| state.state.clone());
    world.run().await;
    assert_eq!(state(&world).await.as_deref(), Some("needs-credential"), "without its key nothing is written");
    let kept = Entry { label: "notes".into(), secret: key.to_secret() };
    world.vault.put_new(&reference, kept).unwrap();
    streams_archive::service::wake(&world.node(), world.stream, folder.key(), 0).await.unwrap();
    world.run().await;
    assert_eq!(world.items().await[0].text.as_deref(), Some(CANARY));
    world.run_after(3_600_000).await;
    assert_eq!(world.items().await.len(), 1, "it is there once");
    // Its change and its going are noticed under the seal, too.
    std::fs::write(temp.path().join("a.md"), "another").unwrap();
    world.run_after(3_600_000).await;
    std::fs::remove_file(temp.path().join("a.md")).unwrap();
    world.run_after(3_600_000).await;
    world.run_after(3_600_000).await;
    assert_eq!(world.items().await.len(), 3);
    let bytes = bytes_of(&world).await;
    for text in [CANARY, "a.md", "another"] {
        assert!(!has(&bytes, text), "{text}");
    }
    let (node, ada) = (world.node(), ada());
    let lines = remove::forget(hand(&node, &ada), &*world.vault, world.stream).await.unwrap();
    assert!(lines.iter().any(|line| line.copy == "attic" && line.what == Done::Done), "{lines:?}");
    assert!(world.vault.entry(&reference).unwrap().is_none());
    world.key = None;
    assert!(world.items().await.is_empty());
    // The stream is whole all the same.
    assert!(node.read(world.stream, streams_core::Stream::len).await.unwrap() > 5);
}

#[tokio::test]
async fn what_is_dropped_is_gone_here_and_what_is_released_is_gone_everywhere() {
    let temp = TempDir::new().unwrap();
    std::fs::write(temp.path().join("a.md"), CANARY).unwrap();
    std::fs::write(temp.path().join("b.md"), "harmless").unwrap();
    let world = World::with(&[Resource::parse(&format!("folder:{}", temp.path().display())).unwrap()], None).await;
    world.run().await;
    let (node, ada) = (world.node(), ada());
    let page = node.page(world.stream, Scan::Type("archive/stream.Item".into(), 0), 10).await.unwrap();
    let id = page[0].place.id;
    let order = node.read(world.stream, streams_core::Stream::order_digest).await.unwrap();
    let hidden = remove::hide(hand(&node, &ada), world.stream, &id, Some("mine".into())).await.unwrap();
    assert!(world.view().await.hidden.contains(&id));
    let at = |lines: &[remove::Line], copy: &str| lines.iter().find(|line| line.copy == copy).map(|line| line.what);
    assert_eq!(at(&hidden, "attic"), Some(Done::Cannot));
    assert!(has(&bytes_of(&world).await, CANARY));
    let bob = bob();
    assert!(remove::drop_content(hand(&node, &bob), world.stream, &id, None).await.is_err(), "who may not");
    let lines = remove::drop_content(hand(&node, &ada), world.stream, &id, None).await.unwrap();
    assert_eq!(
        [at(&lines, "this store"), at(&lines, "peers"), at(&lines, "attic")],
        [Some(Done::Done), Some(Done::Asked), Some(Done::Cannot)]
    );
    let records = world.store.scan(world.stream, Scan::After(None), 1000).await.unwrap();
    assert!(!records.iter().any(|record| has(&record.parts, CANARY)), "gone here");
    assert_eq!(world.items().await.len(), 1);
    let now = node.read(world.stream, |stream| stream.is_effective(&id)).await.unwrap();
    assert!(now && order != [0; 32], "its id stays, and its verdict");
    // Then the packs that hold it are replaced, and released. The file is at its source all the while.
    let kept = bytes_of(&world).await;
    assert!(has(&kept, CANARY), "it is in a pack");
    // Who has no copies kept releases none: those of others are theirs.
    let lines = remove::release(hand(&node, &bob), world.stream, &id, None).await.unwrap();
    assert_eq!(at(&lines, "attic"), None);
    world.run_after(3_600_000).await;
    assert!(has(&bytes_of(&world).await, CANARY), "nobody asked for more");
    let asked = remove::release(hand(&node, &ada), world.stream, &id, None).await.unwrap();
    assert_eq!([at(&asked, "this store"), at(&asked, "attic")], [Some(Done::Done), Some(Done::Asked)]);
    world.run_after(3_600_000).await;
    assert!(!has(&bytes_of(&world).await, CANARY), "it is in no copy");
    let told = remove::release(hand(&node, &ada), world.stream, &id, None).await.unwrap();
    assert_eq!(at(&told, "attic"), Some(Done::Done), "{told:?}");
    // What else is there is kept as before, and nothing is done again.
    let packs = world.attic.list(None, 100).await.unwrap();
    world.run_after(3_600_000).await;
    assert_eq!(world.attic.list(None, 100).await.unwrap(), packs);
    assert_eq!(world.items().await.len(), 1);
    assert!(world.view().await.deals.values().any(|deal| deal.state == "released" && deal.copies.is_empty()));
    assert!(world.service().status().is_well());
    // What it becomes at its source is another item.
    std::fs::write(temp.path().join("a.md"), "harmless too").unwrap();
    world.run_after(3_600_000).await;
    assert_eq!(world.items().await.len(), 2);
    let none = remove::hide(hand(&node, &ada), world.stream, &world.stream, None).await;
    assert!(matches!(none, Err(RemoveError::NoItem(_))));
    let open = remove::forget(hand(&node, &ada), &*world.vault, world.stream).await;
    assert!(matches!(open, Err(RemoveError::NotSealed)));
}
