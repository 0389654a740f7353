//! Fields that a route sets, adds and removes.

use wasmgate_host::HeaderMap;

use crate::http::fields::{Role, is_field_value, is_token, role};
use crate::routing::variables::{Facts, VariableText};

/// Changes of fields as configured; values are texts with variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldChangesSpec {
    /// Fields that are removed.
    pub remove: Vec<String>,
    /// Fields that are set, in place of those of their names.
    pub set: Vec<(String, String)>,
    /// Fields that are added beside those of their names.
    pub add: Vec<(String, String)>,
}

/// The same, checked; made in this order: remove, set, add.
#[derive(Clone, Debug)]
pub(crate) struct FieldChanges {
    remove: Vec<String>,
    set: Vec<(String, VariableText)>,
    add: Vec<(String, VariableText)>,
}

impl FieldChanges {
    /// Reads changes; `captures` are the variables of the route's path. None if nothing changes; the
    /// error says in words what is wrong.
    pub fn parse(spec: &FieldChangesSpec, captures: &[&str]) -> Result<Option<Self>, String> {
        let text = |(name, value): &(String, String)| {
            if !is_field_value(value.as_bytes()) {
                return Err(format!("the value of {name} has a control character"));
            }
            let value = VariableText::parse(value, captures);
            Ok((changeable(name)?, value.map_err(|wrong| format!("{name}: {wrong}"))?))
        };
        let remove = spec.remove.iter().map(|name| changeable(name));
        let changes = Self {
            remove: remove.collect::<Result<_, _>>()?,
            set: spec.set.iter().map(text).collect::<Result<_, _>>()?,
            add: spec.add.iter().map(text).collect::<Result<_, _>>()?,
        };
        let none = changes.remove.is_empty() && changes.set.is_empty() && changes.add.is_empty();
        Ok((!none).then_some(changes))
    }

    /// Changes a head. A value that is no field value, because of what a variable stands for, is left
    /// out.
    pub fn apply(&self, head: &mut HeaderMap, facts: &Facts<'_>) {
        for name in &self.remove {
            head.remove(name.as_bytes());
        }
        let value = |text: &VariableText| Some(text.value(facts)).filter(|it| is_field_value(it));
        for (name, text) in &self.set {
            match value(text) {
                Some(value) => head.set(name.as_bytes(), &value),
                None => drop(head.remove(name.as_bytes())),
            }
        }
        for (name, text) in &self.add {
            if let Some(value) = value(text) {
                head.push(name.as_bytes(), &value);
            }
        }
    }
}

/// The name of a field in lower case, if a route may change it.
fn changeable(name: &str) -> Result<String, String> {
    if !is_token(name.as_bytes()) {
        return Err(format!("`{name}` is not a field name"));
    }
    match role(name.as_bytes()) {
        Role::Host => Err("Host is changed by host_rewrite".to_owned()),
        Role::HopByHop
        | Role::ConnectionSpecific
        | Role::Connection
        | Role::Te
        | Role::TransferEncoding
        | Role::ContentLength => {
            Err(format!("{name} is about the connection or the length, which the gateway writes"))
        }
        _ => Ok(name.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_are_removed_set_and_added() {
        let spec = FieldChangesSpec {
            remove: vec!["X-Old".to_owned()],
            set: owned(&[("X-Client", "%{client_address}"), ("x-none", "%{header.x-bad}")]),
            add: owned(&[("vary", "x-tier")]),
        };
        let changes = FieldChanges::parse(&spec, &[]).unwrap().unwrap();
        let fields =
            [("x-old", "1"), ("x-client", "2"), ("x-client", "3"), ("vary", "a"), ("x-none", "1")];
        let pair =
            |(name, value): (&'static str, &'static str)| (name.as_bytes(), value.as_bytes());
        let mut head: HeaderMap = fields.into_iter().map(pair).collect();
        let request = [("x-bad", "a\nb")].into_iter().map(pair).collect();
        let facts = Facts {
            request: &request,
            client: Some("::1"),
            route: "",
            cluster: "",
            captures: Vec::new(),
        };
        changes.apply(&mut head, &facts);
        let expected = [("x-client", "::1"), ("vary", "a"), ("vary", "x-tier")];
        let mut left: Vec<_> = head.iter().collect();
        left.sort_unstable();
        let mut expected: Vec<_> = expected.into_iter().map(pair).collect();
        expected.sort_unstable();
        assert_eq!(expected, left);
    }

    #[test]
    fn mistakes_are_named() {
        let set = |name: &str, value: &str| FieldChangesSpec {
            set: owned(&[(name, value)]),
            ..FieldChangesSpec::default()
        };
        for (spec, expected) in [
            (set("a b", "1"), "`a b` is not a field name"),
            (set("host", "a"), "Host is changed by host_rewrite"),
            (
                set("Content-Length", "1"),
                "Content-Length is about the connection or the length, which the gateway writes",
            ),
            (set("x", "a\r\nb: c"), "the value of x has a control character"),
            (set("x", "50%"), "x: `50%` has a % that begins no variable; write %% for it"),
        ] {
            assert_eq!(Err(expected.to_owned()), FieldChanges::parse(&spec, &[]).map(|_| ()));
        }
        assert!(FieldChanges::parse(&FieldChangesSpec::default(), &[]).unwrap().is_none());
    }
}
