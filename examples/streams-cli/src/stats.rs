//! A store in numbers.

use std::io::Write;

use anyhow::Result;
use serde_json::json;
use streams_core::StreamId;
use streams_core::store::Head;

use crate::paint::{self, DIM, ID, paint};
use crate::store::{OnStore, Opened, wait};

/// How many streams are listed.
const LISTED: usize = 10;

/// Tells what is in a store, in numbers.
#[derive(clap::Args)]
#[command(after_help = "The streams with the most objects are listed; all of them with --json.

Examples:
  streams stats
  streams stats --store shared.db --json | jq '.streams[] | .stream'")]
pub struct Stats {
    #[command(flatten)]
    on: OnStore,
}

/// `streams stats`.
pub fn stats(args: &Stats, out: &mut dyn Write) -> Result<bool> {
    let location = &args.on.store;
    let store = location.open()?;
    let last = wait(store.store().last())?;
    let mut streams: Vec<(StreamId, Head)> = Vec::new();
    for stream in store.streams()? {
        streams.extend(wait(store.head(stream))?.map(|head| (stream, head)));
    }
    streams.sort_by_key(|(stream, head)| (std::cmp::Reverse(head.objects), *stream));
    let sum = |of: fn(&Head) -> u64| streams.iter().map(|(_, head)| of(head)).sum::<u64>();
    let (objects, finals, size) = (sum(|head| head.objects), sum(|head| head.finals), location.size()?);
    if args.on.json {
        let streams = streams.iter().map(|(stream, head)| {
            Ok(json!({
                "stream": stream.to_string(), "type": type_of(&store, *stream)?, "objects": head.objects,
                "finals": head.finals, "last": head.last,
            }))
        });
        let streams: Vec<_> = streams.collect::<Result<_>>()?;
        let report = json!({
            "store": location.to_string(), "size": size, "objects": objects, "finals": finals, "last": last,
            "streams": streams,
        });
        writeln!(out, "{report}")?;
        return Ok(true);
    }
    let mut field = |name: &str, value: String| paint::field(out, name, value);
    let size = size.map(|size| format!(" {}", paint(DIM, paint::size(size as usize)))).unwrap_or_default();
    field("store", format!("{location}{size}"))?;
    field("streams", paint::thousands(streams.len()))?;
    field("objects", paint::thousands(objects as usize))?;
    field("final", paint::thousands(finals as usize))?;
    field("last", format!("{} {}", paint::thousands(last as usize), paint(DIM, "the number of the last change")))?;
    if streams.is_empty() {
        return Ok(true);
    }
    writeln!(out)?;
    writeln!(out, "{}", paint(DIM, format!("{:>12}  {:>12}  {:<15}  type", "objects", "final", "stream")))?;
    for (stream, head) in streams.iter().take(LISTED) {
        let [objects, finals] = [head.objects, head.finals].map(|number| paint::thousands(number as usize));
        let (id, r#type) = (paint(ID, paint::prefix(stream)), type_of(&store, *stream)?);
        writeln!(out, "{objects:>12}  {finals:>12}  {id}  {}", paint::clip(&r#type.unwrap_or_default(), 40))?;
    }
    if let Some(more) = streams.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(out, "{}", paint(DIM, format!("and {}; --json tells all", paint::count(more, "smaller stream"))))?;
    }
    Ok(true)
}

/// The type of a stream's root.
fn type_of(store: &Opened, stream: StreamId) -> Result<Option<String>> {
    let root = wait(store.object(stream, &stream))?;
    Ok(root.map(|root| root.authentic.header().r#type().to_owned()))
}
