//! Admission (spec 7): from an authentic object to one that every replica takes.
//!
//! Only what the id fixes is read, so every replica answers alike: the header, the rules, the data of `streams/`
//! types, and the past. What breaks a rule is refused for ever, and with it all that cites it; what cites something
//! that is not here waits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::content::{Content, ContentError};
use super::feed::Change;
use super::{OpenError, REDACTED, Stream};
use smallvec::SmallVec;

use crate::graph::{Index, PendingFull};
use crate::keyed::HashKey;
use crate::object::authenticate::{Authentic, AuthenticateError};
use crate::object::header::{Header, HeaderError, Newer, Unfit};
use crate::object::id::ObjectId;
use crate::object::parts::{Object, Unsound};
use crate::schema::fit::Unlike;

/// What became of an object that was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// It is admitted, and so are these that waited for it, in the order in which they were.
    Admitted {
        /// The ids of those that waited.
        then: Vec<ObjectId>,
    },
    /// It was here already. Maps that stood redacted, and that this copy has, were kept.
    Known,
    /// It waits for these, ascending. Some of them may wait themselves.
    Pending {
        /// All that it cites and that is not admitted.
        missing: Vec<ObjectId>,
    },
}

/// Why an object was not taken in, by its fate (spec 14.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The copy is at fault. The object may be had elsewhere.
    #[error("dropped: {0}")]
    Dropped(#[from] Dropped),
    /// It is of a newer version. Nobody is at fault.
    #[error("newer: {0}")]
    Newer(#[from] Newer),
    /// It is not as this replica wants it defined (spec 13.2). Others may take it.
    #[error("not as it is defined: {0}")]
    Unlike(#[from] Unlike),
    /// It breaks a rule, for every replica and for ever.
    #[error("refused: {0}")]
    Refused(#[from] Refused),
}

impl Rejected {
    /// The code of spec 14.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Dropped(dropped) => dropped.code(),
            Self::Newer(newer) => newer.code(),
            Self::Unlike(unlike) => unlike.code(),
            Self::Refused(refused) => refused.code(),
        }
    }

    /// `dropped`, `newer` or `refused`.
    pub const fn fate(&self) -> &'static str {
        match self {
            Self::Dropped(_) => "dropped",
            Self::Newer(_) | Self::Unlike(_) => "newer",
            Self::Refused(_) => "refused",
        }
    }
}

impl From<AuthenticateError> for Rejected {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Unsound(unsound) => Dropped::Unsound(unsound).into(),
            AuthenticateError::Unfit(Unfit::Newer(newer)) => newer.into(),
            AuthenticateError::Unfit(Unfit::Refused(header)) => Refused::Header(header).into(),
        }
    }
}

impl From<OpenError> for Rejected {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NotARoot => Refused::OtherStream.into(),
            OpenError::Content(content) => Refused::Content(content).into(),
        }
    }
}

impl From<Unsound> for Rejected {
    fn from(unsound: Unsound) -> Self {
        Dropped::Unsound(unsound).into()
    }
}

/// Why a copy was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// It is not sound.
    #[error(transparent)]
    Unsound(#[from] Unsound),
    /// It would have to wait, and there is no room.
    #[error(transparent)]
    NoRoom(#[from] PendingFull),
}

impl Dropped {
    /// The code of spec 14.2.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unsound(unsound) => unsound.code(),
            Self::NoRoom(_) => "pending-full",
        }
    }
}

/// Which rule an object breaks (spec 14.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A rule of the header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A rule of what it says to the stream.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// It belongs to another stream, or is another root.
    #[error("it belongs to another stream")]
    OtherStream,
    /// It cites an object that is refused.
    #[error("it cites {0}, which is refused")]
    ParentRefused(ObjectId),
    /// Its previous is not its author's.
    #[error("its previous was written by another author")]
    PreviousAuthor,
    /// Its generation is not one more than the largest of what it cites.
    #[error("its generation is {found}, and must be {right}: one more than the largest of what it cites")]
    Generation {
        /// What it says.
        found: u64,
        /// What it should say.
        right: u64,
    },
    /// No rule in its past allows it to its author, who is not the owner.
    #[error("nothing in its past allows its author to write an object of this type")]
    NotAuthorized,
}

impl Refused {
    /// The code of spec 14.5.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Header(error) => error.code(),
            Self::Content(error) => error.code(),
            Self::OtherStream => "other-stream",
            Self::ParentRefused(_) => "parent-refused",
            Self::PreviousAuthor => "previous-author",
            Self::Generation { .. } => "generation-wrong",
            Self::NotAuthorized => "not-authorized",
        }
    }
}

/// How many refused ids are remembered. What is forgotten is judged again when it comes again.
const MAX_REFUSED: usize = 1 << 16;

/// The ids that are refused, the latest of them.
#[derive(Clone)]
pub(super) struct RefusedIds {
    reasons: HashMap<ObjectId, Refused, HashKey>,
    oldest_first: VecDeque<ObjectId>,
}

impl RefusedIds {
    pub(super) fn new(key: HashKey) -> Self {
        Self { reasons: HashMap::with_hasher(key), oldest_first: VecDeque::new() }
    }

    fn insert(&mut self, id: ObjectId, reason: Refused) {
        if self.reasons.insert(id, reason).is_none() {
            self.oldest_first.push_back(id);
        }
        if self.oldest_first.len() > MAX_REFUSED
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.reasons.remove(&oldest);
        }
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = (ObjectId, Refused)> {
        self.reasons.iter().map(|(id, reason)| (*id, *reason))
    }
}

impl Stream {
    /// Takes in an object from its parts, as they came from a peer or from a file. `from` tells the peer, by whatever
    /// number the caller gives it, since what waits is bounded by peer.
    ///
    /// Costs one verification of a signature, and O(log n).
    pub fn ingest(&mut self, parts: &[u8], from: u64) -> Result<Ingested, Rejected> {
        let object = Object::decode(parts)?;
        let here = match self.recognize(&object) {
            Recognized::Answer(answer) => return answer,
            Recognized::Unproven(here) => here,
        };
        let (id, authentic) = (object.id(), self.authenticator.authenticate(object));
        self.admit_or_refuse(id, here, authentic, Some(from))
    }

    /// Takes in many objects at once, whose signatures are verified together: three times as fast where few authors
    /// wrote them. The answers are those of [`ingest`](Self::ingest), one for each, in the same order.
    pub fn ingest_batch<'a>(
        &mut self,
        parts: impl IntoIterator<Item = &'a [u8]>,
        from: u64,
    ) -> Vec<Result<Ingested, Rejected>> {
        let mut unproven = Vec::new();
        let answers: Vec<_> = parts
            .into_iter()
            .map(|parts| {
                let object = match Object::decode(parts) {
                    Ok(object) => object,
                    Err(unsound) => return Some(Err(unsound.into())),
                };
                match self.recognize(&object) {
                    Recognized::Answer(answer) => Some(answer),
                    Recognized::Unproven(_) => {
                        unproven.push(object);
                        None
                    }
                }
            })
            .collect();
        let ids: Vec<ObjectId> = unproven.iter().map(Object::id).collect();
        let mut proven = ids.into_iter().zip(self.authenticator.authenticate_batch(unproven));
        let mut admit_next = || {
            let (id, authentic) = proven.next().expect("one for each that was not answered");
            // It may have come with this batch.
            let here = self.graph.find(&id);
            self.admit_or_refuse(id, here, authentic, Some(from))
        };
        answers.into_iter().map(|answer| answer.unwrap_or_else(&mut admit_next)).collect()
    }

    /// Takes in an object whose signature this replica verified before (spec 6.2): from its own store, or from an
    /// archive that it vouched for. All else is judged.
    pub fn ingest_verified(&mut self, parts: &[u8]) -> Result<Ingested, Rejected> {
        let object = Object::decode(parts)?;
        let here = match self.recognize(&object) {
            Recognized::Answer(answer) => return answer,
            Recognized::Unproven(here) => here,
        };
        let (id, authentic) = (object.id(), self.authenticator.verified_before(object));
        self.admit_or_refuse(id, here, authentic, None)
    }

    /// Admits an object that was authenticated elsewhere, or just signed.
    pub fn admit(&mut self, authentic: Authentic, from: u64) -> Result<Ingested, Rejected> {
        let (id, here) = (authentic.id(), self.graph.find(&authentic.id()));
        self.admit_or_refuse(id, here, Ok(authentic), Some(from))
    }

    /// Answers on a copy of what is here, or waits, where its signature need not be verified again.
    fn recognize(&mut self, object: &Object) -> Recognized {
        let id = object.id();
        let here = self.graph.find(&id);
        if let Some(index) = here {
            if object.is_as_sound_as(&self.parts[index.as_usize()]) {
                self.keep_maps(index, object);
                return Recognized::Answer(Ok(Ingested::Known));
            }
        } else if let Some(waiting) = self.waiting.get(&id)
            && object.is_as_sound_as(waiting.object().parts())
        {
            return Recognized::Answer(Ok(Ingested::Pending { missing: self.cited(waiting).missing }));
        }
        Recognized::Unproven(here)
    }

    /// Keeps the maps of a copy that this replica lacks, but not those that it dropped itself, or that are removed for
    /// all (spec 3.3, 3.4).
    fn keep_maps(&mut self, index: Index, copy: &Object) {
        if self.flags[index.as_usize()] & REDACTED == 0 {
            return;
        }
        let mut maps = copy.maps();
        maps.retain(|map| {
            let map = ObjectId::of_block(map);
            !self.dropped_maps.contains(&map) && !self.is_removed(index, &map)
        });
        let object = self.object_at(index).restore(&maps);
        self.keep(index, &object);
    }

    /// Judges an object, which may be here already. It comes from a peer, or is one that this replica admitted before.
    fn admit_or_refuse(
        &mut self,
        id: ObjectId,
        here: Option<Index>,
        authentic: Result<Authentic, AuthenticateError>,
        from: Option<u64>,
    ) -> Result<Ingested, Rejected> {
        let authentic = authentic.map_err(|error| {
            if let AuthenticateError::Unfit(Unfit::Refused(header)) = error {
                self.refuse(id, header.into());
            }
            Rejected::from(error)
        })?;
        if let Some(index) = here {
            self.keep_maps(index, authentic.object());
            return Ok(Ingested::Known);
        }
        if from.is_some() {
            self.fits_here(&authentic)?;
        }
        let cited = self.cited(&authentic);
        match self.judge(&authentic, &cited) {
            Err(refused) => {
                self.refuse(id, refused);
                Err(refused.into())
            }
            Ok(_) if !cited.missing.is_empty() => self.wait(authentic, cited.missing, from.unwrap_or(0)),
            Ok(content) => {
                self.insert(authentic, content, &cited);
                Ok(Ingested::Admitted { then: self.admit_waiting(id) })
            }
        }
    }

    fn wait(&mut self, authentic: Authentic, missing: Vec<ObjectId>, from: u64) -> Result<Ingested, Rejected> {
        let weight = authentic.object().parts().len() as u64;
        let author = *authentic.header().author().as_bytes();
        let gaps: Vec<ObjectId> = missing.iter().copied().filter(|id| !self.pending.is_asked_for(id)).collect();
        self.pending
            .add(authentic.id(), &missing, weight, author, from)
            .map_err(|full| Rejected::Dropped(full.into()))?;
        self.waiting.insert(authentic.id(), authentic);
        gaps.into_iter().for_each(|id| self.tell(|_| Change::Gap(id)));
        Ok(Ingested::Pending { missing })
    }

    /// Admits, or refuses, what waited for an object, and what waited for that.
    fn admit_waiting(&mut self, id: ObjectId) -> Vec<ObjectId> {
        let mut admitted = Vec::new();
        let mut ready = VecDeque::from(self.pending.arrived(id));
        while let Some(id) = ready.pop_front() {
            let authentic = self.waiting.remove(&id).expect("what waits is kept");
            let cited = self.cited(&authentic);
            match self.judge(&authentic, &cited) {
                Err(refused) => self.refuse(id, refused),
                Ok(content) => {
                    self.insert(authentic, content, &cited);
                    admitted.push(id);
                    ready.extend(self.pending.arrived(id));
                }
            }
        }
        admitted
    }

    /// Refuses an object, and all that waits for it.
    fn refuse(&mut self, id: ObjectId, reason: Refused) {
        self.refused.insert(id, reason);
        for citing in self.pending.refused(id) {
            self.waiting.remove(&citing);
            self.refused.insert(citing, Refused::ParentRefused(id));
        }
    }

    /// Looks up what an object cites.
    fn cited(&self, authentic: &Authentic) -> Cited {
        let header = authentic.header();
        let parents = header.parents();
        let mut cited = Cited::default();
        for id in parents.iter() {
            match self.graph.find(&id) {
                Some(index) => cited.edges.push(index),
                None => cited.missing.push(id),
            }
        }
        if let Some(id) = header.previous() {
            cited.previous = self.graph.find(&id);
            match cited.previous {
                Some(index) if !cited.edges.contains(&index) => cited.edges.push(index),
                None if !cited.missing.contains(&id) => cited.missing.push(id),
                _ => {}
            }
        }
        cited.missing.sort_unstable();
        cited
    }

    /// All rules, as far as what is cited is here.
    fn judge(&self, authentic: &Authentic, cited: &Cited) -> Result<Content, Refused> {
        let header = authentic.header();
        if header.stream() != Some(self.id) {
            return Err(Refused::OtherStream);
        }
        let content = Content::read(authentic)?;
        if let Some(refused) = cited.missing.iter().find(|id| self.refused.reasons.contains_key(id)) {
            return Err(Refused::ParentRefused(*refused));
        }
        if cited.missing.is_empty() {
            self.judge_past(&header, cited)?;
        }
        Ok(content)
    }

    /// The rules of the past, all of which is here.
    fn judge_past(&self, header: &Header<'_>, cited: &Cited) -> Result<(), Refused> {
        if cited.previous.is_some_and(|previous| self.chains.author(previous) != header.author()) {
            return Err(Refused::PreviousAuthor);
        }
        let above = cited.edges.iter().map(|edge| self.graph.generation(*edge)).max().expect("at least one parent");
        let (found, right) = (header.generation(), above + 1);
        if found != right {
            return Err(Refused::Generation { found, right });
        }
        if header.next().is_some() && header.author() != self.owner() {
            return Err(HeaderError::NextForbidden.into());
        }
        if !self.is_born_authorized(header, &cited.edges) {
            return Err(Refused::NotAuthorized);
        }
        Ok(())
    }

    /// Inserts an object that keeps all rules.
    pub(super) fn insert(&mut self, authentic: Authentic, content: Content, cited: &Cited) {
        let header = authentic.header();
        let (author, generation) = (header.author(), header.generation());
        let tie = self.ties.tie(generation, &author);
        let (graph, chains, ties) = (&mut self.graph, &self.chains, &self.ties);
        // Only an object of the same generation is ever asked for.
        let tie_of = |other: Index| ties.tie(generation, &chains.author(other));
        let index = graph.insert(authentic.id(), &cited.edges, generation, tie, tie_of);
        let forks = self.chains.push(&self.graph, index, author, cited.previous);
        // What governs, makes final, adopts or redacts may change what is adopted and removed.
        let judges_more = !matches!(content, Content::Application { .. });
        let adopts = if let Content::Adopt { objects } = &content { objects.clone() } else { Vec::new() };
        if matches!(content, Content::Redact { .. }) {
            self.note_redacting(index);
        }
        self.judge_newest(index, &header, content);
        if forks {
            let fork = self.chains.news_of_fork(&self.graph, author, cited.previous).expect("it was just made");
            self.tell(|_| Change::Fork(fork));
        }
        if authentic.object().is_redacted() {
            self.flags[index.as_usize()] |= REDACTED;
        }
        self.parts.push(Arc::clone(authentic.object().parts()));
        if judges_more {
            self.note_adopting(index, &adopts);
            self.judge_adoptions();
            self.remove_for_all();
        }
    }
}

/// What a first look at an object tells.
enum Recognized {
    Answer(Result<Ingested, Rejected>),
    /// The author is to be proven; the object may be here, in another copy.
    Unproven(Option<Index>),
}

/// What an object cites.
#[derive(Default)]
pub(super) struct Cited {
    /// Parents and previous that are here, each once.
    edges: SmallVec<[Index; 4]>,
    previous: Option<Index>,
    /// Those that are not here, ascending.
    missing: Vec<ObjectId>,
}
