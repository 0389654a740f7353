//! Responses to requests without a valid token (RFC 6750 §3).

use crate::refusal::Refusal;
use policy_http::Problem;
use std::fmt::Write;

/// `realm` of a challenge without other parameters; RFC 6750 §3 requires at least one.
const DEFAULT_REALM: &str = "api";

/// Why a request is not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The request has no bearer token.
    NoCredentials,
    /// The request is not well-formed: `invalid_request`.
    Malformed,
    /// The token is refused: `invalid_token`.
    Refused(Refusal),
}

impl Answer {
    /// The value of `WWW-Authenticate`.
    #[must_use]
    pub fn challenge(self, realm: Option<&str>) -> String {
        let (error, description) = match self {
            Self::NoCredentials => {
                return format!("Bearer realm=\"{}\"", realm.unwrap_or(DEFAULT_REALM));
            }
            Self::Malformed => ("invalid_request", "the request needs exactly one bearer token"),
            Self::Refused(refusal) => ("invalid_token", refusal.description()),
        };
        let mut challenge = String::from("Bearer ");
        if let Some(realm) = realm {
            // Writing to a String cannot fail.
            let _ = write!(challenge, "realm=\"{realm}\", ");
        }
        let _ = write!(challenge, "error=\"{error}\", error_description=\"{description}\"");
        challenge
    }

    /// The response body; it has no data of the token.
    #[must_use]
    pub fn problem(self) -> Problem {
        match self {
            Self::NoCredentials => unauthorized("the request has no bearer token"),
            Self::Malformed => Problem {
                status: 400,
                title: "Bad Request",
                detail: "the request needs exactly one bearer token",
            },
            Self::Refused(refusal) => unauthorized(refusal.description()),
        }
    }
}

fn unauthorized(detail: &'static str) -> Problem {
    Problem { status: 401, title: "Unauthorized", detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_token_is_challenged_with_the_realm_alone() {
        assert_eq!(Answer::NoCredentials.challenge(None), "Bearer realm=\"api\"");
        assert_eq!(Answer::NoCredentials.problem().status, 401);
    }

    #[test]
    fn the_challenge_of_a_refused_token_has_the_reason() {
        assert_eq!(
            Answer::Refused(Refusal::Expired).challenge(None),
            "Bearer error=\"invalid_token\", error_description=\"the token has expired\""
        );
    }

    #[test]
    fn a_configured_realm_is_part_of_every_challenge() {
        assert_eq!(
            Answer::Refused(Refusal::Expired).challenge(Some("orders")),
            "Bearer realm=\"orders\", error=\"invalid_token\", \
             error_description=\"the token has expired\""
        );
    }

    #[test]
    fn a_malformed_request_is_a_bad_request() {
        assert!(Answer::Malformed.challenge(None).contains("error=\"invalid_request\""));
        assert_eq!(Answer::Malformed.problem().status, 400);
    }
}
