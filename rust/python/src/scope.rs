//! ASGI scopes in the form that servers usually give them. Any other form is the layer's above.

use std::sync::Arc;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use wasmgate_host::{self as host, Facts, HeaderMap};

/// Fields that are looked at for one that a policy did not change.
const AHEAD: usize = 8;

/// The head of a request, as `open` takes it.
pub(crate) struct Line<'a, 'py> {
    pub(crate) client: Option<&'a Bound<'py, PyAny>>,
    pub(crate) server: Option<&'a Bound<'py, PyAny>>,
    pub(crate) scheme: &'a str,
    pub(crate) http_version: &'a str,
    pub(crate) method: &'a str,
    pub(crate) target: &'a [u8],
    pub(crate) headers: &'a Bound<'py, PyAny>,
    pub(crate) facts: Option<Arc<Facts>>,
}

/// The head of a request as a scope has it.
pub(crate) struct Arrival<'py> {
    scope: Bound<'py, PyDict>,
    client: Option<Bound<'py, PyAny>>,
    server: Option<Bound<'py, PyAny>>,
    scheme: &'static str,
    pub(crate) http_version: &'static str,
    method: Bound<'py, PyString>,
    /// Path and query.
    pub(crate) target: Bound<'py, PyBytes>,
    headers: Bound<'py, PyAny>,
}

impl<'py> Arrival<'py> {
    /// Reads a scope of HTTP; none for another form than usual. A subclass of dict may answer otherwise
    /// than its items do.
    pub(crate) fn of(scope: &Bound<'py, PyAny>) -> Option<Self> {
        Self::read(scope.cast_exact::<PyDict>().ok()?).ok()?
    }

    pub(crate) fn line(&self) -> PyResult<Line<'_, 'py>> {
        Ok(Line {
            client: self.client.as_ref(),
            server: self.server.as_ref(),
            scheme: self.scheme,
            http_version: self.http_version,
            method: self.method.to_str()?,
            target: self.target.as_bytes(),
            headers: &self.headers,
            facts: None,
        })
    }

    /// None also if it has TLS, a user or a mount, or if its path is not as the client sent it.
    fn read(scope: &Bound<'py, PyDict>) -> PyResult<Option<Self>> {
        let py = scope.py();
        let text = |key: &Bound<'py, PyString>| -> PyResult<Option<Bound<'py, PyString>>> {
            Ok(scope.get_item(key)?.and_then(|value| value.cast_into_exact().ok()))
        };
        let bytes = |key: &Bound<'py, PyString>| -> PyResult<Option<Bound<'py, PyBytes>>> {
            Ok(scope.get_item(key)?.and_then(|value| value.cast_into_exact().ok()))
        };
        // Absent and None are the same.
        let end = |key: &Bound<'py, PyString>| -> PyResult<Option<Bound<'py, PyAny>>> {
            Ok(scope.get_item(key)?.filter(|value| !value.is_none()))
        };
        let extensions = scope.get_item(intern!(py, "extensions"))?;
        let has_facts = match extensions.as_ref().map(|its| its.cast_exact::<PyDict>()) {
            Some(Ok(extensions)) => extensions.contains(intern!(py, "tls"))?,
            Some(Err(_)) => true,
            None => false,
        };
        if has_facts || scope.contains(intern!(py, "wasmgate.user"))? {
            return Ok(None);
        }
        let (
            Some(kind),
            Some(method),
            Some(version),
            Some(scheme),
            Some(root),
            Some(path),
            Some(raw),
            Some(query),
            Some(headers),
        ) = (
            text(intern!(py, "type"))?,
            text(intern!(py, "method"))?,
            text(intern!(py, "http_version"))?,
            text(intern!(py, "scheme"))?,
            text(intern!(py, "root_path"))?,
            text(intern!(py, "path"))?,
            bytes(intern!(py, "raw_path"))?,
            bytes(intern!(py, "query_string"))?,
            scope.get_item(intern!(py, "headers"))?,
        )
        else {
            return Ok(None);
        };
        let scheme = match scheme.to_str()? {
            "http" => "http",
            "https" => "https",
            _ => return Ok(None),
        };
        let http_version = match version.to_str()? {
            "1.1" => "1.1",
            "1.0" => "1.0",
            "2" => "2",
            "3" => "3",
            _ => return Ok(None),
        };
        let shown = raw.as_bytes();
        let plain = kind.to_str()? == "http"
            && root.is_empty()?
            && !shown.is_empty()
            && is_decoded(shown)
            && path.to_str()?.as_bytes() == shown
            && host::is_token(method.to_str()?.as_bytes());
        if !plain {
            return Ok(None);
        }
        let target = if query.as_bytes().is_empty() {
            raw
        } else {
            PyBytes::new(py, &[shown, b"?", query.as_bytes()].concat())
        };
        let (client, server) = (end(intern!(py, "client"))?, end(intern!(py, "server"))?);
        let scope = scope.clone();
        Ok(Some(Self { scope, client, server, scheme, http_version, method, target, headers }))
    }

    /// Writes the head that policies left into the scope. False, and nothing is written, if the method
    /// changed or the path has encoded bytes.
    pub(crate) fn rewrite(&self, head: &HeaderMap) -> PyResult<bool> {
        let scope = &self.scope;
        let py = scope.py();
        let field = |name: &[u8]| head.get(name).unwrap_or_default();
        if field(b":method") != self.method.to_str()?.as_bytes() {
            return Ok(false);
        }
        let target = field(b":path");
        if target != self.target.as_bytes() {
            let length = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
            let (path, query) = target.split_at(length);
            let text = match std::str::from_utf8(path) {
                Ok(text) if is_decoded(path) => text,
                _ => return Ok(false),
            };
            let query = query.get(1..).unwrap_or_default();
            scope.set_item(intern!(py, "raw_path"), PyBytes::new(py, path))?;
            scope.set_item(intern!(py, "path"), PyString::new(py, text))?;
            scope.set_item(intern!(py, "query_string"), PyBytes::new(py, query))?;
        }
        let authority = Some(field(b":authority")).filter(|value| !value.is_empty());
        let authority = authority.map(|value| (&b"host"[..], value));
        let fields = head.iter().filter(|(name, _)| name.first() != Some(&b':'));
        let mut came = Came { headers: &self.headers, next: 0 };
        let pairs = authority.into_iter().chain(fields).map(|(name, value)| came.pair(name, value));
        let headers = PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)?;
        scope.set_item(intern!(py, "headers"), headers)?;
        Ok(true)
    }
}

/// Whether a path is the same with its percent-encoding decoded, in ASCII, and ends before a query.
fn is_decoded(path: &[u8]) -> bool {
    path.iter().all(|byte| byte.is_ascii() && !matches!(byte, b'%' | b'?'))
}

/// The fields as they came; those that policies did not touch are given on as they are.
struct Came<'a, 'py> {
    headers: &'a Bound<'py, PyAny>,
    next: usize,
}

impl<'py> Came<'_, 'py> {
    fn pair(&mut self, name: &[u8], value: &[u8]) -> PyResult<Bound<'py, PyTuple>> {
        if let Ok(list) = self.headers.cast::<PyList>() {
            let end = list.len().min(self.next + AHEAD);
            for place in self.next..end {
                let item = list.get_item(place)?;
                if let Ok(pair) = item.cast_into_exact::<PyTuple>()
                    && is_pair(&pair, name, value)?
                {
                    self.next = place + 1;
                    return Ok(pair);
                }
            }
        }
        let py = self.headers.py();
        (PyBytes::new(py, name), PyBytes::new(py, value)).into_pyobject(py)
    }
}

fn is_pair(pair: &Bound<'_, PyTuple>, name: &[u8], value: &[u8]) -> PyResult<bool> {
    let is = |at: usize, wanted: &[u8]| -> PyResult<bool> {
        let item = pair.get_item(at)?;
        Ok(item.cast_exact::<PyBytes>().is_ok_and(|bytes| bytes.as_bytes() == wanted))
    };
    Ok(is(0, name)? && is(1, value)?)
}
