//! Draws of endpoints by weight.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cluster::balancer::PickContext;
use crate::cluster::endpoint::Endpoint;

/// 2^64 divided by the golden ratio: its multiples are spread evenly (Knuth, The Art of Computer
/// Programming, volume 3, §6.4), so that few draws already have the shares of the weights.
pub(crate) const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// After so many draws of endpoints that are not available the next one in order is taken.
const DRAWS: usize = 32;

/// The shares of endpoints.
pub(crate) struct Weights {
    /// The upper end of each endpoint's share.
    ends: Vec<u64>,
}

impl Weights {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let mut total = 0;
        let end = |endpoint: &Endpoint| {
            total += u64::from(endpoint.weight());
            total
        };
        Self { ends: endpoints.iter().map(end).collect() }
    }

    /// True if all endpoints have the same weight.
    pub fn are_equal(&self) -> bool {
        let first = self.ends.first().copied().unwrap_or_default();
        self.ends.iter().zip(1..).all(|(end, count)| *end == first * count)
    }

    /// An available endpoint by draws of numbers that are spread over all of `u64`.
    pub fn draw(&self, context: &PickContext<'_>, mut next: impl FnMut() -> u64) -> Option<usize> {
        let total = *self.ends.last()?;
        let mut index = 0;
        for _ in 0..DRAWS {
            let at = (u128::from(next()) * u128::from(total)) >> 64;
            index = self.ends.partition_point(|end| u128::from(*end) <= at);
            if context.is_available(index) {
                return Some(index);
            }
        }
        context.next_from(index)
    }
}

/// Numbers that are spread evenly, also few of them; threads share the sequence.
#[derive(Default)]
pub(crate) struct EvenSequence(AtomicU64);

impl EvenSequence {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(STRIDE, Ordering::Relaxed)
    }
}

thread_local! {
    /// Seeded by what std seeds its hash tables with.
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u64));
}

/// A random number, not for secrets: `SplitMix64` (Steele, Lea and Flood, 2014).
pub(crate) fn random() -> u64 {
    let state = STATE.get().wrapping_add(STRIDE);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
