//! `Chain`.

use std::collections::HashMap;
use std::sync::Arc;

use pyo3::prelude::*;
use wasmgate_host::{self as host, Attributes, Tls};

use crate::effects::{self, Effects, Phase};
use crate::errors;
use crate::fields;
use crate::plugin::Plugin;
use crate::stream::Stream;
use crate::tls;

/// Plugins in order.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Chain {
    pub(crate) chain: host::Chain,
    route_name: Arc<str>,
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

#[pymethods]
impl Chain {
    #[new]
    #[pyo3(signature = (plugins, *, route_name=""))]
    fn new(plugins: Vec<PyRef<'_, Plugin>>, route_name: &str) -> Self {
        let chain = host::Chain::new(plugins.iter().map(|plugin| plugin.0.clone()).collect());
        Self {
            request_body: chain.has_callback("proxy_on_request_body"),
            response_headers: chain.has_callback("proxy_on_response_headers"),
            response_body: chain.has_callback("proxy_on_response_body"),
            chain,
            route_name: route_name.into(),
        }
    }

    /// Opens a stream with the head of its request; also says whether a body follows.
    #[allow(clippy::too_many_arguments, reason = "one crossing for all of a request's head")]
    #[pyo3(signature = (
        client, server, scheme, http_version, method, target, headers, tls = None
    ))]
    fn open(
        &self,
        py: Python<'_>,
        client: Option<(String, u16)>,
        server: Option<(String, Option<u16>)>,
        scheme: &str,
        http_version: &str,
        method: &str,
        target: &[u8],
        headers: &Bound<'_, PyAny>,
        tls: Option<HashMap<String, String>>,
    ) -> PyResult<Opened> {
        let attributes = Attributes {
            source: client.map(|(host, port)| (host.into(), port)),
            destination: server.and_then(|(host, port)| Some((host.into(), port?))),
            protocol: protocol(http_version),
            tls: match tls {
                Some(told) => Tls::Known(tls::facts(told)),
                None if scheme == "https" => Tls::Unknown,
                None => Tls::None,
            },
            route_name: Arc::clone(&self.route_name),
            ..Attributes::default()
        };
        let mut map = fields::map_for(headers);
        map.push(b":method", method.as_bytes());
        map.push(b":scheme", scheme.as_bytes());
        map.push(b":authority", b"");
        map.push(b":path", target);
        let mut framed = false;
        fields::read(headers, |name, value| {
            match name.len() {
                4 if name.eq_ignore_ascii_case(b"host") => return map.set(b":authority", value),
                14 if name.eq_ignore_ascii_case(b"content-length") => framed |= value != b"0",
                17 if name.eq_ignore_ascii_case(b"transfer-encoding") => framed = true,
                _ => {}
            }
            map.push(name, value);
        })?;
        map.mark();
        // RFC 9112 §6.3: in HTTP/1 a request without framing has no body; later versions need none.
        let end = http_version.starts_with('1') && !framed;
        let mut stream = host::Stream::open(&self.chain, attributes);
        let effects =
            stream.on_request_headers(map, end).map_err(|error| errors::raise(py, "", &error))?;
        let effects = effects::convert(py, &stream, effects, &Phase::Head(end))?;
        Ok((Stream(stream), effects, !end))
    }

    /// Starts the policies that are not there yet on this thread.
    fn start(&self, py: Python<'_>) -> PyResult<Py<Effects>> {
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

/// The names of the protocols that ASGI servers speak.
pub(crate) fn protocol(http_version: &str) -> &'static str {
    match http_version {
        "1.0" => "HTTP/1.0",
        "2" | "2.0" => "HTTP/2",
        "3" => "HTTP/3",
        _ => "HTTP/1.1",
    }
}
