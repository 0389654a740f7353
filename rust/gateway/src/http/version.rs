//! Versions of HTTP that a client may speak.

use crate::http::problem::Problem;

/// The answer to a request in a version that is not supported (RFC 9110 §15.6.6).
pub const NOT_SUPPORTED: Problem = Problem::new(505, "this version of HTTP is not supported");

/// The version a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0, where Host is optional.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
    /// HTTP/3.
    Http3,
}

impl Version {
    /// Reads what ASGI calls `http_version`: "1.0", "1.1", "2" or "3". None: HTTP has no such version,
    /// and a request in it is answered with [`NOT_SUPPORTED`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "1.0" => Some(Self::Http10),
            "1.1" => Some(Self::Http11),
            "2" => Some(Self::Http2),
            "3" => Some(Self::Http3),
            _ => None,
        }
    }

    /// The version as `request.protocol` gives it.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        }
    }

    /// The protocol in Via for a message that was received in this version (RFC 9110 §7.6.3).
    #[must_use]
    pub const fn via(self) -> &'static [u8] {
        match self {
            Self::Http10 => b"1.0 wasmgate",
            Self::Http11 => b"1.1 wasmgate",
            Self::Http2 => b"2 wasmgate",
            Self::Http3 => b"3 wasmgate",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asgi_versions_are_read() {
        for (text, protocol, via) in [
            ("1.0", "HTTP/1.0", "1.0 wasmgate"),
            ("1.1", "HTTP/1.1", "1.1 wasmgate"),
            ("2", "HTTP/2", "2 wasmgate"),
            ("3", "HTTP/3", "3 wasmgate"),
        ] {
            let version = Version::parse(text).unwrap();
            assert_eq!((protocol, via.as_bytes()), (version.protocol(), version.via()));
        }
        for text in ["0.9", "9.9", "9", "4", ""] {
            assert_eq!(None, Version::parse(text), "{text:?}");
        }
    }
}
