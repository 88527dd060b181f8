//! Evidence (spec 10.4), and how complete a stream is.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use streams_core::HashKey;
use streams_core::sync::evidence::Shown as CoreShown;
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::error::raised;
use crate::id::{ObjectId, hash, ids};
use crate::key::VerifyingKey;
use crate::session::{SESSION, statement};
use crate::stream::Stream;

/// Proof of what an author or a peer did, for somebody who trusts nobody and was not there: a file that holds all that its
/// check needs. It shows what was signed, not why: two devices with one key fork in all innocence. Spec 10.4.
///
/// >>> alice = SigningKey.generate()
/// >>> here = Node().create(Draft.root("example.org/list").sign(alice))
/// >>> there = Node().create(here.root)
/// >>> for number, stream in enumerate([here, there]):  # one key on two devices
/// ...     added = stream.by(alice).append("example.org/list.Added", {"number": number})
/// >>> here.ingest(entry.object for entry in there).rejected
/// []
/// >>> [evidence] = here.evidence()
/// >>> shown = Evidence.decode(evidence.encode()).verify()
/// >>> shown.code, shown.authors == [alice.verifying_key]
/// ('fork', True)
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Evidence(streams_core::sync::evidence::Evidence);

#[guarded]
#[pymethods]
impl Evidence {
    /// From a file. It shows nothing before it is verified.
    ///
    /// Raises:
    ///     EvidenceError: the bytes are no evidence.
    #[staticmethod]
    #[pyo3(signature = (file: "Buffer") -> "Evidence")]
    fn decode(py: Python<'_>, file: Buffer) -> PyResult<Self> {
        let decoded = py.detach(|| streams_core::sync::evidence::Evidence::decode(file.as_ref()));
        decoded.map(Self).map_err(raised)
    }

    /// As a file.
    #[pyo3(signature = () -> "bytes")]
    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.encode())
    }

    /// What it shows, checked by itself alone.
    ///
    /// Raises:
    ///     EvidenceError: it shows nothing; `code` tells why.
    #[pyo3(signature = () -> "Shown")]
    fn verify(&self, py: Python<'_>) -> PyResult<Shown> {
        let shown = py.detach(|| self.0.verify(HashKey::from_bytes(random())));
        shown.map(Shown).map_err(raised)
    }

    /// What it is to show: `fork`, `checkpoints`, `contradiction` or `broken-promise`.
    #[getter]
    fn code(&self) -> &'static str {
        use streams_core::sync::evidence::Evidence::{BrokenPromise, Checkpoints, Contradiction, Fork};
        match self.0 {
            Fork(..) => "fork",
            Checkpoints(_) => "checkpoints",
            Contradiction(..) => "contradiction",
            BrokenPromise(..) => "broken-promise",
        }
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.encode(py)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        hash(self.0.encode())
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("<Evidence of a {}>", self.code()?))
    }

    #[pyo3(signature = () -> "tuple[Callable[[Buffer], Evidence], tuple[bytes]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>().getattr("decode")?, PyTuple::new(py, [self.encode(py)?])?))
    }
}

/// What evidence shows, and of whom: `Evidence.verify`.
#[pyclass(module = "streams_core", frozen, eq)]
#[derive(PartialEq)]
pub(crate) struct Shown(CoreShown);

/// Checkpoints and who made them, ascending.
fn in_order(
    holders: &[(streams_core::ObjectId, streams_core::VerifyingKey)],
) -> Vec<(streams_core::ObjectId, streams_core::VerifyingKey)> {
    let mut holders = holders.to_vec();
    holders.sort_unstable_by_key(|(id, _)| *id);
    holders
}

#[guarded]
#[pymethods]
impl Shown {
    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str, &'static str) {
        ("code", "stream", "authors", "objects")
    }

    /// `fork`: an author wrote two objects behind one. `checkpoints`: holders made checkpoints that do not know of each
    /// other. `contradiction`: a peer said that it had an object, and later that it had not. `broken-promise`: a peer
    /// promised to serve an object, and did not.
    #[getter]
    fn code(&self) -> &'static str {
        self.0.code()
    }

    /// The stream.
    #[getter]
    fn stream(&self) -> ObjectId {
        match self.0 {
            CoreShown::Fork { stream, .. }
            | CoreShown::Checkpoints { stream, .. }
            | CoreShown::Contradiction { stream, .. }
            | CoreShown::BrokenPromise { stream, .. } => ObjectId(stream),
        }
    }

    /// The keys of those who did it: an author, a peer, or the holder who made each of the checkpoints, in their order.
    #[getter]
    fn authors(&self) -> Vec<VerifyingKey> {
        match &self.0 {
            CoreShown::Fork { author, .. } => vec![VerifyingKey(*author)],
            CoreShown::Checkpoints { holders, .. } => {
                in_order(holders).into_iter().map(|(_, holder)| VerifyingKey(holder)).collect()
            }
            CoreShown::Contradiction { peer, .. } | CoreShown::BrokenPromise { peer, .. } => vec![VerifyingKey(*peer)],
        }
    }

    /// The objects that it is about, ascending: both of a fork, the checkpoints, or the one that was not served.
    #[getter]
    fn objects(&self) -> Vec<ObjectId> {
        match &self.0 {
            CoreShown::Fork { objects, .. } => ids(objects.iter().copied()),
            CoreShown::Checkpoints { holders, .. } => ids(in_order(holders).into_iter().map(|(id, _)| id)),
            CoreShown::Contradiction { object, .. } => ids(*object),
            CoreShown::BrokenPromise { object, .. } => vec![ObjectId(*object)],
        }
    }

    fn __repr__(&self) -> PyResult<String> {
        Ok(format!("<Shown: a {} in {}>", self.code()?, self.stream()?.0))
    }
}

#[guarded]
#[pymethods]
impl Stream {
    /// All evidence about the stream that is here: forks, checkpoints that conflict, and peers that contradict what they
    /// signed, or break a promise. O(objects) for each peer of which there is something. Spec 10.4.
    #[pyo3(signature = () -> "list[Evidence]")]
    fn evidence(&self, py: Python<'_>) -> PyResult<Vec<Evidence>> {
        let found = self.kept.wait(py, self.kept.node.evidence(self.id))?;
        Ok(found.into_iter().map(Evidence).collect())
    }

    /// What is known about how complete the stream is here: what is cited and lacking, and what peers signed that they
    /// have. What a peer never stated, nobody can know.
    #[pyo3(signature = () -> "Completeness")]
    fn completeness<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let known = self.kept.wait(py, self.kept.node.completeness(self.id))?;
        let peer = |peer: &streams_core::node::witness::Stated| {
            let lacking = ids(peer.lacking.iter().copied());
            SESSION.instance(py, "PeerStated", (statement(py, &peer.statement)?, peer.heard, lacking, peer.objects))
        };
        let peers = known.peers.iter().map(peer).collect::<PyResult<Vec<_>>>()?;
        let (gaps, redacted) = (ids(known.gaps), ids(known.redacted));
        let counts = (known.by_several, known.by_one, known.by_none);
        SESSION.instance(py, "Completeness", (known.objects, gaps, redacted, peers, counts.0, counts.1, counts.2))
    }
}
