//! Public keys in DER: `SubjectPublicKeyInfo`, PKCS #1 and X.509 certificates.

use crate::algorithm::Algorithm;
use crate::material::{Curve, PublicKey};
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;

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

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
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
    let spki = SubjectPublicKeyInfoRef::try_from(der).map_err(|_| unreadable())?;
    let bits = spki.subject_public_key.as_bytes().ok_or_else(unreadable)?;
    match spki.algorithm.oid.to_string().as_str() {
        RSA_OID => pkcs1(bits),
        ED25519_OID => PublicKey::ed25519(bits),
        EC_OID => {
            let oid = spki.algorithm.parameters_oid().map_err(|_| {
                "the EC key has explicit curve parameters; write it with a named curve: openssl ec -pubin -in key.pem -pubout \
                 -param_enc named_curve"
            })?;
            let oid = oid.to_string();
            let curve = CURVES.iter().find(|(known, _)| *known == oid).ok_or_else(|| {
                format!("the EC key is on {}; it must be on P-256, P-384 or P-521", name(&oid))
            })?;
            PublicKey::ec(curve.1, bits)
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
    let key = RsaPublicKeyRef::try_from(der).map_err(|_| match other_kind(der) {
        Some(other) => format!("the PEM block RSA PUBLIC KEY holds {other}"),
        None => "the PEM block does not hold an RSA public key".to_owned(),
    })?;
    PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
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
        _ => SubjectPublicKeyInfoRef::try_from(der)
            .is_ok()
            .then_some("a key with its type; write PUBLIC KEY in its BEGIN and END lines"),
    }
}

struct Element<'d> {
    content: &'d [u8],
    whole: &'d [u8],
    rest: &'d [u8],
}

/// The element at the start of `der`, if it has this tag.
fn element(der: &[u8], tag: u8) -> Option<Element<'_>> {
    let (&[own, first], after) = der.split_first_chunk()?;
    let (len, after) = if first < 0x80 {
        (usize::from(first), after)
    } else {
        // The number of length bytes; a key has fewer than 2^24 bytes.
        let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
        let is_known = (1..=3).contains(&digits.len());
        let len = digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit));
        is_known.then_some((len, after))?
    };
    let (content, rest) = after.split_at_checked(len)?;
    let whole = &der[..der.len() - rest.len()];
    (own == tag).then_some(Element { content, whole, rest })
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
