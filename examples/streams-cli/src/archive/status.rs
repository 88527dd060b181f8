//! How the copies of streams stand.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value as Json, json};
use streams_core::archive::ledger::{Account, Head, Job, PackRecord, Release};
use streams_core::archive::plan::Progress;
use streams_core::archiver::Released;
use streams_core::node::keep::recorded;
use streams_core::{StreamId, VerifyingKey};

use super::run::now;
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{OnStore, Opened, wait};

/// Tells where the copies of streams are.
#[derive(clap::Args)]
#[command(
    after_help = "Told from what the store knows: nobody is asked. `streams archive run` asks, and puts right what \
is not as it should be.

The exit code is 1 where copies are lacking.

Examples:
  streams archive status
  streams archive status bafyr4ih2ick --store shared.db --json"
)]
pub struct Status {
    /// The stream: its id, or the beginning of it; by default all
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    #[command(flatten)]
    on: OnStore,
    /// The key of whose copies; by default that of `streams key new`
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
}

/// `streams archive status`.
pub fn status(args: &Status, out: &mut dyn Write) -> Result<bool> {
    let store = args.on.store.open()?;
    let owner = key::read(args.key.as_deref())?.verifying_key();
    let streams = store.find_all(args.stream.as_deref())?;
    let (mut all_there, mut has_any) = (true, false);
    for stream in &streams {
        let standing = Standing::of(&store, owner, *stream)?;
        has_any |= !standing.packs.is_empty();
        all_there &= standing.told(args.on.json, out)?;
    }
    if !has_any && !args.on.json {
        writeln!(out, "{}", paint(DIM, "There are no copies; `streams archive run --to FOLDER` makes some."))?;
    }
    Ok(all_there)
}

/// How the copies of a stream stand.
pub struct Standing {
    stream: StreamId,
    /// How many changes of the store are in no pack.
    unpacked: bool,
    /// Those that make it up.
    packs: Vec<PackRecord>,
    /// Earlier ones, which they replaced.
    replaced: Vec<PackRecord>,
}

/// How the packs of a stream stand in one place.
#[derive(Default)]
struct AtPlace<'a> {
    kept: usize,
    lacking: usize,
    copies: u32,
    working: usize,
    until: Option<u64>,
    audited: Option<u64>,
    /// Since when nobody can tell of some copies.
    unknown: Option<u64>,
    spent: u64,
    unit: Option<&'a str>,
    trouble: Option<Progress<'a>>,
}

impl Standing {
    /// As the store knows it.
    pub fn of(store: &Opened, owner: VerifyingKey, stream: StreamId) -> Result<Self> {
        let (Head { anew, release_before, .. }, mut packs) =
            wait(recorded(&**store.store(), &Account { owner, stream }))?;
        let begin = packs.iter().rposition(|pack| !pack.continues).unwrap_or(0);
        let replaced = packs.drain(..begin).collect();
        let seen = packs.last().map_or(0, |pack| pack.seen);
        let behind = wait(store.page(stream, streams_core::store::Scan::Since(seen), 1))?;
        let is_outdated = packs.first().is_some_and(|first| first.seen < release_before);
        Ok(Self { stream, unpacked: anew || is_outdated || !behind.is_empty(), packs, replaced })
    }

    fn places(&self) -> BTreeMap<&str, AtPlace<'_>> {
        let mut places: BTreeMap<&str, AtPlace<'_>> = BTreeMap::new();
        let jobs = self.packs.iter().flat_map(|pack| &pack.jobs).filter(|job| job.wanted > 0);
        for job in jobs {
            places.entry(&job.archiver).or_default().add(job);
        }
        // A place that came later: what it lacks, nobody has begun.
        for place in places.values_mut() {
            place.lacking += self.packs.len() - place.kept - place.working - place.lacking;
        }
        places
    }

    /// Whether everything is where it should be.
    pub fn is_there(&self) -> bool {
        let places = self.places();
        let is_there = |place: &AtPlace<'_>| place.kept == self.packs.len() && place.unknown.is_none();
        let is_released = !self.releases().any(|(_, release)| *release == Release::Intended);
        !self.unpacked && !places.is_empty() && places.values().all(is_there) && is_released
    }

    /// Tells it; returns whether everything is where it should be.
    pub fn told(&self, as_json: bool, out: &mut dyn Write) -> Result<bool> {
        let is_there = self.is_there();
        if as_json {
            writeln!(out, "{}", self.as_json(is_there))?;
            return Ok(is_there);
        }
        let sign = if is_there { paint(GOOD, "✓") } else { paint(WARN, "!") };
        let (objects, bytes) =
            self.packs.iter().fold((0, 0), |(objects, bytes), pack| (objects + pack.objects, bytes + pack.size));
        let size = match self.packs.len() {
            0 => paint(WARN, "no copies"),
            packs => {
                let (objects, packs) = (paint::count(objects as usize, "object"), paint::count(packs, "pack"));
                format!("{objects} in {packs}, {}", paint::size(bytes as usize))
            }
        };
        writeln!(out, "{sign} {}  {size}", paint(ID, self.stream))?;
        let places = self.places();
        let width = places.keys().map(|place| place.chars().count()).max().unwrap_or(0);
        for (name, place) in &places {
            let padding = " ".repeat(width - name.chars().count());
            writeln!(out, "    {}{padding}  {}", paint::plain(name), place.line(self.packs.len()))?;
        }
        let mut releases: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for (archiver, release) in self.releases() {
            let text = match release {
                Release::Intended => "to be released".to_owned(),
                Release::Refused(failure) => format!("not released: {}", failure.message),
                Release::Done(_) => continue,
            };
            *releases.entry((archiver, text)).or_default() += 1;
        }
        for ((archiver, text), count) in releases {
            let text = format!("{} of earlier packs {text}", paint::count(count, "deal"));
            writeln!(out, "    {}  {}", paint::plain(archiver), paint(WARN, paint::plain(&text)))?;
        }
        if self.unpacked && !self.packs.is_empty() {
            writeln!(out, "    {}", paint(WARN, "what is newer is in no pack yet"))?;
        }
        Ok(is_there)
    }

    /// How far deals of earlier packs are released, with their archivers.
    fn releases(&self) -> impl Iterator<Item = (&str, &Release)> {
        let jobs = self.replaced.iter().flat_map(|pack| &pack.jobs);
        jobs.flat_map(|job| job.deals.iter().filter_map(|deal| Some((job.archiver.as_str(), deal.release.as_ref()?))))
    }

    fn as_json(&self, is_there: bool) -> Json {
        let packs = self.packs.iter().map(|pack| {
            let jobs = pack.jobs.iter().filter(|job| job.wanted > 0).map(job_as_json);
            json!({
                "pack": pack.pack(self.stream).id.to_string(), "digest": paint::hex(&pack.digest), "bytes": pack.size,
                "objects": pack.objects, "continues": pack.continues, "sealed": pack.sealed,
                "receipts_only": pack.receipts_only, "places": jobs.collect::<Vec<_>>(),
            })
        });
        json!({
            "stream": self.stream.to_string(), "there": is_there, "unpacked": self.unpacked,
            "packs": packs.collect::<Vec<_>>(), "releases": self.releases().map(release_as_json).collect::<Vec<_>>(),
        })
    }
}

fn release_as_json((archiver, release): (&str, &Release)) -> Json {
    let (state, until, failure) = match release {
        Release::Intended => ("to-be-released", None, None),
        Release::Done(Released::Now) => ("released", None, None),
        Release::Done(Released::Ends(until)) => ("ends", *until, None),
        Release::Refused(failure) => ("unreleased", None, Some(failure)),
    };
    let failure = failure.map(|failure| json!({"code": failure.kind.code(), "message": failure.message}));
    json!({"archiver": archiver, "state": state, "until": until, "failure": failure})
}

fn job_as_json(job: &Job) -> Json {
    let deals = job.deals.iter().filter(|deal| deal.is_live()).map(|deal| {
        let copies = deal.held().map(|held| &held.copies[..]).unwrap_or_default();
        let copies = copies.iter().map(|copy| json!({"at": copy.at, "evidence": copy.evidence}));
        json!({
            "key": deal.key.to_string(), "ticket": deal.ticket().map(|ticket| ticket.as_str()),
            "copies": copies.collect::<Vec<_>>(), "until": deal.held().and_then(|held| held.until),
            "failures": deal.held().map(|held| &held.failures), "unknown_since": deal.unknown, "stalled": deal.stalled,
            "sent": deal.sent, "audited": deal.audited,
        })
    });
    let trouble = job.trouble.as_ref().map(|failure| json!({"code": failure.kind.code(), "message": failure.message}));
    json!({
        "archiver": job.archiver, "wanted": job.wanted, "copies": job.copies(), "spent": job.cost(), "trouble": trouble,
        "not_before": job.not_before, "deals": deals.collect::<Vec<_>>(),
    })
}

impl<'a> AtPlace<'a> {
    fn add(&mut self, job: &'a Job) {
        match job.progress(now()) {
            Progress::Kept => self.kept += 1,
            Progress::Working => self.working += 1,
            Progress::Lacking => self.lacking += 1,
            progress => {
                self.lacking += 1;
                // What somebody has to do something about comes first.
                if !matches!(self.trouble, Some(Progress::Blocked(_))) {
                    self.trouble = Some(progress);
                }
            }
        }
        self.copies = self.copies.max(job.copies());
        self.spent += job.cost();
        for deal in job.deals.iter().filter(|deal| deal.held().is_some()) {
            let earliest = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
            self.until = earliest(self.until, deal.held().and_then(|held| held.until));
            self.audited = earliest(self.audited, deal.audited);
            self.unknown = earliest(self.unknown, deal.unknown);
            self.unit = self.unit.or(deal.price.as_ref().map(|price| price.unit.as_str()));
        }
    }

    fn line(&self, packs: usize) -> String {
        let mut facts = vec![match self.kept == packs {
            true => paint(GOOD, "all here"),
            false => paint(BOLD, format!("{} of {}", self.kept, paint::count(packs, "pack"))),
        }];
        if self.copies > 1 {
            facts.push(format!("{} copies", self.copies));
        }
        if self.working > 0 {
            facts.push(format!("{} on the way", self.working));
        }
        if let Some(until) = self.until {
            facts.push(format!("until {}", paint::minute(until)));
        }
        if let Some(audited) = self.audited {
            facts.push(format!("read back {}", paint::minute(audited)));
        }
        if let Some(unknown) = self.unknown {
            facts.push(paint(WARN, format!("as of {}: since then nobody can tell", paint::minute(unknown))));
        }
        if self.spent > 0 {
            let unit = paint::plain(self.unit.unwrap_or_default());
            facts.push(format!("cost {} {unit}", paint::thousands(self.spent as usize)));
        }
        match &self.trouble {
            Some(Progress::Blocked(failure)) => facts.push(paint(BAD, paint::plain(&failure.message))),
            Some(Progress::Waiting(failure, at)) => {
                let seconds = at.saturating_sub(now()).div_ceil(1000);
                let again = format!("{}; again in {}", paint::plain(&failure.message), span(seconds));
                facts.push(paint(WARN, again));
            }
            _ => {}
        }
        facts.join(", ")
    }
}

/// A time that passes, for people.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
