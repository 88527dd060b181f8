//! `streams peers`: whom a store met, and how complete a stream is as far as they tell.

use std::io::Write;

use anyhow::Result;
use serde_json::json;
use streams_core::node::known::Known;
use streams_core::node::witness::{Completeness, Stated};
use streams_core::{ObjectId, StreamId, VerifyingKey};

use super::now;
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::store::{OnStore, wait};

/// How wide the bars are.
const WIDTH: usize = 24;

/// How many ids are listed of each kind.
const LISTED: usize = 5;

/// Tells which peers a store met, or what they say of a stream.
#[derive(clap::Args)]
#[command(after_help = "With a stream: what is lacking here, what each peer signed last that it has, and how many \
objects are attested by several peers, by one alone, or by nobody. What several have, no single one of them can \
withhold.

Examples:
  streams peers
  streams peers bafyr4ih2ick --store shared.db
  streams peers bafyr4ih2ick --json | jq .by_one")]
pub struct Peers {
    /// The stream: its id, or the beginning of it
    #[arg(value_name = "STREAM")]
    stream: Option<String>,
    #[command(flatten)]
    on: OnStore,
}

/// `streams peers`.
pub fn peers(args: &Peers, out: &mut dyn Write) -> Result<bool> {
    let store = args.on.store.open()?;
    let now = now()?;
    let book = wait(store.peers())?;
    let Some(wanted) = &args.stream else {
        tell_book(&book, now, args.on.json, out)?;
        return Ok(true);
    };
    let stream = store.find(Some(wanted))?;
    let told = wait(store.completeness(stream))?;
    match args.on.json {
        true => writeln!(out, "{}", completeness_json(stream, &told))?,
        false => tell_completeness(stream, &told, now, out)?,
    }
    Ok(true)
}

fn tell_book(book: &[Known], now: u64, as_json: bool, out: &mut dyn Write) -> Result<()> {
    for known in book {
        let (peer, address, met) = (known.peer(), &known.address, known.met);
        if as_json {
            writeln!(out, "{}", json!({"peer": peer.to_string(), "address": address, "met": met}))?;
            continue;
        }
        let address = address.as_deref().map_or_else(|| paint(DIM, "came by itself"), paint::plain);
        writeln!(out, "{}  {:<16}  {address}", paint(ID, peer), paint::ago(met, now))?;
    }
    if book.is_empty() && !as_json {
        writeln!(out, "This store met no peer yet: `streams sync ADDR` meets one, `streams serve` lets them come.")?;
    }
    Ok(())
}

fn tell_completeness(stream: StreamId, told: &Completeness, now: u64, out: &mut dyn Write) -> Result<()> {
    let Completeness { objects, gaps, redacted, peers, by_several, by_one, by_none } = told;
    writeln!(out, "{}  {} here\n", paint(ID, stream), paint(BOLD, paint::count(*objects, "object")))?;
    lacking(gaps, ("object", "cited by what waits here, and not here"), out)?;
    lacking(redacted, ("object", "without all its maps, though nobody here dropped them"), out)?;
    if gaps.is_empty() && redacted.is_empty() {
        writeln!(out, "{} nothing that is cited is lacking, and no map\n", paint(GOOD, "✓"))?;
    }
    if peers.is_empty() {
        writeln!(out, "No peer signed yet what it has of this stream: `streams sync ADDR {stream}` asks for it.\n")?;
    } else {
        writeln!(out, "{}", paint(BOLD, "What peers signed that they have"))?;
        peers.iter().try_for_each(|stated| tell_stated(stated, *objects, now, out))?;
        writeln!(out, "\n{}", paint(BOLD, "Who attests the objects that are here"))?;
        for (style, count, name) in
            [(GOOD, by_several, "several peers"), (WARN, by_one, "one alone"), (DIM, by_none, "nobody")]
        {
            let bar = paint::part(*count, *objects, WIDTH);
            writeln!(
                out,
                "  {name:<15} {}{bar}{} {:>12}",
                style.render(),
                style.render_reset(),
                paint::thousands(*count)
            )?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", paint(DIM, UNKNOWABLE))?;
    Ok(())
}

/// What no report can say.
const UNKNOWABLE: &str =
    "What a peer has and never signed that it has, nobody else can know: it may hold more of this stream back.";

fn lacking(ids: &[ObjectId], (noun, what): (&str, &str), out: &mut dyn Write) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    writeln!(out, "{} {} {what}", paint(BAD, "✗"), paint::count(ids.len(), noun))?;
    for id in ids.iter().take(LISTED) {
        writeln!(out, "    {}", paint(ID, id))?;
    }
    if let Some(more) = ids.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(out, "    {}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "other"))))?;
    }
    Ok(writeln!(out)?)
}

fn tell_stated(stated: &Stated, objects: usize, now: u64, out: &mut dyn Write) -> Result<()> {
    let said = &stated.statement.said;
    let bar = paint::part(stated.objects, objects, WIDTH);
    let share = match stated.objects == objects {
        true => "all that is here".to_owned(),
        false => format!("{} of {}", paint::thousands(stated.objects), paint::thousands(objects)),
    };
    let heard = paint(DIM, format!("signed {}", paint::ago(stated.heard, now)));
    let key = stated.peer();
    writeln!(out, "  {:<15} {bar} {share}  {heard}", paint::author(&key) + "      ")?;
    let mut more = |style, line: String| writeln!(out, "  {:<15} {}", "", paint(style, line));
    if !stated.lacking.is_empty() {
        let count = paint::count(stated.lacking.len(), "leaf");
        let count = if stated.lacking.len() == 1 { count } else { count.replace("leafs", "leaves") };
        more(WARN, format!("and {count} that it has not given: {}", paint::prefix(&stated.lacking[0])))?;
    }
    if let Some(until) = said.until {
        let kept = if until > now { "promises" } else { "promised" };
        more(DIM, format!("{kept} to serve it until {}", paint::minute(until)))?;
    }
    Ok(())
}

fn ids(ids: &[ObjectId]) -> Vec<String> {
    ids.iter().map(ObjectId::to_string).collect()
}

fn completeness_json(stream: StreamId, told: &Completeness) -> serde_json::Value {
    let Completeness { objects, gaps, redacted, peers, by_several, by_one, by_none } = told;
    json!({
        "stream": stream.to_string(),
        "objects": objects,
        "gaps": ids(gaps),
        "redacted": ids(redacted),
        "peers": peers.iter().map(stated_json).collect::<Vec<_>>(),
        "by_several": by_several,
        "by_one": by_one,
        "by_none": by_none,
        "unknowable": UNKNOWABLE,
    })
}

/// What a peer stated last, by the names of its facts.
pub fn stated_json(stated: &Stated) -> serde_json::Value {
    let said = &stated.statement.said;
    let peer: VerifyingKey = stated.peer();
    json!({
        "peer": peer.to_string(),
        "heard": stated.heard,
        "objects": stated.objects,
        "lacking": ids(&stated.lacking),
        "frontier": paint::hex(&said.frontier),
        "leaves": said.leaves.0.len(),
        "store": paint::hex(&said.store),
        "counter": said.counter,
        "until": said.until,
    })
}
