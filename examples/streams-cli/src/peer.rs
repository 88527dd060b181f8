//! Peers: a store is served to them, made equal with theirs, and kept so.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use streams_core::clock::Clock;
use streams_core::node::peers::{Meeting, Streams};
use streams_core::sync::handshake::Side;
use streams_core::sync::questions::Event;
use streams_core::sync::session::MAX_SUBSCRIPTION;
use streams_core::{SigningKey, StreamId, VerifyingKey};
use streams_tcp::{Listener, Options, TcpTransport};

use crate::key;
use crate::paint::{self, BAD, DIM, GOOD, ID, paint};
use crate::store::{OnStore, Opened, wait};

/// Serves a store to peers.
#[derive(clap::Args)]
#[command(after_help = "Peers prove their keys, and get what the rules of a stream let them read. What they bring of \
the streams that are here is taken in; of other streams with --take-all alone. What goes over the line is encrypted.

Examples:
  streams serve
  streams serve --listen 0.0.0.0:7700 --store shared.db --take-all")]
pub struct Serve {
    #[command(flatten)]
    on: OnStore,
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    listen: String,
    /// Take in streams that are not here, too
    #[arg(long)]
    take_all: bool,
    /// The key to be known by; by default that of `key new`
    #[arg(long, value_name = "KEYFILE")]
    key: Option<std::path::PathBuf>,
}

/// Makes streams equal here and at a peer.
#[derive(clap::Args)]
#[command(
    after_help = "Without a stream, all streams of the store. A stream that is not here yet is named by its whole \
id.

Examples:
  streams sync 127.0.0.1:7700
  streams sync 192.0.2.7:7700 bafyr4ih2ick --store shared.db"
)]
pub struct Sync {
    #[command(flatten)]
    on: OnStore,
    /// The peer
    #[arg(value_name = "ADDR")]
    address: String,
    /// The streams: their ids, or the beginnings of those that are here
    #[arg(value_name = "STREAM")]
    streams: Vec<String>,
    /// The key to be known by; by default that of `key new`
    #[arg(long, value_name = "KEYFILE")]
    key: Option<std::path::PathBuf>,
}

/// Keeps streams equal here and at a peer, as either changes.
#[derive(clap::Args)]
#[command(after_help = "News of the peer is taken in as it comes, and what is written to the store meanwhile, by \
whichever program, is handed on, until Ctrl-C or for a day.

Examples:
  streams subscribe 127.0.0.1:7700 bafyr4ih2ick")]
pub struct Subscribe {
    #[command(flatten)]
    sync: Sync,
}

/// What came of a stream.
#[derive(Clone, Default)]
struct Outcome {
    received: u64,
    rejected: u64,
    sent: u64,
    gaps: usize,
    refused: Option<&'static str>,
}

/// `streams serve`.
pub fn serve(args: &Serve, out: &mut dyn Write) -> Result<bool> {
    let store = Arc::new(args.on.store.create()?);
    let key = key::read(args.key.as_deref())?;
    wait(async {
        let listener = Listener::bind(&args.listen, Options::default()).await;
        let listener = listener.with_context(|| format!("cannot listen at {}", args.listen))?;
        let (address, author) = (listener.address()?, key.verifying_key());
        match args.on.json {
            true => writeln!(out, "{}", json!({"listening": address.to_string(), "key": author.to_string()}))?,
            false => writeln!(out, "listening at {} as {}", paint(ID, address), paint(ID, author))?,
        }
        out.flush()?;
        loop {
            let link = tokio::select! {
                link = listener.accept() => link,
                _ = tokio::signal::ctrl_c() => return Ok(true),
            };
            match link {
                Ok(link) => {
                    let (store, meeting) = (store.clone(), meeting(&key, Side::Answerer, args.take_all)?);
                    tokio::spawn(serve_one(store, link, meeting, args.on.json));
                }
                Err(error) => eprintln!("{}", paint(DIM, format!("somebody did not finish the handshake: {error}"))),
            }
        }
    })
}

async fn serve_one(store: Arc<Opened>, link: TcpTransport, meeting: Meeting, as_json: bool) {
    let address = link.peer();
    let mut peer = None;
    let served = store.serve(Arc::new(link), meeting, |event| {
        if let Event::Proven { peer: proven, .. } = event {
            peer = Some(*proven);
        }
        if let Some(line) = served_line(peer.as_ref(), event, as_json) {
            let mut out = anstream::stdout().lock();
            let _ = writeln!(out, "{line}");
            let _ = out.flush();
        }
    });
    if let Err(error) = served.await {
        eprintln!("{}", paint(DIM, format!("{address}: {error}")));
    }
}

/// What a peer did, on one line; nothing where it did nothing.
fn served_line(peer: Option<&VerifyingKey>, event: &Event, as_json: bool) -> Option<String> {
    let (stream, did, count) = match event {
        Event::Received { stream, admitted } if *admitted > 0 => (stream, "brought", *admitted),
        Event::Served { stream, sent } if *sent > 0 => (stream, "got", *sent),
        Event::Refuses { stream, .. } => (stream, "was refused", 0),
        _ => return None,
    };
    if as_json {
        let peer = peer.map(VerifyingKey::to_string);
        return Some(json!({"peer": peer, "stream": stream.to_string(), "did": did, "objects": count}).to_string());
    }
    let who = peer.map_or_else(|| "somebody".to_owned(), paint::short);
    let what = if count > 0 { format!("{} of ", paint::count(count as usize, "object")) } else { String::new() };
    Some(format!("{} {did} {what}{}", paint(ID, who), paint(ID, paint::short(stream))))
}

/// `streams sync`.
pub fn sync(args: &Sync, out: &mut dyn Write) -> Result<bool> {
    let store = args.on.store.create()?;
    let streams = args.streams(&store)?;
    let key = key::read(args.key.as_deref())?;
    let bar = paint::spinner("objects");
    let outcomes: Mutex<BTreeMap<StreamId, Outcome>> =
        Mutex::new(streams.iter().map(|stream| (*stream, Outcome::default())).collect());
    let peer = wait(async {
        let link = args.connect().await?;
        let meeting = meeting(&key, Side::Opener, true)?;
        let note = |event: &Event| {
            let mut outcomes = outcomes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            bar.inc(note(&mut outcomes, event));
        };
        Ok::<_, anyhow::Error>(store.sync(Arc::new(link), meeting, Streams::These(&streams), note).await?)
    })?;
    bar.finish_and_clear();
    let outcomes = outcomes.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    if !args.on.json {
        writeln!(out, "{} {}", paint(DIM, "peer"), paint(ID, peer))?;
    }
    for (stream, outcome) in &outcomes {
        outcome.tell(stream, args.on.json, out)?;
    }
    Ok(outcomes.values().all(|outcome| outcome.refused.is_none() && outcome.gaps == 0))
}

/// `streams subscribe`.
pub fn subscribe(args: &Subscribe, out: &mut dyn Write) -> Result<bool> {
    let args = &args.sync;
    let store = args.on.store.create()?;
    let streams = args.streams(&store)?;
    let key = key::read(args.key.as_deref())?;
    out.flush()?;
    wait(async {
        let link = args.connect().await?;
        let meeting = meeting(&key, Side::Opener, true)?;
        let expires = now()? + MAX_SUBSCRIPTION - Duration::from_secs(60).as_millis() as u64;
        let mut peer = None;
        let tell = |event: &Event| {
            if let Event::Proven { peer: proven, .. } = event {
                peer = Some(*proven);
            }
            if let Some(line) = served_line(peer.as_ref(), event, args.on.json) {
                let mut out = anstream::stdout().lock();
                let _ = writeln!(out, "{line}");
                let _ = out.flush();
            }
        };
        tokio::select! {
            followed = store.follow(Arc::new(link), meeting, Streams::These(&streams), expires, tell) => {
                followed?;
                Ok(true)
            }
            _ = tokio::signal::ctrl_c() => Ok(true),
        }
    })
}

impl Sync {
    /// Those that are named, or all.
    fn streams(&self, store: &Opened) -> Result<Vec<StreamId>> {
        if self.streams.is_empty() {
            let all = store.streams()?;
            ensure!(!all.is_empty(), "the store is empty: name a stream of the peer by its whole id");
            return Ok(all);
        }
        let find = |wanted: &String| wanted.parse().or_else(|_| store.find(Some(wanted)));
        self.streams.iter().map(find).collect()
    }

    async fn connect(&self) -> Result<TcpTransport> {
        let link = streams_tcp::connect(&self.address, Options::default()).await;
        link.with_context(|| format!("cannot reach a peer at {}; `streams serve` makes one", self.address))
    }
}

impl Outcome {
    fn tell(&self, stream: &StreamId, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
        let Self { received, rejected, sent, gaps, refused } = self;
        if as_json {
            let line = json!({
                "stream": stream.to_string(),
                "received": received,
                "sent": sent,
                "rejected": rejected,
                "gaps": gaps,
                "refused": refused,
            });
            return writeln!(out, "{line}");
        }
        let (sign, stream) = match refused {
            None if *gaps == 0 => (paint(GOOD, "✓"), paint(ID, stream)),
            _ => (paint(BAD, "✗"), paint(ID, stream)),
        };
        let of = |count: u64, what: &str| format!("{} {what}", paint::count(count as usize, "object"));
        let mut told = vec![of(*received, "received"), of(*sent, "sent")];
        if *rejected > 0 {
            told.push(paint(BAD, of(*rejected, "not taken")));
        }
        if *gaps > 0 {
            told.push(paint(BAD, of(*gaps as u64, "cited, and not there")));
        }
        if let Some(refused) = refused {
            told.push(paint(BAD, format!("the peer refuses: {refused}")));
        }
        writeln!(out, "{sign} {stream}  {}", told.join(", "))
    }
}

/// Takes note of what happened, and tells how many objects went over the line.
fn note(outcomes: &mut BTreeMap<StreamId, Outcome>, event: &Event) -> u64 {
    match event {
        Event::Received { stream, admitted } => {
            outcomes.entry(*stream).or_default().received += admitted;
            *admitted
        }
        Event::Synced { stream, rejected, gaps, .. } => {
            let outcome = outcomes.entry(*stream).or_default();
            (outcome.rejected, outcome.gaps) = (*rejected, gaps.len());
            0
        }
        Event::Served { stream, sent } => {
            let outcome = outcomes.entry(*stream).or_default();
            outcome.sent += sent;
            // What it did not know, it has now.
            outcome.refused = None;
            *sent
        }
        Event::Refused { stream, reason, refusal, .. } if refusal.said.object.is_none() => {
            outcomes.entry(*stream).or_default().refused = Some(reason.code());
            0
        }
        _ => 0,
    }
}

fn meeting(key: &SigningKey, side: Side, takes_unknown: bool) -> Result<Meeting> {
    Ok(Meeting { takes_unknown, ..Meeting::new(key.clone(), side, key::random()?, Arc::new(SystemClock)) })
}

/// The clock of this machine; before 1970 it is told as that.
#[derive(Debug)]
struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    fn now(&self) -> u64 {
        now().unwrap_or(0)
    }

    async fn until(&self, time: u64) {
        tokio::time::sleep(Duration::from_millis(time.saturating_sub(self.now()))).await;
    }
}

fn now() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock of this machine is before 1970")?;
    Ok(since.as_millis() as u64)
}
