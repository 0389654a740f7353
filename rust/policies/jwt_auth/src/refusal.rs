//! Why a token is refused, in words that a client may read.

/// The reason a token is refused. None of them carries data of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not three parts of canonical base64url with a JSON object in front.
    Malformed,
    /// `alg` is not one that the configuration allows.
    Algorithm,
    /// The header asks for something that this policy does not do: `crit`, encryption, nesting.
    Unsupported,
    /// No configured key has the token's `kid` and fits its algorithm.
    UnknownKey,
    /// The signature is not that of a configured key.
    Signature,
    /// The payload is not a JSON object of claims, or a claim has the wrong type.
    Claims,
    /// `exp` is missing.
    NoExpiry,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYetValid,
    /// `iss` is not one of the configured issuers.
    Issuer,
    /// `aud` names none of the configured audiences.
    Audience,
    /// The claim that names the user is missing or cannot stand in a header.
    User,
    /// A claim that is to become a header cannot stand in one.
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
