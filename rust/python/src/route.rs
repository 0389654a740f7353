//! `Route`: which requests it takes, and what it does with them.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use wasmgate_gateway::{
    ActionSpec, ConditionSpec, FieldChangesSpec, HashBy, HostRewriteSpec, PathMatch,
    PathRewriteSpec, QueryRewriteSpec, REDIRECT_STATUSES, RedirectSpec, ResponseSpec, RouteSpec,
    ValueMatch, WebSocketLimits,
};

use crate::chain::Chain;
use crate::times::seconds;

/// Which requests go through which policies to which cluster.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    problem: Option<String>,
}

/// The word for the host of the endpoint, as Envoy's `auto_host_rewrite`.
const ENDPOINT: &str = "auto";

/// A kind and a text.
type Pattern = (String, String);
/// Name, kind and text.
type Conditions = Vec<(String, String, String)>;
/// Kind and two texts; the second is for an expression.
type Rewrite = (String, String, String);
/// The names of what is removed, and names and values of what is set.
type QueryChange = (Vec<String>, Vec<(String, String)>);
/// The names of what is removed, and names and values of what is set and of what is added.
type FieldChange = (Vec<String>, Vec<(String, String)>, Vec<(String, String)>);
/// Status, scheme, host, port, path, and whether the query is left out.
type RedirectParts = (u16, Option<String>, Option<String>, Option<u16>, Option<Rewrite>, bool);
/// Status, fields and body.
type ResponseParts = (u16, Vec<(String, String)>, Vec<u8>);

#[pymethods]
impl Route {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "a route in one crossing")]
    #[pyo3(signature = (
        *, name, path, chain, hosts = vec![], methods = vec![], headers = vec![], query = vec![],
        cookies = vec![], clusters = vec![], redirect = None, response = None, hash_by = None,
        path_rewrite = None, query_rewrite = None, host_rewrite = None, request_headers = None,
        response_headers = None, timeout = None, websocket = None
    ))]
    fn new(
        name: String,
        path: Pattern,
        chain: &Chain,
        hosts: Vec<String>,
        methods: Vec<String>,
        headers: Conditions,
        query: Conditions,
        cookies: Conditions,
        clusters: Vec<(String, u32)>,
        redirect: Option<RedirectParts>,
        response: Option<ResponseParts>,
        hash_by: Option<Pattern>,
        path_rewrite: Option<Rewrite>,
        query_rewrite: Option<QueryChange>,
        host_rewrite: Option<String>,
        request_headers: Option<FieldChange>,
        response_headers: Option<FieldChange>,
        timeout: Option<f64>,
        websocket: Option<(f64, u64)>,
    ) -> PyResult<Self> {
        let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
        let timeout =
            timeout.map_err(|error| PyValueError::new_err(format!("timeout: {error}")))?;
        let action = match (redirect, response) {
            (Some(redirect), _) => ActionSpec::Redirect(read_redirect(redirect)?),
            (None, Some((status, headers, body))) => {
                ActionSpec::Respond(ResponseSpec { status, headers, body })
            }
            (None, None) => ActionSpec::Forward(clusters),
        };
        let (headers, query, cookies) = (values(headers)?, values(query)?, values(cookies)?);
        let mut spec = RouteSpec::new(&name, read_path(path)?, chain.chain.clone(), action);
        spec.hosts = hosts;
        spec.conditions = ConditionSpec { methods, headers, query, cookies };
        spec.hash_by = hash_by.map(read_hash_by).transpose()?;
        spec.path_rewrite = path_rewrite.map(read_rewrite).transpose()?;
        spec.query_rewrite = query_rewrite.map(|(remove, set)| QueryRewriteSpec { remove, set });
        spec.host_rewrite = host_rewrite.map(|host| match &*host {
            ENDPOINT => HostRewriteSpec::Endpoint,
            _ => HostRewriteSpec::Host(host),
        });
        spec.request_headers = request_headers.map(read_changes).unwrap_or_default();
        spec.response_headers = response_headers.map(read_changes).unwrap_or_default();
        spec.timeout = timeout;
        if let Some((idle, message)) = websocket {
            spec.websocket = WebSocketLimits { idle: seconds(idle)?, message };
        }
        let problem = spec.check().err();
        Ok(Self { spec, problem })
    }

    /// The same route with other policies.
    fn with_chain(&self, chain: &Chain) -> Self {
        let mut spec = self.spec.clone();
        spec.chain = chain.chain.clone();
        Self { spec, problem: self.problem.clone() }
    }

    /// What is wrong with it, in words; none if nothing is. Whether its clusters exist is not checked.
    #[getter]
    fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }
}

/// Adds what the module has beside the class.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("REDIRECT_STATUSES", PyTuple::new(module.py(), REDIRECT_STATUSES)?)?;
    module.add_function(wrap_pyfunction!(path_problem, module)?)?;
    module.add_function(wrap_pyfunction!(value_problem, module)?)
}

/// What is wrong with a path of a route, in words; none if nothing is.
#[pyfunction]
fn path_problem(kind: String, text: String) -> PyResult<Option<String>> {
    Ok(read_path((kind, text))?.check().err())
}

/// What is wrong with a value that a route asks for, in words; none if nothing is.
#[pyfunction]
fn value_problem(kind: &str, text: String) -> PyResult<Option<String>> {
    Ok(read_value(kind, text)?.check().err())
}

fn unknown(kind: &str) -> PyErr {
    PyValueError::new_err(format!("there is no kind {kind:?} here"))
}

fn read_path((kind, text): Pattern) -> PyResult<PathMatch> {
    Ok(match &*kind {
        "path" => PathMatch::Exact(text),
        "prefix" => PathMatch::Prefix(text),
        "template" => PathMatch::Template(text),
        "regex" => PathMatch::Regex(text),
        kind => return Err(unknown(kind)),
    })
}

fn values(conditions: Conditions) -> PyResult<Vec<(String, ValueMatch)>> {
    let read = |(name, kind, text): (String, String, String)| Ok((name, read_value(&kind, text)?));
    conditions.into_iter().map(read).collect()
}

fn read_value(kind: &str, text: String) -> PyResult<ValueMatch> {
    Ok(match kind {
        "present" => ValueMatch::Present,
        "absent" => ValueMatch::Absent,
        "exact" => ValueMatch::Exact(text),
        "prefix" => ValueMatch::Prefix(text),
        "suffix" => ValueMatch::Suffix(text),
        "contains" => ValueMatch::Contains(text),
        "regex" => ValueMatch::Regex(text),
        kind => return Err(unknown(kind)),
    })
}

fn read_hash_by((kind, name): Pattern) -> PyResult<HashBy> {
    Ok(match &*kind {
        "header" => HashBy::Header(name.to_ascii_lowercase()),
        "cookie" => HashBy::Cookie(name),
        "query" => HashBy::Query(name),
        "client_address" => HashBy::ClientAddress,
        "path" => HashBy::Path,
        kind => return Err(unknown(kind)),
    })
}

fn read_rewrite((kind, text, substitution): Rewrite) -> PyResult<PathRewriteSpec> {
    Ok(match &*kind {
        "prefix" => PathRewriteSpec::Prefix(text),
        "path" => PathRewriteSpec::Path(text),
        "regex" => PathRewriteSpec::Regex { pattern: text, substitution },
        kind => return Err(unknown(kind)),
    })
}

fn read_changes((remove, set, add): FieldChange) -> FieldChangesSpec {
    FieldChangesSpec { remove, set, add }
}

fn read_redirect(parts: RedirectParts) -> PyResult<RedirectSpec> {
    let (status, scheme, host, port, path, strip_query) = parts;
    let path = path.map(read_rewrite).transpose()?;
    Ok(RedirectSpec { status, scheme, host, port, path, strip_query })
}
