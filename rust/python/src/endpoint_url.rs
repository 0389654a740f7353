//! The URL of an endpoint.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wasmgate_gateway::EndpointUrl;

/// The URL in lower case, the host without brackets, the port, and whether TLS is spoken.
#[pyfunction]
pub(crate) fn parse_endpoint(url: &str) -> PyResult<(String, String, u16, bool)> {
    let read = EndpointUrl::parse(url)
        .map_err(|problem| PyValueError::new_err((problem.to_string(), problem.hint())))?;
    Ok((read.to_string(), read.host.clone(), read.port(), read.secure))
}
