//! The answer to a handshake's key (RFC 6455 §4.2.2).

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
pub(crate) fn accept(key: &[u8]) -> Vec<u8> {
    let mut hash = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(SUFFIX);
    base64(hash.finish().as_ref())
}

/// True for 16 bytes in base64 (RFC 6455 §4.1, RFC 4648 §4).
pub(crate) fn is_key(value: &[u8]) -> bool {
    let Some((digits, last)) = value.strip_suffix(b"==").and_then(<[u8]>::split_last_chunk::<1>)
    else {
        return false;
    };
    let known = |digit: &u8| ALPHABET.contains(digit);
    // Of the last digit four bits say nothing: they are 0 in the one form that there is.
    digits.len() == 21 && digits.iter().all(known) && b"AQgw".contains(&last[0])
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { ALPHABET[index] } else { b'=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let expected = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert_eq!(accept(b"dGhlIHNhbXBsZSBub25jZQ=="), expected);
    }

    #[test]
    fn base64_has_padding() {
        for (bytes, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(bytes.as_bytes()), expected.as_bytes(), "{bytes}");
        }
    }

    #[test]
    fn a_key_is_16_bytes_in_base64() {
        for (key, expected) in [
            ("dGhlIHNhbXBsZSBub25jZQ==", true),
            ("AAAAAAAAAAAAAAAAAAAAAA==", true),
            ("dGhlIHNhbXBsZSBub25jZR==", false),
            ("dGhlIHNhbXBsZSBub25jZQ=", false),
            ("dGhlIHNhbXBsZSBub25jZ-==", false),
            ("dGhlIHNhbXBsZSBub25jZQAA", false),
            ("AAAA", false),
            ("==", false),
            ("", false),
        ] {
            assert_eq!(is_key(key.as_bytes()), expected, "{key}");
        }
    }
}
