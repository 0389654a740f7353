//! One endpoint after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::cluster::weights::{EvenSequence, Weights};

/// In turn; endpoints of different weights by a sequence that is spread evenly.
pub(crate) struct RoundRobin {
    turn: AtomicUsize,
    /// None: all weigh the same.
    weighted: Option<(Weights, EvenSequence)>,
}

impl RoundRobin {
    pub fn new(endpoints: &[Endpoint]) -> Self {
        let weights = Weights::new(endpoints);
        let weighted = (!weights.are_equal()).then(|| (weights, EvenSequence::default()));
        Self { turn: AtomicUsize::new(0), weighted }
    }
}

impl Balancer for RoundRobin {
    fn pick(&self, context: &PickContext<'_>) -> Option<usize> {
        if let Some((weights, sequence)) = &self.weighted {
            return weights.draw(context, || sequence.next());
        }
        let count = context.count();
        if count == 0 {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        // What is available can change between the two looks.
        context.nth(turn).or_else(|| context.next_from(0))
    }
}
