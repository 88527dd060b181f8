//! Why an object is effective or void, in a sentence; and what other objects would change.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::json;
use streams_core::object::header::types;
use streams_core::{
    Authentic, Authenticator, CheckpointState, Deciding, Entry, HashKey, Ingested, NoForce, ObjectId, Rejected, Rule,
    Set, Simulated, Stream, Verdict, VerifyingKey,
};

use crate::check::{Judged, sentence};
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::policy::{self, Tense};
use crate::read::{self, Loaded};
use crate::{key, show};

/// Tells why an object is effective or void.
#[derive(clap::Args)]
#[command(after_help = "Who wrote an object, and what of the rules it had seen, decides: an object that was written \
before its author was denied is effective, one that was written beside the denial is void, and so is one after it.

Examples:
  streams why list.streams bafyr4ih2ick
  streams why list.streams bafyr4ih2ick --json | jq -r .sentence")]
pub struct WhyArgs {
    /// The stream file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The id of the object, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Tells which verdicts other objects would change, without changing any.
#[derive(clap::Args)]
#[command(after_help = "A copy of the stream file, with what was appended to it, does as a file of other objects.

Examples:
  cp list.streams trial.streams
  streams policy deny trial.streams --author $(streams key show bob.key)
  streams simulate list.streams trial.streams")]
pub struct Simulate {
    /// The stream file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Files of other objects: as JSON, or the parts of one or more
    #[arg(value_name = "PARTS", required = true)]
    others: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The verdict on an object, and all that it takes to tell it.
pub struct Why<'a> {
    stream: &'a Stream,
    entry: Entry,
    verdict: Verdict,
    /// The object that adopts it.
    adopted_by: Option<ObjectId>,
}

impl<'a> Why<'a> {
    /// The verdict on an object of a stream.
    pub fn of(stream: &'a Stream, id: &ObjectId) -> Option<Self> {
        let adopted_by = || stream.adopted().into_iter().find(|(object, _)| object == id).map(|(_, by)| by);
        let (entry, verdict) = (stream.entry(id)?, stream.explain(id)?);
        Some(Self { stream, adopted_by: if entry.effective { None } else { adopted_by() }, entry, verdict })
    }

    /// Whether the object is effective.
    pub fn is_effective(&self) -> bool {
        self.verdict.is_effective()
    }

    /// Whether the object is final.
    pub fn is_final(&self) -> bool {
        self.entry.position < self.stream.final_len()
    }

    /// The code of spec 14.6.
    pub fn code(&self) -> &'static str {
        self.verdict.code()
    }

    /// The policy object that denies it, if one does.
    pub fn denied_by(&self) -> Option<ObjectId> {
        self.by().filter(|_| matches!(self.verdict, Verdict::Denied(_)))
    }

    /// The policy object that decides, if one does.
    fn by(&self) -> Option<ObjectId> {
        match self.verdict {
            Verdict::Allowed(Deciding { by, .. }) | Verdict::Denied(Deciding { by, .. }) => Some(by),
            Verdict::Withdrawn { by, .. } => Some(by),
            _ => None,
        }
    }

    fn author(&self) -> VerifyingKey {
        self.entry.authentic.header().author()
    }

    /// What the author would do by the object.
    fn deed(&self) -> String {
        match self.entry.authentic.header().r#type() {
            types::POLICY => "govern".to_owned(),
            types::CHECKPOINT => "make the past final".to_owned(),
            r#type => format!("append {type}"),
        }
    }

    /// Who decided what, and when, in one sentence.
    pub fn sentence(&self) -> String {
        let (stream, author) = (self.stream, who(self.stream, &self.author()));
        let by = self.by().map(|by| (paint::short(by), author_of(stream, &by)));
        let (at, decider) = by.unwrap_or_default();
        let rule = |deciding: &Deciding, tense| {
            rule_of(stream, deciding).map_or_else(String::new, |rule| policy::words(&rule, tense))
        };
        let seen = |set| match set {
            Set::Known => "and the author of this object had seen that",
            Set::Beside => "beside this object: its author had not seen that",
        };
        let mut text = match &self.verdict {
            Verdict::Owner => format!("effective: {author} wrote it, and an owner may do everything"),
            Verdict::Allowed(deciding) => {
                let number = deciding.rule + 1;
                format!(
                    "effective: rule {number} of {at} by {decider} {}, and nothing forbids it",
                    rule(deciding, Tense::Present)
                )
            }
            Verdict::Force => {
                let states = stream.checkpoints();
                let id = self.entry.authentic.id();
                let accepted = states.contains(&(id, CheckpointState::Accepted));
                match accepted {
                    true => {
                        format!("effective: {author} makes checkpoints, and all that this one has in its past is final")
                    }
                    false => format!(
                        "effective: {author} makes checkpoints; but there is another beside this one, so neither makes anything final"
                    ),
                }
            }
            Verdict::Denied(deciding) => {
                format!("void: {decider} {} in {at}, {}", rule(deciding, Tense::Past), seen(deciding.set))
            }
            Verdict::Withdrawn { set, .. } => {
                format!("void: in {at}, {decider} withdrew what had let {author} {}, {}", self.deed(), seen(*set))
            }
            Verdict::NoRule(Set::Known) => {
                format!(
                    "void: no rule that stood when {author} wrote it let them {}; what did is void itself",
                    self.deed()
                )
            }
            Verdict::NoRule(Set::Beside) => {
                format!("void: no rule that stands beside it lets {author} {}", self.deed())
            }
            Verdict::RankTooHigh => format!(
                "void: {author} governs by others who govern by others, and so on, more than 16 deep, where ranks end"
            ),
            Verdict::WithoutForce(NoForce::Holder) => {
                format!("void: {author} made this checkpoint, and is neither the owner nor let by the root")
            }
            Verdict::WithoutForce(NoForce::Count) => {
                format!("void: {author} counted another number of objects for this checkpoint than its past has")
            }
            Verdict::WithoutForce(NoForce::Order) => {
                format!("void: {author} gave this checkpoint another order than that of its past")
            }
        };
        if let Some(adopting) = self.adopted_by {
            let adopter = author_of(stream, &adopting);
            let _ = write!(text, "; but {adopter} adopted it in {}", paint::short(adopting));
        }
        text
    }

    /// The reason in a few words, for a line of the log.
    pub fn brief(&self) -> String {
        let by = self.by().map(paint::short).unwrap_or_default();
        let mut text = match self.verdict {
            Verdict::Owner => "owner".to_owned(),
            Verdict::Allowed(_) => format!("allowed by {by}"),
            Verdict::Force => "checkpoint".to_owned(),
            Verdict::Denied(Deciding { set: Set::Beside, .. }) => format!("denied beside it by {by}"),
            Verdict::Denied(_) => format!("denied by {by}"),
            Verdict::Withdrawn { set: Set::Beside, .. } => format!("its leave was withdrawn beside it by {by}"),
            Verdict::Withdrawn { .. } => format!("its leave was withdrawn by {by}"),
            Verdict::NoRule(_) => "no rule lets it".to_owned(),
            Verdict::RankTooHigh => "more than 16 ranks deep".to_owned(),
            Verdict::WithoutForce(NoForce::Holder) => "not by a holder".to_owned(),
            Verdict::WithoutForce(NoForce::Count) => "another count than its past".to_owned(),
            Verdict::WithoutForce(NoForce::Order) => "another order than its past".to_owned(),
        };
        if let Some(by) = self.adopted_by {
            let _ = write!(text, "; adopted by {}", paint::short(by));
        }
        text
    }

    /// The facts, by their names.
    pub fn json(&self) -> serde_json::Value {
        let stream = self.stream;
        let (rule, rank, set) = match self.verdict {
            Verdict::Allowed(deciding) | Verdict::Denied(deciding) => {
                (Some(deciding.rule), Some(deciding.rank), Some(deciding.set))
            }
            Verdict::Withdrawn { rank, set, .. } => (None, Some(rank), Some(set)),
            Verdict::NoRule(set) => (None, None, Some(set)),
            _ => (None, None, None),
        };
        let id = self.entry.authentic.id();
        json!({
            "id": id.to_string(),
            "verdict": self.code(),
            "effective": self.is_effective(),
            "sentence": self.sentence(),
            "by": self.by().map(|by| by.to_string()),
            "rule": rule,
            "rank": rank,
            "set": set.map(Set::name),
            "adopted_by": self.adopted_by.map(|by| by.to_string()),
            "position": self.entry.position,
            "epoch": stream.epoch(&id),
            "final": self.is_final(),
        })
    }

    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let (id, header) = (self.entry.authentic.id(), self.entry.authentic.header());
        let (sign, style) = if self.is_effective() { ("✓", GOOD) } else { ("✗", BAD) };
        writeln!(out, "{} {}\n", paint(style, sign), self.sentence())?;
        let mut field = |name: &str, value: String| writeln!(out, "  {} {value}", paint(DIM, format!("{name:<8}")));
        field("object", paint(ID, id))?;
        field("type", paint::plain(header.r#type()))?;
        field("author", paint(ID, header.author()))?;
        field("verdict", paint(style, self.code()))?;
        if let Some(by) = self.by() {
            field("policy", paint(ID, by))?;
        }
        if let Verdict::Allowed(deciding) | Verdict::Denied(deciding) = self.verdict
            && let Some(rule) = rule_of(self.stream, &deciding)
        {
            field("rule", format!("{}, which {}", deciding.rule + 1, policy::words(&rule, Tense::Present)))?;
        }
        let (rank, set) = match self.verdict {
            Verdict::Allowed(deciding) | Verdict::Denied(deciding) => (Some(deciding.rank), Some(deciding.set)),
            Verdict::Withdrawn { rank, set, .. } => (Some(rank), Some(set)),
            Verdict::NoRule(set) => (None, Some(set)),
            _ => (None, None),
        };
        if let Some(rank) = rank {
            field("rank", format!("{rank} {}", paint(DIM, if rank == 0 { "the owner's" } else { "of 16" })))?;
        }
        if let Some(set) = set {
            let meaning = match set {
                Set::Known => "what its author had seen",
                Set::Beside => "what stands beside it",
            };
            field("set", format!("{} {}", set.name(), paint(DIM, meaning)))?;
        }
        if let Some(by) = self.adopted_by {
            field("adopted", format!("{} {}", paint(DIM, "by"), paint(ID, by)))?;
        }
        let is_final = if self.is_final() { "final" } else { "open: it may still change" };
        let epoch = self.stream.epoch(&id).unwrap_or_default();
        field("epoch", format!("{epoch} {}", paint(DIM, is_final)))?;
        field("place", format!("{} {}", self.entry.position, paint(DIM, "of the order")))?;
        if let Some(timestamp) = header.timestamp() {
            field("time", format!("{} {}", paint::time(timestamp), paint(DIM, "as the author says")))?;
        }
        Ok(())
    }
}

/// `streams why`.
pub fn why(args: &WhyArgs, out: &mut dyn Write) -> Result<bool> {
    let Loaded { stream, rejected } = read::load(&args.file)?;
    let id = match read::find(&stream, &args.id) {
        Ok(id) => id,
        Err(unknown) => {
            // It may be in the file, and not in the stream.
            let refused = rejected.iter().find(|(id, _)| id.is_some_and(|id| id.to_string().starts_with(&args.id)));
            let Some((_, reason)) = refused else { return Err(unknown) };
            return refused_outright(reason, args.json, out).map(|()| true);
        }
    };
    let why = Why::of(&stream, &id).expect("it was found");
    if args.json {
        writeln!(out, "{}", why.json())?
    } else {
        why.print(out)?
    }
    Ok(true)
}

fn refused_outright(reason: &Rejected, as_json: bool, out: &mut dyn Write) -> Result<()> {
    let text = format!("{}: {}; it is in the file, and no part of the stream", reason.fate(), sentence(reason));
    if as_json {
        writeln!(out, "{}", json!({"verdict": null, "fate": reason.fate(), "code": reason.code(), "sentence": text}))?;
    } else {
        writeln!(out, "{} {}", paint(BAD, "✗"), paint::plain(&text))?;
    }
    Ok(())
}

/// `streams simulate`.
pub fn simulate(args: &Simulate, out: &mut dyn Write) -> Result<bool> {
    let stream = read::load(&args.file)?.stream;
    let mut authenticator = Authenticator::new(HashKey::from_bytes(key::random()?));
    let (mut objects, mut not_taken) = (Vec::new(), Vec::new());
    for path in &args.others {
        for object in read::objects(Some(path))? {
            let object = match object {
                Ok(object) => object,
                Err(unread) => bail!("{} holds what is no object: {unread}", path.display()),
            };
            let id = object.id();
            if stream.contains(&id) || objects.iter().any(|other: &Authentic| other.id() == id) {
                continue;
            }
            match authenticator.authenticate(object) {
                Ok(authentic) => objects.push(authentic),
                Err(error) => not_taken.push(Judged::rejected(id, &error.into())),
            }
        }
    }
    let Simulated { taken: answers, voided, restored } = stream.simulate(&objects);
    let (mut taken, mut then) = (Vec::new(), stream.clone());
    for (answer, object) in answers.into_iter().zip(objects) {
        let id = object.id();
        // Its answer is known.
        let _ = then.admit(object, 0);
        match answer {
            Ok(Ingested::Pending { missing }) => not_taken.push(Judged::pending(id, missing)),
            Ok(_) => taken.push(id.to_string()),
            Err(rejected) => not_taken.push(Judged::rejected(id, &rejected)),
        }
    }
    let changed = voided.iter().map(|id| (id, false)).chain(restored.iter().map(|id| (id, true)));
    let changed = changed.map(|(id, effective)| (effective, Why::of(&then, id).expect("nothing goes")));
    if args.json {
        let changed: Vec<_> = changed.map(|(_, why)| why.json()).collect();
        let not_taken: Vec<_> = not_taken.iter().map(Judged::json).collect();
        writeln!(out, "{}", json!({"changed": changed, "taken": taken, "not_taken": not_taken}))?;
        return Ok(true);
    }
    writeln!(out, "{}", paint(BOLD, format!("{} would be taken in.", paint::count(taken.len(), "object"))))?;
    for judged in &not_taken {
        writeln!(out, "{} {}", paint(WARN, "•"), judged.line())?;
    }
    for (effective, why) in changed {
        let (sign, style) = if effective { ("✓", GOOD) } else { ("✗", BAD) };
        let id = paint::prefix(&why.entry.authentic.id());
        writeln!(out, "{} {}  then {}", paint(style, sign), paint(ID, id), why.sentence())?;
    }
    if voided.is_empty() && restored.is_empty() {
        writeln!(out, "No verdict would change.")?;
    }
    Ok(true)
}

/// The rule that decides, as it stands in its policy object.
fn rule_of(stream: &Stream, deciding: &Deciding) -> Option<Rule> {
    policy::rules(&stream.entry(&deciding.by)?).0.into_iter().nth(deciding.rule)
}

fn author_of(stream: &Stream, id: &ObjectId) -> String {
    stream.entry(id).map_or_else(String::new, |entry| who(stream, &entry.authentic.header().author()))
}

/// An author by its key, and by what else is known of it: a name that its objects give, and whether it owns the stream.
pub fn who(stream: &Stream, author: &VerifyingKey) -> String {
    let name = show::names(stream, Some(author)).remove(author);
    let owner = (*author == stream.owner()).then_some("owner");
    let key = paint::short(author);
    match (name, owner) {
        (None, None) => key,
        (None, Some(owner)) => format!("{key} ({owner})"),
        (Some(name), None) => format!("{name} ({key})"),
        (Some(name), Some(owner)) => format!("{name} ({key}, {owner})"),
    }
}
