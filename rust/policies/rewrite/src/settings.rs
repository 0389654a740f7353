//! The policy's configuration, checked once at start.

use crate::field_rules::{Step, Written as WrittenFields};
use crate::host;
use crate::path::{MOST_PATTERNS, PathRules};
use crate::pattern::Pattern;
use crate::prefix::Prefix;
use serde::Deserialize;
use std::collections::BTreeMap;

const PREFIX: &str = "write path_prefix: {/v1: /}";
const PATTERN: &str = "write path_regex: [{pattern: ^/v1, replacement: /}]";
const REQUEST: &str = "write request_headers: {set: {x-name: value}}";
const RESPONSE: &str = "write response_headers: {set: {x-name: value}}";

/// Keys of nginx, Envoy, Traefik, some libraries and the gateway's routes.
const KEY_HINTS: [(&str, &str); 37] = [
    ("prefix_rewrite", PREFIX),
    ("stripPrefix", PREFIX),
    ("strip_prefix", PREFIX),
    ("addPrefix", "write path_prefix: {/: /api}"),
    ("add_prefix", "write path_prefix: {/: /api}"),
    ("prefix", PREFIX),
    ("prefixes", PREFIX),
    ("path", PREFIX),
    ("replacePath", PREFIX),
    ("rewrite", PATTERN),
    ("regex_rewrite", PATTERN),
    ("regex", PATTERN),
    ("path_rewrite", PATTERN),
    ("path_rewrite_policy", PATTERN),
    ("replacePathRegex", PATTERN),
    ("stripPrefixRegex", PATTERN),
    ("return", "this policy sends no redirects"),
    ("redirect", "this policy sends no redirects"),
    ("redirectRegex", "this policy sends no redirects"),
    ("host_rewrite", "write host: name"),
    ("host_rewrite_literal", "write host: name"),
    ("hostname", "write host: name"),
    ("proxy_set_header", REQUEST),
    ("request_headers_to_add", REQUEST),
    ("customRequestHeaders", REQUEST),
    ("headers", REQUEST),
    ("request_headers_to_remove", "write request_headers: {remove: [x-name]}"),
    ("add_header", RESPONSE),
    ("response_headers_to_add", RESPONSE),
    ("customResponseHeaders", RESPONSE),
    ("response_headers_to_remove", "write response_headers: {remove: [x-name]}"),
    ("proxy_hide_header", "write response_headers: {remove: [x-name]}"),
    ("substitution", "write replacement: /v2"),
    ("to", "write replacement: /v2"),
    ("from", "write pattern: ^/v1"),
    ("delete", "write remove: [x-name]"),
    ("replace", "write set: {x-name: value}"),
];

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
    /// Changes to `:path`.
    pub path: PathRules,
    /// The new `:authority`.
    pub host: Option<String>,
    /// Changes to the request's fields.
    pub request: Vec<Step>,
    /// Changes to the response's fields.
    pub response: Vec<Step>,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to write instead.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written = policy_configuration::read(json, &KEY_HINTS)?;
        if written.path_regex.len() > MOST_PATTERNS {
            return Err(format!(
                "path_regex: more than {MOST_PATTERNS} patterns; write fewer, or use a second policy"
            ));
        }
        let prefixes = written.path_prefix.iter().map(|(from, to)| Prefix::new(from, to));
        let patterns = written.path_regex.iter().enumerate().map(|(index, rule)| {
            Pattern::new(&rule.pattern, &rule.replacement)
                .map_err(|error| format!("path_regex[{index}].{error}"))
        });
        let path = PathRules::new(
            prefixes.collect::<Result<_, _>>()?,
            patterns.collect::<Result<_, _>>()?,
        );
        if let Some(host) = &written.host {
            host::check(host).map_err(|reason| format!("host: {reason}"))?;
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
    fn every_key_is_optional() {
        let settings = Settings::from_json(b"{}").unwrap();
        assert!(settings.path.is_empty());
        assert_eq!((settings.host, settings.request, settings.response), (None, vec![], vec![]));
    }

    #[test]
    fn a_wrong_key_is_named() {
        assert!(refusal(r#"{"prefix": {}}"#).starts_with("prefix: unknown key"));
        assert!(
            refusal(r#"{"request_headers": {"put": {}}}"#).starts_with("request_headers.put: ")
        );
        assert!(refusal(r#"{"host": "https://a"}"#).starts_with("host: `https://a` is neither"));
        assert!(
            refusal(r#"{"path_regex": [{"pattern": "a"}]}"#)
                .starts_with("path_regex[0].replacement: ")
        );
        let patterns =
            r#"{"path_regex": [{"pattern": "a", "replacement": "/"}, {"pattern": "("}]}"#;
        assert!(refusal(patterns).starts_with("path_regex[1].replacement: the key is required"));
        let response = r#"{"response_headers": {"set": {"Content-Length": "0"}}}"#;
        assert!(
            refusal(response)
                .starts_with("response_headers.set.Content-Length: `Content-Length` frames")
        );
    }

    #[test]
    fn every_mistake_begins_with_the_path_of_its_key() {
        for (json, expected) in [
            (r#"{"path_prefix": {"/v1": null}}"#, "path_prefix./v1: expected a string, got null"),
            (r#"{"path_prefix": "/v1"}"#, "path_prefix: expected a mapping, got a string"),
            (r#"{"path_prefix": [["/v1", "/"]]}"#, "path_prefix: expected a mapping, got a list"),
            (r#"{"path_regex": "("}"#, "path_regex: expected a list, got a string"),
            (r#"{"path_regex": {"^/a": "/b"}}"#, "path_regex: expected a list, got a mapping"),
            (r#"{"path_regex": ["^/a"]}"#, "path_regex[0]: expected a mapping, got a string"),
            (
                r#"{"path_regex": [{"pattern": "(", "replacement": "/"}]}"#,
                "path_regex[0].pattern: `(`: unclosed group",
            ),
            (
                r#"{"path_regex": [{"pattern": "^/a", "replacement": "$1"}]}"#,
                "path_regex[0].replacement: `$1`: there is no group `1`",
            ),
            (
                r#"{"path_regex": [{"regex": "^/a", "substitution": "\1"}]}"#,
                "path_regex[0].regex: unknown key; write path_regex: [",
            ),
            (
                r#"{"request_headers": {"set": {"x": true}}}"#,
                "request_headers.set.x: expected a string, got true",
            ),
            (
                r#"{"request_headers": {"set": ["x: y"]}}"#,
                "request_headers.set: expected a mapping, got a list",
            ),
            (
                r#"{"request_headers": {"remove": "x"}}"#,
                "request_headers.remove: expected a list, got a string",
            ),
            (
                r#"{"request_headers": {"remove": ["X Y"]}}"#,
                "request_headers.remove[0]: `X Y` is not a field name",
            ),
            (
                r#"{"host": "$host"}"#,
                "host: `$host` is neither a host nor host:port; variables are not",
            ),
            (r#"{"stripPrefix": {}}"#, "stripPrefix: unknown key; write path_prefix: {/v1: /}"),
            (r#"{"prefixs": {}}"#, "prefixs: unknown key; expected one of path_prefix, path_regex"),
        ] {
            let refused = refusal(json);
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
