//! Reads a policy's configuration. An error names the key.
//!
//! Every error has the form `<key.path>: <sentence>`, followed by ` at line L column C` of the JSON text where serde
//! reports it. The gateway maps it to a line of gateway.yaml.

use crate::key_path::{key_path, offset};
use crate::shown::shown;
use serde::Deserialize;

/// Keys of other products, each with the advice that an error gives for it.
pub type KeyHints<'h> = &'h [(&'h str, &'h str)];

const WHOLE_NUMBER: &str = "a whole number, 0 or more";

/// Reads a configuration; an empty one is an empty object.
///
/// # Errors
/// `<key.path>: <sentence>`, for an unknown key, a missing key and a value of another type. `hints` gives the advice
/// for an unknown key.
pub fn read<'j, T: Deserialize<'j>>(json: &'j [u8], hints: KeyHints<'_>) -> Result<T, String> {
    let json = if json.trim_ascii().is_empty() { b"{}" } else { json };
    // A text, as everywhere: `serde_json` is compiled once for each kind of input.
    let text = std::str::from_utf8(json).map_err(|error| {
        error_text(&key_path(json, error.valid_up_to()), "the text is not UTF-8", hints)
    })?;
    serde_json::from_str(text).map_err(|error| {
        let path = key_path(json, offset(json, error.line(), error.column()));
        error_text(&path, &error.to_string(), hints)
    })
}

/// The error for the value at `path`, made from serde's message.
fn error_text(path: &str, message: &str, hints: KeyHints<'_>) -> String {
    let (message, place) = match message.rfind(" at line ") {
        Some(place) => message.split_at(place),
        None => (message, ""),
    };
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let path = match (path, missing) {
        ("", None) => "configuration".to_owned(),
        ("", Some(name)) => name.to_owned(),
        (path, None) => path.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
    };
    let sentence = match missing {
        Some(_) => "the key is required".to_owned(),
        None => sentence(message, hints),
    };
    format!("{}: {sentence}{place}", shown(&path))
}

fn sentence(message: &str, hints: KeyHints<'_>) -> String {
    if let Some((name, known)) = message
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected ").or_else(|| rest.split_once("`, ")))
    {
        let known = known.replace('`', "");
        return match hints.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, advice)) => format!("unknown key; {advice}"),
            None => format!("unknown key; expected {known}"),
        };
    }
    let wrong =
        message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((got, expected)) => mistyped(got, expected),
        None => message.to_owned(),
    }
}

fn mistyped(got: &str, expected: &str) -> String {
    let expected = match expected {
        "a boolean" => "true or false",
        "u64" | "u32" => WHOLE_NUMBER,
        "a sequence" => "a list",
        "a map" => "a mapping",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    };
    // A string may be a secret under the wrong key, so it is not repeated.
    let got = match got.split(' ').next() {
        Some("string") => "a string",
        Some("map") => "a mapping",
        Some("sequence") => "a list",
        _ => got.split('`').nth(1).unwrap_or(got),
    };
    format!("expected {expected}, got {got}; {}", advice(expected, got))
}

/// What to write in place of a value of another type.
fn advice(expected: &str, got: &str) -> String {
    let is_scalar = !got.starts_with("a ") && got != "null";
    let advice = match (expected, got) {
        ("a string", scalar) if is_scalar => return format!("write it in quotes: \"{scalar}\""),
        ("a string", "a list") => "write one string, without brackets",
        ("a list", "a string") => "write it in brackets: [...]",
        ("a list", _) => "write its entries in brackets: [...]",
        ("a mapping", _) => "write a mapping: {key: value}",
        ("true or false", "a string") => "write true or false, without quotes",
        (WHOLE_NUMBER, "a string") => "write a number, without quotes and without a unit",
        (WHOLE_NUMBER, _) => "write digits alone",
        _ => return format!("write {expected}"),
    };
    advice.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Written {
        #[serde(default)]
        fields: BTreeMap<String, String>,
        #[serde(default)]
        rules: Vec<Rule>,
        #[serde(default)]
        flag: bool,
        #[serde(default)]
        number: u32,
        needed: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Rule {
        from: String,
    }

    fn refused(json: impl AsRef<[u8]>) -> String {
        read::<Written>(json.as_ref(), &[("flags", "write flag: true")]).unwrap_err()
    }

    #[test]
    fn a_value_of_another_type_is_refused_by_its_key_path_and_place() {
        for (json, expected) in [
            (
                r#"{"fields": {"x-debug": true}}"#,
                "fields.x-debug: expected a string, got true; write it in quotes: \"true\" at line 1 column 27",
            ),
            (
                r#"{"fields": {"a.b": null}}"#,
                "fields.a.b: expected a string, got null; write a string at line 1 column 23",
            ),
            (
                r#"{"fields": []}"#,
                "fields: expected a mapping, got a list; write a mapping: {key: value} at line 1 column 11",
            ),
            (
                r#"{"rules": "a"}"#,
                "rules: expected a list, got a string; write it in brackets: [...] at line 1 column 13",
            ),
            (
                r#"{"rules": [{"from": "a"}, {"from": {}}]}"#,
                "rules[1].from: expected a string, got a mapping; write a string at line 1 column 35",
            ),
            (
                r#"{"rules": [7]}"#,
                "rules[0]: expected a mapping, got 7; write a mapping: {key: value} at line 1 column 12",
            ),
            (
                r#"{"flag": "yes"}"#,
                "flag: expected true or false, got a string; write true or false, without quotes at line 1 column 14",
            ),
            (
                r#"{"number": -1}"#,
                "number: expected a whole number, 0 or more, got -1; write digits alone at line 1 column 13",
            ),
            (
                r#"{"number": "60s"}"#,
                "number: expected a whole number, 0 or more, got a string; write a number, without quotes and without a unit at line 1 column 16",
            ),
            (
                r#"{"needed": ["a"]}"#,
                "needed: expected a string, got a list; write one string, without brackets at line 1 column 11",
            ),
            (
                "7",
                "configuration: expected a mapping, got 7; write a mapping: {key: value} at line 1 column 1",
            ),
        ] {
            assert_eq!(refused(json), expected);
        }
    }

    #[test]
    fn a_key_that_is_unknown_or_missing_is_refused_by_its_path() {
        for (json, expected) in [
            (
                r#"{"rules": [{"to": "a"}]}"#,
                "rules[0].to: unknown key; expected from at line 1 column 16",
            ),
            (r#"{"flags": true}"#, "flags: unknown key; write flag: true at line 1 column 8"),
            ("{}", "needed: the key is required at line 1 column 2"),
            ("", "needed: the key is required at line 1 column 2"),
            (r#"{"rules": [{}]}"#, "rules[0].from: the key is required at line 1 column 13"),
        ] {
            assert_eq!(refused(json), expected);
        }
    }

    #[test]
    fn a_string_under_the_wrong_key_is_not_repeated() {
        assert!(!refused(r#"{"needed": "a", "number": "hunter2"}"#).contains("hunter2"));
        assert!(
            !refused(r#"{"needed": "a", "number": "a, expected hunter2"}"#).contains("hunter2")
        );
    }

    #[test]
    fn text_that_is_not_json_is_refused() {
        assert!(refused("{\"needed\": \"a\"} x").starts_with("configuration: trailing characters"));
        assert!(refused("{").starts_with("configuration: EOF while parsing"));
        assert_eq!(refused(b"{\"fields\": {\"a\": \"\xff\"}}"), "fields.a: the text is not UTF-8");
    }
}
