//! Who reads and who writes a stream: invited, removed, public, private. All of it are rules in the stream (spec 8).

use streams_core::object::header::types as core_types;
use streams_core::{Action, AppendError, Content, Effect, ObjectId, Rule, Stream, StreamId, VerifyingKey};

use crate::object::types;
use crate::root::Visibility;
use crate::write::{ArchiveError, Hand};

/// What somebody is invited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// To read.
    Reader,
    /// To read, and to write items and what becomes of them: for an archiver with a key of its own, for webhooks.
    Writer,
    /// To read, to write everything, and to invite and remove others.
    Moderator,
}

impl Role {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Moderator => "moderator",
        }
    }

    /// The rules that it is made of.
    pub(crate) fn rules(self, author: &VerifyingKey) -> Vec<Rule> {
        let reads = Rule::readers([author]);
        match self {
            Self::Reader => vec![reads],
            Self::Writer => {
                vec![reads, Rule::allow([Action::Append]).authors([author]).resources(types::FOR_WRITERS)]
            }
            Self::Moderator => vec![Rule::moderator(author)],
        }
    }
}

/// Lets somebody read or write. A removal of the same key is taken back; what the key wrote beside that counts again.
pub async fn invite(
    hand: Hand<'_>,
    stream: StreamId,
    author: &VerifyingKey,
    role: Role,
) -> Result<Vec<ObjectId>, ArchiveError> {
    write(hand, stream, |stream| {
        let removals = removals(stream, author);
        let mut written = Vec::new();
        let mut writer = stream.by(hand.key).at(hand.now);
        if !removals.is_empty() {
            written.push(writer.withdraw(&removals)?.id());
        }
        written.push(writer.govern(role.rules(author))?.id());
        Ok(written)
    })
    .await
}

/// Removes somebody: what the key writes from now on, or beside this, is void, and it reads no more. What it read, it has.
pub async fn remove(hand: Hand<'_>, stream: StreamId, author: &VerifyingKey) -> Result<Vec<ObjectId>, ArchiveError> {
    write(hand, stream, |stream| Ok(vec![stream.by(hand.key).at(hand.now).govern([Rule::remove(author)])?.id()])).await
}

/// Lets everybody read, or only who is invited; returns what was written, which is nothing where it is so already. A
/// stream that anybody can find by its type and author stays so: it is the content that is not read any more, by who
/// did not read it before.
pub async fn set_visibility(
    hand: Hand<'_>,
    stream: StreamId,
    visibility: Visibility,
) -> Result<Vec<ObjectId>, ArchiveError> {
    write(hand, stream, |stream| {
        let is_public = is_public(stream);
        match visibility {
            Visibility::Public if !is_public => {
                Ok(vec![stream.by(hand.key).at(hand.now).govern([Rule::allow([Action::Read])])?.id()])
            }
            Visibility::Private if is_public => {
                let open = standing(stream, lets_all_read);
                let owner = stream.owner();
                let mut writer = stream.by(hand.key).at(hand.now);
                Ok(vec![writer.withdraw(&open)?.id(), writer.govern([Rule::readers([&owner])])?.id()])
            }
            _ => Ok(Vec::new()),
        }
    })
    .await
}

/// Whether everybody reads a stream.
pub fn is_public(stream: &Stream) -> bool {
    // A key that nobody has: what it may read, everybody may.
    let nobody = streams_core::SigningKey::from_bytes([0xA5; 32]).verifying_key();
    stream.may_read(&nobody).is_effective()
}

async fn write(
    hand: Hand<'_>,
    stream: StreamId,
    mut write: impl FnMut(&mut Stream) -> Result<Vec<ObjectId>, AppendError>,
) -> Result<Vec<ObjectId>, ArchiveError> {
    loop {
        let head = hand.node.head(stream).await?.ok_or(ArchiveError::NoStream(stream))?;
        let attempt = |stream: &mut Stream| {
            let written = write(stream)?;
            match written.iter().find(|id| !stream.is_effective(id)) {
                Some(id) => Err(ArchiveError::Void(*id)),
                None => Ok(written),
            }
        };
        if let Some(written) = hand.node.write_after(stream, head.last, attempt).await? {
            return written;
        }
    }
}

/// The policy objects that stand and deny something to this author alone.
pub(crate) fn removals(stream: &Stream, author: &VerifyingKey) -> Vec<ObjectId> {
    standing(stream, |rule| removes(rule, author))
}

/// Whether a rule denies something to this author alone.
pub(crate) fn removes(rule: &Rule, author: &VerifyingKey) -> bool {
    rule.effect == Effect::Deny && is_about(rule, author)
}

/// The policy objects that stand and have such a rule.
fn standing(stream: &Stream, fits: impl Fn(&Rule) -> bool) -> Vec<ObjectId> {
    let withdrawn = stream.withdrawn();
    let entries = stream.entries().filter(|entry| {
        let id = entry.authentic.id();
        let is_policy = id == stream.id() || entry.authentic.header().r#type() == core_types::POLICY;
        is_policy && (entry.effective || id == stream.id()) && !withdrawn.contains(&id)
    });
    let has = |entry: &streams_core::Entry| match Content::read(&entry.authentic) {
        Ok(Content::Application { rules }) if rules.is_empty() => fits(&Rule::allow([Action::Read])),
        Ok(Content::Application { rules } | Content::Policy { rules, .. }) => rules.iter().any(&fits),
        _ => false,
    };
    entries.filter(has).map(|entry| entry.authentic.id()).collect()
}

/// Whether a rule is about this author alone.
fn is_about(rule: &Rule, author: &VerifyingKey) -> bool {
    rule.subjects.as_deref() == Some(&[author.to_string()])
}

/// Whether a rule lets everybody read.
fn lets_all_read(rule: &Rule) -> bool {
    let reads = rule.actions.iter().flatten().any(|name| name == Action::Read.name());
    rule.effect == Effect::Allow && rule.is_for_all() && reads
}
