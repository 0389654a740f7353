//! Header fields: `list[tuple[bytes, bytes]]` here, a `HeaderMap` there.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use wasmgate_host::HeaderMap;

/// Bytes that a field takes on average, for the first allocation.
const FIELD: usize = 48;

/// A map with room for the fields and the pseudo-headers.
pub(crate) fn map_for(headers: &Bound<'_, PyAny>) -> HeaderMap {
    let fields = headers.len().unwrap_or(16) + 4;
    HeaderMap::with_capacity(fields, fields * FIELD)
}

/// The fields and nothing else.
pub(crate) fn map(headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut map = map_for(headers);
    read(headers, |name, value| map.push(name, value))?;
    Ok(map)
}

/// Appends the fields; `keep` says which.
pub(crate) fn read(headers: &Bound<'_, PyAny>, mut each: impl FnMut(&[u8], &[u8])) -> PyResult<()> {
    if let Ok(list) = headers.cast::<PyList>() {
        for field in list {
            pair(&field, &mut each)?;
        }
        return Ok(());
    }
    for field in headers.try_iter()? {
        pair(&field?, &mut each)?;
    }
    Ok(())
}

fn pair(field: &Bound<'_, PyAny>, each: &mut impl FnMut(&[u8], &[u8])) -> PyResult<()> {
    if let Ok(pair) = field.cast::<PyTuple>() {
        let (name, value) = (pair.get_item(0)?, pair.get_item(1)?);
        each(name.cast::<PyBytes>()?.as_bytes(), value.cast::<PyBytes>()?.as_bytes());
        return Ok(());
    }
    let (name, value): (Bound<'_, PyBytes>, Bound<'_, PyBytes>) = field.extract()?;
    each(name.as_bytes(), value.as_bytes());
    Ok(())
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
