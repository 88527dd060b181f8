//! Single objects: their ids, and which rule refuses them; and the vectors that hold the rules.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use serde_json::json;
use streams_core::{
    Authentic, Authenticator, Content, HashKey, HypotheticalRoot, Ingested, Object, ObjectId, Rejected, Stream,
    VerifyingKey,
};

use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::read::{self, Unread};
use crate::{key, vectors};

/// Computes the id of an object.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  echo '{\"type:s\": \"example.org/note\", \"data:m\": {\"text:s\": \"hello\"}}' | streams id
  streams id object.parts")]
pub struct Id {
    /// An object as JSON, or the parts of one or more; by default the standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print JSON, one line an object
    #[arg(long)]
    json: bool,
}

/// Judges an object by all rules that it keeps or breaks.
#[derive(clap::Args)]
#[command(after_help = "Without --stream, the object is judged by what it shows itself. With it, also by its past.

Fates:
  sound     nothing is wrong with the object, as far as it shows itself
  admitted  the stream takes it
  pending   it waits for others that the stream does not have
  dropped   the copy is at fault; another copy may not be
  newer     it is of a newer version; nobody is at fault
  refused   it breaks a rule, for every replica and for ever

Examples:
  streams show notes.streams bafyr4ih2ick --json | streams check
  streams check received.parts --stream notes.streams")]
pub struct Check {
    /// An object as JSON, or the parts of one or more; by default the standard input
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Judge within the stream of this file
    #[arg(long, value_name = "FILE")]
    stream: Option<PathBuf>,
    /// Print JSON, one line an object
    #[arg(long)]
    json: bool,
}

/// Computes the root of the stream that has this type and this author.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams root example.org/profile $(streams key show)")]
pub struct Root {
    /// The type of the stream, as example.org/profile
    #[arg(value_name = "TYPE")]
    r#type: String,
    /// The author's key, 48 characters that begin with z6Mk
    #[arg(value_name = "AUTHOR")]
    author: String,
    /// Print JSON, with the object itself
    #[arg(long)]
    json: bool,
}

/// Runs cases that every implementation must agree on (docs/vectors.md).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  streams vectors streams-core/tests/vectors")]
pub struct Vectors {
    /// Files of vectors, or folders of such files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `streams id`.
pub fn id(args: &Id, out: &mut dyn Write) -> Result<bool> {
    for object in read::objects(args.file.as_deref())? {
        let object = object.map_err(|unread| anyhow!("this is no object: {unread} ({})", unread.code()))?;
        match args.json {
            true => writeln!(out, "{}", json!({"id": object.id().to_string()}))?,
            false => writeln!(out, "{}", paint(ID, object.id()))?,
        }
    }
    Ok(true)
}

/// `streams root`.
pub fn root(args: &Root, out: &mut dyn Write) -> Result<bool> {
    let author: VerifyingKey = args.author.parse().with_context(|| args.author.clone())?;
    let root = HypotheticalRoot::new(&args.r#type, author).with_context(|| args.r#type.clone())?;
    if args.json {
        let object = root.authentic().object().to_json()?;
        let object: serde_json::Value = serde_json::from_str(&object)?;
        writeln!(out, "{}", json!({"id": root.id().to_string(), "object": object}))?;
    } else {
        writeln!(out, "{}", paint(ID, root.id()))?;
    }
    Ok(true)
}

/// What a reason says, without the fate.
pub fn sentence(rejected: &Rejected) -> String {
    match rejected {
        Rejected::Dropped(dropped) => dropped.to_string(),
        Rejected::Newer(newer) => newer.to_string(),
        Rejected::Unlike(unlike) => unlike.to_string(),
        Rejected::Refused(refused) => refused.to_string(),
    }
}

/// What became of an object, as it is told.
pub struct Judged {
    id: Option<ObjectId>,
    fate: &'static str,
    code: Option<&'static str>,
    sentence: String,
    /// What it waits for.
    missing: Vec<ObjectId>,
}

/// `streams check`.
pub fn check(args: &Check, out: &mut dyn Write) -> Result<bool> {
    let objects = read::objects(args.file.as_deref())?;
    let mut stream = args.stream.as_deref().map(|path| Ok::<_, anyhow::Error>(read::load(path)?.stream)).transpose()?;
    let mut authenticator = Authenticator::new(HashKey::from_bytes(key::random()?));
    let mut all_taken = true;
    for object in objects {
        let judged = match (object, &mut stream) {
            (Err(unread), _) => Judged::unread(&unread),
            (Ok(object), None) => Judged::alone(object, &mut authenticator),
            (Ok(object), Some(stream)) => Judged::within(&object, stream),
        };
        all_taken &= matches!(judged.fate, "sound" | "admitted");
        if args.json {
            writeln!(out, "{}", judged.json())?;
        } else {
            judged.print(out)?;
        }
    }
    Ok(all_taken)
}

impl Judged {
    fn unread(unread: &Unread) -> Self {
        let sentence = unread.to_string();
        Self { id: None, fate: "dropped", code: Some(unread.code()), sentence, missing: Vec::new() }
    }

    /// An object that is not taken.
    pub fn rejected(id: ObjectId, rejected: &Rejected) -> Self {
        let sentence = sentence(rejected);
        Self { id: Some(id), fate: rejected.fate(), code: Some(rejected.code()), sentence, missing: Vec::new() }
    }

    /// An object that waits for others.
    pub fn pending(id: ObjectId, missing: Vec<ObjectId>) -> Self {
        let sentence = format!("it waits for {} that the stream lacks", paint::count(missing.len(), "object"));
        Self { id: Some(id), fate: "pending", code: None, sentence, missing }
    }

    fn alone(object: Object, authenticator: &mut Authenticator) -> Self {
        let id = object.id();
        let judge = || -> Result<Authentic, Rejected> {
            let authentic = authenticator.authenticate(object)?;
            Content::read(&authentic).map_err(|error| Rejected::Refused(error.into()))?;
            Ok(authentic)
        };
        match judge() {
            Err(rejected) => Self::rejected(id, &rejected),
            Ok(authentic) => {
                let header = authentic.header();
                let sentence = format!("a {} of {}, with nothing wrong in itself", header.r#type(), header.author());
                Self { id: Some(id), fate: "sound", code: None, sentence, missing: Vec::new() }
            }
        }
    }

    fn within(object: &Object, stream: &mut Stream) -> Self {
        let id = object.id();
        match stream.ingest(object.parts(), 0) {
            Err(rejected) => Self::rejected(id, &rejected),
            Ok(Ingested::Pending { missing }) => Self::pending(id, missing),
            Ok(ingested) => {
                let entry = stream.entry(&id).expect("it was just admitted");
                let known = if ingested == Ingested::Known { "the stream has it" } else { "the stream takes it" };
                let effective = if entry.effective { "" } else { "; but it is void, and is not replayed" };
                let sentence = format!("{known}, at place {} of its order{effective}", entry.position);
                Self { id: Some(id), fate: "admitted", code: None, sentence, missing: Vec::new() }
            }
        }
    }

    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let (sign, style) = match self.fate {
            "sound" | "admitted" => ("✓", GOOD),
            "pending" | "newer" => ("•", WARN),
            _ => ("✗", BAD),
        };
        write!(out, "{} {}", paint(style, sign), paint(style.bold(), self.fate))?;
        match self.code {
            Some(code) => writeln!(out, "  {}", paint(BOLD, code))?,
            None => writeln!(out)?,
        }
        writeln!(out, "  {}", paint::plain(&self.sentence))?;
        if let Some(id) = self.id {
            writeln!(out, "  {}", paint(ID, id))?;
        }
        for missing in &self.missing {
            writeln!(out, "  {} {}", paint(DIM, "waits for"), paint(ID, missing))?;
        }
        Ok(())
    }

    /// What became of it, on a line.
    pub fn line(&self) -> String {
        let id = self.id.map_or("no id".to_owned(), |id| paint::prefix(&id));
        format!("{}  {}: {}", paint(ID, id), self.fate, paint::plain(&self.sentence))
    }

    /// The facts, by their names.
    pub fn json(&self) -> serde_json::Value {
        let id = self.id.map(|id| id.to_string());
        let missing: Vec<String> = self.missing.iter().map(ObjectId::to_string).collect();
        let Self { fate, code, sentence, .. } = self;
        json!({"id": id, "fate": fate, "code": code, "sentence": sentence, "missing": missing})
    }
}

/// `streams vectors`.
pub fn vectors(args: &Vectors, out: &mut dyn Write) -> Result<bool> {
    let vectors::Summary { files, passed, failures } = vectors::run(&args.paths)?;
    let all_passed = passed > 0 && failures.is_empty();
    if args.json {
        writeln!(out, "{}", json!({"files": files, "passed": passed, "failures": failures}))?;
        return Ok(all_passed);
    }
    for failure in &failures {
        writeln!(out, "{} {}", paint(BAD, "✗"), paint::plain(failure))?;
    }
    let cases = paint::count(passed + failures.len(), "case");
    let files = paint::count(files, "file");
    match (all_passed, failures.len()) {
        (true, _) => writeln!(out, "{} all of {cases} in {files} pass", paint(GOOD, "✓"))?,
        (false, 0) => writeln!(out, "{} no case was found in {files}", paint(BAD, "✗"))?,
        (false, failed) => {
            writeln!(out, "{} {} of {cases} in {files} fail", paint(BAD, "✗"), paint::thousands(failed))?
        }
    }
    Ok(all_passed)
}
