//! Governing in one line each (spec 8.3, 8.10, 9.2, 3.4): rules for common wishes, and the objects that carry them.

use super::Stream;
use super::append::{AppendError, Writer};
use crate::object::authenticate::Authentic;
use crate::object::author::VerifyingKey;
use crate::object::draft::Draft;
use crate::object::header::types;
use crate::object::id::ObjectId;
use crate::object::key::{Hint, Kind};
use crate::object::value::{List, Map, Value};
use crate::policy::rule::{Action, Rule};

/// Rules for common wishes.
///
/// ```
/// # use streams_core::{Draft, HashKey, Map, Rule, SigningKey, Stream};
/// # let (alice, bob) = (SigningKey::from_bytes([1; 32]), SigningKey::from_bytes([2; 32]));
/// # let mut stream = Stream::open(Draft::root("example.org/list", [0; 16]).sign(&alice)?, HashKey::from_bytes([3; 16]))?;
/// stream.by(&alice).govern([Rule::invite(&bob.verifying_key())])?;
/// stream.by(&bob).append("example.org/list.Added", Map::new())?;
/// stream.by(&alice).govern([Rule::remove(&bob.verifying_key())])?;
/// let late = stream.by(&bob).append("example.org/list.Added", Map::new())?;
/// assert!(!stream.explain(&late.id()).unwrap().is_effective());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Rule {
    /// Everyone may append, and read.
    pub fn open_to_all() -> Self {
        Self::allow([Action::Append, Action::Read])
    }

    /// This author may append, and read.
    pub fn invite(author: &VerifyingKey) -> Self {
        Self::open_to_all().authors([author])
    }

    /// This author may do nothing more; what others knew of when they wrote stays.
    pub fn remove(author: &VerifyingKey) -> Self {
        Self::deny().authors([author])
    }

    /// This author may write rules, too.
    pub fn moderator(author: &VerifyingKey) -> Self {
        Self::allow([Action::Append, Action::Read, Action::Govern]).authors([author])
    }

    /// These authors may read. A stream whose root has no rules lets everyone read, until its author
    /// [withdraws](Writer::withdraw) the root.
    pub fn readers<'a>(authors: impl IntoIterator<Item = &'a VerifyingKey>) -> Self {
        Self::allow([Action::Read]).authors(authors)
    }
}

impl Stream {
    /// A checkpoint by this author that is not signed yet: see [`draft`](Self::draft), and
    /// [`Writer::checkpoint`] for what it does.
    pub fn draft_checkpoint(&self, author: &VerifyingKey) -> Draft {
        let edges = self.edges(author);
        let (count, order) = self.past_of(&edges);
        let data = Map::new()
            .with("count", Value::Uint(count))
            .and_then(|map| map.with("order", Value::Bytes(order.into())))
            .expect("two names");
        Draft::event(types::CHECKPOINT, edges).data(data)
    }
}

impl Writer<'_> {
    /// Appends a policy object with these rules. Whoever does not govern appends a void one, if it is admitted at all.
    pub fn govern(&mut self, rules: impl IntoIterator<Item = Rule>) -> Result<Authentic, AppendError> {
        let draft = self.draft(types::POLICY).policies(rules);
        self.append_draft(draft)
    }

    /// Appends a policy object that withdraws these: with force where its author's rank is not above theirs.
    pub fn withdraw(&mut self, policies: &[ObjectId]) -> Result<Authentic, AppendError> {
        self.append_ids(types::POLICY, "withdraws", policies)
    }

    /// Appends an object that takes up these void ones, under the authority of its author (spec 8.10).
    pub fn adopt(&mut self, objects: &[ObjectId]) -> Result<Authentic, AppendError> {
        self.append_ids(types::ADOPT, "objects", objects)
    }

    /// Appends an object that removes these maps for all (spec 3.4), where its author governs.
    pub fn redact_for_all(&mut self, maps: &[ObjectId]) -> Result<Authentic, AppendError> {
        self.append_ids(types::REDACT, "maps", maps)
    }

    /// Appends a checkpoint over all that is here (spec 9.2): it becomes final, where its author is a holder. O(n).
    pub fn checkpoint(&mut self) -> Result<Authentic, AppendError> {
        let draft = self.stream.draft_checkpoint(&self.key.verifying_key());
        let draft = self.at_its_time(draft);
        self.append_draft(draft)
    }

    fn append_ids(&mut self, r#type: &str, name: &str, ids: &[ObjectId]) -> Result<Authentic, AppendError> {
        let ids = ids.iter().map(|id| Value::Reference(*id)).collect();
        let ids = List::new(Hint::of(Kind::Reference), ids).expect("all are references");
        let data = Map::new().with(name, ids.into()).expect("a name");
        self.append(r#type, data)
    }
}
