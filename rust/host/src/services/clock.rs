//! The clock of a host's policies: the system's, or one that stands still until the layer above moves
//! it, so that a test or a replay sees the same time in each run.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::services::thread_time;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
/// Monotonic time at the start, in nanoseconds. Not 0: Go's runtime takes that for a clock that is
/// broken, and does not start ("nanotime returning zero", `runtime/proc.go`).
const MONOTONIC_START: u64 = 1_000_000_000;
/// Nanoseconds that a callback that does nothing takes.
const SHORTEST: u64 = 1_000;

/// The clock of policies, for callbacks, ticks, back-off and the times of a stream.
#[derive(Debug, Default)]
pub struct Clock {
    stopped: Option<Stopped>,
}

#[derive(Debug)]
struct Stopped {
    /// Nanoseconds since 1970 at the start, modulo 2^64: a time that is set may be earlier than what passed.
    unix: AtomicU64,
    began: Instant,
    /// Nanoseconds since the start.
    passed: AtomicU64,
}

impl Clock {
    /// A clock that stands at `unix` nanoseconds since 1970 until it is moved.
    #[must_use]
    pub fn stopped_at(unix: u64) -> Self {
        let (unix, passed) = (AtomicU64::new(unix), AtomicU64::new(0));
        let stopped = Stopped { unix, began: Instant::now(), passed };
        Self { stopped: Some(stopped) }
    }

    /// Whether it is the system's clock.
    pub(crate) fn runs(&self) -> bool {
        self.stopped.is_none()
    }

    /// Moves a stopped clock; false for the system's clock.
    pub(crate) fn advance(&self, by: Duration) -> bool {
        let Some(stopped) = &self.stopped else { return false };
        stopped.passed.fetch_add(nanoseconds(by), Ordering::Relaxed);
        true
    }

    /// Sets the time of day of a stopped clock, as an administrator or NTP sets a system's: the monotonic time and
    /// deadlines stay. False for the system's.
    pub(crate) fn set(&self, unix: u64) -> bool {
        let Some(stopped) = &self.stopped else { return false };
        let start = unix.wrapping_sub(nanoseconds(stopped.passed()));
        stopped.unix.store(start, Ordering::Relaxed);
        true
    }

    /// Now, as deadlines are kept.
    pub(crate) fn now(&self) -> Instant {
        match &self.stopped {
            None => Instant::now(),
            Some(stopped) => stopped.began + stopped.passed(),
        }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn unix(&self) -> u64 {
        match &self.stopped {
            None => nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            Some(stopped) => {
                let start = stopped.unix.load(Ordering::Relaxed);
                start.wrapping_add(nanoseconds(stopped.passed()))
            }
        }
    }

    /// Nanoseconds since some moment before the first policy ran.
    pub(crate) fn monotonic(&self) -> u64 {
        let passed = match &self.stopped {
            None => BEGAN.elapsed(),
            Some(stopped) => stopped.passed(),
        };
        MONOTONIC_START.saturating_add(nanoseconds(passed))
    }

    /// The start of a measurement; none with a stopped clock.
    pub(crate) fn stopwatch(&self) -> Option<Duration> {
        self.stopped.is_none().then(thread_time::computed)
    }

    /// How long this thread computed since. Where the clock stands still a unit of fuel is a
    /// nanosecond, so that a test or a replay measures the same each time.
    pub(crate) fn took(began: Option<Duration>, fuel: u64) -> Duration {
        let by_fuel = || Duration::from_nanos(fuel.max(SHORTEST));
        began.map_or_else(by_fuel, |began| thread_time::computed().saturating_sub(began))
    }

    /// Nanoseconds since 1970 at a moment that [`Clock::now`] told.
    pub(crate) fn unix_at(&self, moment: Instant) -> u64 {
        self.unix().saturating_sub(nanoseconds(self.now().saturating_duration_since(moment)))
    }
}

impl Stopped {
    fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::Relaxed))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_tells_the_same_time_until_it_is_moved() {
        let clock = Clock::stopped_at(7);
        let before = clock.now();
        let start = MONOTONIC_START;
        assert_eq!((7, start, before), (clock.unix(), clock.monotonic(), clock.now()));
        assert!(clock.advance(Duration::from_nanos(5)));
        assert_eq!((12, start + 5, 7), (clock.unix(), clock.monotonic(), clock.unix_at(before)));
    }

    #[test]
    fn a_time_that_is_set_leaves_monotonic_time_as_it_is() {
        let clock = Clock::stopped_at(7000);
        assert!(clock.advance(Duration::from_nanos(50)));
        let (moment, monotonic) = (clock.now(), clock.monotonic());
        for unix in [9000, 20] {
            assert!(clock.set(unix));
            assert_eq!((clock.unix(), clock.now(), clock.monotonic()), (unix, moment, monotonic));
        }
        assert!(clock.advance(Duration::from_nanos(5)));
        assert_eq!((clock.unix(), clock.monotonic()), (25, monotonic + 5));
    }

    #[test]
    fn monotonic_time_is_never_0() {
        assert!([Clock::default(), Clock::stopped_at(0)].iter().all(|clock| clock.monotonic() > 0));
    }

    #[test]
    fn the_clock_of_the_system_is_neither_moved_nor_set() {
        let clock = Clock::default();
        assert_eq!((clock.advance(Duration::from_secs(1)), clock.set(0)), (false, false));
    }
}
