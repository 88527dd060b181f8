//! One stream in many orders of arrival: what comes out is the same.

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use streams_core::{Ingested, ObjectId, Rejected, Stream};

use crate::paint::{self, BAD, BOLD, DIM, GOOD, paint};
use crate::read::{BATCH, StreamFile};

/// Delivers the objects of a stream in random orders, and compares what comes out.
#[derive(clap::Args)]
#[command(
    after_help = "Children arrive before their parents too, and wait for them. The first delivery verifies every \
signature, in batches; the others take them as verified before (spec 6.2), and judge all else again.

Examples:
  streams replay notes.streams --shuffle 10
  streams replay notes.streams --shuffle 3 --seed 42 --batch"
)]
pub struct Replay {
    /// The stream file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many random orders
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    shuffle: u64,
    /// A number from which the orders follow; by default a random one
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Verify the signatures in every delivery
    #[arg(long)]
    batch: bool,
    /// Print JSON, one line a delivery
    #[arg(long)]
    json: bool,
}

/// What came out of a delivery.
#[derive(PartialEq)]
struct Outcome {
    objects: usize,
    refused: usize,
    order: [u8; 32],
    frontier: [u8; 32],
    leaves: Vec<ObjectId>,
    state: [u8; 32],
}

/// `streams replay`.
pub fn replay(args: &Replay, out: &mut dyn Write) -> Result<bool> {
    let file = StreamFile::read(&args.file)?;
    let seed = args.seed.map_or_else(|| Ok(u64::from(u32::from_le_bytes(crate::key::random()?))), anyhow::Ok)?;
    if !args.json {
        let (objects, orders) =
            (paint::count(file.len(), "object"), paint::count(args.shuffle as usize, "random order"));
        writeln!(out, "{objects}, delivered in {orders} {}\n", paint(DIM, format!("(--seed {seed})")))?;
        let line = format!(
            "{:>4}  {:>10}  {:>10}  {:<12}  {:<12}  {:<12}  signatures",
            "", "waited", "objects/s", "order", "frontier", "state"
        );
        writeln!(out, "{}", paint(DIM, line))?;
    }
    let mut first: Option<Outcome> = None;
    let mut all_same = true;
    for run in 1..=args.shuffle {
        let order = shuffled(file.len(), seed, run);
        let verify = run == 1 || args.batch;
        let (stream, delivery) = deliver(&file, &order, verify).context("cannot deliver the file")?;
        let outcome = Outcome::of(&stream);
        let same = first.as_ref().is_none_or(|first| *first == outcome);
        all_same &= same;
        if args.json {
            writeln!(out, "{}", outcome.json(run, seed, &delivery, verify, same))?;
        } else {
            writeln!(out, "{}", outcome.line(run, &delivery, verify, same))?;
        }
        out.flush()?;
        first.get_or_insert(outcome);
    }
    if let Some(first) = first.filter(|_| !args.json) {
        first.print(all_same, out)?;
    }
    Ok(all_same)
}

/// How a delivery went.
struct Delivery {
    waited: usize,
    time: Duration,
}

/// Delivers the objects of the file in this order, the root first, without which there is no stream.
fn deliver(file: &StreamFile, order: &[usize], verify: bool) -> Result<(Stream, Delivery)> {
    let bar = paint::bar("delivering", file.len());
    let start = Instant::now();
    let mut stream = file.open()?;
    let mut waited = 0;
    let mut note = |answer: Result<Ingested, Rejected>| {
        waited += usize::from(matches!(answer, Ok(Ingested::Pending { .. })));
    };
    for places in order.chunks(BATCH) {
        let parts = places.iter().map(|place| file.at(*place));
        if verify {
            stream.ingest_batch(parts, 0).into_iter().for_each(&mut note);
        } else {
            parts.map(|parts| stream.ingest_verified(parts)).for_each(&mut note);
        }
        bar.inc(places.len() as u64);
    }
    let time = start.elapsed();
    bar.finish_and_clear();
    Ok((stream, Delivery { waited, time }))
}

/// The places of all objects but the root, in an order that follows from the seed and the run alone (Fisher and
/// Yates, with BLAKE3 for the dice).
fn shuffled(len: usize, seed: u64, run: u64) -> Vec<usize> {
    let mut dice = blake3::Hasher::new().update(&seed.to_le_bytes()).update(&run.to_le_bytes()).finalize_xof();
    let mut places: Vec<usize> = (1..len).collect();
    for last in (1..places.len()).rev() {
        let mut number = [0; 8];
        dice.fill(&mut number);
        places.swap(last, (u64::from_le_bytes(number) % (last as u64 + 1)) as usize);
    }
    places
}

impl Outcome {
    fn of(stream: &Stream) -> Self {
        // A state that tells every order of the effective objects from every other: a chain of hashes.
        let state = stream.replay([0; 32], |state, authentic| {
            *blake3::Hasher::new().update(&state).update(authentic.id().as_bytes()).finalize().as_bytes()
        });
        Self {
            objects: stream.len(),
            refused: stream.refused().len(),
            order: stream.order_digest(),
            frontier: stream.frontier(),
            leaves: stream.leaves(),
            state,
        }
    }

    fn line(&self, run: u64, delivery: &Delivery, verified: bool, same: bool) -> String {
        let digest = |digest: &[u8]| format!("{}…", paint::hex(&digest[..5]));
        let [order, frontier, state] = [&self.order, &self.frontier, &self.state].map(|bytes| digest(bytes));
        let rate = paint::rate(self.objects, delivery.time);
        let verified = paint(DIM, if verified { "verified" } else { "as before" });
        let mark = if same { String::new() } else { paint(BAD, "  differs") };
        let waited = paint::thousands(delivery.waited);
        format!("{run:>4}  {waited:>10}  {rate:>10}  {order:<12}  {frontier:<12}  {state:<12}  {verified}{mark}")
    }

    fn json(&self, run: u64, seed: u64, delivery: &Delivery, verified: bool, same: bool) -> serde_json::Value {
        json!({
            "run": run,
            "seed": seed,
            "same": same,
            "objects": self.objects,
            "refused": self.refused,
            "waited": delivery.waited,
            "seconds": delivery.time.as_secs_f64(),
            "verified": verified,
            "order": paint::hex(&self.order),
            "frontier": paint::hex(&self.frontier),
            "leaves": self.leaves.iter().map(ObjectId::to_string).collect::<Vec<_>>(),
            "state": paint::hex(&self.state),
        })
    }

    fn print(&self, all_same: bool, out: &mut dyn Write) -> Result<()> {
        writeln!(out)?;
        if self.refused > 0 {
            let refused = paint::count(self.refused, "object");
            writeln!(out, "{} {refused} of the file refused, each time; see `streams log`", paint(BAD, "!"))?;
        }
        match all_same {
            true => writeln!(out, "{} {}", paint(GOOD, "✓"), paint(BOLD, "the same each time"))?,
            false => writeln!(out, "{} {}", paint(BAD, "✗"), paint(BOLD, "not the same each time"))?,
        }
        let mut field = |name: &str, value: String| writeln!(out, "  {} {value}", paint(DIM, format!("{name:<9}")));
        field("order", paint::hex(&self.order))?;
        field("leaves", paint::thousands(self.leaves.len()))?;
        field("frontier", paint::hex(&self.frontier))?;
        Ok(field("state", paint::hex(&self.state))?)
    }
}
