//! The less busy of two endpoints.

use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::cluster::weights::{Weights, random};

/// The one of two random endpoints with fewer requests in flight by its weight (Mitzenmacher, The Power
/// of Two Choices in Randomized Load Balancing, 2001), as Envoy's with `choice_count` 2.
pub(crate) struct LeastRequest(Weights);

impl LeastRequest {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        Self(Weights::new(endpoints))
    }
}

impl Balancer for LeastRequest {
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        let first = self.0.draw(context, random)?;
        let second = self.0.draw(context, random).filter(|second| *second != first);
        // A cluster of few endpoints often draws the same one twice: its neighbour is as good.
        let second = second.or_else(|| context.next_from(first + 1))?;
        let load = |index: usize| {
            let endpoint = &context.endpoints()[index];
            u64::from(endpoint.in_flight()) * 1_000 / u64::from(endpoint.weight().max(1))
        };
        Some(if load(second) < load(first) { second } else { first })
    }
}
