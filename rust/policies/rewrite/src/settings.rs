//! The policy's configuration: what a user writes, checked once at start.

use crate::field_rules::{Step, Written as WrittenFields};
use crate::host::is_authority;
use crate::path::{MOST_PATTERNS, PathRules, Prefix};
use crate::pattern::Pattern;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    path_prefix: BTreeMap<String, String>,
    #[serde(default)]
    path_regex: Vec<WrittenPattern>,
    host: Option<String>,
    #[serde(default)]
    request_headers: WrittenFields,
    #[serde(default)]
    response_headers: WrittenFields,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPattern {
    pattern: String,
    replacement: String,
}

/// A configuration that passed every check.
#[derive(Debug, Default)]
pub struct Settings {
    /// What happens to `:path`.
    pub path: PathRules,
    /// The new `:authority`.
    pub host: Option<String>,
    /// What happens to the request's headers.
    pub request: Vec<Step>,
    /// What happens to the response's headers.
    pub response: Vec<Step>,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to try.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written =
            serde_json::from_slice(json).map_err(|error| format!("configuration: {error}"))?;
        if written.path_regex.len() > MOST_PATTERNS {
            return Err(format!("path_regex: more than {MOST_PATTERNS} patterns"));
        }
        let prefixes = written.path_prefix.iter().map(|(from, to)| Prefix::new(from, to));
        let patterns =
            written.path_regex.iter().map(|rule| Pattern::new(&rule.pattern, &rule.replacement));
        let path = PathRules::new(
            prefixes.collect::<Result<_, _>>()?,
            patterns.collect::<Result<_, _>>()?,
        );
        if let Some(host) = written.host.as_deref().filter(|host| !is_authority(host)) {
            return Err(format!(
                "host: `{}` is neither a host nor host:port; leave out the scheme and the path",
                host.escape_debug()
            ));
        }
        Ok(Self {
            path,
            host: written.host,
            request: written.request_headers.steps("request_headers")?,
            response: written.response_headers.steps("response_headers")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        Settings::from_json(json.as_bytes()).unwrap_err()
    }

    #[test]
    fn nothing_has_to_be_written() {
        let settings = Settings::from_json(b"{}").unwrap();
        assert!(settings.path.is_empty());
        assert_eq!((settings.host, settings.request, settings.response), (None, vec![], vec![]));
    }

    #[test]
    fn a_wrong_key_is_named() {
        assert!(refusal(r#"{"prefix": {}}"#).contains("unknown field `prefix`"));
        assert!(refusal(r#"{"request_headers": {"put": {}}}"#).contains("unknown field `put`"));
        assert!(refusal(r#"{"host": "https://a"}"#).starts_with("host: `https://a` is neither"));
        assert!(refusal(r#"{"path_regex": [{"pattern": "a"}]}"#).contains("`replacement`"));
        let response = r#"{"response_headers": {"set": {"Server": "a"}}}"#;
        assert!(refusal(response).starts_with("response_headers.set: `Server` is no field name"));
    }
}
