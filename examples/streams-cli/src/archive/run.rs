//! Keeping copies: what is wanted is made so, and kept so.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use serde_json::json;
use streams_core::archive::ledger::Release;
use streams_core::archive::plan::{Answer, Call, Place, Progress, Step};
use streams_core::archiver::{Archiver, Released, Status as DealStatus};
use streams_core::node::keep::Keeper;
use streams_core::{SigningKey, StreamId};
use streams_object_store::FolderShelf;

use super::places::PlaceName;
use super::status::Standing;
use super::wanted::{Time, Wanted};
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{OnStore, Opened, wait};

/// How often copies are read back where that is asked for once.
const ONCE: u64 = u64::MAX;

/// Keeps copies of streams.
#[derive(clap::Args)]
#[command(
    after_help = "What is new in a stream goes into a pack, which is an archive; each place gets a copy of every pack; \
and the stream is told where its copies are. Lost copies are made again, and what ends is renewed. It may be stopped \
at any moment, and goes on when it is run again.

A place is a folder; s3://bucket/prefix, with the usual variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION \
and AWS_ENDPOINT_URL; ipfs, or ipfs:ADDRESS of the RPC of a Kubo node; pin:ADDRESS of a service that pins, with its \
token in STREAMS_PINNING_TOKEN; or command:PROGRAM. How many copies, how often and how much is said in a file, as \
docs/archiving.md tells.

The exit code is 1 where something is not as it should be.

Examples:
  streams archive run --to /mnt/attic
  streams archive run --to /mnt/attic --to s3://bucket/streams --watch
  streams archive run bafyr4ih2ick --store shared.db --config archive.toml --once"
)]
pub struct Run {
    /// The streams: their ids, or the beginnings of them; by default all
    #[arg(value_name = "STREAM")]
    streams: Vec<String>,
    /// Where copies are kept: a folder, s3://bucket/prefix, ipfs, pin:ADDRESS or command:PROGRAM
    #[arg(long, value_name = "PLACE", required_unless_present = "config")]
    to: Vec<PlaceName>,
    /// A file that says what is wanted
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    config: Option<PathBuf>,
    #[command(flatten)]
    on: OnStore,
    /// Read all copies back that were not for so long, and compare them; without a time, all
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "0s")]
    audit: Option<Time>,
    /// Try everything again at once, also what waits for its time or for you
    #[arg(long)]
    again: bool,
    /// Do what can be done now, and do not wait for the rest
    #[arg(long, conflicts_with = "watch")]
    once: bool,
    /// Keep on, as streams grow and copies come and go
    #[arg(long)]
    watch: bool,
    /// Keep copies where anybody can read them of streams that not everybody may read
    #[arg(long)]
    public: bool,
    /// The key to sign with what streams are told; by default that of `streams key new`
    #[arg(long, value_name = "KEYFILE")]
    key: Option<PathBuf>,
}

/// `streams archive run`.
pub fn run(args: &Run, out: &mut dyn Write) -> Result<bool> {
    let wanted = args.config.as_deref().map_or_else(|| Ok(Wanted::at(&args.to)), Wanted::read)?;
    let store = args.on.store.open()?;
    let key = key::read_or_create(args.key.as_deref())?;
    let streams = args.streams(&wanted, &store)?;
    let archivers = wanted.places.iter().map(|place| place.to.open()).collect::<Result<Vec<_>>>()?;
    if !args.public {
        ensure_readable(&store, &streams, &archivers)?;
    }
    let mut policy = wanted.policy();
    if let Some(Time(every)) = args.audit {
        policy.audit = Some(if every == 0 { policy.audit.unwrap_or(ONCE) } else { every });
    }
    policy.places = wanted
        .places
        .iter()
        .zip(&archivers)
        .map(|(place, archiver)| Place {
            archiver: archiver.id().to_owned(),
            copies: place.copies,
            budget: place.budget,
        })
        .collect();
    let shelf = Arc::new(FolderShelf::open(shelf_path(&store)?)?);
    let owner = key.verifying_key();
    let mut keeper = Keeper::new(store.node(), key, archivers, shelf);
    let bar = paint::spinner("keeping");
    bar.enable_steady_tick(Duration::from_millis(120));
    for stream in &streams {
        wait(keeper.want(*stream, policy.clone()))?;
    }
    if args.again {
        keeper.retry();
    }
    if args.audit == Some(Time(0)) {
        keeper.audit();
    }
    let ended = wait(args.keep(&mut keeper, &bar, out));
    bar.finish_and_clear();
    ended?;
    let mut all_there = true;
    for stream in &streams {
        all_there &= Standing::of(&store, owner, *stream)?.told(args.on.json, out)?;
    }
    if !args.on.json {
        let (sign, text) = match (all_there, keeper.plan().is_settled()) {
            (true, _) => (paint(GOOD, "✓"), "Everything is where it should be."),
            (false, true) => (paint(WARN, "!"), "Of some copies nobody can tell now. Run it again later."),
            (false, false) => (
                paint(WARN, "!"),
                "Not everything is where it should be. Run it again to go on; --again does not wait.",
            ),
        };
        writeln!(out, "{sign} {}", paint(BOLD, text))?;
    }
    Ok(all_there)
}

impl Run {
    fn streams(&self, wanted: &Wanted, store: &Opened) -> Result<Vec<StreamId>> {
        let named = if self.streams.is_empty() { &wanted.streams } else { &self.streams };
        let streams = match &named[..] {
            [] => store.streams()?,
            named => named.iter().map(|wanted| store.find(Some(wanted))).collect::<Result<_>>()?,
        };
        ensure!(!streams.is_empty(), "the store {} is empty; `streams import` fills it", self.on.store);
        Ok(streams)
    }

    /// Runs until all is as desired, or nothing more can be done without somebody; or for ever.
    async fn keep(&self, keeper: &mut Keeper, bar: &ProgressBar, out: &mut dyn Write) -> Result<()> {
        loop {
            let mut lines = Vec::new();
            let mut tell = |step: &Step, answer: &Answer| {
                bar.inc(1);
                if let Some(line) = line(step, answer, self.on.json) {
                    if !self.on.json {
                        bar.suspend(|| anstream::eprintln!("{line}"));
                    } else if self.watch {
                        lines.push(line);
                    }
                }
            };
            let mut luck = || u64::from_le_bytes(key::random().unwrap_or_default());
            let due = tokio::select! {
                due = keeper.run(&now, &mut luck, &mut tell) => due?,
                _ = tokio::signal::ctrl_c() => return Ok(()),
            };
            for line in lines {
                writeln!(out, "{line}")?;
            }
            out.flush()?;
            let is_over = keeper.plan().is_settled() || !can_go_on(keeper);
            let Some(due) = due.filter(|_| !self.once && (self.watch || !is_over)) else { return Ok(()) };
            let wait = due.saturating_sub(now()).max(1);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(wait.min(60_000))) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }
}

/// Whether something will become different without somebody who does something.
fn can_go_on(keeper: &Keeper) -> bool {
    let now = now();
    keeper.plan().standing().any(|standing| {
        let jobs = standing.packs.iter().flat_map(|pack| &pack.jobs).filter(|job| job.wanted > 0);
        let mut jobs = jobs.map(|job| job.progress(now));
        let waits = standing.waiting != Some(0) && standing.policy.pack_age == 0;
        let earlier = standing.replaced.iter().flat_map(|pack| &pack.jobs).flat_map(|job| &job.deals);
        let releases = earlier.into_iter().any(|deal| deal.release == Some(Release::Intended));
        waits || releases || jobs.any(|progress| matches!(progress, Progress::Working | Progress::Waiting(..)))
    })
}

/// What is public keeps nothing private.
fn ensure_readable(store: &Opened, streams: &[StreamId], archivers: &[Arc<dyn Archiver>]) -> Result<()> {
    let Some(public) = archivers.iter().find(|archiver| archiver.capabilities().public) else { return Ok(()) };
    let somebody = SigningKey::from_bytes(key::random()?).verifying_key();
    for stream in streams {
        if !wait(store.may_read(*stream, &somebody))? {
            bail!(
                "not everybody may read {}, and everybody could read it at {}; --public does it all the same",
                paint::short(stream),
                public.id()
            );
        }
    }
    Ok(())
}

/// What a step came to, on a line; nothing where it is of no interest.
fn line(step: &Step, answer: &Answer, as_json: bool) -> Option<String> {
    let (stream, place, what, style) = match (step, answer) {
        (Step::Seal { account, .. }, Answer::Sealed(Some(sealed))) => {
            let objects = paint::count(sealed.objects as usize, "object");
            (account.stream, None, format!("packed {objects}, {}", paint::size(sealed.pack.size as usize)), DIM)
        }
        (Step::Ask { at, call: Call::Submit { .. } }, Answer::Submitted(submitted)) => {
            let (what, style) = match submitted {
                Ok(_) => ("handed over".to_owned(), DIM),
                Err(failure) => (paint::plain(&failure.message), WARN),
            };
            (at.account.stream, Some(&at.archiver), what, style)
        }
        (
            Step::Ask { at, .. },
            Answer::Quoted(Err(failure)) | Answer::Found(Err(failure)) | Answer::Audited(Err(failure)),
        ) => (at.account.stream, Some(&at.archiver), paint::plain(&failure.message), WARN),
        (Step::Ask { at, .. }, Answer::Released(released)) => {
            let (what, style) = match released {
                Ok(Released::Now) => ("an earlier pack is released, and gone".to_owned(), DIM),
                Ok(Released::Ends(_)) => ("an earlier pack is released, and ends by itself".to_owned(), DIM),
                Err(failure) => (paint::plain(&failure.message), WARN),
            };
            (at.account.stream, Some(&at.archiver), what, style)
        }
        (Step::Ask { at, .. }, Answer::Audited(Ok(None))) => {
            (at.account.stream, Some(&at.archiver), "read back, and the same".to_owned(), DIM)
        }
        (Step::Ask { at, .. }, Answer::Audited(Ok(Some(why))) | Answer::Status(Ok(DealStatus::Gone(why)))) => {
            (at.account.stream, Some(&at.archiver), format!("a copy is {}", why.code()), BAD)
        }
        (Step::Ask { at, .. }, Answer::Status(Ok(DealStatus::Failed(failure)) | Err(failure))) => {
            (at.account.stream, Some(&at.archiver), paint::plain(&failure.message), BAD)
        }
        _ => return None,
    };
    if as_json {
        return Some(json!({"stream": stream.to_string(), "archiver": place, "did": what}).to_string());
    }
    let place = place.map(|place| format!("  {}", paint::plain(place))).unwrap_or_default();
    Some(format!("{}{place}  {}", paint(ID, paint::short(stream)), paint(style, what)))
}

/// Where packs of a store wait until they are elsewhere.
pub fn shelf_path(store: &Opened) -> Result<PathBuf> {
    beside("packs", store)
}

/// Where something is kept beside a store, in the user's folder for data.
pub fn beside(what: &str, store: &Opened) -> Result<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local").join("share")))
        .or_else(|| folder("LOCALAPPDATA"))
        .context("there is no folder for data: neither XDG_DATA_HOME nor HOME is set")?;
    Ok(data.join("streams").join(what).join(paint::hex(&wait(store.store().origin())?)))
}

/// Milliseconds since 1970; 0 where the clock is before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
