//! Properties that Python found out.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use wasmgate_host::Facts;

/// Reads names and values; a name that the host does not have is left out.
pub(crate) fn read(found: Option<&Bound<'_, PyDict>>) -> PyResult<Option<Arc<Facts>>> {
    let Some(found) = found else { return Ok(None) };
    let mut facts = Facts::default();
    for (name, value) in found {
        let (name, value) = (name.cast_into::<PyString>()?, value.cast_into::<PyString>()?);
        facts.add(name.to_str()?, value.to_str()?);
    }
    Ok((!facts.is_empty()).then(|| facts.into()))
}
