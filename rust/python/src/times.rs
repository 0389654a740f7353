//! Seconds in Python, and the bounds that have them.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use wasmgate_dataplane::UpstreamLimits;

/// A time may not be so long that a deadline cannot be counted.
const LONGEST: f64 = 365.0 * 86_400.0;

pub(crate) fn seconds(seconds: f64) -> PyResult<Duration> {
    let seconds = seconds.min(LONGEST);
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Connections, requests that wait for one, and the seconds to connect, between two signs of life, and
/// of idleness.
pub(crate) type Bounds = (usize, usize, f64, f64, f64);

pub(crate) fn upstream_limits(
    (connections, waiting, connect, read, idle): Bounds,
) -> PyResult<UpstreamLimits> {
    let (connect, read, idle) = (seconds(connect)?, seconds(read)?, seconds(idle)?);
    Ok(UpstreamLimits { connections, waiting, connect, read, idle })
}
