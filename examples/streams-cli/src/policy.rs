//! Rules on the command line: those that are written, and those that are in a stream, told in words.

use std::io::Write;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use streams_core::object::header::types;
use streams_core::{Action, Content, Effect, Entry, ObjectId, Rule, Stream, VerifyingKey};

use crate::paint::{self, BAD, DIM, GOOD, ID, WARN, paint};
use crate::read::Reading;
use crate::why::{Why, who};
use crate::write::{Desk, Writing};

/// Writes a rule.
#[derive(clap::Args)]
#[command(after_help = "A denial stands above every permission, and holds until it is withdrawn. What its author had \
seen stays; what is written beside it, or after it, is void.

Examples:
  streams policy allow list.streams --author $(streams key show bob.key)
  streams policy allow list.streams --author z6Mk… --action govern append read
  streams policy allow list.streams --type example.org/list.Added
  streams policy deny list.streams --author z6Mk…")]
pub struct Change {
    #[command(flatten)]
    writing: Writing,
    /// For these authors; without any, for everyone
    #[arg(long, value_name = "KEY", num_args = 1..)]
    author: Vec<String>,
    /// For these types, or the beginnings of types with a *; without any, for all
    #[arg(long, value_name = "TYPE", num_args = 1..)]
    r#type: Vec<String>,
    /// For these actions; without any, `allow` lets read and append, and `deny` forbids all
    #[arg(long, value_name = "A", num_args = 1.., value_parser = ["read", "append", "govern"])]
    action: Vec<String>,
}

/// Withdraws policy objects.
#[derive(clap::Args)]
#[command(after_help = "Nobody withdraws what was written by somebody of a higher standing: of a lower rank. A \
withdrawal cannot be withdrawn itself; write the rules again. What a denial made void is effective again where it was \
written beside the withdrawal; what the file has already stays void, and `streams adopt` takes it up.

Examples:
  streams policy withdraw list.streams bafyr4ih2ick --key alice.key")]
pub struct Withdraw {
    #[command(flatten)]
    writing: Writing,
    /// The policy objects
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Tells all rules of a stream.
#[derive(clap::Args)]
#[command(
    after_help = "The owner has rank 0; whom the owner lets govern, rank 1; and so on, up to 16. With --json, each \
policy object is a line.

Examples:
  streams policy show list.streams"
)]
pub struct Show {
    #[command(flatten)]
    reading: Reading,
}

/// `streams policy allow` and `streams policy deny`.
pub fn change(effect: Effect, args: &Change, out: &mut dyn Write) -> Result<bool> {
    let actions = args.action.iter().map(|name| Action::from_name(name).expect("one of those that are offered"));
    let mut rule = match effect {
        Effect::Allow if args.action.is_empty() => Rule::open_to_all(),
        Effect::Allow => Rule::allow(actions),
        Effect::Deny if args.action.is_empty() => Rule::deny(),
        Effect::Deny => Rule::deny().actions(actions),
    };
    if !args.author.is_empty() {
        for author in &args.author {
            author.parse::<VerifyingKey>().with_context(|| author.clone())?;
        }
        rule = rule.subjects(&args.author);
    }
    if !args.r#type.is_empty() {
        rule = rule.resources(&args.r#type);
    }
    rule.check(false).context("this is no rule")?;
    let mut desk = Desk::open(&args.writing)?;
    let appended = desk.writer().govern([rule]);
    let advice = desk.advise("The owner", "--action govern");
    desk.finish(appended, &advice, out)
}

/// `streams policy withdraw`.
pub fn withdraw(args: &Withdraw, out: &mut dyn Write) -> Result<bool> {
    let mut desk = Desk::open(&args.writing)?;
    let ids = desk.find_all(&args.ids)?;
    for id in &ids {
        let entry = desk.stream.entry(id).expect("it was found");
        ensure!(
            is_policy(&desk.stream, &entry),
            "{id} has no rules: `streams policy show` lists what can be withdrawn"
        );
    }
    let appended = desk.writer().withdraw(&ids);
    let advice = desk.advise("The owner", "--action govern");
    if let Ok(withdrawal) = &appended
        && let Some(own) = desk.stream.rank(&desk.key.verifying_key(), &withdrawal.id()).flatten()
    {
        let above = |id: &&ObjectId| {
            let author = desk.stream.entry(id).map(|entry| entry.authentic.header().author());
            let rank = author.and_then(|author| desk.stream.rank(&author, id)).flatten();
            rank.is_some_and(|rank| rank < own)
        };
        if let Some(id) = ids.iter().find(above) {
            let id = paint::short(id);
            let reason = format!("It would be without force: its author has rank {own}, and that of {id} a lower one.");
            return desk.decline("without-force", &reason, "Ask the author of those rules, or the owner.", out);
        }
    }
    desk.finish(appended, &advice, out)
}

/// `streams policy show`.
pub fn show(args: &Show, out: &mut dyn Write) -> Result<bool> {
    let stream = args.reading.load()?.stream;
    let withdrawn = stream.withdrawn();
    for entry in stream.entries().filter(|entry| is_policy(&stream, entry)) {
        let (id, header) = (entry.authentic.id(), entry.authentic.header());
        let (author, timestamp) = (header.author(), header.timestamp());
        let rank = stream.rank(&author, &id).flatten();
        let is_final = entry.position < stream.final_len();
        let state = match entry.effective {
            false => "void",
            true if withdrawn.contains(&id) => "withdrawn",
            true => "effective",
        };
        let (rules, withdraws) = rules(&entry);
        if args.reading.json {
            let rules: Vec<String> = rules.iter().map(|rule| words(rule, Tense::Present)).collect();
            let withdraws: Vec<String> = withdraws.iter().map(ObjectId::to_string).collect();
            let policy = json!({
                "id": id.to_string(),
                "author": author.to_string(),
                "timestamp": timestamp,
                "rank": rank,
                "state": state,
                "final": is_final,
                "rules": rules,
                "withdraws": withdraws,
            });
            writeln!(out, "{policy}")?;
            continue;
        }
        let rank = rank.map_or("no rank".to_owned(), |rank| format!("rank {rank}"));
        let style = match state {
            "void" => BAD,
            "withdrawn" => WARN,
            _ => GOOD,
        };
        let author = who(&stream, &author);
        let final_mark = if is_final { paint(DIM, ", final") } else { String::new() };
        let (id_text, state) = (paint(ID, paint::prefix(&id)), paint(style, state));
        let when = timestamp.map(|at| paint(DIM, format!("  {}", paint::minute(at)))).unwrap_or_default();
        writeln!(out, "{id_text}  {author}, {rank}: {state}{final_mark}{when}")?;
        for (number, rule) in (1..).zip(&rules) {
            writeln!(out, "  {} {}", paint(DIM, number), words(rule, Tense::Present))?;
        }
        for id in withdraws {
            writeln!(out, "  {} withdraws {}", paint(DIM, "-"), paint(ID, paint::prefix(&id)))?;
        }
        if !entry.effective {
            let why = Why::of(&stream, &id).expect("it is here");
            writeln!(out, "  {} {}", paint(DIM, "-"), paint(BAD, why.sentence()))?;
        }
    }
    Ok(true)
}

/// Whether an object carries rules, or withdraws some: the root, and objects of the type for it.
fn is_policy(stream: &Stream, entry: &Entry) -> bool {
    entry.authentic.id() == stream.id() || entry.authentic.header().r#type() == types::POLICY
}

/// The rules of a policy object, and what it withdraws. A root without rules lets everyone read (spec 8.3).
pub fn rules(entry: &Entry) -> (Vec<Rule>, Vec<ObjectId>) {
    match Content::read(&entry.authentic) {
        Ok(Content::Application { rules }) if rules.is_empty() => (vec![Rule::allow([Action::Read])], Vec::new()),
        Ok(Content::Application { rules }) => (rules, Vec::new()),
        Ok(Content::Policy { rules, withdraws }) => (rules, withdraws),
        _ => (Vec::new(), Vec::new()),
    }
}

/// When a rule is told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// As it stands.
    Present,
    /// As it was written.
    Past,
}

/// What a rule does, as `lets everyone append git/commit`.
pub fn words(rule: &Rule, tense: Tense) -> String {
    let past = tense == Tense::Past;
    let subjects = match &rule.subjects {
        Some(subjects) if !rule.is_for_all() => some(subjects, |subject| paint::short(subject)),
        _ => "everyone".to_owned(),
    };
    let everything = |list: &Option<Vec<String>>| list.as_ref().is_none_or(|list| list.iter().any(|name| name == "*"));
    let resources = match &rule.resources {
        Some(resources) if !everything(&rule.resources) => some(resources, paint::plain),
        _ => String::new(),
    };
    match (rule.effect, &rule.actions) {
        (effect, Some(actions)) if !everything(&rule.actions) => {
            let (verb, actions) = match effect {
                Effect::Allow => (if past { "let" } else { "lets" }, some(actions, str::to_owned)),
                Effect::Deny => {
                    let actions = some(actions, |action| format!("{}ing", action.trim_end_matches('e')));
                    (if past { "barred" } else { "bars" }, format!("from {actions}"))
                }
            };
            format!("{verb} {subjects} {actions} {resources}").trim_end().to_owned()
        }
        (effect, _) => {
            let verb = match (effect, past) {
                (Effect::Allow, false) => "allows",
                (Effect::Allow, true) => "allowed",
                (Effect::Deny, false) => "denies",
                (Effect::Deny, true) => "denied",
            };
            let with = if resources.is_empty() { "" } else { " with " };
            format!("{verb} {subjects} everything{with}{resources}")
        }
    }
}

/// The first names of a list, as people write one.
fn some(names: &[String], show: impl Fn(&str) -> String) -> String {
    let mut shown: Vec<String> = names.iter().take(3).map(|name| show(name)).collect();
    if names.len() > 3 {
        shown.push(paint::count(names.len() - 3, "other"));
    }
    match shown.pop() {
        Some(last) if shown.is_empty() => last,
        Some(last) => format!("{} and {last}", shown.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_told_in_words() {
        let [a, b] = ["z6MkgUVAuupCTywVA628qqqSn199CH9eCQvvaaHxtWtNqmZi", "z6MkA"];
        let present = |rule: Rule| words(&rule, Tense::Present);
        let past = |rule: Rule| words(&rule, Tense::Past);
        assert_eq!(present(Rule::open_to_all()), "lets everyone append and read");
        assert_eq!(present(Rule::allow([Action::Append]).resources(["list.*"])), "lets everyone append list.*");
        assert_eq!(past(Rule::deny().subjects([a])), "denied z6Mk…qmZi everything");
        assert_eq!(past(Rule::deny().resources(["a", "b"])), "denied everyone everything with a and b");
        let barred = Rule::deny().subjects([a, b]).actions([Action::Append, Action::Read]).resources(["*"]);
        assert_eq!(present(barred), "bars z6Mk…qmZi and z6MkA from appending and reading");
        let governs = Rule::deny().subjects(["1", "2", "3", "4", "5"]).actions([Action::Govern]);
        assert_eq!(present(governs), "bars 1, 2, 3 and 2 others from governing");
    }
}
