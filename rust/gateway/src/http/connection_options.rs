//! Fields that a Connection field names: they end at this hop (RFC 9110 §7.6.1).

use wasmgate_host::HeaderMap;

use crate::http::fields::{Role, is_token, role};
use crate::http::version::Version;

/// What Connection fields say about the time after the message (RFC 9112 §9.3).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Persistence {
    close: bool,
    keep_alive: bool,
}

impl Persistence {
    /// Takes in a field; all but Connection say nothing.
    #[inline]
    pub fn note(&mut self, name: &[u8], value: &[u8]) {
        if name.len() == 10 && name.eq_ignore_ascii_case(b"connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
    }

    /// True if the connection lasts. `close` has precedence; HTTP/1.0 has to ask for it.
    pub fn lasts(self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Names that Connection fields gave, apart from `close` and `keep-alive`.
#[derive(Debug, Default)]
pub(crate) struct ConnectionOptions(Vec<Vec<u8>>);

impl ConnectionOptions {
    /// Takes in one Connection field; false if it is not a list of tokens.
    pub fn add(&mut self, value: &[u8]) -> bool {
        for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if option.is_empty()
                || option.eq_ignore_ascii_case(b"keep-alive")
                || option.eq_ignore_ascii_case(b"close")
            {
                continue;
            }
            if !is_token(option) {
                return false;
            }
            self.0.push(option.to_ascii_lowercase());
        }
        true
    }

    /// True if `name`, in lower case, is among them.
    pub fn has(&self, name: &[u8]) -> bool {
        self.0.iter().any(|option| option == name)
    }

    /// True if a client names a field that is not its to take away: what a proxy in front of us may
    /// have added, and what routes, framing and policies decide by.
    pub fn names_protected(&self) -> bool {
        self.0.iter().any(|name| {
            let by_role = matches!(
                role(name),
                Role::Host
                    | Role::ContentLength
                    | Role::ForwardedFor
                    | Role::Forwarded
                    | Role::ProxyHeader
            );
            by_role || PROTECTED.contains(&name.as_slice())
        })
    }

    /// Removes what was named; the length of the content stays, for it is not about the connection.
    pub fn remove_from(&self, map: &mut HeaderMap) {
        for name in &self.0 {
            if name != b"content-length" {
                map.remove(name);
            }
        }
    }
}

const PROTECTED: [&[u8]; 7] = [
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-type",
    b"cookie",
    b"origin",
    b"via",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn options(value: &str) -> ConnectionOptions {
        let mut options = ConnectionOptions::default();
        assert!(options.add(value.as_bytes()));
        options
    }

    #[test]
    fn named_fields_are_removed() {
        let fields: [(&[u8], &[u8]); 4] =
            [(b"x-hop", b"1"), (b"x-keep", b"2"), (b"x-hop", b"3"), (b"x-other", b"4")];
        let mut map: HeaderMap = fields.into_iter().collect();
        options("keep-alive, X-Hop ,,x-other").remove_from(&mut map);
        assert_eq!(vec![b"x-keep".as_slice()], map.iter().map(|f| f.0).collect::<Vec<_>>());
    }

    #[test]
    fn fields_that_matter_end_to_end_are_protected() {
        for name in ["Host", "authorization", "Content-Length", "x-forwarded-for", "Cookie", "via"]
        {
            assert!(options(name).names_protected(), "{name}");
        }
        for name in ["close", "keep-alive", "x-hop", "te", "upgrade", "http2-settings"] {
            assert!(!options(name).names_protected(), "{name}");
        }
    }

    #[test]
    fn what_is_no_list_of_tokens_is_seen() {
        for value in ["a b", "a\r\nb", ":path", "a;b"] {
            assert!(!ConnectionOptions::default().add(value.as_bytes()), "{value:?}");
        }
    }
}
