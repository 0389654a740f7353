//! Time that comes at a rate and is spent after it was measured.

use std::time::{Duration, Instant};

/// Millionths of a core's time.
pub(crate) type Share = u32;
/// All of it.
pub(crate) const WHOLE: Share = 1_000_000;

/// A token bucket in nanoseconds. The time spent is known only afterwards, so the balance may
/// go below zero: then nothing may be spent until it is positive again.
#[derive(Debug)]
pub(crate) struct TimeBudget {
    balance: i128,
    most: i128,
    share: Share,
    at: Instant,
}

impl TimeBudget {
    /// A budget that grows with `share` and never holds more than `most`; it is full.
    pub(crate) fn new(share: Share, most: Duration, now: Instant) -> Self {
        let most = nanoseconds(most);
        Self { balance: most, most, share: share.clamp(1, WHOLE), at: now }
    }

    /// How long nothing may be spent; none: it may be now.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        self.balance = (self.balance + grown(passed, self.share)).min(self.most);
        if self.balance > 0 {
            return None;
        }
        let missing = (1 - self.balance) * i128::from(WHOLE) / i128::from(self.share);
        Some(Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX).saturating_add(1)))
    }

    /// Takes what was used.
    pub(crate) fn spend(&mut self, time: Duration) {
        self.balance -= nanoseconds(time);
    }
}

fn nanoseconds(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX >> 32)
}

fn grown(time: Duration, share: Share) -> i128 {
    nanoseconds(time) * i128::from(share) / i128::from(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_spent_never_exceeds_the_share_and_one_window_and_one_use() {
        let mut now = Instant::now();
        let mut budget = TimeBudget::new(WHOLE / 20, SECOND / 20, now);
        let (mut spent, mut passed) = (Duration::ZERO, Duration::ZERO);
        for turn in 0..10_000_u32 {
            if budget.wait(now).is_none() {
                let used = MILLISECOND * (turn % 60);
                budget.spend(used);
                spent += used;
            }
            assert!(spent <= (passed + SECOND) / 20 + MILLISECOND * 60);
            (now, passed) = (now + MILLISECOND * 7, passed + MILLISECOND * 7);
        }
        assert!(spent > passed / 25);
    }

    #[test]
    fn it_says_when_it_may_be_spent_again() {
        let now = Instant::now();
        let mut budget = TimeBudget::new(WHOLE / 20, SECOND / 20, now);
        budget.spend(MILLISECOND * 60);
        let wait = budget.wait(now).unwrap();
        assert_eq!(wait.as_millis(), 200);
        assert_eq!(budget.wait(now + wait), None);
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let now = Instant::now();
        let mut budget = TimeBudget::new(WHOLE, MILLISECOND, now + SECOND);
        budget.spend(MILLISECOND);
        assert!(budget.wait(now).is_some());
    }
}
