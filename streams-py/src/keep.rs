//! Keeping copies of streams (spec 11.2): what is wanted, where it is to be, and doing what is lacking.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyBytes;
use streams_core::MemoryShelf;
use streams_core::archive::ledger::{Deal, PackRecord, State};
use streams_core::archive::plan::{Answer, Call, Place, Policy, Step};
use streams_core::archiver::shelf::Shelf;
use streams_core::archiver::{Failure, Ticket};
use streams_object_store::FolderShelf;
use streams_py_guarded::guarded;

use crate::archiver::{KEEP, opened};
use crate::bytes::random;
use crate::call::{leave, start_runtime};
use crate::error::{Raise, raised};
use crate::id::{AnId, ObjectId};
use crate::key::SigningKey;
use crate::node::{Kept, Node};
use crate::session::now;

/// Keeps copies of streams, in folders, and by archivers that are written in Python.
///
/// It makes packs, which are archives that continue each other, hands them to the archivers, watches the deals, replaces
/// what is lost, and writes receipts into the streams, signed by `key`. It may be killed at any moment, and goes on from
/// what is in the store. One keeper for a key and a store runs at a time. `shelf` is the folder where packs wait until
/// enough copies are elsewhere; without one they wait in memory. Spec 11.2.
///
/// Raises:
///     ArchiverError: the shelf cannot be used, or another process uses it.
///
/// >>> from streams_core.keep import FolderArchiver, Keeper, Place
/// >>> import tempfile
/// >>> alice, node = SigningKey.generate(), Node()
/// >>> stream = node.create(Draft.root("example.org/list").sign(alice))
/// >>> with tempfile.TemporaryDirectory() as folder:
/// ...     attic = FolderArchiver(folder)
/// ...     keeper = Keeper(node, alice, [attic])
/// ...     keeper.want(stream.id, [Place(attic.id)])
/// ...     due = keeper.run()
/// ...     keeper.is_settled, [deal.state for pack in keeper.standing()[0].packs for deal in pack.deals]
/// (True, ['active', 'active'])
#[pyclass(module = "streams_core.keep", frozen)]
pub(crate) struct Keeper {
    kept: Arc<Kept>,
    core: Mutex<streams_core::node::keep::Keeper>,
}

impl Keeper {
    /// Waits until no other thread uses it.
    fn lock<'a>(&'a self, py: Python<'_>) -> std::sync::MutexGuard<'a, streams_core::node::keep::Keeper> {
        self.core.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[guarded]
#[pymethods]
impl Keeper {
    #[new]
    #[pyo3(signature = (
        node: "Node", key: "SigningKey", archivers: "Iterable[AnyArchiver]", *,
        shelf: "str | PathLike[str] | None" = None
    ))]
    fn new(node: &Node, key: &SigningKey, archivers: &Bound<'_, PyAny>, shelf: Option<PathBuf>) -> PyResult<Self> {
        node.kept.check()?;
        start_runtime()?;
        let archivers = archivers.try_iter()?.map(|given| opened(&given?)).collect::<PyResult<Vec<_>>>()?;
        let shelf: Arc<dyn Shelf> = match shelf {
            None => Arc::new(MemoryShelf::default()),
            Some(folder) => Arc::new(FolderShelf::open(folder).map_err(raised)?),
        };
        let core = streams_core::node::keep::Keeper::new(node.kept.node.clone(), key.0.clone(), archivers, shelf);
        Ok(Self { kept: node.kept.clone(), core: Mutex::new(core) })
    }

    /// What is wanted for a stream from now on: in which places how many copies are, and in milliseconds how often the
    /// stream and the deals are looked at, how long before its end a deal is renewed, how old what is in no pack yet may
    /// become, for how long a deal may stand still, and how often all bytes are read back (never, where `audit` is None).
    /// A pack is made when `pack_size` bytes wait for it. What is known of the copies is read from the store.
    ///
    /// Raises:
    ///     KeepError: no archiver has this name, or cannot do that.
    ///     UnknownStreamError: nothing of the stream is here.
    #[pyo3(signature = (
        stream: "ObjectId | str", places: "Iterable[Place]", *, interval: "int" = 3_600_000,
        renew_before: "int" = 604_800_000, repair: "bool" = true, pack_size: "int" = 0, pack_age: "int" = 0,
        patience: "int" = 259_200_000, audit: "int | None" = None
    ) -> "None")]
    #[expect(clippy::too_many_arguments, reason = "they have names in Python")]
    fn want(
        &self,
        py: Python<'_>,
        stream: AnId,
        places: &Bound<'_, PyAny>,
        interval: u64,
        renew_before: u64,
        repair: bool,
        pack_size: u64,
        pack_age: u64,
        patience: u64,
        audit: Option<u64>,
    ) -> PyResult<()> {
        let place = |place: Bound<'_, PyAny>| {
            let archiver = place.getattr("archiver").map_err(|_| PyTypeError::new_err("a Place is wanted"))?;
            let (copies, budget) = (place.getattr("copies")?.extract()?, place.getattr("budget")?.extract()?);
            Ok(Place { archiver: archiver.extract()?, copies, budget })
        };
        let places = places.try_iter()?.map(|given| place(given?)).collect::<PyResult<_>>()?;
        let policy = Policy { places, interval, renew_before, repair, pack_size, pack_age, patience, audit };
        let mut core = self.lock(py);
        self.kept.wait(py, core.want(stream.0, policy))
    }

    /// Does what is to be done now, and what follows from it, until nothing is. Returns when there will be something again,
    /// in milliseconds since 1970 UTC; None where everything waits for somebody. `tell` hears of each step that is done, as
    /// a `Done`. Where it is stopped, nothing that was done is lost.
    ///
    /// Raises:
    ///     KeepError: what was kept before cannot be read.
    ///     StoreError, ArchiverError: the store, or the shelf, did not answer.
    #[pyo3(signature = (*, tell: "Callable[[Done], object] | None" = None) -> "int | None")]
    fn run(&self, py: Python<'_>, tell: Option<Py<PyAny>>) -> PyResult<Option<u64>> {
        let mut told = |step: &Step, answer: &Answer| {
            if let Some(tell) = &tell {
                Python::attach(|py| match done(py, step, answer)? {
                    Some(done) => tell.call1(py, (done,)).map(drop),
                    None => Ok(()),
                })
                .unwrap_or_else(|error| leave(error));
            }
        };
        let mut core = self.lock(py);
        self.kept.wait(py, core.run(&now, &mut || u64::from_le_bytes(random()), &mut told))
    }

    /// Tries everything again that waits for its time, or for somebody; a submission that may have arrived twice is given
    /// up, and made anew.
    #[pyo3(signature = () -> "None")]
    fn retry(&self, py: Python<'_>) {
        self.lock(py).retry();
    }

    /// Has all bytes read back anew, of whatever is wanted to be audited.
    #[pyo3(signature = () -> "None")]
    fn audit(&self, py: Python<'_>) {
        self.lock(py).audit();
    }

    /// Whether everything is as desired: all that is in the streams is in packs, and every pack has the copies that are
    /// wanted, of which its stream was told.
    #[getter]
    fn is_settled(&self, py: Python<'_>) -> bool {
        self.lock(py).plan().is_settled()
    }

    /// How every stream stands, as is known here.
    #[pyo3(signature = () -> "list[Standing]")]
    fn standing<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let core = self.lock(py);
        let standing = core.plan().standing().map(|standing| {
            let stream = standing.account.stream;
            let packs = standing.packs.iter().map(|record| pack(py, stream, record)).collect::<PyResult<Vec<_>>>()?;
            KEEP.instance(py, "Standing", (ObjectId(stream), standing.waiting, packs))
        });
        standing.collect()
    }
}

fn failure<'py>(py: Python<'py>, failure: &Failure) -> PyResult<Bound<'py, PyAny>> {
    let error = streams_core::archiver::ArchiverError::new(failure.kind, &failure.message);
    let raise = Raise::from(&error);
    failure.after.map_or(raise.clone(), |after| raise.with("after", after)).instance(py)
}

fn pack<'py>(py: Python<'py>, stream: streams_core::StreamId, record: &PackRecord) -> PyResult<Bound<'py, PyAny>> {
    let known = record.pack(stream);
    let jobs = record.jobs.iter().filter(|job| job.wanted > 0);
    let mut deals = Vec::new();
    let mut troubles = Vec::new();
    for job in jobs {
        for deal in &job.deals {
            deals.push(self::deal(py, &job.archiver, deal)?);
        }
        if let Some(trouble) = &job.trouble {
            troubles.push((job.archiver.clone(), failure(py, trouble)?));
        }
    }
    let digest = PyBytes::new(py, &known.digest);
    let fields = (ObjectId(known.id), digest, known.size, record.objects, record.sealed, record.here, deals, troubles);
    KEEP.instance(py, "Pack", fields)
}

fn deal<'py>(py: Python<'py>, archiver: &str, deal: &Deal) -> PyResult<Bound<'py, PyAny>> {
    let state = match &deal.state {
        State::Intended => "intended",
        State::Pending { .. } => "pending",
        State::Active { .. } => "active",
        State::Failed { .. } => "failed",
        State::Gone { why, .. } => why.code(),
    };
    let held = deal.held();
    let copies: Vec<String> = held.iter().flat_map(|held| &held.copies).map(|copy| copy.at.clone()).collect();
    let ticket = deal.ticket().map(Ticket::as_str);
    let fields = (archiver, state, ticket, copies, held.and_then(|held| held.until), deal.audited);
    KEEP.instance(py, "Deal", fields)
}

/// A step as it is told; those that only keep and look are not.
fn done<'py>(py: Python<'py>, step: &Step, answer: &Answer) -> PyResult<Option<Bound<'py, PyAny>>> {
    let (what, account, pack, archiver) = match step {
        Step::Keep { .. } | Step::Look { .. } => return Ok(None),
        Step::Seal { account, .. } => ("sealed", account, None, None),
        Step::Forget { account, number, .. } => ("forgotten", account, Some(*number), None),
        Step::Tell { at, .. } => ("told", &at.account, Some(at.pack), Some(&at.archiver)),
        Step::Ask { at, call } => {
            let what = match call {
                Call::Quote(_) => "quoted",
                Call::Submit { .. } => "submitted",
                Call::Find(_) => "found",
                Call::Status(_) => "asked",
                Call::Audit(..) => "audited",
                Call::Release { .. } => "released",
            };
            (what, &at.account, Some(at.pack), Some(&at.archiver))
        }
    };
    let failed = match answer {
        Answer::Quoted(Err(failed))
        | Answer::Submitted(Err(failed))
        | Answer::Found(Err(failed))
        | Answer::Status(Err(failed))
        | Answer::Audited(Err(failed))
        | Answer::Released(Err(failed)) => Some(failure(py, failed)?),
        _ => None,
    };
    KEEP.instance(py, "Done", (what, ObjectId(account.stream), pack, archiver, failed)).map(Some)
}
