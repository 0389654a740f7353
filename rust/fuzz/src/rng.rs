//! Random numbers that the same seed gives again (splitmix64, Steele et al. 2014).

/// A source of random numbers.
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The source for one input of a run.
    #[must_use]
    pub fn of_input(seed: u64, number: u64) -> Self {
        let mut rng = Self { state: seed };
        rng.state = rng.next().wrapping_add(number);
        rng.state = rng.next();
        rng
    }

    /// Any number.
    #[allow(clippy::should_implement_trait, reason = "a source has no end, an iterator may")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    #[allow(clippy::cast_possible_truncation, reason = "the rest of the division fits")]
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Any byte.
    #[allow(clippy::cast_possible_truncation, reason = "the lowest eight bits")]
    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
