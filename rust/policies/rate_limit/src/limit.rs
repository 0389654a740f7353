//! Limits as the Python package `limits` writes them: "100/minute", "5 per 30 seconds; 1000/day".

use std::num::{NonZeroU32, NonZeroU64};

const SECOND: u64 = 1_000_000_000;
/// Units with their length in nanoseconds; a month has 30 days and a year twelve months, as in `limits`.
const UNITS: [(&str, u64); 6] = [
    ("second", SECOND),
    ("minute", 60 * SECOND),
    ("hour", 3600 * SECOND),
    ("day", 86_400 * SECOND),
    ("month", 30 * 86_400 * SECOND),
    ("year", 360 * 86_400 * SECOND),
];

/// Most limits in one configuration; each costs eight bytes in every bucket.
pub const MOST_LIMITS: usize = 4;

/// So many requests in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests.
    pub amount: NonZeroU32,
    /// Nanoseconds.
    pub period: NonZeroU64,
}

/// Reads one limit or several, with `;`, `,` or `|` between.
///
/// # Errors
/// A sentence that names the part that could not be read.
pub fn parse(text: &str) -> Result<Vec<Limit>, String> {
    let limits = text
        .split([';', ',', '|'])
        .map(|part| {
            one(&part.trim().to_ascii_lowercase()).ok_or_else(|| {
                format!(
                    "limit: `{}` cannot be read; write for example 100/minute or 5 per 30 seconds",
                    part.escape_debug()
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if limits.len() > MOST_LIMITS {
        return Err(format!("limit: {} limits were given; at most {MOST_LIMITS}", limits.len()));
    }
    Ok(limits)
}

fn one(text: &str) -> Option<Limit> {
    let (amount, rest) = number(text)?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('/').or_else(|| rest.strip_prefix("per"))?.trim_start();
    let (multiple, unit) = number(rest).unwrap_or((1, rest));
    let unit = unit.trim_start();
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Limit {
        amount: NonZeroU32::new(u32::try_from(amount).ok()?)?,
        period: NonZeroU64::new(length.checked_mul(multiple)?)?,
    })
}

fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(amount: u32, seconds: u64) -> Limit {
        Limit {
            amount: NonZeroU32::new(amount).unwrap(),
            period: NonZeroU64::new(seconds * SECOND).unwrap(),
        }
    }

    #[test]
    fn every_spelling_of_limits_is_read() {
        for (text, expected) in [
            ("100/minute", limit(100, 60)),
            ("100 / minutes", limit(100, 60)),
            ("5 per 30 seconds", limit(5, 30)),
            ("10/2 minutes", limit(10, 120)),
            ("10/2minutes", limit(10, 120)),
            (" 1 PER Hour ", limit(1, 3600)),
            ("7/day", limit(7, 86_400)),
            ("7/month", limit(7, 2_592_000)),
            ("7/1 year", limit(7, 31_104_000)),
        ] {
            assert_eq!(parse(text), Ok(vec![expected]), "{text}");
        }
    }

    #[test]
    fn several_limits_are_read_in_order() {
        assert_eq!(parse("2/second; 100/minute"), Ok(vec![limit(2, 1), limit(100, 60)]));
    }

    #[test]
    fn what_is_no_limit_is_refused_by_name() {
        for text in ["", "100", "0/minute", "100/0 minutes", "100/fortnight", "-1/day", "1/minute;"]
        {
            assert!(parse(text).unwrap_err().starts_with("limit: `"), "{text}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(parse("5000000000/minute").is_err());
        assert!(parse("1/99999999999999 years").is_err());
    }
}
