//! The archiver service from the command line.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use streams_archive::fetch::machine::Phase;
use streams_archive::service::{self, Service, Setup, Status, StreamStatus, Until, web};
use streams_object_store::FolderShelf;
use tokio::net::TcpListener;
use tracing_subscriber::filter::LevelFilter;

use super::vault::{LazyVault, VaultArgs};
use super::{Acting, Desk};
use crate::archive::{PlaceName, shelf_path};
use crate::paint::{self, BAD, BOLD, DIM, GOOD, WARN, paint};
use crate::peer::{SystemClock, now};
use crate::store::wait;

/// The archiver service.
#[derive(Subcommand)]
pub enum Archiver {
    /// Fetch, append and archive, for all streams of all owners of a key
    Run(Run),
    /// Tell how streams, their sources and their copies stand
    Status(StatusArgs),
}

/// `streams archiver`.
pub fn archiver(command: &Archiver, out: &mut dyn Write) -> Result<bool> {
    match command {
        Archiver::Run(args) => run(args, out),
        Archiver::Status(args) => status(args, out),
    }
}

/// How many streams are shown live.
const SHOWN: usize = 16;

/// Runs the service.
#[derive(clap::Args)]
#[command(after_help = "For all streams of all owners of the key: fetches what is due, appends what is new, keeps \
copies, and writes completed deals into the streams. It may be killed at any moment, and goes on when it is run again. \
Streams and sources that are added meanwhile join by themselves.

With --listen it answers GET /status, GET /metrics (Prometheus) and GET /healthz, and takes POST /hook/STREAM/SOURCE.

The exit code with --once is 1 where something is not as it should be.

Examples:
  streams archiver run
  streams archiver run --once
  streams archiver run --listen 127.0.0.1:7711 --log json 2>> archiver.log")]
pub struct Run {
    /// Do what can be done now, and end
    #[arg(long)]
    once: bool,
    /// Try everything again at once that waits for its time, or for you
    #[arg(long)]
    again: bool,
    /// Answer over HTTP there
    #[arg(long, value_name = "ADDR", conflicts_with = "once")]
    listen: Option<std::net::SocketAddr>,
    /// How logs are written, to the standard error; by default text, where that is no terminal
    #[arg(long, value_name = "FORM")]
    log: Option<Log>,
    #[command(flatten)]
    vault: VaultArgs,
    #[command(flatten)]
    acting: Acting,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Log {
    /// For people
    Text,
    /// A line of JSON each
    Json,
    /// Not at all
    Off,
}

/// Tells how streams stand.
#[derive(clap::Args)]
#[command(after_help = "Told from what the store knows: no source and no place is asked.")]
pub struct StatusArgs {
    #[command(flatten)]
    acting: Acting,
}

/// A service over a store, which stays open as long as the desk is there.
fn service(desk: &Desk, vault: LazyVault) -> Result<Arc<Service>> {
    let shelf = Arc::new(FolderShelf::open(shelf_path(&desk.store)?)?);
    Ok(Service::new(Setup {
        node: desk.store.node(),
        key: desk.key.clone(),
        vault: Arc::new(vault),
        shelf,
        open_place: Box::new(|name| {
            let place: PlaceName = name.parse()?;
            // Opening waits for programs, which a task of the service must not.
            let opened = std::thread::scope(|scope| scope.spawn(|| place.open()).join());
            let opened = opened.map_err(|_| "it cannot be opened".to_owned())?;
            opened.map_err(|error| format!("{error:#}"))
        }),
        clock: Arc::new(SystemClock),
        luck: Box::new(|| crate::key::random().map(u64::from_le_bytes).unwrap_or_default()),
    }))
}

/// Does what can be done now, and tells how it stands then.
pub fn run_now(desk: &Desk, vault: LazyVault, as_json: bool, out: &mut dyn Write) -> Result<bool> {
    let service = service(desk, vault)?;
    let shown = Live::begin(!as_json && io::stderr().is_terminal());
    let ran = wait(watching(&service, &shown, service.run(Until::Done)));
    shown.end();
    ran?;
    tell(&service.status(), as_json, out)
}

/// Runs, and shows how it goes, where it becomes different: a service at rest is left alone.
async fn watching<T>(service: &Service, shown: &Live, run: impl Future<Output = T>) -> T {
    let show = async {
        while shown.is_there() {
            let status = service.status();
            shown.show(&status);
            tokio::time::sleep(Duration::from_millis(200)).await;
            if !is_fetching(&status) {
                service.changed().await;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = run => ended,
        () = show => unreachable!("it never ends"),
    }
}

fn is_fetching(status: &Status) -> bool {
    status.streams.iter().flat_map(|stream| &stream.resources).any(|resource| resource.phase == Phase::Fetching)
}

/// `streams archiver run`.
pub fn run(args: &Run, out: &mut dyn Write) -> Result<bool> {
    let is_terminal = io::stderr().is_terminal();
    let usual = if is_terminal { Log::Off } else { Log::Text };
    let log = args.log.unwrap_or(usual);
    let subscriber = tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(LevelFilter::INFO);
    match log {
        Log::Off => {}
        Log::Text => subscriber.with_target(false).with_ansi(is_terminal).init(),
        Log::Json => subscriber.json().flatten_event(true).init(),
    }
    let desk = args.acting.open()?;
    let service = service(&desk, args.vault.lazy())?;
    let shown = Live::begin(log == Log::Off && is_terminal && !args.acting.json);
    let until = if args.once { Until::Done } else { Until::Forever };
    let ended = wait(async {
        if args.again {
            service.retry().await?;
        }
        let listener = match args.listen {
            Some(address) => {
                let listener =
                    TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))?;
                tracing::info!(address = %listener.local_addr()?, "listening");
                shown.tell(&format!("listening at http://{}", listener.local_addr()?));
                Some(listener)
            }
            None => None,
        };
        let server = async {
            match listener {
                Some(listener) => web::serve(service.clone(), listener).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = watching(&service, &shown, service.run(until)) => ended.map_err(anyhow::Error::from),
            ended = server => ended.context("the server ended"),
            ended = tokio::signal::ctrl_c() => ended.context("cannot wait for signals"),
        }
    });
    shown.end();
    ended?;
    let is_well = tell(&service.status(), args.acting.json, out)?;
    Ok(is_well || !args.once)
}

/// `streams archiver status`.
pub fn status(args: &StatusArgs, out: &mut dyn Write) -> Result<bool> {
    let desk = args.acting.open()?;
    let now = now()?;
    let mut all_well = true;
    let mut any = false;
    for owner in desk.owners()? {
        for (slug, (pointer, _)) in owner.streams() {
            any = true;
            let seen = wait(streams_archive::stream::view(&desk.store, pointer.stream))?;
            let view = seen.map(|seen| seen.view).unwrap_or_default();
            let mut sources = Vec::new();
            for (key, resource) in view.resources.iter().filter(|(_, resource)| resource.is_enabled()) {
                let machine = wait(service::recorded(&desk.store, pointer.stream, *key))?.unwrap_or_default();
                sources.push((resource.name(), machine));
            }
            let active = view.deals.values().filter(|deal| deal.state == "active").count();
            // Of a deal that is gone, another may have the pack; and of a pack that was to be released nobody wants any.
            let is_seen_to = |pack| {
                let mut deals = view.deals.values().filter(|deal| deal.pack == pack);
                deals.any(|deal| ["active", "released", "unreleased"].contains(&&*deal.state))
            };
            let is_well = sources.iter().all(|(_, machine)| matches!(machine.phase(), Phase::Idle | Phase::Fetching))
                && view.deals.values().all(|deal| is_seen_to(deal.pack));
            all_well &= is_well;
            if args.acting.json {
                let sources = sources.iter().map(|(name, machine)| {
                    json!({"source": name, "phase": machine.phase(), "due": machine.due(), "succeeded": machine.succeeded})
                });
                let told = json!({
                    "owner": owner.name, "slug": slug, "stream": pointer.stream.to_string(), "well": is_well,
                    "sources": sources.collect::<Vec<_>>(), "deals": view.deals.len(), "active_deals": active,
                });
                writeln!(out, "{told}")?;
                continue;
            }
            let sign = if is_well { paint(GOOD, "✓") } else { paint(WARN, "!") };
            let deals = paint::count(active, "deal");
            writeln!(out, "{sign} {}  {deals}", paint(BOLD, format!("{}/{slug}", owner.name)))?;
            for (name, machine) in sources {
                writeln!(out, "    {}  {}", paint::clip(&name, 70), phase(machine.phase(), machine.succeeded, now))?;
            }
        }
    }
    if !any && !args.acting.json {
        writeln!(out, "{}", paint(DIM, "There is no stream; `streams stream create SLUG --person NAME` makes one."))?;
    }
    Ok(all_well)
}

fn phase(phase: &Phase, succeeded: Option<u64>, now: u64) -> String {
    match phase {
        Phase::Fetching => paint(DIM, "being fetched"),
        Phase::Idle => match succeeded {
            Some(then) => paint(DIM, format!("fetched {}", paint::ago(then, now))),
            None => paint(DIM, "not fetched yet"),
        },
        Phase::Waiting { reason, .. } => paint(WARN, format!("tried again soon: {}", paint::clip(reason, 80))),
        Phase::NeedsCredential { reason } => paint(BAD, format!("wants a credential: {}", paint::clip(reason, 80))),
        Phase::Parked { reason } => paint(BAD, format!("parked: {}", paint::clip(reason, 80))),
    }
}

/// Tells how a service stood when it ended.
fn tell(status: &Status, as_json: bool, out: &mut dyn Write) -> Result<bool> {
    let is_well = status.is_well();
    if as_json {
        writeln!(out, "{}", serde_json::to_string(status)?)?;
        return Ok(is_well);
    }
    for stream in &status.streams {
        writeln!(out, "{}", line(stream))?;
        for resource in stream.resources.iter().filter(|resource| resource.enabled) {
            let new = match resource.appended {
                0 => String::new(),
                new => format!("  {}", paint::count(new as usize, "new item")),
            };
            let stands = match resource.name.starts_with("webhook:") {
                true => paint(DIM, format!("takes what comes to /hook/{}/{}", stream.stream, resource.key)),
                false => phase(&resource.phase, resource.succeeded, status.now),
            };
            writeln!(out, "    {}  {stands}{new}", paint::clip(&resource.name, 70))?;
        }
        for place in &stream.places {
            let mut text = match (&place.trouble, place.lacking) {
                (Some(trouble), _) => paint(WARN, paint::clip(trouble, 80)),
                (None, 0) => paint(DIM, format!("{} there", paint::count(place.kept as usize, "pack"))),
                (None, lacking) => paint(WARN, format!("lacks {}", paint::count(lacking as usize, "pack"))),
            };
            for (count, what) in [(place.releasing, "to be released"), (place.unreleased, "not released")] {
                if count > 0 {
                    let earlier = format!("{} of earlier packs {what}", paint::count(count as usize, "deal"));
                    text = format!("{text}, {}", paint(WARN, earlier));
                }
            }
            writeln!(out, "    {}  {text}", paint::clip(&place.archiver, 70))?;
        }
    }
    for (place, why) in &status.closed_places {
        writeln!(out, "{} {}  {}", paint(BAD, "✗"), paint::clip(place, 60), paint(BAD, paint::plain(why)))?;
    }
    if status.streams.is_empty() {
        writeln!(out, "{}", paint(DIM, "There is no stream; `streams stream create SLUG --person NAME` makes one."))?;
    }
    Ok(is_well)
}

/// A stream on a line.
fn line(stream: &StreamStatus) -> String {
    let is_well = stream.places.iter().all(|place| place.lacking == 0)
        && stream.resources.iter().all(|r| !r.enabled || matches!(r.phase, Phase::Idle | Phase::Fetching));
    let sign = if is_well { paint(GOOD, "✓") } else { paint(WARN, "!") };
    let name = paint(BOLD, format!("{}/{}", stream.owner, stream.slug));
    let new = paint::count(stream.appended as usize, "new item");
    let packs = match stream.packs {
        0 => paint(DIM, "not archived"),
        packs => {
            let (objects, packs) = (paint::count(stream.objects as usize, "object"), paint::count(packs, "pack"));
            format!("{objects} archived in {packs}, {}", paint::size(stream.bytes as usize))
        }
    };
    format!("{sign} {name}  {new}; {packs}")
}

/// Lines on the terminal that show how it goes.
struct Live {
    bars: Option<(MultiProgress, std::sync::Mutex<Vec<ProgressBar>>)>,
}

impl Live {
    fn begin(is_shown: bool) -> Self {
        Self { bars: is_shown.then(Default::default) }
    }

    fn is_there(&self) -> bool {
        self.bars.is_some()
    }

    fn tell(&self, text: &str) {
        if let Some((all, _)) = &self.bars {
            let _ = all.println(text);
        }
    }

    fn show(&self, status: &Status) {
        let Some((all, bars)) = &self.bars else { return };
        let mut bars = bars.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (at, stream) in status.streams.iter().take(SHOWN).enumerate() {
            if bars.len() == at {
                let style = ProgressStyle::with_template("{spinner:.cyan} {msg}").expect("a template");
                bars.push(all.add(ProgressBar::new_spinner().with_style(style)));
            }
            let busy = stream.resources.iter().filter(|resource| resource.phase == Phase::Fetching).count();
            let busy =
                if busy > 0 { format!("; {} being fetched", paint::count(busy, "source")) } else { String::new() };
            bars[at].set_message(format!("{}{busy}", line(stream)));
            bars[at].tick();
        }
    }

    fn end(&self) {
        if let Some((all, _)) = &self.bars {
            let _ = all.clear();
        }
    }
}
