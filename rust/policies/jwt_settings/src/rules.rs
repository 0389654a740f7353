//! What is required of the claims, and which of them are forwarded.

use crate::encoding::Encoding;

/// What the configuration requires of the claims.
#[derive(Debug, Default)]
pub struct Rules {
    /// Accepted `iss`; empty accepts every issuer.
    pub issuers: Vec<String>,
    /// Accepted `aud`; when empty, a token that names an audience is refused (RFC 7519 §4.1.3).
    pub audiences: Vec<String>,
    /// Accepted clock skew, in nanoseconds.
    pub leeway: u64,
    /// The claim that names the user.
    pub user_claim: String,
    /// Claims that are forwarded as headers.
    pub header_claims: Vec<String>,
    /// How claims and the user are encoded in headers.
    pub encoding: Encoding,
}
