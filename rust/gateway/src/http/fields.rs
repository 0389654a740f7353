//! What a field name and a field value may hold (RFC 9110 §5.1, §5.5), and which names mean
//! something to a gateway.

pub use wasmgate_host::{is_field_value, is_token};

/// What a gateway does with a field, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Goes on.
    EndToEnd,
    /// For one connection only: does not go on (RFC 9110 §7.6.1).
    HopByHop,
    /// Names more fields that do not go on.
    Connection,
    Te,
    Host,
    ContentLength,
    TransferEncoding,
    /// `X-Forwarded-For`, `Forwarded`: lists that every trusted proxy lengthens.
    ForwardedFor,
    Forwarded,
    /// Other fields of a proxy about the client, trusted only from a trusted proxy.
    ProxyHeader,
    /// How often OPTIONS and TRACE may still be forwarded.
    MaxForwards,
    /// CGI and WSGI turn `-` into `_`, so `X_User` would be read as `X-User`.
    Underscore,
}

/// The role of the field `name`, in any case.
pub(crate) fn role(name: &[u8]) -> Role {
    let Some(first) = name.first().map(u8::to_ascii_lowercase) else { return Role::EndToEnd };
    // Length and first letter leave one name to compare with.
    let candidate: Option<(&str, Role)> = match (name.len(), first) {
        (4, b'h') => Some(("host", Role::Host)),
        (14, b'c') => Some(("content-length", Role::ContentLength)),
        (17, b't') => Some(("transfer-encoding", Role::TransferEncoding)),
        (10, b'c') => Some(("connection", Role::Connection)),
        (2, b't') => Some(("te", Role::Te)),
        (10, b'k') => Some(("keep-alive", Role::HopByHop)),
        (16, b'p') => Some(("proxy-connection", Role::HopByHop)),
        (18, b'p') => Some(("proxy-authenticate", Role::HopByHop)),
        (19, b'p') => Some(("proxy-authorization", Role::HopByHop)),
        (7, b't') => Some(("trailer", Role::HopByHop)),
        (7, b'u') => Some(("upgrade", Role::HopByHop)),
        (14, b'h') => Some(("http2-settings", Role::HopByHop)),
        // The layer that reads the request's body has answered 100-continue already.
        (6, b'e') => Some(("expect", Role::HopByHop)),
        (9, b'f') => Some(("forwarded", Role::Forwarded)),
        (9, b'x') => Some(("x-real-ip", Role::ProxyHeader)),
        (12, b'm') => Some(("max-forwards", Role::MaxForwards)),
        (15, b'x') => Some(("x-forwarded-for", Role::ForwardedFor)),
        _ => None,
    };
    match candidate {
        Some((known, role)) if name.eq_ignore_ascii_case(known.as_bytes()) => role,
        _ if has_underscore(name) => Role::Underscore,
        _ if first == b'x' && is_x_forwarded(name) => Role::ProxyHeader,
        _ => Role::EndToEnd,
    }
}

/// True for a field that is about one connection, and does not go on (RFC 9110 §7.6.1).
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(role(name), Role::HopByHop | Role::Connection | Role::Te | Role::TransferEncoding)
}

/// True if there is an underscore in the name.
#[allow(clippy::needless_bitwise_bool, reason = "without branches sixteen bytes are one step")]
fn has_underscore(name: &[u8]) -> bool {
    name.iter().fold(false, |found, byte| found | (*byte == b'_'))
}

/// The beginning of bytes that came from outside, quoted and escaped, for the log.
pub(crate) struct Excerpt<'a>(pub(crate) &'a [u8]);

impl std::fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 64;
        let shown = self.0.get(..SHOWN).unwrap_or(self.0);
        let more = if shown.len() < self.0.len() { "..." } else { "" };
        write!(f, "\"{}\"{more}", shown.escape_ascii())
    }
}

/// Whether a field may go on as a trailer (RFC 9110 §6.5.1): one that a recipient has to know before
/// the body, because it frames, routes, guards or describes the message, may not.
pub(crate) fn may_trail(name: &[u8], value: &[u8]) -> bool {
    is_token(name)
        && is_field_value(value)
        && role(name) == Role::EndToEnd
        && !name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"if-"))
        && !NEVER_LAST.iter().any(|other| name.eq_ignore_ascii_case(other))
}

const NEVER_LAST: [&[u8]; 20] = [
    b"age",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-range",
    b"content-type",
    b"cookie",
    b"date",
    b"expires",
    b"location",
    b"max-forwards",
    b"origin",
    b"pragma",
    b"range",
    b"retry-after",
    b"set-cookie",
    b"vary",
    b"via",
    b"warning",
    b"www-authenticate",
];

fn is_x_forwarded(name: &[u8]) -> bool {
    name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case(b"x-forwarded-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens() {
        for name in ["host", "X-User", "x_user", "a!#$%&'*+-.^`|~0"] {
            assert!(is_token(name.as_bytes()), "{name}");
        }
        for name in ["", "a b", "a:", ":path", "a\r", "a\n", "a\0", "caf\u{e9}", "a(", "a\"", "a,"]
        {
            assert!(!is_token(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn values_have_no_controls() {
        for value in [b"".as_slice(), b"a b\tc", b"caf\xc3\xa9", b"\xff", b" "] {
            assert!(is_field_value(value), "{value:?}");
        }
        for value in ["a\r\nb", "a\rb", "a\nb", "a\0b", "a\x01b", "a\x7fb"] {
            assert!(!is_field_value(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn what_is_needed_before_the_body_is_no_trailer() {
        for name in ["x-sum", "ETag", "server-timing", "grpc-status", "digest"] {
            assert!(may_trail(name.as_bytes(), b"1"), "{name}");
        }
        for name in [
            "Content-Length",
            "transfer-encoding",
            "host",
            "Authorization",
            "set-cookie",
            "If-Match",
            "x-forwarded-for",
            "connection",
            "trailer",
            ":path",
        ] {
            assert!(!may_trail(name.as_bytes(), b"1"), "{name}");
        }
        assert!(!may_trail(b"x-sum", b"1\r\nx: y"));
    }

    #[test]
    fn roles_have_no_case() {
        for (name, expected) in [
            ("Accept", Role::EndToEnd),
            ("HOST", Role::Host),
            ("Connection", Role::Connection),
            ("KEEP-ALIVE", Role::HopByHop),
            ("Proxy-Authorization", Role::HopByHop),
            ("proxy-connection", Role::HopByHop),
            ("Trailer", Role::HopByHop),
            ("Upgrade", Role::HopByHop),
            ("Trailers", Role::EndToEnd),
            ("TE", Role::Te),
            ("X-Forwarded-For", Role::ForwardedFor),
            ("X-Forwarded-Proto", Role::ProxyHeader),
            ("X-Forwarded-Preferred-User", Role::ProxyHeader),
            ("X-Real-IP", Role::ProxyHeader),
            ("Forwarded", Role::Forwarded),
            ("X_User", Role::Underscore),
            ("Content_Length", Role::Underscore),
            ("Strict-Transport-Security", Role::EndToEnd),
        ] {
            assert_eq!(expected, role(name.as_bytes()), "{name}");
        }
    }
}
