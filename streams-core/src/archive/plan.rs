//! Keeping copies (spec 11.2): what is wanted is compared with what is, and what is lacking is planned, without IO.
//!
//! A [`Plan`] is told what is wanted of which streams, by whom and where, and what is known of it from before. Then it
//! is asked for [`steps`](Plan::steps), somebody carries them out, and it is told the [`answer`](Plan::answer) to each.
//! Time and chance are arguments.
//!
//! What holds whatever goes wrong, and wherever it is cut off:
//!
//! - **Intent first.** A deal is submitted only after its key was kept, and nothing else is done about it until its
//!   ticket is kept. What is to be kept is a step like others ([`Step::Keep`]), and of a pack that has something to be
//!   kept there is no other step.
//! - **Ids, not places in a list.** An answer names owner, stream, pack, archiver and deal; one that fits nothing any
//!   more changes nothing.
//! - **Not known is not failed.** A deal of which nobody can tell is asked about again; only where that lasts longer
//!   than one's patience is another made in its place, and it is watched all the same.
//! - **One does not wait for another.** Each pack has a queue at each archiver, and what is blocked blocks itself alone.
//! - **First the new copies.** Nothing is released before all copies that are wanted are there of what replaces it.

mod job;

mod release;

use std::collections::BTreeMap;

use super::deal::{
    Capabilities, Failure, FailureKind, Gone, Pack, Price, Released, Request, Status, SubmissionKey, Ticket,
};
use super::ledger::{Account, Deal, Head, Job, PackRecord, State, Told, encode};
use crate::object::author::VerifyingKey;

/// An hour, in milliseconds.
const HOUR: u64 = 60 * 60 * 1000;

/// What is wanted for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where copies are kept.
    pub places: Vec<Place>,
    /// How often the stream and the deals are looked at, in milliseconds.
    pub interval: u64,
    /// How long before a deal ends it is renewed, in milliseconds.
    pub renew_before: u64,
    /// Whether lost copies are replaced.
    pub repair: bool,
    /// A pack is sealed when so many bytes wait for it,
    pub pack_size: u64,
    /// or when something waits for so many milliseconds.
    pub pack_age: u64,
    /// How long a deal may stand still, or be unknown, until another takes its place; in milliseconds.
    pub patience: u64,
    /// How often all bytes are read back and compared, in milliseconds; never without.
    pub audit: Option<u64>,
}

/// A place where copies are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The archiver.
    pub archiver: String,
    /// How many copies.
    pub copies: u16,
    /// The most that an owner spends there, in the archiver's unit, over all streams.
    pub budget: Option<u64>,
}

/// All at once, checked hourly, renewed a week before the end, three days of patience, no reading back.
impl Default for Policy {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            interval: HOUR,
            renew_before: 7 * 24 * HOUR,
            repair: true,
            pack_size: 0,
            pack_age: 0,
            patience: 72 * HOUR,
            audit: None,
        }
    }
}

/// Why something cannot be wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No archiver has this name.
    #[error("no archiver is called {0}")]
    NoArchiver(String),
    /// A place is named twice.
    #[error("the archiver {0} is named twice: say how many copies it keeps")]
    Twice(String),
    /// The archiver does not make so many copies, or none are wanted.
    #[error("{archiver} keeps 1 to {most} copies of a pack, not {wanted}")]
    Copies {
        /// The archiver.
        archiver: String,
        /// How many were wanted.
        wanted: u16,
        /// The most that it makes.
        most: u16,
    },
    /// The archiver does not give bytes back, so they cannot be compared.
    #[error("{0} gives no bytes back, so nothing there can be audited")]
    NoAudit(String),
}

impl PolicyError {
    /// The code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoArchiver(_) => "no-archiver",
            Self::Twice(_) => "twice",
            Self::Copies { .. } => "copies",
            Self::NoAudit(_) => "no-audit",
        }
    }
}

/// What a step or an answer is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Whose copies of which stream.
    pub account: Account,
    /// The number of the pack.
    pub pack: u32,
    /// The archiver.
    pub archiver: String,
    /// The number of the deal; for a quote, of the one that is to come.
    pub number: u32,
}

/// Something to be done by whoever drives the plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Keep bytes under a name: durable before the answer.
    Keep {
        /// What it is about.
        account: Account,
        /// The number of the pack whose record it is; of the head, none.
        pack: Option<u32>,
        /// The name.
        name: String,
        /// The bytes.
        value: Vec<u8>,
    },
    /// Tell how many bytes of the stream have a higher number than this in the store, and which packs are to be released; it
    /// need not count beyond `enough`.
    Look {
        /// Whose stream.
        account: Account,
        /// The number.
        above: u64,
        /// How many are enough.
        enough: u64,
    },
    /// Make a pack of what has a higher number than this, and keep its bytes here.
    Seal {
        /// Whose stream.
        account: Account,
        /// The number; 0 for the whole stream.
        above: u64,
        /// The pack before, which it continues.
        continues: Option<Pack>,
    },
    /// Ask an archiver.
    Ask {
        /// About what.
        at: At,
        /// What.
        call: Call,
    },
    /// Write the news of a deal into its stream.
    Tell {
        /// About what.
        at: At,
        /// What is new.
        receipt: Box<Receipt>,
    },
    /// The bytes of a pack need not wait here any more: enough copies are elsewhere.
    Forget {
        /// Whose stream.
        account: Account,
        /// The number of the pack.
        number: u32,
        /// The pack.
        pack: Pack,
    },
}

impl Step {
    /// Whose copies of which stream it is about.
    pub fn account(&self) -> &Account {
        match self {
            Self::Keep { account, .. }
            | Self::Look { account, .. }
            | Self::Seal { account, .. }
            | Self::Forget { account, .. } => account,
            Self::Ask { at, .. } | Self::Tell { at, .. } => &at.account,
        }
    }
}

/// What an archiver is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// What it would cost.
    Quote(Request),
    /// To take a pack. Its bytes are here, or come back from one of these.
    Submit {
        /// The key, which was kept.
        key: SubmissionKey,
        /// What is asked for.
        request: Request,
        /// Archivers that have copies, with their tickets.
        sources: Vec<(String, Ticket)>,
    },
    /// For the deal with this key.
    Find(SubmissionKey),
    /// How a deal stands.
    Status(Ticket),
    /// To give all bytes back, which are compared with the pack.
    Audit(Ticket, Pack),
    /// To take away what it was given.
    Release {
        /// The key.
        key: SubmissionKey,
        /// The pack.
        pack: Pack,
        /// The ticket, where it is known.
        ticket: Option<Ticket>,
    },
}

/// What is written into a stream about a deal: the register of that deal has this value now.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The pack.
    pub pack: Pack,
    /// How many objects are in it.
    pub objects: u64,
    /// The archiver.
    pub archiver: String,
    /// The deal.
    pub deal: Deal,
    /// What is new.
    pub news: Told,
    /// A number in the store's sequence that is below that of anything written about this pack.
    pub since: u64,
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is kept.
    Kept,
    /// So many bytes wait, up to what was enough.
    Looked {
        /// How many.
        bytes: u64,
        /// Whether all of it is receipts of the owner.
        receipts_only: bool,
        /// Packs that do not know of what has this number are to be released ([`Head::release_before`]).
        release_before: u64,
    },
    /// A pack is here; none, where there was nothing to be put into it.
    Sealed(Option<Sealed>),
    /// The price.
    Quoted(Result<Price, Failure>),
    /// The ticket.
    Submitted(Result<Ticket, Failure>),
    /// The bytes are neither here nor anywhere, so nothing was submitted.
    NoBytes,
    /// The ticket, or that there is none.
    Found(Result<Option<Ticket>, Failure>),
    /// How it stands.
    Status(Result<Status, Failure>),
    /// That the bytes are the same, or what became of them.
    Audited(Result<Option<Gone>, Failure>),
    /// What became of what was released.
    Released(Result<Released, Failure>),
    /// It was written; or not, since its author may not write there. Then it is known here alone.
    Told {
        /// Whether it was written.
        written: bool,
    },
    /// The bytes are gone from here.
    Forgotten,
}

/// A pack that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The pack.
    pub pack: Pack,
    /// How many objects are in it.
    pub objects: u64,
    /// The number up to which it has every object.
    pub seen: u64,
    /// Whether there is nothing in it but receipts of its owner.
    pub receipts_only: bool,
}

/// What is wanted, what is, and what to do about the difference.
#[derive(Debug)]
pub struct Plan {
    archivers: BTreeMap<String, Capabilities>,
    accounts: BTreeMap<Account, Kept>,
}

/// One stream of an owner.
#[derive(Debug)]
struct Kept {
    policy: Policy,
    head: Head,
    /// Whether the head is to be kept, and whether that is on its way.
    head_dirty: bool,
    head_busy: bool,
    /// Each at the place of its number.
    packs: Vec<Packed>,
    look_at: u64,
    looking: bool,
    /// Whether the stream became another since somebody began to look.
    stirred: bool,
    /// Whether what waits are receipts alone, and more of them are to come.
    gathers: bool,
    /// How many bytes waited when it was last looked.
    waiting: Option<u64>,
    seal: bool,
    /// There is nothing to be done before, unless something happens: so that of many streams, those that rest cost nothing.
    rests_until: u64,
}

/// What is known beside the stream that is looked at.
struct Known<'a> {
    archivers: &'a BTreeMap<String, Capabilities>,
    spent: BTreeMap<(VerifyingKey, String), u64>,
    now: u64,
}

#[derive(Debug)]
struct Packed {
    record: PackRecord,
    dirty: bool,
    busy: bool,
    forgetting: bool,
}

/// How a stream of an owner stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing<'a> {
    /// Whose, and which.
    pub account: Account,
    /// What is wanted.
    pub policy: &'a Policy,
    /// How many bytes wait for the next pack; `None` where nobody has looked yet.
    pub waiting: Option<u64>,
    /// The packs that make up the stream, the oldest first.
    pub packs: Vec<&'a PackRecord>,
    /// Packs that were replaced by others. Their deals are released, or may live on.
    pub replaced: Vec<&'a PackRecord>,
}

/// How a pack stands with an archiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// All copies that are wanted are there.
    Kept,
    /// Some copies are on their way, or are about to be.
    Working,
    /// Tried again at this time, in milliseconds since 1970.
    Waiting(&'a Failure, u64),
    /// Somebody has to do something.
    Blocked(&'a Failure),
    /// Copies are lacking, and nothing is done about it now.
    Lacking,
}

impl Plan {
    /// A plan that knows these archivers.
    pub fn new(archivers: impl IntoIterator<Item = (String, Capabilities)>) -> Self {
        Self { archivers: archivers.into_iter().collect(), accounts: BTreeMap::new() }
    }

    /// What is wanted for a stream from now on, and what is known of it from before: the head, and the records that it
    /// counts, by their numbers.
    pub fn want(
        &mut self,
        account: Account,
        policy: Policy,
        head: Head,
        records: Vec<PackRecord>,
    ) -> Result<(), PolicyError> {
        self.check(&policy)?;
        let packs = records.into_iter().map(|record| Packed { record, dirty: false, busy: false, forgetting: false });
        let packs = packs.collect();
        let mut kept = Kept {
            policy,
            head,
            head_dirty: false,
            head_busy: false,
            packs,
            look_at: 0,
            looking: false,
            stirred: false,
            gathers: false,
            waiting: None,
            seal: false,
            rests_until: 0,
        };
        for packed in &mut kept.packs {
            packed.dirty |= job::add_jobs(&mut packed.record, &kept.policy);
            for job in &mut packed.record.jobs {
                let Some(capabilities) = self.archivers.get(&job.archiver) else { continue };
                let before = job.clone();
                // What was intended when it was kept may have been sent.
                let sent = job.deals.iter().filter(|deal| deal.state == State::Intended).map(|deal| deal.number);
                sent.collect::<Vec<_>>().into_iter().for_each(|number| job.doubt(number, capabilities));
                packed.dirty |= job.differs(&before);
            }
        }
        self.accounts.insert(account, kept);
        Ok(())
    }

    fn check(&self, policy: &Policy) -> Result<(), PolicyError> {
        for (at, place) in policy.places.iter().enumerate() {
            let archiver = || place.archiver.clone();
            let capabilities =
                self.archivers.get(&place.archiver).ok_or_else(|| PolicyError::NoArchiver(archiver()))?;
            if policy.places[..at].iter().any(|other| other.archiver == place.archiver) {
                return Err(PolicyError::Twice(archiver()));
            }
            if !(1..=capabilities.copies).contains(&place.copies) {
                let (wanted, most) = (place.copies, capabilities.copies);
                return Err(PolicyError::Copies { archiver: archiver(), wanted, most });
            }
            if policy.audit.is_some() && !capabilities.fetches {
                return Err(PolicyError::NoAudit(archiver()));
            }
        }
        Ok(())
    }

    /// Tries everything again at once, also what waits for somebody to do something, and what could not be released; a
    /// submission that may have arrived twice is given up, and made anew.
    pub fn retry(&mut self) {
        for packed in self.accounts.values_mut().flat_map(Kept::stir) {
            packed.record.jobs.iter_mut().for_each(Job::retry);
            packed.dirty = true;
        }
    }

    /// Has a stream looked at at once: there may be something new in it.
    pub fn look(&mut self, account: &Account) {
        if let Some(kept) = self.accounts.get_mut(account) {
            (kept.look_at, kept.waiting, kept.stirred) = (0, None, true);
            kept.stir();
        }
    }

    /// Has all bytes read back anew, of whatever is wanted to be audited.
    pub fn audit(&mut self) {
        for packed in self.accounts.values_mut().flat_map(Kept::stir) {
            packed.record.jobs.iter_mut().flat_map(|job| &mut job.deals).for_each(|deal| deal.audited = None);
            packed.dirty = true;
        }
    }

    /// What is to be done now. Each step is answered once; until then it is not given again.
    pub fn steps(&mut self, now: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut known = Known { archivers: &self.archivers, spent: self.spent(now), now };
        for (account, kept) in self.accounts.iter_mut().filter(|(_, kept)| kept.rests_until <= now) {
            kept.keep(account, &mut steps);
            kept.look(account, now, &mut steps);
            kept.ask(account, &mut known, &mut steps);
            kept.rests_until = kept.due(account, &known).unwrap_or(u64::MAX);
        }
        steps
    }

    /// When there will be something to be done, if nothing else happens: at once where there is now, and never (`None`)
    /// where all waits for answers.
    pub fn due(&self, now: u64) -> Option<u64> {
        let known = Known { archivers: &self.archivers, spent: self.spent(now), now };
        let due = |(account, kept): (&Account, &Kept)| match kept.rests_until {
            u64::MAX => None,
            until if until > now => Some(until),
            _ => kept.due(account, &known),
        };
        self.accounts.iter().filter_map(due).min()
    }

    /// Whether everything is as desired: every stream was looked at, all that is in it is in packs, every pack has the copies
    /// that are wanted, of which its stream was told, and what is to be released is, as far as it can be.
    pub fn is_settled(&self) -> bool {
        self.accounts.values().all(|kept| {
            let archived = kept.waiting == Some(0) && !kept.seal && !kept.head_dirty && !kept.begins_anew();
            let copied = |packed: &Packed| {
                !packed.dirty
                    && kept.policy.places.iter().all(|place| job::is_settled(&packed.record, place, &kept.policy))
            };
            archived && kept.current().iter().all(copied) && kept.has_released(&self.archivers)
        })
    }

    /// How every stream stands.
    pub fn standing(&self) -> impl Iterator<Item = Standing<'_>> {
        self.accounts.iter().map(|(account, kept)| {
            let current = kept.current().len();
            let (replaced, packs) = kept.packs.split_at(kept.packs.len() - current);
            Standing {
                account: *account,
                policy: &kept.policy,
                waiting: kept.waiting,
                packs: packs.iter().map(|packed| &packed.record).collect(),
                replaced: replaced.iter().map(|packed| &packed.record).collect(),
            }
        })
    }

    /// What each owner has spent with each archiver, or is about to; counted where a stream that does not rest has a budget.
    fn spent(&self, now: u64) -> BTreeMap<(VerifyingKey, String), u64> {
        let mut spent = BTreeMap::new();
        let mut awake = self.accounts.values().filter(|kept| kept.rests_until <= now);
        if !awake.any(|kept| kept.policy.places.iter().any(|place| place.budget.is_some())) {
            return spent;
        }
        for (account, kept) in &self.accounts {
            for job in kept.packs.iter().flat_map(|packed| &packed.record.jobs) {
                let cost = job.cost();
                if cost > 0 {
                    *spent.entry((account.owner, job.archiver.clone())).or_default() += cost;
                }
            }
        }
        spent
    }

    /// Takes the answer to a step. `luck` is any number, drawn anew for each answer: by it those who wait for one thing
    /// do not all come back at one moment.
    pub fn answer(&mut self, step: &Step, answer: Answer, now: u64, luck: u64) {
        let Some(kept) = self.accounts.get_mut(step.account()) else { return };
        kept.stir();
        match (step, answer) {
            (Step::Keep { pack: None, .. }, Answer::Kept) => kept.head_busy = false,
            (Step::Keep { pack: Some(pack), .. }, Answer::Kept) => {
                if let Some(packed) = kept.packs.get_mut(*pack as usize) {
                    packed.busy = false;
                }
            }
            (Step::Look { .. }, Answer::Looked { bytes, receipts_only, release_before }) => {
                kept.asked_to_release(release_before);
                kept.looked(bytes, receipts_only, now);
            }
            (Step::Seal { above, continues, .. }, Answer::Sealed(sealed)) => {
                kept.sealed(sealed, *above, continues.is_some(), now);
            }
            (Step::Forget { number, .. }, Answer::Forgotten) => {
                if let Some(packed) = kept.packs.get_mut(*number as usize) {
                    (packed.record.here, packed.forgetting, packed.dirty) = (false, false, true);
                }
            }
            (Step::Ask { .. }, Answer::NoBytes) => {
                (kept.head.anew, kept.head_dirty, kept.look_at) = (true, true, 0);
                kept.job(step, |job| {
                    let lost = Failure::new(FailureKind::Missing, "its bytes are not here any more");
                    job.back_off(lost, now, luck);
                });
            }
            (Step::Ask { at, .. } | Step::Tell { at, .. }, answer) => {
                let number = at.number;
                let policy = kept.policy.clone();
                if let Answer::Told { written: true } = answer {
                    // There is something new in the stream.
                    (kept.look_at, kept.waiting, kept.stirred) = (now, None, true);
                }
                let Some(capabilities) = self.archivers.get(&at.archiver) else { return };
                kept.job(step, |job| match answer {
                    Answer::Quoted(quoted) => job.quoted(quoted, now, luck),
                    Answer::Submitted(submitted) => job.submitted(number, submitted, capabilities, now, luck),
                    Answer::Found(found) => job.found(number, found, now, luck),
                    Answer::Status(status) => job.status(number, status, &policy, capabilities, now, luck),
                    Answer::Audited(audited) => job.audited(number, audited, now, luck),
                    Answer::Released(released) => job.released(number, released, capabilities, now, luck),
                    Answer::Told { .. } => job.told(number, step),
                    answer => unreachable!("{answer:?} is no answer to {step:?}"),
                });
            }
            (step, answer) => unreachable!("{answer:?} is no answer to {step:?}"),
        }
    }
}

impl Known<'_> {
    fn spent(&self, account: &Account, archiver: &str) -> u64 {
        self.spent.get(&(account.owner, archiver.to_owned())).copied().unwrap_or(0)
    }

    fn spend(&mut self, account: &Account, archiver: &str, amount: u64) {
        *self.spent.entry((account.owner, archiver.to_owned())).or_default() += amount;
    }
}

impl Kept {
    /// Something happens to it, so it does not rest; its packs, for whoever changes them.
    fn stir(&mut self) -> &mut [Packed] {
        self.rests_until = 0;
        &mut self.packs
    }

    /// The packs that make up the stream: from the last that begins anew.
    fn current(&self) -> &[Packed] {
        let begin = self.packs.iter().rposition(|packed| !packed.record.continues).unwrap_or(0);
        &self.packs[begin..]
    }

    /// Changes the job that a step is about, and has its pack kept.
    fn job(&mut self, step: &Step, change: impl FnOnce(&mut Job)) {
        let (Step::Ask { at, .. } | Step::Tell { at, .. }) = step else { return };
        let Some(packed) = self.packs.get_mut(at.pack as usize) else { return };
        let Some(job) = packed.record.jobs.iter_mut().find(|job| job.archiver == at.archiver) else { return };
        let before = job.clone();
        job.busy = false;
        change(job);
        packed.dirty |= job.differs(&before);
    }

    /// What is to be kept. A record goes before the head that leads to it.
    fn keep(&mut self, account: &Account, steps: &mut Vec<Step>) {
        let dirty = self.packs.iter_mut().zip(0..).filter(|(packed, _)| packed.dirty && !packed.busy);
        for (packed, number) in dirty {
            (packed.dirty, packed.busy) = (false, true);
            let (name, value) = (account.pack_name(number), encode(&packed.record));
            steps.push(Step::Keep { account: *account, pack: Some(number), name, value });
        }
        if self.head_dirty && !self.head_busy && !self.packs.iter().any(|packed| packed.busy) {
            (self.head_dirty, self.head_busy) = (false, true);
            let (name, value) = (account.head_name(), encode(&self.head));
            steps.push(Step::Keep { account: *account, pack: None, name, value });
        }
    }

    /// The number up to which everything is in packs.
    fn seen(&self) -> u64 {
        if self.begins_anew() { 0 } else { self.packs.last().map_or(0, |packed| packed.record.seen) }
    }

    fn look(&mut self, account: &Account, now: u64, steps: &mut Vec<Step>) {
        if self.looking || self.head_dirty || self.head_busy || self.policy.places.is_empty() {
            return;
        }
        if self.seal {
            (self.looking, self.seal) = (true, false);
            let continues = self.packs.last().filter(|_| !self.begins_anew());
            let continues = continues.map(|packed| packed.record.pack(account.stream));
            steps.push(Step::Seal { account: *account, above: self.seen(), continues });
        } else if self.is_to_be_looked_at(now) {
            (self.looking, self.stirred) = (true, false);
            let enough = self.policy.pack_size.max(1);
            steps.push(Step::Look { account: *account, above: self.seen(), enough });
        }
    }

    fn is_to_be_looked_at(&self, now: u64) -> bool {
        self.look_at <= now || (self.gathers && !self.has_receipts_to_come())
    }

    /// Whether deals may soon be told of.
    fn has_receipts_to_come(&self) -> bool {
        let told_of = self.current().iter().filter(|packed| !packed.record.receipts_only);
        let mut jobs = told_of.flat_map(|packed| &packed.record.jobs).filter(|job| job.wanted > 0);
        jobs.any(|job| {
            let is_coming = job.is_on_its_way() && job.trouble.is_none();
            is_coming || job.deals.iter().any(|deal| deal.news().is_some())
        }) || self.has_releases_to_come()
    }

    fn looked(&mut self, bytes: u64, receipts_only: bool, now: u64) {
        (self.looking, self.gathers) = (false, false);
        if self.stirred {
            // What was seen is not what is there any more.
            self.look_at = now;
            return;
        }
        self.waiting = Some(bytes);
        // Counted from when it was done, so a run that took long is not followed by a burst.
        self.look_at = now.saturating_add(self.policy.interval);
        if bytes == 0 {
            return;
        }
        if self.head.noticed.is_none() {
            (self.head.noticed, self.head_dirty) = (Some(now), true);
        }
        let age = now.saturating_sub(self.head.noticed.unwrap_or(now));
        // Receipts go into one pack, when there will be no more of them soon.
        if receipts_only && age < self.policy.interval && self.has_receipts_to_come() {
            self.gathers = true;
            return;
        }
        self.seal = bytes >= self.policy.pack_size.max(1) || age >= self.policy.pack_age || self.begins_anew();
        let ripe = self.head.noticed.unwrap_or(now).saturating_add(self.policy.pack_age);
        self.look_at = self.look_at.min(ripe.max(now + 1));
    }

    fn sealed(&mut self, sealed: Option<Sealed>, above: u64, continues: bool, now: u64) {
        self.looking = false;
        // Looked at again at once: more may have come, or not all fitted.
        self.look_at = now;
        let Some(sealed) = sealed else { return };
        debug_assert!(above <= sealed.seen);
        let mut record = PackRecord {
            id: *sealed.pack.id.as_bytes(),
            digest: sealed.pack.digest,
            size: sealed.pack.size,
            objects: sealed.objects,
            continues,
            seen: sealed.seen,
            receipts_only: sealed.receipts_only,
            sealed: now,
            here: true,
            jobs: Vec::new(),
        };
        job::add_jobs(&mut record, &self.policy);
        self.packs.push(Packed { record, dirty: true, busy: false, forgetting: false });
        (self.head.packs, self.head.noticed, self.head.anew) = (self.packs.len() as u32, None, false);
        self.head_dirty = true;
    }
}
