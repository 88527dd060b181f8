//! `streams subscribe`.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use streams_core::StreamId;
use streams_core::node::find::Dial;
use streams_core::node::peers::{Meeting, PeerError, Streams};
use streams_core::sync::messages::Why;
use streams_core::sync::questions::Event;
use streams_core::sync::session::MAX_SUBSCRIPTION;
use tokio::sync::watch;

use super::address::Dialer;
use super::told::Teller;
use super::until::{Until, asked_to_end};
use super::{With, advised, ended, now, reach};
use crate::paint::{DIM, WARN, paint};
use crate::store::{Opened, wait};

/// The pauses before links are opened again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// How long before its end a subscription is renewed: clocks differ.
const EARLY: Duration = Duration::from_secs(60);

/// How long a link has to end in order.
const FAREWELL: Duration = Duration::from_secs(3);

/// Keeps streams equal here and at a peer, as either changes.
#[derive(clap::Args)]
#[command(after_help = "News of the peer is taken in as it comes, and what is written to the store meanwhile, by \
whichever program, is handed on, until Ctrl-C. Without a stream, all that the store has; with --take-all, also what the \
peer alone has, and begins later. Where the link breaks, another is opened, after a pause that grows up to a minute.

Examples:
  streams subscribe 127.0.0.1:7700
  streams subscribe wss://example.org/ bafyr4ih2ick
  streams subscribe 127.0.0.1:7700 --take-all --json | jq 'select(.did == \"brought\")'")]
pub struct Subscribe {
    #[command(flatten)]
    with: With,
}

/// `streams subscribe`.
pub fn subscribe(args: &Subscribe, out: &mut dyn Write) -> Result<bool> {
    let store = args.with.meets.on.store.create()?;
    let streams = args.with.named(&store)?;
    let dialer = args.with.meets.dialer([args.with.address.to_string()])?;
    out.flush()?;
    wait(async {
        let (end, ended) = watch::channel(false);
        let mut following = std::pin::pin!(follow_on(&args.with, &store, &dialer, &streams, &ended));
        tokio::select! {
            followed = &mut following => return followed,
            told = asked_to_end() => told?,
        }
        end.send_replace(true);
        // What is under way is finished.
        let _ = tokio::time::timeout(FAREWELL, following).await;
        Ok(true)
    })
}

/// Follows the peer over one link after another.
async fn follow_on(
    with: &With,
    store: &Opened,
    dialer: &Dialer,
    streams: &[StreamId],
    ended: &watch::Receiver<bool>,
) -> Result<bool> {
    let (mut pause, mut was_there) = (PAUSES.0, false);
    loop {
        let mut proven = false;
        let followed = follow_once(with, store, dialer, streams, ended, &mut proven).await;
        if *ended.borrow() {
            return Ok(true);
        }
        let error = match followed {
            Ok(true) => "the subscription is renewed".to_owned(),
            Ok(false) => "the peer closed the link".to_owned(),
            // A peer that was never there is a mistake in the address, rather than a link that broke.
            Err(error) if (!was_there && !proven) || is_final(&error) => return Err(error),
            Err(error) => format!("{error:#}"),
        };
        if proven {
            (pause, was_there) = (PAUSES.0, true);
        }
        tell_pause(with.meets.on.json, &error, pause);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Follows the peer over one link; whether it ended because the subscription did.
async fn follow_once(
    with: &With,
    store: &Opened,
    dialer: &Dialer,
    streams: &[StreamId],
    ended: &watch::Receiver<bool>,
    proven: &mut bool,
) -> Result<bool> {
    let address = with.address.to_string();
    let link = reach(dialer, &with.address).await?;
    let meeting = Meeting { takes_unknown: with.take_all, ..dialer.meeting(&address) };
    let lasts = Duration::from_millis(MAX_SUBSCRIPTION) - EARLY;
    let expires = now()? + lasts.as_millis() as u64;
    let streams = if streams.is_empty() { Streams::All } else { Streams::These(streams) };
    let mut teller = Teller::new(with.meets.on.json, address);
    let (end, this_ended) = watch::channel(false);
    let link = std::sync::Arc::new(Until::new(link, this_ended));
    let followed = {
        let note = |event: &Event| {
            *proven |= matches!(event, Event::Proven { .. });
            teller.tell(event);
        };
        let mut following = std::pin::pin!(store.follow(link, meeting, streams, expires, note));
        let mut ended = ended.clone();
        let is_over = tokio::select! {
            followed = &mut following => Err(followed),
            _ = tokio::time::sleep(lasts) => Ok(()),
            _ = ended.wait_for(|ended| *ended) => Ok(()),
        };
        match is_over {
            Err(followed) => followed.map(|_| false),
            Ok(()) => {
                end.send_replace(true);
                following.await.map(|_| true)
            }
        }
    };
    teller.tell_rest();
    followed.map_err(advised)
}

/// Whether to try again would end the same.
fn is_final(error: &anyhow::Error) -> bool {
    let is_final = |error: &PeerError| {
        matches!(error, PeerError::Node(_)) || matches!(ended(error), Some(Why::Version | Why::OwnKey | Why::Proof))
    };
    error.downcast_ref().is_some_and(is_final)
}

fn tell_pause(as_json: bool, error: &str, pause: Duration) {
    let pause = pause.as_secs_f64();
    if as_json {
        anstream::println!("{}", json!({"did": "waits", "why": error, "seconds": pause}));
        return;
    }
    anstream::eprintln!("{} {}", paint(WARN, error), paint(DIM, format!("· again in {pause} s; Ctrl-C ends it")));
}
