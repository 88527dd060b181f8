//! Bytes: any buffer comes in, `bytes` go out.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use streams_core::codes::Class;

use crate::error::Raise;

/// Bytes that were given: those of a `bytes` as they stand there, of every other buffer a copy.
pub(crate) enum Buffer {
    Borrowed(PyBackedBytes),
    Copied(Vec<u8>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Buffer {
    type Error = PyErr;

    fn extract(given: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = given.cast::<PyBytes>() {
            return Ok(Self::Borrowed(bytes.to_owned().into()));
        }
        let buffer = PyBuffer::<u8>::get(&given).map_err(|_| {
            let given = given.get_type().name().map_or_else(|_| "that".into(), |name| name.to_string());
            PyTypeError::new_err(format!("bytes are wanted (or a bytearray, a memoryview, …), not {given}"))
        })?;
        Ok(Self::Copied(buffer.to_vec(given.py())?))
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

impl Buffer {
    /// All of it, where it has this length; `what` tells what it should be.
    pub(crate) fn array<const N: usize>(&self, what: &str) -> PyResult<[u8; N]> {
        let bytes = self.as_ref();
        bytes.try_into().map_err(|_| {
            let message = format!("{what} is {N} bytes, and {} were given", bytes.len());
            Raise::new(Class::Length, "length", message).into()
        })
    }
}

/// Fresh random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
