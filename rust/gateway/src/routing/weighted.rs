//! A choice among things that have weights.

use std::sync::atomic::{AtomicU64, Ordering};

/// 2^64 divided by the golden ratio: its multiples are spread evenly (Knuth, The Art of Computer
/// Programming, volume 3, §6.4), so that few choices already have the shares of the weights.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Things, each with the upper end of its share.
#[derive(Debug)]
pub(crate) struct Weighted<T> {
    things: Vec<(u64, T)>,
    total: u64,
    turn: AtomicU64,
}

impl<T> Weighted<T> {
    /// Things and their weights, which are not all 0.
    pub fn new(things: impl IntoIterator<Item = (T, u32)>) -> Self {
        let mut total = 0;
        let ends = things.into_iter().map(|(thing, weight)| {
            total += u64::from(weight);
            (total, thing)
        });
        let things = ends.collect();
        Self { things, total, turn: AtomicU64::new(0) }
    }

    /// The thing for a key: always the same one. None: each as often as its weight says.
    pub fn pick(&self, key: Option<u64>) -> &T {
        let drawn = key.unwrap_or_else(|| self.turn.fetch_add(STRIDE, Ordering::Relaxed));
        // The share of the total, without the bias of a remainder.
        let at = u64::try_from((u128::from(drawn) * u128::from(self.total)) >> 64);
        let at = at.unwrap_or_default();
        let index = self.things.partition_point(|(end, _)| *end <= at);
        &self.things[index.min(self.things.len() - 1)].1
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter().map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_picked_as_often_as_its_weight_says() {
        let weighted = Weighted::new([("a", 90), ("b", 0), ("c", 10)]);
        let picked: Vec<_> = (0..1000).map(|_| *weighted.pick(None)).collect();
        let count = |name| picked.iter().filter(|its| **its == name).count();
        assert!((895..=905).contains(&count("a")), "{}", count("a"));
        assert_eq!(0, count("b"));
        // Also early on.
        let first = picked[..20].iter().filter(|its| **its == "c").count();
        assert!((1..=3).contains(&first), "{first}");
    }

    #[test]
    fn a_key_picks_always_the_same() {
        let weighted = Weighted::new([("a", 1), ("b", 1)]);
        for key in [0, 1, u64::MAX / 2, u64::MAX / 2 + 2, u64::MAX] {
            assert_eq!(weighted.pick(Some(key)), weighted.pick(Some(key)));
        }
        assert_eq!(("a", "b"), (*weighted.pick(Some(0)), *weighted.pick(Some(u64::MAX))));
    }
}
