//! Limits in the notation of the Python package `limits`: "100/minute", "5 per 30 seconds; 1000/day".

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

/// Limits in one configuration, at most; each takes eight bytes of every bucket.
pub const MOST_LIMITS: usize = 4;

/// A number of requests in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Requests.
    pub amount: NonZeroU32,
    /// Nanoseconds.
    pub period: NonZeroU64,
}

/// Why a text is not read as limits.
#[derive(Debug, PartialEq, Eq)]
pub enum LimitError<'t> {
    /// This part of it is not a limit.
    Unreadable(&'t str),
    /// So many limits, more than [`MOST_LIMITS`].
    TooMany(usize),
}

/// Reads one limit or several, with `;`, `,` or `|` between.
///
/// # Errors
/// [`LimitError`] for the first part that cannot be read, and for more than [`MOST_LIMITS`] parts.
pub fn parse(text: &str) -> Result<Vec<Limit>, LimitError<'_>> {
    let read = |part: &'_ str| one(&part.to_ascii_lowercase());
    let limits = parts(text)
        .map(|part| read(part).ok_or(LimitError::Unreadable(part)))
        .collect::<Result<Vec<_>, _>>()?;
    if limits.len() > MOST_LIMITS {
        return Err(LimitError::TooMany(limits.len()));
    }
    Ok(limits)
}

/// The texts between the separators, without white space at their ends.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', ',', '|']).map(str::trim)
}

/// One limit, in lower case and without white space at its ends.
pub(crate) fn one(text: &str) -> Option<Limit> {
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

/// The whole number that a text begins with, and the rest.
pub(crate) fn number(text: &str) -> Option<(u64, &str)> {
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
    fn text_that_is_not_a_limit_is_refused_by_its_part() {
        for text in ["", "100", "0/minute", "100/0 minutes", "100/fortnight", "-1/day", "1/minute;"]
        {
            assert!(matches!(parse(text), Err(LimitError::Unreadable(_))), "{text}");
        }
    }

    #[test]
    fn more_limits_than_an_entry_holds_are_refused() {
        let text = ["1/day"; MOST_LIMITS + 1].join(";");
        assert_eq!(parse(&text), Err(LimitError::TooMany(MOST_LIMITS + 1)));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(parse("5000000000/minute").is_err());
        assert!(parse("1/99999999999999 years").is_err());
    }
}
