//! JSON objects whose member names are unique.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser keep the last of two equal names. Another parser behind the
//! gateway may keep the first, so both would read a different token: such a token is refused.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The members of a JSON object, each name once.
#[derive(Debug, Default)]
pub struct Members(Map<String, Value>);

impl Members {
    /// The object in `json`.
    ///
    /// `None` for invalid JSON, another JSON type, or a name that occurs twice.
    #[must_use]
    pub fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The member of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames)
    }
}

struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name() {
        let members = Members::parse(br#"{"alg":"RS256"}"#).unwrap();
        assert_eq!(members.get("alg"), Some(&Value::from("RS256")));
    }

    #[test]
    fn a_repeated_name_is_refused() {
        assert!(Members::parse(br#"{"alg":"RS256","alg":"HS256"}"#).is_none());
    }

    #[test]
    fn a_name_repeated_by_an_escape_is_refused() {
        assert!(Members::parse(br#"{"alg":"RS256","\u0061lg":"HS256"}"#).is_none());
    }

    #[test]
    fn other_json_is_refused() {
        for json in ["[]", "\"a\"", "{}x", "{", ""] {
            assert!(Members::parse(json.as_bytes()).is_none(), "{json}");
        }
    }
}
