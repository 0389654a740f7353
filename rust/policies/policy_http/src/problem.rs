//! The body of an error response: problem details (RFC 9457).

/// Media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The members of a problem document that clients show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status code, repeated in the document.
    pub status: u16,
    /// A short summary, equal for every occurrence of the problem (RFC 9457 §3.1.3).
    pub title: &'static str,
    /// The explanation of this occurrence (RFC 9457 §3.1.4); never data of the request.
    pub detail: &'static str,
}

impl Problem {
    /// The document, as UTF-8 JSON. `type` is absent, which means `about:blank` (RFC 9457 §3.1.1).
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        let [detail, title] = [self.detail, self.title].map(quoted);
        format!(r#"{{"detail":{detail},"status":{},"title":{title}}}"#, self.status).into_bytes()
    }
}

/// `text` as a JSON string. Serializing a `str` cannot fail.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_a_json_object_with_three_members() {
        let problem =
            Problem { status: 429, title: "Too Many Requests", detail: "Wait, then try again." };
        let expected =
            r#"{"detail":"Wait, then try again.","status":429,"title":"Too Many Requests"}"#;
        assert_eq!(problem.body(), expected.as_bytes());
    }
}
