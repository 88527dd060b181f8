//! `streams sync`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};
use streams_core::node::find::Dial;
use streams_core::node::peers::{Meeting, Streams};
use streams_core::sync::messages::MAX_NOTE;
use streams_core::sync::questions::Event;
use streams_core::sync::said::Reason;
use streams_core::{HashKey, StreamId, VerifyingKey};

use super::address::Dialer;
use super::outcome::Outcomes;
use super::{With, advised, reach};
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, paint};
use crate::store::{Opened, wait};

/// How many streams are named with which nothing is wrong.
const SHOWN: usize = 20;

/// Makes streams equal here and at a peer.
#[derive(clap::Args)]
#[command(after_help = "Without a stream, all that both have and that differ: to find none costs next to nothing. A \
stream that is not here yet is named by its whole id, or comes with --take-all. A stream that the peer does not let us \
read is passed over unless it is named; then the rule is told that forbids it, and --ask sends a note to whoever \
minds the peer.

The exit code is 1 where a stream was refused, or something of it was not taken, or is lacking; `streams why-not` tells \
more.

Examples:
  streams sync 127.0.0.1:7700
  streams sync wss://example.org/ --take-all --store mirror.db
  streams sync 192.0.2.7:7700 bafyr4ih2ick --ask 'Ada here, from the reading group'")]
pub struct Sync {
    #[command(flatten)]
    with: With,
    /// Ask for access to the streams that are denied, with this note
    #[arg(long, value_name = "NOTE", value_parser = note)]
    ask: Option<String>,
}

fn note(text: &str) -> Result<String> {
    ensure!(text.len() <= MAX_NOTE, "a note has at most {MAX_NOTE} bytes, and this one {}", text.len());
    Ok(text.to_owned())
}

/// `streams sync`.
pub fn sync(args: &Sync, out: &mut dyn Write) -> Result<bool> {
    let with = &args.with;
    let (as_json, address) = (with.meets.on.json, with.address.to_string());
    let store = with.meets.on.store.create()?;
    let named = with.named(&store)?;
    ensure!(
        !named.is_empty() || with.take_all || !store.streams()?.is_empty(),
        "the store is empty: name a stream of the peer by its whole id, or take what it has with --take-all"
    );
    let dialer = with.meets.dialer([address.clone()])?;
    let me = key::read(with.meets.key.as_deref())?.verifying_key();
    let (peer, outcomes) = wait(run(with, &store, &dialer, &named))?;
    let hash_key = HashKey::from_bytes(key::random()?);
    if as_json {
        for (stream, outcome) in &outcomes.streams {
            writeln!(out, "{}", outcome.json(*stream, &me, hash_key))?;
        }
    } else {
        summarize(&outcomes, &peer, &me, hash_key, out)?;
    }
    if let Some(note) = &args.ask {
        let denied = |reason| reason == Reason::Denied;
        let denied = outcomes
            .streams
            .iter()
            .filter(|(_, outcome)| outcome.refusal.as_ref().is_some_and(|refusal| denied(refusal.reason)));
        for (stream, _) in denied {
            wait(async {
                let link = reach(&dialer, &with.address).await?;
                store.plead(link, dialer.meeting(&address), *stream, note).await.map_err(advised)
            })?;
            if !as_json {
                let stream = paint(ID, paint::short(stream));
                writeln!(out, "Asked for access to {stream}; sync again when somebody granted it.")?;
            }
        }
    }
    Ok(outcomes.streams.values().all(|outcome| outcome.is_good()))
}

/// Makes streams equal, and shows how far that is.
async fn run(with: &With, store: &Opened, dialer: &Dialer, named: &[StreamId]) -> Result<(VerifyingKey, Outcomes)> {
    let link = reach(dialer, &with.address).await?;
    let meeting = Meeting { takes_unknown: with.take_all, ..dialer.meeting(&with.address.to_string()) };
    let streams = if named.is_empty() { Streams::All } else { Streams::These(named) };
    let bar = paint::growing_bar("receiving");
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let outcomes = Mutex::new(Outcomes::of(named));
    let note = |event: &Event| {
        match event {
            Event::Expected { objects, .. } => paint::lengthen(&bar, *objects),
            Event::Received { admitted: objects, .. } | Event::Rejected { objects, .. } => bar.inc(*objects),
            _ => {}
        }
        outcomes.lock().unwrap_or_else(PoisonError::into_inner).note(event);
    };
    let synced = store.sync(link, meeting, streams, note).await;
    bar.finish_and_clear();
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    match synced {
        Ok(peer) => Ok((peer, outcomes)),
        Err(error) => {
            let came: u64 = outcomes.streams.values().map(|outcome| outcome.received).sum();
            let error = advised(error);
            Err(if came > 0 { error.context(format!("{} came", paint::count(came as usize, "object"))) } else { error })
        }
    }
}

/// Tells what came of it: each stream with which something is wrong, and the first of the others.
fn summarize(
    outcomes: &Outcomes,
    peer: &VerifyingKey,
    me: &VerifyingKey,
    key: HashKey,
    out: &mut dyn Write,
) -> Result<()> {
    let (good, bad): (Vec<_>, Vec<_>) = outcomes.streams.iter().partition(|(_, outcome)| outcome.is_good());
    for (stream, outcome) in good.iter().take(SHOWN).chain(&bad) {
        for line in outcome.lines(**stream, me, key) {
            writeln!(out, "{line}")?;
        }
    }
    if let Some(more) = good.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        writeln!(out, "{}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "more stream"))))?;
    }
    let sum = |of: fn(&super::outcome::Outcome) -> u64| outcomes.streams.values().map(of).sum::<u64>() as usize;
    let (received, sent) = (sum(|outcome| outcome.received), sum(|outcome| outcome.sent));
    let peer = paint(ID, paint::short(peer));
    let moved = format!("{} received, {} sent", paint::count(received, "object"), paint::thousands(sent));
    match (outcomes.streams.len(), bad.len()) {
        (0, _) => {
            writeln!(out, "{} {}", paint(GOOD, "✓"), paint(BOLD, format!("Nothing differs in what both have: {peer}")))?
        }
        (all, 0) => {
            let all = paint::count(all, "stream");
            writeln!(out, "{} {}", paint(GOOD, "✓"), paint(BOLD, format!("{all} as at {peer}: {moved}.")))?
        }
        (all, bad) => {
            let all = paint::count(all, "stream");
            let told = format!("{} of {all} not as at {peer}: {moved}.", paint::thousands(bad));
            writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, told))?
        }
    }
    Ok(())
}
