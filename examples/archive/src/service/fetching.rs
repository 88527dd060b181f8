//! One run of one resource: pages become items, poison is quarantined, and what came of it is kept.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use streams_core::StreamId;
use tokio::sync::Mutex as AsyncMutex;

use super::{INDEXES, Service, ServiceError, USUAL_INTERVAL, count, record_name};
use crate::fetch::machine::Machine;
use crate::fetch::webhook::{self, Delivery};
use crate::fetch::{self, Cursor, End, FetchError, Page, Poison};
use crate::item::{Index, ItemError, REMOVED};
use crate::object::{Fetched, Item, MAX_CONTENT, Quarantined, Resource, State, types};
use crate::resource::ResourceKey;
use crate::seal::StreamKey;
use crate::stream::StreamView;
use crate::vault::{Reference, SecretString};
use crate::write::New;

/// Why a delivery was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Nothing is delivered there.
    #[error("nothing is delivered there")]
    Nowhere,
    /// Its sender is not known, or it is none.
    #[error(transparent)]
    Refused(#[from] webhook::Undelivered),
    /// It could not be kept: it is to be sent again.
    #[error("it could not be kept; send it again")]
    NotKept(#[source] ServiceError),
}

/// What is known of a resource when it is fetched.
struct Job {
    resource: Resource,
    machine: Machine,
    max: u64,
    index: Arc<AsyncMutex<Index>>,
}

impl Service {
    /// Fetches a resource that was begun. What its source does wrong is kept, and no error here.
    pub(super) async fn fetch(&self, stream: StreamId, key: ResourceKey) -> Result<(), ServiceError> {
        let _slot = self.slots.acquire().await;
        let Some((resource, slug)) = self.resource(stream, key) else { return Ok(()) };
        let ended = match self.job(stream, key)? {
            Ok(mut job) => self.fetch_job(stream, key, &mut job).await?,
            Err(error) => Err(error),
        };
        let (now, luck) = (self.now(), (self.setup.luck)());
        match &ended {
            Ok(end) if end.not_modified => count(&self.counters.not_modified, 1),
            Ok(_) => count(&self.counters.done, 1),
            Err(error) => {
                let mut failed = self.counters.failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                *failed.entry(error.code()).or_default() += 1;
                tracing::warn!(%slug, source = resource.name(), code = error.code(), "{error}");
            }
        }
        let (machine, told) = {
            let mut watched = self.watched();
            let Some(watched) = watched.get_mut(&stream) else { return Ok(()) };
            let interval = resource.interval.or(watched.config.interval).unwrap_or(USUAL_INTERVAL);
            let Some(fetched) = watched.resources.get_mut(&key) else { return Ok(()) };
            fetched.machine.end(ended, interval, resource.credential.as_deref(), now, luck);
            (fetched.machine.clone(), fetched.told.clone())
        };
        self.changed.notify_one();
        self.record(stream, key, &machine).await?;
        if told != machine.state() {
            self.tell_state(stream, key, &machine).await?;
        }
        Ok(())
    }

    fn resource(&self, stream: StreamId, key: ResourceKey) -> Option<(Resource, String)> {
        let watched = self.watched();
        let watched = watched.get(&stream)?;
        Some((watched.resources.get(&key)?.resource.clone(), watched.slug.to_string()))
    }

    async fn record(&self, stream: StreamId, key: ResourceKey, machine: &Machine) -> Result<(), ServiceError> {
        let bytes = serde_json::to_vec(machine).expect("texts and numbers");
        Ok(self.setup.node.store().set_cursor(&record_name(stream, key), &bytes).await?)
    }

    /// Tells the stream how a resource stands.
    async fn tell_state(&self, stream: StreamId, key: ResourceKey, machine: &Machine) -> Result<(), ServiceError> {
        let (state, resource) = (machine.state().to_owned(), key.to_bytes());
        let reason = machine.reason().filter(|_| state != "fetching").map(str::to_owned);
        let new = State { resource, state: state.clone(), reason };
        let tell = |view: &StreamView| {
            let is_new = view.states.get(&key).map_or("fetching", |have| have.state.as_str()) != state;
            Ok((if is_new { vec![New::of(types::STATE, &new)?] } else { Vec::new() }, ()))
        };
        self.hand().edit(stream, tell).await?;
        if let Some(fetched) = self.watched().get_mut(&stream).and_then(|watched| watched.resources.get_mut(&key)) {
            fetched.told = state;
        }
        self.written.notify_one();
        Ok(())
    }

    /// What is needed to fetch; or why it cannot be fetched.
    fn job(&self, stream: StreamId, key: ResourceKey) -> Result<Result<Job, FetchError>, ServiceError> {
        let index = match self.index(stream) {
            Ok(Some(index)) => index,
            Ok(None) => return Ok(Err(FetchError::Gone("the stream is not looked after any more".into()))),
            Err(error) => return Ok(Err(error)),
        };
        let watched = self.watched();
        let Some(watched) = watched.get(&stream) else { return Ok(Err(FetchError::Gone("no stream".into()))) };
        let Some(fetched) = watched.resources.get(&key) else { return Ok(Err(FetchError::Gone("no resource".into()))) };
        let (resource, machine) = (fetched.resource.clone(), fetched.machine.clone());
        let max = watched.config.max_item.unwrap_or(MAX_CONTENT as u64).min(MAX_CONTENT as u64);
        Ok(Ok(Job { resource, machine, max, index }))
    }

    /// The secret of a resource; none, where it needs none.
    fn credential(&self, resource: &Resource) -> Result<Option<SecretString>, FetchError> {
        let Some(reference) = &resource.credential else { return Ok(None) };
        let entry = reference.parse::<Reference>().and_then(|reference| self.setup.vault.entry(&reference));
        match entry {
            Ok(Some(entry)) => Ok(Some(entry.secret)),
            Ok(None) => Err(FetchError::Unauthorized(format!("the vault has no {reference}"))),
            Err(error) => Err(FetchError::Unauthorized(error.to_string())),
        }
    }

    /// Which items a stream has. Those that were not asked for longest go, where there are many.
    fn index(&self, stream: StreamId) -> Result<Option<Arc<AsyncMutex<Index>>>, FetchError> {
        let mut all = self.watched();
        let Some(watched) = all.get_mut(&stream) else { return Ok(None) };
        let used = self.counters.uses.fetch_add(1, Ordering::Relaxed) + 1;
        watched.used = used;
        let index = match &watched.index {
            Some(index) => index.clone(),
            None => {
                let key = watched.seal.is_some().then(|| self.stream_key(stream)).transpose()?;
                let index = Arc::new(AsyncMutex::new(Index::new(stream, key)));
                watched.index = Some(index.clone());
                index
            }
        };
        let mut open: Vec<_> = all.iter().filter(|(_, w)| w.index.is_some()).map(|(id, w)| (w.used, *id)).collect();
        open.sort_unstable();
        for (_, id) in open.iter().take(open.len().saturating_sub(INDEXES)) {
            if let Some(watched) = all.get_mut(id) {
                watched.index = None;
            }
        }
        Ok(Some(index))
    }

    fn stream_key(&self, stream: StreamId) -> Result<StreamKey, FetchError> {
        let entry = self.setup.vault.entry(&Reference::of_stream(stream));
        let entry = entry.map_err(|error| FetchError::Unauthorized(error.to_string()))?;
        let forgotten = || FetchError::Unauthorized("the key of this sealed stream is not in the vault".into());
        StreamKey::from_secret(&entry.ok_or_else(forgotten)?.secret)
            .map_err(|error| FetchError::Unauthorized(error.to_string()))
    }

    /// One run: page after page.
    async fn fetch_job(
        &self,
        stream: StreamId,
        key: ResourceKey,
        job: &mut Job,
    ) -> Result<Result<End, FetchError>, ServiceError> {
        match self.fetch_pages(stream, key, job).await {
            Ok(end) => Ok(Ok(end)),
            Err(Failed::Fetch(error)) => Ok(Err(error)),
            Err(Failed::Service(error)) => Err(error),
        }
    }

    async fn fetch_pages(&self, stream: StreamId, key: ResourceKey, job: &mut Job) -> Result<End, Failed> {
        let credential = self.credential(&job.resource)?;
        let Some(fetcher) = fetch::fetcher(&job.resource, credential, job.max)? else { return Ok(End::default()) };
        let was_unfinished = job.machine.cursor.unfinished;
        let mut pages = fetcher.begin(&job.machine.cursor, self.now()).await?;
        let (mut is_marked, mut handed) = (was_unfinished, HashSet::new());
        while let Some(page) = pages.next().await? {
            let Page { mut items, poison, newest_first } = page;
            let mut index = job.index.lock().await;
            index.refresh(&self.setup.node).await.map_err(ServiceError::from)?;
            let has_new = items.iter().any(|item| !index.has(item));
            if newest_first {
                items.reverse();
                if has_new && !is_marked {
                    // Where it is cut off behind this page, the next run must not take it for the end of what is new.
                    job.machine.cursor.unfinished = true;
                    self.mark(stream, key, &job.machine.cursor).await?;
                    is_marked = true;
                }
            }
            handed.extend(items.iter().map(|item| item.source.clone()));
            self.append(stream, key, &mut index, &items).await?;
            drop(index);
            self.quarantine(stream, key, &poison).await?;
            if newest_first && !has_new && !was_unfinished && poison.is_empty() {
                break;
            }
        }
        let end = pages.end();
        if end.complete {
            let mut index = job.index.lock().await;
            index.refresh(&self.setup.node).await.map_err(ServiceError::from)?;
            let gone: Vec<Item> = {
                let there = index.sources(key.as_bytes()).filter(|source| !handed.contains(*source));
                there.map(|source| removed(key, source, self.now())).collect()
            };
            self.append(stream, key, &mut index, &gone).await?;
        }
        tracing::debug!(source = job.resource.name(), "fetched");
        Ok(end)
    }

    /// Keeps that a run was begun.
    async fn mark(&self, stream: StreamId, key: ResourceKey, cursor: &Cursor) -> Result<(), ServiceError> {
        let machine = {
            let mut watched = self.watched();
            let fetched = watched.get_mut(&stream).and_then(|watched| watched.resources.get_mut(&key));
            let Some(fetched) = fetched else { return Ok(()) };
            fetched.machine.cursor = cursor.clone();
            fetched.machine.clone()
        };
        self.record(stream, key, &machine).await
    }

    async fn append(
        &self,
        stream: StreamId,
        key: ResourceKey,
        index: &mut Index,
        items: &[Item],
    ) -> Result<usize, Failed> {
        let appended = index.append(self.hand(), items).await?;
        let new = appended.new.len();
        count(&self.counters.items, new);
        count(&self.counters.known, appended.known);
        if new > 0 {
            {
                let mut watched = self.watched();
                if let Some(watched) = watched.get_mut(&stream) {
                    watched.items += new as u64;
                    if let Some(fetched) = watched.resources.get_mut(&key) {
                        fetched.new += new as u64;
                    }
                    tracing::info!(slug = %watched.slug, items = new, "appended");
                }
            }
            self.kept().stirred.insert(stream);
            self.written.notify_one();
            self.changed.notify_one();
        }
        Ok(new)
    }

    /// Writes down what nobody could read, each once.
    async fn quarantine(&self, stream: StreamId, key: ResourceKey, poison: &[Poison]) -> Result<(), ServiceError> {
        if poison.is_empty() {
            return Ok(());
        }
        let write = |view: &StreamView| {
            let mut new: Vec<New> = Vec::new();
            for Poison { source, reason, digest } in poison {
                let is_known = |have: &Quarantined| *have.resource == *key.as_bytes() && *have.digest == *digest;
                if !view.quarantined.iter().any(is_known) {
                    let (resource, digest) = (key.to_bytes(), digest.to_vec().into());
                    let source = crate::item::cut(source, 1024).to_owned();
                    let poison = Quarantined { resource, source, reason: reason.clone(), digest };
                    new.push(New::of(types::QUARANTINED, &poison)?);
                }
            }
            let count = new.len();
            Ok((new, count))
        };
        let (_, new) = self.hand().edit(stream, write).await?;
        count(&self.counters.quarantined, new);
        if let Some(fetched) = self.watched().get_mut(&stream).and_then(|watched| watched.resources.get_mut(&key)) {
            fetched.quarantined += new as u64;
        }
        if new > 0 {
            tracing::warn!(%stream, items = new, "quarantined");
        }
        Ok(())
    }

    /// Takes what was delivered: it is durable when this returns. Whether it was new is returned.
    pub async fn deliver(
        &self,
        stream: StreamId,
        key: ResourceKey,
        delivery: Delivery<'_>,
    ) -> Result<bool, Undelivered> {
        let resource = self.resource(stream, key).map(|(resource, _)| resource);
        let resource = resource.filter(|resource| resource.kind == "webhook" && resource.is_enabled());
        let resource = resource.ok_or(Undelivered::Nowhere)?;
        let refused = |error: webhook::Undelivered| {
            count(&self.counters.refused, 1);
            Undelivered::Refused(error)
        };
        // Without a secret nobody is known.
        let secret = self.credential(&resource).ok().flatten().ok_or(webhook::Undelivered::Unauthorized);
        let item = delivery.take(&resource, &secret.map_err(refused)?, self.now()).map_err(refused)?;
        let failed = |failed: Failed| match failed {
            Failed::Service(error) => Undelivered::NotKept(error),
            Failed::Fetch(_) => Undelivered::Nowhere,
        };
        let index = self.index(stream).map_err(|error| failed(error.into()))?.ok_or(Undelivered::Nowhere)?;
        let mut index = index.lock().await;
        let new = self.append(stream, key, &mut index, &[item]).await.map_err(failed)?;
        count(&self.counters.delivered, 1);
        Ok(new > 0)
    }
}

/// That something is not there any more.
fn removed(key: ResourceKey, source: &str, now: u64) -> Item {
    Item {
        resource: Some(key.to_bytes()),
        source: source.to_owned(),
        revision: Some(REMOVED.to_owned()),
        kind: REMOVED.to_owned(),
        title: Some(source.rsplit('/').next().unwrap_or(source).to_owned()),
        fetched: Some(Fetched { at: now, from: None, etag: None }),
        ..Item::default()
    }
}

/// Why a run ended early.
enum Failed {
    /// By its source: the machine decides what becomes of it.
    Fetch(FetchError),
    /// By the store: the service ends.
    Service(ServiceError),
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<ItemError> for Failed {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::Archive(error) => Self::Service(error.into()),
            ItemError::Seal(error) => Self::Fetch(FetchError::Transient(error.to_string())),
        }
    }
}
