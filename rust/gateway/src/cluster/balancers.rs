//! How a cluster chooses among its endpoints. To add an algorithm: implement [`Balancer`], add a
//! line to [`LB_POLICIES`], add rows to the test.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::endpoint::Endpoint;

/// Chooses an endpoint.
pub trait Balancer: Send + Sync {
    /// The index of the endpoint for the next request; none if no endpoint is healthy.
    fn pick(&self, context: &PickContext<'_>) -> Option<usize>;
}

/// The input of an algorithm: the healthy endpoints, the load and the weight of each, and the
/// key of the request.
#[derive(Clone, Copy)]
pub struct PickContext<'a> {
    endpoints: &'a [Endpoint],
    loads: &'a [Load],
    hash_key: Option<u64>,
}

/// The load of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requests in flight.
    pub in_flight: u32,
    /// Its share of the requests, relative to those of the other endpoints.
    pub weight: u32,
}

impl<'a> PickContext<'a> {
    /// The endpoints of a cluster in the order of the configuration. `hash_key`: a hash of what keeps
    /// requests together, for algorithms that send equal keys to one endpoint; none if the request has
    /// no such key.
    #[must_use]
    pub fn new(endpoints: &'a [Endpoint], hash_key: Option<u64>) -> Self {
        Self { endpoints, loads: &[], hash_key }
    }

    /// The same, with the load of each endpoint. [`Cluster::pick`](crate::Cluster::pick) has none to
    /// give: an algorithm that needs them comes with the pool that counts the requests in flight, and
    /// with weights in the configuration.
    #[must_use]
    pub fn with_loads(self, loads: &'a [Load]) -> Self {
        Self { loads, ..self }
    }

    /// The healthy endpoints with their indices, in order.
    pub fn healthy(&self) -> impl Iterator<Item = (usize, &'a Endpoint)> + use<'a> {
        self.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.healthy())
    }

    /// Requests in flight to the endpoint of this index; 0 if they are not counted.
    #[must_use]
    pub fn in_flight(&self, index: usize) -> u32 {
        self.loads.get(index).map_or(0, |load| load.in_flight)
    }

    /// The weight of the endpoint of this index; 1 if it has none.
    #[must_use]
    pub fn weight(&self, index: usize) -> u32 {
        self.loads.get(index).map_or(1, |load| load.weight)
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

    /// The mixer of `SplitMix64`.
    fn hash(value: u64) -> u64 {
        let mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Envoy's `RING_HASH`: points on a ring, as many for each endpoint as its weight says; a key goes to
    /// the next point.
    struct RingHash;

    impl Balancer for RingHash {
        fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
            let key = hash(!context.hash_key()?); // keys are not points
            let points = context.healthy().flat_map(|(index, _)| {
                let points = 0..u64::from(context.weight(index)) * 64;
                points.map(move |point| (hash((index as u64) << 32 | point), index))
            });
            points.min_by_key(|(point, _)| point.wrapping_sub(key)).map(|(_, index)| index)
        }
    }

    #[test]
    fn ring_hash_fits_equal_keys_go_to_one_endpoint() {
        let endpoints = endpoints(&[true, false, true]);
        let pick = |key| RingHash.pick(&PickContext::new(&endpoints, key));
        assert_eq!(None, pick(None));
        assert_eq!(pick(Some(7)), pick(Some(7)));
        let picked: std::collections::BTreeSet<_> = (0..64).map(|key| pick(Some(key))).collect();
        assert_eq!(picked.into_iter().collect::<Vec<_>>(), [Some(0), Some(2)]);
    }

    #[test]
    fn ring_hash_fits_a_key_moves_only_if_its_endpoint_fails() {
        let endpoints = endpoints(&[true, true, true]);
        let pick = |key| RingHash.pick(&PickContext::new(&endpoints, Some(key)));
        let before: Vec<_> = (0..64).map(pick).collect();
        endpoints[1].set_healthy(false);
        for (key, picked) in before.into_iter().enumerate().filter(|(_, old)| *old != Some(1)) {
            assert_eq!(picked, pick(key as u64));
        }
    }

    #[test]
    fn ring_hash_fits_weights_say_how_many_keys_an_endpoint_gets() {
        let endpoints = endpoints(&[true, true]);
        let loads = [1, 9].map(|weight| Load { in_flight: 0, weight });
        let context = |key| PickContext::new(&endpoints, Some(key)).with_loads(&loads);
        let first = (0..1000).filter(|key| RingHash.pick(&context(*key)) == Some(0)).count();
        assert!((20..300).contains(&first), "{first}");
    }

    /// Envoy's `LEAST_REQUEST` with all endpoints for choices: the fewest requests in flight by weight.
    struct LeastRequest;

    impl Balancer for LeastRequest {
        fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
            let load = |index: usize| {
                u64::from(context.in_flight(index)) * 1_000
                    / u64::from(context.weight(index).max(1))
            };
            context.healthy().map(|(index, _)| index).min_by_key(|index| load(*index))
        }
    }

    #[test]
    fn least_request_fits_the_endpoint_with_the_fewest_requests_is_picked() {
        for (healthy, loads, expected) in [
            (&[true, true, true][..], &[(3, 1), (1, 1), (2, 1)][..], Some(1)),
            (&[true, false, true], &[(3, 1), (1, 1), (2, 1)], Some(2)),
            (&[true, true], &[(4, 8), (1, 1)], Some(0)),
            (&[true, true], &[], Some(0)),
            (&[false], &[(0, 1)], None),
        ] {
            let endpoints = endpoints(healthy);
            let loads: Vec<_> = loads
                .iter()
                .map(|(in_flight, weight)| Load { in_flight: *in_flight, weight: *weight })
                .collect();
            let context = PickContext::new(&endpoints, None).with_loads(&loads);
            assert_eq!(expected, LeastRequest.pick(&context), "{healthy:?} {loads:?}");
        }
    }
}
