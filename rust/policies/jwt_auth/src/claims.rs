//! The registered claims (RFC 7519 §4.1), and what a valid token grants.

use crate::encoding::Encoding;
use crate::members::{Member, Members};
use crate::refusal::Refusal;

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
    /// How they and the user are written there.
    pub encoding: Encoding,
}

/// What a verified token says, ready to be written into a request. Times are Unix nanoseconds with the
/// leeway already in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user, as the token has it.
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
        let user = claims.get(&self.user_claim).and_then(user).ok_or(Refusal::User)?;
        Ok(Grant {
            user: user.into_bytes(),
            headers: self.header_values(&claims)?,
            from: from.saturating_sub(self.leeway),
            until: until.saturating_add(self.leeway),
        })
    }

    fn check_issuer(&self, issuer: Option<Member<'_>>) -> Result<(), Refusal> {
        let accepted = match issuer.map(Member::text) {
            _ if self.issuers.is_empty() => true,
            Some(Some(issuer)) => self.issuers.contains(&issuer),
            _ => false,
        };
        if accepted { Ok(()) } else { Err(Refusal::Issuer) }
    }

    fn check_audience(&self, audience: Option<Member<'_>>) -> Result<(), Refusal> {
        let ours = |audience: Member<'_>| {
            audience.text().is_some_and(|name| self.audiences.contains(&name))
        };
        let accepted = match audience {
            None => self.audiences.is_empty(),
            Some(named) => {
                named.items().map_or_else(|| ours(named), |all| all.into_iter().any(ours))
            }
        };
        if accepted { Ok(()) } else { Err(Refusal::Audience) }
    }

    fn header_values(&self, claims: &Members<'_>) -> Result<Vec<Option<Vec<u8>>>, Refusal> {
        let value = |claim: &String| match claims.get(claim) {
            None => Ok(None),
            Some(value) if value.is_null() => Ok(None),
            Some(value) => {
                let text = header_text(value).ok_or(Refusal::HeaderClaim)?;
                Ok(Some(self.encoding.field(text.as_bytes()).into_owned()))
            }
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
fn nanoseconds(value: Member<'_>) -> Result<u64, Refusal> {
    let digits = value.number().ok_or(Refusal::Claims)?;
    if let Ok(seconds) = digits.parse::<u64>() {
        return Ok(seconds.saturating_mul(NANOSECONDS));
    }
    match serde_json::from_slice::<f64>(digits.as_bytes()) {
        Ok(seconds) if seconds.is_finite() => Ok((seconds * 1e9) as u64),
        _ => Err(Refusal::Claims),
    }
}

/// A text that is not empty, or a whole number in its digits. Other numbers have several spellings, and what
/// reads them behind the gateway may take two of them for one.
fn user(claim: Member<'_>) -> Option<String> {
    let Some(number) = claim.number() else {
        return claim.text().filter(|text| !text.is_empty() && can_stand(text));
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && number != "-0";
    is_whole.then(|| number.to_owned())
}

/// A claim as a header says it: text as it is, everything else as compact JSON (so that a list of roles
/// cannot be confused with one role that has a comma). `None` if it may not stand in a header.
fn header_text(claim: Member<'_>) -> Option<String> {
    let text = match claim.text() {
        Some(text) => text,
        None => claim.compact()?,
    };
    can_stand(&text).then_some(text)
}

/// Without control characters, those of Unicode included, and without white space at an end, which a reader of
/// the header takes away: two users would become one.
fn can_stand(text: &str) -> bool {
    text.trim().len() == text.len() && !text.contains(char::is_control)
}
