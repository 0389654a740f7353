//! Which fields are forwarded, as header fields and as trailers. The grammar of names and values, and the
//! meaning of a name to a proxy, are in the host, because policies write fields, too.

pub(crate) use wasmgate_host::{Role, is_field_value, is_token, role};

/// True for a hop-by-hop field, which is not forwarded (RFC 9110 §7.6.1).
#[must_use]
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    matches!(
        role(name),
        Role::HopByHop
            | Role::ConnectionSpecific
            | Role::Connection
            | Role::Te
            | Role::TransferEncoding
    )
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

/// Whether a field may be forwarded as a trailer (RFC 9110 §6.5.1): one that a recipient has to know before
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
