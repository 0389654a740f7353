//! `SubjectPublicKeyInfo` (RFC 5280 §4.1): read from a key file, and written for the host.

use crate::curve::Curve;
use crate::element::{
    BIT_STRING, OBJECT_IDENTIFIER, SEQUENCE, canonical, encoded, encoded_unsigned, only,
};

/// Contents of the `AlgorithmIdentifier`: an OBJECT IDENTIFIER and the parameters of RFC 3279 §2.3.1, RFC 5480 §2.1.1
/// and RFC 8410 §3.
const RSA: &[u8] = &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 0x05, 0];
const P256: &[u8] =
    &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] =
    &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 0x04, 0, 0x22];
const P521: &[u8] =
    &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 5, 0x2b, 0x81, 0x04, 0, 0x23];
const ED25519: &[u8] = &[0x06, 3, 0x2b, 0x65, 0x70];

/// The parts of a `SubjectPublicKeyInfo`.
pub(crate) struct Info<'d> {
    /// The object identifier of the algorithm, in digits and dots.
    pub(crate) algorithm: String,
    /// The parameters of the algorithm, an element or nothing.
    parameters: &'d [u8],
    /// The key's bits, in whole bytes.
    pub(crate) key: &'d [u8],
}

impl<'d> Info<'d> {
    /// Reads it; `None` if `der` is not one.
    pub(crate) fn read(der: &'d [u8]) -> Option<Self> {
        let outer = only(der, SEQUENCE)?;
        let algorithm = canonical(outer, SEQUENCE)?;
        let identifier = canonical(algorithm.content, OBJECT_IDENTIFIER)?;
        let parameters = identifier.rest;
        if let Some(&tag) = parameters.first() {
            only(parameters, tag)?;
        }
        // The first byte is the number of bits that are not used.
        let (&unused, key) = only(algorithm.rest, BIT_STRING)?.split_first()?;
        let algorithm = dotted(identifier.content)?;
        (unused == 0).then_some(Self { algorithm, parameters, key })
    }

    /// The parameters, if they are an object identifier.
    pub(crate) fn named_parameters(&self) -> Option<String> {
        only(self.parameters, OBJECT_IDENTIFIER).and_then(dotted)
    }
}

/// An object identifier in digits and dots (ITU-T X.690 §8.19); `None` for a part above 2^32.
fn dotted(content: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    let mut part = 0_u32;
    let mut is_begun = false;
    for &byte in content {
        // A part does not begin with zeros.
        if (byte == 0x80 && !is_begun) || part >> 25 != 0 {
            return None;
        }
        part = part << 7 | u32::from(byte & 0x7f);
        is_begun = byte >= 0x80;
        if is_begun {
            continue;
        }
        if parts.is_empty() {
            // The first two parts are one number.
            let root = (part / 40).min(2);
            parts.push(root.to_string());
            part -= root * 40;
        }
        parts.push(part.to_string());
        part = 0;
    }
    (!is_begun && !parts.is_empty()).then(|| parts.join("."))
}

/// That of an RSA key, from its big-endian modulus and exponent.
pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let numbers = [encoded_unsigned(modulus), encoded_unsigned(exponent)].concat();
    info(RSA, &encoded(SEQUENCE, &numbers))
}

/// That of a point on a curve, in the uncompressed form of SEC 1.
pub(crate) fn of_point(curve: Curve, point: &[u8]) -> Vec<u8> {
    let algorithm = match curve {
        Curve::P256 => P256,
        Curve::P384 => P384,
        Curve::P521 => P521,
    };
    info(algorithm, point)
}

/// That of an Ed25519 key.
pub(crate) fn of_ed25519(key: &[u8]) -> Vec<u8> {
    info(ED25519, key)
}

fn info(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = encoded(BIT_STRING, &[&[0], key].concat());
    encoded(SEQUENCE, &[encoded(SEQUENCE, algorithm), key].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let curve = |curve| of_point(curve, &[4, 1, 2]);
        for (der, algorithm, parameters) in [
            (of_rsa(&[0xff], &[3]), "1.2.840.113549.1.1.1", None),
            (curve(Curve::P256), "1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")),
            (curve(Curve::P384), "1.2.840.10045.2.1", Some("1.3.132.0.34")),
            (curve(Curve::P521), "1.2.840.10045.2.1", Some("1.3.132.0.35")),
            (of_ed25519(&[7; 32]), "1.3.101.112", None),
        ] {
            let info = Info::read(&der).unwrap();
            assert_eq!(info.algorithm, algorithm);
            assert_eq!(info.named_parameters().as_deref(), parameters);
        }
    }

    #[test]
    fn what_is_not_whole_or_has_bytes_behind_it_is_refused() {
        let der = of_point(Curve::P256, &[4; 65]);
        for end in 0..der.len() {
            assert!(Info::read(&der[..end]).is_none(), "{end}");
        }
        assert!(Info::read(&[der.as_slice(), &[0]].concat()).is_none());
    }

    #[test]
    fn bits_that_are_not_whole_bytes_are_refused() {
        let mut der = of_ed25519(&[0; 32]);
        let unused = der.len() - 33;
        der[unused] = 1;
        assert!(Info::read(&der).is_none());
    }

    #[test]
    fn an_object_identifier_is_written_in_digits_and_dots() {
        for (content, text) in [
            (&[0x2a, 0x86, 0x48][..], Some("1.2.840")),
            (&[0x67, 0x81, 0x0c], Some("2.23.140")),
            (&[0x88, 0x37, 3], Some("2.999.3")),
            (&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f], Some("1.3.4294967295")),
            (&[0x2b, 0x90, 0x80, 0x80, 0x80, 0x00], None),
            (&[0x2a, 0x80, 1], None),
            (&[0x2a, 0x86], None),
            (&[], None),
        ] {
            assert_eq!(dotted(content).as_deref(), text, "{content:?}");
        }
    }
}
