//! What the path of an object costs, beside the raw primitives in the same run. `scripts/bench` writes the table into
//! `docs/performance.md`.

mod archives;
mod javascript;
mod judging;
mod measure;
mod objects;
mod parts;
mod postgres;
mod skin;
mod stores;
mod streams;
mod sync;

use std::fmt::Write;

#[global_allocator]
static ALLOCATOR: measure::Counting = measure::Counting;

/// A line of the table.
pub(crate) struct Row {
    /// What was measured.
    what: &'static str,
    /// What it cost, with its unit.
    ours: String,
    /// What it is compared with.
    beside: String,
    /// The figure that the bound speaks of.
    figure: f64,
    /// The bound.
    bound: Bound,
}

/// Measures some rows.
type Chapter = fn() -> Vec<Row>;

/// What a figure should be.
pub(crate) enum Bound {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
}

fn main() {
    let mut args = std::env::args_os().skip(1);
    let only = args.next();
    if only.as_ref().is_some_and(|only| only == stores::LAST_PAGE) {
        return stores::last_page(args.next().expect("a store").as_ref());
    }
    if only.as_ref().is_some_and(|only| only == parts::INGEST) {
        return parts::ingest(args.next().expect("a file").as_ref());
    }
    let chapters: [(&str, Chapter); 9] = [
        ("objects", objects::rows),
        ("streams", streams::rows),
        ("judging", judging::rows),
        ("stores", stores::rows),
        ("postgres", postgres::rows),
        ("sync", sync::rows),
        ("archives", archives::rows),
        ("skin", skin::rows),
        ("javascript", javascript::rows),
    ];
    let asked = |name: &str| only.as_ref().is_none_or(|only| only == name);
    let mut table = String::from("| what | cost | beside | figure | bound | |\n|---|---|---|---|---|---|\n");
    for row in chapters.into_iter().filter(|(name, _)| asked(name)).flat_map(|(_, rows)| rows()) {
        let Row { what, ours, beside, figure, bound } = row;
        let (bound, holds) = match bound {
            Bound::AtMost(most) => (format!("≤ {most}"), figure <= most),
            Bound::AtLeast(least) => (format!("≥ {least}"), figure >= least),
        };
        let mark = if holds { "holds" } else { "**missed**" };
        writeln!(table, "| {what} | {ours} | {beside} | {figure:.2} | {bound} | {mark} |").expect("a string");
        eprintln!("{what}: {ours}; beside {beside}: {figure:.2} ({bound}: {mark})");
    }
    print!("{table}");
}
