//! Streams: what is asked of one, and what changes it, whether it stands alone or in a node.

use streams_core::codes::Coded;
use streams_core::stream::admit::{Ingested, Rejected};
use streams_core::stream::checkpoint::CheckpointState;
use streams_core::stream::feed::Change;
use streams_core::stream::judge::Set;
use streams_core::{Authentic, Authenticator, Deciding, Entry, Fork, Object, ObjectId, Stream, Verdict};
#[cfg(feature = "whole")]
use streams_core::{Draft, SigningKey, VerifyingKey};
use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "whole")]
use crate::author::Key;
use crate::cbor::{In, Out};
use crate::error::{Failure, Outcome};
use crate::hash_key;
use crate::object;
#[cfg(feature = "whole")]
use crate::object::Spec;

/// What one replica holds of one stream.
#[wasm_bindgen]
pub struct StreamHandle(Stream);

#[wasm_bindgen]
impl StreamHandle {
    /// Opens a stream with its root.
    pub fn open(root: &[u8]) -> Result<StreamHandle, Failure> {
        let root = Authenticator::new(hash_key()).authenticate(Object::decode(root)?)?;
        Ok(Self(Stream::open(root, hash_key())?))
    }

    /// What is asked is the name of a function of the core, and its arguments.
    pub fn ask(&self, what: &str, arguments: &[u8]) -> Result<Vec<u8>, Failure> {
        ask(&self.0, what, arguments)
    }

    /// Takes in objects.
    pub fn ingest(&mut self, arguments: &[u8]) -> Result<Vec<u8>, Failure> {
        ingest(&mut self.0, arguments)
    }

    #[cfg(feature = "whole")]
    /// Writes an object.
    pub fn append(&mut self, key: &Key, spec: &[u8]) -> Result<Vec<u8>, Failure> {
        append(&mut self.0, &key.0, spec)
    }

    #[cfg(feature = "whole")]
    /// Drops a map here alone.
    pub fn redact(&mut self, arguments: &[u8]) -> Result<Vec<u8>, Failure> {
        redact(&mut self.0, arguments)
    }

    /// Tells what became different from now on.
    pub fn watch(&mut self) {
        self.0.watch();
    }

    /// What became different since it was asked before.
    #[wasm_bindgen(js_name = takeChanges)]
    pub fn take_changes(&mut self) -> Vec<u8> {
        let changes = self.0.take_changes();
        let mut out = Out::new();
        out.list(changes.len());
        changes.iter().for_each(|change| write_change(&mut out, change));
        out.into_bytes()
    }

    /// The stream as it was below these leaves.
    #[wasm_bindgen(js_name = asOf)]
    pub fn as_of(&self, leaves: &[u8]) -> Result<Option<StreamHandle>, Failure> {
        Ok(self.0.as_of(&In::new(leaves).ids()?).map(Self))
    }
}

/// Takes in objects: a list of their parts, and the number of whoever brought them.
pub(crate) fn ingest(stream: &mut Stream, arguments: &[u8]) -> Outcome<Vec<u8>> {
    let mut input = In::new(arguments);
    input.list()?;
    let (parts, from) = (input.parts()?, input.uint()?);
    let taken = match parts[..] {
        [one] => vec![stream.ingest(one, from)],
        _ => stream.ingest_batch(parts.iter().copied(), from),
    };
    let mut out = Out::new();
    write_taken(&mut out, &taken);
    Ok(out.into_bytes())
}

#[cfg(feature = "whole")]
/// Writes an object, and tells it.
pub(crate) fn append(stream: &mut Stream, key: &SigningKey, spec: &[u8]) -> Outcome<Vec<u8>> {
    let draft = draft(stream, &key.verifying_key(), &mut In::new(spec))?;
    let authentic = stream.append_draft(key, draft).map_err(Failure::from)?;
    let mut out = Out::new();
    object::write_authentic(&mut out, &authentic);
    Ok(out.into_bytes())
}

#[cfg(feature = "whole")]
/// Drops a map of an object: both ids. Tells the object, or null.
pub(crate) fn redact(stream: &mut Stream, arguments: &[u8]) -> Outcome<Vec<u8>> {
    let mut input = In::new(arguments);
    input.list()?;
    let (id, map) = (input.id()?, input.id()?);
    let redacted = stream.redact(&id, &map).transpose()?;
    let mut out = Out::new();
    out.option(redacted.and_then(|_| stream.object(&id)), |out, authentic| object::write_authentic(out, &authentic));
    Ok(out.into_bytes())
}

#[cfg(feature = "whole")]
/// What is to be written: a checkpoint where the type says so, else what the specification of it says.
fn draft(stream: &Stream, author: &VerifyingKey, input: &mut In<'_>) -> Outcome<Draft> {
    let spec = Spec::read(input)?;
    let draft = match (&*spec.r#type, &spec.data) {
        ("streams/checkpoint", None) => stream.draft_checkpoint(author),
        (r#type, _) => stream.draft(r#type, author),
    };
    Ok(spec.fill(draft))
}

/// Answers a question.
pub(crate) fn ask(stream: &Stream, what: &str, arguments: &[u8]) -> Outcome<Vec<u8>> {
    let mut input = In::new(arguments);
    let mut out = Out::new();
    match what {
        "summary" => {
            out.list(6).id(&stream.id()).author(&stream.owner()).uint(stream.len() as u64);
            out.uint(stream.final_len() as u64).bytes(&stream.frontier()).ids(&stream.leaves());
        }
        "entries" => {
            input.list()?;
            let (from, limit) = (input.size()?, input.size()?);
            let entries: Vec<Entry> = stream.entries_from(from.min(stream.len())).take(limit).collect();
            out.list(entries.len());
            for entry in entries {
                write_entry(&mut out, stream, entry.position, entry.effective, &entry.authentic);
            }
        }
        "entry" => {
            let id = input.id()?;
            out.option(stream.entry(&id), |out, entry| {
                write_entry(out, stream, entry.position, entry.effective, &entry.authentic);
            });
        }
        "order" => {
            out.ids(&stream.order().collect::<Vec<_>>());
        }
        "orderDigest" => drop(out.bytes(&stream.order_digest())),
        "replayed" => drop(out.ids(&stream.replayed())),
        "explain" => drop(out.option(stream.explain(&input.id()?), |out, verdict| write_verdict(out, &verdict))),
        "simulate" => {
            let mut authenticator = Authenticator::new(hash_key());
            let objects =
                input.parts()?.into_iter().map(|parts| Ok(authenticator.authenticate(Object::decode(parts)?)?));
            let simulated = stream.simulate(&objects.collect::<Outcome<Vec<Authentic>>>()?);
            out.list(3);
            write_taken(&mut out, &simulated.taken);
            out.ids(&simulated.voided).ids(&simulated.restored);
        }
        "rank" => {
            input.list()?;
            let (subject, at) = (input.author()?, input.id()?);
            out.option(stream.rank(&subject, &at), |out, rank| {
                out.list(1).option(rank, |out, rank| {
                    out.uint(rank.into());
                });
            });
        }
        "mayRead" => {
            let subject = input.author()?;
            out.list(2);
            write_verdict(&mut out, &stream.may_read(&subject));
            out.option(stream.shown_to(&subject), |out, id| {
                out.id(&id);
            });
        }
        "forks" => {
            let forks = stream.forks();
            out.list(forks.len());
            forks.iter().for_each(|fork| write_fork(&mut out, fork));
        }
        "gaps" => drop(out.ids(&stream.gaps())),
        "refused" => {
            let refused = stream.refused();
            out.list(refused.len());
            for (id, reason) in refused {
                out.list(2).id(&id).text(reason.code());
            }
        }
        "checkpoints" => {
            let checkpoints = stream.checkpoints();
            out.list(checkpoints.len());
            for (id, state) in checkpoints {
                out.list(2).id(&id).text(match state {
                    CheckpointState::Accepted => "accepted",
                    CheckpointState::Force => "force",
                    CheckpointState::Without(reason) => reason.code(),
                });
            }
        }
        "withdrawn" => drop(out.ids(&stream.withdrawn())),
        "adopted" => write_pairs(&mut out, &stream.adopted()),
        "removed" => write_pairs(&mut out, &stream.removed()),
        "authors" => {
            let authors = stream.authors();
            out.list(authors.len());
            authors.for_each(|author| {
                out.author(&author);
            });
        }
        "isAncestor" => {
            input.list()?;
            let (id, of) = (input.id()?, input.id()?);
            out.bool(stream.is_ancestor(&id, &of));
        }
        "epoch" => drop(out.option(stream.epoch(&input.id()?), |out, epoch| {
            out.uint(epoch.into());
        })),
        #[cfg(feature = "whole")]
        "draft" => {
            input.list()?;
            let author = input.author()?;
            out.bytes(draft(stream, &author, &mut input)?.encode(&author)?.parts());
        }
        _ => drop(out.null()),
    }
    Ok(out.into_bytes())
}

fn write_entry(out: &mut Out, stream: &Stream, position: usize, effective: bool, authentic: &Authentic) {
    let id = authentic.id();
    out.list(5).uint(position as u64).bool(effective).bool(position < stream.final_len());
    out.option(stream.adopter(&id), |out, by| {
        out.id(&by);
    });
    object::write_authentic(out, authentic);
}

fn write_pairs(out: &mut Out, pairs: &[(ObjectId, ObjectId)]) {
    out.list(pairs.len());
    for (one, other) in pairs {
        out.list(2).id(one).id(other);
    }
}

fn write_fork(out: &mut Out, fork: &Fork) {
    out.list(3)
        .author(&fork.author)
        .option(fork.previous, |out, id| {
            out.id(&id);
        })
        .ids(&fork.objects);
}

/// What became of objects that were taken in: for each a word, and what follows from it.
pub(crate) fn write_taken(out: &mut Out, taken: &[Result<Ingested, Rejected>]) {
    out.list(taken.len());
    for taken in taken {
        out.list(2);
        match taken {
            Ok(Ingested::Admitted { then }) => out.text("admitted").ids(then),
            Ok(Ingested::Known) => out.text("known").null(),
            Ok(Ingested::Pending { missing }) => out.text("pending").ids(missing),
            Err(rejected) => out.text(rejected.fate()).text(Coded::code(rejected)),
        };
    }
}

pub(crate) fn write_verdict(out: &mut Out, verdict: &Verdict) {
    let set = |set: &Set| match set {
        Set::Known => "known",
        Set::Beside => "beside",
    };
    out.list(6).bool(verdict.is_effective()).text(verdict.code());
    match verdict {
        Verdict::Allowed(Deciding { by, rule, rank, set: of })
        | Verdict::Denied(Deciding { by, rule, rank, set: of }) => {
            out.id(by).uint(*rule as u64).uint((*rank).into()).text(set(of))
        }
        Verdict::Withdrawn { by, rank, set: of } => out.id(by).null().uint((*rank).into()).text(set(of)),
        Verdict::NoRule(of) => out.null().null().null().text(set(of)),
        _ => out.null().null().null().null(),
    };
}

fn write_change(out: &mut Out, change: &Change) {
    out.list(3);
    match change {
        Change::Inserted { id, at } => out.text("inserted").id(id).uint(*at as u64),
        Change::Voided(id) => out.text("voided").id(id).null(),
        Change::Restored(id) => out.text("restored").id(id).null(),
        Change::Adopted { id, by } => out.text("adopted").id(id).id(by),
        Change::Released { id, by } => out.text("released").id(id).id(by),
        Change::Finalized { upto, from, order, .. } => {
            out.text("finalized").uint(*upto as u64).list(2).uint(*from as u64).ids(order)
        }
        Change::Copy(id) => out.text("copy").id(id).null(),
        Change::Gap(id) => out.text("gap").id(id).null(),
        Change::Fork(fork) => {
            out.text("fork").null();
            write_fork(out, fork);
            out
        }
    };
}
