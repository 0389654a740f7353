//! Local responses to gRPC requests, in gRPC's words: its clients do not look at HTTP's status
//! (gRPC over HTTP/2, "Responses": trailers-only).

use std::fmt::Write as _;

use crate::context::stream_data::GRPC;
use crate::types::effects::LocalResponse;
use crate::types::headers::HeaderMap;

/// The same response for a gRPC client: status and body become fields.
pub(super) fn answer(response: &LocalResponse) -> LocalResponse {
    let own = [&b"content-type"[..], b"content-length", b"grpc-message"];
    let mut headers = HeaderMap::with_capacity(response.headers.len() + 3, 256);
    let kept = response.headers.iter().filter(|(name, _)| !own.contains(name));
    kept.for_each(|(name, value)| headers.push(name, value));
    headers.push(b"content-type", GRPC);
    if headers.get(b"grpc-status").is_none() {
        headers.push(b"grpc-status", status(response.status).as_bytes());
    }
    if !response.body.is_empty() {
        headers.push(b"grpc-message", percent_encoded(&response.body).as_bytes());
    }
    LocalResponse { status: 200, headers, body: Vec::new(), details: response.details.clone() }
}

/// gRPC's "HTTP to gRPC Status Code Mapping".
fn status(http: u16) -> &'static str {
    match http {
        400 => "13",
        401 => "16",
        403 => "7",
        404 => "12",
        429 | 502..=504 => "14",
        _ => "2",
    }
}

fn percent_encoded(text: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.push(b"content-type", value);
        headers
    }

    #[test]
    fn status_and_body_become_fields() {
        let body = b"100% not\n".to_vec();
        let told = answer(&LocalResponse {
            status: 403,
            headers: typed(b"text/plain"),
            body,
            ..LocalResponse::default()
        });
        let field = |name: &[u8]| told.headers.get(name).map(<[u8]>::to_vec);
        assert_eq!((told.status, told.body.len()), (200, 0));
        assert_eq!(field(b"content-type").as_deref(), Some(GRPC));
        assert_eq!(field(b"grpc-status").as_deref(), Some(&b"7"[..]));
        assert_eq!(field(b"grpc-message").as_deref(), Some(&b"100%25 not%0A"[..]));
    }
}
