//! The encoding of claims in header values.

use std::borrow::Cow;

/// How characters outside ASCII are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, as opaque bytes (RFC 9110 §5.5).
    #[default]
    Utf8,
    /// Percent-encoded UTF-8 (RFC 3986 §2.1): every byte but visible ASCII, and `%`, is `%XX`.
    Percent,
}

impl Encoding {
    /// The encoding of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "utf8" => Some(Self::Utf8),
            "percent" => Some(Self::Percent),
            _ => None,
        }
    }

    /// `text` as a field value.
    // Compiled in the crate that calls it, where it runs on a request.
    #[inline]
    #[must_use]
    pub fn field(self, text: &[u8]) -> Cow<'_, [u8]> {
        let stays = |byte: &u8| byte.is_ascii_graphic() && *byte != b'%';
        if self == Self::Utf8 || text.iter().all(stays) {
            return Cow::Borrowed(text);
        }
        let mut field = Vec::with_capacity(text.len() * 3);
        for &byte in text {
            if stays(&byte) {
                field.push(byte);
            } else {
                field.extend([b'%', digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
        Cow::Owned(field)
    }
}

fn digit(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'A' - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is_in_utf8() {
        assert_eq!(Encoding::Utf8.field("Zoë 100%".as_bytes()), "Zoë 100%".as_bytes());
    }

    #[test]
    fn everything_but_visible_ascii_is_percent_encoded() {
        let field = |text: &str| Encoding::Percent.field(text.as_bytes()).into_owned();
        assert_eq!(field("ada@example.com"), b"ada@example.com");
        assert_eq!(field("Zoë 100%"), b"Zo%C3%AB%20100%25");
        assert_eq!(field("日本"), b"%E6%97%A5%E6%9C%AC");
    }
}
