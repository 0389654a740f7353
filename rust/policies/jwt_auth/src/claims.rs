//! The registered claims (RFC 7519 §4.1), and what a valid token grants.

use crate::members::Members;
use crate::refusal::Refusal;
use serde_json::Value;

const NANOSECONDS: u64 = 1_000_000_000;

/// What the configuration asks of the claims.
#[derive(Debug, Default)]
pub struct Rules {
    /// Accepted `iss`; empty accepts every issuer.
    pub issuers: Vec<String>,
    /// Accepted `aud`; when empty, a token that names an audience is refused (RFC 7519 §4.1.3).
    pub audiences: Vec<String>,
    /// How much clocks may differ, in nanoseconds.
    pub leeway: u64,
    /// The claim that names the user.
    pub user_claim: String,
    /// Claims that become headers.
    pub header_claims: Vec<String>,
}

/// What a verified token says, ready to be written into a request. Times are Unix nanoseconds with the
/// leeway already in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user.
    pub user: Vec<u8>,
    /// Header values in the order of [`Rules::header_claims`]; `None` where the token lacks the claim.
    pub headers: Vec<Option<Vec<u8>>>,
    /// The token is not accepted before.
    pub from: u64,
    /// The token is not accepted at this time or later.
    pub until: u64,
}

impl Grant {
    /// Bytes of all its values.
    #[must_use]
    pub fn size(&self) -> usize {
        self.user.len() + self.headers.iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// Refuses a token whose time has passed or has not come.
    ///
    /// # Errors
    /// [`Refusal::Expired`] or [`Refusal::NotYetValid`].
    pub fn check_time(&self, now: u64) -> Result<(), Refusal> {
        if now >= self.until {
            return Err(Refusal::Expired);
        }
        if now < self.from {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }
}

impl Rules {
    /// What the claims in `payload` grant, whatever the time is.
    ///
    /// # Errors
    /// The [`Refusal`] that says which claim is missing or not accepted.
    pub fn grant(&self, payload: &[u8]) -> Result<Grant, Refusal> {
        let claims = Members::parse(payload).ok_or(Refusal::Claims)?;
        let until = claims.get("exp").ok_or(Refusal::NoExpiry).and_then(nanoseconds)?;
        let from = claims.get("nbf").map_or(Ok(0), nanoseconds)?;
        self.check_issuer(claims.get("iss"))?;
        self.check_audience(claims.get("aud"))?;
        let user = match claims.get(&self.user_claim) {
            Some(user @ (Value::String(_) | Value::Number(_))) => header_value(user),
            _ => None,
        };
        Ok(Grant {
            user: user.filter(|user| !user.is_empty()).ok_or(Refusal::User)?,
            headers: self.header_values(&claims)?,
            from: from.saturating_sub(self.leeway),
            until: until.saturating_add(self.leeway),
        })
    }

    fn check_issuer(&self, issuer: Option<&Value>) -> Result<(), Refusal> {
        let accepted = match issuer {
            _ if self.issuers.is_empty() => true,
            Some(Value::String(issuer)) => self.issuers.contains(issuer),
            _ => false,
        };
        if accepted { Ok(()) } else { Err(Refusal::Issuer) }
    }

    fn check_audience(&self, audience: Option<&Value>) -> Result<(), Refusal> {
        let ours = |audience: &Value| {
            audience.as_str().is_some_and(|name| self.audiences.iter().any(|own| own == name))
        };
        let accepted = match audience {
            None => self.audiences.is_empty(),
            Some(Value::Array(named)) => named.iter().any(ours),
            Some(named) => ours(named),
        };
        if accepted { Ok(()) } else { Err(Refusal::Audience) }
    }

    fn header_values(&self, claims: &Members) -> Result<Vec<Option<Vec<u8>>>, Refusal> {
        let value = |claim: &String| match claims.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => header_value(value).map(Some).ok_or(Refusal::HeaderClaim),
        };
        self.header_claims.iter().map(value).collect()
    }
}

/// `NumericDate` (RFC 7519 §2): seconds, with or without a fraction. Times outside 1970..2554 end there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, which is the bound that is wanted"
)]
fn nanoseconds(value: &Value) -> Result<u64, Refusal> {
    match value {
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(seconds), _) => Ok(seconds.saturating_mul(NANOSECONDS)),
            (None, Some(seconds)) if seconds.is_finite() => Ok((seconds * 1e9) as u64),
            _ => Err(Refusal::Claims),
        },
        _ => Err(Refusal::Claims),
    }
}

/// A claim as a header value: text as it is, everything else as compact JSON (so that a list of roles
/// cannot be confused with one role that has a comma). `None` if it may not stand in a header.
fn header_value(claim: &Value) -> Option<Vec<u8>> {
    let value = match claim {
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    };
    policy_http::is_value(&value).then_some(value)
}
