//! `DataPlane`: threads that serve, and what they ask of Python.

use std::io::{PipeReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use wasmgate_dataplane::{
    Admission, BadCertificate, CalloutSettings, Certificate, ClientLimits, ClientSettings,
    Deployment, Note, Notes, PemFile, Plane,
};
use wasmgate_gateway::Access;
use wasmgate_host as host;

use crate::callout_admission::{self, CalloutAdmission, CalloutBounds};
use crate::chain::Chain;
use crate::effects;
use crate::host::Host;
use crate::router::Router;
use crate::times::{Bounds, seconds, upstream_limits};

/// Where a callout's id says which thread's it is; ids themselves count up and never get there.
const THREAD_BITS: u32 = 48;

/// What a child of fork(2) is told.
const FORKED: &str = "threads of the data plane do not go on in a forked process: start the server there, \
                      or start that process with the method \"spawn\"";

/// Threads that serve HTTP/1.1 without Python.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct DataPlane {
    plane: Mutex<Plane>,
    notes: Arc<Notes>,
    woken: PipeReader,
    /// The process that has the threads.
    process: u32,
}

/// The thread and the id of a callout: answers are for whichever thread asked.
pub(crate) fn thread_of(callout: u64) -> Option<(u16, u64)> {
    let thread = u16::try_from(callout >> THREAD_BITS).unwrap_or_default();
    (thread != 0).then_some((thread, callout & ((1 << THREAD_BITS) - 1)))
}

fn name_thread(thread: u16, effects: &mut host::Effects) {
    let thread = u64::from(thread) << THREAD_BITS;
    effects.callouts.iter_mut().for_each(|callout| callout.id |= thread);
    effects.cancelled.iter_mut().for_each(|callout| *callout |= thread);
}

/// A listening socket that Python gave away (`socket.detach()`).
#[allow(unsafe_code, reason = "Python has no other way to give a socket away")]
fn listener(descriptor: RawFd) -> PyResult<TcpListener> {
    if descriptor < 0 {
        return Err(PyValueError::new_err("a listener is the descriptor of a listening socket"));
    }
    // SAFETY: `socket.detach()` left the descriptor open and gave up its only owner, which the
    // argument's documentation asks for; from here on this value owns it.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    Ok(TcpListener::from(owned))
}

impl DataPlane {
    /// The threads. A child of fork(2) has none of them, and locks may be held for ever there.
    fn plane(&self) -> PyResult<MutexGuard<'_, Plane>> {
        if self.process != std::process::id() {
            return Err(PyRuntimeError::new_err(FORKED));
        }
        Ok(self.plane.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type Reported = (usize, Vec<(String, usize, usize, usize)>);

#[pymethods]
impl DataPlane {
    #[new]
    #[allow(clippy::too_many_arguments, reason = "Python names them")]
    #[pyo3(signature = (listeners, *, keep_alive, head, client, linger, longest_linger, certificate = None, log_accesses = false))]
    fn new(
        listeners: Vec<Vec<RawFd>>,
        keep_alive: f64,
        head: f64,
        client: f64,
        linger: f64,
        longest_linger: f64,
        certificate: Option<(Vec<u8>, Vec<u8>)>,
        log_accesses: bool,
    ) -> PyResult<Self> {
        let own = |its: Vec<RawFd>| its.into_iter().map(listener).collect::<PyResult<Vec<_>>>();
        let listeners = listeners.into_iter().map(own).collect::<PyResult<Vec<_>>>()?;
        let limits = ClientLimits {
            keep_alive: seconds(keep_alive)?,
            head: seconds(head)?,
            client: seconds(client)?,
            linger: seconds(linger)?,
            longest_linger: seconds(longest_linger)?,
        };
        let certificate = certificate.map(|(chain, key)| Certificate::from_pem(&chain, &key));
        let bad = |error: BadCertificate| PyValueError::new_err(error.to_string());
        let certificate = certificate.transpose().map_err(bad)?;
        let settings = Arc::new(ClientSettings {
            limits,
            certificate,
            logs_accesses: log_accesses,
            admission: Arc::new(Admission::default()),
        });
        let (woken, waker) = std::io::pipe()?;
        let wake = move || {
            // One byte at most waits: it fits, and the write does not block.
            let _ = (&waker).write_all(&[0]);
        };
        let notes = Arc::new(Notes::new(Box::new(wake)));
        let plane = Plane::start(listeners, &notes, &settings)
            .map_err(|error| PyOSError::new_err(format!("the data plane: {error}")))?;
        Ok(Self { plane: Mutex::new(plane), notes, woken, process: std::process::id() })
    }

    /// Exchanges that begin from now on go by this.
    fn deploy(
        &self,
        router: &Router,
        policies: &Chain,
        limits: Vec<Bounds>,
        clients: usize,
        callouts: (PyRef<'_, CalloutAdmission>, CalloutBounds, Bounds),
    ) -> PyResult<u64> {
        let limits = limits.into_iter().map(upstream_limits).collect::<PyResult<Vec<_>>>()?;
        let (router, policies) = (Arc::clone(&router.0), policies.chain.clone());
        let (admission, bounds, upstream) = callouts;
        let admission = Arc::clone(&admission.0);
        let (limits_, upstream) = (callout_admission::limits(bounds)?, upstream_limits(upstream)?);
        let callouts = CalloutSettings { limits: limits_, upstream, admission };
        let deployment = Deployment::new(router, policies, limits, clients, callouts)
            .map_err(PyValueError::new_err)?;
        let id = deployment.id();
        self.plane()?.deploy(&Arc::new(deployment));
        Ok(id)
    }

    /// The descriptor that is readable when there are notes.
    fn fileno(&self) -> RawFd {
        self.woken.as_raw_fd()
    }

    /// The notes, to be taken when the descriptor is readable.
    fn take_notes(&self, py: Python<'_>) -> PyResult<Vec<Py<PyAny>>> {
        let _ = (&self.woken).read(&mut [0])?;
        self.notes.take().into_iter().map(|note| converted(py, note)).collect()
    }

    /// How many exchanges have ended.
    #[getter]
    fn exchanges(&self) -> PyResult<u64> {
        Ok(self.plane()?.exchanges())
    }

    /// How many instances of its policies there are, on all threads.
    fn instances(&self, py: Python<'_>, host: &Host) -> PyResult<usize> {
        let host = host.0.clone();
        py.detach(|| Ok(self.plane()?.ask(move || host.instances()).into_iter().sum()))
    }

    /// The most bytes that a client has not taken, and the pools: URL, open and idle connections,
    /// requests that wait.
    fn report(&self, py: Python<'_>) -> PyResult<Reported> {
        let reports = py.detach(|| self.plane().map(|plane| plane.report()))?;
        let unread = reports.iter().map(|report| report.unread).max().unwrap_or_default();
        let pools = reports.into_iter().flat_map(|report| report.pools);
        Ok((unread, pools.map(|its| (its.url, its.open, its.idle, its.waiting)).collect()))
    }

    /// How many callouts of policies wait for an answer, on all threads.
    fn pending_callouts(&self, py: Python<'_>) -> PyResult<usize> {
        py.detach(|| Ok(self.plane()?.ask(host::pending_callouts).into_iter().sum()))
    }

    /// Accepts no more; ends with the last exchange, or after `grace` seconds.
    fn drain(&self, grace: f64) -> PyResult<()> {
        self.plane()?.drain(seconds(grace)?);
        Ok(())
    }

    /// Waits until all threads have ended.
    fn join(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.plane().map(|mut plane| plane.join()))
    }

    #[getter]
    fn threads(&self) -> PyResult<usize> {
        Ok(self.plane()?.threads())
    }
}

type Mistake = (&'static str, String, &'static str);

/// What is wrong with a certificate and its key: in which of them, what, and what to do; and what is
/// odd about the certificate.
#[pyfunction]
fn check_certificate(chain: &[u8], key: &[u8]) -> (Option<Mistake>, Vec<String>) {
    match Certificate::from_pem(chain, key) {
        Ok(certificate) => (None, certificate.warnings().to_vec()),
        Err(BadCertificate { file, problem, hint }) => {
            let file = match file {
                PemFile::Chain => "chain",
                PemFile::Key => "key",
            };
            (Some((file, problem, hint)), Vec::new())
        }
    }
}

/// Adds the classes and functions to the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<DataPlane>()?;
    module.add_function(wrap_pyfunction!(check_certificate, module)?)
}

/// A note as a pair: its kind, and what it says.
fn converted(py: Python<'_>, note: Note) -> PyResult<Py<PyAny>> {
    let pair = match note {
        Note::Effects { thread, deployment, mut effects } => {
            name_thread(thread, &mut effects);
            let effects = effects::convert_ticked(py, *effects)?;
            ("effects", (deployment, effects)).into_pyobject(py)?
        }
        Note::Warning(line) => ("warning", line).into_pyobject(py)?,
        Note::Fault { about, line } => ("fault", (about, line)).into_pyobject(py)?,
        Note::Denied { deployment, policy, upstream, reason } => {
            ("denied", (deployment, &*policy, upstream, reason)).into_pyobject(py)?
        }
        Note::Access { client, access } => {
            let Access { method, target, version, status, frames } = access;
            let said = (client, method, target, version, status, frames);
            ("access", said).into_pyobject(py)?
        }
        Note::Dropped(count) => ("dropped", count).into_pyobject(py)?,
        Note::Released(deployment) => ("released", deployment).into_pyobject(py)?,
        Note::Ended => ("ended", py.None()).into_pyobject(py)?,
    };
    Ok(pair.into_any().unbind())
}
