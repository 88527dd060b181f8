//! Five sources that change all the while, and what must have come of them in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;
use streams_archive::item::REMOVED;
use streams_archive::{Item, Kind, Resource};
use tokio::runtime::Runtime;

use super::world::{CANARIES, Dice, Owner, World, runtime};
use crate::source::{Answer, Source, commit, events, git, ok};

/// The first number of the list of events.
const FIRST_EVENT: usize = 22_249_084_000;

/// What is there under each name, the newest last.
type Versions = BTreeMap<String, Vec<String>>;

/// All sources.
pub(super) struct Sources {
    /// They answer as long as it is there.
    _runtime: Runtime,
    news: Source,
    list: Source,
    repository: PathBuf,
    folder: PathBuf,
    files: Versions,
    removed: BTreeSet<String>,
    entries: Versions,
    events: usize,
    commits: usize,
    pub(super) git: Resource,
    pub(super) files_resource: Resource,
    pub(super) feed: Resource,
    pub(super) http: Resource,
    pub(super) hook: Resource,
}

impl Sources {
    /// Two owners, and their sources.
    pub(super) fn new(world: &World) -> (Self, [Owner; 2]) {
        let runtime = runtime();
        let [news, list] = [(), ()].map(|()| runtime.block_on(Source::start(|_, _| ok("[]"))));
        let (repository, folder) = (world.home.path("repository"), world.home.path("files"));
        fs::create_dir_all(&repository).unwrap();
        fs::create_dir_all(&folder).unwrap();
        git(&repository, &["init", "-q", "-b", "main"]);
        let owners = [world.owner(1, Kind::Person, "ada", "notes"), world.owner(2, Kind::Org, "guild", "work")];
        let [ada, guild] = &owners;
        let sources = Self {
            git: world.add(ada, &format!("git:{}", repository.display()), None),
            files_resource: world.add(ada, &format!("folder:{}", folder.display()), None),
            feed: world.add(ada, &format!("feed:{}/news", news.address), None),
            http: world.add(guild, &format!("http:{}/events", list.address), Some(world.keep_secret(CANARIES[0]))),
            hook: world.add(guild, "webhook:ci", Some(world.keep_secret(CANARIES[1]))),
            _runtime: runtime,
            news,
            list,
            repository,
            folder,
            files: Versions::new(),
            removed: BTreeSet::new(),
            entries: Versions::new(),
            events: 0,
            commits: 0,
        };
        (sources, owners)
    }

    /// Something new everywhere, something else in the place of what was, and now and then a source that does not answer.
    pub(super) fn change(&mut self, dice: &mut Dice) {
        commit(&self.repository, &format!("Commit {}\n\nWhy it was done", self.commits));
        self.commits += 1;
        let number = self.files.len();
        self.write_file(format!("note-{number:03}.md"));
        if dice.throw(2) == 0 {
            self.write_file(format!("note-{:03}.md", dice.throw(number as u64 + 1)));
        }
        if dice.throw(4) == 0 {
            let name = format!("note-{:03}.md", dice.throw(number as u64 + 1));
            // What is gone stays away, so that each of its versions is another.
            if self.removed.insert(name.clone()) {
                fs::remove_file(self.folder.join(name)).unwrap();
            }
        }
        let number = self.entries.len() as u64;
        for entry in [number, dice.throw(number + 1)] {
            let versions = self.entries.entry(format!("entry-{entry:03}")).or_default();
            versions.push(format!("Version {} of entry {entry}", versions.len()));
        }
        self.events += dice.throw(5) as usize;
        let is_silent = dice.throw(6) == 0;
        self.answer(is_silent);
    }

    /// From now on all of them answer.
    pub(super) fn calm(&self) {
        self.answer(false);
    }

    fn write_file(&mut self, name: String) {
        if self.removed.contains(&name) {
            return;
        }
        let versions = self.files.entry(name.clone()).or_default();
        let text = format!("Version {} of {name}", versions.len());
        fs::write(self.folder.join(&name), &text).unwrap();
        versions.push(text);
    }

    fn answer(&self, is_silent: bool) {
        let entries = self.entries.iter().rev().map(|(id, versions)| {
            json!({"id": id, "title": id, "content_text": versions.last(), "url": format!("https://example.org/{id}")})
        });
        let feed = json!({
            "version": "https://jsonfeed.org/version/1.1", "title": "News", "items": entries.collect::<Vec<_>>(),
        });
        self.news.answer(move |_, _| ok(feed.to_string()));
        let list = events(self.events);
        self.list.answer(move |path, headers| -> Answer {
            let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
            match bearer == Some(&format!("Bearer {}", CANARIES[0])) {
                _ if is_silent => (503, Vec::new(), Vec::new()),
                true => list(path, headers),
                false => (401, Vec::new(), Vec::new()),
            }
        });
    }

    /// That every item of every source is there exactly once, of so many deliveries, too. Returns how many there are.
    pub(super) fn assert_all_is_there(&self, world: &World, items: &[Item], deliveries: usize) -> usize {
        let of = |resource: &Resource| -> Vec<&Item> {
            items.iter().filter(|item| item.resource == Some(resource.key().to_bytes())).collect()
        };
        let once = |resource: &Resource, all: BTreeSet<String>| {
            let sources: Vec<String> = of(resource).iter().map(|item| item.source.clone()).collect();
            let different: BTreeSet<String> = sources.iter().cloned().collect();
            assert_eq!((sources.len(), different), (all.len(), all), "{}", resource.name());
        };
        let log = world.home.git(b"", "-C repository rev-list HEAD");
        assert_eq!(log.lines().count(), self.commits);
        once(&self.git, log.lines().map(str::to_owned).collect());
        once(&self.http, (1..=self.events).map(|event| (FIRST_EVENT + event).to_string()).collect());
        once(&self.hook, (0..deliveries).map(|number| format!("delivery-{number}")).collect());
        // Of what became another between two looks, nobody saw what it was meanwhile.
        let versions = |resource: &Resource, all: &Versions, removed: &BTreeSet<String>| {
            let mut seen = Versions::new();
            let mut gone = BTreeSet::new();
            for item in of(resource) {
                assert!(!gone.contains(&item.source), "{} came back", item.source);
                if item.kind == REMOVED {
                    gone.insert(item.source.clone());
                } else {
                    let text = String::from_utf8(item.content().unwrap_or_default()).unwrap();
                    seen.entry(item.source.clone()).or_default().push(text);
                }
            }
            for (name, texts) in &seen {
                let places: Vec<_> = texts.iter().map(|text| all[name].iter().position(|have| have == text)).collect();
                assert!(places.is_sorted_by(|one, other| one < other) && places[0].is_some(), "{name}: {texts:?}");
            }
            for (name, texts) in all.iter().filter(|(name, _)| !removed.contains(*name)) {
                assert_eq!(seen.get(name).and_then(|seen| seen.last()), texts.last(), "{name}");
            }
            assert_eq!(gone, removed.iter().filter(|name| seen.contains_key(*name)).cloned().collect());
        };
        versions(&self.files_resource, &self.files, &self.removed);
        versions(&self.feed, &self.entries, &BTreeSet::new());
        items.len()
    }

    /// Whether the list was asked with the secret.
    pub(super) fn was_asked_with_secret(&self) -> bool {
        let bearer = format!("Bearer {}", CANARIES[0]);
        self.list.asked().iter().any(|(_, headers)| headers.get("authorization") == Some(&bearer))
    }
}

/// Somebody who delivers: each again until it is taken, and then the next one.
pub(super) struct Deliveries {
    to: Arc<Mutex<Option<SocketAddr>>>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Deliveries {
    pub(super) fn begin(owner: &Owner, hook: &Resource) -> Self {
        let (to, is_over) = (Arc::new(Mutex::new(None)), Arc::new(AtomicBool::new(false)));
        let path = format!("/hook/{}/{}", owner.stream, hook.key());
        let thread = thread::spawn({
            let (to, is_over) = (to.clone(), is_over.clone());
            move || {
                let mut taken = 0;
                // What was sent and not answered may be there, so it is sent until it is.
                let mut is_sent = false;
                while is_sent || !is_over.load(Ordering::SeqCst) {
                    let address: Option<SocketAddr> = *to.lock().unwrap();
                    is_sent |= address.is_some();
                    if address.is_some_and(|address| deliver(address, &path, taken).unwrap_or(false)) {
                        taken += 1;
                        is_sent = false;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
                taken
            }
        });
        Self { to, is_over, thread }
    }

    /// Where they go from now on.
    pub(super) fn go_to(&self, address: Option<SocketAddr>) {
        *self.to.lock().unwrap() = address;
    }

    /// Delivers what was begun; returns how many were taken.
    pub(super) fn end(self) -> usize {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

/// Delivers; returns whether it was taken.
fn deliver(address: SocketAddr, path: &str, number: usize) -> std::io::Result<bool> {
    let mut link = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    link.set_read_timeout(Some(Duration::from_secs(5)))?;
    let body = json!({"action": "built", "number": number}).to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\
         authorization: Bearer {}\r\nx-delivery-id: delivery-{number}\r\nx-event: build\r\n\r\n",
        body.len(),
        CANARIES[1],
    );
    link.write_all((head + &body).as_bytes())?;
    let mut answer = String::new();
    link.read_to_string(&mut answer)?;
    Ok(answer.starts_with("HTTP/1.1 200"))
}
