//! Max-Forwards: OPTIONS and TRACE requests that this gateway answers itself (RFC 9110 §7.6.2).

use wasmgate_host::{HeaderMap, LocalResponse};

/// Fields that TRACE shows. RFC 9110 §9.3.8 wants those left out that may be secret, and which may is
/// not known: so all others are.
const SHOWN: [&[u8]; 6] =
    [b"accept", b"accept-encoding", b"accept-language", b"max-forwards", b"user-agent", b"via"];

/// The value of a Max-Forwards field; none if the value is not a number: the field then stays as it came.
pub(crate) fn forwards(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

/// True for the methods that Max-Forwards has to be looked at for.
pub(crate) fn counts(method: &[u8]) -> bool {
    method == b"OPTIONS" || method == b"TRACE"
}

/// The answer of the last recipient of a request: `map` is its head, `target` came in its first line.
pub(crate) fn answer(method: &[u8], target: &[u8], map: &HeaderMap) -> LocalResponse {
    let mut headers = HeaderMap::new();
    let mut body = Vec::new();
    if method == b"TRACE" {
        headers.push(b"content-type", b"message/http");
        let host = map.get(b":authority").unwrap_or_default();
        for part in [method, b" ", target, b" HTTP/1.1\r\nhost: ", host, b"\r\n"] {
            body.extend_from_slice(part);
        }
        for (name, value) in map.iter().filter(|(name, _)| SHOWN.contains(name)) {
            for part in [name, b": ", value, b"\r\n"] {
                body.extend_from_slice(part);
            }
        }
        body.extend_from_slice(b"\r\n");
    }
    LocalResponse { status: 200, headers, body, details: "direct_response".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_counts() {
        for (value, expected) in
            [("0", Some(0)), ("007", Some(7)), ("", None), ("-1", None), ("+1", None), ("1 ", None)]
        {
            assert_eq!(expected, forwards(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn trace_shows_nothing_secret() {
        let fields: [(&[u8], &[u8]); 5] = [
            (b":authority", b"a"),
            (b"cookie", b"secret"),
            (b"via", b"1.1 x"),
            (b"x-api-key", b"secret"),
            (b"max-forwards", b"0"),
        ];
        let answer = answer(b"TRACE", b"/x?y", &fields.into_iter().collect());
        let expected = "TRACE /x?y HTTP/1.1\r\nhost: a\r\nvia: 1.1 x\r\nmax-forwards: 0\r\n\r\n";
        assert_eq!(expected.as_bytes(), answer.body);
    }
}
