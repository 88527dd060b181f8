//! How a service stands: for people, for programs, and as metrics.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::Service;
use crate::fetch::machine::Phase;

/// How a service stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When this was told.
    pub now: u64,
    /// Its streams.
    pub streams: Vec<StreamStatus>,
    /// Places that could not be opened, and why.
    pub closed_places: Vec<(String, String)>,
}

/// How a stream stands.
#[derive(Clone, Debug, Serialize)]
pub struct StreamStatus {
    /// Its owner.
    pub owner: String,
    /// Its slug.
    pub slug: String,
    /// Its id.
    pub stream: String,
    /// How many items were appended since the service began.
    pub appended: u64,
    /// Its resources.
    pub resources: Vec<ResourceStatus>,
    /// How many packs there are.
    pub packs: usize,
    /// How many objects are in them.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes wait for the next pack; absent, where nobody looked yet.
    pub waiting: Option<u64>,
    /// Where copies are.
    pub places: Vec<PlaceStatus>,
}

/// How a resource stands.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceStatus {
    /// By what it is known.
    pub key: String,
    /// Its kind and its source.
    pub name: String,
    /// How it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// Whether it is fetched.
    pub enabled: bool,
    /// When it is due.
    pub due: Option<u64>,
    /// When it last went right.
    pub succeeded: Option<u64>,
    /// How often it went wrong since.
    pub tries: u32,
    /// How many items it brought since the service began.
    pub appended: u64,
    /// How many things of it nobody could read.
    pub quarantined: u64,
}

/// How the copies in one place stand.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceStatus {
    /// The archiver.
    pub archiver: String,
    /// How many packs are there.
    pub kept: u64,
    /// How many are not.
    pub lacking: u64,
    /// When the first deal ends.
    pub until: Option<u64>,
    /// How many deals of earlier packs are to be released there, and are not yet.
    pub releasing: u64,
    /// How many of those could not be.
    pub unreleased: u64,
    /// What was spent.
    pub spent: u64,
    /// What went wrong last.
    pub trouble: Option<String>,
}

impl PlaceStatus {
    pub(super) fn of(archiver: &str) -> Self {
        let archiver = archiver.to_owned();
        Self { archiver, kept: 0, lacking: 0, until: None, releasing: 0, unreleased: 0, spent: 0, trouble: None }
    }
}

impl Status {
    /// Whether nothing waits for somebody, no copy is lacking, and nothing is to be released that is not. What cannot be
    /// released was told, and is no reason to wait.
    pub fn is_well(&self) -> bool {
        let mut resources = self.streams.iter().flat_map(|stream| &stream.resources);
        let mut places = self.streams.iter().flat_map(|stream| &stream.places);
        self.closed_places.is_empty()
            && resources.all(|resource| !resource.enabled || matches!(resource.phase, Phase::Idle | Phase::Fetching))
            && places.all(|place| place.lacking == 0 && place.releasing == 0 && place.trouble.is_none())
    }
}

impl Service {
    /// How it stands now.
    pub fn status(&self) -> Status {
        let kept = self.kept();
        let closed_places = kept.closed.iter().map(|(place, why)| (place.clone(), why.clone())).collect();
        let standing = kept.standing.clone();
        drop(kept);
        let watched = self.watched();
        let streams = watched.iter().map(|(stream, watched)| {
            let standing = standing.get(stream).cloned().unwrap_or_default();
            let resources = watched.resources.iter().map(|(key, fetched)| ResourceStatus {
                key: key.to_string(),
                name: fetched.resource.name(),
                phase: fetched.machine.phase().clone(),
                enabled: fetched.resource.is_enabled(),
                due: fetched.machine.due().filter(|_| super::is_fetched(&fetched.resource)),
                succeeded: fetched.machine.succeeded,
                tries: fetched.machine.tries(),
                appended: fetched.new,
                quarantined: fetched.quarantined,
            });
            StreamStatus {
                owner: watched.owner.to_string(),
                slug: watched.slug.to_string(),
                stream: stream.to_string(),
                appended: watched.items,
                resources: resources.collect(),
                packs: standing.packs,
                objects: standing.objects,
                bytes: standing.bytes,
                waiting: standing.waiting,
                places: standing.places,
            }
        });
        let mut streams: Vec<StreamStatus> = streams.collect();
        streams.sort_by(|one, other| (&one.owner, &one.slug).cmp(&(&other.owner, &other.slug)));
        Status { began: self.began, now: self.now(), streams, closed_places }
    }

    /// What was counted, in the form of Prometheus (text format 0.0.4).
    pub fn metrics(&self) -> String {
        let status = self.status();
        let mut text = String::new();
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP streams_archive_{name} {help}\n# TYPE streams_archive_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "streams_archive_{name}{labels} {value}");
            }
        };
        let plain = |value| [(String::new(), value)];
        metric("items_total", "counter", "Items appended.", &plain(of(&counters.items)));
        metric("known_items_total", "counter", "Items fetched that were there already.", &plain(of(&counters.known)));
        metric("quarantined_total", "counter", "Things that nobody could read.", &plain(of(&counters.quarantined)));
        let mut fetches = vec![
            ("{result=\"done\"}".to_owned(), of(&counters.done)),
            ("{result=\"not-modified\"}".to_owned(), of(&counters.not_modified)),
        ];
        let failed = counters.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        fetches.extend(failed.iter().map(|(code, count)| (format!("{{result=\"{code}\"}}"), *count)));
        metric("fetches_total", "counter", "Runs of resources, by how they ended.", &fetches);
        let deliveries = [
            ("{result=\"taken\"}".to_owned(), of(&counters.delivered)),
            ("{result=\"refused\"}".to_owned(), of(&counters.refused)),
        ];
        metric("deliveries_total", "counter", "Deliveries, by what became of them.", &deliveries);
        let phase = |phase: &Phase| match phase {
            Phase::Idle => "idle",
            Phase::Fetching => "fetching",
            Phase::Waiting { .. } => "waiting",
            Phase::NeedsCredential { .. } => "needs-credential",
            Phase::Parked { .. } => "parked",
        };
        let all = || status.streams.iter().flat_map(|stream| &stream.resources);
        let resources = ["idle", "fetching", "waiting", "needs-credential", "parked"].map(|name| {
            let count = all().filter(|resource| phase(&resource.phase) == name).count();
            (format!("{{phase=\"{name}\"}}"), count as u64)
        });
        metric("resources", "gauge", "Resources, by how they stand.", &resources);
        let mut per_stream = |name: &str, help: &str, value: &dyn Fn(&super::StreamStatus) -> u64| {
            let values = status
                .streams
                .iter()
                .map(|stream| (format!("{{owner=\"{}\",slug=\"{}\"}}", stream.owner, stream.slug), value(stream)));
            metric(name, "gauge", help, &values.collect::<Vec<_>>());
        };
        per_stream("packs", "Packs of a stream.", &|stream| stream.packs as u64);
        per_stream("packed_bytes", "Bytes in the packs of a stream.", &|stream| stream.bytes);
        per_stream("lacking_copies", "Packs that a place lacks, over all places.", &|stream| {
            stream.places.iter().map(|place| place.lacking).sum()
        });
        per_stream("releasing_copies", "Deals that are to be released, and are not yet, over all places.", &|stream| {
            stream.places.iter().map(|place| place.releasing).sum()
        });
        per_stream("spent", "What the copies of a stream cost, in the unit of each place.", &|stream| {
            stream.places.iter().map(|place| place.spent).sum()
        });
        text
    }
}
