//! The fingerprint of RSA keys of a faulty generator (ROCA, CVE-2017-15361).
//!
//! Their primes are k·M + (65537^a mod M) for a product M of small primes, so modulo each of these primes the modulus is
//! a power of 65537. A sound key has the fingerprint with a probability of about 2^-28.

const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the big-endian `modulus` has the fingerprint.
#[must_use]
pub fn has_fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| is_power_of_65537(remainder(modulus, prime), prime))
}

fn remainder(modulus: &[u8], prime: u32) -> u32 {
    modulus.iter().fold(0, |sum, &byte| (sum * 256 + u32::from(byte)) % prime)
}

fn is_power_of_65537(value: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 1..prime {
        if power == value {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_of_65537_has_it() {
        assert!(has_fingerprint(&65537_u32.to_be_bytes()));
    }

    #[test]
    fn another_number_does_not_have_it() {
        assert!(!has_fingerprint(&[0xff; 256]));
    }
}
