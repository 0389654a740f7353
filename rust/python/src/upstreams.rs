//! `Upstreams`: an event loop's connections to endpoints, driven by the loop.

use std::os::fd::RawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use wasmgate_dataplane::{self as dataplane, GroupRef, Progress, Received, Request, State};
use wasmgate_gateway::{BodyFraming, FAILURES, Failure};
use wasmgate_host::HeaderMap;

use crate::fields;
use crate::times::{Bounds, seconds, upstream_limits};

/// The lock is never held while Python runs: the collection of one object may drop another.
type Shared = Arc<Owned>;

struct Owned {
    upstreams: Mutex<dataplane::Upstreams>,
    /// A child of fork(2) shares the epoll with this process: what it gave up would be given up here.
    process: u32,
}

fn lock(shared: &Shared) -> MutexGuard<'_, dataplane::Upstreams> {
    shared.upstreams.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives something up, unless it was inherited by fork(2).
fn give_up(shared: &Shared, work: impl FnOnce(&mut dataplane::Upstreams)) {
    if shared.process == std::process::id() {
        work(&mut lock(shared));
    }
}

/// The connections to endpoints of one event loop.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Upstreams(Shared);

#[pymethods]
impl Upstreams {
    #[new]
    fn new() -> PyResult<Self> {
        let upstreams = Mutex::new(dataplane::Upstreams::new()?);
        Ok(Self(Arc::new(Owned { upstreams, process: std::process::id() })))
    }

    /// The descriptor that is readable when a turn is due.
    fn fileno(&self) -> RawFd {
        lock(&self.0).descriptor()
    }

    /// Takes in what happened: the ids of the transactions with which something did, and the seconds
    /// until a turn is due in any case, if that is news. `timer`: these seconds are over.
    fn turn(&self, timer: bool) -> PyResult<(Vec<u64>, Option<f64>)> {
        let dataplane::Turn { changed, wait } = lock(&self.0).turn(timer)?;
        let changed = changed.into_iter().map(dataplane::TransactionRef::id).collect();
        Ok((changed, wait.as_ref().map(Duration::as_secs_f64)))
    }

    /// Pools with these bounds; `checked`: addresses that hosts resolve to are checked.
    fn group(&self, limits: Bounds, checked: bool) -> PyResult<UpstreamGroup> {
        let group = lock(&self.0).add_group(upstream_limits(limits)?, checked);
        Ok(UpstreamGroup { upstreams: Arc::clone(&self.0), group })
    }
}

/// Pools of connections with one set of bounds.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct UpstreamGroup {
    upstreams: Shared,
    group: GroupRef,
}

#[pymethods]
impl UpstreamGroup {
    /// Begins a transaction. `length`: bytes of the body; none: it is chunked.
    #[allow(clippy::too_many_arguments, reason = "Python names them")]
    #[pyo3(signature = (endpoint, method, head, length, body, *, end, within = None))]
    fn begin(
        &self,
        endpoint: &str,
        method: &str,
        head: &[u8],
        length: Option<u64>,
        body: &[u8],
        end: bool,
        within: Option<f64>,
    ) -> PyResult<Transaction> {
        let framing = match length {
            Some(0) => BodyFraming::Empty,
            Some(length) => BodyFraming::Length(length),
            None => BodyFraming::Chunked,
        };
        let within = within.map(seconds).transpose()?;
        let method = method.as_bytes();
        let request = Request { endpoint, method, head, framing, body, end, within };
        let transaction = lock(&self.upstreams).begin(self.group, request);
        Ok(Transaction { upstreams: Arc::clone(&self.upstreams), transaction })
    }

    /// Closes idle connections, and the others when their transactions end.
    fn close(&self) {
        lock(&self.upstreams).close_group(self.group);
    }

    /// The pools: URL, open and idle connections, requests that wait.
    fn report(&self) -> Vec<(String, usize, usize, usize)> {
        let pools = lock(&self.upstreams).report(self.group);
        pools.into_iter().map(|its| (its.url, its.open, its.idle, its.waiting)).collect()
    }
}

impl Drop for UpstreamGroup {
    fn drop(&mut self) {
        give_up(&self.upstreams, |upstreams| upstreams.drop_group(self.group));
    }
}

/// One request and its response.
#[pyclass(frozen, module = "wasmgate._native")]
pub(crate) struct Transaction {
    upstreams: Shared,
    transaction: dataplane::TransactionRef,
}

type Taken<'py> = (u16, Bound<'py, PyList>, Bound<'py, PyBytes>, bool);

impl Transaction {
    fn received<T: Default>(&self, take: impl FnOnce(&mut Received) -> T) -> T {
        lock(&self.upstreams).received(self.transaction, take).unwrap_or_default()
    }
}

#[pymethods]
impl Transaction {
    #[getter]
    fn id(&self) -> u64 {
        self.transaction.id()
    }

    /// Sends more of the request's body; `end`: nothing follows. False if it is not as long as its head
    /// says.
    fn write(&self, chunk: &[u8], end: bool) -> bool {
        lock(&self.upstreams).write(self.transaction, chunk, end)
    }

    /// Whether the upstream wants the rest of the request's body.
    #[getter]
    fn accepting(&self) -> bool {
        lock(&self.upstreams).accepts(self.transaction)
    }

    /// Whether so much of the body waits that no more is to come.
    #[getter]
    fn full(&self) -> bool {
        lock(&self.upstreams).is_full(self.transaction)
    }

    /// Whether all of the response has come and its body was taken.
    #[getter]
    fn ended(&self) -> bool {
        lock(&self.upstreams).is_taken(self.transaction)
    }

    /// Why nothing more comes: a kind, words, and whether nothing was sent.
    #[getter]
    fn fault(&self) -> Option<(&'static str, String, bool)> {
        match lock(&self.upstreams).progress(self.transaction)? {
            Progress::Failed(fault) => {
                let kind = if fault.denied { "denied" } else { named(fault.failure) };
                Some((kind, fault.reason, fault.unsent))
            }
            Progress::UnderWay | Progress::Ended => None,
        }
    }

    /// What is next to be taken of the response: 0 for nothing, 1 for hints, 2 for its head; 3 when
    /// nothing more comes.
    #[getter]
    fn state(&self) -> u8 {
        match lock(&self.upstreams).state(self.transaction) {
            State::Nothing => 0,
            State::Hints => 1,
            State::Head => 2,
            State::Failed => 3,
        }
    }

    /// Status and fields of the response, what has come of its body, and whether that is all of it.
    fn take_head<'py>(&self, py: Python<'py>) -> PyResult<Option<Taken<'py>>> {
        let mut upstreams = lock(&self.upstreams);
        let head = upstreams.received(self.transaction, |its| its.head.take()).flatten();
        let body = upstreams.take_body(self.transaction);
        let ended = upstreams.is_taken(self.transaction);
        drop(upstreams);
        let Some(map) = head else { return Ok(None) };
        Ok(Some((status(&map), fields::write(py, &map)?, PyBytes::new(py, &body), ended)))
    }

    /// The values of `link` of 103 that have come.
    fn take_hints<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let hints = self.received(|its| std::mem::take(&mut its.hints));
        hints.iter().map(|value| PyBytes::new(py, value)).collect()
    }

    /// What has come of the body.
    fn take_body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let body = lock(&self.upstreams).take_body(self.transaction);
        PyBytes::new(py, &body)
    }

    /// The fields behind the body.
    #[getter]
    fn trailers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        fields::write_all(py, &self.received(|its| its.trailers.clone()))
    }

    /// Gives up what has not ended.
    fn close(&self) {
        lock(&self.upstreams).give_up(self.transaction);
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        give_up(&self.upstreams, |upstreams| upstreams.forget(self.transaction));
    }
}

fn status(map: &HeaderMap) -> u16 {
    let digits = map.get(b":status").unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn named(failure: Failure) -> &'static str {
    let found = FAILURES.iter().find(|(_, other)| *other == failure);
    found.map_or("protocol", |(name, _)| name)
}
