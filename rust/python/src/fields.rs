//! Header fields: pairs of bytes in a list here, a `HeaderMap` there.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use wasmgate_host::{self as host, HeaderMap};

/// Bytes that a field takes on average, for the first allocation.
const FIELD: usize = 48;

/// Whether a field is a hop-by-hop field, which is not forwarded.
#[pyfunction]
pub(crate) fn is_hop_by_hop(name: &[u8]) -> bool {
    wasmgate_gateway::is_hop_by_hop(name)
}

/// Whether bytes are a token: a field name or a method.
#[pyfunction]
pub(crate) fn is_token(text: &[u8]) -> bool {
    host::is_token(text)
}

/// A map with room for the fields and the pseudo-headers.
pub(crate) fn map_for(headers: &Bound<'_, PyAny>) -> HeaderMap {
    let fields = headers.len().unwrap_or(16) + 4;
    HeaderMap::with_capacity(fields, fields * FIELD)
}

/// The fields and nothing else.
pub(crate) fn map(headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut map = map_for(headers);
    read_plain(headers, |name, value| map.push(name, value))?;
    Ok(map)
}

/// Reads fields that are none of the pseudo-headers: ASGI has those elsewhere.
pub(crate) fn read_plain(
    headers: &Bound<'_, PyAny>,
    mut each: impl FnMut(&[u8], &[u8]),
) -> PyResult<()> {
    let mut odd = false;
    read(headers, |name, value| {
        odd |= matches!(name.first(), None | Some(b':'));
        each(name, value);
    })?;
    if odd { Err(PyValueError::new_err("a field has the name of none")) } else { Ok(()) }
}

/// Reads the fields: a list or a tuple of such pairs of bytes. What else ASGI allows is made one of
/// these by the layer above.
pub(crate) fn read(headers: &Bound<'_, PyAny>, mut each: impl FnMut(&[u8], &[u8])) -> PyResult<()> {
    if let Ok(list) = headers.cast::<PyList>() {
        for field in list {
            pair(&field, &mut each)?;
        }
        return Ok(());
    }
    let tuple = headers.cast::<PyTuple>().map_err(|_| unlike("they are not a list"))?;
    for field in tuple {
        pair(&field, &mut each)?;
    }
    Ok(())
}

fn pair(field: &Bound<'_, PyAny>, each: &mut impl FnMut(&[u8], &[u8])) -> PyResult<()> {
    let (name, value) = if let Ok(pair) = field.cast::<PyTuple>()
        && pair.len() == 2
    {
        (pair.get_item(0)?, pair.get_item(1)?)
    } else if let Ok(pair) = field.cast::<PyList>()
        && pair.len() == 2
    {
        (pair.get_item(0)?, pair.get_item(1)?)
    } else {
        return Err(unlike("one is not a pair"));
    };
    match (name.cast::<PyBytes>(), value.cast::<PyBytes>()) {
        (Ok(name), Ok(value)) => each(name.as_bytes(), value.as_bytes()),
        _ => return Err(unlike("one is not of bytes")),
    }
    Ok(())
}

fn unlike(what: &str) -> PyErr {
    PyTypeError::new_err(format!("header fields are pairs of bytes in a list: {what}"))
}

/// The fields without pseudo-headers.
pub(crate) fn write<'py>(py: Python<'py>, map: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    list(py, map.iter().filter(|(name, _)| name.first() != Some(&b':')))
}

/// The fields with pseudo-headers.
pub(crate) fn write_all<'py>(py: Python<'py>, map: &HeaderMap) -> PyResult<Bound<'py, PyList>> {
    list(py, map.iter())
}

fn list<'py, 'a>(
    py: Python<'py>,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> PyResult<Bound<'py, PyList>> {
    let tuple = |(name, value): (&[u8], &[u8])| {
        (PyBytes::new(py, name), PyBytes::new(py, value)).into_pyobject(py)
    };
    PyList::new(py, fields.map(tuple).collect::<PyResult<Vec<_>>>()?)
}
