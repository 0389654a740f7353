//! The token bucket, stored as one time.
//!
//! The time when a bucket is full again describes its state (the generic cell rate algorithm, ITU-T I.371 §5.4.1, in
//! its virtual scheduling form). No timer refills it, an evicted bucket is a full one, and the state is eight bytes.

use crate::limit::Limit;

/// The longest time in which an empty bucket may fill, in nanoseconds. It keeps sums with a 64-bit clock from
/// overflowing.
const LONGEST: u64 = 100 * 360 * 86_400 * 1_000_000_000;

/// A limit with the size of its bucket. Times are in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Tokens in a full bucket.
    pub size: u32,
    /// Time in which one token is added.
    pub interval: u64,
}

/// The result of one request at a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// When the bucket is full again; unchanged if the request was refused.
    pub full_at: u64,
    /// Whole tokens that are left.
    pub remaining: u32,
    /// `None` if the request passes, else the time until the bucket has a token.
    pub wait: Option<u64>,
}

impl Bucket {
    /// A bucket of `size` tokens to which `limit.amount` tokens are added in each `limit.period`. `None` if an empty
    /// bucket takes more than 100 years to fill.
    #[must_use]
    pub fn new(limit: Limit, size: u32) -> Option<Self> {
        // Rounded up, so that at most the amount is added in a period.
        let interval = limit.period.get().div_ceil(u64::from(limit.amount.get()));
        let depth = interval.checked_mul(u64::from(size))?;
        (depth <= LONGEST).then_some(Self { size, interval })
    }

    /// Time in which an empty bucket fills.
    fn depth(&self) -> u64 {
        self.interval * u64::from(self.size)
    }

    /// `full_at`, at most the time when an empty bucket is full. A later time was written before the clock went back;
    /// it must not delay a client for longer than an empty bucket does.
    #[must_use]
    pub fn clamped(&self, full_at: u64, now: u64) -> u64 {
        full_at.min(now.saturating_add(self.depth()))
    }

    /// Takes a token, if the bucket has one. The bucket is full at `full_at`.
    #[must_use]
    pub fn take(&self, full_at: u64, now: u64) -> Outcome {
        let depth = self.depth();
        let missing = self.clamped(full_at, now).saturating_sub(now);
        let after = missing + self.interval;
        if after > depth {
            let wait = Some(after - depth);
            return Outcome { full_at: now.saturating_add(missing), remaining: 0, wait };
        }
        let remaining = u32::try_from((depth - after) / self.interval).unwrap_or(u32::MAX);
        Outcome { full_at: now.saturating_add(after), remaining, wait: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::parse;

    const SECOND: u64 = 1_000_000_000;

    fn bucket(limit: &str, size: u32) -> Bucket {
        Bucket::new(parse(limit).unwrap()[0], size).unwrap()
    }

    #[test]
    fn a_full_bucket_gives_all_its_tokens_at_once_and_no_more() {
        let bucket = bucket("60/minute", 3);
        let mut full_at = 0;
        let mut remaining = Vec::new();
        for _ in 0..3 {
            let outcome = bucket.take(full_at, 100 * SECOND);
            full_at = outcome.full_at;
            remaining.push(outcome.remaining);
        }
        assert_eq!(remaining, [2, 1, 0]);
        assert_eq!(bucket.take(full_at, 100 * SECOND).wait, Some(SECOND));
    }

    #[test]
    fn a_token_comes_back_in_its_interval() {
        let bucket = bucket("60/minute", 1);
        let taken = bucket.take(0, 100 * SECOND);
        assert_eq!(bucket.take(taken.full_at, 101 * SECOND - 1).wait, Some(1));
        assert_eq!(bucket.take(taken.full_at, 101 * SECOND).wait, None);
    }

    #[test]
    fn a_refused_request_takes_nothing() {
        let bucket = bucket("60/minute", 1);
        let full_at = bucket.take(0, 100 * SECOND).full_at;
        assert_eq!(bucket.take(full_at, 100 * SECOND).full_at, full_at);
    }

    #[test]
    fn an_interval_that_is_not_whole_never_gives_more_than_the_limit() {
        let bucket = bucket("7/second", 1);
        let (mut full_at, mut passed) = (0, 0);
        for now in (0..SECOND).step_by(1000) {
            let outcome = bucket.take(full_at, 100 * SECOND + now);
            full_at = outcome.full_at;
            passed += u32::from(outcome.wait.is_none());
        }
        assert_eq!(passed, 7);
    }

    #[test]
    fn a_time_far_ahead_counts_as_that_of_an_empty_bucket() {
        let bucket = bucket("60/minute", 3);
        assert_eq!(bucket.take(u64::MAX, 100 * SECOND).wait, Some(SECOND));
        assert_eq!(bucket.clamped(u64::MAX, 100 * SECOND), 103 * SECOND);
    }

    #[test]
    fn a_bucket_that_takes_longer_than_a_century_to_fill_is_refused() {
        let yearly = parse("1/year").unwrap()[0];
        assert!(Bucket::new(yearly, 100).is_some());
        assert_eq!([101, u32::MAX].map(|size| Bucket::new(yearly, size)), [None, None]);
    }
}
