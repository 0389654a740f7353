//! `AppResponse`: how far an ASGI app is with its response.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBoolMethods, PyBytes, PyDict, PyInt, PyString};

use crate::effects::Effects;
use crate::stream::{Stream, response_map};

/// What an app has sent of its response, and the stream that it is fed to.
#[pyclass(module = "wasmgate._native", subclass)]
#[pyo3(get_all, set_all)]
pub(crate) struct AppResponse {
    stream: Py<Stream>,
    /// The app sent the head.
    started: bool,
    /// The head declares trailers.
    trailing: bool,
    /// The last part of the body was sent; declared trailers may follow.
    ended: bool,
    /// The app sent the whole response.
    done: bool,
    /// The head went on unchanged.
    head_unchanged: bool,
    /// The last part of the body went on unchanged.
    body_unchanged: bool,
    /// The last part of the body.
    chunk: Option<Py<PyBytes>>,
    /// What counts the body; a body that is counted is fed by the layer above.
    count: Option<Py<PyAny>>,
    /// The trailers so far.
    fields: Option<Py<PyAny>>,
}

/// What a message gave.
#[derive(IntoPyObject)]
enum Fed {
    Effects(Option<Py<Effects>>),
    /// False: the message has another form than usual, and nothing was fed.
    Nothing(bool),
}

const NOTHING: Fed = Fed::Nothing(false);

#[pymethods]
impl AppResponse {
    #[new]
    fn new(stream: Py<Stream>) -> Self {
        Self {
            stream,
            started: false,
            trailing: false,
            ended: false,
            done: false,
            head_unchanged: false,
            body_unchanged: false,
            chunk: None,
            count: None,
            fields: None,
        }
    }

    /// Feeds a message in its usual form that is next in its order.
    fn feed_usual(&mut self, py: Python<'_>, message: &Bound<'_, PyAny>) -> PyResult<Fed> {
        let Ok(message) = message.cast_exact::<PyDict>() else { return Ok(NOTHING) };
        let Some(kind) = message.get_item(intern!(py, "type"))? else { return Ok(NOTHING) };
        let Ok(kind) = kind.cast_exact::<PyString>() else { return Ok(NOTHING) };
        match kind.to_str() {
            Ok("http.response.body") if self.started && !self.ended && self.count.is_none() => {
                self.feed_body(message)
            }
            Ok("http.response.start") if !self.started => self.feed_head(message),
            _ => Ok(NOTHING),
        }
    }
}

impl AppResponse {
    fn feed_head(&mut self, message: &Bound<'_, PyDict>) -> PyResult<Fed> {
        let py = message.py();
        let (Some(trailing), Some(status), Some(headers)) = (
            flag(message, intern!(py, "trailers"))?,
            message.get_item(intern!(py, "status"))?,
            message.get_item(intern!(py, "headers"))?,
        ) else {
            return Ok(NOTHING);
        };
        let status = status.cast_exact::<PyInt>().ok().and_then(|status| status.extract().ok());
        // Statuses have three digits (RFC 9110 §15).
        let Some(status) = status.filter(|status| (100..=999).contains(status)) else {
            return Ok(NOTHING);
        };
        let Ok(map) = response_map(status, &headers) else { return Ok(NOTHING) };
        let effects = self.stream.try_borrow_mut(py)?.on_response_map(py, map)?;
        self.trailing = trailing;
        self.started = true;
        self.head_unchanged = effects.is_none();
        Ok(Fed::Effects(effects))
    }

    fn feed_body(&mut self, message: &Bound<'_, PyDict>) -> PyResult<Fed> {
        let py = message.py();
        let body = message.get_item(intern!(py, "body"))?;
        let body = body.and_then(|body| body.cast_into_exact::<PyBytes>().ok());
        let (Some(body), Some(more)) = (body, flag(message, intern!(py, "more_body"))?) else {
            return Ok(NOTHING);
        };
        self.ended = !more;
        self.done = !(more || self.trailing);
        let effects = self.stream.try_borrow_mut(py)?.on_response_body(py, &body, self.done)?;
        self.chunk = Some(body.unbind());
        self.body_unchanged |= effects.is_none() && !more;
        Ok(Fed::Effects(effects))
    }
}

/// A flag that may be left out; none if it is something else.
fn flag(message: &Bound<'_, PyDict>, key: &Bound<'_, PyString>) -> PyResult<Option<bool>> {
    let Some(value) = message.get_item(key)? else { return Ok(Some(false)) };
    Ok(value.cast::<PyBool>().ok().map(PyBoolMethods::is_true))
}
