//! Answers of the gateway itself, as problem details (RFC 9457).

use wasmgate_host::{HeaderMap, LocalResponse};

/// One answer. The text is fixed at compile time, so no request data can get into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status code.
    pub status: u16,
    /// What happened, for a person; without quotes and backslashes.
    pub detail: &'static str,
}

impl Problem {
    /// An answer with `status` that says `detail`.
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
            431 => "Request Header Fields Too Large",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            _ => "Internal Server Error",
        }
    }

    /// The response that says it.
    #[must_use]
    pub fn response(self) -> LocalResponse {
        let Self { status, detail } = self;
        let title = self.title();
        let body = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#
        );
        let mut headers = HeaderMap::with_capacity(1, 48);
        headers.push(b"content-type", b"application/problem+json");
        LocalResponse { status, headers, body: body.into_bytes() }
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
