//! `Stream`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wasmgate_host::{self as host, HeaderMap, LocalResponse};

use crate::effects::{self, Effects, Phase};
use crate::{errors, fields};

/// One request passing a chain.
#[pyclass(module = "wasmgate._native")]
pub(crate) struct Stream(pub(crate) host::Stream);

type Asked = PyResult<Option<Py<Effects>>>;

impl Stream {
    fn convert(
        &self,
        py: Python<'_>,
        effects: Result<host::Effects, host::Error>,
        phase: &Phase<'_, '_>,
    ) -> Asked {
        let effects = effects.map_err(|error| errors::raise(py, "", &error))?;
        effects::convert(py, &self.0, effects, phase)
    }
}

#[pymethods]
impl Stream {
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    fn on_request_body(&mut self, py: Python<'_>, chunk: &Bound<'_, PyBytes>, end: bool) -> Asked {
        let effects = self.0.on_request_body(chunk.as_bytes(), end);
        self.convert(py, effects, &Phase::Body(chunk, end))
    }

    fn on_request_trailers(&mut self, py: Python<'_>, trailers: &Bound<'_, PyAny>) -> Asked {
        let effects = self.0.on_request_trailers(fields::map(trailers)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn on_response_headers(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        end: bool,
    ) -> Asked {
        let map = response_map(status, headers)?;
        let effects = self.0.on_response_headers(map, end);
        self.convert(py, effects, &Phase::Head(end))
    }

    fn on_response_body(&mut self, py: Python<'_>, chunk: &Bound<'_, PyBytes>, end: bool) -> Asked {
        let effects = self.0.on_response_body(chunk.as_bytes(), end);
        self.convert(py, effects, &Phase::Body(chunk, end))
    }

    fn on_response_trailers(&mut self, py: Python<'_>, trailers: &Bound<'_, PyAny>) -> Asked {
        let effects = self.0.on_response_trailers(fields::map(trailers)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn respond(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: Vec<u8>,
    ) -> Asked {
        let effects = self.0.respond(local_response(status, headers, body)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn overrule(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: Vec<u8>,
    ) -> Asked {
        let effects = self.0.overrule(local_response(status, headers, body)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn resume(&mut self, py: Python<'_>) -> Asked {
        let effects = self.0.resume();
        self.convert(py, effects, &Phase::Other)
    }

    fn close(&mut self, py: Python<'_>) -> Asked {
        let effects = self.0.close();
        self.convert(py, effects, &Phase::Other)
    }
}

fn local_response(
    status: u16,
    headers: &Bound<'_, PyAny>,
    body: Vec<u8>,
) -> PyResult<LocalResponse> {
    let headers = fields::map(headers)?;
    Ok(LocalResponse { status, headers, body, details: "direct_response".into() })
}

#[pyfunction]
pub(crate) fn kept_streams() -> usize {
    host::kept_streams()
}

#[pyfunction]
pub(crate) fn held_bytes() -> usize {
    host::held_bytes()
}

/// A response's head with its pseudo-header.
pub(crate) fn response_map(status: u16, headers: &Bound<'_, PyAny>) -> PyResult<HeaderMap> {
    let mut map = fields::map_for(headers);
    map.push(b":status", status.to_string().as_bytes());
    fields::read(headers, |name, value| map.push(name, value))?;
    map.mark();
    Ok(map)
}
