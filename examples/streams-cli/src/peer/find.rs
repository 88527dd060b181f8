//! `streams find`.

use std::io::Write;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use streams_core::{HypotheticalRoot, Node, StreamId, VerifyingKey};

use super::Meets;
use super::address::Address;
use crate::paint::{self, BAD, DIM, GOOD, ID, paint};
use crate::store::wait;

/// Finds who has a stream.
#[derive(clap::Args)]
#[command(
    override_usage = "streams find [OPTIONS] <STREAM> [ADDR]...
       streams find [OPTIONS] <TYPE> <KEY> [ADDR]...",
    after_help = "A stream that begins with nothing but its type and the key of its author, as a profile does, is \
found by these two alone. Those at the addresses given are asked, those that the store met, and those whom they know; \
at most 32. Who may not read a stream is not told that it is there.

Examples:
  streams find bafyr4ih2ick… 192.0.2.7:7700
  streams find example.org/profile z6Mk… 192.0.2.7:7700 wss://example.org/"
)]
pub struct Find {
    #[command(flatten)]
    meets: Meets,
    /// The id of the stream; or its type, the key of its author, and then where to ask first
    #[arg(value_name = "STREAM", required = true)]
    what: Vec<String>,
}

/// `streams find`.
pub fn find(args: &Find, out: &mut dyn Write) -> Result<bool> {
    let (stream, addresses) = sought(&args.what)?;
    let as_json = args.meets.on.json;
    let store = args.meets.on.store.create()?;
    let met: Vec<String> = wait(store.peers())?.into_iter().filter_map(|known| known.address).collect();
    let at: Vec<String> = addresses.iter().map(Address::to_string).collect();
    ensure!(!at.is_empty() || !met.is_empty(), "this store met no peer yet: say whom to ask, as 192.0.2.7:7700");
    let dialer = args.meets.dialer(at.iter().cloned().chain(met))?;
    let is_here = wait(store.head(stream))?.is_some();
    let found = wait(Node::find(&store, &[stream], &dialer, &at))?;
    if as_json {
        let places = found.places.iter();
        let places: Vec<_> = places.map(|(at, (peer, _))| json!({"peer": peer.to_string(), "address": at})).collect();
        let silent = found.silent.iter();
        let silent: Vec<_> = silent.map(|(at, error)| json!({"address": at, "error": error.to_string()})).collect();
        let report = json!({"stream": stream.to_string(), "here": is_here, "places": places, "silent": silent});
        writeln!(out, "{report}")?;
        return Ok(!found.places.is_empty());
    }
    let here = if is_here { "here, too" } else { "not here yet" };
    writeln!(out, "{}  {}", paint(ID, stream), paint(DIM, here))?;
    for (address, (peer, _)) in &found.places {
        writeln!(out, "{} {}  {}", paint(GOOD, "✓"), paint(ID, peer), paint::plain(address))?;
    }
    for (address, error) in &found.silent {
        let line = format!("{} did not answer: {error}", paint::plain(address));
        writeln!(out, "{} {}", paint(DIM, "·"), paint(DIM, line))?;
    }
    match found.places.keys().next() {
        Some(address) if !is_here => {
            writeln!(out, "{}", paint(DIM, format!("`streams sync {} {stream}` takes it in", paint::plain(address))))?
        }
        Some(_) => {}
        None => writeln!(out, "{} nobody who was asked has it, or says so", paint(BAD, "✗"))?,
    }
    Ok(!found.places.is_empty())
}

/// Which stream is meant, and who is to be asked first.
fn sought(what: &[String]) -> Result<(StreamId, Vec<Address>)> {
    let (stream, rest) = match what {
        [id, rest @ ..] if id.parse::<StreamId>().is_ok() => (id.parse()?, rest),
        [r#type, author, rest @ ..] if author.parse::<VerifyingKey>().is_ok() => {
            let root = HypotheticalRoot::new(r#type, author.parse()?).with_context(|| r#type.clone())?;
            (root.id(), rest)
        }
        [first, ..] => bail!("{first} is no id of a stream: give the whole id, or a type and the key of its author"),
        [] => bail!("give the id of a stream, or a type and the key of its author"),
    };
    Ok((stream, rest.iter().map(|text| text.parse()).collect::<Result<_>>()?))
}
