//! Header rules, as a list of steps in the order in which they run.

use policy_http::{refuse_name, refuse_value};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One change to a header map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Every field of that name goes.
    Remove(String),
    /// One field of that name and value stands in place of all others.
    Set(String, String),
    /// A field is written if none has that name.
    Add(String, String),
    /// A further field is written, whatever is there.
    Append(String, String),
}

type Make = fn(String, String) -> Step;

/// The rules as a user writes them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    remove: Vec<String>,
    set: BTreeMap<String, String>,
    add: BTreeMap<String, String>,
    append: BTreeMap<String, String>,
}

impl Written {
    /// The steps: remove, set, add, append. So a name can be removed and added anew, and an `add` sees
    /// what `set` wrote.
    ///
    /// # Errors
    /// A sentence that names the key and the name or value that is refused; `key` is where the rules stand.
    pub fn steps(self, key: &str) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        for (index, name) in self.remove.into_iter().enumerate() {
            refuse_name(&format!("{key}.remove[{index}]"), &name)
                .map_err(|error| error.to_string())?;
            steps.push(Step::Remove(name));
        }
        let written: [(&str, BTreeMap<String, String>, Make); 3] = [
            ("set", self.set, Step::Set),
            ("add", self.add, Step::Add),
            ("append", self.append, Step::Append),
        ];
        for (operation, fields, make) in written {
            for (name, value) in fields {
                let key = format!("{key}.{operation}.{}", name.escape_debug());
                refuse_name(&key, &name)
                    .and_then(|()| refuse_value(&key, &value))
                    .map_err(|error| error.to_string())?;
                // nginx, Envoy and Traefik send no field then.
                if value.is_empty() {
                    return Err(format!(
                        "{key}: the value is empty; write remove: [{name}] to send none"
                    ));
                }
                steps.push(make(name, value));
            }
        }
        Ok(steps)
    }
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
    fn pseudo_headers_are_refused() {
        let error = steps(r#"{"set": {":path": "/"}}"#).unwrap_err();
        assert!(
            error.starts_with("request_headers.set.:path: `:path` is a pseudo-header"),
            "{error}"
        );
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
