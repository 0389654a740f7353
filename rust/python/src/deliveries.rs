//! The functions that bring answers of callouts.

use pyo3::prelude::*;
use wasmgate_host::{self as host, CalloutAnswer, HeaderMap};

use crate::effects::{self, Effects};
use crate::{dataplane, errors, fields};

type Asked = PyResult<Option<Py<Effects>>>;

fn deliver(py: Python<'_>, id: u64, answer: CalloutAnswer) -> Asked {
    if let Some((thread, id)) = dataplane::thread_of(id) {
        wasmgate_dataplane::deliver(thread, id, answer);
        return Ok(None);
    }
    let effects = host::deliver(id, answer).map_err(|error| errors::raise(py, "", &error))?;
    if !effects.is_noteworthy() {
        return Ok(None);
    }
    effects::convert_ticked(py, effects).map(Some)
}

/// The fields, with `:status`.
fn map(list: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut map = fields::map_for(list);
    fields::read(list, |name, value| map.push(name, value))?;
    Ok(map)
}

#[pyfunction]
fn deliver_response(
    py: Python<'_>,
    id: u64,
    headers: &Bound<'_, PyAny>,
    body: Vec<u8>,
    trailers: &Bound<'_, PyAny>,
) -> Asked {
    let (headers, trailers) = (map(headers)?, map(trailers)?);
    deliver(py, id, CalloutAnswer::Response { headers, body, trailers })
}

#[pyfunction]
fn deliver_grpc_metadata(py: Python<'_>, id: u64, fields: &Bound<'_, PyAny>) -> Asked {
    let fields = map(fields)?;
    deliver(py, id, CalloutAnswer::GrpcMetadata(fields))
}

#[pyfunction]
fn deliver_grpc_trailers(py: Python<'_>, id: u64, fields: &Bound<'_, PyAny>) -> Asked {
    let fields = map(fields)?;
    deliver(py, id, CalloutAnswer::GrpcTrailers(fields))
}

#[pyfunction]
fn deliver_close(py: Python<'_>, id: u64, status: u32, message: String) -> Asked {
    deliver(py, id, CalloutAnswer::Closed { status, message })
}

#[pyfunction]
fn pending_callouts() -> usize {
    host::pending_callouts()
}

/// Adds the functions to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(deliver_response, module)?)?;
    module.add_function(wrap_pyfunction!(deliver_grpc_metadata, module)?)?;
    module.add_function(wrap_pyfunction!(deliver_grpc_trailers, module)?)?;
    module.add_function(wrap_pyfunction!(deliver_close, module)?)?;
    module.add_function(wrap_pyfunction!(pending_callouts, module)?)
}
