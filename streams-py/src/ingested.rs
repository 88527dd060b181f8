//! What became of objects that were taken in.

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PySlice, PyType};
use streams_core::{Ingested, Rejected};
use streams_py_guarded::guarded;

use crate::bytes::Buffer;
use crate::error::Raise;
use crate::id::{ObjectId, ids};
use crate::object::Object;

/// An object that was given to be taken in: parts, or an object.
pub(crate) enum Parts {
    Buffer(Buffer),
    Object(std::sync::Arc<[u8]>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Parts {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(object) = given.cast::<Object>() {
            return Ok(Self::Object(object.get().0.parts().clone()));
        }
        given.extract().map(Self::Buffer)
    }
}

impl AsRef<[u8]> for Parts {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Buffer(buffer) => buffer.as_ref(),
            Self::Object(parts) => parts,
        }
    }
}

/// Many that were given: an iterator over them.
pub(crate) fn many<'py>(given: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if given.is_instance_of::<PyBytes>() || given.is_instance_of::<Object>() {
        return Err(PyTypeError::new_err("ingest takes many objects: give a list, or use ingest_one"));
    }
    Ok(given.try_iter()?.into_any())
}

/// An object is admitted, and so are those that waited for it.
#[pyclass(module = "streams_core", frozen, eq, hash)]
#[derive(PartialEq, Hash)]
pub(crate) struct Admitted(Vec<ObjectId>);

#[guarded]
#[pymethods]
impl Admitted {
    #[new]
    #[pyo3(signature = (then: "Sequence[ObjectId]" = vec![]))]
    fn new(then: Vec<PyRef<'_, ObjectId>>) -> Self {
        Self(then.iter().map(|id| **id).collect())
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("then",)
    }

    /// The ids of those that waited for it, in the order in which they were admitted.
    #[getter]
    fn then(&self) -> Vec<ObjectId> {
        self.0.clone()
    }

    fn __repr__(&self) -> String {
        format!("Admitted({})", list(&self.0))
    }

    #[pyo3(signature = () -> "tuple[type[Admitted], tuple[list[ObjectId]]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Vec<ObjectId>,)) {
        (py.get_type::<Self>(), (self.0.clone(),))
    }
}

/// An object was here already. Maps that stood redacted, and that this copy has, were kept.
#[pyclass(module = "streams_core", frozen, eq, hash)]
#[derive(PartialEq, Hash)]
pub(crate) struct Known;

#[guarded]
#[pymethods]
impl Known {
    #[new]
    fn new() -> Self {
        Self
    }

    fn __repr__(&self) -> &'static str {
        "Known()"
    }

    #[pyo3(signature = () -> "tuple[type[Known], tuple[()]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, ()) {
        (py.get_type::<Self>(), ())
    }
}

/// An object waits for others.
#[pyclass(module = "streams_core", frozen, eq, hash)]
#[derive(PartialEq, Hash)]
pub(crate) struct Pending(Vec<ObjectId>);

#[guarded]
#[pymethods]
impl Pending {
    #[new]
    #[pyo3(signature = (missing: "Sequence[ObjectId]"))]
    fn new(missing: Vec<PyRef<'_, ObjectId>>) -> Self {
        Self(missing.iter().map(|id| **id).collect())
    }

    /// What a `match` statement takes apart.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("missing",)
    }

    /// All that it cites and that is not admitted, ascending; some of them may wait themselves.
    #[getter]
    fn missing(&self) -> Vec<ObjectId> {
        self.0.clone()
    }

    fn __repr__(&self) -> String {
        format!("Pending({})", list(&self.0))
    }

    #[pyo3(signature = () -> "tuple[type[Pending], tuple[list[ObjectId]]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Vec<ObjectId>,)) {
        (py.get_type::<Self>(), (self.0.clone(),))
    }
}

/// Ids as a list that evaluates.
fn list(ids: &[ObjectId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("ObjectId('{}')", id.0)).collect();
    format!("[{}]", ids.join(", "))
}

/// What became of an object; nearly all are admitted, and nothing waited for them.
enum Answer {
    Admitted,
    Other(Box<Result<Ingested, Rejected>>),
}

/// What became of many objects, in their order: a sequence of `Admitted`, `Known` and `Pending`, and of the errors by
/// which others were dropped, are newer, or refused. The errors are values here; `check()` raises the first of them.
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct Answers(Vec<Answer>);

impl Answers {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn extend(&mut self, answers: Vec<Result<Ingested, Rejected>>) {
        self.0.extend(answers.into_iter().map(|answer| match answer {
            Ok(Ingested::Admitted { then }) if then.is_empty() => Answer::Admitted,
            answer => Answer::Other(Box::new(answer)),
        }));
    }

    fn count(&self, is: impl Fn(&Result<Ingested, Rejected>) -> bool) -> usize {
        self.0.iter().filter(|answer| matches!(answer, Answer::Other(answer) if is(answer))).count()
    }
}

#[guarded]
#[pymethods]
impl Answers {
    /// How many are admitted, those that waited for others with them.
    #[getter]
    fn admitted(&self) -> usize {
        let more = |answer: &Answer| match answer {
            Answer::Admitted => 1,
            Answer::Other(answer) => match &**answer {
                Ok(Ingested::Admitted { then }) => 1 + then.len(),
                _ => 0,
            },
        };
        self.0.iter().map(more).sum()
    }

    /// How many were here already.
    #[getter]
    fn known(&self) -> usize {
        self.count(|answer| matches!(answer, Ok(Ingested::Known)))
    }

    /// How many wait for others, or did when they came.
    #[getter]
    fn pending(&self) -> usize {
        self.count(|answer| matches!(answer, Ok(Ingested::Pending { .. })))
    }

    /// Those that were dropped, are newer, or refused: their places among what was given, and the errors.
    #[getter]
    fn rejected<'py>(&self, py: Python<'py>) -> PyResult<Vec<(usize, Bound<'py, PyAny>)>> {
        let mut rejected = Vec::new();
        for (at, answer) in self.0.iter().enumerate() {
            if let Answer::Other(answer) = answer
                && let Err(error) = &**answer
            {
                rejected.push((at, Raise::from(error).with("fate", error.fate()).instance(py)?));
            }
        }
        Ok(rejected)
    }

    /// Raises the first error, if there is one; otherwise gives itself back.
    ///
    /// Raises:
    ///     UnsoundError, NewerError, RefusedError: an object was not taken in.
    #[pyo3(signature = () -> "Answers")]
    fn check(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        match slf.get().rejected(slf.py())?.into_iter().next() {
            Some((_, error)) => Err(PyErr::from_value(error)),
            None => Ok(slf),
        }
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn __iter__(slf: Py<Self>) -> EachAnswer {
        EachAnswer { answers: slf, next: 0 }
    }

    fn __getitem__<'py>(&self, at: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = at.py();
        if let Ok(slice) = at.cast::<PySlice>() {
            let places = slice.indices(self.0.len() as isize)?;
            let places = (0..places.slicelength).map(|step| places.start + step as isize * places.step);
            let answers = places.map(|at| self.answer(py, at as usize)).collect::<PyResult<Vec<_>>>()?;
            return answers.into_pyobject(py);
        }
        let at: isize = at.extract()?;
        let place = if at < 0 { at + self.0.len() as isize } else { at };
        if !(0..self.0.len() as isize).contains(&place) {
            return Err(PyIndexError::new_err(format!("{at} of {} answers", self.0.len())));
        }
        self.answer(py, place as usize)
    }

    fn __repr__(&self) -> PyResult<String> {
        let rejected = self.count(Result::is_err);
        let (admitted, known, pending) = (self.admitted()?, self.known()?, self.pending()?);
        Ok(format!("<Answers: {admitted} admitted, {known} known, {pending} pending, {rejected} rejected>"))
    }
}

impl Answers {
    fn answer<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyAny>> {
        match &self.0[at] {
            Answer::Admitted => Ok(Bound::new(py, Admitted(Vec::new()))?.into_any()),
            Answer::Other(answer) => value(py, answer),
        }
    }
}

/// One answer after the other.
#[pyclass(module = "streams_core")]
pub(crate) struct EachAnswer {
    answers: Py<Answers>,
    next: usize,
}

#[guarded]
#[pymethods]
impl EachAnswer {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let answers = self.answers.get();
        if self.next == answers.0.len() {
            return Ok(None);
        }
        self.next += 1;
        answers.answer(py, self.next - 1).map(Some)
    }
}

/// An answer as a value.
pub(crate) fn value<'py>(py: Python<'py>, answer: &Result<Ingested, Rejected>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match answer {
        Ok(Ingested::Admitted { then }) => Bound::new(py, Admitted(ids(then.iter().copied())))?.into_any(),
        Ok(Ingested::Known) => Bound::new(py, Known)?.into_any(),
        Ok(Ingested::Pending { missing }) => Bound::new(py, Pending(ids(missing.iter().copied())))?.into_any(),
        Err(error) => Raise::from(error).with("fate", error.fate()).instance(py)?,
    })
}
