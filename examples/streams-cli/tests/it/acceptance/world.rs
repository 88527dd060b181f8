//! Two owners, three places for copies, and lives of the service, each of which ends when somebody says so.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use streams_archive::object::{Config, Profile};
use streams_archive::service::{Service, ServiceError, Setup, Status, Until, web};
use streams_archive::stream::{self, Spec};
use streams_archive::vault::{Entry, Reference, SealedFile, SecretString, Vault};
use streams_archive::write::Hand;
use streams_archive::{Kind, Resource, Visibility, item, owner, types};
use streams_core::archiver::{Archiver, FailureKind, Recovery};
use streams_core::clock::Clock;
use streams_core::conformance::flaky::{self, FlakyArchiver, Flaw};
use streams_core::store::Scan;
use streams_core::{HashKey, MemoryClock, Node, SigningKey, Stream, StreamId};
use streams_object_store::{FolderShelf, ObjectStoreArchiver, S3};
use streams_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::Home;
use crate::moto::Moto;

/// The secrets of the vault: that of the list over HTTP, and that of the deliveries.
pub(super) const CANARIES: [&str; 2] = ["canary-of-http-6b1d0c55", "canary-of-hook-93ae7122"];

/// Numbers that jump about, and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// What goes wrong with a call of the service that makes deals.
    pub(super) fn flaw(&mut self) -> Flaw {
        let failures = [FailureKind::Unreachable, FailureKind::RateLimited, FailureKind::NoCapacity];
        match self.throw(12) {
            at @ 0..3 => Flaw::Fails(failures[at as usize]),
            3 | 4 => Flaw::Tears,
            5 => Flaw::StopsBefore,
            6 => Flaw::StopsAfter,
            7 => Flaw::Stalls,
            8 => Flaw::Rejects,
            9 => Flaw::Partial,
            10 => Flaw::Unknown,
            _ => Flaw::None,
        }
    }
}

/// All that survives whatever ends.
pub(super) struct World {
    pub(super) home: Home,
    pub(super) clock: Arc<MemoryClock>,
    pub(super) deals: Arc<flaky::World>,
    vault: Arc<SealedFile>,
    moto: Moto,
    luck: Arc<AtomicU64>,
}

/// An owner with a stream, and a key of its own.
pub(super) struct Owner {
    pub(super) key: SigningKey,
    pub(super) name: &'static str,
    pub(super) slug: &'static str,
    pub(super) stream: StreamId,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let home = Home::new();
        let passphrase = SecretString::from("a passphrase".to_owned());
        let vault = Arc::new(SealedFile::new(home.path("vault.age"), passphrase).with_work(4));
        let (clock, deals) = (Arc::new(MemoryClock::new(1_750_000_000_000)), Arc::default());
        let world = Self { home, clock, deals, vault, moto: Moto::start(), luck: Arc::new(AtomicU64::new(seed)) };
        world.pass(0);
        world
    }

    /// Lets time go by, here and where deals are made.
    pub(super) fn pass(&self, milliseconds: u64) {
        self.clock.set(self.clock.now() + milliseconds);
        self.deals.inner().now = self.clock.now();
    }

    pub(super) fn store(&self) -> std::path::PathBuf {
        self.home.path("s.db")
    }

    /// Puts a secret into the vault; returns by what it is known.
    pub(super) fn keep_secret(&self, secret: &str) -> String {
        let reference = Reference::credential().unwrap();
        let entry = Entry { label: "of a source".into(), secret: SecretString::from(secret.to_owned()) };
        self.vault.put_new(&reference, entry).unwrap();
        reference.to_string()
    }

    /// An owner with a stream that is kept in all three places.
    pub(super) fn owner(&self, number: u8, kind: Kind, name: &'static str, slug: &'static str) -> Owner {
        let key = SigningKey::from_bytes([number; 32]);
        let profile = Profile { name: Some(name.into()), kind: Some(kind), ..Profile::default() };
        let places = ["attic", "bucket", "deals"].map(str::to_owned).into();
        let config = Config { interval: Some(60_000), places: Some(places), copies: Some(2), ..Config::default() };
        let spec = Spec { config, ..Spec::new(slug.parse().unwrap()) };
        let stream = within(&self.store(), async |node| {
            let hand = Hand { node, key: &key, now: self.clock.now() };
            owner::create(hand, &name.parse().unwrap(), &profile, Visibility::Public).await.unwrap();
            stream::create(hand, &name.parse().unwrap(), &spec).await.unwrap().stream()
        });
        Owner { key, name, slug, stream }
    }

    /// Has a stream fetch from a source.
    pub(super) fn add(&self, owner: &Owner, source: &str, credential: Option<String>) -> Resource {
        let resource = Resource { credential, ..Resource::parse(source).unwrap() };
        within(&self.store(), async |node| {
            let hand = Hand { node, key: &owner.key, now: self.clock.now() };
            stream::add_resource(hand, owner.stream, &resource).await.unwrap();
        });
        resource
    }

    pub(super) fn bucket(&self) -> ObjectStoreArchiver {
        let s3 = S3::at("s3://bucket/streams").unwrap().endpoint(self.moto.address()).region("us-east-1");
        s3.credentials("key", "secret").open().unwrap()
    }

    fn setup(&self, owner: &Owner) -> Setup {
        let attic: Arc<dyn Archiver> = Arc::new(ObjectStoreArchiver::folder(self.home.path("attic")).unwrap());
        let bucket: Arc<dyn Archiver> = Arc::new(self.bucket());
        let deals: Arc<dyn Archiver> = Arc::new(FlakyArchiver::new(self.deals.clone(), "deals", Recovery::Find));
        let luck = self.luck.clone();
        Setup {
            node: Arc::new(node(&self.store())),
            key: owner.key.clone(),
            vault: self.vault.clone(),
            shelf: Arc::new(shelf(&self.home.path(&format!("shelf-{}", owner.name)))),
            open_place: Box::new(move |name| match name {
                "attic" => Ok(attic.clone()),
                "bucket" => Ok(bucket.clone()),
                "deals" => Ok(deals.clone()),
                _ => Err(format!("{name} is no place")),
            }),
            clock: self.clock.clone(),
            luck: Box::new(move || luck.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) >> 7),
        }
    }

    /// Does what can be done now, to its end.
    pub(super) fn settle(&self, owner: &Owner) -> Status {
        pollster(async {
            let setup = self.setup(owner);
            let node = setup.node.clone();
            let service = Service::new(setup);
            service.run(Until::Done).await.unwrap();
            node.store().close().await.unwrap();
            service.status()
        })
    }
}

/// The streams in a file.
pub(super) fn node(store: &Path) -> Node {
    Node::new(Arc::new(SqliteStore::open(store).unwrap()), HashKey::from_bytes([9; 16]))
}

/// Does something with the streams in a file; then nobody here uses it any more.
pub(super) fn within<T>(store: &Path, work: impl AsyncFnOnce(&Node) -> T) -> T {
    pollster(async {
        let node = node(store);
        let done = work(&node).await;
        node.store().close().await.unwrap();
        done
    })
}

/// All items of a stream, in its order.
pub(super) fn items(store: &Path, stream: StreamId) -> Vec<streams_archive::Item> {
    let page = within(store, async |node| node.page(stream, Scan::After(None), 1_000_000).await.unwrap());
    let of_type = |r#type: &str| [types::ITEM, types::SEALED].contains(&r#type);
    let items = page.iter().filter(|stored| stored.effective && of_type(stored.authentic.header().r#type()));
    items.filter_map(|stored| item::read(&stored.authentic, None)).collect()
}

/// The digest of the order of a stream.
pub(super) fn order(store: &Path, stream: StreamId) -> [u8; 32] {
    within(store, async |node| node.read(stream, Stream::order_digest).await.unwrap())
}

/// The shelf of whoever was killed is free as soon as all of it is gone.
fn shelf(folder: &Path) -> FolderShelf {
    for _ in 0..1000 {
        match FolderShelf::open(folder) {
            Err(error) if error.kind() == FailureKind::Conflict => thread::sleep(Duration::from_millis(10)),
            shelf => return shelf.unwrap(),
        }
    }
    panic!("somebody still uses {}", folder.display());
}

pub(super) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

pub(super) fn pollster<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

/// A service with a runtime of its own, so that all of it ends at once, wherever it is.
pub(super) struct Life {
    runtime: Runtime,
    running: JoinHandle<Result<(), ServiceError>>,
    /// Where deliveries go.
    pub(super) address: SocketAddr,
    service: Arc<Service>,
}

impl Life {
    pub(super) fn begin(world: &World, owner: &Owner) -> Self {
        let runtime = runtime();
        let service = runtime.block_on(async { Service::new(world.setup(owner)) });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        drop(runtime.spawn(web::serve(service.clone(), listener)));
        let running = runtime.spawn({
            let service = service.clone();
            async move { service.run(Until::Forever).await }
        });
        Self { runtime, running, address, service }
    }

    /// Ends it in the middle of whatever it does. Returns all that it told of itself.
    pub(super) fn kill(self) -> String {
        let status = serde_json::to_string(&self.service.status()).unwrap();
        let told = format!("{:?}\n{status}\n{}", self.service, self.service.metrics());
        if self.running.is_finished() {
            panic!("a service ends for nothing that sources and places do: {:?}", self.runtime.block_on(self.running));
        }
        self.runtime.shutdown_background();
        told
    }
}

/// Writes what a service logs into a file, with more than it logs for people.
pub(super) fn log_into(path: &Path) {
    let file = File::create(path).unwrap();
    let subscriber = tracing_subscriber::fmt().with_writer(std::sync::Mutex::new(file)).with_ansi(false);
    subscriber.with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG).init();
}
