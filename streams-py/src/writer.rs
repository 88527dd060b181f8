//! Somebody who writes to a stream: each method writes, signs and admits an object.

use std::sync::Arc;

use pyo3::prelude::*;
use streams_core::{AppendError, Map, Rule, StreamId};
use streams_py_guarded::guarded;

use crate::draft::{Draft, Time};
use crate::error::raised;
use crate::id::{AnId, given};
use crate::key::SigningKey;
use crate::node::Kept;
use crate::object::Authentic;
use crate::value;

/// Somebody who writes to a stream: `Stream.by`.
///
/// Each method writes an object that follows all that is here, signs it, admits it, and gives it back, to be sent to
/// others. It is durable then.
///
/// Raises:
///     NotAuthorizedError: nothing in the stream allows it to this author.
///     RefusedError, UnsoundError: a rule of the header, or a limit, is broken.
///     StoreError: the store did not take it.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Writer {
    kept: Arc<Kept>,
    stream: StreamId,
    key: Py<SigningKey>,
    timestamp: Option<u64>,
}

impl Writer {
    pub(crate) fn new(kept: Arc<Kept>, stream: StreamId, key: Py<SigningKey>, timestamp: Option<Time>) -> Self {
        Self { kept, stream, key, timestamp: timestamp.map(|time| time.0) }
    }

    fn write<'py>(
        &self,
        py: Python<'py>,
        write: impl FnOnce(&mut streams_core::Writer<'_>) -> Result<streams_core::Authentic, AppendError> + Send,
    ) -> PyResult<Bound<'py, Authentic>> {
        let (key, timestamp) = (&self.key.get().0, self.timestamp);
        let written = self.kept.wait(
            py,
            self.kept.node.write(self.stream, |stream| {
                let mut writer = stream.by(key);
                if let Some(timestamp) = timestamp {
                    writer = writer.at(timestamp);
                }
                write(&mut writer)
            }),
        )?;
        Authentic::wrap(py, written.map_err(raised)?)
    }
}

/// Rules as the core has them; a dict is no rule here.
fn rules(rules: &[PyRef<'_, crate::policy::Rule>]) -> Vec<Rule> {
    rules.iter().map(|rule| rule.0.clone()).collect()
}

#[guarded]
#[pymethods]
impl Writer {
    /// Appends an object of this type, with this content.
    #[pyo3(signature = (r#type: "str", data: "DataLike | None" = None) -> "Authentic")]
    fn append<'py>(
        &self,
        py: Python<'py>,
        r#type: &str,
        data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Authentic>> {
        let data = data.map(value::map).transpose()?.unwrap_or_else(Map::new);
        self.write(py, |writer| writer.append(r#type, data))
    }

    /// Signs and admits a draft.
    #[pyo3(signature = (draft: "Draft") -> "Authentic")]
    fn append_draft<'py>(&self, py: Python<'py>, draft: &Draft) -> PyResult<Bound<'py, Authentic>> {
        let (key, draft) = (&self.key.get().0, draft.draft());
        let written =
            self.kept.wait(py, self.kept.node.write(self.stream, |stream| stream.append_draft(key, draft)))?;
        Authentic::wrap(py, written.map_err(raised)?)
    }

    /// Appends a policy object with these rules. Whoever does not govern appends a void one, if it is admitted at all.
    #[pyo3(signature = (*rules: "Rule") -> "Authentic")]
    fn govern<'py>(
        &self,
        py: Python<'py>,
        rules: Vec<PyRef<'_, crate::policy::Rule>>,
    ) -> PyResult<Bound<'py, Authentic>> {
        let rules = self::rules(&rules);
        self.write(py, |writer| writer.govern(rules))
    }

    /// Appends a policy object that withdraws these: with force where its author's rank is not above theirs.
    #[pyo3(signature = (*policies: "ObjectId | str") -> "Authentic")]
    fn withdraw<'py>(&self, py: Python<'py>, policies: Vec<AnId>) -> PyResult<Bound<'py, Authentic>> {
        self.write(py, |writer| writer.withdraw(&given(&policies)))
    }

    /// Appends an object that takes up these void ones, under the authority of its author. Spec 8.10.
    #[pyo3(signature = (*objects: "ObjectId | str") -> "Authentic")]
    fn adopt<'py>(&self, py: Python<'py>, objects: Vec<AnId>) -> PyResult<Bound<'py, Authentic>> {
        self.write(py, |writer| writer.adopt(&given(&objects)))
    }

    /// Appends an object that removes these maps for all, where its author governs. Spec 3.4.
    #[pyo3(signature = (*maps: "ObjectId | str") -> "Authentic")]
    fn redact_for_all<'py>(&self, py: Python<'py>, maps: Vec<AnId>) -> PyResult<Bound<'py, Authentic>> {
        self.write(py, |writer| writer.redact_for_all(&given(&maps)))
    }

    /// Appends a checkpoint over all that is here: it becomes final, where its author is a holder. O(n). Spec 9.2.
    #[pyo3(signature = () -> "Authentic")]
    fn checkpoint<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Authentic>> {
        self.write(py, |writer| writer.checkpoint())
    }

    fn __repr__(&self) -> String {
        format!("<Writer to {} by {}>", self.stream, self.key.get().0.verifying_key())
    }
}
