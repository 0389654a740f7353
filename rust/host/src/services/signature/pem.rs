//! Keys in PEM (RFC 7468).

/// The bytes of the first block; none if there is no whole one.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    base64(body.bytes().filter(|byte| !byte.is_ascii_whitespace()))
}

/// RFC 4648 §4, with or without padding.
fn base64(digits: impl Iterator<Item = u8>) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in digits.take_while(|digit| *digit != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.extend(u8::try_from(bits >> held & 0xff));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_decoded() {
        let text = b"-----BEGIN PUBLIC KEY-----\naGVsbG8s\r\nIHdvcmxk\n-----END PUBLIC KEY-----\n";
        assert_eq!(decode(text), Some(b"hello, world".to_vec()));
        assert_eq!(decode(b"-----BEGIN X-----\naGk=\n-----END X-----"), Some(b"hi".to_vec()));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in
            ["", "aGk=", "-----BEGIN X-----\naGk=", "-----BEGIN X-----\na*\n-----END X-----"]
        {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
