//! base64url without padding, in its canonical form alone (RFC 7515 §2, RFC 4648 §3.5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes `text`.
///
/// `None` for padding, white space, characters outside the alphabet, an impossible length, and trailing bits that are
/// not zero: they would give one token several encodings.
// Compiled in the crate that calls it, where tokens are decoded for speed.
#[inline]
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_alphabet_is_decoded() {
        assert_eq!(decode(b"-_8"), Some(vec![0xfb, 0xff]));
    }

    #[test]
    fn everything_that_is_not_canonical_is_refused() {
        for text in ["Zg==", "Zh", "Z", "Zm9v\n", "Zm 9v", "+/8", "Zm9v?"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
