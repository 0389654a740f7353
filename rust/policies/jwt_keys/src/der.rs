//! Public keys in DER: `SubjectPublicKeyInfo`, PKCS #1 and X.509 certificates.

use crate::algorithm::Algorithm;
use crate::curve::Curve;
use crate::element::{INTEGER, OCTET_STRING, SEQUENCE, canonical, element, only, unsigned};
use crate::material::PublicKey;
use crate::spki::Info;

const RSA_OID: &str = "1.2.840.113549.1.1.1";
const EC_OID: &str = "1.2.840.10045.2.1";
const ED25519_OID: &str = "1.3.101.112";
const CURVES: [(&str, Curve); 3] = [
    ("1.2.840.10045.3.1.7", Curve::P256),
    ("1.3.132.0.34", Curve::P384),
    ("1.3.132.0.35", Curve::P521),
];
/// Key types and curves that are not supported, by name.
const OTHERS: [(&str, &str); 10] = [
    ("1.2.840.113549.1.1.10", "RSASSA-PSS alone (write it as an RSA key)"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.3.1", "Diffie-Hellman"),
    ("1.3.101.110", "X25519, which does not sign"),
    ("1.3.101.111", "X448, which does not sign"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
];

/// Tag of a certificate's version.
const VERSION: u8 = 0xa0;

/// The key of a `SubjectPublicKeyInfo`.
///
/// # Errors
/// The reason, as part of a configuration error.
pub fn spki(der: &[u8]) -> Result<PublicKey, String> {
    let unreadable = || match other_kind(der) {
        Some(other) => format!("the PEM block PUBLIC KEY holds {other}"),
        None => "the PEM block PUBLIC KEY does not hold a SubjectPublicKeyInfo".to_owned(),
    };
    let info = Info::read(der).ok_or_else(unreadable)?;
    match info.algorithm.as_str() {
        RSA_OID => pkcs1(info.key),
        ED25519_OID => PublicKey::ed25519(info.key),
        EC_OID => {
            let oid = info.named_parameters().ok_or(
                "the EC key has explicit curve parameters; write it with a named curve: openssl ec -pubin -in key.pem -pubout \
                 -param_enc named_curve",
            )?;
            let curve = CURVES.iter().find(|(known, _)| *known == oid).ok_or_else(|| {
                format!("the EC key is on {}; it must be on P-256, P-384 or P-521", name(&oid))
            })?;
            PublicKey::ec(curve.1, info.key)
        }
        oid => {
            Err(format!("keys of type {} are not supported; RSA, EC and Ed25519 are", name(oid)))
        }
    }
}

fn name(oid: &str) -> &str {
    OTHERS.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, name)| name)
}

/// The key of an `RSAPublicKey` (RFC 8017 §A.1.1).
///
/// # Errors
/// The reason, as part of a configuration error.
pub fn pkcs1(der: &[u8]) -> Result<PublicKey, String> {
    let (modulus, exponent) = rsa_numbers(der).ok_or_else(|| match other_kind(der) {
        Some(other) => format!("the PEM block RSA PUBLIC KEY holds {other}"),
        None => "the PEM block does not hold an RSA public key".to_owned(),
    })?;
    PublicKey::rsa(modulus, exponent)
}

/// Modulus and exponent of an `RSAPublicKey`, big-endian.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let modulus = canonical(only(der, SEQUENCE)?, INTEGER)?;
    Some((unsigned(modulus.content)?, unsigned(only(modulus.rest, INTEGER)?)?))
}

/// The parts of a certificate (RFC 5280 §4.1) that are used. Its validity and signature are not checked, because the
/// configuration is trusted.
#[derive(Debug, PartialEq, Eq)]
pub struct Certificate<'d> {
    /// The `issuer`, in DER.
    pub issuer: &'d [u8],
    /// The `subject`, in DER.
    pub subject: &'d [u8],
    /// Its `SubjectPublicKeyInfo`.
    pub spki: &'d [u8],
}

impl<'d> Certificate<'d> {
    /// Reads a certificate; `None` if `der` is not one.
    #[must_use]
    pub fn read(der: &'d [u8]) -> Option<Self> {
        let certificate = element(der, SEQUENCE)?;
        let mut rest = element(certificate.content, SEQUENCE)?.content;
        if let Some(version) = element(rest, VERSION) {
            rest = version.rest;
        }
        let mut next = |tag| {
            let found = element(rest, tag)?;
            rest = found.rest;
            Some(found.whole)
        };
        let (_serial, _signature) = (next(INTEGER)?, next(SEQUENCE)?);
        let issuer = next(SEQUENCE)?;
        let _validity = next(SEQUENCE)?;
        Some(Self { issuer, subject: next(SEQUENCE)?, spki: next(SEQUENCE)? })
    }

    /// The public key of the subject.
    ///
    /// # Errors
    /// The reason, as part of a configuration error.
    pub fn key(&self) -> Result<PublicKey, String> {
        spki(self.spki)
    }
}

/// The kind of another DER structure that key files have, with the advice for it.
fn other_kind(der: &[u8]) -> Option<&'static str> {
    if Certificate::read(der).is_some() {
        return Some("a certificate; write CERTIFICATE in its BEGIN and END lines");
    }
    let outer = element(der, SEQUENCE)?;
    let first = element(outer.content, INTEGER);
    match first.map(|first| (first.content.len(), first.rest.first())) {
        Some((1, Some(&SEQUENCE | &INTEGER | &OCTET_STRING))) => {
            Some("a private key; write its public key: openssl pkey -in key.pem -pubout")
        }
        Some((_, Some(&INTEGER))) => {
            Some("a key in PKCS #1; write RSA PUBLIC KEY in its BEGIN and END lines")
        }
        _ => Info::read(der)
            .is_some()
            .then_some("a key with its type; write PUBLIC KEY in its BEGIN and END lines"),
    }
}

/// The names of the algorithms for which `serves` is true.
#[must_use]
pub fn served(serves: impl Fn(Algorithm) -> bool) -> String {
    let names: Vec<_> = crate::algorithm::ALGORITHMS
        .iter()
        .filter(|(_, algorithm)| serves(*algorithm))
        .map(|(name, _)| *name)
        .collect();
    if names.is_empty() { "no algorithm".to_owned() } else { names.join(", ") }
}
