//! The NIST curves of JWA.

/// A curve for ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1, for ES256.
    P256,
    /// secp384r1, for ES384.
    P384,
    /// secp521r1, for ES512.
    P521,
}

impl Curve {
    /// Length of a coordinate in bytes; a JWS signature has two (RFC 7518 §3.4).
    #[must_use]
    pub fn coordinate_len(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}
