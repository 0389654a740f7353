//! The registered claims (RFC 7519 §4.1), and the values that a valid token forwards.

use crate::members::{Member, Members};
use crate::refusal::Refusal;
use jwt_settings::rules::Rules;
use std::borrow::Cow;

const NANOSECONDS: u64 = 1_000_000_000;

/// The user, the header values and the validity of a verified token. Times are Unix nanoseconds and include the
/// leeway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The user, as the token names it.
    pub user: Vec<u8>,
    /// Header values in the order of [`Rules::header_claims`]; `None` where the token lacks the claim.
    pub headers: Vec<Option<Vec<u8>>>,
    /// The first time at which the token is accepted.
    pub from: u64,
    /// The first time at which the token is not accepted any more.
    pub until: u64,
}

impl Grant {
    /// Size of the values, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.user.len() + self.headers.iter().flatten().map(Vec::len).sum::<usize>()
    }

    /// Refuses a token that has expired or is not valid yet.
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

/// The grant of the claims in `payload`, without a check of the time.
///
/// # Errors
/// The [`Refusal`] for the claim that is missing or not accepted.
pub fn grant(rules: &Rules, payload: &[u8]) -> Result<Grant, Refusal> {
    let claims = Members::parse(payload).ok_or(Refusal::Claims)?;
    let until = claims.get("exp").ok_or(Refusal::NoExpiry).and_then(nanoseconds)?;
    let from = claims.get("nbf").map_or(Ok(0), nanoseconds)?;
    check_issuer(rules, claims.get("iss"))?;
    check_audience(rules, claims.get("aud"))?;
    let user = claims.get(&rules.user_claim).and_then(user).ok_or(Refusal::User)?;
    Ok(Grant {
        user: user.into_owned().into_bytes(),
        headers: header_values(rules, &claims)?,
        from: from.saturating_sub(rules.leeway),
        until: until.saturating_add(rules.leeway),
    })
}

fn check_issuer(rules: &Rules, issuer: Option<Member<'_>>) -> Result<(), Refusal> {
    let accepted = match issuer.map(Member::text) {
        _ if rules.issuers.is_empty() => true,
        Some(Some(issuer)) => rules.issuers.iter().any(|own| *own == *issuer),
        _ => false,
    };
    if accepted { Ok(()) } else { Err(Refusal::Issuer) }
}

fn check_audience(rules: &Rules, audience: Option<Member<'_>>) -> Result<(), Refusal> {
    let ours = |audience: Member<'_>| {
        audience.text().is_some_and(|name| rules.audiences.iter().any(|own| *own == *name))
    };
    let accepted = match audience {
        None => rules.audiences.is_empty(),
        Some(named) => named.items().map_or_else(|| ours(named), |all| all.into_iter().any(ours)),
    };
    if accepted { Ok(()) } else { Err(Refusal::Audience) }
}

fn header_values(rules: &Rules, claims: &Members<'_>) -> Result<Vec<Option<Vec<u8>>>, Refusal> {
    let value = |claim: &String| match claims.get(claim) {
        None => Ok(None),
        Some(value) if value.is_null() => Ok(None),
        Some(value) => {
            let text = header_text(value).ok_or(Refusal::HeaderClaim)?;
            Ok(Some(rules.encoding.field(text.as_bytes()).into_owned()))
        }
    };
    rules.header_claims.iter().map(value).collect()
}

/// `NumericDate` (RFC 7519 §2) in nanoseconds: seconds with or without a fraction, clamped to 1970..2554.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "float to integer casts saturate, which clamps as intended"
)]
fn nanoseconds(value: Member<'_>) -> Result<u64, Refusal> {
    let digits = value.number().ok_or(Refusal::Claims)?;
    if let Ok(seconds) = digits.parse::<u64>() {
        return Ok(seconds.saturating_mul(NANOSECONDS));
    }
    match serde_json::from_str::<f64>(digits) {
        Ok(seconds) if seconds.is_finite() => Ok((seconds * 1e9) as u64),
        _ => Err(Refusal::Claims),
    }
}

/// A string that is not empty, or an integer in its digits. Other numbers have several spellings, and an upstream
/// could take two users for one.
fn user(claim: Member<'_>) -> Option<Cow<'_, str>> {
    let Some(number) = claim.number() else {
        return claim.text().filter(|text| !text.is_empty() && is_header_value(text));
    };
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit()) && number != "-0";
    is_whole.then_some(Cow::Borrowed(number))
}

/// The header value of a claim: a string unchanged, any other value as compact JSON (so that a list of roles differs
/// from one role with a comma). `None` if a header cannot have it.
fn header_text(claim: Member<'_>) -> Option<Cow<'_, str>> {
    let text = match claim.text() {
        Some(text) => text,
        None => Cow::Owned(claim.compact()?),
    };
    is_header_value(&text).then_some(text)
}

/// Whether text has no control characters, those of Unicode included, and no white space at its ends: recipients strip
/// white space, and two users would become one.
fn is_header_value(text: &str) -> bool {
    text.trim().len() == text.len() && !text.contains(char::is_control)
}
