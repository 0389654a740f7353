//! Any endpoint, by weight.

use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::cluster::weights::{Weights, random};

/// At random.
pub(crate) struct Random(Weights);

impl Random {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        Self(Weights::new(endpoints))
    }
}

impl Balancer for Random {
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        self.0.draw(context, random)
    }
}
