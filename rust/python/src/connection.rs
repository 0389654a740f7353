//! `Connection`: bytes in, a few flags and bytes out.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use wasmgate_gateway::{self as gateway, Ends, FAILURES, Step};
use wasmgate_host as host;

use crate::effects::{self, Effects};
use crate::router::Router;

const RELEASE: u32 = 1;
const ABANDON: u32 = 1 << 1;
const CLOSE: u32 = 1 << 2;
const RESET: u32 = 1 << 3;
const HAND_OVER: u32 = 1 << 4;
const WAITS: u32 = 1 << 5;
const NOTES: u32 = 1 << 6;
const ENDED: u32 = 1 << 7;
const FULL: u32 = 1 << 8;
/// Bits of the endpoint in a dialled number; the cluster is above them.
const ENDPOINT_BITS: u32 = 16;

/// One HTTP/1.1 client, without I/O.
#[pyclass(module = "wasmgate._native")]
pub(crate) struct Connection {
    connection: gateway::Connection,
    notes: host::Effects,
}

/// Flags, bytes for the client, bytes for the upstream, and what to dial (-1: nothing).
type Out<'py> = (u32, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>, i64);

impl Connection {
    fn out<'py>(&mut self, py: Python<'py>, step: Step) -> Out<'py> {
        let noted = !step.logs.is_empty() || !step.wake.is_empty() || step.timers;
        if noted {
            self.notes.logs.extend(step.logs);
            self.notes.wake.extend(step.wake);
            self.notes.timers |= step.timers;
        }
        let flags = [
            (step.release, RELEASE),
            (step.abandon, ABANDON),
            (step.close, CLOSE),
            (step.reset, RESET),
            (step.hand_over, HAND_OVER),
            (step.waits, WAITS),
            (noted, NOTES),
            (step.ended, ENDED),
            (self.connection.is_full(), FULL),
        ];
        let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
        let bytes = |bytes: Vec<u8>| (!bytes.is_empty()).then(|| PyBytes::new(py, &bytes));
        let dial = step.dial.map_or(-1, |(cluster, endpoint)| {
            i64::try_from(cluster << ENDPOINT_BITS | endpoint).unwrap_or(-1)
        });
        (flags, bytes(step.client), bytes(step.upstream), dial)
    }
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
    const HAND_OVER: u32 = HAND_OVER;
    #[classattr]
    const WAITS: u32 = WAITS;
    #[classattr]
    const NOTES: u32 = NOTES;
    #[classattr]
    const ENDED: u32 = ENDED;
    #[classattr]
    const FULL: u32 = FULL;

    #[new]
    fn new(
        router: &Router,
        client: Option<(String, u16)>,
        server: Option<(String, Option<u16>)>,
        secure: bool,
    ) -> Self {
        let server = server.and_then(|(host, port)| Some((host, port?)));
        let ends = Ends { peer: client, server, secure };
        let connection = gateway::Connection::new(Arc::clone(&router.0), ends);
        Self { connection, notes: host::Effects::default() }
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
        let request = self.connection.exchange()?.upstream()?;
        request.timeout.map(|timeout| timeout.as_secs_f64())
    }

    #[getter]
    fn may_retry(&self) -> bool {
        self.connection.may_retry()
    }

    fn set_router(&mut self, router: &Router) {
        self.connection.set_router(Arc::clone(&router.0));
    }

    fn receive<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Out<'py> {
        let step = self.connection.receive(data);
        self.out(py, step)
    }

    fn receive_eof<'py>(&mut self, py: Python<'py>) -> Out<'py> {
        let step = self.connection.receive_eof();
        self.out(py, step)
    }

    fn receive_upstream<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Out<'py> {
        let step = self.connection.receive_upstream(data);
        self.out(py, step)
    }

    fn receive_upstream_eof<'py>(&mut self, py: Python<'py>) -> Out<'py> {
        let step = self.connection.receive_upstream_eof();
        self.out(py, step)
    }

    fn fail<'py>(&mut self, py: Python<'py>, failure: &str) -> PyResult<Out<'py>> {
        let Some((_, failure)) = FAILURES.iter().find(|(name, _)| *name == failure) else {
            return Err(PyValueError::new_err("no such failure"));
        };
        let step = self.connection.fail(*failure);
        Ok(self.out(py, step))
    }

    fn retry<'py>(&mut self, py: Python<'py>) -> Out<'py> {
        let step = self.connection.retry();
        self.out(py, step)
    }

    fn resume<'py>(&mut self, py: Python<'py>) -> Out<'py> {
        let step = self.connection.resume();
        self.out(py, step)
    }

    fn drain(&mut self) {
        self.connection.drain();
    }

    fn close<'py>(&mut self, py: Python<'py>) -> Out<'py> {
        let step = self.connection.close();
        self.out(py, step)
    }

    fn take_unread<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.connection.take_unread())
    }

    fn notes(&mut self, py: Python<'_>) -> PyResult<Py<Effects>> {
        effects::convert_ticked(py, std::mem::take(&mut self.notes))
    }
}
