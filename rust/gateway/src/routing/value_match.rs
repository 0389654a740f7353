//! What a route says of a value: of a field, of a parameter of the query, of a cookie.

use crate::routing::anchored_regex::AnchoredRegex;

/// A value as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueMatch {
    /// There is one.
    Present,
    /// There is none.
    Absent,
    /// It is this.
    Exact(String),
    /// It begins with this.
    Prefix(String),
    /// It ends with this.
    Suffix(String),
    /// This is in it.
    Contains(String),
    /// The regular expression matches it from begin to end.
    Regex(String),
}

impl ValueMatch {
    /// Checks it.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        ValuePattern::parse(self).map(|_| ())
    }
}

/// The same, checked.
#[derive(Clone, Debug)]
pub(crate) enum ValuePattern {
    Present,
    Absent,
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Contains(Vec<u8>),
    Regex(AnchoredRegex),
}

impl ValuePattern {
    /// Reads a pattern; the error says in words what is wrong with it.
    pub fn parse(value: &ValueMatch) -> Result<Self, String> {
        let bytes = |text: &String| text.clone().into_bytes();
        Ok(match value {
            ValueMatch::Present => Self::Present,
            ValueMatch::Absent => Self::Absent,
            ValueMatch::Exact(text) => Self::Exact(bytes(text)),
            ValueMatch::Prefix(text) => Self::Prefix(bytes(text)),
            ValueMatch::Suffix(text) => Self::Suffix(bytes(text)),
            ValueMatch::Contains(text) => Self::Contains(bytes(text)),
            ValueMatch::Regex(text) => {
                let regex = AnchoredRegex::parse(text)
                    .map_err(|wrong| format!("`{text}` is not a regular expression: {wrong}"))?;
                Self::Regex(regex)
            }
        })
    }

    /// True if the value matches; none: there is none.
    pub fn matches(&self, value: Option<&[u8]>) -> bool {
        match (self, value) {
            (Self::Absent, value) => value.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Exact(text), Some(value)) => value == text,
            (Self::Prefix(text), Some(value)) => value.starts_with(text),
            (Self::Suffix(text), Some(value)) => value.ends_with(text),
            (Self::Contains(text), Some(value)) => memchr::memmem::find(value, text).is_some(),
            (Self::Regex(regex), Some(value)) => regex.matches(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match() {
        let text = |text: &str| text.to_owned();
        for (pattern, value, expected) in [
            (ValueMatch::Present, Some(""), true),
            (ValueMatch::Present, None, false),
            (ValueMatch::Absent, None, true),
            (ValueMatch::Absent, Some("a"), false),
            (ValueMatch::Exact(text("gold")), Some("gold"), true),
            (ValueMatch::Exact(text("gold")), Some("Gold"), false),
            (ValueMatch::Exact(text("")), None, false),
            (ValueMatch::Prefix(text("curl/")), Some("curl/8"), true),
            (ValueMatch::Suffix(text(".com")), Some("a.com"), true),
            (ValueMatch::Contains(text("b")), Some("abc"), true),
            (ValueMatch::Contains(text("b")), Some("ac"), false),
            (ValueMatch::Regex(text("[0-9]+")), Some("12"), true),
            (ValueMatch::Regex(text("[0-9]+")), Some("12a"), false),
        ] {
            let found = ValuePattern::parse(&pattern).unwrap().matches(value.map(str::as_bytes));
            assert_eq!(expected, found, "{pattern:?} {value:?}");
        }
    }
}
