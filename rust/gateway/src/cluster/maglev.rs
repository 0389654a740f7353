//! Equal keys to one endpoint, by a table.

use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::cluster::weights::{STRIDE, random};
use crate::http::hash::hash;

/// Entries of the table: a prime, much more than endpoints; Envoy's default.
const SIZE: usize = 65_537;
/// After so many entries whose endpoints are not available the next endpoint in order is taken.
const LOOKS: u64 = 32;

/// A table in which each endpoint has its share of the entries (Eisenbud et al., Maglev, 2016, §3.4):
/// more even than a ring and one look-up, but more keys move when endpoints change.
pub(crate) struct Maglev {
    table: Vec<u32>,
}

impl Maglev {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        Self { table: filled(endpoints) }
    }
}

/// Endpoints in turn take the next entry of their own order that is free: as often in a round as their
/// weights say.
#[allow(
    clippy::cast_possible_truncation,
    reason = "SIZE is less than 2^32, and so is the remainder"
)]
fn filled(endpoints: &[Endpoint]) -> Vec<u32> {
    let size = SIZE as u64;
    let mut orders: Vec<(u64, u64)> = endpoints
        .iter()
        .map(|endpoint| {
            let url = endpoint.url();
            let offset = hash(format!("{url}_offset").as_bytes()) % size;
            (offset, hash(format!("{url}_skip").as_bytes()) % (size - 1) + 1)
        })
        .collect();
    let mut table = vec![u32::MAX; SIZE];
    let most = endpoints.iter().map(Endpoint::weight).max().unwrap_or_default();
    let mut credits = vec![0_u32; endpoints.len()];
    let mut free = if most == 0 { 0 } else { SIZE };
    while free > 0 {
        for (index, (next, skip)) in orders.iter_mut().enumerate() {
            credits[index] += endpoints[index].weight();
            if credits[index] < most || free == 0 {
                continue;
            }
            credits[index] -= most;
            while table[*next as usize] != u32::MAX {
                *next = (*next + *skip) % size;
            }
            table[*next as usize] = index as u32;
            free -= 1;
        }
    }
    table
}

impl Balancer for Maglev {
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        let key = context.hash_key().unwrap_or_else(random);
        let entry = |key: u64| {
            let at = (u128::from(key) * SIZE as u128) >> 64;
            self.table.get(usize::try_from(at).unwrap_or_default()).map(|index| *index as usize)
        };
        // Keys of an endpoint that is not available are spread over the others.
        let keys = (0..LOOKS).map(|look| key.wrapping_add(look.wrapping_mul(STRIDE)));
        let mut entries = keys.filter_map(entry);
        let found = entries.find(|index| context.is_available(*index));
        found.or_else(|| context.next_from(entry(key).unwrap_or_default()))
    }
}
