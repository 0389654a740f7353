//! Statistics of callbacks: the fuel of each call, the time of one call in sixteen.
//!
//! An instance has counters of its own, and adds them to those of its policy with every 256th call
//! of a callback, at its end, and when the statistics are read on its thread: so counting costs the
//! request path a few additions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// One call in this number is timed.
const SAMPLE: u64 = 16;
/// After this number of calls the instance adds its counters to those of the policy.
const BATCH: u64 = 256;
/// The number of buckets; the last one has no upper bound.
const BUCKETS: usize = 11;
const FUEL: u64 = 256;
const NANOSECONDS: u64 = 1024;

/// A histogram; each bucket is four times as wide as the one before.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Values in all.
    pub count: u64,
    /// Their sum.
    pub sum: u64,
    buckets: [u64; BUCKETS],
}

impl Histogram {
    #[inline]
    fn add(&mut self, value: u64, first: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        // Both first bounds are powers of two: no division.
        let above = (value.saturating_sub(1) / first).checked_ilog2().map_or(0, |log| log / 2 + 1);
        self.buckets[(above as usize).min(BUCKETS - 1)] += 1;
    }

    fn absorb(&mut self, other: &Self) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        self.buckets.iter_mut().zip(other.buckets).for_each(|(own, more)| *own += more);
    }

    /// Upper bounds, and how many values are not above them, as Prometheus counts; beyond the last
    /// one are those of [`Histogram::count`].
    fn cumulative(&self, first: u64) -> Vec<(u64, u64)> {
        let mut below = 0;
        let bounded = self.buckets[..BUCKETS - 1].iter().enumerate();
        bounded
            .map(|(place, values)| {
                below += values;
                (first << (2 * place), below)
            })
            .collect()
    }
}

/// The resources that one callback of one policy used.
#[derive(Clone, Debug, Default)]
pub struct CallbackStatistics {
    /// The policy's name.
    pub policy: String,
    /// The callback's.
    pub callback: String,
    /// Units of fuel, of each call.
    pub fuel: Histogram,
    /// Nanoseconds, of one call in sixteen.
    pub time: Histogram,
}

impl CallbackStatistics {
    /// Upper bounds in units of fuel, each with the number of calls below or at it.
    #[must_use]
    pub fn fuel_buckets(&self) -> Vec<(u64, u64)> {
        self.fuel.cumulative(FUEL)
    }

    /// Upper bounds in nanoseconds, each with the number of calls below or at it.
    #[must_use]
    pub fn time_buckets(&self) -> Vec<(u64, u64)> {
        self.time.cumulative(NANOSECONDS)
    }
}

/// The resources that one policy used, and its failures.
#[derive(Clone, Debug, Default)]
pub struct PolicyStatistics {
    /// The policy's name.
    pub policy: String,
    /// The largest memory that one of its instances had, in bytes.
    pub memory: u64,
    /// How often it crashed by its own fault.
    pub traps: u64,
    /// How often it used up its fuel.
    pub out_of_fuel: u64,
    /// How often it needed more memory than its limit.
    pub out_of_memory: u64,
    /// The callouts that it made; messages of an open gRPC stream do not count.
    pub callouts: u64,
    /// How often work in the background was deferred.
    pub put_off: u64,
}

/// How a callback failed.
#[derive(Clone, Copy)]
pub(crate) enum Failure {
    Trap,
    Fuel,
    Memory,
}

/// The statistics of one policy.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    totals: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    callbacks: BTreeMap<&'static str, Usage>,
    policy: PolicyStatistics,
}

#[derive(Clone, Debug, Default)]
struct Usage {
    fuel: Histogram,
    time: Histogram,
}

impl Statistics {
    fn with<R>(&self, work: impl FnOnce(&mut Totals) -> R) -> R {
        work(&mut self.totals.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.with(|totals| match failure {
            Failure::Trap => totals.policy.traps += 1,
            Failure::Fuel => totals.policy.out_of_fuel += 1,
            Failure::Memory => totals.policy.out_of_memory += 1,
        });
    }

    pub(crate) fn called_out(&self) {
        self.with(|totals| totals.policy.callouts += 1);
    }

    pub(crate) fn put_off(&self, callbacks: usize) {
        self.with(|totals| totals.policy.put_off += callbacks as u64);
    }

    pub(crate) fn callbacks(&self, policy: &str) -> Vec<CallbackStatistics> {
        let of = |(callback, usage): (&&'static str, &Usage)| CallbackStatistics {
            policy: policy.to_owned(),
            callback: (*callback).to_owned(),
            fuel: usage.fuel.clone(),
            time: usage.time.clone(),
        };
        self.with(|totals| totals.callbacks.iter().map(of).collect())
    }

    pub(crate) fn policy(&self, policy: &str) -> PolicyStatistics {
        let policy = policy.to_owned();
        self.with(|totals| PolicyStatistics { policy, ..totals.policy.clone() })
    }
}

/// The counts of one instance that are not added to its policy's yet.
pub(crate) struct Tally {
    rows: Vec<Row>,
    /// The row of the callback before.
    last: usize,
    memory: u64,
    shared: Arc<Statistics>,
}

struct Row {
    callback: &'static str,
    calls: u64,
    /// The row of the callback that followed the last time: most streams run the same callbacks.
    next: usize,
    usage: Usage,
}

/// A callback that runs.
pub(crate) struct Running {
    row: usize,
    began: Option<Instant>,
}

impl Tally {
    pub(crate) fn new(shared: Arc<Statistics>) -> Self {
        Self { rows: Vec::new(), last: 0, memory: 0, shared }
    }

    #[inline]
    pub(crate) fn begin(&mut self, callback: &'static str) -> Running {
        let likely = self.rows.get(self.last).map_or(0, |row| row.next);
        let row = match self.rows.get(likely) {
            Some(known) if std::ptr::eq(known.callback, callback) => likely,
            _ => self.find(callback),
        };
        self.last = row;
        let timed = self.rows[row].calls.is_multiple_of(SAMPLE);
        self.rows[row].calls += 1;
        Running { row, began: if timed { Some(Instant::now()) } else { None } }
    }

    #[cold]
    fn find(&mut self, callback: &'static str) -> usize {
        let found = self.rows.iter().position(|row| row.callback == callback);
        let row = found.unwrap_or_else(|| {
            self.rows.push(Row { callback, calls: 0, next: 0, usage: Usage::default() });
            self.rows.len() - 1
        });
        if let Some(last) = self.rows.get_mut(self.last) {
            last.next = row;
        }
        row
    }

    /// `memory` tells the size of the guest's memory; it is asked when the instance hands over.
    #[inline]
    pub(crate) fn end(&mut self, running: &Running, fuel: u64, memory: impl FnOnce() -> u64) {
        let row = &mut self.rows[running.row];
        row.usage.fuel.add(fuel, FUEL);
        if let Some(began) = running.began {
            row.usage.time.add(nanoseconds(began), NANOSECONDS);
        }
        if row.usage.fuel.count >= BATCH {
            self.hand_over(memory());
        }
    }

    pub(crate) fn shared(&self) -> &Statistics {
        &self.shared
    }

    /// Memory never shrinks, so what it is now is the most that it was.
    pub(crate) fn hand_over(&mut self, memory: u64) {
        self.memory = self.memory.max(memory);
        let (rows, memory) = (&mut self.rows, self.memory);
        self.shared.with(|totals| {
            totals.policy.memory = totals.policy.memory.max(memory);
            for row in rows.iter_mut().filter(|row| row.usage.fuel.count > 0) {
                let usage = std::mem::take(&mut row.usage);
                let total = totals.callbacks.entry(row.callback).or_default();
                total.fuel.absorb(&usage.fuel);
                total.time.absorb(&usage.time);
            }
        });
    }
}

#[cold]
fn nanoseconds(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.hand_over(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_its_bound() {
        let mut fuel = Histogram::default();
        for value in [0, 1, 256, 257, 1024, 1025, u64::MAX] {
            fuel.add(value, FUEL);
        }
        let buckets = fuel.cumulative(FUEL);
        assert_eq!(&buckets[..3], [(256, 3), (1024, 5), (4096, 6)]);
        assert_eq!((buckets.len(), buckets.last()), (10, Some(&(67_108_864, 6))));
        assert_eq!(fuel.count, 7);
    }

    #[test]
    fn an_instance_hands_over_what_it_counted() {
        let shared = Arc::new(Statistics::default());
        let mut tally = Tally::new(Arc::clone(&shared));
        for _ in 0..20 {
            let running = tally.begin("proxy_on_log");
            tally.end(&running, 100, || 0);
        }
        tally.hand_over(65_536);
        let told = shared.callbacks("a").remove(0);
        assert_eq!((told.fuel.count, told.fuel.sum, told.time.count), (20, 2000, 2));
        assert_eq!(shared.policy("a").memory, 65_536);
    }
}
