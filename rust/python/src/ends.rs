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
    let unlike = || PyTypeError::new_err(format!("{field} is not a host and port"));
    let (host, port) = pair(value).ok_or_else(unlike)?;
    let host = host.cast::<PyString>().map_err(|_| unlike())?.to_str()?.to_owned();
    if port.is_none() {
        return Ok(Some((host, None)));
    }
    Ok(Some((host, Some(number(&port).ok_or_else(unlike)?))))
}

fn pair<'py>(value: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    if let Ok(tuple) = value.cast::<PyTuple>()
        && tuple.len() == 2
    {
        return Some((tuple.get_item(0).ok()?, tuple.get_item(1).ok()?));
    }
    let list = value.cast::<PyList>().ok()?;
    (list.len() == 2).then_some(())?;
    Some((list.get_item(0).ok()?, list.get_item(1).ok()?))
}

fn number(port: &Bound<'_, PyAny>) -> Option<u16> {
    if let Ok(digits) = port.cast::<PyString>() {
        let digits = digits.to_str().ok()?;
        return digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    }
    let whole = port.is_instance_of::<PyInt>() && !port.is_instance_of::<PyBool>();
    whole.then(|| port.extract().ok())?
}
