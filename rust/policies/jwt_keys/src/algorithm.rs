//! The signature algorithms of JSON Web Algorithms (RFC 7518 §3.1, RFC 8037 §3.1).

/// A signature or MAC algorithm. `none` is left out, so that no configuration can allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC.
    Hs(Hash),
    /// RSASSA-PKCS1-v1_5.
    Rs(Hash),
    /// RSASSA-PSS.
    Ps(Hash),
    /// ECDSA on P-256, P-384 and P-521 respectively.
    Es(Hash),
    /// Ed25519.
    EdDsa,
}

/// The SHA-2 hash function of an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// 256 bits.
    Sha256,
    /// 384 bits.
    Sha384,
    /// 512 bits.
    Sha512,
}

impl Hash {
    /// Digest length in bytes; also the minimum length of an HMAC secret (RFC 7518 §3.2).
    #[must_use]
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The name in the arguments of Envoy's `verify_signature`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// Every algorithm with its name in the `alg` header parameter.
pub const ALGORITHMS: [(&str, Algorithm); 13] = [
    ("HS256", Algorithm::Hs(Hash::Sha256)),
    ("HS384", Algorithm::Hs(Hash::Sha384)),
    ("HS512", Algorithm::Hs(Hash::Sha512)),
    ("RS256", Algorithm::Rs(Hash::Sha256)),
    ("RS384", Algorithm::Rs(Hash::Sha384)),
    ("RS512", Algorithm::Rs(Hash::Sha512)),
    ("PS256", Algorithm::Ps(Hash::Sha256)),
    ("PS384", Algorithm::Ps(Hash::Sha384)),
    ("PS512", Algorithm::Ps(Hash::Sha512)),
    ("ES256", Algorithm::Es(Hash::Sha256)),
    ("ES384", Algorithm::Es(Hash::Sha384)),
    ("ES512", Algorithm::Es(Hash::Sha512)),
    ("EdDSA", Algorithm::EdDsa),
];

impl Algorithm {
    /// The algorithm of this name; names are case-sensitive (RFC 7515 §4.1.1). `Ed25519` is the name of RFC 9864 §2.2 for
    /// the algorithm that `EdDSA` means here.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// Its name in the `alg` header parameter.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALGORITHMS.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Whether signer and verifier share one secret.
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_its_algorithm_and_back() {
        for (name, algorithm) in ALGORITHMS {
            assert_eq!(Algorithm::from_name(name), Some(algorithm));
            assert_eq!(algorithm.name(), name);
        }
    }

    #[test]
    fn both_names_of_ed25519_are_known() {
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
    }

    #[test]
    fn none_and_other_spellings_are_unknown() {
        for name in ["none", "None", "rs256", "ES256K", "ES521", "Ed448", "ed25519", ""] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }
}
