//! `Chain`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use wasmgate_gateway::{
    Dropped, NOT_SUPPORTED, Underscores, Version, check_credentials, check_host,
};
use wasmgate_host::{self as host, Attributes, HeaderMap};

use crate::effects::{self, Effects, Phase};
use crate::ends;
use crate::errors;
use crate::facts;
use crate::fields;
use crate::plugin::Plugin;
use crate::scope::{Arrival, Line};
use crate::stream::Stream;

/// Plugins in order.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Chain {
    pub(crate) chain: host::Chain,
    route_name: Arc<str>,
    /// What is done with fields as clients send them; none: requests are not checked.
    edge: Option<Underscores>,
    /// A policy has a callback for request bodies.
    #[pyo3(get)]
    request_body: bool,
    /// A policy has a callback for response heads.
    #[pyo3(get)]
    response_headers: bool,
    /// A policy has a callback for response bodies.
    #[pyo3(get)]
    response_body: bool,
}

type Opened = (Stream, Option<Py<Effects>>, bool);
type OfScope = (Stream, Option<Py<Effects>>, bool, Py<PyBytes>);

#[pymethods]
impl Chain {
    #[new]
    #[pyo3(signature = (plugins, *, route_name="", edge=false, underscores=false))]
    fn new(
        plugins: Vec<PyRef<'_, Plugin>>,
        route_name: &str,
        edge: bool,
        underscores: bool,
    ) -> Self {
        let chain = host::Chain::new(plugins.iter().map(|plugin| plugin.0.clone()).collect());
        Self {
            request_body: chain.has_callback("proxy_on_request_body"),
            response_headers: chain.has_callback("proxy_on_response_headers"),
            response_body: chain.has_callback("proxy_on_response_body"),
            chain,
            route_name: route_name.into(),
            edge: edge.then(|| Underscores::new(underscores)),
        }
    }

    /// How many request fields were dropped because their names have an underscore.
    #[getter]
    fn dropped_headers(&self) -> u64 {
        self.edge.as_ref().map_or(0, Underscores::dropped)
    }

    /// Opens a stream with the head of its request; also says whether a body follows.
    #[allow(clippy::too_many_arguments, reason = "one crossing for all of a request's head")]
    #[pyo3(signature = (
        client, server, scheme, http_version, method, target, headers, properties = None
    ))]
    fn open(
        &self,
        py: Python<'_>,
        client: Option<&Bound<'_, PyAny>>,
        server: Option<&Bound<'_, PyAny>>,
        scheme: &str,
        http_version: &str,
        method: &str,
        target: &[u8],
        headers: &Bound<'_, PyAny>,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Opened> {
        let facts = facts::read(properties)?;
        let line = Line { client, server, scheme, http_version, method, target, headers, facts };
        let (stream, effects, end) = self.begin(&line)?;
        let effects = stream.convert(py, effects, &Phase::Head(end))?;
        Ok((stream, effects, !end))
    }

    /// Opens a stream for an ASGI scope of HTTP in its usual form; none for another form. A head that is
    /// forwarded is written into the scope, and effects that ask no more than that are not told.
    fn open_scope(&self, py: Python<'_>, scope: &Bound<'_, PyAny>) -> PyResult<Option<OfScope>> {
        let Some(arrival) = Arrival::of(scope) else { return Ok(None) };
        let line = arrival.line()?;
        let Ok((stream, effects, end)) = self.begin(&line) else { return Ok(None) };
        let rewrite = |head: &HeaderMap| arrival.rewrite(head);
        let effects = stream.convert_head(py, effects, end, rewrite)?;
        let target = arrival.target.unbind();
        Ok(Some((stream, effects, !end, target)))
    }

    /// Starts the policies that are not there yet on this thread.
    fn start(&self, py: Python<'_>) -> PyResult<Py<Effects>> {
        host::can_move().map_err(|error| errors::raise(py, "", &error))?;
        effects::convert_ticked(py, self.chain.start())
    }

    /// A turn of this thread's loop; the answer is seconds to the next one.
    fn tick(&self, py: Python<'_>) -> PyResult<(Option<f64>, Py<Effects>)> {
        let ticked = self.chain.tick();
        Ok((
            ticked.wait.map(|wait| wait.as_secs_f64()),
            effects::convert_ticked(py, ticked.effects)?,
        ))
    }
}

type Begun = (Stream, Result<host::Effects, host::Error>, bool);

impl Chain {
    /// Opens a stream; also says whether the head is the whole request. An error is that of a value in
    /// another form, and no policy has run then.
    fn begin(&self, line: &Line<'_, '_>) -> PyResult<Begun> {
        let client = ends::read("client", line.client)?;
        let server = ends::read("server", line.server)?;
        let attributes = Attributes {
            source: client.map(|(host, port)| (host.into(), port.unwrap_or(0))),
            destination: server.and_then(|(host, port)| Some((host.into(), port?))),
            protocol: protocol(line.http_version),
            secure: line.scheme == "https",
            route_name: Arc::clone(&self.route_name),
            facts: line.facts.clone(),
            ..Attributes::default()
        };
        let mut map = fields::map_for(line.headers);
        map.push(b":method", line.method.as_bytes());
        map.push(b":scheme", line.scheme.as_bytes());
        map.push(b":authority", b"");
        map.push(b":path", line.target);
        let (mut framed, mut hosts, mut credentials) = (false, 0, 0);
        let mut dropped = Dropped::default();
        let drops = self.edge.as_ref().is_some_and(|edge| !edge.allowed());
        fields::read_plain(line.headers, |name, value| {
            match name.len() {
                4 if name.eq_ignore_ascii_case(b"host") => {
                    hosts += 1;
                    return map.set(b":authority", value);
                }
                13 if name.eq_ignore_ascii_case(b"authorization") => credentials += 1,
                14 if name.eq_ignore_ascii_case(b"content-length") => framed |= value != b"0",
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => framed = true,
                _ if drops && name.contains(&b'_') => return dropped.add(name),
                _ => {}
            }
            map.push(name, value);
        })?;
        map.mark();
        // RFC 9112 §6.3: in HTTP/1 a request without framing has no body; later versions need none.
        let end = line.http_version.starts_with('1') && !framed;
        if self.edge.is_some() {
            let version = Version::parse(line.http_version).ok_or(NOT_SUPPORTED);
            let authority = map.get(b":authority").unwrap_or_default().trim_ascii();
            let checked = version.and_then(|version| check_host(version, hosts, authority));
            if let Err(problem) = checked.and(check_credentials(credentials)) {
                let empty = host::Chain::new(Vec::new());
                let mut stream = Stream::new(host::Stream::open(&empty, attributes), false);
                let effects = stream.stream.respond(problem.response());
                return Ok((stream, effects, end));
            }
        }
        let record = self.edge.as_ref().and_then(|edge| edge.note(&dropped));
        let stream = host::Stream::open(&self.chain, attributes);
        let mut stream = Stream::new(stream, !dropped.is_empty());
        let mut effects = stream.stream.on_request_headers(map, end);
        if let Ok(effects) = &mut effects {
            effects.logs.extend(record);
        }
        Ok((stream, effects, end))
    }
}

/// The names of the protocols that ASGI servers speak.
pub(crate) fn protocol(http_version: &str) -> &'static str {
    match http_version {
        "1.0" => "HTTP/1.0",
        "2" | "2.0" => "HTTP/2",
        "3" => "HTTP/3",
        _ => "HTTP/1.1",
    }
}
