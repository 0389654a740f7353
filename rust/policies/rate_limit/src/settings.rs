//! The policy's configuration: what a user writes, checked once at start.

use crate::bucket::Bucket;
use crate::identity::By;
use crate::limit;
use crate::slot::WAYS;
use policy_http::is_name;
use serde::Deserialize;
use serde_json::Value;

const DEFAULT_SLOTS: u32 = 65_536;
/// With four limits and a long name about 45 MB of shared data.
const MOST_SLOTS: u32 = 524_288;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    limit: String,
    burst: Option<u32>,
    #[serde(default)]
    key: Value,
    #[serde(default = "default_slots")]
    slots: u32,
    #[serde(default = "default_headers")]
    headers: bool,
}

fn default_slots() -> u32 {
    DEFAULT_SLOTS
}

fn default_headers() -> bool {
    true
}

/// A configuration that passed every check.
#[derive(Debug, PartialEq, Eq)]
pub struct Settings {
    /// One for each limit.
    pub buckets: Vec<Bucket>,
    /// What tells clients apart.
    pub by: By,
    /// Entries of shared data, with [`WAYS`] buckets each.
    pub entries: u32,
    /// Whether answers that pass carry the `X-RateLimit` fields.
    pub headers: bool,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to try.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written = policy_http::read(json, &[])?;
        let limits = limit::parse(&written.limit)?;
        if written.burst == Some(0) {
            return Err("burst: 0 would let nothing pass; write 1 or more".to_owned());
        }
        if written.burst.is_some() && limits.len() > 1 {
            return Err("burst: with several limits it is not clear which one is meant; leave it \
                        out, or use one policy for each limit"
                .to_owned());
        }
        if !(1..=MOST_SLOTS).contains(&written.slots) {
            return Err(format!("slots: write a number from 1 to {MOST_SLOTS}"));
        }
        let bucket = |limit: limit::Limit| {
            let size = written.burst.unwrap_or(limit.amount.get());
            Bucket::new(limit, size).ok_or_else(|| {
                format!(
                    "limit: `{}` with a burst of {size} takes more than 100 years to fill an empty bucket; \
                     write a smaller burst or a shorter period",
                    written.limit.escape_debug()
                )
            })
        };
        Ok(Self {
            buckets: limits.into_iter().map(bucket).collect::<Result<_, _>>()?,
            by: by(&written.key)?,
            entries: written.slots.div_ceil(WAYS),
            headers: written.headers,
        })
    }

    /// What tells these limits from others of the same name: counts are kept for each apart, so that a reload to
    /// another limit, a route with its own, or a second policy never meets counts that another limit made.
    #[must_use]
    pub fn scope(&self) -> Vec<u8> {
        let mut scope = Vec::new();
        for bucket in &self.buckets {
            scope.extend_from_slice(&bucket.interval.to_le_bytes());
            scope.extend_from_slice(&bucket.size.to_le_bytes());
        }
        // The number of limits says where the last part begins.
        scope.push(u8::try_from(self.buckets.len()).unwrap_or(u8::MAX));
        self.by.write(&mut scope);
        scope
    }
}

fn by(key: &Value) -> Result<By, String> {
    let header = key.as_object().filter(|members| members.len() == 1);
    match (key, header.and_then(|members| members.get("header")).and_then(Value::as_str)) {
        (Value::Null, _) => Ok(By::Address),
        (Value::String(name), _) if name == "address" => Ok(By::Address),
        (Value::String(name), _) if name == "user" => Ok(By::User),
        (_, Some(header)) if is_name(header) => Ok(By::Header(header.to_owned())),
        (_, Some(header)) => Err(format!(
            "key.header: `{}` is no header name; write it in lower case with letters, digits and -",
            header.escape_debug()
        )),
        _ => Err("key: expected address, user or {header: name}".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        Settings::from_json(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_limit_alone_is_a_configuration() {
        let settings = Settings::from_json(br#"{"limit": "100/minute"}"#).unwrap();
        assert_eq!(settings.by, By::Address);
        assert_eq!(settings.buckets[0].size, 100);
        assert_eq!(settings.entries, 16_384);
        assert!(settings.headers);
    }

    #[test]
    fn a_burst_is_the_size_of_the_bucket() {
        let settings = Settings::from_json(br#"{"limit": "100/minute", "burst": 20}"#).unwrap();
        assert_eq!(settings.buckets[0].size, 20);
    }

    #[test]
    fn keys_are_read_in_their_three_forms() {
        for (key, expected) in [
            (r#""address""#, By::Address),
            (r#""user""#, By::User),
            (r#"{"header": "x-api-key"}"#, By::Header("x-api-key".to_owned())),
        ] {
            let json = format!(r#"{{"limit": "1/day", "key": {key}}}"#);
            assert_eq!(Settings::from_json(json.as_bytes()).unwrap().by, expected);
        }
    }

    #[test]
    fn limits_that_differ_in_what_they_count_have_scopes_of_their_own() {
        let scopes: std::collections::HashSet<_> = [
            r#"{"limit": "100/minute"}"#,
            r#"{"limit": "100/minute", "burst": 20}"#,
            r#"{"limit": "100/hour"}"#,
            r#"{"limit": "100/minute;100/minute"}"#,
            r#"{"limit": "100/minute", "key": "user"}"#,
            r#"{"limit": "100/minute", "key": {"header": "x-a"}}"#,
            r#"{"limit": "100/minute", "key": {"header": "x-b"}}"#,
        ]
        .into_iter()
        .map(|json| Settings::from_json(json.as_bytes()).unwrap().scope())
        .collect();
        assert_eq!(scopes.len(), 7);
    }

    #[test]
    fn what_is_told_to_the_client_does_not_change_what_is_counted() {
        let [told, silent] = [r#"{"limit": "1/day"}"#, r#"{"limit": "1/day", "headers": false}"#]
            .map(|json| Settings::from_json(json.as_bytes()).unwrap().scope());
        assert_eq!(told, silent);
    }

    #[test]
    fn a_wrong_key_of_the_configuration_is_named() {
        assert!(refusal(r#"{"limit": "1/day", "bursts": 2}"#).starts_with("bursts: unknown key"));
        assert!(refusal(r#"{"limit": "1/day", "key": "ip"}"#).contains("address, user"));
        assert!(refusal(r#"{"limit": "1/day", "key": {"header": "X-Key"}}"#).contains("`X-Key`"));
        assert!(refusal(r#"{"limit": "1/day;2/hour", "burst": 2}"#).starts_with("burst:"));
        assert!(refusal(r#"{"limit": "1/day", "burst": 0}"#).starts_with("burst:"));
        assert!(refusal(r#"{"limit": "1/day", "slots": 0}"#).starts_with("slots:"));
        assert!(refusal(r#"{"limit": "1/year", "burst": 4000000000}"#).contains("100 years"));
        assert!(refusal("{}").starts_with("limit: the key is required"));
    }
}
