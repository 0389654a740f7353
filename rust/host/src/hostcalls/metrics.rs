//! Metrics.

use crate::LogLevel;
use crate::abi::Status;
use crate::guest::{Answer, Fault, Guest};
use crate::metrics::{MetricKind, Refusal};

/// `proxy_define_metric`.
pub(super) fn define(
    guest: &mut Guest<'_>,
    kind: u32,
    name: u32,
    name_size: u32,
    metric_at: u32,
) -> Answer {
    let kind = MetricKind::from_number(kind).ok_or(Status::BadArgument)?;
    let name = guest.read_short(name, name_size)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(metric) = guest.env.core.host.metric_table().define(kind, name) else {
        let text = "could not define a metric: its name has another kind or is too long, or there \
                    are too many";
        guest.env.log(LogLevel::Error, text.into());
        return Err(Status::BadArgument.into());
    };
    guest.write_u32(metric_at, metric)
}

/// `proxy_record_metric`. The value's 64 bits are taken as they are: nothing counts past 2^63.
pub(super) fn record(guest: &mut Guest<'_>, metric: u32, value: i64) -> Answer {
    guest.env.core.host.metric_table().record(metric, value).map_err(status)
}

/// `proxy_increment_metric`.
pub(super) fn increment(guest: &mut Guest<'_>, metric: u32, delta: i64) -> Answer {
    guest.env.core.host.metric_table().increment(metric, delta).map_err(status)
}

/// `proxy_get_metric`.
pub(super) fn get(guest: &mut Guest<'_>, metric: u32, value_at: u32) -> Answer {
    let value = guest.env.core.host.metric_table().get(metric).map_err(status)?;
    guest.write(value_at, &value.to_le_bytes())
}

fn status(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::NotFound => Status::NotFound.into(),
        Refusal::BadArgument => Status::BadArgument.into(),
    }
}
