//! Signature verification by the host: the arguments and results of its foreign functions.
//!
//! `verify_signature` is Envoy's (`source/extensions/common/wasm/ext/verify_signature.proto`). It has no fields
//! for RSASSA-PSS and Ed25519; `wasmgate_verify_signature` has. Both return the same message.

use jwt_keys::algorithm::{Algorithm, Hash};
use jwt_keys::element::{SEQUENCE, encoded, encoded_unsigned};
use jwt_keys::material::PublicKey;

/// A call of a foreign function.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// Name of the foreign function.
    pub function: &'static str,
    /// Its arguments, a protobuf message.
    pub arguments: Vec<u8>,
}

impl Call {
    /// The call that verifies `signature` (JWS form) of `message`; `None` for HMAC, which the guest computes.
    #[must_use]
    pub fn new(
        algorithm: Algorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Option<Self> {
        match algorithm {
            Algorithm::Hs(_) => None,
            Algorithm::Rs(hash) => Some(Self::envoy(hash, &key.spki, message, signature)),
            Algorithm::Es(hash) => {
                Some(Self::envoy(hash, &key.spki, message, &ecdsa_der(signature)))
            }
            Algorithm::Ps(_) | Algorithm::EdDsa => Some(Self {
                function: "wasmgate_verify_signature",
                arguments: message_of([algorithm.name().as_bytes(), &key.spki, message, signature]),
            }),
        }
    }

    fn envoy(hash: Hash, spki: &[u8], message: &[u8], signature: &[u8]) -> Self {
        Self {
            function: "verify_signature",
            arguments: message_of([hash.name().as_bytes(), spki, signature, message]),
        }
    }
}

/// Whether field 1 of `results`, a bool, is true: the signature is valid.
#[must_use]
pub fn is_valid(results: &[u8]) -> bool {
    results.starts_with(&[0x08, 0x01])
}

/// A protobuf message with the fields 1 to 4, all length-delimited.
fn message_of(fields: [&[u8]; 4]) -> Vec<u8> {
    let room = fields.iter().map(|field| field.len() + 6).sum();
    let mut message = Vec::with_capacity(room);
    for (tag, field) in [0x0a, 0x12, 0x1a, 0x22].into_iter().zip(fields) {
        message.push(tag);
        push_varint(&mut message, field.len());
        message.extend_from_slice(field);
    }
    message
}

fn push_varint(message: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        message.push(0x80 | low_bits(value));
        value >>= 7;
    }
    message.push(low_bits(value));
}

fn low_bits(value: usize) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// `r || s` (RFC 7518 §3.4) as DER of `ECDSA-Sig-Value` (RFC 3279 §2.2.3).
fn ecdsa_der(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    encoded(SEQUENCE, &[encoded_unsigned(r), encoded_unsigned(s)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_shortened_and_kept_positive() {
        let der = ecdsa_der(&[0, 0x7f, 0x80, 0x01]);
        assert_eq!(der, [0x30, 8, 0x02, 1, 0x7f, 0x02, 3, 0, 0x80, 0x01]);
    }

    #[test]
    fn zero_is_one_zero_byte() {
        assert_eq!(ecdsa_der(&[0, 0]), [0x30, 6, 0x02, 1, 0, 0x02, 1, 0]);
    }

    #[test]
    fn a_p521_signature_has_a_long_length() {
        let der = ecdsa_der(&[0x01; 132]);
        assert_eq!(der[..5], [0x30, 0x81, 136, 0x02, 66]);
        assert_eq!(der.len(), 139);
    }

    #[test]
    fn fields_carry_their_tag_and_varint_length() {
        let message = message_of([b"k", &[7; 300], b"", b"sha256"]);
        assert_eq!(message[..6], [0x0a, 1, b'k', 0x12, 0xac, 0x02]);
        assert_eq!(message[306..], *b"\x1a\x00\x22\x06sha256");
    }

    #[test]
    fn only_a_true_result_is_valid() {
        assert!(is_valid(&[0x08, 0x01]));
        for results in [&[][..], &[0x08, 0x00], &[0x12, 0x01, 0x08]] {
            assert!(!is_valid(results), "{results:?}");
        }
    }
}
