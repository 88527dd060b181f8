//! Runs vectors: cases for every implementation, in the format of `docs/vectors.md`.

mod archives;
mod peers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::Value as Json;
use streams_core::{
    Access, Authenticator, Batch, Change, CheckpointState, Content, Deciding, Fold, HashKey, HypotheticalRoot,
    Ingested, Object, ObjectId, Rejected, Role, Rule, Stream, Ties, Verdict, VerifyingKey, author_bytes, decide, oh1,
};

/// What came of running files.
#[derive(Default)]
pub struct Summary {
    /// How many files were run.
    pub files: usize,
    /// How many cases held.
    pub passed: usize,
    /// A line for each case that did not.
    pub failures: Vec<String>,
}

/// Runs all files below these paths, in the order of their names.
pub fn run(paths: &[PathBuf]) -> Result<Summary> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let mut summary = Summary::default();
    for file in &files {
        run_file(file, &mut summary).with_context(|| format!("{} is no file of vectors", file.display()))?;
        summary.files += 1;
    }
    Ok(summary)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        ensure!(path.exists(), "{} does not exist", path.display());
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<PathBuf> =
        fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "json") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn run_file(file: &Path, summary: &mut Summary) -> Result<()> {
    let text = fs::read_to_string(file)?;
    let kinds: serde_json::Map<String, Json> = serde_json::from_str(&text)?;
    for (kind, cases) in kinds {
        if kind == "about" {
            continue;
        }
        for mut case in serde_json::from_value::<Vec<serde_json::Map<String, Json>>>(cases)? {
            let name =
                case.remove("name").and_then(|name| Some(name.as_str()?.to_owned())).context("a case has a name")?;
            match run_case(&kind, Json::Object(case)) {
                Ok(()) => summary.passed += 1,
                Err(error) => {
                    summary.failures.push(format!("{} {kind} \"{name}\": {error:#}", file.display()));
                }
            }
        }
    }
    Ok(())
}

fn run_case(kind: &str, case: Json) -> Result<()> {
    fn given<T: for<'de> Deserialize<'de>>(case: Json) -> Result<T> {
        serde_json::from_value(case).context("the case has other fields than its kind")
    }
    match kind {
        "json" => given::<ReadJson>(case)?.run(),
        "parts" => given::<ReadParts>(case)?.run(),
        "object" => given::<Alone>(case)?.run(),
        "author" => given::<Author>(case)?.run(),
        "id" => given::<Id>(case)?.run(),
        "hypothetical" => given::<Hypothetical>(case)?.run(),
        "tie" => given::<Tie>(case)?.run(),
        "signature" => given::<Signature>(case)?.run(),
        "batch" => given::<Together>(case)?.run(),
        "redact" => given::<Redact>(case)?.run(),
        "restore" => given::<Restore>(case)?.run(),
        "decide" => given::<Decide>(case)?.run(),
        "stream" => given::<Delivered>(case)?.run(),
        "judge" => given::<Judged>(case)?.run(),
        "ranges" => given::<peers::Ranges>(case)?.run(),
        "evidence" => given::<peers::Shows>(case)?.run(),
        "archive" => given::<archives::Archive>(case)?.run(),
        "vouching" => given::<archives::Vouched>(case)?.run(),
        "oh1" | "oh1_not" => given::<Oh1>(case)?.run(),
        _ => bail!("an unknown kind"),
    }
}

/// Bytes in hexadecimal, or text: in one piece, or in pieces that may repeat.
#[derive(Deserialize)]
#[serde(untagged)]
enum Long {
    Whole(String),
    Pieces(Vec<Piece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Piece {
    Once(String),
    Repeated { repeat: String, times: usize },
}

impl Long {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::Pieces(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Once(text) => text.clone(),
                    Piece::Repeated { repeat, times } => repeat.repeat(*times),
                })
                .collect(),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        bytes(&self.text())
    }
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    HEXLOWER.decode(hex.as_bytes()).context("not hexadecimal in lower case")
}

fn array<const N: usize>(hex: &str) -> Result<[u8; N]> {
    bytes(hex)?.try_into().ok().with_context(|| format!("not {N} bytes"))
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Compares what came with what is stated.
fn same<T: PartialEq + std::fmt::Debug>(expected: T, got: T) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let short = |value: T| {
        let text = format!("{value:?}");
        text.char_indices().nth(200).map_or(text.clone(), |(at, _)| format!("{}…", &text[..at]))
    };
    bail!("expected {}, got {}", short(expected), short(got))
}

/// What a case states: a value, or the code of an error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    id: ObjectIdText,
    parts: Option<Long>,
}

type ObjectIdText = String;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadJson {
    json: Long,
    expected: Option<Read>,
    error: Option<String>,
}

impl ReadJson {
    fn run(self) -> Result<()> {
        let read = Object::from_json(&self.json.text());
        check_read(read.map_err(|error| error.code()), self.expected, self.error, None)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadParts {
    parts: Long,
    expected: Option<Read>,
    error: Option<String>,
}

impl ReadParts {
    fn run(self) -> Result<()> {
        let parts = self.parts.bytes()?;
        let read = Object::decode(&parts);
        check_read(read.map_err(|error| error.code()), self.expected, self.error, Some(parts))
    }
}

fn check_read(
    read: Result<Object, &'static str>,
    expected: Option<Read>,
    error: Option<String>,
    given: Option<Vec<u8>>,
) -> Result<()> {
    let (object, expected) = match (read, expected, error) {
        (Ok(object), Some(expected), None) => (object, expected),
        (Ok(_), None, Some(error)) => bail!("expected the error {error}, got an object"),
        (Err(code), None, Some(error)) => return same(error.as_str(), code),
        (Err(code), Some(_), None) => bail!("expected an object, got the error {code}"),
        _ => bail!("a case states `expected` or `error`"),
    };
    same(expected.id, object.id().to_string())?;
    let parts = expected.parts.map(|parts| parts.bytes()).transpose()?.or(given);
    same(parts.map(|parts| hex(&parts)), Some(hex(object.parts())))?;
    if let Ok(json) = object.to_json() {
        let again = Object::from_json(&json).with_context(|| format!("its JSON is not read: {json}"))?;
        same(hex(object.parts()), hex(again.parts())).context("through JSON")?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alone {
    parts: Long,
    expected: Option<String>,
    id: Option<ObjectIdText>,
    kind: Option<String>,
    dropped: Option<String>,
    newer: Option<String>,
    refused: Option<String>,
}

impl Alone {
    fn run(self) -> Result<()> {
        let judged = Object::decode(&self.parts.bytes()?).map_err(Rejected::from).and_then(|object| {
            let authentic = Authenticator::new(hash_key()).authenticate(object)?;
            Content::read(&authentic).map_err(|error| Rejected::Refused(error.into()))?;
            Ok(authentic)
        });
        match judged {
            Err(rejected) => {
                let stated = [("dropped", self.dropped), ("newer", self.newer), ("refused", self.refused)];
                let stated = stated.into_iter().find_map(|(fate, code)| Some((fate, code?)));
                same(stated, Some((rejected.fate(), rejected.code().to_owned())))
            }
            Ok(authentic) => {
                same(self.expected.as_deref(), Some("sound"))?;
                let id = authentic.id().to_string();
                same(self.id.unwrap_or(id.clone()), id)?;
                let kind = match authentic.header().role() {
                    Role::HypotheticalRoot => "hypothetical",
                    Role::Root => "root",
                    Role::Event => "event",
                };
                same(self.kind.as_deref().unwrap_or(kind), kind)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Author {
    text: String,
    expected: Option<String>,
    error: Option<String>,
}

impl Author {
    fn run(self) -> Result<()> {
        let read = self.text.parse::<VerifyingKey>();
        let read = read.map(|key| hex(key.as_bytes())).map_err(|error| error.code().to_owned());
        if let Ok(hex) = &read {
            same(&self.text, &array(hex).map(VerifyingKey::from_bytes)??.to_string())?;
        }
        same(stated(self.expected, self.error)?, read)
    }
}

fn stated<T>(expected: Option<T>, error: Option<String>) -> Result<Result<T, String>> {
    match (expected, error) {
        (Some(expected), None) => Ok(Ok(expected)),
        (None, Some(error)) => Ok(Err(error)),
        _ => bail!("a case states `expected` or `error`"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Id {
    text: String,
    expected: Option<String>,
    error: Option<String>,
}

impl Id {
    fn run(self) -> Result<()> {
        let read = self.text.parse::<ObjectId>();
        if let Ok(id) = read {
            same(&self.text, &id.to_string())?;
        }
        same(stated(self.expected, self.error)?, read.map(|id| hex(id.as_bytes())).map_err(|_| "id".to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hypothetical {
    r#type: String,
    author: String,
    expected: ObjectIdText,
}

impl Hypothetical {
    fn run(self) -> Result<()> {
        same(self.expected, HypotheticalRoot::new(&self.r#type, self.author.parse()?)?.id().to_string())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tie {
    root: ObjectIdText,
    generation: String,
    author: String,
    expected: String,
}

impl Tie {
    fn run(self) -> Result<()> {
        // An author of the order is a key that was proven; the form is enough to compute with.
        let author = VerifyingKey::from_bytes(author_bytes(&self.author)?)?;
        same(self.expected, hex(&Ties::new(self.root.parse()?).tie(self.generation.parse()?, &author)))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    key: String,
    message: String,
    signature: String,
    expected: String,
}

impl Signature {
    fn run(self) -> Result<()> {
        let (message, signature) = (bytes(&self.message)?, array(&self.signature)?);
        let verdict = match VerifyingKey::from_bytes(array(&self.key)?) {
            Err(error) => error.code(),
            Ok(key) => {
                let single = key.verifier().verify_without_domain(&message, &signature);
                let mut batch = Batch::new();
                batch.add_without_domain(&key.verifier(), &message, &signature);
                same(single, batch.verify()).context("alone and in a batch of one")?;
                if single { "valid" } else { "invalid" }
            }
        };
        same(self.expected.as_str(), verdict)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Together {
    items: Vec<Item>,
    expected: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    key: String,
    message: String,
    signature: String,
}

impl Together {
    fn run(self) -> Result<()> {
        let mut batch = Batch::new();
        let mut verdicts = Vec::new();
        for item in &self.items {
            let (message, signature) = (bytes(&item.message)?, array(&item.signature)?);
            let key = VerifyingKey::from_bytes(array(&item.key)?)?;
            let key = key.verifier();
            batch.add_without_domain(&key, &message, &signature);
            let valid = key.verify_without_domain(&message, &signature);
            verdicts.push(if valid { "valid" } else { "invalid" });
        }
        same(verdicts.iter().all(|verdict| *verdict == "valid"), batch.verify()).context("each alone and together")?;
        same(self.expected.iter().map(String::as_str).collect(), verdicts)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redact {
    parts: Long,
    map: ObjectIdText,
    expected: Option<Long>,
    error: Option<String>,
}

impl Redact {
    fn run(self) -> Result<()> {
        let object = Object::decode(&self.parts.bytes()?)?;
        let redacted = object.redact(&self.map.parse()?);
        if let Ok(redacted) = &redacted {
            same(object.id(), redacted.id())?;
        }
        let expected = stated(self.expected, self.error)?.map(|long| long.text());
        same(expected, redacted.map(|object| hex(object.parts())).map_err(|error| error.code().to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    parts: Long,
    maps: Vec<Long>,
    expected: Long,
}

impl Restore {
    fn run(self) -> Result<()> {
        let object = Object::decode(&self.parts.bytes()?)?;
        let maps = self.maps.iter().map(Long::bytes).collect::<Result<Vec<_>>>()?;
        let maps: Vec<&[u8]> = maps.iter().map(Vec::as_slice).collect();
        same(self.expected.text(), hex(object.restore(&maps).parts()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decide {
    policies: Vec<RuleTexts>,
    subject: String,
    action: String,
    resource: String,
    expected: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTexts {
    subjects: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    actions: Option<Vec<String>>,
    effect: String,
}

impl Decide {
    fn run(self) -> Result<()> {
        let rule = |texts: RuleTexts| {
            let RuleTexts { subjects, resources, actions, effect } = texts;
            let effect = streams_core::Effect::from_name(&effect).context("an unknown effect")?;
            Ok(Rule { subjects, resources, actions, effect })
        };
        let rules = self.policies.into_iter().map(rule).collect::<Result<Vec<_>>>()?;
        let access = Access { subject: &self.subject, action: &self.action, resource: &self.resource };
        same(self.expected.as_str(), if decide(&rules, access).is_allowed() { "allow" } else { "deny" })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    root: Long,
    deliver: Vec<Delivery>,
    expected: State,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivery {
    parts: Long,
    admitted: Option<bool>,
    known: Option<bool>,
    pending: Option<Vec<ObjectIdText>>,
    dropped: Option<String>,
    newer: Option<String>,
    refused: Option<String>,
    then: Option<Vec<ObjectIdText>>,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Admitted(Vec<ObjectIdText>),
    Known,
    Pending(Vec<ObjectIdText>),
    Rejected(&'static str, String),
}

impl Delivery {
    fn stated(self) -> Result<Outcome> {
        Ok(match self {
            Self { admitted: Some(true), then, .. } => Outcome::Admitted(then.unwrap_or_default()),
            Self { known: Some(true), .. } => Outcome::Known,
            Self { pending: Some(missing), .. } => Outcome::Pending(missing),
            Self { dropped: Some(code), .. } => Outcome::Rejected("dropped", code),
            Self { newer: Some(code), .. } => Outcome::Rejected("newer", code),
            Self { refused: Some(code), .. } => Outcome::Rejected("refused", code),
            _ => bail!("a delivery states one outcome"),
        })
    }
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct State {
    order: Vec<ObjectIdText>,
    leaves: Vec<ObjectIdText>,
    frontier: String,
    gaps: Vec<ObjectIdText>,
    forks: Vec<Vec<ObjectIdText>>,
    refused: Vec<ObjectIdText>,
}

impl Delivered {
    fn run(self) -> Result<()> {
        let mut stream = open(&self.root)?;
        let mut followed = Followed::new(&stream);
        for (at, delivery) in self.deliver.into_iter().enumerate() {
            let parts = delivery.parts.bytes()?;
            let outcome = match stream.ingest(&parts, 0) {
                Ok(Ingested::Admitted { mut then }) => {
                    then.sort_unstable();
                    Outcome::Admitted(texts(then))
                }
                Ok(Ingested::Known) => Outcome::Known,
                Ok(Ingested::Pending { missing }) => Outcome::Pending(texts(missing)),
                Err(rejected) => Outcome::Rejected(rejected.fate(), rejected.code().to_owned()),
            };
            same(delivery.stated()?, outcome).with_context(|| format!("delivery {at}"))?;
            followed.follow(&mut stream)?;
        }
        let state = State {
            order: texts(stream.order()),
            leaves: texts(stream.leaves()),
            frontier: hex(&stream.frontier()),
            gaps: texts(stream.gaps()),
            forks: stream.forks().into_iter().map(|fork| texts(fork.objects)).collect(),
            refused: texts(stream.refused().into_iter().map(|(id, _)| id)),
        };
        same(self.expected, state)
    }
}

fn texts(ids: impl IntoIterator<Item = ObjectId>) -> Vec<ObjectIdText> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judged {
    root: Long,
    objects: Vec<Long>,
    expected: Judgement,
}

/// What is judged in the end; what is absent is not stated.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    order: Vec<ObjectIdText>,
    effective: Vec<ObjectIdText>,
    refused: Option<Vec<ObjectIdText>>,
    epochs: Option<Vec<usize>>,
    checkpoints: Option<BTreeMap<ObjectIdText, String>>,
    explained: Option<Vec<Explained>>,
    ranks: Option<Vec<Rank>>,
    read: Option<BTreeMap<String, bool>>,
    shown: Option<BTreeMap<String, Option<ObjectIdText>>>,
    adopted: Option<Vec<Adopted>>,
    removed: Option<Vec<Removed>>,
    simulated: Option<Vec<Simulation>>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Explained {
    id: ObjectIdText,
    why: String,
    by: Option<ObjectIdText>,
    rule: Option<usize>,
    rank: Option<u8>,
    set: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rank {
    subject: String,
    at: ObjectIdText,
    rank: Option<u8>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Adopted {
    object: ObjectIdText,
    by: ObjectIdText,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Removed {
    object: ObjectIdText,
    map: ObjectIdText,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Simulation {
    objects: Vec<Long>,
    voided: Vec<ObjectIdText>,
    restored: Vec<ObjectIdText>,
}

impl Judged {
    fn run(self) -> Result<()> {
        let mut stream = open(&self.root)?;
        let mut followed = Followed::new(&stream);
        for object in &self.objects {
            // What is refused is stated at the end.
            let _ = stream.ingest(&object.bytes()?, 0);
            followed.follow(&mut stream)?;
        }
        self.expected.compare(&stream)
    }
}

impl Judgement {
    fn compare(self, stream: &Stream) -> Result<()> {
        same(self.order, texts(stream.order())).context("order")?;
        same(self.effective, texts(stream.replayed())).context("effective")?;
        if let Some(refused) = self.refused {
            same(refused, texts(stream.refused().into_iter().map(|(id, _)| id))).context("refused")?;
        }
        if let Some(epochs) = self.epochs {
            let mut counts = vec![0; epochs.len()];
            for id in stream.order() {
                let epoch = stream.epoch(&id).context("it is here")? as usize;
                ensure!(epoch <= counts.len(), "an object of epoch {epoch}");
                counts[epoch - 1] += 1;
            }
            same(epochs, counts).context("epochs")?;
        }
        if let Some(checkpoints) = self.checkpoints {
            let word = |state| match state {
                CheckpointState::Accepted => "accepted",
                CheckpointState::Force => "force",
                CheckpointState::Without(reason) => reason.code(),
            };
            let states = stream.checkpoints().into_iter();
            let states = states.map(|(id, state)| (id.to_string(), word(state).to_owned())).collect();
            same(checkpoints, states).context("checkpoints")?;
        }
        for expected in self.explained.unwrap_or_default() {
            let id = expected.id.clone();
            let verdict = stream.explain(&id.parse()?).context("it is here")?;
            same(expected, explained(id, verdict)).context("explained")?;
        }
        for Rank { subject, at, rank } in self.ranks.unwrap_or_default() {
            same(rank, stream.rank(&subject.parse()?, &at.parse()?).context("it is here")?)
                .with_context(|| format!("rank of {subject} at {at}"))?;
        }
        for (subject, reads) in self.read.unwrap_or_default() {
            same(reads, stream.may_read(&subject.parse()?).is_effective())
                .with_context(|| format!("read {subject}"))?;
        }
        for (subject, shown) in self.shown.unwrap_or_default() {
            same(shown, stream.shown_to(&subject.parse()?).map(|id| id.to_string()))
                .with_context(|| format!("shown to {subject}"))?;
        }
        if let Some(adopted) = self.adopted {
            let pair = |(object, by): (ObjectId, ObjectId)| Adopted { object: object.to_string(), by: by.to_string() };
            same(adopted, stream.adopted().into_iter().map(pair).collect()).context("adopted")?;
        }
        if let Some(removed) = self.removed {
            let pair =
                |(object, map): (ObjectId, ObjectId)| Removed { object: object.to_string(), map: map.to_string() };
            same(removed, stream.removed().into_iter().map(pair).collect()).context("removed")?;
        }
        for Simulation { objects, voided, restored } in self.simulated.unwrap_or_default() {
            let mut authenticator = Authenticator::new(hash_key());
            let objects = objects
                .iter()
                .map(|object| Ok(authenticator.authenticate(Object::decode(&object.bytes()?)?)?))
                .collect::<Result<Vec<_>>>()?;
            let simulated = stream.simulate(&objects);
            same(voided, texts(simulated.voided)).context("simulated: voided")?;
            same(restored, texts(simulated.restored)).context("simulated: restored")?;
        }
        Ok(())
    }
}

/// A verdict in the words of the vectors.
fn explained(id: ObjectIdText, verdict: Verdict) -> Explained {
    let (by, rule, rank, set) = match verdict {
        Verdict::Allowed(Deciding { by, rule, rank, set }) | Verdict::Denied(Deciding { by, rule, rank, set }) => {
            (Some(by), Some(rule), Some(rank), Some(set))
        }
        Verdict::Withdrawn { by, rank, set } => (Some(by), None, Some(rank), Some(set)),
        Verdict::NoRule(set) => (None, None, None, Some(set)),
        _ => (None, None, None, None),
    };
    let (by, set) = (by.map(|id| id.to_string()), set.map(|set| set.name().to_owned()));
    Explained { id, why: verdict.code().to_owned(), by, rule, rank, set }
}

fn open(root: &Long) -> Result<Stream> {
    let root = Authenticator::new(hash_key()).authenticate(Object::decode(&root.bytes()?)?)?;
    let mut stream = Stream::open(root, hash_key())?;
    stream.watch();
    Ok(stream)
}

/// Order, verdicts and state as the change feed tells them (9.5), beginning with the root.
struct Followed {
    replayed: Fold<Vec<ObjectId>>,
    order: Vec<ObjectId>,
    void: BTreeSet<ObjectId>,
    adopted: BTreeMap<ObjectId, ObjectId>,
    last: usize,
    gaps: BTreeSet<ObjectId>,
    forks: BTreeMap<(VerifyingKey, Option<ObjectId>), BTreeSet<ObjectId>>,
}

impl Followed {
    fn new(stream: &Stream) -> Self {
        let replayed = Fold::new(stream, Vec::new(), |ids: &mut Vec<ObjectId>, object| ids.push(object.id()));
        let order = vec![stream.id()];
        Self {
            replayed,
            order,
            void: BTreeSet::new(),
            adopted: BTreeMap::new(),
            last: 0,
            gaps: BTreeSet::new(),
            forks: BTreeMap::new(),
        }
    }

    fn follow(&mut self, stream: &mut Stream) -> Result<()> {
        let changes = stream.take_changes();
        let replayed = self.replayed.update(stream, &changes);
        same(texts(stream.replayed()), texts(replayed.iter().copied())).context("a fold that is kept up to date")?;
        for change in changes {
            match change {
                Change::Inserted { id, at } => {
                    self.order.insert(at, id);
                    self.gaps.remove(&id);
                }
                Change::Voided(id) => ensure!(self.void.insert(id), "{id} is voided twice"),
                Change::Restored(id) => ensure!(self.void.remove(&id), "{id} is restored, and was not void"),
                Change::Adopted { id, by } => {
                    ensure!(self.adopted.insert(id, by).is_none(), "{id} is adopted twice");
                }
                Change::Released { id, by } => {
                    ensure!(self.adopted.remove(&id) == Some(by), "{id} is released, and was not adopted by {by}");
                }
                Change::Finalized { upto, from, order, .. } => {
                    self.last = upto;
                    self.order.truncate(from);
                    self.order.extend(order);
                }
                Change::Copy(_) => {}
                Change::Gap(id) => {
                    self.gaps.insert(id);
                }
                Change::Fork(fork) => {
                    self.forks.entry((fork.author, fork.previous)).or_default().extend(fork.objects);
                }
            }
        }
        same(texts(stream.order()), texts(self.order.iter().copied())).context("the feed's order")?;
        same(stream.final_len(), self.last).context("the feed's final part")?;
        let void = stream.entries().filter(|entry| !entry.effective).map(|entry| entry.authentic.id());
        same(void.collect::<BTreeSet<_>>(), self.void.clone()).context("the feed's void objects")?;
        same(stream.adopted().into_iter().collect(), self.adopted.clone()).context("the feed's adoptions")?;
        let mut forks: Vec<_> = self.forks.values().map(|objects| objects.iter().copied().collect()).collect();
        forks.sort();
        same(stream.forks().into_iter().map(|fork| fork.objects).collect(), forks).context("the feed's forks")?;
        let gaps = stream.gaps();
        ensure!(gaps.iter().all(|gap| self.gaps.contains(gap)), "the feed lacks a gap");
        Ok(())
    }
}

/// Vectors are no attackers.
fn hash_key() -> HashKey {
    HashKey::from_bytes([0; 16])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Oh1 {
    input: Json,
    expected: String,
}

impl Oh1 {
    fn run(self) -> Result<()> {
        same(self.expected, oh1(&self.input.to_string())?)
    }
}
