//! HTTP calls of policies: where they may go, and their requests.

use std::net::IpAddr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use wasmgate_gateway::CallRequest;

use crate::fields;

type Request<'py> = (String, Bound<'py, PyBytes>, Bound<'py, PyList>, Bound<'py, PyBytes>);

/// Method, target, fields and content of a call. The content follows the head as it is.
#[pyfunction]
pub(crate) fn http_call<'py>(
    py: Python<'py>,
    headers: &Bound<'py, PyAny>,
    body: Vec<u8>,
    trailers: &Bound<'py, PyAny>,
) -> PyResult<Request<'py>> {
    let all = |list: &Bound<'py, PyAny>| {
        let mut map = fields::map_for(list);
        fields::read(list, |name, value| map.push(name, value))?;
        Ok::<_, PyErr>(map)
    };
    let request = CallRequest::new(&all(headers)?, body, &all(trailers)?)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    let CallRequest { method, target, fields: list, content } = request;
    Ok((
        String::from_utf8_lossy(&method).into_owned(),
        PyBytes::new(py, &target),
        fields::write_all(py, &list)?,
        PyBytes::new(py, &content),
    ))
}

/// Why a name may not resolve to an address; none if it may.
#[pyfunction]
pub(crate) fn check_address(name: &str, address: &str) -> PyResult<Option<String>> {
    let without_zone = address.split('%').next().unwrap_or_default();
    let ip: IpAddr = without_zone
        .parse()
        .map_err(|_| PyValueError::new_err(format!("{address:?} is not an address")))?;
    Ok(wasmgate_dataplane::check_address(name, ip).err())
}
