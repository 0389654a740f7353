//! A policy's configuration, read so that a mistake names its key.
//!
//! Every refusal has one form, which the gateway maps to a line of its own file:
//! `<key.path>: <sentence>`, and behind it ` at line L column C` of the JSON text where serde knows it.

use crate::key_path::{key_path, offset};
use serde::Deserialize;

/// What a person wrote who had another product in mind, and what to write here.
pub type OtherWords<'w> = &'w [(&'w str, &'w str)];

/// Reads a configuration; an empty one is an empty object.
///
/// # Errors
/// `<key.path>: <sentence>`, for a key that is unknown or missing and a value of another type.
/// `other_words` says what to write in place of an unknown key.
pub fn read<'j, T: Deserialize<'j>>(
    json: &'j [u8],
    other_words: OtherWords<'_>,
) -> Result<T, String> {
    let json = if json.trim_ascii().is_empty() { b"{}" } else { json };
    serde_json::from_slice(json).map_err(|error| {
        let path = key_path(json, offset(json, error.line(), error.column()));
        refusal(&path, &error.to_string(), other_words)
    })
}

/// The refusal of what stands at `path`, from serde's own words.
fn refusal(path: &str, said: &str, other_words: OtherWords<'_>) -> String {
    let (said, place) = match said.rfind(" at line ") {
        Some(place) => said.split_at(place),
        None => (said, ""),
    };
    let missing = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let path = match (path, missing) {
        ("", None) => "configuration".to_owned(),
        ("", Some(name)) => name.to_owned(),
        (path, None) => path.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
    };
    let sentence = match missing {
        Some(_) => "the key is required".to_owned(),
        None => sentence(said, other_words),
    };
    format!("{}: {sentence}{place}", printable(&path))
}

fn sentence(said: &str, other_words: OtherWords<'_>) -> String {
    if let Some((name, known)) = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once("`, expected ").or_else(|| rest.split_once("`, ")))
    {
        let known = known.replace('`', "");
        return match other_words.iter().find(|(word, _)| word.eq_ignore_ascii_case(name)) {
            Some((_, here)) => format!("unknown key; {here}"),
            None => format!("unknown key; expected {known}"),
        };
    }
    let wrong =
        said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((got, expected)) => mistyped(got, expected),
        None => said.to_owned(),
    }
}

fn mistyped(got: &str, expected: &str) -> String {
    let expected = match expected {
        "a boolean" => "true or false",
        "u64" | "u32" => "a whole number, 0 or more",
        "a sequence" => "a list",
        "a map" => "a mapping",
        other if other.starts_with("struct ") => "a mapping",
        other => other,
    };
    // A text may be a secret in the wrong place.
    let got = match got.split(' ').next() {
        Some("string") => "a string",
        Some("map") => "a mapping",
        Some("sequence") => "a list",
        _ => got.split('`').nth(1).unwrap_or(got),
    };
    let is_scalar = !got.starts_with("a ") && got != "null";
    let spelling = match expected {
        "a string" if is_scalar => format!("; write it in quotes: \"{got}\""),
        "a list" if got == "a string" => "; write it in brackets: [...]".to_owned(),
        _ => String::new(),
    };
    format!("expected {expected}, got {got}{spelling}")
}

/// Without characters that would break a line of a log.
fn printable(path: &str) -> String {
    path.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
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

    fn refused(json: &str) -> String {
        read::<Written>(json.as_bytes(), &[("flags", "write flag: true")]).unwrap_err()
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
                "fields.a.b: expected a string, got null at line 1 column 23",
            ),
            (r#"{"fields": []}"#, "fields: expected a mapping, got a list at line 1 column 11"),
            (
                r#"{"rules": "a"}"#,
                "rules: expected a list, got a string; write it in brackets: [...] at line 1 column 13",
            ),
            (
                r#"{"rules": [{"from": "a"}, {"from": {}}]}"#,
                "rules[1].from: expected a string, got a mapping at line 1 column 35",
            ),
            (r#"{"rules": [7]}"#, "rules[0]: expected a mapping, got 7 at line 1 column 12"),
            (
                r#"{"flag": "yes"}"#,
                "flag: expected true or false, got a string at line 1 column 14",
            ),
            (
                r#"{"number": -1}"#,
                "number: expected a whole number, 0 or more, got -1 at line 1 column 13",
            ),
            ("7", "configuration: expected a mapping, got 7 at line 1 column 1"),
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
    fn a_text_in_the_wrong_place_is_not_repeated() {
        assert!(!refused(r#"{"needed": "a", "number": "hunter2"}"#).contains("hunter2"));
        assert!(
            !refused(r#"{"needed": "a", "number": "a, expected hunter2"}"#).contains("hunter2")
        );
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(refused("{\"needed\": \"a\"} x").starts_with("configuration: trailing characters"));
        assert!(refused("{").starts_with("configuration: EOF while parsing"));
    }
}
