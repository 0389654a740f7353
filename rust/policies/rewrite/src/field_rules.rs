//! Rules for header fields, as a list of steps in the order in which they run.

use policy_configuration::shown;
use policy_http::{refuse_value, writable_name};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One change to a header map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Removes every field of the name.
    Remove(String),
    /// Replaces every field of the name with one.
    Set(String, String),
    /// Adds a field if none has the name.
    Add(String, String),
    /// Adds a field beside others of the name.
    Append(String, String),
}

type Make = fn(String, String) -> Step;

/// The rules of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    remove: Vec<String>,
    set: BTreeMap<String, String>,
    add: BTreeMap<String, String>,
    append: BTreeMap<String, String>,
}

impl Written {
    /// The steps in the order remove, set, add, append: a name can be removed and added again, and `add` sees what `set`
    /// wrote.
    ///
    /// # Errors
    /// A sentence that names the key and the name or value; `key` is the key of the rules.
    pub fn steps(self, key: &str) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for (index, written) in self.remove.iter().enumerate() {
            steps.push(Step::Remove(name(&format!("{key}.remove[{index}]"), written)?));
        }
        let written: [(&str, BTreeMap<String, String>, Make); 3] = [
            ("set", self.set, Step::Set),
            ("add", self.add, Step::Add),
            ("append", self.append, Step::Append),
        ];
        for (operation, fields, make) in written {
            let mut spellings = BTreeMap::new();
            for (written, value) in fields {
                let key = format!("{key}.{operation}.{}", shown(&written));
                let name = name(&key, &written)?;
                refuse_value(&key, &value).map_err(|error| error.to_string())?;
                // nginx, Envoy and Traefik send no field for an empty value.
                if value.is_empty() {
                    return Err(format!(
                        "{key}: the value is empty; write remove: [{name}] to send none"
                    ));
                }
                if let Some(other) = spellings.insert(name.clone(), written) {
                    return Err(format!(
                        "{key}: `{}` names the same field; write it once",
                        shown(&other)
                    ));
                }
                steps.push(make(name, value));
            }
        }
        Ok(steps)
    }
}

/// The name in lower case, of a field that may be written.
fn name(key: &str, written: &str) -> Result<String, String> {
    writable_name(key, written).map_err(|error| match written.to_ascii_lowercase().as_str() {
        "host" | ":authority" => format!("{key}: write host: name beside request_headers"),
        ":path" => format!("{key}: write path_prefix or path_regex beside request_headers"),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(json: &str) -> Result<Vec<Step>, String> {
        serde_json::from_str::<Written>(json).unwrap().steps("request_headers")
    }

    #[test]
    fn steps_run_in_the_documented_order() {
        let json =
            r#"{"append": {"d": "4"}, "add": {"c": "3"}, "set": {"b": "2"}, "remove": ["a"]}"#;
        let expected = vec![
            Step::Remove("a".into()),
            Step::Set("b".into(), "2".into()),
            Step::Add("c".into(), "3".into()),
            Step::Append("d".into(), "4".into()),
        ];
        assert_eq!(steps(json), Ok(expected));
    }

    #[test]
    fn pseudo_headers_are_refused_with_the_key_that_writes_them() {
        for (name, expected) in [
            (":method", "`:method` is a pseudo-header and cannot be written as a field"),
            (":path", "write path_prefix or path_regex beside request_headers"),
            (":authority", "write host: name beside request_headers"),
            ("Host", "write host: name beside request_headers"),
        ] {
            let error = steps(&format!(r#"{{"set": {{"{name}": "a"}}}}"#)).unwrap_err();
            assert_eq!(error, format!("request_headers.set.{name}: {expected}"));
        }
    }

    #[test]
    fn names_are_accepted_in_any_case() {
        let expected = vec![Step::Remove("x-a".into()), Step::Set("x-b".into(), "1".into())];
        assert_eq!(steps(r#"{"remove": ["X-A"], "set": {"X-B": "1"}}"#), Ok(expected));
    }

    #[test]
    fn one_field_in_two_spellings_is_refused() {
        let error = steps(r#"{"set": {"X-A": "1", "x-a": "2"}}"#).unwrap_err();
        assert_eq!(error, "request_headers.set.x-a: `X-A` names the same field; write it once");
    }

    #[test]
    fn an_empty_value_is_refused_with_the_rule_that_sends_none() {
        let error = steps(r#"{"set": {"x-a": ""}}"#).unwrap_err();
        assert_eq!(
            error,
            "request_headers.set.x-a: the value is empty; write remove: [x-a] to send none"
        );
    }

    #[test]
    fn a_value_that_would_split_the_message_is_refused() {
        let error = steps(r#"{"add": {"x-a": "1\r\nx-b: 2"}}"#).unwrap_err();
        assert!(error.starts_with("request_headers.add.x-a: `1\\r\\nx-b: 2`"), "{error}");
    }
}
