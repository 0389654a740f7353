//! Which algorithms there are, and which one a key is for.

use aws_lc_rs::signature::{self as aws, VerificationAlgorithm};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn named(name: &str) -> Option<Self> {
        [("sha256", Self::Sha256), ("sha384", Self::Sha384), ("sha512", Self::Sha512)]
            .into_iter()
            .find_map(|(known, hash)| name.eq_ignore_ascii_case(known).then_some(hash))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

/// What a public key is, by the object identifiers at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    Ec(Curve),
    Ed25519,
}

/// `AlgorithmIdentifier`s in DER without their outer header: RFC 3279 §2.3.1, RFC 5480 §2.1.1,
/// RFC 8410 §3.
const KINDS: [(&[u8], KeyKind); 5] = [
    (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", KeyKind::Rsa),
    (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", EC_P256),
    (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22", EC_P384),
    (b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23", EC_P521),
    (b"\x06\x03\x2b\x65\x70", KeyKind::Ed25519),
];
const EC_P256: KeyKind = KeyKind::Ec(Curve::P256);
const EC_P384: KeyKind = KeyKind::Ec(Curve::P384);
const EC_P521: KeyKind = KeyKind::Ec(Curve::P521);

const SEQUENCE: u8 = 0x30;

impl KeyKind {
    /// The kind of a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7); its other parts are not checked.
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let identifier = sequence(sequence(der)?)?;
        let found = KINDS.iter().find(|(known, _)| *known == identifier);
        found.map(|&(_, kind)| kind)
    }
}

/// The contents of the sequence that `der` begins with.
fn sequence(der: &[u8]) -> Option<&[u8]> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    if tag != SEQUENCE {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(&length, rest)| (usize::from(length), rest))?,
        0x82 => {
            let (&length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(length)), rest)
        }
        _ => return None,
    };
    rest.get(..length)
}

/// A way to verify, as far as the key does not say it itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Algorithm {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    /// Signatures in ASN.1.
    Ecdsa(Curve, Hash),
    Ed25519,
}

impl Algorithm {
    pub(super) fn native(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RsaPkcs1(Hash::Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1(Hash::Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1(Hash::Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
            Self::RsaPss(Hash::Sha256) => &aws::RSA_PSS_2048_8192_SHA256,
            Self::RsaPss(Hash::Sha384) => &aws::RSA_PSS_2048_8192_SHA384,
            Self::RsaPss(Hash::Sha512) => &aws::RSA_PSS_2048_8192_SHA512,
            Self::Ecdsa(Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
            Self::Ecdsa(Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
            Self::Ecdsa(Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
            Self::Ecdsa(Curve::P384, Hash::Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
            Self::Ecdsa(Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
            Self::Ecdsa(Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
            Self::Ecdsa(Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
            Self::Ecdsa(Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
            Self::Ecdsa(Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
            Self::Ed25519 => &aws::ED25519,
        }
    }
}
