//! Maps whose keys are numbers that the host counts up itself: guests and clients cannot choose keys that collide,
//! so a multiplication is hash enough.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by an id of the host's own making.
pub(crate) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// A set of such ids.
pub(crate) type IdSet<K> = HashSet<K, BuildHasherDefault<IdHasher>>;

/// Spreads consecutive numbers over all bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(id.into());
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn neighbours_differ_in_the_bits_that_tables_use() {
        let hash = |id: u32| BuildHasherDefault::<IdHasher>::default().hash_one(id);
        let top: std::collections::HashSet<u64> = (0..128).map(|id| hash(id) >> 57).collect();
        let low: std::collections::HashSet<u64> = (0..128).map(|id| hash(id) & 127).collect();
        assert!(top.len() > 64 && low.len() == 128, "{} {}", top.len(), low.len());
    }
}
