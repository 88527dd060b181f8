//! Why an object is effective or void, in a sentence; and what other objects would change.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, bail};
use serde_json::json;
use streams_core::object::header::types;
use streams_core::{
    Action, Authentic, Authenticator, CheckpointState, Content, Deciding, Effect, Entry, HashKey, Ingested, NoForce,
    Object, ObjectId, Rejected, Rule, Set, Simulated, Stream, StreamId, Verdict, VerifyingKey,
};

use crate::check::{Judged, sentence};
use crate::paint::{self, BAD, BOLD, DIM, GOOD, ID, WARN, paint};
use crate::policy::{self, Tense};
use crate::read::{self, Loaded, Reading};
use crate::{key, show};

/// Tells why an object is effective or void.
#[derive(clap::Args)]
#[command(
    allow_missing_positional = true,
    after_help = "Who wrote an object, and what of the rules it had seen, decides: an object that was written \
before its author was denied is effective, one that was written beside the denial is void, and so is one after it.

Examples:
  streams why list.streams bafyr4ih2ick
  streams why list.streams bafyr4ih2ick --json | jq -r .sentence"
)]
pub struct WhyArgs {
    #[command(flatten)]
    reading: Reading,
    /// The id of the object, or the beginning of it
    #[arg(value_name = "ID")]
    id: String,
}

/// Tells which verdicts other objects would change, without changing any.
#[derive(clap::Args)]
#[command(
    allow_missing_positional = true,
    after_help = "A copy of the stream file, with what was appended to it, does as a file of other objects.

Examples:
  cp list.streams trial.streams
  streams policy deny trial.streams --author $(streams key show bob.key)
  streams simulate list.streams trial.streams"
)]
pub struct Simulate {
    #[command(flatten)]
    reading: Reading,
    /// Files of other objects: as JSON, or the parts of one or more
    #[arg(value_name = "PARTS", required = true)]
    others: Vec<PathBuf>,
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

    /// The rank of whoever decides, and in which of the two sets it is decided.
    fn rank_and_set(&self) -> (Option<u8>, Option<Set>) {
        match self.verdict {
            Verdict::Allowed(Deciding { rank, set, .. })
            | Verdict::Denied(Deciding { rank, set, .. })
            | Verdict::Withdrawn { rank, set, .. } => (Some(rank), Some(set)),
            Verdict::NoRule(set) => (None, Some(set)),
            _ => (None, None),
        }
    }

    /// The rule that decides, if one does.
    fn rule(&self) -> Option<(usize, Rule)> {
        let (Verdict::Allowed(deciding) | Verdict::Denied(deciding)) = self.verdict else { return None };
        let rules = policy::rules(&self.stream.entry(&deciding.by)?).0;
        Some((deciding.rule, rules.into_iter().nth(deciding.rule)?))
    }

    /// When the object was written that decides, as its author says.
    fn by_timestamp(&self) -> Option<u64> {
        self.stream.entry(&self.by()?)?.authentic.header().timestamp()
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
        let (by, at) = self.by().map(|by| (author_of(stream, &by), object_and_time(stream, &by))).unwrap_or_default();
        // An owner is called so.
        let rank = self.rank_and_set().0.filter(|rank| *rank > 0);
        let by = rank.map_or(by.clone(), |rank| format!("{by}, of rank {rank},"));
        let rule = |tense| self.rule().map_or_else(String::new, |(_, rule)| policy::words(&rule, tense));
        let seen = |set| match set {
            Set::Known => "and the author of this object had seen that",
            Set::Beside => "beside this object, whose author had not seen that",
        };
        let mut text = match &self.verdict {
            Verdict::Owner => format!("effective: {author} wrote it, and an owner may do everything"),
            Verdict::Allowed(deciding) => {
                let (number, at) = (deciding.rule + 1, paint::short(deciding.by));
                format!("effective: rule {number} of {at} by {by} {}, and nothing forbids it", rule(Tense::Present))
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
                format!("void: {by} {} in {at}, {}", rule(Tense::Past), seen(deciding.set))
            }
            Verdict::Withdrawn { set, .. } => {
                format!("void: {by} withdrew in {at} what had let {author} {}, {}", self.deed(), seen(*set))
            }
            // Never for what stands beside it: what is known stands there too, unless it is withdrawn.
            Verdict::NoRule(_) => {
                let deed = self.deed();
                format!("void: no rule that stood when {author} wrote it let them {deed}; what did is void itself")
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
            let (adopter, at) = (author_of(stream, &adopting), object_and_time(stream, &adopting));
            let _ = write!(text, "; but {adopter} adopted it in {at}");
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
        let (rank, set) = self.rank_and_set();
        let id = self.entry.authentic.id();
        json!({
            "id": id.to_string(),
            "verdict": self.code(),
            "effective": self.is_effective(),
            "sentence": self.sentence(),
            "by": self.by().map(|by| by.to_string()),
            "by_timestamp": self.by_timestamp(),
            "rule": self.rule().map(|(number, _)| number),
            "rank": rank,
            "set": set.map(Set::name),
            "adopted_by": self.adopted_by.map(|by| by.to_string()),
            "position": self.entry.position,
            "epoch": self.stream.epoch(&id),
            "final": self.is_final(),
            "timestamp": self.entry.authentic.header().timestamp(),
        })
    }

    fn print(&self, out: &mut dyn Write) -> Result<()> {
        let (id, header) = (self.entry.authentic.id(), self.entry.authentic.header());
        let (sign, style) = if self.is_effective() { ("✓", GOOD) } else { ("✗", BAD) };
        writeln!(out, "{} {}\n", paint(style, sign), self.sentence())?;
        let mut field = |name: &str, value: String| paint::field(out, name, value);
        field("object", paint(ID, id))?;
        field("type", paint::plain(header.r#type()))?;
        field("author", paint(ID, header.author()))?;
        if let Some(timestamp) = header.timestamp() {
            field("time", paint::claimed(timestamp))?;
        }
        field("verdict", paint(style, self.code()))?;
        if let Some(by) = self.by() {
            field("policy", paint(ID, by))?;
        }
        if let Some((number, rule)) = self.rule() {
            field("rule", format!("{}, which {}", number + 1, policy::words(&rule, Tense::Present)))?;
        }
        if let Some(timestamp) = self.by_timestamp() {
            field("decided", paint::claimed(timestamp))?;
        }
        let (rank, set) = self.rank_and_set();
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
        Ok(())
    }
}

/// Whether somebody may read a stream (spec 8.8), and who decided it, in one sentence.
pub fn may_read(stream: &Stream, reader: &VerifyingKey) -> String {
    let (verdict, name) = (stream.may_read(reader), who(stream, reader));
    let rule = |deciding: Deciding, tense| {
        let rules = stream.entry(&deciding.by).map(|entry| policy::rules(&entry).0).unwrap_or_default();
        rules.get(deciding.rule).map_or_else(String::new, |rule| policy::words(rule, tense))
    };
    match verdict {
        Verdict::Owner => format!("{name} may read it: an owner may do everything"),
        Verdict::Allowed(deciding) => {
            let (by, at) = (author_of(stream, &deciding.by), paint::short(deciding.by));
            let (number, rule) = (deciding.rule + 1, rule(deciding, Tense::Present));
            format!("{name} may read it: rule {number} of {at} by {by} {rule}, and nothing forbids it")
        }
        Verdict::Denied(deciding) => {
            let (by, at) = (author_of(stream, &deciding.by), object_and_time(stream, &deciding.by));
            format!("{name} may not read it: {by} {} in {at}", rule(deciding, Tense::Past))
        }
        Verdict::Withdrawn { by, .. } => {
            let (author, at) = (author_of(stream, &by), object_and_time(stream, &by));
            format!("{name} may not read it: {author} withdrew in {at} what had let them")
        }
        _ => format!("{name} may not read it: no rule lets them"),
    }
}

/// What a policy object says that a peer shows to explain its refusal, in a sentence; `None` where it does not deny
/// this reader of this stream anything. Whether it stands in the stream, only the stream tells.
pub fn shown_denial(parts: &[u8], stream: StreamId, reader: &VerifyingKey, key: HashKey) -> Option<(ObjectId, String)> {
    let object = Authenticator::new(key).authenticate(Object::decode(parts).ok()?).ok()?;
    let (id, header) = (object.id(), object.header());
    let rules = match Content::read(&object).ok()? {
        Content::Application { rules } if id == stream => rules,
        Content::Policy { rules, .. } if header.stream() == Some(stream) => rules,
        _ => return None,
    };
    let reader = reader.to_string();
    let denies = |rule: &&Rule| {
        let names = rule.subjects.as_ref().is_some_and(|subjects| subjects.contains(&reader));
        let reads = rule
            .actions
            .as_ref()
            .is_none_or(|actions| actions.iter().any(|name| name == Action::Read.name() || name == "*"));
        rule.effect == Effect::Deny && names && reads
    };
    let words = policy::words(rules.iter().find(denies)?, Tense::Past);
    let when = header.timestamp().map(|at| format!(" on {} (as its author says)", paint::minute(at)));
    let (by, at) = (paint::short(header.author()), paint::short(id));
    Some((id, format!("{by} {words} in {at}{}", when.unwrap_or_default())))
}

/// `streams why`.
pub fn why(args: &WhyArgs, out: &mut dyn Write) -> Result<bool> {
    let Loaded { stream, rejected } = args.reading.load()?;
    let id = match read::find(&stream, &args.id) {
        Ok(id) => id,
        Err(unknown) => {
            // It may be in the file, and not in the stream.
            let refused = rejected.iter().find(|(id, _)| id.is_some_and(|id| id.to_string().starts_with(&args.id)));
            let Some((_, reason)) = refused else { return Err(unknown) };
            return refused_outright(reason, args.reading.json, out).map(|()| true);
        }
    };
    let why = Why::of(&stream, &id).expect("it was found");
    if args.reading.json {
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
    let stream = args.reading.load()?.stream;
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
    if args.reading.json {
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

fn author_of(stream: &Stream, id: &ObjectId) -> String {
    stream.entry(id).map_or_else(String::new, |entry| who(stream, &entry.authentic.header().author()))
}

/// An object, and where it tells a time, when it was written.
fn object_and_time(stream: &Stream, id: &ObjectId) -> String {
    let timestamp = stream.entry(id).and_then(|entry| entry.authentic.header().timestamp());
    let when = timestamp.map(|at| format!(" on {} (as its author says)", paint::minute(at)));
    format!("{}{}", paint::short(id), when.unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use streams_core::{Action, Authentic, Draft, Map, SigningKey, Value};

    use super::*;

    /// 2026-11-21 13:05 UTC.
    const TIME: u64 = 1_795_266_300_000;
    const WHEN: &str = "on 2026-11-21 13:05 UTC (as its author says)";
    const ADDED: &str = "list.Added";

    fn people<const N: usize>() -> [SigningKey; N] {
        std::array::from_fn(|number| SigningKey::from_bytes([number as u8 + 1; 32]))
    }

    fn list(owner: &SigningKey, rules: impl IntoIterator<Item = Rule>) -> Stream {
        let root = Draft::root("list", [0; 16]).policies(rules).sign(owner).unwrap();
        Stream::open(root, HashKey::from_bytes([1; 16])).unwrap()
    }

    fn add(list: &mut Stream, author: &SigningKey) -> Authentic {
        list.by(author).append(ADDED, Map::new()).unwrap()
    }

    fn meet(list: &mut Stream, other: &Stream) {
        other.entries().for_each(|entry| drop(list.admit(entry.authentic, 0).unwrap()));
    }

    #[track_caller]
    fn told(list: &Stream, object: &Authentic, expected: &str) {
        assert_eq!(Why::of(list, &object.id()).unwrap().sentence(), expected);
    }

    fn key(key: &SigningKey) -> String {
        paint::short(key.verifying_key())
    }

    #[test]
    fn who_denied_and_when() {
        let [alice, bob, carol] = people();
        let mut list = list(&alice, []);
        let rules = [Rule::moderator(&bob.verifying_key()), Rule::invite(&carol.verifying_key())];
        let invitation = list.by(&alice).at(TIME).govern(rules).unwrap();
        let seen = add(&mut list, &carol);
        let mut elsewhere = list.clone();
        let removal = list.by(&bob).at(TIME).govern([Rule::remove(&carol.verifying_key())]).unwrap();
        let beside = add(&mut elsewhere, &carol);
        meet(&mut list, &elsewhere);
        let after = add(&mut list, &carol);
        let adopting = list.by(&alice).at(TIME).adopt(&[after.id()]).unwrap();

        let [a, b, c] = [&alice, &bob, &carol].map(key);
        let [invitation, at, by] = [&invitation, &removal, &adopting].map(|object| paint::short(object.id()));
        let allowed = format!("rule 2 of {invitation} by {a} (owner) lets {c} append and read, and nothing forbids it");
        told(&list, &seen, &format!("effective: {allowed}"));
        let denied = format!("void: {b}, of rank 1, denied {c} everything in {at} {WHEN}");
        told(&list, &beside, &format!("{denied}, beside this object, whose author had not seen that"));
        let adopted = format!("but {a} (owner) adopted it in {by} {WHEN}");
        told(&list, &after, &format!("{denied}, and the author of this object had seen that; {adopted}"));
        let json = Why::of(&list, &beside.id()).unwrap().json();
        assert_eq!((&json["by_timestamp"], &json["timestamp"]), (&TIME.into(), &serde_json::Value::Null));
    }

    #[test]
    fn who_withdrew_and_without_a_time_not_when() {
        let [alice, bob] = people();
        let mut list = list(&alice, []);
        let invitation = list.by(&alice).govern([Rule::invite(&bob.verifying_key())]).unwrap();
        let mut elsewhere = list.clone();
        let withdrawal = list.by(&alice).withdraw(&[invitation.id()]).unwrap();
        let beside = add(&mut elsewhere, &bob);
        meet(&mut list, &elsewhere);
        let after = add(&mut list, &bob);

        let ([a, b], at) = ([&alice, &bob].map(key), paint::short(withdrawal.id()));
        let withdrew = format!("void: {a} (owner) withdrew in {at} what had let {b} append list.Added");
        told(&list, &beside, &format!("{withdrew}, beside this object, whose author had not seen that"));
        told(&list, &after, &format!("{withdrew}, and the author of this object had seen that"));
    }

    #[test]
    fn what_a_void_rule_let_is_void() {
        let [alice, bob, carol] = people();
        let mut list = list(&alice, []);
        list.by(&alice).govern([Rule::moderator(&bob.verifying_key())]).unwrap();
        let mut elsewhere = list.clone();
        list.by(&alice).govern([Rule::remove(&bob.verifying_key())]).unwrap();
        elsewhere.by(&bob).govern([Rule::invite(&carol.verifying_key())]).unwrap();
        let added = add(&mut elsewhere, &carol);
        meet(&mut list, &elsewhere);

        let c = key(&carol);
        let expected = format!("void: no rule that stood when {c} wrote it let them append list.Added");
        told(&list, &added, &format!("{expected}; what did is void itself"));
        assert_eq!(Why::of(&list, &added.id()).unwrap().json()["set"], "known");
    }

    #[test]
    fn ranks_end() {
        let keys: [SigningKey; 18] = people();
        let mut list = list(&keys[0], []);
        for pair in keys.windows(2) {
            list.by(&pair[0]).govern([Rule::moderator(&pair[1].verifying_key())]).unwrap();
        }
        let beyond = list.by(&keys[17]).govern([Rule::open_to_all()]).unwrap();

        let last = key(&keys[17]);
        let expected = "governs by others who govern by others, and so on, more than 16 deep, where ranks end";
        told(&list, &beyond, &format!("void: {last} {expected}"));
    }

    #[test]
    fn what_is_wrong_with_a_checkpoint() {
        let [alice, bob, carol] = people();
        let holders = [&bob, &carol].map(SigningKey::verifying_key);
        let rules = [
            Rule::allow([Action::Checkpoint]).authors(&holders),
            Rule::deny().actions([Action::Checkpoint]).authors([&bob.verifying_key()]),
        ];
        let mut list = list(&alice, rules);
        let checkpoint = |list: &mut Stream, count: u64, order: [u8; 32]| {
            let data =
                Map::new().with("count", Value::Uint(count)).unwrap().with("order", order.to_vec().into()).unwrap();
            list.by(&carol).append(types::CHECKPOINT, data).unwrap()
        };
        let by_bob = list.by(&bob).checkpoint().unwrap();
        let miscounted = checkpoint(&mut list, 1, [0; 32]);
        let misordered = checkpoint(&mut list, 3, [0; 32]);

        let [b, c] = [&bob, &carol].map(key);
        told(&list, &by_bob, &format!("void: {b} made this checkpoint, and is neither the owner nor let by the root"));
        let counted = "counted another number of objects for this checkpoint than its past has";
        told(&list, &miscounted, &format!("void: {c} {counted}"));
        told(&list, &misordered, &format!("void: {c} gave this checkpoint another order than that of its past"));

        let mut elsewhere = list.clone();
        let one = list.by(&alice).checkpoint().unwrap();
        let is_final = "makes checkpoints, and all that this one has in its past is final";
        told(&list, &one, &format!("effective: {} (owner) {is_final}", key(&alice)));
        let other = elsewhere.by(&carol).checkpoint().unwrap();
        meet(&mut list, &elsewhere);
        let conflict = "makes checkpoints; but there is another beside this one, so neither makes anything final";
        told(&list, &other, &format!("effective: {c} {conflict}"));
    }
}
