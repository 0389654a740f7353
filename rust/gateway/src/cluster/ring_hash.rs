//! Equal keys to one endpoint, by points on a ring.

use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::cluster::weights::random;
use crate::http::hash::hash;

/// Points of the whole ring, at least; Envoy's `minimum_ring_size`.
const POINTS: usize = 1024;
/// Points of an endpoint of weight 1, at least.
const EACH: usize = 64;

/// Each endpoint has points on a ring, by its weight; a key goes to the next point (Karger et al.,
/// Consistent Hashing and Random Trees, 1997). If its endpoint is not available, the point after it has
/// the key: the keys of other endpoints stay where they are.
pub(crate) struct RingHash {
    /// Point and endpoint, by point.
    ring: Vec<(u64, usize)>,
}

impl RingHash {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let each = (POINTS / endpoints.len().max(1)).max(EACH);
        let points = endpoints.iter().enumerate().flat_map(|(index, endpoint)| {
            let count = each * endpoint.weight() as usize;
            let url = endpoint.url().to_owned();
            (0..count).map(move |point| (hash(format!("{url}_{point}").as_bytes()), index))
        });
        let mut ring: Vec<(u64, usize)> = points.collect();
        ring.sort_unstable();
        Self { ring }
    }
}

impl Balancer for RingHash {
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        let key = context.hash_key().unwrap_or_else(random);
        let at = self.ring.partition_point(|(point, _)| *point < key);
        let mut following = self.ring[at..].iter().chain(&self.ring[..at]).map(|(_, index)| *index);
        following.find(|index| context.is_available(*index))
    }
}
