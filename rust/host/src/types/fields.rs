//! The grammar of field names and values (RFC 9110 §5.1, §5.5), of methods, targets and authorities
//! that policies write, and the meaning of a field to a proxy. All other code calls these functions.

/// RFC 9110 §5.1 and §5.5: a token as the name, no control character but a tab in the value.
pub(crate) fn is_field(name: &[u8], value: &[u8]) -> bool {
    is_token(name) && is_field_value(value)
}

/// True for a token (RFC 9110 §5.6.2): a field name or a method.
#[must_use]
#[inline]
pub fn is_token(bytes: &[u8]) -> bool {
    // Without a branch for each byte: nearly all are tokens.
    !bytes.is_empty() && bytes.iter().fold(true, |token, b| token & TOKEN[usize::from(*b)])
}

/// The characters of a token beside letters, digits and `-`.
pub const TOKEN_MARKS: &str = "!#$%&'*+.^_`|~";

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    table[b'-' as usize] = true;
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let (marks, mut at) = (TOKEN_MARKS.as_bytes(), 0);
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// True for a value without controls other than tab. CR, LF and NUL end fields in some readers;
/// RFC 9110 §5.5 allows to refuse the others as well, and no honest sender uses them.
#[must_use]
#[inline]
#[allow(clippy::needless_bitwise_bool, reason = "without branches sixteen bytes are one step")]
pub fn is_field_value(bytes: &[u8]) -> bool {
    !bytes.iter().fold(false, |bad, b| bad | (*b < b' ') & (*b != b'\t') | (*b == 0x7f))
}

/// True for a request target in origin-form (RFC 9112 §3.2.1), as far as its bytes say: a path and
/// maybe a query, without white space, a control character or a fragment.
#[must_use]
pub fn is_origin_form(target: &[u8]) -> bool {
    let bad = |b: &u8| *b <= b' ' || matches!(*b, b'#' | 0x7f);
    target.first() == Some(&b'/') && !target.iter().any(bad)
}

/// True for an authority of the characters that RFC 3986 §3.2 has, without user information.
#[must_use]
pub fn is_authority(authority: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%[]".contains(b);
    !authority.is_empty() && authority.iter().all(allowed)
}

/// What a field means to a proxy, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is forwarded.
    EndToEnd,
    /// For one connection only: it is not forwarded (RFC 9110 §7.6.1).
    HopByHop,
    /// The same, and about the connection itself: Keep-Alive, Proxy-Connection and Upgrade, which a
    /// message of HTTP/2 must not have (RFC 9113 §8.2.2).
    ConnectionSpecific,
    /// `Connection`: names further fields that are not forwarded.
    Connection,
    /// `TE`.
    Te,
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `X-Forwarded-For`, `Forwarded`: lists to which every trusted proxy appends.
    ForwardedFor,
    /// `Forwarded`.
    Forwarded,
    /// Other fields of a proxy about the client, trusted only from a trusted proxy.
    ProxyHeader,
    /// How often OPTIONS and TRACE may still be forwarded.
    MaxForwards,
    /// CGI and WSGI turn `-` into `_`, so `X_User` would be read as `X-User`.
    Underscore,
}

/// The role of the field `name`, in any case.
#[must_use]
#[inline]
pub fn role(name: &[u8]) -> Role {
    let Some(first) = name.first().map(u8::to_ascii_lowercase) else { return Role::EndToEnd };
    // Length and first letter leave one name to compare with.
    let candidate: Option<(&str, Role)> = match (name.len(), first) {
        (4, b'h') => Some(("host", Role::Host)),
        (14, b'c') => Some(("content-length", Role::ContentLength)),
        (17, b't') => Some(("transfer-encoding", Role::TransferEncoding)),
        (10, b'c') => Some(("connection", Role::Connection)),
        (2, b't') => Some(("te", Role::Te)),
        (10, b'k') => Some(("keep-alive", Role::ConnectionSpecific)),
        (16, b'p') => Some(("proxy-connection", Role::ConnectionSpecific)),
        (18, b'p') => Some(("proxy-authenticate", Role::HopByHop)),
        (19, b'p') => Some(("proxy-authorization", Role::HopByHop)),
        (7, b't') => Some(("trailer", Role::HopByHop)),
        (7, b'u') => Some(("upgrade", Role::ConnectionSpecific)),
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

/// True if there is an underscore in the name.
#[allow(clippy::needless_bitwise_bool, reason = "without branches sixteen bytes are one step")]
#[inline]
fn has_underscore(name: &[u8]) -> bool {
    name.iter().fold(false, |found, byte| found | (*byte == b'_'))
}

#[inline]
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
    fn roles_have_no_case() {
        for (name, expected) in [
            ("Accept", Role::EndToEnd),
            ("HOST", Role::Host),
            ("Connection", Role::Connection),
            ("KEEP-ALIVE", Role::ConnectionSpecific),
            ("Proxy-Authorization", Role::HopByHop),
            ("proxy-connection", Role::ConnectionSpecific),
            ("Trailer", Role::HopByHop),
            ("Upgrade", Role::ConnectionSpecific),
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

    #[test]
    fn targets_are_a_path_and_a_query() {
        for target in ["/", "/a?b=/?", "/%20", "/a|b", "/caf\u{e9}"] {
            assert!(is_origin_form(target.as_bytes()), "{target}");
        }
        for target in ["", "a", "*", "http://a/", "/a b", "/a#b", "/a\r\nx: y", "/a\0", "/a\x7f"] {
            assert!(!is_origin_form(target.as_bytes()), "{target:?}");
        }
    }

    #[test]
    fn authorities_have_no_user_and_no_path() {
        for authority in ["a", "a.example:80", "[::1]:80", "caf%C3%A9"] {
            assert!(is_authority(authority.as_bytes()), "{authority}");
        }
        for authority in ["", "user@a", "a/b", "a?b", "a#b", "a b", "a\r\nx: y", "a\"", "caf\u{e9}"]
        {
            assert!(!is_authority(authority.as_bytes()), "{authority:?}");
        }
    }
}
