//! Text that leaves the process.

use std::borrow::Cow;

use pyo3::prelude::*;

/// The text in one line, with nothing in it that a terminal obeys.
#[pyfunction]
pub(crate) fn printable(text: &str) -> String {
    wasmgate_host::printable(text).into_owned()
}

/// The value of what has this name, masked if it is a secret.
#[pyfunction]
pub(crate) fn masked(name: &[u8], value: &[u8]) -> Cow<'static, [u8]> {
    Cow::Owned(wasmgate_host::masked_field(name, value).into_owned())
}
