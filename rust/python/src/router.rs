//! `Router`, and the routes and clusters it is made of.

use std::sync::Arc;

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use wasmgate_gateway::{
    self as gateway, Handshakes, Peer, Precedence, RequestLimits, RequestLine, Unmet, Verdict,
    Version,
};
use wasmgate_host as host;

use crate::effects::{self, Effects, Phase};
use crate::exchange::Exchange;
use crate::route::Route;
use crate::scope::{Arrival, Line};
use crate::{ends, errors, facts, fields};

/// Adds what the module has beside the classes.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let names = gateway::LB_POLICIES.map(|(name, _)| name);
    module.add("LB_POLICIES", PyTuple::new(module.py(), names)?)
}

/// Endpoints that serve the same, and how one is chosen.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Cluster(gateway::ClusterSpec);

#[pymethods]
impl Cluster {
    #[new]
    #[pyo3(signature = (*, name, endpoints, lb_policy, panic_threshold = 0))]
    fn new(
        name: String,
        endpoints: Vec<(String, u32)>,
        lb_policy: String,
        panic_threshold: u8,
    ) -> Self {
        Self(gateway::ClusterSpec { name, endpoints, lb_policy, panic_threshold })
    }
}

/// Routes and clusters, checked and indexed.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Router(pub(crate) Arc<gateway::Router>);

type Opened = (Exchange, Option<Py<Effects>>);

#[pymethods]
impl Router {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "all of a configuration in one crossing")]
    #[pyo3(signature = (*, clusters, routes, trusted_proxies, headers, header_bytes, body, underscores=false, file_order=false))]
    fn new(
        py: Python<'_>,
        clusters: Vec<PyRef<'_, Cluster>>,
        routes: Vec<PyRef<'_, Route>>,
        trusted_proxies: Vec<String>,
        headers: usize,
        header_bytes: usize,
        body: Option<u64>,
        underscores: bool,
        file_order: bool,
    ) -> PyResult<Self> {
        let spec = gateway::RouterSpec {
            clusters: clusters.into_iter().map(|cluster| cluster.0.clone()).collect(),
            routes: routes.into_iter().map(|route| route.spec.clone()).collect(),
            precedence: if file_order { Precedence::FileOrder } else { Precedence::Specificity },
            trusted_proxies,
            limits: RequestLimits { headers, header_bytes, body },
            underscores,
        };
        match gateway::Router::new(spec) {
            Ok(checked) => Ok(Self(Arc::new(checked))),
            Err(error) => {
                let class = py.import("wasmgate.errors")?.getattr("ConfigError")?;
                Err(PyErr::from_value(class.call1((error.to_string(),))?))
            }
        }
    }

    /// How many request fields were dropped because their names have an underscore.
    #[getter]
    fn dropped_headers(&self) -> u64 {
        self.0.dropped()
    }

    /// Opens an exchange for an ASGI scope of HTTP/1 in its usual form; none for another form.
    fn open_scope(&self, py: Python<'_>, scope: &Bound<'_, PyAny>) -> PyResult<Option<Opened>> {
        let Some(arrival) = Arrival::of(scope) else { return Ok(None) };
        if !arrival.http_version.starts_with('1') {
            return Ok(None); // whether a body follows is in no field (RFC 9113 §8.1)
        }
        let line = arrival.line()?;
        let Ok(begun) = self.begin(&line, false, Handshakes::Refused) else { return Ok(None) };
        convert(py, begun).map(Some)
    }

    /// Opens an exchange with the head of its request. `handshake`: it may be that of a WebSocket; an ASGI
    /// server that serves these has another scope for them.
    #[allow(clippy::too_many_arguments, reason = "one crossing for all of a request's head")]
    #[pyo3(signature = (
        client, server, scheme, http_version, method, target, headers, properties = None, *, ended = false, handshake = false
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
        ended: bool,
        handshake: bool,
    ) -> PyResult<Opened> {
        let facts = facts::read(properties)?;
        let line = Line { client, server, scheme, http_version, method, target, headers, facts };
        let handshakes = if handshake { Handshakes::Forwarded } else { Handshakes::Refused };
        convert(py, self.begin(&line, ended, handshakes)?)
    }

    /// The endpoint for the next call to a cluster; none if none is healthy, or there is no cluster.
    fn endpoint(&self, cluster: &str) -> Option<&str> {
        let cluster = &self.0.clusters()[self.0.cluster(cluster)?];
        Some(cluster.endpoints()[cluster.pick(None)?].url())
    }

    /// What each route says to a request, in the order of precedence: its index, a word, and the name of
    /// the field, parameter or cookie that the word is about.
    fn explain(
        &self,
        method: &str,
        authority: &str,
        target: &str,
        headers: Vec<(String, String)>,
    ) -> Vec<(usize, &'static str, String)> {
        let line = [(":method", method), (":authority", authority), (":path", target)];
        let fields = headers.iter().map(|(name, value)| (&**name, &**value));
        let all = line.into_iter().chain(fields);
        let map = all.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        self.0.explain(&map).into_iter().map(|(index, verdict)| worded(index, verdict)).collect()
    }

    /// Takes an endpoint out of the choice, or back in.
    fn set_available(&self, cluster: &str, endpoint: &str, available: bool) -> PyResult<()> {
        let cluster = self.0.cluster(cluster).map(|index| &self.0.clusters()[index]);
        let place =
            |its: &gateway::Cluster| its.endpoints().iter().position(|it| it.url() == endpoint);
        let missing = || PyKeyError::new_err(format!("no endpoint {endpoint} in this cluster"));
        let (cluster, place) =
            cluster.and_then(|its| Some((its, place(its)?))).ok_or_else(missing)?;
        cluster.set_available(place, available);
        Ok(())
    }
}

fn worded(index: usize, verdict: Verdict) -> (usize, &'static str, String) {
    let (word, name) = match verdict {
        Verdict::Taken => ("taken", String::new()),
        Verdict::Later => ("later", String::new()),
        Verdict::Host => ("host", String::new()),
        Verdict::Path => ("path", String::new()),
        Verdict::Unmet(Unmet::Method) => ("method", String::new()),
        Verdict::Unmet(Unmet::Header(name)) => ("header", name),
        Verdict::Unmet(Unmet::Query(name)) => ("query", name),
        Verdict::Unmet(Unmet::Cookie(name)) => ("cookie", name),
    };
    (index, word, name)
}

type Begun = Result<(gateway::Exchange, host::Effects), host::Error>;

impl Router {
    /// Opens an exchange. An error is that of a value in another form, and nothing has happened then.
    fn begin(&self, line: &Line<'_, '_>, ended: bool, handshakes: Handshakes) -> PyResult<Begun> {
        let client = ends::read("client", line.client)?;
        let server = ends::read("server", line.server)?;
        let peer = client.map(|(host, port)| Peer::new(&host, port.unwrap_or(0)));
        let server = server.and_then(|(host, port)| Some((host.into(), port?)));
        let version = Version::parse(line.http_version);
        let request = RequestLine {
            version: version.unwrap_or(Version::Http11),
            secure: matches!(line.scheme, "https" | "wss"),
            method: line.method.as_bytes(),
            target: line.target,
            peer: peer.as_ref(),
            server: server.as_ref(),
            facts: line.facts.as_ref(),
            connection: None,
        };
        if version.is_none() {
            return Ok(gateway::Exchange::refuse_version(&self.0, &request));
        }
        let mut reader = self.0.read(request);
        reader.set_handshakes(handshakes);
        fields::read_plain(line.headers, |name, value| reader.field(name, value))?;
        Ok(gateway::Exchange::open(&self.0, reader, ended))
    }
}

fn convert(py: Python<'_>, begun: Begun) -> PyResult<Opened> {
    let (exchange, effects) = begun.map_err(|error| errors::raise(py, "", &error))?;
    let phase = Phase::Head(!exchange.body_follows());
    let effects = effects::convert(py, &exchange, effects, &phase)?;
    Ok((Exchange(exchange), effects))
}
