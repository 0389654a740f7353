//! When an instance may be made again, and how many lines its crashes may log.

use std::time::{Duration, Instant};

use crate::services::time_budget::{TimeBudget, WHOLE};

/// The share of a thread's time for instances that take the place of crashed ones,
const SHARE: u32 = WHOLE / 10;
/// and the most that can be saved up of it.
const SAVED: Duration = Duration::from_secs(1);
/// The least time that a start is charged.
const SHORTEST: Duration = Duration::from_micros(100);
/// The first back-off of a module that does not start; it doubles with each further try.
const BACK_OFF: Duration = Duration::from_millis(100);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);
/// Lines that are written in [`QUIET`].
const LINES: u32 = 5;
const QUIET: Duration = Duration::from_mins(1);

/// Of one VM on one thread.
#[derive(Default)]
pub(crate) struct Health {
    started: bool,
    /// In a row.
    failed_starts: u32,
    retry_at: Option<Instant>,
    replacements: Option<TimeBudget>,
    /// Lines about crashes,
    pub(crate) crashes: Lines,
    /// and about streams that find no instance.
    pub(crate) refusals: Lines,
}

/// Lines about one matter, of which only a few are written.
#[derive(Default)]
pub(crate) struct Lines {
    since: Option<Instant>,
    written: u32,
    unsaid: u32,
}

impl Health {
    /// How long no instance may be made.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let held = self.retry_at.map(|at| at.saturating_duration_since(now));
        let held = held.filter(|wait| !wait.is_zero());
        held.max(self.replacements.as_mut().and_then(|budget| budget.wait(now)))
    }

    /// An instance was made. The first one is free; what takes its place is not.
    pub(crate) fn started(&mut self, now: Instant, took: Duration) {
        if self.started {
            self.spend(now, took);
        }
        (self.started, self.failed_starts, self.retry_at) = (true, 0, None);
    }

    /// An instance could not be made: the next one may not be for a while, and longer each time.
    pub(crate) fn failed(&mut self, now: Instant, took: Duration) {
        self.spend(now, took);
        let wait = BACK_OFF.saturating_mul(1 << self.failed_starts.min(16));
        self.failed_starts += 1;
        self.retry_at = Some(now + wait.min(LONGEST_BACK_OFF));
    }

    fn spend(&mut self, now: Instant, took: Duration) {
        let made = || TimeBudget::new(SHARE, SAVED, now);
        let budget = self.replacements.get_or_insert_with(made);
        let _ = budget.wait(now);
        budget.spend(took.max(SHORTEST));
    }
}

impl Lines {
    /// The line to write now, if there is one; it says how many were not written before.
    pub(crate) fn next(&mut self, now: Instant, text: impl FnOnce() -> String) -> Option<String> {
        let new = |since| now.saturating_duration_since(since) >= QUIET;
        if self.since.is_none_or(new) {
            (self.since, self.written) = (Some(now), 0);
        }
        if self.written >= LINES {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.written += 1;
        Some(match std::mem::take(&mut self.unsaid) {
            0 => text(),
            unsaid => format!("{} ({unsaid} more such lines were not written)", text()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn replacements_take_a_tenth_of_the_time_at_most() {
        let (began, mut health) = (Instant::now(), Health::default());
        health.started(began, SECOND);
        let mut spent = Duration::ZERO;
        for at in 0..100_000 {
            let now = began + MILLISECOND * at;
            if health.wait(now).is_none() {
                health.started(now, MILLISECOND * 30);
                spent += MILLISECOND * 30;
            }
        }
        assert!(spent <= SECOND * 11 + MILLISECOND * 30 && spent >= SECOND * 9, "{spent:?}");
    }

    #[test]
    fn a_crash_each_second_holds_nothing_back() {
        let (began, mut health) = (Instant::now(), Health::default());
        let at = |second: u32| began + SECOND * second;
        let held = (0..600).filter(|second| {
            health.started(at(*second), MILLISECOND * 50);
            health.wait(at(*second)).is_some()
        });
        assert_eq!(held.count(), 0);
    }

    #[test]
    fn a_module_that_does_not_start_waits_twice_as_long_each_time() {
        let (mut now, mut health) = (Instant::now(), Health::default());
        let waits = [(); 10].map(|()| {
            health.failed(now, MILLISECOND);
            let wait = health.wait(now).unwrap();
            now += wait;
            u64::try_from(wait.as_millis()).unwrap()
        });
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
        health.started(now, MILLISECOND);
        health.failed(now, MILLISECOND);
        assert_eq!(health.wait(now), Some(BACK_OFF));
    }

    #[test]
    fn lines_are_few_and_say_how_many_are_missing() {
        let (began, mut lines) = (Instant::now(), Lines::default());
        let said = |second| lines.next(began + SECOND * second, || "it crashed".into());
        let said: Vec<_> = (0..130).filter_map(said).collect();
        assert_eq!((said.len(), said[4].as_str()), (15, "it crashed"));
        assert_eq!(said[5], "it crashed (55 more such lines were not written)");
        assert_eq!(said[5], said[10]);
    }
}
