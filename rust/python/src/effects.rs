//! What a phase asks of the layer above, as Python values.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use wasmgate_host::{self as host, Body, Head, HeaderMap};

use crate::callout::{self, Callout};

/// What a phase asks; a phase that asks nothing answers `None` instead.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct Effects {
    /// The request's head is forwarded now.
    forward: bool,
    /// The head as policies changed it; `None`: as it came.
    request_head: Option<Py<RequestHead>>,
    request_body: Option<Py<PyBytes>>,
    request_end: bool,
    request_trailers: Option<Py<PyList>>,
    /// A policy's buffer of the request is full.
    request_full: bool,
    /// Status and fields that go to the client now.
    response_head: Option<(u16, Py<PyList>)>,
    response_body: Option<Py<PyBytes>>,
    response_end: bool,
    response_trailers: Option<Py<PyList>>,
    /// A policy's buffer of the response is full.
    response_full: bool,
    /// Cut the client's connection.
    reset: bool,
    /// Ids of other streams that can continue.
    wake: Vec<u64>,
    /// (policy, level, message)
    logs: Vec<(String, u8, String)>,
    /// A tick period changed.
    timers: bool,
    /// What policies ask of others.
    callouts: Vec<Py<Callout>>,
    /// Ids of callouts that were cancelled: their answers are dropped.
    cancelled: Vec<u64>,
    /// One of the five above is set: cheaper to check than them.
    noteworthy: bool,
}

/// The head of a request as policies left it.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct RequestHead {
    method: String,
    /// Path and query, byte-exact.
    target: Py<PyBytes>,
    authority: Py<PyBytes>,
    headers: Py<PyList>,
}

impl RequestHead {
    pub(crate) fn of(py: Python<'_>, map: &HeaderMap) -> PyResult<Py<Self>> {
        let field = |name: &[u8]| map.get(name).unwrap_or_default();
        let head = Self {
            method: String::from_utf8_lossy(field(b":method")).into_owned(),
            target: PyBytes::new(py, field(b":path")).unbind(),
            authority: PyBytes::new(py, field(b":authority")).unbind(),
            headers: crate::fields::write(py, map)?.unbind(),
        };
        Py::new(py, head)
    }
}

/// The phase that made the effects: what "unchanged" means differs.
pub(crate) enum Phase<'a, 'py> {
    /// A head came in, the last of its message if the flag is set.
    Head(bool),
    /// A chunk came in, the last one if the flag is set.
    Body(&'a Bound<'py, PyBytes>, bool),
    /// Neither.
    Other,
}

/// The heads of the stream that made the effects.
pub(crate) trait Heads {
    fn request<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R;
    fn response<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R;
}

impl Heads for host::Stream {
    fn request<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.with_request_headers(work)
    }

    fn response<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.with_response_headers(work)
    }
}

/// True when there are no effects: the data is forwarded unchanged.
pub(crate) fn is_plain(effects: &host::Effects, phase: &Phase<'_, '_>) -> bool {
    let (request, response) = (&effects.request, &effects.response);
    let quiet = !effects.reset
        && !effects.is_noteworthy()
        && !effects.pressure.changed
        && request.trailers.is_none()
        && response.trailers.is_none();
    let held = |progress: &host::Progress| progress.head == Head::Held;
    let bodiless = |progress: &host::Progress| progress.body == Body::Nothing;
    quiet
        && match phase {
            Phase::Head(end) => {
                let alone = |moving: &host::Progress, other: &host::Progress| {
                    moving.head == Head::Unchanged && moving.end == *end && held(other)
                };
                let one = alone(request, response) || alone(response, request);
                one && bodiless(request) && bodiless(response)
            }
            Phase::Body(chunk, end) => {
                // An empty chunk that ends nothing is not forwarded: its head may be held.
                let ends = *end && chunk.as_bytes().is_empty();
                let plain = |moving: &host::Progress, other: &host::Progress| {
                    (moving.body == Body::Same || (ends && bodiless(moving)))
                        && moving.end == *end
                        && bodiless(other)
                        && !other.end
                };
                held(request)
                    && held(response)
                    && (plain(request, response) || plain(response, request))
            }
            Phase::Other => {
                let still = |progress: &host::Progress| {
                    held(progress) && bodiless(progress) && !progress.end
                };
                still(request) && still(response)
            }
        }
}

/// The effects as Python has them; `None` when nothing is asked.
pub(crate) fn convert(
    py: Python<'_>,
    heads: &impl Heads,
    effects: host::Effects,
    phase: &Phase<'_, '_>,
) -> PyResult<Option<Py<Effects>>> {
    if is_plain(&effects, phase) {
        return Ok(None);
    }
    let body = |body: Body| match (body, phase) {
        (Body::Bytes(bytes), _) => Some(PyBytes::new(py, &bytes).unbind()),
        (Body::Same, Phase::Body(chunk, _)) => Some((*chunk).clone().unbind()),
        _ => None,
    };
    let request_head = match effects.request.head {
        Head::Changed => Some(heads.request(|map| RequestHead::of(py, map))?),
        Head::Held | Head::Unchanged => None,
    };
    let response_head = match effects.response.head {
        Head::Held => None,
        Head::Changed | Head::Unchanged => Some(heads.response(|map| response_head(py, map))?),
    };
    let trailers = |progress: &host::Progress| {
        let fields = progress.trailers.as_ref().map(|map| crate::fields::write(py, map));
        fields.transpose().map(|list| list.map(Bound::unbind))
    };
    let effects = Effects {
        noteworthy: effects.is_noteworthy(),
        request_trailers: trailers(&effects.request)?,
        response_trailers: trailers(&effects.response)?,
        request_full: effects.pressure.request,
        response_full: effects.pressure.response,
        forward: effects.request.head != Head::Held,
        request_head,
        request_body: body(effects.request.body),
        request_end: effects.request.end,
        response_head,
        response_body: body(effects.response.body),
        response_end: effects.response.end,
        reset: effects.reset,
        wake: effects.wake,
        logs: logs(effects.logs),
        timers: effects.timers,
        callouts: callout::convert(py, effects.callouts)?,
        cancelled: effects.cancelled,
    };
    Py::new(py, effects).map(Some)
}

/// Effects of no stream: ticks, and answers of callouts.
pub(crate) fn convert_ticked(py: Python<'_>, effects: host::Effects) -> PyResult<Py<Effects>> {
    let effects = Effects {
        noteworthy: effects.is_noteworthy(),
        forward: false,
        request_head: None,
        request_body: None,
        request_end: false,
        request_trailers: None,
        request_full: false,
        response_head: None,
        response_body: None,
        response_end: false,
        response_trailers: None,
        response_full: false,
        reset: false,
        wake: effects.wake,
        logs: logs(effects.logs),
        timers: effects.timers,
        callouts: callout::convert(py, effects.callouts)?,
        cancelled: effects.cancelled,
    };
    Py::new(py, effects)
}

fn logs(records: Vec<host::LogRecord>) -> Vec<(String, u8, String)> {
    let record = |r: host::LogRecord| (r.policy.to_string(), r.level as u8, r.message);
    records.into_iter().map(record).collect()
}

fn response_head(py: Python<'_>, map: &HeaderMap) -> PyResult<(u16, Py<PyList>)> {
    let status = map.get(b":status").and_then(|text| std::str::from_utf8(text).ok());
    // A policy that writes nonsense there gets what any failing server gets.
    let status = status.and_then(|text| text.parse().ok());
    let is_final = |status: &u16| *status == 101 || (200..=599).contains(status);
    let status = status.filter(is_final).unwrap_or(500);
    Ok((status, crate::fields::write(py, map)?.unbind()))
}
