//! How a cluster chooses among its endpoints. To add an algorithm: implement [`Balancer`], add a
//! line to [`LB_POLICIES`], add rows to the test.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Chooses an endpoint.
pub trait Balancer: Send + Sync {
    /// One of `candidates`, which is never empty: the indices of the healthy endpoints in order.
    fn pick(&self, candidates: &[usize]) -> usize;
}

/// Every `lb_policy` by its name in the configuration.
pub const LB_POLICIES: [(&str, NewBalancer); 1] =
    [("round_robin", || Box::new(RoundRobin::default()))];

/// Makes a balancer for one cluster.
pub type NewBalancer = fn() -> Box<dyn Balancer>;

/// One after the other.
#[derive(Default)]
struct RoundRobin(AtomicUsize);

impl Balancer for RoundRobin {
    fn pick(&self, candidates: &[usize]) -> usize {
        candidates[self.0.fetch_add(1, Ordering::Relaxed) % candidates.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(name: &str, candidates: &[usize], count: usize) -> Vec<usize> {
        let (_, new) = LB_POLICIES.iter().find(|policy| policy.0 == name).unwrap();
        let balancer = new();
        (0..count).map(|_| balancer.pick(candidates)).collect()
    }

    #[test]
    fn picks_follow_the_policy() {
        for (name, candidates, expected) in [
            ("round_robin", vec![0, 1, 2], vec![0, 1, 2, 0, 1]),
            ("round_robin", vec![1, 4], vec![1, 4, 1, 4, 1]),
            ("round_robin", vec![3], vec![3, 3, 3, 3, 3]),
        ] {
            assert_eq!(expected, picks(name, &candidates, 5), "{name}");
        }
    }
}
