//! The policy's configuration, checked once at start.

use crate::bucket::Bucket;
use crate::identity::By;
use crate::limit::Limit;
use crate::slot::WAYS;
use crate::written;
use policy_configuration::shown;
use serde::Deserialize;
use serde_json::Value;

const DEFAULT_SLOTS: u32 = 65_536;
/// About 45 MB of shared data, with four limits and a long name.
const MOST_SLOTS: u32 = 524_288;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    limit: Value,
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
    /// The attribute that identifies a client.
    pub by: By,
    /// Entries of shared data, with [`WAYS`] buckets each.
    pub entries: u32,
    /// Whether responses to requests that pass have the `X-RateLimit` fields.
    pub headers: bool,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to write instead.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Configuration = policy_configuration::read(json, &[])?;
        let limits = written::limits(&written.limit)?;
        if written.burst == Some(0) {
            return Err("burst: 0 would let nothing pass; write 1 or more".to_owned());
        }
        if written.burst.is_some() && limits.len() > 1 {
            return Err(
                "burst: it belongs to one limit, and several are given; leave it out, or use \
                        one policy for each limit"
                    .to_owned(),
            );
        }
        if !(1..=MOST_SLOTS).contains(&written.slots) {
            return Err(format!(
                "slots: {} is out of range; write a number from 1 to {MOST_SLOTS}",
                written.slots
            ));
        }
        let bucket = |limit: Limit| {
            let size = written.burst.unwrap_or(limit.amount.get());
            Bucket::new(limit, size).ok_or_else(|| {
                format!(
                    "limit: `{}` with a burst of {size} takes more than 100 years to fill an empty bucket; \
                     write a smaller burst or a shorter period",
                    written.limit.as_str().map_or_else(String::new, shown)
                )
            })
        };
        Ok(Self {
            buckets: limits.into_iter().map(bucket).collect::<Result<_, _>>()?,
            by: written::by(&written.key)?,
            entries: written.slots.div_ceil(WAYS),
            headers: written.headers,
        })
    }

    /// Bytes that differ for limits of the same name that differ: each scope has buckets of its own, so a reload to
    /// another limit, a route with its own limit and a second policy never read each other's buckets.
    #[must_use]
    pub fn scope(&self) -> Vec<u8> {
        let mut scope = Vec::new();
        for bucket in &self.buckets {
            scope.extend_from_slice(&bucket.interval.to_le_bytes());
            scope.extend_from_slice(&bucket.size.to_le_bytes());
        }
        // The number of limits marks where the last part begins.
        scope.push(u8::try_from(self.buckets.len()).unwrap_or(u8::MAX));
        self.by.write(&mut scope);
        scope
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
    fn response_fields_do_not_change_the_scope() {
        let [with, without] = [r#"{"limit": "1/day"}"#, r#"{"limit": "1/day", "headers": false}"#]
            .map(|json| Settings::from_json(json.as_bytes()).unwrap().scope());
        assert_eq!(with, without);
    }

    #[test]
    fn a_wrong_key_of_the_configuration_is_named() {
        assert!(refusal(r#"{"limit": "1/day", "bursts": 2}"#).starts_with("bursts: unknown key"));
        assert!(refusal(r#"{"limit": "1/day", "key": "ip"}"#).ends_with("write address"));
        assert!(refusal(r#"{"limit": "1/day", "key": {"header": "X Key"}}"#).contains("`X Key`"));
        assert!(refusal(r#"{"limit": "1/day;2/hour", "burst": 2}"#).starts_with("burst:"));
        assert!(refusal(r#"{"limit": "1/day", "burst": 0}"#).starts_with("burst:"));
        assert!(refusal(r#"{"limit": "1/day", "slots": 0}"#).starts_with("slots:"));
        assert!(refusal(r#"{"limit": "1/year", "burst": 4000000000}"#).contains("100 years"));
        assert!(refusal("{}").starts_with("limit: the key is required"));
    }
}
