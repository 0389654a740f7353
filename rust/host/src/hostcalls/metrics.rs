//! Metrics.
//!
//! A metric that the policy's capabilities do not allow gets an id that records nothing: the Rust SDK
//! panics on any status but OK. An instance can only use the ids of metrics that it defined, so none can be
//! guessed.

use crate::abi::enums::Status;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::services::metrics::{MetricError, MetricKind, Metrics, NAME};
use crate::types::capability::Capability;
use crate::types::log_level::LogLevel;

/// Fuel for a byte of a name, which is decoded, compared and hashed.
const NAME_UNITS: u64 = 4;
/// The id of a metric that is not recorded.
const NOWHERE: u32 = u32::MAX;

/// `proxy_define_metric`.
pub(super) fn define(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_size: u32,
    metric_at: u32,
) -> Answer {
    let kind = MetricKind::from_number(kind).ok_or(Status::BadArgument)?;
    // One byte above the maximum is enough to refuse the name.
    let name = guest.read_some(name, name_size, NAME + 1)?;
    guest.charge(name.len() as u64 * NAME_UNITS)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    if !guest.env.core.spec.capabilities.allows_metric(&name) {
        guest.env.denied(Capability::Metrics, &name);
        return guest.write_u32(metric_at, NOWHERE);
    }
    let core = &guest.env.core;
    let Some(metric) = core.services.metrics().define(kind, name, &core.vm.space) else {
        let text = "could not define a metric: its name has another kind or is too long, or it \
                    has too many";
        guest.env.log(LogLevel::Error, text.into());
        return Err(Status::BadArgument.into());
    };
    guest.env.metrics.insert(metric);
    guest.write_u32(metric_at, metric)
}

/// `proxy_record_metric`. The value's 64 bits are reinterpreted: no real value is above 2^63.
pub(super) fn record(guest: &mut Guest<'_>, metric: u32, value: i64) -> Answer {
    on(guest, metric, |table| table.record(metric, value))
}

/// `proxy_increment_metric`.
pub(super) fn increment(guest: &mut Guest<'_>, metric: u32, delta: i64) -> Answer {
    on(guest, metric, |table| table.increment(metric, delta))
}

/// `proxy_get_metric`.
pub(super) fn get(guest: &mut Guest<'_>, metric: u32, value_at: u32) -> Answer {
    let value = on(guest, metric, |table| table.get(metric))?;
    guest.write(value_at, &value.to_le_bytes())
}

fn on<R: Default>(
    guest: &Guest<'_>,
    metric: u32,
    work: impl FnOnce(&Metrics) -> Result<R, MetricError>,
) -> Result<R, Fault> {
    if metric == NOWHERE {
        return Ok(R::default());
    }
    if !guest.env.metrics.contains(&metric) {
        return Err(Status::NotFound.into());
    }
    work(guest.env.core.services.metrics()).map_err(|refusal| match refusal {
        MetricError::NotFound => Status::NotFound.into(),
        MetricError::BadArgument => Status::BadArgument.into(),
    })
}
