//! The graph of a stream as a picture: time from left to right, a lane for each line of an author's objects.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use streams_core::object::header::types;
use streams_core::{Entry, ObjectId, Stream, VerifyingKey};

use crate::paint::{self, ID, paint};
use crate::read::Reading;
use crate::show;
use crate::why::Why;

/// The most objects of a picture that an eye can follow.
const MAX_OBJECTS: usize = 2_000;

/// Colours that stay apart for most eyes; the authors after the first so many are grey.
const COLOURS: [&str; 8] = ["#0b6bb5", "#d1570c", "#17896a", "#a8478f", "#b98800", "#5f5bc2", "#b3343f", "#4f7d1f"];
const GREY: &str = "#7a818a";
const INK: &str = "#2b3036";
const FAINT: &str = "#8a919a";
const SHADE: &str = "#e9eef5";

/// Draws the graph of a stream.
#[derive(clap::Args)]
#[command(
    after_help = "Time runs from left to right, by generation. Each author has a lane, and further ones where it \
wrote beside itself. The title of a sign, shown where the pointer rests on it, is the id of its object.

Examples:
  streams graph list.streams --svg list.svg
  streams graph history.streams --last 200 --svg history.svg"
)]
pub struct Graph {
    #[command(flatten)]
    reading: Reading,
    /// The picture to write
    #[arg(long, value_name = "OUT")]
    svg: PathBuf,
    /// Draw the last so many objects of the order
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// `streams graph`.
pub fn graph(args: &Graph, out: &mut dyn Write) -> Result<bool> {
    let stream = args.reading.load()?.stream;
    let drawn = args.last.unwrap_or(usize::MAX).min(stream.len());
    ensure!(drawn > 0, "there is nothing to draw");
    if drawn > MAX_OBJECTS {
        let (objects, most) = (paint::count(drawn, "object"), paint::thousands(MAX_OBJECTS));
        bail!("{objects} are too many for a picture; draw the last of them with --last N, at most {most}");
    }
    let free = fs::read(&args.svg).map_or(true, |there| there.starts_with(b"<svg"));
    ensure!(free, "{} exists and is no picture; choose another file with --svg", args.svg.display());
    let picture = Picture::of(&stream, stream.len() - drawn);
    fs::write(&args.svg, picture.to_string()).with_context(|| format!("cannot write {}", args.svg.display()))?;
    let lanes = picture.lanes.len();
    if args.reading.json {
        writeln!(out, "{}", json!({"file": args.svg, "objects": drawn, "lanes": lanes}))?;
    } else {
        writeln!(out, "{}", paint(ID, args.svg.display()))?;
        writeln!(io::stderr(), "{} in {}.", paint::count(drawn, "object"), paint::count(lanes, "lane"))?;
    }
    Ok(true)
}

/// A picture, before its sizes are known.
struct Picture {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    lanes: Vec<Lane>,
    /// The number of generations that occur.
    columns: usize,
    /// The last column that holds something final.
    final_column: Option<usize>,
    title: String,
}

/// A lane, which belongs to an author.
struct Lane {
    /// The author's name, on the first of its lanes.
    label: Option<String>,
    colour: &'static str,
    /// The column of the first object that is not final.
    first_open: usize,
}

/// An object.
struct Node {
    lane: usize,
    column: usize,
    shape: Shape,
    effective: bool,
    title: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Circle,
    Square,
    Diamond,
}

/// What one object cites of another; `from` is absent where that is not drawn.
struct Edge {
    from: Option<usize>,
    to: usize,
    /// An edge to the author's own latest object, which is no parent.
    own: bool,
}

impl Picture {
    /// The picture of all objects from a place in the order on.
    fn of(stream: &Stream, first: usize) -> Self {
        let entries: Vec<Entry> = stream.entries_from(first).collect();
        let names = show::names(stream, None);
        let place: HashMap<ObjectId, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.authentic.id(), at)).collect();
        let mut generations: Vec<u64> = entries.iter().map(|entry| entry.authentic.header().generation()).collect();
        generations.sort_unstable();
        generations.dedup();
        let column = |entry: &Entry| {
            generations.binary_search(&entry.authentic.header().generation()).expect("all were collected")
        };
        let (lines, lane_authors) = lines(&entries);
        let mut lanes: Vec<Lane> = Vec::new();
        let mut coloured: BTreeMap<VerifyingKey, &'static str> = BTreeMap::new();
        for author in &lane_authors {
            let next = COLOURS.get(coloured.len()).copied().unwrap_or(GREY);
            let is_first = !coloured.contains_key(author);
            let colour = *coloured.entry(*author).or_insert(next);
            let label = is_first.then(|| match names.get(author) {
                Some(name) => name.clone(),
                None => paint::short(author),
            });
            lanes.push(Lane { label, colour, first_open: usize::MAX });
        }

        let (mut nodes, mut edges, mut final_column) = (Vec::new(), Vec::new(), None);
        for (at, entry) in entries.iter().enumerate() {
            let (id, header) = (entry.authentic.id(), entry.authentic.header());
            let (lane, column) = (lines[at], column(entry));
            if entry.position < stream.final_len() {
                final_column = final_column.max(Some(column));
            } else {
                lanes[lane].first_open = lanes[lane].first_open.min(column);
            }
            let shape = match header.r#type() {
                types::CHECKPOINT => Shape::Diamond,
                types::POLICY => Shape::Square,
                _ if id == stream.id() => Shape::Square,
                _ => Shape::Circle,
            };
            let reason = match entry.effective {
                true => "effective".to_owned(),
                false => format!("void: {}", Why::of(stream, &id).expect("it is here").brief()),
            };
            let title = format!("{} · {} · {reason}", paint::short(id), paint::plain(header.r#type()));
            nodes.push(Node { lane, column, shape, effective: entry.effective, title });
            let parents: Vec<ObjectId> = header.parents().iter().collect();
            let own = header.previous().filter(|previous| !parents.contains(previous));
            let cited = parents.iter().map(|id| (id, false)).chain(own.iter().map(|id| (id, true)));
            let edge = |(id, own): (&ObjectId, bool)| Edge { from: place.get(id).copied(), to: at, own };
            edges.extend(cited.map(edge));
        }
        let title = format!("stream {}", stream.id());
        Self { nodes, edges, lanes, columns: generations.len(), final_column, title }
    }
}

/// The lane of each object, and the author of each lane: an object stands in the lane of the author's own latest one,
/// if that is the last there. The lanes of one author lie side by side, authors in the order of their first objects.
fn lines(entries: &[Entry]) -> (Vec<usize>, Vec<VerifyingKey>) {
    // For each author its lines, each by the last object in it.
    let mut authors: Vec<(VerifyingKey, Vec<ObjectId>)> = Vec::new();
    let mut at: Vec<(usize, usize)> = Vec::new();
    for entry in entries {
        let (id, header) = (entry.authentic.id(), entry.authentic.header());
        let author = header.author();
        let number = authors.iter().position(|(other, _)| *other == author).unwrap_or_else(|| {
            authors.push((author, Vec::new()));
            authors.len() - 1
        });
        let ends = &mut authors[number].1;
        // A root without an end of a line before it begins one, and so does what cites what is not drawn.
        let line = ends.iter().position(|end| header.previous() == Some(*end)).unwrap_or_else(|| {
            ends.push(id);
            ends.len() - 1
        });
        ends[line] = id;
        at.push((number, line));
    }
    let mut before = Vec::new();
    let mut owners = Vec::new();
    for (author, ends) in &authors {
        before.push(owners.len());
        owners.extend(std::iter::repeat_n(*author, ends.len()));
    }
    (at.into_iter().map(|(author, line)| before[author] + line).collect(), owners)
}

/// Sizes, in pixels.
struct Sizes {
    left: f64,
    top: f64,
    /// From column to column, and from lane to lane.
    column: f64,
    lane: f64,
    /// Half the width of a sign.
    sign: f64,
}

impl Sizes {
    fn x(&self, column: usize) -> f64 {
        self.left + self.column * (column as f64 + 0.5)
    }

    fn y(&self, lane: usize) -> f64 {
        self.top + self.lane * (lane as f64 + 0.5)
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: f64 = 800.0;
        let longest = self.lanes.iter().filter_map(|lane| lane.label.as_ref()).map(|label| label.chars().count()).max();
        let left = 52.0 + 7.6 * longest.unwrap_or_default() as f64;
        let column = ((WIDTH - left - 20.0) / self.columns as f64).clamp(18.0, 64.0);
        let lane = if self.lanes.len() > 24 { 24.0 } else { 42.0 };
        let sizes = Sizes { left, top: 30.0, column, lane, sign: (column / 3.2).clamp(4.5, 8.0) };
        let width = (left + column * self.columns as f64 + 20.0).max(WIDTH);
        let bottom = sizes.top + lane * self.lanes.len() as f64;
        let height = bottom + 52.0;
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">"#
        )?;
        writeln!(f, "<title>{}</title>", escape(&self.title))?;
        writeln!(f, r##"<rect width="100%" height="100%" rx="8" fill="#ffffff"/>"##)?;
        self.shade(f, &sizes)?;
        self.label(f, &sizes, width)?;
        for edge in &self.edges {
            self.draw_edge(f, &sizes, edge)?;
        }
        for node in &self.nodes {
            let (x, y) = (sizes.x(node.column), sizes.y(node.lane));
            writeln!(f, "<g><title>{}</title>", escape(&node.title))?;
            sign(f, node.shape, node.effective, x, y, sizes.sign, self.lanes[node.lane].colour)?;
            writeln!(f, "</g>")?;
        }
        self.legend(f, left, bottom + 30.0)?;
        writeln!(f, "</svg>")
    }
}

impl Picture {
    /// The final part: in each lane up to its first open object, but no further than anything final goes.
    fn shade(&self, f: &mut fmt::Formatter<'_>, sizes: &Sizes) -> fmt::Result {
        let Some(last) = self.final_column else { return Ok(()) };
        let (left, top) = (sizes.x(0) - sizes.column / 2.0, sizes.top);
        let mut path = format!("M{left:.1} {top:.1}");
        for (number, lane) in self.lanes.iter().enumerate() {
            let x = left + sizes.column * (last + 1).min(lane.first_open) as f64;
            let y = sizes.top + sizes.lane * number as f64;
            let _ = write!(path, "H{x:.1}V{:.1}", y + sizes.lane);
        }
        writeln!(f, r#"<path d="{path}H{left:.1}Z" fill="{SHADE}"/>"#)?;
        writeln!(f, r#"<text x="{:.1}" y="{:.1}" fill="{FAINT}" font-size="12">final</text>"#, left + 2.0, top - 8.0)
    }

    /// The authors, each before the first of its lanes.
    fn label(&self, f: &mut fmt::Formatter<'_>, sizes: &Sizes, width: f64) -> fmt::Result {
        for (number, lane) in self.lanes.iter().enumerate() {
            let y = sizes.y(number);
            let (from, to) = (sizes.left, width - 16.0);
            writeln!(
                f,
                r##"<path d="M{from:.1} {y:.1}H{to:.1}" stroke="#d9dee5" stroke-dasharray="1 5" stroke-linecap="round"/>"##
            )?;
            if let Some(label) = &lane.label {
                let (colour, label) = (lane.colour, escape(label));
                writeln!(f, r#"<circle cx="20" cy="{y:.1}" r="5" fill="{colour}"/>"#)?;
                writeln!(f, r#"<text x="32" y="{:.1}" fill="{INK}">{label}</text>"#, y + 4.5)?;
            }
        }
        Ok(())
    }

    fn draw_edge(&self, f: &mut fmt::Formatter<'_>, sizes: &Sizes, edge: &Edge) -> fmt::Result {
        let to = &self.nodes[edge.to];
        let (x2, y2) = (sizes.x(to.column), sizes.y(to.lane));
        let colour = self.lanes[to.lane].colour;
        let dash = if edge.own { r#" stroke-dasharray="4 4""# } else { "" };
        let opacity = if to.effective { 0.6 } else { 0.35 };
        let path = match edge.from.map(|from| &self.nodes[from]) {
            // What is not drawn lies further left.
            None => format!("M{:.1} {y2:.1}H{x2:.1}", x2 - sizes.column * 0.45),
            Some(from) => {
                let (x1, y1) = (sizes.x(from.column), sizes.y(from.lane));
                let bend = ((x2 - x1) / 2.0).min(sizes.column * 1.6);
                format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}", x1 + bend, x2 - bend)
            }
        };
        let dash = if edge.from.is_none() { r#" stroke-dasharray="2 3""# } else { dash };
        writeln!(
            f,
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-opacity="{opacity}"{dash}/>"#
        )
    }

    /// What the signs mean; of those that occur.
    fn legend(&self, f: &mut fmt::Formatter<'_>, left: f64, y: f64) -> fmt::Result {
        let occurs = |shape: Shape| self.nodes.iter().any(|node| node.shape == shape);
        let signs = [
            (occurs(Shape::Circle), Shape::Circle, true, "object"),
            (occurs(Shape::Square), Shape::Square, true, "rules"),
            (occurs(Shape::Diamond), Shape::Diamond, true, "checkpoint"),
            (self.nodes.iter().any(|node| !node.effective), Shape::Circle, false, "void"),
        ];
        let mut x = left + 12.0;
        for (_, shape, effective, text) in signs.into_iter().filter(|(occurs, ..)| *occurs) {
            sign(f, shape, effective, x, y, 6.0, FAINT)?;
            writeln!(f, r#"<text x="{:.1}" y="{:.1}" fill="{FAINT}" font-size="12">{text}</text>"#, x + 12.0, y + 4.0)?;
            x += 44.0 + 6.6 * text.len() as f64;
        }
        if self.final_column.is_some() {
            let (box_x, box_y) = (x - 8.0, y - 7.0);
            writeln!(
                f,
                r#"<rect x="{box_x:.1}" y="{box_y:.1}" width="16" height="14" rx="2" fill="{SHADE}" stroke="{FAINT}" stroke-opacity="0.4"/>"#
            )?;
            writeln!(f, r#"<text x="{:.1}" y="{:.1}" fill="{FAINT}" font-size="12">final</text>"#, x + 14.0, y + 4.0)?;
        }
        Ok(())
    }
}

/// A sign: filled where the object is effective, else hollow and crossed.
fn sign(
    f: &mut fmt::Formatter<'_>,
    shape: Shape,
    effective: bool,
    x: f64,
    y: f64,
    half: f64,
    colour: &str,
) -> fmt::Result {
    let fill = if effective { colour } else { "#ffffff" };
    let paint = format!(r#"fill="{fill}" stroke="{colour}" stroke-width="1.6""#);
    match shape {
        Shape::Circle => writeln!(f, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{half:.1}" {paint}/>"#)?,
        Shape::Square => {
            let (x, y, side) = (x - half, y - half, 2.0 * half);
            writeln!(f, r#"<rect x="{x:.1}" y="{y:.1}" width="{side:.1}" height="{side:.1}" rx="1.5" {paint}/>"#)?;
        }
        Shape::Diamond => {
            let half = half * 1.3;
            let (left, right, top, bottom) = (x - half, x + half, y - half, y + half);
            writeln!(
                f,
                r#"<path d="M{left:.1} {y:.1}L{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}Z" {paint}/>"#
            )?;
        }
    }
    if !effective {
        let arm = half * 0.6;
        let (left, right, top, bottom) = (x - arm, x + arm, y - arm, y + arm);
        let lines = format!("M{left:.1} {top:.1}L{right:.1} {bottom:.1}M{left:.1} {bottom:.1}L{right:.1} {top:.1}");
        writeln!(f, r#"<path d="{lines}" stroke="{colour}" stroke-width="1.8" stroke-linecap="round"/>"#)?;
    }
    Ok(())
}

/// A text as XML has it.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
