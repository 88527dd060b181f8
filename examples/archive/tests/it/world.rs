//! A world for a service: a store that survives it, and a clock that is moved.

use std::collections::BTreeSet;
use std::sync::Arc;

use streams_archive::object::{Config, Item, Meta, types};
use streams_archive::seal::StreamKey;
use streams_archive::service::{Service, ServiceError, Setup, Until};
use streams_archive::stream::{self, Spec, StreamView};
use streams_archive::vault::{MemoryVault, SecretString, Vault};
use streams_archive::{Resource, Visibility, item, owner};
use streams_core::archiver::Archiver;
use streams_core::store::Scan;
use streams_core::{MemoryArchiver, MemoryClock, MemoryShelf, MemoryStore, Node, Store, StreamId};

use crate::fixtures::{ada, hand, memory, node, person, slug};

/// All that survives a crash.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<MemoryClock>,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) shelf: Arc<MemoryShelf>,
    pub(crate) attic: Arc<dyn Archiver>,
    pub(crate) stream: StreamId,
    pub(crate) key: Option<StreamKey>,
}

impl World {
    /// An owner with a stream of these resources.
    pub(crate) async fn with(resources: &[Resource], seal: Option<StreamKey>) -> Self {
        let store = memory();
        let node = node(store.clone());
        let ada = ada();
        owner::create(hand(&node, &ada), &slug("ada"), &person("Ada"), Visibility::Public).await.unwrap();
        let meta = Meta { seal: seal.as_ref().map(StreamKey::recipient), ..Meta::default() };
        let config = Config { interval: Some(60_000), places: Some(vec!["attic".into()]), ..Config::default() };
        let spec = Spec { meta, config, ..Spec::new(slug("notes")) };
        let stream = stream::create(hand(&node, &ada), &slug("ada"), &spec).await.unwrap().stream();
        for resource in resources {
            stream::add_resource(hand(&node, &ada), stream, resource).await.unwrap();
        }
        Self {
            store,
            clock: Arc::new(MemoryClock::new(1_000_000)),
            vault: Arc::default(),
            shelf: Arc::default(),
            attic: Arc::new(MemoryArchiver::new("attic")),
            stream,
            key: seal,
        }
    }

    pub(crate) fn service_over(&self, store: Arc<dyn Store>) -> Arc<Service> {
        Service::new(self.setup(store))
    }

    pub(crate) fn setup(&self, store: Arc<dyn Store>) -> Setup {
        let attic = self.attic.clone();
        Setup {
            node: Arc::new(node(store)),
            key: ada(),
            vault: self.vault.clone() as Arc<dyn Vault>,
            shelf: self.shelf.clone(),
            open_place: Box::new(move |name| match name {
                "attic" => Ok(attic.clone()),
                _ => Err(format!("{name} is no place")),
            }),
            clock: self.clock.clone(),
            luck: Box::new(|| 7),
        }
    }

    pub(crate) fn service(&self) -> Arc<Service> {
        self.service_over(self.store.clone())
    }

    pub(crate) async fn run_over(&self, store: Arc<dyn Store>) -> Result<(), ServiceError> {
        self.service_over(store).run(Until::Done).await
    }

    /// Does what is due now.
    pub(crate) async fn run(&self) {
        self.run_over(self.store.clone()).await.unwrap();
    }

    /// The same, so much later.
    pub(crate) async fn run_after(&self, milliseconds: u64) {
        use streams_core::clock::Clock;
        self.clock.set(self.clock.now() + milliseconds);
        self.run().await;
    }

    pub(crate) fn node(&self) -> Node {
        node(self.store.clone())
    }

    pub(crate) async fn view(&self) -> StreamView {
        stream::view(&self.node(), self.stream).await.unwrap().unwrap().view
    }

    /// All items, in the order of the stream.
    pub(crate) async fn items(&self) -> Vec<Item> {
        let page = self.node().page(self.stream, Scan::After(None), 100_000).await.unwrap();
        let items = page.iter().filter(|stored| {
            stored.effective && [types::ITEM, types::SEALED].contains(&stored.authentic.header().r#type())
        });
        items.filter_map(|stored| item::read(&stored.authentic, self.key.as_ref())).collect()
    }

    pub(crate) async fn sources(&self) -> Vec<String> {
        self.items().await.into_iter().map(|item| item.source).collect()
    }

    /// That nothing is there twice.
    pub(crate) async fn assert_once(&self) {
        let items = self.items().await;
        let different: BTreeSet<_> = items.iter().map(|item| (item.subject(), item.mark())).collect();
        assert_eq!(items.len(), different.len(), "{items:?}");
    }
}

pub(crate) fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}
