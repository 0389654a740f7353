//! How a cluster chooses among its endpoints. To add an algorithm: implement [`Balancer`], add a
//! line to [`LB_POLICIES`], add rows to the test.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::endpoint::Endpoint;

/// Chooses an endpoint.
pub trait Balancer: Send + Sync {
    /// The index of the endpoint for the next request; none if no endpoint is healthy.
    fn pick(&self, context: &PickContext<'_>) -> Option<usize>;
}

/// What an algorithm can choose by. What an algorithm asks of an endpoint, as its weight or its load,
/// is a method of [`Endpoint`].
#[derive(Clone, Copy)]
pub struct PickContext<'a> {
    endpoints: &'a [Endpoint],
    hash_key: Option<u64>,
}

impl<'a> PickContext<'a> {
    /// The endpoints of a cluster in the order of the configuration. `hash_key`: a hash of what keeps
    /// requests together, for algorithms that send equal keys to one endpoint; none if the request has
    /// no such key.
    #[must_use]
    pub fn new(endpoints: &'a [Endpoint], hash_key: Option<u64>) -> Self {
        Self { endpoints, hash_key }
    }

    /// The healthy endpoints with their indices, in order.
    pub fn healthy(&self) -> impl Iterator<Item = (usize, &'a Endpoint)> + use<'a> {
        self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.healthy())
    }

    /// The hash of the request's key.
    #[must_use]
    pub fn hash_key(&self) -> Option<u64> {
        self.hash_key
    }
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
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        let count = context.healthy().count();
        if count == 0 {
            return None;
        }
        let turn = self.0.fetch_add(1, Ordering::Relaxed) % count;
        // Health can change between the two looks.
        let picked = context.healthy().nth(turn).or_else(|| context.healthy().next());
        picked.map(|(index, _)| index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Endpoints of which these are healthy.
    fn endpoints(healthy: &[bool]) -> Vec<Endpoint> {
        let endpoint = |healthy: &bool| {
            let endpoint = Endpoint::parse("http://a:80").unwrap();
            endpoint.set_healthy(*healthy);
            endpoint
        };
        healthy.iter().map(endpoint).collect()
    }

    #[test]
    fn picks_follow_the_policy() {
        for (name, healthy, expected) in [
            ("round_robin", &[true, true, true][..], [0, 1, 2, 0, 1].map(Some)),
            ("round_robin", &[false, true, false, false, true], [1, 4, 1, 4, 1].map(Some)),
            ("round_robin", &[false, true], [1; 5].map(Some)),
            ("round_robin", &[false, false], [None; 5]),
        ] {
            let (_, new) = LB_POLICIES.iter().find(|policy| policy.0 == name).unwrap();
            let (balancer, endpoints) = (new(), endpoints(healthy));
            let context = PickContext::new(&endpoints, None);
            assert_eq!(expected, [(); 5].map(|()| balancer.pick(&context)), "{name} {healthy:?}");
        }
    }

    /// Equal keys go to one endpoint (rendezvous hashing).
    struct ByKey;

    impl Balancer for ByKey {
        fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
            let key = context.hash_key()?;
            let score = |index: usize| (key ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            context.healthy().map(|(index, _)| index).max_by_key(|index| score(*index))
        }
    }

    #[test]
    fn an_algorithm_can_choose_by_the_key_of_the_request() {
        let endpoints = endpoints(&[true, false, true]);
        let pick = |key| ByKey.pick(&PickContext::new(&endpoints, key));
        assert_eq!(None, pick(None));
        assert_eq!(pick(Some(7)), pick(Some(7)));
        let picked: std::collections::BTreeSet<_> = (0..64).map(|key| pick(Some(key))).collect();
        assert_eq!(picked.into_iter().collect::<Vec<_>>(), [Some(0), Some(2)]);
    }
}
