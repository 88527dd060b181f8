//! `streams why-not`: what stands between a stream here and at a peer.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use streams_core::graph::frontier_of;
use streams_core::node::find::Dial;
use streams_core::node::peers::Streams;
use streams_core::sync::questions::Event;
use streams_core::sync::said::Statement;
use streams_core::{Authentic, HashKey, ObjectId, Rejected, Stream, StreamId, VerifyingKey};

use super::address::{Address, Dialer};
use super::outcome::{Outcome, Outcomes};
use super::{Meets, advised, meant, peers, reach};
use crate::check::sentence;
use crate::key;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{Opened, wait};
use crate::why;

/// How many gaps and refused objects are told.
const LISTED: usize = 5;

/// Tells why a stream is not the same here and at a peer.
#[derive(clap::Args)]
#[command(after_help = "With the address of a peer, both are made equal as far as they can be, and what is left is \
told: the first object of the order that one of them lacks, what is cited and nowhere to be had, the rule that refuses, \
and at which side. With a key, nobody is asked: whether the key may read the stream, by which rule, and what it \
stated last that it has.

The exit code is 0 where the two are equal, or the key may read.

Examples:
  streams why-not bafyr4ih2ick 192.0.2.7:7700
  streams why-not bafyr4ih2ick z6Mk…")]
pub struct WhyNot {
    #[command(flatten)]
    meets: Meets,
    /// The stream: its id, or the beginning of one that is here
    #[arg(value_name = "STREAM")]
    stream: String,
    /// The address of a peer, or its key
    #[arg(value_name = "PEER")]
    peer: String,
}

/// What stands between, one reason each.
struct Reason {
    code: &'static str,
    /// At which side: `here`, `there`, or not known.
    side: Option<&'static str>,
    sentence: String,
    /// The object that it is about.
    object: Option<ObjectId>,
}

/// `streams why-not`.
pub fn why_not(args: &WhyNot, out: &mut dyn Write) -> Result<bool> {
    let store = args.meets.on.store.create()?;
    let stream = meant(&store, &args.stream)?;
    match args.peer.parse::<VerifyingKey>() {
        Ok(key) => known(&store, stream, &key, args.meets.on.json, out),
        Err(_) => {
            let address = args.peer.parse::<Address>();
            let address = address.context("a peer is named by its key, which begins with z6Mk, or by its address")?;
            met(args, &store, stream, &address, out)
        }
    }
}

/// Tells of a peer that is met now.
fn met(args: &WhyNot, store: &Opened, stream: StreamId, address: &Address, out: &mut dyn Write) -> Result<bool> {
    let me = key::read(args.meets.key.as_deref())?.verifying_key();
    let dialer = args.meets.dialer([address.to_string()])?;
    let hash_key = HashKey::from_bytes(key::random()?);
    // The second time tells what the first one did not change.
    let (peer, first) = wait(attempt(store, &dialer, address, stream))?;
    let last = match first.refusal {
        None => wait(attempt(store, &dialer, address, stream))?.1,
        Some(_) => Outcome::default(),
    };
    let mut reasons = Vec::new();
    if let Some(refusal) = first.refusal.as_ref().or(last.refusal.as_ref()) {
        let (object, sentence) = (refusal.denied_by(stream, &me, hash_key), refusal.sentence(stream, &me, hash_key));
        let sentence = format!("the peer refuses the stream. {sentence}");
        reasons.push(Reason { code: refusal.reason.code(), side: Some("there"), sentence, object });
    }
    let mut equal = None;
    if wait(store.head(stream))?.is_some() {
        let between = |here: &Stream| {
            let stated = last.stated.as_ref().map(|stated| &stated.said);
            equal = stated.map(|stated| stated.frontier == here.frontier());
            let rejected = [&first, &last].into_iter().find_map(|outcome| outcome.rejected.clone());
            between(here, &peer, stated, rejected, first.sent + last.sent > 0)
        };
        reasons.extend(wait(store.read(stream, between))?);
    }
    let is_equal = equal == Some(true) && reasons.is_empty();
    if args.meets.on.json {
        let report = json!({
            "stream": stream.to_string(),
            "peer": peer.to_string(),
            "equal": is_equal,
            "received": first.received + last.received,
            "sent": first.sent + last.sent,
            "reasons": reasons.iter().map(Reason::json).collect::<Vec<_>>(),
        });
        writeln!(out, "{report}")?;
        return Ok(is_equal);
    }
    let (name, other) = (paint(ID, paint::short(stream)), paint(ID, paint::short(peer)));
    let moved = [(first.received + last.received, "received"), (first.sent + last.sent, "sent")];
    let moved = moved.map(|(count, what)| format!("{} {what}", paint::thousands(count as usize))).join(", ");
    let moved = paint(DIM, format!("({moved})"));
    match is_equal {
        true => writeln!(out, "{} {name} is the same here and at {other} {moved}", paint(GOOD, "✓"))?,
        false => writeln!(out, "{} {name} is not the same here and at {other} {moved}\n", paint(BAD, "✗"))?,
    }
    for reason in &reasons {
        reason.print(out)?;
    }
    if !is_equal && reasons.is_empty() {
        writeln!(out, "  {}", paint(DIM, "What was sent did not change it, and neither side says why."))?;
    }
    Ok(is_equal)
}

/// Makes the stream equal, as far as the two can.
async fn attempt(
    store: &Opened,
    dialer: &Dialer,
    address: &Address,
    stream: StreamId,
) -> Result<(VerifyingKey, Outcome)> {
    let link = reach(dialer, address).await?;
    let outcomes = Mutex::new(Outcomes::of(&[stream]));
    let note = |event: &Event| outcomes.lock().unwrap_or_else(PoisonError::into_inner).note(event);
    let synced = store.sync(link, dialer.meeting(&address.to_string()), Streams::These(&[stream]), note).await;
    let peer = synced.map_err(advised)?;
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((peer, outcomes.streams.remove(&stream).unwrap_or_default()))
}

/// What stands between the stream that is here and what a peer stated, after both gave what they give.
fn between(
    here: &Stream,
    peer: &VerifyingKey,
    stated: Option<&Statement>,
    rejected: Option<(Rejected, u64)>,
    was_sent: bool,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if !here.may_read(peer).is_effective() {
        let sentence = format!("this side refuses it to the peer. {}", why::may_read(here, peer));
        reasons.push(Reason { code: "denied", side: Some("here"), sentence, object: here.shown_to(peer) });
    }
    let refused = here.refused();
    for (id, reason) in refused.iter().take(LISTED) {
        let sentence = format!("{} is not taken in here: {reason}", paint::prefix(id));
        reasons.push(Reason { code: reason.code(), side: Some("here"), sentence, object: Some(*id) });
    }
    if let Some((reason, objects)) = rejected.filter(|_| refused.is_empty()) {
        let count = paint::count(objects as usize, "object");
        let sentence = format!("{count} of the peer not taken in here ({}): {}", reason.fate(), sentence(&reason));
        reasons.push(Reason { code: reason.code(), side: Some("here"), sentence, object: None });
    }
    for gap in here.gaps().into_iter().take(LISTED) {
        let cites = |citing: &Authentic| format!("{}, a {}", named(citing), paint::clip(citing.header().r#type(), 40));
        let citing = here.citing(&gap).first().map_or_else(|| "what waits here".to_owned(), cites);
        let sentence = format!("{} is cited by {citing}, and neither side gives it", paint::prefix(&gap));
        reasons.push(Reason { code: "gap", side: None, sentence, object: Some(gap) });
    }
    let Some(stated) = stated.filter(|stated| stated.frontier != here.frontier()) else { return reasons };
    let leaves = &stated.leaves.0;
    if let Some(leaf) = leaves.iter().find(|leaf| !here.contains(leaf)) {
        let sentence = format!("the peer signed that it has {}, and it is not here", paint::prefix(leaf));
        reasons.push(Reason { code: "lacking", side: Some("here"), sentence, object: Some(*leaf) });
        return reasons;
    }
    // All that it has is here: what it lacks is known to the last object, where it told all its leaves.
    let is_whole = frontier_of(leaves.iter().copied()) == stated.frontier;
    let there: BTreeSet<ObjectId> = here.with_past(leaves).collect();
    let lacked: Vec<ObjectId> = here.order().filter(|id| !there.contains(id)).collect();
    if let Some(first) = lacked.first().filter(|_| is_whole) {
        let object = here.object(first).expect("it is in the order");
        let place = here.position(first).unwrap_or_default();
        let (count, r#type) = (paint::count(lacked.len(), "object"), paint::clip(object.header().r#type(), 40));
        let given = if was_sent { " though they were sent" } else { "" };
        let sentence = format!(
            "the peer lacks {count}{given}; the first of the order is {}, a {type}, at place {place}",
            named(&object)
        );
        reasons.push(Reason { code: "lacking", side: Some("there"), sentence, object: Some(*first) });
    }
    reasons
}

/// An object by its id and its author.
fn named(object: &Authentic) -> String {
    format!("{} by {}", paint::prefix(&object.id()), paint::short(object.header().author()))
}

impl Reason {
    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let side = self.side.map(|side| paint(DIM, format!(" · {side}"))).unwrap_or_default();
        writeln!(out, "  {}{side}  {}", paint(BOLD, self.code), paint::plain(&self.sentence))?;
        if let Some(object) = self.object {
            writeln!(out, "    {}", paint(ID, object))?;
        }
        Ok(())
    }

    fn json(&self) -> Value {
        let Self { code, side, sentence, object } = self;
        json!({"code": code, "side": side, "sentence": sentence, "object": object.map(|id| id.to_string())})
    }
}

/// Tells of a peer by what is here alone.
fn known(store: &Opened, stream: StreamId, key: &VerifyingKey, as_json: bool, out: &mut dyn Write) -> Result<bool> {
    let stated = wait(store.completeness(stream))?.peers.into_iter().find(|stated| stated.peer() == *key);
    let describe = |here: &Stream| {
        let verdict = here.may_read(key);
        let lacked = stated.as_ref().map(|stated| {
            let there: BTreeSet<ObjectId> = match stated.statement.said.frontier == here.frontier() {
                true => here.order().collect(),
                false => here.with_past(&stated.statement.said.leaves.0).collect(),
            };
            here.order().filter(|id| !there.contains(id)).collect::<Vec<_>>()
        });
        let first = lacked.as_ref().and_then(|lacked| here.object(lacked.first()?));
        (verdict, why::may_read(here, key), here.len(), lacked.map_or(0, |lacked| lacked.len()), first)
    };
    let (verdict, sentence, objects, lacked, first) = wait(store.read(stream, describe))?;
    let may_read = verdict.is_effective();
    if as_json {
        let report = json!({
            "stream": stream.to_string(), "peer": key.to_string(), "may_read": may_read, "verdict": verdict.code(),
            "sentence": sentence, "stated": stated.as_ref().map(peers::stated_json), "unstated": lacked,
            "first_unstated": first.map(|object| object.id().to_string()),
        });
        writeln!(out, "{report}")?;
        return Ok(may_read);
    }
    let sign = if may_read { paint(GOOD, "✓") } else { paint(BAD, "✗") };
    writeln!(out, "{sign} {}", paint::plain(&sentence))?;
    let now = super::now()?;
    let Some(stated) = stated else {
        writeln!(out, "  {}", paint(DIM, "It never signed here what it has of this stream."))?;
        return Ok(may_read);
    };
    let heard = paint::ago(stated.heard, now);
    match (stated.lacking.first(), first) {
        (None, None) => {
            writeln!(out, "  It signed {heard} that it has all {} that are here.", paint::count(objects, "object"))?
        }
        (beyond, first) => {
            let (has, all) = (paint::thousands(stated.objects), paint::count(objects, "object"));
            writeln!(out, "  It signed {heard} that it has {has} of the {all} here.")?;
            if let Some(first) = first {
                let (count, r#type) = (paint::count(lacked, "object"), paint::clip(first.header().r#type(), 40));
                let first = format!("{}, a {type}", named(&first));
                writeln!(out, "  {} it did not speak of {count}; the first of the order is {first}", paint(WARN, "•"))?;
            }
            if let Some(leaf) = beyond {
                let leaf = paint(ID, leaf);
                writeln!(out, "  {} it has what is not here: {leaf}", paint(WARN, "•"))?;
            }
        }
    }
    Ok(may_read)
}
