//! Keys: who writes, and who is told from others by it (spec 4.1, 6.1).

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple, PyType};
use streams_core::Domain;
use streams_core::codes::Class;
use streams_py_guarded::guarded;

use crate::bytes::{Buffer, random};
use crate::error::{Raise, raised};
use crate::id::{hash, kind};

/// What a signature is for, by its name: one made for one purpose is worth nothing for another.
fn domain(name: &str) -> PyResult<Domain> {
    Ok(match name {
        "object" => Domain::Object,
        "session" => Domain::Session,
        "statement" => Domain::Statement,
        "archive" => Domain::Archive,
        "request" => Domain::Request,
        _ => {
            let message =
                format!("'{name}' is no domain: a signature is for object, session, statement, archive or request");
            return Err(PyValueError::new_err(message));
        }
    })
}

/// Lets one write as an author: 32 secret bytes.
///
/// Neither `repr` nor `str` shows them, and it is not pickled or copied: keep `to_bytes()` in a safe place yourself.
/// Two keys are equal where their verifying keys are.
///
/// >>> alice = SigningKey.generate()
/// >>> signature = alice.sign(b"message")
/// >>> alice.verifying_key.verify(b"message", signature)
/// True
#[pyclass(module = "streams_core", frozen)]
pub(crate) struct SigningKey(pub(crate) streams_core::SigningKey);

#[guarded]
#[pymethods]
impl SigningKey {
    /// A new key, from the randomness of the operating system.
    #[staticmethod]
    #[pyo3(signature = () -> "SigningKey")]
    fn generate() -> Self {
        Self(streams_core::SigningKey::from_bytes(random()))
    }

    /// The key with these 32 secret bytes, which must be unpredictable.
    ///
    /// Raises:
    ///     LengthError: these are not 32 bytes.
    #[staticmethod]
    #[pyo3(signature = (secret: "Buffer") -> "SigningKey")]
    fn from_bytes(secret: Buffer) -> PyResult<Self> {
        secret.array("a secret key").map(|secret| Self(streams_core::SigningKey::from_bytes(secret)))
    }

    /// The secret: 32 bytes, for whoever keeps it.
    #[pyo3(signature = () -> "bytes")]
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.to_bytes())
    }

    /// The key that tells this author from others.
    #[getter]
    fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }

    /// Signs a message for a purpose: `object`, `session`, `statement` or `archive`. Returns 64 bytes. Spec 6.1.
    #[pyo3(signature = (message: "Buffer", domain: "Domain" = "object") -> "bytes")]
    fn sign<'py>(&self, py: Python<'py>, message: Buffer, domain: &str) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.sign(self::domain(domain)?, message.as_ref())))
    }

    fn __repr__(&self) -> String {
        format!("<SigningKey of {}>", self.0.verifying_key())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let other = other.cast::<Self>();
        other.is_ok_and(|other| other.get().0.verifying_key() == self.0.verifying_key())
    }

    fn __hash__(&self) -> u64 {
        hash(self.0.verifying_key())
    }

    #[pyo3(signature = () -> "NoReturn")]
    fn __reduce__(&self) -> PyResult<()> {
        Err(Raise::row(Class::Secret, "secret").into())
    }
}

/// An author: a public key that is the canonical encoding of a point and not of small order.
///
/// As text it is multibase, 48 characters that begin with `z6Mk`. Keys are equal, hashed and ordered by their 32 bytes.
/// Spec 4.1, 6.1.
///
/// Raises:
///     AuthorError: the text is no author (`author`), or the key none that may be one (`author-key`).
///
/// >>> bob = SigningKey.from_bytes(bytes([2] * 32)).verifying_key
/// >>> bob
/// VerifyingKey('z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH')
/// >>> VerifyingKey(str(bob)) == bob
/// True
#[pyclass(module = "streams_core", frozen, eq, ord)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VerifyingKey(pub(crate) streams_core::VerifyingKey);

#[guarded]
#[pymethods]
impl VerifyingKey {
    #[new]
    #[pyo3(signature = (text: "str"))]
    fn new(text: &str) -> PyResult<Self> {
        text.parse().map(Self).map_err(raised)
    }

    /// What a `match` statement takes apart: `case VerifyingKey(text)`.
    #[classattr]
    fn __match_args__() -> (&'static str,) {
        ("text",)
    }

    /// The key with these 32 bytes, if they are one.
    ///
    /// Raises:
    ///     LengthError: these are not 32 bytes.
    ///     AuthorError: they are no canonical point, or one of small order.
    #[staticmethod]
    #[pyo3(signature = (key: "Buffer") -> "VerifyingKey")]
    fn from_bytes(key: Buffer) -> PyResult<Self> {
        streams_core::VerifyingKey::from_bytes(key.array("a key")?).map(Self).map_err(raised)
    }

    /// The text: 48 characters that begin with `z6Mk`.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    /// Whether this author signed the message for this purpose. `None` stands for no purpose: the message is verified as
    /// it is.
    ///
    /// Raises:
    ///     LengthError: the signature has not 64 bytes.
    #[pyo3(signature = (message: "Buffer", signature: "Buffer", domain: "Domain | None" = "object") -> "bool")]
    fn verify(&self, message: Buffer, signature: Buffer, domain: Option<&str>) -> PyResult<bool> {
        let (message, signature) = (message.as_ref(), signature.array("a signature")?);
        Ok(match domain {
            Some(domain) => self.0.verify(self::domain(domain)?, message, &signature),
            None => self.0.verifier().verify_without_domain(message, &signature),
        })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.as_bytes())
    }

    fn __str__(&self) -> PyResult<String> {
        self.text()
    }

    fn __repr__(&self) -> String {
        format!("VerifyingKey('{}')", self.0)
    }

    fn __hash__(&self) -> u64 {
        hash(self.0)
    }

    #[pyo3(signature = () -> "tuple[type[VerifyingKey], tuple[str]]")]
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyType>, Bound<'py, PyTuple>)> {
        Ok((py.get_type::<Self>(), PyTuple::new(py, [self.text()?])?))
    }
}

/// Signatures that are verified together: the answer is that of each alone, at a third of the cost. Spec 6.1.
///
/// >>> batch = SignatureBatch()
/// >>> key = SigningKey.generate()
/// >>> for message in [b"one", b"two"]:
/// ...     batch.add(key.verifying_key, message, key.sign(message))
/// >>> batch.verify()
/// True
#[pyclass(module = "streams_core")]
#[derive(Default)]
pub(crate) struct SignatureBatch(Option<streams_core::Batch>);

#[guarded]
#[pymethods]
impl SignatureBatch {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Adds a signature. `None` stands for no purpose: the message is verified as it is.
    #[pyo3(signature = (author: "VerifyingKey", message: "Buffer", signature: "Buffer", domain: "Domain | None" = "object") -> "None")]
    fn add(&mut self, author: &VerifyingKey, message: Buffer, signature: Buffer, domain: Option<&str>) -> PyResult<()> {
        let (batch, signature) = (self.0.get_or_insert_default(), signature.array("a signature")?);
        match domain {
            Some(domain) => batch.add(&author.0.verifier(), self::domain(domain)?, message.as_ref(), &signature),
            None => batch.add_without_domain(&author.0.verifier(), message.as_ref(), &signature),
        }
        Ok(())
    }

    /// Whether all of them are valid. The batch is empty then.
    #[pyo3(signature = () -> "bool")]
    fn verify(&mut self, py: Python<'_>) -> bool {
        let batch = self.0.take().unwrap_or_default();
        py.detach(|| batch.verify())
    }
}

/// An author that was given, as a key or as its text.
pub(crate) struct AnAuthor(pub(crate) streams_core::VerifyingKey);

impl<'a, 'py> FromPyObject<'a, 'py> for AnAuthor {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(key) = given.cast::<VerifyingKey>() {
            return Ok(Self(key.get().0));
        }
        match given.cast::<PyString>() {
            Ok(text) => text.to_cow()?.parse().map(Self).map_err(raised),
            Err(_) => Err(PyTypeError::new_err(format!("a VerifyingKey or its text is wanted, not {}", kind(&given)))),
        }
    }
}
