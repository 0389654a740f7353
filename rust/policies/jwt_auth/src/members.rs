//! JSON objects with unique member names and with values in their original text.
//!
//! RFC 7515 §4 and RFC 7519 §4 let a parser keep the last of two equal names. An upstream's parser may keep the first and
//! read another token, so such a token is refused. A number loses digits as a float, and two users would become one, so
//! values keep their text.

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fmt;

/// Nested levels of a value, at most. Each level is read once more than the level around it.
const MOST_LEVELS: usize = 16;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub struct Members<'j>(BTreeMap<Text<'j>, &'j RawValue>);

impl<'j> Members<'j> {
    /// Reads an object.
    ///
    /// `None` for invalid JSON, another type, and a name that occurs twice.
    #[must_use]
    pub fn parse(json: &'j [u8]) -> Option<Self> {
        serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
    }

    /// The member of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Member<'j>> {
        self.0.get(name).map(|raw| Member(raw))
    }
}

/// The value of a member, in its original text.
#[derive(Debug, Clone, Copy)]
pub struct Member<'j>(&'j RawValue);

impl<'j> Member<'j> {
    /// Its string; `None` for another type, and for half a surrogate pair, which is not a character.
    #[must_use]
    pub fn text(self) -> Option<Cow<'j, str>> {
        let inner = self.0.get().strip_prefix('"')?.strip_suffix('"')?;
        if memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.0.get()).ok().map(Cow::Owned)
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
        let items: Vec<&RawValue> =
            self.begins(b'[').then(|| serde_json::from_str(self.0.get()).ok()).flatten()?;
        Some(items.into_iter().map(Member).collect())
    }

    /// The value as compact JSON: numbers unchanged, members sorted by name, strings in one spelling.
    ///
    /// `None` for a name that occurs twice at any level, for half a surrogate pair, and for more than 16 levels.
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
                out.push_str(&serde_json::to_string(&*name.0).ok()?);
                out.push(':');
                Member(value).write(out, levels.checked_sub(1)?)?;
            }
            out.push('}');
        } else if self.begins(b'"') {
            out.push_str(&serde_json::to_string(&*self.text()?).ok()?);
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

/// A member's name, borrowed where it has no escapes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Text<'j>(Cow<'j, str>);

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de: 'j, 'j> Deserialize<'de> for Text<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AnyText)
    }
}

struct AnyText;

impl<'de> Visitor<'de> for AnyText {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
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
        while let Some((name, value)) = access.next_entry::<Text<'de>, &'de RawValue>()? {
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
    fn text_is_read_with_and_without_escapes() {
        let members = Members::parse(br#"{"a":"b c","d":"\u0041\"","\u0065":"\ud800"}"#).unwrap();
        let text = |name| members.get(name).unwrap().text();
        assert_eq!(
            [text("a"), text("d"), text("e")],
            [Some("b c".into()), Some("A\"".into()), None]
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused() {
        assert!(Members::parse(b"{\"a\":\"\xff\"}").is_none());
        assert!(Members::parse(b"{\"\xff\":1}").is_none());
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
        for json in [
            "{\"a\":\"\u{1}\"}",
            "{\"\u{1}\":1}",
            "[]",
            "\"a\"",
            "{}x",
            "{",
            "",
            r#"{"a":01}"#,
            r#"{"a":+1}"#,
            r#"{"a":.5}"#,
        ] {
            assert!(Members::parse(json.as_bytes()).is_none(), "{json}");
        }
    }

    #[test]
    fn numbers_keep_their_text_at_every_level() {
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
    fn equal_values_are_written_alike() {
        assert_eq!(
            compact(" { \"b\" : [ true , null ] , \"a\" : \"\\u0041\\/\" } ").as_deref(),
            Some(r#"{"a":"A/","b":[true,null]}"#)
        );
    }

    #[test]
    fn values_that_parsers_read_differently_are_refused() {
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
