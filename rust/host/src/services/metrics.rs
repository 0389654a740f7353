//! Counters, gauges and histograms that policies define (proxy-wasm/spec, "Metrics").

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::services::namespaces::Namespace;
use crate::types::ids::{IdMap, IdSet};

/// Metrics of removed policies that are kept: a counter continues when its policy is added again.
const LEFT: usize = 1024;
/// Bytes of the longest name.
pub(crate) const NAME: usize = 1024;

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

/// One metric with its current value.
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
    metrics: IdMap<u32, Metric>,
    last_id: u32,
    /// What each space defined, alone or as others did.
    defined: HashMap<Namespace, IdSet<u32>>,
    /// Metrics without a plugin, the one that lost its plugin first at the front.
    left: VecDeque<u32>,
}

struct Metric {
    value: MetricValue,
    /// How many spaces defined it.
    spaces: usize,
}

/// Why a metric did not take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetricError {
    NotFound,
    BadArgument,
}

impl Metrics {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or opens a metric; `None` past the bound of `space` or when the name has another kind.
    pub(crate) fn define(&self, kind: MetricKind, name: String, space: &Namespace) -> Option<u32> {
        let table = &mut *self.lock();
        let known = table.ids.get(&name).copied();
        if name.len() > NAME || known.is_some_and(|id| table.has_other_kind(id, kind)) {
            return None;
        }
        let mine = table.defined.entry(space.clone()).or_default();
        if let Some(id) = known
            && mine.contains(&id)
        {
            return Some(id);
        }
        if mine.len() >= space.quota().metrics {
            return None;
        }
        let id = known.or_else(|| table.last_id.checked_add(1))?;
        mine.insert(id);
        table.last_id = table.last_id.max(id);
        let metric = table.metrics.entry(id).or_insert_with(|| {
            table.ids.insert(name.clone(), id);
            Metric { value: MetricValue { name, kind, value: 0, records: 0 }, spaces: 0 }
        });
        metric.spaces += 1;
        if known.is_some() && metric.spaces == 1 {
            table.left.retain(|left| *left != id);
        }
        Some(id)
    }

    /// A namespace has ended. Metrics that no other one defined are kept for some time.
    pub(crate) fn leave(&self, space: &Namespace) {
        let table = &mut *self.lock();
        for id in table.defined.remove(space).unwrap_or_default() {
            let Some(metric) = table.metrics.get_mut(&id) else { continue };
            metric.spaces -= 1;
            if metric.spaces == 0 {
                table.left.push_back(id);
            }
        }
        while table.left.len() > LEFT {
            let oldest = table.left.pop_front().and_then(|id| table.metrics.remove(&id));
            oldest.and_then(|metric| table.ids.remove(&metric.value.name));
        }
    }

    /// Sets a gauge or a counter, adds to a histogram.
    pub(crate) fn record(&self, id: u32, value: i64) -> Result<(), MetricError> {
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
    pub(crate) fn increment(&self, id: u32, delta: i64) -> Result<(), MetricError> {
        let mut table = self.lock();
        let metric = table.metric(id)?;
        match metric.kind {
            MetricKind::Counter if delta < 0 => return Err(MetricError::BadArgument),
            MetricKind::Histogram => return Err(MetricError::BadArgument),
            MetricKind::Counter | MetricKind::Gauge => {}
        }
        metric.value = metric.value.saturating_add(delta);
        metric.records += 1;
        Ok(())
    }

    /// The value of a gauge or a counter.
    pub(crate) fn get(&self, id: u32) -> Result<i64, MetricError> {
        let mut table = self.lock();
        let metric = table.metric(id)?;
        match metric.kind {
            MetricKind::Histogram => Err(MetricError::BadArgument),
            MetricKind::Counter | MetricKind::Gauge => Ok(metric.value),
        }
    }

    /// All metrics with their current values, in the order of their creation.
    pub(crate) fn snapshot(&self) -> Vec<MetricValue> {
        let table = self.lock();
        let mut metrics: Vec<_> = table.metrics.iter().collect();
        metrics.sort_unstable_by_key(|(id, _)| **id);
        metrics.into_iter().map(|(_, metric)| metric.value.clone()).collect()
    }
}

impl Table {
    fn metric(&mut self, id: u32) -> Result<&mut MetricValue, MetricError> {
        self.metrics.get_mut(&id).map(|metric| &mut metric.value).ok_or(MetricError::NotFound)
    }

    fn has_other_kind(&self, id: u32, kind: MetricKind) -> bool {
        self.metrics.get(&id).is_some_and(|metric| metric.value.kind != kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a() -> Namespace {
        Namespace::Named("a".into())
    }

    #[test]
    fn a_counter_goes_up_only() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Counter, "hits".into(), &a()).unwrap();
        metrics.increment(id, 2).unwrap();
        assert_eq!(metrics.increment(id, -1), Err(MetricError::BadArgument));
        assert_eq!(metrics.get(id), Ok(2));
    }

    #[test]
    fn a_histogram_sums_and_cannot_be_read() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Histogram, "size".into(), &a()).unwrap();
        metrics.record(id, 5).unwrap();
        metrics.record(id, 6).unwrap();
        assert_eq!(metrics.get(id), Err(MetricError::BadArgument));
        assert_eq!((metrics.snapshot()[0].value, metrics.snapshot()[0].records), (11, 2));
    }

    #[test]
    fn a_name_has_one_kind() {
        let metrics = Metrics::default();
        let id = metrics.define(MetricKind::Gauge, "g".into(), &a());
        assert_eq!(metrics.define(MetricKind::Gauge, "g".into(), &a()), id);
        assert_eq!(metrics.define(MetricKind::Counter, "g".into(), &a()), None);
        assert_eq!(metrics.get(99), Err(MetricError::NotFound));
    }

    #[test]
    fn the_metrics_of_one_space_are_bounded_and_others_have_theirs() {
        let metrics = Metrics::default();
        for space in [a(), Namespace::Tenant(1), Namespace::Tenant(2), Namespace::Named("b".into())]
        {
            let name = |number: usize| format!("{space:?} {number}");
            let define = |number| metrics.define(MetricKind::Gauge, name(number), &space).is_some();
            let defined = (0..5000).take_while(|number| define(*number)).count();
            assert_eq!(defined, space.quota().metrics);
            assert!(define(0));
        }
    }

    #[test]
    fn what_others_defined_as_well_counts_for_each() {
        let metrics = Metrics::default();
        let tenants = [Namespace::Tenant(1), Namespace::Tenant(2)];
        let define = |tenant| metrics.define(MetricKind::Counter, "hits".into(), tenant).unwrap();
        let ids = tenants.each_ref().map(define);
        metrics.increment(ids[0], 1).unwrap();
        metrics.leave(&tenants[0]);
        assert_eq!((ids[0] == ids[1], metrics.get(ids[1])), (true, Ok(1)));
        assert_eq!(metrics.lock().defined.len(), 1);
    }

    #[test]
    fn a_metric_of_nobody_is_kept_until_there_are_too_many() {
        let metrics = Metrics::default();
        let first = metrics.define(MetricKind::Counter, "first".into(), &a()).unwrap();
        metrics.increment(first, 3).unwrap();
        metrics.leave(&a());
        assert_eq!(metrics.define(MetricKind::Counter, "first".into(), &a()), Some(first));
        metrics.leave(&a());
        for number in 0..LEFT {
            let name = number.to_string();
            metrics.define(MetricKind::Gauge, name, &Namespace::Tenant(number as u64)).unwrap();
            metrics.leave(&Namespace::Tenant(number as u64));
        }
        assert_eq!(metrics.get(first), Err(MetricError::NotFound));
        let table = metrics.lock();
        assert_eq!([table.metrics.len(), table.ids.len(), table.left.len()], [LEFT; 3]);
    }
}
