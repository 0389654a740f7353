//! A hash that is the same in every process.

/// FNV-1a (draft-eastlake-fnv), and the finalizer of `SplitMix64` over it: equal in all processes, and
/// every bit of it depends on every byte.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_same_in_every_process() {
        assert_eq!((0xf52a_15e9_a9b5_e89b, 0x02c0_bdbf_4814_20f8), (hash(b""), hash(b"a")));
    }
}
