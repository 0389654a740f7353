//! Counters, gauges and histograms that policies define (proxy-wasm/spec, "Metrics").

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Metrics of one host; more are refused.
const CAPACITY: usize = 4096;
/// Bytes of the longest name.
const NAME: usize = 1024;

/// `proxy_metric_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

impl MetricKind {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Histogram,
            _ => return None,
        })
    }
}

/// One metric as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricValue {
    /// The name the policy gave.
    pub name: String,
    /// What it counts.
    pub kind: MetricKind,
    /// The value; of a histogram the sum of what was recorded.
    pub value: i64,
    /// How many values a histogram recorded; else how often the metric changed.
    pub records: u64,
}

/// All metrics of a host, by name.
#[derive(Default)]
pub(crate) struct Metrics {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    ids: HashMap<String, u32>,
    metrics: Vec<MetricValue>,
}

/// Why a metric did not take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    BadArgument,
}

impl Metrics {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or opens a metric; `None` past the bound or when the name has another kind.
    pub(crate) fn define(&self, kind: MetricKind, name: String) -> Option<u32> {
        let mut table = self.lock();
        if let Some(id) = table.ids.get(&name).copied() {
            return table.metric(id).is_ok_and(|metric| metric.kind == kind).then_some(id);
        }
        if table.metrics.len() >= CAPACITY || name.len() > NAME {
            return None;
        }
        table.metrics.push(MetricValue { name: name.clone(), kind, value: 0, records: 0 });
        let id = u32::try_from(table.metrics.len()).ok()?;
        table.ids.insert(name, id);
        Some(id)
    }

    /// Sets a gauge or a counter, adds to a histogram.
    pub(crate) fn record(&self, id: u32, value: i64) -> Result<(), Refusal> {
        let mut table = self.lock();
        let metric = table.metric(id)?;
        metric.records += 1;
        metric.value = match metric.kind {
            MetricKind::Histogram => metric.value.saturating_add(value),
            MetricKind::Counter | MetricKind::Gauge => value,
        };
        Ok(())
    }

    /// Moves a gauge or a counter; a counter never goes down.
    pub(crate) fn increment(&self, id: u32, delta: i64) -> Result<(), Refusal> {
        let mut table = self.lock();
        let metric = table.metric(id)?;
        match metric.kind {
            MetricKind::Counter if delta < 0 => return Err(Refusal::BadArgument),
            MetricKind::Histogram => return Err(Refusal::BadArgument),
            MetricKind::Counter | MetricKind::Gauge => {}
        }
        metric.value = metric.value.saturating_add(delta);
        metric.records += 1;
        Ok(())
    }

    /// The value of a gauge or a counter.
    pub(crate) fn get(&self, id: u32) -> Result<i64, Refusal> {
        let mut table = self.lock();
        let metric = table.metric(id)?;
        match metric.kind {
            MetricKind::Histogram => Err(Refusal::BadArgument),
            MetricKind::Counter | MetricKind::Gauge => Ok(metric.value),
        }
    }

    /// All metrics as they stand.
    pub(crate) fn snapshot(&self) -> Vec<MetricValue> {
        self.lock().metrics.clone()
    }
}

impl Table {
    fn metric(&mut self, id: u32) -> Result<&mut MetricValue, Refusal> {
        let index = (id as usize).checked_sub(1).ok_or(Refusal::NotFound)?;
        self.metrics.get_mut(index).ok_or(Refusal::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_goes_up_only() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Counter, "hits".into()).unwrap();
        metrics.increment(id, 2).unwrap();
        assert_eq!(metrics.increment(id, -1), Err(Refusal::BadArgument));
        assert_eq!(metrics.get(id), Ok(2));
    }

    #[test]
    fn a_histogram_sums_and_cannot_be_read() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Histogram, "size".into()).unwrap();
        metrics.record(id, 5).unwrap();
        metrics.record(id, 6).unwrap();
        assert_eq!(metrics.get(id), Err(Refusal::BadArgument));
        assert_eq!((metrics.snapshot()[0].value, metrics.snapshot()[0].records), (11, 2));
    }

    #[test]
    fn a_name_has_one_kind() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Gauge, "g".into());
        assert_eq!(metrics.define(MetricKind::Gauge, "g".into()), id);
        assert_eq!(metrics.define(MetricKind::Counter, "g".into()), None);
        assert_eq!(metrics.get(99), Err(Refusal::NotFound));
    }

    #[test]
    fn the_number_of_metrics_is_bounded() {
        let metrics = Metrics::default();
        for n in 0..CAPACITY {
            assert!(metrics.define(MetricKind::Gauge, n.to_string()).is_some());
        }
        assert_eq!(metrics.define(MetricKind::Gauge, "one more".into()), None);
    }
}
