//! The framing of a message (RFC 9112 §6, RFC 9110 §8.6), and which framing is refused.

use crate::http::fields::is_field_value;
use crate::http::version::Version;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// No body.
    Empty,
    /// Content-Length.
    Length(u64),
    /// `Transfer-Encoding: chunked`; the layer that writes to the upstream writes the chunks.
    Chunked,
}

/// The framing fields of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// The value of Content-Length.
    pub length: Option<u64>,
    /// `Transfer-Encoding: chunked`.
    pub chunked: bool,
}

/// Framing that two readers could read differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadFraming {
    Length,
    Coding,
    Both,
}

impl BadFraming {
    /// The message for logs and problem details.
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Length => "Content-Length is not one decimal number",
            Self::Coding => "Transfer-Encoding is not chunked, once",
            Self::Both => "Content-Length and Transfer-Encoding came together",
        }
    }
}

impl Framing {
    /// RFC 9112 §6.3: in HTTP/1 a request without framing has no body; later versions need none to
    /// have one.
    pub(crate) fn has_body(self, version: Version) -> bool {
        let framed = matches!(version, Version::Http10 | Version::Http11);
        self.chunked || self.length.map_or(!framed, |length| length > 0)
    }

    /// Takes in a Content-Length field. A second one is refused even if it says the same, and so is
    /// a list: RFC 9110 §8.6 allows both, and to accept them enables request smuggling.
    pub(crate) fn content_length(&mut self, value: &[u8]) -> Result<(), BadFraming> {
        let length = parse_length(value).ok_or(BadFraming::Length)?;
        if self.length.replace(length).is_some() {
            return Err(BadFraming::Length);
        }
        self.not_both()
    }

    /// Takes in a Transfer-Encoding field.
    pub(crate) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), BadFraming> {
        let chunked = is_field_value(value) && value.trim_ascii().eq_ignore_ascii_case(b"chunked");
        if !chunked || std::mem::replace(&mut self.chunked, true) {
            return Err(BadFraming::Coding);
        }
        self.not_both()
    }

    fn not_both(self) -> Result<(), BadFraming> {
        if self.chunked && self.length.is_some() { Err(BadFraming::Both) } else { Ok(()) }
    }
}

/// A length: decimal digits only, at most `u64::MAX`.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Framing, BadFraming> {
        let mut framing = Framing::default();
        for (name, value) in fields {
            match *name {
                "cl" => framing.content_length(value.as_bytes())?,
                _ => framing.transfer_encoding(value.as_bytes())?,
            }
        }
        Ok(framing)
    }

    #[test]
    fn one_length_or_one_chunked_is_read() {
        assert_eq!(Ok(Framing { length: Some(5), chunked: false }), read(&[("cl", "5")]));
        assert_eq!(Ok(Framing { length: None, chunked: true }), read(&[("te", "Chunked")]));
        assert_eq!(Ok(Framing::default()), read(&[]));
    }

    #[test]
    fn framing_says_whether_a_body_follows() {
        for (fields, version, expected) in [
            (&[][..], Version::Http11, false),
            (&[][..], Version::Http2, true),
            (&[("cl", "0")], Version::Http11, false),
            (&[("cl", "0")], Version::Http2, false),
            (&[("cl", "5")], Version::Http10, true),
            (&[("te", "chunked")], Version::Http11, true),
        ] {
            assert_eq!(expected, read(fields).unwrap().has_body(version), "{fields:?} {version:?}");
        }
    }

    #[test]
    fn lengths_must_be_one_number() {
        for value in ["", "+5", "-1", "5, 5", "5,5", "0x5", "5 ", "18446744073709551616", "5\r\n"] {
            assert_eq!(Err(BadFraming::Length), read(&[("cl", value)]), "{value:?}");
        }
        assert_eq!(Err(BadFraming::Length), read(&[("cl", "5"), ("cl", "5")]));
    }

    #[test]
    fn both_framing_fields_are_refused() {
        assert_eq!(Err(BadFraming::Both), read(&[("cl", "5"), ("te", "chunked")]));
        assert_eq!(Err(BadFraming::Both), read(&[("te", "chunked"), ("cl", "0")]));
    }

    #[test]
    fn codings_other_than_chunked_are_refused() {
        for value in ["gzip, chunked", "chunked, chunked", "identity", "", "xchunked", "chunked\0"]
        {
            assert_eq!(Err(BadFraming::Coding), read(&[("te", value)]), "{value:?}");
        }
        assert_eq!(Err(BadFraming::Coding), read(&[("te", "chunked"), ("te", "chunked")]));
    }
}
