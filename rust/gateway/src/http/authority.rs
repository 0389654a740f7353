//! The authority of a request: `host` or `host:port` (RFC 3986 §3.2, RFC 9110 §7.2).

use std::borrow::Cow;
use std::net::Ipv6Addr;

use crate::http::problem::Problem;

pub(crate) const BAD_AUTHORITY: Problem =
    Problem::bad_request("the host is not a valid host name, address or port");

/// A valid authority in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The whole of it.
    pub bytes: &'a [u8],
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: &'a [u8],
    /// The port, if one is named.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads an authority.
    ///
    /// Narrower than RFC 3986: no user information, no empty host or port, and names only of letters,
    /// digits, `-`, `.`, `_` and `~`, because a comma or a quote in a name would end up in
    /// `X-Forwarded-Host` and `Forwarded`.
    ///
    /// # Errors
    /// A [`Problem`] with status 400.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Problem> {
        let end = match bytes {
            [b'[', ..] => bytes.iter().position(|b| *b == b']').map_or(0, |end| end + 1),
            _ => bytes.iter().position(|b| *b == b':').unwrap_or(bytes.len()),
        };
        let (host, rest) = bytes.split_at(end);
        let port = match rest {
            [] => None,
            [b':', digits @ ..] => Some(port(digits).ok_or(BAD_AUTHORITY)?),
            _ => return Err(BAD_AUTHORITY),
        };
        if is_host(host) { Ok(Self { bytes, host, port }) } else { Err(BAD_AUTHORITY) }
    }

    /// The host as routes compare it: lower case, without the dot that ends a full name.
    #[must_use]
    pub fn key(&self) -> Cow<'a, [u8]> {
        let host = self.host.strip_suffix(b".").unwrap_or(self.host);
        if host.iter().any(u8::is_ascii_uppercase) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        }
    }
}

fn port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn is_host(host: &[u8]) -> bool {
    match host {
        [b'[', address @ .., b']'] => {
            std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
        }
        b"" | b"." => false,
        name => name.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        for (text, host, port) in [
            ("example", "example", None),
            ("API.example:8080", "API.example", Some(8080)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]", "[::1]", None),
            ("[2001:db8::1]:443", "[2001:db8::1]", Some(443)),
            ("my_app", "my_app", None),
        ] {
            let bytes = text.as_bytes();
            let expected = Authority { bytes, host: host.as_bytes(), port };
            assert_eq!(Ok(expected), Authority::parse(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ".",
            ":80",
            "a:",
            "a:x",
            "a:65536",
            "a:+1",
            "a:1:2",
            "u@a",
            "a/b",
            "a b",
            "a,b",
            "a\r\nb",
            "a\0",
            "[::1",
            "[::1]x",
            "[a]",
            "::1",
            "a\"b",
            "caf\u{e9}",
            "a?b",
            "a#b",
        ] {
            assert_eq!(Err(BAD_AUTHORITY), Authority::parse(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn the_key_has_no_case_and_no_last_dot() {
        let key = |text: &'static str| Authority::parse(text.as_bytes()).unwrap().key();
        assert_eq!(b"api.example".as_slice(), key("API.Example.:80").as_ref());
        assert_eq!(b"api.example".as_slice(), key("api.example").as_ref());
    }
}
