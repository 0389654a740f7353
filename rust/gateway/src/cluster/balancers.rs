//! How a cluster picks one of its endpoints. To add an algorithm: implement [`Balancer`] in a file of
//! its own, add a line to [`LB_POLICIES`], add rows to the tests.

use crate::cluster::availability::Availability;
use crate::cluster::endpoint::Endpoint;
use crate::cluster::least_request::LeastRequest;
use crate::cluster::maglev::Maglev;
use crate::cluster::random::Random;
use crate::cluster::ring_hash::RingHash;
use crate::cluster::round_robin::RoundRobin;

/// Picks an endpoint.
pub trait Balancer: Send + Sync {
    /// The index of the endpoint for the next request; none if no endpoint is available.
    fn pick(&self, context: &PickContext<'_>) -> Option<usize>;
}

/// The input of an algorithm: the endpoints, which of them are available, and the key of the request.
#[derive(Clone, Copy)]
pub struct PickContext<'a> {
    endpoints: &'a [Endpoint],
    /// None: all are.
    available: Option<&'a Availability>,
    hash_key: Option<u64>,
}

impl<'a> PickContext<'a> {
    pub(crate) fn new(
        endpoints: &'a [Endpoint],
        available: Option<&'a Availability>,
        hash_key: Option<u64>,
    ) -> Self {
        Self { endpoints, available, hash_key }
    }

    /// All endpoints, in the order of the configuration.
    #[must_use]
    pub fn endpoints(&self) -> &'a [Endpoint] {
        self.endpoints
    }

    /// True if the endpoint of this index can be picked.
    #[must_use]
    pub fn is_available(&self, index: usize) -> bool {
        self.available.map_or(index < self.endpoints.len(), |available| available.is_set(index))
    }

    /// How many endpoints can be picked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.available.map_or(self.endpoints.len(), Availability::count)
    }

    /// The index of the `n`-th endpoint that can be picked.
    #[must_use]
    pub fn nth(&self, n: usize) -> Option<usize> {
        match self.available {
            None => (n < self.endpoints.len()).then_some(n),
            Some(available) => available.nth(n),
        }
    }

    /// The first endpoint from `index` on that can be picked, behind the last the first again.
    #[must_use]
    pub fn next_from(&self, index: usize) -> Option<usize> {
        let count = self.endpoints.len();
        (index..count).chain(0..index.min(count)).find(|at| self.is_available(*at))
    }

    /// The hash of what keeps requests together, for algorithms that send equal keys to one endpoint;
    /// none if the request has no such key.
    #[must_use]
    pub fn hash_key(&self) -> Option<u64> {
        self.hash_key
    }
}

/// Makes a balancer for the endpoints of one cluster.
pub type NewBalancer = fn(&[Endpoint]) -> Box<dyn Balancer>;

/// The one that needs to know how many requests are in flight.
pub(crate) const LEAST_REQUEST: &str = "least_request";

/// Every `lb_policy` by its name in the configuration, which is Envoy's in lower case.
pub const LB_POLICIES: [(&str, NewBalancer); 5] = [
    ("round_robin", |endpoints| Box::new(RoundRobin::new(endpoints))),
    (LEAST_REQUEST, |endpoints| Box::new(LeastRequest::new(endpoints))),
    ("random", |endpoints| Box::new(Random::new(endpoints))),
    ("ring_hash", |endpoints| Box::new(RingHash::new(endpoints))),
    ("maglev", |endpoints| Box::new(Maglev::new(endpoints))),
];
