//! `Connection`: bytes in, a few flags and bytes out.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use wasmgate_gateway::{self as gateway, Access, Ends, FAILURES, Output, Peer, Step, Waited};
use wasmgate_host as host;

use crate::effects::{self, Effects};
use crate::errors;
use crate::facts;
use crate::router::Router;

const RELEASE: u32 = 1;
const ABANDON: u32 = 1 << 1;
const CLOSE: u32 = 1 << 2;
const RESET: u32 = 1 << 3;
const UNREAD: u32 = 1 << 4;
const WAITS: u32 = 1 << 5;
const NOTES: u32 = 1 << 6;
const ENDED: u32 = 1 << 7;
const FULL: u32 = 1 << 8;
const LINGER: u32 = 1 << 9;
const FAILED: u32 = 1 << 10;
const TIMED: u32 = 1 << 11;
const PRESSURE: u32 = 1 << 12;
/// Bits of the endpoint in a dialled number; the cluster is above them.
const ENDPOINT_BITS: u32 = 16;

/// One HTTP/1.1 client, without I/O.
#[pyclass(module = "wasmgate._native")]
pub(crate) struct Connection {
    connection: gateway::Connection,
    notes: host::Effects,
    accesses: Vec<Access>,
    faults: Vec<String>,
}

/// Flags, bytes for the client, bytes for the upstream, and what to dial (-1: nothing).
type Out<'py> = (u32, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>, i64);

impl Connection {
    /// Makes a step; `came`: what came in with it.
    fn step<'py>(
        &mut self,
        py: Python<'py>,
        came: Option<&Bound<'py, PyBytes>>,
        work: impl FnOnce(&mut gateway::Connection) -> Step,
    ) -> PyResult<Out<'py>> {
        self.connection.can_move().map_err(|error| errors::raise(py, "", &error))?;
        let mut step = work(&mut self.connection);
        let noted = step.noted.is_some() || !step.accesses.is_empty();
        if noted {
            if let Some(effects) = &mut step.noted {
                self.notes.note(effects);
            }
            self.accesses.extend(step.accesses);
        }
        let failed = !step.faults.is_empty();
        if failed {
            self.faults.append(&mut step.faults);
        }
        let flags = [
            (step.release, RELEASE),
            (step.abandon, ABANDON),
            (step.close, CLOSE),
            (step.reset, RESET),
            (step.unread, UNREAD),
            (step.waits, WAITS),
            (noted, NOTES),
            (step.ended, ENDED),
            (self.connection.is_full(), FULL),
            (step.linger, LINGER),
            (failed, FAILED),
            (step.timed, TIMED),
            (step.pressure, PRESSURE),
        ];
        let flags = flags.iter().fold(0, |all, (set, flag)| all | (u32::from(*set) * flag));
        let dial = step.dial.map_or(-1, |(cluster, endpoint)| {
            i64::try_from(cluster << ENDPOINT_BITS | endpoint).unwrap_or(-1)
        });
        Ok((flags, bytes(py, &step.client, came)?, bytes(py, &step.upstream, came)?, dial))
    }
}

/// Bytes to write. What came in and goes on as it is is not copied, anything else once.
fn bytes<'py>(
    py: Python<'py>,
    output: &Output,
    came: Option<&Bound<'py, PyBytes>>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let received = came.map(PyBytesMethods::as_bytes).unwrap_or_default();
    if output.is_empty() {
        return Ok(None);
    }
    if output.is_same(received.len()) {
        return Ok(came.cloned());
    }
    let write = |buffer: &mut [u8]| {
        let mut rest = buffer;
        for part in output.parts(received) {
            let (here, behind) = rest.split_at_mut(part.len());
            here.copy_from_slice(part);
            rest = behind;
        }
        Ok(())
    };
    PyBytes::new_with(py, output.len(), write).map(Some)
}

#[pymethods]
impl Connection {
    #[classattr]
    const RELEASE: u32 = RELEASE;
    #[classattr]
    const ABANDON: u32 = ABANDON;
    #[classattr]
    const CLOSE: u32 = CLOSE;
    #[classattr]
    const RESET: u32 = RESET;
    #[classattr]
    const UNREAD: u32 = UNREAD;
    #[classattr]
    const WAITS: u32 = WAITS;
    #[classattr]
    const NOTES: u32 = NOTES;
    #[classattr]
    const ENDED: u32 = ENDED;
    #[classattr]
    const FULL: u32 = FULL;
    #[classattr]
    const LINGER: u32 = LINGER;
    #[classattr]
    const FAILED: u32 = FAILED;
    #[classattr]
    const TIMED: u32 = TIMED;
    #[classattr]
    const PRESSURE: u32 = PRESSURE;

    #[new]
    #[pyo3(signature = (router, client, server, secure, properties = None))]
    fn new(
        router: &Router,
        client: Option<(String, u16)>,
        server: Option<(String, Option<u16>)>,
        secure: bool,
        properties: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let peer = client.map(|(host, port)| Peer::new(&host, port));
        let server = server.and_then(|(host, port)| Some((host.into(), port?)));
        let ends = Ends { peer, server, secure, facts: facts::read(properties)? };
        let connection = gateway::Connection::new(Arc::clone(&router.0), ends);
        Ok(Self {
            connection,
            notes: host::Effects::default(),
            accesses: Vec::new(),
            faults: Vec::new(),
        })
    }

    #[getter]
    fn id(&self) -> u64 {
        self.connection.exchange().map_or(0, gateway::Exchange::id)
    }

    #[getter]
    fn idle(&self) -> bool {
        self.connection.is_idle()
    }

    #[getter]
    fn busy(&self) -> bool {
        self.connection.exchange().is_some()
    }

    #[getter]
    fn timeout(&self) -> Option<f64> {
        self.connection.exchange()?.timeout().map(|timeout| timeout.as_secs_f64())
    }

    /// Whether the client and the upstream are to wait.
    #[getter]
    fn pressure(&self) -> (bool, bool) {
        let pressure = self.connection.pressure();
        (pressure.request, pressure.response)
    }

    #[getter]
    fn may_retry(&self) -> bool {
        self.connection.may_retry()
    }

    fn set_router(&mut self, router: &Router) {
        self.connection.set_router(Arc::clone(&router.0));
    }

    /// "client", "upstream" or "policy".
    #[getter]
    fn waits_for(&self) -> &'static str {
        match self.connection.waits_for() {
            Waited::Client => "client",
            Waited::Upstream => "upstream",
            Waited::Policy => "policy",
        }
    }

    fn receive<'py>(&mut self, py: Python<'py>, data: &Bound<'py, PyBytes>) -> PyResult<Out<'py>> {
        self.step(py, Some(data), |connection| connection.receive(data.as_bytes()))
    }

    fn receive_upstream<'py>(
        &mut self,
        py: Python<'py>,
        data: &Bound<'py, PyBytes>,
    ) -> PyResult<Out<'py>> {
        self.step(py, Some(data), |connection| connection.receive_upstream(data.as_bytes()))
    }

    fn receive_upstream_eof<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::receive_upstream_eof)
    }

    fn fail<'py>(&mut self, py: Python<'py>, failure: &str) -> PyResult<Out<'py>> {
        let Some((_, failure)) = FAILURES.iter().find(|(name, _)| *name == failure) else {
            return Err(PyValueError::new_err("no such failure"));
        };
        self.step(py, None, |connection| connection.fail(*failure))
    }

    fn late<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::late)
    }

    fn retry<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::retry)
    }

    fn resume<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::resume)
    }

    fn log_accesses(&mut self) {
        self.connection.log_accesses();
    }

    fn accesses(&mut self) -> Vec<(String, String, &'static str, u16)> {
        let accesses = std::mem::take(&mut self.accesses).into_iter();
        accesses.map(|its| (its.method, its.target, its.version, its.status)).collect()
    }

    fn faults(&mut self) -> Vec<String> {
        std::mem::take(&mut self.faults)
    }

    #[getter]
    fn request(&self) -> String {
        self.connection.request()
    }

    fn drain(&mut self) {
        self.connection.drain();
    }

    fn close<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::close)
    }

    fn choke(&mut self) {
        self.connection.choke();
    }

    fn proceed<'py>(&mut self, py: Python<'py>) -> PyResult<Out<'py>> {
        self.step(py, None, gateway::Connection::proceed)
    }

    fn notes(&mut self, py: Python<'_>) -> PyResult<Py<Effects>> {
        effects::convert_ticked(py, std::mem::take(&mut self.notes))
    }
}
