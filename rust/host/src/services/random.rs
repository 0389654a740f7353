//! The random bytes of policies: of the operating system, or a repeatable sequence of a seed.

use std::sync::{Mutex, PoisonError};

/// A source of random bytes.
#[derive(Debug, Default)]
pub struct Random {
    state: Option<Mutex<u64>>,
}

impl Random {
    /// The same bytes for the same seed: for tests and replays, where nothing is secret.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: Some(Mutex::new(seed)) }
    }

    /// Fills `bytes`; false when the operating system fails. The generator of the cryptographic
    /// library would need 50 ms of the processor's time at its first use, to seed itself.
    pub(crate) fn fill(&self, bytes: &mut [u8]) -> bool {
        let Some(state) = &self.state else { return getrandom::fill(bytes).is_ok() };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes()[..chunk.len()]);
        }
        true
    }
}

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_bytes() {
        let drawn = |seed| {
            let mut bytes = [0; 11];
            assert!(Random::seeded(seed).fill(&mut bytes));
            bytes
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }

    #[test]
    fn the_bytes_of_the_system_are_others_each_time() {
        let drawn = || {
            let mut bytes = [0; 16];
            assert!(Random::default().fill(&mut bytes));
            bytes
        };
        assert_ne!(drawn(), drawn());
    }

    #[test]
    fn the_first_number_is_that_of_the_paper() {
        assert_eq!(0xe220_a839_7b1d_cdaf, split_mix(&mut 0));
    }
}
