//! Copies: what each stream wants, kept by one [`Keeper`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard};

use streams_core::StreamId;
use streams_core::archive::ledger::Release;
use streams_core::archive::plan::{Answer, Call, Place, Policy, Progress, Step};
use streams_core::archiver::Archiver;
use streams_core::node::keep::Keeper;

use super::status::PlaceStatus;
use super::{Service, ServiceError, Until};
use crate::object::Config;

/// What is known of copies, for whoever asks.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Whether something else may be wanted than the keeper knows.
    pub(super) is_other: bool,
    /// Streams to which something was written since they were looked at.
    pub(super) stirred: BTreeSet<StreamId>,
    /// Whether everything is to be tried again at once.
    pub(super) retry: bool,
    /// How they stand.
    pub(super) standing: BTreeMap<StreamId, Standing>,
    /// Places that could not be opened, and why.
    pub(super) closed: BTreeMap<String, String>,
}

/// How the copies of a stream stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) packs: usize,
    pub(super) objects: u64,
    pub(super) bytes: u64,
    pub(super) waiting: Option<u64>,
    pub(super) places: Vec<PlaceStatus>,
}

/// What is wanted of copies: for each stream a configuration.
type Wanted = BTreeMap<StreamId, Config>;

/// The policy of a configuration, without its places.
pub(super) fn policy(config: &Config) -> Policy {
    let usual = Policy::default();
    Policy {
        renew_before: config.renew.unwrap_or(usual.renew_before),
        pack_size: config.pack_size.unwrap_or(usual.pack_size),
        pack_age: config.pack_age.unwrap_or(usual.pack_age),
        audit: config.audit,
        ..usual
    }
}

impl Service {
    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wanted(&self) -> Wanted {
        let watched = self.watched();
        let wants = |config: &Config| config.places.as_ref().is_some_and(|places| !places.is_empty());
        watched
            .iter()
            .filter(|(_, watched)| wants(&watched.config))
            .map(|(stream, watched)| (*stream, watched.config.clone()))
            .collect()
    }

    /// Keeps copies of all streams that want them.
    pub(super) async fn keep(&self, until: Until) -> Result<(), ServiceError> {
        let mut wanted = self.wanted();
        let mut keeper = self.keeper(&wanted).await?;
        // Of which it is told anew how they stand. Many streams rest, and are left alone.
        let mut touched: BTreeSet<StreamId> = wanted.keys().copied().collect();
        self.kept().standing.retain(|stream, _| wanted.contains_key(stream));
        loop {
            if std::mem::take(&mut self.kept().is_other) {
                let now_wanted = self.wanted();
                if now_wanted != wanted {
                    (keeper, wanted) = (self.keeper(&now_wanted).await?, now_wanted);
                    self.kept().standing.retain(|stream, _| wanted.contains_key(stream));
                    touched.extend(wanted.keys());
                }
            }
            let stirred = std::mem::take(&mut self.kept().stirred);
            stirred.into_iter().for_each(|stream| keeper.look(stream));
            if std::mem::take(&mut self.kept().retry) {
                keeper.retry();
            }
            let clock = || self.now();
            let mut done = |step: &Step, answer: &Answer| {
                tell(step, answer);
                touched.insert(step.account().stream);
                self.changed.notify_one();
            };
            let due = keeper.run(&clock, &mut || (self.setup.luck)(), &mut done).await?;
            self.stand(&keeper, &std::mem::take(&mut touched));
            if until == Until::Done {
                return Ok(());
            }
            tokio::select! {
                () = self.written.notified() => {}
                () = self.setup.clock.until(due.unwrap_or(u64::MAX)), if due.is_some() => {}
            }
        }
    }

    /// A keeper of what is wanted. A place that cannot be opened keeps no other waiting.
    async fn keeper(&self, wanted: &Wanted) -> Result<Keeper, ServiceError> {
        let mut archivers: BTreeMap<&str, Arc<dyn Archiver>> = BTreeMap::new();
        let mut closed = BTreeMap::new();
        for place in wanted.values().flat_map(|config| config.places.iter().flatten()) {
            if archivers.contains_key(place.as_str()) || closed.contains_key(place) {
                continue;
            }
            match (self.setup.open_place)(place) {
                Ok(archiver) => drop(archivers.insert(place, archiver)),
                Err(reason) => {
                    tracing::warn!(place, "{reason}");
                    closed.insert(place.clone(), reason);
                }
            }
        }
        let all = archivers.values().cloned().collect();
        let (node, key) = (self.setup.node.clone(), self.setup.key.clone());
        let mut keeper = Keeper::new(node, key, all, self.setup.shelf.clone());
        for (stream, config) in wanted {
            let mut places: Vec<Place> = Vec::new();
            for archiver in config.places.iter().flatten().filter_map(|place| archivers.get(place.as_str())) {
                let most = archiver.capabilities().copies;
                let copies = u16::try_from(config.copies.unwrap_or(1)).unwrap_or(u16::MAX).clamp(1, most);
                let place = Place { archiver: archiver.id().to_owned(), copies, budget: config.budget };
                // Two names may lead to one place.
                if !places.iter().any(|other| other.archiver == place.archiver) {
                    places.push(place);
                }
            }
            let audits = archivers.values().all(|archiver| archiver.capabilities().fetches);
            let mut policy = Policy { places, ..policy(config) };
            policy.audit = policy.audit.filter(|_| audits);
            keeper.want(*stream, policy).await?;
        }
        self.kept().closed = closed;
        Ok(keeper)
    }

    /// Takes note of how the copies of these streams stand.
    fn stand(&self, keeper: &Keeper, streams: &BTreeSet<StreamId>) {
        let now = self.now();
        for standing in keeper.plan().standing().filter(|standing| streams.contains(&standing.account.stream)) {
            let mut places: BTreeMap<&str, PlaceStatus> = BTreeMap::new();
            for job in standing.packs.iter().flat_map(|pack| &pack.jobs).filter(|job| job.wanted > 0) {
                let place = places.entry(&job.archiver).or_insert_with(|| PlaceStatus::of(&job.archiver));
                place.spent += job.cost();
                place.until = place.until.into_iter().chain(job.deals.iter().filter_map(|d| d.held()?.until)).min();
                match job.progress(now) {
                    Progress::Kept => place.kept += 1,
                    Progress::Working | Progress::Lacking => place.lacking += 1,
                    Progress::Waiting(failure, _) | Progress::Blocked(failure) => {
                        place.lacking += 1;
                        place.trouble = Some(format!("{}: {}", failure.kind.code(), failure.message));
                    }
                }
            }
            for job in standing.replaced.iter().flat_map(|pack| &pack.jobs) {
                let count = |is: fn(&Release) -> bool| {
                    job.deals.iter().filter(|deal| deal.release.as_ref().is_some_and(is)).count() as u64
                };
                let releasing = count(|release| *release == Release::Intended);
                let unreleased = count(|release| matches!(release, Release::Refused(_)));
                if releasing + unreleased == 0 {
                    continue;
                }
                let place = places.entry(&job.archiver).or_insert_with(|| PlaceStatus::of(&job.archiver));
                place.releasing += releasing;
                place.unreleased += unreleased;
                if let Some(failure) = job.trouble.as_ref().filter(|_| releasing > 0) {
                    place.trouble = Some(format!("{}: {}", failure.kind.code(), failure.message));
                }
            }
            let known = Standing {
                packs: standing.packs.len(),
                objects: standing.packs.iter().map(|pack| pack.objects).sum(),
                bytes: standing.packs.iter().map(|pack| pack.size).sum(),
                waiting: standing.waiting,
                places: places.into_values().collect(),
            };
            self.kept().standing.insert(standing.account.stream, known);
        }
        if !streams.is_empty() {
            self.changed.notify_one();
        }
    }
}

/// Logs what was done.
fn tell(step: &Step, answer: &Answer) {
    match (step, answer) {
        (Step::Seal { account, .. }, Answer::Sealed(Some(sealed))) => {
            tracing::info!(stream = %account.stream, objects = sealed.objects, bytes = sealed.pack.size, "packed");
        }
        (Step::Ask { at, call: Call::Submit { .. } }, Answer::Submitted(Ok(_))) => {
            tracing::info!(stream = %at.account.stream, place = at.archiver, "handed over");
        }
        (Step::Ask { at, .. }, Answer::Released(Ok(_))) => {
            tracing::info!(stream = %at.account.stream, place = at.archiver, "released");
        }
        (
            Step::Ask { at, .. },
            Answer::Submitted(Err(failure)) | Answer::Status(Err(failure)) | Answer::Released(Err(failure)),
        ) => {
            let (place, code) = (&at.archiver, failure.kind.code());
            tracing::warn!(stream = %at.account.stream, place, code, "{}", failure.message);
        }
        (Step::Tell { at, receipt }, Answer::Told { written: true }) => {
            let state = &receipt.news.state;
            tracing::info!(stream = %at.account.stream, place = at.archiver, state, "told");
        }
        _ => {}
    }
}
