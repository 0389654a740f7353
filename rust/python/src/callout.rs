//! `Callout`.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use wasmgate_host::{self as host, CalloutRequest, GrpcMethod, HeaderMap};

use crate::fields;

/// What a policy asks of others; what its kind does not have is empty.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct Callout {
    id: u64,
    policy: String,
    kind: &'static str,
    upstream: String,
    headers: Py<PyList>,
    body: Py<PyBytes>,
    trailers: Py<PyList>,
    /// Seconds.
    timeout: Option<f64>,
    service: String,
    method: String,
    name: String,
    username: String,
    password: String,
    end: bool,
}

#[pymethods]
impl Callout {
    fn __repr__(&self) -> String {
        let Self { id, policy, kind, upstream, .. } = self;
        format!("<Callout {id}: {kind} of policy '{policy}' to '{upstream}'>")
    }
}

impl Callout {
    fn blank(py: Python<'_>, id: u64, policy: String) -> Self {
        Self {
            id,
            policy,
            kind: "",
            upstream: String::new(),
            headers: PyList::empty(py).unbind(),
            body: PyBytes::new(py, b"").unbind(),
            trailers: PyList::empty(py).unbind(),
            timeout: None,
            service: String::new(),
            method: String::new(),
            name: String::new(),
            username: String::new(),
            password: String::new(),
            end: false,
        }
    }

    fn of(py: Python<'_>, callout: host::Callout) -> PyResult<Self> {
        let host::Callout { id, policy, request } = callout;
        let blank = Self::blank(py, id, policy.to_string());
        let list = |map: &HeaderMap| Ok::<_, PyErr>(fields::write_all(py, map)?.unbind());
        let bytes = |bytes: &[u8]| PyBytes::new(py, bytes).unbind();
        let seconds = |timeout: Duration| Some(timeout.as_secs_f64());
        let to = |method: GrpcMethod| {
            let GrpcMethod { upstream, service, name, metadata } = method;
            let headers = list(&metadata)?;
            Ok::<_, PyErr>(move |blank| Self { upstream, service, method: name, headers, ..blank })
        };
        Ok(match request {
            CalloutRequest::Http { upstream, headers, body, trailers, timeout } => Self {
                kind: "http",
                upstream,
                headers: list(&headers)?,
                body: bytes(&body),
                trailers: list(&trailers)?,
                timeout: seconds(timeout),
                ..blank
            },
            CalloutRequest::Grpc { method, message, timeout } => to(method)?(Self {
                kind: "grpc",
                body: bytes(&message),
                timeout: seconds(timeout),
                ..blank
            }),
            CalloutRequest::GrpcStream(method) => {
                to(method)?(Self { kind: "grpc_stream", ..blank })
            }
            CalloutRequest::GrpcSend { message, end } => {
                Self { kind: "grpc_send", body: bytes(&message), end, ..blank }
            }
            CalloutRequest::GrpcClose => Self { kind: "grpc_close", ..blank },
            CalloutRequest::Redis { upstream, login, query, timeout } => Self {
                kind: "redis",
                upstream,
                username: login.username.clone(),
                password: login.password.clone(),
                body: bytes(&query),
                timeout: seconds(timeout),
                ..blank
            },
            CalloutRequest::Foreign { name, arguments } => {
                Self { kind: "foreign", name, body: bytes(&arguments), ..blank }
            }
        })
    }
}

/// Callouts as Python has them.
pub(crate) fn convert(py: Python<'_>, callouts: Vec<host::Callout>) -> PyResult<Vec<Py<Callout>>> {
    let one = |callout| Py::new(py, Callout::of(py, callout)?);
    callouts.into_iter().map(one).collect()
}
