//! What an algorithm that picks endpoints is given, and gives.

use crate::cluster::availability::Availability;
use crate::cluster::endpoint::Endpoint;

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
