//! The reasons for which a token is refused, with the text for the client.

/// The reason for which a token is refused, without data of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not three parts in canonical base64url, of which the first is a JSON object.
    Malformed,
    /// The configuration does not allow `alg`.
    Algorithm,
    /// The header requires what this policy does not support: `crit`, encryption, nesting.
    Unsupported,
    /// No configured key has the token's `kid` and serves its algorithm.
    UnknownKey,
    /// No configured key verifies the signature.
    Signature,
    /// The payload is not a JSON object of claims, or a claim has the wrong type.
    Claims,
    /// `exp` is missing.
    NoExpiry,
    /// The time is `exp` or later.
    Expired,
    /// The time is before `nbf`.
    NotYetValid,
    /// `iss` is not one of the configured issuers.
    Issuer,
    /// `aud` names none of the configured audiences.
    Audience,
    /// The claim that names the user is missing or is not a header value.
    User,
    /// A claim to forward is not a header value.
    HeaderClaim,
}

impl Refusal {
    /// A sentence for `error_description`, in the characters that RFC 6750 §3 allows there.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Malformed => "the token is not a signed JWT",
            Self::Algorithm => "the token's algorithm is not allowed",
            Self::Unsupported => "the token uses an extension that is not supported",
            Self::UnknownKey => "the token's key is not known",
            Self::Signature => "the token's signature is not valid",
            Self::Claims => "the token's claims are not valid",
            Self::NoExpiry => "the token has no expiry",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::Issuer => "the token's issuer is not accepted",
            Self::Audience => "the token is meant for another audience",
            Self::User => "the token names no user",
            Self::HeaderClaim => "a claim of the token cannot be forwarded",
        }
    }
}
