//! The rule, without proxy-wasm: `cargo test` runs it on any machine.

use serde::Deserialize;

/// The configuration: the supported versions, the default first.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Versions {
    supported: Vec<String>,
}

/// The decision about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The request is forwarded with this version.
    Serve(&'a str),
    /// The request names an unknown version.
    Refuse,
}

impl Versions {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A message for the author of the configuration.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let versions: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if versions.supported.is_empty() {
            return Err("supported: name at least one version".to_owned());
        }
        Ok(versions)
    }

    /// Decides about a request by its `x-api-version`.
    pub fn judge(&self, asked: Option<&[u8]>) -> Verdict<'_> {
        let mut supported = self.supported.iter().map(String::as_str);
        let found = match asked {
            None => supported.next(),
            Some(asked) => supported.find(|version| version.as_bytes() == asked),
        };
        found.map_or(Verdict::Refuse, Verdict::Serve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> Versions {
        Versions::from_json(br#"{"supported": ["2026-11", "2025-01"]}"#).unwrap()
    }

    #[test]
    fn a_request_that_names_no_version_gets_the_first() {
        assert_eq!(Verdict::Serve("2026-11"), versions().judge(None));
    }

    #[test]
    fn a_supported_version_is_served() {
        assert_eq!(Verdict::Serve("2025-01"), versions().judge(Some(b"2025-01")));
    }

    #[test]
    fn any_other_version_is_refused() {
        assert_eq!(Verdict::Refuse, versions().judge(Some(b"2019-07")));
    }

    #[test]
    fn a_value_that_is_not_text_is_refused() {
        assert_eq!(Verdict::Refuse, versions().judge(Some(b"\xff\xfe")));
    }

    #[test]
    fn a_configuration_needs_a_version() {
        let refusal = Versions::from_json(br#"{"supported": []}"#).unwrap_err();
        assert_eq!("supported: name at least one version", refusal);
    }

    #[test]
    fn a_wrong_key_is_named() {
        let refusal = Versions::from_json(br#"{"support": ["1"]}"#).unwrap_err();
        assert!(refusal.contains("`support`"), "{refusal}");
    }
}
