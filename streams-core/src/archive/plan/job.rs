//! One pack at one archiver: what comes next, and what an answer means.

use std::collections::BTreeMap;

use super::release::Past;
use super::{At, Call, HOUR, Kept, Known, Packed, Place, Policy, Progress, Receipt, Step};
use crate::archive::deal::{
    Capabilities, Failure, FailureKind, Gone, Price, Recovery, Request, Retry, Status, SubmissionKey, Ticket,
};
use crate::archive::ledger::{Account, Deal, Job, PackRecord, Release, State};

/// How many deals that ended are remembered of a job, one by one.
const REMEMBERED: usize = 16;

/// How often a submission is sent at most where the archiver cannot tell whether it arrived.
const MOST_SENT: u32 = 2;

/// What a job does next.
pub(super) enum Next {
    /// Ask the archiver about the deal with this number.
    Ask(u32, Call),
    /// Intend a deal of so many copies, which may take over from another.
    Intend(u16, Option<u32>),
    /// Take note that this is in the way.
    Hindered(Failure),
    /// Take note how far the deal with this number is released.
    Release(u32, Release),
    /// Tell the stream.
    Tell(Box<Receipt>),
    /// Nothing before this time.
    Later(u64),
    /// Nothing, unless something happens.
    Nothing,
}

/// What a job is decided by.
struct Case<'a> {
    account: &'a Account,
    record: &'a PackRecord,
    job: &'a Job,
    place: &'a Place,
    policy: &'a Policy,
    capabilities: &'a Capabilities,
    spent: u64,
    now: u64,
}

/// Gives a record a job for each place, and tells each how many copies are wanted. Returns whether anything is another.
pub(super) fn add_jobs(record: &mut PackRecord, policy: &Policy) -> bool {
    for place in &policy.places {
        if !record.jobs.iter().any(|job| job.archiver == place.archiver) {
            record.jobs.push(Job { archiver: place.archiver.clone(), ..Job::default() });
        }
    }
    let mut changed = false;
    for job in &mut record.jobs {
        let place = policy.places.iter().find(|place| place.archiver == job.archiver);
        let wanted = place.map_or(0, |place| place.copies);
        changed |= wanted != job.wanted;
        job.wanted = wanted;
    }
    changed
}

/// Whether all copies of a pack are in a place, and the stream knows.
pub(super) fn is_settled(record: &PackRecord, place: &Place, policy: &Policy) -> bool {
    let job = record.jobs.iter().find(|job| job.archiver == place.archiver);
    job.is_some_and(|job| {
        let told = record.receipts_only || job.deals.iter().all(|deal| deal.news().is_none());
        let lacks = job.copies() < u32::from(place.copies);
        told && !job.busy && (!lacks || (!policy.repair && !job.deals.is_empty() && !job.is_on_its_way()))
    })
}

impl Kept {
    /// Asks archivers, tells the stream, forgets bytes.
    pub(super) fn ask(&mut self, account: &Account, known: &mut Known<'_>, steps: &mut Vec<Step>) {
        if self.head_dirty || self.head_busy {
            return;
        }
        let begin = self.begin();
        let released = self.released();
        for at in 0..self.packs.len() {
            if self.packs[at].dirty || self.packs[at].busy || self.packs[at].forgetting {
                continue;
            }
            let number = at as u32;
            for job in 0..self.packs[at].record.jobs.len() {
                let next = self.next(account, known, at, job, [released, begin]);
                let packed = &mut self.packs[at];
                let record = &mut packed.record;
                let (pack, job) = (record.pack(account.stream), &mut record.jobs[job]);
                let archiver = job.archiver.clone();
                let step_at = |number_of_deal| At { account: *account, pack: number, archiver, number: number_of_deal };
                match next {
                    Next::Ask(deal, call) => {
                        job.busy = true;
                        steps.push(Step::Ask { at: step_at(deal), call });
                    }
                    Next::Tell(receipt) => {
                        job.busy = true;
                        steps.push(Step::Tell { at: step_at(receipt.deal.number), receipt });
                    }
                    Next::Intend(copies, renews) => {
                        let key = SubmissionKey::derive(&account.owner, &pack, &job.archiver, [number, job.next]);
                        if let Some(price) = &job.price {
                            known.spend(account, &job.archiver, price.amount);
                        }
                        job.intend(key, copies, renews, known.now);
                        packed.dirty = true;
                    }
                    Next::Hindered(failure) => {
                        job.back_off(failure, known.now, u64::MAX);
                        packed.dirty = true;
                    }
                    Next::Release(deal, release) => {
                        job.release(deal, release, known.now);
                        packed.dirty = true;
                    }
                    Next::Later(_) | Next::Nothing => {}
                }
            }
            let (record, policy) = (&self.packs[at].record, &self.policy);
            let is_copied = at >= begin && may_forget(record, policy, known.archivers);
            if !self.packs[at].dirty && (is_copied || (at < released && record.here)) {
                steps.push(Step::Forget { account: *account, number, pack: record.pack(account.stream) });
                self.packs[at].forgetting = true;
            }
        }
        // What was intended just now is kept before anything else.
        self.keep(account, steps);
    }

    /// Packs before the first of these numbers are released; those from the second on make up the stream.
    fn next(&self, account: &Account, known: &Known<'_>, at: usize, job: usize, [released, begin]: [usize; 2]) -> Next {
        let Packed { record, .. } = &self.packs[at];
        let job = &record.jobs[job];
        let Some(capabilities) = known.archivers.get(&job.archiver) else { return Next::Nothing };
        let now = known.now;
        let past = Past { account, record, job, capabilities, now };
        if at < released {
            return past.release();
        }
        // What nobody wants any more is left as it is.
        let Some(place) = self.policy.places.iter().find(|place| place.archiver == job.archiver) else {
            return Next::Nothing;
        };
        if at < begin {
            return past.look_for();
        }
        let (policy, spent) = (&self.policy, known.spent(account, &job.archiver));
        Case { account, record, job, place, policy, capabilities, spent, now }.next()
    }

    pub(super) fn due(&self, account: &Account, known: &Known<'_>) -> Option<u64> {
        let is_keeping = self.head_dirty || self.packs.iter().any(|packed| packed.dirty);
        if is_keeping || (self.seal && !self.looking) {
            return Some(known.now);
        }
        let look_at = if self.is_to_be_looked_at(known.now) { known.now } else { self.look_at };
        let look = (!self.looking && !self.policy.places.is_empty()).then_some(look_at);
        let numbers = [self.released(), self.begin()];
        let free = (0..self.packs.len()).filter(|at| !self.packs[*at].busy && !self.packs[*at].forgetting);
        let jobs = free.flat_map(|at| (0..self.packs[at].record.jobs.len()).map(move |job| (at, job)));
        let jobs = jobs.filter_map(|(at, job)| match self.next(account, known, at, job, numbers) {
            Next::Nothing => None,
            Next::Later(at) => Some(at),
            _ => Some(known.now),
        });
        jobs.chain(look).min()
    }
}

/// Whether all copies that are wanted are there, and the bytes come back from one of them.
fn may_forget(record: &PackRecord, policy: &Policy, archivers: &BTreeMap<String, Capabilities>) -> bool {
    let gives_back = |job: &Job| {
        let fetches = archivers.get(&job.archiver).is_some_and(|capabilities| capabilities.fetches);
        fetches && job.copies() > 0
    };
    let mut places = policy.places.iter();
    record.here && record.jobs.iter().any(gives_back) && places.all(|place| is_copied(record, place))
}

/// Whether all copies of a pack are in a place.
pub(super) fn is_copied(record: &PackRecord, place: &Place) -> bool {
    let job = record.jobs.iter().find(|job| job.archiver == place.archiver);
    job.is_some_and(|job| job.copies() >= u32::from(place.copies) && !job.is_on_its_way())
}

/// What the stream does not know yet of a deal.
pub(super) fn receipt(account: &Account, record: &PackRecord, job: &Job, deal: &Deal) -> Option<Receipt> {
    let news = deal.news()?;
    Some(Receipt {
        pack: record.pack(account.stream),
        objects: record.objects,
        archiver: job.archiver.clone(),
        deal: deal.clone(),
        news,
        since: record.seen,
    })
}

impl Case<'_> {
    /// What comes first, of all that could be done.
    fn next(&self) -> Next {
        if self.job.busy {
            return Next::Nothing;
        }
        let mut soonest = None;
        for next in [self.submit(), self.watch(), self.tell(), self.make(), self.clear()] {
            match next {
                Next::Nothing => {}
                Next::Later(at) => soonest = Some(soonest.map_or(at, |soonest: u64| soonest.min(at))),
                next => return next,
            }
        }
        soonest.map_or(Next::Nothing, Next::Later)
    }

    /// What was intended, and has no ticket.
    fn submit(&self) -> Next {
        let Some(deal) = self.job.deals.iter().find(|deal| deal.state == State::Intended) else { return Next::Nothing };
        if self.job.not_before > self.now {
            return Next::Later(self.job.not_before);
        }
        match self.capabilities.recovery {
            Recovery::Find if !deal.nothing_there => return Next::Ask(deal.number, Call::Find(deal.key)),
            Recovery::Neither if !deal.nothing_there && deal.sent >= MOST_SENT => return Next::Nothing,
            _ => {}
        }
        let renews = deal.renews.and_then(|number| self.job.deals.iter().find(|deal| deal.number == number));
        let renews = renews.and_then(Deal::ticket).cloned();
        let request = Request { pack: self.record.pack(self.account.stream), copies: deal.copies, renews };
        let sources = self.record.jobs.iter().flat_map(|job| {
            let active = job.deals.iter().filter(|deal| deal.held().is_some());
            active.filter_map(|deal| Some((job.archiver.clone(), deal.ticket()?.clone())))
        });
        Next::Ask(deal.number, Call::Submit { key: deal.key, request, sources: sources.collect() })
    }

    /// How deals stand, and whether their bytes are the same.
    fn watch(&self) -> Next {
        let mut soonest = None;
        for deal in &self.job.deals {
            let (State::Pending { ticket, .. } | State::Active { ticket, .. }) = &deal.state else { continue };
            if deal.ask_at <= self.now {
                return Next::Ask(deal.number, Call::Status(ticket.clone()));
            }
            soonest = Some(soonest.map_or(deal.ask_at, |soonest: u64| soonest.min(deal.ask_at)));
            if let (Some(every), Some(_)) = (self.policy.audit, deal.held()) {
                let at = deal.audited.map_or(0, |audited| audited.saturating_add(every)).max(self.job.not_before);
                if at <= self.now {
                    return Next::Ask(deal.number, Call::Audit(ticket.clone(), self.record.pack(self.account.stream)));
                }
                soonest = soonest.map(|soonest| soonest.min(at));
            }
        }
        soonest.map_or(Next::Nothing, Next::Later)
    }

    /// What the stream does not know yet.
    fn tell(&self) -> Next {
        if self.record.receipts_only {
            return Next::Nothing;
        }
        let receipt = self.job.deals.iter().find_map(|deal| receipt(self.account, self.record, self.job, deal));
        receipt.map_or(Next::Nothing, |receipt| Next::Tell(Box::new(receipt)))
    }

    /// What is lacking.
    fn make(&self) -> Next {
        let ends = |deal: &Deal| deal.held().and_then(|held| held.until);
        let is_ending =
            |deal: &Deal| ends(deal).is_some_and(|until| until <= self.now.saturating_add(self.policy.renew_before));
        let taken_over = |deal: &Deal| {
            let after = self.job.deals.iter().filter(|other| other.is_live() && !is_ending(other) && !other.stalled);
            after.into_iter().any(|other| other.renews == Some(deal.number))
        };
        let mut there = 0;
        let mut renews = None;
        for deal in self.job.deals.iter().filter(|deal| deal.is_live() && !deal.stalled) {
            match deal.held() {
                Some(_) if is_ending(deal) => {
                    if !taken_over(deal) {
                        renews = renews.or(Some(deal.number));
                    }
                }
                Some(held) => there += held.copies.len(),
                // On its way: it may still bring all that was asked for.
                None => there += usize::from(deal.copies),
            }
        }
        let lacking = usize::from(self.place.copies).saturating_sub(there);
        let soonest = self.job.deals.iter().filter(|deal| !is_ending(deal)).filter_map(ends).min();
        let soonest = soonest.map(|until| until.saturating_sub(self.policy.renew_before).max(self.now + 1));
        let is_repair =
            renews.is_none() && self.job.deals.iter().any(|deal| !matches!(deal.state, State::Failed { .. }));
        if lacking == 0 || (is_repair && !self.policy.repair) {
            return soonest.map_or(Next::Nothing, Next::Later);
        }
        if self.job.not_before > self.now {
            return Next::Later(self.job.not_before.min(soonest.unwrap_or(u64::MAX)));
        }
        if let Some(hindrance) = self.hindrance() {
            return Next::Hindered(hindrance);
        }
        let copies = u16::try_from(lacking).unwrap_or(u16::MAX);
        if self.capabilities.priced && self.job.price.is_none() {
            let renews = renews.and_then(|number| self.job.deals.iter().find(|deal| deal.number == number));
            let renews = renews.and_then(Deal::ticket).cloned();
            let pack = self.record.pack(self.account.stream);
            return Next::Ask(self.job.next, Call::Quote(Request { pack, copies, renews }));
        }
        Next::Intend(copies, renews)
    }

    /// What is damaged, and goes when there is enough beside it.
    fn clear(&self) -> Next {
        let is_damaged = |deal: &&Deal| matches!(&deal.state, State::Gone { why: Gone::Damaged, .. });
        let damaged = self.job.deals.iter().filter(is_damaged).find(|deal| deal.is_unsettled());
        let Some(deal) = damaged.filter(|_| self.capabilities.releases) else { return Next::Nothing };
        if self.job.copies() < u32::from(self.place.copies) {
            return Next::Nothing;
        }
        let Self { account, record, job, capabilities, now, .. } = *self;
        Past { account, record, job, capabilities, now }.release_deal(deal)
    }

    /// Why nothing may be intended, if so.
    fn hindrance(&self) -> Option<Failure> {
        let (unit, size) = (&self.capabilities.unit, self.record.size);
        if size < *unit.start() {
            let text = format!("the pack has {size} bytes, and {} takes {} or more", self.place.archiver, unit.start());
            return Some(Failure::new(FailureKind::TooSmall, text));
        }
        if size > *unit.end() {
            let text = format!("the pack has {size} bytes, and {} takes {} at most", self.place.archiver, unit.end());
            return Some(Failure::new(FailureKind::TooLarge, text));
        }
        let (price, budget) = (self.job.price.as_ref()?, self.place.budget?);
        let (amount, unit, spent) = (price.amount, &price.unit, self.spent);
        (spent.saturating_add(amount) > budget).then(|| {
            let text = format!("it costs {amount} {unit}; of the budget of {budget}, {spent} are spent");
            Failure::new(FailureKind::OverBudget, text)
        })
    }
}

impl Job {
    /// The copies that are there.
    pub fn copies(&self) -> u32 {
        self.deals.iter().filter(|deal| !deal.stalled).filter_map(Deal::held).map(|held| held.copies.len() as u32).sum()
    }

    /// Whether a deal is about to be made, or on its way.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.deals.iter().any(|deal| matches!(deal.state, State::Intended | State::Pending { .. }) && !deal.stalled)
    }

    /// How it stands, as it was last kept.
    pub fn progress(&self, now: u64) -> Progress<'_> {
        if self.copies() >= u32::from(self.wanted) && !self.is_on_its_way() {
            return Progress::Kept;
        }
        match &self.trouble {
            Some(failure) if failure.kind.retry() == Retry::AfterAction => Progress::Blocked(failure),
            Some(failure) if self.not_before > now => Progress::Waiting(failure, self.not_before),
            None if !self.deals.is_empty() && !self.is_on_its_way() => Progress::Lacking,
            _ => Progress::Working,
        }
    }

    /// What its deals cost, as far as it is known. What came to nothing is free, unless it may have arrived.
    pub fn cost(&self) -> u64 {
        let cost = |deal: &Deal| match (&deal.state, &deal.price) {
            (State::Failed { failure, .. }, _) if failure.kind != FailureKind::Doubtful => 0,
            (_, Some(price)) => price.amount.saturating_mul(u64::from(deal.sent)),
            (_, None) => 0,
        };
        self.deals.iter().map(cost).fold(self.spent, u64::saturating_add)
    }

    pub(super) fn deal(&mut self, number: u32) -> Option<&mut Deal> {
        self.deals.iter_mut().find(|deal| deal.number == number)
    }

    /// Whether something is to be kept.
    pub(super) fn differs(&self, before: &Self) -> bool {
        crate::archive::ledger::encode(self) != crate::archive::ledger::encode(before)
    }

    /// A deal is to be made.
    fn intend(&mut self, key: SubmissionKey, copies: u16, renews: Option<u32>, now: u64) {
        let ended: Vec<u32> = self.deals.iter().filter(|deal| !deal.is_live()).map(|deal| deal.number).collect();
        if let Some(forgotten) = (ended.len() >= REMEMBERED).then(|| ended[0]) {
            let all = self.cost();
            // Its cost stays, and the stream is told of it first.
            self.deals.retain(|deal| deal.number != forgotten || deal.news().is_some());
            self.spent += all - self.cost();
        }
        self.deals.push(Deal {
            number: self.next,
            key,
            copies,
            sent: 1,
            state: State::Intended,
            changed: now,
            unknown: None,
            stalled: false,
            price: self.price.take(),
            told: None,
            audited: None,
            renews,
            release: None,
            nothing_there: true,
            ask_at: 0,
        });
        self.next += 1;
    }

    /// It went wrong: not again before some time, which grows.
    pub(super) fn back_off(&mut self, failure: Failure, now: u64, luck: u64) {
        let (first, most) = match failure.kind.retry() {
            Retry::Soon => (1000, HOUR),
            Retry::Slowly | Retry::AfterAction => (HOUR, 24 * HOUR),
        };
        let wait = first.checked_shl(self.tries.min(20)).unwrap_or(most).min(most);
        // From half of it to all of it.
        let wait = (wait / 2 + luck % (wait / 2 + 1)).max(failure.after.unwrap_or(0));
        self.tries = self.tries.saturating_add(1);
        self.not_before = now.saturating_add(wait);
        self.price = None;
        self.trouble = Some(failure);
    }

    pub(super) fn went_right(&mut self) {
        (self.tries, self.not_before, self.trouble) = (0, 0, None);
    }

    /// What waits is tried at once.
    pub(super) fn retry(&mut self) {
        (self.tries, self.not_before) = (0, 0);
        for deal in &mut self.deals {
            if deal.state == State::Intended && deal.sent >= MOST_SENT && !deal.nothing_there {
                let failure = Failure::new(FailureKind::Doubtful, "given up: it may have arrived");
                deal.state = State::Failed { ticket: None, failure };
            }
            deal.release = deal.release.take().filter(|release| !matches!(release, Release::Refused(_)));
        }
    }

    pub(super) fn quoted(&mut self, quoted: Result<Price, Failure>, now: u64, luck: u64) {
        match quoted {
            Ok(price) => self.price = Some(price),
            Err(failure) => self.back_off(failure, now, luck),
        }
    }

    pub(super) fn submitted(
        &mut self,
        number: u32,
        submitted: Result<Ticket, Failure>,
        capabilities: &Capabilities,
        now: u64,
        luck: u64,
    ) {
        let Some(deal) = self.deal(number) else { return };
        match submitted {
            Ok(ticket) => {
                deal.ticketed(ticket, now);
                self.went_right();
            }
            Err(failure) => {
                deal.nothing_there = !failure.kind.may_have_arrived();
                self.back_off(failure, now, luck);
                self.doubt(number, capabilities);
            }
        }
    }

    /// Counts one more sending, where the archiver cannot tell whether the last arrived; so it is kept before it is sent.
    pub(super) fn doubt(&mut self, number: u32, capabilities: &Capabilities) {
        if capabilities.recovery != Recovery::Neither {
            return;
        }
        let Some(deal) = self.deal(number).filter(|deal| !deal.nothing_there) else { return };
        if deal.sent < MOST_SENT {
            deal.sent += 1;
            deal.nothing_there = true;
        } else {
            let text = "it may have arrived twice: look there, and let it be tried again";
            self.trouble = Some(Failure::new(FailureKind::Doubtful, text));
        }
    }

    pub(super) fn found(&mut self, number: u32, found: Result<Option<Ticket>, Failure>, now: u64, luck: u64) {
        let Some(deal) = self.deal(number) else { return };
        match found {
            Ok(Some(ticket)) => {
                deal.ticketed(ticket, now);
                self.went_right();
            }
            Ok(None) => deal.nothing_there = true,
            Err(failure) => self.back_off(failure, now, luck),
        }
    }

    pub(super) fn status(
        &mut self,
        number: u32,
        status: Result<Status, Failure>,
        policy: &Policy,
        capabilities: &Capabilities,
        now: u64,
        luck: u64,
    ) {
        let Some(deal) = self.deal(number) else { return };
        let Some(ticket) = deal.ticket().cloned() else { return };
        let status = match status {
            Ok(status) => status,
            Err(failure) if failure.kind == FailureKind::Missing => Status::Gone(Gone::Lost),
            Err(_) => Status::Unknown,
        };
        let state = match status {
            Status::Pending { phase } => Some(State::Pending { ticket, phase }),
            Status::Active(held) if held.copies.is_empty() => Some(State::Gone { ticket, why: Gone::Lost }),
            Status::Active(held) if held.until.is_some_and(|until| until <= now) => {
                Some(State::Gone { ticket, why: Gone::Expired })
            }
            Status::Active(held) => Some(State::Active { ticket, held }),
            Status::Failed(failure) => Some(State::Failed { ticket: Some(ticket), failure }),
            Status::Gone(why) => Some(State::Gone { ticket, why }),
            Status::Unknown => None,
        };
        deal.unknown = if state.is_none() { deal.unknown.or(Some(now)) } else { None };
        if let Some(state) = state
            && state != deal.state
        {
            (deal.state, deal.changed, deal.stalled) = (state, now, false);
        }
        // What is active may stand still for ever.
        let since = match (&deal.state, deal.unknown) {
            (State::Active { .. }, unknown) => unknown,
            _ => Some(deal.changed),
        };
        let is_live = deal.is_live();
        deal.stalled = is_live && since.is_some_and(|since| now.saturating_sub(since) > policy.patience);
        deal.ask_at = now.saturating_add(deal.rhythm(policy.interval, capabilities, now, luck));
        match deal.state.clone() {
            State::Failed { failure, .. } => self.back_off(failure, now, luck),
            State::Gone { why, .. } => {
                let text = format!("a copy is {}", why.code());
                self.back_off(Failure::new(FailureKind::Missing, text), now, luck);
            }
            State::Active { .. } if deal.unknown.is_none() => self.went_right(),
            _ => {}
        }
    }

    pub(super) fn audited(&mut self, number: u32, audited: Result<Option<Gone>, Failure>, now: u64, luck: u64) {
        let Some(deal) = self.deal(number) else { return };
        match (audited, deal.ticket().cloned()) {
            (Ok(Some(why)), Some(ticket)) => {
                (deal.state, deal.changed) = (State::Gone { ticket, why }, now);
                let text = format!("a copy is {}", why.code());
                self.back_off(Failure::new(FailureKind::Integrity, text), now, luck);
            }
            (Ok(_), _) => deal.audited = Some(now),
            (Err(failure), _) => self.back_off(failure, now, luck),
        }
    }

    pub(super) fn told(&mut self, number: u32, step: &Step) {
        if let (Some(deal), Step::Tell { receipt, .. }) = (self.deal(number), step) {
            deal.told = Some(receipt.news.clone());
        }
    }
}

impl Deal {
    fn ticketed(&mut self, ticket: Ticket, now: u64) {
        self.state = State::Pending { ticket, phase: String::new() };
        (self.changed, self.ask_at) = (now, now);
    }

    /// In how many milliseconds one asks again: the less often, the longer nothing has changed.
    fn rhythm(&self, interval: u64, capabilities: &Capabilities, now: u64, luck: u64) -> u64 {
        let wait = match self.state {
            State::Pending { .. } => {
                let still = now.saturating_sub(self.changed);
                (still / 8).max(capabilities.typical / 64).clamp(1_000, HOUR)
            }
            _ => interval,
        };
        wait / 2 + luck % (wait / 2 + 1)
    }
}
