//! The response fields and the error response of a rate limit.

use crate::bucket::{Bucket, Outcome};
use policy_http::Problem;

/// The body of the response to a request over its limit (RFC 6585 §4).
pub const PROBLEM: Problem = Problem {
    status: 429,
    title: "Too Many Requests",
    detail: "The limit is used up; Retry-After says when to try again.",
};

/// The state of the strictest bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Size of the bucket.
    pub limit: u32,
    /// Whole tokens left.
    pub remaining: u32,
    /// Seconds until the bucket is full, rounded up.
    pub reset: u64,
    /// `None` if the request passes, else seconds until a retry can pass, rounded up.
    pub retry_after: Option<u64>,
}

impl Verdict {
    /// The verdict of the bucket with the longest wait, or else with the fewest tokens.
    #[must_use]
    pub fn new(buckets: &[Bucket], outcomes: &[Outcome], now: u64) -> Self {
        let strictest = buckets
            .iter()
            .zip(outcomes)
            .min_by_key(|(_, outcome)| (u64::MAX - outcome.wait.unwrap_or(0), outcome.remaining));
        strictest.map_or(Self::CONTENDED, |(bucket, outcome)| Self {
            limit: bucket.size,
            remaining: outcome.remaining,
            reset: seconds(outcome.full_at.saturating_sub(now)),
            retry_after: outcome.wait.map(seconds),
        })
    }

    /// The verdict when every compare-and-swap failed: many concurrent requests must not bypass a limit.
    pub const CONTENDED: Self = Self { limit: 0, remaining: 0, reset: 1, retry_after: Some(1) };

    /// The fields of every response.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, String); 3] {
        [
            ("x-ratelimit-limit", self.limit.to_string()),
            ("x-ratelimit-remaining", self.remaining.to_string()),
            ("x-ratelimit-reset", self.reset.to_string()),
        ]
    }
}

fn seconds(nanoseconds: u64) -> u64 {
    nanoseconds.div_ceil(1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::parse;
    use crate::slot::take;

    const NOW: u64 = 1_000_000_000_000;

    fn buckets() -> Vec<Bucket> {
        let sizes = [2, 3];
        let limits = parse("2/second;3/minute").unwrap();
        limits
            .into_iter()
            .zip(sizes)
            .map(|(limit, size)| Bucket::new(limit, size).unwrap())
            .collect()
    }

    #[test]
    fn a_passing_request_gets_the_state_of_the_limit_with_the_fewest_tokens() {
        let taken = take(None, 1, &buckets(), NOW);
        let expected = Verdict { limit: 2, remaining: 1, reset: 1, retry_after: None };
        assert_eq!(Verdict::new(&buckets(), &taken.outcomes, NOW), expected);
    }

    #[test]
    fn a_refused_request_gets_the_longest_wait() {
        let (mut entry, mut verdict) = (None, None);
        for second in 0..4 {
            let now = NOW + second * 1_000_000_000;
            let taken = take(entry.clone(), 1, &buckets(), now);
            entry = taken.entry.or(entry);
            verdict = Some(Verdict::new(&buckets(), &taken.outcomes, now));
        }
        let expected = Verdict { limit: 3, remaining: 0, reset: 57, retry_after: Some(17) };
        assert_eq!(verdict, Some(expected));
    }
}
