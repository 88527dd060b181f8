//! Releasing: packs are replaced by others that do not hold what is to go, and then their deals end.

use std::collections::BTreeMap;

use super::job::{self, Next};
use super::{Call, Kept, Packed};
use crate::archive::deal::{Capabilities, Failure, FailureKind, Recovery, Released, Retry};
use crate::archive::ledger::{Account, Deal, Job, PackRecord, Release, State};

/// What is done about a pack that does not make up the stream any more, with one archiver.
pub(super) struct Past<'a> {
    pub(super) account: &'a Account,
    pub(super) record: &'a PackRecord,
    pub(super) job: &'a Job,
    pub(super) capabilities: &'a Capabilities,
    pub(super) now: u64,
}

impl Kept {
    /// Whether the next pack begins anew: one is lost for good, or those that make up the stream are to be released.
    pub(super) fn begins_anew(&self) -> bool {
        self.head.anew || self.is_outdated()
    }

    fn is_outdated(&self) -> bool {
        self.current().first().is_some_and(|first| first.record.seen < self.head.release_before)
    }

    /// Where the packs begin that make up the stream. Those that are to be released are not handed over any more, even
    /// where there are no others yet.
    pub(super) fn begin(&self) -> usize {
        if self.is_outdated() { self.packs.len() } else { self.packs.len() - self.current().len() }
    }

    /// The packs that are to be released. What begins later knows of more, so they are the first ones.
    fn outdated(&self) -> &[Packed] {
        let knows = |packed: &Packed| !packed.record.continues && packed.record.seen >= self.head.release_before;
        &self.packs[..self.packs.iter().position(knows).unwrap_or(self.packs.len())]
    }

    /// How many packs, from the first on, may be released now: none, before it is known and kept that all copies are there
    /// of those that hold the same, but for what is to go.
    pub(super) fn released(&self) -> usize {
        let outdated = self.outdated();
        let Some(seen) = outdated.iter().map(|packed| packed.record.seen).max() else { return 0 };
        if self.begins_anew() || self.policy.places.is_empty() {
            return 0;
        }
        let Some(last) = self.current().iter().position(|packed| packed.record.seen >= seen) else { return 0 };
        let is_copied = |packed: &Packed| {
            let mut places = self.policy.places.iter();
            !packed.dirty && !packed.busy && places.all(|place| job::is_copied(&packed.record, place))
        };
        if self.current()[..=last].iter().all(is_copied) { outdated.len() } else { 0 }
    }

    /// Takes note of what is to be released.
    pub(super) fn asked_to_release(&mut self, before: u64) {
        if before > self.head.release_before {
            self.head.release_before = before;
            // What waits is counted from another number now.
            self.stirred |= self.is_outdated();
        }
    }

    /// Whether the stream may soon be told of what is released.
    pub(super) fn has_releases_to_come(&self) -> bool {
        let told_of = self.outdated().iter().filter(|packed| !packed.record.receipts_only);
        let mut jobs = told_of.flat_map(|packed| &packed.record.jobs).filter(|job| job.trouble.is_none());
        jobs.any(|job| {
            let mut begun = job.deals.iter().filter(|deal| deal.release.is_some());
            begun.any(|deal| deal.is_unsettled() || deal.news().is_some())
        })
    }

    /// Whether all that is to be released is, as far as it can be by these archivers.
    pub(super) fn has_released(&self, archivers: &BTreeMap<String, Capabilities>) -> bool {
        self.outdated().iter().all(|packed| {
            let is_told = |deal: &Deal| packed.record.receipts_only || deal.release.is_none() || deal.news().is_none();
            let mut known = packed.record.jobs.iter().filter(|job| archivers.contains_key(&job.archiver));
            let is_over = |job: &Job| !job.busy && job.deals.iter().all(|deal| !deal.is_unsettled() && is_told(deal));
            !packed.dirty && !packed.record.here && known.all(is_over)
        })
    }
}

impl Past<'_> {
    /// What may have been handed over of a pack that was given up: it was paid for, so its ticket is wanted.
    pub(super) fn look_for(&self) -> Next {
        let doubtful = |deal: &&Deal| deal.state == State::Intended && !deal.nothing_there;
        match self.job.deals.iter().find(doubtful) {
            Some(deal) if !self.job.busy && self.capabilities.recovery == Recovery::Find => self.find(deal),
            // Only by sending its bytes once more could one know, and they are gone.
            _ => Next::Nothing,
        }
    }

    fn find(&self, deal: &Deal) -> Next {
        if self.job.not_before > self.now {
            return Next::Later(self.job.not_before);
        }
        Next::Ask(deal.number, Call::Find(deal.key))
    }

    /// How the deals of a pack that is to be released end, one behind the other, and what the stream does not know of it.
    pub(super) fn release(&self) -> Next {
        if self.job.busy {
            return Next::Nothing;
        }
        let unsettled = self.job.deals.iter().find(|deal| deal.is_unsettled());
        let next = unsettled.map_or(Next::Nothing, |deal| self.release_deal(deal));
        if !matches!(next, Next::Nothing | Next::Later(_)) || self.record.receipts_only {
            return next;
        }
        let mut ended = self.job.deals.iter().filter(|deal| deal.release.is_some());
        let receipt = ended.find_map(|deal| job::receipt(self.account, self.record, self.job, deal));
        receipt.map_or(next, |receipt| Next::Tell(Box::new(receipt)))
    }

    pub(super) fn release_deal(&self, deal: &Deal) -> Next {
        let refused = |kind, text| Next::Release(deal.number, Release::Refused(Failure::new(kind, text)));
        if deal.state == State::Intended {
            match self.capabilities.recovery {
                // It was never sent, or was looked for and not found.
                _ if deal.nothing_there && deal.sent == 1 => {
                    return Next::Release(deal.number, Release::Done(Released::Now));
                }
                Recovery::Find => return self.find(deal),
                Recovery::Neither => return refused(FailureKind::Doubtful, "it may have arrived: look there"),
                Recovery::Repeat => {}
            }
        }
        if !self.capabilities.releases {
            return refused(FailureKind::Unsupported, "nothing is taken away there");
        }
        if deal.release.is_none() {
            return Next::Release(deal.number, Release::Intended);
        }
        if self.job.not_before > self.now {
            return Next::Later(self.job.not_before);
        }
        let (pack, ticket) = (self.record.pack(self.account.stream), deal.ticket().cloned());
        Next::Ask(deal.number, Call::Release { key: deal.key, pack, ticket })
    }
}

impl Job {
    /// Takes note how far a deal is released.
    pub(super) fn release(&mut self, number: u32, release: Release, now: u64) {
        // What went wrong when it was wanted is no reason to wait now.
        self.went_right();
        if let Some(deal) = self.deal(number) {
            (deal.release, deal.changed) = (Some(release), now);
        }
    }

    pub(super) fn released(
        &mut self,
        number: u32,
        released: Result<Released, Failure>,
        capabilities: &Capabilities,
        now: u64,
        luck: u64,
    ) {
        let Some(deal) = self.deal(number) else { return };
        let release = match released {
            Ok(_) if capabilities.recovery == Recovery::Neither && deal.sent > 1 => {
                let text = "one copy is released; it was sent twice, and may be there once more: look there";
                Release::Refused(Failure::new(FailureKind::Doubtful, text))
            }
            Ok(released) => Release::Done(released),
            // It was considered, or somebody has to do something: that is told once.
            Err(failure) if failure.kind == FailureKind::Rejected || failure.kind.retry() == Retry::AfterAction => {
                Release::Refused(failure)
            }
            Err(failure) => return self.back_off(failure, now, luck),
        };
        self.release(number, release, now);
    }
}
