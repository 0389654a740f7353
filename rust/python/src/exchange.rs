//! `Exchange` and the request that it sends on.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use wasmgate_gateway::{self as gateway, BodyFraming, FAILURES, ResponseReader};
use wasmgate_host::{self as host, HeaderMap, LocalResponse};

use crate::effects::{self, Effects, Heads, Phase};
use crate::{errors, fields};

/// One request and its response.
#[pyclass(module = "wasmgate._native")]
pub(crate) struct Exchange(pub(crate) gateway::Exchange);

type Asked = PyResult<Option<Py<Effects>>>;

impl Heads for gateway::Exchange {
    fn request<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.with_request_headers(work)
    }

    fn response<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.with_response_headers(work)
    }
}

impl Exchange {
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
impl Exchange {
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    #[getter]
    fn body_follows(&self) -> bool {
        self.0.body_follows()
    }

    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.0.timeout().as_ref().map(Duration::as_secs_f64)
    }

    /// Seconds without a byte, and bytes of a message, of a WebSocket connection.
    #[getter]
    fn websocket_limits(&self) -> Option<(f64, u64)> {
        self.0.websocket_limits().map(|limits| (limits.idle.as_secs_f64(), limits.message))
    }

    #[getter]
    fn upstream(&self) -> Option<UpstreamRequest> {
        let request = Arc::clone(self.0.upstream()?);
        Some(UpstreamRequest { router: Arc::clone(self.0.router()), request })
    }

    fn take_fault(&mut self) -> Option<String> {
        self.0.take_fault()
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
        let mut reader = ResponseReader::new(status);
        fields::read(headers, |name, value| reader.field(name, value))?;
        let effects = self.0.on_response_headers(reader, end);
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

    fn failed(&mut self, py: Python<'_>, failure: &str) -> Asked {
        let Some((_, failure)) = FAILURES.iter().find(|(name, _)| *name == failure) else {
            let names = FAILURES.map(|(name, _)| name).join(", ");
            return Err(PyValueError::new_err(format!("failure is one of {names}")));
        };
        let effects = self.0.failed(*failure);
        self.convert(py, effects, &Phase::Other)
    }

    fn respond(
        &mut self,
        py: Python<'_>,
        status: u16,
        headers: &Bound<'_, PyAny>,
        body: Vec<u8>,
    ) -> Asked {
        let headers = fields::map(headers)?;
        let details = "direct_response".into();
        let effects = self.0.respond(LocalResponse { status, headers, body, details });
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

/// A request ready to be sent on.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct UpstreamRequest {
    router: Arc<gateway::Router>,
    request: Arc<gateway::UpstreamRequest>,
}

impl UpstreamRequest {
    fn of_cluster(&self) -> &gateway::Cluster {
        &self.router.clusters()[self.request.cluster]
    }
}

#[pymethods]
impl UpstreamRequest {
    #[getter]
    fn cluster(&self) -> &str {
        self.of_cluster().name()
    }

    #[getter]
    fn endpoint(&self) -> &str {
        self.of_cluster().endpoints()[self.request.endpoint].url()
    }

    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.request.timeout.as_ref().map(Duration::as_secs_f64)
    }

    #[getter]
    fn method(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.request.method())
    }

    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.target())
    }

    #[getter]
    fn head<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.request.head())
    }

    #[getter]
    fn length(&self) -> Option<u64> {
        match self.request.framing {
            BodyFraming::Empty => Some(0),
            BodyFraming::Length(length) => Some(length),
            BodyFraming::Chunked => None,
        }
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for (name, value) in self.request.fields() {
            list.append((PyBytes::new(py, name), PyBytes::new(py, value)))?;
        }
        Ok(list)
    }
}
