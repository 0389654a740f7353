//! Signing with a guest's private key.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, EcdsaSigningAlgorithm, RsaKeyPair};

use crate::services::signature::algorithm::Hash;

/// Longer keys are not RSA of 4096 bits or less.
const LONGEST_KEY: usize = 4096;
/// Bits of the longest RSA key: a signature takes 4 ms.
const LONGEST_MODULUS: usize = 4096;
/// What a signature with an elliptic curve takes, in units.
const CURVE_UNITS: u64 = 300_000;

/// A private key as PKCS #8 or, for RSA, PKCS #1.
pub(super) enum PrivateKey {
    Rsa(RsaKeyPair),
    /// With the hash that its curve goes with.
    Ec(EcdsaKeyPair, Hash),
}

const CURVES: [(&EcdsaSigningAlgorithm, Hash); 3] = [
    (&aws::ECDSA_P256_SHA256_ASN1_SIGNING, Hash::Sha256),
    (&aws::ECDSA_P384_SHA384_ASN1_SIGNING, Hash::Sha384),
    (&aws::ECDSA_P521_SHA512_ASN1_SIGNING, Hash::Sha512),
];

impl PrivateKey {
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        if der.len() > LONGEST_KEY {
            return None;
        }
        let rsa = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        if let Ok(key) = rsa {
            return (key.public_modulus_len() * 8 <= LONGEST_MODULUS).then_some(Self::Rsa(key));
        }
        CURVES.iter().find_map(|(algorithm, hash)| {
            let key = EcdsaKeyPair::from_pkcs8(algorithm, der).ok()?;
            Some(Self::Ec(key, *hash))
        })
    }

    /// About a nanosecond each: RSA grows with the third power of its length.
    pub(super) fn units(&self) -> u64 {
        match self {
            Self::Rsa(key) => (key.public_modulus_len() as u64 * 8).pow(3) / 10_000,
            Self::Ec(..) => CURVE_UNITS,
        }
    }

    /// RSA PKCS#1 v1.5, or ECDSA in ASN.1.
    pub(super) fn sign(&self, hash: Hash, message: &[u8]) -> Result<Vec<u8>, &'static str> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let padding = match hash {
                    Hash::Sha256 => &aws::RSA_PKCS1_SHA256,
                    Hash::Sha384 => &aws::RSA_PKCS1_SHA384,
                    Hash::Sha512 => &aws::RSA_PKCS1_SHA512,
                };
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(padding, &random, message, &mut signature);
                signed.map(|()| signature).map_err(|_| "the key cannot sign")
            }
            Self::Ec(_, fitting) if *fitting != hash => {
                Err("P-256 signs with sha256, P-384 with sha384, P-521 with sha512")
            }
            Self::Ec(key, _) => {
                let signed = key.sign(&random, message);
                signed.map(|signed| signed.as_ref().to_vec()).map_err(|_| "the key cannot sign")
            }
        }
    }
}
