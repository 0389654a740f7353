//! The keys `limit` and `key` as a user writes them, with the right spelling of what cannot be read.

use crate::identity::By;
use crate::limit::{self, Limit, LimitError, MOST_LIMITS};
use policy_configuration::shown;
use serde_json::Value;

const EXAMPLE: &str = "100/minute";
/// Units as other products abbreviate them, with the number and name of the unit here.
const ABBREVIATIONS: [(&str, u64, &str); 11] = [
    ("s", 1, "second"),
    ("sec", 1, "second"),
    ("m", 1, "minute"),
    ("min", 1, "minute"),
    ("h", 1, "hour"),
    ("hr", 1, "hour"),
    ("d", 1, "day"),
    ("w", 7, "day"),
    ("week", 7, "day"),
    ("y", 1, "year"),
    ("yr", 1, "year"),
];
const ADDRESSES: [&str; 10] = [
    "ip",
    "client",
    "client_ip",
    "remote_ip",
    "source_ip",
    "remote_addr",
    "$remote_addr",
    "$binary_remote_addr",
    "remote_address",
    "source.address",
];
const USERS: [&str; 5] = ["sub", "subject", "username", "user_id", "jwt"];

/// The limits of the key `limit`.
///
/// # Errors
/// A sentence that names the key and the text to write instead.
pub fn limits(written: &Value) -> Result<Vec<Limit>, String> {
    let Value::String(text) = written else {
        return Err(format!(
            "limit: expected text such as {EXAMPLE}, got {}; write \"{}\"",
            kind(written),
            spelling(&joined(written))
        ));
    };
    limit::parse(text).map_err(|error| match error {
        LimitError::Unreadable(part) => {
            format!("limit: `{}` cannot be read; write \"{}\"", shown(part), spelling(text))
        }
        LimitError::TooMany(count) => format!(
            "limit: {count} limits were given; write at most {MOST_LIMITS}, and the others in a second policy"
        ),
    })
}

/// What the key `key` counts by.
///
/// # Errors
/// A sentence that names the key and what to write instead.
pub fn by(written: &Value) -> Result<By, String> {
    let header = written.as_object().filter(|members| members.len() == 1);
    match (written, header.and_then(|members| members.get("header")).and_then(Value::as_str)) {
        (Value::Null, _) => Ok(By::Address),
        (Value::String(name), _) if name == "address" => Ok(By::Address),
        (Value::String(name), _) if name == "user" => Ok(By::User),
        (Value::String(other), _) => Err(format!(
            "key: `{}` is not one of address, user and {{header: name}}; write {}",
            shown(other),
            key_spelling(other)
        )),
        (_, Some(header)) => match policy_http::name(header) {
            Some(name) => Ok(By::Header(name)),
            None => Err(format!(
                "key.header: `{}` is not a header name; write letters, digits and - alone",
                shown(header)
            )),
        },
        _ => Err("key: expected address, user or {header: name}; write {\"header\": \"x-api-key\"} to count by a header"
            .to_owned()),
    }
}

fn key_spelling(other: &str) -> String {
    let lower = other.to_ascii_lowercase();
    let header =
        lower.strip_prefix("header").map_or(&*lower, |rest| rest.trim_matches([':', '.', ' ']));
    if ADDRESSES.contains(&&*lower) {
        "address".to_owned()
    } else if USERS.contains(&&*lower) {
        "user".to_owned()
    } else {
        let name = policy_http::name(header).unwrap_or_else(|| "x-api-key".to_owned());
        format!("{{\"header\": \"{name}\"}} to count by a header")
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// A number as text, the entries of a list with `;` between.
fn joined(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) => entries.iter().map(joined).collect::<Vec<_>>().join("; "),
        other => other.to_string(),
    }
}

/// A text that [`limit::parse`] reads, as close to `text` as it can be.
fn spelling(text: &str) -> String {
    let parts = limit::parts(text).filter(|part| !part.is_empty());
    let read =
        parts.map(|part| part_spelling(&part.to_ascii_lowercase())).collect::<Option<Vec<_>>>();
    match read {
        Some(parts) if (1..=MOST_LIMITS).contains(&parts.len()) => parts.join("; "),
        _ => EXAMPLE.to_owned(),
    }
}

/// One limit with its words in their right spelling: a number alone is per minute.
fn part_spelling(part: &str) -> Option<String> {
    if limit::one(part).is_some() {
        return Some(part.to_owned());
    }
    let (amount, rest) = limit::number(part)?;
    let words = ["requests", "request", "reqs", "req", "rq", "r"];
    let rest = rest.trim_start();
    let rest = words.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest).trim_start();
    let period = rest.strip_prefix('/').or_else(|| rest.strip_prefix("per")).unwrap_or(rest).trim();
    let (multiple, unit) = limit::number(period).unwrap_or((1, period));
    let unit = unit.trim();
    let short = ABBREVIATIONS
        .iter()
        .find(|(name, ..)| unit == *name || unit.strip_suffix('s') == Some(name));
    let (multiple, unit) = match short {
        Some((_, times, name)) => (multiple.checked_mul(*times)?, *name),
        None if unit.is_empty() => (multiple, "minute"),
        None => (multiple, unit),
    };
    let written = match multiple {
        1 => format!("{amount}/{unit}"),
        _ => format!("{amount}/{multiple} {unit}s"),
    };
    limit::one(&written).map(|_| written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The text that a refusal says to write.
    fn advice(written: &Value) -> String {
        let refused = limits(written).unwrap_err();
        let (_, advice) = refused.split_once("; write \"").unwrap();
        advice.strip_suffix('"').unwrap().to_owned()
    }

    #[test]
    fn the_spelling_that_a_refusal_names_is_what_was_meant() {
        for (written, expected) in [
            (json!(100), "100/minute"),
            (json!(["100/minute", "1000/hour"]), "100/minute; 1000/hour"),
            (json!([100]), "100/minute"),
            (json!(["10/s", "5 requests per hour"]), "10/second; 5/hour"),
            (json!("100"), "100/minute"),
            (json!("10r/s"), "10/second"),
            (json!("100/min"), "100/minute"),
            (json!("100/15min"), "100/15 minutes"),
            (json!("5/week; 1/day"), "5/7 days; 1/day"),
            (json!("1/minute;"), "1/minute"),
        ] {
            assert_eq!(advice(&written), expected);
        }
    }

    #[test]
    fn every_spelling_that_a_refusal_names_is_accepted() {
        for written in [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(5_000_000_000_u64),
            json!([]),
            json!({"requests": 100, "per": "minute"}),
            json!(["1/day", "1/day", "1/day", "1/day", "1/day"]),
            json!([["1/day"], {"a": 1}]),
            json!(""),
            json!(";"),
            json!("0/minute"),
            json!("1/fortnight"),
            json!("1/99999999999999 years"),
            json!("100/0 minutes"),
            json!("a\"b"),
        ] {
            let spelled = advice(&written);
            assert!(limits(&json!(spelled)).is_ok(), "{written}: {spelled}");
        }
    }

    #[test]
    fn a_header_is_named_in_any_case() {
        let expected = By::Header("x-api-key".to_owned());
        assert_eq!(by(&json!({"header": "X-API-Key"})), Ok(expected));
    }

    #[test]
    fn a_key_that_is_not_known_is_refused_with_the_one_that_was_meant() {
        for (written, expected) in [
            ("ip", "write address"),
            ("$binary_remote_addr", "write address"),
            ("sub", "write user"),
            ("X-Api-Key", "write {\"header\": \"x-api-key\"} to count by a header"),
            ("header:authorization", "write {\"header\": \"authorization\"} to count by a header"),
            ("a b", "write {\"header\": \"x-api-key\"} to count by a header"),
        ] {
            let refused = by(&json!(written)).unwrap_err();
            assert!(refused.ends_with(expected), "{refused}");
        }
        assert!(by(&json!({"header": "a b"})).unwrap_err().starts_with("key.header: `a b` is not"));
        assert!(by(&json!(["user"])).unwrap_err().starts_with("key: expected address, user or"));
    }
}
