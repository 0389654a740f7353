//! Public keys: the algorithms that they serve, their `SubjectPublicKeyInfo` for the host, and verification in the guest.

use crate::algorithm::{Algorithm, Hash};
use crate::curve::Curve;
use crate::{roca, spki};
use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::ops::RangeInclusive;

/// NIST SP 800-131A disallows shorter moduli; longer ones take too long for a request.
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// A checked public key, for verification by the host and in the guest.
#[derive(Debug)]
pub struct PublicKey {
    /// DER of the `SubjectPublicKeyInfo` (RFC 5280 §4.1), an argument of the host's functions.
    pub spki: Vec<u8>,
    point: Point,
}

#[derive(Debug)]
enum Point {
    /// With the length of a signature, which is computed once.
    Rsa(RsaPublicKey, usize),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
    Ed25519(Ed25519Key),
}

impl PublicKey {
    /// An RSA key from its big-endian modulus and exponent.
    ///
    /// # Errors
    /// The reason, as part of a configuration error: a length outside 2048 to 8192 bits, an exponent that is
    /// even, 1 or very large, the fingerprint of CVE-2017-15361.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, String> {
        let n = BoxedUint::from_be_slice_vartime(modulus);
        let bits = n.bits_vartime() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(format!("the RSA key has {bits} bits; 2048 to 8192 are accepted"));
        }
        if roca::has_fingerprint(modulus) {
            return Err("the RSA key was made by a faulty generator (ROCA, CVE-2017-15361); \
                        use a new key"
                .to_owned());
        }
        let e = BoxedUint::from_be_slice_vartime(exponent);
        let key = RsaPublicKey::new_with_size_limits(n, e, RSA_BITS)
            .map_err(|error| format!("the RSA key is not usable: {error}"))?;
        let length = key.size();
        Ok(Self { spki: spki::of_rsa(modulus, exponent), point: Point::Rsa(key, length) })
    }

    /// A key on a NIST curve from its uncompressed or compressed SEC 1 point.
    ///
    /// # Errors
    /// The reason, as part of a configuration error: the point is not on the curve.
    pub fn ec(curve: Curve, sec1: &[u8]) -> Result<Self, String> {
        let off_curve = |_| "the EC key is not a point on its curve".to_owned();
        match curve {
            Curve::P256 => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map_err(off_curve)?;
                let spki = spki::of_point(curve, key.to_sec1_point(false).as_bytes());
                Ok(Self { spki, point: Point::P256(key) })
            }
            Curve::P384 => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map_err(off_curve)?;
                let spki = spki::of_point(curve, key.to_sec1_point(false).as_bytes());
                Ok(Self { spki, point: Point::P384(key) })
            }
            Curve::P521 => {
                let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(sec1).map_err(off_curve)?;
                let spki = spki::of_point(curve, key.to_sec1_point(false).as_bytes());
                Ok(Self { spki, point: Point::P521(key) })
            }
        }
    }

    /// An Ed25519 key from its 32 bytes.
    ///
    /// # Errors
    /// The reason, as part of a configuration error: another length, no point, a point of small order.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, String> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| "an Ed25519 key has 32 bytes")?;
        let key = Ed25519Key::from_bytes(bytes)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or("the Ed25519 key is not a sound point")?;
        Ok(Self { spki: spki::of_ed25519(bytes), point: Point::Ed25519(key) })
    }

    /// Its type, for an error.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.point {
            Point::Rsa(..) => "an RSA key",
            Point::P256(_) => "a P-256 key",
            Point::P384(_) => "a P-384 key",
            Point::P521(_) => "a P-521 key",
            Point::Ed25519(_) => "an Ed25519 key",
        }
    }

    /// Its `kty` in a JWK.
    #[must_use]
    pub fn kty(&self) -> &'static str {
        match &self.point {
            Point::Rsa(..) => "RSA",
            Point::P256(_) | Point::P384(_) | Point::P521(_) => "EC",
            Point::Ed25519(_) => "OKP",
        }
    }

    /// Whether the key has the type of `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        match &self.point {
            Point::Rsa(..) => matches!(algorithm, Algorithm::Rs(_) | Algorithm::Ps(_)),
            Point::P256(_) => algorithm == Algorithm::Es(Hash::Sha256),
            Point::P384(_) => algorithm == Algorithm::Es(Hash::Sha384),
            Point::P521(_) => algorithm == Algorithm::Es(Hash::Sha512),
            Point::Ed25519(_) => algorithm == Algorithm::EdDsa,
        }
    }

    /// Length of a signature of this key, in bytes, in JWS form.
    #[must_use]
    pub fn signature_len(&self) -> usize {
        match &self.point {
            Point::Rsa(_, length) => *length,
            Point::P256(_) => 2 * Curve::P256.coordinate_len(),
            Point::P384(_) => 2 * Curve::P384.coordinate_len(),
            Point::P521(_) => 2 * Curve::P521.coordinate_len(),
            Point::Ed25519(_) => 64,
        }
    }

    /// Whether `signature` (JWS form) is this key's signature of `message`, computed in the guest.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match &self.point {
            Point::Rsa(key, _) => verify_rsa(key, algorithm, message, signature),
            Point::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Point::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Point::P521(key) => p521::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Point::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

fn verify_rsa(key: &RsaPublicKey, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
    let pkcs1 = |scheme: Pkcs1v15Sign, digest: &[u8]| key.verify(scheme, digest, signature);
    let outcome = match algorithm {
        Algorithm::Rs(Hash::Sha256) => {
            pkcs1(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))
        }
        Algorithm::Rs(Hash::Sha384) => {
            pkcs1(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message))
        }
        Algorithm::Rs(Hash::Sha512) => {
            pkcs1(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message))
        }
        // The salt is as long as the digest (RFC 7518 §3.5); `Pss::new` says so.
        Algorithm::Ps(Hash::Sha256) => {
            key.verify(Pss::<Sha256>::new(), &Sha256::digest(message), signature)
        }
        Algorithm::Ps(Hash::Sha384) => {
            key.verify(Pss::<Sha384>::new(), &Sha384::digest(message), signature)
        }
        Algorithm::Ps(Hash::Sha512) => {
            key.verify(Pss::<Sha512>::new(), &Sha512::digest(message), signature)
        }
        Algorithm::Hs(_) | Algorithm::Es(_) | Algorithm::EdDsa => return false,
    };
    outcome.is_ok()
}
