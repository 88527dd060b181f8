//! Creating: once, however often it is tried, by however many, and wherever it was cut off. The defects of the first
//! system of this kind have tests by their names here.

use std::collections::BTreeMap;
use std::sync::Arc;

use streams_archive::object::{Config, Listed, Profile, types};
use streams_archive::owner::Owner;
use streams_archive::write::Hand;
use streams_archive::{ArchiveError, Outcome, Visibility, catalog, owner, read, stream};
use streams_core::conformance::faulty::{Fault, FaultyStore};
use streams_core::store::Scan;
use streams_core::{HypotheticalRoot, MemoryStore, Node, ObjectId, SigningKey, Store, StreamId};

use crate::fixtures::{ada, bob, create_both, hand, memory, node, person, slug, spec};

const BOTH: [Visibility; 2] = [Visibility::Public, Visibility::Private];

/// All objects of a store, by their streams.
async fn everything(store: Arc<MemoryStore>) -> BTreeMap<StreamId, Vec<ObjectId>> {
    let mut all = BTreeMap::new();
    for stream in store.streams(None, 1000).await.unwrap() {
        let records = store.scan(stream, Scan::After(None), 1000).await.unwrap();
        assert!(records.iter().all(|record| record.effective));
        all.insert(stream, records.iter().map(|record| record.place.id).collect());
    }
    all
}

#[test]
fn what_is_created_twice_is_created_once() {
    pollster::block_on(async {
        for visibility in BOTH {
            let store = memory();
            let node = node(store.clone());
            let first = create_both(&node, &ada(), visibility).await.unwrap();
            assert!(first.iter().all(|outcome| matches!(outcome, Outcome::Created(_))), "{first:?}");
            let before = everything(store.clone()).await;
            let second = create_both(&node, &ada(), visibility).await.unwrap();
            assert!(second.iter().all(|outcome| matches!(outcome, Outcome::Existing(_))), "{second:?}");
            assert_eq!(first.map(|outcome| outcome.stream()), second.map(|outcome| outcome.stream()));
            assert_eq!(everything(store).await, before);
        }
    });
}

#[test]
fn cut_off_between_any_two_writes_and_run_again_it_is_as_if_it_had_not_been() {
    pollster::block_on(async {
        for visibility in BOTH {
            let whole = memory();
            create_both(&node(whole.clone()), &ada(), visibility).await.unwrap();
            let whole = everything(whole).await;
            for fault in [Fault::Fails, Fault::Tears] {
                let mut cuts = 0;
                for at in 0.. {
                    let store = memory();
                    let faulty = Arc::new(FaultyStore::new(store.clone(), fault, at));
                    let cut = create_both(&node(faulty.clone()), &ada(), visibility).await;
                    if !faulty.is_over() {
                        break;
                    }
                    cuts += usize::from(cut.is_err());
                    // No pointer leads nowhere at any moment.
                    assert_no_pointer_dangles(&node(store.clone()), &ada()).await;
                    let again = create_both(&node(store.clone()), &ada(), visibility).await.unwrap();
                    assert!(!again.iter().any(|outcome| matches!(outcome, Outcome::Conflict { .. })), "{again:?}");
                    assert_eq!(everything(store).await, whole, "{fault:?} at {at}");
                }
                assert!(cuts > 20, "{cuts}");
            }
        }
    });
}

async fn assert_no_pointer_dangles(node: &Node, key: &SigningKey) {
    for listed in catalog::read(node, key).await.unwrap().owners.values() {
        assert!(node.head(listed.owner).await.unwrap().is_some(), "{listed:?}");
    }
    for name in ["ada", "acme"] {
        let Some(owner) = Owner::read(node, key, &slug(name)).await.unwrap() else { continue };
        for (pointer, _) in owner.streams().values() {
            let seen = stream::view(node, pointer.stream).await.unwrap().expect("it is there");
            assert!(seen.view.owner.is_some(), "it was whole before it was pointed to");
        }
    }
}

#[test]
fn duplicate_names_of_many_who_create_at_once() {
    // Processes of their own on one store, and replicas that hear of each other later: one owner, one stream, one pointer.
    pollster::block_on(async {
        for visibility in BOTH {
            let store = memory();
            let nodes: Vec<Node> = (0..8).map(|_| node(store.clone())).collect();
            let (ada, ada_again) = (ada(), ada());
            let mut running: Vec<_> = nodes.iter().map(|node| Box::pin(create_both(node, &ada, visibility))).collect();
            let mut outcomes = Vec::new();
            // All of them go on in turns.
            std::future::poll_fn(|context| {
                running.retain_mut(|create| match create.as_mut().poll(context) {
                    std::task::Poll::Ready(outcome) => {
                        outcomes.push(outcome.unwrap());
                        false
                    }
                    std::task::Poll::Pending => true,
                });
                if running.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
            let ids: std::collections::BTreeSet<_> =
                outcomes.iter().map(|outcomes| [outcomes[0].stream(), outcomes[1].stream()]).collect();
            assert_eq!((outcomes.len(), ids.len()), (8, 1));
            let alone = memory();
            create_both(&node(alone.clone()), &ada_again, visibility).await.unwrap();
            assert_eq!(everything(store).await, everything(alone).await, "object for object");
        }
    });
}

#[test]
fn duplicate_names_of_threads_on_one_store() {
    let store = memory();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| pollster::block_on(create_both(&node(store.clone()), &ada(), Visibility::Private)).unwrap());
        }
    });
    pollster::block_on(async {
        let alone = memory();
        create_both(&node(alone.clone()), &ada(), Visibility::Private).await.unwrap();
        assert_eq!(everything(store).await, everything(alone).await);
    });
}

#[test]
fn another_specification_under_the_same_name_is_a_conflict_that_says_what_differs() {
    pollster::block_on(async {
        let (node, ada) = (node(memory()), ada());
        let hand = hand(&node, &ada);
        create_both(&node, &ada, Visibility::Public).await.unwrap();
        let differences = |outcome| match outcome {
            Outcome::Conflict { differences, .. } => differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            outcome => panic!("{outcome:?}"),
        };
        let other = owner::create(hand, &slug("ada"), &person("Eve"), Visibility::Public).await.unwrap();
        assert_eq!(differences(other), ["name is Ada, not Eve"]);
        let other = owner::create(hand, &slug("ada"), &person("Ada"), Visibility::Private).await.unwrap();
        assert_eq!(differences(other), ["visibility is public, not private"]);

        let mut other = spec("notes", Visibility::Public);
        other.config = Config { interval: Some(1), budget: Some(5), ..Config::default() };
        let other = stream::create(hand, &slug("ada"), &other).await.unwrap();
        assert_eq!(differences(other), ["interval is 60000, not 1", "budget is nothing, not 5"]);
        let other = stream::create(hand, &slug("ada"), &spec("notes", Visibility::Private)).await.unwrap();
        assert_eq!(differences(other), ["visibility is public, not private"]);

        // A slug is one for all owners of a key.
        owner::create(hand, &slug("acme"), &person("Acme"), Visibility::Public).await.unwrap();
        let other = stream::create(hand, &slug("acme"), &spec("notes", Visibility::Public)).await.unwrap();
        assert!(differences(other)[0].starts_with("owner is bafyr4i"));
        // What does not say is not compared.
        let same = owner::create(hand, &slug("ada"), &Profile::default(), Visibility::Public).await.unwrap();
        assert!(matches!(same, Outcome::Existing(_)), "{same:?}");
        let nobody = stream::create(hand, &slug("eve"), &spec("notes", Visibility::Public)).await;
        assert!(matches!(nobody, Err(ArchiveError::NoOwner(_))), "{nobody:?}");
    });
}

#[test]
fn dangling_pointer_is_shown_and_never_written() {
    pollster::block_on(async {
        let (there, ada) = (node(memory()), ada());
        create_both(&there, &ada, Visibility::Public).await.unwrap();
        // Another replica has the stream of the owner, and not yet the stream that it points to.
        let here = node(memory());
        let owner = Owner::read(&there, &ada, &slug("ada")).await.unwrap().unwrap();
        here.create(HypotheticalRoot::new("archive/owner/ada", ada.verifying_key()).unwrap()).await.unwrap();
        let page = there.page(owner.public.0, Scan::After(None), 100).await.unwrap();
        let parts: Vec<_> = page[1..].iter().map(|stored| stored.authentic.object().parts().clone()).collect();
        here.ingest(owner.public.0, &parts, 0).await.unwrap();
        let owner = Owner::read(&here, &ada, &slug("ada")).await.unwrap().unwrap();
        let (pointer, _) = owner.streams()[&slug("notes")];
        assert!(stream::view(&here, pointer.stream).await.unwrap().is_none(), "told as not here, and no error");
        // Who creates it here creates the very one.
        let created =
            stream::create(hand(&here, &ada), &slug("ada"), &spec("notes", Visibility::Public)).await.unwrap();
        assert_eq!(created.stream(), pointer.stream);
        assert_no_pointer_dangles(&here, &ada).await;
    });
}

#[test]
fn swallowed_errors_are_told() {
    // An error of the store is an error, and never taken for "it exists already", or for "there is none".
    pollster::block_on(async {
        let ada = ada();
        for at in 0..60 {
            let faulty = Arc::new(FaultyStore::new(memory(), Fault::Fails, at));
            let outcome = create_both(&node(faulty.clone()), &ada, Visibility::Private).await;
            assert_eq!(outcome.is_err(), faulty.is_over(), "at {at}: {outcome:?}");
        }
    });
}

#[test]
fn leaked_instance_of_a_private_stream() {
    // The first system began another instance whenever a create was cut off. Here the nonce is the same on every device.
    let ids: Vec<StreamId> = (0..4).map(|_| spec("diary", Visibility::Private).id(&ada()).unwrap()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_ne!(ids[0], spec("diary", Visibility::Private).id(&bob()).unwrap());
    assert_ne!(ids[0], spec("notes", Visibility::Private).id(&ada()).unwrap());
}

#[test]
fn what_is_private_is_so_from_its_first_object() {
    pollster::block_on(async {
        let store = memory();
        let node = node(store.clone());
        let [_, stream] = create_both(&node, &ada(), Visibility::Private).await.unwrap();
        let reads = |key: SigningKey| {
            let node = &node;
            async move {
                let root = node.object(stream.stream(), &stream.stream()).await.unwrap().unwrap().authentic;
                let alone = streams_core::Stream::open(root, crate::fixtures::hash_key()).unwrap();
                let now = node.read(stream.stream(), |stream| stream.may_read(&key.verifying_key())).await.unwrap();
                [alone.may_read(&key.verifying_key()).is_effective(), now.is_effective()]
            }
        };
        assert_eq!(reads(ada()).await, [true, true]);
        let [_, stream] = create_both(&node, &ada(), Visibility::Private).await.unwrap();
        let bob = bob().verifying_key();
        let may = node.read(stream.stream(), |stream| stream.may_read(&bob)).await.unwrap();
        assert!(!may.is_effective());
        // The public stream of the owner does not tell of it.
        let public = HypotheticalRoot::new("archive/owner/ada", ada().verifying_key()).unwrap().id();
        let owner = owner::view(&node, public).await.unwrap().unwrap().view;
        assert!(owner.streams.is_empty());
        let owner = Owner::read(&node, &ada(), &slug("ada")).await.unwrap().unwrap();
        assert_eq!(owner.streams().len(), 1);
        // Nobody finds it by what anybody can compute.
        assert_ne!(HypotheticalRoot::new("archive/stream/notes", ada().verifying_key()).unwrap().id(), stream.stream());
    });
}

#[test]
fn pointers_that_are_lost_are_made_anew() {
    pollster::block_on(async {
        let (there, ada) = (node(memory()), ada());
        for visibility in BOTH {
            owner::create(hand(&there, &ada), &slug("ada"), &person("Ada"), Visibility::Public).await.unwrap();
            let spec = spec(if visibility == Visibility::Public { "notes" } else { "diary" }, visibility);
            stream::create(hand(&there, &ada), &slug("ada"), &spec).await.unwrap();
        }
        assert_eq!(catalog::rebuild(hand(&there, &ada)).await.unwrap(), 0, "nothing is lacking");
        // All streams but the catalogues come to another machine, and of the owner's only the profile.
        let here = node(memory());
        for prefix in [types::OWNER, types::STREAM] {
            for (stream, root) in read::streams(&there, prefix).await.unwrap() {
                here.create(root).await.unwrap();
                let page = there.page(stream, Scan::After(None), 100).await.unwrap();
                let upto = if prefix == types::OWNER { page.len().min(2) } else { page.len() };
                let is_pointer = |at: usize| page[at].authentic.header().r#type() == types::STREAM_REF;
                let parts: Vec<_> = (1..upto)
                    .filter(|at| !is_pointer(*at))
                    .map(|at| page[at].authentic.object().parts().clone())
                    .collect();
                here.ingest(stream, &parts, 0).await.unwrap();
            }
        }
        assert_eq!(catalog::rebuild(hand(&here, &ada)).await.unwrap(), 3, "the owner, and its two streams");
        let both = [&there, &here];
        let mut read = Vec::new();
        for node in both {
            let owner = Owner::read(node, &ada, &slug("ada")).await.unwrap().unwrap();
            let pointers: Vec<_> = owner.streams().values().map(|(pointer, at)| ((*pointer).clone(), *at)).collect();
            read.push((catalog::read(node, &ada).await.unwrap(), pointers));
        }
        assert_eq!(read[0], read[1]);
    });
}

#[test]
fn who_is_listed_by_others_agreed() {
    pollster::block_on(async {
        let (node, ada, bob) = (node(memory()), ada(), bob());
        let owner = owner::create(hand(&node, &ada), &slug("ada"), &person("Ada"), Visibility::Public).await.unwrap();
        let bobs = |key: &SigningKey| Hand { node: &node, key, now: 2 }.key.verifying_key();
        let catalog = HypotheticalRoot::new(types::CATALOG, bobs(&bob)).unwrap().id();
        let mut listed = Listed {
            owner: owner.stream(),
            author: ada.verifying_key(),
            name: slug("ada"),
            consent: None,
            removed: None,
        };
        assert!(!catalog::is_confirmed(&node, &bob, &listed).await.unwrap());
        assert!(catalog::is_confirmed(&node, &ada, &listed).await.unwrap(), "one's own");
        // An object that says something else is no consent, nor one for another catalogue.
        listed.consent = Some(owner.stream());
        assert!(!catalog::is_confirmed(&node, &bob, &listed).await.unwrap());
        let other = owner::consent(hand(&node, &ada), owner.stream(), owner.stream()).await.unwrap();
        listed.consent = Some(other);
        assert!(!catalog::is_confirmed(&node, &bob, &listed).await.unwrap());
        let consent = owner::consent(hand(&node, &ada), owner.stream(), catalog).await.unwrap();
        assert_eq!(owner::consent(hand(&node, &ada), owner.stream(), catalog).await.unwrap(), consent, "once");
        listed.consent = Some(consent);
        assert!(catalog::is_confirmed(&node, &bob, &listed).await.unwrap());
        assert!(catalog::add(hand(&node, &bob), listed.clone()).await.unwrap());
        assert!(!catalog::add(hand(&node, &bob), listed.clone()).await.unwrap());
        listed.author = bob.verifying_key();
        assert!(!catalog::is_confirmed(&node, &bob, &listed).await.unwrap(), "another's key");
    });
}
