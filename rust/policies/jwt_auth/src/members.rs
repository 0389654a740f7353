//! JSON objects whose member names are unique and whose values keep their digits.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser keep the last of two equal names. Another parser behind the
//! gateway may keep the first, so both would read a different token: such a token is refused. A number that goes
//! through a float loses digits, and two users become one: a value stays as it is written.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Levels of lists and objects in a value. Each is read once more than the one around it.
const MOST_LEVELS: usize = 16;

/// The members of a JSON object, each name once.
#[derive(Debug, Default)]
pub struct Members<'j>(BTreeMap<String, &'j RawValue>);

impl<'j> Members<'j> {
    /// The object in `json`.
    ///
    /// `None` for invalid JSON, another JSON type, or a name that occurs twice.
    #[must_use]
    pub fn parse(json: &'j [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The member of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Member<'j>> {
        self.0.get(name).map(|raw| Member(raw))
    }
}

/// The value of a member, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Member<'j>(&'j RawValue);

impl<'j> Member<'j> {
    /// Its text; `None` for another type, and for half a surrogate pair, which is no character.
    #[must_use]
    pub fn text(self) -> Option<String> {
        self.begins(b'"').then(|| serde_json::from_slice(self.0.get().as_bytes()).ok()).flatten()
    }

    /// Its digits, with sign, fraction and exponent; `None` for another type.
    #[must_use]
    pub fn number(self) -> Option<&'j str> {
        let is_number =
            self.0.get().starts_with(|first: char| first == '-' || first.is_ascii_digit());
        is_number.then(|| self.0.get())
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.begins(b'n')
    }

    /// Its items; `None` for another type.
    #[must_use]
    pub fn items(self) -> Option<Vec<Self>> {
        let items: Vec<&RawValue> = self
            .begins(b'[')
            .then(|| serde_json::from_slice(self.0.get().as_bytes()).ok())
            .flatten()?;
        Some(items.into_iter().map(Member).collect())
    }

    /// Compact JSON that says the same: numbers as they are written, members by name, text in one spelling.
    ///
    /// `None` for a name that occurs twice at any level, half a surrogate pair, and more than 16 levels.
    #[must_use]
    pub fn compact(self) -> Option<String> {
        let mut out = String::new();
        self.write(&mut out, MOST_LEVELS)?;
        Some(out)
    }

    fn write(self, out: &mut String, levels: usize) -> Option<()> {
        if let Some(items) = self.items() {
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                item.write(out, levels.checked_sub(1)?)?;
            }
            out.push(']');
        } else if self.begins(b'{') {
            out.push('{');
            let members = Members::parse(self.0.get().as_bytes())?;
            for (index, (name, value)) in members.0.into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                out.push_str(&serde_json::to_string(&name).ok()?);
                out.push(':');
                Member(value).write(out, levels.checked_sub(1)?)?;
            }
            out.push('}');
        } else if self.begins(b'"') {
            out.push_str(&serde_json::to_string(&self.text()?).ok()?);
        } else {
            out.push_str(self.0.get());
        }
        Some(())
    }

    fn begins(self, first: u8) -> bool {
        self.0.get().as_bytes().first() == Some(&first)
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for Members<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueNames)
    }
}

struct UniqueNames;

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Members<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = access.next_entry::<String, &'de RawValue>()? {
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

    fn compact(json: &str) -> Option<String> {
        let object = format!("{{\"a\":{json}}}");
        Members::parse(object.as_bytes()).unwrap().get("a").unwrap().compact()
    }

    #[test]
    fn members_are_found_by_name() {
        let members = Members::parse(br#"{"alg":"RS256"}"#).unwrap();
        assert_eq!(members.get("alg").unwrap().text().as_deref(), Some("RS256"));
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
        for json in ["[]", "\"a\"", "{}x", "{", "", r#"{"a":01}"#, r#"{"a":+1}"#, r#"{"a":.5}"#] {
            assert!(Members::parse(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn numbers_stay_as_they_are_written_at_every_level() {
        for json in [
            "98765432109876543210",
            "1e2",
            "-0",
            "1.10",
            "1E+400",
            "[0.1,1e2,{\"a\":18446744073709551617}]",
        ] {
            assert_eq!(compact(json).as_deref(), Some(json));
        }
    }

    #[test]
    fn values_that_say_the_same_are_written_alike() {
        assert_eq!(
            compact(" { \"b\" : [ true , null ] , \"a\" : \"\\u0041\\/\" } ").as_deref(),
            Some(r#"{"a":"A/","b":[true,null]}"#)
        );
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        for json in [r#"[{"b":1,"b":2}]"#, r#"{"b":{"c":1,"\u0063":2}}"#, r#"["\ud800"]"#] {
            assert_eq!(compact(json), None, "{json}");
        }
    }

    #[test]
    fn levels_have_a_bound() {
        let nested =
            |levels: usize| compact(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
        assert!(nested(MOST_LEVELS).is_some());
        assert_eq!(nested(MOST_LEVELS + 2), None);
    }
}
