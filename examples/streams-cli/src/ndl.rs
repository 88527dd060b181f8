//! Definitions of streams: checked, formatted, shown, compared, and made into types of programming languages.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use streams_core::schema::definition::{Definition, FieldDefinition, FieldType, ObjectDefinition, TYPES};
use streams_core::schema::differ::Difference;
use streams_core::schema::fault::Faults;
use streams_core::schema::generate::Language;

use crate::paint::{BAD, BOLD, DIM, GOOD, ID, WARN, clip, count, paint, plain};

/// Definitions of streams.
#[derive(clap::Subcommand)]
pub enum Ndl {
    /// Tell all that is wrong with definitions
    Check(Check),
    /// Write definitions in their one form
    Fmt(Fmt),
    /// Draw the streams of a definition, and their objects
    Show(Show),
    /// Tell whether a definition holds for what was written by an earlier one
    Diff(Diff),
    /// Make types of a programming language, to the standard output
    Gen(Generate),
}

/// Tells all that is wrong.
#[derive(clap::Args)]
#[command(after_help = "The exit code is 1 where something is wrong.

Examples:
  streams ndl check list.ndl
  streams ndl check --json *.ndl | jq .code")]
pub struct Check {
    /// The definitions; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Write one line of JSON for each fault
    #[arg(long)]
    json: bool,
}

/// Writes definitions in their one form.
#[derive(clap::Args)]
#[command(after_help = "Comments are kept. With - the standard input is written to the standard output.

Examples:
  streams ndl fmt list.ndl
  streams ndl fmt --check *.ndl")]
pub struct Fmt {
    /// The definitions; - is the standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Change nothing, and tell which would change; the exit code is 1 where one would
    #[arg(long)]
    check: bool,
}

/// Draws the streams of a definition.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams ndl show list.ndl")]
pub struct Show {
    /// The definition; - is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write one line of JSON
    #[arg(long)]
    json: bool,
}

/// Compares definitions.
#[derive(clap::Args)]
#[command(after_help = "New objects and new optional fields are compatible; all else breaks what was written, or who \
reads it. The exit code is 1 where something breaks.

Examples:
  streams ndl diff list-1.ndl list-2.ndl")]
pub struct Diff {
    /// The earlier one
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The later one
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Write one line of JSON for each difference
    #[arg(long)]
    json: bool,
}

/// Makes types.
#[derive(clap::Args)]
#[command(
    after_help = "What is made is formatted as rustfmt, ruff and prettier do. In Rust, the macro `include_ndl!` \
does the same when a program is built.

Examples:
  streams ndl gen --lang rust list.ndl > src/list.rs
  streams ndl gen --lang python list.ndl > list.py
  streams ndl gen --lang typescript list.ndl > list.ts"
)]
pub struct Generate {
    /// The language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Lang,
    /// The definition; - is the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Lang {
    Rust,
    Python,
    Typescript,
}

/// `streams ndl`.
pub fn ndl(command: &Ndl, out: &mut dyn Write) -> Result<bool> {
    match command {
        Ndl::Check(args) => check(args, out),
        Ndl::Fmt(args) => fmt(args, out),
        Ndl::Show(args) => show(args, out),
        Ndl::Diff(args) => diff(args, out),
        Ndl::Gen(args) => generate(args, out),
    }
}

/// A text of the language, and where it is from.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn read(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("the standard input cannot be read as UTF-8")?;
            return Ok(Self { name: "standard input".into(), text });
        }
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        Ok(Self { name, text })
    }

    /// What it says; or `None`, and what is wrong goes to the standard error.
    fn parse(&self) -> Option<Definition> {
        Definition::parse(&self.text).map_err(|faults| anstream::eprintln!("{}", self.picture(&faults))).ok()
    }

    /// What is wrong, under the lines that it is about.
    fn picture(&self, faults: &Faults) -> String {
        let report: Vec<_> = faults
            .iter()
            .map(|fault| {
                let title = fault.what.to_string();
                let mark = AnnotationKind::Primary.span(fault.at.clone());
                let snippet = Snippet::source(&self.text).path(&self.name).annotation(mark);
                Level::ERROR.primary_title(plain(&title)).id(fault.what.code()).element(snippet)
            })
            .collect();
        Renderer::styled().render(&report).to_string()
    }
}

fn check(args: &Check, out: &mut dyn Write) -> Result<bool> {
    let mut fine = true;
    for file in &args.files {
        let source = Source::read(file)?;
        match Definition::parse(&source.text) {
            Ok(definition) if !args.json => {
                let (streams, objects) = (definition.streams().count(), definition.objects().count());
                let holds = format!("{}, {}", count(streams, "stream"), count(objects, "object"));
                writeln!(out, "{} {} {}", paint(GOOD, "fine"), source.name, paint(DIM, holds))?;
            }
            Ok(_) => {}
            Err(faults) => {
                fine = false;
                if args.json {
                    for (fault, (line, column)) in faults.iter().zip(faults.places()) {
                        let (code, says) = (fault.what.code(), fault.what.to_string());
                        let at = [fault.at.start, fault.at.end];
                        writeln!(
                            out,
                            "{}",
                            json!({
                                "file": source.name, "line": line, "column": column, "bytes": at, "code": code,
                                "message": says,
                            })
                        )?;
                    }
                } else {
                    writeln!(out, "{}\n", source.picture(&faults))?;
                    writeln!(out, "{} {} {}", paint(BAD, "wrong"), source.name, count(faults.iter().len(), "fault"))?;
                }
            }
        }
    }
    Ok(fine)
}

fn fmt(args: &Fmt, out: &mut dyn Write) -> Result<bool> {
    let mut fine = true;
    for file in &args.files {
        let source = Source::read(file)?;
        let Some(definition) = source.parse() else {
            fine = false;
            continue;
        };
        let formatted = definition.to_string();
        let same = formatted == source.text;
        if args.check {
            fine &= same;
            if !same {
                writeln!(out, "{} {}", paint(WARN, "would change"), source.name)?;
            }
        } else if file == Path::new("-") {
            write!(out, "{formatted}")?;
        } else if !same {
            fs::write(file, formatted).with_context(|| format!("{} cannot be written", source.name))?;
            writeln!(out, "{} {}", paint(GOOD, "formatted"), source.name)?;
        }
    }
    Ok(fine)
}

fn diff(args: &Diff, out: &mut dyn Write) -> Result<bool> {
    let (old, new) = (Source::read(&args.old)?.parse(), Source::read(&args.new)?.parse());
    let (Some(old), Some(new)) = (old, new) else { return Ok(false) };
    let differences = old.differences(&new);
    let breaking = differences.iter().filter(|difference| !difference.is_compatible()).count();
    for difference in &differences {
        let fine = difference.is_compatible();
        if args.json {
            writeln!(out, "{}", json!({ "compatible": fine, "message": difference.to_string() }))?;
        } else {
            let mark = if fine { paint(GOOD, "compatible") } else { paint(BAD, "breaks    ") };
            writeln!(out, "{mark} {}", plain(&difference.to_string()))?;
        }
    }
    if !args.json {
        let sentence = match (differences.is_empty(), breaking) {
            (true, _) => "The two say the same.".to_owned(),
            (false, 0) => "What was written by the old one holds by the new one.".to_owned(),
            (false, breaking) => {
                let renamed = differences.iter().any(|difference| matches!(difference, Difference::ObjectRemoved(_)));
                let hint = if renamed { " An object with a new name is another object." } else { "" };
                format!("{} what was written, or who reads it.{hint}", count_breaks(breaking))
            }
        };
        writeln!(out, "{}", paint(DIM, sentence))?;
    }
    Ok(breaking == 0)
}

fn count_breaks(number: usize) -> String {
    if number == 1 { "1 difference breaks".into() } else { format!("{number} differences break") }
}

fn generate(args: &Generate, out: &mut dyn Write) -> Result<bool> {
    let Some(definition) = Source::read(&args.file)?.parse() else { return Ok(false) };
    let language = match args.lang {
        Lang::Rust => Language::Rust,
        Lang::Python => Language::Python,
        Lang::Typescript => Language::TypeScript,
    };
    write!(out, "{}", definition.generate(language)?)?;
    Ok(true)
}

fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let Some(definition) = Source::read(&args.file)?.parse() else { return Ok(false) };
    if args.json {
        let streams: Vec<Value> = definition
            .streams()
            .map(|stream| {
                let objects: Vec<Value> = stream.objects().iter().map(told).collect();
                json!({ "path": stream.path(), "documentation": stream.documentation(), "objects": objects })
            })
            .collect();
        let objects: Vec<Value> = definition.loose().map(told).collect();
        writeln!(out, "{}", json!({ "package": definition.package(), "streams": streams, "objects": objects }))?;
        return Ok(true);
    }
    let mut gap = "";
    for stream in definition.streams() {
        writeln!(out, "{gap}{} {}", paint(DIM, "stream"), paint(BOLD, stream.path()))?;
        gap = "\n";
        say(out, "", &stream.documentation())?;
        writeln!(out)?;
        draw(out, stream.root(), "◉", "│")?;
        let others: Vec<_> = stream.objects().iter().filter(|object| !object.is_root()).collect();
        for (number, object) in others.iter().enumerate() {
            let last = number + 1 == others.len();
            writeln!(out, "{}", paint(DIM, "│"))?;
            draw(out, object, if last { "└─●" } else { "├─●" }, if last { "  " } else { "│ " })?;
        }
    }
    for object in definition.loose() {
        write!(out, "{gap}")?;
        gap = "\n";
        draw(out, object, "●", " ")?;
    }
    Ok(true)
}

/// An object and its fields, behind the line of its stream.
fn draw(out: &mut dyn Write, object: &ObjectDefinition, mark: &str, line: &str) -> Result<()> {
    writeln!(out, "{} {} {}", paint(DIM, mark), paint(BOLD, object.name()), paint(DIM, role(object)))?;
    let line = format!("{}   ", paint(DIM, line));
    say(out, &line, &object.documentation())?;
    let width =
        |of: fn(&FieldDefinition) -> String| object.fields().iter().map(|field| of(field).len()).max().unwrap_or(0);
    let (names, types) = (width(name), width(type_of));
    for field in object.fields() {
        let (name, r#type) = (name(field), type_of(field));
        let about = field.documentation().first().map(|about| clip(about, 60)).unwrap_or_default();
        write!(out, "{line}{name:<names$}  {}", paint(ID, &r#type))?;
        match about.is_empty() {
            true => writeln!(out)?,
            false => writeln!(out, "{:gap$}  {}", "", paint(DIM, about), gap = types - r#type.len())?,
        }
    }
    Ok(())
}

fn say(out: &mut dyn Write, line: &str, about: &[String]) -> Result<()> {
    for about in about {
        writeln!(out, "{line}{}", paint(DIM, clip(about, 100)))?;
    }
    Ok(())
}

/// What an object is in its stream.
fn role(object: &ObjectDefinition) -> &'static str {
    match (object.is_root(), object.is_hypothetical(), object.is_event()) {
        (true, true, _) => "begins it; anyone can compute its id",
        (true, false, _) => "begins it",
        (false, _, true) => "event",
        (false, ..) => "object",
    }
}

/// The name of a field; one that may be missing has a question mark.
fn name(field: &FieldDefinition) -> String {
    format!("{}{}", field.name(), if field.is_optional() { "?" } else { "" })
}

/// The type of a field, as it is said, with the hint that is meant.
fn type_of(field: &FieldDefinition) -> String {
    let one = match field.r#type() {
        FieldType::Value(kind) => {
            let word = TYPES.iter().find(|(_, known)| known == kind).map(|(word, _)| *word);
            word.expect("each kind has a word").to_owned()
        }
        FieldType::Object(path) => path.rsplit(['.', '/']).next().unwrap_or(path).to_owned(),
    };
    if field.is_repeated() { format!("[{one}]") } else { one }
}

/// An object, for programs.
fn told(object: &ObjectDefinition) -> Value {
    let fields = object.fields().iter().map(|field| {
        let object = if let FieldType::Object(path) = field.r#type() { Some(path) } else { None };
        json!({
            "name": field.name(), "hint": field.hint().to_string(), "optional": field.is_optional(), "object": object,
            "documentation": field.documentation(),
        })
    });
    json!({
        "name": object.name(), "type": object.r#type(), "root": object.is_root(),
        "hypothetical": object.is_hypothetical(), "event": object.is_event(),
        "documentation": object.documentation(), "fields": fields.collect::<Vec<_>>(),
    })
}
