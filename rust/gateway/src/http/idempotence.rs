//! Which requests may be sent again, and how much of a body is kept for that.

/// Bytes of a request's body that are kept, to be sent again.
pub const REPLAYED_BYTES: usize = 64 << 10;

/// True if a request with this method may be repeated without harm (RFC 9110 §9.2.2).
#[must_use]
pub fn is_idempotent(method: &[u8]) -> bool {
    matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_compared_with_their_case() {
        for (method, expected) in [
            ("GET", true),
            ("PUT", true),
            ("DELETE", true),
            ("get", false),
            ("POST", false),
            ("", false),
        ] {
            assert_eq!(is_idempotent(method.as_bytes()), expected, "{method}");
        }
    }
}
