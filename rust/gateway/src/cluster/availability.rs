//! Which endpoints of a cluster can be picked: read without a lock by every request.

use std::sync::atomic::{AtomicU64, Ordering};

const BITS: usize = 64;

/// A bit for each endpoint.
#[derive(Debug)]
pub(crate) struct Availability {
    words: Vec<AtomicU64>,
}

impl Availability {
    /// So many endpoints, all of them available.
    pub fn new(count: usize) -> Self {
        let word = |at: usize| {
            let left = count - at * BITS;
            AtomicU64::new(if left >= BITS { u64::MAX } else { (1 << left) - 1 })
        };
        Self { words: (0..count.div_ceil(BITS)).map(word).collect() }
    }

    pub fn set(&self, index: usize, available: bool) {
        let (word, bit) = (&self.words[index / BITS], 1 << (index % BITS));
        if available {
            word.fetch_or(bit, Ordering::Relaxed);
        } else {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }

    pub fn is_set(&self, index: usize) -> bool {
        let word = self.words.get(index / BITS).map_or(0, |word| word.load(Ordering::Relaxed));
        word & (1 << (index % BITS)) != 0
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        let ones = |word: &AtomicU64| word.load(Ordering::Relaxed).count_ones() as usize;
        self.words.iter().map(ones).sum()
    }

    /// The index of the `n`-th that is available, counted from 0; none if there are not so many (any
    /// more).
    pub fn nth(&self, mut n: usize) -> Option<usize> {
        for (at, word) in self.words.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            let ones = bits.count_ones() as usize;
            if n >= ones {
                n -= ones;
                continue;
            }
            for _ in 0..n {
                bits &= bits - 1;
            }
            return Some(at * BITS + bits.trailing_zeros() as usize);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_counted_and_found() {
        for count in [0, 1, 63, 64, 65, 130] {
            let availability = Availability::new(count);
            assert_eq!((count, None), (availability.count(), availability.nth(count)));
            let indices: Vec<_> = (0..count).filter_map(|n| availability.nth(n)).collect();
            assert_eq!((0..count).collect::<Vec<_>>(), indices);
        }
        let some = Availability::new(130);
        for index in (0..130).filter(|index| index % 3 != 0) {
            some.set(index, false);
        }
        let expected: Vec<_> = (0..130).step_by(3).collect();
        assert_eq!(expected.len(), some.count());
        let found: Vec<_> = (0..expected.len()).filter_map(|n| some.nth(n)).collect();
        assert_eq!(expected, found);
        assert!(some.is_set(129) && !some.is_set(128));
        some.set(128, true);
        assert!(some.is_set(128));
    }
}
