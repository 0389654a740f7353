//! The two ends of a connection, as ASGI's scope has them.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyString, PyTuple};

/// Host, and the port where there is one.
pub(crate) type End = (String, Option<u16>);

/// Reads `[host, port]`: a list or a tuple, the port a number, digits, or none. What else ASGI allows
/// is made one of these by the layer above.
pub(crate) fn read(field: &str, value: Option<&Bound<'_, PyAny>>) -> PyResult<Option<End>> {
    let Some(value) = value else { return Ok(None) };
    match pair(value) {
        Some(end) => Ok(Some(end)),
        None => Err(PyTypeError::new_err(format!("{field} is no host and port"))),
    }
}

fn pair(value: &Bound<'_, PyAny>) -> Option<End> {
    let (host, port) = if let Ok(tuple) = value.cast::<PyTuple>() {
        (tuple.len() == 2).then(|| Some((tuple.get_item(0).ok()?, tuple.get_item(1).ok()?)))??
    } else {
        let list = value.cast::<PyList>().ok()?;
        (list.len() == 2).then(|| Some((list.get_item(0).ok()?, list.get_item(1).ok()?)))??
    };
    let host = host.cast::<PyString>().ok()?.to_str().ok()?.to_owned();
    Some((host, number(&port)?))
}

/// None: that is no port. Some(None): there is no port.
fn number(port: &Bound<'_, PyAny>) -> Option<Option<u16>> {
    if port.is_none() {
        return Some(None);
    }
    if let Ok(digits) = port.cast::<PyString>() {
        let digits = digits.to_str().ok()?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        return plain.then(|| digits.parse().ok().map(Some))?;
    }
    if port.is_instance_of::<PyBool>() || !port.is_instance_of::<PyInt>() {
        return None;
    }
    port.extract().ok().map(Some)
}
