//! Responses of the gateway itself, as problem details (RFC 9457).

use wasmgate_host::{HeaderMap, LocalResponse};

/// One response. The text is fixed at compile time, so it cannot contain request data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: u16,
    /// The `detail`; without quotes and backslashes.
    pub detail: &'static str,
}

impl Problem {
    /// A response with `status` and `detail`.
    #[must_use]
    pub const fn new(status: u16, detail: &'static str) -> Self {
        Self { status, detail }
    }

    /// 400, for a request that breaks a rule of HTTP.
    #[must_use]
    pub const fn bad_request(detail: &'static str) -> Self {
        Self::new(400, detail)
    }

    /// The reason phrase, RFC 9110 §15.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self.status {
            400 => "Bad Request",
            404 => "Not Found",
            408 => "Request Timeout",
            413 => "Content Too Large",
            414 => "URI Too Long",
            426 => "Upgrade Required",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            505 => "HTTP Version Not Supported",
            _ => "Internal Server Error",
        }
    }

    /// The property `response.code_details`, with Envoy's value if it has one.
    const fn code_details(self) -> &'static str {
        match self.status {
            400 => "bad_request",
            404 => "route_not_found",
            408 => "request_timeout",
            413 => "request_payload_too_large",
            414 => "request_target_too_long",
            431 => "request_headers_too_large",
            426 | 501 => "upgrade_failed",
            502 => "upstream_reset_before_response_started{protocol_error}",
            503 => "no_healthy_upstream",
            504 => "upstream_response_timeout",
            505 => "http_version_not_supported",
            _ => "internal_error",
        }
    }

    /// The response.
    #[must_use]
    pub fn response(self) -> LocalResponse {
        let Self { status, detail } = self;
        let title = self.title();
        let body = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#
        );
        let mut headers = HeaderMap::with_capacity(1, 48);
        headers.push(b"content-type", b"application/problem+json");
        let details = self.code_details().into();
        LocalResponse { status, headers, body: body.into_bytes(), details }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_problem_json() {
        let response = Problem::new(404, "no route matches").response();
        let expected = r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no route matches"}"#;
        assert_eq!(expected.as_bytes(), response.body);
        assert_eq!(404, response.status);
        assert_eq!(
            Some(b"application/problem+json".as_slice()),
            response.headers.get(b"content-type")
        );
    }
}
