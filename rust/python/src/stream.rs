//! `Stream`.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wasmgate_host::{self as host, Head, HeaderMap, LocalResponse};

use crate::effects::{self, Effects, Phase};
use crate::{errors, fields};

/// One request passing a chain.
#[pyclass(module = "wasmgate._native")]
pub(crate) struct Stream {
    pub(crate) stream: host::Stream,
    /// Fields were removed, so that the head is never forwarded unchanged.
    dropped: bool,
}

pub(crate) type Asked = PyResult<Option<Py<Effects>>>;

impl Stream {
    pub(crate) fn new(stream: host::Stream, dropped: bool) -> Self {
        Self { stream, dropped }
    }

    pub(crate) fn convert(
        &self,
        py: Python<'_>,
        effects: Result<host::Effects, host::Error>,
        phase: &Phase<'_, '_>,
    ) -> Asked {
        let effects = self.checked(py, effects)?;
        effects::convert(py, &self.stream, effects, phase)
    }

    /// The effects of a request's head; `rewrite` takes a head that goes on changed. If it did so, effects
    /// that ask nothing else are none.
    pub(crate) fn convert_head(
        &self,
        py: Python<'_>,
        effects: Result<host::Effects, host::Error>,
        end: bool,
        rewrite: impl FnOnce(&HeaderMap) -> PyResult<bool>,
    ) -> Asked {
        let mut effects = self.checked(py, effects)?;
        if effects.request.head == Head::Changed {
            effects.request.head = Head::Unchanged;
            let alone = effects::is_plain(&effects, &Phase::Head(end));
            if alone && self.stream.with_request_headers(rewrite)? {
                return Ok(None);
            }
            effects.request.head = Head::Changed;
        }
        effects::convert(py, &self.stream, effects, &Phase::Head(end))
    }

    /// A response's head, which does not end it.
    pub(crate) fn on_response_map(&mut self, py: Python<'_>, map: HeaderMap) -> Asked {
        let effects = self.stream.on_response_headers(map, false);
        self.convert(py, effects, &Phase::Head(false))
    }

    fn checked(
        &self,
        py: Python<'_>,
        effects: Result<host::Effects, host::Error>,
    ) -> PyResult<host::Effects> {
        let mut effects = effects.map_err(|error| errors::raise(py, "", &error))?;
        if self.dropped && effects.request.head == Head::Unchanged {
            effects.request.head = Head::Changed;
        }
        Ok(effects)
    }
}

#[pymethods]
impl Stream {
    #[getter]
    fn id(&self) -> u64 {
        self.stream.id()
    }

    #[getter]
    fn user(&self) -> Option<String> {
        self.stream.user()
    }

    fn on_request_body(&mut self, py: Python<'_>, chunk: &Bound<'_, PyBytes>, end: bool) -> Asked {
        let effects = self.stream.on_request_body(chunk.as_bytes(), end);
        self.convert(py, effects, &Phase::Body(chunk, end))
    }

    fn on_request_trailers(&mut self, py: Python<'_>, trailers: &Bound<'_, PyAny>) -> Asked {
        let effects = self.stream.on_request_trailers(fields::map(trailers)?);
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
        let effects = self.stream.on_response_headers(map, end);
        self.convert(py, effects, &Phase::Head(end))
    }

    pub(crate) fn on_response_body(
        &mut self,
        py: Python<'_>,
        chunk: &Bound<'_, PyBytes>,
        end: bool,
    ) -> Asked {
        let effects = self.stream.on_response_body(chunk.as_bytes(), end);
        self.convert(py, effects, &Phase::Body(chunk, end))
    }

    fn on_response_trailers(&mut self, py: Python<'_>, trailers: &Bound<'_, PyAny>) -> Asked {
        let effects = self.stream.on_response_trailers(fields::map(trailers)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn respond(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: Vec<u8>,
    ) -> Asked {
        let effects = self.stream.respond(local_response(status, headers, body)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn overrule(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: Vec<u8>,
    ) -> Asked {
        let effects = self.stream.overrule(local_response(status, headers, body)?);
        self.convert(py, effects, &Phase::Other)
    }

    fn resume(&mut self, py: Python<'_>) -> Asked {
        let effects = self.stream.resume();
        self.convert(py, effects, &Phase::Other)
    }

    fn close(&mut self, py: Python<'_>) -> Asked {
        let effects = self.stream.close();
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
    fields::read_plain(headers, |name, value| map.push(name, value))?;
    map.mark();
    Ok(map)
}
